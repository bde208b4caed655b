"""Missing numbers, NaN, as inputs: replaced, with a mask that is 1 where they are present.

Values are (batch, time, features), standardised: 0 is the mean. Layers follow the contract of the
recurrent ones, with the times between the steps as a further argument.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sksequence._cells import LayerState, at_last_step, empty_parameter

# range of the rates of decay at first, per unit of time
_RATES = (0.0, 0.1)


class MissingIndicator(nn.Module):
    """Layer that replaces missing numbers by 0.

    Parameters
    ----------
    n_features : int
        Number of features.
    generator : torch.Generator
        Not used.
    """

    def __init__(self, n_features: int, generator: torch.Generator) -> None:
        super().__init__()

    def forward(
        self, x: Tensor, lengths: Tensor | None, state: LayerState | None, gaps: Tensor | None
    ) -> tuple[Tensor, LayerState]:
        """Return (batch, time, 2 * features) and an empty state."""
        is_missing = torch.isnan(x)
        return torch.cat([x.masked_fill(is_missing, 0.0), (~is_missing).to(x.dtype)], dim=2), ()


class MissingDecay(nn.Module):
    """Layer that replaces missing numbers by the last value observed, which decays to 0.

    A value that was observed dt ago, in steps or in the unit of the gaps, is multiplied by
    exp(-max(0, w dt + b)), with learnt w and b for each feature [1]_. Before the first observation
    it is 0. The state is the last value and the time that has passed since then.

    Parameters
    ----------
    n_features : int
        Number of features.
    generator : torch.Generator
        Source of the rates.

    References
    ----------
    .. [1] Che, Purushotham, Cho, Sontag & Liu (2018), Recurrent Neural Networks for Multivariate
       Time Series with Missing Values, Scientific Reports 8.
    """

    def __init__(self, n_features: int, generator: torch.Generator) -> None:
        super().__init__()
        self.rate = empty_parameter(n_features)
        self.offset = empty_parameter(n_features)
        nn.init.uniform_(self.rate, *_RATES, generator=generator)
        nn.init.zeros_(self.offset)

    def forward(
        self, x: Tensor, lengths: Tensor | None, state: LayerState | None, gaps: Tensor | None
    ) -> tuple[Tensor, LayerState]:
        """Return (batch, time, 2 * features) and the state after each row's last step."""
        is_present = ~torch.isnan(x)
        observed = torch.where(is_present, x, 0.0)
        last, passed = state or (torch.zeros_like(observed[:, 0]),) * 2
        # places in what is known: 0 is the state, and t + 1 is step t
        places = torch.arange(1, x.shape[1] + 1, device=x.device)[:, None]
        of_last = torch.where(is_present, places, 0).cummax(dim=1).values
        known = torch.cat([last[:, None], observed], dim=1).gather(1, of_last)
        times = places.to(x.dtype) if gaps is None else gaps.cumsum(dim=1)
        times = times.expand_as(x)
        elapsed = times - torch.cat([-passed[:, None], times], dim=1).gather(1, of_last)
        decay = torch.exp(-torch.relu(self.rate * elapsed + self.offset))
        filled = torch.where(is_present, observed, decay * known)
        after = at_last_step(known, lengths, last), at_last_step(elapsed, lengths, passed)
        return torch.cat([filled, is_present.to(x.dtype)], dim=2), after


MISSING: dict[str, type[nn.Module]] = {"indicator": MissingIndicator, "decay": MissingDecay}
