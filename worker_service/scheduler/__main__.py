"""`python -m worker_service.scheduler`."""

from worker_service.scheduler.main import main

main()
