"""What a person may be: roles from Slack user groups, as the policy and the system registry name them."""

import logging
from collections.abc import Callable, Iterable
from datetime import timedelta

from bot.domain.policy import Policy
from bot.domain.role import Role
from bot.domain.system import System
from bot.errors import IntegrationError, NotPermitted
from bot.services.ports import Directory

KEEP_MEMBERS = "people.keep_members"

logger = logging.getLogger(__name__)


class People:
    """Resolves roles when somebody acts; never remembers them longer than the directory does."""

    def __init__(self, directory: Directory, policy: Callable[[], Policy]) -> None:
        """Take the directory and where to read the policy in force."""
        self._directory = directory
        self._policy = policy

    async def roles_of(self, user_id: str, system: System | None) -> frozenset[Role]:
        """Return a person's roles with respect to a system.

        Raises:
            IntegrationError: Slack cannot be reached and no fresh enough snapshot exists.
        """
        groups = self._policy().groups
        roles = {Role.ANYONE}
        if user_id in await self._directory.members(groups.responders):
            roles.add(Role.RESPONDER)
        if user_id in await self._directory.members(groups.leads):
            roles |= {Role.LEAD, Role.RESPONDER}
        if system is not None and user_id in await self._directory.members(system.owners):
            roles |= {Role.OWNER, Role.RESPONDER}
        return frozenset(roles)

    async def keep_members(self, systems: Iterable[System]) -> timedelta | None:
        """Read every group that gives a role, so that there is a fresh enough snapshot whenever Slack goes away.

        Always done in one go; a Slack that is away already is asked again when this recurs.
        """
        groups = self._policy().groups
        for handle in sorted({groups.responders, groups.leads, *(system.owners for system in systems)}):
            try:
                await self._directory.members(handle)
            except IntegrationError as error:
                logger.warning("people.members_not_read handle=%s: %s", handle, error)
        return None

    async def to_invite(self, system: System | None) -> frozenset[str]:
        """Return who belongs in an incident's channel: responders, those who may lead, and the system's owners.

        Raises:
            IntegrationError: Slack cannot be reached and no fresh enough snapshot exists.
        """
        groups = self._policy().groups
        handles = [groups.responders, groups.leads, *([system.owners] if system else [])]
        members = [await self._directory.members(handle) for handle in handles]
        return frozenset().union(*members)

    async def require(self, user_id: str, role: Role, to: str, system: System | None = None) -> frozenset[Role]:
        """Return a person's roles, or refuse who lacks one.

        Raises:
            NotPermitted: The person lacks the role; `to` says what for: "lead an incident".
        """
        roles = await self.roles_of(user_id, system)
        if role not in roles:
            raise NotPermitted(f"To {to} you must be {role.label}. {self._how_to_get(role, system)}")
        return roles

    def _how_to_get(self, role: Role, system: System | None) -> str:
        groups = self._policy().groups
        handle = {Role.RESPONDER: groups.responders, Role.LEAD: groups.leads}.get(role, system.owners if system else "")
        return f"Ask a member of the Slack user group @{handle}, or to be added to it."
