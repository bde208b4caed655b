"""Columns of the tables of pandas, polars and Arrow, which are read with narwhals.

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

from sksequence._elements import NUMBERS, check_no_dates, is_missing, type_names

if TYPE_CHECKING:
    import narwhals

Kind = Literal["numbers", "symbols", "sequences"]

# where the names that columns are matched with come from, for messages
SEEN_IN_FIT = "those seen in fit are"
_OF_FIRST = "those of sequence 0 are"

# the inferred types of indexes of pandas whose entries are points in time or durations
_TIMES = {"datetime64", "datetime", "date", "period", "timedelta64", "timedelta"}


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
    # the type is enough, and a LazyFrame itself would resolve its columns, with a warning
    return hasattr(type(X), "columns") and not isinstance(X, np.ndarray)


def column_names(table: Table) -> list[Hashable]:
    """Return the names of the columns."""
    if not hasattr(table, "__len__"):
        raise _not_in_memory(table)
    arrow: Any = table
    # the class is enough, and an instance of pandas would search its columns
    return list(arrow.column_names if hasattr(type(table), "column_names") else table.columns)


def check_rows_are_sequences(X: object, argument: str = "X") -> None:
    """Refuse a table without columns, or with an index that shows that its rows are steps."""
    if not is_table(X):
        return
    _check_columns(X, argument)
    index: Any = getattr(X, "index", None)
    if not hasattr(index, "nlevels"):
        return
    if index.nlevels > 1:
        reading = f"pass from_long({argument})[0] of sksequence.preprocessing"
    elif holds_times(index):
        reading = (
            f"pass [{argument}] for one sequence with a feature per column, or "
            f"[{argument}[[c]] for c in {argument}] for one sequence per column"
        )
    else:
        return
    raise ValueError(
        f"{argument} is a table with a {type(index).__name__} of {len(index)} rows, which look "
        f"like steps, but the rows of a table are sequences. If they are steps, {reading}. If they "
        f"are sequences, pass {argument}.reset_index(drop=True)."
    )


def check_rows_are_steps(sequence: object, argument: str) -> None:
    """Refuse data of pandas whose index shows that rows are not consecutive steps of a series."""
    index: Any = getattr(sequence, "index", None)
    if not hasattr(index, "nlevels"):
        return
    if index.nlevels > 1:
        raise ValueError(
            f"{argument} has a MultiIndex of {len(index)} rows, which look like the steps of "
            f"several series. Pass from_long({argument})[0], which splits them, or, for one "
            f"series, {argument}.reset_index(drop=True)."
        )
    if holds_times(index) and not index.is_monotonic_increasing:
        raise ValueError(
            f"The index of {argument} holds times that are not in increasing order, but rows are "
            f"read as consecutive steps. Pass {argument}.sort_index(), or from_long for a table of "
            "several series."
        )


def holds_times(index: Any) -> bool:
    """Check whether an index of pandas holds points in time or durations."""
    return index.inferred_type in _TIMES


def tables_in(items: Sequence[object], argument: str = "X") -> list[Table]:
    """Return the items if they are tables, no items if they are not; a mixture is an error."""
    of_types = {type(item): item for item in items}  # the type is enough
    if not any(map(is_table, of_types.values())):
        return []
    tables = [item for item in items if is_table(item)]
    if len(tables) < len(items):
        i, j = ([is_table(item) for item in items].index(named) for named in (True, False))
        raise ValueError(
            f"Sequence {i} of {argument} has names of columns, sequence {j}, of type "
            f"{type(items[j]).__name__}, has none. Columns are matched by name: pass only tables, "
            "or only arrays."
        )
    for i, table in enumerate(tables):
        if not hasattr(table, "__len__"):
            raise ValueError(
                f"Sequence {i} of {argument} is a {type(table).__name__}, whose rows are not in "
                "memory; pass a DataFrame (collect() it)."
            )
    return tables


def plain_numbers(table: Table) -> NDArray[Any] | None:
    """Return a table of pandas as an array if its columns are numbers of numpy, else None."""
    frame: Any = table
    dtypes = frame.dtypes.tolist() if hasattr(table, "iloc") else []
    are_plain = [isinstance(dtype, np.dtype) and dtype.kind in NUMBERS for dtype in dtypes]
    if not dtypes or not all(are_plain):
        return None
    values: NDArray[Any] = frame.to_numpy()  # a view, if all columns are of one type
    if values.dtype == object:  # truth values alongside numbers
        values = frame.to_numpy(np.result_type(np.float64, *dtypes))
    return values


def _check_columns(table: Table, argument: str) -> None:
    names = column_names(table)
    if not names:
        raise ValueError(
            f"{argument} is a table without columns: 0 feature(s) (shape=({len(table)}, 0)) while "
            "a minimum of 1 is required. Pass one column per step, or a list of tables."
        )
    _check_unique(names)


def feature_names(table: Table) -> list[Hashable] | None:
    """Return the names of the columns, or None if they only number the columns."""
    names = column_names(table)
    return None if names == list(range(len(names))) else names


def read_columns(table: Table, argument: str = "X") -> list[Column]:
    """Return all columns of a table; dates, durations and types without a meaning are errors."""
    frame = _frame(table)
    return [_read_column(name, frame.get_column(name), argument) for name in frame.columns]


def read_key(table: Table, name: Hashable) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a column of any type, as it is, and which of its entries are missing."""
    series = _frame(table).get_column(name)  # type: ignore[arg-type]
    values = series.to_numpy()
    absent = series.is_null().to_numpy().astype(bool)
    return values, absent | (values != values) if values.dtype.kind == "f" else absent


def read_ranks(table: Table, name: Hashable) -> NDArray[np.int64] | None:
    """Return the positions of ordered categories in their order, None for any other column."""
    import narwhals

    series = _frame(table).get_column(name)  # type: ignore[arg-type]
    if not isinstance(series.dtype, narwhals.Enum):
        return None
    ranks = {category: rank for rank, category in enumerate(series.dtype.categories)}
    return np.array([ranks[element] for element in series.to_list()], dtype=np.int64)


def column_kinds(table: Table) -> dict[Hashable, Literal["times", "symbols", "others"]]:
    """Return the kind of each column by its type alone; objects are others."""
    import narwhals

    kinds: dict[Hashable, Literal["times", "symbols", "others"]] = {}
    frame = _frame(table)
    for name in frame.columns:
        series = frame.get_column(name)
        is_object = getattr(series.to_native(), "dtype", None) == object
        is_symbol = isinstance(series.dtype, (*_categories(), narwhals.String)) and not is_object
        kinds[name] = "symbols" if is_symbol else "others"
        if series.dtype.is_temporal():
            kinds[name] = "times"
    return kinds


def with_column(table: Table, name: str, values: NDArray[Any]) -> Table:
    """Return a table with another column, which is the last one."""
    import narwhals

    frame = _frame(table)
    native: Any = frame.with_columns(
        narwhals.new_series(name, values, backend=frame.implementation)
    ).to_native()
    return native  # type: ignore[no-any-return]


def read_array_columns(array: NDArray[Any], argument: str = "X") -> list[Column]:
    """Return the columns of an array of objects of shape (n_rows, n_columns)."""
    if array.shape[1] == 1:
        return [read_elements(0, array[:, 0], argument)]
    places = [f"Column {j} of {argument}" for j in range(array.shape[1])]
    return [read_elements(j, array[:, j], what) for j, what in enumerate(places)]


def read_elements(name: Hashable, elements: NDArray[Any], what: str) -> Column:
    """Return a column of objects, whose kind is that of its elements; missing ones have any.

    `what` names the column in messages.
    """
    kinds = set(map(type, elements.tolist()))
    check_no_dates(kinds, what)
    missing = np.array([is_missing(element) for element in elements], dtype=bool)
    present = elements[~missing] if missing.any() else elements
    found = {_kind_of(element) for element in present}
    if len(found) > 1 or "other" in found:
        raise ValueError(
            f"{what} holds values of the types {type_names(present)}; expected numbers, or strings "
            "for symbols and categories, or one sequence per row. Convert them to one kind."
        )
    if found == {"numbers"} or not found:
        return Column(name, "numbers", _numbers(elements, missing))
    if missing.any():
        elements = elements.copy()
        elements[missing] = None
    return Column(name, "symbols" if found == {"symbols"} else "sequences", elements)


def holds_sequences(array: NDArray[Any]) -> bool:
    """Check whether some cells of an array of shape (n_rows, n_columns) are sequences."""
    if array.ndim != 2 or array.dtype != object:
        return False
    return any(_kind_of(cell) == "sequences" for cell in array.ravel().tolist())


def match_tables(tables: Sequence[Table]) -> tuple[list[Table], list[Hashable] | None]:
    """Return tables with their columns in one order, and the names of the columns.

    Where the tables differ in the order of columns, it is that of the sorted names, so that it does
    not depend on the order of the tables. Columns that are only numbered, and single columns of
    different names, have no names.
    """
    orders = [column_names(table) for table in tables]
    if not any(orders):
        raise ValueError(
            "The tables have no columns, 0 feature(s), while a minimum of 1 is required. Pass one "
            "column per feature."
        )
    first, numbers = orders[0], list(range(len(orders[0])))
    if set(first) == set(numbers):
        return align_tables(tables, numbers, _OF_FIRST), None
    if all(names == first for names in orders):
        _check_unique(first)
        return list(tables), first
    if all(len(names) == 1 for names in orders):
        return [rename_columns(table, [0]) for table in tables], None
    names = sorted(first, key=lambda name: (type(name).__name__, name))
    return align_tables(tables, names, _OF_FIRST), names


def align_tables(tables: Sequence[Table], names: Sequence[Hashable], known: str) -> list[Table]:
    """Return tables with their columns in the order of `names`; other names are an error.

    `known` is where the names come from, for the message.
    """
    _check_unique(names)
    return [_aligned(table, list(names), f"sequence {i}", known) for i, table in enumerate(tables)]


def _aligned(table: Table, names: list[Hashable], place: str, known: str) -> Table:
    own = column_names(table)
    if own == names:
        return table
    check_names(own, names, place, known)
    return select_columns(table, names)


def check_names(own: list[Hashable], names: list[Hashable], place: str, known: str) -> None:
    """Raise an error unless two lists contain the same names, in any order."""
    missing = [name for name in names if name not in own]
    unknown = [name for name in own if name not in names]
    if missing or unknown:
        raise ValueError(
            f"The columns of {place} are {own}, {known} {names}"
            + (f"; {missing} are missing" if missing else "")
            + (f"; {unknown} are unknown" if unknown else "")
            + ". Columns are matched by name: rename or drop them."
        )
    _check_unique(own)


def rename_columns(table: Table, names: Sequence[Hashable]) -> Table:
    """Return a table with other names of its columns."""
    if hasattr(table, "set_axis"):  # names may be of any type
        return table.set_axis(names, axis=1)  # type: ignore[no-any-return]
    renamed = {str(old): str(new) for old, new in zip(column_names(table), names, strict=True)}
    native: Table = _frame(table).rename(renamed).to_native()
    return native


def join_tables(tables: Sequence[Table]) -> Table:
    """Return the rows of tables with the same columns as one table."""
    import narwhals

    natives: Any = [table for table in tables if len(table)] or tables[:1]
    libraries: Any = {narwhals.get_native_namespace(native): None for native in natives}
    library = next(iter(libraries))
    if len(libraries) > 1 or not (hasattr(natives[0], "iloc") or _may_be_joined(natives)):
        import pandas

        return pandas.concat([_frame(native).to_pandas() for native in natives])
    if hasattr(library, "concat_tables"):
        return library.concat_tables(natives, promote_options="permissive")  # type: ignore[no-any-return]
    options = {"how": "vertical_relaxed"} if library.__name__ == "polars" else {}
    return library.concat(natives, **options)  # type: ignore[no-any-return]


def _may_be_joined(tables: Sequence[Table]) -> bool:
    """Check whether polars and Arrow can join columns: of one type, or all of plain numbers."""
    first, *others = [_frame(table).schema for table in tables]
    numbers = {n for n, dtype in first.items() if dtype.is_integer() or dtype.is_float()}
    return all(
        dtype == first[name] or (name in numbers and (dtype.is_integer() or dtype.is_float()))
        for schema in others
        for name, dtype in schema.items()
    )


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


def _not_in_memory(table: Table) -> TypeError:
    return TypeError(
        f"The table is a {type(table).__name__}, whose rows are not in memory or whose type is "
        "unknown; pass a DataFrame of pandas or polars, or a table of Arrow (a LazyFrame: "
        "collect() it)."
    )


def _frame(table: Table) -> narwhals.DataFrame[Any]:
    import narwhals

    _check_unique(column_names(table))
    frame = narwhals.from_native(table, pass_through=True)
    if not isinstance(frame, narwhals.DataFrame):
        raise _not_in_memory(table)
    return frame


def _check_unique(names: Sequence[Hashable]) -> None:
    if len(set(names)) == len(names):
        return
    twice = next(name for i, name in enumerate(names) if name in names[:i])
    raise ValueError(
        f"A table has two columns of the name {twice!r}; columns are found by name. Rename one of "
        "them."
    )


def _read_column(name: Hashable, series: narwhals.Series[Any], argument: str) -> Column:
    dtype = series.dtype
    if dtype.is_temporal():
        raise ValueError(
            f"Column {name!r} of {argument} holds dates or durations ({dtype}); networks read "
            "numbers. If they are the times of the rows, make them the index with "
            f"set_index({name!r}), or convert a long table with preprocessing.from_long(table, id, "
            f"{name!r}). If they are a feature, convert them to a number of seconds."
        )
    if dtype.is_nested() and hasattr(dtype, "fields"):
        raise ValueError(
            f"Column {name!r} of {argument} holds records ({dtype}); expected numbers, strings or "
            "sequences. Make each field a column."
        )
    values = series.to_numpy()
    if isinstance(dtype, _categories()):
        elements = values.astype(object)
        elements[series.is_null().to_numpy()] = None
        return Column(name, "symbols", elements)
    if values.dtype.kind in "fiub":
        return Column(name, "numbers", values)
    return read_elements(name, values.astype(object, copy=False), f"Column {name!r} of {argument}")


def _categories() -> tuple[type, ...]:
    import narwhals

    return narwhals.Categorical, narwhals.Enum


def is_none(elements: NDArray[Any]) -> NDArray[np.bool_]:
    """Return a mask of the elements that are None, as missing symbols are."""
    none: Any = None
    return np.asarray(np.equal(elements, none), dtype=bool)


def _kind_of(element: object) -> str:
    if isinstance(element, str):
        return "symbols"
    if isinstance(element, Real | Decimal | np.bool_):
        return "numbers"
    is_container = hasattr(element, "__len__") and not isinstance(element, dict | bytes | set)
    return "sequences" if is_container else "other"


def _numbers(elements: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[Any]:
    """Convert objects that are numbers or missing; only integers stay integers."""
    if missing.any():
        return np.where(missing, np.nan, elements).astype(np.float64)
    numbers = np.array(elements.tolist()) if len(elements) else np.empty(0)
    return numbers if numbers.dtype.kind in "fiub" else elements.astype(np.float64)
