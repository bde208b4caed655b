"""Training loop of a net: hooks of callbacks, rows of history, reads from the device."""

from functools import partial

import numpy as np
import pytest
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn

from sksequence import RNNClassifier
from tests.helpers import all_weights

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
