"""Recommended grids hold candidates that fit, and one of them is selected by its certain gain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    ParameterGrid,
    RandomizedSearchCV,
    ShuffleSplit,
)
from sklearn.pipeline import make_pipeline

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.datasets import make_first_label
from sksequence.model_selection import (
    one_standard_error,
    recommended_grid,
    textbook_parameters,
)

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
    assert 3 < len(candidates) <= 8
    for candidate in candidates:
        assert len(candidate) <= 2
        assert "max_epochs" not in candidate
        clone(estimator).set_params(**candidate, max_epochs=1).fit(X, y)


def test_grids_differ_by_kind():
    """Each kind of task has a grid of its own."""
    grids = {str(recommended_grid(*kind)) for kind in KINDS.values()}
    assert len(grids) == len(KINDS)


@pytest.mark.filterwarnings("ignore:On windows that it was not trained on")  # of noise
@pytest.mark.parametrize(("estimator", "X", "y"), KINDS.values(), ids=KINDS)
def test_candidates_differ_from_each_other_when_fitted(estimator, X, y):
    """Values that "auto" selects are no candidates, so that no fit is made twice."""
    resolved = []
    for candidate in ParameterGrid(recommended_grid(estimator, X, y)):
        fitted = clone(estimator).set_params(**candidate, max_epochs=1).fit(X, y)
        resolved.append(fitted.get_params() | fitted.auto_params_)
    assert all(a != b for i, a in enumerate(resolved) for b in resolved[:i])


def test_smaller_batches_of_few_sequences_are_no_candidates():
    """A batch of 8 or of 32 has all of 8 sequences."""
    for n, is_candidate in ((8, False), (9, True)):
        grid = recommended_grid(RNNClassifier(), SERIES[:n], LABELS[:n])
        assert ({"batch_size": [8]} in grid) == is_candidate
        assert grid.count({}) == 1


def test_the_other_cell_is_a_candidate():
    """Where "auto" selects a GRU, it is the LSTM."""
    many, few = RANDOM.normal(size=(12, 14, 8)), SERIES[:, :, :1]
    for X, other in ((many, "lstm"), (few, "gru")):
        grid = recommended_grid(RNNClassifier(), X, LABELS)
        assert [values["cell"] for values in grid if "cell" in values] == [[other]]


def test_ensembles_are_the_first_to_try():
    """They come after the estimator itself, and before candidates that are slower."""
    grid = recommended_grid(RNNClassifier(), SERIES, LABELS)
    assert grid[:2] == [{}, {"n_estimators": [3]}]
    assert {"n_estimators": [3]} not in recommended_grid(
        RNNClassifier(n_estimators=3), SERIES, LABELS
    )


def test_the_estimator_is_left_as_it_is():
    """No random number is drawn from it, and nothing is fitted."""
    generator = np.random.RandomState(0)
    estimator = RNNClassifier(
        early_stopping=True, validation_split=GroupKFold(2), random_state=generator
    )
    recommended_grid(estimator, SERIES, LABELS)
    assert not hasattr(estimator, "n_iter_")
    assert generator.randint(1000) == np.random.RandomState(0).randint(1000)


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


# --- one standard error --------------------------------------------------------------------------


def results(scores, **columns):
    """Return the results of a search with these scores, of shape (n_candidates, n_folds)."""
    scores = np.asarray(scores, dtype=float)
    folds = {f"split{k}_test_score": scores[:, k] for k in range(scores.shape[1])}
    params = [{"a": i} for i in range(len(scores))]
    return {"params": params, "mean_test_score": scores.mean(axis=1), **folds, **columns}


SCORES = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=n, max_size=n)
)


@given(scores=SCORES)
def test_the_selected_candidate_is_the_first_within_one_standard_error(scores):
    """Those before it are worse by more than one error, and it is not."""
    table = np.array(scores, dtype=float)
    best = int(table.mean(axis=1).argmax())

    def is_within(i):
        difference = table[best] - table[i]
        return difference.mean() <= np.sqrt(np.var(difference, ddof=1) / 4)

    selected = one_standard_error(results(table))
    assert is_within(selected)
    assert not any(map(is_within, range(selected)))


@given(scores=SCORES, scale=st.sampled_from([0.5, 4.0]), offset=st.integers(-5, 5))
def test_units_and_easy_folds_do_not_matter(scores, scale, offset):
    """A fold that is easier for all candidates changes nothing, unlike with their own errors."""
    table = np.array(scores, dtype=float)
    moved = scale * table + offset * np.arange(4.0)
    assert one_standard_error(results(moved)) == one_standard_error(results(table))


def test_ties_go_to_the_first():
    """The best candidate is not preferred to an equal one before it."""
    table = RANDOM.normal(size=(1, 5)).repeat(4, axis=0)
    assert one_standard_error(results(table)) == 0
    assert one_standard_error(results(np.concatenate([table - 1.0, table]))) == 4


def test_a_clear_winner_is_taken():
    """A gain of the same size in all folds is certain, and a lucky fold is not."""
    base, luck = RANDOM.normal(size=5), np.array([0.5, -0.1, 0.0, 0.1, -0.1])
    assert one_standard_error(results([base, base + 0.01, base - 1.0])) == 1
    assert one_standard_error(results([base, base + luck])) == 0


def test_one_fold_has_no_error():
    """Only equal scores are ties."""
    assert one_standard_error(results([[1.0], [2.0], [2.0]])) == 1
    search = GridSearchCV(
        RNNClassifier(hidden_size=2, random_state=0),
        {"max_epochs": [1, 2]},
        cv=ShuffleSplit(1, random_state=0),
        refit=one_standard_error,
    ).fit(SERIES, LABELS)
    assert search.best_index_ == one_standard_error(search.cv_results_)


def test_failed_candidates_are_not_selected():
    """A candidate without a score in some fold is left out."""
    assert one_standard_error(results([[np.nan, 9.0], [1.0, 2.0], [1.0, 2.0]])) == 1
    with pytest.raises(ValueError, match="No candidate has a score in all folds"):
        one_standard_error(results([[np.nan, 1.0], [1.0, np.nan]]))


def test_halving_searches_select_from_the_last_iteration():
    """Its candidates are in the order of their scores, and the rule uses that of the grid."""
    table = [[0.0, 0.0], [5.0, 1.0], [3.0, 3.0], [3.0, 3.5], [5.0, 1.0]]
    params = [{"a": a} for a in (2, 0, 1, 1, 0)]
    halved = results(table, iter=[0, 0, 0, 1, 1]) | {"params": params}
    assert one_standard_error(halved) == 4


@pytest.mark.parametrize("kind", [GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV])
def test_searches_take_the_rule(kind):
    """It is the `refit` of a search; scikit-learn's halving searches refit the best candidate."""
    options = {"n_iter": 3, "random_state": 0} if kind is RandomizedSearchCV else {}
    if kind is HalvingGridSearchCV:
        options = {"resource": "max_epochs", "min_resources": 1, "max_resources": 2, "factor": 2}
    classifier = RNNClassifier(hidden_size=2, max_epochs=1, random_state=0)
    grid = {"learning_rate": [1e-3, 1e-2, 0.1]}
    search = kind(classifier, grid, cv=3, refit=one_standard_error, **options).fit(SERIES, LABELS)
    selected = one_standard_error(search.cv_results_)
    if kind is not HalvingGridSearchCV:
        assert search.best_index_ == selected
    assert search.cv_results_.get("iter", np.zeros(9))[selected] == max(
        search.cv_results_.get("iter", [0])
    )
    assert search.predict(SERIES).shape == LABELS.shape


def test_several_metrics_are_refused():
    """The rule would not know by which one to select."""
    search = GridSearchCV(
        RNNClassifier(hidden_size=2, max_epochs=1, random_state=0),
        {"learning_rate": [1e-2]},
        cv=2,
        scoring=["accuracy", "f1"],
        refit=one_standard_error,
    )
    with pytest.raises(ValueError, match="a single metric, but the search has 'accuracy', 'f1'"):
        search.fit(SERIES, LABELS)


# --- the network of textbooks --------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor, SequenceGenerator])
def test_textbook_parameters_are_those_of_the_estimator(estimator):
    """They are parameters of the class and of its objects, and some of them are not defaults."""
    parameters = textbook_parameters(estimator)
    assert parameters == textbook_parameters(estimator(dropout=0.3))
    assert parameters.items() <= estimator(**parameters).get_params().items()
    assert not parameters.items() <= estimator().get_params().items()


def test_the_network_of_textbooks_forgets():
    """Defaults read the first step from the end; the network of textbooks cannot."""
    X, y = make_first_label(200, lag=40, random_state=0)
    scores = [
        RNNClassifier("rnn", 16, max_epochs=10, random_state=0, **parameters).fit(X, y).score(X, y)
        for parameters in ({}, textbook_parameters(RNNClassifier))
    ]
    assert scores[0] > 0.95
    assert scores[1] < 0.6


def test_other_estimators_have_no_textbook():
    """An estimator of another library is an error."""
    with pytest.raises(TypeError, match="textbook_parameters supports RNNClassifier, RNNRegressor"):
        textbook_parameters(LogisticRegression())
