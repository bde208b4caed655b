"""Series of numbers: the distribution of the next values, its codec, and forecasts."""

from sksequence._series._linear_base import learn_reference
from sksequence._series._reference import (
    PositiveReference,
    Reference,
    blocks_of_equal_length,
    mean_sizes,
)
from sksequence._series._series_codec import SeriesCodec
from sksequence._series._series_model import SeriesModel, check_forecast_levels
from sksequence._series._series_steps import SeriesReader

__all__ = [
    "PositiveReference",
    "Reference",
    "SeriesCodec",
    "SeriesModel",
    "SeriesReader",
    "blocks_of_equal_length",
    "check_forecast_levels",
    "learn_reference",
    "mean_sizes",
]
