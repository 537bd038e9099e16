"""LISI of each cell, where the results hold values per cell: over two components, and as a histogram."""

from __future__ import annotations

from collections import Counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .album import Album
from .kinds import family, is_holdout
from .read import CellValues, Projection
from .scatter import MAX_CELLS, VECTOR_CELLS, grids_of, mixed_layers
from .style import WIDTH, Look, panel_grid, shorten, tidy
from .study import Group, Study

WHAT = {"ilisi": "batches", "clisi": "types"}
COLOURS = "viridis"
BINS = 30


def lisi_metrics(study: Study) -> list[str]:
    return [metric for metric in study.metrics if family(metric) in WHAT and not is_holdout(metric)]


def draw_lisi(
    album: Album,
    study: Study,
    looks: dict[str, Look],
    projections: dict[str, Projection],
    per_cell: dict[str, CellValues],
) -> list[str]:
    """A picture of the cells and a histogram for each grid of the scatter plots and each LISI; says what is missing."""
    parts: Counter[str] = Counter()
    for groups in grids_of(study):
        dataset = groups[0].dataset
        parts[dataset] += 1
        part = f", part {parts[dataset]}" if parts[dataset] > 1 else ""
        where = (f", {dataset}" if len(study.datasets) > 1 else "") + part
        for metric in lisi_metrics(study):
            shown = [group for group in groups if metric in per_cell.get(group.points[0], {})]
            values = {group.points[0]: per_cell[group.points[0]][metric] for group in shown}
            if not shown or not any(np.isfinite(each).any() for each in values.values()):
                continue
            most = max(float(np.nanmax(each)) for each in values.values() if np.isfinite(each).any())
            name = f"{metric}-{dataset}-{parts[dataset]}"
            placed = [group for group in shown if group.points[0] in projections]
            if placed:
                _maps(album, placed, projections, values, most, name, f"{_title(metric)}{where}")
            _histogram(album, shown, looks, values, most, name, f"{_title(metric)}: histogram{where}")
    return []


def _title(metric: str) -> str:
    return f"LISI of the {WHAT[family(metric)]} around each cell ({metric})"


def _maps(
    album: Album,
    groups: list[Group],
    projections: dict[str, Projection],
    values: dict[str, NDArray[np.float64]],
    most: float,
    name: str,
    title: str,
) -> None:
    figure, places, scale = panel_grid(len(groups), 0.5 * WIDTH, 0.2)
    data: list[tuple[object, ...]] = []
    thinned = ""
    for axes, group in zip(places, groups):
        coordinates = projections[group.points[0]].coordinates
        of_cells = values[group.points[0]]
        count = min(len(coordinates), len(of_cells))
        step = -(-count // MAX_CELLS)
        shown = np.arange(0, count, step)
        if step > 1:
            thinned = f" Thinned: one cell in {step} is drawn, in file order."
        _cells(axes, coordinates[shown], of_cells[shown], most)
        axes.set_title(shorten(group.label))
        data += [
            (group.label, group.points[0], cell, *map(repr, coordinates[cell].tolist()), _text(of_cells[cell]))
            for cell in shown.tolist()
        ]
    _colour_bar(figure, scale, most)
    caption = "Each panel shows the cells of one point on their own two leading principal components. LISI is how many "
    caption += f"{WHAT[family(name.partition('-')[0])]} there are, effectively, around a cell;"
    album.add(
        figure,
        f"{name}-cells",
        title,
        caption + " 1: all are alike." + thinned,
        ["panel", "point", "cell", "pc1", "pc2", "lisi"],
        data,
    )


def _text(value: float) -> str:
    return repr(float(value)) if np.isfinite(value) else ""


def _cells(axes: Axes, coordinates: NDArray[np.float64], values: NDArray[np.float64], most: float) -> None:
    pixels = len(values) > VECTOR_CELLS
    for layer in mixed_layers(len(values)):
        axes.scatter(
            coordinates[layer, 0],
            coordinates[layer, 1],
            c=values[layer],
            cmap=COLOURS,
            vmin=1.0,
            vmax=max(most, 1.001),
            s=5 if pixels else 14,
            linewidths=0,
            rasterized=pixels,
            plotnonfinite=True,
        )
    axes.set_xlabel("PC 1 (data units)")
    axes.set_ylabel("PC 2 (data units)")
    axes.margins(0.08)
    tidy(axes)


def _colour_bar(figure: Figure, axes: Axes, most: float) -> None:
    axes.set_axis_on()
    shades = np.linspace(1.0, max(most, 1.001), 200)
    axes.pcolormesh(
        shades, [0.0, 1.0], np.vstack([shades, shades]), cmap=COLOURS, shading="nearest", rasterized=True
    )
    axes.set_yticks([])
    axes.set_xlabel("LISI (no unit)")
    tidy(axes, "x")
    axes.grid(False)


def _histogram(
    album: Album,
    groups: list[Group],
    looks: dict[str, Look],
    values: dict[str, NDArray[np.float64]],
    most: float,
    name: str,
    title: str,
) -> None:
    figure, (axes,), legend = panel_grid(1, 0.55 * WIDTH, 0.22 + 0.2 * -(-len(groups) // 2))
    edges = np.linspace(1.0, max(most, 1.001), BINS + 1)
    data: list[tuple[object, ...]] = []
    for place, group in enumerate(groups):
        of_cells = values[group.points[0]]
        defined = of_cells[np.isfinite(of_cells)]
        counts = np.histogram(np.clip(defined, edges[0], edges[-1]), edges)[0]
        shares = counts / max(len(defined), 1)
        look = looks[group.method]
        axes.stairs(
            shares,
            edges,
            color=look.colour,
            linewidth=1.6,
            linestyle=("-", "--", ":", "-.")[place % 4],
            label=shorten(group.label),
        )
        data += [
            (group.label, group.points[0], repr(float(low)), repr(float(high)), int(count))
            for low, high, count in zip(edges, edges[1:], counts)
        ]
    axes.set_xlabel("LISI (no unit)")
    axes.set_ylabel("share of the cells")
    axes.set_ylim(bottom=0)
    tidy(axes)
    handles, labels = axes.get_legend_handles_labels()
    legend.legend(handles, labels, loc="center", ncol=2, borderpad=0)
    album.add(
        figure,
        f"{name}-histogram",
        title,
        f"The cells of each point in {BINS} steps of equal width; farther to the right there is more of a mixture.",
        ["method", "point", "from", "to", "cells"],
        data,
    )
