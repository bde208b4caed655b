"""Texts with a label: utterances by intent or by what they ask for, speeches, rules of spelling."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np

from sksequence.datasets import load_shakespeare

from .loaders import Data, Part, data_path, utterances

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


def _few(load: Callable[[], Part], n_per_class: int, seed: int) -> Data:
    """Draw some texts of each class for training, and keep the others for testing."""
    X, y = load()
    rng = np.random.default_rng(seed)
    parts = [rng.permutation(np.flatnonzero(y == label))[:n_per_class] for label in np.unique(y)]
    rows = np.concatenate(parts)
    others = np.setdiff1d(np.arange(len(y)), rows)
    return Data(*(([X[i] for i in part], y[part]) for part in (rows, others)))


def _all_utterances(target: str) -> Part:
    data = utterances(target)
    assert data.valid is not None
    parts = data.train, data.valid, data.test
    labels = [label for _, y in parts for label in y]
    return [x for X, _ in parts for x in X], labels if target == "slots" else np.array(labels)


def _asked_for(intent: str, slots: tuple[str, ...]) -> Part:
    """Load the utterances of an intent with exactly one of some slots, by which it is."""
    X, intents = _all_utterances("intent")
    _, tags = _all_utterances("slots")
    found = [[slot for slot in slots if f"B-{slot}" in marks] for marks in tags]
    rows = [i for i, of in enumerate(intents) if of == intent and len(found[i]) == 1]
    return [X[i] for i in rows], np.array([found[i][0] for i in rows])


def _speeches() -> Part:
    """Load the speeches of the eight characters with most of them."""
    halves = [speech.split(":\n", 1) for speech in load_shakespeare().data.split("\n\n")]
    speeches = [half for half in halves if len(half) == 2 and half[1].strip()]
    counts = Counter(name for name, _ in speeches).most_common(_N_SPEAKERS)
    chosen = [speech for speech in speeches if speech[0] in dict(counts)]
    words = [re.findall(r"[\w']+|[^\w\s]", text.lower()) for _, text in chosen]
    return words, np.array([name for name, _ in chosen])


def _speakers() -> Data:
    """Load speeches, a quarter for testing."""
    words, names = _speeches()
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
# drawn anew for each seed
FEW_WORDS: dict[str, Callable[[int], Data]] = {
    "10 utterances per intent, redrawn": partial(_few, partial(_all_utterances, "intent"), 10),
    "20 requests for weather per kind of place": partial(
        _few,
        partial(
            _asked_for,
            "GetWeather",
            ("city", "state", "country", "current_location", "geographic_poi"),
        ),
        20,
    ),
    "20 requests for music per choice": partial(
        _few,
        partial(_asked_for, "PlayMusic", ("artist", "genre", "playlist", "year", "track")),
        20,
    ),
    "20 bookings per kind of wish": partial(
        _few,
        partial(
            _asked_for,
            "BookRestaurant",
            ("cuisine", "restaurant_name", "served_dish", "facility"),
        ),
        20,
    ),
    "50 speeches per speaker": partial(_few, _speeches, 50),
}
SPELLING: dict[str, Callable[[], Data]] = {
    "vowel and double letter": partial(_spelling, _ends_in_vowel_with_double),
    "vowel at one end": partial(_spelling, _one_end_is_vowel),
    "first letter again": partial(_spelling, _first_comes_again),
}
