"""Arrays, labels and thread counts as the module takes them."""

from __future__ import annotations

import operator
import os
from typing import AbstractSet as Set
from typing import Any, Mapping, Optional

import numpy as np

Column = tuple  # (name, codes uint32, names)


def cells_array(values: Any, name: str = "X") -> np.ndarray:
    """Cells x features, float32 or float64 in C order: the array itself if it is that, else a converted copy.

    Integers and booleans become float64. Raises ValueError for anything that is not a matrix of numbers.
    """
    if hasattr(values, "toarray"):
        raise ValueError(f"{name} is sparse, expected a dense array: {name}.toarray(), or its principal components")
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values, expected a value for every cell and feature")
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


def label_column(values: Any, n_cells: int, name: str, missing_label: Optional[str] = None) -> Column:
    """One label per cell, numbered in the order in which they appear; what does not appear is left out.

    Missing ones are an error, or become ``missing_label``.
    """
    if hasattr(values, "cat") and hasattr(values.cat, "categories"):  # a pandas Series of a Categorical
        values = values.cat
    if hasattr(values, "categories") and hasattr(values, "codes"):
        codes, texts = _by_appearance(np.asarray(values.codes), values.categories)
    else:
        codes, texts = _factorized(values, name)
    if len(codes) != n_cells:
        raise ValueError(f"{name} has {len(codes)} labels for {n_cells} cells, expected one per cell")
    missing = [code for code, text in enumerate(texts) if text is None]
    if missing:
        is_missing = np.isin(codes, missing)
        if missing_label is None:
            raise ValueError(f"{name} of {is_missing.sum()} of {n_cells} cells are missing, the first that of cell "
                             f"{np.argmax(is_missing)}, expected a label for each")
        codes, present = _numbered(np.where(is_missing, missing[0], codes))
        texts = [missing_label if code == missing[0] else texts[code] for code in present]
    return name, codes.astype(np.uint32), texts


def _numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers numbered in the order in which they appear, and what stands for each number."""
    present, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.uint32)
    rank[order] = np.arange(len(order), dtype=np.uint32)
    return rank[inverse.reshape(-1)], present[order]


def _by_appearance(codes: np.ndarray, categories: Any) -> tuple[np.ndarray, list[Optional[str]]]:
    """Codes of a Categorical numbered anew, and what they mean; None: missing."""
    numbers, present = _numbered(codes)
    return numbers, [None if code < 0 else str(categories[code]) for code in present]


def _factorized(values: Any, name: str) -> tuple[np.ndarray, list[Optional[str]]]:
    if isinstance(values, (str, bytes, Mapping, Set)) or not hasattr(values, "__len__"):
        raise ValueError(f"{name} is {type(values).__name__}, expected one label per cell, in their order")
    if getattr(values, "ndim", 1) != 1:
        raise ValueError(f"{name} has {values.ndim} dimensions, expected one label per cell")
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "iub" and not np.ma.isMaskedArray(values):
        numbers, present = _numbered(np.asarray(values))
        return numbers, [str(label) for label in present.tolist()]
    plain = values.tolist() if hasattr(values, "tolist") else list(values)
    if len(set(map(type, plain))) > 1:  # 1, True and 1.0 are equal, their texts are not
        plain = [value if _is_missing(value) else str(value) for value in plain]
    known: dict[Any, int] = {}
    codes = np.array([known.setdefault(value, len(known)) for value in plain], dtype=np.uint32)
    return codes, [None if _is_missing(value) else str(value) for value in known]


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def batch_columns(batch: Any, n_cells: int) -> list[Column]:
    """The batch, or several covariates: a mapping or data frame of columns, of which the first is the batch."""
    if isinstance(batch, Mapping) or (hasattr(batch, "columns") and hasattr(batch, "__getitem__")):
        columns = [label_column(batch[key], n_cells, str(key)) for key in batch]
        if not columns:
            raise ValueError("batch has no columns")
        return columns
    return [label_column(batch, n_cells, "batch")]


def optional_column(values: Any, n_cells: int, name: str, missing_label: Optional[str] = None) -> Optional[Column]:
    return None if values is None else label_column(values, n_cells, name, missing_label)


def whole_number(value: Any, name: str, lowest: int, highest: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = lowest - 1
    if not lowest <= number <= highest:
        raise ValueError(f"{name} is {value!r}, must be a whole number from {lowest} to {highest}")
    return number


def thread_count(threads: Optional[int]) -> int:
    """All cores unless said otherwise; results do not depend on it."""
    return whole_number(len(os.sched_getaffinity(0)) if threads is None else threads, "threads", 1, 1024)
