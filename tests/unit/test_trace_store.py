"""A published trace is read back as it was made, from wherever it lies."""

from __future__ import annotations

import os
import stat
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import fsspec
import numpy as np
import pytest
from dispute_model import OPS, lie
from published_traces import layout_of, server, trace
from safetensors.numpy import load_file

from circuits.errors import EnvironmentFailure
from prover.optimistic.store import TraceStore, statement_of
from prover.optimistic.trace import Tracer
from verifier.challenger.fault import find_fault
from verifier.challenger.published import open_trace
from verifier.dispute.commitment import CommittedTrace
from verifier.dispute.trace_file import TraceLayout


def same(read: CommittedTrace, made: CommittedTrace) -> None:
    assert read.trace_tree == made.trace_tree
    assert read.output_root == made.output_root
    for ours, theirs in zip(read.made, made.made, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_trace_published_to_a_directory_is_read_back(tmp_path: Path) -> None:
    made, store = trace(), TraceStore(str(tmp_path / "traces"))
    locator = store.publish(made)
    assert locator == (tmp_path / "traces" / f"{made.trace_tree.hex()}.trace.safetensors").as_uri()
    same(store.read(made.committed, made.inputs, statement_of(made)), made)
    file = open_trace(locator, layout_of(made), accept=frozenset({"file"}))
    assert list(file.roots()) == made.tensor_roots


def test_the_file_is_what_safetensors_reads(tmp_path: Path) -> None:
    made = trace()
    TraceStore(str(tmp_path)).publish(made)
    tensors = load_file(next(tmp_path.iterdir()))
    assert tensors["roots"].tobytes() == b"".join(made.tensor_roots)
    for op, values in enumerate(made.made):
        assert tensors[str(op)].dtype == np.int32
        np.testing.assert_array_equal(tensors[str(op)], values)
    assert len(tensors) == 1 + OPS


def test_publishing_twice_leaves_one_file_that_others_may_read(tmp_path: Path) -> None:
    made, store = trace(), TraceStore(str(tmp_path))
    assert store.publish(made) == store.publish(made)
    assert store.publish(trace(1)) != store.publish(made)
    files = list(tmp_path.iterdir())
    assert len(files) == 2
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o644 for file in files)


def test_a_trace_published_to_an_object_store_is_read_back() -> None:
    made, store = trace(), TraceStore("memory://bucket/traces", "https://traces.example/claims/")
    name = f"{made.trace_tree.hex()}.trace.safetensors"
    assert store.publish(made) == f"memory://bucket/traces/{name}"
    assert store.locator(statement_of(made)) == f"https://traces.example/claims/{name}"
    same(store.read(made.committed, made.inputs, statement_of(made)), made)
    fsspec.filesystem("memory").rm("/bucket", recursive=True)
    with pytest.raises(EnvironmentFailure) as refused:
        store.open(layout_of(made))
    assert refused.value.code == "trace_unreachable"


def test_a_lie_is_published_as_it_was_told(tmp_path: Path) -> None:
    """The file shows what the claim says, which is what a challenger needs."""
    told = lie(trace(), 3, 0, recomputed=True)
    store = TraceStore(str(tmp_path))
    store.publish(told)
    same(store.read(told.committed, told.inputs, statement_of(told)), told)


def test_a_challenger_finds_the_fault_in_what_a_liar_publishes(tmp_path: Path) -> None:
    """Also where all ops after the lie are right about it, so that every later tensor differs."""
    for recomputed in (False, True):
        told = lie(trace(), 3, 0, recomputed=recomputed)
        locator = TraceStore(str(tmp_path)).publish(told)
        file = open_trace(locator, layout_of(told), accept=frozenset({"file"}))
        view: Any = SimpleNamespace(claim=SimpleNamespace(trace_tree=told.trace_tree))
        fault = find_fault(view, file, trace())
        assert fault is not None
        assert (fault.op, fault.element, fault.true) == (3, 0, int(trace().made[3].reshape(-1)[0]))


def test_a_path_of_this_machine_is_told_to_nobody(tmp_path: Path) -> None:
    assert TraceStore(str(tmp_path)).locator(statement_of(trace())) == ""


def test_any_web_server_over_the_directory_will_do(tmp_path: Path) -> None:
    """Python's own knows no ranges, and answers with the whole file."""
    made = trace()
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            url = f"http://127.0.0.1:{running.server_address[1]}/"
            store = TraceStore(str(tmp_path), url)
            assert store.publish(made).startswith("file:")
            locator = store.locator(statement_of(made))
            assert locator.startswith(url)
            file = open_trace(locator, layout_of(made))
            for op, values in enumerate(made.made):
                np.testing.assert_array_equal(file.tensor(op), values)
        finally:
            running.shutdown()
            thread.join()


def test_only_what_is_asked_for_is_fetched_where_the_server_knows_ranges(tmp_path: Path) -> None:
    made = trace()
    TraceStore(str(tmp_path)).publish(made)
    content, sent = next(tmp_path.iterdir()).read_bytes(), []

    def answer(request: BaseHTTPRequestHandler) -> None:
        first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
        body = content[first : last + 1]
        sent.append(len(body))
        request.send_response(206)
        request.send_header("content-range", f"bytes {first}-{last}/{len(content)}")
        request.end_headers()
        request.wfile.write(body)

    with server(answer) as url:
        file = open_trace(url, layout_of(made))
        np.testing.assert_array_equal(file.tensor(5), made.made[5])
    assert sum(sent) == len(layout_of(made).header) + 32 * OPS + made.made[5].size * 4


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(EnvironmentFailure) as refused:
        TraceStore(str(tmp_path / "taken")).publish(trace())
    assert refused.value.code == "store_unusable"
    with pytest.raises(EnvironmentFailure) as refused:
        TraceStore("nonsense://bucket")
    assert refused.value.code == "store_unusable"


def test_an_interrupted_publication_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFailure):
        TraceStore(str(tmp_path)).publish(trace())
    assert list(tmp_path.iterdir()) == []


def test_tensors_of_any_dims_have_their_places() -> None:
    layout = TraceLayout(statement_of(trace()), ((2, 3), (0,), (), (5,)))
    roots_end = len(layout.header) + 4 * 32
    assert len(layout.header) % 8 == 0
    ends = [roots_end, roots_end + 24, roots_end + 24, roots_end + 28, roots_end + 48]
    assert [layout.span(op) for op in range(4)] == list(pairwise(ends))


def test_a_tracers_own_arrays_can_be_published_while_it_runs_again(tmp_path: Path) -> None:
    tracer = Tracer(trace().program)
    first = tracer.trace(trace().inputs)
    tracer.trace(trace(1).inputs)
    store = TraceStore(str(tmp_path))
    store.publish(first)
    assert store.open(layout_of(trace())).roots() == tuple(first.tensor_roots)
