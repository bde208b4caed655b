"""Permutation importance finds features and windows, in every container."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib import parallel_config
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sksequence import RNNClassifier, SequenceGenerator, Sequences
from sksequence.inspection import permutation_importance
from sksequence.metrics import step_accuracy_scorer
from sksequence.preprocessing import StepTransformer

N_STEPS, N_FEATURES, PLANTED, WINDOW = 20, 3, 1, 2  # of 5 windows


def planted(n_sequences, lengths, seed=0):
    """Return sequences whose label is in one feature, in the third fifth of their steps."""
    random = np.random.default_rng(seed)
    X = [random.normal(size=(n, N_FEATURES)) for n in random.choice(lengths, n_sequences)]
    y = random.integers(2, size=n_sequences)
    for row, label in zip(X, y, strict=True):
        n = len(row)
        row[2 * n // 5 : 3 * n // 5, PLANTED] += 3 * label - 1.5
    return X, y


@pytest.fixture(scope="module")
def problem():
    """Fit a pipeline to ragged sequences; return it with others."""
    X, y = planted(200, [15, 20, 25, 30])
    pipeline = make_pipeline(
        StepTransformer(StandardScaler()),
        RNNClassifier("gru", 16, max_epochs=15, random_state=0),
    ).fit(X, y)
    return pipeline, *planted(100, [15, 20, 25, 30], seed=1)


class Recorder:
    """Estimator that keeps the X that it scores."""

    def __init__(self):
        self.seen = []

    def fit(self, X, y=None):
        """Do nothing."""
        return self

    def score(self, X, y=None):
        """Keep X."""
        self.seen.append(X)
        return float(len(self.seen))


def exchanged(X, **parameters):
    """Return X as it is scored with each part exchanged once."""
    recorder = Recorder()
    permutation_importance(recorder, X, n_repeats=1, random_state=0, **parameters)
    return recorder.seen[:-1]  # the last one is X itself


# Laws


def test_planted_features_and_windows_are_found(problem):
    """The feature with the label and its window have the largest importance, of ragged X too."""
    pipeline, X, y = problem
    assert pipeline.score(X, y) > 0.9
    features = permutation_importance(pipeline, X, y, random_state=0)
    assert features.importances_mean.argmax() == PLANTED
    windows = permutation_importance(pipeline, X, y, by="windows", n_windows=5, random_state=0)
    assert windows.importances_mean.argmax() == WINDOW
    both = permutation_importance(pipeline, X, y, by="both", n_windows=5, random_state=0)
    assert both.importances_mean.shape == (N_FEATURES, 5)
    place = np.unravel_index(both.importances_mean.argmax(), (N_FEATURES, 5))
    assert place == (PLANTED, WINDOW)
    others = np.delete(both.importances_mean.ravel(), PLANTED * 5 + WINDOW)
    assert both.importances_mean[place] > 5 * np.abs(others).max()


def test_importances_are_falls_of_the_score(problem):
    """Means and standard deviations are those of the repeats; parameters do not change them."""
    pipeline, X, y = problem
    result = permutation_importance(pipeline, X, y, n_repeats=3, random_state=1)
    with parallel_config(backend="threading"):
        again = permutation_importance(pipeline, X, y, n_repeats=3, random_state=1, n_jobs=2)
    assert result.importances.shape == (N_FEATURES, 3)
    np.testing.assert_array_equal(result.importances, again.importances)
    np.testing.assert_array_equal(result.importances_mean, result.importances.mean(axis=1))
    np.testing.assert_array_equal(result.importances_std, result.importances.std(axis=1))
    loss = permutation_importance(
        pipeline, X, y, n_repeats=3, random_state=1, scoring="neg_log_loss"
    )
    assert loss.importances_mean.argmax() == PLANTED
    assert not np.allclose(loss.importances, result.importances)


X3 = np.random.default_rng(0).normal(size=(6, 10, 2))
RAGGED = [X3[i, : 4 + i] for i in range(6)]
FRAMES = [pd.DataFrame(row, columns=["a", "b"]) for row in RAGGED]
CONTAINERS = {
    "array": X3,
    "list": RAGGED,
    "lists": [row.tolist() for row in RAGGED],
    "objects": np.array([*RAGGED, None], dtype=object)[:-1],
    "buffer": Sequences.from_arrays(RAGGED),
    "frames": FRAMES,
    "polars": [pl.DataFrame(frame.to_dict("list")) for frame in FRAMES],
    "table": Sequences.from_arrays(FRAMES),
}


def rows(X):
    """Return all steps of a container."""
    return np.concatenate([np.asarray(row) for row in X])


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_are_kept(name):
    """A feature is exchanged in the same way in each container, and the others stay."""
    X = CONTAINERS[name]
    before = rows(X).copy()
    expected = exchanged(X3 if name == "array" else RAGGED)
    for feature, (other, same) in enumerate(zip(exchanged(X), expected, strict=True)):
        assert type(other) is type(X)
        assert [type(row) for row in other] == [type(row) for row in X]
        np.testing.assert_array_equal(rows(other), rows(same))
        np.testing.assert_array_equal(rows(other)[:, 1 - feature], before[:, 1 - feature])
        assert not np.array_equal(rows(other)[:, feature], before[:, feature])
    np.testing.assert_array_equal(rows(X), before)


def test_names_are_those_of_tables():
    """The names of features are those of columns, or numbers."""
    for X, names in ((FRAMES, ["a", "b"]), (CONTAINERS["table"], ["a", "b"]), (X3, [0, 1])):
        result = permutation_importance(Recorder(), X, random_state=0)
        assert result.feature_names == names
        np.testing.assert_array_equal(result.windows, [[0, 1]])


def test_equal_lengths_are_exchanged_whole():
    """Each sequence has the feature of another one, step by step, and all are used once."""
    for feature, other in enumerate(exchanged(X3)):
        found = [[np.array_equal(row[:, feature], own[:, feature]) for own in X3] for row in other]
        assert np.sum(found) == len(X3)
        assert (np.sum(found, axis=0) == 1).all()


def test_windows_are_exchanged_at_the_same_relative_time():
    """Steps outside of the window stay; those inside are those of the same window of others."""
    X = [np.arange(10 * n) / n for n in (1, 2, 3)]  # the value is the relative time, from 0 to 10
    X = [np.column_stack([row, np.full(len(row), i)]) for i, row in enumerate(X)]
    for window, other in enumerate(exchanged(X, by="windows", n_windows=5)):
        for row, own in zip(other, X, strict=True):
            inside = (own[:, 0] >= 2 * window) & (own[:, 0] < 2 * window + 2)
            np.testing.assert_array_equal(row[~inside], own[~inside])
            assert np.abs(row[:, 0] - own[:, 0]).max() < 1
            assert len(set(row[inside, 1])) == 1
        assert any((row[:, 1] != i).any() for i, row in enumerate(other))


def test_windows_are_fractions():
    """Their bounds cover the sequence."""
    result = permutation_importance(Recorder(), X3, by="windows", n_windows=4, random_state=0)
    np.testing.assert_array_equal(result.windows[:, 0], [0, 0.25, 0.5, 0.75])
    np.testing.assert_array_equal(result.windows[:, 1], [0.25, 0.5, 0.75, 1])


# Examples


def test_tables_with_a_column_per_step():
    """A DataFrame of numbers keeps its names of steps."""
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(200, 8)), columns=[f"t{i}" for i in range(8)])
    y = X["t5"] > 0
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    result = permutation_importance(model, X, y, by="windows", n_windows=4, random_state=0)
    assert result.importances_mean.argmax() == 2
    assert permutation_importance(model, X, y, random_state=0).importances_mean.shape == (1,)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, np.asarray], ids=str)
def test_tables_with_sequences_in_cells(kind):
    """Columns are features, those that do not change in time too."""
    random = np.random.default_rng(0)
    age = random.normal(size=60)
    cells = {"x": [list(random.normal(size=n)) for n in random.integers(3, 6, 60)], "age": age}
    X = pd.DataFrame(cells) if kind is np.asarray else kind(cells)
    model = RNNClassifier("gru", 8, max_epochs=30, random_state=0)
    X = X.to_numpy() if kind is np.asarray else X
    model.fit(X, age > 0)
    result = permutation_importance(model, X, age > 0, random_state=0)
    assert result.importances_mean.argmax() == 1
    with pytest.raises(ValueError, match=r"cells are sequences, .* Set by='features', or pass a"):
        permutation_importance(model, X, age > 0, by="windows")


def by_date(values):
    """Return a Series with an index of dates."""
    return pd.Series(values, pd.date_range("2024-01-01", periods=len(values)))


@pytest.mark.parametrize("kind", [pd.DataFrame, pd.DataFrame.to_numpy], ids=["table", "array"])
@pytest.mark.parametrize("as_cell", [np.asarray, list, by_date])
def test_channels_in_cells_of_different_lengths(kind, as_cell):
    """A cell of another row is stretched to the steps of its new row, and names stay."""
    random = np.random.default_rng(0)
    lengths, y = random.integers(3, 9, 40), np.arange(40) % 2
    rows = list(zip(lengths, y, strict=True))
    cells = {
        name: [as_cell(random.normal(size=n) + shift * label) for n, label in rows]
        for name, shift in (("noise", 0), ("level", 5))
    }
    X = kind(pd.DataFrame(cells))
    model = RNNClassifier("gru", 4, max_epochs=20, random_state=0).fit(X, y)
    importances = permutation_importance(model, X, y, n_repeats=3).importances_mean
    assert importances[1] > 0.3 > importances[0]


def test_texts_have_windows_of_words():
    """Words are kept, and blanks stay; the part with the label is found."""
    texts = ["good or bad  ", " bad and sad", "good and good", "bad\nor glad"] * 10
    y = [1, 0, 1, 0] * 10
    blanks = [re.sub(r"\S+", "", text) for text in [*texts, ""]]
    model = make_pipeline(
        FunctionTransformer(lambda X: [text.split()[0] for text in X]),
        CountVectorizer(),
        LogisticRegression(),
    ).fit(texts, y)
    result = permutation_importance(model, texts, y, by="windows", n_windows=3, random_state=0)
    assert result.importances_mean.argmax() == 0
    for other in exchanged([*texts, ""], by="windows", n_windows=3):
        assert [re.sub(r"\S+", "", text) for text in other] == blanks
    for other in exchanged(texts, by="windows", n_windows=3):
        assert sorted(" ".join(other).split()) == sorted(" ".join(texts).split())


def test_targets_of_steps_and_tokens():
    """Per-step targets have a scorer, and tokens one feature."""
    random = np.random.default_rng(0)
    X = [list(random.choice(list("abc"), size=n)) for n in random.integers(3, 8, 40)]
    y = [[symbol == "a" for symbol in row] for row in X]
    tagger = RNNClassifier("gru", 8, max_epochs=20, random_state=0).fit(X, y)
    result = permutation_importance(tagger, X, y, scoring=step_accuracy_scorer, random_state=0)
    assert result.importances_mean.shape == (1,)
    assert result.importances_mean[0] > 0.2


def test_generators_need_no_targets():
    """The score is the likelihood of X itself."""
    random = np.random.default_rng(0)
    X = np.cumsum(random.normal(size=(20, 15, 2)), axis=1)
    generator = SequenceGenerator("gru", 8, max_epochs=2, random_state=0).fit(X)
    result = permutation_importance(generator, X, by="windows", n_windows=3, random_state=0)
    assert (result.importances_mean > 0).all()


def test_weights_are_passed_on():
    """Sequences of weight 0 do not count."""
    X, y = planted(40, [10])
    classifier = RNNClassifier("gru", 8, max_epochs=5, random_state=0).fit(X, y)
    weights, options = np.arange(40) % 2, {"scoring": "neg_log_loss", "random_state": 0}
    result = permutation_importance(classifier, X, y, sample_weight=weights, **options)
    plain = permutation_importance(classifier, X, y, **options)
    assert not np.allclose(result.importances, plain.importances)


# Errors


def test_parameters_are_checked():
    """The errors state what is possible."""
    with pytest.raises(ValueError, match=r"by must be 'features', 'windows' or 'both'; got 'time'"):
        permutation_importance(Recorder(), X3, by="time")
    with pytest.raises(ValueError, match=r"n_repeats must be a whole number of at least 1; got 0"):
        permutation_importance(Recorder(), X3, n_repeats=0)
    with pytest.raises(ValueError, match=r"n_windows must be a whole number of at least 1; got 0"):
        permutation_importance(Recorder(), X3, n_windows=0)
    with pytest.raises(ValueError, match=r"n_windows=4 has no effect with by='features'"):
        permutation_importance(Recorder(), X3, n_windows=4)
    with pytest.raises(ValueError, match=r"X has 1 sequence, .* Pass at least 2 sequences"):
        permutation_importance(Recorder(), X3[:1])
