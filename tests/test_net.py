"""Networks in skorch: clipping, optimizers, schedules, callbacks, random streams, pickles."""

import pickle
import pickletools

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    InputShapeSetter,
    LRScheduler,
    PassthroughScoring,
)

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._net import OPTIMIZERS, SCHEDULES
from sksequence._random import draw_seed, numpy_generator, torch_generator
from tests.helpers import run_in_child
from tests.helpers import small_classifier as make

RANDOM = np.random.RandomState(0)
X = list(RANDOM.randn(40, 12, 4))
Y = np.array(["up" if x[:, 0].sum() > 0 else "down" for x in X])
STEPS = [(x[:, 1] > 0).astype(int) for x in X]


class Recorder(Callback):
    """Callback that records events, gradient norms and learning rates."""

    def initialize(self):
        """Forget what was written down."""
        self.events, self.norms, self.rates = [], [], []
        return self

    def _note(event):
        def hook(self, net, **kwargs):
            self.events.append(event)

        return hook

    on_train_begin, on_train_end = _note("train begin"), _note("train end")
    on_epoch_begin, on_epoch_end = _note("epoch begin"), _note("epoch end")
    on_batch_begin, on_batch_end = _note("batch begin"), _note("batch end")

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Measure the gradients of an optimizer step."""
        squares = [p.grad.square().sum() for _, p in named_parameters if p.grad is not None]
        self.norms.append(float(torch.stack(squares).sum().sqrt()))
        self.rates.append(net.optimizer_.param_groups[0]["lr"])


def fit_recorded(estimator, X=X, y=Y):
    """Fit with a recorder; return both."""
    recorder = Recorder()
    return estimator.set_params(callbacks=[recorder]).fit(X, y), recorder


# --- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("y", "tbptt_steps"), [(Y, None), (Y, 4), (STEPS, None), (STEPS, 4)])
def test_callbacks_see_clipped_gradients(y, tbptt_steps):
    """Gradients are clipped before callbacks see them; the curve has the norms before clipping."""
    limited, recorder = fit_recorded(make(max_grad_norm=0.01, tbptt_steps=tbptt_steps), y=y)
    assert max(recorder.norms) <= 0.01 * (1 + 1e-4)
    assert min(limited.gradient_norm_curve_) > 0.01
    free, recorder = fit_recorded(make(max_grad_norm=None, tbptt_steps=tbptt_steps), y=y)
    means = np.reshape(recorder.norms, (4, -1)).mean(axis=1)
    assert free.gradient_norm_curve_ == pytest.approx(means, rel=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("lr_schedule", [*SCHEDULES, None])
def test_every_optimizer_and_schedule_trains(optimizer, lr_schedule):
    """The loss falls."""
    rate = 0.05 if optimizer == "sgd" else 0.01
    curve = (
        make(optimizer=optimizer, lr_schedule=lr_schedule, learning_rate=rate, max_epochs=8)
        .fit(X, Y)
        .loss_curve_
    )
    assert curve[-1] < 0.95 * curve[0]


def test_weight_decay_reaches_the_optimizer():
    """Weight decay makes weights smaller."""
    plain, decayed = (make(optimizer="adamw", weight_decay=w).fit(X, Y) for w in (0.0, 10.0))
    size = [
        sum(float(p.detach().abs().sum()) for p in e.module_.parameters()) for e in (plain, decayed)
    ]
    assert size[1] < 0.9 * size[0]


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_stay_between_zero_and_one(name):
    """They start above zero, reach one, and end near zero."""
    factors = [SCHEDULES[name](p) for p in np.linspace(0, 1, 1001)]
    assert factors[0] > 0
    assert max(factors) == pytest.approx(1.0)
    assert min(factors) >= 0
    assert factors[-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_rate_follows_the_schedule(name):
    """The learning rate of each step is that of the schedule at its part of training."""
    _, recorder = fit_recorded(make(lr_schedule=name, batch_size=10, learning_rate=0.02))
    assert recorder.rates == pytest.approx([0.02 * SCHEDULES[name](i / 16) for i in range(16)])


def test_rate_follows_the_schedule_within_streams():
    """A batch of long streams is many optimizer steps, and the rate changes at each."""
    generator = SequenceGenerator(
        "gru", 8, tbptt_steps=10, batch_size=4, max_epochs=3, lr_schedule="linear", random_state=0
    )
    recorder = Recorder()
    generator.set_params(callbacks=[recorder]).fit(["abcd" * 100])
    assert recorder.rates == pytest.approx(generator.learning_rate * (1 - np.arange(30) / 30))


# --- the user's callbacks ------------------------------------------------------------------------


def test_callbacks_are_called_in_order():
    """Training, epochs and batches begin and end as in skorch."""
    _, recorder = fit_recorded(make(max_epochs=2))
    batch = ["batch begin", "batch end"]
    epoch = ["epoch begin", *batch * 2, "epoch end"]
    assert recorder.events == ["train begin", *epoch * 2, "train end"]


def test_history_is_there_for_callbacks(tmp_path):
    """A checkpoint reads the best epoch from the history and saves the weights."""
    checkpoint = Checkpoint(dirname=str(tmp_path), monitor=lambda net: _is_best(net.history))
    fitted = make(callbacks=[checkpoint]).fit(X, Y)
    assert (tmp_path / "params.pt").exists()
    assert fitted.net_.history[:, "train_loss"] == fitted.loss_curve_


def _is_best(history):
    losses = history[:, "train_loss"]
    return losses[-1] == min(losses)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_epoch_scores(early_stopping):
    """A custom score is called with outputs and targets, and changes nothing."""

    def accuracy(net, X, y):
        return float((net.predict(X).argmax(axis=1) == np.asarray(y)).mean())

    scoring = EpochScoring(accuracy, name="accuracy", on_train=not early_stopping)
    estimator = make(early_stopping=early_stopping, max_epochs=10, learning_rate=0.01)
    plain = estimator.fit(X, Y).loss_curve_
    fitted = estimator.set_params(callbacks=[scoring]).fit(X, Y)
    scores = fitted.net_.history[:, "accuracy"]
    assert len(scores) == fitted.n_iter_
    assert scores[-1] > (0.0 if early_stopping else 0.6)
    assert fitted.loss_curve_ == plain


def test_skorch_early_stopping_ends_normally():
    """KeyboardInterrupt from a callback of skorch ends a fit normally."""
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=100.0, sink=lambda *_: None)
    fitted = make(max_epochs=50, callbacks=[stop]).fit(X, Y)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == len(fitted.gradient_norm_curve_) == 3
    assert len(fitted.predict(X)) == len(X)


UNRECORDED = {
    "valid_loss": EarlyStopping(),
    "valid_loss_best": Checkpoint(f_params=None, f_optimizer=None, f_criterion=None),
    "nothing": EarlyStopping(monitor="nothing"),
    "valid_acc": LRScheduler(policy="ReduceLROnPlateau", monitor="valid_acc"),
    "valid_batch_size": PassthroughScoring("train_loss"),
    "an entry": EarlyStopping(monitor=3),
}


@pytest.mark.parametrize("entry", UNRECORDED)
def test_callbacks_read_what_is_recorded(entry):
    """The error names the entry that is missing, those that exist, and the parameter to set."""
    estimator = make(callbacks=[UNRECORDED[entry]], lr_schedule=None)
    message = f"callbacks reads '?{entry}'? of net.history.*'train_loss'.*Set early_stopping=True"
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, Y)
    if entry == "valid_loss":
        estimator.set_params(early_stopping=True, validation_fraction=0.3).fit(X, Y)


def test_errors_of_callbacks_are_their_own():
    """An error that is not about the history reaches the user unchanged."""

    class Failing(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise ValueError("no history of failures")

    with pytest.raises(ValueError, match=r"^no history of failures$"):
        make(callbacks=[Failing()]).fit(X, Y)


@pytest.mark.parametrize("named", [False, True])
def test_a_scheduler_with_a_schedule_raises(named):
    """An LRScheduler is an error with a schedule; without one, and in partial_fit, it works."""
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.1)
    callbacks = [("scheduler", scheduler) if named else scheduler]
    message = "lr_schedule='one_cycle' sets the learning rate of each step.*Set lr_schedule=None"
    with pytest.raises(ValueError, match=message):
        make(lr_schedule="one_cycle", callbacks=callbacks).fit(X, Y)
    make(lr_schedule="one_cycle", callbacks=callbacks).partial_fit(X, Y, classes=np.unique(Y))
    recorder = Recorder()
    make(lr_schedule=None, learning_rate=1.0, callbacks=[*callbacks, recorder], batch_size=40).fit(
        X, Y
    )
    assert recorder.rates == pytest.approx([1.0, 0.1, 0.01, 0.001])


@pytest.mark.parametrize("kind", [EpochScoring, BatchScoring])
@pytest.mark.parametrize("scoring", ["accuracy", None, accuracy_score, get_scorer("accuracy")])
def test_scores_of_the_net_by_name_raise(kind, scoring):
    """The net has no labels to compare; the error names alternatives."""
    message = rf"{kind.__name__}\(.*would score the net.*validation_curve_.*f\(net, X, y\)"
    for fit in (make().fit, make().partial_fit):
        estimator = fit.__self__.set_params(callbacks=[kind(scoring)])
        with pytest.raises(ValueError, match=message):
            fit(X, Y)
        assert not hasattr(estimator, "net_")


def test_batch_scores():
    """A custom function is called with each batch."""

    def negative_mean(net, X, y):
        return -float(np.mean(y))

    scoring = BatchScoring(negative_mean, on_train=True)
    fitted = make(callbacks=[scoring]).fit(X, Y)
    assert fitted.net_.history[:, "negative_mean"] == pytest.approx([-np.mean(Y == "up")] * 4)


@pytest.mark.parametrize("callback", [InputShapeSetter(), InputShapeSetter])
def test_input_shapes_are_not_set_by_callbacks(callback):
    """InputShapeSetter is an error: shapes are read from X."""
    with pytest.raises(ValueError, match=r"fit reads the number of features.*n_features_in_"):
        make(callbacks=[callback]).fit(X, Y)


def test_callbacks_see_the_best_weights_at_the_end():
    """At the end of training, callbacks see the weights that are kept."""
    seen = []

    class Watch(Callback):
        def on_train_end(self, net, **kwargs):
            seen.extend(p.detach().clone() for p in net.module_.parameters())

    estimator = make(
        early_stopping=True,
        learning_rate=0.3,
        max_epochs=30,
        n_iter_no_change=2,
        callbacks=[Watch()],
    ).fit(X, Y)
    assert estimator.n_iter_ > np.argmin(estimator.validation_curve_) + 1
    assert all(map(torch.equal, seen, estimator.module_.parameters()))


def test_callbacks_are_not_shared_by_folds():
    """Each fit of a search clones the callbacks."""
    recorder = Recorder()
    search = GridSearchCV(make(callbacks=[recorder]), {"hidden_size": [4, 6]}, cv=2)
    assert search.fit(X, Y).best_score_ >= 0
    assert not hasattr(recorder, "events")


# --- what is pickled -----------------------------------------------------------------------------


def fitted_estimators():
    """Return one small estimator of each kind."""
    return [
        RNNClassifier("lstm", 32, bidirectional=False, max_epochs=2, random_state=0).fit(X, Y),
        RNNRegressor("gru", 8, max_epochs=2, random_state=0).fit(X, [x.sum() for x in X]),
        SequenceGenerator("rnn", 8, max_epochs=2, random_state=0).fit(["to be", "or not"]),
        make().partial_fit(X, Y, classes=np.unique(Y)),
    ]


@pytest.fixture(scope="module")
def fitted():
    """Fit one of each kind."""
    return fitted_estimators()


def test_pickle_is_small(fitted):
    """A pickle is little larger than the weights: 4,802 float32 numbers are 19 kB."""
    assert len(pickle.dumps(fitted[0])) < 25_000


def test_pickle_holds_no_torch_or_skorch(fitted):
    """A pickle names our classes and those of arrays only."""
    for estimator in fitted:
        names = set(_globals(pickle.dumps(estimator)))
        assert {name.split(".")[0] for name in names} <= {
            "sksequence",
            "numpy",
            "builtins",
            "_codecs",
        }


def _globals(blob):
    """Yield the modules that a pickle imports: the first of two strings before STACK_GLOBAL."""
    strings, memo = [], []
    for opcode, argument, _ in pickletools.genops(blob):
        if opcode.name in ("SHORT_BINUNICODE", "BINUNICODE"):
            strings.append(argument)
        elif opcode.name == "MEMOIZE":
            memo.append(strings[-1] if strings else None)
        elif opcode.name in ("BINGET", "LONG_BINGET"):
            strings.append(memo[argument])
        elif opcode.name == "STACK_GLOBAL":
            yield strings[-2]
        elif opcode.name == "GLOBAL":
            yield argument.split()[0]


FRESH = """
import os, pickle, sys
import numpy as np
from sksequence import _kernels
if os.environ.get("SKSEQUENCE_WITHOUT_NUMBA"):
    _kernels._dispatch.HAS_NUMBA = False
estimators, X, expected = pickle.load(open(sys.argv[1], "rb"))
for estimator, x, y in zip(estimators, X, expected):
    assert np.array_equal(estimator.predict(x), y)
assert not any(name.startswith("torch._dynamo") for name in sys.modules)
"""


def test_fresh_process_predicts_the_same_bits(fitted, tmp_path):
    """A new process loads a pickle and predicts the same bits, without training modules."""
    inputs = [X, X, ["to b", "o"]]
    expected = [e.predict(x) for e, x in zip(fitted, inputs, strict=False)]
    (tmp_path / "model.pkl").write_bytes(pickle.dumps((fitted[:3], inputs, expected)))
    run_in_child(FRESH, tmp_path / "model.pkl")


# --- random streams ------------------------------------------------------------------------------


def test_streams_are_repeatable_and_apart():
    """A seed and a name determine a stream; other names and seeds give other streams."""
    draws = {
        (seed, name): (
            numpy_generator(seed, name).random(4).tolist(),
            torch.rand(4, generator=torch_generator(seed, name)).tolist(),
        )
        for seed in (0, 1, 2**31 - 1)
        for name in ("weights", "shuffle")
    }
    for kind in (0, 1):
        assert len({tuple(draw[kind]) for draw in draws.values()}) == 6
    assert numpy_generator(0, "shuffle").random(4).tolist() == draws[0, "shuffle"][0]


def test_seeds():
    """An integer is its own seed, a generator advances, None differs."""
    assert draw_seed(np.int64(5)) == 5
    for random in (np.random.RandomState(0), np.random.default_rng(0)):
        assert draw_seed(random) != draw_seed(random)
    assert draw_seed(None) != draw_seed(None)


def test_device_that_is_not_there_is_named():
    """A missing device is an error; models trained on it predict on another one."""
    with pytest.raises(ValueError, match=r"device='cuda:99' is not available here"):
        make(device="cuda:99").fit(X, Y)
    fitted = make().fit(X, Y)
    fitted.device = "cuda:99"
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict(X), fitted.predict(X))


def test_hidden_states_have_names():
    """`set_output` works, alone and in a pipeline."""
    fitted = make().set_output(transform="pandas").fit(X, Y)
    columns = fitted.transform(X).columns
    assert columns[0] == "rnnclassifier0"
    assert len(columns) == fitted.module_.head.in_features


@pytest.mark.parametrize(
    ("module", "name"), [("_classifier", "RNNClassifier"), ("_generator", "SequenceGenerator")]
)
def test_pickles_of_former_versions_are_refused(module, name):
    """The modules that they name no longer exist, and the error explains it."""
    former = f"csksequence.{module}._estimator\n{name}\n.".encode()
    with pytest.raises(ImportError, match=f"This {name} was pickled with an earlier version"):
        pickle.loads(former)
