"""What the training loop knows of a callback that keeps its state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# nested dicts, lists and tuples of arrays, numbers, strings and None
State = dict[str, Any]


class Checkpointing(ABC):
    """Callback that keeps the state of training after each epoch, and returns a stored one."""

    @abstractmethod
    def begin(self, origin: Mapping[str, str], build: Callable[[State], object]) -> State | None:
        """Return the stored state of a training with this origin, None if nothing is stored.

        Parameters
        ----------
        origin : mapping of str to str
            Everything that determines the training: parameters and digests of the data.
        build : callable
            Returns the model of a state.
        """

    @abstractmethod
    def keep(self, state: State) -> None:
        """Keep the state after an epoch, and store it if it is due; ``state["is_over"]`` is."""

    @abstractmethod
    def interrupted(self) -> None:
        """Store the state after the last complete epoch, as training ends with an error."""


def checkpoint_in(callbacks: Iterable[object] | None) -> Checkpointing | None:
    """Return the first callback that keeps the state of training, None if there is none."""
    found = (c for c in map(bare, callbacks or ()) if isinstance(c, Checkpointing))
    return next(found, None)


def is_checkpoint(callback: object) -> bool:
    """Check whether a callback keeps the state of training."""
    return isinstance(callback, Checkpointing)


def bare(callback: object) -> object:
    """Return the callback of a pair of name and callback."""
    return callback[1] if isinstance(callback, tuple) else callback
