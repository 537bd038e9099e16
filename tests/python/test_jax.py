"""bcbench.jax under JAX's own checks."""

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

import bcbench.jax  # noqa: E402
from differentiable_methods import BATCH, LOSSES, METHODS, cells, expected, weights  # noqa: E402

every_method = pytest.mark.parametrize("method", METHODS)


def outputs(method, **further):
    return bcbench.jax.outputs(method, BATCH, **{**METHODS[method], **further})


@every_method
def test_check_grads_of_every_output(method):
    for name in ("corrected", *LOSSES[method]):
        check_grads(outputs(method, names=[name]), (cells(),), order=1, modes=["rev"], eps=1e-6, atol=1e-6, rtol=1e-6)


@every_method
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("wrap", [lambda function: function, jax.jit], ids=["plain", "jit"])
def test_values_and_gradients_are_those_of_numpy(method, dtype, wrap):
    function = outputs(method)
    values, cells_bar = expected(method, dtype)
    found = wrap(function)(cells(dtype))
    for name, value in values.items():
        assert found[name].dtype == dtype
        assert np.array_equal(found[name], np.asarray(value, dtype=dtype)), name

    def total(x):
        found = function(x)
        return jnp.sum(found["corrected"] * weights(dtype)) + sum(found[name] for name in LOSSES[method])

    gradient = wrap(jax.grad(total))(cells(dtype))
    assert gradient.dtype == dtype
    assert np.allclose(gradient, cells_bar, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-5)
    assert np.array_equal(bcbench.jax.correction(method, BATCH, **METHODS[method])(cells(dtype)), values["corrected"])


@every_method
def test_vmap_is_a_loop(method):
    def gradient(x):
        return jax.grad(lambda y: jnp.sum(outputs(method)(y)["corrected"] * weights()))(x)

    several = np.stack([cells(), cells() + 1, cells() * 2])
    assert np.array_equal(jax.jit(jax.vmap(gradient))(several), np.stack([gradient(each) for each in several]))


def test_large_cells_do_not_lock():
    many = np.random.default_rng(0).standard_normal((20000, 50)).astype(np.float32)
    function = bcbench.jax.correction("mmd_autoencoder", np.arange(20000) % 2, hidden_dim=4, latent_dim=2)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(function(x) ** 2)))
    assert np.isfinite(gradient(gradient(jnp.asarray(many)))).all()


def test_what_is_refused():
    with pytest.raises(ValueError, match="mnn has no gradient"):
        bcbench.jax.correction("mnn", BATCH)
    with pytest.raises(ValueError, match="no output 'loss'"):
        outputs("mmd_autoencoder", names=["loss"])
    function = bcbench.jax.correction("mmd_autoencoder", BATCH)
    with pytest.raises(ValueError, match="of float32 or float64"):
        function(jnp.zeros((12, 4), dtype=jnp.bfloat16))
    with pytest.raises(ValueError, match="batch has 12 labels for 11 cells"):
        jax.jit(function)(cells()[:11])
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jacfwd(function)(cells())
    with pytest.raises(Exception, match="cell 3"):
        jax.jit(function)(np.where(np.arange(12)[:, None] == 3, np.nan, cells()))
