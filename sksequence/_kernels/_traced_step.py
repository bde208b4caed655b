"""The equations of a step, traced once: what they read, what they return, and its gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sksequence._kernels._derivatives import gradients
from sksequence._kernels._expressions import Expression, Graph

ReadProduct = Callable[[str, Expression], Sequence[Expression]]
Equations = Callable[
    [Sequence[Expression], ReadProduct, Sequence[Expression], Sequence[Expression]],
    Sequence[Expression],
]


@dataclass(frozen=True)
class Shape:
    """Number of parts of a cell, each as wide as the layer.

    Parameters
    ----------
    n_inputs : int
        Blocks of W x + b.
    n_states : int
        States; the first ones are outputs.
    n_outputs : int
        States that are outputs.
    n_vectors : int
        Vectors of parameters with one number per unit.
    products : tuple of (str, int)
        Names of the recurrent matrices, in the order of their use, and the number of their blocks.
    """

    n_inputs: int
    n_states: int
    n_outputs: int
    n_vectors: int
    products: tuple[tuple[str, int], ...]


class TracedStep:
    """The expressions of one step of a cell.

    Parameters
    ----------
    shape : Shape
        Number of inputs, states, vectors and products.
    equations : callable
        ``(inputs, product, states, vectors) -> new states``, where ``product(name, read)`` returns
        the blocks of a matrix times a state.
    """

    def __init__(self, shape: Shape, equations: Equations) -> None:
        self.shape = shape
        self.graph = Graph()
        self.sources: list[Expression] = []
        self.blocks: list[list[Expression]] = []  # of each product
        self.inputs = self._leaves("input", shape.n_inputs)
        self.states = self._leaves("state", shape.n_states)
        self.vectors = self._leaves("vector", shape.n_vectors)
        self.results = list(equations(self.inputs, self._product, self.states, self.vectors))

    def _leaves(self, kind: str, n: int) -> list[Expression]:
        return [self.graph.leaf(kind, i) for i in range(n)]

    def _product(self, name: str, read: Expression) -> list[Expression]:
        number = len(self.sources)
        names = [known for known, _ in self.shape.products]
        if name not in names[number : number + 1]:
            raise ValueError(
                f"they use the product {name!r} as number {number + 1}, but each of {names} is "
                "used once, in this order"
            )
        n_blocks = self.shape.products[number][1]
        self.sources.append(read)
        self.blocks.append([self.graph.block(number, block, read) for block in range(n_blocks)])
        return self.blocks[-1]

    @cached_property
    def constants(self) -> list[float]:
        """Numbers besides 0 and 1, in the order in which the equations and their gradients come."""
        *_, known = self.gradients, list(self.graph.values())
        numbers = (one.number for one in known)
        return [number for number in numbers if number is not None and number not in (0.0, 1.0)]

    @cached_property
    def gradients(self) -> dict[Expression, Expression]:
        """The gradient of each expression of the forward pass."""
        pairs = []
        for i, result in enumerate(self.results):
            carried = self.graph.leaf("d_state", i)
            if i < self.shape.n_outputs:
                carried = carried + self.graph.leaf("d_output", i)
            pairs.append((result, carried))
        return gradients(pairs)

    def gradient(self, expression: Expression) -> Expression:
        """Return the gradient of an expression, 0 if no result depends on it."""
        return self.gradients.get(expression, self.graph.constant(0.0))

    def all_gradients(self) -> Iterable[Expression]:
        blocks = [block for blocks in self.blocks for block in blocks]
        for expression in [*self.inputs, *self.states, *self.vectors, *blocks]:
            yield self.gradient(expression)
