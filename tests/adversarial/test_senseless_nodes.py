"""A node, or what stands before it, may answer anything: every reading gives a value or one of the chain's codes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from circuits.errors import EnvironmentFailure
from contracts.client.chain import Chain
from contracts.client.devnet import DEV_KEYS
from contracts.client.disputes import OptimisticClaims
from contracts.client.hub import Hub
from contracts.client.registry import Registry

CONTRACT = "0x" + "11" * 20
WORD = "0x" + "22" * 32
CODES = {"chain_refused", "chain_unreachable"}
LOG: dict[str, Any] = {
    "address": CONTRACT,
    "topics": [WORD, WORD, WORD],
    "data": WORD,
    "blockNumber": "0x1",
    "blockHash": WORD,
    "transactionHash": WORD,
    "transactionIndex": "0x0",
    "logIndex": "0x0",
    "removed": False,
}


class Node:
    """Says its chain's id at first, and then `answer` to everything."""

    def __init__(self) -> None:
        self.answer: Callable[[Any], bytes] = _result("0x7a69")
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                body = node.answer(asked["id"])
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.chain = Chain(f"http://127.0.0.1:{self.server.server_port}", DEV_KEYS[0])


def _result(value: Any) -> Callable[[Any], bytes]:
    return lambda number: json.dumps({"jsonrpc": "2.0", "id": number, "result": value}).encode()


def _error(error: Any) -> Callable[[Any], bytes]:
    return lambda number: json.dumps({"jsonrpc": "2.0", "id": number, "error": error}).encode()


ANSWERS: dict[str, Callable[[Any], bytes]] = {
    "a web page": lambda _: b"<html>502</html>",
    "nothing": lambda _: b"",
    "no text": lambda _: b"\xff\xfe{}",
    "a list for an answer": lambda _: b"[]",
    "deep lists": lambda _: b"[" * 100_000,
    "neither result nor error": lambda number: json.dumps({"jsonrpc": "2.0", "id": number}).encode(),
    "another answer": lambda _: _result("0x1")(99_999),
    "an error that is text": _error("bad"),
    "an empty error": _error({}),
    "an error without a code": _error({"code": None, "message": None}),
    "null": _result(None),
    "text": _result("hello"),
    "a list": _result([]),
    "an object": _result({}),
    "no bytes": _result("0x"),
    "a negative number": _result("-0x1"),
    "an odd digit": _result("0x1"),
    "a word of ones": _result("0x" + "ff" * 32),
    "many words of ones": _result("0x" + "ff" * 32 * 20),
    "a list of nulls": _result([None]),
    "a list of objects": _result([{}]),
    "a log of another event": _result([LOG]),
    "a log without topics": _result([{**LOG, "topics": []}]),
    "a log that is nowhere yet": _result([{**LOG, "blockNumber": None, "blockHash": None}]),
}
READINGS: dict[str, Callable[[Chain], object]] = {
    "head": lambda chain: chain.block_number(),
    "block hash": lambda chain: chain.block_hash(5),
    "time": lambda chain: chain.timestamp(),
    "balance": lambda chain: chain.balance(CONTRACT),
    "fees": lambda chain: chain.fees(),
    "nonce": lambda chain: chain.nonce(),
    "mined nonce": lambda chain: chain.mined_nonce(3),
    "receipt": lambda chain: chain.receipt(bytes(32)),
    "broadcast": lambda chain: chain.broadcast(b"\x02\x01"),
    "estimate": lambda chain: chain.estimate(OptimisticClaims(chain, CONTRACT).finalise(bytes(32))),
    "sign": lambda chain: chain.sign(OptimisticClaims(chain, CONTRACT).finalise(bytes(32))),
    "claim": lambda chain: OptimisticClaims(chain, CONTRACT).claim_of(bytes(32)),
    "challenge": lambda chain: OptimisticClaims(chain, CONTRACT).challenge_of(bytes(32)),
    "key": lambda chain: OptimisticClaims(chain, CONTRACT).key(bytes(32)),
    "turn": lambda chain: OptimisticClaims(chain, CONTRACT).turn_of(bytes(32)),
    "claims' events": lambda chain: OptimisticClaims(chain, CONTRACT).events(0, 9),
    "requests": lambda chain: Hub(chain, CONTRACT).requested_events(0, 9),
    "deliveries": lambda chain: Hub(chain, CONTRACT).delivered_events(0, 9),
    "request's status": lambda chain: Hub(chain, CONTRACT).status(bytes(32)),
    "request's state": lambda chain: Hub(chain, CONTRACT).state(bytes(32)),
    "registration": lambda chain: Registry(chain, CONTRACT).registration(bytes(32)),
}


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.server.shutdown()


def outcome(read: Callable[[], object]) -> str:
    """The code of the refusal, or that there is a value."""
    try:
        read()
    except EnvironmentFailure as error:
        return error.code
    return "read"


@pytest.mark.parametrize("answer", ANSWERS)
def test_senseless_answer_has_a_code_whatever_was_asked(node: Node, answer: str) -> None:
    node.answer = ANSWERS[answer]
    found = {name: outcome(lambda read=read: read(node.chain)) for name, read in READINGS.items()}  # type: ignore[misc]
    unknown = {name: code for name, code in found.items() if code not in {*CODES, "read", "account_without_funds"}}
    assert not unknown
    assert any(code in CODES for code in found.values())


@pytest.mark.parametrize(
    "answer", [a for a in ANSWERS if a not in ("nothing", "a list", "null", "an object", "no bytes")]
)
def test_senseless_log_is_refused_and_never_taken_for_an_empty_one(node: Node, answer: str) -> None:
    node.answer = ANSWERS[answer]
    assert outcome(lambda: OptimisticClaims(node.chain, CONTRACT).events(0, 9)) in CODES


@pytest.mark.parametrize("missing", ["status", "blockNumber", "gasUsed"])
def test_receipt_that_does_not_say_what_happened_is_refused(node: Node, missing: str) -> None:
    whole = {"status": "0x1", "blockNumber": "0x5", "gasUsed": "0x5208"}
    node.answer = _result(whole)
    assert node.chain.receipt(bytes(32)) == {"status": 1, "blockNumber": 5, "gasUsed": 21_000}
    for instead in ({}, {missing: None}):
        node.answer = _result({name: value for name, value in whole.items() if name != missing} | instead)
        assert outcome(lambda: node.chain.receipt(bytes(32))) == "chain_refused"


@pytest.mark.parametrize("value", ["-0x1", "0x" + "ff" * 40])
def test_number_that_no_chain_holds_is_refused_before_anything_is_signed(node: Node, value: str) -> None:
    node.answer = _result(value)
    for name in ("head", "balance", "nonce", "estimate", "sign"):
        assert outcome(lambda name=name: READINGS[name](node.chain)) == "chain_refused", name  # type: ignore[misc]
