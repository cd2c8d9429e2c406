"""Views: pure functions from a value to Block Kit. They ask nothing and know no client."""
