"""Export to ONNX: a model predicts what the estimator predicts, on batches that it has not seen."""

import json
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from torch import nn

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._cells import CELLS
from sksequence._onnx import _graph
from sksequence._onnx._layers import LAYERS
from sksequence.persistence import to_onnx
from tests.helpers import DOCUMENTS, cell_with, fit_generator

SMALL = {"hidden_size": 6, "max_epochs": 2, "random_state": 0}
POOLINGS = ["last", "mean", "max", "attention"]


def ragged(n_rows, longest, n_features=2, shortest=1, seed=0):
    """Return ragged sequences of numbers of very different sizes."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest + 1, n_rows)
    return [rng.normal(100.0, 30.0, (n, n_features)) for n in lengths]


X = ragged(24, 9)
LABELS = np.array(["a", "b", "c"] * 8)
NUMBERS = np.array([x.sum() for x in X])
STEP_LABELS = [np.where(x[:, 0] > 100, "high", "low") for x in X]


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """Return a function that exports an estimator and opens the model."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"

    def exported(estimator):
        to_onnx(estimator, path)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # some tests expect errors
        return onnxruntime.InferenceSession(path, options)

    return exported


def metadata(session):
    """Return the decoded metadata of a model."""
    entries = session.get_modelmeta().custom_metadata_map
    return {name: json.loads(value) for name, value in entries.items()}


def columns_of(x, names):
    """Return columns of one sequence: a table, an array or a list of tokens."""
    if isinstance(x, pd.DataFrame):
        return [x[name] for name in names]
    if isinstance(x, str):
        return [list(x)]
    return [x[:, name] for name in names]


def padded(session, X, n_spare=2):
    """Build the inputs of a model from sequences, as its metadata tell; padding holds anything."""
    entries, lengths = metadata(session), np.array([len(x) for x in X])
    shape = len(X), max(lengths) + n_spare
    inputs = {"lengths": lengths}
    if entries["values"]:
        inputs["values"] = np.full((*shape, len(entries["values"])), np.nan)
        for row, x in zip(inputs["values"], X, strict=True):
            row[: len(x)] = np.column_stack(columns_of(x, entries["values"]))
    if entries["codes"]:
        inputs["codes"] = np.full((*shape, len(entries["codes"])), -7)
        for row, x in zip(inputs["codes"], X, strict=True):
            columns = columns_of(x, [column["name"] for column in entries["codes"]])
            row[: len(x)] = codes_of(columns, entries["codes"])
    return inputs


def codes_of(columns, described):
    """Return the codes of columns of symbols."""
    codes = [
        {symbol: i for i, symbol in enumerate(column["symbols"], start=1)} for column in described
    ]
    pairs = zip(columns, codes, strict=True)
    return np.column_stack([[known.get(s, 0) for s in column] for column, known in pairs])


def check(session, inputs, expected, output=0):
    """Compare an output with predictions, those of steps without padding."""
    found = session.run(None, inputs)[output]
    if expected.dtype == object:
        for row, n, own in zip(found, inputs["lengths"], expected, strict=True):
            np.testing.assert_allclose(row[:n], own, rtol=1e-5, atol=1e-5)
            assert not row[n:].any()  # padding
    else:
        size = max(1.0, np.abs(expected).max())  # numbers near 0 are differences of larger ones
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * size)


def check_numbers(session, estimator, batches):
    """Compare a model with its estimator on batches of other sizes and lengths."""
    predict = getattr(estimator, "predict_proba", estimator.predict)
    for batch in batches:
        check(session, padded(session, batch), predict(batch))


BATCHES = [ragged(n, longest, seed=n) for n, longest in ((1, 1), (1, 30), (7, 2), (16, 17))]

# --- the whole prediction ------------------------------------------------------------------------


@pytest.mark.parametrize("frame_length", [1, 3])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", LAYERS)
def test_models_predict_what_estimators_predict(export, cell, bidirectional, pooling, frame_length):
    """All cells, directions, poolings and frames, on batches of any size and lengths."""
    options = {"bidirectional": bidirectional, "pooling": pooling, "frame_length": frame_length}
    classifier = RNNClassifier(cell, num_layers=2, **SMALL, **options).fit(X, LABELS)
    check_numbers(export(classifier), classifier, BATCHES)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", LAYERS)
def test_targets_of_steps(export, cell, bidirectional):
    """Steps have predictions of their own, and padded ones are 0."""
    options = {"bidirectional": bidirectional, **SMALL}
    classifier = RNNClassifier(cell, **options).fit(X, STEP_LABELS)
    check_numbers(export(classifier), classifier, BATCHES)
    for y in ([x[:, 0] for x in X], [x * 3 for x in X]):  # one number and several
        regressor = RNNRegressor(cell, **options).fit(X, y)
        check_numbers(export(regressor), regressor, BATCHES)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in LAYERS])
def test_cells_without_operators(tmp_path, cell):
    """ONNX has no operators for them, and nothing is written."""
    classifier = RNNClassifier(cell, **SMALL).fit(X, LABELS)
    with pytest.raises(ValueError, match=f"cell='{cell}' cannot be exported to ONNX. Choose one"):
        to_onnx(classifier, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("merge_mode", ["concat", "mul"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", LAYERS)
def test_residual_connections_of_several_widths(export, cell, bidirectional, merge_mode):
    """Norms, projections and sums around the layers."""
    options = SMALL | {"hidden_size": (5, 8, 8), "residual_connections": True}
    options |= {"bidirectional": bidirectional, "merge_mode": merge_mode}
    classifier = RNNClassifier(cell, **options).fit(X, LABELS)
    check_numbers(export(classifier), classifier, BATCHES)


@pytest.mark.slow
@pytest.mark.parametrize("frame_length", [1, 2, 4])
@pytest.mark.parametrize("pooling", [None, *POOLINGS])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", LAYERS)
def test_many_random_batches(export, cell, bidirectional, pooling, frame_length):
    """200 random ragged batches; labels of steps have neither pooling nor frames."""
    options = {"bidirectional": bidirectional, "num_layers": 2, **SMALL}
    if pooling is not None:
        frames = {"frame_length": frame_length, "frame_step": min(frame_length, 2)}
        options |= {"pooling": pooling, **frames}
    y = STEP_LABELS if pooling is None else LABELS
    classifier = RNNClassifier(cell, **options).fit(X, y)
    rng = np.random.default_rng(0)
    sizes = zip(rng.integers(1, 40, 200), rng.integers(1, 60, 200), range(200), strict=True)
    batches = (ragged(n, longest, seed=seed) for n, longest, seed in sizes)
    check_numbers(export(classifier), classifier, batches)


@pytest.mark.parametrize("frame_step", [1, 2, 4])
@pytest.mark.parametrize("scale", ["global", "sequence", False])
def test_scales_and_frames(export, scale, frame_step):
    """Values are scaled in float64, and frames are aligned to the end."""
    frames = {"frame_length": 4, "frame_step": frame_step}
    regressor = RNNRegressor("gru", scale=scale, **frames, **SMALL).fit(X, NUMBERS)
    session = export(regressor)
    check_numbers(session, regressor, BATCHES)
    constant = [np.full((n, 2), 3.1) for n in (1, 4, 6)]
    check_numbers(session, regressor, [constant])


def test_large_numbers_keep_their_digits(export):
    """Times in nanoseconds would all be equal in float32."""
    times = [1.7e18 + 1e9 * np.cumsum(x[:, :1], axis=0) for x in X]
    classifier = RNNClassifier("gru", **SMALL).fit(times, LABELS)
    check(export(classifier), padded(export(classifier), times), classifier.predict_proba(times))


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mean", "mul"])
def test_merge_modes(export, merge_mode):
    """Two directions are merged in every layer."""
    options = {"merge_mode": merge_mode, "num_layers": 2, "bidirectional": True, **SMALL}
    classifier = RNNClassifier("gru", **options).fit(X, LABELS)
    check_numbers(export(classifier), classifier, BATCHES)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("cell", ["rnn", "feedforward"])
def test_activations(export, cell, activation):
    """The activation function of the cells that have one."""
    cell = cell_with(cell, activation, **{"context_size": 1} if cell == "feedforward" else {})
    classifier = RNNClassifier(cell, **SMALL).fit(X, LABELS)
    check_numbers(export(classifier), classifier, BATCHES)


@pytest.mark.parametrize("y", [LABELS, np.tri(3, dtype=int)[np.arange(24) % 3], NUMBERS])
def test_ensembles(export, y):
    """Probabilities and numbers of several networks are averaged."""
    kind = RNNRegressor if y is NUMBERS else RNNClassifier
    estimator = kind("gru", n_estimators=3, **SMALL).fit(X, y)
    check_numbers(export(estimator), estimator, BATCHES)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize(
    "loss",
    ["absolute_error", "gaussian", "student_t", "quantile", "poisson", "negative_binomial"],
)
def test_losses(export, loss, n_outputs):
    """Predictions are those of every loss, and learnt quantiles an output of their own."""
    counts = np.stack([np.round(x.sum()) + np.arange(n_outputs) for x in X])
    y = counts[:, 0] if n_outputs == 1 else counts
    regressor = RNNRegressor("gru", loss=loss, n_estimators=2, **SMALL).fit(X, y)
    session = export(regressor)
    check_numbers(session, regressor, BATCHES)
    names = [output.name for output in session.get_outputs()]
    assert names == ["predictions", *["quantiles"] * (loss == "quantile")]
    if loss == "quantile":
        expected = np.moveaxis(regressor.predict_quantiles(X), 0, 1)
        check(session, padded(session, X), expected, output=1)
        assert metadata(session)["quantiles"] == list(regressor.quantiles)


@pytest.mark.parametrize("loss", ["absolute_error", "gaussian", "quantile"])
def test_shrunken_values(export, loss):
    """Numbers and quantiles are moved as far as those of the regressor."""
    noise = np.random.RandomState(0).randn(len(X), 2)
    with pytest.warns(UserWarning, match="not clearly better"):
        regressor = RNNRegressor("gru", loss=loss, **SMALL).fit(X, noise)
    for shrinkage in (np.array([0.25, 1.0]), np.array([1.0, 0.0])):
        regressor._blueprint = replace(regressor._blueprint, shrinkage=shrinkage)
        session = export(regressor)
        check_numbers(session, regressor, BATCHES)
        if loss == "quantile":
            expected = np.moveaxis(regressor.predict_quantiles(X), 0, 1)
            check(session, padded(session, X), expected, output=1)
    regressor._blueprint = replace(regressor._blueprint, marginal=None)
    check_numbers(export(regressor), regressor, BATCHES)


@pytest.mark.filterwarnings("ignore:On windows that it was not trained on")  # it is hardly trained
@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
@pytest.mark.parametrize("scale", ["global", "sequence", False])
@pytest.mark.parametrize(
    ("residual", "columns"), [("last", "all"), (3, [1]), (2, 0), ([2, 3], [1])]
)
def test_naive_forecasts(export, residual, columns, scale, loss):
    """The forecast that the network corrects is part of the prediction."""
    windows = ragged(24, 12, shortest=4)
    chosen = slice(None) if columns == "all" else np.ravel(columns)
    steps = np.arange(1, 4)[:, None]  # a horizon of three steps
    y = np.stack([(x[-1, chosen] + steps * x[-2, chosen]).ravel() for x in windows])
    options = {"residual": residual, "target_columns": columns, "scale": scale, "loss": loss}
    regressor = RNNRegressor("gru", **options, **SMALL).fit(windows, y)
    session = export(regressor)
    windows[0][:] = 3.1  # without a spread of its own
    check(session, padded(session, windows), regressor.predict(windows))
    if loss == "quantile":
        expected = np.moveaxis(regressor.predict_quantiles(windows), 0, 1)
        check(session, padded(session, windows), expected, output=1)


# --- symbols -------------------------------------------------------------------------------------

WORDS = [list(text) for text in DOCUMENTS]


def test_texts_and_unknown_symbols(export):
    """The metadata contain the symbols of the codes."""
    labels = np.arange(len(DOCUMENTS)) % 3
    classifier = RNNClassifier("gru", **SMALL).fit(DOCUMENTS, labels)
    session, texts = export(classifier), ["to be", "quiz", "Ω"]
    check(session, padded(session, texts), classifier.predict_proba(texts))
    assert metadata(session)["analyzer"] == "char"
    assert metadata(session)["classes"] == [0, 1, 2]


@pytest.mark.parametrize("tie_weights", [False, True])
@pytest.mark.parametrize("texts", [DOCUMENTS, ["".join(DOCUMENTS)]])
def test_next_symbols(export, texts, tie_weights):
    """A generator returns the probabilities of the next symbol, of the end too if it learns it."""
    generator = fit_generator(texts, n_estimators=2, tie_weights=tie_weights, max_features=9)
    session = export(generator)
    prompts = ["to be", "that", "Ω", "i"]
    prompts += [""] * metadata(session)["has_ends"]
    check(session, padded(session, prompts), generator.predict_proba(prompts))
    assert metadata(session)["has_ends"] == (len(texts) > 1)
    assert metadata(session)["codes"][0]["symbols"] == list(generator.vocabulary_)


def mixed(n_rows, longest, seed):
    """Return tables of numbers and categories."""
    rng = np.random.default_rng(seed)
    return [
        pd.DataFrame(
            {
                "price": x[:, 0],
                "day": rng.choice(["mon", "tue", "wed"], len(x)),
                "count": x[:, 1],
                "shop": rng.choice(["north", "south"], len(x)),
            }
        )
        for x in ragged(n_rows, longest, seed=seed)
    ]


@pytest.mark.parametrize("frame_length", [1, 3])
def test_numbers_and_categories(export, frame_length):
    """Columns of numbers and of categories are two inputs, with their names."""
    classifier = RNNClassifier("gru", frame_length=frame_length, **SMALL)
    classifier.fit(mixed(24, 8, seed=0), LABELS)
    session = export(classifier)
    assert metadata(session)["values"] == ["price", "count"]
    assert [column["name"] for column in metadata(session)["codes"]] == ["day", "shop"]
    check_numbers(session, classifier, [mixed(9, 12, seed=1), mixed(1, 2, seed=2)])


@pytest.mark.parametrize("y", [LABELS, STEP_LABELS])
def test_columns_that_do_not_change_in_time(export, y):
    """They are inputs with one row per sequence."""
    table = pd.DataFrame({"x": [x[:, 0] for x in X], "z": [x[:, 1] for x in X]})
    table["age"], table["kind"] = np.arange(24.0), ["b", "a", "c"] * 8
    classifier = RNNClassifier("gru", **SMALL).fit(table, y)
    session = export(classifier)
    assert metadata(session)["values"] == ["x", "z"]
    assert metadata(session)["static"] == ["age"]
    [kind] = metadata(session)["static_codes"]
    inputs = padded(session, [pd.DataFrame(x, columns=["x", "z"]) for x in X])
    inputs["static"] = table[["age"]].to_numpy()
    inputs["static_codes"] = codes_of([table["kind"]], [kind])
    check(session, inputs, classifier.predict_proba(table))


def categories(symbols):
    """Return tables with a column of categories, each of which occurs."""
    values = pd.Series([*symbols] * 2, dtype=object).astype("category")
    return [pd.DataFrame({"kind": values, "x": np.arange(len(values)) * 0.1})] * len(X)


@pytest.mark.parametrize("symbols", [[1, "1"], [1.5, "1.5", True], ["a", "é"]])
def test_categories_keep_their_types(export, symbols):
    """Numbers are not confused with their text."""
    classifier = RNNClassifier("gru", **SMALL).fit(categories(symbols), LABELS)
    [column] = metadata(export(classifier))["codes"]
    assert column["symbols"] == classifier.categories_["kind"]
    assert list(map(type, column["symbols"])) == list(map(type, classifier.categories_["kind"]))


def test_numbers_of_numpy_are_numbers(export):
    """Symbols may be integers of numpy."""
    generator = fit_generator([[np.int64(3), np.int64(4)] * 3] * 4)
    assert metadata(export(generator))["codes"][0]["symbols"] == [3, 4]


@pytest.mark.parametrize("name", ["x", np.nan, np.inf])
def test_metadata_are_json(export, name):
    """JSON has neither NaN nor infinity: they are text."""
    tables = [table.rename(columns={"x": name}) for table in categories(["a", np.inf])]
    entries = export(RNNClassifier("gru", **SMALL).fit(tables, LABELS)).get_modelmeta()
    assert "Infinity" not in str(entries.custom_metadata_map)
    assert json.loads(entries.custom_metadata_map["values"]) == [str(name)]
    [column] = json.loads(entries.custom_metadata_map["codes"])
    assert sorted(column["symbols"]) == ["a", "inf"]


# --- files ---------------------------------------------------------------------------------------


def test_model_is_valid_and_small(tmp_path):
    """The file is a checked model of one opset, and equal weights are stored once."""
    classifier = RNNClassifier("lstm", 32, max_epochs=1, random_state=0).fit(X, LABELS)
    to_onnx(classifier, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 18)]
    n_weights = sum(p.numel() for p in classifier.module_.parameters())
    assert (tmp_path / "model.onnx").stat().st_size < 4 * n_weights + 20_000


def test_failed_exports_leave_old_files(tmp_path):
    """An estimator that cannot be exported, or a folder that does not exist."""
    path = tmp_path / "model.onnx"
    path.write_text("old")
    with pytest.raises(NotFittedError):
        to_onnx(RNNClassifier(), path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [[0, 3], [-1, 3], [3, 6]])
def test_runtimes_refuse_wrong_lengths(export, lengths):
    """A negative index would count from the end, and a long one read another sequence."""
    session = export(RNNClassifier("gru", pooling="mean", **SMALL).fit(X, LABELS))
    with pytest.raises(Exception, match="lengths_from_1_to_time"):
        session.run(None, {"lengths": np.array(lengths), "values": np.zeros((2, 5, 2))})


@pytest.mark.parametrize("code", [-1, 99])
def test_runtimes_refuse_unknown_codes(export, code):
    """Codes outside the vocabulary."""
    session = export(fit_generator())
    with pytest.raises(Exception, match="codes_from_0_to"):
        session.run(None, {"lengths": np.array([1]), "codes": np.full((1, 1, 1), code)})


def test_runtimes_refuse_the_code_of_the_boundary(export):
    """The network has a code for the start of a sequence, which no symbol has."""
    generator = fit_generator()
    session, n_symbols = export(generator), len(generator.vocabulary_)
    inputs = {"lengths": np.array([1]), "codes": np.full((1, 1, 1), n_symbols)}
    assert session.run(None, inputs)[0].shape == (1, n_symbols + 1)
    with pytest.raises(Exception, match=f"codes_from_0_to_{n_symbols}"):
        session.run(None, inputs | {"codes": np.full((1, 1, 1), n_symbols + 1)})


SIZES = {"values": (5, 4, 2), "codes": (5, 4, 1), "static": (5, 1), "static_codes": (5, 1)}
OTHER_SIZES = {
    "values_of_as_many_sequences": {"values": (1, 4, 2)},
    "codes_of_as_many_sequences": {"codes": (1, 4, 1)},
    "codes_of_as_many_steps": {"codes": (5, 1, 1)},
    "static_of_as_many_sequences": {"static": (1, 1)},
    "static_codes_of_as_many_sequences": {"static_codes": (1, 1)},
    "batch_of_at_least_1": {name: (0, *shape[1:]) for name, shape in SIZES.items()},
}


@pytest.fixture(scope="module")
def all_inputs(export):
    """Return the model of a classifier of steps with all inputs, whose layers refuse no size."""
    table = pd.DataFrame({"x": [x[:, 0] for x in X], "z": [x[:, 1] for x in X]})
    table["day"] = [["mon"] * len(x) for x in X]
    table["age"], table["kind"] = np.arange(24.0), ["b", "a", "c"] * 8
    return export(
        RNNClassifier("feedforward", bidirectional=False, **SMALL).fit(table, STEP_LABELS)
    )


@pytest.mark.parametrize("message", OTHER_SIZES)
def test_runtimes_refuse_inputs_of_different_sizes(all_inputs, message):
    """An axis of length 1 would be repeated, also by the optimised graph."""
    shapes = SIZES | OTHER_SIZES[message]
    inputs = {
        name: np.ones(shape, dtype=np.int64 if "codes" in name else np.float64)
        for name, shape in shapes.items()
    }
    n_lengths = 0 if message.startswith("batch") else 5
    with pytest.raises(Exception, match=message):
        all_inputs.run(None, inputs | {"lengths": np.ones(n_lengths, dtype=np.int64)})


def test_runtimes_refuse_lengths_of_another_batch(export):
    """A single length would be that of all sequences."""
    session = export(RNNClassifier("feedforward", bidirectional=False, **SMALL).fit(X, LABELS))
    with pytest.raises(Exception, match="values_of_as_many_sequences_as_lengths"):
        session.run(None, {"lengths": np.array([3]), "values": np.zeros((5, 4, 2))})


@pytest.mark.filterwarnings("ignore:On windows that it was not trained on")
def test_runtimes_refuse_windows_below_a_season(export):
    """There is no season to repeat."""
    windows = ragged(24, 9, n_features=1, shortest=4)
    regressor = RNNRegressor("gru", residual=4, **SMALL).fit(windows, NUMBERS)
    with pytest.raises(Exception, match="lengths_of_at_least_4"):
        export(regressor).run(None, {"lengths": np.array([3]), "values": np.zeros((1, 5, 1))})


def own_cell(input_size, hidden_size):
    """Return a cell of the user."""
    return nn.GRU(input_size, hidden_size, batch_first=True)


SERIES = [np.arange(8.0), np.arange(9.0)]
REFUSED = {
    "cell=<function own_cell": lambda: RNNClassifier(own_cell, **SMALL).fit(X, LABELS),
    "conditional=True": lambda: fit_generator(y=np.arange(20) % 2, conditional=True),
    "of numbers": lambda: SequenceGenerator("gru", **SMALL).fit(SERIES),
    "'kind'.*Decimal.*are both": lambda: RNNClassifier("gru", **SMALL).fit(
        categories([Decimal("1.5"), "1.5"]), LABELS
    ),
    "of the type object have no text": lambda: fit_generator([[object()] * 3] * 4),
    r"got Pipeline.*pipeline\[-1\] or best_estimator_": lambda: make_pipeline(
        RNNClassifier("gru", **SMALL)
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_parts_that_cannot_be_exported(tmp_path, message):
    """The error names the part."""
    with pytest.raises(ValueError, match=message):
        to_onnx(REFUSED[message](), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_networks_that_no_file_can_hold(tmp_path, monkeypatch):
    """A file of ONNX is limited to 2 GiB."""
    classifier = RNNClassifier("gru", **SMALL).fit(X, LABELS)
    n_bytes = 4 * sum(p.numel() for p in classifier.module_.parameters())
    monkeypatch.setattr(_graph, "_MOST_BYTES", n_bytes - 1)
    with pytest.raises(ValueError, match="Fit a smaller network"):
        to_onnx(classifier, tmp_path / "model.onnx")
    monkeypatch.setattr(_graph, "_MOST_BYTES", 2 * n_bytes)
    to_onnx(classifier, tmp_path / "model.onnx")


def test_onnx_is_optional(tmp_path, monkeypatch):
    """Without the library, the error tells how to install it; other errors are not hidden."""
    classifier = RNNClassifier("gru", **SMALL).fit(X, LABELS)
    for name in [name for name in sys.modules if name.startswith("sksequence._onnx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "sksequence\[onnx\]"'):
        to_onnx(classifier, tmp_path / "model.onnx")
