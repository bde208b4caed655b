"""Derivatives of the equations of a cell, in reverse mode, as expressions again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sksequence._kernels._expressions import Expression, in_order, sigmoid

# from an operation's operands, its value and the gradient of it, to the gradients of the operands
_RULES: dict[str, Callable[[Sequence[Expression], Expression, Expression], list[Expression]]] = {
    "add": lambda x, y, d: [d, d],
    "sub": lambda x, y, d: [d, -d],
    "mul": lambda x, y, d: [d * x[1], d * x[0]],
    "div": lambda x, y, d: [d / x[1], -(d * y / x[1])],
    "sigmoid": lambda x, y, d: [d * (y * (1.0 - y))],
    "tanh": lambda x, y, d: [d * (1.0 - y * y)],
    "exp": lambda x, y, d: [d * y],
    "sqrt": lambda x, y, d: [d * 0.5 / y],
    "softplus": lambda x, y, d: [d * sigmoid(x[0])],
    # 0 at 0, as in torch
    "relu": lambda x, y, d: [_where_above(y, d.graph.constant(0.0), d, d.graph.constant(0.0))],
    "mean": lambda x, y, d: [d.graph.mean(d)],
    "maximum": lambda x, y, d: [_of_larger(x[0], x[1], d), _of_larger(x[1], x[0], d)],
}


def _where_above(x: Expression, y: Expression, above: Expression, below: Expression) -> Expression:
    return x.graph.node("where_above", x, y, above, below)


def _of_larger(x: Expression, y: Expression, d: Expression) -> Expression:
    """Return the gradient of x in the maximum of x and y: a half where both are equal.

    All of it where y is a number, as in torch.
    """
    zero = d.graph.constant(0.0)
    equal = d if y.number is not None else 0.5 * d
    return _where_above(y, x, zero, _where_above(x, y, d, equal))


def _of_standardised(
    last: Expression, totals: Mapping[Expression, Expression]
) -> Iterator[tuple[Expression, Expression]]:
    """Yield what was standardised together with an expression, and the gradients.

    All means are complete at once, where the rules for each operation would need one after the
    other (Ba et al. 2016, Layer Normalization).
    """
    graph, (centre, scale) = last.graph, last.expressions[1:]
    group = [
        (one, totals.get(one, graph.constant(0.0)))
        for one in list(graph.values())
        if one.operation == "standardised" and one.expressions[1:] == [centre, scale]
    ]
    mean = graph.mean(sum((d for _, d in group), start=graph.constant(0.0))) / len(group)
    products = sum((d * y for y, d in group), start=graph.constant(0.0))
    slope = graph.mean(products) / len(group)
    for y, d in group:
        yield y.expressions[0], scale * (d - mean - y * slope)


def gradients(results: Iterable[tuple[Expression, Expression]]) -> dict[Expression, Expression]:
    """Return the gradient of every expression that results depend on, from pairs with theirs.

    What a product reads has the leaf "source_gradient" as a part of its gradient: the product of
    the transposed matrix with the gradients of the product's blocks.
    """
    results = list(results)
    totals: dict[Expression, Expression] = {}
    seen: set[int | tuple[Expression, ...]] = set()  # products, and means with their scales

    def add(expression: Expression, gradient: Expression) -> None:
        known = totals.get(expression)
        totals[expression] = gradient if known is None else known + gradient

    for expression, gradient in results:
        add(expression, gradient)
    known = in_order(expression for expression, _ in results)
    for expression in sorted(known, key=lambda one: one.index, reverse=True):
        if expression not in totals:
            continue
        if expression.operation == "product":
            (product, _), (read,) = expression.place, expression.expressions
            if product not in seen:
                seen.add(product)
                add(read, expression.graph.leaf("source_gradient", product))
        elif expression.operation == "standardised":
            group = tuple(expression.expressions[1:])
            if group not in seen:
                seen.add(group)
                for one, gradient in _of_standardised(expression, totals):
                    add(one, gradient)
        elif expression.operation in _RULES:
            rule = _RULES[expression.operation]
            parts = rule(expression.expressions, expression, totals[expression])
            for operand, part in zip(expression.expressions, parts, strict=True):
                add(operand, part)
    return totals
