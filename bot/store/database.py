"""How a database is addressed and opened: URLs, engines, and the settings that durability rests on.

SQLite runs in WAL mode with synchronous=FULL: NORMAL would survive a killed process and still lose the last commits
with the power, and an approval must not get lost (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import SettingsError

_URL_HELP = (
    "The database URL must be `sqlite:///path/to/file` or `postgresql://user:password@host/name`; it is read from "
    "STANCH_DATABASE_URL."
)
# INSERT ... RETURNING came with this version, https://www.sqlite.org/lang_returning.html.
_OLDEST_SQLITE = (3, 35)
_OLDEST_POSTGRES = 14
_POSTGRES_SETTINGS = {
    "connect_timeout": 10,
    # A replica that froze inside a transaction must not hold its row locks for ever; a dead host must be noticed.
    "options": "-c idle_in_transaction_session_timeout=60s",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_SQLITE_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 30000",
    "PRAGMA foreign_keys = ON",
)


def normalised_url(url: str) -> str:
    """Return a database URL with the driver that Stanch uses.

    Raises:
        SettingsError: It is neither a SQLite file nor PostgreSQL.
    """
    return _parsed(url).render_as_string(hide_password=False)


def blocking_url(url: str) -> str:
    """Return a database URL for SQLAlchemy without asyncio, which is what the durable engine takes.

    Raises:
        SettingsError: It is neither a SQLite file nor PostgreSQL.
    """
    parsed = _parsed(url)
    blocking = parsed.set(drivername="sqlite") if parsed.get_backend_name() == "sqlite" else parsed
    return blocking.render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """Return a PostgreSQL URL as libpq takes it.

    Raises:
        SettingsError: It is no PostgreSQL URL.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        raise SettingsError("Replicas need PostgreSQL.")
    return parsed.set(drivername="postgresql").render_as_string(hide_password=False)


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite URL; `None` for PostgreSQL.

    Raises:
        SettingsError: It is neither.
    """
    parsed = _parsed(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def async_engine(url: str, *, read_only: bool = False) -> AsyncEngine:
    """Return an engine with all settings; it does not connect yet.

    Args:
        url: Of the database.
        read_only: Have the database refuse every write; on SQLite, wait for nobody who writes.

    Raises:
        SettingsError: The URL is neither a SQLite file nor PostgreSQL.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_async_engine(parsed)
        if read_only:
            event.listen(engine.sync_engine, "connect", _set_to_read_only)
        else:
            _prepare_sqlite(engine.sync_engine)
        return engine
    settings = _postgres_settings(parsed)
    if read_only:
        settings["options"] = f"{settings.get('options', '')} -c default_transaction_read_only=on"
    return create_async_engine(parsed, connect_args=settings, pool_pre_ping=True)


def sync_engine(url: str) -> Engine:
    """Return an engine for migrations, with the same settings.

    Raises:
        SettingsError: The URL is neither a SQLite file nor PostgreSQL.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed.set(drivername="sqlite"))
        _prepare_sqlite(engine)
        return engine
    return create_engine(parsed, connect_args=_postgres_settings(parsed))


def check_version(connection: Connection) -> None:
    """Refuse a database that is too old.

    Raises:
        SettingsError: It is.
    """
    if connection.dialect.name == "sqlite":
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise SettingsError(f"Stanch needs SQLite 3.35 or newer; Python uses {sqlite3.sqlite_version}.")
        return
    version = connection.dialect.server_version_info
    if version is None or int(version[0]) < _OLDEST_POSTGRES:
        raise SettingsError(f"Stanch needs PostgreSQL {_OLDEST_POSTGRES} or newer; the server is {version}.")


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(_URL_HELP) from None
    match parsed.drivername:
        case "sqlite" | "sqlite+aiosqlite" if parsed.database not in {None, "", ":memory:"} and not parsed.host:
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgres" | "postgresql" | "postgresql+psycopg" if parsed.database:
            return parsed.set(drivername="postgresql+psycopg")
        case _:
            raise SettingsError(_URL_HELP)


def _postgres_settings(url: URL) -> dict[str, object]:
    """Return the settings that the URL does not set itself."""
    return {name: value for name, value in _POSTGRES_SETTINGS.items() if name not in url.query}


def _prepare_sqlite(engine: Engine) -> None:
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_immediately)


def _set_pragmas(connection: Any, _record: object) -> None:
    # The driver would otherwise begin transactions by itself, too late and without a lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _SQLITE_SETTINGS:
        cursor.execute(pragma)
    cursor.close()


def _set_to_read_only(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _begin_immediately(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and writes later may otherwise fail half-way."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
