"""The equations of a cell as expressions, to make compiled loops and their derivatives from.

A cell states its equations once, with ``+ - * /`` and the functions below. Called with tensors,
they compute; called with expressions, they record what is to be computed for one unit of one row.
Equal expressions are one object, so that what occurs twice is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

_COMMUTATIVE = ("add", "mul")


class Expression:
    """A value of one unit of one row: a leaf, or an operation on other expressions.

    Parameters
    ----------
    graph : dict
        All expressions of the same equations, by operation and operands.
    operation : str
        Name of the operation, or of the kind of a leaf.
    operands : tuple
        Expressions; numbers for constants and leaves.

    Attributes
    ----------
    index : int
        Number of expressions that the graph had before.
    is_uniform : bool
        Whether it is the same for all units of a row.
    """

    __slots__ = ("graph", "index", "is_uniform", "operands", "operation")
    __array_ufunc__ = None  # numbers of NumPy leave operations to expressions

    def __init__(self, graph: Graph, operation: str, operands: tuple[Expression | float, ...]):
        self.graph = graph
        self.index = len(graph)
        self.operation = operation
        self.operands = operands
        self.is_uniform: bool
        is_function = bool(self.expressions) and operation != "product"
        self.is_uniform = operation in ("constant", "mean") or (
            is_function and all(operand.is_uniform for operand in self.expressions)
        )

    @property
    def expressions(self) -> list[Expression]:
        """The operands that are expressions."""
        return [operand for operand in self.operands if isinstance(operand, Expression)]

    @property
    def number(self) -> float | None:
        """The value of a constant, None for other expressions."""
        (first, *_) = self.operands
        return first if self.operation == "constant" and isinstance(first, float) else None

    @property
    def place(self) -> tuple[int, ...]:
        """The numbers of a leaf or of a block of a product."""
        return tuple(operand for operand in self.operands if isinstance(operand, int))

    @property
    def is_negation(self) -> bool:
        """Whether this is 0 - x."""
        return self.operation == "sub" and self.expressions[0].number == 0.0

    def __add__(self, other: Expression | float) -> Expression:
        return self.graph.sum(self, other)

    def __radd__(self, other: float) -> Expression:
        return self.graph.sum(other, self)

    def __sub__(self, other: Expression | float) -> Expression:
        return self.graph.difference(self, other)

    def __rsub__(self, other: float) -> Expression:
        return self.graph.difference(other, self)

    def __mul__(self, other: Expression | float) -> Expression:
        return self.graph.product(self, other)

    def __rmul__(self, other: float) -> Expression:
        return self.graph.product(other, self)

    def __truediv__(self, other: Expression | float) -> Expression:
        return self.graph.node("div", self, other)

    def __rtruediv__(self, other: float) -> Expression:
        return self.graph.node("div", other, self)

    def __neg__(self) -> Expression:
        return self.graph.difference(0.0, self)

    def __bool__(self) -> bool:
        raise TypeError("a value that is not known before the step decides what is computed")


class Graph(dict[tuple[object, ...], Expression]):
    """All expressions of one step, by operation and operands; the order is that of creation."""

    def leaf(self, kind: str, *place: int) -> Expression:
        """Return the leaf of a kind ("input", "state", "vector", ...) at a place."""
        return self._unique(kind, place)

    def block(self, product: int, block: int, read: Expression) -> Expression:
        """Return a block of units of the product of a matrix with what is read."""
        return self._unique("product", (product, block, read))

    def constant(self, number: float) -> Expression:
        """Return a number as an expression."""
        return self._unique("constant", (float(number),))

    def node(self, operation: str, *operands: Expression | float) -> Expression:
        """Return an operation on expressions and numbers."""
        expressions = [
            operand if isinstance(operand, Expression) else self.constant(operand)
            for operand in operands
        ]
        if operation in _COMMUTATIVE:
            expressions.sort(key=lambda expression: expression.index)
        return self._unique(operation, tuple(expressions))

    def sum(self, left: Expression | float, right: Expression | float) -> Expression:
        """Return left + right."""
        if _is(left, 0.0):
            return self._expression(right)
        if isinstance(right, Expression) and right.is_negation:
            return self.difference(left, right.expressions[1])
        return self._expression(left) if _is(right, 0.0) else self.node("add", left, right)

    def difference(self, left: Expression | float, right: Expression | float) -> Expression:
        """Return left - right."""
        return self._expression(left) if _is(right, 0.0) else self.node("sub", left, right)

    def product(self, left: Expression | float, right: Expression | float) -> Expression:
        """Return left * right."""
        for one, other in ((left, right), (right, left)):
            if _is(one, 1.0):
                return self._expression(other)
            if _is(one, 0.0):
                return self.constant(0.0)
        return self.node("mul", left, right)

    def mean(self, x: Expression) -> Expression:
        """Return the mean over the units of a row; what is the same for all is taken out of it."""
        if x.is_uniform:
            return x
        if x.operation in ("mul", "div"):
            left, right = x.expressions
            if right.is_uniform:
                return self.node(x.operation, self.mean(left), right)
            if left.is_uniform and x.operation == "mul":
                return self.node("mul", left, self.mean(right))
        return self.node("mean", x)

    def _expression(self, operand: Expression | float) -> Expression:
        return operand if isinstance(operand, Expression) else self.constant(operand)

    def _unique(self, operation: str, operands: tuple[Expression | float, ...]) -> Expression:
        key = operation, *operands
        if key not in self:
            self[key] = Expression(self, operation, operands)
        return self[key]


def _is(operand: Expression | float, number: float) -> bool:
    value = operand.number if isinstance(operand, Expression) else operand
    return value == number


V = TypeVar("V", Tensor, Expression)


class Function(Protocol):
    """A function of one unit, of tensors or expressions."""

    def __call__(self, x: V, /) -> V:
        """Return its value."""


def _function(name: str, on_tensors: Callable[[Tensor], Tensor]) -> Function:
    def apply(x: V, /) -> V:
        if isinstance(x, Expression):
            return x.graph.node(name, x)
        return on_tensors(x)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"Return {name}(x), for a tensor or an expression."
    return apply


sigmoid = _function("sigmoid", torch.sigmoid)
tanh = _function("tanh", torch.tanh)
exp = _function("exp", torch.exp)
sqrt = _function("sqrt", torch.sqrt)
softplus = _function("softplus", F.softplus)
relu = _function("relu", torch.relu)


def detach(x: V) -> V:
    """Return a value through which no gradient passes."""
    if isinstance(x, Expression):
        return x.graph.node("detach", x)
    return x.detach()


def maximum(x: V, y: V | float) -> V:
    """Return the larger of two values; the second one may be a number."""
    if isinstance(x, Expression):
        return x.graph.node("maximum", x, y)
    return torch.maximum(x, y) if isinstance(y, Tensor) else x.clamp(min=float(y))


_n_units: ContextVar[int | None] = ContextVar("n_units", default=None)


@contextmanager
def units(n: int) -> Iterator[None]:
    """Take means of tensors over the first units only: the others are spare ones."""
    token = _n_units.set(n)
    try:
        yield
    finally:
        _n_units.reset(token)


def mean(x: V) -> V:
    """Return the mean over all units of the layer, as one value per row."""
    if isinstance(x, Expression):
        return x.graph.mean(x)
    return x[..., : _n_units.get()].mean(dim=-1, keepdim=True).expand_as(x)


def standardised(blocks: Sequence[V], epsilon: float) -> list[V]:
    """Return blocks of units minus the mean of all, over the root of variance plus epsilon."""
    n_blocks = len(blocks)
    centre = mean(sum(blocks[1:], start=blocks[0])) / n_blocks
    squares = [(block - centre) * (block - centre) for block in blocks]
    variance = mean(sum(squares[1:], start=squares[0])) / n_blocks
    scale = 1.0 / sqrt(variance + epsilon)
    return [_standardised(block, centre, scale) for block in blocks]


def _standardised(x: V, centre: V, scale: V) -> V:
    if isinstance(x, Expression):
        return x.graph.node("standardised", x, centre, scale)
    return (x - centre) * scale


def in_order(
    results: Iterable[Expression], known: Container[Expression] = ()
) -> Iterator[Expression]:
    """Yield all expressions that results are made of, operands first; none before known ones."""
    done: set[Expression] = set()

    def visit(expression: Expression) -> Iterator[Expression]:
        if expression in done:
            return
        done.add(expression)
        for operand in () if expression in known else expression.expressions:
            yield from visit(operand)
        yield expression

    for result in results:
        yield from visit(result)
