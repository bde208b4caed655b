"""Dropout that draws from a generator of its own, so that the caller's global stream is untouched.

Knows nothing of layers. Masks are drawn where the generator lives and then moved: a fit on another device
drops the same units.
"""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zero each unit with probability `p` in training and scale the others by 1 / (1 - p).

    Parameters
    ----------
    p : float
        Probability to drop a unit, in [0, 1).

    Attributes
    ----------
    generator : torch.Generator or None
        The stream the masks come from; without one, training raises.

    References
    ----------
    .. [1] Srivastava et al. (2014), Dropout: A Simple Way to Prevent Neural Networks from Overfitting, JMLR 15.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = float(p)
        self.generator: torch.Generator | None = None

    @property
    def active(self) -> bool:
        """Whether a forward pass drops anything now."""
        return self.training and self.p > 0.0

    def mask(self, like: Tensor) -> Tensor:
        """Draw the factors 0 or 1 / (1 - p), in the shape, dtype and device of `like`."""
        if self.generator is None:
            raise RuntimeError("dropout has no generator: call seed_dropout before training.")
        device = self.generator.device
        uniform = torch.rand(like.shape, generator=self.generator, device=device, dtype=like.dtype)
        return ((uniform >= self.p) / (1.0 - self.p)).to(like)

    def forward(self, x: Tensor) -> Tensor:
        """Drop units of `x` (any shape) in training; return it as it is otherwise."""
        return x * self.mask(x) if self.active else x

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"
