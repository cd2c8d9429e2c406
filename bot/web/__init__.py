"""What the outside reaches over HTTP: alert intake, a JSON API for reading, health, metrics.

A newcomer would look for permissions here: people act in Slack only, so nothing in this package changes an incident
but an alert that comes in.
"""
