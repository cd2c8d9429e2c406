"""The terminal: a small client of a running Stanch, for when Slack is down or somebody would rather type.

It decides nothing and opens no database: the server does, by the policy that holds in Slack.
"""
