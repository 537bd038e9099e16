"""The results as the field draws them: methods by metrics, circles for metrics and bars for aggregates."""

from __future__ import annotations

from dataclasses import dataclass, field

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.transforms import Bbox

from .album import Album
from .cells import STATUS_WORDS, raw_number
from .kinds import AGGREGATE, BIOLOGY, MIXING, is_entropy
from .style import INK, RULE, distinct
from .study import Group, Study

MAX_TABLES = 4  # one a dataset
MAX_ROWS = 40
MAX_COLUMNS = 18
FEWEST = 3  # metrics that make a table without aggregates
COLUMN, ROW = 0.45, 0.4  # inches
CIRCLE = 0.4  # inches, of the largest; the smallest has two thirds of it
LABEL_LETTERS = 34
FOOT = 0.35  # inches below the rows, for the names of the groups
HEADS = {MIXING: "batch correction", BIOLOGY: "bio conservation", AGGREGATE: "aggregates"}
COLOURS = {MIXING: "Blues", BIOLOGY: "Greens", AGGREGATE: "Oranges"}
DARK_TEXT, LIGHT_TEXT = "#111111", "#fefefe"  # on colours, the same on a light and on a dark page


@dataclass
class _Columns:
    """The metrics side by side, and where each begins; a gap stands between kinds."""

    metrics: list[str]
    kinds: list[str]
    places: list[float] = field(default_factory=list)  # left edges, in columns

    def __post_init__(self) -> None:
        place = 0.0
        for index, kind in enumerate(self.kinds):
            place += 0.35 if index and self.kinds[index - 1] != kind else 0.0
            self.places.append(place)
            place += self.span(index)
        self.width = place

    def span(self, index: int) -> float:
        return 1.6 if self.kinds[index] == AGGREGATE else 1.0


def draw_results_table(album: Album, study: Study) -> list[str]:
    """One figure for each dataset that has enough scores; returns sentences on what was not drawn."""
    notes = []
    for dataset in study.datasets[:MAX_TABLES]:
        columns = _columns_of(study, dataset)
        if columns is None:
            continue
        groups = [
            group
            for group in study.base[dataset]
            if any(metric in group.rows for metric in columns.metrics)
        ]
        methods = study.by_total([group for group in groups if not group.control])
        controls = study.by_total([group for group in groups if group.control])
        rows = [*methods, *controls][:MAX_ROWS]
        if len(groups) > len(rows):
            notes.append(f"The first {len(rows)} of {len(groups)} methods are in the results table.")
        _draw(album, study, dataset, columns, rows)
    return notes


def _columns_of(study: Study, dataset: str) -> _Columns | None:
    """Scores of which 1 is the best; None where there are too few to make a table."""
    metrics, kinds = [], []
    for kind in (MIXING, BIOLOGY, AGGREGATE):
        for metric in study.metrics_of(kind):
            values = [value for group in study.base[dataset] for value in group.values(metric)]
            known = any(metric in group.rows for group in study.base[dataset])
            is_score = study.directions[metric] == "higher" and not is_entropy(metric)
            if known and is_score and max(values, default=0.0) <= 1.0 + 1e-9:
                metrics.append(metric)
                kinds.append(kind)
    if AGGREGATE not in kinds and len(metrics) < FEWEST:
        return None
    return _Columns(metrics[:MAX_COLUMNS], kinds[:MAX_COLUMNS])


def _draw(album: Album, study: Study, dataset: str, columns: _Columns, rows: list[Group]) -> None:
    names = distinct([group.marked for group in rows], LABEL_LETTERS)
    label_width = 0.3 + 0.085 * max(len(name) for name in names)
    head_height = 0.3 + 0.066 * max(len(metric) for metric in columns.metrics)
    n_methods = sum(not group.control for group in rows)
    gap = 0.5 if 0 < n_methods < len(rows) else 0.0
    width = label_width + COLUMN * columns.width + 0.055 * len(columns.metrics[-1]) + 0.1
    height = head_height + ROW * (len(rows) + gap) + FOOT
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes(
        Bbox.from_bounds(
            label_width / width,
            FOOT / height,
            COLUMN * columns.width / width,
            ROW * (len(rows) + gap) / height,
        ).bounds
    )
    axes.set_xlim(0, columns.width)
    axes.set_ylim(len(rows) + gap, 0)
    axes.set_axis_off()
    hover: dict[str, str] = {}
    places = [place + (gap if place >= n_methods else 0.0) for place in range(len(rows))]
    for group, name, top in zip(rows, names, places):
        axes.plot([-label_width / COLUMN, columns.width], [top + 1, top + 1], color=RULE, linewidth=0.6, clip_on=False)
        axes.text(-0.15, top + 0.5, name, ha="right", va="center", fontsize=9)
        for index, metric in enumerate(columns.metrics):
            _cell(axes, columns, index, group, metric, top, hover)
    _heads(axes, columns)
    _feet(axes, columns, len(rows) + gap)
    drawn = [
        (
            dataset,
            group.method,
            group.label,
            "yes" if group.control else "no",
            metric,
            HEADS[kind],
            _raw(group, metric),
        )
        for group in rows
        for metric, kind in zip(columns.metrics, columns.kinds)
    ]
    where = f" on {dataset}" if len(study.datasets) > 1 else ""
    caption = (
        "Circles are single metrics, bars aggregates; 1 is best everywhere, and colours run from 0 to 1 in every "
        "column alike. Methods stand by their total" + (", controls below." if gap else ".")
    )
    if any(group.spread(metric) is not None for group in rows for metric in columns.metrics):
        caption += " Of several seeds the mean is shown."
    caption += " Point at a number to see it in full; a dash is a value that cannot be computed."
    album.add(
        figure,
        f"results-table-{dataset}",
        f"Results{where}",
        caption,
        ["dataset", "method", "label", "control", "metric", "group", "value"],
        drawn,
        hover,
    )


def _raw(group: Group, metric: str) -> str:
    mean = group.mean(metric)
    return "" if mean is None else raw_number(mean)


def _cell(
    axes: Axes, columns: _Columns, index: int, group: Group, metric: str, top: float, hover: dict[str, str]
) -> None:
    value = group.mean(metric)
    left, span = columns.places[index], columns.span(index)
    name = f"value-{len(hover)}"
    if value is None:
        rows = group.rows.get(metric, [])
        reason = STATUS_WORDS.get(rows[0].status, rows[0].status) if rows else "not computed"
        hover[name] = f"{group.label}, {metric}: {reason}"
        axes.text(left + span / 2, top + 0.5, "–", ha="center", va="center", fontsize=9, gid=name)
        return
    spread = group.spread(metric)
    hover[name] = f"{group.label}, {metric}: {raw_number(value)}" + (f" ± {spread!r}" if spread else "")
    hover[f"{name}-text"] = hover[name]
    share = min(max(value, 0.0), 1.0)
    colour = colormaps[COLOURS[columns.kinds[index]]](0.12 + 0.72 * share)
    if columns.kinds[index] == AGGREGATE:
        axes.add_patch(
            Rectangle((left + 0.05, top + 0.14), max((span - 0.1) * share, 0.02), 0.72, color=colour, gid=name)
        )
        text_colour = INK if share < 0.35 else _on(colour)  # a short bar leaves the number on the page
        axes.text(
            left + 0.12, top + 0.5, f"{value:.2f}", va="center", fontsize=8, color=text_colour, gid=f"{name}-text"
        )
        return
    across = CIRCLE * (2.0 + share) / 3.0
    axes.add_patch(
        Ellipse((left + 0.5, top + 0.5), across / COLUMN, across / ROW, facecolor=colour, edgecolor="none", gid=name)
    )
    axes.text(
        left + 0.5,
        top + 0.5,
        f"{value:.2f}".replace("-", "−"),
        ha="center",
        va="center",
        fontsize=6.5,
        color=_on(colour),
        gid=f"{name}-text",
    )


def _on(colour: tuple[float, float, float, float]) -> str:
    """The colour of a text on this one."""
    red, green, blue, _ = colour
    return DARK_TEXT if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else LIGHT_TEXT


def _heads(axes: Axes, columns: _Columns) -> None:
    for index, metric in enumerate(columns.metrics):
        colour = colormaps[COLOURS[columns.kinds[index]]](0.7)
        left, span = columns.places[index], columns.span(index)
        axes.plot([left + 0.08, left + span - 0.08], [-0.08, -0.08], color=colour, linewidth=2.5, clip_on=False)
        axes.text(
            left + span / 2,
            -0.3,
            metric,
            rotation=52,
            rotation_mode="anchor",
            ha="left",
            va="center",
            fontsize=8.5,
            clip_on=False,
        )


def _feet(axes: Axes, columns: _Columns, bottom: float) -> None:
    """The name of each group of columns, below it."""
    for kind in dict.fromkeys(columns.kinds):
        members = [index for index, other in enumerate(columns.kinds) if other == kind]
        left, right = columns.places[members[0]], columns.places[members[-1]] + columns.span(members[-1])
        if right - left < 2.0:
            continue
        axes.text(
            (left + right) / 2, bottom + 0.25, HEADS[kind], ha="center", va="top", fontsize=9, clip_on=False
        )
