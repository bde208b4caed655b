"""What a fit learnt besides weights: plain data, enough to read X again and to build the network again."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sksequence._batching import Frames, PreparedSequences, Scaler, Sequences
from sksequence._kernels import is_compiled
from sksequence._modules import NetworkSpec
from sksequence._targets import Container
from sksequence._threads import limited_threads
from sksequence._validation import InputForm


@dataclass(frozen=True)
class Model:
    """The fitted encodings and sizes.

    Attributes
    ----------
    form : InputForm
        What X looked like.
    scaler : Scaler or None
        Of numeric steps.
    frames : Frames
        Steps gathered into one.
    codec : object
        Of y.
    container : str or None
        Of per-step y; None means one target a sequence.
    spec : NetworkSpec
        The network.
    loss : str
        Its loss.
    seed : int
        All randomness of the fit.
    batch_size, max_epochs : int
        As chosen.
    """

    form: InputForm
    scaler: Scaler | None
    frames: Frames
    codec: Any
    container: Container | None
    spec: NetworkSpec
    loss: str
    seed: int
    batch_size: int
    max_epochs: int

    @property
    def per_step(self) -> bool:
        """Whether there is one output a step."""
        return self.spec.pooling is None

    def prepare(self, sequences: Sequences) -> PreparedSequences:
        """Scale and frame checked sequences."""
        return PreparedSequences(sequences, self.scaler, self.frames)

    def threads(self) -> AbstractContextManager[None]:
        """Limit threads as the size of the network asks for."""
        size = self.spec.hidden_size
        compiled = is_compiled(self.spec.cell, size)
        return limited_threads(self.batch_size, size, compiled=compiled)
