"""Steppers: single steps of a network in compiled loops, few torch operations, or its modules.

The choice depends on the network only, never on the number of rows, so that the bits of a row do
not depend on the other rows. Output i of a network is code i + 1 of its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sksequence import _kernels
from sksequence._cells import (
    CellLayer,
    GRULayer,
    LayerState,
    LSTMLayer,
    SimpleRNNLayer,
    wider_weights,
)
from sksequence._losses import joint_logits
from sksequence._modules import (
    EPSILON,
    SequenceNetwork,
    State,
    hooked_module,
    network_stepper,
    select_rows,
)

Arrays = tuple[NDArray[np.generic], ...]

# number of codes up to which the first products of all codes are computed in advance: a text has
# fewer symbols than a larger vocabulary
_LARGEST_TABLE = 4096


class Stepper(Protocol):
    """Interface of rows that continue step by step; row i is the same row in all arrays."""

    @property
    def logits(self) -> NDArray[np.float32]:
        """Logits of the next code of each row, (n_rows, n_codes)."""

    def advance(self, codes: NDArray[np.int64]) -> None:
        """Read one code per row."""

    def select(self, rows: NDArray[np.int64]) -> None:
        """Select rows; a row may be selected several times."""


class CompiledStepper:
    """Steps of plain recurrent layers in compiled loops, which can also draw the codes.

    Parameters
    ----------
    cell_code : int
        Code of the cell in the compiled loops.
    tables, weights, residuals : tuple
        Parameters of the network in the layout of the compiled loops.
    states : tuple of ndarray
        Hidden states and memories of shape (n_rows, n_layers, n_hidden), and the logits of the next
        code of shape (n_rows, n_codes).
    """

    def __init__(
        self,
        cell_code: int,
        tables: Arrays,
        weights: Arrays,
        residuals: tuple[NDArray[np.generic] | float, ...],
        states: tuple[NDArray[np.float32], ...],
    ) -> None:
        self._network = cell_code, tables, weights, residuals
        self._states = states

    @property
    def logits(self) -> NDArray[np.float32]:
        """Logits of the next code of each row, (n_rows, n_codes)."""
        return self._states[2]

    def advance(self, codes: NDArray[np.int64]) -> None:
        """Read one code per row."""
        given = np.array(codes, dtype=np.int64)[:, None]
        halting = np.zeros(self.logits.shape[1], dtype=bool)
        self._run(np.empty(given.shape), -1.0, halting, np.ones(len(codes), np.int64), given)

    def run(
        self,
        uniforms: NDArray[np.float64],
        temperature: float,
        halting: NDArray[np.bool_],
        limits: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw codes for each row until one of them is in `halting`, at most `limits`.

        Returns
        -------
        codes : ndarray of shape (n_rows, n_draws)
            Codes drawn.
        counts : ndarray of shape (n_rows,)
            Number of codes drawn for each row.
        """
        codes = np.empty(uniforms.shape, dtype=np.int64)
        return codes, self._run(uniforms, temperature, halting, limits, codes)

    def _run(
        self,
        uniforms: NDArray[np.float64],
        temperature: float,
        halting: NDArray[np.bool_],
        limits: NDArray[np.int64],
        codes: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Fill `codes` by drawing, or read them if the temperature is negative; return counts."""
        run = _kernels.generation_loops().run
        counts = np.empty(len(codes), dtype=np.int64)
        run(*self._network, self._states, temperature, uniforms, halting, limits, codes, counts)
        return counts

    def select(self, rows: NDArray[np.int64]) -> None:
        """Select rows; a row may be selected several times."""
        self._states = tuple(part[rows] for part in self._states)


def make_stepper(
    network: SequenceNetwork, outputs: Tensor, state: State, label: int | None = None
) -> Stepper:
    """Return the fastest stepper for a network.

    Parameters
    ----------
    network : SequenceNetwork
        Network in evaluation mode.
    outputs : Tensor of shape (n_rows, n_outputs)
        Logits of the next code. If the network has more outputs, the last ones are never drawn.
    state : nested tuple of Tensor
        State to continue from, with the same rows.
    label : int, default=None
        Code of the label that the network reads with each symbol, if it has a second embedding.
    """
    if hooked_module(network) is not None:
        return TorchStepper(network, outputs, state, label)
    on_cpu = outputs.device.type == "cpu" and outputs.dtype == torch.float32
    if _is_plain(network, label):
        if on_cpu and _kernels.has_numba():
            return _compiled(network, outputs, state, label)
        if not len(network.stack.residuals):
            return LeanStepper(network, outputs, state, label)
    factory = PreparedStepper if _is_prepared(network, label) else TorchStepper
    return factory(network, outputs, state, label)


def _is_plain(network: SequenceNetwork, label: int | None = None) -> bool:
    """Check for an embedding (and one of a constant label), recurrent layers and a head only."""
    gated = [SimpleRNNLayer, GRULayer, LSTMLayer]
    layers: Any = list(network.stack.forwards)
    return (
        _reads_symbols(network, label)
        and all(type(layer) in gated for layer in layers)
        and all(len(layer.weight_hh) >= _kernels.STABLE for layer in layers)
    )


def _reads_symbols(network: SequenceNetwork, label: int | None) -> bool:
    """Check for an input of an embedding, and one of a constant label, only."""
    n_tables = 1 if label is None else 2
    return network.spec.n_features == 0 and len(network.inputs.tables) == n_tables


def _is_prepared(network: SequenceNetwork, label: int | None) -> bool:
    """Check for layers that are compiled from the equations of a cell, and symbols only."""
    layers: Any = list(network.stack.forwards)
    return _reads_symbols(network, label) and all(
        isinstance(layer, CellLayer) and _kernels.can_compile(layer.weight_ih) for layer in layers
    )


def _embedding(network: SequenceNetwork, label: int | None) -> Tensor:
    """Return the input of the first layer for each code, including the label."""
    vectors: Tensor = network.inputs.tables[0]
    if label is not None:
        label_vectors = network.inputs.tables[1][label].expand(len(vectors), -1)
        vectors = torch.cat([vectors, label_vectors], dim=1)
    return network.inputs.scaled(vectors)


def _compiled(
    network: SequenceNetwork, outputs: Tensor, state: State, label: int | None
) -> CompiledStepper:
    """Return a stepper with the parameters in the layout of the compiled loops.

    Layers are as wide as the widest one; nobody reads the units that they gain.
    """
    layers: Any = list(network.stack.forwards)
    size = max(layer.output_size for layer in layers)
    wide = [_at_width(layer, size) for layer in layers]
    in_panels = _kernels.in_panels
    embedding = _array(_embedding(network, label))
    first = in_panels(wide[0][0].T)
    table = np.empty((len(embedding), len(first) * first.shape[2]), dtype=np.float32)
    tables = embedding, first, table, np.zeros(len(embedding), dtype=np.bool_)
    recurrent = np.stack([in_panels(weight_hh.T) for _, weight_hh, _, _ in wide])
    # the first layer is a placeholder: its input weights may have another width, and are in `first`
    upper = recurrent.copy()
    for i, (weight_ih, *_) in enumerate(wide[1:], 1):
        upper[i] = in_panels(_padded_columns(weight_ih, size).T)
    biases = _array(torch.stack([torch.stack(pair) for _, _, *pair in wide]))
    n_outputs = outputs.shape[1]
    head = in_panels(_padded_columns(network.head_weight.detach()[:n_outputs], size).T)
    head_bias = _array(network.head.bias[:n_outputs])
    hidden = _array(torch.stack([_padded_columns(part[0], size) for part in state], dim=1))
    memory = _array(torch.stack([_padded_columns(part[-1], size) for part in state], dim=1))
    weights = upper[1:], recurrent, biases, head, head_bias
    code = _cell_code(network, _kernels.generation_loops())
    states = hidden, memory, _array(outputs)
    return CompiledStepper(code, tables, weights, _residuals(network, size), states)


def _residuals(network: SequenceNetwork, size: int) -> tuple[NDArray[np.generic] | float, ...]:
    """Return the residual connections, between layers as wide as `size`, in the same layout."""
    layers: Any = list(network.stack.forwards)
    parts: Any = list(network.stack.residuals)
    factors = np.zeros((len(parts), size), np.float32)
    widths = np.array([layer.output_size for layer in layers[: len(parts)]], np.int64)
    matrices = torch.zeros(len(parts), size, size)
    for i, (part, width) in enumerate(zip(parts, widths, strict=True)):
        factors[i, :width] = part.weight.detach()
        matrix = part.projections[0].detach() if len(part.projections) else torch.eye(width)
        matrices[i, : len(matrix), :width] = matrix
    is_projected = any(len(part.projections) for part in parts)
    panels = [_kernels.in_panels(matrix.T) for matrix in matrices]
    nothing = _kernels.in_panels(torch.zeros(size, size))
    projections = np.stack([nothing, *panels * is_projected])[1:]
    return factors, widths, projections, EPSILON


def _at_width(layer: Any, size: int) -> tuple[Tensor, ...]:
    """Return the weights of a layer, in torch's order, with units up to a width."""
    own = layer.output_size
    weights = tuple(weight.detach() for weight in layer.weights)
    return wider_weights(weights, own, size - own)


def _padded_columns(matrix: Tensor, size: int) -> Tensor:
    return F.pad(matrix, (0, size - matrix.shape[1]))


def _cell_code(network: SequenceNetwork, loops: ModuleType) -> int:
    """Return the code of the network's cell in the compiled loops."""
    cell = network.stack.forwards[0]
    if isinstance(cell, SimpleRNNLayer):
        codes = {"tanh": loops.TANH, "relu": loops.RELU, "sigmoid": loops.LOGISTIC}
        return int(codes[str(cell.activation)])
    return int(loops.LSTM if isinstance(cell, LSTMLayer) else loops.GRU)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    """Return a copy in C order."""
    return np.array(tensor.detach().numpy(), order="C")


class PreparedStepper:
    """Steps of any cell in compiled loops, with weights that are laid out once.

    Parameters
    ----------
    network : SequenceNetwork
        Network in evaluation mode.
    outputs : Tensor of shape (n_rows, n_outputs)
        Logits of the next code.
    state : nested tuple of Tensor
        State to continue from, with the same rows.
    label : int, default=None
        Code of the label, see `make_stepper`.
    """

    def __init__(
        self, network: SequenceNetwork, outputs: Tensor, state: State, label: int | None = None
    ) -> None:
        self._step, self._embedding = network_stepper(network), _array(_embedding(network, label))
        self._logits = _array(outputs)
        self._state: Any = tuple(tuple(map(_array, of_layer)) for of_layer in state), ()

    @property
    def logits(self) -> NDArray[np.float32]:
        """Logits of the next code of each row, (n_rows, n_codes)."""
        return self._logits

    def select(self, rows: NDArray[np.int64]) -> None:
        """Select rows; a row may be selected several times."""
        self._logits, self._state = self._logits[rows], select_rows(self._state, rows)

    def advance(self, codes: NDArray[np.int64]) -> None:
        """Read one code per row."""
        read = self._embedding[np.asarray(codes) + 1]
        outputs, self._state = self._step(read, None, self._state)
        self._logits = outputs[:, : self._logits.shape[1]].copy()


class JointStepper:
    """Steps of several networks that read the same codes; probabilities are their mean.

    Parameters
    ----------
    steppers : sequence of Stepper
        One stepper per network, with logits of all outputs.
    n_drawn : int
        Number of outputs, counted from the first, that may be drawn.
    """

    def __init__(self, steppers: Sequence[Stepper], n_drawn: int) -> None:
        self._steppers, self._n_drawn = steppers, n_drawn

    @property
    def logits(self) -> NDArray[np.float32]:
        """Logits of the next code of each row, (n_rows, n_codes)."""
        joint = joint_logits(np.stack([stepper.logits for stepper in self._steppers]))
        return joint[:, : self._n_drawn].astype(np.float32)

    def select(self, rows: NDArray[np.int64]) -> None:
        """Select rows; a row may be selected several times."""
        for stepper in self._steppers:
            stepper.select(rows)

    def advance(self, codes: NDArray[np.int64]) -> None:
        """Read one code per row."""
        for stepper in self._steppers:
            stepper.advance(codes)


class TorchStepper:
    """Steps of any network by its modules.

    The number of rows is padded so that their bits do not depend on it.

    Parameters
    ----------
    network : SequenceNetwork
        Network in evaluation mode.
    outputs : Tensor of shape (n_rows, n_outputs)
        Logits of the next code.
    state : nested tuple of Tensor
        State to continue from, with the same rows.
    label : int, default=None
        Code of the label, see `make_stepper`.
    """

    def __init__(
        self, network: SequenceNetwork, outputs: Tensor, state: State, label: int | None = None
    ) -> None:
        self._network, self._outputs, self._state = network, outputs, state
        self._label = label
        self.select(np.arange(len(outputs)))

    @property
    def logits(self) -> NDArray[np.float32]:
        """Logits of the next code of each row, (n_rows, n_codes)."""
        return np.asarray(self._outputs[: self._n_rows].cpu().numpy())

    def select(self, rows: NDArray[np.int64]) -> None:
        """Select rows; a row may be selected several times."""
        self._n_rows = len(rows)
        index = torch.from_numpy(_padded(rows)).to(self._outputs.device)
        self._outputs = self._outputs[index]
        self._state = select_rows(self._state, index)

    def advance(self, codes: NDArray[np.int64]) -> None:
        """Read one code per row."""
        read = torch.from_numpy(_padded(codes)).to(self._outputs.device) + 1
        with torch.inference_mode():
            outputs, self._state = self._step(read)
        self._outputs = outputs[:, : self._outputs.shape[1]]

    def _step(self, codes: Tensor) -> tuple[Tensor, State]:
        columns = [codes] if self._label is None else [codes, torch.full_like(codes, self._label)]
        read = torch.stack(columns, dim=1)[:, None]
        return self._network.advance(lengths=None, codes=read, state=self._state)


class LeanStepper(TorchStepper):
    """Steps of an embedding, recurrent layers and a head in few operations.

    The products of the first layer with all embedded codes are computed once.
    """

    def __init__(
        self, network: SequenceNetwork, outputs: Tensor, state: State, label: int | None = None
    ) -> None:
        super().__init__(network, outputs, state, label)
        self._layers: Any = list(network.stack.forwards)
        self._embedding = _embedding(network, label).detach()
        first = self._layers[0]
        self._table: Tensor | None = None
        if len(self._embedding) <= _LARGEST_TABLE:
            with torch.inference_mode():
                self._table = F.linear(self._embedding, first.weight_ih, first.bias_ih)

    def _step(self, codes: Tensor) -> tuple[Tensor, State]:
        after: list[LayerState] = []
        x = self._embedding[codes] if self._table is None else self._table[codes]
        for layer, state in zip(self._layers, self._state, strict=True):
            if after or self._table is None:
                x = F.linear(x, layer.weight_ih, layer.bias_ih)
            recurrent = F.linear(state[0], layer.weight_hh, layer.bias_hh)
            after.append(layer.equations(x, recurrent, state))
            x = after[-1][0]
        return self._network.outputs(x), tuple(after)


def _padded(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Repeat the first entry up to the next multiple of `_kernels.STABLE`."""
    return np.concatenate([rows, np.repeat(rows[:1], -len(rows) % _kernels.STABLE)])
