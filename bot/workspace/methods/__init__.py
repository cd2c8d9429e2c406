"""The Web API methods of the workspace, by name."""

from bot.workspace.methods import (
    apps,
    bookmarks,
    chat,
    conversations,
    files,
    history,
    membership,
    openid,
    pins,
    reactions,
    users,
    views,
)
from bot.workspace.methods.call import Method

METHODS: dict[str, Method] = {
    **apps.METHODS,
    **bookmarks.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **history.METHODS,
    **membership.METHODS,
    **openid.METHODS,
    **pins.METHODS,
    **reactions.METHODS,
    **users.METHODS,
    **views.METHODS,
}

__all__ = ["METHODS"]
