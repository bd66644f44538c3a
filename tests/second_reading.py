"""A second implementation of docs/protocol/program.md, from its text alone: plain Python on graph.json's own fields.

It shares no code with `circuits`; section numbers are the note's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
Tensor = list[int]
Range = tuple[int, int]
Point = tuple[int, ...]

OPCODES = {
    "contract": 1, "linear": 2, "mul": 3, "reduce_sum": 4, "lookup": 5, "max": 6, "argmax": 7, "compare": 8,
    "select": 9, "index": 10, "gather": 11, "divide": 12, "rsqrt": 13,
}  # fmt: skip
ACCUMULATING = ("contract", "linear", "mul", "reduce_sum")
RELATIONS = {"less": 0, "less_or_equal": 1, "equal": 2}


def points(dims: Sequence[int]) -> list[Point]:
    return list(itertools.product(*(range(d) for d in dims)))


def flat(values: Any) -> Tensor:
    return [v for item in values for v in flat(item)] if isinstance(values, list) else [values]


# Sections 2 to 4: the elements.


def read(tensor: Tensor, how: Json, point: Point) -> int | None:
    """Section 2: the element at a point, None out of bounds."""
    place = 0
    for size, offset, strides in zip(how["view"], how["offsets"], how["strides"], strict=True):
        index = offset + sum(s * t for s, t in zip(strides, point, strict=True))
        if not 0 <= index < size:
            return None
        place = place * size + index
    return tensor[place]


def bounds(bits: int) -> Range:
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def saturate(value: int, bits: int) -> int:
    low, high = bounds(bits)
    return min(max(value, low), high)


def rescale(acc: int, shift: int) -> int:
    """Section 3, as a quotient of doubled integers."""
    return (2 * acc + 2**shift) // 2 ** (shift + 1)


def finish(acc: int, op: Json) -> int:
    clamped = saturate(rescale(acc, op["shift"]), op["bits"])
    assert op["saturates"] or clamped == rescale(acc, op["shift"])
    return clamped


def quotient(a: int, d: int, up: int) -> int:
    """The only y with 0 <= 2·a·2^up + d − 2·d·y < 2·d."""
    y = (2 * a * 2**up + d) // (2 * d)
    assert 0 <= 2 * a * 2**up + d - 2 * d * y < 2 * d
    return y


def inverse_root(x: int, exponent: int) -> int:
    """The largest y with y = 0 or (2y − 1)²·x <= 2^(2·exponent + 2), by halving."""
    low, high = 0, 2**exponent + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if (2 * middle - 1) ** 2 * x <= 2 ** (2 * exponent + 2) else (low, middle)
    return low


def has_bias(op: Json) -> bool:
    without = {"contract": 2, "mul": 2, "linear": len(op.get("coefficients", ()))}
    return len(op["operands"]) == without.get(op["op"], -1) + 1


def inner_of(op: Json, position: int) -> list[int]:
    """Section 2: the inner dims over which an operand is read; all 1 where it is read at o alone."""
    at_o = (has_bias(op) and position == len(op["operands"]) - 1) or (op["op"] == "gather" and position == 1)
    return [1] * len(op["inner"]) if at_o else op["inner"]


def element(op: Json, operands: list[Tensor], o: Point) -> int:
    """Section 4, one output element."""
    kind = op["op"]
    count = 1 if kind == "lookup" else len(operands)
    columns = [[read(operands[i], op["maps"][i], o + k) for k in points(inner_of(op, i))] for i in range(count)]
    zeros = [[v or 0 for v in column] for column in columns]
    if kind in ACCUMULATING:
        bias = zeros.pop()[0] if has_bias(op) else 0
        if kind == "linear":
            terms = [c * x[0] for c, x in zip(op["coefficients"], zeros, strict=True)]
        elif kind == "reduce_sum":
            terms = [op["multiplier"] * x for x in zeros[0]]
        else:
            terms = [a * b for a, b in zip(*zeros, strict=True)]
        return finish(sum(terms) + bias, op)
    if kind == "lookup":
        return operands[1][zeros[0][0] - op["low"]]
    if kind == "argmax":
        largest = max(v for v in columns[0] if v is not None)
        return columns[0].index(largest)
    if kind == "compare":
        a, b = zeros[0][0], zeros[1][0]
        return int({"less": a < b, "less_or_equal": a <= b, "equal": a == b}[op["relation"]])
    if kind == "select":
        return zeros[1][0] if zeros[0][0] == 1 else zeros[2][0]
    if kind == "gather":
        return zeros[0][zeros[1][0]]
    if kind == "divide":
        value = quotient(zeros[0][0], zeros[1][0], op["up"])
        assert op["saturates"] or value == saturate(value, op["bits"])
        return saturate(value, op["bits"])
    if kind == "rsqrt":
        return inverse_root(zeros[0][0], op["exponent"])
    found = [v for column in columns for v in column if v is not None]
    return max(found) if kind == "max" else [*found, op["fill"]][0]


def trace(graph: Json, constants: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """Every op's output, row-major, in execution order."""
    made: list[Tensor] = []
    sources = {"input": inputs, "const": constants, "op": made}
    for op in graph["ops"]:
        operands = [sources[kind][index] for kind, index in op["operands"]]
        made.append([element(op, operands, o) for o in points(op["dims"])])
    return made


# Section 5: the ranges.


def hull(*ranges: Range) -> Range:
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def times(a: Range, b: Range) -> Range:
    corners = [x * y for x in a for y in b]
    return min(corners), max(corners)


def magnitude(of: Range) -> int:
    return max(abs(of[0]), abs(of[1]))


def always(op: Json, position: int) -> bool:
    """Whether an operand is in bounds at every point."""
    how, iteration = op["maps"][position], op["dims"] + inner_of(op, position)
    fake = list(range(math.prod(how["view"])))
    return all(read(fake, how, t) is not None for t in points(iteration))


def contract_range(op: Json, x: list[Range], weights: list[Tensor | None]) -> tuple[Range, int]:
    inner = points(op["inner"])
    side = 1 if weights[1] is not None else 0
    w = weights[side]
    if w is None:
        low, high = times(x[0], x[1])
        return (len(inner) * low, len(inner) * high), len(inner) * magnitude((low, high))
    low, high = x[1 - side]
    accs, sizes = [], []
    for o in points(op["dims"]):
        row = [read(w, op["maps"][side], o + k) or 0 for k in inner]
        up, down = sum(max(v, 0) for v in row), sum(max(-v, 0) for v in row)
        accs.append((up * low - down * high, up * high - down * low))
        sizes.append(up + down)
    return hull(*accs), max(sizes) * max(abs(low), abs(high))


def accumulated_range(op: Json, x: list[Range], weights: list[Tensor | None]) -> tuple[Range, int]:
    """The range of acc, and its magnitude."""
    bias = x[-1] if has_bias(op) else (0, 0)
    if op["op"] == "contract":
        acc, size = contract_range(op, x, weights)
    elif op["op"] == "mul":
        acc = times(x[0], x[1])
        size = magnitude(acc)
    elif op["op"] == "reduce_sum":
        count = len(points(op["inner"]))
        acc = times((op["multiplier"],) * 2, (count * x[0][0], count * x[0][1]))
        size = max(abs(op["multiplier"]), 1) * count * magnitude(x[0])
    else:
        terms = [times((c, c), r) for c, r in zip(op["coefficients"], x, strict=False)]
        acc = sum(low for low, _ in terms), sum(high for _, high in terms)
        size = sum(abs(c) * magnitude(r) for c, r in zip(op["coefficients"], x, strict=False))
    return (acc[0] + bias[0], acc[1] + bias[1]), size + magnitude(bias)


def saturated(found: Range, op: Json) -> Range:
    clamped = saturate(found[0], op["bits"]), saturate(found[1], op["bits"])
    assert op["saturates"] == (clamped != found)
    return clamped


def plain_range(op: Json, given: list[Range], weights: list[Tensor | None]) -> Range:
    """The range of an op's output that has elements."""
    kind, count = op["op"], math.prod(op["inner"])
    if kind == "lookup":
        table = weights[1] or []
        reachable = table[given[0][0] - op["low"] : given[0][1] - op["low"] + 1]
        assert len(reachable) == given[0][1] - given[0][0] + 1
        return min(reachable), max(reachable)
    certain = [always(op, i) for i in range(len(given))]
    x = [r if sure else hull(r, (0, 0)) for r, sure in zip(given, certain, strict=True)]
    if kind in ACCUMULATING:
        acc, size = accumulated_range(op, x, weights)
        assert size + (2 ** (op["shift"] - 1) if op["shift"] else 0) < 2**53
        return saturated((rescale(acc[0], op["shift"]), rescale(acc[1], op["shift"])), op)
    if kind == "max":
        lows = [low for (low, _), sure in zip(given, certain, strict=True) if sure]
        return max(lows) if lows else min(low for low, _ in given), max(high for _, high in given)
    if kind == "argmax":
        return 0, count - 1
    if kind == "compare":
        return compare_range(op["relation"], x[0], x[1])
    if kind == "select":
        assert x[0][0] >= 0
        assert x[0][1] <= 1
        return {(1, 1): x[1], (0, 0): x[2]}.get(x[0], hull(x[1], x[2]))
    if kind == "index":
        return hull(*given, *([] if any(certain) else [(op["fill"], op["fill"])]))
    if kind == "gather":
        assert given[1][0] >= 0
        assert given[1][1] < count
        return given[0]
    assert given[-1][0] >= 1
    if kind == "divide":
        assert 2 ** (op["up"] + 1) * magnitude(x[0]) + magnitude(given[1]) < 2**53
        corners = [quotient(a, d, op["up"]) for a in x[0] for d in given[1]]
        return saturated((min(corners), max(corners)), op)
    return inverse_root(given[0][1], op["exponent"]), inverse_root(given[0][0], op["exponent"])


def compare_range(relation: str, a: Range, b: Range) -> Range:
    always_true = {"less": a[1] < b[0], "less_or_equal": a[1] <= b[0], "equal": a == b and a[0] == a[1]}
    never_true = {"less": a[0] >= b[1], "less_or_equal": a[0] > b[1], "equal": a[1] < b[0] or b[1] < a[0]}
    return int(always_true[relation]), int(not never_true[relation])


def ranges(graph: Json, constants: list[Tensor]) -> list[Range]:
    """The range of every op's output."""
    made: list[Range] = []
    sources = {
        "input": [bounds(port["bits"]) for port in graph["inputs"]],
        "const": [(min(c), max(c)) if c else (0, 0) for c in constants],
        "op": made,
    }
    for op in graph["ops"]:
        given = [sources[kind][index] for kind, index in op["operands"]]
        weights = [constants[index] if kind == "const" else None for kind, index in op["operands"]]
        made.append(plain_range(op, given, weights) if math.prod(op["dims"]) else (0, 0))
        assert bounds(op["bits"])[0] <= made[-1][0] <= made[-1][1] <= bounds(op["bits"])[1]
    return made


# Section 6: the descriptors.


def u32s(values: list[int]) -> bytes:
    return bytes([len(values)]) + b"".join(v.to_bytes(4, "big") for v in values)


def i32(value: int) -> bytes:
    return (value % 2**32).to_bytes(4, "big")


def descriptor(op: Json) -> bytes:
    kinds = {"input": 0, "const": 1, "op": 2}
    raw = bytes([OPCODES[op["op"]], 4, op["bits"], op["scale"] % 256]) + u32s(op["dims"]) + bytes([len(op["operands"])])
    raw += b"".join(bytes([kinds[kind]]) + i32(index) for kind, index in op["operands"])
    raw += u32s(op["inner"])
    for how in op["maps"]:
        raw += u32s(how["view"])
        for offset, strides in zip(how["offsets"], how["strides"], strict=True):
            raw += i32(offset) + b"".join(i32(s) for s in strides)
    if op["op"] == "linear":
        raw += bytes([len(op["coefficients"])]) + b"".join(i32(c) for c in op["coefficients"])
    raw += b"".join(i32(op[field]) for field in ("multiplier", "low", "fill") if field in op)
    raw += bytes([RELATIONS[op["relation"]]]) if "relation" in op else b""
    raw += b"".join(bytes([op[field]]) for field in ("shift", "up", "exponent") if field in op)
    return raw + (bytes([op["saturates"]]) if "saturates" in op else b"")
