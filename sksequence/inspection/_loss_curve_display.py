"""Display of the loss of each epoch of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence._base import BaseRNN
from sksequence._net import SCHEDULES, shortened
from sksequence.inspection._figures import axes_of_plot
from sksequence.inspection._fitted_networks import find_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


class LossCurveDisplay:
    """Training loss of each epoch, with the validation loss and other curves if available.

    Create one with `from_estimator`, which plots it. To compare several models, plot them on the
    same axes: ``LossCurveDisplay.from_estimator(other, name="other", ax=display.ax_)``. All
    parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : sequence of float of length n_epochs
        Training loss of each epoch.
    validation_curve : sequence of float of length n_epochs, default=None
        Validation loss of each epoch.
    gradient_norm_curve : sequence of float of length n_epochs, default=None
        Norm of the gradients of each epoch, plotted on a second y-axis.
    learning_rate_curve : sequence of float of length n_epochs, default=None
        Learning rate in the middle of each epoch, plotted on a y-axis of its own.
    best_epoch : int, default=None
        Epoch, from 1, whose weights were kept. It is marked.
    name : str, default=None
        Name of the model in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the losses.
    gradient_ax_ : matplotlib Axes or None
        Axes of the gradient norms, on the right.
    learning_rate_ax_ : matplotlib Axes or None
        Axes of the learning rate, on the right.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    lines_ : list of matplotlib Line2D
        The curves, in the order of the parameters.
    best_ : matplotlib Line2D or None
        Mark of the best epoch.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by training set size.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sksequence import RNNClassifier
    >>> from sksequence.datasets import make_adding_problem
    >>> from sksequence.inspection import LossCurveDisplay
    >>> X, y = make_adding_problem(40, n_steps=8, random_state=0)
    >>> classifier = RNNClassifier(hidden_size=8, max_epochs=3, random_state=0).fit(X, y > 1)
    >>> display = LossCurveDisplay.from_estimator(classifier, name="8 units")
    >>> len(display.lines_)
    1

    Another model in the same picture:

    >>> classifier.set_params(hidden_size=16).fit(X, y > 1)
    RNNClassifier(hidden_size=16, max_epochs=3, random_state=0)
    >>> other = LossCurveDisplay.from_estimator(classifier, name="16 units", ax=display.ax_)
    >>> len(display.ax_.lines)
    2
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        loss_curve: Sequence[float],
        *,
        validation_curve: Sequence[float] | None = None,
        gradient_norm_curve: Sequence[float] | None = None,
        learning_rate_curve: Sequence[float] | None = None,
        best_epoch: int | None = None,
        name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_curve = validation_curve
        self.gradient_norm_curve = gradient_norm_curve
        self.learning_rate_curve = learning_rate_curve
        self.best_epoch = best_epoch
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        show_gradient_norm: bool = False,
        show_learning_rate: bool = False,
        log_scale: bool = False,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Plot the curves of a fitted estimator.

        Parameters
        ----------
        estimator : RNNClassifier, RNNRegressor, SequenceGenerator, pipeline or search
            Fitted estimator.
        show_gradient_norm : bool, default=False
            Whether to plot the norm of the gradients as well.
        show_learning_rate : bool, default=False
            Whether to plot the learning rate as well. It follows from the parameters.
        log_scale : bool, default=False
            Whether the axis of the loss is logarithmic. The loss must be positive.
        name : str, default=None
            Name of the model in the legend.
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.

        Returns
        -------
        display : LossCurveDisplay
            The display, plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator is not one of this library, nor a pipeline or search that ends in one.
        ValueError
            If a loss is not positive and `log_scale` is True.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        found: Any = find_network(estimator, None, cls.__name__)[0]
        validation = getattr(found, "validation_curve_", None)
        norms = getattr(found, "gradient_norm_curve_", None) if show_gradient_norm else None
        display = cls(
            found.loss_curve_,
            validation_curve=validation,
            gradient_norm_curve=norms,
            learning_rate_curve=_learning_rates(found) if show_learning_rate else None,
            best_epoch=None if validation is None else 1 + validation.index(found.best_loss_),
            name=name,
        )
        return display.plot(ax, log_scale=log_scale)

    def plot(self, ax: Axes | None = None, *, log_scale: bool = False) -> Self:
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.
        log_scale : bool, default=False
            Whether the axis of the loss is logarithmic. The loss must be positive.

        Returns
        -------
        self : LossCurveDisplay
            The display, with the attributes set that end in an underscore.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a loss is not positive and `log_scale` is True.
        """
        self.ax_ = ax = axes_of_plot(self, ax)
        self.figure_ = ax.figure
        self._plot_losses(ax)
        if log_scale:
            self._check_positive()
            ax.set_yscale("log")
        self.gradient_ax_ = self._plot_right("Gradient norm", self.gradient_norm_curve, ":")
        self.learning_rate_ax_ = self._plot_right("Learning rate", self.learning_rate_curve, "-.")
        every = [line for axes in self.figure_.axes if _overlap(axes, ax) for line in axes.lines]
        ax.legend(handles=every, fontsize="small")
        return self

    def _plot_losses(self, ax: Axes) -> None:
        """Plot the losses of a model in one colour, and mark the best epoch."""
        self.lines_ = [self._plot_curve(ax, self.loss_curve, "training loss", "-")]
        ax.set(xlabel="Epoch", ylabel="Loss")
        ax.locator_params(axis="x", integer=True)
        self.best_: Line2D | None = None
        if self.validation_curve is None:
            return
        color = self.lines_[0].get_color()
        validation = self._plot_curve(ax, self.validation_curve, "validation loss", "--", color)
        self.lines_.append(validation)
        if self.best_epoch is not None:
            best = self.best_epoch
            at = best, self.validation_curve[best - 1]
            label = self._labelled(f"best epoch, {best}")
            (self.best_,) = ax.plot(
                *at, "o", fillstyle="none", markersize=9, color=color, label=label
            )

    def _plot_right(self, label: str, curve: Sequence[float] | None, linestyle: str) -> Axes | None:
        """Plot a curve on an axis on the right, which curves of other models share."""
        if curve is None:
            return None
        others = [
            axes for axes in self.figure_.axes if axes is not self.ax_ and _overlap(axes, self.ax_)
        ]
        own = next((other for other in others if other.get_ylabel() == label), None)
        if own is None:
            own = self.ax_.twinx()
            own.set_ylabel(label)
            own.spines["right"].set_position(("outward", 60.0 * len(others)))
        color = self.lines_[0].get_color()
        self.lines_.append(self._plot_curve(own, curve, label.lower(), linestyle, color))
        return own

    def _plot_curve(
        self, ax: Axes, curve: Sequence[float], label: str, linestyle: str, color: Any = None
    ) -> Line2D:
        (line,) = ax.plot(
            np.arange(1, len(curve) + 1),
            curve,
            label=self._labelled(label),
            linestyle=linestyle,
            color=color,
        )
        return line

    def _labelled(self, label: str) -> str:
        return label if self.name is None else f"{self.name}: {label}"

    def _check_positive(self) -> None:
        lowest = min([*self.loss_curve, *(self.validation_curve or [])])
        if not lowest > 0:
            raise ValueError(
                f"log_scale=True needs positive losses, but one is {lowest:.3g}: the negative "
                "log-likelihood of numbers may be below 0. Set log_scale=False."
            )


def _overlap(ax: Axes, other: Axes) -> bool:
    """Check whether axes are in the same place of the figure."""
    return bool(ax.get_position(True).bounds == other.get_position(True).bounds)


def _learning_rates(estimator: BaseRNN) -> list[float]:
    """Return the learning rate in the middle of each epoch."""
    params = estimator.get_params(deep=False)
    rate, schedule = float(params["learning_rate"]), params["lr_schedule"]
    fitted: Any = estimator
    if schedule is None:
        return [rate] * fitted.n_iter_
    factor = SCHEDULES[schedule]
    if hasattr(fitted, "learnt_epoch_"):
        factor = shortened(factor, fitted.learnt_epoch_, fitted.max_epochs_)
    progress = (np.arange(fitted.n_iter_) + 0.5) / fitted.max_epochs_
    return [rate * factor(fraction) for fraction in progress.tolist()]
