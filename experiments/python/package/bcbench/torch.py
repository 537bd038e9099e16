"""Differentiable methods as functions of PyTorch: gradients flow through the corrected cells to the cells."""

from __future__ import annotations

from typing import Any

import torch

from ._methods import correct as _correct


class _Corrected(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, cells: torch.Tensor, method: str, batch: Any, labels: Any, options: dict) -> torch.Tensor:
        correction = _correct(method, cells.detach().cpu().numpy(), batch, labels, **options)
        if not correction.is_differentiable:
            raise ValueError(f"{method} has no gradient")
        ctx.correction = correction
        return torch.from_numpy(correction.corrected.copy()).to(cells)

    @staticmethod
    def backward(ctx: Any, corrected_bar: torch.Tensor) -> Any:
        cells_bar = ctx.correction.vjp(corrected_bar.detach().cpu().numpy())
        return torch.from_numpy(cells_bar).to(corrected_bar), None, None, None, None


def correct(method: str, cells: torch.Tensor, batch: Any, labels: Any = None, **options: Any) -> torch.Tensor:
    """``bcbench.correct(...).corrected`` of a tensor (n, F), differentiable with respect to it, once."""
    return _Corrected.apply(cells, method, batch, labels, options)
