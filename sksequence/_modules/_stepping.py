"""A network that reads one step at a time, with the bits of a read of the whole sequence.

Any layer that can step is called through its contract; layers with compiled loops have their
weights laid out once. Arrays are (rows, width), states nested tuples of (rows, ...) arrays or
tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any
from weakref import WeakKeyDictionary
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sksequence._cells import (
    Cell,
    CellLayer,
    CustomLayer,
    FeedForwardLayer,
    RecurrentLayer,
    sigmoid_as_tanh,
    wider_weights,
)
from sksequence._kernels import (
    STABLE,
    Product,
    can_compile,
    is_fast,
    padded_size,
    prepared_gru,
    prepared_lstm,
    prepared_rnn,
)
from sksequence._modules._embedding import TiedHead
from sksequence._modules._network import Ensemble, SequenceNetwork
from sksequence._modules._stack import select_rows

Rows = NDArray[np.float32]
AnyState = Any  # nested tuples of arrays and tensors
LayerStep = Callable[[Rows, AnyState], tuple[Rows, AnyState]]
Steps = NDArray[np.float32]  # (rows, steps, width)
LayerRun = Callable[[Steps, AnyState], tuple[Steps, AnyState]]


class NetworkStepper:
    """One network, or several side by side, that read one step per call.

    It has no state of its own, so that many streams in many threads can share it.

    Parameters
    ----------
    network : SequenceNetwork or Ensemble
        Network of one direction whose layers and pooling can step.

    Attributes
    ----------
    network : SequenceNetwork or Ensemble
        Copy of the network, in evaluation mode: later changes do not show.
    """

    def __init__(self, network: SequenceNetwork | Ensemble) -> None:
        self.network = own = _copied(network).eval()
        members = own.members if isinstance(own, Ensemble) else [own]
        self._members = [_MemberStepper(member) for member in members]

    def __call__(
        self, values: Rows | None, codes: NDArray[np.int64] | None, state: AnyState
    ) -> tuple[Rows, AnyState]:
        """Read a step after a state (None: the start); return outputs and the next state."""
        if len(self._members) == 1:
            return self._members[0](values, codes, state)
        before = state or [None] * len(self._members)
        pairs = zip(self._members, before, strict=True)
        outputs, after = zip(*(m(values, codes, own) for m, own in pairs), strict=True)
        return np.concatenate(outputs, axis=1), after


def hooked_module(network: nn.Module) -> str | None:
    """Return the name of the first module with forward hooks, which steps do not call."""
    for name, module in network.named_modules():
        before, after = module._forward_pre_hooks, module._forward_hooks
        # torch's own compute weights, such as those of pruned layers
        own = [hook for hook in before.values() if not _is_of_torch(hook)]
        if after or own:
            return name or type(module).__name__
    return None


def _is_of_torch(hook: object) -> bool:
    return type(hook).__module__.startswith("torch.nn.utils.")


def _copied(network: SequenceNetwork | Ensemble) -> SequenceNetwork | Ensemble:
    """Return a copy with weights of its own."""
    own = [part for module in network.modules() for part in vars(module).values()]
    # torch refuses to copy tensors that were computed, such as pruned weights
    computed = {id(part): part.detach().clone() for part in own if isinstance(part, Tensor)}
    return deepcopy(network, computed)


class _MemberStepper:
    """Steps of one network."""

    def __init__(self, network: SequenceNetwork) -> None:
        self._inputs, self._device = network.inputs, network.device
        self._head: Any = network.head
        layers: Sequence[Any] = list(network.stack.forwards)
        self._layers = [_compiled_step(layer) or _contract_step(layer) for layer in layers]
        for depth, residual in enumerate(network.stack.residuals, start=1):
            self._layers[depth] = _residual_step(residual, self._layers[depth], self._device)
        self._pool: Any = None if network.pooling is None else network.pooling.advance
        is_plain = isinstance(self._head, nn.Linear) and self._device.type == "cpu"
        self._leave: Callable[[Rows], Rows] = self._outputs
        if is_plain:
            self._leave = Product(network.head_weight, self._head.bias)

    def __call__(
        self, values: Rows | None, codes: NDArray[np.int64] | None, state: AnyState
    ) -> tuple[Rows, AnyState]:
        x = values if codes is None else self._entered(values, codes)
        assert x is not None
        before, running = state or ([None] * len(self._layers), None)
        after = []
        for step, own in zip(self._layers, before, strict=True):
            x, own = step(x, own)
            after.append(own)
        if self._pool is not None:
            x, running = self._pool(x, running)
        return self._leave(x), (tuple(after), running or ())

    def _entered(self, values: Rows | None, codes: NDArray[np.int64]) -> Rows:
        """Return the input of the first layer."""
        with torch.inference_mode():
            numbers = None if values is None else torch.from_numpy(values)[:, None].to(self._device)
            symbols = torch.from_numpy(codes)[:, None].to(self._device)
            entered: Tensor = self._inputs(None, numbers, symbols)
            return np.asarray(entered[:, 0].cpu().numpy())

    def _outputs(self, features: Rows) -> Rows:
        with torch.inference_mode():
            rows = torch.from_numpy(features).to(self._device)
            tied = isinstance(self._head, TiedHead)
            outputs = self._head(rows, self._inputs.tables[0]) if tied else self._head(rows)
            return np.asarray(outputs.cpu().numpy())


def _compiled_step(layer: Any) -> LayerStep | None:
    """Return the step of a layer with weights that are laid out once, None for other layers."""
    if isinstance(layer, FeedForwardLayer):
        weight = layer.enter.weight
        is_plain = weight.device.type == "cpu" and weight.dtype == torch.float32
        return layer.single_step() if is_plain else None
    run = prepared_layer(layer)
    if run is None:
        return None

    def step(x: Rows, state: AnyState) -> tuple[Rows, AnyState]:
        outputs, after = run(x[:, None], state)
        return outputs[:, 0], after

    return step


def prepared_layer(layer: Any) -> LayerRun | None:
    """Return a layer that has compiled loops, with its weights laid out as they are now.

    It maps x (rows, steps, input), all rows full, and a state (None: the start) to outputs (rows,
    steps, output) and the state after them. Return None for other layers.
    """
    if isinstance(layer, CellLayer):
        return _prepared_cell(layer) if can_compile(layer.weight_ih) else None
    if not (isinstance(layer, RecurrentLayer) and layer.is_looped):
        return None
    size, n_gates, n_states = layer.output_size, layer.n_gates, layer.n_states
    if not is_fast(layer.weight_hh, size):
        return None
    width = padded_size(size)
    # copies: weights may change in place
    weights: Any = tuple(weight.detach().clone() for weight in layer.weights)
    wide = wider_weights(weights, size, width - size)
    if n_gates == 1:
        return _prepared_simple_layer(str(layer.activation), wide, size)
    advance = prepared_gru(wide) if n_gates == 3 else prepared_lstm(wide)

    def run(x: Steps, state: AnyState) -> tuple[Steps, AnyState]:
        if state is None:
            state = (np.zeros((len(x), width), np.float32),) * n_states
        outputs, after = advance(x, state)
        return outputs[:, :, :size], after

    return run


def _prepared_simple_layer(activation: str, weights: Any, size: int) -> LayerRun:
    """Return a prepared simple recurrent layer; the state of the sigmoid is 2 h - 1."""
    is_sigmoid = activation == "sigmoid"
    wide = sigmoid_as_tanh(weights) if is_sigmoid else weights
    advance = prepared_rnn(wide, activation == "relu")
    start = np.full(padded_size(size), -1.0 if is_sigmoid else 0.0, np.float32)

    def run(x: Steps, state: AnyState) -> tuple[Steps, AnyState]:
        if state is None:
            state = (np.tile(start, (len(x), 1)),)
        wider, after = advance(x, state)
        outputs = wider[:, :, :size]
        return (outputs + np.float32(1)) / np.float32(2) if is_sigmoid else outputs, after

    return run


def _prepared_cell(layer: CellLayer) -> LayerRun:
    """Return a prepared layer that is compiled from its equations."""
    n_states, width = len(layer.cell.states), padded_size(layer.hidden_size)
    with torch.no_grad():
        advance = layer.prepared()

    def run(x: Steps, state: AnyState) -> tuple[Steps, AnyState]:
        after = np.zeros((n_states, len(x), width), np.float32)
        for part, before in zip(after, state or (), strict=False):
            part[:, : before.shape[1]] = before  # as wide as the layer, after a read of many steps
        outputs = advance(x, after)
        return outputs, tuple(after)

    return run


def _contract_step(layer: Any) -> LayerStep:
    """Return the step of any layer, with bits that do not depend on the other rows."""
    weight = next(iter(layer.parameters()))
    device = weight.device
    # torch's loops and a user's own need a padded number of rows, as in any prediction
    is_stable = is_fast(weight, layer.output_size) and not isinstance(
        layer, CustomLayer | RecurrentLayer
    )

    def step(x: Rows, state: AnyState) -> tuple[Rows, AnyState]:
        with torch.inference_mode():
            read = torch.from_numpy(np.ascontiguousarray(x)).to(device)[:, None]
            if is_stable:
                outputs, after = layer(read, None, state)
                return np.asarray(outputs[:, 0].numpy()), after
            n_rows = len(x)
            rows = torch.arange(n_rows + -n_rows % STABLE, device=device)
            rows[n_rows:] = 0
            before = None if state is None else select_rows(state, rows)
            outputs, after = layer(read[rows], None, before)
            return np.asarray(outputs[:n_rows, 0].cpu().numpy()), select_rows(after, rows[:n_rows])

    return step


def _residual_step(residual: Any, inner: LayerStep, device: torch.device) -> LayerStep:
    """Return the step of a layer with the connection around it."""

    def step(x: Rows, state: AnyState) -> tuple[Rows, AnyState]:
        with torch.inference_mode():
            below = torch.from_numpy(np.ascontiguousarray(x)).to(device)[:, None]
            outputs, after = inner(np.asarray(residual.norm(below)[:, 0].cpu().numpy()), state)
            own = torch.from_numpy(np.ascontiguousarray(outputs)).to(device)[:, None]
            (joined,) = residual.add([below], [own])
            return np.asarray(joined[:, 0].cpu().numpy()), after

    return step


def _description(module: nn.Module) -> tuple[object, ...]:
    """Return what a module computes with, apart from tensors and other modules."""
    own = vars(module).items()
    settings = (repr(part) for name, part in own if isinstance(part, _PLAIN) and name != "training")
    return type(module), *settings


_PLAIN = str, int, float, Cell  # types of settings of layers
_steppers: WeakKeyDictionary[Any, tuple[tuple[object, ...], NetworkStepper]] = WeakKeyDictionary()


def network_stepper(network: SequenceNetwork | Ensemble) -> NetworkStepper:
    """Return the stepper of a network, the same one until its weights or parts change."""
    # torch's versions of tensors do not count changes of `weight.data`
    bits = (crc32(part.detach().cpu().numpy().tobytes()) for part in network.parameters())
    state = *bits, *map(_description, network.modules())
    known = _steppers.get(network)
    if known is None or known[0] != state:
        with torch.inference_mode(False):  # tensors of inference mode are of no use outside
            known = _steppers[network] = state, NetworkStepper(network)
    return known[1]
