"""Reading a results directory (formats: results/README.md). A problem becomes one clear sentence."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import numpy as np
from numpy.typing import NDArray

csv.field_size_limit(16 * 1024 * 1024)


class ReportError(Exception):
    """The results cannot be reported; the message says what is wrong and what would be right."""


@dataclass(frozen=True)
class Row:
    """One line of metrics.csv. `value` is None without a finite number; `raw` is the field as written."""

    point: str
    dataset: str
    method: str
    params: str
    seed: str
    metric: str
    value: float | None
    raw: str
    direction: str
    status: str


@dataclass(frozen=True)
class Expected:
    """One line of expected.csv: a documented number and ours."""

    section: str
    point: str
    metric: str
    printed: str
    reproduced: str
    value: str
    equal: str


@dataclass(frozen=True)
class Timing:
    point: str
    stage: str
    repeat: str
    seconds: float


@dataclass(frozen=True)
class Projection:
    """Corrected cells of a point on two principal components: [cells x 2], and two labels a cell."""

    coordinates: NDArray[np.float64]
    batch: list[str]
    type: list[str]


CellValues = Dict[str, NDArray[np.float64]]  # by metric, [cells]; NaN where a cell has none


@dataclass
class Results:
    directory: Path
    manifest: dict[str, Any]
    rows: list[Row]
    expected: list[Expected]
    timings: list[Timing]
    warnings: list[str] = field(
        default_factory=list
    )  # what is wrong with the files; each makes the run incomplete
    point: Callable[[str], dict[str, Any]] = field(init=False)  # a point's own file; the last ones are kept

    def __post_init__(self) -> None:
        @lru_cache(maxsize=512)
        def read(point: str) -> dict[str, Any]:
            return read_point(self.directory, point, self.warnings)

        self.point = read


def read_results(directory: Path) -> Results:
    """Reads all but point files and projections; those are read for the points that are shown."""
    if not directory.is_dir():
        raise ReportError(f"{directory}: no such directory; name a directory that `bcbench run` wrote")
    warnings: list[str] = []
    manifest = _read_manifest(directory, warnings)
    rows = _read_metrics(directory, warnings)
    expected = [
        Expected(**record)
        for _, record in _records(
            directory / "expected.csv",
            ["section", "point", "metric", "printed"],
            {"reproduced": "", "value": "", "equal": ""},
            warnings,
        )
    ]
    timings = _read_timings(directory / "timings.csv", warnings)
    return Results(directory, manifest, rows, expected, timings, warnings)


def read_point(directory: Path, point: str, warnings: list[str]) -> dict[str, Any]:
    """The point's own file, or an empty dictionary where there is none that can be read."""
    if not point or "/" in point or "\\" in point or "\0" in point:
        return {}
    path = directory / "points" / f"{point}.json"
    if not path.is_file():
        return {}
    try:
        return read_json(path)
    except ReportError as error:
        note = f"{error}; what it says of this point is left out"
        if note not in warnings:
            warnings.append(note)
        return {}


def read_projections(directory: Path, points: set[str], warnings: list[str]) -> dict[str, Projection]:
    """The projections of the wanted points, cells in file order."""
    cells: dict[str, tuple[list[float], list[float], list[str], list[str]]] = {}
    path = directory / "projections.csv"
    for line, record in _records(path, ["point", "batch", "pc1", "pc2"], {"type": ""}, warnings):
        if record["point"] not in points:
            continue
        first, second, batch, kind = cells.setdefault(record["point"], ([], [], [], []))
        first.append(_number(path, line, "pc1", record["pc1"]))
        second.append(_number(path, line, "pc2", record["pc2"]))
        batch.append(record["batch"])
        kind.append(record["type"])
    return {
        point: Projection(np.column_stack([first, second]), batch, kind)
        for point, (first, second, batch, kind) in cells.items()
    }


def read_per_cell(
    directory: Path, points: set[str], metrics: list[str], warnings: list[str]
) -> dict[str, CellValues]:
    """The values per cell of these metrics, of the wanted points that have such a file."""
    found: dict[str, CellValues] = {}
    for point in sorted(points):
        path = directory / "per_cell" / f"{point}.csv"
        columns: dict[str, list[float]] = {metric: [] for metric in metrics}
        for line, record in _records(path, ["cell"], {metric: "" for metric in metrics}, warnings):
            for metric in metrics:
                text = record[metric]
                columns[metric].append(_number(path, line, metric, text) if text else math.nan)
        arrays = {metric: np.array(values) for metric, values in columns.items()}
        found[point] = {metric: values for metric, values in arrays.items() if np.isfinite(values).any()}
    return found


def _read_manifest(directory: Path, warnings: list[str]) -> dict[str, Any]:
    path = directory / "manifest.json"
    if not path.is_file():
        warnings.append("manifest.json is not there: the run has not finished, and what ran is not recorded")
        return {}
    try:
        return read_json(path)
    except ReportError as error:
        warnings.append(f"{error}; what ran is not shown")
        return {}


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ReportError(f"{path.name}: not UTF-8 text") from None
    except OSError as error:
        raise ReportError(f"{path.name}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path.name}: not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise ReportError(f"{path.name}: holds no JSON object")
    return content


def _read_metrics(directory: Path, warnings: list[str]) -> list[Row]:
    path = directory / "metrics.csv"
    if not path.is_file():
        return _rows_of_points(directory, warnings)
    optional = {"params": "{}", "seed": "", "direction": "info", "status": "ok"}
    rows = []
    seen: set[tuple[str, str]] = set()
    for line, record in _records(path, ["point", "dataset", "method", "metric", "value"], optional, warnings):
        raw = record.pop("value")
        key = (record["point"], record["metric"])
        if key in seen:
            raise ReportError(f"metrics.csv:{line}: a second value of '{key[1]}' for the point '{key[0]}'")
        seen.add(key)
        number = _number(path, line, "value", raw) if raw else math.nan
        rows.append(Row(value=number if math.isfinite(number) else None, raw=raw, **record))
    if not rows:
        warnings.append("metrics.csv holds no values")
    return rows


def _rows_of_points(directory: Path, warnings: list[str]) -> list[Row]:
    """A run that was cut off has point files but no table yet: the rows those points will have."""
    files = sorted((directory / "points").glob("*.json"))
    if not files:
        raise ReportError(
            f"{directory}: neither metrics.csv nor point files are here; "
            f"write them with `bcbench run CONFIG --out {directory}`"
        )
    warnings.append(
        f"metrics.csv is not there: the run has not finished; values come from {len(files)} point files"
    )
    rows = []
    for path in files:
        point = read_point(directory, path.stem, warnings)
        dataset, method = mapping(point.get("dataset")), mapping(point.get("method"))
        params = point.get("params")
        resolved = {
            **mapping(method.get("params")),
            **{f"train.{key}": value for key, value in mapping(method.get("train")).items()},
            **{f"dataset.{key}": value for key, value in mapping(dataset.get("params")).items()},
        }
        for entry in map(mapping, sequence(point.get("metrics"))):
            value = entry.get("value")
            number = finite(value)
            rows.append(
                Row(
                    path.stem,
                    str(dataset.get("label", "")),
                    str(method.get("label", "")),
                    params if isinstance(params, str) else json.dumps(resolved, sort_keys=True),
                    str(method.get("seed", "")),
                    str(entry.get("metric", "")),
                    number,
                    "" if value is None else str(value),
                    str(entry.get("direction", "info")),
                    str(entry.get("status", "ok")),
                )
            )
    return rows


def _read_timings(path: Path, warnings: list[str]) -> list[Timing]:
    timings = []
    for line, record in _records(path, ["point", "stage", "seconds"], {"repeat": ""}, warnings):
        seconds = _number(path, line, "seconds", record.pop("seconds"))
        if math.isfinite(seconds):
            timings.append(Timing(seconds=seconds, **record))
    return timings


def _records(
    path: Path, required: list[str], optional: dict[str, str], warnings: list[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and wanted fields of every record; nothing if the file is absent.

    A last line without its line break was cut off while it was written: it is left out, with a warning.
    """
    if not path.is_file():
        return
    cut = not _ends_with_newline(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            columns = _columns(path, next(reader, []), required, optional)
            width, picks = columns[0], columns[1]
            pending: tuple[int, list[str]] | None = None
            for fields in reader:
                if pending:
                    yield pending[0], _record(path, *pending, width, picks, optional)
                pending = (reader.line_num, fields) if fields else None
            if pending and cut:
                warnings.append(
                    f"{path.name}:{pending[0]}: the last line is cut off and left out; "
                    "the file was not written to its end"
                )
            elif pending:
                yield pending[0], _record(path, *pending, width, picks, optional)
    except UnicodeDecodeError:
        raise ReportError(f"{path.name}: not UTF-8 text") from None
    except (csv.Error, OSError) as error:
        raise ReportError(f"{path.name}: cannot be read as CSV ({error})") from None


def _columns(
    path: Path, header: list[str], required: list[str], optional: dict[str, str]
) -> tuple[int, dict[str, int]]:
    missing = [name for name in required if name not in header]
    if missing:
        found = ", ".join(header) if header else "an empty file"
        raise ReportError(
            f"{path.name}:1: no column {', '.join(repr(name) for name in missing)}; found: {found}"
        )
    return len(header), {name: header.index(name) for name in [*required, *optional] if name in header}


def _record(
    path: Path, line: int, fields: list[str], width: int, picks: dict[str, int], optional: dict[str, str]
) -> dict[str, str]:
    if len(fields) != width:
        raise ReportError(f"{path.name}:{line}: {len(fields)} fields where the header has {width}")
    return {**optional, **{name: fields[index] for name, index in picks.items()}}


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size == 0:
            return True
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ReportError(f"{path.name}:{line}: column '{column}' holds {text!r}, not a number") from None


def mapping(value: Any) -> dict[str, Any]:
    """`value` if it is a JSON object, else an empty one: the report shows what is there."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def finite(value: Any) -> float | None:
    """`value` as a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
