"""What must hold under load: many threads, processes and calls, large vocabularies, bad files.

Run with ``python -m pytest -m slow tests/test_stress.py``.
"""

import itertools
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.callbacks import Checkpoint
from sksequence.persistence import load, save
from tests.helpers import DOCUMENTS, ROOT, all_weights, run_in_fork
from tests.test_checkpoints import CASES, bits
from tests.test_persistence import CRAFTED, FITS

pytestmark = pytest.mark.slow

RANDOM = np.random.RandomState(0)
X = [RANDOM.randn(n, 2) for n in RANDOM.randint(3, 12, 24)]
Y = np.arange(24) % 3
FULL = RANDOM.randn(64, 12, 2)
FULL_Y = np.arange(64) % 2
WIDE = RANDOM.randn(2000, 12, 2)  # enough numbers for several threads of torch
SMALL = {"max_epochs": 2, "random_state": 0}
SECONDS = 60  # after which a child hangs
MEGABYTE = 2**20


class OwnCell(torch.nn.GRU):
    """A user's cell."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size, batch_first=True)


@pytest.fixture(autouse=True)
def two_threads():
    """Let torch have two threads: with one, nothing would show that it is restored."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def as_bytes(result):
    """Return what two equal results have in common."""
    array = np.asarray(result)
    return pickle.dumps(array.tolist()) if array.dtype.kind in "OU" else array.tobytes()


def global_states():
    """Return the states of all global generators."""
    return (
        random.getstate(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002
        torch.get_rng_state().numpy().tobytes(),
    )


# --- threads -------------------------------------------------------------------------------------


def all_calls():
    """Return calls of all methods of fitted estimators, of single rows and batches."""
    cells = [RNNClassifier(cell, 16, **SMALL).fit(X, Y) for cell in ("gru", "lstm", "feedforward")]
    wide = RNNClassifier("lstm", 128, **SMALL).fit(X, Y)
    gaussian = RNNRegressor("gru", 16, loss="gaussian", **SMALL).fit(X, Y * 1.5)
    ensemble = RNNRegressor("rnn", 8, n_estimators=2, **SMALL).fit(X, Y * 1.5)
    symbols = SequenceGenerator("gru", 16, **SMALL).fit(DOCUMENTS)
    series = SequenceGenerator("lstm", 8, **SMALL).fit(X)
    calls = []
    for i, n in itertools.product(range(8), (1, 5)):
        rows, texts = X[i : i + n], DOCUMENTS[i % 4 : i % 4 + n]
        calls += [(cell.predict_proba, (rows,), {}) for cell in (*cells, wide)]
        calls += [(cells[0].predict, (rows,), {}), (gaussian.predict_std, (rows,), {})]
        calls += [(model.predict, (rows,), {}) for model in (gaussian, ensemble, series)]
        calls += [(symbols.predict_proba, (texts,), {}), (symbols.score_samples, (texts,), {})]
        drawn = {"n_samples": n, "random_state": i}
        calls += [
            (symbols.generate, (), drawn | {"max_steps": 4}),
            (series.sample, (), drawn),
        ]
    return calls


def test_predictions_in_threads_have_the_bits_of_serial_ones():
    """Eight threads use the same estimators at the same time, each in another order."""
    calls = all_calls()
    expected = [as_bytes(method(*args, **options)) for method, args, options in calls]
    before = global_states()

    def work(seed):
        order = random.Random(seed).choices(range(len(calls)), k=600)
        for i in order:
            method, args, options = calls[i]
            assert as_bytes(method(*args, **options)) == expected[i], method
        return torch.get_num_threads()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [2] * 8
        assert pool.submit(torch.get_num_threads).result() == 2
    assert global_states() == before


def fitted_bits(i):
    """Return the weights and the curve of one of 16 fits."""
    cell = ("rnn", "lstm", "gru", "feedforward")[i % 4]
    options = {"dropout": 0.2, "max_epochs": 4, "random_state": i // 8}
    if i % 5 == 4 and cell != "feedforward":
        model = SequenceGenerator(cell, 8, **options).fit(DOCUMENTS)
    elif i % 5 == 3:
        model = RNNRegressor(cell, 8, **options).fit(X, Y * 1.0)
    else:
        model = RNNClassifier(cell, 8, **options, n_estimators=1 + i % 2).fit(X, Y)
    return all_weights(model.module_).tobytes(), model.loss_curve_


def test_fits_in_threads_have_the_bits_of_serial_ones():
    """Sixteen fits at the same time, of equal and different seeds, do not disturb each other."""
    expected = [fitted_bits(i) for i in range(16)]
    before = global_states()
    for _ in range(3):
        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(fitted_bits, range(16))) == expected
            assert list(pool.map(fitted_bits, [1] * 16)) == [expected[1]] * 16
    assert global_states() == before


# --- processes -----------------------------------------------------------------------------------


def wide_classifier(cell, width):
    """Return an estimator whose weights several threads would copy."""
    return RNNClassifier(cell, width, max_epochs=1, batch_size=64, random_state=0)


def predictions(model):
    """Return predictions of few and of many rows."""
    return [model.predict_proba(rows).tobytes() for rows in (FULL, WIDE, FULL[:1])]


def predictions_of_pickle(content):
    """Load a model and predict."""
    return predictions(pickle.loads(content))


def predictions_of_fit(cell, width):
    """Fit and predict."""
    return predictions(wide_classifier(cell, width).fit(FULL, FULL_Y))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_children_predict_the_same(method):
    """Children of a process that has computed load, predict and fit, and none waits for ever."""
    with multiprocessing.get_context(method).Pool(1) as pool:
        pool.apply_async(os.getpid).get(SECONDS)
    for width, cell in itertools.product((16, 91, 128, 300), ("lstm", "gru")):
        model = wide_classifier(cell, width).fit(FULL, FULL_Y)
        model = pickle.loads(pickle.dumps(model))
        expected = predictions(model)
        pickle.loads(pickle.dumps(model)).partial_fit(FULL, FULL_Y)
        if method == "fork":
            run_in_fork(lambda e=expected, m=model: np.testing.assert_equal(predictions(m), e))
        with multiprocessing.get_context(method).Pool(1) as pool:
            for task in (
                pool.apply_async(predictions_of_pickle, [pickle.dumps(model)]),
                pool.apply_async(predictions, [model]),
                pool.apply_async(predictions_of_fit, [cell, width]),
            ):
                assert task.get(SECONDS) == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a platform without fork")
def test_forks_while_threads_compute():
    """Whatever the threads of the parent hold at that moment, a child fits, loads and predicts."""
    options = {"max_epochs": 1, "random_state": 0}
    small = [
        RNNClassifier("gru", 8, **options),
        RNNClassifier(OwnCell, 8, **options),
        RNNClassifier("feedforward", 128, batch_size=64, **options),
    ]
    content = pickle.dumps(clone(small[1]).fit(X, Y))

    def results():
        fits = [clone(model).fit(X, Y).predict_proba(X).tobytes() for model in small]
        return [*fits, pickle.loads(content).predict_proba(X).tobytes(), torch.get_num_threads()]

    def work(model):
        while not ended.is_set():
            pickle.loads(pickle.dumps(model.fit(X, Y))).predict(X[:1])

    expected, ended = results(), threading.Event()
    workers = [threading.Thread(target=work, args=(clone(model),)) for model in small]
    for worker in workers:
        worker.start()
    try:
        for _ in range(60):
            run_in_fork(lambda: np.testing.assert_equal(results(), expected), 30)
    finally:
        ended.set()
        for worker in workers:
            worker.join()


# --- memory and time -----------------------------------------------------------------------------

only_with_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="not Linux")


def resident_memory():
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(step, n):
    """Return the bytes by which the memory has grown since the first 50 of n steps."""
    for i in range(50):
        step(i)
    before = resident_memory()
    for i in range(50, n):
        step(i)
    return resident_memory() - before


@only_with_proc
def test_predictions_keep_no_memory():
    """Single rows of all lengths, again and again."""
    model = RNNClassifier("gru", 16, **SMALL).fit(X, Y)
    rows = [RANDOM.randn(1, n, 2) for n in RANDOM.randint(1, 60, 200)]
    assert growth(lambda i: model.predict(rows[i % 200]), 50_000) < 5 * MEGABYTE


@only_with_proc
def test_fits_keep_no_memory():
    """Estimators of all kinds, with data of several sizes."""

    def fit(i):
        n = 10 + i % 10
        RNNClassifier(("gru", "lstm", "rnn", "feedforward")[i % 4], 8, **SMALL).fit(X[:n], Y[:n])
        RNNRegressor("gru", 8 + i % 5, **SMALL).fit(X[:n], Y[:n])
        SequenceGenerator("gru", 8, **SMALL).fit(DOCUMENTS)

    assert growth(fit, 200) < 10 * MEGABYTE


FIT_OF_VOCABULARY = """
import resource, sys, time
import numpy as np
from sksequence import RNNClassifier, SequenceGenerator

kind, n, n_tokens = sys.argv[1], int(sys.argv[2]), 40_000
random = np.random.RandomState(0)

def fit(n, n_tokens):
    drawn = random.permutation(np.append(np.arange(n), random.randint(0, n, n_tokens - n)))
    X = [[f"w{i}" for i in part] for part in drawn.reshape(-1, 50)]
    options = {"hidden_size": 16, "max_epochs": 1, "random_state": 0}
    if kind == "classifier":
        model, y = RNNClassifier("gru", embedding_dim=16, **options), [np.arange(len(X)) % 2]
    else:
        model, y = SequenceGenerator("gru", **options), []
    start = time.process_time()
    model.fit(X, *y).predict(X[:10])
    return time.process_time() - start

fit(500, 1000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seconds = min(fit(n, n_tokens) for _ in range(2))
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["classifier", "generator"])
def test_large_vocabularies_take_linear_time_and_memory(kind):
    """Four times the symbols take about four times as much at most; their squares would be 16."""
    pytest.importorskip("resource")

    def measured(n):
        command = [sys.executable, "-c", FIT_OF_VOCABULARY, kind, str(n)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        return np.array(done.stdout.split(), dtype=float)

    few, many = measured(10_000), measured(40_000)
    least = np.array([0.1, 16 * 1024])  # seconds and KB, below which others decide
    assert (many < 7 * np.maximum(few, least)).all(), (few, many)


# --- files ---------------------------------------------------------------------------------------


def substitutes(byte, at):
    """Return three other values of a byte: one bit, all bits, and the next value."""
    return {byte ^ (1 << at % 8), byte ^ 0xFF, (byte + 1) % 256}


@pytest.mark.parametrize("kind", ["labels", "symbols", "ensemble"])
def test_every_change_of_every_byte_is_found(kind, tmp_path):
    """Three substitutes of each byte of a file are refused, and of the weights in a pickle."""
    model, path = FITS[kind](), tmp_path / "saved"
    save(model, path)
    raw = path.read_bytes()
    with path.open("r+b", buffering=0) as file:
        for at, byte in enumerate(raw):
            for other in substitutes(byte, at):
                file.seek(at)
                file.write(bytes([other]))
                with pytest.raises(ValueError, match="the checksum at its end does not fit"):
                    load(path)
            file.seek(at)
            file.write(bytes([byte]))
    assert path.read_bytes() == raw
    whole = pickle.dumps(model)
    arrays = [a for a in model.__getstate__()["_arrays"]["weights"].values() if a.nbytes >= 8]
    for start, n in ((whole.index(array.tobytes()), array.nbytes) for array in arrays):
        for at in range(start, start + n):
            for other in substitutes(whole[at], at):
                changed = whole[:at] + bytes([other]) + whole[at + 1 :]
                with pytest.raises(ValueError, match="have changed since they were stored"):
                    pickle.loads(changed)


def peak_memory():
    """Return the largest resident memory of this process since it was last reset."""
    (line,) = (
        line
        for line in Path("/proc/self/status").read_text("ascii").splitlines()
        if line.startswith("VmHWM")
    )
    return int(line.split()[1]) * 1024


@only_with_proc
def test_crafted_files_take_little_memory_of_the_system(tmp_path):
    """As in `test_crafted_files_are_refused`, with memory that Python does not count."""
    path, good = tmp_path / "crafted", tmp_path / "good"
    save(FITS["labels"]().set_params(max_epochs=32).fit(WIDE[:12], ["a", "b"] * 6), good)
    raw = good.read_bytes()

    def work():
        load(good)  # all that is needed of libraries is in memory by now
        Path("/proc/self/clear_refs").write_text("5", "ascii")
        before, start = peak_memory(), time.perf_counter()
        with pytest.raises(ValueError, match="cannot be loaded"):
            load(path)
        assert time.perf_counter() - start < 1
        assert peak_memory() - before < 2 * path.stat().st_size + 5 * MEGABYTE

    for make, _ in CRAFTED.values():
        path.write_bytes(make(raw))
        run_in_fork(work, 20)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path):
    """A write that fails in the middle of the archive leaves the state before, which is resumed."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    class FullDisk(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 3:
                resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))

    estimator, inputs, y = CASES["classifier"]
    path = tmp_path / "a"
    model = clone(estimator).set_params(callbacks=[Checkpoint(path), FullDisk()])
    try:
        with pytest.warns(UserWarning, match="the file holds epoch 2"):
            model.fit(inputs, y)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == [path]
    checkpoint = Checkpoint(path)
    again = clone(estimator).set_params(callbacks=[checkpoint]).fit(inputs, y)
    assert checkpoint.n_epochs_resumed_ == 2
    assert bits(again) == bits(model) == bits(clone(estimator).fit(inputs, y))
