"""Numbers and dates of forecasts, checked: a panel per series for `ForecastDisplay`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._tables import is_table

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ForecastPanel:
    """Numbers of one series, of shape (n_steps, n_features) each.

    Attributes
    ----------
    history, mean, actuals : ndarray of shape (n_steps, n_features)
        Observed values, point forecasts, and the values that came true, of which there may be none.
    quantiles : ndarray of shape (n_quantiles, horizon, n_features)
        Quantiles of the forecast.
    places : ndarray of shape (n_steps + horizon,)
        Place of each step of the history and of the forecast on the axis: its date or its number.
    """

    history: Floats
    mean: Floats
    quantiles: Floats
    actuals: Floats
    places: NDArray[Any]


def read_panels(
    history: Sequence[ArrayLike],
    *,
    mean: ArrayLike,
    quantiles: ArrayLike | None,
    levels: Floats,
    actuals: object,
    dates: object,
) -> list[ForecastPanel]:
    """Return the panels of `ForecastDisplay`, whose parameters these are."""
    points = _with_features(_as_array("mean", mean), 3)
    observed = _read_histories(history, points)
    n_steps = [len(own) + points.shape[1] for own in observed]
    columns = zip(
        observed,
        points,
        _read_quantiles(quantiles, levels, points),
        _read_actuals(actuals, points),
        _read_dates(dates, n_steps),
        strict=True,
    )
    return [ForecastPanel(*column) for column in columns]


def read_levels(levels: ArrayLike | None) -> Floats:
    """Return the levels of quantiles, none if they are not given."""
    own = _as_array("levels", [] if levels is None else levels)
    if own.ndim != 1 or not np.all((own >= 0) & (own <= 1)):
        raise ValueError(
            f"levels must be a list of numbers between 0 and 1, one per quantile; got {levels!r}. "
            "The level of the quantile of 90 % is 0.9."
        )
    return own


def read_names(argument: str, names: Sequence[Hashable] | None, n: int, what: str) -> list[str]:
    """Return one name per series or feature, by default their numbers."""
    if names is None:
        return [f"{what} {i}" for i in range(n)]
    if isinstance(names, str) or len(names) != n:
        got = repr(names) if isinstance(names, str) else f"{len(names)} names"
        raise ValueError(
            f"{argument} must be a list of {n}, one name per {what.lower()}; got {got}. None "
            "numbers them."
        )
    return [str(name) for name in names]


def _as_array(name: str, values: object) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be an array of numbers; got {values!r:.60}, whose rows are of different "
            "lengths, or which holds other things than numbers."
        ) from error


def _with_features(array: Floats, n_dims: int) -> Floats:
    """Return values with an axis of features, the last of `n_dims`."""
    return array[..., None] if array.ndim == n_dims - 1 else array


def _check_shape(mean: Floats, n_sequences: int) -> None:
    if mean.ndim != 3 or len(mean) != n_sequences:
        raise ValueError(
            f"mean has shape {mean.shape} for a history of {n_sequences} series; "
            f"expected ({n_sequences}, horizon) or ({n_sequences}, horizon, n_features). Pass one "
            "forecast per series; for a single series, lists of one: [history], [mean]."
        )


def _read_histories(history: Sequence[ArrayLike], mean: Floats) -> list[Floats]:
    if is_table(history):
        raise TypeError(
            f"history must be a list of series; got a {type(history).__name__}. Pass "
            "list(history.to_numpy()) if its rows are series, or [history[name] for name in "
            "history] if its columns are."
        )
    _check_shape(mean, len(history))
    n_features = mean.shape[2]
    arrays = [_with_features(_as_array(f"history[{i}]", own), 2) for i, own in enumerate(history)]
    for i, own in enumerate(arrays):
        if own.ndim != 2 or own.shape[1] != n_features:
            raise ValueError(
                f"history[{i}] has shape {own.shape}; expected (n_steps, {n_features}), as mean "
                f"has {n_features} features per step. Pass a list of series, each with its steps "
                "in the first axis, and of the features only those that are forecast."
            )
    return arrays


def _read_quantiles(quantiles: ArrayLike | None, levels: Floats, mean: Floats) -> list[Floats]:
    if quantiles is None:
        if len(levels):
            raise ValueError(
                f"levels has {len(levels)} entries, but there are no quantiles. Pass quantiles of "
                f"shape {(len(levels), *mean.shape)}, or no levels."
            )
        return list(np.empty((len(mean), 0, *mean.shape[1:])))
    array = _with_features(_as_array("quantiles", quantiles), 4)
    if not len(levels):
        raise ValueError(
            f"quantiles has shape {array.shape}, but levels is empty. Pass the level of each, such "
            "as levels=[0.1, 0.9]."
        )
    if array.shape != (len(levels), *mean.shape):
        raise ValueError(
            f"quantiles has shape {array.shape}; {len(levels)} levels and a mean of shape "
            f"{mean.shape} need {(len(levels), *mean.shape)}."
        )
    return list(array.swapaxes(0, 1))


def _read_actuals(actuals: Any, mean: Floats) -> list[Floats]:
    n_sequences, horizon, n_features = mean.shape
    if actuals is None:
        return [np.empty((0, n_features))] * n_sequences
    if len(actuals) != n_sequences:
        raise ValueError(
            f"actuals holds {len(actuals)} series; the forecast has {n_sequences}. Pass the values "
            "after each history; for a single series, a list of one: [actuals]."
        )
    arrays = [_with_features(_as_array(f"actuals[{i}]", own), 2) for i, own in enumerate(actuals)]
    for i, own in enumerate(arrays):
        if own.ndim != 2 or own.shape[1] != n_features or len(own) > horizon:
            raise ValueError(
                f"actuals[{i}] has shape {own.shape}; the forecast has {horizon} steps of "
                f"{n_features} features. Pass the values after each history, up to the horizon."
            )
    return arrays


# --- dates ----------------------------------------------------------------------------------------


def _read_dates(dates: Any, n_steps: list[int]) -> list[NDArray[Any]]:
    """Return the place of each step of each series on the axis."""
    if dates is None:
        return [np.arange(n) for n in n_steps]
    if not hasattr(dates, "__len__"):
        raise TypeError(
            f"dates must hold the dates of the steps of each series; got {dates!r:.60}. Pass a "
            "list of them, such as [index] for a single series."
        )
    columns = list(dates)
    if columns and np.ndim(columns[0]) == 0:  # one index for all series
        columns = [dates] * len(n_steps)
    if len(columns) != len(n_steps):
        raise ValueError(
            f"dates holds those of {len(columns)} series; the forecast has {len(n_steps)}. Pass "
            "the dates of the steps of each series, or one index for all."
        )
    return [_read_index(*column) for column in zip(columns, n_steps, strict=True)]


def _read_index(dates: Any, n_steps: int) -> NDArray[Any]:
    if len(dates) != n_steps:
        raise ValueError(
            f"dates has {len(dates)} entries for a series of {n_steps} steps, its history and its "
            f"forecast together. Pass {n_steps} dates for this series."
        )
    index = np.asarray(dates)
    if index.dtype.kind not in "OUT":
        return index
    try:
        return np.array([_local_time(date) for date in index.tolist()], dtype="datetime64[us]")
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"dates must hold dates, times or numbers; got {index.tolist()[0]!r}. Convert them, "
            "such as with pandas.to_datetime."
        ) from error


def _local_time(date: Any) -> Any:
    """Return the start of a period, and a time without its zone: axes show local times."""
    stamp = date.to_timestamp() if hasattr(date, "to_timestamp") else date
    return stamp.replace(tzinfo=None) if getattr(stamp, "tzinfo", None) is not None else stamp
