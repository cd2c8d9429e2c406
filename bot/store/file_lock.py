"""One process for one SQLite file, enforced with a lock that the kernel drops when the process ends, however it ends.

The lock is on `<file>.lock` and not on the file itself: closing any descriptor of a SQLite file drops SQLite's own
locks (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
"""

import fcntl
import os
from pathlib import Path

from bot.errors import SettingsError


class FileLock:
    """The right to use one SQLite file."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(f"{database.name}.lock")
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock; make the directory if it is missing.

        Raises:
            SettingsError: Another process has it, or the directory cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SettingsError(f"{self._database} cannot be used as a database: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise SettingsError(
                f"Another Stanch uses {self._database}. SQLite serves one process: stop the other one, give each its "
                "own file, or use PostgreSQL for several replicas."
            ) from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the lock go, if it was taken."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
