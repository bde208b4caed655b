"""Keys of a long table: which sequence each row belongs to, and at which time it is.

Keys are columns of the table, or levels of its index in pandas. Knows nothing of features.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import object_array
from sksequence._tables import (
    Table,
    column_names,
    comparable,
    holds_times,
    is_table,
    read_key,
    read_ranks,
)

# Ids that an error lists
_FEW = 5
_YEAR = 4  # digits of a year
Names = Hashable | Iterable[Hashable] | None


@dataclass(frozen=True)
class Keys:
    """Sequence and time of each row of a long table.

    Attributes
    ----------
    columns : dict
        Ids and times by name, those of the index of a table included.
    ids : ndarray of shape (n_sequences,)
        The id of each sequence, in the order of their first rows.
    codes : ndarray of int64 of shape (n_rows,)
        Sequence of each row.
    times : ndarray of shape (n_rows,) or None
        Time of each row; None of ordered categories, which have no distances.
    order : ndarray of int64 of shape (n_rows,)
        Rows sorted by sequence and time.
    """

    columns: dict[Hashable, NDArray[Any]]
    ids: NDArray[Any]
    codes: NDArray[np.int64]
    times: NDArray[Any] | None
    order: NDArray[np.int64]


def read_keys(frame: Table, id: Names, time: Hashable) -> Keys:
    _check_table(frame)
    id = id if id is None or isinstance(id, Hashable) else list(id)  # an Index has its own ==
    levels = _index_levels(frame)
    names, time = _key_names(frame, levels, id, time)
    columns = {name: _read_key(frame, levels, name) for name in names}
    several = len(names) > 1 if id is None else names != [id]
    ids, codes = _identify(list(columns.values()), several=several)
    if time is None:
        order = np.argsort(codes, kind="stable")
        _check_index_in_order(frame, levels, names, codes[order], order)
        return Keys(columns, ids, codes, None, order)
    check_columns(column_names(frame), [time], [] if levels is None else column_names(levels))
    columns[time] = _read_key(frame, levels, time)
    ranks = read_ranks(_source(frame, levels, time), time)
    times = _as_times(time, columns[time]) if ranks is None else ranks
    order = np.lexsort((times, codes))
    _check_no_ties(names, time, columns, codes[order], times[order], order)
    return Keys(columns, ids, codes, times if ranks is None else None, order)


def _check_table(frame: object) -> None:
    if not is_table(frame):
        raise ValueError(
            f"frame is a {type(frame).__name__}; expected a table with named columns, one row per "
            "step. Pass a DataFrame: pandas.DataFrame(frame, columns=[...])."
        )
    column_names(frame)  # raises an error for rows that are not in memory
    if len(frame) == 0:
        raise ValueError("The table has 0 rows; pass at least one.")


def _index_levels(frame: Any) -> Table | None:
    """Return the levels of an index of pandas as a table."""
    if not hasattr(frame, "iloc"):
        return None
    levels: Any = frame.index.to_frame(index=False)
    names = [f"level_{i}" if n is None else n for i, n in enumerate(frame.index.names)]
    return levels.set_axis(names, axis=1)  # type: ignore[no-any-return]


def _key_names(
    frame: Table, levels: Table | None, id: Names, time: Hashable
) -> tuple[list[Hashable], Hashable]:
    """Return the names of the columns, or levels of the index, of the ids and of the times."""
    of_index = [] if levels is None else column_names(levels)
    if id is None:
        if len(of_index) < 2:
            raise ValueError(
                "id=None reads the levels of a MultiIndex, but the table has none. Pass the column "
                f"that identifies the sequence of each row; choose from {column_names(frame)}."
            )
        time = of_index[-1] if time is None else time
        return [name for name in of_index if name != time], time
    available = [*column_names(frame), *of_index]
    names = listed(id, available)
    check_columns(column_names(frame), [*names, *([] if time is None else [time])], of_index)
    if not names or len({*names, time}) <= len(names):
        raise ValueError(f"id={id!r} and time={time!r} must be different columns, at least one id.")
    return names, time


def positions_of_ids(keys: Keys, ids: Any) -> NDArray[np.intp]:
    """Return the position of each of some ids among the sequences of a table."""
    if is_element(ids):
        raise ValueError(f"ids is {ids!r:.40}; pass one identifier per sequence, in a list.")
    is_array = isinstance(ids, np.ndarray)
    wanted = comparable(ids) if is_array else list(ids.tolist() if hasattr(ids, "tolist") else ids)
    wanted = [tuple(element) if isinstance(element, list) else element for element in wanted]
    known = comparable(keys.ids)
    position = {element: i for i, element in enumerate(known)}
    for i, element in enumerate(wanted):
        if element not in position:
            raise ValueError(
                f"The table has no rows of {element!r}, entry {i} of ids; it has those of "
                f"{_few(known)}. Leave it out of ids, or add its rows."
            )
    if len(set(wanted)) < len(wanted):
        twice = next(element for element in wanted if wanted.count(element) > 1)
        raise ValueError(f"ids contains {twice!r} twice; pass each sequence once.")
    return np.array([position[element] for element in wanted], dtype=np.intp)


def _few(known: list[Any]) -> str:
    """Return some sequences by name, and how many others there are."""
    names = f"{known[:_FEW]!r}"
    return names if len(known) <= _FEW else f"{names} and {len(known) - _FEW} others"


def listed(names: Names, available: list[Hashable]) -> list[Hashable]:
    """Return one name or several as a list; a tuple may be the name of a column."""
    chosen: Any = [names] if is_one(names, available) else names
    return list(chosen)


def is_one(names: Names, available: list[Hashable]) -> bool:
    if isinstance(names, str) or not isinstance(names, Iterable):
        return True
    return isinstance(names, Hashable) and names in available


def is_element(key: object) -> bool:
    """Check whether a key is one value, and no container of several."""
    is_container = hasattr(key, "__len__") and not isinstance(key, str | bytes | Mapping)
    return not is_container or getattr(key, "shape", None) == ()


def check_columns(
    columns: list[Hashable], names: list[Hashable], levels: Sequence[Hashable] = ()
) -> None:
    for name in names:
        if name not in columns and name not in levels:
            raise ValueError(f"The table has no column {name!r}; choose from {columns}.")


def _source(frame: Table, levels: Table | None, name: Hashable) -> Table:
    """Return the table that holds a key: its own columns come before levels of the index."""
    return frame if levels is None or name in column_names(frame) else levels


def _read_key(frame: Table, levels: Table | None, name: Hashable) -> NDArray[Any]:
    values, absent = read_key(_source(frame, levels, name), name)
    if absent.any():
        row = int(np.argmax(absent))
        raise ValueError(
            f"Column {name!r} is missing in row {row} of the table ({values[row]}; "
            f"{int(absent.sum())} of {len(absent)} rows), so that its sequence or its time is "
            f"unknown. Drop these rows, for example with frame.dropna(subset=[{name!r}])."
        )
    return values


def _identify(
    columns: list[NDArray[Any]], *, several: bool
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the distinct ids in order of appearance, and the position of each row's id."""
    codes, first = _codes(columns[0])
    for column in columns[1:]:
        inner, different = _codes(column)
        codes, first = _codes(codes * len(different) + inner)
    if not several:
        return columns[0][first], codes
    return object_array(zip(*(comparable(column[first]) for column in columns), strict=True)), codes


def _codes(column: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rank of each element by order of appearance, and the first row of each rank."""
    if column.dtype.kind == "O":
        ranks: dict[object, int] = {}
        try:
            ranked = [ranks.setdefault(element, len(ranks)) for element in column.tolist()]
        except TypeError:
            raise ValueError(
                "The column of ids holds lists or arrays; expected one number, string or date per "
                "row. Choose another column as id."
            ) from None
        codes = np.array(ranked, dtype=np.int64)
        return codes, np.unique(codes, return_index=True)[1]
    _, first, inverse = np.unique(column, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[inverse], first[order]


def _as_times(name: Hashable, values: NDArray[Any]) -> NDArray[Any]:
    """Return times that can be sorted; strings are read as ISO dates."""
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise ValueError(
            f"Column {name!r}, the time, is infinite in row {np.argmax(np.isinf(values))} of the "
            "table. Drop this row, or correct its time."
        )
    if values.dtype.kind not in "OUT":
        return values
    is_text = any(isinstance(value, str) for value in values.tolist())
    if hasattr(values[0], "start_time"):  # a Period of pandas
        values = object_array(value.start_time for value in values)
    if is_text:
        _check_no_digits(name, values)
    values = _without_zones(name, values)
    for dtype in (
        ("datetime64[us]",) if is_text else ("float64", "timedelta64[us]", "datetime64[us]")
    ):
        try:
            times = values.astype(dtype)
        except (TypeError, ValueError):
            continue
        if not np.any(times != times):
            return times
    what = "strings, whose alphabetical order may not be that of time" if is_text else "objects"
    raise ValueError(
        f"Column {name!r}, the time, holds {what}: {values[0]!r:.40}. Convert them to dates with "
        "pandas.to_datetime, to numbers, or to ordered categories."
    )


def _check_no_digits(name: Hashable, values: NDArray[Any]) -> None:
    """Refuse texts of digits, which numpy reads as years."""
    digits = [text for text in map(str, values) if text.isdigit() and len(text) != _YEAR]
    if digits:
        raise ValueError(
            f"Column {name!r}, the time, holds numbers as text, such as {digits[0]!r}. Convert "
            "them to numbers with astype(float), or to dates with pandas.to_datetime."
        )


def _without_zones(name: Hashable, values: NDArray[Any]) -> NDArray[Any]:
    """Return points in time with zones as those in UTC without one."""
    elements = values.tolist()
    zones = [getattr(element, "tzinfo", None) for element in elements]
    if all(zone is None for zone in zones):
        return values
    if any(zone is None for zone in zones):
        i = next(i for i, zone in enumerate(zones) if zone is None)
        raise ValueError(
            f"Column {name!r}, the time, mixes times with and without a time zone: that of row "
            f"{i}, {elements[i]}, has none. Convert them with pandas.to_datetime(..., utc=True)."
        )
    return object_array(e.astimezone(UTC).replace(tzinfo=None) for e in elements)


def _check_index_in_order(
    frame: Any,
    levels: Table | None,
    names: list[Hashable],
    codes: NDArray[np.int64],
    order: NDArray[np.int64],
) -> None:
    """Refuse sequences whose index holds times in another order than that of the rows."""
    if levels is None:
        return
    for i, level in enumerate(column_names(levels)):
        if level in names or not holds_times(frame.index.get_level_values(i)):
            continue
        values, absent = read_key(levels, level)
        if absent.any():
            continue
        times = _as_times(level, values)[order]
        falls = (codes[1:] == codes[:-1]) & (times[1:] < times[:-1])
        if falls.any():
            row = order[int(np.argmax(falls)) + 1]
            raise ValueError(
                f"The index holds times that are not in increasing order: that of row {row}, "
                f"{values[row]}, is before that of the previous row of its sequence. Pass "
                f"time={level!r} to sort by it, or frame.reset_index(level={i}, drop=True) to keep "
                "the order of the table."
            )


def _check_no_ties(
    names: list[Hashable],
    time: Hashable,
    columns: dict[Hashable, NDArray[Any]],
    codes: NDArray[np.int64],
    times: NDArray[Any],
    order: NDArray[np.int64],
) -> None:
    same = (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])
    if same.any():
        i = int(np.argmax(same))
        a, b = order[i], order[i + 1]
        place = ", ".join(f"{name!r}={columns[name][a]}" for name in [*names, time])
        raise ValueError(
            f"Rows {a} and {b} of the table have the same id and time ({place}), so that the order "
            "of these steps is unknown. Drop duplicates, add a column to id, or sort the table and "
            "pass time=None, which keeps its order."
        )
