#!/usr/bin/env python3
"""Compares the steps of `preprocess` with scanpy itself, on the same counts, and times both.

    scripts/parity_preprocess.py [--program build/release/bcbench] [--cells 20000] [--genes 2000]

Makes an environment with scanpy in build/parity/scanpy, once. Writes results/parity/preprocess.json; exit code 1 if
anything differs by more than 1e-5. `--golden FILE` writes scanpy's values for the unit tests instead.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from parity_environment import ROOT, continue_in

SCANPY = "1.11.5"
PACKAGES = [f"scanpy=={SCANPY}", "anndata<0.13"]
NORMALISE = [{"normalize_total": {"target_sum": 10000}}, "log1p"]
GENES = {"n_top_genes": 500}
LISTS = {
    "log1p of the median sum": ["normalize_total", "log1p"],
    "seurat": NORMALISE + [{"highly_variable": GENES}],
    "cell_ranger": NORMALISE + [{"highly_variable": {**GENES, "flavor": "cell_ranger"}}],
    "seurat, bounds": NORMALISE + ["highly_variable"],
    "seurat per batch": NORMALISE + [{"highly_variable": {**GENES, "per_batch": True}}],
    "cell_ranger per batch": NORMALISE + [{"highly_variable": {**GENES, "flavor": "cell_ranger", "per_batch": True}}],
    "scale": NORMALISE + [{"highly_variable": GENES}, {"scale": {"max_value": 10}}],
    "pca of sparse": NORMALISE + [{"pca": {"n_components": 50}}],
    "pca of scaled": NORMALISE + [{"scale": {"max_value": 10}}, {"pca": {"n_components": 50}}],
}


def counts(n_cells, n_genes, seed):
    """Counts of three batches and five types, about 8 % filled, some genes without any in a batch."""
    import anndata as ad
    import numpy as np
    import pandas as pd
    from scipy import sparse

    rng = np.random.default_rng(seed)
    level = 0.03 + rng.gamma(0.3, 0.4, n_genes)
    types = rng.integers(0, 5, n_cells)
    batches = np.arange(n_cells) % 3
    of_type = rng.lognormal(0, 0.8, (5, n_genes))
    of_batch = rng.lognormal(0, 0.3, (3, n_genes))
    of_batch[0, ::17] = 0
    depth = rng.lognormal(0, 0.4, n_cells)
    rows = []
    for start in range(0, n_cells, 1000):
        part = slice(start, min(start + 1000, n_cells))
        mean = level * of_type[types[part]] * of_batch[batches[part]] * depth[part, None]
        rows.append(sparse.csr_matrix(rng.poisson(rng.gamma(2, mean / 2)).astype(np.float32)))
    obs = pd.DataFrame({"batch": [f"b{b}" for b in batches], "type": [f"t{t}" for t in types]})
    obs.index = [f"c{i}" for i in range(n_cells)]
    var = pd.DataFrame(index=[f"g{i}" for i in range(n_genes)])
    return ad.AnnData(sparse.vstack(rows).tocsr(), obs, var)


def by_scanpy(adata, steps):
    """The cells after the steps, and the seconds they took."""
    import scanpy as sc

    adata = adata.copy()
    start = time.process_time()
    for step in steps:
        name, params = (step, {}) if isinstance(step, str) else next(iter(step.items()))
        if name == "normalize_total":
            sc.pp.normalize_total(adata, target_sum=params.get("target_sum"))
        elif name == "log1p":
            sc.pp.log1p(adata)
        elif name == "highly_variable":
            sc.pp.highly_variable_genes(
                adata,
                n_top_genes=params.get("n_top_genes"),
                flavor=params.get("flavor", "seurat"),
                batch_key="batch" if params.get("per_batch") else None,
            )
            adata = adata[:, adata.var.highly_variable].copy()
        elif name == "scale":
            sc.pp.scale(adata, max_value=params.get("max_value"))
        elif name == "pca":
            sc.pp.pca(adata, n_comps=params["n_components"])
    seconds = time.process_time() - start
    cells = adata.obsm["X_pca"] if "X_pca" in adata.obsm else adata.X
    return (cells.toarray() if hasattr(cells, "toarray") else cells), seconds


def by_program(program, folder, steps):
    """The same by bcbench: cells, seconds of the stage `preprocess`, processor seconds of the whole program (it also
    reads the file, scores and writes), and what the point file says of the steps."""
    import numpy as np
    import pandas as pd

    params = {"file": "counts.h5ad", "cells": "X", "batch_column": "batch", "preprocess": steps}
    config = {
        "schema_version": 1,
        "name": "parity",
        "datasets": [{"label": "counts", "type": "h5ad", "params": params}],
        "methods": [{"label": "Uncorrected", "type": "uncorrected"}],
        "metrics": ["mean_shift"],
        "outputs": {"embeddings": True, "projections": False},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    out = folder / "out"
    command = [program, "run", folder / "config.json", "--out", out, "--fresh", "--quiet", "--threads", "1"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    times = pd.read_csv(out / "timings.csv").set_index("stage").seconds
    point = json.loads((out / "points" / "counts.Uncorrected.json").read_text(encoding="utf-8"))
    cells = np.load(out / "embeddings" / "counts.Uncorrected.npy")
    return cells, times["preprocess"], processor, point["dataset"]["preprocess"]


def difference(ours, theirs, of_components):
    """Largest difference, relative to the largest value; of components the worst 1 - |correlation|, as pairs whose
    variances are close may turn into each other."""
    import numpy as np

    if ours.shape != theirs.shape:
        return float("inf")
    if not of_components:
        return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    variance = theirs.var(axis=0)
    apart = [
        c for c in range(len(variance))
        if min(abs(variance[c] / variance[d] - 1) for d in (c - 1, c + 1) if 0 <= d < len(variance)) > 1e-3
    ]
    return float(max(1 - np.corrcoef(ours[:, c], theirs[:, c])[0, 1] for c in apart))


def write_golden(file):
    """scanpy's normalised dispersions and choices on few counts, in double."""
    import numpy as np
    import scanpy as sc

    adata = counts(120, 90, 8)
    adata.X = adata.X.astype(np.float64)
    rows = adata.X.toarray().astype(int).T.tolist()
    golden = {"scanpy": SCANPY, "counts": rows, "batch": (np.arange(120) % 3).tolist()}
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    golden["log1p_of_cell_0"] = adata.X[0].toarray()[0].tolist()
    for flavor in ["seurat", "cell_ranger"]:
        for batch_key in [None, "batch"]:
            found = sc.pp.highly_variable_genes(
                adata, n_top_genes=20, flavor=flavor, batch_key=batch_key, inplace=False
            )
            found = found.loc[adata.var_names]
            golden[flavor + (" per batch" if batch_key else "")] = {
                "dispersions_norm": [None if np.isnan(z) else float(z) for z in found.dispersions_norm],
                "selected": found.highly_variable.tolist(),
            }
    sc.pp.pca(adata, n_comps=5)
    golden["pca_variance"] = adata.uns["pca"]["variance"].tolist()
    golden["pca_of_cell_0"] = adata.obsm["X_pca"][0].tolist()
    sc.pp.scale(adata, max_value=2)
    golden["scaled_cell_0"] = adata.X[0].tolist()
    Path(file).write_text(json.dumps(golden, separators=(",", ":")) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build/release/bcbench")
    parser.add_argument("--cells", type=int, default=20000)
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--golden")
    arguments = parser.parse_args()
    continue_in("scanpy", PACKAGES)
    import warnings

    warnings.filterwarnings("ignore")
    if arguments.golden:
        write_golden(arguments.golden)
        return 0
    folder = ROOT / "build" / "parity" / "preprocess"
    folder.mkdir(parents=True, exist_ok=True)
    adata = counts(arguments.cells, arguments.genes, 1)
    adata.write_h5ad(folder / "counts.h5ad")
    adata.X = adata.X.astype("float64")
    for steps in LISTS.values():  # what scanpy compiles at first use is not timed
        if arguments.cells > 1000:
            by_scanpy(adata[:500].copy(), steps[:3] if "pca" not in str(steps[-1]) else steps[:2])
    filled = adata.X.nnz / (adata.n_obs * adata.n_vars)
    result = {"scanpy": SCANPY, "n_cells": adata.n_obs, "n_genes": adata.n_vars, "filled": filled, "lists": []}
    for name, steps in LISTS.items():
        theirs, their_seconds = by_scanpy(adata, steps)
        ours, our_seconds, processor, facts = by_program(arguments.program, folder, steps)
        row = {
            "list": name,
            "shape": list(ours.shape),
            "difference": difference(ours, theirs, "pca" in str(steps[-1])),
            "seconds": our_seconds,
            "processor_seconds_of_program": processor,
            "processor_seconds_scanpy": their_seconds,
        }
        if "residual" in facts[-1]:
            row["residual"] = facts[-1]["residual"]
        result["lists"].append(row)
        print(
            f"{name:24s} difference {row['difference']:.1e}, {our_seconds:6.2f} s, "
            f"processor: program {processor:6.2f} s, scanpy {their_seconds:6.2f} s"
        )
    file = ROOT / "results" / "parity" / "preprocess.json"
    file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["difference"] <= 1e-5 for row in result["lists"]) else 1


sys.exit(main())
