"""`python -m tests.chaos` runs jobs through the whole system while its parts die, and accounts for every one."""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from deploy.local.system import Say
from tests.chaos import plan
from tests.chaos.alerts.prometheus import QUICKER
from tests.chaos.alerts.troubles import hear_all, plan_in, said
from tests.chaos.faults import KINDS
from tests.chaos.report import report
from tests.chaos.run import run
from tests.monitoring import MISSING, PROMETHEUS

LARGEST_SEED = 1_000_000


def main() -> int:
    """The exit status: 0 if the account is in order."""
    options = parser().parse_args()
    # So that what was started is stopped, and what was made removed, also then.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    seed = random.randrange(LARGEST_SEED) if options.seed is None else options.seed
    directory = Path(options.keep or tempfile.mkdtemp(prefix="genonaut-chaos-")).resolve()
    try:
        return hear(directory, told()) if options.alerts else endure(options, seed, directory, told())
    finally:
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)


def told() -> Say:
    """Says how long after the beginning something happened."""
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {text}\n")
        sys.stdout.flush()

    return say


def endure(options: argparse.Namespace, seed: int, directory: Path, say: Say) -> int:
    """Jobs run to their ends while everything dies."""
    make = plan.short if options.short else plan.full
    chosen = make(seed, options.faults, directory, **({"jobs": options.jobs} if options.jobs else {}))
    say(f"seed {seed}, logs in {directory}")
    result = run(chosen, say)
    (directory / "evidence.json").write_text(json.dumps(asdict(result.evidence), default=str))
    sys.stdout.write(f"{report(result)}\n")
    return 1 if result.violations else 0


def hear(directory: Path, say: Say) -> int:
    """Each trouble fires its alerts, and no others."""
    if not PROMETHEUS:
        sys.stdout.write(f"{MISSING}\n")
        return 2
    say(f"rules {QUICKER} times as quick, logs in {directory}")
    wrong = [heard for heard in hear_all(plan_in(directory), say) if not heard.is_as_it_should_be]
    for heard in wrong:
        sys.stdout.write(
            f"{heard.trouble.kind} of {', '.join(heard.trouble.targets)} fired {said(heard.fired)}, "
            f"and not {said(heard.trouble.fires | heard.trouble.fires_later)}\n"
        )
    return 1 if wrong else 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("` ")[2])
    made.add_argument("--seed", type=int, help="what jobs and faults are drawn from (a new one)")
    made.add_argument("--jobs", type=int, help="how many (500; 120 in a short run)")
    made.add_argument(
        "--alerts", action="store_true", help="instead: some faults one by one, and which alerts a Prometheus fires"
    )
    made.add_argument("--short", action="store_true", help="every kind of fault once, in five minutes or less")
    made.add_argument(
        "--faults",
        type=kinds,
        default=list(KINDS),
        metavar="KIND,...",
        help=f"some of: {', '.join(KINDS)} (all)",
    )
    made.add_argument("--keep", metavar="DIR", help="keep logs, files, database and evidence.json in this folder")
    return made


def kinds(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in KINDS]:
        raise argparse.ArgumentTypeError(f"there is no fault {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
