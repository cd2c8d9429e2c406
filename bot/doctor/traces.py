"""Looks at the collector of traces, where there is one, by sending it an empty batch."""

import asyncio

from bot.doctor.findings import Finding, ok, problem
from bot.trace_settings import ENDPOINT, HEADERS, TraceSettings

_ABOUT = "traces"


async def examine_traces(settings: TraceSettings | None) -> list[Finding]:
    """Return whether the collector takes spans; nothing where none is configured."""
    if settings is None:
        return []
    from bot.otlp import refusal  # noqa: PLC0415 - takes time that only who asked for traces is to pay for

    why = await asyncio.to_thread(refusal, settings)
    for secret in settings.secrets:
        why = why.replace(secret, "***")
    if why:
        mend = (
            f"set {ENDPOINT} to one that takes OTLP over HTTP, on port 4318 as a rule, and {HEADERS} to its credential"
        )
        return [problem(_ABOUT, f"{settings.endpoint} takes none, which stops nothing else. {why}: {mend}")]
    return [ok(_ABOUT, f"{settings.endpoint} takes them, as {settings.service}")]
