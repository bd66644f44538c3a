"""Documents and events for people: a field a line, its unit beside every amount, and never Python's own spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from rich.table import Table

from verifier.console import printable
from verifier.outputs_table import outputs_table

Show = Callable[[Any], str]

ETHER, GWEI = 18, 9  # decimals


def in_units(amount: int, decimals: int) -> str:
    """An amount of wei in a larger unit, exactly."""
    whole, rest = divmod(amount, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".")


def wei(amount: int) -> str:
    return f"{amount:,} wei ({in_units(amount, ETHER)} ETH)"


def gwei(fee: int) -> str:
    """A price for a unit of gas, of so many wei."""
    return f"{in_units(fee, GWEI)} gwei"


def seconds(time: float) -> str:
    return f"{time:,} s" if isinstance(time, int) else f"{time:.3g} s"


def about_s(time: float) -> str:
    """An estimate: whole seconds, but more of it where they would be 0."""
    return f"{time:.0f} s" if time >= 1 else f"{time:.2f} s"


def size(count: float) -> str:
    """Of so many bytes."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def gas(units: int) -> str:
    return f"{units:,} gas"


def game_time(instant: int) -> str:
    return f"{instant} s of game time"


def until(now: int) -> Show:
    """Shows instants of game time with what is left of them."""
    return lambda instant: game_time(instant) + (f", in {instant - now:,} s" if instant > now else ", over")


# Of a key's terms, as `DisputeTerms` names them.
TERMS: dict[str, Show] = {
    "claim_bond": wei,
    "challenge_bond": wei,
    "window": seconds,
    "prove_time": seconds,
    "clock": seconds,
    "extension": seconds,
}


def plain(value: Any) -> str:
    """A value that has no unit."""
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(item)}" for name, item in value.items())
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))


def field_lines(document: Mapping[str, Any], units: Mapping[str, Show] | None = None, indent: str = "") -> list[str]:
    """`name: value` a line; what is nested stands indented under its name. `units` show the fields that they name, and
    everything in them."""
    units, lines = units or {}, []
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            inner = dict.fromkeys(value, units[name]) if name in units else units
            lines += [f"{indent}{name}:", *field_lines(value, inner, indent + "  ")]
        else:
            show = plain if value is None or isinstance(value, Mapping) else units.get(name, plain)
            lines.append(f"{indent}{name}: {show(value)}")
    return lines


def answer_lines(document: Mapping[str, Any], units: Mapping[str, Show]) -> list[str | Table]:
    """The fields of a document, and then the table of its outputs if it has some."""
    fields = {name: value for name, value in document.items() if name != "outputs"}
    tables = [outputs_table(document)] if "outputs" in document else []
    return [*field_lines(fields, units), *tables]


def _count(number: int) -> str:
    return f"{number:,}"


EVENT_UNITS: dict[str, Show] = {"gas": _count, "gas_used": _count, "blocks": _count, "max_fee": gwei, "limit": gwei}


def event_line(event: str, values: Mapping[str, Any]) -> str:
    """What happened, in one line."""
    shown = [f"{name.replace('_', ' ')} {_event_value(name, value)}" for name, value in values.items() if value != {}]
    return event.replace("_", " ") + (f": {', '.join(shown)}" if shown else "")


def _event_value(name: str, value: Any) -> str:
    return EVENT_UNITS.get(name, plain)(value) if isinstance(value, int) else plain(value)


def log_line(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> str:
    """A structlog renderer: the time in UTC, the level where it is one to look at, and the event."""
    values = {name: value for name, value in entry.items() if name not in ("event", "level", "timestamp")}
    level = entry.get("level", "info")
    loud = "" if level in ("debug", "info") else f"{level}: "
    return f"{str(entry.get('timestamp', ''))[:19]}Z {loud}{event_line(str(entry.get('event', '')), values)}"
