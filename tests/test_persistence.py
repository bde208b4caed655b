"""Saving and loading: files without code, and pickles whose arrays are checked."""

import hashlib
import json
import os
import pickle
import re
import stat
import time
import tracemalloc
import warnings
from copy import deepcopy
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    LabelBinarizer,
    LabelEncoder,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from torch import nn

import sksequence
from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.cells import JANET
from sksequence.persistence import load, save
from sksequence.preprocessing import Differencer, FillGaps, SequenceScaler, StepTransformer
from tests.helpers import ROOT, run_in_child

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(12, 6))
LABELS = np.array(["a", "b"] * 6)
Y = RANDOM.normal(size=12)
TEXTS = ["hello", "hell", "help"] * 4
TABLES = [pd.DataFrame({"a": x, "b": list("xyzxyz")}) for x in X]
CELLS = pd.DataFrame({"a": list(X), "s": Y, "c": LABELS})
TIMED = np.dstack([np.cumsum(np.exp(X), axis=1), np.where(X > 1, np.nan, X)])
GOLDEN = ROOT / "tests" / "golden"


class MaskedCell(nn.RNN):
    """A cell with a buffer that is infinite on purpose."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size, batch_first=True)
        self.register_buffer("mask", np.inf * self.weight_ih_l0.new_ones(1))


@pytest.fixture(scope="module")
def tiny():
    """Return a classifier with few weights, in training."""
    model = RNNClassifier("rnn", hidden_size=2, frame_length=1, dropout=0.1, random_state=0)
    return model.partial_fit(X, LABELS, classes=["a", "b"])


# --- what is loaded is what was saved ------------------------------------------------------------

classifier, regressor, generator = (
    partial(kind, hidden_size=3, max_epochs=1, random_state=0)
    for kind in (RNNClassifier, RNNRegressor, SequenceGenerator)
)
FITS = {
    "labels": lambda: classifier().fit(X, LABELS),
    "lstm": lambda: classifier("lstm", bidirectional=True, num_layers=2).fit(X, LABELS),
    "bools": lambda: classifier(class_weight={True: 2.0, False: 1.0}).fit(X, LABELS == "a"),
    "indicator": lambda: classifier().fit(X, np.tri(2, dtype=np.int32)[[0, 1] * 6]),
    "steps": lambda: classifier(target="steps").fit(X, np.tile(np.arange(6) % 2, (12, 1))),
    "texts": lambda: classifier(embedding_dim=2, max_features=3).fit(TEXTS, LABELS),
    "irregular": lambda: classifier(JANET(chrono_steps=5), missing="decay", time_column=0).fit(
        TIMED, LABELS
    ),
    "tables": lambda: classifier(pooling="attention").fit(TABLES, LABELS),
    "cells": lambda: classifier().fit(CELLS, LABELS),
    "random state": lambda: classifier(random_state=np.random.RandomState(3)).fit(X, LABELS),
    "numbers": lambda: regressor().fit(X, Y),
    "ensemble": lambda: regressor(n_estimators=2).fit(X, np.column_stack([Y, Y])),
    "quantiles": lambda: regressor(loss="quantile", quantiles=[0.1, 0.5]).fit(X, Y),
    "gaussian": lambda: regressor(loss="gaussian").fit(X, Y),
    "distributions": lambda: regressor(n_estimators=2, loss="student_t").fit(X, Y),
    "counts": lambda: regressor(loss="poisson").fit(X, np.arange(12) % 3),
    "windows": lambda: regressor(residual="last", scale="sequence").fit(X, X[:, :2]),
    "seasons of windows": lambda: regressor(residual=[2, 3]).fit(X, X[:, :2]),
    "symbols": lambda: generator().fit(TEXTS),
    "conditional": lambda: generator(conditional=True).fit(TEXTS, LABELS),
    "words": lambda: generator(analyzer="word", tie_weights=True).fit(["to be", "or not"] * 3),
    "long vocabulary": lambda: generator().fit(["".join(map(chr, range(40, 200)))]),
    "integers": lambda: generator().fit([list(range(i, i + 50)) for i in range(3)]),
    "mixed tokens": lambda: generator().fit([["a", 1, 10**40], ["\ud800", "b"]]),
    "series": lambda: generator().fit(X),
    "seasons": lambda: generator(residual=2).fit(X),
    "several seasons": lambda: generator(residual=[2, 3]).fit(np.exp(X)),
    "count series": lambda: generator(loss="poisson").fit(np.floor(10 + X)),
    "unfitted": lambda: regressor(quantiles=(0.1, np.float64(0.9)), tol=np.float64(0)),
}
METHODS = (
    "predict",
    "predict_proba",
    "predict_std",
    "transform",
    "score_samples",
    "decision_function",
)


def is_transposed(array):
    """Check whether the columns of a matrix are longer apart in memory than its rows."""
    return array.ndim == 2 and min(array.shape) > 1 and array.strides[0] < array.strides[1]


def assert_same(a, b):
    """Compare values of any type, types and bits included."""
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape, is_transposed(a)) == (b.dtype, b.shape, is_transposed(b))
        if a.dtype.kind != "O":
            assert a.tobytes() == b.tobytes()
            return
        a, b = a.ravel().tolist(), b.ravel().tolist()
    if isinstance(a, np.random.RandomState):
        a, b = a.get_state(), b.get_state()
    if isinstance(a, list | tuple):
        assert len(a) == len(b)
        for pair in zip(a, b, strict=True):
            assert_same(*pair)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        assert_same(list(a), list(b))
        assert_same(list(a.values()), list(b.values()))
    elif type(a).__module__.startswith(("sksequence", "sklearn")):
        assert_same(a.__getstate__(), b.__getstate__())
    else:
        assert a == b or (a != a and b != b)


def again(estimator, tmp_path):
    """Save and load an estimator."""
    save(estimator, tmp_path / "saved")
    return load(tmp_path / "saved")


def data_of(model, kind):
    """Return data that a fit can read again."""
    return {
        "tables": TABLES,
        "cells": CELLS,
        "irregular": TIMED,
        "integers": [[3, 4]],
        "count series": 10 + np.floor(X),
    }.get(kind, TEXTS if model.input_kind_ == "text" else X)


@pytest.mark.filterwarnings("ignore:On windows that it was not trained on")
@pytest.mark.parametrize("kind", FITS)
def test_estimators_are_loaded_as_they_were(kind, tmp_path):
    """All parameters and attributes are the same, and so are the bits of predictions."""
    model = FITS[kind]()
    twin = again(model, tmp_path)
    assert_same(twin, model)
    if kind in ("unfitted", "mixed tokens"):
        return
    inputs = data_of(model, kind)
    for method in METHODS:
        if hasattr(model, method):
            assert_same(getattr(twin, method)(inputs), getattr(model, method)(inputs))


@pytest.mark.parametrize("kind", ["labels", "numbers", "symbols", "series"])
def test_training_goes_on(kind, tmp_path):
    """`partial_fit` after loading continues with the bits of one that was never saved."""
    model = FITS[kind]().set_params(dropout=0.3, optimizer="adam")
    fresh = clone(model)
    inputs = data_of(model, kind)
    y = {"labels": [LABELS], "numbers": [Y]}.get(kind, [])
    extra = {"classes": ["a", "b"]} if kind == "labels" else {}
    fresh.partial_fit(inputs, *y, **extra)
    twin = again(fresh, tmp_path)
    for both in (fresh, twin):
        both.partial_fit(inputs, *y).partial_fit(inputs, *y)
    assert_same(twin, fresh)
    assert_same(twin.fit(inputs, *y), fresh.fit(inputs, *y))


TABLE = pd.DataFrame({"n": X[:, 0], "m": X[:, 1], "s": LABELS})
PLAIN = [
    *(kind() for kind in (Binarizer, FunctionTransformer, MaxAbsScaler, MinMaxScaler, Normalizer)),
    *(kind() for kind in (PolynomialFeatures, PowerTransformer, RobustScaler, StandardScaler)),
    *(kind() for kind in (IncrementalPCA, PCA, VarianceThreshold, MissingIndicator, SimpleImputer)),
    *(kind() for kind in (ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge)),
    *(kind() for kind in (DummyClassifier, DummyRegressor, RidgeClassifier)),
    PCA(2, svd_solver="randomized", random_state=np.random.RandomState(0)),
    TruncatedSVD(2, random_state=0),
    KBinsDiscretizer(3, strategy="uniform"),
    QuantileTransformer(n_quantiles=5, random_state=0),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2, dtype=np.float32),
    OneHotEncoder(drop="first", sparse_output=False).set_output(transform="pandas"),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
    TargetEncoder(cv=2, random_state=0),
    TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
    FeatureUnion([("p", PCA(1)), ("s", "passthrough")], transformer_weights={"p": 2.0}),
    StepTransformer(make_pipeline(StandardScaler(), PCA(1))),
    StepTransformer("passthrough"),
    FillGaps("forward", add_indicator=True),
    SequenceScaler(with_std=False),
    Differencer(lag=2),
]


@pytest.mark.parametrize(
    "estimator", PLAIN, ids=[f"{type(e).__name__} {i}" for i, e in enumerate(PLAIN)]
)
def test_plain_estimators_of_scikit_learn(estimator, tmp_path):
    """Transformers and linear models are loaded with the same attributes and results."""
    inputs = np.round(X[:, :3])
    y = Y if isinstance(estimator, TransformedTargetRegressor) else np.arange(12) % 2
    fitted = clone(estimator).fit(inputs, y)
    twin = again(fitted, tmp_path)
    assert_same(twin, fitted)
    method = "transform" if hasattr(fitted, "transform") else "predict"
    results = [getattr(model, method)(inputs) for model in (twin, fitted)]
    assert_same(*(r.toarray() if hasattr(r, "toarray") else np.asarray(r) for r in results))


VALUES = [
    (1, ("a", 2), []),
    {3, 1, 2},
    frozenset("ab"),
    {"a": 1, 2: [None, {}], (1, "x"): slice(1, None), None: True},
    [np.inf, -np.inf, np.nan, -0.0, 1e-320, 0.1],
    10**98,
    [10**30] * 40,
    [True, False] * 20,
    list(range(-40, 40)),
    (0.5,) * 40,
    [np.nan, -0.0] * 20,
    ["", "\ud800", "\u00e4\U0001f600", "x\0y"] * 10,
    {f"key {i}": i for i in range(40)},
    {"array": "name"},
    np.float32(0.1),
    np.int8(-3),
    np.bool_(True),
    np.str_("x"),
    np.array(3),
    np.array("xyz"),
    np.zeros((0, 3)),
    np.array([["a", ""], ["\u00e4\U0001f600", "xy\0"]]),
    np.array([b"a", b"xyz"]),
    np.array([1, "a", None, (2, 3), np.arange(2)], dtype=object).reshape(5, 1),
    np.array([["x"] * 40], dtype=object),
    np.asfortranarray(X),
    X.T[1:3],
    X[::-1, ::2],
    np.arange(6, dtype=np.float16).reshape(1, 2, 3),
    np.array([True, False]),
    np.array([2**64 - 1], dtype=np.uint64),
    np.dtype("<f4"),
    np.dtype(object),
    np.dtype("<U7"),
]


@pytest.mark.parametrize(
    "value", VALUES, ids=[f"{type(v).__name__} {i}" for i, v in enumerate(VALUES)]
)
def test_values_of_parameters(value, tmp_path):
    """Plain values of every type come back with their types and bits."""
    assert_same(again(SimpleImputer(fill_value=value), tmp_path).fill_value, value)


def test_other_byte_orders(tmp_path):
    """Arrays of machines with the other byte order hold the same numbers."""
    value = np.array([1.5, 2.5], dtype=">f8")
    twin = again(SimpleImputer(fill_value=value), tmp_path).fill_value
    assert_same(twin, value.astype("<f8"))


def test_label_encoders(tmp_path):
    """Encoders of y are read too."""
    for encoder in (LabelEncoder(), LabelBinarizer()):
        fitted = encoder.fit(LABELS)
        assert_same(again(fitted, tmp_path), fitted)


def example_pipeline():
    """Return a pipeline with tables inside and a network at its end."""
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["n", "m"]),
            ("strings", OneHotEncoder(sparse_output=False), ["s"]),
            ("rest", "drop", slice(0, 0)),
        ],
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    return Pipeline([("columns", columns), ("rnn", classifier())])


def test_pipelines(tmp_path):
    """Columns, transformers and networks inside each other predict the same."""
    fitted = example_pipeline().fit(TABLE, LABELS)
    twin = again(fitted, tmp_path)
    assert_same(twin, fitted)
    assert_same(twin.predict_proba(TABLE), fitted.predict_proba(TABLE))
    steps = make_pipeline(StepTransformer(StandardScaler()), classifier()).fit(list(X), LABELS)
    assert_same(again(steps, tmp_path).predict_proba(list(X)), steps.predict_proba(list(X)))


def test_arrays_are_shared_and_writable(tmp_path):
    """An array that two attributes hold is one array again, of its own memory."""
    model = SimpleImputer(missing_values=np.nan).fit(X)
    model.copy_of_statistics_ = model.statistics_
    twin = again(model, tmp_path)
    assert twin.copy_of_statistics_ is twin.statistics_
    assert twin.statistics_.flags.writeable
    assert twin.statistics_.flags.owndata


def test_parameters_of_later_versions_have_their_defaults(tiny, tmp_path):
    """A file without a parameter is loaded with its default."""
    state = dict(vars(tiny))
    del state["label_smoothing"]
    former = RNNClassifier.__new__(RNNClassifier)
    vars(former).update(state)
    assert again(former, tmp_path).label_smoothing == 0.0


@pytest.mark.filterwarnings("error", "ignore:On sequences that it was not trained on")
@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps"])
@pytest.mark.parametrize("kind", ["labels", "numbers", "symbols", "series"])
def test_models_of_other_devices(device, kind, tmp_path):
    """A device that is absent is replaced, without a warning, in pickles too."""
    model = FITS[kind]()
    there, inputs = deepcopy(model).set_params(device=device), data_of(model, kind)
    for twin in (again(there, tmp_path), pickle.loads(pickle.dumps(there))):
        assert twin.device == device
        assert_same(twin.predict(inputs), model.predict(inputs))
        assert_same(twin.transform(inputs), model.transform(inputs))


# --- what is no plain data is refused ------------------------------------------------------------


def own_loss(outputs, targets):
    """Return squared errors."""
    return ((outputs - targets) ** 2).mean(dim=1)


class OwnScaler(StandardScaler):
    """A subclass of a known class."""


class Looping(StandardScaler):
    """An estimator to hold itself."""


REFUSED = [
    (regressor(loss=own_loss), r"RNNRegressor.loss is the function own_loss, .* by its name"),
    (classifier(MaskedCell), "RNNClassifier.cell is the class MaskedCell, .* use pickle or joblib"),
    (generator(analyzer=str.split), "SequenceGenerator.analyzer is the function .*analyzer='char'"),
    (generator(callbacks=[FITS]), r"SequenceGenerator.callbacks\[0\].labels is the function"),
    (classifier(callbacks=[BaseEstimator()]), r"callbacks\[0\] is an object .*callbacks=None"),
    (FunctionTransformer(np.log), "FunctionTransformer.func is the function log"),
    (FunctionTransformer(abs), "FunctionTransformer.func is the function abs"),
    (make_pipeline(OwnScaler()), r"Pipeline.steps\['ownscaler'\] is an object of .*OwnScaler"),
    (type("PCA", (PCA,), {})(), "The estimator is an object of type .*PCA, which is not"),
    (Pipeline([("a", Pipeline([("b", OwnScaler())]))]), r"steps\['a'\].steps\['b'\] is an obj"),
    (Pipeline([("a", "passthrough")], memory="folder"), "Pipeline.memory is a folder of pickles"),
    (ColumnTransformer([("a", PCA(), len)]), r"transformers\['a'\] is the function len"),
    (RandomForestClassifier(), "The estimator is an object of type sklearn.ensemble"),
    (np.zeros(3), "The estimator is an array of type float64, which is not among"),
    (StandardScaler, "The estimator is the class StandardScaler"),
    (PCA(random_state=np.random.default_rng(0)), "PCA.random_state is an object .*Generator"),
    (SimpleImputer(fill_value=np.datetime64("2020")), "fill_value is an object .*datetime64"),
    (SimpleImputer(fill_value=np.zeros(2, complex)), "is an array of type complex128"),
    (SimpleImputer(fill_value=10**100), "SimpleImputer.fill_value is an integer of more than 99"),
    (StandardScaler(copy=float), "StandardScaler.copy is the class float"),
]


@pytest.mark.parametrize(("estimator", "message"), REFUSED)
def test_code_is_refused(estimator, message, tmp_path):
    """The message names the step and the attribute, and no file is left."""
    with pytest.raises(ValueError, match=message):
        save(estimator, tmp_path / "saved")
    assert not list(tmp_path.iterdir())


def test_a_search_names_its_best_estimator(tmp_path):
    """A search is no estimator of a file, but what it found is."""
    search = GridSearchCV(regressor(), {"hidden_size": [2]}, cv=2).fit(X, Y)
    with pytest.raises(ValueError, match=r"GridSearchCV, which .* Save the best_estimator_ of"):
        save(search, tmp_path / "saved")
    assert_same(again(search.best_estimator_, tmp_path), search.best_estimator_)


def test_a_stream_names_its_estimator(tmp_path):
    """A file holds no state between two steps, which a pickle does."""
    stream = regressor(bidirectional=False).fit(X, Y).start()
    with pytest.raises(ValueError, match=r"Stream, which .* Use pickle .* call start\(\) of"):
        save(stream, tmp_path / "saved")


def test_estimators_that_cannot_be_loaded_are_not_saved(tiny, tmp_path):
    """Weights that are not finite, loops and attributes that hide methods are errors."""
    diverged = deepcopy(tiny)
    next(diverged.module_.parameters()).data.fill_(np.nan)
    with pytest.raises(ValueError, match="contain NaN or infinity"):
        save(diverged, tmp_path / "saved")
    looping = Pipeline([("a", "passthrough")])
    looping.steps.append(("b", looping))
    with pytest.raises(ValueError, match="Pipeline contains itself, or is nested too deeply"):
        save(looping, tmp_path / "saved")
    hidden = StandardScaler()
    hidden.transform = 5
    with pytest.raises(ValueError, match="StandardScaler cannot have an attribute 'transform'"):
        save(hidden, tmp_path / "saved")
    mixed = SimpleImputer(fill_value=[(i,) for i in range(10**4)])
    with pytest.raises(ValueError, match=r"30\d+ parts, too many .* all strings or all numbers"):
        save(mixed, tmp_path / "saved")
    with pytest.raises(ValueError, match="'max_epochs' parameter of RNNClassifier must be an int"):
        save(deepcopy(tiny).set_params(max_epochs=0.5), tmp_path / "saved")
    assert not list(tmp_path.iterdir())


# --- damaged and crafted files -------------------------------------------------------------------


@pytest.fixture(scope="module")
def raw(tiny, tmp_path_factory):
    """Return the bytes of a small file."""
    path = tmp_path_factory.mktemp("raw") / "saved"
    save(classifier(hidden_size=1, max_epochs=32).fit(X, LABELS), path)
    return path.read_bytes()


def test_every_changed_byte_is_found(raw, tmp_path):
    """No byte of a file can change unnoticed, and none can be missing or added."""
    path, other = tmp_path / "changed", bytearray(raw)
    with path.open("wb", buffering=0) as file:
        file.write(raw)
        for at in range(len(raw)):
            file.seek(at)
            file.write(bytes([raw[at] ^ (1 << at % 8)]))
            with pytest.raises(ValueError, match="cannot be loaded: the checksum at its end does"):
                load(path)
            file.seek(at)
            file.write(raw[at : at + 1])
    assert path.read_bytes() == raw
    for other in [raw + b"\0", b"", raw[8:], *(raw[:n] for n in range(1, len(raw), 97))]:
        path.write_bytes(other)
        with pytest.raises(ValueError, match="the checksum at its end does not fit"):
            load(path)


def split(raw):
    """Return header, tree and data without the checksum of a file."""
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    return header, json.loads(header["__metadata__"]["tree"]), raw[8 + size : -32]


def sealed(header, data=b"", size=None):
    """Return a file with a valid checksum."""
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    start = (len(header) if size is None else size).to_bytes(8, "little")
    body = start + header + data
    return body + hashlib.sha256(body).digest()


def craft(raw, change):
    """Return a file whose header, tree and data were changed, with a valid checksum."""
    header, tree, data = split(raw)
    data = change(header, tree, bytearray(data)) or data
    header["__metadata__"]["tree"] = header["__metadata__"].get("tree") and json.dumps(tree)
    return sealed(header, bytes(data))


def first_weight(header):
    """Return the description of the weights of the head."""
    return next(entry for name, entry in header.items() if name.endswith("head.weight"))


def attributes(tree):
    """Return the attributes of the estimator."""
    return tree["estimator"][1]


def nan_weights(header, tree, data):
    """Set a weight to NaN."""
    start = first_weight(header)["data_offsets"][0]
    data[start : start + 4] = np.float32(np.nan).tobytes()
    return data


def wrong_shape(header, tree, data):
    """Give an array another number of numbers."""
    first_weight(header)["shape"] = [1000, 1000]


def other_shape(header, tree, data):
    """Give an array another shape of the same size."""
    first_weight(header)["shape"].append(1)


def lying_size(header, tree, data):
    """Let an array end far behind the file."""
    entry = first_weight(header)
    entry["shape"], entry["data_offsets"][1] = [2**40, 2**10], 2**52


def overlap(header, tree, data):
    """Let two arrays have the same place."""
    entries = [v for k, v in header.items() if k != "__metadata__"]
    entries[1]["data_offsets"] = entries[0]["data_offsets"]


def set_tree(*keys, value):
    """Return a change of one part of the tree."""

    def change(header, tree, data):
        inner = attributes(tree)
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value

    return change


def set_metadata(key, value):
    """Return a change of the metadata."""

    def change(header, tree, data):
        header["__metadata__"][key] = value

    return change


def set_root(value):
    """Return a change of the class of the estimator."""

    def change(header, tree, data):
        tree["estimator"][0] = value

    return change


def set_spec(key, value):
    """Return a change of the specification of the network."""
    return set_tree("_blueprint", "part", 1, "spec", "part", 1, key, value=value)


def swap_parts(state):
    """Put the codec in the place of the blueprint, and the other way round."""
    blueprint = state["_blueprint"]["part"][1]
    codec = blueprint["codec"]
    blueprint["codec"], state["_blueprint"] = None, codec
    state["x_"] = {"part": ["Blueprint", blueprint]}


def bomb(name):
    """Return many lists of one array."""
    return [{"list": name}] * 1000


def no_characters(header, tree, data):
    """Put a number that is no character into a text."""
    start = next(v["data_offsets"][0] for v in header.values() if v.get("dtype") == "U32")
    data[start : start + 4] = b"\xff" * 4
    return data


def padded(header, n_bytes=10**6):
    """Return a file with a header and so many bytes of data."""
    return sealed(header, bytes(n_bytes))


def with_tree(raw, text, n_bytes):
    """Return a file with the text of a tree and an array of zeros."""
    whole = {"dtype": "U8", "shape": [n_bytes], "data_offsets": [0, n_bytes]}
    return sealed(
        {"__metadata__": split(raw)[0]["__metadata__"] | {"tree": text}, "a": whole}, bytes(n_bytes)
    )


def deep_tuple(depth):
    """Return the tree of tuples inside each other."""
    return 0 if depth == 0 else {"tuple": [deep_tuple(depth - 1)]}


EQUAL_HASHES = [i * (2**61 - 1) for i in range(5000)]  # numbers modulo this prime
STATE = {"random_state": [[0] * 624, 10**6, 0, 0.0]}
PICKLE = pickle.dumps(pd.DataFrame)
CRAFTED = {
    "pickle": (lambda raw: PICKLE, "The file is a pickle, or damaged"),
    "sealed pickle": (lambda raw: sealed(PICKLE), "codec can't decode|Expecting value"),
    "huge header": (lambda raw: sealed(raw, size=2**62), "header should have 4611686018427387904"),
    "long header": (lambda raw: sealed(b'["' + b"a" * 2**22 + b'"]'), "header of .* is too long"),
    "many lists": (lambda raw: sealed(b"[" + b"[]," * 40_000 + b"0]"), "80001 parts, too many"),
    "deep lists": (lambda raw: sealed(b"[" * 10_000), "nested too deeply|Expecting value"),
    "deep tree": (
        lambda raw: sealed({"__metadata__": split(raw)[0]["__metadata__"] | {"tree": "[" * 5000}}),
        "nested too deeply|Expecting value",
    ),
    "doubled key": (
        lambda raw: sealed(b'{"a":{"dtype":"U8"},"a":{}}'),
        "header has the name 'a' twice",
    ),
    "huge integer": (
        lambda raw: sealed(b'{"a":' + b"9" * 10**5 + b"}"),
        "integer of 100000 digits",
    ),
    "huge float": (lambda raw: sealed(b'{"a":1e999}'), "the number 1e999, which is not finite"),
    "nan in json": (lambda raw: sealed(b'{"a":NaN}'), "the number NaN, which is not finite"),
    "empty": (lambda raw: sealed(b"{}"), "does not say that sksequence.persistence.save wrote"),
    "list": (lambda raw: sealed(b"[]"), "its header is not an object"),
    "doubled key of many": (
        lambda raw: padded(
            b"{%b}" % b",".join(b'"%d":0' % abs(i) for i in range(-20_000, 2)), 2**23
        ),
        "the name '1' twice",
    ),
    "keys": (lambda raw: padded({f"{i}": 0 for i in range(20_000)}), "parts, too many"),
    "strings": (lambda raw: padded([f"{i}" for i in range(60_000)]), "parts, too many"),
    "large integers": (
        lambda raw: padded([10**98 + i for i in range(40_000)], 2**22),
        "parts, too many",
    ),
    "long string": (
        lambda raw: with_tree(raw, json.dumps("x" * 2_500_000), 2_300_000),
        "12 parts, too many",
    ),
    "string that grows": (
        lambda raw: with_tree(raw, json.dumps("x" * 2**18 + "\U0001f600"), 2**19),
        "header of .* is too long",
    ),
    "characters in the header": (
        lambda raw: sealed('{"\U0001f600":0}'.encode() + b" " * 2**20, bytes(2**21)),
        "'ascii' codec can't decode",
    ),
    "very deep lists": (lambda raw: sealed(b"[" * 10**5 + b"]" * 10**5), "parts, too many"),
    "very deep tree": (
        lambda raw: with_tree(raw, '{"tuple":' * 10**5 + "0" + "}" * 10**5, 2**22),
        "parts, too many",
    ),
    "deep parameter": (
        lambda raw: craft(raw, set_tree("callbacks", value=deep_tuple(400))),
        "nested too deeply",
    ),
    "other format": (
        lambda raw: craft(raw, set_metadata("format_version", "2")),
        "version '2' of the format, written by sksequence '0.*reads version '1'",
    ),
    "other library": (lambda raw: craft(raw, set_metadata("format", "pt")), "does not say that"),
    "more metadata": (lambda raw: craft(raw, set_metadata("x", "y")), "its metadata should be"),
    "wrong shape": (lambda raw: craft(raw, wrong_shape), r"shape \(1000, 1000\) should be"),
    "other shape": (lambda raw: craft(raw, other_shape), "checksum differs"),
    "lying size": (lambda raw: craft(raw, lying_size), "should be the .* bytes from"),
    "overlap": (lambda raw: craft(raw, overlap), "should be the .* bytes from"),
    "gap at the end": (
        lambda raw: craft(raw, lambda h, t, data: bytes(data) + b"00"),
        "should fill the file",
    ),
    "negative": (
        lambda raw: craft(raw, lambda h, t, d: first_weight(h).update(shape=[-1, -1])),
        "has the wrong description",
    ),
    "unknown dtype": (
        lambda raw: craft(raw, lambda h, t, d: first_weight(h).update(dtype="O")),
        "has the wrong description",
    ),
    "nan weights": (lambda raw: craft(raw, nan_weights), "checksum differs"),
    "unknown class": (lambda raw: craft(raw, set_root("os.system")), "class 'os.system'"),
    "path as class": (lambda raw: craft(raw, set_root("../../evil")), r"class '../../evil'"),
    "part as root": (
        lambda raw: craft(raw, set_root("sklearn.ensemble.RandomForestClassifier")),
        "which is not a known one",
    ),
    "path as array": (
        lambda raw: craft(raw, set_tree("classes_", value={"array": "/etc/passwd"})),
        "names the array '/etc/passwd', which is absent",
    ),
    "text as parameter": (
        lambda raw: craft(raw, set_tree("hidden_size", value="x")),
        "'hidden_size' parameter of RNNClassifier must be an int",
    ),
    "array as parameter": (
        lambda raw: craft(raw, set_tree("tol", value={"objects": [[2**40, 0], []]})),
        "'tol' parameter of RNNClassifier must be a float",
    ),
    "negative parameter": (
        lambda raw: craft(raw, set_tree("max_epochs", value=-1)),
        "'max_epochs' parameter of RNNClassifier must be an int",
    ),
    "equal hashes": (
        lambda raw: craft(raw, set_tree("x_", value={"set": EQUAL_HASHES})),
        "a set or dict with 4999 items of equal hashes",
    ),
    "keys of equal hashes": (
        lambda raw: craft(raw, set_tree("x_", value={"dict": [EQUAL_HASHES, [0] * 5000]})),
        "a set or dict with 4999 items of equal hashes",
    ),
    "huge vocabulary": (
        lambda raw: craft(raw, set_spec("n_symbols", {"tuple": [2**62]})),
        "do not fit the (parameters|network)",
    ),
    "unknown tag": (
        lambda raw: craft(raw, set_tree("cell", value={"reduce": ["os.system", "id"]})),
        "a part that is not of this format",
    ),
    "type as cell": (
        lambda raw: craft(raw, set_tree("cell", value={"type": "LanguageModel"})),
        "its 'cell' names the unknown type",
    ),
    "method": (
        lambda raw: craft(raw, set_tree("predict", value=1)),
        "RNNClassifier cannot have an attribute 'predict'",
    ),
    "no characters": (
        lambda raw: craft(raw, no_characters),
        "has numbers that are not characters",
    ),
    "state behind the end": (
        lambda raw: craft(raw, set_tree("random_state", value=STATE)),
        "has a part that is not of this format",
    ),
    "folder of pickles": (
        lambda raw: craft(raw, set_tree("memory", value="/tmp/folder")),
        r"RNNClassifier.memory is a folder of pickles, .* Set memory=None",
    ),
    "dunder": (lambda raw: craft(raw, set_tree("__class__", value=1)), "attribute '__class__'"),
    "unknown array": (
        lambda raw: craft(raw, lambda h, t, d: attributes(t).pop("classes_") and None),
        "belongs to nothing",
    ),
    "wide network": (lambda raw: craft(raw, set_spec("hidden_size", 10**9)), "but there are"),
    "deep network": (lambda raw: craft(raw, set_spec("num_layers", 10**9)), "but there are"),
    "other network": (
        lambda raw: craft(raw, set_spec("cell", "rnn")),
        r"should be float32 of shape \(1,",
    ),
    "other targets": (lambda raw: craft(raw, set_spec("n_outputs", 3)), "do not fit the network"),
    "text as size": (lambda raw: craft(raw, set_spec("hidden_size", "x")), "invalid literal"),
    "more attributes": (lambda raw: craft(raw, set_spec("x", 1)), "NetworkSpec has the attribute"),
    "no blueprint": (
        lambda raw: craft(raw, set_tree("_blueprint", value=None)),
        "belongs to nothing",
    ),
    "other blueprint": (
        lambda raw: craft(raw, lambda h, t, d: swap_parts(attributes(t))),
        "its parts do not fit together",
    ),
    "array used twice": (
        lambda raw: craft(raw, set_tree("x_", value=bomb("RNNClassifier.loss_curve_"))),
        r"uses the array 'RNNClassifier.loss_curve_' twice",
    ),
    "no checksum": (
        lambda raw: craft(raw, set_tree("_checksum", value=None)),
        "weights without a checksum",
    ),
}


@pytest.mark.parametrize("kind", CRAFTED)
def test_crafted_files_are_refused(kind, raw, tmp_path):
    """A file with a valid checksum that is wrong in any other way is an error of ours.

    It is found within a second, and without more memory than twice the file and a few MB.
    """
    make, message = CRAFTED[kind]
    path = tmp_path / "crafted"
    path.write_bytes(make(raw))
    start = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as found:
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(found.value).startswith(f"{path} cannot be loaded: ")
    assert time.perf_counter() - start < 1
    assert peak < 2 * path.stat().st_size + 3e6


def nodes(node, path=()):
    """Yield all places of a tree."""
    yield path
    items = node.items() if isinstance(node, dict) else ()
    for key, value in enumerate(node) if isinstance(node, list) else items:
        yield from nodes(value, (*path, key))


SWAPS = (None, -1, 2**62, 0.5, "x", [], {}, {"tuple": [0]}, {"float": "nan"}, {"dict": [[1], [2]]})


def test_any_other_value_is_read_or_refused(raw, tmp_path):
    """With any value in any place of the tree, a file is loaded or an error of ours is raised."""
    tree, path = split(raw)[1], tmp_path / "crafted"
    random = np.random.default_rng(0)
    places = [place for place in nodes(tree) if place]
    for place in places:
        value = SWAPS[random.integers(len(SWAPS))]

        def change(header, tree, data, place=place, value=value):
            for key in place[:-1]:
                tree = tree[key]
            tree[place[-1]] = value

        path.write_bytes(craft(raw, change))
        try:
            load(path)
        except ValueError as error:
            assert str(error).startswith(f"{path} cannot be loaded: "), error  # noqa: PT017


AUDIT = """
import sys
from pathlib import Path

import sksequence
from sksequence.persistence import load

paths = [Path(text) for text in sys.argv[1:]]
load(paths[0])
load(paths[0]).predict  # everything is imported by now
seen = []
sys.addaudithook(lambda event, args: seen.append((event, args)))
for path in paths:
    try:
        load(path)
    except ValueError:
        pass
    finally:
        events = {event for event, _ in seen}
bad = ("compile", "exec", "import", "pickle", "marshal", "os.", "subprocess", "socket", "ctypes")
assert not [e for e in events if e.startswith(bad)], events
opened = {str(args[0]) for event, args in seen if event == "open"}
assert opened <= {str(path) for path in paths}, opened
"""


def test_loading_runs_nothing(raw, tmp_path):
    """Loading imports, compiles and executes nothing, and opens no other file."""
    paths = []
    for i, (make, _) in enumerate([(lambda raw: raw, ""), *CRAFTED.values()]):
        paths.append(tmp_path / str(i))
        paths[-1].write_bytes(make(raw))
    run_in_child(AUDIT, *map(str, paths))


def test_special_files_are_not_read(tmp_path):
    """Devices without an end and folders are refused."""
    with pytest.raises(ValueError, match="/dev/zero cannot be loaded: it is not a regular file"):
        load("/dev/zero")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent")


# --- files are written as a whole or not at all --------------------------------------------------


@pytest.fixture
def saved(tmp_path):
    """Return the path of a saved scaler."""
    save(StandardScaler(), tmp_path / "saved")
    return tmp_path / "saved"


def assert_untouched(path, before):
    """Check that a file is as before, and that there is no other one."""
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(saved, tiny):
    """An error of the disk changes nothing."""
    resource = pytest.importorskip("resource")
    before = saved.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            save(tiny, saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_untouched(saved, before)
    with pytest.raises(OSError, match="No space left"):
        save(tiny, "/dev/full")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.mark.parametrize("function", ["fsync", "replace", "fchmod"])
@pytest.mark.parametrize("error", [OSError("broken"), KeyboardInterrupt()])
def test_interrupts_leave_the_old_file(function, error, saved, tiny, monkeypatch):
    """Neither an error nor Ctrl-C leaves a part of a file."""

    def fail(*args, **kwargs):
        raise error

    before = saved.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path if function == "replace" else os, function, fail)
        with pytest.raises(type(error)):
            save(tiny, saved)
    assert_untouched(saved, before)


def test_permissions_and_links_are_kept(saved, tiny, tmp_path):
    """A new file has the permissions of the old one or the usual ones, and links stay links."""
    for mode in (0o600, 0o640, 0o664):
        saved.chmod(mode)
        save(tiny, saved)
        assert stat.S_IMODE(saved.stat().st_mode) == mode
    link = tmp_path / "link"
    link.symlink_to(saved)
    save(StandardScaler(), link)
    assert link.is_symlink()
    assert isinstance(load(saved), StandardScaler)
    before = os.umask(0o027)
    try:
        save(tiny, tmp_path / "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_read_only_files_are_kept(saved, tiny, monkeypatch):
    """A file that may not be written is not replaced."""
    before = saved.read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match=r"is read-only[.] Save to another path"):
        save(tiny, saved)
    assert_untouched(saved, before)


def test_saving_is_deterministic(tiny, tmp_path):
    """The same estimator gives the same bytes, and so does a loaded one."""
    save(tiny, tmp_path / "a")
    save(load(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# --- other libraries and versions ----------------------------------------------------------------


def test_files_are_those_of_safetensors(tiny, tmp_path):
    """The package safetensors reads the same arrays."""
    safetensors = pytest.importorskip("safetensors.numpy")
    save(tiny, tmp_path / "saved")
    arrays = safetensors.load_file(tmp_path / "saved")
    weights = tiny.__getstate__()["_arrays"]["weights"]
    for name, array in weights.items():
        assert_same(arrays[f"RNNClassifier._arrays.weights.{name}"], array)
    digest = hashlib.sha256((tmp_path / "saved").read_bytes()[:-32]).digest()
    assert arrays["sha256"].tobytes() == digest


def test_skops(tmp_path):
    """A classifier of numbers needs the seven types that the guide names, and predicts the same."""
    skops = pytest.importorskip("skops.io")
    guide = (ROOT / "docs" / "user_guide" / "saving.rst").read_text("utf-8")
    model = FITS["labels"]()
    skops.dump(model, tmp_path / "saved.skops")
    named = re.findall(r'^       "(sksequence\..+)",$', guide, re.MULTILINE)
    assert skops.get_untrusted_types(file=tmp_path / "saved.skops") == named
    twin = skops.load(tmp_path / "saved.skops", trusted=named)
    assert_same(twin.predict_proba(X), model.predict_proba(X))


# Kinds of golden files: how each is fitted, what it reads, and with which method.
GOLDEN_KINDS = {
    "classifier": (FITS["tables"], TABLES, "predict_proba"),
    "regressor": (FITS["windows"], X, "predict"),
    "generator": (FITS["conditional"], TEXTS, "transform"),
    "series": (FITS["seasons"], X, "predict"),
    "pipeline": (lambda: example_pipeline().fit(TABLE, LABELS), TABLE, "predict_proba"),
    "irregular": (FITS["irregular"], TIMED, "predict_proba"),
    "intervals": (FITS["distributions"], X, "predict_std"),
}
GOLDEN_RELEASES = ("0.1.0", "0.2.0")  # files of the first one have no kind that came later


def golden_predictions(version):
    """Return the predictions that a release made, by the kind of file."""
    return json.loads((GOLDEN / f"{version}.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("version", "kind"), [(v, kind) for v in GOLDEN_RELEASES for kind in golden_predictions(v)]
)
def test_files_of_earlier_releases(kind, version):
    """Files that a release wrote are loaded and predict what they did, to rounding."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if kind == "pipeline":  # its parts of scikit-learn are those of one version
            warnings.simplefilter("ignore", InconsistentVersionWarning)
        model = load(GOLDEN / f"{kind}_{version}.sksequence")
    _, inputs, method = GOLDEN_KINDS[kind]
    result = np.asarray(getattr(model, method)(inputs), dtype=float)
    np.testing.assert_allclose(result, golden_predictions(version)[kind], rtol=1e-4, atol=1e-5)
    assert sklearn.utils.estimator_html_repr(model)


def test_this_release_has_golden_files():
    """The version of the package, unless it is one for development, has files of all kinds."""
    newest = GOLDEN_RELEASES[-1]
    assert sksequence.__version__ == newest or "dev" in sksequence.__version__
    assert list(golden_predictions(newest)) == list(GOLDEN_KINDS)


def write_golden_files(version):
    """Write the golden files of a release: once, before it is tagged.

    python -c "from tests.test_persistence import *; write_golden_files('0.2.0')"
    """
    expected = {}
    for kind, (fit, inputs, method) in GOLDEN_KINDS.items():
        model = fit()
        save(model, GOLDEN / f"{kind}_{version}.sksequence")
        result = np.asarray(getattr(model, method)(inputs), dtype=float)
        expected[kind] = result.round(7).tolist()
    (GOLDEN / f"{version}.json").write_text(json.dumps(expected), "utf-8")


# --- pickles -------------------------------------------------------------------------------------


def changed(state, *keys, value):
    """Return a copy of a state with one other value."""
    state = deepcopy(state)
    inner = state
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return state


def restore(state):
    """Set a state as a pickle does."""
    model = RNNClassifier.__new__(RNNClassifier)
    model.__setstate__(state)
    return model


def test_every_changed_byte_of_pickled_weights_is_found(tiny):
    """Weights and the state of the optimizer are checked before they are used."""
    state = tiny.__getstate__()
    arrays = [*state["_arrays"]["weights"].values(), state["_arrays"]["dropout"]]
    moments = state["_arrays"]["optimizer"]["state"].values()
    arrays += [array for moment in moments for array in moment.values()]
    assert len(arrays) > 15
    whole = pickle.dumps(tiny)
    for array in arrays:
        found = [i for i in range(len(whole)) if whole.startswith(array.tobytes(), i)]
        for at in range(0, array.nbytes, 1 + array.nbytes // 40):
            other = bytearray(whole)
            other[found[0] + at] ^= 0x10
            with pytest.raises(ValueError, match="have changed since they were stored: the check"):
                pickle.loads(other)


def test_wrong_weights_in_a_pickle(tiny):
    """Absent checksums, numbers that are not finite and other sizes are errors."""
    state = tiny.__getstate__()
    with pytest.raises(ValueError, match="RNNClassifier has weights without a checksum"):
        restore(changed(state, "_checksum", value=None))
    with pytest.raises(ValueError, match="The weights of this RNNClassifier are not arrays"):
        restore(changed(state, "_arrays", "weights", value=[1.0]))
    former = changed(state, "_sksequence_version", value="0.0.1")
    del former["_checksum"]
    with pytest.warns(UserWarning, match="pickled with sksequence 0.0.1"):
        restore(former)
    former["_arrays"]["weights"]["head.bias"][0] = np.nan
    with (
        pytest.warns(UserWarning, match="pickled with sksequence 0.0.1"),
        pytest.raises(ValueError, match=r"weights head.bias of this RNNClassifier contain NaN"),
    ):
        restore(former)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_size", 10**9),
        ("hidden_size", -1),
        ("num_layers", 10**9),
        ("n_outputs", 0),
        ("n_estimators", 10**9),
    ],
)
def test_sizes_are_checked_before_memory_is_taken(tiny, name, value):
    """A specification that its weights cannot fill builds nothing."""
    state = deepcopy(tiny.__getstate__())
    object.__setattr__(state["_blueprint"].spec, name, value)
    with pytest.raises(ValueError, match=r"do not fit the (parameters|network)"):
        restore(state)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("texts", "n_symbols", (2,)),
        ("tables", "n_symbols", ()),
        ("symbols", "n_symbols", (5,)),
        ("conditional", "n_symbols", (20,)),
        ("words", "tied_codes", (-1, 1)),
        ("words", "tied_codes", (1, 100)),
        ("symbols", "n_outputs", 2),
    ],
)
def test_vocabularies_fit_the_network(kind, name, value):
    """Codes of symbols are never looked up behind the end of a table."""
    state = deepcopy(FITS[kind]().__getstate__())
    object.__setattr__(state["_blueprint"].spec, name, value)
    with pytest.raises(ValueError, match="The vocabularies and targets do not fit the network"):
        restore(state)


def test_every_shape_is_checked(tiny):
    """Smaller networks, other types and other names are refused too."""
    state = deepcopy(tiny.__getstate__())
    object.__setattr__(state["_blueprint"].spec, "hidden_size", 1)
    with pytest.raises(ValueError, match=r"fit the parameters: head.weight should be float32 of "):
        restore(state)


def test_own_cells_may_hold_infinity():
    """Buffers of a user's cell are not weights of ours."""
    model = RNNClassifier(MaskedCell, hidden_size=2, max_epochs=1, random_state=0).fit(X, LABELS)
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(twin.predict_proba(X), model.predict_proba(X))
