"""The feedforward network with a fixed context of Bengio et al. (2003)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sksequence._cells._cell import Cell
from sksequence._cells._constraints import Choice, Constraint, WholeNumber
from sksequence._cells._linear_and_dropout import Dropout, empty_linear, xavier_linear_
from sksequence._cells._recurrent import LayerState
from sksequence._cells._rnn import ACTIVATIONS
from sksequence._kernels import STABLE, Product

Rows = NDArray[np.float32]
Entered = tuple[Rows, ...]  # the last inputs after the first dense layer


class FeedForward(Cell):
    """Feedforward network with a fixed context: the last inputs, with weights for each position.

    Each input enters through the same dense layer, e = f(W x + b); the first one is the hidden
    layer h, each later one is merged into it, h = f(M_j [h, e] + m_j). Inputs before the start are
    zeros. Nothing passes beyond the context.

    Parameters
    ----------
    context_size : int, default=3
        Number of steps on which an output depends, its own included.
    activation : {"tanh", "relu", "sigmoid"}, default="tanh"
        The function f.

    Notes
    -----
    =============  ==============================================================================
    Parameters     H (F + 1) + (C - 1) H (2 H + 1) for F inputs, H units and a context of C steps
    Cost per step  grows with the context
    Memory         exactly `context_size` steps
    Choose it for  a baseline that shows what memory is worth
    =============  ==============================================================================

    References
    ----------
    .. [1] Bengio et al. (2003), A Neural Probabilistic Language Model, JMLR 3.

    Examples
    --------
    >>> from sksequence.cells import FeedForward
    >>> FeedForward(context_size=8)
    FeedForward(context_size=8, activation='tanh')
    """

    name: ClassVar[str] = "feedforward"
    has_bounded_outputs: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Constraint]] = {
        "activation": Choice(ACTIVATIONS),
        "context_size": WholeNumber(1),
    }

    def n_weights(self, input_size: int, hidden_size: int) -> int:
        """Return the number of weights of a layer, without biases."""
        return hidden_size * (input_size + 2 * hidden_size * (self.context_size - 1))

    def __init__(self, *, context_size: int = 3, activation: str = "tanh") -> None:
        self.context_size = context_size
        self.activation = activation


class FeedForwardLayer(nn.Module):
    """Layer that reads a fixed context; all steps are computed at once.

    Its state is the last ``context_size - 1`` inputs. Under recurrent dropout, units of h are
    dropped where it is merged; there is one mask per sequence, the same at all steps and positions.

    Parameters
    ----------
    cell : FeedForward
        Parameters of the cell.
    input_size, hidden_size : int
        Width of the input and of every hidden layer.
    recurrent_dropout : float
        Probability to drop a unit of h.
    """

    can_step: ClassVar[bool] = True
    needs_lengths: ClassVar[bool] = False

    def __init__(
        self, cell: FeedForward, input_size: int, hidden_size: int, recurrent_dropout: float
    ) -> None:
        super().__init__()
        self.cell = cell
        self.output_size = hidden_size
        self.activation = cell.activation
        self.context_size = context_size = int(cell.context_size)
        self.enter = empty_linear(input_size, hidden_size)
        merges = [empty_linear(2 * hidden_size, hidden_size) for _ in range(context_size - 1)]
        self.merges = nn.ModuleList(merges)
        self.recurrent_dropout = Dropout(recurrent_dropout)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all parameters from `generator`."""
        for layer in (self.enter, *self.merges):
            assert isinstance(layer, nn.Linear)
            xavier_linear_(layer, generator)

    def forward(
        self, x: Tensor, lengths: Tensor | None, state: LayerState | None
    ) -> tuple[Tensor, LayerState]:
        """Map x (batch, time, input) to outputs (batch, time, hidden) and the next state."""
        n_rows, n_steps, n_features = x.shape
        if state is None:
            state = (x.new_zeros(n_rows, self.context_size - 1, n_features),)
        x = torch.cat([state[0], x], dim=1)  # (batch, context - 1 + time, input)
        return self._merge(x, n_steps), (self._last_inputs(x, n_steps, lengths),)

    def single_step(self) -> Callable[[Rows, Entered | None], tuple[Rows, Entered]]:
        """Return a function that takes a step on the CPU, with the weights as they are now.

        It maps x (rows, input) and what it returned before (None: the start) to outputs (rows,
        output) and what it needs for the next step: each input enters once.
        """
        enter, *merges = (_DenseStep(m, self.activation) for m in (self.enter, *self.merges))

        def step(x: Rows, state: Entered | None) -> tuple[Rows, Entered]:
            if state is None:
                state = tuple(enter(np.zeros_like(x)) for _ in merges)
            hidden, *later = window = *state, enter(x)
            for merge, entered in zip(merges, later, strict=True):
                hidden = merge(np.concatenate([hidden, entered], axis=1))
            return hidden, window[1:]

        return step

    def _merge(self, x: Tensor, n_steps: int) -> Tensor:
        """Merge the positions of the context, oldest first, for all steps at once."""
        f = ACTIVATIONS[self.activation]
        entered = f(self.enter(x))
        hidden = entered[:, :n_steps]  # (batch, time, hidden)
        mask = self.recurrent_dropout.mask(hidden[:, :1]) if self.recurrent_dropout.active else None
        for position, merge in enumerate(self.merges, start=1):
            hidden = hidden if mask is None else hidden * mask
            pair = torch.cat([hidden, entered[:, position : position + n_steps]], dim=2)
            hidden = f(merge(pair))
        return hidden

    def _last_inputs(self, x: Tensor, n_steps: int, lengths: Tensor | None) -> Tensor:
        """Return the last inputs (batch, context - 1, input) of each row of x with its context."""
        if lengths is None:
            return x[:, n_steps:]
        positions = lengths[:, None] + torch.arange(self.context_size - 1, device=x.device)
        return x.gather(1, positions[:, :, None].expand(-1, -1, x.shape[2]))


class _DenseStep:
    """A dense layer and an activation on rows, with the bits of all rows of a batch.

    Parameters
    ----------
    layer : nn.Linear
        The layer, whose weights are copied.
    activation : str
        Name of the activation.
    """

    def __init__(self, layer: nn.Module, activation: str) -> None:
        assert isinstance(layer, nn.Linear)
        self._product = Product(layer.weight.detach().clone(), layer.bias.detach().clone())
        self._activation = ACTIVATIONS[activation]

    def __call__(self, x: Rows) -> Rows:
        n_rows, width = x.shape
        padded = np.zeros((n_rows + -n_rows % STABLE, width), np.float32)
        padded[:n_rows] = x
        outputs = self._activation(torch.from_numpy(self._product(padded)))
        return np.asarray(outputs.numpy()[:n_rows])
