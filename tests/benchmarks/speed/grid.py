"""Every cell, width and batch size, equal and ragged: ours over the loop on preloaded tensors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .loops import LoopEpochs, preloaded
from .ours import OurEpochs
from .timing import Row, compare, interleave
from .work import Work


def grid(*, quick: bool) -> Iterator[Row]:
    """Three cells, five widths, three batch sizes."""
    widths = (16, 256) if quick else (16, 32, 64, 128, 256)
    for cell, n_steps, hidden, batch in product(
        ("lstm", "gru", "rnn"), (50, None), widths, (1, 32, 128)
    ):
        # a few seconds a row at most
        n_sequences = 32 if batch == 1 else 256
        work = Work(cell, n_sequences, n_steps, hidden_size=hidden, batch_size=batch, n_epochs=1)
        contenders = {"ours": OurEpochs(work), "loop": LoopEpochs(work, preloaded)}
        times = interleave(contenders, 3)
        yield compare(work.name, times["ours"], times["loop"])
