"""Killed and interrupted fits: resumed to the same bits, with a model to have meanwhile."""

import copy
import json
import os
import pickle
import warnings
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback, EarlyStopping, LRScheduler, ParamMapper
from skorch.callbacks import Checkpoint as SkorchCheckpoint

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._base._origin import described_parameters
from sksequence._net import _training
from sksequence.callbacks import Checkpoint
from tests.helpers import DOCUMENTS, ROOT, all_weights, run_in_child

RANDOM = np.random.RandomState(0)
X = [RANDOM.randn(n, 3) for n in RANDOM.randint(5, 12, 24)]
LABELS = np.array(["up" if x[:, 0].sum() > 0 else "down" for x in X])
NUMBERS = np.array([x[:, 0].sum() for x in X])
STEPS = [x[:, 1] > 0 for x in X]
SMALL = {"hidden_size": 5, "max_epochs": 6, "batch_size": 6, "random_state": 0, "dropout": 0.3}
VALIDATED = {"early_stopping": True, "validation_fraction": 0.3}

CASES = {
    "classifier": (RNNClassifier("gru", **SMALL), X, LABELS),
    "regressor": (RNNRegressor("lstm", **SMALL, recurrent_dropout=0.2), X, NUMBERS),
    "generator": (SequenceGenerator("gru", **SMALL), DOCUMENTS, None),
    "series": (SequenceGenerator("lstm", **SMALL), X, None),
    "networks": (RNNClassifier("gru", **SMALL, n_estimators=2, **VALIDATED), X, LABELS),
    "validation": (RNNRegressor("rnn", **SMALL, learning_rate=0.03, **VALIDATED), X, NUMBERS),
    "tbptt": (RNNClassifier("gru", **SMALL, tbptt_steps=3), X, STEPS),
    "chunks": (SequenceGenerator("gru", **SMALL, tbptt_steps=4), DOCUMENTS, None),
    "in order": (RNNClassifier("gru", **SMALL, shuffle=False), X, LABELS),
    "weights": (RNNClassifier("gru", **SMALL, class_weight={"up": 1, "down": 2}), X, LABELS),
    "sgd": (RNNClassifier("gru", **SMALL, optimizer="sgd", lr_schedule="linear"), X, LABELS),
    "rmsprop": (RNNClassifier("gru", **SMALL, optimizer="rmsprop", lr_schedule=None), X, LABELS),
    "nadam": (RNNClassifier("gru", **SMALL, optimizer=torch.optim.NAdam), X, LABELS),
}


class InterruptAt(Callback):
    """Raise an error in an epoch, in the middle of it."""

    def __init__(self, epoch, error=KeyboardInterrupt):
        self.epoch = epoch
        self.error = error

    def on_batch_end(self, net, training=True, **kwargs):
        """Raise after the second batch."""
        if training and len(net.history) == self.epoch and len(net.history[-1, "batches"]) == 2:
            raise self.error


def bits(model):
    """Return everything that two equal fits have in common."""
    curves = (model.loss_curve_, model.gradient_norm_curve_, model.n_iter_)
    return all_weights(model.module_).tobytes(), curves, getattr(model, "validation_curve_", None)


def interrupted(estimator, X, y, path, epoch, error=KeyboardInterrupt, **options):
    """Fit until an error in an epoch; return the checkpoint."""
    checkpoint = Checkpoint(path, **options)
    model = clone(estimator).set_params(callbacks=[checkpoint, InterruptAt(epoch, error)])
    with pytest.raises(error):
        model.fit(X, y)
    assert not [name for name in vars(model) if name.endswith("_")]
    return checkpoint


def resumed(estimator, X, y, path):
    """Fit with the checkpoint of an earlier fit; return the model and the checkpoint."""
    checkpoint = Checkpoint(path)
    return clone(estimator).set_params(callbacks=[checkpoint]).fit(X, y), checkpoint


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_resumed_fit_is_that_of_an_uninterrupted_one(case, tmp_path):
    """Weights, curves and number of epochs are equal, wherever the fit was interrupted."""
    estimator, X, y = CASES[case]
    whole = bits(clone(estimator).fit(X, y))
    for epoch in (1, 2, 5):
        path = tmp_path / f"{epoch}.checkpoint"
        interrupted(estimator, X, y, path, epoch)
        model, checkpoint = resumed(estimator, X, y, path)
        assert bits(model) == whole
        assert checkpoint.n_epochs_resumed_ == epoch - 1


@pytest.mark.parametrize("case", CASES)
def test_the_callback_changes_no_bits(case, tmp_path):
    """A fit with a checkpoint is that without one; repeated, it does not train again."""
    estimator, X, y = CASES[case]
    whole = bits(clone(estimator).fit(X, y))
    for n_resumed in (0, whole[1][2]):
        model, checkpoint = resumed(estimator, X, y, tmp_path / "a")
        assert bits(model) == bits(checkpoint.estimator_) == whole
        assert checkpoint.n_epochs_resumed_ == n_resumed


@pytest.mark.parametrize("case", ["classifier", "regressor", "generator", "validation"])
def test_the_model_so_far_is_that_of_a_shorter_fit(case, tmp_path):
    """It ends with the last complete epoch, with the best weights so far, and is not yet judged."""
    estimator, X, y = CASES[case]
    estimator = clone(estimator).set_params(lr_schedule=None)
    shorter = clone(estimator).set_params(max_epochs=3).fit(X, y)
    model = interrupted(estimator, X, y, tmp_path / "a", 4, every_n_epochs=5).estimator_
    assert bits(model) == bits(shorter)
    assert type(model) is type(estimator)
    shorter._blueprint = replace(shorter._blueprint, shrinkage=0.0)
    assert np.array_equal(np.asarray(model.predict(X)), np.asarray(shorter.predict(X)))
    assert bits(pickle.loads(pickle.dumps(model))) == bits(shorter)


def test_early_stopping_resumes_with_its_counts(tmp_path):
    """Patience goes on where it was, and the best weights are those before the interrupt."""
    estimator = RNNRegressor("gru", 5, max_epochs=40, random_state=0, learning_rate=0.1)
    estimator.set_params(**VALIDATED, n_iter_no_change=4, batch_size=6)
    whole = clone(estimator).fit(X, NUMBERS)
    best = int(np.argmin(whole.validation_curve_)) + 1
    assert best + 4 == whole.n_iter_ < 40
    so_far = interrupted(estimator, X, NUMBERS, tmp_path / "a", best + 3).estimator_
    assert so_far.n_iter_ == best + 2
    assert np.array_equal(all_weights(so_far.module_), all_weights(whole.module_))
    assert bits(resumed(estimator, X, NUMBERS, tmp_path / "a")[0]) == bits(whole)
    model, checkpoint = resumed(estimator, X, NUMBERS, tmp_path / "a")  # it has ended
    assert bits(model) == bits(whole)
    assert checkpoint.n_epochs_resumed_ == whole.n_iter_


def test_a_fit_resumes_many_times(tmp_path):
    """Every epoch may be run by another call."""
    estimator, X, y = CASES["validation"]
    for epoch in range(1, 7):
        interrupted(estimator, X, y, tmp_path / "a", epoch)
    assert bits(resumed(estimator, X, y, tmp_path / "a")[0]) == bits(clone(estimator).fit(X, y))


def test_warm_starts_resume(tmp_path):
    """A fit that continues an earlier one is resumed from the same weights only."""
    estimator = clone(CASES["classifier"][0]).set_params(warm_start=True)
    first = estimator.fit(X, LABELS)
    whole = bits(copy.deepcopy(first).fit(X, LABELS))
    model = copy.deepcopy(first)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(callbacks=[Checkpoint(tmp_path / "a"), InterruptAt(3)]).fit(X, LABELS)
    assert bits(model) == bits(first)
    model = copy.deepcopy(first).set_params(callbacks=[Checkpoint(tmp_path / "a")])
    assert bits(model.fit(X, LABELS)) == whole
    with pytest.raises(ValueError, match="the network at the start differs"):
        model.fit(X, LABELS)


def test_errors_keep_the_model_so_far(tmp_path):
    """Not only Ctrl-C: a fit that fails for another reason leaves a file too."""
    checkpoint = interrupted(*CASES["classifier"], tmp_path / "a", 3, ZeroDivisionError)
    assert checkpoint.estimator_.n_iter_ == 2
    assert resumed(*CASES["classifier"], tmp_path / "a")[1].n_epochs_resumed_ == 2


KILLS = """
import os, signal, sys, time, warnings
from pathlib import Path
import torch
from sklearn.base import clone
from sksequence.callbacks import Checkpoint
sys.path.insert(0, sys.argv[1])
from tests.test_checkpoints import CASES
import numpy as np

warnings.simplefilter("ignore", DeprecationWarning)  # of forks
torch.set_num_threads(1)
directory, n_kills = Path(sys.argv[2]), int(sys.argv[3])
random = np.random.RandomState(0)

def fit(case, path):
    estimator, X, y = CASES[case]
    callbacks = [Checkpoint(path)]
    clone(estimator).set_params(max_epochs=30, callbacks=callbacks).fit(X, y)

for case in ("classifier", "generator"):
    fit(case, directory / f"{case} warm up")
    begin = time.monotonic()
    fit(case, directory / f"{case} timed")
    duration = time.monotonic() - begin
    for i in range(n_kills):
        pid = os.fork()
        if pid == 0:
            fit(case, directory / f"{case} {i}")
            os._exit(0)
        time.sleep(duration * random.uniform(0.05, 0.95))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed fits are forked")
@pytest.mark.parametrize("n_kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_fits_resume(n_kills, tmp_path):
    """After SIGKILL at any moment, the file can be read, and the fit ends with the same bits."""
    run_in_child(KILLS, os.fspath(ROOT), tmp_path, n_kills)
    for case in ("classifier", "generator"):
        estimator, X, y = CASES[case]
        estimator = clone(estimator).set_params(max_epochs=30)
        whole = bits(clone(estimator).fit(X, y))
        n_resumed = []
        for i in range(n_kills):
            model, checkpoint = resumed(estimator, X, y, tmp_path / f"{case} {i}")
            assert bits(model) == whole
            n_resumed.append(checkpoint.n_epochs_resumed_)
        assert any(0 < n < 30 for n in n_resumed)


# --- when it is written --------------------------------------------------------------------------


def epochs_on_file(path, epoch, **options):
    """Return the epochs that the file held after each of the first epochs."""
    found = []

    class Reader(Callback):
        def on_epoch_begin(self, net, **kwargs):
            found.append(_n_epochs(path))

    estimator, X, y = CASES["classifier"]
    callbacks = [Checkpoint(path, **options), Reader()]
    clone(estimator).set_params(callbacks=callbacks, max_epochs=epoch).fit(X, y)
    return [*found, _n_epochs(path)]


def _n_epochs(path):
    if not path.exists():
        return 0
    with np.load(path) as archive:
        state = dict(json.loads(archive["content"].tobytes())["state"]["dict"])
    return len(dict(state["record"]["dict"])["loss_curve"]["list"])


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"every_n_epochs": 2}, [0, 0, 2, 2, 4, 5]),
        ({"every_minutes": 60}, [0, 0, 0, 0, 0, 5]),
        ({"every_minutes": 1e-9}, [0, 1, 2, 3, 4, 5]),
        ({"every_minutes": 60, "every_n_epochs": 3}, [0, 0, 0, 3, 3, 5]),
        ({"every_minutes": 1e-9, "every_n_epochs": 3}, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_how_often_it_is_written(options, epochs, tmp_path):
    """Every so many epochs or minutes, and after the last epoch."""
    assert epochs_on_file(tmp_path / "a", 5, **options) == epochs


def test_an_interrupt_writes_the_last_complete_epoch(tmp_path):
    """It is not lost, however seldom the file is written."""
    interrupted(*CASES["classifier"], tmp_path / "a", 4, every_n_epochs=100)
    assert _n_epochs(tmp_path / "a") == 3
    interrupted(*CASES["classifier"], tmp_path / "b", 1)
    assert not (tmp_path / "b").exists()


def test_a_new_state_replaces_the_file(tmp_path):
    """Who has opened the old file reads it to its end: nothing is written into it."""
    path = tmp_path / "a"
    interrupted(*CASES["classifier"], path, 3)
    before = path.read_bytes()
    with path.open("rb") as file:
        resumed(*CASES["classifier"], path)
        assert file.read() == before != path.read_bytes()


def test_an_interrupt_between_epochs_keeps_curves_and_weights_together(tmp_path, monkeypatch):
    """The curves already have an epoch more than the state that was kept."""
    estimator, X, y = CASES["validation"]
    checkpoint = Checkpoint(tmp_path / "a")
    model, original = clone(estimator).set_params(callbacks=[checkpoint]), _training._state_of

    def state_of(net, *args):
        if len(net.history) == 3:
            raise KeyboardInterrupt
        return original(net, *args)

    with monkeypatch.context() as patch:
        patch.setattr(_training, "_state_of", state_of)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
    assert checkpoint.estimator_.n_iter_ == _n_epochs(tmp_path / "a") == 2
    assert bits(resumed(estimator, X, y, tmp_path / "a")[0]) == bits(clone(estimator).fit(X, y))


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    """Training goes on with a warning; the next write may succeed."""
    estimator, X, y = CASES["classifier"]
    n_calls = []

    def fsync(number):
        n_calls.append(_n_epochs(tmp_path / "a"))
        if len(n_calls) in (5, 6):  # two calls per write, of the file and of its directory
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fsync)
    model = clone(estimator).set_params(callbacks=[Checkpoint(tmp_path / "a")])
    with pytest.warns(UserWarning, match="could not write .*holds epoch 2") as caught:
        model.fit(X, y)
    assert len(caught) == 2
    assert n_calls == [0, 1, 1, 2, 2, 2, 2, 5, 5, 6]
    assert bits(model) == bits(clone(estimator).fit(X, y))


def test_a_full_disk_gets_back_what_was_written(tmp_path, monkeypatch):
    """A part of a file would take space that others need."""

    def fsync(number):
        raise OSError(28, "No space left on device")

    estimator, X, y = CASES["classifier"]
    monkeypatch.setattr("os.fsync", fsync)
    with pytest.warns(UserWarning, match="could not write"):
        clone(estimator).set_params(callbacks=[Checkpoint(tmp_path / "a")]).fit(X, y)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["missing/a", "."])
def test_a_path_that_cannot_be_written_is_an_error_at_once(path, tmp_path):
    """Nobody wants to hear of it after hours."""
    estimator, X, y = CASES["classifier"]
    with pytest.raises(FileNotFoundError, match="must be a file in a directory that exists"):
        clone(estimator).set_params(callbacks=[Checkpoint(tmp_path / path)]).fit(X, y)


def test_the_file_holds_arrays_and_json_only(tmp_path):
    """There is no pickle in it, and nothing is left next to it."""
    resumed(*CASES["networks"], tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())
    with np.load(tmp_path / "a", allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "fu" for name in archive)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0.5}, "learning_rate was 0.01, it is now 0.5. Change it back"),
        ({"hidden_size": 6}, "hidden_size was 5, it is now 6"),
        ({"max_epochs": 7, "dropout": 0.1}, "dropout was 0.3.*; max_epochs was 6, it is now 7"),
        ({"random_state": 1}, "the seed of random_state was 0, it is now 1"),
        ({"cell": "rnn"}, "cell was 'gru', it is now 'rnn'"),
        ({"optimizer": torch.optim.NAdam}, "it is now torch.optim.nadam.NAdam"),
        ({"class_weight": {"up": 2.0}}, "class_weight was None, it is now {'up': 2.0}"),
    ],
)
def test_other_parameters_are_refused(changes, message, tmp_path):
    """The error tells what was changed; the file stays."""
    estimator, X, y = CASES["classifier"]
    interrupted(clone(estimator).set_params(learning_rate=0.01), X, y, tmp_path / "a", 3)
    with pytest.raises(ValueError, match=f"other data or parameters: .*{message}"):
        resumed(clone(estimator).set_params(**changes), X, y, tmp_path / "a")
    assert _n_epochs(tmp_path / "a") == 2


def test_other_data_are_refused(tmp_path):
    """One number of X, one target, one weight or one symbol is enough."""
    estimator, X, y = CASES["classifier"]
    path = tmp_path / "a"
    interrupted(estimator, X, y, path, 3)
    other = [*X[:-1], np.nextafter(X[-1], 9)]
    with pytest.raises(ValueError, match="X differs"):
        resumed(estimator, other, y, path)
    with pytest.raises(ValueError, match="X differs"):
        resumed(estimator, X[:-1], y[:-1], path)
    with pytest.raises(ValueError, match="y differs"):
        resumed(estimator, X, np.where(np.arange(24) == 3, y[y != y[3]][0], y), path)
    with pytest.raises(ValueError, match="y differs"):
        resumed(estimator, X, np.char.upper(y), path)
    model = clone(estimator).set_params(callbacks=[Checkpoint(path)])
    with pytest.raises(ValueError, match="sample_weight or groups differs"):
        model.fit(X, y, sample_weight=np.linspace(1, 2, 24))
    generator, texts, _ = CASES["generator"]
    interrupted(generator, texts, None, tmp_path / "b", 3)
    with pytest.raises(ValueError, match="X differs"):
        resumed(generator, [text.replace("w", "v") for text in texts], None, tmp_path / "b")
    with pytest.raises(ValueError, match="the class was RNNClassifier, it is now RNNRegressor"):
        resumed(CASES["regressor"][0], X, NUMBERS, path)


def test_parameters_are_described_by_what_they_do():
    """Descriptions are the same in every process, and tell functions of one name apart."""
    names = ["<lambda>", "<lambda>", "InterruptAt", "numbers", "tuple", "partial"]
    values = [
        lambda x: x + 1,
        lambda x: x + 2,
        InterruptAt,
        np.float64(0.5),
        (np.int64(1), np.arange(2000)),
        partial(InterruptAt, error=object()),
    ]
    found = described_parameters(
        {f"{i}{n}": v for i, (n, v) in enumerate(zip(names, values, strict=True))}
    )
    assert len(set(found.values())) == 6
    assert found["2InterruptAt"] == "tests.test_checkpoints.InterruptAt"
    assert found["3numbers"] == "0.5"
    assert found["4tuple"].startswith("[1, array of ")
    assert not any(" at 0x" in text for text in found.values())
    other = described_parameters({"4tuple": [1, np.arange(2000)], "verbose": 3})
    assert other == {"4tuple": found["4tuple"]}


def test_the_container_of_equal_data_does_not_matter(tmp_path):
    """What was read is compared, not how it was passed."""
    estimator, X, y = CASES["classifier"]
    interrupted(estimator, X, y, tmp_path / "a", 3)
    same = tuple(map(np.asfortranarray, X)), y.tolist()
    assert bits(resumed(estimator, *same, tmp_path / "a")[0]) == bits(clone(estimator).fit(X, y))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "array", "archive"])
def test_a_file_that_is_no_checkpoint_is_refused(damage, tmp_path):
    """It is neither read nor overwritten."""
    path = tmp_path / "a"
    interrupted(*CASES["classifier"], path, 3)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[:-100])
    elif damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "array":
        np.save(path.with_suffix(".npy"), np.arange(3))
        path.with_suffix(".npy").replace(path)
    elif damage == "archive":
        np.savez(path.with_suffix(".npz"), a=np.arange(3))
        path.with_suffix(".npz").replace(path)
    else:
        path.write_text("" if damage == "empty" else "hello")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="is no checkpoint that this version can read"):
        resumed(*CASES["classifier"], path)
    assert path.read_bytes() == before


def test_no_seed_is_refused(tmp_path):
    """Without a seed, the resumed fit would be another one."""
    model = clone(CASES["classifier"][0])
    model.set_params(random_state=None, callbacks=[Checkpoint(tmp_path / "a")])
    with pytest.raises(ValueError, match="Set random_state to an integer"):
        model.fit(X, LABELS)
    for _ in range(2):  # a generator in the same state draws the same seed
        model.set_params(random_state=np.random.RandomState(0)).fit(X, LABELS)
    assert model.callbacks[0].n_epochs_resumed_ == 6


def test_partial_fit_is_refused(tmp_path):
    """It is one epoch, with nothing to resume."""
    model = clone(CASES["classifier"][0]).set_params(callbacks=[Checkpoint(tmp_path / "a")])
    with pytest.raises(ValueError, match="Checkpoint works in fit only"):
        model.partial_fit(X, LABELS, classes=["down", "up"])


@pytest.mark.parametrize("options", [{"every_n_epochs": 0}, {"every_n_epochs": 1.5}, {"path": 3}])
@pytest.mark.parametrize("minutes", [None, -1, True])
def test_bad_options(options, minutes, tmp_path):
    """The error names the option, when the fit begins."""
    options = {"path": tmp_path / "a"} | (
        options if minutes is None else {"every_minutes": minutes}
    )
    name = list(options)[-1]
    model = clone(CASES["classifier"][0]).set_params(callbacks=[Checkpoint(**options)])
    with pytest.raises(ValueError, match=rf"^{name}=.* of Checkpoint "):
        model.fit(X, LABELS)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (EarlyStopping(monitor="train_loss"), "state of EarlyStopping.*Use early_stopping=True"),
        (LRScheduler("StepLR", step_size=1), "state of LRScheduler.*Use lr_schedule"),
        (("mapper", ParamMapper("cell*")), "state of ParamMapper"),
        (("second", Checkpoint("b")), "callbacks contains 2 of Checkpoint"),
    ],
)
def test_callbacks_with_a_state_are_refused(other, message, tmp_path):
    """A resumed fit would not be the same."""
    model = clone(CASES["classifier"][0])
    model.set_params(callbacks=[Checkpoint(tmp_path / "a"), other], lr_schedule=None)
    with pytest.raises(ValueError, match=message):
        model.fit(X, LABELS)


def test_what_cannot_be_stored_is_named(tmp_path):
    """A callback may put anything into the history; only plain values can be stored."""

    class Recording(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("mean", np.float32(0.1))
            net.history.record("thing", self.thing)

    recording, model = Recording(), clone(CASES["classifier"][0])
    model.set_params(callbacks=[("it", Checkpoint(tmp_path / "a")), recording])
    recording.thing = {"of": [1, (None, True, np.arange(3))]}
    model.fit(X, LABELS)
    history = model.fit(X, LABELS).net_.history  # read from the file
    assert history[-1, "mean"] == np.float32(0.1)
    assert history[-1, "thing"]["of"][1][:2] == (None, True)
    recording.thing = object()
    model.set_params(callbacks=[Checkpoint(tmp_path / "b"), recording])
    with pytest.raises(TypeError, match=r"cannot store <object object at .*net\.history"):
        model.fit(X, LABELS)


# --- the object ----------------------------------------------------------------------------------


def test_estimator_exists_after_the_first_epoch(tmp_path):
    """Before, the error says so."""
    checkpoint = Checkpoint(tmp_path / "a")
    with pytest.raises(AttributeError, match="exists after the first epoch"):
        checkpoint.estimator_.predict(X)
    checkpoint = interrupted(*CASES["classifier"], tmp_path / "a", 1)
    assert not hasattr(checkpoint, "estimator_")


def test_estimator_can_be_read_during_training(tmp_path):
    """Its weights do not change with those that are trained, and reading it changes no bits."""
    models = []

    class Reader(Callback):
        def initialize(self):  # of the fit, and not of the models
            models.clear()
            return self

        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) > 1:
                models.append(checkpoint.estimator_)

    estimator, X, y = CASES["classifier"]
    checkpoint = Checkpoint(tmp_path / "a")
    model = clone(estimator).set_params(callbacks=[checkpoint, Reader()]).fit(X, y)
    assert bits(model) == bits(clone(estimator).fit(X, y))
    assert [m.n_iter_ for m in models] == [1, 2, 3, 4, 5]
    assert len({all_weights(m.module_).tobytes() for m in models}) == 5
    assert not {tensor.data_ptr() for tensor in models[0].module_.parameters()} & {
        tensor.data_ptr() for tensor in model.module_.parameters()
    }


def test_copies_hold_no_training(tmp_path):
    """Clones and pickles have the parameters of the callback only."""
    checkpoint = interrupted(*CASES["classifier"], tmp_path / "a", 3)
    checkpoint.every_minutes = 3
    for other in (copy.deepcopy(checkpoint), pickle.loads(pickle.dumps(checkpoint))):
        assert vars(other) == {"path": tmp_path / "a", "every_n_epochs": None, "every_minutes": 3}
    assert repr(checkpoint) == f"Checkpoint({str(tmp_path / 'a')!r}, every_minutes=3)"


def test_checkpoints_of_skorch_work(tmp_path):
    """They read "_best" entries of the history, and may load the best weights at the end."""
    estimator = clone(CASES["validation"][0]).set_params(learning_rate=0.3, early_stopping=True)
    best = clone(estimator).fit(X, NUMBERS)
    callback = SkorchCheckpoint(dirname=os.fspath(tmp_path), load_best=True, f_history=None)
    model = clone(estimator).set_params(callbacks=[callback]).fit(X, NUMBERS)
    assert bits(model) == bits(best)
    flags = [row["valid_loss_best"] for row in model.net_.history.to_list()]
    losses = model.validation_curve_
    assert flags == [loss < min([np.inf, *losses[:i]]) for i, loss in enumerate(losses)]
    assert flags == [row["event_cp"] for row in model.net_.history.to_list()]
    assert 0 < sum(flags) < len(flags)
    stored = torch.load(tmp_path / "params.pt", weights_only=True)
    for name, tensor in best.module_.state_dict().items():
        assert torch.equal(stored[name], tensor)


def test_checkpoints_of_skorch_work_without_validation(tmp_path):
    """The training loss has such an entry too; both kinds of checkpoints work together."""
    callback = SkorchCheckpoint(monitor="train_loss_best", dirname=os.fspath(tmp_path))
    model = clone(CASES["generator"][0])
    model.set_params(callbacks=[callback, Checkpoint(tmp_path / "ours")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = model.fit(DOCUMENTS).net_.history
    assert all(history[:, "train_loss_best"])
    assert (tmp_path / "params.pt").exists()
