"""Transformers that look at each sequence as a whole: gaps filled, sequences standardised.

They use the containers and names of `StepTransformer`, with steps that stay as they are in number
and order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Tags

from sksequence._tables import Table
from sksequence.preprocessing._layout import Layout, Values
from sksequence.preprocessing._step_transformer import StepTransformer

Floats = NDArray[np.float64]

_METHODS = ("linear", "forward")


class FillGaps(StepTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Fill missing values of sequences from the other steps of the same sequence.

    Parameters
    ----------
    method : {"linear", "forward"}, default="linear"
        How a gap is filled: "linear" interpolates between the last known value before it and the
        first one after it, and "forward" repeats the last known value, so that no step after the
        gap is read. Before the first known value, the first one is repeated, and after the last
        one, the last.
    add_indicator : bool, default=False
        Whether to add a feature per feature that is 1 where a value was missing, and 0 elsewhere.

    Attributes
    ----------
    fill_value_ : ndarray of shape (n_features,)
        Mean of the known values of each feature in `fit`, for sequences without any; 0 for a
        feature that was never known.
    n_features_in_ : int
        Number of features per step; of a table, the number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the features. Defined only when X has names that are all strings.

    See Also
    --------
    StepTransformer : Apply an imputer of scikit-learn to the steps of all sequences.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import FillGaps
    >>> X = [np.array([1.0, np.nan, 3.0]), np.array([np.nan, 5.0])]
    >>> FillGaps().fit_transform(X)
    [array([1., 2., 3.]), array([5., 5.])]
    >>> FillGaps("forward", add_indicator=True).fit_transform(X)[0]
    array([[1., 0.],
           [1., 1.],
           [3., 0.]])
    """

    __sksequence_steps__ = None  # type: ignore[assignment]  # a step depends on others

    def __init__(self, method: str = "linear", *, add_indicator: bool = False) -> None:
        self.method = method
        self.add_indicator = add_indicator

    def _template(self) -> Any:
        if self.method not in _METHODS:
            raise ValueError(f"method must be one of {list(_METHODS)}; got {self.method!r}.")
        kind = UnchangedWithIndicators if self.add_indicator else Unchanged
        return kind(feature_names_out="one-to-one")

    def _learn(self, steps: Values | Table, layout: Layout) -> None:
        values = numbers(steps, layout)
        known = ~np.isnan(values)
        totals = np.where(known, values, 0.0).sum(axis=0)
        self.fill_value_ = totals / np.maximum(known.sum(axis=0), 1)

    def _transform_steps(
        self, steps: Values | Table, layout: Layout, metadata: Mapping[str, object]
    ) -> Any:
        values = numbers(steps, layout)
        missing = np.isnan(values)
        filled = values.copy()
        for start, stop in bounds(layout):
            for j in np.flatnonzero(missing[start:stop].any(axis=0)):
                filled[start:stop, j] = self._filled(values[start:stop, j], self.fill_value_[j])
        return np.hstack([filled, missing]) if self.add_indicator else filled

    def __sklearn_tags__(self) -> Tags:
        return with_gaps(super().__sklearn_tags__())

    def _filled(self, x: Floats, otherwise: float) -> Floats:
        """Return one feature of one sequence without gaps."""
        known = np.flatnonzero(~np.isnan(x))
        if len(known) == 0:
            return np.full(len(x), otherwise)
        if self.method == "linear":
            return np.interp(np.arange(len(x)), known, x[known])
        last = np.maximum(np.searchsorted(known, np.arange(len(x)), side="right") - 1, 0)
        return np.asarray(x[known[last]])


class SequenceScaler(StepTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Standardise each feature of each sequence by its own mean and standard deviation.

    This removes differences of level and size between sequences, such as those of sensors or of
    persons. Missing values are left out and stay missing. A constant feature is centred only.

    Parameters
    ----------
    with_mean : bool, default=True
        Whether to subtract the mean.
    with_std : bool, default=True
        Whether to divide by the standard deviation.

    Attributes
    ----------
    n_features_in_ : int
        Number of features per step; of a table, the number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the features. Defined only when X has names that are all strings.

    See Also
    --------
    StepTransformer : Apply a scaler of scikit-learn to the steps of all sequences.

    Notes
    -----
    The estimators scale by themselves: ``scale="sequence"`` does the same, and lets the network
    read the size of each sequence as a feature.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import SequenceScaler
    >>> SequenceScaler().fit_transform([np.array([1.0, 3.0]), np.array([50.0, 70.0])])
    [array([-1.,  1.]), array([-1.,  1.])]
    """

    __sksequence_steps__ = None  # type: ignore[assignment]  # a step depends on others

    def __init__(self, *, with_mean: bool = True, with_std: bool = True) -> None:
        self.with_mean = with_mean
        self.with_std = with_std

    def _template(self) -> Any:
        return Unchanged(feature_names_out="one-to-one")

    def _learn(self, steps: Values | Table, layout: Layout) -> None:
        numbers(steps, layout)  # raises an error for what is no number

    def _transform_steps(
        self, steps: Values | Table, layout: Layout, metadata: Mapping[str, object]
    ) -> Any:
        values = numbers(steps, layout)
        scaled = values.copy()
        for start, stop in bounds(layout):
            scaled[start:stop] = self._scaled(values[start:stop])
        return scaled

    def __sklearn_tags__(self) -> Tags:
        return with_gaps(super().__sklearn_tags__())

    def _scaled(self, x: Floats) -> Floats:
        """Scale one sequence (n_steps, n_features)."""
        known = ~np.isnan(x)
        counts = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, x, 0.0).sum(axis=0) / counts
        centred = x - mean
        std = np.sqrt(np.square(np.where(known, centred, 0.0)).sum(axis=0) / counts)
        # the standard deviation of a constant feature consists of rounding errors
        is_constant = std <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
        scale = np.where(is_constant | (not self.with_std), 1.0, std)
        return (centred if self.with_mean else x) / scale


class Unchanged(FunctionTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Transformer that knows names only: sequences cannot be restored."""

    @property
    def inverse_transform(self) -> Any:
        """Not available."""
        raise AttributeError("What was removed from a sequence is not kept.")

    @property
    def fit_transform(self) -> Any:
        """Not available: sequences are transformed as a whole."""
        raise AttributeError("Sequences are transformed as a whole.")


class UnchangedWithIndicators(Unchanged, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """The same, with a further name per feature, like those of scikit-learn's imputers."""

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Return the names of features and of their indicators."""
        names = super().get_feature_names_out(input_features)
        added = [f"missingindicator_{name}" for name in names]
        return np.asarray([*names, *added], dtype=object)


def with_gaps(tags: Tags) -> Tags:
    """Return tags of a transformer of numbers that may be missing."""
    tags.input_tags.allow_nan, tags.no_validation = True, False
    return tags


def numbers(steps: Any, layout: Layout) -> Floats:
    """Return a table of steps as finite or missing numbers."""
    given = np.asarray(steps)
    try:
        if given.dtype.kind in "mM":
            raise TypeError(f"{given.dtype} is no type of numbers")
        values = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"X must hold numbers only: {error}. {layout.first_place(steps, _is_no_number)} Leave "
            "such features out."
        ) from None
    if np.isinf(values).any():
        place = layout.first_place(values, _is_infinite)
        raise ValueError(
            f"X contains infinity. {place} Replace it by a finite number, or by NaN if the value "
            "is missing."
        )
    return values.reshape(len(values), -1)


def _is_no_number(value: object) -> bool:
    return not isinstance(value, Real | None)


def _is_infinite(value: object) -> bool:
    return isinstance(value, float) and math.isinf(value)


def bounds(layout: Layout) -> Iterator[tuple[int, int]]:
    """Yield first step and end of each sequence."""
    return pairwise(layout.offsets.tolist())
