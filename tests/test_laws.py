"""Laws of fitted estimators: results depend on data, parameters and the seed only."""

import copy
import pickle
import random
import threading
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence._batching import object_array
from sksequence._cells import CELLS
from tests.helpers import ROOT, WITH_MATRICES, InterruptAt, end_to_end, run_in_child


def rng(seed=0):
    """Return a generator for one test: tests run in any order."""
    return np.random.default_rng(seed)


N = 24
X = [rng(i).normal(size=(n, 2)) for i, n in enumerate(rng().integers(2, 12, size=N))]
LABELS = np.array(["up" if x.sum() > 0 else "down" for x in X])
NUMBERS = np.array([x.sum() for x in X])
TABLE = np.array([[x[:, 0].sum(), x[:, 1].mean()] for x in X])
STEPS = [np.where(x[:, 0] > 0, "x", "y") for x in X]
STEP_NUMBERS = [np.cumsum(x[:, 0]) for x in X]
FITS = {"hidden_size": 5, "max_epochs": 2, "random_state": 0}
DROPPING = {"num_layers": 2, "dropout": 0.3, "recurrent_dropout": 0.2}
PROBLEMS = {
    "labels": (RNNClassifier, LABELS),
    "numbers": (RNNRegressor, NUMBERS),
    "several numbers": (RNNRegressor, TABLE),
    "labels per step": (RNNClassifier, STEPS),
    "numbers per step": (RNNRegressor, STEP_NUMBERS),
}
ALL_PROBLEMS = pytest.mark.parametrize("problem", PROBLEMS)


def make(problem, **parameters):
    """Return a small estimator and the y of a problem."""
    estimator, y = PROBLEMS[problem]
    return estimator(**FITS | parameters), y


def take(y, rows):
    """Index a list or an array."""
    return [y[i] for i in rows] if isinstance(y, list) else y[rows]


def bits(model):
    """Return all weights as bytes, with the curves."""
    weights = [p.detach().numpy().tobytes() for p in model.module_.state_dict().values()]
    return weights, model.loss_curve_, getattr(model, "validation_curve_", None)


def outputs(model, X):
    """Return all predictions of a model for X, flat."""
    said = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    return end_to_end(said)


# --- rows and weights ----------------------------------------------------------------------------


@ALL_PROBLEMS
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("batch_size", [3, 32])
def test_a_fit_depends_neither_on_order_nor_on_how_rows_are_repeated(
    problem, early_stopping, batch_size
):
    """Permuted rows give the same bits; integer weights are repetition, in any order."""
    model, y = make(problem, early_stopping=early_stopping, batch_size=batch_size)
    model.set_params(validation_fraction=0.2)
    draw = rng()
    order = draw.permutation(N)
    plain = bits(clone(model).fit(X, y))
    assert bits(clone(model).fit(take(X, order), take(y, order))) == plain
    assert bits(clone(model).fit(X, y, sample_weight=np.full(N, 3.0))) == plain
    weights = draw.integers(0, 4, size=N)
    repeated = draw.permutation(np.repeat(np.arange(N), weights))
    weighted = bits(clone(model).fit(X, y, sample_weight=weights))
    assert bits(clone(model).fit(take(X, repeated), take(y, repeated))) == weighted
    fractions = draw.random(N)
    weighted = bits(clone(model).fit(X, y, sample_weight=fractions))
    permuted = clone(model).fit(take(X, order), take(y, order), sample_weight=fractions[order])
    assert bits(permuted) == weighted


@pytest.mark.parametrize(
    "parameters",
    [
        {"scale": "sequence"},
        {"class_weight": "balanced"},
        DROPPING,
        {"frame_length": 3, "frame_step": 2},
        {"n_estimators": 2},
    ],
    ids=str,
)
def test_repetition_is_weight_whatever_the_parameters(parameters):
    """Integer weights are repetition with scales, class weights, dropout and frames."""
    model = RNNClassifier(**FITS | parameters, early_stopping=True, batch_size=7)
    weights = rng().integers(0, 4, size=N)
    repeated = rng().permutation(np.repeat(np.arange(N), weights))
    weighted = clone(model).fit(X, LABELS, sample_weight=weights)
    assert bits(clone(model).fit(take(X, repeated), LABELS[repeated])) == bits(weighted)


def test_rows_of_weight_zero_teach_nothing():
    """The numbers, symbols and labels of rows of weight zero have no effect."""
    weights = np.r_[np.zeros(2), np.ones(N - 2)]
    wild = [np.full((40, 2), 1e9), np.full((1, 2), -1e9), *X[2:]]
    plain = RNNRegressor(**FITS).fit(X[2:], NUMBERS[2:])
    y = np.r_[1e9, -1e9, NUMBERS[2:]]
    assert bits(RNNRegressor(**FITS).fit(wild, y, sample_weight=weights)) == bits(plain)
    texts, labels = ["tea", "at", "ten"] * 5, [0, 1, 2] * 5
    plain = RNNClassifier(**FITS).fit(texts, labels)
    weighted = RNNClassifier(**FITS).fit(
        ["xyz", *texts], [9, *labels], sample_weight=[0] + [1] * 15
    )
    assert bits(weighted) == bits(plain)
    assert (weighted.vocabulary_, weighted.classes_.tolist()) == (plain.vocabulary_, [0, 1, 2])


def test_weights_count_symbols():
    """The most frequent symbols are those of the repeated rows; rows of weight zero hold none."""
    texts, labels = ["aab", "bcc", "cde", "zzzzz"] * 3, [0, 1, 0, 1] * 3
    limited = RNNClassifier(**FITS | {"max_features": 2})
    weights = [1, 1, 3, 0] * 3
    weighted = clone(limited).fit(texts, labels, sample_weight=weights)
    repeated = clone(limited).fit(np.repeat(texts, weights), np.repeat(labels, weights))
    assert bits(weighted) == bits(repeated)
    assert weighted.vocabulary_ == repeated.vocabulary_ == {"c": 1, "d": 2}


def test_rare_symbols_are_one_unknown_symbol():
    """It does not matter which rare symbol occurs where, and later ones are read like these."""
    kind = RNNClassifier
    texts, y = ["abx", "bay", "abz", "baw"] * 3, [0, 1, 0, 1] * 3
    limited = kind(**FITS, max_features=2).fit(texts, y)
    assert limited.vocabulary_ == {"a": 1, "b": 2}
    other = kind(**FITS, max_features=2).fit(["abp", "baq", "abr", "bas"] * 3, y)
    assert bits(other) == bits(limited)
    assert np.array_equal(limited.predict(texts[:2]), limited.predict(["ab!", "ba?"]))
    # the unknown symbol has been learnt
    whole = kind(**FITS, max_features=9).fit(texts, y)
    assert bits(whole) == bits(kind(**FITS).fit(texts, y))
    assert bits(whole) != bits(limited)


def test_each_column_has_a_limit_of_its_own():
    """Steps of several symbols keep the most frequent ones of each column."""
    X = np.array([[["a", "u"], ["a", "v"]], [["b", "v"], ["c", "v"]]] * 3)
    fitted = RNNClassifier(**FITS, max_features=1).fit(X, [0, 1] * 3)
    assert [v.symbols for v in fitted._blueprint.form.vocabularies] == [["a"], ["v"]]


@pytest.mark.parametrize("max_features", [0, -1, 2.5, "10"])
def test_a_limit_is_a_positive_integer(max_features):
    """Other values are errors, in the words of scikit-learn."""
    with pytest.raises(ValueError, match="'max_features' parameter of RNNClassifier must be an"):
        RNNClassifier(max_features=max_features).fit(["ab", "b"], [0, 1])


def test_class_weights_by_name():
    """Classes that are not named have weight one; unit weights change nothing."""
    plain = bits(RNNClassifier(**FITS).fit(X, LABELS))
    assert bits(RNNClassifier(**FITS, class_weight={"up": 1}).fit(X, LABELS)) == plain
    assert bits(RNNClassifier(**FITS, class_weight={"up": 9.0}).fit(X, LABELS)) != plain


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize(
    ("class_weight", "chances"),
    [
        (None, [0.75, 0.25]),
        ({"often": 9.0}, [27 / 28, 1 / 28]),
        ({"rarely": 9.0}, [0.25, 0.75]),
        ({"often": 1.0, "rarely": 27.0}, [0.1, 0.9]),
        ("balanced", [0.5, 0.5]),
    ],
    ids=str,
)
def test_heavier_class_wins(class_weight, chances, per_step):
    """If X is uninformative, the probability of a class is its frequency times its weight."""
    labels = np.array(["often", "often", "often", "rarely"] * 4)
    model = RNNClassifier("rnn", 4, max_epochs=120, learning_rate=0.05, random_state=0)
    model.set_params(class_weight=class_weight, dropout=0.0, bidirectional=False)
    X, y = np.zeros((16, 2)), [[label] * 2 for label in labels] if per_step else labels
    p = end_to_end(model.fit(X, y).predict_proba(X))
    assert p.mean(axis=0) == pytest.approx(chances, abs=0.05)


# --- containers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "convert",
    [
        tuple,
        object_array,
        Sequences.from_arrays,
        lambda X: [x.tolist() for x in X],
        lambda X: [torch.from_numpy(x) for x in X],
        pd.Series,
    ],
    ids=["tuple", "object array", "Sequences", "lists", "tensors", "Series"],
)
def test_containers_give_the_same_fit(convert):
    """All containers of the same numbers give the same bits and predictions."""
    plain = RNNClassifier(**FITS).fit(X, LABELS)
    model = RNNClassifier(**FITS).fit(convert(X), LABELS)
    assert bits(model) == bits(plain)
    np.testing.assert_array_equal(model.predict_proba(convert(X[:5])), plain.predict_proba(X[:5]))


def test_tables_and_equal_lists_give_the_same_fit():
    """A table, its DataFrame, its lists and its 3-D form give the same fit."""
    table = rng().normal(size=(N, 6))
    forms = [table, table.tolist(), pd.DataFrame(table), table[:, :, None], list(table)]
    fits = [bits(RNNClassifier(**FITS).fit(form, LABELS)) for form in forms]
    assert all(fit == fits[0] for fit in fits)


def test_types_of_numbers_give_the_same_fit():
    """Equal numbers as integers, float32 and float64 give the same fit."""
    integers = [rng(seed).integers(0, 9, size=(n, 2)) for seed, n in enumerate((2, 3, 4) * 8)]
    fits = [
        bits(RNNClassifier(**FITS).fit([x.astype(dtype) for x in integers], LABELS))
        for dtype in (np.int64, np.float32, np.float64)
    ]
    assert fits[0] == fits[1] == fits[2]


def unaligned(array):
    """Return a copy that begins at an odd address."""
    raw = np.empty(array.nbytes + 3, dtype=np.uint8)
    copy = raw[3:].view(array.dtype).reshape(array.shape)
    copy[:] = array
    return copy


@pytest.mark.parametrize(
    "lay_out",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1].copy()[::-1],
        lambda a: a.transpose(0, 2, 1).copy().transpose(0, 2, 1),
        lambda a: a.astype(">f8"),
        lambda a: np.frombuffer(a.tobytes()).reshape(a.shape),
        lambda a: a.astype(object),
        unaligned,
    ],
    ids=[
        "Fortran",
        "strided",
        "reversed",
        "swapped",
        "big-endian",
        "read-only",
        "object",
        "unaligned",
    ],
)
@pytest.mark.parametrize("largest_copy", [0, 1 << 24])
def test_the_layout_in_memory_does_not_matter(lay_out, largest_copy, monkeypatch):
    """The memory layout of X does not change the bits of a fit and its predictions."""
    monkeypatch.setattr("sksequence._batching._prepared_sequences._LARGEST_COPY", largest_copy)
    array = rng().normal(size=(N, 7, 3))
    for scale in ("global", False):
        plain = RNNClassifier("rnn", **FITS | {"scale": scale}).fit(array, LABELS)
        model = clone(plain).fit(lay_out(array), LABELS)
        assert bits(model) == bits(plain)
        said = model.predict_proba(lay_out(array))
        np.testing.assert_array_equal(said, plain.predict_proba(array))


@pytest.mark.parametrize("scale", ["global", "sequence", False])
@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", "i2"])
def test_a_memory_map_gives_the_same_fit(scale, dtype, tmp_path, monkeypatch):
    """Scaling batch by batch from a file or at once in memory gives the same bits."""
    array = (rng().normal(size=(N, 50, 2)) * 9).astype(dtype)
    array.tofile(tmp_path / "steps")
    mapped = np.memmap(tmp_path / "steps", mode="r", dtype=dtype).reshape(array.shape)
    offsets = np.r_[0, np.sort(rng(1).choice(np.arange(1, N * 50), N - 1, replace=False)), N * 50]
    forms = [(array, mapped)]
    forms += [tuple(Sequences(x.reshape(-1, 2), offsets) for x in forms[0])]
    for in_memory, on_disk in forms:
        model = RNNClassifier("rnn", **FITS | {"scale": scale, "batch_size": 7})
        plain = clone(model).fit(in_memory, LABELS)
        with monkeypatch.context() as patch:
            patch.setattr("sksequence._batching._prepared_sequences._LARGEST_COPY", 0)
            late = clone(model).fit(on_disk, LABELS)
            said = late.predict_proba(on_disk)
        assert bits(late) == bits(plain)
        np.testing.assert_array_equal(said, plain.predict_proba(in_memory))


def anonymous_memory():
    """Return the anonymous memory of this process in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def peak_above(function):
    """Call a function; return the peak of anonymous memory above that before, in megabytes."""
    over = threading.Event()
    before = anonymous_memory()
    peaks = [before]

    def watch():
        while not over.wait(0.002):
            peaks[0] = max(peaks[0], anonymous_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        function()
    finally:
        over.set()
        watcher.join()
    return max(peaks[0], anonymous_memory()) - before


def peaks_on_a_memory_map(form, path):
    """Return the peaks of memory of training and prediction on a memory map of 400 MB."""
    torch.set_num_threads(1)
    with Path(path).open("wb") as file:
        file.truncate(4 * 100_000_000)  # sparse: no disk is filled
    mapped = np.memmap(path, mode="r", dtype=np.float32, shape=(10_000, 100, 100))
    X = mapped
    if form == "Sequences":
        X = Sequences(mapped.reshape(-1, 100), np.r_[0, np.arange(1, 10_000) * 100 - 1, 1_000_000])
    y = np.arange(10_000) % 2
    model = RNNClassifier(
        "rnn", 4, bidirectional=False, frame_length=1, max_epochs=1, random_state=0
    )
    clone(model).fit(X[:300], y[:300]).predict(X[:300])  # what the libraries need once
    return peak_above(lambda: model.fit(X, y)), peak_above(lambda: model.predict(X))


BOUNDED = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.test_laws import peaks_on_a_memory_map
peaks = peaks_on_a_memory_map(*sys.argv[2:])
assert max(peaks) < 80, peaks
"""


@pytest.mark.parametrize("form", ["array", "Sequences"])
def test_memory_is_bounded_by_the_batch(form, tmp_path):
    """Both need less than 80 MB, in a process whose memory other tests have not fragmented."""
    run_in_child(BOUNDED, ROOT, form, tmp_path / "steps")


# --- prediction ----------------------------------------------------------------------------------

LONGER = [*X, rng(1).normal(size=(60, 2)), rng(2).normal(size=(1, 2))]


def largest_difference(model, X):
    """Return the largest difference between predictions in other batches and orders."""
    together = model.predict_proba(X)
    order = rng().permutation(len(X))
    alone = np.concatenate([model.predict_proba([x]) for x in X])
    reordered = model.predict_proba(take(X, order))[np.argsort(order)]
    larger = model.predict_proba(X * 5)[: len(X)]
    return max(np.abs(together - other).max() for other in (alone, reordered, larger))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("scale", ["global", "sequence", False])
def test_a_sequence_alone_is_a_sequence_in_any_batch(cell, pooling, scale):
    """No difference with one direction, at most 1e-6 with two; with and without frames."""
    y = np.r_[LABELS, ["up", "down"]]
    model = RNNClassifier(cell, 5, pooling=pooling, scale=scale, max_epochs=1, random_state=0)
    for frame_length in (1, 4):
        model.set_params(bidirectional=False, frame_length=frame_length)
        assert largest_difference(model.fit(LONGER, y), LONGER) == 0
    if cell != "feedforward":
        model.set_params(bidirectional=True)
        assert largest_difference(model.fit(LONGER, y), LONGER) < 1e-6


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("hidden_size", [1, 16, 33])
def test_widths_do_not_matter(cell, hidden_size):
    """Rows have the same bits in any batch for layers of any width, also for texts."""
    parameters = FITS | {"hidden_size": hidden_size, "max_epochs": 1}
    model = RNNClassifier(cell, num_layers=2, bidirectional=False, **parameters)
    assert largest_difference(model.fit(X, LABELS), X) == 0
    texts = ["tea", "a", "tents at ten", "net"] * 6
    assert largest_difference(model.fit(texts, LABELS), texts) == 0


@pytest.mark.parametrize("cell", CELLS)
def test_steps_do_not_see_the_future(cell):
    """Per-step predictions of a prefix are the prefix of those of the sequence."""
    model = RNNClassifier(cell, **FITS).fit(X, STEPS)
    halves = [x[: (len(x) + 1) // 2] for x in X]
    for whole, half in zip(model.predict_proba(X), model.predict_proba(halves), strict=True):
        np.testing.assert_array_equal(half, whole[: len(half)])


def test_predicting_changes_nothing():
    """No method changes later predictions or the state."""
    model = RNNClassifier(**FITS | DROPPING).fit(X, LABELS)
    before, state = model.predict_proba(X), pickle.dumps(model)
    model.predict(X[:3])
    model.transform(X)
    model.score(X, LABELS)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert pickle.dumps(model) == state


# --- randomness ----------------------------------------------------------------------------------


@ALL_PROBLEMS
def test_the_same_seed_gives_the_same_bits(problem):
    """A seed determines the bits, whatever was sampled before; another seed changes them."""
    model, y = make(problem, **DROPPING)
    first = bits(model.fit(X, y))
    torch.rand(1)
    np.random.rand()  # noqa: NPY002 - the global generator is what must not matter
    assert bits(model.fit(X, y)) == first == bits(clone(model).fit(X, y))
    assert bits(clone(model).set_params(random_state=1).fit(X, y)) != first


@pytest.mark.parametrize("random_state", [0, None])
def test_global_generators_are_left_alone(random_state):
    """The global generators of torch, numpy and Python are not used."""
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    model = RNNClassifier(**FITS | DROPPING | {"random_state": random_state}).fit(X, LABELS)
    model.partial_fit(X, LABELS).predict(X)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert random.getstate() == states[2]


def test_threads_do_not_matter():
    """Results in four Python threads equal those in sequence, on one or two torch threads."""
    models = [RNNClassifier(cell, **FITS | DROPPING) for cell in WITH_MATRICES for _ in range(2)]
    serial = [bits(clone(model).fit(X, LABELS)) for model in models]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        parallel = joblib.Parallel(n_jobs=4, backend="threading")
        assert (
            parallel(joblib.delayed(lambda m: bits(m.fit(X, LABELS)))(m) for m in models) == serial
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    expected = models[0].predict_proba(X)
    for said in parallel(joblib.delayed(models[0].predict_proba)(X) for _ in range(8)):
        np.testing.assert_array_equal(said, expected)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_wide_networks_are_the_same_on_one_thread_and_on_two(cell):
    """Networks wide enough for two threads agree to rounding with those on one."""
    wide = rng(0).normal(size=(64, 6, 2))
    model = RNNClassifier(cell, 128, frame_length=1, batch_size=64, max_epochs=2, random_state=0)
    threads, said = torch.get_num_threads(), []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            said.append(clone(model).fit(wide, np.arange(64) % 2).predict_proba(wide))
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_allclose(said[1], said[0], rtol=1e-3)


# --- copies and going on -------------------------------------------------------------------------


@ALL_PROBLEMS
def test_copies_predict_the_same(problem, tmp_path):
    """Pickled, deep-copied and memory-mapped models predict the same bits."""
    model, y = make(problem)
    model.fit(X, y)
    joblib.dump(model, tmp_path / "model")
    copies = [
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        joblib.load(tmp_path / "model", mmap_mode="r"),
    ]
    for other in copies:
        np.testing.assert_array_equal(outputs(other, X), outputs(model, X))
        assert vars(other).keys() == vars(model).keys()
        other.partial_fit(X, y)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("problem", ["labels", "numbers per step"])
def test_training_goes_on_after_a_pickle(problem, optimizer):
    """A pickle between two calls of partial_fit changes no bit, dropout included."""
    whole, y = make(problem, optimizer=optimizer, **DROPPING)
    cut = clone(whole)
    for _ in range(3):
        whole.partial_fit(X, y)
        cut = pickle.loads(pickle.dumps(cut.partial_fit(X, y)))
    assert bits(cut) == bits(whole)
    other = copy.deepcopy(whole).partial_fit(X, y)
    assert bits(other) == bits(whole.partial_fit(X, y))


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (RNNClassifier, (lambda X: X[:, :, 0].sum(axis=1) > 0)),
        (RNNRegressor, (lambda X: X.sum(axis=1))),
        (RNNClassifier, (lambda X: [x[:, 0] > 0 for x in X])),
        (RNNRegressor, (lambda X: [x.cumsum(axis=0) for x in X])),
    ],
    ids=["labels", "numbers", "labels per step", "numbers per step"],
)
@pytest.mark.parametrize("tbptt_steps", [None, 2])
def test_passes_over_chunks_are_a_pass_over_the_whole(estimator, y, tbptt_steps):
    """Chunks of whole batches give the bits of one pass, unless a scale is learnt."""
    X = rng().normal(size=(48, 6, 2))
    y = y(X)
    whole = estimator(
        **FITS | DROPPING, scale=False, batch_size=4, bidirectional=False, tbptt_steps=tbptt_steps
    )
    chunked = clone(whole)
    for _ in range(2):
        whole.partial_fit(X, y)
        for start in (0, 8, 24):
            chunk = slice(start, {0: 8, 8: 24, 24: 48}[start])
            chunked.partial_fit(X[chunk], y[chunk])
    assert bits(chunked)[0] == bits(whole)[0]
    assert (whole.n_iter_, chunked.n_iter_) == (2, 6)


def test_warm_starts_go_on():
    """A warm start continues from the weights, pickled or not, for the new number of epochs."""
    model = RNNClassifier(**FITS, warm_start=True).fit(X, LABELS)
    first = bits(model)
    cold = bits(clone(model).set_params(warm_start=False).fit(X, LABELS))
    assert cold == first
    other = pickle.loads(pickle.dumps(model)).fit(X, LABELS)
    assert bits(model.fit(X, LABELS)) == bits(other) != first
    assert model.set_params(max_epochs=1).fit(X, LABELS).n_iter_ == 1


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_truncation_beyond_the_end_is_none(cell, problem):
    """tbptt_steps of the longest length or more is full backpropagation; fewer is not."""
    model, y = make(problem, cell=cell, bidirectional=False)

    def fitted(n_steps):
        truncated = clone(model).set_params(tbptt_steps=n_steps).fit(X, y)
        return truncated._outputs(truncated._check_input(X))  # a regressor may predict the mean

    full, longest = fitted(None), max(map(len, X))
    for n_steps in (longest, 10 * longest):
        np.testing.assert_allclose(fitted(n_steps), full, rtol=1e-5, atol=1e-6)
    # no state, or none that is trained: nothing to cut
    if cell not in ("feedforward", "echo_state") or "per step" in problem:
        assert np.abs(fitted(2) - full).max() > 1e-7


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("change", "y", "weights"),
    [
        (lambda frame: frame.assign(a=np.nan), LABELS, None),
        (lambda frame: frame.rename(columns={"a": "z"}).replace(0.0, np.inf), LABELS, None),
        (lambda frame: frame, np.r_[LABELS[:-1], [None]], None),
        (lambda frame: frame, LABELS[:-1], None),
        (lambda frame: frame, LABELS, -np.ones(N)),
        (lambda frame: frame, None, None),
    ],
    ids=["NaN", "infinity", "None", "short y", "negative weights", "no y"],
)
def test_a_failed_fit_leaves_the_estimator_as_it_was(method, change, y, weights):
    """Attributes, weights and predictions are unchanged."""
    frame = pd.DataFrame(rng().normal(size=(N, 4)), columns=list("abcd"))
    frame.iloc[0, 1] = 0.0
    model = RNNClassifier(**FITS).fit(frame, LABELS)
    before, state = model.predict_proba(frame), pickle.dumps(model)
    with pytest.raises((ValueError, TypeError)):
        getattr(model, method)(change(frame), y, sample_weight=weights)
    assert pickle.dumps(model) == state
    np.testing.assert_array_equal(model.predict_proba(frame), before)


@pytest.mark.parametrize("changes", [{}, {"warm_start": True}, {"max_epochs": 2}], ids=str)
def test_an_interrupted_fit_leaves_the_estimator_as_it_was(changes):
    """KeyboardInterrupt is raised; the earlier model is unchanged, if there was one."""
    model = RNNClassifier(**FITS | changes, callbacks=[InterruptAt(1)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, LABELS)
    assert not [name for name in vars(model) if name.endswith("_")]
    model.set_params(callbacks=None).fit(X, LABELS)
    before = bits(model)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[InterruptAt(1)]).fit(X, LABELS)
    assert bits(model) == before


def test_an_interrupted_partial_fit_can_be_repeated():
    """The optimizer's state is unchanged too."""
    model = RNNClassifier(**FITS).partial_fit(X, LABELS)
    other = copy.deepcopy(model)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[InterruptAt(1)]).partial_fit(X, LABELS)
    model.set_params(callbacks=None).partial_fit(X, LABELS)
    assert bits(model) == bits(other.partial_fit(X, LABELS))


def test_an_interrupt_leaves_the_threads_alone():
    """The caller's number of threads is restored."""
    threads = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        RNNRegressor(**FITS, callbacks=[InterruptAt(1)]).fit(X, NUMBERS)
    assert torch.get_num_threads() == threads


def test_divergence_is_an_error():
    """A loss that is not finite ends the fit with an error and leaves no model."""
    model = RNNRegressor(**FITS, optimizer="sgd", learning_rate=1e30, max_grad_norm=None)
    with pytest.raises(FloatingPointError, match="training diverged"):
        model.set_params(scale=False, max_epochs=20).fit(X, NUMBERS)
    assert not hasattr(model, "net_")


# --- the generator -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X", [["tea at ten", "tents", "net", "a"] * 4, X], ids=["texts", "numbers"]
)
def test_the_generator_keeps_the_laws(X):
    """The laws on order, seeds, pickles and batches hold for generators as well."""
    model = SequenceGenerator(hidden_size=5, max_epochs=2, random_state=0)
    first = bits(clone(model).fit(X))
    order = rng().permutation(len(X))
    assert bits(clone(model).fit(take(X, order))) == first == bits(model.fit(X))
    together = model.score_samples(X)
    alone = np.concatenate([model.score_samples([x]) for x in X])
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).score_samples(X), together)


def test_partial_fit_refuses_other_classes():
    """Classes that are passed again must be those of the first call."""
    X = [np.ones((3, 1)), np.zeros((4, 1))]
    model = RNNClassifier(hidden_size=4, random_state=0).partial_fit(X, ["a", "b"], ["a", "b"])
    model.partial_fit(X, ["a", "b"], ["b", "a"])
    with pytest.raises(ValueError, match=r"classes=\['a', 'c'\] is not the same"):
        model.partial_fit(X, ["a", "a"], ["a", "c"])


@pytest.mark.parametrize("name", ["hidden_size", "num_layers"])
def test_going_on_refuses_another_network(name):
    """Parameters of the network cannot change between two fits that share its weights."""
    X, y = np.arange(12.0).reshape(4, 3), np.array([0, 1, 0, 1])
    model = RNNClassifier(hidden_size=4, max_epochs=1, warm_start=True, random_state=0).fit(X, y)
    before = model.predict_proba(X)
    model.set_params(**{name: 3})
    for go_on in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=f"{name} is now 3"):
            go_on(X, y)
    assert np.array_equal(model.predict_proba(X), before)


def test_early_stopping_needs_labels_on_both_sides():
    """A training or validation part without a label is an error."""
    X = [np.full((3, 1), i) for i in range(20)]
    y = [np.full(3, np.nan) for _ in X]
    y[0][:] = y[1][:] = 1.0
    model = RNNRegressor(early_stopping=True, validation_split="last", random_state=0)
    with pytest.raises(ValueError, match="0 for validation"):
        model.fit(X, y)


def test_frames_may_not_skip_values():
    """A step between frames that is longer than the frames is an error."""
    with pytest.raises(ValueError, match=r"frame_step=5 is longer than the frames"):
        RNNClassifier(frame_length=3, frame_step=5).fit(np.eye(8), np.arange(8) % 2)


def test_score_checks_weights_per_step():
    """A wrong number of weights is an error."""
    X, y = [np.ones((2, 1)), np.ones((3, 1))], [np.array([0, 1]), np.array([1, 0, 1])]
    model = RNNClassifier(hidden_size=4, max_epochs=1, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(3,\), expected \(2,\)"):
        model.score(X, y, sample_weight=[1.0, 1.0, 1.0])


# --- estimators of users -------------------------------------------------------------------------


class SmallClassifier(RNNClassifier):
    """An estimator of a user that presets parameters, in a constructor of its own."""

    def __init__(self, hidden_size=4, random_state=0):
        super().__init__(
            hidden_size=hidden_size, pooling="mean", max_epochs=1, random_state=random_state
        )


def test_subclass_keeps_the_parameters_that_it_presets():
    """Parameters that the constructor of a subclass does not take have effect all the same."""
    X, y = np.random.default_rng(0).normal(size=(12, 5, 2)), np.arange(12) % 2
    reference = RNNClassifier(hidden_size=4, pooling="mean", max_epochs=1, random_state=0).fit(X, y)
    own = SmallClassifier().fit(X, y)
    assert np.array_equal(own.predict_proba(X), reference.predict_proba(X))
    assert np.array_equal(pickle.loads(pickle.dumps(own)).predict(X), own.predict(X))


@pytest.mark.parametrize(
    ("estimator", "later"),
    [
        (RNNClassifier(hidden_size=4, max_epochs=1), {"bidirectional": True, "tbptt_steps": 2}),
        (RNNRegressor(hidden_size=4, max_epochs=1), {"quantiles": (0.9, 0.1)}),
        (RNNRegressor(hidden_size=4, max_epochs=1), {"residual": "last", "target_columns": []}),
    ],
)
def test_fitted_estimator_is_copied_whatever_its_parameters_are_now(estimator, later):
    """Parameters for the next fit cannot keep a pickle of this one from being loaded."""
    X, y = np.random.default_rng(0).normal(size=(12, 5, 2)), np.arange(12) % 2
    fitted = estimator.fit(X, y).set_params(**later)
    expected = fitted.predict(X)
    for copied in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert np.array_equal(copied.predict(X), expected)
