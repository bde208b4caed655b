"""Ragged containers of other libraries, recognised by name so that none of them is imported here."""

from __future__ import annotations

from typing import Any

import numpy as np

from sksequence._batching import Sequences, offsets_of


def from_foreign(X: Any) -> Any:
    """Turn a tensor, Awkward or Arrow array into an array or `Sequences`; leave everything else alone."""
    library = type(X).__module__.partition(".")[0]
    reader = {"torch": _from_torch, "awkward": _from_awkward, "pyarrow": _from_arrow}.get(library)
    return X if reader is None else reader(X)


def _from_torch(X: Any) -> Any:
    if not X.is_nested:
        return _numpy_of_tensor(X)
    if str(X.layout) == "torch.jagged":
        return Sequences(_numpy_of_tensor(X.values()), _numpy_of_tensor(X.offsets()))
    return [_numpy_of_tensor(piece) for piece in X.unbind()]


def _numpy_of_tensor(tensor: Any) -> Any:
    if tensor.requires_grad:
        raise ValueError(
            "X is a tensor that requires gradients; estimators do not differentiate with respect to X. "
            "Pass X.detach()."
        )
    return tensor.cpu().numpy()


def _from_awkward(X: Any) -> Any:
    import awkward

    if X.ndim == 1:
        return awkward.to_numpy(X)
    lengths = awkward.to_numpy(awkward.num(X, axis=1))
    return Sequences(awkward.to_numpy(awkward.flatten(X, axis=1)), offsets_of(lengths))


def _from_arrow(X: Any) -> Any:
    if hasattr(X, "combine_chunks"):
        X = X.combine_chunks()
    if not hasattr(X, "offsets"):
        return X.to_numpy(zero_copy_only=False)
    offsets = X.offsets.to_numpy()
    values = _arrow_values(X.values)[offsets[0] : offsets[-1]]
    return Sequences(values, offsets - offsets[0])


def _arrow_values(values: Any) -> Any:
    width = getattr(values.type, "list_size", None)
    if width is not None:  # a fixed-size list is one step's features
        return values.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    if hasattr(values, "offsets"):
        return np.stack(values.to_numpy(zero_copy_only=False).tolist())
    return values.to_numpy(zero_copy_only=False)
