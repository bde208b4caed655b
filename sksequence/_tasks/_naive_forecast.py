"""The naive forecast that a network corrects."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, moments_of_each
from sksequence._settings import column_indices
from sksequence._tasks._combined_forecast import CombinedForecast
from sksequence._tasks._seasons import seasons_of, seasons_of_windows


@dataclass(frozen=True)
class NaiveForecast:
    """Forecast that repeats the last step, or the last season, of some features over the horizon.

    Several seasons, or those that are found, make several such forecasts, which are combined.

    Attributes
    ----------
    residual : "last", "auto", int or sequence of int
        "last" repeats the last step, and an int repeats the last season of that many steps. A
        sequence holds seasons to combine, and "auto" stands for those of the windows.
    columns : tuple of int or None
        Indices of the features of X that y continues, in the order of y. None stands for all.
    is_relative : bool
        Whether differences to the forecast are in units of the spread of the window.
    combined : CombinedForecast or None
        The combination, once its weights are learnt; None if one forecast is repeated.
    """

    residual: str | int | Sequence[int]
    columns: tuple[int, ...] | None = None
    is_relative: bool = False
    combined: CombinedForecast | None = None

    def __str__(self) -> str:
        return f"residual={self.residual!r}"

    def learnt(self, sequences: Sequences, parsed: NDArray[np.float64]) -> NaiveForecast:
        """Return the forecast with the seasons found, and with the weights of a combination."""
        self._horizon(sequences, parsed.shape[1])
        residual = self.residual
        if residual == "auto":
            residual = list(seasons_of_windows(sequences, self.columns)) or "last"
        naive = replace(self, residual=residual)
        if not naive.combines:
            return naive
        naive._check_lengths(sequences)
        n_targets = self.n_targets(sequences)
        combined = CombinedForecast.learn(
            sequences,
            self.columns,
            parsed,
            naive.seasons,
            n_targets,
            is_relative=self.is_relative,
        )
        return replace(naive, combined=combined)

    @property
    def combines(self) -> bool:
        """Whether several forecasts are combined."""
        return not isinstance(self.residual, (str, Integral))

    @property
    def seasons(self) -> tuple[int, ...]:
        """Seasons in increasing order; one step repeats itself."""
        return seasons_of(self.residual) or (1,)

    @property
    def season(self) -> int:
        """Number of steps that are repeated."""
        return self.seasons[-1]

    @property
    def n_steps(self) -> int:
        """Minimum length of a window."""
        return self.season if self.combined is None else self.combined.n_steps

    def is_same(self, known: NaiveForecast, n_features: int) -> bool:
        """Check whether a learnt forecast repeats the same values in the same units."""
        every = tuple(range(n_features))
        mine, others = (tuple(every[i] for i in naive.columns or every) for naive in (self, known))
        if (mine, self.is_relative) != (others, known.is_relative):
            return False
        alike = (self.seasons, self.combines) == (known.seasons, known.combines)
        return self.residual == "auto" or alike

    def moments(self, sequences: Sequences) -> NDArray[np.float64]:
        """Return standard deviations and root mean squares of the targets of each window.

        Both are (n_sequences, n_targets), side by side.
        """
        mean, std = moments_of_each(sequences)
        size = np.sqrt(mean**2 + std**2)
        columns = slice(None) if self.columns is None else list(self.columns)
        return np.concatenate([std[:, columns], size[:, columns]], axis=1)

    def check_steps(self, *, may_be_missing: bool, has_times: bool) -> None:
        """Raise a ValueError if the last values may be missing, or be of irregular times."""
        if may_be_missing or has_times:
            name, default = ("missing", "'error'") if may_be_missing else ("time_column", "None")
            raise ValueError(
                f"{self} reads the last values of each sequence, which must be there, at regular "
                f"times: residual cannot go with {name}. Set residual=None or {name}={default}."
            )

    def check_reading(self, features: Sequence[Hashable], n_outputs: int) -> None:
        """Raise a ValueError if y may be all features of X or several steps of one.

        `features` are the names of the numbers of a step, or their positions.
        """
        n_features = len(features)
        if self.columns is not None or n_features == 1 or n_outputs % n_features:
            return
        horizon = n_outputs // n_features
        choices = f"one of {list(features)}"
        if list(features) == list(range(n_features)):
            choices = f"an index from 0 to {n_features - 1}"
        raise ValueError(
            f"With residual={self.residual!r}, y of {n_outputs} columns and X of {n_features} "
            f"features can be read in two ways. If y holds all {n_features} features at "
            f"{_steps(horizon)}, set target_columns='all'. If y holds one feature at "
            f"{_steps(n_outputs)}, set target_columns to it: {choices}. For "
            "several features, pass a list."
        )

    def n_targets(self, sequences: Sequences) -> int:
        """Return the number of features that y continues."""
        return self.count_targets(int(self._numbers(sequences).shape[1]))

    def count_targets(self, n_features: int) -> int:
        """Return the number of features that y continues, given that of the numbers of a step."""
        return n_features if self.columns is None else len(self.columns)

    def forecast(self, sequences: Sequences, n_outputs: int) -> NDArray[np.float64]:
        """Return the forecast of shape (n_sequences, n_outputs).

        `n_outputs` is the horizon times the number of targets. The targets of each step are next to
        each other.
        """
        values = self._numbers(sequences)
        self._check_lengths(sequences)
        horizon = self._horizon(sequences, n_outputs)
        if self.combined is not None:
            repeated = self.combined.forecast(sequences, self.columns, horizon)
            return repeated.reshape(len(sequences), n_outputs)
        steps_back = self.season - np.arange(horizon) % self.season
        repeated = values[sequences.offsets[1:, None] - steps_back]  # (sequence, horizon, feature)
        if self.columns is not None:
            repeated = repeated[:, :, list(self.columns)]
        return np.asarray(repeated.reshape(len(sequences), n_outputs), dtype=np.float64)

    def _horizon(self, sequences: Sequences, n_outputs: int) -> int:
        n_features, n_targets = self._numbers(sequences).shape[1], self.n_targets(sequences)
        if n_outputs % n_targets:
            raise ValueError(
                f"residual={self.residual!r} needs a y of shape (n_sequences, horizon * "
                "n_targets): all features of X, or those in target_columns, at every step of the "
                f"horizon. y has {n_outputs} columns and X {n_features} features"
                f"{'' if self.columns is None else f', of which {n_targets} are targets'}. Set "
                "target_columns to the features that y continues, or set residual=None."
            )
        return n_outputs // n_targets

    def _numbers(self, sequences: Sequences) -> NDArray[np.generic]:
        values = sequences.values
        if values is None:
            raise ValueError(
                f"residual={self.residual!r} repeats the last numbers of a sequence, but X holds "
                "symbols. Set residual=None."
            )
        return values

    def _check_lengths(self, sequences: Sequences) -> None:
        short = np.flatnonzero(sequences.lengths < self.n_steps)
        if len(short):
            i = int(short[0])
            raise ValueError(
                f"residual={self.residual!r} needs sequences of at least {self.n_steps} steps; "
                f"sequence {i} has {sequences.lengths[i]}. Pass longer sequences, or choose a "
                "shorter season."
            )


def _steps(n: int) -> str:
    return "one step" if n == 1 else f"{n} steps"


def target_indices(
    target_columns: int | str | Sequence[int | str] | None,
    n_features: int,
    names: Sequence[Hashable],
    is_categorical: Sequence[bool] = (),
) -> tuple[int, ...] | None:
    """Return the indices, among the numbers of a step, of those that y continues.

    None stands for features that are not given. A name comes before "all", which stands for all
    numbers. `names` is empty if there are none, and `is_categorical` if all features are numbers.
    """
    if target_columns is None:
        return None
    flags = is_categorical or (False,) * n_features
    numbers = [j for j, flag in enumerate(flags) if not flag]
    if isinstance(target_columns, str) and target_columns == "all" and "all" not in names:
        return tuple(range(len(numbers)))
    or_all = ", or 'all'"
    indices = column_indices("target_columns", target_columns, n_features, names, or_all)
    if len(set(indices)) < len(indices):
        raise ValueError(
            f"target_columns={target_columns!r} names a feature twice. Pass each target once, in "
            "the order of y."
        )
    labels = list(names or range(n_features))
    for j in indices:
        if flags[j]:
            raise ValueError(
                f"target_columns={target_columns!r} contains {labels[j]!r}, a category, but y "
                f"continues numbers. Choose from {[labels[i] for i in numbers]}{or_all}."
            )
    return tuple(numbers.index(j) for j in indices)


def known_ahead(names: Sequence[Hashable]) -> list[Hashable]:
    """Return the columns whose future values `make_windows` has added, and the added ones.

    An added column is named after another one and its lead, as in "price+7".
    """
    by_text = {str(name): name for name in names}
    found: set[Hashable] = set()
    for name in names:
        base, _, lead = str(name).rpartition("+")
        if base in by_text and lead.isdecimal():
            found |= {name, by_text[base]}
    return [name for name in names if name in found]
