"""Paths and results that several tests share."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(Path(__file__).parent)]

from browser import Browser, find_browser  # noqa: E402
from bcbench_report.cli import main  # noqa: E402
from sample import documented  # noqa: E402


@dataclass(frozen=True)
class Outcome:
    returncode: int
    stdout: str
    stderr: str


def run_report(*arguments: object) -> Outcome:
    """Runs the command line in this process, which saves the start of matplotlib."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # usage errors and --help
            code = int(end.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def documented_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results directory like the documented experiment, with its report in report/."""
    directory = documented().write(tmp_path_factory.mktemp("documented"))
    result = run_report(directory)
    assert result.returncode == 0, result.stderr
    return directory


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_browser()
    if executable is None:
        pytest.skip(
            "no Chromium is installed (Debian package chromium): the page is not looked at in a browser"
        )
    with Browser(executable) as running:
        yield running
