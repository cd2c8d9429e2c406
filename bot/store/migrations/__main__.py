"""Writes the next migration: `python -m bot.store.migrations 0002 "What changes"`.

It compares the rows in `bot.store.tables` with a fresh database at the newest schema. Read what it wrote before you
keep it: Alembic sees added and dropped columns, not renamed ones.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command

from bot.store.database import sync_engine
from bot.store.migrations import alembic_config, migrate


def main(revision: str, message: str) -> None:
    """Write one migration file."""
    with TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory) / 'schema.sqlite'}"
        migrate(url)
        engine = sync_engine(url)
        with engine.begin() as connection:
            command.revision(alembic_config(connection), message, autogenerate=True, rev_id=revision)
        engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
