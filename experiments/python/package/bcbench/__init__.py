"""Batch correction of single-cell data: methods, exact neighbours and metrics for NumPy arrays, and the program.

Arrays are cells x features, float32 or float64, in C order; those are used without a copy, others are converted. The
arithmetic is that of the array. Labels are any sequence, a pandas Series or Categorical. Options, their defaults and
what they mean are those of the program: ``help(bcbench.harmony)``, ``bcbench describe harmony``. Wrong arguments raise
ValueError with the program's sentence.

    import bcbench
    corrected = bcbench.harmony(pcs, donor, theta=2.0)
    bcbench.score(corrected, donor, cell_type, before=pcs)["total"]
"""

from ._load import _core
from . import sc
from ._methods import (
    Correction,
    batch_mean_centering,
    batch_scaling,
    combat,
    correct,
    differentiable_harmony,
    harmony,
    mmd_autoencoder,
    mnn,
    wgan_autoencoder,
)
from ._neighbors import neighbors
from ._program import Results, load, run
from ._score import Scores, score

ConfigError = _core.ConfigError
NumericalError = _core.NumericalError
__version__ = _core.version()
__all__ = [
    "ConfigError",
    "Correction",
    "NumericalError",
    "Results",
    "Scores",
    "batch_mean_centering",
    "batch_scaling",
    "combat",
    "correct",
    "differentiable_harmony",
    "harmony",
    "load",
    "mmd_autoencoder",
    "mnn",
    "neighbors",
    "run",
    "sc",
    "score",
    "wgan_autoencoder",
]
