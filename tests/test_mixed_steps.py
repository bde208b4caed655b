"""Steps of numbers and categories, and features that do not change in time, through whole fits."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

from sksequence import RNNClassifier, RNNRegressor, Sequences
from sksequence._base._hold_out import hold_out
from sksequence._batching import Frames, PreparedSequences, Scaler, content_digests
from sksequence._input import InputForm
from sksequence._net import last_outputs, network_outputs
from sksequence._tasks import Targets
from sksequence._vocabulary import Vocabulary
from tests.helpers import all_weights, end_to_end

N = 40
SMALL = {"hidden_size": 6, "max_epochs": 3, "batch_size": 8, "random_state": 0}
KINDS = {  # blocks of X, and what else the estimator is given
    "mixed": ("steps", {}),
    "mixed, in frames": ("steps", {"frame_length": 3, "frame_step": 2}),
    "static": ("static", {}),
    "symbols, static": ("symbols static", {}),
    "both": ("steps static", {"n_estimators": 2}),
    "own scale": ("steps static", {"scale": "sequence", "pooling": "attention"}),
    "per step": ("steps static", {"target": "steps"}),
    "chunks": ("steps static", {"target": "steps", "tbptt_steps": 3, "shuffle": False}),
}


@pytest.fixture(autouse=True)
def read_by_hand(monkeypatch):
    """Let estimators take `Sequences` that are read already."""
    monkeypatch.setattr("sksequence._base._samples.learn_form", lambda X, *_, **__: (form_of(X), X))
    for module in ("_samples", "_base_rnn"):
        monkeypatch.setattr(f"sksequence._base.{module}.check_sequences", lambda X, form: X)


def form_of(X):
    """Return the form of encoded sequences; categories are 0, 1 and 2."""
    vocabulary = Vocabulary(range(3))
    n_numbers, n_codes, n_static_numbers, n_static_codes = (
        0 if block is None else block.shape[1]
        for block in (X.values, X.codes, X.static_values, X.static_codes)
    )
    is_mixed = n_numbers > 0 and n_codes > 0
    return InputForm(
        "sequences",
        n_numbers + n_codes,
        "RNN",
        n_step_features=n_numbers,
        vocabularies=(vocabulary,) * n_codes,
        is_categorical=(False,) * n_numbers + (True,) * n_codes if is_mixed else (),
        n_static_numbers=n_static_numbers,
        static_names=tuple(range(n_static_codes)),
        static_vocabularies=(vocabulary,) * n_static_codes,
    )


def make_sequences(blocks="steps static", n=N, seed=0, equal=False):
    """Return sequences of one to nine steps, or of six, with these blocks."""
    rng = np.random.default_rng(seed)
    lengths = np.full(n, 6) if equal else rng.integers(1, 10, n)
    n_steps = lengths.sum()
    values = None if "symbols" in blocks else rng.normal(3.0, 5.0, (n_steps, 2))
    has_codes = "steps" in blocks or "symbols" in blocks
    codes = rng.integers(0, 4, (n_steps, 2)).astype(np.int32) if has_codes else None
    sequences = Sequences(values, np.r_[0, np.cumsum(lengths)], codes)
    if "static" not in blocks:
        return sequences
    return sequences.with_static(
        rng.normal(50.0, 20.0, (n, 3)), rng.integers(0, 4, (n, 2)).astype(np.int32)
    )


def make_targets(X, per_step):
    """Return labels, one per sequence or one per step."""
    rng = np.random.default_rng(1)
    if per_step:
        return [rng.integers(0, 3, n) for n in X.lengths]
    return np.arange(len(X)) % 3


def fit(kind, *, equal=False, **changes):
    """Fit a small classifier on one of the kinds; return it with X and y."""
    blocks, parameters = KINDS[kind]
    X = make_sequences(blocks, equal=equal)
    y = make_targets(X, "target" in parameters)
    model = RNNClassifier("gru", **SMALL | parameters | changes)
    return model.fit(X, y), X, y


def bits(model, X):
    """Return the outputs of a model as one array."""
    return end_to_end(model.predict_proba(X))


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_does_not_see_its_batch(kind, equal):
    """Alone, in another order and among others, a sequence has the same bits."""
    model, X, _ = fit(kind, equal=equal)
    expected = model.predict_proba(X)
    order = np.random.default_rng(2).permutation(N)
    for ours, theirs in zip(model.predict_proba(X.take(order)), expected[order], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for i in range(0, N, 7):
        alone = model.predict_proba(X.take(np.array([i])))
        np.testing.assert_array_equal(alone[0], expected[i])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "chunks"])
def test_a_fit_does_not_depend_on_the_order_of_rows(kind):
    """Rows are sorted by content, which static features are a part of."""
    model, X, y = fit(kind)
    order = np.random.default_rng(2).permutation(N)
    y = [y[i] for i in order] if isinstance(y, list) else y[order]
    other = clone(model).fit(X.take(order), y)
    np.testing.assert_array_equal(bits(other, X), bits(model, X))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_have_the_same_bits(kind):
    """A pickle and a clone that is fitted again predict the same; training goes on alike."""
    model, X, y = fit(kind)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(bits(copy, X), bits(model, X))
    np.testing.assert_array_equal(bits(clone(model).fit(X, y), X), bits(model, X))
    for each in (model, copy):
        each.partial_fit(X, y)
    again = pickle.loads(pickle.dumps(copy)).partial_fit(X, y)
    np.testing.assert_array_equal(bits(again, X), bits(model.partial_fit(X, y), X))


@pytest.mark.parametrize("kind", ["mixed", "mixed, in frames", "both", "own scale", "chunks"])
@pytest.mark.parametrize("equal", [False, True])
def test_large_data_are_read_to_the_same_bits(kind, equal, monkeypatch):
    """Batches are the same if no scaled copy is kept."""
    model, X, y = fit(kind, equal=equal)
    monkeypatch.setattr("sksequence._batching._prepared_sequences._LARGEST_COPY", 0)
    np.testing.assert_array_equal(bits(clone(model).fit(X, y), X), bits(model, X))


@pytest.mark.parametrize("column", ["static_values", "static_codes", "codes"])
def test_every_block_is_read(column):
    """Fits and predictions differ if one block does, and so do digests."""
    model, X, y = fit("both")
    other = make_sequences()
    block = getattr(other, column)
    setattr(other, column, np.roll(block, 1, axis=0))
    assert np.all(np.any(bits(model, X) != bits(model, other), axis=1).sum() > N // 2)
    assert not np.array_equal(bits(clone(model).fit(other, y), X), bits(model, X))
    assert not np.array_equal(content_digests(X, y, None), content_digests(other, y, None))


@pytest.mark.parametrize("chunk", [2, 256])
@pytest.mark.parametrize("n_estimators", [1, 2])
def test_reading_in_chunks_gives_the_same_outputs(n_estimators, chunk, monkeypatch):
    """Each chunk of a sequence has its codes, and the features of the whole."""
    monkeypatch.setattr("sksequence._net._chunked_reading._CHUNK", chunk)
    model, X, _ = fit("static", bidirectional=False, pooling="last", n_estimators=n_estimators)
    mixed, Z, _ = fit("both", bidirectional=False, pooling="last", n_estimators=n_estimators)
    for each, sequences in ((model, X), (mixed, Z)):
        prepared = each._blueprint.prepare(sequences)
        expected = network_outputs(each.net_, prepared)
        np.testing.assert_allclose(last_outputs(each.net_, prepared), expected, atol=1e-6)


def test_windows_with_categories_are_forecast():
    """The naive forecast repeats numbers; codes and static features are inputs."""
    X = make_sequences("steps static", n=150, equal=True)
    last = X.values[X.offsets[1:] - 1]
    shift = np.where(X.static_codes[:, :1] == 1, 2.0, -1.0)
    model = RNNRegressor("gru", residual="last", max_epochs=60, random_state=0, batch_size=8)
    model.set_params(target_columns="all").fit(X, last + shift)
    assert model.forecast_error_ < 0.5 * model.naive_error_
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))


def test_overlapping_windows_are_found_by_all_columns():
    """Windows of equal numbers overlap only if their categories do."""
    ones = np.ones((6 * 20, 1))
    codes = np.random.default_rng(0).integers(1, 4, (6 * 20, 2)).astype(np.int32)
    X = Sequences(ones, np.arange(21) * 6, codes)
    targets = Targets(None, np.zeros(20), np.ones(20, dtype=bool), None)
    training = SimpleNamespace(
        early_stopping=True, validation_fraction=0.2, validation_split="last", shuffle=False
    )
    assert len(hold_out(X, targets, None, training, 0).training) == 16
    numbers = Sequences(ones, X.offsets)
    assert len(hold_out(numbers, targets, None, training, 0).training) == 16 - 6


def test_integer_weights_are_repetition():
    """The scale of static numbers is learnt on repeated rows too."""
    model, X, y = fit("both")
    weights = np.arange(N) % 3 + 1
    rows = np.repeat(np.arange(N), weights)
    weighted = clone(model).fit(X, y, weights)
    repeated = clone(model).fit(X.take(rows), y[rows])
    np.testing.assert_array_equal(bits(weighted, X), bits(repeated, X))


@pytest.mark.parametrize("constant", [0.0, 7.0, 1e9])
def test_constant_static_numbers_are_centred_only(constant):
    """A constant column teaches nothing, whatever its value."""
    weights = []
    for value in (1.0, constant):
        X = make_sequences()
        X.static_values = np.column_stack([X.static_values[:, 0], np.full(N, value)])
        model = RNNClassifier("gru", **SMALL, shuffle=False).fit(X, np.arange(N) % 3)
        weights.append(all_weights(model.module_))
        assert model._blueprint.prepare(X).gather(np.arange(N))["static"][:, 1].abs().max() == 0
    np.testing.assert_array_equal(*weights)


def test_the_scale_of_static_numbers_is_that_of_the_training_rows():
    """Rows held out may hold anything: the scale and the training do not change."""
    models = []
    for held_out in (0.0, 1e6):
        X = make_sequences()
        X.static_values[-4:] = held_out
        models.append(
            RNNClassifier(
                "gru", **SMALL, early_stopping=True, validation_split="last", n_iter_no_change=9
            ).fit(X, np.arange(N) % 3)
        )
    first, second = models
    assert first.loss_curve_ == second.loss_curve_
    assert first.validation_curve_ != second.validation_curve_
    scaler = first._blueprint.static_scaler
    np.testing.assert_allclose(scaler.mean, make_sequences().static_values[:-4].mean(axis=0))
    np.testing.assert_array_equal(scaler.std, second._blueprint.static_scaler.std)


def test_numbers_that_are_not_scaled_are_cast():
    """With scale=False, static numbers stay as they are."""
    model, X, _ = fit("static", scale=False)
    batch = model._blueprint.prepare(X).gather(np.arange(3))
    np.testing.assert_array_equal(batch["static"], X.static_values[:3].astype(np.float32))


# --- sizes ---------------------------------------------------------------------------------------


def test_every_column_has_a_width_of_its_own():
    """The width of a category follows their number; an int is the width of each."""
    model, X, _ = fit("both")
    spec = model._blueprint.spec
    assert spec.embedding_dims == spec.static.embedding_dims == (2, 2)
    assert spec.n_features == X.values.shape[1]
    spec = fit("both", embedding_dim=7)[0]._blueprint.spec
    assert spec.embedding_dims == spec.static.embedding_dims == (7, 7)


def test_unknown_categories_are_neutral():
    """Code 0 has a vector of zeros, which stays if no training row holds it."""
    X = make_sequences()
    X.codes[X.codes == 0], X.static_codes[X.static_codes == 0] = 1, 1
    network = RNNClassifier("gru", **SMALL).fit(X, np.arange(N) % 3).module_
    for table in [*network.inputs.tables, *network.join.tables]:
        assert not table[0].any()
        assert table[1].any()


def test_frames_are_for_single_numbers():
    """Numbers alone are gathered into frames; with categories and in symbols there are none."""
    values, offsets = np.arange(9.0 * 96)[:, None], np.arange(10) * 96
    codes = np.ones((9 * 96, 2), dtype=np.int32)
    found = [
        RNNClassifier("rnn", **SMALL).fit(Sequences(*blocks), np.arange(9) % 3).frame_length_
        for blocks in ((values, offsets), (values, offsets, codes), (None, offsets, codes))
    ]
    assert found == [24, 1, 1]
    with pytest.raises(ValueError, match="symbols have no frames"):
        RNNClassifier("rnn", **SMALL, frame_length=2).fit(
            make_sequences("symbols"), np.arange(N) % 3
        )


def test_frames_hold_the_codes_of_their_steps():
    """Codes are gathered into the same frames as numbers, step by step."""
    X = make_sequences("steps", n=5)
    X.codes[:] = np.arange(len(X.codes))[:, None] * 2 + [0, 1]
    X.values[:] = X.codes
    for frames in (Frames(3, 2), Frames(4, 4)):
        batch = PreparedSequences(X, Scaler(False), frames).gather(np.arange(5))
        np.testing.assert_array_equal(batch["codes"], batch["values"])


# --- learning ------------------------------------------------------------------------------------


def test_interactions_of_static_features_and_steps_are_learnt():
    """The label is whether a category and the sign of a sequence agree."""
    rng = np.random.default_rng(0)
    signs, category = rng.integers(0, 2, (2, 400))
    steps = rng.normal(size=(400, 8)) + 2.0 * signs[:, None] - 1.0
    X = Sequences(steps.reshape(-1, 1), np.arange(401) * 8)
    X = X.with_static(None, np.column_stack([category + 1] * 2).astype(np.int32))
    y = signs ^ category
    model = RNNClassifier("gru", max_epochs=20, random_state=0).fit(X.take(np.arange(200)), y[:200])
    assert model.score(X.take(np.arange(200, 400)), y[200:]) > 0.95


def test_static_features_are_joined_to_every_step():
    """The label of a step is whether a category and the sign of the step agree."""
    rng = np.random.default_rng(0)
    numbers, category = rng.normal(size=(200, 6)), rng.integers(0, 2, 200)
    X = Sequences(numbers.reshape(-1, 1), np.arange(201) * 6)
    X = X.with_static(None, np.column_stack([category + 1] * 2).astype(np.int32))
    y = (numbers > 0) ^ category[:, None].astype(bool)
    model = RNNClassifier("gru", target="steps", max_epochs=10, random_state=0)
    model.fit(X.take(np.arange(100)), y[:100])
    assert model.score(X.take(np.arange(100, 200)), y[100:]) > 0.95


def test_static_numbers_are_added():
    """A regression on static numbers and the mean of the steps."""
    rng = np.random.default_rng(0)
    static, steps = rng.normal(size=(400, 2)), rng.normal(size=(400, 8))
    X = Sequences(steps.reshape(-1, 1), np.arange(401) * 8).with_static(1e3 + 1e-2 * static)
    y = static @ [2.0, -1.0] + steps.mean(axis=1)
    model = RNNRegressor("gru", max_epochs=30, random_state=0).fit(X.take(np.arange(200)), y[:200])
    assert model.score(X.take(np.arange(200, 400)), y[200:]) > 0.95


def test_categories_change_the_meaning_of_numbers():
    """The label is the sign of a sum, in which a category decides each step's sign."""
    rng = np.random.default_rng(0)
    numbers, category = rng.normal(size=(600, 6)), rng.integers(0, 2, (600, 6))
    codes = np.repeat(category.reshape(-1, 1) + 1, 2, axis=1).astype(np.int32)
    X = Sequences(numbers.reshape(-1, 1), np.arange(601) * 6, codes)
    y = ((2 * category - 1) * numbers).sum(axis=1) > 0
    model = RNNClassifier("gru", max_epochs=30, random_state=0).fit(X.take(np.arange(400)), y[:400])
    assert model.score(X.take(np.arange(400, 600)), y[400:]) > 0.9
