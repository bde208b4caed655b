"""Transformers of scikit-learn, applied at every time step.

Tables of steps have shape (sum of n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from sksequence._elements import as_floats
from sksequence._input import without_foreign
from sksequence._tables import Table, check_rows_are_sequences, holds_sequences, is_table
from sksequence.preprocessing._layout import (
    Layout,
    Names,
    Values,
    array_if_rectangular,
    flatten_steps,
    flatten_stream_steps,
    n_features,
)
from sksequence.preprocessing._step_errors import ABOUT_TARGETS, apply, missing_target

Output = Literal["default", "pandas", "polars"]

_UNCHECKED = {"dtype": None, "ensure_all_finite": False}  # values are left to the transformer
_OUTPUTS = ("default", "pandas", "polars")


def _transformer_has(name: str) -> Callable[[StepTransformer], bool]:
    def check(self: StepTransformer) -> bool:
        getattr(getattr(self, "transformer_", self._template()), name)
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
    transformer : transformer object or "passthrough"
        Any scikit-learn transformer of tables that returns one row per row, for example a scaler, a
        PCA, an imputer, an encoder, a ``ColumnTransformer`` or a pipeline of them. "passthrough"
        returns the sequences as they are.

    Attributes
    ----------
    transformer_ : transformer object
        The fitted clone of `transformer`.
    n_features_in_ : int
        Number of features per step. For a table of shape (n_sequences, n_steps), whose columns are
        steps, the number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the features seen in `fit`. Defined only when X has names that are all strings: a
        list of DataFrames, `Sequences` with names, or one DataFrame, whose columns are steps.

    See Also
    --------
    make_windows : Cut series into windows and the steps that follow each of them.

    Notes
    -----
    **Names.** DataFrames (pandas, polars, Arrow) in a list, and `Sequences` with a table or with
    `feature_names`, are passed to the transformer as one DataFrame, so that a ``ColumnTransformer``
    selects columns by name. Columns are matched by name: in every sequence, and again in
    `transform`. Everything else is passed as one array.

    **Containers.** The result is in the same type of container as X: an array, a list, a tuple, an
    object array or `Sequences`. Each sequence is what the transformer returns: an array by default,
    a DataFrame after ``set_output(transform="pandas")`` or ``"polars"`` (also if it was called on
    `transformer`, or with ``sklearn.set_config(transform_output=...)``). `Sequences` with names are
    returned with the names of `get_feature_names_out`. A table whose cells are sequences, one
    column per feature, becomes an object array of such cells, or a DataFrame. An array of shape
    (n_sequences, n_steps, n_features) becomes a list of DataFrames. Series of pandas in a list
    remain Series with their names and dates after ``set_output(transform="pandas")``. Sparse
    results become dense.

    **Scalar steps.** Where a step is one number (a 2-D array, or 1-D arrays in a list), it remains
    one number if the transformer returns one feature, and gets an axis of features if it returns
    more.

    **Targets and metadata.** y and metadata such as `sample_weight` are passed to the transformer
    with one entry per step. Those with one entry per sequence are repeated at each of its steps.
    Metadata follow scikit-learn's routing if it is enabled, and are passed directly otherwise.

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

    Numbers are scaled and words are encoded, in columns with names:

    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> days = [pd.DataFrame({"speed": [0.0, 4.0], "mode": ["walk", "run"]})]
    >>> columns = make_column_transformer(
    ...     (StandardScaler(), ["speed"]), (OneHotEncoder(), ["mode"])
    ... )
    >>> StepTransformer(columns).fit_transform(days)
    [array([[-1.,  0.,  1.],
           [ 1.,  1.,  0.]])]
    """

    _container: str
    _scalar_steps: bool
    _n_step_features: int
    _names_in: Names | None
    _sklearn_output_config: dict[str, str]  # the name that `clone` copies

    def __init__(self, transformer: BaseEstimator | Literal["passthrough"]) -> None:
        self.transformer = transformer

    def fit(self, X: object, y: object = None, **params: object) -> Self:
        """Fit the transformer to the steps of all sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or \
list of arrays or DataFrames of shape (n_steps, n_features) or (n_steps,)
            The sequences.
        y : array-like of shape (n_sequences,) or list of arrays of shape (n_steps,), default=None
            Targets, for a transformer that uses them: one per sequence, or one per step.
        **params : dict
            Metadata for the `fit` of the transformer, such as `sample_weight`.

        Returns
        -------
        self : StepTransformer
            The fitted transformer.

        Raises
        ------
        TypeError
            If `transformer` has no `fit` and `transform`.
        ValueError
            If X does not contain sequences of the same features, if the number of entries of y
            differs, or if they contain values that the transformer does not accept.
        """
        self._fit("fit", X, y, params)
        return self

    def fit_transform(self, X: object, y: object = None, **params: object) -> Any:
        """Fit the transformer to the steps of all sequences, and transform them.

        The `fit_transform` of the transformer is used where it has one; that of
        ``TargetEncoder``, for example, encodes each step without its own target.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or \
list of arrays or DataFrames of shape (n_steps, n_features) or (n_steps,)
            The sequences.
        y : array-like of shape (n_sequences,) or list of arrays of shape (n_steps,), default=None
            Targets, for a transformer that uses them: one per sequence, or one per step.
        **params : dict
            Metadata for the `fit_transform` of the transformer, such as `sample_weight`.

        Returns
        -------
        X_transformed : container of the same type as X
            Sequences of the same lengths, with the features that the transformer returns.

        Raises
        ------
        TypeError
            If `transformer` has no `fit` and `transform`.
        ValueError
            If X does not contain sequences of the same features, or contains values that the
            transformer does not accept.
        """
        if hasattr(self._template(), "fit_transform"):
            result, steps, layout = self._fit("fit_transform", X, y, params)
        else:
            _, steps, layout = self._fit("fit", X, y, params)
            result = self._transform_steps(steps, layout, {})
        return self._output(result, X, steps, layout)

    @available_if(_transformer_has("partial_fit"))
    def partial_fit(self, X: object, y: object = None, **params: object) -> Self:
        """Continue to fit the transformer, with the steps of more sequences.

        Available only if `transformer` has a `partial_fit`.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or \
list of arrays or DataFrames of shape (n_steps, n_features) or (n_steps,)
            The sequences.
        y : array-like of shape (n_sequences,) or list of arrays of shape (n_steps,), default=None
            Targets, for a transformer that uses them: one per sequence, or one per step.
        **params : dict
            Metadata for the `partial_fit` of the transformer, such as `sample_weight`.

        Returns
        -------
        self : StepTransformer
            The fitted transformer.

        Raises
        ------
        ValueError
            If X does not contain sequences of the features seen before, or contains values that the
            transformer does not accept.
        """
        if not hasattr(self, "transformer_"):
            self._fit("partial_fit", X, y, params)
            return self
        steps, layout = self._steps(X)
        metadata = self._metadata("partial_fit", params, layout)
        self._fit_to(self.transformer_, "partial_fit", steps, layout, y, metadata)
        return self

    def transform(self, X: object, **params: object) -> Any:
        """Apply the transformer to the steps of all sequences.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_features), or \
list of arrays or DataFrames of shape (n_steps, n_features) or (n_steps,)
            The sequences.
        **params : dict
            Metadata for the `transform` of the transformer.

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
        metadata = self._metadata("transform", params, layout)
        result = self._transform_steps(steps, layout, metadata)
        return self._output(result, X, steps, layout)

    def __sksequence_steps__(self, steps: object, n_rows: int, *, are_several: bool) -> Any:
        """Transform one step of each of several streams; return a table with a row per step."""
        n_features, names = self._n_step_features, self._names_in
        rows = flatten_stream_steps(steps, (n_rows, n_features), names, are_several=are_several)
        table, layout = self._numbers(rows), Layout("list", np.arange(n_rows + 1), False, names)
        return _dense(apply(self.transformer_, "transform", table, layout))

    def _transform_steps(
        self, steps: Values | Table, layout: Layout, metadata: Mapping[str, object]
    ) -> Any:
        return apply(self.transformer_, "transform", steps, layout, **metadata)

    @available_if(_transformer_has("inverse_transform"))
    def inverse_transform(self, X: object, **params: object) -> Any:
        """Apply the inverse transformation to the steps of all sequences.

        Available only if `transformer` has an `inverse_transform`.

        Parameters
        ----------
        X : container of sequences
            Transformed sequences, as returned by `transform`.
        **params : dict
            Metadata for the `inverse_transform` of the transformer.

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
        steps, layout = flatten_steps(X, self._step_names_out())
        metadata = self._metadata("inverse_transform", params, layout)
        result = apply(self.transformer_, "inverse_transform", steps, layout, **metadata)
        layout = replace(layout, scalar_steps=self._scalar_steps)
        return layout.restack(_dense(result), self._names_in)

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

    def set_output(self, *, transform: Output | None = None) -> Self:
        """Choose the type of the transformed sequences.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            "default" for the type that the transformer returns, usually arrays; "pandas" or
            "polars" for DataFrames, which are named by `get_feature_names_out`. None changes
            nothing.

        Returns
        -------
        self : StepTransformer
            The transformer.

        Raises
        ------
        ValueError
            If `transform` is another value.
        """
        if transform is None:
            return self
        if transform not in _OUTPUTS:
            raise ValueError(f"transform={transform!r} is unknown; choose from {list(_OUTPUTS)}.")
        self._sklearn_output_config = {"transform": transform}
        if hasattr(self, "transformer_"):
            self._pass_output(self.transformer_)
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the metadata that the transformer requests.

        Returns
        -------
        routing : sklearn.utils.metadata_routing.MetadataRouter
            The methods of this object and those of the transformer that they call.
        """
        mapping = MethodMapping()
        for name in ("fit", "partial_fit", "transform", "inverse_transform"):
            mapping.add(caller=name, callee=name)
        inner = self._template()
        has_both = hasattr(inner, "fit_transform")
        mapping.add(caller="fit_transform", callee="fit_transform" if has_both else "fit")
        router: MetadataRouter = MetadataRouter(owner=self)
        return router.add(transformer=inner, method_mapping=mapping)

    def _template(self) -> Any:
        """Return the transformer to clone."""
        if isinstance(self.transformer, str) and self.transformer == "passthrough":
            return FunctionTransformer(feature_names_out="one-to-one")
        return self.transformer

    def _new_transformer(self) -> Any:
        template = self._template()
        names = ("fit", "transform")
        if isinstance(template, type) or not all(hasattr(template, name) for name in names):
            raise TypeError(
                f"transformer={self.transformer!r} has no fit and transform; pass a scikit-learn "
                "transformer such as StandardScaler(), or 'passthrough'."
            )
        transformer = clone(template)
        self._pass_output(transformer)
        return transformer

    def _pass_output(self, transformer: Any) -> None:
        if hasattr(self, "_sklearn_output_config") and hasattr(transformer, "set_output"):
            transformer.set_output(**self._sklearn_output_config)

    def _fit(
        self, method: str, X: object, y: object, params: Mapping[str, object]
    ) -> tuple[Any, Values | Table, Layout]:
        """Call a method that fits, and return its result, the table of steps and its layout."""
        transformer = self._new_transformer()
        steps, layout = self._fit_steps(X)
        metadata = self._metadata(method, params, layout)
        result = self._fit_to(transformer, method, steps, layout, y, metadata)
        self.transformer_ = transformer
        self._learn(steps, layout)
        return result, steps, layout

    def _learn(self, steps: Values | Table, layout: Layout) -> None:
        """Learn nothing more; subclasses learn from whole sequences here."""

    def _fit_to(
        self,
        transformer: Any,
        method: str,
        steps: Values | Table,
        layout: Layout,
        y: object,
        metadata: Mapping[str, object],
    ) -> Any:
        """Call a method that fits, with y per step; an error that y causes is one about y."""
        targets, problem = self._targets(y, layout)
        try:
            return apply(transformer, method, steps, layout, *targets, **metadata)
        except (TypeError, ValueError) as error:
            if problem is None or not ABOUT_TARGETS.search(str(error)):
                raise
            raise problem from error

    def _targets(
        self, y: object, layout: Layout
    ) -> tuple[tuple[Values] | tuple[()], ValueError | None]:
        """Return y per step, and an error about it for a transformer that uses y.

        y per step is left out where its form is one that only an estimator may know.
        """
        required = get_tags(self._template()).target_tags.required
        if y is None and required:
            raise ValueError(
                "This StepTransformer requires y to be passed, but the target y is None; pass one "
                "target per sequence, or one per step."
            )
        if y is None:
            return (), None
        layout.entries(y)
        try:
            targets = layout.per_step(y)
        except ValueError as problem:
            if required:
                raise
            return (), problem
        return (targets,), missing_target(targets, layout)

    def _metadata(
        self, method: str, params: Mapping[str, object], layout: Layout
    ) -> dict[str, object]:
        """Return metadata for a method of the transformer, those of sequences per step."""
        if not params:
            return {}
        if get_config()["enable_metadata_routing"]:
            params = process_routing(self, method, **params).transformer[method]
        return {name: layout.expand(value) for name, value in params.items()}

    def _fit_steps(self, X: object) -> tuple[Values | Table, Layout]:
        """Check X, store its layout and return its table of steps."""
        check_rows_are_sequences(X)
        X = array_if_rectangular(without_foreign(X))
        table = _is_single_table(X)
        values = validate_data(self, X, **_UNCHECKED) if table else X
        steps, layout = flatten_steps(
            X if table and holds_sequences(np.asarray(values)) else values
        )
        if not table:
            validate_data(self, steps, skip_check_array=True)
        self._container = "table" if layout.container == "array" and table else layout.container
        self._scalar_steps = layout.scalar_steps
        self._n_step_features = n_features(steps)
        self._names_in = layout.feature_names
        return self._numbers(steps), layout

    def _steps(self, X: object) -> tuple[Values | Table, Layout]:
        """Check X against the layout seen in `fit`, and return its table of steps and layout."""
        check_rows_are_sequences(X)
        values = X = without_foreign(X)
        if self._container in ("table", "array", "cells"):
            X = values = array_if_rectangular(X)
        if self._container in ("table", "cells") and _is_single_table(X):
            values = validate_data(self, X, reset=False, **_UNCHECKED)
        has_cells = self._container == "cells" and is_table(X)
        steps, layout = flatten_steps(X if has_cells else values, self._names_in)
        self._check_features(n_features(steps), X)
        return self._numbers(steps), layout

    def _numbers(self, steps: Values | Table) -> Values | Table:
        """Convert objects that all are numbers, unless they may be categories."""
        if not isinstance(steps, np.ndarray) or steps.dtype != object:
            return steps
        tags = get_tags(self._template()).input_tags
        return steps if tags.string or tags.categorical else as_floats(steps)

    def _step_names_out(self) -> Names | None:
        """Return the names of the features of a transformed step, None if they are unknown."""
        try:
            return tuple(self.transformer_.get_feature_names_out())
        except AttributeError:  # also that of a part of a pipeline
            return None

    def _output(self, result: Any, X: object, steps: object, layout: Layout) -> Any:
        """Return what the transformer returned for all steps as sequences."""
        result = _dense(result)
        n_rows, n_steps = len(result), int(layout.offsets[-1])
        if n_rows != n_steps:
            raise ValueError(
                f"{type(self.transformer_).__name__} returned {n_rows} rows for {n_steps} steps, "
                "but every step must remain one row. Use transformers that keep all rows."
            )
        library = _library(result) if is_table(result) else self._output_library()
        if self._container == "table" and layout.container == "array" and n_features(result) == 1:
            out = layout.restack(np.asarray(result))
            return self._named_table(out, X, library) if layout.scalar_steps else out
        if library == "default" and layout.feature_names is None:
            return layout.restack(result)
        names = self._step_names_out()
        if layout.container == "cells" and library != "default" and names is not None:
            columns = layout.restack(result).T.tolist()
            if library == "polars":  # it takes no arrays of objects
                columns = [[np.asarray(cell).tolist() for cell in column] for column in columns]
            return _frame(library, dict(zip(names, columns, strict=True)), names, X)
        if library != "default" and names is not None and not is_table(result):
            result = _frame(library, result, names, steps)
        return layout.restack(result, names)

    def _output_library(self) -> str:
        if hasattr(self, "_sklearn_output_config"):
            return self._sklearn_output_config["transform"]
        return str(get_config()["transform_output"])

    def _named_table(self, values: Values, X: object, library: str) -> Any:
        """Return an array of shape (n_sequences, n_steps) in the container of the library."""
        if library == "default" or not hasattr(self, "get_feature_names_out"):
            return values
        return _frame(library, values, tuple(self.get_feature_names_out()), X)

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
        tags.input_tags.three_d_array = True
        template = self._template()
        if not hasattr(template, "__sklearn_tags__"):
            return tags
        inner = get_tags(template)
        for name in ("allow_nan", "string", "categorical", "positive_only"):
            setattr(tags.input_tags, name, getattr(inner.input_tags, name))
        tags.target_tags.required = inner.target_tags.required
        tags.non_deterministic = inner.non_deterministic
        tags.no_validation = inner.no_validation
        if inner.transformer_tags is not None:
            tags.transformer_tags = inner.transformer_tags
        return tags


def _is_single_table(X: object) -> bool:
    return is_table(X) or getattr(X, "ndim", 0) == 2


def _dense(result: Any) -> Values | Table:
    """Convert the output of a transformer, which may be sparse; tables stay."""
    if is_table(result):
        return result
    values = np.asarray(result.toarray() if hasattr(result, "toarray") else result)
    return values if values.ndim else values[None]


def _library(table: Table) -> str:
    return type(table).__module__.partition(".")[0]


def _frame(
    library: str, values: Values | dict[Hashable, object], names: Names, X: object = None
) -> Table:
    """Return an array or columns as a DataFrame of pandas or polars; the index of X is kept."""
    if library == "polars":
        import polars as pl

        return pl.DataFrame(values, schema=[str(name) for name in names], orient="row")
    import pandas as pd

    index = X.index if isinstance(X, pd.DataFrame) else None
    return pd.DataFrame(values, columns=list(names), index=index)
