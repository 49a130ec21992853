"""`python -m worker_service`: the `dramatiq` command, with the options and variables that this worker needs."""

import os
import sys
from pathlib import Path

from shared.imports import importing

with importing():
    from shared.configuration.settings import settings_or_exit
    from shared.database.schema import exit_unless_migrated
    from shared.messaging.redis_fitness import exit_if_redis_is_unfit
    from shared.storage.opening import storage_or_exit

GRACE_MS = 6_000  # running jobs are given back within seconds; what has not by then is left to its lease


def main() -> None:
    settings = settings_or_exit(are_read_again=True)
    # Here, as in `start` Dramatiq's main process would have the last word.
    storage_or_exit(settings)
    if not sys.argv[1:]:
        exit_unless_migrated(settings, application="worker")
        exit_if_redis_is_unfit(settings)
    threads = str(settings.worker_threads + 1)  # one for clean-ups: a job waits for none
    variables = {
        # As many messages as there are threads: one more would wait here while another worker is idle.
        "dramatiq_queue_prefetch": threads,
        # Look for messages every 100 ms: idle pick-up takes 42 ms in the median instead of 170.
        "dramatiq_worker_timeout": "100",
        # The worker's own standard output is a pipe to Dramatiq's main process, even where this one's is a terminal.
        "LOG_FORMAT": settings.log_format,
    }
    # The command itself, not `python -m dramatiq`: to start afresh, that executes whichever `python` is in PATH.
    command = [str(Path(sys.executable).with_name("dramatiq")), "worker_service.start:start"]
    # One process: nothing restarts a second one that died. Scale by starting more of these.
    options = ["--processes", "1", "--threads", threads, "--skip-logging", "--worker-shutdown-timeout", str(GRACE_MS)]
    arguments = [*command, *options, *sys.argv[1:]]
    os.execve(command[0], arguments, {**os.environ, **variables})  # noqa: S606


if __name__ == "__main__":
    main()
