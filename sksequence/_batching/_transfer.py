"""Batches on their way to the device that computes."""

from __future__ import annotations

import torch
from torch import Tensor

_CPU = torch.device("cpu")


def on_device(block: Tensor, device: str | torch.device) -> Tensor:
    """Return a tensor on the device; one for CUDA goes through pinned memory, so that nobody waits for the copy."""
    # what is there already first, and words before what torch takes them to mean: a single sequence has no time for it
    if block.device == _CPU and device in ("cpu", _CPU):
        return block
    if torch.device(device).type != "cuda" or block.device.type != "cpu":
        return block.to(device)
    return block.pin_memory().to(device, non_blocking=True)
