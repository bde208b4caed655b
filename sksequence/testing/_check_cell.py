"""The laws of recurrent layers, checked for any cell."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError, gradcheck

from sksequence._cells import CELLS, Cell, CellLayer, LayerState, as_cell, build_layer
from sksequence._settings import CellChoice

_INPUT_SIZE, _HIDDEN_SIZE, _N_STEPS = 3, 5, 7
_LENGTHS = (7, 1, 4, 3, 7)
_TOLERANCE = 1e-4


def check_cell(cell: CellChoice) -> None:
    """Check that layers of a cell obey the laws on which estimators rely.

    1. Parameters of the cell are stored by its constructor, and it can be copied, compared and
       pickled.
    2. The seed decides every bit of the initial weights, and global generators are not used.
    3. A sequence has the same outputs and last state alone, in a batch, and padded with other
       numbers.
    4. Steps one by one, with the state carried, give the outputs of a whole sequence, if the cell
       can continue from a state.
    5. Single precision, which runs the compiled loops if Numba is installed, agrees with double
       precision in outputs and gradients.
    6. Gradients are those of finite differences, in double precision.
    7. Layers can be copied and pickled.

    The first check of a cell may take a few seconds, in which its loops are compiled.

    Parameters
    ----------
    cell : str, cell of `sksequence.cells` or callable
        A value of the parameter `cell` of an estimator: a name, an object of a class that derives
        from `sksequence.cells.Cell`, or what builds a torch module.

    Raises
    ------
    AssertionError
        If a law does not hold; the message states the law and the deviation.
    ValueError or TypeError
        If no layer can be built from the cell.

    Examples
    --------
    >>> import torch
    >>> from sksequence.testing import check_cell
    >>> check_cell(torch.nn.GRU)

    >>> from sksequence.cells import MinGRU
    >>> check_cell(MinGRU())
    """
    if isinstance(cell, str) and cell not in CELLS:
        raise ValueError(f"cell={cell!r} is not the name of a cell; choose one of {sorted(CELLS)}.")
    layer = _new_layer(cell)
    _check_parameters(as_cell(cell))
    _check_seeds(cell)
    _check_batches(layer)
    if layer.can_step:
        _check_steps(layer)
    _check_precision(layer)
    _check_gradients(layer)
    _check_copies(layer)


def _require(holds: bool, law: str, details: str = "") -> None:
    if not holds:
        raise AssertionError(f"{law}{': ' if details else '.'}{details}")


def _require_close(law: str, ours: Tensor, expected: Tensor, tolerance: float = _TOLERANCE) -> None:
    """Raise an AssertionError unless values agree, relative to the largest one."""
    ours, expected = ours.detach().double(), expected.detach().double()
    _require(ours.shape == expected.shape, law, f"shapes {ours.shape} and {expected.shape}")
    error = float((ours - expected).abs().max()) if ours.numel() else 0.0
    allowed = tolerance * (float(expected.abs().max()) + 1e-2) if ours.numel() else 0.0
    _require(error <= allowed, law, f"values differ by up to {error:.2g}")


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _new_layer(cell: CellChoice, seed: int = 0) -> Any:
    """Return a layer in evaluation mode whose parameters are all trainable."""
    layer = build_layer(cell, _INPUT_SIZE, _HIDDEN_SIZE, 0.0, _generator(seed)).eval()
    return layer.requires_grad_()


def _input() -> tuple[Tensor, Tensor]:
    """Return ragged input (batch, time, features) and its lengths."""
    x = torch.randn(len(_LENGTHS), _N_STEPS, _INPUT_SIZE, generator=_generator(1))
    return x, torch.tensor(_LENGTHS)


def _check_parameters(cell: Cell | Callable[..., nn.Module]) -> None:
    if not isinstance(cell, Cell):
        return
    kind = type(cell)
    stored = cell.get_params()
    try:
        twin, again = kind(**stored), pickle.loads(pickle.dumps(cell))
    except Exception as error:
        raise AssertionError(
            f"A cell can be built from its parameters, and pickled: {kind.__name__} failed: {error}"
        ) from error
    law = "A cell equals its copies; parameters are stored unchanged under their names"
    _require(twin == cell and again == cell, law, f"{cell!r}, {twin!r} and {again!r}")


def _check_seeds(cell: CellChoice) -> None:
    before = torch.get_rng_state()
    first, second = (_new_layer(cell).state_dict() for _ in range(2))
    _require(
        torch.equal(before, torch.get_rng_state()),
        "The seed decides the initial weights; the global generator of torch is not used",
    )
    different = [name for name, value in first.items() if not torch.equal(value, second[name])]
    _require(not different, "Equal seeds give equal weights", f"{different} differ")


def _check_batches(layer: Any) -> None:
    """Compare a batch with each of its rows, and with other numbers in its padding."""
    x, lengths = _input()
    longer = torch.cat([x, torch.zeros(len(x), 2, _INPUT_SIZE)], dim=1)
    longer[torch.arange(longer.shape[1]) >= lengths[:, None]] = 3.0
    with torch.no_grad():
        outputs, last = layer(x, lengths, None)
        padded, padded_last = layer(longer, lengths, None)
        for row, n_steps in enumerate(_LENGTHS):
            alone, own_last = layer(x[row : row + 1, :n_steps], None, None)
            law = f"A sequence of {n_steps} steps has the same outputs alone and in a batch"
            _require_close(law, outputs[row, :n_steps], alone[0])
            law = f"Padding does not change a sequence of {n_steps} steps"
            _require_close(law, padded[row, :n_steps], alone[0])
            for states in (last, padded_last):
                _require_same_states(
                    "The last state is that after a row's own steps", states, own_last, row
                )


def _require_same_states(law: str, states: LayerState, alone: LayerState, row: int) -> None:
    for part, own in zip(states, alone, strict=True):
        _require_close(law, part[row], own[0])


def _check_steps(layer: Any) -> None:
    """Compare a whole run with steps one by one, in which rows end at their lengths."""
    x, lengths = _input()
    with torch.no_grad():
        outputs, last = layer(x, lengths, None)
        state: LayerState = ()
        for step in range(_N_STEPS):
            running = lengths > step
            now, state = layer(x[:, step : step + 1], running.long(), state or None)
            law = f"Single steps give the outputs of the whole sequence, here at step {step}"
            _require_close(law, now[running, 0], outputs[running, step])
        for part, stepped in zip(last, state, strict=True):
            _require_close(
                "Single steps lead to the same state, which ended rows keep", stepped, part
            )


def _results(layer: Any, dtype: torch.dtype) -> list[Tensor]:
    """Return real outputs, last states and gradients of a copy of the layer in a precision."""
    x, lengths = _input()
    copy = deepcopy(layer).to(dtype)
    inputs = x.to(dtype).requires_grad_()
    outputs, last = copy(inputs, lengths, None)
    real = outputs[torch.arange(_N_STEPS) < lengths[:, None]]
    loss = (real**2).sum() + sum((part**3).sum() for part in last)
    leaves = [inputs, *copy.parameters()]
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return [real, *last, *gradients]


def _check_precision(layer: Any) -> None:
    single, double = _results(layer, torch.float32), _results(layer, torch.float64)
    names = ["outputs", *(f"state {i}" for i in range(len(single) - 2 - _n_parameters(layer)))]
    names += [
        "gradient of the input",
        *(f"gradient of {name}" for name, _ in layer.named_parameters()),
    ]
    way = "The compiled loops agree" if isinstance(layer, CellLayer) else "Single precision agrees"
    for name, ours, exact in zip(names, single, double, strict=True):
        _require_close(f"{way} with double precision in the {name}", ours, exact, 1e-3)


def _n_parameters(layer: nn.Module) -> int:
    return len(list(layer.parameters()))


def _check_gradients(layer: Any) -> None:
    """Compare gradients of real outputs with finite differences."""
    double = deepcopy(layer).double()
    x = _input()[0][:2, :3].double().requires_grad_()
    names = [name for name, _ in double.named_parameters()]
    parameters = [p.detach().clone().requires_grad_() for p in double.parameters()]

    def outputs(x: Tensor, *values: Tensor) -> Tensor:
        named = dict(zip(names, values, strict=True))
        result: Sequence[Tensor] = torch.func.functional_call(double, named, (x, None, None))
        return result[0]

    law = "Gradients are those of finite differences, in double precision"
    try:
        gradcheck(outputs, (x, *parameters), atol=1e-4)
    except GradcheckError as error:
        raise AssertionError(f"{law}: {error}") from error


def _check_copies(layer: Any) -> None:
    x, lengths = _input()
    with torch.no_grad():
        expected = layer(x, lengths, None)[0]
        for way, copied in (("A copy", deepcopy), ("A pickle", _pickled)):
            try:
                outputs = copied(layer)(x, lengths, None)[0]
            except Exception as error:
                raise AssertionError(f"{way} of a layer can be made: {error}") from error
            _require(torch.equal(outputs, expected), f"{way} of a layer has the same outputs")


def _pickled(layer: object) -> Any:
    return pickle.loads(pickle.dumps(layer))
