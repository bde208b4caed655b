"""Gradients with respect to states, and states and gates of cells, step by step."""

import numpy as np
import pandas as pd
import pytest
import torch

from sksequence import RNNClassifier, RNNRegressor, SequenceGenerator
from sksequence._cells import CELLS
from sksequence.datasets import make_first_label
from sksequence.inspection import (
    GradientFlowDisplay,
    HiddenStateDisplay,
    gradient_flow,
    hidden_states,
)

random = np.random.default_rng(0)
RAGGED = [random.normal(size=(n, 3)) for n in (4, 9, 6, 5, 7, 8, 4, 6)]
LABELS = np.arange(8) % 3


def fit(cell="gru", X=RAGGED, y=LABELS, **parameters):
    """Fit a small classifier in one direction."""
    small = {"hidden_size": 6, "max_epochs": 2, "bidirectional": False, "random_state": 0}
    return RNNClassifier(cell, **small | parameters).fit(X, y)


def logit(classifier, state, x, code):
    """Return the logit after the steps x from a state, in float64."""
    network = classifier.module_
    with torch.no_grad():
        features, _ = network.advance_features(None, x, state=(state,))
        return network.outputs(features[-1:])[0, code].double().item()


# Laws


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_norms_are_those_of_small_changes(cell):
    """The norm of the gradient is that of differences in each part of the state."""
    classifier = fit(cell, pooling="last", max_epochs=8)
    x = torch.from_numpy(
        ((RAGGED[1] - np.concatenate(RAGGED).mean(0)) / np.concatenate(RAGGED).std(0)).astype(
            np.float32
        )
    )[None]
    norms = gradient_flow(classifier, RAGGED[1:2], target=2)[0]
    assert norms.shape == (9,)
    for step in (0, 5):
        with torch.no_grad():
            _, (state,) = classifier.module_.advance(None, x[:, : step + 1])
        squares = 0.0
        for part in range(len(state)):
            for unit in range(6):
                ends = []
                for change in (-0.01, 0.01):
                    moved = [block.clone() for block in state]
                    moved[part][0, unit] += change
                    ends.append(logit(classifier, tuple(moved), x[:, step + 1 :], 2))
                squares += ((ends[1] - ends[0]) / 0.02) ** 2
        np.testing.assert_allclose(norms[step], np.sqrt(squares), rtol=0.02)


@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("parameters", [{}, {"bidirectional": True, "num_layers": 2}])
def test_every_cell_has_norms_and_states(plt, cell, parameters):
    """One norm and one state for each step, in all layers; the states are the hidden ones."""
    classifier = fit(cell, pooling="mean", **parameters)
    for layer in range(parameters.get("num_layers", 1)):
        norms = gradient_flow(classifier, RAGGED, layer=layer)
        assert [len(own) for own in norms] == [len(row) for row in RAGGED]
        assert all(np.isfinite(own).all() for own in norms)
        display = HiddenStateDisplay.from_estimator(classifier, RAGGED[1], layer=layer)
        if cell in ("rnn", "gru", "lstm"):
            assert norms[1].min() > 0
            expected = hidden_states(classifier, RAGGED[1:2], layer=layer)[0][:, :6]
            np.testing.assert_allclose(display.states["hidden state"], expected, atol=1e-6)


def test_other_estimators_have_norms():
    """Regressors, generators of symbols and of numbers, frames, symbols, several networks."""
    X = random.normal(size=(8, 12))
    regressor = RNNRegressor("gru", 6, max_epochs=1, frame_length=4, frame_step=2).fit(X, X[:, 0])
    assert gradient_flow(regressor, X)[0].shape == (5,)
    for texts in (["abc", "cba", "aab"], RAGGED):
        generator = SequenceGenerator("lstm", 6, max_epochs=1, random_state=0).fit(texts)
        norms = gradient_flow(generator, texts)
        assert len(norms[0]) == len(hidden_states(generator, texts)[0])
    classifier = fit("gru", n_estimators=2)
    assert gradient_flow(classifier, RAGGED)[1].shape == (9,)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_gates_give_the_next_state(plt, cell):
    """The equations with these gates hold between the states of two steps."""
    display = HiddenStateDisplay.from_estimator(fit(cell), RAGGED[1])
    states = {name: np.asarray(rows) for name, rows in display.states.items()}
    gates = {name: np.asarray(rows) for name, rows in display.gates.items()}
    assert all(((rows > 0) & (rows < 1)).all() for rows in gates.values())
    h = states["hidden state"]
    if cell == "lstm":
        np.testing.assert_allclose(
            h, gates["output gate"] * np.tanh(states["cell state"]), atol=1e-6
        )
        kept = gates["forget gate"][1:] * states["cell state"][:-1]
        assert (np.abs(states["cell state"][1:] - kept) <= gates["input gate"][1:] + 1e-6).all()
    else:
        kept = gates["update gate"][1:] * h[:-1]
        assert (np.abs(h[1:] - kept) <= 1 - gates["update gate"][1:] + 1e-6).all()


def test_gradients_vanish_in_simple_networks():
    """At the first of 61 steps, the LSTM has at least 50 times the gradient of the simple RNN."""
    X, y = make_first_label(100, lag=60, random_state=0)
    parameters = {"hidden_size": 32, "pooling": "last", "max_epochs": 1}
    first = {
        cell: np.mean([own[0] for own in gradient_flow(fit(cell, X, y, **parameters), X[:10])])
        for cell in ("rnn", "lstm")
    }
    assert first["lstm"] > 50 * first["rnn"]


# Displays


def test_means_are_over_the_sequences_that_are_long_enough(plt):
    """The curve counts steps from the end; several cells share axes."""
    display = GradientFlowDisplay([[1.0, 2.0, 3.0], [5.0]], name="a").plot()
    np.testing.assert_array_equal(display.line_.get_ydata(), [4.0, 2.0, 1.0])
    np.testing.assert_array_equal(display.line_.get_xdata(), [0, 1, 2])
    assert display.ax_.get_yscale() == "log"
    assert display.ax_.xaxis_inverted()
    given = GradientFlowDisplay([[1.0, 2.0]]).plot(plt.figure().gca())
    assert given.ax_.xaxis_inverted()
    other = GradientFlowDisplay.from_estimator(fit(), RAGGED, name="b", ax=display.ax_)
    assert other.ax_ is display.ax_
    assert display.ax_.xaxis_inverted()
    assert [t.get_text() for t in display.ax_.get_legend().get_texts()] == ["a", "b"]
    np.testing.assert_allclose(other.line_.get_ydata(), other.mean)
    display.figure_.draw_without_rendering()
    assert display.plot(plt.figure().subplots()).ax_.xaxis_inverted()


def test_states_of_a_row_of_sequences(plt):
    """The row of a table with sequences in its cells is a sequence."""
    table = pd.DataFrame({"x": [row[:, 0].tolist() for row in RAGGED], "kind": list("ab" * 4)})
    classifier = RNNClassifier("gru", 6, max_epochs=1, random_state=0).fit(table, LABELS)
    display = HiddenStateDisplay.from_estimator(classifier, table.iloc[1])
    expected = hidden_states(classifier, table.iloc[1:2])[0][:, :6]
    np.testing.assert_allclose(display.states["hidden state"], expected, atol=1e-6)


def test_pictures_are_the_states(plt):
    """Rows are units in the order of the last hidden state, or as given."""
    classifier = fit("lstm")
    display = HiddenStateDisplay.from_estimator(classifier, RAGGED[1])
    order = np.argsort(display.states["hidden state"][-1])
    panels = {**display.states, **display.gates}
    for image, rows in zip(display.images_, panels.values(), strict=True):
        np.testing.assert_array_equal(image.get_array(), np.asarray(rows).T[order])
    assert display.axes_[2].get_title() == "Input gate"
    other = HiddenStateDisplay.from_estimator(classifier, RAGGED[1], order=range(6))
    np.testing.assert_array_equal(other.images_[0].get_array(), display.states["hidden state"].T)
    display.figure_.draw_without_rendering()
    with pytest.raises(ValueError, match=r"ax holds 1 Axes; 2 states and 3 gates need 5"):
        display.plot(plt.gca())


# Errors


class WithoutState(torch.nn.Module):
    """A layer that returns no state to continue from."""

    is_causal = False

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.layer = torch.nn.Conv1d(input_size, hidden_size, 3, padding=1)

    def forward(self, x, state=None):
        """Return outputs (batch, time, hidden)."""
        return self.layer(x.transpose(1, 2)).transpose(1, 2), state


def test_cells_without_a_step_are_refused(plt):
    """The error states what is missing, and what works without it."""
    classifier = fit(WithoutState)
    with pytest.raises(ValueError, match=r"gradient_flow runs a layer step by step, .* no method"):
        gradient_flow(classifier, RAGGED)
    with pytest.raises(ValueError, match=r"The gradient is 0 at every step.*shrinkage_ is 1"):
        GradientFlowDisplay([[0.0, 0.0]]).plot()
    for several in (RAGGED, np.zeros((2, 4, 3))):
        with pytest.raises(ValueError, match=r"x must be one sequence; got .* such as X\[0\]"):
            HiddenStateDisplay.from_estimator(fit(), several)
    with pytest.raises(ValueError, match=r"layer=3 is not a layer of this network"):
        gradient_flow(fit(), RAGGED, layer=3)
