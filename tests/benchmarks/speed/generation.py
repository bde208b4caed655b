"""Text generated symbol by symbol, compared with a hand-written loop that carries the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import numpy as np
import torch
from torch import nn

from sksequence import SequenceGenerator

from .timing import Row, compare, interleave, seconds

# five times as many symbols per second for one text, nine tenths as many for 256 texts
_MOST_ONE, _MOST_MANY, _MOST_LATE = 0.2, 1 / 0.9, 1.1
_N_SYMBOLS, _HIDDEN, _MANY = 65, 256, 256
_EARLY, _LATE, _WINDOW = 10, 9_500, 1_000


def generation(*, quick: bool) -> Iterator[Row]:
    """Compare one text and many, and a late step with an early one."""
    for cell, layer in [("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)]:
        generator = _fitted(cell)
        loop = _ByHand(layer, generator)
        for n_texts, n_steps, most in [(1, 1000, _MOST_ONE), (_MANY, 100, _MOST_MANY)]:
            ours = partial(
                generator.generate, "a", max_steps=n_steps, n_samples=n_texts, random_state=0
            )
            contenders: dict[str, Callable[[], float]] = {
                "ours": partial(seconds, ours),
                "theirs": partial(seconds, partial(loop.write, n_texts, n_steps)),
            }
            times = interleave(contenders, 3 if quick else 9)
            what = f"{cell}: {n_steps} symbols of {n_texts} texts at once over a loop by hand"
            yield compare(what, times["ours"], times["theirs"], most)
        yield _late(cell, generator, 1 if quick else 5)


def _late(cell: str, generator: SequenceGenerator, n_rounds: int) -> Row:
    early, late = [], []
    for _ in range(n_rounds):
        text = generator.stream("a", max_steps=_LATE + 2 * _WINDOW, random_state=0)
        _skip(text, _EARLY)
        early.append(seconds(partial(_skip, text, _WINDOW)))
        _skip(text, _LATE - _EARLY - _WINDOW)
        late.append(seconds(partial(_skip, text, _WINDOW)))
    return compare(
        f"{cell}: a step about the {_LATE + _WINDOW // 2}th over one about the "
        f"{_EARLY + _WINDOW // 2}th",
        late,
        early,
        _MOST_LATE,
    )


def _skip(text: Iterator[str], n_steps: int) -> None:
    for _ in islice(text, n_steps):
        pass


def _fitted(cell: str) -> SequenceGenerator:
    """Fit quickly on a single text, so that generated texts do not end early."""
    symbols = np.array([chr(code) for code in range(ord("a"), ord("a") + _N_SYMBOLS)])
    text = "".join(np.random.default_rng(0).choice(symbols, 20_000))
    return SequenceGenerator(cell, _HIDDEN, max_epochs=1, random_state=0).fit([text])


class _ByHand:
    """Hand-written embedding, layer and head: without a graph, the state carried."""

    def __init__(self, layer: Callable[..., nn.Module], generator: SequenceGenerator) -> None:
        width = generator.embedding_dim_
        self.embedding = nn.Embedding(_N_SYMBOLS, width)
        self.layer = layer(width, _HIDDEN, batch_first=True)
        self.head = nn.Linear(_HIDDEN, _N_SYMBOLS)

    @torch.inference_mode()
    def write(self, n_texts: int, n_steps: int) -> torch.Tensor:
        """Sample symbols of all texts together."""
        codes, state, written = torch.zeros(n_texts, 1, dtype=torch.long), None, []
        for _ in range(n_steps):
            outputs, state = self.layer(self.embedding(codes), state)
            p = torch.softmax(self.head(outputs[:, -1]), dim=1)
            codes = torch.multinomial(p, 1)
            written.append(codes)
        return torch.cat(written, dim=1)
