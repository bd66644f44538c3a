"""A challenger's programs: by model id, from files, folders and registered addresses, none of which is believed."""

from __future__ import annotations

import gzip
import os
import threading
import time
import zlib
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from halo2_programs import convolution, gemm_relu
from published_traces import server

from circuits.errors import EnvironmentFailure
from circuits.program.file import save_program
from prover.cli import program_finder
from prover.cli.program_finder import ProgramFinder
from verifier.challenger import Found

WANTED = gemm_relu()
MODEL_ID = WANTED.model_id()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """No noise in the tests."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server over a folder: its address, and the folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


def test_a_program_is_found_in_a_file_and_in_a_folder(tmp_path: Path) -> None:
    save_program(convolution(), tmp_path / "a.program")
    save_program(WANTED, tmp_path / "b.program")
    for paths in ([tmp_path / "b.program"], [tmp_path]):
        assert ProgramFinder(paths)(MODEL_ID, "") == Found(tmp_path / "b.program")
    assert ProgramFinder([tmp_path])(b"\x00" * 32, "") is None


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.program").write_bytes(b"this is no program")
    save_program(WANTED, tmp_path / "b.program")
    assert ProgramFinder([tmp_path, tmp_path / "none.program"])(MODEL_ID, "") is not None
    assert ProgramFinder([tmp_path / "none.program"])(MODEL_ID, "") is None


def test_a_program_that_comes_later_under_the_same_name_is_seen(tmp_path: Path) -> None:
    save_program(convolution(), tmp_path / "a.program")
    finder = ProgramFinder([tmp_path])
    assert finder(MODEL_ID, "") is None
    save_program(WANTED, tmp_path / "a.program")
    assert finder(MODEL_ID, "") is not None


def test_nothing_is_downloaded_unless_allowed(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    save_program(WANTED, folder / "m.program")
    assert ProgramFinder([])(MODEL_ID, f"{url}/m.program") is None
    downloads = tmp_path / "downloads"
    assert ProgramFinder([], downloads)(MODEL_ID, f"file://{folder}/m.program") is None
    assert ProgramFinder([], downloads)(MODEL_ID, f"{url}/m.program") is not None
    (folder / "m.program").unlink()
    assert ProgramFinder([], downloads)(MODEL_ID, f"{url}/m.program") is not None  # kept


def test_what_was_fetched_is_marked_and_the_operators_file_goes_first(site: tuple[str, Path], tmp_path: Path) -> None:
    """Only the child that runs it looks into what a stranger's server sent, so here it may be anything."""
    url, folder = site
    (folder / "m.program").write_bytes(b"this is no program")
    downloads = tmp_path / "downloads"
    kept = downloads / f"{MODEL_ID.hex()}.program"
    assert ProgramFinder([], downloads)(MODEL_ID, f"{url}/m.program") == Found(kept, fetched=True)
    save_program(WANTED, tmp_path / "m.program")
    assert ProgramFinder([tmp_path], downloads)(MODEL_ID, "") == Found(tmp_path / "m.program")


def test_rejects_a_download_without_end(
    site: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = site
    (folder / "m.program").write_bytes(bytes(5000))
    monkeypatch.setattr(program_finder, "MAX_DOWNLOAD_BYTES", 4999)
    with pytest.raises(EnvironmentFailure) as refused:
        ProgramFinder([], tmp_path / "downloads")(MODEL_ID, f"{url}/m.program")
    assert refused.value.code == "program_unreachable"
    assert list((tmp_path / "downloads").iterdir()) == []


def test_archive_bomb_is_counted_and_kept_as_it_came(tmp_path: Path) -> None:
    """A few kB that say of themselves that they are compressed twice, and are gigabytes then."""
    squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
    once = b"".join(squeezed.compress(bytes(2**24)) for _ in range(16)) + squeezed.flush()
    bomb, asked = gzip.compress(once), []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.headers["accept-encoding"])
        request.send_response(200)
        request.send_header("content-encoding", "gzip, gzip")
        request.send_header("content-length", str(len(bomb)))
        request.end_headers()
        request.wfile.write(bomb)

    with server(answer) as url:
        found = ProgramFinder([], tmp_path / "downloads")(MODEL_ID, url)
    assert found is not None
    assert found.path.read_bytes() == bomb
    assert asked == ["identity"]


def test_many_downloads_do_not_fill_the_disk(
    site: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = site
    downloads = tmp_path / "downloads"
    monkeypatch.setattr(program_finder, "MAX_DOWNLOAD_BYTES", 1000)
    monkeypatch.setattr(program_finder, "MAX_KEPT_BYTES", 4000)
    (folder / "m.program").write_bytes(bytes(900))
    finder, models = ProgramFinder([], downloads), [bytes([number]) * 32 for number in range(8)]
    downloads.mkdir()
    left = downloads / "left.partial"  # by a process that was killed
    left.write_bytes(bytes(900))
    os.utime(left, (1, 1))
    for number, model in enumerate(models):
        found = finder(model, f"{url}/m.program")
        assert found is not None
        os.utime(found.path, (number + 2, number + 2))
        assert sum(file.stat().st_size for file in downloads.iterdir()) <= 4000
        assert finder(models[0], f"{url}/m.program") is not None  # in use all the time
    assert {file.stem for file in downloads.iterdir()} == {models[0].hex(), *(model.hex() for model in models[-3:])}
    (folder / "m.program").unlink()
    assert finder(models[0], f"{url}/m.program") is not None


def test_a_watcher_does_not_wait_for_a_download(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    save_program(WANTED, folder / "m.program")
    finder = ProgramFinder([], tmp_path / "downloads", background=True)
    assert finder(MODEL_ID, f"{url}/m.program") is None
    deadline = time.monotonic() + 20
    while finder(MODEL_ID, f"{url}/m.program") is None:
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def test_a_watcher_asks_a_server_that_does_not_answer_once_in_a_while(
    site: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    done = threading.Event()

    def fetch(locator: str, _target: Path) -> None:
        asked.append(locator)
        done.set()
        raise EnvironmentFailure("program_unreachable", "no")

    monkeypatch.setattr(program_finder, "_fetch", fetch)
    finder = ProgramFinder([], tmp_path / "downloads", background=True)
    for _ in range(5):
        assert finder(MODEL_ID, f"{site[0]}/m.program") is None
    assert done.wait(20)
    assert asked == [f"{site[0]}/m.program"]


def test_an_address_that_does_not_answer_is_said(site: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure) as refused:
        ProgramFinder([], tmp_path / "downloads")(MODEL_ID, f"{site[0]}/none.program")
    assert refused.value.code == "program_unreachable"
