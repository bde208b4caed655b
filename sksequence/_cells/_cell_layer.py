"""The layer of a cell: its parameters, and two ways to run its equations through time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sksequence._cells._cell import Cell
from sksequence._cells._equations import recordable, shape_of
from sksequence._cells._linear_and_dropout import Dropout, empty_parameter, stable_linear
from sksequence._cells._recurrent import LayerState, at_last_step
from sksequence._kernels import Recurrence, can_compile, is_traced, new_recurrence, padded_size


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
        if can_compile(x) and not self.recurrent_dropout.active:
            outputs, last = self._run_compiled(x, lengths, state)
        else:
            outputs, last = self._iterate(x, lengths, state)
        return outputs if self.readout is None else self.readout(outputs, x), last

    def _run_compiled(
        self, x: Tensor, lengths: Tensor | None, state: LayerState
    ) -> tuple[Tensor, LayerState]:
        """Run the compiled loops, with spare units where these need whole vectors."""
        size, cell = self.hidden_size, self.cell
        spare = padded_size(size) - size
        parameters = dict(self.named_parameters())
        vectors = cell.loop_vectors(parameters)
        weight, bias = self.input_weights
        vector_rows = x.new_empty(0, size)
        if cell.vectors:
            vector_rows = torch.stack([vectors[name] for name in cell.vectors])
        matrices = [_wider(matrix, size, spare) for matrix in cell.loop_matrices(parameters)]
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1])
        outputs, last = _compiled(cell)(
            x,
            F.pad(torch.stack(state), (0, spare)),
            lengths,
            _with_spare_units(weight, size, spare),
            _with_spare_units(bias, size, spare),
            F.pad(vector_rows, (0, spare)),
            *matrices,
        )
        outputs = torch.cat(list(outputs[..., :size]), dim=2) if len(outputs) > 1 else outputs[0]
        return outputs[..., : cell.n_outputs * size], tuple(last[..., :size])

    def _iterate(
        self, x: Tensor, lengths: Tensor | None, state: LayerState
    ) -> tuple[Tensor, LayerState]:
        """Iterate the equations in Python; a row that has ended keeps its state."""
        cell, parameters, size = self.cell, dict(self.named_parameters()), self.hidden_size
        # bits of an evaluation must not depend on other rows: whole vectors and stable products
        is_stable = not self.training and not is_traced() and x.dtype == torch.float32
        linear = stable_linear if is_stable else F.linear
        spare = padded_size(size) - size if is_stable else 0
        start, state = state, tuple(F.pad(part, (0, spare)) for part in state)
        vectors = cell.loop_vectors(parameters)
        vectors = {name: F.pad(vector, (0, spare)) for name, vector in vectors.items()}
        matrices = [_wider(matrix, size, spare) for matrix in cell.loop_matrices(parameters)]
        product = _Products(self, matrices, start[0])
        inputs = linear(x, *(_with_spare_units(part, size, spare) for part in self.input_weights))
        states = [state]
        for step, inputs_now in enumerate(inputs.unbind(dim=1)):
            blocks = inputs_now.chunk(len(cell.inputs), dim=1)
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


class _Products:
    """The products of one call, with one mask of dropout for all of them."""

    def __init__(self, layer: CellLayer, matrices: Sequence[Tensor], like: Tensor) -> None:
        dropout = layer.recurrent_dropout
        self.linear = F.linear if layer.training else stable_linear
        self.mask = dropout.mask(like) if dropout.active else None
        self.matrices = {
            name: (matrix, n_blocks)
            for matrix, (name, n_blocks) in zip(matrices, layer.cell.products, strict=True)
        }

    def __call__(self, name: str, state: Tensor) -> tuple[Tensor, ...]:
        matrix, n_blocks = self.matrices[name]
        read = state if self.mask is None else state * self.mask
        return self.linear(read, matrix).chunk(n_blocks, dim=1)


@cache
def _compiled(cell: Cell) -> Recurrence:
    """Return the compiled form of a cell."""
    return new_recurrence(shape_of(cell), recordable(cell))


def _with_spare_units(weight: Tensor, size: int, spare: int) -> Tensor:
    """Add units that nobody reads to each block of weights (n_blocks * hidden, ...)."""
    if not spare:
        return weight
    blocks = weight.reshape(-1, size, *weight.shape[1:])
    return F.pad(blocks, (0, 0) * (weight.dim() - 1) + (0, spare)).flatten(0, 1)


def _wider(matrix: Tensor, size: int, spare: int) -> Tensor:
    """Add units that nobody reads to a recurrent matrix (n_blocks * hidden, hidden)."""
    return F.pad(_with_spare_units(matrix, size, spare), (0, spare)) if spare else matrix
