"""SequenceGenerator on symbols: likelihoods, predictions, generated texts, errors."""

import pickle

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from sklearn.model_selection import GridSearchCV

from sksequence import SequenceGenerator, Sequences
from sksequence._cells import CELLS
from sksequence._net import last_outputs, network_features
from sksequence._tasks import SymbolTask
from tests.helpers import DOCUMENTS
from tests.helpers import fit_generator as make

TEXT = "the cat sat on the mat. " * 30


@pytest.fixture(scope="module")
def documents():
    """Fit on several short texts, whose ends are learnt."""
    return make()


@pytest.fixture(scope="module")
def writer():
    """Fit on one long text, whose end cannot be learnt."""
    return make([TEXT], hidden_size=24, max_epochs=30)


def log_probabilities(generator, text):
    """Return log p of each step of a text but the first, one prefix at a time."""
    names = list(generator.vocabulary_)
    p = generator.predict_proba([text[: i + 1] for i in range(len(text))])
    columns = [names.index(symbol) for symbol in text[1:]]
    columns += [len(names)] * (p.shape[1] > len(names))
    return np.log(p[np.arange(len(columns)), columns])


def first_probabilities(generator):
    """Return the probabilities of the first symbol, and of the end if it is learnt."""
    codec = generator._blueprint.codec
    nothing = codec.context(Sequences(None, [0, 0], np.empty((0, 1), np.int32)))
    return codec.probabilities(last_outputs(generator.net_, generator._blueprint.prepare(nothing)))[
        0
    ]


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("X", [DOCUMENTS, [TEXT]], ids=["documents", "text"])
@pytest.mark.parametrize("cell", CELLS)
def test_likelihood_is_the_product_of_predicted_probabilities(cell, X):
    """The likelihood of a text is the product over its steps and its end, given the prefixes."""
    generator = make(X, cell, max_epochs=2, num_layers=2)
    text = X[0][:40]
    first = np.log(first_probabilities(generator)[list(generator.vocabulary_).index(text[0])])
    stepwise = log_probabilities(generator, text).sum()
    assert generator.score_samples([text])[0] == pytest.approx(first + stepwise, rel=1e-5)


def test_probabilities_are_a_distribution(documents, writer):
    """Probabilities sum to one; a learnt end has a column of its own."""
    for generator, n_ends in [(documents, 1), (writer, 0)]:
        p = generator.predict_proba(["th", "t", "q"])
        assert p.shape == (3, len(generator.vocabulary_) + n_ends)
        assert p.sum(axis=1) == pytest.approx(1.0)
        firsts = first_probabilities(generator)
        assert firsts.sum() == pytest.approx(1.0)
        ends = [log_probabilities(generator, s).sum() for s in generator.vocabulary_]
        likelihoods = generator.score_samples(list(generator.vocabulary_))
        assert likelihoods == pytest.approx(np.log(firsts[: len(ends)]) + ends, rel=1e-5)


def test_first_samples_follow_predict_proba(documents):
    """The first symbols of `generate` have the frequencies of `predict_proba`, ends included."""
    names = [*documents.vocabulary_, ""]
    for prompt, expected in [
        ("th", documents.predict_proba(["th"])[0]),
        (None, first_probabilities(documents)),
    ]:
        texts = documents.generate(prompt, max_steps=1, n_samples=3000, random_state=0)
        added = [text.removeprefix(prompt or "") for text in texts]
        counts = [added.count(name) for name in names]
        assert chisquare(counts, 3000 * expected).pvalue > 0.01


def test_an_empty_document_has_its_end(documents, writer):
    """An empty sequence has a probability, so the score of every sample is finite."""
    first = first_probabilities(documents)
    steps = documents.score_steps(["", "to", ""])
    assert [len(row) for row in steps] == [1, 3, 1]
    assert documents.score_samples([""]) == pytest.approx(np.log(first[-1:]), rel=1e-5)
    assert documents.score_samples(["to", ""])[1] == steps[0][0] == steps[2][0]
    assert documents.predict_proba(["", "to", ""])[[0, 2]] == pytest.approx(np.stack([first] * 2))
    assert documents.perplexity([""]) == pytest.approx(1 / first[-1])
    brief = make([["a"], ["b"], ["b", "a"]] * 4, max_epochs=1)
    samples = brief.sample(40, random_state=0)
    assert [] in samples
    assert np.isfinite(brief.score_samples(samples)).all()
    ended = brief.score_samples([["a"], []])[1]
    assert brief.score_samples([[], []]).tolist() == [ended, ended]
    with pytest.raises(ValueError, match="Sequence 0 of X is empty"):
        writer.score_samples([""])


def test_perplexity_may_be_infinite():
    """An impossible sequence causes no warning."""
    generator = make(np.random.RandomState(0).normal(size=(6, 20)), max_epochs=1, loss="gaussian")
    assert generator.perplexity(np.full((1, 20), 1e9)) == np.inf


def test_results_do_not_depend_on_other_sequences(documents):
    """A sequence has the same bits alone, in a batch and in another order."""
    X = [text[: 3 + i % 9] for i, text in enumerate(DOCUMENTS)] + ["a" * 300]
    order = np.random.RandomState(0).permutation(len(X))
    for method in (documents.score_samples, documents.predict_proba, documents.transform):
        together = method(X)
        assert np.array_equal(method([X[i] for i in order]), together[order])
        assert np.array_equal(np.concatenate([method([text]) for text in X[:6]]), together[:6])
        assert np.array_equal(method(X[-1:])[0], together[-1])


def test_score_does_not_depend_on_the_chunk(writer, monkeypatch):
    """The number of steps that are read at once does not change likelihoods."""
    texts = [TEXT[:700], TEXT[5:300], "t"]
    scores, after = writer.score_samples(texts), writer.predict_proba(texts)
    monkeypatch.setattr("sksequence._net._chunked_reading._CHUNK", 31)
    assert writer.score_samples(texts) == pytest.approx(scores, rel=1e-6)
    assert writer.predict_proba(texts) == pytest.approx(after, abs=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_transform_is_the_hidden_state_of_one_pass(cell):
    """The state after the last symbol does not depend on chunks."""
    generator = make(cell=cell, max_epochs=1, num_layers=2)
    texts = [TEXT[:600], "to be", "t"]
    sequences = generator._blueprint.codec.context(generator._check_input(texts))
    context = generator._blueprint.prepare(sequences)
    states = network_features(generator.net_, context)[context.offsets[1:] - 1]
    assert generator.transform(texts) == pytest.approx(states, abs=1e-6)


def test_documents_do_not_bleed_into_each_other():
    """A document does not depend on the one before: each begins with the start mark."""
    generator = make(["ab" * 4, "cd" * 4] * 20, max_epochs=60, learning_rate=1e-2)
    assert first_probabilities(generator) == pytest.approx([0.5, 0.0, 0.5, 0.0, 0.0], abs=0.1)
    assert generator.predict_proba(["ab", "cd"])[:, [0, 2]] == pytest.approx(np.eye(2), abs=0.1)


def test_end_is_learnt():
    """Texts of one length end at that length; a single text has no end."""
    generator = make(["abcde"] * 40, max_epochs=40, learning_rate=1e-2)
    assert generator.generate("ab", random_state=0) == "abcde"
    assert generator.sample(3, random_state=0) == ["abcde"] * 3
    assert generator.predict_proba(["abcde", "ab"])[:, -1] == pytest.approx([1.0, 0.0], abs=0.1)
    assert len(make(["abcde"]).generate(max_steps=50, random_state=0)) == 50


def test_unknown_symbols(writer):
    """Unknown symbols can be read and are never generated; they have the mass of one extra step."""
    assert writer.generate("zzz", max_steps=3).startswith("zzz")
    known, unknown = writer.score_samples(["the", "thz"])
    assert known - unknown == pytest.approx(
        log_probabilities(writer, "the")[1] + np.log(len(TEXT) + 1)
    )
    assert np.array_equal(
        writer.predict_proba(["the z"]), writer.predict_proba(["the \N{SNOWMAN}"])
    )


def test_scores_agree(documents):
    """`score` is the mean over all steps and ends, `perplexity` its exponential."""
    sums, n_steps = documents.score_samples(DOCUMENTS), sum(len(text) + 1 for text in DOCUMENTS)
    assert documents.score(DOCUMENTS) == pytest.approx(sums.sum() / n_steps)
    assert documents.perplexity(DOCUMENTS) == pytest.approx(np.exp(-sums.sum() / n_steps))


@pytest.mark.parametrize("X", [DOCUMENTS, [TEXT]], ids=["documents", "text"])
def test_score_steps_are_the_predicted_probabilities(X):
    """Log-likelihoods of steps and ends are those predicted, and add up to `score_samples`."""
    generator = make(X)
    texts = ["to be", "t", "that q"]
    steps = generator.score_steps(texts)
    n_ends = int(len(X) > 1)
    assert [len(part) for part in steps] == [len(text) + n_ends for text in texts]
    assert [part.sum() for part in steps] == pytest.approx(generator.score_samples(texts))
    for text, part in zip(texts, steps, strict=True):
        if set(text) <= set(generator.vocabulary_):
            assert part[1:] == pytest.approx(log_probabilities(generator, text), rel=1e-4)


def test_score_steps_of_numbers():
    """Series have one density per step and no end."""
    series = np.sin(np.arange(20) / 2 + np.arange(6)[:, None])
    generator = make(series, max_epochs=1)
    steps = generator.score_steps(series)
    assert [len(part) for part in steps] == [20] * 6
    assert [part.sum() for part in steps] == pytest.approx(generator.score_samples(series))


# --- writing -------------------------------------------------------------------------------------


def test_greedy_text_is_a_loop_over_predict(writer):
    """With `top_k=1` each symbol is what `predict` returns for the text before it."""
    text = "th"
    for _ in range(40):
        text += str(writer.predict([text])[0])
    assert writer.generate("th", max_steps=40, top_k=1) == text
    assert writer.generate("th", max_steps=40, top_k=1, temperature=9.0, random_state=1) == text


def test_same_seed_same_text(writer):
    """A seed determines the text; global random generators are not used."""
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    texts = [writer.generate("a", random_state=seed, temperature=2.0) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]
    random = np.random.RandomState(0)
    assert writer.generate("a", random_state=random) != writer.generate("a", random_state=random)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_generating_does_not_change_the_generator(writer):
    """Generation leaves scores and later samples unchanged."""
    before = pickle.dumps(writer)
    writer.generate("a", random_state=0)
    writer.sample(2, random_state=0)
    assert pickle.dumps(writer) == before


@pytest.mark.parametrize("prompt", ["the ", "", None, "\N{SNOWMAN}\0 THE "])
def test_prompt_comes_back_unaltered(writer, prompt):
    """The prompt is returned unchanged, followed by the continuation."""
    text = writer.generate(prompt, max_steps=9, random_state=0)
    assert text.startswith(prompt or "")
    assert len(text) == len(prompt or "") + 9


def test_number_of_samples(writer):
    """None returns one text, an int a list of texts."""
    assert len(writer.generate("a", max_steps=4, n_samples=3)) == 3
    assert writer.generate("a", max_steps=4, n_samples=1, top_k=1) == [
        writer.generate("a", max_steps=4, top_k=1)
    ]


def test_sample_is_as_long_as_the_longest_at_most(documents):
    """Samples end at an end mark or at the length of the longest training text."""
    texts = documents.sample(40, random_state=0)
    assert len(texts) == 40
    assert max(map(len, texts)) == max(map(len, DOCUMENTS))


def test_stop(writer):
    """A text ends at the first stop mark that is generated; those in the prompt do not count."""
    assert writer.generate("the cat.", stop="t.", top_k=1).removeprefix("the cat.").count("t.") == 1
    text = writer.generate("the cat", stop=["on", "mat"], top_k=1)
    assert text == "the cat sat on"


def test_low_temperature_is_careful(writer):
    """Texts are likelier at lower temperatures."""
    likelihoods = [
        writer.score(writer.generate(max_steps=60, n_samples=8, temperature=t, random_state=0))
        for t in (0.3, 1.0, 3.0)
    ]
    assert likelihoods == sorted(likelihoods, reverse=True)


# --- kinds of symbols ----------------------------------------------------------------------------


def test_tokens_and_integers_come_back_as_such():
    """Prompts of tokens and integers are continued as lists; tables take any length."""
    for X in (
        [["do", "re", "mi"] * 4] * 3,
        [[60, 62, 64] * 4] * 3,
        np.array([[60, 62, 64] * 4] * 3),
    ):
        generator = make(X, max_epochs=80, learning_rate=1e-2)
        symbols = list(generator.vocabulary_)
        prompt = list(X[0][:2])
        assert generator.generate(prompt, max_steps=3, top_k=1) == [*X[0][:5]]
        assert generator.generate(tuple(prompt), max_steps=3, top_k=1) == [*X[0][:5]]
        assert generator.generate(prompt, stop=X[0][3], top_k=1) == [*X[0][:4]]
        assert generator.predict(X)[0] in symbols
        assert generator.predict(X).dtype == np.array(symbols).dtype


def test_words_join_to_the_exact_text():
    """With `analyzer="word"`, generated pieces are joined to the exact text."""
    text = "Don't stop, she said.\nGo on!  Really? " * 12
    generator = make([text], analyzer="word", max_epochs=60, tbptt_steps=16, learning_rate=1e-2)
    start, n_more = text[:11], 20
    assert text.startswith(generator.generate(start, max_steps=n_more, top_k=1))
    assert generator.generate(start, stop=" Really", top_k=1).endswith("Go on!  Really")


def test_callable_analyzer():
    """The pieces of a callable analyzer are joined with blanks."""
    generator = make(
        ["to be or not to be"] * 30, analyzer=str.split, max_epochs=60, learning_rate=1e-2
    )
    assert set(generator.vocabulary_) == {"to", "be", "or", "not"}
    assert generator.generate("to be", max_steps=2, top_k=1) == "to be or not"
    assert generator.generate("  ", max_steps=2, top_k=1) == "  to be"


@pytest.mark.parametrize(
    "X",
    [
        ["aaaa"],
        ["a"],
        ["a", "a"],
        ["a", "b"],
        ["a\0b\0", "\0"],
        ["\ud800", "\U0001f642\u200d"],
        [["x"]],
    ],
)
def test_smallest_and_strangest_symbols(X):
    """One symbol, one step, NUL, surrogates and emoji are valid."""
    generator = make(X, max_epochs=1)
    assert list(generator.vocabulary_.values()) == list(range(1, len(generator.vocabulary_) + 1))
    assert set(generator.generate(max_steps=20)) <= set(generator.vocabulary_)
    assert set(generator.predict(X).tolist()) <= set(generator.vocabulary_)
    assert np.isfinite(generator.score(X))
    assert generator.transform(X).shape == (len(X), 16)


# --- fitting -------------------------------------------------------------------------------------


def test_pickle_is_bit_equal(documents):
    """An unpickled generator scores and generates the same."""
    twin = pickle.loads(pickle.dumps(documents))
    assert twin.generate("t", random_state=0) == documents.generate("t", random_state=0)
    assert np.array_equal(twin.score_samples(DOCUMENTS), documents.score_samples(DOCUMENTS))


def test_partial_fit_goes_on_after_a_pickle():
    """A pickle between two calls of partial_fit does not change the bits."""
    plain, pickled = (SequenceGenerator(hidden_size=8, random_state=0, dropout=0.2) for _ in "ab")
    for part in (DOCUMENTS, DOCUMENTS[:7], DOCUMENTS[5:]):
        plain.partial_fit(part)
        pickled = pickle.loads(pickle.dumps(pickled)).partial_fit(part)
    assert np.array_equal(plain.score_samples(DOCUMENTS), pickled.score_samples(DOCUMENTS))
    assert plain.n_iter_ == pickled.n_iter_ == 3


def test_partial_fit_learns_nothing_of_unknown_symbols():
    """Symbols that the first call did not see are read, but they are no targets."""
    generator = SequenceGenerator(hidden_size=8, optimizer="rmsprop", random_state=0)
    weight = generator.partial_fit(["abab"]).module_.head.weight.detach().clone()
    assert torch.equal(generator.partial_fit(["zz"]).module_.head.weight, weight)
    assert not torch.equal(generator.partial_fit(["za"]).module_.head.weight, weight)
    assert list(generator.vocabulary_) == ["a", "b"]


def test_warm_start_goes_on():
    """A second fit continues from the weights of the first."""
    generator = make(max_epochs=6, warm_start=True, lr_schedule=None)
    first = generator.loss_curve_
    assert generator.fit(DOCUMENTS).loss_curve_[0] < first[-1]
    assert generator.set_params(warm_start=False).fit(DOCUMENTS).loss_curve_ == first


@pytest.mark.parametrize("split", ["random", "last"])
def test_early_stopping_holds_out_streams(split):
    """A part of a single long text can be held out."""
    text = TEXT * 4  # its streams look like overlapping windows, and are none
    generator = make(
        [text], tbptt_steps=16, early_stopping=True, validation_split=split, max_epochs=5
    )
    assert len(generator.validation_curve_) == generator.n_iter_
    assert generator.best_loss_ == min(generator.validation_curve_)


def test_streams_cover_every_step_once(monkeypatch):
    """A long text is cut so that each step is learnt once per epoch, after the step before it."""
    text = "".join(chr(1000 + i) for i in range(2500))
    fits = []
    original = SymbolTask.settle

    def spy(self, data, settings):
        fits.append(data)
        return original(self, data, settings)

    monkeypatch.setattr(SymbolTask, "settle", spy)
    make([text, text[:40]], tbptt_steps=16, max_epochs=1)
    (data,) = fits
    lengths = data.sequences.lengths
    assert lengths.max() <= max(8 * 16, -(-2542 // 32))
    assert lengths.sum() == len(data.targets.parsed) == 2501 + 41
    codes = data.sequences.codes[:, 0]
    assert codes[:2501].tolist() == [2501, *range(1, 2501)]
    assert data.targets.parsed[:2501].tolist() == [*range(1, 2501), 2501]


def test_grid_search_prefers_the_likelier():
    """A search needs no y: it uses the likelihood of the part held out."""
    search = GridSearchCV(
        SequenceGenerator(hidden_size=16, random_state=0), {"max_epochs": [1, 40]}, cv=2
    )
    search.fit(DOCUMENTS)
    assert search.best_params_ == {"max_epochs": 40}
    assert search.best_score_ == pytest.approx(max(search.cv_results_["mean_test_score"]))


def test_order_of_documents_does_not_matter():
    """With shuffling, the order of documents does not change a fit."""
    X = [text[i % 4 :] for i, text in enumerate(DOCUMENTS)]
    assert np.array_equal(make(X).score_samples(X), make(X[::-1]).score_samples(X))


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"temperature": -0.1}, ValueError, "temperature must be a number of at least 0; got -0.1"),
        ({"temperature": np.inf}, ValueError, "temperature must be a number of at least 0"),
        ({"temperature": np.nan}, ValueError, "temperature must be"),
        ({"temperature": "hot"}, ValueError, "temperature must be"),
        ({"top_k": 0}, ValueError, "top_k must be a whole number of at least 1; got 0"),
        ({"max_steps": 0}, ValueError, "max_steps must be"),
        ({"n_samples": 1.5}, ValueError, "n_samples must be"),
        ({"stop": "X"}, ValueError, r"stop='X' can never be generated: \['X'\]"),
        ({"stop": ["t", ""]}, ValueError, "stop='' can never be generated: it is empty"),
        ({"stop": 5}, TypeError, "stop must be a str or a list of str"),
        (
            {"prompt": ["t", 5]},
            TypeError,
            "prompt must be a str like the texts in fit.*list.*got 5",
        ),
        ({"prompt": []}, ValueError, "prompt is an empty list of texts; pass at least one"),
        ({"prompt": 5}, TypeError, "prompt must be a str.*got 5"),
    ],
)
def test_generate_refuses(documents, arguments, error, message):
    """Errors for arguments outside their range."""
    with pytest.raises(error, match=message):
        documents.generate(**arguments)


def test_generate_refuses_prompts_of_another_kind():
    """Errors for prompts that are not of the kind of X."""
    generator = make([["do", "re"], ["re", "mi"]], max_epochs=1)
    for prompt in ("do", [["do"], "re"], [["do"], [["re"]]], {"do"}, np.array("do")):
        with pytest.raises(TypeError, match="prompt must be a list of tokens"):
            generator.generate(prompt)
    with pytest.raises(ValueError, match="X holds numbers"):
        generator.generate([1.5])
    with pytest.raises(ValueError, match=r"stop=\['do'\] can never"):
        generator.generate(stop=[["do"]])


def test_sample_refuses(documents):
    """Errors for a number of samples that is not a positive integer."""
    for n_samples in (0, 1.5, None, "a"):
        with pytest.raises(ValueError, match="n_samples must be a whole number"):
            documents.sample(n_samples)


def test_symbols_have_no_forecast(documents):
    """Methods for numbers are absent after a fit on symbols."""
    assert not hasattr(documents, "forecast")
    with pytest.raises(AttributeError) as caught:
        documents.forecast(DOCUMENTS, 3)
    assert "fitted on symbols" in str(caught.value)


class Forgetful(torch.nn.GRU):
    """Layer that ignores the state from which it should continue."""

    def forward(self, x, state=None):
        """Start anew."""
        return super().forward(x)


@pytest.mark.parametrize("tbptt_steps", [None, 16])
def test_cells_without_step_are_refused_before_training(tbptt_steps):
    """A custom cell without a method `step` is an error before any training."""
    with pytest.raises(ValueError, match=r"has no method step\(x, state\)"):
        make(cell=Forgetful, tbptt_steps=tbptt_steps)


class Leaky(torch.nn.Module):
    """Leaky integrator with a method `step`."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = torch.nn.Linear(input_size, hidden_size)

    def step(self, x, state):
        """Return output and state after one step."""
        state = 0.5 * (0.0 if state is None else state) + torch.tanh(self.inner(x))
        return state, state

    def forward(self, x, state=None):
        """Step through time."""
        outputs = []
        for x_now in x.unbind(1):
            output, state = self.step(x_now, state)
            outputs.append(output)
        return torch.stack(outputs, 1), state


def test_cell_of_the_user_with_step():
    """A custom cell learns, scores, generates and pickles like the named ones."""
    generator = make(cell=Leaky, max_epochs=2)
    text = DOCUMENTS[0]
    first = np.log(first_probabilities(generator)[list(generator.vocabulary_).index(text[0])])
    stepwise = first + log_probabilities(generator, text).sum()
    assert generator.score_samples([text])[0] == pytest.approx(stepwise, rel=1e-5)
    twin = pickle.loads(pickle.dumps(generator))
    assert twin.generate("to", random_state=0) == generator.generate("to", random_state=0)


def test_fit_refuses():
    """Errors for several symbols per step, another loss, and a text that is not in a list."""
    with pytest.raises(ValueError, match="a generator of symbols learns one symbol per step"):
        make(np.array([[["a", "b"]] * 3] * 2))
    with pytest.raises(ValueError, match="loss='gaussian' is not available for symbols"):
        make(loss="gaussian")
    with pytest.raises(TypeError, match=r"X is a single str.*Pass \[X\]"):
        make(TEXT)
    with pytest.raises(ValueError, match="Early stopping needs"):
        make(["short"], early_stopping=True)
