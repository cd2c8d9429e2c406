"""An integration on its simulator, for the contract suite.

An integration is found by its folder; what the suite needs to know of it stands in `contract.py` beside its tests.
"""

import importlib
import pkgutil
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

import integrations
from bot.sdk import Action, ConnectionSettings, Integration, JsonObject, Proposal, SignalReader, Simulator
from tests.integrations.contract import NOW, ActionCase, Contract
from tests.integrations.wire import Wire
from tests.integrations.world import MemoryWorld

NAMES = sorted(module.name for module in pkgutil.iter_modules(integrations.__path__) if module.ispkg)


def declared_by(name: str) -> Integration:
    declared: Integration = importlib.import_module(f"integrations.{name}").INTEGRATION
    return declared


def contract_of(name: str) -> Contract:
    contract: Contract = importlib.import_module(f"tests.integrations.{name}.contract").CONTRACT
    return contract


@dataclass(frozen=True)
class Bench:
    """One integration on its simulator."""

    declared: Integration
    contract: Contract
    settings: ConnectionSettings
    world: MemoryWorld
    wire: Wire
    client: httpx.AsyncClient

    @property
    def secret_fields(self) -> list[str]:
        fields = type(self.settings).model_fields.items()
        return [name for name, info in fields if "SecretStr" in str(info.annotation)]

    @property
    def secrets(self) -> list[str]:
        values = (getattr(self.settings, name) for name in type(self.settings).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    def signals(self) -> SignalReader:
        assert self.declared.signals
        return self.declared.signals(self.settings, self.client)


def bench(name: str) -> Bench:
    declared, contract = declared_by(name), contract_of(name)
    assert declared.settings
    assert declared.simulator
    settings = declared.settings(**{**contract.settings, **declared.simulated, **contract.secrets})
    world = MemoryWorld(contract.world)
    wire = Wire(declared.simulator(Simulator(connection=name, world=world, now=lambda: NOW)), contract.is_read)
    client = httpx.AsyncClient(transport=wire, base_url=settings.url)
    return Bench(declared, contract, settings, world, wire, client)


class Planned:
    """One action of one integration, with the case that plans it."""

    def __init__(self, name: str, action: str) -> None:
        self.on = bench(name)
        made = next(each for each in self.on.declared.actions if each.name == action)
        self.action: Action = made(self.on.settings, self.on.client)
        self.case: ActionCase = self.on.contract.actions[action]
        self.name = name

    async def read(self) -> JsonObject:
        return await self.action.read(self.case.ref)

    async def plan(self) -> Proposal:
        proposal = self.action.plan(self.case.ref, self.case.params, await self.read())
        assert proposal is not None
        return proposal

    async def apply(self, proposal: Proposal) -> None:
        await self.action.apply(self.case.ref, proposal.before, proposal.after, key="one")

    async def undo(self, proposal: Proposal) -> None:
        await self.action.apply(self.case.ref, proposal.after, proposal.before, key="two")
