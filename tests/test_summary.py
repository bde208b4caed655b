"""Summaries count the parameters that there are, and measure memory and cost."""

import re

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._base import BaseRNN
from sksequence._base._html_repr import LINK
from sksequence.cells import FeedForward
from sksequence.inspection import summary
from sksequence.preprocessing import StepTransformer

random = np.random.default_rng(0)
RAGGED = [random.normal(size=(n, 3)) for n in (4, 9, 6, 5, 7, 8, 4, 6)]
LABELS = np.arange(8) % 3
TEXTS = ["to be or not", "to be", "whether", "tis nobler"]


def fit(cell="gru", X=RAGGED, y=LABELS, **parameters):
    """Fit a small classifier."""
    small = {"hidden_size": 6, "max_epochs": 1, "random_state": 0}
    return RNNClassifier(cell, **small | parameters).fit(X, y)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"num_layers": 2, "pooling": "attention"}, {"bidirectional": False}, {"n_estimators": 3}],
)
def test_parameters_are_those_of_the_network(parameters):
    """The parts add up to the parameters of the network, one of several if there are more."""
    classifier = fit(**parameters)
    result = summary(classifier)
    n = sum(p.numel() for p in classifier.module_.parameters())
    assert result.n_parameters == n
    assert sum(size for _, _, size in result.layers) == n // parameters.get("n_estimators", 1)
    assert result.auto_params == classifier.auto_params_
    directions = 2 if parameters.get("bidirectional", True) else 1
    layers = [name for name, _, _ in result.layers if "layer " in name]
    assert layers[0] == "gru layer 0"
    assert len(layers) == directions * parameters.get("num_layers", 1)


def test_the_cost_is_that_of_the_matrices():
    """Each weight of a matrix is used once per step, those of the output layer once."""
    classifier = fit(bidirectional=False)
    per_step = 3 * 6 * (3 + 6)
    assert f"{per_step} multiplications per step" in summary(classifier).facts["cost"]
    total = 10 * per_step + 6 * 3
    cost = summary(classifier, random.normal(size=(5, 10, 3))).facts["cost"]
    assert cost.startswith(f"{total:,} multiplications and ")
    assert cost.endswith(" ms per sequence of 10 steps")


def test_memory_is_measured():
    """A feedforward network has a fixed one; a plain one that vanishes is shorter than X."""
    assert summary(fit(FeedForward(context_size=4))).facts["memory"] == "4 steps of the network"
    X, y = random.normal(size=(20, 80, 2)), np.arange(20) % 2
    for cell, parameters in (("rnn", {"pooling": "last"}), ("rnn", {"pooling": "mean"})):
        classifier = fit(cell, X, y, bidirectional=False, **parameters)
        memory = summary(classifier, X).facts["memory"]
        if parameters["pooling"] == "mean":
            assert memory == "all steps of X"
        else:
            assert 1 <= int(memory.split()[0]) < 80
    assert summary(fit(FeedForward())).layers[1][0] == summary(fit("feedforward")).layers[1][0]
    assert summary(classifier).facts["memory"].endswith("pass X to measure it")


@pytest.mark.parametrize("conditional", [False, True])
def test_generators_have_summaries(conditional):
    """Symbols and numbers; labels are not needed."""
    parameters = {"hidden_size": 6, "max_epochs": 1, "conditional": conditional}
    generator = SequenceGenerator("lstm", **parameters).fit(TEXTS, [0, 1, 0, 1])
    result = summary(generator, TEXTS)
    assert result.title == "SequenceGenerator of text"
    assert "symbols as" in result.layers[0][1]
    numbers = SequenceGenerator("gru", 6, max_epochs=1).fit(RAGGED)
    assert "ms per sequence" in summary(numbers, RAGGED).facts["cost"]


def test_summaries_are_printed():
    """As text with the numbers of parameters, and as an escaped table."""
    pipeline = make_pipeline(
        StepTransformer(StandardScaler()), RNNRegressor("gru", 6, max_epochs=1)
    )
    result = summary(pipeline.fit(RAGGED, LABELS), RAGGED)
    text, page = repr(result), result._repr_html_()
    for name, description, size in result.layers:
        assert f"{name} " in text
        assert f"<td>{name}</td><td>{description}</td><td>{size:,}</td>" in page
    assert f"{result.n_parameters:,}" in text
    assert "cell='gru'" not in text  # it was given
    assert "auto: " in text
    assert "memory: " in text


def test_shrinkage_is_in_summaries():
    """Predictions that are all the mean of y are told; where nothing is moved, there is no line."""
    model = RNNRegressor("gru", 6, max_epochs=1, random_state=0).fit(RAGGED, LABELS)
    for shrinkage, line in [
        (1.0, "shrinkage: 1, all predictions are the mean of y"),
        (0.25, "shrinkage: 0.25 of the way to the mean of y"),
        (np.array([0.0, 1.0]), "shrinkage: 0 to 1 of the way to the mean of y"),
        (np.array([1.0, 1.0]), "shrinkage: 1, all predictions are the mean of y"),
    ]:
        model.shrinkage_ = shrinkage
        assert line in repr(summary(model))
    model.set_params(loss="absolute_error")
    assert "all predictions are the median of y" in repr(summary(model))
    model.set_params(loss="auto").shrinkage_ = 0.0
    assert "shrinkage" not in repr(summary(model))
    model.set_params(residual="last").shrinkage_ = 1.0
    assert "shrinkage: 1, all predictions are the naive forecast" in repr(summary(model))


def test_reprs_of_estimators_have_no_foreign_links():
    """Links of a notebook lead to no documentation of others."""
    transformer = StepTransformer(StandardScaler())
    for estimator in (fit(), RNNRegressor(), SequenceGenerator(), transformer):
        name = type(estimator).__name__
        assert f"Documentation for {name}" not in estimator._repr_html_()
    assert "href=" not in fit()._repr_html_()


def test_links_lead_to_the_pages_of_our_documentation(monkeypatch):
    """Once it has an address, estimators link to their pages, below the names of their modules."""
    address = LINK.replace("{estimator_name}", "RNNClassifier")
    monkeypatch.setattr(BaseRNN, "_doc_link_module", "sksequence")
    monkeypatch.setattr(BaseRNN, "_doc_link_template", "https://docs.test" + LINK)
    page = fit()._repr_html_()
    expected = "https://docs.test" + address.replace("{estimator_module}", "sksequence")
    assert f'href="{expected}"' in page
    links = re.findall(r'href="([^"]*)"', page)
    assert all(link.startswith(expected) for link in links)


def test_reprs_of_estimators_do_not_number_hidden_states():
    """The HTML has parameters and fitted attributes, but no list of output features."""
    classifier = fit()
    page = classifier._repr_html_()
    assert "Fitted attributes" in page
    assert "rnnclassifier0" in estimator_html_repr(classifier)
    assert "rnnclassifier0" not in page
    assert '<div class="features' not in page
    assert "Parameters" in RNNClassifier()._repr_html_()


def test_other_estimators_are_refused():
    """The error names what is expected."""
    with pytest.raises(TypeError, match=r"summary reads the network .* got StandardScaler"):
        summary(StandardScaler())
