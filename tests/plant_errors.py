#!/usr/bin/env python3
"""Plants an error of 1e-4 in one reverse pass after the other and watches the tests catch it.

  tests/plant_errors.py [NAME...]      default: every one; about half a minute each on two cores

Works on a copy of the tracked files in a temporary directory. Exit code 0: every planted error was caught by at least one
test; 1: one was not, or could not be planted because the line it alters is no longer there.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = "[gradients],[gradient_check],[training],[methods]"

# name, file, the line's text as it stands, the same with the error
ERRORS = [
    ("dense kernel", "engine/mlp.cpp", "dense_bar->kernel += y_bar * x.t();", "dense_bar->kernel += Real(1.0001) * y_bar * x.t();"),
    ("dense bias", "engine/mlp.cpp", "dense_bar->bias += arma::sum(y_bar, 1);", "dense_bar->bias += Real(1.0001) * arma::sum(y_bar, 1);"),
    ("dense input", "engine/mlp.cpp", "return dense.kernel.t() * y_bar;", "return Real(1.0001) * dense.kernel.t() * y_bar;"),
    ("relu", "engine/mlp.cpp", "out[i] > Real(0) ? adjoint[i] : Real(0)", "out[i] > Real(0) ? adjoint[i] * Real(1.0001) : Real(0)"),
    ("reconstruction loss", "engine/autoencoder.cpp", "static_cast<Real>(2.0 * loss_bar", "static_cast<Real>(2.0002 * loss_bar"),
    ("conditional decoder", "engine/autoencoder.cpp", "latent_bar += decode_backward(model, pass.as_reference", "latent_bar += Real(1.0001) * decode_backward(model, pass.as_reference"),
    ("reconstruction of the cells themselves, MMD", "engine/methods/mmd_autoencoder.cpp", "cells_bar -= reconstruction_bar;", "cells_bar -= Real(1.0001) * reconstruction_bar;"),
    ("reconstruction of the cells themselves, WGAN", "engine/methods/wgan_autoencoder.cpp", "cells_bar -= reconstruction_bar;", "cells_bar -= Real(1.0001) * reconstruction_bar;"),
    ("kernel sum", "engine/kernel_sum.cpp", "static_cast<Real>(-coefficient / n_kernels)", "static_cast<Real>(-1.0001 * coefficient / n_kernels)"),
    ("square root of the MMD", "engine/mmd.cpp", "0.5 / std::sqrt(std::max(v, 1e-12))", "0.50005 / std::sqrt(std::max(v, 1e-12))"),
    ("masked MMD, scale", "engine/mmd.cpp", "static_cast<Real>(loss_bar * loss.slope * group->scale)", "static_cast<Real>(1.0001 * loss_bar * loss.slope * group->scale)"),
    ("masked MMD, zero rows", "engine/mmd.cpp", "kernel_sum(a.points, zero, bandwidths, a_bar, slope * b.n_zero_rows)", "kernel_sum(a.points, zero, bandwidths, a_bar, 1.0001 * slope * b.n_zero_rows)"),
    ("ordinary MMD", "engine/mmd.cpp", "total.sums_bar += coefficient / pairs", "total.sums_bar += 1.0001 * coefficient / pairs"),
    ("Wasserstein, real", "engine/methods/wgan_autoencoder.cpp", "real_bar / counts.real", "1.0001 * real_bar / counts.real"),
    ("Wasserstein, fake", "engine/methods/wgan_autoencoder.cpp", "fake_bar / counts.fake", "1.0001 * fake_bar / counts.fake"),
    ("gradient reversal", "engine/methods/wgan_autoencoder.cpp", "latent_bar = -score_backward(", "latent_bar = Real(-1.0001) * score_backward("),
    ("gradient penalty, first kernel", "engine/training/gradient_penalty.cpp", "kernel += p1 * slope_bar.t();", "kernel += Real(1.0001) * p1 * slope_bar.t();"),
    ("gradient penalty, second kernel", "engine/training/gradient_penalty.cpp", "kernel += p2 * r1.t();", "kernel += Real(1.0001) * p2 * r1.t();"),
    ("gradient penalty, third kernel", "engine/training/gradient_penalty.cpp", "kernel += arma::sum(r2, 1).t();", "kernel += Real(1.0001) * arma::sum(r2, 1).t();"),
    ("Harmony, softmax", "engine/methods/harmony_tile.cpp", "hn::Sub(hn::Load(reals, bar + place), mean)", "hn::Sub(hn::Load(reals, bar + place), hn::Mul(mean, hn::Set(reals, Real(1.0001))))"),
    ("Harmony, correction step", "engine/methods/harmony_tile.cpp", "hn::Store(hn::Sub(bar, part), reals, y_bar + i)", "hn::Store(hn::Sub(bar, hn::Mul(part, hn::Set(reals, Real(1.0001)))), reals, y_bar + i)"),
    ("Harmony, clipped ratio", "engine/methods/harmony_step.cpp", "batch.code[i]) += s_bar / s;", "batch.code[i]) += 1.0001 * s_bar / s;"),
    ("Harmony, share of a cluster", "engine/methods/harmony_step.cpp", "share_bar.each_col() += total_bar;", "share_bar.each_col() += 1.0001 * total_bar;"),
    ("Harmony, distances to cells", "engine/methods/harmony_step.cpp", "add_scaled(work.target, members.count, softmax.factor, y_bar)", "add_scaled(work.target, members.count, Real(1.0001) * softmax.factor, y_bar)"),
    ("Harmony, centroids as targets", "engine/methods/harmony_step.cpp", "Matrix<Real> bar = c_bar.t() * a;", "Matrix<Real> bar = Real(1.0001) * c_bar.t() * a;"),
    ("Harmony, centroids in distances", "engine/methods/harmony_step.cpp", "bar += softmax.factor * (y.t() * a_bar);", "bar += Real(1.0001) * softmax.factor * (y.t() * a_bar);"),
    ("Harmony, squared centroids", "engine/methods/harmony_step.cpp", "bar -= softmax.centroids.each_row()", "bar -= Real(1.0001) * softmax.centroids.each_row()"),
    ("Harmony training, distortion", "engine/training/train_harmony.cpp", "static_cast<Real>(4.0 * loss_bar * scale)", "static_cast<Real>(4.0004 * loss_bar * scale)"),
    ("WGAN training, generator", "engine/training/train_wgan.cpp", "critic_weight, -critic_weight, precision", "1.0001 * critic_weight, -critic_weight, precision"),
    ("WGAN training, critic", "engine/training/train_wgan.cpp", "scores, -1.0, 1.0, precision, critic_bar", "scores, -1.0001, 1.0, precision, critic_bar"),
]  # fmt: skip


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def failing_tests(directory: Path) -> list[str]:
    """Builds and runs the tests of gradients; the names of those that fail. Raises if the build fails."""
    build = run(directory, "cmake", "--build", "build/test", "--target", "bcbench_tests")
    if build.returncode != 0:
        raise RuntimeError("does not compile:\n" + build.stdout[-3000:])
    tests = run(directory, "build/test/tests/bcbench_tests", TESTS, "--reporter", "xml")
    cases = re.findall(r'<TestCase name="([^"]*)"[^>]*>(.*?)</TestCase>', tests.stdout, re.DOTALL)
    return [name for name, body in cases if 'success="false"' in body]


def main(chosen: list[str]) -> int:
    unknown = set(chosen) - {name for name, *_ in ERRORS}
    if unknown:
        print(f"plant_errors: no error is named {sorted(unknown)[0]!r}", file=sys.stderr)
        return 2
    missed = 0
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary) / "bcbench"
        run(ROOT, "git", "checkout-index", "--all", f"--prefix={directory}/")
        run(directory, "cmake", "--preset", "test")
        before = failing_tests(directory)
        if before:
            print(f"plant_errors: tests fail before anything is planted: {', '.join(before)}", file=sys.stderr)
            return 1
        for name, file, good, bad in ERRORS:
            if chosen and name not in chosen:
                continue
            source = directory / file
            text = source.read_text()
            if text.count(good) != 1:
                print(f"{name}: {file} does not have the line to alter once: {good}", flush=True)
                missed += 1
                continue
            source.write_text(text.replace(good, bad))
            caught = failing_tests(directory)
            source.write_text(text)
            missed += not caught
            print(f"{name}: " + (f"caught by {len(caught)}, first: {caught[0]}" if caught else "NOT CAUGHT"), flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
