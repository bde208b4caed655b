"""Training over epochs: curves, early stopping, divergence, interrupts.

Early stopping restores the best weights. Callbacks of skorch that would have no effect are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
import torch
from skorch.callbacks import (
    BatchScoring,
    Callback,
    EarlyStopping,
    EpochScoring,
    InputShapeSetter,
    LRScheduler,
    ParamMapper,
)
from skorch.exceptions import SkorchException
from skorch.helper import predefined_split

from sksequence._batching import STEP_BLOCKS, SequenceDataset, network_inputs
from sksequence._cells import has_bounded_outputs
from sksequence._net._augmenting import is_own
from sksequence._net._checkpoints import Checkpointing, State, bare, is_checkpoint
from sksequence._net._construction import load_weights, to_arrays, to_tensors, weights_of
from sksequence._net._optimizer import last_epoch, shortened, without_compiler
from sksequence._net._progress_report import ProgressReport
from sksequence._net._sequence_net import SequenceNet

# Norm of a weight above which a bounded cell may give infinite outputs; usual ones are below 100.
_LARGE_NORM = 1e4
_PROBED_STEPS = 1000


@dataclass(frozen=True)
class Stopping:
    """Rule of early stopping.

    Training stops after `n_iter_no_change` epochs in which the validation loss did not improve by
    more than `tol`.
    """

    n_iter_no_change: int
    tol: float


@dataclass(frozen=True)
class Ending:
    """Rule that ends the training of a task that is learnt.

    After `n_epochs` epochs in a row with a training loss below `loss`, the rest of the schedule is
    shortened.
    """

    loss: float
    n_epochs: int

    def is_learnt(self, record: TrainingRecord) -> bool:
        """Check whether the latest losses are low enough."""
        latest = record.loss_curve[-self.n_epochs :]
        return record.n_epochs >= self.n_epochs and max(latest) < self.loss


@dataclass
class TrainingRecord:
    """Curves of one training, with one entry per epoch, and its epochs of note.

    The best epoch is that of early stopping. Of a task that is learnt, `learnt_epoch` is the one
    after which the rest of the schedule is shortened, and `last_epoch` its end. All are 0 for none.
    """

    loss_curve: list[float] = field(default_factory=list)
    gradient_norm_curve: list[float] = field(default_factory=list)
    validation_curve: list[float] = field(default_factory=list)
    best_loss: float = math.inf
    best_epoch: int = 0
    learnt_epoch: int = 0
    last_epoch: int = 0

    @property
    def n_epochs(self) -> int:
        """Number of epochs that were run."""
        return len(self.loss_curve)

    @property
    def has_ended(self) -> bool:
        """Whether a shortened schedule is at its end."""
        return 0 < self.last_epoch <= self.n_epochs


def train(
    net: SequenceNet,
    training: SequenceDataset,
    validation: SequenceDataset | None,
    stopping: Stopping | None,
    after_epoch: Callable[[TrainingRecord], bool],
    ending: Ending | None = None,
    checkpoint: Checkpointing | None = None,
    state: State | None = None,
) -> TrainingRecord:
    """Train an initialised net for its `max_epochs`, or until it is stopped.

    Parameters
    ----------
    net : SequenceNet
        Trained in place.
    training : SequenceDataset
        Data to learn from.
    validation : SequenceDataset or None
        Held-out data, whose loss is recorded after each epoch.
    stopping : Stopping or None
        Rule of early stopping; it needs `validation`. The best weights are restored before
        `on_train_end` of the callbacks is called.
    after_epoch : callable
        Called with the record after each epoch; training ends if it returns True.
    ending : Ending, default=None
        Rule that ends the training of a task that is learnt.
    checkpoint : Checkpointing, default=None
        Keeps the state after each epoch.
    state : State, default=None
        The state of the same training after an earlier epoch, to continue from.

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite, or a weight or an output after the last epoch.
    """
    record = TrainingRecord()
    best_weights: dict[str, Any] = {}
    is_over = False
    net.train_split = None if validation is None else predefined_split(validation)
    if state is not None:
        record, is_over = TrainingRecord(**deepcopy(state["record"])), state["is_over"]
        best_weights = _restore(net, training, state)
        _shorten_schedule(net, record)
    net.notify("on_train_begin", X=training, y=None)
    try:
        while record.n_epochs < net.max_epochs and not is_over:
            net.ranks_.check_network(net.module_)
            is_over = _run_epoch(net, training)
            _record_epoch(net, record)
            if stopping is not None and _improved(record, stopping.tol):
                best_weights = {k: v.detach().clone() for k, v in net.module_.state_dict().items()}
            if ending is not None and not record.learnt_epoch and ending.is_learnt(record):
                _end_soon(net, record)
            is_over |= after_epoch(record) or (stopping is not None and _is_over(record, stopping))
            is_over |= record.has_ended
            is_over = net.ranks_.any(is_over)
            if checkpoint is not None:
                checkpoint.keep(_state_of(net, training, record, best_weights, is_over))
    except BaseException:
        if checkpoint is not None:
            checkpoint.interrupted()
        raise
    if best_weights:
        net.module_.load_state_dict(best_weights)
    if record.n_epochs < net.max_epochs:
        _report_stop(net, record)
    net.ranks_.check_network(net.module_)
    net.ranks_.unify(net.module_)
    net.notify("on_train_end", X=training, y=None)
    _check_weights(net, training)
    return record


def _report_stop(net: SequenceNet, record: TrainingRecord) -> None:
    for _, callback in net.callbacks_:
        if isinstance(callback, ProgressReport):
            callback.stopped(record.best_epoch, record.learnt_epoch if record.has_ended else 0)


def _end_soon(net: SequenceNet, record: TrainingRecord) -> None:
    """Shorten the rest of the schedule, unless it is short."""
    last = last_epoch(record.n_epochs, net.max_epochs)
    if last < net.max_epochs:
        record.learnt_epoch, record.last_epoch = record.n_epochs, last
        _shorten_schedule(net, record)


def _shorten_schedule(net: SequenceNet, record: TrainingRecord) -> None:
    if record.learnt_epoch and net.schedule is not None:
        net.schedule = shortened(net.schedule, record.learnt_epoch, net.max_epochs)


# --- the state after an epoch --------------------------------------------------------------------


def _state_of(
    net: SequenceNet,
    training: SequenceDataset,
    record: TrainingRecord,
    best_weights: dict[str, Any],
    is_over: bool,
) -> State:
    """Return a copy of all that the next epochs and the end of training depend on."""
    shuffler = training.generator
    with without_compiler():
        optimizer = to_arrays(net.optimizer_.state_dict())
    state = {
        "weights": weights_of(net.module_),
        "best_weights": to_arrays(best_weights),
        "optimizer": optimizer,
        "dropout": net.dropout_generator_.get_state().cpu().numpy(),
        "shuffle": None if shuffler is None else shuffler.bit_generator.state,
        "record": asdict(record),
        "history": net.history.to_list(),
        "is_over": is_over or record.n_epochs >= net.max_epochs,
    }
    return deepcopy(state)


def _restore(net: SequenceNet, training: SequenceDataset, state: State) -> dict[str, Any]:
    """Set all that training depends on to the state after an epoch, and return the best weights."""
    load_weights(net.module_, state["weights"])
    with without_compiler():
        net.optimizer_.load_state_dict(to_tensors(state["optimizer"]))
    net.dropout_generator_.set_state(torch.from_numpy(state["dropout"].copy()))
    if training.generator is not None:
        training.generator.bit_generator.state = state["shuffle"]
    net.history.extend(deepcopy(state["history"]))
    best: dict[str, Any] = to_tensors(state["best_weights"])
    return best


# --- one epoch -----------------------------------------------------------------------------------


def _run_epoch(net: SequenceNet, training: SequenceDataset) -> bool:
    """Run one epoch, and return whether a callback has ended the training."""
    net.forget_gradients()
    try:
        net.fit_loop(training, None, epochs=1)
    except KeyboardInterrupt:
        # skorch's EarlyStopping ends training with the exception of Ctrl-C; a real one is raised
        if any(_has_stopped(callback) for _, callback in net.callbacks_):
            return True
        raise
    except (KeyError, TypeError, ValueError, SkorchException) as error:
        if not re.search("found in history|History access", str(error)):
            raise
        raise ValueError(_history_message(net, error)) from error
    return False


def _history_message(net: SequenceNet, error: Exception) -> str:
    """Return the message about a callback that reads what no epoch has recorded."""
    recorded = sorted(set(net.history[-1]) - {"batches"}) if len(net.history) else []
    wanted = re.search("'([a-z_]+)'", str(error))
    entry = repr(wanted[1]) if wanted else "an entry"
    return (
        f"A callback in callbacks reads {entry} of net.history, but an epoch has the entries "
        f"{recorded}. Set early_stopping=True, which holds out a part of the data and records "
        "'valid_loss', or let the callback monitor 'train_loss' ('train_loss_best' in skorch's "
        "Checkpoint)."
    )


def _has_stopped(callback: Any) -> bool:
    return isinstance(callback, EarlyStopping) and callback.misses_ == callback.patience


def _record_epoch(net: SequenceNet, record: TrainingRecord) -> None:
    row = net.history[-1]
    if not math.isfinite(row["train_loss"]):
        raise _diverged(
            net, f"The training loss became {row['train_loss']} in epoch {record.n_epochs + 1}"
        )
    record.loss_curve.append(row["train_loss"])
    record.gradient_norm_curve.append(float(net.gradient_norm_sum_) / net.n_gradients_)
    if "valid_loss" in row:
        record.validation_curve.append(row["valid_loss"])


def _check_weights(net: SequenceNet, training: SequenceDataset) -> None:
    """Raise an error if the last step broke the network: the loss is from before each step."""
    # buffers of a user's cell may hold infinity
    weights = [w.detach() for w in net.module_.parameters() if w.is_floating_point()]
    largest = float(torch.stack([norm.float() for norm in torch._foreach_norm(weights)]).max())
    is_broken = not math.isfinite(largest)
    spec = net.module_.spec
    is_bounded = has_bounded_outputs(spec.cell) and largest < _LARGE_NORM
    if is_broken or not (is_bounded or _outputs(net, training).isfinite().all()):
        what = "weights" if is_broken else "outputs"
        raise _diverged(net, f"The {what} of the network are not finite after the last epoch")


def _outputs(net: SequenceNet, training: SequenceDataset) -> torch.Tensor:
    """Return the outputs for the first steps of the longest sequence."""
    longest = training.rows[[np.argmax(training.prepared.lengths[training.rows])]]
    batch = training.prepared.gather(longest)
    batch |= {name: batch[name][:, :_PROBED_STEPS] for name in STEP_BLOCKS if name in batch}
    batch["lengths"] = batch["lengths"].clamp(max=_PROBED_STEPS)
    network, was_training = net.module_, net.module_.training
    try:
        with torch.inference_mode():
            return cast("torch.Tensor", network.eval()(**network_inputs(batch, net.device)))
    finally:
        network.train(was_training)


def _diverged(net: SequenceNet, what: str) -> FloatingPointError:
    return FloatingPointError(
        f"{what}: training diverged. Lower learning_rate (it is {net.lr:g}), clip gradients with "
        f"max_grad_norm (it is {net.max_grad_norm}), or check that scale is not False for "
        "unscaled data."
    )


def _improved(record: TrainingRecord, tol: float) -> bool:
    current = record.validation_curve[-1]
    if not current < record.best_loss - (tol if math.isfinite(record.best_loss) else 0.0):
        return False
    record.best_loss, record.best_epoch = current, record.n_epochs
    return True


def _is_over(record: TrainingRecord, stopping: Stopping) -> bool:
    return record.n_epochs - record.best_epoch >= stopping.n_iter_no_change


def _is_of_training(callback: object) -> bool:
    named = bare(callback)
    return _is_a(named, Callback) or hasattr(named, "on_train_begin") or is_own(named)


def refuse_callbacks_of_training(callbacks: Sequence[object]) -> None:
    """Raise a TypeError if one of scikit-learn's callbacks is of skorch or of this package."""
    for callback in filter(_is_of_training, callbacks):
        raise TypeError(
            f"set_callbacks got {callback!r}, which is a callback of training, and takes callbacks "
            "of scikit-learn only. Set the parameter: set_params(callbacks=[...])."
        )


def check_callbacks(callbacks: Sequence[Any] | None, lr_schedule: str | None) -> None:
    """Raise a ValueError for callbacks that would have no effect or fail in the first epoch."""
    for callback in callbacks or ():
        if isinstance(callback, tuple) and len(callback) != 2:
            raise ValueError(f"callbacks contains {callback!r}; a tuple must be (name, callback).")
        named = bare(callback)
        if not _is_of_training(named):
            raise ValueError(
                f"callbacks contains {named!r}, which is no skorch.callbacks.Callback. Pass "
                "instances of its subclasses; callbacks of scikit-learn go to set_callbacks."
            )
        if _is_a(named, LRScheduler) and lr_schedule is not None:
            raise ValueError(
                f"lr_schedule={lr_schedule!r} sets the learning rate of each step, so the "
                "LRScheduler in callbacks would have no effect. Set lr_schedule=None to use the "
                "callback, or leave the callback out."
            )
        scoring = getattr(named, "scoring", None)
        if _is_a(named, EpochScoring | BatchScoring) and not _is_own_function(scoring):
            raise ValueError(
                f"{type(named).__name__}({_name(scoring)}) would score the net, whose outputs are "
                "not decoded and whose targets are codes. early_stopping=True holds out a part of "
                "the data and keeps its loss in validation_curve_; scikit-learn's scorers work on "
                "the estimator (cross_validate, GridSearchCV). For a score after each epoch, pass "
                "your own function: scoring=f with f(net, X, y), where net.predict(X) returns "
                "outputs and y holds codes."
            )
        if _is_a(named, InputShapeSetter):
            raise ValueError(
                "InputShapeSetter has no effect: fit reads the number of features from X. Leave it "
                "out of callbacks; the number is in n_features_in_."
            )
    _check_checkpoints([bare(callback) for callback in callbacks or ()])


# callbacks whose own state decides how training goes on, with the parameters that replace them
_WITH_STATE = {
    EarlyStopping: "early_stopping=True",
    LRScheduler: "lr_schedule",
    ParamMapper: "a subclass of the optimizer",
}


def _check_checkpoints(callbacks: list[Any]) -> None:
    """Raise a ValueError if a stored training could not go on to the same weights."""
    checkpoints = [callback for callback in callbacks if is_checkpoint(callback)]
    if len(checkpoints) > 1:
        raise ValueError(f"callbacks contains {len(checkpoints)} of Checkpoint. Pass one.")
    for kind, instead in _WITH_STATE.items():
        if checkpoints and any(_is_a(callback, kind) for callback in callbacks):
            raise ValueError(
                f"Checkpoint cannot store the state of {kind.__name__}, so a killed fit would go "
                f"on to other weights. Use {instead} instead, or leave one of them out."
            )


def _is_a(callback: Any, kind: Any) -> bool:
    """Check whether a callback, or a class of callbacks, is of a kind."""
    return isinstance(callback, kind) or (isinstance(callback, type) and issubclass(callback, kind))


def _is_own_function(scoring: Any) -> bool:
    """Check whether scoring is a user's function, not a name, metric or scorer of scikit-learn."""
    module = getattr(scoring, "__module__", None) or ""
    return callable(scoring) and not module.startswith("sklearn.")


def _name(scoring: Any) -> str:
    return getattr(scoring, "__name__", None) or repr(scoring)
