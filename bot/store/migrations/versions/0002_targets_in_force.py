"""Which containments are in force on which target; filled by their next change, for older ones here."""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TOUCHED = {"attempted", "applied", "verified"}


def upgrade() -> None:
    force = op.create_table(
        "stanch_force",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("containment_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["containment_id"], ["stanch_containment.id"], name="fk_stanch_force_containment_id"
        ),
        sa.PrimaryKeyConstraint("key", "containment_id", name="pk_stanch_force"),
    )
    op.create_index("ix_stanch_force_containment_id", "stanch_force", ["containment_id"])
    containments = sa.table("stanch_containment", sa.column("id"), sa.column("state"), sa.column("body"))
    rows = op.get_bind().execute(sa.select(containments).where(containments.c.state != "undone"))
    found = [{"key": key, "containment_id": row.id} for row in rows for key in _keys(json.loads(row.body))]
    if found:
        op.bulk_insert(force, found)


def _keys(body: dict[str, Any]) -> set[str]:
    plan = body["plan"]
    if plan["kind"] != "apply":
        return set()
    steps = zip(plan["changes"], body["progress"], strict=True)
    return {_target_key(change) for change, step in steps if step["state"] in _TOUCHED}


def _target_key(change: dict[str, Any]) -> str:
    spelled = json.dumps(
        [change["connection"], change["ref"]], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(spelled.encode(errors="surrogatepass")).hexdigest()
