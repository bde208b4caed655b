"""Training loop of a net: hooks of callbacks, history, reads from the device, memory."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._net._sequence_net import RowLoss
from tests.helpers import DOCUMENTS, all_weights, assert_close, run_in_child

RANDOM = np.random.RandomState(0)
X = list(RANDOM.randn(40, 12, 4).astype(np.float32))
Y = np.array([int(x[:, 0].sum() > 0) for x in X])
STEPS = [(x[:, 1] > 0).astype(int) for x in X]
make = partial(
    RNNClassifier, cell="gru", hidden_size=8, max_epochs=3, batch_size=20, random_state=0
)


class Recorder(Callback):
    """Callback that records the hooks that are called and the names of their arguments."""

    def initialize(self):
        """Forget what was written down."""
        self.calls = []
        return self

    def _note(name):
        def hook(self, net, *args, **kwargs):
            self.calls.append((name, len(args), sorted(kwargs)))

        return hook

    on_train_begin, on_train_end = _note("on_train_begin"), _note("on_train_end")
    on_epoch_begin, on_epoch_end = _note("on_epoch_begin"), _note("on_epoch_end")
    on_batch_begin, on_batch_end = _note("on_batch_begin"), _note("on_batch_end")
    on_grad_computed = _note("on_grad_computed")


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(
    ("y", "options"),
    [
        (Y, {}),
        (Y, {"tbptt_steps": 5}),
        (Y, {"early_stopping": True, "lr_schedule": "cosine", "dropout": 0.2}),
        (STEPS, {"max_grad_norm": None}),
        (STEPS, {"tbptt_steps": 5, "optimizer": "rmsprop"}),
    ],
)
def test_callbacks_change_nothing(cell, y, options):
    """The loop without hooks gives the same bits as the loop with hooks."""
    alone = make(cell=cell, **options).fit(X, y)
    followed = make(cell=cell, callbacks=[Callback()], **options).fit(X, y)
    assert np.array_equal(all_weights(alone.module_), all_weights(followed.module_))
    assert alone.loss_curve_ == followed.loss_curve_
    assert alone.gradient_norm_curve_ == followed.gradient_norm_curve_


def test_hooks_are_those_of_skorch():
    """Hooks, their order and their arguments are those of a plain net of skorch."""
    own = Recorder()
    net = NeuralNet(
        nn.Linear(4, 1), nn.MSELoss, callbacks=[own], max_epochs=3, batch_size=20,
        train_split=None, verbose=0,
    )  # fmt: skip
    net.fit(torch.zeros(40, 4), torch.zeros(40, 1))
    ours = Recorder()
    make(callbacks=[ours]).fit(X, Y)
    assert ours.calls == own.calls


def test_history_of_batches_is_kept_for_callbacks():
    """Callbacks find the loss and size of each batch; without callbacks there are no rows."""
    followed = make(callbacks=[Callback()], verbose=0).fit(X, Y).net_.history
    assert followed[:, "batches", :, "train_batch_size"] == [[20, 20]] * 3
    mean = np.mean(followed[:, "batches", :, "train_loss"], axis=1)
    assert mean == pytest.approx(followed[:, "train_loss"], rel=1e-5)
    assert all(row["batches"] == [] for row in make().fit(X, Y).net_.history)


def test_verbose_keeps_no_history_of_batches(capsys):
    """The printed table of epochs needs no hooks on batches."""
    history = make(verbose=1).fit(X, Y).net_.history
    assert capsys.readouterr().out.count("\n") >= 3
    assert all(row["batches"] == [] for row in history)


def test_results_are_read_once_per_epoch(monkeypatch):
    """The number of reads from the device does not grow with the number of batches."""
    counts = []
    for name in ("item", "__float__", "__bool__"):
        monkeypatch.setattr(torch.Tensor, name, _counted(getattr(torch.Tensor, name), counts))
    for batch_size in (20, 2):
        counts.append(0)
        make(batch_size=batch_size).fit(X, Y)
    assert counts[0] == counts[1] > 0


def _counted(method, counts):
    def counted(self):
        counts[-1] += 1
        return method(self)

    return counted


# --- memory --------------------------------------------------------------------------------------

GENERATOR = {"cell": "gru", "hidden_size": 8, "max_epochs": 3, "random_state": 0}
WITH_VALIDATION = {"early_stopping": True, "validation_fraction": 0.3}
MANY_OUTPUTS = {
    "symbols": (SequenceGenerator(**GENERATOR, dropout=0.3), DOCUMENTS, None),
    "chunks": (SequenceGenerator(**GENERATOR, tbptt_steps=4), DOCUMENTS, None),
    "tied": (SequenceGenerator(**GENERATOR, tie_weights=True), DOCUMENTS, None),
    "projected": (
        SequenceGenerator(**GENERATOR, tie_weights=True, embedding_dim=5, **WITH_VALIDATION),
        DOCUMENTS,
        None,
    ),
    "networks": (SequenceGenerator(**GENERATOR, n_estimators=2), DOCUMENTS, None),
    "numbers": (SequenceGenerator(**GENERATOR), X, None),
    "missing": (
        RNNRegressor(**GENERATOR, tbptt_steps=5, **WITH_VALIDATION),
        X,
        np.where(np.arange(120).reshape(40, 3) % 7 == 0, np.nan, RANDOM.randn(40, 3)),
    ),
    "steps": (RNNClassifier(**GENERATOR, **WITH_VALIDATION), X, STEPS),
}


class OutputsOf(Callback):
    """Callback that counts batches with outputs for each row."""

    n_seen = 0

    def on_batch_end(self, net, batch, y_pred, **kwargs):
        """Compare outputs with targets."""
        width = net.module_.spec.n_outputs * net.n_networks
        if net.tbptt_steps is None or not net.per_step:  # else these are the outputs of a chunk
            assert y_pred.shape == (len(batch[1]), width)
        assert not y_pred.requires_grad
        self.n_seen += 1


@pytest.mark.parametrize("case", MANY_OUTPUTS)
def test_outputs_in_pieces(case, monkeypatch):
    """The losses of a few rows at a time, and their gradients, add up to those of a batch."""
    estimator, X, y = MANY_OUTPUTS[case]
    sizes = []
    original = RowLoss.forward

    def forward(self, outputs, targets):
        sizes.append(outputs.numel() // self.n_networks)
        return original(self, outputs, targets)

    monkeypatch.setattr(RowLoss, "forward", forward)
    whole = clone(estimator).fit(X, y)
    largest = max(sizes)
    monkeypatch.setattr("sksequence._net._many_outputs._LARGEST", 0)
    monkeypatch.setattr("sksequence._net._many_outputs._FEWEST_ROWS", 16)
    monkeypatch.setattr("sksequence._net._many_outputs._PIECE", largest // 4)
    sizes.clear()
    pieces = clone(estimator).fit(X, y)
    assert max(sizes) < 0.6 * largest
    assert_close(all_weights(pieces.module_), all_weights(whole.module_))
    assert pieces.loss_curve_ == pytest.approx(whole.loss_curve_, rel=1e-5)
    if hasattr(whole, "validation_curve_"):
        assert pieces.validation_curve_ == pytest.approx(whole.validation_curve_, rel=1e-5)
    if hasattr(whole, "score_samples"):
        assert_close(pieces.score_samples(X), whole.score_samples(X))
    watched = clone(estimator).set_params(callbacks=[OutputsOf()]).fit(X, y)
    assert np.array_equal(all_weights(watched.module_), all_weights(pieces.module_))
    assert watched.callbacks[0].n_seen > 0


def test_each_network_in_pieces_learns_as_if_alone(monkeypatch):
    """The pieces do not depend on the number of networks."""
    monkeypatch.setattr("sksequence._net._many_outputs._LARGEST", 0)
    monkeypatch.setattr("sksequence._net._many_outputs._FEWEST_ROWS", 16)
    monkeypatch.setattr("sksequence._net._many_outputs._PIECE", 400)
    alone = SequenceGenerator(**GENERATOR).fit(DOCUMENTS)
    both = SequenceGenerator(**GENERATOR, n_estimators=2).fit(DOCUMENTS)
    first = both.module_.members[0]
    assert np.array_equal(all_weights(alone.module_), all_weights(first))


LARGE_VOCABULARY = """
import resource, sys
from sksequence import RNNClassifier, SequenceGenerator

words = [f"w{i}" for i in range(100_000)]
X = [words[i : i + 20] for i in range(0, len(words), 20)]
small = {"hidden_size": 16, "max_epochs": 1, "random_state": 0}
RNNClassifier("gru", **small).fit(X, [0, 1] * (len(X) // 2)).predict(X)
generator = SequenceGenerator("gru", **small, batch_size=128).fit(X)
assert len(generator.vocabulary_) == 100_000
generator.perplexity(X[:500]), generator.predict(X[:10]), generator.generate(max_steps=5)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
assert peak < 1500, peak
"""


@pytest.mark.slow
def test_a_large_vocabulary_fits_in_memory():
    """100,000 symbols need far less than the gigabytes of the outputs of a batch."""
    run_in_child(LARGE_VOCABULARY)


MANY_FITS = """
import gc, sys
import numpy as np
from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator

def memory():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

def run(i):
    small = {"hidden_size": 8, "max_epochs": 2, "random_state": i}
    classifier = RNNClassifier("gru", **small).fit(X, Y)
    RNNRegressor("lstm", **small, early_stopping=True).fit(X, Y)
    SequenceGenerator("gru", **small).fit(TEXTS).generate(max_steps=3)
    for _ in range(int(sys.argv[2])):
        classifier.predict(X[i % 20 : i % 20 + 1])

random = np.random.RandomState(0)
X = [random.randn(n, 2) for n in random.randint(3, 9, 30)]
Y = np.arange(30) % 2
TEXTS = ["to be or not to be", "that is the question"] * 3
for i in range(int(sys.argv[1])):
    if i == 50:
        before = memory()
    run(i)
assert memory() - before < 20, memory() - before
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_many_fits_need_no_more_memory():
    """1,000 fits of each estimator and 100,000 predictions leave nothing behind."""
    run_in_child(MANY_FITS, 1000, 100)
