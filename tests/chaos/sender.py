"""Sends alerts as Alertmanager does: again and again until somebody says that an alert has arrived.

What was answered with 200 is a promise; it is noted here and looked for in the store at the end.
"""

import asyncio
import random
import time
from collections.abc import Callable

import httpx

from bot.domain.values import JsonObject
from tests.chaos.setting import ALERT_TOKEN, fingerprint_of, fresh_alert

_PATIENCE_SECONDS = 180
_PAUSE_SECONDS = 0.3
_STORM = 25


class NotTaken(Exception):
    """Nobody took an alert in time."""


class Sender:
    """One alert source.

    Attributes:
        promised: Fingerprints that were answered with 200.
        refusals: Answers other than 200, and connections that broke: each led to another try.
    """

    def __init__(self, urls: Callable[[], list[str]], chance: random.Random) -> None:
        """Take what tells where Stanch answers now, and the chance that picks one."""
        self.promised: set[str] = set()
        self.refusals = 0
        self._urls = urls
        self._chance = chance
        self._http = httpx.AsyncClient(timeout=5, trust_env=False)
        self._storms: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give up what is under way."""
        for storm in self._storms:
            storm.cancel()
        await asyncio.gather(*self._storms, return_exceptions=True)
        await self._http.aclose()

    async def send(self, posted: JsonObject) -> None:
        """Send one alert until it is taken.

        Raises:
            NotTaken: It is not.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not await self._taken(posted):
            self.refusals += 1
            if time.monotonic() > deadline:
                raise NotTaken(fingerprint_of(posted))
            await asyncio.sleep(_PAUSE_SECONDS)
        self.promised.add(fingerprint_of(posted))

    def storm(self, title: str) -> None:
        """Begin to send many alerts of one cause at once, each from a rule of its own."""
        for _ in range(_STORM):
            task = asyncio.create_task(self.send(fresh_alert(title)), name="storm")
            self._storms.add(task)

    async def calm(self) -> None:
        """Return once every alert of the storms was taken.

        Raises:
            NotTaken: One was not.
        """
        storms, self._storms = self._storms, set()
        await asyncio.gather(*storms)

    async def _taken(self, posted: JsonObject) -> bool:
        urls = self._urls()
        if not urls:
            return False
        url = self._chance.choice(urls)
        headers = {"Authorization": f"Bearer {ALERT_TOKEN}"}
        try:
            answer = await self._http.post(f"{url}/alerts/alertmanager", json=posted, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK
