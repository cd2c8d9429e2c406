"""The demo: the real programs on a local workspace, with a story to act in. Nothing in the bot knows that it is one."""

from bot.demo.stage import run_demo

__all__ = ["run_demo"]
