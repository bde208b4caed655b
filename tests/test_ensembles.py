"""Several networks in one estimator: each trains as if alone; predictions are their mean."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sksequence import RNNClassifier, RNNRegressor
from sksequence._losses import LOSSES
from sksequence._net._inference import run_network
from sksequence._net._sequence_net import RowLoss
from tests.helpers import end_to_end

RANDOM = np.random.RandomState(0)
X = [RANDOM.randn(n, 2) for n in RANDOM.randint(2, 9, 30)]
NUMBERS = np.array([[x.sum(), 100 * x[-1, 0]] for x in X])
TARGETS = {
    "two classes": (RNNClassifier, np.where(NUMBERS[:, 0] > 0, "up", "down"), {}),
    "classes": (RNNClassifier, np.digitize(NUMBERS[:, 0], [-1, 1]), {}),
    "indicator": (RNNClassifier, (NUMBERS > 0).astype(int), {}),
    "steps": (RNNClassifier, [np.where(x[:, 0] > 0, "x", "y") for x in X], {}),
    "number": (RNNRegressor, NUMBERS[:, 0], {}),
    "numbers": (RNNRegressor, NUMBERS, {}),
    "quantiles": (RNNRegressor, NUMBERS, {"loss": "quantile"}),
    "normals": (RNNRegressor, NUMBERS, {"loss": "gaussian"}),
    "numbers of steps": (RNNRegressor, [x.cumsum(axis=0) for x in X], {"loss": "student_t"}),
}
ALL_TARGETS = pytest.mark.parametrize("kind", TARGETS)
TRAININGS = [
    {},
    {"max_grad_norm": 0.05},
    {"optimizer": "sgd", "max_grad_norm": None, "weight_decay": 0.1},
    {"tbptt_steps": 3, "bidirectional": False},
    {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 99, "tol": 0.0},
]


def make(kind, n_estimators=3, **parameters):
    """Return a small estimator and its y."""
    estimator, y, own = TARGETS[kind]
    small = {"hidden_size": 4, "max_epochs": 3, "batch_size": 8, "dropout": 0.0, "random_state": 0}
    return estimator("gru", n_estimators=n_estimators, **small | own | parameters), y


def members_of(model):
    """Return the outputs of each network, rows concatenated."""
    prepared = model._blueprint.prepare(model._check_input(X))
    per_step = model._blueprint.per_step
    return np.stack(
        [
            run_network(member, member.forward, prepared, per_step=per_step).astype(float)
            for member in model.module_.members
        ]
    )


def weights(module):
    """Return all weights as bytes."""
    return [p.detach().numpy().tobytes() for p in module.parameters()]


# --- laws ----------------------------------------------------------------------------------------


@ALL_TARGETS
@pytest.mark.parametrize("training", TRAININGS, ids=str)
def test_each_learns_as_if_it_were_alone(kind, training):
    """The first network equals a single one up to rounding; the others differ from it."""
    model, y = make(kind, **training)
    if training.get("early_stopping"):  # the epoch that is best for all is not the best for each
        model.set_params(max_epochs=1)
    together = model.fit(X, y).module_.members
    alone = clone(model).set_params(n_estimators=1).fit(X, y)
    for one, other in zip(together[0].parameters(), alone.module_.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert weights(together[1]) != weights(together[0]) != weights(together[2])
    assert model.loss_curve_ == pytest.approx(alone.loss_curve_, rel=0.5)


@pytest.mark.parametrize("kind", ["two classes", "classes", "steps"])
def test_probabilities_are_means(kind):
    """Probabilities are means over the networks; labels, scores and logarithms agree."""
    model, y = make(kind)
    outputs = members_of(model.fit(X, y))
    each = np.exp(outputs) / np.exp(outputs).sum(axis=2, keepdims=True)
    p = end_to_end(model.predict_proba(X))
    np.testing.assert_allclose(p, each.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(end_to_end(model.predict_log_proba(X)), np.log(p), rtol=1e-6)
    np.testing.assert_array_equal(end_to_end(model.predict(X)), model.classes_[p.argmax(axis=1)])
    if p.shape[1] == 2:
        odds = np.log(p[:, 1] / p[:, 0])
        np.testing.assert_allclose(
            end_to_end(model.decision_function(X)), odds, rtol=1e-5, atol=1e-9
        )


def test_probabilities_of_an_indicator_are_means():
    """The probability of each label is the mean over the networks."""
    model, y = make("indicator")
    p = (1 / (1 + np.exp(-members_of(model.fit(X, y))))).mean(axis=0)
    np.testing.assert_allclose(model.predict_proba(X), p, rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), p > 0.5)
    np.testing.assert_allclose(model.decision_function(X), np.log(p / (1 - p)), rtol=1e-5)


def unshrunk(model):
    """Let a fitted regressor predict what its networks do."""
    model._blueprint = replace(model._blueprint, shrinkage=0.0)
    return model


def test_numbers_are_means():
    """Points and quantiles are means; quantiles are sorted after averaging."""
    model, y = make("numbers")
    outputs = members_of(unshrunk(model.fit(X, y))).mean(axis=0)
    expected = outputs * y.std(axis=0) + y.mean(axis=0)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)
    model, y = make("quantiles")
    outputs = members_of(unshrunk(model.fit(X, y))).mean(axis=0).reshape(len(X), 3, 2)
    expected = np.sort(outputs, axis=1).swapaxes(0, 1) * y.std(axis=0) + y.mean(axis=0)
    np.testing.assert_allclose(model.predict_quantiles(X), expected, rtol=1e-6)


def test_distributions_have_the_moments_of_the_mixture():
    """The standard deviation is larger where the networks disagree."""
    model, y = make("normals")
    loc, log_scale = np.split(members_of(unshrunk(model.fit(X, y))), 2, axis=2)
    np.testing.assert_allclose(
        model.predict(X), loc.mean(axis=0) * y.std(axis=0) + y.mean(axis=0), rtol=1e-6
    )
    scale = np.exp(10 * np.tanh(log_scale / 10))
    draws = loc + scale * np.random.RandomState(0).randn(4000, *loc.shape)
    expected = draws.std(axis=(0, 1)) * y.std(axis=0)
    np.testing.assert_allclose(model.predict_std(X), expected, rtol=0.05)
    assert np.all(model.predict_std(X) > scale.min(axis=0) * y.std(axis=0))
    low, high = model.predict_quantiles(X, (0.15865525, 0.84134475))
    np.testing.assert_allclose((high - low) / 2, model.predict_std(X), rtol=1e-6)


@ALL_TARGETS
def test_pickles(kind):
    """A pickle predicts the same, and training continues to the same bits."""
    model, y = make(kind)
    model.partial_fit(X, y)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(end_to_end(twin.predict(X)), end_to_end(model.predict(X)))
    for one in (twin, model):
        one.partial_fit(X, y)
    assert weights(twin.module_) == weights(model.module_)


def test_loss_is_the_mean_and_its_gradient_that_of_the_sum():
    """Neither the loss nor the size of steps depends on the number of networks."""
    outputs = torch.randn(5, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.zeros(5, 2)
    parts = [LOSSES["squared_error"].function(part, targets) for part in outputs.chunk(3, dim=1)]
    loss = RowLoss(LOSSES["squared_error"].function, 3)(outputs, targets)
    torch.testing.assert_close(loss, sum(parts) / 3)
    (expected,) = torch.autograd.grad(sum(parts).sum(), outputs, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss.sum(), outputs)[0], expected)


# --- examples ------------------------------------------------------------------------------------


def test_one_network_by_default():
    """By default there is one network for numbers, without an ensemble."""
    model, y = make("classes", "auto")
    assert not hasattr(model.fit(X, y).module_, "members")
    assert RNNRegressor().n_estimators == 1


def test_features_stand_side_by_side():
    """Features are concatenated, those of the first network first."""
    model, y = make("classes")
    features = model.fit(X, y).transform(X)
    assert features.shape == (len(X), len(model.get_feature_names_out())) == (len(X), 3 * 2 * 4)
    alone = clone(model).set_params(n_estimators=1).fit(X, y)
    np.testing.assert_array_equal(features[:, :8], alone.transform(X))


def test_dropout_and_stopping():
    """Networks have dropout masks of their own, and stop together."""
    model, y = make("classes", dropout=0.5, recurrent_dropout=0.2, num_layers=2)
    model.set_params(early_stopping=True, max_epochs=20, n_iter_no_change=2).fit(X, y)
    assert model.best_loss_ <= min(model.validation_curve_) + model.tol
    again = clone(model).fit(X, y)
    assert weights(again.module_) == weights(model.module_)


# --- errors --------------------------------------------------------------------------------------


def test_bad_numbers_of_networks():
    """Errors for zero networks and for another number after a fit."""
    model, y = make("classes", 0)
    with pytest.raises(
        ValueError, match="'n_estimators' parameter of RNNClassifier must be an int"
    ):
        model.fit(X, y)
    model.set_params(n_estimators=np.int64(2)).fit(X, y)
    model.set_params(warm_start=True, n_estimators=3)
    with pytest.raises(ValueError, match=r"n_estimators is now 3, but .* was built with 2"):
        model.fit(X, y)
