"""What a compiled loop computes in each step, where it is read and where it is stored.

A step is computed in stages; see `_stages`. Forward, a stage ends where a product of a matrix with
a state is computed, or a mean over the units is complete. Backward, stages are counted from the end
of the step, and products are those of the transposed matrices with gradients.
"""

from __future__ import annotations

from functools import cached_property

from sksequence._kernels._expressions import Expression, in_order
from sksequence._kernels._stages import COSTLY, shared_values, stages_of
from sksequence._kernels._traced_step import TracedStep

_ARITHMETIC = {"add", "sub", "mul", "standardised"}

# what no other value of the backward pass is stored in
_OWN_PLACES = {"product_gradient", "shared", "d_mean"}

Place = tuple[str, int] | tuple[str, int, int]
Targets = dict[Place, Expression]


class StepPlan(TracedStep):
    """The stages of one step, forward and backward; see `TracedStep` for its parameters."""

    # forward

    @cached_property
    def product_stages(self) -> list[int]:
        """The stage after which each product is computed, one at a time."""
        after: dict[Expression, int] = {}
        stages: list[int] = []
        for source, blocks in zip(self.sources, self.blocks, strict=True):
            first = stages_of([source], (), after)[source]
            stages.append(max([first, *(stage + 1 for stage in stages)]))
            after |= dict.fromkeys(blocks, stages[-1] + 1)
        return stages

    @cached_property
    def _stages(self) -> dict[Expression, int]:
        """The first stage in which each expression of the forward pass can be computed."""
        pairs = zip(self.blocks, self.product_stages, strict=True)
        after = {block: stage + 1 for blocks, stage in pairs for block in blocks}
        return stages_of([*self.results, *self.sources], (), after)

    @cached_property
    def means(self) -> list[Expression]:
        """Means over the units of a row."""
        return [one for one in self._stages if one.operation == "mean"]

    @cached_property
    def n_stages(self) -> int:
        """Number of stages of the forward pass."""
        last = max((self._stages[result] for result in self.results), default=0)
        return max([last, *(stage + 1 for stage in self.product_stages)]) + 1

    @cached_property
    def _needed(self) -> list[Targets]:
        """What each stage of the forward pass computes, without what is shared or kept."""
        stages: list[Targets] = [{} for _ in range(self.n_stages)]
        for number, source in enumerate(self.sources):
            stages[self.product_stages[number]]["source", number] = source
        for number, mean in enumerate(self.means):
            stages[self._stages[mean] - 1]["mean", number] = mean.expressions[0]
        for i, result in enumerate(self.results):
            stages[-1]["state", i] = result
            if i in self.paths:
                stages[-1]["path", i] = result
        return stages

    @cached_property
    def shared(self) -> list[Expression]:
        """Values that a stage stores for later ones."""
        targets = [targets.values() for targets in self._needed]
        return shared_values(targets, self._stages, self._read_forward)

    @cached_property
    def forward(self) -> list[Targets]:
        """What each stage computes, by where it is stored, without what is kept."""
        stages = [dict(targets) for targets in self._needed]
        for number, one in enumerate(self.shared):
            stages[self._stages[one]]["shared", number] = one
        return stages

    @cached_property
    def forward_kept(self) -> list[Targets]:
        """What each stage stores for the backward pass, by where it is stored."""
        stages: list[Targets] = [{} for _ in range(self.n_stages)]
        for expression, slot in self.slots.items():
            if expression.operation != "input":
                stages[self._kept_stage(expression)]["gate", slot] = expression
        for number in self.kept_sources:
            stages[self.product_stages[number]]["kept_source", number] = self.sources[number]
        return stages

    @cached_property
    def kept_sources(self) -> list[int]:
        """Products that read something else than a state."""
        return [i for i, source in enumerate(self.sources) if source.operation != "state"]

    @cached_property
    def kept(self) -> list[Expression]:
        """Expressions of the forward pass that the backward pass reads, besides states."""
        found: set[Expression] = set()
        visited = {*self.results, *self.states, *self.means}

        def visit(expression: Expression) -> None:
            if expression in visited:
                return
            visited.add(expression)
            wide = [operand for operand in expression.expressions if not operand.is_uniform]
            if len(wide) == 1 and expression.operation in _ARITHMETIC:
                visit(wide[0])
            elif expression.is_uniform:
                return
            elif expression in self._stages and expression not in self._cheap:
                found.add(expression)
            else:
                for operand in expression.expressions:
                    visit(operand)

        for target in self.all_gradients():
            visit(target)
        return sorted(found, key=lambda one: one.index)

    @cached_property
    def _cheap(self) -> set[Expression]:
        """Arithmetic of the forward pass on states, vectors, constants and what is costly."""
        known: set[Expression] = set()  # and the costly ones
        for one in self._stages:
            is_result = one in self.results or one.is_uniform
            is_result |= one.operation in ("state", "vector")
            is_read = one.operation in ("input", "product")
            if (
                is_result
                or one.operation in COSTLY
                or (not is_read and known.issuperset(one.expressions))
            ):
                known.add(one)
        return {one for one in known if one.operation not in COSTLY or one in self.results}

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
        shared = enumerate(self.shared)
        stored: dict[Expression, Place] = {one: ("shared", number) for number, one in shared}
        stored = {one: place for one, place in stored.items() if self._stages[one] < stage}
        return stored | self._read_forward(stage)

    def _read_forward(self, stage: int) -> dict[Expression, Place]:
        """Return what a stage can read besides leaves and what is shared, and where."""
        sources: dict[Expression, Place] = {
            self.sources[i]: ("source", i)
            for i in self.kept_sources
            if self.product_stages[i] < stage
        }
        means = enumerate(self.means)
        return sources | {one: ("mean", i) for i, one in means if self._stages[one] <= stage}

    @cached_property
    def paths(self) -> list[int]:
        """States that are stored at each step: the outputs, and those that gradients read."""
        read = {*in_order(self.all_gradients()), *self.sources}
        return [
            i
            for i, (state, result) in enumerate(zip(self.states, self.results, strict=True))
            if i < self.shape.n_outputs or state in read or result in read
        ]

    @property
    def products_after(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The number of the product after each stage, forward and backward; -1 for none."""
        return (
            _products_after(self.product_stages, self.n_stages),
            _products_after(self.backward_product_stages, len(self.backward)),
        )

    # backward

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
    def backward_product_stages(self) -> list[int]:
        """The stage of the backward pass after which each transposed product is computed."""
        stages: dict[int, int] = {}
        after: dict[Expression, int] = {}
        for number in reversed(range(len(self.sources))):
            gradients = [self.gradient(block) for block in self.blocks[number]]
            firsts = stages_of(gradients, self._read_backward, after)
            least = [stage + 1 for stage in stages.values()]
            stages[number] = max([*(firsts[one] for one in gradients), *least])
            after[self.graph.leaf("source_gradient", number)] = stages[number] + 1
        return [stages[number] for number in range(len(self.sources))]

    @cached_property
    def _backward_stages(self) -> dict[Expression, int]:
        """The first stage of the backward pass in which each expression can be computed."""
        after = {
            self.graph.leaf("source_gradient", number): stage + 1
            for number, stage in enumerate(self.backward_product_stages)
        }
        return stages_of(self.all_gradients(), self._read_backward, after)

    @cached_property
    def backward_means(self) -> list[Expression]:
        """Means over the units of a row that only the backward pass needs."""
        means = [one for one in self._backward_stages if one.operation == "mean"]
        return [one for one in means if one not in self._read_backward]

    @cached_property
    def backward_shared(self) -> list[Expression]:
        """Values that a stage of the backward pass stores for later ones."""
        stages = self._backward_stages
        targets: list[list[Expression]] = [[] for _ in range(max(stages.values()) + 1)]
        for one in self._gradient_targets.values():
            targets[stages[one]].append(one)
        return shared_values(targets, stages, self._read_in_backward)

    @cached_property
    def backward(self) -> list[Targets]:
        """What each stage computes backward, by where it is stored.

        A value is computed in the first stage where it can be, but what it overwrites must not be
        read afterwards.
        """
        targets = self._gradient_targets | {
            ("shared", number): one for number, one in enumerate(self.backward_shared)
        }
        stages = {place: self._backward_stages[one] for place, one in targets.items()}
        overwriting = [place for place in targets if place[0] not in _OWN_PLACES]
        has_changed = True
        while has_changed:
            has_changed = False
            for place in overwriting:
                readers = [
                    stages[other]
                    for other, one in targets.items()
                    if place in read_places(one, self.available_backward(stages[other]))
                ]
                last = max([stages[place], *readers])
                has_changed |= last > stages[place]
                stages[place] = last
        n_stages = max([*stages.values(), *(stage + 1 for stage in self.backward_product_stages)])
        return [
            {place: one for place, one in targets.items() if stages[place] == stage}
            for stage in range(n_stages + 1)
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
        for i, mean in enumerate(self.backward_means):
            targets["d_mean", i] = mean.expressions[0]
        return targets

    @cached_property
    def _read_backward(self) -> dict[Expression, Place]:
        """Expressions of the forward pass that are read in the backward pass, and where."""
        read: dict[Expression, Place] = {
            **{state: ("before", i) for i, state in enumerate(self.states)},
            **{result: ("path", i) for i, result in reversed([*enumerate(self.results)])},
            **{one: ("gate", slot) for one, slot in self.slots.items()},
            **{one: ("mean", i) for i, one in enumerate(self.means)},
        }
        return read

    def available_backward(self, stage: int) -> dict[Expression, Place]:
        """Return what a stage can read, and where."""
        known = self._read_in_backward(stage)
        for number, one in enumerate(self.backward_shared):
            if self._backward_stages[one] < stage:
                known.setdefault(one, ("shared", number))
        return known

    def _read_in_backward(self, stage: int) -> dict[Expression, Place]:
        """Return what a stage can read besides what is shared, and where."""
        known = dict(self._read_backward)
        for number, blocks in enumerate(self.blocks):
            for i, block in enumerate(blocks):
                if self._backward_stages[self.gradient(block)] < stage:
                    known.setdefault(self.gradient(block), ("product_gradient", number, i))
        for number, mean in enumerate(self.backward_means):
            if self._backward_stages[mean] <= stage:
                known[mean] = ("d_mean", number)
        return known


def _products_after(stages: list[int], n_stages: int) -> tuple[int, ...]:
    """Return the number of the product after each stage, -1 for none."""
    return tuple(stages.index(i) if i in stages else -1 for i in range(n_stages))


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
