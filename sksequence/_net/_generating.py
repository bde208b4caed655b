"""From contexts to continuations: the network's step, handed to the sampling loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    Stepper,
    Uniforms,
    roll_out,
    search_beams,
    select_rows,
    stream_names,
)
from sksequence._losses import DRAWS
from sksequence._net._net import SequenceNet
from sksequence._net._steppers import JointStepper, make_stepper
from sksequence._net._stepping import read_to_the_end, read_together, side_by_side

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
    outputs, state = read_together(net, context)
    stepper = _stepper(net, outputs, state, label, n_drawn)
    stepper.select(rows)
    repeated = [prompts[row] for row in rows.tolist()] if choice.looks_back else []
    return Drawer(stepper, choice, Uniforms(seed, stream_names(prompts, n_samples)), repeated, ends)


def _stepper(
    net: SequenceNet, outputs: Tensor, state: Any, label: int | None, n_drawn: int
) -> Stepper:
    """Return rows that go on from a state; only the first `n_drawn` outputs may come."""
    parts = side_by_side(net, outputs, state)
    if len(parts) == 1:
        return make_stepper(net.module_, outputs[:, :n_drawn], state, label)
    return JointStepper([make_stepper(*part, label) for part in parts], n_drawn)


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
        start = outputs[row[None]], select_rows(state, row[None])
        stepper = _stepper(net, *start, label, n_drawn)
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
        parts = side_by_side(net, *read_to_the_end(net, context, index))
        sources = np.repeat(np.arange(len(index)), n_samples)
        chance = uniforms.of(index, n_samples, n_steps)
        followed = uniforms.choices(index, n_samples, len(parts))
        found = np.empty((len(sources), n_steps, chance.shape[2] // 2))
        for i, part in enumerate(parts):
            rows = np.flatnonzero(followed == i)
            if len(rows):
                going = series.take(index[sources[rows]])
                _roll_out(part, sources[rows], going, chance[rows], DRAWS[loss])
                found[rows] = going.path
        paths.append(found)
    whole = np.concatenate(paths)
    return whole.reshape(len(context), n_samples, *whole.shape[1:])


def _roll_out(
    part: tuple[Any, Tensor, Any],
    sources: NDArray[np.int64],
    going: Any,
    chance: NDArray[np.float64],
    draw: Callable[[Tensor, Tensor], Tensor],
) -> None:
    """Let rows of one network go on from where `sources` stand."""
    network, outputs, state = part
    rows = torch.from_numpy(sources).to(outputs.device)

    def advance(inputs: NDArray[np.float32], state: Any) -> Any:
        values = torch.from_numpy(inputs)[:, None].to(outputs.device)
        return network.advance(lengths=None, values=values, state=state)

    def draw_step(parameters: Tensor, step: int) -> NDArray[Any]:
        numbers = torch.from_numpy(chance[:, step]).to(parameters.device, parameters.dtype)
        return draw(parameters, numbers.view(len(numbers), -1, 2)).cpu().numpy()

    with torch.inference_mode():
        start = outputs[rows], select_rows(state, rows)
        roll_out(advance, *start, draw_step, going.feed, n_steps=chance.shape[1])
