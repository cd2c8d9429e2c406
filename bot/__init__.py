"""Stanch: the Slack bot that stops AI harm fast."""
