"""Series and what a generator expects after them, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence._generator import SequenceGenerator
from sksequence._validation import check_sequences
from sksequence.inspection._checks import check_generator


class ForecastDisplay:
    """Series, the mean of their forecasts and the bands between quantiles.

    Make one with `from_estimator`, which draws it. All parameters are stored as attributes.

    Parameters
    ----------
    history : list of array-like of shape (n_steps, n_features)
        The series up to now.
    mean : array-like of shape (n_sequences, horizon, n_features)
        Mean of each forecast.
    quantiles : array-like of shape (n_quantiles, n_sequences, horizon, n_features)
        Quantiles of each forecast.
    levels : array-like of shape (n_quantiles,)
        Their levels. The lowest and the highest bound a band, then those next to them.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_sequences, n_features)
        One for each feature of each series.
    figure_ : matplotlib Figure
        Figure that holds them.
    lines_ : list of matplotlib Line2D
        Mean forecasts, in the order of the axes.
    bands_ : list of matplotlib PolyCollection
        Bands, in the order of the axes, the widest first.

    See Also
    --------
    sksequence.SequenceGenerator.forecast : The numbers that are drawn.

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
        X: Any,
        horizon: int,
        *,
        n_samples: int = 200,
        quantiles: Sequence[float] = (0.1, 0.9),
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Forecast series and draw them.

        Parameters
        ----------
        estimator : SequenceGenerator
            Fitted on numbers.
        X : array-like or list of sequences
            Series up to now, as in its `fit`. Each is drawn by itself: pass what you want to look at.
        horizon : int
            Steps to forecast.
        n_samples : int, default=200
            Paths drawn for each series.
        quantiles : sequence of float, default=(0.1, 0.9)
            Levels that bound the bands.
        random_state : int, RandomState instance or None, default=None
            Makes the draws repeatable.
        ax : matplotlib Axes or array of Axes, default=None
            Where to draw: as many as features of all series together. None makes a new figure.

        Returns
        -------
        ForecastDisplay
            With the forecasts drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator is no `SequenceGenerator`.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ValueError
            If it was fitted on symbols, X is not as in `fit`, or a parameter is not as described.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_generator(estimator, cls.__name__, symbols=False)
        forecast = estimator.forecast(
            X, horizon, n_samples=n_samples, quantiles=quantiles, random_state=random_state
        )
        history = list(check_sequences(X, estimator._model.form, estimator))
        shape = (len(history), horizon, history[0].shape[1])
        display = cls(
            history,
            mean=forecast.mean.reshape(shape),
            quantiles=forecast.quantiles.reshape(-1, *shape),
            levels=forecast.levels,
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the forecasts.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            Where to draw: as many as features of all series together. None makes a new figure.

        Returns
        -------
        self : object
            With `axes_`, `figure_`, `lines_` and `bands_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not as many axes as needed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        mean = np.asarray(self.mean)
        n_sequences, _, n_features = mean.shape
        self.axes_ = _axes(ax, n_sequences, n_features)
        self.figure_ = self.axes_[0, 0].figure
        self.lines_: list[Any] = []
        self.bands_: list[Any] = []
        for i, feature in np.ndindex(n_sequences, n_features):
            self._draw(self.axes_[i, feature], i, feature)
        self.axes_[0, 0].legend()
        return self

    def _draw(self, ax: Any, i: int, feature: int) -> None:
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


def _axes(ax: Any, n_sequences: int, n_features: int) -> NDArray[Any]:
    """Return axes in rows of series and columns of features."""
    import matplotlib.pyplot as plt

    if ax is None:
        size = (6.4 * n_features, max(4.8, 2.4 * n_sequences))
        _, ax = plt.subplots(
            n_sequences, n_features, squeeze=False, figsize=size, layout="constrained"
        )
    axes = np.asarray(ax, dtype=object)
    if axes.size != n_sequences * n_features:
        raise ValueError(
            f"{n_sequences} series of {n_features} features need {n_sequences * n_features} axes; ax has {axes.size}. "
            "Pass as many, or None for a new figure."
        )
    return axes.reshape(n_sequences, n_features)
