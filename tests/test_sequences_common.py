"""Ragged sequences in scikit-learn: folds, searches, ensembles, pipelines, metadata, callbacks."""

import copy
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes HalvingGridSearchCV importable
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_validate,
    learning_curve,
    permutation_test_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence._batching import object_array
from sksequence.metrics import step_accuracy_scorer
from sksequence.preprocessing import StepTransformer

N = 30
FITS = {
    "hidden_size": 4,
    "max_epochs": 3,
    "batch_size": 8,
    "learning_rate": 0.02,
    "random_state": 0,
}
CONTAINERS = {
    "list": list,
    "object array": object_array,
    "Sequences": Sequences.from_arrays,
    "Series": pd.Series,
    "3-D array": lambda X: np.stack([x[:2] for x in X]),
    "table": lambda X: np.stack([x[:2].ravel() for x in X]),
    "DataFrame": lambda X: pd.DataFrame([x[:2].ravel() for x in X], columns=list("abcd")),
    "texts": lambda X: ["".join("up"[int(v < 0)] for v in x[:, 0]) for x in X],
}
ALL_CONTAINERS = pytest.mark.parametrize("container", CONTAINERS)


@pytest.fixture(scope="session")
def ragged():
    """Return sequences of two features, labels and numbers that depend on them."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) + (i % 2) for i, n in enumerate(rng.integers(2, 8, size=N))]
    return (
        X,
        np.array(["odd" if i % 2 else "even" for i in range(N)]),
        np.array([x.mean() for x in X]),
    )


@pytest.fixture(scope="session")
def per_step(ragged):
    """Return sequences and one label per step, some of them missing."""
    labels = [np.where(x[:, 0] > 0.5, "x", "y").astype(object) for x in ragged[0]]
    for label in labels[::3]:
        label[0] = None
    return ragged[0], object_array(labels)


@pytest.fixture
def classifier():
    """Return a small classifier."""
    return RNNClassifier(**FITS)


@pytest.fixture
def regressor():
    """Return a small regressor."""
    return RNNRegressor(**FITS)


# --- cross-validation ----------------------------------------------------------------------------


@ALL_CONTAINERS
def test_cross_validation_takes_every_container(container, ragged, classifier, regressor):
    """Scores and out-of-fold predictions work for labels and numbers in all containers."""
    X, labels, numbers = CONTAINERS[container](ragged[0]), *ragged[1:]
    scores = cross_validate(classifier, X, labels, cv=3, error_score="raise")["test_score"]
    assert np.isfinite(scores).all()
    predicted = cross_val_predict(classifier, X, labels, cv=3, method="predict_proba")
    assert predicted.shape == (N, 2)
    assert set(cross_val_predict(classifier, X, labels, cv=3)) <= set(labels)
    assert np.isfinite(
        cross_validate(regressor, X, numbers, cv=3, error_score="raise")["test_score"]
    ).all()
    assert cross_val_predict(regressor, X, numbers, cv=TimeOrdered()).shape == (N,)


class TimeOrdered(KFold):
    """Splitter of two folds in the given order."""

    def __init__(self):
        super().__init__(2)


def test_containers_score_the_same(ragged, classifier):
    """Folds of lists, object arrays and Sequences give the same scores."""
    X, y, _ = ragged
    scores = [
        cross_validate(classifier, CONTAINERS[name](X), y, cv=3)["test_score"].tolist()
        for name in ("list", "object array", "Sequences", "Series")
    ]
    assert scores[0] == scores[1] == scores[2] == scores[3]


def test_folds_whose_lengths_agree(classifier):
    """One-dimensional sequences remain sequences if those of a fold have equal lengths."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=3 + i // 10) for i in range(N)]
    y = np.arange(N) % 2
    for given_X in (X, [x.tolist() for x in X]):
        scores = cross_validate(classifier, given_X, y, cv=KFold(3), error_score="raise")
        assert len(scores["test_score"]) == 3


@ALL_CONTAINERS
def test_splits_learning_curves_and_permutations(container, ragged, classifier, regressor):
    """train_test_split, TimeSeriesSplit, learning_curve and permutation_test_score work."""
    X, labels, numbers = CONTAINERS[container](ragged[0]), *ragged[1:]
    X_train, X_test, y_train, y_test = train_test_split(X, labels, stratify=labels, random_state=0)
    assert len(classifier.fit(X_train, y_train).predict(X_test)) == len(y_test)
    cross_validate(regressor, X, numbers, cv=TimeSeriesSplit(2), error_score="raise")
    sizes, _, scores = learning_curve(
        classifier, X, labels, cv=StratifiedKFold(2), train_sizes=[0.5, 1.0], error_score="raise"
    )
    assert scores.shape == (len(sizes), 2)
    _, permuted, _ = permutation_test_score(classifier, X, labels, cv=2, n_permutations=2)
    assert np.isfinite(permuted).all()


# --- searches ------------------------------------------------------------------------------------


def test_searches_agree_on_one_process_and_on_two(ragged, classifier):
    """A grid over cells, directions and layers has the same scores and the same best."""
    X, y, _ = ragged
    grid = [
        {"cell": ["lstm", "gru", "rnn"], "bidirectional": [True, False]},
        {"cell": ["gru"], "num_layers": [2]},
    ]
    searches = [
        GridSearchCV(classifier, grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(X, y)
        for n_jobs in (1, 2)
    ]
    one, two = (search.cv_results_["mean_test_score"].tolist() for search in searches)
    assert one == two
    assert searches[0].best_params_ == searches[1].best_params_
    np.testing.assert_array_equal(searches[0].predict_proba(X), searches[1].predict_proba(X))


def test_searches_with_numpy_scalars(ragged, classifier):
    """Candidates may be numpy scalars."""
    X, y, _ = ragged
    ranges = {
        "hidden_size": np.arange(2, 5),
        "num_layers": np.array([1, 2]),
        "bidirectional": np.array([True, False]),
        "dropout": np.linspace(0, 0.5, 3),
        "learning_rate": np.logspace(-3, -1, 3),
        "batch_size": np.array([4, 8]),
        "frame_length": np.array([1, 2]),
        "tbptt_steps": [None],
        "early_stopping": np.array([True, False]),
    }
    search = RandomizedSearchCV(
        classifier, ranges, n_iter=5, cv=2, random_state=0, error_score="raise"
    )
    assert np.isfinite(search.fit(X, y).best_score_)
    truncated = {"tbptt_steps": np.array([2, 3]), "bidirectional": np.array([False])}
    assert GridSearchCV(classifier, truncated, cv=2, error_score="raise").fit(X, y).best_score_ > 0


@pytest.mark.parametrize("container", ["list", "Sequences", "texts"])
def test_halving_spends_epochs(container, ragged, classifier):
    """The resource of a halving search may be the number of epochs."""
    X, y = CONTAINERS[container](ragged[0]), ragged[1]
    search = HalvingGridSearchCV(
        classifier,
        {"cell": ["lstm", "gru", "rnn"]},
        resource="max_epochs",
        min_resources=1,
        max_resources=4,
        factor=2,
        cv=2,
        random_state=0,
        error_score="raise",
    ).fit(X, y)
    assert search.best_estimator_.n_iter_ == search.n_resources_[-1]


# --- one target a step ---------------------------------------------------------------------------


@pytest.mark.parametrize("as_list", [True, False])
def test_labels_per_step_through_folds_and_grids(as_list, per_step, classifier):
    """Ragged y needs an explicit KFold and a step scorer; its container does not matter."""
    X, y = per_step
    y = list(y) if as_list else y
    predicted = cross_val_predict(classifier, X, y, cv=KFold(3))
    assert [len(p) for p in predicted] == [len(x) for x in X]
    assert set(np.concatenate(predicted)) <= {"x", "y"}
    search = GridSearchCV(
        classifier,
        {"cell": ["gru", "lstm"]},
        cv=KFold(2),
        scoring=step_accuracy_scorer,
        error_score="raise",
    ).fit(X, y)
    assert 0 <= search.best_score_ <= 1
    own = GridSearchCV(classifier, {"cell": ["gru", "lstm"]}, cv=KFold(2)).fit(X, y)
    np.testing.assert_allclose(
        own.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"]
    )


def test_numbers_per_step(ragged, regressor):
    """Predictions per step have the container of y."""
    X = ragged[0]
    y = [np.cumsum(x[:, 0]) for x in X]
    predicted = cross_val_predict(regressor, X, y, cv=KFold(3))
    assert [p.shape for p in predicted] == [t.shape for t in y]
    assert isinstance(regressor.fit(X, Sequences.from_arrays(y)).predict(X), Sequences)
    equal, table = np.stack([x[:2] for x in X]), np.stack([t[:2] for t in y])
    regressor.set_params(target="steps")
    assert regressor.fit(equal, table).predict(equal).shape == table.shape
    assert np.isfinite(regressor.score(equal, table))


# --- estimators made of estimators ---------------------------------------------------------------


@ALL_CONTAINERS
def test_ensembles(container, ragged, classifier, regressor):
    """Voting, stacking, calibration and a transformed target work."""
    X, labels, numbers = CONTAINERS[container](ragged[0]), *ragged[1:]
    classifiers = [("a", classifier), ("b", clone(classifier).set_params(cell="gru"))]
    regressors = [("a", regressor), ("b", clone(regressor).set_params(cell="rnn"))]
    for model in (
        VotingClassifier(classifiers, voting="soft"),
        StackingClassifier(classifiers, LogisticRegression(), cv=2),
        CalibratedClassifierCV(classifier, cv=2),
        CalibratedClassifierCV(classifier, cv=2, method="temperature"),
    ):
        assert model.fit(X, labels).predict_proba(X).shape == (N, 2)
    for model in (
        VotingRegressor(regressors),
        StackingRegressor(regressors, cv=2),
        TransformedTargetRegressor(regressor, func=np.exp, inverse_func=np.log1p),
    ):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The provided functions.*", UserWarning)
            warnings.filterwarnings("ignore", "invalid value encountered", RuntimeWarning)
            assert model.fit(X, numbers).predict(X).shape == (N,)


@pytest.mark.parametrize("container", ["list", "object array", "Sequences", "3-D array"])
def test_pipelines_scale_every_step(container, ragged, classifier):
    """A transformer of steps and a network form a pipeline inside a search."""
    X, y = CONTAINERS[container](ragged[0]), ragged[1]
    model = make_pipeline(StepTransformer(StandardScaler()), classifier)
    grid = {"rnnclassifier__cell": ["gru", "lstm"]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert search.predict(X).shape == (N,)


def test_features_of_a_network_feed_another_model(ragged, classifier):
    """An estimator is a transformer in a pipeline."""
    X, y, _ = ragged
    model = make_pipeline(classifier, LogisticRegression()).fit(X, y)
    assert model[:-1].transform(X).shape == (N, 8)
    assert model.score(X, y) > 0.5


# --- configuration, routing, callbacks -----------------------------------------------------------


def test_pandas_output(ragged, classifier):
    """Column names of a scaler are the feature names of fit."""
    frame, y = CONTAINERS["DataFrame"](ragged[0]), ragged[1]
    with sklearn.config_context(transform_output="pandas"):
        model = make_pipeline(StandardScaler(), classifier).fit(frame, y)
        assert model[-1].feature_names_in_.tolist() == list("abcd")
        assert model.predict(frame).shape == (N,)


@pytest.mark.parametrize("container", ["list", "object array", "3-D array", "table", "texts"])
def test_array_api_dispatch(container, ragged, classifier):
    """The setting changes no result."""
    X, y = CONTAINERS[container](ragged[0]), ragged[1] == "odd"
    plain = cross_validate(classifier, X, y, cv=2)["test_score"]
    with sklearn.config_context(array_api_dispatch=True):
        scores = cross_validate(classifier, X, y, cv=2, error_score="raise")["test_score"]
    np.testing.assert_array_equal(scores, plain)


def test_weights_are_routed(ragged, classifier):
    """sample_weight is passed to fit and score through a pipeline and a search."""
    X, y, _ = ragged
    weights = np.where(y == "odd", 3.0, 0.0)
    weights[:2] = 1.0
    with sklearn.config_context(enable_metadata_routing=True):
        routed = classifier.set_fit_request(sample_weight=True).set_score_request(
            sample_weight=True
        )
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(StepTransformer(scaler), routed)
        search = GridSearchCV(model, {"rnnclassifier__cell": ["gru"]}, cv=2, error_score="raise")
        search.fit(X, y, sample_weight=weights)
        direct = clone(routed).set_params(cell="gru")
        Z = StepTransformer(StandardScaler()).fit_transform(X)
        direct.fit(Z, y, sample_weight=weights)
        np.testing.assert_array_equal(search.predict_proba(X), direct.predict_proba(Z))
        scores = cross_validate(
            routed, X, y, params={"sample_weight": weights}, cv=2, error_score="raise"
        )
        assert np.isfinite(scores["test_score"]).all()


@pytest.mark.filterwarnings("ignore:.*experimental.*")
@pytest.mark.parametrize("kind", ["alone", "pipeline", "search"])
def test_scikit_learn_callbacks(kind, ragged, classifier, capsys):
    """Callbacks see the progress and the score of every epoch, also in pipelines and searches."""
    X, y, _ = ragged
    monitor = ScoringMonitor(scoring="accuracy")
    if kind == "alone":
        model = classifier.set_callbacks(ProgressBar(), monitor)
    elif kind == "pipeline":
        classifier.set_callbacks(monitor)
        model = make_pipeline(StepTransformer(StandardScaler()), classifier)
    else:
        classifier.set_callbacks(monitor)
        model = GridSearchCV(classifier, {"cell": ["gru", "lstm"]}, cv=2)
        model.set_callbacks(ProgressBar())
    scored = model.fit(X, y)
    assert scored.predict(X).shape == (N,)
    assert monitor.get_logs()
    bare = clone(classifier)
    assert bare.fit(X, y).n_iter_ == FITS["max_epochs"]


# --- copies --------------------------------------------------------------------------------------


@ALL_CONTAINERS
def test_clones_and_copies(container, ragged, classifier):
    """A clone is unfitted and fits the same; a deep copy is fitted and predicts the same."""
    X, y = CONTAINERS[container](ragged[0]), ragged[1]
    model = classifier.fit(X, y)
    expected = model.predict_proba(X)
    assert not hasattr(clone(model), "classes_")
    np.testing.assert_array_equal(clone(model).fit(X, y).predict_proba(X), expected)
    np.testing.assert_array_equal(copy.deepcopy(model).predict_proba(X), expected)


# --- how X was read ------------------------------------------------------------------------------

WHOLE = {
    "int64": np.arange(12).reshape(4, 3),
    "uint8": np.arange(12, dtype=np.uint8).reshape(4, 3),
    "lists": np.arange(12).reshape(4, 3).tolist(),
    "objects": np.arange(12).astype(object).reshape(4, 3),
    "arrays": list(np.arange(12).reshape(4, 3)),
    "Int64": pd.DataFrame(np.arange(12).reshape(4, 3), dtype="Int64"),
    "arrow": pd.DataFrame(np.arange(12).reshape(4, 3), dtype="int64[pyarrow]"),
    "polars": pl.DataFrame(np.arange(12).reshape(4, 3)),
}


@pytest.mark.parametrize("X", WHOLE.values(), ids=WHOLE)
def test_whole_numbers_follow_one_rule(X):
    """Numbers in classifier and regressor without an embedding, symbols in the generator."""
    small = {"hidden_size": 4, "max_epochs": 1}
    for estimator, kind in [
        (RNNClassifier(**small), "numbers"),
        (RNNRegressor(**small), "numbers"),
        (RNNClassifier(embedding_dim=2, **small), "symbols"),
        (SequenceGenerator(**small), "symbols"),
    ]:
        y = None if isinstance(estimator, SequenceGenerator) else [0, 1, 0, 1]
        assert estimator.fit(X, y).input_kind_ == kind


@pytest.mark.parametrize(
    ("X", "kind"),
    [
        (["ab", "b"], "text"),
        (np.array([["ab"], ["b"]]), "text"),
        ([["ab", "b"], ["b"]], "symbols"),
        (np.eye(2), "numbers"),
        (np.eye(2, dtype=bool), "numbers"),
        ([[True, False], [False]], "numbers"),
        ([[0.0, 1.0], [2.0]], "numbers"),
    ],
    ids=str,
)
def test_the_reading_is_an_attribute(X, kind):
    """All three estimators report it, and the network has an embedding of symbols only."""
    small = {"hidden_size": 4, "max_epochs": 1}
    for estimator in (RNNClassifier(**small), RNNRegressor(**small), SequenceGenerator(**small)):
        fitted = estimator.fit(X, [0, 1])
        assert fitted.input_kind_ == kind
        assert hasattr(fitted, "vocabulary_") == (kind != "numbers")


def test_texts_are_no_tokens():
    """Texts given to an estimator of tokens would be cut into characters."""
    tokens = [["turn", "left"], ["go", "on"]] * 3
    for estimator in (
        RNNClassifier(hidden_size=4, max_epochs=1).fit(tokens, [0, 1] * 3),
        SequenceGenerator(hidden_size=4, max_epochs=1).fit(tokens),
    ):
        with pytest.raises(ValueError, match=r"X holds texts .* was fitted on lists or arrays"):
            estimator.predict(["turn left"])
