"""Containers of torch, Awkward, Arrow and polars, recognised so that none is imported here.

Most become `Sequences` without a loop over sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._batching import Sequences, find_step, offsets_of
from sksequence._elements import DROP_SEQUENCE, fill_masked, missing_error
from sksequence._tables import as_table

_MISSING = "X holds missing values (null or None); drop their sequences, or fill them."
TOO_DEEP = (
    "X is nested too deeply; a sequence is a list of steps, a step a number, a symbol or a list "
    "of numbers."
)


class _Tensor(Protocol):
    """The part of torch.Tensor that is used here."""

    dtype: object
    layout: object
    is_nested: bool
    is_sparse: bool
    requires_grad: bool

    def values(self) -> _Tensor: ...
    def offsets(self) -> _Tensor: ...
    def unbind(self) -> Iterable[_Tensor]: ...
    def float(self) -> _Tensor: ...
    def cpu(self) -> _Tensor: ...
    def numpy(self) -> NDArray[np.generic]: ...


class _ArrowArray(Protocol):
    """The part of pyarrow's arrays that is used here; only lists have lengths and values."""

    null_count: int
    type: Any

    def __len__(self) -> int: ...
    def is_null(self) -> _ArrowArray: ...
    def flatten(self) -> _ArrowArray: ...
    def value_lengths(self) -> _ArrowArray: ...
    def to_numpy(self, zero_copy_only: bool = ...) -> NDArray[Any]: ...


def from_foreign(X: object) -> object:
    """Turn a tensor, Awkward or Arrow array into an array or `Sequences`."""
    return READERS[_library(X)](X)


def without_foreign(X: object) -> object:
    """Turn a tensor or an Awkward array into an array or `Sequences`; others stay as they are."""
    return from_foreign(X) if _library(X) in ("torch", "awkward") else X


def _library(X: object) -> str:
    return type(X).__module__.partition(".")[0]


def _from_torch(X: _Tensor) -> object:
    if not X.is_nested:
        return _numpy_of_tensor(X)
    if str(X.layout) == "torch.jagged":
        return Sequences(_numpy_of_tensor(X.values()), _numpy_of_tensor(X.offsets()))
    return [_numpy_of_tensor(piece) for piece in X.unbind()]


def _numpy_of_tensor(tensor: _Tensor) -> NDArray[np.generic]:
    if tensor.requires_grad:
        raise ValueError(
            "X is a tensor that requires gradients; estimators do not differentiate with respect "
            "to X. Pass X.detach()."
        )
    if str(tensor.dtype) == "torch.bfloat16":  # numpy has no such type
        tensor = tensor.float()
    if tensor.is_sparse:
        raise TypeError(
            "X is a sparse tensor, which is not an array of sequences. Pass X.to_dense()."
        )
    return tensor.cpu().numpy()


def _from_awkward(X: Any) -> object:
    import awkward

    if "union[" in str(X.type):  # elements of several types, as in a list
        return X.to_list()
    if X.ndim == 1:
        return fill_masked(awkward.to_numpy(X))
    lengths = awkward.to_numpy(awkward.num(X, axis=1))
    _check_present(np.ma.getmaskarray(lengths))
    flat = awkward.flatten(X, axis=1)
    if flat.ndim > 1:
        check_step_widths(awkward.to_numpy(awkward.num(flat, axis=1)), lengths)
    return Sequences(fill_masked(awkward.to_numpy(flat)), offsets_of(lengths))


def _from_arrow(X: Any) -> object:
    if hasattr(X, "get_fragments"):
        raise TypeError(
            f"X is a {type(X).__name__}, whose rows are on disk. Pass the sequences that "
            "preprocessing.write_sequences(X, folder) maps, or its batches to partial_fit."
        )
    if hasattr(X, "combine_chunks"):
        X = X.combine_chunks()
    if not hasattr(X, "type"):  # a table of columns, or a batch
        return as_table(X)
    if not hasattr(X, "to_numpy"):
        raise TypeError(f"X is a single value of Arrow ({X.type}). Pass an array of sequences.")
    return _from_arrow_array(X)


def _from_arrow_array(X: _ArrowArray) -> object:
    if not hasattr(X, "flatten"):
        return _arrow_values(X)
    _check_present(X.is_null().to_numpy(zero_copy_only=False))
    if hasattr(X.type, "list_size"):  # sequences of equal length
        steps = _arrow_values(X.flatten())
        return steps.reshape(len(X), X.type.list_size, *steps.shape[1:])
    if not hasattr(X, "value_lengths"):
        raise TypeError(f"X is a {X.type}; pass a table of the fields as columns.")
    _check_no_maps(X.type)
    lengths = X.value_lengths().to_numpy()
    flat = X.flatten()  # in the order of the rows, which list views may store in any other
    _check_no_maps(flat.type)
    if str(flat.type).startswith("struct<"):  # records are steps
        import pyarrow

        return Sequences(pyarrow.Table.from_struct_array(flat), offsets_of(lengths))
    if hasattr(flat, "value_lengths") and not flat.null_count:
        check_step_widths(flat.value_lengths().to_numpy(), lengths)
    return Sequences(_arrow_values(flat), offsets_of(lengths))


def _check_no_maps(kind: object) -> None:
    if hasattr(kind, "key_type"):
        raise ValueError(f"X holds maps ({kind}); make each key a column of a table.")


def _check_present(is_absent: NDArray[np.bool_]) -> None:
    if is_absent.any():
        raise missing_error(None, f"sequence {np.argmax(is_absent)}", DROP_SEQUENCE)


def _arrow_values(steps: _ArrowArray) -> NDArray[np.generic]:
    """Return the steps of all sequences: numbers, symbols, or one list of features each."""
    if hasattr(steps, "flatten"):
        features = steps.flatten()
        if steps.null_count or hasattr(features.type, "value_type"):
            raise ValueError(_MISSING if steps.null_count else TOO_DEEP)
        return _arrow_values(features).reshape(len(steps), -1)
    return steps.to_numpy(zero_copy_only=False)


def _from_polars(X: Any) -> object:
    if hasattr(X, "collect"):
        raise TypeError("X is a LazyFrame, which has no rows yet; pass X.collect().")
    steps = getattr(getattr(X, "dtype", None), "inner", None)
    if hasattr(steps, "fields"):  # records are steps
        return [cell if cell is None else cell.struct.unnest() for cell in X]
    return X


READERS: dict[str, Callable[[Any], object]] = {
    "torch": _from_torch,
    "awkward": _from_awkward,
    "polars": _from_polars,
    "pyarrow": _from_arrow,
}


def check_step_widths(widths: NDArray[np.integer], lengths: ArrayLike) -> None:
    """Check that every step has as many features as the first one."""
    differing = np.flatnonzero(widths != widths[:1])
    if len(differing):
        i, _ = find_step(int(differing[0]), offsets_of(lengths))
        raise ValueError(
            f"Sequence {i} of X has a step of {widths[differing[0]]} features, the first step of X "
            f"has {widths[0]}; every step of every sequence needs the same features."
        )
