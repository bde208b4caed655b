"""Checks of the arrays in a pickle, and an error with advice for pickles of former versions.

In some earlier versions each estimator was a package of its own. A pickle names the module of a
class. The modules of those versions no longer exist, and Python's error would not explain it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from types import ModuleType

import numpy as np

_ESTIMATORS = {
    "_classifier": "RNNClassifier",
    "_regressor": "RNNRegressor",
    "_generator": "SequenceGenerator",
}
_OWN_CELL = ".module."  # part of the names of the weights of a user's own cell
_ADVICE = "Load another copy of the file, or fit again."


class FormerModule(ModuleType):
    """Module of a former version, which refuses to return its estimator."""

    def __getattr__(self, name: str) -> object:
        """Raise an ImportError for an estimator, and an AttributeError for any other name."""
        if name not in _ESTIMATORS.values():
            raise AttributeError(name)
        raise ImportError(
            f"This {name} was pickled with an earlier version of sksequence, whose models cannot "
            "be loaded by this one. Fit again, or load it with the version that it was pickled "
            "with."
        )


def register_former_modules() -> None:
    """Let the imports of pickles find the modules that no longer exist."""
    for estimator in _ESTIMATORS:
        name = f"sksequence.{estimator}._estimator"
        sys.modules[name] = FormerModule(name)


def checksum_of(arrays: object) -> str:
    """Return a checksum of all arrays, their names, types and shapes."""
    digest = hashlib.sha256()
    for part in _parts(arrays):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def _parts(value: object) -> Iterable[bytes | memoryview]:
    """Yield the bytes of nested arrays, with descriptions between them."""
    if isinstance(value, dict):
        yield f"dict {len(value)}".encode()
        for key, item in value.items():
            yield repr(key).encode("utf-8", "backslashreplace")
            yield from _parts(item)
    elif isinstance(value, list | tuple):
        yield f"list {len(value)}".encode()
        for item in value:
            yield from _parts(item)
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
    elif isinstance(value, bool | int | float | str | None):
        yield repr(value).encode("utf-8", "backslashreplace")
    else:  # in the state of a user's own optimizer; its text may hold an address
        yield type(value).__qualname__.encode()


def check_arrays(name: str, arrays: object, checksum: str | None) -> None:
    """Raise a ValueError for arrays that changed since they were stored, or are not finite.

    Without a checksum, as in earlier versions, only the numbers are checked. A user's own cell may
    hold infinite numbers on purpose.
    """
    weights = arrays.get("weights") if isinstance(arrays, dict) else None
    if not isinstance(weights, dict) or not all(
        isinstance(array, np.ndarray) for array in weights.values()
    ):
        raise ValueError(f"The weights of this {name} are not arrays. {_ADVICE}")
    if checksum is not None and checksum_of(arrays) != checksum:
        raise ValueError(
            f"The weights of this {name} have changed since they were stored: the checksum differs."
            f" {_ADVICE}"
        )
    for key, array in weights.items():
        is_ours = _OWN_CELL not in key
        if is_ours and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(
                f"The weights {key} of this {name} contain NaN or infinity, so that it cannot "
                "predict. Fit again, with a lower learning_rate if the training diverged."
            )
