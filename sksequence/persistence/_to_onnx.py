"""Export of fitted estimators to ONNX."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from sklearn.utils.validation import check_is_fitted

from sksequence._blueprint import Blueprint, Codec
from sksequence._classifier import RNNClassifier
from sksequence._generator import SequenceGenerator
from sksequence._modules import Ensemble, SequenceNetwork
from sksequence._regressor import RNNRegressor
from sksequence._settings import NetworkSpec
from sksequence.persistence._atomic_files import write_whole

if TYPE_CHECKING:
    from onnx import ModelProto

_BUILDERS: dict[type[object], str] = {
    RNNClassifier: "classifier_model",
    RNNRegressor: "regressor_model",
    SequenceGenerator: "generator_model",
}
_Builder = Callable[[Blueprint[Codec], SequenceNetwork | Ensemble], "ModelProto"]


def to_onnx(
    estimator: RNNClassifier | RNNRegressor | SequenceGenerator, path: str | os.PathLike[str]
) -> None:
    """Export a fitted estimator to an ONNX file, which other programs and languages can run.

    The model contains the whole prediction: scaling, frames, embeddings, the network, and the
    probabilities or the numbers in units of y. It takes padded batches of any size and any number
    of steps. Requires the library onnx: ``pip install "sksequence[onnx]"``.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor or SequenceGenerator
        Fitted estimator with a cell of this library.
    path : str or path-like
        Path of the file. It is written as a whole or not at all.

    Raises
    ------
    ImportError
        If onnx is not installed.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If the estimator has a part that cannot be exported: a cell of your own,
        `missing` or `time_column`, ``conditional=True``, a `SequenceGenerator` of numbers, weights
        of more than 2.1 GB, or symbols that are not text or numbers and cannot be told apart as
        text. The message names it.
    OSError
        If the file cannot be written.

    See Also
    --------
    save : Save an estimator for this library.

    Notes
    -----
    Inputs of the model, of which each estimator has those that its X requires. All hold the same
    sequences, at least one:

    - "lengths", int64 of shape (batch,): number of steps of each sequence. It must be at least 1
      and at most the number of steps of the batch.
    - "values", float64 of shape (batch, time, n_features): numbers as they are in X. Padded steps
      may hold anything.
    - "codes", int64 of shape (batch, time, n_columns): the codes of symbols and categories. Those
      of each column are numbered from 1 in the order of the metadata, and 0 stands for unknown
      ones.
    - "static", float64 of shape (batch, n_features), and "static_codes", int64 of shape
      (batch, n_columns): the same for columns that do not change in time.

    Outputs are those of a batch of sequences; with per-step targets, they have a second axis for
    the steps, and are 0 at padded steps:

    - "probabilities", float64 of shape (batch, n_classes): as `predict_proba`. A generator returns
      those of the next symbol.
    - "predictions", float64 of shape (batch,) or (batch, n_outputs): as `predict` of a regressor.
    - "quantiles", float64 of shape (batch, n_quantiles) or (batch, n_quantiles, n_outputs): with
      ``loss="quantile"``, the learnt quantiles.

    The metadata of the model are JSON: "values", "codes", "static" and "static_codes" name the
    columns of the inputs, those of codes with their symbols; "classes" has the labels in the order
    of the probabilities, "quantiles" the levels, and "has_ends" whether the last probability is
    that of the end of a sequence.

    Predictions agree with those of the estimator up to rounding errors of float32. The model does
    not check its input as the estimator does: NaN and infinity are not refused.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sksequence import RNNClassifier
    >>> from sksequence.persistence import to_onnx
    >>> X = [np.arange(3.0), np.arange(5.0), -np.arange(4.0), -np.arange(6.0)]
    >>> y = ["up", "up", "down", "down"]
    >>> classifier = RNNClassifier(hidden_size=8, max_epochs=20, random_state=0).fit(X, y)
    >>> path = Path(tempfile.mkdtemp()) / "classifier.onnx"
    >>> to_onnx(classifier, path)
    >>> values = np.zeros((2, 5, 1))  # two sequences, padded to five steps
    >>> values[0, :3, 0], values[1, :5, 0] = X[0], X[1]
    >>> session = onnxruntime.InferenceSession(path)
    >>> [p] = session.run(None, {"values": values, "lengths": np.array([3, 5])})
    >>> np.allclose(p, classifier.predict_proba(X[:2]), atol=1e-5)
    True
    """
    name = next((name for kind, name in _BUILDERS.items() if isinstance(estimator, kind)), None)
    if name is None:
        raise ValueError(
            "to_onnx exports a RNNClassifier, a RNNRegressor or a SequenceGenerator; got "
            f"{type(estimator).__name__}. Export the estimator inside it, pipeline[-1] or "
            "best_estimator_ of a search, and apply what comes before it to X first."
        )
    check_is_fitted(estimator, "net_")
    if isinstance(estimator, SequenceGenerator) and not hasattr(estimator, "vocabulary_"):
        raise ValueError(
            "A SequenceGenerator of numbers cannot be exported to ONNX. Export a RNNRegressor that "
            "was fitted on windows of the series; see sksequence.preprocessing.make_windows."
        )
    _check_exportable(vars(estimator)["_blueprint"].spec)
    build: _Builder = getattr(_onnx_package(), name)
    model = build(vars(estimator)["_blueprint"], estimator.module_)
    write_whole(Path(path), [model.SerializeToString()])


def _check_exportable(spec: NetworkSpec) -> None:
    name = "time_column" if spec.has_gaps else f"missing={spec.missing!r}"
    if spec.has_gaps or spec.missing != "error":
        raise ValueError(
            f"An estimator with {name} cannot be exported to ONNX. Fit one without it, on "
            "sequences that a transformer has filled or resampled."
        )


def _onnx_package() -> ModuleType:
    """Import the package that needs the library onnx."""
    try:
        return import_module("sksequence._onnx")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "onnx":
            raise
        raise ImportError(
            'to_onnx needs the library onnx. Install it with: pip install "sksequence[onnx]"'
        ) from error
