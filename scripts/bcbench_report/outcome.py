"""The head of the report: what was asked, what ran where, what came out and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .cells import Cell, Table, cut, difference_cell, none_cell, text_cell
from .read import Results, finite, mapping, sequence
from .study import plain


@dataclass(frozen=True)
class Counts:
    expected: int
    ok: int
    skipped: int
    failed: int
    missing: int


@dataclass(frozen=True)
class Verdict:
    """The first sentence of the page. `kind` is good, warn or bad; it colours what the words say."""

    kind: str
    headline: str
    details: list[str]


def counts_of(results: Results) -> Counts:
    """The counts of the manifest; without one, what the rows show."""
    stored = mapping(results.manifest.get("counts"))
    names = ("expected", "ok", "skipped", "failed", "missing")
    numbers = {name: finite(stored.get(name)) for name in names}
    if all(numbers[name] is not None for name in names[:4]):
        expected, ok, skipped, failed = (int(numbers[name] or 0) for name in names[:4])
        missing = numbers["missing"]
        return Counts(
            expected,
            ok,
            skipped,
            failed,
            max(0, expected - ok - skipped - failed) if missing is None else int(missing),
        )
    statuses: dict[str, set[str]] = {}
    for row in results.rows:
        statuses.setdefault(row.point, set()).add(row.status)
    failed = sum("failed" in words for words in statuses.values())
    skipped = sum(words == {"skipped"} for words in statuses.values())
    return Counts(len(statuses), len(statuses) - failed - skipped, skipped, failed, 0)


def is_complete(results: Results) -> bool:
    """Whether every point is there and none failed, and every file was written to its end."""
    counts = counts_of(results)
    return (
        results.manifest.get("status") == "complete"
        and not results.warnings
        and counts.failed == 0
        and counts.missing == 0
    )


def verdict_of(results: Results) -> Verdict:
    counts = counts_of(results)
    details = list(results.warnings)
    if counts.skipped:
        details.append(f"{_points(counts.skipped)} skipped on purpose; the reasons stand under “Outcome”.")
    agreement = _agreement(results)
    if agreement:
        details.append(agreement)
    if results.manifest.get("status") != "complete" or counts.missing or results.warnings:
        lacking = [
            text
            for number, text in (
                (counts.missing, f"{_points(counts.missing)} missing"),
                (counts.failed, f"{counts.failed} failed"),
            )
            if number
        ]
        what = f": {', '.join(lacking)} of {counts.expected}" if lacking else ""
        return Verdict("bad", f"This run is incomplete{what}.", details)
    if counts.failed:
        return Verdict("bad", f"{_points(counts.failed)} of {counts.expected} failed.", details)
    differs = any(line.equal in ("no", "missing") for line in results.expected)
    return Verdict(
        "warn" if differs or counts.skipped else "good",
        f"Complete: {counts.ok} of {_points(counts.expected)} ok.",
        details,
    )


def outcome_tables(results: Results) -> list[Table]:
    counts = counts_of(results)
    tables = [
        Table(
            "Points",
            ["expected", "ok", "skipped", "failed", "missing"],
            [
                [
                    Cell(str(counts.expected), kind="count"),
                    Cell(str(counts.ok), kind="count"),
                    Cell(str(counts.skipped), kind="count"),
                    Cell(str(counts.failed), kind="count bad" if counts.failed else "count"),
                    Cell(str(counts.missing), kind="count bad" if counts.missing else "count"),
                ]
            ],
        )
    ]
    problems = [mapping(problem) for problem in sequence(results.manifest.get("problems"))]
    if problems:
        rows = [
            [
                text_cell(str(problem.get("point", ""))),
                Cell(
                    str(problem.get("status", "")),
                    kind="warn" if problem.get("status") == "skipped" else "bad",
                ),
                text_cell(str(problem.get("reason") or "no reason is recorded")),
            ]
            for problem in problems
        ]
        tables.append(
            cut(
                Table("Points without a result, and why", ["point", "status", "reason"], rows),
                "manifest.json",
            )
        )
    warnings = [mapping(warning) for warning in sequence(results.manifest.get("warnings"))]
    if warnings:
        rows = [
            [text_cell(str(warning.get("dataset", ""))), Cell(str(warning.get("warning", "")), kind="warn")]
            for warning in warnings
        ]
        tables.append(cut(Table("Data that may not be what is meant", ["dataset", "warning"], rows), "manifest.json"))
    return tables


def machine_table(results: Results) -> Table:
    """What ran where; open where the program is not what its commit says."""
    facts = facts_of(results.manifest)
    program = mapping(results.manifest.get("program"))
    return Table(
        "What ran",
        ["", "as recorded"],
        [[text_cell(name), text_cell(value)] for name, value in facts],
        fold="open" if program.get("git_dirty") is True else "closed",
    )


def facts_of(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of everything the manifest says of the program and the machine."""
    program, build, machine = (mapping(manifest.get(key)) for key in ("program", "build", "machine"))
    memory = finite(machine.get("memory_bytes"))
    dirty = program.get("git_dirty")
    state = (
        {True: "with changes that are not committed", False: "clean"}.get(dirty)
        if isinstance(dirty, bool)
        else "not recorded whether clean"
    )
    entries = [
        ("precision", manifest.get("precision")),
        ("program", program.get("version")),
        ("commit", f"{program['git_commit']} ({state})" if program.get("git_commit") else None),
        ("compiler", build.get("compiler")),
        ("flags", build.get("flags")),
        ("Armadillo", build.get("armadillo")),
        ("BLAS", build.get("blas")),
        ("processor", machine.get("cpu")),
        ("cores", machine.get("cores")),
        ("memory", f"{memory / 2**30:.1f} GiB" if memory else None),
        ("operating system", machine.get("os")),
        ("threads", manifest.get("threads")),
        ("jobs", manifest.get("jobs")),
        ("started", manifest.get("started")),
        ("finished", manifest.get("finished")),
        ("config hash", manifest.get("config_hash")),
    ]
    return [(name, plain(value) if value not in (None, "") else "not recorded") for name, value in entries]


def expected_tables(results: Results) -> list[Table]:
    """Documented against reproduced, a table for each section of the documentation."""
    sections: dict[str, list[list[Cell]]] = {}
    for line in results.expected:
        sections.setdefault(line.section, []).append(
            [
                text_cell(line.point),
                text_cell(line.metric),
                Cell(line.printed, kind="value"),
                Cell(line.reproduced, line.value, "value") if line.reproduced else none_cell("missing"),
                _expected_difference(line.printed, line.value),
                Cell(line.equal, kind={"yes": "good", "last digit": "warn"}.get(line.equal, "bad")),
            ]
        )
    columns = ["point", "metric", "documented", "reproduced", "difference", "equal as printed"]
    return [
        cut(_expected_table(section or "no section", columns, rows), "expected.csv")
        for section, rows in sections.items()
    ]


def _expected_table(title: str, columns: list[str], rows: list[list[Cell]]) -> Table:
    """Folds away where nothing differs; what differs stands first."""
    differs = [row for row in rows if row[-1].kind == "bad"]
    agree = [row for row in rows if row[-1].kind != "bad"]
    hint = f"{len(differs)} of {len(rows)} differ" if differs else f"{len(rows)} agree"
    return Table(title, columns, differs + agree, fold="open" if differs else "closed", hint=hint)


def _expected_difference(printed: str, value: str) -> Cell:
    """Our value in full less the printed one; none for texts such as shapes."""
    try:
        return difference_cell(float(value), float(printed))
    except ValueError:
        return none_cell()


def _agreement(results: Results) -> str:
    total = len(results.expected)
    if not total:
        return ""
    number = {
        word: sum(line.equal == word for line in results.expected)
        for word in ("yes", "last digit", "no", "missing")
    }
    words = [f"{number['yes']} of {total} documented values come out as printed"]
    words += [
        f"{number[word]} {text}"
        for word, text in (
            ("last digit", "within one unit of the last printed digit"),
            ("no", "not"),
            ("missing", "missing"),
        )
        if number[word]
    ]
    return ", ".join(words) + "."


def _points(number: int) -> str:
    return f"{number} point" if number == 1 else f"{number} points"
