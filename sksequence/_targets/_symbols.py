"""The codec of a generator of symbols: each step's target is the symbol that comes next.

Codes are the vocabulary's; one more code stands for the boundary of a document: as an input it means "start", as a
target "end".
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, offsets_of
from sksequence._vocabulary import UNKNOWN, Vocabulary


class SymbolCodec:
    """Shift sequences of codes by one step, with boundaries.

    Parameters
    ----------
    vocabulary : Vocabulary
        The symbols.
    has_ends : bool
        Whether the end of a sequence is a target of its own.
    typical_steps : int
        The most steps of a sample.
    """

    losses: ClassVar[tuple[str, ...]] = ("cross_entropy",)
    log_unit = 0.0

    def __init__(self, vocabulary: Vocabulary, *, has_ends: bool, typical_steps: int) -> None:
        self.typical_steps = typical_steps
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
        offsets, targets = self._spread(sequences, int(self.has_ends))
        inputs = np.empty(len(targets), dtype=np.int32)
        inputs[1:] = targets[:-1]
        inputs[offsets[:-1]] = self.boundary
        return Sequences(None, offsets, inputs[:, None]), targets

    def context(self, sequences: Sequences) -> Sequences:
        """Return inputs (start, x_1, ..., x_n): after them comes the symbol that nobody has seen."""
        offsets, flat = self._spread(sequences, 1)
        inputs = np.roll(flat, 1).astype(np.int32)
        inputs[offsets[:-1]] = self.boundary
        return Sequences(None, offsets, inputs[:, None])

    def _spread(
        self, sequences: Sequences, extra: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return offsets and flat codes with room for `extra` boundaries after each sequence."""
        assert sequences.codes is not None
        lengths = sequences.lengths
        offsets = offsets_of(lengths + extra)
        flat = np.full(int(offsets[-1]), self.boundary, dtype=np.int64)
        rows = np.arange(int(sequences.offsets[-1]))
        flat[rows + extra * np.repeat(np.arange(len(lengths)), lengths)] = sequences.codes[:, 0]
        return offsets, flat

    def encode(self, parsed: NDArray[Any]) -> NDArray[Any]:
        """Codes are what the loss reads."""
        return parsed

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probability of each symbol, and of the end in a last column where there is one.

        The unknown symbol is nothing that could come next: its share goes to the others.
        """
        z = outputs.astype(np.float64)[:, UNKNOWN + 1 : self.n_outputs - (not self.has_ends)]
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        return np.asarray(p / p.sum(axis=1, keepdims=True))

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the likeliest symbol of each row."""
        symbols = self.vocabulary.symbols
        best = outputs[:, UNKNOWN + 1 : self.boundary].argmax(axis=1)
        plain = np.array(symbols)
        if (
            plain.ndim != 1 or plain.tolist() != symbols
        ):  # numpy would turn mixed symbols into strings
            plain = np.empty(len(symbols), dtype=object)
            plain[:] = symbols
        return np.asarray(plain[best])

    @property
    def never(self) -> list[int]:
        """Codes that are never drawn."""
        return [UNKNOWN] if self.has_ends else [UNKNOWN, self.boundary]
