"""Order rows by their content, so that a fit does not depend on the order of rows.

Copies of a row get the same key, wherever they stand: integer weights then equal repetition bit for bit, and all
copies fall on one side of a validation split.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching._sequences import Sequences

Digests = NDArray[np.void]


def content_digests(
    sequences: Sequences,
    targets: NDArray[Any],
    weights: NDArray[np.float64] | None,
) -> Digests:
    """Return a 16-byte key per sequence over its steps, its length, its targets and its weight.

    It depends on the numbers, not on their type: float32 values give the key of the same float64 values.

    Parameters
    ----------
    sequences : Sequences
        The steps.
    targets : ndarray of shape (n_sequences, ...) or (sum of n_steps, ...)
        One row a sequence, or one row a step.
    weights : ndarray of shape (n_sequences,), default=None
        Weights that will be used as such.
    """
    offsets = sequences.offsets
    per_step = len(targets) == offsets[-1] and len(targets) != len(sequences)
    target_offsets = offsets if per_step else np.arange(len(sequences) + 1)
    blocks = [(np.ascontiguousarray(targets), target_offsets)]
    blocks += [(block, offsets) for block in sequences.blocks]
    if weights is not None:
        blocks.append((np.ascontiguousarray(weights), np.arange(len(sequences) + 1)))
    digests = b"".join(_digest(blocks, i) for i in range(len(sequences)))
    return np.frombuffer(digests, dtype="V16")


def _digest(blocks: list[tuple[NDArray[Any], NDArray[np.int64]]], i: int) -> bytes:
    key = blake2b(digest_size=16)
    for block, offsets in blocks:
        piece = block[offsets[i] : offsets[i + 1]]
        if piece.dtype.kind == "f":
            # equal numbers are equal content: float32 as float64, -0.0 as 0.0
            piece = piece.astype(np.float64) + 0.0
        key.update(len(piece).to_bytes(8, "little"))
        key.update(np.ascontiguousarray(piece).data.cast("B") if piece.size else b"")
    return key.digest()


def content_order(digests: Digests) -> NDArray[np.int64]:
    """Return the permutation that sorts rows by content."""
    return np.argsort(_as_integers(digests), kind="stable")


def _as_integers(digests: Digests) -> NDArray[np.uint64]:
    # the first half of a digest is as good a key as the whole: equal rows have equal halves
    return digests.view(np.uint64).reshape(-1, 2)[:, 0]


def held_out_rows(
    digests: Digests, groups: NDArray[np.integer[Any]], fraction: float, seed: int
) -> NDArray[np.bool_]:
    """Choose the validation rows by a seeded hash of their content, in each group its share.

    Copies of a row fall on one side. A group with a single distinct row stays in training.
    """
    salt = seed.to_bytes(16, "little", signed=True)
    keys, inverse = np.unique(_as_integers(digests), return_inverse=True)
    hashed = np.array(
        [int.from_bytes(blake2b(k.tobytes(), digest_size=8, salt=salt).digest()) for k in keys],
        dtype=np.uint64,
    )
    group_of_key = np.empty(len(keys), dtype=np.int64)
    group_of_key[inverse] = groups
    chosen = np.zeros(len(keys), dtype=bool)
    for group in np.unique(group_of_key):
        members = np.flatnonzero(group_of_key == group)
        n_chosen = min(max(1, round(fraction * len(members))), len(members) - 1)
        chosen[members[np.argsort(hashed[members])][:n_chosen]] = True
    return chosen[inverse]


def expand_weights(
    weights: NDArray[np.float64] | None, n_rows: int, limit: int = 20
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Turn integer weights into repeated rows; return row numbers and the weights that are left.

    Weights are first divided by their common divisor. Where repetition would make the data more than `limit`
    times larger, or where weights are no integers, they stay weights.
    """
    rows = np.arange(n_rows)
    if weights is None:
        return rows, None
    if np.all(weights == np.round(weights)) and weights.max() < 2**53:
        counts = weights.astype(np.int64) // np.gcd.reduce(weights.astype(np.int64))
        if counts.sum() <= limit * n_rows:
            return np.repeat(rows, counts), None
    return rows, weights
