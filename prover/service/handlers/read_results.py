"""What a proven job has to show: its proof and key, its outputs, and the call that puts them before a contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode

from circuits.statement import Route, keccak256
from contracts.client.artifacts import abi_type, load_artifact
from contracts.client.types import Tensor
from prover.service.domain.errors import job_without_contract, job_without_key, job_without_proof, result_not_ready
from prover.service.domain.jobs import Job, Result
from prover.service.handlers.deps import Deps
from prover.service.handlers.tensors import decode_tensors
from verifier.messages import ProofFile


@dataclass(frozen=True)
class Call:
    """A contract function and its encoded call."""

    function: str
    data: bytes


def read_job(deps: Deps, job_id: str) -> Job:
    with deps.database.transaction() as work:
        return work.jobs.get(job_id)


def read_proof(deps: Deps, job_id: str) -> bytes:
    """The proof file, as `inferproof verify` takes it."""
    return deps.store.get(_proof(read_job(deps, job_id)))


def read_key(deps: Deps, job_id: str) -> bytes:
    """The key file that the proof verifies under."""
    artifact = _result(read_job(deps, job_id)).key_artifact
    if artifact is None:
        raise job_without_key(job_id)
    return deps.store.get(artifact)


def read_outputs(deps: Deps, job_id: str) -> bytes:
    return deps.store.get(_result(read_job(deps, job_id)).outputs_artifact)


def read_delivery(deps: Deps, job: Job) -> tuple[list[Tensor], bytes]:
    """Outputs and proof bytes as contracts take them."""
    result = _result(job)
    outputs = [Tensor.from_array(t) for t in decode_tensors(deps.store.get(result.tensors_artifact))]
    return outputs, ProofFile.from_json(deps.store.get(_proof(job))).proof


def read_call(deps: Deps, job_id: str) -> Call:
    """For a hub request, the hub's `fulfil`; else `verify` of the route's verifier contract."""
    job = read_job(deps, job_id)
    result = _result(job)
    outputs, proof = read_delivery(deps, job)
    if job.request_id is not None and deps.chain is not None:
        with deps.database.transaction() as work:
            found = work.feed(deps.chain.chain_id, deps.chain.hub_address).get(job.request_id)
        if found is not None:
            tensors = [t.as_tuple() for t in outputs]
            return _encode("InferenceHub", "fulfil", found.request.as_tuple(), job.route, tensors, proof)
    if job.route != Route.HALO2:
        raise job_without_contract(job.id, Route(job.route).name.lower())
    statement = (bytes.fromhex(job.model_id.removeprefix("0x")), result.input_root, result.output_root)
    return _encode("Halo2Adapter", "verify", result.key_digest, statement, proof)


def _proof(job: Job) -> str:
    artifact = _result(job).proof_artifact
    if artifact is None:
        raise job_without_proof(job.id)
    return artifact


def _result(job: Job) -> Result:
    if job.result is None:
        raise result_not_ready(job.id, job.state.value)
    return job.result


def _encode(contract: str, function: str, *arguments: Any) -> Call:
    abi = load_artifact(contract).abi
    entry = next(e for e in abi if e["type"] == "function" and e["name"] == function)
    types = [abi_type(i) for i in entry["inputs"]]
    signature = f"{function}({','.join(types)})"
    return Call(f"{contract}.{signature}", keccak256(signature.encode())[:4] + encode(types, arguments))
