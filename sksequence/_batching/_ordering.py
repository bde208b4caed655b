"""Order rows by their content, so that a fit does not depend on the order of rows.

Copies of a row get the same key, wherever they stand: integer weights then equal repetition bit for bit, and all
copies fall on one side of a validation split.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sksequence._batching._sequences import Sequences

Digests = NDArray[np.uint64]
_Block = tuple[NDArray[Any], NDArray[np.int64]]

# Numbers read together: memory stays bounded for a memory map
_CHUNK_VALUES = 1 << 17
# Sequences together that are worth one more copy for fewer calls
_FEW = 16


def content_digests(
    sequences: Sequences,
    targets: NDArray[Any],
    weights: NDArray[np.float64] | None,
) -> Digests:
    """Return an 8-byte key per sequence over its steps, its length, its targets and its weight.

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
    each = np.arange(len(sequences) + 1)
    blocks: list[_Block] = [(targets, offsets if per_step else each)]
    blocks += [(block, offsets) for block in sequences.blocks]
    if weights is not None:
        blocks.append((weights, each))
    digests = np.empty(len(sequences), dtype=np.uint64)
    start = 0
    for stop in _chunk_ends(blocks):
        pieces = [
            (block[o[start] : o[stop]], o[start : stop + 1] - o[start]) for block, o in blocks
        ]
        if (
            sequences.values is not None
        ):  # integers are numbers here, in targets and codes they are not
            pieces[1] = pieces[1][0].astype(np.float64, copy=False), pieces[1][1]
        digests[start:stop] = _digests(pieces)
        start = stop
    return digests


def _chunk_ends(blocks: list[_Block]) -> list[int]:
    """Cut the sequences into runs that hold a bounded number of values, or are one sequence."""
    of_blocks = [offsets[1:] * (block[:1].size or 1) for block, offsets in blocks]
    n_values: NDArray[np.int64] = np.sum(of_blocks, axis=0)
    marks = np.arange(_CHUNK_VALUES, n_values[-1], _CHUNK_VALUES)
    ends = np.unique(np.searchsorted(n_values, marks, side="right"))
    return [*ends[ends > 0].tolist(), len(n_values)]


def _digests(blocks: list[_Block]) -> Digests:
    parts: list[tuple[memoryview, NDArray[np.int64]]] = []
    for block, offsets in blocks:
        counts = np.diff(offsets).astype("<i8")
        parts.append((_as_bytes(counts), np.arange(0, counts.nbytes + 1, 8)))
        block = _canonical(block)
        parts.append((_as_bytes(block), offsets * (block[:1].nbytes or 1)))
    are_equal = all((np.diff(offsets) == offsets[1]).all() for _, offsets in parts)
    if are_equal and len(blocks[0][1]) > _FEW:
        keys = _of_equal_parts([bytes_ for bytes_, _ in parts], len(blocks[0][1]) - 1)
    else:
        keys = _of_parts([(bytes_, offsets.tolist()) for bytes_, offsets in parts])
    # equal rows have equal halves of a digest: one half is as good a key as the whole
    return np.frombuffer(b"".join(keys), dtype=np.uint64)[::2]


def _canonical(block: NDArray[Any]) -> NDArray[Any]:
    """Return equal numbers as equal bytes: float32 as float64, -0.0 as 0.0."""
    if block.dtype.kind == "f":
        return block.astype(np.float64) + 0.0
    return np.ascontiguousarray(block)


def _as_bytes(block: NDArray[Any]) -> memoryview:
    flat: Any = block.reshape(-1).view(np.uint8)
    return memoryview(flat)


def _of_equal_parts(parts: list[memoryview], n_sequences: int) -> Iterator[bytes]:
    """Digest sequences of equal size: their parts are put beside each other first."""
    tables = [np.frombuffer(part, dtype=np.uint8).reshape(n_sequences, -1) for part in parts]
    joint = np.concatenate(tables, axis=1)
    rows, width = _as_bytes(joint), joint.shape[1]
    starts = range(0, len(rows), width)
    return (blake2b(rows[i : i + width], digest_size=16).digest() for i in starts)


def _of_parts(parts: list[tuple[memoryview, list[int]]]) -> Iterator[bytes]:
    for i in range(len(parts[0][1]) - 1):
        key = blake2b(digest_size=16)
        for part, offsets in parts:
            key.update(part[offsets[i] : offsets[i + 1]])
        yield key.digest()


def content_order(digests: Digests) -> NDArray[np.int64]:
    """Return the permutation that sorts rows by content."""
    return np.argsort(digests, kind="stable")


def held_out_rows(
    digests: Digests, groups: NDArray[np.integer[Any]], fraction: float, seed: int
) -> NDArray[np.bool_]:
    """Choose the validation rows by a seeded hash of their content, in each group its share.

    Copies of a row fall on one side. A group with a single distinct row stays in training.
    """
    salt = seed.to_bytes(16, "little", signed=True)
    keys, inverse = np.unique(digests, return_inverse=True)
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
