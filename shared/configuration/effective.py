"""`python -m shared.configuration.effective`: the effective settings of this environment, for people."""

import argparse
import sys
from collections.abc import Mapping

from shared.imports import importing

with importing():
    from shared.configuration.settings import Settings, environment, load_settings, read, settings_or_exit
    from shared.configuration.types import as_shown


def main() -> None:
    """Print them as a table."""
    argparse.ArgumentParser(
        prog="python -m shared.configuration.effective", description="Shows the effective settings."
    ).parse_args()
    settings_or_exit()
    rows = [("VARIABLE", "VALUE", "FROM", "WHAT IT IS"), *table(environment())]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for *columns, meaning in rows:
        padded = "  ".join(text.ljust(width) for text, width in zip(columns, widths, strict=True))
        sys.stdout.write(f"{padded}  {meaning}\n")


def table(environ: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Rows for people: variable, effective value (passwords masked), where it comes from, what it is."""
    settings = load_settings(environ)
    _, _, sources = read(environ)
    if environ.get("APP_ENV"):
        sources["app_env"] = "APP_ENV"
    return [
        (field.upper(), as_shown(getattr(settings, field)), sources.get(field, "default"), info.description or "")
        for field, info in Settings.model_fields.items()
    ]


if __name__ == "__main__":
    main()
