"""scikit-learn's estimator checks, without expected failures, for all estimators and networks."""

import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import sksequence
from sksequence._cells import CELLS, FeedForward

ESTIMATORS = [
    getattr(sksequence, name)
    for name in ("RNNClassifier", "RNNRegressor", "SequenceGenerator")
    if hasattr(sksequence, name)
]
# What the checks ask of accuracy is learnt in these few passes.
SMALL = {"hidden_size": 32, "learning_rate": 0.03, "batch_size": 16}
EPOCHS = {"RNNClassifier": 4, "RNNRegressor": 22, "SequenceGenerator": 2}
# all ten steps of the checks of a regressor matter: more than a feed-forward network sees
NETWORKS = [
    {"cell": FeedForward(context_size=10) if cell == "feedforward" else cell} for cell in CELLS
]
# cells that learn the weight of each position from a frame, but hardly in the few passes of a check
IN_FRAMES = {
    "RNNClassifier": {"indrnn"},
    "RNNRegressor": {
        "cfc", "echo_state", "indrnn", "linoss", "mgu", "mingru", "minlstm", "rg_lru",
    },
}  # fmt: skip
OPTIONS = [{"bidirectional": True}, {"num_layers": 2, "dropout": 0.1}, {"batch_size": 8}]
OWN_OPTIONS = {
    "RNNClassifier": [{"label_smoothing": 0.1, "n_estimators": 2}, {"missing": "indicator"}],
    "RNNRegressor": [
        {"loss": "quantile", "quantiles": [0.3, 0.5]},
        {"loss": "student_t", "n_estimators": 2},
        {"missing": "indicator"},
    ],
    "SequenceGenerator": [{"n_estimators": 2}],
}


def configurations():
    """Return every estimator with its defaults, and small one-directional ones with options."""
    found = [estimator() for estimator in ESTIMATORS]
    for estimator in ESTIMATORS:
        known = estimator().get_params()
        small = SMALL | {"bidirectional": False, "max_epochs": EPOCHS[estimator.__name__]}
        for network in NETWORKS + OPTIONS + OWN_OPTIONS.get(estimator.__name__, []):
            if network.keys() <= known.keys():
                parameters = {name: v for name, v in (small | network).items() if name in known}
                if network.get("cell") in IN_FRAMES.get(estimator.__name__, ()):
                    parameters["frame_length"] = 10
                found.append(estimator(**parameters))
    return found


@parametrize_with_checks(configurations())
def test_scikit_learn_check(estimator, check):
    """The check passes."""
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator.__name__)
def test_number_of_checks(estimator):
    """A wrong tag would make scikit-learn run fewer checks."""
    n_checks = len(list(estimator_checks_generator(estimator())))
    expected = 65 if is_classifier(estimator()) else 60 if is_regressor(estimator()) else 38
    assert n_checks >= expected
