"""One layer iterated step by step: its states and gates, and gradients with respect to its states.

Any layer that can continue from a state is iterated, without knowledge of its cell. Sequences are
read one at a time, as batches of one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching import STATIC_BLOCKS
from sksequence._cells import LayerState
from sksequence._modules import SequenceNetwork
from sksequence._net._attributions import Inputs
from sksequence._net._network_reading import NetworkReading

Floats = NDArray[np.float64]


def state_gradients(reading: NetworkReading, weights: Floats, layer: int) -> Iterator[Floats]:
    """Yield the norm of the gradient with respect to the state after each step of a sequence.

    The gradient is that of the sum of the outputs with `weights` (n_sequences, n_outputs); with
    per-step targets, those of the last step. In two directions, the state is that of the forward
    one. Several networks have their mean norm.
    """
    with reading.blueprint.threads():
        for i, own in enumerate(weights.astype(np.float32)):
            inputs = reading.inputs([i])
            norms = [_norms(member, inputs, own, layer) for member in reading.members]
            yield np.mean(norms, axis=0)


def _norms(
    network: SequenceNetwork, inputs: Inputs, weights: NDArray[np.float32], layer: int
) -> Floats:
    with torch.enable_grad():
        parts, _, states = _layers(network, inputs, layer)
        static = {name: inputs[name] for name in STATIC_BLOCKS if name in inputs}
        features = network.pool(parts, None, **static)
        output = (
            network.outputs(features)[-1] @ torch.from_numpy(weights).to(network.device)
        ).sum()
        flat = [part for state in states for part in state]
        # None where the output does not depend on a state
        gradients: Any = torch.autograd.grad(output, flat, allow_unused=True)
    squares = [0.0 if g is None else float(g.double().square().sum()) for g in gradients]
    return np.asarray(np.sqrt(np.reshape(squares, (len(states), -1)).sum(axis=1)))


def _layers(
    network: SequenceNetwork, inputs: Inputs, layer: int
) -> tuple[list[Tensor], Tensor, list[LayerState]]:
    """Return the outputs of the last layer's directions, and input and states of `layer`."""
    stack: Any = network.stack
    entered = network.enter(None, inputs.get("values"), inputs.get("codes"))
    # a state of past inputs has a gradient too
    parts = [entered.detach().requires_grad_()]
    read, states, gaps = parts[0], list[LayerState](), entered[:, :, -1:]
    for depth, forwards in enumerate(stack.forwards):
        below = parts
        x = stack.between(depth, below, gaps) if depth else parts[0]
        if depth == layer:
            outputs, states = iterate(forwards, x)
            read, parts = x, [outputs]
        else:
            parts = [forwards(x, None, None)[0]]
        if stack.backwards:
            mirrored, _ = stack.backwards[depth](stack.mirrored(x, None), None, None)
            parts.append(mirrored.flip(1))
        parts = stack.joined(depth, below, parts)
    return parts, read, states


def iterate(layer: Any, x: Tensor) -> tuple[Tensor, list[LayerState]]:
    """Run a layer through x (1, time, input), one step per call.

    Returns
    -------
    outputs : Tensor of shape (1, time, hidden)
        Outputs. They are the first part of the state where these are equal, so that the gradient
        with respect to a state includes that with respect to the output.
    states : list of tuple of Tensor of shape (1, ...)
        State after each step.
    """
    state: LayerState | None = None
    outputs, states = [], []
    for x_t in x.chunk(x.shape[1], dim=1):
        output, state = layer(x_t, None, state)
        first = state[0]
        is_output = first.shape == output[:, 0].shape and torch.equal(first, output[:, 0])
        outputs.append(first[:, None] if is_output else output)
        states.append(state)
    return torch.cat(outputs, dim=1), states


def layer_states(reading: NetworkReading, i: int, layer: int) -> dict[str, NDArray[np.float32]]:
    """Return the states and gates of a layer at each step of a sequence, (n_steps, width) each.

    In two directions, they are those of the forward one; several networks are side by side.
    """
    found = [_states_and_gates(member, reading.inputs([i]), layer) for member in reading.members]
    return {name: np.concatenate([own[name] for own in found], axis=1) for name in found[0]}


def _states_and_gates(
    network: SequenceNetwork, inputs: Inputs, layer: int
) -> dict[str, NDArray[np.float32]]:
    cell: Any = network.stack.forwards[layer]
    with torch.no_grad():
        _, x, states = _layers(network, inputs, layer)
        n_steps = len(states)
        parts = [torch.cat(part).reshape(n_steps, -1) for part in zip(*states, strict=True)]
        names = ["hidden state", "cell state"] if len(parts) == 2 else ["hidden state"]
        names += [f"state {k}" for k in range(len(names), len(parts))]
        found = dict(zip(names, parts, strict=True))
        if hasattr(cell, "gates"):
            before = tuple(torch.cat([torch.zeros_like(part[:1]), part[:-1]]) for part in parts)
            found |= cell.gates(x[0], before)
    return {name: part.cpu().numpy() for name, part in found.items()}
