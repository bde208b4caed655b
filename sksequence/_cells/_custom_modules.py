"""Construction of a user's own cell, and the checks of its interface.

A trial run on a small batch finds the width of the outputs, and what the module can do: whether it
looks ahead, and whether it continues from the state that it returns.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

Factory = Callable[..., nn.Module]
_RETURNS = "must return (outputs, state) for an input of shape (batch, time, features)"


def is_causal(cell: object) -> bool:
    """Check whether a cell, or what builds it, declares no ``is_causal = False``."""
    inner = cell.func if isinstance(cell, partial) else cell
    return bool(getattr(cell, "is_causal", getattr(inner, "is_causal", True)))


def accepts(function: Callable[..., object], name: str) -> bool:
    """Check whether a callable takes the keyword `name`, explicitly or through ``**kwargs``."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some builtins have no signature
        return False
    kinds = {parameter.kind for parameter in parameters.values()}
    return name in parameters or inspect.Parameter.VAR_KEYWORD in kinds


def build_module(factory: Factory, input_size: int, hidden_size: int) -> nn.Module:
    """Call a factory, with ``batch_first=True`` if it accepts that."""
    _check_factory(factory)
    options = {"batch_first": True} if accepts(factory, "batch_first") else {}
    expected = (
        "cell must be the name of a cell or a callable (input_size, hidden_size) that returns a "
        "torch.nn.Module"
    )
    try:
        module = factory(input_size, hidden_size, **options)
    except Exception as error:
        raise TypeError(
            f"{expected}; {factory!r} failed with input_size={input_size} and "
            f"hidden_size={hidden_size}: {error}"
        ) from error
    if not isinstance(module, nn.Module):
        raise TypeError(f"{expected}; {factory!r} returned {type(module).__name__}.")
    if isinstance(module, nn.RNNCellBase):
        module = SteppedCell(module)
    return module.to(device="cpu", dtype=torch.float32)


def _check_factory(factory: Factory) -> None:
    """Raise a TypeError for a module, and for a callable that takes no two arguments."""
    expected = (
        "cell must be the name of a cell, or a class or function (input_size, hidden_size) that "
        "returns a module"
    )
    if isinstance(factory, nn.Module):
        kind = type(factory)
        is_torch = getattr(nn, kind.__name__, None) is kind
        path = f"torch.nn.{kind.__name__}" if is_torch else kind.__qualname__
        advice = f"Pass the class, {path}."
        if not _takes_two(kind):
            advice = "Pass a class or function that builds one layer; the output layer is added."
        raise TypeError(f"{expected}; got an instance of {kind.__name__}. {advice}")
    if not _takes_two(factory):
        raise TypeError(
            f"{expected}; {factory!r} cannot be called with two arguments. Let it take input_size "
            "and hidden_size, and set other arguments with functools.partial."
        )


def _takes_two(factory: Factory) -> bool:
    """Check whether a callable can be called with two positional arguments."""
    try:
        inspect.signature(factory).bind(0, 0)
    except TypeError:
        return False
    except ValueError:  # some builtins have no signature
        return True
    return True


class SteppedCell(nn.Module):
    """A cell of torch, such as `torch.nn.GRUCell`, run through time.

    Parameters
    ----------
    cell : torch.nn.RNNCellBase
        Module that reads one step.
    """

    def __init__(self, cell: nn.RNNCellBase) -> None:
        super().__init__()
        self.cell: Any = cell

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return output (batch, hidden) and state after one step x (batch, input)."""
        after = self.cell(x, state)
        return (after[0] if isinstance(after, tuple) else after), after

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return outputs (batch, time, hidden) and the last state."""
        outputs = []
        for now in x.unbind(dim=1):
            output, state = self.step(now, state)
            outputs.append(output)
        return torch.stack(outputs, dim=1), state


class Trial:
    """A run of a module on a small batch, in evaluation mode.

    Parameters
    ----------
    factory : callable
        What has built the module, for errors.
    module : torch.nn.Module
        The module.
    input_size, hidden_size : int
        Width of the input, and of the outputs that are asked for.

    Attributes
    ----------
    output_size : int
        Width of the outputs.
    state : nested Tensor
        State after three steps; None for a module that looks ahead.
    takes_lengths : bool
        Whether it takes the number of steps of each sequence.
    continues : bool
        Whether three steps equal two steps and a third one from the state after them.

    Raises
    ------
    TypeError, ValueError
        If the module breaks its contract.
    """

    def __init__(
        self, factory: Factory, module: nn.Module, input_size: int, hidden_size: int
    ) -> None:
        self._factory, self._module, self._hidden_size = factory, module, hidden_size
        is_recurrent = is_causal(factory) and is_causal(module)
        self.takes_lengths = accepts(module.forward, "lengths")
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(2, 3, input_size, generator=generator)
        was_training = module.training
        module.eval()
        with torch.no_grad():
            self.state: Any = None
            if is_recurrent:
                outputs, self.state = self._recurrent(x)
            else:
                outputs = self._whole(x)
            self.continues = is_recurrent and self._continues(x, outputs)
        module.train(was_training)
        self.output_size = int(outputs.shape[2])

    def _recurrent(self, x: Tensor) -> tuple[Tensor, Any]:
        """Run a causal module twice, on inputs that differ in one step."""
        other = x.clone()
        other[0, 2] += 1.0
        outputs, state = self._checked(self._tried(x))
        changed, _ = self._checked(self._tried(other))
        same = _are_close(outputs, changed).all(dim=2)
        same[0, 2] = True
        if not same.all():
            raise ValueError(
                f"The cell {self._factory!r} mixes sequences or looks ahead: outputs other than "
                "the last of the first sequence changed with its last input. It must be "
                "batch-first (batch, time, features) and run forward in time; set "
                "bidirectional=True for the other direction, or declare is_causal = False in its "
                "class if it is meant to look ahead."
            )
        return outputs, state

    def _whole(self, x: Tensor) -> Tensor:
        """Run a module that looks ahead, on two sequences, and on the second one without others."""
        outputs = self._checked_outputs(self._tried(x, [3, 3]))
        alone: Any = outputs_of(self._tried(x[1:], [3]))
        if not _are_close(outputs[1:], alone).all():
            raise ValueError(
                f"The cell {self._factory!r} mixes sequences: outputs of a sequence depend on "
                "another one. It must be batch-first (batch, time, features)."
            )
        if self.takes_lengths:
            self._check_padding(x)
        return outputs

    def _check_padding(self, x: Tensor) -> None:
        """Raise a ValueError unless a sequence that is padded has the outputs that it has alone."""
        padded = x * torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])[:, :, None]
        longer: Any = outputs_of(self._tried(padded, [3, 2]))
        alone: Any = outputs_of(self._tried(x[1:, :2], [2]))
        if not _are_close(longer[1:, :2], alone).all():
            raise ValueError(
                f"The cell {self._factory!r} reads padded steps: outputs of a sequence of 2 steps "
                "differ if it is padded to 3. Let it ignore steps from `lengths` on, or take no "
                "`lengths`: sequences of equal length are then read together, without padding."
            )

    def _continues(self, x: Tensor, outputs: Tensor) -> bool:
        try:
            _, state = self._module(x[:, :2])
            parts = (state,) if isinstance(state, Tensor) else state
            has_rows = all(part.shape[int(part.dim() > 2)] == len(x) for part in parts)
            last, _ = self._module(x[:, 2:], state)
        except Exception:  # noqa: BLE001 - whatever a module raises that takes no state
            return False
        return has_rows and bool(_are_close(last, outputs[:, 2:]).all())

    def _tried(self, x: Tensor, lengths: list[int] | None = None) -> object:
        try:
            if lengths is None or not self.takes_lengths:
                return self._module(x)
            return self._module(x, lengths=torch.tensor(lengths))
        except Exception as error:
            raise TypeError(
                f"The cell {self._factory!r} {_RETURNS}; it failed for one of {tuple(x.shape)}: "
                f"{error}"
            ) from error

    def _checked(self, returned: object) -> tuple[Tensor, Any]:
        if not (isinstance(returned, tuple) and len(returned) == 2):
            raise TypeError(
                f"The cell {self._factory!r} {_RETURNS}; got {type(returned).__name__}. A layer "
                "that looks ahead and has no state declares is_causal = False in its class."
            )
        return self._checked_outputs(returned), returned[1]

    def _checked_outputs(self, returned: object) -> Tensor:
        outputs: Any = outputs_of(returned)
        shape = tuple(getattr(outputs, "shape", ()))
        if len(shape) != 3 or shape[:2] != (2, 3):
            raise ValueError(
                f"The cell {self._factory!r} must return outputs of shape (batch, time, features), "
                f"here (2, 3, {self._hidden_size}); got {shape}."
            )
        return outputs  # type: ignore[no-any-return]


def outputs_of(returned: object) -> object:
    """Return the outputs of a module that returns them, alone or before its state."""
    return returned[0] if isinstance(returned, tuple) and returned else returned


def _are_close(one: Tensor, other: Tensor) -> Tensor:
    return torch.isclose(one, other, rtol=1e-4, atol=1e-5, equal_nan=True)
