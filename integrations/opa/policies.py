"""Puts a kept revision of a policy module in force again.

OPA keeps one text of a module and no earlier one. So whoever releases policies keeps each revision's text in the data
document, below a path that no policy reads; a module's text in force is known by being equal to a kept one.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from bot.sdk import JsonObject, Level, Proposal, Rejected, UserError, Value, fitting
from integrations.opa.client import NAME, TITLE, OpaAction, Path


class ModuleRef(Value):
    """A policy module by its id, and where in the data document its revisions are kept: name to text."""

    policy: Path
    kept: Path


class RevisionParams(Value):
    """The name of a kept revision."""

    revision: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")


class RollBackPolicy(OpaAction):
    """Replaces a policy module by a kept revision of it; the others stay kept."""

    name = "roll_back_policy"
    title = "Roll a policy back to a kept revision"
    ref_model: type[Value] = ModuleRef
    params_model: type[Value] = RevisionParams
    lowest_level = Level.L5
    offers_choices = True

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return which revision is in force, and the SHA-256 of every kept one, so that a plan speaks of its text."""
        module = fitting(ModuleRef, ref, whom=TITLE)
        kept = {name: _digest(text) for name, text in (await self._kept(module)).items()}
        in_force = _digest(await self._api.policy(module.policy))
        return {"in_force": _named(kept, in_force) or f"a text that is not kept, {in_force}", "kept": kept}

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the exchange; `None` when that text is in force.

        Raises:
            UserError: That revision is not kept, or the text in force is not: undo could not restore it.
        """
        module, revision = fitting(ModuleRef, ref, whom=TITLE), fitting(RevisionParams, params, whom=TITLE).revision
        kept, in_force = state["kept"], state["in_force"]
        if revision not in kept:
            known = ", ".join(_newest_first(kept)) or "none"
            raise UserError(f"data/{module.kept} keeps no revision {revision}; choose one of: {known}.")
        wanted = _named(kept, kept[revision])
        if in_force == wanted:
            return None
        if in_force not in {_named(kept, digest) for digest in kept.values()}:
            raise UserError(
                f"The text of {module.policy} that is in force is not kept below data/{module.kept}, "
                "so undo could not restore it; keep it there first."
            )
        return Proposal(
            before=state,
            after={**state, "in_force": wanted},
            summary=f"Roll policy {module.policy} back from {in_force} to {wanted}",
            blast_radius=(
                f"every decision of policy {module.policy}, from the next one on",
                f"text with SHA-256 {kept[revision][:12]} as kept at data/{module.kept}",
            ),
        )

    async def choices(self, ref: JsonObject) -> Sequence[str]:
        """Return the kept revisions that are not in force, the newest first."""
        state = await self.read(ref)
        return [name for name in _newest_first(state["kept"]) if name not in state["in_force"].split(" = ")]

    async def _write(self, ref: JsonObject, current: JsonObject, after: JsonObject) -> None:
        module = fitting(ModuleRef, ref, whom=TITLE)
        for text in (await self._kept(module)).values():
            if _named(current["kept"], _digest(text)) == after["in_force"]:
                await self._api.put_policy(module.policy, text)
                return
        detail = f"{after['in_force']} is not kept below data/{module.kept} any more; nothing was written"
        raise Rejected(NAME, "compare", status=409, detail=detail)

    async def _kept(self, module: ModuleRef) -> dict[str, str]:
        kept: Any = await self._api.value(module.kept)
        if not isinstance(kept, dict) or not all(isinstance(text, str) for text in kept.values()):
            detail = f"data/{module.kept} is no object of revisions and their texts"
            raise Rejected(NAME, "read data", status=404, detail=detail)
        return kept


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _named(kept: JsonObject, digest: str) -> str:
    """Return the names of the kept revisions with that text, empty for none."""
    return " = ".join(sorted(name for name, each in kept.items() if each == digest))


def _newest_first(kept: JsonObject) -> list[str]:
    """Return the names from the highest number in them down: v10 before v9."""
    return sorted(
        kept,
        key=lambda name: [(part.isdecimal(), int(part) if part.isdecimal() else part) for part in _parts(name)],
        reverse=True,
    )


def _parts(name: str) -> list[str]:
    return re.split(r"(\d+)", name)
