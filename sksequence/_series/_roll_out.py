"""Sample paths of series: each value that is drawn becomes the input of the next step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching import PreparedSequences
from sksequence._modules import SequenceNetwork, State, select_rows
from sksequence._net import SequenceNet, read_to_the_end, side_by_side
from sksequence._series._past import Past
from sksequence._series._series_codec import SeriesCodec

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Draw = Callable[..., Tensor]

# limits on the paths that are sampled together, which bound the memory of a forecast
_MAX_ROWS = 1 << 14
_MAX_STEPS = 1 << 22


class SeriesStreams:
    """Uniform random numbers for sample paths, with a separate stream per series.

    Parameters
    ----------
    seed : int
        Seed of all streams.
    names : ndarray of uint64 of shape (n_series,)
        Names of the streams.
    width : int
        Number of random numbers per step.
    """

    def __init__(self, seed: int, names: NDArray[np.uint64], width: int) -> None:
        self._key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
        self._names, self._width = names, width

    def uniforms(self, series: Index, n_samples: int, n_steps: int) -> Floats:
        """Return numbers in (0, 1] of shape (n_series * n_samples, n_steps, width).

        The numbers of the first samples do not depend on the number of samples.
        """
        shape = (n_samples, n_steps, self._width)
        streams = (self._stream(name, 0) for name in self._names[series])
        return 1.0 - np.concatenate([stream.random(shape) for stream in streams])

    def choices(self, series: Index, n_samples: int, n_choices: int) -> Index:
        """Return one of `n_choices` numbers per sample, of shape (n_series * n_samples,).

        They alternate, beginning with a random one, so that they are equally probable and about
        equally frequent.
        """
        starts = [self._stream(name, 1).integers(n_choices) for name in self._names[series]]
        return ((np.array(starts)[:, None] + np.arange(n_samples)) % n_choices).ravel()

    def _stream(self, name: np.uint64, number: int) -> np.random.Generator:
        """Return a stream of a series; different numbers give independent streams."""
        bits = np.random.Philox(key=self._key, counter=[0, 0, number, int(name)])
        return np.random.Generator(bits)


class Continuation:
    """Rows of series that continue step by step, all at the same time.

    Parameters
    ----------
    codec : SeriesCodec
        Codec of values and inputs.
    past : Past
        State of each row.
    future : ndarray of shape (n_rows, horizon, n_known)
        Known features at the future steps.
    scale : callable
        Function that scales inputs for the network.
    """

    def __init__(
        self,
        codec: SeriesCodec,
        past: Past,
        future: Floats,
        scale: Callable[[Floats], NDArray[np.float32]],
    ) -> None:
        self._codec, self._past, self._future, self._scale = codec, past, future, scale
        self._next = past.next()
        self._path: list[Floats] = []

    def take(self, rows: Index) -> Continuation:
        """Return a copy of some rows; a row may be selected several times."""
        return Continuation(self._codec, self._past.take(rows), self._future[rows], self._scale)

    def feed(self, encoded: NDArray[np.floating]) -> NDArray[np.float32]:
        """Append standardised values (n_rows, n_features); return the inputs of the next step."""
        values = self._codec.values(encoded.astype(np.float64), self._next)
        self._path.append(values)
        self._past.append(values)
        self._next = self._past.next()
        # no features are known after the last step; those inputs are not read
        step = min(len(self._path), self._future.shape[1] - 1)
        return self._scale(self._codec.inputs(self._next, self._future[:, step]))

    @property
    def log_scales(self) -> tuple[Floats, ...]:
        """Logs of typical values of the next step, as an argument of distributions that need it."""
        codec = self._codec
        return (codec.log_scales(self._next.spread),) if codec.has_log_link else ()

    @property
    def path(self) -> Floats:
        """Values appended so far, of shape (n_rows, n_steps, n_features)."""
        return np.stack(self._path, axis=1)


def sample_paths(
    net: SequenceNet,
    context: PreparedSequences,
    series: Continuation,
    streams: SeriesStreams,
    draw: Draw,
    *,
    n_samples: int,
    n_steps: int,
) -> Floats:
    """Sample paths of shape (n_sequences, n_samples, n_steps, n_features).

    Parameters
    ----------
    net : SequenceNet
        Trained net. Each path is sampled from one of its networks.
    context : PreparedSequences
        Inputs of each series up to the first step of its paths.
    series : Continuation
        State with one row per series.
    streams : SeriesStreams
        Random numbers.
    draw : callable
        Function from outputs and uniform numbers to standardised values.
    n_samples, n_steps : int
        Number of paths per series, and number of steps of a path.
    """
    n_together = max(1, min(_MAX_ROWS, _MAX_STEPS // n_steps) // n_samples)
    paths = []
    for start in range(0, len(context), n_together):
        index = np.arange(start, min(start + n_together, len(context)))
        parts = side_by_side(net, *read_to_the_end(net, context, index))
        sources = np.repeat(np.arange(len(index)), n_samples)
        uniforms = streams.uniforms(index, n_samples, n_steps)
        networks = streams.choices(index, n_samples, len(parts))
        block = np.empty((len(sources), n_steps, uniforms.shape[2] // 2))
        for i, part in enumerate(parts):
            rows = np.flatnonzero(networks == i)
            if len(rows):
                continuation = series.take(index[sources[rows]])
                block[rows] = _roll_out(part, sources[rows], continuation, uniforms[rows], draw)
        paths.append(block)
    flat = np.concatenate(paths)
    return flat.reshape(len(context), n_samples, *flat.shape[1:])


def _roll_out(
    part: tuple[SequenceNetwork, Tensor, State],
    sources: Index,
    continuation: Continuation,
    uniforms: Floats,
    draw: Draw,
) -> Floats:
    """Return paths that continue from the outputs and states of the rows `sources`."""
    network, outputs, state = part
    rows = torch.from_numpy(sources).to(outputs.device)
    with torch.inference_mode():
        outputs, state = outputs[rows], select_rows(state, rows)
        inputs = continuation.feed(_apply(draw, outputs, uniforms[:, 0], continuation))
        for step in range(1, uniforms.shape[1]):
            values = torch.from_numpy(inputs)[:, None].to(outputs.device)
            outputs, state = network.advance(lengths=None, values=values, state=state)
            inputs = continuation.feed(_apply(draw, outputs, uniforms[:, step], continuation))
    return continuation.path


def _apply(
    draw: Draw, outputs: Tensor, uniforms: Floats, continuation: Continuation
) -> NDArray[np.float32]:
    numbers = torch.from_numpy(uniforms).to(outputs.device, outputs.dtype)
    drawn = draw(outputs, numbers.view(len(numbers), -1, 2), *continuation.log_scales)
    return np.asarray(drawn.cpu().numpy())
