"""What was kept against what was corrected: a point for each method and setting, with the Pareto front."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .album import Album
from .cells import raw_number
from .kinds import AGGREGATE, family
from .style import WIDTH, Look, distinct, panel_grid, shorten, tidy
from .study import Group, Study, marked

MAX_CHARTS = 4  # one a dataset
MAX_NAMES = 8  # points of the front that are named in the chart; all stand in the CSV
MAX_METHODS = 14  # in the legend
FRONT = "#d93a2f"
CORRECTION, CONSERVATION = "batch_correction", "bio_conservation"


def pareto_front(points: list[tuple[float, float]]) -> list[int]:
    """Places of the points that no other one matches in both coordinates and beats in one; by the first."""
    order = sorted(range(len(points)), key=lambda place: (-points[place][0], -points[place][1]))
    front: list[int] = []
    for place in order:
        if not front or points[place][1] > points[front[-1]][1] or points[place] == points[front[-1]]:
            front.append(place)
    return front[::-1]


def draw_trade_off(album: Album, study: Study, looks: dict[str, Look]) -> None:
    """A chart for each dataset with two methods or settings that have both aggregates."""
    pair = _aggregates(study)
    if pair is None:
        return
    for dataset in study.datasets[:MAX_CHARTS]:
        groups = [
            group for group in study.groups if group.dataset == dataset and _place(group, pair) is not None
        ]
        if sum(group.ranked for group in groups) > 1:
            _chart(album, study, looks, pair, groups)


def _aggregates(study: Study) -> tuple[str, str] | None:
    """The two aggregates of one preset, the first one that has both."""
    metrics = study.metrics_of(AGGREGATE)
    for first in metrics:
        if family(first).endswith(CORRECTION):
            second = first.replace(CORRECTION, CONSERVATION)
            if second in metrics:
                return first, second
    return None


def _place(group: Group, pair: tuple[str, str]) -> tuple[float, float] | None:
    first, second = group.mean(pair[0]), group.mean(pair[1])
    return None if first is None or second is None else (first, second)


def _chart(
    album: Album, study: Study, looks: dict[str, Look], pair: tuple[str, str], groups: list[Group]
) -> None:
    dataset = groups[0].dataset
    points = [_place(group, pair) or (0.0, 0.0) for group in groups]
    competing = [place for place, group in enumerate(groups) if group.ranked]
    front = [competing[place] for place in pareto_front([points[place] for place in competing])]
    methods = list(dict.fromkeys(group.method for group in groups))[:MAX_METHODS]
    figure, (axes,), legend = panel_grid(1, 0.65 * WIDTH, 0.25 + 0.2 * -(-(len(methods) + 1) // 2))
    axes.plot(
        [points[place][0] for place in front],
        [points[place][1] for place in front],
        color=FRONT,
        linestyle="--",
        linewidth=1.3,
        zorder=1,
    )
    for group, (first, second) in zip(groups, points):
        look = looks[group.method]
        axes.scatter(
            first,
            second,
            s=46,
            marker=look.marker,
            color=look.colour if group.ranked else "none",
            edgecolors=look.colour,
            linewidths=1.3,
            zorder=2,
        )
    _names(axes, groups, points, front)
    axes.set_xlabel(f"{pair[0]} (0 to 1)".replace("_", " "))
    axes.set_ylabel(f"{pair[1]} (0 to 1)".replace("_", " "))
    axes.margins(0.12)
    tidy(axes)
    _legend(legend, study, looks, methods)
    where = f" on {dataset}" if len(study.datasets) > 1 else ""
    caption = "Right and up is better; every method and setting is a point, the mean of its seeds."
    if len(competing) < len(groups):
        caption += " Hollow marks are controls and what has collapsed, no part of the front."
    album.add(
        figure,
        f"trade-off-{dataset}",
        f"Bio conservation against batch correction{where}",
        caption,
        ["dataset", "method", "ranked", *pair, "pareto"],
        [
            (
                dataset,
                group.label,
                "yes" if group.ranked else "no",
                raw_number(points[place][0]),
                raw_number(points[place][1]),
                "yes" if place in front else "no",
            )
            for place, group in enumerate(groups)
        ],
    )


def _legend(axes: Axes, study: Study, looks: dict[str, Look], methods: list[str]) -> None:
    handles = [Line2D([], [], color=FRONT, linestyle="--", label="Pareto front: none is better in both")]
    for name, method in zip(distinct(methods, 28), methods):
        control = method in study.controls
        handles.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker=looks[method].marker,
                markerfacecolor="none" if control else looks[method].colour,
                markeredgecolor=looks[method].colour,
                label=marked(name, control),
            )
        )
    axes.legend(handles=handles, loc="center", ncol=2, handletextpad=0.3, columnspacing=1.2, borderpad=0)


def _names(axes: Axes, groups: list[Group], points: list[tuple[float, float]], front: list[int]) -> None:
    """Names of the settings on the front, which no legend tells, as long as they do not cover an earlier one."""
    spans = [max(values) - min(values) or 1.0 for values in zip(*points)]
    middle = (max(x for x, _ in points) + min(x for x, _ in points)) / 2
    taken: list[tuple[float, float]] = []
    for place in (place for place in front[::-1] if groups[place].varying):
        first, second = points[place][0] / spans[0], points[place][1] / spans[1]
        if any(abs(first - x) < 0.45 and abs(second - y) < 0.07 for x, y in taken) or len(taken) == MAX_NAMES:
            continue
        taken.append((first, second))
        left = points[place][0] > middle
        axes.annotate(
            shorten(groups[place].label, 30),
            points[place],
            xytext=(-6 if left else 6, 9),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=8.5,
        )
