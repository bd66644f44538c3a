"""A process of its own for what strangers had a hand in, so that it can neither end nor stall the one that watches.

The child answers one question at a time. It has an address space of its own, and the kernel ends it when an answer
takes too long, whoever looks; what it leaves then is an exit code.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from circuits.errors import InferproofError
from verifier.challenger.errors import ChallengerError

# Children are forks of one clean process that has imported what they need, which takes seconds, and done nothing else:
# a fork of this one would copy the account's key, and Rust's threads do not survive.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["__main__", "verifier.challenger.case"])
_STATM = Path("/proc/self/statm")
# What a child ends by, besides its time, that says that the memory was too little: Rust and the kernel end it so.
_OUT_OF_MEMORY = (-signal.SIGABRT, -signal.SIGKILL)
_ENDED_S = 5.0


@dataclass(frozen=True)
class Limits:
    """What checking a claim of one program may take.

    Args:
        work: terms of all elements, known before anything is run.
        seconds: of wall time for one answer; the run, and the definition's run where it is needed, are one.
        memory_bytes: of address space beyond what a child begins with; None: what the machine has.
    """

    work: int
    seconds: int
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Question:
    """`function(subject, *arguments)` is the answer. Everything in it has to be known to `pickle`."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


class ChildFailedError(Exception):
    """A child ended as no program should make it end: the fault is ours. Not for users to act on."""


@dataclass(frozen=True)
class _Refused:
    """An error in parts, since exceptions with values do not survive `pickle`."""

    kind: type[InferproofError]
    code: str
    message: str
    details: dict[str, Any]


@dataclass(frozen=True)
class _Unexpected:
    traceback: str


@dataclass(frozen=True)
class _Answer:
    value: Any


def too_large(what: str, took: object, limit: object) -> ChallengerError:
    """A program that is beyond a limit."""
    message = (
        f"checking this claim takes {took} {what}, and {limit} are allowed: it was not checked. --max-work allows more "
        "terms, and a program given by --program more of everything than one that was fetched"
    )
    return ChallengerError("program_too_large_to_check", message, what=what, took=took, limit=limit)


class Child:
    """One process about one subject. It ends with the process that made it, or with `kill`."""

    def __init__(self, limits: Limits, subject: Any) -> None:
        self._limits = limits
        self.connection, theirs = _PROCESSES.Pipe()
        self._process = _PROCESSES.Process(target=_serve, args=(theirs, limits, subject), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, question: Question) -> None:
        try:
            self.connection.send(question)
        except OSError:
            return  # it has ended: `answer` tells how

    def answered(self) -> bool:
        return self.connection.poll()

    def answer(self) -> Any:
        """The answer to the last question, once there is one. Raises what was raised there, or how it ended."""
        try:
            reply = self.connection.recv()
        except (EOFError, OSError):
            raise self._ended() from None
        if isinstance(reply, _Refused):
            raise reply.kind(reply.code, reply.message, **reply.details)
        if isinstance(reply, _Unexpected):
            raise ChildFailedError(reply.traceback)
        return reply.value

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _ended(self) -> Exception:
        self._process.join(_ENDED_S)
        code = self._process.exitcode
        if code == -signal.SIGALRM:
            return too_large("seconds", f"over {self._limits.seconds}", self._limits.seconds)
        if code in _OUT_OF_MEMORY:
            return too_large("bytes of memory", "more", self._limits.memory_bytes or "no more")
        return ChildFailedError(f"a child ended by itself, with exit code {code}")


def wait_for(children: Sequence[Child], timeout_s: float | None) -> None:
    """Until one of them has answered or ended."""
    wait([child.connection for child in children], timeout_s)


def _serve(connection: Connection, limits: Limits, subject: Any) -> None:
    """The child's whole life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to everybody: the parent decides
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    if limits.memory_bytes is not None:
        allowed = _held_bytes() + limits.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    while True:
        try:
            question = connection.recv()
        except EOFError:
            return  # nobody asks any more
        signal.alarm(limits.seconds)
        try:
            reply = _reply(question, subject, limits)
        except BaseException:
            connection.send(_Unexpected(traceback.format_exc()))
            raise
        signal.alarm(0)  # the parent may take its time to read
        connection.send(reply)


def _reply(question: Question, subject: Any, limits: Limits) -> _Answer | _Refused:
    try:
        return _Answer(question.function(subject, *question.arguments))
    except InferproofError as error:
        return _Refused(type(error), error.code, error.message, error.details)
    except MemoryError:
        found = too_large("bytes of memory", "more", limits.memory_bytes or "no more")
        return _Refused(type(found), found.code, found.message, found.details)


def _held_bytes() -> int:
    """Of address space now."""
    return int(_STATM.read_text().split()[0]) * resource.getpagesize() if _STATM.exists() else 0
