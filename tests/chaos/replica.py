"""A replica as a process of its own: runs a job that says in the database who works on it, until somebody ends it.

Usage: `python -m tests.chaos.replica URL NAME`. It prints `ready` when it takes jobs.
"""

import asyncio
import sys
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from bot.durable.engine import Engine
from bot.durable.replicas import Replicas
from bot.store.database import blocking_url, libpq_url, normalised_url

JOB = "work"
SILENCE = timedelta(seconds=3)


async def main(url: str, name: str) -> None:
    database = create_async_engine(normalised_url(url))

    async def work(subject: str) -> timedelta | None:
        async with AsyncSession(database) as session, session.begin():
            await session.execute(
                text("INSERT INTO worked (subject, replica) VALUES (:subject, :replica) ON CONFLICT DO NOTHING"),
                {"subject": subject, "replica": name},
            )
            done = await session.scalar(
                text("SELECT count(*) FROM finish WHERE subject = :subject"), {"subject": subject}
            )
        return None if done else timedelta(milliseconds=100)

    engine = Engine(blocking_url(url), executor_id=name, handlers={JOB: work})
    await engine.start()
    replicas = Replicas(libpq_url(url), name, [engine], silence=SILENCE)
    await replicas.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
