"""Prompts and stop marks as codes, and continuations in the form of X.

Output i of the network is code i + 1 of its input.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences, object_array, offsets_of
from sksequence._elements import is_missing
from sksequence._input import InputForm, check_sequences, cut_text, texts_in
from sksequence._tokenizers import cut_after_stop, decode_ids, decode_incrementally, token_ids


def split_prompts(prompt: object, form: InputForm) -> tuple[list[object], bool]:
    """Return prompts as a list, and whether they were given as several."""
    if form.is_text:
        prompts = _checked_texts(prompt)
    else:
        is_list = _is_list(prompt) and getattr(prompt, "ndim", 1) > 0
        are_several = is_list and any(map(_is_list, cast("Iterable[object]", prompt)))
        prompts = list(cast("Iterable[object]", prompt)) if are_several else None
    if prompts is None:
        return [prompt], False
    if not prompts:
        raise ValueError(
            "prompt is an empty list of texts; pass at least one, or None to begin a new sequence."
        )
    return prompts, True


def _checked_texts(prompt: object) -> list[object] | None:
    """Return several prompts as a list, in which only None of a list may stand for no text."""
    prompts = texts_in(prompt)
    for i, text in enumerate(prompts or []):
        begins = text is None and isinstance(prompt, list | tuple)
        if is_missing(text) and not begins:
            raise ValueError(
                f"prompt {i} is missing ({text}). Drop it, or pass a list in which None begins a "
                "new sequence."
            )
    return prompts


def prompt_sequences(
    prompts: Sequence[object], form: InputForm
) -> tuple[Sequences, list[list[int]]]:
    """Return prompts as inputs and as outputs; None and empty prompts have no steps.

    In the outputs, each distinct unknown symbol of a prompt has its own negative number.
    """
    cut = [_cut_prompt(prompt, form) for prompt in prompts]
    parts = [_prompt_codes(symbols, form) for symbols in cut]
    sequences = Sequences(None, offsets_of([len(part) for part in parts]), np.concatenate(parts))
    return sequences, [_outputs(*pair) for pair in zip(cut, parts, strict=True)]


def _cut_prompt(prompt: object, form: InputForm) -> list[object]:
    """Check a prompt and return its symbols."""
    if prompt is None:
        return []
    if form.is_text:
        expected = "a str like the texts in fit"
        if isinstance(prompt, str):
            known = prompt[:-1] if ends_within_word(prompt, form) else prompt
            return list(cut_text(known, form.analyzer))
    else:
        expected = "a list of tokens like those in fit"
        if _is_list(prompt) and not any(map(_is_list, prompt)):
            return list(prompt)
    raise TypeError(
        f"prompt must be {expected}, None to begin a new sequence, or a list of such prompts; got "
        f"{prompt!r:.60}."
    )


def ends_within_word(prompt: object, form: InputForm) -> bool:
    """Check whether a prompt ends with a blank that belongs to the next word."""
    is_words = form.is_text and form.analyzer == "word"
    ends = is_words and isinstance(prompt, str) and prompt.endswith(" ")
    return ends and bool(_begin_with_blank(form).any())


def first_outputs(
    prompts: Sequence[object], form: InputForm, n_outputs: int
) -> NDArray[np.bool_] | None:
    """Return a mask of the outputs that may come first after each prompt; None allows all.

    After a blank, these are the words that begin with one.
    """
    is_open = [ends_within_word(prompt, form) for prompt in prompts]
    if not any(is_open):
        return None
    after_blank = _begin_with_blank(form)
    allowed = np.ones((len(prompts), n_outputs), dtype=bool)
    allowed[is_open] = False
    allowed[is_open, : len(after_blank)] = after_blank
    return allowed


def restricted(
    probabilities: NDArray[np.float64], allowed: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """Return the probabilities given that one of the allowed outputs comes next."""
    if allowed is None:
        return probabilities
    remaining = np.where(allowed, probabilities, 0.0)
    return np.asarray(remaining / remaining.sum(axis=1, keepdims=True))


def _begin_with_blank(form: InputForm) -> NDArray[np.bool_]:
    """Return a mask of the symbols that begin with a blank."""
    return np.array([symbol.startswith(" ") for symbol in form.vocabularies[0].symbols])


def _prompt_codes(symbols: list[object], form: InputForm) -> NDArray[np.int32]:
    """Return the codes of a prompt, of shape (n_steps, 1)."""
    if form.is_text:  # the analyzer returns symbols of the right type
        return form.vocabularies[0].encode(object_array(symbols))[:, None]
    # prompts have any length, even if X was a table in fit
    form = replace(form, layout="sequences", n_features_in=1)
    checked = check_sequences([symbols], form, may_be_empty=True)
    return np.asarray(checked.codes, dtype=np.int32)


def _outputs(symbols: list[object], codes: NDArray[np.int32]) -> list[int]:
    unknown: dict[object, int] = {}
    return [
        code - 1 if code else unknown.setdefault(symbol, -1 - len(unknown))
        for symbol, code in zip(symbols, codes[:, 0].tolist(), strict=True)
    ]


def _is_list(step: object) -> TypeGuard[Collection[object]]:
    return isinstance(step, list | tuple) or (isinstance(step, np.ndarray) and step.ndim > 0)


def stop_outputs(stop: object, form: InputForm) -> list[list[int]]:
    """Return the outputs of each stop mark; none for marks that are searched for in the text."""
    if _speller(form) is not None:
        return []
    stops = _as_list(stop)
    codes = form.vocabularies[0].codes
    marks = [_cut_stop(mark, form) for mark in stops]
    for mark, symbols in zip(stops, marks, strict=True):
        unknown = [s for s in symbols if not isinstance(s, Hashable) or s not in codes]
        if unknown or not symbols:
            reason = f"{unknown} is not in the vocabulary" if unknown else "it is empty"
            raise ValueError(
                f"stop={mark!r} can never be generated: {reason}. Choose a mark made of symbols "
                "that occurred in fit."
            )
    return [[codes[symbol] - 1 for symbol in symbols] for symbols in marks]


def stop_finder(stop: object, form: InputForm) -> Callable[[Sequence[int], int], bool] | None:
    """Return a function that checks whether the newest outputs complete a stop mark in the text.

    None if there are no marks that are searched for in the text.
    """
    stops, spell = _stop_texts(stop, form), _speller(form)
    if spell is None or not stops:
        return None
    symbols = form.vocabularies[0].symbols
    _check_stop_texts(stops, form, symbols)
    n_context = 4 * max(map(len, stops))  # an id may be one of the at most 4 bytes of a character

    def is_complete(outputs: Sequence[int], n_new: int) -> bool:
        newest = [symbols[output] for output in outputs[-n_new - n_context :]]
        text = spell(newest)
        return any(stop in text for stop in stops)

    return is_complete


def _speller(form: InputForm) -> Callable[[list[Any]], str] | None:
    """Return a function that joins symbols to a text; None if a text can be cut in one way only."""
    if form.tokenizer is not None:
        return partial(decode_ids, form.tokenizer)
    return "".join if form.is_text and form.analyzer == "word" else None


def _stop_texts(stop: object, form: InputForm) -> list[str]:
    """Return the stop marks that are searched for in the text, whose symbols may be cut freely."""
    return [] if _speller(form) is None else [_check_text(mark) for mark in _as_list(stop)]


def _as_list(stop: object) -> list[object]:
    if stop is None:
        return []
    return list(stop) if isinstance(stop, list | tuple | set | np.ndarray) else [stop]


def _cut_stop(mark: object, form: InputForm) -> list[Any]:
    return list(cut_text(_check_text(mark), form.analyzer)) if form.is_text else [mark]


def _check_text(mark: object) -> str:
    """Return a stop mark that is a str."""
    if not isinstance(mark, str):
        raise TypeError(f"stop must be a str or a list of str like the texts in fit; got {mark!r}.")
    return mark


def _check_stop_texts(stops: list[str], form: InputForm, symbols: list[str]) -> None:
    for mark in stops:
        if not mark:
            raise ValueError(
                "stop='' can never be generated: it is empty. Choose a text of at least one "
                "character."
            )
        unknown = [] if form.tokenizer else sorted(set(mark).difference(*symbols))
        if unknown:
            raise ValueError(
                f"stop={mark!r} can never be generated: {unknown} is in no word of the vocabulary. "
                "Choose a text made of characters that occurred in fit."
            )


def output_formatter(
    prompt: object, form: InputForm, stop: object = None
) -> Callable[[Iterable[Any]], Iterator[object]]:
    """Return a function from the symbols after a prompt to what users receive.

    Symbols are passed on unchanged, but ids of a tokenizer become the text that they add. Words and
    such texts are cut after a stop mark. A blank at the end of the prompt is left out of the next
    word.
    """
    tokenizer, stops = form.tokenizer, _stop_texts(stop, form)
    if ends_within_word(prompt, form):
        return lambda words: _without_blank(cut_after_stop(words, stops))
    if tokenizer is None:
        return partial(cut_after_stop, stops=stops) if stops else iter
    before = token_ids(tokenizer, prompt if isinstance(prompt, str) else "")

    def added_texts(ids: Iterable[int]) -> Iterator[str]:
        texts = decode_incrementally(tokenizer, ids, before)
        return filter(None, cut_after_stop(texts, stops))

    return added_texts


def _without_blank(words: Iterator[str]) -> Iterator[str]:
    """Yield words, the first without its first character, and not at all if it has no others."""
    first = next(words, "")[1:]
    if first:
        yield first
    yield from words


def join_to_prompt(prompt: object, pieces: Iterable[object], form: InputForm) -> object:
    """Return a prompt and its continuation in the form of X.

    The pieces of a callable analyzer are joined with blanks, as its separators are not known. White
    space at the end of the prompt takes the place of the first one.
    """
    if not form.is_text:
        return [*(cast("Iterable[object]", prompt) if prompt is not None else ()), *pieces]
    start, separator = str(prompt or ""), "" if form.joins_exactly else " "
    text = separator.join(map(str, pieces))
    is_apart = not start or not text or start[-1].isspace()
    return start + ("" if is_apart else separator) + text
