"""Display of numeric series and their forecasts, with bands between quantiles."""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence._forecasts import Forecast
from sksequence._generator import SequenceGenerator
from sksequence._input import Reading, read_input
from sksequence._settings import check_count
from sksequence.inspection._figures import axes_of_panels
from sksequence.inspection._generation_display import check_generator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

# steps of the past that are shown: a multiple of the horizon, but not fewer than these
_HORIZONS, _FEWEST_STEPS = 5, 50
_MOST_DATES = 6  # of a panel
_PANEL = 6.4, 2.4


class ForecastDisplay:
    """Series with their forecasts, bands between quantiles, and the actual values if known.

    Create one with `from_estimator` or `from_predictions`, which plot it. All parameters are stored
    as attributes.

    Parameters
    ----------
    history : list of array-like of shape (n_steps,) or (n_steps, n_features)
        The observed values of each series.
    mean : array-like of shape (n_sequences, horizon) or (n_sequences, horizon, n_features)
        Mean of each forecast, or another point forecast.
    quantiles : array-like of shape (n_quantiles, n_sequences, horizon) or \
(n_quantiles, n_sequences, horizon, n_features), default=None
        Quantiles of each forecast.
    levels : array-like of shape (n_quantiles,), default=None
        Levels of the quantiles. The lowest and the highest level bound one band, the second lowest
        and the second highest the next one, which is darker, and so on. One that is left in the
        middle is a dashed line.
    actuals : array-like of shape (n_sequences, n_actual) or (n_sequences, n_actual, n_features), \
default=None
        Values that were observed after the history, up to the horizon.
    names : sequence of length n_sequences, default=None
        Names of the series. None numbers them.
    feature_names : sequence of length n_features, default=None
        Names of the features. None numbers them.
    dates : sequence of array-like of shape (n_steps + horizon,), default=None
        Dates of all steps of each series and of its forecast. None counts the steps.
    n_history : int, default=None
        Number of last observed steps to plot. None plots five times the horizon, at least 50.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_sequences, n_features)
        Axes of each feature of each series.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    lines_ : list of matplotlib Line2D
        Mean forecasts, in the order of the axes.
    bands_ : list of matplotlib PolyCollection
        Bands, in the order of the axes, the widest one first.

    See Also
    --------
    sksequence.SequenceGenerator.forecast : Forecasts as arrays and as tables.
    QuantileCalibrationDisplay : Whether the bands contain as many values as they should.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from sksequence import SequenceGenerator
    >>> from sksequence.inspection import ForecastDisplay
    >>> series = np.sin(np.arange(40) / 2 + np.arange(20)[:, None])
    >>> past, actual = series[:, :32], series[:, 32:]
    >>> generator = SequenceGenerator(hidden_size=16, max_epochs=10, random_state=0).fit(past)
    >>> display = ForecastDisplay.from_estimator(
    ...     generator, past[:2], 8, actuals=actual[:2], random_state=0
    ... )
    >>> display.axes_.shape
    (2, 1)
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        history: Sequence[ArrayLike],
        *,
        mean: ArrayLike,
        quantiles: ArrayLike | None = None,
        levels: ArrayLike | None = None,
        actuals: ArrayLike | None = None,
        names: Sequence[Hashable] | None = None,
        feature_names: Sequence[Hashable] | None = None,
        dates: Sequence[ArrayLike] | None = None,
        n_history: int | None = None,
    ) -> None:
        self.history = history
        self.mean = mean
        self.quantiles = quantiles
        self.levels = levels
        self.actuals = actuals
        self.names = names
        self.feature_names = feature_names
        self.dates = dates
        self.n_history = n_history

    @classmethod
    def from_estimator(
        cls,
        estimator: SequenceGenerator,
        X: object,
        horizon: int,
        *,
        n_samples: int = 200,
        quantiles: Sequence[float] = (0.1, 0.9),
        future: object = None,
        actuals: ArrayLike | None = None,
        names: Sequence[Hashable] | None = None,
        freq: object = None,
        n_history: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        ax: Axes | Sequence[Axes] | NDArray[np.object_] | None = None,
    ) -> Self:
        """Forecast series and plot them.

        Parameters
        ----------
        estimator : SequenceGenerator
            Generator fitted on numbers.
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or \
list of arrays of shape (n_steps, n_features) or (n_steps,)
            Observed values of the series, in the form seen in `fit`. Each feature of each series
            is plotted on axes of its own. Those of pandas with an index of dates have dates.
        horizon : int
            Number of steps to forecast.
        n_samples : int, default=200
            Number of paths sampled per series.
        quantiles : sequence of float, default=(0.1, 0.9)
            Levels of the quantiles that bound the bands, between 0 and 1.
        future : array-like of shape (n_sequences, horizon, n_known), default=None
            Values of the `known_columns` at the steps to forecast.
        actuals : array-like of shape (n_sequences, n_actual) or \
(n_sequences, n_actual, n_features), default=None
            Values that were observed after X, up to the horizon.
        names : sequence of length n_sequences, default=None
            Names of the series. None takes those of X, or numbers them.
        freq : str or pandas offset, default=None
            Time from one step to the next. None reads it from the index of each series.
        n_history : int, default=None
            Number of last observed steps to plot. None plots five times the horizon, at least 50.
        random_state : int, RandomState instance or None, default=None
            Determines the sampling of paths. Pass an int for reproducible output across calls.
        ax : matplotlib Axes or array of Axes, default=None
            Axes to plot on, one per feature of each series. None creates a new figure.

        Returns
        -------
        display : ForecastDisplay
            The display, plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator is not a `SequenceGenerator`.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator was fitted on symbols, if X is not in the form seen in `fit`, or if a
            parameter is out of its range.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_generator(estimator, cls.__name__, symbols=False)
        forecast: Forecast = estimator.forecast(
            X,
            horizon,
            n_samples=n_samples,
            quantiles=quantiles,
            future=future,
            random_state=random_state,
        )
        raw = read_input(X, Reading(integers_are_symbols=False, analyzer=estimator.analyzer))
        codec: Any = estimator.__sksequence_reading__(cast("Sized", X)).blueprint.codec
        history = [values[:, codec.targets] for values in raw.sequences]
        is_numbered = forecast.ids == list(range(len(history)))
        return cls(
            history,
            mean=forecast.mean,
            quantiles=forecast.quantiles,
            levels=forecast.levels,
            actuals=actuals,
            names=names if is_numbered or names is not None else forecast.ids,
            feature_names=forecast.feature_names,
            dates=_dates(forecast, freq),
            n_history=n_history,
        ).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        history: Sequence[ArrayLike],
        mean: ArrayLike,
        *,
        quantiles: ArrayLike | None = None,
        levels: ArrayLike | None = None,
        actuals: ArrayLike | None = None,
        names: Sequence[Hashable] | None = None,
        feature_names: Sequence[Hashable] | None = None,
        dates: Sequence[ArrayLike] | None = None,
        n_history: int | None = None,
        ax: Axes | Sequence[Axes] | NDArray[np.object_] | None = None,
    ) -> Self:
        """Plot forecasts of any model, such as those of a `RNNRegressor` of windows.

        Parameters
        ----------
        history : list of array-like of shape (n_steps,) or (n_steps, n_features)
            The observed values of each series.
        mean : array-like of shape (n_sequences, horizon) or (n_sequences, horizon, n_features)
            Point forecasts.
        quantiles : array-like, default=None
            See `ForecastDisplay`.
        levels : array-like of shape (n_quantiles,), default=None
            Levels of the quantiles.
        actuals : array-like, default=None
            See `ForecastDisplay`.
        names : sequence of length n_sequences, default=None
            Names of the series.
        feature_names : sequence of length n_features, default=None
            Names of the features.
        dates : sequence of array-like of shape (n_steps + horizon,), default=None
            Dates of all steps of each series and of its forecast.
        n_history : int, default=None
            Number of last observed steps to plot.
        ax : matplotlib Axes or array of Axes, default=None
            Axes to plot on, one per feature of each series. None creates a new figure.

        Returns
        -------
        display : ForecastDisplay
            The display, plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If shapes do not match.
        """
        return cls(
            history,
            mean=mean,
            quantiles=quantiles,
            levels=levels,
            actuals=actuals,
            names=names,
            feature_names=feature_names,
            dates=dates,
            n_history=n_history,
        ).plot(ax)

    def plot(self, ax: Axes | Sequence[Axes] | NDArray[np.object_] | None = None) -> Self:
        """Plot the forecasts.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            Axes to plot on, one per feature of each series. None creates a new figure.

        Returns
        -------
        self : ForecastDisplay
            The display, with `axes_`, `figure_`, `lines_` and `bands_` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the number of axes, or of steps, does not match.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if self.n_history is not None:
            check_count("n_history", self.n_history)
        panels = self._panels()
        n_sequences, n_features = len(self.history), panels[0].mean.shape[1]
        what = f"{n_sequences} series with {n_features} features each"
        columns = None if n_features == 1 else n_features
        axes = axes_of_panels(ax, n_sequences * n_features, what, _PANEL, columns)
        self.axes_ = axes.reshape(n_sequences, n_features)
        self.figure_ = axes[0].figure
        self.lines_: list[Line2D] = []
        self.bands_: list[PolyCollection] = []
        for (i, feature), own in np.ndenumerate(self.axes_):
            self._plot_one(own, panels[i], feature)
            self._label(own, i, feature)
        self.axes_[0, 0].legend(fontsize="small")
        return self

    def _panels(self) -> list[_Panel]:
        """Return the numbers of each series, checked."""
        mean = _with_features(self.mean, 3)
        quantiles = None if self.quantiles is None else _with_features(self.quantiles, 4)
        actuals = None if self.actuals is None else _with_features(self.actuals, 3)
        _check_shape(mean, len(self.history))
        horizon = mean.shape[1]
        if quantiles is not None and quantiles.shape != (len(self._levels), *mean.shape):
            raise ValueError(
                f"quantiles has shape {quantiles.shape}; {len(self._levels)} levels and a mean of "
                f"shape {mean.shape} need {(len(self._levels), *mean.shape)}."
            )
        if actuals is not None and (len(actuals) != len(mean) or actuals.shape[1] > horizon):
            raise ValueError(
                f"actuals holds {len(actuals)} series of {actuals.shape[1]} steps; the forecast "
                f"has {len(mean)} series of {horizon}. Pass the values after each history, up to "
                "the horizon."
            )
        return [
            _Panel(
                _with_features(history, 2),
                mean[i],
                np.empty((0, *mean[i].shape)) if quantiles is None else quantiles[:, i],
                None if actuals is None else actuals[i],
                None if self.dates is None else np.asarray(self.dates[i]),
            )
            for i, history in enumerate(self.history)
        ]

    @property
    def _levels(self) -> NDArray[np.float64]:
        return np.asarray([] if self.levels is None else self.levels, dtype=np.float64)

    def _plot_one(self, ax: Axes, panel: _Panel, feature: int) -> None:
        horizon, n_steps = len(panel.mean), len(panel.history)
        n_shown = self.n_history or max(_HORIZONS * horizon, _FEWEST_STEPS)
        places = panel.places()
        shown, future = places[max(0, n_steps - n_shown) : n_steps], places[n_steps:]
        past = panel.history[n_steps - len(shown) :, feature]
        ax.plot(shown, past, color="C0", label="history")
        self.lines_ += ax.plot(future, panel.mean[:, feature], color="C1", label="mean forecast")
        order = np.argsort(self._levels)
        n_bands = len(order) // 2
        for k, (low, high) in enumerate(zip(order[:n_bands], order[::-1], strict=False)):
            levels = 100 * self._levels[[low, high]]
            # each band is drawn on top of the wider ones
            band = ax.fill_between(
                future,
                *panel.quantiles[[low, high], :, feature],
                color="C1",
                alpha=0.25 + 0.3 * k / max(1, n_bands - 1),
                linewidth=0,
                label=f"{levels[0]:g} % to {levels[1]:g} %",
            )
            self.bands_.append(band)
        if len(order) % 2:
            middle = order[n_bands]
            label = f"quantile {100 * self._levels[middle]:g} %"
            ax.plot(future, panel.quantiles[middle, :, feature], "--", color="C1", label=label)
        if panel.actuals is not None:
            actual = panel.actuals[:, feature]
            options: Any = {"color": "C2", "marker": ".", "linewidth": 1}
            ax.plot(future[: len(actual)], actual, label="actual", **options)

    def _label(self, ax: Axes, i: int, feature: int) -> None:
        name = f"Sequence {i}" if self.names is None else str(self.names[i])
        if self.axes_.shape[1] > 1:
            names = self.feature_names
            name += f", feature {feature}" if names is None else f", {names[feature]}"
        ax.set(xlabel="Step" if self.dates is None else "", ylabel=name)
        if self.dates is not None:
            _space_dates(ax)


def _space_dates(ax: Axes) -> None:
    """Choose as few dates that they do not overlap in a panel of a grid."""
    from matplotlib import dates

    untyped: Any = dates
    if not isinstance(ax.xaxis.get_major_locator(), dates.AutoDateLocator):  # elapsed times
        ax.tick_params(axis="x", rotation=30)
        return
    locator = untyped.AutoDateLocator(minticks=3, maxticks=_MOST_DATES)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator))


@dataclass(frozen=True)
class _Panel:
    """Numbers of one series, of shape (n_steps, n_features) each."""

    history: NDArray[np.float64]
    mean: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    actuals: NDArray[np.float64] | None
    dates: NDArray[np.generic] | None

    def places(self) -> NDArray[Any]:
        """Return the place of each step of the history and of the forecast on the axis."""
        n_steps = len(self.history) + len(self.mean)
        if self.dates is None:
            return np.arange(n_steps)
        if len(self.dates) != n_steps:
            raise ValueError(
                f"dates has {len(self.dates)} entries for a history of {len(self.history)} and a "
                f"forecast of {len(self.mean)} steps. Pass {n_steps} dates for this series."
            )
        return self.dates


def _check_shape(mean: NDArray[np.float64], n_sequences: int) -> None:
    if mean.ndim != 3 or len(mean) != n_sequences:
        raise ValueError(
            f"mean has shape {mean.shape} for a history of {n_sequences} series; "
            f"expected ({n_sequences}, horizon) or ({n_sequences}, horizon, n_features). Pass one "
            "forecast per series; for a single series, lists of one: [history], [mean]."
        )


def _with_features(values: ArrayLike, n_dims: int) -> NDArray[np.float64]:
    """Return values with an axis of features, the last of `n_dims`."""
    array = np.asarray(values, dtype=np.float64)
    return array[..., None] if array.ndim == n_dims - 1 else array


def _dates(forecast: Forecast, freq: object) -> list[NDArray[np.generic]] | None:
    """Return the dates of the history and the forecast of each series, None if not known."""
    if any(index is None for index in forecast.indexes):
        return None
    frame = forecast.to_frame(freq=freq)
    n_sequences, horizon = forecast.mean.shape[:2]
    following = frame["date"].to_numpy().reshape(n_sequences, -1, horizon)[:, 0]
    dates = []
    for index, after in zip(forecast.indexes, following, strict=True):
        stamps: Any = index.to_timestamp() if hasattr(index, "to_timestamp") else index
        later = [date.to_timestamp() if hasattr(date, "to_timestamp") else date for date in after]
        if getattr(stamps, "tz", None) is not None:  # axes show local times
            stamps = stamps.tz_localize(None)
            later = [date.tz_localize(None) for date in later]
        dates.append(np.concatenate([stamps.to_numpy(), np.array(later, dtype="datetime64[ns]")]))
    return cast("list[NDArray[np.generic]]", dates)
