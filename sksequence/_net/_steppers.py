"""The lean ways to take one step of a network: in compiled loops, in few torch operations, or through the modules.

Which one is taken depends on the network alone, never on the number of rows, so that a row has the same bits in any
company. Output i of a network is code i + 1 of its input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sksequence import _kernels
from sksequence._cells import CELLS
from sksequence._decoding import CompiledStepper, Stepper, select_rows
from sksequence._losses import joint_logits
from sksequence._modules import SequenceNetwork

# a product's rows keep their bits in multiples of so many rows, with at least so many columns
_STABLE = 16
# a larger alphabet's first products are computed when needed: a text has fewer symbols
_LARGEST_TABLE = 4096


def make_stepper(
    network: SequenceNetwork, outputs: Tensor, state: Any, label: int | None = None
) -> Stepper:
    """Return rows that go on from a state.

    Parameters
    ----------
    network : SequenceNetwork
        In evaluation mode.
    outputs : Tensor of shape (n_rows, n_outputs)
        Logits of the next code. Where they are fewer than the network's outputs, the last ones are never drawn.
    state : nested tuple of Tensor
        That came with them.
    label : int, default=None
        The code that the network's second table reads beside each symbol, if it has one.
    """
    if not _is_plain(network, label):
        return TorchStepper(network, outputs, state, label)
    on_cpu = outputs.device.type == "cpu" and outputs.dtype == torch.float32
    if on_cpu and _kernels.has_numba():
        return _compiled(network, outputs, state, label)
    return LeanStepper(network, outputs, state, label)


def _is_plain(network: SequenceNetwork, label: int | None = None) -> bool:
    """Tell whether the network is one embedding, beside which a label stands still, layers of gates, and a head."""
    gated = [CELLS["rnn"], CELLS["gru"], CELLS["lstm"]]
    layers: Any = list(network.stack.forwards)
    return (
        network.spec.n_features == 0
        and len(network.inputs.tables) == (1 if label is None else 2)
        and all(type(layer) in gated for layer in layers)
        and all(len(layer.weight_hh) >= _STABLE for layer in layers)
    )


def _embedding(network: SequenceNetwork, label: int | None) -> Tensor:
    """Return what the first layer reads for each code, beside the label."""
    symbols: Tensor = network.inputs.tables[0]
    if label is not None:
        beside = network.inputs.tables[1][label].expand(len(symbols), -1)
        symbols = torch.cat([symbols, beside], dim=1)
    return network.inputs.lengthened(symbols)


def _compiled(
    network: SequenceNetwork, outputs: Tensor, state: Any, label: int | None
) -> CompiledStepper:
    from sksequence._kernels import _generation_loops as loops
    from sksequence._kernels._tiles import in_panels

    layers: Any = list(network.stack.forwards)
    embedding = _array(_embedding(network, label))
    first = in_panels(layers[0].weight_ih.detach().T)
    table = np.empty((len(embedding), len(first) * first.shape[2]), dtype=np.float32)
    tables = embedding, first, table, np.zeros(len(embedding), dtype=np.bool_)
    recurrent = np.stack([in_panels(layer.weight_hh.detach().T) for layer in layers])
    # the first one is not read, and may have another width: its place is taken
    upper = recurrent.copy()
    for i, layer in enumerate(layers[1:], 1):
        upper[i] = in_panels(layer.weight_ih.detach().T)
    pairs = [torch.stack([layer.bias_ih, layer.bias_hh]) for layer in layers]
    biases = _array(torch.stack(pairs))
    n_outputs = outputs.shape[1]
    head = in_panels(network.head_weight.detach()[:n_outputs].T)
    head_bias = _array(network.head.bias[:n_outputs])
    hidden = _array(torch.stack([part[0] for part in state], dim=1))
    memory = _array(torch.stack([part[-1] for part in state], dim=1))
    weights = upper[1:], recurrent, biases, head, head_bias
    kind = _kind(network, loops)
    return CompiledStepper(kind, tables, weights, hidden, memory, _array(outputs))


def _kind(network: SequenceNetwork, loops: Any) -> int:
    cell = network.stack.forwards[0]
    if isinstance(cell, CELLS["rnn"]):
        kinds = {"tanh": loops.TANH, "relu": loops.RELU, "sigmoid": loops.LOGISTIC}
        return int(kinds[str(cell.activation)])
    return int(loops.LSTM if isinstance(cell, CELLS["lstm"]) else loops.GRU)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    """Return a copy in the order of C."""
    return np.array(tensor.detach().numpy(), order="C")


class JointStepper:
    """The steps of several networks that read the same codes; the next code has the mean of their probabilities.

    Parameters
    ----------
    steppers : sequence of Stepper
        One a network, with logits of all its outputs.
    n_drawn : int
        How many of them may be drawn: the first ones.
    """

    def __init__(self, steppers: Sequence[Stepper], n_drawn: int) -> None:
        self._steppers, self._n_drawn = steppers, n_drawn

    @property
    def logits(self) -> NDArray[np.float32]:
        """Of the next code of each row, (n_rows, n_codes)."""
        joint = joint_logits(np.stack([stepper.logits for stepper in self._steppers]))
        return joint[:, : self._n_drawn].astype(np.float32)

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep some rows, in the order given; a row may be taken several times."""
        for stepper in self._steppers:
            stepper.select(rows)

    def advance(self, codes: NDArray[np.int64]) -> None:
        """Go on by one code a row."""
        for stepper in self._steppers:
            stepper.advance(codes)


class TorchStepper:
    """The step of any network, through its modules; rows are padded to a number that keeps their bits.

    Parameters
    ----------
    network : SequenceNetwork
        In evaluation mode.
    outputs : Tensor of shape (n_rows, n_outputs)
        Logits of the next code.
    state : nested tuple of Tensor
        That came with them.
    label : int, default=None
        As for `make_stepper`.
    """

    def __init__(
        self, network: SequenceNetwork, outputs: Tensor, state: Any, label: int | None = None
    ) -> None:
        self._network, self._outputs, self._state = network, outputs, state
        self._label = label
        self.select(np.arange(len(outputs)))

    @property
    def logits(self) -> NDArray[np.float32]:
        """Of the next code of each row, (n_rows, n_codes)."""
        return np.asarray(self._outputs[: self._n_rows].cpu().numpy())

    def select(self, rows: NDArray[np.int64]) -> None:
        """Keep some rows, in the order given; a row may be taken several times."""
        self._n_rows = len(rows)
        index = torch.from_numpy(_padded(rows)).to(self._outputs.device)
        self._outputs = self._outputs[index]
        self._state = select_rows(self._state, index)

    def advance(self, codes: NDArray[np.int64]) -> None:
        """Go on by one code a row."""
        read = torch.from_numpy(_padded(codes)).to(self._outputs.device) + 1
        with torch.inference_mode():
            outputs, self._state = self._step(read)
        self._outputs = outputs[:, : self._outputs.shape[1]]

    def _step(self, codes: Tensor) -> tuple[Tensor, Any]:
        columns = [codes] if self._label is None else [codes, torch.full_like(codes, self._label)]
        read = torch.stack(columns, dim=1)[:, None]
        return self._network.advance(lengths=None, codes=read, state=self._state)


class LeanStepper(TorchStepper):
    """The step of one embedding, gated layers and a head, in few operations; the first product is a table."""

    def __init__(
        self, network: SequenceNetwork, outputs: Tensor, state: Any, label: int | None = None
    ) -> None:
        super().__init__(network, outputs, state, label)
        self._layers: Any = list(network.stack.forwards)
        self._embedding = _embedding(network, label).detach()
        first = self._layers[0]
        self._table: Tensor | None = None
        if len(self._embedding) <= _LARGEST_TABLE:
            with torch.inference_mode():
                self._table = F.linear(self._embedding, first.weight_ih, first.bias_ih)

    def _step(self, codes: Tensor) -> tuple[Tensor, Any]:
        after: list[Any] = []
        x = self._embedding[codes] if self._table is None else self._table[codes]
        for layer, state in zip(self._layers, self._state, strict=True):
            if after or self._table is None:
                x = F.linear(x, layer.weight_ih, layer.bias_ih)
            recurrent = F.linear(state[0], layer.weight_hh, layer.bias_hh)
            after.append(layer.equations(x, recurrent, state))
            x = after[-1][0]
        return self._network.outputs(x), tuple(after)


def _padded(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Repeat the first entry until there are enough."""
    return np.concatenate([rows, np.repeat(rows[:1], -len(rows) % _STABLE)])
