"""Rules behind "auto": sizes of training and networks, frames, seasons and scales of series."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence._tasks._defaults import (
    automatic_batch_size,
    automatic_batch_steps,
    automatic_frame_length,
    automatic_frame_step,
    automatic_generator_size,
    automatic_lag,
    automatic_own_scale,
    category_dims,
)
from tests.helpers import seasonal_series

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=20)
RANDOM = np.random.RandomState(0)


# --- sizes of training ---------------------------------------------------------------------------


@given(n=st.integers(1, 10**6), n_steps=st.integers(1, 10**6), width=st.integers(1, 10**4))
def test_automatic_batches_are_bounded(n, n_steps, width):
    """More sequences make larger batches, longer or wider ones smaller batches."""
    size = automatic_batch_size(n, n_steps, width)
    assert size == 1 or size * n_steps <= 32768
    assert size == 1 or size * n_steps * width <= 1 << 22
    assert size <= automatic_batch_size(n) <= automatic_batch_size(2 * n)
    assert automatic_batch_size(n, n_steps + 1, width) <= size
    if n <= 4096 and n_steps <= 1024 and width * n_steps <= 1 << 17:
        assert size == 32
    assert automatic_batch_steps(width) * min(width, 1 << 22) <= 1 << 23


# --- sizes of the network ------------------------------------------------------------------------


def test_embeddings_of_categories_are_narrow():
    """The width is the square root of the number of categories, up to 32, or the one given."""
    assert category_dims(None, (1, 2, 4, 11, 101, 5000)) == (1, 1, 2, 3, 10, 32)
    assert category_dims(7, (2, 5000)) == (7, 7)
    assert category_dims(None, ()) == ()


def test_width_follows_the_number_of_symbols():
    """From half a million symbols on, the network is wider."""
    assert automatic_generator_size(499_999) == 128
    assert automatic_generator_size(500_000) == 256


def test_few_numbers_have_a_narrow_network():
    """Dropout is lower from 500 and 20,000 numbers on, states are wider from 20,000 on."""
    for shape, width, dropout in (
        ((1, 499, 1), 64, 0.8),
        ((5, 50, 2), 64, 0.5),
        ((100, 100, 1), 64, 0.5),
        ((100, 100, 2), 128, 0.2),
    ):
        X = np.random.RandomState(0).randn(*shape)
        model = SequenceGenerator(max_epochs=1, random_state=0).fit(X)
        assert (model.hidden_size_, model.dropout_) == (width, dropout)


# --- frames --------------------------------------------------------------------------------------


@given(lengths=LENGTHS)
def test_automatic_frames_grow_with_length(lengths):
    """Short sequences have no frames, long ones have frames of 12 to 48 steps."""
    length = automatic_frame_length(np.array(lengths) * 50)
    assert length == 1 or 12 <= length <= 48
    assert 1 <= automatic_frame_step(length) <= length
    assert automatic_frame_length(np.array([12])) == 1


def test_automatic_frames_are_finer_with_many_sequences():
    """Beyond 4096 sequences, or with categories, they are a twelfth, except in a forecast."""
    few, many = np.full(4096, 96), np.full(4097, 96)
    assert [automatic_frame_length(n) for n in (few, many)] == [24, 8]
    assert automatic_frame_length(many, forecast=True) == 24
    assert automatic_frame_length(few, holds_categories=True) == 8
    assert automatic_frame_step(24, forecast=True) == 24


# --- series --------------------------------------------------------------------------------------


def chosen(X):
    """Return the lag and the scale that the rules choose."""
    sequences = Sequences.from_arrays(list(X))
    lag = automatic_lag(sequences, sequences.values)
    return lag, automatic_own_scale(sequences, sequences.values, lag)


def test_rules_find_seasons_sizes_and_levels():
    """Seasonal series, random walks of one scale and of many, noise around a level, short ones."""
    walks = np.cumsum(RANDOM.randn(20, 60, 1), axis=1)
    assert chosen(seasonal_series(20, 48, RANDOM)[:, :, None]) == (6, True)
    assert chosen([walk[: 30 + i] for i, walk in enumerate(walks)]) == (1, False)
    assert chosen(walks * np.exp(RANDOM.randn(20, 1, 1))) == (1, True)
    assert chosen(5 + RANDOM.randn(20, 60, 1)) == (None, False)
    assert chosen(RANDOM.randn(3, 1, 1)) == (None, False)
    assert chosen(np.ones((3, 8, 1))) == (1, False)


# --- what was selected ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "X", "y", "names"),
    [
        (
            RNNClassifier("gru", hidden_size=4, max_epochs=1, random_state=0),
            np.random.RandomState(0).randn(12, 6),
            np.arange(12) % 2,
            "bidirectional dropout loss batch_size frame_length frame_step target",
        ),
        (
            RNNRegressor("gru", hidden_size=4, random_state=0, residual="last"),
            np.random.RandomState(0).randn(12, 6),
            np.arange(12.0),
            "bidirectional loss max_epochs batch_size frame_length frame_step target",
        ),
        (
            SequenceGenerator("gru", max_epochs=1, random_state=0),
            ["to be", "or not"],
            None,
            "hidden_size dropout embedding_dim loss batch_size",
        ),
        (
            SequenceGenerator("gru", hidden_size=4, max_epochs=1, random_state=0),
            [np.arange(6.0), np.arange(7.0)],
            None,
            "dropout loss batch_size scale residual",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:On windows that it was not trained on")  # it is hardly trained
def test_what_auto_selected_is_reported(estimator, X, y, names):
    """One attribute has all selected values, and those of the other attributes agree with it."""
    estimator.fit(X, y)
    assert set(estimator.auto_params_) == set(names.split())
    for name, value in estimator.auto_params_.items():
        assert value == getattr(estimator, f"{name}_", value)
        assert value not in ("auto", None)
    # with these values as parameters there is nothing to select, and the fit is the same
    given = clone(estimator).set_params(**estimator.auto_params_).fit(X, y)
    assert given.auto_params_ == {}
    assert given.loss_curve_ == estimator.loss_curve_
    assert estimator.hidden_size_ == estimator.module_.spec.hidden_size
    assert estimator.dropout_ == estimator.module_.spec.dropout
