"""Recurrent layers in a graph, by the names of their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sksequence._onnx._graph import Attribute, Value

# from input (batch, time, width), lengths and the layer of each direction
Layer = Callable[[Value, Value, Sequence[Any]], list[Value]]

_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


def weights(tensor: Tensor) -> NDArray[np.float32]:
    """Return weights as an array."""
    return np.asarray(tensor.detach().cpu().numpy())


def dense(x: Value, layer: nn.Linear) -> Value:
    """Apply a dense layer to the last axis."""
    return x @ weights(layer.weight).T + weights(layer.bias)


def reversed_steps(x: Value, lengths: Value) -> Value:
    """Reverse each row of x (batch, time, width) within its own length."""
    attributes = {"batch_axis": 0, "time_axis": 1}
    return x.graph.apply("ReverseSequence", x, lengths, attributes=attributes)


def _recurrent(operator: str, gates: Sequence[int], **options: int) -> Layer:
    """Return a layer by an operator of ONNX, with the order of its gates among those of torch."""

    def layer(x: Value, lengths: Value, directions: Sequence[Any]) -> list[Value]:
        attributes: dict[str, Attribute] = {"hidden_size": directions[0].output_size}
        attributes["direction"] = "bidirectional" if len(directions) > 1 else "forward"
        if operator == "RNN":
            attributes["activations"] = [_ACTIVATIONS[each.activation] for each in directions]
        w, r, *biases = (
            np.stack([_reordered(getattr(each, name), gates) for each in directions])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        parameters = map(x.graph.constant, (w, r, np.concatenate(biases, axis=1)))
        inputs = x.transpose(1, 0, 2), *parameters, lengths.cast(np.int32)
        y = x.graph.apply(operator, *inputs, attributes=attributes | options)
        outputs = y.transpose(1, 2, 0, 3)  # (direction, batch, time, hidden)
        return [outputs.take(i, axis=0) for i in range(len(directions))]

    return layer


def _reordered(tensor: Tensor, gates: Sequence[int]) -> NDArray[np.float32]:
    """Return weights (n_gates * hidden, ...) in another order of the gates."""
    parts = np.split(weights(tensor), len(gates))
    return np.concatenate([parts[gate] for gate in gates])


def _feedforward(x: Value, lengths: Value, directions: Sequence[Any]) -> list[Value]:
    outputs = [_in_context(x, directions[0])]
    for backward in directions[1:]:
        mirrored = _in_context(reversed_steps(x, lengths), backward)
        outputs.append(reversed_steps(mirrored, lengths))
    return outputs


def _in_context(x: Value, layer: Any) -> Value:
    """Return outputs (batch, time, hidden) of a layer that reads a fixed number of steps."""
    n_before, activation = layer.context_size - 1, _ACTIVATIONS[layer.activation]
    padding = x.graph.constant([0, n_before, 0, 0, 0, 0], np.int64)
    entered = dense(x.graph.apply("Pad", x, padding), layer.enter).apply(activation)
    hidden = entered.slice(1, 0, -n_before or None)
    for position, merge in enumerate(layer.merges, start=1):
        inputs = entered.slice(1, position, position - n_before or None)
        pair = x.graph.concatenate([hidden, inputs], axis=2)
        hidden = dense(pair, merge).apply(activation)
    return hidden


LAYERS: dict[str, Layer] = {
    "rnn": _recurrent("RNN", (0,)),
    "lstm": _recurrent("LSTM", (0, 3, 1, 2)),
    "gru": _recurrent("GRU", (1, 0, 2), linear_before_reset=1),
    "feedforward": _feedforward,
}
