"""The parts of the rows that a splitter of scikit-learn selects."""

from __future__ import annotations

from collections import deque
from collections.abc import Sized
from copy import copy
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import PredefinedSplit, TimeSeriesSplit

from sksequence._settings import Splitter, TrainingSettings

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
# Characters of a splitter in an error
_LONGEST = 80


@dataclass(frozen=True)
class GivenRows:
    """The arguments of `fit` that a splitter reads, and the rows of them that are in use.

    Attributes
    ----------
    X, y : array-like or list
        Sequences and targets as the user passes them; y may be None.
    groups : array-like or None
        Group of each sequence.
    n_given : int
        Number of sequences in X.
    rows : ndarray of int
        Positions in X of the rows in use: none has the weight 0.
    """

    X: Sized
    y: Sized | None
    groups: ArrayLike | None
    n_given: int
    rows: Rows

    @classmethod
    def of(cls, X: Sized, y: Sized | None, groups: ArrayLike | None, n_given: int) -> Self:
        """Return these arguments with all rows in use."""
        return cls(X, y, groups, n_given, np.arange(n_given))

    def take(self, kept: Rows) -> Self:
        """Return the same with a part of the rows in use."""
        return replace(self, rows=self.rows[kept])

    def parts(
        self, training: TrainingSettings, seed: int, *, judges: bool
    ) -> tuple[Mask, Mask] | None:
        """Return which rows in use to train on and to hold out; None if no splitter selects them.

        The `groups` are then an error. A splitter is for early stopping, and for tasks that are
        judged on rows that a network has not seen (`judges`).
        """
        splitter = training.splitter
        if splitter is None or not (training.early_stopping or judges):
            if self.groups is not None:
                raise ValueError(_unused_groups(splitter, training))
            return None
        _check_groups(splitter, self.groups, self.n_given)
        training_part, validation_part = self._split(splitter, seed)
        return training_part[self.rows], validation_part[self.rows]

    def _split(self, splitter: Splitter, seed: int) -> tuple[Mask, Mask]:
        """Return a mask of all rows of X for each part."""
        n_rows, name = self.n_given, assignment(splitter)
        if isinstance(splitter, PredefinedSplit) and len(splitter.test_fold) != n_rows:
            raise ValueError(
                f"validation_split is a PredefinedSplit of {len(splitter.test_fold)} rows, but X "
                f"has {n_rows} sequences. Pass one number per sequence to PredefinedSplit."
            )
        try:
            split = _one_split(_seeded(splitter, seed), self.X, self.y, self.groups)
            masks = np.zeros((2, n_rows), dtype=bool)
            for mask, part in zip(masks, split, strict=True):
                mask[part] = True
        except (IndexError, TypeError, ValueError) as error:
            raise ValueError(f"{name} cannot split {n_rows} sequences: {error}") from error
        n_shared = int((masks[0] & masks[1]).sum())
        if n_shared:
            raise ValueError(
                f"{name} has {n_shared} of {n_rows} sequences in both parts. A sequence can be "
                "used for training or for validation, but not for both: choose another splitter."
            )
        return masks[0], masks[1]


def assignment(splitter: Splitter) -> str:
    """Return how a splitter is set, on one line and cut to a length for errors."""
    text = " ".join(repr(splitter).split())
    return f"validation_split={text if len(text) <= _LONGEST else text[: _LONGEST - 4] + '...)'}"


def _one_split(
    splitter: Splitter, X: Sized, y: Sized | None, groups: ArrayLike | None
) -> tuple[Rows, Rows]:
    """Return the first split; of a `TimeSeriesSplit` the last one, which trains on the most."""
    splits = iter(splitter.split(X, y, groups))
    if isinstance(splitter, TimeSeriesSplit):
        splits = iter(deque(splits, maxlen=1))
    split = next(splits, None)
    if split is None:
        raise ValueError("it yields no split")
    return split


def _seeded(splitter: Splitter, seed: int) -> Splitter:
    """Return a splitter that draws with the seed of the fit, unless it has one of its own."""
    if getattr(splitter, "random_state", seed) is not None:
        return splitter
    splitter = copy(splitter)
    splitter.random_state = seed  # type: ignore[attr-defined]
    return splitter


def _requests_groups(splitter: Splitter) -> bool:
    """Check whether a splitter of scikit-learn, or of a class derived from one, needs groups."""
    routing = getattr(splitter, "get_metadata_routing", None)
    return routing is not None and routing().split.requests.get("groups") is True


def _check_groups(splitter: Splitter, groups: ArrayLike | None, n_rows: int) -> None:
    if groups is None:
        if _requests_groups(splitter):
            raise ValueError(
                f"{assignment(splitter)} keeps groups together, but fit has got no "
                "groups. Pass groups=..., one per sequence, to fit; in a search, enable metadata "
                "routing and call set_fit_request(groups=True)."
            )
        return
    of_sklearn = type(splitter).split.__module__.partition(".")[0] == "sklearn"
    if of_sklearn and not _requests_groups(splitter):
        raise ValueError(
            f"groups have no effect: {assignment(splitter)} does not read them. Leave "
            "them out, or choose a splitter that does, such as GroupShuffleSplit."
        )
    shape = np.shape(groups)
    if shape[:1] != (n_rows,):
        raise ValueError(
            f"groups are of shape {shape}, but X has {n_rows} sequences. Pass one group per "
            "sequence."
        )


def _unused_groups(splitter: Splitter | None, training: TrainingSettings) -> str:
    if splitter is None:
        return (
            f"groups have no effect with validation_split={training.validation_split!r}. Leave "
            "them out, or set validation_split to a splitter that reads them, such as "
            "GroupShuffleSplit(test_size=0.1)."
        )
    return (
        "groups have no effect with early_stopping=False, which holds out no sequences. Leave them "
        "out, or set early_stopping=True."
    )
