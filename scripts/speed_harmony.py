#!/usr/bin/env python3
"""Times Harmony of this program beside the packages harmonypy and brisc, in turns, on the same made-up cells.

    scripts/speed_harmony.py [--cells 100000] [--repeats 3] [--program build/release/bcbench]

float32, 50 components of falling scale, 20 types, 5 unequal batches, 100 clusters, 4 iterations. The packages are
installed into an environment of their own, build/parity/speed. The answers are compared first: each component's
correlation of ours with each of theirs: right programs differ only by their random starts. Ours is the
stage `fit` of a run, theirs the call of the function; seconds of wall clock, and of all cores. The last results are in
results/parity/harmony_speed.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from parity_environment import ROOT, continue_in

PACKAGES = ["harmonypy==2.1.0", "brisc==0.2.3", "anndata", "numpy", "pandas"]
BATCHES = {"a": 0.4, "b": 0.25, "c": 0.2, "d": 0.1, "e": 0.05}
COMPONENTS, TYPES, CLUSTERS, ITERATIONS = 50, 20, 100, 4


def made_up_cells(n: int) -> tuple[Any, Any]:
    """Cells (n, components) float32 and their batches."""
    import numpy as np

    random = np.random.default_rng(0)
    batch = random.choice(len(BATCHES), n, p=list(BATCHES.values()))
    kind = random.integers(TYPES, size=n)
    cells = random.standard_normal((n, COMPONENTS), dtype=np.float32)
    cells += 2.5 * random.standard_normal((TYPES, COMPONENTS), dtype=np.float32)[kind]
    cells += 0.8 * random.standard_normal((len(BATCHES), COMPONENTS), dtype=np.float32)[batch]
    cells *= (6 / (1 + 0.3 * np.arange(COMPONENTS))).astype(np.float32)
    return cells, np.array(list(BATCHES))[batch]


def timed(call: Any) -> tuple[Any, dict[str, float]]:
    wall, processor = time.perf_counter(), time.process_time()
    result = call()
    return result, {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}


class Ours:
    """The program, which reads the cells from a file; its stage `fit` is the method alone."""

    def __init__(self, program: str, folder: Path, cells: Any, batch: Any) -> None:
        import anndata
        import pandas as pd

        self.program, self.folder = program, folder
        names = [f"cell{i}" for i in range(len(batch))]
        obs = pd.DataFrame({"batch": pd.Categorical(batch)}, index=names)
        anndata.AnnData(obs=obs, obsm={"X_pca": cells}).write_h5ad(folder / "cells.h5ad")
        (folder / "config.json").write_text(json.dumps({
            "schema_version": 1,
            "name": "speed",
            "precision": "float32",
            "datasets": [{"label": "data", "type": "h5ad",
                          "params": {"file": "cells.h5ad", "cells": "obsm/X_pca", "batch_column": "batch"}}],
            "methods": [{"label": "Harmony", "type": "harmony",
                         "params": {"n_clusters": CLUSTERS, "max_iter": ITERATIONS, "epsilon_harmony": None}}],
            "metrics": ["mean_shift"],
            "outputs": {"embeddings": True, "projections": False},
        }))

    def __call__(self, threads: int) -> tuple[Any, dict[str, float]]:
        import numpy as np

        out = self.folder / "ours"
        subprocess.run([self.program, "run", str(self.folder / "config.json"), "--fresh", "--quiet",
                        "--threads", str(threads), "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
        rows = (out / "timings.csv").read_text().splitlines()
        fit = next(float(row.split(",")[3]) for row in rows if row.startswith("data.Harmony,fit,"))
        return np.load(out / "embeddings" / "data.Harmony.npy"), {"wall": fit}


def harmonypy_call(cells: Any, batch: Any, threads: int) -> tuple[Any, dict[str, float]]:
    import harmonypy
    import numpy as np
    import pandas as pd

    metadata = pd.DataFrame({"batch": batch})
    fitted, seconds = timed(lambda: harmonypy.run_harmony(
        cells, metadata, "batch", nclust=CLUSTERS, max_iter_harmony=ITERATIONS, epsilon_harmony=-np.inf,
        verbose=False, ncores=threads))
    corrected = np.asarray(fitted.Z_corr)
    return (corrected if corrected.shape == cells.shape else corrected.T), seconds


def brisc_call(cells: Any, batch: Any, threads: int) -> tuple[Any, dict[str, float]]:
    import numpy as np
    import polars as pl
    from brisc import SingleCell
    from scipy import sparse

    n = len(batch)
    obs = pl.DataFrame({"cell": [f"cell{i}" for i in range(n)], "batch": batch}).with_columns(
        pl.col("batch").cast(pl.Categorical))
    data = SingleCell(X=sparse.csr_array((n, 1), dtype=np.float32), obs=obs, var=pl.DataFrame({"gene": ["none"]}),
                      obsm={"pca": np.ascontiguousarray(cells)}, num_threads=threads)
    result, seconds = timed(lambda: data.harmonize(
        QC_column=None, batch_column="batch", PC_key="pca", num_clusters=CLUSTERS, max_iterations=ITERATIONS,
        early_stopping=False, num_threads=threads))
    return np.asarray(result.obsm["harmony"]), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cells", type=int, default=100000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bcbench"))
    options = parser.parse_args()
    continue_in("speed", PACKAGES)

    import importlib.metadata

    import numpy as np

    cells, batch = made_up_cells(options.cells)
    report: dict[str, Any] = {
        "cells": list(cells.shape), "batches": BATCHES, "types": TYPES, "clusters": CLUSTERS, "iterations": ITERATIONS,
        "versions": {name: importlib.metadata.version(name) for name in ("harmonypy", "brisc", "numpy")}, "seconds": []}
    with tempfile.TemporaryDirectory() as scratch:
        ours = Ours(options.program, Path(scratch), cells, batch)
        programs = {
            "bcbench": ours,
            "harmonypy": lambda threads: harmonypy_call(cells, batch, threads),
            "brisc": lambda threads: brisc_call(cells, batch, threads),
        }
        answers = {name: call(1)[0] for name, call in programs.items()}
        report["correlation_with_ours"] = {
            name: min(float(np.corrcoef(answers["bcbench"][:, f], answer[:, f])[0, 1]) for f in range(COMPONENTS))
            for name, answer in answers.items() if name != "bcbench"}
        for threads in options.threads:
            rows: dict[str, list[dict[str, float]]] = {name: [] for name in programs}
            for _ in range(options.repeats):
                for name, call in programs.items():
                    rows[name].append(call(threads)[1])
            report["seconds"].append({"threads": threads, **{
                name: {kind: sorted(round(row[kind], 3) for row in found) for kind in found[0]}
                for name, found in rows.items()}})
    out = ROOT / "results" / "parity" / "harmony_speed.json"
    out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
