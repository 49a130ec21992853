"""`python -m worker_service.scheduler`."""

from shared.imports import importing

with importing():
    from worker_service.scheduler.main import main

main()
