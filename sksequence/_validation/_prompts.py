"""What a generator is asked for: prompts and stop marks as codes, continuations as X was."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from sksequence._batching import Sequences, object_array, offsets_of
from sksequence._tokenizers import as_far_as, decoded, spelled, token_ids
from sksequence._validation._door import check_sequences
from sksequence._validation._forms import InputForm, cut_text


def split_prompts(prompt: Any, form: InputForm) -> tuple[list[Any], bool]:
    """Return prompts as a list, and whether they came as one."""
    if form.is_text:
        several = isinstance(prompt, list | tuple) or getattr(prompt, "ndim", 0) == 1
    else:
        lists = isinstance(prompt, list | tuple) or (
            isinstance(prompt, np.ndarray) and prompt.ndim > 0
        )
        several = lists and any(map(_is_list, prompt))
    if several and not len(prompt):
        raise ValueError(
            "prompt is an empty list of texts; pass at least one, or None to begin a new sequence."
        )
    return (list(prompt), True) if several else ([prompt], False)


def prompt_sequences(
    prompts: Sequence[Any], form: InputForm, estimator: BaseEstimator
) -> tuple[Sequences, list[list[int]]]:
    """Read prompts, as inputs and as outputs; None and empty ones are sequences without steps.

    Output i is code i + 1; unknown symbols are numbers below 0 there, one for each that is different.
    """
    cut = [_cut_prompt(prompt, form) for prompt in prompts]
    parts = [_prompt_codes(symbols, form, estimator) for symbols in cut]
    sequences = Sequences(None, offsets_of([len(part) for part in parts]), np.concatenate(parts))
    return sequences, [_outputs(*pair) for pair in zip(cut, parts, strict=True)]


def _cut_prompt(prompt: Any, form: InputForm) -> list[Any]:
    if prompt is None:
        return []
    _check_prompt(prompt, form)
    return list(cut_text(prompt, form.analyzer) if form.is_text else prompt)


def _prompt_codes(
    symbols: list[Any], form: InputForm, estimator: BaseEstimator
) -> NDArray[np.int32]:
    if form.is_text:  # what the analyzer cuts is of the right kind
        return form.vocabularies[0].encode(object_array(symbols))[:, None]
    # a prompt has any length, even where fit saw a table
    form = replace(form, layout="sequences", n_features_in=1)
    read = check_sequences([symbols], form, estimator, may_be_empty=True)
    return np.asarray(read.codes, dtype=np.int32)


def _outputs(symbols: list[Any], codes: NDArray[np.int32]) -> list[int]:
    unknown: dict[Any, int] = {}
    return [
        code - 1 if code else unknown.setdefault(symbol, -1 - len(unknown))
        for symbol, code in zip(symbols, codes[:, 0].tolist(), strict=True)
    ]


def _check_prompt(prompt: Any, form: InputForm) -> None:
    if form.is_text:
        fits, wanted = isinstance(prompt, str), "a str, as the texts of fit"
    else:
        fits = isinstance(prompt, list | tuple | np.ndarray) and not any(map(_is_list, prompt))
        wanted = "a list of tokens, as those of fit"
    if not fits:
        raise TypeError(
            f"prompt must be {wanted}, None to begin a new sequence, or a list of such prompts; got {prompt!r:.60}."
        )


def _is_list(step: Any) -> bool:
    return isinstance(step, list | tuple | np.ndarray)


def stop_outputs(stop: Any, form: InputForm) -> list[list[int]]:
    """Return what the network has to put out for each stop mark: output i is code i + 1; none for `_stop_texts`."""
    if _speller(form) is not None:
        return []
    stops = _marks(stop)
    codes = form.vocabularies[0].codes
    marks = [_cut_stop(mark, form) for mark in stops]
    for mark, symbols in zip(stops, marks, strict=True):
        unknown = [s for s in symbols if not isinstance(s, Hashable) or s not in codes]
        if unknown or not symbols:
            raise ValueError(
                f"stop={mark!r} can never be generated: {unknown or 'it is empty'!s} is not in the vocabulary. "
                "Choose a mark made of symbols that fit has seen."
            )
    return [[codes[symbol] - 1 for symbol in symbols] for symbols in marks]


def _stop_texts(stop: Any, form: InputForm) -> list[str]:
    """Return the stop marks to be looked for in the text that symbols spell: it may be cut at other places."""
    return [] if _speller(form) is None else _marks(stop)


def stop_finder(stop: Any, form: InputForm) -> Callable[[Sequence[int], int], bool] | None:
    """Return what tells whether some newest outputs complete a stop mark of `_stop_texts`, if there are any."""
    stops, spell = _stop_texts(stop, form), _speller(form)
    if spell is None or not stops:
        return None
    symbols = form.vocabularies[0].symbols
    _check_stop_texts(stops, form, symbols)
    most_ids = 4 * max(map(len, stops))  # a character has four bytes at most

    def found(outputs: Sequence[int], n_new: int) -> bool:
        newest = [symbols[output] for output in outputs[-n_new - most_ids :]]
        text = spell(newest)
        return any(stop in text for stop in stops)

    return found


def _speller(form: InputForm) -> Callable[[list[Any]], str] | None:
    """Return what puts symbols together to a text, where the same text may be cut in several ways."""
    if form.tokenizer is not None:
        return partial(decoded, form.tokenizer)
    return "".join if form.is_text and form.analyzer == "word" else None


def _marks(stop: Any) -> list[Any]:
    if stop is None:
        return []
    return list(stop) if isinstance(stop, list | tuple | set | np.ndarray) else [stop]


def _cut_stop(mark: Any, form: InputForm) -> list[Any]:
    if not form.is_text:
        return [mark]
    _check_stop_text(mark)
    return list(cut_text(mark, form.analyzer))


def _check_stop_text(mark: Any) -> None:
    if not isinstance(mark, str):
        raise TypeError(f"stop must be a str or a list of str, as the texts of fit; got {mark!r}.")


def _check_stop_texts(stops: list[Any], form: InputForm, symbols: list[Any]) -> None:
    for mark in stops:
        _check_stop_text(mark)
        if not mark:
            raise ValueError(
                "stop='' can never be generated: it is empty. Choose a text to be looked for."
            )
        unknown = [] if form.tokenizer else sorted(set(mark).difference(*symbols))
        if unknown:
            raise ValueError(
                f"stop={mark!r} can never be generated: {unknown} is in no word of the vocabulary. Choose a text made "
                "of characters that fit has seen."
            )


def teller(
    prompt: Any, form: InputForm, stop: Any = None
) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """Return what turns symbols after a prompt into what users see.

    They are symbols themselves, but ids of a tokenizer become what they add to the text; words and these end with a
    stop mark, which `stop_finder` has checked.
    """
    tokenizer, stops = form.tokenizer, _stop_texts(stop, form)
    if tokenizer is None:
        return partial(as_far_as, stops=stops) if stops else iter
    before = token_ids(tokenizer, prompt or "")

    def tell(ids: Iterable[Any]) -> Iterator[str]:
        return filter(None, as_far_as(spelled(tokenizer, ids, before), stops))

    return tell


def continued(prompt: Any, pieces: Iterable[Any], form: InputForm) -> Any:
    """Put a prompt and its continuation together, as the sequences of `fit` were.

    Pieces of a callable analyzer are joined with blanks: how it cut is not known.
    """
    if not form.is_text:
        return [*(() if prompt is None else prompt), *pieces]
    joint = "" if form.joins_exactly else " "
    return joint.join([*([prompt] if prompt else []), *map(str, pieces)])
