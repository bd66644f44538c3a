"""Which calibration shadows somebody may still read, kept count of as nodes are lowered."""

from __future__ import annotations

from collections import Counter, defaultdict

from circuits.onnx.graph import FloatGraph
from circuits.quantize.builder import Builder


class Lives:
    """Forgets a shadow after the last node that reads it: all of them together cost one step for each name and op."""

    def __init__(self, graph: FloatGraph, builder: Builder) -> None:
        self._builder = builder
        last_read = {name: position for position, node in enumerate(graph.nodes) for name in node.inputs}
        self._kept = {*last_read, *graph.outputs}
        self._last_at: defaultdict[int, list[str]] = defaultdict(list)
        for name, position in last_read.items():
            if name not in graph.outputs:
                self._last_at[position].append(name)
        # Several names may be one tensor.
        self._names = Counter(tensor.ref for name, tensor in builder.values.items() if name in self._kept)
        self._ops = len(builder.ops_since(0))

    def after(self, position: int, outputs: tuple[str, ...]) -> None:
        """The node at `position`, which makes `outputs`, is lowered."""
        values, names = self._builder.values, self._names
        names.update(values[name].ref for name in outputs if name in self._kept and name in values)
        last = [values[name].ref for name in self._last_at.pop(position, ()) if name in values]
        names.subtract(last)
        made = self._builder.ops_since(self._ops)
        self._builder.forget(ref for ref in (*last, *made) if not names[ref])
        self._ops += len(made)
