"""Classification: one label, or a set of labels, per sequence or per step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr
from sklearn.utils.class_weight import compute_class_weight

from sksequence._batching import Sequences
from sksequence._blueprint import Blueprint
from sksequence._input import InputForm
from sksequence._net import Ending
from sksequence._targets import IndicatorCodec, LabelCodec, classification_codec
from sksequence._tasks._defaults import automatic_ending
from sksequence._tasks._supervised import SupervisedTask
from sksequence._tasks._task import Attributes, Targets, TrainingData

ClassCodec = LabelCodec | IndicatorCodec
ClassWeight = Mapping[object, float] | str


@dataclass(frozen=True)
class ClassificationTask(SupervisedTask[ClassCodec]):
    """Classification.

    Attributes
    ----------
    label_smoothing : float
        Fraction of each label's probability that is spread over all classes.
    class_weight : mapping, "balanced" or None
        Weights of the classes in the loss.
    classes : array-like or None
        All classes, if y need not contain all of them.
    """

    label_smoothing: float = 0.0
    class_weight: ClassWeight | None = None
    classes: ArrayLike | None = None

    def learn_codec(self, y: ArrayLike) -> ClassCodec:
        """Return a codec for the labels in y, or for its binary indicator of several labels."""
        return classification_codec(y) if self.classes is None else _learn_classes(self.classes)

    def read(
        self, y: object, sequences: Sequences, form: InputForm, known: Blueprint[ClassCodec] | None
    ) -> tuple[Sequences, Targets[ClassCodec]]:
        """Parse labels. `classes`, if given, must be those of `known`."""
        if self.classes is not None and known is not None:
            _learn_classes(self.classes).check_same(known.codec)
        return super().read(y, sequences, form, known)

    def weights(self, data: TrainingData[ClassCodec]) -> NDArray[np.float64]:
        """Return one weight per target row: that of its sequence times that of its class."""
        weights = data.target_weights()
        if self.class_weight is None:
            return weights
        codec, targets = data.targets.codec, data.targets
        if codec.is_indicator:
            raise ValueError(
                "class_weight needs one label per target, but y is a binary indicator of several. "
                "Set class_weight=None."
            )
        codes = targets.take(data.split.training, data.sequences.offsets)
        weight_of_class = class_weights(self.class_weight, codec.classes, codes)
        return np.asarray(weights * weight_of_class[targets.parsed])

    def ending(
        self, blueprint: Blueprint[ClassCodec], data: TrainingData[ClassCodec]
    ) -> Ending | None:
        """Return the rule for long sequences with one label each, and the log loss."""
        codec, rows = blueprint.codec, data.split.training
        if blueprint.per_step or codec.is_indicator or blueprint.loss != codec.losses[0]:
            return None
        constant = constant_log_loss(data.targets.parsed[rows], self.weights(data)[rows])
        return automatic_ending(constant, self._steps_of_channels(data, blueprint.frames))

    def loss_options(self, blueprint: Blueprint[ClassCodec]) -> dict[str, object]:
        """Return the label smoothing as a keyword argument."""
        if not callable(self.loss):
            return {"label_smoothing": float(self.label_smoothing)}
        if self.label_smoothing:
            raise ValueError(
                f"label_smoothing={self.label_smoothing} needs a loss by name; a function smooths "
                "labels itself. Set label_smoothing=0."
            )
        return {}

    def report(self, blueprint: Blueprint[ClassCodec]) -> Attributes:
        """Return the classes and the values that "auto" selected."""
        return super().report(blueprint) | {
            "classes_": blueprint.codec.classes,
            "n_outputs_": blueprint.codec.n_labels,
        }


def _learn_classes(classes: ArrayLike) -> LabelCodec:
    """Return the codec of the classes that a user passes, rather than those in y."""
    if np.ndim(classes) == 1 and not np.size(classes):
        raise ValueError("classes is empty. Pass all labels that y has in any call of partial_fit.")
    try:
        return LabelCodec.learn(classes)
    except ValueError as error:
        raise ValueError(
            f"classes={classes!r} must be a list of all labels that y has in any call of "
            f"partial_fit, without missing ones: {error}"
        ) from error


def class_weights(
    class_weight: ClassWeight, classes: NDArray[np.generic], codes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the weight of each class in the loss.

    Parameters
    ----------
    class_weight : "balanced" or mapping
        "balanced" uses weights inversely proportional to the frequencies of the classes. Classes
        that a mapping does not contain have the weight 1.
    classes : ndarray of shape (n_classes,)
        All classes.
    codes : ndarray of int of shape (n_rows,)
        Classes of the training rows. Classes without a row have the weight 1.
    """
    present = np.unique(codes)
    weights = np.ones(len(classes))
    if isinstance(class_weight, str):
        weights[present] = compute_class_weight(
            class_weight, classes=classes[present], y=classes[codes]
        )
    else:
        weights[present] = _given_weights(class_weight, classes.tolist())[present]
    return weights


def constant_log_loss(codes: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Return the weighted mean log loss of the constant probabilities that minimise it."""
    sums = np.bincount(codes, weights)
    return float(entr(sums / sums.sum()).sum())


def _given_weights(
    class_weight: Mapping[object, float], labels: list[object]
) -> NDArray[np.float64]:
    """Return the weight of each label; raise a ValueError for unknown keys and bad weights.

    As in scikit-learn, other keys are allowed if all labels have a weight: the mapping can be that
    of a larger set of labels.
    """
    unknown = [key for key in class_weight if key not in labels]
    unweighted = [label for label in labels if label not in class_weight]
    if unknown and unweighted:
        raise ValueError(
            f"The classes, {unweighted}, are not in class_weight, whose keys {unknown} are not "
            f"among the classes {labels}. Pass the labels of y as keys, with the same type and "
            "spelling."
        )
    for key, weight in class_weight.items():
        if not _is_weight(weight):
            raise ValueError(
                f"class_weight[{key!r}] is {weight!r}; weights must be finite numbers of at least "
                "0. Classes without a key have the weight 1."
            )
    weights = np.array([float(class_weight.get(label, 1.0)) for label in labels])
    if not weights.any():
        raise ValueError(
            f"class_weight={dict(class_weight)} gives all classes the weight 0, which leaves "
            "nothing to learn from. Pass a positive weight for at least one class."
        )
    return weights


def _is_weight(weight: object) -> bool:
    """Check whether a weight is a finite number of at least 0."""
    if isinstance(weight, str) or not isinstance(weight, SupportsFloat):
        return False
    try:
        return 0 <= float(weight) < np.inf
    except (TypeError, ValueError, OverflowError):
        return False
