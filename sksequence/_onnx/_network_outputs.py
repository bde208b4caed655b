"""The network in a graph: input layer, recurrent layers, pooling and head of each member."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._cells import CELLS, Cell, as_cell
from sksequence._modules import EPSILON, Residual, SequenceNetwork
from sksequence._onnx._graph import Graph, Value
from sksequence._onnx._layers import LAYERS, dense, weights
from sksequence._onnx._padded_inputs import Steps
from sksequence._settings import NetworkSpec


def check_cell(spec: NetworkSpec) -> None:
    """Raise a ValueError for a cell that has no layer in ONNX."""
    if _cell_name(spec) not in LAYERS:
        raise ValueError(
            f"cell={spec.cell!r} cannot be exported to ONNX. Choose one of {sorted(LAYERS)}, or "
            "export module_ with the tools of torch."
        )


def _cell_name(spec: NetworkSpec) -> str:
    """Return the name of a cell, an empty one for a user's own."""
    cell = as_cell(spec.cell)
    return cell.name if isinstance(cell, Cell) and type(cell) is CELLS.get(cell.name) else ""


def network_outputs(network: SequenceNetwork, steps: Steps, *, only_last: bool = False) -> Value:
    """Return outputs (batch, n_outputs), or (batch, time, n_outputs) without pooling.

    With `only_last`, a network without pooling returns those of the last step.
    """
    parts = _stack_outputs(network, _input_layer(network, steps), steps.lengths)
    merge = _MERGE_MODES[network.stack.merge_mode]
    pool = _POOLINGS["last" if only_last else network.spec.pooling]
    hidden = pool(parts, merge, steps, network.pooling)
    return _head(network, _join(network, hidden, steps))


# --- input ---------------------------------------------------------------------------------------


def _input_layer(network: SequenceNetwork, steps: Steps) -> Value:
    """Join numbers and embedded codes to (batch, time, width)."""
    layer, graph = network.inputs, steps.graph
    parts = [] if steps.values is None else [steps.values]
    if steps.codes is not None:
        # the codes of a frame are those of its first step, then those of its second
        n_columns = len(layer.tables)
        columns = steps.codes.reshape(0, 0, layer.frame_length, n_columns)
        for column, table in enumerate(layer.tables):
            vectors = _embedded(graph, weights(table) * np.float32(layer.scale), columns, column)
            parts.append(vectors.reshape(0, 0, layer.frame_length * table.shape[1]))
    return graph.concatenate(parts, axis=2)


def _embedded(graph: Graph, table: NDArray[np.float32], codes: Value, column: int) -> Value:
    """Return the vectors of a column of codes; the runtime refuses codes outside the table."""
    index = codes.take(column, axis=-1)
    return graph.constant(table).take_checked(index, 0, f"codes_from_0_to_{len(table) - 1}")


# --- recurrent layers ----------------------------------------------------------------------------

Merge = Callable[[Sequence[Value]], Value]


def _stack_outputs(network: SequenceNetwork, x: Value, lengths: Value) -> list[Value]:
    """Return the outputs (batch, time, hidden) of each direction of the last depth."""
    stack, spec = network.stack, network.spec
    merge, parts = _MERGE_MODES[stack.merge_mode], [x]
    for depth, forward in enumerate(stack.forwards):
        directions = [forward, *stack.backwards[depth : depth + 1]]
        residual: Any = stack.residuals[depth - 1] if depth and stack.residuals else None
        below, x = parts, merge(parts)
        x = x if residual is None else _normalised(x, residual)
        parts = LAYERS[_cell_name(spec)](x, lengths, directions)
        parts = parts if residual is None else _joined(below, parts, residual)
    return parts


def _normalised(x: Value, residual: Residual) -> Value:
    """Divide each step by the root mean square of its units."""
    square = (x * x).reduce("Mean", 2, keepdims=True) + np.float32(EPSILON)
    return x / square.apply("Sqrt") * weights(residual.weight)


def _joined(below: Sequence[Value], parts: list[Value], residual: Residual) -> list[Value]:
    """Add the outputs of each direction to those of the layer below."""
    for projection, part in zip(residual.projections, below, strict=False):
        below = [*below[1:], part @ weights(projection).T]
    return [part + own for part, own in zip(below, parts, strict=True)]


def _sum(parts: Sequence[Value]) -> Value:
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _product(parts: Sequence[Value]) -> Value:
    return parts[0] if len(parts) == 1 else parts[0] * parts[1]


_MERGE_MODES: dict[str, Merge] = {
    "concat": lambda parts: parts[0].graph.concatenate(parts, axis=-1),
    "sum": _sum,
    "mean": lambda parts: parts[0].graph.mean(parts),
    "mul": _product,
}


# --- pooling -------------------------------------------------------------------------------------


def _pool_nothing(parts: Sequence[Value], merge: Merge, steps: Steps, layer: Any) -> Value:
    return merge(parts)


def _pool_last(parts: Sequence[Value], merge: Merge, steps: Steps, layer: Any) -> Value:
    last = steps.lengths - 1
    return merge([parts[0].take_of_each(last), *(part.take(0, axis=1) for part in parts[1:])])


def _pool_mean(parts: Sequence[Value], merge: Merge, steps: Steps, layer: Any) -> Value:
    n_steps = steps.lengths.cast(np.float32).unsqueeze(1)
    return _hidden_padding(merge(parts), steps, 0.0).reduce("Sum", 1) / n_steps


def _pool_max(parts: Sequence[Value], merge: Merge, steps: Steps, layer: Any) -> Value:
    return _hidden_padding(merge(parts), steps, -np.inf).reduce("Max", 1)


def _pool_attention(parts: Sequence[Value], merge: Merge, steps: Steps, layer: Any) -> Value:
    x = merge(parts)
    scores = dense(dense(x, layer.project).apply("Tanh"), layer.score)
    scores = _hidden_padding(scores, steps, -np.inf)
    weight = (scores - scores.reduce("Max", 1, keepdims=True)).apply("Exp")
    return (_hidden_padding(x, steps, 0.0) * weight).reduce("Sum", 1) / weight.reduce("Sum", 1)


_POOLINGS: dict[str | None, Callable[[Sequence[Value], Merge, Steps, Any], Value]] = {
    None: _pool_nothing,
    "last": _pool_last,
    "mean": _pool_mean,
    "max": _pool_max,
    "attention": _pool_attention,
}


def _hidden_padding(x: Value, steps: Steps, value: float) -> Value:
    """Set padded steps of x (batch, time, width) to a value."""
    return x.graph.where(steps.is_step.unsqueeze(2), x, value)


# --- head ----------------------------------------------------------------------------------------


def _join(network: SequenceNetwork, hidden: Value, steps: Steps) -> Value:
    """Join hidden states with features that do not change in time; see `StaticJoin`."""
    join, graph = network.join, steps.graph
    if join is None:
        return hidden
    parts = [] if steps.static is None else [steps.static]
    if steps.static_codes is not None:
        for column, table in enumerate(join.tables):
            parts.append(_embedded(graph, weights(table), steps.static_codes, column))
    features = graph.concatenate(parts, axis=1)
    if network.spec.pooling is None:  # the same at every step
        features = features.unsqueeze(1).repeat_like(hidden)
    joined = dense(graph.concatenate([hidden, features], axis=-1), join.hidden)
    return joined * joined.apply("Sigmoid")


def _head(network: SequenceNetwork, hidden: Value) -> Value:
    return hidden @ weights(network.head_weight).T + weights(network.head.bias)
