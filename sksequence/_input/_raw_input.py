"""X as flat buffers of numbers and symbols, and the rules that distinguish the two.

Values are (sum of n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any, Literal, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from sksequence._batching import Sequences, find_step, offsets_of
from sksequence._elements import (
    FILL_CATEGORY,
    Column,
    Kind,
    as_integers,
    check_elements,
    find_missing_symbol,
    is_none,
    missing_error,
    stack_numbers,
    without_gaps,
)
from sksequence._tables import (
    read_array_columns,
    read_columns,
)
from sksequence._tokenizers import Tokenizer

# real numbers; up to eight bytes they stay as they are, so that a memory map stays on disk
_REAL_KINDS = "fiub"

Layout = Literal["table", "lists", "sequences", "cells"]
Analyzer = str | Callable[[str], object] | Tokenizer
CategoricalFeatures = ArrayLike | Sequence[Hashable] | None


@dataclass(frozen=True)
class CellColumn:
    """One column of a table whose cells are sequences.

    Attributes
    ----------
    name : str or other hashable
        Name of the column, or its position.
    is_static : bool
        Whether its cells are no sequences, but numbers or categories of the whole sequence.
    is_categorical : tuple of bool
        Whether each feature of a step, or the static feature, is a category.
    names : tuple or None
        Names of the features of a step, if the cells are tables.
    """

    name: Hashable
    is_static: bool
    is_categorical: tuple[bool, ...]
    names: tuple[Hashable, ...] | None = None


@dataclass(frozen=True)
class Reading:
    """The way in which X is read: given by parameters in `fit`, and known afterwards.

    Attributes
    ----------
    integers_are_symbols : bool
        Whether sequences of integers only are symbols.
    analyzer : {"char", "word"}, callable or tokenizer
        How a text is cut into symbols.
    may_be_texts : bool
        Whether a column of strings holds one text per row; otherwise one token.
    names : tuple or None
        Names of the features, which columns are matched with. None takes those of X.
    categorical : array-like of int, str or bool, or None
        Positions or names of features that are categories, or a mask, in addition to those that
        hold strings.
    names_in_cells : tuple of (tuple or None)
        Names of the features in each column of cells, which tables in cells are matched with.
        Empty takes those of X.
    missing : str or None
        How missing numbers are read.
    time_column : int, str or None
        Position or name of the feature that holds times.
    """

    integers_are_symbols: bool
    analyzer: Analyzer = "char"
    may_be_texts: bool = True
    names: tuple[Hashable, ...] | None = None
    categorical: CategoricalFeatures = None
    names_in_cells: tuple[tuple[Hashable, ...] | None, ...] = ()
    missing: str | None = None
    time_column: int | str | None = None


@dataclass(frozen=True)
class RawInput:
    """X as one flat buffer, and its container.

    Attributes
    ----------
    layout : {"table", "lists", "sequences", "cells"}
        Type of the container, as in `InputForm`.
    sequences : Sequences
        Numbers or, if `holds_symbols`, symbols as values.
    holds_symbols : bool
        Whether all features are symbols.
    is_text : bool
        Whether each sequence was one text.
    is_array : bool
        Whether X was an array or a table.
    names : tuple or None
        Names of the features of a step.
    categories : ndarray of object of shape (sum of n_steps, n_categories) or None
        Symbols alongside numbers.
    is_categorical : tuple of bool
        Whether each feature of a step is a category; empty if none or all are.
    categorical : tuple of int
        Positions of the columns to read as categories in later X; empty if types suffice.
    columns : tuple of CellColumn
        Columns of a table with the layout "cells".
    static : dict of int to Column
        Columns that do not change in time, by position: one row per sequence.
    """

    layout: Layout
    sequences: Sequences
    holds_symbols: bool
    is_text: bool = False
    is_array: bool = False
    names: tuple[Hashable, ...] | None = None
    categories: NDArray[np.object_] | None = None
    is_categorical: tuple[bool, ...] = ()
    categorical: tuple[int, ...] = ()
    columns: tuple[CellColumn, ...] = ()
    static: Mapping[int, Column] = field(default_factory=dict)

    @property
    def values(self) -> NDArray[Any]:
        """The steps of all sequences, one row per step."""
        values = self.sequences.values
        assert values is not None
        return values

    @property
    def symbols(self) -> list[NDArray[Any]]:
        """The columns of symbols."""
        if self.categories is not None:
            return list(self.categories.T)
        return list(self.values.T) if self.holds_symbols else []

    @property
    def number_names(self) -> list[Hashable]:
        """Name or position of each column of numbers."""
        return [name for name, flag in self._names() if not flag]

    @property
    def symbol_names(self) -> list[Hashable]:
        """Name or position of each column of symbols."""
        return [name for name, flag in self._names() if flag]

    def _names(self) -> list[tuple[Hashable, bool]]:
        names = range(self.n_features) if self.names is None else self.names
        flags = self.is_categorical or (self.holds_symbols,) * self.n_features
        return list(zip(names, flags, strict=True))

    @property
    def n_features_in(self) -> int:
        """Number of columns of a table, number of features per step otherwise."""
        if self.layout in ("table", "lists"):
            return int(self.sequences.lengths[0])
        return len(self.columns) or self.n_features

    @property
    def n_features(self) -> int:
        """Number of features per step."""
        return len(self.is_categorical) or int(self.values.shape[1])

    def step_columns(self) -> list[Column]:
        """Return one column for each feature of a step."""
        kind: Kind = "symbols" if self.holds_symbols else "numbers"
        values = iter(self.values.T)
        if self.categories is None:
            return [Column(j, kind, column) for j, column in enumerate(values)]
        symbols = iter(self.categories.T)
        return [
            Column(j, "symbols", next(symbols)) if flag else Column(j, "numbers", next(values))
            for j, flag in enumerate(self.is_categorical)
        ]


def from_flat(
    layout: Layout, sequences: Sequences, reading: Reading, *, is_array: bool = False
) -> RawInput:
    """Decide between numbers and symbols by the type of the flat values."""
    values = sequences.values
    if values is None:
        raise ValueError(
            "X is a Sequences that holds only codes; build it from symbols or numbers: "
            "Sequences(values, offsets)."
        )
    if sequences.codes is not None:
        raise ValueError(
            "X is a Sequences with values and codes, but estimators learn the codes themselves. "
            "Pass symbols and numbers as one table: Sequences(table, offsets)."
        )
    names = sequences.feature_names
    if values.ndim == 1:
        values = values[:, None]
    if values.dtype.kind in "OT":  # other types have no missing symbols
        check_symbols_present(values, sequences.offsets)
    if reading.integers_are_symbols:
        values = as_integers(values)
    is_symbolic = is_str(values) or (reading.integers_are_symbols and values.dtype.kind in "iu")
    if reading.categorical is not None or (values.dtype == object and not is_symbolic):
        columns = _columns_of(values)
        raw = from_columns(columns, sequences.offsets, reading, names, layout)
        return replace(raw, is_array=True) if is_array else raw
    if not is_symbolic:
        values = _as_numbers(values)
    if values is not sequences.values:
        sequences = Sequences(values, sequences.offsets)
    return RawInput(layout, sequences, is_symbolic, names=names, is_array=is_array)


def of_symbols(
    flat: NDArray[np.generic], lengths: list[int], *, layout: Layout = "sequences", is_text: bool
) -> RawInput:
    """Return sequences of one symbol per step."""
    sequences = Sequences(flat[:, None], offsets_of(lengths))
    return RawInput(layout, sequences, holds_symbols=True, is_text=is_text)


def is_str(array: NDArray[np.generic]) -> bool:
    """Check whether all elements are str."""
    if array.dtype == object:
        return all(isinstance(element, str) for element in array.ravel().tolist())
    return array.dtype.kind in "UT"


def holds_str(array: NDArray[np.generic]) -> bool:
    """Check whether some elements are str."""
    if array.dtype == object:
        return any(isinstance(element, str) for element in array.ravel().tolist())
    return array.dtype.kind in "UT"


def is_real(array: object) -> TypeGuard[NDArray[Any]]:
    """Check whether an array holds plain numbers and needs no conversion by scikit-learn."""
    return (
        isinstance(array, np.ndarray)
        and type(array) in (np.ndarray, np.memmap)
        and array.dtype.kind in _REAL_KINDS
        and array.dtype.itemsize <= 8
    )


def check_symbols_present(values: NDArray[np.generic], offsets: NDArray[np.int64]) -> None:
    """Raise an error that names the first missing element if there are texts."""
    found = find_missing_symbol(values)
    if found is None:
        return
    i, step = find_step(found[0] // (values.size // len(values)), offsets)
    raise missing_error(found[1], f"sequence {i}, step {step}")


def _as_numbers(values: NDArray[np.generic]) -> NDArray[Any]:
    if is_real(values):
        return values
    values = without_gaps(values)
    check_elements(values)
    checked = check_array(values, dtype=np.float64, ensure_all_finite=False, ensure_min_samples=0)
    return np.asarray(checked)


def _columns_of(values: NDArray[Any]) -> list[Column]:
    if values.dtype == object:
        return read_array_columns(without_gaps(values))
    kind: Kind = "symbols" if values.dtype.kind in "UT" else "numbers"
    return [Column(j, kind, column) for j, column in enumerate(values.T)]


# --- columns of numbers and of categories ---------------------------------------------------------


def from_table(sequences: Sequences, reading: Reading) -> RawInput:
    """Read sequences whose steps are the rows of one table."""
    assert sequences.table is not None
    columns = read_columns(sequences.table)
    return from_columns(columns, sequences.offsets, reading, sequences.feature_names)


def from_columns(
    columns: Sequence[Column],
    offsets: NDArray[np.int64],
    reading: Reading,
    names: tuple[Hashable, ...] | None,
    layout: Layout = "sequences",
) -> RawInput:
    """Decide between numbers and symbols for each column of all steps."""
    if layout != "sequences" and reading.categorical is not None:
        raise ValueError(
            f"categorical_features={reading.categorical!r} names features of steps, but the "
            "columns of X are steps of one feature each. Pass a list of sequences of shape "
            "(n_steps, n_features), or set embedding_dim for sequences of categories."
        )
    _check_not_nested(columns)
    chosen = categorical_positions(reading.categorical, names, len(columns))
    is_categorical = tuple(c.kind == "symbols" or j in chosen for j, c in enumerate(columns))
    categories = [c for c, flag in zip(columns, is_categorical, strict=True) if flag]
    numbers = [c.values for c, flag in zip(columns, is_categorical, strict=True) if not flag]
    if not categories:
        flat = stack_numbers(numbers) if numbers else np.empty((int(offsets[-1]), 0))
        raw = from_flat(layout, Sequences(flat, offsets), replace(reading, categorical=None))
        return replace(raw, names=names)
    symbols = np.column_stack([symbols_of(column) for column in categories])
    check_categories_present(symbols, offsets, [column.name for column in categories])
    positions = tuple(j for j, flag in enumerate(is_categorical) if flag)
    raw = RawInput(layout, Sequences(symbols, offsets), holds_symbols=True, names=names)
    if not numbers:
        return replace(raw, categorical=positions if chosen else ())
    return replace(
        raw,
        sequences=Sequences(stack_numbers(numbers), offsets),
        holds_symbols=False,
        categories=symbols,
        is_categorical=is_categorical,
        categorical=positions,
    )


def _check_not_nested(columns: Sequence[Column]) -> None:
    for column in columns:
        if column.kind == "sequences":
            raise ValueError(
                f"Column {column.name!r} of a sequence of X holds a list or an array in each step; "
                "expected a number or a category. Split it into one column per number."
            )


def symbols_of(column: Column) -> NDArray[np.object_]:
    """Return the values of a column as symbols, with None for missing ones."""
    symbols = column.values.astype(object)
    if column.values.dtype.kind == "f":
        symbols[np.isnan(column.values)] = None
    return symbols


def check_categories_present(
    symbols: NDArray[np.object_], offsets: NDArray[np.int64], names: Sequence[Hashable]
) -> None:
    """Raise an error that names the first missing category."""
    missing = is_none(symbols)
    if not missing.any():
        return
    row, column = np.argwhere(missing)[0]
    i, step = find_step(int(row), offsets)
    place = f"sequence {i}, step {step}, column {names[column]!r}"
    raise missing_error(None, place, FILL_CATEGORY)


def categorical_positions(
    categorical: CategoricalFeatures, names: Sequence[Hashable] | None, n_columns: int
) -> frozenset[int]:
    """Return the positions of the features in `categorical_features`."""
    if categorical is None:
        return frozenset()
    given = np.asarray(categorical, dtype=object).ravel().tolist()
    if given and all(isinstance(entry, bool | np.bool_) for entry in given):
        if len(given) != n_columns:
            raise ValueError(
                f"categorical_features is a mask of {len(given)} entries, but X has {n_columns} "
                "features. Pass one bool per feature, or the positions or names of the categories."
            )
        return frozenset(j for j, entry in enumerate(given) if entry)
    return frozenset(_position(entry, names, n_columns) for entry in given)


def _position(entry: object, names: Sequence[Hashable] | None, n_columns: int) -> int:
    if names is not None and entry in names:
        return names.index(entry)
    if isinstance(entry, Integral) and 0 <= int(entry) < n_columns:
        return int(entry)
    known = f"the names {list(names)}" if names is not None else "no names"
    raise ValueError(
        f"categorical_features contains {entry!r}, but X has {n_columns} features with {known}. "
        "Pass positions from 0, names of columns, or a mask."
    )
