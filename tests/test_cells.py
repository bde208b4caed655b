"""Laws of the recurrent layers: equal to torch's, to naive loops and to themselves step by step."""

import copy
import pickle
import threading

import numpy as np
import pytest
import torch
from torch import nn

from sksequence._cells import CELLS, CustomLayer, Dropout, at_last_step, build_layer
from tests.helpers import TORCH_LAYERS as TORCH
from tests.helpers import WITH_MATRICES, assert_close, cell_with

ACTIVATIONS = ["tanh", "relu", "sigmoid"]
SIMPLE = [("rnn", activation) for activation in ACTIVATIONS]
GATED = [*SIMPLE, ("lstm", "tanh"), ("gru", "tanh")]
ALL = [*((cell, "tanh") for cell in CELLS), ("rnn", "relu"), ("rnn", "sigmoid")]


def make_generator(seed=0):
    """Return a seeded generator."""
    return torch.Generator().manual_seed(seed)


def make_layer(cell, seed=0, input_size=3, hidden_size=5, recurrent_dropout=0.0, **params):
    """Build a layer and give its biases values, so that no term of its equations is 0."""
    cell = cell_with(cell, **params) if isinstance(cell, str) else cell
    layer = build_layer(cell, input_size, hidden_size, recurrent_dropout, make_generator(seed))
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if "bias" in name:
                parameter.uniform_(-0.5, 0.5, generator=make_generator(seed + 1))
    return layer


def make_batch(seed=0, n_rows=6, n_steps=9, n_features=3):
    """Return ragged input (batch, time, features) and lengths (batch,)."""
    x = torch.randn(n_rows, n_steps, n_features, generator=make_generator(seed))
    lengths = torch.tensor([1, 9, 4, 5, 2, 9])[:n_rows].clamp(max=n_steps)
    return x, lengths


def real_steps(x, lengths):
    """Return the real steps (sum of lengths, width)."""
    return x[torch.arange(x.shape[1]) < lengths[:, None]]


def gradients(loss, *tensors):
    """Return the gradients of a scalar."""
    return torch.autograd.grad(loss, tensors)


@pytest.mark.parametrize("cell", TORCH)
def test_layer_equals_packed_torch_layer(cell):
    """Outputs, last states and every gradient are those of torch's layer on packed sequences."""
    layer = make_layer(cell)
    twin = TORCH[cell](3, 5, batch_first=True)
    for name, parameter in layer.named_parameters():
        getattr(twin, f"{name}_l0").data.copy_(parameter.data)
    x, lengths = make_batch()
    x.requires_grad_()
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    packed_outputs, torch_last = twin(packed)
    padded, _ = nn.utils.rnn.pad_packed_sequence(packed_outputs, batch_first=True)
    torch_last = torch_last if isinstance(torch_last, tuple) else (torch_last,)
    torch_last = tuple(part[0] for part in torch_last)
    outputs, last = layer(x, lengths, None)

    assert_close(real_steps(outputs, lengths), real_steps(padded, lengths))
    assert_close(last, torch_last)
    actual, expected = (
        (real_steps(result, lengths) ** 2).sum() + sum((part**3).sum() for part in states)
        for result, states in ((outputs, last), (padded, torch_last))
    )
    ours = gradients(actual, x, *layer.parameters())
    theirs = gradients(
        expected, x, *(getattr(twin, f"{n}_l0") for n, _ in layer.named_parameters())
    )
    assert_close(ours, theirs)


def naive_simple_rnn(layer, x, h, f):
    """Iterate Elman's equation over (batch, time, features)."""
    outputs = []
    for t in range(x.shape[1]):
        inputs = x[:, t] @ layer.weight_ih.T + layer.bias_ih
        h = f(inputs + h @ layer.weight_hh.T + layer.bias_hh)
        outputs.append(h)
    return torch.stack(outputs, dim=1)


@pytest.mark.parametrize("hidden_size", [5, 20])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_simple_rnn_equals_naive_loop(activation, hidden_size):
    """The fused forms equal Elman's loop in values and gradients, sigmoid by tanh included."""
    layer = make_layer("rnn", activation=activation, hidden_size=hidden_size)
    x, _ = make_batch()
    x.requires_grad_()
    start = torch.rand(6, hidden_size, generator=make_generator(3)).requires_grad_()
    outputs, _ = layer(x, None, (start,))
    expected = naive_simple_rnn(layer, x, start, getattr(torch, activation))
    assert_close(outputs, expected)
    leaves = (x, start, *layer.parameters())
    ours, naive = (gradients((result**2).sum(), *leaves) for result in (outputs, expected))
    assert_close(ours, naive)


@pytest.mark.parametrize("context_size", [1, 2, 4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_feedforward_equals_naive_loop(activation, context_size):
    """All steps at once equal a loop over the inputs of each context."""
    layer = make_layer("feedforward", activation=activation, context_size=context_size)
    f = getattr(torch, activation)
    x, _ = make_batch()
    x.requires_grad_()
    outputs, _ = layer(x, None, None)
    before = torch.cat([torch.zeros(6, context_size - 1, 3), x], dim=1)
    expected = []
    for t in range(x.shape[1]):
        hidden = f(layer.enter(before[:, t]))
        for position, merge in enumerate(layer.merges, start=1):
            entered = f(layer.enter(before[:, t + position]))
            hidden = f(merge(torch.cat([hidden, entered], dim=1)))
        expected.append(hidden)
    expected = torch.stack(expected, dim=1)
    assert_close(outputs, expected)
    leaves = (x, *layer.parameters())
    ours, naive = (gradients((result**2).sum(), *leaves) for result in (outputs, expected))
    assert_close(ours, naive)


def test_feedforward_sees_its_context_only():
    """An output depends on the last `context_size` inputs and on no earlier one."""
    layer = make_layer("feedforward", context_size=3)
    x, _ = make_batch()
    x.requires_grad_()
    (gradient,) = gradients(layer(x, None, None)[0][:, 6].sum(), x)
    assert gradient[:, 4:7].abs().amin() > 0
    assert torch.count_nonzero(gradient[:, :4]) == torch.count_nonzero(gradient[:, 7:]) == 0


@pytest.mark.parametrize(("cell", "activation"), ALL)
def test_forward_equals_step_by_step(cell, activation):
    """Steps of T=1 with the state carried give the outputs and the last state of one run."""
    layer = make_layer(cell, activation=activation).eval()
    x, _ = make_batch()
    outputs, last = layer(x, None, None)
    state, steps = None, []
    for t in range(x.shape[1]):
        step, state = layer(x[:, t : t + 1], None, state)
        steps.append(step)
    assert_close(torch.cat(steps, dim=1), outputs)
    assert_close(state, last)


@pytest.mark.parametrize("started", [False, True], ids=["from zeros", "from a state"])
@pytest.mark.parametrize(("cell", "activation"), ALL)
def test_last_state_is_that_of_the_row_alone(cell, activation, started):
    """After a ragged batch, each row's state is bitwise that of the row alone."""
    layer = make_layer(cell, activation=activation).eval()
    x, lengths = torch.randn(16, 9, 3, generator=make_generator()), torch.arange(16) % 9 + 1
    x[torch.arange(9) >= lengths[:, None]] = 0.0
    _, zero_state = layer(x[:, :1], torch.zeros(16, dtype=torch.int64), None)
    state = tuple(torch.rand(p.shape, generator=make_generator(5)) for p in zero_state)
    _, together = layer(x, lengths, state if started else None)
    for row in range(0, 16, 3):
        n = int(lengths[row])
        alone = x[row, :n].expand(16, n, 3).contiguous()
        alone_state = tuple(part[row].expand(16, *part.shape[1:]).contiguous() for part in state)
        _, last = layer(alone, torch.full((16,), n), alone_state if started else None)
        for part, expected in zip(together, last, strict=True):
            assert torch.equal(part[row], expected[row])


@pytest.mark.parametrize(("cell", "activation"), ALL)
def test_length_zero_keeps_the_state(cell, activation):
    """A row that has ended goes through a chunk unchanged."""
    layer = make_layer(cell, activation=activation).eval()
    x, lengths = make_batch()
    _, state = layer(x, lengths, None)
    _, after = layer(x, torch.tensor([0, 3, 0, 1, 0, 0]), state)
    for before_part, after_part in zip(state, after, strict=True):
        assert torch.equal(after_part[[0, 2, 4, 5]], before_part[[0, 2, 4, 5]])
        assert not torch.equal(after_part[[1, 3]], before_part[[1, 3]])


@pytest.mark.parametrize(("cell", "activation"), GATED)
def test_equations_equal_the_fused_kernel(cell, activation, monkeypatch):
    """With a mask of ones, the loop of recurrent dropout equals the kernel, gradients included."""
    layer = make_layer(cell, activation=activation, recurrent_dropout=0.5)
    x, lengths = make_batch()
    x.requires_grad_()
    leaves = (x, *layer.parameters())
    results = []
    monkeypatch.setattr(Dropout, "mask", lambda self, like: torch.ones_like(like))
    for training in (False, True):
        outputs, last = layer.train(training)(x, lengths, None)
        flat = real_steps(outputs, lengths)
        loss = (flat**2).sum() + sum((part**3).sum() for part in last)
        results.append((flat, last, gradients(loss, *leaves)))
    assert_close(results[1], results[0])


@pytest.mark.parametrize("hidden_size", [3, 5, 20])
@pytest.mark.parametrize(("cell", "activation"), GATED)
def test_gradients_in_evaluation_equal_those_in_training(cell, activation, hidden_size):
    """The mode changes dropout only; saliency needs gradients in evaluation."""
    layer = make_layer(cell, activation=activation, hidden_size=hidden_size)
    x, lengths = make_batch()
    x.requires_grad_()
    results = []
    for training in (False, True):
        outputs, _ = layer.train(training)(x, lengths, None)
        loss = (real_steps(outputs, lengths) ** 2).sum()
        results.append(gradients(loss, x, *layer.parameters()))
    assert_close(results[0], results[1])


def test_relu_padding_does_not_overflow():
    """A relu state that grows over the padding leaves outputs and gradients finite."""
    layer = make_layer("rnn", activation="relu")
    with torch.no_grad():
        layer.weight_hh.copy_(4 * torch.eye(5))
        layer.bias_ih.fill_(1.0)
    x, lengths = torch.ones(2, 500, 3), torch.tensor([2, 3])
    outputs, last = layer(x, lengths, None)
    for gradient in gradients(outputs[0, :2].sum() + last[0][0].sum(), *layer.parameters()):
        assert gradient.isfinite().all()


def record_masks(layer, monkeypatch):
    """Return a list to which every mask that is drawn from now on is appended."""
    masks = []
    draw = Dropout.mask
    monkeypatch.setattr(Dropout, "mask", lambda *args: masks.append(draw(*args)) or masks[-1])
    for module in layer.modules():
        if isinstance(module, Dropout):
            module.generator = make_generator()
    return masks


@pytest.mark.parametrize("cell", WITH_MATRICES)
def test_recurrent_dropout_draws_one_mask_per_sequence(cell, monkeypatch):
    """All steps of a sequence have one mask, and each sequence has another one."""
    layer = make_layer(cell, recurrent_dropout=0.5, hidden_size=32)
    masks = record_masks(layer, monkeypatch)
    x, lengths = make_batch()
    layer(x, lengths, None)
    (mask,) = masks
    rows = mask.reshape(6, 32)
    assert set(rows.unique().tolist()) == {0.0, 2.0}
    assert len(rows.unique(dim=0)) == 6


@pytest.mark.parametrize("cell", [name for name in CELLS if name not in WITH_MATRICES])
def test_recurrent_dropout_needs_a_matrix(cell):
    """Where a state enters no matrix there is nothing to drop."""
    with pytest.raises(ValueError, match=rf"recurrent_dropout=0\.5 .*the cell '{cell}' has none"):
        make_layer(cell, recurrent_dropout=0.5)


@pytest.mark.parametrize("cell", WITH_MATRICES)
def test_recurrent_dropout_acts_in_training_only(cell):
    """Dropout changes training and not evaluation."""
    plain, dropped = (make_layer(cell, recurrent_dropout=p) for p in (0.0, 0.5))
    dropped.recurrent_dropout.generator = make_generator()
    x, lengths = make_batch()
    expected = plain(x, lengths, None)[0]
    assert not torch.allclose(dropped(x, lengths, None)[0], expected)
    assert torch.equal(dropped.eval()(x, lengths, None)[0], plain.eval()(x, lengths, None)[0])


def test_dropout_keeps_the_mean_and_its_own_stream():
    """Units are scaled by 1 / (1 - p); equal seeds drop the same; no global generator is used."""
    dropout = Dropout(0.25)
    before = torch.get_rng_state()
    results = []
    for _ in range(2):
        dropout.generator = make_generator()
        results.append(dropout(torch.ones(400, 50)))
    assert torch.equal(*results)
    assert_close(results[0].unique(), torch.tensor([0.0, 1 / 0.75]))
    assert results[0].mean() == pytest.approx(1.0, abs=0.02)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(dropout.eval()(torch.ones(3)), torch.ones(3))


def test_dropout_without_a_generator_raises():
    """Dropout does not fall back to the global generator."""
    with pytest.raises(RuntimeError, match="seed_dropout"):
        Dropout(0.5)(torch.ones(3))
    assert torch.equal(Dropout(0.0)(torch.ones(3)), torch.ones(3))


@pytest.mark.parametrize("cell", TORCH)
def test_initialisation(cell):
    """Recurrent matrices are orthogonal per gate; biases are 0 but 1 for the gate of the memory."""
    layer = build_layer(cell, 3, 8, 0.0, make_generator())
    for gate in layer.weight_hh.detach().chunk(layer.n_gates):
        assert_close(gate @ gate.T, torch.eye(8))
    biases = layer.bias_ih + layer.bias_hh
    expected = torch.zeros(8 * layer.n_gates)
    if cell in ("lstm", "gru"):
        expected[8:16] = 1.0  # forget gate, update gate
    assert torch.equal(biases, expected)
    bound = (6 / (3 + 8)) ** 0.5
    assert 0.8 * bound < layer.weight_ih.abs().max() <= bound


@pytest.mark.parametrize("cell", [*CELLS, nn.GRU])
def test_seed_decides_every_bit(cell):
    """Equal seeds give equal parameters, others differ, the global generators are unused."""
    torch_state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (
        list(build_layer(cell, 3, 5, 0.0, make_generator(seed)).parameters()) for seed in (0, 0, 1)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert all(parameter.dtype == torch.float32 for parameter in first)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_number_of_parameters():
    """The number of parameters is proportional to the gates: LSTM 4, GRU 3, simple RNN 1."""
    counts = {
        cell: sum(p.numel() for p in build_layer(cell, 3, 5, 0.0, make_generator()).parameters())
        for cell in TORCH
    }
    assert counts == {"rnn": 50, "gru": 150, "lstm": 200}


@pytest.mark.parametrize("cell", [*CELLS, nn.GRU])
def test_layer_copies_and_pickles(cell):
    """A layer is a plain module: deep copy, pickle and state dict keep its outputs."""
    layer = make_layer(cell).eval()
    x, lengths = make_batch()
    expected = layer(x, lengths, None)[0]
    other = make_layer(cell, seed=7).eval()
    other.load_state_dict(layer.state_dict())
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), other):
        assert torch.equal(twin(x, lengths, None)[0], expected)


# --- a user's own cell ---------------------------------------------------------------------------


class Leaky(nn.Module):
    """A user's cell with a step, h_t = (h_{t-1} + tanh(W x_t)) / 2, wider than requested."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        assert type(input_size) is int
        assert type(hidden_size) is int
        self.dense = nn.Linear(input_size, 2 * hidden_size)

    def step(self, x, state):
        """Take one step: x (batch, input), state (batch, hidden) or None."""
        h = 0.0 if state is None else state
        h = (h + torch.tanh(self.dense(x))) / 2
        return h, h

    def forward(self, x, state=None):
        """Take all steps of x (batch, time, input)."""
        outputs = []
        for now in x.unbind(dim=1):
            output, state = self.step(now, state)
            outputs.append(output)
        return torch.stack(outputs, dim=1), state


class SteppingLSTM(nn.LSTM):
    """torch's LSTM with a step: its state is a tuple of (layers, batch, hidden)."""

    def step(self, x, state):
        """Take one step."""
        outputs, state = self(x[:, None], state)
        return outputs[:, 0], state


@pytest.mark.parametrize("factory", [nn.RNN, nn.GRU, nn.LSTM, Leaky])
def test_custom_cell_outputs_are_the_modules(factory):
    """The adapter returns the outputs of the module, batch first."""
    layer = build_layer(factory, np.int64(3), np.int64(5), 0.0, make_generator())
    x, lengths = make_batch()
    assert torch.equal(layer(x, lengths, None)[0], layer.module(x)[0])
    assert layer.output_size == layer.module(x)[0].shape[2]
    assert layer.can_step


@pytest.mark.parametrize("factory", [Leaky, SteppingLSTM, nn.LSTM, nn.GRU, nn.GRUCell])
def test_custom_cell_with_step_carries_its_state(factory):
    """Ragged last states are those of each row alone, and single steps equal one run."""
    layer = build_layer(factory, 3, 5, 0.0, make_generator()).eval()
    x, lengths = make_batch()
    outputs, last = layer(x, lengths, None)
    assert_close(outputs, layer.module(x)[0])
    for row, n in enumerate(lengths.tolist()):
        _, alone = layer(x[row : row + 1, :n], None, None)
        assert_close(tuple(part[row : row + 1] for part in last), alone)
    state = None
    for t in range(x.shape[1]):
        step, state = layer(x[:, t : t + 1], (lengths > t).long(), state)
        alive = lengths > t
        assert_close(step[alive, 0], outputs[alive, t])
    assert_close(state, last)


class Forgetful(nn.GRU):
    """A user's cell that ignores the state from which it should continue."""

    def forward(self, x, state=None):
        """Start anew."""
        return super().forward(x)


def test_custom_cell_without_state_refuses_one():
    """A module that does not continue from its state refuses to."""
    layer = build_layer(Forgetful, 3, 5, 0.0, make_generator())
    assert not layer.can_step
    x, lengths = make_batch()
    _, last = layer(x, lengths, None)
    assert last == ()
    with pytest.raises(ValueError, match="no method step"):
        layer(x, lengths, (torch.zeros(6, 1, 5),))


class NotBatchFirst(nn.Module):
    """A user's cell that takes (time, batch, features)."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.RNN(input_size, hidden_size)

    def forward(self, x, state=None):
        """Take all steps."""
        return self.rnn(x, state)


class OneOutput(Leaky):
    """A user's cell that returns its outputs only."""

    def forward(self, x, state=None):
        """Take all steps."""
        return super().forward(x, state)[0]


class FlatOutput(Leaky):
    """A user's cell that returns the last output only."""

    def forward(self, x, state=None):
        """Take all steps."""
        outputs, state = super().forward(x, state)
        return outputs[:, -1], state


def bidirectional_gru(input_size, hidden_size):
    """Return a module that looks ahead."""
    return nn.GRU(input_size, hidden_size, bidirectional=True, batch_first=True)


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        (lambda n_in, n_out: np.tanh, TypeError, "returned ufunc"),
        (int, TypeError, r"<class 'int'> failed with input_size=3 and hidden_size=5: int\(\)"),
        (np.zeros, TypeError, r"zeros> failed with input_size=3 and hidden_size=5: "),
        (nn.MultiheadAttention, TypeError, "failed .*: embed_dim must be divisible by num_heads"),
        (nn.Embedding, TypeError, r"state\).*; it failed for one of \(2, 3, 3\): Expected tensor"),
        (nn.Linear, TypeError, r"must return \(outputs, state\)"),
        (OneOutput, TypeError, r"must return \(outputs, state\)"),
        (FlatOutput, ValueError, r"outputs of shape .* got \(2, 10\)"),
        (NotBatchFirst, ValueError, "batch-first"),
        (bidirectional_gru, ValueError, "bidirectional=True"),
    ],
)
def test_custom_cell_errors(factory, error, message):
    """A module that breaks the contract is refused when it is built."""
    with pytest.raises(error, match=message):
        build_layer(factory, 3, 5, 0.0, make_generator())


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_chrono_steps_spread_the_memories(cell):
    """Time constants are uniform up to the longest; an LSTM writes as slowly as it forgets."""
    layer = build_layer(cell_with(cell, chrono_steps=101), 3, 2000, 0.0, make_generator())
    gates = layer.bias_ih.detach().chunk(layer.n_gates)
    memories = torch.exp(gates[1])
    assert float(memories.min()) >= 1.0
    assert float(memories.max()) == pytest.approx(100, rel=0.01)
    assert float(memories.mean()) == pytest.approx(50.5, rel=0.05)
    if cell == "lstm":
        assert torch.equal(gates[0], -gates[1])


def test_custom_cell_refuses_recurrent_dropout():
    """Recurrent dropout cannot reach inside a user's cell: the option is an error, not ignored."""
    with pytest.raises(ValueError, match=r"recurrent_dropout=0\.5 cannot reach inside"):
        build_layer(nn.GRU, 3, 5, 0.5, make_generator())


def test_custom_cells_built_in_threads_are_equal():
    """Builds in several threads do not mix their random streams."""
    expected = CustomLayer(nn.GRU, 3, 20)
    expected.reset_parameters(make_generator())
    built = [CustomLayer(nn.GRU, 3, 20) for _ in range(8)]
    threads = [
        threading.Thread(target=layer.reset_parameters, args=(make_generator(),)) for layer in built
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for layer in built:
        for ours, theirs in zip(layer.parameters(), expected.parameters(), strict=True):
            assert torch.equal(ours, theirs)


def test_the_last_of_many_steps_has_the_gradients_of_a_slice():
    """Large outputs have a gradient of their own: 0 before the last step, twice differentiable."""
    outputs = torch.randn(2, 2**13, 64, generator=make_generator()).requires_grad_()
    factors = torch.randn(2, 64, generator=make_generator(1))
    gradients = []
    for last in (at_last_step(outputs, None, torch.zeros(2, 64)), outputs[:, -1]):
        loss = (last**3 * factors).sum()
        (first,) = torch.autograd.grad(loss, outputs, create_graph=True)
        gradients.append((first, *torch.autograd.grad(first.square().sum(), outputs)))
    for own, sliced in zip(*gradients, strict=True):
        torch.testing.assert_close(own, sliced, rtol=0.0, atol=0.0)


def test_the_last_of_many_steps_has_batched_gradients():
    """Several gradients at once equal those of a slice."""
    outputs = torch.randn(2, 2**13, 64, generator=make_generator()).requires_grad_()
    directions = torch.randn(3, 2, 64, generator=make_generator(1))
    own, sliced = (
        torch.autograd.grad(last, outputs, directions, is_grads_batched=True)[0]
        for last in (at_last_step(outputs, None, torch.zeros(2, 64)), outputs[:, -1])
    )
    assert torch.equal(own, sliced)
