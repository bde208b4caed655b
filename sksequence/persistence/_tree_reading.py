"""Trees of JSON, with arrays alongside them, as objects: the inverse of `_tree_writing.py`.

Nothing in a tree is imported or called by its name: names select from tables of known types. The
whole tree is checked before anything is built from it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sksequence._base import check_parameters
from sksequence._batching import object_array
from sksequence._version import __version__
from sksequence.persistence._file_format import Arrays
from sksequence.persistence._known_types import (
    DTYPE,
    OWN_ESTIMATORS,
    PARTS,
    VERSION_ATTRIBUTE,
    check_attributes,
    check_names,
    estimator_class,
    type_of_name,
)

# nodes whose content is small, that of arrays that several nodes may share, and that of arrays
_SMALL = {"dtype", "float", "scalar", "type"}
_SHARED = {"array", "transposed"}
_OF_ARRAYS = {"list", "strings", "text"}
_LARGEST_CHARACTER = 0x10FFFF
_MOST_EQUAL = 100  # items of a set with the hashes of others
_STATE_LENGTH = 624  # of the random numbers of numpy.random.RandomState


class TreeReader:
    """Decoder of trees.

    Parameters
    ----------
    arrays : dict
        Arrays by the names that the tree has for them.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays
        self._unread = set(arrays)
        self._shared: set[str] = set()
        self._copies: dict[str, NDArray[Any]] = {}
        self._decoders: dict[str, Callable[[object, str], object]] = {
            "array": self._array,
            "dict": self._dict,
            "dtype": self._dtype,
            "estimator": self._estimator,
            "float": self._float,
            "frozenset": self._frozenset,
            "list": self._list,
            "objects": self._objects,
            "part": self._part,
            "random_state": self._random_state,
            "scalar": self._scalar,
            "set": self._set,
            "slice": self._slice,
            "strings": self._strings,
            "text": self._text,
            "transposed": self._transposed,
            "tuple": self._tuple,
            "type": self._type,
        }

    def decode_root(self, node: object) -> object:
        """Return the estimator of a tree, which must use all arrays."""
        match node if isinstance(node, dict) and len(node) == 1 else None:
            case {"estimator": content}:
                self._check(node)
            case _:
                raise _unknown(node)
        if self._unread:
            raise ValueError(f"its array {min(self._unread)!r:.80} belongs to nothing.")
        return self._estimator(content, "")

    def _check(self, node: object, attribute: str = "") -> None:
        """Raise a ValueError for unknown types, and for arrays that are absent or used twice."""
        if isinstance(node, list):
            for item in node:
                self._check(item)
        if not isinstance(node, dict):
            return
        ((tag, content),) = node.items() if len(node) == 1 else [("", None)]
        if tag not in self._decoders:
            raise _unknown(node)
        if tag in _SMALL:
            self._decoders[tag](content, attribute)
        elif tag in _SHARED | _OF_ARRAYS:
            for name in content if isinstance(content, list) else [content]:
                self._check_name(name, is_shared=tag in _SHARED)
        elif tag in ("estimator", "part"):
            self._check_state(content, is_part=tag == "part")
        else:
            self._check(content)

    def _check_name(self, name: object, *, is_shared: bool) -> None:
        if not isinstance(name, str) or name not in self._arrays:
            raise ValueError(f"its tree names the array {name!r:.80}, which is absent.")
        if name not in self._unread and not (is_shared and name in self._shared):
            raise ValueError(f"its tree uses the array {name!r:.80} twice.")
        self._unread.discard(name)
        if is_shared:
            self._shared.add(name)

    def _check_state(self, content: object, *, is_part: bool) -> None:
        match content:
            case [str(name), dict(state)]:
                known = PARTS.get(name) if is_part else estimator_class(name)
            case _:
                raise _unknown(content)
        if known is None:
            raise ValueError(f"its tree names the class {name!r:.80}, which is not a known one.")
        if is_part:
            check_names(known, state)
        else:
            check_attributes(known, state)
        for key, value in state.items():
            self._check(value, key)

    def decode(self, node: object, attribute: str = "") -> object:
        """Return the value of a node; of an attribute, to which a few types are restricted."""
        if node is None or isinstance(node, bool | str | int | float):
            return node
        if isinstance(node, list):
            return [self.decode(item) for item in node]
        if not isinstance(node, dict) or len(node) != 1:
            raise _unknown(node)
        ((tag, content),) = node.items()
        if tag not in self._decoders:
            raise _unknown(node)
        return self._decoders[tag](content, attribute)

    def _items(self, node: object) -> list[object]:
        items = self.decode(node)
        if not isinstance(items, list):
            raise _unknown(node)
        return items

    def _float(self, content: object, attribute: str) -> object:
        if not isinstance(content, str) or content not in ("nan", "inf", "-inf"):
            raise _unknown(content)
        return float(content)

    def _tuple(self, content: object, attribute: str) -> object:
        return tuple(self._items(content))

    def _set(self, content: object, attribute: str) -> object:
        return set(_of_many_hashes(self._items(content)))

    def _frozenset(self, content: object, attribute: str) -> object:
        return frozenset(_of_many_hashes(self._items(content)))

    def _dict(self, content: object, attribute: str) -> object:
        match content:
            case [keys, values]:
                names = _of_many_hashes(self._items(keys))
                return dict(zip(names, self._items(values), strict=True))
        raise _unknown(content)

    def _slice(self, content: object, attribute: str) -> object:
        return slice(*self._items(content))

    def _type(self, content: object, attribute: str) -> object:
        kind = type_of_name(content, attribute) if isinstance(content, str) else None
        if kind is None:
            raise ValueError(f"its {attribute!r:.80} names the unknown type {content!r:.80}.")
        return kind

    def _dtype(self, content: object, attribute: str) -> object:
        if not isinstance(content, str) or not DTYPE.fullmatch(content):
            raise _unknown(content)
        return np.dtype(content)

    def _scalar(self, content: object, attribute: str) -> object:
        match content:
            case ["U", str(text)]:
                return np.str_(text)
            case [str(name), str(digits)] if DTYPE.fullmatch(name) and name[1] in "biuf":
                (value,) = np.frombuffer(bytes.fromhex(digits), dtype=name)
                return value
        raise _unknown(content)

    def _random_state(self, content: object, attribute: str) -> object:
        match content:
            case [key, int(position), int(has_gauss), float(gauss)] if (
                0 <= position <= _STATE_LENGTH
            ):
                numbers = cast("NDArray[np.uint32]", self.decode(key))
                state = np.random.RandomState(0)
                state.set_state(("MT19937", numbers, position, has_gauss, gauss))
                return state
        raise _unknown(content)

    def _array(self, content: object, attribute: str) -> object:
        name, view = self._view(content)
        if name not in self._copies:
            self._copies[name] = np.array(view)
        return self._copies[name]

    def _transposed(self, content: object, attribute: str) -> object:
        name, view = self._view(content)
        if name not in self._copies:
            self._copies[name] = np.array(view).T
        return self._copies[name]

    def _text(self, content: object, attribute: str) -> object:
        _, letters = self._view(content)
        kind = {"<u4": "U", "|u1": "S"}.get(letters.dtype.str)
        if kind is None or letters.ndim < 1 or not letters.shape[-1]:
            raise _unknown(content)
        if kind == "U" and letters.size and letters.max() > _LARGEST_CHARACTER:
            raise ValueError(f"its array {content!r:.80} has numbers that are not characters.")
        flat = np.array(letters).reshape(-1, letters.shape[-1])
        return flat.view(f"{kind}{letters.shape[-1]}").reshape(letters.shape[:-1])

    def _objects(self, content: object, attribute: str) -> object:
        match content:
            case [list(shape), node]:
                return object_array(self._items(node)).reshape(shape)
        raise _unknown(content)

    def _list(self, content: object, attribute: str) -> object:
        _, view = self._view(content)
        if view.ndim != 1 or view.dtype.str not in ("|b1", "<i8", "<f8"):
            raise _unknown(content)
        return view.tolist()

    def _strings(self, content: object, attribute: str) -> object:
        match content:
            case [text_name, ends_name]:
                _, text = self._view(text_name)
                _, ends = self._view(ends_name)
                return _cut(text, ends)
        raise _unknown(content)

    def _view(self, name: object) -> tuple[str, NDArray[Any]]:
        key = cast("str", name)
        return key, self._arrays[key]

    def _state(self, content: object) -> tuple[str, dict[str, object]]:
        name, state = cast("tuple[str, dict[str, object]]", content)
        return name, {key: self.decode(value, key) for key, value in state.items()}

    def _part(self, content: object, attribute: str) -> object:
        name, state = self._state(content)
        kind: type[Any] = PARTS[name]
        if is_dataclass(kind):
            return kind(**state)
        part = object.__new__(kind)
        vars(part).update(state)
        return part

    def _estimator(self, content: object, attribute: str) -> object:
        name, state = self._state(content)
        kind: Any = estimator_class(name)
        if name in OWN_ESTIMATORS:  # parameters that the version that saved it did not have
            parameters = inspect.signature(kind).parameters.values()
            defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
            state = defaults | state | {VERSION_ATTRIBUTE: __version__}
            check_parameters(kind, state)
        fitted = kind.__new__(kind)
        fitted.__setstate__(state)
        return fitted


def _cut(text: NDArray[Any], ends: NDArray[Any]) -> list[str]:
    is_text = text.dtype == np.uint8 and ends.dtype == np.int64 and text.ndim == ends.ndim == 1
    if not is_text or not len(ends) or ends[-1] != len(text) or np.any(np.diff(ends) < 0):
        raise ValueError("its strings do not have the lengths that they should have.")
    raw, start, strings = text.data, 0, []
    for end in np.array(ends).data:  # as numbers of Python, one at a time
        strings.append(str(raw[start:end], "utf-8", "surrogatepass"))
        start = end
    return strings


def _of_many_hashes(items: list[object]) -> list[object]:
    """Return the items of a set; if they had one hash, it would take the square of their number."""
    n_equal = len(items) - len({hash(item) for item in items})
    if n_equal > _MOST_EQUAL:
        raise ValueError(f"its tree has a set or dict with {n_equal} items of equal hashes.")
    return items


def _unknown(node: object) -> ValueError:
    return ValueError(f"its tree has a part that is not of this format: {node!r:.80}.")
