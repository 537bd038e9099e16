"""Helpers for AnnData, with scanpy's habits: results go back into the object."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

import numpy as np

from ._methods import correct
from ._score import Scores
from ._score import score as _score


def _embedding(adata: Any, key: str) -> Any:
    if key not in adata.obsm:
        raise ValueError(f"obsm has no '{key}'; it has {', '.join(adata.obsm.keys()) or 'nothing'}")
    return np.asarray(adata.obsm[key])


def _column(adata: Any, key: str) -> Any:
    if key not in adata.obs.columns:
        raise ValueError(f"obs has no column '{key}'; it has {', '.join(map(str, adata.obs.columns)) or 'none'}")
    return adata.obs[key]


def harmony_integrate(
    adata: Any,
    key: Union[str, Sequence[str]],
    *,
    basis: str = "X_pca",
    adjusted_basis: str = "X_pca_harmony",
    **options: Any,
) -> None:
    """Harmony of ``adata.obsm[basis]`` by the columns ``key`` of obs, into ``adata.obsm[adjusted_basis]``.

    Options are those of :func:`bcbench.harmony`.
    """
    keys = [key] if isinstance(key, str) else list(key)
    columns = {name: _column(adata, name) for name in keys}
    correction = correct("harmony", _embedding(adata, basis), columns, **options)
    adata.obsm[adjusted_basis] = correction.corrected


def score(
    adata: Any,
    batch_key: str,
    label_key: Optional[str] = None,
    *,
    basis: str = "X_pca_harmony",
    before: Optional[str] = "X_pca",
    **options: Any,
) -> Scores:
    """Scores ``adata.obsm[basis]`` by columns of obs; ``before`` is the basis before the correction, if it is there.

    Options are those of :func:`bcbench.score`.
    """
    uncorrected = _embedding(adata, before) if before is not None and before in adata.obsm else None
    labels = None if label_key is None else _column(adata, label_key)
    return _score(_embedding(adata, basis), _column(adata, batch_key), labels, before=uncorrected, **options)
