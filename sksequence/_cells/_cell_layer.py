"""The layer of a cell: its parameters, and two ways to run its equations through time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sksequence._cells._cell import Cell
from sksequence._cells._equations import recordable, shape_of
from sksequence._cells._linear_and_dropout import Dropout, empty_parameter, stable_linear
from sksequence._cells._recurrent import (
    LayerState,
    at_last_step,
    empty_outputs,
    is_empty,
    wider_matrix,
    with_spare_units,
)
from sksequence._kernels import (
    Recurrence,
    can_compile,
    is_traced,
    new_recurrence,
    padded_size,
    units,
)

Linear = Callable[..., Tensor]
Steps = NDArray[np.float32]  # (rows, steps, width)
CellRun = Callable[[Steps, Steps], Steps]


class CellLayer(nn.Module):
    """One direction of one depth of a recurrent network, made from the equations of a cell.

    Parameters
    ----------
    cell : Cell
        Equations and initialisation.
    input_size, hidden_size : int
        Width of the input and of the states.
    recurrent_dropout : float
        Probability to drop a unit of a state where it enters a recurrent matrix; one mask per
        sequence and call, the same at every step and for every matrix.
    has_gaps : bool, default=False
        Whether the last feature of the input is the time since the previous step. Cells that read
        it see 1 otherwise.

    Raises
    ------
    ValueError
        If `recurrent_dropout` is not 0 and the cell has no recurrent matrix.
    """

    can_step: ClassVar[bool] = True
    needs_lengths: ClassVar[bool] = True

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        recurrent_dropout: float,
        *,
        has_gaps: bool = False,
    ) -> None:
        super().__init__()
        if recurrent_dropout and not cell.products:
            raise ValueError(
                f"recurrent_dropout={recurrent_dropout} drops units where a state enters a matrix, "
                f"but the cell {cell.name or cell!r} has none. Set recurrent_dropout=0, or dropout."
            )
        self.cell = cell
        self.hidden_size = hidden_size
        self.has_gaps = has_gaps and cell.reads_gaps
        n_inputs = cell.n_weighted * hidden_size
        self.weight_ih = empty_parameter(n_inputs, input_size - self.has_gaps)
        self.bias = empty_parameter(n_inputs)
        for name, shape in cell.shapes(hidden_size).items():
            self.register_parameter(name, empty_parameter(*shape))
        self.recurrent_dropout = Dropout(recurrent_dropout)
        self.readout = cell.readout(input_size, hidden_size)
        self.output_size = getattr(self.readout, "output_size", cell.n_outputs * hidden_size)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw all parameters from `generator`."""
        if self.readout is not None:
            self.readout.reset_parameters(generator)  # type: ignore[operator]
        self.cell.initialise(dict(self.named_parameters()), generator)
        self.requires_grad_(self.cell.is_trained)

    @property
    def input_weights(self) -> tuple[Tensor, Tensor]:
        """W and b of all blocks of the inputs, that of the gaps included."""
        if not self.cell.reads_gaps:
            return self.weight_ih, self.bias
        weight = F.pad(self.weight_ih, (0, int(self.has_gaps), 0, self.hidden_size))
        if self.has_gaps:
            last_column = torch.zeros_like(weight)
            last_column[-self.hidden_size :, -1] = 1.0
            weight = weight + last_column
        return weight, F.pad(self.bias, (0, self.hidden_size), value=float(not self.has_gaps))

    def forward(
        self, x: Tensor, lengths: Tensor | None, state: LayerState | None
    ) -> tuple[Tensor, LayerState]:
        """Run through time; see `_recurrent` for the contract."""
        if state is None:
            state = (x.new_zeros(x.shape[0], self.hidden_size),) * len(self.cell.states)
        if is_empty(x):
            return empty_outputs(x, self.weight_ih, self.output_size), state
        if can_compile(x) and not self.recurrent_dropout.active:
            outputs, last = self._run_compiled(x, lengths, state)
        else:
            outputs, last = self._iterate(x, lengths, state)
        return outputs if self.readout is None else self.readout(outputs, x), last

    def _loop_parts(self, spare: int) -> _LoopParts:
        """Return what the equations read in each step, with units that nobody reads."""
        cell, size = self.cell, self.hidden_size
        parameters = dict(self.named_parameters())
        vectors = cell.loop_vectors(parameters)
        weight, bias = self.input_weights
        return _LoopParts(
            F.pad(torch.full((size,), 1.0 / size, device=weight.device), (0, spare)),
            with_spare_units(weight, size, spare),
            with_spare_units(bias, size, spare),
            {name: F.pad(vectors[name], (0, spare)) for name in cell.vectors},
            [wider_matrix(matrix, size, spare) for matrix in cell.loop_matrices(parameters)],
        )

    def _run_compiled(
        self, x: Tensor, lengths: Tensor | None, state: LayerState
    ) -> tuple[Tensor, LayerState]:
        """Run the compiled loops, with spare units where these need whole vectors."""
        size = self.hidden_size
        width = padded_size(size)
        parts = self._loop_parts(width - size)
        vectors = list(parts.vectors.values())
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1])
        outputs, last = _compiled(self.cell)(
            x,
            F.pad(torch.stack(state), (0, width - size)),
            lengths,
            parts.units,
            parts.weight,
            parts.bias,
            torch.stack(vectors) if vectors else x.new_empty(0, width),
            *parts.matrices,
        )
        first, *others = outputs[..., :size]
        return torch.cat([first, *others], dim=2) if others else first, tuple(last[..., :size])

    def prepared(self) -> CellRun:
        """Return a function that runs compiled loops, with the weights as they are now.

        It maps x (rows, steps, input), all rows full, and states (n_states, rows, padded size),
        which it replaces by those after the last step, to outputs (rows, steps, output).
        """
        size = self.hidden_size
        parts = self._loop_parts(padded_size(size) - size)
        vectors = torch.stack([*parts.vectors.values()]) if parts.vectors else torch.empty(0, 0)
        weights = parts.units, parts.weight, parts.bias, vectors, *parts.matrices
        advance = _compiled(self.cell).prepared(*(part.detach().clone() for part in weights))
        leave: CellRun | None = getattr(self.readout, "prepared", lambda: None)()

        def run(x: Steps, states: Steps) -> Steps:
            outputs = np.concatenate(advance(x, states)[..., :size], axis=2)
            if leave is None:
                return outputs
            n_rows, n_steps, width = outputs.shape
            read = leave(outputs.reshape(-1, width), x.reshape(n_rows * n_steps, -1))
            return read.reshape(n_rows, n_steps, -1)

        return run

    def _iterate(
        self, x: Tensor, lengths: Tensor | None, state: LayerState
    ) -> tuple[Tensor, LayerState]:
        """Iterate the equations in Python; a row that has ended keeps its state."""
        cell, size = self.cell, self.hidden_size
        # bits of an evaluation must not depend on other rows: whole vectors and stable products
        is_stable = not self.training and not is_traced() and x.dtype == torch.float32
        linear: Linear = stable_linear if is_stable else F.linear
        spare = padded_size(size) - size if is_stable else 0
        start, state = state, tuple(F.pad(part, (0, spare)) for part in state)
        parts = self._loop_parts(spare)
        product = _Products(self, linear, parts.matrices, start[0])
        # with a row each: a state may be replaced by a vector, and a product may read one
        vectors = {name: part.expand(len(x), -1) for name, part in parts.vectors.items()}
        inputs = linear(x, parts.weight, parts.bias)
        states = [state]
        for step, inputs_now in enumerate(inputs.unbind(dim=1)):
            blocks = inputs_now.chunk(len(cell.inputs), dim=1)
            with units(size):
                after = cell.equations(blocks, product, states[-1], vectors)
            if lengths is not None:
                running = (lengths > step)[:, None]
                pairs = zip(after, states[-1], strict=True)
                after = tuple(torch.where(running, new, old) for new, old in pairs)
            states.append(tuple(after))
        paths = [torch.stack(steps, dim=1)[..., :size] for steps in zip(*states[1:], strict=True)]
        outputs = torch.cat(paths[: cell.n_outputs], dim=2)
        return outputs, tuple(
            at_last_step(path, lengths, part) for path, part in zip(paths, start, strict=True)
        )

    def extra_repr(self) -> str:
        """Return the cell, for the representation of the module."""
        return repr(self.cell)


@dataclass(frozen=True)
class _LoopParts:
    """What equations read: weights of units in means, W and b, vectors, recurrent matrices."""

    units: Tensor
    weight: Tensor
    bias: Tensor
    vectors: dict[str, Tensor]
    matrices: list[Tensor]


class _Products:
    """The products of one call, with one mask of dropout for all of them."""

    def __init__(
        self, layer: CellLayer, linear: Linear, matrices: Sequence[Tensor], like: Tensor
    ) -> None:
        dropout = layer.recurrent_dropout
        self.linear = linear
        self.mask = dropout.mask(like) if dropout.active else None
        self.matrices = {
            name: (matrix, n_blocks)
            for matrix, (name, n_blocks) in zip(matrices, layer.cell.products, strict=True)
        }

    def __call__(self, name: str, state: Tensor) -> tuple[Tensor, ...]:
        matrix, n_blocks = self.matrices[name]
        read = state if self.mask is None else state * self.mask
        return self.linear(read, matrix).chunk(n_blocks, dim=1)


@lru_cache(maxsize=256)
def _compiled(cell: Cell) -> Recurrence:
    """Return the compiled form of a cell."""
    return new_recurrence(shape_of(cell), recordable(cell))
