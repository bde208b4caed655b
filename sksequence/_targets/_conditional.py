"""The codec of a generator of symbols that is told a label: each step is read beside its sequence's label.

The label is a second column of codes, 0 being left for none. It stands at every step, so that pieces of a sequence
have it too, and no state has to remember it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence._targets._arrangement import plain_container
from sksequence._targets._codecs import LabelCodec, _as_labels
from sksequence._targets._symbols import SymbolCodec


class ConditionalCodec(SymbolCodec):
    """Shift sequences of codes by one step, and give each step a label.

    Parameters
    ----------
    symbols : SymbolCodec
        Of the sequences.
    y : array-like of shape (n_sequences,)
        The labels to learn, and how frequent each is.
    """

    def __init__(self, symbols: SymbolCodec, y: Any) -> None:
        super().__init__(
            symbols.vocabulary,
            has_ends=symbols.has_ends,
            typical_steps=symbols.typical_steps,
            n_steps=symbols.n_steps,
        )
        y = plain_container(y)
        labels = LabelCodec.learn(y)
        counts = np.bincount(labels.parse(y))
        self.classes = labels.classes
        self.log_frequencies = np.log(counts / counts.sum())

    @property
    def n_labels(self) -> int:
        """How many labels there are."""
        return len(self.classes)

    def label_codes(self, y: Any, n_sequences: int) -> NDArray[np.int64]:
        """Return the code of each sequence's label."""
        y = _as_labels(plain_container(y))
        if len(y) != n_sequences:
            raise ValueError(
                f"X has {n_sequences} sequences, y has {len(y)}: inconsistent numbers of samples. Pass one label for "
                "each sequence."
            )
        return np.array([self.label_code(label) for label in y.tolist()])

    def label_code(self, label: Any) -> int:
        """Return the code of one label."""
        classes: list[Any] = self.classes.tolist()
        if not isinstance(label, Hashable) or label not in classes:
            raise ValueError(
                f"the label {label!r} is not among those of the first fit; choose from {classes}."
            )
        return classes.index(label) + 1


def with_labels(inputs: Sequences, codes: Any) -> Sequences:
    """Return symbols with the code of a label beside each: one a sequence, or one for all."""
    assert inputs.codes is not None
    of_each = np.broadcast_to(np.asarray(codes, dtype=np.int32), len(inputs))
    column = np.repeat(of_each, inputs.lengths)
    return Sequences(None, inputs.offsets, np.column_stack([inputs.codes, column]))
