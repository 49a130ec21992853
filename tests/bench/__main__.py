"""`python -m tests.bench`: how fast the service is against its limits, as ratios in one run on one machine."""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from deploy.local.servers import local_servers
from tests.bench import against_native, benches
from tests.bench.figure import Result, measured, ratios_in, table
from tests.bench.place import ENDED, REPOSITORY, Place
from tests.lodgings import remove_lodgings

WRITTEN = REPOSITORY / "build" / "bench.json"
ROUNDS = 5


def main() -> None:
    names = list(benches.BENCHES)
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one small round of each: whether it runs, not how fast")
    parser.add_argument("--only", choices=names, action="append", help="these benches (several: give it again)")
    parser.add_argument("--comfyui", metavar="URL", help=f"a real server, for {', '.join(against_native.BENCHES)}")
    parser.add_argument("--ended", type=int, default=ENDED, help=f"jobs that `ended` compares with 100,000 ({ENDED})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of each figure ({ROUNDS})")
    parser.add_argument("--against", type=Path, help="an earlier bench.json to compare the ratios with")
    parser.add_argument("--output", type=Path, default=WRITTEN, help="where the figures are written (build/bench.json)")
    arguments = parser.parse_args()
    if arguments.comfyui:
        names = list(against_native.BENCHES)
        if others := set(arguments.only or ()) - set(names):
            parser.error(f"a real server is of no use to {', '.join(sorted(others))}")
    before = ratios_in(arguments.against) if arguments.against else {}
    rounds = 1 if arguments.short else arguments.rounds
    results = run(
        arguments.only or names, rounds, short=arguments.short, comfyui=arguments.comfyui, ended=arguments.ended
    )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps([result.as_json() for result in results], indent=1) + "\n")
    print(*table(results, before), sep="\n")
    print(f"\nwritten to {arguments.output}")


def run(names: list[str], rounds: int, *, short: bool, comfyui: str | None, ended: int) -> list[Result]:
    results: list[Result] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="genonaut-bench-") as temporary:
        folder = Path(temporary)
        try:
            with local_servers(folder, durable=True, environ=os.environ) as servers:
                place = Place(servers, folder, short=short, comfyui=comfyui, ended=ended)
                for name in names:
                    started = time.monotonic()
                    results += measured(benches.BENCHES[name], place, rounds)
                    print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        finally:
            remove_lodgings(folder)
    print(f"in all: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return results


if __name__ == "__main__":
    main()
