"""What is written about the Slack app agrees with what it does."""

from pathlib import Path

import yaml

from bot.slack.buttons import BUTTONS
from bot.slack.commands import VERBS
from bot.slack.modals import FORMS
from bot.workspace.seed import DEFAULT_SEED

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = yaml.safe_load((ROOT / "slack-manifest.yaml").read_text(encoding="utf-8"))
README = (ROOT / "bot" / "slack" / "README.md").read_text(encoding="utf-8")


def test_the_readme_names_every_verb_and_every_scope() -> None:
    assert [verb.name for verb in VERBS if f"`/incident {verb.name}" not in README] == []
    scopes = MANIFEST["oauth_config"]["scopes"]["bot"]
    assert [scope for scope in scopes if f"| `{scope}` |" not in README] == []
    assert README.count("| `c") + README.count("| `p") + README.count("| `u") == len(scopes)


def test_the_local_workspace_grants_what_the_manifest_asks_for() -> None:
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) <= set(DEFAULT_SEED.app.scopes)


def test_actions_are_named_noun_and_verb_and_only_once() -> None:
    names = [*BUTTONS, *FORMS]
    assert len(names) == len(set(names))
    assert [
        name for name in names if name.count(".") != 1 or not name.replace(".", "").replace("_", "").isalpha()
    ] == []
