"""Missing values within sequences: read with a mask, or as the last value, which decays."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._base._hold_out import _agree
from sksequence._batching import Scaler, Sequences
from sksequence._modules._missing_values import MissingDecay
from sksequence._net import network_outputs
from sksequence.datasets import load_japanese_vowels
from sksequence.inspection import saliency
from sksequence.persistence import load, save, to_onnx
from tests.helpers import all_weights, assert_close

SMALL = {"hidden_size": 6, "max_epochs": 3, "batch_size": 8, "random_state": 0}
WAYS = ["indicator", "decay"]


def make_data(n=40, seed=0, fraction=0.3, n_features=3):
    """Return sequences of one to twelve steps with missing values, and two classes."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(3.0, 2.0, (rng.integers(1, 13), n_features)) for _ in range(n)]
    for x in X:
        x[rng.random(x.shape) < fraction] = np.nan
    return X, np.arange(n) % 2


X, Y = make_data()
SETTINGS = {
    "gru": {"cell": "gru"},
    "two layers, both directions": {"cell": "lstm", "num_layers": 2, "bidirectional": True},
    "linear": {"cell": "mingru", "bidirectional": False},
    "own scale": {"cell": "gru", "scale": "sequence"},
    "ensemble": {"cell": "rnn", "n_estimators": 2},
    "frames": {"cell": "gru", "frame_length": 3, "missing": "indicator"},
    "own cell": {"cell": torch.nn.GRU},
}


def fit(missing, kind="gru", X=X, y=Y, **params):
    """Fit a small classifier."""
    return RNNClassifier(**{"missing": missing} | SMALL | SETTINGS[kind] | params).fit(X, y)


# --- laws -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("missing", WAYS)
def test_a_sequence_does_not_see_its_batch(missing, kind):
    """Probabilities of a sequence are the same bits alone and with longer ones."""
    model = fit(missing, kind)
    together = model.predict_proba(X)
    assert np.isfinite(together).all()
    alone = np.concatenate([model.predict_proba([x]) for x in X])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("kind", ["gru", "two layers, both directions"])
def test_complete_data_have_a_mask_of_ones(kind):
    """A fit with the indicator on complete data is that with ones as further features."""
    complete = [np.nan_to_num(x) for x in X]
    marked = [np.hstack([x, np.ones_like(x)]) for x in complete]
    plain = {"scale": False, "shuffle": False}
    model = fit("indicator", kind, complete, **plain)
    other = fit("error", kind, marked, **plain)
    np.testing.assert_array_equal(all_weights(model.module_), all_weights(other.module_))
    np.testing.assert_array_equal(model.predict_proba(complete), other.predict_proba(marked))


def decayed(x, gaps, rate, offset):
    """Return what the equations of Che et al. (2018) make of one sequence, in float64."""
    filled, last, passed = np.zeros_like(x), np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for t, step in enumerate(x):
        passed += gaps[t]
        gamma = np.exp(-np.maximum(0.0, rate * passed + offset))
        is_present = ~np.isnan(step)
        filled[t] = np.where(is_present, step, gamma * last)
        last = np.where(is_present, step, last)
        passed = np.where(is_present, 0.0, passed)
    return np.hstack([filled, ~np.isnan(x)])


@pytest.mark.parametrize("has_gaps", [False, True])
def test_values_decay_as_in_the_paper(has_gaps):
    """The layer computes the equations, in a padded batch and in chunks with the state carried."""
    rng = np.random.default_rng(0)
    layer = MissingDecay(3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        layer.offset[0], layer.rate[1] = 0.3, -0.2
    rate, offset = layer.rate.detach().numpy(), layer.offset.detach().numpy()
    lengths = torch.tensor([9, 4, 1, 7])
    x = rng.normal(size=(4, 9, 3)).astype(np.float32)
    x[rng.random(x.shape) < 0.6] = np.nan
    gaps = rng.exponential(size=(4, 9, 1)).astype(np.float32) if has_gaps else np.ones((4, 9, 1))
    given = torch.from_numpy(gaps) if has_gaps else None
    with torch.no_grad():
        whole, state = layer(torch.from_numpy(x), lengths, None, given)
        parts, carried = [], None
        for start in range(0, 9, 2):
            rest = (lengths - start).clamp(0, 2)
            chunk = torch.from_numpy(x[:, start : start + 2])
            of_chunk = None if given is None else given[:, start : start + 2]
            part, carried = layer(chunk, rest, carried, of_chunk)
            parts.append(part)
    for i, n in enumerate(lengths.tolist()):
        expected = decayed(x[i, :n].astype(np.float64), gaps[i, :n], rate, offset)
        for outputs in (whole, torch.cat(parts, dim=1)):
            assert_close(outputs[i, :n].double().numpy(), expected)
    for one, other in zip(state, carried, strict=True):
        assert_close(one.numpy(), other.numpy())


@pytest.mark.parametrize("cell", ["gru", "lru", "gru_d"])
@pytest.mark.parametrize("missing", WAYS)
def test_states_are_carried(missing, cell):
    """Chunks and single steps of a network give the outputs of whole sequences."""
    steps = [np.arange(len(x)) % 2 for x in X]
    model = fit(missing, y=steps, cell=cell, target="steps", tbptt_steps=3)
    prepared = model._blueprint.prepare(model._check_input(X))
    whole = network_outputs(model.net_, prepared)
    values = prepared.gather(np.array([5]))["values"]
    start = prepared.offsets[5]
    for size in (1, 4):
        state, outputs = None, []
        with torch.no_grad():
            for part in values.split(size, dim=1):
                out, state = model.module_.advance(None, part, state=state)
                outputs.append(out)
        assert_close(torch.cat(outputs).numpy(), whole[start : start + values.shape[1]])


def test_truncated_networks_have_the_same_outputs():
    """Truncation changes gradients, not outputs, in which values of earlier chunks decay."""
    model = fit("decay", bidirectional=False)
    prepared = model._blueprint.prepare(model._check_input(X))
    batch = prepared.gather(np.arange(8))
    with torch.no_grad():
        outputs = [model.module_(**batch, tbptt_steps=n) for n in (None, 2)]
    assert_close(*(part.numpy() for part in outputs))


@pytest.mark.parametrize("kind", ["global", "sequence"])
def test_moments_are_those_of_observed_values(kind):
    """Means and standard deviations leave missing values out; a blank feature has none."""
    blank = X[0].copy()
    blank[:, 1] = np.nan
    sequences = Sequences.from_arrays([blank, *X[1:]])
    rows = np.arange(len(sequences))
    scaler = Scaler(kind).fit(sequences, rows)
    values, extra = scaler.transform(sequences)
    np.testing.assert_array_equal(np.isnan(values), np.isnan(sequences.values))
    if kind == "global":
        assert_close(scaler.mean, np.nanmean(sequences.values, axis=0))
        assert_close(scaler.std, np.nanstd(sequences.values, axis=0))
        return
    longest = int(np.argmax(sequences.lengths))
    start, stop = sequences.offsets[longest : longest + 2]
    scaled = values[start:stop].astype(np.float64)
    assert_close(np.nanmean(scaled, axis=0), np.zeros(3))
    assert_close(np.nanstd(scaled, axis=0), np.ones(3))
    assert np.isnan(extra[0, 1])
    assert np.isfinite(extra[longest]).all()


def test_a_complete_sequence_is_scaled_as_among_others():
    """The bits of a complete sequence do not depend on gaps of others, in their own scale."""
    rng = np.random.default_rng(1)
    complete, other = rng.normal(size=(2, 7, 3))
    other[3, 1] = np.nan
    scaler = Scaler("sequence").fit(Sequences.from_arrays([complete]), np.array([0]))
    alone = scaler.transform(Sequences.from_arrays([complete]))[0]
    together = scaler.transform(Sequences.from_arrays([complete, other]))[0][:7]
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("missing", WAYS)
def test_models_are_copied(missing, tmp_path):
    """Clones, pickles and files have the same predictions."""
    model = fit(missing)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(clone(model).fit(X, Y).predict_proba(X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)
    save(model, tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict_proba(X), expected)
    continued = pickle.loads(pickle.dumps(model)).partial_fit(X, Y)
    assert not np.array_equal(continued.predict_proba(X), expected)


@pytest.mark.parametrize("kind", [RNNClassifier, RNNRegressor])
def test_tags_follow_the_parameter(kind):
    """NaN is allowed if it is data."""
    assert not kind().__sklearn_tags__().input_tags.allow_nan
    assert all(kind(missing=way).__sklearn_tags__().input_tags.allow_nan for way in WAYS)


def test_windows_overlap_in_spite_of_gaps():
    """Missing values in the same places are equal; the first value of the later window may be."""
    series = np.arange(8.0)[:, None]
    series[4] = np.nan
    assert _agree(series[2:], series[2:].copy())
    assert not _agree(series[2:], np.nan_to_num(series[2:]))


@pytest.mark.parametrize("kind", ["two layers, both directions", "own scale", "frames"])
def test_attributions_are_complete(kind):
    """Integrated gradients of numbers and masks sum to the difference from present means."""
    model = fit("decay" if kind != "frames" else "indicator", kind)
    result = saliency(model, X[:4])
    for i, own in enumerate(result.attributions):
        assert own.shape == X[i].shape
        gap = own.sum() - (result.outputs - result.reference_outputs)[i]
        assert abs(gap) <= 0.01 * np.abs(own).sum()


# --- what is learnt -------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", WAYS)
def test_that_a_value_is_missing_may_be_the_answer(missing):
    """Labels may depend on nothing but the places of missing values."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8, 1))
    y = np.arange(200) % 2
    X[y == 1, 3] = np.nan
    model = RNNClassifier(hidden_size=8, max_epochs=40, missing=missing, random_state=0)
    assert model.fit(X[:150], y[:150]).score(X[150:], y[150:]) == 1.0


@pytest.mark.parametrize("missing", WAYS)
def test_regression(missing):
    """A regressor reads sequences of tables with missing numbers of any type."""
    rng = np.random.default_rng(0)
    tables = [
        pd.DataFrame({"a": rng.normal(size=6), "n": pd.array(rng.integers(0, 9, 6), dtype="Int64")})
        for _ in range(30)
    ]
    for table in tables:
        table.loc[2, "n"] = pd.NA
        table.loc[4, "a"] = None
    y = np.array([table["n"][5] for table in tables], dtype=float)
    model = RNNRegressor(hidden_size=16, max_epochs=200, missing=missing, random_state=0)
    assert model.fit(tables, y).score(tables, y) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("missing", WAYS)
def test_few_points_are_lost_on_japanese_vowels(missing):
    """Without 30 % of the values, the median accuracy of five seeds falls by at most 3 points."""
    data = [load_japanese_vowels(split=part, return_X_y=True) for part in ("train", "test")]
    complete, thinned = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        gaps = [([np.where(rng.random(x.shape) < 0.3, np.nan, x) for x in X], y) for X, y in data]
        model = RNNClassifier(random_state=seed)
        complete.append(model.fit(*data[0]).score(*data[1]))
        thinned.append(clone(model).set_params(missing=missing).fit(*gaps[0]).score(*gaps[1]))
    assert np.median(thinned) >= np.median(complete) - 0.03


# --- frames ---------------------------------------------------------------------------------------


def test_automatic_frames_are_steps():
    """Long sequences of one feature have frames, unless values may be missing."""
    X = np.random.default_rng(0).normal(size=(8, 60, 1))
    y = np.arange(8) % 2
    lengths = [
        RNNClassifier(max_epochs=1, missing=way, random_state=0).fit(X, y).frame_length_
        for way in ("error", *WAYS)
    ]
    assert lengths[0] > 1
    assert lengths[1:] == [1, 1]


# --- errors ---------------------------------------------------------------------------------------


def test_frames_have_no_decay():
    """Values of a frame are of several times."""
    with pytest.raises(ValueError, match=r"missing='decay' needs.*frame_length=3.*frame_length=1"):
        fit("decay", frame_length=3)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 5, 2)])
def test_arrays_may_be_padded(shape):
    """Arrays whose ends are NaN are an error, in fit and later; lists are data."""
    X = np.random.default_rng(0).normal(size=shape)
    y = np.arange(6) % 2
    model = fit("indicator", X=X, y=y)
    padded = X.copy()
    padded[2, 4:] = np.nan
    message = r"Sequence 2 of X ends with .* NaN .*from_nan_padded\(X\).*list\(numpy.asarray\(X\)\)"
    for refused in (lambda: fit("indicator", X=padded, y=y), lambda: model.predict(padded)):
        with pytest.raises(ValueError, match=message):
            refused()
    fit("indicator", X=list(padded), y=y)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1)])
def test_arrays_of_one_feature_with_inner_gaps(shape):
    """Where other values are missing, so are those at the ends, from then on."""
    X = np.random.default_rng(0).normal(size=shape)
    X[3, 1], X[2, 4] = np.nan, np.nan
    model = fit("indicator", X=X, y=np.arange(6) % 2)
    np.testing.assert_array_equal(model.predict_proba(X)[2:3], model.predict_proba(X[2:3]))


def test_default_is_an_error_that_names_the_parameter():
    """NaN is refused by default, and by the generator, which has no such parameter."""
    rows = [np.array([[1.0], [np.nan], [2.0]])] * 4
    with pytest.raises(ValueError, match=r"sequence 0, step 1, feature 0.*set missing='indicator'"):
        RNNClassifier().fit(rows, [0, 1] * 2)
    with pytest.raises(ValueError, match=r"sequence 0, step 1.*everywhere: drop the sequence"):
        SequenceGenerator().fit(rows)
    at_end = [np.array([[1.0], [np.nan]])] * 4
    with pytest.raises(ValueError, match="If they are gaps, set missing='indicator' or fill"):
        RNNClassifier().fit(at_end, [0, 1] * 2)


@pytest.mark.parametrize("missing", WAYS)
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
def test_large_numbers_are_refused(missing, value):
    """Infinity is no missing value."""
    rows = [np.array([[1.0, np.nan], [np.nan, value]])] * 4
    message = r"(infinity|too large).*sequence 0, step 1, feature 1"
    with pytest.raises(ValueError, match=message):
        fit(missing, X=rows, y=[0, 1] * 2)


def test_symbols_are_not_missing():
    """The parameter is about numbers; missing categories and symbols are errors."""
    with pytest.raises(ValueError, match=r"missing='indicator' has no effect, as X holds symbols"):
        fit("indicator", X=["to be", "or not", "to", "be"], y=[0, 1, 0, 1])
    tables = [pd.DataFrame({"a": [1.0, np.nan], "c": ["x", None]})] * 4
    with pytest.raises(ValueError, match=r"contains NaN: sequence 0, step 1, column 'c'"):
        fit("indicator", X=tables, y=[0, 1, 0, 1])


def test_naive_forecasts_need_values():
    """A forecast from the last value cannot go with missing ones."""
    model = RNNRegressor(residual="last", missing="decay")
    with pytest.raises(ValueError, match=r"residual cannot go with missing.*residual=None"):
        model.fit(np.ones((20, 5)), np.ones(20))


def test_networks_go_on_as_they_began():
    """The inputs of a network to continue cannot change."""
    model = fit("indicator", warm_start=True)
    with pytest.raises(ValueError, match=r"missing is now 'decay', but .* 'indicator'"):
        model.set_params(missing="decay").fit(X, Y)


def test_bad_values():
    """Values are checked, with a suggestion."""
    with pytest.raises(ValueError, match=r"'missing' parameter.*Did you mean 'indicator'"):
        fit("indicate")


@pytest.mark.parametrize("missing", WAYS)
def test_no_export_to_onnx(missing, tmp_path):
    """The export names the parameter."""
    with pytest.raises(ValueError, match=f"missing='{missing}' cannot be exported to ONNX"):
        to_onnx(fit(missing), tmp_path / "model.onnx")


@pytest.mark.parametrize("missing", WAYS)
def test_no_streams(missing):
    """Single steps of streams must be complete."""
    with pytest.raises(ValueError, match=f"missing='{missing}' .* Fit with missing='error'"):
        fit(missing, bidirectional=False, pooling="last").start()
