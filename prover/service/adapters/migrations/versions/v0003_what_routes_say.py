"""What routes say of a model: an estimate names the k of its SRS, as halo2's logrows did; what a route has not is null
instead of 0; and refusals stand beside the estimates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ESTIMATES, REFUSALS = sa.column("estimates", sa.JSON), sa.column("refusals", sa.JSON)
MODELS = sa.table("models", sa.column("model_id", sa.String), ESTIMATES, REFUSALS)
SUMCHECK = "sumcheck"


def upgrade() -> None:
    """Estimates of the sumcheck route go: they told too little memory. An upload of the same program makes new ones."""
    _rewrite(lambda estimates: {route: _newer(**old) for route, old in estimates.items() if route != SUMCHECK})
    op.add_column("models", sa.Column("refusals", sa.JSON(), nullable=True))
    op.execute(sa.update(MODELS).values(refusals={}))
    with op.batch_alter_table("models") as batch:
        batch.alter_column("refusals", existing_type=sa.JSON(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("models") as batch:
        batch.drop_column("refusals")
    _rewrite(lambda estimates: {route: _older(**new) for route, new in estimates.items()})


def _newer(rows: int, logrows: int, **rest: Any) -> dict[str, Any]:
    return {"rows": rows or None, "srs_k": logrows or None, **rest}


def _older(rows: int | None, srs_k: int | None, **rest: Any) -> dict[str, Any]:
    return {"rows": rows or 0, "logrows": (srs_k or 0) if rows else 0, **rest}


def _rewrite(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    connection = op.get_bind()
    for model_id, estimates in connection.execute(sa.select(MODELS.c.model_id, ESTIMATES)).all():
        connection.execute(sa.update(MODELS).where(MODELS.c.model_id == model_id).values(estimates=change(estimates)))
