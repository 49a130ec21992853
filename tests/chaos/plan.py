"""What one run does: how many jobs, for how long, which faults, and the seed that everything is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

APIS, WORKERS, SCHEDULERS, SIMULATORS, SLOTS = 2, 3, 2, 3, 2


@dataclass(frozen=True)
class Plan:
    """`window_s` is how long jobs are submitted and faults begun; `each` how often every kind of fault is struck.

    After the window the jobs have `drain_s` to end. A plan in a `hurry` does not wait for the delays of retries then.
    """

    seed: int
    jobs: int
    window_s: float
    drain_s: float
    each: int
    hurry: bool
    deadly: int  # how many jobs end the thread of whichever server runs them
    kinds: Sequence[str]
    directory: Path
    longest_s: float = field(default=45.0)  # a pause of this length outlives a lease
    variables: Mapping[str, str] = field(default_factory=dict)  # more of them for the services


def full(seed: int, kinds: Sequence[str], directory: Path, jobs: int = 500) -> Plan:
    """Some 12 minutes of faults, then as long as retries may take by themselves."""
    return Plan(
        seed, jobs, window_s=1.4 * jobs, drain_s=900, each=6, hurry=False, deadly=5, kinds=kinds, directory=directory
    )


def short(seed: int, kinds: Sequence[str], directory: Path, jobs: int = 120) -> Plan:
    """Every kind of fault once in about two minutes, then the jobs' ends without waiting for retries."""
    window_s = max(jobs, 80)
    return Plan(
        seed, jobs, window_s, drain_s=150, each=1, hurry=True, deadly=1, kinds=kinds, directory=directory, longest_s=35
    )
