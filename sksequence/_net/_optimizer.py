"""Optimizers and learning-rate schedules by name, optimizer steps, and gradient clipping.

Optimizers of torch import its compiler when they are built, when their state is read or loaded, and
at their first step, only to exclude themselves from compilation: about a second in every new
process, and 65 MB. Here they do without. Results stay as they are; where torch's internals are not
as expected, torch's own methods run.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim import optimizer as torch_optimizer

from sksequence._settings import OptimizerChoice

# name -> (class, options); the fused versions update all weights in one call
OPTIMIZERS: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "adam": (torch.optim.Adam, {"fused": True}),
    "adamw": (torch.optim.AdamW, {"fused": True}),
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "fused": True}),
    "rmsprop": (torch.optim.RMSprop, {}),
}


def optimizer_options(
    optimizer: OptimizerChoice, weight_decay: float
) -> tuple[type[Optimizer], dict[str, Any]]:
    """Return the class of an optimizer, and its options other than the learning rate."""
    if isinstance(optimizer, str):
        kind, options = OPTIMIZERS[optimizer]
        return kind, options | {"weight_decay": weight_decay}
    name = optimizer.__qualname__
    if issubclass(optimizer, torch.optim.SparseAdam):
        raise ValueError(
            f"optimizer={name} needs sparse gradients, which these networks do not have. Choose "
            "another optimizer."
        )
    if inspect.signature(optimizer.step).parameters["closure"].default is inspect.Parameter.empty:
        raise ValueError(
            f"optimizer={name} evaluates the loss several times per step, by a closure, which "
            "batches of sequences do not offer. Choose another optimizer."
        )
    accepted = inspect.signature(optimizer).parameters
    if "lr" not in accepted:
        raise ValueError(
            f"optimizer={name} takes no argument lr, through which learning_rate is passed. Add it "
            "to the class."
        )
    if "weight_decay" in accepted:
        return optimizer, {"weight_decay": weight_decay}
    if weight_decay:
        raise ValueError(
            f"optimizer={name} takes no argument weight_decay, but weight_decay={weight_decay}. "
            "Set weight_decay=0, or choose another optimizer."
        )
    return optimizer, {}


# fraction of the training during which "one_cycle" raises the learning rate
_WARM_UP = 0.05


def _cosine(progress: float) -> float:
    """Return half a cosine, from 1 to 0 (Loshchilov & Hutter, 2017, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def _linear(progress: float) -> float:
    return 1.0 - progress


def _one_cycle(progress: float) -> float:
    """Return a linear rise to 1, then half a cosine to 0 (after Smith & Topin, 2018)."""
    if progress < _WARM_UP:
        return (progress + 1e-3) / (_WARM_UP + 1e-3)
    return _cosine((progress - _WARM_UP) / (1.0 - _WARM_UP))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": _cosine,
    "linear": _linear,
    "one_cycle": _one_cycle,
}


# part of all epochs in which the rest of a schedule is passed once a task is learnt
_REST = 0.2


def last_epoch(learnt_epoch: int, max_epochs: int) -> int:
    """Return the last epoch of a task that is learnt."""
    return min(learnt_epoch + math.ceil(_REST * max_epochs), max_epochs)


def shortened(
    schedule: Callable[[float], float], learnt_epoch: int, max_epochs: int
) -> Callable[[float], float]:
    """Return a schedule that ends with the last epoch of a task that is learnt."""
    begin, end = learnt_epoch / max_epochs, last_epoch(learnt_epoch, max_epochs) / max_epochs

    def factor(progress: float) -> float:
        if progress <= begin:
            return schedule(progress)
        return schedule(begin + (1.0 - begin) * (progress - begin) / (end - begin))

    return factor


# torch's cache on a decorated function: the function to call instead, made by the compiler
_MARK = "__dynamo_disable"
_METHODS = ("add_param_group", "state_dict", "load_state_dict")


@contextmanager
def without_compiler() -> Iterator[None]:
    """Build optimizers, load and read their state without importing the compiler."""
    marked = [] if "torch._dynamo" in sys.modules else _unmarked_functions()
    for function in marked:
        setattr(function, _MARK, function)
    try:
        yield
    finally:
        for function in marked:
            vars(function).pop(_MARK, None)


def _unmarked_functions() -> list[Any]:
    methods = (getattr(Optimizer, name, None) for name in _METHODS)
    functions = (getattr(method, "__wrapped__", None) for method in methods)
    return [f for f in functions if inspect.isfunction(f) and not hasattr(f, _MARK)]


def take_step(optimizer: Optimizer, closure: Callable[[], Any] | None = None) -> Any:
    """Take an optimizer step.

    With hooks on steps, or a step that a scheduler has wrapped, it is torch's own `step`, which
    imports the compiler.
    """
    kind: Any = type(optimizer)
    step = _bare_step(kind)
    if step is None or "step" in vars(optimizer) or _has_hooks(optimizer):
        return optimizer.step(closure)
    with torch.no_grad():
        return step(optimizer, closure)


@cache
def _bare_step(kind: Any) -> Callable[..., Any] | None:
    """Return the function that torch wraps with `no_grad`, hooks and the import of the compiler."""
    step: Callable[..., Any] = inspect.unwrap(kind.step)
    if not kind.__module__.startswith("torch.optim.") or step is kind.step:
        return None
    return step if list(inspect.signature(step).parameters) == ["self", "closure"] else None


def _has_hooks(of: Optimizer) -> bool:
    hooks = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")
    everywhere = ("_global_optimizer_pre_hooks", "_global_optimizer_post_hooks")
    return any(getattr(of, name, True) for name in hooks) or any(
        getattr(torch_optimizer, name, True) for name in everywhere
    )


def clip_gradients(gradients: list[Tensor], max_norm: float | None) -> Tensor:
    """Scale gradients so that their common norm is at most `max_norm`; return the original norm.

    The results are those of `torch.nn.utils.clip_grad_norm_`, which takes longer to sort gradients
    by device and type than a small network's gradients take to scale.

    References
    ----------
    .. [1] Pascanu, Mikolov & Bengio (2013), On the difficulty of training recurrent neural
       networks, ICML.
    """
    norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    if max_norm is not None:
        # a clamped factor instead of an `if`, which would have to wait for the device
        factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(factor)
    return norm
