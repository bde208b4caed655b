"""The protocol of tasks, and the values that pass between a fit and its task.

`known` is the blueprint of an earlier fit that this one continues, or None.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, flat_rows
from sksequence._blueprint import AnyCodec, Baseline, Blueprint
from sksequence._input import InputForm
from sksequence._net import Ending, SequenceNet
from sksequence._settings import LossChoice, Settings, TrainingSettings
from sksequence._targets import Container

Rows = NDArray[np.int64]
Sizes = tuple[int, int]
Attributes = dict[str, object]


@dataclass(frozen=True)
class Targets(Generic[AnyCodec]):
    """Targets as plain numbers, before any scale is learnt.

    Attributes
    ----------
    codec : Codec
        Translator between these numbers and the targets that the user passes.
    parsed : ndarray of shape (n_sequences, ...) or (sum of n_steps, ...)
        One row per target; unlabelled steps hold a placeholder. NaN stands for a missing number
        among those of a sequence.
    labelled : ndarray of bool of shape (n_sequences,) or (sum of n_steps,)
        Whether each row has a target.
    container : str or None
        Container of per-step targets; None means one target per sequence.
    names : tuple or None
        Names of several targets of a step, if they came in tables.
    sources : ndarray of int of shape (n_sequences,) or None
        Position of the sequence of which each one is a piece; None if none was cut.
    n_moments : int
        Number of last columns of `parsed` that describe the window of a target, which only the
        codec reads.
    baseline : Baseline or None
        Forecast that was subtracted from the targets.
    """

    codec: AnyCodec
    parsed: NDArray[Any]
    labelled: NDArray[np.bool_]
    container: Container | None
    n_moments: int = 0
    names: tuple[Hashable, ...] | None = None
    sources: Rows | None = None
    baseline: Baseline | None = None

    @property
    def width(self) -> int:
        """Number of targets in a row."""
        return (int(self.parsed.shape[1]) if self.parsed.ndim > 1 else 1) - self.n_moments

    @property
    def per_step(self) -> bool:
        """Whether there is one target per step, rather than per sequence."""
        return self.container is not None

    @property
    def may_overlap(self) -> bool:
        """Whether neighbours may be overlapping windows of a series; pieces never overlap."""
        return self.sources is None

    def take(self, rows: Rows, offsets: Rows) -> NDArray[Any]:
        """Return the labelled targets of the sequences in `rows`."""
        if self.per_step:
            rows = flat_rows(offsets[rows], np.diff(offsets)[rows])
        return self.parsed[rows][self.labelled[rows]]

    @property
    def present(self) -> NDArray[np.bool_] | None:
        """Whether each number of a row is present, (n_rows, width); None if all are."""
        if self.per_step or self.parsed.dtype.kind != "f":
            return None
        missing = np.isnan(self.parsed[:, : self.width] if self.n_moments else self.parsed)
        return ~missing if missing.any() else None

    def rows(self, rows: Rows) -> Self:
        """Return the targets of the sequences in `rows`; there is one target per sequence."""
        return replace(self, parsed=self.parsed[rows], labelled=self.labelled[rows])

    def has_target(self, sequences: Sequences) -> NDArray[np.bool_]:
        """Check for each sequence whether it has a target, or at least one labelled step."""
        if not self.per_step:
            return self.labelled
        return np.logical_or.reduceat(self.labelled, sequences.offsets[:-1])


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to hold out.

    Attributes
    ----------
    training, validation : ndarray of int
        Indices of sequences; an integer weight is a repetition of the index.
    weights : ndarray of shape (n_sequences,)
        Weights that are left after integer weights have become repetitions.
    to_judge : sequence of pairs of ndarray of int
        Training rows that a splitter selects to train another network on, and those to judge it on.
    digests : ndarray of shape (n_sequences,) or None
        Digests of the sequences and their targets, if they are known.
    """

    training: Rows
    validation: Rows
    weights: NDArray[np.float64]
    to_judge: Sequence[tuple[Rows, Rows]] = ()
    digests: NDArray[np.uint64] | None = None


@dataclass(frozen=True)
class TrainingData(Generic[AnyCodec]):
    """Checked and parsed input of one fit.

    Attributes
    ----------
    form : InputForm
        Form of X.
    sequences : Sequences
        Input of the network.
    targets : Targets
        Parsed targets.
    split : Split
        Rows to train on and rows to hold out.
    seed : int
        Seed of all randomness of the fit.
    """

    form: InputForm
    sequences: Sequences
    targets: Targets[AnyCodec]
    split: Split
    seed: int

    def target_weights(self) -> NDArray[np.float64]:
        """Return one weight per target row: that of its sequence, or 0 if it is unlabelled.

        If some numbers of the rows are missing, there is one weight per number, 0 for these.
        """
        weights = self.split.weights
        if self.targets.per_step:
            weights = np.repeat(weights, self.sequences.lengths)
        present = self.targets.present
        if present is not None:
            return np.where(present, weights[:, None], 0.0)
        return np.where(self.targets.labelled, weights, 0.0)


class Task(Protocol[AnyCodec]):
    """Meaning of y: how to read it, what network it requires, and what to report."""

    def read(
        self, y: object, sequences: Sequences, form: InputForm, known: Blueprint[AnyCodec] | None
    ) -> tuple[Sequences, Targets[AnyCodec]]:
        """Return the network's input and the parsed targets, by the codec of `known` if any."""

    def judges(self, targets: Targets[AnyCodec]) -> bool:
        """Check whether predictions are judged on rows that their network has not seen."""

    def settle(self, data: TrainingData[AnyCodec], settings: Settings) -> Blueprint[AnyCodec]:
        """Learn scales from the training rows and resolve every "auto"."""

    def sizes(
        self, data: TrainingData[AnyCodec], training: TrainingSettings, known: Blueprint[AnyCodec]
    ) -> Sizes:
        """Return the batch size and the maximum number of epochs to continue `known` with."""

    def weights(self, data: TrainingData[AnyCodec]) -> NDArray[np.float64]:
        """Return one weight per target row, or per number of it; 0 for unlabelled ones."""

    def ending(self, blueprint: Blueprint[AnyCodec], data: TrainingData[AnyCodec]) -> Ending | None:
        """Return the rule by which training ends before its last epoch, if the task is learnt."""

    def loss_options(self, blueprint: Blueprint[AnyCodec]) -> dict[str, object]:
        """Return the keyword arguments of the loss function."""

    def check_same(self, known: Blueprint[AnyCodec]) -> None:
        """Raise a ValueError if the parameters no longer describe the network of `known`."""

    def report(self, blueprint: Blueprint[AnyCodec]) -> Attributes:
        """Return the fitted attributes of this task."""

    def parts_to_judge(
        self, blueprint: Blueprint[AnyCodec], data: TrainingData[AnyCodec], fraction: float
    ) -> list[tuple[Rows, Rows]]:
        """Return rows to train a network on, and rows to judge it on; empty without a judgement.

        `fraction` is that of the rows of a single validation part.
        """

    def is_clear(
        self,
        net: SequenceNet,
        part: tuple[Rows, Rows],
        n_epochs: int,
        blueprint: Blueprint[AnyCodec],
        data: TrainingData[AnyCodec],
    ) -> bool:
        """Check after an epoch whether more of them, and more networks, would change nothing.

        `part` holds the rows that the network is trained on, and those that it is judged on.
        """

    def evaluate(
        self,
        judged: Sequence[tuple[SequenceNet, Rows]],
        blueprint: Blueprint[AnyCodec],
        data: TrainingData[AnyCodec],
    ) -> Attributes:
        """Return the fitted attributes that need networks, each with rows that it has not seen."""


class TaskChoice(Protocol):
    """One or several tasks, from which the form of X selects one."""

    def of(self, form: InputForm) -> Task[Any]:
        """Return the task for this form of X."""


def check_same_loss(loss: LossChoice, network_loss: LossChoice, known: LossChoice) -> None:
    """Raise a ValueError if the network to continue was trained with another loss."""
    if loss != "auto" and network_loss != known:
        raise ValueError(
            f"loss is now {loss!r}, but the network to continue was trained with {known!r}. Set it "
            "back, or fit with warm_start=False."
        )
