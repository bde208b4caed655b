"""Laws of the network: invariance to padding, order and batch; directions; truncation."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from sksequence import _kernels
from sksequence._cells import CELLS, Dropout, FeedForward
from sksequence._modules import (
    MERGE_MODES,
    POOLINGS,
    build_network,
    select_rows,
)
from sksequence._modules._padded_steps import reverse_steps
from sksequence._random import torch_generator
from sksequence._settings import NetworkSpec, StaticSpec
from tests.helpers import TORCH_LAYERS as TORCH
from tests.helpers import WITH_MATRICES, assert_close, cell_with

SPEC = NetworkSpec(
    n_features=3,
    n_symbols=(),
    n_outputs=2,
    cell="lstm",
    hidden_size=5,
    num_layers=1,
    bidirectional=False,
    merge_mode="concat",
    pooling="last",
    dropout=0.0,
    recurrent_dropout=0.0,
    embedding_dim=4,
)
N_ROWS, N_STEPS = 16, 9


def make_network(seed=0, **changes):
    """Build a network from the small spec with some fields changed."""
    return build_network(dataclasses.replace(SPEC, **changes), seed)


def trained(network):
    """Return the parameters that are trained."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def make_batch(seed=0, n_rows=N_ROWS, n_steps=N_STEPS, n_features=3):
    """Return lengths (rows,) and values (rows, steps, features), with large numbers as padding."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, n_steps + 1, (n_rows,), generator=generator)
    lengths[n_rows // 2] = n_steps
    values = torch.randn(n_rows, n_steps, n_features, generator=generator)
    values[torch.arange(n_steps) >= lengths[:, None]] = 1e9
    return lengths, values


def per_row(network, lengths, values):
    """Return one tensor per sequence: its output, or the outputs of its steps."""
    with torch.no_grad():
        outputs = network(lengths, values)
    if network.spec.pooling is not None:
        return list(outputs)
    assert len(outputs) == lengths.sum()
    return list(outputs.split(lengths.tolist()))


def assert_equal_rows(actual, expected):
    """Compare bit by bit."""
    for ours, theirs in zip(actual, expected, strict=True):
        assert torch.equal(ours, theirs)


# --- law 1: alone = in a batch = padded longer = in another order --------------------------------


@pytest.mark.parametrize("merge_mode", [None, *MERGE_MODES], ids=str)
@pytest.mark.parametrize("pooling", [None, *POOLINGS], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_does_not_see_its_batch(cell, pooling, merge_mode):
    """Padding, order and other rows change no bit in evaluation; None is one direction."""
    directions = {"bidirectional": merge_mode is not None, "merge_mode": merge_mode or "concat"}
    network = make_network(cell=cell, pooling=pooling, num_layers=2, **directions).eval()
    lengths, values = make_batch()
    expected = per_row(network, lengths, values)

    padding = torch.full((N_ROWS, 6, 3), -1e9)
    assert_equal_rows(per_row(network, lengths, torch.cat([values, padding], dim=1)), expected)

    order = torch.randperm(N_ROWS, generator=torch.Generator().manual_seed(1))
    permuted = per_row(network, lengths[order], values[order])
    assert_equal_rows(permuted, [expected[row] for row in order])

    for row in range(0, N_ROWS, 5):
        n = int(lengths[row])
        alone = torch.zeros(N_ROWS, n, 3)
        alone[0] = values[row, :n]
        ones = torch.ones(N_ROWS, dtype=torch.int64)
        ones[0] = n
        assert torch.equal(per_row(network, ones, alone)[0], expected[row])


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", [None, *POOLINGS], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_full_rows_need_no_lengths(cell, pooling, bidirectional, training):
    """If all rows are full, lengths change no bit of outputs and gradients."""
    network = make_network(cell=cell, pooling=pooling, bidirectional=bidirectional, num_layers=2)
    network.train(training)
    values = make_batch()[1].clamp(-3, 3).requires_grad_()
    results = []
    for lengths in (torch.full((N_ROWS,), N_STEPS), None):
        outputs = network(lengths, values)
        grads = torch.autograd.grad(outputs.square().sum(), (values, *trained(network)))
        results.append((outputs, *grads))
    assert_equal_rows(*results)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", [None, *POOLINGS], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_no_number_is_read_from_the_device(cell, pooling, bidirectional):
    """With lengths on the CPU, a network runs where no value can be read: no GPU is waited for."""
    static = StaticSpec(n_numbers=1, n_symbols=(), embedding_dims=())
    network = make_network(cell=cell, pooling=pooling, bidirectional=bidirectional, static=static)
    network = network.to("meta").train()
    lengths, values = make_batch()
    inputs = {"values": values.to("meta"), "static": torch.zeros(N_ROWS, 1, device="meta")}
    outputs = network(lengths, **inputs, is_blank=True)
    outputs.sum().backward()
    n_rows = N_ROWS if pooling else int(lengths.sum())
    assert outputs.shape == (n_rows, 2)
    if pooling is None and network.can_step and not bidirectional:
        features, _ = network.advance_features(lengths, **inputs)
        assert len(features) == n_rows


@pytest.mark.parametrize("pooling", [None, *POOLINGS], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_blank_padding_need_not_be_made_blank(cell, pooling):
    """If padded steps hold zeros, `is_blank` changes no bit."""
    network = make_network(cell=cell, pooling=pooling, n_estimators=2)
    lengths, values = make_batch()
    values[torch.arange(N_STEPS) >= lengths[:, None]] = 0
    assert torch.equal(network(lengths, values, is_blank=True), network(lengths, values))


@pytest.mark.parametrize("n_steps", [1, 3, 16, 50])
@pytest.mark.parametrize("pooling", [None, *POOLINGS], ids=str)
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_compiled_layers_take_any_number_of_rows(cell, pooling, n_steps):
    """Rows have the same bits in small and large batches; without Numba, in multiples of 16."""
    network = make_network(cell=cell, pooling=pooling, bidirectional=True, num_layers=2).eval()
    _, values = make_batch(n_rows=48, n_steps=n_steps)
    expected = per_row(network, torch.full((48,), n_steps), values.clamp(-3, 3))
    for n_rows in (1, 3) if _kernels.has_numba() else (16, 32):
        lengths = torch.full((n_rows,), n_steps)
        few = per_row(network, lengths, values[:n_rows].clamp(-3, 3))
        assert_equal_rows(few, expected[:n_rows])


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("hidden_size", [1, 2, 10, 17, 32])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_every_width_is_independent_of_the_batch(activation, hidden_size, n_outputs):
    """Small and odd widths, for which matrix products change the order of additions."""
    for cell in CELLS:
        network = make_network(
            cell=cell_with(cell, activation),
            pooling=None,
            hidden_size=hidden_size,
            n_outputs=n_outputs,
        ).eval()
        lengths, values = make_batch()
        order = torch.arange(N_ROWS).roll(5)
        rolled = per_row(network, lengths[order], torch.cat([values, values], dim=1)[order])
        expected = per_row(network, lengths, values)
        assert_equal_rows(rolled, [expected[row] for row in order])


@pytest.mark.parametrize("pooling", [None, *POOLINGS], ids=str)
def test_padding_gets_no_gradient_and_gives_none(pooling):
    """Gradients of weights do not depend on the padding, whose own gradients are 0."""
    network = make_network(pooling=pooling, bidirectional=True, num_layers=2)
    lengths, values = make_batch()
    steps = torch.arange(N_STEPS) < lengths[:, None]
    results = []
    for filler in (0.0, 1e9):
        values = torch.where(steps[:, :, None], values, filler).requires_grad_()
        loss = (network(lengths, values) ** 2).sum()
        results.append(torch.autograd.grad(loss, (values, *trained(network))))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    assert torch.count_nonzero(results[0][0][~steps]) == 0


# --- law 2: torch's own networks -----------------------------------------------------------------


def copy_to_torch(network, twin):
    """Copy the weights of a stack into torch's stack; return pairs of parameters."""
    pairs = []
    directions = {"": network.stack.forwards, "_reverse": network.stack.backwards}
    for suffix, layers in directions.items():
        for depth, layer in enumerate(layers):
            for name, parameter in layer.named_parameters():
                other = getattr(twin, f"{name}_l{depth}{suffix}")
                other.data.copy_(parameter.data)
                pairs.append((parameter, other))
    return [list(side) for side in zip(*pairs, strict=True)]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", TORCH)
def test_stack_equals_packed_torch(cell, num_layers, bidirectional):
    """Features per step and all gradients are those of torch's stack on packed sequences."""
    shape = {"num_layers": num_layers, "bidirectional": bidirectional}
    network = make_network(cell=cell, pooling=None, **shape)
    twin = TORCH[cell](3, 5, batch_first=True, **shape)
    ours, theirs = copy_to_torch(network, twin)
    lengths, values = make_batch()
    values.requires_grad_()
    packed = nn.utils.rnn.pack_padded_sequence(values, lengths, True, enforce_sorted=False)
    padded, _ = nn.utils.rnn.pad_packed_sequence(twin(packed)[0], batch_first=True)
    expected = padded[torch.arange(N_STEPS) < lengths[:, None]]
    actual = network.features(lengths, values)
    assert_close(actual, expected)
    grads = torch.autograd.grad((actual**2).sum(), (values, *ours))
    torch_grads = torch.autograd.grad((expected**2).sum(), (values, *theirs))
    assert_close(grads, torch_grads)


@pytest.mark.parametrize("cell", TORCH)
def test_last_pooling_is_torchs_last_state(cell):
    """Each direction gives its own last state, as torch's h_n of packed sequences."""
    network = make_network(cell=cell, bidirectional=True)
    twin = TORCH[cell](3, 5, batch_first=True, bidirectional=True)
    copy_to_torch(network, twin)
    lengths, values = make_batch()
    packed = nn.utils.rnn.pack_padded_sequence(values, lengths, True, enforce_sorted=False)
    last = twin(packed)[1]
    last = last[0] if cell == "lstm" else last
    assert_close(network.features(lengths, values), torch.cat([last[0], last[1]], dim=1))


# --- pooling, merging, reversing -----------------------------------------------------------------


def test_reverse_steps_stays_within_each_length():
    """Real steps are mirrored, padding stays, and a second reversal restores the input."""
    x = torch.arange(8.0).reshape(2, 4, 1)
    lengths = torch.tensor([4, 2])
    reversed_x = reverse_steps(x, lengths)
    assert reversed_x[:, :, 0].tolist() == [[3, 2, 1, 0], [5, 4, 6, 7]]
    assert torch.equal(reverse_steps(reversed_x, lengths), x)


def test_select_rows_takes_them_from_nested_tuples():
    """Rows may be repeated and reordered, at any depth of a state."""
    part = torch.arange(6.0).reshape(3, 2)
    state = ((part, -part), (part[:, 0],))
    (first, second), (third,) = select_rows(state, torch.tensor([2, 0, 2]))
    assert torch.equal(first, part[[2, 0, 2]])
    assert torch.equal(second, -first)
    assert torch.equal(third, first[:, 0])


@pytest.mark.parametrize("merge_mode", MERGE_MODES)
def test_merge_modes(merge_mode):
    """The two directions are merged as named, also between depths."""
    network = make_network(bidirectional=True, merge_mode=merge_mode, num_layers=2)
    a, b = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    expected = {"concat": torch.cat([a, b], 1), "sum": a + b, "mean": (a + b) / 2, "mul": a * b}
    assert_close(network.stack.merge([a, b]), expected[merge_mode])
    assert network.head.in_features == (10 if merge_mode == "concat" else 5)


@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_pooling_equals_numpy_on_each_sequence(pooling):
    """Mean, maximum and last are taken over the real steps of each sequence."""
    stepwise, pooled = (make_network(pooling=name) for name in (None, pooling))
    lengths, values = make_batch()
    reduce = {"mean": lambda x: x.mean(0), "max": lambda x: x.amax(0), "last": lambda x: x[-1]}
    steps = stepwise.features(lengths, values).split(lengths.tolist())
    expected = torch.stack([reduce[pooling](sequence) for sequence in steps])
    assert_close(pooled.features(lengths, values), expected)


def test_attention_is_a_softmax_over_the_real_steps():
    """The pooled vector is the weighted mean by softmax of the score, in values and gradients."""
    network = make_network(pooling="attention", bidirectional=True)
    lengths, values = make_batch()
    parts = network.stack(
        network.inputs(torch.ones_like(values[:, :, 0]) > 0, values, None), lengths, None
    )
    x = network.stack.merge(parts).detach()
    pooling = network.pooling
    actual = pooling([x[:, :, :5], x[:, :, 5:]], network.stack.merge, lengths)
    expected = []
    for row, n in zip(x, lengths.tolist(), strict=True):
        scores = pooling.score(torch.tanh(pooling.project(row[:n])))
        expected.append((scores.softmax(dim=0) * row[:n]).sum(dim=0))
    expected = torch.stack(expected)
    assert_close(actual, expected)
    weights = (pooling.project.weight, pooling.score.weight)
    ours, theirs = (
        torch.autograd.grad((result**2).sum(), weights) for result in (actual, expected)
    )
    assert_close(ours, theirs)


# --- law 3: stepping and truncation --------------------------------------------------------------


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_advance_step_by_step_equals_forward(cell, num_layers):
    """After ragged prompts, single steps give the outputs of one run."""
    network = make_network(cell=cell, pooling=None, num_layers=num_layers).eval()
    prompts, values = make_batch()
    steps = torch.randn(N_ROWS, 4, 3, generator=torch.Generator().manual_seed(2))
    expected = []
    for row, n in enumerate(prompts.tolist()):
        whole = torch.cat([values[row, :n], steps[row]])[None]
        expected.append(network(torch.tensor([n + 4]), whole)[n:])
    expected = torch.stack(expected)  # (batch, 4, n_outputs)

    outputs, state = network.advance(prompts, values)
    assert_close(outputs, network(prompts, values))
    ones = torch.ones(N_ROWS, dtype=torch.int64)
    for t in range(4):
        output, state = network.advance(ones, steps[:, t : t + 1], state=state)
        assert_close(output, expected[:, t])


@pytest.mark.parametrize("cell", CELLS)
def test_advance_in_ragged_chunks_equals_forward(cell):
    """Chunks of three steps, rows that have ended included, give the outputs of one run."""
    network = make_network(cell=cell, pooling=None, num_layers=2)
    lengths, values = make_batch()
    expected = network(lengths, values).split(lengths.tolist())
    pieces, state = [[] for _ in lengths], None
    for start in range(0, N_STEPS, 3):
        rest = (lengths - start).clamp(0, 3)
        outputs, state = network.advance(rest, values[:, start : start + 3], state=state)
        for row, piece in enumerate(outputs.split(rest.tolist())):
            pieces[row].append(piece)
    for ours, theirs in zip(pieces, expected, strict=True):
        assert_close(torch.cat(ours), theirs)


def test_advance_reads_all_prefixes_with_last_pooling():
    """With pooling="last", the output of each step is that of its prefix."""
    network = make_network(pooling="last").eval()
    _, values = make_batch()
    full = torch.full((N_ROWS,), N_STEPS)
    outputs, _ = network.advance(full, values)
    outputs = outputs.reshape(N_ROWS, N_STEPS, 2)
    for n in range(1, N_STEPS + 1):
        assert_close(outputs[:, n - 1], network(torch.full((N_ROWS,), n), values[:, :n]))


@pytest.mark.parametrize("pooling", [None, *POOLINGS], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_truncation_longer_than_the_sequence_is_full_bptt(cell, pooling):
    """Outputs are always those of one run; gradients too if nothing is truncated."""
    network = make_network(cell=cell, pooling=pooling, num_layers=2)
    lengths, values = make_batch()
    parameters = trained(network)
    expected = network(lengths, values)
    gradients = torch.autograd.grad((expected**2).sum(), parameters)
    for tbptt_steps in (1, 4, N_STEPS, 100):
        outputs = network(lengths, values, tbptt_steps=tbptt_steps)
        assert_close(outputs, expected)
        if tbptt_steps >= N_STEPS:
            assert_close(torch.autograd.grad((outputs**2).sum(), parameters), gradients)


@pytest.mark.parametrize("cell", TORCH)
def test_truncation_cuts_the_gradient(cell):
    """No gradient passes more than `tbptt_steps` back: earlier chunks get none."""
    network = make_network(cell=cell)
    _, values = make_batch()
    values = values.clamp(-1, 1).requires_grad_()
    outputs = network(torch.full((N_ROWS,), N_STEPS), values, tbptt_steps=4)
    (gradient,) = torch.autograd.grad(outputs.sum(), values)
    assert torch.count_nonzero(gradient[:, :8]) == 0
    assert torch.count_nonzero(gradient[:, 8]) > 0


class Forgetful(nn.GRU):
    """A user's cell that ignores the state from which it should continue."""

    def forward(self, x, state=None):
        """Start anew."""
        return super().forward(x)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bidirectional": True}, "bidirectional=True"),
        ({"cell": Forgetful}, "no method step"),
        ({"pooling": "mean"}, "cannot go with pooling='mean'"),
    ],
)
def test_networks_without_steps_raise(changes, message):
    """No state can be carried backwards, or through a cell without `step`."""
    network = make_network(**changes)
    lengths, values = make_batch()
    with pytest.raises(ValueError, match=message):
        network.advance(lengths, values)
    if "pooling" not in changes:
        assert not network.can_step
        with pytest.raises(ValueError, match=message):
            network(lengths, values, tbptt_steps=4)


# --- inputs --------------------------------------------------------------------------------------


def test_codes_are_embedded_and_joined_to_the_values():
    """Each column of codes has its own table; the unknown symbol starts at 0."""
    network = make_network(n_symbols=(5, 3), pooling=None)
    lengths, values = make_batch()
    codes = torch.stack([torch.arange(N_STEPS) % 5, torch.arange(N_STEPS) % 3], dim=1).expand(
        N_ROWS, N_STEPS, 2
    )
    steps = torch.ones(N_ROWS, N_STEPS, dtype=torch.bool)
    x = network.inputs(steps, values, codes)
    first, second = network.inputs.tables
    assert x.shape == (N_ROWS, N_STEPS, 3 + 2 * 4)
    assert torch.equal(x[0, 4], torch.cat([values[0, 4], first[4], second[1]]))
    assert torch.count_nonzero(first[0]) == torch.count_nonzero(second[0]) == 0
    assert network(lengths, values, codes).shape == (lengths.sum(), 2)


def test_codes_alone_are_enough_and_their_padding_is_not_read():
    """Without numbers the network reads codes; padded codes may be anything."""
    network = make_network(n_features=0, n_symbols=(5,), pooling="mean").eval()
    lengths, _ = make_batch()
    codes = torch.ones(N_ROWS, N_STEPS, 1, dtype=torch.int64)
    expected = network(lengths, codes=codes)
    codes[torch.arange(N_STEPS) >= lengths[:, None]] = 10**9
    assert torch.equal(network(lengths, codes=codes), expected)


def test_no_input_is_an_error():
    """A network without values and codes raises an error."""
    with pytest.raises(ValueError, match="needs values, codes or both"):
        make_network()(torch.tensor([1]))


@pytest.mark.parametrize("frame_length", [2, 3])
def test_every_code_of_a_frame_is_embedded(frame_length):
    """A frame of steps is the vectors of its steps, column by column."""
    network = make_network(n_symbols=(5, 3), embedding_dim=(4, 2), frame_length=frame_length)
    codes = torch.randint(0, 3, (N_ROWS, N_STEPS, frame_length, 2), generator=seeded())
    x = network.inputs(None, None, codes.flatten(2))
    first, second = network.inputs.tables
    expected = torch.cat([first[codes[..., 0]].flatten(2), second[codes[..., 1]].flatten(2)], dim=2)
    assert torch.equal(x, expected)


# --- features that do not change in time ---------------------------------------------------------

STATIC = StaticSpec(2, (4, 7), (3, 2))


def seeded():
    """Return a generator for inputs."""
    return torch.Generator().manual_seed(0)


def make_static(n_rows=N_ROWS):
    """Return numbers (rows, 2) and codes (rows, 2)."""
    numbers = torch.randn(n_rows, 2, generator=seeded())
    return {"static": numbers, "static_codes": torch.arange(2 * n_rows).view(n_rows, 2) % 4}


def test_without_static_features_a_network_has_no_part_for_them():
    """The parameters, and their order, are those of the parts that every network has."""
    plain, joined = make_network(), make_network(static=STATIC)
    names = [name for name, _ in joined.named_parameters() if not name.startswith("join.")]
    assert [name for name, _ in plain.named_parameters()] == names
    assert plain.join is None
    assert torch.equal(plain.stack.forwards[0].weight_hh, joined.stack.forwards[0].weight_hh)
    assert plain.width == joined.width


@pytest.mark.parametrize("n_estimators", [1, 2])
@pytest.mark.parametrize("pooling", [None, "last", "attention"], ids=str)
def test_static_features_are_joined_to_their_own_sequence(pooling, n_estimators):
    """Padding, order and other rows change no bit; each block of features counts."""
    network = make_network(pooling=pooling, static=STATIC, n_estimators=n_estimators).eval()
    lengths, values = make_batch()
    static = make_static()

    def outputs(rows, **changed):
        with torch.no_grad():
            own = {name: block[rows] for name, block in (static | changed).items()}
            flat = network(lengths[rows], values[rows], **own)
        return (
            flat
            if pooling
            else torch.cat([part[-1:] for part in flat.split(lengths[rows].tolist())])
        )

    everyone = torch.arange(N_ROWS)
    expected = outputs(everyone)
    order = torch.randperm(N_ROWS, generator=seeded())
    assert torch.equal(outputs(order), expected[order])
    for name, block in static.items():
        changed = outputs(everyone, **{name: block.roll(1, dims=0)})
        assert (changed != expected).any(dim=1).sum() > N_ROWS // 2


@pytest.mark.parametrize("n_rows", [1, 3, 5, 16])
def test_joined_states_do_not_depend_on_their_position(n_rows):
    """Every number has the same bits, wherever vector instructions end."""
    join = make_network(hidden_size=37, static=STATIC).join.eval()
    hidden, static = torch.randn(64, 37, generator=seeded()), make_static(64)
    everyone = join(hidden, *static.values(), 1)
    for start in range(64 - n_rows):
        rows = slice(start, start + n_rows)
        own = join(hidden[rows], *(block[rows] for block in static.values()), 1)
        assert torch.equal(own, everyone[rows])


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_stepping_with_static_features_equals_forward(n_estimators):
    """Chunks of a sequence are all joined to the features of the sequence."""
    network = make_network(pooling=None, static=STATIC, n_estimators=n_estimators).eval()
    _, values = make_batch()
    values, static = values.clamp(-3, 3), make_static()
    expected = network(None, values, **static).view(N_ROWS, N_STEPS, -1)
    state, parts = None, []
    for chunk in values.split(4, dim=1):
        lengths = torch.full((N_ROWS,), chunk.shape[1])
        outputs, state = network.advance(lengths, chunk, state=state, **static)
        parts.append(outputs.view(N_ROWS, chunk.shape[1], -1))
    assert_close(torch.cat(parts, dim=1), expected)


def test_static_features_may_not_be_left_out():
    """A network that was built with them raises an error."""
    with pytest.raises(ValueError, match="got neither static nor static_codes"):
        make_network(static=STATIC)(*make_batch())


# --- randomness ----------------------------------------------------------------------------------

DROPPING = {"dropout": 0.5, "recurrent_dropout": 0.25, "num_layers": 2}


@pytest.mark.parametrize("pooling", [None, "attention"], ids=str)
@pytest.mark.parametrize("cell", [*CELLS, nn.GRU])
def test_seed_decides_training(cell, pooling):
    """Equal seeds train to equal bits; the global generators of torch and numpy are unused."""
    torch_state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    changes = {**DROPPING, "cell": cell, "pooling": pooling, "n_symbols": (4,)}
    changes["recurrent_dropout"] = 0.25 if cell in WITH_MATRICES else 0.0
    lengths, values = make_batch()
    codes = torch.ones(N_ROWS, N_STEPS, 1, dtype=torch.int64)
    trained = []
    for seed in (0, 0, 1):
        network = make_network(seed, **changes)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            (network(lengths, values, codes) ** 2).mean().backward()
            optimizer.step()
        trained.append(list(network.parameters()))
    assert_equal_rows(trained[0], trained[1])
    assert not all(torch.equal(a, b) for a, b in zip(trained[0], trained[2], strict=True))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002


def test_dropout_stream_starts_again_when_seeded():
    """`seed_dropout` seeds every dropout layer."""
    network = make_network(**DROPPING)
    lengths, values = make_batch()
    results = []
    for _ in range(2):
        network.seed_dropout(torch_generator(3, "dropout"))
        results.append(network(lengths, values))
    assert torch.equal(*results)
    assert not torch.equal(results[0], network(lengths, values))
    assert all(m.generator is not None for m in network.modules() if isinstance(m, Dropout))


@pytest.mark.parametrize(
    ("cell", "changes"),
    [(cell, {"dropout": 0.5}) for cell in CELLS]
    + [(cell, {"recurrent_dropout": 0.5}) for cell in WITH_MATRICES],
    ids=str,
)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_dropout_acts_in_training_only(cell, num_layers, changes):
    """Each kind of dropout changes training, on a single layer too, and nothing in evaluation."""
    shape = {"cell": cell, "num_layers": num_layers}
    plain, dropping = make_network(**shape), make_network(**shape, **changes)
    lengths, values = make_batch()
    assert not torch.allclose(plain(lengths, values), dropping(lengths, values))
    assert torch.equal(plain.eval()(lengths, values), dropping.eval()(lengths, values))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_dropout_is_between_layers_and_before_the_head(bidirectional, monkeypatch):
    """Three layers draw a mask in each of the two gaps, and one on the features."""
    widths = []
    draw = Dropout.mask
    monkeypatch.setattr(Dropout, "mask", lambda self, x: widths.append(x.shape) or draw(self, x))
    network = make_network(num_layers=3, dropout=0.5, bidirectional=bidirectional)
    network(*make_batch())
    width = 10 if bidirectional else 5
    assert widths == [(N_ROWS, N_STEPS, width)] * 2 + [(N_ROWS, width)]


SYMBOLS = {"n_features": 0, "n_symbols": (50,), "pooling": "mean"}


def test_symbols_are_dropped_in_training_only():
    """A quarter of the codes becomes 0; the others, and all in evaluation, are as given."""
    layer = make_network(**SYMBOLS, unknown_rate=0.25).inputs.unknown
    codes = torch.randint(1, 50, (100, 30, 1), generator=torch.Generator().manual_seed(0))
    dropped = layer(codes)
    assert dropped.dtype == codes.dtype
    assert torch.equal(dropped[dropped > 0], codes[dropped > 0])
    assert 0.2 < (dropped == 0).to(torch.float32).mean() < 0.3
    assert not torch.equal(dropped, layer(codes))
    assert torch.equal(layer.eval()(codes), codes)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_unknown_symbol_is_learnt_if_symbols_are_dropped(rate):
    """Its vector has a gradient in training, and evaluation does not depend on the rate."""
    network, plain = make_network(**SYMBOLS, unknown_rate=rate), make_network(**SYMBOLS)
    codes = torch.arange(1, 46).reshape(3, 15, 1)
    network(None, codes=codes).sum().backward()
    assert bool(network.inputs.tables[0].grad[0].any()) == (rate > 0)
    assert torch.equal(network.eval()(None, codes=codes), plain.eval()(None, codes=codes))


# --- the module ----------------------------------------------------------------------------------


def count_parameters(**changes):
    """Return the number of parameters of a network."""
    return sum(parameter.numel() for parameter in make_network(**changes).parameters())


def test_number_of_parameters():
    """Gates and the positions of a context add parameters."""
    assert count_parameters(cell="rnn") < count_parameters(cell="gru")
    assert count_parameters(cell="gru") < count_parameters(cell="lstm")
    grown = [count_parameters(cell=FeedForward(context_size=n)) for n in (1, 2, 3)]
    assert grown[2] - grown[1] == grown[1] - grown[0] == 2 * 5 * 5 + 5


@pytest.mark.parametrize("cell", CELLS)
def test_network_is_a_plain_module(cell):
    """Deep copies and state dicts keep every output; only parameters are state."""
    network = make_network(
        cell=cell, bidirectional=True, pooling="attention", n_symbols=(4,)
    ).eval()
    lengths, values = make_batch()
    codes = torch.ones(N_ROWS, N_STEPS, 1, dtype=torch.int64)
    other = make_network(
        1, cell=cell, bidirectional=True, pooling="attention", n_symbols=(4,)
    ).eval()
    other.load_state_dict(network.state_dict())
    expected = network(lengths, values, codes)
    for twin in (copy.deepcopy(network), other):
        assert torch.equal(twin(lengths, values, codes), expected)
    assert network.state_dict().keys() == dict(network.named_parameters()).keys()


def test_spec_takes_numpy_scalars():
    """The numpy scalars of a grid are converted to Python's."""
    converted = NetworkSpec(
        n_features=np.int64(3),
        n_symbols=np.array([4]),
        n_outputs=np.int32(2),
        cell=FeedForward(context_size=np.int64(2)),
        hidden_size=np.int64(5),
        num_layers=np.int64(2),
        bidirectional=np.bool_(True),
        merge_mode=np.str_("sum"),
        pooling=np.str_("mean"),
        dropout=np.float32(0.5),
        recurrent_dropout=np.float64(0.25),
        embedding_dim=np.int64(3),
    )
    network = build_network(converted, np.int64(0))
    lengths, values = make_batch()
    codes = torch.ones(N_ROWS, N_STEPS, 1, dtype=torch.int64)
    assert network(lengths, values, codes).shape == (N_ROWS, 2)
    assert type(converted.hidden_size) is int
    assert type(converted.bidirectional) is bool
    assert type(converted.dropout) is float
    assert converted.n_symbols == (4,)


@pytest.mark.parametrize("pooling", [None, "mean"], ids=str)
def test_custom_cell_in_a_stack(pooling):
    """Torch's own class, with two layers and two directions, obeys the laws of padding."""
    network = make_network(cell=nn.GRU, num_layers=2, bidirectional=True, pooling=pooling).eval()
    lengths, values = make_batch()
    expected = per_row(network, lengths, values)
    longer = torch.cat([values, torch.full((N_ROWS, 4, 3), 1e9)], dim=1)
    for ours, theirs in zip(per_row(network, lengths, longer), expected, strict=True):
        assert_close(ours, theirs, tol=1e-6)
