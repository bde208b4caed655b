"""Recurrent layers: one layer is one direction of one depth, without stacks, heads or data."""

from sksequence._cells._custom import CustomLayer
from sksequence._cells._linear_and_dropout import (
    Dropout,
    empty_linear,
    empty_parameter,
    stable_linear,
    xavier_linear_,
)
from sksequence._cells._recurrent import LayerState, RecurrentLayer, at_last_step
from sksequence._cells._registry import CELLS, LayerOptions, build_layer
from sksequence._cells._rnn import sigmoid_as_tanh

__all__ = [
    "CELLS",
    "CustomLayer",
    "Dropout",
    "LayerOptions",
    "LayerState",
    "RecurrentLayer",
    "at_last_step",
    "build_layer",
    "empty_linear",
    "empty_parameter",
    "sigmoid_as_tanh",
    "stable_linear",
    "xavier_linear_",
]
