"""The floor of `benchmarks.slash`: a Bolt app over Socket Mode that acknowledges a slash command with one sentence.

Usage: `STANCH_SLACK_API_URL=... python -m benchmarks.bare_bolt`, with the tokens of the local workspace beside it.
"""

import asyncio
import os
import sys

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient


async def main() -> None:
    """Serve until ended."""
    token = os.environ["STANCH_SLACK_BOT_TOKEN"]

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

    client = AsyncWebClient(base_url=os.environ["STANCH_SLACK_API_URL"])
    app = AsyncApp(client=client, authorize=authorize, request_verification_enabled=False)

    @app.command("/incident")
    async def acknowledge(ack: AsyncAck) -> None:
        await ack("Received.")

    await AsyncSocketModeHandler(app, os.environ["STANCH_SLACK_APP_TOKEN"]).connect_async()  # type: ignore[no-untyped-call]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
