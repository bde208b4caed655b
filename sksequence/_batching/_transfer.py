"""Batches on their way to the device that computes."""

from __future__ import annotations

import torch
from torch import Tensor


def on_device(block: Tensor, device: str | torch.device) -> Tensor:
    """Return a tensor on the device; one for CUDA goes through pinned memory, so that nobody waits for the copy."""
    if block.is_cpu and device == "cpu":
        return block
    if torch.device(device).type != "cuda" or not block.is_cpu:
        return block.to(device)
    return block.pin_memory().to(device, non_blocking=True)
