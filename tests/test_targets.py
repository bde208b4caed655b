"""The reading of y: decoding inverts encoding; missing targets are skipped; mixtures are errors."""

import datetime as dt
import pickle
import re
from decimal import Decimal
from fractions import Fraction
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, FitFailedWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from sksequence import RNNClassifier, RNNRegressor, Sequences
from sksequence._batching import object_array
from sksequence._elements import is_missing, missing_values
from sksequence._losses import LOSSES
from sksequence._net._sequence_net import RowLoss
from sksequence._targets import (
    IndicatorCodec,
    LabelCodec,
    NumberCodec,
    as_labels,
    as_numbers,
    classification_codec,
    plain_container,
    read_steps,
    restore_steps,
    targets_are_steps,
)
from sksequence.metrics import neg_step_mean_absolute_error_scorer
from tests.helpers import all_weights, small_classifier

LABELS = st.one_of(
    arrays("U2", st.integers(1, 9), elements=st.text("ab", max_size=2)),
    arrays(np.int64, st.integers(1, 9), elements=st.integers(-3, 3)),
    arrays(np.int8, st.integers(1, 9), elements=st.integers(0, 2)),
    arrays(bool, st.integers(1, 9)),
    arrays(np.float64, st.integers(1, 9), elements=st.integers(0, 3).map(float)),
)
LENGTHS = np.array([3, 1, 2])


def logits_of(codes, n_outputs):
    """Return outputs whose largest entry is the code."""
    return np.eye(n_outputs, dtype=np.float32)[codes]


def rebuilt(codec, y):
    """Encode and decode y."""
    codes = codec.encode(codec.parse(y))
    return codec.decode(logits_of(codes, codec.n_outputs))


def are_steps(y, target="auto", lengths=LENGTHS, *, numeric=False):
    """Check whether y holds one target per step."""
    return targets_are_steps(plain_container(y), target, np.array(lengths), numeric=numeric)


def steps_of(y, *, numeric=False, lengths=LENGTHS):
    """Read per-step targets of sequences of these lengths."""
    return read_steps(plain_container(y), lengths, numeric=numeric)


# --- laws -----------------------------------------------------------------------------------------


@given(y=LABELS)
def test_labels_come_back(y):
    """decode(encode(y)) is y, with its dtype."""
    codec = classification_codec(y)
    np.testing.assert_array_equal(rebuilt(codec, y), y, strict=True)


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (pd.Series(["b", "a", "b"]), object),
        (pd.Series(["b", "a", "b"], dtype="category"), object),
        (pd.Series([2, 1, 2], dtype="category"), np.int64),
        (pd.Series([True, False]), bool),
        (pd.array([1, 2], dtype="Int64"), None),
        (["b", "a"], np.dtype("U1")),
        (object_array(["b", "a"]), object),
        (torch.tensor([3, 1, 3]), np.int64),
    ],
)
def test_containers_of_labels_come_back_as_arrays(y, dtype):
    """pandas, lists and tensors give an array of the same labels."""
    y = plain_container(y)
    back = rebuilt(classification_codec(y), y)
    assert back.tolist() == list(y)
    assert dtype is None or back.dtype == dtype


@pytest.mark.filterwarnings("ignore:Each row of y has exactly one label")
@given(
    y=arrays(
        st.sampled_from([np.int64, np.float64, bool, np.int8]),
        st.tuples(st.integers(1, 6), st.integers(2, 4)),
        elements=st.integers(0, 1),
    )
)
def test_indicators_come_back(y):
    """A binary indicator is decoded with its dtype."""
    codec = IndicatorCodec.learn(y)
    outputs = codec.encode(codec.parse(y)) - 0.5
    np.testing.assert_array_equal(codec.decode(outputs), y, strict=True)


@given(
    y=arrays(
        np.float64,
        st.one_of(st.tuples(st.integers(1, 9)), st.tuples(st.integers(1, 9), st.integers(1, 3))),
        elements=st.floats(-1e6, 1e6, width=32),
    ),
    scale=st.booleans(),
)
def test_numbers_come_back(y, scale):
    """Numbers are decoded as float64 of the same shape, to the precision of float32."""
    codec = NumberCodec.learn(y, scale=scale)
    parsed = codec.parse(y)
    codec.fit(parsed)
    back = codec.decode(codec.encode(parsed))
    assert (back.dtype, back.shape) == (np.float64, y.shape)
    np.testing.assert_allclose(back, y, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(y).max()))


def test_large_numbers_with_small_differences_come_back():
    """Standardising in float64 keeps what float32 would lose."""
    y = 1.7e9 + np.arange(10) / 8
    codec = NumberCodec.learn(y)
    codec.fit(codec.parse(y))
    np.testing.assert_allclose(codec.decode(codec.encode(codec.parse(y))) - 1.7e9, y - 1.7e9, 1e-4)


@st.composite
def step_targets(draw):
    """Draw ragged labels or numbers, one or several per step."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    width = draw(st.sampled_from([(), (2,)]))
    dtype, elements = draw(
        st.sampled_from([("U1", st.sampled_from("ab")), (np.int64, st.integers(-2, 2))])
    )
    return [draw(arrays(dtype, (n, *width), elements=elements)) for n in lengths]


@settings(max_examples=50)
@given(y=step_targets())
def test_steps_come_back_in_their_container(y):
    """Lists and object arrays become an object array; Sequences remain Sequences."""
    lengths = np.array([len(item) for item in y])
    for given_y in (y, object_array(y), Sequences.from_arrays(y), pd.Series(y)):
        steps = steps_of(given_y, lengths=lengths)
        assert steps.labelled.all()
        back = restore_steps(steps.flat, lengths, steps.container)
        kind = Sequences if isinstance(given_y, Sequences) else np.ndarray
        assert isinstance(back, kind)
        assert back.shape == (len(y),)
        for one, other in zip(back, y, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 2)])
def test_arrays_of_steps_come_back_as_arrays(shape):
    """An array of targets keeps its shape; it becomes ragged if lengths differ."""
    y = np.arange(np.prod(shape)).reshape(shape)
    lengths = np.full(3, 4)
    steps = steps_of(y, lengths=lengths)
    np.testing.assert_array_equal(restore_steps(steps.flat, lengths, steps.container), y)
    ragged = restore_steps(steps.flat[:6], LENGTHS, steps.container)
    assert [len(item) for item in ragged] == LENGTHS.tolist()


@given(labelled=st.lists(st.booleans(), min_size=6, max_size=6).filter(any))
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("labels", [list("abcabc"), [1, 2, 0, -1, 2, 1], [True, False] * 3])
def test_unlabelled_steps_are_left_out(labels, missing, labelled):
    """Only labelled steps are kept, in order, with their type; no number stands for missing."""
    flat = [x if keep else missing for x, keep in zip(labels, labelled, strict=True)]
    steps = steps_of([flat[:3], flat[3:4], flat[4:]])
    kept = np.array([x for x, keep in zip(labels, labelled, strict=True) if keep])
    np.testing.assert_array_equal(steps.flat, kept, strict=True)
    assert steps.labelled.tolist() == labelled


@given(
    y=arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(2, 4)),
        elements=st.floats(-90, 90, width=32),
    )
)
def test_probabilities(y):
    """Softmax sums to one, its logarithm agrees, nothing overflows."""
    codec = LabelCodec(np.arange(y.shape[1]))
    probabilities = codec.probabilities(y)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(np.exp(codec.log_probabilities(y)), probabilities)
    np.testing.assert_array_equal(codec.decode(y), y.argmax(axis=1))
    several = IndicatorCodec(y.shape[1])
    y = np.where(abs(y) < 1e-6, 0, y)  # a logit below this rounds to a probability of one half
    np.testing.assert_array_equal(several.probabilities(y) > 0.5, several.decode(y).astype(bool))
    assert probabilities.dtype == several.probabilities(y).dtype == np.float64


# --- examples -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([0, 1, 0], False),
        (["ab", "c", "de"], False),
        (np.zeros(3), False),
        (np.zeros((3, 3)), False),
        (np.zeros((3, 3, 2)), False),
        (pd.Series([1, 2, 3]), False),
        (pd.DataFrame(np.zeros((3, 2))), False),
        ([[0, 1], [1, 1], [0, 0]], False),
        ([np.zeros(2), np.zeros(2), np.zeros(2)], False),
        ([[0, 1, 0], [1], [0, 1]], True),
        ([["a", None, "b"], ["a"], ["b", "a"]], True),
        ([np.zeros(3), np.zeros(1), np.zeros(2)], True),
        ([np.zeros((3, 2)), np.zeros((1, 2)), np.zeros((2, 2))], True),
        (object_array([np.zeros(2)] * 3), True),
        (pd.Series([np.zeros(3), np.zeros(1), np.zeros(2)]), True),
        (Sequences(np.zeros(6), [0, 3, 4, 6]), True),
        ([], False),
    ],
)
def test_the_container_determines_targets_per_step(y, expected):
    """Ragged lists have one target per step, tables and flat lists one per sequence."""
    assert are_steps(y) is expected


def test_equal_lists_as_long_as_the_sequences_are_steps():
    """A fold whose lengths happen to agree stays per step; `target` overrides the container."""
    assert are_steps([["a", "b"], ["b", "a"]], lengths=[2, 2])
    assert are_steps(list(np.eye(2)), lengths=[2, 2], numeric=True)
    assert are_steps(np.zeros((2, 2)), "steps", [2, 2])
    assert not are_steps([[0, 1], [1, 0]], "sequence", [2, 2])


def test_rows_of_lists_are_the_rows_of_a_table():
    """Lists of lists and lists of arrays give the same indicator."""
    y = np.array([[0, 1], [1, 1], [0, 0]])
    for given_y in (y, y.tolist(), list(y)):
        codec = classification_codec(given_y)
        assert isinstance(codec, IndicatorCodec)
        np.testing.assert_array_equal(codec.parse(given_y), y)


def test_texts_are_labels_of_characters():
    """A str is one label per character of its sequence."""
    assert steps_of(["NVN", "V", "NV"]).flat.tolist() == list("NVNVNV")


def test_two_classes_have_one_score():
    """The score is the second logit against the first."""
    codec = LabelCodec(np.array(["a", "b"]))
    assert codec.scores(np.array([[1.0, 3.0]])).tolist() == [2.0]
    assert LabelCodec(np.arange(3)).scores(np.zeros((4, 3))).shape == (4, 3)


def test_a_constant_target_is_centred_only():
    """No division by a standard deviation of rounding errors."""
    y = np.full(7, 0.1) * 1e9
    codec = NumberCodec.learn(y)
    codec.fit(codec.parse(y))
    assert codec.std.tolist() == [1.0]
    np.testing.assert_array_equal(codec.decode(np.zeros((2, 1), dtype=np.float32)), y[:2])


# --- containers and kinds of values ---------------------------------------------------------------


@pytest.mark.parametrize(
    "element",
    [
        None,
        np.nan,
        np.float32("nan"),
        complex("nan"),
        Decimal("NaN"),
        pd.NA,
        pd.NaT,
        np.datetime64("NaT", "s"),
        np.timedelta64("NaT", "s"),
    ],
)
def test_one_meaning_of_missing(element):
    """All that stands for a missing value is known, alone and among others."""
    assert is_missing(element)
    assert missing_values(object_array(["a", element, 1])).tolist() == [False, True, False]


@pytest.mark.parametrize("element", ["", "nan", "None", 0, False, np.inf, 10**400, Fraction(1, 3)])
def test_what_is_not_missing(element):
    """No text and no number but NaN stands for a missing value."""
    assert not is_missing(element)
    assert not missing_values(object_array([element])).any()


@pytest.mark.parametrize(
    "y",
    [
        [2, 1, 2],
        (2, 1, 2),
        [np.int8(2), np.int8(1), np.int8(2)],
        [torch.tensor(2), torch.tensor(1), torch.tensor(2)],
        [Decimal(2), Decimal(1), Decimal(2)],
        object_array([2, 1, 2]),
        np.ma.array([2, 1, 2]),
        pd.Series([2, 1, 2], dtype="Int64", index=[7, 8, 9]),
        pd.Series([2, 1, 2], dtype=object),
        pd.Series([2, 1, 2], dtype="category"),
        pd.Series([2, 1, 2], dtype="Sparse[int]"),
        pd.Series([2, 1, 2], dtype=pd.ArrowDtype(pa.int64())),
        pl.Series([2, 1, 2]),
        pa.array([2, 1, 2]),
        pa.chunked_array([[2], [1, 2]]),
        pa.array([2, 1, 2]).dictionary_encode(),
        torch.tensor([2.0, 1.0, 2.0], requires_grad=True),
        torch.tensor([2, 1, 2]).bfloat16(),
    ],
)
def test_containers_mean_the_same(y):
    """Labels and numbers do not depend on the container that they come in."""
    assert as_labels(plain_container(y)).tolist() == [2, 1, 2]
    numbers = as_numbers(plain_container(y))
    np.testing.assert_array_equal(numbers, [2.0, 1.0, 2.0], strict=True)


@pytest.mark.parametrize(
    "y",
    [
        np.array(["b", "a"], dtype=np.dtypes.StringDType()),
        pd.Series(["b", "a"], dtype="string"),
        pd.Series(["b", "a"], dtype=pd.ArrowDtype(pa.string())),
        pl.Series(["b", "a"], dtype=pl.Categorical),
        pa.array(["b", "a"]).dictionary_encode(),
        np.ma.array(["b", "a"]),
    ],
)
def test_containers_of_text_mean_the_same(y):
    """Text is text in every container."""
    codec = classification_codec(plain_container(y))
    assert codec.classes.tolist() == ["a", "b"]
    assert codec.parse(plain_container(y)).tolist() == [1, 0]


@pytest.mark.parametrize(
    "y",
    [
        [[1, None], [0, 1]],
        np.ma.array([[1, 5], [0, 1]], mask=[[0, 1], [0, 0]]),
        pd.DataFrame({"a": [True, False], "b": pd.array([None, 1], dtype="Int64")}),
        pl.DataFrame({"a": [1, 0], "b": [None, 1]}),
        pa.table({"a": [1, 0], "b": [None, 1]}),
        np.array([[Decimal(1), Decimal("NaN")], [Decimal(0), Decimal(1)]]),
    ],
)
def test_tables_with_a_missing_number_mean_the_same(y):
    """A missing number is NaN, whatever stands for it; a masked one is not the number below."""
    np.testing.assert_array_equal(as_numbers(plain_container(y)), [[1.0, np.nan], [0.0, 1.0]])
    with pytest.raises(ValueError, match=r"y\[0, 1\] is missing \(.*binary indicator needs 0 or 1"):
        classification_codec(plain_container(y))


@pytest.mark.parametrize(
    "y",
    [
        [[1.5, 2.0], [3.0, 4.0]],
        [np.array([1.5, 2.0]), np.array([3.0, 4.0])],
        [torch.tensor([1.5, 2.0]), torch.tensor([3.0, 4.0])],
        pd.Series([[1.5, 2.0], [3.0, 4.0]]),
        pa.array([[1.5, 2.0], [3.0, 4.0]]),
        pl.Series([[1.5, 2.0], [3.0, 4.0]], dtype=pl.Array(pl.Float64, 2)),
    ],
)
def test_columns_of_equal_lists_may_be_rows(y):
    """With target='sequence' they hold several numbers per sequence."""
    assert not are_steps(y, "sequence")
    np.testing.assert_array_equal(as_numbers(plain_container(y)), [[1.5, 2.0], [3.0, 4.0]])


def test_a_sparse_indicator_is_an_indicator():
    """A sparse matrix of several labels is read as the array that it stands for."""
    y = np.array([[0, 1], [1, 1]])
    np.testing.assert_array_equal(plain_container(sparse.csr_matrix(y)), y)


STEPS = [[1, 0, 1], [1], [0, 1]]


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(STEPS, dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        pd.Series(STEPS),
        pd.DataFrame({"tags": STEPS}),
        pa.array(STEPS),
        pa.chunked_array([STEPS[:1], STEPS[1:]]),
        pl.Series(STEPS),
        pl.DataFrame({"tags": STEPS}),
        [tuple(item) for item in STEPS],
        [pl.Series(item) for item in STEPS],
        [pd.Series(item, dtype="Int64") for item in STEPS],
        [torch.tensor(item) for item in STEPS],
        torch.nested.nested_tensor([torch.tensor(item) for item in STEPS], layout=torch.jagged),
    ],
)
def test_columns_of_lists_are_steps(y):
    """Cells that hold lists are the labels of the steps, in every library."""
    assert are_steps(y)
    steps = steps_of(y)
    np.testing.assert_array_equal(steps.flat, [1, 0, 1, 1, 0, 1], strict=True)


@pytest.mark.parametrize(
    "y",
    [
        [[1, None, 1], [1], [0, 1]],
        pa.array([[1, None, 1], [1], [0, 1]]),
        pl.Series([[1, None, 1], [1], [0, 1]]),
        [np.ma.array([1, 7, 1], mask=[0, 1, 0]), np.array([1]), np.array([0, 1])],
        [pd.Series([1, None, 1], dtype="Int64"), pd.Series([1]), pd.Series([0, 1])],
        [pl.Series([1, None, 1]), pl.Series([1]), pl.Series([0, 1])],
    ],
)
def test_missing_steps_leave_the_type_of_the_others(y):
    """Labels alongside an unlabelled step remain integers, and a masked step has no label."""
    steps = steps_of(y)
    np.testing.assert_array_equal(steps.flat, [1, 1, 1, 0, 1], strict=True)
    assert steps.labelled.tolist() == [True, False, True, True, True, True]


DATES = [
    np.array(["2024-01-01", "2024-01-02"], dtype="M8[D]"),
    np.array([1, 2], dtype="m8[s]"),
    [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)],
    [dt.date(2024, 1, 1), 2.0],
    [dt.timedelta(1), None],
    pd.Series(pd.date_range("2024", periods=2)),
    pd.Series(pd.date_range("2024", periods=2, tz="UTC")),
    pd.Series(pd.period_range("2024", periods=2, freq="M")),
    pl.Series([dt.date(2024, 1, 1), dt.date(2024, 1, 2)]),
    pa.array([dt.date(2024, 1, 1), dt.date(2024, 1, 2)]),
    pd.DataFrame({"when": pd.date_range("2024", periods=2)}),
]


@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.parametrize("y", DATES)
def test_dates_are_neither_labels_nor_numbers(y):
    """Dates would become nanoseconds, or labels that no later date has."""
    with pytest.raises(ValueError, match=r"y\[0(, 0)?\] is .* a date or a duration, not a label"):
        as_labels(plain_container(y))
    with pytest.raises(ValueError, match=r"a date or a duration, not a number. Convert y to num"):
        as_numbers(plain_container(y))


@pytest.mark.parametrize("numeric", [True, False])
@pytest.mark.parametrize("y", [[[dt.date(2024, 1, 1)]], [np.array(["2024"], dtype="M8[Y]")]])
def test_dates_of_steps(y, numeric):
    """The place of a bad step is that of its sequence and its step."""
    with pytest.raises(ValueError, match=r"y\[0\]\[0\] is .*a date or a duration"):
        steps_of(y, numeric=numeric, lengths=np.array([1]))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", 1], r"mixes text and numbers: y\[0\] is 'a', y\[1\] is 1"),
        ([1.5, "a"], r"mixes text and numbers: y\[1\] is 'a', y\[0\] is 1.5"),
        ([True, "a"], r"mixes text and numbers: y\[1\] is 'a', y\[0\] is True"),
        (pd.Series([0, "b"]), r"mixes text and numbers: y\[1\] is 'b', y\[0\] is 0"),
        (["a", np.nan], r"y\[1\] is missing \(nan\)"),
        (np.ma.array([0, 1], mask=[0, 1]), r"y\[1\] is missing \(None\)"),
        (pd.Series([True, None], dtype="boolean"), r"y\[1\] is missing \(<NA>\)"),
        (pl.Series([0, None]), r"y\[1\] is missing \(None\)"),
        (pd.cut(pd.Series([1, 2]), 2), r"y\[0\] is Interval.*not a label.*\[str\(label\)"),
        ([b"a", b"b"], r"y\[0\] is b'a', which is bytes.*label.decode\(\)"),
        ([1j, 2j], r"Complex data not supported: y\[0\] is 1j"),
        ([2**70, 1], "Unknown label type: continuous"),
        ([Fraction(1, 2), 1], "0.5 is not a label.*Use a regressor"),
    ],
)
def test_no_labels(y, message):
    """What numpy would turn into text, or scikit-learn calls unknown, is named with its place."""
    with pytest.raises(ValueError, match=message):
        LabelCodec.learn(plain_container(y))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["1.5", "2"], r"y\[0\] is '1.5', which is text.*astype\(float\)"),
        (pd.DataFrame({"a": [1.0], "b": ["x"]}), r"y\[0, 1\] is 'x', which is text"),
        ([1.0, {}], r"y\[1\] is {}, which is not a number"),
        ([1.0, 2j], r"Complex data not supported: y\[0\] is \(1\+0j\)"),
        ([1.0, 10**400], r"y\[1\] is inf"),
        ([[1.0, 2.0], [3.0, -np.inf]], r"infinity.*y\[1, 1\] is -inf"),
        ([[1.0, 2.0], [3.0, 1e39]], r"too large for dtype\('float32'\): y\[1, 1\] is 1e\+39"),
        ([1.0, Decimal("NaN")], r"y\[1\] is missing \(nan\). Drop the sequence"),
        (np.ma.array([1.0, 2.0], mask=[1, 0]), r"y\[0\] is missing"),
        (np.array([[1.0], [np.nan]]), r"y\[1, 0\] is missing"),
        ([[1.0, 2.0], [3.0]], "nested unevenly"),
        (np.zeros((2, 0)), r"shape \(2, 0\), no column"),
    ],
)
def test_no_numbers(y, message):
    """Errors name the first entry that is no finite number, and what to do."""
    with pytest.raises(ValueError, match=message):
        as_numbers(plain_container(y))


@pytest.mark.parametrize("y", ["abc", {0: 1}, {1, 2}, iter([1, 2]), 3, None, {"a": 1}.values()])
def test_no_containers(y):
    """What has no order, or can be read only once, is no y."""
    with pytest.raises(TypeError, match=f"y is of type {type(y).__name__}.*Pass a list or an arr"):
        plain_container(y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([{"a"}, {"b", "c"}], r"y\[0\] is a set, which has no order.*MultiLabelBinarizer"),
        ([[0], {0: 1}], r"y\[1\] is a dict, which has no order"),
        ([[0, 1, 0], None, [1, 1]], r"y\[1\] is a single target \(None\).*a list of None"),
        (
            [None, [1], [1, 1]],
            r"y\[0\] is a single target \(None\), y\[1\] is a list.*list of None",
        ),
    ],
)
def test_no_targets_of_a_sequence(y, message):
    """Errors for items that are neither a target nor a list of targets."""
    with pytest.raises(ValueError, match=message):
        are_steps(y)


def test_steps_of_several_targets_need_the_same_number():
    """Rows of different lengths are named, rather than refused by numpy."""
    with pytest.raises(ValueError, match=r"A step of y holds \[1\], the first step \[0, 1\]"):
        steps_of([[[0, 1], [1]]], lengths=np.array([2]))


@pytest.mark.parametrize("y", [[0, 1], np.array([0, 1]), pd.Series([0.0, 1.0])])
@pytest.mark.parametrize("classes", [["0", "1"], np.array(["0", "1"], dtype=object)])
def test_numbers_are_not_the_text_of_their_digits(y, classes):
    """A label of another type than in the first fit is unknown."""
    with pytest.raises(ValueError, match=r"contains the label 0.*among the classes \['0', '1'"):
        LabelCodec(np.asarray(classes)).parse(plain_container(y))
    with pytest.raises(ValueError, match=r"contains the label '0'.*among the classes \[0, 1"):
        LabelCodec(np.array([0, 1])).parse(classes)


# --- one reading of the shape ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "numeric"),
    [
        ([[0.5, 1.5], [2.5, 3.5]], True),
        ([(1, 2), (3, 4)], True),
        ([[0.5, np.nan], [None, 0.5]], True),
        (([1, 2], [3, 4]), True),
        ([[0, 1], [1, 0]], False),
        ([[True, False], [True, True]], False),
    ],
)
def test_two_readings_are_an_error(y, numeric):
    """Lists that may be rows or steps are neither until `target` tells which."""
    with pytest.raises(ValueError, match=r"list of 2 lists of 2.*one target per step, or a row of"):
        are_steps(y, lengths=[2, 2], numeric=numeric)
    assert are_steps(y, "steps", [2, 2], numeric=numeric)
    assert not are_steps(y, "sequence", [2, 2], numeric=numeric)
    assert not are_steps(np.array(y), lengths=[2, 2], numeric=numeric)


@pytest.mark.parametrize(
    ("y", "lengths", "numeric"),
    [
        ([[0, 2], [1, 0]], [2, 2], False),  # no indicator
        ([["a", "b"], ["b", "a"]], [2, 2], False),
        ([[0, None], [1, 0]], [2, 2], False),
        ([[0.5, 1.5], [2.5]], [2, 1], True),
        ([[0.5], [1.5]], [1, 1], True),
        (object_array([[0.5, 1.5], [2.5, 3.5]]), [2, 2], True),
    ],
)
def test_one_reading_is_none_too_many(y, lengths, numeric):
    """Steps that cannot be rows of a table are steps."""
    assert are_steps(y, lengths=lengths, numeric=numeric)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (["ab", "a", "ba"], str),
        ([["a", "b"], ["a"], ["b", "a"]], list),
        ([("a", "b"), ("a",), ("b", "a")], tuple),
        (pa.array([["a", "b"], ["a"], ["b", "a"]]), list),
        ([np.array(["a", "b"]), np.array(["a"]), np.array(["b", "a"])], np.ndarray),
        ([["a", "b"], np.array(["a"]), ("b", "a")], np.ndarray),
        ([[1, 2], [1], [2, 1]], list),
    ],
)
def test_predicted_steps_have_the_type_of_those_of_y(y, kind):
    """Lists come back as lists, whose elements are of Python's types, in an object array."""
    X = [np.ones((len(item), 1)) for item in y]
    model = RNNClassifier(hidden_size=2, max_epochs=1, target="steps", random_state=0).fit(X, y)
    predicted = model.predict(X)
    assert (predicted.dtype, predicted.shape) == (object, (3,))
    assert {type(item) for item in predicted} == {kind}
    assert [len(item) for item in predicted] == [2, 1, 2]
    if kind is list:
        assert {type(label) for item in predicted for label in item} <= {str, int}
    assert all(isinstance(item, np.ndarray) for item in model.predict_proba(X))
    assert model.target_ == "steps"
    assert 0 <= model.score(X, y) <= 1


def test_predicted_numbers_of_steps_are_lists():
    """So are the rows of steps with several numbers."""
    X = [np.ones((2, 1)), np.ones((1, 1))]
    y = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]]
    predicted = RNNRegressor(hidden_size=2, max_epochs=1, random_state=0).fit(X, y).predict(X)
    assert np.shape(predicted[0]) == (2, 2)
    assert isinstance(predicted[0][0], list)
    assert isinstance(predicted[0][0][0], float)


# --- missing numbers among several ----------------------------------------------------------------

OPTIONS = [
    {},
    {"loss": "gaussian"},
    {"loss": "student_t", "n_estimators": 2},
    {"loss": "quantile", "n_estimators": 2},
    {"early_stopping": True, "validation_fraction": 0.3},
    {"scale": False, "tbptt_steps": 2, "batch_size": 5},
]


def incomplete(n=24, n_outputs=3, seed=0):
    """Return sequences, their targets with NaN, and the complete targets."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 4, 2))
    y = X.sum(axis=1) @ random.normal(size=(2, n_outputs)) + 5
    gaps = random.random(y.shape) < 0.4
    gaps[2] = gaps[-1] = True
    gaps[:, 0] &= gaps.all(axis=1)
    return X, np.where(gaps, np.nan, y), y


def weights_of(X, y, sample_weight=None, **options):
    """Return the weights of a small regressor."""
    options = {"hidden_size": 3, "max_epochs": 3, "random_state": 0} | options
    return all_weights(RNNRegressor(**options).fit(X, y, sample_weight).module_)


@pytest.mark.parametrize("options", OPTIONS)
def test_rows_without_any_target_teach_nothing(options):
    """A fit with them is, bit for bit, the fit without them: nothing is learnt from their X."""
    X, y, _ = incomplete()
    X[np.isnan(y).all(axis=1)] = 1e6
    labelled = ~np.isnan(y).all(axis=1)
    fitted = weights_of(X, y, **options)
    np.testing.assert_array_equal(fitted, weights_of(X[labelled], y[labelled], **options))


def test_words_without_any_target_are_not_in_the_vocabulary():
    """Symbols of sequences that are left out stay unknown."""
    y = [[1.0, 2.0], [np.nan, np.nan], [2.0, np.nan]]
    model = RNNRegressor(hidden_size=2, max_epochs=1).fit(["abc", "xyz", "bac"], y)
    assert sorted(model.vocabulary_) == ["a", "b", "c"]


@pytest.mark.parametrize("options", OPTIONS)
def test_nothing_but_nan_matters_about_a_missing_number(options):
    """Neither the bits of NaN, nor None in its place."""
    X, y, _ = incomplete()
    gaps = np.isnan(y)
    bits = y.copy()
    bits.view(np.int64)[gaps] |= 0xBEEF
    bits[gaps] *= -1
    fitted = weights_of(X, y, **options)
    np.testing.assert_array_equal(fitted, weights_of(X, bits, **options))
    nones = np.where(gaps, None, y.astype(object))
    np.testing.assert_array_equal(fitted, weights_of(X, nones.tolist(), **options))


def test_incomplete_rows_keep_the_laws_of_rows():
    """Their order does not matter, and an integer weight repeats them."""
    X, y, _ = incomplete()
    counts = np.arange(len(X)) % 3
    repeated = weights_of(np.repeat(X, counts, axis=0), np.repeat(y, counts, axis=0))
    np.testing.assert_array_equal(weights_of(X, y, counts), repeated)
    np.testing.assert_array_equal(weights_of(X, y), weights_of(X[::-1], y[::-1]))


def test_fractional_weights_of_incomplete_rows():
    """Only their ratios matter, but those do."""
    X, y, _ = incomplete()
    weights = np.linspace(0.1, 2.3, len(X))
    fitted = weights_of(X, y, weights, shuffle=False)
    np.testing.assert_array_equal(fitted, weights_of(X, y, 2 * weights, shuffle=False))
    assert not np.allclose(fitted, weights_of(X, y, shuffle=False), atol=1e-4)


@pytest.mark.parametrize("loss", [name for name in NumberCodec.losses if name != "quantile"])
@pytest.mark.parametrize("n_networks", [1, 2])
def test_loss_of_a_row_is_the_mean_of_its_values(loss, n_networks):
    """Each value on its own weighs as much as in a complete row."""
    kind, generator = LOSSES[loss], torch.Generator().manual_seed(0)
    outputs = torch.randn(5, 3 * kind.outputs_per_value * n_networks, generator=generator)
    targets, scales = torch.linspace(-2, 2, 15).reshape(5, 3), None
    function = kind.function
    if kind.has_log_link:  # each value has a typical size
        targets, scales = 1 + (4 * targets.abs()).floor(), (0.3, 1.0, -0.5)
        function = partial(function, log_scales=scales)
    criterion = RowLoss(function, n_networks, is_summed=kind.is_summed, log_scales=scales)
    by_value = criterion.of_values(outputs, targets).reshape(5, 3)
    torch.testing.assert_close(by_value.mean(dim=1), criterion(outputs, targets))


def test_columns_learn_from_the_rows_that_they_have():
    """A column whose numbers are missing for half of the rows is learnt as well as the others."""
    random = np.random.default_rng(0)
    X = random.normal(size=(120, 2))
    y = np.column_stack([X[:, 0], 10 * X[:, 1] + 30])
    complete = y[80:].copy()
    y[::2, 1] = np.nan
    fast = {"max_epochs": 10, "batch_size": 8, "learning_rate": 0.03}
    model = RNNRegressor("rnn", hidden_size=8, random_state=0, **fast).fit(X[:80], y[:80])
    scores = r2_score(complete, model.predict(X[80:]), multioutput="raw_values")
    assert scores.min() > 0.9


def test_scale_is_learnt_from_the_numbers_that_are_present():
    """Mean and standard deviation are those of each column without its missing numbers."""
    y = np.array([[1.0, np.nan], [3.0, 10.0], [np.nan, 30.0]])
    codec = NumberCodec.learn(y)
    codec.fit(codec.parse(y))
    assert (codec.mean.tolist(), codec.std.tolist()) == ([2.0, 20.0], [1.0, 10.0])
    assert codec.encode(y).tolist() == [[-1.0, 0.0], [1.0, -1.0], [0.0, 1.0]]


def test_score_skips_missing_numbers():
    """It is the mean over the columns, each over the rows that it has."""
    X, y, complete = incomplete()
    model = RNNRegressor(hidden_size=3, max_epochs=2, random_state=0).fit(X, y)
    counts = np.arange(len(X)) % 3 + 1
    predicted = model.predict(X)
    expected = []
    for j in range(3):
        rows = ~np.isnan(y[:, j])
        expected.append(r2_score(y[rows, j], predicted[rows, j], sample_weight=counts[rows]))
    assert model.score(X, y, counts) == pytest.approx(np.mean(expected))
    assert model.score(X, complete) == pytest.approx(r2_score(complete, predicted))
    y[:, 1] = np.nan
    assert model.score(X, y, counts) == pytest.approx(np.mean(expected[::2]))


def test_missing_numbers_in_cross_validation():
    """The default score and the errors per step read them; pandas' too."""
    X, y, _ = incomplete()
    model = RNNRegressor(hidden_size=2, max_epochs=1, random_state=0)
    for scoring in (None, neg_step_mean_absolute_error_scorer):
        assert np.isfinite(cross_val_score(model, X, y, cv=2, scoring=scoring)).all()
    frame = pd.DataFrame(y).convert_dtypes()
    assert np.isfinite(cross_val_score(model, X, frame, cv=2)).all()
    search = GridSearchCV(model, {"hidden_size": [1, 2]}, cv=2).fit(X, y)
    assert np.isfinite(search.best_score_)


def test_going_on_with_missing_numbers():
    """A later chunk may lack a column, the first may not."""
    X, y, _ = incomplete()
    model = RNNRegressor(hidden_size=2, random_state=0).partial_fit(X, y)
    bias = model.module_.head.bias.detach().numpy().copy()
    later = y.copy()
    later[:, 1] = np.nan
    later[0, 0] = 100.0
    model.partial_fit(X, later)
    assert model.module_.head.bias.detach().numpy()[0] != bias[0]
    with pytest.raises(ValueError, match=r"y\[:, 1\] is missing in every row to train on"):
        RNNRegressor(hidden_size=2).partial_fit(X, later)


@pytest.mark.filterwarnings("ignore:On windows that it was not trained on")
def test_naive_forecast_of_missing_numbers():
    """Its error is that of the numbers that are present."""
    series = np.cumsum(np.random.default_rng(0).normal(size=(30, 8)), axis=1)
    X, y = series[:, :5], series[:, 5:].copy()
    y[::3, 1] = np.nan
    y[0] = np.nan
    model = RNNRegressor(hidden_size=2, max_epochs=2, residual="last", random_state=0).fit(X, y)
    errors = np.nanmean(np.abs(y - X[:, -1:])[-4:], axis=1)  # of the newest windows
    assert model.naive_error_ == pytest.approx(errors.mean())
    assert np.isfinite(model.forecast_error_)


def shuffled(tables):
    """Return every other table with its columns in another order."""
    return [table if i % 2 else table[table.columns[::-1]] for i, table in enumerate(tables)]


@pytest.mark.parametrize(
    "convert",
    [
        list,
        pd.Series,
        object_array,
        lambda tables: [pl.from_pandas(table) for table in tables],
        lambda tables: Sequences(pd.concat(tables), np.arange(len(tables) + 1) * 4),
    ],
    ids=["list", "Series", "array", "polars", "Sequences"],
)
def test_columns_of_step_targets_are_matched_by_name(convert):
    """Within y, and in later calls; other names are an error."""
    X = np.random.default_rng(0).normal(size=(8, 4))
    y = [pd.DataFrame({"b": x, "a": 100 + x}) for x in X]
    arrays = [table.to_numpy() for table in y]
    unfitted = RNNRegressor(hidden_size=2, max_epochs=2, random_state=0, target="steps")
    model = clone(unfitted).fit(X, convert(y))
    expected = clone(unfitted).fit(X, arrays)
    swapped = [table[["a", "b"]] for table in y]
    assert np.array_equal(np.stack(list(model.predict(X))), np.stack(list(expected.predict(X))))
    for later in (y, swapped, shuffled(y)):
        assert model.score(X, later) == expected.score(X, arrays)
    assert model.score(X, convert(swapped)) == expected.score(X, arrays)
    other = [table.set_axis(["p", "q"], axis=1) for table in y]
    with pytest.raises(ValueError, match=r"In y: The columns of sequence 0 are \['p', 'q'\]"):
        model.score(X, other)
    model.partial_fit(X, convert(swapped))
    expected.partial_fit(X, arrays)
    assert model.loss_curve_ == expected.loss_curve_


def test_shuffled_columns_of_step_targets():
    """Tables of one y have one order; single columns of different names have none to match."""
    X = np.random.default_rng(0).normal(size=(8, 4))
    y = [pd.DataFrame({"a": x, "b": 100 + x}) for x in X]
    unfitted = RNNRegressor(hidden_size=2, max_epochs=2, random_state=0)
    model, same = clone(unfitted).fit(X, shuffled(y)), clone(unfitted).fit(X, y)
    assert model.loss_curve_ == same.loss_curve_
    assert model.score(X, shuffled(y)) == same.score(X, [table.to_numpy() for table in y])
    with pytest.raises(ValueError, match=r"In y: The columns of sequence 1 are \['a', 'c'\]"):
        clone(unfitted).fit(X, [y[0], *(table.rename(columns={"b": "c"}) for table in y[1:])])
    single = [table[["a"]].set_axis([f"y{i}"], axis=1) for i, table in enumerate(y)]
    model = clone(unfitted).fit(X, single)
    assert model.score(X, single) == model.score(X, [table.to_numpy() for table in single])


def test_chunks_without_any_target_are_skipped():
    """After the first call, they change nothing, not even the curves; in the first, they raise."""
    X, y, _ = incomplete()
    per_step = [np.arange(len(x), dtype=float) for x in X]
    labels = [["a", None, *"b" * (len(x) - 2)] for x in X]
    cases = [
        (RNNRegressor, y, np.full_like(y, np.nan), "y has no target"),
        (RNNRegressor, per_step, [np.full(len(x), np.nan) for x in X], "no labelled step"),
        (RNNClassifier, labels, [[None] * len(x) for x in X], "no labelled step"),
    ]
    for kind, targets, nothing, message in cases:
        model = kind(hidden_size=2, random_state=0)
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X, nothing)
        model.partial_fit(X, targets)
        before = pickle.dumps(model)
        assert pickle.dumps(model.partial_fit(X, nothing)) == before
        assert model.partial_fit(X, targets).n_iter_ == 2
        with pytest.raises(ValueError, match=message):
            model.fit(X, nothing)


def test_a_target_that_is_missing_in_a_chunk_or_a_fold():
    """A later chunk teaches the others; a fit without it fails, which is one score of a fold."""
    X, y, _ = incomplete()
    y = np.where(np.isnan(y), 0.5, y)
    y[: len(y) // 2, 1] = np.nan
    first, second = slice(None, len(y) // 2), slice(len(y) // 2, None)
    model = RNNRegressor(hidden_size=2, random_state=0, max_epochs=1)
    with pytest.raises(ValueError, match=r"y\[:, 1\] is missing in every row to train on"):
        model.fit(X[first], y[first])
    model.partial_fit(X[second], y[second]).partial_fit(X[first], y[first])
    assert np.isfinite(model.predict(X)).all()
    with pytest.warns(FitFailedWarning, match="1 fits failed out of a total of 2"):
        scores = cross_val_score(model, X, y, cv=KFold(2))
    assert np.isnan(scores).tolist() == [False, True]


def test_y_without_any_number():
    """Errors if there is nothing to learn from, or nothing to score."""
    X, y, _ = incomplete()
    nothing = np.full_like(y, np.nan)
    with pytest.raises(ValueError, match="y has no target: every entry is missing"):
        RNNRegressor().fit(X, nothing)
    with pytest.raises(ValueError, match=r"y\[0\] is missing \(nan\). Drop the sequence"):
        RNNRegressor().fit(X, nothing[:, 0])
    model = RNNRegressor(hidden_size=2, max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="y has no target: every entry is missing"):
        model.score(X, nothing)
    with pytest.raises(ValueError, match=r"y has shape \(24, 2\), predictions have \(24, 3\)"):
        model.score(X, y[:, :2])


# --- score, weights and columns -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", None] * 4, r"y\[1\] is missing"),
        (["a", 1] * 4, "mixes text and numbers"),
        (np.array(["2024"] * 8, dtype="M8[Y]"), "a date or a duration"),
    ],
)
def test_score_checks_labels_as_fit_does(y, message):
    """No error of scikit-learn about unknown types."""
    X = np.ones((8, 3))
    model = RNNClassifier(hidden_size=2, max_epochs=1).fit(X, ["a", "b"] * 4)
    with pytest.raises(ValueError, match=message):
        model.score(X, y)
    with pytest.raises(ValueError, match=message):
        RNNClassifier(hidden_size=2, max_epochs=1).fit(X, y)


@pytest.mark.parametrize(
    "weights",
    [[1, np.nan], [1, -1], [0, 0], [1, 1, 1], ["a", "b"], np.ma.masked_equal([1, 2], 2)],
)
@pytest.mark.parametrize("y", [[0, 1], [[0, 1, 1], [1, 0, 2]]])
def test_score_checks_weights_as_fit_does(y, weights):
    """Weights are finite, not negative, one per sequence, and not all 0."""
    X = np.ones((2, 3))
    model = RNNClassifier(hidden_size=2, max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"weight|could not convert"):
        model.score(X, y, weights)
    with pytest.raises(ValueError, match=r"weight|could not convert"):
        model.fit(X, y, weights)


@pytest.mark.parametrize("y", [pd.DataFrame({"y": [0, 1] * 3}), np.array([[0], [1]] * 3)])
def test_one_column(y):
    """A column of labels is flattened with scikit-learn's warning; one of numbers stays one."""
    X = np.ones((6, 3))
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        labels = RNNClassifier(hidden_size=2, max_epochs=1).fit(X, y).predict(X)
    assert labels.shape == (6,)
    assert RNNRegressor(hidden_size=2, max_epochs=1).fit(X, y).predict(X).shape == (6, 1)


@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor])
@pytest.mark.parametrize("y", [[0, 1], [], np.zeros(4), pd.Series([0, 1]), torch.zeros(5)])
def test_as_many_targets_as_sequences(estimator, y):
    """The numbers of both are named."""
    with pytest.raises(ValueError, match=f"X has 3 sequences, y has {len(y)}: inconsistent"):
        estimator(hidden_size=2, max_epochs=1).fit(np.ones((3, 2)), y)


@pytest.mark.parametrize("y", [pa.array([0, 1, 0, 1]), torch.tensor([0, 1, 0, 1])])
def test_weights_of_zero_with_any_container(y):
    """Sequences of weight zero are left out of y, whatever it is."""
    model = RNNClassifier(hidden_size=2, max_epochs=1).fit(np.ones((4, 2)), y, [1, 0, 1, 0])
    assert model.classes_.tolist() == [0]
    assert model.target_ == "sequence"


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.5, 1.5, 2.5], "Unknown label type: continuous"),
        (["a", None], r"y\[1\] is missing \(None\)"),
        ([1.0, np.inf], "contains infinity"),
        (pd.Series(["a", np.nan, "b"]), r"y\[1\] is missing \(nan\)"),
        ([1.0, np.nan], r"contains NaN: y\[1\] is missing \(nan\)"),
        (np.array([["a", "b"], ["b", "a"]]), "is a 1d array.*set target='steps'"),
        (np.array([[1, 2], [3, 4]]), r"shape \(2, 2\) and is not a binary indicator"),
        (np.zeros((2, 3, 2), dtype=int), "set target='steps'"),
    ],
)
def test_bad_labels(y, message):
    """Errors for values that are not labels."""
    with pytest.raises(ValueError, match=message):
        classification_codec(y)


def test_labels_not_seen_in_fit():
    """Errors for labels and indicators that are not those of the first fit."""
    with pytest.raises(ValueError, match=r"label 'c'.*classes \['a', 'b'\]"):
        LabelCodec(np.array(["a", "b"])).parse(["a", "c"])
    with pytest.raises(ValueError, match="binary indicator of 2 labels, entries 0 or 1"):
        IndicatorCodec(2).parse([[0, 2]])
    with pytest.raises(ValueError, match="binary indicator of 2 labels"):
        IndicatorCodec(2).parse([[0, 1, 1]])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, None], "contains NaN"),
        ([1.0, np.inf], "contains infinity"),
        ([1.0, 1e300], "too large"),
        (["a", "b"], r"y\[0\] is 'a', which is text"),
        (np.ones(2) * 1j, "Complex"),
        (np.ones((2, 3, 2)), r"shape \(2, 3, 2\).*set target='steps'"),
        (np.ones((2, 3)), r"shape \(2, 3\), expected 1 numbers per row"),
    ],
)
def test_bad_numbers(y, message):
    """Errors for values that are not finite numbers."""
    with pytest.raises(ValueError, match=message):
        NumberCodec(1, flat=True, scale=True).parse(y)


@pytest.mark.parametrize("convert", [np.asarray, pd.DataFrame, lambda y: y.astype(bool)])
def test_one_hot_classes_are_a_warning(convert):
    """An indicator in which each row has one label is that of several labels, as elsewhere."""
    X, classes = np.random.default_rng(0).normal(size=(9, 4)), np.arange(9) % 3
    model = RNNClassifier(hidden_size=4, max_epochs=1)
    with pytest.warns(
        UserWarning, match=r"one-hot code .* pass the classes: numpy\.argmax\(y, axis=1"
    ):
        model.fit(X, convert(np.eye(3)[classes]))
    assert model.predict(X).shape == (9, 3)
    several = np.eye(3)[classes]
    several[0, 1] = 1
    model.fit(X, convert(several))
    model.fit(X, np.argmax(np.eye(3)[classes], axis=1))
    assert model.predict(X).shape == (9,)


@pytest.mark.parametrize(
    ("analyzer", "n_steps", "pieces"),
    [
        ("char", 24, "its characters (analyzer='char')"),
        ("word", 6, "its words, punctuation marks and further white space (analyzer='word')"),
        (list, 24, "the pieces that the analyzer returns"),
    ],
)
def test_texts_with_a_label_per_word_are_an_error(analyzer, n_steps, pieces):
    """The error says what the steps of a text are, and what it advises is accepted."""
    texts = ["turn on the lights, then", "stop"] * 3
    tags = [["O", "O", "O", "B", "O"], ["O"]] * 3
    end = (
        f"The steps of a text are {pieces}. For one target per word, pass lists of words as X: "
        "[text.split() for text in X]."
    )
    message = rf"Sequence 0 has {n_steps} steps in X but 5 targets .*{re.escape(end)}$"
    model = RNNClassifier(hidden_size=4, max_epochs=1, analyzer=analyzer)
    with pytest.raises(ValueError, match=message):
        model.fit(texts, tags)
    n_last = 1 if analyzer == "word" else 4
    model.fit(texts, [["O"] * n_steps, ["B"] * n_last] * 3)
    with pytest.raises(ValueError, match=message):
        model.score(texts, tags)
    RNNClassifier(hidden_size=4, max_epochs=1).fit([text.split() for text in texts], tags)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[0, 1], [0], [1, 1]], r"Sequence 0 has 3 steps in X but 2 targets in y \(1 sequences"),
        ([[0, 1, 1], [0]], "inconsistent numbers of samples"),
        (np.zeros((3, 2)), "Sequence 0 has 3 steps in X but 2 targets"),
        (np.zeros(3), r"shape \(n, T\) or \(n, T, k\).*got shape \(3,\)"),
        (np.zeros((2, 2)), "inconsistent numbers of samples"),
        ([0, 1, 0], r"y\[0\] is 0, a single target"),
        ([[0, 1, 0], 1, [1, 0]], r"y\[1\] is 1, a single target"),
        ([[None] * 3, [None], [np.nan] * 2], "no labelled step"),
        ([["a", 1, "b"], ["a"], ["b", "a"]], "mixes text and numbers"),
        ([np.zeros(3), np.array(["a"]), np.zeros(2)], "mixes text and numbers"),
        ([np.zeros(3), np.zeros((1, 2)), np.zeros(2)], r"y\[1\] has shape \(1, 2\), y\[0\]"),
        (Sequences(np.zeros(5), [0, 3, 5]), "X has 3 sequences, y has 2"),
        (Sequences(np.zeros(6), [0, 2, 4, 6]), "Sequence 0 has 3 steps in X but 2"),
    ],
)
def test_bad_steps(y, message):
    """Errors for targets that are not one per step."""
    with pytest.raises(ValueError, match=message):
        steps_of(y)


@pytest.mark.parametrize("estimator", [RNNClassifier(), RNNRegressor()])
def test_target_of_every_row_of_a_long_table(estimator):
    """As many targets as steps are those of the rows of a long table, and are told so."""
    X = [np.zeros((n, 1)) for n in (3, 2, 2)]
    with pytest.raises(ValueError, match=r"There are as many steps: .* from_long\(table, id, time"):
        estimator.fit(X, pd.Series([0, 1, 0, 1, 1, 0, 1]))
    with pytest.raises(ValueError, match=r"samples\. Pass one target per sequence\.$"):
        estimator.fit(X, [0, 1, 0, 1])


def test_single_targets_among_lists():
    """A list of single targets and lists of targets is an error."""
    with pytest.raises(ValueError, match=r"y\[0\] is a single target \(0\), y\[2\] is a list"):
        are_steps([0, 1, [1, 0]])


# --- types that other libraries do not read -------------------------------------------------------


@pytest.mark.parametrize("y", [[0, 1, 0, 1], [[0, 1], [1, 1], [1, 0], [0, 0]]], ids=["1-D", "2-D"])
def test_small_floats_are_labels(y):
    """float16 reaches neither the limit of whole numbers nor scipy."""
    X = np.arange(12.0).reshape(4, 3)
    fitted = small_classifier().fit(X, np.array(y, dtype=np.float16))
    expected = small_classifier().fit(X, np.array(y, dtype=np.float64))
    assert fitted.score(X, np.array(y, dtype=np.float16)) == expected.score(X, np.array(y))
    np.testing.assert_array_equal(fitted.predict(X), expected.predict(X))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (pd.Interval(0, 1), "y is of type Interval"),
        (pd.NA, "y is of type NAType"),
        (np.zeros(4, dtype=[("a", "f8")]), r"y is an array of records with the fields \['a'\]"),
        (np.array([[1, {}]] * 4, dtype=object), r"y\[0, 1\] is {}, which is not a label"),
        (np.array([[1, "a"]] * 4, dtype=object), r"mixes text and numbers: y\[0, 1\] is 'a'"),
        (np.array([[1, 1e300]] * 4), "is not a binary indicator"),
        ([1e300, 0, 1, 0], "is not a label"),
    ],
    ids=["interval", "missing", "records", "objects", "mixture", "large indicator", "large label"],
)
def test_targets_of_no_kind_are_refused(y, message):
    """They get errors of this package, without a warning of numpy."""
    with pytest.raises((TypeError, ValueError), match=message):
        small_classifier().fit(np.ones((4, 3)), y)


def test_large_numbers_are_scored_without_a_warning():
    """A number that no integer holds is a wrong type of label in `score` too."""
    X = np.arange(12.0).reshape(4, 3)
    with pytest.raises(ValueError, match="mix of continuous and binary"):
        small_classifier().fit(X, [0, 1, 0, 1]).score(X, [0, 1, 0, 1e300])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ("x", r"sample_weight is of type str \('x'\). Pass one number per sequence"),
        ({}, "sample_weight is of type dict"),
        (["a"] * 4, r"sample_weight\[0\] is 'a', which is not a number"),
        ([1.0, [2.0], 1.0, 1.0], r"sample_weight\[1\] is \[2.0\], which is not a number"),
        ([1.0, None, 1.0, 1.0], "sample_weight contains NaN"),
    ],
    ids=["str", "dict", "texts", "nested", "missing"],
)
def test_weights_that_are_no_numbers(weight, message):
    """They are errors that name the entry."""
    with pytest.raises((TypeError, ValueError), match=message):
        small_classifier().fit(np.ones((4, 3)), [0, 1, 0, 1], weight)


def test_weights_of_any_number():
    """Decimals, booleans and one number for all are weights."""
    X, y = np.arange(12.0).reshape(4, 3), [0, 1, 0, 1]
    expected = small_classifier().fit(X, y).predict_proba(X)
    for weight in ([Decimal(1)] * 4, [True] * 4, 1, pl.Series([1, 1, 1, 1])):
        found = small_classifier().fit(X, y, weight).predict_proba(X)
        np.testing.assert_array_equal(found, expected)
