"""Tests of `integrations/canary`."""
