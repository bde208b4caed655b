"""The codec of a generator of numbers: each step's target is the next step's values, relative to their past."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, flat_rows, offsets_of
from sksequence._targets._codecs import members_of
from sksequence._targets._past import Past, Reference, Steps, blocks_of_equal_length


class SeriesCodec:
    """Shift numeric sequences by one step, measure them against their past, and standardise what is left.

    An input step holds what is known before its value comes: earlier values, in the units of the present spread, the
    features that are known beforehand, and marks of the beginning.

    Parameters
    ----------
    reference : Reference
        What values are measured against.
    targets, known : ndarray of int
        The features of X to learn, and those that are known beforehand.
    outputs_per_value : int
        Parameters of the next-step distribution of one value.
    typical_steps : int
        Length of a sample.
    """

    losses: ClassVar[tuple[str, ...]] = ("student_t", "gaussian", "quantile")

    def __init__(
        self,
        reference: Reference,
        targets: NDArray[np.int64],
        known: NDArray[np.int64],
        outputs_per_value: int,
        typical_steps: int,
    ) -> None:
        self.reference = reference
        self.targets, self.known_columns = targets, known
        self.outputs_per_value = outputs_per_value
        self.typical_steps = typical_steps
        self.mean = np.zeros(self.n_features)
        self.deviation = np.ones(self.n_features)

    @property
    def n_features(self) -> int:
        """Values of one step."""
        return len(self.targets)

    @property
    def n_inputs(self) -> int:
        """Columns of an input step."""
        return self.reference.n_columns + len(self.known_columns) + self.reference.n_marks

    @property
    def n_outputs(self) -> int:
        """Width of the head."""
        return self.outputs_per_value * self.n_features

    def shift(self, sequences: Sequences) -> tuple[Sequences, NDArray[np.float64]]:
        """Return inputs, and for each step its values, what is taken off them, and their spread."""
        values, known = self._split(sequences)
        steps = self._follow(sequences, values, extra=0)
        inputs = Sequences(self.inputs(steps, known), sequences.offsets)
        return inputs, np.column_stack([values, steps.base, steps.spread])

    def context(self, sequences: Sequences, known: NDArray[np.float64]) -> Sequences:
        """Return inputs up to that of the step that nobody has seen, whose `known` features (n_sequences, n_known)."""
        values, seen = self._split(sequences)
        offsets = offsets_of(sequences.lengths + 1)
        beside = np.empty((int(offsets[-1]), known.shape[1]))
        beside[flat_rows(offsets[:-1], sequences.lengths)] = seen
        beside[offsets[1:] - 1] = known
        steps = self._follow(sequences, values, extra=1)
        return Sequences(self.inputs(steps, beside), offsets)

    def past(self, sequences: Sequences) -> Past:
        """Return where series stand after their last step."""
        return Past.of(self.reference, sequences, self._split(sequences)[0])

    def _split(self, sequences: Sequences) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the flat values to learn, and those known beforehand."""
        assert sequences.values is not None
        values = np.asarray(sequences.values, dtype=np.float64)
        return values[:, self.targets], values[:, self.known_columns]

    def _follow(self, sequences: Sequences, values: NDArray[np.float64], extra: int) -> Steps:
        """Return the flat steps of sequences, and `extra` after each."""
        lengths = sequences.lengths + extra
        offsets = offsets_of(lengths)
        n_columns, n_marks = self.reference.n_columns, self.reference.n_marks
        widths = self.n_features, self.n_features, n_columns, n_marks
        flat = Steps(*(np.empty((int(offsets[-1]), width)) for width in widths))
        for x, index in blocks_of_equal_length(sequences, values):
            rows = flat_rows(offsets[index], lengths[index])
            for whole, part in zip(flat, self.reference.follow(x), strict=True):
                whole[rows] = part[:, : x.shape[1] + extra].reshape(len(rows), -1)
        return flat

    def inputs(self, steps: Steps, known: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return one input step a row."""
        return np.concatenate([steps.columns, known, steps.marks], axis=1)

    def fit(self, mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> None:
        """Take over the scale of relative values."""
        self.mean, self.deviation = mean, deviation

    def relative(self, parsed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values less their base, in units of their spread."""
        values, base, spread = np.split(parsed, 3, axis=1)
        return (values - base) / spread

    def encode(self, parsed: NDArray[np.float64]) -> NDArray[np.float32]:
        """Standardise and cast."""
        return ((self.relative(parsed) - self.mean) / self.deviation).astype(np.float32)

    def decode(self, outputs: NDArray[Any], steps: Steps) -> NDArray[np.float64]:
        """Return the location of the next-step distribution, of several networks the mean, in the units of X."""
        locations = members_of(outputs, self.n_outputs)[..., : self.n_features]
        return self.values(locations.mean(axis=0, dtype=np.float64), steps)

    def values(self, encoded: NDArray[np.float64], steps: Steps) -> NDArray[np.float64]:
        """Return standardised relative values in the units of X."""
        return (encoded * self.deviation + self.mean) * steps.spread + steps.base

    def known(self, targets: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which targets can be learnt: all."""
        return np.ones(len(targets), dtype=bool)

    def log_likelihoods(
        self, losses: NDArray[np.float64], targets: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the log-density of each target, in the units of X."""
        spread = np.split(targets, 3, axis=1)[2]
        return np.asarray(-losses - np.log(self.deviation).sum() - np.log(spread).sum(axis=1))
