#!/usr/bin/env python3
"""Compares `mnn` and `harmony` with the R packages that people know them from: batchelor and harmony.

    scripts/parity_r.py PCS METADATA BATCH_COLUMN [--seeds N] [--program build/release/bcbench]

Needs R with both packages (batchelor from Bioconductor, harmony 2 from CRAN or its repository), and numpy. `mnn` has no
random draws: corrected cells are compared entry by entry with reducedMNN, which joins the batches as they are listed.
`harmony` draws its own seed cells: with N seeds each, the smallest correlation of a component over pairs of runs
(between the programs at the same seed and at all pairs of seeds, and within each), and the range of the final
objective. The last results stand in results/parity/.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
IN_R = """
suppressMessages({library(batchelor); library(harmony)})
a <- commandArgs(TRUE)
cells <- as.matrix(read.delim(a[1]))
metadata <- read.delim(a[2])
batch <- factor(metadata[[a[3]]], levels = unique(metadata[[a[3]]]))
keep <- function(x, name) writeBin(as.vector(x), file.path(a[5], name))  # features x cells
keep(t(as.matrix(reducedMNN(cells, batch = batch)$corrected)), "mnn")
for (seed in seq_len(as.integer(a[4])) - 1) {
  set.seed(seed)
  run <- RunHarmony(cells, metadata, a[3], verbose = FALSE, return_object = TRUE)
  keep(run$getZcorr(), paste0("harmony_", seed))
  cat("objective", tail(run$objective_harmony, 1), "\\n")
}
cat("versions", as.character(packageVersion("batchelor")), as.character(packageVersion("harmony")), R.version$major,
    R.version$minor, "\\n")
"""


def run_ours(options: argparse.Namespace, folder: Path) -> tuple[Any, list[Any], list[float]]:
    """Cells (n, F) of mnn, those of harmony by seed, and harmony's objectives."""
    params = {"cells": str(Path(options.cells).resolve()), "metadata": str(Path(options.metadata).resolve()),
              "batch_column": options.batch_column}
    config = {
        "schema_version": 1,
        "name": "parity",
        "precision": "float64",
        "datasets": [{"label": "data", "type": "table", "params": params}],
        "methods": [
            {"label": "MNN", "type": "mnn", "params": {"merge_order": "listed"}},
            {"label": "Harmony", "type": "harmony", "seeds": list(range(options.seeds)),
             "params": {"preset": "R-2.0.4"}}],
        "metrics": ["mean_shift"],
        "outputs": {"embeddings": True, "projections": False},
    }
    (folder / "config.json").write_text(json.dumps(config))
    subprocess.run([options.program, "run", str(folder / "config.json"), "--quiet", "--out", str(folder / "ours")],
                   check=True, stdout=subprocess.DEVNULL)
    points = [f"data.Harmony.seed={seed}" for seed in range(options.seeds)]
    records = [json.loads((folder / "ours/points" / f"{point}.json").read_text()) for point in points]
    objectives = [next(score["value"] for score in record["metrics"] if score["metric"] == "harmony_objective")
                  for record in records]
    embedding = {point: np.load(folder / "ours/embeddings" / f"{point}.npy") for point in ["data.MNN", *points]}
    return embedding["data.MNN"], [embedding[point] for point in points], objectives


def smallest_correlation(pairs: Any) -> float:
    return min(float(np.corrcoef(a[:, f], b[:, f])[0, 1]) for a, b in pairs for f in range(a.shape[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("cells")
    parser.add_argument("metadata")
    parser.add_argument("batch_column")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bcbench"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        mnn, harmony, objectives = run_ours(options, folder)
        (folder / "peers.R").write_text(IN_R)
        said = subprocess.run(["Rscript", str(folder / "peers.R"), options.cells, options.metadata,
                               options.batch_column, str(options.seeds), scratch],
                              check=True, text=True, stdout=subprocess.PIPE).stdout
        lines = [line.split() for line in said.splitlines()]
        in_r = [np.fromfile(folder / f"harmony_{seed}").reshape(mnn.shape) for seed in range(options.seeds)]
        mnn_in_r = np.fromfile(folder / "mnn").reshape(mnn.shape)
    versions = next(line for line in lines if line[:1] == ["versions"])
    theirs = [float(line[1]) for line in lines if line[:1] == ["objective"]]
    report = {
        "data": Path(options.cells).name,
        "cells": list(mnn.shape),
        "versions": {"batchelor": versions[1], "harmony": versions[2], "R": ".".join(versions[3:])},
        "mnn": {"largest_difference": float(np.abs(mnn - mnn_in_r).max()),
                "largest_entry": float(np.abs(mnn_in_r).max())},
        "harmony": {
            "seeds": options.seeds,
            "smallest_correlation": {
                "same_seed": smallest_correlation(zip(harmony, in_r)),
                "ours_theirs": smallest_correlation(product(harmony, in_r)),
                "ours_ours": smallest_correlation(combinations(harmony, 2)),
                "theirs_theirs": smallest_correlation(combinations(in_r, 2))},
            "objective": {"ours": [min(objectives), max(objectives)], "theirs": [min(theirs), max(theirs)]}},
    }
    out = ROOT / "results" / "parity" / f"r_{Path(options.cells).name.split('.')[0]}.json"
    out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
