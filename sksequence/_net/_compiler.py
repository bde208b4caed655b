"""torch's optimizers without torch's compiler.

Where torch keeps its compiler from looking into an optimizer, it first imports the compiler: seconds of work in every
new process, and 100 MB, for who does not compile. What is done here leaves the results as they are, and where torch's
internals are not as expected, torch goes its own way.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch.optim import Optimizer, optimizer

from sksequence._net._adam import is_fused_adam, take_fused_step

# torch's own cache, on the function behind a decorated one: what to call instead, made by the compiler
_MARK = "__dynamo_disable"
_METHODS = ("add_param_group", "state_dict", "load_state_dict")


@contextmanager
def without_compiler() -> Iterator[None]:
    """Build optimizers, load and read their state without the compiler, if it is not there already."""
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
    """Take an optimizer step; the user's hooks on steps, and steps that schedulers have wrapped, go torch's way."""
    kind: Any = type(optimizer)
    step = _bare_step(kind)
    if step is None or "step" in vars(optimizer) or _has_hooks(optimizer):
        return optimizer.step(closure)
    with torch.no_grad():
        if closure is None and is_fused_adam(optimizer):
            return take_fused_step(optimizer)
        return step(optimizer, closure)


@cache
def _bare_step(kind: Any) -> Callable[..., Any] | None:
    """Return `step` without what torch puts around it: no gradient, hooks, and a note to the compiler."""
    step = inspect.unwrap(kind.step)
    is_bare = kind.__module__.startswith("torch.optim.") and step is not kind.step
    return (
        step
        if is_bare and list(inspect.signature(step).parameters) == ["self", "closure"]
        else None
    )


def _has_hooks(of: Optimizer) -> bool:
    hooks = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")
    everywhere = ("_global_optimizer_pre_hooks", "_global_optimizer_post_hooks")
    return any(getattr(of, name, True) for name in hooks) or any(
        getattr(optimizer, name, True) for name in everywhere
    )
