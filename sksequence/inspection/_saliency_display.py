"""Display of attributions: pictures of steps and features, and coloured texts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Sized
from html import escape
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence.inspection._figures import axes_of_panels, label_steps
from sksequence.inspection._fitted_networks import find_network
from sksequence.inspection._generation_display import read_symbols
from sksequence.inspection._saliency import SaliencyMethod, saliency
from sksequence.inspection._step_images import fit_to_pixels, plot_steps
from sksequence.inspection._surprise import coloured_span, coloured_symbol

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_MAX_NAMES = 24  # of features that are written next to a picture
_BAR = 5.0  # length per width of the bar of colours and inch of the figure


class SaliencyDisplay:
    """Attributions of predictions to steps and features.

    Create one with `from_estimator`. Sequences of numbers are plotted, one picture each, with a row
    per feature; what speaks for the target is red, what speaks against it blue. Attributions that
    are never negative have a scale of their own. Sequences of
    symbols are coloured texts: a notebook displays them as HTML, and a terminal prints
    ``display.text()``. All parameters are stored as attributes.

    Parameters
    ----------
    attributions : sequence of array-like of shape (n_steps, n_features)
        Attribution of each step and feature of each sequence.
    feature_names : sequence of length n_features, default=None
        Names of the features. None numbers them.
    targets : sequence of length n_sequences, default=None
        Targets that are explained, for the titles.
    symbols : sequence of sequences of length n_steps, default=None
        The symbols of each sequence. None is for numbers.
    separator : str, default=""
        Text between two symbols.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_sequences,)
        Axes of each sequence.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    images_ : list of matplotlib AxesImage
        Pictures of attributions (n_features, n_steps). If a picture has fewer pixels than steps,
        each column is the attribution of largest magnitude of several consecutive steps.

    See Also
    --------
    saliency : Attributions as arrays.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import numpy as np
    >>> from sksequence import RNNClassifier
    >>> from sksequence.inspection import SaliencyDisplay
    >>> random = np.random.default_rng(0)
    >>> X, y = random.normal(size=(40, 8, 3)), random.integers(2, size=40)
    >>> classifier = RNNClassifier(hidden_size=8, max_epochs=2, random_state=0).fit(X, y)
    >>> display = SaliencyDisplay.from_estimator(classifier, X[:2])
    >>> display.images_[0].get_array().shape
    (3, 8)
    >>> plt.close(display.figure_)

    Words of texts:

    >>> texts = ["good", "very good", "bad", "very bad"] * 10
    >>> classifier = RNNClassifier(analyzer="word", hidden_size=8, max_epochs=10, random_state=0)
    >>> classifier = classifier.fit(texts, ["+", "+", "-", "-"] * 10)
    >>> display = SaliencyDisplay.from_estimator(classifier, ["very good", "bad"])
    >>> print(display.text())  # doctest: +SKIP
    """

    def __init__(
        self,
        attributions: Sequence[ArrayLike] | NDArray[np.object_],
        *,
        feature_names: Sequence[Hashable] | None = None,
        targets: Sequence[object] | NDArray[np.generic] | None = None,
        symbols: Sequence[Sequence[object]] | None = None,
        separator: str = "",
    ) -> None:
        self.attributions = attributions
        self.feature_names = feature_names
        self.targets = targets
        self.symbols = symbols
        self.separator = separator

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Sized,
        *,
        method: SaliencyMethod = "integrated_gradients",
        target: object = None,
        window: int = 1,
        ax: Axes | Sequence[Axes] | NDArray[np.object_] | None = None,
    ) -> Self:
        """Explain the predictions for some sequences, and plot them if they are numbers.

        Parameters
        ----------
        estimator : RNNClassifier, RNNRegressor, pipeline or search
            Fitted estimator.
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences, as in `fit`. All of them are displayed.
        method : {"integrated_gradients", "gradients", "occlusion", "attention"}, \
default="integrated_gradients"
            See `saliency`.
        target : label, array-like of shape (n_sequences,) or int, default=None
            See `saliency`.
        window : int, default=1
            See `saliency`.
        ax : matplotlib Axes or array of Axes, default=None
            Axes to plot on, one per sequence. None creates a new figure. Not used for symbols.

        Returns
        -------
        display : SaliencyDisplay
            The display, plotted if the sequences are numbers.

        Raises
        ------
        ImportError
            If the sequences are numbers and matplotlib is not installed.
        TypeError
            If the estimator is not a classifier or regressor of this library.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        ValueError
            If a parameter is out of its range, or if X is not in the form seen in `fit`.
        """
        found, read = find_network(estimator, X, cls.__name__)
        are_symbols = found.input_kind_ in ("text", "symbols")
        if not are_symbols:
            check_matplotlib_support(f"{cls.__name__}.from_estimator")
        result = saliency(found, read, method=method, target=target, window=window)
        symbols, separator = read_symbols(read, found) if are_symbols else (None, "")
        display = cls(
            result.attributions,
            feature_names=result.feature_names,
            targets=None if method == "attention" else result.targets,
            symbols=symbols,
            separator=separator,
        )
        return display if are_symbols else display.plot(ax)

    def plot(self, ax: Axes | Sequence[Axes] | NDArray[np.object_] | None = None) -> Self:
        """Plot the attributions of each sequence.

        Parameters
        ----------
        ax : matplotlib Axes or array of Axes, default=None
            Axes to plot on, one per sequence. None creates a new figure.

        Returns
        -------
        self : SaliencyDisplay
            The display, with `axes_`, `figure_` and `images_` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the number of axes does not match.
        """
        arrays = [np.asarray(own, dtype=np.float64) for own in self.attributions]
        height = 1.0 + 0.22 * min(arrays[0].shape[1], _MAX_NAMES)
        self.axes_ = axes_of_panels(
            self, ax, len(arrays), f"{len(arrays)} sequences", (6.4, height)
        )
        self.figure_ = self.axes_[0].figure
        self.images_: list[AxesImage] = []
        scale: dict[str, object] = {
            "cmap": "coolwarm",
            "vmin": -self._largest(),
            "vmax": self._largest(),
        }
        if all((own >= 0).all() for own in arrays):
            scale |= {"cmap": "viridis", "vmin": 0.0}
        for i, (axes, own) in enumerate(zip(self.axes_, arrays, strict=True)):
            self._plot_one(axes, own, scale)
            target = "" if self.targets is None else f": {self.targets[i]}"
            axes.set_title(f"Sequence {i}{target}", fontsize="medium")
        label_steps(self.axes_)
        aspect = max(20.0, _BAR * self.figure_.get_size_inches()[1])
        label = "Attribution"
        self.figure_.colorbar(self.images_[0], ax=list(self.axes_), label=label, aspect=aspect)
        fit_to_pixels(self.images_)
        return self

    def _plot_one(self, ax: Axes, own: NDArray[np.float64], scale: Mapping[str, object]) -> None:
        self.images_.append(plot_steps(ax, own.T, scale))
        n_features = own.shape[1]
        names = range(n_features) if self.feature_names is None else self.feature_names
        if n_features <= _MAX_NAMES:
            ax.set_yticks(range(n_features), [str(name) for name in names])
        else:
            ax.set_ylabel("Feature")

    def _largest(self) -> float:
        """Return the attribution with the strongest colour."""
        largest = max(float(np.abs(own).max()) for own in self.attributions)
        return largest if largest > 0 else 1.0

    def html(self) -> str:
        """Return sequences of symbols as HTML, with the attributions as tooltips.

        Returns
        -------
        html : str
            One escaped element, with inline styles and without scripts. What speaks for the target
            is orange, what speaks against it blue, on a light page and on a dark one.

        Raises
        ------
        ValueError
            If the sequences are numbers.
        """
        blocks = []
        for caption, steps, limit in self._documents():
            spans = (coloured_span(symbol, x / limit, f"{x:.3g}") for symbol, x in steps)
            text = escape(self.separator).join(spans)
            blocks.append(
                f'<p>{escape(caption)}</p><pre style="white-space: pre-wrap">{text}</pre>'
            )
        return f"<div>{''.join(blocks)}</div>"

    def _repr_html_(self) -> str | None:
        return None if self.symbols is None else self.html()

    def text(self) -> str:
        """Return sequences of symbols as coloured text for a terminal.

        Returns
        -------
        text : str
            Text with ANSI escape sequences: what speaks for the target is orange, what speaks
            against it blue.

        Raises
        ------
        ValueError
            If the sequences are numbers.
        """
        return "\n\n".join(
            f"{caption}\n{self.separator.join(coloured_symbol(s, x / limit) for s, x in steps)}"
            for caption, steps, limit in self._documents()
        )

    def _documents(self) -> list[tuple[str, list[tuple[str, float]], float]]:
        """Return a caption per sequence, its symbols with attributions, and the largest one."""
        if self.symbols is None:
            raise ValueError(
                "The sequences of this display are numbers, which have no text. Use plot()."
            )
        documents = []
        for i, (symbols, own) in enumerate(zip(self.symbols, self.attributions, strict=True)):
            target = "" if self.targets is None else f": {self.targets[i]}"
            sums = np.asarray(own, dtype=np.float64).sum(axis=1).tolist()
            steps = list(zip(map(str, symbols), sums, strict=True))
            documents.append((f"Sequence {i}{target}", steps, self._largest()))
        return documents
