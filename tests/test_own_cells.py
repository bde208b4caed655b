"""Cells of users: classes with equations, layers and cells of torch, layers that look ahead."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._cells import CELLS, build_layer
from sksequence.cells import LSTM, Cell, MinGRU
from sksequence.cells.functions import maximum, sigmoid, tanh
from sksequence.persistence import save
from sksequence.testing import check_cell
from tests.helpers import DOCUMENTS, assert_close

SMALL = {"hidden_size": 6, "max_epochs": 2, "random_state": 0}
X = [np.random.RandomState(i).randn(n, 2) for i, n in enumerate([5, 3, 8, 2, 6, 4, 7, 5])]
LABELS = np.arange(8) % 2


class Memory(Cell):
    """An LSTM whose output is its memory, which is limited from below."""

    inputs = ("write", "keep", "candidate")
    products = (("hh", 3),)
    unit_parameters = ("floor",)
    vectors = ("floor",)

    def __init__(self, *, rate=0.5):
        self.rate = rate

    def equations(self, inputs, product, states, vectors):
        """Return c'."""
        blocks = zip(inputs, product("hh", states[0]), strict=True)
        write, keep, candidate = (x + h for x, h in blocks)
        rate = np.float64(self.rate)
        memory = sigmoid(keep) * states[0] + rate * sigmoid(write) * tanh(candidate)
        return (maximum(maximum(memory, -10.0), vectors["floor"] - 1.0),)


class Smoothing(nn.Module):
    """A convolution, which looks one step ahead."""

    is_causal = False

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.convolution = nn.Conv1d(input_size, hidden_size, 3, padding=1)

    def forward(self, x):
        """Return outputs only."""
        return self.convolution(x.transpose(1, 2)).transpose(1, 2)


class Attention(nn.Module):
    """Attention over all steps, which takes the lengths."""

    is_causal = False

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.enter = nn.Linear(input_size, hidden_size)
        self.attention = nn.MultiheadAttention(hidden_size, 1, batch_first=True)

    def forward(self, x, lengths):
        """Return outputs and attention weights."""
        x = self.enter(x)
        padding = torch.arange(x.shape[1]) >= lengths[:, None]
        return self.attention(x, x, x, key_padding_mask=padding)


TORCH = [nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell]
OWN = [Memory(rate=0.7), *TORCH, Smoothing, Attention]


def a_name(cell):
    """Return the name of a test."""
    return getattr(cell, "__name__", repr(cell))


# --- laws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", [*OWN, "mingru", "feedforward", "gru"], ids=a_name)
def test_cells_obey_the_laws(cell):
    """`check_cell` finds nothing."""
    check_cell(cell)


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_all_cells_obey_the_laws(cell):
    """`check_cell` finds nothing in any cell of the library."""
    check_cell(cell)


@pytest.mark.parametrize("cell", OWN, ids=a_name)
def test_estimators_with_own_cells(cell):
    """They are stacked, in two directions, clipped and pickled; rows depend on no others."""
    both = "auto" if cell in (Smoothing, Attention) else True
    options = {"num_layers": 2, "max_grad_norm": 0.1, **SMALL}
    classifier = RNNClassifier(cell, bidirectional=both, **options).fit(X, LABELS)
    probabilities = classifier.predict_proba(X)
    assert classifier.module_.spec.bidirectional == (both is True)
    for row, x in enumerate(X):
        assert_close(classifier.predict_proba([x])[0], probabilities[row])
    for twin in (pickle.loads(pickle.dumps(classifier)), clone(classifier).fit(X, LABELS)):
        assert np.array_equal(twin.predict_proba(X), probabilities)
    steps = RNNRegressor(cell, **options).fit(X, [x[:, 0] for x in X])
    assert [len(y) for y in steps.predict(X)] == [len(x) for x in X]


@pytest.mark.parametrize("cell", [Memory(), *TORCH], ids=a_name)
def test_generators_with_own_cells(cell):
    """They carry the state: a text has the likelihood of its steps, and pickles continue it."""
    generator = SequenceGenerator(cell, num_layers=2, tbptt_steps=8, **SMALL).fit(DOCUMENTS)
    text = DOCUMENTS[0]
    codes = {symbol: i for i, symbol in enumerate(generator.vocabulary_)}
    prefixes = [text[:n] for n in range(1, len(text))]
    nexts = generator.predict_proba(prefixes)
    stepwise = sum(
        np.log(p[codes[symbol]]) for p, symbol in zip(nexts, text[1:], strict=True)
    ) + generator.score_samples([text[:1]])
    whole = generator.score_samples([text])
    assert np.isfinite(stepwise).all()
    assert np.isfinite(whole).all()
    twin = pickle.loads(pickle.dumps(generator))
    assert twin.generate("to", random_state=0) == generator.generate("to", random_state=0)


def test_torch_cells_equal_torch_layers():
    """A cell run through time is the layer of the same weights."""
    x = torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(0))
    layer = build_layer(nn.LSTMCell, 2, 4, 0.0, torch.Generator().manual_seed(0))
    twin = nn.LSTM(2, 4, batch_first=True)
    weights = layer.module.cell.state_dict()
    twin.load_state_dict({f"{name}_l0": value for name, value in weights.items()})
    outputs, last = layer(x, None, None)
    expected, states = twin(x)
    assert_close(outputs, expected)
    assert_close(last, tuple(part[0] for part in states))


def test_parameters_of_own_cells_are_searched():
    """They have an effect, and are set through the estimator."""
    first = RNNClassifier(Memory(rate=0.1), **SMALL).fit(X, LABELS).predict_proba(X)
    second = RNNClassifier(Memory(), **SMALL).set_params(cell__rate=0.1).fit(X, LABELS)
    third = RNNClassifier(Memory(), **SMALL).fit(X, LABELS)
    assert np.array_equal(first, second.predict_proba(X))
    assert not np.array_equal(first, third.predict_proba(X))


def test_own_cells_without_files(tmp_path):
    """Files hold no code, so that they refuse a user's class."""
    model = RNNClassifier(Memory(), **SMALL).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"cell is an object of type .*Memory"):
        save(model, tmp_path / "model")


# --- layers that look ahead ----------------------------------------------------------------------


@pytest.mark.parametrize("cell", [Smoothing, Attention])
def test_looking_ahead_excludes_states(cell):
    """No second direction, no truncation and no generator."""
    with pytest.raises(ValueError, match=r"looks ahead .*Set bidirectional=False"):
        RNNClassifier(cell, bidirectional=True, **SMALL).fit(X, LABELS)
    with pytest.raises(ValueError, match="tbptt_steps needs a state to carry"):
        RNNClassifier(cell, tbptt_steps=2, **SMALL).fit(X, LABELS)
    with pytest.raises(ValueError, match="A generator proceeds step by step, but the cell"):
        SequenceGenerator(cell, **SMALL).fit(DOCUMENTS)


class Undeclared(Smoothing):
    """A convolution without the declaration."""

    is_causal = True

    def forward(self, x, state=None):
        """Return outputs and no state."""
        return super().forward(x), None


class Padded(Attention):
    """Attention that ignores the lengths."""

    def forward(self, x, lengths):
        """Return outputs only."""
        return super().forward(x, torch.full_like(lengths, x.shape[1]))


class Mixing(Smoothing):
    """Sequences are centred by their mean."""

    def forward(self, x):
        """Return outputs only."""
        return super().forward(x - x.mean(dim=0))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Undeclared, "or declare is_causal = False in its class"),
        (Padded, "reads padded steps: outputs of a sequence of 2 steps differ if it is padded"),
        (Mixing, "mixes sequences: outputs of a sequence depend on another one"),
    ],
)
def test_layers_that_are_refused(cell, message):
    """What breaks a law is an error when the layer is built."""
    with pytest.raises(ValueError, match=message):
        RNNClassifier(cell, bidirectional=False, **SMALL).fit(X, LABELS)


# --- laws that do not hold -----------------------------------------------------------------------


class Unstored(MinGRU):
    """Its constructor changes a parameter."""

    def __init__(self, *, rate=0.5):
        super().__init__()
        self.rate = rate / 2


class Local(MinGRU):
    """It has what no pickle can hold."""

    def __init__(self):
        super().__init__()
        self.function = lambda: None


class OtherSteps(nn.GRU):
    """A single step differs from a sequence of one step."""

    def step(self, x, state):
        """Take one step, with twice the input."""
        outputs, state = self(2 * x[:, None], state)
        return outputs[:, 0], state


class GlobalSeed(MinGRU):
    """Its weights are drawn from the global generator."""

    def initialise(self, parameters, generator):
        """Draw the weights."""
        parameters["weight_ih"].data.normal_()


class Counting(Smoothing):
    """Longer batches have other outputs."""

    def forward(self, x, lengths):
        """Return outputs only."""
        return super().forward(x) * (1 + 0.1 * max(0, x.shape[1] - 3))


class Detached(nn.GRU):
    """Its gradients are wrong."""

    def forward(self, x, state=None):
        """Return the outputs twice, one of them without gradient."""
        outputs, state = super().forward(x, state)
        return outputs + outputs.detach(), state


@pytest.mark.parametrize(
    ("cell", "law"),
    [
        (Unstored(rate=0.2), "A cell equals its copies; parameters are stored unchanged"),
        (Local(), "A cell can be built from its parameters, and pickled: Local failed"),
        (GlobalSeed(), "the global generator of torch is not used"),
        (OtherSteps, "A sequence of 7 steps has the same outputs alone and in a batch"),
        (Counting, "Padding does not change a sequence of 7 steps"),
        (Detached, "Gradients are those of finite differences"),
    ],
    ids=a_name,
)
def test_broken_laws_are_found(cell, law):
    """The error names the law."""
    with pytest.raises(AssertionError, match=law):
        check_cell(cell)


def test_check_cell_knows_the_names():
    """An unknown name is an error that lists the known ones."""
    with pytest.raises(
        ValueError, match=r"'grru' is not the name of a cell; choose one of \['cfc'"
    ):
        check_cell("grru")


# --- errors in equations -------------------------------------------------------------------------


def with_equations(function, **parts):
    """Return a cell with equations and parts."""
    return type("Mine", (Memory,), {"equations": function, **parts})()


def equations_of(expression):
    """Return equations from a function of inputs, product and states."""

    def equations(self, inputs, product, states, vectors):
        return expression(inputs, product, states)

    return equations


@pytest.mark.parametrize(
    ("expression", "error", "message"),
    [
        (lambda i, p, s: (torch.tanh(i[0]),), TypeError, r"tanh\(\).*sksequence.cells.functions: "),
        (
            lambda i, p, s: (np.tanh(i[0]),),
            TypeError,
            "does not support ufuncs.*softplus, sqrt and",
        ),
        (lambda i, p, s: (i[0].tanh(),), TypeError, "cannot be compiled: .*no attribute 'tanh'"),
        (lambda i, p, s: (i[0] ** 2,), TypeError, r"for \*\* or pow.*Use \+ - \* / and the func"),
        (lambda i, p, s: (i[0] if i[1] else i[2],), TypeError, "not known before the step decides"),
        (lambda i, p, s: (i[0] if i[1] > 0 else i[2],), TypeError, "'>' not supported between"),
        (
            lambda i, p, s: (i[3],),
            ValueError,
            r"do not match its parts.*inputs \('write', 'keep', ",
        ),
        (
            lambda i, p, s: (p("h", s[0])[0],),
            ValueError,
            "the product 'h' as number 1, but each of",
        ),
        (
            lambda i, p, s: (p("hh", s[0])[0] + p("hh", i[0])[0],),
            ValueError,
            r"the product 'hh' as number 2, but each of \['hh'\] is used once",
        ),
        (lambda i, p, s: (i[0],), ValueError, "the product 'hh' in `products`, but its equations"),
        (lambda i, p, s: p("hh", s[0])[0], TypeError, r"must return a tuple .*\('hidden',\)"),
        (lambda i, p, s: p("hh", s[0]), TypeError, r"a tuple with the states \('hidden',\).*3 val"),
        (lambda i, p, s: (1.0,), TypeError, r"must return a tuple .* got \(1\.0,\)"),
    ],
)
def test_errors_in_equations(expression, error, message):
    """The error names the cell, the operation, and what there is instead."""
    cell = with_equations(equations_of(expression))
    with pytest.raises(error, match=f"Mine.*{message}"):
        RNNClassifier(cell, **SMALL).fit(X, LABELS)


def test_products_in_another_order():
    """Products have an order, in which the equations use them."""
    expression = equations_of(lambda i, p, s: (p("b", s[0])[0] + p("a", s[0])[0],))
    cell = with_equations(expression, products=(("a", 1), ("b", 1)))
    with pytest.raises(ValueError, match=r"'b' as number 1, but each of \['a', 'b'\] is used once"):
        check_cell(cell)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"inputs": ("write")}, "inputs='write'. Expected a tuple of different names"),
        ({"inputs": ()}, "at least one name in `inputs`"),
        ({"states": ("hidden", "hidden")}, r"states=\('hidden', 'hidden'\)"),
        ({"products": (("hh", 0),)}, r"products=\(\('hh', 0\),\). Expected pairs of a name and"),
        ({"products": ("hh", 3)}, "Expected pairs of a name and a number of blocks"),
        ({"n_outputs": 2}, r"n_outputs=2: the outputs are the first of its 1 states \('hidden',\)"),
        ({"unit_parameters": ("bias",), "vectors": ("bias",)}, "cannot have a parameter 'bias'"),
        ({"vectors": ()}, r"they read vectors\['floor'\], but `vectors` are \(\)"),
    ],
)
def test_errors_in_parts(parts, message):
    """Parts that are no tuples of names, or do not fit together, are refused by name."""
    with pytest.raises(ValueError, match=f"Mine.*{message}"):
        check_cell(type("Mine", (Memory,), parts)())


def test_cells_without_equations():
    """The error tells what is missing; those with loops of their own are not derived from."""
    with pytest.raises(TypeError, match="The cell Empty has no equations"):
        check_cell(type("Empty", (Cell,), {"inputs": ("x",)})())
    with pytest.raises(TypeError, match="derives from LSTM, whose equations are not read"):
        check_cell(type("Mine", (LSTM,), {})())
