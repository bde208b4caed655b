"""Symbols drawn one after the other: temperature, then top-k, then softmax, then draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sksequence._decoding._states import select_rows

Advance = Callable[[Tensor, Any], tuple[Tensor, Any]]

# float32 still holds a logit divided by these
_COLDEST, _HOTTEST = 1e-30, 1e30


@dataclass(frozen=True)
class Choice:
    """How the next code is drawn from logits.

    Attributes
    ----------
    temperature : float
        Divides the logits: below 1 likely codes become likelier.
    top_k : int or None
        Draw among the k likeliest codes only; 1 is greedy.
    """

    temperature: float
    top_k: int | None


def choose(logits: Tensor, choice: Choice, generator: torch.Generator) -> Tensor:
    """Draw one code a row from logits of shape (n_rows, n_codes)."""
    if choice.top_k == 1:
        return logits.argmax(dim=1)
    if choice.temperature != 1.0:
        # differences to the largest logit, and bounds: no temperature makes inf / inf or 0 / 0
        below = logits - logits.amax(dim=1, keepdim=True)
        logits = below / min(max(choice.temperature, _COLDEST), _HOTTEST)
    if choice.top_k is not None and choice.top_k < logits.shape[1]:
        least = torch.topk(logits, choice.top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    return torch.multinomial(torch.softmax(logits, dim=1), 1, generator=generator)[:, 0]


def generate_codes(
    advance: Advance,
    logits: Tensor,
    state: Any,
    choice: Choice,
    *,
    max_steps: int,
    end: int | None,
    stops: Sequence[Sequence[int]],
    generator: torch.Generator,
) -> list[list[int]]:
    """Go on from a state, row by row, until an end.

    Parameters
    ----------
    advance : callable
        From codes (n_rows,) and a state to logits (n_rows, n_codes) and the state after them.
    logits : Tensor of shape (n_rows, n_codes)
        Of the first code to draw.
    state : nested tuple of Tensor
        The state they came with.
    choice : Choice
        How to draw.
    max_steps : int
        The most codes a row.
    end : int or None
        A code that ends a row and is not part of it.
    stops : sequence of sequences of int
        A row ends once its new codes end with one of these, which is part of it.
    generator : torch.Generator
        Randomness.

    Returns
    -------
    list of list of int
        The new codes of each row.
    """
    new: list[list[int]] = [[] for _ in range(len(logits))]
    rows = list(range(len(logits)))
    for _ in range(max_steps):
        codes = choose(logits, choice, generator)
        going = _append(new, rows, codes.tolist(), end, stops)
        if not going:
            break
        if len(going) < len(rows):
            kept = torch.tensor(going, device=codes.device)
            codes, state = codes[kept], select_rows(state, kept)
            rows = [rows[i] for i in going]
        logits, state = advance(codes, state)
    return new


def _append(
    new: list[list[int]],
    rows: list[int],
    codes: list[int],
    end: int | None,
    stops: Sequence[Sequence[int]],
) -> list[int]:
    """Append each row's code; return the positions of the rows that go on."""
    going = []
    for position, (row, code) in enumerate(zip(rows, codes, strict=True)):
        if code == end:
            continue
        new[row].append(code)
        if not any(new[row][-len(stop) :] == list(stop) for stop in stops):
            going.append(position)
    return going
