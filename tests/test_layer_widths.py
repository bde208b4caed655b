"""A width per layer: `hidden_size` as a tuple, in fits, predictions, files, streams and text."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._cells import CELLS
from sksequence._language._steppers import CompiledStepper, TorchStepper, make_stepper
from sksequence.inspection import summary
from sksequence.persistence import load, save
from tests.helpers import DOCUMENTS, assert_close

X = [np.random.RandomState(i).randn(n, 2) for i, n in enumerate([5, 3, 8, 2, 6, 4, 7, 5])]
LABELS = np.arange(8) % 2


def classifier(cell="gru", hidden_size=(7, 4, 5), **parameters):
    """Return a small classifier."""
    small = {"max_epochs": 2, "random_state": 0, "frame_length": 1}
    return RNNClassifier(cell, hidden_size, **small | parameters)


def widths(model):
    """Return the number of units of each forward layer."""
    return [layer.output_size for layer in model.module_.stack.forwards]


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_predictions_are_independent_of_the_batch(cell):
    """For every cell, a sequence has the same output alone and among others."""
    model = classifier(cell).fit(X, LABELS)
    expected = model.predict_proba(X)
    alone = np.concatenate([model.predict_proba([x]) for x in X])
    assert_close(alone, expected)


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mean", "mul"])
@pytest.mark.parametrize("residual_connections", [False, True])
def test_models_are_kept(tmp_path, merge_mode, residual_connections):
    """Pickles, files and refitted clones have the same bits; the weights have the widths."""
    model = classifier(merge_mode=merge_mode, residual_connections=residual_connections)
    expected = model.fit(X, LABELS).predict_proba(X)
    save(model, tmp_path / "model")
    twins = pickle.loads(pickle.dumps(model)), load(tmp_path / "model"), clone(model).fit(X, LABELS)
    for twin in twins:
        assert np.array_equal(twin.predict_proba(X), expected)
        assert twin.hidden_size_ == (7, 4, 5)
    assert widths(model) == [7, 4, 5]
    n_merged = 2 if merge_mode == "concat" else 1
    weights = model.module_.state_dict()
    shapes = [weights[f"stack.forwards.{i}.weight_ih"].shape for i in range(3)]
    assert shapes == [(21, 2), (12, 7 * n_merged), (15, 4 * n_merged)]


def test_equal_widths_are_one_width():
    """A tuple of equal widths is the network of one number and as many layers, bit for bit."""
    given, same = (
        classifier(hidden_size=size, num_layers=n).fit(X, LABELS)
        for size, n in [((6, 6), 1), (6, 2)]
    )
    assert np.array_equal(given.predict_proba(X), same.predict_proba(X))
    assert (given.hidden_size_, same.hidden_size_) == ((6, 6), 6)
    assert given.set_params(num_layers=2).fit(X, LABELS).hidden_size_ == (6, 6)


@pytest.mark.parametrize("cell", ["lstm", "mingru", "lru", "feedforward"])
@pytest.mark.parametrize("residual_connections", [False, True])
def test_streams_are_prefixes(cell, residual_connections):
    """Predictions of a stream have the bits of those of all prefixes."""
    options = {"bidirectional": False, "pooling": "mean"}
    model = classifier(cell, residual_connections=residual_connections, **options).fit(X, LABELS)
    stream = model.start(method="predict_proba")
    for step in range(8):
        pushed = stream.push(X[2][step])
        assert np.array_equal(pushed, model.predict_proba([X[2][: step + 1]])[0])


@pytest.mark.parametrize("tbptt_steps", [2, 100])
def test_truncated_backpropagation(tbptt_steps):
    """A state is carried through layers of several widths; a long truncation changes nothing."""
    model = classifier(bidirectional=False, tbptt_steps=tbptt_steps).fit(X, LABELS)
    whole = classifier(bidirectional=False).fit(X, LABELS)
    is_same = np.allclose(model.predict_proba(X), whole.predict_proba(X), atol=1e-6)
    assert is_same == (tbptt_steps == 100)


# --- generators ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "janet"])
@pytest.mark.parametrize(
    ("sizes", "is_residual"),
    [
        ((20, 16), False),
        ((16, 24, 18), False),
        ((16, 16), True),
        ((20, 20, 20), True),
        ((16, 24, 18), True),
    ],
)
def test_generators_step(cell, sizes, is_residual):
    """The steps of compiled loops are those of the modules, narrow layers and wide ones."""
    options = {"residual_connections": is_residual, "max_epochs": 1, "random_state": 0}
    model = SequenceGenerator(cell, sizes, **options).fit(DOCUMENTS)
    network = model.module_.eval()
    with torch.no_grad():
        for part in network.stack.residuals:
            part.weight.mul_(torch.linspace(0.5, 2.0, len(part.weight)))
    codes = torch.tensor([[1, 4, 2, 3, 5], [2, 2, 3, 1, 4]])
    with torch.inference_mode():
        whole = network(None, codes=codes[:, :, None]).reshape(2, 5, -1)
        outputs, state = network.advance(None, codes=codes[:, :1, None])
    steppers = [kind(network, outputs, state) for kind in (make_stepper, TorchStepper)]
    assert isinstance(steppers[0], CompiledStepper) == (cell != "janet")
    for stepper in steppers:
        for step in range(1, 5):
            stepper.advance(codes[:, step].numpy() - 1)
            assert_close(
                torch.from_numpy(stepper.logits), whole[:, step, : stepper.logits.shape[1]]
            )
    assert model.generate("to", max_steps=5, random_state=0).startswith("to")


def test_tied_weights_and_forecasts():
    """The last layer is projected to tied weights, and series are forecast."""
    tied = SequenceGenerator("gru", (8, 6), tie_weights=True, max_epochs=1).fit(DOCUMENTS)
    assert tied.module_.head.projection.shape == (tied.embedding_dim_, 6)
    series = np.sin(np.arange(60.0)).reshape(3, 20)
    model = SequenceGenerator("gru", (8, 6), max_epochs=1, random_state=0).fit(series)
    assert model.forecast(series, 4, n_samples=2).paths.shape[2] == 4


# --- tools ---------------------------------------------------------------------------------------


def test_grids_search_widths():
    """Numbers and tuples are values of one grid."""
    grid = {"hidden_size": [4, (6, 3)]}
    search = GridSearchCV(RNNClassifier(max_epochs=1, random_state=0), grid, cv=2).fit(X, LABELS)
    assert [p["hidden_size"] for p in search.cv_results_["params"]] == [4, (6, 3)]


def test_summaries_show_widths():
    """Each layer has a row with its own number of units."""
    text = repr(summary(classifier(cell="gru").fit(X, LABELS)))
    assert all(f"gru layer {i}" in text for i in range(3))
    assert [f"{n} units" in text for n in (7, 4, 5, 6)] == [True, True, True, False]
    model = classifier(residual_connections=True, bidirectional=False).fit(X, LABELS)
    rows = summary(model).layers
    assert ("connection 1", "normalised, added", 7 + 7 * 4) in rows
    assert sum(row[2] for row in rows) == sum(p.numel() for p in model.module_.parameters())


def test_numbers_of_numpy_and_warm_starts():
    """Integers of NumPy are widths; a warm start keeps them, with or without `num_layers`."""
    sizes = tuple(np.array([5, 3]))
    model = classifier(hidden_size=sizes, warm_start=True).fit(X, LABELS)
    assert model.hidden_size_ == (5, 3)
    model.set_params(num_layers=2).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"hidden_size is now \(5, 4\), but the network"):
        model.set_params(hidden_size=(5, 4)).fit(X, LABELS)


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"hidden_size": (8, 4), "num_layers": 3},
            r"hidden_size=\(8, 4\) gives the widths of 2 layers, but num_layers is 3\. Leave num",
        ),
        ({"hidden_size": ()}, r"The 'hidden_size' parameter .* must be .* Got \(\) instead"),
        ({"hidden_size": (8, 0)}, r"a tuple of one such int per layer.* Got \(8, 0\) instead"),
        ({"hidden_size": (8, 2.5)}, r"Got \(8, 2.5\) instead"),
        ({"hidden_size": [8, 4]}, r"Got \[8, 4\] instead. Did you mean \(8, 4\)\?"),
    ],
)
@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor, SequenceGenerator])
def test_wrong_widths(estimator, parameters, message):
    """Errors say what came and what to do."""
    with pytest.raises(ValueError, match=message):
        estimator(**parameters).fit(X, LABELS)
