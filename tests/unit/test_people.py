"""Who has which role, and that the groups are read before anybody needs them."""

from bot.domain.role import Role
from bot.errors import Unavailable
from bot.services.people import People
from tests.builders import system
from tests.responders import shipped_catalog


class HalfADirectory:
    """Reads every group but one."""

    def __init__(self, unreadable: str) -> None:
        self._unreadable = unreadable
        self.read: list[str] = []

    async def members(self, handle: str) -> frozenset[str]:
        if handle == self._unreadable:
            raise Unavailable("slack", "usergroups.list", "no answer from Slack")
        self.read.append(handle)
        return frozenset({"U0OWNER"} if handle.endswith("owners") else ())


async def test_every_group_that_gives_a_role_is_read_though_one_cannot_be() -> None:
    directory = HalfADirectory(unreadable="incident-leads")
    people = People(directory, lambda: shipped_catalog().policy)
    systems = [system(), system(id="summaries", owners="summaries-owners")]
    assert await people.keep_members(systems) is None
    assert directory.read == ["incident-responders", "summaries-owners", "support-assistant-owners"]


async def test_who_owns_a_system_responds_to_its_incidents() -> None:
    people = People(HalfADirectory(unreadable=""), lambda: shipped_catalog().policy)
    assert await people.roles_of("U0OWNER", system()) == {Role.ANYONE, Role.OWNER, Role.RESPONDER}
    assert await people.roles_of("U0OWNER", None) == {Role.ANYONE}
