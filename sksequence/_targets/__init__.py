"""Codecs for y: encoded once on the way in, decoded once on the way out. They know nothing of X."""

from sksequence._targets._arrangement import (
    Container,
    StepTargets,
    plain_container,
    read_steps,
    restore_steps,
    targets_are_steps,
)
from sksequence._targets._automatic import automatic_lag, automatic_own_scale
from sksequence._targets._codecs import (
    IndicatorCodec,
    LabelCodec,
    NumberCodec,
    RowCodec,
    classification_codec,
)
from sksequence._targets._columns import positions
from sksequence._targets._conditional import ConditionalCodec, with_labels
from sksequence._targets._continuation import Continuation
from sksequence._targets._past import Reference
from sksequence._targets._readings import DensityReading, PointReading, Reading, reading_of
from sksequence._targets._residual import Naive
from sksequence._targets._series import SeriesCodec
from sksequence._targets._symbols import SymbolCodec
from sksequence._targets._weights import class_weights

__all__ = [
    "ConditionalCodec",
    "Container",
    "Continuation",
    "DensityReading",
    "IndicatorCodec",
    "LabelCodec",
    "Naive",
    "NumberCodec",
    "PointReading",
    "Reading",
    "Reference",
    "RowCodec",
    "SeriesCodec",
    "StepTargets",
    "SymbolCodec",
    "automatic_lag",
    "automatic_own_scale",
    "class_weights",
    "classification_codec",
    "plain_container",
    "positions",
    "read_steps",
    "reading_of",
    "restore_steps",
    "targets_are_steps",
    "with_labels",
]
