"""Checks of X: against the form seen in `fit`, and for values that no network can read."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sksequence._batching import Sequences, find_step
from sksequence._elements import FILL_CATEGORY, is_none, missing_error
from sksequence._input._input_form import InputForm
from sksequence._input._raw_input import CellColumn, RawInput
from sksequence._vocabulary import Vocabulary

_LARGEST = float(np.finfo(np.float32).max)
_CHUNK = 1 << 17  # numbers checked together: they are still in the cache for the second reduction

# --- column names and widths ----------------------------------------------------------------------


def feature_names_in(X: object, raw: RawInput) -> NDArray[np.object_] | None:
    """Return the names of the columns if all are strings, as scikit-learn does."""
    if raw.layout == "sequences":
        are_strings = raw.names is not None and all(isinstance(name, str) for name in raw.names)
        return np.array(raw.names, dtype=object) if are_strings else None
    if raw.layout == "lists":
        return None
    probe = BaseEstimator()
    validate_data(probe, X, skip_check_array=True)
    return getattr(probe, "feature_names_in_", None)


def check_columns(X: object, form: InputForm) -> None:
    """Let scikit-learn compare column names and width on a probe that is named as the estimator."""
    names = form.feature_names_in
    if names is None and isinstance(X, np.ndarray) and X.shape[1] == form.n_features_in:
        return  # asking scikit-learn costs as much as reading one sequence
    probe = _probe_class(form.estimator_name)()
    probe.n_features_in_ = form.n_features_in
    if names is not None:
        probe.feature_names_in_ = names
    validate_data(probe, X, reset=False, skip_check_array=True)


@cache
def _probe_class(name: str) -> type[BaseEstimator]:
    return type(name, (BaseEstimator,), {})


def check_table_lengths(raw: RawInput, form: InputForm) -> None:
    """Check lists or a 3-D array against the 2-D form of `fit`."""
    lengths = set(raw.sequences.lengths.tolist())
    width = raw.values.shape[1]
    if width != 1:
        raise ValueError(
            f"X has {width} features, but {form.estimator_name} is expecting 1 features as input "
            f"at each step: it was fitted on a 2-D table of {form.n_features_in} steps. Pass X in "
            "the same form as in fit."
        )
    if form.layout == "table" and lengths != {form.n_features_in}:
        raise ValueError(
            f"X has sequences of {min(lengths)} to {max(lengths)} steps, but {form.estimator_name} "
            f"was fitted on a 2-D array of {form.n_features_in} steps, which fixes the length. For "
            "sequences of any length, fit on a list of 1-D arrays or on a 3-D array."
        )


def check_step_features(raw: RawInput, form: InputForm) -> None:
    width, expected = raw.n_features, form.n_features_in
    if width == expected:
        return
    message = (
        f"X has {width} features, but {form.estimator_name} is expecting {expected} features as "
        "input"
    )
    if raw.layout == "table":
        raise ValueError(
            f"{message} at each step: X is 2-D, which means sequences of one feature. Pass a 3-D "
            "array or a list of (n_steps, n_features) arrays; for a single sequence, [X]."
        )
    if set(raw.sequences.lengths.tolist()) == {expected}:
        raise ValueError(
            f"{message}; the axes look swapped. Time comes before features: (n_sequences, n_steps, "
            "n_features). Use X.transpose(0, 2, 1) for an array, [x.T for x in X] for a list."
        )
    raise ValueError(f"{message}. Pass the same features as in fit.")


def check_cells(X: object, raw: RawInput, form: InputForm) -> None:
    """Check a table whose cells are sequences, which may be X or the X of `fit`."""
    forms = {True: "a table whose cells are sequences", False: "an array or a list of sequences"}
    of_cells = raw.layout == "cells"
    if of_cells != (form.layout == "cells"):
        raise ValueError(
            f"X is {forms[of_cells]}, but {form.estimator_name} was fitted on {forms[not of_cells]}"
            f" ({form.n_features_in} columns). Pass X in the same form as in fit."
        )
    check_columns(X, form)
    if tuple(raw.static) != form.static_columns:
        raise ValueError(
            f"The columns {list(raw.static)} of X do not change in time, but in fit these "
            f"were {list(form.static_columns)}. Pass X in the same form as in fit."
        )
    has_steps = raw.sequences.offsets[-1] > 0  # sequences without steps have no kind
    for now, then in zip(raw.columns, form.columns, strict=True):
        _check_width(now, then)
        if has_steps and now.is_categorical != then.is_categorical:
            check_static(raw)  # a gap turns integers into floats
            check_finite(raw, form)
            flags = zip(now.is_categorical, then.is_categorical, strict=True)
            j = [a != b for a, b in flags].index(True)
            place = "" if len(now.is_categorical) == 1 else f", feature {_feature_name(now, j)!r},"
            raise _kind_error(f"{now.name!r} of X{place}", now.is_categorical[j])
        if not now.is_static and len(now.is_categorical) > 1:
            _warn_of_names(now.names, then.names, form, f"Column {now.name!r} of ")


def _check_width(now: CellColumn, then: CellColumn) -> None:
    width, expected = len(now.is_categorical), len(then.is_categorical)
    if width != expected:
        raise ValueError(
            f"The sequences in column {now.name!r} of X have {width} features per step, but "
            f"{expected} in fit. Pass the same features as in fit."
        )


def _feature_name(column: CellColumn, j: int) -> Hashable:
    return j if column.names is None else column.names[j]


def _kind_error(column: str, is_categorical: bool) -> ValueError:
    words = {True: "categories", False: "numbers"}
    return ValueError(
        f"Column {column} holds {words[is_categorical]}, but {words[not is_categorical]} in fit. "
        "Pass the same kind as in fit."
    )


def check_categorical(raw: RawInput, form: InputForm) -> None:
    """Check that numbers and categories are where they were in `fit`."""
    for j, (now, then) in enumerate(zip(raw.is_categorical, form.is_categorical, strict=False)):
        if now != then:
            name = j if raw.names is None else raw.names[j]
            raise _kind_error(f"{name!r} of X", now)


def warn_of_names(raw: RawInput, form: InputForm) -> None:
    """Warn as scikit-learn does if only X, or only the X of `fit`, has names of features."""
    if form.n_features_in > 1:
        _warn_of_names(raw.names, form.names, form)


def _warn_of_names(now: object, then: object, form: InputForm, place: str = "") -> None:
    if (now is None) == (then is None):
        return
    if then is not None:
        message = "X does not have valid feature names, but {} was fitted with feature names"
    else:
        message = "X has feature names, but {} was fitted without feature names"
    warnings.warn(place + message.format(form.estimator_name), UserWarning, stacklevel=3)


def check_same_types(column: NDArray[np.generic], vocabulary: Vocabulary, name: Hashable) -> None:
    """Raise an error if a column has strings and the vocabulary none, or the reverse."""
    known = {isinstance(symbol, str) for symbol in vocabulary.symbols}
    if len(known) != 1 or column.size == 0:
        return
    words = {True: "strings", False: "numbers"}
    were_strings = known.pop()
    # an array of one type is decided by its first element, which spares millions of objects
    elements = (column if column.dtype.kind in "OT" else column[:1]).tolist()
    first = next((s for s in elements if isinstance(s, str) != were_strings), None)
    if first is not None:
        raise ValueError(
            f"Column {name!r} of X holds {words[not were_strings]} such as {first!r:.60}, but only "
            f"{words[were_strings]} in fit. Pass the same kind as in fit."
        )


# --- empty sequences, kinds, numbers --------------------------------------------------------------


def check_not_empty(raw: RawInput, *, may_be_empty: bool = False) -> None:
    if len(raw.sequences) == 0:
        raise ValueError(
            "X has 0 sequences (0 sample(s)) while a minimum of 1 is required. Pass at least one."
        )
    lengths = raw.sequences.lengths
    if lengths.min() == 0 and not may_be_empty:
        empty = np.flatnonzero(lengths == 0)
        others = f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""
        raise ValueError(
            f"Sequence {empty[0]} of X is empty{others}; every sequence needs at least one step. "
            "Drop empty sequences, with their y."
        )
    if raw.values.shape[1] == 0:
        raise ValueError(
            "X has 0 feature(s) in each step while a minimum of 1 is required. Pass "
            "(n_steps, n_features) arrays."
        )


def check_not_wrapped(X: object, raw: RawInput) -> None:
    """Refuse lists of one str each if a str contains blanks: texts, or tokens with blanks."""
    is_explicit = raw.is_text or raw.is_array or isinstance(X, Sequences)
    if is_explicit or not raw.holds_symbols or len(raw.values) != len(raw.sequences):
        return
    if raw.values.shape[1] > 1 or raw.sequences.lengths.max() > 1:
        return
    for i, symbol in enumerate(raw.values[:, 0].tolist()):
        if isinstance(symbol, str) and len(symbol.split()) > 1:
            raise ValueError(
                f"Each sequence of X is a list of one str, and sequence {i} contains blanks: "
                f"{symbol!r:.60}. If they are texts, which the analyzer cuts, pass a list of str: "
                "[x[0] for x in X]. If each is one token, pass an array of shape "
                "(n_sequences, 1, 1): np.array(X)[:, :, None]."
            )


def check_kind(raw: RawInput, form: InputForm) -> None:
    """Check that X holds numbers, symbols, or both, as the X of `fit`."""
    now, then = _kind(raw), _kind(form)
    has_no_kind = raw.sequences.offsets[-1] == 0
    if raw.is_text and form.kind == "symbols" and not has_no_kind:
        raise ValueError(
            f"X holds texts (one str per sequence), but {form.estimator_name} was fitted on lists "
            "or arrays of tokens. Cut the texts into tokens as for fit, for example with "
            "[x.split() for x in X]; a single token is the list of it."
        )
    if has_no_kind or now == then:
        return
    if then != "numbers":
        check_finite(raw, form)  # a gap turns integers into floats
    raise ValueError(
        f"X holds {now}, but {form.estimator_name} was fitted on {then}; pass the same kind as in "
        "fit."
    )


def _kind(form: RawInput | InputForm) -> str:
    if form.is_categorical:
        return "numbers and categories"
    return "symbols (texts or tokens)" if form.holds_symbols else "numbers"


def check_static(raw: RawInput) -> None:
    """Raise an error that names the first feature without change that no network can read."""
    for column in raw.static.values():
        is_number = column.kind == "numbers"
        values = column.values.astype(np.float64) if is_number else column.values
        bad = ~(np.abs(values) <= _LARGEST) if is_number else is_none(values)
        if bad.any():
            i = int(np.argmax(bad))
            place = f"row {i}, column {column.name!r}"
            if is_number and not np.isnan(values[i]):
                raise ValueError(too_large_message(values[i], place))
            raise missing_error(values[i], place, *(() if is_number else (FILL_CATEGORY,)))


def check_finite(raw: RawInput, form: InputForm) -> None:
    """Raise an error that names the first value of X that is not a finite float32 number.

    NaN is one if numbers may be missing.
    """
    values, offsets = raw.values, raw.sequences.offsets
    if values.dtype.kind != "f":  # every integer is one
        return
    n_steps = max(1, _CHUNK // values.shape[1])
    for start in range(0, len(values), n_steps):
        block = values[start : start + n_steps]
        bad = find_not_finite(block, may_be_missing=form.may_be_missing)
        if bad is not None:
            row, feature = bad
            i, step = find_step(start + row, offsets)
            name = raw.number_names[feature]
            place = f"sequence {i}, step {step}, feature {name!r}"
            number = float(values[start + row, feature])
            if not np.isnan(number):
                raise ValueError(too_large_message(number, place))
            may_be_padded = raw.layout != "cells" and raw.categories is None
            if not may_be_padded or not np.isnan(values[start + row : offsets[i + 1]]).all():
                raise ValueError(_gap_message(place, _step_imputer(raw, name), form))
            if step == 0:
                raise ValueError(
                    f"Input X contains NaN: {place}, and in all steps of the sequence. Drop the "
                    "sequence, with its y."
                )
            advice = _unpadding(raw), _step_imputer(raw, name), form
            raise ValueError(_padding_message(place, *advice))


def check_ends(raw: RawInput, form: InputForm) -> None:
    """Raise an error if an array, whose sequences are equally long, may be padded with NaN."""
    if form.may_end_missing or not _may_be_padded(raw):
        return
    is_blank = np.isnan(raw.values[raw.sequences.offsets[1:] - 1]).all(axis=1)
    if is_blank.any():
        i = int(np.argmax(is_blank))
        raise ValueError(
            f"Sequence {i} of X ends with a step that is NaN in all features, which may be padding "
            "of a shorter sequence or missing. Remove padding with from_nan_padded(X) of "
            "sksequence.preprocessing. If the values are missing, pass a list of arrays, whose "
            "ends are read as they are: list(numpy.asarray(X))."
        )


def has_inner_gaps(raw: RawInput) -> bool:
    """Check whether an array of one feature has missing values elsewhere than at the ends."""
    if raw.n_features > 1 or not _may_be_padded(raw):
        return False
    is_missing = np.isnan(raw.values).reshape(len(raw.sequences), -1)
    at_end = np.logical_and.accumulate(is_missing[:, ::-1], axis=1)
    return bool((is_missing.sum(axis=1) > at_end.sum(axis=1)).any())


def _may_be_padded(raw: RawInput) -> bool:
    is_rectangle = raw.is_array and raw.layout != "cells" and raw.categories is None
    return is_rectangle and raw.values.dtype.kind == "f"


def find_not_finite(block: NDArray[np.floating], *, may_be_missing: bool) -> tuple[int, int] | None:
    """Return row and column of the first value that is not a finite float32 number."""
    if block.size == 0:
        return None
    if may_be_missing:
        places = np.argwhere(np.abs(block.astype(np.float64)) > _LARGEST)
        return (int(places[0, 0]), int(places[0, 1])) if len(places) else None
    # NaN compares false, so one pass of two reductions finds NaN, infinity and large numbers
    least, largest = np.minimum.reduce(block, axis=None), np.maximum.reduce(block, axis=None)
    if float(least) >= -_LARGEST and float(largest) <= _LARGEST:
        return None
    row, column = np.argwhere(~(np.abs(block.astype(np.float64)) <= _LARGEST))[0]
    return int(row), int(column)


def _step_imputer(raw: RawInput, name: Hashable) -> str:
    """Return the transformer that fills gaps in a column of X as it is."""
    if raw.layout == "cells":
        inner = f"(StepTransformer(SimpleImputer()), [{name!r}])"
        return f"make_column_transformer({inner}, remainder='passthrough')"
    if raw.categories is None:
        return "preprocessing.StepTransformer(SimpleImputer())"
    inner = f"(SimpleImputer(), [{name!r}])"  # an imputer of means refuses categories
    columns = f"make_column_transformer({inner}, remainder='passthrough')"
    return f"preprocessing.StepTransformer({columns})"


def _gap_message(place: str, imputer: str, form: InputForm) -> str:
    parameter = "set missing='indicator', " if form.missing is not None else ""
    return (
        f"Input X contains NaN: {place}. Recurrent networks need numbers everywhere: {parameter}"
        "drop the sequence or its steps with gaps, or fill the gap, for example with the previous "
        "value (ffill in pandas), in series of numbers by interpolation with "
        f"preprocessing.FillGaps(), or with {imputer}."
    )


def _unpadding(raw: RawInput) -> str:
    """Return the expression that removes the padding from X as it is."""
    if raw.names is not None:
        return "[x.loc[: x.last_valid_index()] for x in X] (in pandas)"
    is_rectangle = raw.is_array or raw.layout == "lists"
    call = "from_nan_padded(X)" if is_rectangle else "[from_nan_padded([x])[0] for x in X]"
    return f"{call} of sksequence.preprocessing"


def _padding_message(place: str, unpadding: str, imputer: str, form: InputForm) -> str:
    parameter = "set missing='indicator' or " if form.missing is not None else ""
    return (
        f"Input X contains NaN: {place}, and in all steps to the end of the sequence. If they fill "
        f"up a shorter sequence, remove them with {unpadding}. If they are gaps, {parameter}fill "
        f"them, for example with the previous value (ffill in pandas) or with {imputer}."
    )


def too_large_message(value: float, place: str) -> str:
    """Return the message of a value that is not a finite float32 number."""
    if np.isinf(value):
        return f"Input X contains infinity: {place}. Replace it by a finite number."
    return (
        f"Input X contains a value too large for dtype('float32'): {value:g} at {place} (infinity "
        "after the cast). Rescale this feature."
    )
