"""Helpers of several test modules: small estimators, weights, comparisons, child processes."""

import os
import signal
import subprocess
import sys
import traceback
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn

from sksequence import RNNClassifier, SequenceGenerator
from sksequence._cells import CELLS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sksequence"

DOCUMENTS = ["to be or not to be", "that is the question", "whether tis nobler", "in the mind"] * 5

TORCH_LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class InterruptAt(Callback):
    """Callback that raises KeyboardInterrupt at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        """Raise once the epoch is over."""
        if len(net.history) == self.epoch:
            raise KeyboardInterrupt


# cells in which recurrent dropout has a place
WITH_MATRICES = [name for name, cell in CELLS.items() if cell.products or name == "feedforward"]


def cell_with(name, activation="tanh", **params):
    """Return a cell by its name; those without an activation function ignore it."""
    if "activation" in CELLS[name]().get_params():
        params["activation"] = activation
    return CELLS[name](**params)


small_classifier = partial(RNNClassifier, "gru", hidden_size=8, max_epochs=4, random_state=0)


def fit_generator(X=DOCUMENTS, y=None, cell="gru", **parameters):
    """Fit a small generator."""
    small = {"hidden_size": 16, "max_epochs": 4, "random_state": 0}
    return SequenceGenerator(cell, **small | parameters).fit(X, y)


def seasonal_series(n_series, n_steps, random):
    """Return noisy seasonal series (n_series, n_steps) of a season of 6 steps, of many sizes."""
    shapes = random.rand(n_series, 6) * 3
    noise = 0.3 * random.randn(n_series, n_steps)
    series = 10 + shapes[:, np.arange(n_steps) % 6] + noise
    return series * 10.0 ** random.uniform(-2, 4, (n_series, 1))


def all_weights(module):
    """Return all weights of a network as one array."""
    return np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])


def end_to_end(rows):
    """Concatenate ragged per-step rows; return an ordinary array as it is."""
    return np.concatenate(list(rows)) if rows.dtype == object else rows


def assert_close(actual, expected, tol=1e-5):
    """Compare float32 results with a tolerance relative to their size."""
    torch.testing.assert_close(actual, expected, rtol=tol, atol=tol)


# models of these tests are trained briefly, of which fit warns
_BRIEF = "ignore:On sequences that it was not trained on, the network is not clearly better"


def run_in_child(code, *arguments):
    """Run code in a process of its own, which must succeed without a warning of other kinds."""
    command = [sys.executable, "-W", "error", "-W", _BRIEF, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run_in_fork(function, seconds=60):
    """Call a function in a forked child, which must return in time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the tests fork a threaded process
        child = os.fork()
    if child == 0:
        signal.alarm(seconds)  # ends a child that waits for ever
        try:
            function()
        except BaseException:  # noqa: BLE001 - the child must not go on with the tests
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
