"""Exact nearest neighbours."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from ._load import _core
from ._arguments import cells_array, thread_count, whole_number


def neighbors(X: Any, k: int, *, threads: Optional[int] = None) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other cells of every cell, exactly, under the Euclidean distance.

    Returns indices (n, k) uint32, nearest first, ties by lower index, and distances (n, k) float64. 1 <= k < n.
    """
    return _core.neighbors(cells_array(X), whole_number(k, "k", 1, 2**32 - 1), thread_count(threads))
