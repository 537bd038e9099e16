from typing import Any, Optional

import numpy as np

class ConfigError(ValueError): ...
class NumericalError(ValueError): ...

class _Correction:
    corrected: np.ndarray
    arrays: dict[str, np.ndarray]
    values: dict[str, Optional[float]]
    facts: dict[str, str]
    notes: list[str]
    traces: dict[str, list[float]]
    is_differentiable: bool
    def vjp(self, corrected_bar: np.ndarray) -> np.ndarray: ...
    def gradients(self, output: str, adjoint: Optional[np.ndarray] = None) -> dict[str, np.ndarray]: ...

class CorrectionFloat32(_Correction): ...
class CorrectionFloat64(_Correction): ...

def version() -> str: ...
def blas_kernel() -> str: ...
def entries(kind: str) -> str: ...
def neighbors(cells: np.ndarray, k: int, threads: int) -> tuple[np.ndarray, np.ndarray]: ...
def correct(
    method: str,
    cells: np.ndarray,
    batch: Optional[tuple],
    type: Optional[tuple],
    further: list[tuple],
    params: str,
    train: str,
    seed: int,
    threads: int,
) -> _Correction: ...
def score(
    cells: np.ndarray,
    before: Optional[np.ndarray],
    batch: Optional[tuple],
    type: Optional[tuple],
    further: list[tuple],
    metrics: str,
    threads: int,
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray], dict[str, dict[str, Optional[float]]], list[str]]: ...
