"""The long short-term memory of Hochreiter & Schmidhuber (1997).

It has the forget gate of Gers et al. (2000).
"""

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
from sksequence._kernels import is_fast, run_lstm


class LSTM(Cell):
    """Long short-term memory, with three gates, an output h and a memory c.

    ::

        i, f, o = sigmoid(W x + U h), each with weights of its own
        c' = f c + i tanh(W_g x + U_g h)
        h' = o tanh(c')

    This is the cell of [1]_ with the forget gate of [2]_, which starts open, as [3]_ recommends.

    Parameters
    ----------
    chrono_steps : int or None, default=None
        Longest dependency to expect, in steps of the network: the units start with time constants
        between 1 and this number [4]_. None starts all forget gates three quarters open (bias 1).

    Notes
    -----
    =============  ==============================================================================
    Parameters     4 H (F + H + 2) for F inputs and H units
    Cost per step  8 H (F + H) operations
    Memory         tens of steps, hundreds with `chrono_steps`
    Choose it for  a first try; texts, counting, long sequences of few features
    =============  ==============================================================================

    References
    ----------
    .. [1] Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8).
    .. [2] Gers, Schmidhuber & Cummins (2000), Learning to Forget, Neural Computation 12(10).
    .. [3] Jozefowicz, Zaremba & Sutskever (2015), An Empirical Exploration of Recurrent Network
       Architectures, ICML.
    .. [4] Tallec & Ollivier (2018), Can Recurrent Neural Networks Warp Time?, ICLR.

    Examples
    --------
    >>> from sksequence.cells import LSTM
    >>> LSTM(chrono_steps=300)
    LSTM(chrono_steps=300)
    """

    name: ClassVar[str] = "lstm"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    states: ClassVar[tuple[str, ...]] = ("hidden", "memory")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 4),)

    def __init__(self, *, chrono_steps: int | None = None) -> None:
        self.chrono_steps = chrono_steps


class LSTMLayer(RecurrentLayer):
    """Layer of long short-term memory, in the order of torch's gates."""

    cell: LSTM
    n_gates: ClassVar[int] = 4
    is_looped: ClassVar[bool] = True
    n_states: ClassVar[int] = 2
    needs_lengths: ClassVar[bool] = False  # the state is bounded: it cannot overflow in padding
    # gates i, f, g, o: far past the point where the float32 sigmoid is 0 or 1
    padding_gates = (-1e3, 1e3, 0.0, 0.0)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all parameters; the forget gate starts open, or as `chrono_steps` requires."""
        super().reset_parameters(generator)
        write, keep, _, _ = self.bias_ih.chunk(4)
        if self.cell.chrono_steps is None:
            nn.init.ones_(keep)
        else:
            chrono_(keep, self.cell.chrono_steps, generator)
            with torch.no_grad():
                write.copy_(-keep)

    def equations(self, inputs: Tensor, recurrent: Tensor, state: LayerState) -> LayerState:
        """Return h_t = o tanh(c_t) and c_t = f c_{t-1} + i g."""
        write, keep, candidate, read = (inputs + recurrent).chunk(4, dim=1)
        memory = torch.sigmoid(keep) * state[1] + torch.sigmoid(write) * torch.tanh(candidate)
        return torch.sigmoid(read) * torch.tanh(memory), memory

    def gates(self, x: Tensor, state: LayerState) -> dict[str, Tensor]:
        """Return the gates (rows, hidden) at x (rows, input) after `state`, by their names."""
        write, keep, _, read = self.sums(x, state[0]).chunk(4, dim=1)
        named = {"input gate": write, "forget gate": keep, "output gate": read}
        return {name: torch.sigmoid(gate) for name, gate in named.items()}

    def fused(
        self, x: Tensor, lengths: Tensor | None, state: LayerState, weights: Weights
    ) -> tuple[Tensor, LayerState]:
        """Run all steps in one call of a kernel.

        torch's kernel returns c of the last padded step only. It equals c of each row's own last
        step, because `padding_gates` closes the input gate and opens the forget gate at padded
        steps: c_t = c_{t-1}.
        """
        if is_fast(x, state[0].shape[1]):
            outputs, memory = run_lstm(x, state, lengths, weights)
        else:
            start = [part[None] for part in state]
            outputs, _, (memory,) = call_kernel(torch.lstm, x, start, weights)
        return outputs, (at_last_step(outputs, lengths, state[0]), memory)
