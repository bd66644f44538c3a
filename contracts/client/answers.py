"""Reading what a node answers: reverts, receipts, strings that are none, and what makes no sense at all."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import decode
from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError
from eth_abi.registry import BaseEquals
from web3 import HTTPProvider
from web3.exceptions import ContractCustomError, Web3Exception
from web3.types import RPCResponse

from circuits.strict_json import MAX_DEPTH, is_shallow
from contracts.client.artifacts import abi_type, error_abis

# What reading an answer raises that is not what the node was asked for: no JSON, too deep, other types, fields or words
# missing.
SENSELESS = (
    Web3Exception,
    DecodingError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
# What every receipt has to say, in numbers.
_RECEIPT = ("status", "blockNumber", "gasUsed")
_SHOWN = 200  # characters of what a node says


class ShallowProvider(HTTPProvider):
    """Refuses answers so deep that parsing them could end the process; see `circuits.strict_json`."""

    @staticmethod
    def decode_rpc_response(raw_response: bytes) -> RPCResponse:
        if not is_shallow(raw_response):
            raise ValueError(f"nested more than {MAX_DEPTH} deep")
        return HTTPProvider.decode_rpc_response(raw_response)


def senseless(error: Exception) -> str:
    return f"the node's answer made no sense: {type(error).__name__}: {str(error)[:_SHOWN]}"


def decode_revert(data: bytes) -> dict[str, Any]:
    """The custom error in revert data: its name and arguments by name; unknown data as hex."""
    entry = error_abis().get(data[:4])
    if entry is None:
        return {"error": "unknown", "data": "0x" + data.hex()}
    types = [abi_type(i) for i in entry["inputs"]]
    values = decode(types, data[4:])
    named = {i["name"]: _plain(v) for i, v in zip(entry["inputs"], values, strict=True)}
    return {"error": entry["name"], "arguments": named}


def _plain(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value


def lenient(codec: ABICodec) -> ABICodec:
    """Reads strings that are not UTF-8, which anybody may put into a log and a contract does not look at."""
    registry = codec._registry.copy()  # type: ignore[no-untyped-call]
    registry.unregister_decoder("string")
    decoder = StringDecoder(handle_string_errors="backslashreplace")  # type: ignore[no-untyped-call]
    strings = BaseEquals("string", with_sub=False)  # type: ignore[no-untyped-call]
    registry.register_decoder(strings, decoder, label="string")
    return ABICodec(registry)


def amount(value: Any) -> int:
    """A number as a node gives it; raises ValueError for one that no word of a chain holds."""
    number = int(value)
    if not 0 <= number < 2**256:
        raise ValueError(f"{number} is no amount")
    return number


def prices_in(transaction: Any) -> tuple[int, int]:
    """What a transaction offers for a unit of gas, in all and as a tip."""
    price = amount(transaction.get("maxFeePerGas", transaction.get("gasPrice", 0)))
    return price, amount(transaction.get("maxPriorityFeePerGas", price))


def receipt_of(answer: Any) -> dict[str, Any]:
    """Raises TypeError or LookupError for one that does not say what became of the transaction."""
    for name in _RECEIPT:
        if not isinstance(answer[name], int):
            raise TypeError(f"a receipt's {name} is {answer[name]!r}")
    return dict(answer)


def revert_of(error: ContractCustomError) -> dict[str, Any]:
    """What the contract said, as far as it can be read."""
    said = str(error.data or error.message)
    try:
        return decode_revert(bytes.fromhex(said.removeprefix("0x")))
    except (ValueError, DecodingError):
        return {"error": "unknown", "data": said}


def sentence(revert: dict[str, Any]) -> str:
    arguments = ", ".join(f"{k}={v}" for k, v in revert.get("arguments", {}).items())
    return f"the contract refused: {revert['error']}({arguments})"
