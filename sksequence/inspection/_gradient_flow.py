"""Display of the gradient that reaches each step back in time, where it vanishes or explodes."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence._batching import object_array
from sksequence._net import state_gradients
from sksequence.inspection._figures import axes_of_plot
from sksequence.inspection._fitted_networks import find_network
from sksequence.inspection._inside_networks import check_layer, check_stepwise
from sksequence.inspection._saliency import explained_outputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


def gradient_flow(
    estimator: BaseEstimator,
    X: Sized,
    y: Sized | None = None,
    *,
    target: object = None,
    layer: int = -1,
) -> NDArray[np.object_]:
    """Return the norm of the gradient with respect to the state of a layer after each step.

    Where it vanishes, nothing can be learnt from what was read before; where it explodes, training
    is unstable [1]_. Pass tens of sequences rather than thousands: they are read step by step.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor, SequenceGenerator, pipeline or search
        Fitted estimator. With ``max_epochs=1`` it is close to its initialisation.
    X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
        Sequences, as in `fit`.
    y : array-like of shape (n_sequences,), default=None
        Labels, which a `SequenceGenerator` with ``conditional=True`` reads.
    target : label, array-like of shape (n_sequences,) or int, default=None
        Output whose gradient is computed, as for `saliency`. None is the predicted label, or the
        first number. That of a generator is the most probable symbol of the last step.
    layer : int, default=-1
        Layer from 0, the first one, to ``num_layers - 1``; -1 is the last one.

    Returns
    -------
    norms : ndarray of shape (n_sequences,)
        Object array with one float64 array of shape (n_steps,) per sequence: the Euclidean norm of
        the gradient of the output with respect to all parts of the state, those of an LSTM's cell
        included. In two directions, the state is that of the forward one. With frames, there is one
        norm per frame.

    Raises
    ------
    TypeError
        If the estimator is not one of this library, nor a pipeline or search that ends in one.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If a parameter is out of its range, if X is not in the form seen in `fit`, or if a cell of
        your own has no method `step`.

    References
    ----------
    .. [1] Bengio, Simard & Frasconi (1994), Learning Long-Term Dependencies with Gradient Descent
       is Difficult, IEEE Transactions on Neural Networks 5(2).

    Examples
    --------
    >>> from sksequence import RNNClassifier
    >>> from sksequence.datasets import make_first_label
    >>> from sksequence.inspection import gradient_flow
    >>> X, y = make_first_label(100, lag=30, random_state=0)
    >>> norms = {}
    >>> for cell in ("rnn", "lstm"):
    ...     model = RNNClassifier(
    ...         cell, 32, bidirectional=False, pooling="last", max_epochs=1, random_state=0
    ...     )
    ...     norms[cell] = gradient_flow(model.fit(X, y), X[:5])[0]
    >>> bool(norms["lstm"][0] > 5 * norms["rnn"][0])
    True
    """
    found, X = find_network(estimator, X, "gradient_flow")
    reading = found.__sksequence_reading__(X, y)
    check_stepwise(reading, "gradient_flow")
    _, weights, _ = explained_outputs(found, reading, target)
    return object_array(state_gradients(reading, weights, check_layer(layer, reading)))


class GradientFlowDisplay:
    """Norm of the gradient with respect to the state, at each step back in time.

    Create one with `from_estimator`, which plots it. To compare cells, plot them on the same axes:
    ``GradientFlowDisplay.from_estimator(other, X, name="lstm", ax=display.ax_)``. All parameters
    are stored as attributes.

    Parameters
    ----------
    norms : sequence of array-like of shape (n_steps,)
        Norms of each sequence, as those of `gradient_flow`.
    name : str, default=None
        Name of the model in the legend.

    Attributes
    ----------
    mean : ndarray of shape (max_steps,)
        Mean norm by the number of steps before the end, over the sequences that are long enough.
    ax_ : matplotlib Axes
        Axes with a logarithmic scale.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    line_ : matplotlib Line2D
        The mean norms.

    See Also
    --------
    gradient_flow : The norms as arrays.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sksequence import RNNClassifier
    >>> from sksequence.datasets import make_first_label
    >>> from sksequence.inspection import GradientFlowDisplay
    >>> X, y = make_first_label(100, lag=20, random_state=0)
    >>> ax = None
    >>> for cell in ("rnn", "gru", "lstm"):
    ...     model = RNNClassifier(cell, 16, pooling="last", max_epochs=1, random_state=0).fit(X, y)
    ...     ax = GradientFlowDisplay.from_estimator(model, X[:5], name=cell, ax=ax).ax_
    >>> len(ax.lines)
    3
    >>> plt.close(ax.figure)
    """

    def __init__(self, norms: Sequence[ArrayLike], *, name: str | None = None) -> None:
        self.norms = norms
        self.name = name

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean norm by the number of steps before the end."""
        backwards = [np.asarray(own, dtype=np.float64)[::-1] for own in self.norms]
        steps = np.concatenate([np.arange(len(own)) for own in backwards])
        return np.asarray(np.bincount(steps, np.concatenate(backwards)) / np.bincount(steps))

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Sized,
        y: Sized | None = None,
        *,
        target: object = None,
        layer: int = -1,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Plot the gradients of a fitted estimator.

        Parameters
        ----------
        estimator : RNNClassifier, RNNRegressor, SequenceGenerator, pipeline or search
            Fitted estimator.
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`.
        y : array-like of shape (n_sequences,), default=None
            Labels, which a `SequenceGenerator` with ``conditional=True`` reads.
        target : label, array-like of shape (n_sequences,) or int, default=None
            See `gradient_flow`.
        layer : int, default=-1
            See `gradient_flow`.
        name : str, default=None
            Name of the model in the legend.
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.

        Returns
        -------
        display : GradientFlowDisplay
            The display, plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator is not one of this library, nor a pipeline or search that ends in one.
        ValueError
            As `gradient_flow`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        norms = gradient_flow(estimator, X, y, target=target, layer=layer)
        return cls(list(norms), name=name).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot the mean norms.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.

        Returns
        -------
        self : GradientFlowDisplay
            The display, with `ax_`, `figure_` and `line_` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If all gradients are 0.
        """
        mean = self.mean
        if not mean.any():
            raise ValueError(
                "The gradient is 0 at every step, which a logarithmic axis cannot show: the "
                "prediction does not depend on X. A regressor whose shrinkage_ is 1 predicts the "
                "mean of y or the naive forecast: fit it on more data or for more epochs."
            )
        self.ax_ = ax = axes_of_plot(self, ax)
        self.figure_ = ax.figure
        if not ax.xaxis_inverted():
            ax.invert_xaxis()  # time goes to the right
        self.line_: Line2D
        (self.line_,) = ax.plot(np.arange(len(mean)), mean, label=self.name)
        ax.set(xlabel="Steps before the end", ylabel="Norm of the gradient", yscale="log")
        if self.name is not None:
            ax.legend()
        return self
