"""One database transaction, with the repositories that take part in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from prover.service.adapters.chain_repository import FeedRepository, OutboxRepository
from prover.service.adapters.job_repository import JobRepository, WorkerRepository
from prover.service.adapters.model_repository import ModelRepository


class UnitOfWork:
    """Commits when its block ends, rolls back when the block raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.jobs = JobRepository(connection)
        self.models = ModelRepository(connection)
        self.workers = WorkerRepository(connection)

    def feed(self, chain_id: int, hub_address: str) -> FeedRepository:
        return FeedRepository(self._connection, f"{chain_id}:{hub_address.lower()}")

    def outbox(self, chain_id: int, sender: str) -> OutboxRepository:
        return OutboxRepository(self._connection, chain_id, sender)

    def ping(self) -> None:
        self._connection.execute(text("SELECT 1"))


class Database:
    """Opens units of work: `with database.transaction() as work: work.jobs.get(...)`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        with self.engine.begin() as connection:
            yield UnitOfWork(connection)
