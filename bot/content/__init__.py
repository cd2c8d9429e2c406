"""YAML -> `Catalog`: playbooks, runbooks, systems and the policies, checked against each other.

Nothing here runs content: YAML has no language in it. A problem names its file, line and place; all come at once.
"""

from bot.content.catalog import ActionSpec, Catalog
from bot.content.load import load
from bot.content.schemas import json_schemas

__all__ = ["ActionSpec", "Catalog", "json_schemas", "load"]
