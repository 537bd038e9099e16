"""What the package computes is what the program computes, bit for bit."""

import json
import subprocess
import sys
import threading

import numpy as np
import pytest

import bcbench
from bcbench.__main__ import PROGRAM


def made_up(n=240, features=8, dtype=np.float64):
    random = np.random.default_rng(1)
    batch = np.array(["b", "a", "c"])[np.arange(n) % 3]
    kind = np.array(["T", "B"])[(np.arange(n) // 3) % 2]
    cells = random.standard_normal((n, features)) + 3.0 * (kind == "T")[:, None] + 0.5 * (np.arange(n) % 3)[:, None]
    return np.ascontiguousarray(cells, dtype=dtype), batch, kind


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The made-up cells as files, to be run by the program."""
    folder = tmp_path_factory.mktemp("tables")
    cells, batch, kind = made_up()
    rows = [",".join(f"f{i}" for i in range(cells.shape[1]))] + [",".join(map(repr, map(float, row))) for row in cells]
    (folder / "cells.csv").write_text("\n".join(rows) + "\n")
    (folder / "metadata.csv").write_text("batch,kind\n" + "".join(f"{b},{t}\n" for b, t in zip(batch, kind)))
    return folder


# Parameters that make a method small; every other one has its defaults.
SMALL = {
    "harmony": {"n_clusters": 5},
    "mnn": {"n_neighbors": 5},
    "differentiable_harmony": {"n_clusters": 5},
    "mmd_autoencoder": {"hidden_dim": 8, "latent_dim": 3},
    "wgan_autoencoder": {"hidden_dim": 8, "latent_dim": 3},
}


def methods():
    known = [json.loads(line)["name"] for line in said("list", "methods", "--format", "json").splitlines()]
    return {name: SMALL.get(name, {}) for name in known if name not in ("command", "embedding")}


def config(precision, metrics):
    entries = [{"label": name, "type": name, "seed": 3, "params": params} for name, params in methods().items()]
    params = {"cells": "cells.csv", "metadata": "metadata.csv", "batch_column": "batch", "type_column": "kind"}
    return {
        "schema_version": 1,
        "name": "python",
        "precision": precision,
        "datasets": [{"label": "data", "type": "table", "params": params}],
        "methods": entries,
        "metrics": metrics,
        "outputs": {"embeddings": True, "arrays": True, "gradients": True, "projections": False},
    }


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_methods_and_metrics_equal_the_program(tables, precision):
    metrics = ["diffbio", "scib-metrics-0.6"]
    (tables / "config.json").write_text(json.dumps(config(precision, metrics)))
    results = bcbench.run(tables / "config.json", tables / precision)
    cells, batch, kind = made_up(dtype=precision)
    for name, params in methods().items():
        correction = bcbench.correct(name, cells, batch, kind, seed=3, **params)
        assert correction.corrected.dtype == cells.dtype
        assert np.array_equal(correction.corrected, results.embedding(f"data.{name}")), name
        record = {row["metric"]: row.get("value") for row in results.point(f"data.{name}")["metrics"]}
        scores = bcbench.score(correction.corrected, batch, kind, metrics=metrics, before=cells)
        assert {metric: record[metric] for metric in scores} == dict(scores), name
        assert len(scores) > 20
        for loss, value in correction.values.items():
            assert record[loss] == value
    assert results.arrays("data.differentiable_harmony")["centroids"].shape == (5, cells.shape[1])
    assert np.array_equal(results.gradients("data.mmd_autoencoder")["input.cells"], cells)


def said(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, text=True, stdout=subprocess.PIPE).stdout


def test_neighbors_are_exact():
    cells, _, _ = made_up(dtype=np.float32)
    index, distance = bcbench.neighbors(cells, 4)
    all_distances = np.sqrt(((cells[:, None].astype(float) - cells[None]) ** 2).sum(-1))
    np.fill_diagonal(all_distances, np.inf)
    assert np.array_equal(index, np.argsort(all_distances, axis=1, kind="stable")[:, :4])
    assert np.allclose(distance, np.sort(all_distances, axis=1)[:, :4], rtol=1e-14)


def test_threads_change_nothing_and_python_threads_may_work_at_once():
    cells, batch, kind = made_up(2000, 20, np.float32)
    expected = bcbench.harmony(cells, batch, threads=1)
    found = [None] * 4

    def work(i):
        for _ in range(3):
            found[i] = bcbench.harmony(cells, batch, threads=1 + i % 2)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(found))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(np.array_equal(expected, each) for each in found)


def test_reverse_passes_are_derivatives():
    cells, batch, kind = made_up(60, 5)
    random = np.random.default_rng(2)
    for method in (
        bcbench.differentiable_harmony(n_clusters=4),
        bcbench.mmd_autoencoder(hidden_dim=6, latent_dim=3),
        bcbench.wgan_autoencoder(hidden_dim=6, latent_dim=3),
    ):
        weights, direction = random.standard_normal(cells.shape), random.standard_normal(cells.shape)
        corrected, cells_bar = method.vjp(cells, batch, weights)
        step = 1e-6  # central differences of smooth functions of size 10: rounding 1e-9, truncation 1e-11
        ahead, behind = (method.forward(cells + sign * step * direction, batch).corrected for sign in (1, -1))
        difference = np.sum(weights * (ahead - behind)) / (2 * step)
        assert np.isclose(np.sum(cells_bar * direction), difference, rtol=1e-6, atol=1e-6)
        gradients = method.forward(cells, batch).gradients("corrected", weights)
        assert np.allclose(gradients["cells"], cells_bar, rtol=1e-10, atol=1e-12)
        assert len(gradients) > 1


def test_calls_do_not_grow_memory():
    cells, batch, kind = made_up(60, 5)

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    def call(times):
        for _ in range(times):
            bcbench.differentiable_harmony(n_clusters=3, threads=1).vjp(cells, batch, cells)
            bcbench.score(cells, batch, kind, metrics=["ilisi", "silhouette_batch"], threads=1)

    call(200)
    before = resident()
    call(1000)
    assert resident() - before < 4 << 20  # one leaked array of 2.4 kB a call would be 2.4 MB for each of its kinds


PEAK = """
import sys
import numpy as np
import bcbench

def kilobytes(what):
    return int(next(line for line in open("/proc/self/status") if line.startswith(what)).split()[1])

cells = np.asarray(np.random.default_rng(0).standard_normal((100000, 50), dtype=np.float32), order=sys.argv[1])
batch = np.arange(100000) % 3
bcbench.combat(cells[:300], batch[:300])
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
before = kilobytes("VmRSS")
corrected = bcbench.combat(cells, batch, threads=1)
print((kilobytes("VmHWM") - before) * 1024 / cells.nbytes)
"""


@pytest.mark.parametrize("order, arrays", [("C", 1), ("F", 2)])  # the result, and what it is converted to
def test_cells_in_c_order_are_not_copied(order, arrays):
    peak = subprocess.run([sys.executable, "-c", PEAK, order], check=True, text=True, stdout=subprocess.PIPE).stdout
    assert arrays - 0.1 < float(peak) < arrays + 0.4


INTERRUPTED = """
import os, signal, threading
import numpy as np
import bcbench

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
cells, batch = np.random.default_rng(0).standard_normal((3000, 50)), np.arange(3000) % 3
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    bcbench.correct("differentiable_harmony", cells, batch, n_iterations=1000000000)
except KeyboardInterrupt:
    print("ended", bcbench.harmony(cells, batch, max_iter=1).shape)
"""


def test_interrupt_ends_a_computation():
    # to its end the computation takes hours
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], text=True, stdout=subprocess.PIPE, timeout=120)
    assert ended.stdout == "ended (3000, 50)\n"
