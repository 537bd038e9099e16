"""Differentiable methods as functions of PyTorch: gradients flow through corrected cells and losses to the cells."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import torch
from torch.autograd.function import once_differentiable

from ._methods import correct as _correct
from ._outputs import cells_adjoint, output_names, output_values


class _Outputs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, cells: torch.Tensor, names: tuple, method: str, batch: Any, labels: Any, options: dict
    ) -> Any:
        correction = _correct(method, cells.detach().cpu().numpy(), batch, labels, **options)
        ctx.save_for_backward(cells)  # the reverse pass reads them again: PyTorch knows if they have changed since
        ctx.correction, ctx.names = correction, names
        ctx.set_materialize_grads(False)
        return tuple(torch.from_numpy(value).to(cells) for value in output_values(correction, names).values())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *bars: Optional[torch.Tensor]) -> Any:
        (cells,) = ctx.saved_tensors
        given = {name: bar.cpu().numpy() for name, bar in zip(ctx.names, bars) if bar is not None}
        return torch.from_numpy(cells_adjoint(ctx.correction, given)).to(cells), None, None, None, None, None


def outputs(
    method: str,
    cells: torch.Tensor,
    batch: Any,
    labels: Any = None,
    *,
    names: Optional[Sequence[str]] = None,
    **options: Any,
) -> dict[str, torch.Tensor]:
    """Outputs of ``bcbench.correct(method, ...)`` by name, differentiable once with respect to the cells (n, F).

    ``corrected`` (n, F) and the method's losses (), or those in ``names``. The parameters of a model are constants.
    Cells are float32 or float64; the computation runs on the CPU. Raises ValueError for methods without a gradient,
    for cells of another type, and for a loss that does not apply. PyTorch refuses torch.func and double backward.
    """
    wanted = output_names(method, names)
    if cells.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"cells have values of type {cells.dtype}, expected torch.float32 or torch.float64")
    return dict(zip(wanted, _Outputs.apply(cells, wanted, method, batch, labels, options)))


def correct(method: str, cells: torch.Tensor, batch: Any, labels: Any = None, **options: Any) -> torch.Tensor:
    """The corrected cells alone."""
    return outputs(method, cells, batch, labels, names=["corrected"], **options)["corrected"]
