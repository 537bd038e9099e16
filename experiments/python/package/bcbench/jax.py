"""Differentiable methods as functions of JAX: gradients flow through corrected cells and losses to the cells."""

from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

import jax
import numpy as np

from ._arguments import batch_columns, optional_column
from ._methods import correct as _correct
from ._outputs import cells_adjoint, output_names, output_values

Outputs = dict[str, jax.Array]


def outputs(
    method: str, batch: Any, labels: Any = None, *, names: Optional[Sequence[str]] = None, **options: Any
) -> Callable[[jax.Array], Outputs]:
    """A function of cells (n, F) to outputs by name that jax.grad, jax.vjp, jax.jit and jax.vmap know.

    ``corrected`` (n, F) and the method's losses (), or those in ``names``. The parameters of a model are constants.
    Cells are float32, or float64 with jax_enable_x64. The computation runs on the CPU by jax.pure_callback, under
    vmap dataset after dataset; the reverse pass runs the method again, so train once and load the model. JAX refuses
    forward-mode and second derivatives. Raises ValueError for methods without a gradient, and when traced for cells
    of another shape or type; what only the values show (NaN) becomes JAX's runtime error with our sentence.
    """
    wanted = output_names(method, names)

    def run(cells: Any) -> dict[str, np.ndarray]:
        return output_values(_correct(method, np.asarray(cells), batch, labels, **options), wanted)

    def run_back(cells: Any, bars: Any) -> np.ndarray:
        return cells_adjoint(_correct(method, np.asarray(cells), batch, labels, **options), bars)

    @jax.custom_vjp
    def function(cells: jax.Array) -> Outputs:
        if cells.ndim != 2 or cells.dtype not in (np.float32, np.float64):
            found = f"shape {cells.shape} and type {cells.dtype}"
            raise ValueError(f"cells have {found}, expected (n, F) of float32 or float64")
        batch_columns(batch, len(cells))
        optional_column(labels, len(cells), "labels")
        shapes = {name: cells.shape if name == "corrected" else () for name in wanted}
        results = {name: jax.ShapeDtypeStruct(shape, cells.dtype) for name, shape in shapes.items()}
        return jax.pure_callback(run, results, cells, vmap_method="sequential")

    def forward(cells: jax.Array) -> tuple[Outputs, jax.Array]:
        return function(cells), cells

    def backward(cells: jax.Array, bars: Outputs) -> tuple[jax.Array]:
        result = jax.ShapeDtypeStruct(cells.shape, cells.dtype)
        return (jax.pure_callback(run_back, result, cells, bars, vmap_method="sequential"),)

    function.defvjp(forward, backward)
    return function


def correction(method: str, batch: Any, labels: Any = None, **options: Any) -> Callable[[jax.Array], jax.Array]:
    """A function of cells to corrected cells alone."""
    function = outputs(method, batch, labels, names=["corrected"], **options)
    return lambda cells: function(cells)["corrected"]
