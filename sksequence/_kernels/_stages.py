"""Stages of a step: which values can be computed before others are known.

Units of a row meet in means, and rows of a block in products of a matrix, so that a stage ends
before each of them. The functions are those of both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from sksequence._kernels._expressions import Expression, in_order

# cheaper to read from memory than to compute again
COSTLY = {"sigmoid", "tanh", "exp", "sqrt", "softplus", "div"}
# number of operations from which on a value is stored for a later stage; costly ones count as many
_MANY = 8


def stages_of(
    targets: Iterable[Expression],
    known: Collection[Expression],
    after_products: Mapping[Expression, int],
) -> dict[Expression, int]:
    """Return the first stage in which each value can be computed.

    Parameters
    ----------
    targets : iterable of Expression
        Values to compute.
    known : collection of Expression
        Values that are known before the first stage.
    after_products : mapping
        The first stage in which each result of a product can be read.
    """
    stages: dict[Expression, int] = {}
    for one in in_order(targets, known):
        if one in known:
            stages[one] = 0
        elif one in after_products:
            stages[one] = after_products[one]
        else:
            before = max((stages[operand] for operand in one.expressions), default=0)
            stages[one] = before + (one.operation == "mean")
    return stages


def shared_values(
    targets: Sequence[Iterable[Expression]],
    stages: Mapping[Expression, int],
    available: Callable[[int], Collection[Expression]],
) -> list[Expression]:
    """Return values of a stage that later ones should read instead of computing them again.

    Parameters
    ----------
    targets : sequence of iterables of Expression
        Values to compute in each stage.
    stages : mapping
        The first stage in which each value can be computed.
    available : callable
        Values that a stage can read besides leaves.
    """
    found = set()
    for stage, values in enumerate(targets):
        known = available(stage)
        waiting, visited = list(values), set()
        while waiting:
            one = waiting.pop()
            if one in visited or _is_read(one, known):
                continue
            visited.add(one)
            if stages.get(one, stage) < stage and _cost(one, known) >= _MANY:
                found.add(one)
            else:
                waiting.extend(one.expressions)
    return sorted(found, key=lambda one: one.index)


def _is_read(one: Expression, known: Collection[Expression]) -> bool:
    """Check for a value that is loaded, or computed once per row."""
    return one in known or bool(one.place) or one.is_uniform


def _cost(expression: Expression, known: Collection[Expression]) -> int:
    """Return the number of operations that a value takes."""
    waiting, visited, cost = [expression], set(), 0
    while waiting:
        one = waiting.pop()
        if one not in visited and not _is_read(one, known):
            visited.add(one)
            cost += _MANY if one.operation in COSTLY else 1
            waiting.extend(one.expressions)
    return cost
