"""What people ask of the JSON API: strict models, so that nothing is guessed and a misspelt field is not ignored."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bot.domain.severity import Severity
from bot.services.planning import PlanRequest
from bot.web import examples

_Word = Annotated[str, Field(min_length=1, max_length=100)]
_Words = Annotated[str, Field(min_length=1, max_length=2_000)]
_DRY_RUN = "Check and read everything; store nothing and change nothing"


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dry_run: bool = Field(default=False, description=_DRY_RUN)


class DeclareBody(_Body):
    """An incident to open."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DECLARE]})

    title: _Words = Field(description="What is happening")
    severity: Annotated[Severity, Field(strict=False)] | None = Field(
        default=None, description="Instead of the one that the playbooks give"
    )
    system: _Word | None = Field(default=None, description="The AI system it is about; runbooks need one")


class PlanBody(_Body):
    """A runbook to plan."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PLAN]})

    runbook: _Word
    inputs: dict[_Word, Annotated[str, Field(max_length=1_000)]] = Field(default_factory=dict, max_length=50)
    reason: _Words
    lasts_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = Field(
        default=None, description="Instead of the runbook's default"
    )

    @property
    def request(self) -> PlanRequest:
        """The same for the service that plans."""
        lasts = timedelta(seconds=self.lasts_seconds) if self.lasts_seconds is not None else None
        return PlanRequest(self.runbook, dict(self.inputs), self.reason, lasts)


class DecisionBody(_Body):
    """A decision on a plan, which is given to the very plan that was looked at."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DECISION]})

    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="Of the plan that was looked at")]


class BreakGlassBody(DecisionBody):
    """A decision without the approval that is needed."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BREAK_GLASS]})

    reason: _Words = Field(description="Who could not be reached, and why it cannot wait")


class UndoBody(_Body):
    """A containment to undo."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.UNDO]})

    reason: _Words
