"""The time of every stage of every method: the fits of all its points and repeats together."""

from __future__ import annotations

from .cells import Cell, Table, cut, none_cell, text_cell, MAX_COLUMNS
from .read import Timing
from .study import Study, marked


def time_tables(study: Study, times: dict[tuple[str, str], list[Timing]]) -> list[Table]:
    """Seconds per method and stage: median, smallest and largest over points and repeats."""
    stages = list(dict.fromkeys(stage for _, stage in times))[:MAX_COLUMNS]
    rows = [
        [
            text_cell(marked(method, method in study.controls)),
            *(_time_cell(times.get((method, stage), [])) for stage in stages),
        ]
        for method in study.methods
        if any((method, stage) in times for stage in stages)
    ]
    if not rows:
        return []
    note = "Median (smallest to largest, number of measurements); several points and repeats count together."
    return [cut(Table("Seconds per stage", ["method", *stages], rows, [note]), "timings.csv")]


def _time_cell(timings: list[Timing]) -> Cell:
    if not timings:
        return none_cell()
    low, middle, high = time_summary([timing.seconds for timing in timings])
    if low == high:
        return Cell(f"{middle:.3g}", repr(middle), "value")
    return Cell(f"{middle:.3g} ({low:.3g} to {high:.3g}, n = {len(timings)})", repr(middle), "derived")


def time_summary(seconds: list[float]) -> tuple[float, float, float]:
    """Smallest, median, largest."""
    ordered, half = sorted(seconds), len(seconds) // 2
    middle = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return ordered[0], middle, ordered[-1]


def times_of(study: Study, timings: list[Timing]) -> dict[tuple[str, str], list[Timing]]:
    """The timings by method and stage; of points that have no row in metrics.csv nothing is known."""
    method = {point: group.method for group in study.groups for point in group.points}
    times: dict[tuple[str, str], list[Timing]] = {}
    for timing in timings:
        if timing.point in method:
            times.setdefault((method[timing.point], timing.stage), []).append(timing)
    return times
