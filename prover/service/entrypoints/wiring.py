"""The one place where ports meet the adapters that fill them."""

from __future__ import annotations

from circuits.program.file import load_program, save_program
from circuits.program.input_file import read_inputs
from prover.service.adapters.broker import CeleryBroker, make_celery
from prover.service.adapters.database import open_engine
from prover.service.adapters.halo2_prover import Halo2Prover
from prover.service.adapters.onnx_compiler import OnnxCompiler
from prover.service.adapters.ports import HubChain
from prover.service.adapters.store import ArtifactStore
from prover.service.adapters.unit_of_work import Database
from prover.service.handlers.deps import Deps
from prover.service.settings import Settings


def wire(settings: Settings, *, with_chain: bool) -> Deps:
    """Everything a process needs; a worker has no business with the chain."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # inputs may be nobody else's business
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    return Deps(
        settings=settings,
        database=Database(open_engine(settings.database_url)),
        store=ArtifactStore(settings.store_url, settings.cache_dir),
        broker=CeleryBroker(make_celery(settings.broker_url)),
        prover=Halo2Prover(settings.cache_dir, settings.srs, allow_insecure_srs=settings.allow_insecure_srs),
        compiler=OnnxCompiler(),
        load_program=load_program,
        save_program=save_program,
        read_inputs=read_inputs,
        chain=_open_hub(settings) if with_chain else None,
    )


def _open_hub(settings: Settings) -> HubChain | None:
    if settings.rpc_url is None or settings.deployment_file is None:
        return None
    # Seconds of imports that a worker, which has no business with the chain, should not spend.
    from contracts.client.chain import Chain
    from contracts.client.deployment import Deployment
    from prover.service.adapters.hub_chain import HubClient

    key = settings.private_key.get_secret_value() if settings.private_key else None
    return HubClient(Chain(settings.rpc_url, key), Deployment.load(settings.deployment_file))
