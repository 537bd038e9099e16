"""Where a metric belongs: what the point files say, or its name where they are older and say nothing."""

from __future__ import annotations

from typing import Any, Callable, Iterable

from .read import Row, mapping, sequence

LOSS, MIXING, MEANS, BIOLOGY, AGGREGATE = "loss", "mixing", "means", "biology", "aggregate"
ITERATION, DETAIL, DETAIL_OF_METRIC = "iteration", "detail", "detail_of_metric"
REFERENCE, OTHER, CHECK, CHECK_DETAIL = "reference", "other", "check", "check_detail"

TRIES = 3  # points that are asked for what all points with a metric, or of a method, have in common


def family(metric: str) -> str:
    """The metric without its parameters: batch_mixing_entropy(n_neighbors=30) is a batch_mixing_entropy."""
    return metric.partition("(")[0]


def is_holdout(metric: str) -> bool:
    """Of cells that a training never saw: beside the main tables, wherever the metric belongs."""
    return metric.startswith("holdout_")


def is_entropy(metric: str) -> bool:
    """Mixing in the unit of the dataset's perfect mixing and of the mixing ceiling."""
    return family(metric).endswith("mixing_entropy")


def kinds_of(rows: Iterable[Row], read: Callable[[str], dict[str, Any]]) -> dict[str, str]:
    """The group of every metric, from the first point file of a few that has one."""
    kinds: dict[str, str] = {}
    tries: dict[str, int] = {}
    for row in rows:
        tries.setdefault(row.metric, 0)
        if row.metric in kinds or tries[row.metric] == TRIES:
            continue
        tries[row.metric] += 1
        for entry in map(mapping, sequence(read(row.point).get("metrics"))):
            metric, group = entry.get("metric"), entry.get("group")
            if isinstance(metric, str) and isinstance(group, str):
                kinds.setdefault(metric, group)
    return {metric: kinds.get(metric) or kind_by_name(metric) for metric in tries}


def definitions_of(rows: Iterable[Row], read: Callable[[str], dict[str, Any]]) -> dict[str, str]:
    """The metrics whose definition contains a parameter of the method, and that parameter."""
    found: dict[str, str] = {}
    tries: dict[str, int] = {}
    for row in rows:
        tries[row.metric] = tries.get(row.metric, 0) + 1
        if row.metric in found or tries[row.metric] > TRIES:
            continue
        for entry in map(mapping, sequence(read(row.point).get("metrics"))):
            metric, key = entry.get("metric"), entry.get("defined_by")
            if isinstance(metric, str) and isinstance(key, str):
                found.setdefault(metric, key)
    return found


def kind_by_name(metric: str) -> str:
    """For files of programs that wrote no group."""
    name = family(metric)
    if name.startswith("optimized_matches") or name == "gradient":
        return CHECK
    if name.startswith("gradient"):
        return CHECK_DETAIL
    if name.endswith("_loss"):
        return LOSS
    if name.startswith("batch_mean") or name == "mean_shift":
        return MEANS
    if is_entropy(metric):
        return MIXING
    if name == "type_purity":
        return BIOLOGY
    return REFERENCE if name == "perfect_mixing" else OTHER
