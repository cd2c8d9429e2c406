"""The simulated MLflow as values: models, endpoints with their cache, budgets; and what the real one does with them."""

import math
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from bot.sdk import JsonObject, Value, digest


class Refusal(Exception):
    """An answer other than 2xx, in MLflow's words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class Version(Value):
    """A version of a registered model."""

    status: str = "READY"
    tags: dict[str, str] = Field(default_factory=dict)


class Model(Value):
    """A registered model."""

    aliases: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, Version]
    changed_at: AwareDatetime | None = None


class Link(Value):
    """A model of an endpoint."""

    model: str
    linkage_type: Literal["PRIMARY", "FALLBACK"] = "PRIMARY"
    weight: float = 1.0
    fallback_order: int | None = None


class Cached(Value):
    """What the gateway goes on serving, and until when."""

    links: tuple[Link, ...]
    until: AwareDatetime


class Endpoint(Value):
    """An endpoint.

    Attributes:
        cached: What traffic still gets after a change; the real one takes 30 to 63 seconds.
    """

    routing_strategy: str = "REQUEST_BASED_TRAFFIC_SPLIT"
    links: tuple[Link, ...]
    fallback_config: JsonObject | None = None
    cached: Cached | None = None
    changed_at: AwareDatetime | None = None

    def served(self, at: datetime) -> tuple[Link, ...]:
        """Return the links that decide about traffic at an instant."""
        return self.cached.links if self.cached and at < self.cached.until else self.links

    def updated(self, links: tuple[Link, ...], fallback: JsonObject | None, at: datetime, cache: int) -> "Endpoint":
        """Return it with other links, as an update makes it: what is left out about falling back is reset."""
        still = self.cached if self.cached and at < self.cached.until else None
        cached = still or Cached(links=self.links, until=at + timedelta(seconds=cache))
        return self.changed(links=links, fallback_config=fallback or {}, cached=cached, changed_at=at)


class Budget(Value):
    """A budget policy."""

    budget_amount: float
    budget_unit: str = "USD"
    budget_action: Literal["ALERT", "REJECT"] = "ALERT"
    target_scope: str = "GLOBAL"
    target_value: str = ""
    duration: JsonObject = Field(default_factory=lambda: {"unit": "DAYS", "value": 1})
    changed_at: AwareDatetime | None = None


class Documents(Value):
    """The simulator's document in the world.

    Attributes:
        definitions: Ids of model definitions by name; one is made up for a model that has none.
        cache_seconds: How long traffic ignores a change of an endpoint.
    """

    models: dict[str, Model] = Field(default_factory=dict)
    endpoints: dict[str, Endpoint] = Field(default_factory=dict)
    definitions: dict[str, str] = Field(default_factory=dict)
    budgets: dict[str, Budget] = Field(default_factory=dict)
    cache_seconds: int = Field(default=60, ge=0)
    token: str = "token-of-the-simulator"  # noqa: S105 - the simulator's, printed in the README

    @property
    def ids(self) -> dict[str, str]:
        """Ids of all model definitions by name."""
        linked = {link.model for endpoint in self.endpoints.values() for link in endpoint.links}
        return {model: f"d-{model}" for model in sorted(linked)} | self.definitions

    def model(self, name: str) -> Model:
        """Return a registered model."""
        if name not in self.models:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")
        return self.models[name]

    def version(self, name: str, version: str) -> Version:
        """Return a version of a registered model."""
        found = self.models[name].versions.get(version) if name in self.models else None
        if found is None:
            message = f"Model Version (name={name}, version={version}) not found"
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", message)
        return found

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint."""
        if name not in self.endpoints:
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"GatewayEndpoint not found (name='{name}')")
        return self.endpoints[name]

    def budget(self, policy: str) -> Budget:
        """Return a budget policy."""
        if policy not in self.budgets:
            message = f"BudgetPolicy not found (budget_policy_id='{policy}')"
            raise Refusal(404, "RESOURCE_DOES_NOT_EXIST", message)
        return self.budgets[policy]


def answering(endpoint: Endpoint, at: datetime, asked: object) -> str:
    """Return the model that answers a request: equal requests get equal ones, many get the weights."""
    primary = [link for link in endpoint.served(at) if link.linkage_type == "PRIMARY"]
    shares = [max(0, math.trunc(link.weight * 100)) for link in primary]
    if endpoint.routing_strategy != "REQUEST_BASED_TRAFFIC_SPLIT" or sum(shares) == 0:
        return primary[0].model
    point = int(digest(asked)[:8], 16) % sum(shares)
    for link, share in zip(primary, shares, strict=True):
        if point < share:
            return link.model
        point -= share
    return primary[-1].model
