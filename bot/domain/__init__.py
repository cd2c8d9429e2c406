"""Values and rules: pydantic and the standard library only, no I/O, no clock."""
