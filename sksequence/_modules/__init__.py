"""The network: input (numbers, embedded codes) -> recurrent stack -> pooling -> head.

It has no access to data or losses.
"""

from sksequence._modules._network import Ensemble, SequenceNetwork, build_network
from sksequence._modules._pooling import POOLINGS
from sksequence._modules._stack import MERGE_MODES, State, select_rows

__all__ = [
    "MERGE_MODES",
    "POOLINGS",
    "Ensemble",
    "SequenceNetwork",
    "State",
    "build_network",
    "select_rows",
]
