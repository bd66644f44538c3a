"""The first act: a service proves an update, the chain checks the proof, the market's parameters move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from circuits.program.interpreter import run as interpret
from circuits.statement import Route, output_root
from contracts.client.hub import DeliveredEvent, RequestedEvent
from examples.lending.ledger import Ledger, require
from examples.lending.service_process import ServiceProcess
from examples.lending.stage import PROGRAM_FILE, PROVER, Parameters, Stage, apply_update, ask_for_update
from verifier.halo2 import verify
from verifier.halo2_srs import Accepted
from verifier.messages import ProofFile
from verifier.srs import DEVELOPMENT_S_G2

DELIVERY_TIMEOUT_S = 600


@dataclass(frozen=True)
class Proven:
    """What the act showed. `attested_drawdown` is a fraction of the price."""

    ledger: Ledger
    before: Parameters
    after: Parameters
    attested_drawdown: float

    def as_dict(self) -> dict[str, Any]:
        return {
            **self.ledger.as_dict(),
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "attested_drawdown": self.attested_drawdown,
        }


def play(ledger: Ledger, stage: Stage, cache_dir: Path) -> Proven:
    before = stage.parameters()
    with _service(ledger, stage, cache_dir) as service:
        requested = ask_for_update(ledger, stage, stage.history)
        delivered, proof = _deliver(ledger, stage, service, requested)
    _check(ledger, stage, requested, delivered, proof)
    after = apply_update(ledger, stage, before)
    return Proven(ledger, before, after, stage.real(delivered.outputs))


@contextmanager
def _service(ledger: Ledger, stage: Stage, cache_dir: Path) -> Iterator[ServiceProcess]:
    deployment = stage.folder / "deployment.json"
    settings = {
        "RPC_URL": stage.net.rpc_url,
        "DEPLOYMENT_FILE": str(deployment),
        "PRIVATE_KEY": PROVER,
        "CACHE_DIR": str(cache_dir),
        "CONFIRMATIONS": "0",
        "ALLOW_INSECURE_SRS": "true",
    }
    stage.core.save(deployment)
    with ExitStack() as stack:
        with ledger.step("start the service and its worker"):
            service = stack.enter_context(ServiceProcess(stage.folder, settings))
            service.wait_ready()
            service.upload_program(stage.folder / PROGRAM_FILE)
        yield service
        with ledger.step("stop the service"):
            stack.close()


def _deliver(
    ledger: Ledger, stage: Stage, service: ServiceProcess, requested: RequestedEvent
) -> tuple[DeliveredEvent, ProofFile]:
    with ledger.step("the service notices and its worker proves"):
        job = service.wait_job(("proven", "submitting", "delivered"), DELIVERY_TIMEOUT_S)
        proof = ProofFile.from_json(service.proof(job["id"]))
    with ledger.step("the submitter delivers, the chain verifies") as step:
        service.wait_job(("delivered",), DELIVERY_TIMEOUT_S)
        chain = stage.chain()
        events = stage.hub(chain).delivered_events(stage.core.start_block, chain.block_number())
        require(len(events) == 1, "the hub delivered exactly once", delivered=len(events))
        require(events[0].request_id == requested.request_id, "the delivery answers the request")
        require(events[0].route == Route.HALO2, "it was delivered by a proof", route=events[0].route)
        receipt = chain.receipt(events[0].at.tx_hash)
        require(receipt is not None, "the delivery has a receipt")
        step.spent(receipt or {})
    return events[0], proof


def _check(
    ledger: Ledger, stage: Stage, requested: RequestedEvent, delivered: DeliveredEvent, proof: ProofFile
) -> None:
    with ledger.step("the same integers: chain, interpreter, verifier without native code"):
        outputs = interpret(stage.program, [t.to_array() for t in requested.inputs])
        attested = [t.to_array() for t in delivered.outputs]
        same = all(np.array_equal(a, b) for a, b in zip(outputs, attested, strict=True))
        require(same, "the chain's output is the interpreter's", chain=str(attested), interpreter=str(outputs))
        require(delivered.output_root == output_root(outputs), "outputRoot is the interpreter's")
        verify(proof.statement, stage.keys.halo2, proof.proof, Accepted(frozenset({DEVELOPMENT_S_G2})))
        require(proof.statement.input_root == requested.request.input_root, "the proof is for the requested input")
