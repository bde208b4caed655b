"""Regression: numbers per sequence or per step, such as forecasts of a fixed horizon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from numpy.typing import ArrayLike

from sksequence._batching import Sequences
from sksequence._blueprint import Blueprint
from sksequence._input import InputForm
from sksequence._net import SequenceNet
from sksequence._targets import NumberCodec, PredictiveDistribution, predictive_distribution
from sksequence._tasks._naive_forecast import compare_with_naive
from sksequence._tasks._supervised import SupervisedTask
from sksequence._tasks._task import Attributes, Targets, TrainingData


@dataclass(frozen=True)
class RegressionTask(SupervisedTask[NumberCodec]):
    """Regression of numbers.

    Attributes
    ----------
    levels : tuple of float
        Levels of the quantiles in increasing order.
    is_scaled : bool
        Whether targets are standardised.
    """

    levels: tuple[float, ...] = ()
    is_scaled: bool = True

    numeric: ClassVar[bool] = True

    @property
    def distribution(self) -> PredictiveDistribution:
        """Predictive distribution, whose parameters are the outputs of the network."""
        return predictive_distribution(self.loss, self.levels)

    def learn_codec(self, y: ArrayLike) -> NumberCodec:
        """Return a codec for the numbers in y."""
        return NumberCodec.learn(y, scale=self.is_scaled, distribution=self.distribution)

    def read(
        self, y: object, sequences: Sequences, form: InputForm, known: Blueprint[NumberCodec] | None
    ) -> tuple[Sequences, Targets[NumberCodec]]:
        """Parse numbers, and subtract the naive forecast if any."""
        inputs, targets = super().read(y, sequences, form, known)
        naive = self.naive if known is None else known.baseline
        if naive is None:
            return inputs, targets
        if targets.per_step:
            raise ValueError(
                f"{naive} forecasts the steps after a sequence, but y holds one target per step. "
                "Set residual=None."
            )
        parsed = targets.parsed - naive.forecast(sequences, targets.parsed.shape[1])
        if known is None and self.naive is not None:
            targets.codec.share_std(self.naive.n_targets(sequences))
        return inputs, replace(targets, parsed=parsed)

    def loss_options(self, blueprint: Blueprint[NumberCodec]) -> dict[str, object]:
        """Return the keyword arguments of the loss of the predictive distribution."""
        return blueprint.codec.distribution.loss_options

    def check_same(self, known: Blueprint[NumberCodec]) -> None:
        """Raise a ValueError if the predictive distribution or the loss has changed."""
        if self.distribution != known.codec.distribution:
            raise ValueError(
                f"loss={self.loss!r} with quantiles={self.levels!r} needs other outputs than the "
                "network to continue. Set them back, or fit with warm_start=False."
            )
        super().check_same(known)

    def report(self, blueprint: Blueprint[NumberCodec]) -> Attributes:
        """Return the number of outputs and the values that "auto" selected."""
        return super().report(blueprint) | {"n_outputs_": blueprint.codec.n_numbers}

    def evaluate(
        self,
        net: SequenceNet,
        blueprint: Blueprint[NumberCodec],
        data: TrainingData[NumberCodec],
    ) -> Attributes:
        """Return the errors of the forecast and of the naive forecast that it corrects, if any."""
        if self.naive is None or blueprint.baseline is None:
            return {}
        return dict(compare_with_naive(net, blueprint, data, self.naive))
