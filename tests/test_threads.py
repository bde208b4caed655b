"""The policy for threads and subnormal numbers: the settings of the caller are restored."""

import copy
import inspect
import itertools
import os
import pickle
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, _net, _threads
from sksequence._batching import PreparedSequences
from sksequence._losses import LOSSES
from sksequence._threads import benefits_from_threads, limited_threads, n_loop_threads
from tests.helpers import DOCUMENTS, run_in_fork, small_classifier

X = np.random.RandomState(0).randn(20, 6, 2)
Y = np.arange(20) % 2
SMALL, LARGE = (32, 64), (512, 512)
ESTIMATORS = {
    "classifier": (RNNClassifier("lstm", 8, max_epochs=1), X, Y),
    "regressor": (RNNRegressor("rnn", 8, max_epochs=1), X, Y),
    "generator": (SequenceGenerator("gru", 8, max_epochs=1), DOCUMENTS, None),
    "not compiled": (RNNClassifier("feedforward", 8, max_epochs=1), X, Y),
}


@contextmanager
def threads_of_caller(n):
    """Let the process have `n` threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def two_threads():
    """Let the process have two threads: with one, as in other tests, restoring shows nothing."""
    with threads_of_caller(2):
        yield


def in_another_thread(function):
    """Return the result of a function that another thread runs to its end."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join(60)
    return results[0]


class Fail(Callback):
    """Note the number of threads during training, then raise."""

    def __init__(self, error):
        self.error, self.seen = error, []

    def on_batch_end(self, net, **kwargs):
        """Fail in the middle of an epoch."""
        self.seen.append(torch.get_num_threads())
        raise self.error


# --- number of threads ---------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("compiled", [False, True])
def test_threads_inside_and_outside(sizes, compiled):
    """There is one thread inside unless torch computes a large network, and two again outside."""
    with limited_threads(*sizes, compiled=compiled):
        assert torch.get_num_threads() == (2 if sizes == LARGE and not compiled else 1)
    assert torch.get_num_threads() == 2
    assert benefits_from_threads(*sizes) == (sizes == LARGE)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("sizes", [SMALL, LARGE], ids=["small", "large"])
def test_threads_are_restored_after_an_exception(error, sizes, compiled):
    """The number of threads is restored whatever ends the body."""
    with pytest.raises(error), limited_threads(*sizes, compiled=compiled):
        raise error
    assert torch.get_num_threads() == 2


def test_only_the_outermost_restores():
    """Nested computations stay on one thread until the outermost ends, after an exception too."""
    with limited_threads(*SMALL):
        with limited_threads(*SMALL):
            pass
        assert torch.get_num_threads() == 1
        with pytest.raises(RuntimeError, match="inside"), limited_threads(*LARGE, compiled=True):
            raise RuntimeError("inside")
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_number_is_read_for_each_computation():
    """A caller who changes the setting gets the new one back, not the first that was seen."""
    for n in (3, 1, 2):
        with threads_of_caller(n):
            with limited_threads(*SMALL):
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == n


@pytest.mark.parametrize("first_in", [True, False])
def test_each_of_several_threads_restores_its_own(first_in):
    """Two threads compute at the same time, each on one thread; afterwards each has two again."""
    inside, leave, seen = threading.Event(), threading.Event(), []

    def work():
        with limited_threads(*SMALL):
            inside.set()
            leave.wait(10)
            seen.append(torch.get_num_threads())
        seen.append(torch.get_num_threads())

    other = threading.Thread(target=work)
    try:
        if not first_in:
            other.start()
            inside.wait(10)
        with limited_threads(*SMALL):
            if first_in:
                other.start()
                inside.wait(10)
            ours = [torch.get_num_threads()]
        ours.append(torch.get_num_threads())
    finally:
        leave.set()
        other.join(10)
    assert ours == seen == [1, 2]


# --- estimators ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("estimator", "X", "y"), ESTIMATORS.values(), ids=ESTIMATORS)
def test_estimators_restore_threads(estimator, X, y):
    """Each method that computes leaves the setting as it was."""
    estimator.fit(X, y)
    assert torch.get_num_threads() == 2
    for method in ("predict", "predict_proba", "score_samples", "transform", "partial_fit"):
        if hasattr(estimator, method):
            arguments = (X, y) if method == "partial_fit" else (X,)
            getattr(estimator, method)(*arguments)
            assert torch.get_num_threads() == 2, method


def test_stream_leaves_threads_to_the_caller_between_symbols():
    """The caller has two threads after each symbol, and after a stream that ends early."""
    estimator, X, _ = ESTIMATORS["generator"]
    stream = estimator.fit(X).stream("to", max_steps=5, random_state=0)
    assert torch.get_num_threads() == 2
    next(stream)
    assert torch.get_num_threads() == 2
    stream.close()
    assert torch.get_num_threads() == 2
    estimator.generate("to", n_samples=2, max_steps=5, random_state=0)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_failed_training_restores_threads(method, error):
    """A callback sees one thread; its exception leaves two."""
    failing = Fail(error)
    estimator = small_classifier(callbacks=[failing])
    arguments = {"classes": [0, 1]} if method == "partial_fit" else {}
    with pytest.raises(type(error)):
        getattr(estimator, method)(X, Y, **arguments)
    assert failing.seen == [1]
    assert torch.get_num_threads() == 2


def test_failed_prediction_restores_threads(monkeypatch):
    """An exception in the middle of a prediction leaves two threads."""
    estimator, seen = small_classifier(max_epochs=1).fit(X, Y), []

    def fail(*args):
        seen.append(torch.get_num_threads())
        raise RuntimeError("in the middle")

    monkeypatch.setattr(PreparedSequences, "gather", fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        estimator.predict(X)
    assert seen == [1]
    assert torch.get_num_threads() == 2


def test_fits_side_by_side_restore_threads():
    """Fits in several threads of the caller, which end one after the other, leave two threads."""
    estimators = [small_classifier(max_epochs=n) for n in (1, 5, 10)]
    workers = [threading.Thread(target=e.fit, args=(X, Y)) for e in estimators]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert torch.get_num_threads() == in_another_thread(torch.get_num_threads) == 2


# --- threads of compiled loops -------------------------------------------------------------------


def test_shards_are_the_threads_of_the_caller():
    """Compiled loops of a large network share rows between them; those of a small one do not."""
    assert n_loop_threads() == 1
    with limited_threads(*LARGE, compiled=True):
        assert n_loop_threads() == 2
        with limited_threads(*SMALL, compiled=True):
            assert n_loop_threads() == 1
        assert n_loop_threads() == 2
        assert in_another_thread(n_loop_threads) == 1
        with pytest.raises(RuntimeError, match="inside"), limited_threads(*SMALL, compiled=True):
            raise RuntimeError("inside")
        assert n_loop_threads() == 2
    assert n_loop_threads() == 1


def test_shards_are_restored_after_an_exception():
    """Nothing is shared any more once a large network has failed."""
    with pytest.raises(RuntimeError, match="inside"), limited_threads(*LARGE, compiled=True):
        raise RuntimeError("inside")
    assert n_loop_threads() == 1


# --- subnormal numbers ---------------------------------------------------------------------------


def flushes_subnormals():
    """Check whether this thread takes numbers too small for full precision as 0."""
    return bool((torch.tensor([1e-40]) * 1.0 == 0).item())


FLUSHES = torch.set_flush_denormal(True)
torch.set_flush_denormal(False)
only_where_possible = pytest.mark.skipif(not FLUSHES, reason="the processor cannot")


@only_where_possible
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("is_set", [False, True])
@pytest.mark.parametrize("sizes", [(1, 1), (4096, 4096)], ids=["small", "large"])
def test_subnormals_are_zero_inside_only(sizes, is_set, compiled):
    """Subnormal numbers are 0 inside; the setting of the caller holds outside, after errors too."""
    torch.set_flush_denormal(is_set)
    try:
        with limited_threads(*sizes, compiled=compiled):
            assert flushes_subnormals()
            with limited_threads(*sizes, compiled=compiled):
                pass
            assert flushes_subnormals()
        assert flushes_subnormals() == is_set
        with pytest.raises(KeyError), limited_threads(*sizes, compiled=compiled):
            {}["nothing"]
        assert flushes_subnormals() == is_set
    finally:
        torch.set_flush_denormal(False)


@only_where_possible
def test_estimators_restore_subnormals():
    """After a fit, a failed fit and a prediction small numbers are what they were."""
    estimator = small_classifier(max_epochs=1).fit(X, Y)
    assert not flushes_subnormals()
    estimator.predict(X)
    assert not flushes_subnormals()
    with pytest.raises(RuntimeError, match="mine"):
        small_classifier(callbacks=[Fail(RuntimeError("mine"))]).fit(X, Y)
    assert not flushes_subnormals()


@only_where_possible
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_vanishing_gradients_end_in_zeros(cell):
    """Hardly any gradient on its way back is subnormal; without flushing, 166 are.

    Arithmetic with subnormal numbers is a hundred times slower.
    """
    seen = []

    class Watch(Callback):
        def on_batch_begin(self, net, batch, training):
            batch[0]["values"].requires_grad_()

        def on_batch_end(self, net, batch, training, **kwargs):
            seen.append(batch[0]["values"].grad.abs())

    x = np.random.RandomState(0).randn(4, 800, 1)
    options = {"frame_length": 1, "bidirectional": False, "pooling": "last", "max_epochs": 1}
    options |= {"hidden_size": 8, "batch_size": 20, "random_state": 0}
    RNNClassifier(cell, callbacks=[Watch()], **options).fit(x, [0, 1, 0, 1])
    smallest = torch.finfo(torch.float32).smallest_normal
    (gradient,) = seen
    assert (gradient == 0).any()
    assert (gradient > 0).any()
    assert ((gradient > 0) & (gradient < smallest)).sum() <= 8
    assert not flushes_subnormals()


# --- interrupts ----------------------------------------------------------------------------------


def settings():
    """Return what a computation sets on this thread and must restore."""
    return torch.get_num_threads(), flushes_subnormals(), n_loop_threads(), _threads._inside


def interrupted(n, body):
    """Run a body, with Ctrl-C at its n-th begin or end of a call; return whether it came."""
    events = itertools.count()

    def interrupt(frame, event, argument):
        # signals are not handled at a yield
        yields = event == "return" and frame.f_code.co_flags & inspect.CO_GENERATOR
        is_ours = frame.f_code is interrupted.__code__
        if not yields and not is_ours and next(events) == n:
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        body()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def is_unlocked():
    """Check whether this thread can have the lock."""
    if not _threads._lock.acquire(timeout=5):
        return False
    _threads._lock.release()
    return True


@pytest.mark.parametrize(
    ("sizes", "compiled"), [(SMALL, False), (LARGE, False), (LARGE, True)], ids=str
)
def test_interrupts_at_any_place_leave_nothing_behind(sizes, compiled):
    """Wherever Ctrl-C comes, the settings are those from before; so is the lock."""

    def body():
        with limited_threads(*sizes, compiled=compiled), limited_threads(*SMALL):
            pass

    before = settings()
    for n in itertools.takewhile(lambda n: interrupted(n, body), itertools.count()):
        assert settings() == before, n
        assert in_another_thread(is_unlocked), n
    assert n > 60
    assert settings() == before


def left_behind():
    """Return a computation that has not ended with the function that began it."""
    context = limited_threads(*SMALL)
    context.__enter__()
    return context


def test_next_computation_ends_one_that_was_left_behind():
    """A traceback that is kept may keep a computation alive; the next one restores its settings."""
    before = settings()
    context = left_behind()
    assert settings() != before
    with limited_threads(*SMALL):
        assert torch.get_num_threads() == 1
    assert settings() == before
    context.__exit__(None, None, None)
    assert settings() == before


def test_a_suspended_generator_still_computes():
    """A computation in a generator is not left behind while the generator waits."""

    def steps():
        with limited_threads(*SMALL):
            yield

    waiting = steps()
    next(waiting)
    with limited_threads(*SMALL):
        pass
    assert torch.get_num_threads() == 1
    waiting.close()
    assert torch.get_num_threads() == 2


# --- forked children -----------------------------------------------------------------------------

only_with_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="a platform without fork")


def start_threads_of_torch():
    """Let torch start its threads, for which a forked child would wait."""
    torch.ones(10**6).mul_(2.0)


def check_small_computation():
    """Check that a computation has one thread inside, and the caller's two outside."""
    with limited_threads(*SMALL):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == in_another_thread(torch.get_num_threads) == 2
    assert _threads._inside == 0


@only_with_fork
def test_fork_alongside_a_computing_thread():
    """A child knows nothing of threads of the parent that compute, or that have the lock."""
    leave, inside = threading.Event(), threading.Event()

    def work():
        with limited_threads(*SMALL), _threads._lock:
            inside.set()
            leave.wait(30)

    other = threading.Thread(target=work)
    other.start()
    try:
        inside.wait(10)
        run_in_fork(check_small_computation)
    finally:
        leave.set()
        other.join(10)
    check_small_computation()


@only_with_fork
def test_fork_in_the_middle_of_a_computation():
    """A child that is forked by a callback ends the computation, too."""

    def work():
        assert torch.get_num_threads() == 1
        context.__exit__(None, None, None)
        check_small_computation()

    context = limited_threads(*SMALL)
    with context:
        run_in_fork(work)
        assert torch.get_num_threads() == 1
    check_small_computation()


@only_with_fork
@pytest.mark.parametrize("width", [128, 300])
def test_methods_do_not_wait_for_threads_of_the_parent(width):
    """A child loads, copies, predicts and continues a fit, wide layers included."""
    wide = np.random.RandomState(0).randn(64, 4, 2)
    y = np.arange(64) % 2
    model = RNNClassifier("lstm", width, max_epochs=1, batch_size=64, random_state=0).fit(wide, y)
    expected = model.predict_proba(wide)
    start_threads_of_torch()

    def work():
        np.testing.assert_array_equal(model.predict_proba(wide), expected)
        loaded = copy.deepcopy(pickle.loads(pickle.dumps(model)))
        np.testing.assert_array_equal(loaded.predict_proba(wide), expected)
        loaded.partial_fit(wide, y)
        pickle.loads(pickle.dumps(loaded)).partial_fit(wide, y)
        assert torch.get_num_threads() == 2

    run_in_fork(work)


@only_with_fork
@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.density])
def test_large_predictions_do_not_wait_for_threads_of_the_parent(loss):
    """Distributions of many outputs are computed on one thread in a child."""
    model = RNNRegressor("rnn", 2, loss=loss, max_epochs=1, random_state=0)
    model.fit(np.random.RandomState(0).randn(8, 2, 1), 1 + np.arange(16).reshape(8, 2) % 3)
    start_threads_of_torch()
    run_in_fork(lambda: model.predict_std(np.zeros((40_000, 1, 1), np.float32)))


class SlowCell(torch.nn.GRU):
    """A user's cell that takes its time to be built."""

    is_begun = threading.Event()
    seconds = 0.0

    def __init__(self, input_size, hidden_size):
        self.is_begun.set()
        time.sleep(self.seconds)
        super().__init__(input_size, hidden_size, batch_first=True)


@only_with_fork
@pytest.mark.parametrize("seconds", [0.2, 1.5])
def test_fork_while_another_thread_builds_a_cell(monkeypatch, seconds):
    """A child can build cells; the global generator is as before, unless the build takes long."""
    monkeypatch.setattr(SlowCell, "seconds", seconds)
    SlowCell.is_begun.clear()
    before = torch.get_rng_state()

    def work():
        assert torch.equal(torch.get_rng_state(), before) == (seconds < 1)
        monkeypatch.setattr(SlowCell, "seconds", 0.0)
        RNNClassifier(SlowCell, 4, max_epochs=1).fit(X, Y)

    other = threading.Thread(target=RNNClassifier(SlowCell, 4, max_epochs=1).fit, args=(X, Y))
    other.start()
    SlowCell.is_begun.wait(10)
    run_in_fork(work)
    other.join(30)
    assert torch.equal(torch.get_rng_state(), before)
    monkeypatch.setattr(SlowCell, "seconds", 0.0)
    assert in_another_thread(lambda: RNNClassifier(SlowCell, 4, max_epochs=1).fit(X, Y))


@pytest.mark.parametrize("method", [copy.deepcopy, lambda model: model.partial_fit(X, Y)])
def test_weights_are_copied_on_one_thread(monkeypatch, method):
    """Loading starts no threads of torch, for which children of the process would wait."""
    model, seen = small_classifier(max_epochs=1).partial_fit(X, Y, classes=[0, 1]), []
    for name in ("load_weights", "load_optimizer"):
        monkeypatch.setattr(
            _net._construction, name, lambda *_: seen.append(torch.get_num_threads())
        )
    method(model)
    assert seen == [1, 1]
    assert torch.get_num_threads() == 2
