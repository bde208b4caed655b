"""The entry to the compiled loops: which layers they run, and how wide these must be.

Modules that need Numba are imported at the first call only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import forward_ad

from sksequence._kernels._traced_step import Equations, Shape

# Wider layers are as fast in torch, whose products see all rows of a step at once.
_LARGEST_HIDDEN = 256
# torch's products are computed on multiples of this number of rows and on at least this number of
# columns where the bits of a row must not depend on the other rows. Measured for float32 on x86
# (MKL).
STABLE = 16
# Layers of other widths are padded with units that nobody reads, so that all loops run over whole
# vectors.
_WIDEST_VECTOR = 16

# Earlier releases keep the parts of their cache private. The extra `fast` requires this one too.
_OLDEST_NUMBA = (0, 62)

# not those that only stand for tensors
_PLAIN = (Tensor, torch.nn.Parameter)

Weights = tuple[Tensor, Tensor, Tensor, Tensor]


def _find_numba() -> bool:
    """Look for a release of the optional compiler that can be used, without importing it."""
    try:
        major, minor = version("numba").split(".")[:2]
    except PackageNotFoundError:
        return False
    return find_spec("numba") is not None and (int(major), int(minor)) >= _OLDEST_NUMBA


HAS_NUMBA = _find_numba()


def has_numba() -> bool:
    """Check whether the optional compiler is installed and recent enough."""
    return HAS_NUMBA


def is_traced() -> bool:
    """Check whether torch follows its operations: to export, to compile or to transform them.

    It cannot see into compiled loops: their results would be constants.
    """
    return (
        torch._C._get_tracing_state() is not None  # torch.jit.trace
        or torch.compiler.is_compiling()
        or torch._C._len_torch_dispatch_stack() > 0
        or is_transformed()
    )


def is_transformed() -> bool:
    """Check for transforms of torch.func and for derivatives in forward mode.

    Not all of them know torch's own time loops.
    """
    in_transform = torch._C._functorch.peek_interpreter_stack() is not None
    return in_transform or forward_ad._current_level >= 0


def is_fast(x: Tensor, hidden_size: int) -> bool:
    """Check whether the compiled loops are the fastest exact way to run a layer.

    The answer depends on device, precision and width only, unless torch follows its operations: the
    bits of a layer must not change with the size of a batch or the number of threads.
    """
    return hidden_size <= _LARGEST_HIDDEN and can_compile(x)


def can_compile(x: Tensor) -> bool:
    """Check whether a layer with this input can run in compiled loops at all."""
    fits = x.device.type == "cpu" and x.dtype == torch.float32
    return fits and has_numba() and type(x) in _PLAIN and not is_traced()


def is_compiled_width(hidden_size: int) -> bool:
    """Check whether layers of this width run in compiled loops, on the CPU in single precision."""
    return hidden_size <= _LARGEST_HIDDEN and has_numba()


def padded_size(hidden_size: int) -> int:
    """Return the width to which compiled loops need a layer to be padded."""
    return -(-hidden_size // _WIDEST_VECTOR) * _WIDEST_VECTOR


def run_gru(x: Tensor, start: Tensor, lengths: Tensor | None, weights: Weights) -> Tensor:
    """Run a gated recurrent unit through time.

    Parameters
    ----------
    x : Tensor of shape (batch, time, input)
        Input.
    start : Tensor of shape (batch, hidden)
        State before the first step.
    lengths : Tensor of shape (batch,) or None
        Number of real steps of each row; None if all rows are full.
    weights : tuple of Tensor
        weight_ih, weight_hh, bias_ih, bias_hh in torch's layout.

    Returns
    -------
    Tensor of shape (batch, time, hidden)
        Outputs, 0 at padded steps.
    """
    from sksequence._kernels._gru import GRUFunction, run

    call = GRUFunction.apply if torch.is_grad_enabled() else run
    return call(x, start, _all_steps(x, lengths), *weights)


def run_lstm(
    x: Tensor, start: tuple[Tensor, ...], lengths: Tensor | None, weights: Weights
) -> tuple[Tensor, Tensor]:
    """Run an LSTM through time; `start` is (output, memory) before the first step.

    Return the outputs as `run_gru` does, and the memory (batch, hidden) after each row's last step.
    """
    from sksequence._kernels._lstm import LSTMFunction, run

    call = LSTMFunction.apply if torch.is_grad_enabled() else run
    return call(x, *start, _all_steps(x, lengths), *weights)


def run_rnn(
    activation: str, x: Tensor, start: Tensor, lengths: Tensor | None, weights: Weights
) -> Tensor:
    """Run a simple recurrent layer with "tanh" or "relu" through time; otherwise as `run_gru`."""
    from sksequence._kernels._rnn import RNNFunction, run

    call = RNNFunction.apply if torch.is_grad_enabled() else run
    return call(activation == "relu", x, start, _all_steps(x, lengths), *weights)


class Recurrence(Protocol):
    """The compiled form of a cell; see `CompiledRecurrence` in `_recurrence`."""

    def __call__(
        self,
        x: Tensor,
        states: Tensor,
        lengths: Tensor,
        units: Tensor,
        weight: Tensor,
        bias: Tensor,
        vectors: Tensor,
        *matrices: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Return outputs (n_outputs, batch, time, hidden) and the last states."""

    def prepared(
        self,
        units: Tensor,
        weight: Tensor,
        bias: Tensor,
        vectors: Tensor,
        *matrices: Tensor,
    ) -> Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]:
        """Return a function (x, states) -> outputs, which replaces the states."""


def new_recurrence(shape: Shape, equations: Equations) -> Recurrence:
    """Return the compiled form of a cell."""
    from sksequence._kernels._recurrence import CompiledRecurrence

    return CompiledRecurrence(shape, equations)


def generation_loops() -> ModuleType:
    """Return the module of the generator's compiled loop, `run`, and of the kinds of its cells."""
    from sksequence._kernels import _generation_loops

    return _generation_loops


@cache
def past_loops() -> ModuleType:
    """Return the module of the compiled updates of the state of series."""
    from sksequence._kernels import _past_loops

    return _past_loops


def in_panels(matrix: Tensor) -> NDArray[np.float32]:
    """Return a matrix (K, N) as its panels (n_panels, K, panel), the layout of compiled loops."""
    from sksequence._kernels import _tiles

    return _tiles.in_panels(matrix)


def _all_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    return lengths if lengths is not None else torch.full((len(x),), x.shape[1])
