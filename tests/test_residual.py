"""RNNRegressor beside the naive forecast that it corrects: both errors, and a warning where nothing is gained."""

import re
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from sksequence import RNNRegressor
from sksequence._regressor import _residual
from sksequence.preprocessing import make_windows

RANDOM = np.random.RandomState(0)
WAVE = np.sin(np.arange(400) / 4) + 0.1 * RANDOM.randn(400)
X, Y = make_windows(WAVE, 16, 3)
WALKS = [np.random.RandomState(seed).randn(600).cumsum() for seed in range(4)]
NOTHING_GAINED = "the mean absolute error of this forecast"
MAY_WARN = pytest.mark.filterwarnings(f"ignore:.*{NOTHING_GAINED}")


def make(**parameters):
    """Return a small forecaster."""
    small = {"hidden_size": 8, "max_epochs": 5, "random_state": 0, "residual": "last"}
    return RNNRegressor("gru", **small | parameters)


def mean_error(truth, forecast):
    """Return the mean absolute error."""
    return pytest.approx(np.abs(truth - forecast).mean())


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["auto", "squared_error", "quantile", "student_t"])
@pytest.mark.parametrize("residual", ["last", 25])
@MAY_WARN
def test_errors_are_those_of_the_training_windows(residual, loss):
    """Of `predict`, and of what is repeated, in the unit of y."""
    X, Y = make_windows(1000 * WAVE, 30, 3)
    model = make(residual=residual, loss=loss).fit(X, Y)
    naive = X[:, [-1, -1, -1]] if residual == "last" else X[:, [-25, -24, -23]]
    assert model.naive_error_ == mean_error(Y, naive)
    assert model.forecast_error_ == mean_error(Y, model.predict(X))


def test_errors_are_those_of_the_part_held_out():
    """With early stopping, of the windows that nothing was learnt from."""
    model = make(early_stopping=True, validation_split="last", validation_fraction=0.25)
    n_held_out = round(0.25 * len(X))
    model.fit(X, Y)
    last = X[-n_held_out:], Y[-n_held_out:]
    assert model.naive_error_ == mean_error(last[1], last[0][:, [-1]])
    assert model.forecast_error_ == mean_error(last[1], model.predict(last[0]))


@MAY_WARN
def test_weights_are_repetition():
    """Whole numbers, and fractions of them."""
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
    """Of independent ones the usual one; ones that come in runs of the horizon count once, more or less."""
    gains = RANDOM.randn(4000)
    share = np.full(4000, 1 / 4000)
    usual = _residual._standard_error(gains, share, 1)
    assert usual == pytest.approx(gains.std() / np.sqrt(4000))
    assert _residual._standard_error(gains, share, 10) == pytest.approx(usual, rel=0.2)
    runs = np.repeat(gains[:400], 10)
    once = gains[:400].std() / 20
    assert 0.7 * once < _residual._standard_error(runs, share, 10) < 1.1 * once


# --- examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("horizon", [1, 4])
def test_nothing_is_gained_on_a_random_walk(walk, horizon):
    """Held-out windows tell; the warning has both errors, what to do, and the line that called fit."""
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
def test_training_windows_are_learnt_by_heart(walk):
    """Without early stopping a random walk looks predictable: this is why the docstring trusts the other test only."""
    model = make(max_epochs=15).fit(*make_windows(walk, 12))
    assert model.forecast_error_ < model.naive_error_


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_wave_can_be_foreseen(early_stopping):
    """No warning where there is a clear gain."""
    model = make(early_stopping=early_stopping, validation_split="last", learning_rate=0.02).fit(
        X, Y
    )
    assert model.forecast_error_ < 0.7 * model.naive_error_


def test_the_naive_forecast_may_be_perfect():
    """A series that stays where it is leaves nothing to gain, in training either."""
    with pytest.warns(UserWarning, match="on its own training windows .* is not lower than the 0 "):
        model = make().fit(np.ones((20, 6)), np.ones(20))
    assert model.naive_error_ == 0.0


def test_a_sample_of_many_windows(monkeypatch):
    """No more windows than needed are predicted."""
    seen = []
    outputs = _residual.network_outputs
    monkeypatch.setattr(_residual, "_MOST_WINDOWS", 50)
    monkeypatch.setattr(
        _residual, "network_outputs", lambda net, x: seen.append(len(x)) or outputs(net, x)
    )
    model = make().fit(X, Y)
    assert seen == [50]
    assert model.forecast_error_ == pytest.approx(np.abs(Y - model.predict(X)).mean(), rel=0.3)


def test_only_a_forecast_is_compared():
    """Without `residual` there is nothing to compare with, and a pass of partial_fit is no fit."""
    assert not hasattr(make(residual=None).fit(X, Y), "naive_error_")
    model = make().fit(X, Y)
    assert model.naive_error_ > 0
    assert not hasattr(clone(model).partial_fit(X, Y), "naive_error_")


@MAY_WARN
def test_a_warning_is_no_failure():
    """The estimator is fitted, the same bits as without it."""
    X, Y = make_windows(WALKS[0], 12)
    model = make(early_stopping=True)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        loud = clone(model).fit(X, Y)
    np.testing.assert_array_equal(loud.predict(X), model.fit(X, Y).predict(X))
