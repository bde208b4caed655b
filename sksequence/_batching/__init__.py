"""The ragged buffer and the batches cut from it."""

from sksequence._batching._sequences import Sequences, flat_rows, object_array, offsets_of

__all__ = ["Sequences", "flat_rows", "object_array", "offsets_of"]
