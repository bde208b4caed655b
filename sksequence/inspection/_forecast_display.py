"""Display of numeric series and their forecasts, with bands between quantiles."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence._forecasts import Forecast
from sksequence._generator import SequenceGenerator
from sksequence._input import Reading, read_input
from sksequence._settings import check_count
from sksequence.inspection._figures import axes_of_panels
from sksequence.inspection._forecast_panels import (
    Floats,
    ForecastPanel,
    read_levels,
    read_names,
    read_panels,
)
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
    actuals : list of array-like of shape (n_actual,) or (n_actual, n_features), default=None
        Values that were observed after each history, up to the horizon. Their numbers may differ.
    names : sequence of length n_sequences, default=None
        Names of the series. None numbers them.
    feature_names : sequence of length n_features, default=None
        Names of the features. None numbers them.
    dates : list of array-like of shape (n_steps + horizon,), default=None
        Dates of all steps of each series and of its forecast, such as a DatetimeIndex or a
        PeriodIndex, or one index for all series. None counts the steps.
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
        actuals: ArrayLike | Sequence[ArrayLike] | None = None,
        names: Sequence[Hashable] | None = None,
        feature_names: Sequence[Hashable] | None = None,
        dates: ArrayLike | Sequence[ArrayLike] | None = None,
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
        X: Any,
        horizon: int,
        *,
        n_samples: int = 200,
        quantiles: Sequence[float] = (0.1, 0.9),
        future: object = None,
        actuals: ArrayLike | Sequence[ArrayLike] | None = None,
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
        actuals : list of array-like of shape (n_actual,) or (n_actual, n_features), default=None
            Values that were observed after each series, up to the horizon. Their numbers may
            differ.
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
        codec: Any = estimator.__sksequence_reading__(X).blueprint.codec
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
        actuals: ArrayLike | Sequence[ArrayLike] | None = None,
        names: Sequence[Hashable] | None = None,
        feature_names: Sequence[Hashable] | None = None,
        dates: ArrayLike | Sequence[ArrayLike] | None = None,
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
        dates : list of array-like of shape (n_steps + horizon,), default=None
            Dates of all steps of each series and of its forecast, or one index for all series.
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
        TypeError
            If values or dates are of a wrong type.
        ValueError
            If shapes or numbers of entries do not match, or if there are quantiles without levels.
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
        TypeError
            If values or dates are of a wrong type.
        ValueError
            If the number of axes does not match, or if shapes or numbers of entries differ.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if self.n_history is not None:
            check_count("n_history", self.n_history)
        levels = read_levels(self.levels)
        panels = read_panels(
            self.history,
            mean=self.mean,
            quantiles=self.quantiles,
            levels=levels,
            actuals=self.actuals,
            dates=self.dates,
        )
        n_sequences, n_features = len(panels), panels[0].mean.shape[1]
        names = read_names("names", self.names, n_sequences, "Sequence")
        features = read_names("feature_names", self.feature_names, n_features, "Feature")
        what = f"{n_sequences} series with {n_features} features each"
        columns = None if 1 in (n_sequences, n_features) else n_features
        axes = axes_of_panels(self, ax, n_sequences * n_features, what, _PANEL, columns)
        self.axes_ = axes.reshape(n_sequences, n_features)
        self.figure_ = axes[0].figure
        self.lines_: list[Line2D] = []
        self.bands_: list[PolyCollection] = []
        for (i, feature), own in np.ndenumerate(self.axes_):
            self._plot_one(own, panels[i], levels, feature)
            name = names[i] if n_features == 1 else f"{names[i]}, {features[feature]}"
            own.set(xlabel="Step" if self.dates is None else "", ylabel=name)
            if self.dates is not None:
                _space_dates(own)
        _add_legend(axes)
        return self

    def _plot_one(self, ax: Axes, panel: ForecastPanel, levels: Floats, feature: int) -> None:
        horizon, n_steps = len(panel.mean), len(panel.history)
        n_shown = self.n_history or max(_HORIZONS * horizon, _FEWEST_STEPS)
        shown = panel.places[max(0, n_steps - n_shown) : n_steps]
        future = panel.places[n_steps:]
        past = panel.history[n_steps - len(shown) :, feature]
        ax.plot(shown, past, color="C0", label="history")
        self.lines_ += ax.plot(future, panel.mean[:, feature], color="C1", label="mean forecast")
        order = np.argsort(levels)
        n_bands = len(order) // 2
        for k, (low, high) in enumerate(zip(order[:n_bands], order[::-1], strict=False)):
            # each band is drawn on top of the wider ones
            band = ax.fill_between(
                future,
                *panel.quantiles[[low, high], :, feature],
                color="C1",
                alpha=0.25 + 0.3 * k / max(1, n_bands - 1),
                linewidth=0,
                label=f"{100 * levels[low]:g} % to {100 * levels[high]:g} %",
            )
            self.bands_.append(band)
        if len(order) % 2:
            middle = order[n_bands]
            label = f"quantile {100 * levels[middle]:g} %"
            ax.plot(future, panel.quantiles[middle, :, feature], "--", color="C1", label=label)
        if len(panel.actuals):
            actual = panel.actuals[:, feature]
            options: Any = {"color": "C2", "marker": ".", "linewidth": 1}
            ax.plot(future[: len(actual)], actual, label="actual", **options)


def _add_legend(axes: NDArray[np.object_]) -> None:
    """Explain everything that is drawn on the first axes: some series may have no actual values."""
    entries: dict[str, Any] = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    axes[0].legend(entries.values(), entries.keys(), fontsize="small")


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


def _dates(forecast: Forecast, freq: object) -> list[list[Any]] | None:
    """Return the dates of the history and the forecast of each series, None if not known."""
    if any(index is None for index in forecast.indexes):
        return None
    n_sequences, horizon = forecast.mean.shape[:2]
    dates = forecast.to_frame(freq=freq)["date"].to_numpy(dtype=object)
    following = dates.reshape(n_sequences, -1, horizon)[:, 0]
    return [[*index, *later] for index, later in zip(forecast.indexes, following, strict=True)]
