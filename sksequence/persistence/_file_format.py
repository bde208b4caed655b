"""The bytes of a saved file: a header in JSON, arrays, and a checksum of everything before it.

A file is one of safetensors: eight bytes with the length of the header, the header, and the arrays
one after the other. The header has the type, shape and place of each array, and in its metadata the
tree of objects (`_trees.py`) as a string. The last array is the checksum, SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

FORMAT = "sksequence"
VERSION = 1

_DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
_NAMES = {np.dtype(text): name for name, text in _DTYPES.items()}
_CHECKSUM = "sha256"
_CHECKSUM_SIZE = 32
_METADATA = {"format", "format_version", "sksequence_version", "tree"}
_ALIGNMENT = 64
# The parsed header may take as much memory as the file and this. For each of these characters it
# takes so many bytes, measured with lists, objects and strings of all lengths.
_FREE_MEMORY, _FREE_HEADER = 1 << 21, 1 << 18
_BYTES = {"[": 64, "{": 64, ",": 56, ":": 144, '"': 12}
_WIDEST = 4  # bytes of a character, if it is not one of ASCII
LONGEST_INTEGER = 100  # digits
_LONGEST_PIECE = 1 << 24


def is_storable(dtype: np.dtype[Any]) -> bool:
    """Check whether arrays of this type have a name in the format."""
    return dtype.newbyteorder("<") in _NAMES


def file_parts(tree: object, arrays: Arrays, version: str) -> Iterator[bytes | memoryview]:
    """Yield the parts of a file, with the checksum at its end."""
    # the larger their numbers, the earlier: each begins at a multiple of their size
    names = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    plain = {name: _little_endian(arrays[name]) for name in names}
    header = _header(tree, plain, version)
    size = 8 + len(header) + sum(a.nbytes for a in plain.values()) + _CHECKSUM_SIZE
    _check_header(str(header, "ascii"), size)
    digest = hashlib.sha256()
    for part in _parts(header, plain.values()):
        digest.update(part)
        yield part
    yield digest.digest()


def _little_endian(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)


def _parts(header: bytes, arrays: Iterable[NDArray[Any]]) -> Iterator[bytes | memoryview]:
    yield len(header).to_bytes(8, "little")
    yield header
    for array in arrays:
        flat = array.reshape(-1).view(np.uint8).data
        for start in range(0, len(flat), _LONGEST_PIECE):
            yield flat[start : start + _LONGEST_PIECE]


def _header(tree: object, arrays: Arrays, version: str) -> bytes:
    header: dict[str, object] = {
        "__metadata__": {
            "format": FORMAT,
            "format_version": str(VERSION),
            "sksequence_version": version,
            "tree": json.dumps(tree, allow_nan=False, separators=(",", ":")),
        }
    }
    start = 0
    for name, array in arrays.items():
        stop = start + array.nbytes
        header[name] = _entry(_NAMES[array.dtype], array.shape, start, stop)
        start = stop
    header[_CHECKSUM] = _entry("U8", (_CHECKSUM_SIZE,), start, start + _CHECKSUM_SIZE)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    return text + b" " * (-(8 + len(text)) % _ALIGNMENT)


def _entry(dtype: str, shape: Sequence[int], start: int, stop: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def read_parts(raw: bytes) -> tuple[object, Arrays]:
    """Return the tree and the arrays of a file, which are views of its bytes.

    A ValueError is raised unless the file is whole, of this format, and consistent in itself.
    """
    _check_whole(raw)
    length = int.from_bytes(raw[:8], "little")
    if length > len(raw) - 8 - _CHECKSUM_SIZE:
        raise ValueError(
            f"its header should have {length} bytes, but the file has {len(raw)} bytes."
        )
    # without a copy of the header, which may be half of the file
    header = str(memoryview(raw)[8 : 8 + length], "ascii")
    _check_header(header, len(raw))
    entries = _parse(header)
    if not isinstance(entries, dict):
        raise ValueError("its header is not an object of JSON.")
    tree = _parse_metadata(entries.pop("__metadata__", None))
    arrays = dict(_read_arrays(entries, memoryview(raw)[8 + length :]))
    arrays.pop(_CHECKSUM)
    return tree, arrays


def _check_whole(raw: bytes) -> None:
    body = memoryview(raw)[: max(len(raw) - _CHECKSUM_SIZE, 0)]
    if len(body) < 8 or hashlib.sha256(body).digest() != raw[-_CHECKSUM_SIZE:]:
        known = "a pickle, or " if raw[:1] == b"\x80" or raw[:2] == b"PK" else ""
        raise ValueError(
            f"the checksum at its end does not fit. The file is {known}damaged, incomplete, or not "
            "one that sksequence.persistence.save wrote. Load another copy of it, or save the "
            "estimator again."
        )


def _check_header(header: str, size: int) -> None:
    """Bound the memory that the parsed header will take.

    There are at most three copies of its text, while json joins the parts of the tree.
    """
    length = len(header) * (_WIDEST if "\\u" in header else 1)
    if length > _FREE_HEADER + size // 2:
        raise ValueError(
            f"its header of {len(header)} bytes is too long for a file of {size} bytes."
        )
    counts = {mark: header.count(mark) for mark in _BYTES}
    parts = sum(_BYTES[mark] * n for mark, n in counts.items())
    if 3 * length + parts > _FREE_MEMORY + size:
        n_parts = counts["["] + counts["{"] + counts[","]
        raise ValueError(
            f"its header of {len(header)} bytes has {n_parts} parts, too many for a file of {size} "
            "bytes. Symbols and labels that are all strings or all numbers need fewer than tuples "
            "and mixed types."
        )


def _parse(text: str) -> object:
    return json.loads(
        text,
        object_pairs_hook=_unique,
        parse_float=_parse_float,
        parse_int=_parse_int,
        parse_constant=_parse_float,
    )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        unseen = object()
        double = next(name for name, _ in pairs if found.pop(name, unseen) is unseen)
        raise ValueError(f"its header has the name {double!r:.80} twice.")
    return found


def _parse_int(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError(f"its header has an integer of {len(text)} digits.")
    return int(text)


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"its header has the number {text:.80}, which is not finite.")
    return number


def _parse_metadata(metadata: object) -> object:
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise ValueError("its header does not say that sksequence.persistence.save wrote it.")
    version, writer = metadata.get("format_version"), metadata.get("sksequence_version")
    if version != str(VERSION):
        raise ValueError(
            f"it is of version {version!r:.80} of the format, written by sksequence {writer!r:.80};"
            f" this sksequence reads version {str(VERSION)!r}. Load it with that version of "
            "sksequence."
        )
    tree = metadata.get("tree")
    if metadata.keys() != _METADATA or not isinstance(tree, str):
        raise ValueError(f"its metadata should be {sorted(_METADATA)}.")
    return _parse(tree)


def _read_arrays(
    entries: dict[str, object], data: memoryview
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the arrays; they must follow each other without gaps, up to the checksum."""
    expected = 0
    for name, entry in entries.items():
        dtype, shape, start, stop = _read_entry(name, entry)
        n_bytes = dtype.itemsize * math.prod(shape)
        if start != expected or stop - start != n_bytes or stop > len(data):
            raise ValueError(
                f"its array {name!r:.80} of shape {tuple(shape)!s:.80} should be the {n_bytes} "
                f"bytes from {expected}, but is from {start} to {stop} of {len(data)}."
            )
        yield name, np.frombuffer(data, dtype, math.prod(shape), start).reshape(shape)
        expected = stop
    last = _entry("U8", (_CHECKSUM_SIZE,), len(data) - _CHECKSUM_SIZE, len(data))
    if list(entries.items())[-1:] != [(_CHECKSUM, last)]:
        raise ValueError("its arrays should fill the file, with the checksum at the end.")


def _read_entry(name: str, entry: object) -> tuple[np.dtype[Any], list[int], int, int]:
    match entry if isinstance(entry, dict) and len(entry) == 3 else None:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [start, stop]} if (
            dtype in _DTYPES
            and len(shape) <= 32
            and all(type(n) is int and 0 <= n < 2**63 for n in [*shape, start, stop])
        ):
            return np.dtype(_DTYPES[dtype]), shape, start, stop
    raise ValueError(f"its array {name!r:.80} has the wrong description {entry!r:.80}.")
