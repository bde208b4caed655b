"""Summary of a fitted estimator: its layers and sizes, automatic choices, memory and cost."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field
from html import escape
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from sksequence._base import BaseRNN
from sksequence._cells import context_size, is_feedforward
from sksequence._modules import SequenceNetwork
from sksequence.inspection._fitted_networks import find_network
from sksequence.inspection._gradient_flow import gradient_flow

_FORGOTTEN = 0.01  # of the largest gradient: the memory ends where less is left
_MOST_SEQUENCES = 20  # whose gradients are computed


@dataclass(frozen=True)
class Summary:
    """Layers, sizes, automatic choices, memory and cost of a fitted estimator.

    Python prints it as text, and notebooks display it as tables.

    Attributes
    ----------
    title : str
        Class of the estimator, and kind of its input.
    layers : list of (str, str, int)
        Name, description and number of parameters of each part of the network.
    n_parameters : int
        Number of all parameters, those of all networks of an ensemble included.
    auto_params : dict
        Values that were selected for parameters at "auto".
    facts : dict of str to str
        Memory and cost, and the shrinkage of a regressor if there is any.
    """

    title: str
    layers: list[tuple[str, str, int]]
    n_parameters: int
    auto_params: dict[str, object]
    facts: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return the summary as text."""
        name = max(len(row[0]) for row in self.layers)
        description = max(len(row[1]) for row in self.layers)
        width = max(name + description + 16, len(self.title))
        lines = [self.title, "=" * width]
        lines += [f"{a:<{name}}  {b:<{description}}  {n:>12,}" for a, b, n in self.layers]
        lines += [
            "-" * width,
            f"{'parameters':<{name + description + 2}}  {self.n_parameters:>12,}",
        ]
        chosen = [f"{key}={value!r}" for key, value in self.auto_params.items()]
        if chosen:
            lines.append(f"auto: {', '.join(chosen)}")
        return "\n".join([*lines, *(f"{key}: {value}" for key, value in self.facts.items())])

    def _repr_html_(self) -> str:
        rows = [*self.layers, ("parameters", "", self.n_parameters)]
        table = "".join(
            f"<tr><td>{escape(a)}</td><td>{escape(b)}</td><td>{n:,}</td></tr>" for a, b, n in rows
        )
        chosen = {f"{key} (auto)": repr(value) for key, value in self.auto_params.items()}
        facts = "".join(
            f"<tr><td>{escape(key)}</td><td>{escape(value)}</td></tr>"
            for key, value in (chosen | self.facts).items()
        )
        return f"<p>{escape(self.title)}</p><table>{table}</table><table>{facts}</table>"


def summary(estimator: BaseEstimator, X: Sized | None = None) -> Summary:
    """Summarise a fitted estimator.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor, SequenceGenerator, pipeline or search
        Fitted estimator. The steps of a pipeline before the estimator are applied to X.
    X : array-like of shape (n_sequences, n_steps, n_features) or list of sequences, default=None
        Sequences whose memory and cost are measured. Without them, the cost is that of a step.

    Returns
    -------
    summary : Summary
        The layers of the network with their numbers of parameters, the values that "auto" selected,
        the memory, and the cost: multiplications per step or sequence and, with X, the time of a
        prediction.

        Of a regressor whose predictions are moved to the mean of y or the naive forecast, the
        fraction `shrinkage_`.

        The memory of a recurrent network has no fixed end. With X, it is the number of steps after
        which the gradient of the output with respect to the state is below 1 % of its largest
        value, on average over up to 20 sequences, or that all steps are remembered.

    Raises
    ------
    TypeError
        If the estimator is not one of this library, nor a pipeline or search that ends in one.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If X is not in the form seen in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from sksequence import RNNClassifier
    >>> from sksequence.inspection import summary
    >>> X, y = np.random.default_rng(0).normal(size=(40, 10, 3)), np.arange(40) % 2
    >>> classifier = RNNClassifier("gru", 16, max_epochs=1, random_state=0).fit(X, y)
    >>> summary(classifier)
    RNNClassifier of numbers
    =...
    input            3 values             0
    gru layer 0      16 units         1,008
    backward layer 0 16 units         1,008
    max pooling      32 features          0
    output layer     2 outputs           66
    -...
    parameters                        2,082
    auto: ...
    memory: no fixed end; pass X to measure it
    cost: 1,824 multiplications per step
    """
    found, X = find_network(estimator, X, "summary")
    fitted: Any = found
    module: Any = fitted.module_
    networks = [module] if isinstance(module, SequenceNetwork) else list(module.members)
    layers = _layers(networks[0])
    if len(networks) > 1:
        each = f" in each of {len(networks)} networks"
        layers = [(name, text + each, n) for name, text, n in layers]
    facts = {"memory": _memory(found, X, networks[0]), "cost": _cost(found, X, networks)}
    if np.any(getattr(fitted, "shrinkage_", 0.0)):
        facts["shrinkage"] = _shrinkage(fitted)
    title = f"{type(fitted).__name__} of {fitted.input_kind_}"
    return Summary(title, layers, _size(module), dict(fitted.auto_params_), facts)


def _layers(network: SequenceNetwork) -> list[tuple[str, str, int]]:
    """Return name, description and number of parameters of each part of a network."""
    spec: Any = network.spec
    stack: Any = network.stack
    cell = spec.cell if isinstance(spec.cell, str) else _cell_name(spec.cell)
    parts = [f"{spec.n_features} values"] * bool(spec.n_features)
    sizes = zip(spec.n_symbols, spec.embedding_dims, strict=True)
    parts += [f"{n} symbols as {dim} values" for n, dim in sizes]
    rows = [("input", ", ".join(parts), _size(network.inputs))]
    for depth, layer in enumerate(stack.forwards):
        rows.append((f"{cell} layer {depth}", f"{layer.output_size} units", _size(layer)))
        if stack.backwards:
            own = stack.backwards[depth]
            rows.append((f"backward layer {depth}", f"{own.output_size} units", _size(own)))
        if depth and stack.residuals:
            connection = stack.residuals[depth - 1]
            rows.append((f"connection {depth}", "normalised, added", _size(connection)))
    if network.pooling is not None:
        rows.append(
            (f"{spec.pooling} pooling", f"{network.width} features", _size(network.pooling))
        )
    if network.join is not None:
        rows.append(("static features", f"{spec.static.width} values", _size(network.join)))
    rows.append(("output layer", f"{spec.n_outputs} outputs", _size(network.head)))
    return rows


def _cell_name(cell: Any) -> str:
    return str(getattr(cell, "name", getattr(cell, "__name__", "cell")))


def _size(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _memory(estimator: BaseRNN, X: Any, network: SequenceNetwork) -> str:
    """Describe how far back a network remembers."""
    spec: Any = network.spec
    layers: Any = network.stack.forwards
    if is_feedforward(spec.cell):
        return f"{1 + spec.num_layers * (context_size(spec.cell) - 1)} steps of the network"
    if X is None:
        return "no fixed end; pass X to measure it"
    if not all(layer.can_step for layer in layers) or _needs_labels(estimator):
        return "no fixed end; not measured, as it cannot be run step by step, or needs labels"
    norms = gradient_flow(estimator, X[:_MOST_SEQUENCES])
    lengths = [_remembered(own) for own in norms]
    if lengths == [len(own) for own in norms]:
        return "all steps of X"
    return f"{np.mean(lengths):.0f} steps of the network until 1 % of the gradient is left"


def _remembered(norms: NDArray[np.float64]) -> int:
    """Return after how many steps the gradient is below 1 % of its maximum, all if it never is."""
    backwards = norms[::-1]
    start = int(backwards.argmax())
    below = np.flatnonzero(backwards[start:] < _FORGOTTEN * backwards[start])
    return int(below[0]) if len(below) else len(norms)


def _shrinkage(fitted: Any) -> str:
    """Describe how much of the network is left in predictions."""
    of_y = {"absolute_error": "the median of y", "quantile": "the quantiles of y"}
    simple = "the naive forecast"
    if fitted.residual is None:
        simple = of_y.get(fitted.loss, "the mean of y")
    least, most = np.min(fitted.shrinkage_), np.max(fitted.shrinkage_)
    if least == 1.0:
        return f"1, all predictions are {simple}"
    fractions = f"{most:.2g}" if least == most else f"{least:.2g} to {most:.2g}"
    return f"{fractions} of the way to {simple}"


def _cost(estimator: BaseRNN, X: Sized | None, networks: list[SequenceNetwork]) -> str:
    """Describe the cost of a prediction."""
    of_step = [part for network in networks for part in (network.stack, network.pooling)]
    after = [part for network in networks for part in (network.join, network.head)]
    if networks[0].pooling is None:
        of_step, after = [*of_step, *after], []
    per_step, once = (sum(map(_n_multiplications, parts)) for parts in (of_step, after))
    if X is None or _needs_labels(estimator):
        return f"{per_step:,} multiplications per step"
    reading = estimator.__sksequence_reading__(X)
    n_steps = float(reading.prepared.lengths.mean())
    start = perf_counter()
    reading.outputs()
    milliseconds = 1000 * (perf_counter() - start) / len(reading.prepared)
    return (
        f"{n_steps * per_step + once:,.0f} multiplications and {milliseconds:.2g} ms per sequence "
        f"of {n_steps:.0f} steps"
    )


def _n_multiplications(module: Any) -> int:
    """Return the number of weights in matrices, each of which is used once."""
    parameters = () if module is None else module.parameters()
    return sum(parameter.numel() for parameter in parameters if parameter.ndim > 1)


def _needs_labels(estimator: BaseRNN) -> bool:
    """Check whether the input of the network contains labels."""
    return hasattr(estimator, "predict_label")
