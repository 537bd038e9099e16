#!/usr/bin/env python3
"""Compares the metrics of `bcbench score` with those of the package scib-metrics, on the same cells, and times both.

    scripts/parity_metrics.py EMBEDDING.npy OBS.csv --batch donor --type cell_type [--before PCS.npy]
    scripts/parity_metrics.py --made-up 3500 10000 50000

EMBEDDING, OBS and --before are files as `bcbench score` takes them: .npy, CSV or TSV. --made-up: cells of 50 features,
20 types and 5 unequal batches. scib-metrics is installed into an environment of its own, build/parity/scib-metrics. Of
each data set: our command from start to end; its Benchmarker in a fresh process, first call (what JAX and numba compile
included, imports not) and second call; and its values once more on exact neighbours, which tell its approximate
neighbours from its definitions. There two slips of its kbet_per_label are mended in memory, of which the README tells:
the value as it is stands beside. Beyond 50,000 cells ours alone. Seconds of wall clock and of all processors. Results
are in results/parity/metrics.json by the name of the data; exit code 1 if a value on exact neighbours differs by more
than 1e-5.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

from parity_environment import ROOT, continue_in

PACKAGES = ["anndata==0.12.19", "chex", "igraph", "jax", "matplotlib", "numba", "numpy", "pandas", "plottable",
            "pynndescent", "rich", "scanpy==1.11.5", "scikit-learn", "scipy", "tqdm", "umap-learn"]
SCIB = "scib-metrics==0.6.0"  # asks for Python 3.12 and works with 3.11
NAMES = {
    "isolated_labels": "isolated_labels",
    "nmi_ari_cluster_labels_kmeans_nmi": "nmi_kmeans",
    "nmi_ari_cluster_labels_kmeans_ari": "ari_kmeans",
    "silhouette_label": "silhouette_label",
    "clisi_knn": "clisi",
    "bras": "bras",
    "ilisi_knn": "ilisi",
    "kbet_per_label": "kbet_per_label",
    "graph_connectivity": "graph_connectivity",
    "pcr_comparison": "pcr_comparison",
    "Batch correction": "batch_correction",
    "Bio conservation": "bio_conservation",
    "Total": "total",
}
PROMISED = 1e-5  # float32 there
MOST_FOR_EXACT = 20000  # cells: the neighbours are searched by brute force
MOST_BESIDE = 50000  # cells: beyond, ours alone


def made_up(n: int, folder: Path) -> dict[str, Any]:
    """Cells, the same cells with the batches apart, and labels, as files."""
    import numpy as np

    random = np.random.default_rng(0)
    batch = random.choice(5, n, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    kind = random.integers(20, size=n)
    cells = random.standard_normal((n, 50), dtype=np.float32)
    cells += 2.5 * random.standard_normal((20, 50), dtype=np.float32)[kind]
    cells *= (6 / (1 + 0.3 * np.arange(50))).astype(np.float32)
    apart = random.standard_normal((5, 50), dtype=np.float32)[batch]
    np.save(folder / "cells.npy", cells + 0.3 * apart)
    np.save(folder / "before.npy", cells + 1.5 * apart)
    with (folder / "obs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("batch", "type"), *((f"b{b}", f"t{k:02}") for b, k in zip(batch, kind))])
    return {"embedding": folder / "cells.npy", "metadata": folder / "obs.csv", "before": folder / "before.npy",
            "batch": "batch", "type": "type"}


def table(path: Path) -> list[list[str]]:
    """The rows of a CSV or TSV, plain or .gz."""
    opened = gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="")
    with opened as file:
        return list(csv.reader(file, delimiter="\t" if ".tsv" in path.name else ","))


def cells_of(path: Path) -> Any:
    """Numbers (cells, features) float32; a first column of names is left out."""
    import numpy as np

    if path.suffix == ".npy":
        return np.load(path).astype(np.float32)
    rows = table(path)[1:]

    def is_number(text: str) -> bool:
        try:
            float(text)
        except ValueError:
            return False
        return True

    first = 0 if is_number(rows[0][0]) else 1
    return np.array([row[first:] for row in rows], dtype=np.float32)


def processor_seconds() -> float:
    return sum(usage.ru_utime + usage.ru_stime
               for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def timed(call: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, processor = time.perf_counter(), processor_seconds()
    result = call()
    seconds = {"wall": time.perf_counter() - wall, "processor": processor_seconds() - processor}
    return result, {kind: round(value, 3) for kind, value in seconds.items()}


def ours(program: str, data: dict[str, Any], threads: int) -> tuple[dict[str, float | None], dict[str, float]]:
    """The values of the program, and the time of the whole command."""
    command = [program, "score", data["embedding"], data["metadata"], "--batch", data["batch"], "--type", data["type"],
               "--format", "json", "--precision", "float32", "--threads", threads, "--quiet"]
    if data["before"]:
        command += ["--before", data["before"]]
    done, seconds = timed(lambda: subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True))
    rows = {row["metric"]: row["value"] for row in json.loads(done.stdout)["metrics"]}
    return {name: rows[name] for name in NAMES.values()}, seconds


def exact_neighbors(cells: Any, k: int) -> Any:
    """Each cell itself and its k - 1 nearest others, by distance and index."""
    import numpy as np
    from scib_metrics.nearest_neighbors import NeighborsResults

    wide = np.asarray(cells, dtype=np.float64)
    squares = (wide**2).sum(axis=1)
    k = min(k, len(wide))
    indices, distances = np.empty((len(wide), k), dtype=np.int64), np.empty((len(wide), k))
    for start in range(0, len(wide), 500):
        part = wide[start:start + 500]
        near = np.argpartition(squares - 2 * part @ wide.T, min(k + 10, len(wide) - 1), axis=1)[:, :k + 11]
        for row, candidates in enumerate(near):
            candidates = np.union1d(candidates, [start + row])
            away = np.sqrt(((wide[candidates] - part[row]) ** 2).sum(axis=1))
            order = np.lexsort((candidates, away, candidates != start + row))[:k]
            indices[start + row], distances[start + row] = candidates[order], away[order]
    return NeighborsResults(indices=indices, distances=distances.astype(np.float32))


class MendedKbet:
    """Their kbet_per_label with its diffusion graph in double, where the eigenvalue 1 rounds to 1, as many eigenvectors
    for a label as it has cells for, whatever labels came before, and exact neighbours among these."""

    def __enter__(self) -> None:
        import numpy as np
        from scib_metrics import nearest_neighbors
        from scib_metrics.metrics import _kbet

        original = self.original = _kbet.diffusion_nn
        self.approximate = nearest_neighbors.pynndescent
        _kbet.diffusion_nn = lambda graph, k, n_comps: original(graph.astype(np.float64), k=k)
        nearest_neighbors.pynndescent = lambda cells, n_neighbors: exact_neighbors(cells, n_neighbors)

    def __exit__(self, *_: object) -> None:
        from scib_metrics import nearest_neighbors
        from scib_metrics.metrics import _kbet

        _kbet.diffusion_nn, nearest_neighbors.pynndescent = self.original, self.approximate


def peer(data: dict[str, Any], threads: int, exact: bool) -> dict[str, Any]:
    """What scib-metrics gives, in this process, which has done nothing else."""
    imports = timed(lambda: __import__("scib_metrics.benchmark"))[1]
    import anndata
    import pandas as pd
    from scib_metrics.benchmark import Benchmarker

    cells = cells_of(Path(data["embedding"]))
    before = cells_of(Path(data["before"])) if data["before"] else cells
    head, *rows = table(Path(data["metadata"]))
    columns = {name: [row[head.index(data[name])] for row in rows] for name in ("batch", "type")}
    obs = pd.DataFrame(columns, index=[f"c{i}" for i in range(len(rows))]).astype("category")

    def values(neighbors: Any = None) -> dict[str, float | None]:
        adata = anndata.AnnData(X=cells, obs=obs.copy(), obsm={"embedding": cells, "before": before})
        bench = Benchmarker(adata, "batch", "type", ["embedding"], pre_integrated_embedding_obsm_key="before",
                            n_jobs=threads, progress_bar=False)
        bench.prepare(neighbors)
        bench.benchmark()
        found = bench.get_results(min_max_scale=False, clean_names=False).loc["embedding"]
        return {ours: None if pd.isna(found[theirs]) else float(found[theirs]) for theirs, ours in NAMES.items()}

    result: dict[str, Any] = {"seconds": {"import": imports}}
    result["values"], result["seconds"]["first call"] = timed(values)
    _, result["seconds"]["second call"] = timed(values)
    if exact:
        with MendedKbet():
            result["values on exact neighbours"] = values(exact_neighbors)
        from scib_metrics import kbet_per_label

        neighbors = exact_neighbors(cells, 90).subset_neighbors(50)
        result["kbet_per_label as it is"] = float(kbet_per_label(neighbors, obs["batch"].values, obs["type"].values))
    if not data["before"]:
        for found in (result["values"], result.get("values on exact neighbours", {})):
            for name in ("pcr_comparison", "batch_correction", "total"):
                found[name] = None  # without the cells before we say that it does not apply
    return result


def in_fresh_process(data: dict[str, Any], threads: int, exact: bool) -> dict[str, Any]:
    """peer() in a process of its own on as many processors as there are threads."""
    asked = json.dumps({"data": {name: str(value) for name, value in data.items()}, "threads": threads, "exact": exact})
    processors = sorted(os.sched_getaffinity(0))[:threads]
    done = subprocess.run([sys.executable, "-W", "ignore", __file__, "--peer", asked], check=True, text=True,
                          stdout=subprocess.PIPE, env={**os.environ, "NUMBA_NUM_THREADS": str(threads)},
                          preexec_fn=lambda: os.sched_setaffinity(0, processors))
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def compared(program: str, data: dict[str, Any], threads: int, repeats: int) -> dict[str, Any]:
    n_cells = len(cells_of(Path(data["embedding"])))
    beside = n_cells <= MOST_BESIDE
    nothing: dict[str, Any] = {"values": {}, "seconds": {}}
    theirs = in_fresh_process(data, threads, n_cells <= MOST_FOR_EXACT) if beside else nothing
    runs = [ours(program, data, threads) for _ in range(repeats)]
    rows = {}
    for name in NAMES.values():
        rows[name] = {"bcbench": runs[0][0][name]}
        if beside:
            rows[name]["scib-metrics"] = theirs["values"][name]
        if "values on exact neighbours" in theirs:
            rows[name]["scib-metrics, exact neighbours"] = theirs["values on exact neighbours"][name]
    if "kbet_per_label as it is" in theirs:
        rows["kbet_per_label"]["scib-metrics, exact neighbours, not mended"] = theirs["kbet_per_label as it is"]
    seconds = {"bcbench, whole command": min((run[1] for run in runs), key=lambda each: each["wall"])}
    seconds.update({f"scib-metrics, {what}": of for what, of in theirs["seconds"].items()})
    return {"cells": n_cells, "threads": threads, "values": rows, "seconds": seconds}


def worst(rows: dict[str, Any]) -> float:
    """The largest difference on exact neighbours, where there ought to be none."""
    differences = [0.0]
    for row in rows.values():
        theirs = row.get("scib-metrics, exact neighbours")
        if theirs is not None and row["bcbench"] is not None:
            differences.append(abs(row["bcbench"] - theirs))
    return max(differences)


def show(name: str, result: dict[str, Any]) -> None:
    print(f"{name}: {result['cells']} cells, {result['threads']} threads")
    for metric, row in result["values"].items():
        shown = "  ".join(f"{kind} {'none' if value is None else f'{value:.7f}'}" for kind, value in row.items())
        print(f"  {metric:20s} {shown}")
    for what, seconds in result["seconds"].items():
        print(f"  {what:30s} {seconds['wall']:8.2f} s, {seconds['processor']:8.2f} s of all processors")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("embedding", nargs="?")
    parser.add_argument("metadata", nargs="?")
    parser.add_argument("--batch", default="batch")
    parser.add_argument("--type", default="cell_type")
    parser.add_argument("--before", default="")
    parser.add_argument("--name", help="of the data in the results; default: the file's")
    parser.add_argument("--made-up", type=int, nargs="*", default=[], metavar="CELLS")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="of our command; the fastest counts")
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bcbench"))
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        print(json.dumps(peer(**json.loads(options.peer))))
        return 0
    if bool(options.embedding) != bool(options.metadata) or not (options.embedding or options.made_up):
        parser.error("give EMBEDDING and METADATA, or --made-up")
    continue_in("scib-metrics", PACKAGES, alone=[SCIB])
    from importlib.metadata import version

    file = ROOT / "results" / "parity" / "metrics.json"
    report = json.loads(file.read_text()) if file.exists() else {"data": {}}
    report["versions"] = {name: version(name) for name in ("scib-metrics", "jax", "numba", "pynndescent", "numpy")}
    report["versions"]["python"] = sys.version.split()[0]
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        if options.embedding:
            data = {"embedding": Path(options.embedding), "metadata": Path(options.metadata), "before": options.before,
                    "batch": options.batch, "type": options.type}
            name = options.name or Path(options.embedding).name.split(".")[0]
            found[name] = compared(options.program, data, options.threads, options.repeats)
            show(name, found[name])
        for n in options.made_up:
            name = f"made up, {n} x 50"
            found[name] = compared(options.program, made_up(n, Path(scratch)), options.threads, options.repeats)
            show(name, found[name])
    report["data"].update(found)
    file.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if all(worst(result["values"]) <= PROMISED for result in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
