"""Whatever is changed in a graph, its reader refuses it or finds a program with a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuits.program.errors import ProgramError
from circuits.program.file import load_program
from circuits.program.graph_json import dump_graph
from tests.hostile_files import archive, put, weights
from tests.vectors import golden_edges, golden_layers


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in steps:
        yield (*path, step)
        yield from places(item, (*path, step))


GOLDEN = [build() for build in (*golden_layers.INPUTS, *golden_edges.INPUTS)]
HOSTILE_VALUES = st.one_of(
    st.sampled_from(
        [None, True, [], {}, "", 1.5, -1, 0, 1, 2, 31, 2**28, 2**31 - 1, -(2**31), 2**32, 2**63 - 1, 2**63]
    ),
    st.integers(-3, 9),
    st.lists(st.integers(0, 4), max_size=9),
    st.sampled_from(["input", "const", "op", "max", "argmax", "gather", "lookup", "divide", "rsqrt", "select"]),
)


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_graph_changed_anywhere_is_refused_or_has_a_name(tmp_path: Path, data: st.DataObject) -> None:
    program = data.draw(st.sampled_from(GOLDEN))
    graph = json.loads(dump_graph(program))
    for _ in range(data.draw(st.integers(1, 3))):
        put(*data.draw(st.sampled_from(list(places(graph)))), value=data.draw(HOSTILE_VALUES))(graph)
    archive(tmp_path / "f", json.dumps(graph).encode(), weights(program))
    try:
        loaded = load_program(tmp_path / "f")
    except ProgramError as error:
        json.dumps(error.as_dict())
    else:
        assert len(loaded.model_id()) == 32
