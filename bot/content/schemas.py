"""JSON Schemas that lie beside the content, so that an editor completes and checks while somebody writes.

`python -m bot.content`, in the repository root, writes them again after a model changed.
"""

import json
from pathlib import Path

from bot.content.files import KINDS
from bot.domain.values import JsonObject


def json_schemas() -> dict[str, JsonObject]:
    """Return each schema by its path in the repository."""
    return {
        kind.schema: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **kind.model.model_json_schema(),
        }
        for kind in KINDS
    }


def write(root: Path) -> None:
    """Write every schema below a repository root."""
    for path, schema in json_schemas().items():
        (root / path).write_text(rendered(schema), encoding="utf-8")


def rendered(schema: JsonObject) -> str:
    """Return a schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
