"""How often each ComfyUI server is looked at, and which there are. These are the values of production."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FleetTimings:
    """How often each ComfyUI server is looked at."""

    probe_every_s: float = 5.0  # whether it answers and works
    follow_every_s: float = 5.0  # which servers were added, changed and removed
    read_every_s: float = 60.0  # whether its models are the same
    read_whole_every_s: float = 3600.0  # which nodes it has, though nothing says that they have changed
    fresh_s: float = 45.0  # what another worker read this lately is not read again
    canary_s: float = 1.0  # an idle server that is well comes to a prompt in milliseconds
    read_log_after_s: float = 8.0  # without a word of the prompt that runs, its server's log is read at each probe
    stuck_after_s: float = 25.0  # ... and other servers are preferred to this one
    restart_every_s: float = 120.0  # the restart command is run again while a server stays wedged
    one_job_after_s: float = 30.0  # a wedged server whose nodes we lack is tried with a job instead
