"""Hidden states, attention weights and inputs of networks are those of the predictions."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import log_softmax
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.inspection import attention_weights, hidden_states, network_inputs
from sksequence.preprocessing import StepTransformer

random = np.random.default_rng(0)
RAGGED = [random.normal(size=(n, 3)) for n in (4, 9, 6, 5, 7, 8, 4, 6)]
LONG = random.normal(size=(8, 40))
WORDS = [["a", "b", "c"], ["b"], ["c", "c", "a", "b"], ["a", "c"]] * 2
MIXED = [
    pd.DataFrame({"x": random.normal(size=n), "kind": list("ab" * n)[:n]}) for n in range(2, 10)
]
CELLS = pd.DataFrame({"x": [list(row[:, 0]) for row in RAGGED], "age": random.normal(size=8)})
LABELS = np.arange(8) % 2
STEPS = [np.arange(len(row)) % 2 for row in RAGGED]
TEXTS = ["to be or not", "to be", "whether", "tis nobler"]

CASES = {
    "ragged": ({}, RAGGED, LABELS),
    "two directions": ({"bidirectional": True, "merge_mode": "sum"}, RAGGED, LABELS),
    "scaled by sequence": ({"scale": "sequence"}, RAGGED, LABELS),
    "frames": ({"frame_length": 8, "frame_step": 3}, LONG, LABELS),
    "symbols": ({"n_estimators": 1}, WORDS, LABELS),
    "mixed": ({}, MIXED, LABELS),
    "static": ({}, CELLS, LABELS),
    "several networks": ({"n_estimators": 2, "num_layers": 2}, RAGGED, LABELS),
    "per step": ({}, RAGGED, STEPS),
}

POOLED = [case for case in CASES if case not in ("two directions", "static", "per step")]


def fit(X, y, **parameters):
    """Fit a small classifier in one direction."""
    small = {"hidden_size": 6, "max_epochs": 2, "bidirectional": False, "random_state": 0}
    return RNNClassifier("gru", **small | parameters).fit(X, y)


def fit_generator(X, y=None, **parameters):
    """Fit a small generator."""
    small = {"hidden_size": 6, "max_epochs": 2, "random_state": 0}
    return SequenceGenerator("gru", **small | parameters).fit(X, y)


def close(actual, expected):
    """Compare float32 results of products in another order."""
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


# Laws


@pytest.mark.parametrize("case", CASES)
def test_inputs_are_those_of_the_predictions(case):
    """The network, called with its input by hand, gives the log-probabilities of the classes."""
    parameters, X, y = CASES[case]
    classifier = fit(X, y, dropout=0.5, **parameters)
    classifier.module_.train()  # left so by a user
    with torch.no_grad():
        outputs = classifier.module_(**network_inputs(classifier, X)).numpy()
    members = np.split(outputs, parameters.get("n_estimators", 1), axis=1)
    mean = np.log(np.mean([np.exp(log_softmax(part, axis=1)) for part in members], axis=0))
    close(mean, np.concatenate(list(classifier.predict_log_proba(X))).reshape(mean.shape))


def test_inputs_require_gradients():
    """The gradient of a regressor's output reaches each real step, and no padded one."""
    regressor = RNNRegressor("gru", 6, max_epochs=2, random_state=0).fit(RAGGED, LABELS)
    inputs = network_inputs(regressor, RAGGED)
    inputs["values"].requires_grad_()
    regressor.module_(**inputs).sum().backward()
    has_gradient = (inputs["values"].grad != 0).all(dim=2)
    steps = torch.arange(has_gradient.shape[1]) < inputs["lengths"][:, None]
    assert torch.equal(has_gradient, steps)


def test_padding_of_the_inputs_is_ignored():
    """`module_` may be given anything at padded steps."""
    classifier = fit(RAGGED, LABELS)
    inputs = network_inputs(classifier, RAGGED)
    expected = classifier.module_(**inputs)
    padded = torch.arange(inputs["values"].shape[1]) >= inputs["lengths"][:, None]
    inputs["values"][padded] = torch.nan
    torch.testing.assert_close(classifier.module_(**inputs), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("case", "pooling"),
    [(case, pooling) for case in POOLED for pooling in ("last", "mean", "max")]
    # where the second direction ends at the first step
    + [("two directions", "mean"), ("two directions", "max")],
)
def test_pooled_states_are_the_features(case, pooling):
    """The pooling of the last layer's states is what `transform` returns."""
    parameters, X, y = CASES[case]
    classifier = fit(X, y, pooling=pooling, **parameters)
    pool = {"last": lambda rows: rows[-1], "mean": np.mean, "max": np.max}[pooling]
    options = {} if pooling == "last" else {"axis": 0}
    states = hidden_states(classifier, X)
    close(np.stack([pool(rows, **options) for rows in states]), classifier.transform(X))


def test_states_of_steps_are_the_features_of_steps():
    """With per-step targets, `transform` returns the states of the last layer."""
    classifier = fit(RAGGED, STEPS, num_layers=2)
    for rows, expected in zip(
        hidden_states(classifier, RAGGED), classifier.transform(RAGGED), strict=True
    ):
        close(rows, expected)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_layer_reads_the_states_of_the_layer_below(bidirectional):
    """The second layer, run on the states of the first one, gives its own states."""
    classifier = fit(RAGGED, LABELS, num_layers=2, bidirectional=bidirectional)
    first, second = (hidden_states(classifier, RAGGED, layer=layer) for layer in (0, 1))
    again = hidden_states(classifier, RAGGED, layer=-1)
    for below, above, last in zip(first, second, again, strict=True):
        np.testing.assert_array_equal(above, last)
        layer = classifier.module_.stack.forwards[1]
        with torch.no_grad():
            outputs, _ = layer(torch.from_numpy(below)[None], None, None)
        close(above[:, :6], outputs[0].numpy())


@pytest.mark.parametrize("case", [*POOLED, "two directions"])
def test_attention_weights_are_those_of_the_pooling(case):
    """They sum to 1, and the states with these weights are what `transform` returns."""
    parameters, X, y = CASES[case]
    classifier = fit(X, y, pooling="attention", **parameters)
    weights, states = attention_weights(classifier, X), hidden_states(classifier, X)
    assert all(len(own) == len(rows) for own, rows in zip(weights, states, strict=True))
    close([own.sum() for own in weights], 1.0)
    if parameters.get("n_estimators", 1) == 1:
        pooled = [own @ rows for own, rows in zip(weights, states, strict=True)]
        close(np.stack(pooled), classifier.transform(X))


@pytest.mark.parametrize("X", [TEXTS, TEXTS[:1]], ids=["documents", "text"])
def test_states_of_a_generator_predict_its_steps(X):
    """The output layer, applied to the states, gives the log-likelihoods of the steps."""
    generator = fit_generator(X)
    codes = {symbol: code for code, symbol in enumerate(generator.vocabulary_)}
    head = generator.module_.head
    states, steps = hidden_states(generator, X), generator.score_steps(X)
    for text, rows, expected in zip(X, states, steps, strict=True):
        logits = rows @ head.weight.detach().numpy().T + head.bias.detach().numpy()
        targets = [codes[symbol] for symbol in text] + [len(codes)] * (len(rows) > len(text))
        close(log_softmax(logits, axis=1)[np.arange(len(rows)), targets], expected)


def test_generators_of_numbers_have_a_state_per_step():
    """Also those that know some features beforehand."""
    generator = fit_generator(RAGGED, known_columns=[1])
    assert [rows.shape for rows in hidden_states(generator, RAGGED)] == [
        (len(row), 6) for row in RAGGED
    ]


def test_conditional_generators_read_labels():
    """The states depend on the label, which is required."""
    generator = fit_generator(TEXTS, ["a", "b", "a", "b"], conditional=True, max_epochs=4)
    first, other = (hidden_states(generator, TEXTS[:1], [label])[0] for label in "ab")
    assert not np.allclose(first, other)
    with pytest.raises(ValueError, match=r"conditional generator reads the label .* as y"):
        hidden_states(generator, TEXTS)


def test_pipelines_and_searches_are_read():
    """The earlier steps of a pipeline are applied, and the best estimator of a search is taken."""
    pipeline = make_pipeline(StepTransformer(StandardScaler()), fit(RAGGED, LABELS))
    search = GridSearchCV(pipeline, {"rnnclassifier__pooling": ["attention"]}, cv=2)
    search.fit(RAGGED, LABELS)
    scaler, classifier = search.best_estimator_
    scaled = scaler.transform(RAGGED)
    for function in (hidden_states, attention_weights):
        for rows, expected in zip(
            function(search, RAGGED), function(classifier, scaled), strict=True
        ):
            np.testing.assert_array_equal(rows, expected)
    alone = make_pipeline(classifier)
    torch.testing.assert_close(
        network_inputs(alone, scaled)["values"], network_inputs(search, RAGGED)["values"]
    )


# Errors


def test_other_estimators_are_refused():
    """The error states what to pass instead."""
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(LONG, LABELS)
    with pytest.raises(TypeError, match=r"hidden_states reads .* got LogisticRegression. Pass"):
        hidden_states(linear, LONG)
    with pytest.raises(NotFittedError):
        network_inputs(RNNClassifier(), LONG)
    with pytest.raises(NotFittedError):
        network_inputs(make_pipeline(RNNClassifier()), LONG)


def test_layers_and_poolings_that_are_not_there_are_refused():
    """The errors list what there is."""
    with pytest.raises(ValueError, match=r"layer=2 is not a layer .* num_layers=2. Choose .* to 1"):
        hidden_states(fit(RAGGED, LABELS, num_layers=2), RAGGED, layer=2)
    with pytest.raises(ValueError, match=r"attention_weights needs .* this one has pooling='mean'"):
        attention_weights(fit(RAGGED, LABELS, pooling="mean"), RAGGED)
    with pytest.raises(ValueError, match=r"has per-step targets and no pooling. Fit with pooling="):
        attention_weights(fit(RAGGED, STEPS), RAGGED)
