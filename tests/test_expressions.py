"""Corners of equations: NaN, ties, infinite numbers, vectors in every place, empty batches."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from sksequence import _kernels
from sksequence._cells import CELLS, build_layer
from sksequence.cells import LEM, Cell, EchoState
from sksequence.cells.functions import maximum, mean, sigmoid, sqrt, tanh
from tests.helpers import assert_close

N_ROWS, N_STEPS, N_FEATURES, SIZE = 4, 5, 3, 6


class LargerOfTwo(Cell):
    """The larger one of two inputs."""

    inputs = ("first", "second")

    def equations(self, inputs, product, states, vectors):
        """Return h'."""
        return (maximum(inputs[0], inputs[1]),)


class AtLeast(Cell):
    """An input that is limited from below by a number."""

    inputs = ("input",)

    def __init__(self, *, low=0.0):
        self.low = low

    def equations(self, inputs, product, states, vectors):
        """Return h'."""
        return (maximum(inputs[0], self.low),)


class VectorState(Cell):
    """A state that a vector replaces, and a product that reads the vector."""

    inputs = ("input",)
    states = ("hidden", "constant")
    products = (("hh", 1),)
    unit_parameters = ("vector",)
    vectors = ("vector",)

    def equations(self, inputs, product, states, vectors):
        """Return h' and the vector."""
        (recurrent,) = product("hh", vectors["vector"])
        return tanh(inputs[0] + recurrent + states[1]), vectors["vector"]


class OnlyVector(Cell):
    """An output that is a vector."""

    inputs = ("input",)
    unit_parameters = ("vector",)
    vectors = ("vector",)

    def equations(self, inputs, product, states, vectors):
        """Return the vector."""
        return (vectors["vector"],)


class Centred(Cell):
    """Means of inputs, of products and of means; one of them is a state, and a product reads it."""

    inputs = ("input", "gate")
    states = ("hidden", "mean")
    products = (("first", 2), ("second", 1))
    unit_parameters = ("vector",)
    vectors = ("vector",)

    def equations(self, inputs, product, states, vectors):
        """Return h' and a mean."""
        first, gate = product("first", states[0] - mean(states[0]))
        gate = sigmoid(inputs[1] + gate - mean(gate * vectors["vector"]))
        centred = inputs[0] + first - mean(inputs[0] + first) / 2.0
        scale = 1.0 / sqrt(mean(centred * centred) + 0.1)
        (second,) = product("second", mean(gate * centred) + states[1])
        return tanh(gate * centred * scale + second), 0.5 * states[1] + mean(gate)


OWN = [LargerOfTwo(), AtLeast(), AtLeast(low=0.25), VectorState(), OnlyVector(), Centred()]


def new_layer(cell, size=SIZE):
    """Return a layer whose parameters are random numbers."""
    layer = build_layer(cell, N_FEATURES, size, 0.0, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(0.3 * torch.randn(weight.shape, generator=generator))
    return layer.requires_grad_()


def read_both(monkeypatch, layer, x):
    """Return outputs, last states and the gradients of a layer, compiled and iterated."""
    results = []
    lengths = torch.tensor([5, 0, 2, 4])
    for has_numba in (True, False):
        monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba)
        outputs, last = layer(x, lengths, None)
        outputs = outputs[torch.arange(N_STEPS) < lengths[:, None]]
        loss = (outputs**2).sum() + sum((part**3).sum() for part in last)
        gradients = torch.autograd.grad(loss, [*layer.parameters()], materialize_grads=True)
        results.append([outputs, *last, *gradients])
    return results


@pytest.mark.parametrize("size", [SIZE, 32, 70])
@pytest.mark.parametrize("cell", OWN, ids=repr)
def test_compiled_equals_iterated(monkeypatch, cell, size):
    """Values and gradients are those of torch, whatever the equations read and return."""
    pytest.importorskip("numba")
    layer = new_layer(cell, size)
    x = torch.randn(N_ROWS, N_STEPS, N_FEATURES, generator=torch.Generator().manual_seed(2))
    for training in (True, False):
        layer.train(training)
        for ours, iterated in zip(*read_both(monkeypatch, layer, x), strict=True):
            assert_close(ours, iterated)


def test_gradients_of_means_are_those_of_finite_differences():
    """The derivative of a mean is a mean again."""
    layer = new_layer(Centred(), 3).double()
    x = torch.randn(2, 3, N_FEATURES, generator=torch.Generator().manual_seed(2)).double()
    names = [name for name, _ in layer.named_parameters()]

    def outputs(*parameters):
        values = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(layer, values, (x, None, None))[0]

    assert torch.autograd.gradcheck(outputs, [*layer.parameters()])


@pytest.mark.parametrize("has_numba", [True, False])
def test_means_do_not_see_other_rows(monkeypatch, has_numba):
    """The bits of a row are the same alone and in a batch, compiled and iterated."""
    monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba and _kernels.has_numba())
    layer = new_layer(Centred(), 21).eval()
    x = torch.randn(19, N_STEPS, N_FEATURES, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        together, _ = layer(x, None, None)
        alone = torch.cat([layer(row[None], None, None)[0] for row in x])
    assert torch.equal(together, alone)


@pytest.mark.parametrize("cell", [LargerOfTwo(), AtLeast(), AtLeast(low=0.25)], ids=repr)
def test_ties_share_a_gradient_as_in_torch(monkeypatch, cell):
    """Of two equal values each has one half; a value at its bound has all of it."""
    pytest.importorskip("numba")
    layer = new_layer(cell)
    with torch.no_grad():
        layer.weight_ih.fill_(0.0)
        layer.bias.fill_(0.25 if cell == AtLeast(low=0.25) else 0.0)
    x = torch.ones(N_ROWS, N_STEPS, N_FEATURES)
    gradients = []
    for has_numba in (True, False):
        monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba)
        gradients.append(torch.autograd.grad(layer(x, None, None)[0].sum(), layer.bias)[0])
    assert torch.equal(*gradients)
    assert gradients[0].sum() == N_ROWS * N_STEPS * SIZE


@pytest.mark.parametrize("place", [0, 1])
def test_the_larger_of_nan_is_nan(monkeypatch, place):
    """NaN in either operand is not lost, compiled or iterated."""
    layer = new_layer(LargerOfTwo(), 16)
    with torch.no_grad():
        layer.bias[place * 16 + 3] = torch.nan
    for has_numba in (True, False):
        monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba)
        outputs, _ = layer(torch.ones(2, 3, N_FEATURES), None, None)
        assert outputs[..., 3].isnan().all()
        assert int(outputs.isnan().sum()) == 6


@pytest.mark.parametrize("low", [-np.inf, np.inf])
def test_numbers_may_be_infinite(monkeypatch, low):
    """An infinite bound is compiled as any other."""
    pytest.importorskip("numba")
    layer, x = new_layer(AtLeast(low=low)), torch.ones(2, 3, N_FEATURES)
    with torch.no_grad():
        compiled = layer(x, None, None)[0]
        monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", False)
        assert_close(compiled, layer(x, None, None)[0])


@pytest.mark.parametrize(
    ("first", "second"),
    [(EchoState(leak=0.3), EchoState(leak=0.123)), (LEM(step_size=0.5), LEM(step_size=0.7))],
    ids=repr,
)
def test_another_number_needs_no_compilation(first, second):
    """Cells that differ in a number only share their loops, and read their own numbers."""
    pytest.importorskip("numba")
    from sksequence._cells._cell_layer import _compiled

    assert _compiled(first).loop is _compiled(second).loop
    assert _compiled(first).constants.tolist() != _compiled(second).constants.tolist()


@pytest.mark.parametrize("has_numba", [True, False])
@pytest.mark.parametrize("shape", [(0, 5), (2, 0), (0, 0)], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_empty_batches(monkeypatch, cell, shape, has_numba):
    """No rows or no steps have no outputs, the state they came with, and a gradient of 0."""
    if has_numba:
        pytest.importorskip("numba")
    monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba)
    layer = build_layer(cell, N_FEATURES, SIZE, 0.0, torch.Generator()).requires_grad_()
    lengths = torch.full(shape[:1], shape[1])
    _, state = layer(torch.ones(2, 3, N_FEATURES), None, None)
    state = tuple(part[: shape[0]] for part in state)
    for given in (None, lengths):
        outputs, last = layer(torch.zeros(*shape, N_FEATURES), given, state)
        assert outputs.shape == (*shape, layer.output_size)
        assert all(map(torch.equal, last, state))
        gradients = torch.autograd.grad(outputs.sum(), layer.parameters(), materialize_grads=True)
        assert not any(gradient.any() for gradient in gradients)


INTERPRETED = """
import torch
from sksequence._cells import build_layer
for cell in ("cfc", "layer_norm_lstm", "lem", "slstm"):
    layer = build_layer(cell, 3, 32, 0.0, torch.Generator().manual_seed(0)).requires_grad_()
    x = torch.linspace(-1, 1, 24).reshape(2, 4, 3)
    results = []
    for one in (layer, layer.double()):
        outputs = one(x.to(one.bias.dtype), None, None)[0]
        results += [outputs, torch.autograd.grad(outputs.sum(), one.weight_ih)[0]]
    for ours, exact in zip(results[:2], results[2:]):
        assert (ours - exact).abs().max() < 1e-4
"""


def test_loops_run_in_the_interpreter():
    """With NUMBA_DISABLE_JIT, products of different widths are those of the compiled loops."""
    pytest.importorskip("numba")
    import os

    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", INTERPRETED], check=True, env=environment)
