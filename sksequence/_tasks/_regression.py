"""Regression: numbers per sequence or per step, such as forecasts of a fixed horizon."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sksequence._batching import Sequences, find_step
from sksequence._blueprint import Blueprint
from sksequence._input import InputForm
from sksequence._losses import SUPPORTS, Support, outside
from sksequence._net import SequenceNet
from sksequence._targets import NumberCodec, PredictiveDistribution, predictive_distribution
from sksequence._tasks._naive_forecast import (
    NaiveForecast,
    known_ahead,
    target_indices,
)
from sksequence._tasks._newest_windows import newest_windows
from sksequence._tasks._shrinkage import (
    corrections_to_mean,
    corrections_to_naive,
    halves,
    warn_of_mean,
    warn_of_naive,
    with_marginal,
)
from sksequence._tasks._shrunken_values import simple_centres
from sksequence._tasks._supervised import SupervisedTask
from sksequence._tasks._task import Attributes, Rows, Targets, TrainingData

Floats = NDArray[np.float64]
TargetColumns = int | str | Sequence[int | str] | None


@dataclass(frozen=True)
class RegressionTask(SupervisedTask[NumberCodec]):
    """Regression of numbers.

    Attributes
    ----------
    levels : tuple of float
        Levels of the quantiles in increasing order.
    is_scaled : bool
        Whether targets are standardised.
    target_columns : int, str, sequence of int or str, or None
        Features of X that y continues.
    """

    levels: tuple[float, ...] = ()
    is_scaled: bool = True
    target_columns: TargetColumns = None

    numeric: ClassVar[bool] = True

    @property
    def distribution(self) -> PredictiveDistribution:
        """Predictive distribution, whose parameters are the outputs of the network."""
        return predictive_distribution(self.loss, self.levels)

    def of(self, form: InputForm) -> Self:
        """Return the task with the target columns of this form of X."""
        if self.naive is None and self.target_columns is not None:
            raise ValueError(
                f"target_columns={self.target_columns!r} has no effect with residual=None: they "
                "are the features that a forecast with residual repeats. Set residual, or "
                "target_columns=None."
            )
        super().of(form)
        if self.naive is None or form.holds_symbols:
            return self
        columns = _columns_of_targets(self.target_columns, form)
        return replace(self, naive=replace(self.naive, columns=columns))

    def learn_codec(self, y: ArrayLike) -> NumberCodec:
        """Return a codec for the numbers in y."""
        return NumberCodec.learn(y, scale=self.is_scaled, distribution=self.distribution)

    def read(
        self, y: object, sequences: Sequences, form: InputForm, known: Blueprint[NumberCodec] | None
    ) -> tuple[Sequences, Targets[NumberCodec]]:
        """Parse numbers, and subtract the naive forecast if any."""
        inputs, targets = super().read(y, sequences, form, known)
        _check_support(targets, self.distribution.support, str(self.loss), sequences)
        naive = self.naive
        if naive is None:
            return inputs, targets
        self._check_residual(naive, targets, form)
        if known is None:
            naive = naive.learnt(sequences, targets.parsed)
        elif isinstance(known.baseline, NaiveForecast):
            naive = known.baseline
        targets = replace(targets, baseline=naive)
        parsed = targets.parsed - naive.forecast(sequences, targets.parsed.shape[1])
        n_targets = naive.n_targets(sequences)
        if known is None:
            targets.codec.share_std(n_targets)
        if not naive.is_relative:
            return inputs, replace(targets, parsed=parsed)
        if known is None:
            targets.codec.follow_windows(n_targets)
        parsed = np.column_stack([parsed, naive.moments(sequences)])
        return inputs, replace(targets, parsed=parsed, n_moments=2 * n_targets)

    def _check_residual(
        self, naive: NaiveForecast, targets: Targets[NumberCodec], form: InputForm
    ) -> None:
        if targets.per_step:
            raise ValueError(
                f"{naive} forecasts the steps after a sequence, but y holds one target per step. "
                "Set residual=None."
            )
        if self.distribution.has_log_link:
            raise ValueError(
                f"{naive} makes y a difference, which may be negative and is no count, but "
                f"loss={self.loss!r} is a distribution of numbers that are not negative. Set "
                "residual=None, or loss='gaussian', 'student_t' or 'quantile'."
            )
        if form.n_step_features:
            naive.check_reading(_numbers_of_steps(form), targets.parsed.shape[1])

    def loss_options(self, blueprint: Blueprint[NumberCodec]) -> dict[str, object]:
        """Return the keyword arguments of the loss of the predictive distribution."""
        return blueprint.codec.distribution.loss_options

    def check_same(self, known: Blueprint[NumberCodec]) -> None:
        """Raise a ValueError if the distribution, the loss or the naive forecast has changed."""
        _check_same_naive(self.naive, known)
        if self.distribution != known.codec.distribution:
            raise ValueError(
                f"loss={self.loss!r} with quantiles={self.levels!r} needs other outputs than the "
                "network to continue. Set them back, or fit with warm_start=False."
            )
        super().check_same(known)

    def report(self, blueprint: Blueprint[NumberCodec]) -> Attributes:
        """Return the number of outputs and the values that "auto" selected."""
        report = super().report(blueprint) | {"n_outputs_": blueprint.codec.n_numbers}
        naive = blueprint.baseline
        if not isinstance(naive, NaiveForecast):
            return report
        seasons = tuple(season for season in naive.seasons if season > 1)
        return report | {"residual_": naive.residual, "seasons_": seasons}

    def judges(self, targets: Targets[NumberCodec]) -> bool:
        """Check whether predictions may be moved to simple ones."""
        return self._may_shrink(targets.codec)

    def _may_shrink(self, codec: NumberCodec) -> bool:
        """Check whether simple predictions are known, which those of a callable loss are not."""
        is_known = self.naive is not None or not callable(self.loss)
        return is_known and not codec.has_log_link

    def parts_to_judge(
        self, blueprint: Blueprint[NumberCodec], data: TrainingData[NumberCodec], fraction: float
    ) -> list[tuple[Rows, Rows]]:
        """Return the newest windows of forecasts, and halves of other sequences."""
        codec, naive = blueprint.codec, blueprint.baseline
        if not self._may_shrink(codec):
            return []
        if not isinstance(naive, NaiveForecast):
            return halves(data)
        horizon = codec.n_numbers // naive.count_targets(blueprint.form.n_step_features)
        rows = np.sort(data.split.training)
        parts = newest_windows(data.sequences, rows, horizon, fraction)
        return [parts] if len(parts[1]) else []

    def is_clear(
        self,
        net: SequenceNet,
        part: tuple[Rows, Rows],
        n_epochs: int,
        blueprint: Blueprint[NumberCodec],
        data: TrainingData[NumberCodec],
    ) -> bool:
        """Check whether the network is certainly better than the mean of y, or has learnt noise.

        A large gain counts from a quarter of the epochs on: a small one may be lost again. Noise
        counts from half of them on: a network that is worse than the mean and has not learnt its
        own rows either may still learn. A forecast, whose error is reported, needs all epochs.
        """
        quarter, half = blueprint.max_epochs // 4, blueprint.max_epochs // 2
        if blueprint.baseline is not None or n_epochs not in (quarter, half):
            return False
        own, unseen = part
        blueprint = with_marginal(blueprint, data)
        n_targets = blueprint.codec.n_targets
        corrections = corrections_to_mean([(net, unseen)], blueprint, data).of_targets(n_targets)
        is_clear = np.array([each.are_clearly_good() for each in corrections])
        is_noise = np.array([n_epochs >= half and each.do_harm() for each in corrections])
        if not (is_clear | is_noise).all():
            return False
        learnt = corrections_to_mean([(net, own)], blueprint, data).kept_fractions(n_targets)
        return bool((is_clear | (learnt == 1.0)).all())

    def evaluate(
        self,
        judged: Sequence[tuple[SequenceNet, Rows]],
        blueprint: Blueprint[NumberCodec],
        data: TrainingData[NumberCodec],
    ) -> Attributes:
        """Return the shrinkage, and for forecasts the errors on windows that were not seen."""
        naive = blueprint.baseline
        n_targets = blueprint.codec.n_targets
        if not judged or not self._may_shrink(blueprint.codec):
            return _shrunk(blueprint, np.zeros(n_targets))
        blueprint = with_marginal(blueprint, data)
        if not isinstance(naive, NaiveForecast):
            corrections = corrections_to_mean(judged, blueprint, data)
            kept = corrections.kept_fractions(n_targets)
            if not kept.all():
                warn_of_mean(corrections, kept, blueprint.max_epochs)
            return _shrunk(blueprint, 1.0 - kept)
        corrections = corrections_to_naive(judged[0], naive, blueprint, data)
        kept = corrections.kept_fractions(n_targets)
        if not kept.all():
            warn_of_naive(corrections, kept, naive)
        of_naive = replace(corrections, true=corrections.true + simple_centres(blueprint))
        errors = {
            "naive_error_": of_naive.mean_absolute_error(np.zeros_like(kept)),
            "forecast_error_": corrections.mean_absolute_error(kept),
        }
        return _shrunk(blueprint, 1.0 - kept) | errors


def _shrunk(blueprint: Blueprint[NumberCodec], shrinkage: Floats) -> Attributes:
    """Return the shrinkage of each target, and a blueprint with that of each number."""
    marginal = blueprint.marginal if shrinkage.any() else None
    of_numbers: float | Floats = np.resize(shrinkage, blueprint.codec.n_numbers)
    if len(shrinkage) == 1:
        [of_numbers] = shrinkage.tolist()
    shrunk = replace(blueprint, shrinkage=of_numbers, marginal=marginal)
    return {"_blueprint": shrunk, "shrinkage_": of_numbers if len(shrinkage) == 1 else shrinkage}


def _numbers_of_steps(form: InputForm) -> list[Hashable]:
    """Return the names of the numbers of a step, or their positions."""
    flags = form.is_categorical or (False,) * form.n_step_features
    labels = form.step_names or range(len(flags))
    return [label for label, flag in zip(labels, flags, strict=True) if not flag]


def _columns_of_targets(target_columns: TargetColumns, form: InputForm) -> tuple[int, ...] | None:
    """Return the indices, among the numbers of a step, of those that y continues."""
    names = form.step_names or ()
    n_features = len(form.is_categorical) or form.n_step_features
    is_all = isinstance(target_columns, str) and target_columns == "all" and "all" not in names
    ahead = known_ahead(names)
    if ahead and (target_columns is None or is_all):
        others = [name for name in _numbers_of_steps(form) if name not in ahead]
        raise ValueError(
            f"target_columns={target_columns!r} stands for all features of X, but of {ahead} the "
            "values at the steps to forecast are already in X, so that y does not continue them. "
            f"Set target_columns to the features that y continues: choose from {others}."
        )
    positions = [c for c in np.ravel(np.asarray(target_columns, dtype=object)) if c not in names]
    is_position = any(isinstance(column, Integral) for column in positions)
    if form.layout == "cells" and is_position and _positions_differ(form, n_features):
        raise ValueError(
            f"target_columns={target_columns!r} is a position, but the columns of X are not the "
            f"features of its steps, which are {list(names)}. Pass their names."
        )
    return target_indices(target_columns, n_features, names, form.is_categorical)


def _positions_differ(form: InputForm, n_features: int) -> bool:
    """Check whether a table of cells has columns without time, or cells of several features."""
    return bool(form.static_columns) or form.n_features_in != n_features


def _check_same_naive(naive: NaiveForecast | None, known: Blueprint[NumberCodec]) -> None:
    """Raise a ValueError if the network to continue corrects another forecast."""
    baseline = known.baseline
    if naive is None and baseline is None:
        return
    n_features = known.form.n_step_features
    if naive is None or not (
        isinstance(baseline, NaiveForecast) and naive.is_same(baseline, n_features)
    ):
        raise ValueError(
            "residual, target_columns or scale have changed: the network to continue was trained "
            f"with {baseline or 'residual=None'}, and now there is {naive or 'residual=None'}. Set "
            "them back, or fit with warm_start=False."
        )


def _check_support(
    targets: Targets[NumberCodec], support: Support, loss: str, sequences: Sequences
) -> None:
    """Raise a ValueError that names the first target without a density."""
    y, labelled = targets.parsed, targets.labelled
    bad = np.argwhere(outside(support, y) & labelled.reshape(-1, 1))
    if not len(bad):
        return
    row, column = bad[0].tolist()
    place = list(find_step(row, sequences.offsets)) if targets.per_step else [row]
    if not targets.codec.flat:
        place.append(column)
    raise ValueError(
        f"loss={loss!r} is a distribution of {SUPPORTS[support]}, but y"
        f"{''.join(f'[{i}]' for i in place)} is {y[row, column]:g}. For other numbers, choose "
        "another loss, such as 'gaussian' or 'student_t'."
    )
