"""What Alembic runs for every command; it works on the connection that it is handed, and never opens one."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.types import TypeDecorator

from bot.store.migrations import VERSION_TABLE, is_ours
from bot.store.tables import StoredRow


def plain_type(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Spell our column types as what they are made of: a released migration must not change with them."""
    return f"sa.{item.impl_instance!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=StoredRow.metadata,
    version_table=VERSION_TABLE,
    include_name=is_ours,
    render_as_batch=True,
    transactional_ddl=True,
    render_item=plain_type,
)
with context.begin_transaction():
    context.run_migrations()
