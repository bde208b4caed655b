"""Sampling loops: how a code is chosen, when a row ends, how states follow their rows."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from sksequence._decoding import Choice, choose, generate_codes, repeat_rows, roll_out
from sksequence._decoding._states import select_rows
from sksequence._random import torch_generator

PLAIN = Choice(temperature=1.0, top_k=None)
LOGITS = torch.tensor([0.5, -1.0, 2.0, 0.0])


def draws(choice, logits=LOGITS, n_rows=4000, seed=0):
    """Draw codes from one row of logits, many times."""
    return choose(logits.expand(n_rows, -1), choice, torch_generator(seed, "sample")).numpy()


def counting(n_codes):
    """Return a deterministic network: after code i it gives all its weight to i + 1; its state counts the steps."""

    def advance(codes, state):
        logits = torch.full((len(codes), n_codes), -1e9)
        logits[torch.arange(len(codes)), (codes + 1) % n_codes] = 0.0
        return logits, (state[0] + 1, (state[1][0] + codes,))

    return advance


def run(first, *, n_codes=5, max_steps=20, end=None, stops=()):
    """Generate with the counting network, one row for each first code."""
    logits = torch.full((len(first), n_codes), -1e9)
    logits[torch.arange(len(first)), torch.tensor(first)] = 0.0
    state = (torch.zeros(len(first)), (torch.zeros(len(first)),))
    generator = torch_generator(0, "sample")
    return generate_codes(
        counting(n_codes), logits, state, PLAIN,
        max_steps=max_steps, end=end, stops=stops, generator=generator,
    )  # fmt: skip


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_draws_follow_the_tempered_softmax(temperature):
    """Codes come as often as the softmax of the divided logits says."""
    codes = draws(Choice(temperature, None))
    expected = torch.softmax(LOGITS.double() / temperature, dim=0).numpy()
    assert chisquare(np.bincount(codes, minlength=4), len(codes) * expected).pvalue > 0.01


def test_top_k_leaves_the_likeliest():
    """Codes beyond the k likeliest are never drawn, the others keep their proportion."""
    codes = draws(Choice(1.0, 2))
    expected = torch.softmax(LOGITS[[0, 2]].double(), dim=0).numpy()
    assert set(codes) == {0, 2}
    assert chisquare(np.bincount(codes)[[0, 2]], len(codes) * expected).pvalue > 0.01


def test_top_k_of_one_is_greedy():
    """The likeliest code is taken, whatever the temperature."""
    assert set(draws(Choice(100.0, 1))) == {2}


def test_top_k_beyond_the_codes_restricts_nothing():
    """More than there are is all."""
    assert np.array_equal(draws(Choice(1.0, 99)), draws(PLAIN))


@pytest.mark.parametrize(("temperature", "drawn"), [(1e-300, {2}), (1e300, {0, 1, 2, 3})])
def test_extreme_temperatures(temperature, drawn):
    """The coldest is greedy, the hottest draws all alike: nothing overflows on the way."""
    assert set(draws(Choice(temperature, None))) == drawn


def test_choosing_leaves_the_logits():
    """The caller's tensor is not written to."""
    logits = LOGITS.repeat(2, 1)
    choose(logits, Choice(0.5, 2), torch_generator(0, "sample"))
    assert torch.equal(logits, LOGITS.repeat(2, 1))


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


def test_states_keep_to_their_rows():
    """Rows of every part of a nested state are selected and repeated alike."""
    state = (torch.arange(3.0), (torch.arange(6.0).reshape(3, 2),))
    kept = select_rows(state, torch.tensor([2, 0]))
    assert kept[0].tolist() == [2, 0]
    assert kept[1][0].tolist() == [[4, 5], [0, 1]]
    assert repeat_rows(state, 2)[1][0].tolist() == [[0, 1], [0, 1], [2, 3], [2, 3], [4, 5], [4, 5]]


def test_roll_out_feeds_back_what_it_drew():
    """Each value drawn is the next input, and the state goes along."""

    def advance(values, state):
        return values + state[0], (state[0] + 1,)

    start = torch.zeros(1, 1)
    path = roll_out(advance, start, (torch.ones(1, 1),), lambda out: out * 2, n_steps=4)
    # drawn 0; 2 (0 + 1); 2 (2 + 2); 2 (8 + 3)
    assert path.flatten().tolist() == [0, 2, 8, 22]
    assert path.shape == (1, 4, 1)
