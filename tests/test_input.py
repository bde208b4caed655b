"""All containers of the same data give the same sequences; other data are errors."""

import datetime
import itertools
import re
import time
import warnings
from collections import deque

import awkward
import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.utils.validation import validate_data

from sksequence import RNNClassifier, Sequences
from sksequence._batching import object_array
from sksequence._input import Reading, _encoding, check_sequences, forget_unused, learn_form
from sksequence.preprocessing import from_long

NUMBERS = st.floats(-1e6, 1e6)
LENGTHS = (4, 2, 5)
RAGGED = [np.random.default_rng(n).normal(size=(n, 3)) for n in LENGTHS]
LINES = [array[:, 0] for array in RAGGED]
EQUAL = np.random.default_rng(0).normal(size=(3, 4, 2))
TABLE = EQUAL[:, :, 0]
TEXTS = ["tea", "at", "tents"]
CODES = [[3, 1], [2, 2, 9], [1]]


def learn(X, *, integers_are_symbols=False, **options):
    """Read X as `fit` does."""
    reading = Reading(integers_are_symbols=integers_are_symbols, **options)
    return learn_form(X, reading, estimator_name="RNNClassifier")


def check(X, like, **options):
    """Read X as `predict` does after a fit on `like`."""
    form, _ = learn(like, **options)
    return check_sequences(X, form)


def nested(arrays, layout):
    """Build a nested tensor; torch calls the older layout a prototype."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nested.nested_tensor([torch.from_numpy(a) for a in arrays], layout=layout)


def lists_of(arrays):
    """Return nested lists."""
    return [array.tolist() for array in arrays]


def memory_map(array, folder):
    """Return the array as a read-only memory map."""
    np.save(folder / "array.npy", array)
    return np.load(folder / "array.npy", mmap_mode="r")


def read_only(array):
    """Return a copy that refuses writing."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def assert_holds(sequences, expected):
    """Compare with a list of arrays, exactly."""
    block = sequences.blocks[0]
    np.testing.assert_array_equal(block, np.concatenate(expected).reshape(block.shape))
    assert sequences.lengths.tolist() == [len(array) for array in expected]


# --- laws ----------------------------------------------------------------------------------------


def list_views(arrays):
    """Return sequences as views of steps that are stored in reversed order."""
    steps = pyarrow.list_view(pyarrow.float64()) if arrays[0].ndim == 2 else pyarrow.float64()
    stored = pyarrow.array(list(itertools.chain(*lists_of(arrays[::-1]))), type=steps)
    lengths = np.array([len(array) for array in arrays], dtype=np.int32)
    starts = np.cumsum(lengths[::-1])[::-1] - lengths
    views = pyarrow.array(starts, pyarrow.int32()), pyarrow.array(lengths, pyarrow.int32())
    return pyarrow.ListViewArray.from_arrays(*views, stored)


def large_list_views(arrays):
    """Return sequences as views with offsets of 64 bits, behind a missing one."""
    kind = pyarrow.float64()
    for _ in range(arrays[0].ndim):
        kind = pyarrow.large_list_view(kind)
    return pyarrow.array([None, *lists_of(arrays)], type=kind)[1:]


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "deque": deque,
    "object array": object_array,
    "Series": pd.Series,
    "Sequences": Sequences.from_arrays,
    "lists": lists_of,
    "tuples": lambda arrays: tuple(map(tuple, lists_of(arrays))),
    "tensors": lambda arrays: [torch.from_numpy(array) for array in arrays],
    "jagged tensor": lambda arrays: nested(arrays, torch.jagged),
    "strided nested tensor": lambda arrays: nested(arrays, torch.strided),
    "awkward": lambda arrays: awkward.Array(lists_of(arrays)),
    "arrow": lambda arrays: pyarrow.array(lists_of(arrays)),
    "arrow slice": lambda arrays: pyarrow.array(lists_of([arrays[0], *arrays]))[1:],
    "arrow chunks": lambda arrays: pyarrow.chunked_array(
        [pyarrow.array(lists_of(arrays[:1])), pyarrow.array(lists_of(arrays[1:]))]
    ),
    "arrow views": list_views,
    "large arrow views": large_list_views,
    "read-only": lambda arrays: [read_only(array) for array in arrays],
    "Fortran order": lambda arrays: [np.asfortranarray(array) for array in arrays],
    "object dtype": lambda arrays: [array.astype(object) for array in arrays],
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("arrays", [RAGGED, LINES], ids=["2-D", "1-D"])
def test_ragged_containers_mean_the_same(container, arrays):
    """Every ragged container gives the same values, lengths and number of features."""
    form, sequences = learn(CONTAINERS[container](arrays))
    assert_holds(sequences, arrays)
    assert (form.layout, form.n_features_in) == ("sequences", arrays[0][0].size)
    assert_holds(check(CONTAINERS[container](arrays[1:]), like=arrays), arrays[1:])


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        list,
        object_array,
        np.ndarray.tolist,
        np.asfortranarray,
        read_only,
        torch.from_numpy,
        awkward.Array,
        lambda X: X.astype(object),
        lambda X: Sequences.from_array(X),
        lambda X: pyarrow.array(
            X.tolist(), type=pyarrow.list_(pyarrow.list_(pyarrow.float64(), 2), 4)
        ),
        lambda X: pyarrow.array(
            X.tolist(), type=pyarrow.large_list(pyarrow.list_(pyarrow.float64(), 2))
        ),
    ],
    ids=itertools.count(),
)
def test_containers_of_equal_length_mean_the_same(convert):
    """A 3-D array and everything that holds the same numbers gives the same sequences."""
    form, sequences = learn(convert(EQUAL))
    assert_holds(sequences, list(EQUAL))
    assert (form.layout, form.n_features_in, form.n_step_features) == ("sequences", 2, 2)


@pytest.mark.parametrize(
    "convert",
    [np.asarray, np.ndarray.tolist, np.asfortranarray, read_only, torch.from_numpy, pd.DataFrame],
)
def test_tables_mean_the_same(convert):
    """The columns of a table are the steps of sequences with one feature."""
    form, sequences = learn(convert(TABLE))
    assert_holds(sequences, list(TABLE))
    assert (form.n_features_in, form.n_step_features) == (4, 1)


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        np.array,
        object_array,
        pd.Series,
        pd.Index,
        lambda texts: pd.Series(texts, dtype="category"),
        lambda texts: np.array(texts, dtype=np.dtypes.StringDType()),
        lambda texts: [list(text) for text in texts],
        lambda texts: [np.array(list(text)) for text in texts],
        lambda texts: [np.array(list(text), dtype=object) for text in texts],
        lambda texts: Sequences(np.array(list("".join(texts))), [0, 3, 5, 10]),
        awkward.Array,
        lambda texts: awkward.Array([list(text) for text in texts]),
        pyarrow.array,
        lambda texts: pyarrow.array([list(text) for text in texts]),
    ],
    ids=itertools.count(),
)
def test_texts_and_tokens_mean_the_same(convert):
    """A text is the list of its characters."""
    form, sequences = learn(convert(TEXTS))
    assert form.vocabularies[0].symbols == list("aenst")
    symbols = form.vocabularies[0].decode(sequences.codes[:, 0])
    assert "".join(symbols) == "".join(TEXTS)
    assert sequences.lengths.tolist() == [3, 2, 5]


@pytest.mark.parametrize(
    "convert",
    [
        list,
        lambda codes: [np.array(code) for code in codes],
        lambda codes: Sequences.from_arrays([np.array(code) for code in codes]),
        awkward.Array,
        pyarrow.array,
        lambda codes: [torch.tensor(code) for code in codes],
    ],
    ids=itertools.count(),
)
def test_integers_are_symbols_only_if_requested(convert):
    """The parameter decides whether integers are symbols, never the container."""
    form, sequences = learn(convert(CODES))
    assert not form.holds_symbols
    np.testing.assert_array_equal(sequences.values[:, 0], np.concatenate(CODES))
    form, sequences = learn(convert(CODES), integers_are_symbols=True)
    assert form.holds_symbols
    assert form.vocabularies[0].symbols == [1, 2, 3, 9]
    assert sequences.codes[:, 0].tolist() == [3, 1, 2, 2, 4, 1]


@pytest.mark.parametrize("convert", [np.asarray, np.ndarray.tolist, pd.DataFrame, torch.from_numpy])
def test_integers_in_tables_can_be_symbols(convert):
    """A table of integers is a table of symbols if the parameter requests it."""
    X = np.array([[1, 5], [5, 7]])
    form, sequences = learn(convert(X), integers_are_symbols=True)
    assert form.vocabularies[0].symbols == [1, 5, 7]
    assert sequences.codes[:, 0].tolist() == [1, 2, 2, 3]
    assert form.n_features_in == 2


@given(X=arrays(np.float64, st.tuples(*[st.integers(1, 4)] * 3), elements=NUMBERS))
def test_a_3d_array_is_a_list_of_its_sequences(X):
    """An array and the list of its parts hold the same, whatever the shape."""
    of_array, of_list = learn(X)[1], learn(list(X))[1]
    np.testing.assert_array_equal(of_array.values, of_list.values, strict=True)
    np.testing.assert_array_equal(of_array.offsets, of_list.offsets)


@settings(max_examples=30)
@given(
    X=st.lists(st.lists(st.text(max_size=2), min_size=1, max_size=5), min_size=1, max_size=5),
    other=st.lists(st.lists(st.text(max_size=2), min_size=1, max_size=5), min_size=1, max_size=5),
)
def test_unknown_tokens_have_code_zero(X, other):
    """Known tokens keep their code, unknown ones get 0."""
    form, _ = learn(X)
    codes = check_sequences(other, form).codes[:, 0]
    known = {token for sequence in X for token in sequence}
    expected = [form.vocabularies[0].codes[t] if t in known else 0 for s in other for t in s]
    assert codes.tolist() == expected


@pytest.mark.parametrize("dtype", ["f4", ">f4", ">f8", "f2", "i1", "u8", ">i2", "?", "g"])
@pytest.mark.parametrize("convert", [list, np.asarray, lambda a: a[:, :, None]], ids=range(3))
def test_types_of_numbers_mean_the_same(dtype, convert):
    """An array keeps its type unless float64 cannot hold it, so that a map stays on disk."""
    array = np.array([[0, 1, 1], [1, 0, 1]])
    sequences = learn(convert(array.astype(dtype)))[1]
    np.testing.assert_array_equal(sequences.values, learn(array)[1].values)
    expected = np.float64 if dtype == "g" else np.dtype(dtype).newbyteorder("=")
    assert sequences.values.dtype.newbyteorder("=") == expected


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f4", "f8", ">f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_gaps_are_found_in_every_type(dtype, value):
    """NaN and infinity are named with their place, in any byte order and precision."""
    array = EQUAL.astype(dtype)
    array[1, 2, 1] = value
    with pytest.raises(ValueError, match=r"(NaN|infinity): sequence 1, step 2, feature 1"):
        learn(array)
    with pytest.raises(ValueError, match=r"(NaN|infinity): sequence 1, step 2, feature 1"):
        learn(list(array))


# --- examples ------------------------------------------------------------------------------------


def test_arrays_are_viewed_and_maps_stay_on_disk(tmp_path):
    """Neither a 3-D array nor a memory map nor a Sequences is copied."""
    assert np.shares_memory(learn(EQUAL)[1].values, EQUAL)
    mapped = memory_map(EQUAL, tmp_path)
    assert np.shares_memory(learn(mapped)[1].values, mapped)
    flat = memory_map(np.concatenate(RAGGED), tmp_path)
    assert np.shares_memory(learn(Sequences(flat, [0, 4, 6, 11]))[1].values, flat)
    for dtype in ("i2", "f2", ">f8"):
        mapped = memory_map(EQUAL.astype(dtype), tmp_path)
        assert np.shares_memory(learn(mapped)[1].values, mapped)


def test_reading_changes_nothing():
    """X is not modified."""
    X = [array.copy() for array in RAGGED]
    learn(X)
    check(X, like=RAGGED)
    for before, after in zip(RAGGED, X, strict=True):
        np.testing.assert_array_equal(before, after)


def test_column_names_are_learnt_from_tables_of_text_names_only():
    """Names are kept for a DataFrame and absent otherwise."""
    frame = pd.DataFrame(TABLE, columns=list("abcd"))
    assert learn(frame)[0].feature_names_in.tolist() == list("abcd")
    assert learn(TABLE)[0].feature_names_in is None
    assert learn(pd.DataFrame(TABLE))[0].feature_names_in is None


def test_words_are_cut_by_the_analyzer():
    """Texts are cut into words or by a function."""
    texts = ["to be or not", "to be"]
    assert learn(texts, analyzer="word")[0].vocabularies[0].symbols == [
        " be",
        " not",
        " or",
        "to",
    ]
    by_function = learn(texts, analyzer=str.split)
    assert by_function[0].vocabularies[0].symbols == ["be", "not", "or", "to"]
    assert by_function[1].lengths.tolist() == [4, 2]
    with pytest.raises(
        TypeError, match="analyzer returned None for the text 'to be or not'; expected its"
    ):
        learn(texts, analyzer=lambda text: None)


def test_characters_of_every_kind():
    """Null characters, lone surrogates and characters beyond 16 bits are symbols like others."""
    for text in ("a\0b", "\ud800x", "😀é"):
        form, sequences = learn([text, text[::-1]])
        symbols = form.vocabularies[0].decode(sequences.codes[:, 0])
        assert "".join(symbols) == text + text[::-1]


def test_several_columns_of_symbols_have_a_vocabulary_each():
    """Each column, of words and of their tags for example, is encoded by itself."""
    X = [np.array([["tea", "N"], ["drink", "V"]]), np.array([["tea", "V"]])]
    form, sequences = learn(X)
    assert [v.symbols for v in form.vocabularies] == [["drink", "tea"], ["N", "V"]]
    assert sequences.codes.tolist() == [[2, 1], [1, 2], [2, 2]]
    integers = learn(np.arange(8).reshape(2, 2, 2), integers_are_symbols=True)[0]
    assert [v.symbols for v in integers.vocabularies] == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_symbols_that_nobody_uses_are_forgotten():
    """Vocabularies shrink to the symbols that are left, and codes change with them."""
    form, sequences = learn(TEXTS)
    left = learn(TEXTS[:2])
    form, sequences = forget_unused(form, sequences.take(np.array([0, 1])))
    assert form.vocabularies[0].symbols == left[0].vocabularies[0].symbols == list("aet")
    np.testing.assert_array_equal(sequences.codes, left[1].codes, strict=True)
    form, sequences = learn(TABLE)
    assert forget_unused(form, sequences) == (form, sequences)


@pytest.mark.parametrize(
    ("like", "X"),
    [
        (LINES, [LINES[0][:2], LINES[2][:2]]),
        (LINES, [LINES[0].tolist(), LINES[0].tolist()]),
        (LINES, TABLE),
        (list(TABLE), LINES),
        (EQUAL[:, :, :1], LINES),
        (TABLE.tolist(), lists_of(LINES)),
        (TABLE.tolist(), LINES),
        (TABLE.tolist(), TABLE),
        (TABLE, TABLE.tolist()),
        (TABLE, list(TABLE)),
        (TABLE, TABLE[:, :, None]),
        (EQUAL, [EQUAL[0][:2], EQUAL[1]]),
    ],
)
def test_the_kind_learnt_in_fit_is_kept(like, X):
    """A fold whose lengths happen to agree, or to differ, is read like the X of fit."""
    sequences = check(X, like=like)
    assert_holds(sequences, [np.asarray(x) for x in X])


def test_twenty_thousand_sequences_are_read_fast():
    """Reading costs one pass, not one call of scikit-learn for each sequence."""
    n_steps = np.random.default_rng(0).integers(20, 80, size=20_000)
    X = [np.zeros((n, 4)) for n in n_steps]
    seconds = []
    for _ in range(3):
        start = time.process_time()
        learn(X)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.3


MONTHS = pd.date_range("2020-01", periods=3, freq="MS")
WIDE = pd.DataFrame(TABLE, columns=list("abcd"))
TIME_INDEXES = {
    "dates": MONTHS,
    "dates of a time zone": MONTHS.tz_localize("UTC"),
    "periods": MONTHS.to_period("M"),
    "durations": MONTHS - MONTHS[0],
    "objects": MONTHS.date,
    "arrow": MONTHS.astype("timestamp[ns][pyarrow]"),
}


@pytest.mark.parametrize("name", TIME_INDEXES)
def test_rows_with_a_time_index_are_refused(name):
    """A table whose rows are points in time is not read as one sequence per row, in any method."""
    X = WIDE.set_axis(TIME_INDEXES[name])
    message = r"a \w*Index of \d rows.*\[X\[\[c\]\] for c in X\].*reset_index\(drop=True\)"
    for call in (lambda: learn(X), lambda: check(X, like=WIDE), lambda: check(X[:1], like=WIDE)):
        with pytest.raises(ValueError, match=message):
            call()
    assert_holds(learn([X])[1], [TABLE])
    assert_holds(learn([X[[c]] for c in X])[1], list(TABLE.T))
    assert_holds(learn(X.reset_index(drop=True))[1], list(TABLE))


@pytest.mark.parametrize("names", [["site", "day"], [None, None]])
def test_rows_with_levels_are_refused(names):
    """A panel of pandas is not read as one sequence per row; the advice works as it is printed."""
    index = pd.MultiIndex.from_arrays([[0, 0, 1], [1, 2, 1]], names=names)
    X = WIDE.set_axis(index)
    with pytest.raises(ValueError, match=r"MultiIndex of 3 rows.*pass from_long\(") as raised:
        learn(X)
    code = re.search(r"from_long\(.*?\]", str(raised.value))[0]
    sequences = eval(code, {"from_long": from_long, "X": X})
    assert_holds(learn(sequences)[1], [TABLE[:2], TABLE[2:]])
    assert_holds(learn(X.reset_index(drop=True))[1], list(TABLE))


DOWN = pd.date_range("2026-01-01", periods=3)[::-1]
HELD = r"index of X\[1\] holds times.* not in increasing order.*X\[1\]\.sort_index\(\)"


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (DOWN, HELD),
        (DOWN.to_period("D"), HELD),
        (DOWN - DOWN[-1], HELD),
        (pd.MultiIndex.from_product([["a"], DOWN]), HELD),
        (DOWN[::-1].insert(1, pd.NaT)[:3], r"X\[1\] holds times.* step 1 of 3 is missing \(NaT\)"),
    ],
    ids=["descending", "periods", "durations", "part of a panel", "missing"],
)
@pytest.mark.parametrize("of", [pd.Series, pd.DataFrame])
def test_times_of_steps_must_ascend(index, message, of):
    """Steps are not read back in time: the index is sorted, or dropped to read rows as they are."""
    X = [of([1.0, 2.0]), of([1.0, 2.0, 3.0], index=index)]
    with pytest.raises(ValueError, match=message):
        learn(X)
    reversed_on_purpose = learn([x.reset_index(drop=True) for x in X])[1]
    assert reversed_on_purpose.values.ravel().tolist() == [1, 2, 1, 2, 3]
    if message == HELD:
        assert learn([x.sort_index() for x in X])[1].values.ravel().tolist() == [1, 2, 3, 2, 1]


def test_symbols_of_steps_must_ascend():
    """Tokens with times, and cells of a table, follow the same rule."""
    tokens = pd.Series(list("abc"), index=DOWN)
    with pytest.raises(ValueError, match=r"X\[0\] holds times.* not in increasing order"):
        learn([tokens])
    with pytest.raises(ValueError, match=r"In column 'load' of X: .* not in increasing order"):
        learn(pd.DataFrame({"load": [pd.Series(range(3), index=DOWN)]}))


def test_times_of_columns_must_ascend():
    """The columns of a table are steps too."""
    X = pd.DataFrame([[1.0, 2.0, 3.0]], columns=DOWN)
    with pytest.raises(ValueError, match=r"columns of X are times.*X\.sort_index\(axis=1\)"):
        learn(X)
    assert learn(X.sort_index(axis=1))[1].values.ravel().tolist() == [3, 2, 1]
    assert learn(X.to_numpy())[1].values.ravel().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(5, 8),
        pd.Index([3, 1, 2]),
        pd.Index([0.5, 1.5, 2.5]),
        pd.Index(["2020-01", "2020-02", "2020-03"]),
        pd.Index(list("abc"), dtype=object),
        pd.interval_range(0, 3),
    ],
    ids=itertools.count(),
)
def test_other_indexes_do_not_matter(index):
    """Rows with numbers or names are sequences."""
    assert_holds(learn(WIDE.set_axis(index))[1], list(TABLE))
    series = pd.Series(TEXTS, index=MONTHS)
    assert learn(series)[1].lengths.tolist() == [3, 2, 5]


MISSING = [None, np.nan, np.float32("nan"), pd.NA, pd.NaT]


@pytest.mark.parametrize("missing", MISSING, ids=repr)
@pytest.mark.parametrize(
    "convert", [list, tuple, object_array, lambda X: pd.Series(X, dtype=object)]
)
def test_missing_texts_have_a_place(convert, missing):
    """Whatever stands for a missing text, the error says which one and what to do."""
    X = convert(["tea", "at", missing, "tents", missing])
    message = r"Input X contains NaN: sequence 2 is missing \(.*\)\. Drop the sequence, with its y"
    for call in (lambda: learn(X), lambda: check(X, like=TEXTS)):
        with pytest.raises(ValueError, match=message):
            call()


STRINGS = np.dtypes.StringDType(na_object=None)


@pytest.mark.parametrize(
    ("X", "place"),
    [
        (pd.Series(["tea", None], dtype="str"), "sequence 1"),
        (pd.Series(["tea", None], dtype="string"), "sequence 1"),
        (pd.Series(["tea", None], dtype="string[pyarrow]"), "sequence 1"),
        (pd.Series(["tea", None], dtype="category"), "sequence 1"),
        (pd.Index(["tea", None]), "sequence 1"),
        (np.array(["tea", None], dtype=STRINGS), "sequence 1"),
        (np.ma.array(["tea", "at"], mask=[False, True]), "sequence 1"),
        (pyarrow.chunked_array([["tea"], ["at", None]]), "sequence 2"),
        (pyarrow.array([["tea"], None]), "sequence 1"),
        (pyarrow.array([["tea"], None], pyarrow.list_(pyarrow.string(), 1)), "sequence 1"),
        (pyarrow.array([[1.0], None]), "sequence 1"),
        (pyarrow.array([["at", "tea"], ["at", None]]), "sequence 1, step 1"),
        (awkward.Array(["tea", None]), "sequence 1"),
        (awkward.Array([["tea"], None]), "sequence 1"),
        (awkward.Array([["at", "tea"], ["at", None]]), "sequence 1, step 1"),
        ([["at", "tea"], ["at", np.nan]], "sequence 1, step 1"),
        ([["at", "tea"], ["at", pd.NA]], "sequence 1, step 1"),
        ([["at", "tea"], ("at", pd.NaT)], "sequence 1, step 1"),
        ([[1, 2], [3, pd.NA]], "sequence 1, step 1"),
        ([[[1.0], [2.0]], [[1.0], np.nan]], "sequence 1, step 1"),
        ([[["at", 1]], [["at", "tea"], ["tea", None]]], "sequence 1, step 1"),
        ([["at"], None], "sequence 1"),
        ([LINES[0], np.nan], "sequence 1"),
        ([None, None], "sequence 0"),
        ([object_array(["at"]), object_array(["at", None])], "sequence 1, step 1"),
        ([pd.Series(["at"]), pd.Series(["at", None])], "sequence 1, step 1"),
        (np.array([["at", "tea"], ["at", None]], dtype=object), "sequence 1, step 1"),
        (np.array([["at", "tea"], ["at", None]], dtype=STRINGS), "sequence 1, step 1"),
        (np.ma.array([["at", "at"]] * 2, mask=[[0, 0], [0, 1]]), "sequence 1, step 1"),
        (np.array([[["at", "a"]], [["at", None]]], dtype=object), "sequence 1, step 0"),
        (Sequences(object_array(["at", "tea", None]), [0, 1, 3]), "sequence 1, step 1"),
        (np.array([[None], [["at"]], [["tea"]]], dtype=object)[:, [0, 0]], "sequence 0"),
    ],
    ids=itertools.count(),
)
def test_missing_symbols_have_a_place(X, place):
    """Texts and tokens are missing in every container as in a list."""
    with pytest.raises(ValueError, match=rf"Input X contains NaN: {place} is missing \("):
        learn(X)


@pytest.mark.parametrize(
    "texts",
    [["nan", "None"], ["NaN", "<NA>"], [" ", "null"]],
)
@pytest.mark.parametrize(
    "convert",
    [list, object_array, pd.Series, pyarrow.array, lambda X: pd.Series(X, dtype="string")],
    ids=itertools.count(),
)
def test_texts_that_look_missing_are_texts(texts, convert):
    """Only missing values are missing, not their names; nor are tokens of mixed types."""
    form, sequences = learn(convert(texts))
    assert "".join(form.vocabularies[0].decode(sequences.codes[:, 0])) == "".join(texts)
    assert learn([texts, [*texts, 1]])[1].lengths.tolist() == [2, 3]


PHRASES = ["to be", "or not", "to be seen"]


@pytest.mark.parametrize(
    "convert",
    [
        lambda texts: np.array(texts)[:, None],
        lambda texts: object_array(texts)[:, None],
        lambda texts: np.array(texts, dtype=np.dtypes.StringDType())[:, None],
        lambda texts: pd.DataFrame({"text": texts}),
        lambda texts: pd.DataFrame({"text": texts}, dtype=object),
        lambda texts: pd.DataFrame({"text": texts}, dtype="string[pyarrow]"),
        lambda texts: pd.DataFrame({"text": texts}, dtype="category"),
        lambda texts: pyarrow.table({"text": texts}),
        lambda texts: SimpleImputer(strategy="constant", fill_value="").fit_transform(
            pd.DataFrame({"text": texts}, dtype=object)
        ),
    ],
    ids=itertools.count(),
)
@pytest.mark.parametrize("analyzer", ["char", "word", str.split])
@pytest.mark.parametrize("texts", [PHRASES, TEXTS], ids=["blanks", "words"])
def test_a_column_of_strings_holds_texts(convert, analyzer, texts):
    """A table with one column of strings is the list of its texts, in fit and afterwards."""
    form, sequences = learn(texts, analyzer=analyzer)
    of_column, codes = learn(convert(texts), analyzer=analyzer)
    assert of_column.is_text
    assert of_column.vocabularies[0].symbols == form.vocabularies[0].symbols
    np.testing.assert_array_equal(codes.codes, sequences.codes, strict=True)
    np.testing.assert_array_equal(codes.offsets, sequences.offsets)
    np.testing.assert_array_equal(check_sequences(convert(texts), form).codes, sequences.codes)


def test_missing_texts_in_a_column_have_a_place():
    """A column with gaps is a column of texts; one with numbers is not."""
    for X in (object_array(["tea", None])[:, None], pd.DataFrame(["tea", None])):
        with pytest.raises(ValueError, match="sequence 1 is missing"):
            learn(X)
    with pytest.raises(ValueError, match="X holds values of the types float, str"):
        learn(object_array(["tea", 1.0])[:, None])


@pytest.mark.parametrize(
    "convert",
    [
        lambda texts: [[text] for text in texts],
        lambda texts: [(text,) for text in texts],
        lambda texts: pd.Series([[text] for text in texts]),
        lambda texts: [np.array([text]) for text in texts],
        lambda texts: pyarrow.array([[text] for text in texts]),
        lambda texts: awkward.Array([[text] for text in texts]),
    ],
    ids=itertools.count(),
)
def test_texts_in_lists_of_one_are_refused(convert):
    """A list of one str is one token, unless blanks make it look like a text."""
    message = (
        r"sequence 0 contains blanks: 'to be'.*\[x\[0\] for x in X\].*np.array\(X\)\[:, :, None\]"
    )
    for call in (lambda: learn(convert(PHRASES)), lambda: check(convert(PHRASES), like=PHRASES)):
        with pytest.raises(ValueError, match=message):
            call()
    assert learn(convert(TEXTS))[0].vocabularies[0].symbols == sorted(TEXTS)


def test_single_tokens_with_blanks_are_read():
    """The advice of the error works, and nothing else is mistaken for texts in lists."""
    X = [[phrase] for phrase in PHRASES]
    for tokens in (np.array(X)[:, :, None], Sequences(object_array(PHRASES), range(4))):
        assert learn(tokens)[0].vocabularies[0].symbols == sorted(PHRASES)
    places = [["New York", "Rome"], ["Rome"]]
    form, _ = learn(places)
    assert form.vocabularies[0].symbols == ["New York", "Rome"]
    for tokens in ([["New York"]], np.array([["New York"]]), pd.Series([["New York"]])):
        assert check_sequences(tokens, form).codes.tolist() == [[1]]
    words = [["tea"], ["at"]]
    for tokens in (words, np.array(words), np.array(words, dtype=object)):
        assert check(tokens, like=words).codes.tolist() == [[2], [1]]


DAYS = pd.DataFrame({name: pd.date_range("2020-01-01", periods=3) for name in "abc"})
DAY = datetime.date(2020, 1, 1)


@pytest.mark.parametrize(
    "X",
    [
        DAYS,
        DAYS - DAYS.iloc[0],
        DAYS.mask(DAYS.iloc[1, 1] == DAYS),
        DAYS.astype("timestamp[ns][pyarrow]"),
        DAYS.astype(object),
        DAYS.apply(lambda column: column.dt.tz_localize("UTC")),
        DAYS.apply(lambda column: column.dt.to_period("D")),
        DAYS.assign(a=1.0),
        DAYS.apply(lambda column: column.dt.date).assign(a=1.0),
        DAYS.to_numpy("datetime64[us]").astype(object),
        [DAYS, DAYS],
        [DAYS.assign(a=1.0)],
        [DAYS["a"]],
        list(DAYS["a"]),
        DAYS["a"],
        [list(DAYS["a"])],
        [[DAY, DAY + datetime.timedelta(1)]],
        [[datetime.timedelta(1)], [1.0]],
        [[datetime.time(1)], ["a"]],
        [[np.datetime64(1, "s")], [np.datetime64(2, "s")]],
        [[np.timedelta64(1, "s")], [np.timedelta64(2, "s")]],
        [[[DAY, 1.0]]],
        Sequences(object_array([DAY, DAY]), [0, 1, 2]),
        pyarrow.array([[DAY], [DAY]]),
    ],
    ids=itertools.count(),
)
@pytest.mark.parametrize("integers_are_symbols", [False, True])
def test_dates_and_durations_are_refused(X, integers_are_symbols):
    """Dates are neither numbers nor symbols, in any container."""
    with pytest.raises(ValueError, match=r"X holds dates or durations \(\w+.*number of seconds"):
        learn(X, integers_are_symbols=integers_are_symbols)


@pytest.mark.parametrize(
    "X",
    [
        DAYS.astype(np.int64).astype(float),
        DAYS.apply(lambda column: column.dt.day.astype("Int64")),
        DAYS.apply(lambda column: column.dt.day).astype(object),
        DAYS.apply(lambda column: column.dt.day.astype("float32")).assign(a=1),
        DAYS.apply(lambda column: column.dt.day).astype({"a": bool, "b": object}),
        [list(DAYS["a"].dt.day), [1.0]],
    ],
    ids=itertools.count(),
)
def test_numbers_of_dates_are_read(X):
    """Dates that have been converted, and tables of mixed types, are numbers as before."""
    sequences = learn(X)[1]
    rows = X if isinstance(X, list) else X.to_numpy(dtype=np.float64)
    np.testing.assert_array_equal(sequences.values[:, 0], np.concatenate(rows))


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame([[1, 2], [3, pd.NA]], dtype=object),
        pd.DataFrame([[1, 2], [3, pd.NA]], dtype="Int64"),
        pd.DataFrame([[1, 2], [3, None]], dtype="int64[pyarrow]"),
        np.array([[1, 2], [3, pd.NA]], dtype=object),
        np.array([[1.0, 2.0], [3.0, None]], dtype=object),
        [pd.Series([1], dtype="Int64"), pd.Series([3, pd.NA], dtype="Int64")],
        [pd.DataFrame([1], dtype="Int64"), pd.DataFrame([3, pd.NA], dtype="Int64")],
        [object_array([1]), object_array([3, pd.NA])],
        np.ma.array([[1, 2], [3, 4]], mask=[[0, 0], [0, 1]], dtype=object),
    ],
    ids=itertools.count(),
)
def test_missing_numbers_among_objects_have_a_place(X):
    """The markers of pandas are missing numbers, as NaN is."""
    with pytest.raises(ValueError, match="contains NaN: sequence 1, step 1, feature 0"):
        learn(X)


COUNTS = np.array([[1, 5, 7], [5, 7, 7]])


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: pd.DataFrame(X, dtype="Int64"),
        lambda X: pd.DataFrame(X, dtype="UInt8"),
        lambda X: pd.DataFrame(X, dtype="int64[pyarrow]"),
        lambda X: pd.DataFrame(X).astype({0: "int8", 1: "Int64", 2: "int32[pyarrow]"}),
        lambda X: pd.DataFrame(X, dtype=object),
        lambda X: X.astype(object),
        lambda X: pyarrow.table(list(X.T), names=list("abc")),
        lambda X: [pd.Series(x, dtype="Int64") for x in X],
        lambda X: [pd.Series(x, dtype="int64[pyarrow]") for x in X],
        lambda X: [pd.DataFrame(x, dtype="Int64") for x in X],
        lambda X: [pd.DataFrame(x, dtype=object) for x in X],
        lambda X: [x.astype(object) for x in X],
        lambda X: X.astype(object)[:, :, None],
        lambda X: Sequences(X.ravel().astype(object), [0, 3, 6]),
        np.ma.array,  # without masked entries
        lambda X: [np.ma.array(x, mask=[False] * 3) for x in X],
    ],
    ids=itertools.count(),
)
def test_integers_of_every_type_are_integers(convert):
    """Nullable and Arrow integers, and objects that are integers, are symbols where int64 is."""
    form, sequences = learn(convert(COUNTS), integers_are_symbols=True)
    assert form.vocabularies[0].symbols == [1, 5, 7]
    assert sequences.codes[:, 0].tolist() == [1, 2, 3, 2, 3, 3]
    assert check_sequences(convert(COUNTS + 1), form).codes[:, 0].tolist() == [0] * 6
    assert_holds(learn(convert(COUNTS))[1], list(COUNTS))


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame(COUNTS, dtype="Float64"),
        pd.DataFrame(COUNTS, dtype="float[pyarrow]"),
        pd.DataFrame(COUNTS).astype({0: float}),
        pd.DataFrame(COUNTS > 1, dtype="boolean"),
        pd.DataFrame(COUNTS > 1, dtype=object),
        pd.DataFrame(COUNTS).astype({0: bool}),
        pd.DataFrame(COUNTS, dtype=object).astype({0: float}),
        [pd.Series([1.0, 2.0], dtype="Float64")],
        [pd.DataFrame(COUNTS).astype({0: bool})],
    ],
    ids=itertools.count(),
)
def test_other_numbers_are_not_integers(X):
    """Whole numbers of another type, truth values and mixtures remain numbers."""
    form, _ = learn(X, integers_are_symbols=True)
    assert not form.holds_symbols


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", object, float])
def test_gaps_in_integers_are_found_after_a_fit_on_symbols(dtype):
    """A gap makes integers floats, but the error is about the gap."""
    form, _ = learn(COUNTS, integers_are_symbols=True)
    X = pd.DataFrame([[1, 5, 7], [5, None, 7]], dtype=dtype)
    with pytest.raises(ValueError, match="contains NaN: sequence 1, step 1"):
        check_sequences(X, form)
    with pytest.raises(ValueError, match="X holds numbers, but RNNClassifier was fitted on sym"):
        check_sequences(COUNTS.astype(float), form)


# --- errors --------------------------------------------------------------------------------------

WITH_NAN = [RAGGED[0], np.array([[1.0, 2, 3], [1, np.nan, 3]])]
PANEL = pd.Series(np.arange(4.0), pd.MultiIndex.from_product([["a", "b"], [1, 2]]))
BAD = {
    "str": ("to be", TypeError, r"X is a single str.*Pass \[X\]"),
    "generator": ((a for a in RAGGED), TypeError, r"generator.*list\(X\)"),
    "4-D": (np.ones((2, 2, 2, 2)), ValueError, r"4 dimensions, shape \(2, 2, 2, 2\)"),
    "4-D list": ([np.ones((2, 2, 2))], ValueError, "arrays with 3 dimensions"),
    "1-D": (np.ones(4), ValueError, r"one sequence of 4 steps, or 4 .* pass a list of it: \[X\]"),
    "numbers": ([1.0, 2.0], ValueError, r"X is 1-D and holds 2 numbers: .* list of it: \[X\]"),
    "Series of several": (PANEL, ValueError, r"X has a MultiIndex of 4 rows.*\(X.to_frame\(\)\)"),
    "list of it": ([PANEL], ValueError, r"X\[0\] has a MultiIndex of 4 rows.* several series"),
    "integers": (range(3), ValueError, r"X is 1-D and holds 3 .* to \(3, 1\) for sequences of one"),
    "scalars": ([np.array(1.0), np.array(2.0)], ValueError, "X is 1-D and holds 2 numbers"),
    "Series": (pd.Series([1.0, np.nan]), ValueError, r"pass a list of it: \[X\]"),
    "nullable Series": (pd.Series([1, 2], dtype="Int64"), ValueError, r"pass a list of it: \[X\]"),
    "time series": (
        pd.Series([1.0, 2], index=pd.date_range("2026-01-01", periods=2)),
        ValueError,
        r"For one sequence, such as a time series, pass a list of it: \[X\]",
    ),
    "number": (3.5, ValueError, "X is 3.5, which holds no sequences. Pass a list of sequences"),
    "None": (None, ValueError, "X is None, which holds no sequences"),
    "no numbers": (np.array([]), ValueError, r"X has 0 sequences \(0 sample"),
    "no sequences": ([], ValueError, r"0 sequences \(0 sample\(s\)\)"),
    "no rows": (np.ones((0, 3, 2)), ValueError, r"0 sample\(s\)"),
    "empty Sequences": (Sequences(np.ones((0, 2)), [0]), ValueError, "0 sequences"),
    "no steps": (np.ones((3, 0, 2)), ValueError, r"Sequence 0 of X is empty \(and 2 more\)"),
    "no features": (np.ones((3, 2, 0)), ValueError, r"0 feature\(s\)"),
    "empty sequence": ([LINES[0], LINES[0][:0]], ValueError, "Sequence 1 of X is empty; every"),
    "empty text": (["tea", ""], ValueError, "Sequence 1 of X is empty"),
    "empty list": ([[1.0], []], ValueError, "Sequence 1 of X is empty"),
    "empty list of vectors": ([[[1.0, 2.0]], []], ValueError, "Sequence 1 of X is empty"),
    "NaN": (WITH_NAN, ValueError, "contains NaN: sequence 1, step 1, feature 1.*SimpleImputer"),
    "NaN in a series": (
        [[1.0, np.nan, 3.0]],
        ValueError,
        r"step 1, feature 0.*, in series of numbers by interpolation with .*FillGaps\(\), or with ",
    ),
    "NaN 3-D": (np.full((1, 1, 1), np.nan), ValueError, "NaN: sequence 0, step 0, feature 0"),
    "None in a list": (
        [[1.0], [2.0, None]],
        ValueError,
        r"NaN: sequence 1, step 1 is missing \(None\)",
    ),
    "None among tokens": (
        [["a", None]],
        ValueError,
        r"NaN: sequence 0, step 1 is missing \(None\)",
    ),
    "infinity": ([[1.0, np.inf]], ValueError, "contains infinity: sequence 0, step 1, feature 0"),
    "minus infinity": (-np.full((2, 2), np.inf), ValueError, "infinity: sequence 0, step 0"),
    "large": (
        [[1.0], [1e39]],
        ValueError,
        r"too large for dtype\('float32'\): 1e\+39 at sequence 1",
    ),
    "large integer": ([[1], [10**40]], ValueError, "too large"),
    "complex": ([np.ones(2) * 1j], ValueError, "Complex data not supported"),
    "complex 3-D": (np.ones((2, 2, 2)) * 1j, ValueError, "Complex data not supported"),
    "objects": ([object(), object()], TypeError, "list of object; the argument must be"),
    "dicts": ([{"a": 1}], TypeError, "list of dict; the argument must be a list of arrays"),
    "sets": ([{1, 2}], TypeError, "list of set"),
    "lazy": (
        [polars.LazyFrame({"a": [1.0]})],
        TypeError,
        r"Pass tables: \[x\.collect\(\) for x in X",
    ),
    "bytes": ([b"ab"], TypeError, "list of bytes"),
    "objects inside": ([np.array([object()])], ValueError, "of the types object; expected numbers"),
    "dates": (np.ones((2, 2), dtype="M8[s]"), ValueError, r"dates or durations \(datetime64"),
    "durations": ([np.ones(2, dtype="m8[s]")], ValueError, "dates or durations"),
    "masked": (np.ma.array(EQUAL, mask=EQUAL > 0), ValueError, "contains NaN"),
    "masked list": ([np.ma.array(TABLE[0], mask=[0, 0, 1, 0])], ValueError, "sequence 0, step 2"),
    "kinds": ([LINES[0], "tea"], ValueError, "sequence 0 is an array, sequence 1 is a str"),
    "kinds of lists": ([[1.0], "tea"], ValueError, "sequence 0 is a list, sequence 1 is a str"),
    "dimensions": ([RAGGED[0], LINES[1]], ValueError, "arrays with 1 and 2 dimensions"),
    "kinds of steps": ([[1.0, "tea"]], ValueError, "mixes kinds of steps: float, str"),
    "steps and vectors": ([[1.0, [2.0]]], ValueError, "mixes kinds of steps: float, list"),
    "widths": (
        [np.ones((3, 2)), np.ones((2, 4))],
        ValueError,
        "Sequence 1 of X has 4 features, se",
    ),
    "axes": ([a.T for a in RAGGED], ValueError, r"axes look swapped.*\[x.T for x in X\]"),
    "widths of steps": ([[[1, 2]], [[1, 2], [3]]], ValueError, "Sequence 1 of X has a step of 1 f"),
    "too deep": ([[[[1.0]]]], ValueError, "nested too deeply"),
    "codes": (Sequences(None, [0, 1], np.zeros((1, 1))), ValueError, "holds only codes"),
    "gradients": (torch.ones(2, 2, requires_grad=True), ValueError, r"Pass X.detach\(\)"),
    "awkward gap": (awkward.Array([[1.0, None]]), ValueError, "NaN: sequence 0, step 1"),
    "awkward token": (awkward.Array([["a", None]]), ValueError, "sequence 0, step 1 is missing"),
    "awkward widths": (
        awkward.Array([[[1], [1, 2]]]),
        ValueError,
        "Sequence 0 of X has a step of 2",
    ),
    "arrow gap": (pyarrow.array([[1.0], [None]]), ValueError, "NaN: sequence 1, step 0"),
    "arrow text": (pyarrow.array(["tea", None]), ValueError, "sequence 1 is missing"),
    "arrow step": (
        pyarrow.array([[[1.0], None]], type=pyarrow.list_(pyarrow.list_(pyarrow.float64(), 1))),
        ValueError,
        "holds missing values",
    ),
    "arrow widths": (
        pyarrow.array([[[1]], [[1, 2]]]),
        ValueError,
        "Sequence 1 of X has a step of 2",
    ),
    "no columns": (pd.DataFrame(index=range(3)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\)"),
    "columns twice": (
        pd.DataFrame(TABLE[:, :2], columns=["a", "a"]),
        ValueError,
        "two columns of the name 'a'",
    ),
    "lazy tables": (
        [polars.LazyFrame({"a": [1.0]})],
        TypeError,
        "X is a list of LazyFrame; the argument",
    ),
    "number first": ([np.array(1.0), LINES[0]], ValueError, "sequence 0 is a number, sequence 1"),
    "dict": ([["a", {}]], TypeError, "Step 1 of sequence 0 of X is a dict; a step is a number"),
    "array among symbols": ([["a", torch.ones(2)]], TypeError, "Step 1 of .* is a Tensor"),
    "uneven steps": ([[[1.0, [2.0]], [1.0, 2.0]]], ValueError, "nested too deeply"),
    "step without dimensions": ([[np.array(1.0), np.ones(2)]], ValueError, "nested too deeply"),
    "array of bytes": (np.array([[b"1", b"2"]]), ValueError, "X holds bytes.*Decode them"),
    "sequences of bytes": ([np.array([b"1", b"2"])], ValueError, "X holds bytes.*Decode them"),
    "records": (
        np.zeros((2, 3), dtype=[("a", float)]),
        ValueError,
        "structured arrays with the fields",
    ),
    "complex objects": (
        np.array([[1.0, 2j]], dtype=object),
        ValueError,
        r"Complex data not supported: X\[0, 1\] is 2j",
    ),
    "masked complex": (np.ma.array([[1j, 2j]], mask=[[0, 1]]), ValueError, "Complex data not supp"),
    "object": (
        np.array([[[1.0, slice(3)]]], dtype=object),
        TypeError,
        r"X\[0, 0, 1\] is a slice \(slice\(None, 3, None\)\); the argument must be",
    ),
    "sparse tensor": (torch.ones(2, 3).to_sparse(), TypeError, r"sparse tensor.*X.to_dense\(\)"),
    "arrow scalar": (pyarrow.scalar(1), TypeError, r"single value of Arrow \(int64\)"),
    "awkward kinds": (awkward.Array([["a", ["b"]], ["c"]]), ValueError, "mixes kinds of steps"),
    "arrow views": (
        pyarrow.array([[1.0], None], type=pyarrow.list_view(pyarrow.float64())),
        ValueError,
        "sequence 1 is missing",
    ),
    "arrow views of steps": (
        pyarrow.array([[[1], None], [[1]]], type=pyarrow.list_(pyarrow.list_view(pyarrow.int8()))),
        ValueError,
        "holds missing values",
    ),
    "arrow records": (pyarrow.array([{"a": 1.0}]), TypeError, "struct<a: double>; pass a table"),
    "arrow depth": (pyarrow.array([[[[1]]]]), ValueError, "nested too deeply"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_diagnosed(name):
    """The message has what was passed, where, and what to do."""
    X, error, message = BAD[name]
    with pytest.raises(error, match=message):
        learn(X)


@pytest.mark.parametrize(
    ("like", "X", "message"),
    [
        (
            RAGGED,
            [a.T for a in RAGGED[:1]],
            r"has 4 features, but RNNClassifier is expecting 3.*swap",
        ),
        (EQUAL, EQUAL.transpose(0, 2, 1), r"axes look swapped.*X.transpose\(0, 2, 1\)"),
        (
            RAGGED,
            [np.ones((4, 2))],
            "has 2 features, but RNNClassifier is expecting 3 features as i",
        ),
        (RAGGED, RAGGED[0], r"X is 2-D, which means sequences of one feature.*\[X\]"),
        (RAGGED, TEXTS, r"X holds symbols \(texts or tokens\), but .* fitted on numbers"),
        (TEXTS, LINES, "X holds numbers, but RNNClassifier was fitted on symbols"),
        (TABLE, TABLE[:, :3], "X has 3 features, but RNNClassifier is expecting 4 features"),
        (TABLE, TABLE[:, :3].tolist(), "sequences of 3 to 3 steps, but .* 2-D array of 4 steps"),
        (TABLE, LINES, "sequences of 2 to 5 steps, but .* fit on a list of 1-D arrays"),
        (
            TABLE,
            EQUAL,
            "X has 2 features, but RNNClassifier is expecting 1 .* 2-D table of 4 steps",
        ),
        (TABLE.tolist(), TABLE[:, :3], "X has 3 features, but RNNClassifier is expecting 4"),
        (RAGGED, [], "0 sequences"),
        (RAGGED, [RAGGED[0][:0]], "Sequence 0 of X is empty"),
        (RAGGED, WITH_NAN, "contains NaN: sequence 1, step 1, feature 1"),
    ],
)
def test_what_differs_from_fit_is_diagnosed(like, X, message):
    """Later X are checked against the X of fit."""
    form, _ = learn(like)
    with pytest.raises(ValueError, match=message):
        check_sequences(X, form)


def test_column_names_must_be_the_ones_of_fit():
    """Renamed and reordered columns are errors, an array without names a warning."""
    frame = pd.DataFrame(TABLE, columns=list("abcd"))
    model = RNNClassifier(hidden_size=2, max_epochs=1).fit(frame, [0, 1, 0])
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("badc")])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(TABLE)


FRAME = pd.DataFrame(TABLE, columns=list("abcd"))


def outcome(call):
    """Return the error or the warnings of a call, as text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
        except (TypeError, ValueError) as error:
            return repr(error)
    return [repr(warning.message) for warning in caught]


@pytest.mark.parametrize("like", [FRAME, TABLE], ids=["names", "no names"])
@pytest.mark.parametrize(
    ("X", "fits"),
    [
        (FRAME, True),
        (TABLE, True),
        (TABLE.astype(object), True),
        (torch.from_numpy(TABLE), True),
        (FRAME[list("badc")], False),
        (FRAME.rename(columns={"a": "z", "c": "y"}), False),
        (FRAME[list("abc")], False),
        (FRAME.assign(e=0.0), False),
        (FRAME.rename(columns={"a": 0}), False),
        (TABLE[:, :3], False),
        (torch.from_numpy(TABLE[:, :3]), False),
    ],
    ids=itertools.count(),
)
def test_tables_are_checked_as_scikit_learn_does(like, X, fits):
    """Errors and warnings about names and widths are those of a fitted scikit-learn estimator."""

    class RNNClassifier(BaseEstimator):
        pass

    estimator = RNNClassifier()
    validate_data(estimator, like, skip_check_array=True)
    expected = outcome(lambda: validate_data(estimator, X, reset=False, skip_check_array=True))
    assert outcome(lambda: check(X, like=like)) == expected
    assert fits or like is TABLE or isinstance(expected, str)


def test_plain_arrays_need_no_scikit_learn(monkeypatch):
    """Predicting one row is fast: an array of the right width is not checked for names."""
    form, _ = learn(TABLE)
    monkeypatch.setattr("sksequence._input._checks.validate_data", None)
    assert_holds(check_sequences(TABLE[:1], form), [TABLE[0]])


def test_the_place_of_a_bad_number_is_found_in_any_chunk(monkeypatch):
    """Large data are checked in chunks; the place is counted over all of them."""
    monkeypatch.setattr("sksequence._input._checks._CHUNK", 2)
    with pytest.raises(ValueError, match="sequence 1, step 1, feature 1"):
        learn(WITH_NAN)


def test_masked_integers_without_gaps_are_integers():
    """A mask that hides nothing does not turn symbols into numbers."""
    X = np.array([[[1], [2]], [[2], [3]]])
    form, found = learn(np.ma.array(X), integers_are_symbols=True)
    expected, sequences = learn(X, integers_are_symbols=True)
    assert form.holds_symbols
    assert expected.holds_symbols
    np.testing.assert_array_equal(found.codes, sequences.codes)


# --- elements that no network can read ------------------------------------------------------------

HUGE = pd.DataFrame({"a": [10**400, 1]}, dtype=object)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([[10**400, 1]] * 2, ValueError, "an integer too large for dtype.'float64'"),
        (HUGE, ValueError, "an integer too large for dtype"),
        ([HUGE] * 2, ValueError, "an integer too large for dtype"),
        ([[{"a": 1.0}]] * 2, TypeError, r"is a dict; .* a table: pandas.DataFrame\(x\)\."),
        ([pd.DataFrame({"a": [1]}).to_records()], ValueError, r"fields \['index', 'a'\]; expected"),
        (np.zeros(3, [("a", float)]), ValueError, r"structured arrays with the fields \['a'\]"),
        (np.array(["ab", "b"], dtype="S"), TypeError, r"pass texts: \[x.decode\(\) for x in X\]"),
        ([b"ab", b"b"], TypeError, r"pass texts: \[x.decode\(\) for x in X\]"),
    ],
    ids=["list", "table", "tables", "dict", "records", "fields", "bytes", "list of bytes"],
)
def test_elements_without_a_meaning_are_an_error(X, error, message):
    """The message has the remedy, not an error of numpy."""
    with pytest.raises(error, match=f"(?i){message}"):
        learn(X)


@pytest.mark.parametrize("texts", [pd.array(TEXTS), pd.Categorical(TEXTS)], ids=["str", "category"])
def test_arrays_of_pandas_may_be_texts(texts):
    """They are read as lists."""
    form, sequences = learn(texts)
    assert form.is_text
    np.testing.assert_array_equal(sequences.codes, learn(TEXTS)[1].codes)


# --- a few sequences in plain arrays -------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i8", "u8"])
@pytest.mark.parametrize("size", [1.0, 200.0])
def test_plain_arrays_are_read_at_once(dtype, size, monkeypatch):
    """One look finds what all checks find, and never complains of large numbers."""
    form, _ = learn(list(EQUAL))
    X = (size * np.abs(EQUAL)).astype(dtype)
    for form_of_x in (X, X[:1], [X[0]], X[:, ::2], np.asfortranarray(X)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plain = _encoding._plain_sequences(form_of_x, form)
        assert plain is not None
        with monkeypatch.context() as patch:
            patch.setattr(_encoding, "_plain_sequences", lambda X, form: None)
            checked = check_sequences(form_of_x, form)
        assert np.array_equal(plain.values, checked.values)
        assert plain.values.dtype == checked.values.dtype
        assert np.array_equal(plain.offsets, checked.offsets)


@pytest.mark.parametrize("n_steps", [1, 3000])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39, -1e300])
def test_plain_arrays_are_looked_at(n_steps, value):
    """No number that is not finite in single precision passes, wherever it is."""
    form, _ = learn(list(EQUAL))
    for place in {0, n_steps // 2, n_steps - 1}:
        X = np.zeros((1, n_steps, 2))
        X[0, place, 1] = value
        assert _encoding._plain_sequences(X, form) is None
        with pytest.raises(ValueError, match=f"step {place}, feature 1"):
            check_sequences(X, form)


@pytest.mark.parametrize("largest", [1e19, 1e30, 3.4e38])
def test_large_numbers_are_read(largest):
    """Numbers whose squares are too large for single precision are read as any others."""
    form, _ = learn(list(EQUAL))
    for dtype in (np.float32, np.float64):
        X = np.full((1, 4, 2), largest, dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.array_equal(check_sequences(X, form).values, X[0])


@pytest.mark.parametrize(
    ("X", "options", "other"),
    [
        (list(EQUAL), {}, EQUAL > 0),
        (list(EQUAL), {}, EQUAL.astype(">f8")),
        (list(EQUAL), {}, EQUAL.astype(object)),
        (list(EQUAL), {}, EQUAL[:, :, :1]),
        (list(EQUAL), {}, EQUAL[:, :0]),
        (list(EQUAL), {}, EQUAL[:0]),
        (list(EQUAL), {}, EQUAL[0]),
        (list(EQUAL), {}, np.ma.masked_array(EQUAL)),
        (list(EQUAL), {"missing": "indicator"}, EQUAL),
        (list(np.cumsum(np.abs(EQUAL), axis=1)), {"time_column": 0}, EQUAL),
        ([pd.DataFrame(x, columns=["a", "b"]) for x in EQUAL], {}, EQUAL),
        (TABLE, {}, TABLE),
        (CODES, {"integers_are_symbols": True}, np.ones((1, 3, 1), dtype=int)),
    ],
)
def test_other_data_are_looked_at_with_care(X, options, other):
    """Whatever needs another check gets it."""
    form, _ = learn(X, **options)
    assert _encoding._plain_sequences(other, form) is None
