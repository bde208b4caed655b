"""Small bundled data sets with their licences, and synthetic problems that require memory."""

from sksequence.datasets._bundled import (
    load_air_passengers,
    load_japanese_vowels,
    load_shakespeare,
    load_snips,
)
from sksequence.datasets._problems import (
    make_adding_problem,
    make_copy_memory,
    make_first_label,
    make_random_walk,
)

__all__ = [
    "load_air_passengers",
    "load_japanese_vowels",
    "load_shakespeare",
    "load_snips",
    "make_adding_problem",
    "make_copy_memory",
    "make_first_label",
    "make_random_walk",
]
