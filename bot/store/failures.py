"""What a database error means: the one place where the drivers' errors become Stanch's.

Errors that are neither an unreachable database nor a lost race are bugs and stay as they are.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.errors import Conflict, StoreUnavailable

# Primary result codes, https://www.sqlite.org/rescode.html. SQLITE_ERROR is missing: it means a wrong statement.
_SQLITE_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
_PRIMARY_CODE = 0xFF
# SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, resources, intervention, system
# errors by class; then a standby that takes no writes and a transaction that was left idle.
_POSTGRES_UNAVAILABLE_CLASSES = ("08", "53", "57", "58")
_POSTGRES_UNAVAILABLE = frozenset({"25006", "25P03"})
# Serialization failure, deadlock, lock not available.
_POSTGRES_LOST_RACE = frozenset({"40001", "40P01", "55P03"})


@contextmanager
def translated() -> Iterator[None]:
    """Turn database errors inside the block into Stanch's.

    Raises:
        StoreUnavailable: The database cannot be reached or cannot write. When the connection broke during the commit
            itself the outcome is unknown; a repeated request is recognised by its receipt.
        Conflict: The database ended this transaction in favour of another.
    """
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable("The database is busy; nothing was done. Try again in a moment.") from error
    except DBAPIError as error:
        if _is_lost_race(error):
            raise Conflict("Somebody else changed this at the same moment; try again.") from error
        if _is_unavailable(error):
            raise StoreUnavailable(
                "The database cannot be reached; nothing was done. Try again in a moment."
            ) from error
        raise


def _is_lost_race(error: DBAPIError) -> bool:
    return isinstance(error.orig, psycopg.Error) and error.orig.sqlstate in _POSTGRES_LOST_RACE


def _is_unavailable(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    cause = error.orig
    if isinstance(cause, psycopg.Error):
        if cause.sqlstate is None:
            return isinstance(cause, psycopg.OperationalError)
        return cause.sqlstate in _POSTGRES_UNAVAILABLE or cause.sqlstate.startswith(_POSTGRES_UNAVAILABLE_CLASSES)
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code & _PRIMARY_CODE in _SQLITE_UNAVAILABLE
    return False
