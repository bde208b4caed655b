"""The simple recurrent layer of Elman (1990): h_t = f(W x_t + b + U h_{t-1} + c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from sksequence._cells._cell import Cell
from sksequence._cells._constraints import Choice, Constraint
from sksequence._cells._recurrent import (
    LayerState,
    RecurrentLayer,
    Weights,
    at_last_step,
    call_kernel,
)
from sksequence._kernels import is_fast, run_rnn

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
}
_TORCH_KERNELS = {"tanh": torch.rnn_tanh, "relu": torch.rnn_relu}


class SimpleRNN(Cell):
    """Elman's simple recurrent network: h' = f(W x + U h).

    Parameters
    ----------
    activation : {"tanh", "relu", "sigmoid"}, default="tanh"
        The function f.

    Notes
    -----
    =============  ==============================================================================
    Parameters     H (F + H + 2) for F inputs and H units
    Cost per step  a quarter of "lstm"
    Memory         tens of steps: gradients vanish or explode
    Choose it for  short dependencies, teaching, and to see what gates are worth
    =============  ==============================================================================

    References
    ----------
    .. [1] Elman (1990), Finding Structure in Time, Cognitive Science 14.

    Examples
    --------
    >>> from sksequence.cells import SimpleRNN
    >>> SimpleRNN(activation="relu")
    SimpleRNN(activation='relu')
    """

    name: ClassVar[str] = "rnn"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 1),)
    constraints: ClassVar[Mapping[str, Constraint]] = {"activation": Choice(ACTIVATIONS)}

    def __init__(self, *, activation: str = "tanh") -> None:
        self.activation = activation


class SimpleRNNLayer(RecurrentLayer):
    """Layer of a simple recurrent network."""

    n_gates: ClassVar[int] = 1
    is_looped: ClassVar[bool] = True

    def __init__(
        self, cell: SimpleRNN, input_size: int, hidden_size: int, recurrent_dropout: float
    ) -> None:
        super().__init__(cell, input_size, hidden_size, recurrent_dropout)
        self.activation = cell.activation
        if self.activation == "relu":
            # padded steps are 0: a state that grew to infinity there would make gradients NaN
            self.padding_gates = (-1e30,)

    def equations(self, inputs: Tensor, recurrent: Tensor, state: LayerState) -> LayerState:
        """Return h_t = f(W x_t + b + U h_{t-1} + c)."""
        return (ACTIVATIONS[self.activation](inputs + recurrent),)

    def fused(
        self, x: Tensor, lengths: Tensor | None, state: LayerState, weights: Weights
    ) -> tuple[Tensor, LayerState]:
        """Run all steps in one call of a kernel."""
        if self.activation == "sigmoid":
            outputs = _run_sigmoid(x, lengths, state[0], weights)
        else:
            outputs = _run_kernel(self.activation, x, lengths, state[0], weights)
        return outputs, (at_last_step(outputs, lengths, state[0]),)


def _run_kernel(
    activation: str, x: Tensor, lengths: Tensor | None, h: Tensor, weights: Weights
) -> Tensor:
    """Return the outputs (batch, time, hidden) for tanh or relu, from the state h before them."""
    if is_fast(x, h.shape[1]):
        return run_rnn(activation, x, h, lengths, weights)
    return call_kernel(_TORCH_KERNELS[activation], x, h[None], weights)[0]


def _run_sigmoid(x: Tensor, lengths: Tensor | None, h: Tensor, weights: Weights) -> Tensor:
    """Return the outputs (batch, time, hidden) for sigmoid, which has no kernel, through tanh.

    sigmoid(a) = (1 + tanh(a / 2)) / 2, so g = 2 h - 1 follows
    g_t = tanh(W x_t / 2 + b / 2 + U (g_{t-1} + 1) / 4 + c / 2).
    """
    return (_run_kernel("tanh", x, lengths, 2 * h - 1, sigmoid_as_tanh(weights)) + 1) / 2


def sigmoid_as_tanh(weights: Weights) -> Weights:
    """Return the weights with which tanh computes 2 h - 1 for the sigmoid."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    quarter = weight_hh / 4
    return weight_ih / 2, quarter, bias_ih / 2, bias_hh / 2 + quarter.sum(dim=1)
