"""A layer of any cell as one node of the graph, with compiled loops in both directions.

Products with the input weights are computed for all steps at once, and so are the gradients of all
weights; the rest is left to the loops, which run over pieces of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._kernels._autograd import (
    add_up,
    arrays_of,
    empty_block,
    first_derivative_only,
    fixed_pieces,
    in_shards,
    part_of,
    project,
    scratch_block,
    weight_gradient,
)
from sksequence._kernels._loop_parts import fill_product
from sksequence._kernels._loop_source import write_step
from sksequence._kernels._single_steps import full_lengths
from sksequence._kernels._step_plan import StepPlan
from sksequence._kernels._tiles import in_columns, in_panels, no_panels
from sksequence._kernels._time_loop import TimeLoop, time_loop
from sksequence._kernels._traced_step import Equations, Shape

_NO_PANELS = (no_panels(),)


class CompiledRecurrence:
    """The compiled form of a cell.

    Parameters
    ----------
    shape : Shape
        Number of inputs, states, vectors and products.
    equations : callable
        See `StepPlan`.
    """

    def __init__(self, shape: Shape, equations: Equations) -> None:
        self.plan = StepPlan(shape, equations)

    @cached_property
    def loop(self) -> TimeLoop:
        """The loops, compiled or read from the cache when they are first called."""
        plan = self.plan
        n_shared = len(plan.shared), len(plan.backward_shared)
        return time_loop(write_step(plan), plan.products_after, n_shared, len(plan.backward_means))

    @cached_property
    def constants(self) -> NDArray[np.float32]:
        """The numbers that the loops read."""
        with np.errstate(over="ignore"):
            return np.array(self.plan.constants, np.float32)

    def __call__(
        self,
        x: Tensor,
        states: Tensor,
        lengths: Tensor,
        units: Tensor,
        weight: Tensor,
        bias: Tensor,
        vectors: Tensor,
        *matrices: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Run through time.

        Parameters
        ----------
        x : Tensor of shape (batch, time, input)
            Input.
        states : Tensor of shape (n_states, batch, hidden)
            States before the first step.
        lengths : Tensor of shape (batch,)
            Number of real steps of each row.
        units : Tensor of shape (hidden,)
            Weights of the units in means over them: 0 for spare ones.
        weight : Tensor of shape (n_inputs * hidden, input)
            Weights W of the input.
        bias : Tensor of shape (n_inputs * hidden,)
            Biases b of W x + b.
        vectors : Tensor of shape (n_vectors, hidden)
            Parameters with one number per unit.
        *matrices : Tensor of shape (n_blocks * hidden, hidden)
            Recurrent weights, in the order of the products.

        Returns
        -------
        outputs : Tensor of shape (n_outputs, batch, time, hidden)
            The first states after each step, 0 at padded steps.
        states : Tensor of shape (n_states, batch, hidden)
            All states after each row's last step.
        """
        inputs = (x, states.contiguous(), lengths, units, weight, bias, vectors, *matrices)
        if torch.is_grad_enabled():
            outputs, last = _RecurrenceFunction.apply(self, *inputs)  # type: ignore[no-untyped-call]
            return outputs, last
        run = _run(self, *inputs, is_kept=False)
        return run.paths, run.last

    def prepared(
        self, units: Tensor, weight: Tensor, bias: Tensor, vectors: Tensor, *matrices: Tensor
    ) -> Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]:
        """Return a function of x and states with weights that are laid out once.

        It maps x (batch, time, input), all rows full, to outputs (n_outputs, batch, time, hidden)
        and replaces the states (n_states, batch, hidden) by those after the last step; the bits are
        those of a call.
        """
        product = in_panels(weight.T), in_columns(bias)
        panels = _panels(matrix.T for matrix in matrices)
        fixed = panels, vectors.numpy(), self.constants, units.numpy()
        n_outputs, n_means = self.plan.shape.n_outputs, len(self.plan.means)
        forward = self.loop.forward

        def run(x: NDArray[np.float32], states: NDArray[np.float32]) -> NDArray[np.float32]:
            n_rows, n_steps, n_features = x.shape
            size = states.shape[2]
            outputs = np.empty((n_outputs, n_rows, n_steps, size), np.float32)
            gates = np.empty((n_rows, n_steps, len(bias)), np.float32)
            fill_product(gates.reshape(-1, len(bias)), x.reshape(-1, n_features), *product)
            means = np.empty((n_rows, n_steps, n_means), np.float32)
            filled = gates, np.empty((0, n_rows, n_steps, size), np.float32), means
            forward(False, full_lengths(x), *fixed, *filled, outputs, states)
            return outputs

        return run


@dataclass
class _Run:
    """What a forward pass has filled.

    Parameters
    ----------
    paths : Tensor of shape (n_paths, batch, time, hidden)
        States after each step.
    last : Tensor of shape (n_states, batch, hidden)
        States after each row's last step.
    gates : Tensor of shape (batch, time, n_slots * hidden)
        What the backward loop reads.
    kept_sources : Tensor of shape (n, batch, time, hidden)
        What products have read besides states.
    means : Tensor of shape (batch, time, n_means)
        Means over the units.
    """

    paths: Tensor
    last: Tensor
    gates: Tensor
    kept_sources: Tensor
    means: Tensor


class _RecurrenceFunction(torch.autograd.Function):
    """Forward and backward through time of one layer."""

    @staticmethod
    def forward(ctx: Any, recurrence: CompiledRecurrence, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs and last states."""
        is_kept = any(ctx.needs_input_grad)
        run = _run(recurrence, *inputs, is_kept=is_kept)
        ctx.recurrence, ctx.run = recurrence, run if is_kept else None
        ctx.save_for_backward(*inputs)
        return run.paths[: recurrence.plan.shape.n_outputs], run.last

    @staticmethod
    @first_derivative_only
    def backward(ctx: Any, d_outputs: Tensor, d_last: Tensor) -> Any:
        """Return the gradients of all inputs."""
        inputs = ctx.saved_tensors
        # overwritten by the first backward pass: a second one has to compute it again
        run = ctx.run or _run(ctx.recurrence, *inputs, is_kept=True)
        ctx.run = None
        needs_x = ctx.needs_input_grad[1]
        back = _Backward(ctx.recurrence, run, d_outputs.contiguous(), d_last.clone(), inputs)
        return None, *back.gradients(needs_x)


def _run(
    recurrence: CompiledRecurrence,
    x: Tensor,
    states: Tensor,
    lengths: Tensor,
    units: Tensor,
    weight: Tensor,
    bias: Tensor,
    vectors: Tensor,
    *matrices: Tensor,
    is_kept: bool,
) -> _Run:
    """Run the forward loop over pieces of rows."""
    plan = recurrence.plan
    (n_rows, n_steps, _), size = x.shape, states.shape[2]
    n_inputs = plan.shape.n_inputs * size
    n_slots = plan.n_slots * size if is_kept else n_inputs
    n_paths = len(plan.paths) if is_kept else plan.shape.n_outputs
    panels, input_panels = _panels(matrix.T for matrix in matrices), in_panels(weight.T)
    run = _Run(
        empty_block(n_paths, n_rows, n_steps, size),
        states.clone(),
        empty_block(n_rows, n_steps, n_slots) if is_kept else empty_block(0),
        empty_block(len(plan.kept_sources) * is_kept, n_rows, n_steps, size),
        empty_block(n_rows, n_steps, len(plan.means)),
    )
    fixed = panels, vectors.numpy(), recurrence.constants, units.numpy()

    def run_piece(rows: slice) -> None:
        part = part_of(x, rows)
        gates = part_of(run.gates, rows) if is_kept else scratch_block(len(part), n_steps, n_slots)
        project(part, input_panels, bias, gates[:, :, :n_inputs])
        filled = [gates, run.kept_sources[:, rows], run.means[rows]]
        filled += [run.paths[:, rows], run.last[:, rows]]
        recurrence.loop.forward(is_kept, lengths[rows].numpy(), *fixed, *arrays_of(filled))

    in_shards(run_piece, fixed_pieces(n_rows, size, n_slots * n_steps))
    return run


def _panels(matrices: Iterable[Tensor]) -> tuple[NDArray[np.float32], ...]:
    """Return the panels of matrices; of an empty one if there are none."""
    return tuple(map(in_panels, matrices)) or _NO_PANELS


class _Backward:
    """The backward pass of one layer.

    Parameters
    ----------
    recurrence : CompiledRecurrence
        The cell.
    run : _Run
        What the forward pass has filled; overwritten.
    d_outputs : Tensor of shape (n_outputs, batch, time, hidden)
        Gradient of the outputs.
    d_states : Tensor of shape (n_states, batch, hidden)
        Gradient of the last states; replaced by that of the first ones.
    inputs : tuple of Tensor
        Inputs of the forward pass.
    """

    def __init__(
        self,
        recurrence: CompiledRecurrence,
        run: _Run,
        d_outputs: Tensor,
        d_states: Tensor,
        inputs: tuple[Tensor, ...],
    ) -> None:
        self.plan, self.loop = recurrence.plan, recurrence.loop
        self.run = run
        self.d_outputs, self.d_states = d_outputs, d_states
        self.x, self.starts, self.lengths, units, self.weight, _, vectors, *matrices = inputs
        self.fixed = _panels(matrices), vectors.numpy(), recurrence.constants, units.numpy()
        self.size = self.starts.shape[2]

    def gradients(self, needs_x: bool) -> tuple[Tensor | None, ...]:
        """Return the gradients of all inputs in their order."""
        d_x = empty_block(*self.x.shape) if needs_x else None
        input_panels, zeros = in_panels(self.weight), self.weight.new_zeros(self.x.shape[2])
        n_rows, n_steps, width = self.run.gates.shape

        def run_piece(rows: slice) -> list[Tensor]:
            d_vectors = torch.zeros(self.plan.shape.n_vectors, self.size)
            gates, run = part_of(self.run.gates, rows), self.run
            read = [gates, run.means[rows], self.starts[:, rows], run.paths[:, rows]]
            filled = [self.d_outputs[:, rows], self.d_states[:, rows], d_vectors]
            lengths = self.lengths[rows].numpy()
            self.loop.backward(lengths, *self.fixed, *arrays_of([*read, *filled]))
            d_inputs = gates[:, :, : len(self.weight)]
            if d_x is not None:
                project(d_inputs, input_panels, zeros, part_of(d_x, rows))
            weights = weight_gradient(d_inputs, part_of(self.x, rows))
            return [*weights, d_vectors, *self._matrix_gradients(rows, gates)]

        pieces = in_shards(run_piece, fixed_pieces(n_rows, self.size, width * n_steps))
        return d_x, self.d_states, None, None, *add_up(pieces)

    def _matrix_gradients(self, rows: slice, gates: Tensor) -> list[Tensor]:
        """Return the gradients of the recurrent matrices over a piece of rows."""
        gradients = []
        for number, slots in enumerate(self.plan.block_slots):
            read = self._read(number, rows)
            parts = [
                weight_gradient(gates[:, :, first * self.size : last * self.size], read)[0]
                for first, last in _runs(slots)
            ]
            gradients.append(torch.cat(parts) if len(parts) > 1 else parts[0])
        return gradients

    def _read(self, number: int, rows: slice) -> Tensor:
        """Return what a product has read (batch, time, hidden)."""
        if number in self.plan.kept_sources:
            return self.run.kept_sources[self.plan.kept_sources.index(number), rows]
        state = self.plan.states.index(self.plan.sources[number])
        path = self.run.paths[self.plan.paths.index(state), rows]
        before = empty_block(*path.shape)
        before[:, 1:] = path[:, :-1]
        before[:, :1] = self.starts[state, rows, None]
        return before


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Return the runs of consecutive numbers, each as its first and one more than its last."""
    groups = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    runs = [[number for _, number in group] for _, group in groups]
    return [(run[0], run[-1] + 1) for run in runs]
