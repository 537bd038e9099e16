"""Differentiable methods as functions of JAX: gradients flow through the corrected cells to the cells."""

from __future__ import annotations

from typing import Any, Callable

import jax
import numpy as np

from ._methods import correct as _correct


def correction(method: str, batch: Any, labels: Any = None, **options: Any) -> Callable[[jax.Array], jax.Array]:
    """A function of cells (n, F) to corrected cells (n, F) that jax.grad, jax.vjp and jax.jit know.

    The computation runs on the CPU by jax.pure_callback; the reverse pass runs the method again.
    """

    def run(cells: Any) -> np.ndarray:
        return _correct(method, np.asarray(cells), batch, labels, **options).corrected

    def run_back(cells: Any, corrected_bar: Any) -> np.ndarray:
        return _correct(method, np.asarray(cells), batch, labels, **options).vjp(np.asarray(corrected_bar))

    @jax.custom_vjp
    def corrected(cells: jax.Array) -> jax.Array:
        return jax.pure_callback(run, jax.ShapeDtypeStruct(cells.shape, cells.dtype), cells)

    def forward(cells: jax.Array) -> tuple[jax.Array, jax.Array]:
        return corrected(cells), cells

    def backward(cells: jax.Array, corrected_bar: jax.Array) -> tuple[jax.Array]:
        shape = jax.ShapeDtypeStruct(cells.shape, cells.dtype)
        return (jax.pure_callback(run_back, shape, cells, corrected_bar),)

    corrected.defvjp(forward, backward)
    return corrected
