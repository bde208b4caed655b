"""The loop over epochs: curves, early stopping with the best weights restored, divergence, interrupts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from skorch.callbacks import EarlyStopping
from skorch.helper import predefined_split

from sksequence._batching import SequenceDataset
from sksequence._net._net import SequenceNet


@dataclass(frozen=True)
class Stopping:
    """When to stop: no improvement of the validation loss by `tol` in `n_iter_no_change` epochs."""

    n_iter_no_change: int
    tol: float


@dataclass
class TrainingRecord:
    """What an epoch loop leaves behind, one entry an epoch."""

    loss_curve: list[float] = field(default_factory=list)
    gradient_norm_curve: list[float] = field(default_factory=list)
    validation_curve: list[float] = field(default_factory=list)
    best_loss: float = math.inf
    best_epoch: int = 0

    @property
    def n_epochs(self) -> int:
        """Epochs that were run."""
        return len(self.loss_curve)


def train(
    net: SequenceNet,
    training: SequenceDataset,
    validation: SequenceDataset | None,
    stopping: Stopping | None,
    after_epoch: Callable[[TrainingRecord], bool],
) -> TrainingRecord:
    """Train an initialised net for its `max_epochs`, or until somebody stops it.

    Parameters
    ----------
    net : SequenceNet
        Trained in place.
    training, validation : SequenceDataset
        What to learn from; what to judge by, if anything.
    stopping : Stopping or None
        Needs `validation`; the best weights are restored before callbacks hear that training has ended.
    after_epoch : callable
        Called with the record after each epoch; a true answer ends the training.

    Raises
    ------
    FloatingPointError
        If the loss is no longer finite.
    """
    record = TrainingRecord()
    best_weights: dict[str, Any] = {}
    net.train_split = None if validation is None else predefined_split(validation)
    net.notify("on_train_begin", X=training, y=None)
    for _ in range(net.max_epochs):
        stopped = _run_epoch(net, training)
        _note(net, record)
        if stopping is not None and _improved(record, stopping.tol):
            best_weights = {k: v.detach().clone() for k, v in net.module_.state_dict().items()}
        stopped |= after_epoch(record)
        if stopped or (stopping is not None and _is_over(record, stopping)):
            break
    if best_weights:
        net.module_.load_state_dict(best_weights)
    net.notify("on_train_end", X=training, y=None)
    return record


def _run_epoch(net: SequenceNet, training: SequenceDataset) -> bool:
    """Run one epoch; tell whether a callback of the user's ended the training."""
    net.forget_gradients()
    try:
        net.fit_loop(training, None, epochs=1)
    except KeyboardInterrupt:
        # skorch's EarlyStopping ends training with the exception of Ctrl-C; a real one must go on up
        if any(_has_stopped(callback) for _, callback in net.callbacks_):
            return True
        raise
    return False


def _has_stopped(callback: Any) -> bool:
    return isinstance(callback, EarlyStopping) and callback.misses_ == callback.patience


def _note(net: SequenceNet, record: TrainingRecord) -> None:
    row = net.history[-1]
    if not math.isfinite(row["train_loss"]):
        raise FloatingPointError(
            f"the training loss became {row['train_loss']} in epoch {record.n_epochs + 1}: training diverged. Lower "
            f"learning_rate (it is {net.lr:g}), clip gradients with max_grad_norm (it is {net.max_grad_norm}), or "
            "check that scale is not False for unscaled data."
        )
    record.loss_curve.append(row["train_loss"])
    record.gradient_norm_curve.append(float(net.gradient_norm_sum_) / net.n_gradients_)
    if "valid_loss" in row:
        record.validation_curve.append(row["valid_loss"])


def _improved(record: TrainingRecord, tol: float) -> bool:
    current = record.validation_curve[-1]
    if not current < record.best_loss - (tol if math.isfinite(record.best_loss) else 0.0):
        return False
    record.best_loss, record.best_epoch = current, record.n_epochs
    return True


def _is_over(record: TrainingRecord, stopping: Stopping) -> bool:
    return record.n_epochs - record.best_epoch >= stopping.n_iter_no_change
