"""Single steps of streams, read as the steps of sequences are, without their overhead."""

from __future__ import annotations

import warnings
from bisect import bisect_left
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence._input._checks import find_not_finite, too_large_message
from sksequence._input._encoding import check_sequences
from sksequence._input._input_form import InputForm
from sksequence._tables import is_table, take_rows
from sksequence._vocabulary import UNKNOWN

Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]


def read_stream_steps(
    steps: object, form: InputForm, n_rows: int, *, are_several: bool
) -> tuple[Numbers | None, Codes | None]:
    """Return the numbers and codes of one step per stream, each (n_rows, n_columns).

    Parameters
    ----------
    steps : array-like, mapping or table
        One step; with `are_several`, one per stream.
    form : InputForm
        Form of the sequences seen in `fit`.
    n_rows : int
        Number of streams.
    are_several : bool
        Whether steps are those of several streams.
    """
    if not form.vocabularies:
        return _numbers(steps, form, n_rows, are_several), None
    steps = _symbols(steps, form, are_several)
    if isinstance(steps, str) and not are_several and (code := _code_of(steps, form)) is not None:
        return None, np.array([[code]])
    if form.columns:  # steps are rows of the sequences in the cells
        form = replace(form, layout="sequences", columns=())
    sequences = check_sequences(_one_step_each(steps, form, are_several), form)
    if len(sequences) != n_rows or np.any(sequences.lengths != 1):
        raise ValueError(
            f"push reads one step of each of the {n_rows} streams; got {sequences.lengths.tolist()}"
            f" steps from {steps!r:.60}. Push the steps one after the other."
        )
    assert sequences.codes is not None
    values = sequences.values
    numbers = None if values is None else np.asarray(values, dtype=np.float64)
    return numbers, sequences.codes.astype(np.int64)


def are_all_streams(rows: NDArray[np.int64], n_streams: int) -> bool:
    """Check whether different positions of streams are those of all, in their order."""
    return len(rows) == n_streams and (n_streams == 1 or bool((rows[1:] > rows[:-1]).all()))


def without_names(
    steps: Any, names: Sequence[Hashable] | None, reader: str, *, are_several: bool
) -> Any:
    """Return steps with their features in the order of `names`, those of `fit`.

    If there were none, mappings are refused, and features with names cause scikit-learn's warning.
    """
    if are_several and isinstance(steps, list | tuple):
        return [without_names(step, names, reader, are_several=False) for step in steps]
    if not hasattr(steps, "keys"):
        return steps
    if names is not None:
        return _by_name(steps, names)
    if isinstance(steps, Mapping):
        raise ValueError(
            f"The step {steps!r:.60} has names of features, but {reader} was fitted without names. "
            "Push the values as a list in the order of the features, or fit with DataFrames."
        )
    # the index of a Series of several streams names the streams
    if (is_table(steps) or not are_several) and np.shape(steps)[-1] > 1:
        warnings.warn(
            f"The step has feature names, but {reader} was fitted without feature names",
            UserWarning,
            stacklevel=2,
        )
    return steps


def as_rows(values: NDArray[Any], n_rows: int, n_features: int, *, are_several: bool) -> Any:
    """Check the shape of steps, and return them as an array of shape (n_rows, n_features)."""
    expected = (n_rows, n_features) if are_several else (n_features,)
    # a number or a list of numbers is enough for one feature, and a table has one row per stream
    fits = values.shape in (expected, (n_rows, n_features)) or (
        n_features == 1 and values.size == n_rows and values.ndim <= 1
    )
    if not fits:
        raise ValueError(
            f"push reads steps of shape {expected}, one of {n_features} values for each of "
            f"{n_rows} streams; got an array of shape {values.shape}."
        )
    return values.reshape(n_rows, n_features)


def _numbers(steps: Any, form: InputForm, n_rows: int, are_several: bool) -> Numbers:
    """Return numeric steps; a mapping, a Series or a table has its numbers by name."""
    n_features = form.n_step_features
    steps = without_names(steps, form.step_names, form.estimator_name, are_several=are_several)
    try:
        values = np.asarray(steps, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"push reads steps of {n_features} numbers, as in fit; got {steps!r:.60}."
        ) from None
    numbers: Numbers = as_rows(values, n_rows, n_features, are_several=are_several)
    bad = find_not_finite(numbers, may_be_missing=False)
    if bad is None:
        return numbers
    if np.isfinite(numbers).all():
        stream, feature = bad
        name = feature if form.step_names is None else form.step_names[feature]
        raise ValueError(
            too_large_message(float(numbers[bad]), f"stream {stream} of the step, feature {name!r}")
        )
    raise ValueError(
        f"The step holds NaN or infinity: {values.tolist()!r:.60}. Push finite numbers only, such "
        "as the last known value."
    )


def _by_name(steps: Any, names: Sequence[Hashable]) -> NDArray[Any]:
    """Return the features of a mapping, a row or a table in the order of their names."""
    _check_complete(steps, names)
    return np.asarray([np.asarray(steps[name]) for name in names]).T


def _check_complete(step: Any, names: Sequence[Hashable]) -> None:
    absent = [name for name in names if name not in step]
    if absent:
        raise ValueError(
            f"The step has no {absent}. Pass all features of fit by name: {list(names)}."
        )


def _code_of(symbol: str, form: InputForm) -> int | None:
    """Return the code of a single symbol, found fast; None where it has to be read with care."""
    is_plain = len(form.vocabularies) == 1 and form.holds_symbols and not form.columns
    if not is_plain or (form.is_text and (form.analyzer != "char" or len(symbol) != 1)):
        return None
    symbols = form.vocabularies[0].symbols
    if not (isinstance(symbols[0], str) and isinstance(symbols[-1], str)):
        return None
    i = bisect_left(symbols, symbol)  # symbols of one type are sorted
    return i + 1 if i < len(symbols) and symbols[i] == symbol else UNKNOWN


def _symbols(steps: Any, form: InputForm, are_several: bool) -> Any:
    """Return one symbol per stream without lists and arrays around it; several are an error."""
    if not form.holds_symbols or len(form.vocabularies) > 1:
        return steps
    steps = steps.tolist() if isinstance(steps, np.ndarray) else steps
    if not are_several:
        return _symbol(steps, form)
    if isinstance(steps, str) and not form.is_text:
        raise ValueError(
            f"push reads one symbol for each stream; got the text {steps!r:.60}. Pass a list of "
            "symbols."
        )
    return [_symbol(step, form) for step in steps] if isinstance(steps, list | tuple) else steps


def _symbol(step: Any, form: InputForm) -> Any:
    """Return a symbol, which may be in a list; a list or a text of several is an error."""
    while isinstance(step, list | tuple) and len(step) == 1:
        step = step[0]
    if isinstance(step, list | tuple):
        raise ValueError(
            f"push reads one step of a stream, here a symbol; got {len(step)}: {step!r:.60}. "
            "Push them one after the other, or start(n_streams=...) to read several streams."
        )
    looks_like_text = isinstance(step, str) and not form.is_text and len(step.split()) > 1
    if looks_like_text and step not in form.vocabularies[0].symbols:
        raise ValueError(
            f"push reads one symbol, and fit has not seen {step!r:.60}, which looks like a "
            "text of several. Split it as in fit, and push its symbols one after the other."
        )
    return step


def _one_step_each(steps: Any, form: InputForm, are_several: bool) -> Any:
    """Return steps of symbols, or of symbols and numbers, as sequences of one step."""
    if form.step_names is None:
        steps = without_names(steps, None, form.estimator_name, are_several=are_several)
    if form.is_text:
        return list(steps) if are_several else [steps]
    if is_table(steps):
        return [take_rows(steps, slice(i, i + 1)) for i in range(len(steps))]
    several = steps if are_several else [steps]
    if form.step_names is not None:
        return _named_steps(several, form.step_names)
    return [[step] for step in several]


def _named_steps(steps: Sequence[Any], names: Sequence[Hashable]) -> Sequences:
    """Return mappings, or lists in the order of the names, as sequences of one step."""
    values = np.empty((len(steps), len(names)), dtype=object)
    for i, step in enumerate(steps):
        if hasattr(step, "keys"):
            _check_complete(step, names)
            step = [step[name] for name in names]
        row = np.ravel(np.asarray(step, dtype=object))
        if len(row) != len(names):
            raise ValueError(f"push reads steps with the features {list(names)}; got {step!r:.60}.")
        values[i] = row
    return Sequences(values, np.arange(len(steps) + 1), None, tuple(names))
