"""The results of a fit other than weights: they are enough to read X and to build the network."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from operator import le
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Frames, PreparedSequences, Scaler, Sequences
from sksequence._cells import is_compiled
from sksequence._input import InputForm
from sksequence._settings import LossChoice, NetworkSpec
from sksequence._targets import Container, MarginalDistribution
from sksequence._threads import limited_threads


class Codec(Protocol):
    """Translator between targets and outputs of the network."""

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the head."""

    def encode(self, parsed: NDArray[Any]) -> NDArray[Any]:
        """Return parsed targets in the form that the loss reads."""


class Baseline(Protocol):
    """Forecast that is added to the network's outputs.

    Attributes
    ----------
    is_relative : bool
        Whether the outputs are in units of the spread of each window.
    """

    @property
    def is_relative(self) -> bool:
        """Whether the outputs are in units of the spread of each window."""

    def moments(self, sequences: Sequences) -> NDArray[np.float64]:
        """Return standard deviations and sizes of windows, from which a codec has their spread."""

    def forecast(self, sequences: Sequences, n_outputs: int) -> NDArray[np.float64]:
        """Return the forecast of shape (n_sequences, n_outputs)."""


AnyCodec = TypeVar("AnyCodec", bound=Codec)
AnyCodec_co = TypeVar("AnyCodec_co", bound=Codec, covariant=True)


@dataclass(frozen=True)
class Blueprint(Generic[AnyCodec_co]):
    """Fitted encodings, sizes and the specification of the network.

    Attributes
    ----------
    form : InputForm
        Form of X.
    scaler : Scaler or None
        Scaler of numeric steps.
    frames : Frames
        Frames that numeric steps are gathered into.
    codec : Codec
        Codec of the targets.
    container : str or None
        Container of per-step targets; None means one target per sequence.
    spec : NetworkSpec
        Specification of the network.
    loss : str or callable
        Name of the loss, or the user's function.
    seed : int
        Seed of all randomness of the fit.
    batch_size, max_epochs : int
        Number of sequences per batch, and maximum number of epochs.
    baseline : Baseline or None
        Forecast that the network corrects.
    loss_options : mapping
        Options of the loss.
    static_scaler : Scaler or None
        Scaler of numbers that do not change in time.
    target_names : tuple or None
        Names of several targets of a step, if they came in tables.
    shrinkage : float or ndarray of shape (n_numbers,)
        Fraction by which predictions are moved to the baseline or, without one, to the mean of y:
        that of each number of a target, or of all.
    marginal : MarginalDistribution or None
        Distribution of y without X, to which predictive distributions are moved; None if none is.
    time_unit : float or None
        Median time between two steps, in the unit of the times; None without a column of times.
    """

    form: InputForm
    scaler: Scaler | None
    frames: Frames
    codec: AnyCodec_co
    container: Container | None
    spec: NetworkSpec
    loss: LossChoice
    seed: int
    batch_size: int
    max_epochs: int
    baseline: Baseline | None = None
    loss_options: Mapping[str, object] = field(default_factory=dict)
    static_scaler: Scaler | None = None
    target_names: tuple[Hashable, ...] | None = None
    shrinkage: float | NDArray[np.float64] = 0.0
    marginal: MarginalDistribution | None = None
    time_unit: float | None = None

    @property
    def per_step(self) -> bool:
        """Whether there is one output per step."""
        return self.spec.pooling is None

    def check_sizes(self) -> None:
        """Raise a ValueError if a vocabulary or the codec does not fit the network.

        Compiled loops look up codes and outputs without a check of their own.
        """
        static = self.spec.static.n_symbols if self.spec.static is not None else ()
        of_steps = [len(vocabulary) for vocabulary in self.form.vocabularies]
        of_static = [len(vocabulary) for vocabulary in self.form.static_vocabularies]
        of_codec = [getattr(self.codec, "n_codes", 0), *getattr(self.codec, "label_sizes", ())]
        tied = self.spec.tied_codes
        fits = (
            _fit(of_steps, self.spec.n_symbols)
            and _fit(of_static, static)
            and (_fit(of_codec, self.spec.n_symbols) or of_codec == [0])
            and (not tied or 0 <= min(tied) <= max(tied) < self.spec.n_symbols[0])
            and self.codec.n_outputs == self.spec.n_outputs
        )
        if not fits:
            raise ValueError(
                f"The vocabularies and targets do not fit the network of {self.spec.n_symbols} "
                f"symbols and {self.spec.n_outputs} outputs. The file is damaged or was changed: "
                "load another copy of it, or fit again."
            )

    def prepare(self, sequences: Sequences) -> PreparedSequences:
        """Scale and frame checked sequences."""
        return PreparedSequences(
            sequences, self.scaler, self.frames, self.static_scaler, self.time_unit
        )

    def threads(self) -> AbstractContextManager[None]:
        """Limit the number of threads to that from which the network benefits."""
        return self.thread_limits()()

    def thread_limits(self) -> Callable[[], AbstractContextManager[None]]:
        """Return `threads` as a function that does not look at the network again."""
        sizes = self.spec.hidden_sizes
        compiled = all(is_compiled(self.spec.cell, size) for size in sizes)
        return partial(limited_threads, self.batch_size, max(sizes), compiled=compiled)


def _fit(needed: Sequence[int], available: Sequence[int]) -> bool:
    """Check whether each number is at most the other one of its position."""
    return len(needed) <= len(available) and all(map(le, needed, available))
