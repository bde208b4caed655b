"""A callback that trains one network on several processes."""

from __future__ import annotations

from sksequence._net import Joining, Ranks, join_group


class DataParallel(Joining):
    """Callback that trains one network on several processes, each with its part of every batch.

    Start the script with torchrun, which runs it in each process::

        torchrun --nproc-per-node 2 script.py

    All processes read the same data and call ``fit`` or ``partial_fit`` with the same arguments.
    Each computes the gradients of its rows of a batch, and their sum, which is the gradient of the
    batch, is the same on all of them. The fitted estimator is therefore the same in every process,
    and that of a fit in one process up to rounding: `batch_size` is the size of the whole batch,
    however many processes share it.

    Notes
    -----
    The rows of a batch are dealt to the processes in turn, so that sequences of all lengths are in
    each part. A process without any row of a batch reads one with weight 0. The losses of
    training and validation are sums over all processes, so early stopping ends all of them
    together, and gradients are clipped after the sum. Each process drops its own units: with
    `dropout`, a fit is equivalent to one in a single process, but its numbers are others.

    `random_state` must be set to an integer. Before training, the processes compare the versions of
    the libraries, parameters, and digests of the data and the initial weights; if they differ,
    `fit` raises an error that says what does. Other callbacks see the batches of their own process,
    and only the first process prints (`verbose`).

    Processes on CPUs communicate by gloo; with GPUs, each process uses the one of its local rank,
    and nccl. If the script has called ``torch.distributed.init_process_group`` itself, its group is
    used.

    To write a file once, let one process do it: ``if os.environ["RANK"] == "0": ...``.

    References
    ----------
    .. [1] Li et al. (2020), PyTorch Distributed: Experiences on Accelerating Data Parallel
       Training, VLDB 13.

    Examples
    --------
    The script of the command above:

    >>> from sksequence import RNNClassifier
    >>> from sksequence.callbacks import DataParallel
    >>> model = RNNClassifier(hidden_size=256, callbacks=[DataParallel()], random_state=0)
    >>> model.fit(X, y)  # doctest: +SKIP
    """

    def __repr__(self) -> str:
        """Return the call of the constructor."""
        return "DataParallel()"

    def join(self) -> Ranks:
        """Join the processes that torchrun has started.

        Returns
        -------
        ranks : Ranks
            The processes, for the training loop.
        """
        return join_group()
