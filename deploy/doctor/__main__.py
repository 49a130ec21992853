"""`python -m deploy.doctor`: says what is wrong with an installation, and what to do. It changes nothing.

Run it where a service runs, with the same variables: it sees the network and the store from there.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence

from shared.imports import importing

with importing():
    from deploy.doctor.examination import examine
    from deploy.doctor.finding import Finding, Mark
    from deploy.doctor.looks.settings import wrong
    from shared.configuration.settings import SettingsError, environment


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.doctor",
        description=__doc__,
        epilog="It ends with 1 if there is trouble, else with 0; warnings are no trouble.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    arguments = parser.parse_args()
    found = []
    for finding in findings():
        found.append(finding)
        if not arguments.json:
            sys.stdout.write(f"{finding}\n")
            sys.stdout.flush()
    sys.stdout.write(as_json(found) if arguments.json else summary(found))
    sys.stdout.flush()
    sys.exit(1 if counted(found, Mark.TROUBLE) else 0)


def findings() -> Iterator[Finding]:
    try:
        environ = environment()
    except SettingsError as error:
        return wrong(error.problems, os.environ)
    return examine(environ)


def counted(found: Sequence[Finding], mark: Mark) -> int:
    return sum(finding.mark is mark for finding in found)


def summary(found: Sequence[Finding]) -> str:
    troubles, warnings = counted(found, Mark.TROUBLE), counted(found, Mark.WARNING)
    if not troubles and not warnings:
        return "All is well.\n"
    return f"Troubles: {troubles}, warnings: {warnings}.\n"


def as_json(found: Sequence[Finding]) -> str:
    is_well = not counted(found, Mark.TROUBLE)
    return f"{json.dumps({'ok': is_well, 'findings': [finding._asdict() for finding in found]}, indent=2)}\n"


if __name__ == "__main__":
    main()
