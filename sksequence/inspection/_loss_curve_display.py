"""Display of the loss of each epoch of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


class LossCurveDisplay:
    """Training loss of each epoch, with the validation loss and the gradient norm if available.

    Create one with `from_estimator`, which plots it. All parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : sequence of float of length n_epochs
        Training loss of each epoch.
    validation_curve : sequence of float of length n_epochs, default=None
        Validation loss of each epoch.
    gradient_norm_curve : sequence of float of length n_epochs, default=None
        Norm of the gradients of each epoch, plotted on a second y-axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the losses.
    gradient_ax_ : matplotlib Axes or None
        Axes of the gradient norms, on the right.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    lines_ : list of matplotlib Line2D
        The curves, in the order of the parameters.

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
    >>> display = LossCurveDisplay.from_estimator(classifier)
    >>> len(display.lines_)
    1
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        loss_curve: Sequence[float],
        *,
        validation_curve: Sequence[float] | None = None,
        gradient_norm_curve: Sequence[float] | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_curve = validation_curve
        self.gradient_norm_curve = gradient_norm_curve

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        show_gradient_norm: bool = False,
        ax: Axes | None = None,
    ) -> Self:
        """Plot the curves of a fitted estimator.

        Parameters
        ----------
        estimator : RNNClassifier, RNNRegressor or SequenceGenerator
            Fitted estimator.
        show_gradient_norm : bool, default=False
            Whether to plot the norm of the gradients as well.
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
        ValueError
            If the estimator has no `loss_curve_`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "loss_curve_"):
            raise ValueError(
                f"This {type(estimator).__name__} has no loss_curve_; pass a fitted estimator of "
                "sksequence. From a search, pass best_estimator_; from a pipeline, its last step."
            )
        norms = getattr(estimator, "gradient_norm_curve_", None) if show_gradient_norm else None
        display = cls(
            estimator.loss_curve_,
            validation_curve=getattr(estimator, "validation_curve_", None),
            gradient_norm_curve=norms,
        )
        return display.plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.

        Returns
        -------
        self : LossCurveDisplay
            The display, with `ax_`, `gradient_ax_`, `figure_` and `lines_` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots()
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_ = [_plot_curve(ax, self.loss_curve, "training loss")]
        if self.validation_curve is not None:
            self.lines_.append(_plot_curve(ax, self.validation_curve, "validation loss"))
        ax.set(xlabel="Epoch", ylabel="Loss")
        ax.locator_params(axis="x", integer=True)
        self.gradient_ax_ = None
        if self.gradient_norm_curve is not None:
            self.gradient_ax_ = ax.twinx()
            self.gradient_ax_.set(ylabel="Gradient norm")
            norms = _plot_curve(
                self.gradient_ax_,
                self.gradient_norm_curve,
                "gradient norm",
                color="grey",
                linestyle=":",
            )
            self.lines_.append(norms)
        ax.legend(handles=self.lines_)
        return self


def _plot_curve(
    ax: Axes,
    curve: Sequence[float],
    label: str,
    *,
    color: str | None = None,
    linestyle: str | None = None,
) -> Line2D:
    epochs = np.arange(1, len(curve) + 1)
    (line,) = ax.plot(epochs, curve, label=label, color=color, linestyle=linestyle)
    return line
