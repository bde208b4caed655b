"""The gated recurrent unit of Cho et al. (2014), with the reset gate after the matrix."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from sksequence._cells._cell import Cell
from sksequence._cells._initialisation import chrono_
from sksequence._cells._recurrent import (
    LayerState,
    RecurrentLayer,
    Weights,
    at_last_step,
    call_kernel,
)
from sksequence._kernels import is_fast, run_gru


class GRU(Cell):
    """Gated recurrent unit, with two gates and one state.

    ::

        r = sigmoid(W_r x + U_r h),  z = sigmoid(W_z x + U_z h)
        n = tanh(W_n x + r (U_n h))
        h' = (1 - z) n + z h

    The cell of [1]_, whose reset gate acts on the product U_n h instead of on h, as in torch.

    Parameters
    ----------
    chrono_steps : int or None, default=None
        Longest dependency to expect, in steps of the network: the units start with time constants
        between 1 and this number [2]_. None starts all update gates three quarters open (bias 1):
        this is the fraction of the state that a step keeps.

    Notes
    -----
    =============  ==============================================================================
    Parameters     3 H (F + H + 2) for F inputs and H units
    Cost per step  three quarters of "lstm"
    Memory         tens of steps, hundreds with `chrono_steps`
    Choose it for  sensors and other sequences of several features, small data
    =============  ==============================================================================

    References
    ----------
    .. [1] Cho et al. (2014), Learning Phrase Representations using RNN Encoder-Decoder, EMNLP.
    .. [2] Tallec & Ollivier (2018), Can Recurrent Neural Networks Warp Time?, ICLR.

    Examples
    --------
    >>> from sksequence.cells import GRU
    >>> GRU()
    GRU(chrono_steps=None)
    """

    name: ClassVar[str] = "gru"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 3),)

    def __init__(self, *, chrono_steps: int | None = None) -> None:
        self.chrono_steps = chrono_steps


class GRULayer(RecurrentLayer):
    """Layer of gated recurrent units, in the order of torch's gates."""

    cell: GRU
    n_gates: ClassVar[int] = 3
    is_looped: ClassVar[bool] = True

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all parameters; the update gate starts open (bias 1), or by `chrono_steps`."""
        super().reset_parameters(generator)
        keep = self.bias_ih.chunk(3)[1]
        if self.cell.chrono_steps is None:
            nn.init.ones_(keep)
        else:
            chrono_(keep, self.cell.chrono_steps, generator)

    def equations(self, inputs: Tensor, recurrent: Tensor, state: LayerState) -> LayerState:
        """Return h_t = (1 - z) n + z h_{t-1}, with gates r, z and n = tanh(W x + r (U h))."""
        reset_in, update_in, candidate_in = inputs.chunk(3, dim=1)
        reset_rec, update_rec, candidate_rec = recurrent.chunk(3, dim=1)
        reset = torch.sigmoid(reset_in + reset_rec)
        update = torch.sigmoid(update_in + update_rec)
        candidate = torch.tanh(candidate_in + reset * candidate_rec)
        return (candidate + update * (state[0] - candidate),)

    def gates(self, x: Tensor, state: LayerState) -> dict[str, Tensor]:
        """Return the gates (rows, hidden) at x (rows, input) after `state`, by their names."""
        reset, update, _ = self.sums(x, state[0]).chunk(3, dim=1)
        return {"reset gate": torch.sigmoid(reset), "update gate": torch.sigmoid(update)}

    def fused(
        self, x: Tensor, lengths: Tensor | None, state: LayerState, weights: Weights
    ) -> tuple[Tensor, LayerState]:
        """Run all steps in one call of a kernel."""
        if is_fast(x, state[0].shape[1]):
            outputs = run_gru(x, state[0], lengths, weights)
        else:
            outputs, _ = call_kernel(torch.gru, x, state[0][None], weights)
        return outputs, (at_last_step(outputs, lengths, state[0]),)
