"""The compiled time loops against torch's, over sizes, lengths and directions of use."""

import errno
import os
import pickle
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sksequence import RNNClassifier, _kernels
from sksequence._cells import build_layer
from sksequence._modules import build_network
from sksequence._settings import NetworkSpec
from sksequence._threads import limited_threads, n_loop_threads
from tests.helpers import cell_with, run_in_fork

NAMES = (
    "_autograd",
    "_cache",
    "_compiled",
    "_gru",
    "_loop_parts",
    "_lstm",
    "_rnn",
    "_tiles",
    "_vectors",
)
(
    _autograd,
    _cache,
    _compiled,
    _gru,
    _loop_parts,
    _lstm,
    _rnn,
    _tiles,
    _vectors,
) = (pytest.importorskip(f"sksequence._kernels.{name}", exc_type=ImportError) for name in NAMES)
_tiles_add_product, _compiled_tanh = _tiles.add_product, _compiled.tanh
_tiles_add_row_product = _tiles.add_row_product
_load, _store = _vectors.load, _vectors.store
numba, global_compiler_lock = _cache.numba, _compiled.global_compiler_lock

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@pytest.fixture(autouse=True)
def with_numba(monkeypatch):
    """Use the compiled loops, whatever the rest of the run does."""
    monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", True)


def make_layer(cell, activation, input_size, hidden_size, seed):
    """Return a layer with weights large enough for its activations to be nonlinear."""
    generator = torch.Generator().manual_seed(seed)
    layer = build_layer(cell_with(cell, activation), input_size, hidden_size, 0.0, generator)
    with torch.no_grad():
        for weight in layer.parameters():
            weight += 0.2 * torch.randn(weight.shape, generator=generator)
    return layer


def run_both(monkeypatch, layer, x, lengths, states):
    """Return outputs, last state and all gradients, from the compiled loops and from torch's."""
    results = []
    for has_numba in (True, False):
        monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba)
        inputs = [part.clone().requires_grad_() for part in (x, *states)]
        outputs, last = layer(inputs[0], lengths, tuple(inputs[1:]))
        steps = torch.arange(x.shape[1]) < lengths[:, None]
        kept = torch.where(steps[:, :, None], outputs, 0.0)
        loss = (kept * torch.cos(torch.arange(kept.numel()).view_as(kept))).sum()
        loss = loss + sum(part.square().sum() for part in last)
        gradients = torch.autograd.grad(loss, [*inputs, *layer.parameters()])
        results.append([kept.detach(), *(part.detach() for part in last), *gradients])
    return zip(*results, strict=True)


CASES = [("lstm", "tanh"), ("gru", "tanh"), ("rnn", "tanh"), ("rnn", "relu"), ("rnn", "sigmoid")]


@pytest.fixture
def marked_memory(monkeypatch):
    """Fill new memory with NaN, which shows numbers that are read before they are written."""
    for module in (_gru, _lstm, _rnn):
        monkeypatch.setattr(module, "empty_block", lambda *shape: torch.full(shape, torch.nan))


@pytest.mark.usefixtures("marked_memory")
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("cell", "activation"), CASES)
def test_compiled_loops_equal_torch(monkeypatch, cell, activation, seed):
    """Outputs, last states and gradients agree to 1e-5, for sizes 1 to 33 and ragged lengths."""
    rng = np.random.default_rng(seed)
    n_rows, n_steps, n_features, size = rng.integers(1, 34, 4).tolist()
    n_steps = n_steps if seed else 1
    layer = make_layer(cell, activation, n_features, size, seed)
    if activation == "relu":  # keep a growing state in the range where rounding is small
        with torch.no_grad():
            layer.weight_hh *= 0.5
    x = torch.from_numpy(rng.normal(size=(n_rows, n_steps, n_features)).astype(np.float32))
    lengths = torch.from_numpy(rng.integers(0, n_steps + 1, n_rows))
    lengths[0] = n_steps
    states = torch.from_numpy(rng.normal(size=(layer.n_states, n_rows, size)).astype(np.float32))
    for ours, theirs in run_both(monkeypatch, layer, x, lengths, states):
        scale = max(float(theirs.abs().max()), 1e-2)  # smaller gradients should be 0
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("marked_memory")
@pytest.mark.parametrize("is_ragged", [True, False])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("cell", "activation"), CASES)
def test_both_directions_equal_torch(monkeypatch, cell, activation, seed, is_ragged):
    """Two bidirectional layers agree to 1e-5 in outputs and in every gradient."""
    rng = np.random.default_rng(seed)
    n_rows, n_steps, n_features, size = rng.integers(1, 34, 4).tolist()
    spec = NetworkSpec(
        n_features=n_features,
        n_symbols=(),
        n_outputs=3,
        cell=cell_with(cell, activation),
        hidden_size=size,
        num_layers=2,
        bidirectional=True,
        merge_mode="concat",
        pooling="mean",
        dropout=0.0,
        recurrent_dropout=0.0,
        embedding_dim=4,
    )
    x = torch.from_numpy(rng.normal(size=(n_rows, n_steps, n_features)).astype(np.float32))
    lengths = torch.from_numpy(rng.integers(1, n_steps + 1, n_rows)) if is_ragged else None
    if is_ragged:
        lengths[0] = n_steps
    results = []
    for has_numba in (True, False):
        monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba)
        network, values = build_network(spec, seed), x.clone().requires_grad_()
        outputs = network(lengths, values)
        gradients = torch.autograd.grad(
            outputs.square().sum(), [values, *network.parameters()], allow_unused=True
        )
        results.append([outputs.detach(), *(g for g in gradients if g is not None)])
    for ours, theirs in zip(*results, strict=True):
        scale = max(float(theirs.abs().max()), 1e-2)  # smaller gradients should be 0
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_steps", [1, _autograd._MANY // 6 + 1])
def test_memory_is_float32_in_the_requested_shape(n_steps):
    """Small and large blocks come from different allocators; torch may write to both."""
    block = _autograd.empty_block(2, n_steps, 3)
    assert block.shape == (2, n_steps, 3)
    assert block.dtype == torch.float32
    assert block.is_contiguous()
    assert (block.fill_(1.0) == 1.0).all()


def test_scratch_is_small_and_belongs_to_its_thread():
    """A thread reuses its own memory, and not that of another; large blocks are not kept."""
    first, again = (_autograd.scratch_block(n, 3, 16) for n in (2, 4))
    assert again.shape == (4, 3, 16)
    assert first.data_ptr() == again.data_ptr()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(_autograd.scratch_block, 2).result().data_ptr() != first.data_ptr()
    large = [_autograd.scratch_block(_autograd.IN_CACHE + 1) for _ in range(2)]
    assert len({first.data_ptr(), *(block.data_ptr() for block in large)}) == 3


LOOPS = (_compiled, _loop_parts, _gru, _lstm, _rnn)


def interpreted(monkeypatch, module):
    """Replace the compiled functions of a module by the Python that they were compiled from."""
    for name, function in list(vars(module).items()):
        if hasattr(function, "py_func"):
            monkeypatch.setattr(module, name, function.py_func)


@pytest.mark.parametrize(("cell", "activation"), CASES)
def test_compiled_loops_equal_their_source(monkeypatch, cell, activation):
    """The loops give the same results in the interpreter: the source is the specification."""
    layer = make_layer(cell, activation, 2, 6, 0)
    x = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([3, 1, 2, 0, 3])
    results = []
    for as_source in (False, True):
        if as_source:
            for module in LOOPS:
                interpreted(monkeypatch, module)
        inputs = x.clone().requires_grad_()
        outputs, _ = layer(inputs, lengths, None)
        gradients = torch.autograd.grad((outputs**2).sum(), [inputs, *layer.parameters()])
        results.append([outputs.detach(), *gradients])
    for compiled, source in zip(*results, strict=True):
        torch.testing.assert_close(compiled, source, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_second_backward_raises(cell):
    """Second derivatives raise an error instead of being wrong."""
    layer = make_layer(cell, "tanh", 3, 16, 0)
    x = torch.ones(2, 4, 3, requires_grad=True)
    outputs, _ = layer(x, None, None)
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.autograd.grad(outputs.sum(), x, create_graph=True)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_double_precision_is_left_to_torch(cell):
    """Layers in float64 run through torch and stay in float64."""
    layer = make_layer(cell, "tanh", 3, 16, 0).double()
    outputs, _ = layer(torch.ones(2, 4, 3, dtype=torch.float64), None, None)
    assert outputs.dtype == torch.float64
    assert not _kernels.is_fast(outputs, 16)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_nan_stays_nan(cell):
    """A diverged weight shows in the outputs: clamping must not hide it."""
    layer = make_layer(cell, "tanh", 3, 16, 0)
    with torch.no_grad():
        layer.weight_ih[0, 0] = torch.nan
    outputs, _ = layer(torch.ones(2, 4, 3), None, None)
    assert outputs.isnan().any()


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_a_row_has_the_same_bits_anywhere(cell):
    """A row has the same bits alone and at any position of a batch."""
    layer = make_layer(cell, "tanh", 3, 20, 0)
    x = torch.randn(37, 9, 3, generator=torch.Generator().manual_seed(1))
    lengths = torch.full((37,), 9)
    with torch.inference_mode():
        whole, _ = layer(x.repeat_interleave(16, 0), lengths.repeat_interleave(16), None)
        for i in (0, 5, 36):
            alone, _ = layer(x[[i] * 16], lengths[:16], None)
            assert torch.equal(alone, whole[16 * i : 16 * (i + 1)])


def test_estimators_agree_with_and_without(monkeypatch):
    """A fit through the compiled loops predicts what a fit through torch does."""
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(3, 9, 40)]
    y = np.array([x[:, 0].mean() > 0 for x in X])
    proba = []
    for has_numba in (True, False):
        monkeypatch.setattr(_kernels._dispatch, "HAS_NUMBA", has_numba)
        model = RNNClassifier("gru", 16, max_epochs=3, random_state=0).fit(X, y)
        proba.append(model.predict_proba(X))
    np.testing.assert_allclose(*proba, atol=1e-4)


@contextmanager
def shards(n):
    """Distribute the rows of compiled loops over n threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        with limited_threads(512, 512, compiled=True):
            assert torch.get_num_threads() == 1
            assert n_loop_threads() == n
            yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def two_threads():
    """Distribute rows over two threads during a test."""
    with shards(2):
        yield


PIECES = [slice(0, 32), slice(32, 64)]


@given(n_rows=st.integers(0, 200), n_shards=st.integers(1, 9))
def test_shards_are_all_rows_in_whole_blocks(n_rows, n_shards):
    """Each row is in one slice; slices begin at blocks; none is empty if there are rows."""
    cut = _autograd.cut_rows(n_rows, n_shards)
    rows = np.arange(n_rows)
    np.testing.assert_array_equal(np.concatenate([rows[shard] for shard in cut]), rows)
    assert len(cut) <= n_shards
    assert all(shard.start % _tiles.BLOCK == 0 for shard in cut)
    assert n_rows == 0 or all(len(rows[shard]) for shard in cut)


@pytest.mark.parametrize(("cell", "activation"), CASES[:4])
def test_threads_change_no_result(monkeypatch, two_threads, cell, activation):
    """Two threads give torch's outputs and gradients, ragged lengths included."""
    layer = make_layer(cell, activation, 3, 17, seed=0)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(21, 9, 3, generator=generator)
    lengths = torch.randint(1, 10, (21,), generator=generator)
    states = torch.randn(layer.n_states, 21, 17, generator=generator)
    for ours, theirs in run_both(monkeypatch, layer, x, lengths, states):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("sizes", [(64, 9, 16, 16), (37, 5, 3, 33), (8, 3, 1, 7), (70, 3, 2, 96)])
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn", "mgu"])
def test_results_are_the_same_on_any_number_of_threads(cell, sizes):
    """Outputs and gradients have the same bits on one to three threads."""
    n_rows, n_steps, n_features, size = sizes
    layer = make_layer(cell, "tanh", n_features, size, seed=0)
    x = torch.randn(n_rows, n_steps, n_features, generator=torch.Generator().manual_seed(1))
    results = []
    for n in (1, 2, 3):
        with shards(n):
            inputs = x.clone().requires_grad_()
            outputs = layer(inputs, None, None)[0]
            gradients = torch.autograd.grad(outputs.square().sum(), [inputs, *layer.parameters()])
            results.append([outputs, *gradients])
    for one, two, three in zip(*results, strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)


@pytest.mark.parametrize("n_shards", [2, 3])
def test_a_time_loop_has_the_same_bits_in_shards(n_shards):
    """The bits of a row do not depend on the other rows of its shard."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(37, 5, 3)).astype(np.float32)
    panels = _tiles.in_panels(torch.from_numpy(generator.normal(size=(51, 48)).astype(np.float32)))
    fixed = False, panels, np.ones(48, np.float32)
    start = np.zeros((37, 48), np.float32)
    lengths = generator.integers(1, 6, size=37)
    whole, shared = np.empty((37, 5, 48), np.float32), np.empty((37, 5, 48), np.float32)
    _rnn.forward_loop(*fixed, x, start, lengths, whole)
    for rows in _autograd.cut_rows(37, n_shards):
        _rnn.forward_loop(*fixed, x[rows], start[rows], lengths[rows], shared[rows])
    np.testing.assert_array_equal(shared, whole)


@given(start=st.integers(0, 99), n_rows=st.integers(0, 99), row_size=st.integers(1, 1 << 20))
def test_pieces_are_all_rows_of_a_shard(start, n_rows, row_size):
    """Pieces are consecutive, of whole blocks but the last, and fit or are one block."""
    pieces = _autograd.cut_pieces(slice(start, start + n_rows), row_size)
    rows = [row for piece in pieces for row in range(piece.start, piece.stop)]
    assert rows == list(range(start, start + n_rows))
    for piece in pieces:
        size = piece.stop - piece.start
        assert size <= _tiles.BLOCK or size * row_size <= _autograd.IN_CACHE
        assert piece is pieces[-1] or size % _tiles.BLOCK == 0


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn", "mgu"])
def test_pieces_change_no_output(monkeypatch, cell):
    """Outputs have the same bits in one piece and in many; gradients agree to rounding."""
    monkeypatch.setattr(_autograd, "benefits_from_threads", lambda *sizes: True)
    layer = make_layer(cell, "tanh", 3, 17, seed=0)
    x = torch.randn(70, 6, 3, generator=torch.Generator().manual_seed(1))
    lengths = torch.randint(1, 7, (70,), generator=torch.Generator().manual_seed(2))
    results = []
    for is_cut in (False, True):
        monkeypatch.setattr(_autograd, "IN_CACHE", 1 if is_cut else 1 << 20)
        monkeypatch.setattr(
            _autograd, "benefits_from_threads", lambda *sizes, is_cut=is_cut: is_cut
        )
        outputs, _ = layer(x, lengths, None)
        results.append([outputs, *torch.autograd.grad(outputs.sum(), list(layer.parameters()))])
    assert torch.equal(results[0][0], results[1][0])
    for whole, added in zip(*results, strict=True):
        torch.testing.assert_close(whole, added, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_a_retained_graph_can_be_run_backward_again(cell):
    """A second backward pass of the same graph gives the same bits."""
    layer = make_layer(cell, "tanh", 3, 16, seed=0)
    outputs, states = layer(torch.ones(5, 4, 3), torch.tensor([4, 2, 0, 4, 1]), None)
    loss = outputs.square().sum() + sum(state.sum() for state in states)
    weights = list(layer.parameters())
    first = torch.autograd.grad(loss, weights, retain_graph=True)
    again = torch.autograd.grad(loss, weights)
    assert all(map(torch.equal, first, again))


@pytest.mark.parametrize(("n_rows", "depth", "width"), [(1, 1, 1), (9, 5, 33), (32, 40, 64)])
def test_tiles_add_a_product(n_rows, depth, width):
    """The sums are those of numpy's product plus the previous content, compiled or not."""
    generator = np.random.default_rng(0)
    rows, columns = _tiles.padded_rows(n_rows), _tiles.padded_columns(width)
    a = generator.normal(size=(rows, depth + 3)).astype(np.float32)
    b = generator.normal(size=(depth, width)).astype(np.float32)
    before = generator.normal(size=(rows, columns)).astype(np.float32)
    panels = _tiles.in_panels(torch.from_numpy(b))
    for add in (_compiled_product, _tiles.add_product):
        out = before.copy()
        add(out, a, panels, n_rows)
        expected = before[:n_rows, :width] + a[:n_rows, :depth] @ b
        np.testing.assert_allclose(out[:n_rows, :width], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("n_rows", "depth", "width"), [(1, 8, 200), (9, 5, 33), (32, 40, 64)])
def test_tiles_set_a_product(n_rows, depth, width):
    """A product from a bias on has the bits of a product that is added to rows of the bias."""
    generator = np.random.default_rng(0)
    rows, columns = _tiles.padded_rows(n_rows), _tiles.padded_columns(width)
    a = generator.normal(size=(rows, depth + 3)).astype(np.float32)
    panels = _tiles.in_panels(torch.from_numpy(generator.normal(size=(depth, width))).float())
    bias = _tiles.in_columns(torch.from_numpy(generator.normal(size=width)).float())
    added = np.tile(bias[:columns], (rows, 1))
    _compiled_product(added, a, panels, n_rows)
    for set_product in (_compiled_set_product, _tiles.set_product):
        out = np.full((rows, columns), np.nan, np.float32)
        set_product(out, a, panels, bias, n_rows)
        np.testing.assert_allclose(out[:n_rows], added[:n_rows], rtol=1e-5, atol=1e-5)
        if set_product is _compiled_set_product and not os.environ.get("NUMBA_DISABLE_JIT"):
            np.testing.assert_array_equal(out[:n_rows], added[:n_rows])


@pytest.mark.parametrize("has_sums", [False, True])
@pytest.mark.parametrize(("depth", "n_rows", "n_columns"), [(1, 1, 1), (9, 5, 33), (200, 40, 64)])
def test_tiles_add_an_outer_product(depth, n_rows, n_columns, has_sums):
    """The sums over rows are those of numpy's product plus the previous content."""
    generator = np.random.default_rng(0)
    rows, columns = _tiles.padded_rows(n_rows), _tiles.padded_columns(n_columns)
    left = generator.normal(size=(depth + 2, rows + 3)).astype(np.float32)
    right = generator.normal(size=(depth + 2, columns + 3)).astype(np.float32)
    before = generator.normal(size=(rows + 1, columns + 5)).astype(np.float32)
    expected = before[:n_rows, :n_columns] + left[:depth, :n_rows].T @ right[:depth, :n_columns]
    last = before[-1, :n_columns] + has_sums * right[:depth, :n_columns].sum(0)
    plain, with_sums = _tiles.add_outer, _tiles.add_outer_and_sums
    for add in (_compiled_sums, with_sums) if has_sums else (_compiled_outer, plain):
        out = before.copy()
        add(out, left, right, n_rows, n_columns, depth)
        np.testing.assert_allclose(out[:n_rows, :n_columns], expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(out[-1, :n_columns], last, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(out[:, columns:], before[:, columns:])


_tiles_add_outer, _tiles_add_sums = _tiles.add_outer, _tiles.add_outer_and_sums
_tiles_set_product = _tiles.set_product


@_compiled.compiled
def _compiled_outer(out, left, right, n_rows, n_columns, depth):
    _tiles_add_outer(out, left, right, n_rows, n_columns, depth)


@_compiled.compiled
def _compiled_sums(out, left, right, n_rows, n_columns, depth):
    _tiles_add_sums(out, left, right, n_rows, n_columns, depth)


@_compiled.compiled
def _compiled_set_product(out, a, panels, bias, n_rows):
    _tiles_set_product(out, a, panels, bias, n_rows)


@_compiled.compiled
def _compiled_product(out, a, panels, n_rows):
    _tiles_add_product(out, a, panels, n_rows)


@pytest.mark.parametrize(("depth", "width"), [(1, 1), (7, 33), (48, 96), (64, 128), (33, 200)])
def test_a_product_of_one_row_is_that_row_of_the_whole(depth, width):
    """A product of one row has the bits of the whole product if compiled, else the same sums."""
    generator = np.random.default_rng(0)
    a = generator.normal(size=(8, depth)).astype(np.float32)
    panels = _tiles.in_panels(torch.from_numpy(generator.normal(size=(depth, width))).float())
    shape = (8, _tiles.padded_columns(width))
    together = generator.normal(size=shape).astype(np.float32)
    alone, interpreted = together.copy(), together.copy()
    _compiled_product(together, a, panels, 8)
    for row in range(8):
        _compiled_row(alone, a, panels, row)
        _tiles_add_row_product(interpreted, a, panels, row)
    if not os.environ.get("NUMBA_DISABLE_JIT"):
        np.testing.assert_array_equal(alone, together)
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(interpreted, together, rtol=1e-5, atol=1e-5)


@_compiled.compiled
def _compiled_row(out, a, panels, row):
    _tiles_add_row_product(out, a, panels, row)


@pytest.mark.parametrize("x", [-1e30, -9.0, -0.3, 0.0, 1e-30, 0.7, 8.0, np.inf, -np.inf, np.nan])
def test_gates_of_vectors_are_those_of_numbers(x):
    """Tanh and sigmoid of a vector, a number and torch agree; NaN stays NaN."""
    number = np.float32(x)
    block = np.full((1, _vectors.LANES), number)
    _bend(block)
    expected = torch.tensor([number, number]).tanh().numpy()
    np.testing.assert_allclose(block[0, :2], expected, rtol=1e-6)
    np.testing.assert_allclose(_compiled.tanh(number), expected[0], rtol=1e-6)
    np.testing.assert_allclose(
        _compiled.sigmoid(number), torch.tensor(number).sigmoid().item(), rtol=1e-5, atol=1e-6
    )


@_compiled.compiled
def _bend(block):
    _store(block, (0, 0), _compiled_tanh(_load(block, (0, 0))))


def test_shards_predict_without_a_graph(two_threads):
    """The inference mode of the caller also holds in the other threads."""
    layer = make_layer("gru", "tanh", 3, 5, seed=0)
    with torch.inference_mode():
        outputs = layer(torch.zeros(32, 4, 3), None, None)[0]
    assert outputs.is_inference()


def test_shards_flush_subnormals_to_zero(two_threads):
    """The caller's treatment of subnormal numbers also holds in the other threads."""
    numbers = torch.full((64,), 1e-40)
    products = torch.ones(64)
    _autograd.in_shards(lambda rows: products[rows].copy_(numbers[rows] * 1.0), PIECES)
    expected = float(torch.tensor(1e-40) * 1.0)  # 0 where the processor can
    assert (products == expected).all()


def test_small_layers_run_on_one_thread():
    """Small layers run on one thread, where a second one would cost more than it saves."""
    with limited_threads(32, 32, compiled=True):
        assert n_loop_threads() == 1
    assert n_loop_threads() == 1


def test_a_failure_in_a_shard_is_raised(two_threads):
    """An error in another thread is raised in the caller."""

    def loop(rows):
        if rows.start:
            raise ValueError("second shard")

    with pytest.raises(ValueError, match="second shard"):
        _autograd.in_shards(loop, PIECES)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a platform without fork")
def test_a_forked_child_makes_threads_of_its_own(two_threads):
    """A forked child does not wait for the threads of the parent's pool, which it does not have."""
    seen = []

    def work():
        _autograd.in_shards(seen.append, PIECES)
        assert len(seen) == 4

    _autograd.in_shards(seen.append, PIECES)
    run_in_fork(work)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a platform without fork")
def test_a_forked_child_can_compile():
    """A process is forked when no other thread compiles: the child would wait for its lock."""
    holds = threading.Event()

    def compile_for_a_while():
        with global_compiler_lock:
            holds.set()
            time.sleep(0.5)

    other = threading.Thread(target=compile_for_a_while)
    other.start()
    holds.wait(10)
    run_in_fork(lambda: global_compiler_lock.acquire(), seconds=10)
    other.join(10)


# --- cache of compiled functions -----------------------------------------------------------------


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Return the folder of an empty cache; no warning has been given yet."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_cache, "_has_warned", False)
    return tmp_path


def files_of(folder):
    """Return all files in a folder and those below."""
    return [path for path in folder.rglob("*") if path.is_file()]


def plus_one(x):
    """Add one."""
    return x + 1


def call_compiled():
    """Compile a function, or load it from the cache, and return how often it was loaded."""
    compiled = _compiled.compiled(plus_one)
    assert compiled(1) == 2
    return sum(compiled.stats.cache_hits.values())


def test_compiled_functions_are_cached(folder):
    """The second process loads what the first one has compiled."""
    assert call_compiled() == 0
    assert len(files_of(folder)) == 1
    assert call_compiled() == 1


DAMAGES = {
    "empty": lambda content: b"",
    "first bytes": lambda content: content[:100],
    "last byte missing": lambda content: content[:-1],
    "one bit": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
    "digest": lambda content: content[:32] + bytes(32) + content[64:],
    "another pickle": lambda content: content[:64] + pickle.dumps("something else"),
    "no digest": lambda content: content[64:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_files_are_replaced(folder, damage):
    """A function is compiled anew, with one warning, and its file is written again."""
    call_compiled()
    (path,) = files_of(folder)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(RuntimeWarning, match="The cache of compiled functions cannot be used"):
        assert call_compiled() == 0
    assert call_compiled() == 1


def test_files_of_other_users_are_not_loaded(monkeypatch, folder):
    """A file that another user could have written is not believed, however valid."""
    call_compiled()
    monkeypatch.setattr(_cache, "_trusted_owners", set)
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        assert call_compiled() == 0


def test_other_versions_are_compiled_anew(monkeypatch, folder):
    """A change in any file of the kernels makes the cache void, without a warning."""
    call_compiled()
    monkeypatch.setattr(_cache, "_sources", lambda: b"changed")
    assert call_compiled() == 0
    assert call_compiled() == 1
    assert len(files_of(folder)) == 1


def test_sources_are_all_files_of_the_kernels(monkeypatch, tmp_path):
    """The digest of the sources changes with a file that was added or changed."""
    monkeypatch.setattr(_cache, "_FOLDER", tmp_path)
    digests = set()
    for content in ("", "a = 1", "a = 2"):
        (tmp_path / "_a.py").write_text(content)
        digests.add(_cache._sources.__wrapped__())
    (tmp_path / "_b.py").write_text("")
    digests.add(_cache._sources.__wrapped__())
    assert len(digests) == 4


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EFBIG])
def test_a_cache_that_cannot_be_written(monkeypatch, folder, error):
    """On a full or read-only disk functions are compiled, with one warning in all."""

    def fail(*args):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.warns(RuntimeWarning, match=re.escape(os.strerror(error))) as caught:
        assert call_compiled() == call_compiled() == 0
    assert len(caught) == 1
    assert not files_of(folder)


def test_no_place_for_a_cache(monkeypatch, folder):
    """Without any folder that can be written, functions are compiled in each process."""

    def fail(self):
        raise PermissionError("read-only")

    monkeypatch.setattr(numba.core.caching._CacheLocator, "ensure_cache_path", fail)
    with pytest.warns(RuntimeWarning, match="read-only"):
        assert call_compiled() == 0


def test_a_read_only_cache_is_read(monkeypatch, folder):
    """A cache that was filled before its folder became read-only is used without a warning."""
    monkeypatch.setattr(_cache._AsInstalled, "get_cache_path", lambda self: str(folder))
    monkeypatch.setattr(_cache._Places, "_locator_classes", (_cache._AsInstalled,))
    call_compiled()

    def fail(self):
        raise PermissionError("read-only")

    monkeypatch.setattr(numba.core.caching._CacheLocator, "ensure_cache_path", fail)
    assert call_compiled() == 1


def test_a_cache_can_be_emptied(folder):
    """Numba's method to forget a function deletes its files."""
    call_compiled()

    _cache.CheckedCache(plus_one).flush()
    assert not files_of(folder)
