"""The tables of the data: sizes, shapes and settings, from the files of the points that stand for each method."""

from __future__ import annotations

from typing import Any, Callable

from .cells import MAX_COLUMNS, MAX_ROWS, Cell, Table, cut, fixed, none_cell, text_cell
from .read import mapping, sequence
from .study import PERFECT_MIXING, Group, Study, plain

PointReader = Callable[[str], dict[str, Any]]
MANY_BATCHES = 12  # beyond, tables sum batches up


def base_groups(study: Study) -> list[Group]:
    return [group for dataset in study.datasets for group in study.base[dataset]]


def data_tables(study: Study, read: PointReader) -> list[Table]:
    """Dataset and output shapes, from the files of the points that stand for each method."""
    data_rows, shape_rows, setting_rows = [], [], []
    points = {group.points[0]: read(group.points[0]) for group in base_groups(study)[:MAX_ROWS]}
    shapes = list(
        dict.fromkeys(
            key
            for point in points.values()
            for key in mapping(point.get("outputs"))
            if key.endswith("_shape")
        )
    )[:MAX_COLUMNS]
    for dataset in study.datasets:
        files = [(group, points.get(group.points[0], {})) for group in study.base[dataset]]
        data_rows += _data_rows(study, dataset, read)
        for group, file in files:
            outputs = mapping(file.get("outputs"))
            head = heads_of(study, group)
            if any(key in outputs for key in shapes):
                shape_rows.append([*head, *(output_cell(outputs.get(key)) for key in shapes)])
            settings = ", ".join(f"{key} = {plain(value)}" for key, value in group.params.items())
            setting_rows.append(
                [*head, text_cell(study.types[group.method]), text_cell(settings or "defaults")]
            )
    heads = head_names(study)
    tables = []
    if data_rows:
        tables.append(
            cut(
                Table(
                    "Data",
                    [
                        "dataset",
                        "shape (cells, features)",
                        "cells per batch",
                        "cells per type",
                        "perfect mixing",
                    ],
                    data_rows,
                ),
                "points/",
            )
        )
    if shape_rows:
        tables.append(cut(Table("Shapes", [*heads, *shapes], shape_rows, fold="closed"), "points/"))
    tables.append(
        cut(
            Table(
                "Methods",
                [*heads, "type", "parameters that are not the default"],
                setting_rows,
                fold="closed",
            ),
            "metrics.csv",
        )
    )
    return tables


def head_names(study: Study) -> list[str]:
    return ["dataset", "method"] if len(study.datasets) > 1 else ["method"]


def heads_of(study: Study, group: Group) -> list[Cell]:
    return [text_cell(group.dataset)] * (len(study.datasets) > 1) + [text_cell(group.marked)]


def _data_rows(study: Study, dataset: str, read: PointReader) -> list[list[Cell]]:
    """A row for each setting of a dataset: more than one where its parameters are swept."""
    settings: dict[str, list[Group]] = {}
    for group in study.groups:
        if group.dataset == dataset:
            settings.setdefault(_data_name(group), []).append(group)
    rows = []
    for name, groups in list(settings.items())[:MAX_ROWS]:
        files = (read(group.points[0]) for group in groups)
        ran = next((file for file in files if mapping(file.get("outputs"))), None)
        first = ran or read(groups[0].points[0])
        if first:
            rows.append(_data_row(name, groups, first))
    return rows


def _data_name(group: Group) -> str:
    swept = ", ".join(
        f"{key.removeprefix('dataset.')} = {plain(group.value(key), rounded=True)}"
        for key in group.varying
        if key.startswith("dataset.")
    )
    return f"{group.dataset} ({swept})" if swept else group.dataset


def _sizes_cell(sizes: Any, names: list[Any]) -> Cell:
    """Cells per label, with the labels where they are more than numbers in order; many labels summed up."""
    cell = output_cell(sizes, "[ ]")
    counts = sequence(sizes)
    named = sorted(zip(counts, map(str, names))) if len(names) == len(counts) else []
    if len(counts) > MANY_BATCHES and named:
        (smallest, first), (middle, _), (largest, last) = named[0], named[len(named) // 2], named[-1]
        text = f"{len(counts)} labels: smallest {smallest} ({first}), median {middle}, largest {largest} ({last})"
        return Cell(text, cell.text, cell.kind)
    if named and [str(name) for name in names] != [str(index) for index in range(len(names))]:
        return Cell(", ".join(f"{name} {count}" for name, count in zip(names, counts)), cell.text, cell.kind)
    return cell


def _data_row(name: str, groups: list[Group], point: dict[str, Any]) -> list[Cell]:
    about, outputs = mapping(point.get("dataset")), mapping(point.get("outputs"))
    shape = outputs.get("shape", [about.get("n_cells"), about.get("n_features")])
    sizes = [
        _sizes_cell(
            outputs.get(f"{kind}_distribution", mapping(about.get(kinds)).get("sizes")),
            sequence(mapping(about.get(kinds)).get("names")),
        )
        for kind, kinds in (("batch", "batches"), ("type", "types"))
    ]
    perfect = _perfect_mixing(groups)
    return [
        text_cell(name),
        output_cell(shape),
        *sizes,
        none_cell() if perfect is None else Cell(fixed(perfect), repr(perfect), "value"),
    ]


def output_cell(value: Any, brackets: str = "( )") -> Cell:
    """Shapes as (100, 30) and distributions as [50 50], as the documentation prints them."""
    items = sequence(value)
    if items and all(item is None for item in items):
        return none_cell()
    if items:
        left, right = brackets.split()
        text = (", " if left == "(" else " ").join(plain(item) for item in items)
        return Cell(f"{left}{text}{right}", kind="output")
    return none_cell() if value is None or value == [] else Cell(plain(value), kind="output")


def perfect_mixing(study: Study, dataset: str) -> float | None:
    """The entropy of perfect mixing of the dataset's batches, if all its points agree on it."""
    return _perfect_mixing([group for group in study.groups if group.dataset == dataset])


def _perfect_mixing(groups: list[Group]) -> float | None:
    values = {value for group in groups for value in group.values(PERFECT_MIXING)}
    return values.pop() if len(values) == 1 else None
