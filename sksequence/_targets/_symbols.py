"""The codec of a generator of symbols: each step's target is the symbol that comes next.

Codes are the vocabulary's; one more code stands for the boundary of a document: as an input it means "start", as a
target "end".
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, offsets_of
from sksequence._vocabulary import Vocabulary


class SymbolCodec:
    """Shift sequences of codes by one step, with boundaries.

    Parameters
    ----------
    vocabulary : Vocabulary
        The symbols.
    has_ends : bool
        Whether the end of a sequence is a target of its own.
    """

    losses: ClassVar[tuple[str, ...]] = ("cross_entropy",)

    def __init__(self, vocabulary: Vocabulary, *, has_ends: bool) -> None:
        self.vocabulary = vocabulary
        self.has_ends = has_ends

    @property
    def boundary(self) -> int:
        """The code of "start" (as input) and "end" (as target)."""
        return len(self.vocabulary)

    @property
    def n_outputs(self) -> int:
        """One logit a code, boundary included."""
        return self.boundary + 1

    def shift(self, sequences: Sequences) -> tuple[Sequences, NDArray[np.int64]]:
        """Return inputs (start, x_1, ...) and the flat targets (x_1, ..., x_n and the end, where there is one)."""
        assert sequences.codes is not None
        codes = sequences.codes[:, 0]
        extra = int(self.has_ends)
        lengths = sequences.lengths + extra
        offsets = offsets_of(lengths)
        targets = np.full(offsets[-1], self.boundary, dtype=np.int64)
        rows = np.arange(len(codes)) + extra * np.repeat(np.arange(len(lengths)), sequences.lengths)
        targets[rows] = codes
        inputs = np.empty(offsets[-1], dtype=np.int32)
        inputs[1:] = targets[:-1]
        inputs[offsets[:-1]] = self.boundary
        return Sequences(None, offsets, inputs[:, None]), targets

    def log_probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Log-softmax of the logits, in float64."""
        z = outputs.astype(np.float64)
        z -= z.max(axis=-1, keepdims=True)
        return np.asarray(z - np.log(np.exp(z).sum(axis=-1, keepdims=True)))
