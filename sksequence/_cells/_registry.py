"""Build an initialised layer from the name of a cell or from the user's own class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from sksequence._cells._custom import CustomLayer
from sksequence._cells._feedforward import FeedForward
from sksequence._cells._gru import GRU
from sksequence._cells._lstm import LSTM
from sksequence._cells._rnn import SimpleRNN

LayerOptions = Mapping[str, str | int | float | None]

CELLS: dict[str, type[nn.Module]] = {
    "rnn": SimpleRNN,
    "lstm": LSTM,
    "gru": GRU,
    "feedforward": FeedForward,
}


def build_layer(
    cell: str | Callable[..., nn.Module],
    input_size: int,
    hidden_size: int,
    options: LayerOptions,
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
        Values of all options (`activation`, `context_size`, `recurrent_dropout`, `chrono_steps`).
        A layer gets those that it declares, a user's own cell none.
    generator : torch.Generator
        Source of the parameters.
    """
    layer: Any
    if isinstance(cell, str):
        layer_class: Any = CELLS[cell]
        if options["chrono_steps"] is not None and "chrono_steps" not in layer_class.options:
            raise ValueError(
                f"chrono_steps={options['chrono_steps']} initialises the gates of a memory, but "
                f"the cell {cell!r} has none. Choose cell='lstm' or cell='gru', or leave "
                "chrono_steps at None."
            )
        declared = {name: options[name] for name in layer_class.options}
        layer = layer_class(input_size, hidden_size, **declared)
    else:
        _check_custom_options(cell, options)
        layer = CustomLayer(cell, input_size, hidden_size)
    layer.reset_parameters(generator)
    return layer  # type: ignore[no-any-return]


def _check_custom_options(cell: Callable[..., nn.Module], options: LayerOptions) -> None:
    if options["recurrent_dropout"]:
        raise ValueError(
            f"recurrent_dropout={options['recurrent_dropout']} cannot reach inside the cell "
            f"{cell!r}. Leave it at 0 and let the cell drop units of its own state."
        )
    if options["chrono_steps"] is not None:
        raise ValueError(
            f"chrono_steps={options['chrono_steps']} cannot reach inside the cell {cell!r}. Leave "
            "it at None and let the cell initialise its own gates."
        )
