"""Everything the service can be told from outside. The only file of the project that reads the environment."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from circuits.errors import InputError

PREFIX = "INFERPROOF_"
SECRET_FIELDS = frozenset({"private_key", "claim_private_key", "api_keys"})


def _physical_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _database_url(data: dict[str, Any]) -> str:
    return f"sqlite:///{data['data_dir'] / 'service.db'}"


def _broker_url(data: dict[str, Any]) -> str:
    return f"filesystem://{data['data_dir'] / 'queue'}"


def _store_url(data: dict[str, Any]) -> str:
    return f"file://{data['data_dir'] / 'artifacts'}"


class Settings(BaseSettings):
    """Read from `INFERPROOF_*` variables; arguments win over the environment. Times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True)

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("inferproof"))
    cache_dir: Path = Field(default_factory=lambda: platformdirs.user_cache_path("inferproof"))
    database_url: str = Field(default_factory=_database_url)
    broker_url: str = Field(default_factory=_broker_url)
    store_url: str = Field(default_factory=_store_url)

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    max_upload_bytes: int = Field(default=512 << 20, gt=0)
    max_input_bytes: int = Field(default=16 << 20, gt=0)

    rpc_url: str | None = None
    deployment_file: Path | None = None
    private_key: SecretStr | None = None
    claim_private_key: SecretStr | None = None
    trace_url: str | None = None
    trace_public_url: str | None = None
    max_fee_wei: int | None = Field(default=None, gt=0)
    confirmations: int = Field(default=2, ge=0)
    max_bond_wei: int = Field(default=10**18, ge=0)
    min_extension_s: int = Field(default=600, gt=0)
    min_challenge_bond_wei: int = Field(default=10**15, gt=0)
    log_chunk_blocks: int = Field(default=2000, gt=0)
    chain_poll_s: float = Field(default=1.0, gt=0)

    lease_s: float = Field(default=30.0, gt=0)
    sweep_s: float = Field(default=5.0, gt=0)
    max_attempts: int = Field(default=3, gt=0)
    memory_limit_bytes: int = Field(default_factory=lambda: _physical_memory_bytes() * 9 // 10, gt=0)
    allow_insecure_srs: bool = False
    srs: Path | None = None
    worker_id: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}")

    def __init__(self, **given: Any) -> None:
        """Raises InputError("settings_invalid") naming every wrong variable; never its value, which may be secret."""
        try:
            super().__init__(**given)
        except (ValidationError, SettingsError) as error:
            found = error.errors(include_input=False) if isinstance(error, ValidationError) else []
            problems = {PREFIX + "_".join(map(str, e["loc"])).upper(): e["msg"] for e in found} or {PREFIX: str(error)}
            listed = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
            raise InputError("settings_invalid", f"wrong settings: {listed}", problems=problems) from None

    @field_validator("data_dir", "cache_dir", "deployment_file", "srs")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        """A worker may be started elsewhere, and a URL is made of the data folder."""
        return None if value is None else value.expanduser().absolute()

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:
        """Accepts a JSON list or comma-separated keys."""
        if not isinstance(value, str):
            return value
        if not value.startswith("["):
            return [key.strip() for key in value.split(",") if key.strip()]
        try:
            return json.loads(value)
        except ValueError:
            raise PydanticCustomError("keys", "a JSON list, or keys with commas between them") from None

    def for_worker(self, worker_id: str) -> str:
        """These settings as JSON for a worker process, which needs no secret."""
        document = self.model_dump(mode="json", exclude=set(SECRET_FIELDS))
        return json.dumps({**document, "worker_id": worker_id})

    @classmethod
    def from_worker_json(cls, document: str) -> Settings:
        return cls(**json.loads(document))
