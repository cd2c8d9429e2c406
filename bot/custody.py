"""`stanch evidence`: says whether what was preserved still is what it was, and writes it out for whoever investigates.

A bundle can be checked without Stanch: each file is named by its hash, the hashes are in the manifest, and the manifest
holds the timeline whose events name them too.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.domain.evidence import Evidence
from bot.domain.timeline import TimelineEvent, chain_problems
from bot.domain.values import Now, utc_text
from bot.errors import BadCommand, EvidenceAltered, NotFound
from bot.services.ports import UnitOfWork
from bot.settings import read_settings
from bot.upkeep import read_only

_LABEL = re.compile(r"(?:INC-)?([1-9][0-9]{0,8})", re.IGNORECASE)


class Bundle:
    """A new folder with one file a piece, named by its hash, and a manifest."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, for this account alone.

        Raises:
            BadCommand: It cannot be made, or something is there already.
        """
        self._folder = folder
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise BadCommand(
                f"{folder} cannot be made: {error.strerror}. Name a new folder in one that exists."
            ) from error

    def put(self, evidence: Evidence, content: bytes) -> None:
        """Write one piece."""
        (self._folder / _file_name(evidence)).write_bytes(content)

    def close(self, label: str, evidence: Sequence[Evidence], events: Sequence[TimelineEvent]) -> None:
        """Write the manifest."""
        manifest = {
            "format": "stanch-evidence-manifest/1",
            "incident": label,
            "evidence": [{"file": _file_name(each), **each.model_dump(mode="json")} for each in evidence],
            "timeline": [event.model_dump(mode="json") for event in events],
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=True)
        (self._folder / "manifest.json").write_text(f"{text}\n", encoding="ascii")


def _file_name(evidence: Evidence) -> str:
    return f"{evidence.sha256}.json"


async def show_evidence(
    environ: Mapping[str, str], label: str, folder: Path | None, now: Now, write: Callable[[str], object]
) -> int:
    """Write a line for each piece of evidence of an incident, and the pieces to a new folder if there is one.

    Returns:
        0 if every piece is what was preserved, 1 otherwise.

    Raises:
        BadCommand: The incident is not named as `INC-7`, or something is at the folder already.
        NotFound: There is no such incident.
        SettingsError: The database is not there, or not of this program's schema.
        StoreUnavailable: The database cannot be reached.
    """
    match = _LABEL.fullmatch(label.strip())
    if match is None:
        raise BadCommand("Name the incident by its number, such as INC-7.")
    bundle = None if folder is None else Bundle(folder)
    url = read_settings(environ).database_url.get_secret_value()
    async with read_only(url, now) as store:
        async with store.begin() as tx:
            incident = await tx.incidents.by_number(int(match[1]))
            if incident is None:
                raise NotFound(f"There is no incident INC-{match[1]}.")
            evidence = await tx.evidence.of_incident(incident.id)
            events = await tx.timeline.events(incident.id)
        sound = [await _shown(store, each, bundle, write) for each in evidence]
    broken = chain_problems(events)
    if bundle is not None:
        bundle.close(incident.label, evidence, events)
    missing = "" if evidence else "; nothing was preserved"
    write(f"{incident.label}: {len(evidence)} piece(s) of evidence{missing}. ")
    write(f"The timeline is broken: {'; '.join(broken)}\n" if broken else "The timeline verifies.\n")
    return 0 if all(sound) and not broken else 1


async def _shown(uow: UnitOfWork, evidence: Evidence, bundle: Bundle | None, write: Callable[[str], object]) -> bool:
    """Say how one piece stands and put it into the bundle; return whether nothing is wrong with it."""
    said, sound = "as preserved", True
    if evidence.removed_at is not None:
        said = f"content removed {utc_text(evidence.removed_at)} under the retention policy"
    else:
        try:
            async with uow.begin() as tx:
                content = await tx.evidence.content(evidence.id)
        except EvidenceAltered as error:
            said, sound = str(error), False
        else:
            if bundle is not None:
                bundle.put(evidence, content)
    write(f"{evidence.sha256[:12]}  {evidence.size:>10,} bytes  {utc_text(evidence.preserved_at)}  {evidence.title}: ")
    write(f"{said}\n")
    return sound
