"""The base class of the three estimators, and the constraints on their parameters."""

from sksequence._base._available_if import available_if
from sksequence._base._base_rnn import BaseRNN
from sksequence._base._hold_out import check_weights
from sksequence._base._ids import check_ids
from sksequence._base._parameter_constraints import (
    SEASONS,
    SHARED,
    SUPERVISED,
    LossFunction,
    check_parameters,
)
from sksequence._base._pickles import check_arrays
from sksequence._base._pipelines import split_pipeline, without_searches
from sksequence._base._streams import Decoders, StepReader, Stream

__all__ = [
    "SEASONS",
    "SHARED",
    "SUPERVISED",
    "BaseRNN",
    "Decoders",
    "LossFunction",
    "StepReader",
    "Stream",
    "available_if",
    "check_arrays",
    "check_ids",
    "check_parameters",
    "check_weights",
    "split_pipeline",
    "without_searches",
]
