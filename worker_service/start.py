"""What the `dramatiq` command is told to call, and imports for that: `dramatiq worker_service.start:start`."""

from shared.imports import importing

with importing():
    from worker_service.main import start

__all__ = ["start"]
