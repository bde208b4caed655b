"""Poolings: reductions of the steps of a sequence to one vector.

Sums are running sums, read at the last step, so that padding does not change the order of
additions, nor any bit. Poolings that run forward have a method `advance`, which adds one step to
what they know of the steps so far (None: nothing) and has the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sksequence._cells import at_last_step, empty_linear, xavier_linear_
from sksequence._modules._padded_steps import is_step

Merge = Callable[[Sequence[Tensor]], Tensor]
Rows = NDArray[np.float32]  # (rows, width)
Running = tuple[NDArray[np.floating], ...]  # what a pooling knows of the steps so far


def sum_steps(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Sum `x` (batch, time, width) over the real steps: (batch, width)."""
    return at_last_step(x.cumsum(dim=1), lengths, x.new_zeros(()))


def _hide_padding(x: Tensor, lengths: Tensor | None) -> Tensor:
    """Set padded steps of `x` (batch, time, width) to minus infinity."""
    steps = is_step(lengths, x.shape[1])
    return x if steps is None else x.masked_fill(~steps[:, :, None], -torch.inf)


class LastPooling(nn.Module):
    """Last output of each direction: at the end of the sequence, and at its start if backward."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()

    def forward(self, parts: Sequence[Tensor], merge: Merge, lengths: Tensor | None) -> Tensor:
        """Return (batch, width) from one or two directions (batch, time, hidden)."""
        ends = [at_last_step(parts[0], lengths, parts[0].new_zeros(()))]
        return merge(ends + [part[:, 0] for part in parts[1:]])

    def advance(self, hidden: Rows, running: Running | None) -> tuple[Rows, Running]:
        """Return the pooled rows after one more step."""
        return hidden, ()


class MeanPooling(nn.Module):
    """Mean over all steps."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()

    def forward(self, parts: Sequence[Tensor], merge: Merge, lengths: Tensor | None) -> Tensor:
        """Return (batch, width) from one or two directions (batch, time, hidden)."""
        x = merge(parts)
        n_steps = x.shape[1] if lengths is None else lengths[:, None]
        return sum_steps(x, lengths) / n_steps

    def advance(self, hidden: Rows, running: Running | None) -> tuple[Rows, Running]:
        """Return the pooled rows after one more step."""
        # torch adds in double precision
        before = running or (np.zeros(hidden.shape), np.zeros((len(hidden), 1)))
        total, count = np.add(before[0], hidden), np.add(before[1], 1.0)
        mean = np.divide(total.astype(np.float32), count.astype(np.float32), dtype=np.float32)
        return mean, (total, count)


class MaxPooling(nn.Module):
    """Largest value of each unit over all steps."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()

    def forward(self, parts: Sequence[Tensor], merge: Merge, lengths: Tensor | None) -> Tensor:
        """Return (batch, width) from one or two directions (batch, time, hidden)."""
        x = _hide_padding(merge(parts), lengths)
        if not self.training:
            return x.amax(dim=1)
        # the gradient goes to one step only, even among equal ones; contiguous, as max runs along
        # time
        return x.contiguous().max(dim=1).values

    def advance(self, hidden: Rows, running: Running | None) -> tuple[Rows, Running]:
        """Return the pooled rows after one more step."""
        # a copy: the rows are a view of the layer's state, of which streams replace rows
        largest = hidden.copy() if running is None else np.maximum(hidden, running[0])
        return largest, (largest,)


class AttentionPooling(nn.Module):
    """Mean over all steps with learnt weights: softmax over time of v tanh(W h + b).

    References
    ----------
    .. [1] Bahdanau, Cho & Bengio (2015), Neural Machine Translation by Jointly Learning to Align
       and Translate, ICLR. Yang et al. (2016), Hierarchical Attention Networks, NAACL, for one
       query.
    """

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.project = empty_linear(width, width)
        self.score = empty_linear(width, 1)
        xavier_linear_(self.project, generator)
        xavier_linear_(self.score, generator)

    def forward(self, parts: Sequence[Tensor], merge: Merge, lengths: Tensor | None) -> Tensor:
        """Return (batch, width) from one or two directions (batch, time, hidden)."""
        x = merge(parts)
        weights = self._unscaled_weights(x, lengths)
        return sum_steps(weights * x, lengths) / sum_steps(weights, lengths)

    def weights(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the weights of the steps of `x` (batch, time, width): (batch, time, 1).

        Those of a sequence sum to 1.
        """
        weights = self._unscaled_weights(x, lengths)
        return weights / sum_steps(weights, lengths)[:, None]

    def _unscaled_weights(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        scores = self.score(torch.tanh(self.project(x)))  # (batch, time, 1)
        scores = _hide_padding(scores, lengths)
        return torch.exp(scores - scores.detach().amax(dim=1, keepdim=True))


POOLINGS: dict[str, type[nn.Module]] = {
    "last": LastPooling,
    "mean": MeanPooling,
    "max": MaxPooling,
    "attention": AttentionPooling,
}
