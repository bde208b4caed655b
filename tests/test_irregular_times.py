"""Times of the steps: their gaps in the network, in both directions, and in chunks."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sksequence import RNNClassifier, RNNRegressor
from sksequence._modules._padded_steps import reverse_steps
from sksequence._modules._stack import Stack
from sksequence._net import network_outputs
from sksequence.inspection import saliency
from sksequence.persistence import load, save, to_onnx
from tests.helpers import assert_close

SMALL = {"hidden_size": 6, "max_epochs": 3, "batch_size": 8, "random_state": 0}
TIME_AWARE = ["cfc", "gru_d"]


def make_data(n=40, seed=0, step=None):
    """Return sequences of one to twelve steps, whose first feature is the time, and classes."""
    rng = np.random.default_rng(seed)
    X = []
    for _ in range(n):
        length = rng.integers(1, 13)
        gaps = rng.exponential(3.0, length) if step is None else np.full(length, step)
        X.append(np.column_stack([100.0 + np.cumsum(gaps), rng.normal(size=(length, 2))]))
    return X, np.arange(n) % 2


X, Y = make_data()


def fit(X=X, y=Y, **params):
    """Fit a small classifier with the times in the first feature."""
    return RNNClassifier(**{"time_column": 0} | SMALL | params).fit(X, y)


def probabilities(model, X=X):
    """Return probabilities in double precision."""
    return model.predict_proba(X).astype(np.float64)


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{}, {"num_layers": 2}, {"missing": "decay"}], ids=str)
@pytest.mark.parametrize("cell", [*TIME_AWARE, "gru", torch.nn.GRU])
def test_a_sequence_does_not_see_its_batch(cell, params):
    """Probabilities of a sequence are the same bits alone and with longer ones."""
    model = fit(cell=cell, **params)
    alone = np.concatenate([model.predict_proba([x]) for x in X])
    np.testing.assert_array_equal(model.predict_proba(X), alone)


@pytest.mark.parametrize("cell", TIME_AWARE)
def test_regular_times_are_no_times(cell):
    """Time-aware cells see gaps of 1 at regular times, as without times, in every layer."""
    regular, y = make_data(step=7.0)
    params = {"cell": cell, "num_layers": 2, "bidirectional": True, "shuffle": False}
    model = fit(regular, y, **params)
    features = [x[:, 1:] for x in regular]
    other = fit(features, y, time_column=None, **params)
    assert model.time_unit_ == 7.0
    assert_close(probabilities(model, regular), probabilities(other, features))


@pytest.mark.parametrize("cell", [*TIME_AWARE, "gru"])
def test_unit_and_start_of_times_do_not_matter(cell):
    """Predictions are those at times in another unit, with another start."""
    other = [np.column_stack([1e6 + 1024 * x[:, 0], x[:, 1:]]) for x in X]
    params = {"cell": cell, "shuffle": False}
    model, moved = fit(**params), fit(other, **params)
    assert_close(moved.time_unit_ / model.time_unit_, 1024.0)
    assert_close(probabilities(model), probabilities(moved, other))


@pytest.mark.parametrize("cell", [*TIME_AWARE, "gru"])
def test_predictions_depend_on_times(cell):
    """Other times of the same values have other predictions."""
    late = [np.column_stack([x[:, 0] + np.arange(len(x)) ** 2, x[:, 1:]]) for x in X]
    model = fit(cell=cell)
    differs = np.abs(model.predict_proba(X) - model.predict_proba(late)).max(axis=1) > 1e-6
    assert differs[[len(x) > 2 for x in X]].all()


def test_gaps_are_in_units_of_their_median():
    """The network reads gaps before the features; the first one is 1."""
    model = fit()
    gaps = np.concatenate([np.diff(x[:, 0]) for x in X])
    assert model.time_unit_ == np.median(gaps)
    batch = model._blueprint.prepare(model._check_input(X[:1])).gather(np.array([0]))
    expected = np.r_[1.0, np.diff(X[0][:, 0]) / np.median(gaps)]
    assert_close(batch["values"][0, :, 0].double().numpy(), expected, 1e-6)
    assert batch["values"].shape[2] == 3


@pytest.mark.parametrize("cell", TIME_AWARE)
def test_gaps_belong_to_the_step_after_in_the_other_direction(cell):
    """A layer that reads backward is one that reads forward through mirrored times."""
    spec = replace(fit(cell=cell, bidirectional=True)._blueprint.spec, num_layers=1)
    stack = Stack(3, spec, torch.Generator().manual_seed(0))
    stack.backwards[0].load_state_dict(stack.forwards[0].state_dict())
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([5, 3, 1])
    x = torch.randn(3, 5, 2, generator=generator)
    gaps = torch.rand(3, 5, 1, generator=generator) * 3
    gaps[:, 0] = 1.0
    mirrored_gaps = torch.ones_like(gaps)
    for i, n in enumerate(lengths.tolist()):
        mirrored_gaps[i, 1:n] = gaps[i, 1:n].flip(0)
    with torch.no_grad():
        backward = stack(torch.cat([x, gaps], dim=2), lengths, None)[1]
        mirrored = torch.cat([reverse_steps(x, lengths), mirrored_gaps], dim=2)
        forward = reverse_steps(stack(mirrored, lengths, None)[0], lengths)
    for i, n in enumerate(lengths.tolist()):
        assert torch.equal(backward[i, :n], forward[i, :n])


@pytest.mark.parametrize("missing", ["error", "decay"])
@pytest.mark.parametrize("cell", [*TIME_AWARE, "lstm"])
def test_states_are_carried(cell, missing):
    """Chunks of a network give the outputs of whole sequences, at the times of these."""
    steps = [np.arange(len(x)) % 2 for x in X]
    model = fit(y=steps, cell=cell, target="steps", tbptt_steps=3, num_layers=2, missing=missing)
    prepared = model._blueprint.prepare(model._check_input(X))
    whole = network_outputs(model.net_, prepared)
    i = int(np.argmax(prepared.lengths))
    values = prepared.gather(np.array([i]))["values"]
    for size in (1, 4):
        state, outputs = None, []
        with torch.no_grad():
            for part in values.split(size, dim=1):
                out, state = model.module_.advance(None, part, state=state)
                outputs.append(out)
        expected = whole[prepared.offsets[i] : prepared.offsets[i + 1]]
        assert_close(torch.cat(outputs).numpy(), expected)


def test_columns_have_names_and_positions():
    """Tables, arrays and mixed steps have their times wherever they are."""
    y, features = Y, [x[:, 1:] for x in X]
    expected = fit(shuffle=False).predict_proba(X)
    last = [np.column_stack([f, x[:, 0]]) for x, f in zip(X, features, strict=True)]
    for position in (2, -1):
        model = fit(last, y, time_column=position, shuffle=False)
        np.testing.assert_array_equal(model.predict_proba(last), expected)
    tables = [pd.DataFrame(x, columns=["b", "z", "a"]) for x in last]
    model = fit(tables, y, time_column="a", shuffle=False)
    np.testing.assert_array_equal(model.predict_proba(tables), expected)
    swapped = [table[["a", "b", "z"]] for table in tables]
    np.testing.assert_array_equal(model.predict_proba(swapped), expected)


@pytest.mark.parametrize("cell", ["gru_d", "lstm"])
def test_events_at_times(cell):
    """Categories whose only numbers are times have an order in time, and gaps."""
    tables = [
        pd.DataFrame({"event": list("ab" * (len(x) // 2 + 1))[: len(x)], "time": x[:, 0]})
        for x in X
    ]
    model = fit(tables, cell=cell, time_column="time")
    assert np.isfinite(model.predict_proba(tables)).all()
    assert model.time_unit_ == fit().time_unit_


def test_models_are_copied(tmp_path):
    """Pickles and files have the same predictions; training goes on with the same unit."""
    model = fit(cell="cfc", warm_start=True)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)
    save(model, tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(X), expected)
    later = [x * [2.0, 1.0, 1.0] for x in X]
    unit = model.time_unit_
    assert model.fit(later, Y).time_unit_ == unit


def test_steps_at_the_same_time():
    """Gaps may be 0; the unit is the median of the others."""
    equal = [np.column_stack([np.repeat(x[:, 0], 2), np.repeat(x[:, 1:], 2, axis=0)]) for x in X]
    assert fit(equal).time_unit_ == fit().time_unit_
    assert fit([x * [0.0, 1.0, 1.0] for x in X]).time_unit_ == 1.0


@pytest.mark.parametrize("missing", ["error", "decay"])
@pytest.mark.parametrize("cell", ["gru_d", "gru"])
def test_attributions_are_complete(cell, missing):
    """Integrated gradients sum to the difference from regular times, in the order of X."""
    last = [x[:, [1, 2, 0]] for x in X]
    params = {"cell": cell, "missing": missing, "num_layers": 2, "max_epochs": 10, "shuffle": False}
    first, other = fit(**params), fit(last, time_column=2, **params)
    result, moved = saliency(first, X[:4]), saliency(other, last[:4])
    for i, own in enumerate(result.attributions):
        assert own.shape == X[i].shape
        np.testing.assert_array_equal(own[:, [1, 2, 0]], moved.attributions[i])
        assert np.abs(own[1:, 0]).max() > 0
        gap = own.sum() - (result.outputs - result.reference_outputs)[i]
        assert abs(gap) <= 0.01 * np.abs(own).sum()


# --- what is learnt -------------------------------------------------------------------------------


def make_doses(n, seed):
    """Return doses at irregular times, and whether what is left of them at the end is positive."""
    rng = np.random.default_rng(seed)
    X, y = [], []
    for _ in range(n):
        n_steps = rng.integers(10, 30)
        times, doses = np.cumsum(rng.lognormal(0.0, 1.5, n_steps)), rng.normal(size=n_steps)
        X.append(np.column_stack([times, doses]))
        y.append(doses @ np.exp((times - times[-1]) / 5.0) > 0)
    return X, np.array(y)


@pytest.mark.slow
def test_times_are_worth_five_points():
    """The median gain of five seeds in accuracy, of the same cell with times."""
    gains = []
    for seed in range(5):
        (X, y), (X_test, y_test) = make_doses(400, seed), make_doses(400, 100 + seed)
        params = {"hidden_size": 16, "max_epochs": 30, "pooling": "last", "random_state": seed}
        aware = RNNClassifier("gru_d", time_column=0, bidirectional=False, **params)
        unaware = RNNClassifier("gru_d", bidirectional=False, **params)
        score = aware.fit(X, y).score(X_test, y_test)
        train, test = ([x[:, 1:] for x in part] for part in (X, X_test))
        gains.append(score - unaware.fit(train, y).score(test, y_test))
    assert np.median(gains) >= 0.05


# --- errors ---------------------------------------------------------------------------------------


def with_time(value, i=3, step=1):
    """Return sequences with one other time."""
    changed = [x.copy() for x in make_data(8, seed=3)[0]]
    changed[i] = np.column_stack([np.arange(4.0), np.ones((4, 2))])
    changed[i][step, 0] = value
    return changed


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5.0, r"must not decrease.* falls from 5 to 2 at sequence 3, step 2\. It holds times, not"),
        (np.nan, r"contains NaN: sequence 3, step 1, time_column 0\. A step needs a time"),
        (np.inf, r"contains infinity: sequence 3, step 1, time_column 0"),
    ],
)
def test_bad_times(value, message):
    """Sequence and step are named, in fit and later."""
    changed, y = with_time(value), np.arange(8) % 2
    for missing in ("error", "indicator"):
        with pytest.raises(ValueError, match=message):
            fit(changed, y, missing=missing)
    with pytest.raises(ValueError, match=message):
        fit().predict(changed)


@pytest.mark.parametrize(
    ("X", "params", "message"),
    [
        (np.ones((4, 3)), {}, r"time_column=0 is .* but X holds sequences of one feature"),
        (["ab"] * 4, {}, "but X holds symbols"),
        (np.ones((4, 3, 2)), {"time_column": 2}, "X has 2 features: choose indices from -2 to 1"),
        (np.ones((4, 3, 2)), {"time_column": "t"}, "X has no names of features"),
        (np.ones((4, 3, 2)), {"time_column": 1.5}, "'time_column' parameter"),
        ([pd.DataFrame({"a": [1.0], "t": ["x"]})] * 4, {"time_column": "t"}, "of categories, but"),
        ([pd.DataFrame({"a": [1.0], "t": [2.0]})] * 4, {"time_column": "b"}, "choose from"),
        (np.ones((4, 9, 2)), {"frame_length": 3}, "time_column needs .* frame_length=3 each"),
    ],
    ids=str,
)
def test_columns_without_times(X, params, message):
    """A column that cannot hold times is an error."""
    with pytest.raises(ValueError, match=message):
        fit(X, [0, 1, 0, 1], **params)


def test_padded_arrays_are_named():
    """Padding has no times either; the error is that of padding."""
    padded = np.ones((4, 3, 2))
    padded[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"Sequence 1 of X ends with .*from_nan_padded"):
        fit(padded, [0, 1, 0, 1])


def test_naive_forecasts_have_no_times():
    """A forecast from the season before needs regular times."""
    model = RNNRegressor(residual="last", time_column=0)
    with pytest.raises(ValueError, match=r"residual cannot go with time_column"):
        model.fit(np.ones((20, 5, 2)), np.ones((20, 2)))


def test_no_export_to_onnx(tmp_path):
    """The export names the parameter."""
    with pytest.raises(ValueError, match="time_column cannot be exported to ONNX"):
        to_onnx(fit(), tmp_path / "model.onnx")


def test_no_streams():
    """Streams have no times."""
    with pytest.raises(ValueError, match=r"time_column .* Fit with time_column=None"):
        fit(bidirectional=False, pooling="last").start()
