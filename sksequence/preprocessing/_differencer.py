"""Changes of sequences from step to step, and values restored from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sksequence._settings import check_count
from sksequence._tables import Table
from sksequence.preprocessing._layout import Layout, Values, flatten_steps, n_features
from sksequence.preprocessing._step_transformer import StepTransformer
from sksequence.preprocessing._whole_sequences import (
    Floats,
    Unchanged,
    bounds,
    numbers,
    with_gaps,
)

_METHODS = ("difference", "relative", "log")


class Differencer(StepTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Replace the values of sequences by their changes, such as the returns of prices.

    Sequences keep their number of steps.

    Parameters
    ----------
    method : {"difference", "relative", "log"}, default="difference"
        The change of a value x from an earlier value p: "difference" is x - p, "relative" is
        x / p - 1 (simple returns), and "log" is log(x / p) (log-returns), for positive values.
    lag : int, default=1
        Number of steps from the earlier value to the later one, such as the length of a season.
    keep_first : bool, default=False
        The result for the first `lag` steps, which have no earlier value. False sets them to 0, no
        change. True takes the earlier value for 0, or for 1 if `method` is not "difference", so
        that the values are preserved and `inverse_transform` restores all sequences.

    Attributes
    ----------
    n_features_in_ : int
        Number of features per step; of a table, the number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the features. Defined only when X has names that are all strings.

    See Also
    --------
    StepTransformer : Apply a transformer of scikit-learn, such as PowerTransformer (Box-Cox), to
        the steps of all sequences.

    Notes
    -----
    The estimators take differences by themselves with the parameter ``residual``, and restore the
    values in their forecasts.

    The change from or to a missing value is missing. Restored values are equal to the original ones
    up to rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence.preprocessing import Differencer
    >>> prices = [np.array([10.0, 11.0, 9.9]), np.array([200.0, 100.0])]
    >>> differencer = Differencer("relative").fit(prices)
    >>> differencer.transform(prices)
    [array([ 0. ,  0.1, -0.1]), array([ 0. , -0.5])]

    Changes of the next two steps, and the prices that follow from them:

    >>> following = [np.array([0.0, 1.0]), np.array([0.1, 0.1])]
    >>> differencer.inverse_transform(following, after=prices)
    [array([ 9.9, 19.8]), array([110., 121.])]
    """

    __sksequence_steps__ = None  # type: ignore[assignment]  # a step depends on others

    def __init__(
        self, method: str = "difference", *, lag: int = 1, keep_first: bool = False
    ) -> None:
        self.method = method
        self.lag = lag
        self.keep_first = keep_first

    def _template(self) -> Any:
        if self.method not in _METHODS:
            raise ValueError(f"method must be one of {list(_METHODS)}; got {self.method!r}.")
        check_count("lag", self.lag)
        return Unchanged(feature_names_out="one-to-one")

    def _learn(self, steps: Values | Table, layout: Layout) -> None:
        self._checked(steps, layout)

    def _transform_steps(
        self, steps: Values | Table, layout: Layout, metadata: Mapping[str, object]
    ) -> Any:
        levels = self._levels_of(self._checked(steps, layout))
        changes = levels.copy()
        lag = int(self.lag)
        for start, stop in bounds(layout):
            x = levels[start:stop]
            changes[start + lag : stop] = self._changes(x[:-lag], x[lag:])
            if not self.keep_first:
                changes[start : min(start + lag, stop)] = 0.0
            elif self.method == "relative":
                changes[start : min(start + lag, stop)] -= 1.0
        return changes

    def inverse_transform(self, X: object, *, after: object = None) -> Any:
        """Return the values that result from changes.

        Parameters
        ----------
        X : container of sequences
            Changes, as returned by `transform`, or predicted changes.
        after : container of sequences, default=None
            Sequences of values that come before the first step of each sequence of X, at least
            `lag` steps each. None takes the values before for 0, or for 1 if `method` is not
            "difference": with ``keep_first=True`` this restores whole sequences, and otherwise it
            returns the cumulative changes.

        Returns
        -------
        X_original : container of the same type as X
            Values of the steps of X.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the transformer is not fitted.
        ValueError
            If X or `after` does not contain sequences of the features seen in `fit`, if they are
            not as many, or if values are missing.
        """
        check_is_fitted(self, "transformer_")
        steps, layout = flatten_steps(X, self._step_names_out())
        self._check_features(n_features(steps), X)
        changes = numbers(steps, layout)
        _check_present(changes, layout)
        lasts = self._last_values(after, layout, changes.shape[1])
        values = np.empty_like(changes)
        for (start, stop), last in zip(bounds(layout), lasts, strict=True):
            values[start:stop] = self._cumulated(changes[start:stop], last)
        layout = replace(layout, scalar_steps=self._scalar_steps)
        return layout.restack(values, self._names_in)

    def __sklearn_tags__(self) -> Tags:
        return with_gaps(super().__sklearn_tags__())

    def _last_values(self, after: object, layout: Layout, width: int) -> list[Floats]:
        """Return the last `lag` values before each sequence, of shape (lag, n_features)."""
        n_sequences, lag = len(layout.offsets) - 1, int(self.lag)
        if after is None:
            neutral = 0.0 if self.method == "difference" else 1.0
            return [np.full((lag, width), neutral)] * n_sequences
        steps, before = flatten_steps(after, self._names_in)
        values = self._checked(steps, before)
        lengths = np.diff(before.offsets)
        if len(lengths) != n_sequences or values.shape[1] != width or (lengths < lag).any():
            raise ValueError(
                f"after must hold {n_sequences} sequences, one for each of X, of at least {lag} "
                f"steps with {width} features; got {len(lengths)} of {lengths.min()} to "
                f"{lengths.max()} steps with {values.shape[1]} features."
            )
        lasts = [values[stop - lag : stop] for _, stop in bounds(before)]
        missing = next((i for i, last in enumerate(lasts) if np.isnan(last).any()), None)
        if missing is not None:
            raise ValueError(
                f"after has missing values among the last {lag} steps of sequence {missing}, from "
                "which values continue. Fill them before, for example with FillGaps."
            )
        return lasts

    def _levels_of(self, values: Floats) -> Floats:
        return np.log(values) if self.method == "log" else values

    def _changes(self, earlier: Floats, later: Floats) -> Floats:
        return later / earlier - 1.0 if self.method == "relative" else later - earlier

    def _cumulated(self, changes: Floats, last: Floats) -> Floats:
        """Return the values of one sequence, each from the one `lag` steps before."""
        values = np.empty_like(changes)
        for phase, level in enumerate(self._levels_of(last)):
            own = changes[phase :: len(last)]
            if self.method == "relative":
                values[phase :: len(last)] = level * np.cumprod(1.0 + own, axis=0)
            else:
                values[phase :: len(last)] = level + np.cumsum(own, axis=0)
        return np.exp(values) if self.method == "log" else values

    def _checked(self, steps: Values | Table, layout: Layout) -> Floats:
        """Return a table of steps as numbers that have changes."""
        values = numbers(steps, layout)
        is_log = self.method == "log"
        if self.method != "difference" and (values <= 0 if is_log else values == 0).any():
            place = layout.first_place(values, _is_not_positive if is_log else _is_zero)
            raise ValueError(
                f"method={self.method!r} divides by values, so that they must "
                f"{'be positive' if is_log else 'not be 0'}. {place} Use method='difference'."
            )
        return values


def _is_not_positive(value: Any) -> bool:
    return bool(value <= 0)


def _is_zero(value: Any) -> bool:
    return bool(value == 0)


def _is_nan(value: Any) -> bool:
    return bool(value != value)


def _check_present(values: Floats, layout: Layout) -> None:
    if np.isnan(values).any():
        raise ValueError(
            "A change is missing, and all values after it depend on it. "
            f"{layout.first_place(values, _is_nan)} Fill gaps before, for example with FillGaps."
        )
