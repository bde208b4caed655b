"""Out of memory: an error that reports the request and which parameters to change."""

import sys
from functools import partial

import numpy as np
import pytest
import torch

from sksequence import RNNClassifier
from sksequence._batching import PreparedSequences
from tests.helpers import all_weights, run_in_child

RANDOM = np.random.RandomState(0)
X = list(RANDOM.randn(40, 12, 4).astype(np.float32))
Y = np.array([int(x[:, 0].sum() > 0) for x in X])
STEPS = [(x[:, 1] > 0).astype(int) for x in X]
make = partial(
    RNNClassifier, cell="gru", hidden_size=8, max_epochs=3, batch_size=20, random_state=0
)

FAILURES = [
    (
        RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 3221225472 bytes."
        ),
        "Could not get 3 GiB of memory",
    ),
    (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has less."),
        "Could not get 20 GiB of memory",
    ),
    (
        MemoryError("Unable to allocate 7.11 PiB for an array with shape (1000000000000000,)"),
        "Could not get 7.11 PiB of memory",
    ),
    (MemoryError(), "Could not get memory"),
]


@pytest.mark.parametrize(("failure", "words"), FAILURES)
def test_out_of_memory_names_what_to_change(failure, words, monkeypatch):
    """The message has the request, the batch and parameters; the earlier model is unchanged."""
    estimator = make().fit(X, Y)
    before = all_weights(estimator.module_)

    def fail(*args):
        raise failure

    monkeypatch.setattr(PreparedSequences, "gather", fail)
    training = rf"{words}: batches are up to 20 sequences x 12 steps. Set batch_size \(it is 20\)"
    with pytest.raises(MemoryError, match=f"{training}.* frame_length"):
        estimator.fit(X, Y)
    with pytest.raises(MemoryError, match=f"{training}.* tbptt_steps"):
        make().fit(X, STEPS)
    with pytest.raises(MemoryError, match=f"{words}: the longest of these sequences has 12 steps"):
        estimator.predict(X)
    assert np.array_equal(all_weights(estimator.module_), before)


def test_other_errors_are_not_about_memory(monkeypatch):
    """Other errors are raised unchanged."""

    def fail(*args):
        raise RuntimeError("something else")

    monkeypatch.setattr(PreparedSequences, "gather", fail)
    with pytest.raises(RuntimeError, match=r"^something else$"):
        make().fit(X, Y)


LIMITED = """
import resource
import numpy as np
import torch
from sksequence import RNNClassifier
torch.set_num_threads(1)
X, y = np.random.RandomState(0).randn(64, 20000, 1).astype(np.float32), np.arange(64) % 2
options = {"hidden_size": 64, "max_epochs": 1, "frame_length": 1, "batch_size": 64}
estimator = RNNClassifier("rnn", **options).fit(X[:, :20], y)
expected = estimator.predict_proba(X[:, :20])
pages = int(open("/proc/self/statm").read().split()[0])
used = pages * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (50 << 20), -1))
for name, act in (("fit", lambda: estimator.fit(X, y)), ("predict", lambda: estimator.predict(X))):
    try:
        act()
    except MemoryError as error:
        message = str(error)
        assert message.startswith("Could not get") and "MiB of memory: " in message, message
        assert "20000 steps" in message, message
        assert ("batch_size (it is 64)" in message) == (name == "fit"), message
    else:
        raise AssertionError(name)
assert np.array_equal(estimator.predict_proba(X[:, :20]), expected)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_real_end_of_memory():
    """With 50 MB left, fit and predict raise the error, and the model still works."""
    run_in_child(LIMITED)
