"""Windows, transformers per step and converters, each with its inverse."""

import datetime
import pickle
import re
from decimal import Decimal

import awkward
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksequence import RNNClassifier, RNNRegressor, Sequences
from sksequence.preprocessing import (
    StepTransformer,
    from_channels_first,
    from_long,
    from_nan_padded,
    last_windows,
    make_label_windows,
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


# Tables of numbers of any type

LIBRARIES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "Arrow": pa.table}
PLAIN = pd.DataFrame({"v": [0.5, 1.0, np.nan, 2.0, 4.0], "n": [3.0, 1.0, 4.0, 1.0, 5.0]})
FLAGGED = PLAIN.assign(flag=[True, False, False, True, True])
TYPES = {
    "bool alongside float": FLAGGED,
    "nullable": FLAGGED.convert_dtypes(),
    "Arrow columns": FLAGGED.convert_dtypes(dtype_backend="pyarrow"),
    "objects": FLAGGED.astype(object),
    "Decimal": FLAGGED.assign(n=[Decimal(int(n)) for n in PLAIN["n"]]),
    "polars": pl.from_pandas(FLAGGED),
    "Arrow table": pa.Table.from_pandas(FLAGGED),
    "Sequences of a table": Sequences(FLAGGED.convert_dtypes(), [0, 5]),
}
NUMERIC = FLAGGED.to_numpy(dtype=float)


@pytest.mark.parametrize("kind", TYPES)
def test_numbers_of_any_type_are_read_alike(kind):
    """Flags, nullable, Arrow, Decimal and object columns are numbers, missing ones are NaN."""
    table = TYPES[kind]
    several = table if isinstance(table, Sequences) else [table]
    assert_same([pad(several)[0][0], to_nan_padded(several)[0]], [NUMERIC] * 2)
    X, y = make_windows(several, 2, missing="keep")
    assert_same(X, [NUMERIC[i : i + 2] for i in range(3)])
    assert (X.feature_names, y.dtype) == (("v", "n", "flag"), np.float64)
    if not isinstance(table, Sequences):
        assert_same(make_windows(table, 2, missing="keep")[0], list(X))
        assert_same(from_channels_first(several), [NUMERIC.T])
        assert_same(from_nan_padded(table), from_nan_padded(NUMERIC))
    long = to_long(several)
    assert list(long.columns) == ["id", "time", "v", "n", "flag"]
    np.testing.assert_array_equal(long.iloc[:, 2:].to_numpy(dtype=float, na_value=np.nan), NUMERIC)


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pd.Series([1, None, 3, 4, 5], dtype="Int64"), [[3, 4]]),
        ([1, 2, None, 4, 5, 6], [[4, 5]]),
        (pl.Series([1, 2, None, 4, 5, 6]), [[4, 5]]),
        (np.ma.masked_equal([7, 2, 7, 4, 5, 6], 7), [[4, 5]]),
        ([np.ma.masked_equal([7, 4, 5, 6], 7)], [[4, 5]]),
        (Sequences(np.array([1, None, 4, 5, 6], dtype=object), [0, 5]), [[4, 5]]),
        ([pd.Series([True, None, True, False, True], dtype="boolean")], [[1, 0]]),
    ],
)
def test_missing_numbers_of_columns_become_nan(series, expected):
    """A missing entry is neither a number nor lost: the windows with it are left out."""
    X, _ = make_windows(series, 2, missing="drop")
    np.testing.assert_array_equal(X, np.array(expected, dtype=float), strict=True)


def test_plain_tables_keep_type_and_memory():
    """Columns of one type of numpy are not converted, nor copied where they have no names."""
    frame = pd.DataFrame(np.arange(12, dtype=np.float32).reshape(6, 2))
    X, y = make_windows(frame, 2)
    assert X.dtype == y.dtype == np.float32
    assert np.shares_memory(X, frame.to_numpy())
    named = make_windows(frame.rename(columns=str), 2)[0]
    assert (named.dtype, named.feature_names) == (np.float32, ("0", "1"))
    assert_same(named, list(X))


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_of_several_tables_are_matched_by_name(library):
    """Another order of columns changes nothing."""
    make = LIBRARIES[library]
    data = {"a": [0.0, 1.0, 2.0, 3.0], "b": [0, 10, 20, 30]}
    frames = [make(data), make(dict(reversed(data.items())))]
    X, y = make_windows(frames, 2, target_columns="a")
    assert y.tolist() == [2, 3, 2, 3]
    assert_same(X[:2], list(X[2:]))
    array = pad(frames)[0]
    np.testing.assert_array_equal(array[0], array[1])
    long = to_long(frames)
    assert list(long.columns) == ["id", "time", "a", "b"]
    assert long["b"].tolist() == [0, 10, 20, 30] * 2
    assert long["b"].dtype == np.int64


DAYS = pd.date_range("2026-01-01", periods=4)
FRAME = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]})


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([FRAME.assign(d=DAYS)], r"Column 'd' of sequences holds dates .* number of seconds"),
        ([FRAME.assign(d=DAYS - DAYS[0])], r"Column 'd' of sequences holds dates or durations"),
        ([FRAME.assign(s=list("wxyz"))], r"Column 's' of sequences holds strings .* OneHotEncoder"),
        ([pl.DataFrame({"s": ["x"], "a": [1]})], r"Column 's' of sequences holds strings"),
        ([FRAME.assign(s=pd.Categorical([1, 2, 1, 2]))], r"Column 's' .* strings or categories"),
        ([np.array([[1, "x"]], dtype=object)], r"Column 1 of sequences holds strings"),
        ([FRAME.assign(s=[[1], [2], [3], [4]])], r"Column 's' .* list\(sequences\['s'\]\)"),
        (
            [FRAME.to_records(index=False)],
            r"sequences holds records with the fields \('a',\); .*DataF",
        ),
        ([FRAME.assign(c=1), FRAME.assign(d=1)], r"sequence 1 .* \['c'\] are missing"),
        ([FRAME, FRAME.to_numpy()], r"Sequence 0 of sequences has names .* 1, of type ndarray"),
        ([[1.0], np.array(["2026-01-01"], "M8[D]")], r"Sequence 0 .* float64, sequence 1 of dtype"),
        ([["a", 1], ["b", 2]], r"sequences holds values of the types int, str"),
        ([pl.DataFrame({"a": [1.0]}).lazy()], r"Sequence 0 of sequences is a LazyFrame"),
        (
            [[[1.0], [1.0, 2.0]]],
            r"sequences holds lists of different lengths, or of different kinds",
        ),
        (np.ones((2, 0)), r"sequences has shape \(2, 0\), which holds no values"),
        (
            FRAME.set_axis(DAYS),
            r"DatetimeIndex of 4 rows, which look like steps.* pass \[sequences\]",
        ),
        ({"a": [1.0]}, r"sequences is a dict; .* Pass list\(sequences.values\(\)\)"),
        ([FRAME.set_axis(DAYS[::-1])], r"times that are not in increasing order.*sort_index"),
        ([FRAME.set_axis(pd.MultiIndex.from_product([[0, 1], [0, 1]]))], r"Pass from_long\(seq"),
    ],
)
def test_tables_that_hold_other_than_numbers_are_refused(X, message):
    """The error names the column and what to do; make_windows checks the same for one series."""
    with pytest.raises(ValueError, match=message):
        pad(X)
    with_categories = "strings" in message and hasattr(X[0], "columns")  # which windows may have
    if len(X) == 1 and not isinstance(X, dict) and hasattr(X[0], "shape") and not with_categories:
        with pytest.raises(
            ValueError, match=message.replace("sequences", "series").replace("seq", "ser")
        ):
            make_windows(X[0], 1)


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
        (np.ones((9, 2)), {"target_columns": -3}, r"target_columns contains -3"),
        (
            np.ones((9, 2)),
            {"target_columns": []},
            r"target_columns=\[\] is empty; pass at least one",
        ),
        (np.ones((9, 2)), {"known_columns": []}, r"known_columns=\[\] is empty; .*, or None"),
        (np.ones((9, 2)), {"known_columns": [0, 0]}, r"known_columns contains 0, feature 0, twice"),
        (np.ones((9, 2)), {"known_columns": [1, -1]}, r"known_columns contains -1, feature 1, twi"),
        (np.ones((9, 2)), {"target_columns": [1, 1]}, r"target_columns contains 1, .*, twice"),
        (
            np.ones((9, 2)),
            {"target_columns": "all", "known_columns": 1},
            r"known_columns contains 1, so that it need not be forecast",
        ),
        (
            pd.DataFrame({1: range(9), 0: range(9)}),
            {"target_columns": 0},
            r"contains 0, .* name of column 1, and the position of column 0, 1\. Rename",
        ),
        (
            pd.DataFrame({"a": range(9), 0: range(9), -1: range(9)}),
            {"known_columns": [0]},
            r"known_columns contains 0, .* name of column 1, and the position of column 0, 'a'",
        ),
        (
            pd.DataFrame({"a": range(9), "b": list("abcabcabc")}),
            {},
            r"target_columns=None contains 'b', which holds strings .* target_columns from \['a'\]",
        ),
        (
            pd.DataFrame({"a": range(9), "b": pd.Categorical(range(9))}),
            {"target_columns": "all"},
            r"target_columns='all' contains 'b', which holds strings or categories; only numbers",
        ),
        (pd.DataFrame({"b": list("abcabcabc")}), {}, r"can be forecast\. Add a column of numbers"),
        (
            [np.array([[1, "x"]] * 9, dtype=object)],
            {"target_columns": 0},
            r"Column 1 of series holds strings",
        ),
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


# Missing values, known features and labels of windows


@given(
    absent=st.lists(st.integers(0, 19), max_size=4),
    window=SIZE,
    horizon=SIZE,
    several=st.booleans(),
)
def test_dropped_windows_are_those_with_nan(absent, window, horizon, several):
    """Option "drop" leaves out the windows of "keep" that have NaN, and no others."""
    series = np.arange(40.0).reshape(20, 2)
    series[absent, 1] = np.nan
    data = [series, series] if several else series
    X, y = make_windows(data, window, horizon, missing="keep")
    complete = ~(np.isnan(X).any(axis=(1, 2)) | np.isnan(y).any(axis=1))
    if complete.any():
        assert_same(make_windows(data, window, horizon, missing="drop"), [X[complete], y[complete]])
    if not complete.all():
        with pytest.raises(ValueError, match=r"missing values \(NaN\): .*column 1\."):
            make_windows(data, window, horizon)


def with_nan(*steps):
    """Return a series in which some steps are missing."""
    series = np.arange(12.0)
    series[list(steps)] = np.nan
    return series


@pytest.mark.parametrize("step", [1, 4], ids=["in_a_window", "in_a_target"])
def test_advice_on_gaps_beside_categories_works(step):
    """The error says how to fill each kind of column, and what it says is accepted."""
    series = pd.DataFrame({"load": with_nan(step), "mode": pd.Categorical(["on", "off"] * 6)})
    message = re.escape(
        f"step {step}, column 'load'. Fill the gaps: numbers by interpolation, categories with "
        "fillna('missing'), those of a categorical column with "
        ".cat.add_categories('missing').fillna('missing'); missing='drop'"
    )
    series.loc[7, "mode"] = None
    with pytest.raises(ValueError, match=message):
        make_windows(series, 3, target_columns="load")
    modes = series["mode"].cat.add_categories("missing").fillna("missing")
    filled = series.assign(load=series["load"].interpolate(), mode=modes)
    assert len(make_windows(filled, 3, target_columns="load")[1]) == 9


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (
            with_nan(5),
            r"step 5\. Fill .* with FillGaps\(\), or with StepTransformer\(SimpleImputer\(\)\)",
        ),
        (with_nan(0, 1), r"step 0\. Only its first 2 steps have missing values: leave them out"),
        (with_nan(11), r"step 11\. Only its last 1 steps have missing values: leave them out"),
        (with_nan(0, 11), r"step 0\. Only its first 1 and last 1 steps"),
        ([with_nan(), with_nan(9, 10, 11)], r"sequence 1, step 9\. Its last 3 .* from_nan_padded"),
        (pd.DataFrame({"a": with_nan(), "b": with_nan(4)}), r"step 4, column 'b'\. Fill the gaps"),
        (np.array([1.0, 2.0, np.inf, 4.0]), r"hold infinity: step 2\. Replace it"),
    ],
)
def test_missing_values_in_windows_are_refused_with_advice(series, message):
    """The advice depends on where the missing values are."""
    with pytest.raises(ValueError, match=message):
        make_windows(series, 2)


def test_only_values_in_windows_matter():
    """Missing values that are in no window, or in no target, are no error."""
    frame = pd.DataFrame({"a": np.arange(8.0), "b": with_nan(7)[:8]})
    assert make_windows(frame, 3, target_columns="a")[1].tolist() == [3, 4, 5, 6, 7]
    assert len(make_windows(with_nan(11), 3, 2, step=6)[0]) == 2
    with pytest.raises(ValueError, match="All 3 windows hold missing values"):
        make_windows(np.full(5, np.nan), 2, missing="drop")
    with pytest.raises(
        ValueError, match=r"missing must be one of \['error', 'drop', 'keep'\]; got"
    ):
        make_windows(frame, 3, missing="ignore")


@given(window=SIZE, horizon=SIZE, step=SIZE, several=st.booleans())
def test_windows_hold_all_known_future_values(window, horizon, step, several):
    """A known column `k` steps later is a column; together they hold all values to come."""
    series = np.arange(36.0).reshape(12, 3)
    data = [series, series + 100] if several else series
    X, y = make_windows(data, window, horizon, step=step, known_columns=[2, 0])
    past, targets = make_windows(data, window, horizon, step=step, target_columns=1)
    _, future = make_windows(data, window, horizon, step=step, target_columns=[2, 0])
    assert_same([X[:, :, :3], y], [past, targets])
    for i, shift in enumerate(range(horizon, 0, -window)):
        columns = X[:, :, 3 + 2 * i : 5 + 2 * i]
        np.testing.assert_array_equal(columns, past[:, :, [2, 0]] + 3 * shift)
    assert all(set(row) <= set(x.ravel()) for x, row in zip(X[:, :, 3:], future, strict=True))


@given(window=SIZE, horizon=SIZE, several=st.booleans())
def test_last_windows_continue_the_windows(window, horizon, several):
    """The last window and its known future are the last training window of the whole series."""
    frame = pd.DataFrame(np.arange(36.0).reshape(12, 3), columns=["a", "b", "c"])
    past, future = frame[:-horizon], frame[-horizon:]
    X, _ = make_windows(frame, window, horizon, known_columns=["c", "a"])
    if several:
        past, future = [past, past], [future, future[["c", "b", "a"]]]
    last = last_windows(past, window, horizon, known_columns=["c", "a"], future=future)
    assert last.feature_names == X.feature_names
    assert_same(last, [X[len(X) - 1]] * len(last))
    np.testing.assert_array_equal(last_windows([1, 2, 3], 2), [[2, 3]])


def test_targets_by_position_or_all():
    """Positions may count from the end; integers that are only names, or positions, are read."""
    series = np.arange(12.0).reshape(6, 2)
    assert make_windows(series, 3, target_columns=-1)[1].tolist() == [7, 9, 11]
    assert make_windows(series, 3, known_columns=-2)[1].tolist() == [7, 9, 11]
    assert make_windows(series, 3, target_columns="all")[1].tolist() == [[6, 7], [8, 9], [10, 11]]
    assert make_windows(np.arange(4), 3, target_columns="all")[1].tolist() == [3]
    named = pd.DataFrame(series, columns=["all", 2026])
    assert make_windows(named, 3, target_columns="all")[1].tolist() == [6, 8, 10]
    assert make_windows(named, 3, target_columns=2026)[1].tolist() == [7, 9, 11]
    assert make_windows(pd.DataFrame(series), 3, target_columns=1)[1].tolist() == [7, 9, 11]


DAYS_OF_SHOP = pd.DataFrame(
    {
        "kind": pd.Categorical([7, 8, 8, 7, 7, 8]),
        "sales": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        "name": list("uvuvuv"),
        "count": [10, 11, 12, 13, 14, 15],
    }
)
SHOPS = {
    "pandas": pd.DataFrame,
    "polars": lambda d: pl.DataFrame(
        {**{n: d[n].tolist() for n in d}, "kind": d["kind"].astype(str).tolist()}
    ).with_columns(pl.col("kind").cast(pl.Categorical)),
    "Arrow": lambda d: pa.Table.from_pandas(d.astype({"kind": str}), preserve_index=False),
}


@pytest.mark.parametrize("library", SHOPS)
@pytest.mark.parametrize("several", [False, True])
def test_windows_of_categories(library, several):
    """Categories stay categories, also where they are known beforehand."""
    make = SHOPS[library]
    table = make(DAYS_OF_SHOP)
    options = {"known_columns": ["kind", "count", "name"]}
    X, y = make_windows([table, table] if several else table, 2, 2, **options)
    np.testing.assert_array_equal(y, [[2, 3], [3, 4], [4, 5]] * (1 + several))
    kinds, days = [str(k) for k in DAYS_OF_SHOP["kind"]], list(DAYS_OF_SHOP["name"])
    added = ["kind+2", "count+2", "name+2"]
    assert X.feature_names == (*DAYS_OF_SHOP, *added)
    for i, window in enumerate(list(X)[:3]):
        assert list(map(str, window["kind"].to_numpy())) == kinds[i : i + 2]
        assert list(map(str, window["kind+2"].to_numpy())) == kinds[i + 2 : i + 4]
        assert list(window["name+2"].to_numpy()) == days[i + 2 : i + 4]
        assert window["count+2"].to_numpy().tolist() == [12 + i, 13 + i]
    if library == "pandas":
        assert X.table["kind+2"].dtype == X.table["kind"].dtype == DAYS_OF_SHOP["kind"].dtype
        assert X.table["count"].dtype == np.int64
    past, future = make(DAYS_OF_SHOP[:4]), make(DAYS_OF_SHOP[4:])
    if several:
        past, future = [past, past], [future, future]
    last = last_windows(past, 2, 2, future=future, **options)
    assert len(last) == 1 + several
    for name in X.feature_names:
        assert list(last[-1][name].to_numpy()) == list(X[2][name].to_numpy())
    network = RNNRegressor(hidden_size=2, max_epochs=1).fit(X, y)
    np.testing.assert_allclose(network.predict(last), network.predict(X)[[2] * len(last)])


def test_known_categories_longer_than_the_window():
    """A horizon beyond the window adds a column per window, of categories too."""
    X, y = make_windows(DAYS_OF_SHOP, 1, 3, target_columns="sales", known_columns="kind")
    assert X.feature_names[4:] == ("kind+3", "kind+2", "kind+1")
    assert X.table[["kind+3", "kind+1"]].to_numpy().tolist() == [[7, 8], [7, 8], [8, 7]]
    assert y.tolist() == [[1, 2, 3], [2, 3, 4], [3, 4, 5]]


@pytest.mark.parametrize("future", [[7, 9], pd.DataFrame({"kind": pd.Categorical([7, 9])})])
def test_known_categories_that_are_new(future):
    """New categories of integers stay categories; without a type they are refused."""
    options = {"window": 3, "horizon": 2, "known_columns": "kind", "future": future}
    if isinstance(future, list):
        with pytest.raises(
            ValueError, match=r"'kind' of future holds numbers, .* categories\. Pass"
        ):
            last_windows(DAYS_OF_SHOP, **options)
    else:
        last = last_windows(DAYS_OF_SHOP, **options)[0]
        assert last["kind+2"].tolist() == [8, 7, 9]
        assert last["kind+2"].dtype.name == "category"


def test_known_values_alongside_categories():
    """The future of numbers or strings may be an array, as without categories."""
    last = last_windows(DAYS_OF_SHOP, 3, 2, known_columns="count", future=[16, 17])[0]
    assert last["count+2"].tolist() == [15, 16, 17]
    table = pd.DataFrame({"count": [16, 17]})  # without a category
    same = last_windows(DAYS_OF_SHOP, 3, 2, known_columns="count", future=table)[0]
    pd.testing.assert_frame_equal(same, last)
    several = last_windows([DAYS_OF_SHOP] * 2, 2, known_columns="name", future=[["w"], ["x"]])
    assert [table["name+1"].tolist() for table in several] == [["v", "w"], ["v", "x"]]
    assert last_windows(DAYS_OF_SHOP, 2)[0]["name"].tolist() == ["u", "v"]


def test_missing_categories_follow_missing():
    """None in a category counts as NaN in a number does."""
    days = DAYS_OF_SHOP.assign(name=["u", "v", None, "v", "u", "v"])
    options = {"window": 2, "target_columns": "sales"}
    with pytest.raises(ValueError, match=r"step 2, column 'name'\. Fill .* fillna\('missing'\)"):
        make_windows(days, **options)
    X, y = make_windows(days, missing="drop", **options)
    assert (y.tolist(), X[0]["name"].tolist()) == ([2, 5], ["u", "v"])
    X, y = make_windows(days, missing="keep", **options)
    assert (len(X), y.tolist()) == (4, [2, 3, 4, 5])
    X, y = make_windows(days, missing="drop", known_columns="name", window=1, target_columns=1)
    assert y.tolist() == [1, 4, 5]


def test_labelled_windows_of_categories():
    """Windows with a label each have categories as well."""
    X, y = make_label_windows(DAYS_OF_SHOP, "name", 2, step=2)
    assert (y.tolist(), X.feature_names) == (["v", "v", "v"], ("kind", "sales", "count"))
    assert [window["kind"].tolist() for window in X] == [[7, 8], [8, 7], [7, 8]]
    assert X[0]["kind"].dtype.name == "category"


def test_names_of_known_columns_of_sequences():
    """The future is matched by name in `Sequences` too, whose columns may have another order."""
    panel = pd.DataFrame({"id": [0] * 6, "sales": range(6), "price": 1.0, "promo": range(6)})
    past, future = from_long(panel[:4], "id")[0], from_long(panel[4:], "id")[0]
    options = {"window": 3, "horizon": 2, "known_columns": ["promo", "price"]}
    last = last_windows(past, future=future, **options)
    assert last.feature_names[-2:] == ("promo+2", "price+2")
    np.testing.assert_array_equal(last[0][:, -2:], [[3, 1], [4, 1], [5, 1]])
    swapped = from_long(panel[4:], "id", features=["price", "promo"])[0]
    np.testing.assert_array_equal(last_windows(past, future=swapped, **options)[0], last[0])
    with pytest.raises(ValueError, match=r"future has the columns \['price'\]; \['promo'\] of"):
        last_windows(past, future=from_long(panel[4:], "id", features=["price"])[0], **options)


def test_names_of_known_columns():
    """Names have the number of steps; a regressor takes the windows as they are."""
    frame = pd.DataFrame({"sales": np.arange(9.0), "price": np.arange(9) % 2})
    X, y = make_windows(frame, 2, 3, known_columns="price")
    assert X.feature_names == ("sales", "price", "price+3", "price+1")
    assert RNNRegressor(hidden_size=2, max_epochs=1).fit(X, y).predict(X[:2]).shape == (2, 3)


LABELS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=8, max_size=8)


@given(labels=LABELS, window=SIZE, step=SIZE)
def test_labels_of_windows(labels, window, step):
    """The last, the most frequent, or any label of the steps of each window, up to the last one."""
    series, labels = np.arange(8), np.array(labels)
    pieces = [labels[i : i + window] for i in range(0, 8 - window + 1, step)]
    X, y = make_label_windows(series, labels, window, step=step)
    assert_same(X, [series[i : i + window] for i in range(0, 8 - window + 1, step)])
    assert y.tolist() == [piece[-1] for piece in pieces]
    _, y = make_label_windows(series, labels, window, step=step, label="most")
    assert y.tolist() == [max(sorted(set(p)), key=p.tolist().count) for p in pieces]
    _, y = make_label_windows(series, labels == "b", window, step=step, label="any")
    assert y.tolist() == ["b" in piece for piece in pieces]
    two = make_label_windows([series, series], [labels, labels], window, step=step)[1]
    assert two.tolist() == 2 * [piece[-1] for piece in pieces]


@pytest.mark.parametrize("library", LIBRARIES)
def test_labels_may_be_a_column(library):
    """The column of labels is no feature."""
    table = LIBRARIES[library]({"v": [1.0, 2.0, 3.0], "state": ["on", "on", "off"]})
    X, y = make_label_windows(table, "state", 2)
    assert (X.feature_names, y.tolist()) == (("v",), ["on", "off"])
    assert make_label_windows([table, table], "state", 3)[1].tolist() == ["off", "off"]
    both = Sequences.from_arrays([table, table[1:]])
    X, y = make_label_windows(both, "state", 2)
    assert (X.feature_names, y.tolist()) == (("v",), ["on", "off", "off"])
    np.testing.assert_array_equal(np.ravel(list(X)), [1.0, 2.0, 2.0, 3.0, 2.0, 3.0])


def test_windows_without_a_label_are_left_out():
    """Only missing labels that a window needs count."""
    labels = [None, "a", None, "b", "b"]
    assert make_label_windows(with_nan()[:5], labels, 2, missing="drop")[1].tolist() == [
        "a",
        "b",
        "b",
    ]
    most = make_label_windows(with_nan()[:5], labels, 2, label="most", missing="drop")
    assert_same([most[0]], [np.array([[3.0, 4.0]])])
    _, y = make_label_windows(np.arange(3), [np.nan, 1, 0], 2)
    assert y.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: make_label_windows(FRAME, list("abc"), 2),
            r"series 0 have shape \(3,\); expected \(4",
        ),
        (
            lambda: make_label_windows([FRAME], [], 2),
            r"labels has 0 entries, but there are 1 series",
        ),
        (
            lambda: make_label_windows(FRAME, "b", 2),
            r"no column 'b' of labels; choose from \['a'\]",
        ),
        (lambda: make_label_windows([1, 2], "b", 2), r"labels='b' is the name of a column, but"),
        (
            lambda: make_label_windows([1, 2], "ab", 2, label="first"),
            r"label must be one of \['any'",
        ),
        (
            lambda: make_label_windows([1, 2], ["a", "b"], 2, label="any"),
            r"0 and 1; got \['a', 'b'\]",
        ),
        (lambda: make_label_windows([1, 2], ["a", None], 2), r"label at step 1 is missing.*'drop'"),
        (lambda: make_label_windows([1, 2], ["a", "a"], 3), r"2 steps; window=3 need at least 3"),
        (lambda: make_label_windows(FRAME, None, 2), r"labels is None; expected the label of each"),
        (
            lambda: make_label_windows([1, 2], np.array(["a", 1], dtype=object), 2),
            r"labels mixes strings and other types",
        ),
        (
            lambda: make_label_windows([1, 2], ["a", 1], 2),
            r"labels mixes strings and other types; expected labels of one type",
        ),
        (
            lambda: make_label_windows([1, 2], ["a", float("nan")], 2),
            r"label at step 1 is missing",
        ),
        (lambda: make_label_windows([1, 2], [["a"], ["a", "b"]], 2), r"labels holds lists of diff"),
        (
            lambda: last_windows(FRAME, 2, known_columns="a"),
            r"future must hold the .*\['a'\] at the 1",
        ),
        (lambda: last_windows(FRAME, 2, future=FRAME), r"but known_columns=None"),
        (
            lambda: last_windows(FRAME, 2, known_columns="a", future=FRAME),
            r"1 tables of \[4\] steps",
        ),
        (
            lambda: last_windows(FRAME, 2, known_columns="a", future=pd.DataFrame({"b": [1]})),
            r"future has the columns \['b'\]; \['a'\] of known_columns are missing",
        ),
        (
            lambda: last_windows(FRAME, 2, known_columns="a", future=[np.nan]),
            r"The values in future hold missing values \(NaN\): step 0",
        ),
        (lambda: last_windows([1, np.nan], 2), r"step 1\. Only its last 1 steps .*missing='keep'"),
        (
            lambda: make_windows(FRAME, 2, known_columns="a"),
            r"contains every feature, so that it n",
        ),
        (
            lambda: make_windows(FRAME, 2, known_columns="a", target_columns="a"),
            r"known_columns contains 'a', so that it need not be forecast",
        ),
        (
            lambda: make_windows(FRAME.assign(**{"a+1": 1}), 2, known_columns="a"),
            r"known_columns adds a column 'a\+1', but the series has one; rename it",
        ),
        (lambda: make_windows([1, 2, 3], 2, known_columns=0), r"known_columns=0 needs features to"),
        (lambda: make_windows(FRAME, 2, target_columns=[True]), r"target_columns contains True"),
        (
            lambda: make_windows(pd.concat([FRAME, FRAME], axis=1), 2, target_columns="a"),
            r"contains 'a', the name of several columns",
        ),
    ],
)
def test_invalid_labels_and_known_features_are_refused(call, message):
    """Each error states what was passed and what is expected."""
    with pytest.raises(ValueError, match=message):
        call()


# StepTransformer


@parametrize_with_checks(
    [
        StepTransformer(transformer)
        for transformer in (StandardScaler(), PCA(), TargetEncoder(), "passthrough")
    ]
)
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
        ([1.0, 2.0], r"Sequence 0 is one value, 1.0; .* one step, pass \[\[x\] for x in X\]"),
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
    with pytest.raises(TypeError, match=r"transformer=<class .* pass a scikit-learn transformer"):
        StepTransformer(StandardScaler).fit([[1.0]])


LENGTHS = (5, 1, 7, 4)
LABELS = ["no", "yes", "no", "yes"]


def log_frames():
    """Return sequences of numbers, counts, flags and words as DataFrames."""
    rng = np.random.default_rng(0)
    return [
        pd.DataFrame(
            {
                "speed": rng.normal(size=n),
                "count": rng.integers(0, 5, n),
                "open": rng.integers(0, 2, n).astype(bool),
                "mode": rng.choice(["run", "walk"], n),
            }
        )
        for n in LENGTHS
    ]


def to_arrow(frame):
    """Return a DataFrame as an Arrow table."""
    return pa.Table.from_pandas(frame, preserve_index=False)


def object_frames(frames):
    """Return an object array of DataFrames."""
    out = np.empty(len(frames), dtype=object)
    out[:] = frames
    return out


FRAMES = {
    "pandas": list,
    "tuple": tuple,
    "objects": object_frames,
    "polars": lambda frames: [pl.from_pandas(frame) for frame in frames],
    "arrow": lambda frames: [to_arrow(frame) for frame in frames],
    "sequences": Sequences.from_arrays,
    "sequences of polars": lambda frames: Sequences(
        pl.from_pandas(pd.concat(frames)), np.cumsum([0, *LENGTHS])
    ),
}
NUMBERS_AND_WORDS = {
    "columns by name": ColumnTransformer(
        [("n", StandardScaler(), ["speed", "count"]), ("w", OneHotEncoder(), ["mode"])],
        remainder="passthrough",
    ),
    "short names, sparse": ColumnTransformer(
        [("n", StandardScaler(), ["speed"]), ("w", OneHotEncoder(), ["mode", "open"])],
        sparse_threshold=1.0,
        verbose_feature_names_out=False,
    ),
    "columns by place": make_column_transformer(
        (StandardScaler(), [0, 1]), (OrdinalEncoder(), [3]), (SimpleImputer(), [1])
    ),
    "columns by type": make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(), make_column_selector(dtype_exclude="number")),
    ),
    "targets": make_column_transformer((TargetEncoder(cv=KFold(2)), ["mode"])),
    "pipeline": make_pipeline(OneHotEncoder(sparse_output=False), PCA(2)),
    "ordinal": OrdinalEncoder(),
    "imputer": SimpleImputer(strategy="most_frequent"),
}
NUMBERS_ONLY = {
    "bins": KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"),
    "polynomial": PolynomialFeatures(2),
    "pca": PCA(2),
    "choice": SelectKBest(k=1),
    "function": FunctionTransformer(np.cbrt),
}


MIXED_ROWS = [[[1.0, "a"], [2.0, "b"]], [[3.0, "a"], [6.0, "c"]]]
MIXED_STEPS = np.array([[1.0, "a"], [2.0, "b"], [3.0, "a"], [6.0, "c"]], dtype=object)
BY_PLACE = ColumnTransformer([("n", StandardScaler(), [0]), ("w", OneHotEncoder(), [1])])


def dense(steps):
    """Return the result of a transformer as an array."""
    return np.asarray(steps.toarray() if hasattr(steps, "toarray") else steps)


def joined(sequences):
    """Return the rows of all sequences as one array."""
    return np.concatenate([np.asarray(sequence) for sequence in sequences])


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("name", sorted({*NUMBERS_AND_WORDS, *NUMBERS_ONLY} - {"columns by type"}))
def test_frames_are_transformed_as_their_table_of_steps(kind, name):
    """The result, its names and a later transform are those of the transformer, cut again."""
    transformer = (NUMBERS_AND_WORDS | NUMBERS_ONLY)[name]
    frames = log_frames()
    if name in NUMBERS_ONLY:
        frames = [frame[["speed", "count"]] for frame in frames]
    X, steps, targets = FRAMES[kind](frames), pd.concat(frames), np.repeat(LABELS, LENGTHS)
    ours, theirs = StepTransformer(transformer), clone(transformer)
    out, expected = ours.fit_transform(X, LABELS), dense(theirs.fit_transform(steps, targets))
    assert [len(x) for x in out] == list(LENGTHS)
    np.testing.assert_array_equal(joined(out), expected)
    np.testing.assert_array_equal(joined(ours.transform(X)), dense(theirs.transform(steps)))
    assert (type(out), ours.feature_names_in_.tolist()) == (type(X), list(steps.columns))
    if hasattr(theirs, "get_feature_names_out"):
        assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())


@pytest.mark.parametrize("kind", ["pandas", "arrow", "sequences"])
def test_columns_are_selected_by_type(kind):
    """The selector of scikit-learn, which knows pandas only, sees the types of the columns."""
    transformer, frames = NUMBERS_AND_WORDS["columns by type"], log_frames()
    out = StepTransformer(transformer).fit_transform(FRAMES[kind](frames))
    np.testing.assert_array_equal(joined(out), dense(transformer.fit_transform(pd.concat(frames))))


def test_tables_of_several_libraries_are_joined():
    """As estimators read them."""
    frames = [frame[["speed", "count"]] for frame in log_frames()]
    mixed = [pl.from_pandas(frames[0]), *frames[1:]]
    out = StepTransformer(StandardScaler()).fit_transform(mixed)
    expected = StepTransformer(StandardScaler()).fit_transform(frames)
    np.testing.assert_array_equal(joined(out), joined(expected))


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("name", ["columns by name", "ordinal"])
def test_columns_are_matched_by_name(kind, name):
    """Other orders of the columns, in some sequences or in all, change nothing."""
    frames = log_frames()
    turned = [frame[frame.columns[::-1]] for frame in frames]
    alternating = [turned[0], frames[1], turned[2], frames[3]]
    fitted = StepTransformer(NUMBERS_AND_WORDS[name]).fit(FRAMES[kind](frames))
    expected = joined(fitted.transform(FRAMES[kind](frames)))
    np.testing.assert_array_equal(joined(fitted.transform(FRAMES[kind](turned))), expected)
    if kind != "sequences of polars":  # pandas has joined its columns by name
        mixed = [frames[0], *turned[1:]]
        again = StepTransformer(NUMBERS_AND_WORDS[name]).fit(FRAMES[kind](mixed))
        if name == "ordinal":  # it returns the columns in the order that it gets, sorted by name
            expected = expected[:, np.argsort(frames[0].columns)]
        np.testing.assert_array_equal(joined(again.transform(FRAMES[kind](alternating))), expected)


def test_numbered_columns_are_matched_by_number():
    """Columns without names keep their numbers when they change places, also in `fit`."""
    frames = [pd.DataFrame(np.arange(6.0).reshape(3, 2) ** 2), pd.DataFrame([[1.0, -2.0]])]
    turned = [frame[[1, 0]] for frame in frames]
    fitted = StepTransformer(StandardScaler()).fit(frames)
    expected = joined(fitted.transform(frames))
    np.testing.assert_array_equal(joined(fitted.transform(turned)), expected)
    again = StepTransformer(StandardScaler()).fit(turned)
    np.testing.assert_array_equal(joined(again.transform(frames)), expected)
    assert not hasattr(fitted, "feature_names_in_")


def test_other_integers_are_names():
    """Columns named by integers that do not number them are matched as well."""
    frame = pd.DataFrame({3: [1.0, 2.0], 7: [30.0, 90.0]})
    fitted = StepTransformer(StandardScaler()).fit([frame])
    assert_same(fitted.transform([frame[[7, 3]]]), fitted.transform([frame]))


def test_named_sequences_stay_named():
    """`Sequences` with names are selected by name and matched by name, and get names out."""
    values = np.random.default_rng(0).normal(size=(6, 2))
    X = Sequences(values, [0, 2, 6], feature_names=["a", "b"])
    turned = Sequences(values[:, ::-1], [0, 2, 6], feature_names=["b", "a"])
    columns = ColumnTransformer([("n", StandardScaler(), ["b"]), ("rest", "passthrough", ["a"])])
    fitted = StepTransformer(columns).fit(X)
    out = fitted.transform(turned)
    expected = np.c_[StandardScaler().fit_transform(values)[:, 1], values[:, 0]]
    np.testing.assert_allclose(out.values, expected)
    assert out.feature_names == ("n__b", "rest__a")
    scaler = StepTransformer(StandardScaler())
    assert scaler.inverse_transform(scaler.fit_transform(X)).feature_names == ("a", "b")
    assert StepTransformer(PCA()).fit_transform(Sequences(values, [0, 6])).feature_names is None


def test_named_sequences_of_objects_have_types():
    """The columns of an object array with names are selected by type."""
    X = Sequences(MIXED_STEPS, [0, 1, 4], feature_names=["speed", "mode"])
    out = StepTransformer(NUMBERS_AND_WORDS["columns by type"]).fit_transform(X)
    np.testing.assert_array_equal(out.values, dense(clone(BY_PLACE).fit_transform(MIXED_STEPS)))


def test_sequences_keep_what_does_not_change_in_time():
    """Features of whole sequences and codes go through."""
    codes = np.zeros((5, 1), dtype=np.int32)
    X = Sequences(np.ones((5, 2)), [0, 2, 5], codes).with_static(np.ones((2, 3)))
    out = StepTransformer(PolynomialFeatures()).fit_transform(X)
    assert out.values.shape == (5, 6)
    assert out.static_values is X.static_values
    assert out.codes is codes


@pytest.mark.parametrize(
    "X",
    [
        MIXED_ROWS,
        tuple(MIXED_ROWS),
        [np.array(rows, dtype=object) for rows in MIXED_ROWS],
        np.array(MIXED_ROWS, dtype=object),
        Sequences(MIXED_STEPS, [0, 2, 4]),
        [MIXED_ROWS[0], MIXED_ROWS[1][:1], MIXED_ROWS[1][1:]],
    ],
    ids=["lists", "tuple", "object arrays", "3-D", "Sequences", "ragged lists"],
)
def test_numbers_alongside_words_stay_numbers(X):
    """Rows of both are not read as text."""
    out = StepTransformer(BY_PLACE).fit_transform(X)
    np.testing.assert_array_equal(joined(out), dense(clone(BY_PLACE).fit_transform(MIXED_STEPS)))


def test_kinds_of_values_stay_between_sequences():
    """A sequence of numbers is not turned into text by one of words, nor a digit into a number."""
    out = StepTransformer("passthrough").fit_transform([np.array(["a"]), np.array([1.5])])
    assert [x.tolist() for x in out] == [["a"], [1.5]]
    out = StepTransformer("passthrough").fit_transform([[["a", 1.5], ["b", 2.5]], [["c", 3.5]]])
    assert [x.tolist() for x in out] == [[["a", 1.5], ["b", 2.5]], [["c", 3.5]]]
    digits = [np.array([["1"], ["2"]], dtype=object)]
    out = StepTransformer(FunctionTransformer()).fit_transform(digits)
    assert out[0].tolist() == [["1"], ["2"]]


@pytest.mark.parametrize(
    "X",
    [
        [np.ma.array([[1.0], [99.0]], mask=[[False], [True]]), np.array([[3.0]])],
        [np.array([[1], [pd.NA]], dtype=object), np.array([[3]], dtype=object)],
        [np.array([[1.0], [None]], dtype=object), np.array([[3.0]])],
        [pd.DataFrame({"a": pd.array([1, None], "Int64")}), pd.DataFrame({"a": [3]})],
        [pl.DataFrame({"a": [1.0, None]}), pl.DataFrame({"a": [3.0]})],
        [pa.table({"a": [1, None]}), pa.table({"a": [3]})],
        Sequences(np.ma.array([1.0, 99.0, 3.0], mask=[0, 1, 0]), [0, 2, 3]),
        [pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": [None]}), pd.DataFrame({"a": [3.0]})],
    ],
)
def test_every_form_of_a_missing_value_is_filled(X):
    """Masked entries and markers of missing values reach an imputer as NaN."""
    out = StepTransformer(SimpleImputer()).fit_transform(X)
    np.testing.assert_array_equal(joined(out).ravel(), [1, 2, 3])


def test_masks_count_in_arrays():
    """A masked array is read alike before and after a list."""
    X = np.ma.array([[[1.0], [99.0]]], mask=[[[False], [True]]])
    fitted = StepTransformer(SimpleImputer()).fit([np.array([[5.0]])])
    assert fitted.transform(X).ravel().tolist() == [1.0, 5.0]
    assert StepTransformer(SimpleImputer()).fit_transform(X[..., 0]).tolist() == [[1.0, 1.0]]


def test_objects_that_are_numbers_are_numbers():
    """Object arrays of numbers are computed with, as in scikit-learn."""
    X = [np.array([[1], [True]], dtype=object), np.array([[4.0]], dtype=object)]
    out = StepTransformer(FunctionTransformer(np.sqrt)).fit_transform(X)
    assert_same(out, [np.array([[1.0], [1.0]]), np.array([[2.0]])])
    ids = StepTransformer(OneHotEncoder()).fit([np.array([[7], [8]], dtype=object)])
    assert list(ids.get_feature_names_out()) == ["x0_7", "x0_8"]


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, 0, 1],
        np.array([0, 1, 0, 1]),
        pd.Series([0, 1, 0, 1]),
        [np.arange(n) % 2 for n in LENGTHS],
        [(np.arange(n) % 2).tolist() for n in LENGTHS],
        Sequences.from_arrays([np.arange(n) % 2 for n in LENGTHS]),
    ],
    ids=["list", "array", "Series", "arrays per step", "lists per step", "Sequences"],
)
def test_targets_reach_the_transformer(y):
    """One target per sequence is repeated at each step; those per step are taken as they are."""
    frames = [frame[["mode"]] for frame in log_frames()]
    per_step = np.ndim(y[0]) > 0
    targets = joined(y) if per_step else np.repeat(np.asarray(y), LENGTHS)
    ours = StepTransformer(TargetEncoder(cv=KFold(2))).fit_transform(frames, y)
    expected = TargetEncoder(cv=KFold(2)).fit_transform(pd.concat(frames), targets)
    np.testing.assert_array_equal(joined(ours), expected)


def test_a_transformer_without_targets_accepts_any():
    """The form of y may be one that is only known to the estimator of a pipeline."""
    X = [np.ones((2, 1)), np.ones((1, 1))]
    for y in (["a text", "another"], [[1, 2, 3], [4]], [1, None]):
        assert_same(StepTransformer(PolynomialFeatures(1)).fit_transform(X, y)[0], np.ones((2, 2)))


WEIGHTS = np.array([1.0, 0.0, 3.0, 2.0])


@pytest.mark.parametrize("method", ["fit", "partial_fit", "fit_transform"])
@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("per_step", [False, True])
def test_weights_are_those_of_steps(method, routing, per_step):
    """The weight of a sequence is that of each of its steps."""
    frames = [frame[["speed"]] for frame in log_frames()]
    weights = [np.arange(1.0, n + 1) for n in LENGTHS] if per_step else WEIGHTS
    flat = joined(weights) if per_step else np.repeat(WEIGHTS, LENGTHS)
    expected = StandardScaler().fit(pd.concat(frames), sample_weight=flat)
    with sklearn.config_context(enable_metadata_routing=routing):
        scaler = StandardScaler()
        if routing:
            scaler.set_fit_request(sample_weight=True).set_partial_fit_request(sample_weight=True)
        ours = StepTransformer(scaler)
        getattr(ours, method)(frames, sample_weight=weights)
    np.testing.assert_array_equal(ours.transformer_.mean_, expected.mean_)
    np.testing.assert_array_equal(ours.transformer_.var_, expected.var_)


def test_weights_are_routed_through_a_pipeline():
    """A pipeline passes weights to the transformer and to the network."""
    frames = [frame[["speed"]] for frame in log_frames()]
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StepTransformer(StandardScaler().set_fit_request(sample_weight=True))
        network = RNNClassifier(hidden_size=2, max_epochs=1).set_fit_request(sample_weight=False)
        model = make_pipeline(scaler, network).fit(frames, LABELS, sample_weight=WEIGHTS)
    expected = np.average(joined(frames)[:, 0], weights=np.repeat(WEIGHTS, LENGTHS))
    np.testing.assert_allclose(model[0].transformer_.mean_, expected)


def test_partial_fit_continues():
    """Parts give the statistics of the whole, with the columns of the first part."""
    frames = [frame[["speed", "count"]] for frame in log_frames()]
    turned = [frame[["count", "speed"]] for frame in frames]
    ours = StepTransformer(StandardScaler()).partial_fit(frames[:2]).partial_fit(turned[2:])
    expected = StandardScaler().fit(pd.concat(frames))
    np.testing.assert_allclose(ours.transformer_.mean_, expected.mean_)
    assert ours.transformer_.n_samples_seen_ == sum(LENGTHS)
    assert not hasattr(StepTransformer(PCA()), "partial_fit")


class Recorder(BaseEstimator):
    """Transformer that keeps the targets of its last part."""

    def fit(self, X, y=None):
        """Keep the targets."""
        return self.partial_fit(X, y)

    def partial_fit(self, X, y=None):
        """Keep the targets."""
        self.y_ = y
        return self

    def transform(self, X):
        """Return the steps as they are."""
        return X


def test_every_part_has_targets():
    """The targets of each part are repeated at its steps."""
    X = [np.ones((1, 1)), np.ones((2, 1))]
    ours = StepTransformer(Recorder()).partial_fit(X, ["a", "b"])
    assert ours.transformer_.y_.tolist() == ["a", "b", "b"]
    assert ours.partial_fit(X, ["c", "d"]).transformer_.y_.tolist() == ["c", "d", "d"]


BY_NAME = ColumnTransformer(
    [
        ("n", StandardScaler(), ["speed"]),
        ("w", OneHotEncoder(sparse_output=False), ["mode"]),
        ("rest", "passthrough", ["open"]),
    ]
)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("kind", [*FRAMES, "arrays"])
@pytest.mark.parametrize("where", ["outside", "inside", "everywhere", "after fit"])
def test_set_output_returns_frames(library, kind, where):
    """Sequences are DataFrames with names and types, as the transformer returns them."""
    frames = log_frames()
    if kind == "arrays":
        frames = [frame[["speed", "count"]].to_numpy() for frame in frames]
    inner = clone(StandardScaler() if kind == "arrays" else BY_NAME)
    X = frames if kind == "arrays" else FRAMES[kind](frames)
    with sklearn.config_context(transform_output=library if where == "everywhere" else "default"):
        if where == "inside":
            inner.set_output(transform=library)
        ours = StepTransformer(inner)
        if where == "outside":
            ours = clone(ours.set_output(transform=library))
        ours = ours.fit(X, LABELS)
        if where == "after fit":
            ours.set_output(transform=library)
        out = ours.transform(X)
    assert [len(x) for x in out] == list(LENGTHS)
    assert {type(x).__module__.partition(".")[0] for x in out} == {library}
    assert [list(x.columns) for x in out] == [list(ours.get_feature_names_out())] * len(LENGTHS)
    np.testing.assert_array_equal(
        joined(out), joined(clone(ours).set_output(transform="default").fit_transform(X))
    )


def test_the_inverse_matches_names():
    """Transformed DataFrames in another order are put in order, other names are refused."""
    frames = [frame[SPEED_COUNT] for frame in log_frames()]
    scaler = StepTransformer(StandardScaler()).set_output(transform="pandas")
    out = scaler.fit_transform(frames)
    back = scaler.inverse_transform([frame[["count", "speed"]] for frame in out])
    np.testing.assert_allclose(joined(back), joined(frames), atol=1e-12)
    with pytest.raises(ValueError, match=r"\['speed'\] are missing"):
        scaler.inverse_transform([out[0].rename(columns={"speed": "pace"})])


def test_output_set_after_fit_keeps_types():
    """The transformer itself returns DataFrames, whose columns have types of their own."""
    frames = log_frames()
    ours = StepTransformer(clone(BY_NAME)).fit(frames).set_output(transform="pandas")
    assert ours.transform(frames)[0]["rest__open"].dtype == bool


def test_frames_out_keep_their_index():
    """The rows of DataFrames keep their labels, those of one table too."""
    days = pd.date_range("2026-01-01", periods=3)
    frames = [pd.DataFrame({"a": [1.0, 2.0, 3.0]}, index=days)] * 2
    scaler = StepTransformer(StandardScaler()).set_output(transform="pandas")
    assert all(out.index.equals(days) for out in scaler.fit_transform(frames))
    table = pd.DataFrame(np.eye(2), columns=["jan", "feb"], index=["x", "y"])
    out = scaler.fit_transform(table)
    assert (list(out.index), list(out.columns)) == (["x", "y"], ["jan", "feb"])
    np.testing.assert_array_equal(out, StepTransformer(StandardScaler()).fit_transform(table))
    inside = StepTransformer(StandardScaler().set_output(transform="pandas"))
    pd.testing.assert_frame_equal(inside.fit_transform(table), out)


def test_an_array_becomes_a_list_of_frames():
    """An array cannot hold DataFrames."""
    scaler = StepTransformer(PolynomialFeatures(2)).set_output(transform="pandas")
    for X in (np.ones((2, 4)), np.ones((2, 4, 1))):
        assert [list(out.columns) for out in scaler.fit_transform(X)] == [["1", "x0", "x0^2"]] * 2


class Doubler(BaseEstimator):
    """Transformer without scikit-learn's mixins."""

    def fit(self, X, y=None):
        """Learn nothing."""
        return self

    def transform(self, X):
        """Return twice the numbers."""
        return 2 * np.asarray(X)

    def get_feature_names_out(self, input_features=None):
        """Return one name."""
        return np.array(["double"], dtype=object)


def test_plain_transformers_give_frames_as_well():
    """A transformer needs neither `fit_transform` nor `set_output`."""
    ours = StepTransformer(Doubler())
    assert_same(ours.fit_transform([np.ones((2, 1))]), [np.full((2, 1), 2.0)])
    out = ours.set_output(transform="polars").fit_transform([np.ones((2, 1))])
    assert out[0].to_dict(as_series=False) == {"double": [2.0, 2.0]}


@pytest.mark.parametrize(
    "library", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"]
)
def test_columns_of_sequences(library):
    """A table whose cells are sequences keeps this form; its columns are the features."""
    X = library({"speed": [[0.0, 1.0, 5.0], [3.0]], "mode": [["a", "b", "a"], ["b"]]})
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["speed"]), ("w", OneHotEncoder(), ["mode"])]
    )
    steps = pd.DataFrame({"speed": [0.0, 1.0, 5.0, 3.0], "mode": ["a", "b", "a", "b"]})
    out = StepTransformer(columns).fit(X).transform(X)
    expected = dense(clone(columns).fit_transform(steps))
    assert out.shape == (2, 3)
    for j in range(3):
        np.testing.assert_array_equal(np.concatenate(out[:, j]), expected[:, j])
    scaler = StepTransformer(OrdinalEncoder())
    back = scaler.inverse_transform(scaler.fit_transform(X))
    assert [cell.tolist() for cell in back[0]] == [[0.0, 1.0, 5.0], ["a", "b", "a"]]


def test_a_column_of_sequences_in_a_column_transformer():
    """Sequences are transformed per step alongside features of whole sequences."""
    X = pd.DataFrame({"speed": [[0.0, 2.0], [4.0]], "age": [30.0, 50.0]})
    columns = ColumnTransformer(
        [
            ("steps", StepTransformer(StandardScaler(with_std=False)), ["speed"]),
            ("static", StandardScaler(), ["age"]),
        ]
    )
    out = columns.fit_transform(X)
    assert [out[0, 0].tolist(), out[1, 0].tolist()] == [[-2.0, 0.0], [2.0]]
    assert out[:, 1].tolist() == [-1.0, 1.0]
    frame = columns.set_output(transform="pandas").fit_transform(X)
    assert list(frame.columns) == ["steps__speed", "static__age"]
    assert frame["steps__speed"][1].tolist() == [2.0]


def test_passthrough_and_grid_search():
    """The word "passthrough" returns the steps as they are, and can be searched over."""
    frames = log_frames()
    out = StepTransformer("passthrough").fit_transform(frames)
    pd.testing.assert_frame_equal(out[2], frames[2])
    numbers = [frame[["speed"]].to_numpy() for frame in frames] * 3
    model = make_pipeline(
        StepTransformer("passthrough"),
        FunctionTransformer(lambda X: [x[0] for x in X]),
        LinearRegression(),
    )
    grid = {"steptransformer__transformer": ["passthrough", StandardScaler()]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(numbers, np.arange(12.0))
    assert len(search.cv_results_["params"]) == 2


def test_a_pipeline_of_mixed_columns():
    """A classifier after encoded columns: names count at predict, in copies too."""
    frames = log_frames()
    turned = [frame[frame.columns[::-1]] for frame in frames]
    network = RNNClassifier(hidden_size=2, max_epochs=1, random_state=0)
    model = make_pipeline(StepTransformer(BY_NAME), network).fit(frames, LABELS)
    expected = model.predict_proba(frames)
    np.testing.assert_array_equal(model.predict_proba(turned), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(turned), expected)
    assert "StandardScaler" in model._repr_html_()
    assert model.get_params()["steptransformer__transformer__n__with_mean"] is True


def test_tags_are_those_of_the_transformer():
    """What the transformer accepts and requires is known outside."""
    tags = get_tags(StepTransformer(TargetEncoder()))
    assert tags.target_tags.required
    assert tags.input_tags.categorical
    assert not get_tags(StepTransformer(PCA())).input_tags.allow_nan
    assert get_tags(StepTransformer(SimpleImputer())).input_tags.allow_nan
    assert get_tags(StepTransformer(OneHotEncoder())).input_tags.categorical
    assert not get_tags(StepTransformer("scale")).target_tags.required


def frames_of(*columns):
    """Return some of the columns."""
    return [frame[list(columns)] for frame in log_frames()]


SPEED_COUNT = ["speed", "count"]


@pytest.mark.parametrize(
    ("transformer", "X", "message"),
    [
        (
            StandardScaler(),
            frames_of("speed"),
            r"0 are \['speed'\], those seen in fit are \['speed', 'count'\]; \['count'\] are",
        ),
        (StandardScaler(), frames_of("speed", "count", "mode"), r"\['mode'\] are unknown"),
        (
            StandardScaler(),
            [*frames_of("speed", "count"), log_frames()[0][["speed"]]],
            r"The columns of sequence 4 are \['speed'\]",
        ),
        (StandardScaler(), Sequences.from_arrays(frames_of("speed")), r"\['count'\] are missing"),
        (
            StandardScaler(),
            Sequences(np.ones((3, 1)), [0, 3], feature_names=["speed"]),
            r"\['count'\] are missing",
        ),
        (
            StandardScaler(),
            [log_frames()[0][["speed", "count"]], np.ones((2, 2))],
            r"Sequence 0 of X has names of columns, sequence 1, of type ndarray, has none\.",
        ),
        (
            StandardScaler(),
            [log_frames()[0][["speed", "count"]].iloc[:, [0, 1, 1]]],
            r"two columns of the name 'count'",
        ),
        (StandardScaler(), [pl.DataFrame({"speed": [1.0]}).lazy()], r"LazyFrame, .* not in memory"),
        (
            StandardScaler(),
            [log_frames()[0][SPEED_COUNT], pd.DataFrame({"speed": [0.0, np.inf], "count": 1})],
            r"(?s)contains infinity.*The first one is inf in sequence 1, step 1, feature 'speed'",
        ),
        (
            PCA(),
            [log_frames()[0][SPEED_COUNT], pd.DataFrame({"speed": 0.0, "count": [1, np.nan]})],
            r"(?s)contains NaN.*The first one is nan in sequence 1, step 1, feature 'count'",
        ),
    ],
)
def test_transform_refuses(transformer, X, message):
    """Errors name columns and places."""
    fitted = StepTransformer(transformer).fit(frames_of("speed", "count"))
    with pytest.raises(ValueError, match=message):
        fitted.transform(X)


ON_Y = make_column_transformer((SelectKBest(k=1), [0]))


@pytest.mark.parametrize(
    ("transformer", "X", "y", "message"),
    [
        (
            StandardScaler(),
            log_frames(),
            None,
            r"(?s)could not convert string to float.*'run' in sequence 0, step 0, feature 'mode'",
        ),
        (
            StandardScaler(),
            [np.array([[1.0, "a"]], dtype=object)],
            None,
            r"(?s)could not convert string to float.*'a' in sequence 0, step 0, feature 1",
        ),
        (BY_NAME, log_frames()[0], None, r"(?s)only supported for dataframes.*columns are steps"),
        (BY_NAME, [np.ones((2, 3))], None, r"(?s)only supported for dataframes.*No names"),
        (TargetEncoder(), frames_of("mode"), None, r"requires y to be passed, but the target y is"),
        (TargetEncoder(), frames_of("mode"), [1, 2], r"X has 4 sequences, y has 2"),
        (StandardScaler(), [np.eye(2)] * 2, [1, 2, 3], r"X has 2 sequences, y has 3"),
        ("passthrough", [np.eye(2)] * 2, 7, r"X has 2 sequences, y has 1: .* Pass one entry of y"),
        (ON_Y, [np.eye(2)] * 2, [[1, 2, 3], [1]], r"Sequence 0 has 2 steps in X but 3 targets"),
        (
            ON_Y,
            [np.eye(2)] * 2,
            [[1, 2], [1, None]],
            r"target of sequence 1, step 1 is missing \(N",
        ),
        (
            TargetEncoder(cv=2),
            frames_of("mode"),
            ["a", None, "b", "a"],
            r"target of sequence 1, step 0",
        ),
        (
            SelectKBest(k=1),
            [np.eye(2)] * 2,
            [1.0, np.nan],
            r"target of sequence 1, step 0 is missing \(nan\)",
        ),
        (
            ON_Y,
            [np.array([[1.0], [np.inf]])] * 2,
            [1, None],
            r"Input X contains infinity",
        ),
        (
            StandardScaler(),
            ["ab", "c"],
            None,
            r"Sequence 0 is the text 'ab'; .* \[list\(text\) for",
        ),
        (
            StandardScaler(),
            [1.0, 2.0],
            None,
            r"Sequence 0 is one value, 1.0; .* sequence, pass \[X\]",
        ),
        (
            StandardScaler(),
            [np.ones((1, 1, 1))],
            None,
            r"Sequence 0 has 3 dimensions; .* several sequences without a list",
        ),
        (StandardScaler(), [FRAME.to_records()], None, r"Sequence 0 holds records .* pandas.DataF"),
        (
            TargetEncoder(),
            frames_of("mode"),
            [[1] * 5, [1], [1] * 7, [1] * 3],
            r"Sequence 3 has 4 steps in X but 3 targets in y",
        ),
        (
            FunctionTransformer(lambda steps: steps[1:]),
            [np.ones((2, 1))] * 2,
            None,
            r"FunctionTransformer returned 3 rows for 4 steps, but every step must remain one row",
        ),
        (
            FunctionTransformer(lambda steps: steps.mean()),
            [np.ones((2, 1))],
            None,
            r"returned 1 rows for 2 steps",
        ),
        (
            StandardScaler(),
            pd.DataFrame({"a": [[1.0, 2.0], [3.0]], "b": [1.0, 2.0]}),
            None,
            r"Column 'b' of X holds a value of shape \(\) in row 0; .* in a ColumnTransformer",
        ),
        (
            StandardScaler(),
            pd.DataFrame({"a": [[1.0, 2.0], None]}),
            None,
            r"Column 'a' of X holds a value of shape \(\) in row 1",
        ),
    ],
)
def test_fit_refuses(transformer, X, y, message):
    """Errors name sequences, and tell what to pass."""
    with pytest.raises(ValueError, match=message):
        StepTransformer(transformer).fit_transform(X, y)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (
            pd.date_range("2026-01-01", periods=3),
            r"look like steps.*pass \[X\].*reset_index\(drop=True",
        ),
        (
            pd.period_range("2026-01", periods=3, freq="M"),
            r"Index of 3 rows, which look like steps",
        ),
        (pd.timedelta_range("1h", periods=3), r"Index of 3 rows, which look like steps"),
        (
            pd.MultiIndex.from_product([["a"], [1, 2, 3]], names=["id", "day"]),
            r"MultiIndex of 3 rows.*from_long\(X\)\[0\]",
        ),
    ],
    ids=["dates", "periods", "durations", "panel"],
)
@pytest.mark.parametrize("method", ["fit", "transform"])
def test_rows_that_are_steps_are_not_read_as_sequences(index, message, method):
    """One table whose index says that rows are steps is an error that shows both readings."""
    table = pd.DataFrame(np.eye(3), columns=list("abc"), index=index)
    scaler = StepTransformer(StandardScaler()).fit(table.reset_index(drop=True))
    with pytest.raises(ValueError, match=message):
        getattr(scaler, method)(table)
    assert scaler.fit_transform([table])[0].shape == (3, 3)


def test_unknown_output():
    """The error lists the types; None changes nothing."""
    scaler = StepTransformer(StandardScaler()).set_output(transform="pandas").set_output()
    assert isinstance(scaler.fit_transform([np.ones((2, 1))])[0], pd.DataFrame)
    with pytest.raises(ValueError, match=r"transform='xml' is unknown; choose from \['default',"):
        scaler.set_output(transform="xml")


def test_unrequested_metadata_are_refused():
    """With routing, each object says what it wants."""
    with (
        sklearn.config_context(enable_metadata_routing=True),
        pytest.raises(ValueError, match="not explicitly set as requested"),
    ):
        StepTransformer(StandardScaler()).fit([np.ones((2, 1))], sample_weight=[1.0])


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


# Long tables

EVENTS = pd.DataFrame(
    {
        "store": ["x", "y", "x", "y"],
        "item": [1, 1, 1, 2],
        "day": pd.to_datetime(["2026-01-02", "2026-01-01", "2026-01-01", "2026-01-03"]),
        "sold": [1.0, 2.0, 3.0, 4.0],
        "open": [True, False, True, True],
    }
)
SALES = EVENTS[["store", "sold"]]
BY_STORE_AND_ITEM = [[[3.0, 1.0], [1.0, 1.0]], [[2.0, 0.0]], [[4.0, 1.0]]]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (EVENTS.groupby("store"), r"a DataFrameGroupBy, which .* pass \[table for _, table in "),
        (iter([np.ones((9, 1))]), r"a list_iterator, which can be read only once; pass list\("),
    ],
    ids=["groups", "iterator"],
)
def test_groups_and_iterators_are_refused(X, message):
    """Containers with keys, and those that can be used up, are no sequences."""
    for call in (StepTransformer(StandardScaler()).fit, pad, lambda X: make_windows(X, window=2)):
        with pytest.raises(TypeError, match=message):
            call(X)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["1", "2", "10"], r"holds numbers as text, such as '1'\. .* astype\(float\), or to dates"),
        (["2026-01-01", "2026-01-02", "20260103"], "numbers as text, such as '20260103'"),
        ([1, 2, "3"], "numbers as text"),
        (
            [
                pd.Timestamp("2026-01-02", tz="UTC"),
                pd.Timestamp("2026-01-01"),
                pd.Timestamp("2026-01-03"),
            ],
            r"mixes times with and without a time zone: that of row 1, .* utc=True\)",
        ),
    ],
)
def test_times_of_two_readings_are_refused(times, message):
    """Digits are no years, and a time without a zone is not one in UTC."""
    table = pd.DataFrame({"id": 0, "time": times, "x": 1.0}).astype({"time": object})
    with pytest.raises(ValueError, match=f"Column 'time', the time, .*{message}"):
        from_long(table, "id", "time")


def test_times_of_several_zones_are_sorted():
    """Rows are in the order of time, whatever the zones, and gaps are right."""
    hours = [pd.Timestamp("2026-01-01 10:00", tz=zone) for zone in ("UTC", "Asia/Tokyo")]
    table = pd.DataFrame({"id": 0, "time": hours, "x": [1.0, 2.0]})
    sequences, _ = from_long(table, "id", "time", add_elapsed=True)
    assert sequences[0].tolist() == [[2.0, 0.0], [1.0, 9 * 3600.0]]


@pytest.mark.parametrize(
    ("frame", "arguments"),
    [
        (EVENTS, (["store", "item"], "day")),
        (EVENTS, (("store", "item"), "day")),
        (EVENTS, (EVENTS.columns[:2], "day")),
        (EVENTS.set_index(["store", "item", "day"]), ()),
        (EVENTS.set_index(["store", "item", "day"]), (["store", "item"], "day")),
        (EVENTS.set_index(["store", "day"]), (["store", "item"], "day")),
        (EVENTS.set_index("day"), (["store", "item"], "day")),
        (EVENTS.convert_dtypes(), (["store", "item"], "day")),
        (pl.from_pandas(EVENTS), (["store", "item"], "day")),
        (pa.Table.from_pandas(EVENTS), (["store", "item"], "day")),
    ],
)
def test_several_ids_and_levels_of_an_index(frame, arguments):
    """Ids and times are columns or levels of an index; several ids are tuples."""
    sequences, ids = from_long(frame, *arguments)
    assert [sequence.tolist() for sequence in sequences] == BY_STORE_AND_ITEM
    assert ids.tolist() == [("x", 1), ("y", 1), ("y", 2)]
    assert sequences.feature_names == ("sold", "open")
    assert from_long(frame, *arguments, features=pd.Index(["sold"]))[0][0].tolist() == [[3], [1]]


@given(keys=st.lists(st.tuples(SIZE, SIZE, st.sampled_from("ab")), min_size=1, max_size=12))
def test_several_ids_are_as_good_as_one_joined_id(keys):
    """Sequences of several ids are those of the tuples of ids."""
    frame = pd.DataFrame(keys, columns=["i", "j", "k"]).assign(v=np.arange(len(keys)))
    sequences, ids = from_long(frame, ["i", "j", "k"])
    joined, names = from_long(frame.assign(key=list(map(str, keys))), "key", features=["v"])
    assert list(map(str, ids.tolist())) == names.tolist()
    assert_same(sequences, joined)


def test_unnamed_levels_and_one_id():
    """Levels without names are found by their positions, and a single id is no tuple."""
    frame = EVENTS.set_index(["store", "day"]).rename_axis([None, None])[["sold"]]
    sequences, ids = from_long(frame)
    assert (ids.tolist(), sequences[1].tolist()) == (["x", "y"], [[2], [4]])
    assert from_long(frame, "level_0", "level_1")[1].tolist() == ["x", "y"]
    assert from_long(EVENTS, ["store"], features="sold")[1].tolist() == [("x",), ("y",)]


@pytest.mark.parametrize(
    ("times", "elapsed"),
    [
        (EVENTS["day"], [86400.0, 172800.0]),
        (EVENTS["day"].dt.tz_localize("Europe/Paris"), [86400.0, 172800.0]),
        (EVENTS["day"].dt.to_period("D"), [86400.0, 172800.0]),
        (EVENTS["day"].dt.date, [86400.0, 172800.0]),
        (EVENTS["day"].dt.strftime("%Y-%m-%d"), [86400.0, 172800.0]),
        (EVENTS["day"] - EVENTS["day"].min(), [86400.0, 172800.0]),
        (np.array([5, 250, 1, 255], dtype=np.uint8), [4.0, 5.0]),
        ([Decimal(5), Decimal(7), Decimal(1), Decimal(10)], [4.0, 3.0]),
    ],
)
def test_elapsed_time(times, elapsed):
    """The time since the previous step of the same sequence is a feature, 0 at the first step."""
    frame = EVENTS.assign(day=times)
    sequences, _ = from_long(frame, "store", "day", features=["sold"], add_elapsed=True)
    assert sequences.feature_names == ("sold", "elapsed")
    assert [sequence[:, 1].tolist() for sequence in sequences] == [[0, value] for value in elapsed]
    assert [sequence[:, 0].tolist() for sequence in sequences] == [[3, 1], [2, 4]]


@pytest.mark.parametrize(
    ("times", "elapsed"),
    [
        (np.array([-100, 100], dtype=np.int8), 200),
        (np.array([-30000, 30000], dtype=np.int16), 60000),
        (np.array([-(2**31), 2**31 - 1], dtype=np.int32), 2.0**32 - 1),
        (np.array([-(2**62), 2**62 + 2**61]), 2.0**63 + 2.0**61),
        (np.array([1, 2**64 - 1], dtype=np.uint64), 2.0**64 - 2),
        (np.array([-60000, 60000], dtype=np.float16), 120000),
        (np.array([False, True]), 1),
        (np.array(["1700-01-01", "2200-01-01"], dtype="M8[ns]"), 182621 * 86400),
        (np.array(["1700-01-01", "2200-01-01"], dtype="M8[s]"), 182621 * 86400),
    ],
)
def test_elapsed_time_beyond_the_range_of_its_type(times, elapsed):
    """The difference of two times may exceed their type."""
    frame = pd.DataFrame({"id": [0, 0], "t": times, "a": 1.0})
    assert from_long(frame, "id", "t", add_elapsed=True)[0][0][1, 1] == elapsed


@pytest.mark.parametrize("library", ["pandas", "polars", "Arrow"])
def test_categories_keep_their_table(library):
    """Columns of numbers and of categories stay a table, with its types and in its order."""
    frame = EVENTS.assign(kind=pd.Categorical(["p", "q", "p", "q"]))
    convert = {"pandas": frame.copy, "polars": lambda: pl.from_pandas(frame)}
    table = convert.get(library, lambda: pa.Table.from_pandas(frame))()
    names = ["sold", "store", "kind"]
    sequences, _ = from_long(table, ["store"], "day", features=names, add_elapsed=True)
    assert sequences.feature_names == ("sold", "store", "kind", "elapsed")
    assert type(sequences.table) is type(table)
    long = to_long(sequences)
    assert long["sold"].tolist() == [3, 1, 2, 4]
    assert long["store"].tolist() == ["x", "x", "y", "y"]
    assert long["elapsed"].tolist() == [0, 86400, 0, 172800]
    assert list(long["kind"]) == ["p", "p", "q", "q"]
    if library == "pandas":
        assert sequences.table.dtypes["kind"] == frame["kind"].dtype


LEVELS_OF_TIME = {
    "pandas": lambda v, order: pd.DataFrame({"t": pd.Categorical(v, order, ordered=True)}),
    "index": lambda v, order: pd.DataFrame(
        index=pd.CategoricalIndex(v, order, ordered=True, name="t")
    ),
    "polars": lambda v, order: pl.DataFrame({"t": pl.Series(v, dtype=pl.Enum(order))}),
}


@pytest.mark.parametrize("library", LEVELS_OF_TIME)
@pytest.mark.parametrize("order", [["low", "mid", "high"], ["mid", "high", "low"]])
def test_ordered_categories_are_times(library, order):
    """The declared order is that of time; it has no distances."""
    table = LEVELS_OF_TIME[library](["high", "low", "mid"], order)
    if library == "polars":
        table = table.with_columns(id=0, v=pl.Series(["high", "low", "mid"]))
    else:
        table = table.assign(id=0, v=["high", "low", "mid"])
    assert from_long(table, "id", "t", features="v")[0][0].tolist() == order
    assert to_long([order], like=table, id="id", time="t")["x0"].tolist() == ["high", "low", "mid"]
    with pytest.raises(ValueError, match="needs time, a column of numbers, dates or durations"):
        from_long(table, "id", "t", add_elapsed=True)


def test_ordered_integers_are_sorted_as_declared():
    """An order that is not that of the numbers is the one to follow; ties are errors."""
    times = pd.Categorical([1, 12, 2], categories=[12, 1, 2], ordered=True)
    frame = pd.DataFrame({"id": 0, "month": times, "v": [1, 12, 2]})
    assert from_long(frame, "id", "month", features="v")[0][0].tolist() == [12, 1, 2]
    with pytest.raises(ValueError, match=r"Rows 0 and 1 of the table have the same id and time"):
        from_long(frame.assign(month=times[[0, 0, 1]]), "id", "month")
    with pytest.raises(ValueError, match=r"Convert them to dates .* or to ordered categories"):
        from_long(frame.assign(month=pd.Categorical(list("cab"))), "id", "month")


BACKWARDS = pd.date_range("2026-01-01", periods=3)[::-1]


@pytest.mark.parametrize(
    ("index", "advice"),
    [
        (BACKWARDS, r"row 1, 2026-01-02.* Pass time='level_0'"),
        (BACKWARDS.rename("day"), r"Pass time='day' to sort by it, or frame\.reset_index\(level=0"),
        (BACKWARDS.tz_localize("Europe/Paris"), r"Pass time='level_0'"),
        (BACKWARDS.to_period("D"), r"Pass time='level_0'"),
        (pd.to_timedelta([2, 1, 3], "h"), r"The index holds times .* row 1"),
        (pd.Index(BACKWARDS.date), r"Pass time='level_0'"),
        (
            pd.MultiIndex.from_arrays([["p"] * 3, BACKWARDS], names=["other", "day"]),
            r"Pass time='day' .*reset_index\(level=1, drop=True\)",
        ),
    ],
)
def test_times_of_an_index_that_fall_are_refused(index, advice):
    """Rows in the order of the table must be in that of the times in their index."""
    frame = pd.DataFrame({"id": ["a"] * 3, "v": [1, 2, 3]}).set_axis(index)
    with pytest.raises(ValueError, match=advice):
        from_long(frame, "id")
    ordered = frame.sort_index()
    assert from_long(ordered, "id", features="v")[0][0].tolist() == ordered["v"].tolist()
    several = frame.assign(id=["a", "b", "c"])
    assert from_long(several, "id", features="v")[0].values.tolist() == [1, 2, 3]
    assert from_long(frame.reset_index(drop=True), "id", features="v")[0][0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "column",
    [
        pd.Categorical([10, 20, 10]),
        pd.Categorical([10, None, 10]),
        pd.Categorical([1.5, 2.5, 1.5]),
        pd.Categorical([True, False, True]),
        pa.array([10, 20, 10]).dictionary_encode(),
        pa.array([10, None, 10]).dictionary_encode(),
    ],
    ids=str,
)
def test_a_category_of_numbers_stays_one(column):
    """Its sequences hold a table, whether its name is in a list or not."""
    data = {"id": [0, 0, 1], "k": column}
    table = pa.table(data) if isinstance(column, pa.Array) else pd.DataFrame(data)
    one, several = (from_long(table, "id", features=names)[0] for names in ("k", ["k"]))
    assert one.values is None
    assert one.table.equals(several.table)
    assert not isinstance(one.table, pd.DataFrame) or one.table["k"].dtype.name == "category"


def test_single_symbols_and_common_types():
    """One column of strings gives arrays of them, and columns of one type keep it."""
    sequences, _ = from_long(EVENTS, "item", features="store")
    assert sequences[0].tolist() == ["x", "y", "x"]
    numbers = pd.DataFrame({"id": [1, 1], "a": [1, 2], "b": [3, 4]})
    assert from_long(numbers, "id")[0].dtype == np.int64
    assert from_long(numbers.astype({"a": "Int8", "b": "float32"}), "id")[0].dtype == np.float32
    assert from_long(pl.DataFrame({"id": [1, 1], "a": [None, 2]}), "id")[0][0][1, 0] == 2


@given(X=ragged(), seed=st.integers(0, 100))
def test_predictions_go_back_into_the_long_table(X, seed):
    """With `like`, the result has the rows and the index of the table."""
    frame = to_long(X, ids=[f"s{i}" for i in range(len(X))]).sample(frac=1, random_state=seed)
    names = list(frame.columns[2:])
    sequences, _ = from_long(frame, "id", "time")
    back = to_long(sequences, like=frame, id="id", time="time")
    pd.testing.assert_frame_equal(back, frame)
    panel = frame.set_index(["id", "time"])
    predictions = [sequence[:, 0] for sequence in from_long(panel)[0]]
    back = to_long(predictions, like=panel, features=["p"])
    pd.testing.assert_series_equal(back["p"], panel[names[0]], check_names=False)


@pytest.mark.parametrize(
    ("id", "ids", "expected"),
    [
        ("store", ["b", "a"], [[2.0, 3.0], [1.0]]),
        ("store", pd.Index(["a", "b"]), [[1.0], [2.0, 3.0]]),
        ("store", pd.Series(["b"]), [[2.0, 3.0]]),
        (["store", "item"], [("b", 0), ["a", 7]], [[2.0, 3.0], [1.0]]),
        (["store", "item"], pd.MultiIndex.from_tuples([("a", 7)]), [[1.0]]),
        ("day", pd.to_datetime(["2026-01-02", "2026-01-01"]), [[3.0], [2.0, 1.0]]),
        (["day", "item"], [(datetime.datetime(2026, 1, 2), 0)], [[3.0]]),
    ],
)
@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_ids_give_the_order_of_sequences(id, ids, expected, unit):
    """Sequences of several tables come in the same order, whatever the order of the rows."""
    frame = pd.DataFrame(
        {
            "store": ["b", "a", "b"],
            "item": [0, 7, 0],
            "day": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-02"]).as_unit(unit),
            "sold": [2.0, 1.0, 3.0],
        }
    )
    sequences, found = from_long(frame, id, features="sold", ids=ids)
    assert [sequence.tolist() for sequence in sequences] == expected
    assert list(found) == [tuple(key) if isinstance(key, list) else key for key in ids]
    again, _ = from_long(frame, id, features="sold", ids=found)  # an array of numpy
    assert [sequence.tolist() for sequence in again] == expected
    mixed, _ = from_long(frame.assign(kind=["x", "y", "x"]), id, features=["sold", "kind"], ids=ids)
    assert [table["sold"].tolist() for table in mixed] == expected


def test_ids_may_be_dates_of_polars():
    """Dates without a time are those of Python."""
    days = [datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)]
    frame = pl.DataFrame({"day": days, "sold": [1.0, 2.0]})
    sequences, _ = from_long(frame, "day", features="sold", ids=days[::-1])
    assert [sequence.tolist() for sequence in sequences] == [[2.0], [1.0]]


def test_ids_tell_where_predictions_go():
    """Predictions in another order than the sequences of a table go back to their rows."""
    sequences, ids = from_long(EVENTS, "store", "day", features=["sold"], ids=["y", "x"])
    found = to_long(sequences, like=EVENTS, id="store", time="day", ids=ids)
    pd.testing.assert_frame_equal(found, EVENTS[["store", "day", "sold"]])


def test_to_long_with_several_ids():
    """Tuples of ids get a column each, as `from_long` returned them."""
    keys = ["store", "item"]
    sequences, ids = from_long(EVENTS, keys, "day", features=["sold"])
    frame = to_long(sequences, ids=ids, id=keys)
    assert frame["store"].tolist() == ["x", "x", "y", "y"]
    assert frame["item"].tolist() == [1, 1, 1, 2]
    assert frame["time"].tolist() == [0, 1, 0, 0]
    assert to_long([["a", None], ["b"]])["x0"].tolist()[::2] == ["a", "b"]
    by_date = to_long([[1.0]], ids=pd.to_datetime(["2026-01-01"]))
    assert by_date["id"].dtype.kind == "M"
    for rows in ([["x", 1]], np.array([["x", 1]], dtype=object), pd.DataFrame([["x", 1]])):
        assert to_long([[1.0]], ids=rows, id=keys)[keys].to_numpy().tolist() == [["x", 1]]
    for tuples in ([("x", 1)], pd.MultiIndex.from_tuples([("x", 1)]), ids[:1]):
        assert to_long([[1.0]], ids=tuples)["id"].tolist() == [("x", 1)]
    assert to_long([[1.0], [2.0]], ids=["x", 1])["id"].tolist() == ["x", 1]


@pytest.mark.parametrize(
    ("ids", "id", "message"),
    [
        ([["a", 1], ["b", 2]], None, r"ids has entries such as \['a', 1\], .* list of names as id"),
        (np.ones((2, 2)), "id", r"ids has entries such as array\(\[1., 1.\]\), of several values"),
        (np.ones((2, 1, 1)), ["x"], r"ids has entries such as array\(\[1.\]\), of several values"),
        ([("a", 1), ("b",)], ["x", "y"], r"id names 2 columns, but ids has entries of 1 and 2"),
        ([("a", 1), ("b", 2)], ["x"], r"id names 1 columns, but ids has entries of 2; pass one"),
        ({1: 2, 3: 4}, None, r"ids is \{1: 2, 3: 4\}; pass one identifier per sequence, in a list"),
    ],
)
def test_ids_that_are_no_columns_are_refused(ids, id, message):
    """Ids of several values need one name each."""
    with pytest.raises(ValueError, match=message):
        to_long([[1.0], [2.0]], ids=ids, id=id)


DAY = EVENTS["day"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: from_long(EVENTS.assign(day=DAY.where(DAY.max() > DAY)), "store", "day"),
            r"Column 'day' is missing in row 3 of the table \(NaT; 1 of 4 rows\).*dropna\(subset=",
        ),
        (
            lambda: from_long(EVENTS.assign(store=["x", None, "y", pd.NA]), "store", "day"),
            r"Column 'store' is missing in row 1 of the table .* 2 of 4 rows",
        ),
        (lambda: from_long(EVENTS.assign(item=[1, 2, 3, np.nan]), ["item"]), r"'item'.* row 3"),
        (
            lambda: from_long(pl.DataFrame({"a": ["x", None], "b": 1}), "a"),
            r"'a' is missing in row 1",
        ),
        (
            lambda: from_long(EVENTS, "item", "store", features="sold"),
            r"Column 'store', the time, holds strings, .*: 'x'\. Convert them to dates",
        ),
        (
            lambda: from_long(EVENTS.assign(day=1), "store", "day"),
            r"Rows 0 and 2 .* same id and time \('store'='?x'?, 'day'=1\).* time=None",
        ),
        (lambda: from_long(EVENTS, "store"), r"feature 'day' holds dates .* Pass it as time"),
        (
            lambda: from_long(EVENTS.assign(gap=DAY.diff()), "store", "day"),
            r"feature 'gap' holds dates or durations.* add_elapsed=True",
        ),
        (
            lambda: from_long(EVENTS.assign(gap=DAY.dt.date), "store", "day"),
            r"Column 'gap' of the table holds dates or durations \(date\)",
        ),
        (
            lambda: from_long(EVENTS.assign(x=[[1], [2], [3], [4]]), "store", "day"),
            r"Column 'x' of the table holds one sequence per row",
        ),
        (lambda: from_long(EVENTS), r"id=None reads the levels of a MultiIndex, .* choose from"),
        (lambda: from_long(np.zeros((3, 2)), "id"), r"frame is a ndarray; .* Pass a DataFrame"),
        (lambda: from_long([EVENTS], "id"), r"frame is a list; expected a table"),
        (
            lambda: from_long(EVENTS.assign(id=[[1]] * 4), "id"),
            r"column of ids holds lists or arrays",
        ),
        (
            lambda: from_long(EVENTS.assign(day=[1, np.inf, 2, 3]), "store", "day"),
            r"Column 'day', the time, is infinite in row 1 of the table",
        ),
        (lambda: to_long([[1.0]], ids=3), r"ids is 3; pass one identifier per sequence"),
        (
            lambda: to_long([[[1.0, 2.0]]], features="ab"),
            r"features has 1 entries; pass 2, one per",
        ),
        (lambda: pad([["a", "b"], ["c"]]), r"dtype <U1, which 0\.0 cannot pad\. Pass a value of"),
        (lambda: from_nan_padded([["a", "b"]]), r"hold values of dtype <U1; expected numbers"),
        (lambda: from_long(EVENTS, []), r"id=\[\] and time=None must be different columns"),
        (lambda: from_long(EVENTS, "store", "store"), r"must be different columns"),
        (lambda: from_long(EVENTS, "store", add_elapsed=True, features="sold"), r"needs time"),
        (
            lambda: from_long(EVENTS.assign(elapsed=1), "store", "day", add_elapsed=True),
            r"adds a column 'elapsed', but the table has one",
        ),
        (
            lambda: to_long([[1.0]], like=EVENTS, id="store", time="day"),
            r"have \[1\] steps, those of like \[2, 2\]; expected the same",
        ),
        (
            lambda: to_long([[1, 2], [3, 4]], like=EVENTS, id="store", ids=["x", "n"]),
            r"The table has no rows of 'n', entry 1 of ids; it has those of \['x', 'y'\]\. Leave",
        ),
        (
            lambda: to_long([[1, 2]], like=EVENTS, id="store", ids=["x"]),
            r"have \[2\] steps, .* and all sequences of like",
        ),
        (lambda: from_long(SALES, "store", ids=["x", "x"]), r"ids contains 'x' twice"),
        (lambda: from_long(SALES, "store", ids="x"), r"ids is 'x'; pass one identifier per"),
        (lambda: from_long(SALES, ["store"], ids=["x"]), r"no rows of 'x', .* \[\('x',"),
        (
            lambda: to_long([[1.0]], features=["time"]),
            r"'time' is the name of a feature and of the",
        ),
        (lambda: to_long([[1.0]], ids=[(1, 2)], id=["a"]), r"id names 1 columns, .* entries of 2"),
        (lambda: to_long({"a": [1.0]}), r"sequences is a dict; .* list\(sequences\.values\(\)\)"),
        (lambda: pad([np.ones((2, 2))], value=np.ones(2)), r"value has shape \(2,\); expected one"),
        (lambda: pad(Sequences(np.ones((0, 2)), [0])), r"sequences holds no sequence; pass at"),
        (lambda: to_channels_first({"a": [1.0]}), r"X is a dict; expected a list of sequences"),
    ],
)
def test_long_tables_that_cannot_be_read_are_refused(call, message):
    """The error names the row and the column, and what to do."""
    with pytest.raises(ValueError, match=message):
        call()


# --- containers of other libraries ----------------------------------------------------------------


def test_transformer_reads_tensors_and_awkward_arrays():
    """Nested tensors and Awkward arrays are sequences, as for the estimators."""
    arrays = [np.arange(6.0).reshape(3, 2), np.ones((2, 2))]
    expected = StepTransformer(StandardScaler()).fit_transform(arrays)
    jagged = torch.nested.nested_tensor([torch.tensor(a) for a in arrays], layout=torch.jagged)
    for X in (jagged, awkward.Array([a.tolist() for a in arrays])):
        found = StepTransformer(StandardScaler()).fit_transform(X)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_polars_takes_cells_of_strings():
    """A table whose cells hold strings is transformed to one of polars."""
    X = pl.DataFrame({"a": [[1.0, 2.0], [3.0]], "mode": [["x", "y"], ["y"]]})
    transformer = StepTransformer(SimpleImputer(strategy="most_frequent"))
    found = transformer.set_output(transform="polars").fit_transform(X)
    assert found.to_dict(as_series=False) == X.to_dict(as_series=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda X: StepTransformer(StandardScaler()).fit([X[[]]]),
            "The tables have no columns, 0 feature",
        ),
        (lambda X: StepTransformer(StandardScaler()).fit(X), "1 of X holds a value of shape|row 1"),
        (
            lambda X: StepTransformer(StandardScaler()).fit([[1.0, [2.0]], [1.0]]),
            "holds lists of different lengths, or of different kinds",
        ),
        (
            lambda X: StepTransformer(StandardScaler()).fit(np.array([[1.0, {}]], dtype=object)),
            "The first one is {} in sequence 0, step 1",
        ),
        (
            lambda X: from_long(X.set_index([[0, 0], [0, 1]]), None, "none"),
            "The table has no column 'none'",
        ),
        (
            lambda X: to_long([np.ones((1, 1))], ids=np.array([3]), id=["id", "b"]),
            "id names 2 columns, but ids has entries of 1",
        ),
    ],
)
def test_data_that_other_libraries_would_refuse(call, message):
    """The error is one of this package, and names the place or the argument."""
    X = pd.DataFrame({"t": [np.ones((2, 1)), np.ones(2)]})
    with pytest.raises((TypeError, ValueError), match=message):
        call(X)


def test_absent_ids_are_named_among_a_few():
    """The first ids are listed in full, and the others counted."""
    table = pd.DataFrame({"id": [f"machine {i}" for i in range(9)], "value": np.arange(9.0)})
    with pytest.raises(ValueError, match=r"'machine 4'\] and 4 others\. Leave it out of ids"):
        from_long(table, "id", ids=["machine 10"])


def test_advice_for_missing_categories_works_as_written():
    """A categorical column needs the category before it can be filled."""
    table = pd.DataFrame({"state": pd.Categorical(["on", None, "off"]), "value": np.arange(3.0)})
    with pytest.raises(
        ValueError, match=r"\.cat\.add_categories\('missing'\)\.fillna\('missing'\)"
    ):
        RNNClassifier(max_epochs=1).fit([table, table], [0, 1])
    table["state"] = table["state"].cat.add_categories("missing").fillna("missing")
    RNNClassifier(max_epochs=1).fit([table, table], [0, 1])


def test_advice_for_dates_names_the_parameter():
    """A feature of dates may be the times of an estimator, as seconds."""
    table = pd.DataFrame({"id": [1, 1], "day": pd.to_datetime(["2020-01-01", "2020-01-02"])})
    with pytest.raises(ValueError, match=r"number of seconds, which estimators .* time_column, or"):
        from_long(table, "id")
