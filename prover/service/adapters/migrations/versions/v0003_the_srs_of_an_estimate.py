"""An estimate names the k of its SRS, as halo2's logrows did; what a route has not is null instead of 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MODELS = sa.table("models", sa.column("model_id", sa.String), sa.column("estimates", sa.JSON))


def upgrade() -> None:
    """The k of a sumcheck estimate that is here already is not known: null too."""
    _rewrite(lambda rows, logrows, rest: {"rows": rows or None, "srs_k": logrows or None, **rest}, "logrows")


def downgrade() -> None:
    _rewrite(lambda rows, srs_k, rest: {"rows": rows or 0, "logrows": srs_k if rows else 0, **rest}, "srs_k")


def _rewrite(change: Callable[[Any, Any, dict[str, Any]], dict[str, Any]], size: str) -> None:
    connection = op.get_bind()
    for model_id, estimates in connection.execute(sa.select(MODELS)).all():
        changed = {}
        for route, old in estimates.items():
            rest = {name: value for name, value in old.items() if name not in ("rows", size)}
            changed[route] = change(old["rows"], old[size], rest)
        connection.execute(sa.update(MODELS).where(MODELS.c.model_id == model_id).values(estimates=changed))
