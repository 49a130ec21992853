"""Hypothesis as all tests use it. By itself it fails a test whose value takes longer than 200 ms on a busy machine."""

from hypothesis import given, settings

settings.register_profile("without a clock", settings.default, deadline=None)
settings.load_profile("without a clock")

__all__ = ["given"]
