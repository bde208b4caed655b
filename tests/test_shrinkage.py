"""Shrinkage: corrections of a network are kept as far as their gain on unseen rows is certain."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import r2_score
from skorch.callbacks import LRScheduler, PrintLog

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._base import _fitting
from sksequence._net import callbacks_of_judges, train
from sksequence._tasks import _shrinkage
from sksequence._tasks._corrections import Corrections, _standard_error
from sksequence.callbacks import Augmentation
from sksequence.preprocessing import make_windows

SMALL = {"hidden_size": 8, "random_state": 0}


def corrections(true, predicted, **options):
    """Return corrections of equal weight."""
    n_rows = len(true)
    return Corrections(true, predicted, np.ones_like(true), np.full(n_rows, 1 / n_rows), **options)


# --- laws ----------------------------------------------------------------------------------------


@given(
    truth=st.floats(0.0, 1.5),
    noise=st.floats(0.0, 3.0),
    level=st.sampled_from([None, 0.5]),
    least=st.sampled_from([1.0, 2.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_corrections_are_kept_as_far_as_they_are_certain(truth, noise, level, least, seed):
    """All of a true correction is kept, nothing of a wrong one, in every unit."""
    random = np.random.default_rng(seed)
    predicted = random.normal(size=(400, 1))
    true = truth * predicted + noise * random.normal(size=(400, 1))
    options = {"level": level, "least": least}
    kept = corrections(true, predicted, **options).kept_fraction()
    assert 0.0 <= kept <= 1.0
    if truth >= 1.0 and noise <= 1.0:
        assert kept == 1.0
    if noise == 0.0 and 0.1 < truth <= 0.4:  # all of it is no gain
        assert kept == pytest.approx(truth)
    in_other_units = corrections(1e3 * true, 1e3 * predicted, **options).kept_fraction()
    assert in_other_units == pytest.approx(kept)
    assert corrections(-true, predicted, **options).kept_fraction() <= 1.0 - min(truth, 0.1)


@pytest.mark.parametrize(("least", "most"), [(1.0, 0.05), (2.0, 0.01)])
def test_corrections_of_noise_are_not_kept(least, most):
    """On 200 draws of pure noise hardly anything is kept."""
    kept = []
    for seed in range(200):
        true, predicted = np.random.default_rng(seed).normal(size=(2, 100, 1))
        kept.append(corrections(true, predicted, least=least).kept_fraction())
    assert np.mean(kept) < most


@pytest.mark.parametrize(
    ("truth", "noise", "harm"), [(-1, 0.3, True), (0.5, 0.3, False), (0, 30, False)]
)
def test_corrections_do_harm_if_they_are_certainly_worse_than_none(truth, noise, harm):
    """Neither a gain nor a loss within the noise is harm."""
    random = np.random.default_rng(0)
    predicted = random.normal(size=(50, 1))
    judged = corrections(truth * predicted + noise * random.normal(size=(50, 1)), predicted)
    assert judged.do_harm() == harm


def test_missing_targets_are_left_out():
    """The numbers that are there decide."""
    predicted = np.random.default_rng(0).normal(size=(50, 2))
    true = 0.4 * predicted
    true[::3, 0] = np.nan
    assert corrections(true, predicted).kept_fraction() == pytest.approx(0.4)


def test_targets_are_judged_in_the_rows_where_they_are_known():
    """Rows without a number of a target change nothing, and one number of several is enough."""
    random = np.random.default_rng(0)
    predicted = random.normal(size=(60, 2))
    true = 0.6 * predicted + random.normal(size=(60, 2))
    weights = random.uniform(0.5, 2.0, 60)
    whole = Corrections(true, predicted, np.ones_like(true), weights / weights.sum())
    gaps = true.copy()
    gaps[::2, 0] = np.nan
    odd = np.arange(60) % 2 == 1
    alone = Corrections(
        true[odd, :1], predicted[odd, :1], np.ones((30, 1)), weights[odd] / weights[odd].sum()
    )
    kept = replace(whole, true=gaps).kept_fractions(2)
    np.testing.assert_allclose(kept, [alone.kept_fraction(), whole.kept_fractions(2)[1]])
    assert 0.0 < kept[0] < 1.0
    assert kept[0] != kept[1]
    one_target = replace(whole, true=np.column_stack([np.full(60, np.nan), true[:, 1]]))
    assert one_target.kept_fractions(1) == pytest.approx(kept[1])


def test_standard_error_of_gains():
    """Independent rows have the usual standard error; runs as long as the horizon count once."""
    gains = np.random.RandomState(0).randn(4000)
    weights = np.full(4000, 1 / 4000)
    usual = _standard_error(gains, weights, 1)
    assert usual == pytest.approx(gains.std(ddof=1) / np.sqrt(4000))
    assert _standard_error(gains, weights, 10) == pytest.approx(usual, rel=0.2)
    runs = np.repeat(gains[:400], 10)
    once = gains[:400].std() / 20
    assert 0.7 * once < _standard_error(runs, weights, 10) < 1.1 * once


@pytest.mark.parametrize("horizon", [3, 12, 40])
def test_few_windows_are_less_certain(horizon):
    """A horizon of half the windows leaves little to go by, but never nothing."""
    gains, weights = 1.0 + np.random.RandomState(0).rand(24), np.full(24, 1 / 24)
    certain = _standard_error(gains, weights, 1)
    assert certain < _standard_error(gains, weights, horizon) < np.inf


@pytest.mark.parametrize(("gain", "kept"), [(0.25, 0.0), (0.4, 0.5), (0.5, 1.0)])
def test_large_gains_of_few_windows_count(gain, kept):
    """Five windows of one horizon have no small standard error, however large the gain is."""
    true, predicted = np.ones((5, 1)), 2.0 * gain * np.linspace(0.0, 1.0, 5)[:, None]
    few = corrections(true, predicted, level=0.5, least=2.0, horizon=5)
    assert few._certain_part(1.0) == pytest.approx(kept)
    assert replace(few, horizon=1, least=9.0)._certain_part(1.0) == 0.0
    assert replace(few, predicted=-predicted)._certain_part(1.0) == 0.0


# --- regressors ----------------------------------------------------------------------------------


def noisy(n, signal, seed=0):
    """Return short series, and numbers with this ratio of signal to noise; their mean is 100."""
    random = np.random.RandomState(seed)
    X = random.randn(n, 10)
    truth = (X[:, 0] + X[:, 1]) / np.sqrt(2)
    return X, 100.0 + 5.0 * (np.sqrt(signal) * truth + random.randn(n)) / np.sqrt(1.0 + signal)


def relative_error(model, X, y, mean):
    """Return the mean squared error, relative to that of the mean of the training targets."""
    return np.mean((model.predict(X) - y) ** 2) / np.mean((y - mean) ** 2)


@pytest.mark.parametrize("signal", [0.0, 0.1, 0.3, 1.0, 3.0])
def test_small_noisy_regressions_are_not_worse_than_the_mean(signal):
    """The network learns the noise too, of which nothing is predicted."""
    X, y = noisy(1060, signal)
    X_new, y_new = X[60:], y[60:]
    model = RNNRegressor("gru", 32, random_state=0).fit(X[:60], y[:60])
    mean = y[:60].mean()
    assert relative_error(model, X_new, y_new, mean) <= 1.02
    model._blueprint = replace(model._blueprint, shrinkage=0.0)
    assert relative_error(model, X_new, y_new, mean) > 1.2 or signal > 0.0


@pytest.mark.parametrize(
    ("n_sequences", "signal", "n_epochs"),
    [
        (240, 0.0, [40]),
        (80, 0.5, [80, 80]),
        (80, 1e9, [20]),
        (700, 0.0, [40]),
        (700, 0.5, [80]),
        (700, 1e9, [20]),
    ],
)
def test_networks_are_judged_until_their_gain_is_clear(n_sequences, signal, n_epochs, monkeypatch):
    """A gain is clear after a quarter of the epochs, noise after half, and others after all.

    The small gain of many sequences is certain, but may be lost again.
    """
    epochs = []

    def recorded(*arguments, **options):
        record = train(*arguments, **options)
        epochs.append(record.n_epochs)
        return record

    monkeypatch.setattr(_fitting, "train", recorded)
    X, y = noisy(n_sequences, signal)
    RNNRegressor("gru", 32, max_epochs=80, random_state=0).fit(X, y)
    assert epochs == [80, *n_epochs]


def test_clean_regressions_keep_everything():
    """Where the gain is certain, predictions are those of the network."""
    X, y = noisy(200, 1e6)
    assert RNNRegressor("gru", **SMALL).fit(X, y).shrinkage_ == 0.0


@pytest.mark.parametrize(
    ("loss", "level"), [("squared_error", None), ("gaussian", None), ("quantile", 0.5)]
)
@pytest.mark.parametrize("n_columns", [1, 2])
def test_predictions_move_towards_the_distribution_of_y(loss, level, n_columns):
    """Points, quantiles and standard deviations move by the same fraction."""
    X, y = noisy(40, 0.0)
    target = y if n_columns == 1 else np.column_stack([y, np.exp(y / 20)])
    with pytest.warns(UserWarning, match=f"the {'median' if level else 'mean'} of y"):
        model = RNNRegressor("gru", loss=loss, **SMALL).fit(X, target)
    shrunken = {}
    for shrinkage in (0.0, 0.25, 1.0):
        model._blueprint = replace(model._blueprint, shrinkage=shrinkage)
        results = {"points": model.predict(X)}
        if loss != "squared_error":
            results["quantiles"] = model.predict_quantiles(X)
        if loss == "gaussian":
            results["stds"] = model.predict_std(X)
        shrunken[shrinkage] = results
    simple = {
        "points": target.mean(axis=0) if level is None else np.median(target, axis=0),
        "quantiles": np.quantile(target, [0.1, 0.5, 0.9], axis=0)[:, None],
        "stds": target.std(axis=0),
    }
    for name, alone in shrunken[0.0].items():
        moved, replaced = shrunken[0.25][name], shrunken[1.0][name]
        np.testing.assert_allclose(replaced, np.broadcast_to(simple[name], alone.shape), rtol=1e-5)
        np.testing.assert_allclose(moved, 0.75 * alone + 0.25 * replaced)


def test_files_without_a_distribution_of_y_move_the_centre():
    """Version 0.1 stored none: quantiles keep their width."""
    X, y = noisy(40, 1.0)
    model = RNNRegressor("gru", loss="quantile", max_epochs=3, **SMALL).fit(X, y)
    model._blueprint = replace(model._blueprint, shrinkage=0.0, marginal=None)
    alone = model.predict_quantiles(X)
    model._blueprint = replace(model._blueprint, shrinkage=0.25)
    moved, mean = model.predict_quantiles(X), model._blueprint.codec.mean[0]
    np.testing.assert_allclose(moved[1], 0.75 * alone[1] + 0.25 * mean)
    np.testing.assert_allclose(moved[2] - moved[0], alone[2] - alone[0])


def test_more_sequences_than_the_most_are_not_judged(monkeypatch):
    """Noise does little harm then, and halves cost time."""
    monkeypatch.setattr(_shrinkage, "_MOST", 39)
    X, y = noisy(40, 0.0)
    assert RNNRegressor("gru", max_epochs=2, **SMALL).fit(X, y).shrinkage_ == 0.0


def test_judges_have_the_learning_rates_of_the_network():
    """A scheduler of skorch is theirs, too; other callbacks, which may write files, are not."""
    scheduler, change = LRScheduler("StepLR", step_size=20), Augmentation(jitter=0.1)
    found = callbacks_of_judges([scheduler, change, PrintLog(), ("named", LRScheduler())])
    assert found[0] is change
    assert [type(each) for each in found[1:]] == [LRScheduler, LRScheduler]
    assert found[1] is not scheduler
    assert found[1].kwargs == {"step_size": 20}


@pytest.mark.parametrize("loss", ["quantile", "gaussian", "student_t"])
def test_intervals_of_noise_are_those_of_y(loss):
    """What a network has learnt of noise would make them too narrow."""
    X, y = noisy(1060, 0.0)
    with pytest.warns(UserWarning, match="not clearly better"):
        model = RNNRegressor("gru", loss=loss, random_state=0).fit(X[:60], y[:60])
    covered = []
    for shrinkage in (1.0, 0.0):
        model._blueprint = replace(model._blueprint, shrinkage=shrinkage)
        low, _, high = model.predict_quantiles(X[60:])
        covered.append(np.mean((low <= y[60:]) & (y[60:] <= high)))
    assert 0.7 < covered[0] < 0.9
    assert covered[1] < covered[0] - 0.05


def test_the_simple_prediction_is_that_of_the_loss():
    """Absolute errors are smallest at the median, which a skewed y has below its mean."""
    X, y = noisy(60, 0.0)
    skewed = np.exp((y - 100) / 4)
    with pytest.warns(UserWarning, match="than the median of y, whose mean absolute error"):
        model = RNNRegressor("gru", loss="absolute_error", **SMALL).fit(X, skewed)
    assert model.shrinkage_ == 1.0
    np.testing.assert_allclose(model.predict(X), np.median(skewed), rtol=1e-5)


@pytest.mark.parametrize("scale", ["global", False])
def test_a_far_mean_without_scale(scale):
    """The mean is that of y, not 0."""
    X, y = noisy(60, 0.0)
    model = RNNRegressor("gru", scale=scale, **SMALL)
    with pytest.warns(UserWarning, match="than the mean of y"):
        model.fit(X, y)
    np.testing.assert_allclose(model.predict(X), y.mean(), rtol=1e-6)


def signal_and_noise(n):
    """Return short series, and a column of y that they predict next to one that they do not."""
    X, y = noisy(n, 1e6)
    return X, np.column_stack([y, np.random.RandomState(1).permutation(y)])


def test_columns_are_judged_one_by_one():
    """What can be predicted is, whatever the other columns and their units are."""
    X, y = signal_and_noise(1200)
    for unit in (1.0, 1e4):
        units = np.array([1.0, unit])
        with pytest.warns(UserWarning, match=r"mean of y in column 1, whose .* predictions in col"):
            model = RNNRegressor("gru", 32, random_state=0).fit(X[:200], y[:200] * units)
        np.testing.assert_array_equal(model.shrinkage_, [0.0, 1.0])
        predicted, truth, mean = model.predict(X[200:]), y[200:] * units, y[:200].mean(axis=0)
        np.testing.assert_allclose(predicted[:, 1], unit * mean[1], rtol=1e-6)
        assert np.mean((predicted - truth)[:, 0] ** 2) < 0.2 * truth[:, 0].var()


def test_one_column_has_a_number():
    """A table of one column is no other case than an array."""
    X, y = noisy(40, 1.0)
    flat = RNNRegressor("gru", max_epochs=10, **SMALL).fit(X, y)
    column = RNNRegressor("gru", max_epochs=10, **SMALL).fit(X, y[:, None])
    assert isinstance(column.shrinkage_, float)
    assert column.shrinkage_ == flat.shrinkage_


def test_a_column_that_is_missing_in_some_rows():
    """The rows where it is known decide on it."""
    X, y = signal_and_noise(100)
    y[::3, 0] = np.nan
    y[1::3, 1] = np.nan
    with pytest.warns(UserWarning, match="in column 1"):
        model = RNNRegressor("gru", 32, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.shrinkage_, [0.0, 1.0])


def noisy_steps(n, signal, seed=0):
    """Return sequences with a number per step, and the ratio of signal to noise in these."""
    random = np.random.RandomState(seed)
    X = random.randn(n, 20, 2)
    noise = random.randn(n, 20)
    return X, 100.0 + 5.0 * (np.sqrt(signal) * X[:, :, 0] + noise) / np.sqrt(1.0 + signal)


@pytest.mark.parametrize("signal", [0.0, 0.1, 1e6])
def test_noisy_steps_are_not_worse_than_the_mean(signal):
    """Steps are judged like sequences, and what is clean stays as it is."""
    X, y = noisy_steps(260, signal)
    model = RNNRegressor(hidden_size=32, random_state=0).fit(X[:60], list(y[:60]))

    def error():
        return np.mean((np.stack(model.predict(X[60:])) - y[60:]) ** 2) / y[60:].var()

    assert error() <= 1.02
    assert (model.shrinkage_ == 0.0) == (signal == 1e6)
    model._blueprint = replace(model._blueprint, shrinkage=0.0)
    assert error() > 1.05 or signal == 1e6


@pytest.mark.parametrize("loss", ["squared_error", "gaussian"])
def test_scores_of_steps_are_those_of_predictions(loss):
    """They are shrunk, too."""
    X, y = noisy_steps(40, 0.0)
    with pytest.warns(UserWarning, match="not clearly better"):
        model = RNNRegressor("gru", loss=loss, **SMALL).fit(X, list(y))
    assert model.score(X, list(y)) == pytest.approx(0.0, abs=1e-6)
    model._blueprint = replace(model._blueprint, shrinkage=0.5)
    expected = r2_score(y.ravel(), np.concatenate(model.predict(X)))
    assert model.score(X, list(y)) == pytest.approx(expected)


def test_unlabelled_steps_do_not_count():
    """The mean, and what decides on it, are those of the labelled steps."""
    X, y = noisy_steps(40, 0.0)
    gaps = y.copy()
    gaps[:, ::3] = np.nan
    with pytest.warns(UserWarning, match="not clearly better than the mean of y"):
        model = RNNRegressor("gru", **SMALL).fit(X, list(gaps))
    np.testing.assert_allclose(np.stack(model.predict(X)), np.nanmean(gaps), rtol=1e-6)


def test_the_steps_of_a_sequence_count_once():
    """Equal gains of all steps prove no more than that of one; other sequences do."""
    predicted, true = np.ones((30, 1)), np.linspace(-0.2, 1.8, 30)[:, None]
    once = corrections(true, predicted)
    repeated = replace(
        corrections(np.repeat(true, 50, axis=0), np.repeat(predicted, 50, axis=0)),
        sources=np.repeat(np.arange(30), 50),
    )
    assert repeated.kept_fraction() == pytest.approx(once.kept_fraction())
    assert 0.0 < once.kept_fraction() < replace(repeated, sources=None).kept_fraction()


@pytest.mark.parametrize(("name", "n_rows"), [("_MOST_ROWS", 60), ("_MOST_NUMBERS", 500)])
def test_a_sample_of_many_sequences(name, n_rows, monkeypatch):
    """Predictions are limited to a number of rows, and of numbers unless these are few rows."""
    X, y = noisy(1200, 1.0)
    seen, outputs = [], _shrinkage.network_outputs
    monkeypatch.setattr(_shrinkage, name, 60)
    monkeypatch.setattr(
        _shrinkage, "network_outputs", lambda net, x: seen.append(len(x)) or outputs(net, x)
    )
    RNNRegressor("gru", max_epochs=4, **SMALL).fit(X, y)
    assert set(seen) == {n_rows}


@pytest.mark.parametrize("signal", [0.0, 0.3])
def test_many_noisy_sequences_are_not_worse_than_the_mean(signal):
    """One network on a half of them is enough to judge on."""
    X, y = noisy(1700, signal)
    model = RNNRegressor("gru", 32, max_epochs=60, random_state=0).fit(X[:700], y[:700])
    assert relative_error(model, X[700:], y[700:], y[:700].mean()) <= 1.02
    model._blueprint = replace(model._blueprint, shrinkage=0.0)
    assert relative_error(model, X[700:], y[700:], y[:700].mean()) > 1.1 or signal > 0.0


@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
def test_the_distribution_of_y_is_weighted(loss):
    """Weights that depend on y move its mean and its quantiles."""
    X, y = noisy(60, 0.0)
    weights = np.where(y > 100, 0.013, 1.0)
    model = RNNRegressor("gru", loss=loss, **SMALL)
    with pytest.warns(UserWarning, match="not clearly better"):
        model.fit(X, y, sample_weight=weights)
    simple = np.average(y, weights=weights)
    if loss == "quantile":
        simple = np.quantile(y, 0.5, weights=weights, method="inverted_cdf")
    np.testing.assert_allclose(model.predict(X), simple, rtol=1e-6)


def test_copies_are_no_evidence():
    """What is learnt of noise is not kept because it is there ten times."""
    X, y = noisy(40, 0.0)
    with pytest.warns(UserWarning, match="not clearly better"):
        model = RNNRegressor("gru", max_epochs=20, **SMALL).fit(X, y, sample_weight=[10] * 39 + [9])
    assert model.shrinkage_ == 1.0


def test_a_column_that_is_hardly_known_is_kept():
    """A few rows prove nothing, and none of them may be in the part that is judged."""
    X, y = signal_and_noise(60)
    y[2:, 0] = np.nan
    with pytest.warns(UserWarning, match="in column 1"):
        model = RNNRegressor("gru", 32, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.shrinkage_, [0.0, 1.0])


def test_few_rows_of_a_validation_part_prove_nothing():
    """Predictions of a network that stops early are then its own, as without a validation part."""
    X, y = noisy(30, 1e6)
    model = RNNRegressor("gru", early_stopping=True, **SMALL).fit(X, y)
    assert model.shrinkage_ == 0.0


def test_a_quantile_is_moved_to_that_of_y_or_of_naive_errors():
    """A level that is not 0.5 keeps its meaning, with and without a naive forecast."""
    random = np.random.RandomState(0)
    X, y = noisy(1060, 0.0)
    walk = 100.0 + random.randn(900).cumsum()
    windows, steps = make_windows(walk, 12, 1)
    cases = [(None, X, y, 60), ("last", windows, steps.ravel(), 500)]
    for residual, inputs, target, n in cases:
        model = RNNRegressor(
            "gru", 32, residual=residual, loss="quantile", quantiles=(0.9,), random_state=0
        )
        with pytest.warns(UserWarning, match="not clearly better"):
            model.fit(inputs[:n], target[:n])
        assert model.shrinkage_ == 1.0
        below = target[n:] <= model.predict(inputs[n:])
        assert 0.85 < np.mean(below) < 0.95
    assert model.naive_error_ < model.forecast_error_  # the median is nearer than this quantile


def test_a_fit_that_is_not_judged_forgets_the_shrinkage_before():
    """A network that continues with other rows predicts by itself."""
    X, y = noisy(60, 0.0)
    model = RNNRegressor("gru", warm_start=True, **SMALL)
    with pytest.warns(UserWarning, match="not clearly better"):
        model.fit(X, y)
    by_rows = clone(model)
    model.fit(X[:7], y[:7])
    assert model.shrinkage_ == 0.0
    assert len(np.unique(model.predict(X))) > 1
    with pytest.warns(UserWarning, match="not clearly better"):
        by_rows.fit(X, y)
    by_rows.partial_fit(X, y)
    assert not hasattr(by_rows, "shrinkage_")
    assert len(np.unique(by_rows.predict(X))) > 1


def test_integer_weights_are_repetition():
    """Copies of a row are in the same half, so that they are not predicted from each other."""
    X, y = noisy(40, 1.0)
    weights = np.arange(40) % 3
    rows = np.repeat(np.arange(40), weights)
    one = RNNRegressor("gru", max_epochs=10, **SMALL).fit(X, y, sample_weight=weights)
    other = RNNRegressor("gru", max_epochs=10, **SMALL).fit(X[rows], y[rows])
    assert one.shrinkage_ == other.shrinkage_
    order = np.random.RandomState(1).permutation(len(rows))
    shuffled = RNNRegressor("gru", max_epochs=10, **SMALL).fit(X[rows][order], y[rows][order])
    assert shuffled.shrinkage_ == other.shrinkage_


@pytest.mark.parametrize(
    ("options", "n", "y"),
    [
        ({}, 19, "numbers"),
        ({"loss": "poisson"}, 40, "counts"),
    ],
    ids=["few", "counts"],
)
def test_what_is_not_shrunk(options, n, y):
    """Too few sequences have no halves, and counts have no mean to move to."""
    X, numbers = noisy(n, 0.0)
    targets = {"numbers": numbers, "counts": numbers.round()}[y]
    model = RNNRegressor("gru", max_epochs=1, **SMALL, **options).fit(X, targets)
    assert model.shrinkage_ == 0.0


def test_a_validation_part_is_judged_by_the_network_itself():
    """With early stopping no further network is trained."""
    X, y = noisy(60, 0.0)
    model = RNNRegressor("gru", early_stopping=True, validation_fraction=0.3, **SMALL).fit(X, y)
    assert model.shrinkage_ > 0.5


def test_a_constant_column_needs_no_warning():
    """It is predicted as it is, and there is nothing to do about it."""
    X, y = noisy(60, 1e6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        constant = RNNRegressor("gru", **SMALL).fit(X, np.full(60, 0.1))
        model = RNNRegressor("gru", 32, random_state=0)
        model.fit(X, np.column_stack([y, np.full(60, 5.0)]))
    np.testing.assert_allclose(constant.predict(X), 0.1)
    np.testing.assert_allclose(model.predict(X)[:, 1], 5.0)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_constant_prediction_warns(early_stopping):
    """The warning has the error of the mean, and advice; where something is left, there is none."""
    X, y = noisy(60, 0.0)
    model = RNNRegressor("gru", max_epochs=2, early_stopping=early_stopping, **SMALL)
    with pytest.warns(UserWarning, match="not clearly better than the mean of y") as caught:
        model.fit(X, y)
    [warning] = caught
    assert warning.filename == __file__
    message = str(warning.message)
    assert "All predictions are therefore this mean (shrinkage_ is 1). Set a larger" in message
    assert "max_epochs than 2, or train on more data or with other features." in message
    error = float(re.findall(r"absolute error is (\d+\.\d+)\.", message)[0])
    assert early_stopping or error == pytest.approx(np.abs(y - y.mean()).mean(), rel=1e-3)
    assert len(np.unique(model.predict(X))) == 1
    X, y = noisy(200, 1e6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert RNNRegressor("gru", **SMALL).fit(X, y).shrinkage_ < 1.0


def test_only_regressors_have_a_shrinkage():
    """Classifiers and generators predict probabilities."""
    X, y = noisy(12, 0.0)
    assert not hasattr(RNNClassifier(max_epochs=1, **SMALL).fit(X, y > 100), "shrinkage_")
    assert not hasattr(SequenceGenerator(max_epochs=1, **SMALL).fit(X), "shrinkage_")
    assert not hasattr(RNNRegressor(**SMALL).partial_fit(X, y), "shrinkage_")
