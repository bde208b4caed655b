"""Recurrent layers: one layer is one direction of one depth. Knows nothing of stacks, heads or data."""

from ._build import CELLS as CELLS
from ._build import build_layer as build_layer
from ._custom import CustomLayer as CustomLayer
from ._dropout import Dropout as Dropout
from ._initialise import empty_parameter as empty_parameter
from ._initialise import xavier_linear_ as xavier_linear_
from ._layer import LayerState as LayerState
from ._layer import at_last_step as at_last_step
from ._linear import empty_linear as empty_linear
from ._linear import stable_linear as stable_linear
