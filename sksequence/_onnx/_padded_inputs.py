"""Steps of X as inputs of a graph, and as the network reads them: checked, scaled, in frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sksequence._batching import LEAST_STD, MAX_SCALED, MAX_SCALED_LOG, Frames, Scaler
from sksequence._input import InputForm
from sksequence._onnx._graph import Graph, Value

_SMALLEST_MEAN = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Steps:
    """Padded steps of sequences, and what does not change in time.

    Attributes
    ----------
    graph : Graph
        Their graph.
    lengths : Value of shape (batch,)
        Number of steps of each sequence.
    values : Value of shape (batch, time, n_features) or None
        Numbers; 0 at padded steps.
    codes : Value of shape (batch, time, n_columns) or None
        Codes of symbols; 0 at padded steps.
    static : Value of shape (batch, n_numbers) or None
        Numbers that do not change in time.
    static_codes : Value of shape (batch, n_columns) or None
        Codes that do not change in time.
    """

    graph: Graph
    lengths: Value
    values: Value | None
    codes: Value | None
    static: Value | None = None
    static_codes: Value | None = None

    @classmethod
    def inputs(cls, graph: Graph, form: InputForm, *, may_be_empty: bool = False) -> Steps:
        """Add the inputs of a graph that reads X of this form."""
        lengths = graph.input("lengths", np.int64, ["batch"])
        values = codes = static = static_codes = None
        if not form.holds_symbols:
            values = graph.input("values", np.float64, ["batch", "time", form.n_step_features])
        if form.vocabularies:
            codes = graph.input("codes", np.int64, ["batch", "time", len(form.vocabularies)])
        if form.n_static_numbers:
            static = graph.input("static", np.float64, ["batch", form.n_static_numbers])
        if form.static_vocabularies:
            n_columns = len(form.static_vocabularies)
            static_codes = graph.input("static_codes", np.int64, ["batch", n_columns])
        steps = cls(graph, lengths, values, codes, static, static_codes)
        return steps._aligned()._checked(may_be_empty=may_be_empty)._blank()

    @property
    def n_steps(self) -> Value:
        """Number of steps of the longest sequence, or more."""
        some = self.codes if self.values is None else self.values
        assert some is not None
        return some.size(1)

    @property
    def is_step(self) -> Value:
        """Mask (batch, time) of the steps that are not padding."""
        return self.positions < self.lengths.unsqueeze(1)

    @property
    def positions(self) -> Value:
        """Positions (1, time) of all steps."""
        return self.graph.arange(0, self.n_steps).unsqueeze(0)

    def _aligned(self) -> Steps:
        """Let the runtime refuse inputs of different sizes, and batches without a sequence.

        Operators would repeat an axis of length 1, and recurrent layers crash without a sequence.
        Everything is computed from the lengths, to which each check adds 0.
        """
        graph, count = self.graph, self.lengths.size(0)
        is_empty = (count < 1).cast(np.int64)
        lengths = self.lengths + graph.zero_if(is_empty, "batch_of_at_least_1_sequence")
        for block in (self.values, self.codes, self.static, self.static_codes):
            if block is not None:
                name = f"{block.name}_of_as_many_sequences_as_lengths"
                lengths = lengths + graph.zero_if(block.size(0) - count, name)
        if self.values is not None and self.codes is not None:
            difference = self.codes.size(1) - self.values.size(1)
            lengths = lengths + graph.zero_if(difference, "codes_of_as_many_steps_as_values")
        return replace(self, lengths=lengths)

    def _checked(self, *, may_be_empty: bool) -> Steps:
        """Let the runtime refuse lengths below 1 (0 if `may_be_empty`) and above `n_steps`.

        They are looked up in all valid lengths.
        """
        least = 0 if may_be_empty else 1
        valid = self.graph.arange(least, self.n_steps + 1)
        name = f"lengths_from_{least}_to_time"
        return replace(self, lengths=valid.take_checked(self.lengths - least, 0, name))

    def _blank(self) -> Steps:
        """Set padded steps to 0: they may hold anything."""
        mask = self.is_step.unsqueeze(2)
        values, codes = (
            None if block is None else self.graph.where(mask, block, 0)
            for block in (self.values, self.codes)
        )
        return replace(self, values=values, codes=codes)

    def after(self, boundary: int) -> Steps:
        """Return the steps after one more, at the beginning, of this code, the largest one.

        The runtime refuses it elsewhere.
        """
        assert self.codes is not None
        known = self.graph.arange(0, self.graph.constant(boundary, np.int64))
        codes = known.take_checked(self.codes, 0, f"codes_from_0_to_{boundary - 1}")
        first = codes.slice(1, 0, 0)  # (batch, 0, 1), of which a sum is (batch, 1, 1)
        start = first.reduce("Sum", 1, keepdims=True) + boundary
        codes = self.graph.concatenate([start, codes], axis=1)
        return replace(self, codes=codes, lengths=self.lengths + 1)

    def prepared(
        self, scaler: Scaler | None, frames: Frames, static_scaler: Scaler | None
    ) -> Steps:
        """Return scaled steps in float32, in frames."""
        values, extra, codes, static = self.values, None, self.codes, self.static
        if values is not None:
            assert scaler is not None
            values, extra = self._scaled(values, scaler)
        if static is not None:
            assert static_scaler is not None
            static = _standardised(static, static_scaler)
        lengths = self.lengths
        if frames != Frames():
            index = self._steps_of_frames(frames)
            values, codes = (
                None if block is None else block.take_of_each(index).reshape(0, 0, -1)
                for block in (values, codes)
            )
            lengths = _n_frames(lengths, frames)
        if extra is not None:
            assert values is not None
            values = self.graph.concatenate([values, extra.repeat_like(values)], axis=2)
        framed = Steps(self.graph, lengths, values, codes, static, self.static_codes)
        return framed._blank()

    def moments(self, values: Value) -> tuple[Value, Value, Value]:
        """Return mean and standard deviation (batch, 1, n_features) of values, and centred values.

        The standard deviation of a constant feature is 0.
        """
        n = self.lengths.cast(np.float64).unsqueeze(1, 2)
        mean = values.reduce("Sum", 1, keepdims=True) / n
        centred = self.graph.where(self.is_step.unsqueeze(2), values - mean, 0.0)
        std = ((centred * centred).reduce("Sum", 1, keepdims=True) / n).apply("Sqrt")
        varies = mean.apply("Abs").maximum(_SMALLEST_MEAN) * LEAST_STD < std
        return mean, std * varies.cast(np.float64), centred

    def _scaled(self, values: Value, scaler: Scaler) -> tuple[Value, Value | None]:
        """Return values and the features that the scaler adds (batch, 1, n_extra), in float32."""
        if scaler.kind == "sequence":
            return self._scaled_each(values, scaler)
        if scaler.level_steps is not None:
            values = values - self._last_mean(values, scaler.level_steps)
        elif scaler.kind is False:
            return values.cast(np.float32), None
        return _standardised(values, scaler), None

    def _last_mean(self, values: Value, n_steps: int) -> Value:
        """Return the mean (batch, 1, n_features) of the last `n_steps` steps."""
        n = self.lengths.clip(1, n_steps)
        is_last = self.is_step & (self.positions >= (self.lengths - n).unsqueeze(1))
        last = self.graph.where(is_last.unsqueeze(2), values, 0.0)
        return last.reduce("Sum", 1, keepdims=True) / n.cast(np.float64).unsqueeze(1, 2)

    def _scaled_each(self, values: Value, scaler: Scaler) -> tuple[Value, Value]:
        """Scale each sequence by its own moments, and return the standardised log of the std."""
        _, own, centred = self.moments(values)
        varies = self.graph.constant(0.0) < own
        std = self.graph.where(varies, own, 1.0)
        extra = (std.apply("Log") - scaler.mean) / scaler.std
        limit = MAX_SCALED
        if scaler.level_steps is not None:
            limit = MAX_SCALED_LOG
            extra = self.graph.where(varies, extra, 0.0)
        scaled = (centred / std).clip(-MAX_SCALED, MAX_SCALED)
        return scaled.cast(np.float32), extra.clip(-limit, limit).cast(np.float32)

    def _steps_of_frames(self, frames: Frames) -> Value:
        """Return the steps (batch, n_frames, length) of each frame; see `Frames`."""
        last = (self.lengths - 1).unsqueeze(1, 2)
        before = (_n_frames(self.lengths, frames) - 1).unsqueeze(1, 2) * frames.step
        n_frames = _n_frames(self.n_steps, frames)
        ends = self.graph.arange(0, n_frames).unsqueeze(0, 2) * frames.step + (last - before)
        within = ends + np.arange(1 - frames.length, 1)
        return within.clip(0, last)


def _n_frames(n_steps: Value, frames: Frames) -> Value:
    """Return the number of frames; see `Frames.count`."""
    further = (n_steps + (frames.step - 1 - frames.length)) / frames.step  # towards 0
    return further.maximum(0) + 1


def _standardised(values: Value, scaler: Scaler) -> Value:
    """Scale by the mean and standard deviation of all steps, to float32."""
    scaled = (values - scaler.mean) / scaler.std
    return scaled.clip(-MAX_SCALED, MAX_SCALED).cast(np.float32)
