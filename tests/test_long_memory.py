"""Which cells remember the first of 200 steps, with equal numbers of parameters."""

import pytest
import torch

from sksequence import RNNClassifier
from sksequence._cells import build_layer
from sksequence.cells import GRU, LEM, LRU, LSTM, IndRNN, SimpleRNN
from sksequence.datasets import make_first_label

LAG = 200
# units with which a layer has about as many parameters as an LSTM of 64 units
CELLS = {
    "gru": (GRU(chrono_steps=LAG), 74),
    "indrnn": (IndRNN(chrono_steps=LAG), 398),
    "lem": (LEM(), 64),
    "lru": (LRU(r_min=0.995, r_max=0.9999), 90),
    "lstm": (LSTM(chrono_steps=LAG), 64),
    "rnn": (SimpleRNN(), 128),
}


def layer(cell, size):
    """Return one layer for the four features of the problem."""
    return build_layer(cell, 4, size, 0.0, torch.Generator())


def score(name, seed):
    """Return the accuracy at the last step; the label is shown at the first only."""
    cell, size = CELLS[name]
    X, y = make_first_label(4000, lag=LAG, random_state=seed)
    classifier = RNNClassifier(
        cell, size, frame_length=1, pooling="last", bidirectional=False, max_epochs=30,
        random_state=seed,
    ).fit(X, y)  # fmt: skip
    return classifier.score(*make_first_label(1000, lag=LAG, random_state=seed + 100))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", [name for name in CELLS if name != "rnn"])
def test_cells_with_memory_remember(name, seed):
    """Gates, chrono initialisation and slow units keep the label over 200 steps of noise."""
    assert score(name, seed) >= 0.99


@pytest.mark.slow
def test_a_simple_network_is_unreliable():
    """Its gradient vanishes on the way: some trainings find the label, others guess one of four."""
    assert min(score("rnn", seed) for seed in range(3)) <= 0.6


def test_networks_are_of_equal_size():
    """The numbers of parameters differ by at most 5 percent; IndRNN has no matrix to fill."""
    counts = {
        name: sum(
            p.numel() for p in build_layer(cell, 4, size, 0.0, torch.Generator()).parameters()
        )
        for name, (cell, size) in CELLS.items()
    }
    assert counts.pop("indrnn") < min(counts.values())
    assert max(counts.values()) <= 1.05 * min(counts.values())
