"""Metadata of a model: what its inputs and outputs stand for, as JSON."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import isfinite

import numpy as np

from sksequence._input import InputForm
from sksequence._version import __version__
from sksequence._vocabulary import Vocabulary


def metadata(form: InputForm, **outputs: object) -> dict[str, str]:
    """Return the metadata of a model that reads X of this form.

    Every value is JSON; values for which JSON has no type are strings. The entries "codes" and
    "static_codes" have the name and the symbols of each column. Symbol i has code i + 1.
    """
    n_features = len(form.is_categorical) or len(form.vocabularies) or form.n_step_features
    flags = form.is_categorical or (form.holds_symbols,) * n_features
    names = list(map(_finite, form.step_names or range(n_features)))
    static = [(_finite(c.name), c.is_categorical[0]) for c in form.columns if c.is_static]
    entries = {
        "sksequence_version": __version__,
        "estimator": form.estimator_name,
        "values": [name for name, flag in zip(names, flags, strict=True) if not flag],
        "codes": _columns(
            [name for name, flag in zip(names, flags, strict=True) if flag], form.vocabularies
        ),
        "static": [name for name, flag in static if not flag],
        "static_codes": _columns([name for name, flag in static if flag], form.static_vocabularies),
    }
    if form.is_text:
        entries["analyzer"] = form.analyzer if isinstance(form.analyzer, str) else "custom"
    return {key: _as_json(value) for key, value in (entries | outputs).items()}


def _columns(
    names: Iterable[Hashable], vocabularies: Sequence[Vocabulary]
) -> list[Mapping[str, object]]:
    pairs = zip(names, vocabularies, strict=True)
    return [{"name": name, "symbols": _distinct(name, known.symbols)} for name, known in pairs]


def _distinct(name: Hashable, symbols: Sequence[Hashable]) -> list[Hashable]:
    """Return symbols for JSON; raise a ValueError if two of them become the same."""
    found: dict[str, Hashable] = {}
    for symbol in symbols:
        text = _as_json(_finite(symbol))
        other = found.setdefault(text, symbol)
        if other is not symbol:
            raise ValueError(
                f"Column {name!r} cannot be exported to ONNX: its symbols {other!r} and "
                f"{symbol!r} are both {text} in the metadata. Convert symbols to text or integers "
                "before fit."
            )
    return list(map(_finite, symbols))


def _finite(value: Hashable) -> Hashable:
    """Return infinity and NaN, which JSON does not have, as text."""
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _as_json(value: object) -> str:
    return json.dumps(value, default=_number_or_text, allow_nan=False)


def _number_or_text(value: object) -> object:
    """Return what JSON has no type for as a number or as text."""
    if isinstance(value, np.number | np.bool_):
        return value.item()
    if type(value).__str__ is object.__str__ and type(value).__repr__ is object.__repr__:
        raise ValueError(
            f"{value!r:.60} cannot be exported to ONNX: objects of the type "
            f"{type(value).__name__} have no text. Convert symbols and names of columns to text "
            "or integers before fit."
        )
    return str(value)
