"""Targets and sizes of an estimator that is given y: one target a sequence, or one a step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length

from sksequence._base._automatic import (
    automatic_batch_size,
    automatic_dropout,
    automatic_embedding_dim,
    automatic_hidden_size,
    automatic_labelled_batch_size,
    automatic_max_epochs,
)
from sksequence._base._fitting import Task
from sksequence._base._model import Model
from sksequence._base._rows import TargetRows
from sksequence._batching import (
    Frames,
    Scaler,
    Sequences,
    automatic_frame_length,
    automatic_frame_step,
)
from sksequence._modules import NetworkSpec
from sksequence._targets import RowCodec, plain_container, read_steps, targets_are_steps
from sksequence._validation import InputForm


def read_supervised(
    estimator: Any, y: Any, sequences: Sequences, known: Model | None, codec: RowCodec | None
) -> TargetRows:
    """Parse y with the codec of `known`, the given one, or a new one."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None. Pass one target a "
            "sequence, or one a step."
        )
    y = plain_container(y)
    lengths = sequences.lengths
    target = estimator.target
    if known is not None:
        target = "sequence" if known.container is None else "steps"
    codec = codec if known is None else known.codec
    if targets_are_steps(y, target, lengths):
        return _read_steps(estimator, y, lengths, codec)
    codec = codec or estimator._learn_codec(y)
    parsed = codec.parse(y)
    check_consistent_length(sequences, parsed)
    return TargetRows(codec, parsed, np.ones(len(parsed), dtype=bool), None)


def _read_steps(
    estimator: Any, y: Any, lengths: NDArray[np.int64], codec: RowCodec | None
) -> TargetRows:
    steps = read_steps(y, lengths, numeric=estimator._numeric_targets)
    codec = codec or estimator._learn_codec(steps.flat)
    labelled = codec.parse(steps.flat)
    # an unlabelled step needs some value; its weight is zero
    parsed = np.zeros((len(steps.labelled), *labelled.shape[1:]), dtype=labelled.dtype)
    parsed[steps.labelled] = labelled
    return TargetRows(codec, parsed, steps.labelled, steps.container)


def supervised_model(estimator: Any, task: Task) -> Model:
    """Learn scales from the training rows and choose every size that is "auto"."""
    sequences, targets, rows = task.sequences, task.targets, task.plan.training
    per_step = targets.container is not None
    targets.codec.fit(targets.take(rows, sequences.offsets))
    scaler = learn_scaler(estimator.scale, sequences, rows, estimator._level_steps)
    frames = _frames(estimator, task.form, sequences.lengths[rows], per_step)
    batch_size, max_epochs = supervised_sizes(estimator, task, frames)
    return Model(
        form=task.form,
        scaler=scaler,
        frames=frames,
        codec=targets.codec,
        container=targets.container,
        spec=_spec(estimator, task.form, scaler, frames, targets, per_step),
        loss=_loss(estimator, targets.codec),
        seed=task.seed,
        batch_size=batch_size,
        max_epochs=max_epochs,
    )


def learn_scaler(
    scale: Any, sequences: Sequences, rows: NDArray[np.int64], level_steps: int | None = None
) -> Scaler | None:
    """Fit the scaler of numeric steps; symbols have none."""
    if sequences.values is None:
        return None
    return Scaler("global" if scale is True else scale, level_steps).fit(sequences, rows)


def supervised_sizes(estimator: Any, task: Task, frames: Frames) -> tuple[int, int]:
    """Return the batch size and the number of epochs."""
    rows = task.plan.training
    batch_size = estimator.batch_size
    if batch_size == "auto":
        n_steps = float(frames.count(task.sequences.lengths[rows]).mean())
        width = sum(block.shape[1] for block in task.sequences.blocks) * frames.length
        if task.targets.container is None:
            batch_size = automatic_batch_size(len(rows), n_steps, width)
        else:  # of one step of the optimizer
            n_steps = min(n_steps, float(estimator.tbptt_steps or n_steps))
            batch_size = automatic_labelled_batch_size(len(rows), n_steps, width)
    max_epochs = estimator.max_epochs
    if max_epochs == "auto":
        max_epochs = automatic_max_epochs(len(rows), int(batch_size), forecast=estimator._forecasts)
    return int(batch_size), int(max_epochs)


def embedding_width(estimator: Any, n_symbols: tuple[int, ...]) -> int:
    """Return the width of the embedding of symbols."""
    if estimator.embedding_dim is None:
        return automatic_embedding_dim(n_symbols)
    return int(estimator.embedding_dim)


def _frames(estimator: Any, form: InputForm, lengths: NDArray[np.int64], per_step: bool) -> Frames:
    length, step = estimator.frame_length, estimator.frame_step
    unframed = "targets per step" if per_step else "symbols" if form.vocabularies else None
    if unframed is None:
        forecast = estimator._forecasts
        if length == "auto":
            length = automatic_frame_length(lengths, forecast=forecast)
        length = int(length)
        step = automatic_frame_step(length, forecast=forecast) if step is None else int(step)
        if step > length:
            raise ValueError(
                f"frame_step={step} is longer than the frames (frame_length={length}) and would skip values; "
                "choose a step of at most the length."
            )
        return Frames(length, step)
    if length not in ("auto", 1) or step is not None:
        raise ValueError(
            f"frame_length={length!r} and frame_step={step!r} gather numeric steps of a sequence with one target; "
            f"{unframed} have no frames. Set frame_length='auto' and frame_step=None."
        )
    return Frames()


def _spec(
    estimator: Any,
    form: InputForm,
    scaler: Scaler | None,
    frames: Frames,
    targets: TargetRows,
    per_step: bool,
) -> NetworkSpec:
    n_symbols = tuple(len(vocabulary) for vocabulary in form.vocabularies)
    n_features = 0
    if scaler is not None:
        n_features = form.n_step_features * frames.length + scaler.n_extra
    hidden_size, dropout = estimator.hidden_size, estimator.dropout
    if hidden_size == "auto":
        hidden_size = automatic_hidden_size(per_step)
    if dropout == "auto":
        dropout = automatic_dropout(per_step)
    return NetworkSpec(
        n_features=n_features,
        n_symbols=n_symbols,
        n_outputs=targets.codec.n_outputs,
        cell=estimator.cell,
        hidden_size=hidden_size,
        num_layers=estimator.num_layers,
        bidirectional=_both_directions(estimator, per_step),
        merge_mode=estimator.merge_mode,
        activation=estimator.activation,
        context_size=estimator.context_size,
        pooling=None if per_step else estimator.pooling,
        dropout=dropout,
        recurrent_dropout=estimator.recurrent_dropout,
        chrono_steps=frames.network_steps(estimator.chrono_steps),
        embedding_dim=embedding_width(estimator, n_symbols),
        n_estimators=estimator.n_estimators,
    )


def _both_directions(estimator: Any, per_step: bool) -> bool:
    """Whether a step may see later steps is part of the task: only where one target follows the whole sequence."""
    if estimator.bidirectional != "auto":
        return bool(estimator.bidirectional)
    return not per_step and estimator.tbptt_steps is None


def _loss(estimator: Any, codec: RowCodec) -> str:
    if estimator.loss == "auto":
        return "huber" if estimator._forecasts else codec.losses[0]
    if estimator.loss not in codec.losses:
        raise ValueError(
            f"loss={estimator.loss!r} does not go with these targets; choose from {list(codec.losses)}, or 'auto'."
        )
    return str(estimator.loss)


def supervised_attributes(model: Model) -> dict[str, Any]:
    """Return what the "auto" parameters of classifier and regressor became."""
    return {
        "frame_length_": model.frames.length,
        "frame_step_": model.frames.step,
        "bidirectional_": model.spec.bidirectional,
    }


def flat_truth(estimator: Any, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """Return labelled per-step targets, predictions and weights as flat runs, for a score."""
    lengths = estimator._check_input(X).lengths
    check_consistent_length(lengths, sample_weight)
    steps = read_steps(y, lengths, numeric=estimator._numeric_targets)
    predicted = read_steps(estimator.predict(X), lengths, numeric=estimator._numeric_targets).flat
    weights = None if sample_weight is None else np.repeat(sample_weight, lengths)[steps.labelled]
    return steps.flat, predicted[steps.labelled], weights
