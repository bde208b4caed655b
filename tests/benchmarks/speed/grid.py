"""All cells, widths and batch sizes, equal and ragged: ours compared with the preloaded loop."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .loops import LoopEpochs, preloaded
from .ours import OurEpochs
from .timing import Row, compare, interleave
from .work import Work


def grid(*, quick: bool) -> Iterator[Row]:
    """Compare three cells, five widths and three batch sizes."""
    widths = (16, 256) if quick else (16, 32, 64, 128, 256)
    for cell, n_steps, hidden, batch in product(
        ("lstm", "gru", "rnn"), (50, None), widths, (1, 32, 128)
    ):
        # at most a few seconds per row
        n_sequences = 32 if batch == 1 else 256
        work = Work(cell, n_sequences, n_steps, hidden_size=hidden, batch_size=batch, n_epochs=1)
        contenders = {"ours": OurEpochs(work), "loop": LoopEpochs(work, preloaded)}
        times = interleave(contenders, 3)
        yield compare(work.name, times["ours"], times["loop"])
