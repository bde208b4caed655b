"""Forecasts of several series, with the dates and names that the series came with."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from sksequence._batching import Sequences
from sksequence._tables import check_rows_are_steps, holds_times, is_table, series_name

if TYPE_CHECKING:
    import pandas as pd

# fewest dates from which pandas infers a frequency
_FEWEST_DATES = 3


class Forecast(Bunch):
    """Forecasts of several series, as `SequenceGenerator.forecast` returns them.

    Values are in units of X. With several features to predict, all arrays but `levels` have the
    features as an additional last axis. Attributes are also the items of a dictionary.

    Attributes
    ----------
    mean : ndarray of shape (n_sequences, horizon)
        Mean of the sample paths.
    median : ndarray of shape (n_sequences, horizon)
        Median of the sample paths.
    quantiles : ndarray of shape (n_quantiles, n_sequences, horizon)
        Quantiles of the sample paths at each step.
    levels : ndarray of shape (n_quantiles,)
        Levels of the quantiles.
    paths : ndarray of shape (n_sequences, n_samples, horizon)
        Sample paths.
    ids : list
        Name of each series: its entry in the index if X was a table whose rows are series, its own
        name if X was a list of Series, or of DataFrames with one column, of different names, and
        its position otherwise.
    indexes : list
        Index of the steps of each series if it holds dates (`pandas.DatetimeIndex`,
        `pandas.PeriodIndex`), else None.
    feature_names : list or None
        Names of the predicted features, if X had names.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sksequence import SequenceGenerator
    >>> months = pd.date_range("2020-01-01", periods=36, freq="MS")
    >>> sales = [pd.Series(np.arange(36.0) % 12, index=months, name="shop 1")]
    >>> generator = SequenceGenerator(hidden_size=4, max_epochs=1, random_state=0).fit(sales)
    >>> forecast = generator.forecast(sales, horizon=3, random_state=0)
    >>> forecast
    Forecast(n_sequences=1, horizon=3, n_features=1, n_samples=200, quantiles=[0.1, 0.5, 0.9])
    >>> frame = forecast.to_frame()
    >>> frame.columns.tolist()
    ['id', 'date', 'step', 'mean', 'median', 'q0.1', 'q0.5', 'q0.9']
    >>> frame["date"].dt.month.tolist()
    [1, 2, 3]
    """

    def __repr__(self) -> str:
        """Return the sizes, without the arrays."""
        n_sequences, n_samples, horizon, *n_features = self.paths.shape
        return (
            f"Forecast(n_sequences={n_sequences}, horizon={horizon}, "
            f"n_features={n_features[0] if n_features else 1}, n_samples={n_samples}, "
            f"quantiles={self.levels.tolist()})"
        )

    def to_frame(
        self,
        *,
        ids: Iterable[Hashable] | None = None,
        last_dates: object = None,
        freq: object = None,
    ) -> pd.DataFrame:
        """Return the forecasts as a long table with one row per series, feature and step.

        Parameters
        ----------
        ids : array-like of shape (n_sequences,), default=None
            Names of the series. None stands for `ids` of the forecast.
        last_dates : date-like or array-like of shape (n_sequences,), default=None
            Date of the last step of each series, or of all series. None reads it from the index of
            a series; without such an index, the table has no dates.
        freq : str or pandas offset, default=None
            Time from one step to the next, such as "MS" for the start of each month. None reads it
            from the index of each series. Required with `last_dates`, unless these are periods,
            and for an index that leaves out dates or periods. Periods can be longer steps apart:
            after months, "3M" is every third one from the last step on, "Q" (as "QE") the last
            month of each quarter, which is that of `pandas.PeriodIndex.asfreq`, and "QS" the first.

        Returns
        -------
        frame : pandas DataFrame
            Columns "id", "date" (if dates are known), "step" (from 1 on), "feature" (if several
            features are predicted), "mean", "median", and one per quantile, such as "q0.1".

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            If a number of ids or dates is not that of the series, or if a frequency is neither
            given nor known.
        """
        pandas = _pandas()
        n_sequences, horizon, *widths = self.mean.shape
        names = self.ids if ids is None else list(ids)
        if len(names) != n_sequences:
            raise ValueError(
                f"ids has {len(names)} entries, but there are forecasts of {n_sequences} series. "
                "Pass one name per series."
            )
        features = self.feature_names or list(range(*widths or [1]))
        n_features, steps = len(features), np.arange(1, horizon + 1)
        columns: dict[str, Any] = {"id": np.repeat(_as_objects(names), n_features * horizon)}
        dates = self._dates(pandas, last_dates, freq)
        if dates is not None:
            repeated = [part for part in dates for _ in range(n_features)]
            columns["date"] = pandas.Index([date for part in repeated for date in part])
        columns["step"] = np.tile(steps, n_sequences * n_features)
        if widths:
            columns["feature"] = np.tile(np.repeat(_as_objects(features), horizon), n_sequences)
        quantiles = [f"q{level:g}" for level in self.levels.tolist()]
        for name, values in zip(
            ["mean", "median", *quantiles], [self.mean, self.median, *self.quantiles], strict=True
        ):
            by_feature = values.reshape(n_sequences, horizon, n_features).swapaxes(1, 2)
            columns[name] = by_feature.ravel()
        frame: pd.DataFrame = pandas.DataFrame(columns).infer_objects()
        return frame

    def _dates(self, pandas: Any, last_dates: object, freq: object) -> list[Any] | None:
        """Return the dates of the steps of each series, None if they are not known."""
        n_sequences, horizon = self.mean.shape[:2]
        if last_dates is not None:
            ends = _one_per_series(pandas, last_dates, n_sequences)
            return [
                _following(pandas, end, _given_frequency(end, freq), horizon, self.ids[i])
                for i, end in ends
            ]
        if any(index is None for index in self.indexes):
            if freq is None:
                return None
            raise ValueError(
                f"freq={freq!r} needs the date of the last step of each series, but series "
                f"{self.ids[self.indexes.index(None)]!r} of X has no index of dates. Pass "
                "last_dates, or forecast series of pandas with a DatetimeIndex."
            )
        return [
            _following(pandas, index[-1], freq or _frequency(pandas, index), horizon, name)
            for index, name in zip(self.indexes, self.ids, strict=True)
        ]


def summarise_paths(
    paths: NDArray[np.float64],
    levels: NDArray[np.float64],
    X: object,
    feature_names: list[Hashable] | None,
) -> Forecast:
    """Summarise sample paths (n_sequences, n_samples, horizon[, n_features]) after X."""
    return Forecast(
        mean=paths.mean(axis=1),
        median=np.median(paths, axis=1),
        quantiles=np.quantile(paths, levels, axis=1),
        levels=levels,
        paths=paths,
        ids=_ids(X, len(paths)),
        indexes=_indexes(X, len(paths)),
        feature_names=feature_names,
    )


def check_dates_after(X: object, future: object) -> None:
    """Raise a ValueError if the dates of known values are not those after the end of X."""
    if not (isinstance(X, list | tuple) and isinstance(future, list | tuple)):
        return
    for i, (sequence, coming) in enumerate(zip(X, future, strict=False)):
        past, later = _index_of_dates(sequence, "X"), _index_of_dates(coming, "future")
        if past is None or later is None or past.dtype.kind != later.dtype.kind:
            continue
        freq = _frequency(_pandas(), past)
        following = None if freq is None else _following(_pandas(), past[-1], freq, len(later), i)
        have_zones = {getattr(dates, "tz", None) is None for dates in (past, later)}
        if len(have_zones) > 1 or not (
            later[0] > past[-1] if following is None else (following == later).all()
        ):
            raise ValueError(
                f"future[{i}] begins at {later[0]}, but sequence {i} of X ends at {past[-1]}"
                f"{'' if freq is None else f' and has a step per {freq.freqstr}'}. Pass the values "
                "of the steps after its end or, to pair them by position, values without dates: "
                f"future[{i}].reset_index(drop=True)."
            )


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise ImportError(
            "to_frame returns a DataFrame of pandas, which is not installed: pip install pandas. "
            "The same numbers are in the attributes mean, median and quantiles."
        ) from None
    return pandas


def _as_objects(items: Sequence[Hashable]) -> NDArray[np.object_]:
    """Return items as an array of one dimension, tuples included."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


# --- ids and dates of X ---------------------------------------------------------------------------


def _ids(X: object, n_sequences: int) -> list[Hashable]:
    """Return the ids or names of series, their positions if they have none."""
    if isinstance(X, Sequences) and X.ids is not None:
        return list(X.ids)
    index: Any = getattr(X, "index", None)
    if is_table(X) and hasattr(index, "nlevels"):  # rows are series
        return list(index)
    names: list[Hashable] = (
        [series_name(series) for series in X] if isinstance(X, list | tuple) else [None]
    )
    is_named = all(name not in (None, "") for name in names) and len(set(names)) == n_sequences
    return names if is_named else list(range(n_sequences))


def _indexes(X: object, n_sequences: int) -> list[Any]:
    """Return the index of each series if it holds dates, else None."""
    of_rows = isinstance(X, list | tuple) or (isinstance(X, Sequences) and X.table is not None)
    if not of_rows:
        return [None] * n_sequences
    series: Any = X
    return [_index_of_dates(own, f"X[{i}]") for i, own in enumerate(series)]


def _index_of_dates(series: object, argument: str) -> Any:
    index: Any = getattr(series, "index", None)
    if not hasattr(index, "nlevels") or index.nlevels > 1 or len(index) == 0:
        return None
    is_elapsed = not hasattr(index, "year")  # times since a start are no dates
    if is_elapsed or not (holds_times(index) and hasattr(index, "freq")):
        return None
    check_rows_are_steps(series, argument)
    return index


def _one_per_series(pandas: Any, last_dates: object, n_sequences: int) -> Iterable[tuple[int, Any]]:
    """Return the date of the last step of each series, with the position of the series."""
    if isinstance(last_dates, np.ndarray) and last_dates.ndim == 0:
        last_dates = last_dates[()]
    is_single = isinstance(last_dates, str) or not hasattr(last_dates, "__len__")
    dates: Any = [last_dates] * n_sequences if is_single else last_dates
    if len(dates) != n_sequences:
        raise ValueError(
            f"last_dates has {len(dates)} entries, but there are forecasts of {n_sequences} "
            "series. Pass one date for all of them, or one per series."
        )
    return enumerate(date if hasattr(date, "freq") else pandas.Timestamp(date) for date in dates)


def _given_frequency(end: Any, freq: Any) -> Any:
    """Return the frequency after a given date, by default that of a period."""
    if freq is None and not hasattr(end, "freq"):
        raise ValueError(
            f"last_dates needs freq, the time from one step to the next; got {end} and freq=None. "
            "Pass freq, such as freq='D' for days, 'B' for business days or 'MS' for months."
        )
    return end.freq if freq is None else freq


def _frequency(pandas: Any, index: Any) -> Any:
    """Return the frequency of an index, None if its steps are irregular."""
    if hasattr(index, "to_timestamp"):  # periods have a frequency even if some are left out
        return index.freq if (index[:-1] + 1).equals(index[1:]) else None
    if index.freq is not None or len(index) < _FEWEST_DATES:
        return index.freq
    return pandas.DatetimeIndex(index, freq="infer").freq


def _following(pandas: Any, end: Any, freq: Any, horizon: int, name: Hashable) -> Any:
    """Return the dates of the steps after `end`."""
    if freq is None:
        raise ValueError(
            f"The dates of series {name!r} have no regular frequency, so that the dates after its "
            f"end, {end}, are not known. Pass freq, such as freq='D' for days, 'B' for business "
            "days or 'MS' for months."
        )
    if hasattr(end, "freq"):
        return _following_periods(pandas, end, freq, horizon, name)
    dates = pandas.date_range(end, periods=horizon + 1, freq=freq)
    return dates[1:] if dates[0] == end else dates[:-1]


def _following_periods(pandas: Any, end: Any, freq: Any, horizon: int, name: Hashable) -> Any:
    """Return the periods after `end` at steps of `freq`, which may be longer than the periods."""
    if freq == end.freq:
        return pandas.period_range(end + 1, periods=horizon)
    try:
        offset = pandas.tseries.frequencies.to_offset(freq)
    except ValueError:  # a name of periods only, such as "M"
        offset = pandas.Period("2000-01-01", freq=freq).freq
    stamps = pandas.date_range(end.to_timestamp(), periods=horizon + 1, freq=offset)
    periods = stamps.to_period(end.freq)
    later = periods[1:] if periods[0] == end else periods[:-1]
    if later[0] <= end or not later.is_unique:
        raise ValueError(
            f"freq={freq!r} is shorter than the periods of series {name!r}, which ends in {end} "
            f"with periods of freq={end.freqstr!r}. Pass a freq of at least one period."
        )
    return later
