"""RNNClassifier with label smoothing: less certain probabilities, for every kind of target."""

import numpy as np
import pytest
from sklearn.base import clone

from sksequence import RNNClassifier
from tests.helpers import end_to_end

RANDOM = np.random.RandomState(0)
X = [RANDOM.randn(n, 2) for n in RANDOM.randint(3, 9, 60)]
LABELS = np.array(["bac"[int(x[:, 0].sum() > 0) + int(x[:, 0].sum() > 2)] for x in X])
INDICATOR = np.array([[x[:, 0].sum() > 0, x[:, 1].sum() > 0] for x in X]).astype(int)
STEPS = [np.where(x[:, 0] > 0, "up", "down") for x in X]
TARGETS = {"labels": LABELS, "indicator": INDICATOR, "steps": STEPS}


def make(label_smoothing, **parameters):
    """Return a small classifier that overfits its data."""
    small = {"hidden_size": 16, "max_epochs": 40, "batch_size": 16, "random_state": 0}
    small |= {"dropout": 0.0, "learning_rate": 0.03}
    return RNNClassifier("gru", label_smoothing=label_smoothing, **small | parameters)


@pytest.mark.parametrize("kind", TARGETS)
def test_probabilities_keep_away_from_certainty(kind):
    """Probabilities approach 0 and 1, or with smoothing its limits; labels are correct."""
    y = TARGETS[kind]
    sure, smooth = (make(e).fit(X, y) for e in (0.0, 0.3))
    assert sure.loss_curve_[-1] < 0.1 < smooth.loss_curve_[-1]
    n_classes = 3 if kind == "labels" else 2
    assert np.median(end_to_end(sure.predict_proba(X)).max(axis=-1)) > 0.95
    assert np.median(end_to_end(smooth.predict_proba(X)).max(axis=-1)) == pytest.approx(
        1 - 0.3 + 0.3 / n_classes, abs=0.08
    )
    assert smooth.score(X, y) > 0.85


def test_no_smoothing_is_the_default():
    """Zero, the default, gives the same bits."""
    one = make(0.0, max_epochs=2).fit(X, LABELS)
    other = clone(one).set_params(label_smoothing=RNNClassifier().label_smoothing).fit(X, LABELS)
    assert one.loss_curve_ == other.loss_curve_
    assert one.loss_curve_ != make(0.01, max_epochs=2).fit(X, LABELS).loss_curve_


def test_smoothing_may_change_between_fits():
    """Training continues with the present value, which is not part of the network."""
    model = make(0.0, warm_start=True).fit(X, LABELS)
    before = model.loss_curve_[-1]
    assert model.set_params(label_smoothing=0.5).fit(X, LABELS).loss_curve_[0] > before + 0.3


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0, "auto"])
def test_bad_smoothing(label_smoothing):
    """Errors for values outside [0, 1)."""
    message = r"'label_smoothing' parameter of RNNClassifier must be a float in the range \[0.*, 1"
    with pytest.raises(ValueError, match=message):
        make(label_smoothing).fit(X, LABELS)
