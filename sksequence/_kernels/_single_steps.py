"""Single steps of a layer, with weights that were laid out before.

A compiled loop is fast enough for one step, but to lay out the weights takes several times as long.
The bits are those of the loop over many steps. Arrays are (rows, width) float32.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sksequence._kernels._dispatch import STABLE, Weights

Array = NDArray[np.float32]
State = tuple[Array, ...]
Step = Callable[[Array, State], State]


class Product:
    """W x + b for rows of x, in the padded product whose bits do not depend on other rows.

    Parameters
    ----------
    weight : Tensor of shape (n_out, n_in)
        W.
    bias : Tensor of shape (n_out,)
        b.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._n_out, self._n_in = weight.shape
        spare = max(STABLE - self._n_out, 0)
        self._weight = F.pad(weight.detach(), (0, 0, 0, spare)).T
        self._bias = F.pad(bias.detach(), (0, spare))
        self._of_thread = threading.local()

    def __call__(self, x: Array) -> Array:
        """Return rows that are valid until the next call in this thread."""
        n_rows, own = len(x), self._of_thread
        if getattr(own, "n_rows", 0) != n_rows:
            n_padded = n_rows + -n_rows % STABLE
            own.rows = torch.zeros(n_padded, self._n_in)
            own.out = torch.empty(n_padded, len(self._bias))
            own.arrays = own.rows.numpy()[:n_rows], own.out.numpy()[:n_rows, : self._n_out]
            own.n_rows = n_rows
        read, filled = own.arrays
        read[:] = x
        torch.addmm(self._bias, own.rows, self._weight, out=own.out)
        return filled  # type: ignore[no-any-return]


def lstm_step(weights: Weights) -> Step:
    """Return the step of an LSTM from (h, c) to the next ones."""
    from sksequence._kernels._autograd import laid_out
    from sksequence._kernels._lstm import forward_loop

    fixed = laid_out(*(part.detach() for part in weights))

    def step(x: Array, state: State) -> State:
        shape = state[0].shape
        outputs, memory, nothing = _empty(shape), np.empty(shape, np.float32), _empty(shape, 0)
        forward_loop(*fixed, x[:, None], *state, ones(len(x)), outputs, memory, nothing, nothing)
        return outputs.reshape(shape), memory

    return step


def gru_step(weights: Weights) -> Step:
    """Return the step of a gated recurrent unit from (h,) to the next one."""
    from sksequence._kernels._gru import forward_loop, laid_out

    fixed = laid_out(*(part.detach() for part in weights))

    def step(x: Array, state: State) -> State:
        shape = state[0].shape
        outputs = _empty(shape)
        forward_loop(*fixed, x[:, None], *state, ones(len(x)), outputs, _empty(shape, 0))
        return (outputs.reshape(shape),)

    return step


def rnn_step(weights: Weights, relu: bool) -> Callable[[Array, Array], Array]:
    """Return the step of a simple recurrent layer from h to the next one."""
    from sksequence._kernels._autograd import laid_out
    from sksequence._kernels._rnn import forward_loop

    fixed = laid_out(*(part.detach() for part in weights))

    def step(x: Array, state: Array) -> Array:
        outputs = _empty(state.shape)
        forward_loop(relu, *fixed, x[:, None], state, ones(len(x)), outputs)
        return outputs.reshape(state.shape)

    return step


def _empty(shape: tuple[int, ...], n_steps: int = 1) -> Array:
    return np.empty((shape[0], n_steps, shape[1]), np.float32)


_ONE = np.ones(1, np.int64)


def ones(n_rows: int) -> NDArray[np.int64]:
    """Return the lengths of rows of one step."""
    return _ONE if n_rows == 1 else np.ones(n_rows, np.int64)
