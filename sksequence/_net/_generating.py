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
from sksequence._decoding import Choice, generate_codes, repeat_rows, roll_out
from sksequence._losses import DRAWS
from sksequence._net._net import SequenceNet
from sksequence._net._stepping import read_to_the_end
from sksequence._random import torch_generator

# paths drawn together: their states bound the memory of a forecast
_MOST_ROWS = 1 << 14


def continuations(
    net: SequenceNet,
    context: PreparedSequences,
    choice: Choice,
    *,
    n_samples: int,
    max_steps: int,
    end: int | None,
    stops: Sequence[Sequence[int]],
    seed: int,
) -> list[list[int]]:
    """Draw `n_samples` continuations of each context, as outputs."""
    outputs, state = _read_all(net, context, np.arange(len(context)), n_samples)
    with torch.inference_mode():
        return generate_codes(
            partial(_advance_codes, net),
            outputs,
            state,
            choice,
            max_steps=max_steps,
            end=end,
            stops=stops,
            generator=torch_generator(seed, "sample", net.device),
        )


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


def _advance_codes(net: SequenceNet, drawn: Tensor, state: Any) -> tuple[Tensor, Any]:
    codes = drawn[:, None, None] + 1  # no output stands for code 0, the unknown symbol
    outputs, state = net.module_.advance(lengths=None, codes=codes, state=state)
    return outputs, state


def _advance_values(net: SequenceNet, values: Tensor, state: Any) -> tuple[Tensor, Any]:
    # the mark of a first step is 0 from here on
    inputs = torch.cat([values, torch.zeros_like(values[:, :1])], dim=1)
    outputs, state = net.module_.advance(lengths=None, values=inputs[:, None], state=state)
    return outputs, state
