"""The cache of compiled functions on disk: Numba's, but no file of it is believed unseen.

A file that is damaged, that another user could have written, or that holds another version of the
code, is compiled anew and replaced. Where nothing can be read or written, each process compiles for
itself. Numba alone would raise an error in every fit, or run what it finds.

There is one file for each function and signature. It begins with two digests: that of what it was
compiled from, and that of the rest. Numba's own index can be lost or point to another function's
code when two processes write it at the same time.
"""

from __future__ import annotations

import os
import pickle
import warnings
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, InTreeCacheLocator
from numba.core.serialize import dumps

_DIGEST = sha256().digest_size
_FOLDER = Path(__file__).parent

_has_warned = False


class _AsInstalled(InTreeCacheLocator):
    """The folder next to the source, even if it cannot be written: it may hold a cache."""

    @classmethod
    def from_function(cls, py_func: Any, py_file: Any) -> Any:
        """Return the place for any function."""
        return cls(py_func, py_file)

    def get_source_stamp(self) -> Any:
        """Return nothing: the files have stamps of their own."""


class _Places(CompileResultCacheImpl):
    """Places of the cache: Numba's own, which can be written, and one that may be read only."""

    _locator_classes = [*CompileResultCacheImpl._locator_classes, _AsInstalled]


class CheckedCache(FunctionCache):
    """Cache of one compiled function, whose failures are one warning per process.

    Parameters
    ----------
    function : callable
        The function.
    made_from : str
        What tells it apart from functions of the same source that call other functions.
    """

    _impl_class = _Places

    def __init__(self, function: Any, made_from: str = "") -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self.made_from = made_from
        files: Any = _CheckedFiles(Path(self.cache_path), self._impl.filename_base)
        self._cache_file = files

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        """Return what identifies compiled code: Numba's digest of a closure differs by process."""
        if self.made_from:
            return sig, codegen.magic_tuple(), self.made_from
        return super()._index_key(sig, codegen)  # type: ignore[no-untyped-call]

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the function compiled for a signature, or None if it has to be compiled."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001 - disks, pickles and compilers raise anything
            _warn(f"{self.cache_path}: {error!r}")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled function if that is possible."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001
            _warn(f"{self.cache_path}: {error!r}")


class _CheckedFiles:
    """Files of one function, in the interface that Numba expects.

    Parameters
    ----------
    folder : Path
        Folder of the cache.
    name : str
        Beginning of their names.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name

    def flush(self) -> None:
        """Delete all files of the function."""
        for path in self.folder.glob(f"{self.name}.*.nbc"):
            path.unlink(missing_ok=True)

    def load(self, key: Any) -> Any:
        """Return what was saved for a key, or None if there is nothing of this version.

        Raises
        ------
        ValueError
            If the file is damaged, or may have been written by another user.
        """
        path = self._path(key)
        try:
            with path.open("rb") as file:
                owner = os.fstat(file.fileno()).st_uid
                content = file.read()
        except FileNotFoundError:
            return None
        if owner not in _trusted_owners():
            raise ValueError(f"{path.name} belongs to another user (uid {owner})")
        origin, digest = content[:_DIGEST], content[_DIGEST : 2 * _DIGEST]
        data = content[2 * _DIGEST :]
        if sha256(data).digest() != digest:
            raise ValueError(f"{path.name} is damaged")
        return pickle.loads(data) if origin == _origin(key) else None

    def save(self, key: Any, data: Any) -> None:
        """Save an object for a key; a file is complete or not there."""
        path, content = self._path(key), dumps(data)  # type: ignore[no-untyped-call]
        partial = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            partial.write_bytes(_origin(key) + sha256(content).digest() + content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _path(self, key: Any) -> Path:
        return self.folder / f"{self.name}.{sha256(repr(key).encode()).hexdigest()[:16]}.nbc"


@cache
def _sources() -> bytes:
    """Return the digest of all compiled code: functions are compiled into those that call them."""
    digest = sha256(numba.__version__.encode())
    for path in sorted(_FOLDER.glob("*.py")):
        digest.update(sha256(path.read_bytes()).digest())
    return digest.digest()


def _origin(key: Any) -> bytes:
    """Return the digest of what a function for a key is compiled from."""
    return sha256(_sources() + repr(key).encode()).digest()


@cache
def _trusted_owners() -> set[int]:
    """Return the users who can run code in this process anyway."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    return {0, user, _FOLDER.stat().st_uid}


def _warn(reason: str) -> None:
    global _has_warned
    if _has_warned:
        return
    _has_warned = True
    warnings.warn(
        f"The cache of compiled functions cannot be used ({reason}). Functions are compiled anew, "
        "which takes seconds in each process as long as no file can be written. Set "
        "NUMBA_CACHE_DIR to a folder of your own, or delete the files.",
        RuntimeWarning,
        stacklevel=3,
    )
