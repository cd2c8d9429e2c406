"""Finds integrations by folder: adding one takes a folder and no other edit."""

import importlib
import pkgutil

import integrations
from bot.content import ActionSpec
from bot.errors import SettingsError
from bot.sdk import Integration


def discover() -> dict[str, Integration]:
    """Return every integration by name.

    Raises:
        SettingsError: A folder declares no `INTEGRATION`, or one of another name.
    """
    found: dict[str, Integration] = {}
    for module_info in pkgutil.iter_modules(integrations.__path__):
        declared = getattr(importlib.import_module(f"integrations.{module_info.name}"), "INTEGRATION", None)
        if not isinstance(declared, Integration) or declared.name != module_info.name:
            raise SettingsError(
                f"integrations/{module_info.name}/__init__.py must define INTEGRATION with its own name."
            )
        found[declared.name] = declared
    return found


def action_specs(found: dict[str, Integration]) -> dict[str, ActionSpec]:
    """Return what content must know of every action, by `integration.action`."""
    return {
        f"{integration.name}.{action.name}": ActionSpec(
            ref_model=action.ref_model,
            params_model=action.params_model,
            lowest_level=action.lowest_level,
            takes_choices=action.offers_choices,
        )
        for integration in found.values()
        for action in integration.actions
    }
