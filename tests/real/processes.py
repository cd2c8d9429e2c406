"""Starts a real program, waits until it answers, ends it by its pid, and keeps its log.

Nothing here sleeps for a fixed time: what is waited for is polled with a deadline.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from signal import SIGTERM, Signals

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
NODE_MODULES = REPOSITORY / ".cache" / "real" / "node" / "node_modules"
_POLL_SECONDS = 0.05
_LOG_TAIL = 4_000


class NotStarted(RuntimeError):
    """A program ended or did not answer in time; holds the end of its log."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on now, all of them different."""
    with ExitStack() as held:
        listening = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in listening]


def program(name: str) -> str:
    """Return where a program is installed.

    Raises:
        NotStarted: It is not.
    """
    found = shutil.which(name)
    if found is None:
        raise NotStarted(f"{name} is not installed: run `.ci/real-setup` first.")
    return found


@contextmanager
def running(
    command: Sequence[str],
    answers: Callable[[], bool],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    within: float = 60,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program from when it answers until the block ends.

    Args:
        command: Program and arguments.
        answers: Asked again and again whether the program is ready; must not raise.
        log: File that gets all it writes.
        env: Variables beside those of this process.
        within: Seconds until it must answer.

    Raises:
        NotStarted: It ended or did not answer.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=log.parent, env={**os.environ, **(env or {})}
        )
    try:
        _wait(process, answers, log, within)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes], *, how: Signals = SIGTERM, within: float = 20) -> None:
    """End a process of ours, by force if it does not go."""
    process.send_signal(how)
    try:
        process.wait(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], answers: Callable[[], bool], log: Path, within: float) -> None:
    deadline = time.monotonic() + within
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            text = log.read_text(errors="replace")[-_LOG_TAIL:]
            raise NotStarted(f"{process.args!r} did not answer; see {log}:\n{text}")
        time.sleep(_POLL_SECONDS)


def answers_at(url: str) -> Callable[[], bool]:
    """Return whether a URL answers 200, as a question for `running`."""

    def answers() -> bool:
        try:
            return httpx.get(url, timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    return answers
