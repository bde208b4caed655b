"""RNNRegressor with quantiles and distributions: ordered, in units of y, for every target."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import GridSearchCV

from sksequence import RNNRegressor, Sequences
from sksequence._targets import predictive_distribution
from sksequence.cells import SimpleRNN
from sksequence.metrics import stepwise
from sksequence.model_selection import recommended_grid
from sksequence.preprocessing import make_windows
from tests.helpers import end_to_end

# forecasts of a random walk, after hardly any training
pytestmark = pytest.mark.filterwarnings("ignore:On windows that it was not trained on")

RANDOM = np.random.RandomState(0)
X = [RANDOM.randn(n, 2) for n in RANDOM.randint(2, 9, 40)]
Y = np.array([100 + 20 * (x[-1, 0] + RANDOM.randn()) for x in X])
TABLE = np.column_stack([Y, -1e-3 * Y])
STEPS = [x.cumsum(axis=0) for x in X]
WALK = RANDOM.randn(120, 3).cumsum(axis=0) * [1, 10, 100]
WINDOWS, AHEAD = make_windows(WALK, 8, 2, target_columns=[2, 0])
LEVELS = (0.1, 0.4, 0.9)
FORMS = {
    "number": (X, Y, {}),
    "numbers": (X, TABLE, {}),
    "unscaled": (X, TABLE / 100, {"scale": False}),
    "steps": (X, STEPS, {}),
    "truncated": (X, STEPS, {"tbptt_steps": 3}),
    "forecast": (WINDOWS, AHEAD, {"residual": "last", "target_columns": [2, 0]}),
    "season": (WINDOWS[:, :, 0], AHEAD[:, 1], {"residual": 2}),
}
X_OF_COUNTS = RANDOM.randn(1500, 6, 2)
ALL_FORMS = pytest.mark.parametrize("form", FORMS)
ALL_LOSSES = pytest.mark.parametrize("loss", ["quantile", "gaussian", "student_t"])
DENSITIES = pytest.mark.parametrize("loss", ["gaussian", "student_t"])


def make(form="number", **parameters):
    """Return a small estimator with the X and y of a form."""
    X, y, own = FORMS[form]
    small = {"hidden_size": 6, "max_epochs": 2, "random_state": 0, "quantiles": LEVELS}
    return RNNRegressor("gru", **{"loss": "quantile"} | small | own | parameters), X, y


# --- laws ----------------------------------------------------------------------------------------


@ALL_FORMS
@ALL_LOSSES
def test_quantiles_are_ordered_whatever_was_learnt(form, loss):
    """Quantiles never cross, even untrained; predict returns the one nearest to the median."""
    levels = LEVELS if loss == "quantile" else (0.1, 0.5, 0.9)
    early_stopping = form == "numbers"
    model, X, y = make(
        form, loss=loss, max_epochs=1, quantiles=levels, early_stopping=early_stopping
    )
    low, middle, high = model.fit(X, y).predict_quantiles(X)
    low, middle, high = map(end_to_end, (low, middle, high))
    assert np.all(low <= middle)
    assert np.all(middle <= high)
    assert np.any(low < high)
    if loss != "quantile":  # shrinkage moves the mean to that of y, and the median to that of y
        model._blueprint = replace(model._blueprint, shrinkage=0.0)
        middle = end_to_end(model.predict_quantiles(X, [0.5])[0])
    np.testing.assert_array_equal(end_to_end(model.predict(X)), middle)


@pytest.mark.parametrize("form", ["numbers", "steps", "forecast"])
@ALL_LOSSES
def test_units_of_y_change_nothing_but_the_units(form, loss):
    """Quantiles of an affine transformation of y are the transformed quantiles."""
    model, X, y = make(
        form, loss=loss, shuffle=False
    )  # the order of rows comes from their content: keep it
    stretch = (lambda v: 8 * v + 0.0) if form == "forecast" else (lambda v: 8 * v + 16.0)
    Z = stretch(X) if form == "forecast" else X
    moved = [stretch(v) for v in y] if isinstance(y, list) else stretch(y)
    before = model.fit(X, y).predict_quantiles(X)
    stretched = clone(model).fit(Z, moved)
    # a quotient of small gains, which rounding changes more than predictions
    np.testing.assert_allclose(stretched.shrinkage_, model.shrinkage_, atol=0.02)
    shrinkage = model._blueprint.shrinkage
    stretched._blueprint = replace(stretched._blueprint, shrinkage=shrinkage)
    after = stretched.predict_quantiles(Z)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(
            end_to_end(other), stretch(end_to_end(one)), rtol=1e-3, atol=1e-2
        )
    if loss != "quantile":
        wide, narrow = (end_to_end(m.predict_std(x)) for m, x in ((stretched, Z), (model, X)))
        np.testing.assert_allclose(wide, 8 * narrow, rtol=1e-3)


@ALL_FORMS
@ALL_LOSSES
def test_pickles_and_weights(form, loss):
    """A pickle predicts the same bits; integer weights are repetition."""
    model, X, y = make(form, loss=loss)
    weights = np.arange(len(X)) % 3
    rows = np.repeat(np.arange(len(X)), weights)
    if isinstance(y, list):
        repeated = [X[i] for i in rows], [y[i] for i in rows]
    else:
        repeated = [X[i] for i in rows], y[rows]
    model.fit(X, y, sample_weight=weights)
    expected = [end_to_end(q) for q in model.predict_quantiles(X)]
    others = pickle.loads(pickle.dumps(model)), clone(model).fit(*repeated)
    for other in others:
        for one, two in zip(other.predict_quantiles(X), expected, strict=True):
            np.testing.assert_array_equal(end_to_end(one), two)


@ALL_LOSSES
def test_fractions_below_are_the_levels(loss):
    """With noise that depends on X, the fraction of y below each quantile is its level."""
    random = np.random.RandomState(0)
    X = random.randn(2500, 5)
    spread = np.where(X[:, 0] > 0, 5.0, 1.0)
    y = X[:, -1] + spread * random.randn(2500)
    model, *_ = make(loss=loss, hidden_size=16, learning_rate=1e-2, max_epochs=6)
    model.set_params(quantiles=(0.1, 0.5, 0.9)).fit(X[:1500], y[:1500])
    low, middle, high = model.predict_quantiles(X[1500:])
    truth, calm = y[1500:], X[1500:, 0] < 0
    for rows in (calm, ~calm):
        fractions = [np.mean(truth[rows] < q[rows]) for q in (low, middle, high)]
        assert fractions == pytest.approx([0.1, 0.5, 0.9], abs=0.08)
    assert np.median((high - low)[~calm]) > 2.5 * np.median((high - low)[calm])


@DENSITIES
def test_quantiles_are_those_of_the_distribution(loss):
    """Quantiles at any level and standard deviations are those of scipy.stats."""
    outputs = RANDOM.randn(4, 6 if loss == "student_t" else 4).astype(np.float32)
    distribution = predictive_distribution(loss, LEVELS)
    loc, scale = outputs[:, :2], np.exp(10 * np.tanh(outputs[:, 2:4] / 10))
    if loss == "gaussian":
        expected = stats.norm(loc, scale)
    else:
        bound = np.log(1000 / 8)
        expected = stats.t(2 + 8 * np.exp(bound * np.tanh(outputs[:, 4:] / bound)), loc, scale)
    outputs = outputs[np.newaxis]  # of one network
    quantiles = distribution.quantiles(outputs, (0.01, 0.5, 0.999))
    by_hand = [expected.ppf(level) for level in (0.01, 0.5, 0.999)]
    np.testing.assert_allclose(quantiles, by_hand, rtol=1e-4)
    np.testing.assert_allclose(quantiles[1], distribution.centre(outputs), rtol=1e-6)
    np.testing.assert_allclose(distribution.stds(outputs), expected.std(), rtol=1e-4)
    assert np.isfinite(distribution.stds(np.full_like(outputs, -100.0))).all()


# --- counts and positive numbers -----------------------------------------------------------------

MEANS = np.exp(1.0 + X_OF_COUNTS[:, :, 0].mean(axis=1) + 0.5 * X_OF_COUNTS[:, -1, 1])
OF_COUNTS = {
    "poisson": RANDOM.poisson(MEANS).astype(float),
    "negative_binomial": RANDOM.negative_binomial(2, 2 / (2 + 100 * MEANS)).astype(float),
    "gamma": RANDOM.gamma(2, MEANS / 2000),
}
POSITIVE = pytest.mark.parametrize("loss", OF_COUNTS)
COUNTED = pytest.mark.parametrize("loss", ["poisson", "negative_binomial"])


def fit_counts(loss, y=None, rows=slice(300), **parameters):
    """Fit to counts or positive numbers."""
    small = {"hidden_size": 8, "max_epochs": 3, "random_state": 0}
    y = OF_COUNTS[loss] if y is None else y
    return RNNRegressor("gru", loss=loss, **small | parameters).fit(X_OF_COUNTS[rows], y[rows])


@POSITIVE
def test_intervals_of_counts_cover(loss):
    """Levels are fractions of y, 80 % are within the interval, and means are right."""
    y, new = OF_COUNTS[loss], slice(800, None)
    model = fit_counts(loss, rows=slice(800), hidden_size=16, max_epochs=15, learning_rate=0.01)
    low, middle, high = model.predict_quantiles(X_OF_COUNTS[new])
    y = y[new]
    for level, quantile in ((0.1, low), (0.5, middle), (0.9, high)):
        assert np.mean(y < quantile) - 0.06 < level < np.mean(y <= quantile) + 0.06
    assert 0.74 < np.mean((low <= y) & (y <= high)) < 0.93
    predicted = model.predict(X_OF_COUNTS[new])
    assert predicted.mean() == pytest.approx(y.mean(), rel=0.1)
    assert np.corrcoef(predicted, MEANS[new])[0, 1] > 0.85
    errors = (y - predicted) / model.predict_std(X_OF_COUNTS[new])
    assert errors.std() == pytest.approx(1.0, abs=0.15)


@POSITIVE
def test_predictions_stay_in_their_range(loss):
    """Counts have whole quantiles, no quantile is negative, and levels may be any."""
    model = fit_counts(loss, n_estimators=2)
    quantiles = model.predict_quantiles(X_OF_COUNTS, (1e-6, 0.3, 0.999))
    assert (quantiles >= 0).all()
    assert (np.diff(quantiles, axis=0) >= 0).all()
    if loss == "gamma":
        assert (quantiles > 0).all()
    else:
        np.testing.assert_array_equal(quantiles, quantiles.round())
    assert (model.predict(X_OF_COUNTS) > 0).all()


@POSITIVE
def test_units_of_positive_numbers(loss):
    """A gamma distribution of y in other units is the same; counts have no other units."""
    model = fit_counts(loss, shuffle=False)
    factor = 1024.0
    if loss == "gamma":
        other = fit_counts(loss, factor * OF_COUNTS[loss], shuffle=False)
        np.testing.assert_allclose(
            other.predict(X_OF_COUNTS), factor * model.predict(X_OF_COUNTS), rtol=1e-4
        )
    unscaled = fit_counts(loss, scale=False, shuffle=False)
    assert unscaled._blueprint.loss_options == {"log_scales": (0.0,)}
    typical = np.exp(model._blueprint.loss_options["log_scales"])
    np.testing.assert_allclose(typical, [OF_COUNTS[loss][:300].mean()])


@POSITIVE
def test_pickles_weights_and_parts_of_counts(loss):
    """A pickle predicts the same bits; integer weights are repetition; training goes on."""
    rows = np.arange(300)
    weights = rows % 3
    model = RNNRegressor("gru", hidden_size=8, loss=loss, max_epochs=2, random_state=0)
    weighted = clone(model).fit(X_OF_COUNTS[:300], OF_COUNTS[loss][:300], sample_weight=weights)
    repeated = fit_counts(loss, rows=np.repeat(rows, weights), max_epochs=2)
    expected = weighted.predict_quantiles(X_OF_COUNTS[:9])
    np.testing.assert_array_equal(repeated.predict_quantiles(X_OF_COUNTS[:9]), expected)
    again = pickle.loads(pickle.dumps(weighted))
    np.testing.assert_array_equal(again.predict_quantiles(X_OF_COUNTS[:9]), expected)
    again.partial_fit(X_OF_COUNTS[:50], OF_COUNTS[loss][:50])
    assert again._blueprint.loss_options == weighted._blueprint.loss_options
    with pytest.raises(ValueError, match="needs other outputs than the network to continue"):
        again.set_params(loss="gaussian").partial_fit(X_OF_COUNTS[:50], OF_COUNTS[loss][:50])


@COUNTED
def test_counts_of_several_columns_and_of_steps(loss):
    """Each column has its own typical count, also one without any; steps may have no label."""
    many = np.column_stack([OF_COUNTS["poisson"], 1e5 * OF_COUNTS["poisson"], 0 * MEANS])
    model = fit_counts(loss, many, max_epochs=20, learning_rate=0.02)
    predicted = model.predict(X_OF_COUNTS[:300])
    np.testing.assert_allclose(predicted.mean(axis=0)[:2], many[:300].mean(axis=0)[:2], rtol=0.15)
    assert predicted[:, 2].max() < 0.1
    steps = [np.floor(np.exp(x[:, 0])) for x in X_OF_COUNTS[:40]]
    steps[0][1] = np.nan
    model = RNNRegressor("gru", hidden_size=8, loss=loss, max_epochs=2).fit(X_OF_COUNTS[:40], steps)
    assert model.predict_quantiles(X_OF_COUNTS[:2])[0][1].shape == (6,)


@POSITIVE
def test_early_stopping_restores_the_best_counts(loss):
    """The validation loss is the negative log-likelihood in units of y."""
    model = fit_counts(loss, early_stopping=True, max_epochs=5)
    assert model.best_loss_ == min(model.validation_curve_)


BAD_COUNTS = [
    ("poisson", (7,), -1.0, r"whole numbers of at least 0, but y\[7\] is -1\. For other numbers"),
    ("negative_binomial", (3,), 0.5, r"counts, .*, but y\[3\] is 0\.5\. For other"),
    ("gamma", (2,), 0.0, r"positive numbers, but y\[2\] is 0\. For other numbers, choose another"),
    ("gamma", (5, 1), -2.0, r"loss='gamma' is a distribution of positive .* y\[5\]\[1\] is -2\."),
    ("poisson", (4, 0), 1e-3, r"but y\[4\]\[0\] is 0\.001\."),
]


@pytest.mark.parametrize(("loss", "place", "value", "message"), BAD_COUNTS)
def test_a_target_without_a_density_is_named(loss, place, value, message):
    """The first target that is no count, or not positive, is an error with its place."""
    y = np.ones((20, 2) if len(place) > 1 else 20)
    y[place] = value
    with pytest.raises(ValueError, match=message):
        fit_counts(loss, y, rows=slice(20))
    good = fit_counts(loss, np.ones_like(y), rows=slice(20))
    with pytest.raises(ValueError, match=message):
        good.partial_fit(X_OF_COUNTS[:20], y)


def test_a_step_without_a_density_is_named():
    """With targets per step, the place is the sequence and its step; unlabelled steps are none."""
    steps = [np.ones(6) for _ in range(5)]
    steps[1][2], steps[3][4] = np.nan, -4.0
    with pytest.raises(ValueError, match=r"y\[3\]\[4\] is -4\."):
        RNNRegressor(loss="poisson").fit(X_OF_COUNTS[:5], steps)


@POSITIVE
def test_counts_have_no_residual(loss):
    """Differences may be negative, and are no counts."""
    X, y = np.ones((20, 6)), np.ones(20)
    with pytest.raises(ValueError, match=f"makes y a difference, .* loss='{loss}' is a distrib"):
        RNNRegressor(loss=loss, residual="last").fit(X, y)


# --- values far outside --------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["global", "sequence"])
@pytest.mark.parametrize("residual", [None, "last", 2])
@pytest.mark.parametrize("cell", ["lstm", SimpleRNN(activation="relu")])
@pytest.mark.parametrize("value", [1e-30, 1e30, -3e38])
def test_predictions_far_outside_are_finite(scale, residual, cell, value):
    """Constant, single and alternating values of any size give finite predictions."""
    parameters = {"scale": scale, "residual": residual}
    X, y = WINDOWS[:, :, 0], AHEAD[:, 1]
    model = RNNRegressor(cell, 6, loss="student_t", max_epochs=1, **parameters).fit(X, y)
    far = np.zeros((3, X.shape[1]))
    far[0], far[1, 2], far[2, ::2], far[2, 1::2] = value, value, value, -value
    for found in (model.predict(far), model.predict_quantiles(far), model.predict_std(far)):
        assert np.isfinite(found).all()


@pytest.mark.parametrize("form", ["number", "steps"])
def test_a_prediction_that_is_not_finite_is_an_error(form):
    """Without a scale, a network of rectified units overflows, and the sequence is named."""
    model, X, y = make(form, scale=False, loss="gaussian")
    model.set_params(cell=SimpleRNN(activation="relu")).fit(X, y)
    far = [*X[:2], *(np.full((30, 2), 3e38) * [a, b] for a in (-1, 1) for b in (-1, 1))]
    for method in (model.predict, model.predict_quantiles, model.predict_std):
        with pytest.raises(
            ValueError, match=r"prediction for sequence [2-5] of X is .* up to 3e\+38"
        ):
            method(far)


# --- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "middle"),
    [((0.5,), 0), ((0.1, 0.9), 0), ((0.25, 0.6, 0.9), 1), (np.array([0.1, 0.2, 0.5]), 2)],
)
def test_predict_is_the_quantile_nearest_to_the_median(levels, middle):
    """Of two levels equally near to 0.5, the lower one is used."""
    model, X, y = make(quantiles=levels)
    quantiles = model.fit(X, y).predict_quantiles(X)
    assert quantiles.shape == (len(levels), len(X))
    np.testing.assert_array_equal(model.predict(X), quantiles[middle])
    assert model.n_outputs_ == 1


def test_crossed_outputs_are_sorted():
    """Quantiles of each number are sorted along the levels."""
    outputs = np.array([[[3.0, 10.0, 1.0, 20.0, 2.0, 30.0]]])
    sorted_ = predictive_distribution("quantile", LEVELS).quantiles(outputs)
    assert sorted_.tolist() == [[[1.0, 10.0]], [[2.0, 20.0]], [[3.0, 30.0]]]


def test_other_levels():
    """Quantiles are those requested; a distribution has them at all levels."""
    model, X, y = make("numbers", loss="student_t")
    model.fit(X, y)
    assert model.predict_quantiles(X).shape == (3, len(X), 2)
    quantiles = model.predict_quantiles(X, (0.01, 0.1, 0.99, 0.999))
    assert np.all(np.diff(quantiles, axis=0) > 0)
    np.testing.assert_array_equal(quantiles[1], model.predict_quantiles(X)[0])
    model.set_params(loss="quantile")
    every = model.fit(X, y).predict_quantiles(X)
    assert every.shape == (3, len(X), 2)
    np.testing.assert_array_equal(model.predict_quantiles(X, [0.1, 0.9]), every[[0, 2]])


def test_containers_of_steps():
    """Arrays and tables are stacked, Sequences are one per quantile; metrics accept them."""
    model, X, y = make("steps")
    ragged = model.fit(X, y).predict_quantiles(X)
    assert ragged.shape == (3, len(X))
    assert [q.shape for q in ragged[0]] == [steps.shape for steps in y]
    assert stepwise(mean_pinball_loss)(y, ragged[0], alpha=0.1) > 0
    low, _, high = clone(model).fit(X, Sequences.from_arrays(y)).predict_quantiles(X)
    assert isinstance(low, Sequences)
    np.testing.assert_array_equal(low.values, np.concatenate(list(ragged[0])))
    np.testing.assert_array_equal(high.values, np.concatenate(list(ragged[2])))
    equal, table = np.stack([x[:2] for x in X]), np.stack([steps[:2] for steps in y])
    model.set_params(target="steps").fit(equal, table)
    assert model.predict_quantiles(equal).shape == (3, *table.shape)


def test_through_a_search():
    """Levels and losses are parameters of a grid search."""
    model, X, y = make()
    grid = [{"quantiles": [(0.5,), LEVELS]}, {"loss": ["squared_error", "gaussian", "student_t"]}]
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_training_goes_on():
    """partial_fit and warm_start keep the levels; a point loss cannot continue from quantiles."""
    model, X, y = make(warm_start=True)
    model.partial_fit(X, y).partial_fit(X, y)
    assert model.fit(X, y).predict_quantiles(X).shape == (3, len(X))
    for changed in ({"quantiles": (0.1, 0.5, 0.9)}, {"loss": "huber"}, {"loss": "gaussian"}):
        with pytest.raises(ValueError, match="needs other outputs than the network to continue"):
            clone(model).fit(X, y).set_params(**changed).fit(X, y)
    model.set_params(loss="huber", warm_start=False)
    assert model.predict_quantiles(X).shape == (
        3,
        len(X),
    )  # what is fitted counts, until the next fit
    assert not hasattr(model.fit(X, y), "predict_quantiles")


def test_recommended_grid_keeps_the_loss():
    """No candidate loses predict_quantiles."""
    model, X, y = make("forecast")
    assert not any("loss" in candidate for candidate in recommended_grid(model, X, y))
    model.set_params(loss="auto")
    assert any("loss" in candidate for candidate in recommended_grid(model, X, y))


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "levels", [(), (0.0, 0.5), (0.5, 1.0), (0.9, 0.1), (0.5, 0.5), (np.nan,), [[0.1, 0.5]]]
)
def test_bad_levels(levels):
    """Errors for levels that are not inside (0, 1) or not increasing, in fit and later."""
    model, X, y = make()
    with pytest.raises(ValueError, match="one or more levels above 0 and below 1, each larger"):
        clone(model).set_params(quantiles=levels).fit(X, y)
    with pytest.raises(ValueError, match="one or more levels above 0 and below 1, each larger"):
        model.fit(X, y).predict_quantiles(X, levels)


def test_a_level_that_was_not_learnt():
    """A level without an output of the network is an error."""
    model, X, y = make()
    with pytest.raises(
        ValueError, match=r"was fitted to the quantiles \(0.1, 0.4, 0.9\), and 0.5 is"
    ):
        model.fit(X, y).predict_quantiles(X, [0.5])


@pytest.mark.parametrize(
    ("loss", "method", "message"),
    [
        ("auto", "predict_quantiles", "loss='auto' predicts no quantiles. Set loss='q"),
        ("huber", "predict_std", "no standard deviation. Set loss='gaussian' or 'student_t'"),
        ("quantile", "predict_std", "no standard deviation. Set loss='gaussian' or 'student_t'"),
    ],
)
def test_a_loss_without_the_method(loss, method, message):
    """The method is absent, and the error explains why."""
    model = RNNRegressor(loss=loss)
    assert not hasattr(model, method)
    with pytest.raises(AttributeError) as caught:
        getattr(model, method)
    assert message in str(caught.value)
    assert hasattr(model.set_params(loss="student_t"), method)
