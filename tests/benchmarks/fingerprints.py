"""Fingerprints of results: `python -m tests.benchmarks.fingerprints [NAME ...]`.

Prints one line per configuration, `name sha256`. Each hash covers all numbers and texts that a user
can get from it through the public API. Equal lines before and after a change mean that results have
stayed the same, bit for bit, on one machine with the same versions of the dependencies. A NAME
selects all configurations that begin with it.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import LRScheduler

from sksequence import (
    RNNClassifier,
    RNNRegressor,
    SequenceGenerator,
    Sequences,
    datasets,
    metrics,
    preprocessing,
)
from sksequence.cells import GRU, LSTM, FeedForward, SimpleRNN
from sksequence.inspection import ForecastDisplay, GenerationDisplay, LossCurveDisplay
from sksequence.model_selection import recommended_grid

# --- hashing --------------------------------------------------------------------------------------


def pieces(value: object) -> Iterator[bytes]:
    """Yield the bytes that identify a value: its type, its shape and its content."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, Sequences):
        value = {"values": value.values, "codes": value.codes, "offsets": value.offsets}
    if isinstance(value, pd.DataFrame):
        value = {str(name): value[name].to_numpy() for name in value}
    if isinstance(value, np.ndarray):
        yield f"array {value.dtype.str} {value.shape} ".encode()
        if value.dtype != object:
            yield value.tobytes()
            return
        value = value.ravel().tolist()
    if isinstance(value, dict):
        value = sorted(value.items(), key=lambda item: repr(item[0]))
    if isinstance(value, list | tuple):
        yield f"{len(value)} items ".encode()
        for item in value:
            yield from pieces(item)
    elif value is None or isinstance(value, bool | int | float | str | np.generic):
        yield f"{type(value).__name__} {value!r} ".encode()
    else:
        raise TypeError(f"{type(value).__name__} has no fingerprint; return numbers or texts.")


def digest(value: object) -> str:
    """Return the SHA-256 of a value."""
    sha = hashlib.sha256()
    for piece in pieces(value):
        sha.update(piece)
    return sha.hexdigest()


# --- data -----------------------------------------------------------------------------------------


def ragged(n: int = 14, width: int = 2) -> list[np.ndarray]:
    """Return sequences of 3 to 9 steps."""
    rng = np.random.default_rng(0)
    return [rng.normal(size=(steps, width)) for steps in rng.integers(3, 10, n)]


def cube(n: int = 14, steps: int = 20, width: int = 2) -> np.ndarray:
    """Return sequences of equal length."""
    return np.random.default_rng(1).normal(size=(n, steps, width))


def table(n: int = 14, steps: int = 10) -> np.ndarray:
    """Return sequences of one feature, one per row."""
    return cube(n, steps, 1)[:, :, 0]


def data_frame() -> pd.DataFrame:
    """Return a table with names of columns."""
    return pd.DataFrame(table(), columns=[f"t{i}" for i in range(10)])


def integers(*shape: int) -> np.ndarray:
    """Return symbols from 0 to 5."""
    return np.random.default_rng(2).integers(0, 6, shape)


def texts(n: int = 14) -> list[str]:
    """Return short texts of words and punctuation."""
    rng = np.random.default_rng(3)
    words = ["the", "cat", "sat,", "on", "a", "mat.", "big", "dog"]
    return [" ".join(rng.choice(words, size)) for size in rng.integers(1, 6, n)]


def tokens() -> list[list[str]]:
    """Return lists of tokens."""
    return [text.split() for text in texts()]


def labels(n: int = 14, kinds: str = "abc") -> np.ndarray:
    """Return one label per sequence."""
    return np.array(list(kinds))[np.arange(n) % len(kinds)]


def numbers(n: int = 14, *width: int) -> np.ndarray:
    """Return one target per sequence, or several."""
    return 10 + 3 * np.random.default_rng(4).normal(size=(n, *width))


def step_labels() -> list[list[str]]:
    """Return one label per step of `ragged`."""
    return [["up" if value > 0 else "down" for value in x[:, 0]] for x in ragged()]


def partly_labelled() -> list[list[str | None]]:
    """Leave every third step without a label."""
    return [[None if i % 3 == 1 else y for i, y in enumerate(row)] for row in step_labels()]


def step_numbers(width: int | None = None) -> list[np.ndarray]:
    """Return one target per step of `ragged`, or several."""
    return [x.cumsum(axis=0)[:, 0 if width is None else slice(width)] for x in ragged()]


def partly_known() -> list[np.ndarray]:
    """Leave every fourth step without a number."""
    return [np.where(np.arange(len(y)) % 4 == 1, np.nan, y) for y in step_numbers()]


def panel(n: int = 12, steps: int = 36, width: int | None = None) -> np.ndarray:
    """Return seasonal series of different size."""
    rng = np.random.default_rng(5)
    season = np.sin(np.arange(steps) * np.pi / 3)[:, None] + 0.2 * rng.normal(size=(n, steps, 2))
    series = 10 + season * np.exp(rng.normal(size=(n, 1, 2)))
    return series[:, :, 0] if width is None else series[:, :, :width]


def windows(width: int | None = None, targets: object = None) -> tuple[np.ndarray, np.ndarray]:
    """Return windows of two seasons and the three steps that follow each."""
    series = list(panel(2, 40, width))
    return preprocessing.make_windows(series, 12, 3, step=2, target_columns=targets)


class Letters:
    """Tokenizer of pairs of letters."""

    def encode(self, text: str) -> list[int]:
        """Return one id for every two characters."""
        padded = text + " " * (len(text) % 2)
        return [ord(a) * 256 + ord(b) for a, b in zip(padded[::2], padded[1::2], strict=True)]

    def decode(self, ids: list[int]) -> str:
        """Return the characters of ids."""
        return "".join(chr(i // 256) + chr(i % 256) for i in ids)


class Leaky(torch.nn.Module):
    """Leaky integrator, a user's cell with a step."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(input_size, hidden_size)

    def step(
        self, x: torch.Tensor, state: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return output and state after one step."""
        state = torch.tanh(self.inner(x)) if state is None else 0.5 * state + self.inner(x).tanh()
        return state, state

    def forward(
        self, x: torch.Tensor, state: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Step through time."""
        outputs = []
        for now in x.unbind(1):
            output, state = self.step(now, state)
            outputs.append(output)
        return torch.stack(outputs, 1), state


# --- results --------------------------------------------------------------------------------------

OF_X = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "predict_quantiles",
    "predict_std",
    "transform",
    "score_samples",
    "score_steps",
    "perplexity",
    "predict_label",
    "predict_label_proba",
)
SMALL = {"hidden_size": 8, "max_epochs": 3, "random_state": 0}


def learnt(model: object) -> dict[str, object]:
    """Return the fitted attributes and the weights, whatever names the weights have."""
    names = [name for name in dir(model) if name.endswith("_") and not name.startswith("_")]
    found = {n: getattr(model, n) for n in names if n not in ("net_", "module_")}
    weights = sorted(digest(tensor) for tensor in model.module_.state_dict().values())
    return found | {"weights": weights}


def asked(model: object, X: object) -> dict[str, object]:
    """Return the results of all methods that take X alone, for all sequences and for the first."""
    names = [name for name in OF_X if hasattr(model, name)]
    return {name: [getattr(model, name)(some) for some in (X, X[:1])] for name in names}


def supervised(
    model: object, X: object, y: object, weights: object = None, **parameters: object
) -> object:
    """Fit with y and return everything that is learnt and predicted."""
    model = model(**(SMALL | parameters)).fit(X, y, sample_weight=weights)
    names = model.get_feature_names_out()
    score = model.score(X, y), model.score(X, y, sample_weight=weights)
    return learnt(model), asked(model, X), names, score


def by_parts(model: object, X: object, y: object, **first: object) -> object:
    """Train batch by batch, before and after a pickle; `first` goes to the first call."""
    model, halves = clone(model), (slice(7), slice(7, None))
    (one, of_one), (two, of_two) = ((X[rows], None if y is None else y[rows]) for rows in halves)
    model.partial_fit(one, of_one, **first).partial_fit(two, of_two)
    loaded = pickle.loads(pickle.dumps(model))
    before = asked(loaded, X)
    return before, learnt(loaded.partial_fit(X, y)), asked(loaded, X), learnt(model)


def warm(model: object, X: object, y: object) -> object:
    """Fit, go on with more epochs, and once more after a pickle."""
    model = clone(model).set_params(warm_start=True).fit(X, y)
    once = learnt(model)
    twice = learnt(model.set_params(max_epochs=4).fit(X, y))
    loaded = pickle.loads(pickle.dumps(model))
    return once, twice, learnt(loaded.fit(X, y)), asked(loaded, X)


def pickled(model: object, X: object, y: object) -> object:
    """Return the predictions of a fitted model after a pickle, and those of a clone fitted anew."""
    loaded = pickle.loads(pickle.dumps(clone(model).fit(X, y)))
    return learnt(loaded), asked(loaded, X), asked(clone(loaded).fit(X, y), X)


def searched(model: object, X: object, y: object) -> object:
    """Return the recommended candidates, and the scores of two of them."""
    grid = recommended_grid(model, X, y)
    search = GridSearchCV(model, grid[:2], cv=2).fit(X, y)
    return grid, search.cv_results_["mean_test_score"], asked(search.best_estimator_, X)


def continuations(model: SequenceGenerator, X: list[object], **condition: object) -> object:
    """Return what a generator writes in each way."""
    begin, other = X[0][:2], X[-1][:1]
    return (
        model.generate(begin, max_steps=20, random_state=0, **condition),
        model.generate([begin, other], n_samples=2, max_steps=9, random_state=1, **condition),
        model.generate(None, n_samples=2, num_beams=3, max_steps=8, **condition),
        list(model.stream(begin, max_steps=9, random_state=2, **condition)),
        model.top_choices([begin, other], k=4, **condition),
    )


def symbols(X: list[object], y: object = None, **parameters: object) -> object:
    """Fit a generator of symbols, and return what it learns, predicts and generates."""
    model = SequenceGenerator(**(SMALL | parameters)).fit(X, y)
    conditions = [{"label": label} for label in getattr(model, "classes_", ())] or [{}]
    written = [continuations(model, X, **condition) for condition in conditions]
    scores = [model.score(X, of) for of in (None, y)]
    samples = model.sample(4, random_state=0)
    return learnt(model), asked(model, X), written, scores, samples


def series(X: object, **parameters: object) -> object:
    """Fit a generator of numbers, and return what it learns, predicts and forecasts."""
    model = SequenceGenerator(**(SMALL | parameters)).fit(X)
    forecast = model.forecast(X, 4, n_samples=5, quantiles=(0.1, 0.7), random_state=0)
    alone = model.forecast(X[:1], 9, n_samples=3, random_state=1)
    samples = model.sample(3, random_state=0)
    return learnt(model), asked(model, X), model.score(X), dict(forecast), dict(alone), samples


def known_columns(columns: object, **parameters: object) -> object:
    """Forecast series with features that are known beforehand."""
    X = np.concatenate([panel(width=2), panel(width=1)[:, ::-1]], axis=2)
    model = SequenceGenerator(**(SMALL | {"known_columns": columns} | parameters)).fit(X)
    future = cube(len(X), 4, np.size(columns))
    forecast = model.forecast(X, 4, n_samples=5, future=future, random_state=0)
    return learnt(model), model.score_samples(X), list(model.score_steps(X)), dict(forecast)


@cache
def writer(**parameters: object) -> SequenceGenerator:
    """Return a fitted generator of texts."""
    return SequenceGenerator(**(SMALL | {"max_epochs": 25} | parameters)).fit(texts(30))


def written(rules: dict[str, object], **parameters: object) -> object:
    """Generate with sampling rules: one prompt, several, and a stream."""
    model = writer(**parameters)
    one = model.generate("the ", n_samples=4, max_steps=25, random_state=0, **rules)
    several = model.generate(["the", "", "a big"], max_steps=15, random_state=1, **rules)
    return one, several, list(model.stream("on a", max_steps=25, random_state=2, **rules))


def searched_beams(**options: object) -> object:
    """Generate by beam search."""
    found = [writer().generate(p, max_steps=15, **options) for p in ("the", ["a ", "on", ""])]
    return found, writer(cell="gru").generate("the", n_samples=2, max_steps=15, **options)


def long_text(**parameters: object) -> object:
    """Learn one text that is cut into parallel streams."""
    X = [" ".join(texts(60))]
    return symbols(X, **({"tbptt_steps": 8, "batch_size": 4, "max_epochs": 2} | parameters))


def unseen() -> object:
    """Return the answers to empty texts, to symbols that were never seen, and to other lengths."""
    X = ["", "x", "the cat's zoo " * 3, "the"]
    classifier = RNNClassifier(**SMALL).fit(texts(), labels())
    regressor = RNNRegressor(**SMALL).fit(ragged(), numbers())
    generator = SequenceGenerator(**SMALL).fit(panel(width=1))
    rare = writer(max_features=6)
    of_rare = asked(rare, X), rare.generate(X, max_steps=9, random_state=0), rare.top_choices(X)
    longer = generator.forecast(panel(5, 80, 1), 20, n_samples=3, random_state=0)
    shorter = generator.forecast(panel(2, 3, 1), 2, n_samples=3, random_state=0)
    of_texts = asked(writer(), X), writer().generate(X, max_steps=9, random_state=0)
    of_others = asked(classifier, X[1:]), asked(regressor, [x[::-1] for x in ragged(20)])
    return of_texts, of_rare, of_others, dict(longer), dict(shorter)


# --- public packages ------------------------------------------------------------------------------


def prepared() -> object:
    """Return the results of all functions of `preprocessing`."""
    X = ragged()
    array, lengths = preprocessing.pad(X)
    frame = preprocessing.to_long(X, ids=[f"s{i}" for i in range(len(X))])
    scaler = preprocessing.StepTransformer(StandardScaler()).fit(X)
    scaled = scaler.transform(X)
    return (
        (array, lengths, preprocessing.unpad(array, lengths)),
        preprocessing.from_nan_padded(preprocessing.to_nan_padded(X)),
        preprocessing.from_channels_first(cube()),
        preprocessing.to_channels_first(cube()),
        (frame, *preprocessing.from_long(frame, *frame.columns[:2])),
        (scaled, scaler.inverse_transform(scaled), scaler.get_feature_names_out()),
        windows(2, [1]),
    )


def measured() -> object:
    """Return the values of all metrics."""
    known, found = step_numbers(), partly_known()
    tags = [["B-PER", "I-PER", "O"], ["B-LOC", "O"]], [["B-PER", "O", "O"], ["B-LOC", "O"]]
    train = panel(1)[0]
    return (
        metrics.step_accuracy_score(partly_labelled(), step_labels()),
        metrics.step_f1_score(partly_labelled(), step_labels(), average="macro"),
        metrics.step_mean_squared_error(found, [y + 1 for y in known]),
        metrics.step_mean_absolute_error(found, [y * 2 for y in known]),
        metrics.stepwise(mean_pinball_loss)(found, [y + 1 for y in known], alpha=0.2),
        metrics.span_f1_score(*tags),
        metrics.mean_absolute_scaled_error(train[:5], train[1:6], y_train=train),
        metrics.perplexity([-3.0, -4.0], n_steps=[2, 3]),
    )


def generated_problems() -> object:
    """Return the generated and the bundled data sets."""
    return (
        datasets.make_adding_problem(5, n_steps=8, random_state=0),
        datasets.make_copy_memory(5, random_state=0),
        datasets.make_first_label(5, random_state=0),
        datasets.make_random_walk(3, n_steps=20, random_state=0),
        datasets.load_japanese_vowels(split="test", return_X_y=True),
        datasets.load_air_passengers().data,
        datasets.load_shakespeare(split="test").data,
    )


def coloured() -> object:
    """Return the surprise of each symbol, as numbers and as text."""
    display = GenerationDisplay.from_estimator(writer(), texts()[:3])
    shown = display.html(), display.text(), display.text(color=False)
    return display.symbols, display.perplexities, display.perplexity_by_position, shown


def displayed() -> object:
    """Return the numbers that the displays of training and of forecasts hold and draw."""
    model = SequenceGenerator(**SMALL).fit(panel())
    curve = LossCurveDisplay.from_estimator(model)
    forecast = ForecastDisplay.from_estimator(model, panel()[:2], 4, random_state=0)
    lines = [*curve.lines_, *(line for ax in forecast.axes_.flat for line in ax.lines)]
    return [np.asarray(line.get_xydata()) for line in lines]


# --- configurations -------------------------------------------------------------------------------

Options = dict[str, dict[str, object]]
Cases = dict[str, tuple[object, dict[str, object]]]
CLASSES = ragged(), labels()
STEPS = ragged(), step_labels()
NUMBERS = ragged(), numbers()
STEP_NUMBERS = ragged(), step_numbers()
WINDOWS = windows()
CONTAINERS = Sequences.from_arrays(ragged()), Sequences.from_arrays([x > 0 for x in step_numbers()])
FRACTIONS = np.linspace(0.1, 2.0, 14)

SHARED: Options = {
    "lstm": {},
    "rnn-tanh": {"cell": "rnn"},
    "rnn-relu": {"cell": SimpleRNN(activation="relu")},
    "rnn-sigmoid": {"cell": SimpleRNN(activation="sigmoid"), "bidirectional": False},
    "gru": {"cell": "gru", "bidirectional": False},
    "feedforward": {"cell": FeedForward(context_size=2)},
    "feedforward-relu": {"cell": FeedForward(activation="relu"), "num_layers": 2},
    "own-cell": {"cell": Leaky},
    "torch-gru": {"cell": torch.nn.GRU, "bidirectional": True},
    "wide": {"cell": "gru", "hidden_size": 260, "max_epochs": 1},
    "stacked": {"num_layers": 2, "dropout": 0.3},
    "merge-sum": {"merge_mode": "sum", "num_layers": 2},
    "merge-mean": {"merge_mode": "mean", "cell": "gru"},
    "merge-mul": {"merge_mode": "mul", "cell": "rnn"},
    "pool-last": {"pooling": "last"},
    "pool-mean": {"pooling": "mean"},
    "pool-max": {"pooling": "max", "cell": "gru"},
    "pool-attention": {"pooling": "attention"},
    "dropout": {"dropout": 0.4},
    "recurrent-dropout": {"recurrent_dropout": 0.3, "cell": "gru"},
    "chrono": {"cell": LSTM(chrono_steps=20)},
    "chrono-gru": {"cell": GRU(chrono_steps=20)},
    "ensemble": {"n_estimators": 2},
    "ensemble-deep": {"n_estimators": 2, "num_layers": 2, "cell": "gru", "dropout": 0.2},
    "ensemble-attention": {"n_estimators": 2, "pooling": "attention", "cell": "rnn"},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1},
    "adam-decay": {"weight_decay": 0.01},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.05},
    "rmsprop": {"optimizer": "rmsprop"},
    "cosine": {"lr_schedule": "cosine"},
    "linear": {"lr_schedule": "linear", "batch_size": 5},
    "constant": {"lr_schedule": None, "batch_size": 4},
    "unclipped": {"max_grad_norm": None, "batch_size": 4},
    "clipped": {"max_grad_norm": 0.05, "batch_size": 4},
    "tbptt": {"tbptt_steps": 3},
    "tbptt-ensemble": {"tbptt_steps": 3, "n_estimators": 2, "cell": "gru"},
    "unshuffled": {"shuffle": False, "batch_size": 4},
    "stop-random": {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 1},
    "stop-last": {"early_stopping": True, "validation_split": "last", "validation_fraction": 0.3},
    "stop-soon": {"early_stopping": True, "n_iter_no_change": 1, "tol": 0.1, "max_epochs": 12},
    "scale-sequence": {"scale": "sequence"},
    "unscaled": {"scale": False},
    "integer-weights": {"weights": np.arange(14) % 3},
    "fractional-weights": {"weights": FRACTIONS},
}
BY_STEP = (
    *("lstm", "gru", "rnn-relu", "feedforward", "own-cell", "torch-gru", "stacked", "merge-mul"),
    *("recurrent-dropout", "ensemble-deep", "tbptt", "tbptt-ensemble", "unshuffled"),
    *("stop-random", "stop-last", "scale-sequence", "integer-weights", "fractional-weights"),
)
CLASSIFIER: Cases = {
    "binary": ((ragged(), labels(kinds="yn")), {}),
    "numbers-as-labels": ((ragged(), integers(14)), {}),
    "multilabel": ((ragged(), integers(14, 3) % 2), {"label_smoothing": 0.1}),
    "multilabel-ensemble": ((ragged(), integers(14, 3) % 2), {"n_estimators": 2}),
    "balanced": ((ragged(), labels(kinds="aab")), {"class_weight": "balanced"}),
    "class-weights": (CLASSES, {"class_weight": {"a": 3.0, "c": 0.5}, "weights": FRACTIONS}),
    "smoothed": (CLASSES, {"label_smoothing": 0.2}),
    "smoothed-ensemble": (CLASSES, {"label_smoothing": 0.2, "n_estimators": 2}),
    "automatic-sizes": (CLASSES, {"hidden_size": "auto", "dropout": "auto"}),
    "frames-auto": ((cube(14, 60), labels()), {}),
    "frames": ((cube(), labels()), {"frame_length": 6, "frame_step": 2}),
    "frames-ragged": (CLASSES, {"frame_length": 4, "frame_step": 3, "cell": "gru"}),
    "cube": ((cube(), labels()), {}),
    "table": ((table(), labels()), {}),
    "data-frame": ((data_frame(), labels()), {}),
    "sequences": ((Sequences.from_arrays(ragged()), labels()), {}),
    "lists": ((table().tolist(), labels().tolist()), {}),
    "tensor": ((torch.from_numpy(cube()), labels()), {}),
    "booleans": ((ragged(), labels() == "a"), {"random_state": np.random.RandomState(3)}),
    "float32": ((cube().astype(np.float32), labels()), {"scale": "sequence"}),
    "characters": ((texts(), labels()), {}),
    "words": ((texts(), labels()), {"analyzer": "word"}),
    "tokenizer": ((texts(), labels()), {"analyzer": Letters()}),
    "callable-analyzer": ((texts(), labels()), {"analyzer": str.split}),
    "tokens": ((tokens(), labels()), {"embedding_dim": 5}),
    "integers": ((integers(14, 9), labels()), {"embedding_dim": 4}),
    "integer-columns": ((integers(14, 9, 2), labels()), {"embedding_dim": 4}),
    "steps-partly": ((ragged(), partly_labelled()), {}),
    "steps-balanced": ((ragged(), partly_labelled()), {"class_weight": "balanced"}),
    "steps-smoothed": (STEPS, {"label_smoothing": 0.1}),
    "steps-array": ((cube(), integers(14, 20)), {"target": "steps"}),
    "steps-multilabel": ((cube(), integers(14, 20, 3) % 2), {"target": "steps"}),
    "steps-sequences": (CONTAINERS, {}),
    "steps-tokens": ((tokens(), [[w[0] for w in row] for row in tokens()]), {}),
    "steps-automatic-sizes": (STEPS, {"hidden_size": "auto", "dropout": "auto"}),
    "callback": (
        CLASSES,
        {"lr_schedule": None, "callbacks": [LRScheduler("StepLR", step_size=1, gamma=0.5)]},
    ),
}
REGRESSOR: Cases = {
    "several": ((ragged(), numbers(14, 2)), {}),
    "several-ensemble": ((ragged(), numbers(14, 2)), {"n_estimators": 2, "loss": "student_t"}),
    "integers": ((integers(14, 9), numbers()), {"embedding_dim": 4}),
    "texts": ((texts(), numbers()), {"analyzer": "word"}),
    "column": ((ragged(), numbers(14, 1)), {}),
    "levels": (NUMBERS, {"loss": "quantile", "quantiles": (0.05, 0.3, 0.6, 0.99)}),
    "levels-gaussian": (NUMBERS, {"loss": "gaussian", "quantiles": (0.05, 0.99)}),
    "frames-auto": ((cube(14, 60), numbers()), {}),
    "data-frame": ((data_frame(), numbers()), {}),
    "steps-partly": ((ragged(), partly_known()), {}),
    "steps-several": ((ragged(), step_numbers(2)), {"loss": "gaussian"}),
    "steps-array": ((cube(), cube(14, 20, 1)[:, :, 0]), {"target": "steps"}),
    "windows": (WINDOWS, {}),
    "last": (WINDOWS, {"residual": "last"}),
    "last-frames": (WINDOWS, {"residual": "last", "frame_length": 3}),
    "season": (WINDOWS, {"residual": 6}),
    "season-quantile": (WINDOWS, {"residual": 6, "loss": "quantile"}),
    "season-unscaled": (WINDOWS, {"residual": 6, "scale": False, "shuffle": False}),
    "season-own-scale": (WINDOWS, {"residual": 6, "scale": "sequence"}),
    "last-stopped": (
        WINDOWS,
        {"residual": "last", "early_stopping": True, "validation_split": "last"},
    ),
    "target-columns": (
        windows(2, [1, 0]),
        {"residual": 6, "target_columns": [1, 0], "loss": "gaussian"},
    ),
    "target-column": (
        windows(2, 1),
        {"residual": "last", "target_columns": 1, "weights": np.arange(len(WINDOWS[0])) % 2},
    ),
}
LOSSES = ("squared_error", "absolute_error", "huber", "quantile", "gaussian", "student_t")
GENERATOR_CELLS: Options = {
    "lstm": {},
    "gru": {"cell": "gru"},
    "rnn": {"cell": "rnn"},
    "relu": {"cell": SimpleRNN(activation="relu"), "num_layers": 2},
    "feedforward": {"cell": "feedforward"},
    "own-cell": {"cell": Leaky},
    "stacked": {"num_layers": 2, "dropout": 0.3, "cell": "gru"},
    "ensemble": {"n_estimators": 2},
    "ensemble-deep": {"n_estimators": 2, "num_layers": 2, "cell": "gru"},
    "recurrent-dropout": {"recurrent_dropout": 0.3, "cell": LSTM(chrono_steps=10)},
    "uncut": {"tbptt_steps": None, "optimizer": "adamw", "weight_decay": 0.05},
    "unshuffled": {"shuffle": False, "batch_size": 4, "lr_schedule": None},
    "sgd": {"optimizer": "sgd", "lr_schedule": "cosine", "max_grad_norm": None, "batch_size": 5},
    "stop-random": {"early_stopping": True, "validation_fraction": 0.3},
    "stop-last": {"early_stopping": True, "validation_fraction": 0.3, "validation_split": "last"},
}
SYMBOLS: Cases = {
    "words": (texts(), {"analyzer": "word"}),
    "tokenizer": (texts(), {"analyzer": Letters()}),
    "callable-analyzer": (texts(), {"analyzer": str.split}),
    "tokens": (tokens(), {}),
    "integers": (integers(14, 9).tolist(), {"embedding_dim": 5}),
    "rare": (texts(), {"max_features": 6}),
    "rare-words": (texts(), {"max_features": 4, "analyzer": "word"}),
    "tied": (texts(), {"tie_weights": True}),
    "tied-equal": (texts(), {"tie_weights": True, "embedding_dim": 8}),
    "tied-ensemble": (texts(), {"tie_weights": True, "n_estimators": 2, "max_features": 9}),
    "automatic-sizes": (texts(), {"hidden_size": "auto", "max_epochs": 1}),
}
CONDITIONAL: Options = {
    "lstm": {},
    "gru-words": {"cell": "gru", "analyzer": "word"},
    "tied-ensemble": {"tie_weights": True, "n_estimators": 2},
    "rare": {"max_features": 6, "num_layers": 2, "cell": "rnn"},
    "feedforward": {"cell": "feedforward"},
}
SERIES: Cases = {
    "several-features": (panel(width=2), {}),
    "ragged": ([x[:, :1] for x in ragged()], {}),
    "ragged-several": (ragged(), {"cell": "gru"}),
    "sequences": (Sequences.from_arrays(ragged()), {"residual": "last"}),
    "one-series": (panel(1, 90), {"tbptt_steps": 4, "batch_size": 3}),
    "last": (panel(), {"residual": "last"}),
    "mean": (panel(), {"residual": None}),
    "season": (panel(), {"residual": 6}),
    "scale-global": (panel(), {"scale": "global"}),
    "scale-sequence": (panel(width=2), {"scale": "sequence", "residual": "last"}),
    "unscaled": (panel(), {"scale": False, "residual": None}),
    "gaussian": (panel(width=2), {"loss": "gaussian"}),
    "student-t": (panel(width=2), {"loss": "student_t", "residual": None}),
    "quantile": (panel(width=2), {"loss": "quantile"}),
    "ensemble-gaussian": (panel(), {"n_estimators": 2, "loss": "gaussian"}),
    "ensemble-quantile": (panel(), {"n_estimators": 2, "loss": "quantile"}),
    "automatic-sizes": (panel(), {"hidden_size": "auto", "max_epochs": 1}),
}
RULES: Options = {
    "plain": {},
    "temperature": {"temperature": 0.5},
    "hot": {"temperature": 2.0},
    "greedy": {"top_k": 1},
    "top-k": {"top_k": 4},
    "top-p": {"top_p": 0.8},
    "min-p": {"min_p": 0.5},
    "typical-p": {"typical_p": 0.7},
    "repetition": {"repetition_penalty": 1.3},
    "no-repeat": {"no_repeat_ngram_size": 2},
    "stop": {"stop": "t"},
    "stops": {"stop": ["mo", "at", "i "]},
    "all": {
        "temperature": 0.9,
        "top_k": 8,
        "top_p": 0.95,
        "min_p": 0.01,
        "typical_p": 0.9,
        "repetition_penalty": 1.1,
        "no_repeat_ngram_size": 4,
    },
}
BEAMS: Options = {
    "one": {"num_beams": 2},
    "four": {"num_beams": 4},
    "long": {"num_beams": 4, "length_penalty": 2.0},
    "short": {"num_beams": 3, "length_penalty": -0.5, "stop": "t"},
    "no-repeat": {"num_beams": 3, "no_repeat_ngram_size": 3},
}
CONTINUED: dict[str, tuple[type, object, dict[str, object]]] = {
    "classifier": (RNNClassifier, CLASSES, {}),
    "classifier-steps": (RNNClassifier, STEPS, {}),
    "classifier-multilabel": (RNNClassifier, (ragged(), integers(14, 3) % 2), {"cell": "gru"}),
    "classifier-words": (RNNClassifier, (texts(), labels()), {"analyzer": "word"}),
    "classifier-own-cell": (RNNClassifier, CLASSES, {"cell": Leaky}),
    "regressor": (RNNRegressor, NUMBERS, {"optimizer": "rmsprop"}),
    "regressor-steps": (RNNRegressor, STEP_NUMBERS, {"loss": "quantile", "tbptt_steps": 3}),
    "regressor-season": (RNNRegressor, WINDOWS, {"residual": 6}),
    "regressor-ensemble": (RNNRegressor, NUMBERS, {"loss": "student_t", "n_estimators": 2}),
    "texts": (SequenceGenerator, (texts(), None), {}),
    "texts-tied": (SequenceGenerator, (texts(), None), {"tie_weights": True, "max_features": 7}),
    "texts-conditional": (SequenceGenerator, (texts(), labels()), {"conditional": True}),
    "series": (SequenceGenerator, (panel(14), None), {}),
    "series-features": (SequenceGenerator, (panel(14, 36, 2), None), {"loss": "quantile"}),
}
OTHERS: dict[str, Callable[[], object]] = {
    "classifier-partial-fit-classes": lambda: by_parts(
        RNNClassifier(**SMALL), ragged(), np.repeat(["a", "b"], 7), classes=["a", "b", "c"]
    ),
    "classifier-partial-fit-weights": lambda: by_parts(
        RNNClassifier(**SMALL), *CLASSES, sample_weight=FRACTIONS[:7]
    ),
    "generator-known-column": lambda: known_columns(2),
    "generator-known-columns": lambda: known_columns([0, 2], residual=6, loss="gaussian"),
    "generator-known-ensemble": lambda: known_columns([-1], n_estimators=2, loss="quantile"),
    "generator-long-text": long_text,
    "generator-long-text-words": lambda: long_text(analyzer="word", cell="gru"),
    "generator-long-text-stopped": lambda: long_text(early_stopping=True, n_estimators=2),
    "search-classifier": lambda: searched(RNNClassifier(**SMALL), ragged(), labels(kinds="yn")),
    "search-regressor": lambda: searched(RNNRegressor(**SMALL), *WINDOWS),
    "search-generator": lambda: recommended_grid(SequenceGenerator(), texts()),
    "preprocessing": prepared,
    "metrics": measured,
    "datasets": generated_problems,
    "inspection-generation": coloured,
    "inspection-curves": displayed,
    "unseen": unseen,
}


def configurations() -> dict[str, Callable[[], object]]:
    """Return one function for each name."""
    classify = partial(supervised, RNNClassifier)
    regress = partial(supervised, RNNRegressor)
    found = dict(OTHERS)
    for kind, fit, of_sequences, of_steps, cases in (
        ("classifier", classify, CLASSES, STEPS, CLASSIFIER),
        ("regressor", regress, NUMBERS, STEP_NUMBERS, REGRESSOR),
    ):
        found |= {f"{kind}-{n}": partial(fit, *of_sequences, **p) for n, p in SHARED.items()}
        found |= {f"{kind}-steps-{n}": partial(fit, *of_steps, **SHARED[n]) for n in BY_STEP}
        found |= {f"{kind}-{n}": partial(fit, *data, **p) for n, (data, p) in cases.items()}
    for loss in LOSSES:
        found[f"regressor-loss-{loss}"] = partial(regress, ragged(), numbers(14, 2), loss=loss)
        found[f"regressor-steps-loss-{loss}"] = partial(regress, *STEP_NUMBERS, loss=loss)
    for n, p in GENERATOR_CELLS.items():
        found[f"generator-texts-{n}"] = partial(symbols, texts(), **p)
        found[f"generator-series-{n}"] = partial(series, panel(), **p)
    found |= {f"generator-symbols-{n}": partial(symbols, X, **p) for n, (X, p) in SYMBOLS.items()}
    found |= {f"generator-numbers-{n}": partial(series, X, **p) for n, (X, p) in SERIES.items()}
    for n, p in CONDITIONAL.items():
        found[f"generator-conditional-{n}"] = partial(
            symbols, texts(), labels(kinds="aab"), conditional=True, **p
        )
    for n, rules in RULES.items():
        found[f"generate-{n}"] = partial(written, rules)
        found[f"generate-{n}-words"] = partial(written, rules, analyzer="word", cell="gru")
        found[f"generate-{n}-deep"] = partial(written, rules, num_layers=2, n_estimators=2)
    found |= {f"beams-{n}": partial(searched_beams, **options) for n, options in BEAMS.items()}
    for n, (model, data, p) in CONTINUED.items():
        for how in (by_parts, warm, pickled):
            found[f"{how.__name__}-{n}"] = partial(how, model(**(SMALL | p)), *data)
    return found


def main() -> None:
    """Print one line for each configuration that is asked for."""
    warnings.simplefilter("ignore")
    found, asked_for = configurations(), tuple(sys.argv[1:])
    names = [name for name in found if not asked_for or name.startswith(asked_for)]
    if not names:
        raise SystemExit(f"No configuration begins with {asked_for}. Choose from {sorted(found)}.")
    for name in names:
        print(name, digest(found[name]()), flush=True)


if __name__ == "__main__":
    main()
