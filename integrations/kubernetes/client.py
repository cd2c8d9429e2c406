"""The calls of the Kubernetes API that the actions make, and what the actions share.

Every write is a merge patch that holds the resource version of what was read, so that the API server itself refuses a
stale one with 409. Controllers write into the same object all the time, so a 409 alone is no drift: the object is read
again, and only what the action manages decides.
Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar

import httpx
from pydantic import Field, FilePath

from bot.sdk import ConnectionSettings, Guard, JsonObject, Rejected, SecretStr, Unavailable, Value, fitting, request

NAME = "kubernetes"
TITLE = "Kubernetes"
_ATTEMPTS = 3

# Names of Kubernetes: DNS labels for namespaces, DNS subdomains for deployments; neither may lead elsewhere in a path.
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
Name = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", max_length=253)
]


class Settings(ConnectionSettings):
    """Where the API server is, and the token of a service account.

    Attributes:
        ca_file: Certificates of the cluster's own authority; those that everybody trusts if none is given.
    """

    token: SecretStr
    ca_file: FilePath | None = None


class DeploymentRef(Value):
    """A deployment."""

    namespace: Namespace
    deployment: Name

    def __str__(self) -> str:
        return f"deployment {self.namespace}/{self.deployment}"


class KubernetesApi:
    """The API server."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}

    async def deployment(self, ref: DeploymentRef) -> JsonObject:
        """Return a deployment.

        Raises:
            Rejected: There is none.
        """
        found = await self._get("read deployment", _deployment(ref))
        if not isinstance(found, dict) or not isinstance(found.get("spec"), dict) or not _version(found):
            raise Unavailable(NAME, "read deployment", "the answer is not that of Kubernetes")
        return found

    async def listed(self, group: str, ref: DeploymentRef, resource: str, **params: str) -> list[JsonObject]:
        """Return all objects of a kind in the deployment's namespace."""
        path = f"/apis/{group}/namespaces/{ref.namespace}/{resource}"
        found = await self._get(f"list {resource}", path, params)
        items = found.get("items") if isinstance(found, dict) else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise Unavailable(NAME, f"list {resource}", "the answer is not that of Kubernetes")
        return items

    async def patch(self, ref: DeploymentRef, seen: JsonObject, spec: JsonObject, *, part: str = "") -> None:
        """Merge into the specification of a deployment or a part of it, unless the deployment has changed since.

        Raises:
            Rejected: It has (409), is gone (404), or would be invalid (422).
        """
        body = {"metadata": {"resourceVersion": _version(seen)}, "spec": spec}
        headers = {**self._headers, "Content-Type": "application/merge-patch+json"}
        await request(
            self._client, NAME, "change deployment", "PATCH", _deployment(ref) + part, json=body, headers=headers
        )

    async def _get(self, operation: str, path: str, params: Mapping[str, str] | None = None) -> Any:
        return await request(self._client, NAME, operation, "GET", path, params=params, headers=self._headers)


_Seen = TypeVar("_Seen")


class KubernetesAction(ABC, Generic[_Seen]):
    """Reads a deployment with what belongs to it, and writes it only as it was read."""

    name: str
    title: str
    ref_model: type[Value] = DeploymentRef
    reversible = True
    guard = Guard.CONDITIONAL
    offers_choices = False

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self._api = KubernetesApi(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return what the action manages."""
        return self._state(await self._look(target(ref)))

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - Kubernetes takes none
        """Write `after`, nothing if it is so already; again while only what is not managed changed in between.

        Raises:
            Rejected: It reads neither as `before` nor as `after`, or somebody kept writing to it.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            seen = await self._look(target(ref))
            current = self._state(seen)
            if current == after:
                return
            if current != before:
                detail = f"somebody else changed {target(ref)}; nothing was written"
                raise Rejected(NAME, "compare", status=409, detail=detail)
            try:
                await self._write(target(ref), seen, after)
            except Rejected as refusal:
                if refusal.status != 409 or attempt == _ATTEMPTS:
                    raise
            else:
                return

    async def choices(self, ref: JsonObject) -> Sequence[str]:  # noqa: ARG002 - nothing to choose
        """Return nothing: the main parameter is free, or there is none."""
        return ()

    @abstractmethod
    async def _look(self, ref: DeploymentRef) -> _Seen:
        """Return the deployment and what belongs to it."""

    @abstractmethod
    def _state(self, seen: _Seen) -> JsonObject:
        """Return what the action manages of it."""

    @abstractmethod
    async def _write(self, ref: DeploymentRef, seen: _Seen, after: JsonObject) -> None:
        """Bring the deployment from what was seen to `after`."""


def target(ref: JsonObject) -> DeploymentRef:
    """Return the validated target."""
    return fitting(DeploymentRef, ref, whom=TITLE)


def _deployment(ref: DeploymentRef) -> str:
    return f"/apis/apps/v1/namespaces/{ref.namespace}/deployments/{ref.deployment}"


def _version(found: JsonObject) -> str:
    metadata = found.get("metadata")
    return str(metadata.get("resourceVersion") or "") if isinstance(metadata, dict) else ""
