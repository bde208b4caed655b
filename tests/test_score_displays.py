"""Scores while sequences unfold, and calibration of quantiles."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence.inspection import QuantileCalibrationDisplay, UnfoldingDisplay
from sksequence.preprocessing import StepTransformer

random = np.random.default_rng(0)


@pytest.fixture(scope="module")
def problem():
    """Sequences whose label is at step 6, and a pipeline that has learnt it."""
    X = [random.normal(size=(n, 2)) for n in random.integers(10, 20, 200)]
    y = random.integers(2, size=200)
    for x, label in zip(X, y, strict=True):
        x[5, 0] += 12 * label - 6
    classifier = RNNClassifier("gru", 16, pooling="max", max_epochs=15, random_state=0)
    return make_pipeline(StepTransformer(StandardScaler()), classifier).fit(X, y), X, y


# Laws


def test_scores_are_those_of_the_first_steps(plt, problem):
    """Each point is the score of cut sequences; the last one that of whole ones."""
    pipeline, X, y = problem
    display = UnfoldingDisplay.from_estimator(pipeline, X, y, n_points=30)
    longest = max(map(len, X))
    np.testing.assert_array_equal(display.n_steps, np.arange(1, longest + 1))
    for n in (1, 8):
        first = [x[:n] for x in X]
        assert display.scores[n - 1] == pipeline.score(first, y)
        np.testing.assert_array_equal(display.predictions[n - 1], pipeline.predict(first))
    assert display.scores[-1] == pipeline.score(X, y)
    np.testing.assert_array_equal(display.line_.get_ydata(), display.scores)
    np.testing.assert_array_equal(display.line_.get_xdata(), display.n_steps)


def test_the_label_is_known_when_it_is_shown(plt, problem):
    """Before step 6 the predictions are guesses, afterwards they are right."""
    pipeline, X, y = problem
    display = UnfoldingDisplay.from_estimator(pipeline, X, y, n_points=30)
    assert display.scores[:5].max() < 0.7
    assert display.scores[5:].min() > 0.9


def test_points_models_and_scorers(plt, problem):
    """Points are spread over the longest sequence; models share axes and have names."""
    pipeline, X, y = problem
    display = UnfoldingDisplay.from_estimator(
        pipeline, X, y, n_points=3, scoring="neg_log_loss", name="a"
    )
    assert display.n_steps.tolist() == [1, 10, 19]
    assert display.ax_.get_ylabel() == "Neg log loss"
    other = UnfoldingDisplay.from_estimator(
        pipeline, Sequences.from_arrays(X), y, n_points=3, name="b", ax=display.ax_
    )
    assert [t.get_text() for t in other.ax_.get_legend().get_texts()] == ["a", "b"]
    assert other.scores[-1] == pipeline.score(X, y)


@pytest.mark.parametrize(
    ("analyzer", "n_steps", "two_steps"),
    [("word", 3, ["it is", "so bad", "it is", "so good"]), ("char", 11, ["it", "so", "it", "so"])],
)
def test_texts_unfold_as_they_are_read(plt, analyzer, n_steps, two_steps):
    """The steps of a text are its words or its characters."""
    texts, labels = ["it is good,", "so bad", "it is bad", "so good"], ["+", "-", "-", "+"]
    classifier = RNNClassifier(analyzer=analyzer, hidden_size=4, max_epochs=2, random_state=0)
    display = UnfoldingDisplay.from_estimator(classifier.fit(texts, labels), texts, labels)
    assert display.n_steps.tolist() == list(range(1, n_steps + 1))
    np.testing.assert_array_equal(display.predictions[1], classifier.predict(two_steps))
    vectors = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, labels)
    words = UnfoldingDisplay.from_estimator(vectors, texts, labels)
    assert words.n_steps.tolist() == [1, 2, 3]
    assert words.scores[-1] == vectors.score(texts, labels)


def test_fractions_are_counts_of_values_below():
    """They are those of a normal distribution for its own quantiles, missing values left out."""
    pytest.importorskip("matplotlib").use("Agg")
    levels = np.array([0.05, 0.3, 0.5, 0.9])
    y = random.normal(size=(4000, 2))
    y[::7, 0] = np.nan
    quantiles = norm.ppf(levels)[:, None, None] * np.ones((4, 4000, 2))
    display = QuantileCalibrationDisplay.from_predictions(y, quantiles, levels=levels)
    np.testing.assert_allclose(display.fractions, levels, atol=0.02)
    np.testing.assert_array_equal(display.line_.get_xdata(), levels)
    np.testing.assert_array_equal(display.line_.get_ydata(), display.fractions)
    present = y[~np.isnan(y)]
    assert display.fractions[1] == np.mean(present <= norm.ppf(0.3))


def test_quantiles_are_those_of_the_estimators(plt):
    """Regressors and generators are asked for the levels, and share axes."""
    X = random.normal(size=(60, 8))
    y = X[:, -1] + random.normal(size=60)
    regressor = RNNRegressor("gru", 8, loss="quantile", quantiles=(0.2, 0.8), max_epochs=5)
    regressor.set_params(random_state=0).fit(X, y)
    display = QuantileCalibrationDisplay.from_estimator(regressor, X, y, name="regressor")
    expected = (y <= regressor.predict_quantiles(X)).mean(axis=1)
    np.testing.assert_array_equal(display.fractions, expected)
    pipeline = make_pipeline(FunctionTransformer(), regressor)
    of_pipeline = QuantileCalibrationDisplay.from_estimator(pipeline, X, y)
    np.testing.assert_array_equal(of_pipeline.fractions, expected)
    search = GridSearchCV(pipeline, {"rnnregressor__max_epochs": [5]}, cv=2).fit(X, y)
    for model in (search, make_pipeline(FunctionTransformer(), search.best_estimator_)):
        found = QuantileCalibrationDisplay.from_estimator(model, X, y)
        np.testing.assert_array_equal(found.fractions, expected)
    gaussian = RNNRegressor("gru", 8, loss="gaussian", max_epochs=2, random_state=0).fit(X, y)
    assert len(QuantileCalibrationDisplay.from_estimator(gaussian, X, y).fractions) == 11
    generator = SequenceGenerator("gru", 8, max_epochs=2, random_state=0).fit(X)
    options = {"n_samples": 20, "random_state": 0}
    other = QuantileCalibrationDisplay.from_estimator(
        generator, X, X[:, :3], levels=[0.1, 0.9], name="generator", ax=display.ax_, **options
    )
    forecast = generator.forecast(X, 3, quantiles=[0.1, 0.9], **options)
    below = (X[:, :3] <= forecast.quantiles).mean(axis=(1, 2))
    np.testing.assert_array_equal(other.fractions, below)
    texts = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    assert texts == ["calibrated", "regressor", "generator"]
    display.figure_.draw_without_rendering()
    legend = display.plot(plt.figure().subplots()).ax_.get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["calibrated", "regressor"]


@pytest.mark.parametrize("container", [list, Sequences.from_arrays])
@pytest.mark.parametrize("n_steps", [range(4, 10), [6] * 6], ids=["ragged", "equal"])
def test_quantiles_of_steps(plt, container, n_steps):
    """Targets per step of sequences of any length are values like others."""
    X = [random.normal(size=(n, 1)) for n in n_steps]
    y = container([x[:, 0] + random.normal(size=len(x)) for x in X])
    regressor = RNNRegressor("gru", 4, loss="quantile", max_epochs=2, random_state=0)
    regressor.set_params(target="steps").fit(X, y)
    display = QuantileCalibrationDisplay.from_estimator(regressor, X, y)
    flat = [np.concatenate(list(own)) for own in regressor.predict_quantiles(X)]
    below = np.mean(np.concatenate(list(y)) <= np.stack(flat), axis=1)
    np.testing.assert_array_equal(display.fractions, below)


# Errors


def test_parts_must_match(plt):
    """The errors state the shapes."""
    with pytest.raises(ValueError, match=r"quantiles has shape \(2, 5\); 3 levels and values"):
        QuantileCalibrationDisplay.from_predictions(
            np.zeros(5), np.zeros((2, 5)), levels=[0.1, 0.5, 0.9]
        )
    with pytest.raises(ValueError, match=r"y_true holds no value: all are missing"):
        QuantileCalibrationDisplay.from_predictions([np.nan], [[0.0]], levels=[0.5])
    for levels in (0.5, [50]):
        with pytest.raises(ValueError, match=r"levels must be a list of numbers between 0 and 1"):
            QuantileCalibrationDisplay.from_predictions(
                np.zeros(5), np.zeros((1, 5)), levels=levels
            )
    with pytest.raises(ValueError, match=r"a number for each step of each sequence of y_true"):
        QuantileCalibrationDisplay.from_predictions([[0.0], [0.0, 1.0]], [[[0.0]]], levels=[0.5])
    with pytest.raises(
        TypeError, match=r"QuantileCalibrationDisplay reads the network .* got Ridge"
    ):
        QuantileCalibrationDisplay.from_estimator(Ridge(), [[0.0]], [0.0])
    classifier = RNNClassifier(hidden_size=4, max_epochs=1).fit(np.zeros((4, 3)), [0, 1, 0, 1])
    with pytest.raises(TypeError, match=r"QuantileCalibrationDisplay needs a fitted Sequence"):
        QuantileCalibrationDisplay.from_estimator(classifier, np.zeros((4, 3)), [0.0] * 4)
    generator = SequenceGenerator(hidden_size=4, max_epochs=1).fit(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"y has shape \(4,\); .* shape \(n_sequences, horizon\)"):
        QuantileCalibrationDisplay.from_estimator(generator, np.zeros((4, 3)), np.zeros(4))
    with pytest.raises(ValueError, match=r"X is a str, whose first steps cannot be taken"):
        UnfoldingDisplay.from_estimator(RNNClassifier(), "text", [0])
    with pytest.raises(ValueError, match=r"one target per sequence; y\[0\] holds 3, one per step"):
        UnfoldingDisplay.from_estimator(RNNClassifier(), [np.zeros(3)], [["a", "b", "a"]])
