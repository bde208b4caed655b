"""The base of all cells: parameters, equations of one step, and initialisation.

A cell is to a layer what a kernel is to a Gaussian process: an object with parameters that can be
searched, which holds no weights itself.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from sksequence._cells._constraints import Constraint, WholeNumber, check_value
from sksequence._cells._initialisation import orthogonal_gates_, xavier_gates_
from sksequence._kernels import V

Parameters = Mapping[str, Tensor]
ReadProduct = Callable[[str, V], Sequence[V]]


class Cell:
    """Base class of the cells, and of cells of one's own.

    A cell states its parts as attributes of the class, and the equations of one step in
    `equations`, with ``+ - * /`` and the functions of `sksequence.cells.functions`: sigmoid, tanh,
    exp, sqrt, softplus, relu, maximum, mean and detach. From these, the layer is compiled, forward
    and backward. An estimator adds the weights of the input, stacking, directions and sequences of
    different lengths. `sksequence.testing.check_cell` checks a cell.

    Parameters of a cell are keyword arguments of ``__init__`` that are stored under their names, as
    in estimators.

    Attributes
    ----------
    name : str
        The name by which an estimator knows a cell of this library, "" for other cells.
    inputs : tuple of str
        Names of the blocks of W x + b, each as wide as the layer.
    states : tuple of str
        Names of the states; the first `n_outputs` of them are what the layer returns.
    n_outputs : int
        Number of states that are outputs.
    products : tuple of (str, int)
        Names of the products of a recurrent matrix with a state, in the order of their use, and the
        number of their blocks.
    unit_parameters : tuple of str
        Names of parameters with one number per unit.
    vectors : tuple of str
        Names of what `loop_vectors` computes from the parameters.
    constraints : mapping
        Values that the parameters can have, by name.
    reads_gaps : bool
        Whether the last block of the inputs is the time since the previous step.
    is_trained : bool
        Whether the weights are trained.
    has_bounded_outputs : bool
        Whether outputs stay in a fixed range, unless a parameter `activation` is "relu".

    Examples
    --------
    An LSTM without output gate, whose output is its memory:

    >>> from sksequence import RNNClassifier
    >>> from sksequence.cells import Cell
    >>> from sksequence.cells.functions import sigmoid, tanh
    >>> class Memory(Cell):
    ...     inputs = ("write", "keep", "candidate")
    ...     products = (("hh", 3),)
    ...
    ...     def equations(self, inputs, product, states, vectors):
    ...         blocks = zip(inputs, product("hh", states[0]))
    ...         write, keep, candidate = (x + h for x, h in blocks)
    ...         return (sigmoid(keep) * states[0] + sigmoid(write) * tanh(candidate),)
    >>> classifier = RNNClassifier(Memory(), hidden_size=4, max_epochs=1, random_state=0)
    >>> classifier.fit([[1.0, 2.0, 3.0], [3.0, 2.0]], ["up", "down"]).predict([[1.0, 2.0]]).shape
    (1,)
    """

    name: ClassVar[str] = ""
    inputs: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ("hidden",)
    n_outputs: ClassVar[int] = 1
    products: ClassVar[tuple[tuple[str, int], ...]] = ()
    unit_parameters: ClassVar[tuple[str, ...]] = ()
    vectors: ClassVar[tuple[str, ...]] = ()
    constraints: ClassVar[Mapping[str, Constraint]] = {
        "chrono_steps": WholeNumber(2, is_optional=True)
    }
    reads_gaps: ClassVar[bool] = False
    is_trained: ClassVar[bool] = True
    has_bounded_outputs: ClassVar[bool] = False

    @property
    def is_bounded(self) -> bool:
        """Whether outputs stay in a fixed range, however long the sequence is."""
        return self.has_bounded_outputs and self.get_params().get("activation") != "relu"

    @property
    def n_weighted(self) -> int:
        """Number of blocks of the inputs that have weights."""
        return len(self.inputs) - self.reads_gaps

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Return the parameters by name, as estimators do.

        Parameters
        ----------
        deep : bool, default=True
            Ignored: parameters of cells have no parameters.

        Returns
        -------
        dict
            Parameters and their values.
        """
        if type(self).__init__ is object.__init__:
            return {}
        _, *names = inspect.signature(type(self).__init__).parameters
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params: object) -> Self:
        """Set parameters by name, as estimators do.

        Parameters
        ----------
        **params : dict
            Parameters and their new values.

        Returns
        -------
        self : Cell
            The cell.

        Raises
        ------
        ValueError
            If the cell has no such parameter.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}: its parameters are "
                    f"{', '.join(known) or 'none'}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({given})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cell) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> Hashable:
        """Class and parameters: equal numbers of any type are equal, and so are equal arrays."""
        return type(self), _as_key(self.get_params())

    def check_params(self) -> None:
        """Raise a ValueError for a parameter out of its range."""
        values = self.get_params()
        signature = inspect.signature(type(self)).parameters
        constraints = {**Cell.constraints, **self.constraints}
        for name in constraints.keys() & values:
            check_value(self, name, values[name], signature[name].default, constraints[name])

    def in_network_steps(self, frame_step: int) -> Self:
        """Return the cell with `chrono_steps` in steps of the network, which may be frames."""
        self.check_params()
        steps = self.get_params().get("chrono_steps")
        if not isinstance(steps, int | np.integer) or frame_step == 1:
            return self
        return copy(self).set_params(chrono_steps=max(2, -(-int(steps) // frame_step)))

    def equations(
        self,
        inputs: Sequence[V],
        product: ReadProduct[V],
        states: Sequence[V],
        vectors: Mapping[str, V],
    ) -> tuple[V, ...]:
        """Return the states after a step.

        Parameters
        ----------
        inputs : sequence
            Blocks of W x + b.
        product : callable
            ``product(name, state)`` returns the blocks of a recurrent matrix times a state.
        states : sequence
            States before the step.
        vectors : mapping
            What `loop_vectors` returns.
        """
        raise NotImplementedError

    def shapes(self, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter besides those of the input."""
        matrices = {
            f"weight_{name}": (n_blocks * hidden_size, hidden_size)
            for name, n_blocks in self.products
        }
        return matrices | dict.fromkeys(self.unit_parameters, (hidden_size,))

    def n_weights(self, input_size: int, hidden_size: int) -> int:
        """Return the number of weights of a layer, without biases."""
        with torch.device("meta"):  # without memory for them
            readout = self.readout(input_size, hidden_size)
        further = [] if readout is None else [p.numel() for p in readout.parameters()]
        own = [math.prod(shape) for shape in self.shapes(hidden_size).values()]
        return self.n_weighted * hidden_size * input_size + sum(own + further)

    def initialise(self, parameters: Parameters, generator: torch.Generator) -> None:
        """Draw the parameters.

        Input weights are Glorot-uniform, recurrent ones orthogonal, biases and vectors 0.
        """
        xavier_gates_(parameters["weight_ih"], self.n_weighted, generator)
        nn.init.zeros_(parameters["bias"])
        for name, n_blocks in self.products:
            orthogonal_gates_(parameters[f"weight_{name}"], n_blocks, generator)
        for name in self.unit_parameters:
            nn.init.zeros_(parameters[name])

    def loop_vectors(self, parameters: Parameters) -> dict[str, Tensor]:
        """Return the vectors that the equations read, computed once for all steps."""
        return {name: parameters[name] for name in self.vectors}

    def loop_matrices(self, parameters: Parameters) -> list[Tensor]:
        """Return the recurrent matrices, computed once for all steps."""
        return [parameters[f"weight_{name}"] for name, _ in self.products]

    def readout(self, input_size: int, hidden_size: int) -> nn.Module | None:
        """Return a module ``(outputs, x) -> outputs`` that follows the loop, None for none."""
        return None


def _as_key(value: object) -> Hashable:
    """Return what equal values have in common, as something that can be hashed."""
    if isinstance(value, Mapping):
        return "mapping", frozenset((name, _as_key(one)) for name, one in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(map(_as_key, value))
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return repr(value) if type(value).__hash__ is None else value
