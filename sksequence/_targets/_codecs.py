"""Codecs of one row of targets: labels, sets of labels, numbers.

A row is the target of one sequence or of one step. `parse` converts y to plain numbers without
learning a scale, `fit` learns from the training rows, and `decode` is the inverse of `encode`.
Outputs are (n_rows, n_networks * n_outputs).
"""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.special import logsumexp
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sksequence._losses import joint_logits, log_softmax
from sksequence._targets._predictive_distributions import (
    DensityPrediction,
    PointPrediction,
    PredictiveDistribution,
)
from sksequence._targets._target_values import as_classes, as_labels, as_numbers
from sksequence._targets._window_scale import WindowScale

Numbers = NDArray[Any]
Floats = NDArray[np.float64]
Outputs = NDArray[np.float32]

_POINTS = PointPrediction()
_TEXT = "UO"  # kinds of arrays of text; `as_labels` leaves no other objects
_LARGEST_WHOLE = 2.0**53


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
        _check_discrete(labels)
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
        if (labels.dtype.kind in _TEXT) != (self.classes.dtype.kind in _TEXT):
            labels = labels.astype(object)  # numpy would compare the digits of numbers with text
            codes, unseen = np.zeros(len(labels), dtype=np.int64), np.ones(len(labels), dtype=bool)
        else:
            codes = np.searchsorted(self.classes, labels)
            codes = np.minimum(codes, len(self.classes) - 1).astype(np.int64)
            unseen = self.classes[codes] != labels
        if np.any(unseen):
            raise ValueError(
                f"y contains the label {labels[unseen].tolist()[0]!r}, which is not among the "
                f"classes {self.classes.tolist()}; pass all classes to the first call of "
                "partial_fit, or train a new network with fit and warm_start=False."
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
        return log_softmax(self._logits(outputs))


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
        indicator = as_classes(y)
        is_one_hot = indicator.shape[1] > 1 and bool((indicator.sum(axis=1) == 1).all())
        if is_one_hot and len(indicator) > indicator.shape[1]:
            warnings.warn(
                f"Each row of y has exactly one label. It is read as an indicator of "
                f"{indicator.shape[1]} labels, any number of which can be predicted together. If "
                "it is the one-hot code of classes that exclude each other, pass the classes: "
                "numpy.argmax(y, axis=1).",
                UserWarning,
                stacklevel=2,
            )
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
        indicator: Numbers = check_array(as_classes(y), input_name="y", dtype=np.float64)
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
        "poisson",
        "negative_binomial",
        "gamma",
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
        self.window_scale: WindowScale | None = None
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

    @property
    def has_log_link(self) -> bool:
        """Whether numbers are counts or positive numbers, which are not standardised."""
        return isinstance(self.distribution, DensityPrediction) and self.distribution.has_log_link

    def follow_windows(self, n_targets: int) -> None:
        """Scale numbers by the moments of their windows, which `fit` and `encode` find after them.

        The moments are those of `WindowScale`.
        """
        self.window_scale = WindowScale(n_targets)

    def parse(self, y: ArrayLike) -> Floats:
        """Return y as float64 of shape (n_rows, n_numbers), NaN where a number is missing."""
        numbers = as_numbers(y)
        if numbers.reshape(len(numbers), -1).shape[1] != self.n_numbers:
            raise ValueError(
                f"y has shape {numbers.shape}, expected {self.n_numbers} numbers per row as in the "
                "first fit. Pass as many, or fit a new estimator."
            )
        return numbers.reshape(-1, self.n_numbers)

    def fit(self, rows: Floats) -> None:
        """Learn mean and standard deviation of the training rows."""
        empty = np.flatnonzero(np.isnan(rows).all(axis=0))
        if len(empty):
            raise ValueError(
                f"y[:, {empty[0]}] is missing in every row to train on, so that there is nothing "
                "to learn. Drop the column, or pass rows that have it."
            )
        if isinstance(self.distribution, DensityPrediction) and self.has_log_link:
            self.distribution = self.distribution.relative_to(rows, scale=self.scale)
            return
        if not self.scale:
            return
        if self.window_scale is not None:
            rows = self.window_scale.fit(rows).typical_differences(rows)
        self.mean = np.nanmean(rows, axis=0)
        variance = np.nanvar(rows, axis=0).reshape(-1, self.n_targets).mean(axis=0)
        std = np.tile(np.sqrt(variance), self.n_numbers // self.n_targets)
        # the standard deviation of a constant target consists of rounding errors
        constant = std <= 1e-12 * np.maximum(1.0, np.abs(self.mean))
        self.std = np.where(constant, 1.0, std)

    def encode(self, parsed: Floats) -> Outputs:
        """Return the standardised numbers in float32, and a valid one in place of missing ones."""
        if self.window_scale is not None:
            parsed = self.window_scale.relative(parsed)
        numbers = ((parsed - self.mean) / self.std).astype(np.float32)
        missing = np.isnan(numbers)
        placeholder = np.float32(1 if self.has_log_link else 0)
        return np.where(missing, placeholder, numbers) if missing.any() else numbers

    def centre_output(self, number: int) -> int:
        """Return the column of the outputs with the centre of a number."""
        return int(self.distribution.centre_block * self.n_numbers + number)

    def decode(self, outputs: Outputs) -> Floats:
        """Return the centre of the predictive distribution of each row."""
        return self._in_units(self.distribution.centre(members_of(outputs, self.n_outputs)))

    def quantiles(self, outputs: Outputs, levels: tuple[float, ...] | None = None) -> Floats:
        """Return quantiles of shape (n_levels, n_rows[, n_numbers]), by default at fit's levels."""
        assert not isinstance(self.distribution, PointPrediction)
        members = members_of(outputs, self.n_outputs)
        return self._in_units(self.distribution.quantiles(members, levels))

    def spread(self, moments: Floats) -> Floats:
        """Return the unit of the numbers that continue windows with these moments.

        It is of the shape of the numbers.
        """
        assert self.window_scale is not None
        stds, sizes = np.split(moments, 2, axis=1)
        spread = self.window_scale.of_numbers(stds, sizes, self.n_numbers)
        return np.asarray(spread[:, 0] if self.flat else spread)

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
    classes = as_classes(y)
    if classes.ndim == 1:
        return LabelCodec.learn(classes)
    is_numeric = classes.dtype.kind in "fiub"
    with np.errstate(invalid="ignore"):  # a number may be too large for an integer
        kind = type_of_target(classes, input_name="y") if is_numeric else ""
    if kind == "multilabel-indicator":
        return IndicatorCodec.learn(classes)
    raise ValueError(
        f"y has shape {classes.shape} and is not a binary indicator; one label per sequence is a "
        "1d array. For one label per step, set target='steps'."
    )


def _check_discrete(labels: NDArray[Any]) -> None:
    """Refuse numbers with a fraction, and those too large to tell whether they have one."""
    if labels.dtype.kind != "f":
        return
    numbers = labels.astype(np.float64)  # float16 does not reach the limit
    is_whole = (numbers == np.floor(numbers)) & (np.abs(numbers) <= _LARGEST_WHOLE)
    if not is_whole.all():
        raise ValueError(
            f"Unknown label type: continuous. {labels[~is_whole].tolist()[0]} is not a label: "
            "labels are text, whole numbers or booleans. Use a regressor for numbers, or convert "
            "them to text."
        )
