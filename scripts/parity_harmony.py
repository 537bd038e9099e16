#!/usr/bin/env python3
"""Runs Harmony of this program and of the Python package harmonypy on the same cells and compares them.

    scripts/parity_harmony.py PCS METADATA BATCH_COLUMN [--seeds N] [--program build/release/bcbench]

PCS and METADATA are tables as the dataset `table` reads them. harmonypy is installed into an environment of its own,
build/parity/harmonypy. Both run with several seeds, which differ more than the programs do: compared are corrected
cells (smallest correlation of a component over pairs of runs: between the programs at the same seed and at all pairs
of seeds, within ours, within theirs), the final objective, LISI of the batches (by harmonypy, of both), and time. The
smallest over all pairs falls with their number: compare it between and within programs. The last results stand in
results/parity/.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from parity_environment import ROOT, continue_in

PACKAGES = ["harmonypy==2.1.0", "numpy", "pandas"]


def run_ours(options: argparse.Namespace, out: Path) -> tuple[list[Any], list[dict[str, float]]]:
    """Corrected cells (n, F) and values of each seed."""
    import numpy as np

    config = {
        "schema_version": 1,
        "name": "parity",
        "precision": "float32",
        "datasets": [
            {
                "label": "data",
                "type": "table",
                "params": {
                    "cells": str(Path(options.cells).resolve()),
                    "metadata": str(Path(options.metadata).resolve()),
                    "batch_column": options.batch_column,
                },
            }
        ],
        "methods": [
            {
                "label": "Harmony",
                "type": "harmony",
                "seeds": list(range(options.seeds)),
                "params": {"preset": "harmonypy-2.1"},
            }
        ],
        "metrics": ["mean_shift"],
        "outputs": {"embeddings": True, "projections": False},
    }
    file = out / "config.json"
    file.write_text(json.dumps(config))
    subprocess.run(
        [options.program, "run", str(file), "--fresh", "--quiet", "--threads", "1", "--out", str(out / "ours")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    cells, values = [], []
    times = (out / "ours" / "timings.csv").read_text().splitlines()
    for seed in range(options.seeds):
        point = f"data.Harmony.seed={seed}"
        cells.append(np.load(out / "ours" / "embeddings" / f"{point}.npy"))
        record = json.loads((out / "ours" / "points" / f"{point}.json").read_text())
        found = {score["metric"]: score["value"] for score in record["metrics"]}
        seconds = next(float(row.split(",")[3]) for row in times if row.startswith(f"{point},fit,"))
        values.append(
            {
                "objective": found["harmony_objective"],
                "iterations": found["harmony_iterations"],
                "seconds": seconds,
            }
        )
    return cells, values


def run_theirs(options: argparse.Namespace) -> tuple[list[Any], list[dict[str, float]], Any, Any]:
    import harmonypy
    import numpy as np
    import pandas as pd

    pcs = pd.read_csv(options.cells, sep=None, engine="python").to_numpy()
    metadata = pd.read_csv(options.metadata, sep=None, engine="python")
    cells, values = [], []
    for seed in range(options.seeds):
        start = time.perf_counter()
        fitted = harmonypy.run_harmony(pcs, metadata, options.batch_column, random_state=seed, verbose=False)
        seconds = time.perf_counter() - start
        corrected = np.asarray(fitted.Z_corr)
        cells.append(corrected if corrected.shape == pcs.shape else corrected.T)
        values.append(
            {
                "objective": float(fitted.objective_harmony[-1]),
                "iterations": len(fitted.objective_harmony) - 1,
                "seconds": seconds,
            }
        )
    return cells, values, pcs, metadata


def correlations_of(pairs: Iterable[tuple[Any, Any]]) -> dict[str, float]:
    """Smallest and mean correlation of a component, over pairs of runs."""
    import numpy as np

    found = [np.corrcoef(a[:, f], b[:, f])[0, 1] for a, b in pairs for f in range(a.shape[1])]
    return {"smallest": float(np.min(found)), "mean": float(np.mean(found))}


def correlations(first: list[Any], second: list[Any], same: bool) -> dict[str, float]:
    """Of all pairs of runs, each once where both lists are the same."""
    return correlations_of((a, b) for i, a in enumerate(first) for j, b in enumerate(second) if not same or i < j)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("cells")
    parser.add_argument("metadata")
    parser.add_argument("batch_column")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bcbench"))
    options = parser.parse_args()
    continue_in("harmonypy", PACKAGES)

    import importlib.metadata

    import harmonypy
    import numpy as np

    with tempfile.TemporaryDirectory() as scratch:
        ours, our_values = run_ours(options, Path(scratch))
    theirs, their_values, pcs, metadata = run_theirs(options)

    def lisi(cells: Any) -> float:
        return float(np.mean(harmonypy.compute_lisi(cells, metadata, [options.batch_column])))

    def spread(values: list[float]) -> dict[str, float]:
        return {"smallest": min(values), "mean": float(np.mean(values)), "largest": max(values)}

    report = {
        "data": Path(options.cells).name,
        "cells": list(pcs.shape),
        "versions": {"harmonypy": importlib.metadata.version("harmonypy"), "numpy": np.__version__},
        "seeds": options.seeds,
        "correlation": {
            "same_seed": correlations_of(zip(ours, theirs)),
            "ours_theirs": correlations(ours, theirs, False),
            "theirs_theirs": correlations(theirs, theirs, True),
            "ours_ours": correlations(ours, ours, True),
        },
        "lisi": {
            "before": lisi(pcs),
            "ours": spread([lisi(cells) for cells in ours]),
            "theirs": spread([lisi(cells) for cells in theirs]),
        },
    }
    for key in ("objective", "iterations", "seconds"):
        report[key] = {
            "ours": spread([value[key] for value in our_values]),
            "theirs": spread([value[key] for value in their_values]),
        }
    out = ROOT / "results" / "parity" / f"harmony_{Path(options.cells).name.split('.')[0]}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    print(f"parity: {out}", file=sys.stderr)


if __name__ == "__main__":
    main()
