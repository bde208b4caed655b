"""Importance of features and of windows of time, by permutation between sequences."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sksequence._settings import check_count
from sksequence.inspection._exchanged_steps import exchange_of

Scorer = Callable[..., float]
Part = tuple[int | None, tuple[int, int] | None]
_N_WINDOWS = 10


def permutation_importance(
    estimator: BaseEstimator,
    X: Sized,
    y: Sized | None = None,
    *,
    by: Literal["features", "windows", "both"] = "features",
    n_windows: int | None = None,
    scoring: str | Scorer | None = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: int | np.random.RandomState | None = None,
    sample_weight: ArrayLike | None = None,
) -> Bunch:
    """Measure how much the score falls when features or windows of time are permuted.

    A feature, a window, or a feature within a window, is exchanged between the sequences at random,
    so that it has nothing to do with y any more [1]_. Where sequences differ in length, a step is
    exchanged with that at the same relative time: the middle of one with the middle of another.
    `sklearn.inspection.permutation_importance` is the same for tables.

    Parameters
    ----------
    estimator : estimator object
        Fitted estimator, pipeline or search.
    X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences
        Sequences that the estimator predicts, best those that it was not trained on. Texts are
        exchanged word by word, and have windows only, as tokens do. Of tables whose cells are
        sequences, the columns are the features, and there are no windows.
    y : array-like of shape (n_sequences,) or list of arrays, default=None
        Targets, as for the `score` of the estimator.
    by : {"features", "windows", "both"}, default="features"
        What is permuted: each feature at all steps, all features in each window, or each feature in
        each window.
    n_windows : int, default=None
        Number of windows of equal length into which each sequence is cut, for ``by="windows"`` and
        ``by="both"``. None stands for 10.
    scoring : str or callable, default=None
        Name of a scorer of scikit-learn, or a scorer ``scorer(estimator, X, y)``, such as those of
        `sksequence.metrics`. None is the `score` of the estimator.
    n_repeats : int, default=5
        Number of permutations of each part.
    n_jobs : int, default=None
        Number of parts to score at a time. None is 1, and -1 the number of processors.
    random_state : int, RandomState instance or None, default=None
        Determines the permutations. Pass an int for reproducible output across calls.
    sample_weight : array-like of shape (n_sequences,), default=None
        Weights that are passed to the scorer.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes. `shape` is (n_features,),
        (n_windows,) or (n_features, n_windows), as `by` states.

        importances_mean : ndarray of the given shape
            Mean of the falls of the score.
        importances_std : ndarray of the given shape
            Standard deviation over the permutations.
        importances : ndarray of the given shape and n_repeats
            Falls of the score. A feature that is not used has importances around 0.
        feature_names : list
            Names of the features, or their numbers.
        windows : ndarray of shape (n_windows, 2)
            Beginning and end of each window, as fractions of the length of a sequence. One window
            with ``by="features"``.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if X has a single sequence, or if its cells are
        sequences and `by` is not "features".

    Notes
    -----
    If two features contain the same information, the score hardly falls when one of them is
    permuted: both seem unimportant.

    References
    ----------
    .. [1] Breiman (2001), Random Forests, Machine Learning 45(1).

    Examples
    --------
    The label is the sign of the second feature in the first third of a sequence:

    >>> import numpy as np
    >>> from sksequence import RNNClassifier
    >>> from sksequence.inspection import permutation_importance
    >>> X = np.random.default_rng(0).normal(size=(200, 12, 3))
    >>> y = X[:, :4, 1].sum(axis=1) > 0
    >>> classifier = RNNClassifier(hidden_size=16, max_epochs=20, random_state=0).fit(X, y)
    >>> result = permutation_importance(classifier, X, y, random_state=0)
    >>> int(result.importances_mean.argmax())
    1
    >>> result = permutation_importance(
    ...     classifier, X, y, by="windows", n_windows=3, random_state=0
    ... )
    >>> int(result.importances_mean.argmax())
    0
    """
    check_count("n_repeats", n_repeats)
    if n_windows is not None:
        check_count("n_windows", n_windows)
        if by == "features":
            raise ValueError(
                f"n_windows={n_windows} has no effect with by='features', which permutes features "
                "at all steps. Set by='windows' or 'both', or leave n_windows out."
            )
    n_windows = _N_WINDOWS if n_windows is None else n_windows
    exchange = exchange_of(X)
    if exchange.n_sequences < 2:
        raise ValueError(
            f"X has {exchange.n_sequences} sequence, which cannot be exchanged with another one. "
            "Pass at least 2 sequences."
        )
    parts, shape = _parts(by, len(exchange.names), int(n_windows))
    scorer = check_scoring(estimator, scoring=scoring)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    random = check_random_state(random_state)

    def score(part: Part, seeds: NDArray[np.int64]) -> list[float]:
        orders = [np.random.RandomState(seed).permutation(exchange.n_sequences) for seed in seeds]
        exchanged = (exchange.exchanged(order, *part) for order in orders)
        return [scorer(estimator, other, y, **weights) for other in exchanged]

    seeds = random.randint(2**31, size=(len(parts), n_repeats))
    permuted = Parallel(n_jobs=n_jobs)(map(delayed(score), parts, seeds))
    falls = scorer(estimator, X, y, **weights) - np.array(permuted)
    bounds = np.linspace(0.0, 1.0, 2 if by == "features" else n_windows + 1)
    importances = falls.reshape(*shape, n_repeats)
    return Bunch(
        importances_mean=importances.mean(axis=-1),
        importances_std=importances.std(axis=-1),
        importances=importances,
        feature_names=exchange.names,
        windows=np.column_stack([bounds[:-1], bounds[1:]]),
    )


def _parts(by: str, n_features: int, n_windows: int) -> tuple[list[Part], tuple[int, ...]]:
    """Return the parts to permute, and the shape of their importances."""
    features = range(n_features)
    windows = [(i, n_windows) for i in range(n_windows)]
    if by == "features":
        return [(feature, None) for feature in features], (n_features,)
    if by == "windows":
        return [(None, window) for window in windows], (n_windows,)
    if by == "both":
        return [(f, window) for f in features for window in windows], (n_features, n_windows)
    raise ValueError(f"by must be 'features', 'windows' or 'both'; got {by!r}.")
