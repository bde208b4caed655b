"""Constraints on the values of the parameters that several estimators share."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from sksequence._cells import CELLS
from sksequence._net import OPTIMIZERS, SCHEDULES

_AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")
_FRACTION = Interval(Real, 0, 1, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")

NETWORK: dict[str, list[Any]] = {
    "cell": [StrOptions(set(CELLS)), callable],
    "hidden_size": [_AT_LEAST_ONE],
    "num_layers": [_AT_LEAST_ONE],
    "activation": [StrOptions({"tanh", "relu", "sigmoid"})],
    "context_size": [_AT_LEAST_ONE],
    "dropout": [_FRACTION],
    "recurrent_dropout": [_FRACTION],
    "chrono_steps": [Interval(Integral, 2, None, closed="left"), None],
    "embedding_dim": [_AT_LEAST_ONE, None],
    "n_estimators": [_AT_LEAST_ONE],
}

TRAINING: dict[str, list[Any]] = {
    "optimizer": [StrOptions(set(OPTIMIZERS))],
    "learning_rate": [_POSITIVE],
    "lr_schedule": [StrOptions(set(SCHEDULES)), None],
    "weight_decay": [_NOT_NEGATIVE],
    "max_grad_norm": [_POSITIVE, None],
    "tbptt_steps": [_AT_LEAST_ONE, None],
    "max_epochs": [_AT_LEAST_ONE, StrOptions({"auto"})],
    "batch_size": [_AT_LEAST_ONE, StrOptions({"auto"})],
    "shuffle": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "validation_split": [StrOptions({"random", "last"})],
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
    "bidirectional": ["boolean", StrOptions({"auto"})],
    "merge_mode": [StrOptions({"concat", "sum", "mean", "mul"})],
    "pooling": [StrOptions({"last", "mean", "max", "attention"})],
    "frame_length": [_AT_LEAST_ONE, StrOptions({"auto"})],
    "frame_step": [_AT_LEAST_ONE, None],
    "target": [StrOptions({"auto", "sequence", "steps"})],
}

SHARED = NETWORK | TRAINING | RUNNING
