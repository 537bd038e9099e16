"""Environments of their own for scripts that compare with packages of others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def continue_in(name: str, packages: list[str], alone: list[str] | None = None) -> None:
    """Starts the running script again in build/parity/NAME, which has `packages`; made anew for other packages.

    Those of `alone` are installed without what they require, which `packages` must have, and whatever their Python.
    """
    environment = ROOT / "build" / "parity" / name
    if Path(sys.prefix).resolve() == environment.resolve():
        return
    python, made_of = environment / "bin" / "python", environment / "packages.txt"
    wanted = packages + (alone or [])
    if not made_of.exists() or made_of.read_text().split() != wanted:
        print(f"{Path(sys.argv[0]).stem}: installing {', '.join(wanted)} into {environment}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, *packages], check=True)
        if alone:
            subprocess.run([*install, "--no-deps", "--ignore-requires-python", *alone], check=True)
        made_of.write_text("\n".join(wanted) + "\n")
    os.execv(python, [str(python), *sys.argv])
