"""A declaration is checked when the connections file is read; every mistake is told with its place."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.connections import read_connections
from bot.errors import SettingsError
from bot.integration_folders import discover
from tests.integrations.http.declared import ITEM, setting


def told(tmp_path: Path, operation: dict[str, Any], **settings: object) -> str:
    """Return what is said about a connections file with one operation, which begins on line 5."""
    file = tmp_path / "connections.yaml"
    head = {"integration": "http", "url": "https://api.example.com", **settings}
    content = yaml.safe_dump({"api": {**head, "operations": {"set": operation}}}, sort_keys=False)
    file.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        read_connections(file, discover(), {})
    return str(refused.value)


def with_path(path: str) -> dict[str, Any]:
    return setting(read={"path": path, "values": {"value": "/value"}})


def with_body(body: object) -> dict[str, Any]:
    return setting(apply={"method": "PATCH", "path": ITEM, "body": body})


@pytest.mark.parametrize(
    ("operation", "place", "complaint"),
    [
        (setting(colour="red"), "operations.set.colour", "Extra inputs"),
        (setting(level="L9"), "operations.set.level", "'L0', 'L1'"),
        (setting(title=""), "operations.set.title", "at least 1 character"),
        (with_path("v1/items"), "operations.set.read.path", "begins with /"),
        (with_path("//elsewhere.example.com/x"), "operations.set.read.path", "cannot be a path segment"),
        (with_path("https://elsewhere.example.com"), "operations.set.read.path", "begins with /"),
        (with_path("/v1/../admin"), "operations.set.read.path", "cannot be a path segment"),
        (with_path("/v1/item-${ref.item}"), "operations.set.read.path", "one `${...}` and nothing else"),
        (with_path("/v1/items?x=1"), "operations.set.read.path", "cannot be a path segment"),
        (with_path("/v1/items#x"), "operations.set.read.path", "cannot be a path segment"),
        (with_path("/v1/${ref.items}"), "operations.set", "`${ref.items}`, which is not declared"),
        (with_path("/v1/${params.value}"), "operations.set", "cannot use `${params.value}`, only ref"),
        (
            with_body({"value": "${params.value}"}),
            "operations.set",
            "cannot use `${params.value}`, only values and ref",
        ),
        (with_body({"value": "${values.other}"}), "operations.set", "`${values.other}`, which is not declared"),
        (with_body({"reason": "set to ${values.value}"}), "operations.set.apply.body", "never a part of a text"),
        (with_body({"value": "${values.value | int}"}), "operations.set.apply.body", "never a part of a text"),
        (with_body({"value": "${environ.HOME}"}), "operations.set.apply.body", "never a part of a text"),
        (setting(sets={"value": 1}), "operations.set", "does not use the parameter `value`"),
        (setting(sets={"other": "${params.value}"}), "operations.set", "`other`, which `read` does not read"),
        (setting(undo={"method": "DELETE", "path": ITEM}), "operations.set", "leave `undo` out"),
        (setting(apply={"method": "GET", "path": ITEM}), "operations.set.apply.method", "'POST', 'PUT'"),
        (setting(params={"value": {"type": "integer"}}), "params.value", "Field required"),
        (setting(params={"value": {"type": "integer", "minimum": 5, "maximum": 1}}), "params.value", "is greater than"),
        (setting(params={"value": {"type": "text", "pattern": "("}}), "params.value", "is not a regular expression"),
        (setting(params={"value": {"type": "secret"}}), "params.value", "does not match any of the expected tags"),
        (setting(read={"path": ITEM, "values": {"value": "value"}}), "read.values.value", "should match pattern"),
        (setting(read={"path": ITEM, "values": {"value": "/a~2"}}), "read.values.value", "should match pattern"),
        (setting(read={"path": ITEM, "values": {}}), "read.values", "at least 1 item"),
        (setting(verify={"path": ITEM, "values": {"x": "/x"}}), "operations.set", "`verify` names `x`"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_place(
    tmp_path: Path, operation: dict[str, Any], place: str, complaint: str
) -> None:
    said = told(tmp_path, operation)
    assert complaint in said
    assert place in said.replace(".integer", "").replace(".text", "")
    line = int(said.split(":")[1])
    assert line > 4


def test_a_credential_does_not_belong_into_the_headers(tmp_path: Path) -> None:
    assert "cannot set authorization" in told(tmp_path, setting(), headers={"Authorization": "Bearer abc"})


def test_a_header_cannot_smuggle_a_second_one(tmp_path: Path) -> None:
    said = told(tmp_path, setting(), headers={"X-Reason": "a\r\nHost: elsewhere.example.com"})
    assert "headers.X-Reason" in said


def test_a_connection_without_operations_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "connections.yaml"
    file.write_text("api: {integration: http, url: 'https://api.example.com'}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"connections\.yaml:1: api\.operations: Field required"):
        read_connections(file, discover(), {})
