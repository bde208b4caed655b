"""The file of a checkpoint: an archive of numpy's arrays (npz), one of them JSON. No pickle.

Containers are objects with one key in JSON, "dict", "list", "tuple" or "array": keys of a dict may
be numbers, and an array is the number of its member.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

_FORMAT = "sksequence checkpoint 1"


def write_checkpoint(path: Path, origin: Mapping[str, str], state: Mapping[str, object]) -> None:
    """Write a file that is complete under its name at every moment."""
    arrays: list[NDArray[np.generic]] = []
    content = {"format": _FORMAT, "origin": dict(origin), "state": _plain(state, arrays)}
    text = np.frombuffer(json.dumps(content).encode(), dtype=np.uint8)
    part = _part_of(path)
    members: dict[str, Any] = {f"array_{i}": array for i, array in enumerate(arrays)}
    try:
        with part.open("wb") as file:
            np.savez(file, content=text, **members)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)  # it would take the rest of a full disk
        raise
    _sync_directory(path.parent)


def read_checkpoint(path: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the origin and the state; raise a ValueError if the file is no checkpoint."""
    try:
        # numpy leaves a file of its own open if it is no archive
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            content = json.loads(archive["content"].tobytes())
            if content["format"] != _FORMAT:
                raise ValueError(f"its format is {content['format']!r}")
            return content["origin"], _restored(content["state"], archive)
    except (ValueError, KeyError, TypeError, IndexError, EOFError, BadZipFile) as error:
        raise ValueError(
            f"{path} is no checkpoint that this version can read ({error}). Pass another path to "
            "Checkpoint, or delete the file."
        ) from error


def check_writable(path: Path) -> None:
    """Raise an OSError if no file can be written there."""
    if path.is_dir() or not path.parent.is_dir():
        raise FileNotFoundError(
            f"Checkpoint cannot write {path}: it must be a file in a directory that exists."
        )
    part = _part_of(path)
    part.open("wb").close()
    part.unlink()


def _part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _sync_directory(directory: Path) -> None:
    """Make a new name last; only some systems can open directories."""
    if os.name == "posix":
        number = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _plain(value: Any, arrays: list[NDArray[np.generic]]) -> Any:
    """Return a value for JSON, and append the arrays in it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {"dict": [[_plain(key, arrays), _plain(v, arrays)] for key, v in value.items()]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_plain(item, arrays) for item in value]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"Checkpoint cannot store {value!r:.80}, a {type(value).__name__}, which a callback or the "
        "optimizer has put into net.history or its state. Only numbers, strings, arrays, lists and "
        "dicts can be stored."
    )


def _restored(value: Any, archive: Mapping[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "dict":
        return {_restored(key, archive): _restored(item, archive) for key, item in content}
    if kind == "array":
        return archive[f"array_{content}"]
    items = [_restored(item, archive) for item in content]
    return {"list": items, "tuple": tuple(items)}[kind]
