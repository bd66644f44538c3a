"""Fetching from a server on this machine that answers well, badly, or not at all."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from other_srs import write_other_srs

from circuits.errors import EnvironmentFailure, InferproofError, InputError
from prover import srs

K = 4


class Server(ThreadingHTTPServer):
    """Answers the n-th request with the n-th of `answers`, the last one from then on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, bytes, int | None]] = []
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = self.server.answers
        status, body, declared = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        if declared is not None:
            self.send_header("content-length", str(declared))
        if status == 302:
            self.send_header("location", body.decode())
            body = b""
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A valid string whose digest is the published one of its k; its tau is not the development one."""
    data = write_other_srs(K, tmp_path / "source").read_bytes()
    (tmp_path / "source").unlink()
    digest = hashlib.sha256(data).hexdigest()
    monkeypatch.setattr(srs, "ceremony_digests", lambda: {K: digest})
    return data


def fetch(server_url: str, path: Path) -> srs.SrsReport:
    return srs.fetch_srs(K, path, base_url=server_url, retry_wait_s=0.001)


def failure(server_url: str, path: Path) -> InferproofError:
    with pytest.raises(InferproofError) as failed:
        fetch(server_url, path)
    assert os.listdir(path.parent) == [], "a failed download leaves nothing behind"
    return failed.value


def test_fetches_checks_and_places_the_published_file(server: Server, published: bytes, tmp_path: Path) -> None:
    server.answers = [(200, published, len(published))]
    told: list[str] = []
    path = tmp_path / "kzg.srs"
    report = srs.fetch_srs(K, path, base_url=server.url + "/", progress=lambda phase, _: told.append(phase))
    assert path.read_bytes() == published
    assert (report.origin, report.insecure, report.k) == ("ceremony", False, K)
    assert server.asked == [f"/kzg{K}"]
    assert told == ["download", "digest", "digest", "monomial", "lagrange"]
    assert os.listdir(tmp_path) == ["kzg.srs"]


def test_follows_a_redirect_and_takes_a_body_without_declared_length(
    server: Server, published: bytes, tmp_path: Path
) -> None:
    server.answers = [(302, f"{server.url}/elsewhere".encode(), 0), (200, published, None)]
    assert fetch(server.url, tmp_path / "kzg.srs").k == K
    assert server.asked == [f"/kzg{K}", "/elsewhere"]


def test_tries_again_after_a_server_error_and_a_cut_connection(
    server: Server, published: bytes, tmp_path: Path
) -> None:
    size = len(published)
    server.answers = [(503, b"", 0), (200, published[: size // 2], size), (200, published, size)]
    assert fetch(server.url, tmp_path / "kzg.srs").k == K
    assert len(server.asked) == 3


def test_rejects_corrupted_download_by_its_digest(server: Server, published: bytes, tmp_path: Path) -> None:
    corrupted = published[:100] + bytes([published[100] ^ 1]) + published[101:]
    server.answers = [(200, corrupted, len(corrupted))]
    error = failure(server.url, tmp_path / "kzg.srs")
    assert isinstance(error, InputError)
    assert error.code == "srs_digest_mismatch"
    assert error.details["source"] == f"{server.url}/kzg{K}"


def test_rejects_file_with_the_published_digest_that_is_no_string(
    server: Server, published: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest is not the only check: a digest list that was itself wrong would not be enough."""
    swapped = published[:68] + published[132:196] + published[68:132] + published[196:]
    monkeypatch.setattr(srs, "ceremony_digests", lambda: {K: hashlib.sha256(swapped).hexdigest()})
    server.answers = [(200, swapped, len(swapped))]
    assert failure(server.url, tmp_path / "kzg.srs").code == "srs_not_powers"


def test_gives_up_on_a_server_that_always_cuts_the_connection(server: Server, published: bytes, tmp_path: Path) -> None:
    server.answers = [(200, published[:-1], len(published))]
    error = failure(server.url, tmp_path / "kzg.srs")
    assert isinstance(error, EnvironmentFailure)
    assert error.code == "srs_download_failed"
    assert len(server.asked) == error.details["attempts"] == 4


@pytest.mark.parametrize("status", [403, 404, 410])
def test_does_not_repeat_a_request_that_was_refused(
    server: Server, published: bytes, tmp_path: Path, status: int
) -> None:
    server.answers = [(status, b"no", 2)]
    error = failure(server.url, tmp_path / "kzg.srs")
    assert isinstance(error, EnvironmentFailure)
    assert (error.code, error.details["status"]) == ("srs_download_failed", status)
    assert len(server.asked) == 1


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("extra", [-64, 1])
def test_rejects_file_of_another_size(
    server: Server, published: bytes, tmp_path: Path, declared: bool, extra: int
) -> None:
    body = published[:extra] if extra < 0 else published + bytes(extra)
    server.answers = [(200, body, len(body) if declared else None)]
    error = failure(server.url, tmp_path / "kzg.srs")
    assert isinstance(error, EnvironmentFailure)
    assert error.code == "srs_download_size"


def test_nobody_listening_is_one_clear_error(published: bytes, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        error = failure(url, tmp_path / "kzg.srs")
    assert isinstance(error, EnvironmentFailure)
    assert error.code == "srs_download_failed"
    assert "ConnectError" in error.details["reason"]


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "nonsense", "http://[::1"])
def test_refuses_what_is_no_http_address(published: bytes, tmp_path: Path, url: str) -> None:
    error = failure(url, tmp_path / "kzg.srs")
    assert isinstance(error, InputError)
    assert error.code == "srs_url"


def test_failed_download_keeps_the_file_that_was_there(server: Server, published: bytes, tmp_path: Path) -> None:
    path = tmp_path / "kzg.srs"
    path.write_bytes(b"old")
    server.answers = [(404, b"", 0)]
    with pytest.raises(EnvironmentFailure):
        fetch(server.url, path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["kzg.srs"]
