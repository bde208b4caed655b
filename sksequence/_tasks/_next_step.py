"""The common part of the generator's tasks: the targets are the steps of X, shifted by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Frames, Scaler, Sequences, offsets_of
from sksequence._blueprint import AnyCodec, Blueprint
from sksequence._modules import build_network
from sksequence._net import Ending, SequenceNet
from sksequence._settings import NetworkSpec, Settings, TrainingSettings
from sksequence._tasks._defaults import (
    automatic_batch_size,
    automatic_max_epochs,
    automatic_series_epochs,
)
from sksequence._tasks._task import (
    Attributes,
    Rows,
    Sizes,
    Targets,
    TrainingData,
    check_same_loss,
)

# Minimum number of chunks in a stream: with fewer, the state would hardly ever be carried over
_MIN_CHUNKS_PER_STREAM = 8


@dataclass(frozen=True)
class NextStepTask(Generic[AnyCodec]):
    """Common part of the prediction of symbols and of numbers.

    Attributes
    ----------
    loss : str
        Name of a loss, or "auto".
    training : TrainingSettings
        Parameters of training, which determine how long sequences are cut.
    """

    loss: str
    training: TrainingSettings

    @property
    def network_loss(self) -> str:
        """Name of the network's loss."""
        return self.loss

    def streams(self, inputs: Sequences) -> tuple[Sequences, NDArray[np.int64] | None]:
        """Cut long sequences into parallel streams.

        The position of the sequence that each stream is a piece of is returned as well, or None if
        all are still whole.
        """
        tbptt_steps = self.training.tbptt_steps
        if tbptt_steps is None:
            return inputs, None
        batch_size = _batch_size(self.training, inputs)
        streams = _cut_into_streams(inputs, batch_size, int(tbptt_steps))
        if len(streams) == len(inputs):
            return streams, None
        return streams, np.searchsorted(inputs.offsets, streams.offsets[:-1], side="right") - 1

    def sizes(
        self,
        data: TrainingData[AnyCodec],
        training: TrainingSettings,
        known: Blueprint[AnyCodec] | None = None,
    ) -> Sizes:
        """Return the batch size and the maximum number of epochs.

        The epochs are selected by the number of optimizer steps: one per batch, or one per chunk if
        sequences are long.
        """
        inputs = data.sequences
        batch_size, max_epochs = _batch_size(training, inputs), training.max_epochs
        if max_epochs == "auto":
            rule = automatic_max_epochs if inputs.values is None else automatic_series_epochs
            n_steps = int(inputs.offsets[-1])
            n_chunks = n_steps // (training.tbptt_steps or n_steps)
            max_epochs = rule(max(len(inputs), n_chunks), batch_size)
        return batch_size, int(max_epochs)

    def blueprint(
        self,
        data: TrainingData[AnyCodec],
        settings: Settings,
        scaler: Scaler | None,
        spec: NetworkSpec,
        loss: str,
    ) -> Blueprint[AnyCodec]:
        """Return the blueprint, with the parts that are common to symbols and numbers added."""
        batch_size, max_epochs = self.sizes(data, settings.training)
        _check_steps(spec)
        return Blueprint(
            form=data.form,
            scaler=scaler,
            frames=Frames(),
            codec=data.targets.codec,
            container=data.targets.container,
            spec=spec,
            loss=loss,
            seed=data.seed,
            batch_size=batch_size,
            max_epochs=max_epochs,
        )

    def chosen_loss(self, losses: tuple[str, ...], kind: str) -> str:
        """Return the name of the network's loss; `kind` is what X holds, "symbols" or "numbers"."""
        if self.loss == "auto":
            return losses[0]
        if self.loss not in losses:
            raise ValueError(
                f"loss={self.loss!r} is not available for {kind}; choose from {list(losses)}, or "
                "'auto'."
            )
        return self.network_loss

    def weights(self, data: TrainingData[AnyCodec]) -> NDArray[np.float64]:
        """Return one weight per target row, 0 for unlabelled rows."""
        return data.target_weights()

    def loss_options(self, blueprint: Blueprint[AnyCodec]) -> dict[str, object]:
        """Return no keyword arguments."""
        return {}

    def check_same(self, known: Blueprint[AnyCodec]) -> None:
        """Raise a ValueError if the loss has changed."""
        check_same_loss(self.loss, self.network_loss, known.loss)

    def report(self, blueprint: Blueprint[AnyCodec]) -> Attributes:
        """Return no attributes of its own."""
        return {}

    def judges(self, targets: Targets[AnyCodec]) -> bool:
        """Return False: predictions are those of the network."""
        return False

    def parts_to_judge(
        self, blueprint: Blueprint[AnyCodec], data: TrainingData[AnyCodec], fraction: float
    ) -> list[tuple[Rows, Rows]]:
        """Return nothing: predictions are those of the network."""
        return []

    def ending(self, blueprint: Blueprint[AnyCodec], data: TrainingData[AnyCodec]) -> Ending | None:
        """Return None: training takes all epochs."""
        return None

    def is_clear(
        self,
        net: SequenceNet,
        part: tuple[Rows, Rows],
        n_epochs: int,
        blueprint: Blueprint[AnyCodec],
        data: TrainingData[AnyCodec],
    ) -> bool:
        """Return False: no network is judged."""
        return False

    def evaluate(
        self,
        judged: Sequence[tuple[SequenceNet, Rows]],
        blueprint: Blueprint[AnyCodec],
        data: TrainingData[AnyCodec],
    ) -> Attributes:
        """Return no further attributes."""
        return {}


def _batch_size(training: TrainingSettings, inputs: Sequences) -> int:
    """Select by the number of sequences, of which long ones count once per 256 steps."""
    if training.batch_size != "auto":
        return int(training.batch_size)
    return automatic_batch_size(max(len(inputs), int(inputs.offsets[-1]) // 256))


def _cut_into_streams(inputs: Sequences, batch_size: int, tbptt_steps: int) -> Sequences:
    """Cut long sequences into pieces that are read in parallel, each with its own state."""
    n_steps = int(inputs.offsets[-1])
    longest = max(_MIN_CHUNKS_PER_STREAM * tbptt_steps, -(-n_steps // batch_size))
    lengths = inputs.lengths
    n_pieces = -(-lengths // longest)
    if n_pieces.max() == 1:
        return inputs
    pieces = [
        np.diff(np.linspace(0, length, n + 1).astype(np.int64))
        for length, n in zip(lengths.tolist(), n_pieces.tolist(), strict=True)
    ]
    return Sequences(inputs.values, offsets_of(np.concatenate(pieces)), inputs.codes)


def _check_steps(spec: NetworkSpec) -> None:
    """Raise a ValueError, before training, for a user's cell without a `step` method."""
    if callable(spec.cell) and not build_network(spec, seed=0).can_step:
        raise ValueError(
            f"A generator proceeds step by step, but the cell {spec.cell!r} has no method step(x, "
            "state) that returns an output and the next state, and does not continue from the "
            "state that it returns. Add this method, or choose a cell by name."
        )
