"""Codecs for one row of targets: labels, sets of labels, numbers.

A row is one sequence's target or one step's. `parse` turns what the user brought into plain numbers without
learning a scale, `fit` learns from the training rows, `encode` and `decode` are each other's inverse.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sksequence._losses import joint_logits
from sksequence._targets._readings import DensityReading, PointReading, Reading
from sksequence._targets._residual import Naive

Numbers = NDArray[Any]

_POINTS = PointReading()


class LabelCodec:
    """One of several classes a row: int codes in, one logit a class out."""

    losses: ClassVar[tuple[str, ...]] = ("cross_entropy",)

    def __init__(self, classes: Numbers) -> None:
        self.classes = classes

    @classmethod
    def learn(cls, y: Any) -> LabelCodec:
        """Collect the classes of y, in sorted order."""
        y = _as_labels(y)
        check_classification_targets(y)
        return cls(np.unique(y))

    def check_same(self, other: RowCodec) -> None:
        """Raise a ValueError if the classes of `other` are not these."""
        known = getattr(other, "classes", None)
        if not np.array_equal(self.classes, np.asarray(known)):
            raise ValueError(
                f"classes={self.classes.tolist()} is not the same as in the first call of partial_fit, {known}. "
                "Leave classes out, or begin with a new estimator."
            )

    @property
    def n_outputs(self) -> int:
        """One logit a class."""
        return len(self.classes)

    def parse(self, y: Any) -> Numbers:
        """Return the code of every label."""
        y = _as_labels(y)
        codes = np.searchsorted(self.classes, y)
        codes = np.minimum(codes, len(self.classes) - 1).astype(np.int64)
        unseen = self.classes[codes] != y
        if np.any(unseen):
            raise ValueError(
                f"y contains the label {y[unseen][0]!r}, which is not among the classes "
                f"{self.classes.tolist()}; pass all classes to the first call of partial_fit."
            )
        return np.asarray(codes)

    def fit(self, rows: Numbers) -> None:
        """Learn nothing: labels have no scale."""

    def encode(self, parsed: Numbers) -> Numbers:
        """Codes are what the loss reads."""
        return parsed

    def _logits(self, outputs: Numbers) -> Numbers:
        """Return one logit a class; of several networks the log of their mean probability."""
        return logits_of(outputs, self.n_outputs)

    def decode(self, outputs: Numbers) -> Numbers:
        """Return the likeliest label of each row of logits."""
        return np.asarray(self.classes[self._logits(outputs).argmax(axis=1)])

    def scores(self, outputs: Numbers) -> Numbers:
        """Return the logits; with two classes, their difference."""
        z = self._logits(outputs).astype(np.float64)
        return np.asarray(z[:, 1] - z[:, 0] if z.shape[1] == 2 else z)

    def probabilities(self, outputs: Numbers) -> Numbers:
        """Softmax of the logits, in float64."""
        return np.exp(self.log_probabilities(outputs))

    def log_probabilities(self, outputs: Numbers) -> Numbers:
        """Log-softmax of the logits, in float64."""
        return np.asarray(log_softmax(self._logits(outputs).astype(np.float64), axis=1))


class IndicatorCodec:
    """Any number of k labels a row: a binary indicator in, one logit a label out."""

    losses: ClassVar[tuple[str, ...]] = ("binary_cross_entropy",)

    def __init__(self, n_labels: int, dtype: Any = np.int64) -> None:
        self.classes = np.arange(n_labels)
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    @classmethod
    def learn(cls, y: Any) -> IndicatorCodec:
        """Count the labels, and note the dtype in which predictions go back."""
        y = np.asarray(y)
        return cls(y.shape[1], y.dtype)

    @property
    def n_outputs(self) -> int:
        """One logit a label."""
        return len(self.classes)

    def parse(self, y: Any) -> Numbers:
        """Return the indicator as float64."""
        y = check_array(y, input_name="y", dtype=np.float64)
        if y.shape[1] != self.n_outputs or not np.all((y == 0) | (y == 1)):
            raise ValueError(
                f"y must be a binary indicator of {self.n_outputs} labels, entries 0 or 1; got shape {y.shape}."
            )
        return np.asarray(y)

    def fit(self, rows: Numbers) -> None:
        """Learn nothing: an indicator has no scale."""

    def encode(self, parsed: Numbers) -> Numbers:
        """Cast for the loss."""
        return parsed.astype(np.float32)

    def decode(self, outputs: Numbers) -> Numbers:
        """Return the indicator of the labels that are likelier than not."""
        return np.asarray(np.greater(self.scores(outputs), 0), dtype=self.dtype)

    def scores(self, outputs: Numbers) -> Numbers:
        """Return one logit a label; of several networks that of their mean probability."""
        members = members_of(outputs, self.n_outputs).astype(np.float64)
        if len(members) == 1:
            return np.asarray(members[0])
        there, not_there = (-np.logaddexp(0.0, z) for z in (-members, members))
        return np.asarray(logsumexp(there, axis=0) - logsumexp(not_there, axis=0))

    def probabilities(self, outputs: Numbers) -> Numbers:
        """Return each label's probability (sigmoid of its logit), in float64."""
        return np.exp(self.log_probabilities(outputs))

    def log_probabilities(self, outputs: Numbers) -> Numbers:
        """Return the log of each label's probability."""
        return -np.logaddexp(0.0, -self.scores(outputs))


class NumberCodec:
    """One or several numbers a row, standardised for the loss; they come back as float64."""

    losses: ClassVar[tuple[str, ...]] = (
        "squared_error",
        "absolute_error",
        "huber",
        "quantile",
        "gaussian",
        "student_t",
    )

    def __init__(
        self,
        n_numbers: int,
        *,
        flat: bool,
        scale: bool,
        naive: Naive | None = None,
        reading: Reading = _POINTS,
    ) -> None:
        self.n_numbers = n_numbers
        self.naive = naive
        self.reading = reading
        self.flat = flat
        self.scale = scale
        self.n_targets = n_numbers
        self.mean = np.zeros(n_numbers)
        self.deviation = np.ones(n_numbers)

    @classmethod
    def learn(
        cls, y: Any, *, scale: bool = True, naive: Naive | None = None, reading: Reading = _POINTS
    ) -> NumberCodec:
        """Read how many numbers a row has."""
        shape = np.shape(y)
        n_numbers = shape[1] if len(shape) == 2 else 1
        return cls(n_numbers, flat=len(shape) == 1, scale=scale, naive=naive, reading=reading)

    @property
    def n_outputs(self) -> int:
        """Width of the head."""
        return self.reading.width * self.n_numbers

    def share_deviations(self, n_targets: int) -> None:
        """Take every `n_targets`-th number for the same quantity at another time: errors count in one unit."""
        self.n_targets = n_targets

    def parse(self, y: Any) -> Numbers:
        """Return y as float64 of shape (n_rows, n_numbers)."""
        numbers = np.asarray(_as_numbers(y))
        if numbers.reshape(len(numbers), -1).shape[1] != self.n_numbers:
            raise ValueError(
                f"y has shape {numbers.shape}, expected {self.n_numbers} numbers a row as in the first fit."
            )
        return numbers.reshape(-1, self.n_numbers)

    def fit(self, rows: Numbers) -> None:
        """Learn mean and deviation of the training rows."""
        if not self.scale:
            return
        self.mean = rows.mean(axis=0)
        variance = rows.var(axis=0).reshape(-1, self.n_targets).mean(axis=0)
        deviation = np.tile(np.sqrt(variance), self.n_numbers // self.n_targets)
        # a constant target has a deviation of rounding errors only
        constant = deviation <= 1e-12 * np.maximum(1.0, np.abs(self.mean))
        self.deviation = np.where(constant, 1.0, deviation)

    def encode(self, parsed: Numbers) -> Numbers:
        """Standardise and cast."""
        return ((parsed - self.mean) / self.deviation).astype(np.float32)

    def decode(self, outputs: Numbers) -> Numbers:
        """Return the number that the outputs of a row stand for."""
        return self._in_units(self.reading.centre(members_of(outputs, self.n_outputs)))

    def quantiles(self, outputs: Numbers, levels: tuple[float, ...] | None = None) -> Numbers:
        """Return quantiles of shape (n_levels, n_rows[, n_numbers]); None are the levels of the fit."""
        assert not isinstance(self.reading, PointReading)
        members = members_of(outputs, self.n_outputs)
        return self._in_units(self.reading.quantiles(members, levels))

    def deviations(self, outputs: Numbers) -> Numbers:
        """Return standard deviations."""
        assert isinstance(self.reading, DensityReading)
        members = members_of(outputs, self.n_outputs)
        deviations = self.reading.deviations(members) * self.deviation
        return np.asarray(deviations[:, 0] if self.flat else deviations)

    def _in_units(self, scaled: Numbers) -> Numbers:
        """Undo the standardisation, of any number of tables."""
        numbers = scaled.astype(np.float64) * self.deviation + self.mean
        return np.asarray(numbers[..., 0] if self.flat else numbers)


def members_of(outputs: Numbers, n_outputs: int) -> Numbers:
    """Return the outputs of networks side by side as (n_members, n_rows, n_outputs)."""
    return outputs.reshape(len(outputs), -1, n_outputs).swapaxes(0, 1)


def logits_of(outputs: Numbers, n_outputs: int) -> Numbers:
    """Return one logit an output; of several networks the log of their mean probability."""
    members = members_of(outputs, n_outputs)
    return np.asarray(members[0]) if len(members) == 1 else joint_logits(members)


RowCodec = LabelCodec | IndicatorCodec | NumberCodec


def classification_codec(y: Any) -> LabelCodec | IndicatorCodec:
    """Choose between one label and several labels a row."""
    if len(np.shape(y)) == 1:  # judged before scikit-learn tries to sort None among labels
        y = _as_labels(y)
    if type_of_target(y, input_name="y") == "multilabel-indicator":
        return IndicatorCodec.learn(y)
    shape = np.shape(y)
    if len(shape) > 2 or (len(shape) == 2 and shape[1] > 1):
        raise ValueError(
            f"y has shape {shape} and is no binary indicator; one label a sequence is a 1d array. For one label a "
            "step, set target='steps'."
        )
    return LabelCodec.learn(y)


def _as_labels(y: Any) -> Numbers:
    """Return labels as they are; scikit-learn would stumble over None and infinity among them."""
    y = column_or_1d(y, warn=True)
    if y.dtype.kind in "iubUS":  # nothing can be missing among these
        return np.asarray(y)
    missing = np.array([is_missing(label) for label in y.tolist()])
    if missing.any():
        i = int(np.argmax(missing))
        raise ValueError(
            f"y contains {y[i]!r} at row {i} (NaN or None is no label); drop unlabelled rows. "
            "Unlabelled steps are skipped with target='steps'."
        )
    if y.dtype.kind == "f" and np.isinf(y).any():
        raise ValueError(
            "Input y contains infinity, which is no label; classes are text or integers."
        )
    return np.asarray(y)


def is_missing(label: Any) -> bool:
    """Tell None, NaN and the NA of pandas, which is asked by name as pandas is optional."""
    if label is None or type(label).__name__ == "NAType":
        return True
    return isinstance(label, float | np.floating) and bool(np.isnan(label))


def _as_numbers(y: Any) -> Any:
    """Let scikit-learn judge the numbers: None, NaN, infinity, text and complex are errors."""
    if len(np.shape(y)) > 2:
        raise ValueError(
            f"y has shape {np.shape(y)}; numbers of a sequence are (n,) or (n, k). For one target a step, set "
            "target='steps'."
        )
    y = check_array(y, input_name="y", ensure_2d=False, dtype=np.float64)
    if np.any(np.abs(y) > np.finfo(np.float32).max):
        raise ValueError(
            "Input y contains a value too large for dtype('float32'). Rescale y, or predict its logarithm."
        )
    return y
