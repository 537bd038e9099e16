"""Loads the module with the OpenBLAS kernel and threads that the program uses: the same numbers, as fast."""

import importlib
import os
import subprocess

import numpy  # noqa: F401  (its own OpenBLAS sets itself up before ours, as the user's environment says)

from .__main__ import PROGRAM


def _load() -> object:
    before = {name: os.environ.get(name) for name in ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS")}
    if before["OPENBLAS_CORETYPE"] is None:
        asked = subprocess.run([str(PROGRAM), "--blas-kernel"], text=True, stdout=subprocess.PIPE)
        if asked.returncode == 0:
            os.environ["OPENBLAS_CORETYPE"] = asked.stdout.strip()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once, when the library is loaded
    try:
        return importlib.import_module("bcbench._core")
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_core = _load()
