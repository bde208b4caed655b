"""Vectors of float32 as values of compiled functions: load, compute with ``+ - * /``, store.

Whether a compiler vectorises a loop depends on what it can prove about the arrays, so the loops use
vectors explicitly. A number is broadcast to the vector that it is combined with. In the interpreter
a vector is a small array.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.imputils import lower_builtin, lower_cast
from numba.core.typeconv.castgraph import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, overload, register_model
from numba.np.arrayobj import make_array

HAS_AVX512 = bool(binding.get_host_cpu_features().get("avx512f"))
LANES = 16 if HAS_AVX512 else 8
VECTOR = ir.VectorType(ir.FloatType(), LANES)


class VectorType(types.Type):
    """The type of a vector of float32; numbers convert to it."""

    def __init__(self) -> None:
        super().__init__(name=f"float32 x {LANES}")

    def can_convert_from(self, typing: Any, other: Any) -> Any:
        """Accept numbers where vectors are expected."""
        return Conversion.safe if isinstance(other, types.Float) else None


_vector = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    """Data model of a vector: one value of the machine."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


class _Arithmetic(AbstractTemplate):
    """Typing of arithmetic: two vectors, or a vector and a number, give a vector."""

    def generic(self, args: Any, kws: Any) -> Any:
        """Return the signature if at least one argument is a vector."""
        fits = all(kind == _vector or isinstance(kind, types.Float) for kind in args)
        return signature(_vector, _vector, _vector) if fits and _vector in args else None


def _register_arithmetic(operation: Any, instruction: str) -> None:
    """Register an operation on vectors for compiled functions."""
    infer_global(operation)(type(_Arithmetic.__name__, (_Arithmetic,), {"key": operation}))

    @lower_builtin(operation, _vector, _vector)
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments, flags=("contract",))


_register_arithmetic(operator.add, "fadd")
_register_arithmetic(operator.sub, "fsub")
_register_arithmetic(operator.mul, "fmul")
_register_arithmetic(operator.truediv, "fdiv")


@lower_cast(types.Float, VectorType)
def _spread(context: Any, builder: Any, of: Any, to: Any, number: Any) -> Any:
    return repeated(builder, context.cast(builder, number, of, types.float32))


def repeated(builder: Any, number: Any) -> Any:
    """Emit a vector with the number in all its elements."""
    nothing = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
    return builder.shuffle_vector(first, nothing, zeros)


def load(array: Any, place: Any) -> Any:
    """Return the vector that begins at a place, a tuple with one index per axis."""
    *row, start = place
    return array[(*row, slice(start, start + LANES))].copy()


def store(array: Any, place: Any, vector: Any) -> None:
    """Write a vector, or a number to each of its elements."""
    *row, start = place
    array[(*row, slice(start, start + LANES))] = vector


def prefetch(array: Any, place: Any) -> None:
    """Ask the processor to bring what is at a place closer before it is read.

    There is nothing to do in the interpreter.
    """


def where_above(x: Any, y: Any, above: Any, below: Any) -> Any:
    """Return `above` in elements where x > y, else `below`, also where x or y is NaN."""
    return np.where(np.greater(x, y), above, below)


def where_nan(x: Any, nan: Any, other: Any) -> Any:
    """Return `nan` in elements where x is NaN, else `other`."""
    return np.where(np.isnan(x), nan, other)


def total(x: Any) -> Any:
    """Return the sum of the elements: of the two halves, of halves of these, and so on."""
    while len(x) > 1:
        x = x[: len(x) // 2] + x[len(x) // 2 :]
    return x[0]


def rounded(x: Any) -> Any:
    """Return the nearest whole numbers, halves to even ones."""
    return np.rint(x)


def power_of_two(n: Any) -> Any:
    """Return 2 to whole powers between -126 and 127."""
    return np.exp2(n)


def square_root(x: Any) -> Any:
    """Return the square root."""
    return np.sqrt(x)


@overload(load, strict=False)
def _load(array: Any, place: Any) -> Any:
    return lambda array, place: _load_vector(array, place)


@overload(store, strict=False)
def _store(array: Any, place: Any, vector: Any) -> Any:
    return lambda array, place, vector: _store_vector(array, place, vector)


@overload(prefetch, strict=False)
def _prefetch(array: Any, place: Any) -> Any:
    return lambda array, place: _prefetch_line(array, place)


@overload(where_above, strict=False)
def _where_above(x: Any, y: Any, above: Any, below: Any) -> Any:
    if _vector in (x, y):
        return lambda x, y, above, below: _choose(x, y, above, below)
    return lambda x, y, above, below: above if x > y else below


@overload(where_nan, strict=False)
def _where_nan(x: Any, nan: Any, other: Any) -> Any:
    if _vector in (x, nan, other):
        return lambda x, nan, other: _choose_nan(x, nan, other)
    return lambda x, nan, other: nan if x != x else other


@overload(total, strict=False)
def _total(x: Any) -> Any:
    return lambda x: _sum_elements(x)


@intrinsic
def _sum_elements(typing: Any, x: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (x,), n = arguments, LANES
        while n > 1:
            n //= 2
            nothing = ir.Constant(x.type, ir.Undefined)
            halves = [
                builder.shuffle_vector(x, nothing, _integers(range(first, first + n)))
                for first in (0, n)
            ]
            x = builder.fadd(*halves)
        return builder.extract_element(x, ir.Constant(ir.IntType(32), 0))

    return types.float32(_vector), emit


def _integers(numbers: Iterable[int]) -> Any:
    """Return a constant vector of integers."""
    kind = ir.IntType(32)
    listed = [ir.Constant(kind, number) for number in numbers]
    return ir.Constant(ir.VectorType(kind, len(listed)), listed)


@intrinsic
def _load_vector(typing: Any, array: Any, place: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature, arguments), align=4)

    return _vector(array, place), emit


@intrinsic
def _store_vector(typing: Any, array: Any, place: Any, vector: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature, arguments)
        builder.store(arguments[2], address, align=4)
        return context.get_dummy_value()

    return types.void(array, place, _vector), emit


@intrinsic
def _prefetch_line(typing: Any, array: Any, place: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, *[number] * 3])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        address = builder.bitcast(_address(context, builder, signature, arguments), byte)
        to_write, locality, is_data = 0, 2, 1  # the nearest cache would have a locality of 3
        options = [ir.Constant(number, option) for option in (to_write, locality, is_data)]
        builder.call(function, [address, *options])
        return context.get_dummy_value()

    return types.void(array, place), emit


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Emit the address of a place: a slice would cost more time than the arithmetic."""
    kind, places = signature.args[:2]
    array = make_array(kind)(context, builder, arguments[0])
    place = [
        context.cast(builder, index, of, types.intp)
        for index, of in zip(cgutils.unpack_tuple(builder, arguments[1]), places, strict=True)
    ]
    first = cgutils.get_item_pointer(context, builder, kind, array, place)
    return builder.bitcast(first, VECTOR.as_pointer())


@intrinsic
def _choose(typing: Any, x: Any, y: Any, above: Any, below: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, y, above, below = arguments
        return builder.select(builder.fcmp_ordered(">", x, y), above, below)

    return _vector(_vector, _vector, _vector, _vector), emit


@intrinsic
def _choose_nan(typing: Any, x: Any, nan: Any, other: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, nan, other = arguments
        return builder.select(builder.fcmp_unordered("uno", x, x), nan, other)

    return _vector(_vector, _vector, _vector), emit


def _elementwise(function: Any, emit: Any) -> None:
    """Compile a function of a vector as emitted code, and that of a number as numpy's."""

    @intrinsic
    def of_vector(typing: Any, x: Any) -> Any:
        def emit_one(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return emit(builder, arguments[0])

        return _vector(_vector), emit_one

    @overload(function, strict=False)
    def choose(x: Any) -> Any:
        if x == _vector:
            return lambda x: of_vector(x)
        return {
            rounded: lambda x: np.float32(np.rint(x)),
            power_of_two: lambda x: np.float32(2.0) ** np.float32(x),
            square_root: lambda x: np.float32(np.sqrt(x)),
        }[function]


def _machine_function(name: str) -> Any:
    """Return a function that emits the call of a function of LLVM."""
    kind = ir.FunctionType(VECTOR, [VECTOR])

    def emit(builder: Any, x: Any) -> Any:
        function = cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{LANES}f32")
        return builder.call(function, [x])

    return emit


def _emit_power(builder: Any, n: Any) -> Any:
    """Emit 2 to a whole power: the exponent of a float is stored with an offset of 127."""
    integers = ir.VectorType(ir.IntType(32), LANES)
    offset, shift = (ir.Constant(integers, [number] * LANES) for number in (127, 23))
    exponent = builder.add(builder.fptosi(n, integers), offset)
    return builder.bitcast(builder.shl(exponent, shift), VECTOR)


_elementwise(rounded, _machine_function("llvm.rint"))
_elementwise(square_root, _machine_function("llvm.sqrt"))
_elementwise(power_of_two, _emit_power)
