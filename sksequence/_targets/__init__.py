"""Codecs of y: targets are encoded once for the loss, and outputs are decoded once."""

from sksequence._targets._codecs import (
    IndicatorCodec,
    LabelCodec,
    NumberCodec,
    RowCodec,
    classification_codec,
    logits_of,
    members_of,
)
from sksequence._targets._marginal_distribution import MarginalDistribution
from sksequence._targets._predictive_distributions import (
    DensityPrediction,
    PointPrediction,
    PredictiveDistribution,
    QuantilePrediction,
    check_levels,
    predictive_distribution,
)
from sksequence._targets._step_targets import (
    Container,
    StepTargets,
    like_targets,
    read_steps,
    restore_steps,
    targets_are_steps,
)
from sksequence._targets._target_values import (
    NoTargetError,
    as_array,
    as_classes,
    as_labels,
    as_numbers,
    has_targets,
    plain_container,
)
from sksequence._targets._window_scale import SMALLEST_SPREAD, WindowScale

__all__ = [
    "SMALLEST_SPREAD",
    "Container",
    "DensityPrediction",
    "IndicatorCodec",
    "LabelCodec",
    "MarginalDistribution",
    "NoTargetError",
    "NumberCodec",
    "PointPrediction",
    "PredictiveDistribution",
    "QuantilePrediction",
    "RowCodec",
    "StepTargets",
    "WindowScale",
    "as_array",
    "as_classes",
    "as_labels",
    "as_numbers",
    "check_levels",
    "classification_codec",
    "has_targets",
    "like_targets",
    "logits_of",
    "members_of",
    "plain_container",
    "predictive_distribution",
    "read_steps",
    "restore_steps",
    "targets_are_steps",
]
