"""Program files that nobody honest would write, and a child process that reads them."""

from __future__ import annotations

import json
import os
import resource
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.numpy import save

from circuits.program.errors import ProgramError
from circuits.program.file import load_program
from circuits.program.graph import Program
from circuits.program.graph_json import dump_graph
from tests.vectors import golden_layers

CPU_SECONDS = 2  # each takes well under one; two, for a machine that is busy
MEMORY = 2**29  # over what the interpreter itself holds when the reading starts
BASE = golden_layers.dense_relu()

Graph = dict[str, Any]


def weights(program: Program = BASE) -> bytes:
    return save({str(i): c.values.astype(f"<i{c.width}") for i, c in enumerate(program.constants)})


def archive(path: Path, graph: bytes, tensors: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in (("graph.json", graph), ("weights.safetensors", tensors)):
            file.writestr(zipfile.ZipInfo(name), data, method)
    return path


def with_graph(path: Path, change: Callable[[Graph], None]) -> Path:
    graph = json.loads(dump_graph(BASE))
    change(graph)
    return archive(path, json.dumps(graph).encode(), weights())


def code_within_limits(path: Path) -> str:
    """The refusal's code, found by a child process that may spend two seconds and half a gigabyte."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        with open("/proc/self/statm") as file:
            held = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        answer = "neither accepted nor refused"
        try:
            load_program(path)
            answer = "accepted"
        except ProgramError as error:
            answer = error.code if len(json.dumps(error.as_dict())) < 4096 else "an error of over 4096 characters"
        finally:
            os.write(write_end, answer.encode())
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    assert not os.WIFSIGNALED(status), f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return answer


def put(*path: str | int, value: object) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        place: Any = graph
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change
