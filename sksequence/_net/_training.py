"""Training over epochs: curves, early stopping, divergence, interrupts.

Early stopping restores the best weights. Callbacks of skorch that would have no effect are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
)
from skorch.exceptions import SkorchException
from skorch.helper import predefined_split

from sksequence._batching import STEP_BLOCKS, SequenceDataset
from sksequence._net._sequence_net import SequenceNet, network_inputs

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


@dataclass
class TrainingRecord:
    """Curves of one training, with one entry per epoch, and its best epoch."""

    loss_curve: list[float] = field(default_factory=list)
    gradient_norm_curve: list[float] = field(default_factory=list)
    validation_curve: list[float] = field(default_factory=list)
    best_loss: float = math.inf
    best_epoch: int = 0

    @property
    def n_epochs(self) -> int:
        """Number of epochs that were run."""
        return len(self.loss_curve)


def train(
    net: SequenceNet,
    training: SequenceDataset,
    validation: SequenceDataset | None,
    stopping: Stopping | None,
    after_epoch: Callable[[TrainingRecord], bool],
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

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite, or a weight or an output after the last epoch.
    """
    record = TrainingRecord()
    best_weights: dict[str, Any] = {}
    net.train_split = None if validation is None else predefined_split(validation)
    net.notify("on_train_begin", X=training, y=None)
    for _ in range(net.max_epochs):
        stopped = _run_epoch(net, training)
        _record_epoch(net, record)
        if stopping is not None and _improved(record, stopping.tol):
            best_weights = {k: v.detach().clone() for k, v in net.module_.state_dict().items()}
        stopped |= after_epoch(record)
        if stopped or (stopping is not None and _is_over(record, stopping)):
            break
    if best_weights:
        net.module_.load_state_dict(best_weights)
    net.notify("on_train_end", X=training, y=None)
    _check_weights(net, training)
    return record


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
        "'valid_loss', or let the callback monitor 'train_loss'. There are no entries that end "
        "with '_best': the monitor of a Checkpoint may be a function of the net."
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
    weights = [w for w in net.module_.state_dict().values() if w.is_floating_point()]
    largest = float(torch.stack([norm.float() for norm in torch._foreach_norm(weights)]).max())
    is_broken = not math.isfinite(largest)
    spec = net.module_.spec
    is_bounded = isinstance(spec.cell, str) and spec.activation != "relu" and largest < _LARGE_NORM
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


def check_callbacks(callbacks: Sequence[Any] | None, lr_schedule: str | None) -> None:
    """Raise a ValueError for callbacks that would have no effect or fail in the first epoch."""
    for callback in callbacks or ():
        if isinstance(callback, tuple) and len(callback) != 2:
            raise ValueError(f"callbacks contains {callback!r}; a tuple must be (name, callback).")
        named = callback[1] if isinstance(callback, tuple) else callback
        if not (_is_a(named, Callback) or hasattr(named, "on_train_begin")):
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


def _is_a(callback: Any, kind: Any) -> bool:
    """Check whether a callback, or a class of callbacks, is of a kind."""
    return isinstance(callback, kind) or (isinstance(callback, type) and issubclass(callback, kind))


def _is_own_function(scoring: Any) -> bool:
    """Check whether scoring is a user's function, not a name, metric or scorer of scikit-learn."""
    module = getattr(scoring, "__module__", None) or ""
    return callable(scoring) and not module.startswith("sklearn.")


def _name(scoring: Any) -> str:
    return getattr(scoring, "__name__", None) or repr(scoring)
