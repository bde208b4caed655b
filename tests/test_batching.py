"""Frames, scaling, order, batches, chunks: nothing is lost or repeated, order does not matter."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sksequence._batching import (
    BatchIterator,
    Frames,
    PreparedSequences,
    Scaler,
    SequenceDataset,
    Sequences,
    content_digests,
    content_order,
    cut_chunks,
    expand_weights,
    flat_rows,
    held_out_rows,
    inference_batches,
    moments_of_each,
    on_device,
)
from sksequence._batching._prepared_sequences import _padded_steps

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=20)


def numbered(lengths):
    """Return sequences whose steps are all different numbers."""
    return Sequences.from_arrays([100.0 * i + np.arange(n)[:, None] for i, n in enumerate(lengths)])


def prepared(lengths, frames=None):
    """Return numbered sequences without scaling."""
    return PreparedSequences(numbered(lengths), Scaler(False), frames or Frames())


def dataset(lengths, *, per_step=False, seed=None, rows=None, weights=None, max_steps=None):
    """Return a data set whose targets number the sequences or the steps."""
    sequences = prepared(lengths)
    n = int(sequences.offsets[-1]) if per_step else len(lengths)
    return SequenceDataset(
        sequences,
        np.arange(len(lengths)) if rows is None else rows,
        np.arange(n),
        np.ones(n) if weights is None else weights,
        per_step=per_step,
        generator=None if seed is None else np.random.default_rng(seed),
        max_steps=max_steps,
    )


def random_sequences(n=30, seed=0):
    """Return sequences of one to nine steps of two features."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(rng.integers(1, 10), 2)) for _ in range(n)]


def assert_same_batch(ours, theirs):
    """Compare names, shapes, types and bits."""
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name].numpy(), theirs[name].numpy(), strict=True)


# --- frames --------------------------------------------------------------------------------------


@given(n=st.integers(1, 40), length=st.integers(1, 9), step=st.integers(1, 9))
def test_frames_cover_every_step_and_end_at_the_last(n, length, step):
    """The last frame ends with the last step; no step is left out unless frames have gaps."""
    frames = Frames(length, step)
    count = int(frames.count(np.array([n]))[0])
    rows = frames.rows(np.array([50]), np.array([n]), count)[0] - 50
    assert rows.shape == (count, length)
    assert rows[-1, -1] == n - 1
    assert (np.diff(rows[:, -1])[1:] == step).all()
    assert (rows >= 0).all()
    if step <= length:
        assert set(rows.ravel().tolist()) == set(range(n))


def test_a_partial_first_frame_repeats_the_first_step():
    """Frames are aligned to the end; steps before the beginning repeat the first one."""
    frames = Frames(3, 2)
    assert frames.count(np.array([4, 2])).tolist() == [2, 1]
    rows = frames.rows(np.array([0, 10]), np.array([4, 2]), 2)
    assert rows.tolist() == [[[0, 0, 1], [1, 2, 3]], [[10, 10, 11], [11, 11, 11]]]


# --- the gather ----------------------------------------------------------------------------------


@given(lengths=LENGTHS, data=st.data())
def test_a_gathered_batch_holds_its_sequences(lengths, data):
    """Values up to each length are the sequence's; padding is 0."""
    index = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=9)))
    batch = prepared(lengths).gather(index)
    assert batch["values"].dtype == torch.float32
    assert batch["values"].shape[1] == max(np.array(lengths)[index])
    for i, values in zip(index, batch["values"][:, :, 0].tolist(), strict=True):
        own = [100.0 * i + t for t in range(lengths[i])]
        assert values == own + [0.0] * (len(values) - len(own))


@given(lengths=LENGTHS, data=st.data())
def test_runs_equal_single_steps(lengths, data):
    """Whole runs, used where the buffer is long enough, give the same batch as single steps."""
    sequences = prepared(lengths)
    longest = max(lengths)
    here = [i for i in range(len(lengths)) if sequences.offsets[i] + longest <= sum(lengths)]
    index = np.array(data.draw(st.lists(st.sampled_from(here), min_size=1)))
    of_rows = sequences.lengths[index]
    rows = Frames().rows(sequences.offsets[index], of_rows, of_rows.max())
    values = sequences._sequences.values[rows[:, :, 0]]
    values[np.arange(of_rows.max()) >= of_rows[:, None]] = 0
    np.testing.assert_array_equal(sequences.gather(index)["values"], values)


@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=9), more=st.integers(0, 3))
def test_padded_steps_are_found(lengths, more):
    """Positions in the flattened batch, in order; a row may be all padding."""
    n_steps = max(lengths) + more
    marks = np.arange(n_steps) >= np.array(lengths)[:, None]
    found = _padded_steps(torch.tensor(lengths), n_steps)
    assert found.tolist() == np.flatnonzero(marks).tolist()


def test_a_single_sequence_is_copied_for_training():
    """Prediction reads it in place."""
    sequences = prepared([5])
    kept = sequences._blocks.values
    first = np.zeros(1, np.int64)
    assert sequences.gather(first)["values"].data_ptr() != kept.data_ptr()
    with torch.inference_mode():
        assert sequences.gather(first)["values"].data_ptr() == kept.data_ptr()


@pytest.mark.parametrize("frames", [Frames(), Frames(4, 2)])
def test_padding_is_zero_in_every_block(frames):
    """In frames, in the features that a scaler adds and in codes."""
    values = np.random.default_rng(0).normal(size=(30, 2))
    sequences = Sequences(values, [0, 6, 30])
    scaler = Scaler("sequence", None).fit(sequences, np.arange(2))
    batch = PreparedSequences(sequences, scaler, frames).gather(np.array([0, 1]))
    padded = batch["values"][0, batch["lengths"][0] :]
    assert len(padded) > 0
    assert not padded.any()
    codes = Sequences(None, [0, 1, 5], np.arange(1, 6, dtype=np.int32)[:, None])
    batch = PreparedSequences(codes, None, Frames()).gather(np.array([0, 1]))
    assert batch["codes"][:, :, 0].tolist() == [[1, 0, 0, 0], [2, 3, 4, 5]]


def test_codes_are_gathered_with_values():
    """Values and codes of a batch have the same rows."""
    sequences = Sequences(np.arange(5.0)[:, None], [0, 2, 5], np.arange(5, dtype=np.int32)[:, None])
    batch = PreparedSequences(sequences, Scaler(False), Frames()).gather(np.array([1, 0]))
    assert batch["codes"].dtype == torch.int64
    assert batch["codes"][:, :, 0].tolist() == batch["values"][:, :, 0].tolist()
    assert batch["lengths"].tolist() == [3, 2]


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("largest_copy", [0, 1 << 24])
def test_static_features_are_gathered_with_their_sequences(largest_copy, equal, monkeypatch):
    """Numbers are scaled, codes are integers; parts of sequences have those of the whole."""
    monkeypatch.setattr("sksequence._batching._prepared_sequences._LARGEST_COPY", largest_copy)
    static = np.arange(8.0).reshape(4, 2)
    codes = np.arange(4, dtype=np.int32)[:, None]
    sequences = numbered([3] * 4 if equal else [3, 1, 4, 2]).with_static(static, codes)
    scaler = Scaler("global").fit(Sequences(static, np.arange(5)), np.arange(3))
    prepared = PreparedSequences(sequences, Scaler(False), Frames(), scaler)
    index = np.array([2, 0, 2, 1])
    expected = (static[index] - [2.0, 3.0]) / np.std([0.0, 2.0, 4.0])
    for batch in (prepared.gather(index), prepared.gather_part(index, 2, 2)):
        assert (batch["static"].dtype, batch["static_codes"].dtype) == (torch.float32, torch.int64)
        np.testing.assert_allclose(batch["static"], expected, rtol=1e-6)
        np.testing.assert_array_equal(batch["static_codes"], codes[index])


@pytest.mark.parametrize(
    "steps", [np.ones((5, 1)), pd.DataFrame({"load": np.ones(5)})], ids=["array", "table"]
)
def test_static_features_are_added_to_any_steps(steps):
    """The steps and their names stay, and the sequences without the features are unchanged."""
    plain = Sequences(steps, [0, 2, 5], feature_names=["load"])
    sequences = plain.with_static(np.array([[1.0], [2.0]]))
    np.testing.assert_array_equal(sequences[1], plain[1])
    assert sequences.feature_names == ("load",)
    assert sequences[[1]].static_values.tolist() == [[2.0]]
    assert plain.static_values is None


def test_chunks_keep_static_features():
    """The features of a sequence go with each of its chunks, uncut."""
    static = torch.arange(6.0).view(2, 3)
    inputs = {"lengths": torch.tensor([2, 5]), "values": torch.zeros(2, 5, 1), "static": static}
    chunks = list(cut_chunks((inputs, (torch.arange(7), torch.ones(7))), 2))
    assert [chunk.batch[0]["static"].tolist() for chunk in chunks] == [
        static.tolist(),
        static[1:].tolist(),
        static[1:].tolist(),
    ]


def test_read_only_values_are_copied():
    """Torch may write into shared memory, so a read-only array is not shared."""
    values = np.ones((3, 1), dtype=np.float32)
    values.flags.writeable = False
    batch = PreparedSequences(Sequences(values, [0, 3]), Scaler(False), Frames())
    assert batch.gather(np.array([0]))["values"].shape == (1, 3, 1)


@settings(max_examples=60)
@given(
    lengths=st.one_of(LENGTHS, st.integers(1, 9).map(lambda n: [n] * 6)),
    frames=st.sampled_from([Frames(), Frames(4, 1), Frames(3, 2)]),
    kind=st.sampled_from(["global", "sequence", False]),
    dtype=st.sampled_from(["f4", ">f4", "f8", "f2", "i8", "i2", "u1", "?"]),
    data=st.data(),
)
def test_scaling_when_gathered_gives_the_same_bits(lengths, frames, kind, dtype, data):
    """Batches are the same with and without a scaled copy, for every type of the buffer."""
    rng = np.random.default_rng(sum(lengths))
    values = (rng.normal(size=(sum(lengths), 2)) * 9 + 40).astype(dtype)
    plain = Sequences(values.astype(np.float64), np.r_[0, np.cumsum(lengths)])
    sequences = Sequences(values, plain.offsets)
    scaler = Scaler(kind).fit(plain, np.arange(len(lengths)))
    index = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=9)))
    kept = PreparedSequences(plain, scaler, frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sksequence._batching._prepared_sequences._LARGEST_COPY", 0)
        late = PreparedSequences(sequences, scaler, frames)
    assert_same_batch(late.gather(index), kept.gather(index))
    if frames == Frames() and kind != "sequence":  # parts are for networks that carry a state
        for start in range(0, max(lengths), 3):
            assert_same_batch(late.gather_part(index, start, 3), kept.gather_part(index, start, 3))


@given(
    n_steps=st.integers(1, 12),
    n=st.integers(1, 6),
    frames=st.sampled_from([Frames(), Frames(4, 3)]),
)
def test_equal_lengths_are_read_like_different_ones(n_steps, n, frames):
    """Reading a table of equal sequences equals reading row by row."""
    alike = prepared([n_steps] * n, frames)
    among = prepared([n_steps] * n + [n_steps + 5], frames)
    assert_same_batch(alike.gather(np.arange(n)), among.gather(np.arange(n)))


# --- batches -------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(
    lengths=LENGTHS,
    batch_size=st.integers(1, 8),
    seed=st.one_of(st.none(), st.integers(0, 9)),
    per_step=st.booleans(),
)
def test_each_sequence_is_seen_once_per_epoch(lengths, batch_size, seed, per_step):
    """Every row comes exactly once in any buckets, and every target with its sequence."""
    batches = list(BatchIterator(dataset(lengths, per_step=per_step, seed=seed), batch_size))
    seen = []
    for inputs, (targets, weights) in batches:
        assert len(inputs["lengths"]) <= batch_size
        first = (inputs["values"][:, 0, 0] / 100).round().long()
        if per_step:
            assert len(targets) == int(inputs["lengths"].sum())
        else:
            assert targets.tolist() == first.tolist()
        assert len(weights) == len(targets)
        seen += targets.tolist()
    assert sorted(seen) == list(range(sum(lengths) if per_step else len(lengths)))
    if batch_size > 1:
        assert len(batches) <= len(lengths)


def test_the_number_of_batches_is_known():
    """len() of the iterator counts what it yields, with and without buckets."""
    for seed in (None, 0):
        for n in (1, 5, 32, 200):
            iterator = BatchIterator(dataset([1, 2] * n, seed=seed), 4)
            assert len(iterator) == len(list(iterator))


@given(
    lengths=LENGTHS,
    batch_size=st.integers(1, 8),
    max_steps=st.integers(1, 40),
    seed=st.one_of(st.none(), st.integers(0, 9)),
)
def test_batches_are_limited_by_steps_as_well(lengths, batch_size, max_steps, seed):
    """No batch of several sequences has more steps, padding included; nothing is lost."""
    data = dataset(lengths, seed=seed, max_steps=max_steps)
    batches = data.cut(batch_size)
    for index in batches:
        assert len(index) <= batch_size
        assert len(index) == 1 or len(index) * np.array(lengths)[index].max() <= max_steps
    seen = np.concatenate(batches).tolist()
    assert sorted(seen) == list(range(len(lengths)))
    assert seed is not None or seen == sorted(seen)
    iterator = BatchIterator(dataset(lengths, seed=seed, max_steps=max_steps), batch_size)
    assert len(iterator) == len(list(iterator)) == len(iterator)


def test_every_pass_of_an_iterator_has_its_own_order():
    """Reading the number of batches neither draws random numbers nor repeats a pass."""
    passes = [BatchIterator(dataset([1, 2, 3] * 10, seed=0), 4) for _ in range(2)]
    assert len(passes[0]) == 8
    orders = [
        [[targets.tolist() for _, (targets, _) in iterator] for _ in range(2)]
        for iterator in passes
    ]
    assert orders[0] == orders[1]
    assert orders[0][0] != orders[0][1]


def test_epochs_differ_and_are_seeded():
    """One seed gives the same epochs, each in another order; no seed keeps the order."""

    def epochs(seed):
        data = dataset([1, 2, 3] * 10, seed=seed)
        return [np.concatenate(data.cut(4)).tolist() for _ in range(2)]

    assert epochs(0) == epochs(0) != epochs(1)
    assert epochs(0)[0] != epochs(0)[1]
    assert epochs(None) == [list(range(30))] * 2


@pytest.mark.parametrize(
    ("n", "low", "high", "batch_size", "limit"),
    [(2000, 5, 200, 32, 0.08), (640, 10, 500, 8, 0.1)],
)
def test_buckets_keep_padding_small(n, low, high, batch_size, limit):
    """With lengths that differ by a factor of 40, at most a tenth of all steps is padding."""
    lengths = np.random.default_rng(0).integers(low, high + 1, size=n)
    data = dataset(lengths, seed=0)
    for _ in range(3):
        padded = sum(lengths[i].max() * len(i) for i in data.cut(batch_size))
        assert 1 - lengths.sum() / padded < limit


def test_weights_have_mean_one():
    """A batch's weighted sum over its number of sequences is an unbiased mean."""
    data = dataset([1, 3, 2], weights=np.array([1.0, 5.0, 3.0]), rows=np.array([0, 1, 2, 1]))
    assert float(data.weights[data.rows].mean()) == pytest.approx(1.0)


@given(lengths=LENGTHS, max_steps=st.integers(1, 400))
def test_inference_batches_hold_multiples_of_sixteen(lengths, max_steps):
    """Every sequence is in one batch; batches are filled up with copies, and bounded."""
    lengths = np.array(lengths)
    seen = []
    for index, padded in inference_batches(lengths, max_steps):
        assert len(padded) % 16 == 0
        assert 0 <= len(padded) - len(index) < 16
        np.testing.assert_array_equal(padded[: len(index)], index)
        assert set(padded.tolist()) == set(index.tolist())
        assert len(padded) <= 16 or len(padded) * lengths[index].max() <= max_steps
        seen += index.tolist()
    assert sorted(seen) == list(range(len(lengths)))


@given(lengths=LENGTHS, n_steps=st.integers(1, 15))
def test_chunks_cover_each_step_once(lengths, n_steps):
    """Chunks hold every step of every sequence once, with its target, and keep the right rows."""
    batch = dataset(lengths, per_step=True).batch(np.arange(len(lengths)))
    rows, seen, targets = np.arange(len(lengths)), [], []
    for number, chunk in enumerate(cut_chunks(batch, n_steps)):
        inputs, (of_steps, _) = chunk.batch
        rows = rows[chunk.kept.numpy()]
        assert inputs["values"].shape[1] == int(inputs["lengths"].max()) <= n_steps
        own = [
            100.0 * i + number * n_steps + t
            for i, n in zip(rows, inputs["lengths"].tolist(), strict=True)
            for t in range(n)
        ]
        reach = torch.arange(inputs["values"].shape[1]) < inputs["lengths"][:, None]
        assert inputs["values"][:, :, 0][reach].tolist() == own
        seen += own
        targets += of_steps.tolist()
    everything = numbered(lengths).values[:, 0]
    assert sorted(seen) == everything.tolist()
    assert everything[targets].tolist() == seen


def test_only_copies_for_cuda_are_pinned():
    """Copies to other devices are plain; a tensor on the device is returned as it is."""
    calls = []

    class Block:
        device = torch.device("cpu")

        def pin_memory(self):
            calls.append("pin")
            return self

        def to(self, device, **options):
            calls.append((str(device), options))
            return self

    for device in ("cpu", "mps", "cuda", torch.device("cuda", 1)):
        on_device(Block(), device)
    copy = {"non_blocking": True}
    assert calls == [("mps", {}), "pin", ("cuda", copy), "pin", ("cuda:1", copy)]
    block = torch.ones(2)
    assert on_device(block, "cpu") is block


# --- scaling -------------------------------------------------------------------------------------


def test_global_scaling_is_standardisation():
    """Each feature has mean 0 and standard deviation 1 over the training steps."""
    X = Sequences.from_arrays([x * [1.0, 100.0] + [5.0, -3.0] for x in random_sequences()])
    rows = np.array([0, 3, 3, 7])
    scaler = Scaler("global").fit(X, rows)
    steps = X.take(rows).values
    np.testing.assert_allclose(scaler.mean, steps.mean(axis=0))
    np.testing.assert_allclose(scaler.std, steps.std(axis=0))
    expected = ((X.values - steps.mean(axis=0)) / steps.std(axis=0)).astype(np.float32)
    scaled, extra = scaler.transform(X)
    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-6)
    assert scaler.n_extra == 0
    assert extra is None


def test_scaling_does_not_depend_on_chunks(monkeypatch):
    """Data read in parts have the same mean and standard deviation."""
    X = Sequences.from_arrays(random_sequences())
    rows = np.arange(len(X))
    scalers = {}
    for size in (3, 1 << 18):
        monkeypatch.setattr("sksequence._batching._scaler._CHUNK_STEPS", size)
        scalers[size] = Scaler("global").fit(X, rows)
        scaled, _ = scalers[size].transform(X)
    np.testing.assert_allclose(scalers[3].mean, scalers[1 << 18].mean, rtol=1e-12)
    np.testing.assert_allclose(scalers[3].std, scalers[1 << 18].std, rtol=1e-12)
    np.testing.assert_allclose(scaled, scalers[3].transform(X)[0], rtol=1e-6, atol=1e-6)


def test_scaled_in_parts(monkeypatch):
    """A step has the same bits in parts of any size, and is limited in all of them."""
    scaler = Scaler("global").fit(
        Sequences.from_array(np.random.RandomState(0).randn(9, 4, 2)), [0]
    )
    values = np.random.RandomState(1).randn(100, 2)
    values[[3, 70]] = 1e30, -1e30
    whole = scaler.scale_steps(values)
    assert whole.dtype == np.float32
    assert np.abs(whole).max() == np.float32(1e6)
    monkeypatch.setattr("sksequence._batching._scaler._IN_CACHE", 14)
    assert np.array_equal(scaler.scale_steps(values), whole)
    alone = [scaler.scale_steps(values[i : i + 1])[0] for i in range(100)]
    assert np.array_equal(alone, whole)


@pytest.mark.parametrize("kind", ["global", "sequence"])
def test_timestamps_keep_their_differences(kind):
    """Scaling in float64 keeps differences that float32 would round to 0."""
    seconds = 1.7e9 + np.arange(8.0)
    X = Sequences.from_arrays([seconds[:, None]])
    scaled = Scaler(kind).fit(X, np.array([0])).transform(X)[0][:, 0]
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(np.diff(scaled), np.diff(scaled)[0], rtol=1e-4)
    assert np.diff(scaled)[0] > 0.1


def test_sequences_are_scaled_one_by_one():
    """Each has mean 0 and standard deviation 1, with the same bits alone and among others."""
    X = random_sequences()
    all_together = Sequences.from_arrays(X)
    scaler = Scaler("sequence").fit(all_together, np.arange(len(X)))
    scaled, extra = scaler.transform(all_together)
    assert scaler.n_extra == 2
    for i, x in enumerate(X):
        alone = Sequences.from_arrays([x])
        span = slice(*all_together.offsets[i : i + 2])
        alone_scaled, alone_extra = scaler.transform(alone)
        np.testing.assert_array_equal(alone_scaled, scaled[span], strict=True)
        np.testing.assert_array_equal(alone_extra, extra[i : i + 1], strict=True)
        if len(x) > 1:
            np.testing.assert_allclose(scaled[span].mean(axis=0), 0.0, atol=1e-5)
            np.testing.assert_allclose(scaled[span].std(axis=0), 1.0, rtol=1e-5)
    np.testing.assert_allclose(extra.mean(axis=0), 0.0, atol=1e-5)


@pytest.mark.parametrize("kind", ["global", "sequence"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 / 3, -1e-30])
def test_constant_features_are_centred_only(kind, value):
    """Rounding errors are not scaled up."""
    X = Sequences.from_arrays([np.full((7, 1), value), np.full((3, 1), value)])
    scaler = Scaler(kind).fit(X, np.arange(2))
    scaled, extra = scaler.transform(X)
    assert np.abs(scaled).max() < 1e-3
    assert extra is None or (extra == 0).all()


def test_no_scaling_is_a_cast():
    """False does not change values."""
    X = Sequences.from_arrays(random_sequences())
    scaler = Scaler(False).fit(X, np.arange(3))
    scaled, _ = scaler.transform(X)
    np.testing.assert_array_equal(scaled, X.values.astype(np.float32), strict=True)


# --- order, weights, validation part -------------------------------------------------------------


@pytest.mark.parametrize("per_step", [False, True])
def test_the_order_of_content_does_not_depend_on_the_order_of_rows(per_step):
    """Permuted rows, sorted by content, are the same rows; copies have the same digest."""
    X = random_sequences()
    X[7] = X[3]
    y = [x[:, 0] if per_step else x[:1, 1] for x in X]
    order = np.random.default_rng(1).permutation(len(X))

    def digests(rows):
        return content_digests(
            Sequences.from_arrays([X[i] for i in rows]), np.concatenate([y[i] for i in rows]), None
        )

    plain, permuted = digests(np.arange(len(X))), digests(order)
    assert (plain[order] == permuted).all()
    assert plain[3] == plain[7]
    assert len(set(plain.tolist())) == len(X) - 1
    sorted_rows = order[content_order(permuted)]
    assert [X[i].tolist() for i in sorted_rows] == [X[i].tolist() for i in content_order(plain)]


def test_digests_differ_with_every_difference():
    """A step, an offset, a target or a weight matters; a type or the sign of a zero does not."""
    X = Sequences(np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0]), [0, 3, 6])
    y, w = np.zeros(2), np.ones(2)
    digest = content_digests(X, y, w)[0]
    ones, codes = np.ones((2, 1)), np.ones((2, 1), dtype=np.int32)
    others = [
        content_digests(X.with_static(ones), y, w)[0],
        content_digests(X.with_static(ones + 1e-9), y, w)[0],
        content_digests(X.with_static(None, codes), y, w)[0],
        content_digests(X.with_static(None, codes + 1), y, w)[0],
        content_digests(X.with_static(ones, codes), y, w)[0],
        content_digests(Sequences(X.values, X.offsets, np.ones((6, 1), dtype=np.int32)), y, w)[0],
        content_digests(Sequences(X.values + 1e-9, X.offsets), y, w)[0],
        content_digests(Sequences(X.values, [0, 2, 6]), y, w)[0],
        content_digests(X, y + 1, w)[0],
        content_digests(X, y, w + 1)[0],
        content_digests(X, y, None)[0],
    ]
    assert digest not in others
    assert len({other.tobytes() for other in others}) == len(others)
    assert digest == content_digests(X, y, w)[1]
    assert digest == content_digests(Sequences(X.values.astype(np.float32), X.offsets), y, w)[0]
    assert digest == content_digests(Sequences(-(-X.values * 1.0) + -0.0, X.offsets), -y, w)[0]


@given(
    weights=st.lists(st.integers(0, 6), min_size=1, max_size=9).filter(any),
    factor=st.sampled_from([1, 2, 7]),
)
def test_integer_weights_are_repetition(weights, factor):
    """Rows are repeated; a common factor does not matter."""
    rows, left = expand_weights(np.array(weights, dtype=float) * factor, len(weights))
    assert left is None
    divisor = np.gcd.reduce(weights)
    np.testing.assert_array_equal(rows, np.repeat(np.arange(len(weights)), weights // divisor))


@pytest.mark.parametrize("weights", [[0.5, 1.0], [1.0, 1e6], [1.0, 2.0**60]])
def test_other_weights_stay_weights(weights):
    """Rows are not repeated with fractions, nor where the data would become too large."""
    rows, left = expand_weights(np.array(weights), 2)
    assert rows.tolist() == [0, 1]
    assert left.tolist() == weights
    assert expand_weights(None, 2)[1] is None


@settings(max_examples=30)
@given(seed=st.integers(0, 99), fraction=st.floats(0.05, 0.9))
def test_copies_fall_on_one_side(seed, fraction):
    """A fraction of each group is held out, independent of copies and of order."""
    X = Sequences.from_arrays([np.full(1, i // 3) for i in range(60)])  # 20 rows, three copies each
    groups = np.arange(60) // 30
    digests = content_digests(X, groups, None)
    held_out = held_out_rows(digests, groups, fraction, seed)
    assert (held_out.reshape(-1, 3) == held_out[::3, None]).all()
    for group in (0, 1):
        n = int(held_out[groups == group].sum()) // 3
        assert n == min(max(1, round(fraction * 10)), 9)
    order = np.random.default_rng(seed).permutation(60)
    np.testing.assert_array_equal(
        held_out_rows(digests[order], groups[order], fraction, seed), held_out[order]
    )


def test_a_single_row_stays_in_training():
    """A group of one distinct row is never held out; other seeds select other rows."""
    X = Sequences.from_arrays([np.full(1, i) for i in range(30)])
    groups = np.r_[np.zeros(29, dtype=int), 1]
    digests = content_digests(X, groups, None)
    assert not held_out_rows(digests, groups, 0.5, 0)[29]
    parts = {held_out_rows(digests, groups, 0.3, seed).tobytes() for seed in range(5)}
    assert len(parts) == 5


def test_rows_of_steps_follow_their_sequences():
    """Targets per step are taken with their sequence, repeated ones too."""
    data = dataset([2, 3], per_step=True, rows=np.array([1, 1, 0]))
    _, (targets, _) = data.batch(np.array([1, 0]))
    assert targets.tolist() == [2, 3, 4, 0, 1]
    assert flat_rows(np.array([2, 0]), np.array([3, 2])).tolist() == [2, 3, 4, 0, 1]


# --- values far outside, and constant ones -------------------------------------------------------


@pytest.mark.parametrize("kind", ["global", "sequence"])
@pytest.mark.parametrize("level_steps", [None, 1])
@pytest.mark.parametrize("value", [1e12, -1e30, 3e38])
def test_scaled_values_are_bounded(kind, level_steps, value):
    """Values that would overflow in float32 are as large as a million standard deviations."""
    X = Sequences.from_arrays(random_sequences())
    scaler = Scaler(kind, level_steps).fit(X, np.arange(len(X)))
    far = Sequences.from_arrays([np.full((3, 2), value), np.array([[0.0, 0.0], [value, 0.0]])])
    values, extra = scaler.transform(far)
    assert np.abs(values).max() <= 1e6
    assert extra is None or np.abs(extra).max() <= 1e6
    near, _ = scaler.transform(X)
    assert 0 < np.abs(near).max() < 1e6
    if kind == "global" and level_steps is None:
        np.testing.assert_array_equal(values[0], [1e6 * np.sign(value)] * 2)


def test_moments_of_each_sequence():
    """They are those of NumPy; a constant feature has none of its rounding errors."""
    arrays = [*random_sequences(5), np.full((7, 2), 0.1)]
    mean, std = moments_of_each(Sequences.from_arrays(arrays))
    np.testing.assert_allclose(mean, [x.mean(axis=0) for x in arrays])
    np.testing.assert_allclose(std, [x.std(axis=0) for x in arrays], atol=1e-12)
    np.testing.assert_array_equal(std[-1], [0.0, 0.0])


def test_sizes_of_windows_are_bounded():
    """Beside a residual, the added size is that of the fit at most, and 0 of constant windows."""
    arrays = [10.0**i * np.arange(4.0)[:, None] for i in range(4)]
    scaler = Scaler("sequence", 1).fit(Sequences.from_arrays(arrays), np.arange(4))
    others = [np.ones((3, 1)), 1e9 * arrays[0], 1e-9 * arrays[0], arrays[0]]
    _, extra = scaler.transform(Sequences.from_arrays(others))
    np.testing.assert_allclose(extra[:, 0], [0.0, 2.0, -2.0, -1.341641], rtol=1e-5)
    constant = Sequences.from_arrays([np.ones((3, 1))])
    _, extra = Scaler("sequence", 1).fit(constant, np.arange(1)).transform(constant)
    assert extra.tolist() == [[0.0]]
