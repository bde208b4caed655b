"""Vocabularies: symbols to codes and back, independent of the order of symbols."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksequence._batching import object_array
from sksequence._vocabulary import ANALYZERS, UNKNOWN, Vocabulary, characters, words

SYMBOLS = st.one_of(
    st.lists(st.text(max_size=3), min_size=1, max_size=9),
    st.lists(st.integers(-5, 5), min_size=1, max_size=9),
    st.lists(st.one_of(st.integers(0, 3), st.text(max_size=1)), min_size=1, max_size=9),
)

# --- laws ----------------------------------------------------------------------------------------


@given(symbols=SYMBOLS)
def test_decoding_undoes_encoding(symbols):
    """Decoded codes are the symbols again; no code is that of unknown symbols."""
    flat = object_array(symbols)
    vocabulary = Vocabulary.learn(flat)
    codes = vocabulary.encode(flat)
    assert vocabulary.decode(codes) == symbols
    assert codes.dtype == np.int32
    assert codes.min() > UNKNOWN
    assert codes.max() < len(vocabulary)


@given(symbols=SYMBOLS, data=st.data())
def test_codes_do_not_depend_on_order(symbols, data):
    """Permuted symbols give the same vocabulary."""
    permuted = data.draw(st.permutations(symbols))
    one, other = (Vocabulary.learn(object_array(run)) for run in (symbols, permuted))
    assert one.codes == other.codes


@pytest.mark.parametrize("flat", [np.array(list("tea")), np.array([3, 1, 2]), np.array([True])])
def test_typed_arrays_equal_object_arrays(flat):
    """The dtype of the array does not matter; symbols are not numpy scalars."""
    typed, plain = Vocabulary.learn(flat), Vocabulary.learn(flat.astype(object))
    assert typed.codes == plain.codes
    assert {type(symbol) for symbol in typed.symbols} <= {str, int, bool}
    np.testing.assert_array_equal(typed.encode(flat), typed.encode(flat.astype(object)))


@given(text=st.text(max_size=40))
def test_pieces_of_a_text_joined_are_the_text(text):
    """No analyzer loses a character or returns an empty piece."""
    for cut in ANALYZERS.values():
        assert "".join(cut(text)) == text
        assert all(cut(text))


@given(symbols=SYMBOLS, max_size=st.integers(1, 6), data=st.data())
def test_limit_keeps_the_most_frequent(symbols, max_size, data):
    """No omitted symbol is more frequent than a kept one, in any order of the symbols."""

    def limited(run):
        flat = object_array(run)
        vocabulary = Vocabulary.learn(flat)
        counts = np.bincount(vocabulary.encode(flat), minlength=len(vocabulary))
        return vocabulary.decode(vocabulary.most_frequent(counts, max_size))

    whole, kept = Vocabulary.learn(object_array(symbols)).symbols, limited(symbols)
    omitted = [symbol for symbol in whole if symbol not in kept]
    assert kept == [symbol for symbol in whole if symbol in kept]
    assert len(kept) == min(max_size, len(whole))
    assert min(map(symbols.count, kept)) >= max(map(symbols.count, omitted), default=0)
    assert limited(data.draw(st.permutations(symbols))) == kept


# --- examples ------------------------------------------------------------------------------------


def test_unknown_symbols_are_zero():
    """Object arrays and typed arrays give code 0 to unknown symbols."""
    vocabulary = Vocabulary.learn(np.array(list("tea")))
    assert vocabulary.encode(np.array(list("toe"))).tolist() == [3, UNKNOWN, 2]
    assert vocabulary.encode(object_array(["t", None, 5])).tolist() == [3, UNKNOWN, UNKNOWN]
    assert len(vocabulary) == 4


def test_symbols_are_sorted():
    """Numbers by size, strings by character, mixed symbols by type."""
    assert Vocabulary.learn(np.array([10, 9, -1])).symbols == [-1, 9, 10]
    assert Vocabulary.learn(object_array(["b", 2, "a", 1])).symbols == [1, 2, "a", "b"]


def test_words_include_the_blank_before_them():
    """Apostrophes are inside words; punctuation marks are pieces of their own."""
    assert words("Don't go, Ann.") == ["Don't", " go", ",", " Ann", "."]
    assert words("  a \n b") == [" ", " a", " ", "\n", " b"]
    assert characters("to") == ["t", "o"]


@pytest.mark.parametrize(
    "word", ["don\u2019t", "e\u0301te\u0301", "\u0939\u093f\u0928\u094d\u0926\u0940", "na\u00efve"]
)
def test_words_of_any_script_stay_whole(word):
    """Typographic apostrophes, combining accents and vowel signs are inside a word."""
    assert words(f"{word}, {word}") == [word, ",", f" {word}"]
