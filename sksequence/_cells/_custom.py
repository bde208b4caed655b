"""A user's own cell as a layer: a module with torch's ``(x, state) -> (outputs, state)``.

x is (batch, time, input), outputs (batch, time, any width), and the state a tensor or a tuple of
tensors with the rows on axis 1, as torch's (layers, batch, hidden), or on axis 0 if it has two
axes. It continues from a state by a method ``step(x, state) -> (outputs, state)``, x (batch, input)
and outputs (batch, any width), or as a sequence of one step. A module that declares
``is_causal = False`` reads whole sequences, ``(x) -> outputs`` or ``(x, lengths) -> outputs``.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import torch
from torch import Tensor, nn

from sksequence._cells._custom_modules import (
    Factory,
    Trial,
    build_module,
    is_causal,
    outputs_of,
)
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


def _swap_rows(state: Tensor) -> Tensor:
    """Exchange torch's (layers, batch, hidden) and our (batch, layers, hidden); two axes stay."""
    return state if state.dim() == 2 else state.transpose(0, 1).contiguous()


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
        The module that the factory returned, in float32; a cell of torch is run through time.
    output_size : int
        Width of its outputs, found by a trial run.
    is_causal : bool
        Whether a step does not depend on later ones.
    can_step : bool
        Whether it can continue from a state.
    """

    module: nn.Module
    output_size: int
    is_causal: bool
    can_step: bool

    def __init__(self, factory: Factory, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.factory = factory
        self.input_size = int(input_size)
        self.hidden_size = int(hidden_size)

    @property
    def needs_lengths(self) -> bool:
        """Whether real outputs depend on the number of steps."""
        return not self.is_causal

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Build the module anew, seeded from `generator`."""
        draw = torch.randint(2**62, (1,), generator=generator, device=generator.device)
        sizes = self.input_size, self.hidden_size
        with _build_lock, torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(draw))
            module = build_module(self.factory, *sizes)
            trial = Trial(self.factory, module, *sizes)
        self.module = module
        self.output_size = trial.output_size
        self.is_causal = is_causal(self.factory) and is_causal(module)
        self._has_step = callable(getattr(module, "step", None))
        self.can_step = self.is_causal and (self._has_step or trial.continues)
        self._takes_lengths = trial.takes_lengths
        self._state_is_tensor = isinstance(trial.state, Tensor)

    def forward(
        self, x: Tensor, lengths: Tensor | None, state: LayerState | None
    ) -> tuple[Tensor, LayerState]:
        """Run through time as our own layers do; the last state is empty if it cannot continue."""
        if not self.can_step:
            return self._run_from_start(x, lengths, state)
        n_steps = x.shape[1]
        if lengths is None or bool((lengths == n_steps).all()):
            return self._run(x, state)
        return self._run_ragged(x, lengths, state)

    def _run_from_start(
        self, x: Tensor, lengths: Tensor | None, state: LayerState | None
    ) -> tuple[Tensor, LayerState]:
        if state:
            raise ValueError(
                f"The cell {self.factory!r} has no method step(x, state) and does not continue "
                "from the state that it returns: tbptt_steps and stepwise generation need one."
            )
        if self.is_causal:
            return self.module(x)[0], ()
        return self._run_whole(x, torch.full((len(x),), x.shape[1]) if lengths is None else lengths)

    def _run_whole(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, LayerState]:
        """Run a module that looks ahead; one that takes no lengths reads equal ones together."""
        if self._takes_lengths:
            steps = torch.arange(x.shape[1], device=x.device)
            blank = x.masked_fill((steps >= lengths[:, None].to(x.device))[:, :, None], 0.0)
            outputs: Any = outputs_of(self.module(blank, lengths=lengths))
            return outputs, ()
        outputs = x.new_zeros(len(x), x.shape[1], self.output_size)
        for n_steps in sorted({*lengths.tolist()} - {0}):
            rows = (lengths == n_steps).nonzero()[:, 0].to(x.device)
            outputs[rows, :n_steps] = outputs_of(self.module(x[rows, :n_steps]))
        return outputs, ()

    def _run(self, x: Tensor, state: LayerState | None) -> tuple[Tensor, LayerState]:
        """Run full rows from a state; a single step uses the module's own `step`, if it has one."""
        given: Any = None if state is None else tuple(_swap_rows(part) for part in state)
        if given is not None and self._state_is_tensor:
            (given,) = given
        if x.shape[1] == 1 and self._has_step:
            step: Any = self.module.step
            outputs, after = step(x[:, 0], given)
            outputs = outputs[:, None]
        else:
            outputs, after = self.module(x, given) if given is not None else self.module(x)
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
