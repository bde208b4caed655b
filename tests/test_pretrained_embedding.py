"""Pre-trained embeddings: formats, rows of the vocabulary, training, kept models and errors."""

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sksequence import PretrainedEmbedding, RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence.persistence import load, save, to_onnx

WORDS = ["bad", "dull", "film", "fine", "good", "plot", "unused"]
VECTORS = np.random.default_rng(0).normal(0, 0.3, (7, 5)).astype(np.float32)
TEXTS = ["good film", "bad film", "a fine plot", "dull plot", "Good plot", "bad, bad plot"] * 2
LABELS = np.array([1, 0, 1, 0, 1, 0] * 2)
SMALL = {"hidden_size": 4, "n_estimators": 1, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the same vectors in all formats."""
    path = tmp_path_factory.mktemp("vectors")
    (path / "words.txt").write_text("\n".join(WORDS), "utf-8")
    np.save(path / "matrix.npy", VECTORS)
    np.save(path / "half.npy", VECTORS.astype(np.float16))
    matrix = torch.from_numpy(VECTORS)
    save_file({"embed": matrix, "bias": torch.zeros(3)}, path / "one.safetensors")
    two = {"embed": matrix.to(torch.bfloat16), "other": torch.zeros(2, 2)}
    save_file(two, path / "two.safetensors")
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(WORDS, VECTORS, strict=True)]
    (path / "glove.txt").write_text("\n".join([*lines, lines[0].replace("-", "")]), "utf-8")
    (path / "word2vec.vec").write_text("\n".join(["7 5", *(f"{line} " for line in lines)]), "utf-8")
    return path


FORMATS = {
    "npy": ({"path": "matrix.npy", "words": "words.txt"}, 0),
    "float16": ({"path": "half.npy", "words": "words.txt"}, 1e-3),
    "safetensors": ({"path": "one.safetensors", "words": "words.txt"}, 0),
    "bfloat16": ({"path": "two.safetensors", "words": "words.txt", "tensor": "embed"}, 5e-3),
    "glove": ({"path": "glove.txt"}, 0),
    "word2vec": ({"path": "word2vec.vec"}, 0),
}


def embedding(folder, name="npy", **parameters):
    """Return the embedding of a format."""
    given = FORMATS[name][0] | parameters
    paths = {key: str(folder / given[key]) for key in ("path", "words") if given.get(key)}
    return PretrainedEmbedding(**given | paths)


def classifier(source, **parameters):
    """Return a small classifier of words."""
    return RNNClassifier("gru", analyzer="word", embedding_dim=source, **SMALL | parameters)


def vectors_of(model):
    """Return the vector of each symbol."""
    table = model.module_.inputs.tables[0].detach().numpy()
    return {symbol: table[code] for symbol, code in model.vocabulary_.items()}


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_the_rows_of_the_vocabulary_are_read(folder, name):
    """Words of X have the vectors of the file, with a blank before them or without."""
    model = classifier(embedding(folder, name)).fit(TEXTS, LABELS)
    found, tolerance = vectors_of(model), FORMATS[name][1]
    assert model.embedding_dim_ == 5
    for symbol in ("good", " film", " fine", "bad", " bad", " plot", "dull"):
        expected = VECTORS[WORDS.index(symbol.strip())]
        np.testing.assert_allclose(found[symbol], expected, atol=tolerance)
    assert len(model.module_.inputs.tables[0]) == len(found) + 1  # no row of other words
    assert "unused" not in found


def test_symbols_without_a_vector_are_drawn(folder):
    """They have the size of those found, and inputs have unit variance."""
    model = classifier(embedding(folder), max_epochs=1).fit(TEXTS, LABELS)
    assert {"Good", "a", ","} <= set(vectors_of(model))
    inputs = model.module_.inputs
    size = np.sqrt(np.mean([v**2 for s, v in vectors_of(model).items() if s.strip() in WORDS]))
    assert inputs.scale == pytest.approx(1 / size)
    assert 0.1 < np.std(vectors_of(model)["a"]) < 0.6
    other = classifier(embedding(folder), max_epochs=1, random_state=1).fit(TEXTS, LABELS)
    assert not np.array_equal(vectors_of(model)["a"], vectors_of(other)["a"])
    lower = classifier(embedding(folder, lowercase=True)).fit(TEXTS, LABELS)
    assert np.array_equal(vectors_of(lower)["Good"], VECTORS[4])


@pytest.mark.parametrize("n_estimators", [1, 2])
@pytest.mark.parametrize("trainable", [False, True])
def test_vectors_are_trained_or_not(folder, trainable, n_estimators):
    """Frozen vectors stay, in fits and later calls of partial_fit, and trained ones move."""
    source = embedding(folder, trainable=trainable)
    model = classifier(source, n_estimators=n_estimators, weight_decay=0.1).fit(TEXTS, LABELS)
    members = model.module_.members if n_estimators > 1 else [model.module_]
    for _ in range(2):
        for member in members:
            row = member.inputs.tables[0][model.vocabulary_["good"]].detach().numpy()
            assert np.array_equal(row, VECTORS[4]) != trainable
        model.partial_fit(TEXTS, LABELS)
        members = model.module_.members if n_estimators > 1 else [model.module_]


@pytest.mark.parametrize("trainable", [False, True])
def test_models_are_kept_without_the_file(tmp_path, trainable):
    """Pickles, saved models and ONNX need no file, and a pickle goes on with the same vectors."""
    np.save(tmp_path / "matrix.npy", VECTORS)
    (tmp_path / "words.txt").write_text("\n".join(WORDS))
    model = classifier(embedding(tmp_path, trainable=trainable)).fit(TEXTS, LABELS)
    expected = model.predict_proba(TEXTS)
    again = clone(model).fit(TEXTS, LABELS)
    assert np.array_equal(again.predict_proba(TEXTS), expected)
    save(model, tmp_path / "model")
    to_onnx(model, tmp_path / "model.onnx")
    (tmp_path / "matrix.npy").unlink()
    twins = pickle.loads(pickle.dumps(model)), load(tmp_path / "model")
    for twin in twins:
        assert np.array_equal(twin.predict_proba(TEXTS), expected)
        assert twin.embedding_dim.path == model.embedding_dim.path
        twin.partial_fit(TEXTS, LABELS)
        frozen = np.array_equal(vectors_of(twin)["good"], VECTORS[4])
        assert frozen != trainable
    runtime = pytest.importorskip("onnxruntime").InferenceSession(tmp_path / "model.onnx")
    symbols = [["good", " film"], ["bad", " film"]]
    names = [value.name for value in runtime.get_inputs()]
    codes = np.array([[[model.vocabulary_[s]] for s in row] for row in symbols])
    inputs = {"codes": codes, "lengths": np.array([2, 2])}
    found = runtime.run(None, {name: inputs[name] for name in names})
    assert any(np.allclose(part, expected[:2], atol=1e-5) for part in found if part.shape == (2, 2))


def test_clones_and_pickles_are_small(tmp_path):
    """A clone holds the path; a fitted estimator holds the rows of its vocabulary, not the file."""
    words = [f"word{i}" for i in range(20_000)]
    np.save(tmp_path / "matrix.npy", np.random.default_rng(0).normal(size=(20_000, 50)))
    (tmp_path / "words.txt").write_text("\n".join(words))
    texts = [f"word{i} word{i + 1}" for i in range(0, 40, 2)]
    model = classifier(embedding(tmp_path)).fit(texts, np.arange(20) % 2)
    assert len(pickle.dumps(clone(model))) < 4_000
    assert len(pickle.dumps(model)) < 4_000 + 40 * 50 * 4 + 20_000
    assert (tmp_path / "matrix.npy").stat().st_size > 7_000_000


# --- estimators ----------------------------------------------------------------------------------


def test_regressors_and_generators(folder):
    """The other estimators read the same file; tied weights share its vectors."""
    regressor = RNNRegressor(analyzer="word", embedding_dim=embedding(folder), **SMALL)
    assert np.array_equal(vectors_of(regressor.fit(TEXTS, LABELS * 1.0))["good"], VECTORS[4])
    for tie_weights in (False, True):
        generator = SequenceGenerator(
            "gru",
            analyzer="word",
            embedding_dim=embedding(folder),
            tie_weights=tie_weights,
            **SMALL,
        ).fit(TEXTS)
        assert np.array_equal(vectors_of(generator)["good"], VECTORS[4])
        assert generator.generate("good", max_steps=3, random_state=0).startswith("good")
        steps = [generator.score_samples([text])[0] for text in TEXTS[:3]]
        assert steps == pytest.approx(generator.score_samples(TEXTS[:3]), rel=1e-5)


def test_integers_are_rows(folder):
    """Without words, integers are numbers of rows; those outside have random vectors."""
    X = [[0, 3, 99], [4, 4], [3, 0], [4, 99]]
    source = PretrainedEmbedding(str(folder / "matrix.npy"))
    model = RNNClassifier(embedding_dim=source, **SMALL).fit(X, [0, 1, 0, 1])
    assert np.array_equal(vectors_of(model)[3], VECTORS[3])
    assert vectors_of(model)[99].any()


def test_embeddings_are_searched(folder):
    """Its parameters are part of a grid, and it can be compared with an embedding of its own."""
    grid = [{"embedding_dim__trainable": [False, True]}, {"embedding_dim": [3]}]
    search = GridSearchCV(classifier(embedding(folder)), grid, cv=2).fit(TEXTS, LABELS)
    assert len(search.cv_results_["params"]) == 3


def test_static_categories_keep_their_own_size(folder):
    """Categories that do not change in time have vectors of their usual size."""
    table = {"text": [text.split() for text in TEXTS], "place": list("ab" * 6)}
    frame = pytest.importorskip("pandas").DataFrame(table)
    model = RNNClassifier(embedding_dim=embedding(folder), **SMALL).fit(frame, LABELS)
    assert np.array_equal(vectors_of(model)["good"], VECTORS[4])
    assert model.module_.spec.static.embedding_dims == (2,)


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"path": "absent.npy"}, FileNotFoundError, "there is no file '.*absent.npy'"),
        ({"words": "absent.txt"}, FileNotFoundError, "there is no file '.*absent.txt'"),
        ({"path": "matrix.bin"}, ValueError, "suffix '.bin' are not read. Convert the vectors to"),
        ({"path": "glove.txt"}, ValueError, "a text file has its own words. Set words=None"),
        ({"tensor": "a"}, ValueError, "only safetensors files have names. Set tensor=None"),
        (
            {"path": "two.safetensors"},
            ValueError,
            r"tensor=None is not one of its matrices \['embed', 'other'\]",
        ),
        ({"path": "one.safetensors", "tensor": "bias"}, ValueError, "tensor='bias' is not one of"),
        ({"words": "glove.txt"}, ValueError, "there are 8 words for 7 vectors"),
        ({"lowercase": 1}, TypeError, "lowercase of PretrainedEmbedding must be True or False"),
    ],
)
def test_wrong_files(folder, parameters, error, message):
    """Errors name the embedding, and what to change."""
    with pytest.raises(error, match=message):
        classifier(embedding(folder, **parameters)).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("good 1 2\nfilm 1 2 3\n", "line 2 has 3 numbers after 'film', but the first line has 2"),
        ("good 1 2\nfilm 1\n", "line 2 has 1 numbers after 'film', but the first line has 2"),
        ("2 2\ngood 1 2\nfilm 1 x\n", "line 3 does not end with numbers: .*'x'"),
        ("good\nfilm\n", "the first line should be a word and its numbers"),
        ("", "the first line should be a word and its numbers"),
        ("good inf 1\n", "some vectors are not finite"),
        (
            "GOOD 1 2\n",
            r"none of the \d+ symbols of X \(.*\). The file begins with 'GOOD'. Set lowercase=True",
        ),
    ],
)
def test_wrong_lines(tmp_path, content, message):
    """Lines are named; words of several parts are no error."""
    (tmp_path / "vectors.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        classifier(PretrainedEmbedding(str(tmp_path / "vectors.txt"))).fit(TEXTS, LABELS)


def test_wrong_matrices(tmp_path):
    """Matrices of one axis, of integers, of objects, and damaged files are refused."""
    source = PretrainedEmbedding(str(tmp_path / "matrix.npy"))
    for array, message in [
        (np.zeros(3), r"got shape \(3,\) and dtype float64"),
        (np.zeros((2, 3), int), "expected a matrix of floats"),
        (np.array([[None]]), "the file cannot be read: .*Python objects"),
    ]:
        np.save(tmp_path / "matrix.npy", array)
        with pytest.raises(ValueError, match=message):
            RNNClassifier(embedding_dim=source).fit([[1], [2]], [0, 1])
    source = PretrainedEmbedding(str(tmp_path / "m.safetensors"))
    (tmp_path / "m.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(ValueError, match="not a safetensors file"):
        RNNClassifier(embedding_dim=source).fit([[1], [2]], [0, 1])


def test_words_with_blanks_are_read(tmp_path):
    """Lines of words with blanks, as in some files of GloVe, have their own meaning."""
    (tmp_path / "vectors.txt").write_text("good 1 2\ngood deal 3 4\nfilm 5 6\n")
    source = PretrainedEmbedding(str(tmp_path / "vectors.txt"))
    model = RNNClassifier(embedding_dim=source, **SMALL).fit(
        [["good deal", "film"], ["good"]], [0, 1]
    )
    assert vectors_of(model)["good deal"].tolist() == [3, 4]
    assert vectors_of(model)["good"].tolist() == [1, 2]


def test_data_without_one_column_of_symbols(folder):
    """Numbers, texts without words and several columns cannot use the file."""
    source = PretrainedEmbedding(str(folder / "matrix.npy"))
    with pytest.raises(ValueError, match=r"embedding_dim=PretrainedEmbedding.*has no effect, as X"):
        RNNClassifier(embedding_dim=source).fit(
            np.random.default_rng(0).normal(size=(4, 3)), [0, 1] * 2
        )
    with pytest.raises(
        ValueError, match=r"none of the 2 symbols of X .*Without words, symbols are"
    ):
        RNNClassifier(embedding_dim=source).fit([["a", "b"], ["a"]], [0, 1])
    X = np.array([[["a", "b"]], [["b", "a"]]], dtype=object)
    with pytest.raises(ValueError, match="one column of symbols, but the steps of X have 2"):
        RNNClassifier(embedding_dim=embedding(folder)).fit(X, [0, 1])
    with pytest.raises(
        ValueError, match=r"The 'embedding_dim' parameter .* a file of vectors, such"
    ):
        RNNClassifier(embedding_dim="vectors.txt").fit(TEXTS, LABELS)
