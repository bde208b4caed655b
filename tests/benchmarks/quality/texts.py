"""Texts with a label: a few utterances per intent, speakers of Shakespeare's, rules of spelling."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np

from sksequence.datasets import load_shakespeare

from .loaders import Data, data_path, utterances

Rule = Callable[[str], bool]

_N_SPEAKERS = 8
_N_NAMES, _N_TEST_NAMES, _WRONG = 1000, 3000, 0.1
_VOWELS = "aeiouy"


def _intents(n_per_class: int) -> Data:
    """Load Snips with few utterances of each intent; the validation part is for testing too."""
    whole = utterances("intent")
    assert whole.valid is not None
    (X, y), (X_test, y_test), (X_more, y_more) = whole.train, whole.test, whole.valid
    rng = np.random.default_rng(0)
    parts = [rng.permutation(np.flatnonzero(y == label))[:n_per_class] for label in np.unique(y)]
    rows = np.concatenate(parts)
    return Data(([X[i] for i in rows], y[rows]), (X_test + X_more, np.append(y_test, y_more)))


def _speakers() -> Data:
    """Load the speeches of the eight characters with most of them, a quarter for testing."""
    halves = [speech.split(":\n", 1) for speech in load_shakespeare().data.split("\n\n")]
    speeches = [half for half in halves if len(half) == 2 and half[1].strip()]
    counts = Counter(name for name, _ in speeches).most_common(_N_SPEAKERS)
    chosen = [speech for speech in speeches if speech[0] in dict(counts)]
    words = [re.findall(r"[\w']+|[^\w\s]", text.lower()) for _, text in chosen]
    names = np.array([name for name, _ in chosen])
    test, train = np.split(np.random.default_rng(0).permutation(len(names)), [len(names) // 4])
    return Data(*(([words[i] for i in rows], names[rows]) for rows in (train, test)))


def _ends_in_vowel_with_double(name: str) -> bool:
    return name[-1] in _VOWELS and any(a == b for a, b in pairwise(name))


def _one_end_is_vowel(name: str) -> bool:
    return (name[0] in _VOWELS) != (name[-1] in _VOWELS)


def _first_comes_again(name: str) -> bool:
    return name[0] in name[1:]


def _spelling(rule: Rule) -> Data:
    """Load names with what a rule says of them; a tenth of the training labels is wrong."""
    lines = data_path("text", "names.txt").read_text(encoding="utf-8").split()
    rng = np.random.default_rng(0)
    names = [lines[i] for i in rng.permutation(len(lines))[: _N_NAMES + _N_TEST_NAMES]]
    y = np.array([rule(name) for name in names])
    seen = y[:_N_NAMES] ^ (rng.random(_N_NAMES) < _WRONG)
    return Data((names[:_N_NAMES], seen * 1), (names[_N_NAMES:], y[_N_NAMES:] * 1))


WORDS: dict[str, Callable[[], Data]] = {
    **{f"{n} utterances per intent": partial(_intents, n) for n in (10, 50, 200)},
    "speakers": _speakers,
}
SPELLING: dict[str, Callable[[], Data]] = {
    "vowel and double letter": partial(_spelling, _ends_in_vowel_with_double),
    "vowel at one end": partial(_spelling, _one_end_is_vowel),
    "first letter again": partial(_spelling, _first_comes_again),
}
