"""Construction of nets from a blueprint, and from the arrays that a pickle holds.

Pickles have no objects of torch or skorch: weights and the state of the optimizer are arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sksequence._blueprint import Blueprint, Codec
from sksequence._losses import loss_of
from sksequence._modules import build_network, fill_embedding
from sksequence._net._augmenting import augmentations_in, callbacks_of_skorch
from sksequence._net._optimizer import SCHEDULES, optimizer_options, without_compiler
from sksequence._net._out_of_memory import check_size, memory_errors, n_weights, network_advice
from sksequence._net._progress_report import ProgressReport
from sksequence._net._ranks import Ranks
from sksequence._net._sequence_net import RowLoss, SequenceNet
from sksequence._random import torch_generator
from sksequence._settings import EmbeddingVectors, NetworkSpec, TrainingSettings
from sksequence._threads import one_thread

Arrays = dict[str, Any]
_DAMAGED = "The file is damaged or was changed: load another copy of it, or fit again."


def best_device() -> str:
    """Return the device for "auto": the first available one of cuda, mps and cpu."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_device(device: str) -> str:
    """Return the device to train on; raise a ValueError if it is not available."""
    if device == "auto":
        return best_device()
    try:
        torch.zeros(1, device=device).item()  # "meta" has tensors, but no values
    except (AssertionError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device={device!r} is not available here ({reason}). Set device='auto' or 'cpu'; "
            "a GPU is 'cuda' or, on a Mac, 'mps'."
        ) from error
    return device


def available_device(device: str) -> str:
    """Return the device, or the best available one if the model was trained on another machine."""
    try:
        return check_device(device)
    except ValueError:
        return best_device()


def new_net(
    blueprint: Blueprint[Codec],
    training: TrainingSettings,
    vectors: EmbeddingVectors | None = None,
) -> SequenceNet:
    """Build a net with newly drawn weights and pre-trained vectors, ready to be trained."""
    device = check_device(training.device)
    check_size(blueprint.spec)
    with memory_errors(partial(network_advice, blueprint.spec)):
        net = _bare_net(blueprint, training, device)
        if vectors is not None:
            fill_embedding(net.module, vectors)
        net.initialize()
    _seed_dropout(net, blueprint.seed)
    return net


def restored_net(
    blueprint: Blueprint[Codec], training: TrainingSettings, arrays: Arrays
) -> SequenceNet:
    """Build a net from arrays, ready to predict.

    If the arrays hold the optimizer's state, the net is also ready to continue training. A
    ValueError is raised if they are not those of this network.
    """
    check_amount(blueprint.spec, arrays["weights"])
    net = _bare_net(blueprint, training, available_device(training.device))
    with one_thread():
        load_weights(net.module, arrays["weights"])
        if "optimizer" in arrays:
            net.initialize()
            load_optimizer(net, arrays["optimizer"])
        else:
            net.initialize_for_prediction()
    _seed_dropout(net, blueprint.seed)
    if "dropout" in arrays:
        net.dropout_generator_.set_state(torch.from_numpy(np.array(arrays["dropout"])))
    return net


def check_amount(spec: NetworkSpec, weights: Arrays) -> None:
    """Raise a ValueError, before anything is built, if a network is larger than its weights.

    The number of weights is a lower bound.
    """
    total = sum(array.size for array in weights.values())
    # in this order: the sizes of very many layers would fill the memory
    if spec.num_layers > len(weights) or _is_larger(spec, total):
        network = network_advice(spec).partition(". ")[0]
        raise ValueError(
            f"The weights do not fit the parameters: {network}, but there are {len(weights)} "
            f"arrays of {total} numbers. {_DAMAGED}"
        )


def _is_larger(spec: NetworkSpec, total: int) -> bool:
    """Check whether a network has more weights than `total`, or a size without any."""
    sizes = (*spec.hidden_sizes, spec.num_layers, spec.n_outputs, spec.n_estimators)
    static = 0 if spec.static is None else spec.static.width * spec.hidden_sizes[-1]
    return min(sizes) < 1 or n_weights(spec) + static > total


def net_arrays(net: SequenceNet) -> Arrays:
    """Return the arrays for `restored_net`: weights and, during training, its state."""
    arrays: Arrays = {"weights": weights_of(net.module_)}
    if net.is_training_:
        arrays["optimizer"] = optimizer_arrays(net)
        arrays["dropout"] = net.dropout_generator_.get_state().cpu().numpy()
    return arrays


def _bare_net(blueprint: Blueprint[Codec], training: TrainingSettings, device: str) -> SequenceNet:
    spec, loss = blueprint.spec, loss_of(blueprint.loss)
    optimizer, options = optimizer_options(training.optimizer, float(training.weight_decay))
    callbacks = [
        *callbacks_of_skorch(training.callbacks),
        *([ProgressReport(shows_batches=training.verbose > 1)] if training.verbose else []),
    ]
    options_of_loss = blueprint.loss_options
    function = partial(loss.function, **options_of_loss)
    log_scales = cast("Sequence[float] | None", options_of_loss.get("log_scales"))
    # the rounding of an orthogonal matrix depends on the number of threads
    with one_thread():
        network = build_network(spec, blueprint.seed)
    return SequenceNet(
        module=network,
        criterion=RowLoss(
            function,
            spec.n_estimators,
            is_summed=loss.is_summed,
            log_scales=log_scales,
        ),
        optimizer=optimizer,
        lr=float(training.learning_rate),
        max_epochs=1 if training.is_single_pass else blueprint.max_epochs,
        batch_size=blueprint.batch_size,
        callbacks=callbacks,
        verbose=int(training.verbose),
        device=device,
        tbptt_steps=blueprint.frames.network_steps(training.tbptt_steps),
        max_grad_norm=training.max_grad_norm,
        schedule=None if training.lr_schedule is None else SCHEDULES[training.lr_schedule],
        per_step=blueprint.per_step,
        n_networks=spec.n_estimators,
        augmentations=augmentations_in(training.callbacks),
        **{f"optimizer__{name}": value for name, value in options.items()},
    )


def train_on(net: SequenceNet, ranks: Ranks) -> None:
    """Let a net train on several processes, each of which drops units of its own."""
    ranks.check_device(net.device)
    net.ranks_ = ranks
    net.is_watched_by_any_ = ranks.any(net.is_watched)
    if ranks.size > 1:
        # the same number on all ranks: their nets stay alike, and so do pickles
        generator = net.dropout_generator_
        draw = torch.randint(1 << 31, (1,), generator=generator, device=generator.device)
        stream = torch_generator(int(draw), f"dropout {ranks.rank}", net.device)
        net.module_.seed_dropout(stream)


def _seed_dropout(net: SequenceNet, seed: int) -> None:
    net.dropout_generator_ = torch_generator(seed, "dropout", net.device)
    net.module_.seed_dropout(net.dropout_generator_)


def weights_of(network: nn.Module) -> Arrays:
    """Return the network's weights as arrays."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}


def load_weights(network: nn.Module, weights: Arrays) -> None:
    """Set the network's weights from arrays, bit for bit; raise a ValueError if they do not fit."""
    expected = {name: _form(tensor) for name, tensor in weights_of(network).items()}
    found = {name: _form(array) for name, array in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"The weights do not fit the parameters: {name} should be "
                f"{expected.get(name, 'absent')} and is {found.get(name, 'absent')}. {_DAMAGED}"
            )
    network.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in weights.items()})


def _form(array: NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"


def optimizer_arrays(net: SequenceNet) -> Arrays:
    """Return the optimizer's state as nested dicts of arrays."""
    with without_compiler():
        return {"state": to_arrays(net.optimizer_.state_dict()["state"])}


def load_optimizer(net: SequenceNet, arrays: Arrays) -> None:
    """Set the optimizer's state from arrays; its settings are those of the net."""
    with without_compiler():
        groups = net.optimizer_.state_dict()["param_groups"]
        state = {"state": to_tensors(arrays["state"]), "param_groups": groups}
        net.optimizer_.load_state_dict(state)


def to_arrays(state: Any) -> Any:
    """Return nested containers with arrays for tensors, whose memory they share on a CPU."""
    if isinstance(state, dict):
        return {key: to_arrays(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(map(to_arrays, state))
    return state.detach().cpu().numpy() if isinstance(state, torch.Tensor) else state


def to_tensors(state: Any) -> Any:
    """Return nested containers with tensors that are copies for arrays."""
    if isinstance(state, dict):
        return {key: to_tensors(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(map(to_tensors, state))
    return torch.from_numpy(np.array(state)) if isinstance(state, np.ndarray) else state
