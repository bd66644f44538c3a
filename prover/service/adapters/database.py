"""Engine, sessions' isolation and migrations. SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from circuits.errors import EnvironmentFailure, InputError

BUSY_TIMEOUT_S = 30


def open_engine(url: str) -> Engine:
    """Connects lazily. On SQLite every transaction takes the write lock at once, so that none fails half way."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, ValueError) as error:
        raise InputError("database_url_invalid", f"no database URL: {error}") from error
    except ImportError as error:
        message = f"this database needs a driver that is not installed: {error}"
        raise EnvironmentFailure("database_driver_missing", message) from error
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "prover.service.adapters:migrations")
    config.set_main_option("path_separator", "os")
    return config


def migrate(engine: Engine, lock_folder: Path) -> None:
    """Brings the schema to the newest revision; two processes at once do it once."""
    lock_folder.mkdir(parents=True, exist_ok=True)
    config = _config()
    try:
        with FileLock(lock_folder / "migrate.lock"), engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except SQLAlchemyError as error:
        raise EnvironmentFailure("database_unusable", f"the database cannot be used: {error}") from error


def require_current(engine: Engine) -> None:
    """Raises EnvironmentFailure("database_not_migrated") unless the schema is the newest revision."""
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError as error:
        raise EnvironmentFailure("database_unusable", f"the database cannot be used: {error}") from error
    if found != wanted:
        raise EnvironmentFailure(
            "database_not_migrated",
            "the database is not at this version's schema: start `inferproof serve` once, it migrates",
            found=found,
            wanted=wanted,
        )
