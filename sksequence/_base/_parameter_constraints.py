"""Constraints on the values of parameters."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from functools import reduce
from numbers import Integral, Real
from types import FunctionType
from typing import Any

import torch
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

from sksequence._cells import CELLS, Cell
from sksequence._net import OPTIMIZERS, SCHEDULES


class LossFunction(HasMethods):
    """A function of the user of two arguments, at the top level of a module."""

    def __init__(self) -> None:
        super().__init__("__call__")

    def is_satisfied_by(self, val: object) -> bool:
        """Check whether `val` is a function that a pickle finds by its name; torch has no loss."""
        if not isinstance(val, FunctionType) or val.__module__.startswith("torch."):
            return False
        return is_found(val) and takes_two(val)

    def __str__(self) -> str:
        return "a function at the top level of a module, loss(outputs, targets)"


def takes_two(function: FunctionType) -> bool:
    """Check whether a function can be called with two positional arguments."""
    try:
        inspect.signature(function).bind(0, 0)
    except TypeError:
        return False
    return True


class OptimizerClass(HasMethods):
    """A class of optimizers, at the top level of a module."""

    def __init__(self) -> None:
        super().__init__("step")

    def is_satisfied_by(self, val: object) -> bool:
        """Check whether `val` is an optimizer that a pickle finds by its name."""
        is_class = isinstance(val, type) and issubclass(val, torch.optim.Optimizer)
        return is_class and val is not torch.optim.Optimizer and is_found(val)

    def __str__(self) -> str:
        return "a subclass of torch.optim.Optimizer at the top level of a module"


class CellObject(HasMethods):
    """A cell of `sksequence.cells`: an object, not its class."""

    def __init__(self) -> None:
        super().__init__(["equations", "get_params"])

    def is_satisfied_by(self, val: object) -> bool:
        """Check whether `val` is a cell."""
        return isinstance(val, Cell)

    def __str__(self) -> str:
        return "a cell, such as sksequence.cells.LSTM(chrono_steps=100)"


class LayerSizes(Interval):
    """A tuple with the width of each layer."""

    def __init__(self) -> None:
        super().__init__(Integral, 1, None, closed="left")

    def is_satisfied_by(self, val: object) -> bool:
        """Check whether `val` is a tuple of positive integers."""
        return isinstance(val, tuple) and val != () and all(map(super().is_satisfied_by, val))

    def __str__(self) -> str:
        return "a tuple of one such int per layer"


class EmbeddingFile(HasMethods):
    """A file of embedding vectors."""

    def __init__(self) -> None:
        super().__init__("__sksequence_vectors__")

    def __str__(self) -> str:
        return "a file of vectors, such as sksequence.PretrainedEmbedding('vectors.txt')"


class SplitterObject(HasMethods):
    """A splitter as those of scikit-learn: an instance, not its class."""

    def __init__(self) -> None:
        super().__init__(["split", "get_n_splits"])

    def is_satisfied_by(self, val: object) -> bool:
        """Check whether `val` has the methods of a splitter."""
        return not isinstance(val, type) and super().is_satisfied_by(val)

    def __str__(self) -> str:
        return "a splitter, such as GroupShuffleSplit(test_size=0.1)"


def is_found(val: object) -> bool:
    """Check whether a function or class is what its module and name refer to."""
    module, names = getattr(val, "__module__", None), getattr(val, "__qualname__", "")
    start: object = sys.modules.get(module or "")
    return reduce(lambda owner, name: getattr(owner, name, None), names.split("."), start) is val


_AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")
_FRACTION = Interval(Real, 0, 1, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")

NETWORK: dict[str, list[Any]] = {
    "cell": [StrOptions(set(CELLS)), CellObject(), callable],
    "hidden_size": [_AT_LEAST_ONE, LayerSizes()],
    "num_layers": [_AT_LEAST_ONE],
    "residual_connections": ["boolean"],
    "dropout": [_FRACTION],
    "recurrent_dropout": [_FRACTION],
    "embedding_dim": [_AT_LEAST_ONE, EmbeddingFile(), None],
    "n_estimators": [_AT_LEAST_ONE],
}

TRAINING: dict[str, list[Any]] = {
    "optimizer": [StrOptions(set(OPTIMIZERS)), OptimizerClass()],
    "learning_rate": [_POSITIVE],
    "lr_schedule": [StrOptions(set(SCHEDULES)), None],
    "weight_decay": [_NOT_NEGATIVE],
    "max_grad_norm": [_POSITIVE, None],
    "tbptt_steps": [_AT_LEAST_ONE, None],
    "max_epochs": [_AT_LEAST_ONE, StrOptions({"auto"})],
    "batch_size": [_AT_LEAST_ONE, StrOptions({"auto"})],
    "shuffle": ["boolean", StrOptions({"blocks"})],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "validation_split": [StrOptions({"random", "last"}), SplitterObject()],
    "n_iter_no_change": [_AT_LEAST_ONE],
    "tol": [_NOT_NEGATIVE],
}

RUNNING: dict[str, list[Any]] = {
    "scale": [StrOptions({"global", "sequence"}), "boolean"],
    "analyzer": [StrOptions({"char", "word"}), callable, HasMethods(["encode", "decode"])],
    "warm_start": ["boolean"],
    "callbacks": [list, tuple, None],
    "device": [str],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

SUPERVISED: dict[str, list[Any]] = {
    "cell": [StrOptions({*CELLS, "auto"}), CellObject(), callable],
    "bidirectional": ["boolean", StrOptions({"auto"})],
    "merge_mode": [StrOptions({"concat", "sum", "mean", "mul"})],
    "pooling": [StrOptions({"last", "mean", "max", "attention"})],
    "categorical_features": ["array-like", str, None],
    "frame_length": [_AT_LEAST_ONE, StrOptions({"auto"})],
    "frame_step": [_AT_LEAST_ONE, None],
    "target": [StrOptions({"auto", "sequence", "steps"})],
    "missing": [StrOptions({"error", "indicator", "decay"})],
    "time_column": [Integral, str, None],
}

SHARED = NETWORK | TRAINING | RUNNING

# a number of steps, or several of them
SEASONS: list[Any] = [_AT_LEAST_ONE, list, tuple]


def check_parameters(kind: Any, values: Mapping[str, object]) -> None:
    """Raise a ValueError for values of parameters of an estimator that `fit` would refuse."""
    constraints: dict[str, list[Any]] = kind._parameter_constraints
    params = {name: values[name] for name in constraints if name in values}
    validate_parameter_constraints(constraints, params, kind.__name__)
