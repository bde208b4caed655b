"""What a network is, in numbers and names: enough to build it again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_INTEGERS = (
    "n_features",
    "n_outputs",
    "hidden_size",
    "num_layers",
    "context_size",
    "embedding_dim",
    "n_estimators",
)


@dataclass(frozen=True)
class NetworkSpec:
    """Everything `build_network` needs to know but the seed.

    Attributes
    ----------
    n_features : int
        Numeric columns of one step as the network sees it; 0 if there are none.
    n_symbols : tuple of int
        Alphabet size of each column of codes, code 0 ("unknown") included; empty if there are none.
    n_outputs : int
        Width of the head.
    cell : str or callable
        A key of `CELLS`, or a factory ``(input_size, hidden_size) -> nn.Module``.
    hidden_size, num_layers : int
        Width of each layer, and how many there are.
    bidirectional : bool
        Whether each depth also reads its input from the end to the start.
    merge_mode : {"concat", "sum", "mean", "mul"}
        How the two directions become one, at each depth.
    activation : {"tanh", "relu", "sigmoid"}
        Of the cells "rnn" and "feedforward".
    context_size : int
        Of the cell "feedforward".
    pooling : {"last", "mean", "max", "attention"} or None
        How the steps of a sequence become one; None gives one output per step.
    dropout : float
        Between the layers and on what the head reads, so that it acts on a single layer too.
    recurrent_dropout : float
        Inside the recurrence.
    embedding_dim : int
        Width of the embedding of each column of codes; ignored without them.
    chrono_steps : int or None
        Longest dependency that the gates begin with, in steps of the network.
    n_estimators : int
        Networks side by side, all as described.
    tied_codes : tuple of int
        The code of each output, where the head's weights are the embedding of the first column; empty if the head has
        weights of its own.
    """

    n_features: int
    n_symbols: tuple[int, ...]
    n_outputs: int
    cell: str | Callable[..., Any]
    hidden_size: int
    num_layers: int
    bidirectional: bool
    merge_mode: str
    activation: str
    context_size: int
    pooling: str | None
    dropout: float
    recurrent_dropout: float
    embedding_dim: int
    chrono_steps: int | None = None
    n_estimators: int = 1
    tied_codes: tuple[int, ...] = ()

    @property
    def tie_weights(self) -> bool:
        """Whether the head shares the embedding."""
        return bool(self.tied_codes)

    def __post_init__(self) -> None:
        """Turn numpy's scalars, which grids are made of, into Python's."""
        for name in _INTEGERS:
            self._convert(name, int)
        for name in ("dropout", "recurrent_dropout"):
            self._convert(name, float)
        self._convert("bidirectional", bool)
        self._convert("n_symbols", lambda sizes: tuple(int(size) for size in sizes))

    def _convert(self, name: str, convert: Callable[[Any], Any]) -> None:
        object.__setattr__(self, name, convert(getattr(self, name)))
