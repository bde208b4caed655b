"""Tokenizers: encoding of a text to ids, and decoding of ids to a text, at once or one by one.

Ids are not codes of a vocabulary: to a vocabulary they are symbols like any others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from inspect import Parameter, signature
from operator import index
from typing import Any, Protocol, TypeGuard

# the decoded form of a character whose bytes are incomplete
_INCOMPLETE = "\ufffd"
# number of ids that are decoded together with new ones: decoding depends on neighbours
_CONTEXT = 16
# options for a text that is decoded exactly as it was encoded
_EXACT_OPTIONS = {
    "encode": {"add_special_tokens": False},
    "decode": {"skip_special_tokens": False, "clean_up_tokenization_spaces": False},
}


class Tokenizer(Protocol):
    """Common interface of the tokenizers of Hugging Face, tiktoken and SentencePiece."""

    def encode(self, text: str, /) -> object:
        """Return the ids of a text, or an object with an attribute `ids`."""

    def decode(self, ids: list[int], /) -> object:
        """Return the text of ids."""


def is_tokenizer(analyzer: object) -> TypeGuard[Tokenizer]:
    """Check whether an analyzer is a tokenizer, which may be callable as well."""
    return hasattr(analyzer, "encode") and hasattr(analyzer, "decode")


def token_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the ids of a text, without special tokens that are not in the text."""
    for name in ("truncation", "padding"):
        if isinstance(getattr(tokenizer, name, None), dict):
            raise ValueError(
                f"analyzer changes texts: it is a tokenizer with {name} switched on. Call its "
                f"no_{name}() first."
            )
    encoded = _call_exact(tokenizer, "encode", text)
    try:
        return [index(i) for i in getattr(encoded, "ids", encoded)]
    except TypeError as error:
        raise TypeError(
            "analyzer has encode and decode, so it is a tokenizer, but encode returned "
            f"{encoded!r:.60}; expected a list of int, or an object with such a list as `ids`."
        ) from error


def decode_ids(tokenizer: Tokenizer, ids: list[int]) -> str:
    """Return the text of ids, special tokens included."""
    text = _call_exact(tokenizer, "decode", ids)
    if not isinstance(text, str):
        raise TypeError(
            "analyzer has encode and decode, so it is a tokenizer, but decode returned "
            f"{text!r:.60}; expected a str."
        )
    return text


def _call_exact(tokenizer: Tokenizer, name: str, argument: str | list[int]) -> Any:
    """Call a method of the tokenizer with its options for an unchanged text."""
    return getattr(tokenizer, name)(argument, **_exact_options(type(tokenizer), name))


@cache
def _exact_options(kind: type, name: str) -> dict[str, bool]:
    """Return the options for an unchanged text that the method of a class accepts."""
    try:
        known = signature(getattr(kind, name)).parameters
    except (AttributeError, ValueError):
        # an attribute of the instance, or a method written in C
        return {}
    accepts_any = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in known.values())
    return {o: value for o, value in _EXACT_OPTIONS[name].items() if accepts_any or o in known}


def decode_incrementally(
    tokenizer: Tokenizer, ids: Iterable[int], before: Sequence[int] = ()
) -> Iterator[str]:
    """Yield the text that each id adds to that of the previous ids, and finally the rest.

    An incomplete character is held back until all its bytes have come; text that was yielded never
    changes. Only a window of ids is decoded at a time. Its known text is cut off at the front, as
    decoders may leave out a blank before the first of some ids.

    Parameters
    ----------
    tokenizer : Tokenizer
        Decoder of the ids.
    ids : iterable of int
        New ids.
    before : sequence of int, default=()
        Ids that precede them and whose text is known.
    """
    window = list(before[-_CONTEXT:])
    known, n_known = decode_ids(tokenizer, window), len(window)

    def added(text: str) -> str:
        # with more ids, some decoders change the text of the first ones
        goes_on = text.startswith(known)
        return text[len(known) :] if goes_on else decode_ids(tokenizer, window[n_known:])

    for token in ids:
        window.append(token)
        text = decode_ids(tokenizer, window)
        if text.endswith(_INCOMPLETE):
            yield ""
            continue
        yield added(text)
        if len(window) >= 2 * _CONTEXT:
            window = window[-_CONTEXT:]
            text = decode_ids(tokenizer, window)
        known, n_known = text, len(window)
    yield added(decode_ids(tokenizer, window)) if len(window) > n_known else ""


def cut_after_stop(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """Yield the pieces of a text up to the end of the first stop mark in it."""
    n_kept = max(map(len, stops), default=1) - 1
    tail = ""  # the end of the text so far, where a stop mark may have begun
    for piece in pieces:
        text = tail + piece
        ends = [text.index(stop) + len(stop) for stop in stops if stop in text]
        if ends:
            yield text[len(tail) : min(ends)]
            return
        yield piece
        tail = text[len(text) - min(n_kept, len(text)) :]
