"""Residual connections between layers: the written formula, laws, pickles and files."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._modules._stack import Stack
from sksequence.datasets import make_first_label
from sksequence.persistence import load, save
from tests.helpers import DOCUMENTS, assert_close

SMALL = {
    "hidden_size": 6,
    "num_layers": 3,
    "residual_connections": True,
    "max_epochs": 2,
    "random_state": 0,
}
X = [np.random.RandomState(i).randn(n, 2) for i, n in enumerate([5, 3, 8, 2, 6, 4, 7, 5])]
LABELS = np.arange(8) % 2


@pytest.mark.parametrize("bidirectional", [False, True])
def test_layers_add_to_those_below(bidirectional):
    """Outputs are x + f(x / rms(x) * w) in each direction, for all layers but the first."""
    options = {"bidirectional": bidirectional, "frame_length": 1}
    stack = RNNClassifier("gru", **SMALL, **options).fit(X, LABELS).module_.stack
    assert isinstance(stack, Stack)
    x = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))[..., :2]
    with torch.no_grad():
        below, *others = list(stack.layers(x, None, None))
        for depth, outputs in enumerate(others, start=1):
            joint = torch.cat(below, dim=2)
            size = joint.pow(2).mean(dim=2, keepdim=True).add(1e-6).sqrt()
            read = joint / size * stack.residuals[depth - 1].weight
            expected = [below[0] + stack.forwards[depth](read, None, None)[0]]
            if bidirectional:
                mirrored = stack.backwards[depth](read.flip(1), None, None)[0].flip(1)
                expected.append(below[1] + mirrored)
            assert_close(outputs, expected)
            below = outputs


def test_one_layer_has_no_connections():
    """With one layer, the parameter changes nothing."""
    options = SMALL | {"num_layers": 1}
    first, second = (
        RNNClassifier("gru", **(options | {"residual_connections": value})).fit(X, LABELS)
        for value in (False, True)
    )
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))


def test_other_widths_are_projected():
    """Outputs of another width than those below are added to a projection of these."""
    options = SMALL | {"hidden_size": (4, 6), "num_layers": 1}
    stack = RNNClassifier("gru", **options, bidirectional=False).fit(X, LABELS).module_.stack
    x = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        (below,), (outputs,) = stack.layers(x, None, None)
        residual = stack.residuals[0]
        own = stack.forwards[1](residual.norm(below), None, None)[0]
        assert_close(outputs, below @ residual.projections[0].T + own)


def test_gradients_reach_the_first_layer():
    """In a deep stack, the gradient of the first layer is as large as that of the last one."""
    ratios = []
    for residual_connections in (False, True):
        options = SMALL | {"num_layers": 12, "residual_connections": residual_connections}
        stack = RNNClassifier("lstm", **options, bidirectional=False, frame_length=1).fit(X, LABELS)
        network = stack.module_
        values = torch.randn(4, 6, 2, generator=torch.Generator().manual_seed(0))
        network(None, values).square().sum().backward()
        first, last = (network.stack.forwards[i].weight_hh.grad.norm() for i in (0, -1))
        ratios.append(float(first / last))
    assert ratios[0] < 1e-3
    assert ratios[1] > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_deep_stacks_train_with_connections_only(seed):
    """The loss of 24 layers stays where it began without connections, and vanishes with them."""
    X, y = make_first_label(300, lag=10, random_state=seed)
    X_test, y_test = make_first_label(300, lag=10, random_state=seed + 100)
    falls, scores = [], []
    for residual_connections in (False, True):
        model = RNNClassifier(
            "lstm", 16, num_layers=24, residual_connections=residual_connections, max_epochs=20,
            bidirectional=False, pooling="last", frame_length=1, random_state=seed,
        ).fit(X, y)  # fmt: skip
        falls.append(model.loss_curve_[-1] / model.loss_curve_[0])
        scores.append(model.score(X_test, y_test))
    assert falls[0] > 0.97
    assert scores[0] < 0.35
    assert falls[1] < 0.01
    assert scores[1] > 0.99


@pytest.mark.parametrize("bidirectional", [False, True])
def test_fitted_models_are_kept(tmp_path, bidirectional):
    """Rows do not depend on others; pickles, files and refitted clones predict the same bits."""
    model = RNNClassifier("gru", bidirectional=bidirectional, **SMALL).fit(X, LABELS)
    expected = model.predict_proba(X)
    for row, x in enumerate(X):
        assert_close(model.predict_proba([x])[0], expected[row])
    save(model, tmp_path / "model")
    twins = pickle.loads(pickle.dumps(model)), load(tmp_path / "model"), clone(model).fit(X, LABELS)
    for twin in twins:
        assert np.array_equal(twin.predict_proba(X), expected)
    plain = RNNClassifier("gru", **SMALL | {"residual_connections": False}).fit(X, LABELS)
    assert not np.allclose(plain.predict_proba(X), expected)


@pytest.mark.parametrize("cell", ["gru", "mingru"])
def test_generators_step_through_connections(cell):
    """Stepwise probabilities are those of a whole text, and generation works."""
    model = SequenceGenerator(cell, **SMALL, tbptt_steps=8).fit(DOCUMENTS)
    network = model.module_.eval()
    codes = torch.tensor([[1, 4, 2, 3, 5]])[:, :, None]
    with torch.no_grad():
        whole = network(torch.tensor([5]), codes=codes)
        state, steps = None, []
        for step in range(5):
            now = codes[:, step : step + 1]
            outputs, state = network.advance(None, codes=now, state=state)
            steps.append(outputs)
    assert_close(torch.cat(steps), whole)
    text = model.generate("to", max_steps=10, random_state=0)
    assert text == model.generate("to", max_steps=10, random_state=0)


def test_regressor_and_changes():
    """It is a parameter of the regressor, and may not change while training continues."""
    model = RNNRegressor("gru", **SMALL, warm_start=True).fit(X, LABELS * 1.0)
    with pytest.raises(ValueError, match="residual_connections"):
        model.set_params(residual_connections=False).fit(X, LABELS * 1.0)
