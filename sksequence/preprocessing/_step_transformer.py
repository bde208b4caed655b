"""Transformers of scikit-learn, applied at every time step.

Tables of steps have shape (sum of n_steps, n_features).
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

from sksequence.preprocessing._layout import Layout, Values, flatten


def _transformer_has(name: str) -> Callable[[StepTransformer], bool]:
    def check(self: StepTransformer) -> bool:
        getattr(getattr(self, "transformer_", self.transformer), name)
        return True

    return check


class StepTransformer(  # type: ignore[call-arg]
    TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Apply a transformer at every time step of sequences.

    The steps of all sequences are stacked into one table of shape (sum of n_steps, n_features). The
    transformer is applied to this table, and the result is split into sequences again. A scaler
    thus learns one mean per feature, for sequences of any lengths.

    Parameters
    ----------
    transformer : transformer object
        Any scikit-learn transformer of tables that returns one row per row, for example a scaler, a
        PCA, an imputer or a pipeline of them.

    Attributes
    ----------
    transformer_ : transformer object
        The fitted clone of `transformer`.
    n_features_in_ : int
        Number of features per step. For a table of shape (n_sequences, n_steps), whose columns are
        steps, the number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns seen in `fit`. Defined only when X is a DataFrame whose column names
        are all strings.

    See Also
    --------
    make_windows : Cut series into windows and the steps that follow each of them.

    Notes
    -----
    The result is in the same type of container as X: an array, a list, a tuple, an object array or
    `Sequences`. Where a step is one number (a 2-D array, or 1-D arrays in a list), it remains one
    number if the transformer returns one feature, and gets an axis of features if it returns more.

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

    _container: str
    _scalar_steps: bool
    _n_step_features: int

    def __init__(self, transformer: BaseEstimator) -> None:
        self.transformer = transformer

    def fit(self, X: object, y: object = None) -> Self:
        """Fit the transformer to the steps of all sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or \
list of arrays of shape (n_steps, n_features) or (n_steps,)
            The sequences.
        y : object, default=None
            Ignored, present for API consistency by convention.

        Returns
        -------
        self : StepTransformer
            The fitted transformer.

        Raises
        ------
        TypeError
            If `transformer` has no `fit` and `transform`.
        ValueError
            If X does not contain sequences of the same features, or contains values that the
            transformer does not accept.
        """
        if not all(hasattr(self.transformer, name) for name in ("fit", "transform")):
            raise TypeError(
                f"transformer={self.transformer!r} has no fit and transform; pass a scikit-learn "
                "transformer such as StandardScaler()."
            )
        steps = self._fit_steps(X)
        self.transformer_ = clone(self.transformer).fit(steps)
        return self

    def transform(self, X: object) -> Any:
        """Apply the transformer to the steps of all sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or \
list of arrays of shape (n_steps, n_features) or (n_steps,)
            The sequences.

        Returns
        -------
        X_transformed : container of the same type as X
            Sequences of the same lengths, with the features that the transformer returns.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the transformer is not fitted.
        ValueError
            If X does not contain sequences of the features seen in `fit`, or contains values that
            the transformer does not accept.
        """
        check_is_fitted(self, "transformer_")
        steps, layout = self._steps(X)
        return layout.restack(_dense(self.transformer_.transform(steps)))

    @available_if(_transformer_has("inverse_transform"))
    def inverse_transform(self, X: object) -> Any:
        """Apply the inverse transformation to the steps of all sequences.

        Available only if `transformer` has an `inverse_transform`.

        Parameters
        ----------
        X : container of sequences
            Transformed sequences, as returned by `transform`.

        Returns
        -------
        X_original : container of the same type as X
            Sequences of the same lengths, with the features seen in `fit`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the transformer is not fitted.
        ValueError
            If X does not contain sequences of the same features.
        """
        check_is_fitted(self, "transformer_")
        steps, layout = flatten(X)
        original = _dense(self.transformer_.inverse_transform(steps))
        return replace(layout, scalar_steps=self._scalar_steps).restack(original)

    @available_if(_transformer_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Return the names of the features of a transformed step.

        Available only if `transformer` has a `get_feature_names_out`.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the features of X. None uses `feature_names_in_` if it is defined, and x0, x1,
            ... otherwise.

        Returns
        -------
        feature_names_out : ndarray of str objects of shape (n_features_out,)
            The names that the transformer returns. For a table whose steps remain one number, the
            names of its columns, which are steps.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the transformer is not fitted.
        """
        check_is_fitted(self, "transformer_")
        if self._container != "table":
            names = self.transformer_.get_feature_names_out(input_features)
        else:
            names = self.transformer_.get_feature_names_out()
            if len(names) == 1:
                names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        return np.asarray(names, dtype=object)

    def _fit_steps(self, X: object) -> Values:
        """Check X, store its layout and return its table of steps."""
        X = _array_if_rectangular(X)
        table = getattr(X, "ndim", 0) == 2
        if table:
            X = validate_data(self, X, **self._checks())
        steps, layout = flatten(X)
        if not table:
            steps = validate_data(self, steps, **self._checks())
        self._container = "table" if table else layout.container
        self._scalar_steps = layout.scalar_steps
        self._n_step_features = steps.shape[1]
        return steps

    def _steps(self, X: object) -> tuple[Values, Layout]:
        """Check X against the layout seen in `fit`, and return its table of steps and layout."""
        if self._container in ("table", "array"):
            X = _array_if_rectangular(X)
        if self._container == "table" and getattr(X, "ndim", 0) == 2:
            X = validate_data(self, X, reset=False, **self._checks())
        steps, layout = flatten(X)
        self._check_features(steps.shape[1], X)
        return check_array(steps, **self._checks()), layout

    def _checks(self) -> dict[str, object]:
        """Return options for scikit-learn's checks that follow the tags of the transformer."""
        tags = get_tags(self.transformer).input_tags
        return {
            "dtype": None if tags.string or tags.categorical else "numeric",
            "ensure_all_finite": "allow-nan" if tags.allow_nan else True,
        }

    def _check_features(self, n_features: int, X: object) -> None:
        if n_features == self._n_step_features:
            return
        shape: tuple[int, ...] = getattr(X, "shape", ())
        swapped = len(shape) == 3 and shape[1] == self._n_step_features
        advice = (
            "its axes look swapped, use from_channels_first(X)"
            if swapped
            else "pass the same features in the same order"
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


def _array_if_rectangular(X: object) -> Any:
    """Convert nested lists of equal lengths to an array, as scikit-learn does."""
    if not isinstance(X, list | tuple):
        return X if hasattr(X, "ndim") else np.asarray(X)
    if len(X) == 0 or not isinstance(X[0], list | tuple):
        return X
    try:
        return np.asarray(X)
    except ValueError:  # the lengths differ
        return X


def _dense(table: object) -> Values:
    """Convert the output of a transformer, which may be sparse or a DataFrame, to an array."""
    return np.asarray(table.toarray() if hasattr(table, "toarray") else table)
