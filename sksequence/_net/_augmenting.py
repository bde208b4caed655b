"""Random changes of the batches of training, and what the training loop knows of callbacks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from copy import deepcopy
from numbers import Real

import torch
from skorch.callbacks import LRScheduler
from torch import Tensor

from sksequence._batching import STEP_BLOCKS, Batch
from sksequence._net._checkpoints import Checkpointing, bare
from sksequence._net._ranks import Joining, Ranks
from sksequence._settings import NetworkSpec


class Augmenting:
    """Callback that changes each batch of training, and no other one.

    Attributes
    ----------
    jitter, scaling, slicing : float
        Standard deviation of noise, standard deviation of factors, and fraction of the steps that
        is cut off.
    """

    jitter: float
    scaling: float
    slicing: float

    @property
    def is_active(self) -> bool:
        """Whether any strength is above 0."""
        return any(value > 0 for value in (self.jitter, self.scaling, self.slicing))

    def check(self, spec: NetworkSpec, *, ends_matter: bool) -> None:
        """Raise an error for invalid strengths, and for those without an effect on this network.

        Parameters
        ----------
        spec : NetworkSpec
            Specification of the network.
        ends_matter : bool
            Whether targets continue the last values of sequences.
        """
        for name, value in vars(self).items():
            limit = 1.0 if name == "slicing" else math.inf
            if not isinstance(value, Real) or not 0 <= float(value) < limit:
                below = " below 1" if name == "slicing" else ""
                raise ValueError(
                    f"{name}={value!r} of Augmentation must be a number of at least 0{below}."
                )
        for name in ("jitter", "scaling"):
            if vars(self)[name] > 0 and spec.n_features == 0:
                raise ValueError(
                    f"{name} of Augmentation has no effect, as X holds symbols, and it changes "
                    f"numbers. Leave it at 0."
                )
        if self.slicing > 0 and ends_matter:
            raise ValueError(
                "slicing of Augmentation would cut off the last values of windows, which residual "
                "continues. Set slicing=0, or residual=None."
            )

    def augmented(self, batch: Batch, spec: NetworkSpec, generator: torch.Generator) -> Batch:
        """Return a changed batch; the given one is left as it is.

        Parameters
        ----------
        batch : tuple
            Inputs by name, and a tuple of targets and weights.
        spec : NetworkSpec
            Specification of the network.
        generator : torch.Generator
            Source of all draws.

        Returns
        -------
        batch : tuple
            The changed batch.
        """
        if self.slicing > 0:
            batch = _sliced(batch, float(self.slicing), spec, generator)
        inputs, outcome = batch
        if "values" not in inputs or not (self.jitter > 0 or self.scaling > 0):
            return batch
        values = self._changed(inputs["values"], int(spec.has_gaps), generator)
        return inputs | {"values": _blank_padding(values, inputs["lengths"])}, outcome

    def _changed(self, values: Tensor, n_gaps: int, generator: torch.Generator) -> Tensor:
        """Return changed numbers (n_sequences, n_steps, n_features), the first ones unchanged."""
        changed = values.clone()
        numbers = changed[:, :, n_gaps:]
        if self.scaling > 0:
            factors = torch.randn(len(values), 1, 1, generator=generator)
            numbers *= 1.0 + self.scaling * factors
        if self.jitter > 0:
            numbers += self.jitter * torch.randn(numbers.shape, generator=generator)
        return changed


def augmentations_in(callbacks: Iterable[object] | None) -> list[Augmenting]:
    """Return the callbacks that change batches, in their order."""
    return [found for c in callbacks or () if isinstance(found := bare(c), Augmenting)]


def callbacks_of_judges(callbacks: Iterable[object] | None) -> list[object]:
    """Return the callbacks that other networks of the same fit need: others may have side effects.

    These change batches, or the learning rate.
    """
    schedulers = [deepcopy(c) for c in map(bare, callbacks or ()) if isinstance(c, LRScheduler)]
    return [*augmentations_in(callbacks), *schedulers]


def check_augmentations(
    callbacks: Iterable[object] | None, spec: NetworkSpec, ranks: Ranks, *, ends_matter: bool
) -> None:
    """Raise an error for changes that are invalid, or that a fit cannot have."""
    for augmentation in augmentations_in(callbacks):
        augmentation.check(spec, ends_matter=ends_matter)
        if augmentation.slicing > 0 and ranks.size > 1:
            raise ValueError(
                "slicing of Augmentation changes lengths that the processes of DataParallel agree "
                "on. Set slicing=0, or leave DataParallel out."
            )


def is_own(callback: object) -> bool:
    """Check whether a callback is one of this package, which skorch does not call."""
    return isinstance(bare(callback), Augmenting | Checkpointing | Joining)


def callbacks_of_skorch(callbacks: Iterable[object] | None) -> list[object]:
    """Return the callbacks that skorch calls."""
    return [callback for callback in callbacks or () if not is_own(callback)]


def _sliced(batch: Batch, fraction: float, spec: NetworkSpec, generator: torch.Generator) -> Batch:
    """Return a random window of each sequence, and its targets if there is one per step."""
    inputs, (targets, weights) = batch
    lengths = inputs["lengths"]
    rounding, places = torch.rand(2, len(lengths), generator=generator, dtype=torch.float64)
    # rounded at random: a tenth of five steps is one in half of the cases
    cut = (fraction * lengths.double() + rounding).long()
    kept = (lengths - cut).clamp(min=1)
    starts = (places * (lengths - kept + 1)).long()
    steps = torch.arange(int(kept.max()))
    within = steps < kept[:, None]
    rows = (starts[:, None] + steps).minimum(lengths[:, None] - 1)
    blocks = {name: inputs[name] for name in STEP_BLOCKS if name in inputs}
    windows = {
        name: _blank_padding(block[torch.arange(len(rows))[:, None], rows], kept)
        for name, block in blocks.items()
    }
    if spec.has_gaps:
        windows["values"][:, 0, 0] = 1.0  # the first step of a sequence has no gap
    if spec.pooling is None:
        offsets = lengths.cumsum(0) - lengths
        flat = (offsets[:, None] + rows)[within]
        # the weighted sum over steps keeps its size
        targets, weights = targets[flat], weights[flat] * (lengths.sum() / kept.sum())
    return inputs | windows | {"lengths": kept}, (targets, weights)


def _blank_padding(block: Tensor, lengths: Tensor) -> Tensor:
    """Return steps with zeros beyond the end of each sequence."""
    is_padding = torch.arange(block.shape[1]) >= lengths[:, None]
    return block.masked_fill(is_padding[:, :, None], 0)
