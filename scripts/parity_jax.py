#!/usr/bin/env python3
"""Compares values and gradients of this program with JAX, which differentiates the methods written anew here.

    scripts/parity_jax.py [--program build/release/bcbench] [--datasets N] [--speed]

Runs configs with `outputs.gradients` in float64, reads each point's file and computes in JAX (64 bits, in an
environment of its own, build/parity/jax) the same outputs from the same inputs, and their gradients with respect to the
cells and every parameter. Prints the largest differences, each relative to the largest entry of JAX's array. --speed
also times forward passes, gradients and a training step in float32 on one core, the benchmark program
(build/release/experiments/benchmarks) and JAX in turn. The last results stand in results/parity/jax.json.
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


def config_of(datasets, methods, outputs):
    return {
        "schema_version": 1,
        "name": "parity",
        "precision": "float64",
        "datasets": datasets,
        "methods": methods,
        "metrics": ["mean_shift"],
        "outputs": {"projections": False, **outputs},
    }


def run_program(program, folder, config):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    command = [program, "run", folder / "config.json", "--out", folder / "out", "--fresh", "--quiet", "--threads", "1"]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
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

HARMONY_CLUSTERS = 100
JOINT_STEPS = 50  # of one training that is timed
ROWS = [  # title, case of the benchmark program, cells, features
    ("WGAN forward", "wgan_forward", 5000, 50),
    ("WGAN forward", "wgan_forward", 20000, 50),
    ("WGAN gradient", "wgan_gradient", 5000, 50),
    ("WGAN gradient", "wgan_gradient", 20000, 50),
    ("WGAN joint step", f"wgan_joint_steps:{JOINT_STEPS}", 256, 2000),
    ("Harmony forward", "harmony_forward", 100, 30),
    ("Harmony gradient", "harmony_gradient", 100, 30),
    ("Harmony gradient, with centroids", "harmony_gradient_with_centroids", 100, 30),
    ("Harmony forward", "harmony_forward", 100000, 50),
    ("Harmony gradient", "harmony_gradient", 100000, 50),
    ("Harmony gradient, with centroids", "harmony_gradient_with_centroids", 100000, 50),
]
TURNS = 7
SECONDS_OF_A_TURN = 0.5  # of one row on one side: several calls but of the slowest


def seconds_of_program(benchmarks, case, n_cells, n_features):
    """Processor seconds of the case, the mean over a turn; and what the program says of its BLAS."""
    name = f"^jax/{case}/n:{n_cells}/features:{n_features}$"
    flags = [f"--benchmark_filter={name}", f"--benchmark_min_time={SECONDS_OF_A_TURN}", "--benchmark_format=json"]
    flags.append(f"--benchmark_min_warmup_time={SECONDS_OF_A_TURN}")  # JAX's process is warm from the turn before
    done = subprocess.run([benchmarks, *flags], check=True, capture_output=True, text=True)
    report = json.loads(done.stdout)
    (found,) = report["benchmarks"]
    return 1e-3 * found["cpu_time"] / (JOINT_STEPS if "steps" in case else 1), report["context"]["blas"]


def jax_call(case, n_cells, n_features):
    """The same in JAX: a compiled function, and arguments of the same shapes."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    random = np.random.default_rng(0)

    def draw(*shape):
        return jnp.asarray(random.normal(size=shape) / np.sqrt(shape[0]), dtype=jnp.float32)

    cells = jnp.asarray(random.normal(size=(n_cells, n_features)), dtype=jnp.float32)
    batch = jnp.arange(n_cells) * 5 // n_cells
    if case.startswith("harmony"):
        method = harmony
        p = {"centroids": jnp.asarray(0.1 * random.normal(size=(HARMONY_CLUSTERS, n_features)), dtype=jnp.float32)}
    else:
        method = wgan_autoencoder
        hidden, latent, critic = 128, 64, 64  # the method's defaults
        sizes = {
            "encoder": (n_features, hidden, hidden, latent),
            "decoder": (latent, hidden, hidden, n_features),
            "critic": (latent, critic, critic, 1),
        }
        p = {}
        for name, widths in sizes.items():
            for layer, (into, out) in enumerate(zip(widths, widths[1:]), start=1):
                p[f"{name}.layer{layer}.kernel"] = draw(into, out)
                p[f"{name}.layer{layer}.bias"] = jnp.zeros(out, dtype=jnp.float32)

    def corrected_sum(inputs, rest, labels):
        # the corrected cells are an output too, as in ours: alone, a gradient of their sum needs no last layer
        corrected = method({**inputs, **rest}, labels, 5)["corrected"]
        return corrected.sum(), corrected

    def joint_loss(parameters, x, labels):
        losses = wgan_autoencoder({**parameters, "cells": x}, labels, 5, reversed_gradient)
        return losses["generator_loss"] + losses["discriminator_loss"]

    def joint_step(parameters, first, second, t, x, labels):  # Adam
        gradient = jax.grad(joint_loss)(parameters, x, labels)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        scale = jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        moved = jax.tree.map(lambda w, m, v: w - 1e-6 * scale * m / (jnp.sqrt(v) + 1e-8), parameters, first, second)
        return moved, first, second

    if "forward" in case:
        call = jax.jit(lambda x, rest, labels: method({"cells": x, **rest}, labels, 5))
        return lambda: call(cells, p, batch)
    gradient = jax.jit(jax.grad(corrected_sum, has_aux=True))
    if case.endswith("centroids"):
        return lambda: gradient({"cells": cells, **p}, {}, batch)
    if case.endswith("gradient"):
        return lambda: gradient({"cells": cells}, p, batch)
    step = jax.jit(joint_step, donate_argnums=(0, 1, 2))
    state = [p, jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p)]
    updates = 0.0

    def train():
        nonlocal state, updates
        updates += 1.0
        state = step(*state, updates, cells, batch)
        return state

    return train


def seconds_of_jax(call):
    """Processor seconds of the call, the mean over a turn."""
    import jax

    start = time.process_time()
    calls = 0
    while time.process_time() - start < SECONDS_OF_A_TURN:
        jax.block_until_ready(call())
        calls += 1
    return (time.process_time() - start) / calls


def speed(benchmarks):
    """Both programs in turn, on one core, in float32; processor time, for other work may share the core."""
    from statistics import median

    import jax

    rows = []
    for title, case, n_cells, n_features in ROWS:
        call = jax_call(case, n_cells, n_features)
        jax.block_until_ready(call())  # compiles
        ours, theirs = [], []
        for _ in range(TURNS):
            seconds, blas = seconds_of_program(benchmarks, case, n_cells, n_features)
            ours.append(1e3 * seconds)
            theirs.append(1e3 * seconds_of_jax(call))
        row = {
            "row": f"{title}, {n_cells:,} x {n_features:,}",
            "milliseconds": {"least": min(ours), "median": median(ours)},
            "milliseconds_jax": {"least": min(theirs), "median": median(theirs)},
            "jax_over_ours": {"least": min(theirs) / min(ours), "median": median(theirs) / median(ours)},
        }
        rows.append(row)
        print(
            f"  {row['row']:48s} {min(ours):9.3f} ms, JAX {min(theirs):9.3f} ms, "
            f"JAX / ours {row['jax_over_ours']['least']:.2f} (medians {row['jax_over_ours']['median']:.2f})",
            flush=True,
        )
    processor = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    return {"processor": processor, "cores": 1, "blas": blas, "turns": TURNS, "rows": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build/release/bcbench")
    parser.add_argument("--benchmarks", default=ROOT / "build/release/experiments/benchmarks/bcbench_benchmarks")
    parser.add_argument("--datasets", type=int, default=9, help="made-up datasets, each with three methods")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--on-one-core", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for program in [arguments.program] + ([arguments.benchmarks] if arguments.speed else []):
        if not os.access(program, os.X_OK):
            parser.error(f"{program} is not there: scripts/build.sh release bcbench bcbench_benchmarks makes it")
    continue_in("jax", PACKAGES)
    folder = ROOT / "build" / "parity" / "jax-runs"
    if arguments.on_one_core:
        (folder / "speed.json").write_text(json.dumps(speed(arguments.benchmarks)), encoding="utf-8")
        return 0
    os.environ["JAX_ENABLE_X64"] = "1"
    file = ROOT / "results" / "parity" / "jax.json"
    result = json.loads(file.read_text(encoding="utf-8"))  # speed stays as it was measured last
    result.update(jax=JAX, datasets=arguments.datasets)
    result["differences"] = agreement(arguments.program, folder / "agreement", arguments.datasets)
    file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if arguments.speed:
        # a process of its own, for JAX takes its threads when it starts
        environment = {key: value for key, value in os.environ.items() if key != "JAX_ENABLE_X64"}
        environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        core = str(min(os.sched_getaffinity(0)))
        command = ["taskset", "-c", core, sys.executable, *sys.argv, "--on-one-core"]
        subprocess.run(command, check=True, env=environment)
        result["speed"] = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
        file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    worst = max(max(found.values()) for found in result["differences"].values())
    return 0 if worst <= TOLERANCE else 1


sys.exit(main())
