"""Vocabularies: characters, words or any hashable tokens as small integers, and back.

Code 0 is that of symbols that `fit` did not see or left out as too rare. Vocabularies work on flat
arrays of symbols, not on sequences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from functools import cache
from typing import Any, cast
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 0

# the range of Unicode's marks, except for variation selectors of rare ideographs
_FIRST_MARK, _LAST_MARK = 0x300, 0x1F000


@cache
def _word_pattern() -> re.Pattern[str]:
    """Return the pattern of a word, a punctuation mark or white space.

    The first two include a blank before them, so that the joined pieces are the text again.
    Combining marks (accents, vowel signs) belong to the character before them; the word characters
    of `re` leave them out.
    """
    marks = "".join(c for c in map(chr, range(_FIRST_MARK, _LAST_MARK)) if category(c)[0] == "M")
    word = rf"\w[\w{marks}]*"
    return re.compile(rf" ?{word}(?:['\u2019]{word})*| ?[^\w\s][{marks}]*|\s")


def characters(text: str) -> list[str]:
    """Split a text into characters."""
    return list(text)


def words(text: str) -> list[str]:
    """Split a text into words, punctuation marks and white space, which join to the text again."""
    return _word_pattern().findall(text)


ANALYZERS: dict[str, Callable[[str], list[str]]] = {"char": characters, "word": words}


class Vocabulary:
    """The symbols of one column in sorted order; symbol i has code i + 1.

    Parameters
    ----------
    symbols : iterable
        Distinct symbols, in the order of their codes.
    n_rare : int, default=0
        Number of symbols that were seen and left out.
    """

    def __init__(self, symbols: Iterable[Hashable], n_rare: int = 0) -> None:
        self.symbols: list[Any] = list(symbols)
        self.n_rare = n_rare

    @classmethod
    def learn(cls, flat: NDArray[np.generic]) -> Vocabulary:
        """Build a vocabulary of the distinct symbols of a flat array, whatever their order."""
        return cls(_sorted(set(flat.tolist())))

    def most_frequent(self, counts: NDArray[np.number], max_size: int) -> NDArray[np.int64]:
        """Return the codes of the most frequent symbols, in order.

        Of equally frequent symbols, the first ones are selected. `counts` has one entry per code.
        """
        order = np.argsort(-counts[1:], kind="stable")[:max_size]
        return np.sort(order) + 1

    def __len__(self) -> int:
        """Return the number of codes, that of unknown symbols included."""
        return len(self.symbols) + 1

    @property
    def codes(self) -> dict[Any, int]:
        """Code of each symbol."""
        return {symbol: i + 1 for i, symbol in enumerate(self.symbols)}

    def encode(self, flat: NDArray[np.generic]) -> NDArray[np.int32]:
        """Return the codes of a flat array of symbols; those of unknown symbols are 0."""
        codes = self.codes
        if flat.dtype == object:
            found = [codes.get(symbol, UNKNOWN) for symbol in flat.tolist()]
            return np.array(found, dtype=np.int32)
        distinct, inverse = np.unique(flat, return_inverse=True)
        found = [codes.get(symbol, UNKNOWN) for symbol in distinct.tolist()]
        return np.array(found, dtype=np.int32)[inverse]

    def decode(self, codes: NDArray[np.integer]) -> list[Any]:
        """Return the symbols of known codes."""
        return [self.symbols[code - 1] for code in codes.tolist()]


def _sorted(symbols: Iterable[Hashable]) -> list[Hashable]:
    try:
        return sorted(cast("Iterable[Any]", symbols))
    except TypeError:  # mixed types have no natural order
        return sorted(symbols, key=lambda symbol: (type(symbol).__name__, repr(symbol)))
