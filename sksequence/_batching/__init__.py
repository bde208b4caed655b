"""The ragged buffer and the batches cut from it."""

from sksequence._batching._chunks import Chunk, cut_chunks
from sksequence._batching._dataset import (
    Batch,
    BatchIterator,
    SequenceDataset,
    inference_batches,
)
from sksequence._batching._frames import Frames, automatic_frame_length, automatic_frame_step
from sksequence._batching._ordering import (
    content_digests,
    content_order,
    expand_weights,
    held_out_rows,
)
from sksequence._batching._prepared import PreparedSequences
from sksequence._batching._scaling import Scaler
from sksequence._batching._sequences import Sequences, flat_rows, object_array, offsets_of
from sksequence._batching._transfer import on_device

__all__ = [
    "Batch",
    "BatchIterator",
    "Chunk",
    "Frames",
    "PreparedSequences",
    "Scaler",
    "SequenceDataset",
    "Sequences",
    "automatic_frame_length",
    "automatic_frame_step",
    "content_digests",
    "content_order",
    "cut_chunks",
    "expand_weights",
    "flat_rows",
    "held_out_rows",
    "inference_batches",
    "object_array",
    "offsets_of",
    "on_device",
]
