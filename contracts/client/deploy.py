"""Deploys the core contracts in their order and writes down where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from contracts.client.deployment import Deployment

if TYPE_CHECKING:  # whose libraries are slow to load
    from contracts.client.chain import Chain

# What the router knows the halo2 adapter by; the first four bytes of keccak("inferproof.halo2.v1").
HALO2_SELECTOR = bytes.fromhex("33cc16f5")
# And OptimisticClaims; of keccak("inferproof.optimistic.v1").
OPTIMISTIC_SELECTOR = bytes.fromhex("287638e1")

Report = Callable[[str, dict[str, Any]], None]


def ignore(contract: str, receipt: dict[str, Any]) -> None:
    """For a caller who wants no report."""


def deploy_core(chain: Chain, s_g2: tuple[int, int, int, int], report: Report = ignore) -> Deployment:
    """Every contract of the core; the chain's account becomes the router's owner and every guardian.

    Args:
        s_g2: the only s·G2 whose keys the halo2 adapter will ever accept, in the order of the pairing precompile.
        report: called with each contract's name and its receipt.
    """
    start = chain.block_number()
    addresses: dict[str, str] = {}

    def deploy(name: str, *arguments: Any) -> str:
        addresses[name], receipt = chain.deploy(name, *arguments)
        report(name, receipt)
        return addresses[name]

    verifier = deploy("Halo2VerifierReusable")
    adapter = deploy("Halo2Adapter", verifier, list(s_g2))
    router = deploy("VerifierRouter", chain.address, chain.address)
    registry = deploy("ModelRegistry", router)
    hub = deploy("InferenceHub", registry, router)
    claims = deploy("OptimisticClaims", hub, deploy("OneStep"), chain.address)
    routes = chain.contract("VerifierRouter", router).functions
    for selector, verifier in ((HALO2_SELECTOR, adapter), (OPTIMISTIC_SELECTOR, claims)):
        chain.send(routes.add(selector, verifier))
    return Deployment(chain.chain_id, start, addresses)
