"""Shuffling by blocks, for data larger than memory: each row once, from a few places at a time."""

import mmap
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from sksequence import RNNClassifier, SequenceGenerator, Sequences
from sksequence._batching import (
    BatchIterator,
    Frames,
    PreparedSequences,
    Scaler,
    SequenceDataset,
    Share,
    _batches,
    inference_batches,
)
from sksequence._batching._read_ahead import joined_runs, read_ahead
from sksequence.preprocessing import write_sequences
from tests.helpers import all_weights

RANDOM = np.random.RandomState(0)
X = [RANDOM.randn(n, 2).astype(np.float32) for n in RANDOM.randint(2, 9, 60)]
Y = np.array([x.sum() > 0 for x in X])
N_BLOCK, N_WINDOW = 5, 20  # rows


@pytest.fixture
def small_blocks(monkeypatch):
    """Let data of a few rows have many blocks."""
    monkeypatch.setattr(_batches, "_BLOCK_VALUES", N_BLOCK)
    monkeypatch.setattr(_batches, "_WINDOW_VALUES", N_WINDOW)
    monkeypatch.setattr(_batches, "_BATCHES_IN_A_POOL", 2)


def dataset(lengths, seed=0, rows=None, share=None, **limits):
    """Return sequences of one feature, shuffled by blocks."""
    sequences = Sequences.from_arrays([np.full((n, 1), float(i)) for i, n in enumerate(lengths)])
    return SequenceDataset(
        PreparedSequences(sequences, Scaler(False), Frames()),
        np.arange(len(lengths)) if rows is None else rows,
        np.arange(len(lengths)),
        np.ones(len(lengths)),
        per_step=False,
        generator=np.random.default_rng(seed),
        share=share,
        by_blocks=True,
        **limits,
    )


@settings(max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=50),
    batch_size=st.integers(1, 12),
    seed=st.integers(0, 99),
    max_steps=st.sampled_from([None, 20]),
)
def test_each_row_is_in_one_batch(lengths, batch_size, seed, max_steps):
    """Repeated rows come as often as they are repeated, and batches are as large as ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_batches, "_BLOCK_VALUES", N_BLOCK)
        patch.setattr(_batches, "_WINDOW_VALUES", N_WINDOW)
        rows = np.repeat(np.arange(len(lengths)), RANDOM.randint(0, 3, len(lengths)))
        data = dataset(lengths, seed, rows if len(rows) else None, max_steps=max_steps)
        cuts = data.cut(batch_size)
        np.testing.assert_array_equal(np.sort(np.concatenate(cuts)), data.rows)
        assert max(map(len, cuts)) <= batch_size
        if max_steps is None:
            assert len(cuts) == -(-len(data.rows) // batch_size)


def test_epochs_differ_and_are_seeded(small_blocks):
    """The same seed gives the same epochs, which differ from each other, and from another seed."""

    def epochs(seed):
        data = dataset([1] * 100, seed)
        return [np.concatenate(data.cut(4)).tolist() for _ in range(3)]

    assert epochs(0) == epochs(0)
    assert len({tuple(epoch) for epoch in epochs(0) + epochs(1)}) == 6


@pytest.mark.parametrize("lengths", [[1] * 200, [1, 2] * 100])
def test_rows_come_from_a_few_blocks_at_a_time(lengths, small_blocks):
    """Within a window they are mixed, and the order of the blocks is random."""
    n_block = round(N_BLOCK / np.mean(lengths))
    order = np.concatenate(dataset(lengths).cut(2))
    n_window = max(2, round(N_WINDOW / np.mean(lengths) / 2)) * 2
    for start in range(0, len(order), n_window):
        rows = order[start : start + n_window]
        assert len(np.unique(rows // n_block)) <= -(-n_window // n_block) + 1
        assert np.abs(np.diff(rows)).max() > n_block
    starts = order[::n_window]
    assert (np.diff(starts) < 0).any()


def test_ranks_have_disjoint_parts(small_blocks):
    """All processes draw the same blocks, and each reads its rows of every batch."""
    parts = [
        [batch[1][0].tolist() for batch in BatchIterator(dataset([1] * 50, share=Share(r, 2)), 4)]
        for r in (0, 1)
    ]
    together = [sorted(one + other) for one, other in zip(*parts, strict=True)]
    alone = [sorted(batch[1][0].tolist()) for batch in BatchIterator(dataset([1] * 50), 4)]
    assert together == alone


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (RNNClassifier("gru", 4, early_stopping=True, bidirectional=False), Y),
        (SequenceGenerator("gru", 4), None),
    ],
)
def test_models_are_those_of_the_data_in_memory(estimator, y, small_blocks, tmp_path):
    """The bits do not depend on where the data are, and differ from those of other orders."""
    estimator.set_params(max_epochs=2, batch_size=4, random_state=0)
    mapped = write_sequences(iter([X]), tmp_path)
    targets = [] if y is None else [y]

    def weights(data, shuffle):
        model = clone(estimator).set_params(shuffle=shuffle).fit(data, *targets)
        return all_weights(model.module_)

    by_blocks = weights(mapped, "blocks")
    np.testing.assert_array_equal(by_blocks, weights(Sequences.from_arrays(X), "blocks"))
    for other in (True, False):
        assert np.abs(by_blocks - weights(mapped, other)).max() > 1e-5


def test_predictions_read_the_data_in_parts(monkeypatch):
    """Batches of similar length are taken from neighbouring sequences, with the same results."""
    model = RNNClassifier("gru", 4, max_epochs=1, random_state=0).fit(X, Y)
    expected = model.predict_proba(X)
    monkeypatch.setattr(_batches, "_WINDOW_VALUES", 40)
    lengths = RANDOM.randint(1, 9, 200)
    index = [batch for batch, _ in inference_batches(lengths, max_steps=16, multiple=1)]
    assert sorted(np.concatenate(index).tolist()) == list(range(200))
    assert all(lengths[batch.min() : batch.max()].sum() <= 40 + 9 for batch in index)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


# --- reading ahead -------------------------------------------------------------------------------


@given(
    runs=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=9),
    gap=st.integers(0, 5),
)
def test_joined_runs_cover_all_of_them(runs, gap):
    """They are in order, further apart than the gap, and hold no more than the gaps between."""
    starts, lengths = map(np.array, zip(*runs, strict=True))
    joined = joined_runs(starts, lengths, gap)
    covered = {i for start, stop in joined for i in range(start, stop)}
    wanted = {i for start, n in runs for i in range(start, start + n)}
    assert wanted <= covered
    for (_, stop), (start, _) in pairwise(joined):
        assert start - stop > gap
    for start, stop in joined:
        assert {start, stop - 1} <= wanted
        missing = [i for i in range(start, stop) if i not in wanted]
        assert all(any(i + d in wanted for d in range(1, gap + 1)) for i in missing)


class Recorded(mmap.mmap):
    """Map that keeps the advice it is given."""

    def madvise(self, option, start, length):
        """Keep what is wanted."""
        assert option == mmap.MADV_WILLNEED
        assert start % mmap.PAGESIZE == 0
        self.advice.append((start, start + length))


@pytest.mark.skipif(not hasattr(mmap, "MADV_WILLNEED"), reason="a system without advice")
def test_rows_on_a_disk_are_fetched(tmp_path):
    """Also from a part of a map; arrays in memory are left alone."""
    file = tmp_path / "numbers"
    np.zeros(100_000, np.float32).tofile(file)
    with file.open("rb") as opened:
        mapped = Recorded(opened.fileno(), 0, access=mmap.ACCESS_READ)
    mapped.advice = []
    rows = np.ndarray((100_000,), np.float32, mapped)[32:].reshape(-1, 8)[1:]
    read_ahead(rows, np.array([9000, 0, 10]), np.array([3, 2, 5]))
    first = (32 + 8) * 4
    assert mapped.advice == [(0, first + 15 * 32), ((first + 9000 * 32) // 4096 * 4096, 288256)]
    read_ahead(np.zeros((5, 2)), np.array([0]), np.array([2]))


def test_training_reads_ahead(small_blocks, tmp_path, monkeypatch):
    """Every row is fetched before its batch is read, a few blocks of neighbours at a time."""
    monkeypatch.setattr(_batches, "_BLOCK_VALUES", 100)
    monkeypatch.setattr(_batches, "_WINDOW_VALUES", 200)
    events = []
    fetched = PreparedSequences.read_ahead
    gathered = SequenceDataset.batch
    monkeypatch.setattr(
        PreparedSequences,
        "read_ahead",
        lambda self, index: events.append(("ahead", index)) or fetched(self, index),
    )
    monkeypatch.setattr(
        SequenceDataset,
        "batch",
        lambda self, index: events.append(("read", index)) or gathered(self, index),
    )
    mapped = write_sequences(iter([X]), tmp_path)
    RNNClassifier("gru", 4, max_epochs=1, batch_size=4, shuffle="blocks").fit(mapped, Y)
    ahead, n_ahead = set(), 0
    for name, index in events:
        if name == "ahead":
            ahead, n_ahead = set(index.tolist()), n_ahead + 1
            assert len(joined_runs(index, np.ones_like(index), gap=0)) <= 4
        assert set(index.tolist()) <= ahead
    assert n_ahead > 1
