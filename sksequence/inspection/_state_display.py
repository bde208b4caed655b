"""Display of the states and gates of a layer through time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence._net import layer_states
from sksequence.inspection._figures import axes_of_panels, label_steps
from sksequence.inspection._fitted_networks import read_network
from sksequence.inspection._inside_networks import check_layer, check_stepwise
from sksequence.inspection._step_images import fit_to_pixels, plot_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


class HiddenStateDisplay:
    """States and gates of a layer at each step of one sequence, one row per unit.

    Create one with `from_estimator`, which plots it. States, which have a sign, are red and blue,
    and gates go from dark (closed, 0) to light (open, 1). All parameters are stored as attributes.

    Parameters
    ----------
    states : dict of str to array-like of shape (n_steps, n_units)
        States, by their names.
    gates : dict of str to array-like of shape (n_steps, n_units), default=None
        Gates between 0 and 1, by their names.
    order : array-like of int of shape (n_units,), default=None
        Order of the rows. None sorts the units by their last hidden state.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_states + n_gates,)
        Axes of the states and of the gates.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    images_ : list of matplotlib AxesImage
        Pictures (n_units, n_steps). If a picture has fewer pixels than steps, each column is the
        value of largest magnitude of several consecutive steps.

    See Also
    --------
    hidden_states : Hidden states as arrays, of many sequences.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sksequence import RNNClassifier
    >>> from sksequence.datasets import make_first_label
    >>> from sksequence.inspection import HiddenStateDisplay
    >>> X, y = make_first_label(100, lag=20, random_state=0)
    >>> model = RNNClassifier("lstm", 8, max_epochs=3, random_state=0).fit(X, y)
    >>> display = HiddenStateDisplay.from_estimator(model, X[0])
    >>> list(display.states), list(display.gates)
    (['hidden state', 'cell state'], ['input gate', 'forget gate', 'output gate'])
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        states: Mapping[str, ArrayLike],
        *,
        gates: Mapping[str, ArrayLike] | None = None,
        order: ArrayLike | None = None,
    ) -> None:
        self.states = states
        self.gates = gates
        self.order = order

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        x: Any,
        *,
        label: object = None,
        layer: int = -1,
        order: ArrayLike | None = None,
        ax: Axes | Sequence[Axes] | NDArray[np.object_] | None = None,
    ) -> Self:
        """Plot the states and gates of a fitted estimator while it reads one sequence.

        Parameters
        ----------
        estimator : RNNClassifier, RNNRegressor, SequenceGenerator, pipeline or search
            Fitted estimator.
        x : array-like of shape (n_steps, n_features) or (n_steps,), or sequence of symbols
            One sequence, such as the row of a table whose cells are sequences.
        label : label, default=None
            Label of the sequence, for a `SequenceGenerator` with ``conditional=True``.
        layer : int, default=-1
            Layer from 0, the first one, to ``num_layers - 1``; -1 is the last one. In two
            directions, the forward one is plotted.
        order : array-like of int of shape (n_units,), default=None
            Order of the rows. None sorts the units by their last hidden state.
        ax : matplotlib Axes or array of Axes, default=None
            Axes to plot on, one for each state and gate. None creates a new figure.

        Returns
        -------
        display : HiddenStateDisplay
            The display, plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator is not one of this library, nor a pipeline or search that ends in one.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If the network does not have the layer, if x is not in the form of a sequence in `fit`,
            or if a cell of your own has no method `step`.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        reading = read_network(
            estimator, _with_only(x), None if label is None else [label], cls.__name__
        )
        check_stepwise(reading, cls.__name__)
        found = layer_states(reading, 0, check_layer(layer, reading))
        gates = {name: rows for name, rows in found.items() if name.endswith(" gate")}
        states = {name: rows for name, rows in found.items() if name not in gates}
        return cls(states, gates=gates, order=order).plot(ax)

    def plot(self, ax: Axes | Sequence[Axes] | NDArray[np.object_] | None = None) -> Self:
        """Plot the states and gates.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            Axes to plot on, one for each state and gate. None creates a new figure.

        Returns
        -------
        self : HiddenStateDisplay
            The display, with `axes_`, `figure_` and `images_` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the number of axes does not match.
        """
        gates = dict(self.gates or {})
        panels = {**self.states, **gates}
        what = f"{len(self.states)} states and {len(gates)} gates"
        self.axes_ = axes_of_panels(self, ax, len(panels), what, (6.4, 2.0), 1)
        self.figure_ = self.axes_[0].figure
        self.images_: list[AxesImage] = []
        first = np.asarray(next(iter(self.states.values())))
        order = np.argsort(first[-1]) if self.order is None else np.asarray(self.order)
        for axes, (name, values) in zip(self.axes_, panels.items(), strict=True):
            rows = np.asarray(values).T
            rows = rows[order] if len(rows) == len(order) else rows
            limit = float(np.abs(rows).max()) or 1.0
            scale = {"cmap": "coolwarm", "vmin": -limit, "vmax": limit}
            if name in gates:
                scale = {"cmap": "viridis", "vmin": 0.0, "vmax": 1.0}
            self.images_.append(plot_steps(axes, rows, scale))
            self.figure_.colorbar(self.images_[-1], ax=axes)
            axes.set(title=name.capitalize(), ylabel="Unit")
            axes.locator_params(axis="y", integer=True, min_n_ticks=1)
        label_steps(self.axes_)
        fit_to_pixels(self.images_)
        return self


def _with_only(x: Any) -> Any:
    """Return X with a single sequence, which may be the row of a table of sequences."""
    _check_single(x)
    if isinstance(x, np.ndarray):
        return x[None]
    is_row = hasattr(x, "iloc") and any(isinstance(cell, list | np.ndarray) for cell in x)
    return x.to_frame().T if is_row else [x]


def _check_single(x: Any) -> None:
    several = x[:1] if isinstance(x, list | tuple) else []
    if getattr(x, "ndim", 0) > 2 or any(getattr(one, "ndim", 0) > 1 for one in several):
        raise ValueError(
            f"x must be one sequence; got {len(x)} in a {type(x).__name__}. Pass one of them, such "
            "as X[0]."
        )
