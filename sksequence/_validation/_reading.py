"""Every accepted container of X becomes one flat buffer of numbers or of symbols.

Containers are recognised by looking at their elements: numpy would stack, pad or refuse ragged lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from sksequence._batching import Sequences, object_array, offsets_of
from sksequence._validation._foreign import TOO_DEEP, check_step_widths, from_foreign
from sksequence._validation._forms import Analyzer, Layout, cut_text

_FLOATS = [np.float64, np.float32]
# Real numbers; up to eight bytes they stay as they are, so that a memory map stays on disk
_REAL_KINDS = "fiub"


@dataclass(frozen=True)
class RawInput:
    """X as one flat buffer; `symbolic` tells symbols from numbers, `is_array` arrays from lists."""

    layout: Layout
    sequences: Sequences
    symbolic: bool
    is_array: bool
    is_text: bool = False


def read_input(X: Any, *, integers_are_symbols: bool, analyzer: Analyzer) -> RawInput:
    """Read any accepted container."""
    if _is_real_array(X):  # first what is asked for most often
        return _from_array(X, integers_are_symbols)
    X = from_foreign(X)
    if isinstance(X, str):
        raise TypeError(
            "X is a single str; estimators take a list of sequences. Pass [X] for one text, "
            "or X.splitlines() for one sequence a line."
        )
    if isinstance(X, Iterator):
        raise TypeError(f"X is a {type(X).__name__}, which can be read only once; pass list(X).")
    if isinstance(X, Sequences):
        return _from_flat("sequences", X, integers_are_symbols, is_array=False)
    items = _as_list(X)
    if items is None:
        return _from_array(X, integers_are_symbols)
    return _from_list(items, integers_are_symbols, analyzer)


def _as_list(X: Any) -> list[Any] | None:
    """Return the sequences of a list-like X, None for an array."""
    if isinstance(X, Sequence):
        return list(X)
    if isinstance(X, np.ndarray):
        is_list = X.ndim == 1 and X.dtype.kind in "OUT"
        return X.tolist() if is_list else None
    # a Series or an Index; a table has columns
    return list(X.to_list()) if hasattr(X, "to_list") else None


def _from_flat(
    layout: Layout, sequences: Sequences, integers_are_symbols: bool, *, is_array: bool
) -> RawInput:
    """Decide between numbers and symbols by the type of the flat values."""
    if sequences.values is None:
        raise ValueError(
            "X is a Sequences that holds only codes; build it from symbols or numbers: "
            "Sequences(values, offsets)."
        )
    values = sequences.values
    symbolic = values.dtype.kind in "UT" or _all_str(values)
    if integers_are_symbols and values.dtype.kind in "iu":
        symbolic = True
    if values.ndim == 1:
        values = values[:, None]
    if not symbolic:
        values = _as_numbers(values)
    if values is not sequences.values:
        sequences = Sequences(values, sequences.offsets)
    return RawInput(layout, sequences, symbolic, is_array)


def _all_str(values: NDArray[Any]) -> bool:
    return values.dtype == object and all(isinstance(v, str) for v in values.ravel().tolist())


def _is_real(array: Any) -> bool:
    """Tell a plain array of numbers, which needs no conversion, from all that scikit-learn has to look at."""
    is_plain = type(array) in (np.ndarray, np.memmap)
    return is_plain and array.dtype.kind in _REAL_KINDS and array.dtype.itemsize <= 8


def _is_real_array(X: Any) -> bool:
    """Tell an array of sequences of numbers that can be read as it is."""
    return _is_real(X) and X.ndim in (2, 3) and X.size > 0


def _as_numbers(values: NDArray[Any]) -> NDArray[Any]:
    if _is_real(values):
        return values
    values = _without_gaps(values)
    checked = check_array(values, dtype=np.float64, ensure_all_finite=False, ensure_min_samples=0)
    return np.asarray(checked)


def _without_gaps(array: Any) -> Any:
    """Return masked entries as NaN, and refuse dates: numpy would make numbers of both, even where one is missing."""
    if getattr(getattr(array, "dtype", None), "kind", "-") in "mM":
        raise ValueError(
            f"X holds dates or durations ({array.dtype}); networks read numbers. Convert them to a number of seconds."
        )
    if isinstance(array, np.ma.MaskedArray):
        filled: Any = np.ma.filled(array.astype(np.float64), np.nan)
        return filled
    return array


def _from_array(X: Any, integers_are_symbols: bool) -> RawInput:
    array = X if _is_real_array(X) else _checked(X, integers_are_symbols)
    if array.ndim > 3:
        raise ValueError(
            f"X has {array.ndim} dimensions, shape {array.shape}; expected at most 3: "
            "(n_sequences, n_steps, n_features). Flatten the features of one step."
        )
    layout: Layout = "table" if array.ndim == 2 else "sequences"
    return _from_flat(layout, Sequences.from_array(array), integers_are_symbols, is_array=True)


def _checked(X: Any, integers_are_symbols: bool) -> NDArray[Any]:
    """Let scikit-learn look at all that is no plain array of numbers."""
    kind = getattr(getattr(X, "dtype", None), "kind", "-")
    is_text = isinstance(X, np.ndarray) and (kind in "UT" or _all_str(X))
    keep = is_text or (integers_are_symbols and kind in "iu")
    array: NDArray[Any] = check_array(
        _without_gaps(X),
        dtype=None if keep else _FLOATS,
        allow_nd=True,
        ensure_all_finite=False,
        ensure_min_features=0 if getattr(X, "ndim", 2) > 2 else 1,
        input_name="X",
    )
    if integers_are_symbols and not keep:
        array = _integers_again(X, array)
    return array


def _integers_again(X: Any, array: NDArray[Any]) -> NDArray[Any]:
    """Give back the integers of a container without a dtype of its own (a DataFrame, say)."""
    original = np.asarray(X)
    return original if original.dtype.kind in "iu" else array


def _from_list(items: list[Any], integers_are_symbols: bool, analyzer: Analyzer) -> RawInput:
    if not items:
        raise ValueError(
            "X has 0 sequences (0 sample(s)) while a minimum of 1 is required. Pass at least one."
        )
    kind = _common_kind(items)
    if kind == "number":  # a flat list of numbers: scikit-learn words this error best
        check_array(np.asarray(items))
    if kind == "text":
        return replace(_from_texts(items, analyzer), is_text=True)
    if kind == "array":
        return _from_arrays(
            [np.asarray(_without_gaps(from_foreign(item))) for item in items], integers_are_symbols
        )
    return _from_lists(items, integers_are_symbols)


def _kind_of(item: Any) -> str:
    if isinstance(item, str):
        return "text"
    if isinstance(item, list | tuple):
        return "list"
    if np.ndim(item) == 0 or isinstance(item, dict):
        is_number = isinstance(item, Number | np.generic | np.ndarray)
        return "number" if is_number else type(item).__name__
    return "array"


def _common_kind(items: list[Any]) -> str:
    first_of_type = {type(item): i for i, item in reversed(list(enumerate(items)))}
    kinds = {_kind_of(items[i]): i for i in sorted(first_of_type.values(), reverse=True)}
    if len(kinds) > 1:
        (kind, i), (other, j) = sorted(kinds.items(), key=lambda pair: pair[1])[:2]
        raise ValueError(
            f"X mixes kinds: sequence {i} is {_in_words(kind)}, sequence {j} is {_in_words(other)}; "
            "all sequences must be of one kind. Convert them first."
        )
    kind = next(iter(kinds))
    if kind not in {"text", "list", "array", "number"}:
        raise TypeError(
            f"X is a list of {kind}; the argument must be a list of arrays, of lists, of str, or a 2-D or 3-D "
            "array of a string or a number."
        )
    return kind


def _in_words(kind: str) -> str:
    return {"text": "a str", "list": "a list", "array": "an array", "number": "a number"}.get(
        kind, f"a {kind}"
    )


def _from_texts(texts: list[str], analyzer: Analyzer) -> RawInput:
    if analyzer == "char" and not any("\0" in text for text in texts):
        # one pass over all texts: numpy's 1-character strings are UTF-32
        flat = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<U1")
        sequences = Sequences(flat[:, None], offsets_of([len(text) for text in texts]))
        return RawInput("sequences", sequences, symbolic=True, is_array=False)
    return _from_tokens([list(cut_text(text, analyzer)) for text in texts])


def _from_tokens(items: Sequence[Sequence[Any]]) -> RawInput:
    flat = object_array(chain.from_iterable(items))
    sequences = Sequences(flat[:, None], offsets_of([len(item) for item in items]))
    return RawInput("sequences", sequences, symbolic=True, is_array=False)


def _from_arrays(arrays: list[NDArray[Any]], integers_are_symbols: bool) -> RawInput:
    n_dims = {array.ndim for array in arrays}
    if n_dims - {1, 2} or len(n_dims) > 1:
        raise ValueError(
            f"X is a list of arrays with {' and '.join(map(str, sorted(n_dims)))} dimensions; each sequence must "
            "be (n_steps, n_features), or each (n_steps,) for one feature."
        )
    if n_dims == {2}:
        _check_widths(arrays)
    sequences = Sequences.from_arrays(arrays)
    return _from_flat("sequences", sequences, integers_are_symbols, is_array=False)


def _check_widths(arrays: list[NDArray[Any]]) -> None:
    widths = np.array([array.shape[1] for array in arrays])
    differing = np.flatnonzero(widths != widths[0])
    if len(differing) == 0:
        return
    heights = {len(array) for array in arrays}
    if len(heights) == 1:
        raise ValueError(
            f"every sequence of X has {heights.pop()} rows and they differ in columns: the axes look swapped. "
            "A sequence is (n_steps, n_features), time first: pass [x.T for x in X]."
        )
    i = int(differing[0])
    raise ValueError(
        f"sequence {i} of X has {widths[i]} features, sequence 0 has {widths[0]}; "
        "every step of every sequence needs the same features."
    )


def _from_lists(items: list[Sequence[Any]], integers_are_symbols: bool) -> RawInput:
    flat = list(chain.from_iterable(items))
    lengths = [len(item) for item in items]
    kinds = {_kind_of_step(kind) for kind in set(map(type, flat))}
    if "missing" in kinds:
        _raise_missing(items)
    if kinds == {"vector"}:
        values = _stack_steps(flat, lengths)
        return _from_flat(
            "sequences",
            Sequences(values, offsets_of(lengths)),
            integers_are_symbols,
            is_array=False,
        )
    if "vector" in kinds or kinds >= {"symbol", "number"}:
        raise ValueError(
            f"X mixes kinds of steps: {', '.join(sorted({type(step).__name__ for step in flat}))}; the steps of all "
            "sequences must be numbers, or symbols (str, int), or vectors of equal width."
        )
    integers = kinds == {"integer"} and integers_are_symbols
    if "symbol" in kinds or integers:
        raw = _from_tokens(items)
        return raw if len(set(lengths)) > 1 or not integers else _as_table(raw)
    values = np.asarray(flat)[:, None] if flat else np.empty((0, 1))
    layout: Layout = "lists" if len(set(lengths)) == 1 else "sequences"
    return _from_flat(layout, Sequences(values, offsets_of(lengths)), False, is_array=False)


def _raise_missing(items: list[Sequence[Any]]) -> None:
    i, step = next((i, t) for i, item in enumerate(items) for t, x in enumerate(item) if x is None)
    raise ValueError(
        f"Input X contains NaN: sequence {i}, step {step} is None. Fill the gap, or drop the sequence."
    )


def _stack_steps(flat: list[Any], lengths: list[int]) -> NDArray[Any]:
    """Return steps that are lists of features as rows."""
    widths = np.array([len(step) for step in flat])
    check_step_widths(widths, lengths)
    values = np.asarray(flat)
    if values.ndim != 2:
        raise ValueError(TOO_DEEP)
    return values


def _as_table(raw: RawInput) -> RawInput:
    return RawInput("lists", raw.sequences, raw.symbolic, raw.is_array)


def _kind_of_step(kind: type) -> str:
    if issubclass(kind, list | tuple | np.ndarray):
        return "vector"
    if kind is type(None):
        return "missing"
    if issubclass(kind, bool | np.bool_ | int | np.integer):
        return "integer"
    if issubclass(kind, Number | np.number):
        return "number"
    return "symbol"
