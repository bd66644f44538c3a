"""The one place where ports meet the adapters that fill them."""

from __future__ import annotations

from circuits.errors import InputError
from circuits.program.file import load_program, save_program
from circuits.program.input_file import read_inputs
from prover.optimistic.store import TraceStore
from prover.service.adapters.broker import CeleryBroker, make_celery
from prover.service.adapters.database import open_engine
from prover.service.adapters.halo2_prover import Halo2Prover
from prover.service.adapters.onnx_compiler import OnnxCompiler
from prover.service.adapters.optimistic_runner import OptimisticRunner
from prover.service.adapters.ports import ClaimChain, HubChain
from prover.service.adapters.store import ArtifactStore
from prover.service.adapters.sumcheck_prover import SumcheckProver
from prover.service.adapters.unit_of_work import Database
from prover.service.handlers.deps import Deps
from prover.service.settings import Settings


def wire(settings: Settings, *, with_chain: bool) -> Deps:
    """Everything a process needs; a worker has no business with the chain."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # inputs may be nobody else's business
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    chain, claims = _open_hub(settings) if with_chain else (None, None)
    return Deps(
        settings=settings,
        database=Database(open_engine(settings.database_url)),
        store=ArtifactStore(settings.store_url, settings.cache_dir),
        broker=CeleryBroker(make_celery(settings.broker_url)),
        prover=Halo2Prover(settings.cache_dir, settings.srs, allow_insecure_srs=settings.allow_insecure_srs),
        sumcheck=SumcheckProver(
            settings.cache_dir,
            settings.srs,
            allow_insecure_srs=settings.allow_insecure_srs,
            kept_bytes=settings.memory_limit_bytes // 16,
        ),
        compiler=OnnxCompiler(),
        load_program=load_program,
        save_program=save_program,
        read_inputs=read_inputs,
        chain=chain,
        # A worker runs whatever job it is given; who claims decides whether there are any.
        runner=OptimisticRunner(_traces(settings)) if claims is not None or not with_chain else None,
        claims=claims,
    )


def _traces(settings: Settings) -> TraceStore | None:
    return None if settings.trace_url is None else TraceStore(settings.trace_url, settings.trace_public_url)


def _open_hub(settings: Settings) -> tuple[HubChain | None, ClaimChain | None]:
    if settings.rpc_url is None or settings.deployment_file is None:
        return None, None
    # Seconds of imports that a worker, which has no business with the chain, should not spend.
    from contracts.client.chain import Chain
    from contracts.client.deployment import Deployment
    from prover.service.adapters.claim_chain import ClaimClient
    from prover.service.adapters.hub_chain import HubClient

    deployment = Deployment.load(settings.deployment_file)
    proving, claiming = (
        None if key is None else Chain(settings.rpc_url, key.get_secret_value())
        for key in (settings.private_key, settings.claim_private_key)
    )
    if proving is not None and claiming is not None and proving.address == claiming.address:
        message = "INFERPROOF_CLAIM_PRIVATE_KEY needs an account of its own, besides that of INFERPROOF_PRIVATE_KEY"
        raise InputError("accounts_shared", message, address=claiming.address)
    hub = HubClient(proving or claiming or Chain(settings.rpc_url), deployment)
    return hub, None if claiming is None else ClaimClient(claiming, deployment, settings)
