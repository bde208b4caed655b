"""The sets: what is learnt, what is allowed to be chosen, and what has to be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator

from . import loaders, scores

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A data set with an estimator and its figures.

    Attributes
    ----------
    title : str
        For the table.
    load : callable
        Returns the parts of the data.
    estimator : callable
        The class.
    score : callable
        (estimator, X, y) to a number.
    metric : str
        Its name.
    floor, goal : float
        What the test score has to reach, and what it should.
    published : str
        Figures of others.
    budget : float
        CPU seconds that a fit may take.
    greater : bool
        Whether more is better.
    stated : dict
        Parameters that the task itself states.
    candidates : tuple of dict
        Parameters to choose from, with the training data only.
    fails : bool
        Whether the estimator is there to be beaten: it has to miss the floor.
    """

    title: str
    load: Callable[[], loaders.Data]
    estimator: Callable[..., Any]
    score: Callable[[Any, Any, Any], float]
    metric: str
    floor: float
    goal: float
    published: str
    budget: float
    greater: bool = True
    stated: Parameters = field(default_factory=dict)
    candidates: tuple[Parameters, ...] = ({},)
    fails: bool = False

    def make(self, chosen: Parameters, seed: int) -> Any:
        """Return an estimator that is not yet fitted."""
        return self.estimator(**self.stated, **chosen, random_state=seed)

    def passes(self, value: float) -> bool:
        """Tell whether a test score is what was asked for."""
        reached = value >= self.floor if self.greater else value <= self.floor
        return reached != self.fails


SERIES: tuple[Parameters, ...] = (
    {},
    {"pooling": "last"},
    {"pooling": "mean"},
    {"dropout": 0.3},
    {"batch_size": 8, "max_epochs": 50},
    {"batch_size": 8, "max_epochs": 50, "frame_length": 8, "frame_step": 2},
    {"batch_size": 8, "max_epochs": 50, "frame_length": 16, "frame_step": 4},
)
FORECASTS: tuple[Parameters, ...] = (
    {"cell": "gru", "max_epochs": 5},
    {"cell": "gru", "max_epochs": 5, "scale": "sequence"},
    {"cell": "gru", "max_epochs": 10, "scale": "sequence"},
    {"cell": "gru", "max_epochs": 10, "scale": "sequence", "frame_length": 24, "frame_step": 24},
)
MUSIC: tuple[Parameters, ...] = (
    {},
    {"hidden_size": 200, "batch_size": 8},
    {"hidden_size": 200, "batch_size": 8, "dropout": 0.5},
    {"hidden_size": 200, "batch_size": 4, "dropout": 0.5},
)
WORDS: tuple[Parameters, ...] = (
    {},
    {"dropout": 0.5},
    {"hidden_size": 128, "dropout": 0.5},
)
MEMORY: Parameters = {"bidirectional": False, "frame_length": 1}

_series = partial(
    Task, estimator=RNNClassifier, score=scores.accuracy, metric="accuracy", candidates=SERIES
)
_adding = partial(
    Task,
    load=partial(loaders.adding_problem, 100),
    estimator=RNNRegressor,
    score=scores.mean_squared_error,
    metric="MSE",
    floor=0.01,
    goal=0.001,
    published="variance .177",
    budget=90,
    greater=False,
)
_text = partial(
    Task,
    estimator=SequenceGenerator,
    score=scores.nats,
    metric="nats per character",
    greater=False,
)
_first_label = partial(
    Task,
    load=partial(loaders.first_label, 60),
    estimator=RNNClassifier,
    score=scores.accuracy,
    metric="accuracy",
    floor=0.99,
    goal=1.0,
    published="chance .25",
    budget=60,
    candidates=({"max_epochs": 100},),
)

TASKS: dict[str, Task] = {
    "P1": _series(
        title="JapaneseVowels",
        load=loaders.japanese_vowels,
        floor=0.965,
        goal=0.978,
        published="TWIESN .965, MLP .976, ESN .981, FCN .993",
        budget=20,
        stated={"bidirectional": True},
    ),
    "P2": _series(
        title="BasicMotions",
        load=partial(loaders.archive, "BasicMotions"),
        floor=0.90,
        goal=0.975,
        published="DTW-D .975, ROCKET 1.0",
        budget=20,
    ),
    "P3": _series(
        title="ItalyPowerDemand",
        load=partial(loaders.archive, "ItalyPowerDemand"),
        floor=0.95,
        goal=0.966,
        published="DTW .950, InceptionTime .966, HC2 .970",
        budget=10,
    ),
    "P4": _series(
        title="GunPoint",
        load=partial(loaders.archive, "GunPoint"),
        floor=0.90,
        goal=0.98,
        published="DTW .907, CNN .967, ResNet .993",
        budget=15,
    ),
    "P5": _series(
        title="PLAID",
        load=partial(loaders.archive, "PLAID"),
        floor=0.65,
        goal=0.76,
        published="padded: PF .935, HC2 .892, H-InceptionTime .471",
        budget=90,
        stated={"scale": "sequence"},
        candidates=({}, {"dropout": 0.3}, {"hidden_size": 128}),
    ),
    "digits": _series(
        title="digits, 8 steps of 8",
        load=loaders.digits,
        floor=0.96,
        goal=0.98,
        published="",
        budget=20,
        candidates=({}, {"dropout": 0.3}),
    ),
    "P6": Task(
        title="ETTh1, 24 ahead x 7",
        load=partial(loaders.transformer_temperature, 4),
        estimator=RNNRegressor,
        score=scores.mean_squared_error,
        metric="MSE",
        floor=0.60,
        goal=0.385,
        published="LSTMa .650, Informer .577, repeat-last 1.229",
        budget=120,
        greater=False,
        stated={"residual": "last"},
        candidates=FORECASTS,
    ),
    # P7 (AirPassengers) comes here
    "P8": Task(
        title="JSB chorales",
        load=loaders.chorales,
        estimator=RNNClassifier,
        score=scores.step_nll,
        metric="nats per step",
        floor=8.80,
        goal=8.30,
        published="RNN 8.91, LSTM 8.45, GRU 8.43, TCN 8.10",
        budget=120,
        greater=False,
        stated={"bidirectional": False},
        candidates=MUSIC,
    ),
    "P9-slots": Task(
        title="Snips, slots",
        load=partial(loaders.utterances, "slots"),
        estimator=RNNClassifier,
        score=scores.span_f1,
        metric="span F1",
        floor=0.82,
        goal=0.87,
        published="BiLSTM .843, slot-gated .888",
        budget=90,
        stated={"bidirectional": True},
        candidates=WORDS,
    ),
    "P9-intent": Task(
        title="Snips, intent",
        load=partial(loaders.utterances, "intent"),
        estimator=RNNClassifier,
        score=scores.accuracy,
        metric="accuracy",
        floor=0.955,
        goal=0.97,
        published="BiLSTM .966, slot-gated .970",
        budget=30,
        candidates=WORDS,
    ),
    "P10": _text(
        title="tiny Shakespeare, characters",
        load=loaders.shakespeare,
        floor=1.70,
        goal=1.56,
        published="nanoGPT on a CPU 1.88",
        budget=180,
        candidates=({"hidden_size": 256, "max_epochs": 9},),
    ),
    "P11": _text(
        title="names, characters",
        load=loaders.names,
        floor=2.10,
        goal=1.95,
        published="transformer 1.92, bigram 2.45",
        budget=60,
        candidates=({}, {"max_epochs": 20, "dropout": 0.1}, {"max_epochs": 20, "dropout": 0.25}),
    ),
    "P12-lstm": _adding(title="adding problem, T = 100", stated=MEMORY),
    "P12-gru": _adding(title="adding problem, T = 100", stated=MEMORY | {"cell": "gru"}),
    "P12-feedforward": _adding(
        title="adding problem, T = 100",
        stated=MEMORY | {"cell": "feedforward"},
        fails=True,
    ),
    "lag-lstm": _first_label(title="first label, lag 60", stated=MEMORY | {"pooling": "last"}),
    "lag-rnn": _first_label(
        title="first label, lag 60", stated=MEMORY | {"pooling": "last", "cell": "rnn"}
    ),
}
