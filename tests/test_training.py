"""The loop over epochs: early stopping, divergence, interrupts, scikit-learn's callbacks, truncated backpropagation."""

import os
import pickle
import signal
import threading

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.preprocessing import StepTransformer

RANDOM = np.random.RandomState(0)
LENGTHS = RANDOM.randint(6, 14, 60)
X = [RANDOM.randn(n, 3) for n in LENGTHS]
Y = np.array([int(x[:, 0].sum() > 0) for x in X])
NOISE = RANDOM.randint(0, 2, 60)
STEPS = [(x[:, 1] > 0).astype(int) for x in X]


def make(**parameters):
    """Return a small classifier."""
    parameters = {"hidden_size": 8, "max_epochs": 4, "random_state": 0} | parameters
    return RNNClassifier("gru", **parameters)


def weights(estimator):
    """Return all weights of a fitted estimator as one array."""
    return np.concatenate([p.detach().numpy().ravel() for p in estimator.module_.parameters()])


class At(Callback):
    """Do something at the end of an epoch."""

    def __init__(self, epoch, act):
        self.epoch, self.act = epoch, act

    def on_epoch_end(self, net, **kwargs):
        """Act once."""
        if len(net.history) == self.epoch:
            self.act(net)


class Keeper(Callback):
    """Keep the weights of every epoch."""

    def on_train_begin(self, net, **kwargs):
        """Start anew."""
        self.weights = []

    def on_epoch_end(self, net, **kwargs):
        """Copy the weights."""
        parts = [p.detach().numpy().ravel() for p in net.module_.parameters()]
        self.weights.append(np.concatenate(parts))


# --- early stopping ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["random", "last"])
@pytest.mark.parametrize("y", [NOISE, STEPS], ids=["sequence", "steps"])
def test_early_stopping_restores_the_best_weights(y, split):
    """Training ends so many epochs after the best one, and that one's weights are kept."""
    keeper = Keeper()
    fitted = make(
        early_stopping=True, validation_fraction=0.2, validation_split=split, n_iter_no_change=3,
        tol=0.0, max_epochs=60, learning_rate=0.05, lr_schedule=None, callbacks=[keeper],
    ).fit(X, y)  # fmt: skip
    best = int(np.argmin(fitted.validation_curve_))
    assert fitted.n_iter_ == len(fitted.validation_curve_) == len(keeper.weights) == best + 1 + 3
    assert fitted.best_loss_ == fitted.validation_curve_[best]
    assert np.array_equal(weights(fitted), keeper.weights[best])


def test_best_weights_are_kept_at_the_last_epoch_too():
    """Without time to stop, the best epoch still wins."""
    keeper = Keeper()
    fitted = make(
        early_stopping=True, max_epochs=6, learning_rate=0.3, n_iter_no_change=50, tol=0.0,
        lr_schedule=None, callbacks=[keeper],
    ).fit(X, NOISE)  # fmt: skip
    assert fitted.n_iter_ == 6
    best = int(np.argmin(fitted.validation_curve_))
    assert np.array_equal(weights(fitted), keeper.weights[best])


def test_improvements_below_tol_do_not_count():
    """With a large `tol` the first epoch is the best one."""
    fitted = make(early_stopping=True, tol=10.0, n_iter_no_change=2, max_epochs=20).fit(X, Y)
    assert fitted.n_iter_ == 3
    assert fitted.best_loss_ == fitted.validation_curve_[0]


def test_validation_part_teaches_nothing():
    """Held-out rows are judged by, not learnt from: their labels do not change a weight."""
    plain = make(early_stopping=True, validation_split="last", shuffle=False, n_iter_no_change=50)
    changed = Y.copy()
    changed[-6:] = 1 - changed[-6:]
    one, other = plain.fit(X, Y).loss_curve_, plain.fit(X, changed).loss_curve_
    assert one == other


# --- divergence and interrupts ----------------------------------------------------------------------------------------


def test_divergence_is_an_error_with_advice():
    """A loss that is no number any more ends the fit, and the model before it stays usable."""
    frame = pd.DataFrame(RANDOM.randn(40, 6)).add_prefix("t")
    y = frame.sum(axis=1)
    regressor = RNNRegressor("rnn", 8, max_epochs=3, random_state=0).fit(frame, y)
    before = regressor.predict(frame)
    wild = {"optimizer": "sgd", "learning_rate": 1e12, "max_grad_norm": None, "activation": "relu"}
    regressor.set_params(**wild)
    with pytest.raises(
        FloatingPointError, match=r"epoch \d: training diverged. Lower learning_rate"
    ):
        regressor.fit(frame.add_prefix("z"), y)
    assert list(regressor.feature_names_in_) == list(frame.columns)
    assert np.array_equal(regressor.predict(frame), before)
    search = GridSearchCV(regressor, {"learning_rate": [1e12, 1e-3]}, cv=2)
    with pytest.warns(FitFailedWarning), pytest.warns(UserWarning, match="non-finite"):
        search.fit(frame, y)
    assert search.best_params_ == {"learning_rate": 1e-3}


def press_ctrl_c(net):
    """Send this process what a terminal sends."""
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def interruptible():
    """Hear the signal also where the shell runs the tests in the background, which makes them deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_stops_a_search():
    """The signal goes through skorch, the fit and the search; the estimator keeps its earlier state."""
    estimator = make().fit(X, Y)
    before = pickle.dumps(estimator)
    estimator.set_params(callbacks=[At(2, press_ctrl_c)])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, Y)
    estimator.set_params(callbacks=None)
    assert pickle.dumps(estimator) == before
    fits = []

    def count(net):
        fits.append(len(net.history))
        press_ctrl_c(net)

    search = GridSearchCV(make(callbacks=[At(1, count)]), {"hidden_size": [4, 6]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, Y)
    assert fits == [1]
    assert not hasattr(search, "cv_results_")


def test_errors_of_callbacks_come_through():
    """Whatever a callback raises is the caller's, and there is no half-made model."""

    def fail(net):
        raise RuntimeError("my callback failed")

    estimator = make(callbacks=[At(2, fail)])
    with pytest.raises(RuntimeError, match="my callback failed"):
        estimator.fit(X, Y)
    assert not hasattr(estimator, "net_")


# --- scikit-learn's callbacks -----------------------------------------------------------------------------------------

experimental = pytest.mark.filterwarnings("ignore:.*experimental.*")


class Stop:
    """Stop after some epochs, and use the estimator of that moment."""

    def __init__(self, n_epochs):
        self.n_epochs, self.scores = n_epochs, []

    def setup(self, estimator, context):
        """Nothing to set up."""

    def teardown(self, estimator, context):
        """Nothing to tear down."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing to do yet."""

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        """Score, and end the loop in time."""
        self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) == self.n_epochs


@experimental
def test_callback_that_returns_true_stops():
    """The fit ends normally, with as many epochs as there were."""
    stop = Stop(3)
    fitted = make(max_epochs=30).set_callbacks(stop).fit(X, Y)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 3
    assert stop.scores[-1] == fitted.score(X, Y)  # the last call is that of the whole fit
    assert len(stop.scores) == 4


@experimental
def test_looking_on_changes_nothing():
    """Predictions in the middle of a fit leave its bits as they are, dropout included."""
    plain = make(dropout=0.3, recurrent_dropout=0.2).fit(X, Y)
    watched = make(dropout=0.3, recurrent_dropout=0.2).set_callbacks(Stop(99)).fit(X, Y)
    assert np.array_equal(weights(watched), weights(plain))


@experimental
@pytest.mark.parametrize("kind", ["alone", "pipeline", "search"])
def test_progress_and_scores(kind, capsys):
    """The bar reaches its end; the monitor has a score for each epoch of each fit."""
    monitor = ScoringMonitor(scoring="accuracy")
    estimator = make().set_callbacks(monitor)
    n_fits = 1
    if kind == "pipeline":
        estimator = make_pipeline(StepTransformer(StandardScaler()), estimator)
    elif kind == "search":
        estimator, n_fits = GridSearchCV(estimator, {"hidden_size": [4, 6]}, cv=2), 5
    if kind != "pipeline":
        estimator.set_callbacks(*getattr(estimator, "_skl_callbacks", []), ProgressBar())
    estimator.fit(X, Y)
    n_scores = sum(len(log.data) for log in monitor.get_logs(select="all"))
    assert n_scores >= 4 * n_fits
    if kind != "pipeline":
        assert "100%" in capsys.readouterr().out


# --- truncated backpropagation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_truncation_beyond_the_end_is_none(cell, pooling):
    """With `tbptt_steps >= T` the weights are those of full backpropagation, for pooled and for per-step targets."""
    for y in (Y, STEPS):
        full, cut = (
            make(bidirectional=False, pooling=pooling, tbptt_steps=k)
            .set_params(cell=cell)
            .fit(X, y)
            for k in (None, 13)
        )
        assert weights(cut) == pytest.approx(weights(full), abs=1e-6)


def test_truncation_changes_the_gradient():
    """With fewer steps it is another gradient."""
    full, cut = (make(bidirectional=False, tbptt_steps=k).fit(X, Y) for k in (None, 2))
    assert not np.allclose(weights(cut), weights(full), atol=1e-4)


def test_chunks_add_up_to_the_loss():
    """At a vanishing rate, the loss of an epoch is the loss of a full pass, however the steps were cut."""
    losses = [
        make(tbptt_steps=k, learning_rate=1e-30, max_epochs=1, dropout=0.0)
        .fit(X, STEPS)
        .loss_curve_[0]
        for k in (None, 1, 3, 5, 50)
    ]
    assert losses == pytest.approx([losses[0]] * 5, rel=1e-5)
    texts = ["".join(RANDOM.choice(list("abc"), n)) for n in LENGTHS]
    generators = [
        SequenceGenerator(
            "gru", 8, tbptt_steps=k, learning_rate=1e-30, max_epochs=1, random_state=0
        )
        for k in (None, 2, 7)
    ]
    losses = [g.fit(texts).loss_curve_[0] for g in generators]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)


def test_loss_of_a_generator_is_minus_its_score():
    """At a vanishing rate, the training loss is minus the score where all texts have one length."""
    texts = ["".join(RANDOM.choice(list("abc"), 9)) for _ in range(40)]
    generator = SequenceGenerator(hidden_size=8, learning_rate=1e-30, max_epochs=1, random_state=0)
    assert generator.fit(texts).loss_curve_[0] == pytest.approx(-generator.score(texts), rel=1e-5)


def test_truncation_needs_one_direction():
    """A state cannot be carried backwards."""
    with pytest.raises(ValueError, match="tbptt_steps carries a state forward in time"):
        make(tbptt_steps=4, bidirectional=True).fit(X, Y)


# --- chunk after chunk ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor])
def test_chunks_are_one_pass(estimator):
    """Chunks of whole batches give the bits of one pass over all, in the same order and without a scale."""
    classes = {"classes": [0, 1]} if estimator is RNNClassifier else {}
    options = {"scale": False, "dropout": 0.5, "batch_size": 10, "random_state": 0}
    whole = estimator("gru", 8, **options).partial_fit(X, Y, **classes)
    chunks = estimator("gru", 8, **options)
    for rows in (slice(20), slice(20, 50), slice(50, 60)):
        chunks.partial_fit(X[rows], Y[rows], **classes)
    np.testing.assert_array_equal(weights(chunks), weights(whole))


# --- side by side -----------------------------------------------------------------------------------------------------


def test_fits_in_threads_are_independent():
    """Two fits at the same time end as each does alone."""
    alone = [weights(make(random_state=seed, dropout=0.2).fit(X, Y)) for seed in (0, 1)]
    together = [make(random_state=seed, dropout=0.2) for seed in (0, 1)]
    workers = [threading.Thread(target=e.fit, args=(X, Y)) for e in together]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for fitted, expected in zip(together, alone, strict=True):
        assert np.array_equal(weights(fitted), expected)


def test_chrono_steps_count_steps_of_the_sequence():
    """Frames shorten what the network has to remember; more steps remember longer; they are at least two."""
    X, y = np.random.RandomState(0).randn(8, 40), np.arange(8) % 2
    parameters = {"hidden_size": 8, "max_epochs": 1, "random_state": 0, "chrono_steps": 40}
    framed = RNNClassifier(frame_length=8, frame_step=4, **parameters).fit(X, y)
    plain = RNNClassifier(frame_length=1, **parameters).fit(X, y)
    assert (framed._model.spec.chrono_steps, plain._model.spec.chrono_steps) == (10, 40)
    with pytest.raises(ValueError, match="chrono_steps"):
        RNNClassifier(chrono_steps=1).fit(X, y)


@pytest.mark.parametrize(
    ("model", "before", "after"),
    [
        (RNNRegressor(residual=None), "squared_error", "huber"),
        (SequenceGenerator(), "student_t", "gaussian"),
        (SequenceGenerator(), "quantile", "student_t"),
    ],
)
def test_training_does_not_go_on_with_another_loss(model, before, after):
    """It would be ignored, or read outputs that mean something else; "auto" and the same one go on."""
    X = np.random.default_rng(0).normal(size=(12, 8))
    small = {"hidden_size": 4, "max_epochs": 1, "random_state": 0, "warm_start": True}
    model = clone(model).set_params(**small, loss=before).fit(X, X[:, 0])
    for same in (before, "auto"):
        model.set_params(loss=same).fit(X, X[:, 0])
    with pytest.raises(ValueError, match=f"loss is now '{after}', but .* Set it back, or fit with"):
        model.set_params(loss=after).fit(X, X[:, 0])
