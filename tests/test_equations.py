"""Cells that are compiled from their equations, against references, closed forms and torch."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from sksequence import RNNClassifier, _kernels
from sksequence._cells import CELLS, CellLayer, build_layer
from sksequence.cells import (
    GRUD,
    JANET,
    LEM,
    LRU,
    LSTM,
    MGU,
    SLSTM,
    Cell,
    CoupledLSTM,
    EchoState,
    FeedForward,
    IndRNN,
    LayerNormLSTM,
    LinOSS,
    MinGRU,
    MinLSTM,
    PeepholeLSTM,
    ProjectedLSTM,
    SimpleRNN,
)
from tests.helpers import assert_close

COMPILED = [
    name for name in CELLS if isinstance(build_layer(name, 1, 2, 0.0, torch.Generator()), CellLayer)
]
N_ROWS, N_STEPS, N_FEATURES, SIZE = 5, 7, 3, 4


def make_layer(cell, size=SIZE, seed=0, n_features=N_FEATURES):
    """Return a trainable layer whose parameters are all random, and none is 0."""
    generator = torch.Generator().manual_seed(seed)
    layer = build_layer(cell, n_features, size, 0.0, generator)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return layer.requires_grad_()


def make_input(seed=0, n_steps=N_STEPS):
    """Return input (batch, time, features)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(N_ROWS, n_steps, N_FEATURES, generator=generator)


def run_both(monkeypatch, layer, x, lengths, state):
    """Return outputs, last states and all gradients, compiled and iterated in double precision."""
    results = []
    for has_numba, dtype in ((True, torch.float32), (False, torch.float64)):
        monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba)
        layer.to(dtype)
        inputs = [part.detach().to(dtype).requires_grad_() for part in (x, *state)]
        outputs, last = layer(inputs[0], lengths, tuple(inputs[1:]))
        real = outputs[torch.arange(x.shape[1]) < lengths[:, None]]
        loss = (real**2).sum() + sum((part**3).sum() for part in last)
        gradients = torch.autograd.grad(loss, [*inputs, *layer.parameters()], allow_unused=True)
        results.append([real, *last, *(g for g in gradients if g is not None)])
    return results


# --- compiled = iterated -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 16, 33])
@pytest.mark.parametrize("cell", COMPILED)
def test_compiled_equals_iterated(monkeypatch, cell, size):
    """Outputs, states and every gradient are those of the equations in double precision."""
    pytest.importorskip("numba")
    generator = torch.Generator().manual_seed(1)
    layer = make_layer(cell, size)
    x = torch.randn(20, 9, N_FEATURES, generator=generator)
    lengths = torch.randint(0, 10, (20,), generator=generator)
    state = [torch.rand(20, size, generator=generator) for _ in layer.cell.states]
    for ours, exact in zip(*run_both(monkeypatch, layer, x, lengths, state), strict=True):
        scale = float(exact.detach().abs().max()) + 1e-3
        assert float((ours - exact).detach().abs().max()) <= 2e-5 * scale


@pytest.mark.parametrize("cell", COMPILED)
def test_gradients_are_those_of_finite_differences(cell):
    """The equations, iterated in double precision, pass torch's check of gradients."""
    layer = make_layer(cell, 2).double()
    x = make_input(n_steps=3)[:2].double().requires_grad_()

    def outputs(x, *parameters):
        values = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(layer, values, (x, None, None))[0]

    if cell == "indrnn":  # within the bound, which the gradient passes
        layer.recurrent.data.mul_(0.5)
    names = [name for name, _ in layer.named_parameters()]
    parameters = [p.detach().clone().requires_grad_() for p in layer.parameters()]
    if cell == "slstm":  # the stabiliser has no gradient of its own, as outputs do not depend on it
        assert torch.autograd.gradcheck(outputs, (x, *parameters), atol=1e-4)
    else:
        assert torch.autograd.gradcheck(outputs, (x, *parameters))


# --- references ----------------------------------------------------------------------------------


def blocks(layer, x):
    """Return the blocks of W x + b of a step."""
    return (x @ layer.weight_ih.T + layer.bias).chunk(layer.cell.n_weighted, dim=1)


def naive(layer, x, step, *states):
    """Return the first state after each step of a function (layer, inputs, *states) -> states."""
    outputs = []
    for t in range(x.shape[1]):
        states = step(layer, blocks(layer, x[:, t]), *states)
        outputs.append(states[0])
    return torch.stack(outputs, dim=1)


def recurrent(layer, h, name="hh"):
    """Return the blocks of U h."""
    weight = getattr(layer, f"weight_{name}")
    return (h @ weight.T).chunk(len(weight) // h.shape[1], dim=1)


def coupled_lstm(layer, inputs, h, c):
    """Take a step by the equations of Greff et al., with i = 1 - f."""
    f, g, o = (a + b for a, b in zip(inputs, recurrent(layer, h), strict=True))
    c = f.sigmoid() * c + (1 - f.sigmoid()) * g.tanh()
    return o.sigmoid() * c.tanh(), c


def peephole_lstm(layer, inputs, h, c):
    """Take a step by the equations of Gers and Schmidhuber."""
    i, f, g, o = (a + b for a, b in zip(inputs, recurrent(layer, h), strict=True))
    i, f = (i + layer.peephole_i * c).sigmoid(), (f + layer.peephole_f * c).sigmoid()
    c = f * c + i * g.tanh()
    return (o + layer.peephole_o * c).sigmoid() * c.tanh(), c


def layer_norm_lstm(layer, inputs, h, c):
    """Take a step by the equations of Ba et al., with torch's normalisation."""

    def normalised(x, gain=None, shift=None):
        return nn.functional.layer_norm(x, x.shape[1:], gain, shift)

    x = normalised(torch.cat(inputs, dim=1), layer.gain_inputs)
    sums = x + normalised(h @ layer.weight_hh.T, layer.gain_hidden, layer.shift)
    i, f, g, o = sums.chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * normalised(c, layer.gain_memory, layer.shift_memory).tanh(), c


def mgu(layer, inputs, h):
    """Take a step by the equations of Zhou et al.."""
    f = (inputs[0] + h @ layer.weight_update.T).sigmoid()
    return ((1 - f) * h + f * (inputs[1] + (f * h) @ layer.weight_candidate.T).tanh(),)


def janet(layer, inputs, h):
    """Take a step by the equations of van der Westhuizen and Lasenby, with beta = 1."""
    s, g = (a + b for a, b in zip(inputs, recurrent(layer, h), strict=True))
    return (s.sigmoid() * h + (1 - (s - 1).sigmoid()) * g.tanh(),)


def lem(layer, inputs, y, z):
    """Take a step by the equations of Rusch et al., with a step of 1."""
    s, r, a = recurrent(layer, y, "fast")
    s, r = (inputs[0] + s).sigmoid(), (inputs[1] + r).sigmoid()
    z = (1 - s) * z + s * (inputs[2] + a).tanh()
    return (1 - r) * y + r * (inputs[3] + z @ layer.weight_slow.T).tanh(), z


def slstm(layer, inputs, h, c, n, m):
    """Take a step by the stabilised equations of Beck et al."""
    i, f, z, o = (a + b for a, b in zip(inputs, recurrent(layer, h), strict=True))
    log_f = nn.functional.logsigmoid(f)
    m_new = torch.maximum(log_f + m, i)
    i, f = (i - m_new).exp(), (log_f + m - m_new).exp()
    c, n = f * c + i * z.tanh(), f * n + i
    return o.sigmoid() * c / n, c, n, m_new


def gru_d(layer, inputs, h):
    """Take a step by the equations of Che et al. for full observations and gaps of 1."""
    h = (-(layer.decay_rate + layer.decay_offset).relu()).exp() * h
    r, z, n = recurrent(layer, h)
    r, z = (inputs[0] + r).sigmoid(), (inputs[1] + z).sigmoid()
    return ((1 - z) * (inputs[2] + r * n).tanh() + z * h,)


def indrnn(layer, inputs, h):
    """Take a step by the equation of Li et al.."""
    return ((inputs[0] + layer.recurrent.clamp(-1, 1) * h).relu(),)


def mingru(layer, inputs, h):
    """Take a step by the equations of Feng et al.."""
    z = inputs[0].sigmoid()
    return ((1 - z) * h + z * inputs[1],)


def minlstm(layer, inputs, h):
    """Take a step by the equations of Feng et al., with normalised gates."""
    f, i = inputs[0].sigmoid(), inputs[1].sigmoid()
    return (f / (f + i) * h + i / (f + i) * inputs[2],)


def echo_state(layer, inputs, h):
    """Take a step by the equation of a leaky echo state network."""
    return (0.7 * h + 0.3 * (inputs[0] + h @ layer.weight_hh.T).tanh(),)


REFERENCES = {
    CoupledLSTM: coupled_lstm,
    EchoState: echo_state,
    GRUD: gru_d,
    IndRNN: indrnn,
    JANET: janet,
    LayerNormLSTM: layer_norm_lstm,
    LEM: lem,
    MGU: mgu,
    MinGRU: mingru,
    MinLSTM: minlstm,
    PeepholeLSTM: peephole_lstm,
    SLSTM: slstm,
}


@pytest.mark.parametrize(("cell", "step"), REFERENCES.items(), ids=lambda value: value.__name__)
def test_equations_of_the_papers(cell, step):
    """Outputs are those of the written equations in double precision."""
    layer, x = make_layer(cell()).double(), make_input().double()
    states = [torch.zeros(N_ROWS, SIZE, dtype=torch.float64) for _ in cell.states]
    assert_close(layer(x, None, None)[0], naive(layer, x, step, *states), tol=1e-10)


def copy_lstm(layer, twin):
    """Give a layer the weights of torch's."""
    layer.weight_ih.copy_(twin.weight_ih_l0)
    layer.bias.copy_(twin.bias_ih_l0 + twin.bias_hh_l0)
    layer.weight_hh.copy_(twin.weight_hh_l0)


@torch.no_grad()
def test_zero_peepholes_are_an_lstm():
    """Without peepholes, outputs are those of torch's LSTM."""
    layer, twin = make_layer("peephole_lstm"), nn.LSTM(N_FEATURES, SIZE, batch_first=True)
    copy_lstm(layer, twin)
    for peephole in (layer.peephole_i, layer.peephole_f, layer.peephole_o):
        peephole.zero_()
    x = make_input()
    assert_close(layer(x, None, None)[0], twin(x)[0])


@torch.no_grad()
def test_identical_statistics_are_an_lstm(monkeypatch):
    """Where a norm changes nothing, outputs are those of torch's LSTM."""
    monkeypatch.setattr("sksequence._cells._layer_norm_lstm._normalised", list)
    layer, twin = make_layer("layer_norm_lstm").double(), nn.LSTM(N_FEATURES, SIZE).double()
    copy_lstm(layer, twin)
    for name in ("gain_inputs", "gain_hidden", "gain_memory"):
        getattr(layer, name).fill_(1.0)
    for name in ("shift", "shift_memory"):
        getattr(layer, name).fill_(0.0)
    x = make_input().double()
    assert_close(layer(x, None, None)[0], twin(x.transpose(0, 1))[0].transpose(0, 1), tol=1e-10)


@torch.no_grad()
def test_normalised_sums_do_not_grow_with_weights():
    """Outputs are the same with ten times as large matrices, as the norm undoes the factor."""
    layer, x = make_layer("layer_norm_lstm", 40), make_input()
    before, _ = layer(x, None, None)
    for weight in (layer.weight_ih, layer.bias, layer.weight_hh):
        weight.mul_(10.0)
    after, _ = layer(x, None, None)
    assert float((before - after).abs().max()) <= 1e-3


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@torch.no_grad()
def test_projection_is_that_of_torch():
    """Outputs are those of torch's LSTM with proj_size."""
    layer = make_layer(ProjectedLSTM(projection_size=2))
    twin = nn.LSTM(N_FEATURES, SIZE, batch_first=True, proj_size=2)
    copy_lstm(layer, twin)
    layer.readout.weight.copy_(twin.weight_hr_l0)
    x = make_input()
    outputs, _ = layer(x, None, None)
    assert outputs.shape == (N_ROWS, N_STEPS, 2)
    assert_close(outputs, twin(x)[0])


# --- linear recurrences --------------------------------------------------------------------------


def linear_states(decays, inputs):
    """Return all states of h' = a h + b as weighted sums: the parallel form, by logarithms."""
    logs = decays.log().cumsum(dim=1)
    weights = (logs[:, :, None] - logs[:, None]).exp()  # (batch, time, source, unit)
    n_steps = inputs.shape[1]
    earlier = torch.ones(n_steps, n_steps, dtype=torch.bool).tril()
    return torch.where(earlier[None, :, :, None], weights * inputs[:, None], 0).sum(dim=2)


@pytest.mark.parametrize("cell", ["mingru", "minlstm"])
def test_sequential_equals_parallel(cell):
    """The loop over 1,000 steps gives the sums of the parallel form to 1e-5."""
    layer, x = make_layer(cell), make_input(n_steps=1000)[:2]
    with torch.no_grad():
        gates = (x @ layer.weight_ih.T + layer.bias).double().chunk(len(layer.cell.inputs), dim=2)
        share = gates[0].sigmoid()
        if cell == "minlstm":
            share = gates[1].sigmoid() / (gates[0].sigmoid() + gates[1].sigmoid())
        expected = linear_states(1 - share, share * gates[-1])
        outputs, _ = layer(x, None, None)
    assert float((outputs - expected).abs().max()) <= 1e-5


@torch.no_grad()
def test_lru_closed_form():
    """The state is the sum of inputs times powers of lambda."""
    layer, x = make_layer(LRU(), seed=3).double(), make_input(n_steps=50).double()
    _, (real, imaginary) = layer(x, None, None)
    modulus, phase = (-layer.log_decay.exp()).exp(), layer.log_phase.exp()
    inputs = (x @ layer.weight_ih.T + layer.bias) * layer.log_scale.exp().repeat(2)
    inputs = torch.complex(*inputs.chunk(2, dim=2))
    powers = torch.arange(49, -1, -1)[:, None]
    weights = torch.polar(modulus**powers, powers * phase)
    assert_close(torch.complex(real, imaginary), (weights * inputs).sum(dim=1), tol=1e-10)


def test_lru_starts_on_its_ring():
    """Moduli and phases are within the range of the parameters."""
    layer = build_layer(LRU(r_min=0.9, r_max=0.99), 2, 500, 0.0, torch.Generator().manual_seed(0))
    layer.requires_grad_(False)
    modulus = (-layer.log_decay.exp()).exp()
    assert 0.9 <= float(modulus.min()) < 0.91
    assert 0.98 < float(modulus.max()) <= 0.99
    assert float(layer.log_phase.exp().max()) <= math.pi
    assert_close(layer.log_scale.exp(), (1 - modulus**2).sqrt())


@torch.no_grad()
def test_linoss_conserves_a_bounded_state():
    """Without input, the implicit scheme never gains energy."""
    layer = make_layer(LinOSS(), 8)
    start = (torch.ones(1, 8), torch.zeros(1, 8))
    layer.bias.zero_()
    last = layer(torch.zeros(1, 10_000, N_FEATURES), None, start)[1]
    assert float(torch.stack(last).abs().max()) <= 10.0


def test_echo_states_are_not_trained():
    """The recurrent weights have the spectral radius asked for, and stay as they were drawn."""
    X, y = np.random.RandomState(0).randn(12, 5, 1), np.arange(12) % 2
    first, last = (
        RNNClassifier(EchoState(spectral_radius=0.5), 8, max_epochs=n, random_state=0).fit(X, y)
        for n in (1, 5)
    )
    weights = [model.module_.stack.forwards[0].weight_hh for model in (first, last)]
    assert torch.equal(*weights)
    assert not weights[0].requires_grad
    assert torch.linalg.eigvals(weights[0]).abs().max() == pytest.approx(0.5, abs=1e-5)
    assert not torch.equal(first.module_.head.weight, last.module_.head.weight)


@pytest.mark.parametrize("scale", [10.0, 100.0])
@pytest.mark.parametrize("cell", ["minlstm", "slstm"])
def test_large_gates_are_exact(monkeypatch, cell, scale):
    """Quotients of gates are right where both are near 0, compiled and iterated."""
    layer, x = make_layer(cell, 16), scale * make_input()
    with torch.no_grad():
        for has_numba in (True, False):
            monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba)
            outputs = layer.float()(x, None, None)[0].double()
            exact = layer.double()(x.double(), None, None)[0]
            assert float((outputs - exact).abs().max()) <= 1e-3 * float(exact.abs().max())


def test_recurrent_weights_come_back_from_their_bound():
    """A unit beyond `max_weight` is read at the bound, and still has a gradient."""
    layer = build_layer(IndRNN(max_weight=0.5), 1, 4, 0.0, torch.Generator().manual_seed(0))
    twin = build_layer(IndRNN(max_weight=2.0), 1, 4, 0.0, torch.Generator().manual_seed(0))
    twin.load_state_dict(layer.state_dict())
    for weights, value in ((layer.recurrent, 1.0), (twin.recurrent, 0.5)):
        weights.data.fill_(value)
    x = torch.rand(4, 10, 1)
    outputs = [one(x, None, None)[0] for one in (layer, twin)]
    assert torch.equal(*outputs)
    (gradient,) = torch.autograd.grad(outputs[0].sum(), layer.recurrent)
    assert gradient.abs().max() > 0


def test_numbers_of_grids_are_steps_too():
    """NumPy integers are converted to steps of the network as Python's are."""
    cells = [LSTM(chrono_steps=steps).in_network_steps(5) for steps in (20, np.int64(20))]
    assert [cell.chrono_steps for cell in cells] == [4, 4]


# --- gaps in time --------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["cfc", "gru_d"])
def test_gaps_are_the_last_feature(cell):
    """A layer with gaps reads the last feature as the time that has passed; without, it is 1."""
    generator = torch.Generator().manual_seed(0)
    timed = CellLayer(CELLS[cell](), 4, SIZE, 0.0, has_gaps=True)
    timed.reset_parameters(generator)
    plain = CellLayer(CELLS[cell](), 3, SIZE, 0.0)
    plain.load_state_dict(timed.state_dict())
    x = make_input()
    with_ones = torch.cat([x, torch.ones(N_ROWS, N_STEPS, 1)], dim=2)
    with torch.no_grad():
        expected = plain(x, None, None)[0]
        assert_close(timed(with_ones, None, None)[0], expected)
        with_ones[:, 3, -1] = 50.0
        changed = timed(with_ones, None, None)[0]
    assert torch.equal(changed[:, :3], expected[:, :3])
    assert not torch.allclose(changed[:, 3], expected[:, 3])


# --- parameters of cells -------------------------------------------------------------------------


class WithAny(Cell):
    """A user's cell whose parameter may be anything."""

    inputs = ("candidate",)

    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (LSTM(chrono_steps=1), "chrono_steps must be None or a whole number of at least 2; got 1"),
        (SimpleRNN(activation="gelu"), r"activation must be one of \['relu', 'sigmoid', 'tanh'\]"),
        (FeedForward(context_size=0), "context_size must be a whole number of at least 1; got 0"),
        (LRU(r_min=0.9, r_max=0.5), "r_min must be below r_max; got r_min=0.9 and r_max=0.5. Low"),
        (LRU(max_phase=0), r"max_phase must be a number in \[0.0001, 6.2832\]; got 0"),
        (LRU(r_max=1 - 1e-9), r"r_max must be a number in \(0, 1\); got 0.999999999"),
        (CELLS["rg_lru"](r_max=1.0), r"r_max must be a number in \(0, 1\); got 1.0"),
        (LEM(step_size=2.0), r"step_size must be a number in \(0, 1\]; got 2.0"),
        (LEM(step_size=1e-300), r"step_size must be a number in \(0, 1\]; got 1e-300"),
        (IndRNN(max_weight=0.0), "max_weight must be a positive, finite number; got 0.0"),
        (
            EchoState(leak=1.5),
            r"Set such a value in EchoState\(leak=...\), or .* default, 0.3",
        ),
        (ProjectedLSTM(projection_size=0), "projection_size must be None or a whole number of at "),
    ],
    ids=repr,
)
def test_parameters_out_of_range(cell, message):
    """They are refused in `fit`, as those of estimators are."""
    with pytest.raises(ValueError, match=message):
        RNNClassifier(cell, 4, max_epochs=1).fit([[1.0, 2.0], [2.0, 1.0]], [0, 1])


WRONG = [
    *(True, "a", "1", [1], (2,), {}, 2j, object(), np.array([0.5]), torch.tensor(0.5), 10**400),
    *(math.nan, math.inf, -math.inf, -1, np.float32("nan"), 1e300, b"relu", np.True_),
]
PARAMETERS = [(cell, name) for cell in CELLS.values() for name in cell().get_params()]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize(
    ("cell", "name"), PARAMETERS, ids=[f"{cell.__name__}-{name}" for cell, name in PARAMETERS]
)
def test_every_wrong_value_is_refused(cell, name, value):
    """The message has the parameter, what came, what is expected and what to do."""
    model = RNNClassifier(cell(**{name: value}), 4, max_epochs=1)
    with pytest.raises(ValueError, match=f"{name} must be ") as error:
        model.fit([[1.0, 2.0], [2.0, 1.0]], [0, 1])
    assert f"got {value!r}. Set such a value in {cell.__name__}({name}=" in str(error.value)


@pytest.mark.parametrize(("cell", "name"), PARAMETERS, ids=repr)
def test_none_is_no_value_of_a_number(cell, name):
    """None is refused where it is not the default, and so are fractions of whole numbers."""
    default = cell().get_params()[name]
    for value in [2.5] if default is None else [None]:
        with pytest.raises(ValueError, match=f"{name} must be .*; got {value}"):
            build_layer(cell(**{name: value}), 3, 4, 0.0, torch.Generator())


@pytest.mark.parametrize(
    "cells",
    [
        (LRU(r_min=0.5), LRU(r_min=np.float64(0.5)), LRU(r_min=np.float32(0.5))),
        (LSTM(chrono_steps=20), LSTM(chrono_steps=np.int64(20))),
    ],
    ids=str,
)
def test_equal_numbers_of_any_type_make_equal_cells(cells):
    """NumPy's numbers, as grids have them, compare and hash as Python's."""
    assert len(set(cells)) == 1
    assert all(one == other for one in cells for other in cells)


@pytest.mark.parametrize(
    "values",
    [
        (torch.tensor([0.5]), torch.tensor([0.50001])),
        (np.arange(5000.0), np.where(np.arange(5000) == 2500, 7.0, np.arange(5000.0))),
        ([torch.zeros(2)], [torch.ones(2)]),
        ({"a": torch.zeros(2)}, {"b": torch.zeros(2)}),
    ],
    ids=["digits", "long", "nested", "names"],
)
def test_arrays_are_compared_by_their_numbers(values):
    """A user's cells differ where arrays do, even if these are written alike."""
    first, second = map(WithAny, values)
    assert first != second
    assert first == WithAny(values[0])
    assert hash(first) == hash(WithAny(values[0]))


def test_cells_are_parameters_of_estimators():
    """Their parameters are read, set and cloned through the estimator."""
    model = RNNClassifier(LRU(r_min=0.5))
    assert model.get_params()["cell__r_min"] == 0.5
    assert model.set_params(cell__r_min=0.7).cell == LRU(r_min=0.7)
    with pytest.raises(ValueError, match="LRU has no parameter 'radius': its parameters are r_m"):
        model.set_params(cell__radius=1)
    assert LRU() != LEM()
    assert len({LRU(), LRU(), LRU(r_min=0.1)}) == 2


@pytest.mark.parametrize("cell", CELLS.values(), ids=lambda cell: cell.__name__)
def test_cells_are_documented(cell):
    """The docstring has the table of cost and memory, a source and an example."""
    for part in ("Cost per step", "Memory   ", "Choose it for", ".. [1]", "Examples\n"):
        assert part in cell.__doc__
