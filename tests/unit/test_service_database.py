"""The schema that migrations make is the one that the code uses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from circuits.errors import EnvironmentFailure, InputError
from contracts.client.chain import Chain
from prover.backend import Estimate
from prover.service.adapters.broker import CeleryBroker, make_celery
from prover.service.adapters.database import _config, migrate, open_engine, require_current
from prover.service.adapters.store import ArtifactStore
from prover.service.adapters.tables import metadata
from prover.service.adapters.unit_of_work import Database
from prover.service.domain.models import HeldModel
from prover.service.settings import Settings


def test_migrations_and_tables_agree(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'service.db'}")
    migrate(engine, tmp_path)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'service.db'}")
    migrate(engine, tmp_path)
    migrate(engine, tmp_path)
    require_current(engine)


def test_a_models_estimate_is_halo2s_after_the_migration_and_before_it(tmp_path: Path) -> None:
    engine, config = open_engine(f"sqlite:///{tmp_path / 'service.db'}"), _config()
    estimate = {"rows": 5, "logrows": 3, "setup_s": 1.0, "prove_s": 2.0, "peak_memory_bytes": 7, "disk_bytes": 8}
    columns = "model_id, artifact, source, name, ports, estimate, fidelity, created_at"
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        values = {"estimate": json.dumps(estimate)}
        connection.execute(
            text(f"INSERT INTO models ({columns}) VALUES ('0x1', 'a', 'program', 'n', '{{}}', :estimate, NULL, 1)"),
            values,
        )
        connection.commit()
        command.upgrade(config, "head")
        connection.commit()
    with Database(engine).transaction() as work:
        held = work.models.get("0x1")
        costs = {"setup_s": 1.0, "prove_s": 2.0, "peak_memory_bytes": 7, "disk_bytes": 8}
        assert held.estimates == {"halo2": Estimate(rows=5, srs_k=3, **costs)}
        work.models.add(replace(held, model_id="0x2", estimates={"optimistic": Estimate(**costs)}))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        connection.commit()
        rows = connection.execute(text("SELECT model_id, estimate FROM models")).all()
    assert [(name, json.loads(body)) for name, body in rows] == [("0x1", estimate)]


def _migrated(engine: Engine, config: Config, revision: str, estimates: dict[str, dict[str, object]]) -> HeldModel:
    """A model with these estimates in a database of that revision, as the newest one has it."""
    columns = "model_id, artifact, source, name, ports, estimates, fidelity, created_at"
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(
            text(f"INSERT INTO models ({columns}) VALUES ('0x1', 'a', 'program', 'n', '{{}}', :estimates, NULL, 1)"),
            {"estimates": json.dumps(estimates)},
        )
        connection.commit()
        command.upgrade(config, "head")
        connection.commit()
    with Database(engine).transaction() as work:
        return work.models.get("0x1")


def test_after_the_migration_what_a_route_has_not_is_null_and_stale_estimates_are_gone(tmp_path: Path) -> None:
    engine, config = open_engine(f"sqlite:///{tmp_path / 'service.db'}"), _config()
    costs = {"setup_s": 1.0, "prove_s": 2.0, "peak_memory_bytes": 7, "disk_bytes": 8}
    before = {"halo2": {**costs, "rows": 5, "logrows": 3}, "optimistic": {**costs, "rows": 0, "logrows": 0}}
    stale = {**before, "sumcheck": {**costs, "rows": 0, "logrows": 0}}
    held = _migrated(engine, config, "0002", stale)
    assert held.estimates == {"halo2": Estimate(rows=5, srs_k=3, **costs), "optimistic": Estimate(**costs)}
    assert held.refusals == {}
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        connection.commit()
        (body,) = connection.execute(text("SELECT estimates FROM models")).scalars()
    assert json.loads(body) == before


def test_a_database_that_had_estimates_with_an_srs_already_is_given_refusals_and_loses_stale_estimates(
    tmp_path: Path,
) -> None:
    engine, config = open_engine(f"sqlite:///{tmp_path / 'service.db'}"), _config()
    costs = {"setup_s": 1.0, "prove_s": 2.0, "peak_memory_bytes": 7, "disk_bytes": 8, "srs_k": 3}
    before = {"halo2": {**costs, "rows": 5}, "sumcheck": {**costs, "rows": None}}
    held = _migrated(engine, config, "0003", before)
    assert (held.estimates, held.refusals) == ({"halo2": Estimate(rows=5, **costs)}, {})


def test_migrations_can_be_taken_back(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'service.db'}")
    migrate(engine, tmp_path)
    config = _config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
    with pytest.raises(EnvironmentFailure):
        require_current(engine)


@pytest.mark.parametrize("url", ["nonsense", "sqlite://:::"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InputError) as refused:
        open_engine(url)
    assert refused.value.code == "database_url_invalid"


@pytest.mark.parametrize("url", ["postgresql+pg8000://localhost/x", "postgresql+psycopg://localhost/x"])
def test_a_driver_that_is_not_installed_is_named(url: str) -> None:
    with pytest.raises(EnvironmentFailure) as refused:
        open_engine(url)
    assert refused.value.code == "database_driver_missing"


@pytest.mark.parametrize("url", ["nothing://host", "redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//"])
def test_a_broker_that_cannot_be_used_is_one_clear_error(url: str) -> None:
    broker = CeleryBroker(make_celery(url))
    for use in (broker.check, lambda: broker.send("0" * 32, "cpu")):
        with pytest.raises(EnvironmentFailure) as refused:
            use()
        assert refused.value.code == "broker_unusable"


def test_a_store_that_cannot_be_used_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure) as refused:
        ArtifactStore("nothing://bucket", tmp_path)
    assert refused.value.code == "store_unusable"
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFailure) as refused:
        ArtifactStore(f"file://{tmp_path / 'file'}", tmp_path).put(b"content")
    assert refused.value.code == "store_unusable"


def test_a_file_that_is_no_database_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "service.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(EnvironmentFailure) as refused:
        migrate(open_engine(f"sqlite:///{tmp_path / 'service.db'}"), tmp_path)
    assert refused.value.code == "database_unusable"


def test_settings_come_from_the_environment_and_arguments_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INFERPROOF_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("INFERPROOF_API_KEYS", "one, two")
    monkeypatch.setenv("INFERPROOF_PORT", "1234")
    settings = Settings(port=4321)
    assert (settings.port, settings.database_url) == (4321, f"sqlite:///{tmp_path / 'service.db'}")
    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]


def test_wrong_settings_are_named_without_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERPROOF_PORT", "s3cret")
    monkeypatch.setenv("INFERPROOF_LEASE_S", "-1")
    monkeypatch.setenv("INFERPROOF_API_KEYS", "[s3cret")
    with pytest.raises(InputError) as refused:
        Settings()
    assert refused.value.code == "settings_invalid"
    problems = refused.value.details["problems"]
    assert set(problems) == {"INFERPROOF_PORT", "INFERPROOF_LEASE_S", "INFERPROOF_API_KEYS"}
    assert problems["INFERPROOF_API_KEYS"] == "a JSON list, or keys with commas between them"
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("key", ["s3cret", "0x1234", "0x" + "00" * 32])
def test_a_private_key_that_is_none_is_refused_unquoted(key: str) -> None:
    with pytest.raises(InputError) as refused:
        Chain("http://127.0.0.1:1", key)
    assert refused.value.code == "private_key_invalid"
    assert key not in str(refused.value)
    assert refused.value.__cause__ is None


def test_folders_are_absolute_wherever_the_worker_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings(data_dir="here")
    assert settings.store_url == f"file://{tmp_path / 'here' / 'artifacts'}"


def test_a_worker_is_told_everything_but_the_secrets(tmp_path: Path) -> None:
    keys = {"private_key": "0xsecret", "claim_private_key": "0xsecret2", "api_keys": "hidden"}
    settings = Settings(data_dir=tmp_path, lease_s=7, **keys)
    told = settings.for_worker("w-1")
    assert "secret" not in told
    assert "hidden" not in told
    heard = Settings.from_worker_json(told)
    assert (heard.worker_id, heard.lease_s, heard.database_url) == ("w-1", 7, settings.database_url)
