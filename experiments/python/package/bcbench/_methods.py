"""The methods of the catalog. Each function's options are the catalog's; their documentation is made from it."""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping, Optional

import numpy as np

from ._load import _core
from ._arguments import batch_columns, cells_array, optional_column, thread_count, whole_number

_ENTRIES = {entry["name"]: entry for entry in json.loads(_core.methods())}


def method_entry(method: str) -> dict[str, Any]:
    """What the catalog says of a method."""
    if method not in _ENTRIES:
        raise ValueError(f"no method is called '{method}'; there are {', '.join(_ENTRIES)}")
    return _ENTRIES[method]


class Correction:
    """What a method made of the cells, and its reverse pass there."""

    def __init__(self, fit: Any) -> None:
        self._fit = fit

    @property
    def corrected(self) -> np.ndarray:
        """Corrected cells (n, F)."""
        return self._fit.corrected

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What else the method computed per cell, such as ``latent`` (n, L)."""
        return self._fit.arrays

    @property
    def values(self) -> dict[str, Optional[float]]:
        """Losses and figures of the method, as in metrics.csv; None where one does not apply."""
        return self._fit.values

    @property
    def facts(self) -> dict[str, str]:
        """Words, such as why an iteration ended."""
        return self._fit.facts

    @property
    def notes(self) -> list[str]:
        return self._fit.notes

    @property
    def traces(self) -> dict[str, list[float]]:
        """Values along the iterations or the training."""
        return self._fit.traces

    @property
    def is_differentiable(self) -> bool:
        return self._fit.is_differentiable

    def vjp(self, corrected_bar: Any) -> np.ndarray:
        """The adjoint of the input cells (n, F) for the adjoint of the corrected cells (n, F).

        Reads the array that was corrected again: it must not have changed since.
        """
        return self._fit.vjp(np.ascontiguousarray(corrected_bar, dtype=self.corrected.dtype))

    def gradients(self, output: str = "corrected", adjoint: Any = None) -> dict[str, np.ndarray]:
        """Of ``corrected`` or of a loss, with respect to ``cells`` and every parameter of the model, in float64.

        ``adjoint``: of the output's shape; ones if it is not given, the gradient of the sum of the entries.
        """
        given = None if adjoint is None else np.ascontiguousarray(np.atleast_2d(adjoint), dtype=np.float64)
        return self._fit.gradients(output, given)


def correct(
    method: str,
    X: Any,
    batch: Any,
    labels: Any = None,
    *,
    train: Optional[Mapping[str, Any]] = None,
    seed: int = 0,
    threads: Optional[int] = None,
    **options: Any,
) -> Correction:
    """Runs a method of the catalog on cells x features.

    ``batch``: one label per cell; or several columns, a dict or data frame, of which methods that know covariates
    correct for all. ``labels``: cell types, for the methods that look at them. ``train``: keys of the method's
    training (``{}`` trains with the defaults); None: it is not trained. Options are those of
    ``bcbench describe METHOD``.
    """
    parameters = method_entry(method)["parameters"]
    cells = cells_array(X)
    first, *further = batch_columns(batch, len(cells))
    if further and any(parameter["name"] == "batch_keys" for parameter in parameters):
        options.setdefault("batch_keys", [column[0] for column in (first, *further)])
    fit = _core.correct(
        method,
        cells,
        first,
        optional_column(labels, len(cells), "labels"),
        further,
        _as_json(options, "options"),
        "" if train is None else _as_json(train, "train"),
        whole_number(seed, "seed", 0, 2**64 - 1),
        thread_count(threads),
    )
    return Correction(fit)


def _as_json(options: Mapping[str, Any], what: str) -> str:
    def plain(value: Any) -> Any:
        if hasattr(value, "tolist"):
            return value.tolist()
        raise ValueError(f"there is a {type(value).__name__}")

    if not isinstance(options, Mapping):
        raise ValueError(f"{what} is {options!r}, expected a dict; {{}} takes the defaults")
    try:
        return json.dumps(dict(options), default=plain, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"{what} are not all finite numbers, words and lists of them: {error}") from None


def _documentation(entry: Mapping[str, Any], intro: str) -> str:
    def lines(parameters: list[dict[str, Any]]) -> str:
        return "\n".join(
            f"{parameter['name']} : {parameter['allowed']}, default {json.dumps(parameter['default'])}\n"
            f"    {parameter['help']}"
            for parameter in parameters
        )

    text = f"{entry['summary']}\n\n{entry['notes']}\n\n{intro}\n\nOptions\n-------\n{lines(entry['parameters'])}\n"
    if entry["training"]:
        text += f"\nKeys of train\n-------------\n{lines(entry['training'])}\n"
    return text


def _function(name: str) -> Callable[..., np.ndarray]:
    def function(X: Any, batch: Any, labels: Any = None, **options: Any) -> np.ndarray:
        return correct(name, X, batch, labels, **options).corrected

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _documentation(
        _ENTRIES[name],
        f"Returns the corrected cells (n, F). ``correct({name!r}, ...)`` takes the same and returns all that the\n"
        "method gives. Further keywords: seed, threads, train.",
    )
    return function


class _Differentiable:
    """A differentiable method with its options: ``forward`` runs it, the Correction it returns has ``vjp``."""

    name = ""

    def __init__(
        self,
        *,
        train: Optional[Mapping[str, Any]] = None,
        seed: int = 0,
        threads: Optional[int] = None,
        **options: Any,
    ) -> None:
        self._settings: dict[str, Any] = {"train": train, "seed": seed, "threads": threads, **options}

    def forward(self, X: Any, batch: Any, labels: Any = None) -> Correction:
        return correct(self.name, X, batch, labels, **self._settings)

    def vjp(self, X: Any, batch: Any, corrected_bar: Any, labels: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Corrected cells, and the adjoint of X for the adjoint of them."""
        correction = self.forward(X, batch, labels)
        return correction.corrected, correction.vjp(corrected_bar)


def _class(name: str) -> type[_Differentiable]:
    documentation = _documentation(_ENTRIES[name], _Differentiable.__doc__ or "")
    return type(name, (_Differentiable,), {"name": name, "__doc__": documentation, "__module__": "bcbench"})


harmony = _function("harmony")
combat = _function("combat")
mnn = _function("mnn")
batch_mean_centering = _function("batch_mean_centering")
batch_scaling = _function("batch_scaling")
differentiable_harmony = _class("differentiable_harmony")
mmd_autoencoder = _class("mmd_autoencoder")
wgan_autoencoder = _class("wgan_autoencoder")
