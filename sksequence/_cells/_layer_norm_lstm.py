"""The long short-term memory with layer normalisation of Ba, Kiros & Hinton (2016)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from sksequence._cells._cell import Cell, Parameters, ReadProduct
from sksequence._kernels import V, sigmoid, standardised, tanh

_EPSILON = 1e-5  # as torch.nn.LayerNorm
_GATES = ("input", "forget", "candidate", "output")


class LayerNormLSTM(Cell):
    """Long short-term memory whose sums are normalised over the units of each step.

    N(a) = (a - mean(a)) / std(a), over all units of the four gates together, or of the memory::

        i, f, g, o = p N(W x + w) + q N(U h) + b
        c' = sigmoid(f) c + sigmoid(i) tanh(g)
        h' = sigmoid(o) tanh(r N(c') + s)

    where the gains p, q and r and the shifts b and s have one number per unit. Sums keep their size
    whatever the size of the weights and however many steps have passed, so that gradients neither
    vanish nor explode by it. The paper has no w: with it, sequences of one feature do not lose the
    size of their values.

    =============  ==============================================================================
    Parameters     4 H (F + H + 1) + 14 H for F inputs and H units
    Cost per step  twice that of "peephole_lstm": three means and variances over the units
    Memory         tens to hundreds of steps
    Choose it for  deep or wide networks, high learning rates, features of changing size
    =============  ==============================================================================

    See Also
    --------
    LSTM : The cell without normalisation.

    References
    ----------
    .. [1] Ba, Kiros & Hinton (2016), Layer Normalization, arXiv:1607.06450, equations (20) to (22)
       of the supplementary material.

    Examples
    --------
    >>> from sksequence.cells import LayerNormLSTM
    >>> LayerNormLSTM()
    LayerNormLSTM()
    """

    name: ClassVar[str] = "layer_norm_lstm"
    has_bounded_outputs: ClassVar[bool] = True
    inputs: ClassVar[tuple[str, ...]] = _GATES
    states: ClassVar[tuple[str, ...]] = ("hidden", "memory")
    products: ClassVar[tuple[tuple[str, int], ...]] = (("hh", 4),)
    vectors: ClassVar[tuple[str, ...]] = (
        *(f"gain_inputs_{gate}" for gate in _GATES),
        *(f"gain_hidden_{gate}" for gate in _GATES),
        *(f"shift_{gate}" for gate in _GATES),
        *("gain_memory", "shift_memory"),
    )

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return h' and c'."""
        parts = zip(_GATES, _normalised(inputs), _normalised(product("hh", states[0])), strict=True)
        i, f, g, o = (
            vectors[f"gain_inputs_{gate}"] * x + vectors[f"gain_hidden_{gate}"] * h
            + vectors[f"shift_{gate}"]
            for gate, x, h in parts
        )  # fmt: skip
        memory = sigmoid(f) * states[1] + sigmoid(i) * tanh(g)
        (read,) = _normalised([memory])
        read = vectors["gain_memory"] * read + vectors["shift_memory"]
        return sigmoid(o) * tanh(read), memory

    def shapes(self, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of U, of the gains and of the shifts."""
        of_gates = dict.fromkeys(("gain_inputs", "gain_hidden", "shift"), (4 * hidden_size,))
        of_memory = dict.fromkeys(("gain_memory", "shift_memory"), (hidden_size,))
        return super().shapes(hidden_size) | of_gates | of_memory

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters; gains are 1, shifts 0, and the forget gate starts open."""
        super().initialise(parameters, generator)
        bound = math.sqrt(6.0 / (parameters["weight_ih"].shape[1] + len(parameters["gain_memory"])))
        nn.init.uniform_(parameters["bias"], -bound, bound, generator=generator)
        for name in ("gain_inputs", "gain_hidden", "gain_memory"):
            nn.init.ones_(parameters[name])
        for name in ("shift", "shift_memory"):
            nn.init.zeros_(parameters[name])
        nn.init.ones_(parameters["shift"].chunk(4)[1])

    def loop_vectors(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return gains and shifts, those of the gates one by one."""
        of_gates = {
            f"{name}_{gate}": part
            for name in ("gain_inputs", "gain_hidden", "shift")
            for gate, part in zip(_GATES, parameters[name].chunk(4), strict=True)
        }
        return of_gates | {name: parameters[name] for name in ("gain_memory", "shift_memory")}


def _normalised(blocks: Sequence[V]) -> list[V]:
    """Return blocks of units minus the mean of all, over their standard deviation."""
    return standardised(blocks, _EPSILON)
