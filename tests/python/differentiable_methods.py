"""What the tests of bcbench.torch and bcbench.jax differentiate."""

import numpy as np

import bcbench

METHODS = {
    "differentiable_harmony": {"n_clusters": 4},
    "mmd_autoencoder": {"hidden_dim": 6, "latent_dim": 3, "seed": 1},
    "wgan_autoencoder": {"hidden_dim": 6, "latent_dim": 3, "seed": 1},
}
LOSSES = {
    "differentiable_harmony": [],
    "mmd_autoencoder": ["reconstruction_loss", "mmd_loss"],
    "wgan_autoencoder": ["reconstruction_loss", "generator_loss", "discriminator_loss"],
}
BATCH = ["x", "y", "y"] * 4


def cells(dtype=np.float64):
    random = np.random.default_rng(5)
    return (random.standard_normal((12, 4)) + (np.arange(12) % 3 == 0)[:, None]).astype(dtype)


def weights(dtype=np.float64):
    return np.random.default_rng(6).standard_normal((12, 4)).astype(dtype)


def expected(method, dtype=np.float64):
    """Outputs, and the adjoint of the cells for the sum of weights * corrected and of the losses."""
    correction = bcbench.correct(method, cells(dtype), BATCH, **METHODS[method])
    values = {"corrected": correction.corrected, **{name: correction.values[name] for name in LOSSES[method]}}
    cells_bar = correction.vjp(weights(dtype)).astype(float)
    return values, cells_bar + sum(correction.gradients(name)["cells"] for name in LOSSES[method])
