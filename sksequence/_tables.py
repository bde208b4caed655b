"""Columns of the tables of pandas, polars and Arrow, read alike through narwhals.

narwhals is a requirement of scikit-learn. It is imported only when there is a table.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._elements import check_no_dates, dates_error, is_missing, type_names

if TYPE_CHECKING:
    import narwhals

Kind = Literal["numbers", "symbols", "sequences"]


class Table(Protocol):
    """Table of columns: a DataFrame of pandas or polars, a table of Arrow."""

    @property
    def columns(self) -> Any:
        """The names of the columns, or the columns."""

    def __len__(self) -> int: ...
    def __getitem__(self, name: Any, /) -> Any: ...


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str or other hashable
        Name of the column, or its position.
    kind : {"numbers", "symbols", "sequences"}
        Numbers and bools are numbers; strings and categories are symbols; lists and arrays are
        sequences.
    values : ndarray of shape (n_rows,)
        Real numbers, with NaN for missing ones, or objects, with None for missing ones.
    """

    name: Hashable
    kind: Kind
    values: NDArray[Any]


def is_table(X: object) -> TypeGuard[Table]:
    """Check whether X has named columns."""
    # of the type: a LazyFrame resolves its columns when they are asked for, with a warning
    return hasattr(type(X), "columns") and not isinstance(X, np.ndarray)


def column_names(table: Table) -> list[Hashable]:
    """Return the names of the columns."""
    return list(getattr(table, "column_names", table.columns))


def feature_names(table: Table) -> list[Hashable] | None:
    """Return the names of the columns, or None if they only number the columns."""
    names = column_names(table)
    return None if names == list(range(len(names))) else names


def read_columns(table: Table) -> list[Column]:
    """Return all columns of a table; dates, durations and types without a meaning are errors."""
    frame = _frame(table)
    return [_read_column(name, frame.get_column(name)) for name in frame.columns]


def read_array_columns(array: NDArray[Any]) -> list[Column]:
    """Return the columns of an array of objects of shape (n_rows, n_columns)."""
    return [read_elements(j, array[:, j]) for j in range(array.shape[1])]


def read_elements(name: Hashable, elements: NDArray[Any]) -> Column:
    """Return a column of objects, whose kind is that of its elements; missing ones have any."""
    kinds = set(map(type, elements.tolist()))
    check_no_dates(kinds, f"Column {name!r} of X")
    missing = np.array([is_missing(element) for element in elements], dtype=bool)
    present = elements[~missing] if missing.any() else elements
    found = {_kind_of(element) for element in present}
    if len(found) > 1 or "other" in found:
        raise ValueError(
            f"Column {name!r} of X holds values of the types {type_names(present)}; expected "
            "numbers, or strings for categories, or one sequence per row. Convert the column to "
            "one of them."
        )
    if found == {"numbers"} or not found:
        return Column(name, "numbers", _numbers(elements, missing))
    if missing.any():
        elements = elements.copy()
        elements[missing] = None
    return Column(name, "symbols" if found == {"symbols"} else "sequences", elements)


def align_tables(tables: Sequence[Table], names: Sequence[Hashable], known: str) -> list[Table]:
    """Return tables with their columns in the order of `names`; other names are an error.

    `known` tells in the message where the names come from.
    """
    return [_aligned(table, list(names), f"sequence {i}", known) for i, table in enumerate(tables)]


def _aligned(table: Table, names: list[Hashable], place: str, known: str) -> Table:
    own = column_names(table)
    if own == names:
        return table
    missing = [name for name in names if name not in own]
    unknown = [name for name in own if name not in names]
    if missing or unknown:
        raise ValueError(
            f"The columns of {place} are {own}, {known} {names}"
            + (f"; {missing} are missing" if missing else "")
            + (f"; {unknown} are unknown" if unknown else "")
            + ". Columns are matched by name: rename or drop them."
        )
    return select_columns(table, names)


def join_tables(tables: Sequence[Table]) -> Table:
    """Return the rows of tables with the same columns as one table."""
    import narwhals

    natives: Any = [table for table in tables if len(table)] or tables[:1]
    library: Any = narwhals.get_native_namespace(natives[0])
    if hasattr(library, "concat_tables"):
        return library.concat_tables(natives, promote_options="permissive")  # type: ignore[no-any-return]
    options = {"how": "vertical_relaxed"} if library.__name__ == "polars" else {}
    return library.concat(natives, **options)  # type: ignore[no-any-return]


def select_columns(table: Table, names: Sequence[Hashable]) -> Table:
    """Return the columns with these names, in this order."""
    chosen: Table = table.select(list(names)) if hasattr(table, "select") else table[list(names)]
    return chosen


def take_rows(table: Table, rows: ArrayLike | slice) -> Table:
    """Return rows of a table, at positions or in a slice."""
    # narwhals takes an integer of numpy in a slice for a name
    chosen = slice(int(rows.start), int(rows.stop)) if isinstance(rows, slice) else np.asarray(rows)
    if hasattr(table, "iloc"):
        return table.iloc[chosen]  # type: ignore[no-any-return]
    native: Table = _frame(table)[chosen, :].to_native()
    return native


def _frame(table: Table) -> narwhals.DataFrame[Any]:
    import narwhals

    names = column_names(table)
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(
            f"The table has two columns of the name {twice[0]!r}; columns are found by name. "
            "Rename one of them."
        )
    frame = narwhals.from_native(table, pass_through=True)
    if not isinstance(frame, narwhals.DataFrame):
        raise TypeError(
            f"The table is a {type(table).__name__}, whose rows are not in memory or whose type is "
            "unknown; pass a DataFrame of pandas or polars, or a table of Arrow (a LazyFrame: "
            "collect() it)."
        )
    return frame


def _read_column(name: Hashable, series: narwhals.Series[Any]) -> Column:
    dtype = series.dtype
    if dtype.is_temporal():
        raise dates_error(str(dtype), f"Column {name!r} of X")
    values = series.to_numpy()
    if isinstance(dtype, _categories()):
        elements = values.astype(object)
        elements[series.is_null().to_numpy()] = None
        return Column(name, "symbols", elements)
    if values.dtype.kind in "fiub":
        return Column(name, "numbers", values)
    return read_elements(name, values.astype(object, copy=False))


def _categories() -> tuple[type, ...]:
    import narwhals

    return narwhals.Categorical, narwhals.Enum


def _kind_of(element: object) -> str:
    if isinstance(element, str):
        return "symbols"
    if isinstance(element, Real | Decimal | np.bool_):
        return "numbers"
    return "sequences" if hasattr(element, "__len__") and hasattr(element, "__iter__") else "other"


def _numbers(elements: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[Any]:
    """Convert objects that are numbers or missing; only integers stay integers."""
    if missing.any():
        return np.where(missing, np.nan, elements).astype(np.float64)
    numbers = np.array(elements.tolist()) if len(elements) else np.empty(0)
    return numbers if numbers.dtype.kind in "fiub" else elements.astype(np.float64)
