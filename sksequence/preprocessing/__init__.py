"""Preprocessing of sequences: windows, padding, converters, and transformers per step."""

from sksequence.preprocessing._converters import (
    from_channels_first,
    to_channels_first,
)
from sksequence.preprocessing._differencer import Differencer
from sksequence.preprocessing._label_windows import make_label_windows
from sksequence.preprocessing._long_tables import from_long, to_long
from sksequence.preprocessing._on_disk import open_sequences, write_sequences
from sksequence.preprocessing._padding import from_nan_padded, pad, to_nan_padded, unpad
from sksequence.preprocessing._step_transformer import StepTransformer
from sksequence.preprocessing._whole_sequences import FillGaps, SequenceScaler
from sksequence.preprocessing._windows import last_windows, make_windows

__all__ = [
    "Differencer",
    "FillGaps",
    "SequenceScaler",
    "StepTransformer",
    "from_channels_first",
    "from_long",
    "from_nan_padded",
    "last_windows",
    "make_label_windows",
    "make_windows",
    "open_sequences",
    "pad",
    "to_channels_first",
    "to_long",
    "to_nan_padded",
    "unpad",
    "write_sequences",
]
