"""Decoding loops: how a code is chosen, when a row ends, how states follow their rows."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from scipy.stats import chisquare

from sksequence._decoding import (
    Beams,
    Choice,
    Drawer,
    Ends,
    Uniforms,
    choose,
    roll_out,
    search_beams,
)
from sksequence._decoding._choice import truncate
from sksequence._decoding._states import select_rows

PLAIN = Choice()
LOGITS = np.array([0.5, -1.0, 2.0, 0.0])


def draws(choice, logits=LOGITS, n_rows=4000, seed=0):
    """Draw codes from one row of logits, many times."""
    uniforms = np.random.default_rng(seed).random(n_rows)
    return choose(np.tile(logits, (n_rows, 1)), uniforms, choice)


class Table:
    """A network that is a table of logits: those after code i stand in row i, the last row begins.

    The number of steps is its state.
    """

    def __init__(self, table, first):
        self.table, self.steps = np.asarray(table, dtype=np.float32), np.zeros(len(first))
        self.logits = self.table[list(first)]

    def advance(self, codes):
        """Go on by one code a row."""
        self.logits, self.steps = self.table[codes], self.steps + 1

    def select(self, rows):
        """Keep some rows."""
        self.logits, self.steps = self.logits[rows], self.steps[rows]


def counting(first, n_codes=5):
    """Return a deterministic network: after code i it gives all its weight to i + 1."""
    table = np.full((n_codes, n_codes), -1e9)
    table[np.arange(n_codes), (np.arange(n_codes) + 1) % n_codes] = 0.0
    return Table(table, [(code - 1) % n_codes for code in first])


def drawer(stepper, choice=PLAIN, *, prompts=None, seed=0, max_steps=20, end=None, stops=()):
    """Get ready to draw, a stream a row."""
    n_rows = len(stepper.logits)
    uniforms = Uniforms(seed, [(0, i) for i in range(n_rows)])
    return Drawer(stepper, choice, uniforms, prompts or [[]] * n_rows, Ends(max_steps, end, stops))


def run(first, **ends):
    """Generate with the counting network, one row for each first code."""
    return drawer(counting(first), **ends).finish()


# --- one choice -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_draws_follow_the_tempered_softmax(temperature):
    """Codes come as often as the softmax of the divided logits says."""
    codes = draws(Choice(temperature))
    expected = softmax(LOGITS / temperature)
    assert chisquare(np.bincount(codes, minlength=4), len(codes) * expected).pvalue > 0.01


def test_top_k_leaves_the_likeliest():
    """Codes beyond the k likeliest are never drawn, the others keep their proportion."""
    codes = draws(Choice(top_k=2))
    assert set(codes) == {0, 2}
    expected = len(codes) * softmax(LOGITS[[0, 2]])
    assert chisquare(np.bincount(codes)[[0, 2]], expected).pvalue > 0.01


def test_top_k_of_one_is_greedy():
    """The likeliest code is taken, whatever the temperature."""
    assert set(draws(Choice(100.0, top_k=1))) == {2}


@pytest.mark.parametrize(
    "neutral", [{"top_k": 99}, {"top_p": 1}, {"min_p": 0}, {"typical_p": 1.0}], ids=str
)
def test_neutral_rules_restrict_nothing(neutral):
    """What leaves all codes in leaves the draws as they are."""
    assert np.array_equal(draws(Choice(**neutral)), draws(PLAIN))


@pytest.mark.parametrize(("temperature", "drawn"), [(1e-300, {2}), (1e300, {0, 1, 2, 3})])
def test_extreme_temperatures(temperature, drawn):
    """The coldest is greedy, the hottest draws all alike: nothing overflows on the way."""
    assert set(draws(Choice(temperature))) == drawn


def kept(p, **rule):
    """Return which codes a rule leaves, of probabilities."""
    return np.flatnonzero(np.isfinite(truncate(np.log([p]), Choice(**rule))[0])).tolist()


def test_top_p_keeps_the_fewest_that_have_the_mass():
    """The code that reaches the mass is the last one; the temperature comes before."""
    p = [0.1, 0.5, 0.25, 0.15]
    assert kept(p, top_p=0.5) == [1]
    assert kept(p, top_p=0.51) == [1, 2]
    assert kept(p, top_p=0.76) == [1, 2, 3]
    assert kept(p, top_p=0.51, temperature=0.1) == [1]
    assert kept(p, top_p=1e-9) == [1]


def test_min_p_is_a_share_of_the_likeliest():
    """A code at the share stays."""
    assert kept([0.1, 0.4, 0.3, 0.2], min_p=0.6) == [1, 2]
    assert kept([0.1, 0.4, 0.3, 0.2], min_p=1) == [1]


def test_typical_p_may_rule_the_likeliest_out():
    """The surprise of 0.2 is nearest to the entropy of this distribution, 1.75 nats."""
    p = [0.35, *[0.2] * 2, *[0.05] * 5]
    assert kept(p, typical_p=0.3) == [1, 2]
    assert kept(p, typical_p=0.5) == [0, 1, 2]


@given(
    st.lists(st.floats(-20, 20), min_size=1, max_size=9),
    st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(1e-3, 1e3),
            "top_k": st.integers(1, 12),
            "top_p": st.floats(1e-6, 1),
            "min_p": st.floats(0, 1),
            "typical_p": st.floats(1e-6, 1),
        },
    ),
    st.floats(0, 1, exclude_max=True),
)
def test_something_always_stays(logits, rules, uniform):
    """Whatever the rules, a code is drawn, and one that they leave in."""
    choice = Choice(**rules)
    code = choose(np.array([logits]), np.array([uniform]), choice)[0]
    assert np.isfinite(truncate(np.array([logits]), choice)[0, code])


def test_choosing_leaves_the_logits():
    """The caller's array is not written to."""
    logits = np.tile(LOGITS, (2, 1))
    choose(logits, np.array([0.1, 0.9]), Choice(0.5, top_k=2))
    assert np.array_equal(logits, np.tile(LOGITS, (2, 1)))


# --- randomness -------------------------------------------------------------------------------------------------------


def test_streams_are_independent_of_the_others():
    """A named stream gives the same numbers alone and among others, whatever was taken from those."""
    among, alone = Uniforms(3, [(0, 0), (0, 1), (1, 0)]), Uniforms(3, [(0, 1)])
    expected = [alone.one(np.array([0]))[0] for _ in range(150)]
    among.spend(np.array([0]), 7)
    for i, number in enumerate(expected):
        rows = np.array([2, 1]) if i % 3 else np.array([1])
        assert number in among.one(rows)


def test_streams_differ():
    """Neither seeds nor names share numbers."""
    numbers = [Uniforms(seed, [(0, 0), (0, 1), (1, 0)]).one(np.arange(3)) for seed in (0, 1)]
    assert len(np.unique(numbers)) == 6


# --- rows -------------------------------------------------------------------------------------------------------------


def test_rows_end_at_the_end_code():
    """The end is not part of a row, and the other rows go on with their own state."""
    assert run([0, 3, 4, 2], end=4) == [[0, 1, 2, 3], [3], [], [2, 3]]


def test_rows_end_at_a_stop_of_several_codes():
    """A stop is part of its row; a code of it alone ends nothing."""
    assert run([0, 3], stops=[[2, 3], [4]]) == [[0, 1, 2, 3], [3, 4]]


def test_stop_does_not_reach_before_the_new_codes():
    """A row shorter than the stop cannot end with it."""
    assert run([3], stops=[[2, 3]]) == [[3, 4, 0, 1, 2, 3]]


def test_max_steps():
    """A row without an end has as many codes as asked for."""
    assert run([0], max_steps=7) == [[0, 1, 2, 3, 4, 0, 1]]


def test_one_by_one_yields_what_finishes():
    """A row comes code by code, the stop included."""
    assert list(drawer(counting([0]), stops=[[2, 3]]).one_by_one()) == [0, 1, 2, 3]


def test_no_repeat_counts_the_prompt():
    """After 0 the pair with 1 has been; once all have been the row ends, and an end may always come."""
    table = np.log([[0.1, 0.6, 0.3], [0.6, 0.1, 0.3], [0.5, 0.3, 0.2]])
    pairs = Choice(top_k=1, no_repeat_ngram_size=2)
    assert drawer(Table(table, [0]), pairs, prompts=[[0, 1, 0]]).finish() == [[2, 0, 0]]
    single = Choice(top_k=1, no_repeat_ngram_size=1)
    assert drawer(Table(table, [0]), single, prompts=[[0]]).finish() == [[1, 2]]
    assert drawer(Table(table, [0]), single, prompts=[[0, 2]], end=2).finish() == [[1]]


def test_no_repeat_tells_unknown_symbols_apart():
    """What followed one unknown symbol may follow another."""
    table = np.log([[0.1, 0.6, 0.3], [0.6, 0.1, 0.3], [0.5, 0.3, 0.2]])
    pairs = Choice(top_k=1, no_repeat_ngram_size=2)
    for prompt, code in [([-1, 1, -2], 1), ([-1, 1, -1], 2)]:
        rows = drawer(Table(table, [0]), pairs, prompts=[prompt], max_steps=1).finish()
        assert rows == [[code]]


def test_repetition_penalty_weakens_what_occurred():
    """A positive logit is divided and a negative one multiplied; unknown symbols of the prompt count for nothing."""
    table = np.array([[2.0, 1.5], [-1.0, -1.5]])
    weak, strong = Choice(top_k=1, repetition_penalty=1.3), Choice(top_k=1, repetition_penalty=1.6)
    for first in (0, 1):
        for choice, code in [(weak, 0), (strong, 1)]:
            rows = drawer(Table(table, [first]), choice, prompts=[[0, -1]], max_steps=1).finish()
            assert rows == [[code]]


# --- beams ------------------------------------------------------------------------------------------------------------


def likelihoods(table, n_steps, end):
    """Return log p of every row of at most so many codes, by brute force."""
    logp = log_softmax(np.asarray(table, dtype=np.float32).astype(np.float64), axis=1)
    n_codes = len(table)
    found = {}
    for length in range(n_steps + 1):
        for row in itertools.product([c for c in range(n_codes) if c != end], repeat=length):
            path = [*row, end] if length < n_steps else row
            steps = itertools.pairwise([n_codes - 1, *path])
            found[row] = sum(logp[before, after] for before, after in steps)
    return found


def search(table, beams, *, choice=PLAIN, **ends):
    """Search with a table, from its last row."""
    return search_beams(Table(table, [len(table) - 1]), beams, choice, [], Ends(**ends))


@pytest.mark.parametrize("seed", range(8))
def test_enough_beams_find_the_likeliest(seed):
    """With as many beams as there are prefixes the search is exhaustive."""
    table = np.random.default_rng(seed).normal(size=(4, 4)) * 2
    expected = likelihoods(table, 4, end=3)
    best = sorted(expected, key=expected.get, reverse=True)
    found = search(table, Beams(3**4), max_steps=4, end=3)
    assert [tuple(row) for row in found[:9]] == best[:9]


@pytest.mark.parametrize("seed", range(8))
def test_one_beam_is_greedy(seed):
    """The likeliest code each time, until it is the end."""
    table = np.random.default_rng(seed).normal(size=(5, 5)) * 2
    greedy = drawer(Table(table, [4]), Choice(top_k=1), max_steps=12, end=2).finish()
    assert search(table, Beams(1), max_steps=12, end=2) == greedy


def test_length_penalty_prefers_longer_rows():
    """Likely but short loses against long once the length counts."""
    table = np.log([[0.6, 0.4], [0.5, 0.5]])
    assert search(table, Beams(3), max_steps=6, end=1)[0] == []
    assert search(table, Beams(3, 4.0), max_steps=6, end=1)[0] == [0] * 6


def test_beams_look_back():
    """No code twice, in a search as in a draw; a prefix that nothing may follow has ended."""
    table = np.log([[0.1, 0.6, 0.3], [0.6, 0.1, 0.3], [0.5, 0.3, 0.2]])
    rows = search(table, Beams(4), choice=Choice(no_repeat_ngram_size=1), max_steps=9)
    assert len(rows) == 4
    assert all(sorted(row) == [0, 1, 2] for row in rows)


# --- states -----------------------------------------------------------------------------------------------------------


def test_states_keep_to_their_rows():
    """Rows of every part of a nested state are selected alike."""
    state = (torch.arange(3.0), (torch.arange(6.0).reshape(3, 2),))
    kept = select_rows(state, torch.tensor([2, 0]))
    assert kept[0].tolist() == [2, 0]
    assert kept[1][0].tolist() == [[4, 5], [0, 1]]


def test_roll_out_feeds_back_what_it_drew():
    """Each value drawn is the next input, and the state goes along."""
    path = []

    def advance(inputs, state):
        return torch.from_numpy(inputs) + state[0], (state[0] + 1,)

    def draw(outputs, step):
        assert step == len(path)
        return outputs.numpy() * 2

    def feed(values):
        path.append(float(values.item()))
        return values

    roll_out(advance, torch.zeros(1, 1), (torch.ones(1, 1),), draw, feed, n_steps=4)
    # drawn 0; 2 (0 + 1); 2 (2 + 2); 2 (8 + 3)
    assert path == [0, 2, 8, 22]
