"""Columns of windows whose values are known beforehand, in the steps to forecast.

A series has shape (n_steps,) or (n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, offsets_of, select_features
from sksequence._elements import as_array
from sksequence._tables import (
    Table,
    column_names,
    is_table,
    join_tables,
    rename_columns,
    select_columns,
    take_rows,
)
from sksequence.preprocessing._cutting import (
    MAY_KEEP,
    cut,
    cut_steps,
    read_series,
    usable_windows,
    with_names,
)
from sksequence.preprocessing._steps import Steps, are_several


def shifts_of(window: int, horizon: int) -> range:
    """Return by how many steps known values are shifted, so that windows hold all future ones."""
    return range(horizon, 0, -window)


def with_known(steps: Steps, known: NDArray[np.intp], shifts: range) -> Steps:
    """Return the steps with columns of the values of known columns some steps later."""
    if len(known) == 0:
        return steps
    columns = [steps.values]
    for shift in shifts:
        later = np.zeros_like(steps.values[:, known])  # the last rows are in no window
        later[:-shift] = steps.values[shift:, known]
        columns.append(later)
    names = _names_with_known(steps, known, shifts)
    values = np.hstack(columns)
    if steps.table is None:
        return Steps(values, steps.offsets, names)
    is_category = np.isin(known, steps.categories)
    of_known = _known_table(steps.table, steps, known)
    rows = np.arange(len(values))
    later_tables = [take_rows(of_known, np.minimum(rows + s, len(rows) - 1)) for s in shifts]
    table = _side_by_side(steps.table, later_tables, names)
    width = steps.values.shape[1]
    added = [width + j for j in range(len(shifts) * len(known)) if is_category[j % len(known)]]
    return Steps(values, steps.offsets, names, table, (*steps.categories, *added))


def _known_table(table: Table, steps: Steps, known: NDArray[np.intp]) -> Table:
    return select_columns(table, [steps.columns[i] for i in known])


def _side_by_side(table: Table, later: list[Table], names: Sequence[Hashable] | None) -> Table:
    """Return the columns of several tables as one, with names."""
    assert names is not None
    n_known = len(column_names(later[0]))
    added = names[len(column_names(table)) :]
    renamed = [
        rename_columns(one, added[i * n_known : (i + 1) * n_known]) for i, one in enumerate(later)
    ]
    return _join_columns([table, *renamed])


def continued(
    steps: Steps,
    starts: NDArray[np.int64],
    known: NDArray[np.intp],
    ahead: Steps,
    window: int,
    horizon: int,
) -> Any:
    """Return windows with columns of known values, which continue beyond their end."""
    shifts = shifts_of(window, horizon)
    names = _names_with_known(steps, known, shifts)
    n_series = len(starts)
    if steps.table is None:
        X = cut(steps.values, starts, window)
        values = ahead.values.reshape(n_series, horizon, len(known))
        both = np.concatenate([X[:, :, known], values], axis=1)
        return with_names(
            np.concatenate([X, *(both[:, s : s + window] for s in shifts)], axis=2), names
        )
    X = cut_steps(steps, starts, window)
    assert ahead.table is not None
    table = join_tables([_known_table(X.table, steps, known), ahead.table])
    past = np.arange(n_series * window).reshape(n_series, window)
    rows = np.hstack([past, n_series * window + np.arange(len(ahead.values)).reshape(n_series, -1)])
    later = [take_rows(table, rows[:, s : s + window].ravel()) for s in shifts]
    return Sequences(_side_by_side(X.table, later, names), X.offsets)


def _names_with_known(
    steps: Steps, known: NDArray[np.intp], shifts: range
) -> Sequence[Hashable] | None:
    if steps.names is None:
        return None
    added = [f"{steps.names[i]}+{shift}" for shift in shifts for i in known]
    both = [name for name in added if name in steps.names]
    if both:
        raise ValueError(
            f"known_columns adds a column {both[0]!r}, but the series has one; rename it."
        )
    return [*steps.names, *added]


def read_future(
    future: object,
    known: NDArray[np.intp],
    steps: Steps,
    horizon: int,
    *,
    several: bool,
    missing: str,
) -> Steps:
    """Return the known values ahead, with `horizon` steps of each series."""
    names = [steps.columns[i] for i in known]
    if not names:
        raise ValueError(
            "future holds values of known_columns, but known_columns=None. Pass known_columns, as "
            "in make_windows, or future=None."
        )
    if future is None:
        raise ValueError(
            f"future must hold the values of known_columns={names} at the {horizon} steps after "
            "the end of each series; got None."
        )
    future = select_features(future, names, "future")
    if steps.table is not None:
        future = _as_tables(future, names, steps.table, several=several)
    ahead = read_series(future, "future")
    n_series = len(steps.lengths)
    values = ahead.values if ahead.values.ndim == 2 else ahead.values[:, None]
    if are_several(future) is not several or (
        ahead.lengths.tolist() != [horizon] * n_series or values.shape[1] != len(names)
    ):
        raise ValueError(
            f"future holds {len(ahead.lengths)} tables of {sorted(set(ahead.lengths.tolist()))} "
            f"steps and {values.shape[1]} columns; expected {n_series} of {horizon} steps, the "
            f"horizon, and the columns {names}"
            + (", in a list or an array with a first axis of series." if several else ".")
        )
    every = offsets_of(ahead.lengths)[:-1]
    usable_windows(
        every, [(ahead, 0, horizon)], missing, subject="The values in future", remedies=MAY_KEEP
    )
    if steps.table is None:
        return ahead
    return _of_same_kinds(ahead, known, steps)


def _as_tables(future: Any, names: list[Hashable], like: Table, *, several: bool) -> object:
    """Return arrays of known values as tables of the library of another table."""
    if is_table(future) or isinstance(future, Sequences) or are_several(future) is not several:
        return future
    pieces = list(future) if several else [future]
    if any(map(is_table, pieces)):
        return future
    arrays = [as_array(piece, "future") for piece in pieces]
    arrays = [array[:, None] if array.ndim == 1 else array for array in arrays]
    if any(array.shape[1:] != (len(names),) for array in arrays):
        return future
    tables = [
        _table_like(like, dict(zip(names, array.T.tolist(), strict=True))) for array in arrays
    ]
    return tables if several else tables[0]


def _of_same_kinds(ahead: Steps, known: NDArray[np.intp], steps: Steps) -> Steps:
    """Return the values ahead with a table whose columns are categories as in the series."""
    for j, i in enumerate(known):
        kinds = [
            "strings or categories" if place in part.categories else "numbers"
            for place, part in ((i, steps), (j, ahead))
        ]
        if kinds[0] != kinds[1]:
            raise ValueError(
                f"Column {steps.columns[i]!r} of future holds {kinds[1]}, that of the series "
                f"{kinds[0]}. Pass a DataFrame with columns of the same types."
            )
    if ahead.table is not None:
        return ahead
    assert steps.table is not None
    columns = ahead.values.reshape(len(ahead.values), -1).T.tolist()
    names = [steps.columns[i] for i in known]
    return replace(ahead, table=_table_like(steps.table, dict(zip(names, columns, strict=True))))


# --- tables of any library ------------------------------------------------------------------------


def _table_like(table: Table, columns: dict[Hashable, list[Any]]) -> Table:
    """Return columns as a table of the library of another table."""
    import narwhals

    native: Any = table
    library: Any = narwhals.get_native_namespace(native)
    if hasattr(table, "iloc"):
        return library.DataFrame(columns)  # type: ignore[no-any-return]
    named = {str(name): values for name, values in columns.items()}
    made: Table = narwhals.from_dict(named, backend=library).to_native()
    return made


def _join_columns(tables: Sequence[Table]) -> Table:
    """Return the columns of tables with the same number of rows as one table."""
    import narwhals

    natives: list[Any] = list(tables)
    frames: list[Any] = [narwhals.from_native(native) for native in natives]
    if len({frame.implementation for frame in frames}) > 1 or hasattr(natives[0], "iloc"):
        import pandas

        in_order: list[Any] = [frame.to_pandas().reset_index(drop=True) for frame in frames]
        joint: Table = pandas.concat(in_order, axis=1)
        return joint
    native: Table = narwhals.concat(frames, how="horizontal").to_native()
    return native
