"""The source of the functions that take a step of a compiled loop, forward and backward.

Each function handles the stage `p` of the step t for row b, the k-th row of its block, in vectors
of units from j on. What it reads is loaded before anything is stored: places may be overwritten.
Numbers besides 0 and 1 are read: a cell with another value of a parameter has the same source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sksequence._kernels._expressions import Expression
from sksequence._kernels._step_plan import Place, StepPlan, Targets

# one number per row
_MEANS = {"mean": "means[b, t, {0}]", "d_mean": "d_means[{0}, k]"}
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_FORWARD = (
    "p, k, b, t, is_kept, gates, products, sources, kept_sources, states, paths, shared, means, "
    "vectors, constants, units"
)
_BACKWARD = (
    "p, k, b, t, gates, starts, paths, d_outputs, d_states, source_gradients, product_gradients, "
    "shared, means, d_means, vectors, constants, units, d_vectors"
)
_PLACES = {
    "input": "gates, (b, t, {0} * size + j)",
    "gate": "gates, (b, t, {0} * size + j)",
    "state": "states, ({0}, k, j)",
    "product": "products, ({0}, k, {1} * size + j)",
    "source": "sources, ({0}, k, j)",
    "shared": "shared, (k, {0}, j)",
    "vector": "vectors, ({0}, j)",
    "d_vector": "d_vectors, ({0}, j)",
    "d_state": "d_states, ({0}, b, j)",
    "d_output": "d_outputs, ({0}, b, t, j)",
    "source_gradient": "source_gradients, ({0}, k, j)",
    "product_gradient": "product_gradients, ({0}, k, {1} * size + j)",
}


def write_step(plan: StepPlan) -> str:
    """Return the source of `advance` and `retreat`: one step, and its derivative."""
    writer = _Writer(plan)
    forward = map(writer.forward_stage, range(plan.n_stages))
    backward = map(writer.backward_stage, range(len(plan.backward)))
    constants = [f"c{i} = constants[{i}]" for i in range(len(plan.constants))]
    advance = _function(f"advance({_FORWARD})", ["size = states.shape[2]", *constants], forward)
    retreat = _function(f"retreat({_BACKWARD})", ["size = d_states.shape[2]", *constants], backward)
    products = f"# products after each stage: {plan.products_after}"
    return "\n".join([products, *advance, "", *retreat, ""])


def _function(head: str, first: list[str], stages: Iterable[_Stage]) -> Iterator[str]:
    yield f"def {head}:"
    yield from (f"    {line}" for line in first)
    for number, stage in enumerate(stages):
        if stage.of_units:
            yield f"    if p == {number}:"
            yield from (f"        {line}" for line in stage.before)
            yield "        for j in range(0, size, LANES):"
            yield from (f"            {line}" for line in stage.of_units)
            yield from (f"        {line}" for line in stage.after)


@dataclass
class _Stage:
    """Lines of a stage: before the loop over units, in it, and after it."""

    before: list[str]
    of_units: list[str]
    after: list[str]


class _Writer:
    """Writer of the lines of stages.

    Parameters
    ----------
    plan : StepPlan
        What is computed and stored.
    """

    def __init__(self, plan: StepPlan) -> None:
        self.plan = plan

    def forward_stage(self, stage: int) -> _Stage:
        """Return the lines of a stage of the forward pass."""
        always, kept = self.plan.forward[stage], dict(self.plan.forward_kept[stage])
        hidden = [place for place in always if self._is_kept_path(place)]
        kept |= {place: always[place] for place in hidden}
        always = {place: one for place, one in always.items() if place not in hidden}
        lines, names = self._computed({**always, **kept}, self.plan.available_forward(stage))
        self._end(lines, always, names)
        if kept:
            stores = [f"    {self._store(place, names[one])}" for place, one in kept.items()]
            lines.of_units += ["if is_kept:", *stores]
        return lines

    def backward_stage(self, stage: int) -> _Stage:
        """Return the lines of a stage of the backward pass."""
        targets = self.plan.backward[stage]
        lines, names = self._computed(targets, self.plan.available_backward(stage))
        self._end(lines, targets, names)
        return lines

    def _end(self, lines: _Stage, targets: Targets, names: dict[Expression, str]) -> None:
        """Add lines that store values, or add them up over the units."""
        for place, one in targets.items():
            if place[0] not in _MEANS:
                lines.of_units.append(self._store(place, names[one]))
                continue
            total = f"s{place[1]}"
            real = f"where_above(load(units, (j,)), float32(0.0), {names[one]}, float32(0.0))"
            lines.before.append(f"{total} = load(units, (0,)) * float32(0.0)")
            lines.of_units.append(f"{total} = {total} + {real}")
            lines.after.append(f"{_MEANS[place[0]].format(place[1])} = total({total}) * units[0]")

    def _is_kept_path(self, place: Place) -> bool:
        return place[0] == "path" and place[1] >= self.plan.shape.n_outputs

    def _computed(
        self, targets: Targets, available: dict[Expression, Place]
    ) -> tuple[_Stage, dict[Expression, str]]:
        """Return lines that compute expressions, and the names of the results."""
        names: dict[Expression, str] = {}
        uniform: list[str] = []
        loads: list[str] = []
        lines: list[str] = []

        def visit(one: Expression) -> None:
            if one in names:
                return
            if one.number is not None:
                names[one] = self._number(one.number)
                return
            is_read = one in available or one.place
            for operand in [] if is_read else one.expressions:
                visit(operand)
            name = f"v{len(names)}"
            if is_read:
                place: Place = available.get(one) or (one.operation, *one.place)  # type: ignore[assignment]
                (uniform if one.is_uniform else loads).append(f"{name} = {self._load(place)}")
            else:
                operands = [names[operand] for operand in one.expressions]
                line = f"{name} = {_operation(one.operation, operands)}"
                (uniform if one.is_uniform else lines).append(line)
            names[one] = name

        for target in targets.values():
            visit(target)
        return _Stage(uniform, loads + lines, []), names

    def _number(self, number: float) -> str:
        constants = self.plan.constants
        return f"c{constants.index(number)}" if number in constants else f"float32({number!r})"

    def _load(self, place: Place) -> str:
        kind, number = place[:2]
        if kind in _MEANS:
            return _MEANS[kind].format(number)
        if kind == "before":
            path = self._path(number)
            return (
                f"load(paths, ({path}, b, t - 1, j)) if t > 0 else load(starts, ({number}, b, j))"
            )
        return f"load({self._address(place)})"

    def _store(self, place: Place, value: str) -> str:
        address = self._address(place)
        if place[0] == "d_vector":
            value = f"load({address}) + {value}"
        return f"store({address}, {value})"

    def _address(self, place: Place) -> str:
        kind, number = place[:2]
        if kind == "path":
            return f"paths, ({self._path(number)}, b, t, j)"
        if kind == "kept_source":
            return f"kept_sources, ({self.plan.kept_sources.index(number)}, b, t, j)"
        return _PLACES[kind].format(*place[1:])

    def _path(self, state: int) -> int:
        return self.plan.paths.index(state)


def _operation(name: str, operands: list[str]) -> str:
    """Return the code of an operation."""
    if name in _INFIX:
        return f"{operands[0]} {_INFIX[name]} {operands[1]}"
    if name == "standardised":
        return f"({operands[0]} - {operands[1]}) * {operands[2]}"
    if name == "detach":
        return operands[0]
    return f"{name}({', '.join(operands)})"
