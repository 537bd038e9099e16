"""The figures of a comparison: how far values moved, mean differences over seeds, ratios of times."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from .album import Album
from .cells import percent
from .read import finite
from .style import INK, PAPER, ends, logarithmic, new_figure, spans_decades, tidy

MAX_LINES = 20
BAD, GOOD, OTHER = "#d93a2f", "#009e73", "#8a6100"
COLOURS = {"worse": BAD, "changed": BAD, "slower": BAD, "better": GOOD, "faster": GOOD}


def draw_changes(album: Album, values: list[dict[str, Any]]) -> None:
    """How far each value moved, as a share of the base; upward and downward by the marker."""
    moved = [row for row in values if finite(row.get("relative"))]
    moved.sort(key=lambda row: abs(float(row["relative"])), reverse=True)
    shown = moved[:MAX_LINES]
    if not shown:
        return
    shares = [100 * abs(row["relative"]) for row in shown]
    axes = _rows([f"{row.get('point')}, {row.get('metric')}" for row in shown])
    for place, (row, share) in enumerate(zip(shown, shares)):
        upward = row["relative"] > 0
        colour = COLOURS.get(str(row.get("status")), OTHER)
        axes.plot(share, place, color=colour, marker="^" if upward else "v", markersize=8, linestyle="none")
        text = f"{percent(row['relative'])}, {row.get('status')}".replace("-", "−")
        _write(axes, text, share, place)
    axes.set_xlabel("difference to the base (% of the base)")
    if spans_decades(shares, 20):
        axes.set_xlim(min(shares) / 2, max(shares) * (max(shares) / min(shares)) ** 0.5)
        logarithmic(axes, "x")
    else:
        axes.set_xlim(0, max(shares) * 1.8)
    tidy(axes, "x")
    album.add(
        axes.get_figure(),
        "changes",
        "How far values moved",
        "A triangle upward is a value that rose, one downward a value that fell."
        + _cut_note(shown, moved, "values")
        + _without_share_note(values, "base", "values"),
        ["point", "metric", "status", "base", "candidate", "relative"],
        [
            tuple(row.get(key) for key in ("point", "metric", "status", "base", "candidate", "relative"))
            for row in shown
        ],
    )


def draw_seeds(album: Album, groups: list[dict[str, Any]]) -> None:
    """The mean differences over seeds with their confidence intervals, as shares of the base mean."""
    told = [
        row
        for row in groups
        if finite(row.get("base_mean"))
        and all(finite(row.get(key)) is not None for key in ("difference", "low", "high"))
    ]
    shown = told[:MAX_LINES]
    if not shown:
        return
    axes = _rows([f"{row.get('points')}, {row.get('metric')}" for row in shown])
    for place, row in enumerate(shown):
        scale = 100 / abs(row["base_mean"])
        colour = COLOURS.get(str(row.get("status")), OTHER)
        ends = [row["low"] * scale, row["high"] * scale]
        axes.plot(ends, [place, place], color=colour, linewidth=2.5, alpha=0.6, solid_capstyle="butt")
        axes.plot(row["difference"] * scale, place, color=colour, marker="o", markersize=7)
        text = str(row.get("status"))
        _write(axes, text, max(ends), place)
    axes.axvline(0, color=INK, linewidth=1)
    axes.margins(x=0.25)
    axes.set_xlabel("difference (% of the base mean)")
    tidy(axes, "x")
    columns = ["points", "metric", "status", "n_seeds", "base_mean", "difference", "low", "high", "p_holm"]
    album.add(
        axes.get_figure(),
        "seeds",
        "Mean differences over seeds",
        "The mark is the mean of the paired differences, the line its 95 % confidence interval."
        + _cut_note(shown, told, "groups")
        + _without_share_note(groups, "base_mean", "groups"),
        columns,
        [tuple(row.get(key) for key in columns) for row in shown],
    )


def draw_times(album: Album, times: list[dict[str, Any]]) -> None:
    """Ratios of times with their confidence intervals, as far as there are enough repeats for one."""
    told = [row for row in times if all((finite(row.get(key)) or 0) > 0 for key in ("ratio", "low", "high"))]
    told = [row for row in told if row.get("status") != "too few repeats"]
    shown = told[:MAX_LINES]
    if not shown:
        return
    axes = _rows([f"{row.get('point')}, {row.get('stage')}" for row in shown])
    for place, row in enumerate(shown):
        colour = COLOURS.get(str(row.get("status")), OTHER)
        ends = [row["low"], row["high"]]
        axes.plot(ends, [place, place], color=colour, linewidth=2.5, alpha=0.6, solid_capstyle="butt")
        axes.plot(row["ratio"], place, color=colour, marker="o", markersize=7)
        text = f"{row['ratio']:.2f}×, {row.get('status')}"
        _write(axes, text, max(ends), place)
    low, high = min(row["low"] for row in shown), max(row["high"] for row in shown)
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_xlim(min(low, 1) / 1.1, max(high, 1) * (max(high, 1) / min(low, 1)) ** 0.5 * 1.1)
    axes.set_xlabel("time of the candidate / time of the base")
    logarithmic(axes, "x")
    axes.xaxis.set_minor_locator(NullLocator())
    tidy(axes, "x")
    columns = ["point", "stage", "status", "n_base", "n_candidate", "ratio", "low", "high", "p_holm"]
    album.add(
        axes.get_figure(),
        "times",
        "Times, candidate against base",
        "The mark is the Hodges-Lehmann estimate of the ratio, the line its 95 % confidence interval."
        + _cut_note(shown, told, "stages"),
        columns,
        [tuple(row.get(key) for key in columns) for row in shown],
    )


def _rows(labels: list[str]) -> Axes:
    """Axes with one line a label, the first on top."""
    axes = new_figure(1.0 + 0.34 * len(labels)).add_subplot()
    axes.set_yticks(range(len(labels)), [ends(label) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    return axes


def _write(axes: Axes, text: str, x: float, place: int) -> None:
    """A word to the right of a mark, legible on top of lines."""
    axes.annotate(
        text,
        (x, place),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
    )


def _cut_note(shown: list[dict[str, Any]], rows: list[dict[str, Any]], noun: str) -> str:
    return f" The first {len(shown)} of {len(rows)} {noun}." if len(shown) < len(rows) else ""


def _without_share_note(rows: list[dict[str, Any]], base: str, noun: str) -> str:
    """A difference to 0 is no share of it."""
    count = sum(finite(row.get(base)) == 0 and bool(finite(row.get("difference"))) for row in rows)
    return f" Not shown for a base of 0: {count} {noun}." if count else ""
