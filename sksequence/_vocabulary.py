"""Symbols and codes: a vocabulary turns characters, words or any hashable tokens into small integers and back.

Code 0 is kept for symbols that `fit` did not see, or left out as too rare. Knows nothing of models or of sequences: it works on flat
runs of symbols.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 0

# Unicode's marks lie between these, but for variation selectors of rare ideographs
_FIRST_MARK, _LAST_MARK = 0x300, 0x1F000


@cache
def _word_pattern() -> re.Pattern[str]:
    """Match a word, a punctuation mark or white space.

    The first two take the blank before them along, so that joining the pieces gives the text back. Combining marks
    (accents, vowel signs) stay with what they stand on; Python's own idea of a word leaves them out.
    """
    marks = "".join(c for c in map(chr, range(_FIRST_MARK, _LAST_MARK)) if category(c)[0] == "M")
    word = rf"\w[\w{marks}]*"
    return re.compile(rf" ?{word}(?:['\u2019]{word})*| ?[^\w\s][{marks}]*|\s")


def characters(text: str) -> list[str]:
    """Cut a text into characters."""
    return list(text)


def words(text: str) -> list[str]:
    """Cut a text into words, punctuation marks and white space; joined, they are the text again."""
    return _word_pattern().findall(text)


ANALYZERS: dict[str, Callable[[str], list[str]]] = {"char": characters, "word": words}


class Vocabulary:
    """The symbols of one column, in sorted order; symbol i has code i + 1.

    Parameters
    ----------
    symbols : iterable
        In that order.
    n_rare : int
        How many more were seen and left out.
    """

    def __init__(self, symbols: Iterable[Any], n_rare: int = 0) -> None:
        self.symbols = list(symbols)
        self.n_rare = n_rare

    @classmethod
    def learn(cls, flat: NDArray[Any], max_size: int | None = None) -> Vocabulary:
        """Collect the distinct symbols of a flat run, or the most frequent of them, whatever their order of appearance.

        Among equally frequent ones the first in sorted order stay.
        """
        if max_size is None:
            return cls(_sorted(set(flat.tolist())))
        counts = Counter(flat.tolist())
        symbols = _sorted(counts)
        frequent = sorted(range(len(symbols)), key=lambda i: -counts[symbols[i]])[:max_size]
        return cls([symbols[i] for i in sorted(frequent)], len(symbols) - len(frequent))

    def __len__(self) -> int:
        """Return the size of the alphabet, the unknown symbol included."""
        return len(self.symbols) + 1

    @property
    def codes(self) -> dict[Any, int]:
        """Each symbol's code."""
        return {symbol: i + 1 for i, symbol in enumerate(self.symbols)}

    def encode(self, flat: NDArray[Any]) -> NDArray[np.int32]:
        """Return the codes of a flat run of symbols; unknown ones are 0."""
        codes = self.codes
        if flat.dtype == object:
            found = [codes.get(symbol, UNKNOWN) for symbol in flat.tolist()]
            return np.array(found, dtype=np.int32)
        distinct, inverse = np.unique(flat, return_inverse=True)
        found = [codes.get(symbol, UNKNOWN) for symbol in distinct.tolist()]
        return np.array(found, dtype=np.int32)[inverse]

    def decode(self, codes: NDArray[np.integer[Any]]) -> list[Any]:
        """Return the symbols of known codes."""
        return [self.symbols[code - 1] for code in codes.tolist()]


def _sorted(symbols: Iterable[Any]) -> list[Any]:
    try:
        return sorted(symbols)
    except TypeError:  # mixed types have no order of their own
        return sorted(symbols, key=lambda symbol: (type(symbol).__name__, repr(symbol)))
