"""Recipes of the user guide: tools of scikit-learn that convert X, and sentences of a text."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFE, RFECV, SequentialFeatureSelector
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import SelfTrainingClassifier

from sksequence import RNNClassifier, Sequences
from sksequence.inspection import permutation_importance
from tests.helpers import ROOT
from tests.pages import blocks_of

RANDOM = np.random.RandomState(0)
Y = np.arange(30) % 2
SEQUENCES = [RANDOM.randn(n, 3) for n in RANDOM.randint(5, 9, 30)]
for x, y in zip(SEQUENCES, Y, strict=True):
    x[:, 1] += 3 * y  # the second channel has the label
CLASSIFIER = RNNClassifier("gru", 4, max_epochs=8, batch_size=8, random_state=0)
TABLE = pd.DataFrame({name: [x[:, j] for x in SEQUENCES] for j, name in enumerate("xyz")})
COLUMN = np.empty((30, 1), dtype=object)
COLUMN[:, 0] = SEQUENCES


# one number for each channel of each sequence
NUMBERS = np.arange(90).reshape(30, 3)


def look_up(numbers):
    """Return the sequences and channels that numbers stand for, as a table of cells."""
    rows, columns = np.divmod(np.asarray(numbers, dtype=int), 3)
    return TABLE.iloc[rows[:, 0], columns[0]]


PIPELINE = make_pipeline(FunctionTransformer(look_up), CLASSIFIER)


def importances(pipeline):
    """Return the importance of each channel that is left."""
    X = TABLE[pipeline[-1].feature_names_in_]
    result = permutation_importance(pipeline[-1], X, Y, n_repeats=3, random_state=0)
    return result.importances_mean


@pytest.mark.parametrize("X", [TABLE, COLUMN], ids=["table", "column"])
@pytest.mark.parametrize(
    "tool",
    [
        BaggingClassifier(CLASSIFIER, 3, random_state=0),
        VotingClassifier([("one", CLASSIFIER)]),
        CalibratedClassifierCV(CLASSIFIER, cv=2),
        OneVsRestClassifier(CLASSIFIER),
    ],
    ids=lambda tool: type(tool).__name__,
)
def test_columns_of_sequences(tool, X):
    """Ensembles read tables and arrays whose cells are sequences."""
    assert tool.fit(X, Y).score(X, Y) > 0.7


@pytest.mark.parametrize(
    "X",
    [
        SEQUENCES,
        [x[:5] for x in SEQUENCES],
        [x[:, 1] for x in SEQUENCES],
        ["ab" * n if y else "c" * n for n, y in zip(range(1, 31), Y, strict=True)],
        [["yes", "or"] * n if y else ["no"] for n, y in zip(range(1, 31), Y, strict=True)],
    ],
    ids=["ragged", "equal", "one feature", "texts", "tokens"],
)
def test_a_column_of_any_sequences(X):
    """Bagging refuses a list, and reads the same sequences as the only column of a table."""
    bagging = BaggingClassifier(CLASSIFIER, 2, random_state=0)
    with pytest.raises(
        ValueError, match=r"inhomogeneous shape|Found array with dim 3|Expected 2D array"
    ):
        bagging.fit(X, Y)
    column = pd.DataFrame({"sequence": X})
    assert bagging.fit(column, Y).score(column, Y) > 0.7


def test_bagging_of_channels():
    """Each network sees other channels."""
    bagging = BaggingClassifier(CLASSIFIER, 3, max_features=2, random_state=0).fit(TABLE, Y)
    assert len({tuple(features) for features in bagging.estimators_features_}) > 1
    assert bagging.score(TABLE, Y) > 0.7


@pytest.mark.parametrize("X", [SEQUENCES, Sequences.from_arrays(SEQUENCES)], ids=["list", "own"])
@pytest.mark.parametrize(
    "tool",
    [VotingClassifier([("one", CLASSIFIER)]), StackingClassifier([("one", CLASSIFIER)], cv=2)],
    ids=lambda tool: type(tool).__name__,
)
def test_ensembles_of_lists(tool, X):
    """Ensembles that do not touch X read lists and Sequences."""
    assert tool.fit(X, Y).score(X, Y) > 0.7


@pytest.mark.parametrize("X", [SEQUENCES, TABLE, COLUMN], ids=["list", "table", "column"])
@pytest.mark.parametrize(
    "tool",
    [
        SelfTrainingClassifier(CLASSIFIER),
        SequentialFeatureSelector(CLASSIFIER, cv=2),
        RFE(CLASSIFIER, importance_getter=importances),
    ],
    ids=lambda tool: type(tool).__name__,
)
def test_tools_that_convert_to_numbers(tool, X):
    """They refuse sequences before an estimator sees them, which is why the recipe exists."""
    with pytest.raises(ValueError, match="setting an array element with a sequence"):
        tool.fit(X, Y)


def test_self_training_of_numbers():
    """Sequences without a label are labelled by the network."""
    partly = np.where(np.arange(30) % 3 == 0, -1, Y)
    tool = SelfTrainingClassifier(PIPELINE, threshold=0.5).fit(NUMBERS, partly)
    assert tool.score(NUMBERS, Y) > 0.7
    assert (tool.transduction_ >= 0).all()


@pytest.mark.parametrize(
    "tool",
    [
        RFE(PIPELINE, n_features_to_select=1, importance_getter=importances),
        RFECV(PIPELINE, cv=2, importance_getter=importances),
        SequentialFeatureSelector(PIPELINE, n_features_to_select=1, cv=2),
        SequentialFeatureSelector(PIPELINE, n_features_to_select=2, direction="backward", cv=2),
    ],
    ids=["elimination", "with folds", "forward", "backward"],
)
def test_channels_are_selected(tool):
    """Elimination and selection keep the channel with the label."""
    selector = clone(tool).fit(NUMBERS, Y)
    assert "y" in TABLE.columns[selector.get_support()]
    chosen = make_pipeline(selector, PIPELINE).fit(NUMBERS, Y)
    assert chosen.score(NUMBERS, Y) > 0.9
    assert list(chosen[-1][-1].feature_names_in_) == list(TABLE.columns[selector.get_support()])


def test_boosting_of_equal_lengths():
    """AdaBoost reads 3-D arrays; pipelines pass no weights."""
    X = np.array([x[:5] for x in SEQUENCES])
    tool = AdaBoostClassifier(CLASSIFIER, n_estimators=2, random_state=0)
    assert tool.fit(X, Y).score(X, Y) > 0.9
    with pytest.raises(ValueError, match="Pipeline doesn't support sample_weight"):
        AdaBoostClassifier(PIPELINE).fit(NUMBERS, Y)


def test_sentences():
    """The rule of the guide splits sentences, but not after its abbreviations; its limits hold."""
    path = ROOT / "docs" / "user_guide" / "generator.rst"
    blocks = blocks_of(path, path.read_text("utf-8"))
    (code,) = (block.code for block in blocks if "sentence_end =" in block.code)
    names = {}
    exec(code, names)  # noqa: S102
    assert names["sentences"] == [
        "Dr. Bell paid 3.50 to Mr. Fox.",
        '"Why?" asked he.',
        "12 men came.",
    ]
    split = names["sentence_end"].split
    assert split("Stop!\n(See No. 5, e.g. there.) Go... on. end? A") == [
        "Stop!",
        "(See No. 5, e.g. there.)",
        "Go... on. end?",
        "A",
    ]
    assert split('He saw Prof. Bell. "Go! Now!"') == ["He saw Prof.", "Bell.", '"Go!', 'Now!"']
