#!/usr/bin/env python3
"""Plants an error of 1e-4 in one reverse pass after the other and watches the tests catch it.

  tests/plant_errors.py [NAME...]      default: every one

Works on a copy of the tracked files in a temporary directory. Exit code 0: every planted error was caught by
at least one test; 1: one was not, or could not be planted, the line it alters being no longer there; 2: there
is no such error.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = "[gradients],[gradient_check],[gradient],[training]"

# Each file's errors: a name, and a piece of a line with the expression that becomes 1.0001 times itself in
# [[ ]], in {{ }} if it must stay a Real, or in << >> if it is a vector of the Highway library.
ERRORS = {
    "engine/networks/mlp.cpp": {
        "dense kernel": "add_product_with_transposed(pack_rows<Real>([[y_bar]]),",
        "dense bias": "dense_bar.bias += [[arma::sum(y_bar, 1)]];",
        "dense input": "multiply<Real>(transposed.kernel, [[y_bar]], x_bar)",
        "dense input after a relu": "multiply_where_active<Real>(transposed.kernel, [[y_bar]], *active, x_bar)",
    },
    "engine/linear/packed_product.cpp": {
        "relu": "count), zero), <<value>>);",
        "sum onto what is there": "value = hn::Add(<<load_some(reals, y.values + at, count)>>, value);",
    },
    "engine/networks/autoencoder.cpp": {
        "reconstruction loss": "static_cast<Real>([[2.0]] * loss_bar",
        "conditional decoder": "return [[input_bar.head_rows(model.n_latent())]];",
    },
    "engine/methods/mmd_autoencoder/method.cpp": {
        "MMD, the cells compared with": "cells_bar -= [[reconstruction_bar]];",
    },
    "engine/kernels/kernel_sum.cpp": {"kernel sum": "static_cast<Real>([[-coefficient]] / n_kernels)"},
    "engine/kernels/mmd.cpp": {
        "MMD, square root": "[[0.5]] / std::sqrt(std::max(v, 1e-12))",
        "masked MMD, scale": "static_cast<Real>([[loss_bar]] * loss.slope * group->scale)",
        "masked MMD, zero rows": "kernel_sum(a.points, zero, bandwidths, a_bar, [[slope]] * b.n_zero_rows)",
        "ordinary MMD": "total.sums_bar += [[coefficient]] / pairs",
    },
    "engine/methods/wgan_autoencoder/method.cpp": {
        "WGAN, the cells compared with": "cells_bar -= [[reconstruction_bar]];",
        "Wasserstein loss, real": "[[real_bar]] / counts.real",
        "Wasserstein loss, fake": "[[fake_bar]] / counts.fake",
        "gradient reversal": "latent_bar = [[-]]score_backward(parameters.critic",
    },
    "engine/methods/wgan_autoencoder/gradient_penalty.cpp": {
        "gradient penalty, first kernel": "kernel += [[p1]] * slope_bar.t();",
        "gradient penalty, second kernel": "kernel += [[p2]] * r1.t();",
        "gradient penalty, third kernel": "kernel += [[arma::sum(r2, 1).t()]];",
    },
    "engine/methods/differentiable_harmony/tile_product.cpp": {
        "Harmony, softmax": "hn::Sub(hn::Load(reals, bar + place), <<mean[v]>>)",
    },
    "engine/methods/differentiable_harmony/tile.cpp": {
        "Harmony, correction step": "hn::Store(hn::Sub(bar, <<part>>), reals, y_bar + i)",
    },
    "engine/methods/differentiable_harmony/step.cpp": {
        "Harmony, distances to cells": "pack<Real>(static_cast<Real>([[2.0]] * scale) * centroids)",
    },
    "engine/methods/differentiable_harmony/unwinder.cpp": {
        "Harmony, clipped ratio": "+= [[static_cast<double>(dot[i])]] / s;",
        "Harmony, share of a cluster": "ratio_bar.each_col() += [[total_bar]];",
        "Harmony, centroids as targets": "pack_transposed<Real>([[transposed(work.target)]], count)",
        "Harmony, centroids in distances": "pack_transposed<Real>([[transposed(y)]], count)",
        "Harmony, squared centroids": "softmax.centroids.each_row() % [[logits]])",
    },
    "engine/methods/differentiable_harmony/train.cpp": {
        "Harmony training, distortion": "static_cast<Real>([[4.0]] * loss_bar * scale)",
    },
    "engine/methods/wgan_autoencoder/train.cpp": {
        "WGAN training, generator": "data.batch, scores, [[critic_weight]],",
        "WGAN training, critic": "batch, scores, [[-1.0]], 1.0, precision, critic_bar",
    },
}


def as_it_stands(piece: str) -> str:
    return re.sub(r"\[\[(.*?\]?)\]\]|{{(.*?)}}|<<(.*?)>>", r"\1\2\3", piece)


def with_error(piece: str) -> str:
    piece = piece.replace("[[-]]", "-1.0001 * ")
    scalar = re.sub(r"\[\[(.*?\]?)\]\]", r"(1.0001 * (\1))", piece)
    scalar = re.sub(r"{{(.*?)}}", r"static_cast<Real>(1.0001 * (\1))", scalar)
    return re.sub(r"<<(.*?)>>", r"hn::Mul(\1, hn::Set(reals, Real(1.0001)))", scalar)


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def failing_tests(directory: Path) -> list[str]:
    """Builds and runs the tests of gradients; the names of those that fail. Raises if the build fails."""
    build = run(directory, "cmake", "--build", "build/release", "--target", "bcbench_tests")
    if build.returncode != 0:
        raise RuntimeError("does not compile:\n" + build.stdout[-3000:])
    tests = run(directory, "build/release/tests/bcbench_tests", TESTS, "--reporter", "xml")
    cases = re.findall(r'<TestCase name="([^"]*)"[^>]*>(.*?)</TestCase>', tests.stdout, re.DOTALL)
    if not cases:
        raise RuntimeError("no test ran:\n" + tests.stdout[-3000:] + tests.stderr)
    return [name for name, body in cases if 'success="false"' in body]


def is_caught(directory: Path, name: str, file: str, piece: str) -> bool:
    source = directory / file
    text = source.read_text()
    if text.count(as_it_stands(piece)) != 1:
        print(f"{name}: {file} does not have this once: {as_it_stands(piece)}", flush=True)
        return False
    source.write_text(text.replace(as_it_stands(piece), with_error(piece)))
    caught = failing_tests(directory)
    source.write_text(text)
    outcome = f"caught by {len(caught)}, first: {caught[0]}" if caught else "NOT CAUGHT"
    print(f"{name}: {outcome}", flush=True)
    return bool(caught)


def main(chosen: list[str]) -> int:
    names = {name for errors in ERRORS.values() for name in errors}
    for name in chosen:
        if name not in names:
            print(f"plant_errors: no error is named {name!r}", file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "bcbench"
        run(ROOT, "git", "checkout-index", "--all", f"--prefix={directory}/")
        run(directory, "cmake", "--preset", "release")
        before = failing_tests(directory)
        if before:
            print(f"plant_errors: tests fail already: {', '.join(before)}", file=sys.stderr)
            return 1
        missed = 0
        for file, errors in ERRORS.items():
            for name, piece in errors.items():
                if not chosen or name in chosen:
                    missed += not is_caught(directory, name, file, piece)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
