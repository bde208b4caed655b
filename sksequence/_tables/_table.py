"""Tables of pandas, polars and Arrow: their names, and indexes that show what rows are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np

if TYPE_CHECKING:
    import narwhals

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
    if not hasattr(table, "__len__"):
        raise not_in_memory(table)
    arrow: Any = table
    # the class is enough, and an instance of pandas would search its columns
    return list(arrow.column_names if hasattr(type(table), "column_names") else table.columns)


def series_name(series: object) -> Hashable:
    """Return the name of a Series, or that of the only column of a table."""
    if is_table(series):
        columns = column_names(series)
        return columns[0] if len(columns) == 1 else None
    name: Hashable = getattr(series, "name", None)
    return name


def feature_names(table: Table) -> list[Hashable] | None:
    """Return the names of the columns, or None if they only number the columns."""
    names = column_names(table)
    return None if names == list(range(len(names))) else names


def as_table(item: Table) -> Table:
    """Return a batch of Arrow, which narwhals does not read, as a table."""
    if not (hasattr(type(item), "to_struct_array") and hasattr(type(item), "serialize")):
        return item
    import pyarrow

    table: Table = pyarrow.Table.from_batches([item])
    return table


def check_rows_are_sequences(X: object, argument: str = "X") -> None:
    """Refuse a table without columns, or with an index that shows that its rows are steps."""
    if not is_table(X):
        return
    _check_columns(X, argument)
    index: Any = getattr(X, "index", None)
    if not hasattr(index, "nlevels"):
        return
    columns: Any = X.columns
    if columns.nlevels == 1 and holds_times(columns) and not columns.is_monotonic_increasing:
        raise ValueError(
            f"The columns of {argument} are times that are not in increasing order, but columns "
            f"are read as consecutive steps. Pass {argument}.sort_index(axis=1), or "
            f"{argument}.to_numpy() to read the columns in this order."
        )
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
        table = argument if is_table(sequence) else f"{argument}.to_frame()"
        raise ValueError(
            f"{argument} has a MultiIndex of {len(index)} rows, which look like the steps of "
            f"several series. Pass from_long({table})[0], which splits them, or, for one "
            f"series, {argument}.reset_index(drop=True)."
        )
    _check_times(index, argument)


def check_items_are_steps(items: Sequence[object], argument: str) -> None:
    """Refuse data of pandas that hold several series each, or steps that are not in order."""
    for i, item in enumerate(items):
        index: Any = None if isinstance(item, np.ndarray) else getattr(item, "index", None)
        if not hasattr(index, "nlevels"):
            continue
        if index.nlevels > 1 and index.droplevel(-1).nunique() <= 1:  # a part of a long table
            _check_times(index.get_level_values(-1), f"{argument}[{i}]")
        else:
            check_rows_are_steps(item, f"{argument}[{i}]")


def _check_times(index: Any, argument: str) -> None:
    """Refuse an index of pandas of times that are missing or not in increasing order."""
    if not holds_times(index) or index.is_monotonic_increasing:
        return
    missing = np.flatnonzero(index.isna())
    if len(missing):
        raise ValueError(
            f"The index of {argument} holds times, but that of step {missing[0]} of {len(index)} "
            "is missing (NaT). Fill it in, or drop the step."
        )
    raise ValueError(
        f"The index of {argument} holds times that are not in increasing order, but rows are "
        f"read as consecutive steps. Pass {argument}.sort_index(), or from_long for a table of "
        f"several series, or {argument}.reset_index(drop=True) to read the rows in this order."
    )


def check_same_steps(sequence: object, others: object, argument: str) -> None:
    """Refuse data of pandas for the steps of a sequence if an index shows another order or time."""
    index: Any = getattr(sequence, "index", None)
    other: Any = getattr(others, "index", None)
    if not (hasattr(index, "nlevels") and hasattr(other, "nlevels")) or len(index) != len(other):
        return
    if index.equals(other):
        return
    pairs = enumerate(zip(index, other, strict=True))
    differing = [i for i, (a, b) in pairs if a is not b and a != b]
    both_hold_times = holds_times(index) and holds_times(other)
    if not differing or not (both_hold_times or set(index) == set(other)):
        return
    i = differing[0]
    raise ValueError(
        f"The index of {argument} differs from that of its sequence: step {i} is {index[i]!s} "
        f"there, and {other[i]!s} in {argument}. To pair them by their index, pass "
        f"{argument}.loc[sequence.index]; to pair them by position, {argument}.to_numpy()."
    )


def holds_times(index: Any) -> bool:
    """Check whether an index of pandas holds points in time or durations."""
    return index.inferred_type in _TIMES


def _check_columns(table: Table, argument: str) -> None:
    names = column_names(table)
    if not names:
        raise ValueError(
            f"{argument} is a table without columns: 0 feature(s) (shape=({len(table)}, 0)) while "
            "a minimum of 1 is required. Pass one column per step, or a list of tables."
        )
    check_unique(names)


def not_in_memory(table: Table) -> TypeError:
    return TypeError(
        f"The table is a {type(table).__name__}, whose rows are not in memory or whose type is "
        "unknown; pass a DataFrame of pandas or polars, or a table of Arrow (a LazyFrame: "
        "collect() it)."
    )


def narwhals_frame(table: Table) -> narwhals.DataFrame[Any]:
    import narwhals

    check_unique(column_names(table))
    frame = narwhals.from_native(table, pass_through=True)
    if not isinstance(frame, narwhals.DataFrame):
        raise not_in_memory(table)
    return frame


def check_unique(names: Sequence[Hashable]) -> None:
    if len(set(names)) == len(names):
        return
    twice = next(name for i, name in enumerate(names) if name in names[:i])
    raise ValueError(
        f"A table has two columns of the name {twice!r}; columns are found by name. Rename one of "
        "them."
    )
