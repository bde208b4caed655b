"""Errors of forecasts in units that can be compared between series."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mean_absolute_scaled_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, y_train: ArrayLike, season_length: int = 1
) -> float:
    """Compute the mean absolute error in units of the naive forecast's error in training.

    Below 1, forecasts are better than repeating the last value (or season) was on average during
    training. It has no unit and stays finite near 0, so that series can be compared.

    Parameters
    ----------
    y_true : array-like of shape (n_forecasts,) or (n_forecasts, horizon * n_features)
        The true values, as `sksequence.preprocessing.make_windows` arranges them.
    y_pred : array-like of the shape of `y_true`
        The forecasts.
    y_train : array-like of shape (n_steps,) or (n_steps, n_features)
        The series the model was trained on; each feature has its own scale.
    season_length : int, default=1
        Steps of a season: the naive forecast is the value one season before. 1 means the last one.

    Returns
    -------
    loss : float
        From 0, the best.

    Raises
    ------
    ValueError
        If the shapes do not match, `y_train` is not longer than a season, or it never changes.

    References
    ----------
    .. [1] R. J. Hyndman, A. B. Koehler (2006). "Another look at measures of forecast accuracy".
       International Journal of Forecasting 22 (4), 679-688.

    Examples
    --------
    >>> from sksequence.metrics import mean_absolute_scaled_error
    >>> mean_absolute_scaled_error([5.0, 6.0], [4.0, 6.0], y_train=[1.0, 2.0, 3.0, 4.0])
    0.5
    """
    true, predicted = np.asarray(y_true, dtype=float), np.asarray(y_pred, dtype=float)
    if true.shape != predicted.shape or true.size == 0:
        raise ValueError(
            f"y_true has shape {true.shape}, y_pred has {predicted.shape}; they must be the same, "
            "and not empty."
        )
    scale = _naive_error(np.asarray(y_train, dtype=float), season_length)
    errors = np.abs(true - predicted)
    columns = errors.reshape(len(errors), -1) if errors.ndim else errors.reshape(1, 1)
    if columns.shape[1] % len(scale):
        raise ValueError(
            f"y_true has {columns.shape[1]} columns, y_train has {len(scale)} features; expected "
            "a multiple, horizon * n_features."
        )
    return float(np.mean(columns / np.tile(scale, columns.shape[1] // len(scale))))


def _naive_error(series: NDArray[Any], season_length: Any) -> NDArray[Any]:
    """Return the mean absolute error of the seasonal naive forecast of each feature."""
    if not isinstance(season_length, int | np.integer) or season_length < 1:
        raise ValueError(
            f"season_length={season_length!r} is not an integer of at least 1; pass the steps of "
            "a season, or 1."
        )
    if series.ndim not in (1, 2) or len(series) <= season_length:
        raise ValueError(
            f"y_train has shape {series.shape}; expected (n_steps,) or (n_steps, n_features) with "
            f"more than season_length={season_length} steps."
        )
    series = series.reshape(len(series), -1)
    scale = np.abs(series[season_length:] - series[:-season_length]).mean(axis=0)
    if not np.all(scale > 0):
        raise ValueError(
            f"y_train has the naive errors {scale.tolist()}; a series that repeats itself exactly, "
            "or has missing values, has no scale. Use the mean absolute error."
        )
    return np.asarray(scale)
