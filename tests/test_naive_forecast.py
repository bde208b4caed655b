"""Naive forecasts: repeated seasons, the comparison of errors, the warning if nothing improves."""

import pickle
import re
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from sksequence import RNNRegressor, Sequences
from sksequence._input import InputForm
from sksequence._tasks import NaiveForecast, _shrinkage
from sksequence._tasks._naive_forecast import target_indices
from sksequence.preprocessing import make_windows

RANDOM = np.random.RandomState(0)
WAVE = np.sin(np.arange(400) / 4) + 0.1 * RANDOM.randn(400)
X, Y = make_windows(WAVE, 16, 3)
WALKS = [np.random.RandomState(seed).randn(600).cumsum() for seed in range(4)]
NOTHING_GAINED = "the network is not clearly better than the naive forecast"
MAY_WARN = pytest.mark.filterwarnings(f"ignore:.*{NOTHING_GAINED}")
make = partial(RNNRegressor, "gru", hidden_size=8, max_epochs=5, random_state=0, residual="last")


def mean_error(truth, forecast):
    """Return the mean absolute error."""
    return pytest.approx(np.abs(truth - forecast).mean())


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["auto", "squared_error", "quantile", "student_t"])
@pytest.mark.parametrize("residual", ["last", 25])
@MAY_WARN
def test_errors_are_those_of_the_newest_windows(residual, loss):
    """Errors are in units of y, those of a network that was trained on the older windows."""
    X, Y = make_windows(1000 * WAVE, 30, 3)
    model = make(residual=residual, loss=loss, learning_rate=0.02).fit(X, Y)
    n_newest = round(0.1 * len(X))
    newest, truth, older = X[-n_newest:], Y[-n_newest:], slice(len(X) - n_newest - 2)
    naive = newest[:, [-1, -1, -1]] if residual == "last" else newest[:, [-25, -24, -23]]
    assert model.naive_error_ == mean_error(truth, naive)
    judge = clone(model).fit(X[older], Y[older])
    judge._blueprint = replace(judge._blueprint, shrinkage=0.0)
    kept = naive + (1 - model.shrinkage_) * (judge.predict(newest) - naive)
    assert model.forecast_error_ == pytest.approx(np.abs(truth - kept).mean(), rel=0.15)


@MAY_WARN
def test_predictions_are_shrunk():
    """Shrinkage moves points and quantiles by a fraction of the correction, and keeps the width."""
    model = make(loss="quantile").fit(X, Y)
    naive = X[:, [-1, -1, -1]]
    predicted, quantiles = [], []
    for shrinkage in (0.0, 0.25, 1.0):
        model._blueprint = replace(model._blueprint, shrinkage=shrinkage)
        predicted.append(model.predict(X))
        quantiles.append(model.predict_quantiles(X))
    np.testing.assert_allclose(predicted[1], 0.75 * predicted[0] + 0.25 * naive)
    np.testing.assert_allclose(predicted[2], naive)
    for i in (1, 2):
        np.testing.assert_allclose(quantiles[i][1], predicted[i])
        widths = [levels[2] - levels[1] for levels in (quantiles[0], quantiles[i])]
        np.testing.assert_allclose(*widths)


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
    newest = slice(-round(0.1 * len(X)), None)
    errors = np.abs(Y - X[:, [-1]]).mean(axis=1)[newest]
    assert weighted.naive_error_ == pytest.approx(np.average(errors, weights=fractions[newest]))


@given(horizon=st.integers(1, 5), season=st.integers(1, 3), n_features=st.integers(1, 2))
def test_the_naive_forecast_repeats_the_last_season(horizon, season, n_features):
    """Each step of the horizon equals the step one or more whole seasons before."""
    X = [np.arange(n * n_features, dtype=float).reshape(n, n_features) for n in (3, 5)]
    naive = NaiveForecast(season).forecast(Sequences.from_arrays(X), horizon * n_features)
    for row, x in zip(naive.reshape(2, horizon, n_features), X, strict=True):
        series = np.concatenate([x, row])
        np.testing.assert_array_equal(row, series[len(x) - season : len(series) - season])


# --- which features y continues ------------------------------------------------------------------

PAIR = np.column_stack([WAVE, 1000 + 50 * WAVE**2])
READ_TWICE = "can be read in two ways. If y holds all 2 features at"


@pytest.mark.parametrize(
    ("horizon", "columns", "message"),
    [
        (2, 0, f"y of 2 columns and X of 2 features {READ_TWICE} one step, set .*='all'"),
        (
            6,
            1,
            f"y of 6 columns and X of 2 features {READ_TWICE} 3 steps, set target_columns='all'",
        ),
        (
            6,
            0,
            r"one feature at 6 steps, set target_columns to it: an index from 0 to 1\. For sev",
        ),
        (1, None, READ_TWICE),
        (3, [0, 1], READ_TWICE),
    ],
)
def test_a_y_with_two_readings_is_refused(horizon, columns, message):
    """Values of all features at one step look like those of one feature at several steps."""
    X, y = make_windows(PAIR, 8, horizon, target_columns=columns)
    with pytest.raises(ValueError, match=message):
        make().fit(X, y)
    with pytest.raises(ValueError, match=message):
        make().partial_fit(X, y)


@pytest.mark.parametrize("columns", [0, 1, [1], [1, 0], [0, -1], (0, 1), np.int64(1), "all"])
@pytest.mark.parametrize("horizon", [1, 2, 4])
@MAY_WARN
def test_target_columns_settle_the_reading(columns, horizon):
    """The naive forecast repeats the features that y continues, in the order of y."""
    chosen = None if isinstance(columns, str) else np.arange(2)[list(np.atleast_1d(columns))]
    X, y = make_windows(PAIR, 8, horizon, target_columns=None if chosen is None else list(chosen))
    model = make(target_columns=columns, max_epochs=1).fit(X, y)
    newest = slice(-round(0.1 * len(X)), None)
    last = X[newest, -1] if chosen is None else X[newest, -1][:, chosen]
    truth = y.reshape(len(y), -1)[newest]
    assert model.naive_error_ == mean_error(truth, np.tile(last, (1, horizon)))
    if horizon < 4:
        assert model.naive_error_ < np.abs(y - y.mean(axis=0)).mean()


@MAY_WARN
def test_one_feature_and_other_kinds_of_y_have_one_reading():
    """A single feature needs no name, and without `residual` y is what it is."""
    X, y = make_windows(PAIR, 8, 6, target_columns=0)
    for options in ({"target_columns": None}, {"target_columns": "all"}, {"target_columns": 0}):
        model = make(**options).fit(X[:, :, 0], y)
        np.testing.assert_array_equal(
            model.predict(X[:, :, 0]), make().fit(X[:, :, 0], y).predict(X[:, :, 0])
        )
    assert make(residual=None).fit(X, y).predict(X).shape == y.shape


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (None, None),
        ("close", (2,)),
        (["close", "open"], (2, 0)),
        (["open", 1, -1], (0, 1, 2)),
        ("all", (0, 1, 2)),
        (np.int64(-1), (2,)),
    ],
)
def test_names_of_target_columns(columns, expected):
    """Names and indices of features, also side by side."""
    assert target_indices(columns, 3, ["open", "high", "close"]) == expected


def test_a_feature_may_be_called_all():
    """A name comes before the word for all features, as in `make_windows`."""
    assert target_indices("all", 2, ["some", "all"]) == (1,)


@pytest.mark.parametrize(
    ("columns", "names", "message"),
    [
        (
            "clsoe",
            ["open", "close"],
            r"names 'clsoe', .* choose from \['open', 'close'\], or 'all'",
        ),
        (["open", "x"], ["open", "close"], r"names 'x', but X has no such feature: choose"),
        ("close", [], r"names 'close', but X has no names of features: pass indices from 0 to 1"),
        (2, [], r"X has 2 features: choose indices from -2 to 1"),
        ([0, -3], ["open", "close"], r"names a feature that X does not have"),
        ([0, 0], [], r"names a feature twice"),
        (["close", -1], ["open", "close"], r"names a feature twice"),
        ([], [], r"must be the index of a feature of X, or a list"),
        ([0.5], [], r"must be the index of a feature of X, or a list"),
    ],
)
def test_bad_target_columns(columns, names, message):
    """Unknown names are listed, and a target stands once."""
    with pytest.raises(ValueError, match=message):
        target_indices(columns, 2, names)


def tables(n=12, n_steps=5):
    """Return tables of a category and two numbers, and the last prices."""
    random = np.random.RandomState(0)
    frames = [
        pd.DataFrame(
            {
                "promo": list("ab" * n_steps)[:n_steps],
                "price": 100 + random.randn(n_steps),
                "sales": random.randn(n_steps),
            }
        )
        for _ in range(n)
    ]
    return frames, np.array([frame["price"].iloc[-1] for frame in frames])


@pytest.mark.parametrize("columns", [1, -2, "price", ["price"], [1]])
@MAY_WARN
def test_positions_and_names_count_all_columns(columns):
    """Categories count too: position 1 is the second column of each table."""
    frames, y = tables()
    assert make(target_columns=columns, max_epochs=1).fit(frames, y).naive_error_ == 0
    both = [frame[["price", "promo", "sales"]].assign(promo=2) for frame in frames]
    model = make(target_columns=0, categorical_features=["promo"], max_epochs=1).fit(both, y)
    assert model.naive_error_ == 0


@pytest.mark.parametrize("columns", [0, -3, "promo", ["price", "promo"], ["promo"]])
def test_a_category_is_no_target(columns):
    """Categories have no differences."""
    message = r"contains 'promo', a category, but y .* Choose from \['price', 'sales'\], or 'all'"
    with pytest.raises(ValueError, match=message):
        make(target_columns=columns).fit(*tables())


def test_the_numbers_to_choose_from_have_names():
    """Where y has two readings, the error lists the numbers only."""
    frames, y = tables()
    with pytest.raises(ValueError, match=r"set target_columns to it: one of \['price', 'sales'\]"):
        make().fit(frames, np.column_stack([y, y]))


@MAY_WARN
def test_targets_in_tables_of_cells():
    """Step columns have names; positions must be those of the columns of X."""
    frames, y = tables()
    cells = pd.DataFrame({"sales": [f.sales for f in frames], "price": [f.price for f in frames]})
    for columns in (1, "price"):
        assert make(target_columns=columns, max_epochs=1).fit(cells, y).naive_error_ == 0
    static = cells.assign(age=range(len(y)), k=list("abc" * 4))[["age", "sales", "k", "price"]]
    assert make(target_columns="price", max_epochs=1).fit(static, y).naive_error_ == 0
    wide = pd.DataFrame({"w": [f[["sales", "price"]].to_numpy() for f in frames]})
    assert make(target_columns="w[1]", max_epochs=1).fit(wide, y).naive_error_ == 0
    for X, names in ((static, r"\['sales', 'price'\]"), (wide, r"\['w\[0\]', 'w\[1\]'\]")):
        with pytest.raises(ValueError, match=f"target_columns=1 is a position, .* are {names}"):
            make(target_columns=1).fit(X, y)


@pytest.mark.parametrize("columns", [None, "all"])
@pytest.mark.parametrize("horizon", [1, 3, 9])
@MAY_WARN
def test_features_known_in_advance_are_no_targets(columns, horizon):
    """`make_windows` adds future values of known columns, which y does not hold."""
    random = np.random.RandomState(0)
    frame = pd.DataFrame({"price": random.randn(40), "a+b": 1.0, "hol": random.rand(40) > 0.9})
    X, y = make_windows(frame, 4, horizon, known_columns=["hol", "a+b"])
    with pytest.raises(ValueError, match=r"but of \['a\+b', 'hol', .*: choose from \['price'\]"):
        make(target_columns=columns).fit(X, y)
    X, y = make_windows(frame[["price", "a+b"]], 4, horizon)
    assert make(target_columns="all", max_epochs=1).fit(X, y).n_outputs_ == 2 * horizon


@MAY_WARN
def test_integer_names_of_columns():
    """An integer is a name if there is one; two readings are an error that shows both."""
    frames, y = tables()
    swapped = [f[["price", "sales"]].set_axis([1, 0], axis=1) for f in frames]
    assert make(target_columns=1, max_epochs=1).fit(swapped, y).naive_error_ == 0
    swapped = Sequences(pd.concat(swapped), np.arange(len(y) + 1) * 5)
    with pytest.raises(ValueError, match=r"target_columns=0 .* two ways: 0 is the name of the col"):
        make(target_columns=0).fit(swapped, y)
    with pytest.raises(ValueError, match=r"at position 0, and the position of the column named 0"):
        make(target_columns=[1]).fit(swapped, y)
    for labels, columns in (((0, 1), 0), ((10, 20), 0), ((10, 20), 10)):
        named = [f[["price", "sales"]].set_axis(labels, axis=1) for f in frames]
        model = make(target_columns=columns, max_epochs=1).fit(named, y)
        assert model.naive_error_ == 0
    for columns in (True, [False]):
        with pytest.raises(ValueError, match="must be the index of a feature"):
            make(target_columns=columns).fit(swapped, y)


def test_targets_need_a_residual():
    """Without `residual`, y continues nothing."""
    with pytest.raises(ValueError, match=r"target_columns=0 has no effect with residual=None"):
        make(residual=None, target_columns=0).fit(X, Y)


def test_steps_of_a_table_are_no_features():
    """The columns of a table are steps of one feature, whose names are no names of targets."""
    frame = pd.DataFrame(X[:20]).add_prefix("t")
    with pytest.raises(ValueError, match="names 't3', but X has no names of features"):
        make(target_columns="t3").fit(frame, Y[:20])


@pytest.mark.parametrize(
    "change",
    [
        {"residual": None, "target_columns": None},
        {"residual": 4},
        {"target_columns": 0},
        {"scale": "sequence"},
    ],
)
@MAY_WARN
def test_training_goes_on_with_the_same_forecast_only(change):
    """Another baseline, which was ignored, is an error; an equal one is not."""
    X, y = make_windows(PAIR, 8, 1)
    model = make(target_columns=[0, 1], warm_start=True).fit(X, y)
    model.set_params(residual=1, target_columns="all").fit(X, y)
    with pytest.raises(ValueError, match="residual, target_columns or scale have changed"):
        model.set_params(**change).fit(X, y)
    plain = make(residual=None).fit(X, y)
    with pytest.raises(ValueError, match=r"trained with residual=None, and now .*residual='last'"):
        plain.set_params(residual="last", target_columns="all").partial_fit(X, y)


# --- targets with the scale of their window ------------------------------------------------------


def panel(sizes, n_steps=60):
    """Return windows of noisy seasonal series of several sizes, y, and the size of each window."""
    random, parts = np.random.RandomState(1), []
    for i, size in enumerate(sizes):
        wave = 10 + 3 * np.sin(np.arange(n_steps) * np.pi / 3 + i) + 0.2 * random.randn(n_steps)
        parts.append((*make_windows(size * wave, 18, 3), np.full(n_steps - 20, size)))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def own_scale(residual=6, **parameters):
    """Return an estimator whose targets have the scale of their window."""
    small = {"hidden_size": 16, "learning_rate": 0.01, "max_epochs": 25, "random_state": 0}
    return RNNRegressor("gru", residual=residual, scale="sequence", **small | parameters)


@pytest.mark.parametrize("residual", ["last", 6])
@pytest.mark.parametrize("loss", ["auto", "quantile", "gaussian", "student_t"])
def test_series_of_all_sizes_are_forecast_alike(residual, loss):
    """Errors relative to the naive forecast, and intervals, are those of the other sizes."""
    X, y, sizes = panel([1e-3, 1.0, 50.0, 1e6] * 6)
    model = own_scale(residual, loss=loss).fit(X, y)
    naive = X[:, [-1, -1, -1]] if residual == "last" else X[:, [-6, -5, -4]]
    for size in set(sizes):
        rows = sizes == size
        gained = np.abs(model.predict(X[rows]) - y[rows]).mean()
        assert gained < np.abs(naive[rows] - y[rows]).mean()
        if loss != "auto":
            low, _, high = model.predict_quantiles(X[rows])
            assert 0.65 < np.mean((low < y[rows]) & (y[rows] < high)) < 0.93
    if loss in ("gaussian", "student_t"):
        stds = [model.predict_std(X[sizes == size]).mean() / size for size in set(sizes)]
        assert max(stds) < 1.5 * min(stds)


@MAY_WARN
def test_units_of_all_series_change_nothing_but_the_units():
    """Series in other units have the same forecast in these units."""
    X, y, _ = panel([1.0, 20.0])
    model = own_scale(shuffle=False, max_epochs=3).fit(X, y)
    other = own_scale(shuffle=False, max_epochs=3).fit(1024 * X, 1024 * y)
    np.testing.assert_allclose(other.predict(1024 * X), 1024 * model.predict(X), rtol=1e-4)
    assert other.forecast_error_ == pytest.approx(1024 * model.forecast_error_, rel=1e-3)


def test_a_size_that_was_not_seen():
    """A series a million times as large as those of the fit has a forecast of the same shape."""
    X, y, _ = panel([1.0, 2.0, 3.0, 5.0] * 4)
    model = own_scale().fit(X, y)
    naive = np.abs(y - X[:, [-6, -5, -4]]).mean()
    for factor in (1e-6, 1e6):
        assert np.abs(model.predict(factor * X) - factor * y).mean() < factor * naive


@MAY_WARN
def test_features_have_their_own_scale():
    """Targets of different size in one window are each scaled by their own feature."""
    X, y, _ = panel([1.0] * 16)
    two = np.stack([1000 * X[:, ::-1], X], axis=2)  # the second feature is the target
    model = own_scale(target_columns=1).fit(two, y)
    assert np.abs(model.predict(two) - y).mean() < np.abs(X[:, [-6, -5, -4]] - y).mean()
    both = np.stack([y, 1e5 * y], axis=2).reshape(len(y), -1)
    model = own_scale(target_columns=[0, 1], max_epochs=40).fit(
        np.stack([X, 1e5 * X], axis=2), both
    )
    predicted = model.predict(np.stack([X, 1e5 * X], axis=2))
    for j, size in enumerate([1.0, 1e5]):
        error = np.abs(predicted[:, j::2] - size * y).mean()
        assert error < size * np.abs(X[:, [-6, -5, -4]] - y).mean()


@pytest.mark.parametrize("loss", ["auto", "quantile", "gaussian"])
@MAY_WARN
def test_errors_are_in_units_of_y(loss):
    """Errors are those of the newest windows of all sizes."""
    X, y, sizes = panel([1.0, 100.0])
    model = own_scale(loss=loss, max_epochs=2, validation_fraction=0.2).fit(X, y)
    n = round(0.2 * np.sum(sizes == 1.0))
    newest = np.concatenate([np.flatnonzero(sizes == size)[-n:] for size in (1.0, 100.0)])
    assert model.naive_error_ == mean_error(y[newest], X[newest][:, [-6, -5, -4]])
    assert model.forecast_error_ < 2 * model.naive_error_


@MAY_WARN
def test_integer_weights_are_repetition_and_pickles_keep_the_scale():
    """What is learnt of windows is learnt from the repeated training rows."""
    X, y, _ = panel([1.0, 100.0])
    X[::7] = X[::7, :1]  # constant windows that change
    weights = np.arange(len(X)) % 3
    rows = np.repeat(np.arange(len(X)), weights)
    model = own_scale(max_epochs=2).fit(X, y, sample_weight=weights)
    repeated = own_scale(max_epochs=2).fit(X[rows], y[rows])
    np.testing.assert_array_equal(model.predict(X), repeated.predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    parts = own_scale().partial_fit(X, y).partial_fit(X[:9], y[:9])
    assert np.isfinite(parts.predict(X)).all()


@pytest.mark.parametrize("level", [0.0, 1e-9, 3.7, -2e7])
@pytest.mark.parametrize("loss", ["auto", "quantile", "gaussian"])
@MAY_WARN
def test_a_constant_series_is_forecast_as_itself(level, loss):
    """With or without constant series in the fit, which never changed."""
    X, y, _ = panel([1.0, 100.0])
    constant = np.full((20, 18), level)
    fits = (X, y), (np.concatenate([X, constant]), np.concatenate([y, constant[:, :3]]))
    for data in fits:
        model = own_scale(loss=loss, max_epochs=1).fit(*data)
        np.testing.assert_array_equal(model.predict(constant), constant[:, :3])
        assert np.isfinite(model.predict(X)).all()
    model = own_scale(loss=loss, max_epochs=1).fit(constant, constant[:, :3])
    np.testing.assert_array_equal(model.predict(constant), constant[:, :3])
    assert np.isfinite(model.predict(X)).all()


@MAY_WARN
def test_what_follows_a_constant_window_is_learnt():
    """If constant windows changed in the fit, a change in proportion to their level is forecast."""
    level = 10.0 ** np.random.RandomState(0).uniform(-2, 3, 200)
    X = np.repeat(level[:, None], 8, axis=1)
    model = own_scale("last", max_epochs=30).fit(X, 1.5 * level)
    np.testing.assert_allclose(model.predict(X), 1.5 * level, rtol=0.03)
    zeros = np.zeros((40, 8))
    jumps = own_scale("last", max_epochs=30).fit(zeros, np.full(40, 2e-3)).predict(zeros)
    np.testing.assert_allclose(jumps, 2e-3, rtol=0.05)


@MAY_WARN
def test_almost_constant_windows_do_not_rule_the_fit():
    """A tiny change before a large one is no outlier of a million standard deviations."""
    X, y, _ = panel([1.0, 100.0] * 8)
    flat = np.full((2, 18), 5.0)
    flat[:, -1] += 1e-5
    model = own_scale().fit(np.concatenate([X, flat]), np.concatenate([y, np.full((2, 3), 9.0)]))
    assert np.abs(model.predict(X) - y).mean() < np.abs(X[:, [-6, -5, -4]] - y).mean()
    assert np.isfinite(model.predict(flat)).all()


def test_moments_of_windows_are_no_targets():
    """The gap between windows held out and those trained on is that of the targets."""
    X, y, _ = panel([1.0])
    task = own_scale()._task()
    form = InputForm("lists", 18, "RNNRegressor")
    _, targets = task.read(y, Sequences.from_arrays(list(X[:, :, None])), form, None)
    assert (targets.width, targets.parsed.shape[1]) == (3, 5)
    np.testing.assert_allclose(targets.parsed[:, 3], X.std(axis=1))
    np.testing.assert_allclose(targets.parsed[:, 4], np.sqrt((X**2).mean(axis=1)))


# --- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("walk", WALKS[1:])
@pytest.mark.parametrize("horizon", [1, 4])
def test_nothing_is_gained_on_a_random_walk(walk, horizon):
    """The warning has the error, what was done, advice, and the line that called fit."""
    X, Y = make_windows(walk, 12, horizon)
    model = make(early_stopping=True, validation_split="last")
    with pytest.warns(UserWarning, match=NOTHING_GAINED) as caught:
        model.fit(X, Y)
    assert caught[0].filename == __file__
    message = str(caught[0].message)
    assert "(residual='last')" in message
    assert "The forecast is therefore the naive one (shrinkage_ is 1). Train on more" in message
    assert "for series of very different size scale='sequence', or use the naive" in message
    [error] = re.findall(r"\d+\.\d+", message)
    assert float(error) == pytest.approx(model.naive_error_, rel=1e-3)
    assert model.forecast_error_ == model.naive_error_
    assert model.shrinkage_ == 1.0


@pytest.mark.parametrize("horizon", [1, 4])
def test_random_walks_are_forecast_by_their_last_value(horizon):
    """The network overfits its training windows, which does not matter for what is predicted."""
    ratios = []
    for seed in range(6):
        walk = np.random.RandomState(seed).randn(900).cumsum()
        X, Y = make_windows(walk[:600], 12, horizon)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = make(max_epochs=15).fit(X, Y)
        assert bool(caught) == (model.shrinkage_ == 1.0)
        later, truth = make_windows(walk[600:], 12, horizon)
        truth = truth.reshape(len(truth), -1)
        forecast = model.predict(later).reshape(truth.shape)
        ratios.append(np.abs(truth - forecast).mean() / np.abs(truth - later[:, [-1]]).mean())
    assert np.median(ratios) == 1.0
    assert max(ratios) < 1.02


@pytest.mark.parametrize("scale", ["global", "sequence"])
@pytest.mark.parametrize("loss", ["quantile", "gaussian"])
def test_intervals_of_random_walks_are_those_of_the_naive_forecast(loss, scale):
    """Around the last value, they are as wide as its errors were in training."""
    walk = 50.0 + np.random.RandomState(0).randn(900).cumsum()
    X, Y = make_windows(walk[:600], 12, 2)
    with pytest.warns(UserWarning, match=NOTHING_GAINED):
        model = make(loss=loss, scale=scale, max_epochs=15).fit(X, Y)
    later, truth = make_windows(walk[600:], 12, 2)
    low, centre, high = model.predict_quantiles(later)
    np.testing.assert_array_equal(model.predict(later), later[:, [-1, -1]])
    assert 0.7 < np.mean((low <= truth) & (truth <= high)) < 0.9
    assert np.mean(high - low, axis=0) @ [-1, 1] > 0  # two steps ahead is less certain
    if loss == "quantile":
        np.testing.assert_array_equal(centre, later[:, [-1, -1]])
    elif scale == "global":
        errors = Y - X[:, [-1, -1]]
        np.testing.assert_allclose(
            model.predict_std(later), np.broadcast_to(errors.std(axis=0), truth.shape), rtol=1e-4
        )


@pytest.mark.parametrize("unit", [1.0, 100.0])
@pytest.mark.parametrize("scale", ["global", "sequence"])
def test_each_target_is_judged_by_itself(scale, unit):
    """Whatever the units are, a wave is predicted alongside a random walk that is not."""
    walk = np.random.RandomState(0).randn(700).cumsum()
    series = np.column_stack([np.sin(np.arange(700) / 3), unit * walk])
    windows, y = make_windows(series, 12, 3)
    model = make(scale=scale, target_columns="all", max_epochs=15)
    with pytest.warns(UserWarning, match=r"\(residual='last'\) in target 1, whose mean"):
        model.fit(windows[:500], y[:500])
    assert model.shrinkage_[0] < 0.2
    assert model.shrinkage_[1] == 1.0
    predicted, truth = (part.reshape(-1, 3, 2) for part in (model.predict(windows[500:]), y[500:]))
    last = windows[500:, [-1, -1, -1]]
    np.testing.assert_array_equal(predicted[:, :, 1], last[:, :, 1])
    errors = [np.abs(each - truth)[:, :, 0].mean() for each in (predicted, last)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_wave_is_predictable(early_stopping):
    """There is no warning if the forecast is clearly better."""
    model = make(early_stopping=early_stopping, validation_split="last", learning_rate=0.02).fit(
        X, Y
    )
    assert model.forecast_error_ < 0.7 * model.naive_error_


def test_the_naive_forecast_may_be_perfect():
    """A constant series leaves no error to reduce."""
    windows = np.ones((20, 6)) * np.arange(1.0, 21.0)[:, None]
    with pytest.warns(UserWarning, match="whose mean absolute error is 0. The forecast is there"):
        model = make().fit(windows, windows[:, 0])
    assert model.naive_error_ == 0.0
    np.testing.assert_array_equal(model.predict(windows), windows[:, 0])


def test_a_sample_of_many_windows(monkeypatch):
    """Predictions are limited to a sample of the windows."""
    seen = []
    outputs = _shrinkage.network_outputs
    monkeypatch.setattr(_shrinkage, "_MOST_WINDOWS", 50)
    monkeypatch.setattr(
        _shrinkage, "network_outputs", lambda net, x: seen.append(len(x)) or outputs(net, x)
    )
    make(validation_fraction=0.5).fit(X, Y)
    assert seen == [50]


def test_too_few_windows_prove_nothing():
    """Nothing is shrunk, and there are no errors."""
    model = make().fit(X[:6], Y[:6])
    assert model.shrinkage_ == 0.0
    assert not hasattr(model, "naive_error_")


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


# --- several seasons -----------------------------------------------------------------------------


def weeks(n_weeks, seed=0, noise=0.2):
    """Return days of four steps whose level differs between the seven days of a week."""
    rng = np.random.RandomState(seed)
    day, level = np.array([0.0, 1.0, 2.0, 0.5]), np.repeat([0, 0, 0, 0, 0, -3, -4], 4)
    return np.tile(np.tile(day, 7) + level, n_weeks) + noise * rng.randn(28 * n_weeks)


def seasonal_windows(seed=0, window=56, horizon=4):
    """Return windows of two weeks."""
    return make_windows(weeks(12, seed), window, horizon)


def own_weights(X, y):
    """Return the learnt combination of windows."""
    sequences = Sequences.from_arrays(list(X[:, :, None]))
    return NaiveForecast([4, 28]).learnt(sequences, y).combined.weights


@MAY_WARN
def test_seasons_of_windows_are_found():
    """Overlapping windows show seasons that none of them holds three times."""
    X, y = seasonal_windows()
    found = make(residual="auto").fit(X, y)
    assert (found.seasons_, found.residual_) == ((4, 28), [4, 28])
    assert found.auto_params_["residual"] == [4, 28]
    given = make(residual=[28, 4]).fit(X, y)
    np.testing.assert_array_equal(found.predict(X), given.predict(X))
    X, y = make_windows(weeks(12), 27, 4)  # windows that are shorter than a week
    assert make(residual="auto").fit(X, y).seasons_ == (4,)
    X, y = make_windows(WALKS[0], 12)
    walk = make(residual="auto").fit(X, y)
    assert (walk.seasons_, walk.residual_) == ((), "last")


@MAY_WARN
def test_combinations_beat_each_season():
    """Means over two weeks are less noisy than one of them."""
    X, y = seasonal_windows()
    X_new, y_new = seasonal_windows(seed=1)
    model = make(residual=[4, 28]).fit(X, y)
    sequences = Sequences.from_arrays(list(X_new[:, :, None]))
    combined = model._blueprint.baseline.forecast(sequences, 4)
    errors = [np.abs(X_new[:, -n : (4 - n) or None] - y_new).mean() for n in (4, 28)]
    assert np.abs(combined - y_new).mean() < 0.9 * min(errors)


@MAY_WARN
@pytest.mark.parametrize("scale", ["global", "sequence"])
def test_constants_are_added_to_combinations(scale):
    """A series shifted by a constant has a forecast shifted by it."""
    X, y = seasonal_windows()
    model = make(residual=[4, 28], scale=scale).fit(X, y)
    np.testing.assert_allclose(model.predict(X + 100), model.predict(X) + 100, rtol=1e-4)


def test_weights_depend_on_distinct_windows_only():
    """Order and repetition of windows change no bit, and missing targets have no part."""
    X, y = seasonal_windows()
    weights = own_weights(X, y)
    order = np.random.RandomState(0).permutation(len(X))
    np.testing.assert_array_equal(own_weights(X[order], y[order]), weights)
    twice = np.r_[order, order[:50]]
    np.testing.assert_array_equal(own_weights(X[twice], y[twice]), weights)
    holes = np.where(np.arange(len(y))[:, None] % 2 == 0, np.nan, y)
    half = own_weights(X[1::2], y[1::2])
    np.testing.assert_allclose(own_weights(X, holes), half, atol=1e-4)


def test_features_are_combined_alike():
    """With two features next to each other, each is forecast as if alone."""
    X, y = seasonal_windows()
    both = np.stack([X, 2 * X], axis=2)
    both_y = np.stack([y, 2 * y], axis=2).reshape(len(y), -1)
    sequences = Sequences.from_arrays(list(both))
    naive = NaiveForecast([4, 28], (0, 1)).learnt(sequences, both_y)
    forecast = naive.forecast(sequences, 8).reshape(len(X), 4, 2)
    np.testing.assert_allclose(forecast[..., 1], 2 * forecast[..., 0])
    second = NaiveForecast([4, 28], (1,)).learnt(sequences, 2 * y).forecast(sequences, 4)
    np.testing.assert_allclose(second, forecast[..., 1], rtol=0.05, atol=0.05)


@MAY_WARN
def test_combinations_are_kept_when_training_goes_on():
    """partial_fit adds new windows to the same baseline."""
    X, y = seasonal_windows()
    model = make(residual="auto").fit(X, y)
    weights = model._blueprint.baseline.combined.weights
    model.partial_fit(X[:50], y[:50])
    np.testing.assert_array_equal(model._blueprint.baseline.combined.weights, weights)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    for other in (28, [4], [4, 56]):
        with pytest.raises(ValueError, match="residual, target_columns or scale have changed"):
            model.set_params(residual=other).partial_fit(X, y)


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("residual", "message"),
    [
        ([4, 4], "must hold the lengths of different seasons"),
        ([], "must hold the lengths of different seasons"),
        ([4, 60], "needs sequences of at least 60 steps; sequence 0 has 56"),
    ],
)
def test_bad_seasons(residual, message):
    """Errors for seasons that are no lengths, and for windows that are shorter."""
    with pytest.raises(ValueError, match=message):
        make(residual=residual).fit(*seasonal_windows())


@MAY_WARN
def test_windows_must_hold_the_seasons_of_the_fit():
    """Windows to predict need as many seasons as those of the fit."""
    X, y = seasonal_windows()
    model = make(residual=[4, 28]).fit(list(X), y)
    with pytest.raises(ValueError, match="needs sequences of at least 56 steps; sequence 0 has 40"):
        model.predict(list(np.zeros((2, 40))))


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
