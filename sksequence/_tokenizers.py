"""Tokenizers: objects that cut a text into ids and put ids together to a text.

Knows neither vocabularies nor sequences: to them an id is a symbol as any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from inspect import Parameter, signature
from operator import index
from typing import Any, Protocol, TypeGuard

# what decoders leave of a character whose bytes are not all there
_UNFINISHED = "\ufffd"
# ids that are decoded together with new ones: decoders look at neighbours
_CONTEXT = 16
# a text is to come back exactly as it was
_EXACTLY = {
    "encode": {"add_special_tokens": False},
    "decode": {"skip_special_tokens": False, "clean_up_tokenization_spaces": False},
}


class Tokenizer(Protocol):
    """What the tokenizers of Hugging Face, tiktoken and SentencePiece have in common."""

    def encode(self, text: str, /) -> Any:
        """Return the ids of a text, or an object that has them as `ids`."""

    def decode(self, ids: list[int], /) -> Any:
        """Return the text of ids."""


def is_tokenizer(analyzer: Any) -> TypeGuard[Tokenizer]:
    """Tell tokenizers from the names of analyzers and from functions; some can be called as well."""
    return hasattr(analyzer, "encode") and hasattr(analyzer, "decode")


def token_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Cut a text into ids, without marks that are not of the text."""
    for name in ("truncation", "padding"):
        if isinstance(getattr(tokenizer, name, None), dict):
            raise ValueError(
                f"the analyzer changes texts: it is a tokenizer with {name} switched on. Call its no_{name}() first."
            )
    encoded = _exactly(tokenizer, "encode", text)
    try:
        return [index(i) for i in getattr(encoded, "ids", encoded)]
    except TypeError as error:
        raise TypeError(
            f"the analyzer has encode and decode, so it is a tokenizer, but encode returned {encoded!r:.60}; expected a "
            "list of int, or an object with such a list as `ids`."
        ) from error


def decoded(tokenizer: Tokenizer, ids: list[int]) -> str:
    """Put ids together to a text."""
    text = _exactly(tokenizer, "decode", ids)
    if not isinstance(text, str):
        raise TypeError(
            f"the analyzer has encode and decode, so it is a tokenizer, but decode returned {text!r:.60}; expected a str."
        )
    return text


def _exactly(tokenizer: Tokenizer, name: str, argument: Any) -> Any:
    return getattr(tokenizer, name)(argument, **_options(type(tokenizer), name))


@cache
def _options(kind: type, name: str) -> dict[str, bool]:
    """Return those keywords for an unchanged text that the method of a class takes, by name or as any others."""
    try:
        known = signature(getattr(kind, name)).parameters
    except (AttributeError, ValueError):
        # an attribute of the object alone, or a method written in C
        return {}
    takes_any = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in known.values())
    return {o: value for o, value in _EXACTLY[name].items() if takes_any or o in known}


def spelled(tokenizer: Tokenizer, ids: Iterable[int], before: Sequence[int] = ()) -> Iterator[str]:
    """Yield the text that each id adds to that of the ids before, and at last what was held back.

    The bytes of an unfinished character are held back until it is whole, and what was told is never taken back. Only a
    window of ids is decoded at a time, from which the text that was known is cut off: a decoder may leave out
    a blank at the front.
    """
    window = list(before[-_CONTEXT:])
    known, n_known = decoded(tokenizer, window), len(window)

    def added(text: str) -> str:
        # some decoders change what they said
        goes_on = text.startswith(known)
        return text[len(known) :] if goes_on else decoded(tokenizer, window[n_known:])

    for token in ids:
        window.append(token)
        text = decoded(tokenizer, window)
        if text.endswith(_UNFINISHED):
            yield ""
            continue
        yield added(text)
        if len(window) >= 2 * _CONTEXT:
            window = window[-_CONTEXT:]
            text = decoded(tokenizer, window)
        known, n_known = text, len(window)
    yield added(decoded(tokenizer, window)) if len(window) > n_known else ""


def as_far_as(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """Yield the pieces of a text as far as the end of the first stop in it."""
    n_kept = max(map(len, stops), default=1) - 1
    tail = ""  # of what was told: a stop may begin there
    for piece in pieces:
        text = tail + piece
        ends = [text.index(stop) + len(stop) for stop in stops if stop in text]
        if ends:
            yield text[len(tail) : min(ends)]
            return
        yield piece
        tail = text[len(text) - min(n_kept, len(text)) :]
