"""Experiments: the program's run, and its results."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Optional, Sequence, Union

import numpy as np

from .__main__ import PROGRAM


class Results:
    """A results directory. Tables are pandas data frames where pandas is installed; see results/README.md."""

    def __init__(self, directory: Union[str, Path]) -> None:
        self.directory = Path(directory)
        if not (self.directory / "manifest.json").exists():
            raise ValueError(f"{self.directory} has no manifest.json: it is no results directory")

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.directory / "manifest.json").read_text())

    @property
    def metrics(self) -> Any:
        return self._table("metrics.csv")

    @property
    def timings(self) -> Any:
        return self._table("timings.csv")

    def point(self, point: str) -> dict[str, Any]:
        return json.loads((self.directory / "points" / f"{point}.json").read_text())

    def embedding(self, point: str) -> np.ndarray:
        """Corrected cells (n, F) of a point, of a run with ``outputs.embeddings``."""
        return np.load(self.directory / "embeddings" / f"{point}.npy")

    def arrays(self, point: str) -> dict[str, np.ndarray]:
        """What the method of a point computed besides the cells, of a run with ``outputs.arrays``."""
        return self._archive("arrays", point)

    def gradients(self, point: str) -> dict[str, np.ndarray]:
        """Gradients of a point, and what they are of, of a run with ``outputs.gradients``."""
        return self._archive("gradients", point)

    def _archive(self, kind: str, point: str) -> dict[str, np.ndarray]:
        with np.load(self.directory / kind / f"{point}.npz") as file:
            return dict(file)

    def _table(self, name: str) -> Any:
        import pandas

        return pandas.read_csv(self.directory / name)


def load(directory: Union[str, Path]) -> Results:
    """The results of a run."""
    return Results(directory)


def run(
    config: Union[str, Path, dict[str, Any]],
    out: Optional[Union[str, Path]] = None,
    *,
    arguments: Sequence[str] = (),
) -> Results:
    """Runs an experiment: a config file, or a config as a dict, whose relative paths are then of this directory.

    ``arguments``: further ones of ``bcbench run``, such as ``["--jobs", "2"]``. Points that failed are in the results;
    a config that cannot be run raises ValueError with every fault.
    """
    if not isinstance(config, dict):
        file = Path(config)
        return _run(file, Path(out) if out is not None else Path("results") / _name_of(file), arguments)
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=".") as file:
        json.dump(config, file)
        file.flush()
        return _run(Path(file.name), Path(out or Path("results") / str(config.get("name", "python"))), arguments)


def _name_of(file: Path) -> str:
    try:
        return str(json.loads(file.read_text())["name"])
    except (OSError, ValueError, KeyError):
        return file.stem


def _run(file: Path, out: Path, arguments: Sequence[str]) -> Results:
    command = [str(PROGRAM), "run", str(file), "--out", str(out), "--quiet", *arguments]
    done = subprocess.run(command, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode not in (0, 1, 3):  # 1: a check does not hold, 3: some points failed; both are in the results
        raise ValueError(done.stderr.strip() or f"bcbench run ended with exit code {done.returncode}")
    return Results(out)
