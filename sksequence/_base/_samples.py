"""X, y and weights of a fit: read, checked, and divided into rows to train on and to hold out."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing

from sksequence._base._hold_out import check_weights, hold_out
from sksequence._base._ids import check_ids
from sksequence._base._splitters import GivenRows
from sksequence._batching import Sequences
from sksequence._blueprint import AnyCodec, Blueprint
from sksequence._input import (
    InputForm,
    Reading,
    check_sequences,
    forget_unused,
    keep_frequent,
    learn_form,
)
from sksequence._settings import DataSettings, TrainingSettings
from sksequence._targets import plain_container
from sksequence._tasks import Task, TrainingData


@dataclass(frozen=True)
class Samples:
    """Checked X and weights, and y as the user passes it.

    Attributes
    ----------
    form : InputForm
        Form of X.
    sequences : Sequences
        The sequences of X.
    y : object
        Targets that are still to be parsed.
    weights : ndarray of shape (n_sequences,) or None
        Weight of each sequence, none of them 0. None gives all sequences the weight 1.
    given : GivenRows
        What a splitter reads, and the rows of it that are in use.
    """

    form: InputForm
    sequences: Sequences
    y: Sized | None
    weights: NDArray[np.float64] | None
    given: GivenRows


def read_samples(
    X: Sized,
    y: Sized | None,
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None,
    settings: DataSettings,
    estimator_name: str,
    known: Blueprint[AnyCodec] | None,
) -> Samples:
    """Read X and weights; sequences of weight 0 are left out before anything is learnt."""
    check_ids(X, y=y, sample_weight=sample_weight, groups=groups)
    form, sequences = _read_sequences(X, settings, estimator_name, known)
    given = GivenRows.of(X, y, groups, len(sequences))
    weights = check_weights(sample_weight, len(sequences))
    if weights is not None and not weights.all():
        y = None if y is None else plain_container(y)
        if y is not None and len(y) != len(sequences):
            raise ValueError(
                f"X has {len(sequences)} sequences, y has {len(y)}: inconsistent numbers of "
                "samples. Pass one target per sequence."
            )
        kept = np.flatnonzero(weights)
        sequences, weights, given = sequences.take(kept), weights[kept], given.take(kept)
        y = None if y is None else _safe_indexing(y, kept)
        if known is None:
            form, sequences = forget_unused(form, sequences)
    if known is None:
        form, sequences = keep_frequent(form, sequences, settings.max_features, weights)
    return Samples(form, sequences, y, weights, given)


def _read_sequences(
    X: Sized, settings: DataSettings, estimator_name: str, known: Blueprint[AnyCodec] | None
) -> tuple[InputForm, Sequences]:
    if known is not None:
        return known.form, check_sequences(X, known.form)
    reading = Reading(
        integers_are_symbols=settings.integers_are_symbols,
        analyzer=settings.analyzer,
        categorical=settings.categorical_features,
        missing=settings.missing,
        time_column=settings.time_column,
    )
    return learn_form(X, reading, estimator_name=estimator_name)


def read_targets(
    task: Task[AnyCodec],
    samples: Samples,
    training: TrainingSettings,
    seed: int,
    known: Blueprint[AnyCodec] | None,
) -> TrainingData[AnyCodec]:
    """Read y, leave out sequences without any target, and select the rows to hold out."""
    form, weights, given = samples.form, samples.weights, samples.given
    inputs, targets = task.read(samples.y, samples.sequences, form, known)
    if not targets.per_step and not targets.labelled.all():
        kept = np.flatnonzero(targets.labelled)
        inputs, targets, given = inputs.take(kept), targets.rows(kept), given.take(kept)
        weights = None if weights is None else weights[kept]
        if known is None:
            form, inputs = forget_unused(form, inputs)
    elif targets.sources is not None:
        given = given.take(targets.sources)
    parts = given.parts(training, seed, judges=task.judges(targets))
    split = hold_out(inputs, targets, weights, training, seed, parts)
    return TrainingData(form, inputs, targets, split, seed)
