"""Sliding windows: from series to the X and y of a forecasting task.

A series has shape (n_steps,) or (n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence._settings import check_count
from sksequence.preprocessing._layout import Values, flatten

Columns = int | str | Sequence[int | str] | None


def make_windows(
    series: object,
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
        (n_series, n_steps, n_features). Their lengths may differ, and no window spans two series.
    window : int
        Number of steps per window.
    horizon : int, default=1
        Number of steps to forecast after each window.
    step : int, default=1
        Number of steps from the start of one window to the start of the next.
    target_columns : int, str or list of int or str, default=None
        Features to forecast, by position, or by name if the series is a DataFrame. None uses all
        features.

    Returns
    -------
    X : ndarray of shape (n_windows, window) or (n_windows, window, n_features)
        The windows in temporal order, series by series, without an axis of features if the series
        has none. For a single series it is a read-only view, which takes no memory.
    y : ndarray of shape (n_windows,) or (n_windows, horizon * n_targets)
        The steps that follow each window, in row-major order: all targets of the first step, then
        all targets of the second, and so on. The array is 1-D for one value per window.

    Raises
    ------
    ValueError
        If a size is not a whole number of at least 1, if a series is shorter than
        ``window + horizon``, if the values are not numbers, or if a target column does not exist.

    See Also
    --------
    sksequence.metrics.mean_absolute_scaled_error : Error of forecasts in the order of `y`.

    Notes
    -----
    Consecutive windows share steps. For an unbiased score, split in temporal order and leave out
    the windows that overlap both sides: ``TimeSeriesSplit(gap=(window + horizon - 1) // step)``.
    To forecast beyond the end of the series, predict from ``series[-window:]``.

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
    """
    for name, size in (("window", window), ("horizon", horizon), ("step", step)):
        check_count(name, size)
    values, offsets = _as_steps(series)
    _check_lengths(np.diff(offsets), window, horizon, single=len(offsets) == 2)
    starts = _starts(offsets, window + horizon, step)
    targets = _targets(values, series, target_columns)
    X = np.moveaxis(sliding_window_view(values, window, axis=0)[starts], -1, 1)
    ahead = np.moveaxis(sliding_window_view(targets[window:], horizon, axis=0)[starts], -1, 1)
    y = ahead.reshape(len(ahead), -1)
    return X, np.ascontiguousarray(y[:, 0] if y.shape[1] == 1 else y)


def _as_steps(series: object) -> tuple[Values, NDArray[np.int64]]:
    """Return the steps of all series, with or without an axis of features, and their offsets."""
    if _are_several(series):
        values, layout = flatten(series)
        values, offsets = (values[:, 0] if layout.scalar_steps else values), layout.offsets
    else:
        values = np.asarray(series)
        if values.ndim not in (1, 2):
            raise ValueError(
                f"Expected a series of shape (n_steps,) or (n_steps, n_features); got an array "
                f"of shape {values.shape}. Pass several series as a list."
            )
        offsets = np.array([0, len(values)], dtype=np.int64)
    if values.dtype.kind not in "biufc":
        raise ValueError(
            f"series has values of dtype {values.dtype}; expected numbers. Drop or encode the "
            "other columns."
        )
    return values, offsets


def _are_several(series: object) -> bool:
    """Check whether the argument is a container of several series."""
    if isinstance(series, Sequences):
        return True
    if isinstance(series, list | tuple):
        return len(series) == 0 or np.ndim(series[0]) > 0
    if getattr(series, "ndim", 0) == 1 and getattr(series, "dtype", None) == object:
        items = np.asarray(series)
        return len(items) > 0 and np.ndim(items[0]) > 0
    return getattr(series, "ndim", 0) == 3


def _check_lengths(lengths: NDArray[np.int64], window: int, horizon: int, *, single: bool) -> None:
    short = np.flatnonzero(lengths < window + horizon)
    if len(short):
        which = "The series" if single else f"Series {short[0]}"
        raise ValueError(
            f"{which} has {lengths[short[0]]} steps; window={window} and horizon={horizon} need at "
            f"least {window + horizon}. Reduce them, or leave out the series."
        )


def _starts(offsets: NDArray[np.int64], span: int, step: int) -> slice | NDArray[np.int64]:
    """Return the first step of each window; for a single series a slice, which gives a view."""
    if len(offsets) == 2:
        return slice(0, int(offsets[1]) - span + 1, step)
    ends = offsets[1:] - span + 1
    return np.concatenate([np.arange(a, b, step) for a, b in zip(offsets[:-1], ends, strict=True)])


def _targets(values: Values, series: object, columns: Columns) -> Values:
    """Return the target columns of all steps."""
    if columns is None:
        return values
    if values.ndim == 1:
        raise ValueError(
            f"target_columns={columns!r} needs features to choose from, but the series has none; "
            "use target_columns=None."
        )
    chosen = [columns] if isinstance(columns, int | str | np.integer) else list(columns)
    several: Any = series
    frame = several[0] if _are_several(series) else series
    names: list[Any] = list(getattr(frame, "columns", range(values.shape[1])))
    for column in chosen:
        if column not in names and column not in range(values.shape[1]):
            raise ValueError(
                f"target_columns contains {column!r}, which the series does not have; choose from "
                f"{names}."
            )
    picked = [names.index(c) if c in names else c for c in chosen]
    return values[:, np.array(picked, dtype=np.intp)]
