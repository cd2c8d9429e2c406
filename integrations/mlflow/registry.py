"""Moving a registered model's alias back, and marking the version that did harm.

Whoever loads `models:/name@alias` gets the earlier version the next time it loads; what is in memory stays there.
"""

from collections.abc import Sequence
from typing import Annotated

import httpx
from pydantic import Field

from bot.sdk import Guard, JsonObject, Level, Proposal, Rejected, UserError, Value, fitting
from integrations.mlflow.client import BAD, MARK, NAME, TITLE, Api, Label, Settings


class AliasRef(Value):
    """An alias of a registered model."""

    model: Label
    alias: Label

    def __str__(self) -> str:
        return f"{self.model}@{self.alias}"


class VersionParams(Value):
    """The version to move to."""

    version: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]


class MoveAlias:
    """Points an alias at an earlier version, and tags the one that it leaves."""

    name = "move_alias"
    title = "Move a model's alias back"
    ref_model: type[Value] = AliasRef
    params_model: type[Value] = VersionParams
    lowest_level = Level.L5
    reversible = True
    guard = Guard.REREAD
    offers_choices = True

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        """Take the connection's settings and client."""
        self._api = Api(settings, client)

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the version that the alias points at, and the versions that are marked as bad."""
        target = fitting(AliasRef, ref, whom=TITLE)
        aliases = await self._api.aliases(target.model)
        if target.alias not in aliases:
            detail = f"the model {target.model} has no alias {target.alias}"
            raise Rejected(NAME, "read model", status=404, detail=detail)
        bad = await self._api.versions(target.model, only_bad=True)
        return {"version": aliases[target.alias], BAD: sorted((each.version for each in bad), key=int)}

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the move; `None` when the alias points there.

        Raises:
            UserError: The version is newer than the one in use, or was marked as bad.
        """
        target, chosen = fitting(AliasRef, ref, whom=TITLE), fitting(VersionParams, params, whom=TITLE).version
        in_use = state["version"]
        if chosen == in_use:
            return None
        if chosen in state[BAD]:
            raise UserError(f"Version {chosen} of {target.model} is marked as bad itself; choose another.")
        if int(chosen) > int(in_use):
            raise UserError(f"{target} is at version {in_use}; this only moves it back, undo moves it forward.")
        return Proposal(
            before=state,
            after={"version": chosen, BAD: sorted({*state[BAD], in_use}, key=int)},
            summary=f"Move {target} back from version {in_use} to {chosen}",
            blast_radius=(
                f"model {target.model}, alias {target.alias}",
                f"version {in_use} gets the tag {MARK}={BAD}",
                "whoever loads the model by this alias; a server that has loaded it serves it until it loads again",
            ),
        )

    async def apply(self, ref: JsonObject, before: JsonObject, after: JsonObject, *, key: str) -> None:  # noqa: ARG002 - MLflow takes none
        """Move the alias first, then mend the tags; what is done already is not done again."""
        target = fitting(AliasRef, ref, whom=TITLE)
        current = await self.read(ref)
        for part in ("version", BAD):
            if current[part] not in (before[part], after[part]):
                detail = f"somebody else changed the {part} of {target}; nothing was written"
                raise Rejected(NAME, "compare", status=409, detail=detail)
        if current["version"] != after["version"]:
            await self._api.move_alias(target.model, target.alias, after["version"])
        for version in sorted({*current[BAD]} ^ {*after[BAD]}, key=int):
            await self._api.mark(target.model, version, bad=version in after[BAD])

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the earlier versions that are ready and not marked as bad, the latest of them first."""
        target = fitting(AliasRef, ref, whom=TITLE)
        in_use = int((await self.read(ref))["version"])
        good = [each for each in await self._api.versions(target.model) if each.status == "READY" and not each.is_bad]
        return sorted((each.version for each in good if int(each.version) < in_use), key=int, reverse=True)
