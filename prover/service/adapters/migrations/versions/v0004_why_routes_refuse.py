"""Why routes refuse a model stands beside the estimates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ESTIMATES, REFUSALS = sa.column("estimates", sa.JSON), sa.column("refusals", sa.JSON)
MODELS = sa.table("models", sa.column("model_id", sa.String), ESTIMATES, REFUSALS)
SUMCHECK = "sumcheck"


def upgrade() -> None:
    """Estimates of the sumcheck route go: they told too little memory. An upload of the same program makes new ones."""
    op.add_column("models", sa.Column("refusals", sa.JSON(), nullable=True))
    connection = op.get_bind()
    for model_id, estimates in connection.execute(sa.select(MODELS.c.model_id, ESTIMATES)).all():
        kept = {route: told for route, told in estimates.items() if route != SUMCHECK}
        changed = sa.update(MODELS).where(MODELS.c.model_id == model_id)
        connection.execute(changed.values(estimates=kept, refusals={}))
    with op.batch_alter_table("models") as batch:
        batch.alter_column("refusals", existing_type=sa.JSON(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("models") as batch:
        batch.drop_column("refusals")
