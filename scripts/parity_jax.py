#!/usr/bin/env python3
"""Compares values and gradients of this program with JAX, which differentiates the methods written anew here.

    scripts/parity_jax.py [--program build/release/bcbench] [--datasets N] [--speed]

Runs configs with `outputs.gradients` in float64, reads each point's file and computes in JAX (64 bits, in an
environment of its own, build/parity/jax) the same outputs from the same inputs, and their gradients with respect to the
cells and every parameter. Prints the largest differences, each relative to the largest entry of JAX's array. --speed
also times forward passes and gradients in float32 on one core, both programs in turn. The last results stand in
results/parity/jax.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from parity_environment import ROOT, continue_in

JAX = "0.10.2"
PACKAGES = [f"jax=={JAX}", "numpy"]
TOLERANCE = 1e-9  # of a gradient, relative to its largest entry

NETWORKS = {"hidden_dim": 64, "latent_dim": 16}
METHODS = [
    {"label": "Harmony", "type": "differentiable_harmony", "params": {"n_clusters": 20}},
    {"label": "MMD", "type": "mmd_autoencoder", "params": NETWORKS},
    {"label": "WGAN", "type": "wgan_autoencoder", "params": {**NETWORKS, "discriminator_hidden_dim": 32}},
]


# ---- the methods: x (n, F), kernels (in, out), centroids (K, F); `batch` holds places in the list of batches


def network(p, name, x):
    import jax.numpy as jnp

    for layer in ("layer1", "layer2", "layer3"):
        x = x @ p[f"{name}.{layer}.kernel"] + p[f"{name}.{layer}.bias"]
        x = jnp.maximum(x, 0) if layer != "layer3" else x
    return x


def reversed_gradient(z):
    """z, with the sign of gradients turned round: what a critic says reaches the encoder as its opposite."""
    import jax

    return 2 * jax.lax.stop_gradient(z) - z


def harmony(p, batch, n_batches, sigma=0.1, n_iterations=10):
    import jax
    import jax.numpy as jnp

    y, c = p["cells"], p["centroids"]
    one_hot = jax.nn.one_hot(batch, n_batches, dtype=y.dtype)
    for _ in range(n_iterations):
        squared = (y * y).sum(1, keepdims=True) + (c * c).sum(1) - 2 * y @ c.T
        a = jax.nn.softmax(-squared / sigma, axis=1)
        share = (a.T @ one_hot) / (a.sum(0)[:, None] + 1e-10)
        ratio = share[jnp.argmax(a, axis=1), batch] / (one_hot.mean(0)[batch] + 1e-10)
        y = y + 0.1 * jnp.clip(ratio, 0.5, 2.0)[:, None] * (a @ c - y)
    return {"corrected": y}


def mmd_autoencoder(p, batch, n_batches, bandwidth=1.0):
    import jax.numpy as jnp

    x = p["cells"]
    z = network(p, "encoder", x)
    corrected = network(p, "decoder", z)
    first = (batch == 0).astype(x.dtype)[:, None]

    def kernel(u, v):
        squared = (u * u).sum(1)[:, None] + (v * v).sum(1) - 2 * u @ v.T
        return jnp.exp(-squared / (2 * bandwidth**2)).mean()

    a, b = (z * m * (len(x) / jnp.maximum(m.sum(), 1)) for m in (first, 1 - first))
    value = kernel(a, a) + kernel(b, b) - 2 * kernel(a, b)
    mmd = jnp.where(value > 0, jnp.sqrt(jnp.where(value > 0, value, 1)), 0)
    return {"corrected": corrected, "reconstruction_loss": ((corrected - x) ** 2).mean(), "mmd_loss": mmd}


def wgan_autoencoder(p, batch, n_batches, reverse=lambda z: z):
    import jax.numpy as jnp

    x = p["cells"]
    z = network(p, "encoder", x)
    corrected = network(p, "decoder", z)
    scores = network(p, "critic", reverse(z))[:, 0]
    first = (batch == 0).astype(x.dtype)
    real, fake = ((scores * m).sum() / jnp.maximum(m.sum(), 1) for m in (first, 1 - first))
    reconstruction = ((corrected - x) ** 2).mean()
    return {
        "corrected": corrected,
        "reconstruction_loss": reconstruction,
        "generator_loss": -fake + reconstruction,
        "discriminator_loss": fake - real,
    }


FUNCTIONS = {"Harmony": harmony, "MMD": mmd_autoencoder, "WGAN": wgan_autoencoder}


# ---- agreement


def config_of(datasets, methods, outputs, precision="float64", repeats=1):
    return {
        "schema_version": 1,
        "name": "parity",
        "precision": precision,
        "datasets": datasets,
        "methods": methods,
        "metrics": ["mean_shift"],
        "timing": {"warmup": 0 if repeats == 1 else 1, "repeats": repeats},
        "outputs": {"projections": False, **outputs},
    }


def run_program(program, folder, config, more=()):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    command = [program, "run", folder / "config.json", "--out", folder / "out", "--fresh", "--quiet", "--threads", "1"]
    subprocess.run([*map(str, command), *more], check=True, capture_output=True)
    return folder / "out"


def made_up_datasets(n):
    """Several sizes, numbers of batches and shifts, from Gaussian clouds."""
    shifts = [[0, 3], [0, 0.5, 1, 1.5, 2], [0, 1], [1, 0, 4]]
    return [
        {
            "label": f"d{i}",
            "type": "gaussian_batches",
            "seed": i,
            "params": {
                "n_cells_per_batch": 20 + 7 * i,
                "n_features": 10 + 5 * (i % 5),
                "batch_shifts": shifts[i % len(shifts)],
            },
        }
        for i in range(n)
    ]


def relative(ours, theirs):
    import numpy as np

    theirs = np.asarray(theirs)
    return float(np.abs(np.asarray(ours).reshape(theirs.shape) - theirs).max() / max(np.abs(theirs).max(), 1e-300))


def compare(name, arrays, worst):
    """Adds the differences of one point's file to `worst`."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    batch = jnp.asarray(arrays["batch"])
    n_batches = int(batch.max()) + 1
    inputs = {key[len("input."):]: jnp.asarray(arrays[key]) for key in arrays if key.startswith("input.")}
    method = FUNCTIONS[name]
    values = method(inputs, batch, n_batches)
    gradients = {}
    for output, value in values.items():
        gradients[output] = jax.grad(lambda p, key=output: method(p, batch, n_batches)[key].sum())(inputs)
        row = worst.setdefault(f"{name} {output}", {"value": 0.0, "gradient": 0.0})
        row["value"] = max(row["value"], relative(arrays[f"value.{output}"], value))
        for key, gradient in gradients[output].items():
            ours = arrays[f"gradient.{output}.{key}"]
            if np.abs(gradient).max() < 1e-14:  # nothing but what rounding leaves
                assert np.abs(ours).max() < 1e-12, (name, output, key)
                continue
            row["gradient"] = max(row["gradient"], relative(ours, gradient))
    if name != "WGAN":
        return
    # DiffBio reverses the gradient between latent cells and critic: for the cells and the encoder JAX then gives the
    # reconstruction's gradient minus the critic's instead of plus.
    for output in ("generator_loss", "discriminator_loss"):
        theirs = jax.grad(lambda p, key=output: method(p, batch, n_batches, reversed_gradient)[key])(inputs)
        smooth = 2.0 if output == "generator_loss" else 0.0
        row = worst.setdefault(f"WGAN {output}, reversed", {"value": 0.0, "gradient": 0.0})
        for key in theirs:
            if key != "cells" and not key.startswith("encoder."):
                continue
            ours = smooth * arrays[f"gradient.reconstruction_loss.{key}"] - arrays[f"gradient.{output}.{key}"]
            row["gradient"] = max(row["gradient"], relative(ours, theirs[key]))


def agreement(program, folder, n_datasets):
    import numpy as np

    config = config_of(made_up_datasets(n_datasets), METHODS, {"gradients": True})
    out = run_program(program, folder, config)
    worst = {}
    for dataset in config["datasets"]:
        for method in METHODS:
            name = method["label"]
            arrays = dict(np.load(out / "gradients" / f"{dataset['label']}.{name}.npz"))
            compare(name, arrays, worst)
    print(f"{'largest relative difference to JAX, float64':44s}  value     gradient")
    for row, found in worst.items():
        print(f"  {row:42s}  {found['value']:.1e}   {found['gradient']:.1e}")
    return worst


# ---- speed

WGAN = {"label": "WGAN", "type": "wgan_autoencoder"}
HARMONY = {"label": "Harmony", "type": "differentiable_harmony", "params": {"n_clusters": 100}}
ROWS = [
    ("WGAN, 5,000 cells x 50", WGAN, 5000, 50),
    ("WGAN, 20,000 cells x 50", WGAN, 20000, 50),
    ("Harmony, 100 cells x 30", HARMONY, 100, 30),
    ("Harmony, 100,000 cells x 50, 100 clusters, 10 iterations", HARMONY, 100000, 50),
]
TURNS = 5


def seconds_of_program(program, folder, method, n_cells, n_features):
    """Medians of the stages fit and gradient (a forward pass that is kept, and the reverse pass)."""
    from statistics import median

    dataset = {
        "label": "data",
        "type": "gaussian_batches",
        "params": {"n_cells_per_batch": n_cells // 5, "n_features": n_features, "batch_shifts": [0, 0.5, 1, 1.5, 2]},
    }
    repeats = 3 if n_cells > 1000 else 50
    config = config_of([dataset], [method], {}, "float32", repeats)
    config["checks"] = ["gradient"]
    out = run_program(program, folder, config)
    times = {}
    for row in (out / "timings.csv").read_text().splitlines()[1:]:
        _, stage, _, seconds, _ = row.rsplit(",", 4)
        times.setdefault(stage, []).append(float(seconds))
    return {stage: median(times[stage]) for stage in ("fit", "gradient")}


def jax_functions(method, n_cells, n_features):
    """The same as compiled functions, on cells and parameters of the same shapes."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    random = np.random.default_rng(0)

    def draw(*shape):
        return jnp.asarray(random.normal(size=shape) * 0.1, dtype=jnp.float32)

    p = {"cells": draw(n_cells, n_features)}
    if method["label"] == "Harmony":
        p["centroids"] = draw(100, n_features)
    else:
        hidden, latent, critic = 128, 64, 64  # the method's defaults
        sizes = {
            "encoder": (n_features, hidden, hidden, latent),
            "decoder": (latent, hidden, hidden, n_features),
            "critic": (latent, critic, critic, 1),
        }
        for name, widths in sizes.items():
            for layer, (into, out) in enumerate(zip(widths, widths[1:]), start=1):
                p[f"{name}.layer{layer}.kernel"] = draw(into, out)
                p[f"{name}.layer{layer}.bias"] = draw(out)
    batch = jnp.arange(n_cells) * 5 // n_cells
    of_method = FUNCTIONS[method["label"]]
    forward = jax.jit(lambda q: of_method(q, batch, 5))
    gradient = jax.jit(jax.grad(lambda x: of_method({**p, "cells": x}, batch, 5)["corrected"].sum()))
    return {"fit": lambda: forward(p), "gradient": lambda: gradient(p["cells"])}


def seconds_of(call, n_cells):
    from statistics import median

    import jax

    times = []
    for _ in range(3 if n_cells > 1000 else 50):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return median(times)


def speed(program, folder):
    """Both programs in turn, on one core, in float32."""
    from statistics import median

    rows = []
    for name, method, n_cells, n_features in ROWS:
        functions = jax_functions(method, n_cells, n_features)
        for call in functions.values():
            call()  # compiles
        ours, theirs = [], []
        for _ in range(TURNS):
            ours.append(seconds_of_program(program, folder, method, n_cells, n_features))
            theirs.append({stage: seconds_of(call, n_cells) for stage, call in functions.items()})
        for stage in functions:
            row = {
                "row": name,
                "stage": stage,
                "milliseconds": 1e3 * median(times[stage] for times in ours),
                "milliseconds_jax": 1e3 * median(times[stage] for times in theirs),
                "jax_over_ours": median(b[stage] / a[stage] for a, b in zip(ours, theirs)),
            }
            rows.append(row)
            print(
                f"  {name:58s} {stage:9s} {row['milliseconds']:9.3f} ms, JAX {row['milliseconds_jax']:9.3f} ms, "
                f"ratio {row['jax_over_ours']:.2f}",
                flush=True,
            )
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build/release/bcbench")
    parser.add_argument("--datasets", type=int, default=9, help="made-up datasets, each with three methods")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--on-one-core", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    continue_in("jax", PACKAGES)
    folder = ROOT / "build" / "parity" / "jax-runs"
    if arguments.on_one_core:
        rows = speed(arguments.program, folder / "speed")
        (folder / "speed.json").write_text(json.dumps(rows), encoding="utf-8")
        return 0
    os.environ["JAX_ENABLE_X64"] = "1"
    result = {"jax": JAX, "datasets": arguments.datasets}
    result["differences"] = agreement(arguments.program, folder / "agreement", arguments.datasets)
    if arguments.speed:
        # a process of its own, for JAX takes its threads when it starts
        environment = {key: value for key, value in os.environ.items() if key != "JAX_ENABLE_X64"}
        core = str(min(os.sched_getaffinity(0)))
        command = ["taskset", "-c", core, sys.executable, *sys.argv, "--on-one-core"]
        subprocess.run(command, check=True, env=environment)
        result["speed"] = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
    file = ROOT / "results" / "parity" / "jax.json"
    file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    worst = max(max(found.values()) for found in result["differences"].values())
    return 0 if worst <= TOLERANCE else 1


sys.exit(main())
