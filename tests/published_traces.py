"""A trace small enough to publish in every test, and servers that answer as a claimant might."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from dispute_model import mixed_inputs, mixed_program

from prover.optimistic.store import statement_of
from prover.optimistic.trace import Tracer
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.trace_file import TraceLayout


@cache
def trace(seed: int = 0) -> CommittedTrace:
    return Tracer(mixed_program()).trace(mixed_inputs(seed))


def layout_of(made: CommittedTrace) -> TraceLayout:
    return TraceLayout.of(made.program, statement_of(made))


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """The URL of a server that answers every GET so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Readers leave in the middle: that is what is tested."""

    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_address[1]}/trace"
        finally:
            running.shutdown()
            thread.join()
