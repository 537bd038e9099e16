#!/usr/bin/env python3
"""Compares the steps of `preprocess` with scanpy itself, on the same counts, and times both.

    scripts/parity_preprocess.py [--program build/release/bcbench] [--cells 20000] [--genes 2000] [--repeats 5]

Makes an environment with scanpy in build/parity/scanpy, once. Writes results/parity/preprocess.json; exit code 1 if
anything differs by more than 1e-5. Both sides take turns, and of each the least of the repeats counts: seconds of the
steps alone (scanpy's on float32 as the file has it, warm, by the wall and by the processor; ours by the wall, with the
zeros filled in at the end, which scanpy does not do), and processor seconds of one process that starts, reads the file
and takes the steps (ours also scores and writes).
`--golden FILE` writes scanpy's values for the unit tests instead.
"""

import argparse
import json
import os
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


def by_scanpy(adata, steps, solver=None):
    """The cells after the steps, and the wall and processor seconds they took."""
    import scanpy as sc

    adata = adata.copy()
    start = time.perf_counter(), time.process_time()
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
            sc.pp.pca(adata, n_comps=params["n_components"], svd_solver=solver)
    seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    cells = adata.obsm["X_pca"] if "X_pca" in adata.obsm else adata.X
    return (cells.toarray() if hasattr(cells, "toarray") else cells), seconds


def processor_seconds(command, environment=None):
    """Of a process and its children, from start to end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Program:
    """bcbench, with the environment that this script was given; `threads` it may use."""

    def __init__(self, program, folder, threads, environment):
        self.program, self.folder, self.threads, self.environment = program, folder, threads, environment

    def run(self, steps, embeddings):
        """Wall seconds of the stage `preprocess`, and processor seconds of the whole."""
        import pandas as pd

        params = {"file": "counts.h5ad", "cells": "X", "batch_column": "batch", "preprocess": steps}
        config = {
            "schema_version": 1,
            "name": "parity",
            "datasets": [{"label": "counts", "type": "h5ad", "params": params}],
            "methods": [{"label": "Uncorrected", "type": "uncorrected"}],
            "metrics": ["mean_shift"],
            "outputs": {"embeddings": embeddings, "projections": False},
        }
        (self.folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        command = [self.program, "run", self.folder / "config.json", "--out", self.folder / "out", "--fresh", "--quiet"]
        processor = processor_seconds([*command, "--threads", str(self.threads)], self.environment)
        return pd.read_csv(self.folder / "out" / "timings.csv").set_index("stage").seconds["preprocess"], processor

    def values(self, steps):
        """The cells after the steps, and what the point file says of them."""
        import numpy as np

        self.run(steps, True)
        point = json.loads((self.folder / "out" / "points" / "counts.Uncorrected.json").read_text(encoding="utf-8"))
        return np.load(self.folder / "out" / "embeddings" / "counts.Uncorrected.npy"), point["dataset"]["preprocess"]


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


def blas_of_scanpy():
    """The kernel that the BLAS of its numpy chose."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    return "; ".join(f"OpenBLAS {pool['version']}, kernel {pool['architecture']}" for pool in threadpool_info()
                     if pool["internal_api"] == "openblas" and "numpy" in pool["filepath"])


def versions():
    import numpy
    import scanpy
    import scipy
    import sklearn

    return {"scanpy": scanpy.__version__, "numpy": numpy.__version__, "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__}


def compared(name, steps, adata, program, folder, repeats):
    """One list of steps by both: how far apart, and how long each takes."""
    of_components = "pca" in str(steps[-1])
    theirs, _ = by_scanpy(adata["float64"], steps)
    ours, facts = program.values(steps)
    row = {"list": name, "shape": list(ours.shape), "difference": difference(ours, theirs, of_components)}
    if "residual" in facts[-1]:
        row["residual"] = facts[-1]["residual"]
    solvers = [None, "covariance_eigh"] if of_components else [None]  # the default, and the one closest to ours
    seconds = {key: [] for key in ["ours", "ours, process", "scanpy, process", *solvers]}
    alone = [sys.executable, __file__, "--alone", name, "--folder", folder]
    for _ in range(repeats):
        stage, processor = program.run(steps, False)
        seconds["ours"].append(stage)
        seconds["ours, process"].append(processor)
        for solver in solvers:
            seconds[solver].append(by_scanpy(adata["float32"], steps, solver)[1])
        seconds["scanpy, process"].append(processor_seconds(alone))
    row["wall_seconds_of_steps"] = min(seconds["ours"])
    for solver in solvers:
        of = "scanpy" + (f"_{solver}" if solver else "")
        row[f"wall_seconds_of_steps_{of}"] = min(wall for wall, _ in seconds[solver])
        row[f"processor_seconds_of_steps_{of}"] = min(processor for _, processor in seconds[solver])
    row["processor_seconds_of_process"] = min(seconds["ours, process"])
    row["processor_seconds_of_process_scanpy"] = min(seconds["scanpy, process"])
    print(name, json.dumps({key: round(value, 3) for key, value in row.items() if "seconds" in key}),
          f"difference {row['difference']:.1e}", flush=True)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build/release/bcbench")
    parser.add_argument("--cells", type=int, default=20000)
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="lists whose name contains this")
    parser.add_argument("--golden")
    parser.add_argument("--alone", help=argparse.SUPPRESS)  # one list by scanpy, as a process of its own
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "parity" / "preprocess", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    continue_in("scanpy", PACKAGES)
    import warnings

    warnings.filterwarnings("ignore")
    # what may be set for Debian's older OpenBLAS is not forced on the one in numpy
    environment = dict(os.environ)
    for name in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]:
        os.environ.pop(name, None)
    for name in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"]:
        os.environ.setdefault(name, str(arguments.threads))
    if arguments.golden:
        write_golden(arguments.golden)
        return 0
    folder = arguments.folder
    if arguments.alone:
        import anndata as ad

        by_scanpy(ad.read_h5ad(folder / "counts.h5ad"), LISTS[arguments.alone])
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    counted = counts(arguments.cells, arguments.genes, 1)
    counted.write_h5ad(folder / "counts.h5ad")
    adata = {"float32": counted, "float64": counted.copy()}
    adata["float64"].X = counted.X.astype("float64")
    for cells in adata.values():  # what scanpy compiles at first use is not timed
        for steps in LISTS.values():
            if arguments.cells > 1000:
                by_scanpy(cells[:1000].copy(), steps[:3] if "pca" not in str(steps[-1]) else steps[:2])
    result = {
        **versions(),
        "blas_of_scanpy": blas_of_scanpy(),
        "threads": arguments.threads,
        "repeats": arguments.repeats,
        "n_cells": counted.n_obs,
        "n_genes": counted.n_vars,
        "filled": counted.X.nnz / (counted.n_obs * counted.n_vars),
    }
    print(json.dumps(result))
    program = Program(arguments.program, folder, arguments.threads, environment)
    result["lists"] = [
        compared(name, steps, adata, program, folder, arguments.repeats)
        for name, steps in LISTS.items() if arguments.only is None or arguments.only in name
    ]
    if arguments.only is None:
        file = ROOT / "results" / "parity" / "preprocess.json"
        file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["difference"] <= 1e-5 for row in result["lists"]) else 1


sys.exit(main())
