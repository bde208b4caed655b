"""Streams have the bits of whole sequences, whatever the cell, the order and the company."""

import pickle
import threading
import warnings
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from torch.nn.utils import prune

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Stream
from sksequence._cells import CELLS, FeedForward, SimpleRNN
from sksequence.preprocessing import Differencer, FillGaps, SequenceScaler, StepTransformer
from tests.helpers import DOCUMENTS

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(12, 20, 3)
LABELS = np.arange(12) % 3
NUMBERS = X[:, -1, 0]
STEPS = [np.where(x[:, 0] > 0, "up", "down") for x in X]
small = {"bidirectional": False, "frame_length": 1, "max_epochs": 1, "random_state": 0}
WAVES = [np.exp(np.sin(np.arange(40 + i) / 3) + 0.1 * RANDOM.randn(40 + i)) for i in range(6)]


def classifier(cell="gru", hidden_size=8, **parameters):
    """Fit a small classifier."""
    return RNNClassifier(cell, hidden_size, **small | parameters).fit(X, LABELS)


def generator(X=WAVES, **parameters):
    """Fit a small generator."""
    parameters = {"hidden_size": 8, "max_epochs": 1, "random_state": 0} | parameters
    return SequenceGenerator(**parameters).fit(X)


def pushed(model, sequence, method="predict"):
    """Return the predictions after each step of a stream."""
    stream = model.start(method=method)
    return np.array([stream.push(step) for step in sequence])


def of_prefixes(model, sequence, method="predict"):
    """Return the predictions for each prefix of a sequence."""
    predict = getattr(model, method)
    return np.array([predict([sequence[: t + 1]])[0] for t in range(len(sequence))])


# --- bits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_pushed_steps_are_prefixes(cell, method):
    """Each push has the bits of a prediction for the sequence so far."""
    model = classifier(cell)
    assert np.array_equal(pushed(model, X[0], method), of_prefixes(model, X[0], method))


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_activations(activation):
    """The bits are the same with every activation."""
    model = classifier(SimpleRNN(activation=activation), num_layers=2)
    proba = pushed(model, X[0], "predict_proba")
    assert np.array_equal(proba, of_prefixes(model, X[0], "predict_proba"))


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("context_size", [1, 2, 5])
def test_contexts(activation, context_size):
    """Inputs enter a feedforward network once, and each context has the bits of a whole one."""
    cell = FeedForward(activation=activation, context_size=context_size)
    model, many = classifier(cell, hidden_size=21, num_layers=2), RANDOM.randn(50, 7, 3)
    scores = pushed(model, X[0], "decision_function")
    assert np.array_equal(scores, of_prefixes(model, X[0], "decision_function"))
    stream = model.start(n_streams=50, method="decision_function")
    together = [stream.push(many[:, t]) for t in range(7)]
    assert np.array_equal(together[-1], model.decision_function(many))


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("frames", [(1, 1), (4, 2), (3, 3), (5, 1)])
def test_poolings_and_frames(pooling, frames):
    """Frames end with the last step, at every step of a stream."""
    length, step = frames
    model = classifier(pooling=pooling, frame_length=length, frame_step=step)
    scores = pushed(model, X[0], "decision_function")
    assert np.array_equal(scores, of_prefixes(model, X[0], "decision_function"))


@pytest.mark.parametrize("parameters", [{"n_estimators": 2}, {"num_layers": 2}, {"scale": False}])
def test_ensembles_stacks_and_scales(parameters):
    """Several networks, several layers and unscaled values."""
    model = classifier("lstm", **parameters)
    scores = pushed(model, X[0], "decision_function")
    assert np.array_equal(scores, of_prefixes(model, X[0], "decision_function"))


@pytest.mark.parametrize(
    "cell",
    [
        cell if cell in ("rnn", "gru", "lstm") else pytest.param(cell, marks=pytest.mark.slow)
        for cell in CELLS
    ],
)
def test_long_streams_are_one_read(cell):
    """10,000 pushed steps have the bits of one read of the whole sequence."""
    model = RNNClassifier(cell, 64, **small).fit(list(X), STEPS)
    long = RANDOM.randn(10_000, 3)
    whole = model.predict_proba([long])[0]
    assert np.array_equal(pushed(model, long, "predict_proba"), whole)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("hidden_size", [7, 16])
def test_streams_are_one_read(cell, hidden_size):
    """300 pushed steps have the bits of one read, with a label per step and with one so far."""
    series = RANDOM.randn(300, 3)
    model = RNNClassifier(cell, hidden_size, **small).fit(list(X), STEPS)
    whole = model.predict_proba([series])[0]
    assert np.array_equal(pushed(model, series, "predict_proba"), whole)
    model = RNNClassifier(cell, hidden_size, pooling="mean", **small).fit(X, LABELS)
    so_far = pushed(model, series, "decision_function")
    some = [1, 2, 50, 300]
    expected = model.decision_function([series[:n] for n in some])
    assert np.array_equal(so_far[np.array(some) - 1], expected)


def test_without_compiled_loops(monkeypatch):
    """Layers that run in torch have the same bits step by step."""
    monkeypatch.setattr("sksequence._kernels._dispatch.HAS_NUMBA", False)
    for cell in ("rnn", "gru", "lstm", "feedforward"):
        model = classifier(cell)
        scores = pushed(model, X[0], "decision_function")
        assert np.array_equal(scores, of_prefixes(model, X[0], "decision_function"))


# --- estimators ----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["squared_error", "gaussian", "quantile"])
def test_regressors(loss):
    """Numbers, their quantiles and standard deviations, shrunk ones included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the network may have learnt nothing
        model = RNNRegressor("lstm", 8, loss=loss, **small).fit(X, NUMBERS)
        noise = np.random.RandomState(0).randn(40, *np.shape(X[0]))
        other = RNNRegressor("lstm", 8, loss=loss, **small).fit(noise, noise[:, ::-1].ravel()[:40])
        marginal = other._blueprint.marginal
    assert marginal is not None
    model._blueprint = replace(model._blueprint, shrinkage=0.25, marginal=marginal)
    assert np.array_equal(pushed(model, X[0]), of_prefixes(model, X[0]))
    if loss != "squared_error":
        last = pushed(model, X[0], "predict_quantiles")[-1]
        assert np.array_equal(last, model.predict_quantiles(X[:1])[:, 0])
    if loss == "gaussian":
        assert pushed(model, X[0], "predict_std")[-1] == model.predict_std(X[:1])[0]


def test_per_step_targets():
    """Each push returns the prediction for its step."""
    model = RNNClassifier("gru", 8, **small).fit(list(X), STEPS)
    assert np.array_equal(pushed(model, X[0]), model.predict([X[0]])[0])
    model = RNNRegressor("gru", 8, **small).fit(list(X), [x[:, :2] for x in X])
    assert np.array_equal(pushed(model, X[0]), model.predict([X[0]])[0])


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"residual": 7},
        {"residual": [2, 7]},
        {"residual": None, "scale": "global"},
        {"residual": "last", "scale": "sequence"},
        {"residual": 7, "scale": "sequence"},
        {"residual": None, "scale": "sequence"},
        {"loss": "gamma"},
        {"n_estimators": 2, "cell": "gru"},
    ],
)
def test_generators_of_numbers(parameters):
    """Each push returns the centre of the next value."""
    model = generator(**parameters)
    assert np.array_equal(pushed(model, WAVES[0]), of_prefixes(model, WAVES[0]))


def test_constant_series_come_to_rest():
    """A stream that has had one value for long goes on with it, and leaves it after a change."""
    model = generator([*WAVES, np.r_[np.zeros(5), WAVES[0]]])
    series = np.r_[np.full(30, 2.0), 3.0, 2.0]
    predicted = pushed(model, series)
    assert np.array_equal(predicted, of_prefixes(model, series))
    assert predicted[29] == 2.0 != predicted[30]


@pytest.mark.parametrize("residual", ["last", 7, [2, 7]])
def test_long_streams_of_numbers_are_one_read(residual):
    """300 pushed values have the bits of forecasts by the whole past."""
    model, series = generator(residual=residual), np.exp(np.sin(np.arange(300) / 3))
    predicted = pushed(model, series)
    some = [1, 8, 60, 299, 300]
    assert np.array_equal(predicted[np.array(some) - 1], model.predict([series[:n] for n in some]))


@pytest.mark.parametrize("residual", ["last", 7, [2, 7], [24, 70]])
def test_long_streams_of_several_numbers(residual):
    """Several values per step, together and alone, have the bits of forecasts by the whole past."""
    panel = np.exp(np.sin(np.arange(160) / 3))[None, :, None] * RANDOM.rand(4, 160, 3)
    model = generator(list(panel), residual=residual, scale="sequence")
    together, alone = model.start(n_streams=4), model.start()
    for t in range(160):
        several, single = together.push(panel[:, t]), alone.push(panel[2, t])
        assert np.array_equal(several[2], single)
        if t in (0, 6, 64, 72, 140, 159):
            assert np.array_equal(several, model.predict(list(panel[:, : t + 1])))


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_long_streams_of_symbols_are_one_read(method):
    """300 pushed symbols have the bits of predictions by the whole text."""
    model, text = generator(DOCUMENTS), "to be or not to be, " * 15
    predicted, some = pushed(model, text, method), [1, 20, 299, 300]
    expected = getattr(model, method)([text[:n] for n in some])
    assert np.array_equal(predicted[np.array(some) - 1], expected)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_generators_of_symbols(method):
    """Each push returns the next symbol or the probabilities of all, also for unknown symbols."""
    model = generator(DOCUMENTS)
    text = "to be or %ot"
    assert np.array_equal(pushed(model, text, method), of_prefixes(model, text, method))
    tokens = [[1, 2, 3, 1, 2], [2, 3, 1, 2]] * 5
    model = generator(tokens, tie_weights=True, embedding_dim=4)
    assert np.array_equal(pushed(model, tokens[0], method), of_prefixes(model, tokens[0], method))


def test_words_and_tokens():
    """A push is one word of a text, or one token."""
    model = RNNClassifier("gru", 8, analyzer="word", **small).fit(DOCUMENTS, LABELS[[0, 1] * 10])
    scores = pushed(model, ["to", " be", " or"], "decision_function")
    assert scores[-1] == model.decision_function(["to be or"])[0]
    tokens = [text.split() for text in DOCUMENTS]
    model = RNNClassifier("gru", 8, **small).fit(tokens, LABELS[[0, 1] * 10])
    scores = pushed(model, tokens[0], "decision_function")
    assert scores[-1] == model.decision_function(tokens[:1])[0]


def test_several_symbols_are_not_pushed_at_once():
    """A list of tokens and a text of several are no step; an unknown token is."""
    tokens = [text.split() for text in DOCUMENTS]
    model = RNNClassifier("gru", 8, **small).fit(tokens, LABELS[[0, 1] * 10])
    with pytest.raises(ValueError, match=r"here a symbol; got 2: \['to', 'be'\]. Push them one"):
        model.start().push(["to", "be"])
    message = "push reads one symbol, and fit has not seen 'to be', which looks .* one after the"
    with pytest.raises(ValueError, match=message):
        model.start().push("to be")
    with pytest.raises(ValueError, match=message):
        model.start(n_streams=2).push(["to", "to be"])
    for step in (np.array(["to", "be"]), np.array([["to", "be"]]), ("to", "be")):
        with pytest.raises(ValueError, match=r"here a symbol; got 2: .*'to', 'be'.* Push them one"):
            model.start().push(step)
    with pytest.raises(ValueError, match="one symbol for each stream; got the text 'be'"):
        model.start(n_streams=2).push("be")
    assert model.start().push("zzz") in LABELS
    spaced = [[f"{word} x" for word in words] for words in tokens]
    model.fit(spaced, LABELS[[0, 1] * 10])
    assert model.start().push(spaced[0][0]) in LABELS


@pytest.mark.parametrize("step", ["to", ["to"], np.array("to"), np.array(["to"]), [["to"]]])
def test_a_symbol_may_be_in_a_container(step):
    """Arrays and lists of one symbol are this symbol."""
    tokens = [text.split() for text in DOCUMENTS]
    model = RNNClassifier("gru", 8, **small).fit(tokens, LABELS[[0, 1] * 10])
    scores = [model.start(method="decision_function").push(given) for given in ("to", step)]
    assert scores[0] == scores[1] == model.decision_function([["to"]])[0]


# --- many streams --------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [(1, 1), (4, 2)])
def test_thousand_streams_at_once(frames):
    """Streams that are read together have the bits of streams alone, at any age."""
    model = classifier("lstm", pooling="mean", frame_length=frames[0], frame_step=frames[1])
    many = RANDOM.randn(1000, 7, 3)
    stream = model.start(n_streams=1000, method="decision_function")
    scores = [stream.push(many[:, t]) for t in range(5)]
    assert np.array_equal(scores[-1], model.decision_function(many[:, :5]))
    some = RANDOM.permutation(1000)[:300]
    assert np.array_equal(
        stream.push(many[some, 5], rows=some), model.decision_function(many[some, :6])
    )
    stream.reset(some[:100])
    again = stream.push(many[:, 6])
    assert np.array_equal(again[some[:100]], model.decision_function(many[some[:100], 6:]))
    assert np.array_equal(again[some[100:]], model.decision_function(many[some[100:]]))
    assert np.bincount(stream.n_steps).tolist() == [0, 100, 0, 0, 0, 0, 700, 200]


@pytest.mark.parametrize("cell", CELLS)
def test_thousand_streams_of_every_cell(cell):
    """Streams that are read together have the bits of streams alone, with every cell."""
    model, many = classifier(cell), RANDOM.randn(1000, 4, 3)
    stream = model.start(n_streams=1000, method="decision_function")
    for t in range(3):
        stream.push(many[:, t])
    some = RANDOM.permutation(1000)[:300]
    scores = stream.push(many[some, 3], rows=some)
    assert np.array_equal(scores, model.decision_function(many[some]))


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", FeedForward(context_size=5), "lru"])
def test_some_streams_go_on_after_the_first_step(cell, pooling):
    """What streams know of the start is their own."""
    model, many = classifier(cell, pooling=pooling), RANDOM.randn(5, 4, 3)
    stream = model.start(n_streams=5, method="decision_function")
    stream.push(many[:, 0])
    for t in (1, 2):
        stream.push(many[[1, 3], t], rows=[1, 3])
    scores = stream.push(many[:, 3])
    expected = [x if i in (1, 3) else x[[0, 3]] for i, x in enumerate(many)]
    assert np.array_equal(scores, model.decision_function(expected))


@pytest.mark.parametrize("residual", ["last", 5, [2, 5]])
def test_streams_of_series_at_any_age(residual):
    """Generators keep the past of each stream."""
    model = generator(residual=residual, scale="sequence")
    values = np.array([wave[:30] for wave in WAVES])
    stream = model.start(n_streams=6)
    for t in range(20):
        stream.push(values[:, t])
    stream.push(values[[1, 4], 20], rows=[1, 4])
    stream.reset([4])
    predicted = stream.push(values[:, 21])
    expected = [np.r_[values[i, :20], values[i, 21]] for i in range(6)]
    expected[1], expected[4] = values[1, :22], values[4, 21:22]
    assert np.array_equal(predicted, model.predict(expected))


def test_streams_of_positive_series_and_others():
    """Logarithms of positive series are kept, whatever the other streams hold, and after resets."""
    values = np.array([wave[:40] for wave in WAVES[:4]])
    values[1:, 5] = -1.0
    model = generator(residual=[2, 5])
    stream = model.start(n_streams=3)
    for t in range(20):
        stream.push(values[1:, t])
    stream.reset([1])
    for t in range(15):
        predicted = stream.push(np.r_[values[1, 20 + t], values[0, t], values[3, 20 + t]])
    expected = [values[1, :35], values[0, :15], values[3, :35]]
    assert np.array_equal(predicted, model.predict(expected))


@pytest.mark.parametrize("fit", [classifier, generator, lambda: generator(residual=None)])
def test_orders_of_rows(fit):
    """Steps belong to the streams that `rows` names, in an order that may change each time."""
    model = fit()
    sequences = X[:4] if isinstance(model, RNNClassifier) else np.array([w[:20] for w in WAVES[:4]])
    method = "decision_function" if isinstance(model, RNNClassifier) else "predict"
    stream = model.start(n_streams=4, method=method)
    for t, rows in enumerate([[3, 1, 0, 2], [0, 1, 2, 3], [1, 2], [2, 3, 0, 1], [1, 2, 3, 0]]):
        predicted = stream.push(sequences[rows, t], rows=rows)
    stepped = [sequences[0, [0, 1, 3, 4]], sequences[1, :5], sequences[2, :5], sequences[3]]
    stepped[3] = stepped[3][[0, 1, 3, 4]]
    expected = getattr(model, method)(stepped)
    assert np.array_equal(predicted, expected[[1, 2, 3, 0]])


def test_streams_in_threads():
    """Streams of one estimator in several threads do not mix."""
    model = classifier("lstm")
    results = {}

    def run(i):
        results[i] = pushed(model, X[i], "predict_proba")

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        assert np.array_equal(results[i][-1], model.predict_proba(X[i : i + 1])[0])


@pytest.mark.parametrize("cell", ["gru", "feedforward"])
def test_streams_are_pickled(cell):
    """A copy goes on from the same state, on its own."""
    models = [classifier(cell, frame_length=3), generator(cell=cell, residual=5)]
    for model, steps in zip(models, (X[0], WAVES[0][:20]), strict=True):
        stream = model.start()
        for step in steps[:10]:
            stream.push(step)
        copy = pickle.loads(pickle.dumps(stream))
        rest = [stream.push(step) for step in steps[10:]]
        assert [copy.push(step) for step in steps[10:]] == rest
        assert copy.n_steps == len(steps)


@pytest.mark.parametrize("cell", ["gru", "lru", "slstm"])
def test_a_later_fit_leaves_streams_alone(cell):
    """A stream goes on with the weights with which it was started."""
    model = RNNRegressor(cell, 8, warm_start=True, **small).fit(X, NUMBERS)
    stream, expected = model.start(), of_prefixes(model, X[0])
    stream.push(X[0, 0])
    model.fit(X, NUMBERS)
    assert np.array_equal([stream.push(x) for x in X[0, 1:]], expected[1:])
    assert np.array_equal(pushed(model, X[0]), of_prefixes(model, X[0]))


def double_weights(model):
    """Change all weights of a network in place."""
    network = model.module_
    network.load_state_dict({name: 2 * part for name, part in network.state_dict().items()})


NETWORKS = {
    "text": lambda: RNNClassifier("gru", 8, embedding_dim=4, **small).fit(DOCUMENTS, [0, 1] * 10),
    "tied": lambda: generator(DOCUMENTS, cell="gru", tie_weights=True, embedding_dim=4),
    "tokens": lambda: generator([[1, 2, 3, 1, 2], [2, 3, 1, 2]] * 5),
    "wide": lambda: classifier("gru", 257, max_epochs=1),
    "wide cell": lambda: classifier("lru", 257),
    "own": lambda: classifier(torch.nn.GRUCell),
    "residual": lambda: classifier("gru", num_layers=2, residual_connections=True),
    "ensemble": lambda: classifier("gru", n_estimators=2),
    "feedforward": lambda: classifier("feedforward"),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_weights_of_the_start(network):
    """A stream and its copies go on with them, whatever changes in place."""
    model = NETWORKS[network]()
    method = "decision_function" if isinstance(model, RNNClassifier) else "predict_proba"
    steps = {"text": "to be o", "tied": "to be o", "tokens": [1, 2, 3, 1]}.get(network, X[0])
    expected = pushed(model, steps, method)
    stream = model.start(method=method)
    first = stream.push(steps[0])
    double_weights(model)
    assert np.array_equal(first, expected[0])
    for copy in (pickle.loads(pickle.dumps(stream)), deepcopy(stream), stream):
        again = pickle.loads(pickle.dumps(copy))
        for kept in (copy, again):
            rest = [kept.push(step) for step in steps[1:]]
            assert np.array_equal(rest, expected[1:])
    assert not np.array_equal(pushed(model, steps, method), expected)


def test_copies_of_streams_hold_their_weights_once():
    """The network of the start is added only where the estimator has another one."""
    model = classifier("gru", 64)
    stream = model.start()
    before = len(pickle.dumps(stream))
    double_weights(model)
    n_bytes = sum(part.nbytes for part in model.module_.parameters())
    assert len(pickle.dumps(stream)) > before + n_bytes
    assert len(pickle.dumps(model.start())) < before + n_bytes


def test_start_leaves_the_mode_of_the_network():
    """Streams predict with a network of their own."""
    model = classifier(dropout=0.5)
    expected = of_prefixes(model, X[0], "decision_function")
    model.module_.train()
    assert np.array_equal(pushed(model, X[0], "decision_function"), expected)
    assert model.module_.training


def test_pruned_networks():
    """A weight that torch computed is that of now."""
    model = classifier()
    prune.l1_unstructured(model.module_.head, "weight", 0.5)
    scores = pushed(model, X[0], "decision_function")
    assert np.array_equal(scores, of_prefixes(model, X[0], "decision_function"))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_inference_mode(cell, pooling):
    """Streams can be started and pushed in torch's inference mode, and outside it."""
    model = classifier(cell, pooling=pooling)
    with torch.inference_mode():
        many = model.start(n_streams=3, method="decision_function")
        many.push(X[:3, 0])
    many.push(X[[0, 2], 1], rows=[0, 2])
    many = deepcopy(many)
    with torch.inference_mode():
        many.push(X[[0, 2], 2], rows=[0, 2])
    scores = many.push(X[:3, 3])
    assert np.array_equal(scores[[0, 2]], model.decision_function(X[[0, 2], :4]))
    assert np.array_equal(scores[1], model.decision_function(X[1:2, [0, 3]])[0])


@pytest.mark.parametrize("cell", ["gru", "mgu", "feedforward"])
@pytest.mark.parametrize("part", ["weights of the head", "head", "pooling"])
def test_streams_begin_with_the_network_of_now(cell, part):
    """Whatever a user changes, the next stream predicts as the estimator does."""
    model = classifier(cell, pooling="max")
    before = pushed(model, X[0], "decision_function")
    network = model.module_
    if part == "weights of the head":
        network.head.weight.data.mul_(-1.0)
    elif part == "head":
        network.head = deepcopy(network.head)
        network.head.weight.data.copy_(network.head.weight.data.flip(0))
    else:
        network.pooling = deepcopy(classifier(cell, pooling="mean").module_.pooling)
    after = pushed(model, X[0], "decision_function")
    assert np.array_equal(after, of_prefixes(model, X[0], "decision_function"))
    assert not np.array_equal(after, before)


def test_streams_begin_with_the_activation_of_now():
    """So they do with settings of layers."""
    model = classifier("rnn")
    before = pushed(model, X[0], "decision_function")
    model.module_.stack.forwards[0].activation = "relu"
    after = pushed(model, X[0], "decision_function")
    assert np.array_equal(after, of_prefixes(model, X[0], "decision_function"))
    assert not np.array_equal(after, before)


def test_streams_say_what_they_are():
    """The repr has the method and the number of steps; reset starts again."""
    stream = classifier().start()
    first = stream.push(X[0, 0])
    assert repr(stream) == "Stream(RNNClassifier.predict, n_streams=1, n_steps=1)"
    stream.push(X[0, 1])
    assert stream.n_steps == 2
    assert stream.reset().push(X[0, 0]) == first
    assert stream.n_steps == 1


# --- forms of a step -----------------------------------------------------------------------------


def test_forms_of_steps():
    """Lists, mappings, Series and tables with names are steps; a number is one feature."""
    frames = [pd.DataFrame(x, columns=["a", "b", "c"]) for x in X]
    model = RNNClassifier("gru", 8, **small).fit(frames, LABELS)
    expected = pushed(model, X[0], "decision_function")
    rows = [{"c": c, "a": a, "b": b} for a, b, c in X[0].tolist()]
    assert np.array_equal(pushed(model, rows, "decision_function"), expected)
    shuffled = frames[0][["b", "c", "a"]]
    series = [row for _, row in shuffled.iterrows()]
    assert np.array_equal(pushed(model, series, "decision_function"), expected)
    many = model.start(n_streams=12, method="decision_function")
    table = pd.DataFrame(X[:, 0], columns=["a", "b", "c"])[["c", "a", "b"]]
    assert np.array_equal(many.push(table)[0], expected[0])
    again = model.start(n_streams=2, method="decision_function").push([rows[0], rows[0]])
    assert np.array_equal(again, [expected[0]] * 2)  # rows of JSON
    single = RNNRegressor("gru", 8, **small).fit(list(X[:, :, 0]), NUMBERS)
    assert np.array_equal(pushed(single, X[0, :, 0]), pushed(single, X[0, :, :1]))


def test_mixed_steps():
    """Rows of tables with categories are steps."""
    frames = [pd.DataFrame({"v": x[:, 0], "k": np.where(x[:, 1] > 0, "on", "off")}) for x in X]
    model = RNNClassifier("gru", 8, **small).fit(frames, LABELS)
    steps = [frames[0].iloc[t : t + 1] for t in range(20)]
    scores = pushed(model, steps, "decision_function")
    assert np.array_equal(scores[-1], model.decision_function(frames[:1])[0])
    rows = [{"k": frame["k"].iloc[0], "v": frame["v"].iloc[0]} for frame in frames]
    for steps in (rows, [[row["v"], row["k"]] for row in rows], [f.iloc[0] for f in frames]):
        assert np.array_equal(pushed(model, steps[:1], "decision_function")[0], scores[0])
        many = model.start(n_streams=12, method="decision_function").push(steps)
        assert np.array_equal(many, model.decision_function([f[:1] for f in frames]))
    with pytest.raises(ValueError, match=r"The step has no \['v'\]"):
        model.start().push({"k": "on"})
    with pytest.raises(ValueError, match=r"features \['v', 'k'\]; got \[1.0\]"):
        model.start().push([1.0])


def test_cells_with_symbols():
    """Steps of tables whose cells are sequences are rows of these sequences."""
    words = [np.where(x[:, 1] > 0, "on", "off").tolist() for x in X]
    table = pd.DataFrame({"v": X[:, :, 0].tolist(), "k": words})
    model = RNNClassifier("gru", 8, **small).fit(table, LABELS)
    expected = model.decision_function(table[:1])[0]
    rows = [{"k": k, "v": v} for k, v in zip(words[0], X[0, :, 0].tolist(), strict=True)]
    for steps in (rows, [[row["v"], row["k"]] for row in rows]):
        assert np.array_equal(pushed(model, steps, "decision_function")[-1], expected)


# --- pipelines -----------------------------------------------------------------------------------

FRAMES = [pd.DataFrame(x, columns=["c", "a", "b"]) for x in X]
MIXED = [pd.DataFrame({"v": x[:, 0], "k": np.where(x[:, 1] > 0, "on", "off")}) for x in X]
WORDS = [frame["k"].tolist() for frame in MIXED]
GAPS = np.where(np.arange(20)[:, None] == 3, np.nan, X)
COLUMNS = make_column_transformer((StandardScaler(), ["v"]), (OneHotEncoder(), ["k"]))


def pipeline(X, *transformers, **parameters):
    """Fit a small classifier after transformers of steps."""
    steps = [StepTransformer(transformer) for transformer in transformers]
    last = RNNClassifier("gru", 8, **small | parameters)
    return make_pipeline(*steps, last).fit(X, LABELS)


def assert_streams(fitted, X, steps, method="predict_proba"):
    """Pushed steps have the bits of the first sequence of X."""
    stream = Stream.from_estimator(fitted, method=method)
    for step in steps:
        prediction = stream.push(step)
    assert np.array_equal(prediction, getattr(fitted, method)(X[:1])[0])


@pytest.mark.parametrize(
    ("transformers", "X", "steps"),
    [
        ([StandardScaler()], X, X[0]),
        ([StandardScaler()], list(X), X[0].tolist()),
        ([StandardScaler()], X[:, :, 0], X[0, :, 0]),
        ([StandardScaler(), PCA(2), MinMaxScaler()], X, X[0]),
        (["passthrough"], X, X[0]),
        ([SimpleImputer()], GAPS, GAPS[0]),
        ([OneHotEncoder(sparse_output=False)], WORDS, WORDS[0]),
        ([COLUMNS], MIXED, MIXED[0].to_dict("records")),
        ([COLUMNS], MIXED, MIXED[0].to_numpy().tolist()),
    ],
    ids=range(9),
)
def test_pipelines_of_steps(transformers, X, steps):
    """Steps pass through the transformers of a pipeline."""
    assert_streams(pipeline(X, *transformers), X, steps)


@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
def test_pipelines_with_names(output):
    """Features are found by name, whatever type the transformer returns."""
    scaler = StepTransformer(StandardScaler()).set_output(transform=output)
    fitted = make_pipeline(scaler, RNNClassifier("gru", 8, **small)).fit(FRAMES, LABELS)
    shuffled = FRAMES[0][["b", "c", "a"]]
    assert_streams(fitted, FRAMES, shuffled.to_dict("records"))
    assert_streams(fitted, FRAMES, [row for _, row in shuffled.iterrows()])
    many = Stream.from_estimator(fitted, 12, method="predict_proba")
    for t in range(20):
        table = pd.DataFrame([frame.iloc[t] for frame in FRAMES])[["a", "b", "c"]]
        proba = many.push(table if t % 2 else table.to_dict("records"))
    assert np.array_equal(proba, fitted.predict_proba(FRAMES))


def test_pipelines_of_other_estimators():
    """Searches, nested pipelines, regressors and generators have streams."""
    nested = make_pipeline(
        make_pipeline(StepTransformer(StandardScaler()), "passthrough"),
        RNNClassifier("gru", 8, **small),
    )
    grid = {"rnnclassifier__hidden_size": [4, 8]}
    assert_streams(GridSearchCV(nested, grid, cv=2).fit(X, LABELS), X, X[0])
    assert_streams(classifier(), X, X[0])
    scaler = StepTransformer(StandardScaler())
    regressor = RNNRegressor("gru", 8, **small)
    assert_streams(make_pipeline(scaler, regressor).fit(X, NUMBERS), X, X[0], "predict")
    model = SequenceGenerator(hidden_size=8, max_epochs=1, random_state=0)
    assert_streams(make_pipeline(scaler, model).fit(WAVES), WAVES, WAVES[0], "predict")


def test_streams_of_pipelines_have_their_state():
    """They go on after a pickle, and after a later fit of the pipeline."""
    fitted = pipeline(X, StandardScaler())
    expected = fitted.predict_proba(X[:1])[0]
    stream = Stream.from_estimator(fitted, method="predict_proba")
    for step in X[0, :10]:
        stream.push(step)
    again = pickle.loads(pickle.dumps(stream))
    fitted.fit(9 * X + 1, LABELS)
    fitted[0].partial_fit(X + 5)
    for kept in (stream, again):
        for step in X[0, 10:]:
            prediction = kept.push(step)
        assert np.array_equal(prediction, expected)
    stream.reset()
    assert stream.n_steps == 0


@pytest.mark.parametrize("transformer", [FillGaps(), SequenceScaler(), Differencer()])
def test_pipelines_that_need_the_whole_sequence(transformer):
    """A transformer that reads other steps of a sequence cannot be streamed."""
    fitted = make_pipeline(transformer, RNNClassifier("gru", 8, **small)).fit(X, LABELS)
    with pytest.raises(TypeError, match=rf"through {type(transformer).__name__} \('.*as a whole"):
        Stream.from_estimator(fitted)


def test_pipelines_without_streams():
    """Errors name what is at the end, and what to do with transformers of tables."""
    table = make_pipeline(StandardScaler(), RNNRegressor(**small)).fit(X[:, :, 0], NUMBERS)
    with pytest.raises(TypeError, match=r"StandardScaler \('standardscaler'.*StepTransformer"):
        Stream.from_estimator(table)
    scaled = TransformedTargetRegressor(RNNRegressor(**small), transformer=StandardScaler())
    with pytest.raises(TypeError, match="from_estimator reads the network"):
        Stream.from_estimator(scaled.fit(X, NUMBERS))
    with pytest.raises(ValueError, match="bidirectional=True reads it from its end"):
        Stream.from_estimator(pipeline(X, StandardScaler(), bidirectional=True))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ([1.0, 2.0], r"steps of shape \(3,\).*got an array of shape \(2,\)"),
        ([1.0, np.nan, 2.0], "NaN or infinity"),
        (["a", "b", "c"], "could not convert string"),
        ({"a": 1.0, "b": 2.0, "c": 3.0}, "StepTransformer was fitted without names"),
    ],
    ids=range(4),
)
def test_invalid_steps_of_pipelines(step, message):
    """They are errors, and the stream stays as it was."""
    stream = Stream.from_estimator(pipeline(X, StandardScaler()))
    with pytest.raises(ValueError, match=message):
        stream.push(step)
    assert stream.n_steps == 0


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: classifier(bidirectional=True), "bidirectional=True reads it from its end"),
        (lambda: classifier(pooling="attention"), "'attention' weighs all steps anew"),
        (lambda: classifier(scale="sequence"), "scale='sequence' scales it as a whole"),
        (
            lambda: RNNRegressor(residual="last", **small).fit(X[:, :, :1], X[:, -1, :1]),
            "residual subtracts its last values",
        ),
        (
            lambda: RNNClassifier(**small).fit(
                pd.DataFrame({"s": [x[:, 0].tolist() for x in X], "age": NUMBERS}), LABELS
            ),
            "features that do not change in time",
        ),
        (
            lambda: SequenceGenerator(hidden_size=4, max_epochs=1, conditional=True).fit(
                DOCUMENTS, [0, 1] * 10
            ),
            "conditional, and a stream has no label",
        ),
        (lambda: generator(X, known_columns=1), "missing in a stream"),
    ],
    ids=range(7),
)
@pytest.mark.filterwarnings("ignore:On")
def test_models_that_need_the_whole_sequence(model, message):
    """They cannot be started, and the error says why and what to set."""
    with pytest.raises(ValueError, match=message):
        model().start()


@pytest.mark.parametrize("part", ["", "head", "stack.forwards.0"])
def test_networks_with_hooks(part):
    """Hooks are not called by steps, so that they are an error as long as they are there."""
    model = classifier()
    module = model.module_.get_submodule(part)
    for register in (module.register_forward_hook, module.register_forward_pre_hook):
        handle = register(lambda *_: None)
        with pytest.raises(ValueError, match=f"{part or 'SequenceNetwork'}' in its module_ has fo"):
            model.start()
        handle.remove()
        assert np.array_equal(pushed(model, X[0]), of_prefixes(model, X[0]))


def test_methods_without_streams():
    """An error lists those that there are."""
    with pytest.raises(ValueError, match="'transform' has no streams; choose one of"):
        classifier().start(method="transform")
    with pytest.raises(AttributeError, match="predicts no quantiles"):
        RNNRegressor(loss="huber", **small).fit(X, NUMBERS).start(method="predict_quantiles")
    with pytest.raises(ValueError, match="n_streams must be"):
        classifier().start(n_streams=0)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ([1.0, 2.0], r"steps of shape \(3,\).*got an array of shape \(2,\)"),
        (X[:2, 0], r"got an array of shape \(2, 3\)"),
        ([1.0, np.nan, 2.0], "NaN or infinity"),
        ([1.0, np.inf, 1e39], "NaN or infinity"),
        ([1.0, -1e39, 2.0], r"too large for dtype\('float32'\): -1e\+39 at .* feature 1"),
        (["a", "b", "c"], "steps of 3 numbers"),
    ],
    ids=range(6),
)
def test_invalid_steps(step, message):
    """They are errors, and the stream stays as it was."""
    model = classifier()
    stream = model.start(method="decision_function")
    stream.push(X[0, 0])
    with pytest.raises(ValueError, match=message):
        stream.push(step)
    assert stream.n_steps == 1
    assert np.array_equal(stream.push(X[0, 1]), model.decision_function(X[:1, :2])[0])


def test_values_too_large():
    """Errors name the stream and the feature, and no stream moves."""
    model = generator()
    stream = model.start(n_streams=2)
    stream.push([1.0, 2.0])
    with pytest.raises(ValueError, match=r"1e\+39 at stream 1 of the step, feature 0"):
        stream.push([1.0, 1e39])
    assert np.array_equal(stream.push([2.0, 3.0]), model.predict([[1.0, 2.0], [2.0, 3.0]]))
    frames = [pd.DataFrame(x, columns=["a", "b", "c"]) for x in X]
    named = RNNClassifier("gru", 8, **small).fit(frames, LABELS).start()
    with pytest.raises(ValueError, match=r"1e\+39 at stream 0 of the step, feature 'b'"):
        named.push({"a": 1.0, "b": 1e39, "c": 2.0})


def test_invalid_rows_and_names():
    """Positions are different ones of the streams; names are complete; a word is one symbol."""
    stream = classifier().start(n_streams=3)
    for rows in ([0, 0], [3], [0.5], np.array([], dtype=int)):
        with pytest.raises(ValueError, match="different positions of streams, from 0 to 2"):
            stream.push(X[:2, 0], rows=rows)
    frames = [pd.DataFrame(x, columns=["a", "b", "c"]) for x in X]
    named = RNNClassifier("gru", 8, **small).fit(frames, LABELS).start()
    with pytest.raises(ValueError, match=r"no \['b'\]"):
        named.push({"a": 1.0, "c": 2.0})
    with pytest.raises(ValueError, match="one step of each of the 1 streams"):
        generator(DOCUMENTS).start().push("to be")


def test_names_of_steps_without_names_in_fit():
    """A mapping is refused, and other steps with names cause the warning of predict."""
    step = {"a": 1.0, "b": 2.0, "c": 3.0}
    message = "RNNClassifier was fitted without names. Push the values as a list in the order"
    with pytest.raises(ValueError, match=message):
        classifier().start().push(step)
    with pytest.raises(ValueError, match=message):
        classifier().start(n_streams=2).push([step, step])
    with pytest.raises(ValueError, match="RNNClassifier was fitted without names"):
        RNNClassifier("gru", 8, **small).fit(WORDS, LABELS).start().push({"k": "on"})
    for named in (pd.Series(step), pd.DataFrame([step])):
        with pytest.warns(UserWarning, match="has feature names, but RNNClassifier was fitted"):
            classifier().start().push(named)
    single = RNNRegressor("gru", 8, **small).fit(list(X[:, :, 0]), NUMBERS)
    single.start(n_streams=2).push(pd.Series([1.0, 2.0], index=["machine 1", "machine 2"]))
