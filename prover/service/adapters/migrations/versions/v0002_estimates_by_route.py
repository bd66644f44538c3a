"""A model's estimates by route: the one there was is halo2's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ONE, ALL = sa.column("estimate", sa.JSON), sa.column("estimates", sa.JSON)
MODELS = sa.table("models", sa.column("model_id", sa.String), ONE, ALL)
HALO2 = "halo2"


def upgrade() -> None:
    op.add_column("models", sa.Column("estimates", sa.JSON(), nullable=True))
    _rewrite(ONE, ALL, lambda estimate: {HALO2: estimate})
    _replace("estimate", "estimates")


def downgrade() -> None:
    """Models that halo2 cannot prove have no place in the older schema."""
    op.add_column("models", sa.Column("estimate", sa.JSON(), nullable=True))
    _rewrite(ALL, ONE, lambda estimates: estimates.get(HALO2))
    op.execute(sa.delete(MODELS).where(sa.cast(ONE, sa.Text) == "null"))
    _replace("estimates", "estimate")


def _rewrite(source: sa.ColumnClause[Any], target: sa.ColumnClause[Any], change: Callable[[Any], Any]) -> None:
    connection = op.get_bind()
    for model_id, value in connection.execute(sa.select(MODELS.c.model_id, source)).all():
        changed = sa.update(MODELS).where(MODELS.c.model_id == model_id)
        connection.execute(changed.values({target.name: change(value)}))


def _replace(old: str, new: str) -> None:
    with op.batch_alter_table("models") as batch:
        batch.alter_column(new, existing_type=sa.JSON(), nullable=False)
        batch.drop_column(old)
