"""Digests of rows, which order and split them by content: a fit does not depend on their order.

All copies of a row have the same digest. Integer weights are therefore equivalent to repeated rows,
bit for bit, and a validation split never separates copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from sksequence._batching._sequences import Sequences

Digests = NDArray[np.uint64]
# flat rows, and the offsets of the sequences in them
_Block = tuple[NDArray[np.generic], NDArray[np.int64]]

# numbers read at a time: memory stays bounded with a memory map
_CHUNK_VALUES = 1 << 17
# from so many sequences of equal length on, one copy of all is cheaper than a call for each part
_MIN_JOINED = 16


def content_digests(
    sequences: Sequences,
    targets: NDArray[np.generic],
    weights: NDArray[np.float64] | None,
) -> Digests:
    """Return an 8-byte digest of each sequence's steps, static features, targets and weight.

    It depends on the numbers, not on their type: values in float32 and in float64 have the same.

    Parameters
    ----------
    sequences : Sequences
        The steps, and features that do not change in time.
    targets : ndarray of shape (n_sequences, ...) or (sum of n_steps, ...)
        One row per sequence, or one row per step.
    weights : ndarray of shape (n_sequences,) or None
        Weights that are not turned into repeated rows.
    """
    offsets = sequences.offsets
    per_step = len(targets) == offsets[-1] and len(targets) != len(sequences)
    each = np.arange(len(sequences) + 1)
    blocks: list[_Block] = [(targets, offsets if per_step else each)]
    blocks += [(block, offsets) for block in sequences.blocks]
    blocks += [(block, each) for block in sequences.static_blocks]
    if weights is not None:
        blocks.append((weights, each))
    digests = np.empty(len(sequences), dtype=np.uint64)
    start = 0
    for stop in _chunk_ends(blocks):
        pieces = [
            (block[o[start] : o[stop]], o[start : stop + 1] - o[start]) for block, o in blocks
        ]
        if sequences.values is not None:
            # integers in values are numbers, unlike those in targets and codes
            pieces[1] = pieces[1][0].astype(np.float64, copy=False), pieces[1][1]
        digests[start:stop] = _digests(pieces)
        start = stop
    return digests


def _chunk_ends(blocks: list[_Block]) -> list[int]:
    """Return the ends of runs of sequences with a bounded number of values, or one sequence."""
    ends_of_blocks = [offsets[1:] * (block[:1].size or 1) for block, offsets in blocks]
    n_values: NDArray[np.int64] = np.sum(ends_of_blocks, axis=0)
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
    if are_equal and len(blocks[0][1]) > _MIN_JOINED:
        whole = _digests_of_equal_parts([bytes_ for bytes_, _ in parts], len(blocks[0][1]) - 1)
    else:
        whole = _digests_of_parts([(bytes_, offsets.tolist()) for bytes_, offsets in parts])
    # half of each 16-byte digest is enough
    return np.frombuffer(b"".join(whole), dtype=np.uint64)[::2]


def _canonical(block: NDArray[np.generic]) -> NDArray[np.generic]:
    """Convert equal numbers to equal bytes: float32 to float64, -0.0 to 0.0."""
    if block.dtype.kind == "f":
        return block.astype(np.float64) + 0.0
    return np.ascontiguousarray(block)


def _as_bytes(block: NDArray[np.generic]) -> memoryview:
    return block.reshape(-1).view(np.uint8).data


def _digests_of_equal_parts(parts: list[memoryview], n_sequences: int) -> Iterator[bytes]:
    """Digest sequences of equal size, whose parts are first joined row by row."""
    tables = [np.frombuffer(part, dtype=np.uint8).reshape(n_sequences, -1) for part in parts]
    joint = np.concatenate(tables, axis=1)
    rows, width = _as_bytes(joint), joint.shape[1]
    starts = range(0, len(rows), width)
    return (blake2b(rows[i : i + width], digest_size=16).digest() for i in starts)


def _digests_of_parts(parts: list[tuple[memoryview, list[int]]]) -> Iterator[bytes]:
    for i in range(len(parts[0][1]) - 1):
        digest = blake2b(digest_size=16)
        for part, offsets in parts:
            digest.update(part[offsets[i] : offsets[i + 1]])
        yield digest.digest()


def content_order(digests: Digests) -> NDArray[np.int64]:
    """Return the permutation that sorts rows by content."""
    return np.argsort(digests, kind="stable")


def held_out_rows(
    digests: Digests, groups: NDArray[np.integer], fraction: float, seed: int
) -> NDArray[np.bool_]:
    """Return a mask of validation rows: a fraction of each group, by a seeded hash of content.

    All copies of a row are on one side. A group with a single distinct row stays in training.
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
    """Turn integer weights into repeated rows.

    Weights are first divided by their greatest common divisor. Weights that are not integers, or
    that would make the data more than `limit` times larger, are kept.

    Returns
    -------
    rows : ndarray of int
        Row numbers, some of them repeated.
    weights : ndarray of shape (n_rows,) or None
        Weights that were not turned into repetition.
    """
    rows = np.arange(n_rows)
    if weights is None:
        return rows, None
    if np.all(weights == np.round(weights)) and weights.max() < 2**53:
        counts = weights.astype(np.int64) // np.gcd.reduce(weights.astype(np.int64))
        if counts.sum() <= limit * n_rows:
            return np.repeat(rows, counts), None
    return rows, weights
