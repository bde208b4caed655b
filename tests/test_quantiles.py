"""RNNRegressor with quantiles and distributions: ordered, in units of y, for every target."""

import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import GridSearchCV

from sksequence import RNNRegressor, Sequences
from sksequence._targets import predictive_distribution
from sksequence.metrics import stepwise
from sksequence.model_selection import recommended_grid
from sksequence.preprocessing import make_windows
from tests.helpers import end_to_end

# forecasts of a random walk, after hardly any training
pytestmark = pytest.mark.filterwarnings("ignore:.*the mean absolute error of this forecast")

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
