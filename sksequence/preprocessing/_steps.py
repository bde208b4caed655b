"""Numbers of any container of sequences: arrays, tables, and objects that are numbers or missing.

Steps are (sum of n_steps, n_features), or (sum of n_steps,) where a step is one number.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, find_step, object_array, offsets_of
from sksequence._elements import NUMBERS, Column, as_array, is_none
from sksequence._input import refuse_groups
from sksequence._tables import (
    Table,
    check_rows_are_sequences,
    check_rows_are_steps,
    column_names,
    feature_names,
    is_table,
    join_tables,
    match_tables,
    plain_numbers,
    read_array_columns,
    read_columns,
    tables_in,
)
from sksequence.preprocessing._layout import Values, check_no_records, flatten_steps, values_of


@dataclass(frozen=True)
class Steps:
    """The steps of all sequences.

    Attributes
    ----------
    values : ndarray of shape (sum of n_steps, n_features) or (sum of n_steps,)
        The steps. Missing numbers are NaN. Where there is a table, a category is 0, or NaN if it is
        missing.
    offsets : ndarray of int64 of shape (n_sequences + 1,)
        First step of each sequence, and the number of all steps.
    names : list or None
        Names of the features, None if they have none.
    table : table or None
        The steps with their types, if there are categories or strings among them.
    categories : tuple of int
        Positions of the features that are categories or strings.
    """

    values: Values
    offsets: NDArray[np.int64]
    names: Sequence[Hashable] | None
    table: Table | None = None
    categories: tuple[int, ...] = ()

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of steps of each sequence."""
        return np.diff(self.offsets)

    @property
    def columns(self) -> Sequence[Hashable]:
        """Names of the features, or their positions."""
        return range(self.values.shape[-1]) if self.names is None else self.names

    def place(self, step: int) -> str:
        """Return the sequence and the step in it of a row, for an error message."""
        i, within = find_step(step, self.offsets)
        return f"step {within}" if len(self.offsets) == 2 else f"sequence {i}, step {within}"


def read_steps(X: object, argument: str) -> Steps:
    """Return the steps of several sequences."""
    check_no_mapping(X, argument)
    joint = joint_table(X, argument)
    if joint is not None:
        table, offsets = joint
        return Steps(as_numbers(table, argument), offsets, feature_names(table))
    if isinstance(X, Sequences):
        return Steps(as_numbers(values_of(X), argument), X.offsets, X.feature_names)
    if isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.dtype == object):
        X = _pieces(X, argument)
    else:
        X = _rows(X, argument)
    steps, layout = flatten_steps(X)
    values = as_numbers(steps, argument)
    return Steps(values[:, 0] if layout.scalar_steps else values, layout.offsets, None)


def joint_table(X: object, argument: str) -> tuple[Table, NDArray[np.int64]] | None:
    """Return the steps of sequences that are tables as one table, and their offsets."""
    if isinstance(X, Sequences):
        return None if X.table is None else (X.table, X.offsets)
    if not isinstance(X, list | tuple | np.ndarray) or getattr(X, "dtype", object) != object:
        return None
    if set(map(type, X)) == {np.ndarray}:  # the most frequent case
        return None
    for item in X:
        check_rows_are_steps(item, argument)
    tables = tables_in(list(X), argument)
    if not tables:
        return None
    return join_tables(match_tables(tables)[0]), offsets_of([len(table) for table in tables])


def mixed_steps(table: Table, offsets: NDArray[np.int64], argument: str) -> Steps | None:
    """Return steps with categories or strings among their features, None for any others."""
    if plain_numbers(table) is not None:
        return None
    columns = read_columns(table, argument)
    categories = tuple(j for j, column in enumerate(columns) if column.kind == "symbols")
    if not categories:
        return None
    columns = [_as_flags(column) if column.kind == "symbols" else column for column in columns]
    names = column_names(table)
    return Steps(_stacked(columns, argument), offsets, names, table, categories)


def _as_flags(column: Column) -> Column:
    missing = is_none(column.values)
    values = np.where(missing, np.nan, 0) if missing.any() else missing
    return replace(column, kind="numbers", values=values)


def _rows(X: object, argument: str) -> Values:
    """Return an array or a table, whose rows are sequences, as an array."""
    check_rows_are_sequences(X, argument)
    array = as_numbers(X, argument)
    if array.ndim in (2, 3) and array.size == 0:
        raise ValueError(
            f"{argument} has shape {array.shape}, which holds no values. Pass at least one "
            "sequence, with at least one step and one feature."
        )
    return array


def _pieces(X: Any, argument: str) -> Any:
    """Return a container of arrays with pieces that are all numbers, or all symbols, or dates."""
    if not all(type(piece) is np.ndarray and piece.dtype.kind in NUMBERS for piece in X):
        pieces = [as_numbers(piece, argument) for piece in X]
        kinds = ["f" if piece.dtype.kind in NUMBERS else piece.dtype.kind for piece in pieces]
        other = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), None)
        if other is not None and not {kinds[0], kinds[other]} <= set("OUT"):
            raise ValueError(
                f"Sequence 0 of {argument} has values of dtype {pieces[0].dtype}, sequence {other} "
                f"of dtype {pieces[other].dtype}; all need one kind. Convert them first."
            )
        return pieces if isinstance(X, list | tuple) else object_array(pieces)
    return X


def read_single(series: object, argument: str) -> Steps:
    """Return the steps of one sequence, whose rows are steps."""
    check_no_mapping(series, argument)
    check_rows_are_steps(series, argument)
    names = feature_names(series) if is_table(series) else None
    values = as_numbers(series, argument)
    if values.ndim not in (1, 2):
        raise ValueError(
            f"Expected a series of shape (n_steps,) or (n_steps, n_features); got an array "
            f"of shape {values.shape}. Pass several series as a list."
        )
    return Steps(values, np.array([0, len(values)], dtype=np.int64), names)


def are_several(X: object) -> bool:
    """Check whether X is a container of several sequences."""
    if isinstance(X, Sequences):
        return True
    if isinstance(X, list | tuple):
        return len(X) == 0 or _has_steps(X[0])
    if getattr(X, "ndim", 0) == 1 and getattr(X, "dtype", None) == object:
        items = np.asarray(X)
        return len(items) > 0 and _has_steps(items[0])
    return getattr(X, "ndim", 0) == 3


def _has_steps(item: object) -> bool:
    ndim = getattr(item, "ndim", None)
    if ndim is not None:
        return bool(ndim > 0)
    return hasattr(item, "__len__") and not isinstance(item, str | bytes)


def as_numbers(X: Any, argument: str) -> Values:
    """Return an array or a table of numbers as an array; missing numbers become NaN.

    Arrays of any type but object are returned as they are, and so are symbols.
    """
    if type(X) is np.ndarray and X.dtype.kind not in "OV":  # the most frequent case first
        return X
    if is_table(X):
        return _numbers_of_table(X, argument)
    array = as_array(X, argument)
    check_no_records(array, argument)
    if array.dtype != object or array.size == 0:
        return array
    rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(-1, 1)
    columns = read_array_columns(rows, argument)
    if all(column.kind == "symbols" for column in columns):
        return array
    return _stacked(columns, argument).astype(np.float64, copy=False).reshape(array.shape)


def _numbers_of_table(table: Table, argument: str) -> Values:
    if not hasattr(table, "iloc"):
        return _stacked(read_columns(table, argument), argument)
    numbers = plain_numbers(table)
    if numbers is not None:
        return numbers
    return _stacked(read_columns(table, argument), argument).astype(np.float64, copy=False)


def _stacked(columns: Sequence[Column], argument: str) -> Values:
    if not columns:
        raise ValueError(f"{argument} has no columns of features. Pass at least one.")
    for column in columns:
        if column.kind == "sequences":
            raise ValueError(
                f"Column {column.name!r} of {argument} holds one sequence per row; expected "
                f"numbers. Pass the sequences of one column: list({argument}[{column.name!r}])."
            )
        if column.kind == "symbols":
            raise ValueError(
                f"Column {column.name!r} of {argument} holds strings or categories; expected "
                "numbers. Leave it out, or encode it, for example with OneHotEncoder."
            )
    return np.column_stack([column.values for column in columns])


def check_no_mapping(X: object, argument: str) -> None:
    """Refuse a dict or groups of sequences, whose keys would get lost, and iterators."""
    if isinstance(X, Mapping):
        raise ValueError(
            f"{argument} is a {type(X).__name__}; expected a list of sequences. Pass "
            f"list({argument}.values()), and keep list({argument}) to know which is which."
        )
    refuse_groups(X, argument)


def positions(
    argument: str, columns: Any, names: Sequence[Hashable] | None, n_features: int
) -> NDArray[np.intp]:
    """Return the positions of columns that are given by name or by position."""
    available: list[Hashable] = list(range(n_features) if names is None else names)
    chosen = _listed(columns, available)
    if not chosen:
        raise ValueError(f"{argument}={columns!r} is empty; pass at least one feature, or None.")
    found = [_position(argument, column, available) for column in chosen]
    for i, column in enumerate(chosen):
        if found[i] in found[:i]:
            raise ValueError(
                f"{argument} contains {column!r}, feature {found[i]}, twice. Pass each feature "
                "once."
            )
    return np.array(found, dtype=np.intp)


def _position(argument: str, column: Any, available: list[Hashable]) -> int:
    n_features = len(available)
    if available.count(column) > 1:
        raise ValueError(
            f"{argument} contains {column!r}, the name of several columns. Rename them, or pass "
            "positions."
        )
    is_bool = isinstance(column, bool | np.bool_)  # True would be position 1
    is_name = column in available and not is_bool
    is_integer = isinstance(column, int | np.integer) and not is_bool
    is_position = is_integer and -n_features <= column < n_features
    if not is_name and not is_position:
        raise ValueError(
            f"{argument} contains {column!r}, which the series does not have; choose from "
            f"{available}."
        )
    place = int(column) % n_features if is_position else available.index(column)
    if is_name and place != available.index(column):
        raise ValueError(
            f"{argument} contains {column!r}, which is the name of column "
            f"{available.index(column)}, and the position of column {place}, {available[place]!r}. "
            "Rename the columns to strings, for example with rename(columns=str), and pass names."
        )
    return place


def _listed(columns: Any, available: Sequence[Hashable]) -> list[Hashable]:
    is_one = isinstance(columns, Hashable) and columns in available
    if is_one or isinstance(columns, str) or not isinstance(columns, Iterable):
        return [columns]
    return list(columns)
