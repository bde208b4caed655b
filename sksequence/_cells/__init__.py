"""Recurrent layers: one layer is one direction of one depth, without stacks, heads or data."""

from sksequence._cells._cell import Cell
from sksequence._cells._cell_layer import CellLayer
from sksequence._cells._cfc import CfC
from sksequence._cells._coupled_lstm import CoupledLSTM
from sksequence._cells._custom import CustomLayer
from sksequence._cells._custom_modules import is_causal
from sksequence._cells._echo_state import EchoState
from sksequence._cells._feedforward import FeedForward, FeedForwardLayer
from sksequence._cells._gru import GRU, GRULayer
from sksequence._cells._gru_d import GRUD
from sksequence._cells._indrnn import IndRNN
from sksequence._cells._janet import JANET
from sksequence._cells._layer_norm_lstm import LayerNormLSTM
from sksequence._cells._lem import LEM
from sksequence._cells._linear_and_dropout import (
    Dropout,
    RowLinear,
    empty_linear,
    empty_parameter,
    stable_linear,
    xavier_linear_,
)
from sksequence._cells._linoss import LinOSS
from sksequence._cells._lru import LRU
from sksequence._cells._lstm import LSTM, LSTMLayer
from sksequence._cells._mgu import MGU
from sksequence._cells._mingru import MinGRU
from sksequence._cells._minlstm import MinLSTM
from sksequence._cells._peephole_lstm import PeepholeLSTM
from sksequence._cells._projected_lstm import ProjectedLSTM
from sksequence._cells._readout import Readout
from sksequence._cells._recurrent import (
    LayerState,
    RecurrentLayer,
    at_last_step,
    wider_weights,
)
from sksequence._cells._registry import (
    CELLS,
    as_cell,
    build_layer,
    context_size,
    has_bounded_outputs,
    is_compiled,
    is_feedforward,
    n_layer_weights,
    reads_gaps,
)
from sksequence._cells._rg_lru import RGLRU
from sksequence._cells._rnn import SimpleRNN, SimpleRNNLayer, sigmoid_as_tanh
from sksequence._cells._slstm import SLSTM

__all__ = [
    "CELLS",
    "GRU",
    "GRUD",
    "JANET",
    "LEM",
    "LRU",
    "LSTM",
    "MGU",
    "RGLRU",
    "SLSTM",
    "Cell",
    "CellLayer",
    "CfC",
    "CoupledLSTM",
    "CustomLayer",
    "Dropout",
    "EchoState",
    "FeedForward",
    "FeedForwardLayer",
    "GRULayer",
    "IndRNN",
    "LSTMLayer",
    "LayerNormLSTM",
    "LayerState",
    "LinOSS",
    "MinGRU",
    "MinLSTM",
    "PeepholeLSTM",
    "ProjectedLSTM",
    "Readout",
    "RecurrentLayer",
    "RowLinear",
    "SimpleRNN",
    "SimpleRNNLayer",
    "as_cell",
    "at_last_step",
    "build_layer",
    "context_size",
    "empty_linear",
    "empty_parameter",
    "has_bounded_outputs",
    "is_causal",
    "is_compiled",
    "is_feedforward",
    "n_layer_weights",
    "reads_gaps",
    "sigmoid_as_tanh",
    "stable_linear",
    "wider_weights",
    "xavier_linear_",
]
