"""The equations of a cell as the compiled loops take them, and the checks of a user's own cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from sksequence._cells._cell import Cell, ReadProduct
from sksequence._kernels import Equations, Expression, Shape, StepPlan, V

_FUNCTIONS = "detach, exp, maximum, mean, relu, sigmoid, softplus, sqrt and tanh"
_TAKEN = {"weight_ih", "bias", "cell", "has_gaps", "hidden_size", "output_size", "readout"}


def shape_of(cell: Cell) -> Shape:
    """Return the number of parts of a cell."""
    return Shape(
        len(cell.inputs), len(cell.states), cell.n_outputs, len(cell.vectors), cell.products
    )


def recordable(cell: Cell) -> Equations:
    """Return the equations of a cell, with errors that name the cell."""

    def equations(
        inputs: Sequence[Expression],
        product: ReadProduct[Expression],
        states: Sequence[Expression],
        vectors: Sequence[Expression],
    ) -> Sequence[Expression]:
        named = _Vectors(zip(cell.vectors, vectors, strict=True))
        after = _record(cell, inputs, product, states, named)
        _check_states(cell, after)
        return after

    return equations


def check_equations(cell: Cell) -> None:
    """Raise an error unless the parts of a cell and its equations match and can be compiled."""
    _check_parts(cell)
    plan = StepPlan(shape_of(cell), recordable(cell))
    unused = [name for name, _ in cell.products[len(plan.sources) :]]
    if unused:
        raise ValueError(
            f"{_kind(cell)} has the product {unused[0]!r} in `products`, but its equations do not "
            "use it. Remove it there, or call product(name, state)."
        )


class _Vectors(dict[str, V]):
    """Vectors by name."""

    def __missing__(self, name: str) -> V:
        raise ValueError(f"they read vectors[{name!r}], but `vectors` are {tuple(self)}")


def _kind(cell: Cell) -> str:
    return f"The cell {type(cell).__name__}"


def _record(
    cell: Cell,
    inputs: Sequence[Expression],
    product: ReadProduct[Expression],
    states: Sequence[Expression],
    vectors: Mapping[str, Expression],
) -> tuple[Expression, ...]:
    try:
        return cell.equations(inputs, product, states, vectors)
    except NotImplementedError as error:
        raise TypeError(
            f"{_kind(cell)} has no equations. Define equations(inputs, product, states, vectors); "
            "see the documentation of sksequence.cells.Cell."
        ) from error
    except (AttributeError, TypeError) as error:
        raise TypeError(
            f"The equations of {type(cell).__name__} cannot be compiled: {error}. Use + - * / and "
            f"the functions of sksequence.cells.functions: {_FUNCTIONS}."
        ) from error
    except (IndexError, ValueError) as error:
        raise ValueError(
            f"The equations of {type(cell).__name__} do not match its parts: {error}. It has the "
            f"inputs {cell.inputs}, the states {cell.states} and the products {cell.products}."
        ) from error


def _check_states(cell: Cell, after: object) -> None:
    """Raise a TypeError unless equations return one expression for each state."""
    parts = after if isinstance(after, tuple | list) else []
    are_expressions = all(isinstance(part, Expression) for part in parts)
    if not (parts and are_expressions and len(parts) == len(cell.states)):
        got = f"{len(parts)} values" if parts and are_expressions else repr(after)
        raise TypeError(
            f"The equations of {type(cell).__name__} must return a tuple with the states "
            f"{cell.states} after the step; got {got}."
        )


def _check_parts(cell: Cell) -> None:
    """Raise a ValueError for parts that are no tuples of names, or whose names are taken."""
    for part in ("inputs", "states", "unit_parameters", "vectors"):
        _check_names(cell, part, getattr(cell, part))
    for part in ("inputs", "states"):
        if not getattr(cell, part):
            raise ValueError(f"{_kind(cell)} needs at least one name in `{part}`.")
    if not _are_products(cell.products):
        raise ValueError(
            f"{_kind(cell)} has products={cell.products!r}. Expected pairs of a name and a number "
            "of blocks, such as (('hh', 4),)."
        )
    _check_names(cell, "products", tuple(name for name, _ in cell.products))
    if not 1 <= cell.n_outputs <= len(cell.states):
        raise ValueError(
            f"{_kind(cell)} has n_outputs={cell.n_outputs}: the outputs are the first of its "
            f"{len(cell.states)} states {cell.states}."
        )
    taken = [name for name in cell.unit_parameters if name in _TAKEN or hasattr(nn.Module, name)]
    if taken:
        raise ValueError(
            f"{_kind(cell)} cannot have a parameter {taken[0]!r}: choose another name."
        )


def _check_names(cell: Cell, part: str, names: object) -> None:
    are_names = isinstance(names, tuple) and all(
        isinstance(name, str) and name.isidentifier() for name in names
    )
    if not isinstance(names, tuple) or not are_names or len(set(names)) < len(names):
        raise ValueError(
            f"{_kind(cell)} has {part}={names!r}. Expected a tuple of different names, such as "
            "('update', 'candidate')."
        )


def _are_products(products: object) -> bool:
    return isinstance(products, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[1], int) and pair[1] >= 1
        for pair in products
    )
