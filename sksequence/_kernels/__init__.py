"""Fused time loops: tensors in, tensors out.

torch spends most of a small layer's time between operations on the CPU, and its fused loop of the long short-term
memory is slow on its way back. Compiled with Numba (the optional extra `fast`) the loop is one call, and so is its
backward pass. Without Numba, on other devices and in double precision the callers use torch.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

# Above it torch's products, which see all rows of a step at once, are as fast.
_LARGEST_HIDDEN = 256
# Rows and columns of torch's products are computed in whole multiples of it where the bits of a row must be its own.
# Measured for float32 on x86 (MKL): it takes a multiple of 16 rows, and 16 columns or more.
STABLE = 16
# A layer of other width is computed with units that nobody reads, so that all loops are over whole vectors.
_WIDEST_VECTOR = 16


@cache
def has_numba() -> bool:
    """Whether the optional compiler is installed."""
    return find_spec("numba") is not None


def is_fast(x: Tensor, hidden_size: int) -> bool:
    """Whether the compiled loops are the fastest exact way through time.

    The answer depends on device, precision and width only: the same layer must not change its bits with the size of a
    batch or the number of threads.
    """
    fits = x.device.type == "cpu" and x.dtype == torch.float32 and hidden_size <= _LARGEST_HIDDEN
    return fits and has_numba()


def padded_size(hidden_size: int) -> int:
    """Return the width that compiled loops need for a layer of some width."""
    return -(-hidden_size // _WIDEST_VECTOR) * _WIDEST_VECTOR


def is_compiled(cell: object, hidden_size: int) -> bool:
    """Whether layers of this cell run in compiled loops, on the CPU in single precision."""
    return cell in ("gru", "lstm", "rnn") and hidden_size <= _LARGEST_HIDDEN and has_numba()


def run_gru(
    x: Tensor, start: Tensor, lengths: Tensor | None, weights: tuple[Tensor, Tensor, Tensor, Tensor]
) -> Tensor:
    """Run a gated recurrent unit through time.

    Parameters
    ----------
    x : Tensor of shape (batch, time, input)
        Input.
    start : Tensor of shape (batch, hidden)
        State before the first step.
    lengths : Tensor of shape (batch,) or None
        Real steps of each row; None means all.
    weights : tuple of Tensor
        weight_ih, weight_hh, bias_ih, bias_hh in torch's layout.

    Returns
    -------
    Tensor of shape (batch, time, hidden)
        0 at padded steps.
    """
    from sksequence._kernels._gru import GRUFunction, run

    call = GRUFunction.apply if torch.is_grad_enabled() else run
    return call(x, start, _all_steps(x, lengths), *weights)


def run_lstm(
    x: Tensor,
    start: tuple[Tensor, ...],
    lengths: Tensor | None,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """Run a long short-term memory through time, from an output and a memory; return the last memory (batch, hidden) too."""
    from sksequence._kernels._lstm import LSTMFunction, run

    call = LSTMFunction.apply if torch.is_grad_enabled() else run
    return call(x, *start, _all_steps(x, lengths), *weights)


def run_rnn(
    activation: str,
    x: Tensor,
    start: Tensor,
    lengths: Tensor | None,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
) -> Tensor:
    """Run a simple recurrent layer through time, with "tanh" or "relu"; the rest as for `run_gru`."""
    from sksequence._kernels._rnn import RNNFunction, run

    call = RNNFunction.apply if torch.is_grad_enabled() else run
    return call(activation == "relu", x, start, _all_steps(x, lengths), *weights)


def _all_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    return lengths if lengths is not None else torch.full((len(x),), x.shape[1])
