"""The calls of the agent-control contract (openapi.yaml): read a control, set it only if it is still as read."""

from typing import Annotated
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.sdk import ConnectionSettings, Rejected, SecretStr, Unavailable, Value, send

NAME = "agents"

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@-]*$", max_length=100)]


class Settings(ConnectionSettings):
    """Where the control plane is, and the credential of it."""

    token: SecretStr


class AgentRef(Value):
    """One agent; also the target of its memory."""

    agent: Id

    @property
    def path(self) -> str:
        """Where its control is."""
        return f"/v1/agents/{quote(self.agent, safe='')}"

    def __str__(self) -> str:
        return self.agent


class CredentialRef(AgentRef):
    """One credential of an agent."""

    credential: Id

    @property
    def path(self) -> str:
        """Where its control is."""
        return f"{super().path}/credentials/{quote(self.credential, safe='')}"

    def __str__(self) -> str:
        return f"{self.credential} of {self.agent}"


class ToolRef(AgentRef):
    """One tool of an agent."""

    tool: Id

    @property
    def path(self) -> str:
        """Where its control is."""
        return f"{super().path}/tools/{quote(self.tool, safe='')}"

    def __str__(self) -> str:
        return f"{self.tool} of {self.agent}"


class Control(BaseModel):
    """A control as it reads: its state, and what people should know about it."""

    model_config = ConfigDict(frozen=True)

    state: Annotated[str, Field(min_length=1, max_length=40)]
    about: Annotated[str, Field(max_length=300)] = ""


class ControlApi:
    """A control plane."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}

    async def control(self, path: str) -> tuple[Control, str]:
        """Return a control and its ETag.

        Raises:
            Rejected: There is no such agent, credential or tool.
            Unavailable: The answer is not that of the contract; one without an ETag neither, because without it a
                stale write could not be refused.
        """
        answer = await send(self._client, NAME, "read control", "GET", path, headers=self._headers)
        try:
            control = Control.model_validate_json(answer.content)
        except ValidationError as error:
            raise Unavailable(NAME, "read control", "the answer is not that of the contract") from error
        etag = answer.headers.get("ETag", "")
        if not etag or etag.startswith("W/"):
            raise Unavailable(NAME, "read control", "the answer has no strong ETag")
        return control, etag

    async def set_state(self, path: str, state: str, etag: str) -> None:
        """Set a control's state, only if it is still what had this ETag.

        Raises:
            Rejected: With 412, somebody changed it since; with 409, it cannot go there.
        """
        headers = {**self._headers, "If-Match": etag}
        try:
            await send(self._client, NAME, "set state", "PUT", f"{path}/state", json={"state": state}, headers=headers)
        except Rejected as refused:
            if refused.status != 412:
                raise
            detail = "somebody else changed it since it was read; nothing was written"
            raise Rejected(NAME, "set state", status=412, detail=detail) from refused
