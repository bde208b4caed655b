"""Conversion of every accepted container of X to one flat buffer of numbers or of symbols.

Containers are recognised by looking at their elements: numpy would stack, pad or refuse ragged
lists. Values are (sum of n_steps, n_features).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from numbers import Number
from typing import Any, TypeGuard, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from sksequence._batching import Sequences, object_array
from sksequence._elements import (
    as_integers,
    category_elements,
    check_elements,
    check_items_present,
    check_no_dates,
    check_no_fields,
    fill_masked,
    is_marker,
    of_one_kind,
    without_gaps,
)
from sksequence._input._foreign_containers import READERS, from_foreign
from sksequence._input._lists import from_lists
from sksequence._input._raw_input import (
    Analyzer,
    Layout,
    RawInput,
    Reading,
    from_flat,
    from_table,
    holds_str,
    is_real,
    of_symbols,
)
from sksequence._input._tables_of_sequences import (
    columns_of_rows,
    from_categories,
    from_cells,
    from_tables,
    named_sequences,
    steps_in_columns,
    texts_of_column,
)
from sksequence._tables import (
    check_items_are_steps,
    check_rows_are_sequences,
    check_rows_are_steps,
    feature_names,
    is_table,
    plain_numbers,
    tables_in,
)
from sksequence._tokenizers import is_tokenizer, token_ids
from sksequence._vocabulary import ANALYZERS

_FLOATS = [np.float64, np.float32]
_ADVICE = {
    "dict": " Pass tables: [pandas.DataFrame(x) for x in X].",
    "LazyFrame": " Pass tables: [x.collect() for x in X].",
}
_KINDS_IN_WORDS = {"text": "a str", "list": "a list", "array": "an array", "number": "a number"}


def read_input(X: object, reading: Reading) -> RawInput:
    """Read any accepted container."""
    if _is_real_array(X):  # the most frequent case first
        return _from_array(X, reading)
    try:
        return _read(X, reading)
    except OverflowError:
        raise ValueError(
            "Input X contains an integer too large for dtype('float64'). Rescale this feature, or "
            "make it a category with str."
        ) from None


def _read(X: object, reading: Reading) -> RawInput:
    check_no_fields(X)
    if _is_foreign(X):
        X = from_foreign(X)
    if isinstance(X, str):
        raise TypeError(
            "X is a single str; estimators take a list of sequences. Pass [X] for one text, "
            "or X.splitlines() for one sequence per line."
        )
    refuse_groups(X, "X")
    if isinstance(X, Sequences):
        X = named_sequences(X, reading)
        return from_table(X, reading) if X.table is not None else from_flat("sequences", X, reading)
    items = _as_list(X)
    if items is not None:
        if items and isinstance(items[0], Number):
            check_rows_are_steps(X, "X")
        return _from_list(items, reading)
    return _from_rows(X, reading)


def refuse_groups(X: object, argument: str) -> None:
    """Refuse containers of sequences that have other elements too, or that can be used up."""
    name = type(X).__name__
    if name.endswith("GroupBy"):  # pandas and polars
        raise TypeError(
            f"{argument} is a {name}, which consists of keys and tables; pass [table for _, table "
            f"in {argument}], with the columns of features only, or the table itself through "
            "preprocessing.from_long(table, id, time)."
        )
    if isinstance(X, Iterator | dict) and not hasattr(X, "shape"):  # a sparse matrix may be a dict
        why = "maps names to sequences" if isinstance(X, dict) else "can be read only once"
        values = f"list({argument}{'.values()' if isinstance(X, dict) else ''})"
        raise TypeError(f"{argument} is a {name}, which {why}; pass {values}.")


def _from_rows(X: object, reading: Reading) -> RawInput:
    """Read an array or a table, whose rows are sequences."""
    check_rows_are_sequences(X)
    numbers = plain_numbers(X) if is_table(X) else None
    if numbers is not None:
        return _from_array(numbers, reading)
    texts = texts_of_column(X) if reading.may_be_texts else None
    if texts is not None:
        return _from_list(texts, reading)
    columns = columns_of_rows(X)
    if any(column.kind == "sequences" for column in columns):
        names = feature_names(X) if is_table(X) else None
        return from_cells(columns, names, reading, read_input)
    return _from_array(steps_in_columns(columns) if columns else X, reading)


def _as_list(X: object) -> list[Any] | None:
    """Return the sequences of a list-like X, None for an array."""
    if isinstance(X, Sequence):
        return list(X)
    if isinstance(X, np.ndarray):
        is_list = X.ndim == 1 and X.dtype.kind in "OUST"
        return list(X.tolist()) if is_list else None
    if hasattr(X, "to_list"):  # a Series or an Index; a table has columns
        return list(X.tolist() if hasattr(X, "tolist") else X.to_list())
    # an array of pandas
    is_flat = getattr(X, "ndim", 0) == 1 and not isinstance(X, np.ndarray)
    return list(X.tolist()) if is_flat and hasattr(X, "tolist") else None


def texts_in(X: object) -> list[Any] | None:
    """Return the texts in a list, a Series, a flat array or one column; None if X is no container.

    The texts are not checked.
    """
    if X is None or isinstance(X, str | bytes):
        return None
    if _is_foreign(X):
        X = from_foreign(X)
    items = _as_list(X)
    return texts_of_column(X) if items is None else items


def _is_foreign(X: object) -> bool:
    """Check whether X is a container of torch, Awkward or Arrow."""
    return type(X).__module__.partition(".")[0] in READERS


def _is_real_array(X: object) -> TypeGuard[NDArray[Any]]:
    """Check whether X is an array of sequences of numbers that can be read as it is."""
    return is_real(X) and X.ndim in (2, 3) and X.size > 0


def _array_of(item: object) -> NDArray[Any]:
    """Return a sequence as an array, with masked entries as NaN."""
    check_no_fields(item)
    return np.asarray(without_gaps(from_foreign(item) if _is_foreign(item) else item))


# --- arrays and tables ----------------------------------------------------------------------------


def _from_array(X: object, reading: Reading) -> RawInput:
    _check_is_several(X)
    array = X if _is_real_array(X) else _checked(X, reading.integers_are_symbols)
    if array.ndim > 3:
        raise ValueError(
            f"X has {array.ndim} dimensions, shape {array.shape}; expected at most 3: "
            "(n_sequences, n_steps, n_features). Flatten the features of one step."
        )
    layout: Layout = "table" if array.ndim == 2 else "sequences"
    return from_flat(layout, Sequences.from_array(array), reading, is_array=True)


def _check_is_several(X: object) -> None:
    """Raise a ValueError for a single number, and for a flat array or Series of numbers."""
    shape: tuple[int, ...] = getattr(X, "shape", None) or np.asarray(cast("ArrayLike", X)).shape
    if len(shape) == 0:
        raise ValueError(
            f"X is {X!r:.60}, which holds no sequences. Pass a list of sequences, a 2-D array of "
            "shape (n_sequences, n_steps), or a 3-D array of shape (n_sequences, n_steps, "
            "n_features)."
        )
    if shape == (0,):
        raise ValueError(
            "X has 0 sequences (0 sample(s)) while a minimum of 1 is required. Pass at least one."
        )
    if len(shape) == 1:
        n = shape[0]
        raise ValueError(
            f"X is 1-D and holds {n} numbers: one sequence of {n} steps, or {n} sequences of one "
            "step. For one sequence, such as a time series, pass a list of it: [X]. Reshape your "
            f"data to ({n}, 1) for sequences of one step."
        )


def _checked(X: object, integers_are_symbols: bool) -> NDArray[Any]:
    """Let scikit-learn check everything but plain arrays of numbers."""
    is_text = isinstance(X, np.ndarray) and holds_str(X)
    has_integers = getattr(getattr(X, "dtype", None), "kind", "-") in "iu"
    keep = is_text or (integers_are_symbols and has_integers)
    filled = fill_masked(X) if keep else without_gaps(X)
    if not keep:
        check_elements(filled)
    array: NDArray[Any] = check_array(
        filled,
        dtype=None if keep else _FLOATS,
        allow_nd=True,
        ensure_all_finite=False,
        ensure_min_features=0 if getattr(X, "ndim", 2) > 2 else 1,
        input_name="X",
    )
    if integers_are_symbols and not keep:
        original = as_integers(np.asarray(X))  # a table of integers has no type of its own
        return original if original.dtype.kind in "iu" else array
    return array


# --- lists of sequences ---------------------------------------------------------------------------


def _from_list(items: list[Any], reading: Reading) -> RawInput:
    kind = _common_kind(items) if items else "list"
    if kind == "number":
        _check_all_numbers(items)
        _check_is_several(np.asarray(items))
    if kind == "text":
        return _from_texts(items, reading.analyzer)
    if kind == "array":
        check_items_are_steps(items, "X")
        return _from_array_likes(items, reading)
    return from_lists(items, reading)


def _check_all_numbers(items: Sequence[object]) -> None:
    """Refuse arrays after an array without dimensions, which is a number of the same type."""
    for i, item in enumerate(items):
        if isinstance(item, np.ndarray) and item.ndim:
            raise ValueError(
                f"X mixes kinds: sequence 0 is a number, sequence {i} is an array; all sequences "
                "must be of one kind. Convert them first."
            )


def _common_kind(items: Sequence[object]) -> str:
    # items of one type are of one kind, so that only the first of each needs a closer look
    first_of_type = {type(item): i for i, item in reversed(list(enumerate(items)))}
    kinds = {_kind_of(items[i]): i for i in sorted(first_of_type.values(), reverse=True)}
    if list(kinds) == ["array"]:  # the most frequent case: no element is missing or a date
        return "array"
    check_no_dates(first_of_type)
    if len(kinds) > 1 or any(map(is_marker, first_of_type)):
        check_items_present(items)
    if len(kinds) > 1:
        pairs = sorted(kinds.items(), key=lambda pair: pair[1])
        (kind, i), (other, j) = [(_KINDS_IN_WORDS.get(k, f"a {k}"), i) for k, i in pairs[:2]]
        raise ValueError(
            f"X mixes kinds: sequence {i} is {kind}, sequence {j} is {other}; all sequences must "
            "be of one kind. Convert them first."
        )
    kind = next(iter(kinds))
    if kind in ("bytes", "bytes_"):
        raise TypeError("X is a list of bytes. Pass texts: [x.decode() for x in X].")
    if kind not in _KINDS_IN_WORDS:
        advice = _ADVICE.get(kind, "")
        raise TypeError(
            f"X is a list of {kind}; the argument must be a list of arrays, a list of lists, a "
            f"list of strings, or a 2-D or 3-D array of numbers.{advice}"
        )
    return kind


def _kind_of(item: Any) -> str:
    if isinstance(item, str):
        return "text"
    if isinstance(item, list | tuple):
        return "list"
    if isinstance(item, dict) or np.ndim(item) == 0:
        is_number = isinstance(item, Number | np.generic | np.ndarray)
        return "number" if is_number else type(item).__name__
    return "array"


def cut_text(text: str, analyzer: Analyzer) -> Iterable[Any]:
    """Cut a text into symbols with a named or user-given analyzer."""
    if isinstance(analyzer, str):
        return ANALYZERS[analyzer](text)
    if is_tokenizer(analyzer):
        return token_ids(analyzer, text)
    pieces = cast("Callable[[str], object]", analyzer)(text)
    if not isinstance(pieces, Iterable):
        raise TypeError(
            f"analyzer returned {pieces!r:.60} for the text {text!r:.60}; expected its pieces, "
            "a list of str."
        )
    return pieces


def _from_texts(texts: list[str], analyzer: Analyzer) -> RawInput:
    flat: NDArray[np.generic]
    if analyzer == "char" and not any("\0" in text for text in texts):
        # one pass over all texts: numpy's 1-character strings are UTF-32
        flat = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<U1")
        return of_symbols(flat, [len(text) for text in texts], is_text=True)
    pieces = [list(cut_text(text, analyzer)) for text in texts]
    flat = object_array(chain.from_iterable(pieces))
    return of_symbols(flat, [len(piece) for piece in pieces], is_text=True)


def _from_array_likes(items: list[Any], reading: Reading) -> RawInput:
    tables = tables_in(items)
    if tables:
        return from_tables(tables, reading)
    categories = {i: c for i, x in enumerate(items) if (c := category_elements(x)) is not None}
    arrays = [
        x if is_real(x) else categories[i] if i in categories else _array_of(x)
        for i, x in enumerate(items)
    ]
    if categories and all(array.ndim == 1 for array in arrays):
        return from_categories(arrays, reading)
    return _from_arrays(arrays, reading)


def _from_arrays(arrays: list[NDArray[np.generic]], reading: Reading) -> RawInput:
    n_dims = {array.ndim for array in arrays}
    if n_dims - {1, 2} or len(n_dims) > 1:
        raise ValueError(
            f"X is a list of arrays with {' and '.join(map(str, sorted(n_dims)))} dimensions; each "
            "sequence must be (n_steps, n_features), or each (n_steps,) for one feature."
        )
    if n_dims == {2}:
        _check_widths(arrays)
    return from_flat("sequences", Sequences.from_arrays(of_one_kind(arrays)), reading)


def _check_widths(arrays: list[NDArray[np.generic]]) -> None:
    widths = np.array([array.shape[1] for array in arrays])
    differing = np.flatnonzero(widths != widths[0])
    if len(differing) == 0:
        return
    heights = {len(array) for array in arrays}
    if len(heights) == 1:
        raise ValueError(
            f"Every sequence of X has {heights.pop()} rows and they differ in columns: the axes "
            "look swapped. A sequence is (n_steps, n_features), time first: pass [x.T for x in X]."
        )
    i = int(differing[0])
    raise ValueError(
        f"Sequence {i} of X has {widths[i]} features, sequence 0 has {widths[0]}; "
        "every step of every sequence needs the same features."
    )
