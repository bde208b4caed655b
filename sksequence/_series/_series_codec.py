"""The codec of a generator of numbers: the target of each step is the values of the next one."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, find_step, flat_rows, offsets_of
from sksequence._losses import LOSSES, SUPPORTS, outside
from sksequence._series._logarithms import restored, transformed
from sksequence._series._past import Past
from sksequence._series._reference import Reference, Steps, blocks_of_equal_length
from sksequence._targets import members_of

# scale of a feature that never changed, as a fraction of its value, and the smallest one
_REST_STD, _SMALLEST_STD = 1e-6, 1e-300
# larger standardised values are clipped, lest they be infinite in single precision
_LARGEST = 1e30


class SeriesCodec:
    """Codec that shifts series by one step and standardises values relative to their reference.

    An input step consists of the columns of `Steps`, the known features of its own step, and the
    marks of the beginning.

    Parameters
    ----------
    reference : Reference
        Base and spread of values.
    targets : ndarray of int
        Positions of the features of X that are learnt.
    known_columns : ndarray of int
        Positions of the features that are known beforehand.
    loss : str
        Name of the loss, with the distribution of a value.
    typical_steps : int
        Number of steps of a sample.
    """

    losses: ClassVar[tuple[str, ...]] = (
        "student_t",
        "gaussian",
        "quantile",
        "poisson",
        "negative_binomial",
        "gamma",
    )

    def __init__(
        self,
        reference: Reference,
        targets: NDArray[np.int64],
        known_columns: NDArray[np.int64],
        loss: str,
        typical_steps: int,
    ) -> None:
        self.reference = reference
        self.targets, self.known_columns = targets, known_columns
        self.loss = loss
        self.typical_steps = typical_steps
        self.mean = np.zeros(self.n_features)
        self.std = np.ones(self.n_features)

    @property
    def n_features(self) -> int:
        """Number of values per step."""
        return len(self.targets)

    @property
    def n_inputs(self) -> int:
        """Number of columns of an input step."""
        return self.reference.n_columns + len(self.known_columns) + self.reference.n_marks

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the head."""
        return LOSSES[self.loss].outputs_per_value * self.n_features

    @property
    def has_log_link(self) -> bool:
        """Whether values are counts or positive numbers, which are not standardised."""
        return LOSSES[self.loss].has_log_link

    def stream_decoders(self) -> dict[str, Callable[[NDArray[np.float32]], NDArray[Any]]]:
        """Return the methods with streams, whose predictions also need the past of each stream."""
        return {"predict": np.asarray}

    def shift(self, sequences: Sequences) -> tuple[Sequences, NDArray[np.float64]]:
        """Return inputs, and targets with the columns values, base and spread, each per feature.

        If some series are read as logarithms, values are, and the logs of their derivatives follow.
        """
        values, known = self._split(sequences)
        steps = self._follow(sequences, values, extra=0)
        inputs = Sequences(self.inputs(steps, known), sequences.offsets)
        if self.reference.logs is None:
            return inputs, np.column_stack([values, steps.base, steps.spread])
        read, log_derivatives = transformed(values, steps.base, steps.in_logs)
        return inputs, np.column_stack([read, steps.base, steps.spread, log_derivatives])

    def _parts(self, parsed: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return np.split(parsed, parsed.shape[1] // self.n_features, axis=1)

    def network_input(self, sequences: Sequences, y: object = None) -> Sequences:
        """Return what the network reads before each step; there are no labels y."""
        return self.shift(sequences)[0]

    def context(self, sequences: Sequences, known: NDArray[np.float64]) -> Sequences:
        """Return inputs up to the next step, with its `known` features (n_sequences, n_known)."""
        values, past_known = self._split(sequences)
        offsets = offsets_of(sequences.lengths + 1)
        all_known = np.empty((int(offsets[-1]), known.shape[1]))
        all_known[flat_rows(offsets[:-1], sequences.lengths)] = past_known
        all_known[offsets[1:] - 1] = known
        steps = self._follow(sequences, values, extra=1)
        return Sequences(self.inputs(steps, all_known), offsets)

    def past(self, sequences: Sequences) -> Past:
        """Return the state of series after their last step."""
        return Past.of(self.reference, sequences, self._split(sequences)[0])

    def _split(self, sequences: Sequences) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the flat values that are learnt, and those that are known beforehand."""
        assert sequences.values is not None
        values = np.asarray(sequences.values, dtype=np.float64)
        self.check_support(values[:, self.targets], sequences.offsets)
        return values[:, self.targets], values[:, self.known_columns]

    def check_support(self, values: NDArray[np.float64], offsets: NDArray[np.int64]) -> None:
        """Raise a ValueError that names the first value without a density."""
        support = LOSSES[self.loss].support
        if support == "numbers":
            return
        is_bad = outside(support, values)
        if is_bad.any():
            row, column = np.argwhere(is_bad)[0].tolist()
            i, step = find_step(row, offsets)
            raise ValueError(
                f"loss={self.loss!r} is a distribution of {SUPPORTS[support]}, but X[{i}] is "
                f"{values[row, column]:g} at step {step}. For other numbers, choose another loss, "
                "such as 'student_t'."
            )

    def _follow(self, sequences: Sequences, values: NDArray[np.float64], extra: int) -> Steps:
        """Return the flat steps of sequences, and up to one `extra` step after each."""
        lengths = sequences.lengths + extra
        offsets = offsets_of(lengths)
        n_columns, n_marks = self.reference.n_columns, self.reference.n_marks
        n_rows, n = int(offsets[-1]), self.n_features
        base, spread, columns, marks = (np.empty((n_rows, k)) for k in (n, n, n_columns, n_marks))
        flat = base, spread, columns, marks, np.empty((n_rows, n), dtype=bool)
        for x, index in blocks_of_equal_length(sequences, values):
            rows = flat_rows(offsets[index], lengths[index])
            for whole, part in zip(flat, self.reference.follow(x), strict=True):
                whole[rows] = np.asarray(part)[:, : x.shape[1] + extra].reshape(len(rows), -1)
        return Steps(*flat)

    def inputs(self, steps: Steps, known: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return one input step per row."""
        return np.concatenate([steps.columns, known, steps.marks], axis=1)

    def informed(self, sequences: Sequences) -> SeriesCodec:
        """Return a copy that also knows how long the values of other series rest."""
        informed = copy(self)
        informed.reference = self.reference.informed(sequences, self._split(sequences)[0])
        return informed

    @property
    def rest_std(self) -> NDArray[np.float64]:
        """Scale of relative values of a feature that never changed."""
        if self.reference.own_scale:
            return np.full(self.n_features, _REST_STD)
        level = np.abs(self.reference.start)
        return np.where(level > 0, np.maximum(_REST_STD * level, _SMALLEST_STD), _REST_STD)

    def fit(self, mean: NDArray[np.float64], std: NDArray[np.float64]) -> None:
        """Set the scale of relative values, which is their mean if they have a log link."""
        self.mean, self.std = mean, std
        if self.has_log_link:
            self.mean, self.std = np.zeros(self.n_features), np.where(mean > 0, mean, 1.0)

    def log_scales(self, spread: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logs of typical values of steps with this spread."""
        return np.log(np.maximum(spread * self.std, np.finfo(np.float32).tiny))

    def relative(self, parsed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return differences of values to their base, in units of their spread."""
        values, base, spread = self._parts(parsed)[:3]
        return (values - base) / spread

    def encode(self, parsed: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return standardised relative values, or values and the logs of typical ones."""
        if self.has_log_link:
            values, _, spread = self._parts(parsed)
            return np.column_stack([values, self.log_scales(spread)]).astype(np.float32)
        standardised = (self.relative(parsed) - self.mean) / self.std
        return np.clip(standardised, -_LARGEST, _LARGEST).astype(np.float32)

    def decode(self, outputs: NDArray[np.float32], steps: Steps) -> NDArray[np.float64]:
        """Return the location of distributions in the units of X, the mean of all networks."""
        members = members_of(outputs, self.n_outputs)
        if self.has_log_link:
            density = LOSSES[self.loss].distributions(members, self.log_scales(steps.spread))
            return self.values(density.mixture().centre, steps)
        locations = members[..., : self.n_features]
        mean = locations[0].astype(np.float64)
        if len(locations) > 1:
            mean = np.add.reduce(locations, axis=0, dtype=np.float64) / len(locations)
        return self.values(mean, steps)

    def values(self, encoded: NDArray[np.float64], steps: Steps) -> NDArray[np.float64]:
        """Return values in the units of X from those of a distribution, standardised or not."""
        if self.has_log_link:
            return np.where(steps.spread > 0, encoded, steps.base)
        changes = (encoded * self.std + self.mean) * steps.spread
        return restored(steps.base, changes, steps.in_logs)

    def log_likelihoods(
        self, losses: NDArray[np.float64], targets: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the log-density of each target in the units of X."""
        if self.has_log_link:
            return np.asarray(-losses)
        _, _, spread, *log_derivatives = self._parts(targets)
        likelihoods = -losses - np.log(self.std).sum() - np.log(spread).sum(axis=1)
        return np.asarray(sum((logs.sum(axis=1) for logs in log_derivatives), likelihoods))


def check_finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return predicted values (n_sequences, ...), or raise a ValueError if some are not finite."""
    if not np.isfinite(values).all():
        is_finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        raise ValueError(
            f"The predicted values of sequence {int(np.argmin(is_finite))} grew beyond the range "
            "of floating-point numbers. Predict fewer steps, pass a past whose values are like "
            "those in fit, or set scale='global'."
        )
    return values
