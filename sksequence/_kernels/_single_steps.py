"""Layers with weights that were laid out before, for single steps and single sequences.

A compiled loop is fast enough for one step, but to lay out the weights takes several times as long.
The bits are those of the same loop in a batch. Arrays are float32: x (rows, steps, width), all rows
full, states (rows, width).
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
PreparedLayer = Callable[[Array, State], tuple[Array, State]]  # outputs, and the state after them


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
            with torch.inference_mode(False):  # tensors of inference mode are not written outside
                own.rows = torch.zeros(n_padded, self._n_in)
                own.out = torch.empty(n_padded, len(self._bias))
            own.arrays = own.rows.numpy()[:n_rows], own.out.numpy()[:n_rows, : self._n_out]
            own.n_rows = n_rows
        read, filled = own.arrays
        read[:] = x
        torch.addmm(self._bias, own.rows, self._weight, out=own.out)
        return filled  # type: ignore[no-any-return]


def prepared_lstm(weights: Weights) -> PreparedLayer:
    """Return an LSTM as a function of x and (h, c)."""
    from sksequence._kernels._autograd import laid_out
    from sksequence._kernels._lstm import forward_loop

    fixed = laid_out(*(part.detach() for part in weights))

    def run(x: Array, state: State) -> tuple[Array, State]:
        outputs, nothing = _empty(x, state, x.shape[1]), _empty(x, state, 0)
        memory = np.empty(state[0].shape, np.float32)
        forward_loop(*fixed, x, *state, full_lengths(x), outputs, memory, nothing, nothing)
        return outputs, (outputs[:, -1], memory)

    return run


def prepared_gru(weights: Weights) -> PreparedLayer:
    """Return a layer of gated recurrent units as a function of x and (h,)."""
    from sksequence._kernels._gru import forward_loop, laid_out

    fixed = laid_out(*(part.detach() for part in weights))

    def run(x: Array, state: State) -> tuple[Array, State]:
        outputs = _empty(x, state, x.shape[1])
        forward_loop(*fixed, x, *state, full_lengths(x), outputs, _empty(x, state, 0))
        return outputs, (outputs[:, -1],)

    return run


def prepared_rnn(weights: Weights, relu: bool) -> PreparedLayer:
    """Return a simple recurrent layer as a function of x and (h,)."""
    from sksequence._kernels._autograd import laid_out
    from sksequence._kernels._rnn import forward_loop

    fixed = laid_out(*(part.detach() for part in weights))

    def run(x: Array, state: State) -> tuple[Array, State]:
        outputs = _empty(x, state, x.shape[1])
        forward_loop(relu, *fixed, x, *state, full_lengths(x), outputs)
        return outputs, (outputs[:, -1],)

    return run


def _empty(x: Array, state: State, n_steps: int) -> Array:
    return np.empty((len(x), n_steps, state[0].shape[1]), np.float32)


_ONE = np.ones(1, np.int64)


def full_lengths(x: Array) -> NDArray[np.int64]:
    """Return the lengths of full rows."""
    n_rows, n_steps, _ = x.shape
    return _ONE if n_rows == n_steps == 1 else np.full(n_rows, n_steps)
