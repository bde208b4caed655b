"""Metrics for predictions of the next steps: scaled error and perplexity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._settings import check_count


def mean_absolute_scaled_error(
    y_true: ArrayLike, y_pred: ArrayLike, *, y_train: ArrayLike, season_length: int = 1
) -> float:
    """Compute the mean absolute error relative to that of the naive forecast on the training data.

    Values below 1 are better than repeating the last value (or season) was on average during
    training. The error has no unit and stays finite for values near 0, so that it can be compared
    between series [1]_.

    Parameters
    ----------
    y_true : array-like of shape (n_forecasts,) or (n_forecasts, horizon * n_features)
        The true values, in the order of `sksequence.preprocessing.make_windows`.
    y_pred : array-like of the same shape as `y_true`
        The forecasts.
    y_train : array-like of shape (n_steps,) or (n_steps, n_features)
        The series that the model was trained on. Each feature is scaled by its own naive error.
    season_length : int, default=1
        Number of steps per season: the naive forecast is the value one season earlier. 1 means the
        previous value.

    Returns
    -------
    loss : float
        Non-negative error; the best value is 0.

    Raises
    ------
    ValueError
        If the shapes do not match, if values are missing or infinite, if `season_length` is not a
        whole number of at least 1, or if `y_train` has a constant feature or is not longer than one
        season.

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
    true, predicted = _present(y_true, "y_true"), _present(y_pred, "y_pred")
    if true.shape != predicted.shape or true.size == 0:
        raise ValueError(
            f"y_true has shape {true.shape}, y_pred has {predicted.shape}; pass two non-empty "
            "arrays of the same shape."
        )
    scale = _naive_errors(_present(y_train, "y_train"), season_length)
    errors = np.abs(true - predicted)
    columns = errors.reshape(len(errors), -1) if errors.ndim else errors.reshape(1, 1)
    if columns.shape[1] % len(scale):
        raise ValueError(
            f"y_true has {columns.shape[1]} columns, y_train has {len(scale)} features; expected "
            "a multiple, horizon * n_features."
        )
    return float(np.mean(columns / np.tile(scale, columns.shape[1] // len(scale))))


def _naive_errors(series: NDArray[np.float64], season_length: int) -> NDArray[np.float64]:
    """Return the mean absolute error of the seasonal naive forecast of each feature."""
    check_count("season_length", season_length)
    if series.ndim not in (1, 2) or len(series) <= season_length:
        raise ValueError(
            f"y_train has shape {series.shape}; expected (n_steps,) or (n_steps, n_features) with "
            f"more than season_length={season_length} steps."
        )
    series = series.reshape(len(series), -1)
    scale = np.abs(series[season_length:] - series[:-season_length]).mean(axis=0)
    if not np.all(scale > 0):
        raise ValueError(
            f"y_train has the naive errors {scale.tolist()}; a series that is exactly periodic "
            "cannot be a scale. Use the mean absolute error."
        )
    return np.asarray(scale)


def perplexity(
    log_likelihood: ArrayLike | Sequence[ArrayLike], *, n_steps: ArrayLike | None = None
) -> float:
    """Compute the perplexity: the exponential of the mean negative log-likelihood per step.

    A model that finds k next steps equally likely has perplexity k [1]_.

    Parameters
    ----------
    log_likelihood : array-like of any shape, or list of array-like of shape (n_steps,)
        Natural logarithms of the probability of each step, or of whole sequences if `n_steps` is
        given.
    n_steps : array-like of int of the same shape as `log_likelihood`, default=None
        Number of steps that each entry stands for. None means one.

    Returns
    -------
    score : float
        Perplexity, lower is better: at least 1 for the probabilities of symbols, at least 0 for
        densities of numbers.

    Raises
    ------
    ValueError
        If there are no steps, if an entry is NaN, or if `n_steps` does not match.

    See Also
    --------
    sksequence.SequenceGenerator.perplexity : Perplexity of a fitted generator.

    References
    ----------
    .. [1] F. Jelinek, R. L. Mercer, L. R. Bahl, J. K. Baker (1977). "Perplexity: a measure of the
       difficulty of speech recognition tasks". Journal of the Acoustical Society of America 62.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.metrics import perplexity
    >>> round(perplexity(np.log([[0.25, 0.25], [0.25, 0.25]])), 6)
    4.0
    >>> round(perplexity([np.log(1 / 8), np.log(1 / 2)], n_steps=[3, 1]), 6)
    2.0
    """
    flat = _flat(log_likelihood)
    if np.isnan(flat).any():
        raise ValueError("log_likelihood contains NaN; leave out the steps that were not scored.")
    total = len(flat)
    if n_steps is not None:
        steps = _flat(n_steps)
        is_count = np.isfinite(steps) & (steps >= 0) & (steps == np.floor(steps))
        if steps.shape != flat.shape or not is_count.all():
            raise ValueError(
                f"n_steps has {len(steps)} entries, log_likelihood has {len(flat)}; expected one "
                "non-negative whole number of steps per entry."
            )
        total = int(steps.sum())
    if total == 0:
        raise ValueError("log_likelihood has no steps; pass at least one.")
    with np.errstate(over="ignore"):  # infinity is the correct result
        return float(np.exp(-flat.sum() / total))


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return an argument as an array of numbers."""
    with suppress(RuntimeError, TypeError, ValueError):
        array = np.asarray(values)
        if array.dtype.kind != "c":  # numpy would discard the imaginary parts
            return array.astype(np.float64, copy=False)
    raise ValueError(
        f"{name} is {values!r:.60}, which is not an array of numbers. Convert it to one."
    )


def _present(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return an argument as an array of finite numbers."""
    numbers = _numbers(values, name)
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        place = "".join(f"[{i}]" for i in bad[0].tolist())
        raise ValueError(
            f"{name}{place} is {numbers[tuple(bad[0])]}, which has no finite error. Pass finite "
            "numbers only, such as the rows without missing values."
        )
    return numbers


def _flat(values: ArrayLike | Sequence[ArrayLike]) -> NDArray[np.float64]:
    rows: Any = values
    if not isinstance(rows, Iterable) or getattr(values, "dtype", object) != object:
        return _numbers(rows, "log_likelihood").ravel()
    pieces = [_numbers(row, f"log_likelihood[{i}]").ravel() for i, row in enumerate(rows)]
    return np.concatenate(pieces) if pieces else np.empty(0)
