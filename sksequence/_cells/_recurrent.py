"""The base of the gated layers: parameters, initialisation, and two ways to run through time.

A layer is one direction of one depth: ``layer(x, lengths, state) -> (outputs, last_state)`` with x
(batch, time, input), lengths (batch,) or None (all rows full), state a tuple of (batch, ...)
tensors or None (zeros), outputs (batch, time, hidden). It computes on padded input: outputs past
the end of a row are never read, and `last_state` is the state after each row's own last step (a row
of length 0 keeps its state). `needs_lengths` is False if real outputs and their gradients are the
same without lengths. A layer with gates may have a method ``gates(x, state) -> {name: gate}`` for
one step, x (batch, input) and gates (batch, hidden) between 0 and 1, which inspection shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sksequence._cells._cell import Cell
from sksequence._cells._initialisation import orthogonal_gates_, xavier_gates_
from sksequence._cells._linear_and_dropout import Dropout, empty_parameter
from sksequence._kernels import STABLE, is_fast, is_traced, is_transformed, padded_size

LayerState = tuple[Tensor, ...]
Weights = tuple[Tensor, Tensor, Tensor, Tensor]
# number of values from which on numpy asks the system for large pages: 4 MB in single precision
_MANY = 1 << 20


def at_last_step(outputs: Tensor, lengths: Tensor | None, start: Tensor) -> Tensor:
    """Return outputs (batch, time, hidden) at each row's last step; `start` for length 0."""
    if lengths is None:
        is_large = outputs.numel() >= _MANY and outputs.requires_grad and not is_traced()
        if is_large and outputs.device.type == "cpu" and outputs.dtype == torch.float32:
            last_step: Tensor = _LastStep.apply(outputs)  # type: ignore[no-untyped-call]
            return last_step
        return outputs[:, -1]
    last = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, outputs.shape[2])
    picked = outputs.gather(1, last).squeeze(1)  # (batch, hidden)
    return torch.where((lengths > 0)[:, None], picked, start)


class _LastStep(torch.autograd.Function):
    """The last of many steps, whose gradient is 0 at all others.

    torch fills it in small pages of memory: to map them took a fifth of the time of an epoch with
    10,000 steps.
    """

    @staticmethod
    def forward(ctx: Any, outputs: Tensor) -> Tensor:
        """Return (batch, hidden) of outputs (batch, time, hidden)."""
        ctx.shape = outputs.shape
        return outputs[:, -1].clone()

    @staticmethod
    def backward(ctx: Any, d_last: Tensor) -> Any:
        """Return the gradient of the outputs."""
        is_batched = torch._C._functorch.is_legacy_batchedtensor(d_last)
        if is_batched or is_transformed():  # memory of NumPy can take one gradient only
            return torch.cat([d_last.new_zeros(ctx.shape)[:, 1:], d_last[:, None]], dim=1)
        d_outputs = torch.from_numpy(np.empty(ctx.shape, np.float32)).zero_()
        d_outputs[:, -1] = d_last
        return d_outputs


def empty_outputs(x: Tensor, weight: Tensor, size: int) -> Tensor:
    """Return outputs of no rows or no steps, with a gradient of 0: torch's kernels refuse them."""
    return x.new_zeros(*x.shape[:2], size) + weight.sum() * 0.0


def is_empty(x: Tensor) -> bool:
    """Check whether input (batch, time, input) has no rows or no steps."""
    return not is_traced() and 0 in x.shape[:2]


def call_kernel(
    kernel: Callable[..., tuple[Tensor, ...]],
    x: Tensor,
    state: Tensor | list[Tensor],
    weights: Weights,
) -> tuple[Tensor, ...]:
    """Call one of torch's kernels: one layer, biases, no dropout, one direction, batch first."""
    training = torch.is_grad_enabled()
    return kernel(x, state, list(weights), True, 1, 0.0, training, False, True)


class RecurrentLayer(nn.Module):
    """One direction of one depth of a recurrent network.

    A subclass states its equations once, in `equations`. They are iterated in Python only under
    recurrent dropout and transforms of torch.func, for which there is no fused kernel. `fused`
    computes the same function through time in one call.

    Parameters
    ----------
    cell : Cell
        Parameters of the cell.
    input_size, hidden_size : int
        Width of the input and of the state.
    recurrent_dropout : float
        Probability to drop a unit of the previous state where it enters the recurrent matrices; one
        mask per sequence and call, the same at every step [1]_.

    References
    ----------
    .. [1] Gal & Ghahramani (2016), A Theoretically Grounded Application of Dropout in Recurrent
       Neural Networks, NeurIPS.
    """

    n_gates: ClassVar[int]
    n_states: ClassVar[int] = 1
    padding_gates: tuple[float, ...] = ()  # added to each gate at padded steps
    can_step: ClassVar[bool] = True
    needs_lengths: ClassVar[bool] = True
    is_looped: ClassVar[bool] = False  # `fused` has a compiled loop, which handles padding itself

    def __init__(
        self, cell: Cell, input_size: int, hidden_size: int, recurrent_dropout: float
    ) -> None:
        super().__init__()
        self.cell = cell
        self.output_size = hidden_size
        self.weight_ih = empty_parameter(self.n_gates * hidden_size, input_size)
        self.weight_hh = empty_parameter(self.n_gates * hidden_size, hidden_size)
        self.bias_ih = empty_parameter(self.n_gates * hidden_size)
        self.bias_hh = empty_parameter(self.n_gates * hidden_size)
        self.recurrent_dropout = Dropout(recurrent_dropout)

    @property
    def weights(self) -> Weights:
        """The parameters in the order of torch's kernels."""
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all parameters from `generator`."""
        xavier_gates_(self.weight_ih, self.n_gates, generator)
        orthogonal_gates_(self.weight_hh, self.n_gates, generator)
        nn.init.zeros_(self.bias_ih)
        nn.init.zeros_(self.bias_hh)

    def forward(
        self, x: Tensor, lengths: Tensor | None, state: LayerState | None
    ) -> tuple[Tensor, LayerState]:
        """Run through time; see the module's docstring for the contract."""
        if state is None:
            state = (x.new_zeros(x.shape[0], self.output_size),) * self.n_states
        if is_empty(x):
            return empty_outputs(x, self.weight_ih, self.output_size), state
        weights = self.weights
        is_iterated = self.recurrent_dropout.active or is_transformed()
        is_looped = self.is_looped and not is_iterated and is_fast(x, self.output_size)
        if lengths is not None and self.padding_gates and not is_looped:
            x, weights = mark_padding(x, lengths, weights, self.padding_gates)
        if is_iterated:
            return self._iterate(x, lengths, state, weights)
        width = padded_size(self.output_size) if is_looped else self._stable_size
        if width > self.output_size:
            return self._fused_wider(width, x, lengths, state, weights)
        return self.fused(x, lengths, state, weights)

    @property
    def _stable_size(self) -> int:
        """Smallest width at which the bits of torch's products do not depend on other rows."""
        is_stable = self.n_gates * self.output_size >= STABLE or is_traced()
        return self.output_size if is_stable else STABLE

    def _iterate(
        self, x: Tensor, lengths: Tensor | None, state: LayerState, weights: Weights
    ) -> tuple[Tensor, LayerState]:
        """Iterate the equations; one mask (batch, hidden) multiplies h before each step."""
        weight_ih, weight_hh, bias_ih, bias_hh = weights
        dropout = self.recurrent_dropout
        mask: Tensor | float = dropout.mask(state[0]) if dropout.active else 1.0
        inputs = F.linear(x, weight_ih, bias_ih)  # (batch, time, gates * hidden)
        states = [state]
        for inputs_now in inputs.unbind(dim=1):
            recurrent = F.linear(states[-1][0] * mask, weight_hh, bias_hh)
            states.append(self.equations(inputs_now, recurrent, states[-1]))
        paths = [torch.stack(steps, dim=1) for steps in zip(*states[1:], strict=True)]
        pairs = zip(paths, state, strict=True)
        return paths[0], tuple(at_last_step(path, lengths, start) for path, start in pairs)

    def _fused_wider(
        self,
        width: int,
        x: Tensor,
        lengths: Tensor | None,
        state: LayerState,
        weights: Weights,
    ) -> tuple[Tensor, LayerState]:
        """Run `fused` with spare units that are cut off again, for stable bits or whole vectors."""
        spare = width - self.output_size
        widened = wider_weights(weights, self.output_size, spare)
        wider = tuple(F.pad(part, (0, spare)) for part in state)
        outputs, last = self.fused(x, lengths, wider, widened)
        return outputs[..., :-spare], tuple(part[..., :-spare] for part in last)

    def sums(self, x: Tensor, h: Tensor) -> Tensor:
        """Return W x + b + U h + c (rows, gates * hidden) for x (rows, input) and an output h."""
        recurrent = F.linear(h, self.weight_hh, self.bias_hh)
        return F.linear(x, self.weight_ih, self.bias_ih) + recurrent

    def equations(self, inputs: Tensor, recurrent: Tensor, state: LayerState) -> LayerState:
        """Return the next state; its first entry is the output.

        `inputs` = W x + b and `recurrent` = U h + b are (batch, gates * hidden); `state` is the
        unmasked one.
        """
        raise NotImplementedError

    def fused(
        self, x: Tensor, lengths: Tensor | None, state: LayerState, weights: Weights
    ) -> tuple[Tensor, LayerState]:
        """Run all steps in one kernel call; `weights` and `state` may be wider than the layer."""
        raise NotImplementedError


def wider_weights(weights: Weights, size: int, spare: int) -> Weights:
    """Add units that nobody reads to the weights of a layer, in torch's order."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    return (
        with_spare_units(weight_ih, size, spare),
        wider_matrix(weight_hh, size, spare),
        with_spare_units(bias_ih, size, spare),
        with_spare_units(bias_hh, size, spare),
    )


def with_spare_units(weight: Tensor, size: int, spare: int) -> Tensor:
    """Add units that nobody reads to each block of weights (n_blocks * hidden, ...)."""
    if not spare:
        return weight
    blocks = weight.reshape(-1, size, *weight.shape[1:])
    return F.pad(blocks, (0, 0) * (weight.dim() - 1) + (0, spare)).flatten(0, 1)


def wider_matrix(matrix: Tensor, size: int, spare: int) -> Tensor:
    """Add units that nobody reads to a recurrent matrix (n_blocks * hidden, hidden)."""
    return F.pad(with_spare_units(matrix, size, spare), (0, spare)) if spare else matrix


def mark_padding(
    x: Tensor, lengths: Tensor, weights: Weights, gates: tuple[float, ...]
) -> tuple[Tensor, Weights]:
    """Add a column to the input that is 1 at padded steps, and its weights to those of the gates.

    Parameters
    ----------
    x : Tensor of shape (batch, time, input)
        Input.
    lengths : Tensor of shape (batch,)
        Number of real steps.
    weights : tuple of Tensor
        In torch's order; the first is (n_gates * hidden, input).
    gates : tuple of float
        Weight of the column for all units of each gate. It is not a parameter.

    Returns
    -------
    x : Tensor of shape (batch, time, input + 1)
        Input and column.
    weights : tuple of Tensor
        The first is (n_gates * hidden, input + 1).
    """
    steps = torch.arange(x.shape[1], device=x.device)
    padded = (steps >= lengths[:, None]).to(x.dtype)  # (batch, time)
    n_units = weights[1].shape[1]
    column = x.new_tensor(gates).repeat_interleave(n_units)[:, None]  # (n_gates * hidden, 1)
    weight_ih = torch.cat([weights[0], column], dim=1)
    return torch.cat([x, padded[:, :, None]], dim=2), (weight_ih, *weights[1:])
