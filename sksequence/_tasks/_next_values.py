"""Prediction of the next values: the generator's task if X holds numbers.

`NextStepTasks` selects between this task and that for symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sksequence._batching import Scaler, Sequences, flat_rows
from sksequence._blueprint import Blueprint
from sksequence._input import InputForm
from sksequence._losses import LOSSES
from sksequence._series import (
    PositiveReference,
    Reference,
    SeriesCodec,
    SeriesModel,
    learn_reference,
)
from sksequence._settings import Settings, column_indices
from sksequence._tasks._defaults import (
    automatic_lag,
    automatic_own_scale,
    automatic_series_dropout,
    automatic_series_size,
    resolve_embedding_dim,
)
from sksequence._tasks._next_step import NextStepTask
from sksequence._tasks._next_symbol import SymbolTask
from sksequence._tasks._seasons import automatic_seasons, seasons_of
from sksequence._tasks._task import Attributes, Targets, TrainingData

# mean absolute deviation below which values are constant
_HARDLY_ANY = 1e-30
# beside a linear base, the inverse of the fraction of the corrections to keep
_LOCATION_FACTOR = 2.0


@dataclass(frozen=True)
class SeriesTask(NextStepTask[SeriesCodec]):
    """Prediction of the next values of a series.

    Attributes
    ----------
    residual : "auto", "last", int, sequence of int or None
        Baseline that is subtracted from each value, and seasons.
    scale : "auto", "global", "sequence" or bool
        How values are scaled.
    known_columns : int, str, sequence of int or str, or None
        Features that are known covariates.
    feature_names : sequence of str
        Names of the features of X; empty if there are none.
    conditional, tie_weights : bool
        Must be False: both require symbols.
    """

    residual: str | int | Sequence[int] | None = None
    scale: str | bool = "auto"
    known_columns: int | str | Sequence[int | str] | None = None
    feature_names: Sequence[str] = ()
    conditional: bool = False
    tie_weights: bool = False

    @property
    def network_loss(self) -> str:
        """Name of the network's loss."""
        # "quantile" is the regressor's loss, for the user's levels; here the levels are fixed
        return "quantile_function" if self.loss == "quantile" else self.loss

    def read(
        self, y: object, sequences: Sequences, form: InputForm, known: Blueprint[SeriesCodec] | None
    ) -> tuple[Sequences, Targets[SeriesCodec]]:
        """Shift sequences by one step and cut long ones into streams."""
        self._check()
        codec = self._learn_codec(sequences) if known is None else known.codec.informed(sequences)
        inputs, targets = codec.shift(sequences)
        inputs, sources = self.streams(inputs)
        known_targets = np.ones(len(targets), dtype=bool)
        return inputs, Targets(codec, targets, known_targets, "ragged", sources=sources)

    def _check(self) -> None:
        for name, is_set in [("conditional", self.conditional), ("tie_weights", self.tie_weights)]:
            if is_set:
                raise ValueError(
                    f"{name}=True requires symbols, but X holds numbers. Set {name}=False, or pass "
                    "texts, tokens or integers."
                )

    def _learn_codec(self, sequences: Sequences) -> SeriesCodec:
        loss = self.chosen_loss(SeriesCodec.losses, "numbers")
        assert sequences.values is not None
        targets, known = _columns(self.known_columns, sequences.values.shape[1], self.feature_names)
        values = np.asarray(sequences.values, dtype=np.float64)[:, targets]
        if LOSSES[loss].has_log_link:
            return self._learn_positive(sequences, values, (targets, known), loss)
        seasons = self._seasons(sequences, values)
        lag = self._lag(sequences, values, seasons)
        own_scale = self.scale == "sequence"
        if self.scale == "auto":
            own_scale = automatic_own_scale(sequences, values, lag)
        reference = learn_reference(sequences, values, lag, seasons[:-1], own_scale=own_scale)
        median_steps = int(np.median(sequences.lengths))
        return SeriesCodec(reference, targets, known, loss, median_steps)

    def _learn_positive(
        self,
        sequences: Sequences,
        values: NDArray[np.float64],
        columns: tuple[NDArray[np.int64], NDArray[np.int64]],
        loss: str,
    ) -> SeriesCodec:
        """Return the codec of counts or positive numbers, from which nothing is subtracted."""
        if self.residual not in ("auto", None):
            raise ValueError(
                f"residual={self.residual!r} makes values differences, which may be negative and "
                f"are no counts, but loss={self.loss!r} is a distribution of numbers that are not "
                "negative. Set residual='auto', or loss='student_t', 'gaussian' or 'quantile'."
            )
        own_scale = self.scale == "sequence"
        if self.scale == "auto":
            own_scale = automatic_own_scale(sequences, values, None)
        reference = PositiveReference.learn_sizes(sequences, values, own_scale=own_scale)
        return SeriesCodec(reference, *columns, loss, int(np.median(sequences.lengths)))

    def _seasons(self, sequences: Sequences, values: NDArray[np.float64]) -> tuple[int, ...]:
        """Return the seasons that are given or found, in increasing order."""
        if self.residual == "auto":
            return automatic_seasons(sequences, values)
        seasons = seasons_of(self.residual)
        longest = int(sequences.lengths.max())
        if seasons and seasons[-1] > max(1, longest):
            raise ValueError(
                f"residual={self.residual!r} has a season of {seasons[-1]} steps, but the longest "
                f"series has {longest}. Choose a shorter season, or 'last' for the previous value."
            )
        return seasons

    def _lag(
        self, sequences: Sequences, values: NDArray[np.float64], seasons: tuple[int, ...]
    ) -> int | None:
        if self.residual == "auto":
            return automatic_lag(sequences, values, seasons)
        if self.residual is None:
            return None
        return seasons[-1] if seasons else 1

    def settle(self, data: TrainingData[SeriesCodec], settings: Settings) -> Blueprint[SeriesCodec]:
        """Learn scales from the training rows and resolve every "auto"."""
        codec, network = data.targets.codec, settings.network
        may_vary = settings.training.is_single_pass
        scaler = _learn_scales(codec, data, is_scaled=bool(self.scale), may_vary=may_vary)
        n_numbers = int(data.sequences.offsets[-1]) * codec.n_features
        hidden_size, dropout = network.hidden_size, network.dropout
        if hidden_size == "auto":
            hidden_size = automatic_series_size(n_numbers)
        if dropout == "auto":
            dropout = automatic_series_dropout(n_numbers)
        spec = replace(
            network,
            hidden_size=hidden_size,
            dropout=dropout,
            embedding_dim=resolve_embedding_dim(network.embedding_dim, ()),
        ).spec(
            n_features=codec.n_inputs,
            n_symbols=(),
            n_outputs=codec.n_outputs,
        )
        loss = self.chosen_loss(SeriesCodec.losses, "numbers")
        return self.blueprint(data, settings, scaler, spec, loss)

    def loss_options(self, blueprint: Blueprint[SeriesCodec]) -> dict[str, object]:
        """Return the factor of locations in training, beside a linear base.

        Half of what is learnt is kept: corrections are partly noise, whose errors add up over a
        long horizon.
        """
        if blueprint.codec.reference.weights is None:
            return {}
        return {"location_factor": _LOCATION_FACTOR}

    def report(self, blueprint: Blueprint[SeriesCodec]) -> Attributes:
        """Return the values that "auto" selected."""
        reference = blueprint.codec.reference
        return super().report(blueprint) | {
            "_model_type": SeriesModel,
            "residual_": _residual(reference),
            "seasons_": reference.seasons,
            "scale_": "sequence" if reference.own_scale else self.scale and "global",
        }


def _residual(reference: Reference) -> str | int | list[int] | None:
    """Return the value of the parameter `residual` that stands for a reference."""
    if reference.shorter:
        return list(reference.seasons)
    return "last" if reference.lag == 1 else reference.lag


def _columns(
    known_columns: int | str | Sequence[int | str] | None, width: int, names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of the features to predict, and those of the known covariates."""
    every = np.arange(width)
    if known_columns is None:
        return every, every[:0]
    known = every[list(column_indices("known_columns", known_columns, width, names))]
    targets = np.setdiff1d(every, known)
    if not len(targets):
        raise ValueError(
            f"known_columns={known_columns!r} names all {width} features of X: nothing is left to "
            "learn. Leave out the features whose future is unknown."
        )
    return targets, known


def _learn_scales(
    codec: SeriesCodec, data: TrainingData[SeriesCodec], *, is_scaled: bool, may_vary: bool
) -> Scaler:
    """Learn the scales of relative targets and of inputs, except for marks, which stay 0 or 1.

    Constant targets have a small scale, unless they may vary in later data.
    """
    rows = data.split.training
    kind = "global" if is_scaled else False
    parsed = np.asarray(data.targets.parsed, dtype=np.float64)
    relative = codec.relative(parsed)
    inputs, targets = data.sequences, Sequences(relative, data.sequences.offsets)
    if codec.reference.weights is not None:
        inputs, targets, rows = _settled(inputs, targets, rows)
    target_scaler = Scaler(kind).fit(targets, rows)
    std = target_scaler.std if may_vary else _scales(codec, relative, target_scaler.std)
    codec.fit(target_scaler.mean, std)
    scaler = Scaler(kind).fit(inputs, rows)
    marks = slice(codec.n_inputs - codec.reference.n_marks, None)
    scaler.mean[marks], scaler.std[marks] = 0.0, 1.0
    return scaler


def _settled(
    inputs: Sequences, targets: Sequences, rows: NDArray[np.int64]
) -> tuple[Sequences, Sequences, NDArray[np.int64]]:
    """Return the steps from which all candidates of a linear base are known, as one sequence.

    Before, errors are so much larger that those after them would have no weight. The last mark
    tells them apart.
    """
    assert inputs.values is not None
    assert targets.values is not None
    flat = flat_rows(inputs.offsets[rows], inputs.lengths[rows])
    flat = flat[inputs.values[flat, -1] == 0]
    if not len(flat):
        return inputs, targets, rows
    ends = [0, len(flat)]
    return Sequences(inputs.values[flat], ends), Sequences(targets.values[flat], ends), np.arange(1)


def _scales(
    codec: SeriesCodec, relative: NDArray[np.float64], std: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return scales of relative values, also of those that never or hardly vary.

    A scaler leaves these as they are, and the noise of forecasts would be in units of X.
    """
    size = np.abs(relative - relative.mean(axis=0)).mean(axis=0)
    return np.where(size < _HARDLY_ANY, np.maximum(size, codec.rest_std), std)


@dataclass(frozen=True)
class NextStepTasks:
    """The two tasks of a generator, from which the form of X selects one."""

    symbols: SymbolTask
    numbers: SeriesTask

    def of(self, form: InputForm) -> SymbolTask | SeriesTask:
        """Return the task for symbols or for numbers; a generator continues one of them."""
        if form.is_categorical or form.static_columns:
            found = "numbers and categories" if form.is_categorical else "columns without time"
            raise ValueError(
                f"X holds {found}, but a SequenceGenerator continues sequences of numbers, or of "
                "symbols, only. Drop the other columns, or forecast with RNNRegressor and "
                "preprocessing.make_windows."
            )
        if form.holds_symbols:
            return self.symbols
        names = form.names_of_step_features
        return replace(self.numbers, feature_names=names)
