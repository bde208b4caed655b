"""Batches on their way to the device that computes."""

from __future__ import annotations

import torch
from torch import Tensor


def on_device(block: Tensor, device: str | torch.device) -> Tensor:
    """Return a tensor on the device; one for CUDA goes through pinned memory, so that nobody waits for the copy."""
    # the words first: to ask torch what they mean takes longer than the rest
    if device == "cpu" or torch.device(device).type != "cuda" or block.device.type != "cpu":
        return block.to(device)
    return block.pin_memory().to(device, non_blocking=True)
