"""Steps of streams of numbers: what the network reads after each, and the next values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Sequences
from sksequence._blueprint import Blueprint
from sksequence._input import are_all_streams, read_stream_steps
from sksequence._series._past import Past
from sksequence._series._reference import Steps
from sksequence._series._series_codec import SeriesCodec, check_finite

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Inputs = tuple[NDArray[np.float32], None]


class SeriesReader:
    """Streams of series, of which all steps so far are known by a `Past`.

    Parameters
    ----------
    blueprint : Blueprint
        Fitted codec and scaler.
    n_streams : int
        Number of streams.
    """

    def __init__(self, blueprint: Blueprint[SeriesCodec], n_streams: int) -> None:
        self._blueprint, self._codec = blueprint, blueprint.codec
        if len(self._codec.known_columns):
            raise ValueError(
                f"This {blueprint.form.estimator_name} has known_columns="
                f"{self._codec.known_columns.tolist()}, whose values at the next step are missing "
                "in a stream. Use forecast(X, 1, future=...)."
            )
        self._past = self._empty(n_streams)
        self._next = self._past.next()
        self._first = np.full((n_streams, self._codec.n_features), np.nan)
        self._is_constant = np.ones(self._first.shape, dtype=bool)
        self._is_any_constant = True

    def _empty(self, n_rows: int) -> Past:
        nothing = np.empty((0, self._blueprint.form.n_step_features))
        return self._codec.past(Sequences(nothing, np.zeros(n_rows + 1, dtype=np.int64)))

    def start(self, n_rows: int) -> Inputs:
        """Return the inputs of the first step, of which no value is known."""
        return self._inputs(self._empty(n_rows).next())

    def _inputs(self, following: Steps) -> Inputs:
        """Return the inputs of a next step."""
        scaler, known = self._blueprint.scaler, np.empty((len(following.base), 0))
        assert scaler is not None
        return scaler.scale_steps(self._codec.inputs(following, known)), None

    def read(self, steps: object, rows: Index, *, are_several: bool) -> Inputs:
        """Append one step to each of the streams `rows`, and return the next inputs."""
        form = self._blueprint.form
        values, _ = read_stream_steps(steps, form, len(rows), are_several=are_several)
        assert values is not None
        self._codec.check_support(values, np.arange(len(rows) + 1))
        are_all = are_all_streams(rows, len(self._first))
        part = self._past if are_all else self._past.take(rows)
        part.append(values)
        if self._is_any_constant:
            part.rest(self._still_constant(values, rows))
        if not are_all:
            self._past.put(rows, part)
        self._next = part.next()
        return self._inputs(self._next)

    def _still_constant(self, values: Floats, rows: Index) -> NDArray[np.bool_]:
        """Return which features of streams have had one value only, this one included."""
        first = self._first[rows]
        first = self._first[rows] = np.where(np.isnan(first), values, first)
        self._is_constant[rows] &= values == first
        self._is_any_constant = bool(self._is_constant.any())
        return np.asarray(self._is_constant[rows])

    def predict(self, outputs: NDArray[np.float32], rows: Index) -> Floats:
        """Return the location of the next values, (n_rows,) or (n_rows, n_features)."""
        values = check_finite(self._codec.decode(outputs, self._next))
        return values[:, 0] if values.shape[1] == 1 else values

    def reset(self, rows: Index) -> None:
        """Forget the steps of streams."""
        self._past.put(rows, self._empty(len(rows)))
        self._first[rows], self._is_constant[rows] = np.nan, True
        self._is_any_constant = True
