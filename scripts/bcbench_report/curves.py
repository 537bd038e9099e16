"""Lines: metrics over swept parameters, training curves, and the step sweep of the gradient check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .album import Album
from .data_tables import PointReader
from .read import finite, mapping, sequence
from .style import (
    WIDTH,
    Look,
    axis_name,
    distinct,
    logarithmic,
    panel_grid,
    plain_ticks,
    shorten,
    spans_decades,
    ticks_at,
    tidy,
    value_name,
)
from .study import PERFECT_MIXING, Group, Study, Sweep, plain
from .tables import varies

MAX_PANELS = 12
MAX_FIGURES = 6
MAX_LINES = 6
MAX_TRACES = 12
STEP_CURVE = "gradient_step_curve"
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))


@dataclass(frozen=True)
class Setting:
    """What becomes one line: groups in the order of the swept number; mere marks unless `joined`."""

    label: str
    method: str
    groups: list[Group]
    joined: bool
    dash: int


@dataclass(frozen=True)
class Line:
    """x, mean and standard deviation (0 of a single value) of a setting's groups that have the metric."""

    setting: Setting
    x: list[float]
    y: list[float]
    spread: list[float]


def draw_sweep(album: Album, study: Study, sweep: Sweep, looks: dict[str, Look]) -> list[str]:
    """A figure for each swept number, a panel for each metric that varies; returns what was not drawn."""
    metrics = [metric for metric in study.metrics if metric != PERFECT_MIXING and varies(sweep, metric)]
    metrics.sort(key=lambda metric: study.directions.get(metric) == "info")
    numeric = [
        key for key in sweep.keys if all(finite(group.value(key)) is not None for group in sweep.groups)
    ]
    if not metrics:
        return ["No metric varies, so there is no figure."]
    if not numeric:
        return ["The parameter is not a number, so there is a table but no figure."]
    if len(numeric) == len(sweep.keys) == 2:
        _heat_maps(album, sweep, metrics[:MAX_PANELS])
    for key in numeric[:MAX_FIGURES]:
        _sweep_figure(album, sweep, key, metrics[:MAX_PANELS], looks)
    notes = []
    if len(metrics) > MAX_PANELS:
        notes.append(f"Drawn are {MAX_PANELS} of {len(metrics)} metrics that vary.")
    if len(numeric) > MAX_FIGURES:
        notes.append(f"Drawn are {MAX_FIGURES} of {len(numeric)} swept parameters.")
    return notes


def _sweep_figure(album: Album, sweep: Sweep, key: str, metrics: list[str], looks: dict[str, Look]) -> None:
    settings = _settings(sweep, key)
    by_metric = {metric: [_line(setting, key, metric) for setting in settings] for metric in metrics}
    figure, panels, legend = panel_grid(len(metrics), 0.42 * WIDTH, _legend_height(len(settings)))
    handles: dict[str, Any] = {}
    for axes, (metric, lines) in zip(panels, by_metric.items()):
        for line in lines:
            handles.setdefault(line.setting.label, _plot(axes, line, looks[line.setting.method]))
        _finish(axes, lines, key, metric, narrow=len(metrics) > 1)
    _legend(legend, handles)
    several = any(spread for lines in by_metric.values() for line in lines for spread in line.spread)
    cloud = not all(setting.joined for setting in settings)
    caption = (
        "Means over the seeds; bars are one standard deviation."
        if several
        else "One mark a point of the sweep."
    ) + (" The other parameters vary too." if cloud else "")
    album.add(
        figure,
        f"sweep-{sweep.dataset}-{sweep.groups[0].method}-{key}",
        f"Metrics against {key}",
        caption,
        ["line", "metric", key, "mean", "sd"],
        [
            (line.setting.label, metric, *map(repr, values))
            for metric, lines in by_metric.items()
            for line in lines
            for values in zip(line.x, line.y, line.spread)
        ],
    )


def _heat_maps(album: Album, sweep: Sweep, metrics: list[str]) -> None:
    """A map for each metric over two swept numbers, for each method whose points fill most of the grid."""
    across, up = sweep.keys
    for method in list(dict.fromkeys(group.method for group in sweep.groups))[:MAX_FIGURES]:
        groups = [group for group in sweep.groups if group.method == method]
        places = [(finite(group.value(across)) or 0.0, finite(group.value(up)) or 0.0) for group in groups]
        xs, ys = sorted({x for x, _ in places}), sorted({y for _, y in places})
        if len(xs) < 2 or len(ys) < 2 or 2 * len(set(places)) < len(xs) * len(ys):
            continue
        figure, panels, legend = panel_grid(len(metrics), 0.42 * WIDTH, 0.05)
        data: list[tuple[object, ...]] = []
        for axes, metric in zip(panels, metrics):
            values = np.full((len(ys), len(xs)), np.nan)
            for group, (x, y) in zip(groups, places):
                mean = group.mean(metric)
                if mean is not None:
                    values[ys.index(y), xs.index(x)] = mean
                    data.append((method, metric, repr(x), repr(y), repr(mean)))
            image = axes.imshow(values, origin="lower", aspect="auto", cmap="cividis")
            figure.colorbar(image, ax=axes).ax.tick_params(labelsize=8)
            axes.set_title(shorten(metric, 32))
            axes.set_xlabel(axis_name(across))
            axes.set_ylabel(axis_name(up))
            _name_steps(axes.xaxis, xs)
            _name_steps(axes.yaxis, ys)
        album.add(
            figure,
            f"sweep-map-{sweep.dataset}-{method}",
            f"{method}: metrics over {across} and {up}",
            "One field a pair of values, in steps of equal width; each map has its own scale of colours."
            + (" Means over the seeds." if any(len(group.points) > 1 for group in groups) else ""),
            ["method", "metric", across, up, "mean"],
            data,
        )


def _name_steps(axis: Any, values: list[float]) -> None:
    """Ticks at up to six of the equal steps of a map, named by their values."""
    every = -(-len(values) // 6)
    places = list(range(0, len(values), every))
    axis.set_ticks(places, [f"{values[place]:g}" for place in places])


def _settings(sweep: Sweep, key: str) -> list[Setting]:
    """The groups of each method and setting of the other swept parameters; one cloud a method if many."""
    others = [name for name in sweep.keys if name != key]
    members: dict[tuple[str, str], list[Group]] = {}
    for group in sweep.groups:
        rest = ", ".join(f"{name} = {plain(group.value(name), rounded=True)}" for name in others)
        members.setdefault((group.method, rest), []).append(group)
    rests = list(dict.fromkeys(rest for _, rest in members))
    joined = len(rests) <= MAX_LINES
    if not joined:
        rests, members = [""], {}
        for group in sweep.groups:
            members.setdefault((group.method, ""), []).append(group)
    return [
        Setting(
            f"{method}, {rest}" if rest else method,
            method,
            sorted(groups, key=lambda group: finite(group.value(key)) or 0.0),
            joined,
            rests.index(rest),
        )
        for (method, rest), groups in members.items()
    ]


def _line(setting: Setting, key: str, metric: str) -> Line:
    groups = [group for group in setting.groups if group.values(metric)]
    return Line(
        setting,
        [finite(group.value(key)) or 0.0 for group in groups],
        [group.mean(metric) or 0.0 for group in groups],
        [group.spread(metric) or 0.0 for group in groups],
    )


def _plot(axes: Axes, line: Line, look: Look) -> Any:
    """Draws the line; returns what stands for it in the legend."""
    if not line.setting.joined:
        return axes.plot(
            line.x,
            line.y,
            linestyle="none",
            marker=look.marker,
            markersize=3,
            color=look.colour,
            alpha=0.35,
            rasterized=len(line.x) > 500,
        )[0]
    return axes.errorbar(
        line.x,
        line.y,
        yerr=line.spread if any(line.spread) else None,
        color=look.colour,
        marker=look.marker,
        markersize=5,
        linewidth=1.6,
        capsize=3,
        linestyle=DASHES[line.setting.dash % len(DASHES)],
    )


def _legend_height(names: int) -> float:
    return 0.33 + 0.21 * -(-names // 2) if names > 1 else 0.05


def _legend(axes: Axes, handles: dict[str, Any]) -> None:
    if len(handles) > 1:
        labels = distinct(list(handles), 40)
        axes.legend(list(handles.values()), labels, loc="center", ncol=2, borderpad=0)


def _finish(axes: Axes, lines: list[Line], key: str, metric: str, narrow: bool) -> None:
    xs = [x for line in lines for x in line.x]
    ys = [y for line in lines for y in line.y]
    axes.set_title(shorten(metric, 32))
    axes.set_xlabel(axis_name(key))
    axes.set_ylabel(value_name(metric))
    if spans_decades(xs, 30):
        logarithmic(axes, "x")
    if spans_decades(ys, 100):
        logarithmic(axes, "y")
    ticks_at(axes, xs)
    plain_ticks(axes.xaxis)
    if narrow and len(axes.get_xlabel()) > 28:
        axes.set_xlabel(axes.get_xlabel().replace(" (", "\n("))
    tidy(axes)


def draw_traces(album: Album, study: Study, looks: dict[str, Look], read: PointReader) -> list[str]:
    """Training curves of the points that have them, and the step sweep of the gradient check."""
    groups = [group for dataset in study.datasets for group in study.base[dataset]][: 5 * MAX_TRACES]
    files = [(group, read(group.points[0])) for group in groups]
    steps = [
        (
            group,
            mapping(
                mapping(file.get("traces")).get("gradient_step_curve") or file.get("gradient_step_curve")
            ),
        )
        for group, file in files
    ]
    training = [(group, mapping(file.get("traces"))) for group, file in files]
    counted = {group.points[0]: _what_is_counted(file) for group, file in files}
    notes = []
    for name, title, caption, curves in (
        (
            STEP_CURVE,
            "Gradient check: error against step",
            "Finite differences against the analytic gradient: "
            "the error falls with the step until rounding takes over.",
            steps,
        ),
        ("training", "Curves over steps", "Values along a training, or the iterations of a method.", training),
    ):
        curves = [curve for curve in curves if _quantities(curve[1])]
        if any(len(group.points) > 1 for group, _ in curves):
            caption += " Of several seeds the first is drawn."
        if curves:
            _curve_figure(album, study, looks, name, title, caption, curves[:MAX_TRACES], counted)
        if len(curves) > MAX_TRACES:
            notes.append(f"{title}: drawn are the first {MAX_TRACES} of {len(curves)} points.")
    return notes


def _what_is_counted(file: dict[str, Any]) -> str:
    """What a point counts along its curves."""
    if finite(mapping(file.get("outputs")).get("trained_steps")) is not None:
        return "training step"
    rows = map(mapping, sequence(file.get("metrics")))
    return "iteration" if any(row.get("group") == "iteration" for row in rows) else "step"


def _quantities(trace: dict[str, Any]) -> list[str]:
    """Names of the lists of numbers that go with the list of steps."""
    steps = sequence(trace.get("step"))
    if not steps or any(finite(step) is None for step in steps):
        return []
    return [
        name
        for name, values in trace.items()
        if name != "step"
        and len(sequence(values)) == len(steps)
        and any(finite(value) is not None for value in values)
    ]


def _curve_figure(
    album: Album,
    study: Study,
    looks: dict[str, Look],
    name: str,
    title: str,
    caption: str,
    curves: list[tuple[Group, dict[str, Any]]],
    counted: dict[str, str],
) -> None:
    names = list(dict.fromkeys(quantity for _, trace in curves for quantity in _quantities(trace)))[
        :MAX_PANELS
    ]
    figure, panels, legend = panel_grid(len(names), 0.42 * WIDTH, _legend_height(len(curves)))
    data: list[tuple[object, ...]] = []
    handles: dict[str, Any] = {}
    for axes, quantity in zip(panels, names):
        drawn: list[tuple[float, float]] = []
        names_of_steps: set[str] = set()
        for number, (group, trace) in enumerate(curves):
            pairs = _pairs(trace, quantity, positive=name == STEP_CURVE)
            label = f"{group.label}, {group.dataset}" if len(study.datasets) > 1 else group.label
            (line,) = axes.plot(
                [x for x, _ in pairs],
                [y for _, y in pairs],
                color=looks[group.method].colour,
                linestyle=DASHES[number % len(DASHES)],
                linewidth=1.6,
            )
            handles.setdefault(label, line)
            if pairs:
                names_of_steps.add(counted[group.points[0]])
            drawn += pairs
            data += [(group.points[0], quantity, repr(x), repr(y)) for x, y in pairs]
        step_name = names_of_steps.pop() if len(names_of_steps) == 1 else "step"
        _finish_curve(axes, quantity, drawn, None if name == STEP_CURVE else step_name)
    _legend(legend, handles)
    album.add(figure, name, title, caption, ["point", "quantity", "step", "value"], data)


def _pairs(trace: dict[str, Any], quantity: str, positive: bool) -> list[tuple[float, float]]:
    """Step and value where both are numbers, and above zero for logarithmic axes."""
    if quantity not in _quantities(trace):
        return []
    pairs = zip(map(finite, trace["step"]), map(finite, trace[quantity]))
    return [
        (x, y) for x, y in pairs if x is not None and y is not None and (not positive or (x > 0 and y > 0))
    ]


def _finish_curve(
    axes: Axes, quantity: str, drawn: list[tuple[float, float]], step_name: str | None
) -> None:
    """`step_name`: what is counted along the axis; None: it is the step of a difference."""
    is_step_curve = step_name is None
    axes.set_title(shorten(quantity, 32))
    axes.set_xlabel("step (data units)" if is_step_curve else f"{step_name} (count)")
    axes.set_ylabel("relative error (no unit)" if is_step_curve else value_name(quantity))
    if drawn and is_step_curve:
        logarithmic(axes, "x")
    if drawn and (is_step_curve or spans_decades([y for _, y in drawn], 100)):
        logarithmic(axes, "y")
    tidy(axes)
