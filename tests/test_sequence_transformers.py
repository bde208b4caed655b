"""FillGaps and SequenceScaler: each sequence by itself, in every container."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksequence import RNNClassifier, Sequences
from sksequence.preprocessing import FillGaps, SequenceScaler

RANDOM = np.random.RandomState(0)
RAGGED = [RANDOM.randn(n, 2) * [1, 50] + [3, 700] for n in (6, 9, 4, 12)]
for x in RAGGED:
    x[RANDOM.rand(*x.shape) < 0.3] = np.nan
    x[0] = 1.0
TRANSFORMERS = [
    FillGaps(),
    FillGaps("forward"),
    FillGaps("forward", add_indicator=True),
    SequenceScaler(),
    SequenceScaler(with_std=False),
]


@parametrize_with_checks([FillGaps(), FillGaps("forward", add_indicator=True), SequenceScaler()])
def test_scikit_learn_checks(estimator, check):
    """They are transformers of tables too."""
    check(estimator)


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_sequences_are_transformed_by_themselves(transformer):
    """A result does not depend on the other sequences."""
    fitted = clone(transformer).fit(RAGGED)
    together = fitted.transform(RAGGED)
    for x, expected in zip(RAGGED, together, strict=True):
        np.testing.assert_array_equal(fitted.transform([x])[0], expected)


def test_gaps_are_filled_as_in_pandas():
    """Linear interpolation and forward fill are those of pandas; the start is filled backward."""
    for x in RAGGED:
        table = pd.DataFrame(x)
        linear, forward = table.interpolate().bfill(), table.ffill().bfill()
        np.testing.assert_allclose(FillGaps().fit_transform([x])[0], linear)
        np.testing.assert_array_equal(FillGaps("forward").fit_transform([x])[0], forward)


def test_forward_fill_reads_nothing_ahead():
    """After the first known value, no later step is read."""
    filler = FillGaps("forward").fit(RAGGED)
    x = RAGGED[3]
    whole = filler.transform([x])[0]
    for t in range(1, len(x) + 1):
        np.testing.assert_array_equal(filler.transform([x[:t]])[0], whole[:t])


def test_unknown_features_have_the_mean_of_the_fit():
    """A feature without a known value in a sequence has the mean of fit, or 0."""
    filler = FillGaps().fit([np.array([[1.0, np.nan], [3.0, np.nan]])])
    assert filler.fill_value_.tolist() == [2.0, 0.0]
    np.testing.assert_array_equal(filler.transform([np.full((2, 2), np.nan)])[0], [[2, 0]] * 2)


def test_indicators_mark_what_was_missing():
    """They follow the features, with the names of scikit-learn."""
    filler = FillGaps(add_indicator=True)
    frames = [pd.DataFrame(x, columns=["a", "b"]) for x in RAGGED]
    filled = filler.set_output(transform="pandas").fit_transform(frames)
    names = ["a", "b", "missingindicator_a", "missingindicator_b"]
    assert filler.get_feature_names_out().tolist() == names
    for x, table in zip(RAGGED, filled, strict=True):
        assert table.columns.tolist() == names
        np.testing.assert_array_equal(table[names[2:]], np.isnan(x))


def test_scaled_sequences_have_no_level_and_size():
    """Known values have the mean 0 and the standard deviation 1; a constant is centred only."""
    for x in SequenceScaler().fit_transform(RAGGED):
        np.testing.assert_allclose(np.nanmean(x, axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(np.nanstd(x, axis=0), 1)
    scaler = SequenceScaler().fit(RAGGED)
    moved = [3 * x + 7 for x in RAGGED]
    for one, other in zip(scaler.transform(RAGGED), scaler.transform(moved), strict=True):
        np.testing.assert_allclose(one, other)
    constant = SequenceScaler().fit_transform([np.full(3, 0.1)])[0]
    np.testing.assert_allclose(constant, 0, atol=1e-15)
    sizes = SequenceScaler(with_mean=False).fit_transform([np.array([1.0, 3.0])])[0]
    np.testing.assert_array_equal(sizes, [1.0, 3.0])


# --- containers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("transformer", [FillGaps(), SequenceScaler()], ids=repr)
def test_containers_are_kept(transformer):
    """Lists, arrays, Sequences, DataFrames and tables of cells come back as they were."""
    equal = np.stack([x[:4] for x in RAGGED])
    expected = clone(transformer).fit(list(equal)).transform(list(equal))
    array = clone(transformer).fit_transform(equal)
    np.testing.assert_array_equal(array, expected)
    sequences = clone(transformer).fit_transform(Sequences.from_arrays(list(equal)))
    assert isinstance(sequences, Sequences)
    np.testing.assert_array_equal(sequences[2], expected[2])
    frames = [pd.DataFrame(x, columns=["a", "b"]) for x in equal]
    named = clone(transformer).set_output(transform="pandas").fit_transform(frames)
    np.testing.assert_array_equal(named[1], expected[1])
    assert named[1].columns.tolist() == ["a", "b"]
    cells = pd.DataFrame({"a": [x[:, 0].tolist() for x in equal]})
    out = clone(transformer).fit_transform(cells)
    np.testing.assert_array_equal(np.asarray(out)[3, 0], expected[3][:, 0])
    flat = clone(transformer).fit_transform([x[:, 0] for x in equal])
    np.testing.assert_array_equal(flat[0], expected[0][:, 0])


def test_pipelines_pickles_and_parameters():
    """They are steps of pipelines, with parameters that can be searched."""
    y = ["a", "b", "a", "b"]
    classifier = RNNClassifier("gru", 4, max_epochs=1, random_state=0)
    pipeline = make_pipeline(FillGaps(add_indicator=True), SequenceScaler(), classifier)
    pipeline.set_params(fillgaps__method="forward").fit(RAGGED, y)
    again = pickle.loads(pickle.dumps(pipeline))
    assert np.array_equal(again.predict_proba(RAGGED), pipeline.predict_proba(RAGGED))
    assert not hasattr(FillGaps(), "partial_fit")
    assert not hasattr(SequenceScaler().fit(RAGGED), "inverse_transform")


# --- errors --------------------------------------------------------------------------------------


def test_invalid_values_are_errors():
    """An error names the place of infinity, the number of features or the method."""
    filler = FillGaps().fit(RAGGED)
    with pytest.raises(ValueError, match=r"infinity.*sequence 1, step 2, feature 0"):
        filler.transform([RAGGED[0], np.array([[1.0, 1.0], [2.0, 2.0], [np.inf, 1.0]])])
    with pytest.raises(ValueError, match="3 features per step"):
        filler.transform([np.ones((2, 3))])
    with pytest.raises(ValueError, match="method must be one of"):
        FillGaps("backward").fit(RAGGED)
