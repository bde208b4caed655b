"""A network that reads a single sequence, with its weights laid out once.

Modules take several times as long as the compiled loops to read one short sequence. The bits are
those of the modules, with any other sequences in the batch. Whatever changes what the modules
compute is found at each call: other parts or weights, modes and hooks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sksequence._cells import (
    CellLayer,
    Dropout,
    GRULayer,
    LSTMLayer,
    Readout,
    RowLinear,
    SimpleRNNLayer,
)
from sksequence._kernels import Product, has_numba, is_traced
from sksequence._modules._embedding import InputLayer
from sksequence._modules._network import Ensemble, SequenceNetwork
from sksequence._modules._pooling import LastPooling
from sksequence._modules._stack import Stack
from sksequence._modules._stepping import LayerRun, prepared_layer

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Network = SequenceNetwork | Ensemble

# larger networks compute for longer than their modules take, and would be copied
_MOST_WEIGHTS = 1 << 20
_RECURRENT = SimpleRNNLayer, GRULayer, LSTMLayer


class SingleSequenceReader:
    """A network, or several side by side, that reads one sequence at a time.

    Parameters
    ----------
    network : SequenceNetwork or Ensemble
        Network in evaluation mode.
    """

    def __init__(self, network: Network) -> None:
        self._seen = _Seen(network)
        members = network.members if isinstance(network, Ensemble) else [network]
        readers = [_MemberReader.of(member) for member in members] if self._seen.is_plain else []
        self._members = [reader for reader in readers if reader is not None]
        self.can_read = len(self._members) == len(members)

    def is_current(self, network: Network) -> bool:
        """Check whether the network still computes what it did."""
        return self._seen.is_same(network) and all(m.is_current() for m in self._members)

    def features(self, values: Floats | None, codes: Codes | None) -> Floats:
        """Return the inputs of the head, (1, width) or (n_steps, width)."""
        return _side_by_side([member.features(values, codes) for member in self._members])

    def outputs(self, values: Floats | None, codes: Codes | None) -> Floats:
        """Return the outputs, (1, n_outputs) or (n_steps, n_outputs)."""
        return _side_by_side([m.leave(m.features(values, codes)) for m in self._members])


def _side_by_side(parts: Sequence[Floats]) -> Floats:
    return parts[0].copy() if len(parts) == 1 else np.concatenate(parts, axis=1)


class _Seen:
    """Parts, modes and hooks of a network, apart from weights.

    Parameters
    ----------
    network : SequenceNetwork or Ensemble
        The network, of which no reference is kept.
    """

    def __init__(self, network: Network) -> None:
        first, *self._below = network.modules()
        self._of_each = [_aspects(module, {**module._modules}) for module in (first, *self._below)]
        self.is_plain = all(not any(modes) for _, *modes in self._of_each)

    def is_same(self, network: Network) -> bool:
        """Check whether nothing has changed."""
        for module, seen in zip((network, *self._below), self._of_each, strict=True):
            if _aspects(module, module._modules) != seen:
                return False
        return True


def _aspects(
    module: nn.Module, parts: dict[str, Any]
) -> tuple[dict[str, Any], bool, int, int, bool]:
    """Return the parts of a module and, false if it computes as usual, its modes and hooks."""
    own = module.__dict__
    n_before, n_after = len(own["_forward_pre_hooks"]), len(own["_forward_hooks"])
    return parts, own["training"], n_before, n_after, "forward" in own


class _MemberReader:
    """One network, with its weights laid out as they are now.

    Parameters
    ----------
    network : SequenceNetwork
        The network, of which only parts are kept.
    layers : sequence of (forward, backward)
        Prepared layers of each depth; backward is None with one direction.
    """

    def __init__(
        self, network: SequenceNetwork, layers: Sequence[tuple[LayerRun | None, LayerRun | None]]
    ) -> None:
        self._inputs, self._stack, self._pooling = network.inputs, network.stack, network.pooling
        self._layers, self._is_last = layers, type(network.pooling) is LastPooling
        self._has_numbers_only = not (
            len(self._inputs.tables) or self._inputs.missing is not None or self._inputs.has_gaps
        )
        head: Any = network.head
        self.leave = Product(head.weight.clone(), head.bias.clone())
        parts = _prepared_parts(network)
        self._weights = [_Weight(part, name) for part in parts for name in part._parameters]
        cells = [part.cell for part in parts if isinstance(part, CellLayer)]
        self._attributes = [(own, tuple(own.values())) for own in map(vars, [*parts, *cells])]

    @classmethod
    def of(cls, network: SequenceNetwork) -> _MemberReader | None:
        """Return a reader, or None if a part of the network needs its module."""
        if not _is_usual(network):
            return None
        forwards = [prepared_layer(layer) for layer in network.stack.forwards]
        backwards = [prepared_layer(layer) for layer in network.stack.backwards]
        if None in (*forwards, *backwards):
            return None
        return cls(network, list(zip_longest(forwards, backwards)))

    def is_current(self) -> bool:
        """Check whether the weights are those that were laid out, for the same layers."""
        for own, seen in self._attributes:
            if len(own) != len(seen) or not all(map(is_, own.values(), seen)):
                return False
        return all(weight.is_same() for weight in self._weights)

    def features(self, values: Floats | None, codes: Codes | None) -> Floats:
        """Return the inputs of the head, (1, width) or (n_steps, width)."""
        x = values if self._has_numbers_only else self._entered(values, codes)
        assert x is not None
        parts: list[Floats] = []
        for forward, backward in self._layers:
            x = self._merged(parts) if parts else x
            assert forward is not None
            parts = [forward(x, None)[0]]
            if backward is not None:
                mirrored, _ = backward(x[:, ::-1].copy(), None)
                parts.append(mirrored[:, ::-1].copy())
        return self._pooled(parts)

    def _entered(self, values: Floats | None, codes: Codes | None) -> Floats:
        """Return the input of the first layer."""
        with torch.inference_mode():
            numbers, symbols = (None if a is None else torch.from_numpy(a) for a in (values, codes))
            entered: Tensor = self._inputs(None, numbers, symbols)
            return np.ascontiguousarray(entered.numpy())

    def _merged(self, parts: Sequence[Floats]) -> Floats:
        """Merge the outputs of the directions."""
        if len(parts) == 1:
            return np.ascontiguousarray(parts[0])
        if self._stack.merge_mode == "concat":
            return np.concatenate(parts, axis=-1)
        with torch.inference_mode():
            merged: Tensor = self._stack.merge(_tensors(parts))
            return np.asarray(merged.numpy())

    def _pooled(self, parts: Sequence[Floats]) -> Floats:
        """Return the inputs of the head from the outputs of the last layer's directions."""
        if self._pooling is None:
            return np.asarray(self._merged(parts)[0])
        if self._is_last:
            first, *others = parts
            return self._merged([first[:, -1], *(part[:, 0] for part in others)])
        with torch.inference_mode():
            pooled: Tensor = self._pooling(_tensors(parts), self._stack.merge, None)
            return np.asarray(pooled.numpy())


def _is_usual(network: SequenceNetwork) -> bool:
    """Check for parts whose results are known without their modules."""
    parts = _prepared_parts(network)
    dropouts = network.dropout, network.stack.dropout
    return (
        # other weights are computed when they are read
        all(set(part._parameters) == _weights_of(part) for part in parts)
        and all(type(dropout) is Dropout for dropout in dropouts)
        and type(network.inputs) is InputLayer
        and type(network.stack) is Stack
        and type(network.head) is RowLinear
        and network.join is None
        and not len(network.stack.residuals)
        and not network.stack.has_gaps
        and sum(weight.numel() for part in parts for weight in part.parameters()) <= _MOST_WEIGHTS
    )


def _weights_of(part: Any) -> set[str] | None:
    """Return the names of the weights of a module, None of an unknown one."""
    if type(part) in _RECURRENT:
        return {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}
    if type(part) is CellLayer:
        return {"weight_ih", "bias", *part.cell.shapes(part.hidden_size)}
    return {RowLinear: {"weight", "bias"}, Readout: {"weight"}}.get(type(part))


def _prepared_parts(network: SequenceNetwork) -> list[Any]:
    """Return the modules whose weights are laid out."""
    layers: list[Any] = [*network.stack.forwards, *network.stack.backwards]
    readouts = [getattr(layer, "readout", None) for layer in layers]
    return [*layers, *(part for part in readouts if part is not None), network.head]


def _tensors(parts: Sequence[Floats]) -> list[Tensor]:
    return [torch.from_numpy(np.ascontiguousarray(part)) for part in parts]


class _Weight:
    """A parameter as it is now.

    The bits are compared, since not all changes count in torch's version of a tensor: those of
    ``weight.data`` do not.
    """

    def __init__(self, module: nn.Module, name: str) -> None:
        parameter: Any = module._parameters[name]
        self._parameters: dict[str, Any] = module._parameters
        self._name, self._parameter = name, parameter
        self._pointer, self._placed = parameter.data_ptr(), parameter.detach()
        self._view = self._placed.numpy()
        self._bits = self._view.tobytes()

    def is_same(self) -> bool:
        """Check whether nothing has changed."""
        return (
            self._parameter.data_ptr() == self._pointer
            and self._parameter.is_set_to(self._placed)  # shape and strides too
            and self._parameters.get(self._name) is self._parameter
            and self._view.tobytes() == self._bits
        )


_readers: WeakKeyDictionary[Network, SingleSequenceReader] = WeakKeyDictionary()


def single_sequence_reader(network: Network) -> SingleSequenceReader | None:
    """Return the reader of a network, or None if only its modules compute what is expected."""
    is_observed = nn.modules.module._has_any_global_hook()  # type: ignore[no-untyped-call]
    if not has_numba() or is_traced() or is_observed:
        return None
    known = _readers.get(network)
    if known is None or not known.is_current(network):
        known = _readers[network] = SingleSequenceReader(network)
    return known if known.can_read else None
