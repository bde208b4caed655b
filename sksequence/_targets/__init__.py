"""Codecs of y: targets are encoded once for the loss, and outputs are decoded once."""

from sksequence._targets._codecs import (
    IndicatorCodec,
    LabelCodec,
    NumberCodec,
    RowCodec,
    as_labels,
    classification_codec,
    is_missing,
    logits_of,
    members_of,
)
from sksequence._targets._predictive_distributions import (
    PredictiveDistribution,
    check_levels,
    predictive_distribution,
)
from sksequence._targets._step_targets import (
    Container,
    StepTargets,
    missing_values,
    plain_container,
    read_steps,
    restore_steps,
    targets_are_steps,
)

__all__ = [
    "Container",
    "IndicatorCodec",
    "LabelCodec",
    "NumberCodec",
    "PredictiveDistribution",
    "RowCodec",
    "StepTargets",
    "as_labels",
    "check_levels",
    "classification_codec",
    "is_missing",
    "logits_of",
    "members_of",
    "missing_values",
    "plain_container",
    "predictive_distribution",
    "read_steps",
    "restore_steps",
    "targets_are_steps",
]
