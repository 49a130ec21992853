"""Tests mirror the source; `journeys` run the whole system, `bench` measures it."""
