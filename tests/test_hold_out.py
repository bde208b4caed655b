"""The parts held out at the end: no training window or its target reaches into them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sksequence import RNNRegressor, Sequences
from sksequence._base._hold_out import hold_out
from sksequence._tasks import Targets
from sksequence._tasks._newest_windows import newest_windows
from sksequence.preprocessing import make_windows


def hold_out_last(X, y, fraction, *, ordered=True, **options):
    """Return the training and the validation rows of a split at the end."""
    targets = Targets(None, y, np.ones(len(y), dtype=bool), **{"container": None} | options)
    regressor = RNNRegressor(
        shuffle=not ordered,
        early_stopping=True,
        validation_fraction=fraction,
        validation_split="last",
    )
    training = regressor._settings().training
    split = hold_out(Sequences.from_arrays(list(X)), targets, None, training, seed=0)
    return split.training, split.validation


def windows(size, horizon, step, n_windows):
    """Return windows of the numbers 0, 1, ... with the numbers that follow each."""
    series = np.arange(size + horizon + step * (n_windows - 1), dtype=float)
    X, y = make_windows(series, size, horizon, step=step)
    assert len(X) == n_windows
    return X, np.reshape(y, (n_windows, -1))


@given(
    size=st.integers(3, 12),
    horizon=st.integers(1, 5),
    step=st.integers(1, 10),
    fraction=st.sampled_from([0.1, 0.25, 0.5]),
)
def test_gap_is_as_long_as_the_overlap(size, horizon, step, fraction):
    """Training windows and targets end where the validation part begins; the next ones do not."""
    step = min(step, size - 2)  # windows that share two steps or more are recognised
    X, y = windows(size, horizon, step, n_windows=40)
    training, validation = hold_out_last(X, y, fraction)
    first = 40 - round(fraction * 40)
    assert validation.tolist() == list(range(first, 40))
    assert training.tolist() == list(range(len(training)))
    start = X[first].min()
    assert all(y[i].max() < start for i in training)
    assert y[len(training)].max() >= start
    assert len(training) < first


def test_gap_by_hand():
    """With windows of 8, 2 apart, and targets of 2 steps, 4 overlap the validation part."""
    X, y = windows(8, 2, 2, n_windows=20)
    training, validation = hold_out_last(X, y, 0.25)
    assert training.tolist() == list(range(11))
    assert validation.tolist() == list(range(15, 20))


@pytest.mark.parametrize("step", [1, 2, 3, 4, 6])
def test_targets_per_step_end_with_their_window(step):
    """Their width is not a horizon: no labelled step is in both parts, and the gap is shortest."""
    X, _ = windows(8, 1, step, n_windows=40)
    training, validation = hold_out_last(X, np.zeros((X.size, 3)), 0.25, container="list")
    assert training.tolist() == list(range(len(training)))
    assert X[training].max() < X[validation].min() <= X[len(training)].max()


@pytest.mark.parametrize("ordered", [False, True])
def test_order_of_training_does_not_move_the_gap(ordered):
    """With shuffling, the rows of both parts are the same in another order."""
    X, y = windows(6, 1, 2, n_windows=20)
    training, validation = hold_out_last(X, y, 0.2, ordered=ordered)
    assert sorted(training) == list(range(13))
    assert sorted(validation) == list(range(16, 20))
    assert (training.tolist() == sorted(training)) == ordered


@pytest.mark.parametrize(
    ("X", "options"),
    [
        (np.random.RandomState(0).randn(20, 6), {}),
        ([np.arange(3.0 + i) for i in range(20)], {}),
        (np.arange(120.0).reshape(20, 6), {}),
        (windows(6, 1, 1, n_windows=20)[0], {"sources": np.zeros(20, dtype=int)}),
    ],
    ids=["unrelated", "ragged", "end to end", "pieces of our own"],
)
def test_no_gap_where_nothing_overlaps(X, options):
    """All rows before the validation part are for training."""
    training, validation = hold_out_last(X, np.zeros(20), 0.2, **options)
    assert training.tolist() == list(range(16))
    assert validation.tolist() == list(range(16, 20))


def test_gap_that_leaves_nothing_is_an_error():
    """Windows that all overlap cannot be split."""
    X, y = windows(20, 1, 1, n_windows=10)
    with pytest.raises(ValueError, match="0 would be for training and 2 for validation"):
        hold_out_last(X, y, 0.2)


# --- the newest windows of each series -----------------------------------------------------------


def noisy_windows(lengths, size, horizon, step):
    """Return windows of several series, the series of each, and when its target begins."""
    random, parts = np.random.RandomState(0), []
    for i, n in enumerate(lengths):
        X, _ = make_windows(random.randn(n), size, horizon, step=step)
        parts.append((X[:, :, None], np.full(len(X), i), size + step * np.arange(len(X))))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


@given(
    lengths=st.lists(st.integers(40, 120), min_size=1, max_size=4),
    size=st.integers(3, 12),
    horizon=st.integers(1, 8),
    step=st.integers(1, 3),
    fraction=st.sampled_from([0.1, 0.3]),
)
def test_newest_windows_are_those_of_each_series(lengths, size, horizon, step, fraction):
    """Targets of older windows end before those of newer windows of the same series begin."""
    step = min(step, size - 2)
    X, series, starts = noisy_windows(lengths, size, horizon, step)
    rows = np.arange(len(X))
    older, newest = newest_windows(Sequences.from_arrays(list(X)), rows, horizon, fraction)
    if not len(newest):
        assert fraction * len(X) < 8
        return
    expected = max(4, fraction * len(X), min(3 * horizon / step, 0.15 * len(X)))
    assert abs(len(newest) - expected) <= len(lengths)
    for i in range(len(lengths)):
        own, old, new = (part[series[part] == i] for part in (rows, older, newest))
        assert new.tolist() == own[len(own) - len(new) :].tolist()
        first = starts[new].min(initial=10**6)
        expected = [row for row in own if starts[row] + horizon <= first]
        assert old.tolist() == expected


@pytest.mark.parametrize(
    ("n_windows", "n_newest"), [(999, 100), (1000, 250), (2000, 500), (4000, 500), (6000, 600)]
)
def test_several_hundred_of_many_windows_are_taken(n_windows, n_newest):
    """Gains of a few per cent do not show in fewer; no more than a quarter are taken."""
    X, _ = make_windows(np.random.RandomState(0).randn(n_windows + 6), 6)
    rows = np.arange(len(X))
    _, newest = newest_windows(Sequences.from_arrays(list(X[:, :, None])), rows, 1, 0.1)
    assert len(X) == n_windows
    assert len(newest) == n_newest


def test_repeated_and_missing_windows_change_no_part():
    """Parts are found by content: rows that stand twice or are left out move no border."""
    X, _, _ = noisy_windows([80, 60], 8, 2, 1)
    counts = np.random.RandomState(1).randint(0, 4, len(X))
    kept = np.flatnonzero(counts)
    repeated = np.repeat(np.arange(len(X)), counts)
    plain = newest_windows(Sequences.from_arrays(list(X)), kept, 2, 0.2)
    other = newest_windows(
        Sequences.from_arrays(list(X[repeated])), np.arange(len(repeated)), 2, 0.2
    )
    for rows, rows_of_repeated in zip(plain, other, strict=True):
        assert np.unique(repeated[rows_of_repeated]).tolist() == rows.tolist()


@pytest.mark.parametrize(
    "X",
    [np.random.RandomState(0).randn(40, 6, 1), [np.arange(3.0 + i)[:, None] for i in range(40)]],
    ids=["unrelated", "ragged"],
)
def test_the_last_of_unrelated_windows_are_the_newest(X):
    """They are in the order of time as far as anybody knows."""
    older, newest = newest_windows(Sequences.from_arrays(list(X)), np.arange(40), 5, 0.1)
    assert newest.tolist() == list(range(36, 40))
    assert older.tolist() == list(range(36))


def test_too_few_windows_have_no_parts():
    """With a horizon as long as the series, all targets overlap."""
    X, _, _ = noisy_windows([40], 5, 20, 1)
    older, newest = newest_windows(Sequences.from_arrays(list(X)), np.arange(len(X)), 20, 0.1)
    assert len(older) == len(newest) == 0
