"""From contexts to continuations: the network's step, handed to the sampling loops."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching import PreparedSequences
from sksequence._decoding import (
    Beams,
    Choice,
    Drawer,
    Ends,
    SeriesUniforms,
    Uniforms,
    repeat_rows,
    roll_out,
    search_beams,
    select_rows,
)
from sksequence._losses import DRAWS
from sksequence._net._net import SequenceNet
from sksequence._net._steppers import make_stepper
from sksequence._net._stepping import read_to_the_end, read_together

# paths drawn together: their states bound the memory of a forecast
_MOST_ROWS = 1 << 14
_MOST_STEPS = 1 << 22


def continuations(
    net: SequenceNet,
    context: PreparedSequences,
    prompts: Sequence[Sequence[int]],
    choice: Choice,
    ends: Ends,
    *,
    n_drawn: int,
    n_samples: int,
    seed: int,
    label: int | None = None,
) -> list[list[list[int]]]:
    """Draw `n_samples` continuations of each context, as outputs; `prompts` are the contexts as outputs.

    Only the first `n_drawn` outputs may come. `label` is the code that stands beside each symbol of the contexts.
    """
    drawn = draw_from(
        net,
        context,
        prompts,
        choice,
        ends,
        n_drawn=n_drawn,
        n_samples=n_samples,
        seed=seed,
        label=label,
    ).finish()
    return [drawn[i * n_samples : (i + 1) * n_samples] for i in range(len(context))]


def draw_from(
    net: SequenceNet,
    context: PreparedSequences,
    prompts: Sequence[Sequence[int]],
    choice: Choice,
    ends: Ends,
    *,
    n_drawn: int,
    n_samples: int,
    seed: int,
    label: int | None = None,
) -> Drawer:
    """Read the contexts and get ready to draw, each sample from a stream of its own."""
    rows = np.repeat(np.arange(len(context)), n_samples)
    names = [(i, sample) for i in range(len(context)) for sample in range(n_samples)]
    outputs, state = read_together(net, context)
    stepper = make_stepper(net.module_, outputs[:, :n_drawn], state, label)
    stepper.select(rows)
    repeated = [prompts[row] for row in rows.tolist()] if choice.looks_back else []
    return Drawer(stepper, choice, Uniforms(seed, names), repeated, ends)


def likeliest_continuations(
    net: SequenceNet,
    context: PreparedSequences,
    prompts: Sequence[Sequence[int]],
    choice: Choice,
    ends: Ends,
    beams: Beams,
    *,
    n_drawn: int,
    label: int | None = None,
) -> list[list[list[int]]]:
    """Search for the likeliest continuations of each context, as outputs, best first."""
    outputs, state = read_together(net, context)
    found = []
    for row, prompt in zip(torch.arange(len(context), device=outputs.device), prompts, strict=True):
        start = outputs[row[None], :n_drawn], select_rows(state, row[None])
        stepper = make_stepper(net.module_, *start, label)
        found.append(search_beams(stepper, beams, choice, prompt, ends))
    return found


def forecast_paths(
    net: SequenceNet,
    context: PreparedSequences,
    series: Any,
    uniforms: SeriesUniforms,
    loss: str,
    *,
    n_samples: int,
    n_steps: int,
) -> NDArray[np.float64]:
    """Draw paths of shape (n_sequences, n_samples, n_steps, n_features).

    Parameters
    ----------
    series : object
        With a row for each sequence: ``take(rows)``, ``feed(values)`` that returns the next inputs, and ``path``.
    uniforms : SeriesUniforms
        Where chance comes from.
    """
    at_once = max(1, min(_MOST_ROWS, _MOST_STEPS // n_steps) // n_samples)
    paths = []
    for start in range(0, len(context), at_once):
        index = np.arange(start, min(start + at_once, len(context)))
        outputs, state = _read_all(net, context, index, n_samples)
        rows = series.take(np.repeat(index, n_samples))
        chance = uniforms.of(index, n_samples, n_steps)

        def draw(parameters: Tensor, step: int, chance: NDArray[Any] = chance) -> NDArray[Any]:
            numbers = torch.from_numpy(chance[:, step]).to(parameters.device, parameters.dtype)
            return DRAWS[loss](parameters, numbers.view(len(numbers), -1, 2)).cpu().numpy()

        with torch.inference_mode():
            roll_out(
                partial(_advance_values, net), outputs, state, draw, rows.feed, n_steps=n_steps
            )
        paths.append(rows.path)
    whole = np.concatenate(paths)
    return whole.reshape(len(context), n_samples, *whole.shape[1:])


def _read_all(
    net: SequenceNet, context: PreparedSequences, index: NDArray[np.int64], n_samples: int
) -> tuple[Tensor, Any]:
    outputs, state = read_to_the_end(net, context, index)
    return repeat_rows(outputs, n_samples), repeat_rows(state, n_samples)


def _advance_values(
    net: SequenceNet, inputs: NDArray[np.float32], state: Any
) -> tuple[Tensor, Any]:
    values = torch.from_numpy(inputs)[:, None].to(net.device)
    outputs, state = net.module_.advance(lengths=None, values=values, state=state)
    return outputs, state
