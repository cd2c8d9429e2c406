"""Jobs that ended, as an onlooker counts them: without the engine, which would begin to run what waits."""

from datetime import datetime

from dbos import DBOSClient, DBOSPortableJSONSerializer
from sqlalchemy import create_engine, inspect

ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


def count_ended(url: str, before: datetime, *, most: int) -> int:
    """Return how many jobs ended before an instant, `most` at most; none where no engine was ever started. Blocks."""
    engine = create_engine(url)
    try:
        schema = None if engine.dialect.name == "sqlite" else "dbos"
        if not inspect(engine).has_table("workflow_status", schema=schema):
            return 0
        client = DBOSClient(system_database_engine=engine, serializer=DBOSPortableJSONSerializer())
        try:
            ended = client.list_workflows(
                status=list(ENDED),
                completed_before=before.isoformat(),
                limit=most,
                load_input=False,
                load_output=False,
            )
        finally:
            client.destroy()
        return len(ended)
    finally:
        engine.dispose()
