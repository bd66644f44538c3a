"""How much a model becomes once its functions stand in the place of their calls: known before they are put there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter

import onnx

MAX_NODES = 2**16
MAX_BYTES = 2**30
Key = tuple[str, str, str]


def check_expansion(model: onnx.ModelProto) -> None:
    """Raises ValueError if the functions call each other in a circle, or so often that nobody could hold the result."""
    if not model.functions:
        return
    bodies = {(f.domain, f.name, f.overload): f.node for f in model.functions}
    calls = {key: _calls(nodes, bodies.keys()) for key, nodes in bodies.items()}
    sizes: dict[Key, tuple[int, int]] = {}
    try:
        for key in TopologicalSorter(calls).static_order():
            sizes[key] = _expanded(bodies[key], calls[key], sizes)
    except CycleError as error:
        raise ValueError(f"function {error.args[1][0][1]!r} calls itself") from error
    nodes, size = _expanded(model.graph.node, _calls(model.graph.node, bodies.keys()), sizes)
    if nodes > MAX_NODES or size > MAX_BYTES:
        raise ValueError(f"its functions expand to over {MAX_NODES} nodes or {MAX_BYTES} bytes")


def _expanded(
    nodes: Iterable[onnx.NodeProto], calls: Counter[Key], sizes: dict[Key, tuple[int, int]]
) -> tuple[int, int]:
    """Nodes and bytes of these nodes with their calls expanded; whatever is too much is one more than allowed."""
    count, size = sum(1 for _ in _within(nodes)), sum(node.ByteSize() for node in nodes)
    for key, times in calls.items():
        count, size = count + times * sizes[key][0], size + times * sizes[key][1]
    return min(count, MAX_NODES + 1), min(size, MAX_BYTES + 1)


def _calls(nodes: Iterable[onnx.NodeProto], known: Iterable[Key]) -> Counter[Key]:
    made = ((node.domain, node.op_type, node.overload) for node in _within(nodes))
    return Counter(key for key in made if key in known)


def _within(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The nodes and those of their subgraphs."""
    waiting = [nodes]
    while waiting:
        for node in waiting.pop():
            yield node
            for attribute in node.attribute:
                waiting.extend(graph.node for graph in attribute.graphs)
                if attribute.HasField("g"):
                    waiting.append(attribute.g.node)
