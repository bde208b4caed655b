"""Objects as trees of JSON, with arrays alongside them.

None, bool, str, int and finite float stand for themselves, and so do lists of them. Everything else
is an object with one entry, whose name says what it is: ``{"tuple": [...]}``, ``{"array": name}``.
Types are compared exactly: an instance of a subclass is another type, and is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from sksequence._base import Stream, check_arrays, check_parameters
from sksequence.persistence._file_format import LONGEST_INTEGER, is_storable
from sksequence.persistence._known_types import (
    DTYPE,
    OWN_ESTIMATORS,
    PARTS,
    VERSION_ATTRIBUTE,
    check_attributes,
    check_names,
    estimator_name,
    type_of_name,
)

# longer lists of one type are arrays
_LONG = 32
_SCALARS = "biuf"
_PICKLE = "use pickle or joblib, and load such files only if you trust them"
_ADVICE = {
    "analyzer": "Set analyzer='char' or 'word', or cut texts into lists of tokens before fit.",
    "callbacks": "Call set_params(callbacks=None) before saving.",
    "cell": f"Choose a cell by its name. With your own, {_PICKLE}.",
    "loss": f"Choose a loss by its name. With your own, {_PICKLE}.",
    "optimizer": f"Choose an optimizer by its name. With your own, {_PICKLE}.",
    "validation_split": "Call set_params(validation_split='random') before saving.",
}
_OTHER_ADVICE = (
    "Save an estimator without it, or use pickle or skops and load such files only if you trust "
    "them."
)


class _Stateful(Protocol):
    def __getstate__(self) -> Any: ...


def _refuse(value: object, path: str) -> NoReturn:
    kind = type(value)
    if isinstance(value, type) or (callable(value) and hasattr(value, "__name__")):
        name = getattr(value, "__qualname__", value.__name__)  # NumPy's functions may lack it
        what = f"the {'class' if isinstance(value, type) else 'function'} {name}"
    elif isinstance(value, np.ndarray):
        what = f"an array of type {value.dtype}"
    else:
        what = f"an object of type {kind.__module__}.{kind.__qualname__}"
    attribute = path.rpartition(".")[2].partition("[")[0]
    advice = _ADVICE.get(attribute, _OTHER_ADVICE)
    if isinstance(value, Stream):
        advice = (
            "Use pickle for a stream with its state; or save its estimator, and call start() of "
            "the loaded one for a new stream."
        )
    if hasattr(value, "best_estimator_"):
        advice = "Save the best_estimator_ of the search."
    raise ValueError(
        f"{path} is {what}, which is not among the types that can be saved without code. {advice}"
    )


class TreeWriter:
    """Encoder of objects. Paths such as ``Pipeline.steps['rnn'].cell`` name what is refused.

    Attributes
    ----------
    arrays : dict
        Arrays by the names that the tree has for them.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self._names: dict[int, str] = {}
        self._owners: list[NDArray[Any]] = []  # alive, so that no other array has their id
        self._encoders: dict[type[object], Callable[[Any, str], object]] = {
            dict: self._dict,
            float: self._float,
            frozenset: self._set,
            int: self._int,
            list: self._list,
            np.memmap: self._array,
            np.ndarray: self._array,
            np.random.RandomState: self._random_state,
            set: self._set,
            slice: self._slice,
            tuple: self._tuple,
            type: self._type,
        }

    def encode_root(self, root: object) -> object:
        """Return the tree of an estimator."""
        name = estimator_name(type(root))
        if name is None:
            _refuse(root, "The estimator")
        return self._estimator(cast("_Stateful", root), name, type(root).__name__)

    def encode(self, value: object, path: str) -> object:
        """Return the tree of any value."""
        kind = type(value)
        if value is None or kind in (bool, str):
            return value
        if kind in self._encoders:
            return self._encoders[kind](value, path)
        if isinstance(value, np.generic):
            return _scalar(value, path)
        if isinstance(value, np.dtype) and DTYPE.fullmatch(value.str):
            return {"dtype": value.str}
        return self._object(value, path)

    def _int(self, value: int, path: str) -> object:
        if abs(value) >= 10 ** (LONGEST_INTEGER - 1):
            raise ValueError(f"{path} is an integer of more than {LONGEST_INTEGER - 1} digits.")
        return value

    def _float(self, value: float, path: str) -> object:
        return value if math.isfinite(value) else {"float": str(value)}

    def _list(self, values: Sequence[object], path: str) -> object:
        kinds = set(map(type, values)) if len(values) >= _LONG else set()
        if kinds == {str}:
            return self._strings(cast("Sequence[str]", values), path)
        if kinds in ({bool}, {float}) or (kinds == {int} and _fit_64_bits(values)):
            return {"list": self._add(np.array(values), path)}
        return [self.encode(value, _path_of(path, i, value)) for i, value in enumerate(values)]

    def _strings(self, values: Sequence[str], path: str) -> object:
        encoded = [value.encode("utf-8", "surrogatepass") for value in values]
        ends = np.cumsum([len(text) for text in encoded])
        text = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        return {"strings": [self._add(text, path), self._add(ends, f"{path}.ends")]}

    def _tuple(self, values: tuple[object, ...], path: str) -> object:
        if _is_step(values):  # a step or a column: its name is in the path
            return {"tuple": [self.encode(value, path) for value in values]}
        return {"tuple": self._list(values, path)}

    def _set(self, values: set[object], path: str) -> object:
        return {type(values).__name__: self._list(sorted(values, key=repr), path)}

    def _dict(self, values: dict[object, object], path: str) -> object:
        items = [self.encode(value, f"{path}.{key!s:.80}") for key, value in values.items()]
        return {"dict": [self._list(list(values), path), items]}

    def _slice(self, value: slice, path: str) -> object:
        return {"slice": [self.encode(v, path) for v in (value.start, value.stop, value.step)]}

    def _type(self, value: type[object], path: str) -> object:
        if type_of_name(value.__name__, path.rpartition(".")[2]) is not value:
            _refuse(value, path)
        return {"type": value.__name__}

    def _random_state(self, value: np.random.RandomState, path: str) -> object:
        name, *state = value.get_state(legacy=True)
        if name != "MT19937":
            _refuse(value, path)
        return {"random_state": [self.encode(part, path) for part in state]}

    def _array(self, value: NDArray[Any], path: str) -> object:
        kind = value.dtype.kind
        if kind == "O":
            items = self._list(value.ravel().tolist(), path)
            return {"objects": [list(value.shape), items]}
        if kind in "US" and value.dtype.itemsize:
            unit = np.dtype("<u4") if kind == "U" else np.dtype(np.uint8)
            flat = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).reshape(-1)
            letters = flat.view(unit).reshape(*value.shape, -1)
            return {"text": self._add(letters, path)}
        if not is_storable(value.dtype):
            _refuse(value, path)
        # the order in memory has an influence on the rounding of products
        if not value.flags.c_contiguous and value.strides[0] < value.strides[-1]:
            return {"transposed": self._add(value, path, value.T)}
        return {"array": self._add(value, path)}

    def _add(self, owner: NDArray[Any], path: str, array: NDArray[Any] | None = None) -> str:
        """Add an array, or another one that stands for it, unless it is known; return its name."""
        if id(owner) not in self._names:
            name, n = path, 1
            while name in self.arrays:
                n += 1
                name = f"{path} {n}"
            self.arrays[name] = owner if array is None else array
            self._names[id(owner)] = name
            self._owners.append(owner)
        return self._names[id(owner)]

    def _object(self, value: object, path: str) -> object:
        kind = type(value)
        if PARTS.get(kind.__name__) is kind:
            check_names(kind, vars(value))
            state = {name: self.encode(v, f"{path}.{name}") for name, v in vars(value).items()}
            return {"part": [kind.__name__, state]}
        name = estimator_name(kind)
        if name is None:
            _refuse(value, path)
        return self._estimator(cast("_Stateful", value), name, path)

    def _estimator(self, value: _Stateful, name: str, path: str) -> object:
        state = {k: v for k, v in value.__getstate__().items() if k != VERSION_ATTRIBUTE}
        check_attributes(type(value), state)
        if "_arrays" in state:
            check_arrays(type(value).__name__, state["_arrays"], None)
        tree = {k: self.encode(v, f"{path}.{k}") for k, v in state.items()}
        if name in OWN_ESTIMATORS:
            check_parameters(type(value), state)
        return {"estimator": [name, tree]}


def _fit_64_bits(values: Sequence[object]) -> bool:
    numbers = cast("Sequence[int]", values)
    return min(numbers) >= -(2**63) and max(numbers) < 2**63


def _is_step(value: object) -> bool:
    return type(value) is tuple and len(value) > 1 and type(value[0]) is str


def _path_of(path: str, position: int, value: object) -> str:
    if _is_step(value):
        return f"{path}[{cast('tuple[str]', value)[0]!r:.80}]"
    return f"{path}[{position}]"


def _scalar(value: np.generic, path: str) -> object:
    if isinstance(value, np.str_):
        return {"scalar": ["U", str(value)]}
    if value.dtype.kind not in _SCALARS or not is_storable(value.dtype):
        _refuse(value, path)
    return {"scalar": [value.dtype.str, value.tobytes().hex()]}
