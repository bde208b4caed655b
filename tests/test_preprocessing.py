"""Windows, transformers per step and converters, each with its inverse."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksequence import Sequences
from sksequence.preprocessing import (
    StepTransformer,
    from_channels_first,
    from_long,
    from_nan_padded,
    make_windows,
    pad,
    to_channels_first,
    to_long,
    to_nan_padded,
    unpad,
)

SIZE = st.integers(1, 5)
NUMBERS = st.floats(-1e3, 1e3)


@st.composite
def ragged(draw, min_steps=1):
    """Draw a list of 1-D or of 2-D arrays of different lengths."""
    features = draw(st.sampled_from([(), (1,), (3,)]))
    lengths = draw(st.lists(st.integers(min_steps, 6), min_size=1, max_size=5))
    return [draw(arrays(np.float64, (length, *features), elements=NUMBERS)) for length in lengths]


def assert_same(ours, theirs):
    """Compare two collections of arrays, shapes included."""
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


# Windows


@given(
    n_steps=st.integers(10, 20), window=SIZE, horizon=SIZE, step=SIZE, n_features=st.integers(0, 3)
)
def test_windows_are_slices_of_the_series(n_steps, window, horizon, step, n_features):
    """Window i starts at ``i * step``, y is the row-major block that follows; none is missing."""
    shape = (n_steps, n_features) if n_features else (n_steps,)
    series = np.arange(np.prod(shape), dtype=float).reshape(shape)
    X, y = make_windows(series, window, horizon, step=step)
    starts = range(0, n_steps - window - horizon + 1, step)
    assert_same(X, [series[i : i + window] for i in starts])
    ahead = [series[i + window : i + window + horizon].ravel() for i in starts]
    np.testing.assert_array_equal(y.reshape(len(y), -1), ahead)
    assert y.ndim == (1 if horizon * max(n_features, 1) == 1 else 2)


@given(lengths=st.lists(st.integers(6, 12), min_size=2, max_size=4), window=SIZE, step=SIZE)
def test_windows_of_several_series_never_straddle(lengths, window, step):
    """Several series give the windows of each, one series after the other, in every container."""
    series = [100.0 * i + np.arange(length) for i, length in enumerate(lengths)]
    X, y = make_windows(series, window, step=step)
    single = [make_windows(one, window, step=step) for one in series]
    np.testing.assert_array_equal(X, np.concatenate([X for X, _ in single]))
    np.testing.assert_array_equal(y, np.concatenate([y for _, y in single]))
    objects = np.array([*series, None], dtype=object)[:-1]
    for container in (tuple(series), objects, Sequences.from_arrays(series)):
        np.testing.assert_array_equal(make_windows(container, window, step=step)[0], X)


def test_windows_of_one_series_take_no_memory():
    """X is a view of the series."""
    series = np.arange(20.0).reshape(10, 2)
    assert np.shares_memory(make_windows(series, 4)[0], series)
    assert np.shares_memory(make_windows(series, 4, step=3)[0], series)


def test_windows_of_an_array_of_series():
    """A 3-D array is several series."""
    X, y = make_windows(np.arange(24).reshape(2, 6, 2), 3)
    assert (X.shape, y.shape) == ((6, 3, 2), (6, 2))
    assert X[3, 0, 0] == 12


@pytest.mark.parametrize("columns", ["b", 1, ["b"], [np.int64(1)]])
def test_target_columns_choose_what_y_holds(columns):
    """One column by name or by position: y has one value per step ahead, X all features."""
    frame = pd.DataFrame({"a": np.arange(6), "b": np.arange(6) * 10})
    X, y = make_windows(frame, 3, 2, target_columns=columns)
    assert (np.stack(list(X)).shape, X.feature_names) == ((2, 3, 2), ("a", "b"))
    np.testing.assert_array_equal(y, [[30, 40], [40, 50]])
    assert make_windows([frame, frame], 3, target_columns=columns)[1].shape == (6,)


def test_windows_keep_the_type_and_order_of_columns():
    """float32 is kept, target columns are in the requested order, and a Series is a series."""
    series = np.arange(12, dtype=np.float32).reshape(6, 2)
    X, y = make_windows(series, 2, target_columns=[1, 0])
    assert X.dtype == y.dtype == np.float32
    np.testing.assert_array_equal(y[0], [5, 4])
    np.testing.assert_array_equal(make_windows(pd.Series([1, 2, 3]), 2)[0], [[1, 2]])
    np.testing.assert_array_equal(make_windows([1, 2, 3], 2)[1], [3])


@given(window=SIZE, horizon=SIZE, step=SIZE)
def test_documented_gap_leaves_no_step_on_both_sides(window, horizon, step):
    """With the gap of the docstring, training targets end before the testing windows start."""
    time = np.arange(100)
    X, y = make_windows(time, window, horizon, step=step)
    gap = (window + horizon - 1) // step
    for train, test in TimeSeriesSplit(2, gap=gap, test_size=2).split(X):
        assert y[train].max() < X[test].min()


@pytest.mark.parametrize("name", ["window", "horizon", "step"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "3"])
def test_window_sizes_are_checked(name, value):
    """The error names the size."""
    message = f"{name} must be a whole number of at least 1; got {value!r}"
    with pytest.raises(ValueError, match=message):
        make_windows(np.arange(10), **{"window": 2, name: value})


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        (np.arange(4), {}, r"The series has 4 steps; window=3 and horizon=2 need at least 5"),
        ([np.arange(9), np.arange(4)], {}, r"Series 1 has 4 steps; window=3 and horizon=2"),
        ([np.arange(9), np.ones((9, 2))], {}, r"Sequence 1 has shape \(9, 2\), sequence 0 has"),
        ([], {}, r"empty list; pass at least one sequence"),
        (np.float64(3), {}, r"Expected a series of shape .* got an array of shape \(\)"),
        (np.array(list("abcdefg")), {}, r"series has values of dtype <U1; .* Drop or encode"),
        (np.arange(9), {"target_columns": 0}, r"target_columns=0 needs features to choose from"),
        (np.ones((9, 2)), {"target_columns": 2}, r"contains 2, .* choose from \[0, 1\]"),
        (np.ones((9, 2)), {"target_columns": -1}, r"target_columns contains -1"),
        (
            pd.DataFrame({"a": range(9)}),
            {"target_columns": "b"},
            r"contains 'b', .* choose from \['a'\]",
        ),
    ],
)
def test_invalid_series_are_refused(series, options, message):
    """The error names the series and suggests a remedy."""
    with pytest.raises(ValueError, match=message):
        make_windows(series, 3, 2, **options)


# StepTransformer


@parametrize_with_checks([StepTransformer(StandardScaler()), StepTransformer(PCA())])
def test_step_transformer_is_a_transformer(estimator, check):
    """Every check of scikit-learn, on tables of univariate sequences."""
    check(estimator)


@given(X=ragged())
def test_step_transformer_equals_the_transformer_on_the_table_of_steps(X):
    """The result equals flattening, transforming and splitting again."""
    steps = np.concatenate(X).reshape(sum(map(len, X)), -1)
    expected = StandardScaler().fit_transform(steps)
    ours = StepTransformer(StandardScaler()).fit_transform(X)
    assert [x.shape for x in ours] == [x.shape for x in X]
    np.testing.assert_array_equal(np.concatenate(ours).reshape(steps.shape), expected)


@given(X=ragged())
def test_step_transformer_inverse_undoes_the_transformation(X):
    """`inverse_transform` undoes `transform`, shapes included, even where features were added."""
    adding = FunctionTransformer(
        lambda steps: np.c_[steps, steps],
        inverse_func=lambda steps: steps[:, : steps.shape[1] // 2],
    )
    transformer = StepTransformer(adding)
    assert_same(transformer.inverse_transform(transformer.fit_transform(X)), X)


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "objects": lambda pieces: np.array([*pieces, None], dtype=object)[:-1],
    "sequences": Sequences.from_arrays,
    "array": np.stack,
}


@pytest.mark.parametrize("shape", [(4,), (4, 2)])
@pytest.mark.parametrize("kind", CONTAINERS)
def test_step_transformer_returns_the_container_it_got(kind, shape):
    """The type of X is kept, and the values do not depend on it."""
    pieces = list(np.random.default_rng(0).normal(size=(3, *shape)))
    X = CONTAINERS[kind](pieces)
    transformer = StepTransformer(StandardScaler()).fit(X)
    out = transformer.transform(X)
    assert type(out) is type(X)
    assert_same(list(out), StepTransformer(StandardScaler()).fit_transform(pieces))
    assert type(transformer.inverse_transform(out)) is type(X)


@pytest.mark.parametrize("kind", CONTAINERS)
def test_numbers_get_an_axis_when_features_are_added(kind):
    """One number per step becomes a row of features if the transformer returns more than one."""
    X = CONTAINERS[kind](list(np.arange(12.0).reshape(3, 4)))
    out = StepTransformer(PolynomialFeatures(2)).fit_transform(X)
    assert [x.shape for x in out] == [(4, 3)] * 3


def test_containers_may_change_after_fit():
    """A transformer fitted on a table accepts lists of any lengths, and vice versa."""
    table = np.arange(6.0).reshape(2, 3)
    fitted = StepTransformer(StandardScaler()).fit(table)
    np.testing.assert_array_equal(fitted.transform([table[0]])[0], fitted.transform(table)[0])
    assert len(fitted.transform([[1.0], [2.0, 3.0]])[1]) == 2
    fitted = StepTransformer(StandardScaler()).fit([table[0], table[1, :2]])
    assert fitted.transform(table).shape == (2, 3)
    assert isinstance(fitted.transform([[1.0, 2.0], [3.0, 4.0]]), list)


def test_nested_lists_of_equal_lengths_are_an_array():
    """Nested lists are read as in scikit-learn; ragged ones remain a list."""
    assert StepTransformer(StandardScaler()).fit_transform([[1, 2], [3, 4]]).shape == (2, 2)
    assert isinstance(StepTransformer(StandardScaler()).fit_transform([[1, 2], [3]]), list)


def test_missing_values_are_left_to_the_transformer():
    """NaN are accepted if the transformer accepts them, and an imputer fills them per feature."""
    X = [np.array([[1.0, np.nan], [3.0, 4.0]]), np.array([[np.nan, 8.0]])]
    filled = StepTransformer(SimpleImputer()).fit_transform(X)
    assert_same(filled, [np.array([[1.0, 6.0], [3.0, 4.0]]), np.array([[2.0, 8.0]])])
    assert np.isnan(StepTransformer(StandardScaler()).fit_transform(X)[1][0, 0])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        StepTransformer(PCA()).fit(X)


def test_sparse_and_symbolic_steps():
    """Encoders may take symbols and return a sparse table."""
    out = StepTransformer(OneHotEncoder()).fit_transform([np.array(["a", "b"]), np.array(["b"])])
    assert_same(out, [np.eye(2), np.eye(2)[1:]])


def test_nested_parameters_and_clones():
    """The inner transformer is cloned, and its parameters are set with two underscores."""
    scaler = StandardScaler()
    transformer = StepTransformer(scaler).set_params(transformer__with_mean=False).fit([[1.0, 3.0]])
    assert not hasattr(scaler, "mean_")
    assert transformer.transformer_.with_mean is False
    assert clone(transformer).get_params()["transformer__with_mean"] is False


def test_grid_search_over_an_inner_parameter():
    """A step of a pipeline is tuned on ragged sequences."""

    def means(X):
        return np.array([x.mean(axis=0) for x in X])

    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 3)) for length in rng.integers(2, 6, size=20)]
    pipe = make_pipeline(StepTransformer(PCA()), FunctionTransformer(means), LinearRegression())
    grid = {"steptransformer__transformer__n_components": [1, 2]}
    assert GridSearchCV(pipe, grid, cv=2).fit(X, rng.normal(size=20)).predict(X).shape == (20,)


def test_feature_names_out():
    """Names of features per step; the names of a table's columns, which are steps, stay."""
    X = [np.ones((2, 2)), np.ones((3, 2))]
    names = StepTransformer(PolynomialFeatures(1)).fit(X).get_feature_names_out(["a", "b"])
    assert list(names) == ["1", "a", "b"]
    frame = pd.DataFrame(np.eye(2), columns=["jan", "feb"])
    scaler = StepTransformer(StandardScaler()).fit(frame)
    assert list(scaler.feature_names_in_) == list(scaler.get_feature_names_out()) == ["jan", "feb"]
    more = StepTransformer(PolynomialFeatures(1)).fit(frame).get_feature_names_out()
    assert list(more) == ["1", "x0"]


def test_methods_exist_if_the_transformer_has_them():
    """A method is available only if the transformer has it."""
    assert hasattr(StepTransformer(StandardScaler()), "inverse_transform")
    assert not hasattr(StepTransformer(PolynomialFeatures()), "inverse_transform")
    assert not hasattr(StepTransformer(FunctionTransformer()), "get_feature_names_out")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((3, 2, 5)), r"5 features per step, .* with 2; its axes look swapped, use from_ch"),
        ([np.ones((3, 4))], r"X has 4 features per step, .* with 2; pass the same features"),
        (np.ones((3, 4)), r"X has 1 features per step, .* with 2"),
        ([np.ones((3, 2)), np.ones(3)], r"Sequence 1 has shape \(3,\), sequence 0 has \(3, 2\)"),
        ([1.0, 2.0], r"Sequence 0 has 0 dimensions; .* Wrap a single sequence in a list"),
        ([], r"Got an empty list; pass at least one sequence"),
        (np.ones(3), r"Expected several sequences: .* got an array of shape \(3,\)"),
        (Sequences(None, [0, 1], np.zeros(1, np.int32)), r"Sequences of codes contain no numbers"),
    ],
)
def test_invalid_sequences_are_refused(X, message):
    """The error names the sequence and its shape, and suggests a remedy."""
    fitted = StepTransformer(StandardScaler()).fit([np.ones((3, 2))])
    with pytest.raises(ValueError, match=message):
        fitted.transform(X)


def test_width_of_a_table_is_fixed():
    """A table at predict has as many steps as the one in fit, as in scikit-learn."""
    fitted = StepTransformer(StandardScaler()).fit(np.ones((3, 4)))
    with pytest.raises(ValueError, match="X has 5 features, but StepTransformer is expecting 4"):
        fitted.transform(np.ones((3, 5)))


def test_not_a_transformer():
    """The error names what was passed."""
    with pytest.raises(TypeError, match=r"transformer='scale' has no fit and transform; pass a"):
        StepTransformer("scale").fit([[1.0]])


# Converters and their inverses


@given(X=ragged(min_steps=0).filter(lambda X: max(map(len, X)) > 0))
def test_unpad_undoes_pad(X):
    """Sequences are recovered from the padded array and the lengths, for every container."""
    array, lengths = pad(X, value=7.0)
    assert_same(unpad(array, lengths), X)
    assert array.shape[:2] == (len(X), max(lengths))
    np.testing.assert_array_equal(pad(Sequences.from_arrays(X), value=7.0)[0], array)
    for row, length in zip(array, lengths, strict=True):
        assert np.all(row[length:] == 7.0)


@given(X=ragged())
def test_from_nan_padded_undoes_to_nan_padded(X):
    """Lengths are recovered from NaN padding if no sequence ends with NaN."""
    assert_same(from_nan_padded(to_nan_padded(X)), X)


@given(X=ragged().filter(lambda X: X[0].ndim == 2))
def test_channels_first_is_its_own_inverse(X):
    """Swapping the axes twice restores lists and arrays, without a copy."""
    assert_same(from_channels_first(to_channels_first(X)), X)
    array = np.stack([X[0]] * 2)
    swapped = to_channels_first(array)
    assert swapped.shape == (2, *X[0].shape[::-1])
    np.testing.assert_array_equal(from_channels_first(swapped), array)
    assert np.shares_memory(swapped, array)


@given(X=ragged(), seed=st.integers(0, 100))
def test_from_long_undoes_to_long(X, seed):
    """Sequences are recovered from a long table, even if its rows are shuffled."""
    ids = [f"s{i}" for i in range(len(X))]
    frame = to_long(X, ids=ids)
    features = "x0" if X[0].ndim == 1 else None
    back, keys = from_long(frame, "id", "time", features=features)
    assert_same(back, X)
    assert keys.tolist() == ids
    mixed, keys = from_long(
        frame.sample(frac=1, random_state=seed), "id", "time", features=features
    )
    assert_same([mixed[list(keys).index(key)] for key in ids], X)


def test_pad_keeps_integers_if_the_value_is_one():
    """The padded array has the smallest dtype for both steps and value."""
    X = [np.array([1, 2]), np.array([3])]
    assert pad(X, value=0)[0].dtype == np.int64
    assert pad([x.astype(np.float32) for x in X])[0].dtype == np.float32
    assert to_nan_padded([x.astype(np.float32) for x in X]).dtype == np.float32


def test_nan_inside_a_sequence_is_a_missing_value():
    """Only steps after the last value are padding."""
    array = np.array([[[1.0, np.nan], [np.nan, np.nan], [np.nan, 2.0], [np.nan, np.nan]]])
    assert from_nan_padded(array)[0].shape == (3, 2)
    assert from_nan_padded(pd.DataFrame(array[0]).T)[0].shape == (1,)


def test_from_long_keeps_the_order_of_the_table():
    """Rows keep their order without a time column."""
    frame = pd.DataFrame({"who": [2, 1, 2], "a": [1, 2, 3], "b": [4.0, 5.0, 6.0]})
    expected = [np.array([[1.0, 4.0], [3.0, 6.0]]), np.array([[2.0, 5.0]])]
    assert_same(from_long(frame, "who")[0], expected)
    assert_same(from_long(frame, "who", features=["b", "a"])[0], [x[:, ::-1] for x in expected])


def test_to_long_names_columns():
    """All names can be set."""
    frame = to_long([np.ones((1, 2))], features=["a", "b"], id="patient", time="day")
    assert list(frame.columns) == ["patient", "day", "a", "b"]


LONG = pd.DataFrame({"id": [1], "x": [2.0]})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pad([]), r"Got an empty list"),
        (lambda: unpad(np.ones((2, 3)), [3]), r"lengths has shape \(1,\); expected \(2,\), one"),
        (lambda: unpad(np.ones((2, 3)), [3, 4]), r"integers from 0 to 3, .* got \[3, 4\]"),
        (lambda: unpad(np.ones((2, 3)), [3, 1.5]), r"lengths must be integers from 0 to 3"),
        (lambda: unpad(np.ones(3), [3]), r"array has shape \(3,\); expected \(n_sequences, max"),
        (lambda: from_nan_padded(np.ones(3)), r"array has shape \(3,\); expected \(n_sequences, m"),
        (lambda: from_nan_padded([[1.0], [np.nan]]), r"Sequence 1 is NaN at every step.*leave it"),
        (lambda: to_nan_padded([[1.0], [2.0, np.nan]]), r"Sequence 1 ends with a step .* use pad"),
        (lambda: from_channels_first(np.ones((2, 3))), r"expected \(n_sequences, n_features, n_st"),
        (lambda: to_channels_first([np.ones(3)]), r"Sequence 0 has .* expected \(n_steps, n_feat"),
        (
            lambda: from_long(LONG, "who"),
            r"The table has no column 'who'; choose from \['id', 'x'\]",
        ),
        (lambda: from_long(LONG, "id", "when"), r"The table has no column 'when'"),
        (lambda: from_long(LONG, "id", features="y"), r"The table has no column 'y'"),
        (lambda: from_long(LONG, "id", "x"), r"1 rows and the features \[\]; pass at least one"),
        (lambda: from_long(LONG[:0], "id"), r"The table has 0 rows"),
        (lambda: to_long([[1.0]], ids=[1, 2]), r"ids has 2 entries; pass 1, one per sequence"),
        (
            lambda: to_long([[1.0]], features=["a", "b"]),
            r"features has 2 entries; pass 1, one per feature",
        ),
    ],
)
def test_converters_refuse_invalid_arguments(call, message):
    """Each error states what was passed and what is expected."""
    with pytest.raises(ValueError, match=message):
        call()
