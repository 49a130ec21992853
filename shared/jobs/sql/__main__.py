"""The statements of a job's life as PostgreSQL gets them, in this folder: `make sql` writes them, a test compares."""

import argparse
from pathlib import Path

from shared.imports import importing

with importing():
    from shared.jobs.sql.statements import rendered

FOLDER = Path(__file__).parent


def main() -> None:
    argparse.ArgumentParser(prog="python -m shared.jobs.sql", description=__doc__).parse_args()
    for name, text in rendered().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
