"""The types of objects that a file can hold. A name in a file selects from these and no others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module

import numpy as np

from sksequence._batching import Frames, Scaler
from sksequence._blueprint import Blueprint
from sksequence._cells import CELLS
from sksequence._classifier import RNNClassifier
from sksequence._generator import SequenceGenerator
from sksequence._input import CellColumn, InputForm, PretrainedEmbedding
from sksequence._language import Labels, LanguageModel, SymbolCodec
from sksequence._regressor import RNNRegressor
from sksequence._series import PositiveReference, Reference, SeriesCodec, SeriesModel
from sksequence._settings import NetworkSpec, StaticSpec
from sksequence._targets import (
    DensityPrediction,
    IndicatorCodec,
    LabelCodec,
    MarginalDistribution,
    NumberCodec,
    PointPrediction,
    QuantilePrediction,
    WindowScale,
)
from sksequence._tasks import CombinedForecast, NaiveForecast
from sksequence._vocabulary import Vocabulary

# types of arrays that are values themselves
DTYPE = re.compile(r"[<|>]?[biufUSO]\d{0,6}")
# the version is that of the file
VERSION_ATTRIBUTE = "_sksequence_version"

OWN_ESTIMATORS: dict[str, type[object]] = {
    "sksequence.RNNClassifier": RNNClassifier,
    "sksequence.RNNRegressor": RNNRegressor,
    "sksequence.SequenceGenerator": SequenceGenerator,
}
# imported only if a file or an estimator has one of them. Estimators whose fitted attributes are
# read by compiled code without checks (trees, support vectors, neighbours) stay out
_OTHER_ESTIMATORS = {
    "sksequence.preprocessing": ["Differencer", "FillGaps", "SequenceScaler", "StepTransformer"],
    "sklearn.compose": ["ColumnTransformer", "TransformedTargetRegressor"],
    "sklearn.decomposition": ["IncrementalPCA", "PCA", "TruncatedSVD"],
    "sklearn.dummy": ["DummyClassifier", "DummyRegressor"],
    "sklearn.feature_selection": ["VarianceThreshold"],
    "sklearn.impute": ["MissingIndicator", "SimpleImputer"],
    "sklearn.linear_model": [
        "ElasticNet",
        "Lasso",
        "LinearRegression",
        "LogisticRegression",
        "Ridge",
        "RidgeClassifier",
    ],
    "sklearn.pipeline": ["FeatureUnion", "Pipeline"],
    "sklearn.preprocessing": [
        "Binarizer",
        "FunctionTransformer",
        "KBinsDiscretizer",
        "LabelBinarizer",
        "LabelEncoder",
        "MaxAbsScaler",
        "MinMaxScaler",
        "Normalizer",
        "OneHotEncoder",
        "OrdinalEncoder",
        "PolynomialFeatures",
        "PowerTransformer",
        "QuantileTransformer",
        "RobustScaler",
        "StandardScaler",
        "TargetEncoder",
    ],
}
_MODULES = {
    f"{module}.{name}": module for module, names in _OTHER_ESTIMATORS.items() for name in names
} | {
    f"sksequence.preprocessing.{name}": "sksequence.preprocessing._whole_sequences"
    for name in ("Unchanged", "UnchangedWithIndicators")  # parts of our transformers
}

_DATACLASSES: tuple[type[object], ...] = (
    Blueprint,
    CellColumn,
    CombinedForecast,
    DensityPrediction,
    Frames,
    InputForm,
    Labels,
    MarginalDistribution,
    NaiveForecast,
    NetworkSpec,
    PointPrediction,
    PositiveReference,
    QuantilePrediction,
    Reference,
    StaticSpec,
)
_ATTRIBUTES: dict[type[object], set[str]] = {
    IndicatorCodec: {"classes", "dtype"},
    LabelCodec: {"classes"},
    NumberCodec: {
        "distribution",
        "flat",
        "mean",
        "n_numbers",
        "n_targets",
        "scale",
        "std",
        "window_scale",
    },
    PretrainedEmbedding: {"lowercase", "path", "tensor", "trainable", "words"},
    Scaler: {"kind", "level_steps", "mean", "std"},
    SeriesCodec: {
        "known_columns",
        "loss",
        "mean",
        "reference",
        "std",
        "targets",
        "typical_steps",
    },
    SymbolCodec: {"has_ends", "labels", "n_steps", "typical_steps", "vocabulary"},
    Vocabulary: {"n_rare", "symbols"},
    WindowScale: {"changes", "n_targets", "ratio", "typical"},
    **{cell: set(cell().get_params()) for cell in CELLS.values()},
}
PARTS = {kind.__name__: kind for kind in (*_DATACLASSES, *_ATTRIBUTES)}

# classes as values: models of generators, and the parameter `dtype` of encoders
_TYPES_IN_ATTRIBUTES: dict[str, type[object]] = {
    kind.__name__: kind
    for kind in (
        LanguageModel,
        SeriesModel,
        bool,
        float,
        int,
        object,
        str,
        np.float32,
        np.float64,
        np.int32,
        np.int64,
    )
}
_ATTRIBUTES_WITH_TYPES = {"_model_type", "dtype"}
# a folder of pickles, which a pipeline would load
_MUST_BE_NONE = {"memory"}


def estimator_class(name: str) -> type[object] | None:
    """Return the estimator of a public name, None if it is not among the known ones."""
    if name in _MODULES:
        kind: type[object] = getattr(import_module(_MODULES[name]), name.rpartition(".")[2])
        return kind
    return OWN_ESTIMATORS.get(name)


def estimator_name(kind: type[object]) -> str | None:
    """Return the public name of a known class of estimators, None for any other, subclasses too."""
    names = (*OWN_ESTIMATORS, *_MODULES)
    found = (name for name in names if name.endswith(f".{kind.__name__}"))
    return next((name for name in found if estimator_class(name) is kind), None)


def type_of_name(name: str, attribute: str) -> type[object] | None:
    """Return a class that is the value of an attribute, None if it is not among the known ones."""
    return _TYPES_IN_ATTRIBUTES.get(name) if attribute in _ATTRIBUTES_WITH_TYPES else None


def check_names(kind: type[object], names: Iterable[str]) -> None:
    """Raise a ValueError unless the attributes of a part are those of its class."""
    names = set(names)
    if is_dataclass(kind):
        known = {field.name for field in fields(kind)}
        missing: set[str] = set()  # a default takes their place, or there is an error
    else:
        known = _ATTRIBUTES[kind]
        missing = known - names
    if names - known or missing:
        raise ValueError(
            f"{kind.__name__} has the attributes {sorted(names)!s:.200}, expected {sorted(known)}."
        )


def check_attributes(kind: type[object], state: Mapping[str, object]) -> None:
    """Raise a ValueError for attributes of an estimator that would replace its methods."""
    for name, value in state.items():
        is_plain = name.isidentifier() and not name.startswith("__")
        if not is_plain or callable(getattr(kind, name, None)):
            raise ValueError(f"{kind.__name__} cannot have an attribute {name!r:.80}.")
        if name in _MUST_BE_NONE and value is not None:
            raise ValueError(
                f"{kind.__name__}.{name} is a folder of pickles, which would be loaded without a "
                f"check. Set {name}=None."
            )
