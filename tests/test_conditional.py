"""Generators conditioned on a label: samples, likelihoods and predicted labels."""

import pickle

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chisquare
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from sksequence import SequenceGenerator
from sksequence._language._steppers import LeanStepper, TorchStepper


def toy(n_sequences=90):
    """Return texts of two kinds, one twice as frequent; letters of both kinds occur in both."""
    random = np.random.default_rng(0)
    y = np.where(np.arange(n_sequences) % 3 == 0, "cold", "warm")
    chances = {"cold": [0.6, 0.3, 0.1], "warm": [0.1, 0.3, 0.6]}
    X = [
        "".join(random.choice(list("abc"), size=random.integers(3, 8), p=chances[kind]))
        for kind in y
    ]
    return X, y


def small(**parameters):
    """Return an unfitted conditional generator that trains quickly."""
    defaults = {"hidden_size": 16, "max_epochs": 12, "conditional": True, "random_state": 0}
    return SequenceGenerator(**(defaults | parameters))


@pytest.fixture(scope="module")
def fitted():
    """Return a fitted generator for tests that do not change it."""
    return small().fit(*toy())


def test_classes_and_frequencies_are_learnt(fitted):
    """Labels are sorted and have frequencies; other generators have neither."""
    assert fitted.classes_.tolist() == ["cold", "warm"]
    np.testing.assert_allclose(np.exp(fitted.class_log_prior_), [1 / 3, 2 / 3])
    plain = small(conditional=False, max_epochs=1).fit(*toy())
    assert not hasattr(plain, "classes_")
    assert not hasattr(plain, "predict_label")


@pytest.mark.parametrize("label", ["cold", "warm"])
def test_samples_follow_the_choices_of_their_label(fitted, label):
    """The first symbols of many samples have the probabilities of `top_choices`."""
    wanted = dict(fitted.top_choices("a", k=9, label=label))
    samples = fitted.generate("a", n_samples=2000, max_steps=1, label=label, random_state=1)
    counts = [sum(s[1:] == (symbol or "") for s in samples) for symbol in wanted]
    expected = 2000 * np.array(list(wanted.values()))
    assert expected.sum() == pytest.approx(2000)
    assert chisquare(counts, expected * (2000 / expected.sum())).pvalue > 0.001


def test_empty_sequences_have_the_frequencies_of_labels(fitted):
    """Before the first symbol, p(label) is its frequency; an immediate end changes it."""
    frequencies = np.exp(fitted.class_log_prior_)
    symbols = [*fitted.vocabulary_, None]
    firsts = [dict(fitted.top_choices(k=9, label=label)) for label in fitted.classes_]
    given = np.array([[p[symbol] for symbol in symbols] for p in firsts])
    mixed = fitted.predict_proba(["", "ab", ""])[[0, 2]]
    np.testing.assert_allclose(mixed, [frequencies @ given] * 2, atol=1e-6)
    ends = frequencies * given[:, -1]
    np.testing.assert_allclose(
        fitted.predict_label_proba(["ab", ""])[1], ends / ends.sum(), atol=1e-5
    )


def test_labels_steer(fitted):
    """The texts of a label consist of its letters."""
    texts = {
        k: "".join(fitted.generate(n_samples=60, label=k, random_state=0)) for k in ("cold", "warm")
    }
    fraction = {k: text.count("a") / len(text) for k, text in texts.items()}
    assert fraction["cold"] > fraction["warm"] + 0.2


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "feedforward"])
def test_choices_step_by_step_add_up_to_the_score(cell):
    """The score given a label is the sum of the logarithms in `top_choices`, end included."""
    X, y = toy(30)
    model = small(cell=cell, max_epochs=2).fit(X, y)
    text = "abcab"
    for label in model.classes_:
        total = 0.0
        for i, symbol in enumerate([*text, None]):
            total += np.log(dict(model.top_choices(text[:i], k=9, label=label))[symbol])
        assert model.score_samples([text], [label])[0] == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("stepper", [LeanStepper, TorchStepper])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_way_to_step_writes_the_same(stepper, layers, monkeypatch):
    """All steppers generate the same texts with a label."""
    model = small(num_layers=layers, max_epochs=2).fit(*toy(30))

    def texts():
        return model.generate(["a", "cb"], n_samples=5, max_steps=20, label="warm", random_state=3)

    before = texts()
    monkeypatch.setattr(
        "sksequence._language._language_model.make_stepper",
        lambda network, outputs, state, label: stepper(network, outputs, state, label),
    )
    assert texts() == before


def test_stream_and_beams_take_a_label(fitted):
    """`stream` yields the text of `generate`; a single beam gives the greedy text."""
    arguments = {"max_steps": 15, "label": "cold"}
    whole = fitted.generate("b", **arguments, random_state=5)
    assert "b" + "".join(fitted.stream("b", **arguments, random_state=5)) == whole
    assert fitted.generate("b", **arguments, num_beams=1) == fitted.generate(
        "b", **arguments, top_k=1
    )


def test_likelihood_without_labels_sums_them_out(fitted):
    """Without y, sequences and their steps have the likelihood of the mixture of all labels."""
    X, _ = toy(12)
    each = [fitted.score_samples(X, [label] * len(X)) for label in fitted.classes_]
    mixed = logsumexp(np.array(each) + fitted.class_log_prior_[:, None], axis=0)
    np.testing.assert_allclose(fitted.score_samples(X), mixed, rtol=1e-9)
    steps = fitted.score_steps(X)
    np.testing.assert_allclose([s.sum() for s in steps], mixed, rtol=1e-9)
    assert fitted.score(X) == pytest.approx(np.concatenate(steps).mean())
    assert fitted.perplexity(X) == pytest.approx(np.exp(-fitted.score(X)))


def test_true_labels_make_sequences_likelier(fitted):
    """Sequences are likelier given their labels."""
    X, y = toy()
    assert fitted.score(X, y) > fitted.score(X)


def test_next_symbol_is_predicted_by_the_mixture(fitted):
    """`predict_proba` agrees with likelihoods of sequences that end and of those that go on."""
    p = fitted.predict_proba(["ab"])[0]
    np.testing.assert_allclose(p.sum(), 1)
    steps = fitted.score_steps(["aba", "abb", "abc"])
    codes = [fitted.vocabulary_[s] - 1 for s in "abc"]
    np.testing.assert_allclose(np.log(p[codes]), [s[2] for s in steps], atol=1e-5)
    assert p[-1] == pytest.approx(np.exp(fitted.score_steps(["ab"])[0][2]), abs=1e-5)
    assert fitted.predict(["ab"]).shape == (1,)
    assert fitted.transform(["ab", "c"]).shape == (2, 16)


def test_a_label_may_be_impossible(fitted):
    """If a long text leaves no probability for a label, nothing overflows."""
    long = ["a" * 4000]
    assert fitted.predict_label_proba(long)[0].tolist() == [1.0, 0.0]
    assert np.isfinite(fitted.predict_proba(long)).all()
    assert np.isfinite(fitted.transform(long)).all()
    assert np.isfinite(fitted.score(long))


def test_labels_follow_by_the_rule_of_bayes(fitted):
    """Probabilities of labels sum to one, follow Bayes' rule and find the label."""
    X, y = toy()
    p = fitted.predict_label_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    each = np.array([fitted.score_samples(X, [label] * len(X)) for label in fitted.classes_]).T
    joint = each + fitted.class_log_prior_
    np.testing.assert_allclose(
        np.log(p), joint - logsumexp(joint, axis=1, keepdims=True), atol=1e-6
    )
    assert np.mean(fitted.predict_label(X) == y) > 0.8


def test_samples_have_labels_by_their_frequency(fitted):
    """The fraction of samples of each label is its frequency."""
    X = ["aaaa", "bbbb", "bbbb"] * 20
    model = small(max_epochs=40).fit(X, [0, 1, 1] * 20)
    found = model.sample(300, random_state=0)
    assert np.mean(["b" in text for text in found]) == pytest.approx(2 / 3, abs=0.09)
    assert found[:7] == model.sample(7, random_state=0)


def test_streams_keep_their_label():
    """All pieces of a long text that is cut are learnt with its label."""
    model = small(tbptt_steps=8, max_epochs=30, batch_size=8).fit(["ab" * 400, "ac" * 400], [3, 5])
    assert model.generate("a", max_steps=40, top_k=1, label=3).count("c") == 0
    assert model.generate("a", max_steps=40, top_k=1, label=5).count("b") == 0
    assert model.predict_label(["abab" * 9, "acac" * 9]).tolist() == [3, 5]


def test_pickle_gives_the_same_bits(fitted):
    """A copy scores and generates the same."""
    X, y = toy(9)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.score_samples(X, y), fitted.score_samples(X, y))
    assert np.array_equal(again.predict_label_proba(X), fitted.predict_label_proba(X))
    arguments = {"label": "cold", "random_state": 2}
    assert again.generate("a", **arguments) == fitted.generate("a", **arguments)
    assert np.array_equal(again.classes_, fitted.classes_)


def test_order_of_sequences_does_not_matter():
    """With shuffling, the order of sequences and labels does not change a fit."""
    X, y = toy(30)
    order = np.random.default_rng(1).permutation(30)
    first = small(max_epochs=2).fit(X, y)
    second = small(max_epochs=2).fit([X[i] for i in order], y[order])
    assert np.array_equal(first.score_samples(X, y), second.score_samples(X, y))


def test_partial_fit_goes_on_with_known_labels():
    """Later calls may have fewer labels but no new ones."""
    X, y = toy(30)
    model = small().partial_fit(X, y).partial_fit(X[:1], y[:1])
    assert model.n_iter_ == 2
    assert model.classes_.tolist() == ["cold", "warm"]
    with pytest.raises(ValueError, match=r"The label 'hot' is not among .* \['cold', 'warm'\]"):
        model.partial_fit(X[:1], ["hot"])


def test_grid_search_and_clone():
    """A search uses the likelihood given the labels; clones keep the parameter."""
    X, y = toy(30)
    grid = GridSearchCV(small(max_epochs=1), {"hidden_size": [8, 12]}, cv=KFold(2))
    best = grid.fit(X, y).best_estimator_
    assert clone(best).conditional is True
    assert best.classes_.tolist() == ["cold", "warm"]


def test_words_integers_and_rare_symbols_take_labels():
    """All kinds of symbols may have labels, also the unknown symbol."""
    X = [["x", "y"], ["y", "z", "x"], ["x"]] * 4
    model = small(max_epochs=1, max_features=2).fit(X, [0, 1, 1] * 4)
    assert np.isfinite(model.score_samples([["q", "x"]])).all()
    np.testing.assert_allclose(model.predict_proba([["x"]]).sum(), 1)
    numbers = small(max_epochs=1).fit(np.array([[1, 2, 3], [3, 2, 1]] * 4), [True, False] * 4)
    assert numbers.predict_label(np.array([[1, 2, 3]])).dtype == bool


def test_y_is_ignored_unless_conditional():
    """A generator without labels ignores y."""
    X, _ = toy(9)
    plain = small(conditional=False, max_epochs=1)
    scores = plain.fit(X, [None]).score_samples(X, "anything")
    assert np.array_equal(scores, plain.fit(X).score_samples(X))


def test_label_errors_of_generation(fitted):
    """Errors for a label that is missing, unknown, or not allowed."""
    with pytest.raises(
        ValueError, match=r"is conditional .* pass label=, one of \['cold', 'warm'\]"
    ):
        fitted.generate("a")
    with pytest.raises(ValueError, match=r"pass label="):
        fitted.stream("a")
    with pytest.raises(ValueError, match=r"The label 'hot' is not among"):
        fitted.top_choices("a", label="hot")
    with pytest.raises(ValueError, match=r"The label \['cold'\] is not among"):
        fitted.generate("a", label=["cold"])
    plain = small(conditional=False, max_epochs=1).fit(["ab", "b"])
    with pytest.raises(ValueError, match=r"label='cold' was given, but .* without labels"):
        plain.generate("a", label="cold")
    with pytest.raises(AttributeError, match=r"predict_label"):
        plain.predict_label(["a"])


def test_label_errors_of_fit(fitted):
    """Errors for missing labels, a wrong number of them, and labels of numbers."""
    X, y = toy(9)
    with pytest.raises(ValueError, match=r"requires y to be passed, but the target y is None"):
        small().fit(X)
    with pytest.raises(ValueError, match=r"X has 9 sequences, y has 8"):
        small().fit(X, y[:8])
    with pytest.raises(ValueError, match=r"X has 9 sequences, y has 8"):
        fitted.score_samples(X, y[:8])
    with pytest.raises(ValueError, match=r"conditional=True requires symbols, but X holds numbers"):
        small().fit(np.zeros((3, 4)), [0, 1, 1])
    with pytest.raises(ValueError, match=r"conditional is now False"):
        small(max_epochs=1).fit(X, y).set_params(conditional=False).partial_fit(X)
