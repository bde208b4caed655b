"""Parameters with wrong values: errors that name the parameter and the value to pass."""

import pickle
import re
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError
from skorch.callbacks import Callback
from torch import nn

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator, Sequences
from sksequence._base import _parameter_hints
from sksequence.callbacks import Augmentation, Checkpoint, DataParallel
from sksequence.cells import MGU
from tests.helpers import ROOT, all_weights

RANDOM = np.random.RandomState(0)
X = RANDOM.randn(12, 5, 2)
NUMBERS = np.arange(12) % 2
NAMES = np.where(NUMBERS, "sick", "well")
STEPS = [np.where(x[:, 0] > 0, "a", "b") for x in X]
SMALL = {"hidden_size": 4, "max_epochs": 1, "random_state": 0}


# --- class_weight --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "class_weight", "message"),
    [
        (NUMBERS, {"0": 1, "1": 50}, r"The classes, \[0, 1\], are not in .* keys \['0', '1'\]"),
        (NUMBERS, {2: 3}, r"The classes, \[0, 1\], are not in class_weight, whose keys \[2\]"),
        (NAMES, {"Sick": 50, "well": 1}, r"classes, \['sick'\], are not in .* keys \['Sick'\]"),
        (NAMES, {"sick ": 5}, r"keys \['sick '\] are not among the classes \['sick', 'well'\]"),
        (NUMBERS == 1, {"True": 5}, r"keys \['True'\] are not among the classes \[False, True\]"),
        (NUMBERS * 2.0, {1: 5}, r"keys \[1\] are not among the classes \[0\.0, 2\.0\]"),
        (STEPS, {"A": 9}, r"The classes, \['a', 'b'\], are not in class_weight"),
    ],
)
def test_class_weight_of_unknown_labels(y, class_weight, message):
    """Keys that are no label are an error if a label has no weight."""
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**SMALL, class_weight=class_weight).fit(X, y)


@pytest.mark.parametrize("y", [NUMBERS, [(x[:, 0] > 0).astype(int) for x in X]])
@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({0: -1, 1: 1}, r"class_weight\[0\] is -1; weights must be finite numbers of at least 0"),
        ({0: np.nan}, r"class_weight\[0\] is nan; weights must be"),
        ({1: np.inf}, r"class_weight\[1\] is inf; weights must be"),
        ({0: 1, 1: 10**400}, r"class_weight\[1\] is 1000.*; weights must be"),
        ({1: "50"}, r"class_weight\[1\] is '50'; weights must be"),
        ({1: None}, r"class_weight\[1\] is None; weights must be"),
        ({1: np.ones(2)}, r"class_weight\[1\] is array.*; weights must be"),
        ({0: 0, 1: 0.0}, r"gives all classes the weight 0"),
    ],
)
def test_class_weight_of_wrong_size(y, class_weight, message):
    """Weights are finite and not negative, and one of them is positive."""
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**SMALL, class_weight=class_weight).fit(X, y)


@pytest.mark.parametrize(
    ("y", "class_weight"),
    [
        (NUMBERS, {}),
        (NUMBERS, {1: 5}),
        (NUMBERS, {0: 0, 1: 1}),
        (NUMBERS, {True: 5}),
        (NUMBERS == 1, {1: np.float32(5)}),
        (NUMBERS, {0: 1, 1: 5, 2: 9}),
        (NAMES, {np.str_("sick"): 5}),
        (STEPS, {"a": 9}),
    ],
)
def test_class_weight_of_labels(y, class_weight):
    """Some or all labels have weights; a third label may be absent from this y."""
    RNNClassifier(**SMALL, class_weight=class_weight).fit(X, y)


def test_class_weight_of_labels_absent_from_a_batch():
    """Keys of classes that this call of partial_fit has no row of are no error."""
    model = RNNClassifier(**SMALL, class_weight={2: 5.0}).partial_fit(X, NUMBERS, classes=[0, 1, 2])
    plain = RNNClassifier(**SMALL).partial_fit(X, NUMBERS, classes=[0, 1, 2])
    assert np.array_equal(all_weights(model.module_), all_weights(plain.module_))
    with pytest.raises(ValueError, match=r"keys \[3\] are not among the classes \[0, 1, 2\]"):
        model.set_params(class_weight={3: 5.0}).partial_fit(X, NUMBERS)


# --- cell ----------------------------------------------------------------------------------------


class Network(nn.Module):
    """A whole network with an output layer, as one would train with skorch."""

    def __init__(self, n_features=2):
        super().__init__()
        self.recurrent = nn.GRU(n_features, 8)
        self.head = nn.Linear(8, 2)


class Cell(nn.GRU):
    """A user's own cell."""


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (nn.GRU(2, 8, batch_first=True), r"an instance of GRU\. Pass the class, torch\.nn\.GRU\."),
        (nn.LSTM(2, 8), r"instance of LSTM\. Pass the class, torch\.nn\.LSTM\."),
        (Cell(2, 8), r"instance of Cell\. Pass the class, Cell\."),
        (nn.Linear(2, 8), r"instance of Linear\. Pass the class, torch\.nn\.Linear\."),
        (Network(), r"instance of Network\. Pass a class or function that builds one layer"),
        (Network, r"cannot be called with two arguments\. Let it take input_size"),
        (lambda: nn.GRU(2, 8), r"cannot be called with two arguments\. Let it take input_size"),
        (MGU, r"got the class MGU of cells\. Pass an object of it, MGU\(\)\."),
        (nn.LSTMCell(2, 8), r"instance of LSTMCell\. Pass the class, torch\.nn\.LSTMCell\."),
    ],
)
@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor, SequenceGenerator])
def test_cell_that_is_no_factory(estimator, cell, message):
    """A module, or a callable with another signature, is refused by name."""
    with pytest.raises(TypeError, match=rf"^cell must .*{message}"):
        estimator(cell, hidden_size=4, max_epochs=1).fit(X, NUMBERS)


# --- losses and optimizers by reference ----------------------------------------------------------


def mean_error(outputs, targets):
    """Return the mean absolute error of each row, as a user would write it."""
    return (outputs - targets).abs().mean(dim=1)


def weighted_log_loss(outputs, targets):
    """Return the cross-entropy of each row, twice that of the second class."""
    losses = nn.functional.cross_entropy(outputs, targets, reduction="none")
    return losses * (1.0 + targets)


def of_one_argument(outputs):
    """Return losses without targets."""
    return outputs[:, 0]


def of_three_arguments(outputs, targets, weights):
    """Return losses that need something else."""
    return weights * (outputs - targets)[:, 0]


def mean_over_rows(outputs, targets):
    """Return one number for all rows, as the losses of torch do."""
    return ((outputs - targets) ** 2).mean()


def matrix(outputs, targets):
    """Return one number per value."""
    return (outputs - targets) ** 2


def in_numpy(outputs, targets):
    """Return an array."""
    return ((outputs - targets) ** 2).mean(dim=1).detach().numpy()


def of_numpy(outputs, targets):
    """Compute losses outside torch."""
    return np.abs(outputs.numpy() - targets.numpy())


def detached(outputs, targets):
    """Return losses without a gradient."""
    return ((outputs - targets) ** 2).mean(dim=1).detach()


def logarithm(outputs, targets):
    """Return NaN where outputs are negative."""
    return (outputs.log() - targets).sum(dim=1)


class Patient(torch.optim.SGD):
    """An optimizer without weight decay."""

    def __init__(self, params, lr):
        super().__init__(params, lr=lr, momentum=0.5)


class Fixed(torch.optim.SGD):
    """An optimizer whose learning rate cannot be set."""

    def __init__(self, params):
        super().__init__(params, lr=0.1)


def local_class():
    """Return a class that no pickle finds."""

    class Local(torch.optim.SGD):
        pass

    return Local


def local_function():
    """Return a function that no pickle finds."""

    def local(outputs, targets):
        return mean_error(outputs, targets)

    return local


TARGETS = RANDOM.randn(12, 3)


@pytest.mark.parametrize("y", [TARGETS, TARGETS[:, 0], [x[:, :1] for x in X]])
@pytest.mark.parametrize("more", [{}, {"n_estimators": 2}, {"early_stopping": True}])
def test_a_function_is_a_loss(y, more):
    """A function trains to the bits of the loss of the same formula, before and after a pickle."""
    own = RNNRegressor(**SMALL | more, loss=mean_error).fit(X, y)
    named = RNNRegressor(**SMALL | more, loss="absolute_error").fit(X, y)
    assert np.array_equal(all_weights(own.module_), all_weights(named.module_))
    again = pickle.loads(pickle.dumps(own)).set_params(warm_start=True)
    assert again.loss is mean_error
    again.fit(X, y)
    with pytest.raises(ValueError, match="loss is now 'huber', but the network to continue was"):
        again.set_params(loss="huber").fit(X, y)


def test_a_function_is_a_loss_of_classes():
    """A classifier passes logits and codes; labels are smoothed by the function itself."""
    names = np.where(NUMBERS, "b", "a")
    same = RNNClassifier(**SMALL, class_weight={"a": 1, "b": 2}).fit(X, names)
    mine = RNNClassifier(**SMALL, loss=weighted_log_loss).fit(X, names)
    np.testing.assert_allclose(mine.predict_proba(X), same.predict_proba(X), rtol=1e-5)
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 needs a loss by name"):
        RNNClassifier(**SMALL, loss=weighted_log_loss, label_smoothing=0.1).fit(X, names)


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (
            mean_over_rows,
            ValueError,
            r"=mean_over_rows must .* got \(\)\. Take no mean over rows",
        ),
        (
            matrix,
            ValueError,
            r"=matrix must .* got \(12, 3\)\. Take the mean over all axes but",
        ),
        (in_numpy, ValueError, r"loss=in_numpy must return .* got ndarray\. Compute them by f"),
        (of_numpy, TypeError, "loss=of_numpy passes the outputs.* Compute the losses by functions"),
        (detached, ValueError, r"loss=detached returned a tensor without gradient"),
        (logarithm, FloatingPointError, r"loss=logarithm returned nan for a row"),
    ],
)
def test_a_function_that_is_no_loss(loss, error, message):
    """The first batch tells what is wrong, and the estimator stays unfitted."""
    model = RNNRegressor(**SMALL, loss=loss)
    with pytest.raises(error, match=message):
        model.fit(X, TARGETS)
    assert not hasattr(model, "net_")


NOT_FOUND = "Lambdas and what is defined within a function cannot be pickled: define it at the top"


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("loss", lambda outputs, targets: outputs[:, 0], NOT_FOUND),
        ("loss", local_function(), NOT_FOUND),
        ("loss", nn.functional.mse_loss, "Did you mean 'squared_error'"),
        ("loss", nn.L1Loss, "Did you mean 'absolute_error'"),
        ("loss", np.ones(3), "a function at the top level of a module"),
        ("loss", of_one_argument, "It cannot be called with two arguments, outputs and targets"),
        ("loss", of_three_arguments, "It cannot be called with two arguments"),
        ("optimizer", local_class(), NOT_FOUND),
        ("optimizer", nn.Linear, r"or a subclass of torch\.optim\.Optimizer at the top level"),
        ("optimizer", torch.optim.Optimizer, r"or a subclass of torch\.optim\.Optimizer at the t"),
        ("optimizer", Patient([torch.zeros(1)], 0.1), r"or a subclass of torch\.optim\.Optimizer"),
        ("optimizer", mean_error, r"or a subclass of torch\.optim\.Optimizer"),
    ],
)
def test_what_is_no_reference(parameter, value, message):
    """Only what a pickle finds by its name is accepted."""
    with pytest.raises(InvalidParameterError, match=message):
        RNNRegressor(**{parameter: value}).fit(X, TARGETS)


@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor, SequenceGenerator])
@pytest.mark.parametrize("optimizer", [torch.optim.NAdam, torch.optim.Adadelta, Patient])
def test_a_class_is_an_optimizer(estimator, optimizer):
    """Classes of torch and of the user train, and continue after a pickle with their state."""
    model = estimator(**SMALL, optimizer=optimizer)
    copied = pickle.loads(pickle.dumps(clone(model).partial_fit(X, NUMBERS)))
    model.partial_fit(X, NUMBERS).partial_fit(X, NUMBERS)
    copied.partial_fit(X, NUMBERS)
    assert np.array_equal(all_weights(model.module_), all_weights(copied.module_))
    assert isinstance(model.net_.optimizer_, optimizer)


def test_a_class_has_the_settings_of_the_estimator():
    """The class of a name trains to the same bits: rate, schedule and decay are passed."""
    y, settings = TARGETS, SMALL | {"learning_rate": 0.02, "weight_decay": 0.1}
    weights = [
        all_weights(RNNRegressor(**settings, optimizer=optimizer).fit(X, y).module_)
        for optimizer in ("rmsprop", torch.optim.RMSprop)
    ]
    assert np.array_equal(*weights)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (torch.optim.LBFGS, r"optimizer=LBFGS evaluates the loss several times per step"),
        (torch.optim.SparseAdam, r"optimizer=SparseAdam needs sparse gradients"),
        pytest.param(
            getattr(torch.optim, "Muon", None),
            r"optimizer=Muon cannot be built for this network: .*2D",
            marks=pytest.mark.skipif(
                not hasattr(torch.optim, "Muon"), reason="torch has Muon from 2.9 on"
            ),
        ),
        (Fixed, r"optimizer=Fixed takes no argument lr"),
        (Patient, r"optimizer=Patient takes no argument weight_decay, but weight_decay=0\.1"),
    ],
)
def test_a_class_that_does_not_fit(optimizer, message):
    """Optimizers that need more than gradients and a rate are refused by name."""
    with pytest.raises(ValueError, match=message):
        RNNRegressor(**SMALL, optimizer=optimizer, weight_decay=0.1).fit(X, TARGETS)


# --- suggestions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "parameter", "value", "suggestion"),
    [
        (RNNRegressor, "loss", "mse", "'squared_error'"),
        (RNNRegressor, "loss", "mean_squared_error", "'squared_error'"),
        (RNNRegressor, "loss", "MAE", "'absolute_error'"),
        (RNNRegressor, "loss", "pinball", "'quantile'"),
        (RNNRegressor, "loss", nn.SmoothL1Loss(), "'huber'"),
        (RNNRegressor, "loss", nn.PoissonNLLLoss(), "'poisson'"),
        (RNNRegressor, "loss", "NegativeBinomial", "'negative_binomial'"),
        (SequenceGenerator, "loss", "nbinom", "'negative_binomial'"),
        (SequenceGenerator, "loss", "normal", "'gaussian'"),
        (RNNClassifier, "loss", "cross-entropy", "'cross_entropy'"),
        (RNNClassifier, "loss", "log_loss", "'cross_entropy'"),
        (RNNClassifier, "loss", nn.CrossEntropyLoss, "'cross_entropy'"),
        (RNNClassifier, "loss", "BCEWithLogitsLoss", "'binary_cross_entropy'"),
        (RNNClassifier, "optimizer", "Adam", "'adam'"),
        (RNNClassifier, "optimizer", "RMSprop", "'rmsprop'"),
        (RNNClassifier, "cell", "LSTM", "'lstm'"),
        (RNNClassifier, "cell", "GRU ", "'gru'"),
        (RNNClassifier, "cell", "bidirectional", "the parameter 'bidirectional'"),
        (RNNClassifier, "pooling", "average", "'mean'"),
        (RNNClassifier, "pooling", "attn", "'attention'"),
        (RNNClassifier, "merge_mode", "concatenate", "'concat'"),
        (RNNClassifier, "lr_schedule", "cosine_annealing", "'cosine'"),
        (RNNClassifier, "lr_schedule", "constant", "None"),
        (RNNClassifier, "bidirectional", "True", "True"),
        (RNNClassifier, "early_stopping", 1, "True"),
        (RNNClassifier, "hidden_size", "64", "64"),
        (RNNClassifier, "hidden_size", 64.0, "64"),
        (RNNClassifier, "learning_rate", "1e-3", "0.001"),
        (RNNClassifier, "class_weight", "balance", "'balanced'"),
        (SequenceGenerator, "analyzer", "words", "'word'"),
    ],
)
def test_the_nearest_value_is_suggested(estimator, parameter, value, suggestion):
    """scikit-learn's error for a wrong value ends with the value that is probably meant."""
    message = f"The '{parameter}' parameter of {estimator.__name__} must be .* instead"
    with pytest.raises(InvalidParameterError, match=rf"{message}\. Did you mean {suggestion}\?$"):
        estimator(**{parameter: value}).fit(X, NUMBERS)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("loss", "mse"),
        ("cell", "transformer"),
        ("lr_schedule", list),
        ("lr_schedule", [1]),
        ("hidden_size", -3),
        ("dropout", 50),
        ("optimizer", None),
    ],
)
def test_nothing_is_suggested_for_a_value_unlike_all_others(parameter, value):
    """The error of scikit-learn comes as it is."""
    with pytest.raises(InvalidParameterError, match=r"instead\.$"):
        RNNClassifier(**{parameter: value}).fit(X, NUMBERS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hiden_size", r"Invalid parameter 'hiden_size' for .* Did you mean 'hidden_size'\?$"),
        ("lr", r"Invalid parameter 'lr' for .* Did you mean 'learning_rate'\?$"),
        ("epochs", r"Did you mean 'max_epochs'\?$"),
        ("n_layers", r"Did you mean 'num_layers'\?$"),
        ("Dropout", r"Did you mean 'dropout'\?$"),
        ("seed", r"Did you mean 'random_state'\?$"),
        ("foo", r"Valid parameters are: .*\]\.$"),
        ("net__lr", r"Invalid parameter 'net' for"),
        ("optimizer__weight_decay", r"optimizer has no .* Did you mean 'weight_decay'\?$"),
        ("cell__foo", r"cell has no parameters of its own\.$"),
    ],
)
def test_the_nearest_parameter_is_suggested(name, message):
    """scikit-learn's error for an unknown parameter ends with the one that is probably meant."""
    model = RNNClassifier()
    with pytest.raises(ValueError, match=message):
        model.set_params(**{name: 1})
    assert model.get_params() == RNNClassifier().get_params()


def test_names_of_other_libraries_are_those_of_the_guide():
    """The table of the user guide and the suggestions are the same."""
    page = (ROOT / "docs" / "user_guide" / "other_libraries.rst").read_text("utf-8")
    rows = re.findall(r"\* - ``(\w+)``\n     - ``(\w+)``\n", page)
    plain = {other.replace("_", ""): parameter for parameter, other in rows}
    assert len(plain) == len(rows) > 50
    assert plain == _parameter_hints._NAME_ALIASES
    estimators = RNNClassifier(), RNNRegressor(), SequenceGenerator()
    for parameter, other in rows:
        known = [e for e in estimators if parameter in e.get_params()]
        assert known
        for estimator in known:
            with pytest.raises(ValueError, match=rf"Did you mean '{parameter}'\?$"):
                estimator.set_params(**{other: 1})


def test_parameters_are_set_through_a_pipeline():
    """A pipeline and a search pass parameters on, and get the same errors."""
    pipeline = Pipeline([("rnn", RNNClassifier(**SMALL))])
    assert clone(pipeline.set_params(rnn__cell="gru")).get_params()["rnn__cell"] == "gru"
    with pytest.raises(ValueError, match="Did you mean 'cell'"):
        pipeline.set_params(rnn__cells="gru")
    search = GridSearchCV(RNNClassifier(**SMALL), {"optimizer": ["Adam"]}, error_score="raise")
    with pytest.raises(InvalidParameterError, match="Did you mean 'adam'"):
        search.fit(X, NUMBERS)


# --- numbers that are too large, devices, callbacks, classes, target -----------------------------


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("learning_rate", 10**400),
        ("hidden_size", 10**30),
        ("frame_length", 10**30),
        ("max_grad_norm", 10**30),
        ("weight_decay", 10**600),
        ("num_layers", 2**63),
        ("n_estimators", np.uint64(2**63)),
    ],
)
def test_integers_of_more_than_64_bits(parameter, value):
    """They are refused by name, before torch gets them."""
    message = f"The '{parameter}' parameter of RNNClassifier must be below 2.*63. Got an integer of"
    with pytest.raises(InvalidParameterError, match=message):
        RNNClassifier(**SMALL | {parameter: value}).fit(X, NUMBERS)


@pytest.mark.parametrize("parameter", ["batch_size", "n_iter_no_change"])
def test_the_largest_integer_means_no_limit(parameter):
    """`sys.maxsize` is allowed where it costs no memory."""
    RNNClassifier(**SMALL, **{parameter: sys.maxsize}).fit(X, NUMBERS)


@pytest.mark.parametrize(
    ("parameters", "sizes"),
    [
        ({"hidden_size": 10**9, "cell": "rnn"}, "hidden_size=1000000000"),
        ({"hidden_size": 10**9, "cell": nn.GRU}, "hidden_size=1000000000"),
        ({"hidden_size": 10**12}, "hidden_size=1000000000000"),
        ({"frame_length": 10**15}, "2000000000000000 numbers per step"),
        ({"frame_length": 2**62}, "numbers per step"),
    ],
)
def test_networks_larger_than_memory(parameters, sizes):
    """The error reports the sizes of the network."""
    with pytest.raises(MemoryError, match=f"Could not get .*: the network has .*{sizes}"):
        RNNClassifier(**SMALL | parameters).fit(X, NUMBERS)


@pytest.mark.parametrize("device", ["meta", "gpu", "GPU", "", "cuda:99"])
def test_devices_without_values(device):
    """A device that cannot compute here is refused, and the names of GPUs are shown."""
    message = f"device='{device}' is not available here .*a GPU is 'cuda' or, on a Mac, 'mps'"
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**SMALL, device=device).fit(X, NUMBERS)


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (["x"], "callbacks contains 'x', which is no skorch"),
        ([print], "callbacks contains <built-in function print>, which is no skorch"),
        ([None], "callbacks contains None, which is no skorch"),
        ([("name", 3)], "callbacks contains 3, which is no skorch"),
        ([("name",)], r"callbacks contains \('name',\); a tuple must be \(name, callback\)"),
        ([ProgressBar()], "callbacks of scikit-learn go to set_callbacks"),
    ],
)
def test_callbacks_of_another_kind(callbacks, message):
    """Each callback is one of skorch, or a pair of a name and one."""
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**SMALL, callbacks=callbacks).fit(X, NUMBERS)


@pytest.mark.parametrize(
    "callback", [Augmentation(), DataParallel(), Checkpoint("file"), Callback(), Callback]
)
def test_callbacks_of_training_are_a_parameter(callback):
    """`set_callbacks` refuses them by name, and keeps those of scikit-learn."""
    classifier = RNNClassifier(**SMALL).set_callbacks(ProgressBar())
    message = (
        rf"set_callbacks got {re.escape(repr(callback))}, .* set_params\(callbacks=\[\.\.\.\]\)"
    )
    with pytest.raises(TypeError, match=message):
        classifier.set_callbacks(callback)
    assert classifier.set_callbacks() is classifier


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([], "classes is empty"),
        (3, "classes=3 must be a list of all labels"),
        ("ab", "classes='ab' must be a list of all labels"),
        ([0, None], r"classes=\[0, None\] must be a list .* without missing ones"),
        ([[0, 1]], r"classes=\[\[0, 1\]\] must be a list"),
        ([0], r"the label 1, which is not among the classes \[0\]"),
    ],
)
def test_classes_that_are_no_list_of_labels(classes, message):
    """`classes` is checked under its own name."""
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**SMALL).partial_fit(X, NUMBERS, classes=classes)


def test_new_labels_of_a_network_that_is_trained_on():
    """With `warm_start`, the error has a way out that does not need `partial_fit`."""
    classifier = RNNClassifier(**SMALL | {"warm_start": True}).fit(X, NUMBERS)
    with pytest.raises(
        ValueError, match=r"the label 7, .*new network with fit and warm_start=False"
    ):
        classifier.fit(X, NUMBERS + 7)


RAGGED = [[0] * (2 + i % 2) for i in range(12)]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (RAGGED, r"y\[0\] has 2 targets, y\[1\] has 3, .* set target='steps'"),
        ([np.array(row) for row in RAGGED], r"y\[0\] has 2 targets, y\[1\] has 3"),
        (np.array([*map(np.array, RAGGED)], dtype=object), r"y\[0\] has 2 targets, y\[1\] has 3"),
        ([[0, 1]] * 11 + [1], r"y\[0\] has 2 targets, y\[11\] has 1"),
        ([1] * 11 + [[0, 1]], r"y\[0\] is a single target .*, y\[11\] is a list"),
        (Sequences(np.zeros((24, 1)), np.arange(0, 25, 2)), "y is a Sequences, .* per step"),
    ],
)
@pytest.mark.parametrize("estimator", [RNNClassifier, RNNRegressor])
def test_ragged_targets_per_sequence(estimator, y, message):
    """With one target per sequence, y is not ragged, in the first fit and in later ones."""
    with pytest.raises(ValueError, match=message):
        estimator(**SMALL, target="sequence").fit(X, y)
    with pytest.raises(ValueError, match=message):
        estimator(**SMALL).fit(X, NUMBERS).partial_fit(X, y)


# --- methods that need other data or parameters ---------------------------------------------------

COUNTS = np.arange(24).reshape(4, 6)


@pytest.mark.parametrize(
    ("model", "data", "method", "message"),
    [
        (SequenceGenerator, COUNTS, "forecast", "Integers are symbols: fit on floats to forecast"),
        (
            SequenceGenerator,
            ["to be", "or not"],
            "forecast",
            "fitted on symbols, for which forecast",
        ),
        (SequenceGenerator, COUNTS * 1.0, "generate", "fitted on numbers, for which generate"),
        (SequenceGenerator, COUNTS * 1.0, "predict_proba", "fitted on numbers, for which generate"),
        (SequenceGenerator, COUNTS, "predict_label", "Set conditional=True, and fit"),
        (RNNRegressor, COUNTS * 1.0, "predict_std", "Set loss='gaussian' or 'student_t', and fit"),
        (RNNRegressor, COUNTS * 1.0, "predict_quantiles", "predicts no quantiles"),
    ],
)
def test_absent_methods_explain_themselves(model, data, method, message):
    """The message of the AttributeError, not only its cause, has the reason."""
    fitted = model(**SMALL).fit(data, np.arange(len(data)))
    assert not hasattr(fitted, method)
    with pytest.raises(AttributeError, match=rf"has no attribute '{method}'\. This .*{message}"):
        getattr(fitted, method)
    with pytest.raises(AttributeError, match=message):
        getattr(model, method)(fitted, data)


# --- parameters without effect -------------------------------------------------------------------

TEXTS, TOKENS, COUNTS = ["abc", "ba", "cab"], [["a", "b"], ["b"], ["b", "a"]], [[1, 2], [2], [3]]
FLOATS = [np.arange(4.0), np.arange(3.0), np.arange(5.0)]


@pytest.mark.parametrize("X", [TEXTS, TOKENS, COUNTS], ids=["texts", "tokens", "integers"])
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"residual": 7}, "residual=7 has no effect on symbols, .* Set residual='auto'"),
        ({"residual": "last"}, "residual='last' has no effect on symbols"),
        ({"scale": "sequence"}, "scale='sequence' has no effect on symbols"),
        ({"scale": "global"}, "scale='global' has no effect on symbols"),
        ({"loss": "poisson"}, "loss='poisson' is not available for symbols, only for numbers"),
        ({"known_columns": [0]}, r"known_columns=\[0\] names features of numbers, .* symbols"),
    ],
)
def test_symbols_have_no_parameters_of_numbers(X, parameters, message):
    """Only integers may be meant as numbers, and get the advice that works for lists."""
    advice = r".* Integers are symbols: .* \[np\.asarray\(x, dtype=float\) for x in X\]"
    with pytest.raises(ValueError, match=message + (advice if X is COUNTS else "")) as caught:
        SequenceGenerator(**SMALL, **parameters).fit(X)
    assert ("Integers" in str(caught.value)) is (X is COUNTS)
    neutral = {"residual": None, "scale": False}
    assert SequenceGenerator(**SMALL, **neutral).fit(X).n_iter_ == SMALL["max_epochs"]


@pytest.mark.parametrize(
    ("X", "parameters", "message"),
    [
        (TEXTS, {"categorical_features": [0]}, r"features=\[0\] has no effect, as X holds texts"),
        (TOKENS, {"categorical_features": [0]}, r"has no effect, as X holds tokens, which are sy"),
        (TOKENS, {"analyzer": "word"}, "analyzer='word' has no effect, as X holds no texts"),
        (FLOATS, {"analyzer": "word"}, "analyzer='word' has no effect, as X holds no texts"),
        (FLOATS, {"max_features": 5}, "max_features=5 has no effect, as X holds numbers only"),
        (FLOATS, {"embedding_dim": 5}, "embedding_dim=5 has no effect, as X holds numbers only"),
    ],
)
def test_parameters_without_effect_are_refused(X, parameters, message):
    """A parameter that is set has an effect."""
    with pytest.raises(ValueError, match=message):
        RNNClassifier(**SMALL, **parameters).fit(X, [0, 1, 0])


def test_parameters_with_effect_are_not_refused():
    """Columns of strings may be named as categories, and a static one counts as symbols."""
    frames = [pd.DataFrame({"c": list("xy"), "d": list("uv")})] * 3
    cells = pd.DataFrame({"u": FLOATS, "k": list("xyx")})
    fits = [(frames, {"categorical_features": ["c"]}), (cells, {"max_features": 1})]
    for X, parameters in (*fits, (TEXTS, {"categorical_features": [], "analyzer": "word"})):
        model = RNNClassifier(**SMALL, **parameters).fit(X, [0, 1, 0])
        assert model.n_iter_ == SMALL["max_epochs"]
