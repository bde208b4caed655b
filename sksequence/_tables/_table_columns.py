"""Columns of tables and of arrays of objects: numbers, symbols or sequences."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sksequence._elements import NUMBERS, Column, container_kind, is_missing, read_elements
from sksequence._tables._table import (
    Table,
    narwhals_frame,
)

if TYPE_CHECKING:
    import narwhals


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


def read_columns(table: Table, argument: str = "X") -> list[Column]:
    """Return all columns of a table; dates, durations and types without a meaning are errors."""
    frame = narwhals_frame(table)
    return [_read_column(name, frame.get_column(name), argument) for name in frame.columns]


def read_key(table: Table, name: Hashable) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a column of any type, as it is, and which of its entries are missing."""
    series = narwhals_frame(table).get_column(name)  # type: ignore[arg-type]
    values = series.to_numpy()
    absent = series.is_null().to_numpy().astype(bool)
    return values, absent | (values != values) if values.dtype.kind == "f" else absent


def comparable(values: NDArray[Any]) -> list[Any]:
    """Return elements that are equal in every container: NumPy makes integers of nanoseconds."""
    if values.dtype.str.endswith("[ns]"):
        in_microseconds = values.astype(f"{values.dtype.kind}8[us]")
        values = in_microseconds if np.array_equal(in_microseconds, values) else values
    elements: list[Any] = values.tolist()
    return elements


def read_ranks(table: Table, name: Hashable) -> NDArray[np.int64] | None:
    """Return the positions of ordered categories in their order, None for any other column."""
    import narwhals

    series = narwhals_frame(table).get_column(name)  # type: ignore[arg-type]
    if not isinstance(series.dtype, narwhals.Enum):
        return None
    ranks = {category: rank for rank, category in enumerate(series.dtype.categories)}
    return np.array([ranks[element] for element in series.to_list()], dtype=np.int64)


def column_kinds(table: Table) -> dict[Hashable, Literal["times", "symbols", "others"]]:
    """Return the kind of each column by its type alone; objects are others."""
    import narwhals

    kinds: dict[Hashable, Literal["times", "symbols", "others"]] = {}
    frame = narwhals_frame(table)
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

    frame = narwhals_frame(table)
    native: Any = frame.with_columns(
        narwhals.new_series(name, values, backend=frame.implementation)
    ).to_native()
    return native  # type: ignore[no-any-return]


def with_column_from(table: Table, name: Hashable, rows: NDArray[np.int64]) -> Table:
    """Return a table in which one column has the values that it has in other rows."""
    native: Any = table
    if hasattr(table, "iloc"):  # names may be of any type
        native = native.copy(deep=False)
        native[name] = native[name].iloc[rows].set_axis(native.index)
        return native  # type: ignore[no-any-return]
    frame: Any = narwhals_frame(table)
    return frame.with_columns(frame.get_column(name)[rows]).to_native()  # type: ignore[no-any-return]


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


def _read_column(name: Hashable, series: narwhals.Series[Any], argument: str) -> Column:
    dtype = series.dtype
    if dtype.is_temporal():
        raise ValueError(
            f"Column {name!r} of {argument} holds dates or durations ({dtype}); networks read "
            "numbers. If they are the times of the rows, convert a long table of several sequences "
            f"with preprocessing.from_long(table, id, {name!r}); the rows of a single one have "
            f"them as the index, set_index({name!r}). If they are a feature or the "
            "time_column, convert them to a number of seconds."
        )
    if dtype.is_nested() or _holds_maps(series):
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


def _holds_maps(series: narwhals.Series[Any]) -> bool:
    """Check for maps of Arrow, a type that narwhals has no name for before 2.29."""
    native = series.to_native()
    of_pandas = getattr(getattr(native, "dtype", None), "pyarrow_dtype", None)
    return "map<" in str(getattr(native, "type", of_pandas))


def _cells(series: narwhals.Series[Any], what: str) -> NDArray[Any]:
    """Return the cells of a column of lists: arrays, lists of lists, or tables for records."""
    inner: Any = getattr(series.dtype, "inner", series.dtype)
    is_map = _holds_maps(series)
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
