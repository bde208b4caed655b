"""Naive forecasts: repeated seasons, the comparison of errors, the warning if nothing improves."""

import re
import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from sksequence import RNNRegressor, Sequences
from sksequence._tasks import NaiveForecast, _naive_forecast
from sksequence.preprocessing import make_windows

RANDOM = np.random.RandomState(0)
WAVE = np.sin(np.arange(400) / 4) + 0.1 * RANDOM.randn(400)
X, Y = make_windows(WAVE, 16, 3)
WALKS = [np.random.RandomState(seed).randn(600).cumsum() for seed in range(4)]
NOTHING_GAINED = "the mean absolute error of this forecast"
MAY_WARN = pytest.mark.filterwarnings(f"ignore:.*{NOTHING_GAINED}")
make = partial(RNNRegressor, "gru", hidden_size=8, max_epochs=5, random_state=0, residual="last")


def mean_error(truth, forecast):
    """Return the mean absolute error."""
    return pytest.approx(np.abs(truth - forecast).mean())


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["auto", "squared_error", "quantile", "student_t"])
@pytest.mark.parametrize("residual", ["last", 25])
@MAY_WARN
def test_errors_are_those_of_the_training_windows(residual, loss):
    """Errors are those of `predict` and of the naive forecast, in units of y."""
    X, Y = make_windows(1000 * WAVE, 30, 3)
    model = make(residual=residual, loss=loss).fit(X, Y)
    naive = X[:, [-1, -1, -1]] if residual == "last" else X[:, [-25, -24, -23]]
    assert model.naive_error_ == mean_error(Y, naive)
    assert model.forecast_error_ == mean_error(Y, model.predict(X))


def test_errors_are_those_of_the_part_held_out():
    """With early stopping, errors are those of the windows held out."""
    model = make(early_stopping=True, validation_split="last", validation_fraction=0.25)
    n_held_out = round(0.25 * len(X))
    model.fit(X, Y)
    last = X[-n_held_out:], Y[-n_held_out:]
    assert model.naive_error_ == mean_error(last[1], last[0][:, [-1]])
    assert model.forecast_error_ == mean_error(last[1], model.predict(last[0]))


@MAY_WARN
def test_weights_are_repetition():
    """Integer weights are repetition, and a common factor does not matter."""
    weights = RANDOM.randint(0, 4, len(X))
    rows = np.repeat(np.arange(len(X)), weights)
    one = make().fit(X[rows], Y[rows])
    for factor in (1.0, 0.1):
        other = make().fit(X, Y, sample_weight=factor * weights)
        assert other.naive_error_ == pytest.approx(one.naive_error_)
    fractions = RANDOM.rand(len(X))
    weighted = make().fit(X, Y, sample_weight=fractions)
    by_hand = np.average(np.abs(Y - weighted.predict(X)).mean(axis=1), weights=fractions)
    assert weighted.forecast_error_ == pytest.approx(by_hand)


def test_standard_error_of_gains():
    """Independent rows have the usual standard error; runs as long as the horizon count once."""
    gains = RANDOM.randn(4000)
    weights = np.full(4000, 1 / 4000)
    usual = _naive_forecast._standard_error(gains, weights, 1)
    assert usual == pytest.approx(gains.std() / np.sqrt(4000))
    assert _naive_forecast._standard_error(gains, weights, 10) == pytest.approx(usual, rel=0.2)
    runs = np.repeat(gains[:400], 10)
    once = gains[:400].std() / 20
    assert 0.7 * once < _naive_forecast._standard_error(runs, weights, 10) < 1.1 * once


@given(horizon=st.integers(1, 5), season=st.integers(1, 3), n_features=st.integers(1, 2))
def test_the_naive_forecast_repeats_the_last_season(horizon, season, n_features):
    """Each step of the horizon equals the step one or more whole seasons before."""
    X = [np.arange(n * n_features, dtype=float).reshape(n, n_features) for n in (3, 5)]
    naive = NaiveForecast(season).forecast(Sequences.from_arrays(X), horizon * n_features)
    for row, x in zip(naive.reshape(2, horizon, n_features), X, strict=True):
        series = np.concatenate([x, row])
        np.testing.assert_array_equal(row, series[len(x) - season : len(series) - season])


# --- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("horizon", [1, 4])
def test_nothing_is_gained_on_a_random_walk(walk, horizon):
    """The warning has both errors, advice, and the line that called fit."""
    X, Y = make_windows(walk, 12, horizon)
    model = make(early_stopping=True, validation_split="last")
    with pytest.warns(UserWarning, match=NOTHING_GAINED) as caught:
        model.fit(X, Y)
    assert caught[0].filename == __file__
    message = str(caught[0].message)
    assert "not clearly lower than" in message
    assert "(residual='last'). Train on more data, with fewer features or for longer" in message
    assert [float(e) for e in re.findall(r"\d+\.\d+", message)] == pytest.approx(
        [model.forecast_error_, model.naive_error_], rel=1e-3
    )


@pytest.mark.parametrize("walk", WALKS[:2])
def test_training_windows_are_overfitted(walk):
    """Without early stopping, a random walk looks predictable, as the network overfits."""
    model = make(max_epochs=15).fit(*make_windows(walk, 12))
    assert model.forecast_error_ < model.naive_error_


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_wave_is_predictable(early_stopping):
    """There is no warning if the forecast is clearly better."""
    model = make(early_stopping=early_stopping, validation_split="last", learning_rate=0.02).fit(
        X, Y
    )
    assert model.forecast_error_ < 0.7 * model.naive_error_


def test_the_naive_forecast_may_be_perfect():
    """A constant series leaves no error to reduce, which is reported for training windows too."""
    with pytest.warns(UserWarning, match="On its own training windows .* is not lower than the 0 "):
        model = make().fit(np.ones((20, 6)), np.ones(20))
    assert model.naive_error_ == 0.0


def test_a_sample_of_many_windows(monkeypatch):
    """Predictions are limited to a sample of the windows."""
    seen = []
    outputs = _naive_forecast.network_outputs
    monkeypatch.setattr(_naive_forecast, "_MOST_WINDOWS", 50)
    monkeypatch.setattr(
        _naive_forecast, "network_outputs", lambda net, x: seen.append(len(x)) or outputs(net, x)
    )
    model = make().fit(X, Y)
    assert seen == [50]
    assert model.forecast_error_ == pytest.approx(np.abs(Y - model.predict(X)).mean(), rel=0.3)


def test_only_a_forecast_is_compared():
    """Without `residual` and in partial_fit there is no comparison."""
    assert not hasattr(make(residual=None).fit(X, Y), "naive_error_")
    model = make().fit(X, Y)
    assert model.naive_error_ > 0
    assert not hasattr(clone(model).partial_fit(X, Y), "naive_error_")


@MAY_WARN
def test_a_warning_is_no_failure():
    """The estimator is fitted to the same bits with and without the warning."""
    X, Y = make_windows(WALKS[0], 12)
    model = make(early_stopping=True)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        loud = clone(model).fit(X, Y)
    np.testing.assert_array_equal(loud.predict(X), model.fit(X, Y).predict(X))


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "residual", "n_outputs", "message"),
    [
        ([np.zeros((3, 2))], "last", 3, "y has 3 columns and X 2 features"),
        ([np.zeros((5, 1)), np.zeros((3, 1))], 4, 2, "at least 4 steps; sequence 1 has 3"),
    ],
)
def test_bad_residuals(X, residual, n_outputs, message):
    """Errors for windows shorter than a season and for a y that does not match the features."""
    with pytest.raises(ValueError, match=message):
        NaiveForecast(residual).forecast(Sequences.from_arrays(X), n_outputs)


def test_symbols_have_no_residual():
    """Symbols have no naive forecast."""
    with pytest.raises(ValueError, match="X holds symbols"):
        NaiveForecast("last").forecast(Sequences(None, [0, 1], np.zeros((1, 1), dtype=np.int32)), 1)
