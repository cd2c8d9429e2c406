"""The errors that Stanch raises on purpose.

Every message is a sentence that is safe to show in Slack and says what to do. Anything that is not in this tree is a
bug and is shown as "unexpected error, reference X" with the traceback in the log only.

StanchError
|- UserError                 the person can fix it
|  |- NotFound               no such incident, runbook, plan, ...
|  |- BadCommand             the words could not be understood
|  |- NotPermitted           the policy does not let this person do it
|  |- InvalidTransition      not from where things stand now
|  |- ApprovalMissing        the plan still needs a decision
|  |- PlanExpired            the plan is too old, or was made under another severity or policy
|  `- PlanDrifted            somebody changed the target since the plan was read
|- SettingsError             a setting is missing or contradicts another
|- ContentError              YAML that does not check; holds all problems
|- Conflict                  someone else saved first; the service retries once
|- Busy                      too much at once; try again after a moment
|- StoreUnavailable          the database cannot be reached; nothing was done
|- EvidenceAltered           preserved evidence is not what its hash says
`- IntegrationError          a vendor call failed
   |- AuthFailed             401 or 403
   |- RateLimited            429, with the vendor's Retry-After
   |- Unavailable            5xx, time-out, refused connection: the effect is unknown
   |- Rejected               any other refusal: the vendor did nothing
   `- VerificationFailed     the vendor said yes and the state does not show it
"""

from datetime import timedelta


class StanchError(Exception):
    """Base of every error raised on purpose; its message is safe to show."""


class UserError(StanchError):
    """Something the person who asked can put right."""


class NotFound(UserError):
    """What was named does not exist, or not for this person."""


class BadCommand(UserError):
    """A command, an argument or a form field could not be understood."""


class NotPermitted(UserError):
    """The policy does not allow this person to do this."""


class InvalidTransition(UserError):
    """The step does not follow from where the incident, plan or containment stands."""


class ApprovalMissing(UserError):
    """The plan may not be carried out before somebody approved it."""


class PlanExpired(UserError):
    """The plan is too old, or the severity or the policy changed since it was made."""


class PlanDrifted(UserError):
    """The target no longer reads as it did when the plan was made."""


class SettingsError(StanchError):
    """Settings are missing or contradict each other; the message lists each with what to set."""


class ContentError(StanchError):
    """Content files do not check.

    Attributes:
        problems: One line each, `path:line: place: message`.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class Conflict(StanchError):
    """Somebody else saved the same thing first."""


class Busy(StanchError):
    """More work is waiting than is sound to accept; the sender should try again.

    Attributes:
        retry_after: How long to wait.
    """

    def __init__(self, message: str, *, retry_after: timedelta) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class StoreUnavailable(StanchError):
    """The database cannot be reached; nothing was done, and the sender should try again."""


class EvidenceAltered(StanchError):
    """Preserved evidence is damaged, or is not what its hash on the timeline says."""


class IntegrationError(StanchError):
    """A call to another system failed.

    Attributes:
        integration: Name of the integration.
        operation: What was attempted, in the vendor's words.
        retryable: Whether the same call may succeed later.
    """

    retryable = False

    def __init__(self, integration: str, operation: str, detail: str) -> None:
        self.integration = integration
        self.operation = operation
        super().__init__(f"{integration}: {operation}: {detail}")


class AuthFailed(IntegrationError):
    """The vendor refused our credential (HTTP 401 or 403)."""


class RateLimited(IntegrationError):
    """The vendor asked us to slow down (HTTP 429).

    Attributes:
        retry_after: How long the vendor asked us to wait; one second when it did not say.
    """

    retryable = True

    def __init__(self, integration: str, operation: str, *, retry_after: timedelta) -> None:
        self.retry_after = retry_after
        super().__init__(integration, operation, f"rate limited, asked to wait {retry_after.total_seconds():g} s")


class Unavailable(IntegrationError):
    """The vendor did not answer, or answered 5xx: whether the call had an effect is unknown."""

    retryable = True


class Rejected(IntegrationError):
    """The vendor understood and refused; nothing was changed.

    Attributes:
        status: HTTP status code.
    """

    def __init__(self, integration: str, operation: str, *, status: int, detail: str) -> None:
        self.status = status
        super().__init__(integration, operation, f"refused with {status}: {detail}")


class VerificationFailed(IntegrationError):
    """The vendor accepted a change that does not read back."""
