"""The network: input (numbers, embedded codes) -> recurrent stack -> pooling -> head. Knows no data, no losses."""

from ._ensemble import Ensemble as Ensemble
from ._ensemble import build_network as build_network
from ._network import SequenceNetwork as SequenceNetwork
from ._pooling import POOLINGS as POOLINGS
from ._spec import NetworkSpec as NetworkSpec
from ._stack import MERGE_MODES as MERGE_MODES
from ._stack import State as State
