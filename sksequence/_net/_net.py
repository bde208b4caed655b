"""skorch's training loop, bent to sequences: the one place that inherits from it.

Batches come as `(inputs, (targets, weights))`; a loss is one number a row, weighted and divided by the number of
sequences in the batch. Knows nothing of estimators, labels or where batches come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

import torch
from skorch import NeuralNet
from skorch.callbacks import PrintLog
from torch import Tensor, nn

from sksequence._batching import Batch, BatchIterator, cut_chunks, on_device
from sksequence._decoding import select_rows
from sksequence._net._clipping import clip_gradients
from sksequence._net._compiler import take_step, without_compiler
from sksequence._net._inference import network_inputs
from sksequence._net._memory import batch_advice, memory_errors

Inputs = dict[str, Tensor]


class RowLoss(nn.Module):
    """A loss function that gives one number a row, as the module that skorch asks for.

    Of several networks side by side it is the mean, but has the gradient of the sum: each learns as if it were alone.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], n_networks: int = 1) -> None:
        super().__init__()
        self.function = function
        self.n_networks = n_networks

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return losses of shape (n_rows,)."""
        if self.n_networks == 1:
            return self.function(outputs, targets)
        parts = outputs.chunk(self.n_networks, dim=1)
        total = torch.stack([self.function(part, targets) for part in parts]).sum(dim=0)
        return total - total.detach() * (1.0 - 1.0 / self.n_networks)


class SequenceNet(NeuralNet):
    """skorch's net without its own split, shuffling, default callbacks and row of history per batch.

    Parameters
    ----------
    *args, **kwargs
        skorch's.
    tbptt_steps : int, default=None
        Cut backpropagation through time every so many steps.
    max_grad_norm : float, default=None
        Gradients are clipped to this norm.
    schedule : callable, default=None
        Factor of the learning rate as a function of the progress of training, in [0, 1).
    per_step : bool, default=False
        Whether there is one target a step.
    n_networks : int, default=1
        How many networks the module has side by side; the gradient of each is clipped by itself.
    """

    def __init__(
        self,
        *args: Any,
        tbptt_steps: int | None = None,
        max_grad_norm: float | None = None,
        schedule: Callable[[float], float] | None = None,
        per_step: bool = False,
        n_networks: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            *args,
            **{
                "iterator_train": BatchIterator,
                "iterator_valid": BatchIterator,
                "train_split": None,
            }
            | kwargs,
        )
        self.tbptt_steps = tbptt_steps
        self.max_grad_norm = max_grad_norm
        self.schedule = schedule
        self.per_step = per_step
        self.n_networks = n_networks
        self.forget_gradients()
        self.epoch_parts_ = (0.0, 1.0)

    def initialize_for_prediction(self) -> SequenceNet:
        """Initialise all but the optimizer: who only predicts need not pay for it."""
        self._initialize_virtual_params()
        self._initialize_callbacks()
        self._initialize_module()
        self._initialize_criterion()
        self._initialize_history()
        self.initialized_ = True
        return self

    def initialize_to_train(self) -> SequenceNet:
        """Add a fresh optimizer to a net that has none."""
        if not self.is_training_:
            self._initialize_optimizer()
        return self

    def _set_training(self, training: bool = True) -> None:
        """Switch modes only where they change: the switch walks through all modules."""
        if self.module_.training != training:
            super()._set_training(training)

    def end_training(self) -> None:
        """Drop what only training needs."""
        if self.is_training_:
            del self.optimizer_
        self.forget_gradients()
        self.train_split = None
        self.module_.zero_grad(set_to_none=True)

    def forget_gradients(self) -> None:
        """Begin a new mean of the norms of gradients."""
        self.gradient_norm_sum_: Tensor | float = 0.0
        self.n_gradients_ = 0

    @property
    def is_training_(self) -> bool:
        """Whether training could go on where it stopped."""
        return "optimizer_" in vars(self)

    @property
    def _default_callbacks(self) -> list[Any]:
        return []

    def infer(self, x: Inputs, **fit_params: Any) -> Tensor:
        """Run the module; truncate backpropagation while training towards one target a sequence."""
        inputs = network_inputs(x, self.device)
        if self.tbptt_steps is not None and self.module_.training:
            inputs["tbptt_steps"] = self.tbptt_steps
        return cast(Tensor, self.module_(**inputs))

    def get_loss(
        self, y_pred: Tensor, y_true: tuple[Tensor, Tensor], X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the weighted sum of the losses over the number of sequences."""
        return self._weighted_sum(y_pred, y_true, 1.0 / len(X["lengths"]))

    def _weighted_sum(self, outputs: Tensor, y: tuple[Tensor, Tensor], factor: float) -> Tensor:
        targets, weights = (on_device(part, self.device) for part in y)
        # one node of the graph: a product, a sum and a quotient take longer than the losses themselves
        return torch.dot(self.criterion_(outputs, targets), weights * factor)

    def on_grad_computed(
        self, net: NeuralNet, named_parameters: Iterable[Any], *args: Any, **kwargs: Any
    ) -> None:
        """Clip before any callback sees the gradients, and keep the norm that there was."""
        self._clip()

    def _clip(self) -> None:
        parameters = self._trained  # those of one network after those of the other
        size = len(parameters) // self.n_networks
        for start in range(0, len(parameters), size):
            gradients = [p.grad for p in parameters[start : start + size] if p.grad is not None]
            norm = clip_gradients(gradients, self.max_grad_norm)
            # a sum, as a norm kept from each batch would lie between the large tensors and splinter the memory
            self.gradient_norm_sum_ = self.gradient_norm_sum_ + norm
            self.n_gradients_ += 1

    @property
    def _trained(self) -> list[Tensor]:
        return [p for group in self.optimizer_.param_groups for p in group["params"]]

    @property
    def _is_watched(self) -> bool:
        """Whether callbacks of the user's follow each batch; the one that prints looks at epochs only."""
        return any(not isinstance(callback, PrintLog) for _, callback in self.callbacks_)

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> SequenceNet:
        """Build the optimizer, without torch's compiler."""
        with without_compiler():
            super().initialize_optimizer(triggered_directly)
        return self

    def _zero_grad_optimizer(self, set_to_none: bool | None = None) -> None:
        for parameter in self._trained:
            parameter.grad = None

    def _step_optimizer(self, step_fn: Callable[[], Any] | None) -> None:
        take_step(self.optimizer_, step_fn)

    def train_step(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        """Take one optimizer step, or one a chunk where targets are per step and backpropagation is truncated."""
        if self.tbptt_steps is not None and self.per_step:
            return self._train_in_chunks(batch, self.tbptt_steps)
        if self._is_watched:
            return dict(super().train_step(batch, **fit_params))
        self._zero_grad_optimizer()
        step = self.train_step_single(batch, **fit_params)
        self._clip()
        self._step_optimizer(None)
        return dict(step)

    def _train_in_chunks(self, batch: Batch, n_steps: int) -> dict[str, Any]:
        self._set_training(True)
        lengths = batch[0]["lengths"]
        # a chunk holds a part of each sequence's targets: without the factor, short chunks would mean short steps
        factor = max(1.0, float(lengths.double().mean()) / n_steps) / len(lengths)
        total = torch.zeros((), device=self.device)
        state = None
        n_chunks = math.ceil(int(lengths.max()) / n_steps)
        for i, chunk in enumerate(cut_chunks(batch, n_steps)):
            self._follow_schedule(i / n_chunks)
            if state is not None:
                with torch.no_grad():  # cut off from the graph of the chunk before
                    state = select_rows(state, chunk.kept.to(self.device))
            outputs, state, loss = self._train_on_chunk(chunk.batch, state, factor)
            total += loss.detach() / (factor * len(lengths))
        return {"loss": total, "y_pred": outputs}

    def _train_on_chunk(
        self, batch: Batch, state: Any, factor: float
    ) -> tuple[Tensor, Any, Tensor]:
        inputs = {name: block.to(self.device) for name, block in batch[0].items()}
        self._zero_grad_optimizer()
        outputs, state = self.module_.advance(**inputs, state=state)
        loss = self._weighted_sum(outputs, batch[1], factor)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._is_watched:
            named = list(self.module_.named_parameters())
            self.notify("on_grad_computed", named_parameters=named, batch=batch, training=True)
        else:
            self._clip()
        self._step_optimizer(None)
        return outputs.detach(), state, loss

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Run over all batches; the loss is read from the device once, and hooks run where there are any."""
        if iterator is None:
            return
        run = partial(self._run_watched, prefix, training, step_fn) if self._is_watched else step_fn
        total = torch.zeros((), device=self.device)
        n_sequences, n_batches = 0, len(iterator)
        with memory_errors(partial(batch_advice, iterator, self.per_step)):
            for i, batch in enumerate(iterator):
                if training:
                    self.epoch_parts_ = (i / n_batches, (i + 1) / n_batches)
                    self._follow_schedule(0.0)
                n_rows = len(batch[0]["lengths"])
                total.add_(run(batch, **fit_params)["loss"].detach(), alpha=n_rows)
                n_sequences += n_rows
        self.history.record(f"{prefix}_loss", float(total) / n_sequences)

    def _run_watched(
        self, prefix: str, training: bool, step_fn: Any, batch: Batch, **fit_params: Any
    ) -> dict[str, Any]:
        """Run a batch between the hooks of callbacks, and keep a row of history that they may read."""
        self.notify("on_batch_begin", batch=batch, training=training)
        step: dict[str, Any] = step_fn(batch, **fit_params)
        self.history.record_batch(f"{prefix}_loss", step["loss"].item())
        self.history.record_batch(f"{prefix}_batch_size", len(batch[0]["lengths"]))
        # skorch's scores join the targets of all batches: weights would be in their way
        targets = (batch[0], batch[1][0])
        self.notify("on_batch_end", batch=targets, training=training, **step)
        return step

    def _follow_schedule(self, part_of_batch: float) -> None:
        """Set the learning rate; a batch of long streams is many steps, so its parts count."""
        if self.schedule is None:
            return
        begin, end = self.epoch_parts_
        part_of_epoch = begin + (end - begin) * part_of_batch
        progress = (len(self.history) - 1 + part_of_epoch) / self.max_epochs
        for group in self.optimizer_.param_groups:
            group["lr"] = self.lr * self.schedule(progress)
