"""Use cases: one class a file, async, ports in and values out."""
