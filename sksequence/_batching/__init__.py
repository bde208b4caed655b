"""The ragged buffer and the batches cut from it."""

from sksequence._batching._batches import (
    Batch,
    BatchIterator,
    Chunk,
    SequenceDataset,
    Share,
    batch_on_device,
    cut_chunks,
    inference_batches,
    network_inputs,
    on_device,
)
from sksequence._batching._content_digests import (
    content_digests,
    content_order,
    expand_weights,
    held_out_rows,
)
from sksequence._batching._gaps import gaps_of, learn_time_unit, without_gaps
from sksequence._batching._offsets import find_step, flat_rows, object_array, offsets_of
from sksequence._batching._prepared_sequences import (
    STATIC_BLOCKS,
    STEP_BLOCKS,
    Frames,
    PreparedSequences,
)
from sksequence._batching._scaler import (
    LEAST_STD,
    MAX_SCALED,
    MAX_SCALED_LOG,
    Scaler,
    moments_of_each,
)
from sksequence._batching._sequences import Sequences, select_features

__all__ = [
    "LEAST_STD",
    "MAX_SCALED",
    "MAX_SCALED_LOG",
    "STATIC_BLOCKS",
    "STEP_BLOCKS",
    "Batch",
    "BatchIterator",
    "Chunk",
    "Frames",
    "PreparedSequences",
    "Scaler",
    "SequenceDataset",
    "Sequences",
    "Share",
    "batch_on_device",
    "content_digests",
    "content_order",
    "cut_chunks",
    "expand_weights",
    "find_step",
    "flat_rows",
    "gaps_of",
    "held_out_rows",
    "inference_batches",
    "learn_time_unit",
    "moments_of_each",
    "network_inputs",
    "object_array",
    "offsets_of",
    "on_device",
    "select_features",
    "without_gaps",
]
