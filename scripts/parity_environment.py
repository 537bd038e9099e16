"""Environments of their own for scripts that compare with packages of others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def continue_in(name: str, packages: list[str]) -> None:
    """Starts the running script again in build/parity/NAME, which has `packages`; made anew for other packages."""
    environment = ROOT / "build" / "parity" / name
    if Path(sys.prefix).resolve() == environment.resolve():
        return
    python, made_of = environment / "bin" / "python", environment / "packages.txt"
    if not made_of.exists() or made_of.read_text().split() != packages:
        print(f"{Path(sys.argv[0]).stem}: installing {', '.join(packages)} into {environment}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
        made_of.write_text("\n".join(packages) + "\n")
    os.execv(python, [str(python), *sys.argv])
