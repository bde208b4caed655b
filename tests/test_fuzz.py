"""Random calls of the public API: each gives a right result, or an error of this package.

A case is made from one integer seed: data in a random container, often damaged, random parameters
and random methods. A failure names its seed; to run one case alone:
``python -c "from tests.test_fuzz import check_case; check_case(SEED)"``.
"""

import dis
import pickle
import re
import warnings
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial

import awkward as ak
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, UndefinedMetricWarning
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences, metrics
from sksequence import preprocessing as pre
from sksequence._cells import CELLS, LSTM, FeedForward, SimpleRNN
from sksequence.model_selection import recommended_grid

IMPOSSIBLE = (  # errors of libraries that cannot build a container
    ArithmeticError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError,
    ValueError, pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException,
)  # fmt: skip
REFUSED = object()  # the result of a call that ended in an error
WORDS = ["run", "walk", "stop", "a b", "é", "x"]

# --- the laws -------------------------------------------------------------------------------------

OWN = re.compile(r"[/\\](sksequence|sklearn)[/\\]")
OTHERS = re.compile(
    r"object has no attribute|not subscriptable|not iterable|unsupported operand|"
    r"inhomogeneous|invalid literal|broadcast|not supported between|"
    r"ufunc|boolean value of|truth value|has no len|unhashable|only integer|cannot convert|"
    r"narwhals"
)
SKLEARN_WARNINGS = ConvergenceWarning, DataConversionWarning, UndefinedMetricWarning


def check_error(error):
    """Check that an error was raised by a statement of this package or scikit-learn."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    code, text = trace.tb_frame.f_code, str(error)
    if code.co_filename.endswith("_encode.py") or "multidimensional key" in text:
        return  # scikit-learn's encoders meet another type than in fit, or names that are tuples
    instructions = {i.offset: i.opname for i in dis.get_instructions(code)}
    by_raise = instructions.get(trace.tb_lasti) in {"RAISE_VARARGS", "RERAISE"}
    allowed = ValueError, TypeError, AttributeError, MemoryError, FloatingPointError, IndexError
    assert isinstance(error, allowed), "an error of another type"
    assert OWN.search(code.co_filename), f"raised in {code.co_filename}"
    assert by_raise or code.co_filename.endswith(".pyx"), f"not raised by {code.co_name}"
    of_transformer = "\nThe first one is" in text  # of scikit-learn, with the place in X
    assert of_transformer or not OTHERS.search(text), "the words of another library"
    if "sksequence" in OWN.findall(code.co_filename)[-1]:
        assert re.search(r"[.?]$", text), "the message does not end with a full stop"


def check_warnings(caught):
    """Check that all warnings are those of this package or scikit-learn."""
    for warning in caught:
        is_own = issubclass(warning.category, SKLEARN_WARNINGS) or warning.category is UserWarning
        is_own |= warning.filename.endswith("extmath.py")  # statistics of a column without values
        foreign = "site-packages" in warning.filename and not OWN.search(warning.filename)
        assert is_own, f"warning of another kind at {warning.filename}: {warning.message}"
        assert not foreign, f"warning at {warning.filename}: {warning.message}"


def check_finite(result):
    """Check that all numbers of a result are finite; elements may be arrays and lists."""
    if isinstance(result, Sequences):
        result = list(result)
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, float | np.floating):
        assert np.isfinite(result), "a result that is not finite"
    elif isinstance(result, np.ndarray) and result.dtype.kind == "f":
        assert np.isfinite(result).all(), "a result that is not finite"
    elif isinstance(result, list | tuple) or (
        isinstance(result, np.ndarray) and result.dtype == object
    ):
        for element in result:
            check_finite(element)


def digest(x):
    """Describe data completely, so that a change of them can be found."""
    if isinstance(x, np.ma.MaskedArray):
        return "masked", digest(np.asarray(x.data)), digest(np.ma.getmaskarray(x))
    if isinstance(x, np.ndarray):
        return str(x.dtype), x.shape, digest(x.tolist()) if x.dtype.kind in "OT" else x.tobytes()
    if isinstance(x, torch.Tensor) and not x.is_sparse and type(x).__name__ != "FakeTensor":
        pieces = x.unbind() if x.is_nested else [x]
        return [(str(p.dtype), tuple(p.shape), p.requires_grad, str(p.tolist())) for p in pieces]
    if isinstance(x, pd.DataFrame):
        return digest([list(x.columns), x.index, *(x.iloc[:, j] for j in range(x.shape[1]))])
    if isinstance(x, pd.Series | pd.Index):
        return str(x.dtype), repr(list(x)), repr(x.index.tolist()) if hasattr(x, "index") else ""
    if isinstance(x, pl.DataFrame):
        return str(x.schema), repr(x.rows())
    if isinstance(x, pl.Series | ak.Array | pa.Array | pa.ChunkedArray | pa.Table):
        return type(x).__name__, repr(x.to_pylist() if hasattr(x, "to_pylist") else x.to_list())
    if isinstance(x, Sequences):
        return digest([x.values, x.table, x.offsets, x.codes, x.feature_names])
    if isinstance(x, list | tuple):
        return type(x).__name__, [digest(element) for element in x]
    if isinstance(x, dict):
        return [(repr(key), digest(value)) for key, value in x.items()]
    if isinstance(x, BaseEstimator):
        return type(x).__name__, repr(x.get_params(deep=False))
    return repr(x)


def show(x):
    """Return the start of the representation of x, for the message of a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns of infinity
        try:
            return f"{x!r:.1500}"
        except IMPOSSIBLE:
            return str(type(x))


class Case:
    """The calls of one case, each of them held to the laws."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.calls = []

    def one_of(self, *values):
        """Return one of the values."""
        return values[self.rng.integers(len(values))]

    def chance(self, p):
        """Return True with this probability."""
        return self.rng.random() < p

    def call(self, function, *args, **options):
        """Call a function; return its result, or REFUSED if it ends in a good error."""
        before = repr(digest([args, options]))
        name = getattr(function, "__name__", str(function))
        self.calls.append(f"{name}{show(args)} {show(options)}")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = function(*args, **options)
            except Exception as error:  # noqa: BLE001 - all are checked
                self.calls[-1] += f"\n  -> {type(error).__name__}: {error}"
                check_error(error)
                result = REFUSED
        check_warnings(caught)
        assert repr(digest([args, options])) == before, "an input was changed"
        if result is not REFUSED and not isinstance(result, BaseEstimator):
            self.calls[-1] += f"\n  -> {show(result):.200}"
        return result


def method(estimator, name, *args, **options):
    """Call a method; it may be absent after this fit, which is an error too."""
    return getattr(estimator, name)(*args, **options)


# --- data -----------------------------------------------------------------------------------------

DTYPES = ["f8", "f8", "f8", "f4", "f2", "i8", "i8", "i4", "u1", "u8", "?", "O", "g", "c16"]


def objects(items):
    """Return a 1-D array of objects."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def read_only(array):
    """Return a copy that cannot be written to."""
    array = np.array(array)
    array.flags.writeable = False
    return array


def frame_of(case, array, names):
    """Return a DataFrame with its columns in a random order."""
    frame = pd.DataFrame({name: array[:, j] for j, name in enumerate(names)})
    return frame[[names[j] for j in case.rng.permutation(len(names))]]


def nullable(frame):
    """Return a DataFrame whose columns of numbers have the nullable types of pandas."""
    types = {"f": "Float64", "i": "Int64", "u": "UInt64", "b": "boolean"}
    kinds = {name: dtype.kind for name, dtype in frame.dtypes.items()}
    return frame.astype({name: types[kind] for name, kind in kinds.items() if kind in types})


TABLES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "Arrow": partial(pa.Table.from_pandas, preserve_index=False),
    "nullable": nullable,
    "pandas on Arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda frame: frame.astype(object),
}


def cells_of(arrays, names, as_cell):
    """Return a table whose cells are sequences."""
    return pd.DataFrame(
        {n: objects([as_cell(a[:, j]) for a in arrays]) for j, n in enumerate(names)}
    )


def ragged_forms(case, arrays, names):
    """Return containers of sequences of several features, by family: all of one family agree."""
    n_features = arrays[0].shape[1]
    nested = [array.tolist() for array in arrays]
    forms = {
        "arrays": lambda: list(arrays),
        "tuple": lambda: tuple(arrays),
        "objects": lambda: objects(arrays),
        "lists": lambda: nested,
        "tuples": lambda: [[tuple(step) for step in steps] for steps in nested],
        "Sequences": lambda: Sequences.from_arrays(arrays),
        "tensors": lambda: [torch.tensor(array) for array in arrays],
        "jagged": lambda: torch.nested.nested_tensor(
            [torch.tensor(a) for a in arrays], layout=torch.jagged
        ),
        "awkward": lambda: ak.Array(nested),
        "Arrow": lambda: pa.array(nested),
        "polars": lambda: pl.Series(nested),
        "Fortran": lambda: [np.asfortranarray(array) for array in arrays],
        "read-only": lambda: [read_only(array) for array in arrays],
        "strided": lambda: [np.repeat(array, 2, axis=0)[::2] for array in arrays],
    }
    if n_features == 1:
        forms |= {
            "flat": lambda: [array[:, 0] for array in arrays],
            "flat lists": lambda: [array[:, 0].tolist() for array in arrays],
            "Series": lambda: [pd.Series(array[:, 0]) for array in arrays],
            "polars list": lambda: [pl.Series(array[:, 0]) for array in arrays],
            "flat Arrow": lambda: pa.array([array[:, 0].tolist() for array in arrays]),
            "pandas of arrays": lambda: pd.Series([array[:, 0] for array in arrays]),
        }
    tables = {
        library: lambda convert=convert: [convert(frame_of(case, a, names)) for a in arrays]
        for library, convert in TABLES.items()
    }
    cells = {
        "lists": lambda: cells_of(arrays, names, list),
        "arrays": lambda: cells_of(arrays, names, np.array),
        "polars": lambda: pl.from_pandas(cells_of(arrays, names, list)),
        "Arrow": lambda: pa.Table.from_pandas(cells_of(arrays, names, list)),
    }
    return {"ragged": forms, "tables": tables, "cells": cells}


def equal_forms(arrays):
    """Return containers of sequences of equal length, by family."""
    block = np.stack(arrays)
    cube = {
        "3-D": lambda: block,
        "Fortran": lambda: np.asfortranarray(block),
        "tensor": lambda: torch.tensor(block),
        "read-only": lambda: read_only(block),
        "strided": lambda: np.repeat(block, 2, axis=2)[:, :, ::2],
        "masked": lambda: np.ma.array(block),
    }
    if block.shape[2] > 1:
        return {"3-D": cube}
    flat = block[:, :, 0]
    table = {
        "2-D": lambda: flat,
        "Fortran": lambda: np.asfortranarray(flat),
        "tensor": lambda: torch.tensor(flat),
        "read-only": lambda: read_only(flat),
    }
    names = [f"t{t}" for t in range(flat.shape[1])]
    frames = {k: lambda f=f: f(pd.DataFrame(flat, columns=names)) for k, f in TABLES.items()}
    return {"3-D": cube, "table": table, "frames": frames}


def token_forms(tokens):
    """Return containers of sequences of tokens, by family."""
    return {
        "tokens": {
            "lists": lambda: tokens,
            "tuples": lambda: [tuple(item) for item in tokens],
            "arrays": lambda: [np.array(item) for item in tokens],
            "object arrays": lambda: [np.array(item, dtype=object) for item in tokens],
            "objects": lambda: objects(tokens),
            "Arrow": lambda: pa.array(tokens),
            "polars": lambda: pl.Series(tokens),
            "awkward": lambda: ak.Array(tokens),
            "Sequences": lambda: Sequences.from_arrays([np.array(item) for item in tokens]),
            "pandas": lambda: pd.Series(tokens),
        },
        "cells": {
            "pandas": lambda: pd.DataFrame({"t": tokens}),
            "polars": lambda: pl.DataFrame({"t": tokens}),
            "Arrow": lambda: pa.table({"t": tokens}),
        },
    }


def text_forms(texts):
    """Return containers of texts, by family."""
    return {
        "texts": {
            "list": lambda: texts,
            "tuple": lambda: tuple(texts),
            "array": lambda: np.array(texts),
            "objects": lambda: objects(texts),
            "StringDType": lambda: np.array(texts, dtype=np.dtypes.StringDType()),
            "pandas": lambda: pd.Series(texts),
            "pandas objects": lambda: pd.Series(texts, dtype=object),
            "polars": lambda: pl.Series(texts),
            "Arrow": lambda: pa.array(texts),
        },
        "column": {
            "array": lambda: np.array(texts)[:, None],
            "objects": lambda: objects(texts)[:, None],
        },
        "frame": {k: lambda f=f: f(pd.DataFrame({"t": texts})) for k, f in TABLES.items()},
    }


def mixed_forms(case, arrays, tokens, names):
    """Return tables with numbers and a category, by family."""
    frames = [frame_of(case, array, names) for array in arrays]
    frames = [f.assign(mode=token) for f, token in zip(frames, tokens, strict=True)]
    category = pd.CategoricalDtype(WORDS)
    tables = {k: lambda f=f: [f(frame) for frame in frames] for k, f in TABLES.items()}
    tables["category"] = lambda: [frame.astype({"mode": category}) for frame in frames]
    tables["Sequences"] = lambda: Sequences.from_arrays(frames)
    cells = cells_of(arrays, names, list).assign(mode=objects(tokens))
    if case.chance(0.5):
        cells["fixed"] = np.arange(len(cells)) / 7
        cells["place"] = [WORDS[i % 3] for i in range(len(cells))]
    nested = {
        "pandas": lambda: cells,
        "polars": lambda: pl.from_pandas(cells),
        "Arrow": lambda: pa.Table.from_pandas(cells, preserve_index=False),
    }
    return {"tables": tables, "cells": nested}


def draw_X(case, kind=None):
    """Return containers of the same sequences, a function for each, and the lengths."""
    rng = case.rng
    n = int(rng.integers(3, 11))
    lengths = rng.integers(2, 8, n)
    is_equal = case.chance(0.4)
    if is_equal:
        lengths[:] = lengths[0]
    n_features = int(case.one_of(1, 1, 2, 3))
    names = ["a", "b", "c"][:n_features]
    kind = kind or case.one_of(*["numbers"] * 5, "mixed", "mixed", "tokens", "texts")
    arrays = [rng.normal(0, 10.0 ** rng.integers(-2, 4), (t, n_features)) for t in lengths]
    tokens = [rng.choice(WORDS, t).tolist() for t in lengths]
    if kind == "numbers":
        dtype = case.one_of(*DTYPES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arrays = [
                np.abs(a * 3).astype(dtype) if dtype in "u1u8" else a.astype(dtype) for a in arrays
            ]
        families = ragged_forms(case, arrays, names)
        if is_equal:
            families = equal_forms(arrays) if case.chance(0.7) else families
    elif kind == "mixed":
        families = mixed_forms(case, arrays, tokens, names)
    elif kind == "tokens":
        families = token_forms(tokens)
    else:
        families = text_forms([" ".join(item) for item in tokens])
        lengths = None
    return list(families[case.one_of(*families)].values()), n, lengths


def build(case, form):
    """Return the container of a form, or None if its library does not take these data."""
    with warnings.catch_warnings(record=True):
        try:
            return form()
        except IMPOSSIBLE:
            return None


def draw_y(case, n, lengths, kind):
    """Return targets in a random container: labels, numbers, counts or indicators."""
    rng = case.rng
    per_step = lengths is not None and case.chance(0.25)
    sizes = lengths if per_step else [n]
    if kind == "labels":
        labels = case.one_of([0, 1], [1, 2, 5], ["no", "yes"], ["b", "a", "c"], [True, False])
        pieces = [np.array(labels)[rng.integers(0, len(labels), t)] for t in sizes]
    else:
        pieces = [rng.normal(0, 10.0 ** rng.integers(-1, 4), t) for t in sizes]
        if kind == "counts" or case.chance(0.2):
            pieces = [np.abs(piece).round() for piece in pieces]
    if per_step:
        if case.chance(0.15):
            pieces[0] = pieces[0].astype(object)
            pieces[0][0] = case.one_of(None, np.nan)
        make = case.one_of(
            list,
            objects,
            lambda p: [e.tolist() for e in p],
            lambda p: [pd.Series(e) for e in p],
            lambda p: pd.Series(p),
            lambda p: pa.array([e.tolist() for e in p]),
            Sequences.from_arrays,
            lambda p: pl.Series([e.tolist() for e in p]),
            lambda p: ak.Array([e.tolist() for e in p]),
        )
        return build(case, lambda: make(pieces))
    y = pieces[0]
    if case.chance(0.2):
        y = np.stack([rng.permutation(y) for _ in range(case.one_of(1, 2, 3))], axis=1)
        if kind == "labels":
            y = (y == y[0, 0]).astype(case.one_of(int, float, bool))
        make = case.one_of(np.array, np.ndarray.tolist, pd.DataFrame, pl.DataFrame, torch.tensor)
    else:
        make = case.one_of(
            np.array,
            np.ndarray.tolist,
            tuple,
            objects,
            pd.Series,
            pl.Series,
            pa.array,
            lambda y: y[:, None],
            lambda y: pd.DataFrame({"y": y}),
            lambda y: pd.Categorical(y),
            lambda y: pd.Series(y).convert_dtypes(),
            lambda y: pd.Series(y, dtype="category"),
            lambda y: y.astype(case.one_of("f4", "i8", "O", "f2")),
            torch.tensor,
        )
    return build(case, lambda: make(y))


# --- damage ---------------------------------------------------------------------------------------

BAD = [
    None, np.nan, pd.NA, pd.NaT, np.inf, -np.inf, 1e300, 1e39, 10**30, -(2**63), "", "x", "3", b"x",
    datetime(2020, 1, 1), date(2020, 1, 1), np.datetime64("2020-01-01"), np.timedelta64(1, "D"),
    timedelta(1), Decimal("1.5"), Decimal("NaN"), Decimal("Infinity"), Fraction(1, 3), 1j, object(),
    [], {}, (), set(), [1], [[1]], [[[1.0]]], ["a", 1], [None], np.zeros(0), np.zeros((2, 2, 2)),
    np.zeros((0, 2)), np.zeros((2, 0)), np.array(1.0), np.array(["a"]), True, range(3), "\0",
    pd.Timestamp("2020"), pd.Period("2020"), pd.DataFrame(), pd.Series(dtype=float), pd.Series([1]),
    np.float32("nan"), int, {"a": 1}, np.str_("s"), torch.tensor(1.0), pl.Series([1]),
    pd.Interval(0, 1), slice(3), pl.DataFrame({"a": [1]}), pa.scalar(1), frozenset([1]), Ellipsis,
]  # fmt: skip


def damage(case, X, depth=0):
    """Return X with random damage; X itself stays as it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _damaged(case, X, depth)
    except IMPOSSIBLE:  # the library of X refuses this damage
        return X


def _damaged(case, X, depth):
    if case.chance(0.08):
        return case.one_of(
            BAD[case.rng.integers(len(BAD))],
            [X],
            (X,),
            {"X": X},
            [X, X],
            np.array([X], dtype=object),
        )
    if isinstance(X, np.ndarray):
        return _damaged_array(case, X)
    if isinstance(X, pd.DataFrame):
        return _damaged_frame(case, X)
    if isinstance(X, list | tuple) and len(X):
        return _damaged_list(case, X, depth)
    if isinstance(X, torch.Tensor) and not X.is_nested:
        return case.one_of(
            X[:0],
            X * np.nan,
            X.half(),
            X.bfloat16(),
            X.to_sparse(),
            X[None],
            X.cfloat(),
            X.float().clone().requires_grad_(),
            X.bool(),
            X.to(torch.uint16),
        )
    if isinstance(X, Sequences):
        if X.table is not None:
            return Sequences(damage(case, X.table), X.offsets)
        return Sequences(damage(case, X.values), X.offsets)
    if isinstance(X, pl.DataFrame):
        column = X.columns[case.rng.integers(X.width)]
        return case.one_of(
            X.lazy(),
            X.clear(),
            X.drop(column),
            X.rename({column: "new"}),
            X.with_columns(pl.lit(None)),
            X.with_columns(pl.lit("s").alias(column)),
            X.with_columns(pl.lit(None).alias(column)),
            X.with_columns(pl.lit(date(2020, 1, 1)).alias(column)),
            X.with_columns(pl.struct(column).alias(column)),
            X.select(),
        )
    if isinstance(X, pa.Table):
        return pa.Table.from_pandas(_damaged_frame(case, X.to_pandas()))
    if isinstance(X, pd.Series | pl.Series | pa.Array | ak.Array):
        items = X.to_pylist() if hasattr(X, "to_pylist") else X.to_list()
        items = _damaged_list(case, items, depth)
        make = {pd.Series: pd.Series, pl.Series: pl.Series}.get(type(X))
        if make is None:
            make = pa.array if isinstance(X, pa.Array) else ak.Array
        return make(items)
    return BAD[case.rng.integers(len(BAD))]


def _damaged_array(case, X):
    bad = BAD[case.rng.integers(len(BAD))]
    change = case.one_of("cell", "cell", "number", "number", "shape", "type")
    if change == "cell" and X.size:
        X = X.astype(object)
        X[tuple(case.rng.integers(X.shape))] = bad
    elif change == "number" and X.size:
        X = X.astype(case.one_of("f8", "f8", "f4"))
        X[tuple(case.rng.integers(X.shape))] = case.one_of(np.nan, np.inf, 1e300, -1e20, 3e38)
    elif change == "shape":
        X = case.one_of(
            X[:0],
            X[:, :0] if X.ndim > 1 else X[:0],
            X[None],
            X.T,
            X.ravel(),
            X[..., None],
            X[:-1],
            X[..., :-1],
            np.concatenate([X, X], axis=-1),
            X[:1],
            X.sum(),
            np.zeros((0, 0)),
        )
    else:
        X = X.astype(
            case.one_of(
                "O", "U", "S", "c16", "M8[s]", "m8[s]", "f2", "g", "?", "u8", "T", [("a", "f8")]
            )
        )
    return np.ma.array(X, mask=case.rng.random(X.shape) < 0.2) if case.chance(0.05) else X


def _damaged_frame(case, X):
    X = X.copy()
    column = X.columns[case.rng.integers(X.shape[1])]
    change = case.rng.integers(12)
    n = len(X)
    if change < 3:
        X[column] = X[column].astype(object)
        X.at[X.index[case.rng.integers(n)], column] = BAD[case.rng.integers(len(BAD))]
    elif change == 3:
        X = X.drop(columns=column)
    elif change == 4:
        X = pd.concat([X, X[[column]]], axis=1)
    elif change == 5:
        X = X.rename(columns={column: case.one_of("new", 0, None, ("a", 1), 2.5)})
    elif change == 6:
        X[column] = case.one_of(
            pd.date_range("2020", periods=n),
            pd.period_range("2020", periods=n, freq="D"),
            pd.timedelta_range("1D", periods=n),
            pd.array([None] * n, "Int64"),
            1j,
            "s",
            None,
            np.inf,
            pd.interval_range(0, n),
            np.datetime64("NaT", "s"),
            pd.array([True] * n, "boolean"),
            pd.Categorical([None] * n, ["a"]),
            pd.Categorical([1] * n),
        )
    elif change == 7:
        X.index = case.one_of(
            pd.date_range("2020", periods=n),
            pd.MultiIndex.from_product([[0], range(n)]),
            pd.Index(list("abcdefghijkl"[:n])),
            pd.Index([0] * n),
        )
    elif change == 8:
        X = X.iloc[:0]
    elif change == 9:
        X.columns = case.one_of(range(X.shape[1]), pd.MultiIndex.from_product([["m"], X.columns]))
    elif change == 10:
        X["new"] = case.one_of(1.0, "s", None, date(2020, 1, 1))
    else:
        X = X.iloc[:, :0]
    return X


def _damaged_list(case, X, depth):
    items = list(X)
    i = int(case.rng.integers(len(items)))
    change = case.rng.integers(8)
    if change < 4 and depth < 3:
        items[i] = damage(case, items[i], depth + 1)
    elif change < 6:
        items[i] = BAD[case.rng.integers(len(BAD))]
    elif change == 6:
        del items[i]
    else:
        return case.one_of(
            [],
            items[:1],
            [items],
            iter(items),
            dict(enumerate(items)),
            (x for x in items),
            [*items, None],
            [*items, items],
            items * 2,
        )
    return type(X)(items) if type(X) in {list, tuple} else items


# --- estimators -----------------------------------------------------------------------------------

SHARED = {
    "cell": [
        *CELLS,
        FeedForward(context_size=1, activation="relu"),
        LSTM(chrono_steps=50),
        SimpleRNN(activation="sigmoid"),
        torch.nn.GRU,
        torch.nn.LSTM,
    ],
    "num_layers": [1, 2],
    "residual_connections": [False, True],
    "dropout": [0.3],
    "recurrent_dropout": [0.3],
    "embedding_dim": [1, 3],
    "n_estimators": [2],
    "optimizer": ["adam", "adamw", "sgd", "rmsprop", torch.optim.Adagrad],
    "learning_rate": [1e-5, 0.1, 100.0],
    "lr_schedule": ["cosine", "linear", None],
    "weight_decay": [0.1],
    "max_grad_norm": [None, 0.1],
    "tbptt_steps": [1, 3],
    "max_epochs": [2, 3],
    "batch_size": [1, 3, 1000],
    "shuffle": [False],
    "early_stopping": [True],
    "validation_fraction": [0.3, 0.9],
    "validation_split": ["last"],
    "n_iter_no_change": [1],
    "tol": [0.0],
    "scale": ["sequence", False, True],
    "analyzer": ["word", str.split, list],
    "warm_start": [True],
    "random_state": [None, np.random.RandomState(0)],
}
SUPERVISED = SHARED | {
    "bidirectional": [True, False],
    "merge_mode": ["sum", "mean", "mul"],
    "pooling": ["last", "mean", "max", "attention"],
    "categorical_features": [[0], [True], ["a"], ["mode"], [], [-1], [5], np.array([1]), [0, 1]],
    "frame_length": ["auto", 1, 2, 20],
    "frame_step": [1, 2],
    "target": ["sequence", "steps"],
}
CLASSIFIER = SUPERVISED | {
    "loss": ["cross_entropy", "binary_cross_entropy"],
    "label_smoothing": [0.1],
    "max_features": [1, 3],
    "class_weight": ["balanced", {0: 1, 1: 2}, {"no": 1.0, "yes": 0.5}, {7: 1}, {0: -1}],
}
REGRESSOR = SUPERVISED | {
    "loss": [
        "squared_error", "absolute_error", "huber", "quantile", "gaussian", "student_t", "poisson",
        "negative_binomial", "gamma",
    ],
    "quantiles": [(0.5,), [0.01, 0.99], np.array([0.2, 0.4])],
    "residual": ["last", 1, 2, 5, [2], [3, 2], "auto"],
    "target_columns": [0, "a", [0, 1], ["b"], "all", -1, [0, 0], 9],
}  # fmt: skip
GENERATOR = SHARED | {
    "loss": ["gaussian", "student_t", "cross_entropy", "poisson", "negative_binomial", "gamma"],
    "residual": ["last", None, 1, 3, 50],
    "known_columns": [0, [0], [0, 1], [2], [], -1],
    "tie_weights": [True],
    "max_features": [1, 3],
    "conditional": [True],
    "dropout": [0.3, "auto"],
}
INVALID = [None, 0, -1, 1.5, "x", "", np.nan, np.inf, [], {}, True, "LSTM", (0.5, 0.5), 2, object()]


def draw_parameters(case, pool):
    """Return a few parameters, now and then with a value that is not valid."""
    names = case.rng.choice(sorted(pool), case.rng.integers(0, 4), replace=False)
    chosen = {str(name): case.one_of(*pool[name]) for name in names}
    if case.chance(0.05):
        wrong = str(
            case.rng.choice(sorted({*pool, "hidden_size", "device", "callbacks", "verbose"}))
        )
        chosen[wrong] = case.one_of(*INVALID)
    return {"hidden_size": case.one_of(2, 3, 4), "max_epochs": 1, "random_state": 0} | chosen


def check_rows(result, n, lengths, per_step):
    """Check that predictions have one row per sequence, or per step of each."""
    if n is None or result is REFUSED:
        return
    assert len(result) == n, f"{len(result)} results of {n} sequences"
    if per_step and lengths is not None:
        assert [len(row) for row in result] == list(lengths), "results of other lengths"


def assert_same(found, expected):
    """Compare predictions of the same data; those of strings are equal."""
    rows = [np.asarray(a) for a in (found, expected)]
    if rows[0].dtype == object:
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    else:
        np.testing.assert_array_equal(*rows)


METHODS = {
    RNNClassifier: [
        "predict",
        "predict_proba",
        "predict_log_proba",
        "decision_function",
        "transform",
    ],
    RNNRegressor: ["predict", "predict", "transform", "predict_quantiles", "predict_std"],
}


def fuzz_supervised(case):
    """Fit a classifier or a regressor, and call its methods."""
    is_classifier = case.chance(0.5)
    kind = RNNClassifier if is_classifier else RNNRegressor
    forms, n, lengths = draw_X(case)
    X = build(case, case.one_of(*forms))
    y = draw_y(case, n, lengths, "labels" if is_classifier else case.one_of("numbers", "counts"))
    weight = draw_weight(case, n)
    was_damaged = False
    if case.chance(0.3):
        X, was_damaged = damage(case, X), True
    if case.chance(0.15):
        y, was_damaged = damage(case, y), True
    estimator = kind(**draw_parameters(case, CLASSIFIER if is_classifier else REGRESSOR))
    name = "fit" if case.chance(0.9) else "partial_fit"
    if case.call(method, estimator, name, X, y, **weight) is REFUSED:
        return
    size = None if was_damaged else n
    if estimator.target_ == "sequence":
        lengths = None
    for _ in range(2):
        name = case.one_of(*METHODS[kind])
        other = damage(case, X) if case.chance(0.5) else X
        result = case.call(method, estimator, name, other)
        check_finite(result)
        if other is X:
            assert result is not REFUSED or not hasattr(estimator, name), "refused what was fitted"
            if name != "predict_quantiles":
                check_rows(result, size, lengths, estimator.target_ == "steps")
    if not was_damaged:
        check_twin(case, estimator, X, forms)
        check_copies(case, estimator, X)
    if case.chance(0.3):
        score = case.call(method, estimator, "score", X, damage(case, y) if case.chance(0.5) else y)
        check_finite(None if len(X) < 2 else score)
    if case.chance(0.2):
        case.call(
            method, estimator, case.one_of("fit", "partial_fit"), damage(case, X), y, **weight
        )


def draw_weight(case, n):
    """Return sample weights, mostly none."""
    if case.chance(0.9):
        return {}
    weight = case.one_of(
        np.ones(n),
        np.arange(n),
        np.zeros(n),
        case.rng.random(n),
        [1] * n,
        np.full(n, np.nan),
        -np.ones(n),
        np.ones(n + 1),
        np.ones((n, 2)),
        2.0,
        pd.Series(np.ones(n)),
        "x",
        ["a"] * n,
        np.full(n, 1e300),
        [None] * n,
        np.arange(n) == 0,
        np.full(n, 1e-300),
    )
    return {"sample_weight": weight}


def check_twin(case, estimator, X, forms):
    """Check that another container of the same data, or order of columns, changes no prediction."""
    twin = build(case, case.one_of(*forms))
    if twin is None or not hasattr(estimator, "predict"):
        return
    expected = case.call(method, estimator, "predict", X)
    found = case.call(method, estimator, "predict", twin)
    if expected is not REFUSED:
        assert found is not REFUSED, "another container of the same data was refused"
        assert_same(found, expected)


def check_copies(case, estimator, X):
    """Check that a pickled estimator predicts the same, and that a clone is made."""
    if case.chance(0.05) and case.call(method, estimator, "predict", X) is not REFUSED:
        copy = pickle.loads(pickle.dumps(estimator))
        assert_same(copy.predict(X), estimator.predict(X))
        clone(estimator)


def fuzz_generator(case):
    """Fit a generator, and call its methods."""
    forms, n, _ = draw_X(case, case.one_of(None, "tokens", "texts"))
    X = build(case, case.one_of(*forms))
    if case.chance(0.3):
        X, n = damage(case, X), None
    parameters = draw_parameters(case, GENERATOR)
    y = {}
    if parameters.get("conditional") is True:
        y = {"y": draw_y(case, n or 5, None, "labels")}
    generator = SequenceGenerator(**parameters)
    name = "fit" if case.chance(0.9) else "partial_fit"
    if case.call(method, generator, name, X, **y) is REFUSED:
        return
    for _ in range(3):
        other = damage(case, X) if case.chance(0.4) else X
        name, args, options = draw_generator_call(case, other, X, y)
        result = case.call(method, generator, name, *args, **options)
        if name == "stream" and result is not REFUSED:
            result = case.call(list, result)
        check_finite(result)
        if name in {"predict", "predict_proba", "transform", "score_samples"} and other is X:
            check_rows(result, n, None, False)
    if n is not None:
        check_twin(case, generator, X, forms)
        check_copies(case, generator, X)


def draw_generator_call(case, X, fitted, y):
    """Return a method of the generator with arguments."""
    rng = case.rng
    name = case.one_of(
        "score_samples",
        "score_steps",
        "score",
        "perplexity",
        "predict",
        "predict_proba",
        "transform",
        "predict_label",
        "predict_label_proba",
        "generate",
        "generate",
        "generate",
        "stream",
        "top_choices",
        "sample",
        "forecast",
        "forecast",
        "forecast",
    )
    if name == "forecast":
        options = {"n_samples": case.one_of(1, 3, 3, 3, 0, -1, 1.5, "x", None), "random_state": 0}
        if case.chance(0.3):
            options["quantiles"] = case.one_of(
                (0.5,), [0, 1], [], 0.5, [2.0], ["x"], None, [np.nan], "x"
            )
        if case.chance(0.3):
            n = len(X) if isinstance(X, list | Sequences) else 3
            future = rng.normal(size=(n, 2, case.one_of(1, 2)))
            options["future"] = damage(case, case.one_of(future, future[:, :, 0], future.tolist()))
        return name, (X, case.one_of(2, 2, 2, 1, 0, -1, 1.5, "x", None, np.int64(2))), options
    if name == "sample":
        return name, (case.one_of(1, 2, 0, -1, 1.5, None, "x"),), {"random_state": 0}
    if name not in {"generate", "stream", "top_choices"}:
        return name, (X,), y if name.startswith(("score", "perplexity")) else {}
    prompts = [X, fitted, None, "ru", ["run"], [], "", ["run", "walk"], [["run"], ["x"]]]
    prompts += [BAD[rng.integers(len(BAD))]]
    if isinstance(fitted, list | np.ndarray) and len(fitted):
        prompts += [fitted[0], damage(case, fitted[0])]
    prompt = case.one_of(*prompts)
    options = {}
    if y and case.chance(0.9):
        options["label"] = case.one_of(0, "no", "a", True, None, 9, [0])
    if name == "top_choices":
        return name, (prompt, case.one_of(1, 5, 99, 0, -1, 1.5, None, "x")), options
    pool = {
        "temperature": [0, 0.5, 1e-9, 1e9, -1, np.nan, "x", None, 2],
        "top_k": [1, 99, 0, 1.5, "x"],
        "top_p": [0.5, 1.0, 0.0, 1e-9, 2.0, "x"],
        "min_p": [0.5, 0.0, 1.0, 2.0],
        "typical_p": [0.5, 0.0, 1.0],
        "repetition_penalty": [1.5, 0.5, 0, -1, 1e300],
        "no_repeat_ngram_size": [1, 2, 0, "x"],
        "stop": ["run", " ", "", ["run"], [], [["run"]], 5, [None], b"x"],
    }
    if name == "generate":
        pool |= {
            "n_samples": [1, 2, 0, 1.5, "x"],
            "num_beams": [1, 3, 0, 99, 1.5],
            "length_penalty": [1.0, -1.0, np.nan, "x"],
        }
    for key in rng.choice(sorted(pool), rng.integers(0, 4), replace=False):
        options[str(key)] = case.one_of(*pool[key])
    options["max_steps"] = case.one_of(4, 4, 4, 0, -1, 1.5, "x", None)
    return name, (prompt,), options | {"random_state": 0}


# --- functions and transformers -------------------------------------------------------------------


def long_frame(case):
    """Return a long table: an id, a time, numbers and a category."""
    rng = case.rng
    n = int(rng.integers(4, 16))
    frame = pd.DataFrame(
        {
            "id": rng.integers(0, 3, n),
            "time": case.one_of(
                np.arange(n), pd.date_range("2020", periods=n), rng.permutation(n) / 2
            ),
            "a": rng.normal(size=n),
            "b": rng.integers(0, 3, n),
            "mode": rng.choice(WORDS, n),
        }
    )
    if case.chance(0.3):
        frame["id"] = frame["id"].map({0: "x", 1: "y", 2: "z"})
    if case.chance(0.2):
        frame = frame.set_index(case.one_of(["id"], ["id", "time"]))
    return frame


def fuzz_long(case):
    """Cut a long table into sequences, and join sequences to a long table."""
    frame = long_frame(case)
    if case.chance(0.5):
        frame = damage(case, frame)
    if isinstance(frame, pd.DataFrame) and case.chance(0.7):
        table = build(case, lambda: case.one_of(*TABLES.values())(frame))
        frame = frame if table is None else table
    options = {}
    if case.chance(0.4):
        options["features"] = case.one_of(
            "a", ["a"], ["a", "b"], ["mode"], "none", [], 5, ["id"], None
        )
    if case.chance(0.3):
        options["add_elapsed"] = case.one_of(True, True, False, "x")
    id_name = case.one_of("id", "id", "id", "id", None, ["id"], ["id", "b"], "none", 5, "a", [])
    time = case.one_of("time", "time", None, "none", "a", "mode", "id")
    result = case.call(pre.from_long, frame, id_name, time, **options)
    if result is REFUSED:
        return
    sequences, ids = result
    assert len(sequences) == len(ids)
    options = {"like": frame} if case.chance(0.2) else {"ids": ids}
    if case.chance(0.3):
        options["features"] = case.one_of("p", ["p"], ["p", "q"], [], 5)
    if case.chance(0.3):
        options |= {
            "id": case.one_of("id", "key", ["id", "b"], 5),
            "time": case.one_of("time", None, "t", 5),
        }
    case.call(pre.to_long, damage(case, sequences) if case.chance(0.3) else sequences, **options)


def fuzz_functions(case):
    """Cut windows, pad, convert and reshape."""
    forms, n, _ = draw_X(case)
    X = build(case, case.one_of(*forms))
    if case.chance(0.5):
        X = damage(case, X)
    size = case.one_of(*[1, 2, 3] * 4, 0, -1, 50, 1.5, "x", None)
    columns = case.one_of(
        None, None, None, 0, [0], "a", ["a", "b"], "all", -1, 9, "none", [], [0, 0], 1.5
    )
    missing = case.one_of("error", "error", "error", "keep", "drop", "x", None)
    horizon = case.one_of(*[1, 1, 2] * 4, 0, -1, 1.5, "x")
    name = case.one_of(
        "make_windows",
        "make_windows",
        "last_windows",
        "make_label_windows",
        "pad",
        "to_nan_padded",
        "from_nan_padded",
        "to_long",
        "to_channels_first",
        "from_channels_first",
        "Sequences",
        "grid",
    )
    if name == "make_windows":
        known = case.one_of(None, None, None, columns, 0, ["b"])
        options = {"target_columns": columns, "known_columns": known, "missing": missing}
        result = case.call(
            pre.make_windows, X, size, horizon, step=case.one_of(1, 1, 2, 0, "x"), **options
        )
        if result is not REFUSED:
            assert len(result[0]) == len(result[1])
    elif name == "last_windows":
        future = damage(case, np.zeros((n, 2, 1))) if case.chance(0.3) else None
        case.call(
            pre.last_windows,
            X,
            size,
            horizon,
            known_columns=columns,
            future=future,
            missing=missing,
        )
    elif name == "make_label_windows":
        fuzz_label_windows(case, X, forms, size, missing)
    elif name == "pad":
        value = case.one_of(
            0.0, 0.0, -1, np.nan, "x", None, 1j, True, "", [0], 1e300, np.float32(2)
        )
        result = case.call(pre.pad, X, value=value)
        if result is not REFUSED:
            lengths = damage(case, result[1]) if case.chance(0.5) else result[1]
            case.call(pre.unpad, result[0], lengths)
    elif name == "Sequences":
        fuzz_sequences(case, X)
    elif name == "grid":
        kind = case.one_of(RNNClassifier, RNNRegressor, SequenceGenerator)
        case.call(recommended_grid, kind(), X)
    else:
        case.call(getattr(pre, name), X)


def fuzz_label_windows(case, X, forms, size, missing):
    """Cut windows with labels of steps."""
    del forms
    try:
        lengths = [len(item) for item in X]
    except TypeError:
        lengths = [3, 3]
    labels = [case.rng.choice(["u", "v"], t) for t in lengths]
    labels = damage(case, labels) if case.chance(0.4) else labels
    label = case.one_of("last", "any", "most", "x", None)
    result = case.call(pre.make_label_windows, X, labels, size, label=label, missing=missing)
    if result is not REFUSED:
        assert len(result[0]) == len(result[1])


def fuzz_sequences(case, X):
    """Build, slice and index the container of sequences."""
    if case.chance(0.5):
        sequences = case.call(Sequences.from_arrays, X)
    else:
        values = case.one_of(
            X, np.zeros((6, 2)), np.zeros(6), pd.DataFrame({"a": range(6)}), None, "x"
        )
        offsets = case.one_of(
            [0, 2, 6], [0, 6], [0], [], [1, 6], [0, 9], [0, 4, 2, 6], None, "x", [0.5, 6]
        )
        names = case.one_of(None, None, ["a"], ["a", "b"], "ab", [], 5)
        sequences = case.call(Sequences, values, damage(case, offsets), feature_names=names)
    if sequences is REFUSED:
        return
    key = case.one_of(
        0,
        -1,
        99,
        slice(1),
        slice(None, None, -1),
        [0],
        [],
        [99],
        np.array([True]),
        "x",
        None,
        1.5,
        (slice(1), ...),
        np.array([0, 0]),
        ...,
        (0, 1),
        [True] * len(sequences),
        np.ones(3, bool),
    )
    case.call(method, sequences, "__getitem__", key)
    case.call(repr, sequences)


def fuzz_transformer(case):
    """Apply a transformer of scikit-learn to the steps."""
    forms, n, _ = draw_X(case, case.one_of("numbers", "mixed", "mixed", "tokens"))
    X = build(case, case.one_of(*forms))
    X, n = (damage(case, X), None) if case.chance(0.4) else (X, n)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=case.chance(0.5))
    inner = case.one_of(
        StandardScaler(),
        SimpleImputer(),
        MinMaxScaler(),
        encoder,
        "passthrough",
        make_column_transformer(
            (encoder, make_column_selector(dtype_exclude="number")), remainder="passthrough"
        ),
        SimpleImputer(strategy="most_frequent"),
        StandardScaler(),
        SimpleImputer(strategy="most_frequent"),
        case.one_of(None, 5, StandardScaler, "x"),
    )
    transformer = pre.StepTransformer(inner)
    if case.chance(0.2):
        transformer.set_output(transform=case.one_of("pandas", "default", "polars"))
    if case.call(method, transformer, "fit", X) is REFUSED:
        return
    other = damage(case, X) if case.chance(0.4) else X
    result = case.call(method, transformer, "transform", other)
    if other is X:
        check_rows(result, n, None, False)
    case.call(method, transformer, "get_feature_names_out")
    twin = build(case, case.one_of(*forms))
    if twin is not None:
        case.call(method, transformer, "transform", twin)


def fuzz_metrics(case):
    """Compute metrics of steps and of forecasts."""
    lengths = case.rng.integers(1, 6, case.rng.integers(1, 5))
    kind = case.one_of("labels", "numbers")
    y_true, y_pred = (draw_y(case, len(lengths), lengths, kind) for _ in range(2))
    name = case.one_of(
        *[n for n in metrics.__all__ if not n.endswith("scorer") and n != "stepwise"]
    )
    y_true, y_pred = (damage(case, y) if case.chance(0.3) else y for y in (y_true, y_pred))
    if name == "perplexity":
        case.call(metrics.perplexity, y_true)
    elif name == "mean_absolute_scaled_error":
        train, season = damage(case, np.arange(8.0) ** 2), case.one_of(1, 2, 0, -1, 99, "x", 1.5)
        case.call(
            metrics.mean_absolute_scaled_error, y_true, y_pred, y_train=train, season_length=season
        )
    else:
        weight = draw_weight(case, len(lengths)) if "sample_weight" in name else {}
        case.call(getattr(metrics, name), y_true, y_pred, **weight)


AREAS = [fuzz_supervised] * 9 + [fuzz_generator] * 6 + [fuzz_functions] * 4
AREAS += [fuzz_transformer, fuzz_transformer, fuzz_long, fuzz_long, fuzz_metrics]


def check_case(seed):
    """Run the case of a seed; raise an error with its calls if a law does not hold."""
    case = Case(seed)
    area = case.one_of(*AREAS)
    try:
        area(case)
    except Exception as error:
        calls = "\n".join(case.calls)
        raise AssertionError(f"seed {seed}, {area.__name__}: {error}\n{calls}") from error


def check_cases(seeds):
    """Run many cases, and raise one error about all that fail."""
    failures = []
    for seed in seeds:
        try:
            check_case(seed)
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, "\n\n".join([f"{len(failures)} cases failed", *failures[:20]])


@pytest.fixture
def slow_tests_requested(request):
    """Skip tests that take minutes unless they are requested."""
    if "slow" not in request.config.getoption("-m"):
        pytest.skip("takes minutes: run with -m slow")


def test_random_calls():
    """A few random calls keep the laws."""
    check_cases(range(60))


@pytest.mark.slow
@pytest.mark.usefixtures("slow_tests_requested")
@pytest.mark.parametrize("start", range(0, 5000, 250))
def test_many_random_calls(start):
    """5000 random cases keep the laws: no foreign error, no infinite result, no changed input."""
    check_cases(range(start, start + 250))
