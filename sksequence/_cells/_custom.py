"""A user's own cell as a layer: a module with torch's ``(x, state) -> (outputs, state)``.

x is (batch, time, input), outputs (batch, time, any width), and the state a tensor or a tuple of
tensors with the rows on axis 1, as torch's (layers, batch, hidden), or on axis 0 if it has two
axes. A module that has a method ``step(x, state) -> (outputs, state)``, x (batch, input) and
outputs (batch, any width), can continue from a state; one without is only run from its own start.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from sksequence._cells._recurrent import LayerState

# `fork_rng` acts on the whole process: two threads inside it would mix their random streams
_build_lock = threading.RLock()
_LONGEST_WAIT = 1.0  # seconds


def _wait_for_builds() -> None:
    """Let no build of another thread be copied by a fork in the middle, unless it takes long."""
    _build_lock.acquire(timeout=_LONGEST_WAIT)


def _go_on_building() -> None:
    if _build_lock._is_owned():  # type: ignore[attr-defined]
        _build_lock.release()


def _forget_builds() -> None:
    """Replace the lock in a forked child, which has none of the threads that would release it."""
    global _build_lock
    _build_lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_wait_for_builds,
        after_in_parent=_go_on_building,
        after_in_child=_forget_builds,
    )


def _accepts(factory: Callable[..., nn.Module], name: str) -> bool:
    """Check whether a callable takes the keyword `name`, explicitly or through ``**kwargs``."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # some builtins have no signature
        return False
    kinds = {parameter.kind for parameter in parameters.values()}
    return name in parameters or inspect.Parameter.VAR_KEYWORD in kinds


def _check_factory(factory: Callable[..., nn.Module]) -> None:
    """Raise a TypeError for a module, and for a callable that takes no two arguments."""
    expected = (
        "cell must be the name of a cell, or a class or function (input_size, hidden_size) that "
        "returns a module"
    )
    if isinstance(factory, nn.Module):
        kind = type(factory)
        advice = f"Pass the class, {_path(kind)}."
        if not _takes_two(kind):
            advice = "Pass a class or function that builds one layer; the output layer is added."
        raise TypeError(f"{expected}; got an instance of {kind.__name__}. {advice}")
    if not _takes_two(factory):
        raise TypeError(
            f"{expected}; {factory!r} cannot be called with two arguments. Let it take input_size "
            "and hidden_size, and set other arguments with functools.partial."
        )


def _path(kind: type[nn.Module]) -> str:
    """Return the name by which users import a class, or its counterpart for whole sequences."""
    name = kind.__name__
    if getattr(nn, name, None) is not kind:
        return kind.__qualname__
    return f"torch.nn.{name.removesuffix('Cell')}"


def _takes_two(factory: Callable[..., nn.Module]) -> bool:
    """Check whether a callable can be called with two positional arguments."""
    try:
        inspect.signature(factory).bind(0, 0)
    except TypeError:
        return False
    except ValueError:  # some builtins have no signature
        return True
    return True


def _swap_rows(state: Tensor) -> Tensor:
    """Exchange torch's (layers, batch, hidden) and our (batch, layers, hidden); two axes stay."""
    return state if state.dim() == 2 else state.transpose(0, 1)


class CustomLayer(nn.Module):
    """Adapter of a user's cell to the contract of our layers.

    The module is built by `reset_parameters`, on the CPU and under a seeded fork of the global
    generator, because its own initialisation draws from that one. In training, its own dropout
    still does.

    Parameters
    ----------
    factory : callable
        ``(input_size, hidden_size) -> nn.Module``, called with ``batch_first=True`` if it accepts
        that.
    input_size, hidden_size : int
        Width of the input and of the state.

    Attributes
    ----------
    module : nn.Module
        The module that the factory returned, in float32.
    output_size : int
        Width of its outputs, found by a trial run.
    can_step : bool
        Whether it can continue from a state, that is, has a method `step`.
    """

    module: nn.Module
    output_size: int
    can_step: bool
    needs_lengths: ClassVar[bool] = True

    def __init__(
        self, factory: Callable[..., nn.Module], input_size: int, hidden_size: int
    ) -> None:
        super().__init__()
        self.factory = factory
        self.input_size = int(input_size)
        self.hidden_size = int(hidden_size)

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Build the module anew, seeded from `generator`."""
        draw = torch.randint(2**62, (1,), generator=generator, device=generator.device)
        with _build_lock, torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(draw))
            module = self._build()
            outputs, state = self._probe(module)
        self.module = module
        self.output_size = outputs.shape[2]
        self.can_step = callable(getattr(module, "step", None))
        self._state_is_tensor = isinstance(state, Tensor)

    def _build(self) -> nn.Module:
        _check_factory(self.factory)
        options = {"batch_first": True} if _accepts(self.factory, "batch_first") else {}
        try:
            module = self.factory(self.input_size, self.hidden_size, **options)
        except Exception as error:
            raise TypeError(
                "cell must be the name of a cell or a callable (input_size, hidden_size) that "
                f"returns a torch.nn.Module; {self.factory!r} failed with input_size="
                f"{self.input_size} and hidden_size={self.hidden_size}: {error}"
            ) from error
        if not isinstance(module, nn.Module):
            raise TypeError(
                "cell must be the name of a cell or a callable (input_size, hidden_size) that "
                f"returns a torch.nn.Module; {self.factory!r} returned {type(module).__name__}."
            )
        if isinstance(module, nn.RNNCellBase):
            raise TypeError(
                f"cell must build a module that reads whole sequences; {self.factory!r} built a "
                f"{type(module).__name__}, which reads single steps. Pass {_path(type(module))}."
            )
        return module.to(device="cpu", dtype=torch.float32)

    def _probe(self, module: nn.Module) -> tuple[Tensor, Any]:
        """Run the module twice, on inputs that differ in one step, and check its contract."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(2, 3, self.input_size, generator=generator)
        other = x.clone()
        other[0, 2] += 1.0
        was_training = module.training
        module.eval()
        with torch.no_grad():
            outputs, state = self._checked(self._tried(module, x))
            changed, _ = self._checked(self._tried(module, other))
        module.train(was_training)
        same = torch.isclose(outputs, changed, rtol=1e-4, atol=1e-5, equal_nan=True).all(dim=2)
        same[0, 2] = True
        if not same.all():
            raise ValueError(
                f"The cell {self.factory!r} mixes sequences or looks ahead: outputs other than the "
                "last of the first sequence changed with its last input. It must be batch-first "
                "(batch, time, features) and run forward in time; set bidirectional=True for the "
                "other direction."
            )
        return outputs, state

    def _tried(self, module: nn.Module, x: Tensor) -> object:
        try:
            return module(x)
        except Exception as error:
            raise TypeError(
                f"The cell {self.factory!r} must return (outputs, state) for an input of shape "
                f"(batch, time, features); it failed for one of {tuple(x.shape)}: {error}"
            ) from error

    def _checked(self, returned: object) -> tuple[Tensor, Any]:
        if not (isinstance(returned, tuple) and len(returned) == 2):
            raise TypeError(
                f"The cell {self.factory!r} must return (outputs, state) for an input of shape "
                f"(batch, time, features); got {type(returned).__name__}."
            )
        outputs, state = returned
        shape = tuple(getattr(outputs, "shape", ()))
        if len(shape) != 3 or shape[:2] != (2, 3):
            raise ValueError(
                f"The cell {self.factory!r} must return outputs of shape (batch, time, features), "
                f"here (2, 3, {self.hidden_size}); got {shape}."
            )
        return outputs, state

    def forward(
        self, x: Tensor, lengths: Tensor | None, state: LayerState | None
    ) -> tuple[Tensor, LayerState]:
        """Run through time as our own layers do; without `step`, the last state is empty."""
        if not self.can_step:
            return self._run_from_start(x, state)
        n_steps = x.shape[1]
        if lengths is None or bool((lengths == n_steps).all()):
            return self._run(x, state)
        return self._run_ragged(x, lengths, state)

    def _run_from_start(self, x: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        if state:
            raise ValueError(
                f"The cell {self.factory!r} has no method step(x, state) and cannot continue "
                "from a state: tbptt_steps and stepwise generation need one."
            )
        return self.module(x, None)[0], ()

    def _run(self, x: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        """Run full rows from a state; a single step uses the module's own `step`."""
        given: Any = None if state is None else tuple(_swap_rows(part) for part in state)
        if given is not None and self._state_is_tensor:
            (given,) = given
        if x.shape[1] == 1:
            step: Any = self.module.step
            outputs, after = step(x[:, 0], given)
            outputs = outputs[:, None]
        else:
            outputs, after = self.module(x, given)
        parts = (after,) if self._state_is_tensor else after
        return outputs, tuple(_swap_rows(part) for part in parts)

    def _run_ragged(
        self, x: Tensor, lengths: Tensor, state: LayerState | None
    ) -> tuple[Tensor, LayerState]:
        """Run from one distinct length to the next, keeping the state of rows that end there."""
        stops = sorted({*lengths.tolist(), x.shape[1]} - {0})
        pieces: list[Tensor] = []
        running, last = state, state
        for start, stop in zip([0, *stops], stops, strict=False):
            outputs, running = self._run(x[:, start:stop], running)
            pieces.append(outputs)
            ended = lengths >= stop
            last = running if last is None else _where_rows(ended, running, last)
        assert last is not None
        return torch.cat(pieces, dim=1), last


def _where_rows(rows: Tensor, new: LayerState, old: LayerState) -> LayerState:
    """Take the rows (batch,) that are True from `new`, the others from `old`."""
    chosen = []
    for new_part, old_part in zip(new, old, strict=True):
        shape = (-1, *(1,) * (new_part.dim() - 1))
        chosen.append(torch.where(rows.view(shape), new_part, old_part))
    return tuple(chosen)
