"""Arrays, labels and thread counts as the module takes them."""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

import numpy as np

Column = tuple  # (name, codes uint32, names)


def cells_array(values: Any, name: str = "X") -> np.ndarray:
    """Cells x features, float32 or float64 in C order: the array itself if it is that, else a converted copy.

    Integers and booleans become float64. Raises ValueError for anything that is not a matrix of numbers.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} has values of type {array.dtype}, expected numbers")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        raise ValueError(f"{name} has values of type {array.dtype}, expected float32 or float64")
    if array.ndim != 2:
        raise ValueError(f"{name} has {array.ndim} dimensions, expected 2: cells x features")
    if 0 in array.shape:
        raise ValueError(f"{name} is empty: {array.shape[0]} cells x {array.shape[1]} features")
    dtype = array.dtype if array.dtype in (np.float32, np.float64) else np.float64
    return np.ascontiguousarray(array, dtype=dtype.newbyteorder("=") if isinstance(dtype, np.dtype) else dtype)


def label_column(values: Any, n_cells: int, name: str) -> Column:
    """One label per cell, numbered in the order in which they appear; what does not appear is left out."""
    if hasattr(values, "categories") and hasattr(values, "codes"):  # a pandas Categorical
        codes, texts = np.asarray(values.codes), [str(category) for category in values.categories]
    elif hasattr(values, "cat") and hasattr(values.cat, "categories"):  # a pandas Series of them
        codes, texts = np.asarray(values.cat.codes), [str(category) for category in values.cat.categories]
    else:
        codes, texts = _factorized(values, name)
    if len(codes) != n_cells:
        raise ValueError(f"{name} has {len(codes)} labels for {n_cells} cells, expected one per cell")
    if n_cells and codes.min() < 0:
        raise ValueError(f"{name} of cell {int(np.argmax(codes < 0))} is missing, expected a label")
    present, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.uint32)
    rank[order] = np.arange(len(order), dtype=np.uint32)
    return name, np.ascontiguousarray(rank[inverse.reshape(-1)]), [texts[present[i]] for i in order]


def _factorized(values: Any, name: str) -> tuple[np.ndarray, list[str]]:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise ValueError(f"{name} is {type(values).__name__}, expected one label per cell")
    if getattr(values, "ndim", 1) != 1:
        raise ValueError(f"{name} has {values.ndim} dimensions, expected one label per cell")
    numbers: dict[str, int] = {}
    codes = np.empty(len(values), dtype=np.int64)
    for i, value in enumerate(values):
        missing = value is None or value != value or type(value).__name__ == "NAType"
        codes[i] = -1 if missing else numbers.setdefault(str(value), len(numbers))
    return codes, list(numbers)


def batch_columns(batch: Any, n_cells: int) -> list[Column]:
    """The batch, or several covariates: a mapping or data frame of columns, of which the first is the batch."""
    if isinstance(batch, Mapping) or (hasattr(batch, "columns") and hasattr(batch, "__getitem__")):
        columns = [label_column(batch[key], n_cells, str(key)) for key in batch]
        if not columns:
            raise ValueError("batch has no columns")
        return columns
    return [label_column(batch, n_cells, "batch")]


def optional_column(values: Any, n_cells: int, name: str) -> Optional[Column]:
    return None if values is None else label_column(values, n_cells, name)


def thread_count(threads: Optional[int]) -> int:
    """All cores unless said otherwise; results do not depend on it."""
    count = threads if threads is not None else len(os.sched_getaffinity(0))
    if not 1 <= count <= 1024:
        raise ValueError(f"threads is {count}, must be from 1 to 1024")
    return count
