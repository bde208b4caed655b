"""Any container of numeric sequences as one table of steps, and the receipt to build it again.

Knows nothing of transformers or windows. Shapes: values are (sum of n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, object_array, offsets_of

REBUILD: dict[str, Callable[[list[NDArray[Any]]], Any]] = {
    "list": list,
    "tuple": tuple,
    "objects": object_array,
}


@dataclass(frozen=True)
class Layout:
    """What is needed to put steps back into the container they came in.

    `numbers` says that a step was one number, without an axis of features.
    """

    kind: str
    offsets: NDArray[np.int64]
    numbers: bool

    def restack(self, values: NDArray[Any]) -> Any:
        """Return steps (sum of n_steps, n_features) in the container, of any number of features."""
        if self.numbers and values.shape[1] == 1:
            values = values[:, 0]
        if self.kind == "sequences":
            return Sequences(values, self.offsets)
        if self.kind == "array":
            return values.reshape((len(self.offsets) - 1, int(self.offsets[1]), *values.shape[1:]))
        return REBUILD[self.kind](np.split(values, self.offsets[1:-1]))


def flatten(X: Any) -> tuple[NDArray[Any], Layout]:
    """Return the steps of all sequences, one after the other, and how they were arranged."""
    if isinstance(X, Sequences):
        return _from_container(X)
    if isinstance(X, list | tuple):
        return _from_pieces(X, "list" if isinstance(X, list) else "tuple")
    array = np.asarray(X)
    if array.ndim == 1 and array.dtype == object:
        return _from_pieces(array, "objects")
    if array.ndim not in (2, 3):
        raise ValueError(
            "Expected several sequences: a 2-D array (n_sequences, n_steps), a 3-D array "
            "(n_sequences, n_steps, n_features) or a list of arrays; got an array of shape "
            f"{array.shape}. Reshape your data, or wrap one single sequence in a list."
        )
    n_sequences, n_steps = array.shape[:2]
    offsets = np.arange(n_sequences + 1, dtype=np.int64) * n_steps
    return array.reshape(n_sequences * n_steps, -1), Layout("array", offsets, array.ndim == 2)


def _from_container(X: Sequences) -> tuple[NDArray[Any], Layout]:
    if X.values is None:
        raise ValueError(
            "Sequences of codes hold no numbers; build the container with `values` instead."
        )
    numbers = X.values.ndim == 1
    values = X.values[:, None] if numbers else X.values
    return values, Layout("sequences", X.offsets, numbers)


def _from_pieces(X: Any, kind: str) -> tuple[NDArray[Any], Layout]:
    pieces = [np.asarray(x) for x in X]
    _check_pieces(pieces)
    numbers = pieces[0].ndim == 1
    values = np.concatenate(pieces)
    layout = Layout(kind, offsets_of([len(piece) for piece in pieces]), numbers)
    return (values[:, None] if numbers else values), layout


def _check_pieces(pieces: list[NDArray[Any]]) -> None:
    if not pieces:
        raise ValueError("Got an empty list; at least one sequence is needed.")
    first = pieces[0]
    for i, piece in enumerate(pieces):
        if piece.ndim not in (1, 2):
            raise ValueError(
                f"Sequence {i} has {piece.ndim} dimensions; a sequence is (n_steps, n_features) or "
                "(n_steps,). Wrap one single sequence in a list."
            )
        if piece.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"Sequence {i} has shape {piece.shape}, sequence 0 has {first.shape}; give all "
                "sequences the same features, time before features."
            )
