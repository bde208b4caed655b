"""The subclass of skorch's net that trains on sequences.

Batches are `(inputs, (targets, weights))`. The loss has one number per row; the numbers are
weighted, summed, and divided by the number of sequences in the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

import torch
from skorch import NeuralNet
from skorch.callbacks import PrintLog
from torch import Tensor, nn

from sksequence._batching import (
    Batch,
    BatchIterator,
    batch_on_device,
    cut_chunks,
    network_inputs,
    on_device,
)
from sksequence._modules import select_rows
from sksequence._net._augmenting import Augmenting
from sksequence._net._many_outputs import backward_in_pieces, is_large, loss_in_pieces
from sksequence._net._optimizer import clip_gradients, take_step, without_compiler
from sksequence._net._out_of_memory import batch_advice, memory_errors
from sksequence._net._progress_report import ProgressReport
from sksequence._net._ranks import ALONE, Ranks
from sksequence._random import torch_generator

Inputs = dict[str, Tensor]


class RowLoss(nn.Module):
    """Loss function with one number per row, as the module that skorch expects.

    For several networks side by side it is the mean, but with the gradient of the sum: each network
    learns as if it were alone.
    """

    def __init__(
        self,
        function: Callable[[Tensor, Tensor], Tensor],
        n_networks: int = 1,
        *,
        is_summed: bool = False,
        log_scales: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.function = function
        self.n_networks = n_networks
        self.is_summed = is_summed
        self.log_scales = log_scales

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return losses of shape (n_rows,)."""
        if self.n_networks == 1:
            return self.function(outputs, targets)
        parts = outputs.chunk(self.n_networks, dim=1)
        total = torch.stack([self.function(part, targets) for part in parts]).sum(dim=0)
        return total - total.detach() * (1.0 - 1.0 / self.n_networks)

    def of_values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each value, as if it were a row of its own; their mean is the row's.

        The shape is (n_rows * n_values,), that of `targets` (n_rows, n_values).
        """
        n_rows, n_values = targets.shape
        parts = outputs.reshape(n_rows, -1, n_values).transpose(1, 2).flatten(0, 1)
        rows = targets.reshape(-1, 1)
        if self.log_scales is not None:  # each value has its own
            scales = targets.new_tensor(self.log_scales).expand(n_values).repeat(n_rows)
            rows = torch.cat([rows, scales[:, None]], dim=1)
        losses = self(parts, rows)
        return cast("Tensor", losses * n_values if self.is_summed else losses)


class SequenceNet(NeuralNet):
    """skorch's net without its split, shuffling, default callbacks and history of batches.

    Parameters
    ----------
    *args, **kwargs
        Parameters of skorch's net.
    tbptt_steps : int, default=None
        Number of steps after which backpropagation through time is truncated.
    max_grad_norm : float, default=None
        Norm to which gradients are clipped.
    schedule : callable, default=None
        Factor of the learning rate as a function of the progress of training, in [0, 1).
    per_step : bool, default=False
        Whether there is one target per step.
    n_networks : int, default=1
        Number of networks that the module holds side by side; the gradient of each is clipped
        separately.
    augmentations : sequence of Augmenting, default=()
        Changes of the batches of training.
    """

    def __init__(
        self,
        *args: Any,
        tbptt_steps: int | None = None,
        max_grad_norm: float | None = None,
        schedule: Callable[[float], float] | None = None,
        per_step: bool = False,
        n_networks: int = 1,
        augmentations: Sequence[Augmenting] = (),
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
        self.augmentations = augmentations
        self.title_ = self.candidate_ = ""  # for messages: of a fit in a search
        self.ranks_: Ranks = ALONE
        self.is_watched_by_any_ = False  # of the ranks, of which one alone may have callbacks
        self.batch_lengths_: Tensor | None = None  # of the whole batch, which ranks share
        self.forget_gradients()
        self.epoch_parts_ = (0.0, 1.0)

    def initialize_for_prediction(self) -> SequenceNet:
        """Initialise all but the optimizer, which predictions do not need."""
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
        """Switch the mode only if it changes: the switch visits all modules."""
        if self.module_.training != training:
            super()._set_training(training)

    def end_training(self) -> None:
        """Drop everything that only training needs."""
        if self.is_training_:
            del self.optimizer_
        self.forget_gradients()
        self.train_split = None
        self.module_.zero_grad(set_to_none=True)

    def forget_gradients(self) -> None:
        """Start a new mean of the gradient norms."""
        self.gradient_norm_sum_: Tensor | float = 0.0
        self.n_gradients_ = 0

    @property
    def is_training_(self) -> bool:
        """Whether training can go on where it stopped."""
        return "optimizer_" in vars(self)

    @property
    def _default_callbacks(self) -> list[Any]:
        return []

    def infer(self, x: Inputs, **fit_params: Any) -> Tensor:
        """Run the module; with one target per sequence, truncate backpropagation in training."""
        return cast("Tensor", self.module_(**self._inputs(x)))

    def _inputs(self, x: Inputs) -> dict[str, Any]:
        inputs = network_inputs(x, self.device)
        if self.tbptt_steps is not None and self.module_.training:
            inputs["tbptt_steps"] = self.tbptt_steps
        return inputs

    def get_loss(
        self, y_pred: Tensor, y_true: tuple[Tensor, Tensor], X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the weighted sum of the losses, divided by the number of sequences."""
        return self._weighted_sum(y_pred, y_true, 1.0 / len(self._lengths(X)))

    def _lengths(self, inputs: Inputs) -> Tensor:
        """Return the lengths of the whole batch."""
        return inputs["lengths"] if self.batch_lengths_ is None else self.batch_lengths_

    def _weighted_sum(self, outputs: Tensor, y: tuple[Tensor, Tensor], factor: float) -> Tensor:
        targets, weights = (on_device(part, self.device) for part in y)
        if weights.ndim == 2:  # some values are missing
            losses = self.criterion_.of_values(outputs, targets)
            return torch.dot(losses, weights.flatten() * factor)
        # one node of the graph: a product, a sum and a quotient would take longer than the losses
        return torch.dot(self.criterion_(outputs, targets), weights * factor)

    def on_grad_computed(
        self, net: NeuralNet, named_parameters: Iterable[Any], *args: Any, **kwargs: Any
    ) -> None:
        """Sum gradients over ranks and clip them before callbacks see them; record their norm."""
        self._clip()

    def _clip(self) -> None:
        parameters = self._trained  # those of the first network come first
        self.ranks_.sum_gradients(parameters)
        size = len(parameters) // self.n_networks
        for start in range(0, len(parameters), size):
            gradients = [p.grad for p in parameters[start : start + size] if p.grad is not None]
            norm = clip_gradients(gradients, self.max_grad_norm)
            # a sum: a norm kept for each batch would fragment the memory between large tensors
            self.gradient_norm_sum_ = self.gradient_norm_sum_ + norm
            self.n_gradients_ += 1

    @property
    def _trained(self) -> list[Tensor]:
        return [p for group in self.optimizer_.param_groups for p in group["params"]]

    @property
    def is_watched(self) -> bool:
        """Whether callbacks follow each batch; those that print one line per epoch do not."""
        return any(not _follows_epochs(callback) for _, callback in self.callbacks_)

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> SequenceNet:
        """Build the optimizer without importing torch's compiler."""
        try:
            with without_compiler():
                super().initialize_optimizer(triggered_directly)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"optimizer={self.optimizer.__qualname__} cannot be built for this network: "
                f"{error}. Choose another optimizer."
            ) from error
        return self

    def _zero_grad_optimizer(self, set_to_none: bool | None = None) -> None:
        for parameter in self._trained:
            parameter.grad = None

    def _step_optimizer(self, step_fn: Callable[[], Any] | None) -> None:
        take_step(self.optimizer_, step_fn)

    def train_step(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        """Take one optimizer step, or one per chunk if backpropagation is truncated per step."""
        if self.tbptt_steps is not None and self.per_step:
            return self._train_in_chunks(batch, self.tbptt_steps)
        if self.is_watched:
            return dict(super().train_step(batch, **fit_params))
        self._zero_grad_optimizer()
        step = self.train_step_single(batch, **fit_params)
        self._clip()
        self._step_optimizer(None)
        return dict(step)

    def train_step_single(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        """Compute loss and gradients."""
        if not is_large(len(batch[1][0]), self.module_):
            return dict(super().train_step_single(batch, **fit_params))
        self._set_training(True)
        features = self.module_.features(**self._inputs(batch[0]))
        loss = self._loss_of_rows(batch, 1.0 / len(self._lengths(batch[0])))
        total, outputs = backward_in_pieces(self.module_, features, loss, keep=self.is_watched)
        return {"loss": total, "y_pred": outputs}

    def validation_step(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss without gradients."""
        if not is_large(len(batch[1][0]), self.module_):
            return dict(super().validation_step(batch, **fit_params))
        self._set_training(False)
        with torch.no_grad():
            features = self.module_.features(**self._inputs(batch[0]))
            loss = self._loss_of_rows(batch, 1.0 / len(self._lengths(batch[0])))
            total, outputs = loss_in_pieces(self.module_, features, loss, keep=self.is_watched)
        return {"loss": total, "y_pred": outputs}

    def _loss_of_rows(self, batch: Batch, factor: float) -> Callable[[Tensor, slice], Tensor]:
        """Return the function from the outputs of some rows to their part of the loss."""
        targets, weights = batch[1]
        return lambda outputs, rows: self._weighted_sum(
            outputs, (targets[rows], weights[rows]), factor
        )

    def _train_in_chunks(self, batch: Batch, n_steps: int) -> dict[str, Any]:
        self._set_training(True)
        lengths = self._lengths(batch[0])
        # a chunk holds a part of the targets of each sequence: without the factor, shorter chunks
        # would take smaller optimizer steps
        factor = max(1.0, float(lengths.double().mean()) / n_steps) / len(lengths)
        total = torch.zeros((), device=self.device)
        state = None
        n_chunks = math.ceil(int(lengths.max()) / n_steps)
        for i, chunk in enumerate(cut_chunks(batch, n_steps)):
            self._follow_schedule(i / n_chunks)
            if state is not None:
                with torch.no_grad():  # detached from the graph of the previous chunk
                    state = select_rows(state, on_device(chunk.kept, self.device))
            outputs, state, loss = self._train_on_chunk(chunk.batch, state, factor)
            total += loss.detach() / (factor * len(lengths))
        return {"loss": total, "y_pred": outputs}

    def _train_on_chunk(
        self, batch: Batch, state: Any, factor: float
    ) -> tuple[Tensor | None, Any, Tensor]:
        inputs = batch_on_device(batch[0], self.device)
        self._zero_grad_optimizer()
        outputs: Tensor | None
        if is_large(len(batch[1][0]), self.module_):
            features, state = self.module_.advance_features(**inputs, state=state)
            rows, keep = self._loss_of_rows(batch, factor), self.is_watched
            loss, outputs = backward_in_pieces(self.module_, features, rows, keep=keep)
        else:
            outputs, state = self.module_.advance(**inputs, state=state)
            loss = self._weighted_sum(outputs, batch[1], factor)
            loss.backward()  # type: ignore[no-untyped-call]
            outputs = outputs.detach()
        if self.is_watched:
            named = list(self.module_.named_parameters())
            self.notify("on_grad_computed", named_parameters=named, batch=batch, training=True)
        else:
            self._clip()
        self._step_optimizer(None)
        return outputs, state, loss

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Run over all batches; the loss is read from the device once per epoch."""
        if iterator is None:
            return
        run: Callable[..., Any] = step_fn
        if self.is_watched or self.is_watched_by_any_:
            run = partial(self._run_watched, prefix, training, step_fn)
        total = torch.zeros((), device=self.device)
        n_sequences, n_batches = 0, len(iterator)
        with memory_errors(partial(batch_advice, iterator, self.per_step)):
            for i, batch in enumerate(iterator):
                if training:
                    self.epoch_parts_ = (i / n_batches, (i + 1) / n_batches)
                    self._follow_schedule(0.0)
                self.batch_lengths_ = iterator.lengths
                n_rows = len(iterator.lengths)
                if training:
                    batch = self._augmented(batch)
                total.add_(run(batch, **fit_params)["loss"].detach(), alpha=n_rows)
                n_sequences += n_rows
        self._record_loss(f"{prefix}_loss", float(self.ranks_.sum(total)) / n_sequences)

    def _augmented(self, batch: Batch) -> Batch:
        """Return a batch of training with its random changes, drawn anew for each."""
        for augmentation in self.augmentations:
            if augmentation.is_active:  # otherwise nothing is drawn, and dropout stays the same
                source = self.dropout_generator_
                seed = torch.randint(1 << 31, (), generator=source, device=source.device)
                # each rank changes its rows in its own way, and draws alike for what follows
                own = torch_generator(int(seed), f"augmentation {self.ranks_.rank}")
                batch = augmentation.augmented(batch, self.module_.spec, own)
                if self.ranks_.size == 1:
                    self.batch_lengths_ = batch[0]["lengths"]
        return batch

    def _record_loss(self, name: str, loss: float) -> None:
        """Record a loss, and for callbacks whether it is the lowest so far."""
        self.history.record(name, loss)
        if self.is_watched:
            earlier = [row[name] for row in self.history.to_list()[:-1] if name in row]
            self.history.record(f"{name}_best", loss < min(earlier, default=math.inf))

    def _run_watched(
        self, prefix: str, training: bool, step_fn: Any, batch: Batch, **fit_params: Any
    ) -> dict[str, Any]:
        """Run a batch between the hooks of callbacks, and record the history that they may read."""
        self.notify("on_batch_begin", batch=batch, training=training)
        step: dict[str, Any] = step_fn(batch, **fit_params)
        self.history.record_batch(f"{prefix}_loss", self.ranks_.sum(step["loss"].detach()).item())
        self.history.record_batch(f"{prefix}_batch_size", len(self._lengths(batch[0])))
        # skorch's scores concatenate the targets of all batches, so weights are left out
        targets = (batch[0], batch[1][0])
        self.notify("on_batch_end", batch=targets, training=training, **step)
        return step

    def _follow_schedule(self, part_of_batch: float) -> None:
        """Set the learning rate, between the chunks of a batch too: long streams have many."""
        if self.schedule is None:
            return
        begin, end = self.epoch_parts_
        part_of_epoch = begin + (end - begin) * part_of_batch
        progress = (len(self.history) - 1 + part_of_epoch) / self.max_epochs
        for group in self.optimizer_.param_groups:
            group["lr"] = self.lr * self.schedule(progress)


def _follows_epochs(callback: Any) -> bool:
    if isinstance(callback, ProgressReport):
        return not callback.shows_batches
    return isinstance(callback, PrintLog)
