"""Codecs of one row of targets: labels, sets of labels, numbers.

A row is the target of one sequence or of one step. `parse` converts y to plain numbers without
learning a scale, `fit` learns from the training rows, and `decode` is the inverse of `encode`.
Outputs are (n_rows, n_networks * n_outputs).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.special import log_softmax, logsumexp
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sksequence._losses import joint_logits
from sksequence._targets._predictive_distributions import (
    DensityPrediction,
    PointPrediction,
    PredictiveDistribution,
)

Numbers = NDArray[Any]
Floats = NDArray[np.float64]
Outputs = NDArray[np.float32]

_POINTS = PointPrediction()


class LabelCodec:
    """Codec of one of several classes per row: int codes as targets, one logit per class.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The classes, sorted.
    """

    is_indicator: ClassVar[bool] = False
    n_labels: ClassVar[int] = 1
    losses: ClassVar[tuple[str, ...]] = ("cross_entropy",)

    def __init__(self, classes: NDArray[np.generic]) -> None:
        self.classes = classes

    @classmethod
    def learn(cls, y: ArrayLike) -> LabelCodec:
        """Collect the classes of y, in sorted order."""
        labels = as_labels(y)
        check_classification_targets(labels)
        return cls(np.unique(labels))

    def check_same(self, other: RowCodec) -> None:
        """Raise a ValueError if `other` has other classes."""
        known = getattr(other, "classes", None)
        if not np.array_equal(self.classes, np.asarray(known)):
            raise ValueError(
                f"classes={self.classes.tolist()} is not the same as in the first call of "
                f"partial_fit, {known}. Leave classes out, or begin with a new estimator."
            )

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network, one logit per class."""
        return len(self.classes)

    def parse(self, y: ArrayLike) -> NDArray[np.int64]:
        """Return the code of each label."""
        labels = as_labels(y)
        codes = np.searchsorted(self.classes, labels)
        codes = np.minimum(codes, len(self.classes) - 1).astype(np.int64)
        unseen = self.classes[codes] != labels
        if np.any(unseen):
            raise ValueError(
                f"y contains the label {labels[unseen][0]!r}, which is not among the classes "
                f"{self.classes.tolist()}; pass all classes to the first call of partial_fit."
            )
        return np.asarray(codes)

    def fit(self, rows: NDArray[np.int64]) -> None:
        """Learn nothing: labels have no scale."""

    def encode(self, parsed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the codes, which the loss reads as they are."""
        return parsed

    def _logits(self, outputs: Outputs) -> Numbers:
        """Return one logit per class; for several networks, the log of their mean probability."""
        return logits_of(outputs, self.n_outputs)

    def decode(self, outputs: Outputs) -> Numbers:
        """Return the likeliest label of each row of logits."""
        return np.asarray(self.classes[self._logits(outputs).argmax(axis=1)])

    def scores(self, outputs: Outputs) -> Numbers:
        """Return the logits; with two classes, their difference."""
        z = self._logits(outputs).astype(np.float64)
        return np.asarray(z[:, 1] - z[:, 0] if z.shape[1] == 2 else z)

    def probabilities(self, outputs: Outputs) -> Floats:
        """Return the softmax of the logits, in float64."""
        return np.exp(self.log_probabilities(outputs))

    def log_probabilities(self, outputs: Outputs) -> Floats:
        """Return the log-softmax of the logits, in float64."""
        return np.asarray(log_softmax(self._logits(outputs).astype(np.float64), axis=1))


class IndicatorCodec:
    """Codec of any number of k labels per row, as a binary indicator; one logit per label.

    Parameters
    ----------
    n_labels : int
        Number of labels, k.
    dtype : dtype, default=np.int64
        Type of the predicted indicators.
    """

    is_indicator: ClassVar[bool] = True
    losses: ClassVar[tuple[str, ...]] = ("binary_cross_entropy",)

    def __init__(self, n_labels: int, dtype: DTypeLike = np.int64) -> None:
        self.classes = np.arange(n_labels)
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    @classmethod
    def learn(cls, y: ArrayLike) -> IndicatorCodec:
        """Count the labels, and keep the dtype of y for predictions."""
        indicator = np.asarray(y)
        return cls(indicator.shape[1], indicator.dtype)

    @property
    def n_labels(self) -> int:
        """Number of labels."""
        return len(self.classes)

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network, one logit per label."""
        return self.n_labels

    def parse(self, y: ArrayLike) -> Numbers:
        """Return the indicator as float64."""
        indicator: Numbers = check_array(y, input_name="y", dtype=np.float64)
        is_binary = np.all((indicator == 0) | (indicator == 1))
        if indicator.shape[1] != self.n_outputs or not is_binary:
            raise ValueError(
                f"y must be a binary indicator of {self.n_outputs} labels, entries 0 or 1; got "
                f"shape {indicator.shape}. Pass the labels of the first fit."
            )
        return indicator

    def fit(self, rows: Floats) -> None:
        """Learn nothing: an indicator has no scale."""

    def encode(self, parsed: Floats) -> Outputs:
        """Return the indicator in float32."""
        return parsed.astype(np.float32)

    def decode(self, outputs: Outputs) -> Numbers:
        """Return the indicator of the labels whose probability is above 0.5."""
        return np.asarray(np.greater(self.scores(outputs), 0), dtype=self.dtype)

    def scores(self, outputs: Outputs) -> Numbers:
        """Return one logit per label; for several networks, that of their mean probability."""
        members = members_of(outputs, self.n_outputs).astype(np.float64)
        if len(members) == 1:
            return np.asarray(members[0])
        present, absent = (-np.logaddexp(0.0, z) for z in (-members, members))
        return np.asarray(logsumexp(present, axis=0) - logsumexp(absent, axis=0))

    def probabilities(self, outputs: Outputs) -> Numbers:
        """Return each label's probability (sigmoid of its logit), in float64."""
        return np.exp(self.log_probabilities(outputs))

    def log_probabilities(self, outputs: Outputs) -> Numbers:
        """Return the log of each label's probability."""
        return -np.logaddexp(0.0, -self.scores(outputs))


class NumberCodec:
    """Codec of one or several numbers per row, standardised for the loss and predicted as float64.

    Parameters
    ----------
    n_numbers : int
        Number of numbers per row.
    flat : bool
        Whether y is one-dimensional.
    scale : bool
        Whether numbers are standardised.
    distribution : PredictiveDistribution
        Meaning of the outputs.
    """

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
        distribution: PredictiveDistribution = _POINTS,
    ) -> None:
        self.n_numbers = n_numbers
        self.distribution = distribution
        self.flat = flat
        self.scale = scale
        self.n_targets = n_numbers
        self.mean = np.zeros(n_numbers)
        self.std = np.ones(n_numbers)

    @classmethod
    def learn(
        cls, y: ArrayLike, *, scale: bool = True, distribution: PredictiveDistribution = _POINTS
    ) -> NumberCodec:
        """Count the numbers of a row."""
        shape = np.shape(y)
        n_numbers = shape[1] if len(shape) == 2 else 1
        return cls(n_numbers, flat=len(shape) == 1, scale=scale, distribution=distribution)

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network."""
        return self.distribution.width * self.n_numbers

    def share_std(self, n_targets: int) -> None:
        """Scale every `n_targets`-th number alike: it is the same quantity at another time."""
        self.n_targets = n_targets

    def parse(self, y: ArrayLike) -> Floats:
        """Return y as float64 of shape (n_rows, n_numbers)."""
        numbers = _as_numbers(y)
        if numbers.reshape(len(numbers), -1).shape[1] != self.n_numbers:
            raise ValueError(
                f"y has shape {numbers.shape}, expected {self.n_numbers} numbers per row as in the "
                "first fit. Pass as many, or fit a new estimator."
            )
        return numbers.reshape(-1, self.n_numbers)

    def fit(self, rows: Floats) -> None:
        """Learn mean and standard deviation of the training rows."""
        if not self.scale:
            return
        self.mean = rows.mean(axis=0)
        variance = rows.var(axis=0).reshape(-1, self.n_targets).mean(axis=0)
        std = np.tile(np.sqrt(variance), self.n_numbers // self.n_targets)
        # the standard deviation of a constant target consists of rounding errors
        constant = std <= 1e-12 * np.maximum(1.0, np.abs(self.mean))
        self.std = np.where(constant, 1.0, std)

    def encode(self, parsed: Floats) -> Outputs:
        """Return the standardised numbers in float32."""
        return ((parsed - self.mean) / self.std).astype(np.float32)

    def decode(self, outputs: Outputs) -> Floats:
        """Return the centre of the predictive distribution of each row."""
        return self._in_units(self.distribution.centre(members_of(outputs, self.n_outputs)))

    def quantiles(self, outputs: Outputs, levels: tuple[float, ...] | None = None) -> Floats:
        """Return quantiles of shape (n_levels, n_rows[, n_numbers]), by default at fit's levels."""
        assert not isinstance(self.distribution, PointPrediction)
        members = members_of(outputs, self.n_outputs)
        return self._in_units(self.distribution.quantiles(members, levels))

    def stds(self, outputs: Outputs) -> Floats:
        """Return the standard deviations of the predictive distributions."""
        assert isinstance(self.distribution, DensityPrediction)
        stds = self.distribution.stds(members_of(outputs, self.n_outputs)) * self.std
        return np.asarray(stds[:, 0] if self.flat else stds)

    def _in_units(self, scaled: Floats) -> Floats:
        """Undo the standardisation of arrays of shape (..., n_numbers)."""
        numbers = scaled.astype(np.float64) * self.std + self.mean
        return np.asarray(numbers[..., 0] if self.flat else numbers)


def members_of(outputs: Outputs, n_outputs: int) -> Numbers:
    """Return the outputs of each network of an ensemble, (n_members, n_rows, n_outputs)."""
    return outputs.reshape(len(outputs), -1, n_outputs).swapaxes(0, 1)


def logits_of(outputs: Outputs, n_outputs: int) -> Numbers:
    """Return one logit per output; for several networks, the log of their mean probability."""
    members = members_of(outputs, n_outputs)
    return np.asarray(members[0]) if len(members) == 1 else joint_logits(members)


RowCodec = LabelCodec | IndicatorCodec | NumberCodec


def classification_codec(y: ArrayLike) -> LabelCodec | IndicatorCodec:
    """Choose between one label and several labels per row."""
    if len(np.shape(y)) == 1:  # checked before scikit-learn tries to sort None among labels
        y = as_labels(y)
    if type_of_target(y, input_name="y") == "multilabel-indicator":
        return IndicatorCodec.learn(y)
    shape = np.shape(y)
    if len(shape) > 2 or (len(shape) == 2 and shape[1] > 1):
        raise ValueError(
            f"y has shape {shape} and is not a binary indicator; one label per sequence is a 1d "
            "array. For one label per step, set target='steps'."
        )
    return LabelCodec.learn(y)


def as_labels(y: ArrayLike) -> Numbers:
    """Return y as a 1-D array of labels, after a check for missing and infinite ones."""
    labels: Numbers = column_or_1d(y, warn=True)
    if labels.dtype.kind in "iubUS":  # nothing can be missing among these
        return labels
    missing = np.array([is_missing(label) for label in labels.tolist()])
    if missing.any():
        i = int(np.argmax(missing))
        raise ValueError(
            f"y contains {labels[i]!r} at row {i} (NaN or None is not a label); drop unlabelled "
            "rows. Unlabelled steps are skipped with target='steps'."
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(
            "Input y contains infinity, which is not a label; pass text or integers as classes."
        )
    return labels


def is_missing(label: object) -> bool:
    """Check whether a label is None, NaN or the NA of pandas."""
    # pandas is optional: its NA is recognised by name
    if label is None or type(label).__name__ == "NAType":
        return True
    return isinstance(label, float | np.floating) and bool(np.isnan(label))


def _as_numbers(y: ArrayLike) -> Floats:
    """Check numbers as scikit-learn does: missing, infinite or complex ones are errors."""
    if len(np.shape(y)) > 2:
        raise ValueError(
            f"y has shape {np.shape(y)}; numbers of a sequence are (n,) or (n, k). For one target "
            "per step, set target='steps'."
        )
    numbers: Floats = check_array(y, input_name="y", ensure_2d=False, dtype=np.float64)
    if np.any(np.abs(numbers) > np.finfo(np.float32).max):
        raise ValueError(
            "Input y contains a value too large for dtype('float32'). Rescale y, or predict its "
            "logarithm."
        )
    return numbers
