"""Sampling of symbols and beam search: rules, random streams, ends of rows."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from scipy.stats import chisquare

from sksequence._language import SamplingRules
from sksequence._language._beam_search import Beams, search_beams
from sksequence._language._sampling import Sampler, StoppingCriteria, UniformStreams, choose
from sksequence._language._sampling_rules import truncate

PLAIN = SamplingRules()
LOGITS = np.array([0.5, -1.0, 2.0, 0.0])


def draws(rules, logits=LOGITS, n_rows=4000, seed=0):
    """Sample codes from one row of logits, many times."""
    uniforms = np.random.default_rng(seed).random(n_rows)
    return choose(np.tile(logits, (n_rows, 1)), uniforms, rules)


class Table:
    """Network whose logits are a table: row i follows code i, and the last row comes first.

    Its state is the number of steps.
    """

    def __init__(self, table, first):
        self.table, self.steps = np.asarray(table, dtype=np.float32), np.zeros(len(first))
        self.logits = self.table[list(first)]

    def advance(self, codes):
        """Go on by one code per row."""
        self.logits, self.steps = self.table[codes], self.steps + 1

    def select(self, rows):
        """Keep some rows."""
        self.logits, self.steps = self.logits[rows], self.steps[rows]


def counting(first, n_codes=5):
    """Return a deterministic network: code i is followed by code i + 1."""
    table = np.full((n_codes, n_codes), -1e9)
    table[np.arange(n_codes), (np.arange(n_codes) + 1) % n_codes] = 0.0
    return Table(table, [(code - 1) % n_codes for code in first])


def sampler(stepper, rules=PLAIN, *, prompts=None, seed=0, max_steps=20, end=None, stops=()):
    """Return a sampler with one stream per row."""
    n_rows = len(stepper.logits)
    streams = UniformStreams(seed, [(0, i) for i in range(n_rows)])
    criteria = StoppingCriteria(max_steps, end, stops)
    return Sampler(stepper, rules, streams, prompts or [[]] * n_rows, criteria)


def run(first, **criteria):
    """Generate with the counting network, one row for each first code."""
    return sampler(counting(first), **criteria).finish()


# --- one choice ----------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_samples_follow_the_tempered_softmax(temperature):
    """Codes have the probabilities of the softmax of logits over the temperature."""
    codes = draws(SamplingRules(temperature))
    expected = softmax(LOGITS / temperature)
    assert chisquare(np.bincount(codes, minlength=4), len(codes) * expected).pvalue > 0.01


def test_top_k_leaves_the_likeliest():
    """Only the k most probable codes are sampled, in unchanged proportions."""
    codes = draws(SamplingRules(top_k=2))
    assert set(codes) == {0, 2}
    expected = len(codes) * softmax(LOGITS[[0, 2]])
    assert chisquare(np.bincount(codes)[[0, 2]], expected).pvalue > 0.01


def test_top_k_of_one_is_greedy():
    """The most probable code is taken at any temperature."""
    assert set(draws(SamplingRules(100.0, top_k=1))) == {2}


@pytest.mark.parametrize(
    "neutral", [{"top_k": 99}, {"top_p": 1}, {"min_p": 0}, {"typical_p": 1.0}], ids=str
)
def test_neutral_rules_restrict_nothing(neutral):
    """Rules that exclude nothing do not change the samples."""
    assert np.array_equal(draws(SamplingRules(**neutral)), draws(PLAIN))


@pytest.mark.parametrize(("temperature", "drawn"), [(1e-300, {2}), (1e300, {0, 1, 2, 3})])
def test_extreme_temperatures(temperature, drawn):
    """Very low is greedy, very high is uniform; nothing overflows."""
    assert set(draws(SamplingRules(temperature))) == drawn


def kept(p, **rule):
    """Return the codes that a rule keeps, given their probabilities."""
    return np.flatnonzero(np.isfinite(truncate(np.log([p]), SamplingRules(**rule))[0])).tolist()


def test_top_p_keeps_the_fewest_that_have_the_mass():
    """The code that completes the mass is kept; the temperature is applied first."""
    p = [0.1, 0.5, 0.25, 0.15]
    assert kept(p, top_p=0.5) == [1]
    assert kept(p, top_p=0.51) == [1, 2]
    assert kept(p, top_p=0.76) == [1, 2, 3]
    assert kept(p, top_p=0.51, temperature=0.1) == [1]
    assert kept(p, top_p=1e-9) == [1]


def test_min_p_is_a_fraction_of_the_highest_probability():
    """A code with exactly that fraction is kept."""
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
    """Any rules leave at least one code, and a code that they keep is sampled."""
    rules = SamplingRules(**rules)
    code = choose(np.array([logits]), np.array([uniform]), rules)[0]
    assert np.isfinite(truncate(np.array([logits]), rules)[0, code])


def test_choosing_leaves_the_logits():
    """The caller's array is not changed."""
    logits = np.tile(LOGITS, (2, 1))
    choose(logits, np.array([0.1, 0.9]), SamplingRules(0.5, top_k=2))
    assert np.array_equal(logits, np.tile(LOGITS, (2, 1)))


# --- randomness ----------------------------------------------------------------------------------


def test_streams_are_independent_of_the_others():
    """A stream gives the same numbers alone and with others, whatever those have used."""
    among, alone = UniformStreams(3, [(0, 0), (0, 1), (1, 0)]), UniformStreams(3, [(0, 1)])
    expected = [alone.one(np.array([0]))[0] for _ in range(150)]
    among.spend(np.array([0]), 7)
    for i, number in enumerate(expected):
        rows = np.array([2, 1]) if i % 3 else np.array([1])
        assert number in among.one(rows)


def test_streams_differ():
    """Streams of other seeds or names have other numbers."""
    numbers = [UniformStreams(seed, [(0, 0), (0, 1), (1, 0)]).one(np.arange(3)) for seed in (0, 1)]
    assert len(np.unique(numbers)) == 6


# --- rows ----------------------------------------------------------------------------------------


def test_rows_end_at_the_end_code():
    """The end is not part of a row; other rows keep their states."""
    assert run([0, 3, 4, 2], end=4) == [[0, 1, 2, 3], [3], [], [2, 3]]


def test_rows_end_at_a_stop_of_several_codes():
    """A stop mark is part of its row; a single code of it ends nothing."""
    assert run([0, 3], stops=[[2, 3], [4]]) == [[0, 1, 2, 3], [3, 4]]


def test_stop_does_not_count_the_prompt():
    """A row with fewer new codes than the stop mark cannot end with it."""
    assert run([3], stops=[[2, 3]]) == [[3, 4, 0, 1, 2, 3]]


def test_max_steps():
    """A row without an end has `max_steps` codes."""
    assert run([0], max_steps=7) == [[0, 1, 2, 3, 4, 0, 1]]


def test_one_by_one_yields_what_finishes():
    """Codes that are yielded one by one are those of the whole row, stop mark included."""
    assert list(sampler(counting([0]), stops=[[2, 3]]).one_by_one()) == [0, 1, 2, 3]


def test_no_repeat_counts_the_prompt():
    """A pair occurs once; a row ends if all pairs are used, and it may always end."""
    table = np.log([[0.1, 0.6, 0.3], [0.6, 0.1, 0.3], [0.5, 0.3, 0.2]])
    pairs = SamplingRules(top_k=1, no_repeat_ngram_size=2)
    assert sampler(Table(table, [0]), pairs, prompts=[[0, 1, 0]]).finish() == [[2, 0, 0]]
    single = SamplingRules(top_k=1, no_repeat_ngram_size=1)
    assert sampler(Table(table, [0]), single, prompts=[[0]]).finish() == [[1, 2]]
    assert sampler(Table(table, [0]), single, prompts=[[0, 2]], end=2).finish() == [[1]]


def test_no_repeat_distinguishes_unknown_symbols():
    """Different unknown symbols may be followed by the same code."""
    table = np.log([[0.1, 0.6, 0.3], [0.6, 0.1, 0.3], [0.5, 0.3, 0.2]])
    pairs = SamplingRules(top_k=1, no_repeat_ngram_size=2)
    for prompt, code in [([-1, 1, -2], 1), ([-1, 1, -1], 2)]:
        rows = sampler(Table(table, [0]), pairs, prompts=[prompt], max_steps=1).finish()
        assert rows == [[code]]


def test_repetition_penalty_weakens_what_occurred():
    """Positive logits are divided and negative ones multiplied; unknown symbols do not count."""
    table = np.array([[2.0, 1.5], [-1.0, -1.5]])
    weak, strong = (
        SamplingRules(top_k=1, repetition_penalty=1.3),
        SamplingRules(top_k=1, repetition_penalty=1.6),
    )
    for first in (0, 1):
        for rules, code in [(weak, 0), (strong, 1)]:
            rows = sampler(Table(table, [first]), rules, prompts=[[0, -1]], max_steps=1).finish()
            assert rows == [[code]]


# --- beams ---------------------------------------------------------------------------------------


def likelihoods(table, n_steps, end):
    """Return log p of every row of at most `n_steps` codes, by brute force."""
    logp = log_softmax(np.asarray(table, dtype=np.float32).astype(np.float64), axis=1)
    n_codes = len(table)
    found = {}
    for length in range(n_steps + 1):
        for row in itertools.product([c for c in range(n_codes) if c != end], repeat=length):
            path = [*row, end] if length < n_steps else row
            steps = itertools.pairwise([n_codes - 1, *path])
            found[row] = sum(logp[before, after] for before, after in steps)
    return found


def search(table, beams, *, rules=PLAIN, **criteria):
    """Search with a table, from its last row."""
    first = Table(table, [len(table) - 1])
    return search_beams(first, beams, rules, [], StoppingCriteria(**criteria))


@pytest.mark.parametrize("seed", range(8))
def test_enough_beams_find_the_likeliest(seed):
    """With as many beams as prefixes, the search is exhaustive."""
    table = np.random.default_rng(seed).normal(size=(4, 4)) * 2
    expected = likelihoods(table, 4, end=3)
    best = sorted(expected, key=expected.get, reverse=True)
    found = search(table, Beams(3**4), max_steps=4, end=3)
    assert [tuple(row) for row in found[:9]] == best[:9]


@pytest.mark.parametrize("seed", range(8))
def test_one_beam_is_greedy(seed):
    """A single beam takes the most probable code until the end."""
    table = np.random.default_rng(seed).normal(size=(5, 5)) * 2
    greedy = sampler(Table(table, [4]), SamplingRules(top_k=1), max_steps=12, end=2).finish()
    assert search(table, Beams(1), max_steps=12, end=2) == greedy


def test_length_penalty_prefers_longer_rows():
    """A short probable row loses to a long one with a large penalty."""
    table = np.log([[0.6, 0.4], [0.5, 0.5]])
    assert search(table, Beams(3), max_steps=6, end=1)[0] == []
    assert search(table, Beams(3, 4.0), max_steps=6, end=1)[0] == [0] * 6


def test_beams_look_back():
    """No code occurs twice in a search; a prefix that nothing may follow has ended."""
    table = np.log([[0.1, 0.6, 0.3], [0.6, 0.1, 0.3], [0.5, 0.3, 0.2]])
    rows = search(table, Beams(4), rules=SamplingRules(no_repeat_ngram_size=1), max_steps=9)
    assert len(rows) == 4
    assert all(sorted(row) == [0, 1, 2] for row in rows)
