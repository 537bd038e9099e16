"""Metrics of any embedding."""

from __future__ import annotations

import json
from typing import Any, Optional, Sequence, Union

import numpy as np

from ._load import _core
from ._arguments import batch_columns, cells_array, optional_column, thread_count


class Scores(dict[str, Optional[float]]):
    """Values by metric, None where one does not apply; ``rows`` has direction, reason, version and definition too."""

    def __init__(self, rows: list[dict[str, Any]], per_cell: dict, per_label: dict, notes: list[str]) -> None:
        super().__init__((row["metric"], row["value"]) for row in rows)
        self.rows = rows
        self.per_cell: dict[str, np.ndarray] = per_cell
        self.per_label: dict[str, dict[str, Optional[float]]] = per_label
        self.notes = notes

    @property
    def reasons(self) -> dict[str, str]:
        """Why metrics do not apply."""
        return {row["metric"]: row["reason"] for row in self.rows if row["value"] is None}

    def to_frame(self) -> Any:
        """The rows as a pandas data frame."""
        import pandas

        return pandas.DataFrame(self.rows).set_index("metric")


def score(
    X: Any,
    batch: Any,
    labels: Any = None,
    *,
    preset: Optional[str] = None,
    metrics: Union[None, str, Sequence[Union[str, dict]]] = None,
    before: Any = None,
    missing_types: str = "error",
    threads: Optional[int] = None,
) -> Scores:
    """Scores an embedding (cells x features) as the program does, exactly and from one neighbour graph.

    ``labels``: cell types; without them the metrics of types do not apply. ``preset``: a set of metrics, by default
    ``scib-metrics-0.6``; ``metrics``: names, presets, or ``{"type": "kbet", "params": {"alpha": 0.1}}`` instead of or
    beside it. ``before``: the cells before the correction, which pcr_comparison needs. ``missing_types``: cells without
    a type are an ``"error"``; with ``"keep"`` the metrics on types leave them out.
    """
    if missing_types not in ("error", "keep"):
        raise ValueError(f"missing_types is {missing_types!r}, must be 'error' or 'keep'")
    cells = cells_array(X)
    first, *further = batch_columns(batch, len(cells))
    uncorrected = None if before is None else np.ascontiguousarray(cells_array(before, "before"), dtype=cells.dtype)
    wanted = ([preset] if preset else []) + ([metrics] if isinstance(metrics, str) else list(metrics or []))
    types = optional_column(labels, len(cells), "labels", _core.UNLABELLED if missing_types == "keep" else None)
    return Scores(*_core.score(cells, uncorrected, first, types, further, json.dumps(wanted or ["scib-metrics-0.6"]),
                               thread_count(threads)))
