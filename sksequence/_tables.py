"""Columns of the tables of pandas, polars and Arrow, which are read with narwhals.

narwhals is a requirement of scikit-learn. It is imported only when there is a table.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._elements import NUMBERS, Column, container_kind, is_missing, read_elements

if TYPE_CHECKING:
    import narwhals

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


def is_table(X: object) -> TypeGuard[Table]:
    """Check whether X has named columns."""
    # the type is enough, and a LazyFrame itself would resolve its columns, with a warning
    return hasattr(type(X), "columns") and not isinstance(X, np.ndarray)


def column_names(table: Table) -> list[Hashable]:
    """Return the names of the columns."""
    arrow: Any = table
    # the class is enough, and an instance of pandas would search its columns
    return list(arrow.column_names if hasattr(type(table), "column_names") else table.columns)


def check_rows_are_sequences(X: object, argument: str = "X") -> None:
    """Refuse a table of pandas whose index shows that its rows are probably steps."""
    index: Any = getattr(X, "index", None)
    if not is_table(X) or not hasattr(index, "nlevels"):
        return
    if index.nlevels > 1:
        reading = f"pass from_long({argument})[0] of sksequence.preprocessing"
    elif index.inferred_type in _TIMES:
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
    if index.inferred_type in _TIMES and not index.is_monotonic_increasing:
        raise ValueError(
            f"The index of {argument} holds times that are not in increasing order, but rows are "
            f"read as consecutive steps. Pass {argument}.sort_index(), or from_long for a table of "
            "several series."
        )


def tables_in(items: Sequence[object], argument: str = "X") -> list[Table]:
    """Return the items if they are tables, no items if they are not; a mixture is an error."""
    of_types = {type(item): item for item in items}  # the type is enough
    if not any(map(is_table, of_types.values())):
        return []
    tables = [as_table(item) for item in items if is_table(item)]
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


def as_table(item: Table) -> Table:
    """Return a batch of Arrow, which narwhals does not read, as a table."""
    if not (hasattr(type(item), "to_struct_array") and hasattr(type(item), "serialize")):
        return item
    import pyarrow

    table: Table = pyarrow.Table.from_batches([item])
    return table


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


def holds_sequences(array: NDArray[Any]) -> bool:
    """Check whether some cells of an array of shape (n_rows, n_columns) are sequences."""
    if array.ndim != 2 or array.dtype != object:
        return False
    return any(container_kind(cell) == "sequences" for cell in array.ravel().tolist())


def match_tables(tables: Sequence[Table]) -> tuple[list[Table], list[Hashable] | None]:
    """Return tables with their columns in one order, and the names of the columns.

    Where the tables differ in the order of columns, it is that of the sorted names, so that it does
    not depend on the order of the tables. Columns that are only numbered, and single columns of
    different names, have no names.
    """
    orders = [column_names(table) for table in tables]
    first, numbers = orders[0], list(range(len(orders[0])))
    are_single = all(len(names) == 1 for names in orders)
    if are_single and any(names != first for names in orders):
        return [rename_columns(table, [0]) for table in tables], None
    if set(first) == set(numbers):
        return align_tables(tables, numbers, _OF_FIRST), None
    if all(names == first for names in orders):
        check_unique(first)
        return list(tables), first
    names = sorted(first, key=lambda name: (type(name).__name__, name))
    return align_tables(tables, names, _OF_FIRST), names


def align_tables(tables: Sequence[Table], names: Sequence[Hashable], known: str) -> list[Table]:
    """Return tables with their columns in the order of `names`; other names are an error.

    `known` is where the names come from, for the message.
    """
    check_unique(names)
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
    check_unique(own)


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

    natives: Any = _with_common_categories([t for t in tables if len(t)] or tables[:1])
    libraries: Any = {narwhals.get_native_namespace(native): None for native in natives}
    library = next(iter(libraries))
    if len(libraries) > 1 or not (hasattr(natives[0], "iloc") or _may_be_joined(natives)):
        import pandas

        frames: Any = _with_common_categories([_frame(native).to_pandas() for native in natives])
        joint: Table = pandas.concat(frames)
        return joint
    if hasattr(library, "concat_tables"):
        return library.concat_tables(natives, promote_options="permissive")  # type: ignore[no-any-return]
    options = {"how": "vertical_relaxed"} if library.__name__ == "polars" else {}
    return library.concat(natives, **options)  # type: ignore[no-any-return]


def _with_common_categories(tables: Sequence[Table]) -> Sequence[Table]:
    """Return tables of pandas with all categories of a column in each, so that its type is kept."""
    frames: Any = [table for table in tables if hasattr(table, "iloc")]
    found: dict[Hashable, dict[Any, None]] = {}
    for frame in frames:
        for name, dtype in frame.dtypes.items():
            if type(dtype).__name__ == "CategoricalDtype":
                found.setdefault(name, {}).update(dict.fromkeys(dtype.categories))
    if not found or len(frames) < len(tables):
        return tables
    import pandas

    for name, known in found.items():
        others = [f[name].dropna().unique() for f in frames if not hasattr(f[name], "cat")]
        categories = list(known | dict.fromkeys(chain.from_iterable(others)))
        dtype = pandas.CategoricalDtype(categories)
        frames = [frame.astype({name: dtype}) for frame in frames]
    return frames  # type: ignore[no-any-return]


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


def _frame(table: Table) -> narwhals.DataFrame[Any]:
    import narwhals

    check_unique(column_names(table))
    frame = narwhals.from_native(table, pass_through=True)
    if not isinstance(frame, narwhals.DataFrame):
        raise TypeError(
            f"The table is a {type(table).__name__}, whose rows are not in memory or whose type is "
            "unknown; pass a DataFrame of pandas or polars, or a table of Arrow (a LazyFrame: "
            "collect() it)."
        )
    return frame


def check_unique(names: Sequence[Hashable]) -> None:
    """Raise an error if two columns have the same name."""
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
    if dtype.is_nested():
        elements = _cells(series, f"Column {name!r} of {argument}")
        return read_elements(name, elements, f"Column {name!r} of {argument}")
    values = series.to_numpy()
    if isinstance(dtype, _categories()):
        elements = values.astype(object)
        elements[series.is_null().to_numpy()] = None
        return Column(name, "symbols", elements)
    if values.dtype.kind in "fiub":
        return Column(name, "numbers", values)
    return read_elements(name, values.astype(object, copy=False), f"Column {name!r} of {argument}")


def _cells(series: narwhals.Series[Any], what: str) -> NDArray[Any]:
    """Return the cells of a column of lists: arrays, lists of lists, or tables for records."""
    inner: Any = getattr(series.dtype, "inner", series.dtype)
    is_map = any(type(dtype).__name__ == "Map" for dtype in (series.dtype, inner))
    if is_map or hasattr(series.dtype, "fields"):
        kind, part = ("maps", "key") if is_map else ("records", "field")
        raise ValueError(
            f"{what} holds {kind} ({series.dtype}); expected numbers, strings or sequences. Make "
            f"each {part} a column."
        )
    if hasattr(inner, "fields"):
        cells = [_table_of_records(cell, inner, series) for cell in series.to_list()]
    else:
        cells = list(series.to_list() if inner.is_nested() else series.to_numpy())
    elements = np.empty(len(cells), dtype=object)
    for i, (cell, is_null) in enumerate(zip(cells, series.is_null().to_list(), strict=True)):
        elements[i] = None if is_null else cell
    return elements


def _table_of_records(cell: Any, record: Any, like: narwhals.Series[Any]) -> object:
    """Return records, the steps of one sequence, as a table with a column per field."""
    import narwhals

    if is_missing(cell):
        return None
    schema = {field.name: field.dtype for field in record.fields}
    columns = {name: [None if step is None else step[name] for step in cell] for name in schema}
    return narwhals.from_dict(columns, schema, backend=like.implementation).to_native()


def _categories() -> tuple[type, ...]:
    import narwhals

    return narwhals.Categorical, narwhals.Enum
