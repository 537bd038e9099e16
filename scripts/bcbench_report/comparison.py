"""The page of a comparison: what `bcbench compare --format json` found, regressions first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .album import Album
from .cells import Cell, Table, cut, none_cell, percent, raw_number, short, text_cell
from .comparison_charts import draw_changes, draw_seeds, draw_times
from .outcome import Verdict
from .page import Report, Section
from .read import ReportError, finite, mapping, read_json, sequence

SCHEMA_VERSION = 1
SOURCE = "the comparison's JSON"

# Status, how alarming it is, and what it means, most alarming first: results/README.md.
STATUSES = {
    "worse": ("bad", "moved beyond its tolerance, to the bad side"),
    "newly failing": ("bad", "had a value; now it fails, is not finite or not applicable"),
    "missing": ("bad", "only the base has it"),
    "changed": ("bad", "moved beyond its tolerance; neither side is the good one"),
    "not comparable": ("warn", "other data, parameters, or definition of the metric"),
    "undecided": ("warn", "moved to both sides from seed to seed, without a clear direction"),
    "still failing": ("warn", "fails in both"),
    "better": ("good", "moved beyond its tolerance, to the good side"),
    "fixed": ("good", "failed or had no value before"),
    "new": ("", "only the candidate has it"),
    "within tolerance": ("", "moved by no more than its tolerance"),
    "same": ("", "equal numbers"),
}
LOST = ("newly failing", "missing", "still failing", "not comparable")
MOVED = ("worse", "changed", "undecided", "better")
ARRIVED = ("fixed", "new")
VERDICTS = {
    "good": ("good", "Good: no regression."),
    "regression": ("bad", "A regression."),
    "points failed or missing": ("bad", "Points failed or are missing in the candidate."),
    "not comparable": ("warn", "The two cannot be compared."),
}


@dataclass(frozen=True)
class Comparison:
    document: dict[str, Any]
    values: list[dict[str, Any]]
    seeds: list[dict[str, Any]]
    times: list[dict[str, Any]]


def read_comparison(path: Path) -> Comparison:
    """The JSON that `bcbench compare --format json` prints."""
    if not path.is_file():
        raise ReportError(
            f"{path}: no such file; write it with `bcbench compare BASE CANDIDATE --format json > {path}`"
        )
    document = read_json(path)
    if document.get("schema_version") != SCHEMA_VERSION or "verdict" not in document:
        raise ReportError(
            f"{path}: is no comparison of schema version {SCHEMA_VERSION}; "
            "write one with `bcbench compare BASE CANDIDATE --format json`"
        )
    lists = [[mapping(row) for row in sequence(document.get(name))] for name in ("values", "seeds", "times")]
    return Comparison(document, *lists)


def build_comparison(comparison: Comparison, album: Album, footer: str) -> Report:
    """Draws the figures into the album and collects what the page shows; empty sections are left out."""
    sections = [
        Section("Outcome", [*_counts(comparison), _sides(comparison)]),
        Section("Failed, missing or not comparable", _value_tables(comparison, "Without two values", LOST)),
        Section("What moved", _value_tables(comparison, "Base against candidate", MOVED)),
        Section(
            "Over seeds",
            [*_seed_tables(comparison), *_value_tables(comparison, "The seeds one by one", MOVED, True)],
        ),
        Section("Times", _time_tables(comparison)),
        Section("Fixed or new", _value_tables(comparison, "With a value now", ARRIVED)),
        Section(
            "Within tolerance",
            _value_tables(comparison, "Moved by no more than the tolerance", ("within tolerance",)),
        ),
    ]
    for section, draw, rows in (
        (sections[2], draw_changes, _chosen(comparison, MOVED)),
        (sections[3], draw_seeds, comparison.seeds),
        (sections[4], draw_times, comparison.times),
    ):
        draw(album, rows)
        section.pictures = album.take()
    names = [str(mapping(comparison.document.get(side)).get("name") or "") for side in ("base", "candidate")]
    name = names[0] if names[0] == names[1] else " and ".join(filter(None, names))
    return Report(
        f"Comparison of {name or 'results'}",
        "What became better, worse or went missing from the base to the candidate?",
        "",
        _verdict(comparison),
        [section for section in sections if section.tables],
        footer,
        ranked=False,
    )


def _chosen(
    comparison: Comparison, statuses: tuple[str, ...], over_seeds: bool = False
) -> list[dict[str, Any]]:
    """Values that count by themselves, or those whose seeds decide together; most alarming first."""
    chosen = [
        row
        for row in comparison.values
        if row.get("status") in statuses and bool(row.get("decided_over_seeds")) == over_seeds
    ]
    return sorted(chosen, key=lambda row: statuses.index(row["status"]))


def _verdict(comparison: Comparison) -> Verdict:
    document = comparison.document
    word = str(document.get("verdict"))
    kind, headline = VERDICTS.get(word, ("warn", word))
    counts = mapping(document.get("counts"))
    found = [f"{counts[status]} {status}" for status in STATUSES if finite(counts.get(status))]
    details = [f"Values: {', '.join(found)}."] if found else []
    if document.get("identical") is True:
        details.append("metrics.csv is the same byte for byte.")
    details += [str(note) for note in sequence(document.get("notes"))]
    return Verdict(kind, headline, details)


def _counts(comparison: Comparison) -> list[Table]:
    counts = mapping(comparison.document.get("counts"))
    rows = [
        [Cell(status, kind=kind), Cell(str(counts[status]), kind="count"), text_cell(meaning)]
        for status, (kind, meaning) in STATUSES.items()
        if finite(counts.get(status))
    ]
    return [Table("Values", ["status", "values", "meaning"], rows)] if rows else []


def _sides(comparison: Comparison) -> Table:
    sides = [mapping(comparison.document.get(side)) for side in ("base", "candidate")]
    rows = [
        [text_cell(title), *(text_cell(_fact(side, key)) for side in sides)]
        for title, key in (
            ("directory", "directory"),
            ("commit", "git_commit"),
            ("started", "started"),
            ("complete", "complete"),
            ("machine", "machine"),
        )
    ]
    return Table("What was compared", ["", "base", "candidate"], rows)


def _fact(side: dict[str, Any], key: str) -> str:
    value = side.get(key)
    if isinstance(value, bool):
        return "yes" if value else "no"
    changes = (
        " with changes that are not committed"
        if key == "git_commit" and side.get("git_dirty") is True
        else ""
    )
    return f"{value}{changes}" if value else "not recorded"


def _value_tables(
    comparison: Comparison, title: str, statuses: tuple[str, ...], over_seeds: bool = False
) -> list[Table]:
    lines = [
        [
            _status(row),
            text_cell(str(row.get("point", ""))),
            text_cell(str(row.get("metric") or "the whole point")),
            _number(row.get("base")),
            _number(row.get("candidate")),
            _number(row.get("difference"), sign=True),
            _percent(row.get("relative")),
            text_cell(str(row.get("reason") or "")),
        ]
        for row in _chosen(comparison, statuses, over_seeds)
    ]
    heads = ["status", "point", "metric", "base", "candidate", "difference", "of the base", "reason"]
    return _table(title, heads, lines)


def _seed_tables(comparison: Comparison) -> list[Table]:
    lines = [
        [
            _status(row),
            text_cell(str(row.get("points", ""))),
            text_cell(str(row.get("metric", ""))),
            text_cell(str(row.get("n_seeds", ""))),
            _number(row.get("base_mean")),
            _number(row.get("difference"), sign=True),
            _interval(row),
            _number(row.get("p_holm")),
            text_cell(str(row.get("reason") or "")),
        ]
        for row in comparison.seeds
    ]
    heads = [
        "status",
        "points",
        "metric",
        "seeds",
        "base",
        "difference",
        "95 % interval",
        "p",
        "reason",
    ]
    tables = _table("Means over seeds, paired by seed", heads, lines)
    for table in tables:
        table.notes.append("p is that of Student's t, corrected for the number of tests by Holm's method.")
    return tables


def _time_tables(comparison: Comparison) -> list[Table]:
    unclear = sum(row.get("status") == "too few repeats" for row in comparison.times)
    lines = [
        [
            Cell(
                str(row.get("status", "")),
                kind={"slower": "bad", "faster": "good"}.get(str(row.get("status")), ""),
            ),
            text_cell(str(row.get("point", ""))),
            text_cell(str(row.get("stage", ""))),
            text_cell(f"{row.get('n_base', '')} + {row.get('n_candidate', '')}"),
            _number(row.get("ratio")),
            _interval(row),
            _number(row.get("p_holm")),
        ]
        for row in comparison.times
        if row.get("status") != "too few repeats"
    ]
    heads = ["status", "point", "stage", "repeats", "candidate / base", "95 % interval", "p"]
    tables = _table("Ratio of the times", heads, lines)
    if unclear:
        reason = next(
            str(row.get("reason")) for row in comparison.times if row.get("status") == "too few repeats"
        )
        tables = tables or [Table("Ratio of the times", heads, [])]
        tables[-1].notes.append(f"{unclear} stages cannot be told: {reason}.")
    return tables


def _table(title: str, heads: list[str], lines: list[list[Cell]]) -> list[Table]:
    """The table without the columns that no line fills; none without lines."""
    if not lines:
        return []
    filled = [any(line[column].text not in ("", "–") for line in lines) for column in range(len(heads))]
    kept = [head for head, is_filled in zip(heads, filled) if is_filled]
    rows = [[cell for cell, is_filled in zip(line, filled) if is_filled] for line in lines]
    return [cut(Table(title, kept, rows), SOURCE)]


def _status(row: dict[str, Any]) -> Cell:
    status = str(row.get("status", ""))
    return Cell(status, kind=STATUSES.get(status, ("", ""))[0])


def _number(value: Any, sign: bool = False) -> Cell:
    number = finite(value)
    if number is None:
        return none_cell()
    text = short(number)
    return Cell(f"+{text}" if sign and number > 0 else text, raw_number(number), "value")


def _percent(value: Any) -> Cell:
    number = finite(value)
    if number is None:
        return none_cell()
    return Cell(percent(number), raw_number(number), "value")


def _interval(row: dict[str, Any]) -> Cell:
    low, high = finite(row.get("low")), finite(row.get("high"))
    if low is None or high is None:
        return none_cell()
    return Cell(f"{short(low)} to {short(high)}", f"{raw_number(low)} to {raw_number(high)}", "value")
