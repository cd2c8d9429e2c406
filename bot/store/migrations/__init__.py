"""Brings a database to the schema of this code.

Only tables that start with `stanch_` are ours: the durable engine keeps its own beside them in the same SQLite file,
and a comparison without the filter would propose to drop those.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bot.errors import SettingsError
from bot.store.database import sqlite_file, sync_engine
from bot.store.failures import translated
from bot.store.tables import PREFIX

VERSION_TABLE = f"{PREFIX}version"
# Any number that nothing else on the server locks; replicas that start together migrate one after another.
_ADVISORY_LOCK = 7_308_620_145


def migrate(url: str) -> None:
    """Upgrade a database to the newest schema, in one transaction; do nothing when it is there already.

    Blocks: run it in a thread. On SQLite, take the file first with `Store.open`.

    Raises:
        SettingsError: The database was made by a newer Stanch, or the URL is wrong.
        StoreUnavailable: The database cannot be reached.
    """
    if file := sqlite_file(url):
        file.parent.mkdir(parents=True, exist_ok=True)
    engine = sync_engine(url)
    try:
        with translated(), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            config = alembic_config(connection)
            _check_not_newer(connection, config)
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def is_current(connection: Connection) -> bool:
    """Whether a database has this program's schema."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    return set(context.get_current_heads()) == set(scripts.get_heads())


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for working on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether Alembic may look at a table or what belongs to one."""
    return kind != "table" or (name is not None and name.startswith(PREFIX))


def _check_not_newer(connection: Connection, config: Config) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    if unknown := set(context.get_current_heads()) - known:
        raise SettingsError(
            f"The database was migrated by a newer Stanch (schema {', '.join(sorted(unknown))}). Run that version or a "
            "newer one, or restore the backup from before the upgrade."
        )
