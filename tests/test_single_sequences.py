"""Single sequences are read without modules: bits of batches, and what users do to modules."""

import gc
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize, prune

from sksequence import RNNClassifier, RNNRegressor
from sksequence._cells import CELLS, SimpleRNN
from sksequence._modules import _single_sequences, single_sequence_reader
from sksequence._net import _inference
from tests.helpers import DOCUMENTS

pytest.importorskip("numba")

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(12, 20, 3)
LABELS = np.arange(12) % 3
STEPS = [np.where(x[:, 0] > 0, "up", "down") for x in X]
RAGGED = [x[: 5 + i] for i, x in enumerate(X)]
GAPS = np.where(RANDOM.rand(*X.shape) < 0.2, np.nan, X)


def classifier(cell="gru", X=X, y=LABELS, **parameters):
    """Fit a small classifier."""
    return RNNClassifier(cell, 9, **{"max_epochs": 1, "random_state": 0} | parameters).fit(X, y)


@contextmanager
def modules_only():
    """Run the body without the shorter way."""
    original = _inference.single_sequence_reader
    _inference.single_sequence_reader = lambda network: None
    try:
        yield
    finally:
        _inference.single_sequence_reader = original


def scores_alone(model, X):
    """Return the scores of sequences that are predicted one by one."""
    return [model.decision_function(X[i : i + 1])[0] for i in range(len(X))]


def check_bits(model, X):
    """Check that sequences alone have the bits of a batch, and of modules; return their scores."""
    alone = scores_alone(model, X)
    with modules_only():
        by_modules = scores_alone(model, X)
    assert all(map(np.array_equal, alone, by_modules))
    assert all(map(np.array_equal, alone, model.decision_function(X)))
    states = [model.transform(X[i : i + 1])[0] for i in range(len(X))]
    assert all(map(np.array_equal, states, model.transform(X)))
    return alone


# --- bits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", [*CELLS, *(SimpleRNN(activation=f) for f in ("relu", "sigmoid"))])
def test_cells(cell):
    """Every cell has the bits of a batch."""
    model = classifier(cell)
    check_bits(model, X)
    assert (single_sequence_reader(model.module_) is None) == (cell == "feedforward")


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mean", "mul"])
def test_directions_and_poolings(pooling, merge_mode):
    """So have two directions of two layers, merged and pooled in any way."""
    options = {"pooling": pooling, "merge_mode": merge_mode, "num_layers": 2}
    model = classifier("lstm", RAGGED, bidirectional=True, **options)
    check_bits(model, RAGGED)
    assert single_sequence_reader(model.module_) is not None


@pytest.mark.parametrize(
    "data",
    [
        {"y": STEPS},
        {"frame_length": 4, "frame_step": 2},
        {"frame_length": 30, "frame_step": 1},
        {"scale": "sequence"},
        {"scale": False},
        {"n_estimators": 3},
        {"hidden_size": (7, 16)},
        {"X": GAPS, "missing": "indicator"},
        {"X": GAPS, "missing": "decay"},
        {"X": DOCUMENTS[:12], "embedding_dim": 3},
        {"X": np.cumsum(np.abs(X), axis=1), "time_column": 0},
        {"dropout": 0.5, "num_layers": 2},
    ],
)
def test_forms_of_data(data):
    """So have steps, frames, symbols, missing values, times and several networks."""
    data = dict(data)
    model = RNNClassifier("gru", data.pop("hidden_size", 9), max_epochs=1, random_state=0)
    X_own, y = data.pop("X", X), data.pop("y", LABELS)
    model.set_params(**data).fit(X_own if "y" not in data else list(X_own), y)
    check_bits(model, X_own)
    assert single_sequence_reader(model.module_) is not None


def test_long_sequences():
    """The way of reading, which depends on the number of steps, does not show."""
    model = classifier()
    for n_steps in (1, 4096, 4097):
        check_bits(model, [RANDOM.randn(n_steps, 3), X[0]])


def test_regressors():
    """Numbers alone are those of a batch."""
    model = RNNRegressor("lstm", 8, loss="gaussian", max_epochs=1, random_state=0)
    model.fit(X, X[:, -1, 0])
    alone = np.stack([model.predict_quantiles(X[i : i + 1])[:, 0] for i in range(len(X))], axis=1)
    assert np.array_equal(alone, model.predict_quantiles(X))


# --- what users do to modules --------------------------------------------------------------------


class Halved(torch.nn.Module):
    """Half of a weight."""

    def forward(self, weight):
        """Return it."""
        return weight / 2


class FirstStep(torch.nn.Module):
    """Pooling that reads the first step."""

    def forward(self, parts, merge, lengths):
        """Return its outputs."""
        return merge([part[:, 0] for part in parts])


def with_new_weight(network):
    """Replace a parameter."""
    layer = network.stack.forwards[0]
    layer.weight_ih = torch.nn.Parameter(2 * layer.weight_ih.detach())


def with_other_head(network):
    """Replace the head by torch's own layer, with other weights."""
    network.head = torch.nn.Linear(network.width, 3)


CHANGES = {
    "in place": lambda network: network.head.bias.detach().add_(torch.arange(3.0)),
    "data": lambda network: network.head.weight.data.mul_(-1.0),
    "data of a layer": lambda network: list(network.stack.parameters())[-1].data.add_(1.0),
    "other data": lambda network: setattr(network.head.bias, "data", torch.arange(3.0)),
    "memory": lambda network: network.head.bias.detach().numpy().__setitem__(0, 5.0),
    "parameter": with_new_weight,
    "state": lambda n: n.load_state_dict({k: 2 * v for k, v in n.state_dict().items()}),
    "assigned": lambda n: n.load_state_dict(
        {k: -v for k, v in n.state_dict().items()}, assign=True
    ),
    "head": with_other_head,
    "pooling": lambda network: setattr(network, "pooling", FirstStep()),
    "dropout": lambda network: setattr(network, "dropout", Halved()),
    "hook": lambda network: network.head.register_forward_hook(lambda m, i, out: out + 1),
    "hook before": lambda n: n.head.register_forward_pre_hook(lambda m, i: (2 * i[0],)),
    "method": lambda n: setattr(
        n.head, "forward", lambda x: torch.nn.functional.silu(x @ n.head.weight.T)
    ),
    "pruned": lambda network: prune.l1_unstructured(network.head, "weight", 0.9),
    "parametrized": lambda n: parametrize.register_parametrization(n.head, "weight", Halved()),
    "layer": lambda n: parametrize.register_parametrization(
        n.stack.forwards[0], "weight_ih", Halved()
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("cell", ["gru", "projected_lstm"])
def test_changes_are_found(cell, change):
    """Whatever a user changes, a single prediction is that of the modules."""
    model = classifier(cell)
    before = check_bits(model, X)
    CHANGES[change](model.module_)
    alone = scores_alone(model, X)
    with modules_only():
        by_modules = scores_alone(model, X)
    assert np.array_equal(alone, by_modules)
    assert not np.array_equal(alone, before)


def test_transposed_weights_are_found():
    """So is a weight whose numbers stay in place, but are read in another order."""
    model = RNNClassifier("gru", 3, bidirectional=False, max_epochs=1, random_state=0)
    before = check_bits(model.fit(X, LABELS), X)
    with torch.no_grad():
        model.module_.head.weight.t_()
    assert not np.array_equal(check_bits(model, X), before)


class HalfMGU(CELLS["mgu"]):
    """Another cell with the weights of the minimal gated unit."""

    def equations(self, inputs, product, states, vectors):
        """Return half of the state."""
        return tuple(0.5 * part for part in super().equations(inputs, product, states, vectors))


@pytest.mark.parametrize(
    ("cell", "other"), [("rnn", {"activation": "relu"}), ("mgu", {"cell": HalfMGU()})]
)
def test_settings_of_layers_are_found(cell, other):
    """So are another activation and another cell of a layer."""
    model = classifier(cell)
    before = check_bits(model, X)
    for layer in model.module_.stack.forwards:
        vars(layer).update(other)
    assert not np.array_equal(check_bits(model, X), before)


@pytest.mark.parametrize("cell", CELLS)
def test_inference_mode(cell):
    """A first prediction in torch's inference mode is followed by others, in any order."""
    model = classifier(cell)
    with torch.inference_mode():
        expected = scores_alone(model, X[:3])
    assert np.array_equal(scores_alone(model, X[:3]), expected)
    with torch.inference_mode():
        assert np.array_equal(scores_alone(model, X[:3]), expected)


def test_hooks_come_and_go():
    """Hooks of a module and of all modules see single predictions as long as they are there."""
    model, seen = classifier(), []
    before = scores_alone(model, X)
    for register in (
        model.module_.head.register_forward_hook,
        torch.nn.modules.module.register_module_forward_hook,
    ):
        handle = register(lambda *_: seen.append(1))
        assert np.array_equal(scores_alone(model, X), before)
        assert len(seen) >= 12
        handle.remove()
        seen.clear()
        assert np.array_equal(scores_alone(model, X), before)
        assert not seen


def test_dropout_in_predictions():
    """A part in training mode draws, as in a batch."""
    model = classifier(dropout=0.5)
    scores_alone(model, X)
    model.module_.dropout.train()
    first, second = scores_alone(model, X), scores_alone(model, X)
    assert not np.array_equal(first, second)
    model.module_.eval()
    check_bits(model, X)


def test_gradients_and_precision():
    """Networks in double precision, and those that torch follows, are read by their modules."""
    model = classifier()
    check_bits(model, X)
    model.module_.double()
    assert single_sequence_reader(model.module_) is None
    model.module_.float()
    check_bits(model, X)
    model = classifier()
    check_bits(model, X)
    with torch.autograd.forward_ad.dual_level():
        assert single_sequence_reader(model.module_) is None
    assert single_sequence_reader(model.module_) is not None


def test_later_fits(monkeypatch):
    """A fit that goes on changes single predictions, and large networks are not copied."""
    model = classifier(warm_start=True)
    before = check_bits(model, X)
    assert not np.array_equal(check_bits(model.fit(X, LABELS), X), before)
    check_bits(model.partial_fit(X, LABELS), X)
    monkeypatch.setattr(_single_sequences, "_MOST_WEIGHTS", 100)
    model = classifier()
    check_bits(model, X)
    assert single_sequence_reader(model.module_) is None


def test_networks_are_forgotten():
    """No reader keeps its network alive."""
    model = classifier()
    scores_alone(model, X)
    gc.collect()
    n_readers = len(_single_sequences._readers)
    del model
    gc.collect()
    assert len(_single_sequences._readers) == n_readers - 1


def test_threads():
    """Many threads predict with one model."""
    model = classifier("lstm", pooling="mean")
    expected, results = model.decision_function(X), {}

    def predict(k):
        results[k] = [scores_alone(model, X) for _ in range(5)]

    threads = [threading.Thread(target=predict, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(scores, expected) for many in results.values() for scores in many)
    assert len(results) == 8
