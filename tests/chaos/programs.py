"""Programs of ours as processes of their own, started again whenever they end, as a service manager does.

Ending one on purpose is what the campaign is for; a program that ends by itself after it had started is counted.
"""

import asyncio
import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from signal import Signals

_PATIENCE_SECONDS = 180
_PAUSE_SECONDS = 0.3
_ROOT = Path(__file__).resolve().parents[2]
_ASKED_FOR = {0, -signal.SIGKILL, -signal.SIGTERM}


class Program:
    """One program, kept running.

    Attributes:
        url: Where it answers once it is ready.
        ended_unasked: How often it ended by itself after it had been ready.
        start_seconds: How long its last start took.
    """

    def __init__(self, name: str, arguments: Sequence[str], settings: Mapping[str, str], log: Path) -> None:
        """Take its name, the words after `python -m bot`, its settings and where its log goes."""
        self.name = name
        self.url = ""
        self.ended_unasked = 0
        self.start_seconds = 0.0
        self._arguments = arguments
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("STANCH_")}
        self._log = log
        self._clock = log.with_suffix(".clock")
        self.set_clock(0)
        self._environment = {**inherited, **settings, **_own_clock(self._clock)}
        self._ready = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to keep it running; return when it is ready.

        Raises:
            TimeoutError: It is not.
        """
        self._keeping = asyncio.create_task(self._keep(), name=self.name)
        await self.until_ready()

    async def until_ready(self) -> None:
        """Return when it is ready, at once if it is.

        Raises:
            TimeoutError: It does not become so.
        """
        await asyncio.wait_for(self._ready.wait(), _PATIENCE_SECONDS)

    def send(self, what: Signals) -> bool:
        """Send a signal; return whether it was taken, which one that has just ended does not."""
        if self._process is None or self._process.returncode is not None:
            return False
        try:
            # asyncio's own way looks first whether the process has ended, and takes its status away from the watcher.
            os.kill(self._process.pid, what)
        except ProcessLookupError:
            return False
        return True

    def set_clock(self, seconds: float) -> None:
        """Have its clock differ from the machine's by so much, from now on; how long it waits is not touched."""
        fresh = self._clock.with_suffix(".next")
        fresh.write_text(f"{seconds:+.3f}\n")
        fresh.replace(self._clock)

    async def stop(self) -> None:
        """End it for good."""
        if self._keeping is None:
            return
        self._keeping.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeping
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()

    async def _keep(self) -> None:
        while True:
            began = time.monotonic()
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "bot",
                    *self._arguments,
                    cwd=_ROOT,
                    env=self._environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                )
            was_ready = await self._announced(self._process, began)
            status = await self._process.wait()
            self._ready.clear()
            if status not in _ASKED_FOR:
                self.ended_unasked += was_ready
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _announced(self, process: asyncio.subprocess.Process, began: float) -> bool:
        """Read until the program ends, noting when it says where it answers; return whether it did."""
        was_ready = False
        if process.stdout is None:
            return was_ready
        async for line in process.stdout:
            found = next((word for word in line.decode().split() if word.startswith("http://")), None)
            if found is not None and not was_ready:
                was_ready = True
                self.url = found.rstrip("/")
                self.start_seconds = time.monotonic() - began
                self._ready.set()
        return was_ready


def _own_clock(file: Path) -> dict[str, str]:
    """Return what makes a program read its clock through a file that holds the difference."""
    return {"LD_PRELOAD": str(_clock_library()), "CLOCK_AHEAD_FILE": str(file)}


@cache
def _clock_library() -> Path:
    """Build what stands between a program and the machine's clock; once for each campaign."""
    library = Path(tempfile.mkdtemp(prefix="stanch-chaos-clock-")) / "clock.so"
    atexit.register(shutil.rmtree, library.parent)
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)  # noqa: S607 - the system's compiler
    return library
