"""The form of X: learnt in `fit`, and checked of every later X.

Values are (sum of n_steps, n_features). An estimator is known by its name only, for error messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sksequence._batching import Sequences
from sksequence._input._containers import Analyzer, Layout, RawInput, read_input
from sksequence._tokenizers import Tokenizer, is_tokenizer
from sksequence._vocabulary import Vocabulary

_LARGEST = float(np.finfo(np.float32).max)
_CHUNK = 1 << 17  # numbers checked together: they are still in the cache for the second reduction


@dataclass(frozen=True)
class InputForm:
    """The form of X that an estimator was fitted on.

    Attributes
    ----------
    layout : {"table", "lists", "sequences"}
        "table": a 2-D array whose columns are time steps; the width is fixed. "lists": equally long
        lists of numbers; a list may have another length later, an array may not. "sequences": any
        length.
    n_features_in : int
        Columns of a table, features per step otherwise.
    estimator_name : str
        Class of the estimator, for error messages.
    feature_names_in : ndarray of str or None
        Column names of a DataFrame.
    vocabularies : tuple of Vocabulary
        One for each column of symbols; empty for numbers.
    is_text : bool
        Whether each sequence was a single str, which `analyzer` cuts.
    analyzer : {"char", "word"}, callable or tokenizer
        How a text is cut into symbols.
    """

    layout: Layout
    n_features_in: int
    estimator_name: str
    feature_names_in: NDArray[np.object_] | None = None
    vocabularies: tuple[Vocabulary, ...] = ()
    is_text: bool = False
    analyzer: Analyzer = "char"

    @property
    def kind(self) -> str:
        """How X was read: as "text", "symbols" or "numbers"."""
        if self.is_text:
            return "text"
        return "symbols" if self.holds_symbols else "numbers"

    @property
    def holds_symbols(self) -> bool:
        """Whether steps are symbols (characters, words, items) and not numbers."""
        return bool(self.vocabularies)

    @property
    def n_step_features(self) -> int:
        """Features per step: a table's columns are steps of one feature."""
        return self.n_features_in if self.layout == "sequences" else 1

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer that turns ids back into text, None where symbols are not ids."""
        return self.analyzer if self.is_text and is_tokenizer(self.analyzer) else None

    @property
    def joins_exactly(self) -> bool:
        """Whether joining the pieces restores the text; unknown, so False, for a callable."""
        return self.is_text and (isinstance(self.analyzer, str) or is_tokenizer(self.analyzer))


def learn_form(
    X: object,
    *,
    integers_are_symbols: bool,
    analyzer: Analyzer,
    estimator_name: str,
) -> tuple[InputForm, Sequences]:
    """Read and check the X of `fit`.

    Returns
    -------
    form : InputForm
        The form that later X are checked against.
    sequences : Sequences
        Numbers as `values` of shape (sum of n_steps, n_features), symbols as `codes`.
    """
    raw = read_input(X, integers_are_symbols=integers_are_symbols, analyzer=analyzer)
    _check_not_empty(raw)
    _check_not_wrapped(X, raw)
    is_ragged = raw.layout == "sequences"
    vocabularies: tuple[Vocabulary, ...] = ()
    if raw.holds_symbols:
        vocabularies = tuple(map(Vocabulary.learn, raw.values.T))
    form = InputForm(
        raw.layout,
        raw.values.shape[1] if is_ragged else int(raw.sequences.lengths[0]),
        estimator_name,
        _feature_names(X) if raw.layout == "table" else None,
        vocabularies,
        raw.is_text,
        analyzer,
    )
    return form, _encoded(raw, form)


def check_sequences(X: object, form: InputForm, *, may_be_empty: bool = False) -> Sequences:
    """Read X and check it against the form learnt in `fit`.

    With `may_be_empty`, sequences without steps are accepted if sequences have any length.
    """
    raw = read_input(
        X,
        integers_are_symbols=form.holds_symbols,
        analyzer=form.analyzer,
        may_be_texts=form.is_text,
    )
    _check_not_empty(raw, may_be_empty=may_be_empty and form.layout == "sequences")
    _check_kind(raw, form)
    if form.is_text:
        _check_not_wrapped(X, raw)
    if form.layout == "sequences":
        _check_step_features(raw, form)
    elif raw.is_array and raw.layout == "table":
        _check_columns(X, form)
    else:
        _check_table_lengths(raw, form)
    return _encoded(raw, form)


def forget_unused(form: InputForm, sequences: Sequences) -> tuple[InputForm, Sequences]:
    """Remove symbols that no sequence holds any more, those of rows of weight zero."""
    if not form.holds_symbols:
        return form, sequences
    assert sequences.codes is not None
    used = [np.unique(column) for column in sequences.codes.T]
    return _with_symbols(form, sequences, used, [0] * len(used))


def keep_frequent(
    form: InputForm,
    sequences: Sequences,
    max_features: int | None,
    weights: NDArray[np.float64] | None,
) -> tuple[InputForm, Sequences]:
    """Keep the most frequent symbols of each column, in which a sequence counts by its weight.

    The others become unknown symbols.
    """
    if max_features is None or not form.holds_symbols:
        return form, sequences
    assert sequences.codes is not None
    of_steps = None if weights is None else np.repeat(weights, sequences.lengths)
    kept = [
        vocabulary.most_frequent(np.bincount(codes, of_steps, len(vocabulary)), max_features)
        for vocabulary, codes in zip(form.vocabularies, sequences.codes.T, strict=True)
    ]
    pairs = zip(form.vocabularies, kept, strict=True)
    n_rare = [len(vocabulary.symbols) - len(codes) for vocabulary, codes in pairs]
    return _with_symbols(form, sequences, kept, n_rare)


def _with_symbols(
    form: InputForm,
    sequences: Sequences,
    kept: Iterable[NDArray[np.integer]],
    n_rare: Iterable[int],
) -> tuple[InputForm, Sequences]:
    """Reduce the vocabularies to the codes that are kept; other codes become 0."""
    assert sequences.codes is not None
    vocabularies, columns = [], []
    old = zip(form.vocabularies, sequences.codes.T, strict=True)
    for (vocabulary, codes), known, n in zip(old, kept, n_rare, strict=True):
        vocabularies.append(Vocabulary(vocabulary.decode(known), n))
        renumbered = np.zeros(len(vocabulary), dtype=np.int32)
        renumbered[known] = np.arange(1, len(known) + 1)
        columns.append(renumbered[codes])
    form = replace(form, vocabularies=tuple(vocabularies))
    return form, Sequences(None, sequences.offsets, np.stack(columns, axis=1))


def _encoded(raw: RawInput, form: InputForm) -> Sequences:
    """Return finite numbers as they are, symbols as codes."""
    if not form.holds_symbols:
        _check_finite(raw)
        return raw.sequences
    columns = [v.encode(column) for v, column in zip(form.vocabularies, raw.values.T, strict=True)]
    return Sequences(None, raw.sequences.offsets, np.stack(columns, axis=1))


# --- column names and widths ----------------------------------------------------------------------


def _feature_names(X: object) -> NDArray[np.object_] | None:
    """Return the column names that scikit-learn finds."""
    probe = BaseEstimator()
    validate_data(probe, X, skip_check_array=True)
    return getattr(probe, "feature_names_in_", None)


def _check_columns(X: object, form: InputForm) -> None:
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


def _check_table_lengths(raw: RawInput, form: InputForm) -> None:
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


def _check_step_features(raw: RawInput, form: InputForm) -> None:
    width, expected = raw.values.shape[1], form.n_features_in
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


# --- empty sequences, kinds, numbers --------------------------------------------------------------


def _check_not_empty(raw: RawInput, *, may_be_empty: bool = False) -> None:
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


def _check_not_wrapped(X: object, raw: RawInput) -> None:
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


def _check_kind(raw: RawInput, form: InputForm) -> None:
    has_no_kind = raw.sequences.offsets[-1] == 0
    if raw.is_text and form.kind == "symbols" and not has_no_kind:
        raise ValueError(
            f"X holds texts (one str per sequence), but {form.estimator_name} was fitted on lists "
            "or arrays of tokens. Cut the texts into tokens as for fit, for example with "
            "[x.split() for x in X]; a single token is the list of it."
        )
    if has_no_kind or raw.holds_symbols == form.holds_symbols:
        return
    if form.holds_symbols:
        _check_finite(raw)  # a gap turns integers into floats
    words = {True: "symbols (texts or tokens)", False: "numbers"}
    raise ValueError(
        f"X holds {words[raw.holds_symbols]}, but {form.estimator_name} was fitted on "
        f"{words[form.holds_symbols]}; pass the same kind as in fit."
    )


def _check_finite(raw: RawInput) -> None:
    """Raise an error that names the first value of X that is not a finite float32 number."""
    values, offsets = raw.values, raw.sequences.offsets
    if values.dtype.kind != "f":  # every integer is one
        return
    n_steps = max(1, _CHUNK // values.shape[1])
    for start in range(0, len(values), n_steps):
        bad = _find_not_finite(values[start : start + n_steps])
        if bad is not None:
            row, feature = bad
            step = start + row
            i = int(np.searchsorted(offsets, step, side="right")) - 1
            place = f"sequence {i}, step {step - offsets[i]}, feature {feature}"
            raise ValueError(_not_finite_message(float(values[step, feature]), place))


def _find_not_finite(block: NDArray[np.floating]) -> tuple[int, int] | None:
    """Return row and column of the first value that is not a finite float32 number."""
    if block.size == 0:
        return None
    # NaN compares false, so one pass of two reductions finds NaN, infinity and large numbers
    if float(block.min()) >= -_LARGEST and float(block.max()) <= _LARGEST:
        return None
    row, column = np.argwhere(~(np.abs(block.astype(np.float64)) <= _LARGEST))[0]
    return int(row), int(column)


def _not_finite_message(value: float, place: str) -> str:
    if np.isnan(value):
        return (
            f"Input X contains NaN: {place}. Recurrent networks need numbers everywhere: drop the "
            "sequence, or fill the gap with preprocessing.StepTransformer(SimpleImputer())."
        )
    if np.isinf(value):
        return f"Input X contains infinity: {place}. Replace it by a finite number."
    return (
        f"Input X contains a value too large for dtype('float32'): {value:g} at {place} (infinity "
        "after the cast). Rescale this feature."
    )
