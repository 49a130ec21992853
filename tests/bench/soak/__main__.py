"""`python -m tests.bench.soak`: whether an hour under load leaves the service as it was, minute by minute."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from deploy.local.servers import local_servers
from shared.database.engine import reading
from tests.bench.place import Place, Running, Wanted, wait_until
from tests.bench.soak.looks import HEAD, MISSED, Look, line, look, row, verdicts
from tests.bench.soak.sending import Sender
from tests.lodgings import remove_lodgings

MINUTES, A_SECOND = 60.0, 20.0
ENDS_WITHIN_S = 120.0
FAST = ("--step-seconds", "0.01", "--load-seconds", "0")
NOT_COMPLETED = text("SELECT count(*) FROM generation_jobs WHERE status <> 'completed'")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"how long ({MINUTES:g})")
    parser.add_argument("--rate", type=float, default=A_SECOND, help=f"jobs a second ({A_SECOND:g})")
    parser.add_argument("--step", type=float, default=60.0, help="seconds of a line (60)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="genonaut-soak-") as temporary:
        folder = Path(temporary)
        try:
            with local_servers(folder, durable=True, environ=os.environ) as servers:
                wanted = Wanted(simulators=(FAST, FAST))
                with Place(servers, folder, short=False).system(wanted) as here:
                    said = soaked(here, arguments)
        finally:
            remove_lodgings(folder)
    print("", *said, sep="\n")
    if any(MISSED in one for one in said):
        sys.exit(1)


def soaked(here: Running, arguments: argparse.Namespace) -> list[str]:
    """Send jobs, and look each minute. Returns the verdicts."""
    sender, looks = Sender(here, arguments.rate), list[Look]()
    print(row(HEAD), flush=True)
    began = time.monotonic()
    sender.start()
    steps = max(1, round(60 * arguments.minutes / arguments.step))
    for number in range(1, steps + 1):
        time.sleep(max(0.0, began + number * arguments.step - time.monotonic()))
        looks.append(look(here, arguments.step))
        print(line(number, looks[-1]), flush=True)
    sender.closing.set()
    sender.join()
    return [*verdicts(looks), account(here, sender)]


def account(here: Running, sender: Sender) -> str:
    """Every job that was accepted has completed, a while after the last was sent."""
    try:
        wait_until(lambda: not_completed(here) == 0, ENDS_WITHIN_S, every_s=0.5)
    except TimeoutError:
        return f"{not_completed(here)} of {sender.accepted} jobs have not completed  {MISSED}"
    refused = f", {len(sender.refused)} refused, the first: {sender.refused[0]}  {MISSED}" if sender.refused else ""
    return f"all {sender.accepted} jobs completed{refused}"


def not_completed(here: Running) -> int:
    with reading(here.engine) as session:
        return int(session.connection().scalar(NOT_COMPLETED) or 0)


if __name__ == "__main__":
    main()
