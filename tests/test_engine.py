"""The engine around a step: hooks for who follows, torch's optimizers without its compiler, clipping, limits."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, LRScheduler
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from sksequence import RNNClassifier
from sksequence._batching import PreparedSequences
from sksequence._net import OPTIMIZERS, _compiler
from sksequence._net._clipping import clip_gradients
from sksequence._net._compiler import take_step, without_compiler
from sksequence._threads import limited_threads

RANDOM = np.random.RandomState(0)
X = list(RANDOM.randn(40, 12, 4).astype(np.float32))
Y = np.array([int(x[:, 0].sum() > 0) for x in X])
STEPS = [(x[:, 1] > 0).astype(int) for x in X]


def make(cell="gru", **parameters):
    """Return a small classifier."""
    parameters = {
        "hidden_size": 8,
        "max_epochs": 3,
        "batch_size": 20,
        "random_state": 0,
    } | parameters
    return RNNClassifier(cell, **parameters)


def weights(estimator):
    """Return all weights of a fitted estimator as one array."""
    return np.concatenate([p.detach().numpy().ravel() for p in estimator.module_.parameters()])


def run_in_child(code):
    """Run code in a process of its own; it must end well."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# --- hooks ------------------------------------------------------------------------------------------------------------


class Recorder(Callback):
    """Write down the hooks that are called, and the names of what they are given."""

    def initialize(self):
        """Forget what was written down."""
        self.calls = []
        return self

    def _note(name):
        def hook(self, net, *args, **kwargs):
            self.calls.append((name, len(args), sorted(kwargs)))

        return hook

    on_train_begin, on_train_end = _note("on_train_begin"), _note("on_train_end")
    on_epoch_begin, on_epoch_end = _note("on_epoch_begin"), _note("on_epoch_end")
    on_batch_begin, on_batch_end = _note("on_batch_begin"), _note("on_batch_end")
    on_grad_computed = _note("on_grad_computed")


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(
    ("y", "options"),
    [
        (Y, {}),
        (Y, {"tbptt_steps": 5}),
        (Y, {"early_stopping": True, "lr_schedule": "cosine", "dropout": 0.2}),
        (STEPS, {"max_grad_norm": None}),
        (STEPS, {"tbptt_steps": 5, "optimizer": "rmsprop"}),
    ],
)
def test_who_follows_changes_nothing(cell, y, options):
    """The loop without hooks leaves the same bits behind as the loop with them."""
    alone = make(cell, **options).fit(X, y)
    followed = make(cell, callbacks=[Callback()], **options).fit(X, y)
    assert np.array_equal(weights(alone), weights(followed))
    assert alone.loss_curve_ == followed.loss_curve_
    assert alone.gradient_norm_curve_ == followed.gradient_norm_curve_


def test_hooks_are_those_of_skorch():
    """The same calls in the same order with the same arguments as in a net of skorch's own."""
    own = Recorder()
    net = NeuralNet(
        nn.Linear(4, 1), nn.MSELoss, callbacks=[own], max_epochs=3, batch_size=20,
        train_split=None, verbose=0,
    )  # fmt: skip
    net.fit(torch.zeros(40, 4), torch.zeros(40, 1))
    ours = Recorder()
    make(callbacks=[ours]).fit(X, Y)
    assert ours.calls == own.calls


def test_rows_of_history_are_for_those_who_follow():
    """A callback finds loss and size of each batch; without one there are no rows, with `verbose` neither."""
    followed = make(callbacks=[Callback()], verbose=0).fit(X, Y).net_.history
    assert followed[:, "batches", :, "train_batch_size"] == [[20, 20]] * 3
    mean = np.mean(followed[:, "batches", :, "train_loss"], axis=1)
    assert mean == pytest.approx(followed[:, "train_loss"], rel=1e-5)
    assert all(row["batches"] == [] for row in make().fit(X, Y).net_.history)


def test_verbose_prints_and_follows_no_batch(capsys):
    """The table of epochs needs no hooks on batches."""
    history = make(verbose=1).fit(X, Y).net_.history
    assert capsys.readouterr().out.count("\n") >= 3
    assert all(row["batches"] == [] for row in history)


def test_results_are_read_once_an_epoch(monkeypatch):
    """The number of questions to the device does not grow with the number of batches."""
    counts = []
    for name in ("item", "__float__", "__bool__"):
        monkeypatch.setattr(torch.Tensor, name, _counted(getattr(torch.Tensor, name), counts))
    for batch_size in (20, 2):
        counts.append(0)
        make(batch_size=batch_size).fit(X, Y)
    assert counts[0] == counts[1] > 0


def _counted(method, counts):
    def counted(self):
        counts[-1] += 1
        return method(self)

    return counted


# --- optimizers -------------------------------------------------------------------------------------------------------


def make_parameters():
    """Return parameters with gradients, the same ones at each call."""
    generator = torch.Generator().manual_seed(0)
    parameters = [
        nn.Parameter(torch.randn(shape, generator=generator)) for shape in [(8, 3), (8,), (1,)]
    ]
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return parameters


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_without_the_compiler_are_torchs(name):
    """Weights and state after some steps are bit for bit those that torch's own way leads to."""
    kind, options = OPTIMIZERS[name]
    ours, theirs = make_parameters(), make_parameters()
    with without_compiler():
        optimizer = kind(ours, lr=0.1, weight_decay=0.1, **options)
    reference = kind(theirs, lr=0.1, weight_decay=0.1, **options)
    assert _compiler._bare_step(kind) is not None
    for _ in range(3):
        take_step(optimizer)
        reference.step()
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine, other)
        assert optimizer.state[mine].keys() == reference.state[other].keys()
        for key, value in reference.state[other].items():
            assert value is optimizer.state[mine][key] is None or torch.equal(
                value, optimizer.state[mine][key]
            )
    assert take_step(optimizer, lambda: torch.ones(()).requires_grad_() * 2).requires_grad


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize("options", [{}, {"amsgrad": True}, {"maximize": True}, {"fused": False}])
def test_steps_of_adam_are_torchs(kind, options):
    """Several groups, rates that change and gradients that are missing, at first or later, lead to torch's bits."""
    both = []
    for step in (take_step, lambda optimizer: optimizer.step()):
        parameters = make_parameters()
        last = parameters[-1]
        groups = [
            {"params": parameters[:1], "lr": 0.3, "weight_decay": 0.2},
            {"params": parameters[1:]},
        ]
        optimizer = kind(groups, **{"lr": 0.1, "fused": True} | options)
        gradient, last.grad = last.grad, None
        for i in range(4):
            if i == 2:
                last.grad, parameters[0].grad = gradient, None
            step(optimizer)
            optimizer.param_groups[1]["lr"] *= 0.5
        both.append((parameters, optimizer.state))
    for mine, other in zip(both[0][0], both[1][0], strict=True):
        assert torch.equal(mine, other)
        for name, value in both[1][1][other].items():
            assert torch.equal(both[0][1][mine][name], value)


def test_hooks_on_steps_are_called():
    """Who hooks into an optimizer's steps is served, on one optimizer and on all."""
    optimizer = torch.optim.SGD(make_parameters(), lr=0.1)
    calls = []
    optimizer.register_step_post_hook(lambda *_: calls.append("one"))
    take_step(optimizer)
    handle = register_optimizer_step_pre_hook(lambda *_: calls.append("all"))
    take_step(torch.optim.SGD(make_parameters(), lr=0.1))
    handle.remove()
    take_step(torch.optim.SGD(make_parameters(), lr=0.1))
    assert calls == ["one", "all"]


def test_schedulers_of_callbacks_see_the_steps():
    """Schedulers of torch wrap the step of their optimizer: no warning that they came first, and their rates count."""
    rates = []

    class Rates(Callback):
        def on_batch_begin(self, net, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(
            learning_rate=0.1, lr_schedule=None, batch_size=40, callbacks=[scheduler, Rates()]
        ).fit(X, Y)
    assert rates == [0.1, 0.05, 0.025]


def test_other_optimizers_step_in_their_own_way():
    """A class from elsewhere is asked for its own step."""

    class Own(torch.optim.SGD):
        def step(self, closure=None):
            return "mine"

    assert take_step(Own(make_parameters(), lr=0.1)) == "mine"


def test_unknown_internals_are_left_alone(monkeypatch):
    """Where torch looks different, nothing is touched and optimizers are built all the same."""
    monkeypatch.setattr(_compiler, "_METHODS", ("no_such_method", "step", "__init__"))
    with without_compiler():
        optimizer = torch.optim.Adam(make_parameters())
    assert take_step(optimizer) is None


FRESH = """
import pickle, sys
import numpy as np
from torch.optim import Optimizer
from skorch.callbacks import Callback
from sksequence import RNNClassifier
from sksequence._net import OPTIMIZERS
X, y = np.random.RandomState(0).randn(20, 5, 2), np.arange(20) % 2
for name in OPTIMIZERS:
    RNNClassifier("lstm", 4, optimizer=name, max_epochs=2, callbacks=[Callback()]).fit(X, y)
estimator = RNNClassifier("rnn", 4).partial_fit(X, y, classes=[0, 1])
pickle.loads(pickle.dumps(estimator)).partial_fit(X, y).predict(X)
for module in ("torch._dynamo", "torch.fx.experimental.symbolic_shapes"):
    assert module not in sys.modules, module
for name in ("add_param_group", "state_dict", "load_state_dict"):
    assert not hasattr(getattr(Optimizer, name).__wrapped__, "__dynamo_disable")
"""


def test_a_fit_imports_no_compiler():
    """Neither a fit nor what follows it imports the compiler, and torch is left as it was."""
    run_in_child(FRESH)


# --- clipping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [None, 1e-3, 2.0, 1e6])
def test_clipping_is_torchs(limit):
    """The norm and the gradients are bit for bit those of torch's function."""
    ours, theirs = make_parameters(), make_parameters()
    norm = clip_gradients([p.grad for p in ours], limit)
    bound = float("inf") if limit is None else limit
    assert torch.equal(norm, nn.utils.clip_grad_norm_(theirs, bound))
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(ours, theirs, strict=True))


# --- memory -----------------------------------------------------------------------------------------------------------

FAILURES = [
    (
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 3221225472 bytes."),
        "could not get 3 GiB of memory",
    ),
    (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has less."),
        "could not get 20 GiB of memory",
    ),
    (
        MemoryError("Unable to allocate 7.11 PiB for an array with shape (1000000000000000,)"),
        "could not get 7.11 PiB of memory",
    ),
    (MemoryError(), "could not get memory"),
]  # fmt: skip


@pytest.mark.parametrize(("failure", "words"), FAILURES)
def test_out_of_memory_tells_what_to_change(failure, words, monkeypatch):
    """Size, batch and parameter are in the message, and the model before stays whole."""
    estimator = make().fit(X, Y)
    before = weights(estimator)

    def fail(*args):
        raise failure

    monkeypatch.setattr(PreparedSequences, "gather", fail)
    training = rf"{words}: batches are up to 20 sequences x 12 steps. Set batch_size \(it is 20\)"
    with pytest.raises(MemoryError, match=f"{training}.* frame_length"):
        estimator.fit(X, Y)
    with pytest.raises(MemoryError, match=f"{training}.* tbptt_steps"):
        make().fit(X, STEPS)
    with pytest.raises(MemoryError, match=f"{words}: the longest of these sequences has 12 steps"):
        estimator.predict(X)
    assert np.array_equal(weights(estimator), before)


def test_other_errors_are_not_about_memory(monkeypatch):
    """They come through as they are."""

    def fail(*args):
        raise RuntimeError("something else")

    monkeypatch.setattr(PreparedSequences, "gather", fail)
    with pytest.raises(RuntimeError, match=r"^something else$"):
        make().fit(X, Y)


LIMITED = """
import resource
import numpy as np
import torch
from sksequence import RNNClassifier
torch.set_num_threads(1)
X, y = np.random.RandomState(0).randn(64, 20000, 1).astype(np.float32), np.arange(64) % 2
options = {"hidden_size": 64, "max_epochs": 1, "frame_length": 1, "batch_size": 64}
estimator = RNNClassifier("rnn", **options).fit(X[:, :20], y)
expected = estimator.predict_proba(X[:, :20])
pages = int(open("/proc/self/statm").read().split()[0])
used = pages * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (50 << 20), -1))
for name, act in (("fit", lambda: estimator.fit(X, y)), ("predict", lambda: estimator.predict(X))):
    try:
        act()
    except MemoryError as error:
        message = str(error)
        assert message.startswith("could not get") and "MiB of memory: " in message, message
        assert "20000 steps" in message, message
        assert ("batch_size (it is 64)" in message) == (name == "fit"), message
    else:
        raise AssertionError(name)
assert np.array_equal(estimator.predict_proba(X[:, :20]), expected)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_real_end_of_memory():
    """In a process that may have 50 MB more, fit and predict end with the message and the model works on."""
    run_in_child(LIMITED)


# --- numbers near zero ------------------------------------------------------------------------------------------------


def flushes_subnormals():
    """Tell whether numbers that are too small for full precision are 0 on this thread."""
    return bool((torch.tensor([1e-40]) * 1.0 == 0).item())


FLUSHES = torch.set_flush_denormal(True)
torch.set_flush_denormal(False)


@pytest.mark.skipif(not FLUSHES, reason="a processor that cannot")
@pytest.mark.parametrize("is_set", [False, True])
@pytest.mark.parametrize("size", [1, 4096])
def test_subnormals_are_zero_inside_only(size, is_set):
    """Inside the policy they are 0, outside the caller's setting holds, also after an error."""
    torch.set_flush_denormal(is_set)
    try:
        with limited_threads(size, size):
            assert flushes_subnormals()
        assert flushes_subnormals() == is_set
        with pytest.raises(KeyError), limited_threads(size, size):
            {}["nothing"]
        assert flushes_subnormals() == is_set
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.skipif(not FLUSHES, reason="a processor that cannot")
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_vanishing_gradients_end_in_zeros(cell):
    """Hardly a gradient on its way back is subnormal, where arithmetic is a hundred times slower: without, 166."""
    seen = []

    class Watch(Callback):
        def on_batch_begin(self, net, batch, training):
            batch[0]["values"].requires_grad_()

        def on_batch_end(self, net, batch, training, **kwargs):
            seen.append(batch[0]["values"].grad.abs())

    x = np.random.RandomState(0).randn(4, 800, 1)
    options = {"frame_length": 1, "bidirectional": False, "pooling": "last", "max_epochs": 1}
    make(cell, callbacks=[Watch()], **options).fit(x, [0, 1, 0, 1])
    smallest = torch.finfo(torch.float32).smallest_normal
    (gradient,) = seen
    assert (gradient == 0).any()
    assert (gradient > 0).any()
    assert ((gradient > 0) & (gradient < smallest)).sum() <= 8
    assert not flushes_subnormals()
