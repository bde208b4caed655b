"""Tasks on the sets: estimators, scores, targets, and parameters that belong to the task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator

from . import baselines, loaders, packaged, scores
from .long_steps import OPTIMAL, STEP_LABELS, STEP_NUMBERS
from .noisy import NOISY
from .sensors import SENSORS
from .texts import FEW_WORDS, SPELLING, WORDS
from .walks import MADE_WALKS, REAL_WALKS

Parameters = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A data set with an estimator and its figures.

    Attributes
    ----------
    title : str
        Title in the table.
    load : callable
        Returns the parts of the data; takes a seed if the data are made anew for each.
    estimator : callable
        Class of the estimator.
    score : callable
        Function of (estimator, X, y) that returns a number.
    metric : str
        Name of the score.
    target, grid_target : float or None
        Required test score with defaults, and with the recommended grid; None for none.
    published : str
        Published results.
    budget : float
        Maximum CPU seconds of a fit.
    greater : bool
        Whether higher scores are better.
    stated : dict
        Parameters that are part of the task, or that are changed for it.
    searched : bool
        Whether the recommended grid is searched; otherwise only defaults are fitted.
    baseline : callable or None
        Linear models; a function of (data, estimator class, score).
    naive : callable
        What needs no training, such as the mean of y; a function of the same.
    is_redrawn : bool
        Whether each seed has data of its own.
    fails : bool
        Whether the estimator is a lower bound that must miss the target.
    """

    title: str
    load: Callable[..., loaders.Data]
    estimator: Callable[..., Any]
    score: Callable[[Any, Any, Any], float]
    metric: str
    target: float | None
    grid_target: float | None
    published: str
    budget: float
    greater: bool = True
    stated: Parameters = field(default_factory=dict)
    searched: bool = True
    baseline: Callable[..., dict[str, float]] | None = None
    naive: Callable[..., dict[str, float]] = baselines.constant_baseline
    is_redrawn: bool = False
    fails: bool = False

    def make(self, chosen: Parameters, seed: int) -> Any:
        """Return an unfitted estimator."""
        return self.estimator(**self.stated, **chosen, random_state=seed)

    def data(self, seed: int) -> loaders.Data:
        """Return the parts of the data for a seed."""
        return self.load(seed) if self.is_redrawn else self.load()

    def passes(self, value: float, target: float) -> bool:
        """Tell whether a test score is what was asked for."""
        reached = value >= target if self.greater else value <= target
        return reached != self.fails


_series = partial(
    Task,
    estimator=RNNClassifier,
    score=scores.accuracy,
    metric="accuracy",
    budget=20,
    baseline=baselines.linear_baselines,
)
_numbers = partial(
    Task,
    estimator=RNNRegressor,
    score=scores.root_mean_squared_error,
    metric="RMSE",
    budget=20,
    greater=False,
    baseline=baselines.linear_baselines,
)
_adding = partial(
    Task,
    estimator=RNNRegressor,
    score=scores.mean_squared_error,
    metric="MSE",
    published="variance .177",
    greater=False,
    searched=False,
    baseline=baselines.linear_baselines,
)
_forecast = partial(
    Task,
    estimator=RNNRegressor,
    score=scores.relative_to_last_value,
    metric="error / last value",
    target=1.02,
    grid_target=None,
    published="-",
    budget=20,
    greater=False,
    stated={"residual": "last"},
    searched=False,
    baseline=baselines.difference_baseline,
    naive=baselines.last_value_baseline,
)
_text = partial(
    Task,
    estimator=SequenceGenerator,
    score=scores.nats,
    metric="nats per character",
    greater=False,
    naive=baselines.bigram_baseline,
)
_labelled_text = partial(
    Task,
    estimator=RNNClassifier,
    score=scores.accuracy,
    metric="accuracy",
    target=None,
    grid_target=None,
    published="-",
    budget=30,
    searched=False,
)
_long_steps = partial(
    Task,
    target=None,
    grid_target=None,
    budget=60,
    searched=False,
    baseline=baselines.lagged_baseline,
    naive=baselines.constant_step_baseline,
)
_first_label = partial(
    Task,
    title="first label, lag 300",
    load=partial(loaders.first_label, 300),
    estimator=RNNClassifier,
    score=scores.accuracy,
    metric="accuracy",
    target=0.99,
    grid_target=0.99,
    published="chance .25",
    budget=400,
    searched=False,
)

TASKS: dict[str, Task] = {
    "P1": _series(
        title="JapaneseVowels",
        load=loaders.japanese_vowels,
        target=0.974,
        grid_target=0.978,
        published="TWIESN .965, MLP .976, ESN .981, FCN .993",
        budget=10,
    ),
    "P2": _series(
        title="BasicMotions",
        load=partial(loaders.archive, "BasicMotions"),
        target=0.975,
        grid_target=0.975,
        published="DTW-D .975, ROCKET 1.0",
    ),
    "P3": _series(
        title="ItalyPowerDemand",
        load=partial(loaders.archive, "ItalyPowerDemand"),
        target=0.96,
        grid_target=0.966,
        published="DTW .950, InceptionTime .966, HC2 .970",
        budget=10,
    ),
    "P4": _series(
        title="GunPoint",
        load=partial(loaders.archive, "GunPoint"),
        target=0.95,
        grid_target=0.98,
        published="DTW .907, CNN .967, ResNet .993",
        budget=15,
    ),
    "P5": _series(
        title="PLAID",
        load=partial(loaders.archive, "PLAID"),
        target=0.70,
        grid_target=0.76,
        published="padded: PF .935, HC2 .892, H-InceptionTime .471",
        budget=90,
        stated={"scale": "sequence"},
    ),
    "ArrowHead": _series(
        title="ArrowHead",
        load=partial(loaders.archive, "ArrowHead"),
        target=0.703,
        grid_target=0.75,
        published="DTW .703, ResNet .811, InceptionTime .863",
    ),
    "ACSF1": _series(
        title="ACSF1",
        load=partial(packaged.packaged, "aeon", "ACSF1"),
        target=None,
        grid_target=None,
        published="",
        budget=60,
    ),
    "Coffee": _series(
        title="Coffee",
        load=partial(packaged.table, "Coffee"),
        target=None,
        grid_target=None,
        published="",
    ),
    "PigCVP": _series(
        title="PigCVP",
        load=partial(packaged.table, "PigCVP"),
        target=None,
        grid_target=None,
        published="",
        budget=60,
    ),
    "digits": _series(
        title="digits, 8 steps of 8",
        load=loaders.digits,
        target=0.96,
        grid_target=0.98,
        published="",
    ),
    "Covid3Month": _numbers(
        title="Covid3Month",
        load=partial(loaders.archive, "Covid3Month", numbers=True),
        target=0.0447,
        grid_target=0.0425,
        published="ROCKET .0389, DrCIF .0430, InceptionTime .0548",
    ),
    "Tecator": _numbers(
        title="Tecator",
        load=partial(packaged.packaged, "sktime", "Tecator", numbers=True),
        target=None,
        grid_target=None,
        published="",
    ),
    "P6": Task(
        title="ETTh1, 24 ahead x 7",
        load=partial(loaders.transformer_temperature, 4),
        estimator=RNNRegressor,
        score=scores.mean_squared_error,
        metric="MSE",
        target=0.40,
        grid_target=0.385,
        published="LSTMa .650, Informer .577, repeat-last 1.229",
        budget=120,
        greater=False,
        stated={"residual": "last", "target_columns": "all"},
        baseline=baselines.difference_baseline,
        naive=baselines.last_value_baseline,
    ),
    "P8": Task(
        title="JSB chorales",
        load=loaders.chorales,
        estimator=RNNClassifier,
        score=scores.step_nll,
        metric="nats per step",
        target=8.43,
        grid_target=8.30,
        published="RNN 8.91, LSTM 8.45, GRU 8.43, TCN 8.10",
        budget=120,
        greater=False,
        stated={"bidirectional": False},
        baseline=baselines.chord_baseline,
        naive=baselines.key_baseline,
    ),
    "P9-slots": Task(
        title="Snips, slots",
        load=partial(loaders.utterances, "slots"),
        estimator=RNNClassifier,
        score=scores.span_f1,
        metric="span F1",
        target=0.85,
        grid_target=0.87,
        published="BiLSTM .843, slot-gated .888",
        budget=90,
        stated={"bidirectional": True},
        naive=baselines.slot_baseline,
    ),
    "P9-intent": Task(
        title="Snips, intent",
        load=partial(loaders.utterances, "intent"),
        estimator=RNNClassifier,
        baseline=baselines.word_baseline,
        score=scores.accuracy,
        metric="accuracy",
        target=0.966,
        grid_target=0.97,
        published="BiLSTM .966, slot-gated .970",
        budget=30,
    ),
    "P10": _text(
        title="tiny Shakespeare, characters",
        load=loaders.shakespeare,
        target=1.60,
        grid_target=1.56,
        published="nanoGPT on a CPU 1.88",
        stated={"max_epochs": 8},
        budget=180,
        searched=False,
    ),
    "P10-wide": _text(
        title="tiny Shakespeare, characters",
        load=loaders.shakespeare,
        target=1.45,
        grid_target=1.45,
        published="nanoGPT on a GPU 1.4697",
        stated={"hidden_size": 512, "dropout": 0.5, "max_epochs": 9},
        budget=1800,
        searched=False,
    ),
    "P11": _text(
        title="names, characters",
        load=loaders.names,
        target=1.99,
        grid_target=1.95,
        published="transformer 1.92, bigram 2.45",
        budget=60,
    ),
    **{
        f"P12-{cell}": _adding(
            title="adding problem, T = 100",
            load=partial(loaders.adding_problem, 100),
            stated={"cell": cell},
            target=0.001,
            grid_target=0.001,
            budget=90,
        )
        for cell in ("lstm", "gru")
    },
    "P12-feedforward": _adding(
        title="adding problem, T = 100",
        load=partial(loaders.adding_problem, 100),
        stated={"cell": "feedforward", "bidirectional": False, "frame_length": 1},
        target=0.01,
        grid_target=0.01,
        budget=90,
        fails=True,
    ),
    **{
        f"adding400-{cell}": _adding(
            title="adding problem, T = 400",
            load=partial(loaders.adding_problem, 400),
            stated={"cell": cell, "frame_length": 8},
            target=0.01,
            grid_target=0.01,
            budget=400,
        )
        for cell in ("lstm", "gru")
    },
    **{f"lag-{cell}": _first_label(stated={"cell": cell}) for cell in ("lstm", "gru")},
}

TASKS |= {
    f"sensors-{name}": _series(
        title=f"synthetic sensor logs: {name}",
        load=load,
        target=None,
        grid_target=None,
        published="-",
        searched=False,
    )
    for name, load in SENSORS.items()
}

TASKS |= {
    f"steps-{name}": _long_steps(
        title=f"synthetic long sequences: {name}",
        load=load,
        estimator=estimator,
        score=score,
        metric=metric,
        greater=estimator is RNNClassifier,
        published=OPTIMAL.get(name, "-"),
    )
    for sets, estimator, score, metric in (
        (STEP_LABELS, RNNClassifier, scores.step_accuracy, "accuracy"),
        (STEP_NUMBERS, RNNRegressor, scores.step_mean_squared_error, "MSE"),
    )
    for name, load in sets.items()
}

TASKS |= {
    f"texts-{name}": _labelled_text(title=f"texts: {name}", load=load, baseline=baseline)
    for sets, baseline in (
        (WORDS, baselines.word_baseline),
        (SPELLING, baselines.spelling_baseline),
    )
    for name, load in sets.items()
} | {
    f"texts-{name}": _labelled_text(
        title=f"texts: {name}", load=load, baseline=baselines.word_baseline, is_redrawn=True
    )
    for name, load in FEW_WORDS.items()
}

TASKS |= {
    f"walks-{name}": _forecast(title=f"walks: {name}", load=load, is_redrawn=True)
    for name, load in MADE_WALKS.items()
} | {
    f"walks-{name}": _forecast(title=f"walks: {name}", load=load)
    for name, load in REAL_WALKS.items()
}

TASKS |= {
    f"noisy-{name}": _numbers(
        title=f"noisy: {name}",
        load=load,
        score=scores.mean_squared_error,
        metric="MSE",
        target=None,
        grid_target=None,
        published="-",
        is_redrawn=True,
        searched=False,
    )
    for name, load in NOISY.items()
}

# At most two parameters changed, if a search is too slow or has too few sequences to find them.
_CHANGED: dict[str, Parameters] = {
    "P3": {"learning_rate": 3e-3},
    "P4": {"n_estimators": 5, "frame_length": 16},
    "P6": {"residual": "auto"},
    "P8": {"hidden_size": 200, "batch_size": 4},
}
TASKS |= {
    f"{name}-changed": replace(
        TASKS[name],
        stated=TASKS[name].stated | changes,
        target=TASKS[name].grid_target,
        searched=False,
    )
    for name, changes in _CHANGED.items()
}
