"""The end of a fit whose task is learnt: when, with which learning rates, and where not."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import log_loss
from skorch.callbacks import Callback

from sksequence import RNNClassifier, RNNRegressor
from sksequence._net._optimizer import SCHEDULES, last_epoch
from sksequence._tasks._classification import constant_log_loss
from sksequence._tasks._defaults import automatic_ending
from sksequence.callbacks import Checkpoint
from sksequence.inspection import LossCurveDisplay
from sksequence.persistence import load, save
from tests.helpers import InterruptAt, all_weights

RANDOM = np.random.RandomState(0)
Y = np.arange(24) % 2
X = RANDOM.randn(24, 66, 2) + 4.0 * Y[:, None, None]
EPOCHS, REST = 50, 10
CONSTANT = np.log(2)


class Rates(Callback):
    """Callback that keeps the learning rate of the last batch of each epoch."""

    def on_train_begin(self, net, **kwargs):
        """Start anew."""
        self.rates = []

    def on_epoch_end(self, net, **kwargs):
        """Keep one."""
        self.rates.append(net.optimizer_.param_groups[0]["lr"])


def make(cls=RNNClassifier, **parameters):
    """Return a small estimator with as many epochs as are automatic."""
    defaults = {"hidden_size": 8, "batch_size": 4, "learning_rate": 0.05, "random_state": 0}
    return cls("gru", **defaults | parameters)


def first_learnt(loss_curve, constant=CONSTANT):
    """Return the third epoch in a row with a low loss, or None."""
    is_low = np.array(loss_curve) < 0.001 * constant
    found = np.flatnonzero(is_low[2:] & is_low[1:-1] & is_low[:-2])
    return int(found[0]) + 3 if len(found) else None


def bits(model):
    """Return everything that two equal fits have in common."""
    return all_weights(model.module_).tobytes(), model.loss_curve_, vars(model).get("learnt_epoch_")


# --- when a fit ends -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_estimators", [1, 3])
def test_the_fit_is_that_of_all_epochs_until_the_task_is_learnt(n_estimators):
    """After the third epoch in a row with a low loss, a fifth of all epochs follows."""
    short = make(n_estimators=n_estimators).fit(X, Y)
    whole = make(n_estimators=n_estimators, max_epochs=EPOCHS).fit(X, Y)
    learnt = first_learnt(whole.loss_curve_)
    assert short.learnt_epoch_ == learnt
    assert short.max_epochs_ == whole.n_iter_ == EPOCHS
    assert short.n_iter_ == len(short.loss_curve_) == len(short.gradient_norm_curve_)
    assert short.n_iter_ == learnt + REST < EPOCHS
    assert short.loss_curve_[:learnt] == whole.loss_curve_[:learnt]
    assert short.loss_curve_[learnt:] != whole.loss_curve_[learnt : learnt + REST]
    np.testing.assert_array_equal(short.predict(X), Y)


def test_the_learning_rate_falls_to_zero():
    """Until the task is learnt it follows the schedule, whose rest is passed in fewer epochs."""
    for schedule in ("one_cycle", "linear", "cosine"):
        watched = Rates()
        model = make(lr_schedule=schedule, callbacks=[watched]).fit(X, Y)
        learnt, rates = model.learnt_epoch_, np.array(watched.rates) / model.learning_rate
        last_batches = np.arange(1, EPOCHS + 1) - 1 / 6
        usual = [SCHEDULES[schedule](epoch / EPOCHS) for epoch in last_batches]
        np.testing.assert_allclose(rates[:learnt], usual[:learnt])
        assert (np.diff(rates[learnt - 1 :]) < 0).all()
        pace = (EPOCHS - learnt) / REST
        passed = (learnt + pace * (last_batches[learnt : model.n_iter_] - learnt)) / EPOCHS
        np.testing.assert_allclose(rates[learnt:], [SCHEDULES[schedule](p) for p in passed])
        assert 0 <= rates[-1] < pace / EPOCHS


def test_a_task_that_is_learnt_late_keeps_the_schedule():
    """Where the rest of the epochs is no more than a fifth, nothing is shortened."""
    late = make(learning_rate=0.017, hidden_size=6)
    whole = clone(late).set_params(max_epochs=EPOCHS).fit(X, Y)
    assert EPOCHS - REST <= first_learnt(whole.loss_curve_) < EPOCHS
    assert bits(late.fit(X, Y)) == bits(whole)


def test_an_unlearnable_task_keeps_all_epochs():
    """Labels without a signal are not learnt, however rare one of them is or however light."""
    noise, labels = RANDOM.randn(60, 66, 2), RANDOM.randint(2, size=60)
    small = make(hidden_size=1, batch_size=30, learning_rate=0.5)
    for options in ({}, {"class_weight": {0: 1.0, 1: 1e-5}}):
        model = clone(small).set_params(**options).fit(noise, labels)
        assert (model.n_iter_, hasattr(model, "learnt_epoch_")) == (EPOCHS, False)
    assert first_learnt(model.loss_curve_) < EPOCHS - REST  # but the loss is low


def test_only_labels_of_long_sequences_of_several_features_end():
    """Elsewhere, and where epochs are a choice of the user, all of them are run."""
    indicator = np.stack([Y, Y], axis=1)
    for model, inputs, targets in (  # each has the losses of a task that is learnt
        (make(max_epochs=EPOCHS), X, Y),
        (make(lr_schedule=None), X, Y),
        (make(loss=own_loss), X, Y),
        (make(), X[:, :64], Y),
        (make(frame_length=1), X[:, :, :1], Y),
        (make(), X, indicator),
        (make(RNNRegressor), X, Y.astype(float)),
        (make(dropout=0.0), X, [np.full(66, label) for label in Y]),
    ):
        model.set_params(hidden_size=8, learning_rate=0.05).fit(inputs, targets)
        assert first_learnt(model.loss_curve_) < model.max_epochs_ - REST
        assert model.n_iter_ == model.max_epochs_
        assert not hasattr(model, "learnt_epoch_")


def own_loss(outputs, targets):
    """Return the log loss of each row."""
    return torch.nn.functional.cross_entropy(outputs, targets, reduction="none")


def test_early_stopping_has_an_end_of_its_own():
    """With a validation part, the validation loss alone ends the training."""
    model = make(early_stopping=True, validation_fraction=0.25, n_iter_no_change=EPOCHS)
    model.set_params(learning_rate=0.1).fit(X, Y)
    assert first_learnt(model.loss_curve_) < EPOCHS - REST
    assert model.n_iter_ == EPOCHS


# --- the threshold -------------------------------------------------------------------------------


def test_the_threshold_is_relative_to_constant_probabilities():
    """The best of them are the frequencies; repetitions are weights, whose scale has no effect."""
    codes, counts = np.array([2, 0, 3, 0]), np.array([1, 2, 3, 5])
    expected = log_loss([2, 0, 3, 0], np.tile([7, 1, 3], (4, 1)) / 11, sample_weight=counts)
    assert constant_log_loss(codes, counts) == pytest.approx(expected)
    assert constant_log_loss(codes, counts * 1e-4) == pytest.approx(expected)
    assert constant_log_loss(np.repeat(codes, counts), np.ones(11)) == pytest.approx(expected)
    assert constant_log_loss(Y, np.ones(24)) == pytest.approx(CONSTANT)
    assert automatic_ending(2.0, 65).loss == 0.002
    assert automatic_ending(2.0, 64) is None


@pytest.mark.parametrize("weights", [[1, 9], [0.1, 0.9], [9.5, 85.5]])
def test_weights_change_the_threshold_as_repetitions_do(weights):
    """It is that of the weighted frequencies of the labels, whatever the scale of the weights."""
    given = np.array(weights)[Y]
    model = make(learning_rate=0.03).fit(X, Y, sample_weight=given)
    heavy = np.flatnonzero(Y)
    constant = constant_log_loss(np.append(Y, np.repeat(Y[heavy], 8)), np.ones(24 + 8 * 12))
    assert model.learnt_epoch_ == first_learnt(model.loss_curve_, constant)
    assert model.learnt_epoch_ > first_learnt(model.loss_curve_)


def test_the_last_epoch():
    """The rest takes a fifth of all epochs, rounded up, and no more than is left."""
    cases = [(7, 50, 17), (1, 12, 4), (9, 12, 12), (12, 12, 12), (45, 50, 50)]
    assert [last_epoch(learnt, most) for learnt, most, _ in cases] == [last for *_, last in cases]


def test_a_single_class_has_all_epochs():
    """There is nothing to learn, and no loss below the least."""
    model = make(hidden_size=1).fit(X[:8], Y[:8] * 0)
    assert model.n_iter_ == EPOCHS


# --- where training goes on ----------------------------------------------------------------------


def test_a_warm_start_begins_a_schedule_of_its_own():
    """What the network knows already has been learnt after three epochs."""
    watched = Rates()
    model = make(warm_start=True, callbacks=[watched]).fit(X, Y)
    first = watched.rates[:3]
    copy = pickle.loads(pickle.dumps(model.set_params(callbacks=None)))
    model.set_params(callbacks=[watched]).fit(X, Y)
    assert (model.learnt_epoch_, model.n_iter_) == (3, 3 + REST)
    assert watched.rates[:3] == first
    assert bits(copy.fit(X, Y)) == bits(model)
    model.set_params(max_epochs=EPOCHS).fit(X, Y)
    assert (model.n_iter_, hasattr(model, "learnt_epoch_")) == (EPOCHS, False)


def test_a_resumed_fit_ends_with_the_same_epoch(tmp_path):
    """Wherever it was interrupted, before the task was learnt or after."""
    whole = make().fit(X, Y)
    for epoch in (whole.learnt_epoch_ - 1, whole.learnt_epoch_ + 1, whole.n_iter_):
        path = tmp_path / f"{epoch}.checkpoint"
        with pytest.raises(KeyboardInterrupt):
            make(callbacks=[Checkpoint(path), InterruptAt(epoch)]).fit(X, Y)
        for n_resumed in (epoch - 1, whole.n_iter_):
            checkpoint = Checkpoint(path)
            assert bits(make(callbacks=[checkpoint]).fit(X, Y)) == bits(whole)
            assert checkpoint.n_epochs_resumed_ == n_resumed


def test_copies_and_threads(tmp_path, monkeypatch):
    """A pickle and a file keep the epoch; the number of threads does not matter."""
    model = make().fit(X, Y)
    assert bits(pickle.loads(pickle.dumps(model))) == bits(model)
    save(model, tmp_path / "model")
    assert bits(load(tmp_path / "model")) == bits(model)
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 - min(n_threads, 2))
        assert bits(make().fit(X, Y)) == bits(model)
    finally:
        torch.set_num_threads(n_threads)


# --- reports -------------------------------------------------------------------------------------


def test_the_end_is_printed(capsys):
    """The last line names the epoch."""
    model = make(verbose=1).fit(X, Y)
    *_, before, last = capsys.readouterr().out.splitlines()
    assert before.split()[0] == f"{model.n_iter_}/{EPOCHS}"
    assert last == f"ended early, task learnt in epoch {model.learnt_epoch_}"


def test_learning_rates_of_the_display_are_those_of_the_fit(plt):
    """They are those in the middle of each epoch, between those of its last batches."""
    watched = Rates()
    model = make(callbacks=[watched]).fit(X, Y)
    display = LossCurveDisplay.from_estimator(model, show_learning_rate=True)
    shown = np.asarray(display.learning_rate_ax_.lines[0].get_ydata())
    assert len(shown) == model.n_iter_
    ends = np.array(watched.rates)
    assert (shown[4:] > ends[4:]).all()
    assert (shown[4:] < ends[3:-1]).all()
