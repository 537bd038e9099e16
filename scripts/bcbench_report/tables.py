"""The tables of the results, in the form of the documentation, and method against metric."""

from __future__ import annotations

from typing import Any, Callable

from .cells import (
    MAX_COLUMNS,
    MAX_ROWS,
    Cell,
    Table,
    cut,
    fixed,
    group_cell,
    none_cell,
    text_cell,
    value_tables,
)
from .data_tables import MANY_BATCHES, PointReader, base_groups, head_names, heads_of, output_cell
from .kinds import (
    AGGREGATE,
    BIOLOGY,
    CHECK,
    CHECK_DETAIL,
    DETAIL,
    DETAIL_OF_METRIC,
    ITERATION,
    LOSS,
    MEANS,
    MIXING,
    REFERENCE,
    TRIES,
    is_entropy,
    is_holdout,
)
from .read import mapping
from .study import COLLAPSED, PERFECT_MIXING, Group, Study, Sweep, marked, plain

LONG_SWEEP = 12  # rows; the table of a longer sweep folds away below its figure


def untrained_notes(study: Study, read: PointReader) -> list[str]:
    """Untrained autoencoders are random networks: their mixing must not be taken for a correction."""
    labels = []
    for group in base_groups(study)[:MAX_ROWS]:
        method = mapping(read(group.points[0]).get("method"))
        if method and method.get("train") is None and group.values("reconstruction_loss"):
            labels.append(group.label)
    if not labels:
        return []
    names = ", ".join(dict.fromkeys(labels))
    return [f"Not trained: {names}. A random network corrects nothing; mixing it adds is structure it lost."]


def collapse_notes(study: Study) -> list[str]:
    """Where nothing is left of the cells, mixing and means look their best and say nothing."""
    notes = []
    for group in study.groups:
        left = group.mean(COLLAPSED)
        if left is not None:
            notes.append(
                f"Collapsed: {group.label} keeps {left:.1e} of the variance of the input. Its mixing and means "
                "say nothing, and it is not ranked."
            )
    shown = notes[:TRIES]
    return shown + ([f"Collapsed: {len(notes) - len(shown)} more."] if len(notes) > len(shown) else [])


def loss_tables(study: Study) -> list[Table]:
    return _score_tables("Losses", study, study.metrics_of(LOSS))


def mean_tables(study: Study) -> list[Table]:
    """The means of many batches are summed up: metrics.csv has each."""
    metrics = study.metrics_of(MEANS)
    of_batches = [metric for metric in metrics if metric.startswith("batch_mean_")]
    if len(of_batches) <= MANY_BATCHES:
        return _score_tables("Batch means", study, metrics)
    rows = []
    for group in base_groups(study):
        means = sorted(mean for mean in map(group.mean, of_batches) if mean is not None)
        if means:
            middle = (means[(len(means) - 1) // 2] + means[len(means) // 2]) / 2
            cells = [Cell(fixed(value), repr(value), "derived") for value in (means[0], middle, means[-1])]
            rows.append([*heads_of(study, group), *cells])
    columns = [*head_names(study), "smallest", "median", "largest"]
    note = f"Each of the {len(of_batches)} batches stands in metrics.csv."
    others = [metric for metric in metrics if metric not in of_batches]
    return [
        cut(Table("Means of the batches", columns, rows, [note]), "metrics.csv"),
        *_score_tables("Batch means", study, others),
    ]


def biology_tables(study: Study) -> list[Table]:
    return _score_tables("Biology", study, study.metrics_of(BIOLOGY))


def aggregate_tables(study: Study) -> list[Table]:
    """Highest total first."""
    return _score_tables("Aggregates", study, study.metrics_of(AGGREGATE), study.by_total)


def further_tables(study: Study) -> list[Table]:
    """What has no table of its own; what lies behind the scores of methods and metrics folds away."""
    in_tables = {LOSS, MIXING, MEANS, BIOLOGY, AGGREGATE, REFERENCE, CHECK, CHECK_DETAIL}
    folded = {
        "Details of the methods": study.metrics_of(ITERATION, DETAIL),
        "Details of the metrics": study.metrics_of(DETAIL_OF_METRIC),
    }
    elsewhere = in_tables | {ITERATION, DETAIL, DETAIL_OF_METRIC}
    further = [
        metric for metric in study.metrics if is_holdout(metric) or study.kinds[metric] not in elsewhere
    ]
    tables = _score_tables("Further metrics", study, further, documented=False)
    for title, metrics in folded.items():
        details = _score_tables(title, study, metrics, documented=False)
        for table in details:
            table.fold = "closed"
        tables += details
    return tables


def mixing_tables(study: Study) -> list[Table]:
    """Mixing per method: entropies with what they gain over the uncorrected cells, then the other scores."""
    mixing = study.metrics_of(MIXING)
    tables = []
    for metric in filter(is_entropy, mixing):
        rows = []
        for dataset in study.datasets:
            best = study.best(metric, study.base[dataset])
            rows += [
                [
                    *heads_of(study, group),
                    group_cell(group, metric, best, documented=True),
                    _versus_cell(study, group, metric),
                ]
                for group in study.base[dataset]
                if metric in group.rows
            ]
        if rows:
            tables.append(
                cut(
                    Table(f"Mixing: {metric}", [*head_names(study), metric, "vs uncorrected"], rows),
                    "metrics.csv",
                )
            )
    others = [metric for metric in mixing if not is_entropy(metric)]
    return tables + _score_tables("Batch mixing", study, others)


def _versus_cell(study: Study, group: Group, metric: str) -> Cell:
    baseline = study.baseline(group.dataset)
    if group is baseline:
        return none_cell("baseline")
    ours, theirs = group.mean(metric), baseline.mean(metric) if baseline else None
    if ours is None or theirs is None:
        return none_cell()
    return Cell(fixed(ours - theirs, sign=True), repr(ours - theirs), "derived")


def _score_tables(
    title: str,
    study: Study,
    metrics: list[str],
    order: Callable[[list[Group]], list[Group]] = list,
    documented: bool = True,
) -> list[Table]:
    """Methods × metrics, `documented` with four decimals as the documentation prints them."""
    metrics = [metric for metric in metrics if any(metric in group.rows for group in base_groups(study))]
    tables = []
    for start in range(0, len(metrics), MAX_COLUMNS):
        part = metrics[start : start + MAX_COLUMNS]
        rows = []
        for dataset in study.datasets:
            best = {metric: study.best(metric, study.base[dataset]) for metric in part}
            rows += [
                [
                    *heads_of(study, group),
                    *(group_cell(group, metric, best[metric], documented) for metric in part),
                ]
                for group in order(study.base[dataset])
                if any(metric in group.rows for metric in part)
            ]
        tables.append(
            cut(
                Table(title if start == 0 else f"{title}, continued", [*head_names(study), *part], rows),
                "metrics.csv",
            )
        )
    return tables


def check_tables(study: Study, read: PointReader) -> list[Table]:
    """Gradient and implementation checks: True and False where a check gives 1 or 0."""
    metrics = study.metrics_of(CHECK, CHECK_DETAIL)
    groups = [group for group in base_groups(study) if any(group.rows.get(metric) for metric in metrics)]
    truths = {
        metric
        for metric in metrics
        if study.directions.get(metric) == "higher"  # a count or an error says nothing that holds
    }
    shapes = {
        group.points[0]: mapping(read(group.points[0]).get("outputs")).get("gradient_shape")
        for group in groups[:MAX_ROWS]
    }
    tables = []
    for start in range(0, len(metrics), MAX_COLUMNS):
        part = metrics[start : start + MAX_COLUMNS]
        first = start == 0 and any(shapes.values())
        rows = [
            [
                *heads_of(study, group),
                *([output_cell(shapes.get(group.points[0]))] if first else []),
                *(
                    _truth_cell(group, metric) if metric in truths else group_cell(group, metric)
                    for metric in part
                ),
            ]
            for group in groups
        ]
        if rows:
            tables.append(
                cut(
                    Table(
                        "Checks" if start == 0 else "Checks, continued",
                        [*head_names(study), *(["gradient_shape"] if first else []), *part],
                        rows,
                        _failure_notes(study, read) if start == 0 else [],
                    ),
                    "metrics.csv",
                )
            )
    return tables


def _failure_notes(study: Study, read: PointReader) -> list[str]:
    """Why checks do not hold, of every point whose file says so."""
    checks = study.metrics_of(CHECK)
    failed = [group for group in study.groups if any(0.0 in group.values(check) for check in checks)]
    return [
        f"{point}: the check {check} does not hold: {plain(why)}."
        for group in failed[:MAX_ROWS]
        for point in group.points
        for check, why in mapping(mapping(read(point).get("outputs")).get("check_failures")).items()
    ]


def _truth_cell(group: Group, metric: str) -> Cell:
    values = group.values(metric)
    if not values:
        return group_cell(group, metric)
    holds = all(values)
    return Cell(
        "True" if holds else "False", ", ".join(plain(value) for value in values), "good" if holds else "bad"
    )


def sweep_tables(study: Study, sweep: Sweep, documented: set[str]) -> list[Table]:
    """A row for each setting; metrics that are the same at every setting go to a note unless documented."""
    several = len({group.method for group in sweep.groups}) > 1
    metrics = [
        metric
        for metric in study.metrics
        if metric not in (PERFECT_MIXING, COLLAPSED) and any(group.values(metric) for group in sweep.groups)
    ]
    shown = [
        metric
        for metric in metrics
        if metric in documented or varies(sweep, metric) or study.kinds[metric] == MIXING
    ]
    constant = [
        f"{metric} = {group_cell(sweep.groups[0], metric).text}" for metric in metrics if metric not in shown
    ]
    lines = [
        (
            [parameter_cell(group.value(key)) for key in sweep.keys]
            + ([text_cell(marked(group.method, group.control))] if several else []),
            group,
        )
        for group in sweep.groups
    ]
    heads = [*sweep.keys, *(["method"] if several else [])]
    comparable = not any(key.startswith("dataset.") for key in sweep.keys)  # the best of harder data is none
    tables = value_tables("Values", study, heads, lines, shown, comparable)
    if len(lines) > LONG_SWEEP:
        for table in tables:
            table.fold, table.hint = "closed", f"{len(table.rows)} rows"
    for metric, key in study.defined_by.items():
        if tables and metric in shown and key in sweep.keys:
            tables[-1].notes.append(f"{metric} is defined by {key}: its values do not compare over this sweep.")
    if tables and constant:
        tables[-1].notes.append("The same at every setting: " + "; ".join(constant) + ".")
    return tables


def sweep_title(study: Study, sweep: Sweep) -> str:
    names = list(dict.fromkeys(group.method for group in sweep.groups))
    who = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    where = f" on {sweep.dataset}" if len(study.datasets) > 1 else ""
    return f"{who}{where}: sweep over {', '.join(sweep.keys)}"


def parameter_cell(value: Any) -> Cell:
    return Cell(plain(value, rounded=True), plain(value), "parameter")


def varies(sweep: Sweep, metric: str) -> bool:
    return len({group.mean(metric) for group in sweep.groups if group.values(metric)}) > 1


def metric_tables(study: Study) -> list[Table]:
    """Every metric × every method, one table a dataset; long names stand in the rows."""
    tables = []
    for dataset in study.datasets[:MAX_ROWS]:
        groups = study.base[dataset][: 10 * MAX_COLUMNS]
        metrics = [metric for metric in study.metrics if any(metric in group.rows for group in groups)]
        best = {metric: study.best(metric, groups) for metric in metrics}
        title = f"Metrics on {dataset}" if len(study.datasets) > 1 else "All metrics"
        for start in range(0, len(groups), MAX_COLUMNS):
            part = groups[start : start + MAX_COLUMNS]
            rows = [
                [
                    text_cell(metric),
                    text_cell(study.directions[metric].replace("info", "neither")),
                    *(group_cell(group, metric, best[metric]) for group in part),
                ]
                for metric in metrics
            ]
            table = Table(
                title if start == 0 else f"{title}, continued",
                ["metric", "better", *(group.marked for group in part)],
                rows,
            )
            tables.append(cut(table, "metrics.csv"))
        if len(study.base[dataset]) > len(groups):
            tables[-1].notes.append(f"The first {len(groups)} of {len(study.base[dataset])} methods.")
    return tables
