"""Models that predict what an estimator predicts, from steps to probabilities or numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto

from sksequence._blueprint import AnyCodec, Blueprint
from sksequence._language import SymbolCodec
from sksequence._modules import Ensemble, SequenceNetwork
from sksequence._onnx._graph import Dimension, Graph, Value
from sksequence._onnx._metadata import metadata
from sksequence._onnx._network_outputs import check_cell, network_outputs
from sksequence._onnx._numbers import completed, points, quantiles
from sksequence._onnx._padded_inputs import Steps
from sksequence._targets import IndicatorCodec, LabelCodec, NumberCodec, QuantilePrediction
from sksequence._tasks import simple_centres, simple_quantiles

Network = SequenceNetwork | Ensemble


def classifier_model(
    blueprint: Blueprint[LabelCodec | IndicatorCodec], network: Network
) -> ModelProto:
    """Return a model of the probabilities of a classifier."""
    graph, codec = Graph(), blueprint.codec
    steps = Steps.inputs(graph, blueprint.form)
    logits = _outputs(blueprint, network, steps)
    each = [z.apply("Sigmoid") if codec.is_indicator else z.softmax() for z in logits]
    _add_output("probabilities", graph.mean(each), [codec.n_outputs], steps, blueprint)
    return graph.model(metadata(blueprint.form, classes=codec.classes.tolist()))


def regressor_model(blueprint: Blueprint[NumberCodec], network: Network) -> ModelProto:
    """Return a model of the predictions of a regressor, and of its quantiles if it learns them."""
    graph, codec = Graph(), blueprint.codec
    steps = Steps.inputs(graph, blueprint.form)
    outputs = _outputs(blueprint, network, steps)
    shape: list[Dimension] = [] if codec.flat else [codec.n_numbers]
    centre = points(codec, outputs)
    simple = simple_centres(blueprint)
    predictions = completed(blueprint, centre, centre, simple, steps)
    _add_output("predictions", predictions, shape, steps, blueprint)
    if not isinstance(codec.distribution, QuantilePrediction):
        return graph.model(metadata(blueprint.form))
    levels, axis = codec.distribution.levels, -1 if codec.flat else -2
    learnt = quantiles(codec, codec.distribution, outputs)
    if blueprint.marginal is None:
        of_levels = [completed(blueprint, q, centre, simple, steps) for q in learnt]
    else:
        rows = zip(learnt, simple_quantiles(blueprint, levels), strict=True)
        of_levels = [completed(blueprint, q, q, row[0], steps) for q, row in rows]
    _add_output("quantiles", graph.stack(of_levels, axis), [len(levels), *shape], steps, blueprint)
    return graph.model(metadata(blueprint.form, quantiles=levels))


def generator_model(blueprint: Blueprint[SymbolCodec], network: Network) -> ModelProto:
    """Return a model of the probabilities that each symbol comes next."""
    graph, codec = Graph(), blueprint.codec
    if codec.labels is not None:
        raise ValueError(
            "A SequenceGenerator with conditional=True cannot be exported to ONNX. Fit one without "
            "labels, or one for each label."
        )
    steps = Steps.inputs(graph, blueprint.form, may_be_empty=codec.has_ends)
    outputs = _outputs(blueprint, network, steps.after(codec.boundary), only_last=True)
    # the unknown symbol is learnt, but not predicted
    known = graph.mean([z.softmax() for z in outputs]).slice(-1, 0, codec.n_drawn)
    probabilities = known / known.reduce("Sum", -1, keepdims=True)
    graph.output("probabilities", probabilities, ["batch", codec.n_drawn])
    return graph.model(metadata(blueprint.form, has_ends=codec.has_ends))


def _outputs(
    blueprint: Blueprint[AnyCodec], network: Network, steps: Steps, *, only_last: bool = False
) -> list[Value]:
    """Return the outputs of each network in float64."""
    check_cell(blueprint.spec)
    prepared = steps.prepared(blueprint.scaler, blueprint.frames, blueprint.static_scaler)
    members = network.members if isinstance(network, Ensemble) else [network]
    return [network_outputs(m, prepared, only_last=only_last).cast(np.float64) for m in members]


def _add_output(
    name: str,
    value: Value,
    shape: Sequence[Dimension],
    steps: Steps,
    blueprint: Blueprint[AnyCodec],
) -> None:
    """Add an output of this shape for each sequence, or for each step, 0 at padded steps."""
    leading: list[Dimension] = ["batch"]
    if blueprint.per_step:
        leading.append("time")
        mask = steps.is_step.unsqueeze(*range(2, 2 + len(shape))) if shape else steps.is_step
        value = steps.graph.where(mask, value, 0.0)
    steps.graph.output(name, value, [*leading, *shape])
