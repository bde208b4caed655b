"""The codec of a generator of symbols: each step's target is the symbol that comes next.

Inputs are the vocabulary's codes, and one more, the boundary before the first symbol. Outputs are what can come next:
the symbols in the order of their codes, so that output i is code i + 1, the end where ends are learnt, and in a last
place the unknown symbol where a limit of the vocabulary has made some. It is learnt, never drawn. Without a limit
unknown symbols can be read, but nothing can be learnt of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from sksequence._batching import Sequences, object_array, offsets_of
from sksequence._targets._codecs import logits_of
from sksequence._vocabulary import UNKNOWN, Vocabulary


class SymbolCodec:
    """Shift sequences of codes by one step, with a boundary before and, where ends are learnt, after them.

    Parameters
    ----------
    vocabulary : Vocabulary
        The symbols.
    has_ends : bool
        Whether the end of a sequence is a target of its own.
    typical_steps : int
        The most steps of a sample.
    n_steps : int
        How many symbols were seen, none of them unknown.
    """

    losses: ClassVar[tuple[str, ...]] = ("cross_entropy",)

    def __init__(
        self, vocabulary: Vocabulary, *, has_ends: bool, typical_steps: int, n_steps: int
    ) -> None:
        self.vocabulary = vocabulary
        self.has_ends = has_ends
        self.typical_steps = typical_steps
        self.n_steps = n_steps

    @property
    def boundary(self) -> int:
        """The code that stands before the first symbol and, as a target, after the last one."""
        return len(self.vocabulary)

    @property
    def n_codes(self) -> int:
        """Codes that can be read: unknown, the symbols and the boundary."""
        return self.boundary + 1

    @property
    def n_symbols(self) -> int:
        """Symbols that can come next."""
        return len(self.vocabulary.symbols)

    @property
    def end(self) -> int | None:
        """The output that stands for the end of a sequence."""
        return self.n_symbols if self.has_ends else None

    @property
    def n_outputs(self) -> int:
        """One logit for each symbol, one for the end, and one for the unknown symbol."""
        return self.n_drawn + self.learns_unknown

    @property
    def n_drawn(self) -> int:
        """The first outputs, which may be drawn: all but the unknown symbol."""
        return self.n_symbols + self.has_ends

    @property
    def output_codes(self) -> tuple[int, ...]:
        """The code of each output: that of the end is the boundary."""
        ends = (self.boundary,) if self.has_ends else ()
        unknown = (UNKNOWN,) if self.learns_unknown else ()
        return (*range(1, self.boundary), *ends, *unknown)

    @property
    def learns_unknown(self) -> bool:
        """Whether rare symbols were left out, which teach what is unknown."""
        return self.vocabulary.n_rare > 0

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

    def known(self, targets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which targets can be learnt."""
        return np.asarray((targets != UNKNOWN) | self.learns_unknown)

    def encode(self, parsed: NDArray[Any]) -> NDArray[np.int64]:
        """Return the output that stands for each target; for unknown ones, any."""
        unknown = self.n_drawn if self.learns_unknown else 0
        return np.asarray(np.where(parsed == UNKNOWN, unknown, parsed - 1))

    def log_likelihoods(
        self, losses: NDArray[np.float64], targets: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the log-probability of each target.

        After n steps without it, an unknown symbol is given the share 1 / (n + 1). Where n rare symbols were left out,
        they and all that were never seen share the probability of the unknown one alike, as n + 1 symbols would.
        """
        if self.learns_unknown:
            return -losses - np.where(targets == UNKNOWN, np.log(self.vocabulary.n_rare + 1.0), 0.0)
        return np.where(self.known(targets), -losses, -np.log(self.n_steps + 1.0))

    def logits(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return one logit an output; of several networks the log of their mean probability."""
        return logits_of(outputs, self.n_outputs)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probability of each symbol, and of the end in a last column where there is one.

        The unknown symbol is none of them: it is left out, and the others sum to one.
        """
        logits = self.logits(outputs)[:, : self.n_drawn]
        return np.asarray(softmax(logits.astype(np.float64), axis=1))

    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the likeliest symbol of each row."""
        symbols = self.vocabulary.symbols
        plain = np.array(symbols)
        if plain.ndim != 1 or plain.tolist() != symbols:
            # numpy would turn mixed symbols into strings, and cut a NUL off
            plain = object_array(symbols)
        return np.asarray(plain[self.logits(outputs)[:, : self.n_symbols].argmax(axis=1)])

    def symbols(self, drawn: Sequence[int]) -> list[Any]:
        """Return the symbols that outputs stand for."""
        return [self.vocabulary.symbols[output] for output in drawn]
