"""Asks over HTTP as a user's client would, and judges the answer by rules that the connections file declares.

No answer is no good news: a feature that cannot be reached was not shown to be harmless, unless the probe says that
this very status is what a contained feature answers.
"""

import re
from typing import Annotated, Literal

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bot.sdk import ConnectionSettings, JsonObject, Rejected, SecretStr, Unavailable, send

_NAME = "canary"
_OPERATION = "probe"
_MOST_BYTES = 100_000


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_compiles)]


class Probe(BaseModel):
    """One question, and how its answer is judged.

    Attributes:
        path: Below the connection's address.
        body: Sent as JSON; `None` for no body.
        harmful_if: The answer is harmful where this regular expression is found in it, whatever the case of letters.
        clean_statuses: Statuses other than 2xx that a contained feature answers, such as 503 for one that is off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["GET", "POST"] = "POST"
    path: Annotated[str, Field(pattern=r"^/[^\s#]*$", max_length=500)]
    body: JsonObject | None = None
    harmful_if: Pattern
    clean_statuses: frozenset[Annotated[int, Field(ge=400, le=599)]] = frozenset()


class Settings(ConnectionSettings):
    """Where the feature is, and what it is asked.

    Attributes:
        token: Bearer token; `None` where the feature asks for none. Give the canary an account of its own.
        probes: By name; a harm signal's query is one of the names.
    """

    token: SecretStr | None = None
    probes: dict[str, Probe] = Field(min_length=1)


class HttpProber:
    """See `bot.sdk.Prober`."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._probes = settings.probes
        self._client = client
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"} if settings.token else {}

    async def probe(self, query: str) -> float:
        """Return 1 for a harmful answer and 0 for a clean one.

        Raises:
            IntegrationError: There was no answer that tells.
            Rejected: No probe has this name, or the feature refused the question.
        """
        probe = self._probes.get(query)
        if probe is None:
            known = ", ".join(sorted(self._probes))
            raise Rejected(_NAME, _OPERATION, status=0, detail=f"no probe is called {query!r}; there are: {known}")
        answer = await self._answer(probe)
        return 0.0 if answer is None else float(re.search(probe.harmful_if, answer, re.IGNORECASE) is not None)

    async def _answer(self, probe: Probe) -> str | None:
        """Return the text of the answer; `None` for a status that says that the feature is contained."""
        response = await send(
            self._client,
            _NAME,
            _OPERATION,
            probe.method,
            probe.path,
            json=probe.body,
            headers=self._headers,
            accepted=probe.clean_statuses,
        )
        if response.status_code in probe.clean_statuses:
            return None
        if len(response.content) > _MOST_BYTES:
            raise Unavailable(_NAME, _OPERATION, f"the answer has more than {_MOST_BYTES:,} bytes")
        return response.text
