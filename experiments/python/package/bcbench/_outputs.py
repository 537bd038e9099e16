"""A differentiable method as named outputs with one reverse pass: what PyTorch and JAX are given."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

import numpy as np

from ._methods import Correction, method_entry


def output_names(method: str, names: Optional[Sequence[str]] = None) -> tuple[str, ...]:
    """``corrected`` and the losses of a differentiable method, or those of them that are wanted."""
    entry = method_entry(method)
    if not entry["differentiable"]:
        raise ValueError(f"{method} has no gradient")
    known = ("corrected", *entry["losses"])
    for name in names or ():
        if name not in known:
            raise ValueError(f"{method} has no output '{name}'; it has {', '.join(known)}")
    return known if names is None else tuple(names)


def output_values(correction: Correction, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Corrected cells (n, F), a copy of them, and losses (), in the arithmetic of the cells."""
    dtype = correction.corrected.dtype
    values = {}
    for name in names:
        value = correction.corrected.copy() if name == "corrected" else correction.values[name]
        if value is None:
            raise ValueError(f"{name} does not apply to these cells: it needs more cells or batches")
        values[name] = np.asarray(value, dtype=dtype)
    return values


def cells_adjoint(correction: Correction, bars: Mapping[str, Any]) -> np.ndarray:
    """The adjoint of the cells (n, F) for those of the outputs; parameters of a model are constants.

    That of a loss is computed in float64, whatever the cells have.
    """
    cells_bar = np.zeros_like(correction.corrected)
    for name, bar in bars.items():
        bar = np.asarray(bar)
        if not bar.any():
            continue
        cells_bar += correction.vjp(bar) if name == "corrected" else correction.gradients(name, bar)["cells"]
    return cells_bar
