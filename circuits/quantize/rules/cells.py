"""One step of LSTM, GRU and RNN, as ONNX defines them, written once.

A cell is written over `Steps`: run on real numbers it tells how far every value reaches (`unrolled.Measured`), run on a
program it emits the step's ops (`unrolled.Emitted`). Values are [batch, gates · hidden]. A role names a value in all
steps alike, because it has one scale in all of them.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

V = TypeVar("V")

F, G, H = 0, 1, 2  # ONNX's names of a direction's activations, as places in its list
HIDDEN, CELL = "hidden", "cell"


def argument(activation: int) -> str:
    """The role of an activation's argument."""
    return f"argument.{activation}"


def result(activation: int) -> str:
    """The role of what an activation makes."""
    return f"result.{activation}"


class Steps(Protocol[V]):
    """What a cell may do."""

    @property
    def has_peepholes(self) -> bool: ...

    def recurrent(self, role: str, h: V, gate: int, gates: int) -> V:
        """h · Rᵀ for the rows of `gates` gates from `gate` on, with the bias that belongs there."""

    def peephole(self, c: V, gate: int) -> V:
        """c ⊙ P of one gate."""

    def part(self, value: V, gate: int, gates: int = 1) -> V:
        """`gates` gates of a value from `gate` on."""

    def total(self, role: str, *terms: V) -> V: ...

    def difference(self, role: str, x: V, y: V) -> V: ...

    def complement(self, role: str, x: V) -> V:
        """1 − x."""

    def product(self, role: str, x: V, y: V) -> V: ...

    def activated(self, role: str, activation: int, x: V) -> V:
        """The activation of a value whose role is its argument."""


State = tuple[V, ...]


class Cell(Protocol):
    """The next state from the step's projection of x and the state; the first of a state is h."""

    def __call__(self, m: Steps[V], x: V, state: State[V]) -> State[V]: ...


def rnn(m: Steps[V], x: V, state: State[V]) -> State[V]:
    """h' = f(x·Wᵀ + h·Rᵀ + b)."""
    return (m.activated(HIDDEN, F, m.total(argument(F), x, m.recurrent("recurrent", state[0], 0, 1))),)


def gru(m: Steps[V], x: V, state: State[V], linear_before_reset: bool) -> State[V]:
    """Gates z, r, h: h' = (1 − z) ⊙ g + z ⊙ h = g + z ⊙ (h − g)."""
    (h,) = state
    r_h = m.recurrent("recurrent", h, 0, 3 if linear_before_reset else 2)
    gates = m.activated(result(F), F, m.total(argument(F), m.part(x, 0, 2), m.part(r_h, 0, 2)))
    z, r = m.part(gates, 0), m.part(gates, 1)
    if linear_before_reset:
        reset = m.product("reset", r, m.part(r_h, 2))
    else:
        reset = m.recurrent("candidate", m.product("reset", r, h), 2, 1)
    g = m.activated(result(G), G, m.total(argument(G), m.part(x, 2), reset))
    return (m.total(HIDDEN, g, m.product("kept", z, m.difference("distance", h, g))),)


def lstm(m: Steps[V], x: V, state: State[V], input_forget: bool) -> State[V]:
    """Gates i, o, f, c: c' = f ⊙ c + i ⊙ g and h' = o ⊙ tanh(c')."""
    h, c = state
    r_h = m.recurrent("recurrent", h, 0, 4)

    def gate(activation: int, first: int, gates: int, *more: V) -> V:
        terms = m.part(x, first, gates), m.part(r_h, first, gates), *more
        return m.activated(result(activation), activation, m.total(argument(activation), *terms))

    if m.has_peepholes:
        i = gate(F, 0, 1, m.peephole(c, 0))
        f = m.complement("forget", i) if input_forget else gate(F, 2, 1, m.peephole(c, 2))
    else:
        gates = gate(F, 0, 2 if input_forget else 3)
        i, o = m.part(gates, 0), m.part(gates, 1)
        f = m.complement("forget", i) if input_forget else m.part(gates, 2)
    g = gate(G, 3, 1)
    c = m.total(CELL, m.product("kept", f, c), m.product("added", i, g))
    if m.has_peepholes:
        o = gate(F, 1, 1, m.peephole(c, 1))
    return m.product(HIDDEN, o, m.activated(result(H), H, m.total(argument(H), c))), c
