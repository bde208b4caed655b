"""Build an initialised layer from a cell, its name, or the user's own class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import nn

from sksequence._cells._cell import Cell
from sksequence._cells._cell_layer import CellLayer
from sksequence._cells._cfc import CfC
from sksequence._cells._coupled_lstm import CoupledLSTM
from sksequence._cells._custom import CustomLayer
from sksequence._cells._echo_state import EchoState
from sksequence._cells._equations import check_equations
from sksequence._cells._feedforward import FeedForward, FeedForwardLayer
from sksequence._cells._gru import GRU, GRULayer
from sksequence._cells._gru_d import GRUD
from sksequence._cells._indrnn import IndRNN
from sksequence._cells._janet import JANET
from sksequence._cells._layer_norm_lstm import LayerNormLSTM
from sksequence._cells._lem import LEM
from sksequence._cells._linoss import LinOSS
from sksequence._cells._lru import LRU
from sksequence._cells._lstm import LSTM, LSTMLayer
from sksequence._cells._mgu import MGU
from sksequence._cells._mingru import MinGRU
from sksequence._cells._minlstm import MinLSTM
from sksequence._cells._peephole_lstm import PeepholeLSTM
from sksequence._cells._projected_lstm import ProjectedLSTM
from sksequence._cells._rg_lru import RGLRU
from sksequence._cells._rnn import SimpleRNN, SimpleRNNLayer
from sksequence._cells._slstm import SLSTM
from sksequence._kernels import is_compiled_width
from sksequence._settings import CellChoice

CELLS: dict[str, type[Cell]] = {
    cell.name: cell
    for cell in (
        SimpleRNN,
        LSTM,
        GRU,
        FeedForward,
        PeepholeLSTM,
        CoupledLSTM,
        ProjectedLSTM,
        LayerNormLSTM,
        SLSTM,
        MGU,
        JANET,
        IndRNN,
        MinGRU,
        MinLSTM,
        LRU,
        RGLRU,
        LinOSS,
        LEM,
        CfC,
        GRUD,
        EchoState,
    )
}
# cells with loops of their own; the others are compiled from their equations
_LAYERS: dict[type[Cell], Callable[..., nn.Module]] = {
    SimpleRNN: SimpleRNNLayer,
    LSTM: LSTMLayer,
    GRU: GRULayer,
    FeedForward: FeedForwardLayer,
}


def as_cell(cell: CellChoice) -> Cell | Callable[..., nn.Module]:
    """Return the cell of a name with its default parameters; return others unchanged.

    Raises
    ------
    ValueError
        If a parameter of a cell is out of its range.
    TypeError
        If the cell is a class derived from Cell, and not an object of it.
    """
    if isinstance(cell, str):
        return CELLS[cell]()
    if isinstance(cell, type) and issubclass(cell, Cell):
        raise TypeError(
            "cell must be the name of a cell, an object of a class of cells, or a class or "
            f"function (input_size, hidden_size) that returns a module; got the class "
            f"{cell.__name__} of cells. Pass an object of it, {cell.__name__}()."
        )
    if isinstance(cell, Cell):
        cell.check_params()
    return cell if isinstance(cell, Cell) else cast("Callable[..., nn.Module]", cell)


def is_compiled(cell: CellChoice, hidden_size: int) -> bool:
    """Check whether layers of a cell run in compiled loops, on the CPU in single precision."""
    is_ours = isinstance(as_cell(cell), Cell) and not is_feedforward(cell)
    return is_ours and is_compiled_width(hidden_size)


def is_feedforward(cell: CellChoice) -> bool:
    """Check whether a cell sees a fixed number of steps, rather than frames of them."""
    return isinstance(cell, FeedForward) or cell == FeedForward.name


def has_bounded_outputs(cell: CellChoice) -> bool:
    """Check whether outputs of a cell stay in a fixed range, however long the sequence is."""
    cell = as_cell(cell)
    return isinstance(cell, Cell) and cell.is_bounded


def reads_gaps(cell: CellChoice) -> bool:
    """Check whether the equations of a cell read the time since the previous step."""
    cell = as_cell(cell)
    return isinstance(cell, Cell) and cell.reads_gaps


def n_layer_weights(cell: CellChoice, input_size: int, hidden_size: int) -> int:
    """Return the number of weights of a layer, without biases; 0 for a user's own cell."""
    cell = as_cell(cell)
    return cell.n_weights(input_size, hidden_size) if isinstance(cell, Cell) else 0


def context_size(cell: CellChoice) -> int:
    """Return the number of dense layers that make up one layer: more than 1 with a context."""
    cell = as_cell(cell)
    return cell.context_size if isinstance(cell, FeedForward) else 1


def build_layer(
    cell: CellChoice,
    input_size: int,
    hidden_size: int,
    recurrent_dropout: float,
    generator: torch.Generator,
    *,
    has_gaps: bool = False,
) -> nn.Module:
    """Build one layer and draw its parameters from `generator`.

    Parameters
    ----------
    cell : str, Cell or callable
        A key of `CELLS`, a cell, or a factory ``(input_size, hidden_size) -> nn.Module``.
    input_size, hidden_size : int
        Width of the input and of the state.
    recurrent_dropout : float
        Probability to drop a unit of the previous state.
    generator : torch.Generator
        Source of the parameters.
    has_gaps : bool, default=False
        Whether the last input is the time since the previous step, which the cell reads as such.
    """
    cell = as_cell(cell)
    layer: Any
    if isinstance(cell, Cell):
        _check_own_cell(cell)
        layer_class = _LAYERS.get(type(cell), CellLayer)
        options = {"has_gaps": True} if has_gaps else {}
        layer = layer_class(cell, input_size, hidden_size, recurrent_dropout, **options)
    else:
        _check_custom_options(cell, recurrent_dropout)
        layer = CustomLayer(cell, input_size, hidden_size)
    layer.reset_parameters(generator)
    return layer  # type: ignore[no-any-return]


def _check_own_cell(cell: Cell) -> None:
    """Raise an error for a user's cell whose equations cannot be compiled, or are not read."""
    if type(cell) in CELLS.values():
        return
    base = next((kind for kind in _LAYERS if isinstance(cell, kind)), None)
    if base is not None:
        raise TypeError(
            f"The cell {type(cell).__name__} derives from {base.__name__}, whose equations are not "
            "read from the class. Derive from Cell, or from a cell that has equations, such as "
            "CoupledLSTM."
        )
    check_equations(cell)


def _check_custom_options(cell: Callable[..., nn.Module], recurrent_dropout: float) -> None:
    if recurrent_dropout:
        raise ValueError(
            f"recurrent_dropout={recurrent_dropout} cannot reach inside the cell {cell!r}. Leave "
            "it at 0 and let the cell drop units of its own state."
        )
