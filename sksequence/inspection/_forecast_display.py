"""Display of numeric series and their forecasts, with bands between quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence._generator import SequenceGenerator
from sksequence._input import Reading, read_input
from sksequence.inspection._generation_display import check_generator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D


class ForecastDisplay:
    """Series with the means of their forecasts and bands between quantiles.

    Create one with `from_estimator`, which plots it. All parameters are stored as attributes.

    Parameters
    ----------
    history : list of array-like of shape (n_steps, n_features)
        The observed values of each series.
    mean : array-like of shape (n_sequences, horizon, n_features)
        Mean of each forecast.
    quantiles : array-like of shape (n_quantiles, n_sequences, horizon, n_features)
        Quantiles of each forecast.
    levels : array-like of shape (n_quantiles,)
        Levels of the quantiles. The lowest and the highest level bound one band, the second lowest
        and the second highest the next one, and so on.

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
    sksequence.SequenceGenerator.forecast : Forecasts as arrays.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from sksequence import SequenceGenerator
    >>> from sksequence.inspection import ForecastDisplay
    >>> series = np.sin(np.arange(40) / 2 + np.arange(20)[:, None])
    >>> generator = SequenceGenerator(hidden_size=16, max_epochs=10, random_state=0).fit(series)
    >>> display = ForecastDisplay.from_estimator(generator, series[:2], 8, random_state=0)
    >>> display.axes_.shape
    (2, 1)
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        history: Sequence[ArrayLike],
        *,
        mean: ArrayLike,
        quantiles: ArrayLike,
        levels: ArrayLike,
    ) -> None:
        self.history = history
        self.mean = mean
        self.quantiles = quantiles
        self.levels = levels

    @classmethod
    def from_estimator(
        cls,
        estimator: SequenceGenerator,
        X: object,
        horizon: int,
        *,
        n_samples: int = 200,
        quantiles: Sequence[float] = (0.1, 0.9),
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
            is plotted on axes of its own.
        horizon : int
            Number of steps to forecast.
        n_samples : int, default=200
            Number of paths sampled per series.
        quantiles : sequence of float, default=(0.1, 0.9)
            Levels of the quantiles that bound the bands, between 0 and 1.
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
        forecast = estimator.forecast(
            X, horizon, n_samples=n_samples, quantiles=quantiles, random_state=random_state
        )
        raw = read_input(X, Reading(integers_are_symbols=False, analyzer=estimator.analyzer))
        history = list(raw.sequences)
        shape = (len(history), horizon, history[0].shape[1])
        display = cls(
            history,
            mean=forecast.mean.reshape(shape),
            quantiles=forecast.quantiles.reshape(-1, *shape),
            levels=forecast.levels,
        )
        return display.plot(ax)

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
            If the number of axes does not match.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        mean = np.asarray(self.mean)
        n_sequences, _, n_features = mean.shape
        self.axes_ = _axes(ax, n_sequences, n_features)
        self.figure_ = self.axes_[0, 0].figure
        self.lines_: list[Line2D] = []
        self.bands_: list[PolyCollection] = []
        for (i, feature), axes in np.ndenumerate(self.axes_):
            self._plot_one(axes, i, feature)
        self.axes_[0, 0].legend()
        return self

    def _plot_one(self, ax: Axes, i: int, feature: int) -> None:
        past = np.asarray(self.history[i])[:, feature]
        mean = np.asarray(self.mean)[i, :, feature]
        future = len(past) + np.arange(len(mean))
        ax.plot(past, color="C0", label="history")
        self.lines_ += ax.plot(future, mean, color="C1", label="mean forecast")
        order = np.argsort(self.levels)
        for low, high in zip(order[: len(order) // 2], order[::-1], strict=False):
            levels = np.asarray(self.levels)[[low, high]]
            low_high = np.asarray(self.quantiles)[[low, high], i, :, feature]
            label = f"{100 * levels[0]:g} % to {100 * levels[1]:g} %"
            band = ax.fill_between(
                future, *low_high, color="C1", alpha=0.25, linewidth=0, label=label
            )
            self.bands_.append(band)
        name = f", feature {feature}" if self.axes_.shape[1] > 1 else ""
        ax.set(xlabel="Step", ylabel=f"Sequence {i}{name}")


def _axes(
    ax: Axes | Sequence[Axes] | NDArray[np.object_] | None, n_sequences: int, n_features: int
) -> NDArray[np.object_]:
    """Return axes of shape (n_sequences, n_features)."""
    import matplotlib.pyplot as plt

    if ax is None:
        size = (6.4 * n_features, max(4.8, 2.4 * n_sequences))
        _, ax = plt.subplots(
            n_sequences, n_features, squeeze=False, figsize=size, layout="constrained"
        )
    axes = np.asarray(ax, dtype=object)
    if axes.size != n_sequences * n_features:
        raise ValueError(
            f"ax holds {axes.size} Axes; {n_sequences} series with {n_features} features each need "
            f"{n_sequences * n_features}. Pass as many, or None for a new figure."
        )
    return axes.reshape(n_sequences, n_features)
