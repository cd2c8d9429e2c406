"""Copies a SQLite database while it is in use.

A newcomer would copy the file: what was committed last lies in the write-ahead log beside it, and a copy made while
somebody writes may be torn. SQLite's own backup reads one committed state (https://www.sqlite.org/backup.html).
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from bot.errors import SettingsError, StoreUnavailable
from bot.store.database import sqlite_file


def back_up(url: str, copy: Path) -> int:
    """Copy the database into a new file that its owner alone can read; return its number of pages.

    The copy is checked and on disk before it has its name, so a file of that name is always whole. Blocks.

    Raises:
        SettingsError: The database is not SQLite, is not there, or something is at the new place.
        StoreUnavailable: It cannot be read, or the copy cannot be written.
    """
    file = sqlite_file(url)
    if file is None:
        raise SettingsError("PostgreSQL is backed up by its own tools: `pg_dump --format=custom --file=FILE URL`.")
    if not file.exists():
        raise SettingsError(f"There is no database at {file}.")
    if copy.exists():
        raise SettingsError(f"{copy} is there already; name a new file.")
    unfinished = copy.with_name(f"{copy.name}.unfinished")
    try:
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            pages = _copied(file, unfinished)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        unfinished.rename(copy)
        _settle(copy.absolute().parent)
    except (sqlite3.Error, OSError) as error:
        unfinished.unlink(missing_ok=True)
        raise StoreUnavailable(f"{file} could not be copied to {copy}: {error}.") from error
    return pages


def _copied(file: Path, copy: Path) -> int:
    address = f"file:{quote(str(file.absolute()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=30)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        # The copy is one file: without this it would ask for a log beside it when it is first opened.
        target.execute("PRAGMA journal_mode = DELETE")
        said = str(target.execute("PRAGMA quick_check(1)").fetchone()[0])
        if said != "ok":
            raise sqlite3.DatabaseError(said)
        return int(target.execute("PRAGMA page_count").fetchone()[0])


def _settle(folder: Path) -> None:
    """Have the new name survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
