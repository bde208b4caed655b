"""Lines printed during training: one per epoch and, on request, one per batch."""

from __future__ import annotations

import sys
import time

from skorch import NeuralNet
from skorch.callbacks import Callback

_COLUMNS = "    epoch      loss  validation     best   seconds     total         lr"


class ProgressReport(Callback):
    """Callback that prints the progress of training.

    Parameters
    ----------
    shows_batches : bool
        Whether there is a line for each batch too.
    """

    def __init__(self, *, shows_batches: bool) -> None:
        self.shows_batches = shows_batches

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Print the names of the columns, in a search after the candidate."""
        self._start = self._epoch_start = time.perf_counter()
        self._is_silent = net.ranks_.rank > 0  # one process prints
        self._title = f"[{net.title_}] " if net.title_ else ""
        if net.candidate_:
            self._print(net.candidate_)
        self._print(_COLUMNS)

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        """Start the clock, and count batches."""
        self._epoch_start, self._n_batches = time.perf_counter(), 0

    def on_batch_end(self, net: NeuralNet, training: bool = True, **kwargs: object) -> None:
        """Print the loss of a training batch."""
        if self.shows_batches and training:
            self._n_batches += 1
            loss = net.history[-1, "batches", -1, "train_loss"]
            counts = f"{len(net.history):4}/{net.max_epochs:<4}"
            self._print(f"{counts} {loss:9.4g}  batch {self._n_batches}")

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        """Print losses, the best epoch so far, times and the learning rate."""
        now, row = time.perf_counter(), net.history[-1]
        losses = net.history[:, "valid_loss" if "valid_loss" in row else "train_loss"]
        best = 1 + losses.index(min(losses)) if all(x == x for x in losses) else "-"
        validation = f"{row['valid_loss']:.4g}" if "valid_loss" in row else "-"
        self._print(
            f"{len(losses):4}/{net.max_epochs:<4} {row['train_loss']:9.4g}  {validation:>10}"
            f"  {best:>7}  {now - self._epoch_start:8.2f}  {now - self._start:8.2f}"
            f"  {net.optimizer_.param_groups[0]['lr']:9.3g}"
        )

    def stopped(self, restored: int, learnt: int) -> None:
        """Print that training ended early.

        `restored` is the epoch with the best weights, and `learnt` the one in which the task was
        learnt; both are 0 for none.
        """
        if learnt:
            self._print(f"ended early, task learnt in epoch {learnt}")
            return
        which = f", weights of epoch {restored}" if restored else " by a callback"
        self._print(f"stopped early{which}")

    def _print(self, line: str) -> None:
        """Print a line at once: several fits may print at the same time."""
        if not self._is_silent:
            sys.stdout.write(f"{self._title}{line}\n")
            sys.stdout.flush()
