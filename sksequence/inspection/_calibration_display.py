"""Display of the calibration of quantiles: how many values are below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence._batching import Sequences
from sksequence._regressor import RNNRegressor
from sksequence._settings import as_floats
from sksequence.inspection._figures import axes_of_plot
from sksequence.inspection._fitted_networks import find_network
from sksequence.inspection._forecast_panels import read_levels
from sksequence.inspection._generation_display import check_generator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_DIAGONAL = "calibrated"
_LEVELS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class QuantileCalibrationDisplay:
    """Fraction of the values below each predicted quantile, against the level of the quantile.

    With calibrated quantiles, the points are on the diagonal. Intervals are too narrow where the
    curve is flatter than the diagonal, and too wide where it is steeper. Create one with
    `from_estimator` or `from_predictions`, which plot it. All parameters are stored as attributes.

    Parameters
    ----------
    levels : array-like of shape (n_quantiles,)
        Levels of the quantiles.
    fractions : array-like of shape (n_quantiles,)
        Fraction of the values that are not above the quantile.
    name : str, default=None
        Name of the model in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the fractions.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    line_ : matplotlib Line2D
        The fractions.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The same for the probabilities of a classifier.
    ForecastDisplay : The bands themselves.

    Notes
    -----
    A forecast can be calibrated and useless: quantiles of all values together are. Compare the
    pinball loss too.

    References
    ----------
    .. [1] Gneiting, Balabdaoui & Raftery (2007), Probabilistic Forecasts, Calibration and
       Sharpness, Journal of the Royal Statistical Society B 69(2).

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from sksequence.inspection import QuantileCalibrationDisplay
    >>> y = np.random.default_rng(0).normal(size=1000)
    >>> quantiles = np.array([[-1.28], [0.0], [1.28]]) * np.ones(1000)
    >>> display = QuantileCalibrationDisplay.from_predictions(y, quantiles, levels=[0.1, 0.5, 0.9])
    >>> display.fractions.round(1)
    array([0.1, 0.5, 0.9])
    >>> plt.close(display.figure_)
    """

    def __init__(self, levels: ArrayLike, fractions: ArrayLike, *, name: str | None = None) -> None:
        self.levels = levels
        self.fractions = fractions
        self.name = name

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        quantiles: ArrayLike,
        *,
        levels: ArrayLike,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Plot the calibration of predicted quantiles.

        Parameters
        ----------
        y_true : array-like of any shape, or list of array-like of shape (n_steps,)
            Actual values, such as (n_sequences,) or (n_sequences, horizon), or one target per step
            of sequences of different lengths. NaN is left out.
        quantiles : array-like of shape (n_quantiles, ...)
            Predicted quantiles of each value; the axes after the first are those of `y_true`, and
            each quantile is a list like `y_true` if that is one.
        levels : array-like of shape (n_quantiles,)
            Levels of the quantiles, between 0 and 1.
        name : str, default=None
            Name of the model in the legend.
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.

        Returns
        -------
        display : QuantileCalibrationDisplay
            The display, plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If shapes do not match, or if all values are missing.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        if _are_steps(y_true) or _are_steps(quantiles):
            y_true, quantiles = _flat_steps(y_true, quantiles)
        truth, predicted = as_floats("y_true", y_true), as_floats("quantiles", quantiles)
        own = read_levels(levels)
        if predicted.shape != (len(own), *truth.shape):
            raise ValueError(
                f"quantiles has shape {predicted.shape}; {len(own)} levels and values of shape "
                f"{truth.shape} need {(len(own), *truth.shape)}."
            )
        known = ~np.isnan(truth)
        if not known.any():
            raise ValueError("y_true holds no value: all are missing. Pass the actual values.")
        fractions = (truth[known] <= predicted[:, known]).mean(axis=1)
        return cls(own, fractions, name=name).plot(ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        y: ArrayLike,
        *,
        levels: ArrayLike | None = None,
        n_samples: int = 200,
        random_state: int | np.random.RandomState | None = None,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Predict quantiles, and plot their calibration.

        Parameters
        ----------
        estimator : RNNRegressor, SequenceGenerator, pipeline or search
            Regressor that predicts quantiles, or generator fitted on numbers, also at the end of a
            pipeline or search.
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.
        y : array-like of shape (n_sequences,), (n_sequences, n_outputs) or \
(n_sequences, horizon), or list of array-like of shape (n_steps,)
            Actual values: targets of a regressor, also per step, or the values after each
            sequence. Those that a generator predicts of several features have the features as an
            additional last axis.
        levels : array-like of shape (n_quantiles,), default=None
            Levels of the quantiles. None uses those that a regressor has learnt with
            ``loss="quantile"``, and 11 levels from 0.05 to 0.95 otherwise.
        n_samples : int, default=200
            Number of paths of a generator per series.
        random_state : int, RandomState instance or None, default=None
            Determines the sampling of paths. Pass an int for reproducible output across calls.
        name : str, default=None
            Name of the model in the legend.
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.

        Returns
        -------
        display : QuantileCalibrationDisplay
            The display, plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator is neither a regressor nor a generator of this library.
        ValueError
            If a regressor predicts no quantiles, or if shapes do not match.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        found: Any
        found, read = find_network(estimator, X, cls.__name__)
        own: Any = _LEVELS if levels is None else levels
        if isinstance(found, RNNRegressor):
            if levels is None and found.loss == "quantile":
                own = found.quantiles
            quantiles = found.predict(read, quantiles=own)
            return cls.from_predictions(y, quantiles, levels=own, name=name, ax=ax)
        check_generator(found, cls.__name__, symbols=False)
        truth = as_floats("y", y)
        if truth.ndim < 2:
            raise ValueError(
                f"y has shape {truth.shape}; a SequenceGenerator forecasts the values after each "
                "sequence: pass y of shape (n_sequences, horizon)."
            )
        options: Any = {"quantiles": own, "random_state": random_state}
        forecast = found.forecast(read, truth.shape[1], n_samples=n_samples, **options)
        return cls.from_predictions(truth, forecast.quantiles, levels=own, name=name, ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot the fractions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.

        Returns
        -------
        self : QuantileCalibrationDisplay
            The display, with `ax_`, `figure_` and `line_` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = ax = axes_of_plot(self, ax, (4.8, 4.8))
        self.figure_ = ax.figure
        if all(line.get_label() != _DIAGONAL for line in ax.lines):
            ax.axline((0, 0), slope=1, color="grey", linestyle=":", label=_DIAGONAL)
        self.line_: Line2D
        label = "quantiles" if self.name is None else self.name
        (self.line_,) = ax.plot(
            np.asarray(self.levels), np.asarray(self.fractions), marker="o", label=label
        )
        ax.set(xlabel="Level of the quantile", ylabel="Fraction of values below", aspect="equal")
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.legend()
        return self


def _are_steps(values: Any) -> bool:
    """Check for a number per step of sequences, which are no array of numbers."""
    is_list = isinstance(values, list | tuple)
    return (
        isinstance(values, Sequences)
        or getattr(values, "dtype", None) == object
        or (is_list and len({np.shape(own) for own in values}) > 1)
    )


def _flat_steps(y_true: Any, quantiles: Any) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    """Return one number per step of all sequences, and its quantiles."""
    lengths = [np.shape(own) for own in y_true]
    for own in quantiles:
        if [np.shape(row) for row in own] != lengths:
            raise ValueError(
                "Each quantile must have a number for each step of each sequence of y_true. Pass "
                "what predict(X, quantiles=...) returns for the same sequences."
            )
    return np.concatenate(list(y_true)), [np.concatenate(list(own)) for own in quantiles]
