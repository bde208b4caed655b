"""Several networks in one generator: means of distributions; each path from one network."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from sklearn.base import clone

from sksequence import SequenceGenerator
from sksequence._cells import CELLS
from tests.helpers import DOCUMENTS, fit_generator

KINDS = ["hum", "talk"] * 10
RANDOM = np.random.RandomState(0)
SINES = np.sin(np.arange(20) / 2 + 6 * RANDOM.rand(12)[:, None]) + 0.1 * RANDOM.randn(12, 20)
SINES = SINES[:, :, None]
PROMPTS = ["to", "q", "question"]
make = partial(fit_generator, max_epochs=3, n_estimators=3)


def members_of(model, X, y=None):
    """Return one generator for each of the networks."""
    found = []
    for member in model.module_.members:
        alone = clone(model).set_params(n_estimators=1, max_epochs=1).fit(X, y)
        alone.module_.load_state_dict(member.state_dict())
        found.append(alone)
    return found


@pytest.fixture(scope="module")
def texts():
    """Fit on texts; return the generator and one generator for each network."""
    model = make()
    return model, members_of(model, DOCUMENTS)


@pytest.fixture(scope="module")
def series():
    """Fit on series; return the generator and one generator for each network."""
    model = make(SINES)
    return model, members_of(model, SINES)


# --- laws: fitting -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "parameters"),
    [
        (DOCUMENTS, {}),
        (DOCUMENTS, {"tbptt_steps": None}),
        (DOCUMENTS, {"tie_weights": True}),
        (["".join(DOCUMENTS)], {"tbptt_steps": 8}),
        (SINES, {"dropout": 0.0}),
        (SINES, {"dropout": 0.0, "loss": "quantile", "tbptt_steps": 8}),
    ],
    ids=str,
)
def test_each_learns_as_if_it_were_alone(X, parameters):
    """The first network equals a single one up to rounding; the others differ from it."""
    model = make(X, **parameters)
    alone = clone(model).set_params(n_estimators=1).fit(X)
    first, second, _ = model.module_.members
    for one, other in zip(first.parameters(), alone.module_.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
    assert not torch.equal(first.head.bias, second.head.bias)


@pytest.mark.parametrize("X", [DOCUMENTS, SINES], ids=["texts", "numbers"])
def test_training_goes_on_after_a_pickle(X):
    """Training continues to the same bits; another number of networks is an error."""
    model = make(X).partial_fit(X)
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(twin.score_samples(X), model.score_samples(X))
    assert np.array_equal(
        twin.partial_fit(X).score_samples(X), model.partial_fit(X).score_samples(X)
    )
    assert model.set_params(warm_start=True).fit(X).n_iter_ == 3
    with pytest.raises(ValueError, match=r"n_estimators is now 2, but .* was built with 3"):
        model.set_params(n_estimators=2).fit(X)


# --- laws: symbols -------------------------------------------------------------------------------


def test_probabilities_are_means(texts):
    """Predicted probabilities and likelihoods of steps are means over the networks."""
    model, members = texts
    p = np.mean([member.predict_proba(PROMPTS) for member in members], axis=0)
    assert model.predict_proba(PROMPTS) == pytest.approx(p, rel=1e-5)
    symbols = np.array([*model.vocabulary_])
    assert model.predict(PROMPTS).tolist() == symbols[p[:, : len(symbols)].argmax(axis=1)].tolist()
    steps = np.mean([np.exp(member.score_steps(["to be"])[0]) for member in members], axis=0)
    assert np.exp(model.score_steps(["to be"])[0]) == pytest.approx(steps, rel=1e-5)


@pytest.mark.parametrize("parameters", [{}, {"max_features": 8}], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_score_of_a_text_is_its_probability_of_being_generated(cell, parameters):
    """Likelihoods add up `top_choices`; a limited vocabulary excludes the unknown symbol."""
    model = make(cell=cell, **parameters)
    text = model.generate(max_steps=30, random_state=1)
    choices = [dict(model.top_choices(text[:i], k=99)) for i in range(len(text))]
    logs = [np.log(choice[symbol]) for choice, symbol in zip(choices, text, strict=True)]
    steps = model.score_steps([text])[0][: len(text)]
    if not parameters:
        assert steps == pytest.approx(logs, rel=1e-4)
    assert np.all(steps <= np.array(logs) + 1e-5)


@pytest.mark.parametrize("parameters", [{}, {"max_features": 8}], ids=str)
def test_samples_follow_the_probabilities(parameters):
    """The frequencies of first and second symbols are their probabilities."""
    model = make(**parameters)
    drawn = [text[2:] for text in model.generate("th", max_steps=2, n_samples=3000, random_state=0)]
    for prompt, position in (("th", 0), ("the", 1)):
        probabilities = dict(model.top_choices(prompt, k=99))
        next_ones = [
            d[position : position + 1] or None for d in drawn if d[:position] == prompt[2:]
        ]
        common = [name for name, p in probabilities.items() if p * len(next_ones) >= 5]
        counts = [next_ones.count(name) for name in common]
        expected = np.array([probabilities[name] for name in common])
        if len(common) < len(probabilities):  # the rare ones together
            counts.append(len(next_ones) - sum(counts))
            expected = np.append(expected, 1 - expected.sum())
        assert sum(counts) == len(next_ones)
        assert chisquare(counts, expected / expected.sum() * len(next_ones)).pvalue > 0.01


def test_ways_to_generate_agree(texts):
    """`stream` equals `generate`, one beam the greedy text; prompts do not affect each other."""
    model, _ = texts
    arguments = {"max_steps": 20, "random_state": 5}
    whole = model.generate("b", **arguments)
    assert "b" + "".join(model.stream("b", **arguments)) == whole
    assert model.generate(["b", "q", "whe"], **arguments)[0] == whole
    greedy = [
        model.generate("t", max_steps=20, **rule) for rule in ({"top_k": 1}, {"num_beams": 1})
    ]
    assert greedy[0] == greedy[1]
    assert isinstance(model.generate("t", max_steps=9, num_beams=3, no_repeat_ngram_size=2), str)


def test_symbols_do_not_depend_on_other_sequences(texts):
    """A sequence has the same bits alone, in a batch and in another order."""
    model, _ = texts
    together = model.score_samples(DOCUMENTS)
    assert np.array_equal(model.score_samples(DOCUMENTS[::-1]), together[::-1])
    assert model.score_samples(DOCUMENTS[1:2])[0] == together[1]
    assert np.array_equal(model.predict_proba(PROMPTS)[:1], model.predict_proba(PROMPTS[:1]))


def test_labels_are_summed_out_of_the_means():
    """Given a label, probabilities are means; without one, those of the mixture of all labels."""
    model = make(DOCUMENTS, KINDS, conditional=True)
    members = members_of(model, DOCUMENTS, KINDS)
    each = [np.exp(member.score_steps(["to be"], ["hum"])[0]) for member in members]
    assert np.exp(model.score_steps(["to be"], ["hum"])[0]) == pytest.approx(
        np.mean(each, axis=0), rel=1e-5
    )
    p = model.predict_proba(["to"])[0]
    assert p.sum() == pytest.approx(1.0)
    longer = [np.exp(model.score_steps(["to" + s])[0][2]) for s in model.vocabulary_]
    assert p[:-1] == pytest.approx(longer, rel=1e-4)
    text = model.generate("b", label="hum", max_steps=9, random_state=0)
    assert "b" + "".join(model.stream("b", label="hum", max_steps=9, random_state=0)) == text


# --- laws: numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["student_t", "gaussian", "quantile"])
def test_densities_are_means(loss):
    """The density of a step is the mean over the networks, and integrates to one."""
    model = make(SINES, loss=loss)
    members = members_of(model, SINES)
    each = [np.exp(np.stack(list(member.score_steps(SINES)))) for member in members]
    found = np.exp(np.stack(list(model.score_steps(SINES))))
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-4)
    each = [member.predict(SINES) for member in members]
    assert model.predict(SINES) == pytest.approx(np.mean(each, axis=0), rel=1e-4, abs=1e-6)


def test_a_path_follows_one_network(series):
    """A path equals that of a single network; networks take turns."""
    model, members = series
    arguments = {"horizon": 5, "random_state": 3}
    paths = model.forecast(SINES, n_samples=7, **arguments).paths
    each = np.stack([member.forecast(SINES, n_samples=7, **arguments).paths for member in members])
    fits = np.isclose(each, paths, rtol=1e-4, atol=1e-4).all(axis=3)
    assert np.array_equal(fits.sum(axis=0), np.ones((12, 7)))
    assert np.all(fits.sum(axis=2) >= 2)
    assert fits[:, :, 0].any(axis=1).all()  # the first path is any network's
    first = model.forecast(SINES, n_samples=2, **arguments).paths
    np.testing.assert_allclose(first, paths[:, :2], rtol=1e-5, atol=1e-5)


def test_paths_do_not_depend_on_other_series(series):
    """The forecast of a series is the same alone and in a batch."""
    model, _ = series
    arguments = {"horizon": 4, "n_samples": 9, "random_state": 0}
    together = model.forecast(SINES, **arguments).paths
    alone = model.forecast(SINES[4:5], **arguments).paths
    np.testing.assert_allclose(alone[0], together[4], rtol=1e-5, atol=1e-5)


def test_first_steps_are_drawn_from_the_density(series):
    """Samples of one step follow the density of `score_steps`."""
    model, _ = series
    drawn = np.sort(model.forecast(SINES[:1], 1, n_samples=3000, random_state=0).paths[0, :, 0])
    grid = np.linspace(-4, 4, 2001)
    density = np.exp(
        [s[-1] for s in model.score_steps([np.append(SINES[0], x)[:, None] for x in grid])]
    )
    below = np.cumsum(density) * (grid[1] - grid[0])
    assert below[-1] == pytest.approx(1.0, abs=0.02)
    fraction = np.searchsorted(drawn, grid) / len(drawn)
    assert np.abs(fraction - below).max() < 0.03


# --- examples ------------------------------------------------------------------------------------


def test_states_stand_side_by_side(texts):
    """Hidden states are concatenated, those of the first network first."""
    model, members = texts
    states = model.transform(PROMPTS)
    assert states.shape == (3, 48) == (3, len(model.get_feature_names_out()))
    assert states[:, 16:32] == pytest.approx(members[1].transform(PROMPTS), abs=1e-6)


def test_one_network_by_default():
    """By default there is one network, without an ensemble."""
    assert SequenceGenerator().n_estimators == 1
    assert not hasattr(make(n_estimators=1).module_, "members")


def test_at_least_one_network():
    """Zero networks are an error."""
    with pytest.raises(ValueError, match="'n_estimators' parameter of SequenceGenerator must be"):
        make(n_estimators=0)
