"""The tour runs."""

import subprocess
import sys
from pathlib import Path

QUICKSTART = Path(__file__).resolve().parents[2] / "experiments" / "python" / "quickstart.py"


def test_quickstart(tmp_path):
    command = [sys.executable, QUICKSTART]
    said = subprocess.run(command, cwd=tmp_path, check=True, text=True, stdout=subprocess.PIPE).stdout
    total = next(line.split()[1:] for line in said.splitlines() if line.startswith("total "))
    uncorrected, harmony, _ = map(float, total)
    assert harmony > uncorrected
