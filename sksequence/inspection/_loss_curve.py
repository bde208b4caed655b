"""How the training went: the loss of each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted


class LossCurveDisplay:
    """Loss of each epoch: of the training part and, where one was held out, of the validation part.

    Make one with `from_estimator`, which draws it. All parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : sequence of float of length n_epochs
        Training loss of each epoch.
    validation_curve : sequence of float, default=None
        Loss of the part held out.
    gradient_norm_curve : sequence of float, default=None
        Norm of the gradients, drawn on an axis of its own.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.
    gradient_ax_ : matplotlib Axes or None
        Axes with the gradient norms, on the right.
    figure_ : matplotlib Figure
        Figure that holds them.
    lines_ : list of matplotlib Line2D
        The curves, in the order of the parameters.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of samples.

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
        cls, estimator: Any, *, show_gradient_norm: bool = False, ax: Any = None
    ) -> Self:
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : RNNClassifier, RNNRegressor or SequenceGenerator
            Fitted.
        show_gradient_norm : bool, default=False
            Whether to draw the norm of the gradients, too.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        LossCurveDisplay
            With the curves drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If it keeps no losses.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "loss_curve_"):
            raise ValueError(
                f"this {type(estimator).__name__} has no loss_curve_; pass a fitted estimator of sksequence. Of a "
                "search pass best_estimator_, of a pipeline its last step."
            )
        norms = getattr(estimator, "gradient_norm_curve_", None) if show_gradient_norm else None
        display = cls(
            estimator.loss_curve_,
            validation_curve=getattr(estimator, "validation_curve_", None),
            gradient_norm_curve=norms,
        )
        return display.plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.

        Returns
        -------
        self : object
            With `ax_`, `gradient_ax_`, `figure_` and `lines_`.

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
        self.lines_ = [_draw(ax, self.loss_curve, label="training loss")]
        if self.validation_curve is not None:
            self.lines_.append(_draw(ax, self.validation_curve, label="validation loss"))
        ax.set(xlabel="Epoch", ylabel="Loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        self.gradient_ax_ = None
        if self.gradient_norm_curve is not None:
            self.gradient_ax_ = ax.twinx()
            self.gradient_ax_.set(ylabel="Gradient norm")
            style = {"color": "grey", "linestyle": ":"}
            norms = _draw(
                self.gradient_ax_, self.gradient_norm_curve, label="gradient norm", **style
            )
            self.lines_.append(norms)
        ax.legend(handles=self.lines_)
        return self


def _draw(ax: Any, curve: Sequence[float], **style: Any) -> Any:
    (line,) = ax.plot(np.arange(1, len(curve) + 1), curve, **style)
    return line
