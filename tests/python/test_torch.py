"""bcbench.torch under PyTorch's own checks."""

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: scripts/test_python.sh --torch installs it")

import bcbench.torch  # noqa: E402
from differentiable_methods import BATCH, LOSSES, METHODS, cells, expected, weights  # noqa: E402

every_method = pytest.mark.parametrize("method", METHODS)


def outputs(method, values, **further):
    return bcbench.torch.outputs(method, values, BATCH, **{**METHODS[method], **further})


@every_method
def test_gradcheck_of_every_output(method):
    given = torch.tensor(cells(), requires_grad=True)
    for name in ("corrected", *LOSSES[method]):
        assert torch.autograd.gradcheck(lambda x: outputs(method, x, names=[name])[name], given, rtol=1e-5, atol=1e-7)


@every_method
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_and_gradients_are_those_of_numpy(method, dtype):
    given = torch.tensor(cells(dtype), requires_grad=True)
    found = outputs(method, given)
    values, cells_bar = expected(method, dtype)
    assert list(found) == list(values)
    for name, value in values.items():
        assert found[name].dtype == given.dtype
        assert np.array_equal(found[name].detach().numpy(), np.asarray(value, dtype=dtype)), name
    total = (found["corrected"] * torch.tensor(weights(dtype))).sum() + sum(found[name] for name in LOSSES[method])
    total.backward()
    assert given.grad.dtype == given.dtype
    assert np.allclose(given.grad.numpy(), cells_bar, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-5)
    assert np.array_equal(bcbench.torch.correct(method, given, BATCH, **METHODS[method]).detach(), values["corrected"])


def test_cells_that_changed_since_are_noticed():
    given = torch.tensor(cells(), requires_grad=True)
    corrected = outputs("mmd_autoencoder", given)["corrected"]
    with torch.no_grad():
        given += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        corrected.sum().backward()


def test_what_is_refused():
    given = torch.tensor(cells(), requires_grad=True)
    corrected = outputs("differentiable_harmony", given)["corrected"]
    (gradient,) = torch.autograd.grad((corrected**2).sum(), given, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
    with pytest.raises(RuntimeError, match="functorch|vmap"):
        torch.func.vmap(lambda x: outputs("mmd_autoencoder", x)["corrected"])(given[None])
    with pytest.raises(ValueError, match="expected torch.float32 or torch.float64"):
        outputs("mmd_autoencoder", given.to(torch.bfloat16))
    with pytest.raises(ValueError, match="mnn has no gradient"):
        bcbench.torch.correct("mnn", given, BATCH)
    with pytest.raises(ValueError, match="no output 'loss'"):
        outputs("mmd_autoencoder", given, names=["loss"])
    with pytest.raises(ValueError, match="mmd_loss does not apply"):
        bcbench.torch.outputs("mmd_autoencoder", given, ["x"] * 12)


def test_a_graph_that_lives_to_the_end_of_a_program_is_no_news():
    program = "import torch, bcbench.torch\nkept = bcbench.torch.correct('differentiable_harmony', "
    program += "torch.eye(4, requires_grad=True), list('xyxy'), n_clusters=2)"
    done = subprocess.run([sys.executable, "-c", program], check=True, text=True, stderr=subprocess.PIPE)
    assert done.stderr == ""
