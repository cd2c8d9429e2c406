"""Files: announced, uploaded to a URL of their own, then shared - in three steps, as Slack takes them.

https://docs.slack.dev/messaging/working-with-files - a file is seen by nobody before its upload is completed, and then
by whoever sees a channel that it is shared in.
"""

import mimetypes
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote

from bot.workspace.limits import Limits
from bot.workspace.model import Channel
from bot.workspace.wire import Json, Refused

# What a browser shows as a picture and cannot run: no SVG.
PICTURES = ("image/gif", "image/jpeg", "image/png", "image/webp")


@dataclass(slots=True)
class File:
    """One file; `content` is `None` until it was uploaded, `complete` once it may be seen.

    `origin` is the workspace's address as the app sees it, as `http://host:port`.
    """

    id: str
    name: str
    length: int
    user: str
    created: int
    origin: str
    alt_text: str = ""
    title: str = ""
    content: bytes | None = None
    complete: bool = False
    deleted: bool = False
    shares: list[tuple[Channel, str]] = field(default_factory=list)

    @property
    def media_type(self) -> str:
        """The type that its name tells."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def is_picture(self) -> bool:
        """Tell whether a page may show it in place."""
        return self.media_type in PICTURES


class Files:
    """The files of the workspace, and the upload URLs that are still good."""

    def __init__(self, team_id: str, limits: Limits) -> None:
        self._team_id = team_id
        self._limits = limits
        self._uploads: dict[str, File] = {}
        self._files: dict[str, File] = {}

    def announce(self, file: File) -> str:
        """Remember a file that is going to be uploaded; return the secret last part of its upload URL."""
        if file.length > self._limits.file_bytes:
            raise Refused("file_upload_size_restricted")
        self._files[file.id] = file
        key = secrets.token_urlsafe(24)
        self._uploads[key] = file
        return key

    def expects(self, key: str) -> int:
        """Return how many bytes an upload URL takes; raise `Refused`."""
        if key not in self._uploads:
            raise Refused("upload_not_found", status=404)
        return self._uploads[key].length

    def upload(self, key: str, content: bytes) -> None:
        """Take the bytes of an announced file, once; raise `Refused`."""
        if len(content) != self.expects(key):
            raise Refused("length_mismatch", status=400)
        self._uploads.pop(key).content = content

    def uploaded(self, file_id: str) -> File:
        """Return a file whose bytes have arrived and that was not shared yet; raise `Refused`."""
        file = self._files.get(file_id)
        if file is None or file.content is None or file.complete:
            raise Refused("file_not_found")
        return file

    def get(self, file_id: str) -> File:
        """Return a file that was shared; raise `Refused`."""
        file = self._files.get(file_id)
        if file is None or not file.complete:
            raise Refused("file_not_found")
        if file.deleted:
            raise Refused("file_deleted")
        return file

    def shown(self, file_id: str) -> Json:
        """Return a file as messages and `files.info` show it."""
        file = self._files[file_id]
        return {"id": file.id, "mode": "tombstone"} if file.deleted else _file_json(file, self._team_id)

    def delete(self, file: File) -> None:
        """Forget what a file held; where it was shared, a tombstone stays."""
        file.deleted = True
        file.content = None


def _addresses(file: File) -> Json:
    """Return the URLs of a file; the private ones want the app's token in the header."""
    name = quote(file.name, safe="")
    private = f"{file.origin}/files-pri/{file.id}/{name}"
    return {
        "url_private": private,
        "url_private_download": f"{private}?download=1",
        "permalink": f"{file.origin}/files/{file.user}/{file.id}/{name}",
    }


def _file_json(file: File, team_id: str) -> Json:
    kinds: dict[str, list[str]] = {"channel": [], "group": [], "im": []}
    shares: dict[str, Json] = {"public": {}, "private": {}}
    for channel, ts in file.shares:
        kinds[channel.kind].append(channel.id)
        shares["public" if channel.kind == "channel" else "private"][channel.id] = [{"ts": ts}]
    shown: Json = {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.media_type,
        "filetype": _ending(file.name),
        "pretty_type": _ending(file.name).upper(),
        "user": file.user,
        "user_team": team_id,
        "editable": False,
        "size": file.length,
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_starred": False,
        "display_as_bot": False,
        "has_rich_preview": False,
        "comments_count": 0,
        "is_public": bool(kinds["channel"]),
        "public_url_shared": False,
        "channels": kinds["channel"],
        "groups": kinds["group"],
        "ims": kinds["im"],
        "shares": {name: shared for name, shared in shares.items() if shared},
        "file_access": "visible",
        **_addresses(file),
    }
    return shown | ({"alt_txt": file.alt_text} if file.alt_text else {})


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else "binary"
