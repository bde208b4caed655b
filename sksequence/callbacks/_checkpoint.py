"""A callback that lets killed fits go on, and keeps the model of interrupted ones."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from sksequence._net import Checkpointing, State
from sksequence.callbacks._checkpoint_file import check_writable, read_checkpoint, write_checkpoint


class Checkpoint(Checkpointing):
    """Callback that stores the state of a fit, so that a killed one resumes.

    Repeat the call of ``fit`` with the same file, data and parameters, in the same process or
    another one: training goes on after the last stored epoch, and the fitted estimator is bit for
    bit the one of an uninterrupted fit. If the file holds a fit of other data or parameters,
    ``fit`` raises an error that says what differs. After the last epoch the file holds the finished
    training, and ``fit`` does not train again; delete it when it is no longer needed.

    After an interrupt by Ctrl-C, or any other error, the file and `estimator_` hold the state after
    the last complete epoch. ``fit`` raises the error and leaves its estimator as it was.

    Parameters
    ----------
    path : str or path-like
        File to write. It holds arrays and JSON, and is always complete: a new state is written to a
        file next to it, whose name ends with ".part" and which then replaces it. Fits that run at
        the same time need files of their own, so do not pass it to a search.
    every_n_epochs : int or None, default=None
        Number of epochs from one write to the next. None leaves it to `every_minutes`; if that is
        None too, the state is written after each epoch.
    every_minutes : float or None, default=None
        Number of minutes after which the state is written, at the end of the epoch. None leaves it
        to `every_n_epochs`. With both, whichever comes first.

    Attributes
    ----------
    estimator_ : object
        Estimator as it would be if the fit had ended with its last complete epoch; with early
        stopping it has the best weights. It is built when it is read, during training too. A
        regressor predicts what its network does: its `shrinkage_` is learnt at the end of `fit`.
    n_epochs_resumed_ : int
        Number of epochs of the latest fit that were not run because the file held their result.

    Notes
    -----
    Stored are the weights, the best weights and the counts of early stopping, the states of the
    optimizer, the shuffling and dropout, the curves and ``net.history``. Other callbacks start
    anew, so skorch's `EarlyStopping`, `LRScheduler` and `ParamMapper`, whose state decides how
    training goes on, raise an error. ``random_state`` must be set.

    If the disk is full or the file cannot be written for another reason, a warning is raised,
    training goes on, and the former file stays.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sksequence import SequenceGenerator
    >>> from sksequence.callbacks import Checkpoint
    >>> checkpoint = Checkpoint(Path(tempfile.mkdtemp()) / "fit.checkpoint", every_n_epochs=2)
    >>> generator = SequenceGenerator(
    ...     "gru", 8, max_epochs=4, callbacks=[checkpoint], random_state=0
    ... )
    >>> generator.fit(["to be or not to be"] * 4).n_iter_
    4
    >>> checkpoint.estimator_.perplexity(["to be"]) == generator.perplexity(["to be"])
    True
    """

    _state: State | None
    _model: object | None

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        every_n_epochs: int | None = None,
        every_minutes: float | None = None,
    ) -> None:
        self.path = path
        self.every_n_epochs = every_n_epochs
        self.every_minutes = every_minutes

    def __repr__(self) -> str:
        """Return the call of the constructor."""
        options = {"every_n_epochs": self.every_n_epochs, "every_minutes": self.every_minutes}
        given = [f", {name}={value!r}" for name, value in options.items() if value is not None]
        return f"Checkpoint({os.fspath(self.path)!r}{''.join(given)})"

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters: copies and pickles hold no training."""
        names = ("path", "every_n_epochs", "every_minutes")
        return {name: value for name, value in vars(self).items() if name in names}

    @property
    def estimator_(self) -> object:
        """Estimator after the last complete epoch."""
        state = vars(self).get("_state")
        if state is None:
            raise AttributeError(
                "Checkpoint has no estimator_ yet: it exists after the first epoch of a fit with "
                "this callback."
            )
        if self._model is None:
            self._model = self._build(state)
        return self._model

    def begin(self, origin: Mapping[str, str], build: Callable[[State], object]) -> State | None:
        """Return the stored state of this fit; raise a ValueError if the file holds another one.

        Parameters
        ----------
        origin : mapping of str to str
            Parameters and digests of the data.
        build : callable
            Returns the estimator of a state.

        Returns
        -------
        dict or None
            The state, None if there is no file.
        """
        self._check_parameters()
        self._path = Path(self.path).absolute()
        check_writable(self._path)
        self._origin, self._build = dict(origin), build
        self._state, self._model = None, None
        if self._path.exists():
            stored, state = read_checkpoint(self._path)
            self._check_same(stored)
            self._state = state
        self._written, self._time = self._n_epochs, time.monotonic()
        self.n_epochs_resumed_ = self._n_epochs
        return self._state

    def keep(self, state: State) -> None:
        """Keep the state after an epoch, and write it if it is time.

        Parameters
        ----------
        state : dict
            State of training.
        """
        self._state, self._model = state, None
        if state["is_over"] or self._is_due():
            self._write()

    def interrupted(self) -> None:
        """Write the state after the last complete epoch."""
        if self._n_epochs > self._written:
            self._write()

    @property
    def _n_epochs(self) -> int:
        return 0 if self._state is None else len(self._state["record"]["loss_curve"])

    def _is_due(self) -> bool:
        n_epochs, minutes = self.every_n_epochs, self.every_minutes
        if minutes is not None and time.monotonic() - self._time >= 60 * minutes:
            return True
        if n_epochs is None:
            return minutes is None
        return self._n_epochs - self._written >= n_epochs

    def _write(self) -> None:
        assert self._state is not None
        try:
            write_checkpoint(self._path, self._origin, self._state)
        except OSError as error:
            warnings.warn(
                f"Checkpoint could not write {self._path} after epoch {self._n_epochs} ({error}). "
                f"Training goes on; the file holds epoch {self._written}, if any. Free some space, "
                "or check its directory.",
                UserWarning,
                stacklevel=2,
            )
        else:
            self._written = self._n_epochs
        self._time = time.monotonic()

    def _check_parameters(self) -> None:
        if not isinstance(self.path, str | os.PathLike):
            raise ValueError(f"path={self.path!r} of Checkpoint is no path. Pass that of a file.")
        if not _is_positive(self.every_n_epochs, Integral):
            raise ValueError(
                f"every_n_epochs={self.every_n_epochs!r} of Checkpoint must be a positive integer "
                "or None."
            )
        if not _is_positive(self.every_minutes, Real):
            raise ValueError(
                f"every_minutes={self.every_minutes!r} of Checkpoint must be a positive number or "
                "None."
            )

    def _check_same(self, stored: Mapping[str, str]) -> None:
        if stored == self._origin:
            return
        raise ValueError(
            f"{self._path} holds a fit of other data or parameters: "
            f"{_difference(stored, self._origin)}. Change it back to resume that fit, delete the "
            "file to begin anew, or pass another path to Checkpoint."
        )


def _is_positive(value: Any, kind: type[Any]) -> bool:
    return value is None or (isinstance(value, kind) and type(value) is not bool and value > 0)


def _difference(stored: Mapping[str, str], origin: Mapping[str, str]) -> str:
    """Tell which parameters differ, or else the first other thing that does."""
    names = [name for name in {**stored, **origin} if stored.get(name) != origin.get(name)]
    parameters = [name for name in names if _is_readable(name)]
    if parameters:
        changes = (f"{n} was {stored.get(n)}, it is now {origin.get(n)}" for n in parameters)
        return "; ".join(changes)
    return f"{names[0]} differs (in content or order)"


def _is_readable(name: str) -> bool:
    """Check whether a value can be shown: it is no digest."""
    return name not in ("X", "y", "sample_weight or groups", "the network at the start")
