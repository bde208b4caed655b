"""Saving and loading: files without code, and pickles whose arrays are checked."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from torch import nn

from sksequence import RNNClassifier

X = np.random.default_rng(0).normal(size=(12, 6))
LABELS = np.array(["a", "b"] * 6)


class MaskedCell(nn.RNN):
    """A cell with a buffer that is infinite on purpose."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size, batch_first=True)
        self.register_buffer("mask", np.inf * self.weight_ih_l0.new_ones(1))


@pytest.fixture(scope="module")
def tiny():
    """Return a classifier with few weights, in training."""
    model = RNNClassifier("rnn", hidden_size=2, frame_length=1, dropout=0.1, random_state=0)
    return model.partial_fit(X, LABELS, classes=["a", "b"])


# --- pickles -------------------------------------------------------------------------------------


def changed(state, *keys, value):
    """Return a copy of a state with one other value."""
    state = deepcopy(state)
    inner = state
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return state


def restore(state):
    """Set a state as a pickle does."""
    model = RNNClassifier.__new__(RNNClassifier)
    model.__setstate__(state)
    return model


def test_every_changed_byte_of_pickled_weights_is_found(tiny):
    """Weights and the state of the optimizer are checked before they are used."""
    state = tiny.__getstate__()
    arrays = [*state["_arrays"]["weights"].values(), state["_arrays"]["dropout"]]
    moments = state["_arrays"]["optimizer"]["state"].values()
    arrays += [array for moment in moments for array in moment.values()]
    assert len(arrays) > 15
    whole = pickle.dumps(tiny)
    for array in arrays:
        found = [i for i in range(len(whole)) if whole.startswith(array.tobytes(), i)]
        for at in range(0, array.nbytes, 1 + array.nbytes // 40):
            other = bytearray(whole)
            other[found[0] + at] ^= 0x10
            with pytest.raises(ValueError, match="have changed since they were stored: the check"):
                pickle.loads(other)


def test_wrong_weights_in_a_pickle(tiny):
    """Absent checksums, numbers that are not finite and other sizes are errors."""
    state = tiny.__getstate__()
    with pytest.raises(ValueError, match="RNNClassifier has weights without a checksum"):
        restore(changed(state, "_checksum", value=None))
    with pytest.raises(ValueError, match="The weights of this RNNClassifier are not arrays"):
        restore(changed(state, "_arrays", "weights", value=[1.0]))
    former = changed(state, "_sksequence_version", value="0.0.1")
    del former["_checksum"]
    with pytest.warns(UserWarning, match="pickled with sksequence 0.0.1"):
        restore(former)
    former["_arrays"]["weights"]["head.bias"][0] = np.nan
    with (
        pytest.warns(UserWarning, match="pickled with sksequence 0.0.1"),
        pytest.raises(ValueError, match=r"weights head.bias of this RNNClassifier contain NaN"),
    ):
        restore(former)


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden_size", 10**9), ("num_layers", 10**9), ("n_outputs", 0), ("n_estimators", 10**9)],
)
def test_sizes_are_checked_before_memory_is_taken(tiny, name, value):
    """A specification that its weights cannot fill builds nothing."""
    state = deepcopy(tiny.__getstate__())
    object.__setattr__(state["_blueprint"].spec, name, value)
    with pytest.raises(ValueError, match=r"do not fit .* but there are 10 arrays of 30 numbers"):
        restore(state)


def test_every_shape_is_checked(tiny):
    """Smaller networks, other types and other names are refused too."""
    state = deepcopy(tiny.__getstate__())
    object.__setattr__(state["_blueprint"].spec, "hidden_size", 1)
    with pytest.raises(ValueError, match=r"fit the parameters: head.weight should be float32 of "):
        restore(state)


def test_own_cells_may_hold_infinity():
    """Buffers of a user's cell are not weights of ours."""
    model = RNNClassifier(MaskedCell, hidden_size=2, max_epochs=1, random_state=0).fit(X, LABELS)
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(twin.predict_proba(X), model.predict_proba(X))
