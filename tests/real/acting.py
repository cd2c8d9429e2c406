"""One action on a real server, the way the engine uses it: read, plan, apply, read back, undo."""

from dataclasses import dataclass

from bot.sdk import Action, JsonObject, Proposal


@dataclass(frozen=True)
class Acting:
    """An action on one target."""

    action: Action
    ref: JsonObject

    async def read(self) -> JsonObject:
        return await self.action.read(self.ref)

    async def plan(self, **params: object) -> Proposal:
        proposal = self.action.plan(self.ref, params, await self.read())
        assert proposal is not None
        return proposal

    async def apply(self, proposal: Proposal) -> None:
        """Apply twice, which must be once, and see that it reads back."""
        assert await self.read() == proposal.before
        await self.action.apply(self.ref, proposal.before, proposal.after, key="one")
        await self.action.apply(self.ref, proposal.before, proposal.after, key="one")
        assert await self.read() == proposal.after

    async def carry_out(self, **params: object) -> Proposal:
        proposal = await self.plan(**params)
        await self.apply(proposal)
        return proposal

    async def undo(self, proposal: Proposal) -> None:
        """Undo twice, which must be once, and see that it reads as before."""
        await self.action.apply(self.ref, proposal.after, proposal.before, key="two")
        await self.action.apply(self.ref, proposal.after, proposal.before, key="two")
        assert await self.read() == proposal.before
