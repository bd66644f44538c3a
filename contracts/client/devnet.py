"""A local chain: anvil as a child process that never outlives its parent's `with` block."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from circuits.errors import EnvironmentFailure

if TYPE_CHECKING:
    from web3.types import RPCEndpoint

    from contracts.client.chain import Chain

# anvil's own first accounts: public keys of a public mnemonic, funded on every devnet and nowhere else.
DEV_KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
)

REPOSITORY = Path(__file__).resolve().parents[2]


def find_anvil() -> str:
    """The native anvil of node_modules (npm's launcher would stand between us and its signals), else PATH's."""
    local = sorted(REPOSITORY.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    found = str(local[0]) if local else shutil.which("anvil")
    if found is None:
        raise EnvironmentFailure("anvil_not_found", "anvil is not installed: run `npm ci` in the project's folder")
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ask(chain: Chain, method: str, *arguments: Any) -> Any:
    """What anvil answers to a method of its own; `chain_refused`."""
    answer = chain.web3.provider.make_request(cast("RPCEndpoint", method), arguments)
    if "error" in answer:
        message = f"anvil refused {method}: {answer['error']}"
        raise EnvironmentFailure("chain_refused", message, method=method, arguments=list(arguments))
    return answer["result"]


def wait_until_mined(chain: Chain, timeout_s: float = 20) -> None:
    """Until anvil has mined all that it was sent, if it mines by itself. It answers before it begins, and what is asked
    of it meanwhile meets half a block: a snapshot taken back then gets that block on top, and its state with it.

    Codes: `transactions_waiting`, if it mines none of it in time.
    """
    deadline = time.monotonic() + timeout_s
    while ask(chain, "anvil_getAutomine") and (waiting := int(ask(chain, "txpool_status")["pending"], 16)):
        if time.monotonic() > deadline:
            message = f"anvil did not mine {waiting} transactions in {timeout_s:.0f} seconds"
            raise EnvironmentFailure("transactions_waiting", message, waiting=waiting)
        time.sleep(0.002)


def take_snapshot(chain: Chain) -> str:
    """The chain as it is, its time included, for `go_back`."""
    wait_until_mined(chain)
    return str(ask(chain, "evm_snapshot"))


def go_back(chain: Chain, snapshot: str) -> None:
    """What happened since the snapshot never happened. A snapshot serves once."""
    wait_until_mined(chain)
    if not ask(chain, "evm_revert", snapshot):
        raise EnvironmentFailure("chain_refused", f"anvil has no snapshot {snapshot}", snapshot=snapshot)


class Devnet:
    """anvil on loopback with automining; `with Devnet() as net: Chain(net.rpc_url, DEV_KEYS[0])`.

    Args:
        port: loopback port; a free one when not given.
        timestamp: unix time of the genesis block; now when not given.
        block_time_s: seconds between blocks; a block for every transaction when not given.
    """

    def __init__(
        self, port: int | None = None, *, timestamp: int | None = None, block_time_s: int | None = None
    ) -> None:
        self.port = port or free_port()
        self.rpc_url = f"http://127.0.0.1:{self.port}"
        self._arguments = [find_anvil(), "--port", str(self.port), "--host", "127.0.0.1", "--silent"]
        self._arguments += ["--hardfork", "osaka"]
        if timestamp is not None:
            self._arguments += ["--timestamp", str(timestamp)]
        if block_time_s is not None:
            self._arguments += ["--block-time", str(block_time_s)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = 20) -> Devnet:
        self._require_free_port()
        self._process = subprocess.Popen(
            self._arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + timeout_s
        from contracts.client.chain import Chain  # for which who only looks for anvil should not wait

        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                Chain(self.rpc_url, timeout_s=1)
            except EnvironmentFailure:
                time.sleep(0.05)
            else:
                return self
        self.stop()
        raise EnvironmentFailure("anvil_failed", f"anvil did not come up on {self.rpc_url}", port=self.port)

    def _require_free_port(self) -> None:
        """Whoever holds the port would be taken for our anvil, and deployed on."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                message = f"port {self.port} is taken: end what listens there, or name another with --port"
                raise EnvironmentFailure("port_taken", message, port=self.port) from error

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def pass_time(self, seconds: int) -> None:
        """Moves the chain's clock on and mines a block, whose time is at least that much later."""
        self._ask("evm_increaseTime", seconds)
        self._ask("evm_mine")

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens inside never happened, its time included."""
        from contracts.client.chain import Chain

        chain = Chain(self.rpc_url)
        before = take_snapshot(chain)
        try:
            yield
        finally:
            go_back(chain, before)

    def _ask(self, method: str, *arguments: Any) -> Any:
        from contracts.client.chain import Chain

        return ask(Chain(self.rpc_url), method, *arguments)

    def wait(self) -> int:
        """Blocks until anvil ends; its exit code."""
        return self._process.wait() if self._process else 0

    def __enter__(self) -> Devnet:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
