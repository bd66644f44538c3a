"""What a claimant publishes is the claim's trace or is refused, in bounded time and memory."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dispute_model import OPS, lie
from published_traces import layout_of, server, trace

from circuits.errors import EnvironmentFailure
from prover.optimistic.store import TraceStore, statement_of
from verifier.challenger.published import MAX_LOCATOR, open_trace, read_published
from verifier.dispute.errors import DisputeError
from verifier.dispute.trace_file import TraceFile, TraceLayout

FILE = frozenset({"file"})
Header = dict[str, Any]


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("published")
    TraceStore(str(folder)).publish(trace())
    return next(folder.iterdir()).read_bytes()


def outcome(content: bytes) -> str:
    """`accepted`, or the code of the refusal, after all of the file was read."""

    def read(first: int, stop: int) -> bytes:
        assert stop - first < 2**24, "nothing so large is in this trace"
        found = content[first:stop]
        if len(found) != stop - first:
            raise EnvironmentFailure("trace_unreachable", "too short")
        return found

    try:
        file = TraceFile(read, layout_of(trace()))
        for op in range(OPS):
            file.tensor(op)
    except (DisputeError, EnvironmentFailure) as refused:
        return refused.code
    return "accepted"


def with_header(content: bytes, change: Callable[[Header], Any]) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def test_the_file_that_the_hostile_ones_start_from_is_accepted(content: bytes) -> None:
    assert outcome(content) == "accepted"
    assert outcome(with_header(content, lambda header: None)) == "accepted"


def test_refuses_every_changed_byte(content: bytes) -> None:
    length = 8 + int.from_bytes(content[:8], "little")
    places = [*range(0, length, 7), *range(length, length + 32 * OPS, 31), *range(length + 32 * OPS, len(content), 997)]
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1
        assert outcome(bytes(changed)) != "accepted", place


def test_refuses_a_file_that_ends_early(content: bytes) -> None:
    length = 8 + int.from_bytes(content[:8], "little")
    for size in (0, 7, 8, 100, length, length + 31, length + 32 * OPS, len(content) - 1):
        assert outcome(content[:size]) == "trace_unreachable", size


def test_refuses_the_trace_of_another_run_and_of_a_corrected_lie(tmp_path: Path) -> None:
    store = TraceStore(str(tmp_path))
    for other in (trace(1), lie(trace(), 3, 0, recomputed=True), lie(trace(), 3, 0, recomputed=False)):
        locator = store.publish(other)
        assert outcome(Path(locator.removeprefix("file://")).read_bytes()) == "trace_malformed"


def test_refuses_a_header_that_would_fill_the_memory(content: bytes) -> None:
    for length in (2**63, 2**40, 2**31, 2**24):
        assert outcome(length.to_bytes(8, "little") + content[8:]) == "trace_malformed"


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b"[" * 900, b'{"0":' * 900, b"\xff\xfe", b"9" * 5000])
def test_refuses_a_header_that_is_none(text: bytes, content: bytes) -> None:
    assert outcome(len(text).to_bytes(8, "little") + text + content) == "trace_malformed"


def test_refuses_dims_that_are_none(content: bytes) -> None:
    shapes = (None, 3, [True], [1.0], ["1"], [-1], [2**28 + 1], [2**14, 2**15], [1] * 9, [2**64], [[1]], {})
    for shape in shapes:
        changed = with_header(content, lambda header, shape=shape: header["3"].update(shape=shape))
        assert outcome(changed) == "trace_malformed", shape


def test_refuses_a_header_that_says_more_or_other_than_its_one_form(content: bytes) -> None:
    changes: list[Callable[[Header], Any]] = [
        lambda header: header.pop("7"),
        lambda header: header.pop("roots"),
        lambda header: header.pop("__metadata__"),
        lambda header: header.update({str(OPS): header["0"]}),
        lambda header: header["0"].update(dtype="I64"),
        lambda header: header["0"].update(note=1),
        lambda header: header["5"].update(data_offsets=header["4"]["data_offsets"]),
        lambda header: header["__metadata__"].update(output_root="0x" + "00" * 32),
        lambda header: header.update({"0": header.pop("0")}),
    ]
    for number, change in enumerate(changes):
        assert outcome(with_header(content, change)) == "trace_malformed", number


def test_refuses_a_field_given_twice(content: bytes) -> None:
    length = int.from_bytes(content[:8], "little")
    text = content[8 : 8 + length].rstrip().replace(b'"0":{', b'"0":{"shape":[1],', 1)
    text += b" " * (-len(text) % 8)
    assert outcome(len(text).to_bytes(8, "little") + text + content[8 + length :]) == "trace_malformed"


def test_a_right_file_under_the_roots_of_another_output_is_refused(content: bytes) -> None:
    layout = replace(layout_of(trace()), statement=replace(statement_of(trace()), output_root=bytes(32)))
    with pytest.raises(DisputeError):
        TraceFile(lambda first, stop: content[first:stop], layout)


def test_dims_of_the_claimants_choice_do_not_make_a_tensor(content: bytes) -> None:
    """[40] read as [8, 5] has the same bytes: the tensor root binds the dims."""
    layout = layout_of(trace())
    op = next(number for number, dims in enumerate(layout.dims) if dims == (40,))
    dims = (*layout.dims[:op], (8, 5), *layout.dims[op + 1 :])
    changed = TraceLayout(layout.statement, dims).header + content[len(layout.header) :]
    assert outcome(changed) == "trace_malformed"


# Addresses.


@pytest.mark.parametrize(
    "locator",
    [
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "local:///etc/passwd",
        "ftp://127.0.0.1/x",
        "s3://bucket/x",
        "memory://x",
        "simplecache::http://127.0.0.1/x",
        "http://127.0.0.1/x::file:///etc/passwd",
        "zip://x::file:///etc/passwd",
        "gopher://127.0.0.1",
        "http://" + "a" * MAX_LOCATOR,
        "http://",
        "http://[",
        "http:///x",
        "http://[::1]:1/x",
        "http://127.0.0.1:99999/x",
        "http://\x00/",
        "http://a b/",
        "http://" + "a" * 64 + "." + "b" * 300 + "/",
        "\ud800http://x",
    ],
)
def test_addresses_that_are_none_of_the_web_are_not_read(locator: str) -> None:
    with pytest.raises(EnvironmentFailure) as refused:
        open_trace(locator, layout_of(trace()))
    assert refused.value.code == "trace_unreachable"
    assert "passwd" in locator or "root:" not in refused.value.message


def test_a_challenger_reads_what_the_claim_names_and_nothing_where_it_names_nothing() -> None:
    told = statement_of(trace())
    claim = SimpleNamespace(input_root=told.input_root, output_root=told.output_root, trace_tree=told.trace_tree)
    view: Any = SimpleNamespace(claim=claim, key=SimpleNamespace(model_id=told.model_id), locator="")
    assert read_published(view, trace().program) is None
    for view.locator in ("file:///etc/passwd", "http://127.0.0.1:1/nobody"):
        with pytest.raises(EnvironmentFailure) as refused:
            read_published(view, trace().program)
        assert refused.value.code == "trace_unreachable"


# Servers.


def answered(answer: Callable[[BaseHTTPRequestHandler], None], patience_s: float = 5.0) -> str:
    with server(answer) as url, pytest.raises((EnvironmentFailure, DisputeError)) as refused:
        open_trace(url, layout_of(trace()), patience_s=patience_s)
    return str(refused.value.code)


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        while True:
            request.wfile.write(bytes(2**16))
    except OSError:
        return


def dripping(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    dripped(request)


def dripping_headers(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    dripped(request)


def dripped(request: BaseHTTPRequestHandler) -> None:
    """A byte at a time, so that no single read ever takes long."""
    try:
        while True:
            request.wfile.write(b"a")
            request.wfile.flush()
            time.sleep(0.3)
    except OSError:
        return


def silent(request: BaseHTTPRequestHandler) -> None:
    request.rfile.read(1)


def test_a_server_that_never_ends_is_left() -> None:
    assert answered(endless) == "trace_malformed"


@pytest.mark.parametrize("answer", [dripping, dripping_headers, silent])
def test_a_server_that_takes_its_time_is_left_at_the_deadline(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    assert answered(answer, patience_s=0.5) == "trace_unreachable"


def test_patience_is_for_all_of_a_trace_together(content: bytes) -> None:
    """Not for each of its tensors, of which there are as many as the claimant likes."""

    def slow(request: BaseHTTPRequestHandler) -> None:
        first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
        time.sleep(0.1)
        request.send_response(206)
        request.end_headers()
        request.wfile.write(content[first : last + 1])

    read: list[int] = []

    def all_of_it(url: str) -> None:
        file = open_trace(url, layout_of(trace()), patience_s=1.2)  # which a busy machine may take for this alone
        for op in range(OPS):
            file.tensor(op)
            read.append(op)

    with server(slow) as url, pytest.raises(EnvironmentFailure):
        all_of_it(url)
    assert len(read) < 12


def test_redirects_are_not_followed(tmp_path: Path) -> None:
    asked: list[str] = []

    def elsewhere(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        request.send_response(302)
        request.send_header("location", "/internal")
        request.end_headers()

    assert answered(elsewhere) == "trace_unreachable"
    assert asked == ["/trace"]


def test_an_answer_is_never_decompressed(content: bytes) -> None:
    def bomb(request: BaseHTTPRequestHandler) -> None:
        body = gzip.compress(bytes(2**26))
        request.send_response(200)
        request.send_header("content-encoding", "gzip")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    assert answered(bomb) == "trace_malformed"


@pytest.mark.parametrize("status", [204, 304, 401, 404, 500, 503])
def test_answers_without_the_file_are_refused(status: int) -> None:
    def refuse(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.end_headers()

    assert answered(refuse) == "trace_unreachable"


def test_ranges_of_another_place_are_refused(content: bytes) -> None:
    def shifted(request: BaseHTTPRequestHandler) -> None:
        first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
        request.send_response(206)
        request.end_headers()
        request.wfile.write(content[first + 1 : last + 2])

    assert answered(shifted) == "trace_malformed"


def test_more_than_was_asked_for_is_not_kept(content: bytes) -> None:
    def generous(request: BaseHTTPRequestHandler) -> None:
        first = int(request.headers["range"].removeprefix("bytes=").split("-")[0])
        request.send_response(206)
        request.end_headers()
        request.wfile.write(content[first:] + bytes(2**20))

    with server(generous) as url:
        assert open_trace(url, layout_of(trace())).roots() == tuple(trace().tensor_roots)
