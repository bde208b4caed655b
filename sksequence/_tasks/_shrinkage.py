"""Shrinkage of predictions: how much of a network is kept is learnt from rows it has not seen.

A prediction is a simple one, such as the mean of y or a naive forecast, and the correction of a
network. On noise a network overfits, and its corrections do harm.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import content_digests, flat_rows, held_out_rows
from sksequence._blueprint import Blueprint
from sksequence._net import SequenceNet, network_outputs
from sksequence._targets import MarginalDistribution, NumberCodec
from sksequence._tasks._corrections import Corrections
from sksequence._tasks._naive_forecast import NaiveForecast
from sksequence._tasks._shrunken_values import simple_centres
from sksequence._tasks._task import Rows, TrainingData

Floats = NDArray[np.float64]

# Targets that are named in a warning
_N_NAMED = 5
# Sequences that are predicted, numbers in these, and sequences that are in any case
_MOST_ROWS, _MOST_NUMBERS, _ENOUGH_ROWS = 8192, 1 << 25, 500
# Windows that are predicted
_MOST_WINDOWS = 1024
# Least number of sequences whose halves are judged, the number up to which both are, and the most
_FEWEST, _FEW, _MOST = 20, 500, 100_000


def halves(data: TrainingData[NumberCodec]) -> list[tuple[Rows, Rows]]:
    """Return the ways to train on one half of the rows and to judge on the other.

    These are both ways for few rows, and one for many, of which one half is enough to judge on.
    Copies of a row are in the same half. Too few rows for halves, and too many to learn the noise
    in them, are not split.
    """
    digests, rows = data.split.digests, data.split.training
    if digests is None:
        digests = content_digests(data.sequences, data.targets.parsed, None)
    n_distinct = len(np.unique(digests[rows], axis=0))
    if not _FEWEST <= n_distinct <= _MOST:
        return []
    strata = np.zeros(len(digests), dtype=np.int64)
    is_second = held_out_rows(digests, strata, 0.5, data.seed)[rows]
    ways = [(rows[~is_second], rows[is_second]), (rows[is_second], rows[~is_second])]
    return ways if n_distinct <= _FEW else ways[:1]


def corrections_to_mean(
    judged: Sequence[tuple[SequenceNet, Rows]],
    blueprint: Blueprint[NumberCodec],
    data: TrainingData[NumberCodec],
) -> Corrections:
    """Return corrections to the mean of y, or to its quantile if the loss predicts one, scaled."""
    marginal = blueprint.marginal
    assert marginal is not None
    judged = [(net, _sample(part, data)) for net, part in judged]
    rows = np.concatenate([part for _, part in judged])
    places, positions = _target_rows(data, rows)
    codec, centre = blueprint.codec, marginal.centre
    predicted = np.concatenate([_decoded(net, part, blueprint, data) for net, part in judged])
    true, predicted = (
        (numbers - codec.mean) / codec.std - centre for numbers in (_known(data, places), predicted)
    )
    units, level = np.broadcast_to(codec.std, true.shape), codec.distribution.centre_level
    sources = _sources(data, rows)[positions]
    weights = _weights(data, rows[positions])
    return Corrections(true, predicted, units, weights, level=level, sources=sources)


def _sources(data: TrainingData[NumberCodec], rows: Rows) -> Rows:
    """Return a number for each sequence; copies, which prove no more than one does, share it."""
    digests = data.split.digests
    known = rows if digests is None else digests[rows]
    return np.asarray(np.unique(known, axis=0, return_inverse=True)[1].reshape(-1), dtype=np.int64)


def _sample(rows: Rows, data: TrainingData[NumberCodec]) -> Rows:
    """Return some of many rows, at regular distances, so that they fit into memory."""
    width = sum(block[:1].size for block in data.sequences.blocks)
    n_numbers = width * max(float(data.sequences.lengths.mean()), 1.0)
    n_rows = min(_MOST_ROWS, max(int(_MOST_NUMBERS / n_numbers), _ENOUGH_ROWS))
    return _spaced(rows, n_rows)


def _spaced(rows: Rows, n_most: int) -> Rows:
    places = np.linspace(0, len(rows) - 1, min(len(rows), n_most))
    return np.asarray(rows[places.astype(int)])


def _target_rows(data: TrainingData[NumberCodec], rows: Rows) -> tuple[Rows, Rows]:
    """Return the rows of the targets of sequences, and the position of a sequence in `rows`."""
    positions = np.arange(len(rows))
    if not data.targets.per_step:
        return rows, positions
    lengths = data.sequences.lengths[rows]
    return flat_rows(data.sequences.offsets[rows], lengths), np.repeat(positions, lengths)


def _known(data: TrainingData[NumberCodec], places: Rows) -> Floats:
    """Return rows of targets, NaN where there is none."""
    parsed = np.asarray(data.targets.parsed[places], dtype=np.float64)
    return np.where(data.targets.labelled[places, None], parsed, np.nan)


def with_marginal(
    blueprint: Blueprint[NumberCodec], data: TrainingData[NumberCodec]
) -> Blueprint[NumberCodec]:
    """Learn the distribution of y, or of the differences to a forecast, from the training rows."""
    rows = data.split.training
    places, positions = _target_rows(data, rows)
    codec, parsed = blueprint.codec, _known(data, places)
    scaled = codec.encode(parsed).astype(np.float64)
    scaled[np.isnan(parsed[:, : codec.n_numbers])] = np.nan
    weights = data.split.weights[rows][positions]
    marginal = MarginalDistribution.learn(scaled, weights, codec.distribution)
    return replace(blueprint, marginal=marginal)


def corrections_to_naive(
    judged: tuple[SequenceNet, Rows],
    naive: NaiveForecast,
    blueprint: Blueprint[NumberCodec],
    data: TrainingData[NumberCodec],
) -> Corrections:
    """Return corrections to the naive forecast of windows, or to its quantile, in their units."""
    (net, rows), codec = judged, blueprint.codec
    simple, level = simple_centres(blueprint), codec.distribution.centre_level
    # in the order given, in which a window is next to those that overlap with it
    rows = _spaced(np.sort(rows), _MOST_WINDOWS)
    true = np.asarray(data.targets.parsed[rows, : codec.n_numbers], dtype=np.float64)
    units = np.ones_like(true)
    if naive.is_relative:
        units = codec.spread(naive.moments(data.sequences.take(rows))).reshape(true.shape)
    return Corrections(
        true / np.where(units > 0, units, 1.0) - simple,
        _decoded(net, rows, blueprint, data) - simple,
        units,
        _weights(data, rows),
        level=0.5 if level is None else level,
        horizon=codec.n_numbers // codec.n_targets,
        least=2.0,
    )


def _decoded(
    net: SequenceNet,
    rows: Rows,
    blueprint: Blueprint[NumberCodec],
    data: TrainingData[NumberCodec],
) -> Floats:
    with blueprint.threads():
        outputs = network_outputs(net, blueprint.prepare(data.sequences.take(rows)))
    return blueprint.codec.decode(outputs).reshape(-1, blueprint.codec.n_numbers)


def _weights(data: TrainingData[NumberCodec], rows: Rows) -> Floats:
    weights = data.split.weights[rows]
    return np.asarray(weights / weights.sum())


def warn_of_naive(corrections: Corrections, kept: Floats, naive: NaiveForecast) -> None:
    """Warn that the network adds nothing to the naive forecast of some targets."""
    targets, naive_error = _without_gain(corrections, kept, "target")
    unequal = "" if naive.is_relative else ", for series of very different size scale='sequence'"
    warnings.warn(
        "On windows that it was not trained on, the network is not clearly better than the naive "
        f"forecast that it corrects ({naive}){targets}, whose mean absolute error is "
        f"{naive_error:.4g}. The forecast{targets} is therefore the naive one (shrinkage_ is 1). "
        f"Train on more data or with other features{unequal}, or use the naive forecast.",
        UserWarning,
        stacklevel=_stacklevel_of_caller(),
    )


def warn_of_mean(corrections: Corrections, kept: Floats, max_epochs: int) -> None:
    """Warn that the network adds nothing to the mean of some columns of y, or to a quantile."""
    targets = corrections.of_targets(len(kept))
    # a constant column is known, and needs no network
    is_constant = [bool((each.true == each.true[:1]).all()) for each in targets]
    kept = np.where(is_constant, 1.0, kept)
    if kept.all():
        return
    columns, error = _without_gain(corrections, kept, "column")
    simple = name_of_centre(corrections.level)
    warnings.warn(
        "On sequences that it was not trained on, the network is not clearly better than the "
        f"{simple} of y{columns}, whose mean absolute error is {error:.4g}. All predictions"
        f"{columns} are therefore this {simple} (shrinkage_ is 1). Set a larger max_epochs than "
        f"{max_epochs}, or train on more data or with other features.",
        UserWarning,
        stacklevel=_stacklevel_of_caller(),
    )


def name_of_centre(level: float | None) -> str:
    """Name what the loss would predict without X: the mean, or a quantile of this level."""
    if level is None:
        return "mean"
    return "median" if level == 0.5 else f"quantile of level {level:g}"


def _without_gain(corrections: Corrections, kept: Floats, noun: str) -> tuple[str, float]:
    """Name the targets of which nothing is kept, unless there is one only, and their error."""
    places = np.flatnonzero(kept == 0)
    targets = corrections.of_targets(len(kept))
    error = np.mean([targets[i].mean_absolute_error(np.zeros(1)) for i in places])
    if len(kept) == 1:
        return "", float(error)
    listed = ", ".join(map(str, places[:_N_NAMED])) + (", ..." if len(places) > _N_NAMED else "")
    return f" in {noun}{'s' if len(places) > 1 else ''} {listed}", float(error)


def _stacklevel_of_caller() -> int:
    """Return the stacklevel that attributes a warning to the first caller outside this package."""
    inside = ("sksequence", "sklearn")
    frames = inspect.stack(context=0)
    modules = (frame.frame.f_globals.get("__name__", "") for frame in frames)
    return next(i for i, name in enumerate(modules) if name.partition(".")[0] not in inside)
