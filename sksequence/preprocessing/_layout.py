"""Any container of numeric sequences as one table of steps, and the layout to rebuild it.

Knows nothing of transformers or windows. Tables have shape (sum of n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, object_array, offsets_of

Values = NDArray[np.generic]
Container = Literal["array", "list", "objects", "sequences", "tuple"]

_REBUILD: dict[Container, Callable[[list[Values]], Any]] = {
    "list": list,
    "tuple": tuple,
    "objects": object_array,
}


@dataclass(frozen=True)
class Layout:
    """Everything that is needed to put steps back into the container they came in.

    Attributes
    ----------
    container : {"array", "list", "objects", "sequences", "tuple"}
        Type of the container; "objects" is an object array.
    offsets : ndarray of int64 of shape (n_sequences + 1,)
        First step of each sequence, and the number of all steps.
    scalar_steps : bool
        Whether each step was one number, without an axis of features.
    """

    container: Container
    offsets: NDArray[np.int64]
    scalar_steps: bool

    def restack(self, values: Values) -> Any:
        """Return a table of steps, with any number of features, in the container."""
        if self.scalar_steps and values.shape[1] == 1:
            values = values[:, 0]
        if self.container == "sequences":
            return Sequences(values, self.offsets)
        if self.container == "array":
            return values.reshape((len(self.offsets) - 1, int(self.offsets[1]), *values.shape[1:]))
        return _REBUILD[self.container](np.split(values, self.offsets[1:-1]))


def flatten(X: object) -> tuple[Values, Layout]:
    """Return the steps of all sequences as one table, and the layout of X."""
    if isinstance(X, Sequences):
        return _from_sequences(X)
    if isinstance(X, list | tuple):
        return _from_pieces(X, "list" if isinstance(X, list) else "tuple")
    array = np.asarray(X)
    if array.ndim == 1 and array.dtype == object:
        return _from_pieces(array, "objects")
    if array.ndim not in (2, 3):
        raise ValueError(
            "Expected several sequences: a 2-D array (n_sequences, n_steps), a 3-D array "
            "(n_sequences, n_steps, n_features) or a list of arrays; got an array of shape "
            f"{array.shape}. Reshape your data, or wrap a single sequence in a list."
        )
    n_sequences, n_steps = array.shape[:2]
    offsets = np.arange(n_sequences + 1, dtype=np.int64) * n_steps
    return array.reshape(n_sequences * n_steps, -1), Layout("array", offsets, array.ndim == 2)


def _from_sequences(X: Sequences) -> tuple[Values, Layout]:
    if X.values is None:
        raise ValueError(
            "Sequences of codes contain no numbers; build the container with `values` instead."
        )
    scalar_steps = X.values.ndim == 1
    values = X.values[:, None] if scalar_steps else X.values
    return values, Layout("sequences", X.offsets, scalar_steps)


def _from_pieces(X: Iterable[object], container: Container) -> tuple[Values, Layout]:
    pieces = [np.asarray(x) for x in X]
    _check_pieces(pieces)
    scalar_steps = pieces[0].ndim == 1
    values = np.concatenate(pieces)
    layout = Layout(container, offsets_of([len(piece) for piece in pieces]), scalar_steps)
    return (values[:, None] if scalar_steps else values), layout


def _check_pieces(pieces: list[Values]) -> None:
    if not pieces:
        raise ValueError("Got an empty list; pass at least one sequence.")
    first = pieces[0]
    for i, piece in enumerate(pieces):
        if piece.ndim not in (1, 2):
            raise ValueError(
                f"Sequence {i} has {piece.ndim} dimensions; expected (n_steps, n_features) or "
                "(n_steps,). Wrap a single sequence in a list."
            )
        if piece.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"Sequence {i} has shape {piece.shape}, sequence 0 has {first.shape}; all "
                "sequences need the same features, with time before features."
            )
