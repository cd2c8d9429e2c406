"""The local Slack workspace: a stand-in for Slack on loopback, a process of its own.

It knows nothing of the rest of the package: an app meets it through Slack's public protocol only, by base URL.
"""

DEFAULT_PORT = 8765
