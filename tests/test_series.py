"""Series measured against their past: causality, exactness, `residual`, `scale`, known features."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone

from sksequence import SequenceGenerator, Sequences
from sksequence._losses import LOSSES
from sksequence._series import (
    Reference,
    SeriesCodec,
    _linear_base,
    _roll_out,
    learn_reference,
)
from sksequence._series._logarithms import logarithms
from sksequence._series._past import Past
from sksequence._series._seasonal import smoothed_changes
from sksequence.cells import SimpleRNN
from sksequence.preprocessing import from_long
from tests.helpers import seasonal_series

RANDOM = np.random.RandomState(0)
NOISE = np.random.RandomState(1)
LAGS = [None, 1, 3, (2, 5), (2, 3, 7), (9, 12)]


def reference_of(X, lag, own_scale):
    """Learn the reference of some series, with a lag or several seasons."""
    *shorter, lag = lag if isinstance(lag, tuple) else (lag,)
    sequences = Sequences.from_arrays(X)
    reference = learn_reference(
        sequences, sequences.values, lag, tuple(shorter), own_scale=own_scale
    )
    return reference, sequences


def linear_in_logs(reference, sequences):
    """Return a reference with several seasons that reads logarithms and has some linear base."""
    read = logarithms(sequences.values)
    *shorter, lag = reference.seasons
    logs = Reference.learn(sequences, read, lag, tuple(shorter), own_scale=True)
    shape = len(reference.stages), reference.n_candidates
    weights = np.random.RandomState(2).uniform(-0.1, 0.2, shape)
    return replace(reference, logs=logs, weights=weights)


def first_row(steps):
    """Return what is known of the next step of the first row."""
    in_logs = np.broadcast_to(steps.in_logs, steps.base.shape)
    return [part[0] for part in steps._replace(in_logs=in_logs)]


@pytest.fixture(autouse=True)
def _same_draws_in_any_order():
    """Let each test draw the same numbers, whichever tests ran before it."""
    RANDOM.seed(0)
    NOISE.seed(1)


@pytest.fixture(scope="module")
def panel():
    """Return a fitted generator of seasonal series, and the series."""
    X = seasonal_series(30, 48, np.random.RandomState(0))
    return SequenceGenerator("gru", 16, max_epochs=10, random_state=0).fit(X), X


# --- laws ----------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(LAGS),
    st.booleans(),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
    st.booleans(),
    st.integers(0, 9),
)
def test_stepping_equals_following(lag, own_scale, lengths, is_positive, seed):
    """What is known of the next step is the same, read at once or value by value."""
    random = np.random.RandomState(seed)
    X = [np.exp(3 * random.randn()) * random.randn(length, 2) for length in lengths]
    if is_positive:  # up to the last steps
        X = [np.where(np.arange(len(x))[:, None] < 25, np.abs(x), x) for x in X]
    reference, sequences = reference_of(X, lag, own_scale)
    if reference.shorter and own_scale:
        reference = linear_in_logs(reference, sequences)
    for x, i in zip(X, range(len(X)), strict=True):
        whole = reference.follow(x[None])
        past = Past.of(reference, sequences[[i]], x)
        step_by_step = Past.of(reference, Sequences(x[:0], [0, 0]), x[:0])
        for t, values in enumerate(x):
            known = step_by_step.next()
            for part, of_whole in zip(first_row(known), whole, strict=True):
                assert np.array_equal(part, of_whole[0, t])
            step_by_step.append(values[None])
        for part, of_whole in zip(first_row(past.next()), whole, strict=True):
            assert np.array_equal(part, of_whole[0, -1])


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("n_features", [1, 2])
@pytest.mark.parametrize("is_compiled", [True, False])
def test_rows_together_have_the_bits_of_rows_alone(lag, n_features, is_compiled, monkeypatch):
    """Series of any age that continue together are those read alone, also after a selection."""
    if not is_compiled:
        monkeypatch.setattr("sksequence._kernels._dispatch.HAS_NUMBA", False)
    random = np.random.RandomState(2)
    X = [np.exp(random.randn(90 + n, n_features)) for n in (0, 0, 3, 13)]
    X[1][40] = X[2][70] = -1.0
    reference, sequences = reference_of(
        [x[:n] for x, n in zip(X, (5, 5, 8, 18), strict=True)], lag, True
    )
    past = Past.of(reference, sequences, sequences.values)
    part = past.take(np.array([3, 1]))
    past.put(np.array([3, 1]), part)
    for t in range(80):
        past.append(np.stack([x[len(x) - 85 + t] for x in X]))
    for i, x in enumerate(X):
        whole = reference.follow(x[None, : len(x) - 5])
        for name in ("base", "spread", "columns", "marks"):
            assert np.array_equal(getattr(past.next(), name)[i], getattr(whole, name)[0, -1])


@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("own_scale", [True, False])
def test_nothing_knows_later_values(lag, own_scale):
    """Later values do not change what is known of earlier steps."""
    x = np.exp(RANDOM.randn(1, 20, 1))
    reference, _ = reference_of([x[0]], lag, own_scale)
    other = x.copy()
    other[:, 12:] -= 5
    for name in ("base", "spread", "columns", "marks"):
        first, second = (getattr(reference.follow(values), name) for values in (x, other))
        assert np.array_equal(first[:, :13], second[:, :13])


def test_changes_are_means_of_a_few_seasons_and_forget_of_many():
    """The first seasons have equal weights; later ones are smoothed exponentially."""
    x = RANDOM.randn(2, 100, 1).cumsum(axis=1)
    changes = np.diff(x[:, :, 0], axis=1, prepend=x[:, :1, 0])
    quick, slow = smoothed_changes(x, 5)[..., 0]
    assert np.array_equal(quick[:, 1:6], changes[:, 1:6])
    assert quick[:, 12] == pytest.approx(changes[:, [2, 7, 12]].mean(axis=1))
    assert slow[:, 48] == pytest.approx(changes[:, 3:49:5].mean(axis=1))
    assert quick[:, 95] == pytest.approx(quick[:, 90] + 0.3 * (changes[:, 95] - quick[:, 90]))
    assert slow[:, 97] == pytest.approx(slow[:, 92] + 0.1 * (changes[:, 97] - slow[:, 92]))


def test_repeated_season_is_known_beforehand():
    """If seasons repeat exactly, the input of the network is 0 after the first."""
    x = np.tile(RANDOM.randn(6), 8)[None, :, None]
    reference, _ = reference_of([x[0]], 6, False)
    usual = reference.follow(x).columns[:, :, 3:]
    assert usual.shape == (1, 49, 2)
    assert np.abs(usual).max() < 1e-12


def test_repeated_day_and_week_are_known_beforehand():
    """If weeks repeat exactly, so do the values that smoothed changes from any mean lead to."""
    x = np.tile(RANDOM.randn(12) + np.tile(RANDOM.randn(4), 3), 5)[None, :, None]
    reference, _ = reference_of([x[0]], (4, 12), False)
    assert (reference.seasons, reference.spans) == ((4, 12), (1, 4, 12))
    columns = reference.follow(x).columns
    assert columns.shape == (1, 61, reference.n_columns)
    day_ago, smoothed = columns[:, 24:, 3], columns[:, 24:, 4:]
    assert day_ago[0] == pytest.approx((np.roll(x, 4) - x)[0, np.arange(24, 61) % 60, 0])
    assert np.abs(smoothed).max() < 1e-12


def test_the_level_of_the_last_day_is_not_lost():
    """After a jump, changes from the mean of a day lead to the new level, and the last week not."""
    x = np.tile(RANDOM.randn(12), 6)[None, :, None]
    x[:, 60:] += 5
    reference, _ = reference_of([x[0]], (4, 12), False)
    steps = reference.follow(x)
    from_day = steps.base[0, :, 0] + steps.columns[0, :, 6]
    assert from_day[64:72] == pytest.approx(x[0, 64:72, 0])
    assert steps.base[0, 64:72, 0] == pytest.approx(x[0, 64:72, 0] - 5)


def growing_weeks(n_series=6, n_weeks=12):
    """Return positive series with days of 4 steps and weeks of 12, which grow by factors."""
    week = np.exp(RANDOM.randn(n_series, 12))
    levels = np.exp(0.1 * RANDOM.randn(n_series, 12 * n_weeks).cumsum(axis=1))
    return (np.tile(week, n_weeks) * levels)[:, :, None]


def test_the_factor_of_the_last_day_is_not_lost():
    """After growth by a factor, changes of the logarithms lead to the new level."""
    x = np.tile(np.exp(RANDOM.randn(12)), 6)[None, :, None]
    x[:, 60:] *= 3
    reference, _ = reference_of([*growing_weeks(), x[0]], (4, 12), True)
    steps = replace(reference, weights=None).follow(x)
    assert steps.in_logs[:, 4:].all()
    from_day = steps.base[0, :, 0] + steps.spread[0, :, 0] * steps.columns[0, :, 6]
    assert from_day[64:72] == pytest.approx(np.log(x[0, 64:72, 0]))


def test_series_that_were_negative_once_are_not_read_as_logarithms():
    """From the first value that is not positive on, differences are the inputs."""
    x = np.exp(RANDOM.randn(1, 48, 1))
    x[:, 30] = 0
    reference, sequences = reference_of([x[0]], (4, 12), True)
    steps = linear_in_logs(reference, sequences).follow(x)
    plain = replace(linear_in_logs(reference, sequences), logs=None).follow(x)
    assert np.array_equal(steps.in_logs[0, :, 0], [4 <= t < 31 for t in range(49)])
    for part, other in zip(steps, plain, strict=True):
        assert np.array_equal(part[:, 31:], other[:, 31:])


@pytest.mark.parametrize("sign", [1, -1])
def test_positive_series_are_read_as_logarithms_if_these_are_likelier(sign):
    """Factors are; noise of one size around a low level is not."""
    growing = growing_weeks()
    level = 0.05 + np.tile(RANDOM.rand(6, 12, 1), (1, 12, 1))
    steady = level + 0.04 * RANDOM.rand(6, 144, 1)
    X = growing if sign > 0 else steady
    assert (reference_of(list(X), (4, 12), True)[0].logs is not None) == (sign > 0)


def test_a_linear_base_is_closer_than_the_naive_forecast():
    """On series that it has not seen, errors to the base are smaller, also before two weeks."""
    X = growing_weeks(n_series=60)
    reference, _ = reference_of(list(X[:30]), (4, 12), True)
    assert reference.weights.shape == (len(reference.stages), reference.n_candidates)
    linear, naive = (
        np.abs(np.log(X[30:]) - r.follow(X[30:]).base[:, :-1])
        for r in (reference, replace(reference, weights=None))
    )
    for steps, factor in ((slice(5, 12), 0.95), (slice(12, 24), 0.7), (slice(24, None), 0.7)):
        assert linear[:, steps].mean() < factor * naive[:, steps].mean()


def test_a_linear_base_needs_steps():
    """Few steps after two weeks are too few to weigh the candidates."""
    X = growing_weeks(n_series=4, n_weeks=3)
    assert reference_of(list(X), (4, 12), True)[0].weights is None
    assert reference_of(list(X), 12, True)[0].weights is None


def test_a_linear_base_does_not_depend_on_the_order_of_the_series():
    """Sums are rounded in another order, and weights are the same."""
    X = list(growing_weeks())
    one, other = (reference_of(series, (4, 12), True)[0].weights for series in (X, X[::-1]))
    assert np.array_equal(one, other)


def test_a_linear_base_that_grows_without_bounds_is_not_used(monkeypatch):
    """Weights that add the last change several times over are worse in a long forecast."""
    X = list(growing_weeks())
    reference, _ = reference_of(X, (4, 12), True)
    weights = np.zeros_like(reference.weights)
    weights[:, 1] = 3.0
    monkeypatch.setattr(_linear_base, "_weights", lambda *_: weights)
    assert reference_of(X, (4, 12), True)[0].weights is None


@pytest.mark.parametrize("name", ["student_t", "gaussian", "quantile_function"])
def test_locations_may_count_more_in_training(name):
    """With a factor, the loss is that of outputs whose locations are multiplied by it."""
    loss, targets = LOSSES[name], torch.tensor([[0.9, -0.3]])
    outputs = torch.linspace(-1, 1, 2 * loss.outputs_per_value)[None]
    larger = torch.cat([2 * outputs[:, :2], outputs[:, 2:]], dim=1)
    given = loss.function(outputs, targets, location_factor=2.0)
    assert torch.equal(given, loss.function(larger, targets))
    assert not torch.equal(given, loss.function(outputs, targets))


@pytest.mark.parametrize(("residual", "factor"), [([4, 12], 2.0), (12, 1.0)])
def test_half_of_the_corrections_is_kept_beside_a_linear_base(residual, factor):
    """The location that is trained is twice that of predictions, if there are several seasons."""
    X = list(growing_weeks())
    generator = SequenceGenerator("gru", 4, max_epochs=1, residual=residual, random_state=0).fit(X)
    criterion = generator.net_.criterion_
    assert criterion.function.keywords.get("location_factor", 1.0) == factor


def test_density_of_logarithms_is_in_the_units_of_X():
    """The density of the next value of a positive series integrates to one."""
    X = growing_weeks()
    generator = SequenceGenerator("gru", 8, residual=[4, 12], max_epochs=2, random_state=0)
    generator.fit(list(X))
    past = X[0, :100, 0]
    middle = generator.predict([past])[0]
    grid = middle * np.exp(np.linspace(-5, 5, 2001))
    series = [np.append(past, value) for value in grid]
    density = np.exp([steps[-1] for steps in generator.score_steps(series)])
    assert np.trapezoid(density, grid) == pytest.approx(1.0, abs=0.01)
    paths = generator.forecast([past], 12, random_state=0).paths
    assert paths.min() > 0
    assert np.isfinite(generator.score([np.append(past, [-1.0, 2.0])]))


@pytest.mark.parametrize("residual", ["last", 6, [2, 6]])
def test_size_of_a_series_does_not_matter(residual):
    """With a scale per series, a much larger series is as likely after its first step."""
    X = np.abs(seasonal_series(12, 36, RANDOM))
    parameters = {"scale": "sequence", "residual": residual, "max_epochs": 3, "random_state": 0}
    generator = SequenceGenerator("gru", 8, **parameters).fit(X)
    one, large = (np.stack(list(generator.score_steps(k * X))) for k in (1, 1000))
    assert large[:, 1:] + np.log(1000) == pytest.approx(one[:, 1:], abs=1e-3)
    forecasts = [generator.forecast(k * X, 3, quantiles=[0.5]).quantiles for k in (1, 1000)]
    assert forecasts[1].shape == forecasts[0].shape


def test_forecast_does_not_depend_on_other_series(panel):
    """A seed gives the same paths alone, in a batch, in any order, and with more samples."""
    generator, X = panel
    together = generator.forecast(X, 4, n_samples=5, random_state=3).paths
    alone = generator.forecast(X[7:8], 4, n_samples=5, random_state=3).paths
    back = generator.forecast(X[::-1], 4, n_samples=5, random_state=3).paths
    more = generator.forecast(X, 4, n_samples=9, random_state=3).paths
    assert alone[0] == pytest.approx(together[7], rel=1e-6)
    assert back[::-1] == pytest.approx(together, rel=1e-6)
    assert more[:, :5] == pytest.approx(together, rel=1e-6)


@pytest.mark.parametrize("name", ["gaussian", "student_t", "quantile_function"])
def test_samples_follow_the_density(name):
    """Uniform numbers become samples of the distribution whose density is the loss."""
    loss = LOSSES[name]
    uniforms = torch.from_numpy(1.0 - np.random.RandomState(0).rand(20_000, 1, 2)).float()
    outputs = torch.linspace(0.7, -1.0, loss.outputs_per_value).expand(20_000, -1)
    drawn = loss.draw(outputs, uniforms).numpy()[:, 0]
    grid = torch.linspace(-60, 60, 200_001)
    rows = outputs[:1].expand(len(grid), -1)
    density = torch.exp(-loss.negative_log_likelihood(rows, grid[:, None])).numpy()
    cumulated = np.cumsum(density) * float(grid[1] - grid[0])
    assert cumulated[-1] == pytest.approx(1.0, abs=1e-2)
    assert stats.kstest(drawn, lambda x: np.interp(x, grid.numpy(), cumulated)).pvalue > 0.01


def test_roll_out_feeds_back_its_samples():
    """Each sample is the next input, and the state is carried."""
    uniforms = np.arange(8.0).reshape(1, 4, 2)
    steps = []

    class Network:
        def advance(self, *, lengths, values, state):
            return values[:, 0] + state[0], (state[0] + 1,)

    class Series:
        path = []
        log_scales = ()

        def feed(self, values):
            self.path.append(float(values.item()))
            return values

    def draw(outputs, numbers):
        steps.append(numbers.flatten().tolist())
        return outputs * 2

    part = Network(), torch.zeros(1, 1), (torch.ones(1, 1),)
    path = _roll_out._roll_out(part, np.zeros(1, np.int64), Series(), uniforms, draw)
    # drawn 0; 2 (0 + 1); 2 (2 + 2); 2 (8 + 3)
    assert path == [0, 2, 8, 22]
    assert steps == uniforms[0].tolist()


# --- constant series -----------------------------------------------------------------------------

CONSTANT = SequenceGenerator("gru", 8, max_epochs=2, random_state=0)


@pytest.fixture(scope="module")
def walks():
    """Return a fitted generator of series that vary."""
    random = np.random.RandomState(1)
    return clone(CONSTANT).fit([random.randn(40).cumsum() for _ in range(10)])


@pytest.mark.parametrize("level", [0.0, 1e-290, 1e-6, 0.1, 3.7, -5.0, 1e6, 1e12, 1e38])
@pytest.mark.parametrize("loss", ["student_t", "quantile"])
def test_constant_series_are_forecast_as_themselves(level, loss):
    """Their level is exact whatever its size, and new series are of the same size."""
    generator = clone(CONSTANT).set_params(loss=loss).fit([np.full(50, level)] * 4)
    for other in (level, 7.0):
        X = [np.full(20, other)]
        assert np.array_equal(
            generator.forecast(X, 3, random_state=0).paths, np.full((1, 200, 3), other)
        )
        assert generator.predict(X) == other
    assert np.abs(generator.sample(20, random_state=0) - level).max() <= 1e-3 * (
        max(abs(level), 1e-290) if level else 1.0
    )
    assert np.isfinite(generator.score([np.full(20, level)]))


@pytest.mark.parametrize("scale", ["global", "sequence"])
@pytest.mark.parametrize("residual", ["last", 4, None])
def test_a_series_at_rest_among_others_stays_there(scale, residual):
    """One idle series, in the fit and in the forecast, has no noise; the others do."""
    X = [NOISE.randn(40).cumsum() for _ in range(10)]
    generator = clone(CONSTANT).set_params(scale=scale, residual=residual)
    generator.fit([*X, np.full(40, 2.5)])
    low, middle, high = generator.forecast([X[0], np.full(30, 2.5)], 4, random_state=0).quantiles
    assert np.array_equal(middle[1], np.full(4, 2.5))
    assert np.array_equal(low[1], high[1])
    assert (high[0] > low[0]).all()


def test_each_feature_rests_on_its_own():
    """A constant feature of a pair is exact, and the other one is as uncertain as before."""
    pairs = [np.column_stack([NOISE.randn(40).cumsum(), np.full(40, 1e-6)]) for _ in range(8)]
    forecast = clone(CONSTANT).fit(pairs).forecast(pairs[:2], 3, random_state=0)
    assert np.array_equal(forecast.paths[..., 1], np.full((2, 200, 3), 1e-6))
    assert (forecast.paths[..., 0].std(axis=1) > 0.01).all()


def test_sparse_series_are_not_at_rest():
    """Where long runs of equal values end in the fit, a run of such length says nothing."""
    counts = [np.where(np.arange(60) % 25 == i, 5.0, 0.0) for i in range(10)]
    generator = clone(CONSTANT).fit(counts)
    assert generator.forecast([np.zeros(40)], 3, random_state=0).paths.std() > 0
    assert generator.forecast([np.zeros(90)], 3, random_state=0).paths.std() == 0


def test_runs_of_equal_values_are_found():
    """The longest run of each feature is that of the series that change."""
    x = np.array([[1, 1, 1, 2, 2], [0, 1, 2, 3, 3], [4, 4, 4, 4, 4.0]]).T
    reference, _ = reference_of([x, x[:, [1, 0, 2]][:4]], None, False)
    assert reference.longest_rest.tolist() == [3, 3, 0]
    assert reference.at_rest(np.ones((1, 6, 3))).tolist() == [[False, False, True]]
    assert reference.at_rest(np.ones((1, 7, 3))).all()
    assert not reference.at_rest(np.ones((1, 1, 3))).any()


def test_later_data_may_vary():
    """After a first call with constant series, partial_fit learns the others as before."""
    generator = clone(CONSTANT).partial_fit([np.full(30, 3.7)] * 4)
    assert generator.forecast([np.full(9, 3.7)], 3, random_state=0).paths.std() == 0
    for _ in range(3):
        generator.partial_fit([NOISE.randn(30).cumsum().repeat(5) for _ in range(4)])
    assert generator.forecast([NOISE.randn(30).cumsum()], 3, random_state=0).paths.std() > 0.1
    assert generator.forecast([np.full(9, 3.7)], 3, random_state=0).paths.std() > 0.1
    assert generator.forecast([np.full(90, 3.7)], 3, random_state=0).paths.std() == 0


# --- values far outside --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e30, 3e38, 1e-310])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"scale": "sequence"}, {"residual": 5}, {"cell": SimpleRNN(activation="relu")}],
    ids=str,
)
def test_values_far_outside_have_finite_results(size, parameters):
    """Nothing overflows: neither in forecasts nor in likelihoods, nor if such values are fitted."""
    usual, X = NOISE.randn(6, 30), size * NOISE.uniform(-1, 1, (2, 30))
    jump = np.concatenate([usual[0], X[0]])[None]
    for data in (usual, np.tile(X, (3, 1))):
        generator = clone(CONSTANT).set_params(**parameters).fit(list(data))
        for series in (X, jump):
            series = list(series)
            results = generator.score_samples(series), generator.predict(series)
            paths = generator.forecast(series, 5, n_samples=20, random_state=0).paths
            assert all(np.isfinite(x).all() for x in (*results, paths, generator.transform(series)))


def test_improbable_values_are_ordered(walks):
    """The log-likelihood of a value falls with its distance, and is finite."""
    likelihoods = [walks.score([[0.0, size]]) for size in (1.0, 1e3, 1e6, 1e9)]
    assert np.all(np.diff(likelihoods) < 0)
    assert np.isfinite(walks.score([[0.0, 3e38]]))


def test_long_horizons_are_finite_or_refused(walks, monkeypatch):
    """Paths that grow beyond all bounds are an error that says what to do."""
    assert np.isfinite(
        walks.forecast([NOISE.randn(9)], 3000, n_samples=2, random_state=0).mean
    ).all()
    monkeypatch.setattr(SeriesCodec, "values", lambda codec, encoded, steps: encoded * np.inf)
    with pytest.raises(ValueError, match=r"of sequence 0 grew beyond the range .* Predict fewer"):
        walks.forecast([NOISE.randn(9)], 3, random_state=0)


# --- what is chosen ------------------------------------------------------------------------------


def test_choices_are_reported(panel):
    """The values that "auto" became are fitted attributes."""
    generator, _ = panel
    assert (generator.residual_, generator.scale_, generator.dropout_) == (6, "sequence", 0.5)
    other = SequenceGenerator(hidden_size=4, max_epochs=1, residual="last", scale=False)
    other.fit(RANDOM.randn(4, 5))
    assert (other.residual_, other.scale_) == ("last", False)
    symbols = SequenceGenerator(hidden_size=4, max_epochs=1).fit(["abc"])
    assert symbols.dropout_ == 0.0
    assert SequenceGenerator(max_epochs=1).fit(["abc"]).hidden_size_ == 128
    assert not hasattr(symbols, "scale_")


def test_intervals_cover():
    """Intervals of 80 and 95 % of an autoregressive process cover about that many values."""
    noise = RANDOM.randn(80, 60)
    X = np.zeros((80, 60))
    for t in range(1, 60):
        X[:, t] = 0.8 * X[:, t - 1] + noise[:, t]
    generator = SequenceGenerator("gru", 16, max_epochs=30, random_state=0).fit(X[:, :48])
    levels = [0.025, 0.1, 0.9, 0.975]
    q = generator.forecast(X[:, :48], 12, quantiles=levels, n_samples=200, random_state=0).quantiles
    truth = X[:, 48:]
    for low, high, nominal in [(0, 3, 0.95), (1, 2, 0.8)]:
        assert np.mean((q[low] <= truth) & (truth <= q[high])) == pytest.approx(nominal, abs=0.05)


def test_panel_is_forecast_better_than_naively():
    """One model is better than the seasonal naive forecast on most series of a noisy panel."""
    X = seasonal_series(40, 66, RANDOM)
    train, truth = X[:, :60], X[:, 60:]
    generator = SequenceGenerator("gru", 32, random_state=0).fit(train)
    middle = generator.forecast(train, 6, quantiles=[0.5], random_state=0).quantiles[0]
    errors, naive = (np.abs(f - truth).mean(axis=1) for f in (middle, train[:, -6:]))
    assert np.mean(errors < naive) > 0.6


def weeks(n_series, n_weeks):
    """Return noisy series with a day of 4 steps in a week of 20, of which the last day is idle."""
    days = 3 * RANDOM.rand(n_series, 4)
    week = np.concatenate([np.tile(days, 4), 0.2 * days], axis=1)
    return 10 + np.tile(week, n_weeks) + 0.3 * RANDOM.randn(n_series, 20 * n_weeks)


def test_a_day_and_a_week_beat_both_seasonal_naive_forecasts():
    """Both are found, and the error is below that of the last day and of the last week."""
    X = weeks(30, 9)
    train, truth = X[:, :160], X[:, 160:]
    generator = SequenceGenerator("gru", 32, random_state=0).fit(train)
    assert (generator.residual_, generator.seasons_) == ([4, 20], (4, 20))
    middle = generator.forecast(train, 20, random_state=0).quantiles[1]
    naive = np.stack([np.tile(train[:, -4:], 5), train[:, -20:]])
    errors = np.abs(middle - truth).mean(axis=1)
    assert np.mean(errors < np.abs(naive - truth).mean(axis=2).min(axis=0)) > 0.75


def test_a_forecast_reads_the_values_one_week_before():
    """A week that begins high makes a forecast of the same hours of the next one higher."""
    X = weeks(30, 8)
    generator = SequenceGenerator("gru", 16, max_epochs=5, residual=[20, 4], random_state=0).fit(X)
    assert generator.seasons_ == (4, 20)
    high = X.copy()
    high[:, 140:142] += 5
    plain, higher = (generator.forecast(x, 8, n_samples=50, random_state=0).mean for x in (X, high))
    difference = (higher - plain).mean(axis=0)
    assert difference[:2].mean() > 2 * np.abs(difference[4:6]).mean()


@pytest.mark.parametrize("same", [(6,), [6, 1]])
def test_a_list_of_one_season_is_that_season(same):
    """One season, or one together with single steps, is the same as its number of steps."""
    X = seasonal_series(8, 30, RANDOM)
    one, other = (
        SequenceGenerator("gru", 4, max_epochs=1, residual=residual, random_state=0).fit(X)
        for residual in (6, same)
    )
    assert one.residual_ == other.residual_ == 6
    assert one.loss_curve_ == other.loss_curve_


@pytest.mark.parametrize("residual", [[], [0, 4], [4, 4], [2.5, 4], ["last", 4]])
def test_seasons_refused(residual):
    """Seasons are different positive numbers of steps."""
    with pytest.raises(ValueError, match="must hold the lengths of different seasons in steps"):
        SequenceGenerator(residual=residual).fit(weeks(2, 3))


def test_seasons_longer_than_the_series_are_refused():
    """The longest series is at least as long as the longest season."""
    with pytest.raises(ValueError, match="has a season of 61 steps, but the longest series has 60"):
        SequenceGenerator(residual=[4, 61]).fit(weeks(2, 3))


# --- features known beforehand -------------------------------------------------------------------


def with_calendar(n_series=40, n_steps=40):
    """Return series whose jumps are announced by a second feature."""
    calendar = (RANDOM.rand(n_series, n_steps) < 0.3).astype(float)
    values = 3 * calendar + 0.1 * RANDOM.randn(n_series, n_steps)
    return np.stack([values, calendar], axis=2)


def test_known_features_are_used():
    """A forecast follows the known features of future steps."""
    X = with_calendar()
    generator = SequenceGenerator(
        "gru", 16, dropout=0.2, known_columns=1, max_epochs=40, random_state=0
    ).fit(X)
    future = np.tile([0.0, 1, 1, 0], (len(X), 1))
    forecast = generator.forecast(X, 4, future=future, quantiles=[0.5], random_state=0)
    assert forecast.mean.shape == (40, 4)
    assert np.abs(forecast.mean - 3 * future).mean() < 0.3
    assert np.array_equal(
        generator.forecast(X, 4, future=future[:, :, None], n_samples=3, random_state=0).paths,
        generator.forecast(X, 4, future=future, n_samples=3, random_state=0).paths,
    )
    assert np.isfinite(generator.score_samples(X)).all()


def test_known_feature_of_the_step_itself_is_read():
    """The density of a step is given the known features of that step."""
    X = with_calendar()
    generator = SequenceGenerator("gru", 16, known_columns=[-1], max_epochs=40, random_state=0)
    generator.fit(X)
    other = X.copy()
    other[:, -1, 1] = 1 - other[:, -1, 1]
    before, after = (np.stack(list(generator.score_steps(x))) for x in (X, other))
    assert np.array_equal(before[:, :-1], after[:, :-1])
    assert before[:, -1].mean() > after[:, -1].mean() + 1


@pytest.mark.parametrize(
    ("known_columns", "message"),
    [
        (2, "known_columns=2 names a feature that X does not have. X has 2 features"),
        ([], "must be the index of a feature of X, or a list of indices"),
        ([0.5], "must be the index of a feature"),
        (["a"], "names 'a', but X has no names of features: pass indices from 0 to 1"),
        ([0, 1], "names all 2 features of X: nothing is left to learn"),
    ],
)
def test_known_columns_refused(known_columns, message):
    """Errors for columns that X does not have, and for all columns."""
    with pytest.raises(ValueError, match=message):
        SequenceGenerator(known_columns=known_columns).fit(with_calendar(4, 5))


TABLES = np.random.RandomState(2).randn(6, 8, 3)
CALENDAR = [pd.DataFrame(table, columns=["sales", "holiday", "price"]) for table in TABLES[:3]]
COMING = [pd.DataFrame(table[:2], columns=["price", "week", "holiday"]) for table in TABLES[3:]]


@pytest.fixture(scope="module")
def named():
    """Return a generator that was fitted with the names of known columns."""
    generator = SequenceGenerator("gru", 4, known_columns=["holiday", "price"], max_epochs=1)
    return generator.set_params(random_state=0).fit(CALENDAR)


@pytest.mark.parametrize(
    "future",
    [
        COMING,
        [pl.from_pandas(table) for table in COMING],
        from_long(pd.concat(COMING, keys=range(3)))[0],
        from_long(pd.concat(COMING, keys=range(3)).assign(place="north"))[0],
        np.stack([table[["holiday", "price"]].to_numpy() for table in COMING]),
    ],
    ids=["pandas", "polars", "Sequences", "Sequences of a table", "array"],
)
def test_known_columns_are_matched_by_name(named, future):
    """Columns of the future are selected by name, in whatever order they come."""
    by_index = SequenceGenerator("gru", 4, known_columns=[1, 2], max_epochs=1, random_state=0)
    by_index.fit([table.to_numpy() for table in CALENDAR])
    values = [table[["holiday", "price"]].to_numpy() for table in COMING]
    expected = by_index.forecast(
        [table.to_numpy() for table in CALENDAR], 2, future=values, random_state=0
    )
    reordered = [table[["price", "sales", "holiday"]] for table in CALENDAR]
    found = named.forecast(reordered, 2, future=future, random_state=0)
    np.testing.assert_array_equal(found.paths, expected.paths)


def test_missing_known_columns_are_an_error(named):
    """Known columns are named in `fit` and in `future` alike."""
    with pytest.raises(ValueError, match=r"future has the columns \['price'\]; \['holiday'\] of"):
        named.forecast(CALENDAR, 2, future=[table[["price"]] for table in COMING])
    with pytest.raises(ValueError, match=r"names 'prise', .* choose from \['sales', 'holiday'"):
        SequenceGenerator(known_columns="prise").fit(CALENDAR)


def test_future_refused(panel):
    """Errors for a future that is missing, not allowed, not finite, or of another shape."""
    X = with_calendar(6, 8)
    generator = SequenceGenerator("gru", 4, known_columns=1, max_epochs=1).fit(X)
    with pytest.raises(ValueError, match=r"Pass future of shape \(6, 3, 1\)"):
        generator.forecast(X, 3)
    with pytest.raises(ValueError, match=r"here \(6, 3, 1\); got \(6, 2, 1\)"):
        generator.forecast(X, 3, future=np.zeros((6, 2)))
    with pytest.raises(ValueError, match="future holds NaN"):
        generator.forecast(X, 1, future=np.full((6, 1), np.nan))
    for wrong in ("a", {}, [["b"]], 1j):
        with pytest.raises(TypeError, match="future must hold numbers only; got"):
            generator.forecast(X, 1, future=wrong)
    with pytest.raises(ValueError, match="future was given, but known_columns is None"):
        panel[0].forecast(panel[1], 1, future=np.zeros((30, 1)))
    for method in (generator.predict, generator.transform):
        with pytest.raises(ValueError, match="whose values at the next step are missing here"):
            method(X)
    with pytest.raises(ValueError, match="sample draws series without the features known_columns="):
        generator.sample()
