"""Nets made from a plan, trained or restored: the doors of this room."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch.callbacks import PrintLog

from sksequence._batching import PreparedSequences
from sksequence._losses import LOSSES
from sksequence._modules import NetworkSpec, build_network
from sksequence._net._inference import run_network
from sksequence._net._net import RowLoss, SequenceNet
from sksequence._net._optimization import OPTIMIZERS, SCHEDULES
from sksequence._net._state import (
    Arrays,
    load_optimizer,
    load_weights,
    optimizer_arrays,
    weights_of,
)
from sksequence._random import torch_generator
from sksequence._threads import limited_threads


@dataclass(frozen=True)
class NetPlan:
    """All that a net is made from; see the estimators for the parameters."""

    spec: NetworkSpec
    loss: str
    loss_options: dict[str, Any]
    seed: int
    per_step: bool
    optimizer: str
    learning_rate: float
    lr_schedule: str | None
    weight_decay: float
    max_grad_norm: float | None
    tbptt_steps: int | None
    max_epochs: int
    batch_size: int
    callbacks: tuple[Any, ...]
    device: str
    verbose: int


def best_device() -> str:
    """Choose the device for "auto": cuda, mps, cpu, the first one there is."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_device(device: str) -> str:
    """Return a device that can be trained on; raise a ValueError if it is not here."""
    if device == "auto":
        return best_device()
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device={device!r} is not available here ({reason}). Set device='auto' or 'cpu'."
        ) from error
    return device


def available_device(device: str) -> str:
    """Return the device, or the best one there is: a model trained elsewhere runs here."""
    try:
        return check_device(device)
    except ValueError:
        return best_device()


def new_net(plan: NetPlan) -> SequenceNet:
    """Build a net with fresh weights, ready to be trained."""
    net = _bare_net(plan, check_device(plan.device))
    net.initialize()
    _seed_dropout(net, plan.seed)
    return net


def restored_net(plan: NetPlan, arrays: Arrays) -> SequenceNet:
    """Build a net from arrays: ready to predict, and to go on training if they hold an optimizer's state."""
    net = _bare_net(plan, available_device(plan.device))
    load_weights(net.module, arrays["weights"])
    if "optimizer" in arrays:
        net.initialize()
        load_optimizer(net, arrays["optimizer"])
    else:
        net.initialize_for_prediction()
    _seed_dropout(net, plan.seed)
    if "dropout" in arrays:
        net.dropout_generator_.set_state(torch.from_numpy(np.array(arrays["dropout"])))
    return net


def net_arrays(net: SequenceNet) -> Arrays:
    """Return what `restored_net` needs: weights, and the state of training where there is one."""
    arrays: Arrays = {"weights": weights_of(net.module_)}
    if net.is_training_:
        arrays["optimizer"] = optimizer_arrays(net)
        arrays["dropout"] = net.dropout_generator_.get_state().cpu().numpy()
    return arrays


def _bare_net(plan: NetPlan, device: str) -> SequenceNet:
    optimizer, options = OPTIMIZERS[plan.optimizer]
    callbacks = list(plan.callbacks) + ([PrintLog()] if plan.verbose else [])
    with limited_threads(1, 1):  # an orthogonal matrix is rounded by the number of threads
        network = build_network(plan.spec, plan.seed)
    return SequenceNet(
        module=network,
        criterion=RowLoss(partial(LOSSES[plan.loss], **plan.loss_options), plan.spec.n_estimators),
        optimizer=optimizer,
        lr=float(plan.learning_rate),
        max_epochs=int(plan.max_epochs),
        batch_size=int(plan.batch_size),
        callbacks=callbacks,
        verbose=plan.verbose,
        device=device,
        tbptt_steps=None if plan.tbptt_steps is None else int(plan.tbptt_steps),
        max_grad_norm=plan.max_grad_norm,
        schedule=None if plan.lr_schedule is None else SCHEDULES[plan.lr_schedule],
        per_step=plan.per_step,
        n_networks=plan.spec.n_estimators,
        optimizer__weight_decay=float(plan.weight_decay),
        **{f"optimizer__{name}": value for name, value in options.items()},
    )


def _seed_dropout(net: SequenceNet, seed: int) -> None:
    net.dropout_generator_ = torch_generator(seed, "dropout", net.device)
    net.module_.seed_dropout(net.dropout_generator_)


def network_outputs(net: SequenceNet, prepared: PreparedSequences) -> Any:
    """Return the head's outputs, one row a sequence or a step."""
    return run_network(net.module_, net.module_.forward, prepared, per_step=net.per_step)


def network_features(net: SequenceNet, prepared: PreparedSequences) -> Any:
    """Return what the head reads, one row a sequence or a step."""
    return run_network(net.module_, net.module_.features, prepared, per_step=net.per_step)
