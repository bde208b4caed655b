"""From series and tables to sequences and back, and scikit-learn's transformers at every step."""

from sksequence.preprocessing._channels import from_channels_first, to_channels_first
from sksequence.preprocessing._long import from_long, to_long
from sksequence.preprocessing._padding import from_nan_padded, pad, to_nan_padded, unpad
from sksequence.preprocessing._step_transformer import StepTransformer
from sksequence.preprocessing._windows import make_windows

__all__ = [
    "StepTransformer",
    "from_channels_first",
    "from_long",
    "from_nan_padded",
    "make_windows",
    "pad",
    "to_channels_first",
    "to_long",
    "to_nan_padded",
    "unpad",
]
