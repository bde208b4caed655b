"""The door: learn the form of X in `fit`, hold later X against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sksequence._batching import Sequences
from sksequence._validation._finite import check_finite
from sksequence._validation._forms import Analyzer, InputForm
from sksequence._validation._reading import RawInput, read_input
from sksequence._vocabulary import Vocabulary


def learn_form(
    X: Any,
    *,
    integers_are_symbols: bool,
    analyzer: Analyzer,
    max_features: int | None = None,
) -> tuple[InputForm, Sequences]:
    """Read and check the X of `fit`.

    Returns
    -------
    form : InputForm
        What later X are held against.
    sequences : Sequences
        Numbers as `values` of shape (sum of n_steps, n_features), symbols as `codes`.
    """
    raw = read_input(X, integers_are_symbols=integers_are_symbols, analyzer=analyzer)
    sequences = raw.sequences
    _check_not_empty(sequences)
    values = _values(sequences)
    n_features_in = values.shape[1] if raw.layout == "sequences" else int(sequences.lengths[0])
    names = _feature_names(X) if raw.layout == "table" else None
    vocabularies: tuple[Vocabulary, ...] = ()
    if raw.symbolic:
        vocabularies = tuple(Vocabulary.learn(column, max_features) for column in values.T)
    form = InputForm(raw.layout, n_features_in, names, vocabularies, raw.is_text, analyzer)
    return form, _finish(sequences, form)


def forget_unused(form: InputForm, sequences: Sequences) -> tuple[InputForm, Sequences]:
    """Leave symbols that no sequence holds any more out of the vocabularies: a row of weight zero teaches nothing."""
    if not form.vocabularies:
        return form, sequences
    assert sequences.codes is not None
    vocabularies, columns = [], []
    for vocabulary, codes in zip(form.vocabularies, sequences.codes.T, strict=True):
        used = np.unique(codes)
        vocabularies.append(Vocabulary(vocabulary.decode(used)))
        columns.append(np.searchsorted(used, codes).astype(np.int32) + 1)
    form = replace(form, vocabularies=tuple(vocabularies))
    return form, Sequences(None, sequences.offsets, np.stack(columns, axis=1))


def check_sequences(
    X: Any, form: InputForm, estimator: BaseEstimator, *, may_be_empty: bool = False
) -> Sequences:
    """Read X and hold it against the form learnt in `fit`; sequences of symbols may be empty where that means something."""
    raw = read_input(X, integers_are_symbols=bool(form.vocabularies), analyzer=form.analyzer)
    may_be_empty = may_be_empty and form.layout == "sequences"
    _check_not_empty(raw.sequences, may_be_empty=may_be_empty)
    name = type(estimator).__name__
    _check_kind(raw, form, name)
    if form.layout == "sequences":
        _check_step_features(raw, form, name)
    else:
        _check_table(X, raw, form, estimator)
    return _finish(raw.sequences, form)


def _values(sequences: Sequences) -> NDArray[Any]:
    assert sequences.values is not None
    return sequences.values


def _feature_names(X: Any) -> NDArray[np.object_] | None:
    """Ask scikit-learn for the column names, on a probe: a failing fit must not change the estimator."""
    probe = BaseEstimator()
    validate_data(probe, X, skip_check_array=True)
    return getattr(probe, "feature_names_in_", None)


def _check_not_empty(sequences: Sequences, *, may_be_empty: bool = False) -> None:
    if len(sequences) == 0:
        raise ValueError(
            "X has 0 sequences (0 sample(s)) while a minimum of 1 is required. Pass at least one."
        )
    if sequences.lengths.min() == 0 and not may_be_empty:
        empty = np.flatnonzero(sequences.lengths == 0)
        others = f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""
        raise ValueError(
            f"sequence {empty[0]} of X is empty{others}; every sequence needs at least one step. "
            "Drop empty sequences, with their y."
        )
    if _values(sequences).shape[1] == 0:
        raise ValueError(
            "X has 0 feature(s) in each step while a minimum of 1 is required. Pass (n_steps, n_features) arrays."
        )


def _check_kind(raw: RawInput, form: InputForm, name: str) -> None:
    has_no_kind = raw.sequences.offsets[-1] == 0
    if has_no_kind or raw.symbolic == bool(form.vocabularies):
        return
    words = {True: "symbols (texts or tokens)", False: "numbers"}
    raise ValueError(
        f"X holds {words[raw.symbolic]}, but {name} was fitted on {words[bool(form.vocabularies)]}; "
        "pass the same kind as in fit."
    )


def _check_step_features(raw: RawInput, form: InputForm, name: str) -> None:
    width = _values(raw.sequences).shape[1]
    expected = form.n_features_in
    if width == expected:
        return
    message = f"X has {width} features, but {name} is expecting {expected} features as input"
    if raw.layout == "table":
        raise ValueError(
            f"{message} at each step: X is 2-D, which means sequences of one feature. Pass a 3-D array or a list "
            "of (n_steps, n_features) arrays; for a single sequence, [X]."
        )
    if set(raw.sequences.lengths.tolist()) == {expected}:
        raise ValueError(
            f"{message}; the axes look swapped. Time comes before features: (n_sequences, n_steps, n_features). "
            "Use X.transpose(0, 2, 1) for an array, [x.T for x in X] for a list."
        )
    raise ValueError(f"{message}. Pass the same features as in fit.")


def _check_table(X: Any, raw: RawInput, form: InputForm, estimator: BaseEstimator) -> None:
    if raw.is_array and raw.layout == "table":
        validate_data(estimator, X, reset=False, skip_check_array=True)
        return
    name = type(estimator).__name__
    lengths = set(raw.sequences.lengths.tolist())
    width = _values(raw.sequences).shape[1]
    if width != 1:
        raise ValueError(
            f"X has {width} features, but {name} is expecting 1 features as input at each step: it was fitted on a "
            f"2-D table of {form.n_features_in} steps. Pass X in the same form as in fit."
        )
    if form.layout == "table" and lengths != {form.n_features_in}:
        raise ValueError(
            f"X has sequences of {min(lengths)} to {max(lengths)} steps, but {name} was fitted on a 2-D array of "
            f"{form.n_features_in} steps, which fixes the length. For sequences of any length, fit on a list of "
            "1-D arrays or on a 3-D array."
        )


def _finish(sequences: Sequences, form: InputForm) -> Sequences:
    values = _values(sequences)
    if not form.vocabularies:
        check_finite(sequences)
        return sequences
    columns = [v.encode(column) for v, column in zip(form.vocabularies, values.T, strict=True)]
    return Sequences(None, sequences.offsets, np.stack(columns, axis=1))
