"""A fitted network together with the sequences that it reads, for a look inside.

Rows of steps are those of the network: with frames, one per frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sksequence._batching import PreparedSequences, network_inputs
from sksequence._blueprint import Blueprint, Codec
from sksequence._modules import Ensemble, SequenceNetwork
from sksequence._net._inference import run_network


@dataclass(frozen=True)
class NetworkReading:
    """A network and the sequences that it reads.

    Attributes
    ----------
    network : SequenceNetwork or Ensemble
        Fitted network.
    blueprint : Blueprint
        Everything learnt except for the weights.
    prepared : PreparedSequences
        Scaled and framed input of the network.
    """

    network: SequenceNetwork | Ensemble
    blueprint: Blueprint[Codec]
    prepared: PreparedSequences

    @property
    def members(self) -> list[SequenceNetwork]:
        """The networks of an ensemble, or the only one."""
        return [self.network] if isinstance(self.network, SequenceNetwork) else self.network.members

    @property
    def n_extra(self) -> int:
        """Number of values that the scaler adds to each step."""
        scaler = self.blueprint.scaler
        return 0 if scaler is None else scaler.n_extra

    def inputs(self, index: Sequence[int] | None = None) -> dict[str, Any]:
        """Return some sequences, None for all, as a padded batch on the device of the network."""
        self.network.eval()  # no dropout, as in a prediction
        rows = np.arange(len(self.prepared)) if index is None else np.array(index)
        inputs: dict[str, Any] = network_inputs(self.prepared.gather(rows), self.network.device)
        if inputs["lengths"] is not None:
            inputs["lengths"] = inputs["lengths"].to(self.network.device)
        del inputs["is_blank"]
        return inputs

    def steps_of_frames(self, i: int) -> NDArray[np.int64]:
        """Return the steps of each frame of a sequence, of shape (n_frames, frame_length)."""
        return self.prepared.frames.of_one(int(self.prepared.step_lengths[i]))

    def outputs(self) -> NDArray[np.float32]:
        """Return the outputs, of shape (n_sequences, width) or (sum of n_steps, width)."""
        with self.blueprint.threads():
            return run_network(
                self.network,
                self.network.forward,
                self.prepared,
                per_step=self.blueprint.per_step,
            )

    def outputs_of_steps(self, n_rows: int) -> Iterator[NDArray[np.float32]]:
        """Yield the outputs at all steps, `n_rows` at a time: there may be many symbols."""
        features = self._run(self.network.features)
        for start in range(0, len(features), n_rows):
            rows = torch.from_numpy(features[start : start + n_rows]).to(self.network.device)
            with torch.inference_mode():
                yield self.network.outputs(rows).cpu().numpy()

    def hidden_states(self, layer: int) -> NDArray[np.float32]:
        """Return the outputs of a layer, of shape (sum of n_steps, width)."""
        return self._run(partial(self.network.hidden_states, layer))

    def attention_weights(self) -> NDArray[np.float32]:
        """Return the weights of the attention pooling, of shape (sum of n_steps,)."""
        return self._run(self.network.attention_weights)[:, 0]

    def _run(self, function: Callable[..., Tensor]) -> NDArray[np.float32]:
        with self.blueprint.threads():
            return run_network(self.network, function, self.prepared, per_step=True)
