"""skorch's training loop, bent to sequences: the one place that inherits from it.

Batches come as `(inputs, (targets, weights))`; a loss is one number a row, weighted and divided by the number of
sequences in the batch. Knows nothing of estimators, labels or where batches come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from sksequence._batching import Batch, BatchIterator, cut_chunks
from sksequence._decoding import select_rows

Inputs = dict[str, Tensor]


class RowLoss(nn.Module):
    """A loss function that gives one number a row, as the module that skorch asks for."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return losses of shape (n_rows,)."""
        return self.function(outputs, targets)


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
    """

    def __init__(
        self,
        *args: Any,
        tbptt_steps: int | None = None,
        max_grad_norm: float | None = None,
        schedule: Callable[[float], float] | None = None,
        per_step: bool = False,
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
        inputs: dict[str, Any] = {name: block.to(self.device) for name, block in x.items()}
        if self.tbptt_steps is not None and self.module_.training:
            inputs["tbptt_steps"] = self.tbptt_steps
        return cast(Tensor, self.module_(**inputs))

    def get_loss(
        self, y_pred: Tensor, y_true: tuple[Tensor, Tensor], X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the weighted sum of the losses over the number of sequences."""
        return self._weighted_sum(y_pred, y_true) / len(X["lengths"])

    def _weighted_sum(self, outputs: Tensor, y: tuple[Tensor, Tensor]) -> Tensor:
        targets, weights = (part.to(self.device) for part in y)
        return cast(Tensor, (self.criterion_(outputs, targets) * weights).sum())

    def on_grad_computed(
        self, net: NeuralNet, named_parameters: Iterable[Any], *args: Any, **kwargs: Any
    ) -> None:
        """Clip before any callback sees the gradients, and keep the norm that there was."""
        parameters = [p for p in self.module_.parameters() if p.grad is not None]
        limit = float("inf") if self.max_grad_norm is None else float(self.max_grad_norm)
        norm = nn.utils.clip_grad_norm_(parameters, limit)
        # a sum, as a norm kept from each batch would lie between the large tensors and splinter the memory
        self.gradient_norm_sum_ = self.gradient_norm_sum_ + norm.detach()
        self.n_gradients_ += 1

    def train_step(self, batch: Batch, **fit_params: Any) -> dict[str, Any]:
        """Take one optimizer step, or one a chunk where targets are per step and backpropagation is truncated."""
        if self.tbptt_steps is None or not self.per_step:
            return dict(super().train_step(batch, **fit_params))
        return self._train_in_chunks(batch, self.tbptt_steps)

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
        loss = self._weighted_sum(outputs, batch[1]) * factor
        loss.backward()  # type: ignore[no-untyped-call]
        self.notify(
            "on_grad_computed",
            named_parameters=list(self.module_.named_parameters()),
            batch=batch,
            training=True,
        )
        self.optimizer_.step()
        return outputs.detach(), state, loss

    def run_single_epoch(
        self, iterator: Any, training: bool, prefix: str, step_fn: Any, **fit_params: Any
    ) -> None:
        """Run over all batches; the loss is read from the device once."""
        if iterator is None:
            return
        total = torch.zeros((), device=self.device)
        n_sequences = 0
        for i, batch in enumerate(iterator):
            if training:
                self.epoch_parts_ = (i / len(iterator), (i + 1) / len(iterator))
                self._follow_schedule(0.0)
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            n_rows = len(batch[0]["lengths"])
            total += step["loss"].detach() * n_rows
            n_sequences += n_rows
            self._record_batch(prefix, step, n_rows)
            # skorch's scores join the targets of all batches: weights would be in their way
            targets = (batch[0], batch[1][0])
            self.notify("on_batch_end", batch=targets, training=training, **step)
        self.history.record(f"{prefix}_loss", float(total) / n_sequences)

    def _record_batch(self, prefix: str, step: dict[str, Any], n_rows: int) -> None:
        """Keep a row a batch only for callbacks that may read it."""
        if self.callbacks_:
            self.history.record_batch(f"{prefix}_loss", step["loss"].item())
            self.history.record_batch(f"{prefix}_batch_size", n_rows)

    def _follow_schedule(self, part_of_batch: float) -> None:
        """Set the learning rate; a batch of long streams is many steps, so its parts count."""
        if self.schedule is None:
            return
        begin, end = self.epoch_parts_
        part_of_epoch = begin + (end - begin) * part_of_batch
        progress = (len(self.history) - 1 + part_of_epoch) / self.max_epochs
        for group in self.optimizer_.param_groups:
            group["lr"] = self.lr * self.schedule(progress)
