"""Tables in X: columns matched by name, numbers alongside categories, cells that are sequences."""

import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import resample

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence._input import Reading, check_sequences, learn_form
from sksequence._tables import read_columns
from sksequence.preprocessing import StepTransformer, from_long, from_nan_padded
from tests.helpers import small_classifier

RANDOM = np.random.default_rng(0)
LENGTHS = [4, 6, 5] * 4
ARRAYS = [RANDOM.normal(size=(n, 2)) for n in LENGTHS]
FRAMES = [pd.DataFrame(array, columns=["speed", "temp"]) for array in ARRAYS]
SWAPPED = [frame[["temp", "speed"]] for frame in FRAMES]
MODES = [RANDOM.choice(["run", "walk"], n) for n in LENGTHS]
MIXED = [
    frame.assign(mode=modes, gear=np.arange(len(frame)) % 3, on=np.arange(len(frame)) % 2 == 0)
    for frame, modes in zip(FRAMES, MODES, strict=True)
]
LETTERS = list("abcdefghijkl")
Y = np.arange(len(LENGTHS)) % 2
CELLS = pd.DataFrame({"speed": [a[:, 0] for a in ARRAYS], "temp": [a[:, 1] for a in ARRAYS]})

LIBRARIES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "Arrow": pa.Table.from_pandas,
    "nullable": lambda frame: frame.convert_dtypes(),
    "pandas on Arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda frame: frame.astype(object),
}


def learn(X, **options):
    """Read X as `fit` does."""
    return learn_form(
        X, Reading(integers_are_symbols=False, **options), estimator_name="RNNClassifier"
    )


def assert_same_read(found, expected):
    """Compare what was read of numbers and of categories."""
    np.testing.assert_array_equal(found.offsets, expected.offsets)
    for name in ("values", "codes", "static_values", "static_codes"):
        a, b = getattr(found, name), getattr(expected, name)
        assert (a is None) == (b is None), name
        if a is not None:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("then", [[1.0, 2.0], ["a", "b"]], ids=["numbers", "strings"])
def test_static_features_keep_their_kind(then):
    """A number where `fit` saw a category is an error, and the reverse."""
    now = ["a", "b"] if then == [1.0, 2.0] else [1.0, 2.0]
    X = pd.DataFrame({"steps": [[1.0, 2.0], [3.0]], "fixed": then})
    fitted = RNNRegressor("gru", hidden_size=2, max_epochs=1).fit(X, [0.0, 1.0])
    words = "categories, but numbers" if now == ["a", "b"] else "numbers, but categories"
    with pytest.raises(ValueError, match=f"Column 'fixed' of X holds {words} in fit"):
        fitted.predict(X.assign(fixed=now))


# --- columns are matched by name ------------------------------------------------------------------


@pytest.mark.parametrize("convert", LIBRARIES.values(), ids=LIBRARIES)
@pytest.mark.parametrize("frames", [FRAMES, MIXED], ids=["numbers", "mixed"])
def test_tables_of_every_library_are_read_alike(convert, frames):
    """The library of the tables, their types and the order of columns do not matter."""
    form, sequences = learn(frames)
    converted = [convert(frame) for frame in frames]
    other, found = learn(converted)
    assert other.feature_names_in.tolist() == list(frames[0].columns)
    assert other.categories == form.categories
    assert_same_read(found, sequences)
    turned = [convert(frame[frame.columns[::-1]]) for frame in frames]
    assert_same_read(check_sequences(turned, form), sequences)
    assert_same_read(check_sequences(Sequences.from_arrays(turned), form), sequences)


@pytest.mark.parametrize("X", [SWAPPED, FRAMES[:1] + SWAPPED[1:]], ids=["all", "some"])
def test_order_of_columns_has_no_effect(X):
    """In fit it is that of the first table, in predict that of fit."""
    expected = small_classifier().fit(FRAMES, Y)
    np.testing.assert_array_equal(expected.predict_proba(X), expected.predict_proba(FRAMES))
    for mixed in (FRAMES[:1] + SWAPPED[1:], SWAPPED[:1] + FRAMES[1:]):
        found = small_classifier().fit(mixed, Y)
        assert found.feature_names_in_.tolist() == ["speed", "temp"]  # sorted
        np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(FRAMES))


def test_generator_matches_columns():
    """A forecast after reordered columns is the forecast of the same series."""
    generator = SequenceGenerator("gru", hidden_size=4, max_epochs=2, random_state=0)
    generator.fit(FRAMES)
    assert generator.feature_names_in_.tolist() == ["speed", "temp"]
    forecasts = [generator.forecast(X, 2, random_state=0).mean for X in (FRAMES, SWAPPED)]
    np.testing.assert_array_equal(*forecasts)


def test_names_of_any_type_are_matched():
    """Names that are not strings are matched too, but are no feature names of scikit-learn."""
    years = [frame.set_axis([2020, 1990], axis=1) for frame in FRAMES]
    form, sequences = learn(years)
    assert form.feature_names_in is None
    assert_same_read(check_sequences([frame[[1990, 2020]] for frame in years], form), sequences)


@pytest.mark.parametrize("names", [[True, False], [1.0, 0.0]], ids=["booleans", "floats"])
def test_names_that_equal_numbers_number_the_columns(names):
    """False and True are 0 and 1, and no mask of the columns."""
    numbered = [frame.set_axis([1, 0], axis=1) for frame in FRAMES]
    form, sequences = learn(numbered)
    equal = [frame.set_axis(names, axis=1) for frame in FRAMES]
    other, found = learn(equal)
    assert other.step_names is form.step_names is None
    assert_same_read(found, sequences)
    for later in (equal, numbered, [frame[frame.columns[::-1]] for frame in numbered]):
        assert_same_read(check_sequences(later, other), sequences)


def test_columns_may_have_names_of_methods():
    """A name such as "select" is matched as others are."""
    named = [frame.set_axis(["select", "iloc"], axis=1) for frame in FRAMES]
    form, sequences = learn(named)
    assert form.feature_names_in.tolist() == ["select", "iloc"]
    turned = [frame.iloc[:, ::-1] for frame in named]
    assert_same_read(check_sequences(turned, form), sequences)


def test_names_of_sequences_are_matched():
    """The features of a `Sequences` have names, which folds and slices keep."""
    sequences = Sequences(np.arange(12.0).reshape(6, 2), [0, 2, 6], feature_names=["a", "b"])
    for part in (sequences[:1], sequences[[1, 0]], sequences.take(np.array([1]))):
        assert part.feature_names == ("a", "b")
    form, expected = learn(sequences)
    assert form.feature_names_in.tolist() == ["a", "b"]
    turned = Sequences(sequences.values[:, ::-1], sequences.offsets, feature_names=["b", "a"])
    assert_same_read(check_sequences(turned, form), expected)


def test_sequences_may_hold_a_table():
    """Slices of a table keep its columns and their types."""
    sequences = Sequences.from_arrays(MIXED)
    assert sequences.feature_names == tuple(MIXED[0].columns)
    pd.testing.assert_frame_equal(sequences[1].reset_index(drop=True), MIXED[1])
    pd.testing.assert_frame_equal(sequences[[2, 1]].table, pd.concat([MIXED[2], MIXED[1]]))
    assert repr(sequences) == "Sequences(n_sequences=12, n_steps=4..6, n_features=5)"
    assert_same_read(learn(sequences)[1], learn(MIXED)[1])


def test_columns_of_a_numbered_table_are_sequences():
    """Their names are their positions, the first one 0."""
    X = pd.DataFrame(np.arange(6.0).reshape(3, 2))
    form, sequences = learn([X[[c]] for c in X])
    np.testing.assert_array_equal(sequences.values[:, 0], [0, 2, 4, 1, 3, 5])
    assert_same_read(check_sequences([X[[1]], X[[0]]], form), sequences.take(np.array([1, 0])))


def test_single_columns_need_no_common_name():
    """``[prices[[name]] for name in prices]`` are several sequences of one feature."""
    prices = pd.DataFrame(RANDOM.normal(size=(6, 3)), columns=list("abc"))
    form, sequences = learn([prices[[name]] for name in prices])
    assert form.n_features_in == 1
    assert form.feature_names_in is None
    np.testing.assert_array_equal(sequences.values[:, 0], prices.to_numpy().T.ravel())


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([frame[["temp"]] for frame in FRAMES], r"\['speed'\] are missing"),
        ([frame.assign(x=1.0) for frame in FRAMES], r"\['x'\] are unknown"),
        ([f.rename(columns={"temp": "heat"}) for f in FRAMES], r"\['heat'\] are unknown"),
        ([*FRAMES[:2], FRAMES[2].to_numpy()], "Sequence 0 of X has names .* 2, of type ndarray"),
        ([f.set_axis(["speed"] * 2, axis=1) for f in FRAMES], r"\['temp'\] are missing"),
    ],
    ids=["missing", "unknown", "renamed", "array", "twice"],
)
def test_other_columns_are_an_error(X, message):
    """The message has the names."""
    form, _ = learn(FRAMES)
    with pytest.raises(ValueError, match=message):
        check_sequences(X, form)


def test_tables_must_agree_in_fit():
    """The columns of a later table are compared with those of the first."""
    with pytest.raises(ValueError, match=r"columns of sequence 1 are \['speed'\], those of seq"):
        learn([FRAMES[0], FRAMES[1][["speed"]]])
    with pytest.raises(ValueError, match="two columns of the name 'a'"):
        learn([frame.set_axis(["a", "a"], axis=1) for frame in FRAMES])


def test_names_on_one_side_only_are_a_warning():
    """As for a table in scikit-learn."""
    named, plain = learn(FRAMES)[0], learn(ARRAYS)[0]
    with pytest.warns(UserWarning, match="X does not have valid feature names, but RNNClass"):
        check_sequences(ARRAYS, named)
    with pytest.warns(UserWarning, match="X has feature names, but RNNClassifier was fitted"):
        check_sequences(FRAMES, plain)


# --- numbers and categories in one sequence -------------------------------------------------------


def test_types_tell_numbers_from_categories():
    """Bools and objects that are numbers are numbers; strings and categories are categories."""
    kinds = {
        "float": ("numbers", [1.5, 2.0]),
        "bool": ("numbers", [True, False]),
        "decimals": ("numbers", [Decimal("1.5"), Decimal(2)]),
        "objects": ("numbers", pd.Series([1, 2.5], dtype=object)),
        "nullable": ("numbers", pd.array([1, None], dtype="Int64")),
        "gap": ("numbers", pd.array([True, None], dtype="boolean")),
        "string": ("symbols", ["a", "b"]),
        "category": ("symbols", pd.Categorical([3, 4])),
        "missing": ("symbols", ["a", None]),
        "lists": ("sequences", [[1], [2, 3]]),
    }
    frame = pd.DataFrame({name: values for name, (_, values) in kinds.items()})
    found = read_columns(frame)
    assert [(c.name, c.kind) for c in found] == [(name, kind) for name, (kind, _) in kinds.items()]
    assert all(c.values.dtype.kind in "fiub" for c in found if c.kind == "numbers")
    assert found[8].values.tolist() == ["a", None]
    assert np.isnan(found[4].values[1])


NUMBERED = {
    "pandas": [pd.Series([10, 20, 30], dtype="category"), pd.Series([20], dtype="category")],
    "Categorical": [pd.Categorical([10, 20, 30]), pd.Categorical([20])],
    "Arrow": [pa.array([10, 20, 30]).dictionary_encode(), pa.array([20]).dictionary_encode()],
    "some": [pd.Categorical([10, 20, 30]), np.array([20])],
    "cells": pd.DataFrame({"c": [pd.Categorical([10, 20, 30]), pd.Categorical([20])]}),
    "tables": [pd.DataFrame({"c": pd.Categorical(x)}) for x in ([10, 20, 30], [20])],
    "table alongside numbers": [
        pd.DataFrame({"c": pd.Categorical([10, 20, 30])}),
        pd.DataFrame({"c": [20]}),
    ],
    "Arrow tables": [
        pa.table({"c": pa.array(x, pa.dictionary(index, pa.int64()))})
        for x, index in (([10, 20, 30], pa.int32()), ([20], pa.int8()))
    ],
    "long": from_long(
        pd.DataFrame({"id": [0, 0, 0, 1], "c": pd.Categorical([10, 20, 30, 20])}), "id"
    )[0],
    "long, one": from_long(
        pd.DataFrame({"id": [0, 0, 0, 1], "c": pd.Categorical([10, 20, 30, 20])}),
        "id",
        features="c",
    )[0],
}


@pytest.mark.parametrize("X", NUMBERED.values(), ids=NUMBERED)
def test_categories_may_be_integers(X):
    """The type of the column decides in every container, not that of its elements."""
    form, sequences = learn(X)
    assert form.kind == "symbols"
    assert form.vocabularies[0].symbols == [10, 20, 30]
    assert sequences.codes[:, 0].tolist() == [1, 2, 3, 2]
    assert_same_read(check_sequences(X, form), sequences)


def test_missing_categories_of_a_sequence_are_an_error():
    """The place is in the message."""
    with pytest.raises(ValueError, match=r"sequence 1, step 1, column 0 is missing \(None\)"):
        learn([pd.Categorical([1, 2]), pd.Categorical([1, None])])


WITH_BOOLS = pd.DataFrame({"a": [1, 2], "b": [True, False]})
BESIDE_BOOLS = {
    **{name: [convert(WITH_BOOLS)] * 2 for name, convert in LIBRARIES.items()},
    "rows": pl.from_pandas(WITH_BOOLS),
    "lists": [[[1, True], [2, False]]] * 2,
    "objects of arrays": [np.array([[1, True], [2, False]], dtype=object)] * 2,
}


@pytest.mark.parametrize("X", BESIDE_BOOLS.values(), ids=BESIDE_BOOLS)
def test_integers_alongside_bools_are_numbers(X):
    """Whole numbers are symbols only where all features are integers."""
    reading = Reading(integers_are_symbols=True)
    form, sequences = learn_form(X, reading, estimator_name="RNNClassifier")
    assert form.kind == "numbers"
    assert sequences.values.dtype == np.float64


def test_mixed_steps_are_numbers_and_codes():
    """Each column keeps its kind, and its place among those of its kind."""
    form, sequences = learn(MIXED)
    steps = pd.concat(MIXED)
    np.testing.assert_array_equal(sequences.values, steps[["speed", "temp", "gear", "on"]])
    np.testing.assert_array_equal(sequences.codes[:, 0], 1 + (steps["mode"] == "walk"))
    assert form.categories == {"mode": ["run", "walk"]}
    assert form.n_features_in == 5
    assert not form.holds_symbols


@pytest.mark.parametrize(
    "categorical",
    [["gear", "on"], [3, 4], [False, False, False, True, True], np.array(["gear", "on"])],
    ids=["names", "positions", "mask", "array"],
)
def test_categorical_features_adds_categories(categorical):
    """Columns of strings are categories in any case."""
    form, sequences = learn(MIXED, categorical=categorical)
    assert form.categories == {"mode": ["run", "walk"], "gear": [0, 1, 2], "on": [False, True]}
    assert sequences.values.shape[1] == 2
    assert_same_read(check_sequences(MIXED, form), sequences)
    as_objects = [frame.to_numpy(dtype=object) for frame in MIXED]
    with pytest.warns(UserWarning, match="valid feature names"):
        assert_same_read(check_sequences(as_objects, form), sequences)


@pytest.mark.parametrize(
    "convert",
    [
        lambda frame: frame.to_numpy(dtype=object),
        lambda frame: list(frame.itertuples(index=False, name=None)),
        lambda frame: frame.to_numpy(dtype=object).tolist(),
    ],
    ids=["arrays", "tuples", "lists"],
)
def test_mixed_steps_without_names(convert):
    """Numpy would turn numbers alongside strings into strings."""
    _, sequences = learn(MIXED)
    form, found = learn([convert(frame) for frame in MIXED])
    assert_same_read(found, sequences)
    assert list(form.categories) == [2]


def test_numbers_may_be_named_as_categories():
    """In arrays the categories are numbers; in 3-D arrays too."""
    arrays = [np.column_stack([a, np.arange(len(a)) % 3]) for a in ARRAYS]
    form, sequences = learn(arrays, categorical=[2])
    assert form.categories == {2: [0.0, 1.0, 2.0]}
    np.testing.assert_array_equal(sequences.values, np.concatenate(ARRAYS))
    equal = np.stack([a[:4] for a in arrays])
    assert_same_read(learn(equal, categorical=[2])[1], learn(list(equal), categorical=[2])[1])


def test_unknown_categories_have_code_0():
    """A category that was not seen in fit is the unknown one."""
    form, _ = learn(MIXED)
    found = check_sequences([MIXED[0].assign(mode="swim")], form)
    assert not found.codes.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": 1.0}, "Column 'mode' of X holds numbers such as 1.0, but only strings in fit"),
        ({"temp": "hot"}, "Column 'temp' of X holds categories, but numbers in fit"),
        ({"mode": None}, "sequence 0, step 0, column 'mode' is missing"),
        ({"temp": np.nan}, "sequence 0, step 0, feature 'temp'"),
        ({"temp": pd.Timestamp("2024-01-01")}, "Column 'temp' of X holds dates or durations"),
        ({"temp": pd.Period("2024-01", "M")}, "Column 'temp' of X holds dates or durations"),
        ({"temp": 1j}, "Column 'temp' of X holds values of the types complex"),
        ({"temp": [["a"]] * 4}, "Column 'temp' of a sequence of X holds a list"),
    ],
    ids=["number", "string", "no category", "NaN", "date", "period", "complex", "list"],
)
def test_columns_keep_their_kind(changes, message):
    """A value that changes its kind is an error that names the column."""
    form, _ = learn(MIXED)
    with pytest.raises(ValueError, match=message):
        check_sequences([MIXED[0].assign(**changes)], form)


@pytest.mark.parametrize(
    ("X", "categorical", "message"),
    [
        (MIXED, ["mood"], r"contains 'mood', but X has 5 features with the names \['speed'"),
        (ARRAYS, [2], "contains 2, but X has 2 features with no names"),
        (MIXED, [True], "is a mask of 1 entries, but X has 5 features"),
        (np.ones((3, 4)), [0], "the columns of X are steps of one feature each"),
    ],
    ids=["name", "position", "mask", "table"],
)
def test_wrong_categorical_features_are_an_error(X, categorical, message):
    """The message has the features of X."""
    with pytest.raises(ValueError, match=message):
        learn(X, categorical=categorical)


def test_categories_are_an_attribute_of_every_column():
    """Of steps of categories only, alongside static ones, and of a column with a name."""
    two = [pd.DataFrame({"c": ["a", "b"], "e": [1, 2]})] * 2
    model = small_classifier(max_epochs=1, categorical_features=["c", "e"]).fit(two, [0, 1])
    assert model.categories_ == {"c": ["a", "b"], "e": [1, 2]}
    assert not hasattr(model, "vocabulary_")
    cells = pd.DataFrame({"c": [["a", "b"]] * 2, "ward": ["n", "s"]})
    model = small_classifier(max_epochs=1).fit(cells, [0, 1])
    assert model.categories_ == {"c": ["a", "b"], "ward": ["n", "s"]}
    assert learn([np.array([["a", "x"], ["b", "y"]])])[0].categories == {
        0: ["a", "b"],
        1: ["x", "y"],
    }
    assert learn([["a", "b"], ["b"]])[0].categories == {}
    model = small_classifier(max_epochs=1).fit([["a", "b"], ["b"]], [0, 1])
    assert model.vocabulary_ == {"a": 1, "b": 2}
    assert not hasattr(model, "categories_")


@pytest.mark.parametrize(
    ("categorical", "found"),
    [("gear", ["gear", "mode"]), ("from_dtype", ["mode"])],
    ids=["name", "types"],
)
def test_categorical_features_may_be_a_string(categorical, found):
    """One name, or the word of HistGradientBoosting for what types say."""
    model = small_classifier(max_epochs=1, categorical_features=categorical).fit(MIXED, Y)
    assert sorted(model.categories_) == found


def test_tokens_of_another_type_are_an_error():
    """Integers after strings would all be unknown."""
    model = small_classifier(max_epochs=1).fit([["a", "b"], ["b", "a"]], [0, 1])
    with pytest.raises(ValueError, match="holds numbers such as 1, but only strings in fit"):
        model.predict([[1, 2]])


@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor, SequenceGenerator])
def test_embedding_dim_without_symbols_is_an_error(estimator):
    """No parameter that was set is without effect."""
    with pytest.raises(ValueError, match="embedding_dim=3 has no effect, as X holds numbers only"):
        estimator(embedding_dim=3).fit(ARRAYS, Y if estimator is not SequenceGenerator else None)


@pytest.mark.parametrize("X", [MIXED, CELLS.assign(age=1.0)], ids=["mixed", "static"])
def test_generator_refuses_other_columns(X):
    """A generator continues numbers or symbols."""
    with pytest.raises(ValueError, match="a SequenceGenerator continues sequences of numbers, or"):
        SequenceGenerator(max_epochs=1).fit(X)


# --- cells that are sequences ---------------------------------------------------------------------

CELL_CONTAINERS = {
    "arrays": lambda cells: cells,
    "lists": lambda cells: cells.map(list),
    "Series": lambda cells: cells.map(pd.Series),
    "polars": lambda cells: pl.DataFrame({c: cells[c].map(list).tolist() for c in cells}),
    "Arrow": lambda cells: pa.table({c: cells[c].map(list).tolist() for c in cells}),
    "pandas on Arrow": lambda cells: cells.map(list).astype(pd.ArrowDtype(pa.list_(pa.float64()))),
}


@pytest.mark.parametrize("convert", CELL_CONTAINERS.values(), ids=CELL_CONTAINERS)
def test_cells_are_read_as_lists_of_arrays(convert):
    """Each column is a feature of the steps."""
    X = convert(CELLS)
    form, sequences = learn(X)
    assert_same_read(sequences, learn(ARRAYS)[1])
    assert form.n_features_in == 2
    assert form.feature_names_in.tolist() == ["speed", "temp"]
    assert_same_read(check_sequences(X, form), sequences)


VECTORS = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]]
CELLS_OF_VECTORS = {
    "arrays": pd.DataFrame({"u": pd.Series([np.array(x) for x in VECTORS])}),
    "polars lists": pl.DataFrame({"u": VECTORS}),
    "polars arrays": pl.DataFrame({"u": VECTORS}, {"u": pl.List(pl.Array(pl.Float64, 2))}),
    "Arrow": pa.table({"u": VECTORS}),
    "Arrow arrays": pa.table({"u": pa.array(VECTORS, pa.list_(pa.list_(pa.float64(), 2)))}),
    "pandas on Arrow": pd.DataFrame(
        {"u": pd.Series(VECTORS, dtype=pd.ArrowDtype(pa.list_(pa.list_(pa.float64()))))}
    ),
}


@pytest.mark.parametrize("X", CELLS_OF_VECTORS.values(), ids=CELLS_OF_VECTORS)
def test_nested_lists_in_cells_are_steps_of_several_features(X):
    """Every library reads them alike."""
    form, sequences = learn(X)
    np.testing.assert_array_equal(sequences.values, np.concatenate(VECTORS))
    assert sequences.lengths.tolist() == [2, 1]
    assert form.n_features_in == 1
    assert_same_read(check_sequences(CELLS_OF_VECTORS["arrays"], form), sequences)


def test_arrays_of_fixed_size_in_cells_are_sequences():
    """They are no columns of steps, and a missing one is named."""
    fixed = {"u": pl.Array(pl.Float64, 2)}
    form, sequences = learn(pl.DataFrame({"u": [[1.0, 2.0], [3.0, 4.0]]}, fixed))
    np.testing.assert_array_equal(sequences.values[:, 0], [1, 2, 3, 4])
    assert form.n_features_in == 1
    with pytest.raises(ValueError, match=r"In column 'u' of X: .* sequence 1 is missing \(None\)"):
        learn(pl.DataFrame({"u": [[1.0, 2.0], None]}, fixed))
    cube = pl.DataFrame({"u": np.ones((2, 3, 2)).tolist()}, {"u": pl.Array(pl.Float64, (3, 2))})
    assert learn(cube)[1].values.shape == (6, 2)


RECORDS = [[{"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}], [{"a": 3.0, "b": "x"}]]


@pytest.mark.parametrize(
    "X",
    [
        pl.DataFrame({"k": RECORDS}),
        pa.table({"k": RECORDS}),
        pa.array(RECORDS),
        pl.Series(RECORDS),
        pd.DataFrame({"k": pd.Series([pd.DataFrame(x) for x in RECORDS])}),
    ],
    ids=["polars", "Arrow", "Arrow array", "polars Series", "tables"],
)
def test_records_are_steps_of_numbers_and_categories(X):
    """A list of records is a table with a column per field."""
    _, sequences = learn(X)
    np.testing.assert_array_equal(sequences.values[:, 0], [1, 2, 3])
    np.testing.assert_array_equal(sequences.codes[:, 0], [1, 2, 1])
    assert sequences.lengths.tolist() == [2, 1]


@pytest.mark.parametrize("in_table", [True, False], ids=["cells", "array"])
def test_maps_are_an_error(in_table):
    """Their keys would be read as categories of steps."""
    maps = pa.array([[("a", 1.0)], [("b", 2.0)]], pa.map_(pa.string(), pa.float64()))
    with pytest.raises(ValueError, match=r"holds maps .*[Mm]ake each key a column"):
        learn(pa.table({"u": maps}) if in_table else maps)


def test_batches_of_arrow_are_tables():
    """One per sequence, or one for all sequences."""
    batches = [pa.RecordBatch.from_pandas(frame) for frame in FRAMES]
    assert_same_read(learn(batches)[1], learn(FRAMES)[1])
    rows = pa.RecordBatch.from_pydict({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    np.testing.assert_array_equal(learn(rows)[1].values[:, 0], [1, 3, 2, 4])


def test_cells_without_names():
    """An array of objects is such a table, as scikit-learn's meta-estimators make it."""
    form, sequences = learn(CELLS.to_numpy())
    assert_same_read(sequences, learn(ARRAYS)[1])
    assert form.n_features_in == 2
    assert form.feature_names_in is None


def test_cells_of_several_features():
    """A cell of shape (n_steps, k) has k features; a table of mixed columns too."""
    form, sequences = learn(pd.DataFrame({"x": pd.Series(MIXED), "y": [a[:, 0] for a in ARRAYS]}))
    _, mixed = learn(MIXED)
    np.testing.assert_array_equal(sequences.codes, mixed.codes)
    np.testing.assert_array_equal(sequences.values[:, :-1], mixed.values)
    np.testing.assert_array_equal(sequences.values[:, -1], np.concatenate(ARRAYS)[:, 0])
    assert form.n_features_in == 2
    assert list(form.categories) == ["x[mode]"]


INTEGERS = [np.arange(len(a)) % 3 for a in ARRAYS]
IDS = pd.DataFrame({"item": INTEGERS, "shop": [10 * ids for ids in INTEGERS]})


@pytest.mark.parametrize(
    ("changes", "categorical", "found"),
    [
        ({}, None, {"item": [0, 1, 2], "shop": [0, 10, 20]}),
        ({"age": 1.0}, None, {"item": [0, 1, 2], "shop": [0, 10, 20]}),
        ({"shop": CELLS["speed"]}, None, {}),
        ({}, ["shop"], {"shop": [0, 10, 20]}),
        ({"ward": 2}, ["ward"], {"item": [0, 1, 2], "shop": [0, 10, 20], "ward": [2]}),
    ],
    ids=["all", "static number", "one of numbers", "one chosen", "static chosen"],
)
def test_integers_in_cells_are_categories_as_elsewhere(changes, categorical, found):
    """With embedding_dim, if all are integers and none is chosen; scalar columns do not matter."""
    X = IDS.assign(**changes)
    reading = Reading(integers_are_symbols=True, categorical=categorical)
    form, sequences = learn_form(X, reading, estimator_name="RNNClassifier")
    assert form.categories == found
    assert_same_read(sequences, check_sequences(X, form))


def test_scalar_columns_alongside_cells_are_static():
    """They are numbers or categories of each sequence; rows taken keep them."""
    X = CELLS.assign(age=np.arange(12.0), sex=["m", "f"] * 6, stage=[1, 2, 3] * 4)
    form, sequences = learn(X, categorical=["stage"])
    np.testing.assert_array_equal(sequences.static_values, X[["age"]])
    np.testing.assert_array_equal(sequences.static_codes[:, 0], 1 + (X["sex"] == "m"))
    np.testing.assert_array_equal(sequences.static_codes[:, 1], X["stage"])
    assert form.categories == {"sex": ["f", "m"], "stage": [1, 2, 3]}
    taken = sequences.take(np.array([3, 0]))
    assert_same_read(taken, check_sequences(X.iloc[[3, 0]], form))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (CELLS.assign(temp=[[1.0]] * 12), "Row 0 of X has 4 steps in column 'speed' and 1 in"),
        (CELLS.assign(temp=[None, *CELLS["temp"][1:]]), "In column 'temp' of X: .* sequence 0 is"),
        (CELLS.assign(age=[np.nan] * 12), "row 0, column 'age' is missing"),
        (CELLS.assign(sex=["m", None] * 6), r"row 1, column 'sex' .* with fillna\('missing'\)"),
        (CELLS.assign(age=[np.inf] * 12), "Input X contains infinity: row 0, column 'age'"),
        (CELLS.assign(age=[1, -1e300] * 6), "value too large .* at row 1, column 'age'"),
        (
            CELLS.assign(day=pd.Timestamp("2024-01-01")),
            r"Column 'day' of X holds dates .*from_long\(table, id, 'day'\); .* set_index\('day'\)",
        ),
    ],
    ids=["lengths", "missing cell", "NaN", "no category", "infinity", "large", "date"],
)
def test_cells_are_checked(X, message):
    """The message has the row and the column."""
    with pytest.raises(ValueError, match=message):
        learn(X)


def test_cells_stay_cells():
    """Later X are tables of the same columns, in scikit-learn's order."""
    form, _ = learn(CELLS.assign(age=1.0))
    with pytest.raises(ValueError, match="X is an array or a list of sequences, but RNNClassifier"):
        check_sequences(ARRAYS, form)
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        check_sequences(CELLS.assign(age=1.0)[["age", "temp", "speed"]], form)
    with pytest.raises(ValueError, match="do not change in time, but in fit"):
        check_sequences(CELLS.assign(age=CELLS["temp"]).assign(temp=1.0), form)
    with pytest.raises(ValueError, match="X is a table whose cells are sequences, but RNNClass"):
        check_sequences(CELLS, learn(ARRAYS)[0])


IN_CELLS = pd.DataFrame({"ride": pd.Series(FRAMES), "u": [a[:, 0] for a in ARRAYS]})
FULL_CELLS = IN_CELLS.assign(age=1.0, sex=["m", "f"] * 6, token=[list(m) for m in MODES])


def test_features_of_tables_in_cells_have_names():
    """They are named after the outer and the inner column; those of arrays are numbered."""
    assert learn(IN_CELLS)[0].step_names == ("ride[speed]", "ride[temp]", "u")
    mixed = learn(IN_CELLS.assign(ride=pd.Series(MIXED)))[0]
    assert mixed.step_names == (*(f"ride[{name}]" for name in MIXED[0].columns), "u")
    arrays = learn(IN_CELLS.assign(ride=pd.Series(ARRAYS)))[0]
    assert arrays.step_names == ("ride[0]", "ride[1]", "u")
    y = np.stack([frame["temp"].iloc[-1:] + 1.0 for frame in FRAMES])
    model = RNNRegressor("gru", 2, residual="last", max_epochs=1, random_state=0)
    predicted = [
        model.set_params(target_columns=target).fit(X, y).predict(X)
        for X, target in (
            (IN_CELLS, "ride[temp]"),
            (IN_CELLS.assign(ride=pd.Series(ARRAYS)), "ride[1]"),
        )
    ]
    np.testing.assert_array_equal(*predicted)


def test_tables_in_cells_are_matched_by_name():
    """Their columns may come in any order, in a table of every sequence."""
    form, sequences = learn(IN_CELLS)
    assert_same_read(check_sequences(IN_CELLS.assign(ride=pd.Series(SWAPPED)), form), sequences)
    half = pd.Series([*FRAMES[:6], *SWAPPED[6:]])
    assert_same_read(check_sequences(IN_CELLS.assign(ride=half), form), sequences)
    with pytest.warns(UserWarning, match="Column 'ride' of X does not have valid feature names"):
        found = check_sequences(IN_CELLS.assign(ride=pd.Series(ARRAYS)), form)
    assert_same_read(found, sequences)
    other = [frame.rename(columns={"temp": "heat"}) for frame in FRAMES]
    with pytest.raises(ValueError, match=r"In column 'ride' of X: .*\['heat'\] are unknown"):
        check_sequences(IN_CELLS.assign(ride=pd.Series(other)), form)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sex": 1.0}, "Column 'sex' of X holds numbers, but categories in fit"),
        ({"age": "old"}, "Column 'age' of X holds categories, but numbers in fit"),
        ({"age": 1e300}, r"too large for dtype\('float32'\): 1e\+300 at row 0, column 'age'"),
        ({"age": np.nan}, "row 0, column 'age' is missing"),
        ({"u": pd.Series(ARRAYS)}, "in column 'u' of X have 2 features per step, but 1 in fit"),
        ({"ride": FULL_CELLS["u"]}, "in column 'ride' of X have 1 features per step, but 2 in"),
        ({"u": FULL_CELLS["token"]}, "Column 'u' of X holds categories, but numbers in fit"),
        ({"token": FULL_CELLS["u"]}, "Column 'token' of X holds numbers, but categories in fit"),
    ],
    ids=["static", "static text", "large", "NaN", "wide", "narrow", "tokens", "numbers"],
)
def test_columns_of_cells_keep_kind_and_width(changes, message):
    """The message names the column, where the total of columns may be as it was."""
    form, _ = learn(FULL_CELLS)
    with pytest.raises(ValueError, match=message):
        check_sequences(FULL_CELLS.assign(**changes), form)


def test_widths_of_cells_may_not_be_exchanged():
    """Three features of a step in all are not enough."""
    form, _ = learn(IN_CELLS)
    exchanged = pd.DataFrame({"ride": IN_CELLS["u"], "u": IN_CELLS["ride"]})
    with pytest.raises(ValueError, match="in column 'ride' of X have 1 features per step"):
        check_sequences(exchanged, form)


# --- tables whose rows are sequences --------------------------------------------------------------


def test_array_of_words_is_a_table_of_tokens():
    """A table of words has two readings; its array has one."""
    words = pd.DataFrame({str(j): RANDOM.choice(["a", "b"], 8) for j in range(3)})
    form, _ = learn(words.to_numpy())
    assert (form.layout, form.kind) == ("table", "symbols")
    for table in (words, words.astype("category"), pl.from_pandas(words)):
        with pytest.raises(ValueError, match=r"3 columns, all of strings.* pass X.to_numpy\(\)"):
            learn(table)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"a": ["x"], "v": [1.0]}), "table of 2 columns, 1 of strings such as 'a'"),
        (pd.DataFrame({"a": ["x y"], "b": ["z"]}), r"holds texts, pass it alone: X\['a'\]"),
        (pd.DataFrame({"a": ["x"], "b": [None]}), "table of 2 columns, 1 of strings"),
        (pd.DataFrame({"a": ["x", None]}), r"sequence 1 is missing .* use table.dropna\(\)"),
        (pl.DataFrame({"a": [{"x": 1}]}), "Column 'a' of X holds records"),
    ],
    ids=["numbers", "texts", "no values", "missing", "struct"],
)
def test_tables_of_other_things_are_an_error(X, message):
    """The message has the column."""
    with pytest.raises(ValueError, match=message):
        learn(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (dict(enumerate(ARRAYS)), r"X is a dict, which maps names .*pass list\(X.values\(\)\)"),
        (pl.LazyFrame({"a": [1.0]}), r"LazyFrame.*collect\(\)"),
        (MIXED[0].groupby("mode"), r"DataFrameGroupBy, .* pass \[table for _, table in X\]"),
        (MIXED[0].groupby("mode")["speed"], r"X is a SeriesGroupBy, which consists of keys"),
        (pl.from_pandas(MIXED[0]).group_by("mode"), r"X is a GroupBy, .*from_long\(table, id"),
        ([frame.to_dict("records") for frame in MIXED], r"is a dict; .*pandas\.DataFrame\(x\)"),
        ([frame.to_dict("list") for frame in MIXED], r"a list of dict; .*pandas\.DataFrame\(x\)"),
        ([[{"a"}, {"b", "c"}], [{"a"}]], "Step 0 of sequence 0 of X is a set; a step is a number"),
    ],
)
def test_containers_without_rows_are_an_error(X, message):
    """The message has the remedy."""
    with pytest.raises(TypeError, match=message):
        learn(X)


def test_advice_for_missing_numbers_follows_their_place():
    """NaN at the end may be padding, NaN in the middle is a gap."""
    with pytest.raises(ValueError, match=r"to the end of the sequence.*from_nan_padded"):
        learn([np.array([1.0, np.nan, np.nan])])
    with pytest.raises(
        ValueError, match=r"sequence 1, step 0, .* in all steps of the sequence\. D"
    ):
        learn([np.array([1.0]), np.array([np.nan, np.nan])])
    with pytest.raises(ValueError, match="StepTransformer"):
        learn([np.array([1.0, np.nan, 2.0])])


def with_gap(values):
    """Return a copy of values whose second one is missing."""
    values = np.array(values, dtype=float)
    values[1] = np.nan
    return values


@pytest.mark.parametrize(
    "X",
    [
        [with_gap(frame["speed"]) for frame in FRAMES],
        [frame.assign(speed=with_gap(frame["speed"])) for frame in FRAMES],
        [frame.assign(temp=with_gap(frame["temp"])) for frame in MIXED],
        CELLS.assign(temp=[with_gap(cell) for cell in CELLS["temp"]], sex=["f", "m"] * 6),
    ],
    ids=["arrays", "tables", "mixed steps", "cells"],
)
def test_advice_for_a_gap_works_as_written(X):
    """The transformer in the message fills the gap."""
    with pytest.raises(ValueError, match="ffill in pandas") as raised:
        small_classifier().fit(X, Y)
    names = (StepTransformer, SimpleImputer, make_column_transformer)
    imputer = eval(
        re.search(r"or with (?:preprocessing\.)?(.*)\.$", str(raised.value))[1],
        {f.__name__: f for f in names},
    )
    fitted = make_pipeline(imputer, small_classifier(max_epochs=1)).fit(X, Y)
    assert fitted.predict(X).shape == Y.shape


@pytest.mark.parametrize(
    "X",
    [
        [frame[["speed", "mode"]].assign(speed=np.nan) for frame in MIXED],
        CELLS[["speed"]].map(lambda cell: np.where(np.arange(len(cell)), np.nan, cell)),
    ],
    ids=["mixed steps", "cells"],
)
def test_missing_numbers_of_tables_are_no_padding(X):
    """Numbers that are missing to the end are a gap where no rows are padded."""
    with pytest.raises(ValueError, match="StepTransformer"):
        small_classifier().fit(X, Y)


NAN = np.nan


@pytest.mark.parametrize(
    "X",
    [
        [[1.0, 2.0, NAN], [1.0, NAN, NAN]],
        np.array([[1.0, 2.0, NAN], [1.0, NAN, NAN]]),
        [[1.0, 2.0, NAN], [1.0, NAN]],
        [np.array([1.0, 2.0, NAN]), np.array([1.0, NAN])],
        Sequences.from_arrays([np.array([1.0, 2.0, NAN]), np.array([1.0, NAN])]),
        [pd.DataFrame({"a": [1.0, 2.0, NAN]}), pd.DataFrame({"a": [1.0, NAN]})],
        pd.DataFrame([[1.0, 2.0, NAN], [1.0, NAN, NAN]]),
    ],
    ids=["lists", "array", "ragged lists", "ragged", "Sequences", "tables", "table"],
)
def test_advice_for_padding_works_as_written(X):
    """Both readings of a gap at the end have an expression that works."""
    with pytest.raises(ValueError, match="to the end of the sequence") as raised:
        learn(X)
    message = str(raised.value)
    expression = re.search(r"remove them with (.*?) (?:of|\(in)", message)[1]
    read = eval(expression, {"X": X, "from_nan_padded": from_nan_padded})
    _, sequences = learn(read)
    assert sequences.lengths.tolist() == [2, 1]
    np.testing.assert_array_equal(sequences.values[:, 0], [1, 2, 1])
    imputer = eval(re.search(r"or with preprocessing\.(.*)\.$", message)[1])
    assert np.isfinite(learn(imputer.fit_transform(X))[1].values).all()


def test_gap_alongside_categories_is_no_padding():
    """A column of numbers that is missing to the end is a gap if others are not."""
    X = [frame.assign(speed=np.nan, temp=np.nan) for frame in MIXED]
    with pytest.raises(ValueError, match="StepTransformer"):
        small_classifier().fit(X, Y)


@pytest.mark.parametrize(
    "X",
    [
        [
            table.drop(columns="id")
            for _, table in pd.concat(MIXED, keys=LETTERS, names=["id"])
            .reset_index("id")
            .groupby("id")
        ],
        [pd.DataFrame(steps) for steps in [frame.to_dict("records") for frame in MIXED]],
        [pd.DataFrame(x) for x in [frame.to_records(index=False) for frame in MIXED]],
    ],
    ids=["groups", "dicts", "records"],
)
def test_containers_are_read_as_messages_tell(X):
    """The remedies give the same numbers and categories as tables."""
    assert_same_read(learn(X)[1], learn(MIXED)[1])


@pytest.mark.parametrize("convert", [list, lambda X: [pl.from_pandas(x) for x in X]])
@pytest.mark.parametrize(
    ("decimals", "besides"),
    [
        (["0.5", "-1.25", "2.0"], ""),
        (["0,5", "1,25", "n/a"], " besides 'n/a'"),
        ([".5", "1.e3"], ""),
    ],
    ids=["decimals", "with_a_stray_text", "other_forms"],
)
def test_numbers_as_text_are_an_error(convert, decimals, besides):
    """A column of a file with an entry that is no number is text, and text is categories."""
    X = [frame.assign(load=np.resize(decimals, len(frame))) for frame in FRAMES]
    message = (
        rf"Column 'load' of X holds numbers as text, such as '.*'{re.escape(besides)}, and text"
    )
    with pytest.raises(ValueError, match=message):
        RNNClassifier(hidden_size=4, max_epochs=1).fit(convert(X), Y)
    cells = CELLS.assign(load=np.resize(decimals, len(CELLS)))
    with pytest.raises(ValueError, match=message):
        RNNClassifier(hidden_size=4, max_epochs=1).fit(cells, Y)


@pytest.mark.parametrize(
    "symbols", [["1", "2", "3"], ["1.5", "b", "c"], ["v1.5", "v2.5"], ["7.8.9"]]
)
def test_other_symbols_may_hold_digits(symbols):
    """Digits, names with numbers and a few numbers among words are categories."""
    X = [frame.assign(mode=np.resize(symbols, len(frame))) for frame in FRAMES]
    assert learn(X)[0].categories["mode"] == sorted(symbols)


def test_advice_on_dates_works_as_written():
    """Times are a key of a long table, or the index of one series, as the error says."""
    days = pd.date_range("2026-01-01", periods=6)
    table = pd.DataFrame({"id": list("aabbcc"), "day": days, "load": np.arange(6.0)})
    message = (
        "networks read numbers. If they are the times of the rows, convert a long table of several "
        "sequences with preprocessing.from_long(table, id, 'day'); the rows of a single one have "
        "them as the index, set_index('day'). If they are a feature or the time_column, convert "
        "them to a number of seconds."
    )
    model = RNNRegressor(hidden_size=4, max_epochs=1)
    with pytest.raises(ValueError, match=rf"Column 'day' of X .*{re.escape(message)}"):
        model.fit(table[["day", "load"]], np.arange(6))
    model.fit(from_long(table, "id", "day")[0], np.arange(3.0))
    SequenceGenerator(hidden_size=4, max_epochs=1).fit([table.set_index("day")[["load"]]])


# --- tools of scikit-learn ------------------------------------------------------------------------

WARD = np.random.default_rng(1)
PATIENTS = pd.DataFrame(
    {
        "pulse": [
            np.linspace(0, 2 * label, n) + 0.1 * WARD.normal(size=n)
            for label, n in zip(Y, LENGTHS, strict=True)
        ]
        * 2,
        "age": WARD.normal(50, 9, 2 * len(Y)),
    }
)
STATES = np.array(["ill", "well"])[np.tile(Y, 2)]
RISING = small_classifier(max_epochs=8, learning_rate=0.03)
OF_COLUMNS = ColumnTransformer([("rnn", RISING, ["pulse"]), ("num", StandardScaler(), ["age"])])


@pytest.mark.parametrize(
    "model",
    [
        RISING,
        GridSearchCV(RISING, {"cell": ["gru", "rnn"]}, cv=2),
        BaggingClassifier(RISING, n_estimators=2, random_state=0),
        VotingClassifier([("a", RISING), ("b", RISING)], voting="soft"),
        StackingClassifier([("a", RISING)], cv=2),
        make_pipeline(OF_COLUMNS, LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_tools_take_tables_of_sequences(model):
    """Searches, ensembles and pipelines learn from rows with a sequence and a static column."""
    assert cross_val_score(model, PATIENTS, STATES, cv=2).mean() > 0.8


def test_rows_of_sequences_are_drawn_and_permuted():
    """Resampling keeps rows together, and only the column with information is important."""
    X, y = resample(PATIENTS, STATES, random_state=0, stratify=STATES)
    model = RISING.fit(X, y)
    importances = permutation_importance(model, PATIENTS, STATES, n_repeats=2, random_state=0)
    pulse, age = importances.importances_mean
    assert pulse > 0.2 > abs(age)
    proba = cross_val_predict(model, PATIENTS, STATES, cv=2, method="predict_proba")
    assert proba.shape == (len(STATES), 2)
    names = OF_COLUMNS.set_output(transform="pandas").fit_transform(PATIENTS, STATES).columns
    assert names[0] == "rnn__rnnclassifier0"
    assert names[-1] == "num__age"


def test_importances_of_a_column_of_sequences_of_several_features():
    """The features of a sequence are permuted together; lengths may differ."""
    X = pd.DataFrame({"ride": pd.Series(ARRAYS), "age": np.arange(12.0)})
    model = small_classifier(max_epochs=1).fit(X, Y)
    importances = permutation_importance(model, X, Y, n_repeats=1, random_state=0)
    assert importances.importances.shape == (2, 1)


def test_order_of_tables_does_not_warn():
    """Reordered columns are no reason for a warning."""
    form, _ = learn(FRAMES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_sequences(SWAPPED, form)


def test_cells_among_categories_are_an_error():
    """A category column of one table may hold a sequence in another one, which has no meaning."""
    plain = pd.DataFrame({"mode": pd.Categorical(["run", "walk"])})
    damaged = pd.DataFrame({"mode": pd.Series(["run", [1.0, 2.0]], dtype=object)})
    with pytest.raises(ValueError, match="Column 'mode' of X holds values of the types list, str"):
        learn([plain, damaged])


def test_half_precision_next_to_categories():
    """Numbers in half precision may be categories in another table."""
    halves = pd.DataFrame({"mode": np.array([1.5, 2.0], dtype=np.float16)})
    form, _ = learn([pd.DataFrame({"mode": pd.Categorical([2.0])}), halves])
    assert form.categories == {"mode": [1.5, 2.0]}
