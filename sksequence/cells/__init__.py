"""Cells of recurrent networks, with the parameters that belong to each of them alone.

An estimator takes a cell by its name, ``cell="lru"``, or as an object, ``cell=LRU(r_min=0.9)``,
whose parameters can be searched: ``cell__r_min``.
"""

from sksequence._cells import (
    GRU,
    GRUD,
    JANET,
    LEM,
    LRU,
    LSTM,
    MGU,
    RGLRU,
    SLSTM,
    Cell,
    CfC,
    CoupledLSTM,
    EchoState,
    FeedForward,
    IndRNN,
    LinOSS,
    MinGRU,
    MinLSTM,
    PeepholeLSTM,
    ProjectedLSTM,
    SimpleRNN,
)

__all__ = [  # noqa: RUF022 - by name, as in all packages
    "Cell",
    "CfC",
    "CoupledLSTM",
    "EchoState",
    "FeedForward",
    "GRU",
    "GRUD",
    "IndRNN",
    "JANET",
    "LEM",
    "LRU",
    "LSTM",
    "LinOSS",
    "MGU",
    "MinGRU",
    "MinLSTM",
    "PeepholeLSTM",
    "ProjectedLSTM",
    "RGLRU",
    "SLSTM",
    "SimpleRNN",
]
