"""The demo's path, played on services with simulated vendors: the review that it leaves is `postmortems/example.md`.

Write that file again, after the template or the demo has changed, with `python -m tests.example_review`.
"""

import asyncio
import re
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from bot.app import ROOT
from bot.documents import MarkdownDocuments
from bot.domain.containment import Containment
from bot.domain.incident import Incident
from bot.domain.review import Review
from bot.services.reviews import ReviewDraft, Reviews
from bot.store.migrations import migrate
from bot.store.sql import Store
from tests.builders import Clock
from tests.conftest import Enqueued
from tests.responders import COMMANDER, Responders

POSTMORTEMS = ROOT / "postmortems"
EXAMPLE = POSTMORTEMS / "example.md"
DOCUMENTS = MarkdownDocuments(POSTMORTEMS)
_EVIDENCE = re.compile(r"SHA-256 [0-9a-f]{12}")


def reviews_of(team: Responders) -> Reviews:
    """Return the reviews of what a team does."""
    return Reviews(team.store, team.catalog, DOCUMENTS, team.clock, b"a key that is not in the database")


async def contained(team: Responders) -> tuple[Incident, Containment]:
    """Have an alert open an incident, and the prompt rolled back until the harm has stopped."""
    incident = await team.alerted()
    team.clock.advance(timedelta(seconds=40))
    await team.incidents.take_lead(COMMANDER, incident.id)
    team.clock.advance(timedelta(minutes=2))
    planned = await team.planned(incident)
    team.clock.advance(timedelta(minutes=1))
    await team.approved(planned)
    done = await team.carried_out(planned)
    return await team.incident(incident), done


async def resolved(team: Responders) -> Incident:
    """Play the path to its end."""
    incident, _ = await contained(team)
    team.clock.advance(timedelta(minutes=5))
    return await team.incidents.resolve(COMMANDER, incident.id)


async def draft(team: Responders, incident: Incident) -> ReviewDraft:
    """Return the draft of an incident's review."""
    return await reviews_of(team).draft(incident.id)


def example(review: Review) -> str:
    """Return a review as a document, with what is random in it replaced: the hashes, and the signature of its chain."""
    chain = review.chain.changed(head="0123456789abcdef" * 4, head_signature="0123456789abcdef")
    return _EVIDENCE.sub("SHA-256 0123456789ab", DOCUMENTS.review(review.changed(chain=chain)))


async def _write(url: str) -> None:
    enqueued: list[Enqueued] = []

    async def record(_: AsyncSession, job: str, subject: str, key: str, delay: timedelta | None) -> None:
        enqueued.append(Enqueued(job, subject, key, delay))

    clock = Clock()
    store = Store(url, now=clock, enqueue=record)
    await store.open()
    team = Responders(store, clock, enqueued)
    await team.start()
    written = await draft(team, await resolved(team))
    EXAMPLE.write_text(example(written.review), encoding="utf-8")
    await team.stop()
    await store.close()


def main() -> None:
    """Write the example."""
    folder = Path(tempfile.mkdtemp(prefix="stanch-example-"))
    try:
        url = f"sqlite:///{folder / 'stanch.sqlite'}"
        migrate(url)
        asyncio.run(_write(url))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
