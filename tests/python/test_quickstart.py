"""The tour runs, from each kind of file, and draws its figure."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

QUICKSTART = Path(__file__).resolve().parents[2] / "experiments" / "python" / "quickstart.py"


def tour(folder, *arguments):
    """Totals as printed: uncorrected, Harmony, MNN."""
    command = [sys.executable, QUICKSTART, *arguments]
    said = subprocess.run(command, cwd=folder, check=True, text=True, stdout=subprocess.PIPE).stdout
    return [float(word) for word in next(line for line in said.splitlines() if line.startswith("total ")).split()[1:]]


def test_made_up_cells(tmp_path):
    uncorrected, harmony, _ = tour(tmp_path)
    assert harmony > uncorrected


def test_files_and_figure(tmp_path):
    random = np.random.default_rng(0)
    batch, kind = np.array(["a", "b"])[np.arange(90) % 2], np.array(["T", "B", "NK"])[np.arange(90) // 30]
    pcs = random.standard_normal((90, 5)) + 3 * (kind == "T")[:, None] + (batch == "a")[:, None]
    np.savez(tmp_path / "cells.npz", pcs=pcs, batch=batch, cell_type=kind)
    from_npz = tour(tmp_path, "cells.npz")
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    obs = pandas.DataFrame({"donor": batch, "kind": pandas.Categorical(kind)}, index=map(str, range(90)))
    anndata.AnnData(obs=obs, obsm={"X_pca": pcs}).write_h5ad(tmp_path / "cells.h5ad")
    (tmp_path / "quickstart.png").unlink(missing_ok=True)
    assert tour(tmp_path, "cells.h5ad", "donor", "kind") == from_npz
    matplotlib = pytest.importorskip("matplotlib.image", reason="matplotlib is not installed")
    image = matplotlib.imread(tmp_path / "quickstart.png")
    assert image.shape[:2] == (480, 1800)
    assert len(np.unique(image.reshape(-1, 4), axis=0)) > 50
