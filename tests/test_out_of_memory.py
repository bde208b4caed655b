"""Out of memory: an error that reports the request and which parameters to change."""

import sys
from functools import partial

import numpy as np
import pytest
import torch

from sksequence import RNNClassifier, SequenceGenerator
from sksequence._batching import PreparedSequences
from sksequence._modules import build_network
from sksequence._net._out_of_memory import n_weights
from sksequence._settings import NetworkSpec
from sksequence.cells import FeedForward
from tests.helpers import all_weights, run_in_child

RANDOM = np.random.RandomState(0)
X = list(RANDOM.randn(40, 12, 4).astype(np.float32))
Y = np.array([int(x[:, 0].sum() > 0) for x in X])
STEPS = [(x[:, 1] > 0).astype(int) for x in X]
make = partial(
    RNNClassifier, cell="gru", hidden_size=8, max_epochs=3, batch_size=20, random_state=0
)

SPEC = {
    "n_features": 3,
    "n_symbols": (),
    "n_outputs": 2,
    "cell": "lstm",
    "hidden_size": 5,
    "num_layers": 1,
    "bidirectional": False,
    "merge_mode": "concat",
    "pooling": "last",
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "embedding_dim": 6,
}

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


# --- sizes that are refused before anything is built ---------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"cell": "gru", "num_layers": 3},
        {"cell": "rnn", "bidirectional": True, "num_layers": 2},
        {"bidirectional": True, "merge_mode": "sum", "num_layers": 2},
        {"cell": FeedForward(context_size=4), "num_layers": 2},
        {"cell": "lem", "num_layers": 2},
        {"cell": "lru", "bidirectional": True},
        {"n_features": 0, "n_symbols": (7, 4), "n_estimators": 2},
    ],
    ids=str,
)
def test_weights_are_counted_before_they_are_built(spec):
    """The number of weights is that of the network, without its biases."""
    spec = NetworkSpec(**SPEC | spec)
    network = build_network(spec, seed=0)
    sizes = [p.numel() for name, p in network.named_parameters() if "bias" not in name]
    assert n_weights(spec) == sum(sizes)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (
            {"hidden_size": 10**6},
            MemoryError,
            "Could not get .* TiB of memory.*hidden_size=1000000",
        ),
        ({"hidden_size": 10**18}, MemoryError, "hidden_size=1000000000000000000, num_layers=1"),
        ({"num_layers": 10**6}, ValueError, "num_layers=1000000 and n_estimators=1 make 1000000 l"),
        (
            {"n_estimators": 10**9},
            ValueError,
            "n_estimators=1000000000 make 1000000000 layers, more",
        ),
        (
            {"cell": FeedForward(context_size=10**7)},
            ValueError,
            "num_layers=1, context_size=10000000 and n_estimators=1 make 10000000 layers",
        ),
        ({"embedding_dim": 10**12}, MemoryError, "Could not get .* TiB of memory"),
    ],
    ids=str,
)
def test_absurd_sizes_are_refused_at_once(parameters, error, message):
    """Nothing is allocated, and the message names the parameters."""
    X = ["abc", "bca"] * 3
    for estimator, y in [(RNNClassifier(n_estimators=1), [0, 1] * 3), (SequenceGenerator(), None)]:
        with pytest.raises(error, match=message):
            estimator.set_params(max_epochs=1, **parameters).fit(X, y)


def test_absurd_counts_are_refused_at_once():
    """Horizons, samples and seasons beyond all bounds are errors that name the parameter."""
    series = [np.sin(np.arange(9.0))] * 2
    generator = SequenceGenerator(hidden_size=4, max_epochs=1)
    with pytest.raises(
        ValueError, match="residual=10 has a season of 10 steps, but the longest ser"
    ):
        generator.set_params(residual=10).fit(series)
    generator.set_params(residual=9).fit(series)
    for arguments in ({"horizon": 10**30}, {"horizon": 2, "n_samples": 2**31}):
        with pytest.raises(ValueError, match=r"(horizon|n_samples) must be below 2\*\*31; got"):
            generator.forecast(series, **arguments)
    with pytest.raises(MemoryError, match=r"2 series x 1000000000 paths x 90 steps\. Pass fewer"):
        generator.forecast(series, 90, n_samples=10**9)
    writer = SequenceGenerator(hidden_size=4, max_epochs=1).fit(["ab", "b"])
    for call in (writer.sample, lambda n: writer.generate("a", n_samples=n)):
        with pytest.raises(MemoryError, match=r"n_samples=2000000000\. Generate fewer samples"):
            call(2 * 10**9)
