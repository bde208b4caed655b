"""What determines a training, as short strings that a later fit is compared with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from types import CodeType, FunctionType

import numpy as np
from numpy.typing import NDArray

from sksequence._random import RandomState

# they change no weights; what random_state determines is the seed
_WITHOUT_EFFECT = ("callbacks", "random_state", "verbose", "warm_start")
_CHUNK_ROWS = 1 << 16
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def described_parameters(params: Mapping[str, object]) -> dict[str, str]:
    """Return parameters as strings that are the same in every process."""
    return {
        name: _described(value) for name, value in params.items() if name not in _WITHOUT_EFFECT
    }


def _described(value: object) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        return f"array of {digest(value)}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_described(k)}: {_described(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_described, value))}]"
    if isinstance(value, FunctionType):
        return f"{value.__module__}.{value.__qualname__} of code {_digest_of_code(value)}"
    if hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '')}.{value.__qualname__}"
    if hasattr(value, "get_n_splits"):  # a splitter, whose representation may leave rows out
        return f"{_described(type(value))} of {_described(vars(value))}"
    return _ADDRESS.sub("", repr(value))


def _digest_of_code(function: FunctionType) -> str:
    """Return a digest of what a function does, but not of where it stands."""
    code = function.__code__
    constants = [constant for constant in code.co_consts if not isinstance(constant, CodeType)]
    return digest(code.co_code, code.co_names, constants, function.__defaults__)[:8]


def digest(*parts: object) -> str:
    """Return a digest of arrays, and of the representation of everything else."""
    total = blake2b(digest_size=16)
    for part in parts:
        for piece in _pieces(part):
            total.update(piece)
    return total.hexdigest()


def _pieces(part: object) -> Iterator[bytes]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            yield repr(key).encode()
            yield from _pieces(value)
    elif isinstance(part, np.ndarray) and part.dtype != object:
        yield f"{part.dtype.str}{part.shape}".encode()
        yield from _bytes_of(part)
    else:
        plain = part.tolist() if isinstance(part, np.ndarray) else part
        yield _ADDRESS.sub("", repr(plain)).encode(errors="surrogatepass")


def _bytes_of(array: NDArray[np.generic]) -> Iterator[bytes]:
    """Yield the bytes of an array in pieces: it may be a map of a file."""
    if array.ndim == 0:
        yield array.tobytes()
        return
    for start in range(0, len(array), _CHUNK_ROWS):
        yield np.ascontiguousarray(array[start : start + _CHUNK_ROWS]).tobytes()


def check_resumable(random_state: RandomState, *, is_single_pass: bool) -> None:
    """Raise a ValueError for a fit whose checkpoint could not be resumed."""
    if is_single_pass:
        raise ValueError(
            "Checkpoint works in fit only: partial_fit trains for one epoch. Pickle the "
            "estimator between calls, and leave Checkpoint out of callbacks."
        )
    if random_state is None:
        raise ValueError(
            "Checkpoint needs a random_state: with None, each fit begins with other weights, "
            "so that a killed one could not be resumed. Set random_state to an integer."
        )
