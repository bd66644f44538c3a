"""Held models in the database."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from prover.backend import Estimate
from prover.service.adapters.tables import models
from prover.service.domain.errors import model_not_found
from prover.service.domain.models import HeldModel, ModelSource


class ModelRepository:
    """Rows as `HeldModel`; a row, once written, never changes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, model: HeldModel) -> HeldModel:
        """Inserts, or returns what is held already under that modelId."""
        held = self.find(model.model_id)
        if held is not None:
            return held
        self._connection.execute(insert(models).values({**asdict(model), "source": model.source.value}))
        return model

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
    return HeldModel(source=ModelSource(fields.pop("source")), estimate=Estimate(**fields.pop("estimate")), **fields)
