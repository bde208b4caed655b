"""Generation with all sampling rules: steps, streams and searches, then errors."""

import itertools
import pickle
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.stats import chisquare

from sksequence import _kernels
from sksequence._cells import CELLS
from sksequence._language import _steppers
from sksequence._language._prompts import prompt_sequences
from sksequence._language._steppers import LeanStepper, PreparedStepper, TorchStepper, make_stepper
from sksequence._net import read_together
from sksequence.cells import SimpleRNN
from tests.helpers import DOCUMENTS, fit_generator

TEXT = "the cat sat on the mat. the dog ate the rat. " * 12
RULES = {
    "plain": {},
    "temperature": {"temperature": 0.7},
    "greedy": {"top_k": 1},
    "top_k": {"top_k": 4},
    "top_p": {"top_p": 0.9},
    "min_p": {"min_p": 0.1},
    "typical_p": {"typical_p": 0.8},
    "penalty": {"repetition_penalty": 1.5},
    "no_repeat": {"no_repeat_ngram_size": 3},
    "all": {"top_p": 0.95, "min_p": 0.01, "repetition_penalty": 1.1, "no_repeat_ngram_size": 4},
}

CONTAINERS = {
    "Series": pd.Series,
    "DataFrame": lambda texts: pd.DataFrame({"text": texts}),
    "polars Series": pl.Series,
    "polars": lambda texts: pl.DataFrame({"text": texts}),
    "objects": lambda texts: np.array(texts, dtype=object),
    "column": lambda texts: np.array(texts)[:, None],
    "tuple": tuple,
}

make = partial(fit_generator, max_epochs=3)
every_rule = pytest.mark.parametrize("rules", RULES.values(), ids=RULES)


@pytest.fixture(scope="module")
def documents():
    """Fit on several short texts, whose ends are learnt."""
    return make()


@pytest.fixture(scope="module")
def writer():
    """Fit on one long text, whose end cannot be learnt."""
    return make([TEXT], "lstm", hidden_size=24, max_epochs=10)


def started(generator, prompts, factory=make_stepper):
    """Read prompts; return a stepper that goes on from them."""
    context, *_ = generator._model._read_prompts(prompts, None)
    return factory(generator.net_.module_, *read_together(generator.net_, context))


# --- laws: steps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("factory", [make_stepper, LeanStepper, TorchStepper])
@pytest.mark.parametrize(
    ("cell", "parameters"),
    [
        *((cell, {}) for cell in CELLS),
        (SimpleRNN(activation="relu"), {}),
        (SimpleRNN(activation="sigmoid"), {}),
        ("lstm", {"num_layers": 3}),
        ("gru", {"num_layers": 2}),
    ],
    ids=str,
)
def test_steps_equal_reading_the_whole(cell, parameters, factory):
    """The logits after each step equal those of prompt and symbols read together."""
    generator = make(cell=cell, max_epochs=1, **parameters)
    if factory is LeanStepper and not _steppers._is_plain(generator.net_.module_):
        factory = make_stepper
    stepper = started(generator, ["to", "", "question"], factory)
    texts = ["to", "", "question"]
    symbols = list(generator.vocabulary_)
    for i in range(6):
        whole, _ = read_together(generator.net_, generator._model._read_prompts(texts, None)[0])
        assert stepper.logits == pytest.approx(whole.numpy(), abs=2e-5)
        codes = np.array([(3 * i) % len(symbols), i, 2])
        stepper.advance(codes)
        texts = [text + symbols[code] for text, code in zip(texts, codes, strict=True)]


@pytest.mark.parametrize("n_estimators", [1, 2])
@pytest.mark.parametrize("cell", ["gru", "mgu", "feedforward"])
def test_hooks_are_called_by_every_step(cell, n_estimators):
    """Those that observe see all steps and change no symbol, others change what is drawn."""
    model = fit_generator(DOCUMENTS, cell=cell, n_estimators=n_estimators)
    drawn = model.generate(DOCUMENTS[0][:1], max_steps=6, random_state=0)
    heads = [network.head for network in getattr(model.module_, "members", [model.module_])]
    widths = []
    for head in heads:
        head.register_forward_hook(lambda _, args, outputs: widths.append(outputs.shape[-1]))
    assert model.generate(DOCUMENTS[0][:1], max_steps=6, random_state=0) == drawn
    assert len(widths) >= len(heads) * (len(drawn) - 1)
    wanted = torch.zeros(widths[0])
    wanted[1] = 100.0
    for head in heads:
        head.register_forward_hook(lambda module, args, outputs: wanted.expand(outputs.shape))
    assert len(set(model.generate(DOCUMENTS[0][:1], max_steps=6, random_state=0)[1:])) == 1


def test_plain_cells_step_in_compiled_loops(documents):
    """Gated cells use the compiled loops; the others use the modules."""
    ways = {type(started(make(cell=c, max_epochs=1), ["to"])).__name__ for c in ("rnn", "lstm")}
    assert ways == {"CompiledStepper" if _kernels.has_numba() else "LeanStepper"}
    assert isinstance(started(make(cell="feedforward", max_epochs=1), ["to"]), TorchStepper)


@pytest.mark.parametrize("cell", ["slstm", "lru", "cfc", "echo_state"])
def test_cells_of_equations_step_in_compiled_loops(cell):
    """The logits have the bits of the modules, with the weights of the start, in any order."""
    pytest.importorskip("numba")
    generator = make(cell=cell, max_epochs=1)
    prompts, codes = ["to be", "th", "", "q"], np.array([3, 1, 2, 5])
    ours, modules = (started(generator, prompts, way) for way in (make_stepper, TorchStepper))
    assert isinstance(ours, PreparedStepper)
    with torch.no_grad():
        for rows in ([0, 1, 2, 3], [2, 2, 0, 1], [3, 0, 1, 2]):
            for stepper in (ours, modules):
                stepper.advance(codes)
                stepper.select(np.array(rows))
            assert np.array_equal(ours.logits, modules.logits)
        before = ours.logits
        for weight in generator.module_.stack.parameters():
            weight.mul_(2.0)
        ours.advance(codes)
        modules.advance(codes)
    assert not np.array_equal(ours.logits, modules.logits)
    assert not np.array_equal(ours.logits, before)


@pytest.mark.parametrize("factory", [make_stepper, LeanStepper, TorchStepper])
def test_logits_of_a_row_do_not_depend_on_the_other_rows(documents, factory):
    """The logits of a row are the same alone, in a batch and in another order."""
    prompts = ["to be", "th", "", "q"] * 5
    together = started(documents, prompts, factory)
    codes = np.arange(len(prompts)) % 7
    for _ in range(3):
        together.advance(codes)
    for i in (0, 1, 2, 19):
        alone = started(documents, prompts[i : i + 1], factory)
        for _ in range(3):
            alone.advance(codes[i : i + 1])
        assert np.array_equal(alone.logits[0], together.logits[i])


# --- laws: streams -------------------------------------------------------------------------------


@every_rule
def test_first_samples_do_not_depend_on_how_many(documents, rules):
    """Each sample has its own random numbers: further samples do not change the first."""
    few, many = (
        documents.generate("t", n_samples=n, max_steps=30, random_state=3, **rules) for n in (3, 40)
    )
    assert few == many[:3]
    assert documents.generate("t", max_steps=30, random_state=3, **rules) == few[0]


@every_rule
def test_continuations_do_not_depend_on_the_other_prompts(documents, rules):
    """A prompt is continued in the same way alone and in a list; results are in order."""
    prompts = ["to", "", "whether tis", "zzz"]
    several = documents.generate(prompts, n_samples=2, max_steps=20, random_state=1, **rules)
    assert [len(texts) for texts in several] == [2] * 4
    for prompt, texts in zip(prompts, several, strict=True):
        assert all(text.startswith(prompt) for text in texts)
        alone = documents.generate(prompt, n_samples=2, max_steps=20, random_state=1, **rules)
        assert texts == alone
    single = documents.generate(prompts, max_steps=20, random_state=1, **rules)
    assert single == [texts[0] for texts in several]


def test_a_prompt_that_comes_twice_is_continued_in_two_ways(documents):
    """Equal prompts have streams of their own, whatever the other prompts are."""
    alike = documents.generate(["t", "t", "t"], n_samples=4, max_steps=20, random_state=0)
    assert len(set(map(tuple, alike))) == 3
    among = documents.generate(["t", "o", "t"], n_samples=2, max_steps=20, random_state=0)
    assert [among[0], among[2]] == [texts[:2] for texts in alike[:2]]


@every_rule
def test_stream_yields_the_text_of_generate(documents, rules):
    """The symbols of `stream` are those of `generate`, for every rule."""
    for prompt, stop in [("to", None), (None, " "), ("q", ["ab", "th"])]:
        arguments = {"max_steps": 80, "stop": stop, "random_state": 2} | rules
        streamed = "".join(documents.stream(prompt, **arguments))
        assert (prompt or "") + streamed == documents.generate(prompt, **arguments)


def test_streams_keep_apart(documents):
    """Two streams of one generator can be read alternately."""
    alone = [list(documents.stream("t", max_steps=20, random_state=seed)) for seed in (0, 1)]
    pair = [documents.stream("t", max_steps=20, random_state=seed) for seed in (0, 1)]
    turns = list(itertools.zip_longest(*pair))
    assert [[s for s in column if s is not None] for column in zip(*turns, strict=True)] == alone


@pytest.mark.parametrize(
    "neutral",
    [
        {"top_p": 1},
        {"top_p": 1.0, "typical_p": 1, "min_p": 0, "repetition_penalty": 1.0},
        {"top_k": 10_000},
        {"no_repeat_ngram_size": 10_000},
    ],
    ids=str,
)
def test_neutral_rules_are_plain_sampling(documents, neutral):
    """Rules that exclude nothing do not change the samples."""
    plain = documents.generate("t", n_samples=20, max_steps=40, random_state=5)
    assert documents.generate("t", n_samples=20, max_steps=40, random_state=5, **neutral) == plain


@pytest.mark.parametrize("prompt", [None, "th"])
def test_sampled_symbols_follow_the_probabilities(documents, prompt):
    """The first two symbols have the frequencies that `top_choices` predicts."""
    p = dict(documents.top_choices(prompt, k=10_000))
    texts = documents.generate(prompt, max_steps=2, n_samples=4000, random_state=0)
    added = [text[len(prompt or "") :] for text in texts]
    assert frequencies_fit([text[:1] or None for text in added], p)
    likeliest = next(name for name in p if name is not None)
    after = dict(documents.top_choices((prompt or "") + likeliest, k=99))
    assert frequencies_fit([text[1:] or None for text in added if text[:1] == likeliest], after)


def frequencies_fit(drawn, p):
    """Check whether samples follow probabilities; rare symbols are pooled."""
    common = [name for name, probability in p.items() if probability * len(drawn) >= 5]
    counts = [drawn.count(name) for name in common]
    expected = [p[name] * len(drawn) for name in common]
    if len(common) < len(p):
        counts.append(len(drawn) - sum(counts))
        expected.append(len(drawn) - sum(expected))
    return chisquare(counts, expected).pvalue > 0.01


def test_score_of_a_text_is_its_probability_of_being_generated(documents):
    """The log-likelihood of a text is the sum over `top_choices` of its symbols and its end."""
    text = documents.generate(max_steps=200, random_state=8)
    assert len(text) < 200
    logp = sum(
        np.log(dict(documents.top_choices(text[:i], k=99))[symbol])
        for i, symbol in enumerate([*text, None])
    )
    assert documents.score_samples([text])[0] == pytest.approx(logp, rel=1e-5)


# --- laws: choices and searches ------------------------------------------------------------------


def test_top_choices_are_the_largest_probabilities(documents, writer):
    """Symbols and probabilities are those of `predict_proba`, sorted; None is the end."""
    for generator in (documents, writer):
        names = [*generator.vocabulary_, None]
        p = generator.predict_proba(["the", "q"])
        best = generator.top_choices(["the", "q"], k=3)
        for row, choices in zip(p, best, strict=True):
            order = np.argsort(-row)[:3]
            assert [name for name, _ in choices] == [names[i] for i in order]
            assert [probability for _, probability in choices] == pytest.approx(row[order])
        assert generator.top_choices("the", k=3) == best[0]
        everything = generator.top_choices(None, k=10_000)
        assert sum(probability for _, probability in everything) == pytest.approx(1.0)
        assert (None in dict(everything)) == (generator is documents)


@pytest.mark.parametrize("prompt", [None, "the", "in t"])
def test_one_beam_is_greedy(documents, writer, prompt):
    """A single beam and `top_k=1` take the most probable symbol at each step."""
    for generator in (documents, writer):
        greedy = generator.generate(prompt, max_steps=60, top_k=1)
        assert generator.generate(prompt, max_steps=60, num_beams=1) == greedy
        assert generator.generate(prompt, max_steps=60, top_k=1, random_state=1) == greedy


def test_beams_find_likelier_texts():
    """More beams do not find less probable texts here; the best text comes first."""
    generator = make(["ab", "abc", "bac", "a", "abcab"] * 8, max_epochs=20)
    texts = [generator.generate("a", num_beams=n) for n in (1, 4, 64)]
    scores = generator.score_samples(texts).tolist()
    assert scores == sorted(scores)
    best = generator.generate("a", num_beams=8, n_samples=8)
    ranked = generator.score_samples(best).tolist()
    assert len(set(best)) == 8
    assert max(map(len, best)) < 100
    assert ranked == sorted(ranked, reverse=True)


def test_search_of_several_prompts(documents):
    """A search for several prompts finds the same as one search per prompt."""
    prompts = ["to", "wh", ""]
    together = documents.generate(prompts, num_beams=3, n_samples=2, max_steps=20)
    for prompt, texts in zip(prompts, together, strict=True):
        assert texts == documents.generate(prompt, num_beams=3, n_samples=2, max_steps=20)


def test_longer_texts_gain_by_the_length_penalty(documents):
    """A larger exponent makes the best text longer."""
    lengths = [
        len(documents.generate(num_beams=8, length_penalty=alpha, max_steps=60))
        for alpha in (0.0, 5.0)
    ]
    assert lengths[0] < lengths[1]


def test_search_stops(writer):
    """A stop mark ends each text, and occurs once."""
    for text in writer.generate("the cat", num_beams=4, n_samples=4, stop="t.", max_steps=40):
        assert text.removeprefix("the cat").find("t.") in (-1, len(text) - len("the cat") - 2)


@pytest.mark.parametrize("arguments", [{}, {"num_beams": 3}, {"top_k": 1}], ids=str)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_ngram_twice(writer, size, arguments):
    """No n-gram occurs twice, prompt included; a text ends if no new one is left."""
    text = writer.generate("the c", max_steps=60, no_repeat_ngram_size=size, **arguments)
    runs = [text[i : i + size] for i in range(len(text) - size + 1)]
    allowed = len("the c") - size + 1 - len({"the c"[i : i + size] for i in range(6 - size)})
    assert len(runs) - len(set(runs)) <= allowed


def test_repetition_penalty_varies_the_text(writer):
    """A large penalty makes a greedy text use more of the alphabet."""
    n_used = [
        len(set(writer.generate("t", max_steps=30, top_k=1, repetition_penalty=penalty)))
        for penalty in (None, 5.0)
    ]
    assert n_used[0] < n_used[1]


@pytest.mark.parametrize(
    "extreme", [{"temperature": 1e-310}, {"repetition_penalty": 1e-310}, {"temperature": 1e308}]
)
@pytest.mark.parametrize("rules", [{}, {"top_p": 0.9}], ids=str)
def test_extremes_are_limits(documents, extreme, rules):
    """Extreme values cause no warning; the lowest temperature gives the greedy text."""
    text = documents.generate("to", max_steps=20, random_state=0, **extreme, **rules)
    assert text.startswith("to")
    if extreme == {"temperature": 1e-310}:
        assert text == documents.generate("to", max_steps=20, top_k=1)


@pytest.fixture(scope="module")
def worded():
    """Fit on the words of one long text."""
    return make([TEXT], analyzer="word", max_epochs=20)


@pytest.mark.parametrize("search", [{"num_beams": 2}, {"random_state": 0}, {"top_p": 0.9}], ids=str)
@pytest.mark.parametrize("stop", ["cat", "at on", " ra", "t. the", ["sat", "og"]], ids=str)
def test_stops_are_looked_for_in_the_text_of_words(worded, stop, search):
    """A stop mark may begin and end inside words, and contain blanks."""
    for text in worded.generate("the dog", n_samples=2, max_steps=60, stop=stop, **search):
        added = text.removeprefix("the dog")
        assert added.endswith(tuple([stop] if isinstance(stop, str) else stop))
        assert all(mark not in added[:-1] for mark in ([stop] if isinstance(stop, str) else stop))
    if "random_state" in search:
        pieces = worded.stream("the dog", max_steps=60, stop=stop, **search)
        alone = worded.generate("the dog", max_steps=60, stop=stop, **search)
        assert "".join(["the dog", *pieces]) == alone


def test_stops_that_no_word_contains(worded):
    """A stop mark with a character that no word contains is an error."""
    message = r"stop='cat!' can never be generated: \['!'\] is in no word of the vocabulary"
    for write in (worded.generate, worded.stream):
        with pytest.raises(ValueError, match=message):
            write("the", stop="cat!")


def test_texts_in_an_array(documents):
    """Prompts may be an array, as X may be."""
    prompts = ["to", "wh", ""]
    expected = documents.generate(prompts, max_steps=5, random_state=0)
    assert documents.generate(np.array(prompts), max_steps=5, random_state=0) == expected
    assert documents.top_choices(np.array(prompts), 2) == documents.top_choices(prompts, 2)


def test_prompts_of_tokens():
    """Lists and arrays of tokens are continued, one at a time or together."""
    X = [["do", "re", "mi"], ["re", "mi", "fa"]] * 6
    generator = make(X)
    one = generator.generate(["do"], top_k=1, max_steps=2)
    assert one[0] == "do"
    assert generator.generate([["do"], ["re"]], top_k=1, max_steps=2)[0] == one
    assert generator.generate([np.array(["do"]), []], top_k=1, max_steps=2)[0] == one
    assert list(generator.stream(["do"], top_k=1, max_steps=2)) == one[1:]


@pytest.mark.parametrize("parameters", [{"cell": "lstm"}, {"cell": "feedforward"}], ids=str)
def test_generation_leaves_threads_and_seeds(parameters):
    """Random state and number of threads of torch are unchanged, also between two symbols."""
    generator = make(max_epochs=1, **parameters)
    state, n_threads = torch.get_rng_state(), torch.get_num_threads()
    stream = generator.stream("t", max_steps=5, random_state=0)
    next(stream, None)
    assert torch.get_num_threads() == n_threads
    generator.generate("t", max_steps=5, n_samples=3)
    generator.generate("t", max_steps=5, num_beams=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == n_threads


def test_empty_prompts_have_no_steps(documents):
    """An empty prompt counts as a prompt; different unknown symbols have different codes."""
    form = documents._blueprint.form
    sequences, outputs = prompt_sequences([None, "", "to", "?t!?"], form)
    assert sequences.lengths.tolist() == [0, 0, 2, 4]
    t = documents.vocabulary_["t"] - 1
    assert [len(row) for row in outputs] == [0, 0, 2, 4]
    assert outputs[3] == [-1, t, -2, -1]


# --- a limited vocabulary ------------------------------------------------------------------------


@pytest.fixture(
    scope="module", params=[("lstm", DOCUMENTS), ("feedforward", DOCUMENTS), ("gru", [TEXT])]
)
def limited(request):
    """Fit with a vocabulary of eight symbols; many symbols are unknown."""
    cell, X = request.param
    return make(X, cell, max_features=8, max_epochs=6)


def test_limit_is_kept(limited):
    """The vocabulary is not larger; a limit that excludes nothing changes nothing."""
    assert len(limited.vocabulary_) == 8
    plain, wide = make(max_epochs=1), make(max_epochs=1, max_features=100)
    assert plain.score(DOCUMENTS) == wide.score(DOCUMENTS)


@pytest.mark.parametrize("arguments", [{}, {"top_k": 1}, {"num_beams": 4}, {"top_p": 0.9}], ids=str)
def test_unknown_is_never_generated(limited, arguments):
    """All ways to generate return known symbols only; prompts are unchanged."""
    prompt = "qu\N{SNOWMAN}"
    texts = limited.generate(prompt, n_samples=4, max_steps=60, random_state=0, **arguments)
    for text in texts:
        assert text.startswith(prompt)
        assert set(text.removeprefix(prompt)) <= set(limited.vocabulary_)


def test_limited_samples_follow_predict_proba(limited):
    """Probabilities of known symbols sum to one and are the frequencies of samples."""
    p = dict(limited.top_choices("th", k=100))
    n_ends = int(None in p)
    assert sum(p.values()) == pytest.approx(1.0)
    assert limited.predict_proba(["th"]).shape == (1, 8 + n_ends)
    texts = limited.generate("th", max_steps=1, n_samples=3000, random_state=0)
    assert frequencies_fit([text[2:] or None for text in texts], p)


def test_unknown_is_learnt(limited):
    """The probability of unknown symbols is learnt; all symbols together have probability one."""
    names = list(limited.vocabulary_)
    n_rare = limited._blueprint.codec.vocabulary.n_rare
    firsts = [limited.score_steps([name])[0][0] for name in [*names, "\N{SNOWMAN}"]]
    p = np.exp(firsts)
    end = np.exp(limited.score_steps(["a"])[0][1:])
    assert p[:-1].sum() + p[-1] * (n_rare + 1) <= 1.0 + 1e-6
    if not len(end):
        assert p[:-1].sum() + p[-1] * (n_rare + 1) == pytest.approx(1.0)
    assert p[-1] * (n_rare + 1) > 0.01
    twin = pickle.loads(pickle.dumps(limited))
    assert np.array_equal(twin.score_samples(DOCUMENTS), limited.score_samples(DOCUMENTS))


@pytest.mark.parametrize("max_features", [0, 1.5, "many"])
def test_limit_is_a_count(max_features):
    """The limit must be a positive integer."""
    with pytest.raises(ValueError, match="The 'max_features' parameter of SequenceGenerator must"):
        make(max_features=max_features)


# --- containers of prompts -----------------------------------------------------------------------


@pytest.mark.parametrize("make_container", CONTAINERS.values(), ids=CONTAINERS)
def test_every_container_of_texts_holds_prompts(documents, make_container):
    """Prompts of a Series, an array or a column are those of a list."""
    prompts = ["to", "whether"]
    expected = documents.generate(prompts, max_steps=5, random_state=0)
    assert documents.generate(make_container(prompts), max_steps=5, random_state=0) == expected
    assert len(documents.top_choices(make_container(prompts), k=2)) == 2


@pytest.mark.parametrize("name", ["Series", "DataFrame", "polars Series", "polars", "objects"])
def test_missing_prompts_have_a_place(documents, name):
    """None of a list begins a text; in other containers, and as NaN, it is a missing value."""
    assert len(documents.generate(["to", None], max_steps=5, random_state=0)) == 2
    with pytest.raises(ValueError, match=r"prompt 1 is missing \((None|nan|<NA>)\). Drop it, or"):
        documents.generate(CONTAINERS[name](["to", None]), max_steps=5)
    with pytest.raises(ValueError, match=r"prompt 0 is missing \(nan\)"):
        documents.top_choices([np.nan, "to"])


@pytest.mark.parametrize("length_penalty", [1e29, -1e29, 2000.0])
def test_extreme_length_penalties_are_limits(documents, length_penalty):
    """Nothing overflows, and the continuation is still one of the beams."""
    text = documents.generate("to", num_beams=3, max_steps=200, length_penalty=length_penalty)
    assert text.startswith("to")


# --- temperature 0 -------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [{}, {"top_p": 0.5}, {"typical_p": 0.9}, {"min_p": 0.2}], ids=str)
@pytest.mark.parametrize("name", ["documents", "writer", "worded"])
def test_temperature_of_zero_is_greedy(name, rules, request):
    """The text is the limit of low temperatures, independent of the seed and of other rules."""
    generator = request.getfixturevalue(name)
    text = generator.generate("t", max_steps=20, temperature=0, **rules)
    for other in ({"temperature": 1e-12}, {"temperature": 0.0, "random_state": 5}, {"top_k": 1}):
        assert text == generator.generate("t", max_steps=20, **{"random_state": 1} | other)
    assert text == generator.generate("t", max_steps=20, temperature=0, num_beams=1)
    assert text == "t" + "".join(generator.stream("t", max_steps=20, temperature=0, **rules))
    assert generator.generate("t", max_steps=20, temperature=0, n_samples=2) == [text, text]


# --- blanks at the end of a prompt ---------------------------------------------------------------


@pytest.mark.parametrize("rules", [*RULES.values(), {"num_beams": 3}, {"stop": "at"}], ids=str)
@pytest.mark.parametrize("prompt", ["the cat", "", "the cat sat on", "the dog.", "the dog\n"])
def test_a_blank_belongs_to_the_next_word(worded, prompt, rules):
    """A blank changes nothing where a word with a blank follows, and is never doubled."""
    arguments = {"max_steps": 12, "random_state": 0} | rules
    expected = worded.generate(prompt, **arguments)
    text = worded.generate(f"{prompt} ", **arguments)
    assert text.startswith(f"{prompt} ")
    assert "  " not in text or not prompt  # a blank is a word, at the end of the training text
    assert not prompt or text[len(prompt) + 1] != "."
    if expected.startswith(f"{prompt} "):
        assert text == expected


def test_a_blank_alone_among_prompts(worded):
    """Other prompts of the list continue as they do without it."""
    prompts = ["the cat", "the dog ", "the rat."]
    texts = worded.generate(prompts, max_steps=9, random_state=0)
    for prompt, text in zip(prompts, texts, strict=True):
        assert text == worded.generate(prompt, max_steps=9, random_state=0)


def test_choices_after_a_blank_are_words(worded):
    """Only words with a blank can follow; their probabilities sum to one."""
    choices = worded.top_choices("the cat ", k=99)
    among = {word[1:]: p for word, p in worded.top_choices("the cat", k=99) if word[0] == " "}
    assert sum(p for _, p in choices) == pytest.approx(1)
    total = sum(among.values())
    assert {word: p for word, p in choices if p} == pytest.approx(
        {word: p / total for word, p in among.items()}
    )


def test_stream_after_a_blank(worded):
    """The pieces join to the text of `generate`."""
    text = worded.generate("the cat ", max_steps=9, random_state=3)
    assert text == "the cat " + "".join(worded.stream("the cat ", max_steps=9, random_state=3))


def test_blanks_of_other_analyzers():
    """Characters know blanks; the pieces of a callable are joined by one blank."""
    split = make([TEXT], analyzer=str.split)
    expected = split.generate("the cat", max_steps=4, random_state=0).split()
    for end in (" ", "\n", "  "):
        text = split.generate(f"the cat{end}", max_steps=4, random_state=0)
        assert text.startswith(f"the cat{end}")
        assert text == f"the cat{end}" + " ".join(expected[2:])
    glued = make(["ab", "cd"] * 5, analyzer="word")  # no word begins with a blank
    assert glued.generate("ab ", max_steps=2, random_state=0).startswith("ab ")


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"top_p": 0}, "top_p must be a probability above 0 and at most 1; got 0.*top_k=1"),
        ({"top_p": 1.1}, "top_p must be a probability"),
        ({"top_p": "much"}, "top_p must be a probability"),
        ({"typical_p": -0.1}, "typical_p must be a probability above 0 and at most 1; got -0.1"),
        ({"min_p": 1.5}, "min_p must be a fraction from 0 to 1; got 1.5"),
        ({"repetition_penalty": 0}, "repetition_penalty must be a number above 0; got 0"),
        ({"no_repeat_ngram_size": 0}, "no_repeat_ngram_size must be a whole number"),
        ({"temperature": True}, "temperature must be a number of at least 0; got True"),
        (
            {"temperature": -0.5},
            "must be a number of at least 0; got -0.5. 0 selects the most prob",
        ),
        ({"temperature": np.nan}, "temperature must be a number of at least 0; got nan"),
        ({"temperature": "cold"}, "temperature must be a number of at least 0; got 'cold'"),
        ({"top_k": True}, "top_k must be a whole number of at least 1; got True"),
        ({"num_beams": 0}, "num_beams must be a whole number of at least 1; got 0"),
        ({"num_beams": 4, "temperature": 0.5}, "num_beams=4 searches.*temperature=0.5 is for draw"),
        ({"num_beams": 4, "top_p": 0.9}, "num_beams=4 searches.*top_p=0.9 is for drawing"),
        ({"num_beams": 4, "top_k": 5}, "num_beams=4 searches.*top_k=5 is for drawing"),
        ({"num_beams": 4, "n_samples": 5}, "n_samples=5 is more than the 4 continuations"),
        ({"length_penalty": 1.0}, "length_penalty=1.0 has no meaning without a search"),
        ({"num_beams": 2, "length_penalty": np.nan}, "length_penalty must be a finite number"),
        (
            {"random_state": 1.5},
            r"random_state=1.5 is no seed. Pass an integer from 0 to 4294967295",
        ),
        ({"random_state": -1}, "random_state=-1 is no seed"),
        ({"random_state": "now"}, "random_state='now' is no seed"),
    ],
)
def test_generate_refuses(documents, arguments, message):
    """Errors for rules outside their range and rules that exclude each other."""
    with pytest.raises(ValueError, match=message):
        documents.generate("t", **arguments)


def test_stream_refuses_before_it_starts(documents):
    """Errors are raised by the call, before the first symbol."""
    with pytest.raises(ValueError, match="top_p must be"):
        documents.stream("t", top_p=2)
    with pytest.raises(ValueError, match="max_steps must be"):
        documents.stream("t", max_steps=0)
    with pytest.raises(TypeError, match="prompt must be a str"):
        documents.stream(["t", "o"])


@pytest.mark.parametrize("k", [0, 1.5, None, "a", True])
def test_top_choices_refuses(documents, k):
    """Errors for a k that is not a positive integer."""
    with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
        documents.top_choices("t", k=k)
