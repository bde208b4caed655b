"""Supervised tasks: y holds one target per sequence, or one per step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._batching import Frames, Scaler, Sequences, learn_time_unit, without_gaps
from sksequence._blueprint import Blueprint
from sksequence._cells import is_feedforward
from sksequence._input import InputForm
from sksequence._net import Ending, SequenceNet
from sksequence._settings import (
    LossChoice,
    Scale,
    Settings,
    TrainingSettings,
)
from sksequence._targets import (
    RowCodec,
    as_array,
    has_targets,
    plain_container,
    read_steps,
    targets_are_steps,
)
from sksequence._tasks._defaults import (
    automatic_batch_size,
    automatic_frame_step,
    automatic_frames,
    automatic_labelled_batch_size,
    automatic_max_epochs,
    frame_length_of_steps,
    n_step_features,
)
from sksequence._tasks._naive_forecast import NaiveForecast
from sksequence._tasks._network_spec import network_spec
from sksequence._tasks._task import (
    Attributes,
    Rows,
    Sizes,
    Targets,
    TrainingData,
    check_same_loss,
)

AnyRowCodec = TypeVar("AnyRowCodec", bound=RowCodec)


@dataclass(frozen=True)
class SupervisedTask(Generic[AnyRowCodec]):
    """Common part of classification and regression.

    Attributes
    ----------
    loss : str or callable
        Name of a loss, "auto", or a function of the user.
    target : {"auto", "sequence", "steps"}
        Whether y holds one target per sequence or one per step.
    naive : NaiveForecast or None
        Forecast that the network corrects; each sequence is then a window of a series.
    """

    loss: LossChoice
    target: str
    naive: NaiveForecast | None = None

    numeric: ClassVar[bool] = False

    def of(self, form: InputForm) -> Self:
        """Return this task, for every form of X that its naive forecast can read."""
        if self.naive is not None:
            self.naive.check_steps(may_be_missing=form.may_be_missing, has_times=form.has_times)
        return self

    def learn_codec(self, y: ArrayLike) -> AnyRowCodec:
        """Return a codec for the targets in y, which are numbers or labels per row."""
        raise NotImplementedError

    def read(
        self, y: object, sequences: Sequences, form: InputForm, known: Blueprint[AnyRowCodec] | None
    ) -> tuple[Sequences, Targets[AnyRowCodec]]:
        """Parse y, with the codec of `known` if any."""
        if y is None:
            raise ValueError(
                f"{form.estimator_name} requires y to be passed, but the target y is None. Pass "
                "one target per sequence, or one per step."
            )
        given = plain_container(y)
        target, codec = self.target, None
        if known is not None:
            codec = known.codec
            target = "sequence" if known.container is None else "steps"
        if targets_are_steps(given, target, sequences.lengths, numeric=self.numeric):
            return sequences, self._read_steps(given, sequences.lengths, known, form)
        return sequences, self._read_rows(given, sequences.lengths, codec)

    def _read_rows(
        self, y: ArrayLike, lengths: NDArray[np.int64], codec: AnyRowCodec | None
    ) -> Targets[AnyRowCodec]:
        values = as_array(y)
        if len(values) != len(lengths):
            are_steps = len(values) == lengths.sum()
            advice = (
                ". There are as many steps: for one target per step, pass a list of arrays as long "
                "as their sequences, such as from_long(table, id, time, features=column)[0]"
            )
            raise ValueError(
                f"X has {len(lengths)} sequences, y has {len(values)}: inconsistent numbers of "
                f"samples. Pass one target per sequence{advice if are_steps else ''}."
            )
        codec = codec or self.learn_codec(values)
        parsed = codec.parse(values)
        return Targets(codec, parsed, has_targets(parsed), None)

    def _read_steps(
        self,
        y: object,
        lengths: NDArray[np.int64],
        known: Blueprint[AnyRowCodec] | None,
        form: InputForm,
    ) -> Targets[AnyRowCodec]:
        names, advice = None if known is None else known.target_names, form.steps_of_text
        steps = read_steps(y, lengths, numeric=self.numeric, names=names, advice=advice)
        codec = self.learn_codec(steps.flat) if known is None else known.codec
        labelled = codec.parse(steps.flat)
        # an unlabelled step needs a placeholder, whose weight is 0
        parsed = np.zeros((len(steps.labelled), *labelled.shape[1:]), dtype=labelled.dtype)
        parsed[steps.labelled] = labelled
        return Targets(codec, parsed, steps.labelled, steps.container, names=steps.names)

    def settle(self, data: TrainingData[AnyRowCodec], settings: Settings) -> Blueprint[AnyRowCodec]:
        """Learn scales from the training rows and resolve every "auto"."""
        sequences, targets, rows = data.sequences, data.targets, data.split.training
        targets.codec.fit(targets.take(rows, sequences.offsets))
        time_unit, numbers = None, None if sequences.values is None else sequences
        if data.form.has_times:
            time_unit, numbers = learn_time_unit(sequences, rows), without_gaps(sequences)
        scaler = self._learn_scaler(settings.data.scale, numbers, data)
        frames = self._frames(data, settings)
        spec = network_spec(settings, data, scaler, frames, self._labels_symbols(data))
        batch_size, max_epochs = self._sizes(data, settings.training, frames, spec.n_estimators)
        return Blueprint(
            form=data.form,
            scaler=scaler,
            static_scaler=_learn_static_scaler(settings.data.scale, sequences, rows),
            frames=frames,
            codec=targets.codec,
            container=targets.container,
            target_names=targets.names,
            spec=spec,
            loss=self._loss(targets.codec),
            seed=data.seed,
            batch_size=batch_size,
            max_epochs=max_epochs,
            baseline=targets.baseline,
            time_unit=time_unit,
        )

    def _learn_scaler(
        self, scale: Scale, sequences: Sequences | None, data: TrainingData[AnyRowCodec]
    ) -> Scaler | None:
        if sequences is None:
            return None
        baseline = data.targets.baseline
        level_steps = baseline.seasons[0] if isinstance(baseline, NaiveForecast) else None
        scaler = Scaler("global" if scale is True else scale, level_steps)
        return scaler.fit(sequences, data.split.training)

    def sizes(
        self,
        data: TrainingData[AnyRowCodec],
        training: TrainingSettings,
        known: Blueprint[AnyRowCodec],
    ) -> Sizes:
        """Return the batch size and the maximum number of epochs to continue `known` with."""
        return self._sizes(data, training, known.frames, known.spec.n_estimators)

    def _sizes(
        self,
        data: TrainingData[AnyRowCodec],
        training: TrainingSettings,
        frames: Frames,
        n_estimators: int,
    ) -> Sizes:
        rows, per_step = data.split.training, data.targets.per_step
        batch_size, max_epochs = training.batch_size, training.max_epochs
        n_steps = float(frames.count(data.sequences.lengths[rows]).mean())
        chunk = min(n_steps, float(training.tbptt_steps or n_steps))
        if batch_size == "auto":
            width = sum(block.shape[1] for block in data.sequences.blocks) * frames.length
            if per_step:
                batch_size = automatic_labelled_batch_size(len(rows), chunk, width)
            else:
                batch_size = automatic_batch_size(len(rows), n_steps, width)
        if max_epochs == "auto":
            # with one target per step, the optimizer takes one step per chunk
            n_chunks = round(n_steps / chunk) if per_step else 1
            max_epochs = automatic_max_epochs(
                len(rows) * n_chunks,
                int(batch_size),
                self._steps_of_channels(data, frames),
                forecast=self.naive is not None,
                labelled_symbols=self._labels_symbols(data),
                n_estimators=n_estimators,
            )
        return int(batch_size), int(max_epochs)

    def _steps_of_channels(self, data: TrainingData[AnyRowCodec], frames: Frames) -> float:
        """Return the mean number of steps that the network reads of several features.

        It is 1 for a single feature, and for one target per step.
        """
        if data.targets.per_step or n_step_features(data.sequences) == 1:
            return 1.0
        return float(frames.count(data.sequences.lengths[data.split.training]).mean())

    def _labels_symbols(self, data: TrainingData[AnyRowCodec]) -> bool:
        """Check whether the data are sequences of symbols with one label each."""
        return data.sequences.values is None and not data.targets.per_step and not self.numeric

    def _frames(self, data: TrainingData[AnyRowCodec], settings: Settings) -> Frames:
        length, step = settings.data.frame_length, settings.data.frame_step
        if length == "auto" and is_feedforward(settings.network.cell):
            length = 1  # its context is one of steps
        form = data.form
        length = frame_length_of_steps(length, form.missing, has_times=form.has_times)
        if data.targets.per_step or data.sequences.values is None:
            if length not in ("auto", 1) or step not in (None, 1):
                unframed = "per-step targets" if data.targets.per_step else "symbols"
                raise ValueError(
                    f"frame_length={length!r} and frame_step={step!r} need numeric sequences with "
                    f"one target each: {unframed} have no frames. Set frame_length='auto' and "
                    "frame_step=None."
                )
            return Frames()
        forecast = self.naive is not None
        if length == "auto":
            n_features = n_step_features(data.sequences)
            lengths = data.sequences.lengths[data.split.training]
            automatic = automatic_frames(lengths, n_features, forecast=forecast)
            length, automatic_step = automatic.length, automatic.step
        else:
            length = int(length)
            automatic_step = automatic_frame_step(length, forecast=forecast)
        step = automatic_step if step is None else int(step)
        if step > length:
            raise ValueError(
                f"frame_step={step} is longer than the frames (frame_length={length}) and would "
                "skip values. Choose a frame_step of at most frame_length."
            )
        return Frames(length, step)

    def _loss(self, codec: AnyRowCodec) -> LossChoice:
        if self.loss == "auto":
            return codec.losses[0] if self.naive is None else "huber"
        if not callable(self.loss) and self.loss not in codec.losses:
            raise ValueError(
                f"loss={self.loss!r} is not available for these targets; choose from "
                f"{list(codec.losses)}, or 'auto'."
            )
        return self.loss

    def weights(self, data: TrainingData[AnyRowCodec]) -> NDArray[np.float64]:
        """Return one weight per target row, 0 for unlabelled rows."""
        return data.target_weights()

    def ending(
        self, blueprint: Blueprint[AnyRowCodec], data: TrainingData[AnyRowCodec]
    ) -> Ending | None:
        """Return None: training takes all epochs."""
        return None

    def loss_options(self, blueprint: Blueprint[AnyRowCodec]) -> dict[str, object]:
        """Return no keyword arguments."""
        return {}

    def check_same(self, known: Blueprint[AnyRowCodec]) -> None:
        """Raise a ValueError if the loss has changed."""
        check_same_loss(self.loss, self.loss, known.loss)

    def report(self, blueprint: Blueprint[AnyRowCodec]) -> Attributes:
        """Return the values that "auto" selected."""
        return {
            "target_": "steps" if blueprint.per_step else "sequence",
            "cell_": blueprint.spec.cell,
            "frame_length_": blueprint.frames.length,
            "frame_step_": blueprint.frames.step,
            "bidirectional_": blueprint.spec.bidirectional,
        }

    def judges(self, targets: Targets[AnyRowCodec]) -> bool:
        """Return False: predictions are those of the network."""
        return False

    def parts_to_judge(
        self, blueprint: Blueprint[AnyRowCodec], data: TrainingData[AnyRowCodec], fraction: float
    ) -> list[tuple[Rows, Rows]]:
        """Return nothing: predictions are those of the network."""
        return []

    def is_clear(
        self,
        net: SequenceNet,
        part: tuple[Rows, Rows],
        n_epochs: int,
        blueprint: Blueprint[AnyRowCodec],
        data: TrainingData[AnyRowCodec],
    ) -> bool:
        """Return False: no network is judged."""
        return False

    def evaluate(
        self,
        judged: Sequence[tuple[SequenceNet, Rows]],
        blueprint: Blueprint[AnyRowCodec],
        data: TrainingData[AnyRowCodec],
    ) -> Attributes:
        """Return no further attributes."""
        return {}


def _learn_static_scaler(
    scale: Scale, sequences: Sequences, rows: NDArray[np.int64]
) -> Scaler | None:
    """Learn the scale of features that do not change in time, as that of sequences of one step."""
    static = sequences.static_values
    if static is None:
        return None
    single_steps = Sequences(static, np.arange(len(static) + 1))
    return Scaler(False if scale is False else "global").fit(single_steps, rows)
