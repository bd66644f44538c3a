"""The key cache: built once, never half-written, damage told."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from circuits.errors import EnvironmentFailure
from prover.key_cache import MANIFEST, KeyCache

NAMES = ("a", "b")


def write_two(folder: Path) -> None:
    (folder / "a").write_text("alpha")
    (folder / "b").write_bytes(bytes(1000))


def test_builds_an_entry_once(tmp_path: Path) -> None:
    cache, built = KeyCache(tmp_path), []

    def build(folder: Path) -> None:
        built.append(folder)
        write_two(folder)

    assert cache.entry("keys", "d1", build, NAMES).cached is False
    again = KeyCache(tmp_path).entry("keys", "d1", build, NAMES)
    assert again.cached is True
    assert (again.folder / "a").read_text() == "alpha"
    assert len(built) == 1


def test_leaves_nothing_behind_when_building_fails(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write_two(folder)
        raise EnvironmentFailure("halo2_phase_failed", "no")

    with pytest.raises(EnvironmentFailure, match="no"):
        KeyCache(tmp_path).entry("keys", "d1", fail, NAMES)
    assert [path.name for path in (tmp_path / "keys").iterdir() if path.is_dir()] == []
    assert KeyCache(tmp_path).entry("keys", "d1", write_two, NAMES).cached is False


@pytest.mark.parametrize("damage", ["flip", "shorten", "remove", "manifest", "forget", "forget and remove"])
def test_tells_a_damaged_entry(tmp_path: Path, damage: str) -> None:
    folder = KeyCache(tmp_path).entry("keys", "d1", write_two, NAMES).folder
    if damage == "flip":
        (folder / "b").write_bytes(bytes(999) + b"\x01")
    elif damage == "shorten":
        (folder / "b").write_bytes(bytes(999))
    elif damage == "remove":
        (folder / "b").unlink()
    elif damage == "manifest":
        (folder / "manifest.json").write_text("[]")
    else:
        (folder / "manifest.json").write_text("{}")
        if damage == "forget and remove":
            (folder / "a").unlink()
    with pytest.raises(EnvironmentFailure) as caught:
        KeyCache(tmp_path).entry("keys", "d1", write_two, NAMES)
    assert caught.value.code == "key_corrupt"


def _build_slowly(root: Path, log: Path, seconds: float) -> None:
    def build(folder: Path) -> None:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(seconds)
        write_two(folder)

    KeyCache(root).entry("keys", "d1", build, NAMES)


def test_two_processes_at_once_build_once(tmp_path: Path) -> None:
    context, log = multiprocessing.get_context("spawn"), tmp_path / "log"
    processes = [context.Process(target=_build_slowly, args=(tmp_path / "root", log, 0.3)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(log.read_text().splitlines()) == 1


def test_a_builder_killed_half_way_is_built_over(tmp_path: Path) -> None:
    context, log = multiprocessing.get_context("spawn"), tmp_path / "log"
    process = context.Process(target=_build_slowly, args=(tmp_path / "root", log, 600.0))
    process.start()
    while not log.exists():
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    cache = KeyCache(tmp_path / "root")
    assert not cache.path("keys", "d1").exists()
    assert cache.entry("keys", "d1", write_two, NAMES).cached is False
    assert sorted(path.name for path in cache.path("keys", "d1").iterdir()) == ["a", "b", "manifest.json"]


def test_what_a_process_that_died_has_left_is_no_part_of_an_entry(tmp_path: Path) -> None:
    left = tmp_path / "kind" / "digest.partial"
    left.mkdir(parents=True)
    (left / "half").write_text("of it")

    def build(folder: Path) -> None:
        (folder / "whole").write_text("all of it")

    entry = KeyCache(tmp_path).entry("kind", "digest", build, ["whole"])
    assert {path.name for path in entry.folder.iterdir()} == {"whole", MANIFEST}
    assert not left.exists()
