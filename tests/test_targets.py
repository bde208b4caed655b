"""Codecs of y: decoding inverts encoding; unlabelled steps are skipped; mixtures are errors."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sksequence import Sequences
from sksequence._batching import object_array
from sksequence._targets import (
    IndicatorCodec,
    LabelCodec,
    NumberCodec,
    classification_codec,
    plain_container,
    read_steps,
    restore_steps,
    targets_are_steps,
)

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


def steps_of(y, *, numeric=False, lengths=LENGTHS):
    """Read per-step targets of sequences of these lengths."""
    return read_steps(y, lengths, numeric=numeric)


# --- laws ----------------------------------------------------------------------------------------


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


# --- examples ------------------------------------------------------------------------------------


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
    assert targets_are_steps(y, "auto", LENGTHS) is expected


def test_equal_lists_as_long_as_the_sequences_are_steps():
    """A fold whose lengths happen to agree stays per step; `target` overrides the container."""
    assert targets_are_steps([[0, 1], [1, 0]], "auto", np.array([2, 2]))
    assert targets_are_steps(np.zeros((2, 2)), "steps", np.array([2, 2]))
    assert not targets_are_steps([[0, 1], [1, 0]], "sequence", np.array([2, 2]))


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


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.5, 1.5, 2.5], "Unknown label type: continuous"),
        (["a", None], "contains None at row 1"),
        ([1.0, np.inf], "contains infinity"),
        (pd.Series(["a", None, "b"]), "contains nan at row 1"),
        ([1.0, np.nan], "contains np.float64.nan. at row 1 .NaN"),
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
    with pytest.raises(ValueError, match=r"label np.str_\('c'\).*classes \['a', 'b'\]"):
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
        (["a", "b"], "could not convert"),
        (np.ones(2) * 1j, "Complex"),
        (np.ones((2, 3, 2)), r"shape \(2, 3, 2\).*set target='steps'"),
        (np.ones((2, 3)), r"shape \(2, 3\), expected 1 numbers per row"),
    ],
)
def test_bad_numbers(y, message):
    """Errors for values that are not finite numbers."""
    with pytest.raises(ValueError, match=message):
        NumberCodec(1, flat=True, scale=True).parse(y)


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


def test_single_targets_among_lists():
    """A list of single targets and lists of targets is an error."""
    with pytest.raises(ValueError, match=r"y\[0\] is a single target, y\[2\] is a list"):
        targets_are_steps([0, 1, [1, 0]], "auto", LENGTHS)
