"""Sliding windows: from series to the X and y of a forecasting task.

Knows nothing of estimators. Shapes: a series is (n_steps,) or (n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence.preprocessing._checks import check_count
from sksequence.preprocessing._layout import flatten

Columns = int | str | Sequence[int | str] | None


def make_windows(
    series: Any,
    window: int,
    horizon: int = 1,
    *,
    step: int = 1,
    target_columns: Columns = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cut series into windows and the steps that follow each of them.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_features), or several of them
        One series: a 1-D array, a 2-D array or a DataFrame whose rows are steps. Several series: a
        list, an object array, a `Sequences` container or a 3-D array of shape
        (n_series, n_steps, n_features); their lengths may differ, and no window straddles two.
    window : int
        Steps of each window.
    horizon : int, default=1
        Steps to forecast after each window.
    step : int, default=1
        Steps from the start of one window to the start of the next.
    target_columns : int, str or list of them, default=None
        The features that y holds, by position, or by name if the series is a DataFrame. None means
        all of them.

    Returns
    -------
    X : ndarray of shape (n_windows, window) or (n_windows, window, n_features)
        The windows, in the order of time, series after series; without an axis of features if the
        series has none. For one series it is a read-only view, which takes no memory.
    y : ndarray of shape (n_windows,) or (n_windows, horizon * n_targets)
        The steps that follow, in row-major order: all targets of the first step, then all of the
        second. One value per window makes a 1-D array.

    Raises
    ------
    ValueError
        If a size is below 1, a series is shorter than ``window + horizon``, the values are not
        numbers, or there is no such target column.

    Notes
    -----
    Neighbouring windows share steps. For an honest score, split in the order of time and leave out
    the windows that overlap both sides:
    ``TimeSeriesSplit(gap=(window + horizon - 1) // step)``, which is ``window + horizon - 1`` for
    ``step=1``. The input for the forecast beyond the end is ``series[-window:]``.

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

    Two features, the second of them to be forecast two steps ahead:

    >>> series = np.column_stack([np.arange(6), 10 * np.arange(6)])
    >>> X, y = make_windows(series, window=3, horizon=2, target_columns=1)
    >>> X.shape
    (2, 3, 2)
    >>> y
    array([[30, 40],
           [40, 50]])
    """
    for name, value in (("window", window), ("horizon", horizon), ("step", step)):
        check_count(name, value)
    values, offsets = _as_steps(series)
    _check_lengths(np.diff(offsets), window, horizon, single=len(offsets) == 2)
    starts = _starts(offsets, window + horizon, step)
    targets = _targets(values, series, target_columns)
    X = np.moveaxis(sliding_window_view(values, window, axis=0)[starts], -1, 1)
    ahead = np.moveaxis(sliding_window_view(targets[window:], horizon, axis=0)[starts], -1, 1)
    y = ahead.reshape(len(ahead), -1)
    return X, np.ascontiguousarray(y[:, 0] if y.shape[1] == 1 else y)


def _as_steps(series: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the steps of all series, with or without features, and where each series starts."""
    if _are_several(series):
        values, layout = flatten(series)
        values, offsets = (values[:, 0] if layout.numbers else values), layout.offsets
    else:
        values = np.asarray(series)
        if values.ndim not in (1, 2):
            raise ValueError(
                f"A series is (n_steps,) or (n_steps, n_features); got an array of shape "
                f"{values.shape}. Pass several series as a list."
            )
        offsets = np.array([0, len(values)], dtype=np.int64)
    if values.dtype.kind not in "biufc":
        raise ValueError(
            f"series holds values of type {values.dtype}; windows are cut from numbers. Drop or "
            "encode the other columns."
        )
    return values, offsets


def _are_several(series: Any) -> bool:
    if isinstance(series, Sequences):
        return True
    if isinstance(series, list | tuple):
        return len(series) == 0 or np.ndim(series[0]) > 0
    if getattr(series, "ndim", 0) == 1 and getattr(series, "dtype", None) == object:
        return np.ndim(np.asarray(series)[0]) > 0 if len(series) else False
    return getattr(series, "ndim", 0) == 3


def _check_lengths(lengths: NDArray[np.int64], window: int, horizon: int, *, single: bool) -> None:
    short = np.flatnonzero(lengths < window + horizon)
    if len(short):
        which = "The series" if single else f"Series {short[0]}"
        raise ValueError(
            f"{which} has {lengths[short[0]]} steps; window={window} and horizon={horizon} need at "
            f"least {window + horizon}. Shorten them, or leave out the series."
        )


def _starts(offsets: NDArray[np.int64], span: int, step: int) -> Any:
    """Return the first step of each window; a slice keeps the windows of one series a view."""
    if len(offsets) == 2:
        return slice(0, int(offsets[1]) - span + 1, step)
    ends = offsets[1:] - span + 1
    return np.concatenate([np.arange(a, b, step) for a, b in zip(offsets[:-1], ends, strict=True)])


def _targets(values: NDArray[Any], series: Any, columns: Columns) -> NDArray[Any]:
    if columns is None:
        return values
    if values.ndim == 1:
        raise ValueError(
            f"target_columns={columns!r}, but the series has no features to choose from; "
            "leave target_columns at None."
        )
    chosen = [columns] if isinstance(columns, int | str | np.integer) else list(columns)
    frame = series[0] if _are_several(series) else series
    names: list[Any] = list(getattr(frame, "columns", range(values.shape[1])))
    for column in chosen:
        if column not in names and column not in range(values.shape[1]):
            raise ValueError(
                f"target_columns names {column!r}; the series has the columns {names}."
            )
    picked = [names.index(c) if c in names else c for c in chosen]
    return values[:, np.array(picked, dtype=np.intp)]
