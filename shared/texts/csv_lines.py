"""Rows become lines that every spreadsheet reads, and in which it finds nothing to work out."""

import csv
import io
from collections.abc import Iterable, Sequence

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # begin what a spreadsheet would work out


def as_csv(rows: Iterable[Sequence[object]]) -> bytes:
    """Lines of RFC 4180, in which no cell is a formula."""
    lines = io.StringIO()
    csv.writer(lines).writerows([harmless(cell) for cell in row] for row in rows)
    return lines.getvalue().encode()


def harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell
