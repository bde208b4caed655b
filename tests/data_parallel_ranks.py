"""What each of two processes does for `tests/test_data_parallel.py`: fits, and calls that fail.

Run as ``python data_parallel_ranks.py PART FOLDER``; the results of a rank are pickled there.
"""

import os
import pickle
import sys
import threading
from contextlib import redirect_stdout
from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
from sklearn.base import clone
from skorch.callbacks import Callback

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._net import _ranks
from sksequence.callbacks import DataParallel

RANDOM = np.random.RandomState(0)
X = [RANDOM.randn(n, 3) for n in RANDOM.randint(3, 12, 45)]
LABELS = np.array(["up" if x[:, 0].sum() > 0 else "down" for x in X])
NUMBERS = np.array([[x[:, 0].sum(), x[:, 1].mean()] for x in X])
GAPS = np.where(RANDOM.rand(*NUMBERS.shape) < 0.2, np.nan, NUMBERS)
STEPS = [x[:, 1] > 0 for x in X]
WEIGHTS = RANDOM.rand(len(X)) + 0.1
TEXTS = ["to be or not to be", "that is the question", "whether tis nobler", "in the mind"] * 5
SERIES = [np.sin(0.5 * np.arange(n)) + 0.1 * RANDOM.randn(n) for n in range(30, 45)]

# 45 sequences in batches of 4: the last has one, and a rank without any
SMALL = {
    "hidden_size": 6,
    "max_epochs": 5,
    "batch_size": 4,
    "learning_rate": 0.005,
    "dropout": 0.0,
    "random_state": 0,
}
STOPPING = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 2}

CASES = {
    "labels": (RNNClassifier("gru", **SMALL), X, LABELS, None),
    "class weights": (RNNClassifier("gru", **SMALL, class_weight="balanced"), X, LABELS, None),
    "sample weights": (RNNClassifier("gru", **SMALL), X, LABELS, WEIGHTS),
    "clipping": (RNNClassifier("lstm", **SMALL, max_grad_norm=0.01), X, LABELS, None),
    "networks": (RNNClassifier("gru", **SMALL, n_estimators=2), X, LABELS, None),
    "missing targets": (RNNRegressor("lstm", **SMALL), X, GAPS, None),
    "steps": (RNNClassifier("gru", **SMALL), X, STEPS, None),
    "chunks": (RNNClassifier("gru", **SMALL, tbptt_steps=3), X, STEPS, WEIGHTS),
    "truncated": (RNNClassifier("gru", **SMALL, tbptt_steps=3), X, LABELS, None),
    "in order": (RNNClassifier("gru", **SMALL, shuffle=False), X, LABELS, None),
    "stopping": (
        RNNRegressor("gru", **SMALL | {"learning_rate": 0.05, "max_epochs": 40}, **STOPPING),
        X,
        NUMBERS,
        None,
    ),
    "texts": (SequenceGenerator("gru", **SMALL), TEXTS, None, None),
    "streams": (SequenceGenerator("gru", **SMALL, tbptt_steps=7), SERIES, None, None),
}


class Watch(Callback):
    """Callback that reads every batch, so that skorch's own path is taken."""

    def on_batch_end(self, net, **kwargs):
        """Read the loss."""
        float(net.history[-1, "batches", -1, "train_loss"])


class Leave(Callback):
    """End this process after the first epoch."""

    def on_epoch_end(self, net, **kwargs):
        """Close all connections."""
        os._exit(0)


class Fail(Callback):
    """Raise an error in the first epoch."""

    def on_grad_computed(self, net, **kwargs):
        """Fail before the gradients are exchanged again."""
        raise RuntimeError("failed here")


class Decay(Callback):
    """Make weights smaller after each epoch."""

    def on_epoch_end(self, net, **kwargs):
        """Change the output layer."""
        net.module_.head.weight.data *= 0.9


class Freeze(Callback):
    """Train a part of the weights only."""

    def on_train_begin(self, net, **kwargs):
        """Freeze the output layer."""
        net.module_.head.weight.requires_grad_(False)


def fit(estimator, X, y, weights, *callbacks):
    """Fit a copy of an estimator, with weights if there are any."""
    model = clone(estimator).set_params(callbacks=[*callbacks])
    if y is None:
        return model.fit(X)
    return model.fit(X, y) if weights is None else model.fit(X, y, sample_weight=weights)


def variants(*callbacks):
    """Return models by name: of `fit` as in CASES, and of other ways to train."""
    models = {name: fit(*case, *callbacks) for name, case in CASES.items()}
    labels = CASES["labels"][0]
    models["watched"] = fit(labels, X, LABELS, None, Watch(), *callbacks)
    warm = clone(labels).set_params(warm_start=True, callbacks=[*callbacks])
    models["warm start"] = warm.fit(X, LABELS).fit(X, LABELS)
    partial = clone(labels).set_params(callbacks=[*callbacks])
    for rows in (slice(0, 21), slice(21, 45)):
        partial.partial_fit(X[rows], LABELS[rows], classes=["down", "up"])
    models["partial fit"] = pickle.loads(pickle.dumps(partial)).partial_fit(X, LABELS)
    return models


def failures(rank):
    """Return the messages of fits that differ between the ranks."""
    model = CASES["labels"][0]
    other = clone(model).set_params(learning_rate=0.005 + 0.001 * rank)
    seedless = clone(model).set_params(random_state=None)
    numbers = [x + rank for x in X]
    smaller, frozen = ([callback] if rank else [] for callback in (Decay(), Freeze()))
    calls = {
        "parameters": lambda: fit(other, X, LABELS, None, DataParallel()),
        "X": lambda: fit(model, numbers, LABELS, None, DataParallel()),
        "y": lambda: fit(model, X, np.roll(LABELS, rank), None, DataParallel()),
        "weights": lambda: fit(model, X, LABELS, WEIGHTS + rank, DataParallel()),
        "seed": lambda: fit(seedless, X, LABELS, None, DataParallel()),
        "changed weights": lambda: fit(model, X, LABELS, None, DataParallel(), *smaller),
        "frozen weights": lambda: fit(model, X, LABELS, None, DataParallel(), *frozen),
        "thread": lambda: in_thread(lambda: fit(model, X, LABELS, None, DataParallel())),
    }
    return {name: message_of(call) for name, call in calls.items()}


def in_thread(call):
    """Call a function on another thread, and raise its error here."""
    errors = []
    thread = threading.Thread(target=lambda: errors.append(error_of(call)))
    thread.start()
    thread.join()
    raise errors[0]


def error_of(call):
    """Return the error of a call."""
    try:
        call()
    except (ConnectionError, RuntimeError, ValueError) as error:
        return error
    return None


def message_of(call):
    """Return type and message of the error of a call."""
    error = error_of(call)
    return f"{type(error).__name__}: {error}"


def write(result, part, folder):
    """Write a result of this rank."""
    Path(folder, f"{part}_{os.environ['RANK']}.pickle").write_bytes(pickle.dumps(result))


def main(part, folder):
    """Write the results of this rank."""
    rank, model = int(os.environ["RANK"]), CASES["labels"][0]
    if part == "models":
        dropping = clone(model).set_params(dropout=0.5)
        models = variants(DataParallel())
        models["dropout"] = fit(dropping, X, LABELS, None, DataParallel())
        with redirect_stdout(StringIO()) as printed:
            printing = clone(model).set_params(verbose=2)
            fit(printing, X, LABELS, None, DataParallel(), *([Watch()] if rank else []))
        write(printed.getvalue(), "printed", folder)
        write({name: m.set_params(callbacks=None) for name, m in models.items()}, part, folder)
        return
    if part == "failing":
        _ranks._PATIENCE = timedelta(seconds=2)
        one = [Fail()] if rank == 1 else []
        fits = ([Fail()], [], one, [])
        calls = [partial(fit, model, X, LABELS, None, DataParallel(), *added) for added in fits]
        write([message_of(call) for call in calls], part, folder)
        return
    messages = failures(rank)
    write(messages, part, folder)
    leave = [Leave()] if rank == 1 else []
    last = message_of(lambda: fit(model, X, LABELS, None, DataParallel(), *leave))
    write(messages | {"last": last}, part, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
