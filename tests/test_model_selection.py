"""Recommended grids have candidates that fit, and depend on the kind of task."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, ParameterGrid
from sklearn.pipeline import make_pipeline

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.model_selection import recommended_grid

RANDOM = np.random.default_rng(0)
SERIES = RANDOM.normal(size=(12, 14, 2))
LABELS = np.arange(12) % 2
STEPS = [np.arange(14) % 3] * 12
WORDS = [list("abcab"), list("bca")] * 6
KINDS = {
    "series": (RNNClassifier(), SERIES, LABELS),
    "symbols": (RNNClassifier(), WORDS, LABELS),
    "steps": (RNNClassifier(), SERIES, STEPS),
    "numbers": (RNNRegressor(), SERIES, LABELS * 1.0),
    "symbols to numbers": (RNNRegressor(), WORDS, LABELS * 1.0),
    "steps of numbers": (RNNRegressor(), SERIES, [steps * 1.0 for steps in STEPS]),
    "forecast": (
        RNNRegressor(residual="last", target_columns="all"),
        SERIES,
        RANDOM.normal(size=(12, 4)),
    ),
    "texts": (SequenceGenerator(), ["".join(word) for word in WORDS], None),
    "values": (SequenceGenerator(), SERIES, None),
}


@pytest.mark.filterwarnings("ignore:On windows that it was not trained on")  # of noise
@pytest.mark.parametrize(("estimator", "X", "y"), KINDS.values(), ids=KINDS)
def test_every_candidate_fits(estimator, X, y):
    """Each candidate changes at most two parameters, and none changes max_epochs."""
    candidates = list(ParameterGrid(recommended_grid(estimator, X, y)))
    assert candidates[0] == {}
    assert 4 < len(candidates) <= 8
    for candidate in candidates:
        assert len(candidate) <= 2
        assert "max_epochs" not in candidate
        clone(estimator).set_params(**candidate, max_epochs=1).fit(X, y)


def test_grids_differ_by_kind():
    """Each kind of task has a grid of its own."""
    grids = {str(recommended_grid(*kind)) for kind in KINDS.values()}
    assert len(grids) == len(KINDS)


def test_parameters_of_the_estimator_are_not_candidates():
    """A candidate that changes nothing is left out."""
    grid = recommended_grid(RNNClassifier("gru"), SERIES, LABELS)
    assert {"cell": ["gru"]} not in grid
    assert grid.count({}) == 1


def test_halving_with_epochs_as_the_resource():
    """The grid can be passed to a halving search as it is."""
    estimator = RNNClassifier(hidden_size=4, random_state=0)
    search = HalvingRandomSearchCV(
        estimator,
        recommended_grid(estimator, SERIES, LABELS),
        n_candidates=4,
        resource="max_epochs",
        min_resources=1,
        max_resources=4,
        cv=2,
        random_state=0,
    ).fit(SERIES, LABELS)
    assert search.best_estimator_.n_iter_ == search.n_resources_[-1]


def test_grid_search_in_a_pipeline():
    """Keys can be prefixed with the name of the step."""
    pipeline = make_pipeline(RNNClassifier(hidden_size=4, max_epochs=1, random_state=0))
    grid = recommended_grid(pipeline[-1], SERIES, LABELS)
    named = [{f"rnnclassifier__{key}": value for key, value in g.items()} for g in grid[:3]]
    assert GridSearchCV(pipeline, named, cv=2).fit(SERIES, LABELS).best_params_ is not None


def test_refusals():
    """Other estimators and a missing y are refused."""
    with pytest.raises(TypeError, match=r"supports RNNClassifier.*got LogisticRegression"):
        recommended_grid(LogisticRegression(), SERIES, LABELS)
    with pytest.raises(ValueError, match="needs y for RNNClassifier"):
        recommended_grid(RNNClassifier(), SERIES)
