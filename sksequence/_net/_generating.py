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
from sksequence._random import torch_generator

# paths drawn together: their states bound the memory of a forecast
_MOST_ROWS = 1 << 14


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
    loss: str,
    *,
    n_samples: int,
    n_steps: int,
    seed: int,
) -> NDArray[np.float32]:
    """Draw paths of standardised values, of shape (n_sequences, n_samples, n_steps, n_features)."""
    generator = torch_generator(seed, "sample", net.device)
    at_once = max(1, _MOST_ROWS // n_samples)
    paths = []

    def draw(parameters: Tensor) -> Tensor:
        return DRAWS[loss](parameters, generator)

    advance = partial(_advance_values, net)
    for start in range(0, len(context), at_once):
        index = np.arange(start, min(start + at_once, len(context)))
        outputs, state = _read_all(net, context, index, n_samples)
        with torch.inference_mode():
            paths.append(roll_out(advance, outputs, state, draw, n_steps=n_steps).cpu().numpy())
    return np.concatenate(paths).reshape(len(context), n_samples, n_steps, -1)


def _read_all(
    net: SequenceNet, context: PreparedSequences, index: NDArray[np.int64], n_samples: int
) -> tuple[Tensor, Any]:
    outputs, state = read_to_the_end(net, context, index)
    return repeat_rows(outputs, n_samples), repeat_rows(state, n_samples)


def _advance_values(net: SequenceNet, values: Tensor, state: Any) -> tuple[Tensor, Any]:
    # the mark of a first step is 0 from here on
    inputs = torch.cat([values, torch.zeros_like(values[:, :1])], dim=1)
    outputs, state = net.module_.advance(lengths=None, values=inputs[:, None], state=state)
    return outputs, state
