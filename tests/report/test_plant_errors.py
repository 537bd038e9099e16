"""The errors that tests/plant_errors.py plants: each alters a line that is there, once."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from plant_errors import ERRORS, ROOT, as_it_stands, with_error  # noqa: E402


@pytest.mark.parametrize("file", ERRORS)
def test_every_planted_error_alters_one_line(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    for name, piece in ERRORS[file].items():
        assert text.count(as_it_stands(piece)) == 1, name
        assert with_error(piece) != as_it_stands(piece), name
