"""The database's tables. `migrations/` creates them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

LIVE = text("state != 'superseded'")

# SQLite numbers rows by itself only for INTEGER PRIMARY KEY.
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

jobs = Table(
    "jobs",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("queue", String(16), nullable=False),
    Column("model_id", String(66), nullable=False),
    Column("route", Integer, nullable=False),
    Column("input_artifact", String(80), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("idempotency_key", String(255)),
    Column("request_digest", String(64)),
    Column("request_id", String(66), unique=True),
    Column("expected_key", LargeBinary),
    Column("attempts", Integer, nullable=False),
    Column("lease_token", String(32)),
    Column("lease_worker", String(255)),
    Column("lease_until", Float),
    Column("phase", String(64)),
    Column("fraction", Float),
    Column("result", JSON(none_as_null=True)),
    Column("failure", JSON(none_as_null=True)),
    Column("dispatches", Integer, nullable=False),
    Column("dispatched_at", Float),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("owner", "idempotency_key", name="uq_jobs_idempotency"),
    Index("ix_jobs_state", "state", "lease_until"),
)

models = Table(
    "models",
    metadata,
    Column("model_id", String(66), primary_key=True),
    Column("artifact", String(80), nullable=False),
    Column("source", String(16), nullable=False),
    Column("name", String(255), nullable=False),
    Column("ports", JSON, nullable=False),
    Column("estimates", JSON, nullable=False),
    Column("fidelity", JSON(none_as_null=True)),
    Column("created_at", Float, nullable=False),
    Column("refusals", JSON, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("queues", String(255), nullable=False),
    Column("seen_at", Float, nullable=False),
)

# `feed` is "chainId:hubAddress": one database may outlive a change of chain or deployment.
blocks = Table(
    "blocks",
    metadata,
    Column("feed", String(80), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("hash", String(66), nullable=False),
)

hub_requests = Table(
    "hub_requests",
    metadata,
    Column("feed", String(80), primary_key=True),
    Column("request_id", String(66), primary_key=True),
    Column("request", JSON, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("block_number", BigInteger),
    Column("block_hash", String(66)),
    Column("tx_hash", String(66), nullable=False),
    Column("log_index", Integer, nullable=False),
    Column("seen", String(16), nullable=False),
    Column("reason", Text),
    Index("ix_hub_requests_seen", "feed", "seen"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    Column("job_id", String(32), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("sender", String(42), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("hash", String(66), nullable=False, unique=True),
    Column("raw", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("broadcast_at", Float),
    Column("block_number", BigInteger),
    Column("gas_used", BigInteger),
    # At most one transaction on a nonce, and one of a kind for a job, whatever crashes in between.
    Index("uq_outbox_nonce", "chain_id", "sender", "nonce", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
    Index("uq_outbox_purpose", "job_id", "purpose", unique=True, sqlite_where=LIVE, postgresql_where=LIVE),
)
