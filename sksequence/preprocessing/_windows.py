"""Sliding windows: from series to the X and y of a forecasting task.

A series has shape (n_steps,) or (n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, offsets_of, select_features
from sksequence._elements import as_array
from sksequence._tables import (
    Table,
    column_names,
    is_table,
    join_columns,
    join_tables,
    rename_columns,
    select_columns,
    table_like,
    take_rows,
    with_categories,
)
from sksequence.preprocessing._cutting import (
    MAY_KEEP,
    Missing,
    check_lengths,
    check_options,
    cut,
    cut_steps,
    first_steps,
    read_series,
    usable_windows,
    with_names,
)
from sksequence.preprocessing._steps import Steps, are_several, positions

Columns = Hashable | Sequence[Hashable] | None


def make_windows(
    series: object,
    window: int,
    horizon: int = 1,
    *,
    step: int = 1,
    target_columns: Columns = None,
    known_columns: Columns = None,
    missing: Missing = "error",
) -> tuple[Any, NDArray[Any]]:
    """Cut series into windows and the steps that follow each of them.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_features), or several of them
        One series: a 1-D array, a 2-D array or a DataFrame whose rows are steps. Several series: a
        list, an object array, a `Sequences` container or a 3-D array of shape
        (n_series, n_steps, n_features). Their lengths may differ, and no window spans two series.
        The columns of several DataFrames are matched by name. They may be strings or categories.
    window : int
        Number of steps per window.
    horizon : int, default=1
        Number of steps to forecast after each window.
    step : int, default=1
        Number of steps from the start of one window to the start of the next.
    target_columns : int, str or list of int or str, default=None
        Features to forecast, by position, or by name if the series has names. They must be numbers.
        None uses all features that are not in `known_columns`, and "all" uses all.
    known_columns : int, str or list of int or str, default=None
        Features whose future values are known when a forecast is made, such as holidays, prices or
        the hour of the day. See Notes.
    missing : {"error", "drop", "keep"}, default="error"
        Treatment of windows with missing values (NaN, or None of a category) in X or y: "error"
        raises an error, "drop" leaves these windows out, and "keep" keeps them.

    Returns
    -------
    X : ndarray of shape (n_windows, window) or (n_windows, window, n_features), or Sequences
        The windows in temporal order, series by series, without an axis of features if the series
        has none. `Sequences` with `feature_names` if the series has names of columns, and with a
        table, whose columns keep their types, if some are strings or categories. For a single array
        it is a read-only view, which takes no memory.
    y : ndarray of shape (n_windows,) or (n_windows, horizon * n_targets)
        The steps that follow each window, in row-major order: all targets of the first step, then
        all targets of the second, and so on. The array is 1-D for one value per window.

    Raises
    ------
    ValueError
        If a size is not a whole number of at least 1, if a series is shorter than
        ``window + horizon``, if the values are not numbers, or categories in a DataFrame, if a
        target is a category, if a column does not exist, or if values are infinite, or missing with
        ``missing="error"``.

    See Also
    --------
    last_windows : Windows at the end of each series, to forecast what comes next.
    make_label_windows : Windows with a label each, for classifiers.
    sksequence.metrics.mean_absolute_scaled_error : Error of forecasts in the order of `y`.

    Notes
    -----
    Consecutive windows share steps. For an unbiased score, split in temporal order and leave out
    the windows that overlap both sides: ``TimeSeriesSplit(gap=(window + horizon - 1) // step)``.

    For each of the `known_columns`, X has an additional column after all others, which holds its
    values `horizon` steps later: with ``horizon=6`` a step of column "holiday+6" holds the value
    of "holiday" six steps after it. The last six steps of the window thus hold the values at the
    six steps to forecast. A horizon longer than the window needs more columns: with ``window=4``
    and ``horizon=6``, "holiday+6" and "holiday+2".

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import make_windows
    >>> X, y = make_windows(np.arange(6), window=3)
    >>> X
    array([[0, 1, 2],
           [1, 2, 3],
           [2, 3, 4]])
    >>> y
    array([3, 4, 5])

    Forecast the second of two features for two steps:

    >>> series = np.column_stack([np.arange(6), 10 * np.arange(6)])
    >>> X, y = make_windows(series, window=3, horizon=2, target_columns=1)
    >>> X.shape
    (2, 3, 2)
    >>> y
    array([[30, 40],
           [40, 50]])

    Forecast sales, with prices that are known in advance:

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"sales": [7, 5, 6, 9, 8], "price": [1, 2, 2, 1, 1]})
    >>> X, y = make_windows(frame, window=3, known_columns="price")
    >>> X.feature_names
    ('sales', 'price', 'price+1')
    >>> X[0]
    array([[7, 1, 2],
           [5, 2, 2],
           [6, 2, 1]])
    >>> y
    array([9, 8])
    """
    check_options(window=window, horizon=horizon, step=step, missing=missing)
    steps = read_series(series)
    check_lengths(steps, window, horizon)
    known = _positions("known_columns", known_columns, steps)
    targets = _targets(steps, _target_positions(target_columns, known, steps))
    inputs = _with_known(steps, known, _shifts(window, horizon))
    starts = first_steps(steps.offsets, window + horizon, step)
    parts = [(inputs, 0, window), (targets, window, horizon)]
    starts = usable_windows(starts, parts, missing)
    X = cut_steps(inputs, starts, window)
    y = cut(targets.values[window:], starts, horizon).reshape(len(X), -1)
    y = np.ascontiguousarray(y[:, 0] if y.shape[1] == 1 else y)
    return X, y


def last_windows(
    series: object,
    window: int,
    horizon: int = 1,
    *,
    known_columns: Columns = None,
    future: object = None,
    missing: Literal["error", "keep"] = "error",
) -> Any:
    """Cut the last window from each series, to forecast beyond its end.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_features), or several of them
        One series or several, as for `make_windows`.
    window : int
        Number of steps per window.
    horizon : int, default=1
        Number of steps to forecast after each window. It matters only with `known_columns`.
    known_columns : int, str or list of int or str, default=None
        Features whose future values are known, as for `make_windows`.
    future : array-like of shape (horizon,) or (horizon, n_known), or several of them, default=None
        Values of the `known_columns` at the `horizon` steps after the end of each series: an array
        with these columns, in this order, or a DataFrame with columns of these names and possibly
        others. Several series need a list of them, or an array with an additional first axis.
        Required if `known_columns` is set, and not allowed otherwise.
    missing : {"error", "keep"}, default="error"
        Whether missing values (NaN) in these windows raise an error or are kept.

    Returns
    -------
    X : ndarray of shape (n_series, window) or (n_series, window, n_features), or Sequences
        One window per series, with the features of the X that `make_windows` returns.

    Raises
    ------
    ValueError
        If a series is shorter than `window`, if `future` is missing, not allowed or of another
        shape, or for the same values and columns as in `make_windows`.

    See Also
    --------
    make_windows : Windows and the steps that follow them.

    Examples
    --------
    >>> import pandas as pd
    >>> from sksequence.preprocessing import last_windows
    >>> last_windows([1, 2, 3, 4], window=3)
    array([[2, 3, 4]])
    >>> frame = pd.DataFrame({"sales": [7, 5, 6, 9, 8], "price": [1, 2, 2, 1, 1]})
    >>> prices = pd.DataFrame({"price": [3]})
    >>> X = last_windows(frame, window=3, known_columns="price", future=prices)
    >>> X[0]
    array([[6, 2, 1],
           [9, 1, 1],
           [8, 1, 3]])
    """
    check_options(window=window, horizon=horizon, missing=missing, allowed=("error", "keep"))
    steps = read_series(series)
    check_lengths(steps, window, 0)
    known = _positions("known_columns", known_columns, steps)
    starts = steps.offsets[1:] - window
    usable_windows(starts, [(steps, 0, window)], missing, remedies=MAY_KEEP)
    if len(known) == 0 and future is None:
        return cut_steps(steps, starts, window)
    ahead = _future(future, known, steps, horizon, several=are_several(series), missing=missing)
    return _continued(steps, starts, known, ahead, window, horizon)


# --- columns --------------------------------------------------------------------------------------


def _positions(argument: str, columns: Columns, steps: Steps) -> NDArray[np.intp]:
    """Return the positions of columns; None stands for no column."""
    if columns is None:
        return np.empty(0, dtype=np.intp)
    if steps.values.ndim == 1:
        raise ValueError(
            f"{argument}={columns!r} needs features to choose from, but the series has none; "
            f"use {argument}=None."
        )
    return positions(argument, columns, steps.names, steps.values.shape[1])


def _target_positions(
    columns: Columns, known: NDArray[np.intp], steps: Steps
) -> NDArray[np.intp] | None:
    """Return the positions of the targets, None for all features."""
    is_all = isinstance(columns, str) and columns == "all" and "all" not in steps.columns
    if (columns is None or is_all) and len(known) == 0 and not steps.categories:
        return None
    if columns is None or is_all:
        every = np.arange(steps.values.shape[1])
        targets = every if is_all else np.setdiff1d(every, known)
    else:
        targets = _positions("target_columns", columns, steps)
    both = np.intersect1d(targets, known)
    if len(targets) == 0 or len(both):
        name = repr(steps.columns[int(both[0])]) if len(both) else "every feature"
        raise ValueError(
            f"known_columns contains {name}, so that it need not be forecast; expected other "
            "features as targets. Leave it out of known_columns or of target_columns."
        )
    _check_numbers(columns, targets, steps)
    return targets


def _check_numbers(columns: Columns, targets: NDArray[np.intp], steps: Steps) -> None:
    category = next((int(i) for i in targets if i in steps.categories), None)
    if category is None:
        return
    numbers = [name for i, name in enumerate(steps.columns) if i not in steps.categories]
    raise ValueError(
        f"target_columns={columns!r} contains {steps.columns[category]!r}, which holds strings or "
        f"categories; only numbers can be forecast. Choose target_columns from {numbers}."
    )


def _targets(steps: Steps, targets: NDArray[np.intp] | None) -> Steps:
    if targets is None:
        return steps
    names = None if steps.names is None else [steps.names[i] for i in targets]
    return Steps(steps.values[:, targets], steps.offsets, names)


def _shifts(window: int, horizon: int) -> range:
    """Return by how many steps known values are shifted, so that windows hold all future ones."""
    return range(horizon, 0, -window)


def _with_known(steps: Steps, known: NDArray[np.intp], shifts: range) -> Steps:
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
    return join_columns([table, *renamed])


def _continued(
    steps: Steps,
    starts: NDArray[np.int64],
    known: NDArray[np.intp],
    ahead: Steps,
    window: int,
    horizon: int,
) -> Any:
    """Return windows with columns of known values, which continue beyond their end."""
    shifts = _shifts(window, horizon)
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
    table = with_categories(table, X.table)
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


def _future(
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
    tables = [table_like(like, dict(zip(names, array.T.tolist(), strict=True))) for array in arrays]
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
    return replace(ahead, table=table_like(steps.table, dict(zip(names, columns, strict=True))))
