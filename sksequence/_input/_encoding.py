"""Encoding of X: its form is learnt in `fit`, and every later X is checked against it.

Values are (sum of n_steps, n_features).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, object_array
from sksequence._input._checks import (
    check_categorical,
    check_cells,
    check_columns,
    check_ends,
    check_finite,
    check_kind,
    check_not_empty,
    check_not_wrapped,
    check_same_types,
    check_static,
    check_step_features,
    check_table_lengths,
    feature_names_in,
    find_not_finite,
    has_inner_gaps,
    warn_of_names,
)
from sksequence._input._containers import read_input
from sksequence._input._input_form import InputForm
from sksequence._input._raw_input import RawInput, Reading, is_real
from sksequence._input._times import time_position, with_gaps
from sksequence._vocabulary import Vocabulary

_DECIMAL = re.compile(r"\s*[+-]?(\d+[.,]\d*|[.,]\d+)([eE][+-]?\d+)?\s*")
_FEW = 1 << 17  # numbers up to which data are checked by one look


def learn_form(X: object, reading: Reading, *, estimator_name: str) -> tuple[InputForm, Sequences]:
    """Read and check the X of `fit`.

    Returns
    -------
    form : InputForm
        The form that later X are checked against.
    sequences : Sequences
        Numbers as `values` of shape (sum of n_steps, n_features), symbols as `codes`.
    """
    if isinstance(reading.categorical, str) and reading.categorical == "from_dtype":
        reading = replace(reading, categorical=None)  # types always decide
    raw = read_input(X, reading)
    check_not_empty(raw)
    check_not_wrapped(X, raw)
    check_static(raw)
    static_symbols = [column for column in raw.static.values() if column.kind == "symbols"]
    vocabularies = tuple(Vocabulary.learn(column) for column in raw.symbols)
    static_vocabularies = tuple(Vocabulary.learn(column.values) for column in static_symbols)
    if not raw.is_text:
        names = [*raw.symbol_names, *(column.name for column in static_symbols)]
        for name, vocabulary in zip(names, (*vocabularies, *static_vocabularies), strict=True):
            _check_no_numbers(vocabulary.symbols, name)
    time_column = reading.time_column
    form = InputForm(
        raw.layout,
        raw.n_features_in,
        estimator_name,
        n_step_features=0 if raw.holds_symbols else raw.values.shape[1],
        feature_names_in=feature_names_in(X, raw),
        step_names=raw.names,
        vocabularies=vocabularies,
        is_categorical=raw.is_categorical,
        categorical=raw.categorical,
        static_names=tuple(column.name for column in static_symbols),
        columns=raw.columns,
        static_vocabularies=static_vocabularies,
        n_static_numbers=len(raw.static) - len(static_symbols),
        is_text=raw.is_text,
        analyzer=reading.analyzer,
        missing=reading.missing,
        time_column=None if time_column is None else time_position(raw, time_column),
        may_end_missing=has_inner_gaps(raw),
    )
    return form, _encoded(raw, form)


def _check_no_numbers(symbols: Sequence[object], name: Hashable) -> None:
    """Refuse strings of which most are decimal numbers, as of a column with a typing error."""
    numbers = [s for s in symbols if isinstance(s, str) and _DECIMAL.fullmatch(s)]
    if 2 * len(numbers) <= len(symbols):
        return
    others = [s for s in symbols if s not in set(numbers)]
    besides = f" besides {others[0]!r:.40}" if others else ""
    raise ValueError(
        f"Column {name!r} of X holds numbers as text, such as {numbers[0]!r}{besides}, and text is "
        "read as categories. Convert them to numbers, for example with pandas.to_numeric, which "
        f"reports what is no number. If they are categories, name them: 'size {numbers[0]:.8}'."
    )


def check_sequences(X: object, form: InputForm, *, may_be_empty: bool = False) -> Sequences:
    """Read X and check it against the form learnt in `fit`.

    With `may_be_empty`, sequences without steps are accepted if sequences have any length.
    """
    plain = _plain_sequences(X, form)
    if plain is not None:
        return plain
    raw = read_input(X, form.reading)
    has_any_length = form.layout in ("sequences", "cells")
    check_not_empty(raw, may_be_empty=may_be_empty and has_any_length)
    if form.layout == "cells" or raw.layout == "cells":
        check_cells(X, raw, form)
    check_kind(raw, form)
    if form.is_text:
        check_not_wrapped(X, raw)
    if form.layout == "sequences":
        check_step_features(raw, form)
        warn_of_names(raw, form)
    elif raw.layout == "table":
        check_columns(X, form)
    elif form.layout != "cells":
        check_table_lengths(raw, form)
    check_categorical(raw, form)
    return _encoded(raw, form)


def _plain_sequences(X: object, form: InputForm) -> Sequences | None:
    """Return a few sequences in plain arrays of numbers, of which all checks are one look.

    Return None for anything else: what is wrong with it, and where, takes longer to find.
    """
    if type(X) is list and len(X) == 1 and is_real(X[0]) and X[0].ndim == 2:
        X = X[0][None]
    if not (is_real(X) and X.ndim == 3 and 0 < X.size <= _FEW and form.has_plain_numbers):
        return None
    if X.shape[2] != form.n_features_in or X.dtype.kind not in "iuf" or not X.dtype.isnative:
        return None
    sequences = Sequences.from_array(X)
    values = sequences.values
    assert values is not None
    is_finite = X.dtype.kind != "f" or find_not_finite(values, may_be_missing=False) is None
    return sequences if is_finite else None


def forget_unused(form: InputForm, sequences: Sequences) -> tuple[InputForm, Sequences]:
    """Remove symbols that no sequence holds any more, those of rows of weight zero."""

    def used(vocabulary: Vocabulary, codes: NDArray[np.int32]) -> Vocabulary:
        return Vocabulary(vocabulary.decode(np.unique(codes)))

    return _with_vocabularies(form, sequences, used)


def keep_frequent(
    form: InputForm,
    sequences: Sequences,
    max_features: int | None,
    weights: NDArray[np.float64] | None,
) -> tuple[InputForm, Sequences]:
    """Keep the most frequent symbols of each column, in which a sequence counts by its weight.

    The others become unknown symbols.
    """
    if max_features is None:
        return form, sequences
    of_steps = None if weights is None else np.repeat(weights, sequences.lengths)

    def frequent(vocabulary: Vocabulary, codes: NDArray[np.int32]) -> Vocabulary:
        of_codes = weights if len(codes) == len(sequences) else of_steps
        counts = np.bincount(codes, of_codes, len(vocabulary))
        kept = vocabulary.most_frequent(counts, max_features)
        return Vocabulary(vocabulary.decode(kept), len(vocabulary.symbols) - len(kept))

    return _with_vocabularies(form, sequences, frequent)


def _with_vocabularies(
    form: InputForm,
    sequences: Sequences,
    reduced: Callable[[Vocabulary, NDArray[np.int32]], Vocabulary],
) -> tuple[InputForm, Sequences]:
    """Reduce each vocabulary, given its codes; those of symbols that are left out become 0."""
    if sequences.codes is None and sequences.static_codes is None:
        return form, sequences
    known, codes = _recoded(form.vocabularies, sequences.codes, reduced)
    static_known, static_codes = _recoded(form.static_vocabularies, sequences.static_codes, reduced)
    form = replace(form, vocabularies=known, static_vocabularies=static_known)
    values, offsets, names = sequences.values, sequences.offsets, sequences.feature_names
    recoded = Sequences(values, offsets, codes, names)
    return form, recoded.with_static(sequences.static_values, static_codes)


def _recoded(
    vocabularies: Sequence[Vocabulary],
    codes: NDArray[np.int32] | None,
    reduced: Callable[[Vocabulary, NDArray[np.int32]], Vocabulary],
) -> tuple[tuple[Vocabulary, ...], NDArray[np.int32] | None]:
    if codes is None:
        return (), None
    known = [reduced(vocabulary, c) for vocabulary, c in zip(vocabularies, codes.T, strict=True)]
    columns = []
    for old, new, column in zip(vocabularies, known, codes.T, strict=True):
        new_codes = new.encode(object_array(old.symbols))
        columns.append(np.r_[np.int32(0), new_codes][column])
    return tuple(known), np.stack(columns, axis=1)


def _encoded(raw: RawInput, form: InputForm) -> Sequences:
    """Return numbers as they are but for times, which become gaps, and symbols as codes."""
    sequences = raw.sequences
    numbers = None if form.holds_symbols else raw.values
    if form.may_be_missing or form.has_times:
        check_ends(raw, form)
    if form.time_column is not None:
        numbers = with_gaps(raw, form.time_column)
        sequences = Sequences(numbers, sequences.offsets)
    if not form.holds_symbols:
        check_finite(raw, form)
    if form.vocabularies:
        columns, names = raw.symbols, raw.symbol_names
        if sequences.offsets[-1] == 0:  # sequences without steps have no kind
            columns = [np.empty(0, dtype=object)] * len(form.vocabularies)
            names = list(range(len(columns)))
        codes = _codes(columns, form.vocabularies, names)
        sequences = Sequences(numbers, sequences.offsets, codes)
    return _with_static(sequences, raw, form) if raw.static else sequences


def _with_static(sequences: Sequences, raw: RawInput, form: InputForm) -> Sequences:
    check_static(raw)
    static = raw.static.values()
    numbers = [column.values for column in static if column.kind == "numbers"]
    symbols = [column for column in static if column.kind == "symbols"]
    names = [column.name for column in symbols]
    return sequences.with_static(
        np.column_stack(numbers).astype(np.float64) if numbers else None,
        _codes([column.values for column in symbols], form.static_vocabularies, names)
        if symbols
        else None,
    )


def _codes(
    columns: Sequence[NDArray[np.generic]],
    vocabularies: Sequence[Vocabulary],
    names: Sequence[Hashable],
) -> NDArray[np.int32]:
    encoded = []
    for column, vocabulary, name in zip(columns, vocabularies, names, strict=True):
        check_same_types(column, vocabulary, name)
        encoded.append(vocabulary.encode(column))
    return np.stack(encoded, axis=1)
