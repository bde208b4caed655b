"""The network: input (numbers, embedded codes) -> recurrent stack -> pooling -> head.

It has no access to data or losses.
"""

from sksequence._modules._network import (
    Ensemble,
    SequenceNetwork,
    build_network,
    fill_embedding,
)
from sksequence._modules._pooling import POOLINGS
from sksequence._modules._residual import EPSILON, Residual
from sksequence._modules._single_sequences import SingleSequenceReader, single_sequence_reader
from sksequence._modules._stack import MERGE_MODES, State, select_rows
from sksequence._modules._stepping import NetworkStepper, hooked_module, network_stepper

__all__ = [
    "EPSILON",
    "MERGE_MODES",
    "POOLINGS",
    "Ensemble",
    "NetworkStepper",
    "Residual",
    "SequenceNetwork",
    "SingleSequenceReader",
    "State",
    "build_network",
    "fill_embedding",
    "hooked_module",
    "network_stepper",
    "select_rows",
    "single_sequence_reader",
]
