"""What a compiled loop computes in each step, where it is read and where it is stored.

A step has one stage before each product of a matrix with a state, and one after the last: stage p
may read products before p. Backward, the stages run in the opposite order, and stage p may read the
gradients of what products from p on have read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sksequence._kernels._derivatives import gradients
from sksequence._kernels._expressions import Expression, Graph, in_order

Place = tuple[str, int] | tuple[str, int, int]
Targets = dict[Place, Expression]
ReadProduct = Callable[[str, Expression], Sequence[Expression]]
Equations = Callable[
    [Sequence[Expression], ReadProduct, Sequence[Expression], Sequence[Expression]],
    Sequence[Expression],
]

# cheaper to read from memory than to compute again
_COSTLY = {"sigmoid", "tanh", "exp", "sqrt", "softplus", "div"}


@dataclass(frozen=True)
class Shape:
    """Number of parts of a cell, each as wide as the layer.

    Parameters
    ----------
    n_inputs : int
        Blocks of W x + b.
    n_states : int
        States; the first ones are outputs.
    n_outputs : int
        States that are outputs.
    n_vectors : int
        Vectors of parameters with one number per unit.
    products : tuple of (str, int)
        Names of the recurrent matrices, in the order of their use, and the number of their blocks.
    """

    n_inputs: int
    n_states: int
    n_outputs: int
    n_vectors: int
    products: tuple[tuple[str, int], ...]


class StepPlan:
    """The stages of one step, forward and backward.

    Parameters
    ----------
    shape : Shape
        Number of inputs, states, vectors and products.
    equations : callable
        ``(inputs, product, states, vectors) -> new states``, where ``product(name, read)`` returns
        the blocks of a matrix times a state.
    """

    def __init__(self, shape: Shape, equations: Equations) -> None:
        self.shape = shape
        self.graph = Graph()
        self.sources: list[Expression] = []
        self.blocks: list[list[Expression]] = []  # of each product
        self.inputs = self._leaves("input", shape.n_inputs)
        self.states = self._leaves("state", shape.n_states)
        self.vectors = self._leaves("vector", shape.n_vectors)
        self.results = list(equations(self.inputs, self._product, self.states, self.vectors))
        self.n_stages = len(self.sources) + 1

    def _leaves(self, kind: str, n: int) -> list[Expression]:
        return [self.graph.leaf(kind, i) for i in range(n)]

    def _product(self, name: str, read: Expression) -> list[Expression]:
        number = len(self.sources)
        names = [known for known, _ in self.shape.products]
        if name not in names[number : number + 1]:
            raise ValueError(
                f"they use the product {name!r} as number {number + 1}, but each of {names} is "
                "used once, in this order"
            )
        n_blocks = self.shape.products[number][1]
        self.sources.append(read)
        self.blocks.append([self.graph.block(number, block, read) for block in range(n_blocks)])
        return self.blocks[-1]

    @cached_property
    def constants(self) -> list[float]:
        """Numbers besides 0 and 1, in the order in which the equations and their gradients come."""
        *_, known = self.gradients, list(self.graph.values())
        numbers = (one.number for one in known)
        return [number for number in numbers if number is not None and number not in (0.0, 1.0)]

    # forward

    @cached_property
    def forward(self) -> list[Targets]:
        """What each stage computes, by where it is stored, without what is kept."""
        stages: list[Targets] = [{} for _ in range(self.n_stages)]
        for number, source in enumerate(self.sources):
            stages[number]["source", number] = source
        for i, result in enumerate(self.results):
            stages[-1]["state", i] = result
            if i in self.paths:
                stages[-1]["path", i] = result
        return stages

    @cached_property
    def forward_kept(self) -> list[Targets]:
        """What each stage stores for the backward pass, by where it is stored."""
        stages: list[Targets] = [{} for _ in range(self.n_stages)]
        for expression, slot in self.slots.items():
            if expression.operation != "input":
                stages[self._kept_stage(expression)]["gate", slot] = expression
        for number in self.kept_sources:
            stages[number]["kept_source", number] = self.sources[number]
        return stages

    @cached_property
    def kept_sources(self) -> list[int]:
        """Products that read something else than a state."""
        return [i for i, source in enumerate(self.sources) if source.operation != "state"]

    @cached_property
    def kept(self) -> list[Expression]:
        """Expressions of the forward pass that the backward pass reads, besides states."""
        found: set[Expression] = set()
        visited = {*self.results, *self.states}

        def visit(expression: Expression) -> None:
            if expression in visited:
                return
            visited.add(expression)
            if expression in self._stages and expression not in self._cheap:
                found.add(expression)
                return
            for operand in expression.expressions:
                visit(operand)

        for target in self._all_gradients():
            visit(target)
        return sorted(found, key=lambda one: one.index)

    @cached_property
    def _cheap(self) -> set[Expression]:
        """Arithmetic of the forward pass on states, vectors, constants and what is costly."""
        known: set[Expression] = set()  # and the costly ones
        for one in self._stages:
            is_result = one in self.results or one.operation in ("state", "vector", "constant")
            is_read = one.operation in ("input", "product")
            if (
                is_result
                or one.operation in _COSTLY
                or (not is_read and known.issuperset(one.expressions))
            ):
                known.add(one)
        return {one for one in known if one.operation not in _COSTLY or one in self.results}

    @cached_property
    def _stages(self) -> dict[Expression, int]:
        """The first stage in which each expression of the forward pass can be computed."""
        stages: dict[Expression, int] = {}
        for one in in_order([*self.results, *self.sources]):
            before = max((stages[operand] for operand in one.expressions), default=0)
            stages[one] = one.place[0] + 1 if one.operation == "product" else before
        return stages

    @cached_property
    def slots(self) -> dict[Expression, int]:
        """The block of the buffer that holds each kept expression: that of an input, or a new one.

        An input is replaced where no later stage reads it.
        """
        taken = {one: one.place[0] for one in self.kept if one.operation == "input"}
        for expression in self.kept:
            if expression not in taken:
                taken[expression] = next(
                    i
                    for i in range(len(self.inputs) + len(self.kept))
                    if i not in taken.values() and self._last_use(i) <= self._kept_stage(expression)
                )
        return taken

    def _kept_stage(self, expression: Expression) -> int:
        """Return the first stage that computes an expression."""
        return next(i for i in range(self.n_stages) if expression in self._computed(i))

    def _last_use(self, number: int) -> int:
        """Return the last stage that reads an input."""
        if number >= len(self.inputs):
            return 0
        leaf = self.inputs[number]
        return max(i for i in range(self.n_stages) if i == 0 or leaf in self._computed(i))

    def _computed(self, stage: int) -> set[Expression]:
        """Return all expressions that a stage of the forward pass reads or computes."""
        targets = self.forward[stage].values()
        return set(in_order(targets, self.available_forward(stage)))

    def available_forward(self, stage: int) -> dict[Expression, Place]:
        """Return what a stage can read besides leaves, and where."""
        return {self.sources[i]: ("source", i) for i in self.kept_sources if i < stage}

    @cached_property
    def paths(self) -> list[int]:
        """States that are stored at each step: the outputs, and those that gradients read."""
        read = {*in_order(self._all_gradients()), *self.sources}
        return [
            i
            for i, (state, result) in enumerate(zip(self.states, self.results, strict=True))
            if i < self.shape.n_outputs or state in read or result in read
        ]

    # backward

    @cached_property
    def gradients(self) -> dict[Expression, Expression]:
        """The gradient of each expression of the forward pass."""
        pairs = []
        for i, result in enumerate(self.results):
            carried = self.graph.leaf("d_state", i)
            if i < self.shape.n_outputs:
                carried = carried + self.graph.leaf("d_output", i)
            pairs.append((result, carried))
        return gradients(pairs)

    def gradient(self, expression: Expression) -> Expression:
        """Return the gradient of an expression, 0 if no result depends on it."""
        return self.gradients.get(expression, self.graph.constant(0.0))

    def _all_gradients(self) -> Iterable[Expression]:
        blocks = [block for blocks in self.blocks for block in blocks]
        for expression in [*self.inputs, *self.states, *self.vectors, *blocks]:
            yield self.gradient(expression)

    @cached_property
    def block_slots(self) -> list[list[int]]:
        """The block of the buffer for the gradient of each block of each product.

        The gradients of inputs come first, in their order; one that equals that of an input is
        stored once.
        """
        slots: dict[Expression, int] = {}
        for i, leaf in enumerate(self.inputs):
            slots.setdefault(self.gradient(leaf), i)
        following = len(self.inputs)
        for block in (block for blocks in self.blocks for block in blocks):
            if self.gradient(block) not in slots:
                slots[self.gradient(block)] = following
                following += 1
        return [[slots[self.gradient(block)] for block in blocks] for blocks in self.blocks]

    @property
    def n_slots(self) -> int:
        """Number of blocks of the buffer, in training."""
        gradients = (slot for slots in self.block_slots for slot in slots)
        return max([len(self.inputs) - 1, *self.slots.values(), *gradients]) + 1

    @cached_property
    def backward(self) -> list[Targets]:
        """What each stage computes backward, by where it is stored.

        A value is computed in the first stage where it can be, but what it overwrites must not be
        read afterwards.
        """
        targets = self._gradient_targets
        stages = {place: self._backward_stages[one] for place, one in targets.items()}
        overwriting = [place for place in targets if place[0] != "product_gradient"]
        has_changed = True
        while has_changed:
            has_changed = False
            for place in overwriting:
                stage = stages[place]
                readers = [stages[other] for other in targets if self._reads(other, place, stages)]
                last = min([stage, *readers])
                has_changed |= last < stage
                stages[place] = last
        return [
            {place: one for place, one in targets.items() if stages[place] == stage}
            for stage in range(self.n_stages)
        ]

    @cached_property
    def _gradient_targets(self) -> Targets:
        """Gradients by where they are stored."""
        targets: Targets = {}
        for number, blocks in enumerate(self.blocks):
            for i, (block, slot) in enumerate(zip(blocks, self.block_slots[number], strict=True)):
                targets["product_gradient", number, i] = self.gradient(block)
                targets["gate", slot] = self.gradient(block)
        for i, leaf in enumerate(self.inputs):
            targets["gate", i] = self.gradient(leaf)
        for i, leaf in enumerate(self.states):
            targets["d_state", i] = self.gradient(leaf)
        for i, leaf in enumerate(self.vectors):
            targets["d_vector", i] = self.gradient(leaf)
        return targets

    @cached_property
    def _backward_stages(self) -> dict[Expression, int]:
        """The first stage of the backward pass in which each expression can be computed."""
        stages: dict[Expression, int] = {}
        for one in in_order(self._all_gradients()):
            before = min((stages[operand] for operand in one.expressions), default=len(self.blocks))
            is_read = one in self._read_backward
            stages[one] = len(self.blocks) if is_read else before
            if one.operation == "source_gradient":
                stages[one] = one.place[0]
        return stages

    @cached_property
    def _read_backward(self) -> dict[Expression, Place]:
        """Expressions of the forward pass that are read in the backward pass, and where."""
        read: dict[Expression, Place] = {
            **{state: ("before", i) for i, state in enumerate(self.states)},
            **{result: ("path", i) for i, result in reversed([*enumerate(self.results)])},
            **{one: ("gate", slot) for one, slot in self.slots.items()},
        }
        return read

    def available_backward(self, stage: int) -> dict[Expression, Place]:
        """Return what a stage can read, and where."""
        known = dict(self._read_backward)
        for number in range(stage, len(self.blocks)):
            for i, block in enumerate(self.blocks[number]):
                known.setdefault(self.gradient(block), ("product_gradient", number, i))
        return known

    def _reads(self, target: Place, overwritten: Place, stages: dict[Place, int]) -> bool:
        """Check whether the value of a target is computed from what another one overwrites."""
        stage = stages[target]
        expression = self._gradient_targets[target]
        available = self.available_backward(stage)
        return overwritten in read_places(expression, available)


def read_places(expression: Expression, available: dict[Expression, Place]) -> set[Place]:
    """Return the places that are read to compute an expression."""
    places: set[Place] = set()
    visited = set()
    waiting = [expression]
    while waiting:
        one = waiting.pop()
        if one in visited:
            continue
        visited.add(one)
        if one in available:
            places.add(available[one])
        elif one.place:
            places.add((one.operation, *one.place))  # type: ignore[arg-type]
        else:
            waiting.extend(one.expressions)
    return places
