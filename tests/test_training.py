"""Training over epochs: early stopping, divergence, interrupts, callbacks, truncation."""

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
from sksequence.cells import LSTM, FeedForward, SimpleRNN
from sksequence.preprocessing import StepTransformer
from tests.helpers import all_weights
from tests.helpers import small_classifier as make

RANDOM = np.random.RandomState(0)
LENGTHS = RANDOM.randint(6, 14, 60)
X = [RANDOM.randn(n, 3) for n in LENGTHS]
Y = np.array([int(x[:, 0].sum() > 0) for x in X])
NOISE = RANDOM.randint(0, 2, 60)
STEPS = [(x[:, 1] > 0).astype(int) for x in X]


class At(Callback):
    """Callback that calls a function at the end of an epoch."""

    def __init__(self, epoch, act):
        self.epoch, self.act = epoch, act

    def on_epoch_end(self, net, **kwargs):
        """Act once."""
        if len(net.history) == self.epoch:
            self.act(net)


class Keeper(Callback):
    """Callback that keeps the weights of every epoch."""

    def on_train_begin(self, net, **kwargs):
        """Start anew."""
        self.weights = []

    def on_epoch_end(self, net, **kwargs):
        """Copy the weights."""
        self.weights.append(all_weights(net.module_))


class SumOfGradients(Callback):
    """Callback that adds up the gradients of all optimizer steps."""

    def on_train_begin(self, net, **kwargs):
        """Start anew."""
        self.total = 0.0

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Add those of one step."""
        self.total += np.concatenate([p.grad.numpy().ravel() for _, p in named_parameters])


def sum_of_gradients(model):
    """Fit to one label per step and return the sum of the gradients."""
    callback = SumOfGradients()
    model.set_params(callbacks=[callback]).fit(X, STEPS)
    return callback.total


# --- early stopping ------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["random", "last"])
@pytest.mark.parametrize("y", [NOISE, STEPS], ids=["sequence", "steps"])
def test_early_stopping_restores_the_best_weights(y, split):
    """Training ends `n_iter_no_change` epochs after the best one, whose weights are kept."""
    keeper = Keeper()
    fitted = make(
        early_stopping=True, validation_fraction=0.2, validation_split=split, n_iter_no_change=3,
        tol=0.0, max_epochs=60, learning_rate=0.05, lr_schedule=None, callbacks=[keeper],
    ).fit(X, y)  # fmt: skip
    best = int(np.argmin(fitted.validation_curve_))
    assert fitted.n_iter_ == len(fitted.validation_curve_) == len(keeper.weights) == best + 1 + 3
    assert fitted.best_loss_ == fitted.validation_curve_[best]
    assert np.array_equal(all_weights(fitted.module_), keeper.weights[best])


def test_best_weights_are_kept_at_the_last_epoch_too():
    """The best weights are kept even if training is not stopped early."""
    keeper = Keeper()
    fitted = make(
        early_stopping=True, max_epochs=6, learning_rate=0.3, n_iter_no_change=50, tol=0.0,
        lr_schedule=None, callbacks=[keeper],
    ).fit(X, NOISE)  # fmt: skip
    assert fitted.n_iter_ == 6
    best = int(np.argmin(fitted.validation_curve_))
    assert np.array_equal(all_weights(fitted.module_), keeper.weights[best])


def test_improvements_below_tol_do_not_count():
    """With a large `tol` the first epoch is the best one."""
    fitted = make(early_stopping=True, tol=10.0, n_iter_no_change=2, max_epochs=20).fit(X, Y)
    assert fitted.n_iter_ == 3
    assert fitted.best_loss_ == fitted.validation_curve_[0]


def test_validation_part_is_not_learnt():
    """The labels of rows held out do not change the weights."""
    plain = make(early_stopping=True, validation_split="last", shuffle=False, n_iter_no_change=50)
    changed = Y.copy()
    changed[-6:] = 1 - changed[-6:]
    one, other = plain.fit(X, Y).loss_curve_, plain.fit(X, changed).loss_curve_
    assert one == other


# --- divergence and interrupts -------------------------------------------------------------------


def test_divergence_is_an_error_with_advice():
    """A loss that is not finite ends the fit; the earlier model remains usable."""
    frame = pd.DataFrame(RANDOM.randn(40, 6)).add_prefix("t")
    y = frame.sum(axis=1)
    regressor = RNNRegressor("rnn", 8, max_epochs=3, random_state=0).fit(frame, y)
    before = regressor.predict(frame)
    wild = {"optimizer": "sgd", "learning_rate": 1e12, "max_grad_norm": None}
    regressor.set_params(cell=SimpleRNN(activation="relu"), **wild)
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


WILD = {"max_epochs": 1, "lr_schedule": None, "batch_size": 60, "random_state": 0}
UNBOUNDED = WILD | {"cell": SimpleRNN(activation="relu"), "optimizer": "sgd", "max_grad_norm": None}
BROKEN = {  # by the only optimizer step, after the loss was computed
    "lstm": (RNNClassifier("lstm", 3, learning_rate=1e38, **WILD), Y),
    "gru": (RNNClassifier("gru", 3, learning_rate=1e25, **WILD), Y),
    "per step": (RNNClassifier("rnn", 3, learning_rate=1e38, **WILD), STEPS),
    "ensemble": (RNNClassifier("rnn", 3, learning_rate=1e38, n_estimators=2, **WILD), Y),
    "outputs": (RNNRegressor(hidden_size=8, learning_rate=1e12, scale=False, **UNBOUNDED), 1e6 * Y),
    "numbers": (SequenceGenerator("gru", 3, learning_rate=1e38, **WILD), None),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("estimator", "y"), BROKEN.values(), ids=BROKEN)
def test_a_broken_network_is_not_returned(method, estimator, y):
    """The last step of a fit may break a network whose loss was finite; it is not set."""
    estimator, data = clone(estimator), (X,) if y is None else (X, y)
    classes = {"classes": [0, 1]} if isinstance(estimator, RNNClassifier) else {}
    named = classes if method == "partial_fit" else {}
    with pytest.raises(FloatingPointError, match="not finite after the last epoch: training div"):
        getattr(estimator, method)(*data, **named)
    assert not hasattr(estimator, "net_")
    gentle = {"learning_rate": 1e-3, "max_grad_norm": 1.0}
    getattr(clone(estimator).set_params(**gentle), method)(*data, **named)


def test_a_model_is_kept_if_the_next_fit_breaks():
    """The weights that a failed `partial_fit` has broken are not those of the estimator."""
    model = make(batch_size=60).partial_fit(X, Y, classes=[0, 1])
    before = all_weights(model.module_)
    with pytest.raises(FloatingPointError, match="The weights of the network are not finite"):
        model.set_params(learning_rate=1e38).partial_fit(X, Y)
    np.testing.assert_array_equal(all_weights(model.module_), before)
    model.set_params(learning_rate=1e-3).partial_fit(X, Y)


def test_weights_that_a_callback_breaks_or_mends():
    """Weights are checked when all callbacks have ended."""

    class Set(Callback):
        def __init__(self, **values):
            self.values = values

        def on_epoch_end(self, net, **kwargs):
            net.module_.head.bias.data.fill_(self.values["epoch"])

        def on_train_end(self, net, **kwargs):
            net.module_.head.bias.data.fill_(self.values["end"])

    with pytest.raises(FloatingPointError, match="The weights of the network are not finite"):
        make(max_epochs=1, callbacks=[Set(epoch=0.0, end=np.inf)]).fit(X, Y)
    model = make(max_epochs=1, callbacks=[Set(epoch=np.nan, end=0.0)]).fit(X, Y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_outputs_are_checked_without_a_trace():
    """The check of unbounded cells leaves the network in the mode of training."""
    model = RNNClassifier(SimpleRNN(activation="relu"), 8, max_epochs=1, dropout=0.5).fit(X, Y)
    assert model.module_.training


def press_ctrl_c(net):
    """Send this process the signal of Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def interruptible():
    """Handle the signal also where a shell runs the tests in the background and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_stops_a_search():
    """The signal ends skorch, fit and search; the estimator keeps its earlier state."""
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
    """Exceptions of callbacks are raised, and there is no partly fitted model."""

    def fail(net):
        raise RuntimeError("my callback failed")

    estimator = make(callbacks=[At(2, fail)])
    with pytest.raises(RuntimeError, match="my callback failed"):
        estimator.fit(X, Y)
    assert not hasattr(estimator, "net_")


# --- scikit-learn's callbacks --------------------------------------------------------------------

experimental = pytest.mark.filterwarnings("ignore:.*experimental.*")


class Stop:
    """Callback that stops after some epochs, and uses the estimator of that moment."""

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
    """The fit ends normally with the epochs so far."""
    stop = Stop(3)
    fitted = make(max_epochs=30).set_callbacks(stop).fit(X, Y)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 3
    assert stop.scores[-1] == fitted.score(X, Y)  # the last call is that of the whole fit
    assert len(stop.scores) == 4


@experimental
def test_predictions_during_training_change_nothing():
    """Predictions in the middle of a fit do not change its bits, dropout included."""
    plain = make(dropout=0.3, recurrent_dropout=0.2).fit(X, Y)
    watched = make(dropout=0.3, recurrent_dropout=0.2).set_callbacks(Stop(99)).fit(X, Y)
    assert np.array_equal(all_weights(watched.module_), all_weights(plain.module_))


@experimental
@pytest.mark.parametrize("kind", ["alone", "pipeline", "search"])
def test_progress_and_scores(kind, capsys):
    """The progress bar is complete; the monitor has a score for each epoch of each fit."""
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


# --- truncated backpropagation -------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_truncation_beyond_the_end_is_none(cell, pooling):
    """With `tbptt_steps >= T` weights are those of full backpropagation, for all targets."""
    for y in (Y, STEPS):
        full, cut = (
            make(bidirectional=False, pooling=pooling, tbptt_steps=k)
            .set_params(cell=cell)
            .fit(X, y)
            for k in (None, 13)
        )
        assert all_weights(cut.module_) == pytest.approx(all_weights(full.module_), abs=1e-6)


def test_truncation_changes_the_gradient():
    """Truncation to fewer steps changes the gradient."""
    full, cut = (make(bidirectional=False, tbptt_steps=k).fit(X, Y) for k in (None, 2))
    assert not np.allclose(all_weights(cut.module_), all_weights(full.module_), atol=1e-4)


def test_chunks_add_up_to_the_loss():
    """With a vanishing learning rate, chunks do not change the loss of an epoch."""
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


@pytest.mark.parametrize("n_steps", [1, 3, 8, 20])
def test_chunks_keep_the_size_of_optimizer_steps(n_steps):
    """The gradients of chunks add up to the gradient times the mean number of chunks.

    This is exact for a network without memory, where truncation loses nothing.
    """
    model = RNNClassifier(
        FeedForward(context_size=1), 8, optimizer="sgd", learning_rate=1e-30, max_epochs=1,
        batch_size=len(X), max_grad_norm=None, weight_decay=0.0, dropout=0.0, random_state=0,
    )  # fmt: skip
    whole, chunks = (
        sum_of_gradients(clone(model).set_params(tbptt_steps=k)) for k in (None, n_steps)
    )
    factor = max(1.0, LENGTHS.mean() / n_steps)
    assert chunks == pytest.approx(factor * whole, rel=1e-3, abs=1e-4 * float(np.abs(whole).max()))


def test_loss_of_a_generator_is_minus_its_score():
    """The training loss is minus the score, for a vanishing rate and texts of one length."""
    texts = ["".join(RANDOM.choice(list("abc"), 9)) for _ in range(40)]
    generator = SequenceGenerator(hidden_size=8, learning_rate=1e-30, max_epochs=1, random_state=0)
    assert generator.fit(texts).loss_curve_[0] == pytest.approx(-generator.score(texts), rel=1e-5)


def test_truncation_needs_one_direction():
    """Truncation of a bidirectional network is an error."""
    with pytest.raises(ValueError, match="tbptt_steps carries a state forward in time"):
        make(tbptt_steps=4, bidirectional=True).fit(X, Y)


# --- chunk after chunk ---------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor])
def test_chunks_are_one_pass(estimator):
    """partial_fit on chunks of whole batches gives the bits of one pass."""
    classes = {"classes": [0, 1]} if estimator is RNNClassifier else {}
    options = {"scale": False, "dropout": 0.5, "batch_size": 10, "random_state": 0}
    whole = estimator("gru", 8, **options).partial_fit(X, Y, **classes)
    chunks = estimator("gru", 8, **options)
    for rows in (slice(20), slice(20, 50), slice(50, 60)):
        chunks.partial_fit(X[rows], Y[rows], **classes)
    np.testing.assert_array_equal(all_weights(chunks.module_), all_weights(whole.module_))


# --- side by side --------------------------------------------------------------------------------


def test_fits_in_threads_are_independent():
    """Two fits at the same time end as each does alone."""
    alone = [all_weights(make(random_state=seed, dropout=0.2).fit(X, Y).module_) for seed in (0, 1)]
    together = [make(random_state=seed, dropout=0.2) for seed in (0, 1)]
    workers = [threading.Thread(target=e.fit, args=(X, Y)) for e in together]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for fitted, expected in zip(together, alone, strict=True):
        assert np.array_equal(all_weights(fitted.module_), expected)


def test_chrono_steps_count_steps_of_the_sequence():
    """Frames divide the number of steps, which is at least two."""
    X, y = np.random.RandomState(0).randn(8, 40), np.arange(8) % 2
    parameters = {"cell": LSTM(chrono_steps=40), "hidden_size": 8, "max_epochs": 1}
    framed = RNNClassifier(frame_length=8, frame_step=4, **parameters).fit(X, y)
    plain = RNNClassifier(frame_length=1, **parameters).fit(X, y)
    layers = [model.module_.stack.forwards[0] for model in (framed, plain)]
    assert [layer.cell.chrono_steps for layer in layers] == [10, 40]
    with pytest.raises(ValueError, match="chrono_steps must be None or a whole number of at least"):
        RNNClassifier(LSTM(chrono_steps=1)).fit(X, y)


@pytest.mark.parametrize(
    ("model", "before", "after"),
    [
        (RNNRegressor(residual=None), "squared_error", "huber"),
        (SequenceGenerator(), "student_t", "gaussian"),
        (SequenceGenerator(), "quantile", "student_t"),
    ],
)
def test_training_does_not_go_on_with_another_loss(model, before, after):
    """Another loss is an error; "auto" and the same loss continue."""
    X = np.random.default_rng(0).normal(size=(12, 8))
    small = {"hidden_size": 4, "max_epochs": 1, "random_state": 0, "warm_start": True}
    model = clone(model).set_params(**small, loss=before).fit(X, X[:, 0])
    for same in (before, "auto"):
        model.set_params(loss=same).fit(X, X[:, 0])
    with pytest.raises(ValueError, match=f"loss is now '{after}', but .* Set it back, or fit with"):
        model.set_params(loss=after).fit(X, X[:, 0])
