"""The container behaves like a list of arrays, and copies no more than it must."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as numpy_arrays

from sksequence import Sequences
from sksequence._batching import (
    Frames,
    PreparedSequences,
    Scaler,
    flat_rows,
    object_array,
    offsets_of,
)


@st.composite
def ragged(draw):
    """Draw a list of 1-D or 2-D arrays, empty ones among them."""
    features = draw(st.sampled_from([(), (1,), (3,)]))
    dtype = draw(st.sampled_from([np.float64, np.float32, np.int64]))
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=6))
    return [draw(numpy_arrays(dtype, (n, *features), elements=st.integers(-9, 9))) for n in lengths]


def assert_same(sequences, arrays):
    """Compare with a list of arrays: numbers, shapes and types."""
    assert isinstance(sequences, Sequences)
    assert len(sequences) == len(arrays)
    for ours, theirs in zip(sequences, arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


# --- laws ----------------------------------------------------------------------------------------


@given(arrays=ragged())
def test_container_equals_its_list(arrays):
    """Building, iterating, lengths and shape agree with the list."""
    sequences = Sequences.from_arrays(arrays)
    assert_same(sequences, arrays)
    assert sequences.lengths.tolist() == [len(array) for array in arrays]
    assert (sequences.shape, sequences.ndim) == ((len(arrays),), 1)


@given(arrays=ragged(), data=st.data())
def test_indexing_is_that_of_a_list(arrays, data):
    """Integers, slices, index arrays, masks and (rows, ...) select the same as from a list."""
    sequences = Sequences.from_arrays(arrays)
    n = len(arrays)
    i = data.draw(st.integers(-n, n - 1))
    for key in (i, np.int64(i)):
        np.testing.assert_array_equal(sequences[key], arrays[key], strict=True)
        np.testing.assert_array_equal(sequences[key, ...], arrays[key], strict=True)
    piece = data.draw(st.slices(n))
    rows = data.draw(st.lists(st.integers(-n, n - 1), max_size=8))
    mask = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    assert_same(sequences[piece], arrays[piece])
    assert_same(sequences[piece, ...], arrays[piece])
    for key in (rows, np.array(rows, dtype=np.int64)):
        assert_same(sequences[key], [arrays[row] for row in rows])
        assert_same(sequences[key, ...], [arrays[row] for row in rows])
    kept = [array for array, keep in zip(arrays, mask, strict=True) if keep]
    assert_same(sequences[np.array(mask)], kept)
    assert_same(sequences[mask], kept)


@given(arrays=ragged(), data=st.data())
def test_indexing_twice_is_indexing_once(arrays, data):
    """A selection of a selection is the selection of rows of rows."""
    sequences = Sequences.from_arrays(arrays)
    rows = np.array(data.draw(st.lists(st.integers(0, len(arrays) - 1), min_size=1, max_size=6)))
    again = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6)), dtype=int)
    assert_same(sequences[rows][again], [arrays[row] for row in rows[again]])


@given(arrays=ragged())
def test_pickled_and_as_an_array(arrays):
    """A pickle and a 1-D object array hold the same sequences."""
    sequences = Sequences.from_arrays(arrays)
    assert_same(pickle.loads(pickle.dumps(sequences)), arrays)
    as_array = np.asarray(sequences)
    assert (as_array.dtype, as_array.shape) == (object, (len(arrays),))
    for ours, theirs in zip(as_array, arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


@given(arrays=ragged())
def test_codes_share_the_offsets(arrays):
    """Values and codes are split alike; an item is then a pair."""
    flat = np.concatenate(arrays)
    codes = np.arange(len(flat), dtype=np.int32)[:, None]
    offsets = offsets_of([len(array) for array in arrays])
    both = Sequences(flat, offsets, codes)[::-1]
    values, of_codes = Sequences(flat, offsets)[::-1], Sequences(None, offsets, codes)[::-1]
    for (value, code), one, other in zip(both, values, of_codes, strict=True):
        np.testing.assert_array_equal(value, one)
        np.testing.assert_array_equal(code, other)


@given(lengths=st.lists(st.integers(0, 5), max_size=6))
def test_rows_of_runs(lengths):
    """flat_rows returns the rows of runs, one run after the other."""
    offsets = offsets_of(lengths)
    starts = offsets[:-1][::-1]
    expected = [
        row
        for start, n in zip(starts, lengths[::-1], strict=True)
        for row in range(start, start + n)
    ]
    assert flat_rows(starts, np.array(lengths[::-1], dtype=np.int64)).tolist() == expected


# --- examples ------------------------------------------------------------------------------------


def test_runs_are_views_and_the_rest_is_copied():
    """A slice, a fold of neighbours and an item share memory."""
    sequences = Sequences(np.arange(12.0).reshape(6, 2), [0, 1, 3, 6])
    assert np.shares_memory(sequences[1:].values, sequences.values)
    assert np.shares_memory(sequences[np.array([0, 1])].values, sequences.values)
    assert np.shares_memory(sequences[2], sequences.values)
    assert not np.shares_memory(sequences[::2].values, sequences.values)


def test_an_array_is_viewed():
    """Equal lengths need no copy."""
    array = np.arange(24.0).reshape(2, 3, 4)
    assert np.shares_memory(Sequences.from_array(array).values, array)
    assert_same(Sequences.from_array(array), list(array))
    assert_same(Sequences.from_array(array[:, :, 0]), list(array[:, :, 0]))


def test_a_memory_map_stays_on_disk(tmp_path):
    """Selected sequences are views of the map."""
    np.save(tmp_path / "values.npy", np.arange(6.0))
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    sequences = Sequences(mapped, [0, 2, 6])
    assert sequences.values is mapped
    assert isinstance(sequences[1:].values, np.memmap)


def test_steps_beyond_the_32nd_bit(tmp_path):
    """Rows of very large maps are found where int32 would overflow."""
    n_steps = 2**31
    with (tmp_path / "values").open("wb") as file:
        file.truncate(n_steps + 10)  # sparse: no disk is filled
    values = np.memmap(tmp_path / "values", mode="r+", dtype=np.int8).reshape(-1, 1)
    values[n_steps:, 0] = np.arange(10)
    sequences = Sequences(values, [0, n_steps, n_steps + 4, n_steps + 10])
    assert sequences[[2, 1]].values[:, 0].tolist() == [4, 5, 6, 7, 8, 9, 0, 1, 2, 3]
    prepared = PreparedSequences(sequences, Scaler(False), Frames())
    assert prepared.gather(np.array([1]))["values"].flatten().tolist() == [0, 1, 2, 3]


def test_a_mask_and_a_list_are_taken_as_they_are():
    """A masked buffer is still masked in a fold; a list becomes an array."""
    masked = np.ma.masked_equal(np.arange(6.0), 2)
    fold = Sequences(masked, [0, 2, 4, 6])[[1, 0]]
    assert np.ma.getmaskarray(fold.values).tolist() == [True, False, False, False]
    assert Sequences([[1], [2]], [0, 2])[0].tolist() == [[1], [2]]


def test_repr_of_the_container():
    """The representation shows the sizes."""
    assert repr(Sequences(np.zeros((5, 2)), [0, 2, 5])) == (
        "Sequences(n_sequences=2, n_steps=2..3, n_features=2)"
    )
    assert repr(Sequences(np.zeros(4), [0, 2, 4])) == (
        "Sequences(n_sequences=2, n_steps=2, n_features=1)"
    )
    assert repr(Sequences(np.zeros(0), [0])) == "Sequences(n_sequences=0)"


def test_object_arrays_are_never_stacked():
    """Items of equal shape remain items."""
    assert object_array([np.zeros((2, 2))] * 3).shape == (3,)
    assert object_array(iter("ab")).tolist() == ["a", "b"]


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, [0]), "needs values, codes or both"),
        ((np.zeros(3), [1, 3]), "starts with 0"),
        ((np.zeros(3), []), "starts with 0"),
        ((np.zeros(3), [[0, 3]]), "1-D array"),
        ((np.zeros(3), [0, 2, 1, 3]), r"offsets\[1\]=2 is above offsets\[2\]=1"),
        ((np.zeros(3), [0, 2]), "The last offset is 2, but there are 3 steps"),
        ((np.zeros(3), [0, 3], np.zeros(2)), "The last offset is 3, but there are 2 steps"),
        ((np.zeros(3), [0, 1.5, 3]), "offsets must be integers, as they count steps; got float64"),
        ((np.zeros((3, 2, 1)), [0, 3]), r"3 dimensions, shape \(3, 2, 1\); expected \(sum of"),
        ((1.0, [0]), "0 dimensions"),
    ],
)
def test_invalid_offsets(arguments, message):
    """Offsets must split the buffer into consecutive pieces."""
    with pytest.raises(ValueError, match=message):
        Sequences(*arguments)


def test_other_invalid_arguments():
    """No sequence, too many dimensions, an index out of range, another dtype."""
    sequences = Sequences(np.zeros(3), [0, 1, 3])
    with pytest.raises(ValueError, match=r"array has 4 dimensions, shape \(1, 2, 3, 4\); expected"):
        Sequences.from_array(np.zeros((1, 2, 3, 4)))
    with pytest.raises(ValueError, match=r"arrays holds no sequence\. Pass at least one"):
        Sequences.from_arrays([])
    with pytest.raises(IndexError, match="one dimension"):
        sequences[0, 1]
    with pytest.raises(IndexError):
        sequences[2]
    with pytest.raises(IndexError):
        sequences[[True, False, True]]
    with pytest.raises(ValueError, match="cannot become an array of float64"):
        np.asarray(sequences, dtype=float)


@pytest.mark.parametrize("key", [2, -3, "a", 0.5, [True], np.ones(3, bool), [5]], ids=str)
def test_wrong_indexes(key):
    """An index that is none is an IndexError that tells what is one."""
    sequences = Sequences(np.arange(6.0), [0, 2, 6])
    with pytest.raises(IndexError, match=r"there are 2 sequences|no index of 2 sequences; pass"):
        sequences[key]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Sequences.from_arrays(5), "arrays is a int; pass a list"),
        (lambda: Sequences.from_arrays("ab"), "arrays is a str; pass a list"),
        (lambda: Sequences.from_arrays(np.array(1.0)), "arrays is a ndarray; pass a list"),
        (lambda: Sequences.from_arrays(pd.DataFrame({"a": [1]})), "arrays is a DataFrame"),
        (lambda: Sequences.from_arrays([1.0, 2.0]), r"Sequence 0 is a float of shape \(\)"),
        (lambda: Sequences.from_arrays([[1], [[1, 2], [3]]]), "Sequence 1 is a list that does not"),
        (lambda: Sequences.from_arrays([np.ones((2, 1)), np.ones((2, 3))]), r"\[\(1,\), \(3,\)\]"),
        (
            lambda: Sequences.from_arrays([np.ones(2), np.zeros(2, dtype=[("a", "f8")])]),
            "cannot be joined. Convert them to one type",
        ),
        (lambda: Sequences([[1.0], [1.0, 2.0]], [0, 2]), "values is nested unevenly"),
        (lambda: Sequences(np.ones(2), [[0], [1, 2]]), "offsets is nested unevenly"),
        (lambda: Sequences(np.ones(2), [0, 2], feature_names=5), "feature_names is 5; pass a list"),
    ],
)
def test_what_is_no_container_of_sequences(build, message):
    """Data that numpy or the interpreter refuse get an error of this package."""
    with pytest.raises((TypeError, ValueError), match=message):
        build()
