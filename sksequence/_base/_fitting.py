"""A fit in steps: datasets from checked input, epochs inside callbacks and thread policy, attributes at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._base._automatic import automatic_batch_steps
from sksequence._base._model import Model
from sksequence._base._rows import RowPlan, TargetRows
from sksequence._batching import SequenceDataset, Sequences
from sksequence._net import NetPlan, SequenceNet, Stopping, TrainingRecord, train
from sksequence._random import numpy_generator
from sksequence._validation import InputForm

Fitted = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """Checked and parsed input of one fit.

    Attributes
    ----------
    form : InputForm
        What X looked like.
    sequences : Sequences
        The network's input.
    targets : TargetRows
        y, parsed.
    plan : RowPlan
        Which rows to train on and which to judge by.
    seed : int
        All randomness of the fit.
    given : tuple
        X and y as they came, for callbacks.
    """

    form: InputForm
    sequences: Sequences
    targets: TargetRows
    plan: RowPlan
    seed: int
    given: tuple[Any, Any]


def net_plan(estimator: Any, model: Model, *, once: bool) -> NetPlan:
    """Return what a net is made from; a single pass has no schedule."""
    return NetPlan(
        spec=model.spec,
        loss=model.loss,
        loss_options=estimator._loss_options(model),
        seed=model.seed,
        per_step=model.per_step,
        optimizer=estimator.optimizer,
        learning_rate=estimator.learning_rate,
        lr_schedule=None if once else estimator.lr_schedule,
        weight_decay=estimator.weight_decay,
        max_grad_norm=estimator.max_grad_norm,
        tbptt_steps=model.frames.network_steps(estimator.tbptt_steps),
        max_epochs=1 if once else model.max_epochs,
        batch_size=model.batch_size,
        callbacks=tuple(estimator.callbacks or ()),
        device=estimator.device,
        verbose=int(estimator.verbose),
    )


def train_net(
    estimator: Any, net: SequenceNet, model: Model, task: Task, *, shuffle: bool
) -> TrainingRecord:
    """Train a net on a task."""
    weights = estimator._target_weights(task.targets, task.plan, task.sequences)
    encoded = model.codec.encode(task.targets.parsed)
    prepared = model.prepare(task.sequences)
    max_steps = _batch_limit(estimator, model, prepared.width)

    def dataset(rows: NDArray[np.int64], generator: Any = None) -> SequenceDataset:
        return SequenceDataset(
            prepared,
            rows,
            encoded,
            weights,
            per_step=model.per_step,
            generator=generator,
            max_steps=max_steps,
        )

    training = dataset(
        task.plan.training, numpy_generator(model.seed, "shuffle") if shuffle else None
    )
    validation = dataset(task.plan.validation) if len(task.plan.validation) else None
    return _run(estimator, net, model, training, validation, task.given)


def _batch_limit(estimator: Any, model: Model, width: int) -> int | None:
    """Return the steps that a batch may have; none if its size is given, or if it is read chunk by chunk."""
    in_chunks = model.per_step and estimator.tbptt_steps is not None
    if estimator.batch_size != "auto" or in_chunks:
        return None
    return automatic_batch_steps(width)


def _run(
    estimator: Any,
    net: SequenceNet,
    model: Model,
    training: SequenceDataset,
    validation: SequenceDataset | None,
    given: tuple[Any, Any],
) -> TrainingRecord:
    """Train inside scikit-learn's callback context and the thread policy."""
    task = {"estimator": estimator, "X": given[0], "y": given[1]}
    context = estimator._init_callback_context(max_subtasks=net.max_epochs)
    context.call_on_fit_task_begin(**task)

    def after_epoch(record: TrainingRecord) -> bool:
        epoch = context.subcontext(task_name="epoch")
        epoch.call_on_fit_task_begin(**task)
        return bool(epoch.call_on_fit_task_end(**task, reconstruction_attributes=so_far(record)))

    def so_far(record: TrainingRecord) -> Any:
        return lambda: fitted_attributes(estimator, model, net, record)

    stopping = None
    if validation is not None:
        stopping = Stopping(int(estimator.n_iter_no_change), float(estimator.tol))
    with model.threads():
        record = train(net, training, validation, stopping, after_epoch)
    context.call_on_fit_task_end(**task, reconstruction_attributes=so_far(record))
    return record


def fitted_attributes(
    estimator: Any, model: Model, net: SequenceNet, record: TrainingRecord
) -> Fitted:
    """Return all fitted attributes: they are assigned together, or not at all."""
    fitted: Fitted = {
        "_model": model,
        "net_": net,
        "n_features_in_": model.form.n_features_in,
        "n_iter_": record.n_epochs,
        "loss_curve_": record.loss_curve,
        "gradient_norm_curve_": record.gradient_norm_curve,
        "max_epochs_": model.max_epochs,
        "batch_size_": model.batch_size,
    }
    if model.form.feature_names_in is not None:
        fitted["feature_names_in_"] = model.form.feature_names_in
    if model.form.vocabularies:
        fitted["vocabulary_"] = model.form.vocabularies[0].codes
        fitted["embedding_dim_"] = model.spec.embedding_dim
    if record.validation_curve:
        fitted["validation_curve_"] = record.validation_curve
        fitted["best_loss_"] = record.best_loss
    fitted.update(estimator._public_attributes(model))
    return fitted
