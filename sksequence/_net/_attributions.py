"""Attributions of an output of the network to the steps and features that it has read.

They are computed at the input of the first layer, (batch, time, width), and added up over the
frames and the dimensions of embeddings that belong to a step and a feature. The reference is an
input of zeros at regular times and of unknown symbols; what is the same at all steps of a sequence
is held fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching import STATIC_BLOCKS
from sksequence._modules import SequenceNetwork
from sksequence._net._network_reading import NetworkReading
from sksequence._settings import NetworkSpec

Method = Literal["gradients", "integrated_gradients", "occlusion"]
Floats = NDArray[np.float64]
Inputs = Mapping[str, Tensor]

_POINTS = (32, 128, 512, 2048)  # of the integral, until it is complete
_TOLERANCE = 0.01
_CANCELLED = 0.02  # attributions whose sum is a smaller fraction of their sizes cancel
_MAX_STEPS = 1 << 14  # of the copies of a sequence that are read together


@dataclass(frozen=True)
class InputColumns:
    """Meaning of the columns of the first layer's input.

    Attributes
    ----------
    slots : ndarray of shape (width,)
        Step within a frame.
    features : ndarray of shape (width,)
        Feature of a step, numbers before codes and these before the time; -1 for what is the same
        at all steps.
    dims : ndarray of shape (width,)
        Dimension of an embedding, 0 for numbers.
    """

    slots: NDArray[np.int64]
    features: NDArray[np.int64]
    dims: NDArray[np.int64]

    @classmethod
    def of(cls, spec: NetworkSpec, length: int, n_extra: int) -> InputColumns:
        """Return the columns for frames of a length, each with `n_extra` numbers at its end."""
        n_numbers = (spec.n_features - n_extra) // length if spec.n_features else 0
        numbers = np.indices((length, n_numbers)).reshape(2, -1)
        extra = np.repeat([[0], [-1], [0]], n_extra, axis=1)
        parts = [np.vstack([numbers, np.zeros_like(numbers[:1])]), extra]
        if spec.missing != "error":  # the mask
            parts *= 2
        for column, dim in enumerate(spec.embedding_dims):
            slots, dims = np.indices((length, dim)).reshape(2, -1)
            parts.append(np.vstack([slots, np.full_like(slots, n_numbers + column), dims]))
        if spec.has_gaps:
            parts.append(np.array([[0], [n_numbers + len(spec.embedding_dims)], [0]]))
        return cls(*np.concatenate(parts, axis=1))

    @property
    def n_features(self) -> int:
        """Number of features per step."""
        return int(self.features.max()) + 1

    def fold(self, rows: NDArray[np.floating], within: NDArray[np.int64]) -> Floats:
        """Add up rows (n_frames, width) by step, feature and dimension.

        `within` (n_frames, frame_length) are the steps of each frame.
        """
        real = self.features >= 0
        folded = np.zeros((within.max() + 1, self.n_features, int(self.dims.max()) + 1))
        places = within[:, self.slots[real]], self.features[real], self.dims[real]
        np.add.at(folded, places, rows[:, real])
        return folded


@dataclass(frozen=True)
class Attribution:
    """Attribution of one output for one sequence.

    Attributes
    ----------
    values : ndarray of shape (n_steps, n_features)
        Attribution of each step and feature, numbers before codes.
    output, reference : float
        The output for the sequence and for its reference.
    """

    values: Floats
    output: float
    reference: float


def attributions(
    reading: NetworkReading, weights: Floats, method: Method, window: int
) -> Iterator[Attribution]:
    """Attribute the sum of the outputs with `weights` (n_sequences, n_outputs) to the input.

    With per-step targets, the outputs are those of the last step. Several networks have the means
    of their outputs and attributions. Occlusion replaces `window` steps at a time.
    """
    layout = InputColumns.of(reading.network.spec, reading.prepared.frames.length, reading.n_extra)
    with reading.blueprint.threads():
        for i, own in enumerate(weights.astype(np.float32)):
            within = reading.steps_of_frames(i)
            inputs = reading.inputs([i])
            paths = [Path.of(m, inputs, reading.n_extra, own) for m in reading.members]
            values = [_METHODS[method](path, layout, within, window) for path in paths]
            yield Attribution(
                np.mean(values, axis=0),
                float(np.mean([path.outputs(path.end) for path in paths])),
                float(np.mean([path.outputs(path.start) for path in paths])),
            )


@dataclass(frozen=True)
class Path:
    """Input of a single sequence to the first layer, its reference, and the output to explain.

    Attributes
    ----------
    start, end : Tensor of shape (1, time, width)
        Reference and input.
    function : callable
        Function from inputs (rows, time, width) to outputs (rows,).
    """

    start: Tensor
    end: Tensor
    function: Callable[[Tensor], Tensor]

    @classmethod
    def of(
        cls, network: SequenceNetwork, inputs: Inputs, n_extra: int, weights: NDArray[np.float32]
    ) -> Path:
        """Return the path of a sequence, given as a batch of one."""
        weighting = torch.from_numpy(weights).to(network.device)
        values, codes = inputs.get("values"), inputs.get("codes")
        blank = None if values is None else values.clone()
        if blank is not None:
            blank[:, :, : blank.shape[2] - n_extra] = 0.0
            if network.spec.has_gaps:
                blank[:, :, 0] = 1.0
        unknown = None if codes is None else torch.zeros_like(codes)
        static = {name: inputs[name] for name in STATIC_BLOCKS if name in inputs}

        def function(x: Tensor) -> Tensor:
            own = {name: block.expand(len(x), -1) for name, block in static.items()}
            features = network.features_of(x, None, None, **own)
            if network.pooling is None:
                features = features.view(len(x), x.shape[1], -1)[:, -1]
            return network.outputs(features) @ weighting

        with torch.no_grad():
            start, end = network.enter(None, blank, unknown), network.enter(None, values, codes)
        return cls(start, end, function)

    def outputs(self, x: Tensor) -> Floats:
        """Return the outputs (rows,)."""
        with torch.no_grad():
            return self.function(x).cpu().numpy().astype(np.float64)

    def gradients(self, x: Tensor) -> Tensor:
        """Return the gradients of the outputs (rows, time, width)."""
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            (gradients,) = torch.autograd.grad(self.function(x).sum(), x)
        return gradients

    def in_parts(self, n_rows: int) -> Iterator[slice]:
        """Yield slices of so many copies of the sequence as can be read at a time."""
        size = max(1, _MAX_STEPS // self.end.shape[1])
        return (slice(start, start + size) for start in range(0, n_rows, size))


def _gradients(path: Path, layout: InputColumns, within: NDArray[np.int64], window: int) -> Floats:
    """Return the norm of the gradient with respect to each feature of each step."""
    gradient = path.gradients(path.end)[0].cpu().numpy()
    return np.asarray(np.linalg.norm(layout.fold(gradient, within), axis=2))


def _integrated_gradients(
    path: Path, layout: InputColumns, within: NDArray[np.int64], window: int
) -> Floats:
    """Return attributions whose sum is the difference between the output and its reference [1]_.

    References
    ----------
    .. [1] Sundararajan, Taly & Yan (2017), Axiomatic Attribution for Deep Networks, ICML.
    """
    whole = (path.outputs(path.end) - path.outputs(path.start)).item()
    for n_points in _POINTS:
        nodes, weights = np.polynomial.legendre.leggauss(n_points)
        rows = _mean_gradient(path, (nodes + 1.0) / 2.0, weights / 2.0) * (path.end - path.start)[0]
        gap = abs(rows.sum().item() - whole)
        if gap <= _TOLERANCE * max(abs(whole), _CANCELLED * rows.abs().sum().item()):
            break
    return np.asarray(layout.fold(rows.cpu().numpy(), within).sum(axis=2))


def _mean_gradient(path: Path, nodes: Floats, weights: Floats) -> Tensor:
    """Return the weighted sum of the gradients (time, width) at points along the path."""
    total = torch.zeros_like(path.end[0])
    way = path.end - path.start
    for part in path.in_parts(len(nodes)):
        at, weight = (way.new_tensor(array[part])[:, None, None] for array in (nodes, weights))
        total += (weight * path.gradients(path.start + at * way)).sum(dim=0)
    return total


def _occlusion(path: Path, layout: InputColumns, within: NDArray[np.int64], window: int) -> Floats:
    """Return by how much the output falls when a feature of some steps is that of the reference."""
    n_steps, n_features = within.max() + 1, layout.n_features
    starts = np.arange(0, n_steps, window)
    falls = np.empty((len(starts), n_features))
    whole = path.outputs(path.end)
    steps, features = within[:, layout.slots], layout.features
    places = np.indices(falls.shape).reshape(2, -1)
    for part in path.in_parts(places.shape[1]):
        i, feature = places[:, part]
        first = starts[i][:, None, None]
        hidden = (steps >= first) & (steps < first + window)
        hidden &= features == feature[:, None, None]
        occluded = torch.where(torch.from_numpy(hidden).to(path.end.device), path.start, path.end)
        falls[i, feature] = whole - path.outputs(occluded)
    return np.repeat(falls, window, axis=0)[:n_steps]


_METHODS: dict[Method, Callable[..., Floats]] = {
    "gradients": _gradients,
    "integrated_gradients": _integrated_gradients,
    "occlusion": _occlusion,
}
