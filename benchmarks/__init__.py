"""Measurements beside a floor; see README.md."""
