"""SequenceGenerator on numbers: densities in units of X, sample paths, forecasts, errors."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV

from sksequence import SequenceGenerator, Sequences
from sksequence._losses import LOSSES
from tests.helpers import fit_generator

RANDOM = np.random.RandomState(0)
SINES = np.sin(np.arange(30) / 2 + 6 * RANDOM.rand(40)[:, None]) + 0.1 * RANDOM.randn(40, 30)
PAIRS = np.stack([SINES, 50 + 3 * np.cumsum(SINES, axis=1)], axis=2)
RAGGED = [pair[: 5 + i % 20] for i, pair in enumerate(PAIRS)]
FORMS = {
    "table": SINES,
    "frame": pd.DataFrame(SINES).add_prefix("t"),
    "3-D": PAIRS,
    "ragged": RAGGED,
    "1-D": [pair[:, 0] for pair in RAGGED],
    "one": [SINES[0]],
    "one step": [np.ones((1, 2)), np.zeros((1, 2))],
    "constant": np.full((3, 4), 7.0),
}


def make(X=SINES, **parameters):
    """Fit a small generator."""
    return fit_generator(X, **{"max_epochs": 8} | parameters)


@pytest.fixture(scope="module")
def sines():
    """Fit on series of one feature."""
    return make(max_epochs=60)


@pytest.fixture(scope="module")
def pairs():
    """Fit on series of two features of different scale."""
    return make(PAIRS)


@pytest.fixture
def quiet(monkeypatch):
    """Replace samples by the centre of each distribution."""

    def centre(outputs, uniforms):
        return outputs[:, : outputs.shape[1] // 3]

    monkeypatch.setitem(LOSSES, "student_t", replace(LOSSES["student_t"], draw=centre))


# --- densities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["gaussian", "student_t", "quantile"])
def test_density_integrates_to_one(loss):
    """The density of the next step integrates to one."""
    generator = make(list(1000 + 20 * SINES), loss=loss)
    before = 1000 + 20 * SINES[0, :10]
    grid = np.linspace(0, 2000, 12001)
    X = np.column_stack([np.tile(before, (len(grid), 1)), grid])
    densities = np.exp(generator.score_samples(list(X)) - generator.score_samples([before]))
    assert np.trapezoid(densities, grid) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("loss", ["gaussian", "student_t", "quantile"])
def test_density_is_in_the_units_of_X(loss):
    """For numbers ten times as large, predictions are too, and log-densities log 10 lower."""
    # the order of rows comes from their content: keep it
    one, ten = (make(X, loss=loss, shuffle=False) for X in (PAIRS, 10 * PAIRS))
    assert ten.score(10 * PAIRS) == pytest.approx(one.score(PAIRS) - 2 * np.log(10), abs=1e-4)
    assert ten.predict(10 * PAIRS) == pytest.approx(10 * one.predict(PAIRS), rel=1e-3, abs=1e-3)


def test_scale_does_not_win_a_grid():
    """Likelihoods with and without scaling are comparable: about equal on data of unit scale."""
    search = GridSearchCV(
        SequenceGenerator("gru", 16, max_epochs=20, residual=None, loss="gaussian", random_state=0),
        {"scale": [True, False]},
        cv=2,
    )
    X = (SINES - SINES.mean()) / SINES.std()
    scores = search.fit(1e-3 * X).cv_results_["mean_test_score"]
    assert scores[0] > scores[1]  # unscaled, a network is blind to 1e-3: no unit may hide that
    scores = search.fit(X).cv_results_["mean_test_score"]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)


def test_likelihood_is_that_of_the_normal(pairs):
    """The likelihood at the centres is that of fitted normal distributions."""
    X = PAIRS[:3, :6]
    shorter = pairs.score_samples(X)
    centre = pairs.predict(X)
    longer = pairs.score_samples(np.concatenate([X, centre[:, None]], axis=1))
    marked = np.concatenate([X, centre[:, None] + 1.0], axis=1)
    assert np.all(longer - shorter > pairs.score_samples(marked) - shorter)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("loss", ["gaussian", "student_t", "quantile"])
def test_every_form_of_numbers(form, loss):
    """All forms of X give finite densities and outputs of the right shape."""
    X = FORMS[form]
    generator = make(X, loss=loss, max_epochs=2)
    n_features = 2 if form in ("3-D", "ragged", "one step") else 1
    tail = (2,) if n_features == 2 else ()
    assert np.isfinite(generator.score_samples(X)).all()
    assert generator.predict(X).shape == (len(X), *tail)
    assert generator.transform(X).shape == (len(X), 16)
    forecast = generator.forecast(X, 3, n_samples=5, random_state=0)
    assert forecast["mean"].shape == (len(X), 3, *tail)
    assert forecast["quantiles"].shape == (3, len(X), 3, *tail)
    assert generator.sample(4, random_state=0).shape[0] == 4
    assert np.isfinite(generator.sample(4, random_state=0)).all()


def test_results_do_not_depend_on_other_series(pairs):
    """A series has the same bits alone, in a batch and in another order."""
    together = pairs.score_samples(RAGGED)
    assert np.array_equal(pairs.score_samples(RAGGED[::-1]), together[::-1])
    alone = np.concatenate([pairs.score_samples([series]) for series in RAGGED[:5]])
    assert np.array_equal(alone, together[:5])


def test_series_begin_at_a_mark():
    """The distribution of the first value does not depend on the series before it."""
    X = np.array([5.0, 0, 0, 0]) + 0.3 * np.random.RandomState(0).randn(60, 4)
    generator = make(list(X), residual=None, loss="gaussian", dropout=0.0, max_epochs=80)
    sample = generator.sample(200, random_state=0)
    assert sample.mean(axis=0) == pytest.approx([5, 0, 0, 0], abs=0.2)
    assert sample.std(axis=0)[1:] == pytest.approx([0.3] * 3, abs=0.1)


# --- forecasts -----------------------------------------------------------------------------------


def test_roll_out_is_a_hand_loop(pairs, quiet):
    """A forecast without noise is `predict` fed back, step by step."""
    X = [series[:4] for series in RAGGED[:3]]
    path = [series.copy() for series in X]
    for _ in range(6):
        path = [np.vstack([p, step]) for p, step in zip(path, pairs.predict(path), strict=True)]
    forecast = pairs.forecast(X, 6, n_samples=2)
    assert forecast["mean"] == pytest.approx(np.stack(path)[:, 4:], rel=1e-4, abs=1e-4)
    assert forecast["quantiles"][0] == pytest.approx(forecast["quantiles"][2])


def test_quantiles_are_ordered(sines):
    """Quantiles of higher levels are higher."""
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    forecast = sines.forecast(SINES, 1, n_samples=400, quantiles=levels, random_state=0)
    assert np.all(np.diff(forecast["quantiles"], axis=0) > 0)
    assert forecast["levels"].tolist() == levels


def test_forecast_learns_the_series():
    """The median continues the series, and the interval covers the true values."""
    generator = make(list(SINES[:, :24]), max_epochs=100, learning_rate=1e-2)
    forecast = generator.forecast(list(SINES[:, :24]), 6, random_state=0)
    low, middle, high = forecast["quantiles"]
    truth = SINES[:, 24:]
    assert np.abs(middle - truth).mean() < 0.5 * np.abs(truth - truth.mean()).mean()
    assert 0.5 < np.mean((low <= truth) & (truth <= high)) <= 1.0


def test_samples_have_the_predicted_moments(pairs):
    """Samples of the next step scatter around `predict`, in units of X."""
    X = PAIRS[:2]
    forecast = pairs.forecast(X, 1, n_samples=4000, quantiles=[0.5], random_state=0)
    spread = PAIRS.std(axis=(0, 1)) / 10
    assert np.all(np.abs(forecast["mean"][:, 0] - pairs.predict(X)) < spread)
    assert np.all(np.abs(forecast["quantiles"][0, :, 0] - pairs.predict(X)) < spread)


def test_same_seed_same_paths(sines):
    """A seed determines the paths, also after pickling."""
    paths = [sines.forecast(SINES, 4, random_state=seed)["mean"] for seed in (0, 0, 1)]
    assert np.array_equal(paths[0], paths[1])
    assert not np.array_equal(paths[0], paths[2])
    twin = pickle.loads(pickle.dumps(sines))
    assert np.array_equal(twin.forecast(SINES, 4, random_state=0)["mean"], paths[0])
    assert np.array_equal(twin.score_samples(SINES), sines.score_samples(SINES))


def test_samples_are_as_long_as_the_median_series():
    """Samples of one feature are rows of a table, those of several a 3-D array."""
    assert make(RAGGED).sample(3).shape == (3, int(np.median([len(s) for s in RAGGED])), 2)
    assert make(SINES).sample(2).shape == (2, 30)


# --- fitting -------------------------------------------------------------------------------------


def test_partial_fit_goes_on_after_a_pickle():
    """The scale is that of the first call; a pickle between calls does not change the bits."""
    plain, pickled = (SequenceGenerator(hidden_size=8, random_state=0) for _ in "ab")
    for part in (SINES, SINES[:7] + 3, SINES[5:]):
        plain.partial_fit(part)
        pickled = pickle.loads(pickle.dumps(pickled)).partial_fit(part)
    assert np.array_equal(plain.score_samples(SINES), pickled.score_samples(SINES))


def test_streams_of_a_long_series():
    """A long series is cut into streams, some are held out, and it is forecast from its end."""
    series = np.sin(np.arange(3000) / 3)[:, None] * [1, 100]
    generator = make([series], tbptt_steps=16, early_stopping=True, max_epochs=10)
    assert generator.best_loss_ == min(generator.validation_curve_)
    assert generator.score([series]) > generator.score([series + 3])
    assert generator.forecast([series], 2)["mean"].shape == (1, 2, 2)


def test_float32_and_float64_agree(pairs):
    """float32 and float64 give the same results."""
    X = [series.astype(np.float32) for series in RAGGED]
    twin = Sequences.from_arrays(X)
    assert np.array_equal(pairs.score_samples(twin), pairs.score_samples(X))
    assert make(X).loss_curve_ == make([x.astype(np.float64) for x in X]).loss_curve_


# --- counts and positive numbers -----------------------------------------------------------------


def sales(loss, n_series=24, n_steps=40):
    """Return series of counts or positive numbers of very different size, with a season of 7."""
    random = np.random.RandomState(0)
    season = 1 + 0.5 * np.sin(np.arange(n_steps) * 2 * np.pi / 7)
    means = 10.0 ** random.uniform(0, 3, (n_series, 1)) * season
    if loss == "poisson":
        return random.poisson(means).astype(float)
    if loss == "gamma":
        return random.gamma(4, means / 4) + 1e-6
    return random.negative_binomial(3, 3 / (3 + means)).astype(float)


POSITIVE = pytest.mark.parametrize("loss", ["poisson", "negative_binomial", "gamma"])


@POSITIVE
def test_forecasts_of_counts_cover(loss):
    """Paths are counts or positive numbers, and intervals cover series of all sizes."""
    X = sales(loss)
    options = {"max_epochs": 30, "learning_rate": 0.01, "batch_size": 4}
    generator = fit_generator(list(X[:, :33]), loss=loss, **options)
    forecast = generator.forecast(list(X[:, :33]), 7, n_samples=60, random_state=0)
    assert (forecast.paths >= 0).all()
    if loss == "gamma":
        assert (forecast.paths > 0).all()
    else:
        np.testing.assert_array_equal(forecast.paths, forecast.paths.round())
    low, _, high = forecast.quantiles
    covered = (low <= X[:, 33:]) & (X[:, 33:] <= high)
    is_large = X.mean(axis=1) > 30
    for rows in (is_large, ~is_large):
        assert 0.65 < covered[rows].mean() < 0.97
    assert generator.residual_ is None


@POSITIVE
def test_likelihoods_of_counts_are_scipys(loss):
    """The score is the log-density of a distribution around the mean, in the units of X."""
    X = sales(loss, 6, 12)
    generator = fit_generator(list(X), loss=loss, scale="global")
    found = np.concatenate(list(generator.score_steps(list(X))))
    codec, blueprint = generator._blueprint.codec, generator._blueprint
    assert found.shape == (72,)
    assert np.isfinite(found).all()
    assert generator.score(list(X)) == pytest.approx(found.mean())
    begun = np.concatenate(list(generator.score_steps(list(X[:, :7]))))
    np.testing.assert_allclose(begun.reshape(6, 7), found.reshape(6, 12)[:, :7], rtol=1e-5)
    assert codec.std == pytest.approx(X.mean(), rel=1e-6)
    assert blueprint.spec.n_outputs == (1 if loss == "poisson" else 2)


@POSITIVE
def test_likelihoods_of_counts_add_up_to_one(loss):
    """Probabilities of all next values add up to 1."""
    X = sales("poisson", 6, 12) / 50 + (loss == "gamma") * 1e-3
    X = X if loss == "gamma" else X.round()
    generator = fit_generator(list(X), loss=loss)
    values = np.arange(400.0) if loss != "gamma" else np.linspace(1e-4, 40, 4000)
    series = np.column_stack([np.tile(X[0, :5], (len(values), 1)), values])
    logs = np.array([steps[-1] for steps in generator.score_steps(list(series))])
    step = 1.0 if loss != "gamma" else values[1] - values[0]
    assert np.exp(logs).sum() * step == pytest.approx(1.0, abs=0.02)


@POSITIVE
def test_zeros_and_several_features_of_counts(loss):
    """A series without any count is forecast as such; features have their own size."""
    X = np.stack([sales(loss), 1000 * sales(loss)], axis=2)
    model = fit_generator(list(X), loss=loss, n_estimators=2, max_epochs=2)
    assert model.forecast(list(X[:2]), 3, random_state=0).mean.shape == (2, 3, 2)
    assert model.sample(2, random_state=0).shape == (2, 40, 2)
    if loss != "gamma":
        zeros = fit_generator([np.zeros(30)] * 3 + list(sales(loss)), loss=loss, max_epochs=20)
        assert zeros.forecast([np.zeros(30)], 3, random_state=0).mean.max() < 0.2


@pytest.mark.parametrize(
    ("loss", "value", "message"),
    [
        ("poisson", -1.0, r"counts, .*, but X\[1\] is -1 at step 2\. For other numbers, choose"),
        ("negative_binomial", 2.5, r"loss='negative_binomial' .* but X\[1\] is 2\.5 at step 2"),
        ("gamma", 0.0, r"positive numbers, but X\[1\] is 0 at step 2"),
    ],
)
def test_a_value_without_a_density_is_named(loss, value, message):
    """In fit, score and forecast alike."""
    X = [np.ones(5), np.ones(4)]
    bad = [X[0], np.array([1.0, 1.0, value, 1.0])]
    model = fit_generator(X, loss=loss, max_epochs=1)
    for call in (model.fit, model.score, lambda X: model.forecast(X, 2)):
        with pytest.raises(ValueError, match=message):
            call(bad)


@POSITIVE
def test_generators_of_counts_have_no_residual(loss):
    """Differences may be negative, and are no counts; symbols have no such distribution."""
    with pytest.raises(ValueError, match=r"residual='last' makes values differences.*residual='au"):
        SequenceGenerator(loss=loss, residual="last").fit([np.ones(5)])
    with pytest.raises(ValueError, match=f"loss='{loss}' is not available for symbols"):
        SequenceGenerator(loss=loss).fit(["text"])


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"horizon": 0}, "horizon must be a whole number of at least 1; got 0"),
        ({"horizon": 1.5}, "horizon must be"),
        ({"n_samples": 0}, "n_samples must be"),
        ({"quantiles": [0.1, 1.1]}, "levels between 0 and 1"),
        ({"quantiles": [-0.1]}, "levels between 0 and 1"),
        ({"quantiles": [np.nan]}, "levels between 0 and 1"),
        ({"quantiles": 0.5}, "must be a list of levels"),
        ({"quantiles": []}, "must be a list of levels"),
    ],
)
def test_forecast_refuses(sines, arguments, message):
    """Errors for arguments outside their range."""
    with pytest.raises(ValueError, match=message):
        sines.forecast(SINES, **{"horizon": 2} | arguments)


NO_LEVELS = {"str": "a", "bytes": [b"x"], "dict": {}, "complex": [1j], "huge": [10**400]}


@pytest.mark.parametrize("quantiles", NO_LEVELS.values(), ids=NO_LEVELS)
def test_quantiles_are_numbers(sines, quantiles):
    """The error of NumPy would not name the argument."""
    with pytest.raises(TypeError, match="quantiles must hold numbers only; got"):
        sines.forecast(SINES, 2, quantiles=quantiles)


@pytest.mark.parametrize("method", ["generate", "predict_proba"])
def test_numbers_have_no_symbols(sines, method):
    """Methods for symbols are absent after a fit on numbers."""
    assert not hasattr(sines, method)
    with pytest.raises(AttributeError) as caught:
        getattr(sines, method)
    assert "fitted on numbers" in str(caught.value)


def test_integers_have_no_forecast():
    """Integers are symbols: errors for forecasts of counts and known covariates explain it."""
    counts = np.arange(60).reshape(5, 12)
    with pytest.raises(AttributeError) as caught:
        make(counts, max_epochs=1).forecast(counts, 2)
    assert "Integers are symbols: fit on floats to forecast" in str(caught.value)
    with pytest.raises(
        ValueError, match=r"known_columns=1 names features of numbers.*asarray\(x, dtype=float\)"
    ):
        make(counts.reshape(5, 6, 2), known_columns=1)


def test_other_refusals(sines, pairs):
    """Errors for a loss of another kind, for n_samples, texts, and another number of features."""
    with pytest.raises(ValueError, match="loss='cross_entropy' is not available for numbers"):
        make(loss="cross_entropy")
    with pytest.raises(ValueError, match="n_samples must be"):
        sines.sample(0)
    with pytest.raises(ValueError, match="X holds symbols"):
        sines.score(["text"])
    with pytest.raises(ValueError, match="X has 1 features"):
        pairs.score([SINES[0]])
