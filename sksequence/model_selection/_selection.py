"""Selection of a candidate from the results of a search."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def one_standard_error(cv_results: Mapping[str, object]) -> int:
    """Select the first candidate that is hardly worse than the best one, for `refit` of a search.

    The best of several candidates on a small data set is often the luckiest one. This rule [1]_
    therefore takes the first candidate of the grid whose mean score is within one standard error of
    the best one. The standard error is that of the mean difference between the scores of the two
    candidates, over the same folds. A grid should begin with the candidate to prefer, such as the
    default, and go on from fast candidates to slow ones, as that of `recommended_grid` does.

    Parameters
    ----------
    cv_results : dict
        Attribute `cv_results_` of a search, which passes it to `refit`. Candidates without a score
        in some fold are never selected. With a single split there is no standard error, and only
        candidates with the best score are equivalent.

    Returns
    -------
    index : int
        Position of the selected candidate in `cv_results`.

    Raises
    ------
    ValueError
        If the search has several metrics, or if no candidate has a score in all folds.

    Notes
    -----
    With `RandomizedSearchCV`, candidates are in the order in which they were drawn. The halving
    searches of scikit-learn ignore a function in `refit` and refit the best candidate. Call the
    rule with their `cv_results_` instead: it selects from the last iteration, in the order of the
    first one.

    References
    ----------
    .. [1] Breiman et al. (1984), Classification and Regression Trees, section 3.4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sksequence import RNNClassifier
    >>> from sksequence.model_selection import one_standard_error, recommended_grid
    >>> X, y = np.random.default_rng(0).normal(size=(20, 9)), np.arange(20) % 2
    >>> classifier = RNNClassifier(hidden_size=4, max_epochs=1, random_state=0)
    >>> grid = recommended_grid(classifier, X, y)[:3]
    >>> search = GridSearchCV(classifier, grid, cv=2, refit=one_standard_error).fit(X, y)
    >>> 0 <= search.best_index_ < 3
    True
    """
    scores = _scores_of_folds(cv_results)
    candidates = _candidates(cv_results)
    scores = scores[candidates]
    is_complete = np.isfinite(scores).all(axis=1)
    if not is_complete.any():
        raise ValueError(
            "No candidate has a score in all folds: all of them failed in some. Set "
            "error_score='raise' to see the error, or use fewer folds."
        )
    candidates, scores = candidates[is_complete], scores[is_complete]
    loss = scores[scores.mean(axis=1).argmax()] - scores
    n_folds = loss.shape[1]
    error = loss.std(axis=1, ddof=1) / np.sqrt(n_folds) if n_folds > 1 else np.zeros(len(loss))
    return int(candidates[(loss.mean(axis=1) <= error).argmax()])


def _scores_of_folds(cv_results: Mapping[str, object]) -> NDArray[np.float64]:
    """Return an array of shape (n_candidates, n_folds)."""
    if "mean_test_score" not in cv_results:
        prefix = "mean_test_"
        names = [name.removeprefix(prefix) for name in cv_results if name.startswith(prefix)]
        raise ValueError(
            "one_standard_error selects by a single metric, but the search has "
            f"{', '.join(map(repr, names)) or 'no scores'}. Pass one metric to scoring."
        )
    names, k = [], 0
    while (name := f"split{k}_test_score") in cv_results:
        names.append(name)
        k += 1
    return np.column_stack([np.asarray(cv_results[name], dtype=np.float64) for name in names])


def _candidates(cv_results: Mapping[str, object]) -> NDArray[np.int64]:
    """Return the positions to select from, in the order of the grid."""
    if "iter" not in cv_results:
        return np.arange(len(np.asarray(cv_results["mean_test_score"])))
    iterations, params = np.asarray(cv_results["iter"]), cv_results["params"]
    assert isinstance(params, list)
    names = [repr(candidate) for candidate in params]  # values may be arrays
    last = np.flatnonzero(iterations == iterations.max())
    return np.array(sorted(last.tolist(), key=lambda i: names.index(names[i])))
