"""Scatter plots of the corrected cells on their principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from .album import Album
from .data_tables import PointReader
from .read import Projection, mapping
from .style import LABEL_COLOURS, MARKERS, WIDTH, panel_grid, shorten, tidy
from .study import Group, Study

PANELS = 4
MAX_GRIDS = 3
MAX_CELLS = 2000  # per panel; more are thinned to every n-th
VECTOR_CELLS = 500  # per panel; more are drawn as pixels, which keeps the page small
LAYERS = 24  # in which the labels of a panel are drawn in turns, so that none covers another
DOCUMENTED_LIMIT = 50.0
DOCUMENTED_DATA = "gaussian_batches"  # the only one with documented axes: real data have a scale of their own


@dataclass(frozen=True)
class Panel:
    title: str
    point: str
    projection: Projection
    shown: NDArray[np.int64]  # indices of the cells that are drawn
    n_seeds: int  # of which this is the first

    def names(self, colour_by: str) -> list[str]:
        return self.projection.batch if colour_by == "batch" else self.projection.type


def grids_of(study: Study) -> list[list[Group]]:
    """The groups to draw, four to a figure: the first methods of every dataset, MAX_GRIDS figures at most."""
    grids = [
        study.base[dataset][start : start + PANELS]
        for dataset in study.datasets
        for start in range(0, len(study.base[dataset]), PANELS)
    ]
    return grids[:MAX_GRIDS]


def draw_scatter(
    album: Album, study: Study, projections: dict[str, Projection], read: PointReader
) -> list[str]:
    """All scatter figures; returns sentences on what was not drawn."""
    grids = grids_of(study)
    for number, groups in enumerate(grids):
        panels = [
            _panel(group, projections[group.points[0]]) for group in groups if group.points[0] in projections
        ]
        if not panels:
            continue
        part = sum(earlier[0].dataset == groups[0].dataset for earlier in grids[:number]) + 1
        name = f"{groups[0].dataset}-{part}" if part > 1 else groups[0].dataset
        where = f", {groups[0].dataset}" if len(study.datasets) > 1 else ""
        where += f", part {part}" if part > 1 else ""
        if mapping(read(panels[0].point).get("dataset")).get("type") == DOCUMENTED_DATA:
            _grid(
                album,
                panels,
                f"pca-batch-documented-{name}",
                f"Cells by batch, axes as documented{where}",
                "batch",
                DOCUMENTED_LIMIT,
            )
        _grid(
            album,
            panels,
            f"pca-batch-{name}",
            f"Cells by batch, each panel on its own scale{where}",
            "batch",
            None,
        )
        if any(any(panel.projection.type) for panel in panels):
            _grid(
                album,
                panels,
                f"pca-type-{name}",
                f"Cells by type, each panel on its own scale{where}",
                "type",
                None,
            )
    total = sum(len(study.base[dataset]) for dataset in study.datasets)
    drawn = sum(len(groups) for groups in grids)
    return [f"Drawn are the first {drawn} of {total} pairs of dataset and method."] if drawn < total else []


def _panel(group: Group, projection: Projection) -> Panel:
    count = len(projection.coordinates)
    shown = np.arange(0, count, -(-count // MAX_CELLS))
    return Panel(group.label, group.points[0], projection, shown, len(group.points))


def _grid(
    album: Album, panels: list[Panel], name: str, title: str, colour_by: str, limit: float | None
) -> None:
    names = list(dict.fromkeys(label for panel in panels for label in panel.names(colour_by)))
    figure, places, legend = panel_grid(len(panels), 0.5 * WIDTH, 0.25 + 0.22 * -(-min(len(names), 9) // 3))
    for axes, panel in zip(places, panels):
        _scatter(axes, panel, names, colour_by)
        axes.set_title(shorten(panel.title))
        axes.set_xlabel("PC 1 (data units)")
        axes.set_ylabel("PC 2 (data units)")
        if limit is not None:
            axes.set_xlim(-limit, limit)
            axes.set_ylim(-limit, limit)
        else:
            axes.margins(0.08)
        tidy(axes)
    _legend(legend, names, colour_by)
    data = [
        (
            panel.title,
            panel.point,
            cell,
            panel.projection.batch[cell],
            panel.projection.type[cell],
            *map(repr, panel.projection.coordinates[cell].tolist()),
        )
        for panel in panels
        for cell in panel.shown.tolist()
    ]
    album.add(
        figure,
        name,
        title,
        _caption(panels, limit),
        ["panel", "point", "cell", "batch", "type", "pc1", "pc2"],
        data,
    )


def _scatter(axes: Axes, panel: Panel, names: Sequence[str], colour_by: str) -> None:
    labels = np.asarray(panel.names(colour_by), dtype=object)[panel.shown]
    cells = panel.projection.coordinates[panel.shown]
    pixels = len(cells) > VECTOR_CELLS
    for layer in mixed_layers(len(cells)):
        for index, name in enumerate(names):
            chosen = cells[layer[labels[layer] == name]]
            if len(chosen) == 0:
                continue
            axes.scatter(
                chosen[:, 0],
                chosen[:, 1],
                s=5 if pixels else 14,
                marker=MARKERS[index % len(MARKERS)],
                color=LABEL_COLOURS[index % len(LABEL_COLOURS)],
                alpha=0.75,
                linewidths=0,
                rasterized=pixels,
            )


def mixed_layers(count: int) -> list[NDArray[np.int64]]:
    """The cells in an order that has nothing to do with their labels, always the same, in LAYERS parts."""
    order = np.random.default_rng(0).permutation(count)
    return [np.asarray(part, dtype=np.int64) for part in np.array_split(order, min(LAYERS, max(count, 1)))]


def _legend(axes: Axes, names: list[str], colour_by: str) -> None:
    shown = names if len(names) <= 9 else names[:8]
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=MARKERS[index % len(MARKERS)],
            color=LABEL_COLOURS[index % len(LABEL_COLOURS)],
            label=f"{colour_by} {shorten(name, 18)}",
        )
        for index, name in enumerate(shown)
    ]
    if len(names) > len(shown):
        handles.append(Line2D([], [], linestyle="none", label=f"and {len(names) - len(shown)} more"))
    axes.legend(handles=handles, loc="center", ncol=3, handletextpad=0.2, columnspacing=1.2, borderpad=0)


def _caption(panels: list[Panel], limit: float | None) -> str:
    sentences = ["Each panel shows the cells of one point on their own two leading principal components."]
    if any(panel.n_seeds > 1 for panel in panels):
        sentences.append("Of several seeds the first is shown.")
    thinned = [panel for panel in panels if len(panel.shown) < len(panel.projection.coordinates)]
    if thinned:
        count, shown = len(thinned[0].projection.coordinates), len(thinned[0].shown)
        sentences.append(
            f"Thinned: {shown} of {count} cells are drawn, one in {-(-count // MAX_CELLS)} in file order"
            + ("." if len(thinned) == 1 else " (panels of other sizes accordingly).")
        )
    if limit is not None:
        outside = [
            f"{int((abs(panel.projection.coordinates) > limit).any(axis=1).sum())} in {panel.title}"
            for panel in panels
            if (abs(panel.projection.coordinates) > limit).any()
        ]
        sentences.append(
            f"Both axes run from −{limit:g} to {limit:g}"
            + (f"; cells outside: {', '.join(outside)}." if outside else "; no cell lies outside.")
        )
    return " ".join(sentences)
