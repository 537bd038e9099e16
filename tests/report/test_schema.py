"""The schema as other programs use it: what a validator says of a name that does not exist names those that do."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")

CONFIGS = Path(__file__).parents[2] / "configs"
SCHEMA = json.loads((CONFIGS / "experiment.schema.json").read_text(encoding="utf-8"))
GOOD: dict[str, Any] = {
    "schema_version": 1,
    "name": "small",
    "datasets": [{"label": "data", "type": "gaussian_batches"}],
    "methods": [{"label": "Harmony", "type": "harmony"}],
    "metrics": ["mean_shift", "diffbio", {"type": "kbet", "params": {"alpha": 0.1}}],
}


def error_of(config: dict[str, Any]) -> str:
    """The first line of what `jsonschema.validate` says."""
    with pytest.raises(jsonschema.ValidationError) as raised:
        jsonschema.validate(config, SCHEMA)
    return str(raised.value.message)


@pytest.mark.parametrize(
    "path, wrong, known",
    [
        (("methods", 0, "type"), "harmny", ["harmony", "combat", "uncorrected"]),
        (("datasets", 0, "type"), "tabel", ["table", "h5ad", "gaussian_batches"]),
        (("metrics", 0), "mean_shfit", ["mean_shift", "diffbio"]),
        (("metrics", 2, "type"), "kbte", ["kbet", "ilisi"]),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_exist(
    path: tuple[Any, ...], wrong: str, known: list[str]
) -> None:
    config = copy.deepcopy(GOOD)
    place: Any = config
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = wrong
    message = error_of(config)
    assert repr(wrong) in message
    for name in known:
        assert repr(name) in message


def test_a_wrong_parameter_is_named_alone() -> None:
    config = copy.deepcopy(GOOD)
    config["metrics"][2]["params"] = {"alhpa": 0.1}
    assert "'alhpa' was unexpected" in error_of(config)


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.json")), ids=lambda file: file.stem)
def test_every_config_of_the_project_is_valid(file: Path) -> None:
    if file.name.endswith((".schema.json", ".expected.json")):
        pytest.skip("no config")
    jsonschema.validate(json.loads(file.read_text(encoding="utf-8")), SCHEMA)
