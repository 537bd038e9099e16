"""What the rows are about: points that belong together, parameters that vary, who stands for a method."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import fmean, stdev
from typing import Any

from .kinds import AGGREGATE, TRIES, definitions_of, family, is_holdout, kinds_of
from .read import Results, Row, finite, mapping, sequence

SEEDS = ("seed", "dataset.seed")  # points that differ in these alone are repetitions, not settings
COLLAPSED = "collapsed"
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
    definitions: dict[str, Any] = field(default_factory=dict)  # parameters that define a metric, as they were

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
        """The label for a table, where a control and what has collapsed are called so."""
        return marked(self.label, self.control) + (" (collapsed)" if self.collapsed else "")

    @property
    def collapsed(self) -> bool:
        """Whether a point has this row, which those alone have whose corrected cells kept nothing of the input."""
        return COLLAPSED in self.rows

    @property
    def ranked(self) -> bool:
        return not self.control and not self.collapsed


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
    defined_by: dict[str, str] = field(default_factory=dict)  # metrics whose definition contains a parameter

    def metrics_of(self, *kinds: str) -> list[str]:
        """The metrics of these kinds, without those of held out cells."""
        return [metric for metric in self.metrics if self.kinds[metric] in kinds and not is_holdout(metric)]

    def by_total(self, groups: list[Group]) -> list[Group]:
        """Highest total first; in their order if there is none, and last those without one or collapsed."""
        totals = [metric for metric in self.metrics if family(metric) == "total"]
        totals += [metric for metric in self.metrics_of(AGGREGATE) if family(metric).endswith("_total")]
        total = totals[0] if totals else ""
        means = {id(group): None if group.collapsed else group.mean(total) for group in groups}
        return sorted(groups, key=lambda group: -_or_lowest(means[id(group)]))

    def baseline(self, dataset: str) -> Group | None:
        """The uncorrected cells, known by the type of the method."""
        return next(
            (group for group in self.base[dataset] if self.types[group.method] == "uncorrected"), None
        )

    def best(self, metric: str, groups: list[Group]) -> float | None:
        """The best mean by the direction of the metric; None where there is nothing to choose between.

        Controls do not compete, nor do points that have collapsed; and a metric that is defined by a parameter is on
        another scale at each of its values.
        """
        if self.incomparable(metric, groups):
            return None
        competing = (group.mean(metric) for group in groups if group.ranked)
        means = [mean for mean in competing if mean is not None]
        direction = self.directions.get(metric)
        if len(set(means)) < 2 or direction not in ("higher", "lower"):
            return None
        return max(means) if direction == "higher" else min(means)

    def incomparable(self, metric: str, groups: list[Group]) -> bool:
        """Whether the groups differ in a parameter that the definition of the metric contains."""
        key = self.defined_by.get(metric)
        if key is None:
            return False
        values = (group.definitions.get(key) for group in groups if group.values(metric))
        return len({json.dumps(value, sort_keys=True) for value in values}) > 1


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
    defined_by = definitions_of(results.rows, results.point)
    _find_definitions(groups, defined_by, results)
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
        defined_by=defined_by,
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


def _find_definitions(groups: list[Group], defined_by: dict[str, str], results: Results) -> None:
    """The values of the parameters that define a metric, in each group that has the metric."""
    for group in groups:
        for metric, key in defined_by.items():
            if metric not in group.rows:
                continue
            method = mapping(results.point(group.points[0]).get("method"))
            group.definitions[key] = group.params.get(key, mapping(method.get("params")).get(key))


def _sweeps(groups: list[Group]) -> list[Sweep]:
    sweeps: dict[tuple[str, tuple[str, ...]], Sweep] = {}
    for group in groups:
        if group.varying:
            key = (group.dataset, group.varying)
            sweeps.setdefault(key, Sweep(*key)).groups.append(group)
    return list(sweeps.values())
