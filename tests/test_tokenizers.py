"""Tokenizers as analyzers: decoding is exact, also piece by piece, and stop marks are texts."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._tokenizers import cut_after_stop, decode_incrementally, token_ids
from sksequence.inspection import GenerationDisplay

TEXTS = ["für Elise", "für Zoë: čaj €5", "Elise & Zoë 😀", "čaj für €5 😀"] * 5


class Bytes:
    """The bytes of UTF-8: a character is up to four ids."""

    def encode(self, text):
        """Return a list."""
        return list(text.encode())

    def decode(self, ids):
        """Return replacement characters for incomplete ones."""
        return bytes(ids).decode(errors="replace")


class Words:
    """Words joined by blanks, without one at the front; callable, and adds special tokens."""

    words = ("<s>", *sorted({word for text in TEXTS for word in text.split()}))

    def __call__(self, text):
        """Fail: tokenizers are not to be called."""
        raise AssertionError("a tokenizer is to encode")

    def encode(self, text, add_special_tokens=True):
        """Return an object with an attribute `ids`."""
        ids = [self.words.index(word) for word in text.split()]
        return SimpleNamespace(ids=np.array([0] * add_special_tokens + ids))

    def decode(self, ids, skip_special_tokens=True, **options):
        """Omit special tokens, and blanks before some words, unless options forbid it."""
        text = " ".join(self.words[i] for i in ids if i or not skip_special_tokens)
        return (
            text if options == {"clean_up_tokenization_spaces": False} else text.replace(" &", "&")
        )


class Unstable(Bytes):
    """A decoder whose text of the first ids changes with every further id."""

    def decode(self, ids):
        """Return the number of ids and their text."""
        return str(len(ids)) + super().decode(ids)


def trained_pairs():
    """Train a byte-level tokenizer of Hugging Face, or skip the test without the library."""
    tokenizers = pytest.importorskip("tokenizers")
    pieces = tokenizers.pre_tokenizers.ByteLevel
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = pieces(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=290, initial_alphabet=pieces.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


TOKENIZERS = {"bytes": Bytes, "words": Words, "unstable": Unstable, "pairs": trained_pairs}


def make(X=TEXTS, analyzer=None, **parameters):
    """Fit a small generator."""
    defaults = {"cell": "gru", "hidden_size": 16, "max_epochs": 4, "random_state": 0}
    return SequenceGenerator(analyzer=analyzer or Bytes(), **(defaults | parameters)).fit(X)


@pytest.fixture(scope="module", params=TOKENIZERS.values(), ids=TOKENIZERS)
def fitted(request):
    """Fit with each tokenizer."""
    return make(analyzer=request.param())


@pytest.fixture(scope="module")
def by_bytes():
    """Fit on bytes."""
    return make()


# --- laws ----------------------------------------------------------------------------------------


def test_symbols_are_ids(fitted):
    """The vocabulary holds the ids of the texts, without special tokens."""
    ids = {i for text in TEXTS for i in token_ids(fitted.analyzer, text)}
    assert set(fitted.vocabulary_) == ids
    assert {type(symbol) for symbol in fitted.vocabulary_} == {int}
    assert fitted.predict(["für"])[0] in ids
    assert fitted.predict_proba(["für"]).shape == (1, len(ids) + 1)


@pytest.mark.parametrize("prompt", ["für", "", None, "Elise & Zoë"])
@pytest.mark.parametrize("rules", [{}, {"temperature": 3.0}, {"top_k": 3}, {"max_steps": 70}])
def test_pieces_of_a_stream_join_to_what_generate_adds(fitted, prompt, rules):
    """The prompt is returned unchanged, and the pieces, none of them empty, join to the rest."""
    arguments = {"max_steps": 30, "random_state": 3} | rules
    text = fitted.generate(prompt, **arguments)
    pieces = list(fitted.stream(prompt, **arguments))
    assert text == (prompt or "") + "".join(pieces)
    assert all(pieces)
    several = fitted.generate([prompt, "čaj"], n_samples=2, **arguments)
    assert several[0][0] == text
    assert all(s.startswith("čaj") for s in several[1])


def test_prompts_may_hold_unknown_ids(by_bytes):
    """A prompt with ids that fit did not see is returned unchanged."""
    assert by_bytes.generate("xyz Ж", max_steps=5, random_state=0).startswith("xyz Ж")


@pytest.mark.parametrize("text", ["für Elise", "Elise & Zoë 😀"])
def test_score_adds_up_over_tokens(fitted, text):
    """The log-likelihood of a text is the sum over its ids and the end, as in predict_proba."""
    ids = token_ids(fitted.analyzer, text)
    steps = fitted.score_steps([text])[0]
    columns = [*(fitted.vocabulary_[i] - 1 for i in ids[1:]), -1]
    after = fitted.predict_proba([ids[: n + 1] for n in range(len(ids))])
    wanted = np.log([p[column] for p, column in zip(after, columns, strict=True)])
    assert steps[1:] == pytest.approx(wanted, rel=1e-4)
    assert fitted.score_samples([text])[0] == pytest.approx(steps.sum())


@given(text=st.text(st.characters(codec="utf-8"), max_size=40), cut=st.integers(0, 40))
def test_incremental_decoding_undoes_encoding(text, cut):
    """The pieces after any beginning join to the text; each consists of whole characters."""
    before, after = text[:cut].encode(), text[cut:].encode()
    pieces = list(decode_incrementally(Bytes(), after, before))
    assert "".join(pieces) == text[cut:]
    assert len(pieces) == len(after) + 1
    assert "\ufffd" in text or not any("\ufffd" in piece for piece in pieces)


@given(
    ids=st.lists(st.integers(0, 255), max_size=80), before=st.lists(st.integers(0, 255), max_size=9)
)
def test_incremental_decoding_equals_decoding_at_once(ids, before):
    """Bytes that are no text become replacement characters in the same places."""
    before = [*before, 32]
    whole = Bytes().decode(before + ids)
    known = Bytes().decode(before)
    assert "".join(decode_incrementally(Bytes(), ids, before)) == whole[len(known) :]


@given(
    pieces=st.lists(st.text("ab", max_size=3), max_size=12),
    stops=st.lists(st.text("ab", min_size=1, max_size=4), max_size=3),
)
def test_a_text_ends_with_its_first_stop(pieces, stops):
    """The text is cut at the first end of a stop mark, in any division into pieces."""
    text = "".join(pieces)
    ends = [text.index(stop) + len(stop) for stop in stops if stop in text]
    assert "".join(cut_after_stop(pieces, stops)) == text[: min(ends, default=len(text))]


@pytest.mark.parametrize("arguments", [{}, {"top_p": 0.95}, {"num_beams": 3}], ids=str)
@pytest.mark.parametrize("stop", [" ", "ë", "ür", ["se", "5 "]], ids=str)
def test_stops_are_searched_in_the_text(fitted, stop, arguments):
    """Several ids, or part of one, may complete a stop mark; it ends the text, once."""
    stops = [stop] if isinstance(stop, str) else stop
    drawn = {} if "num_beams" in arguments else {"random_state": 0}
    for text in fitted.generate("für", n_samples=3, max_steps=120, stop=stop, **arguments, **drawn):
        added = text.removeprefix("für")
        first = min((added.find(s) + len(s) for s in stops if s in added), default=len(added))
        assert len(added) == first


def test_a_stop_ends_sampling(by_bytes):
    """Sampling ends soon after a stop mark; the text before it is the same as without."""
    free = by_bytes.generate(max_steps=500, random_state=1)
    stopped = by_bytes.generate(max_steps=500, random_state=1, stop=free[3:5])
    assert stopped == free[: free.index(free[3:5]) + 2]
    is_over = by_bytes._model._criteria(500, "ür").is_over
    outputs = [by_bytes.vocabulary_[i] - 1 for i in "für Elise".encode()]
    assert is_over(outputs[:4], 1)
    assert is_over(outputs, 8)
    assert not is_over(outputs[4:], 8)


def test_top_choices_are_what_a_step_adds(fitted):
    """The most likely choice is the text of the greedy step; the end is None."""
    for prompt in ("für", "Elise", None):
        best, _ = fitted.top_choices(prompt, k=1)[0]
        greedy = fitted.generate(prompt, max_steps=1, top_k=1)
        assert greedy == (prompt or "") + (best or "")
    choices = fitted.top_choices("für", k=1000)
    assert sum(p for _, p in choices) == pytest.approx(1)
    assert None in dict(choices)


# --- scikit-learn --------------------------------------------------------------------------------


def test_pickles_and_clones(fitted):
    """Pickles score and generate the same; clones learn the same."""
    arguments = {"max_steps": 20, "random_state": 5}
    copy = pickle.loads(pickle.dumps(fitted))
    assert copy.score(TEXTS) == fitted.score(TEXTS)
    assert copy.generate("für", **arguments) == fitted.generate("für", **arguments)
    twin = clone(fitted)
    assert twin.analyzer is not fitted.analyzer
    assert twin.fit(TEXTS).score(TEXTS) == fitted.score(TEXTS)
    assert fitted.get_params()["analyzer"] is fitted.analyzer
    assert "analyzer=" in repr(fitted)


def test_analyzers_are_compared_by_a_grid(fitted):
    """A search takes names and tokenizers; likelihoods of whole texts are comparable."""
    search = GridSearchCV(
        SequenceGenerator("gru", 8, max_epochs=1, random_state=0),
        {"analyzer": ["char", fitted.analyzer]},
        scoring=lambda model, X: model.score_samples(X).mean(),
        cv=KFold(2, shuffle=True, random_state=0),
    ).fit(TEXTS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.cv_results_["param_analyzer"].tolist() == ["char", fitted.analyzer]


def test_classifier_and_regressor_read_ids(fitted):
    """Every estimator with an analyzer splits texts with the tokenizer."""
    y = np.arange(len(TEXTS)) % 2
    for kind in (RNNClassifier, RNNRegressor):
        model = kind("gru", 8, analyzer=fitted.analyzer, max_epochs=1).fit(TEXTS, y)
        assert set(model.vocabulary_) == set(fitted.vocabulary_)
        assert model.predict(TEXTS).shape == y.shape


def test_generation_with_a_label():
    """Labels and max_features work with ids."""
    y = ["a", "b"] * (len(TEXTS) // 2)
    model = SequenceGenerator(
        "gru", 16, analyzer=Bytes(), max_features=20, conditional=True, max_epochs=2, random_state=0
    ).fit(TEXTS, y)
    assert len(model.vocabulary_) == 20
    text = model.generate("für", label="b", max_steps=9, random_state=0)
    assert text == "für" + "".join(model.stream("für", label="b", max_steps=9, random_state=0))


def test_a_display_shows_what_each_id_adds(fitted):
    """There is one piece per step, and the pieces join to the text."""
    texts = [*TEXTS[:2], ""]
    display = GenerationDisplay.from_estimator(fitted, texts)
    if not isinstance(fitted.analyzer, Unstable):
        assert ["".join(symbols) for symbols in display.symbols] == texts
    assert [len(symbols) + 1 for symbols in display.symbols] == list(
        map(len, display.log_likelihoods)
    )
    assert display.html()
    assert display.text()
    assert display.text(color=False)


# --- examples ------------------------------------------------------------------------------------


def test_a_pattern_of_pairs_is_learnt():
    """Byte pairs are learnt and generated like any symbols."""
    tokenizer = trained_pairs()
    text = "für Elise, čaj für Zoë 😀, " * 30
    assert tokenizer.decode(token_ids(tokenizer, text)) == text
    model = make([text], tokenizer, hidden_size=32, max_epochs=40)
    assert model.generate("für", max_steps=40, stop="Zoë 😀", top_k=1) == text[:24]
    assert len(token_ids(tokenizer, text)) < len(text)


def test_incomplete_characters_are_held_back():
    """A character comes with its last byte, a replacement only where the text ends before."""
    pieces = list(decode_incrementally(Bytes(), "a€b".encode()))
    assert pieces == ["a", "", "", "€", "b", ""]
    assert list(decode_incrementally(Bytes(), "a€".encode()[:-1])) == ["a", "", "", "\ufffd"]
    assert list(decode_incrementally(Bytes(), [0xFF, 0x61])) == ["", "\ufffda", ""]


def test_blanks_at_the_front_are_kept():
    """Decoding new ids alone would lose the blank between the prompt and the continuation."""
    words = Words()
    ids = token_ids(words, "Zoë & Elise " * 20)
    pieces = list(decode_incrementally(words, ids[1:], ids[:1]))
    assert "Zoë" + "".join(pieces) == ("Zoë & Elise " * 20).strip()
    assert all(piece.startswith(" ") for piece in pieces[:-1])


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (lambda text: text.split(), r"encode returned \['für', 'Elise'\]; expected a list of int"),
        (lambda text: 7, "encode returned 7; expected a list of int"),
    ],
)
def test_invalid_ids(encode, message):
    """A tokenizer must encode to integers."""
    with pytest.raises(TypeError, match=message):
        make(analyzer=SimpleNamespace(encode=encode, decode=str))


def test_invalid_text():
    """A tokenizer must decode to a str."""
    model = make(analyzer=SimpleNamespace(encode=Bytes().encode, decode=list), max_epochs=1)
    with pytest.raises(TypeError, match=r"decode returned \[\]; expected a str"):
        model.generate()


def test_tokenizers_that_change_texts_are_refused():
    """Truncation loses text, padding adds to it."""
    tokenizer = trained_pairs()
    tokenizer.enable_truncation(3)
    with pytest.raises(ValueError, match=r"truncation switched on. Call its no_truncation\(\)"):
        make(analyzer=tokenizer)
    tokenizer.no_truncation()
    tokenizer.enable_padding(length=50)
    with pytest.raises(ValueError, match=r"padding switched on. Call its no_padding\(\)"):
        make(analyzer=tokenizer)


@pytest.mark.parametrize(
    ("stop", "error", "message"),
    [
        (3, TypeError, "stop must be a str or a list of str"),
        (["a", None], TypeError, "stop must be a str or a list of str"),
        ("", ValueError, "stop='' can never be generated: it is empty"),
    ],
)
def test_stops_are_texts(by_bytes, stop, error, message):
    """Neither ids nor empty texts can be stop marks."""
    with pytest.raises(error, match=message):
        by_bytes.generate("für", stop=stop)
    with pytest.raises(error, match=message):
        by_bytes.stream("für", stop=stop)


@pytest.mark.parametrize("analyzer", [3, SimpleNamespace(encode=len), "bytes"])
def test_other_analyzers_are_refused(analyzer):
    """An analyzer is a name, a function or a tokenizer."""
    with pytest.raises(ValueError, match="'analyzer' parameter of SequenceGenerator must be"):
        make(analyzer=analyzer)
