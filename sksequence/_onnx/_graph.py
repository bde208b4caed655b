"""A graph under construction, whose values are combined like arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike

# the first versions in which all reductions take their axes as inputs
_OPSET, _IR_VERSION = 18, 8
# limit of a file without external data, with some room for all that is not a constant
_MOST_BYTES = (1 << 31) - (1 << 24)

Attribute = str | int | Sequence[str] | Sequence[int]
Dimension = str | int | None  # a name, a number of elements, or unknown


class Graph:
    """Nodes, constants, inputs and outputs of an ONNX graph.

    Every operation adds a node and returns its result, which has a name of its own.
    """

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._initializers: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, dtype: DTypeLike, shape: Sequence[Dimension]) -> Value:
        """Add an input of the graph."""
        self._inputs.append(_described(name, dtype, shape))
        return Value(self, name, np.dtype(dtype))

    def output(self, name: str, value: Value, shape: Sequence[Dimension]) -> None:
        """Add an output of the graph."""
        self._nodes.append(onnx.helper.make_node("Identity", [value.name], [name]))
        self._outputs.append(_described(name, value.dtype, shape))

    def constant(self, array: ArrayLike, dtype: DTypeLike | None = None) -> Value:
        """Return a constant; equal ones are stored once."""
        values = np.asarray(array, dtype=dtype)
        key = values.dtype.str, values.shape, values.tobytes()
        if key not in self._constants:
            self._constants[key] = name = f"constant_{len(self._constants)}"
            self._initializers.append(onnx.numpy_helper.from_array(values, name))
        return Value(self, self._constants[key], values.dtype)

    def apply(
        self,
        operator: str,
        *inputs: Value,
        dtype: DTypeLike | None = None,
        attributes: Mapping[str, Attribute] | None = None,
        n_outputs: int = 1,
        name: str = "",
    ) -> Value:
        """Apply an operator of ONNX, and return its first output.

        `dtype` is that of the result, by default that of the first input. `name` begins the name of
        the node, which is part of the errors of a runtime.
        """
        name = f"{name or operator}_{len(self._nodes)}"
        names = [value.name for value in inputs]
        outputs = [name, *(f"{name}_{i}" for i in range(1, n_outputs))]
        node = onnx.helper.make_node(operator, names, outputs, name=name)
        pairs = (attributes or {}).items()
        node.attribute.extend(onnx.helper.make_attribute(*pair) for pair in pairs)
        self._nodes.append(node)
        return Value(self, name, inputs[0].dtype if dtype is None else np.dtype(dtype))

    def where(self, condition: Value, x: Value, y: Value | float) -> Value:
        """Return x where the condition is True, and y elsewhere."""
        other = y if isinstance(y, Value) else self.constant(y, x.dtype)
        return self.apply("Where", condition, x, other, dtype=x.dtype)

    def concatenate(self, parts: Sequence[Value], axis: int) -> Value:
        """Join values along an axis."""
        if len(parts) == 1:
            return parts[0]
        return self.apply("Concat", *parts, attributes={"axis": axis})

    def stack(self, parts: Sequence[Value], axis: int) -> Value:
        """Join values along a new axis."""
        return self.concatenate([part.unsqueeze(axis) for part in parts], axis)

    def mean(self, parts: Sequence[Value]) -> Value:
        """Return the mean of values of the same shape."""
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total if len(parts) == 1 else total / float(len(parts))

    def arange(self, start: int, stop: Value) -> Value:
        """Return the integers from `start` to before `stop`."""
        first, one = self.constant(start, np.int64), self.constant(1, np.int64)
        return self.apply("Range", first, stop, one)

    def zero_if(self, index: Value, name: str) -> Value:
        """Return 0 if the index is 0; a runtime refuses any other one, with this name."""
        return self.constant([0], np.int64).take_checked(index, 0, name)

    def model(self, metadata: Mapping[str, str]) -> onnx.ModelProto:
        """Return the checked model of this graph."""
        n_bytes = sum(len(content) for _, _, content in self._constants)
        if n_bytes > _MOST_BYTES:
            raise ValueError(
                f"The weights take {n_bytes / 1e9:.1f} GB, but a file of ONNX holds 2.1 GB at "
                "most. Fit a smaller network: reduce hidden_size, num_layers, n_estimators or "
                "embedding_dim."
            )
        graph = onnx.helper.make_graph(
            self._nodes, "sksequence", self._inputs, self._outputs, self._initializers
        )
        opset = onnx.helper.make_opsetid("", _OPSET)
        model = onnx.helper.make_model(
            graph, producer_name="sksequence", opset_imports=[opset], ir_version=_IR_VERSION
        )
        onnx.helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model, full_check=True)
        return model


@dataclass(frozen=True, eq=False)
class Value:
    """One value of a graph: an input, a constant or the result of an operation.

    Attributes
    ----------
    graph : Graph
        The graph.
    name : str
        Name in the graph.
    dtype : dtype
        Type of its elements.
    """

    graph: Graph
    name: str
    dtype: np.dtype[np.generic]

    def __add__(self, other: Value | ArrayLike) -> Value:
        return self._with("Add", other)

    def __sub__(self, other: Value | ArrayLike) -> Value:
        return self._with("Sub", other)

    def __mul__(self, other: Value | ArrayLike) -> Value:
        return self._with("Mul", other)

    def __truediv__(self, other: Value | ArrayLike) -> Value:
        return self._with("Div", other)

    def __matmul__(self, other: Value | ArrayLike) -> Value:
        return self._with("MatMul", other)

    def __lt__(self, other: Value | ArrayLike) -> Value:
        return self._with("Less", other, np.bool_)

    def __ge__(self, other: Value | ArrayLike) -> Value:
        return self._with("GreaterOrEqual", other, np.bool_)

    def __and__(self, other: Value) -> Value:
        return self._with("And", other)

    def _with(
        self, operator: str, other: Value | ArrayLike, dtype: DTypeLike | None = None
    ) -> Value:
        return self.graph.apply(operator, self, self._like(other), dtype=dtype)

    def _like(self, other: Value | ArrayLike) -> Value:
        return other if isinstance(other, Value) else self.graph.constant(other, self.dtype)

    def apply(self, operator: str) -> Value:
        """Apply an operator without further inputs."""
        return self.graph.apply(operator, self)

    def maximum(self, other: Value | ArrayLike) -> Value:
        """Return the larger of two values."""
        return self._with("Max", other)

    def clip(self, low: Value | float, high: Value | float) -> Value:
        """Limit a value; bounds may be arrays."""
        return self._with("Max", low)._with("Min", high)

    def cast(self, dtype: DTypeLike) -> Value:
        """Convert to another type."""
        if self.dtype == np.dtype(dtype):
            return self
        to = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.graph.apply("Cast", self, dtype=dtype, attributes={"to": to})

    def size(self, axis: int) -> Value:
        """Return the number of elements along an axis, a scalar."""
        attributes = {"start": axis, "end": axis + 1}
        shape = self.graph.apply("Shape", self, dtype=np.int64, attributes=attributes)
        return self.graph.apply("Squeeze", shape)

    def unsqueeze(self, *axes: int) -> Value:
        """Insert axes of length 1."""
        return self.graph.apply("Unsqueeze", self, self._integers(axes))

    def reshape(self, *shape: int) -> Value:
        """Change the shape; 0 keeps the length of an axis, and -1 stands for what is left."""
        return self.graph.apply("Reshape", self, self._integers(shape))

    def transpose(self, *axes: int) -> Value:
        """Permute the axes."""
        return self.graph.apply("Transpose", self, attributes={"perm": axes})

    def slice(self, axis: int, start: int, stop: int | None = None) -> Value:
        """Return a part along an axis; negative numbers count from the end."""
        end = np.iinfo(np.int64).max if stop is None else stop
        bounds = (self._integers([n]) for n in (start, end, axis))
        return self.graph.apply("Slice", self, *bounds)

    def take(self, index: Value | int | Sequence[int], axis: int) -> Value:
        """Return the elements at an index along an axis; a single one removes the axis."""
        chosen = index if isinstance(index, Value) else self.graph.constant(index, np.int64)
        return self.graph.apply("Gather", self, chosen, attributes={"axis": axis})

    def take_checked(self, index: Value, axis: int, name: str) -> Value:
        """Return the elements at an index, which a runtime refuses if it is negative or too large.

        A negative index, which would count from the end, is replaced by one that is too large.
        """
        size, attributes = self.size(axis), {"axis": axis}
        valid = self.graph.where(index < 0, size, index)
        return self.graph.apply("Gather", self, valid, attributes=attributes, name=name)

    def take_of_each(self, index: Value) -> Value:
        """Return, of each row (batch, time, ...), the elements at its own index (batch, ...)."""
        attributes = {"batch_dims": 1}
        return self.graph.apply("GatherND", self, index.unsqueeze(-1), attributes=attributes)

    def reduce(self, operator: str, axis: int, *, keepdims: bool = False) -> Value:
        """Reduce an axis, by "Sum", "Max" and so on."""
        attributes = {"keepdims": int(keepdims)}
        return self.graph.apply(
            f"Reduce{operator}", self, self._integers([axis]), attributes=attributes
        )

    def repeat_like(self, other: Value) -> Value:
        """Repeat along the axes of another value, all but the last one."""
        shape = self.graph.apply("Shape", other.slice(-1, 0, 1), dtype=np.int64)
        return self.graph.apply("Expand", self, shape)

    def sort(self, axis: int, n: int) -> Value:
        """Sort in increasing order along an axis of n elements."""
        attributes = {"axis": axis, "largest": 0, "sorted": 1}
        count = self._integers([n])
        return self.graph.apply("TopK", self, count, attributes=attributes, n_outputs=2)

    def softmax(self) -> Value:
        """Return the softmax over the last axis."""
        return self.graph.apply("Softmax", self, attributes={"axis": -1})

    def _integers(self, numbers: Sequence[int]) -> Value:
        return self.graph.constant(list(numbers), np.int64)


def _described(name: str, dtype: DTypeLike, shape: Sequence[Dimension]) -> onnx.ValueInfoProto:
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return onnx.helper.make_tensor_value_info(name, kind, list(shape))
