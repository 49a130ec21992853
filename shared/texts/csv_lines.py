"""Rows become lines that every spreadsheet reads, and in which it finds nothing to work out."""

import csv
import io
from collections.abc import Iterable, Sequence

# Begin what a spreadsheet would work out; in their wide forms too, where people write with wide letters.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def as_csv(rows: Iterable[Sequence[object]]) -> bytes:
    """Lines of RFC 4180, in which no cell is a formula."""
    lines = io.StringIO()
    csv.writer(lines).writerows([harmless(cell) for cell in row] for row in rows)
    return lines.getvalue().encode()


def harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell
