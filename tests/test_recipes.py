"""Recipes of the user guide: tools of scikit-learn that convert X, and sentences of a text."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.semi_supervised import SelfTrainingClassifier

from sksequence import RNNClassifier
from tests.helpers import ROOT
from tests.test_docs import rst_blocks

RANDOM = np.random.RandomState(0)
Y = np.arange(30) % 2
SEQUENCES = [RANDOM.randn(n, 3) + y for n, y in zip(RANDOM.randint(5, 9, 30), Y, strict=True)]
CLASSIFIER = RNNClassifier("gru", 4, max_epochs=8, batch_size=8, random_state=0)
TABLE = pd.DataFrame({name: [x[:, j] for x in SEQUENCES] for j, name in enumerate("xyz")})
COLUMN = np.empty((30, 1), dtype=object)
COLUMN[:, 0] = SEQUENCES


def look_up(positions, sequences):
    """Return the sequences at positions that come as one column."""
    return [sequences[i] for i in positions[:, 0].astype(int)]


LOOKUP = FunctionTransformer(look_up, kw_args={"sequences": SEQUENCES})
POSITIONS = np.arange(30)[:, None]


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


def test_bagging_of_channels():
    """Each network sees other channels."""
    bagging = BaggingClassifier(CLASSIFIER, 3, max_features=2, random_state=0).fit(TABLE, Y)
    assert len({tuple(features) for features in bagging.estimators_features_}) > 1
    assert bagging.score(TABLE, Y) > 0.7


def test_columns_of_positions():
    """Tools that need numbers read positions, and a pipeline looks the sequences up."""
    partly = np.where(POSITIONS[:, 0] % 3 == 0, -1, Y)
    tool = SelfTrainingClassifier(make_pipeline(LOOKUP, CLASSIFIER))
    assert tool.fit(POSITIONS, partly).score(POSITIONS, Y) > 0.7


def test_sentences():
    """The rule of the guide splits sentences, but not after its abbreviations; its limits hold."""
    page = (ROOT / "docs" / "user_guide" / "generator.rst").read_text("utf-8")
    (block,) = (block for block in rst_blocks(page) if "sentence_end =" in block)
    names = {}
    exec(block, names)  # noqa: S102
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
