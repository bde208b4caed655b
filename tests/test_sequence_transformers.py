"""FillGaps, SequenceScaler and Differencer: each sequence by itself, in every container."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksequence import RNNClassifier, SequenceGenerator, Sequences
from sksequence.preprocessing import Differencer, FillGaps, SequenceScaler, StepTransformer

RANDOM = np.random.RandomState(0)
RAGGED = [RANDOM.randn(n, 2) * [1, 50] + [3, 700] for n in (6, 9, 4, 12)]
for x in RAGGED:
    x[RANDOM.rand(*x.shape) < 0.3] = np.nan
    x[0] = 1.0
TRANSFORMERS = [
    FillGaps(),
    FillGaps("forward"),
    FillGaps("forward", add_indicator=True),
    SequenceScaler(),
    SequenceScaler(with_std=False),
    Differencer(),
    Differencer(lag=3, keep_first=True),
]
PRICES = [np.exp(0.1 * RANDOM.randn(n, 2).cumsum(axis=0)) * [1, 50] for n in (6, 9, 4, 12)]
DIFFERENCERS = [
    Differencer(method, lag=lag) for method in ("difference", "relative", "log") for lag in (1, 3)
]


@parametrize_with_checks(
    [
        FillGaps(),
        FillGaps("forward", add_indicator=True),
        SequenceScaler(),
        Differencer(),
        Differencer(lag=2, keep_first=True),
    ]
)
def test_scikit_learn_checks(estimator, check):
    """They are transformers of tables too."""
    check(estimator)


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_sequences_are_transformed_by_themselves(transformer):
    """A result does not depend on the other sequences."""
    fitted = clone(transformer).fit(RAGGED)
    together = fitted.transform(RAGGED)
    for x, expected in zip(RAGGED, together, strict=True):
        np.testing.assert_array_equal(fitted.transform([x])[0], expected)


def test_gaps_are_filled_as_in_pandas():
    """Linear interpolation and forward fill are those of pandas; the start is filled backward."""
    for x in RAGGED:
        table = pd.DataFrame(x)
        linear, forward = table.interpolate().bfill(), table.ffill().bfill()
        np.testing.assert_allclose(FillGaps().fit_transform([x])[0], linear)
        np.testing.assert_array_equal(FillGaps("forward").fit_transform([x])[0], forward)


def test_forward_fill_reads_nothing_ahead():
    """After the first known value, no later step is read."""
    filler = FillGaps("forward").fit(RAGGED)
    x = RAGGED[3]
    whole = filler.transform([x])[0]
    for t in range(1, len(x) + 1):
        np.testing.assert_array_equal(filler.transform([x[:t]])[0], whole[:t])


def test_unknown_features_have_the_mean_of_the_fit():
    """A feature without a known value in a sequence has the mean of fit, or 0."""
    filler = FillGaps().fit([np.array([[1.0, np.nan], [3.0, np.nan]])])
    assert filler.fill_value_.tolist() == [2.0, 0.0]
    np.testing.assert_array_equal(filler.transform([np.full((2, 2), np.nan)])[0], [[2, 0]] * 2)


def test_indicators_mark_what_was_missing():
    """They follow the features, with the names of scikit-learn."""
    filler = FillGaps(add_indicator=True)
    frames = [pd.DataFrame(x, columns=["a", "b"]) for x in RAGGED]
    filled = filler.set_output(transform="pandas").fit_transform(frames)
    names = ["a", "b", "missingindicator_a", "missingindicator_b"]
    assert filler.get_feature_names_out().tolist() == names
    for x, table in zip(RAGGED, filled, strict=True):
        assert table.columns.tolist() == names
        np.testing.assert_array_equal(table[names[2:]], np.isnan(x))


def test_scaled_sequences_have_no_level_and_size():
    """Known values have the mean 0 and the standard deviation 1; a constant is centred only."""
    for x in SequenceScaler().fit_transform(RAGGED):
        np.testing.assert_allclose(np.nanmean(x, axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(np.nanstd(x, axis=0), 1)
    scaler = SequenceScaler().fit(RAGGED)
    moved = [3 * x + 7 for x in RAGGED]
    for one, other in zip(scaler.transform(RAGGED), scaler.transform(moved), strict=True):
        np.testing.assert_allclose(one, other)
    constant = SequenceScaler().fit_transform([np.full(3, 0.1)])[0]
    np.testing.assert_allclose(constant, 0, atol=1e-15)
    sizes = SequenceScaler(with_mean=False).fit_transform([np.array([1.0, 3.0])])[0]
    np.testing.assert_array_equal(sizes, [1.0, 3.0])


# --- changes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("differencer", DIFFERENCERS, ids=repr)
def test_changes_are_those_of_pandas(differencer):
    """Differences, returns and log-returns are those of pandas; the first steps are 0."""
    lag = differencer.lag
    for x, changes in zip(PRICES, clone(differencer).fit_transform(PRICES), strict=True):
        table = pd.DataFrame(x)
        expected = {
            "difference": table.diff(lag),
            "relative": table.pct_change(lag),
            "log": np.log(table).diff(lag),
        }[differencer.method]
        np.testing.assert_allclose(changes, expected.fillna(0.0), atol=1e-12)


@pytest.mark.parametrize("differencer", DIFFERENCERS, ids=repr)
def test_values_are_restored_from_changes(differencer):
    """Changes are inverted from any step on, and as a whole if the first values are kept."""
    changes = clone(differencer).fit(PRICES).transform(PRICES)
    for k in (3, 4, 5):
        past, later = [x[:k] for x in PRICES], [x[k:] for x in changes]
        restored = clone(differencer).fit(PRICES).inverse_transform(later, after=past)
        for x, values in zip(PRICES, restored, strict=True):
            np.testing.assert_allclose(values, x[k:], rtol=1e-12)
    keeping = clone(differencer).set_params(keep_first=True).fit(PRICES)
    for x, values in zip(PRICES, keeping.inverse_transform(keeping.transform(PRICES)), strict=True):
        np.testing.assert_allclose(values, x, rtol=1e-12)


@pytest.mark.parametrize("container", [list, np.array, Sequences.from_arrays, "frames", "flat"])
def test_restored_values_are_in_their_container(container):
    """Values come back in arrays, lists and Sequences, of names in any order."""
    equal = [x[:4] for x in PRICES]
    expected = np.array(equal)
    if container == "frames":
        X = [pd.DataFrame(x, columns=["a", "b"]) for x in equal]
    elif container == "flat":
        X, expected = [x[:, 0] for x in equal], expected[:, :, 0]
    else:
        X = container(equal)
    differencer = Differencer("log", keep_first=True).fit(X)
    restored = differencer.inverse_transform(differencer.transform(X))
    np.testing.assert_allclose([np.asarray(x) for x in restored], expected)
    assert isinstance(restored, Sequences) == isinstance(X, Sequences)
    after = [x[["b", "a"]] for x in X] if container == "frames" else X
    continued = differencer.inverse_transform(differencer.transform(X), after=after)
    np.testing.assert_allclose(np.asarray(continued[1])[0], expected[1][0] * expected[1][-1])


@pytest.mark.parametrize(
    "transformer",
    [
        Differencer(keep_first=True),
        Differencer("log", keep_first=True),
        PowerTransformer("box-cox"),
        PowerTransformer(),
        FunctionTransformer(np.log, np.exp),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("error")
def test_targets_are_restored_exactly(transformer):
    """TransformedTargetRegressor, which checks the inverse, predicts in the units of y."""
    y = np.exp(0.3 * np.random.RandomState(0).randn(40, 4))
    X = np.hstack([np.log(y), y[:, :1] ** 2])
    perfect = TransformedTargetRegressor(LinearRegression(), transformer=transformer).fit(X, y)
    assert perfect.score(X, y) > 0.9
    again = clone(transformer).fit(y)
    np.testing.assert_allclose(again.inverse_transform(again.transform(y)), y, rtol=1e-9)


@pytest.mark.parametrize(
    "transformer", [PowerTransformer("box-cox"), FunctionTransformer(np.log, np.exp)], ids=repr
)
def test_power_and_logarithms_of_steps_are_restored(transformer):
    """StepTransformer applies them to ragged sequences, with an exact inverse and names."""
    frames = [pd.DataFrame(x, columns=["a", "b"]) for x in PRICES]
    if isinstance(transformer, FunctionTransformer):
        transformer.set_params(feature_names_out="one-to-one")
    steps = StepTransformer(transformer).set_output(transform="pandas").fit(frames)
    transformed = steps.transform(frames)
    assert transformed[0].columns.tolist() == ["a", "b"] == steps.get_feature_names_out().tolist()
    for x, values in zip(PRICES, steps.inverse_transform(transformed), strict=True):
        np.testing.assert_allclose(values, x, rtol=1e-9)


def test_forecasts_of_returns_are_prices():
    """A generator of log-returns forecasts prices that begin at the last ones."""
    series = [x[:, 1] for x in PRICES for _ in range(4)]
    returns = Differencer("log").fit(series)
    model = SequenceGenerator("gru", 4, max_epochs=2, residual=None, random_state=0)
    changes = returns.transform(series)
    following = model.fit(changes).forecast(changes, 3, random_state=0).mean
    prices = returns.inverse_transform(following, after=series)
    last = np.array([x[-1] for x in series])
    np.testing.assert_allclose(prices, last[:, None] * np.exp(np.cumsum(following, axis=1)))


# --- containers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("transformer", [FillGaps(), SequenceScaler(), Differencer()], ids=repr)
def test_containers_are_kept(transformer):
    """Lists, arrays, Sequences, DataFrames and tables of cells come back as they were."""
    equal = np.stack([x[:4] for x in RAGGED])
    expected = clone(transformer).fit(list(equal)).transform(list(equal))
    array = clone(transformer).fit_transform(equal)
    np.testing.assert_array_equal(array, expected)
    sequences = clone(transformer).fit_transform(Sequences.from_arrays(list(equal)))
    assert isinstance(sequences, Sequences)
    np.testing.assert_array_equal(sequences[2], expected[2])
    frames = [pd.DataFrame(x, columns=["a", "b"]) for x in equal]
    named = clone(transformer).set_output(transform="pandas").fit_transform(frames)
    np.testing.assert_array_equal(named[1], expected[1])
    assert named[1].columns.tolist() == ["a", "b"]
    cells = pd.DataFrame({"a": [x[:, 0].tolist() for x in equal]})
    out = clone(transformer).fit_transform(cells)
    np.testing.assert_array_equal(np.asarray(out)[3, 0], expected[3][:, 0])
    flat = clone(transformer).fit_transform([x[:, 0] for x in equal])
    np.testing.assert_array_equal(flat[0], expected[0][:, 0])


@pytest.mark.parametrize("transformer", [FillGaps(), SequenceScaler(), Differencer()])
def test_tables_keep_their_dates(transformer):
    """Each table of the result has the index of its own sequence."""
    dates = [pd.date_range(f"202{i}-01-01", periods=i + 2) for i in range(3)]
    frames = [pd.DataFrame({"a": np.arange(1.0, len(d) + 1)}, index=d) for d in dates]
    named = clone(transformer).set_output(transform="pandas").fit_transform(frames)
    assert all(table.index.equals(d) for table, d in zip(named, dates, strict=True))


@pytest.mark.parametrize("other", [["x", "y"], pd.to_datetime(["2024-01-01", "2024-01-02"])])
@pytest.mark.parametrize("transformer", [FillGaps(), SequenceScaler(), Differencer()])
def test_texts_and_dates_are_no_numbers(transformer, other):
    """The error names the first one, also if all features are dates."""
    for frame in (pd.DataFrame({"a": [1.0, 2.0], "b": other}), pd.DataFrame({"b": other})):
        with pytest.raises((TypeError, ValueError), match=r"only.*sequence 0, step 0, feature 'b'"):
            clone(transformer).fit([frame])


def test_pipelines_pickles_and_parameters():
    """They are steps of pipelines, with parameters that can be searched."""
    y = ["a", "b", "a", "b"]
    classifier = RNNClassifier("gru", 4, max_epochs=1, random_state=0)
    pipeline = make_pipeline(FillGaps(add_indicator=True), SequenceScaler(), classifier)
    pipeline.set_params(fillgaps__method="forward").fit(RAGGED, y)
    again = pickle.loads(pickle.dumps(pipeline))
    assert np.array_equal(again.predict_proba(RAGGED), pipeline.predict_proba(RAGGED))
    assert not hasattr(FillGaps(), "partial_fit")
    assert not hasattr(SequenceScaler().fit(RAGGED), "inverse_transform")


# --- errors --------------------------------------------------------------------------------------


def test_invalid_values_are_errors():
    """An error names the place of infinity, the number of features or the method."""
    filler = FillGaps().fit(RAGGED)
    with pytest.raises(ValueError, match=r"infinity.*sequence 1, step 2, feature 0"):
        filler.transform([RAGGED[0], np.array([[1.0, 1.0], [2.0, 2.0], [np.inf, 1.0]])])
    with pytest.raises(ValueError, match="3 features per step"):
        filler.transform([np.ones((2, 3))])
    with pytest.raises(ValueError, match="method must be one of"):
        FillGaps("backward").fit(RAGGED)


@pytest.mark.parametrize(
    "transformer", [*TRANSFORMERS, StepTransformer(StandardScaler())], ids=repr
)
def test_mappings_are_errors(transformer):
    """Rows of JSON are no features: the error says to make tables of them."""
    rows = [{"t": 1.0, "h": 2.0}, {"t": 2.0, "h": 1.0}]
    tables = [pd.DataFrame(rows)] * 2
    fitted = clone(transformer).fit(tables)
    for X in ([rows], [rows, rows[:1]]):
        with pytest.raises(TypeError, match=r"keys \['t', 'h'\].* pandas\.DataFrame\(x\)"):
            fitted.transform(X)


def test_values_without_changes_are_errors():
    """An error names what divides by 0, the method, the lag, gaps, and a past that does not fit."""
    with pytest.raises(ValueError, match=r"be positive.*-1\.0 in sequence 1, step 0, feature 1"):
        Differencer("log").fit([np.ones((2, 2)), np.array([[1.0, -1.0], [2.0, 2.0]])])
    with pytest.raises(ValueError, match=r"not be 0.*0\.0 in sequence 0, step 1"):
        Differencer("relative").fit([np.array([1.0, 0.0, 2.0])])
    with pytest.raises(ValueError, match="method must be one of"):
        Differencer("percent").fit(PRICES)
    with pytest.raises(ValueError, match="lag must be"):
        Differencer(lag=0).fit(PRICES)
    differencer = Differencer(lag=2).fit(PRICES)
    changes = [np.zeros((3, 2))] * 4
    with pytest.raises(ValueError, match=r"4 sequences.*at least 2 steps.*got 3 of 6 to 9 steps"):
        differencer.inverse_transform(changes, after=[PRICES[0], PRICES[1], PRICES[1]])
    with pytest.raises(ValueError, match=r"last 2 steps of sequence 1.*FillGaps"):
        differencer.inverse_transform(changes[:2], after=[PRICES[0], np.full((3, 2), np.nan)])
    with pytest.raises(ValueError, match=r"A change is missing.*sequence 0, step 1.*FillGaps"):
        differencer.inverse_transform([np.array([[1.0, 1.0], [np.nan, 1.0]])])
    with pytest.raises(ValueError, match="3 features per step"):
        differencer.inverse_transform([np.ones((2, 3))])


@pytest.mark.parametrize(
    "transformer",
    [StepTransformer(StandardScaler()), FillGaps(), SequenceScaler(), Differencer()],
    ids=lambda transformer: type(transformer).__name__,
)
def test_series_of_pandas_keep_names_and_dates(transformer):
    """With output of pandas, a list of Series remains one, of which forecasts have dates."""
    days = pd.date_range("2026-01-01", periods=30)
    values = np.random.default_rng(0).normal(size=(2, 30)).cumsum(axis=1)
    prices = [pd.Series(values[0], days, name="AAA"), pd.Series(values[1, :25], days[5:], name="B")]
    arrays = clone(transformer).fit_transform(prices)
    out = transformer.set_output(transform="pandas").fit_transform(prices)
    for own, series, array in zip(out, prices, arrays, strict=True):
        pd.testing.assert_series_equal(own, pd.Series(array, series.index, name=series.name))
    several = StepTransformer(PolynomialFeatures(2)).set_output(transform="pandas")
    tables = several.fit_transform(prices)
    assert [table.shape for table in tables] == [(30, 3), (25, 3)]
    assert tables[1].index.equals(prices[1].index)
    assert isinstance(several.set_output(transform="default").transform(prices)[0], np.ndarray)
