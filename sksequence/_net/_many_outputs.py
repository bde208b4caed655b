"""Losses of large batches with many outputs, a few rows at a time.

The outputs of all steps of a batch for a vocabulary of 100,000 symbols would take gigabytes, and
new memory of that size takes longer to get than to fill. Pieces stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from sksequence._modules import Ensemble, SequenceNetwork

# numbers of a batch of outputs up to which it is computed at once, and numbers of a piece
_LARGEST, _PIECE = 1 << 25, 1 << 21
# in fewer rows, reading the weights takes longer than the products
_FEWEST_ROWS = 64
# as in inference: products of so many rows give each row the same bits
_ROW_MULTIPLE = 16

RowsLoss = Callable[[Tensor, slice], Tensor]


def is_large(n_rows: int, network: SequenceNetwork | Ensemble) -> bool:
    """Check whether the outputs of so many rows are computed in pieces.

    It does not depend on the number of networks of an ensemble: each is trained as if alone.
    """
    return n_rows * network.spec.n_outputs > _LARGEST


def pieces(n_rows: int, n_outputs: int) -> Iterator[slice]:
    """Yield slices of rows."""
    size = max(_FEWEST_ROWS, _PIECE // n_outputs // _ROW_MULTIPLE * _ROW_MULTIPLE)
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size))


def backward_in_pieces(
    network: SequenceNetwork | Ensemble, features: Tensor, loss: RowsLoss, *, keep: bool
) -> tuple[Tensor, Tensor | None]:
    """Compute a loss and its gradients from the inputs of the head.

    Parameters
    ----------
    network : SequenceNetwork or Ensemble
        Its weights get gradients.
    features : Tensor of shape (n_rows, width)
        Inputs of the head.
    loss : callable
        Returns the part of the loss of some rows, from their outputs and their slice.
    keep : bool
        Whether outputs are returned.

    Returns
    -------
    loss : Tensor of shape ()
        Sum of the parts.
    outputs : Tensor of shape (n_rows, n_outputs) or None
        Outputs, if they are kept.
    """
    heads = network.head_inputs(features)
    leaves = [tuple(part.detach().requires_grad_() for part in head) for head in heads]
    total, kept = torch.zeros((), device=features.device), []
    for rows in pieces(len(features), network.spec.n_outputs):
        outputs = _joined([F.linear(x[rows], weight, bias) for x, weight, bias in leaves])
        part = loss(outputs, rows)
        part.backward()  # type: ignore[no-untyped-call]
        total += part.detach()
        if keep:
            kept.append(outputs.detach())
    pairs = [pair for h, l in zip(heads, leaves, strict=True) for pair in zip(h, l, strict=True)]
    trained = [(tensor, leaf.grad) for tensor, leaf in pairs if tensor.requires_grad]
    torch.autograd.backward([t for t, _ in trained], [gradient for _, gradient in trained])
    return total, torch.cat(kept) if keep else None


def loss_in_pieces(
    network: SequenceNetwork | Ensemble, features: Tensor, loss: RowsLoss, *, keep: bool
) -> tuple[Tensor, Tensor | None]:
    """Compute a loss as `backward_in_pieces` does, without gradients."""
    total, kept = torch.zeros((), device=features.device), []
    for rows in pieces(len(features), network.spec.n_outputs):
        outputs = network.outputs(features[rows])
        total += loss(outputs, rows)
        if keep:
            kept.append(outputs)
    return total, torch.cat(kept) if keep else None


def _joined(outputs: Sequence[Tensor]) -> Tensor:
    return outputs[0] if len(outputs) == 1 else torch.cat(list(outputs), dim=1)
