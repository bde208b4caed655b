"""A net as plain arrays: what a pickle holds instead of torch and skorch objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from sksequence._net._compiler import without_compiler
from sksequence._net._net import SequenceNet

Arrays = dict[str, Any]


def weights_of(network: nn.Module) -> Arrays:
    """Return the network's weights as arrays."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}


def load_weights(network: nn.Module, weights: Arrays) -> None:
    """Put arrays back as weights, bit for bit."""
    network.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in weights.items()})


def optimizer_arrays(net: SequenceNet) -> Arrays:
    """Return the optimizer's state as nested dicts of arrays."""
    with without_compiler():
        return {"state": _to_arrays(net.optimizer_.state_dict()["state"])}


def load_optimizer(net: SequenceNet, arrays: Arrays) -> None:
    """Put the optimizer's state back; its settings come from the net."""
    with without_compiler():
        groups = net.optimizer_.state_dict()["param_groups"]
        state = {"state": _to_tensors(arrays["state"]), "param_groups": groups}
        net.optimizer_.load_state_dict(state)


def _to_arrays(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _to_arrays(value) for key, value in state.items()}
    return state.detach().cpu().numpy() if isinstance(state, torch.Tensor) else state


def _to_tensors(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _to_tensors(value) for key, value in state.items()}
    return torch.from_numpy(np.array(state)) if isinstance(state, np.ndarray) else state
