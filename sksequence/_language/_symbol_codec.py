"""The codec of a generator of symbols: the target of each step is the next symbol.

Inputs are the codes of the vocabulary and one more for the boundary before the first symbol.
Outputs are the symbols in the order of their codes, so that output i is code i + 1, then the end if
ends are learnt, and last the unknown symbol if the size of the vocabulary is limited. The unknown
symbol is learnt but never drawn. Without a limit, unknown symbols are read and not learnt.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from sksequence._batching import Sequences, object_array, offsets_of
from sksequence._targets import LabelCodec, as_labels, logits_of, plain_container
from sksequence._vocabulary import UNKNOWN, Vocabulary


@dataclass(frozen=True)
class Labels:
    """Labels on which sequences of symbols are conditioned; code 0 means no label.

    Attributes
    ----------
    classes : ndarray of shape (n_labels,)
        Sorted labels; label i has code i + 1.
    log_frequencies : ndarray of shape (n_labels,)
        Logarithm of the relative frequency of each label in the training sequences.
    """

    classes: NDArray[np.generic]
    log_frequencies: NDArray[np.float64]

    @classmethod
    def learn(cls, y: object) -> Self:
        """Learn the labels in y and their frequencies."""
        labels = plain_container(y)
        codec = LabelCodec.learn(labels)
        counts = np.bincount(codec.parse(labels))
        return cls(codec.classes, np.log(counts / counts.sum()))

    def __len__(self) -> int:
        return len(self.classes)

    def codes(self, y: object, n_sequences: int) -> NDArray[np.int64]:
        """Return the code of the label of each sequence."""
        labels = as_labels(plain_container(y))
        if len(labels) != n_sequences:
            raise ValueError(
                f"X has {n_sequences} sequences, y has {len(labels)}: inconsistent numbers of "
                "samples. Pass one label for each sequence."
            )
        return np.array([self.code(label) for label in labels.tolist()])

    def code(self, label: object) -> int:
        """Return the code of one label."""
        classes = self.classes.tolist()
        if getattr(label, "__hash__", None) is None or label not in classes:
            raise ValueError(
                f"The label {label!r} is not among those of the first fit. Choose from {classes}."
            )
        return int(classes.index(label)) + 1


def with_labels(inputs: Sequences, codes: int | NDArray[np.int64]) -> Sequences:
    """Append a column with the code of the label, one per sequence or one for all.

    The label is repeated at every step, so that chunks of a sequence contain it and the state need
    not store it.
    """
    assert inputs.codes is not None
    label_codes = np.broadcast_to(np.asarray(codes, dtype=np.int32), len(inputs))
    column = np.repeat(label_codes, inputs.lengths)
    return Sequences(None, inputs.offsets, np.column_stack([inputs.codes, column]))


class SymbolCodec:
    """Codec that shifts sequences of codes by one step.

    Parameters
    ----------
    vocabulary : Vocabulary
        Symbols and their codes.
    has_ends : bool
        Whether the end of a sequence is a target.
    typical_steps : int
        Maximum number of steps of a sample.
    n_steps : int
        Number of symbols in the training sequences.
    labels : Labels, default=None
        Labels that are read with each symbol.
    """

    losses: ClassVar[tuple[str, ...]] = ("cross_entropy",)

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        has_ends: bool,
        typical_steps: int,
        n_steps: int,
        labels: Labels | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.has_ends = has_ends
        self.typical_steps = typical_steps
        self.n_steps = n_steps
        self.labels = labels

    @property
    def boundary(self) -> int:
        """Code before the first symbol and, as a target, after the last one."""
        return len(self.vocabulary)

    @property
    def n_codes(self) -> int:
        """Number of input codes: of the unknown symbol, the symbols and the boundary."""
        return self.boundary + 1

    @property
    def label_sizes(self) -> tuple[int, ...]:
        """Number of codes in the column of labels, if there is one."""
        return () if self.labels is None else (len(self.labels) + 1,)

    @property
    def n_symbols(self) -> int:
        """Number of symbols that can come next."""
        return len(self.vocabulary.symbols)

    @property
    def end(self) -> int | None:
        """Output of the end of a sequence, None if ends are not learnt."""
        return self.n_symbols if self.has_ends else None

    @property
    def n_outputs(self) -> int:
        """Number of outputs: one per symbol, and those of the end and the unknown symbol."""
        return self.n_drawn + self.learns_unknown

    @property
    def n_drawn(self) -> int:
        """Number of outputs that may be drawn, all but the unknown symbol: the first ones."""
        return self.n_symbols + self.has_ends

    @property
    def output_codes(self) -> tuple[int, ...]:
        """Input code of each output; that of the end is the boundary."""
        ends = (self.boundary,) if self.has_ends else ()
        unknown = (UNKNOWN,) if self.learns_unknown else ()
        return (*range(1, self.boundary), *ends, *unknown)

    @property
    def learns_unknown(self) -> bool:
        """Whether rare symbols were left out, from which the unknown symbol is learnt."""
        return self.vocabulary.n_rare > 0

    def shift(self, sequences: Sequences) -> tuple[Sequences, NDArray[np.int64]]:
        """Return inputs (start, x_1, ...) and flat targets (x_1, ..., x_n, and ends if learnt)."""
        offsets, targets = self._spread(sequences, int(self.has_ends))
        inputs = np.empty(len(targets), dtype=np.int32)
        inputs[1:] = targets[:-1]
        inputs[offsets[:-1]] = self.boundary
        return Sequences(None, offsets, inputs[:, None]), targets

    def network_input(self, sequences: Sequences, y: object = None) -> Sequences:
        """Return what the network reads before each symbol: that before it, and the label in y."""
        inputs = self.shift(sequences)[0]
        if self.labels is None:
            return inputs
        if y is None:
            raise ValueError(
                "A conditional generator reads the label of each sequence with every symbol. Pass "
                "the labels as y."
            )
        return with_labels(inputs, self.labels.codes(y, len(sequences)))

    def context(self, sequences: Sequences) -> Sequences:
        """Return inputs (start, x_1, ..., x_n), whose last output is that of the next symbol."""
        offsets, flat = self._spread(sequences, 1)
        inputs = np.roll(flat, 1).astype(np.int32)
        inputs[offsets[:-1]] = self.boundary
        return Sequences(None, offsets, inputs[:, None])

    def _spread(
        self, sequences: Sequences, extra: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return offsets and flat codes with `extra` boundaries after each sequence."""
        assert sequences.codes is not None
        lengths = sequences.lengths
        offsets = offsets_of(lengths + extra)
        flat = np.full(int(offsets[-1]), self.boundary, dtype=np.int64)
        rows = np.arange(int(sequences.offsets[-1]))
        flat[rows + extra * np.repeat(np.arange(len(lengths)), lengths)] = sequences.codes[:, 0]
        return offsets, flat

    def known(self, targets: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return a mask of the targets that can be learnt."""
        return np.asarray((targets != UNKNOWN) | self.learns_unknown)

    def encode(self, parsed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the output of each target, an arbitrary one if it cannot be learnt."""
        unknown = self.n_drawn if self.learns_unknown else 0
        return np.asarray(np.where(parsed == UNKNOWN, unknown, parsed - 1))

    def log_likelihoods(
        self, losses: NDArray[np.float64], targets: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the log-probability of each target.

        If n rare symbols were left out, the probability of the unknown symbol is divided equally
        among n + 1 symbols: these and one for all that did not occur. Otherwise an unknown symbol
        has the probability 1 / (n + 1) after n training steps.
        """
        if self.learns_unknown:
            return -losses - np.where(targets == UNKNOWN, np.log(self.vocabulary.n_rare + 1.0), 0.0)
        return np.where(self.known(targets), -losses, -np.log(self.n_steps + 1.0))

    def logits(self, outputs: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return one logit per output; for several networks the log of their mean probability."""
        return logits_of(outputs, self.n_outputs)

    def probabilities(self, outputs: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the probability of each symbol, and of the end in a last column if learnt.

        The unknown symbol is left out, and the others sum to 1.
        """
        logits = self.logits(outputs)[:, : self.n_drawn]
        return np.asarray(softmax(logits.astype(np.float64), axis=1))

    def stream_decoders(self) -> dict[str, Callable[[NDArray[np.floating]], NDArray[Any]]]:
        """Return functions from outputs to predictions, by the names of methods with streams."""
        return {"predict": self.decode, "predict_proba": self.probabilities}

    def decode(self, outputs: NDArray[np.floating]) -> NDArray[np.generic]:
        """Return the most probable symbol of each row."""
        symbols = self.vocabulary.symbols
        plain = np.array(symbols)
        if plain.ndim != 1 or plain.tolist() != symbols:
            # NumPy converts mixed symbols to strings and strips trailing NULs
            plain = object_array(symbols)
        return np.asarray(plain[self.logits(outputs)[:, : self.n_symbols].argmax(axis=1)])

    def symbols(self, outputs: Sequence[int]) -> list[Hashable]:
        """Return the symbols of outputs."""
        return [self.vocabulary.symbols[output] for output in outputs]
