"""Single values of the data document that decisions read: a threshold, a rule's switch, a share of logs to keep.

What a number means is known to whoever wrote the policy, so the target says in which direction it is stricter and
within which bounds it makes sense; OPA itself takes any.
"""

from abc import abstractmethod
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from bot.sdk import JsonObject, Level, NoParams, Proposal, Rejected, UserError, Value, fitting
from integrations.opa.client import NAME, TITLE, OpaAction, Path

_HIGHEST = 1_000_000_000_000


def _number(value: object) -> object:
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic tells a ValueError as a problem of the field
    return value


Number = Annotated[float, BeforeValidator(_number), Field(ge=-_HIGHEST, le=_HIGHEST, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1, allow_inf_nan=False)]


class ValueRef(Value):
    """One value of the data document, such as `guardrails/pii/enabled`."""

    path: Path


class ThresholdRef(ValueRef):
    """A number, which way it is stricter, and the bounds within which it is one."""

    stricter: Literal["lower", "higher"]
    least: Number
    most: Number

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least >= self.most:
            raise ValueError("least must be below most")
        return self


class ThresholdParams(Value):
    """The threshold that shall hold."""

    threshold: Number


class SamplingParams(Value):
    """The share of decisions that shall be kept, from 0 to 1."""

    share: Share


class _ValueAction(OpaAction):
    lowest_level = Level.L2

    async def read(self, ref: JsonObject) -> JsonObject:
        """Return the value.

        Raises:
            Rejected: There is nothing at the path, or something else than the action manages.
        """
        path = fitting(self.ref_model, ref, whom=TITLE).model_dump()["path"]
        value = await self._api.value(path)
        if not self._manages(value):
            detail = f"data/{path} holds a {type(value).__name__}, which {self.name} does not manage"
            raise Rejected(NAME, "read data", status=404, detail=detail)
        return {"value": value}

    async def _write(self, ref: JsonObject, current: JsonObject, after: JsonObject) -> None:  # noqa: ARG002 - one value is written whole
        # Not a PUT, which would make again what is gone.
        await self._api.patch(str(ref["path"]), {"op": "replace", "path": "", "value": after["value"]})

    @abstractmethod
    def _manages(self, value: Any) -> bool:
        """Return whether what lies at the path is of the kind that the action writes."""


class _NumberAction(_ValueAction):
    def _manages(self, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)


class TightenThreshold(_NumberAction):
    """Moves a threshold in the direction that is stricter, within its bounds."""

    name = "tighten_threshold"
    title = "Tighten a threshold"
    ref_model: type[Value] = ThresholdRef
    params_model: type[Value] = ThresholdParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the stricter threshold; `None` when it holds.

        Raises:
            UserError: It is out of bounds, or would loosen the policy.
        """
        target = fitting(ThresholdRef, ref, whom=TITLE)
        wanted, now = fitting(ThresholdParams, params, whom=TITLE).threshold, state["value"]
        if not target.least <= wanted <= target.most:
            raise UserError(
                f"The threshold data/{target.path} goes from {target.least:g} to {target.most:g}, not to {wanted:g}."
            )
        if wanted == now:
            return None
        if (wanted < now) != (target.stricter == "lower"):
            raise UserError(
                f"The threshold data/{target.path} is {now:g}, and {wanted:g} would loosen it: "
                f"{target.stricter} is stricter."
            )
        return Proposal(
            before=state,
            after={"value": _plain(wanted)},
            summary=f"Tighten the threshold data/{target.path} to {wanted:g}",
            blast_radius=(
                f"threshold: {now:g} -> {wanted:g}, {target.stricter} is stricter",
                f"every decision that reads data.{_dotted(target.path)}, from the next one on",
            ),
        )


class RaiseLogSampling(_NumberAction):
    """Keeps a larger share of decisions in the logs, as evidence."""

    name = "raise_log_sampling"
    title = "Keep more decisions in the logs"
    ref_model: type[Value] = ValueRef
    params_model: type[Value] = SamplingParams
    lowest_level = Level.L0

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the larger share; `None` when it is kept already.

        Raises:
            UserError: It would keep less.
        """
        path = fitting(ValueRef, ref, whom=TITLE).path
        wanted, now = fitting(SamplingParams, params, whom=TITLE).share, state["value"]
        if wanted == now:
            return None
        if wanted < now:
            raise UserError(f"data/{path} keeps a share of {now:g} already; {wanted:g} would keep less.")
        return Proposal(
            before=state,
            after={"value": _plain(wanted)},
            summary=f"Raise the share of decisions that data/{path} keeps to {wanted:g}",
            blast_radius=(
                f"share: {now:g} -> {wanted:g}; no decision changes",
                "personal data in inputs may be kept; undo stops that and deletes nothing",
            ),
        )


class EnableRule(_ValueAction):
    """Switches on what a policy does only while a value is true: a detection, a check, a stricter branch."""

    name = "enable_rule"
    title = "Switch a rule on"
    ref_model: type[Value] = ValueRef
    params_model: type[Value] = NoParams

    def plan(self, ref: JsonObject, params: JsonObject, state: JsonObject) -> Proposal | None:
        """Return the switch on; `None` when it is on."""
        path, _ = fitting(ValueRef, ref, whom=TITLE).path, fitting(NoParams, params, whom=TITLE)
        if state["value"]:
            return None
        return Proposal(
            before=state,
            after={"value": True},
            summary=f"Switch data/{path} on",
            blast_radius=(f"every decision that reads data.{_dotted(path)}, from the next one on",),
        )

    def _manages(self, value: Any) -> bool:
        return isinstance(value, bool)


def _plain(number: float) -> float:
    """Return a whole number as one, as people write it into their data."""
    return int(number) if number.is_integer() else number


def _dotted(path: str) -> str:
    return path.replace("/", ".")
