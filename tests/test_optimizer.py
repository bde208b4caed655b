"""Optimizer steps: the same bits as torch's, without its compiler; gradient clipping."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from sksequence import RNNClassifier
from sksequence._net import OPTIMIZERS, _optimizer
from sksequence._net._optimizer import clip_gradients, take_step, without_compiler
from tests.helpers import run_in_child

RANDOM = np.random.RandomState(0)
X = list(RANDOM.randn(40, 12, 4).astype(np.float32))
Y = np.array([int(x[:, 0].sum() > 0) for x in X])
make = partial(
    RNNClassifier, cell="gru", hidden_size=8, max_epochs=3, batch_size=20, random_state=0
)


# --- optimizers ----------------------------------------------------------------------------------


def make_parameters():
    """Return parameters with gradients, the same at each call."""
    generator = torch.Generator().manual_seed(0)
    parameters = [
        nn.Parameter(torch.randn(shape, generator=generator)) for shape in [(8, 3), (8,), (1,)]
    ]
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return parameters


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_without_the_compiler_are_torchs(name):
    """Weights and state after some steps have the bits of torch's own steps."""
    kind, options = OPTIMIZERS[name]
    ours, theirs = make_parameters(), make_parameters()
    with without_compiler():
        optimizer = kind(ours, lr=0.1, weight_decay=0.1, **options)
    reference = kind(theirs, lr=0.1, weight_decay=0.1, **options)
    assert _optimizer._bare_step(kind) is not None
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
    """Bits are torch's with several groups, changing rates and missing gradients."""
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
    """Hooks on the steps of one optimizer and of all optimizers are called."""
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
    """Schedulers of torch cause no warning, and their rates are used."""
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
    """The method `step` of a custom optimizer is called."""

    class Own(torch.optim.SGD):
        def step(self, closure=None):
            return "mine"

    assert take_step(Own(make_parameters(), lr=0.1)) == "mine"


def test_unknown_internals_are_left_alone(monkeypatch):
    """If torch has other internals, nothing is changed and optimizers are built as usual."""
    monkeypatch.setattr(_optimizer, "_METHODS", ("no_such_method", "step", "__init__"))
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
    """A fit and continued training do not import torch's compiler, and restore torch."""
    run_in_child(FRESH)


# --- clipping ------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [None, 1e-3, 2.0, 1e6])
def test_clipping_is_torchs(limit):
    """The norm and the gradients have the bits of torch's function."""
    ours, theirs = make_parameters(), make_parameters()
    norm = clip_gradients([p.grad for p in ours], limit)
    bound = float("inf") if limit is None else limit
    assert torch.equal(norm, nn.utils.clip_grad_norm_(theirs, bound))
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(ours, theirs, strict=True))
