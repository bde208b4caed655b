"""Metrics of quantiles, intervals and samples, equal to those of other libraries; scorers."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import mean_absolute_error, mean_pinball_loss
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNClassifier, RNNRegressor
from sksequence.metrics import (
    SCORERS,
    continuous_ranked_probability_score,
    interval_coverage,
    interval_score,
    pinball_loss,
)
from sksequence.preprocessing import StepTransformer

RANDOM = np.random.RandomState(0)
TRUE, SAMPLES = RANDOM.randn(50), RANDOM.randn(50, 20)
LOWER = RANDOM.randn(50) - 1
UPPER = LOWER + 2 * RANDOM.rand(50)
LEVELS = [0.1, 0.4, 0.9]


@pytest.mark.parametrize("shape", [(50,), (25, 2)])
@pytest.mark.parametrize("weights", [None, RANDOM.rand(50)])
def test_pinball_loss_is_that_of_scikit_learn(shape, weights):
    """It is the mean of scikit-learn's over the levels, with weights and several outputs."""
    true, predicted = TRUE.reshape(shape), SAMPLES.T[:3].reshape(3, *shape)
    weights = None if weights is None else weights[: len(true)]
    each = [
        mean_pinball_loss(true, part, alpha=level, sample_weight=weights)
        for level, part in zip(LEVELS, predicted, strict=True)
    ]
    loss = pinball_loss(true, predicted, quantiles=LEVELS, sample_weight=weights)
    assert loss == pytest.approx(np.mean(each))


def test_crps_is_that_of_other_libraries():
    """The figure is that of crps_ensemble of scoringrules 0.10 and of properscoring 0.1."""
    assert continuous_ranked_probability_score(TRUE, SAMPLES) == pytest.approx(0.668150463631108)


def test_crps_of_paths_is_the_mean_over_steps():
    """Samples are on the second axis, as the paths of a forecast are."""
    paths = RANDOM.randn(4, 30, 5)
    true = RANDOM.randn(4, 5)
    steps = [continuous_ranked_probability_score(true[:, t], paths[:, :, t]) for t in range(5)]
    assert continuous_ranked_probability_score(true, paths) == pytest.approx(np.mean(steps))
    one = continuous_ranked_probability_score(true, paths[:, :1])
    assert one == pytest.approx(mean_absolute_error(true, paths[:, 0]))


def test_crps_is_twice_the_mean_pinball_loss():
    """It is the integral of the pinball loss over all levels, times two."""
    levels = (np.arange(2000) + 0.5) / 2000
    quantiles = np.quantile(SAMPLES, levels, axis=1, method="inverted_cdf")
    score = continuous_ranked_probability_score(TRUE, SAMPLES)
    assert score == pytest.approx(2 * pinball_loss(TRUE, quantiles, quantiles=levels), rel=1e-3)


def test_interval_score_is_that_of_another_library():
    """The figure is that of interval_score of scoringrules 0.10."""
    assert interval_score(TRUE, LOWER, UPPER, level=0.8) == pytest.approx(9.296831415720007)


def test_interval_score_is_a_pinball_loss():
    """It is the sum of the pinball losses of both ends, in units of half of (1 - level)."""
    both = pinball_loss(TRUE, [LOWER, UPPER], quantiles=[0.1, 0.9])
    assert interval_score(TRUE, LOWER, UPPER, level=0.8) == pytest.approx(2 * both / 0.1)


def test_coverage_counts_the_ends():
    """Values at the ends are within an interval; weights count samples."""
    assert interval_coverage([0.0, 1.0, 2.0], [0.0] * 3, [1.0] * 3) == pytest.approx(2 / 3)
    covered = interval_coverage([0.0, 3.0], [0.0] * 2, [1.0] * 2, sample_weight=[3.0, 1.0])
    assert covered == 0.75


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pinball_loss([1.0], [[1.0]], quantiles=[1.0]), "above 0 and below 1"),
        (lambda: pinball_loss([1.0], [1.0], quantiles=[0.5]), r"expected \(1, 1\)"),
        (lambda: pinball_loss([np.nan], [[1.0]], quantiles=[0.5]), "y_true has missing"),
        (lambda: pinball_loss([], [[]], quantiles=[0.5]), "y_true has no values"),
        (
            lambda: pinball_loss([1.0], [[1.0]], quantiles=[0.5], sample_weight=[1.0, 2.0]),
            "one weight per sample",
        ),
        (lambda: interval_score([1.0], [0.0], [2.0], level=80), "such as 0.8"),
        (lambda: interval_coverage([1.0], [0.0], [2.0, 3.0]), "the same shape"),
        (lambda: continuous_ranked_probability_score([1.0], [1.0]), "axis of samples after"),
        (lambda: continuous_ranked_probability_score([1.0], [[1.0], [2.0]]), "axis of samples"),
    ],
)
def test_invalid_arguments_are_errors(call, message):
    """Errors name the argument and what is expected."""
    with pytest.raises(ValueError, match=message):
        call()


# --- scorers -------------------------------------------------------------------------------------

X = RANDOM.randn(40, 6, 2)
Y = X[:, -1, 0] + 0.1 * RANDOM.randn(40)
small = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
QUANTILES = RNNRegressor(loss="quantile", quantiles=LEVELS, **small)


def test_scorers_of_quantiles_are_their_metrics():
    """They compute the metrics of the quantiles that the estimator has learnt."""
    fitted = QUANTILES.fit(X, Y)
    predicted = fitted.predict_quantiles(X)
    expected = {
        "neg_pinball_loss": -pinball_loss(Y, predicted, quantiles=LEVELS),
        "neg_interval_score": -interval_score(Y, predicted[0], predicted[-1], level=0.8),
        "interval_coverage": interval_coverage(Y, predicted[0], predicted[-1]),
    }
    scores = {name: SCORERS[name](fitted, X, Y) for name in expected}
    assert scores == pytest.approx(expected)
    assert pickle.loads(pickle.dumps(SCORERS["neg_pinball_loss"]))(fitted, X, Y) == pytest.approx(
        expected["neg_pinball_loss"]
    )


def test_scorers_see_through_pipelines_and_searches():
    """The levels are those of the last step of the best pipeline."""
    pipeline = make_pipeline(StepTransformer(StandardScaler()), QUANTILES)
    names = ["neg_pinball_loss", "interval_coverage"]
    scoring = {name: SCORERS[name] for name in names}
    scores = cross_validate(pipeline, X, Y, cv=2, scoring=scoring)
    assert np.isfinite(scores["test_neg_pinball_loss"]).all()
    assert ((scores["test_interval_coverage"] >= 0) & (scores["test_interval_coverage"] <= 1)).all()
    grid = {"rnnregressor__cell": ["gru", "rnn"]}
    search = GridSearchCV(pipeline, grid, cv=2, scoring=SCORERS["neg_pinball_loss"]).fit(X, Y)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max() < 0


def test_quantiles_of_searches():
    """Searches are scored by their best estimators: alone, in pipelines, and nested."""
    scorer, scaler = SCORERS["neg_pinball_loss"], StepTransformer(StandardScaler())
    pipeline = make_pipeline(scaler, QUANTILES)
    search = GridSearchCV(QUANTILES, {"cell": ["gru"]}, cv=2, scoring=scorer)
    around = GridSearchCV(pipeline, {"rnnregressor__cell": ["gru"]}, cv=2, scoring=scorer)
    expected = scorer(clone(pipeline).set_params(rnnregressor__cell="gru").fit(X, Y), X, Y)
    for model in (make_pipeline(scaler, search), around):
        assert scorer(model.fit(X, Y), X, Y) == expected
    assert np.isfinite(cross_val_score(search, X, Y, cv=2, scoring=scorer)).all()


def test_scorers_by_name_are_those_of_the_module():
    """Scorers for targets of steps are found by name too."""
    steps = [["a", "b"], ["a"], ["b", "b", "a"], ["b"]]
    sequences = [np.arange(float(len(row))) for row in steps]
    classifier = RNNClassifier(**small).fit(sequences, steps)
    assert 0 <= SCORERS["step_accuracy"](classifier, sequences, steps) <= 1
    assert 0 <= SCORERS["step_f1"](classifier, sequences, steps) <= 1


def test_scorers_without_quantiles_are_errors():
    """An estimator without quantiles is refused, and so is an unknown name."""
    with pytest.raises(KeyError, match=r"no scorer 'accuracy'; choose from.*step_accuracy"):
        SCORERS["accuracy"]
    with pytest.raises(TypeError, match="RNNClassifier predicts no quantiles"):
        SCORERS["neg_pinball_loss"](RNNClassifier(), X, Y)
    with pytest.raises(ValueError, match="predicts no quantiles"):
        SCORERS["neg_pinball_loss"](RNNRegressor(loss="huber", **small).fit(X, Y), X, Y)


# --- quantiles from predict ----------------------------------------------------------------------


def test_predict_returns_quantiles():
    """They are those of predict_quantiles, in the order given, also through a pipeline."""
    fitted = QUANTILES.fit(X, Y)
    assert np.array_equal(fitted.predict(X, quantiles=LEVELS), fitted.predict_quantiles(X))
    pipeline = make_pipeline(StepTransformer(StandardScaler()), QUANTILES).fit(X, Y)
    low, high = pipeline.predict(X, quantiles=[0.1, 0.9])
    assert low.shape == (40,)
    assert np.all(low <= high)
    assert np.array_equal(pipeline.predict(X), pipeline.predict(X, quantiles=[0.4])[0])


def test_predict_refuses_quantiles_that_there_are_not():
    """Errors name the loss to set."""
    with pytest.raises(ValueError, match=r"quantiles=\[0.5\] has no effect.*Set loss='quantile'"):
        RNNRegressor(loss="huber", **small).fit(X, Y).predict(X, quantiles=[0.5])
    with pytest.raises(ValueError, match=r"0\.3"):
        QUANTILES.fit(X, Y).predict(X, quantiles=[0.3])
