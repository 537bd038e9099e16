"""Bar charts of the scores and the time each method takes."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from .album import Album
from .cells import fixed, plus_minus, raw_number, short
from .data_tables import perfect_mixing
from .kinds import is_entropy
from .read import Timing
from .style import PAPER, Look, axis_name, distinct, logarithmic, new_figure, spans_decades, tidy
from .study import PERFECT_MIXING, Group, Study
from .times import time_summary

CEILING = "mixing_ceiling"  # what a perfect correction of the same cells would reach
LEVEL = "#d93a2f"
MAX_BARS = 20
MAX_CHARTS = 4  # of one metric, a chart for each dataset
MAX_REFERENCES = 6  # controls in one chart
DASHES = ("--", (0, (2, 2)), (0, (6, 2, 1, 2)))


def draw_scores(
    album: Album, study: Study, looks: dict[str, Look], chosen: list[str], by_total: bool = False
) -> list[str]:
    """Bars of metrics for each dataset, the controls as dashed lines; returns what was not drawn."""
    for metric in chosen[:MAX_CHARTS]:
        for dataset in study.datasets[:MAX_CHARTS]:
            groups = [group for group in study.base[dataset] if group.values(metric)]
            if not all(group.control for group in groups):
                _score_chart(album, study, looks, metric, study.by_total(groups) if by_total else groups)
    notes = []
    if len(study.datasets) > MAX_CHARTS:
        notes.append(f"Charts are drawn for the first {MAX_CHARTS} of {len(study.datasets)} datasets.")
    if len(chosen) > MAX_CHARTS:
        notes.append(f"Charts are drawn for the first {MAX_CHARTS} of {len(chosen)} such metrics.")
    return notes


def _score_chart(
    album: Album, study: Study, looks: dict[str, Look], metric: str, groups: list[Group]
) -> None:
    dataset, controls = groups[0].dataset, [group for group in groups if group.control][:MAX_REFERENCES]
    groups = [group for group in groups if not group.control]
    shown, has_levels = groups[:MAX_BARS], is_entropy(metric)
    figure = new_figure((1.6 if has_levels else 1.3) + 0.36 * len(shown) + 0.2 * len(controls))
    axes = figure.add_subplot()
    means = [group.mean(metric) or 0.0 for group in shown]
    spreads = [group.spread(metric) or 0.0 for group in shown]
    _bars(axes, [group.label for group in shown], means, spreads, [looks[group.method] for group in shown])
    levels = _levels(axes, study, shown) if has_levels else []
    levels += _references(axes, controls, metric, looks)
    if levels:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    top = max([mean + spread for mean, spread in zip(means, spreads)] + [level for _, _, level in levels])
    low = min(
        [0.0, *(mean - spread for mean, spread in zip(means, spreads)), *(level for _, _, level in levels)]
    )
    room = (top - low) or 1.0
    axes.set_xlim(low - 0.05 * room * (low < 0), top + room * (0.06 if levels else 0.2))
    axes.set_xlabel(axis_name(metric))
    tidy(axes, "x")
    several = any(spreads)
    caption = "Bars are the stored values" + (
        ", averaged over the seeds; whiskers are one standard deviation."
        if several
        else "; the number at each bar is the value."
    )
    if controls:
        caption += " Dashed lines are controls: what best and worst look like."
    if len(groups) > MAX_BARS:
        caption += f" The first {MAX_BARS} of {len(groups)} methods."
    where = f" on {dataset}" if len(study.datasets) > 1 else ""
    data = [
        (dataset, group.label, metric, raw_number(mean), raw_number(spread) if spread else "")
        for group, mean, spread in zip(shown, means, spreads)
    ] + [(dataset, label, name, raw_number(level), "") for label, name, level in levels]
    columns = ["dataset", "method", "metric", "mean", "sd"]
    album.add(figure, f"{metric}-{dataset}", f"{metric} by method{where}", caption, columns, data)


def _levels(axes: Axes, study: Study, groups: list[Group]) -> list[tuple[str, str, float]]:
    """Draws perfect mixing as a line and the ceiling of each method at its bar; returns what was drawn."""
    levels = []
    perfect = perfect_mixing(study, groups[0].dataset)
    if perfect is not None:
        axes.axvline(perfect, color=LEVEL, linestyle="--", linewidth=1.4, label=_perfect_name(perfect))
        levels.append(("", PERFECT_MIXING, perfect))
    for place, group in enumerate(groups):
        ceiling = group.mean(CEILING)
        if ceiling is not None:
            first = all(name != CEILING for _, name, _ in levels)
            axes.plot(
                [ceiling] * 2,
                [place - 0.4, place + 0.4],
                color=LEVEL,
                linewidth=2.2,
                label="mixing ceiling of each method" if first else None,
            )
            levels.append((group.label, CEILING, ceiling))
    return levels


def _references(
    axes: Axes, controls: list[Group], metric: str, looks: dict[str, Look]
) -> list[tuple[str, str, float]]:
    """Draws each control as a dashed line over all bars; returns what was drawn."""
    names = distinct([group.label for group in controls])
    means = [group.mean(metric) or 0.0 for group in controls]
    for place, (group, name, mean) in enumerate(zip(controls, names, means)):
        axes.axvline(
            mean,
            color=looks[group.method].colour,
            linestyle=DASHES[place % len(DASHES)],
            linewidth=1.4,
            label=f"control {name} = {short(mean)}".replace("-", "−"),
        )
    return [(group.marked, metric, mean) for group, mean in zip(controls, means)]


def _perfect_name(level: float) -> str:
    batches = round(math.exp(level)) if level < 20 else 0
    exact = batches > 1 and math.isclose(math.log(batches), level, rel_tol=1e-9)
    return f"perfect mixing, ln {batches} = {fixed(level)}" if exact else f"perfect mixing = {fixed(level)}"


def _bars(axes: Axes, labels: list[str], means: list[float], spreads: list[float], looks: list[Look]) -> None:
    """Horizontal bars, the first on top, with the value at the end of each."""
    places = range(len(labels))
    for place, mean, spread, look in zip(places, means, spreads, looks):
        axes.barh(
            place,
            mean,
            height=0.62,
            color=look.colour,
            hatch=look.hatch,
            xerr=spread or None,
            error_kw={"linewidth": 1.2, "capsize": 3},
        )
        text = (plus_minus(mean, spread) if spread else short(mean)).replace("-", "−")
        axes.annotate(
            text,
            (max(mean + spread, 0.0), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
        )
    axes.set_yticks(list(places), distinct(labels))
    axes.set_ylim(len(labels) - 0.5, -0.5)


def draw_times(
    album: Album, study: Study, looks: dict[str, Look], times: dict[tuple[str, str], list[Timing]]
) -> list[str]:
    """Median and range of the seconds of each method, a row for each stage that belongs to a method."""
    stages = [stage for stage in ("fit", "gradient") if any(key[1] == stage for key in times)]
    entries = [
        (method, stage, [timing.seconds for timing in times[method, stage]])
        for method in study.methods
        for stage in stages
        if (method, stage) in times
    ]
    if not entries:
        return []
    shown = entries[: 2 * MAX_BARS]
    figure = new_figure(1.0 + 0.34 * len(shown))
    axes = figure.add_subplot()
    summaries = [time_summary(seconds) for _, _, seconds in shown]
    for place, ((method, stage, _), (low, middle, high)) in enumerate(zip(shown, summaries)):
        look = looks[method]
        axes.plot(
            [low, high], [place, place], color=look.colour, linewidth=3, alpha=0.45, solid_capstyle="butt"
        )
        axes.plot(middle, place, color=look.colour, marker="o" if stage == "fit" else "D", markersize=7)
    names = dict(zip(study.methods, distinct(study.methods, 22)))
    axes.set_yticks(range(len(shown)), [f"{names[method]}, {stage}" for method, stage, _ in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel("time (seconds)")
    positive = [seconds for summary in summaries for seconds in summary]
    if spans_decades(positive, 20):
        axes.set_xlim(min(positive) / 1.5, max(positive) * 1.5)
        logarithmic(axes, "x")
    else:
        axes.set_xlim(0, max(positive) * 1.1 or 1)
    tidy(axes, "x")
    album.add(
        figure,
        "method-time",
        "Time of each method",
        "The mark is the median, the line runs from the fastest to the slowest over points and repeats"
        + (f"; the first {len(shown)} of {len(entries)} rows." if len(shown) < len(entries) else "."),
        ["method", "stage", "minimum", "median", "maximum", "n"],
        [
            (method, stage, *map(repr, summary), len(seconds))
            for (method, stage, seconds), summary in zip(shown, summaries)
        ],
    )
    return []
