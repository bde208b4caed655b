"""Sliding windows: from series to the X and y of a forecasting task.

A series has shape (n_steps,) or (n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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
)
from sksequence.preprocessing._known_columns import (
    continued,
    read_future,
    shifts_of,
    with_known,
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
    inputs = with_known(steps, known, shifts_of(window, horizon))
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
    ahead = read_future(future, known, steps, horizon, several=are_several(series), missing=missing)
    return continued(steps, starts, known, ahead, window, horizon)


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
    advice = f"Choose target_columns from {numbers}" if numbers else "Add a column of numbers"
    raise ValueError(
        f"target_columns={columns!r} contains {steps.columns[category]!r}, which holds strings or "
        f"categories; only numbers can be forecast. {advice}."
    )


def _targets(steps: Steps, targets: NDArray[np.intp] | None) -> Steps:
    if targets is None:
        return steps
    names = None if steps.names is None else [steps.names[i] for i in targets]
    return Steps(steps.values[:, targets], steps.offsets, names)
