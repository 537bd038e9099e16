"""Tables as plain data: what a cell says, how numbers are written, what is cut when a table is too long."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .study import Group, Study

MAX_ROWS = 100
MAX_COLUMNS = 6  # values side by side; more go to a further table

STATUS_WORDS = {"not_applicable": "not applicable", "skipped": "skipped", "failed": "failed"}


@dataclass(frozen=True)
class Cell:
    """`raw` is the value in full where `text` rounds it; `kind` is one of the names below or empty.

    value: a number of the results files · derived: computed here from such numbers · none: no number ·
    good, warn, bad: a verdict, always in words too.
    """

    text: str
    raw: str = ""
    kind: str = ""
    best: bool = False


@dataclass
class Table:
    title: str
    columns: list[str]
    rows: list[list[Cell]]
    notes: list[str] = field(default_factory=list)
    fold: str = ""  # "closed" or "open": folds away under its title; empty: always there
    hint: str = ""  # beside the title of a table that folds away

    @property
    def wide(self) -> bool:
        """Too wide for a phone: shown there as one block a row."""
        return len(self.columns) > 2


def fixed(value: float, sign: bool = False) -> str:
    """Four decimals, as the documentation prints them; numbers beyond its kind in scientific form."""
    if abs(value) >= 1e9:
        return f"{value:+.3e}" if sign else f"{value:.3e}"
    text = f"{value:+.4f}" if sign else f"{value:.4f}"
    return text.replace("-", "+" if sign else "") if float(text) == 0 else text


def short(value: float) -> str:
    """Whole numbers as such, four decimals where they say enough, else four significant digits."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.4f}" if 0.01 <= abs(value) < 1e5 else f"{value:.3e}"


def plus_minus(mean: float, spread: float) -> str:
    """Mean ± standard deviation in one notation, both to the same decimals: two digits of the deviation."""
    largest = max(abs(mean), spread)
    if largest == 0:
        return "0 ± 0"
    power = math.floor(math.log10(largest))
    if not -3 <= power < 6:
        scale = 10.0**power
        return f"({mean / scale:.3f} ± {spread / scale:.3f})e{power:+03d}"
    digits = 4 if spread == 0 else max(0, min(8, 1 - math.floor(math.log10(spread))))
    decimals = max(digits, 4 if largest < 1e5 else 0)
    return f"{mean:.{decimals}f} ± {spread:.{decimals}f}"


def _documented_form(value: float) -> str:
    return fixed(value)


def raw_number(value: float) -> str:
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def percent(share: float) -> str:
    """A share as a signed percentage."""
    value = 100 * share
    return f"{value:+.2g} %" if abs(value) < 99.5 else f"{value:+.3g} %"


def text_cell(text: str) -> Cell:
    return Cell(text)


def none_cell(text: str = "–") -> Cell:
    return Cell(text, kind="none")


def group_cell(group: Group, metric: str, best: float | None = None, documented: bool = False) -> Cell:
    """The group's value: the number, mean ± standard deviation over several seeds, or why there is none."""
    mean, spread = group.mean(metric), group.spread(metric)
    rows = group.rows.get(metric, [])
    form = _documented_form if documented else short
    if mean is None:
        words = [STATUS_WORDS.get(row.status, row.raw or row.status) for row in rows]
        return none_cell(words[0] if words and words[0] != "ok" else "–")
    is_best = best is not None and mean == best and group.ranked
    if spread is None:
        return Cell(form(mean), next(row.raw for row in rows if row.value is not None), "value", is_best)
    count = len(group.values(metric))
    of = f" of {len(group.points)}" if count < len(group.points) else ""
    return Cell(
        f"{plus_minus(mean, spread)} (n = {count}{of})", f"{mean!r} ± {spread!r}", "derived", is_best
    )


def difference_cell(ours: float, theirs: float) -> Cell:
    difference = ours - theirs
    if not math.isfinite(difference):
        return none_cell()
    return Cell("0" if difference == 0 else f"{difference:+.1e}", repr(difference), "derived")


def cut(table: Table, source: str) -> Table:
    """At most MAX_ROWS rows, and a note that says so."""
    if len(table.rows) > MAX_ROWS:
        table.notes.append(f"The first {MAX_ROWS} of {len(table.rows)} rows; all of them stand in {source}.")
        table.rows = table.rows[:MAX_ROWS]
    return table


def value_tables(
    title: str,
    study: Study,
    heads: list[str],
    lines: list[tuple[list[Cell], Group]],
    metrics: list[str],
    mark: bool,
) -> list[Table]:
    """A row for each group: head cells, then metrics, in several tables if many; `mark` the best."""
    groups = [group for _, group in lines]
    best = {metric: study.best(metric, groups) if mark else None for metric in metrics}
    tables = []
    for start in range(0, len(metrics), MAX_COLUMNS):
        part = metrics[start : start + MAX_COLUMNS]
        rows = [
            [*head, *(group_cell(group, metric, best[metric]) for metric in part)]
            for head, group in lines[: MAX_ROWS + 1]
        ]
        table = Table(title if start == 0 else f"{title}, continued", [*heads, *part], rows)
        if len(lines) > MAX_ROWS:
            table.rows = rows[:MAX_ROWS]
            table.notes.append(
                f"The first {MAX_ROWS} of {len(lines)} rows; all of them stand in metrics.csv."
            )
        tables.append(table)
    return tables
