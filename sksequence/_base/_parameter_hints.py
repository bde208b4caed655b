"""Errors of parameters that suggest the nearest allowed name or value.

They know the names of other libraries for the same things.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from numbers import Integral
from types import FunctionType
from typing import Any

import numpy as np
from sklearn.utils._param_validation import (
    InvalidParameterError,
    StrOptions,
    make_constraint,
    validate_parameter_constraints,
)

from sksequence._base._parameter_constraints import (
    LossFunction,
    OptimizerClass,
    is_found,
    takes_two,
)

# names of the same things in other libraries, in the form of `_plain`
_VALUE_ALIASES: dict[str, str | bool | None] = {
    "bce": "binary_cross_entropy",
    "bcewithlogits": "binary_cross_entropy",
    "categoricalcrossentropy": "cross_entropy",
    "log": "cross_entropy",
    "logistic": "sigmoid",
    "nll": "cross_entropy",
    "softmax": "cross_entropy",
    "sparsecategoricalcrossentropy": "cross_entropy",
    "l1": "absolute_error",
    "mae": "absolute_error",
    "smoothl1": "huber",
    "l2": "squared_error",
    "mse": "squared_error",
    "pinball": "quantile",
    "normal": "gaussian",
    "t": "student_t",
    "poissonnll": "poisson",
    "nb": "negative_binomial",
    "nbinom": "negative_binomial",
    "negbin": "negative_binomial",
    "momentum": "sgd",
    "nesterov": "sgd",
    "average": "mean",
    "ave": "mean",
    "avg": "mean",
    "add": "sum",
    "elman": "rnn",
    "simplernn": "rnn",
    "vanilla": "rnn",
    "bigru": "gru",
    "bilstm": "lstm",
    "dense": "feedforward",
    "mlp": "feedforward",
    "standard": "global",
    "zscore": "global",
    "constant": None,
    "none": None,
    "false": False,
    "no": False,
    "true": True,
    "yes": True,
}
# the user guide has the same table, with the libraries
_NAME_ALIASES = {
    "alpha": "weight_decay",
    "celltype": "cell",
    "clipgradient": "max_grad_norm",
    "clipgradnorm": "max_grad_norm",
    "clipnorm": "max_grad_norm",
    "criterion": "loss",
    "distroutput": "loss",
    "dropoutrate": "dropout",
    "earlystoppatiencesteps": "n_iter_no_change",
    "embeddingdimension": "embedding_dim",
    "encoderdropout": "dropout",
    "encoderhiddensize": "hidden_size",
    "encodernlayers": "num_layers",
    "epochs": "max_epochs",
    "fcdropout": "dropout",
    "futrexoglist": "known_columns",
    "globalclipnorm": "max_grad_norm",
    "gradientclipval": "max_grad_norm",
    "gradientclipvalue": "max_grad_norm",
    "hiddendim": "hidden_size",
    "hiddenlayersizes": "hidden_size",
    "l2": "weight_decay",
    "layers": "num_layers",
    "learningrateinit": "learning_rate",
    "likelihood": "loss",
    "lossfn": "loss",
    "lr": "learning_rate",
    "lrscheduler": "lr_schedule",
    "lrschedulercls": "lr_schedule",
    "lstmsize": "hidden_size",
    "maxiter": "max_epochs",
    "maxsteps": "max_epochs",
    "maxtokens": "max_features",
    "mindelta": "tol",
    "model": "cell",
    "module": "cell",
    "nepochs": "max_epochs",
    "nhidden": "hidden_size",
    "nlayers": "num_layers",
    "nrnnlayers": "num_layers",
    "numcells": "hidden_size",
    "numepochs": "max_epochs",
    "numunits": "hidden_size",
    "numwords": "max_features",
    "nunits": "hidden_size",
    "optimizercls": "optimizer",
    "outputdim": "embedding_dim",
    "patience": "n_iter_no_change",
    "randomseed": "random_state",
    "returnsequences": "target",
    "rnndropout": "dropout",
    "rnntype": "cell",
    "scalertype": "scale",
    "scaling": "scale",
    "scheduler": "lr_schedule",
    "seed": "random_state",
    "solver": "optimizer",
    "stateful": "tbptt_steps",
    "threshold": "tol",
    "trainsplit": "early_stopping",
    "units": "hidden_size",
}


def check_integers(params: Mapping[str, object], estimator_name: str) -> None:
    """Raise an InvalidParameterError for integers that torch cannot hold."""
    for name, value in params.items():
        if isinstance(value, Integral) and int(value).bit_length() > 63:
            raise InvalidParameterError(
                f"The {name!r} parameter of {estimator_name} must be below 2**63. Got an integer "
                f"of {int(value).bit_length()} bits instead."
            )


def suggest_values(
    constraints: Mapping[str, list[Any]], params: Mapping[str, object], estimator_name: str
) -> None:
    """Raise the error of the first invalid parameter, with a suggestion of the value meant."""
    for name, value in params.items():
        try:
            validate_parameter_constraints(constraints, {name: value}, estimator_name)
        except InvalidParameterError as error:
            hint = _value_hint(value, constraints[name], params)
            raise InvalidParameterError(f"{error}{hint}") from None


def name_hint(name: str, names: Collection[str]) -> str:
    """Return a sentence with the parameter that is probably meant, or an empty text."""
    known = _NAME_ALIASES.get(_plain(name))
    found = known if known in names else _nearest(name, names)
    return "" if found is None else f" Did you mean {found!r}?"


def _value_hint(value: object, constraints: list[Any], names: Collection[str]) -> str:
    """Return a sentence with the value that is probably meant, or an empty text."""
    checks = [make_constraint(constraint) for constraint in constraints]
    by_reference = any(isinstance(check, LossFunction | OptimizerClass) for check in checks)
    if by_reference and isinstance(value, FunctionType | type) and not is_found(value):
        return (
            " Lambdas and what is defined within a function cannot be pickled: define it at the "
            "top level of a module."
        )
    if by_reference and isinstance(value, FunctionType) and not takes_two(value):
        return " It cannot be called with two arguments, outputs and targets."
    for meant in _other_types(value):
        if any(check.is_satisfied_by(meant) for check in checks):
            return f" Did you mean {meant!r}?"
    text = value if isinstance(value, str) else _class_name(value)
    if text is None:
        return ""
    options = [o for check in checks if isinstance(check, StrOptions) for o in check.options]
    alias = _VALUE_ALIASES.get(re.sub("loss$", "", _plain(text)), "")
    found = alias if alias in options else _nearest(text, options)
    if found is not None:
        return f" Did you mean {found!r}?"
    if text in names:
        return f" Did you mean the parameter {text!r}?"
    return ""


def _other_types(value: object) -> Iterator[object]:
    """Yield the same value in other types: numbers, booleans and None for texts, for instance."""
    plain = value.item() if isinstance(value, np.number) else value
    if isinstance(value, list | np.ndarray):
        yield tuple(value)
    if isinstance(value, str):
        alias = _VALUE_ALIASES.get(_plain(value), "")
        if not isinstance(alias, str):
            yield alias
        for number in (int, float):
            try:
                yield number(value)
            except ValueError:
                continue
    elif isinstance(plain, int | float) and abs(plain) < 2**63:
        if plain in (0, 1):
            yield bool(plain)
        if plain == int(plain):
            yield int(plain)


def _class_name(value: object) -> str | None:
    """Return the name of a class or function, or of the class of a callable such as a loss."""
    if not callable(value):
        return None
    return getattr(value, "__name__", type(value).__name__)


def _nearest(text: str, options: Collection[str]) -> str | None:
    """Return the option that begins as the text does, or differs by a few characters."""
    plain = {_plain(option): option for option in sorted(options)}
    text = _plain(text)
    alike = [
        option
        for option in plain
        if min(len(option), len(text)) >= 3 and (text.startswith(option) or option.startswith(text))
    ]
    found = get_close_matches(text, alike, 1, 0.0) or get_close_matches(text, plain, 1, 0.6)
    return plain[found[0]] if found else None


def _plain(text: str) -> str:
    """Return the letters and digits of a name in lower case."""
    return re.sub("[^a-z0-9]", "", text.lower())
