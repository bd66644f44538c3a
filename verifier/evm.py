"""ezkl's reusable Halo2 verifier, run in py-evm: no native code, no chain, no network.

The runtime bytecode is `verifier/data/halo2_reusable.hex`, compiled from
`contracts/src/verifiers/generated/Halo2VerifierReusable.sol`; a test rebuilds both and compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.state import CancunState
from eth.vm.message import Message
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_typing import Address, BlockNumber, Hash32

GAS_LIMIT = 2**24  # what one transaction may use (EIP-7825): a key that needs more could not be used on a chain
_VERIFIER = Address(b"\x11" * 20)
_CALLER = Address(b"\x22" * 20)
_SIGNATURE = b"verifyProof(bytes,uint256[],bytes32[])"
_REGISTERED_SLOT = 0  # `mapping(bytes32 => bool) registeredVkas` is the contract's only storage


@cache
def reusable_verifier_code() -> bytes:
    """Runtime bytecode of ezkl's reusable verifier."""
    return bytes.fromhex(files("verifier").joinpath("data/halo2_reusable.hex").read_text().strip())


def _fresh_state() -> CancunState:
    context = ExecutionContext(
        coinbase=_CALLER,
        timestamp=0,
        block_number=BlockNumber(0),
        difficulty=0,
        mix_hash=Hash32(bytes(32)),
        gas_limit=GAS_LIMIT,
        prev_hashes=(),
        chain_id=1,
        base_fee_per_gas=0,
        excess_blob_gas=0,
    )
    return CancunState(AtomicDB(), context, BLANK_ROOT_HASH)


def accepts(proof: bytes, instances: Sequence[int], vka: Sequence[bytes]) -> bool:
    """Whether the reusable verifier accepts; a revert, an exhausted gas limit and a returned `false` all mean no."""
    digest = keccak(b"".join(vka))
    state = _fresh_state()
    # The contract checks that someone registered the artifact; the caller of this function already chose it.
    slot = int.from_bytes(keccak(digest + _REGISTERED_SLOT.to_bytes(32, "big")), "big")
    state.set_storage(_VERIFIER, slot, 1)
    data = keccak(_SIGNATURE)[:4] + encode(["bytes", "uint256[]", "bytes32[]"], [proof, instances, list(vka)])
    code = reusable_verifier_code()
    message = Message(gas=GAS_LIMIT, to=_VERIFIER, sender=_CALLER, value=0, data=data, code=code)
    context = state.get_transaction_context_class()(gas_price=0, origin=_CALLER)
    result = state.computation_class.apply_computation(state, message, context)
    # It returns (true, digest, rescaled instances), the last without its ABI offset: only the first two words are read.
    return not result.is_error and result.output[:64] == (1).to_bytes(32, "big") + digest
