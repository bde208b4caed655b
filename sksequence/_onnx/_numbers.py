"""Numbers in units of y: points and quantiles of distributions, added to naive forecasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sksequence._blueprint import Blueprint
from sksequence._losses import MAX_LOG_MEAN
from sksequence._onnx._graph import Value
from sksequence._onnx._padded_inputs import Steps
from sksequence._targets import (
    SMALLEST_SPREAD,
    DensityPrediction,
    NumberCodec,
    QuantilePrediction,
    WindowScale,
)
from sksequence._tasks import NaiveForecast


def points(codec: NumberCodec, outputs: Sequence[Value]) -> Value:
    """Return point predictions (..., n_numbers) on the scale of the outputs of all networks."""
    distribution = codec.distribution
    if isinstance(distribution, QuantilePrediction):
        return quantiles(codec, distribution, outputs)[distribution.middle]
    centres = [each.slice(-1, 0, codec.n_numbers) for each in outputs]
    if isinstance(distribution, DensityPrediction) and distribution.has_log_link:
        logs = [(raw / MAX_LOG_MEAN).apply("Tanh") * MAX_LOG_MEAN for raw in centres]
        centres = [(log + distribution.log_scales).apply("Exp") for log in logs]
    return outputs[0].graph.mean(centres)


def quantiles(
    codec: NumberCodec, distribution: QuantilePrediction, outputs: Sequence[Value]
) -> list[Value]:
    """Return the quantiles (..., n_numbers) of each level, on the scale of the outputs."""
    graph, n, n_levels = outputs[0].graph, codec.n_numbers, len(distribution.levels)
    means = graph.mean(outputs)
    learnt = [means.slice(-1, i * n, (i + 1) * n) for i in range(n_levels)]
    ordered = graph.stack(learnt, axis=-2).sort(-2, n_levels)
    return [ordered.take(i, axis=-2) for i in range(n_levels)]


def completed(
    blueprint: Blueprint[NumberCodec],
    scaled: Value,
    moved: Value,
    simple: NDArray[np.float64],
    steps: Steps,
) -> Value:
    """Return numbers in units of y, with the naive forecast; without the last axis if y is flat.

    Shrinkage adds a fraction of the difference between what is `moved` and what is `simple`.
    """
    codec, naive, shrinkage = blueprint.codec, blueprint.baseline, blueprint.shrinkage
    numbers = scaled * codec.std + codec.mean
    if np.any(shrinkage):
        numbers = numbers - (moved * codec.std + codec.mean) * shrinkage + simple * shrinkage
    if isinstance(naive, NaiveForecast):
        if codec.window_scale is not None:
            numbers = numbers * _spread(codec.window_scale, naive, steps, codec.n_numbers)
        numbers = numbers + _forecast(naive, steps, codec.n_numbers, blueprint.form.n_step_features)
    return numbers.take(0, axis=-1) if codec.flat else numbers


def _spread(scale: WindowScale, naive: NaiveForecast, steps: Steps, n_numbers: int) -> Value:
    """Return the spread (batch, n_numbers) of windows; see `WindowScale.spread`."""
    assert steps.values is not None
    graph = steps.graph
    mean, std, _ = steps.moments(steps.values)
    size = (mean * mean + std * std).apply("Sqrt")
    stds, sizes = (_targets(moment.reshape(0, -1), naive) for moment in (std, size))
    zero = graph.constant(0.0)
    expected = graph.where(zero < sizes, sizes * scale.ratio, graph.constant(scale.typical))
    of_constant = expected * scale.changes.astype(np.float64)
    of_varied = stds.maximum(expected * SMALLEST_SPREAD)
    spread = graph.where(zero < stds, of_varied, of_constant)
    return graph.concatenate([spread] * (n_numbers // scale.n_targets), axis=1)


def _forecast(naive: NaiveForecast, steps: Steps, n_numbers: int, n_features: int) -> Value:
    """Return the forecast (batch, n_numbers); the runtime refuses sequences that are too short."""
    assert steps.values is not None
    n_targets = n_features if naive.columns is None else len(naive.columns)
    horizon = n_numbers // n_targets
    steps_back = naive.season - np.arange(horizon) % naive.season
    if naive.combined is not None:
        steps_back = np.arange(naive.n_steps, 0, -1)
    index = steps.lengths.unsqueeze(1) - steps_back
    name = f"lengths_of_at_least_{naive.n_steps}"
    index = steps.positions.reshape(-1).take_checked(index, 0, name)
    repeated = _targets(steps.values.take_of_each(index), naive)
    if naive.combined is not None:
        weights = steps.graph.constant(naive.combined.matrix(horizon))
        repeated = (repeated.transpose(0, 2, 1) @ weights).transpose(0, 2, 1)
    return repeated.reshape(0, n_numbers)


def _targets(values: Value, naive: NaiveForecast) -> Value:
    """Return the features that y continues, on the last axis."""
    return values if naive.columns is None else values.take(list(naive.columns), axis=-1)
