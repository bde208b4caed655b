"""From a cell's name, or the user's own class, to an initialised layer."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from ._custom import CustomLayer
from ._feedforward import FeedForward
from ._gru import GRU
from ._lstm import LSTM
from ._rnn import SimpleRNN

CELLS: dict[str, type[nn.Module]] = {
    "rnn": SimpleRNN,
    "lstm": LSTM,
    "gru": GRU,
    "feedforward": FeedForward,
}


def build_layer(
    cell: str | Callable[..., Any],
    input_size: int,
    hidden_size: int,
    options: Mapping[str, Any],
    generator: torch.Generator,
) -> nn.Module:
    """Build one layer and draw its parameters from `generator`.

    Parameters
    ----------
    cell : str or callable
        A key of `CELLS`, or a factory ``(input_size, hidden_size) -> nn.Module``.
    input_size, hidden_size : int
        Width of the input and of the state.
    options : mapping
        Values of all options there are (`activation`, `context_size`, `recurrent_dropout`,
        `chrono_steps`); a layer is given
        those it declares, a user's own cell none.
    generator : torch.Generator
        Where the parameters come from.
    """
    layer: Any
    if isinstance(cell, str):
        layer_class: Any = CELLS[cell]
        if options["chrono_steps"] is not None and "chrono_steps" not in layer_class.options:
            raise ValueError(
                f"chrono_steps={options['chrono_steps']} sets the gates that keep a memory, and the cell {cell!r} has "
                "none. Choose 'lstm' or 'gru', or leave it at None."
            )
        declared = {name: options[name] for name in layer_class.options}
        layer = layer_class(input_size, hidden_size, **declared)
    else:
        if options["recurrent_dropout"]:
            raise ValueError(
                f"recurrent_dropout={options['recurrent_dropout']} cannot reach inside the cell {cell!r}; "
                "leave it at 0 and let the cell drop its own state."
            )
        if options["chrono_steps"] is not None:
            raise ValueError(
                f"chrono_steps={options['chrono_steps']} cannot reach inside the cell {cell!r}; leave it at None and "
                "let the cell initialise its own gates."
            )
        layer = CustomLayer(cell, input_size, hidden_size)
    layer.reset_parameters(generator)
    return layer  # type: ignore[no-any-return]
