"""The naive forecast that a residual network corrects: the last value, or the last season, repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence._targets._columns import positions


@dataclass(frozen=True)
class Naive:
    """Repeat the last step, or the last season, of some features over the horizon.

    Attributes
    ----------
    residual : "last" or int
        What is repeated; an int is the length of a season in steps.
    columns : tuple of int or None
        The features of X that y continues, in the order of y; None means all.
    """

    residual: str | int
    columns: tuple[int, ...] | None = None

    @classmethod
    def of(cls, residual: str | int, target_columns: Any) -> Naive:
        """Read the columns as users write them: None, a number or several."""
        if target_columns is None:
            return cls(residual)
        return cls(residual, positions("target_columns", target_columns))

    @property
    def season(self) -> int:
        """Steps that are repeated."""
        return 1 if self.residual == "last" else int(self.residual)

    def n_targets(self, sequences: Sequences) -> int:
        """Count the features that y continues."""
        values = self._numbers(sequences)
        return int(values.shape[1]) if self.columns is None else len(self.columns)

    def forecast(self, sequences: Sequences, n_outputs: int) -> NDArray[np.float64]:
        """Return what is repeated, of shape (n_sequences, n_outputs).

        `n_outputs` is the horizon times the targets: for each step of the horizon, all targets beside each other.
        """
        values = self._numbers(sequences)
        self._check_lengths(sequences)
        n_targets = self.n_targets(sequences)
        if n_outputs % n_targets:
            raise ValueError(
                f"residual={self.residual!r} needs a y of (n, horizon x targets), every feature of X at every step of "
                f"the horizon unless target_columns names some; y has {n_outputs} columns and X {values.shape[1]} "
                "features. Name the features of y in target_columns, or set residual=None."
            )
        horizon = n_outputs // n_targets
        back = self.season - np.arange(horizon) % self.season  # steps before the end
        repeated = values[sequences.offsets[1:, None] - back]  # (sequence, horizon, feature)
        if self.columns is not None:
            repeated = repeated[:, :, list(self.columns)]
        return np.asarray(repeated.reshape(len(sequences), n_outputs), dtype=np.float64)

    def _numbers(self, sequences: Sequences) -> NDArray[Any]:
        values = sequences.values
        if values is None:
            raise ValueError(
                f"residual={self.residual!r} adds to the last numbers of a sequence; X holds symbols. Set "
                "residual=None."
            )
        width = values.shape[1]
        if self.columns is not None and not all(-width <= i < width for i in self.columns):
            raise ValueError(
                f"target_columns={self.columns} names a feature that X does not have: it has {width}, counted from 0."
            )
        return values

    def _check_lengths(self, sequences: Sequences) -> None:
        short = np.flatnonzero(sequences.lengths < self.season)
        if len(short):
            i = int(short[0])
            raise ValueError(
                f"residual={self.residual!r} needs windows of at least {self.season} steps; sequence {i} has "
                f"{sequences.lengths[i]}. Make longer windows or choose a shorter season."
            )
