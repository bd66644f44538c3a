"""Held models in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from prover.backend import Estimate
from prover.service.adapters.tables import models
from prover.service.domain.errors import model_not_found
from prover.service.domain.jobs import Failure
from prover.service.domain.models import HeldModel, ModelSource


class ModelRepository:
    """Rows as `HeldModel`; to a row, once written, only what routes say and a fidelity report are added."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, model: HeldModel) -> HeldModel:
        """Inserts, or returns what is held already under that modelId."""
        held = self.find(model.model_id)
        if held is not None:
            return held
        self._connection.execute(insert(models).values({**asdict(model), "source": model.source.value}))
        return model

    def completed(
        self,
        model_id: str,
        estimates: Mapping[str, Estimate],
        refusals: Mapping[str, Failure],
        fidelity: Mapping[str, Any] | None,
    ) -> HeldModel:
        """Notes what another upload tells: what routes say that had no estimate, and a first fidelity report.

        A report that is here stays: anybody may upload, and the calibration data is the uploader's own choice."""
        held = self.get(model_id)
        taken = {**estimates, **held.estimates}
        refused = {name: why for name, why in {**held.refusals, **refusals}.items() if name not in taken}
        more = replace(held, estimates=taken, refusals=refused, fidelity=held.fidelity or fidelity)
        fields = asdict(more)
        changed = {name: fields[name] for name in ("estimates", "refusals", "fidelity")}
        self._connection.execute(update(models).where(models.c.model_id == model_id).values(changed))
        return more

    def find(self, model_id: str) -> HeldModel | None:
        row = self._connection.execute(select(models).where(models.c.model_id == model_id)).one_or_none()
        return None if row is None else _model(row)

    def get(self, model_id: str) -> HeldModel:
        held = self.find(model_id)
        if held is None:
            raise model_not_found(model_id)
        return held


def _model(row: Row[Any]) -> HeldModel:
    fields = dict(row._mapping)
    estimates = {name: Estimate(**body) for name, body in fields.pop("estimates").items()}
    refusals = {name: Failure(**body) for name, body in fields.pop("refusals").items()}
    return HeldModel(source=ModelSource(fields.pop("source")), estimates=estimates, refusals=refusals, **fields)
