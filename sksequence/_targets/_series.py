"""The codec of a generator of numbers: each step's target is the next step's values."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, offsets_of


class SeriesCodec:
    """Shift numeric sequences by one step and standardise them.

    An input step holds the values of the step before and a mark that is 1 at the first step, where there is nothing
    before; the training mean stands there.

    Parameters
    ----------
    start : ndarray of shape (n_features,)
        What stands at the first step.
    outputs_per_value : int
        Parameters of the next-step distribution of one value.
    typical_steps : int
        Length of a sample.
    """

    losses: ClassVar[tuple[str, ...]] = ("gaussian", "student_t")

    def __init__(
        self, start: NDArray[np.float64], outputs_per_value: int, typical_steps: int
    ) -> None:
        self.typical_steps = typical_steps
        self.start = start
        self.outputs_per_value = outputs_per_value
        self.mean = np.zeros(len(start))
        self.deviation = np.ones(len(start))

    @property
    def n_features(self) -> int:
        """Values of one step."""
        return len(self.start)

    @property
    def n_outputs(self) -> int:
        """Width of the head."""
        return self.outputs_per_value * self.n_features

    def shift(self, sequences: Sequences) -> tuple[Sequences, NDArray[np.float64]]:
        """Return inputs (start, x_1, ..., x_n-1) with the mark, and the flat targets (x_1, ..., x_n)."""
        targets = _values(sequences)
        inputs = np.zeros((len(targets), self.n_features + 1))
        inputs[1:, :-1] = targets[:-1]
        self._mark(inputs, sequences.offsets[:-1])
        return Sequences(inputs, sequences.offsets), targets

    def context(self, sequences: Sequences) -> Sequences:
        """Return inputs (start, x_1, ..., x_n): after them comes the step that nobody has seen."""
        lengths = sequences.lengths
        offsets = offsets_of(lengths + 1)
        inputs = np.zeros((int(offsets[-1]), self.n_features + 1))
        rows = np.arange(int(sequences.offsets[-1])) + np.repeat(
            np.arange(len(lengths)) + 1, lengths
        )
        inputs[rows, :-1] = _values(sequences)
        self._mark(inputs, offsets[:-1])
        return Sequences(inputs, offsets)

    def _mark(self, inputs: NDArray[np.float64], firsts: NDArray[np.int64]) -> None:
        inputs[firsts, :-1] = self.start
        inputs[firsts, -1] = 1.0

    def fit(self, mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> None:
        """Take over the scale of the inputs."""
        self.mean, self.deviation = mean, deviation

    def encode(self, parsed: NDArray[Any]) -> NDArray[np.float32]:
        """Standardise and cast."""
        return ((parsed - self.mean) / self.deviation).astype(np.float32)

    def decode(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the location of the next-step distribution, in the units of X."""
        location = outputs[..., : self.n_features].astype(np.float64)
        return np.asarray(location * self.deviation + self.mean)

    def known(self, targets: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which targets can be learnt: all."""
        return np.ones(len(targets), dtype=bool)

    def log_likelihoods(
        self, losses: NDArray[np.float64], targets: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the log-density of each target, in the units of X."""
        return np.asarray(-losses - np.log(self.deviation).sum())


def _values(sequences: Sequences) -> NDArray[np.float64]:
    assert sequences.values is not None
    return np.asarray(sequences.values, dtype=np.float64)
