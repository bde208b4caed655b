"""Metadata of a model: what its inputs and outputs stand for, as JSON."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence

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
    names = form.step_names or range(n_features)
    static = [(c.name, c.is_categorical[0]) for c in form.columns if c.is_static]
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
    return {key: json.dumps(value, default=str) for key, value in (entries | outputs).items()}


def _columns(
    names: Iterable[Hashable], vocabularies: Sequence[Vocabulary]
) -> list[Mapping[str, object]]:
    pairs = zip(names, vocabularies, strict=True)
    return [{"name": name, "symbols": vocabulary.symbols} for name, vocabulary in pairs]
