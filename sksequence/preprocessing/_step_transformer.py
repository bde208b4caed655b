"""Any transformer of scikit-learn, applied at every time step.

Knows nothing of networks. Shapes: see `_layout`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sksequence.preprocessing._layout import Layout, flatten


def _inner_has(name: str) -> Callable[[Any], bool]:
    def check(self: Any) -> bool:
        getattr(getattr(self, "transformer_", self.transformer), name)
        return True

    return check


class StepTransformer(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Apply a transformer at every time step of sequences.

    The steps of all sequences are put into one table (sum of n_steps, n_features), the transformer
    works on that, and the result is cut into sequences again. A scaler then has one mean per
    feature, whatever the lengths.

    Parameters
    ----------
    transformer : transformer object
        Any scikit-learn transformer of tables: a scaler, a PCA, an imputer, a Pipeline of them. It
        must return one row per row.

    Attributes
    ----------
    transformer_ : transformer object
        The fitted clone of `transformer`.
    n_features_in_ : int
        Features per step; for a table (n_sequences, n_steps), whose columns are steps, its number
        of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, if a DataFrame was seen in `fit`.

    Raises
    ------
    TypeError
        If `transformer` has no `fit` and `transform`.
    ValueError
        If X does not hold sequences with the features seen in `fit`.

    See Also
    --------
    sksequence.preprocessing.make_windows : Cut series into X and y.

    Notes
    -----
    X comes back in the kind of container that it came in: a 3-D array, a list, a tuple, an object
    array or `Sequences`. Where a step is one number (a 2-D array, 1-D arrays in a list), it stays
    one number if the transformer returns one feature, and gets an axis of features if it returns
    more.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sksequence.preprocessing import StepTransformer
    >>> X = [np.array([[0.0, 5.0], [2.0, 7.0]]), np.array([[4.0, 9.0]])]
    >>> scaler = StepTransformer(StandardScaler(with_std=False)).fit(X)
    >>> scaler.transform(X)
    [array([[-2., -2.],
           [ 0.,  0.]]), array([[2., 2.]])]
    >>> scaler.transformer_.mean_
    array([2., 7.])
    """

    _kind: str
    _numbers: bool
    _n_step_features: int

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the transformer to the steps of all sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or \
list of arrays of shape (n_steps, n_features) or (n_steps,)
            The sequences.
        y : object, default=None
            Ignored, present by convention.

        Returns
        -------
        self : StepTransformer
            The fitted transformer.
        """
        if not all(hasattr(self.transformer, name) for name in ("fit", "transform")):
            raise TypeError(
                f"transformer={self.transformer!r} has no fit and transform; pass a scikit-learn "
                "transformer such as StandardScaler()."
            )
        steps = self._fit_steps(X)
        self.transformer_ = clone(self.transformer).fit(steps)
        return self

    def transform(self, X: Any) -> Any:
        """Transform every step.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or \
list of arrays of shape (n_steps, n_features) or (n_steps,)
            The sequences.

        Returns
        -------
        X_transformed : container of the kind of X
            The sequences, of the same lengths, with the features that the transformer returns.
        """
        check_is_fitted(self, "transformer_")
        steps, layout = self._steps(X)
        return layout.restack(_dense(self.transformer_.transform(steps)))

    @available_if(_inner_has("inverse_transform"))
    def inverse_transform(self, X: Any) -> Any:
        """Undo the transformation at every step.

        Parameters
        ----------
        X : container of sequences
            What `transform` returned, or sequences like it.

        Returns
        -------
        X_original : container of the kind of X
            The sequences with the features seen in `fit`.
        """
        check_is_fitted(self, "transformer_")
        steps, layout = flatten(X)
        original = _dense(self.transformer_.inverse_transform(steps))
        return replace(layout, numbers=self._numbers).restack(original)

    @available_if(_inner_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Return the names of the features that a step has after the transformation.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the features of X; None takes `feature_names_in_`, or else x0, x1, ...

        Returns
        -------
        feature_names_out : ndarray of str of shape (n_features_out,)
            The transformer's names. For a table whose steps stay one number: the names of its
            columns, which are steps.
        """
        check_is_fitted(self, "transformer_")
        if self._kind != "table":
            names = self.transformer_.get_feature_names_out(input_features)
        else:
            names = self.transformer_.get_feature_names_out()
            if len(names) == 1:
                names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        return np.asarray(names, dtype=object)

    def _fit_steps(self, X: Any) -> NDArray[Any]:
        """Return the checked steps of X, and remember what X is like."""
        X = _array_if_rectangular(X)
        table = getattr(X, "ndim", 0) == 2
        if table:
            X = validate_data(self, X, **self._checks())
        steps, layout = flatten(X)
        if not table:
            steps = validate_data(self, steps, **self._checks())
        self._kind = "table" if table else layout.kind
        self._numbers = layout.numbers
        self._n_step_features = steps.shape[1]
        return steps

    def _steps(self, X: Any) -> tuple[NDArray[Any], Layout]:
        """Return the checked steps of X, which must be like those seen in `fit`."""
        if self._kind in ("table", "array"):
            X = _array_if_rectangular(X)
        if self._kind == "table" and getattr(X, "ndim", 0) == 2:
            X = validate_data(self, X, reset=False, **self._checks())
        steps, layout = flatten(X)
        self._check_features(steps.shape[1], X)
        return check_array(steps, **self._checks()), layout

    def _checks(self) -> dict[str, Any]:
        """Let the transformer decide whether NaN and symbols are welcome."""
        tags = get_tags(self.transformer).input_tags
        return {
            "dtype": None if tags.string or tags.categorical else "numeric",
            "ensure_all_finite": "allow-nan" if tags.allow_nan else True,
        }

    def _check_features(self, n_features: int, X: Any) -> None:
        if n_features == self._n_step_features:
            return
        swapped = getattr(X, "ndim", 0) == 3 and X.shape[1] == self._n_step_features
        advice = (
            "its axes look swapped: use from_channels_first(X)"
            if swapped
            else "give the steps the same features in the same order"
        )
        raise ValueError(
            f"X has {n_features} features per step, but StepTransformer was fitted with "
            f"{self._n_step_features}; {advice}."
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.transformer)
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.string = inner.input_tags.string
        tags.input_tags.categorical = inner.input_tags.categorical
        if inner.transformer_tags is not None:
            tags.transformer_tags = inner.transformer_tags
        return tags


def _array_if_rectangular(X: Any) -> Any:
    """Return nested lists of equal lengths as an array, as scikit-learn reads them."""
    if not isinstance(X, list | tuple):
        return X if hasattr(X, "ndim") else np.asarray(X)
    if len(X) == 0 or not isinstance(X[0], list | tuple):
        return X
    try:
        return np.asarray(X)
    except ValueError:  # of different lengths
        return X


def _dense(table: Any) -> NDArray[Any]:
    """Return what a transformer gave (sparse, a DataFrame) as an array."""
    return np.asarray(table.toarray() if hasattr(table, "toarray") else table)
