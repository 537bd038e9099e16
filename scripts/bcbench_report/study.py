"""What the rows are about: points that belong together, parameters that vary, who stands for a method."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import fmean, stdev
from typing import Any

from .kinds import TRIES, family, is_holdout, kinds_of
from .read import Results, Row, finite, mapping, sequence

SEEDS = ("seed", "dataset.seed")  # points that differ in these alone are repetitions, not settings
PERFECT_MIXING = "perfect_mixing"  # a level of the dataset, not of a method


@dataclass
class Group:
    """The points of one dataset, method and set of parameters: one point, or one for each seed."""

    dataset: str
    method: str
    params: dict[str, Any]
    varying: tuple[
        str, ...
    ] = ()  # parameters that differ from the other groups of the same dataset and method
    defaults: dict[str, Any] = field(default_factory=dict)  # of varying parameters that `params` lacks
    points: list[str] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)  # by metric, one row a point
    control: bool = False  # shows what best and worst look like: never ranked

    def values(self, metric: str) -> list[float]:
        return [row.value for row in self.rows.get(metric, []) if row.value is not None]

    def mean(self, metric: str) -> float | None:
        values = self.values(metric)
        return fmean(values) if values else None

    def spread(self, metric: str) -> float | None:
        """Standard deviation over the seeds, or None with fewer than two values."""
        values = self.values(metric)
        return stdev(values) if len(values) > 1 else None

    def value(self, key: str) -> Any:
        """Of a parameter that varies; what the point was run with where its sweep does not set it."""
        return self.params.get(key, self.defaults.get(key))

    @property
    def label(self) -> str:
        varied = ", ".join(
            f"{key.removeprefix('dataset.')} = {plain(self.value(key), rounded=True)}"
            for key in self.varying
        )
        return f"{self.method} ({varied})" if varied else self.method

    @property
    def marked(self) -> str:
        """The label for a table, where a control is called one."""
        return marked(self.label, self.control)


@dataclass
class Sweep:
    """Groups of one dataset in which the same parameters vary; several methods may be swept together."""

    dataset: str
    keys: tuple[str, ...]
    groups: list[Group] = field(default_factory=list)


@dataclass
class Study:
    datasets: list[str]
    methods: list[str]  # in the order they first appear
    types: dict[str, str]  # type of each method label; the label itself where the config does not say
    groups: list[Group]
    base: dict[str, list[Group]]  # per dataset the group that stands for each method
    sweeps: list[Sweep]
    metrics: list[str]
    directions: dict[str, str]
    kinds: dict[str, str]  # where each metric belongs
    controls: set[str]  # labels of the methods that are controls

    def metrics_of(self, *kinds: str) -> list[str]:
        """The metrics of these kinds, without those of held out cells."""
        return [metric for metric in self.metrics if self.kinds[metric] in kinds and not is_holdout(metric)]

    def by_total(self, groups: list[Group]) -> list[Group]:
        """Highest total first; in their order if there is none, and last those without one."""
        total = next((metric for metric in self.metrics if family(metric) == "total"), "")
        means = {id(group): group.mean(total) for group in groups}
        return sorted(groups, key=lambda group: -_or_lowest(means[id(group)]))

    def baseline(self, dataset: str) -> Group | None:
        """The uncorrected cells, known by the type of the method."""
        return next(
            (group for group in self.base[dataset] if self.types[group.method] == "uncorrected"), None
        )

    def best(self, metric: str, groups: list[Group]) -> float | None:
        """The best mean by the direction of the metric; None where there is nothing to choose between.

        Controls do not compete.
        """
        competing = (group.mean(metric) for group in groups if not group.control)
        means = [mean for mean in competing if mean is not None]
        direction = self.directions.get(metric)
        if len(set(means)) < 2 or direction not in ("higher", "lower"):
            return None
        return max(means) if direction == "higher" else min(means)


def _or_lowest(mean: float | None) -> float:
    return -math.inf if mean is None else mean


def marked(label: str, control: bool) -> str:
    return f"{label} (control)" if control else label


def plain(value: Any, rounded: bool = False) -> str:
    """A parameter's value as a person writes it; `rounded` to six significant digits."""
    if isinstance(value, str):
        return value
    number = finite(value)
    if number is not None:
        whole = number == int(number) and abs(number) < 1e15
        return str(int(number)) if whole else f"{number:.6g}" if rounded else repr(number)
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def study_of(results: Results) -> Study:
    groups = _groups(results.rows)
    _mark_varying(groups)
    _find_defaults(groups, results)
    labels = list(dict.fromkeys(group.method for group in groups))
    controls = _controls(groups, results)
    for group in groups:
        group.control = group.method in controls
    config = mapping(results.manifest.get("config"))
    types = {label: label for label in labels}
    for entry in map(mapping, sequence(config.get("methods"))):
        if isinstance(entry.get("label"), str) and isinstance(entry.get("type"), str):
            types[entry["label"]] = entry["type"]
    datasets = list(dict.fromkeys(group.dataset for group in groups))
    documented = Counter(line.point for line in results.expected)
    chosen = {point for point in sequence(results.manifest.get("base_points")) if isinstance(point, str)}
    return Study(
        datasets=datasets,
        methods=labels,
        types=types,
        groups=groups,
        base={
            dataset: _base(
                [group for group in groups if group.dataset == dataset], types, documented, chosen
            )
            for dataset in datasets
        },
        sweeps=_sweeps(groups),
        metrics=list(dict.fromkeys(row.metric for row in results.rows)),
        directions={row.metric: row.direction for row in results.rows},
        kinds=kinds_of(results.rows, results.point),
        controls=controls,
    )


@lru_cache(maxsize=None)
def _params(text: str) -> tuple[str, dict[str, Any]]:
    """The parameters without the seeds, as text to compare and as values."""
    try:
        params = mapping(json.loads(text or "{}"))
    except (ValueError, RecursionError):
        return text, {"params": text}
    params = {key: value for key, value in params.items() if key not in SEEDS}
    return json.dumps(params, sort_keys=True), params


def _groups(rows: list[Row]) -> list[Group]:
    groups: dict[tuple[str, str, str], Group] = {}
    members: dict[tuple[str, str, str], dict[str, None]] = {}
    for row in rows:
        text, params = _params(row.params)
        key = (row.dataset, row.method, text)
        group = groups.setdefault(key, Group(row.dataset, row.method, params))
        group.rows.setdefault(row.metric, []).append(row)
        members.setdefault(key, {})[row.point] = None
    for key, group in groups.items():
        group.points = list(members[key])
    return list(groups.values())


def _mark_varying(groups: list[Group]) -> None:
    pairs: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        pairs.setdefault((group.dataset, group.method), []).append(group)
    for members in pairs.values():
        keys = dict.fromkeys(key for group in members for key in group.params)
        varying = tuple(
            key
            for key in keys
            if len({json.dumps(group.params.get(key), sort_keys=True) for group in members}) > 1
        )
        for group in members:
            group.varying = varying


def _base(
    groups: list[Group], types: dict[str, str], documented: Counter[str], chosen: set[str]
) -> list[Group]:
    """A group for each method: the one the run chose, or its first.

    Results of older programs name none: then the only one, or of a sweep the one that is documented
    most, else the first; and a swept method is left out if another of its type has one setting.
    """
    if chosen:
        of_method: dict[str, list[Group]] = {}
        for group in groups:
            of_method.setdefault(group.method, []).append(group)
        return [
            next((group for group in candidates if chosen.intersection(group.points)), candidates[0])
            for candidates in of_method.values()
        ]
    settled = {types[group.method] for group in groups if not group.varying}
    members: dict[str, list[Group]] = {}
    for group in groups:
        if not group.varying or types[group.method] not in settled:
            members.setdefault(group.method, []).append(group)
    return [
        max(candidates, key=lambda group: sum(documented[point] for point in group.points))
        for candidates in members.values()
    ]


def _controls(groups: list[Group], results: Results) -> set[str]:
    """Labels of the methods that their point files call controls."""
    members: dict[str, list[str]] = {}
    for group in groups:
        members.setdefault(group.method, []).append(group.points[0])
    return {
        label
        for label, points in members.items()
        if any(mapping(results.point(point).get("method")).get("control") is True for point in points[:TRIES])
    }


def _find_defaults(groups: list[Group], results: Results) -> None:
    """A parameter that another part of the sweep sets is missing in `params`, not in the point file."""
    for group in groups:
        missing = [key for key in group.varying if key not in group.params]
        if not missing:
            continue
        point = results.point(group.points[0])
        method, dataset = mapping(point.get("method")), mapping(point.get("dataset"))
        resolved = {
            **mapping(method.get("params")),
            **{f"train.{key}": value for key, value in mapping(method.get("train")).items()},
            **{f"dataset.{key}": value for key, value in mapping(dataset.get("params")).items()},
        }
        group.defaults = {key: resolved[key] for key in missing if key in resolved}


def _sweeps(groups: list[Group]) -> list[Sweep]:
    sweeps: dict[tuple[str, tuple[str, ...]], Sweep] = {}
    for group in groups:
        if group.varying:
            key = (group.dataset, group.varying)
            sweeps.setdefault(key, Sweep(*key)).groups.append(group)
    return list(sweeps.values())
