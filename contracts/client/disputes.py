"""Typed access to OptimisticClaims (docs/protocol/optimistic.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from circuits.statement import ModelHeader
from contracts.client.dispute_events import DECODERS, ClaimEvent
from contracts.client.dispute_types import Challenge, Claim, DisputeKey, Reveal
from contracts.client.hub import LogPosition
from contracts.client.types import Request, Tensor, fields
from verifier.dispute.types import DescriptorProof, DisputeTerms, FaultProof, Opening

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain


class OptimisticClaims:
    """Reads return Python values, as of block `block` or the head; writes return contract functions for `Chain.send`
    or `Chain.sign`."""

    def __init__(self, chain: Chain, address: str) -> None:
        self.chain = chain
        self.address = address
        self.contract = chain.contract("OptimisticClaims", address)
        self.functions = self.contract.functions

    def events(self, from_block: int, to_block: int, *topics: bytes | None) -> list[ClaimEvent]:
        """Everything said about claims in a range of blocks, in the chain's order.

        `topics` restrict the events' indexed fields, in their order: the claim, then for most events the challenge,
        then for picks and reveals the position's key.
        """
        # By the topic of the event: names of one contract's events differ.
        sources = {bytes.fromhex(self.contract.events[name]().topic.removeprefix("0x")): name for name in DECODERS}
        wanted: list[Any] = [["0x" + t.hex() for t in sources], *("0x" + t.hex() if t else None for t in topics)]
        query = {"address": self.contract.address, "fromBlock": from_block, "toBlock": to_block, "topics": wanted}

        def decoded(log: Any) -> ClaimEvent:
            name = sources[bytes(log["topics"][0])]
            return DECODERS[name](self.contract.events[name]().process_log(log)["args"], LogPosition.of(log))

        return self.chain.guard(lambda: [decoded(log) for log in self.chain.web3.eth.get_logs(query)])  # type: ignore[arg-type]

    def key(self, key_digest: bytes, block: int | None = None) -> DisputeKey:
        return self.chain.read(DisputeKey.from_tuple, self.functions.keyOf(key_digest), block)

    def claim_of(self, claim_id: bytes, block: int | None = None) -> Claim:
        return self.chain.read(Claim.from_tuple, self.functions.claimOf(claim_id), block)

    def challenge_of(self, challenge_id: bytes, block: int | None = None) -> Challenge:
        return self.chain.read(Challenge.from_tuple, self.functions.challengeOf(challenge_id), block)

    def reveal_of(self, claim_id: bytes, position_key: bytes, block: int | None = None) -> Reveal:
        at, root = fields(self.chain.call(self.functions.revealOf(claim_id, position_key), block), "at", "root")
        return Reveal(int(at), bytes(root))

    def turn_of(self, challenge_id: bytes, block: int | None = None) -> tuple[bool, int]:
        """Whether it is the defender's turn in an open challenge, and until when in game time."""
        defenders, deadline = self.chain.call(self.functions.turnOf(challenge_id), block)
        return bool(defenders), int(deadline)

    def game_time(self, block: int | None = None) -> int:
        return int(self.chain.call(self.functions.gameTime(), block))

    def paused(self, block: int | None = None) -> bool:
        return bool(self.chain.call(self.functions.paused(), block))

    def burnt(self) -> int:
        return int(self.chain.call(self.functions.burnt()))

    def credit(self, account: str, block: int | None = None) -> int:
        return int(self.chain.call(self.functions.creditOf(account), block))

    def register_key(self, header: ModelHeader, num_ops: int, graph_tree: bytes, terms: DisputeTerms) -> Any:
        body = (header.graph_root, header.weights_root, header.io_spec, header.opset_version)
        return self.functions.registerKey(body, num_ops, graph_tree, terms.as_tuple())

    def claim(
        self,
        request: Request,
        outputs: Sequence[Tensor],
        top: Sequence[bytes],
        output_paths: Sequence[Sequence[bytes]],
        locator: str,
    ) -> Any:
        """Sent with the claim bond as value."""
        tensors = [t.as_tuple() for t in outputs]
        return self.functions.claim(request.as_tuple(), tensors, list(top), [list(p) for p in output_paths], locator)

    def finalise(self, claim_id: bytes) -> Any:
        return self.functions.finalise(claim_id)

    def commit(self, claim_id: bytes, commitment: bytes) -> Any:
        """Sent with the challenge bond as value."""
        return self.functions.commit(claim_id, commitment)

    def prove_fault(self, proof: FaultProof) -> Any:
        return self.functions.proveFault(proof.as_tuple())

    def open(
        self,
        challenge_id: bytes,
        index: int,
        salt: bytes,
        node: bytes,
        siblings: Sequence[bytes],
        descriptor: DescriptorProof,
    ) -> Any:
        return self.functions.open(challenge_id, index, salt, node, list(siblings), descriptor.as_tuple())

    def pick_node(
        self, challenge_id: bytes, index: int, node: bytes, siblings: Sequence[bytes], descriptor: DescriptorProof
    ) -> Any:
        return self.functions.pickNode(challenge_id, index, node, list(siblings), descriptor.as_tuple())

    def pick_element(self, challenge_id: bytes, element: int, chunk: bytes, siblings: Sequence[bytes]) -> Any:
        return self.functions.pickElement(challenge_id, element, chunk, list(siblings))

    def pick_range(self, challenge_id: bytes, index: int, first: int, last: int, siblings: Sequence[bytes]) -> Any:
        return self.functions.pickRange(challenge_id, index, first, last, list(siblings))

    def prove(self, challenge_id: bytes, descriptor: bytes, openings: Sequence[Opening]) -> Any:
        return self.functions.prove(challenge_id, descriptor, [o.as_tuple() for o in openings])

    def reveal(self, challenge_id: bytes, body: bytes) -> Any:
        return self.functions.reveal(challenge_id, body)

    def reveal_tensor(self, challenge_id: bytes, descriptor: bytes, merkle_root: bytes, body: bytes) -> Any:
        return self.functions.revealTensor(challenge_id, descriptor, merkle_root, body)

    def reveal_sums(self, challenge_id: bytes, descriptor: bytes, accumulators: bytes) -> Any:
        return self.functions.revealSums(challenge_id, descriptor, accumulators)

    def timeout(self, challenge_id: bytes) -> Any:
        return self.functions.timeout(challenge_id)

    def settle(self, challenge_id: bytes) -> Any:
        return self.functions.settle(challenge_id)

    def withdraw(self, amount: int) -> Any:
        return self.functions.withdraw(amount)
