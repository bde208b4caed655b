"""Display of predictions and their score while sequences unfold: how early they are right."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Sized
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sksequence._batching import Sequences
from sksequence._settings import check_count
from sksequence.inspection._figures import axes_of_plot
from sksequence.inspection._fitted_networks import find_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_WORD = re.compile(r"\s*\S+")


class UnfoldingDisplay:
    """Score of the predictions after the first steps of sequences, by the number of steps read.

    Create one with `from_estimator`, which plots it. To compare models, plot them on the same axes:
    ``UnfoldingDisplay.from_estimator(other, X, y, name="other", ax=display.ax_)``. All parameters
    are stored as attributes.

    Parameters
    ----------
    n_steps : array-like of int of shape (n_points,)
        Number of first steps that were read. Shorter sequences were read whole.
    scores : array-like of shape (n_points,)
        Score of the predictions.
    predictions : sequence of length n_points of array-like of shape (n_sequences,), default=None
        The predictions. They are stored, not plotted.
    name : str, default=None
        Name of the model in the legend.
    score_name : str, default="Score"
        Label of the axis of scores.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the scores.
    figure_ : matplotlib Figure
        Figure that contains the axes.
    line_ : matplotlib Line2D
        The scores.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sksequence import RNNClassifier
    >>> from sksequence.datasets import load_japanese_vowels
    >>> from sksequence.inspection import UnfoldingDisplay
    >>> X, y = load_japanese_vowels(split="train", return_X_y=True)
    >>> classifier = RNNClassifier(hidden_size=16, max_epochs=5, random_state=0).fit(X, y)
    >>> display = UnfoldingDisplay.from_estimator(classifier, X, y, n_points=5)
    >>> [int(n) for n in display.n_steps]
    [1, 7, 14, 20, 26]
    >>> bool(display.scores[0] < display.scores[-1])
    True
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        n_steps: ArrayLike,
        scores: ArrayLike,
        *,
        predictions: Sequence[ArrayLike] | None = None,
        name: str | None = None,
        score_name: str = "Score",
    ) -> None:
        self.n_steps = n_steps
        self.scores = scores
        self.predictions = predictions
        self.name = name
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Sized,
        y: Sized,
        *,
        scoring: str | Callable[..., float] | None = None,
        n_points: int = 20,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Score predictions for the first steps of sequences, and plot the scores.

        Parameters
        ----------
        estimator : estimator object
            Fitted classifier or regressor, pipeline or search, of sequences of any length.
        X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
            Sequences. An array of shape (n_sequences, n_steps) is passed on as a list. The steps
            of texts are characters if the estimator reads these, and words otherwise.
        y : array-like of shape (n_sequences,)
            One target per sequence.
        scoring : str or callable, default=None
            Name of a scorer of scikit-learn, or a scorer ``scorer(estimator, X, y)``. None is the
            `score` of the estimator.
        n_points : int, default=20
            Number of points, from the first step to the longest sequence. Each takes a prediction.
        name : str, default=None
            Name of the model in the legend.
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.

        Returns
        -------
        display : UnfoldingDisplay
            The display, plotted.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If X is not a container of sequences whose first steps can be taken, or if y has targets
            per step.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_count("n_points", n_points)
        first_steps, longest = _first_steps_of(_with_words(X, estimator))
        _check_targets(X, y)
        n_steps = np.unique(np.linspace(1, longest, n_points).round().astype(int))
        scorer = check_scoring(estimator, scoring=scoring)
        model: Any = estimator
        scores, predictions = [], []
        for n in n_steps.tolist():
            first = first_steps(n)
            scores.append(scorer(estimator, first, y))
            predictions.append(model.predict(first))
        score_name = scoring.replace("_", " ").capitalize() if isinstance(scoring, str) else "Score"
        display = cls(
            n_steps, np.array(scores), predictions=predictions, name=name, score_name=score_name
        )
        return display.plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. None creates a new figure.

        Returns
        -------
        self : UnfoldingDisplay
            The display, with `ax_`, `figure_` and `line_` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = ax = axes_of_plot(self, ax)
        self.figure_ = ax.figure
        self.line_: Line2D
        (self.line_,) = ax.plot(
            np.asarray(self.n_steps), np.asarray(self.scores), marker=".", label=self.name
        )
        ax.set(xlabel="Steps read", ylabel=self.score_name)
        if self.name is not None:
            ax.legend()
        return self


def _check_targets(X: Any, y: Any) -> None:
    """Raise a ValueError for targets per step in a list or an array of objects."""
    is_list = isinstance(y, list | tuple) or (isinstance(y, np.ndarray) and y.dtype == object)
    if is_list and len(y) and np.ndim(y[0]) and len(y[0]) == len(X[0]):
        raise ValueError(
            f"UnfoldingDisplay needs one target per sequence; y[0] holds {len(y[0])}, one per "
            "step. The score of the estimator says how right they are."
        )


class _Words:
    """Text whose steps are its words, each with the blanks before it."""

    def __init__(self, text: str) -> None:
        self._words = _WORD.findall(text)

    def __len__(self) -> int:
        return len(self._words)

    def __getitem__(self, steps: slice) -> str:
        return "".join(self._words[steps])


def _with_words(X: Any, estimator: BaseEstimator) -> Any:
    """Return X, of which texts have words as steps unless the estimator reads characters."""
    is_list = isinstance(X, list | tuple) or getattr(X, "dtype", None) == object
    if not (is_list and len(X) and all(isinstance(x, str) for x in X)):
        return X
    try:
        found, _ = find_network(estimator, None, UnfoldingDisplay.__name__)
    except TypeError:  # an estimator of another library
        return [_Words(x) for x in X]
    return X if found.get_params()["analyzer"] == "char" else [_Words(x) for x in X]


def _first_steps_of(X: Sized) -> tuple[Callable[[int], Any], int]:
    """Return a function from a number to the first steps of sequences, and the largest number."""
    if isinstance(X, Sequences) and X.static_blocks == []:  # keeps the names of features
        return lambda n: X.take_runs(X.offsets[:-1], np.minimum(X.lengths, n)), int(X.lengths.max())
    is_array = isinstance(X, np.ndarray) and (X.ndim > 1 or X.dtype == object)
    if is_array or isinstance(X, list | tuple | Sequences):
        sequences: list[Any] = list(cast("Any", X))
        return lambda n: [x[:n] for x in sequences], max(map(len, sequences))
    raise ValueError(
        f"X is a {type(X).__name__}, whose first steps cannot be taken. Pass a list of sequences, "
        "such as arrays or DataFrames, or an array."
    )
