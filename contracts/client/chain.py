"""One EVM chain and one account: calls, signing, sending, and errors that say what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract
from web3.exceptions import ContractCustomError, ContractLogicError, TransactionNotFound, Web3RPCError

from circuits.errors import EnvironmentFailure, InputError
from contracts.client.answers import (
    SENSELESS,
    ShallowProvider,
    amount,
    lenient,
    prices_in,
    receipt_of,
    revert_of,
    senseless,
    sentence,
)
from contracts.client.artifacts import load_artifact

T = TypeVar("T")

GAS_LIMIT = 2**24  # EIP-7825: no transaction may ask for more


@dataclass(frozen=True)
class Fees:
    """What a transaction offers for each unit of its gas, in wei."""

    max_fee: int
    priority_fee: int

    def within(self, limit: int | None) -> Fees:
        """The same, or as much of it as the limit on max_fee allows; None: no limit."""
        if limit is None or self.max_fee <= limit:
            return self
        return Fees(limit, min(limit, self.priority_fee))

    def raised(self, ceiling: int | None = None) -> Fees:
        """A quarter more of both; nodes let a dearer transaction replace a waiting one from a tenth more on.

        `ceiling` bounds max_fee, and with it the priority fee.
        """
        limit = self.max_fee + self.max_fee // 4 + 1
        limit = limit if ceiling is None else min(limit, max(ceiling, self.max_fee))
        return Fees(limit, min(limit, self.priority_fee + self.priority_fee // 4 + 1))


@dataclass(frozen=True)
class SignedTransaction:
    """Raw bytes ready for broadcast and the hash under which they will be mined."""

    raw: bytes
    hash: bytes
    nonce: int


def _account_of(private_key: str) -> LocalAccount:
    try:
        return cast(LocalAccount, Account.from_key(private_key))
    except ValueError:
        # Not `from error`: what it says may quote the key.
        raise InputError("private_key_invalid", "the private key is not 32 bytes of hex in the curve's range") from None


class Chain:
    """A JSON-RPC endpoint, with an account that pays if `private_key` is given.

    Errors: `chain_unreachable`, `chain_refused`, `account_missing`, `account_without_funds`, `transaction_reverted`.
    """

    def __init__(self, rpc_url: str, private_key: str | None = None, timeout_s: float = 30) -> None:
        self.rpc_url = rpc_url
        self.web3 = Web3(ShallowProvider(rpc_url, request_kwargs={"timeout": timeout_s}))
        self.web3.codec = lenient(self.web3.codec)
        self._account = _account_of(private_key) if private_key else None
        self.chain_id: int = self.guard(lambda: int(self.web3.eth.chain_id))

    @property
    def has_account(self) -> bool:
        return self._account is not None

    @property
    def account(self) -> LocalAccount:
        if self._account is None:
            raise EnvironmentFailure("account_missing", "this needs an account: give a private key")
        return self._account

    @property
    def address(self) -> str:
        return str(self.account.address)

    def guard(self, ask: Callable[[], T]) -> T:
        """Runs one exchange with the node and gives its failures stable codes."""
        try:
            return ask()
        except TransactionNotFound:  # a Web3RPCError, but an answer, not a refusal
            raise
        except (requests.exceptions.RequestException, ConnectionError, TimeoutError) as error:
            raise EnvironmentFailure(
                "chain_unreachable", f"no chain answers at {self.rpc_url}", rpc_url=self.rpc_url, reason=str(error)
            ) from error
        except ContractCustomError as error:
            revert = revert_of(error)
            raise EnvironmentFailure("transaction_reverted", sentence(revert), **revert) from error
        except ContractLogicError as error:
            raise EnvironmentFailure("transaction_reverted", f"the contract refused: {error.message}") from error
        except Web3RPCError as error:
            if "insufficient funds" in str(error).lower():
                raise self._without_funds(str(error)) from error
            raise EnvironmentFailure("chain_refused", f"the node refused: {error}", rpc_url=self.rpc_url) from error
        except SENSELESS as error:
            raise EnvironmentFailure("chain_refused", senseless(error), rpc_url=self.rpc_url) from error

    def contract(self, name: str, address: str) -> Contract:
        return self.web3.eth.contract(address=Web3.to_checksum_address(address), abi=load_artifact(name).abi)

    def call(self, function: Any, block: int | None = None) -> Any:
        """Evaluates a contract function, as this account if there is one: at the head, or after block `block`."""
        options = {"from": self._account.address} if self._account else {}
        return self.guard(lambda: function.call(options, block_identifier="latest" if block is None else block))

    def read(self, parse: Callable[[Any], T], function: Any, block: int | None = None) -> T:
        """What `parse` makes of what `function` returns: a node may say what no contract does."""
        return self.guard(lambda: parse(self.call(function, block)))

    def sign(
        self,
        function: Any,
        *,
        value: int = 0,
        nonce: int | None = None,
        gas: int | None = None,
        fees: Fees | None = None,
    ) -> SignedTransaction:
        """Builds and signs; gas is estimated when not given, fees are the node's."""
        sender = self.address
        number = self.nonce() if nonce is None else nonce
        options: dict[str, Any] = {"from": sender, "value": value, "nonce": number, "chainId": self.chain_id}
        gas = self.estimate(function, value=value) if gas is None else gas
        options["gas"] = gas
        if fees is not None:
            options |= {"maxFeePerGas": fees.max_fee, "maxPriorityFeePerGas": fees.priority_fee}
        transaction = self.guard(lambda: function.build_transaction(options))
        price, _ = self.guard(lambda: prices_in(transaction))
        self._require_funds(value + gas * price)
        signed = self.account.sign_transaction(transaction)
        return SignedTransaction(bytes(signed.raw_transaction), bytes(signed.hash), number)

    def estimate(self, function: Any, *, value: int = 0) -> int:
        """Gas for a call, with a margin of a quarter; raises what the contract says if it would revert.

        A call that is refused in the head's block may be due in the next one, whose number and time are others.
        """
        options = {"from": self.address, "value": value}
        try:
            needed = self.guard(lambda: amount(function.estimate_gas(options)))
        except EnvironmentFailure as error:
            if error.code != "transaction_reverted":
                raise
            try:
                needed = self.guard(lambda: amount(function.estimate_gas(options, "pending")))
            except EnvironmentFailure:
                raise error from None
        return min(GAS_LIMIT, needed + needed // 4)

    def broadcast(self, raw: bytes) -> bytes:
        """Hands raw transaction bytes to the node; a node that knows them already is not an error."""
        try:
            return bytes(self.guard(lambda: self.web3.eth.send_raw_transaction(raw)))
        except EnvironmentFailure as error:
            if any(words in str(error).lower() for words in ("already known", "already imported")):
                return bytes(Web3.keccak(raw))
            raise

    def receipt(self, transaction_hash: bytes) -> dict[str, Any] | None:
        """The receipt, or None while the transaction is not mined."""
        try:
            return self.guard(lambda: receipt_of(self.web3.eth.get_transaction_receipt(transaction_hash)))  # type: ignore[arg-type]
        except TransactionNotFound:
            return None

    def send(self, function: Any, *, value: int = 0, gas: int | None = None, timeout_s: float = 120) -> dict[str, Any]:
        """Signs, broadcasts, waits for the receipt; a revert is an error with its decoded reason."""
        signed = self.sign(function, value=value, gas=gas)
        self.broadcast(signed.raw)
        wait = self.web3.eth.wait_for_transaction_receipt
        receipt = self.guard(lambda: receipt_of(wait(signed.hash, timeout=timeout_s)))  # type: ignore[arg-type]
        if receipt["status"] != 1:
            self.call(function)  # a call at the new state usually repeats the reason
            raise EnvironmentFailure(
                "transaction_reverted", "the transaction was mined and reverted", hash=signed.hash.hex()
            )
        return receipt

    def deploy(self, name: str, *arguments: Any) -> tuple[str, dict[str, Any]]:
        """Deploys a committed artifact; returns its address and the receipt."""
        artifact = load_artifact(name)
        factory = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
        receipt = self.send(factory.constructor(*arguments))
        return str(receipt["contractAddress"]), receipt

    def nonce(self) -> int:
        return self.guard(lambda: amount(self.web3.eth.get_transaction_count(self.account.address, "pending")))

    def mined_nonce(self, block: int | None = None) -> int:
        """How many transactions of the account the chain holds, up to `block` or to its head."""
        count = self.web3.eth.get_transaction_count
        return self.guard(lambda: amount(count(self.account.address, "latest" if block is None else block)))

    def fees(self) -> Fees:
        """What the node suggests now: twice the base fee, so that six full blocks do not price it out, and a tip."""
        base = self.base_fee()
        tip = self.guard(lambda: amount(self.web3.eth.max_priority_fee))
        return Fees(2 * base + tip, tip)

    def base_fee(self) -> int:
        """Wei for a unit of gas that the newest block took at least."""
        return self.guard(lambda: amount(self.web3.eth.get_block("latest").get("baseFeePerGas", 0)))

    def balance(self, address: str) -> int:
        return self.guard(lambda: amount(self.web3.eth.get_balance(Web3.to_checksum_address(address))))

    def block_number(self) -> int:
        return self.guard(lambda: amount(self.web3.eth.block_number))

    def block_hash(self, number: int) -> bytes:
        return self.guard(lambda: bytes(self.web3.eth.get_block(number)["hash"]))

    def timestamp(self, block: int | None = None) -> int:
        """Of the head, or of block `block`."""
        return self.guard(lambda: amount(self.web3.eth.get_block("latest" if block is None else block)["timestamp"]))

    def _require_funds(self, needed: int) -> None:
        if self.balance(self.address) < needed:
            raise self._without_funds(f"needs {needed} wei")

    def _without_funds(self, reason: str) -> EnvironmentFailure:
        return EnvironmentFailure(
            "account_without_funds", f"account {self.address} cannot pay: {reason}", address=self.address
        )
