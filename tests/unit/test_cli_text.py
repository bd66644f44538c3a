"""What verbs print for people: units, whole ids, no Python spelling; ids by their first digits; the version."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog
import typer
from rich.console import Console

from circuits.errors import InputError
from prover.cli import app, challenger, model
from prover.cli.app import run_cli
from prover.cli.chain_options import wei_of_gwei
from prover.cli.hex_words import known_word
from prover.cli.plain_text import event_line, field_lines, gas, gwei, log_line, until, wei
from prover.service.entrypoints.logs import configure_logs
from verifier.console import emit, run
from verifier.outputs_table import integers_line, outputs_table


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "0 wei (0 ETH)"),
        (1, "1 wei (0.000000000000000001 ETH)"),
        (10**18, "1,000,000,000,000,000,000 wei (1 ETH)"),
        (2**128 - 1, f"{2**128 - 1:,} wei (340282366920938463463.374607431768211455 ETH)"),
    ],
)
def test_amounts_are_exact_in_wei_and_ether(amount: int, shown: str) -> None:
    assert wei(amount) == shown


def test_fields_have_units_and_no_python_spelling() -> None:
    document = {"bond": 10**9, "paused": False, "locator": "", "gas": {"assign": 1_000, "claim": None}, "took": 0.12345}
    assert field_lines(document, {"bond": wei, "gas": gas}) == [
        "bond: 1,000,000,000 wei (0.000000001 ETH)",
        "paused: no",
        "locator: none",
        "gas:",
        "  assign: 1,000 gas",
        "  claim: none",
        "took: 0.12345",
    ]


def test_an_instant_of_game_time_says_how_long_that_is() -> None:
    assert until(100)(1_600) == "1600 s of game time, in 1,500 s"
    assert until(100)(100) == "100 s of game time, over"


def test_of_a_long_output_the_first_elements_are_shown() -> None:
    def rows(size: int) -> list[list[str]]:
        output = {"shape": [size], "integers": [*range(size)], "values": [i / 2 for i in range(size)]}
        return [[str(cell) for cell in column.cells] for column in outputs_table({"outputs": {"y": output}}).columns]

    name, place, integer, value = rows(20)
    assert (set(name), place[-1], integer[-1], value[-1]) == ({"y"}, "[19]", "19", "9.5")
    longer = rows(1_021)
    assert [column[:20] for column in longer] == rows(20)
    assert [column[20:] for column in longer] == [["y"], ["1,001 more in --json"], ["…"], ["…"]]


def test_without_a_program_too() -> None:
    shown = ", ".join(map(str, range(20)))
    assert integers_line(np.arange(20).reshape(4, 5)) == f"[{shown}]"
    assert integers_line(np.arange(1_021)) == f"[{shown}, …] and 1,001 more in --json"


def test_an_event_is_one_line_of_words() -> None:
    line = event_line("fee_raised", {"call": "claim", "max_fee": 1_500_000_000, "details": {}})
    assert line == f"fee raised: call claim, max fee {gwei(1_500_000_000)}"
    assert event_line("waits", {"code": "logs_missing", "details": {"block": 3, "of": None}}) == (
        "waits: code logs_missing, details block 3, of none"
    )
    assert event_line("refused", {"reason": True}) == "refused: reason yes"


def test_logs_of_a_text_mode_are_lines_of_words(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    try:
        configure_logs(logging.INFO, log_line)
        structlog.get_logger().info("transaction_settled", gas_used=72_107, purpose="open")
        logging.getLogger("some.library").warning("no such %s", "block")
        settled, library = capsys.readouterr().err.splitlines()
    finally:
        structlog.reset_defaults()
        root.handlers[:], root.level = before
    assert settled[19:] == "Z transaction settled: gas used 72,107, purpose open"
    assert library[19:] == "Z warning: no such block"


KNOWN = [bytes.fromhex("aabbccdd" + tail * 28) for tail in ("01", "02")] + [bytes.fromhex("ff" * 32)]


def test_an_id_is_found_by_its_first_digits() -> None:
    assert known_word("0xFFFFFFFF", "claim", lambda: KNOWN) == KNOWN[2]
    assert known_word("aabbccdd01", "claim", lambda: KNOWN * 2) == KNOWN[0]
    assert known_word("12" * 32, "claim", lambda: pytest.fail("a whole id is not looked up")) == b"\x12" * 32


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("aabbccdd", "id_ambiguous"),
        ("0xaabbccdd03", "challenge_unknown"),
        ("0xaabbccd", "hex_malformed"),
        ("aabbccdg", "hex_malformed"),
        ("ff" * 33, "hex_malformed"),
    ],
)
def test_digits_that_name_nothing_or_too_much_are_refused(text: str, code: str) -> None:
    with pytest.raises(InputError) as refused:
        known_word(text, "challenge", lambda: KNOWN)
    assert (refused.value.code, refused.value.exit_code) == (code, 2)


def test_the_program_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["--version"]) == 0
    assert capsys.readouterr().out == version("inferproof") + "\n"


HOSTILE = "\x1b]0;pwned\x07\x1b[2J\u202e[red]x\nstatus: final \udcff"
SPELLED = "\\x1b]0;pwned\\x07\\x1b[2J\\u202e[red]x\\nstatus: final \\udcff"


def test_a_strangers_locator_neither_moves_the_cursor_nor_adds_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert field_lines({"locator": HOSTILE, "seen": [HOSTILE]}) == [f"locator: {SPELLED}", f"seen: {SPELLED}"]
    assert event_line("fetching", {"locator": HOSTILE}) == f"fetching: locator {SPELLED}"
    emit(False, {}, ["1,000 wei → half of it\n\x1b[2J"])
    assert capsys.readouterr().out == "1,000 wei → half of it\n\\x1b[2J\n"


def test_an_error_that_quotes_a_stranger_is_spelled_out(capsys: pytest.CaptureFixture[str]) -> None:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise InputError("trace_unreachable", "no trace at \x1b[2J", locator=HOSTILE)

    assert run(app, []) == 2
    assert capsys.readouterr().err == f"error: no trace at \\x1b[2J  [trace_unreachable]\n  locator: {SPELLED}\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "this takes more memory than there is"),
        (MemoryError("Unable to allocate 1. TiB"), "this takes more memory than there is: Unable to allocate 1. TiB"),
    ],
)
def test_a_machine_that_is_too_small_is_no_answer(
    error: MemoryError, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise error

    assert run(app, []) == 3
    assert capsys.readouterr().err == f"error: {message}  [out_of_memory]\n"


def test_a_key_file_that_is_no_text_is_refused_and_not_quoted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\xff\x80 0x1234")
    code = run_cli(
        ["challenger", "clocks", "--rpc-url", "http://127.0.0.1:1", "--private-key-file", str(file), "--json"]
    )
    told = capsys.readouterr()
    assert (code, json.loads(told.out)["error"]["code"]) == (2, "private_key_unreadable")
    assert "1234" not in told.out + told.err
    assert "0xff" not in told.out + told.err


def helps(command: Any, path: str = "inferproof") -> Iterator[tuple[str, str]]:
    """The help text of a verb, of its parameters, and of the verbs in it."""
    yield path, " ".join((command.help or "").split())
    for parameter in command.params:
        yield f"{path} {parameter.name}", getattr(parameter, "help", None) or ""
    with command.make_context(path, [], resilient_parsing=True) as context:
        for name in getattr(command, "commands", {}):
            yield from helps(command.resolve_command(context, [name])[1], f"{path} {name}")


def test_every_verb_argument_and_option_has_a_help_text() -> None:
    found = dict(helps(typer.main.get_command(app.app)))
    assert found["inferproof prove salt"]
    assert [path for path, text in found.items() if not text] == []
    groups = {"inferproof": app.VERBS, "inferproof model": model.VERBS, "inferproof challenger": challenger.VERBS}
    for path, verbs in groups.items():
        for name, verb in verbs.items():
            assert found[f"{path} {name}"].startswith(verb.line)


# What a program takes long to import, of which no overview, no mistyped verb and no look at a local file has any need.
HEAVY = "web3 eth_account eth_abi ezkl onnx onnxruntime fastapi sqlalchemy celery httpx"
LOADED = f"""
import sys
from prover.cli.app import run_cli
run_cli(sys.argv[1:])
print([name for name in {HEAVY.split()} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "stup",
        "model --help",
        "challenger --help",
        "setup --help",
        "prove --help",
        "verify --help",
        "doctor --help",
        "model inspect --help",
        "model audit --help",
        "srs dev --help",
        "serve --help",
    ],
)
def test_what_talks_to_nobody_waits_for_no_heavy_library(words: str) -> None:
    command = [sys.executable, "-c", LOADED, *words.split()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr.splitlines()[-1] == "[]"


LONG = """
import sys
import typer
from verifier.console import emit, run

app = typer.Typer()

@app.command()
def speak(json: bool = False) -> None:
    emit(json, {"words": ["word"] * 100_000}, ["word"] * 100_000)

sys.exit(run(app))
"""


@pytest.mark.parametrize("arguments", [["-c", LONG], ["-c", LONG, "--json"], ["-m", "prover", "--version"]])
def test_a_reader_that_went_away_is_no_error_and_no_answer(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, *arguments], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("text", ["inf", "1e400", "nan"])
def test_a_fee_limit_that_is_no_number_is_refused(text: str) -> None:
    assert wei_of_gwei(1.5) == 1_500_000_000
    with pytest.raises(InputError) as refused:
        wei_of_gwei(float(text))
    assert refused.value.code == "bad_option"


def test_names_and_labels_are_shown_as_they_are_and_labels_in_place_of_values() -> None:
    labels = ["[bold]cat[/bold]", "[/]", "[link=https://example.org]dog[/link]"]
    output = {"shape": [3], "integers": [7, 8, 9], "values": [0.5, 0.25, 0.125], "labels": labels}
    file = io.StringIO()
    Console(file=file, width=200).print(outputs_table({"outputs": {"[red]y[/red]": output}}))
    told = file.getvalue()
    for shown in ("[red]y[/red]", "[2]", "9", *labels):
        assert shown in told
    assert "0.25" not in told
