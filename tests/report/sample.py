"""Writes synthetic results directories in the documented format (results/README.md), small and large."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any, Iterable, Sequence

import numpy as np

METRIC_COLUMNS = "point,dataset,method,params,seed,precision,metric,value,direction,status".split(",")
DIRECTIONS = {
    "batch_mixing_entropy": "higher",
    "mean_shift": "lower",
    "mmd_loss": "lower",
    "reconstruction_loss": "lower",
    "gradient_nonzero": "higher",
    "gradient_finite": "higher",
    "optimized_matches_reference": "higher",
}


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


class Sample:
    """Collects points and writes them as one results directory."""

    def __init__(
        self, name: str = "sample", purpose: str = "Does the report show what was measured?"
    ) -> None:
        self.manifest: dict[str, Any] = {
            "schema_version": 1,
            "name": name,
            "purpose": purpose,
            "status": "complete",
            "program": {"version": "0.1.0", "git_commit": "0123abcd" * 5, "git_dirty": True},
            "build": {
                "compiler": "GNU 12.2.0",
                "flags": "-O2",
                "armadillo": "11.4.2",
                "blas": "OpenBLAS 0.3.21",
            },
            "machine": {
                "cpu": "Example CPU @ 2.00GHz",
                "cores": 2,
                "memory_bytes": 2**34,
                "os": "Linux 6.1",
            },
            "precision": "tf32",
            "threads": 2,
            "jobs": 1,
            "started": "2024-01-02T03:04:05Z",
            "finished": "2024-01-02T03:04:25Z",
            "counts": {},
            "problems": [],
            "config": {"methods": []},
            "config_hash": "feedbeef",
        }
        self.metrics: list[list[object]] = []
        self.expected: list[list[object]] = []
        self.timings: list[list[object]] = []
        self.projections: list[list[object]] = []
        self.points: dict[str, dict[str, Any]] = {}

    def method(self, label: str, kind: str) -> None:
        self.manifest["config"]["methods"].append({"label": label, "type": kind})

    def point(
        self,
        dataset: str,
        method: str,
        values: dict[str, float | None],
        params: dict[str, Any] | None = None,
        seed: int = 0,
        suffix: str = "",
        status: str = "ok",
        outputs: dict[str, Any] | None = None,
        traces: dict[str, Any] | None = None,
        groups: dict[str, str] | None = None,
        control: bool = False,
        defined_by: dict[str, str] | None = None,
    ) -> str:
        """Adds a point; a value None is a row without a number, whose status is then `status`.

        `groups` says where metrics belong; without it the point file is one of an older program.
        """
        point = f"{dataset}.{method}" + (f".{suffix}" if suffix else "")
        text = json.dumps(params or {}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        for metric, value in values.items():
            self.metrics.append(
                [
                    point,
                    dataset,
                    method,
                    text,
                    seed,
                    "tf32",
                    metric,
                    "" if value is None else repr(value),
                    DIRECTIONS.get(metric, "info"),
                    status if value is None else "ok",
                ]
            )
        self.points[point] = {
            "schema_version": 1,
            "id": point,
            "status": "ok",
            "reason": "",
            "fingerprint": "0",
            "dataset": {
                "label": dataset,
                "type": "gaussian_batches",
                "seed": 42,
                "params": {},
                "n_cells": 100,
                "n_features": 30,
                "batches": {"names": ["0", "1"], "sizes": [50, 50]},
                "types": {"names": ["0", "1"], "sizes": [50, 50]},
            },
            "method": {"label": method, "type": method, "seed": seed, "params": params or {}, "train": None},
            "precision": "tf32",
            "outputs": outputs or {},
            "metrics": [
                {
                    "metric": metric,
                    "value": value,
                    "direction": DIRECTIONS.get(metric, "info"),
                    "status": "ok" if value is not None else status,
                    "reason": "",
                    "version": 1,
                    **({"group": groups.get(metric, "other")} if groups is not None else {}),
                    **({"defined_by": defined_by[metric]} if metric in (defined_by or {}) else {}),
                }
                for metric, value in values.items()
            ],
            "traces": traces or {},
        }
        if control:
            self.points[point]["method"]["control"] = True
        return point

    def cells(self, point: str, count: int, shift: float, scale: float = 3.0, types: bool = True) -> None:
        draws = np.random.default_rng(7).normal(size=(count, 2)) * scale
        for cell, (first, second) in enumerate(draws.tolist()):
            batch, kind = int(cell >= count // 2), cell % 2
            self.projections.append(
                [
                    point,
                    cell,
                    batch,
                    kind if types else "",
                    first + shift * (2 * batch - 1),
                    second + 12 * kind,
                ]
            )

    def time(self, point: str, seconds: Sequence[float]) -> None:
        for repeat, value in enumerate(seconds):
            self.timings.append([point, "fit", repeat, value, 10**8])
            self.timings.append([point, "gradient", repeat, 3 * value, 10**8])

    def write(self, directory: Path) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "points").mkdir(exist_ok=True)
        number = len(self.points)
        self.manifest["counts"] = {
            "expected": number,
            "ok": number,
            "skipped": 0,
            "failed": 0,
            "missing": 0,
            **self.manifest["counts"],
        }
        (directory / "manifest.json").write_text(
            json.dumps(self.manifest, ensure_ascii=False), encoding="utf-8"
        )
        write_csv(directory / "metrics.csv", METRIC_COLUMNS, self.metrics)
        write_csv(
            directory / "timings.csv", ["point", "stage", "repeat", "seconds", "peak_rss_bytes"], self.timings
        )
        write_csv(
            directory / "projections.csv", ["point", "cell", "batch", "type", "pc1", "pc2"], self.projections
        )
        if self.expected:
            write_csv(
                directory / "expected.csv",
                ["section", "point", "metric", "printed", "reproduced", "value", "equal"],
                self.expected,
            )
        for point, content in self.points.items():
            (directory / "points" / f"{point}.json").write_text(json.dumps(content), encoding="utf-8")
        return directory


# Values in the form of the documented experiment: method type, params, values, PCA shift.
MIXING = 1.8420680743952366e-07
METHODS: dict[str, tuple[str, dict[str, Any], dict[str, float | None], float]] = {
    "Uncorrected": (
        "uncorrected",
        {},
        {"batch_mean_0": 2.498612345, "batch_mean_1": 5.512345678, "mean_shift": 3.013733333},
        8.0,
    ),
    "Harmony": (
        "differentiable_harmony",
        {"n_clusters": 20},
        {"batch_mean_0": 0.7208213, "batch_mean_1": 1.2336512, "mean_shift": 0.5128299},
        2.0,
    ),
    "MMD": (
        "mmd_autoencoder",
        {"hidden_dim": 64, "latent_dim": 16},
        {
            "mmd_loss": 0.23401234,
            "reconstruction_loss": 26.592048123,
            "batch_mean_0": -0.10491,
            "batch_mean_1": -0.15623,
            "mean_shift": 0.05132,
        },
        0.5,
    ),
    "WGAN": (
        "wgan_autoencoder",
        {"hidden_dim": 64, "latent_dim": 16, "discriminator_hidden_dim": 32},
        {
            "generator_loss": 28.45383,
            "discriminator_loss": -0.02381,
            "batch_mean_0": -0.17961,
            "batch_mean_1": -0.30891,
            "mean_shift": 0.1293,
        },
        0.7,
    ),
}


def documented() -> Sample:
    """The shape of the documented experiment: four methods, two sweeps, expected values, times, curves."""
    sample = Sample(
        "documented", "Do the documented numbers of differentiable batch correction come out again?"
    )
    for label, (kind, params, values, shift) in METHODS.items():
        _documented_point(sample, label, kind, params, values, shift)
    sample.method("Harmony sweep", "differentiable_harmony")
    for n in (1, 5, 10, 20):
        point = sample.point(
            "two_batch",
            "Harmony sweep",
            {"batch_mixing_entropy": MIXING, "perfect_mixing": math.log(2), "mean_shift": 3 * 0.85**n},
            {"n_clusters": 20, "n_iterations": n},
            suffix=f"n_iterations={n}",
        )
        sample.time(point, [0.001 * n, 0.0012 * n])
        sample.expected.append(
            ["sweep n_iterations", point, "batch_mixing_entropy", "0.0000", "0.0000", MIXING, "yes"]
        )
    sample.method("MMD sweep", "mmd_autoencoder")
    for bandwidth, loss in ((0.1, 0.1), (0.5, 0.11213), (1, 0.23401), (5, 0.37681)):
        point = sample.point(
            "two_batch",
            "MMD sweep",
            {
                "batch_mixing_entropy": MIXING,
                "perfect_mixing": math.log(2),
                "mmd_loss": loss,
                "reconstruction_loss": 26.592048123,
            },
            {"hidden_dim": 64, "kernel_bandwidth": bandwidth, "latent_dim": 16},
            suffix=f"kernel_bandwidth={bandwidth}",
        )
        sample.time(point, [0.004, 0.005])
        sample.expected.append(
            ["sweep kernel_bandwidth", point, "mmd_loss", f"{loss:.4f}", f"{loss:.4f}", loss, "yes"]
        )
    sample.expected.append(
        ["losses", "two_batch.MMD", "reconstruction_loss", "26.5921", "26.5920", 26.592048123, "last digit"]
    )
    return sample


def _documented_point(
    sample: Sample,
    label: str,
    kind: str,
    params: dict[str, Any],
    values: dict[str, float | None],
    shift: float,
) -> None:
    sample.method(label, kind)
    corrected = label != "Uncorrected"
    values = {
        "perfect_mixing": math.log(2),
        "mixing_ceiling": 0.65 + values["batch_mean_0"] / 50,
        "batch_mixing_entropy": MIXING,
        **values,
    }
    outputs: dict[str, Any] = {
        "shape": [100, 30],
        "batch_distribution": [50, 50],
        "type_distribution": [50, 50],
        "corrected_shape": [100, 30],
    }
    traces: dict[str, Any] = {}
    if corrected:
        values |= {
            "gradient_nonzero": 1.0,
            "gradient_finite": 1.0,
            "optimized_matches_reference": 1.0,
            "gradient_max_error": 3.2e-9,
        }
        outputs |= {"gradient_shape": [100, 30]}
        steps = [10.0**-k for k in range(1, 9)]
        traces["gradient_step_curve"] = {"step": steps, "error": [s**2 + 1e-16 / s for s in steps]}
    if label in ("MMD", "WGAN"):
        outputs |= {"latent_shape": [100, 16], "trained_steps": 500}
        traces |= {
            "step": list(range(0, 500, 10)),
            "loss": [30 * math.exp(-k / 10) + 0.01 for k in range(50)],
            "mean_shift": [3 * math.exp(-k / 20) for k in range(50)],
        }
    point = sample.point("two_batch", label, values, params, outputs=outputs, traces=traces)
    sample.cells(point, 100, shift)
    sample.time(point, [0.002, 0.0021, 0.004] if corrected else [2e-6, 3e-6, 2e-6])
    for section, metric in (("mixing", "batch_mixing_entropy"), ("means", "mean_shift")):
        value = values[metric]
        sample.expected.append([section, point, metric, f"{value:.4f}", f"{value:.4f}", value, "yes"])
    sample.expected.append(["data", point, "shape", "(100, 30)", "(100, 30)", "", "yes"])


def large() -> Sample:
    """10,000 points of a random search over four parameters, and 100,000 projected cells."""
    sample = Sample("large", "Which parameters matter?")
    draws = np.random.default_rng(1).uniform(size=(10000, 4))
    for index, (a, b, c, d) in enumerate(draws.tolist()):
        method = "Harmony" if index % 2 else "MMD"
        sample.point(
            "cells",
            method,
            {
                "batch_mixing_entropy": a * 0.69,
                "mean_shift": b + c,
                "mmd_loss": d * a,
                "batch_mean_0": a - b,
                "batch_mean_1": c,
                "perfect_mixing": math.log(2),
            },
            {"sigma": 10 ** (3 * a - 3), "theta": b, "temperature": c, "n_clusters": int(1 + 50 * d)},
            suffix=f"draw={index}",
        )
    for point in ("cells.MMD.draw=0", "cells.Harmony.draw=1"):
        sample.cells(point, 50000, 4.0)
        sample.time(point, [0.5, 0.6])
    sample.points = {point: sample.points[point] for point in sample.points if point.endswith(("=0", "=1"))}
    sample.manifest["counts"] = {"expected": 10000, "ok": 10000}
    return sample


if __name__ == "__main__":
    import sys

    {"documented": documented, "large": large}[sys.argv[1]]().write(Path(sys.argv[2]))
