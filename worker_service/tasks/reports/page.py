"""A report as a page to be printed: totals first, then each line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from worker_service.tasks.reports.rows import COLUMNS, NAMES, ReportRow

STYLE = """
body { font: 10pt/1.4 system-ui, sans-serif; margin: 2em; color: #111 }
table { border-collapse: collapse; margin: 0 0 2em; width: 100% }
th, td { border-bottom: 1px solid #ccc; padding: .2em .6em; text-align: right; vertical-align: top }
th { border-bottom: 2px solid #111 }
.name { text-align: left; overflow-wrap: anywhere }
thead { display: table-header-group }
tr { break-inside: avoid }
@page { size: A4 landscape; margin: 12mm }
@media print { body { margin: 0 } h2 { break-after: avoid } }
"""


def totals_by(rows: Iterable[ReportRow]) -> Mapping[str, dict[str, list[float]]]:
    """The sums of all numbers, by each of the names and by its values."""
    totals: dict[str, dict[str, list[float]]] = {name: {} for name in COLUMNS[:NAMES]}
    nothing = [0.0] * (len(COLUMNS) - NAMES)
    for row in rows:
        for name, value in zip(COLUMNS[:NAMES], row[:NAMES], strict=True):
            known = totals[name].setdefault(str(value), nothing)
            totals[name][str(value)] = [total + more for total, more in zip(known, row.numbers, strict=True)]
    return totals


def page_of(title: str, totals: Mapping[str, dict[str, list[float]]], rows: Iterable[ReportRow]) -> Iterator[str]:
    """The document, piece by piece."""
    yield f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
    yield f"<style>{STYLE}</style>\n<h1>{escape(title)}</h1>\n"
    for name, by_value in totals.items():
        yield f"<h2>By {name}</h2>\n"
        yield head((name, *COLUMNS[NAMES:]), names=1)
        for value in sorted(by_value):
            yield line([value, *by_value[value]], names=1)
        yield "</table>\n"
    yield "<h2>All</h2>\n"
    yield head(COLUMNS, names=NAMES)
    for row in rows:
        yield line(row, names=NAMES)
    yield "</table></html>\n"


def head(columns: Sequence[str], *, names: int) -> str:
    cells = (f"<th{of_name(at, names)}>{column.replace('_', ' ')}" for at, column in enumerate(columns))
    return f"<table><thead><tr>{''.join(cells)}</thead>\n"


def line(cells: Sequence[object], *, names: int) -> str:
    return f"<tr>{''.join(f'<td{of_name(at, names)}>{shown(cell)}' for at, cell in enumerate(cells))}\n"


def of_name(at: int, names: int) -> str:
    return ' class="name"' if at < names else ""


def shown(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.1f}".removesuffix(".0")
    return f"{cell:,}" if isinstance(cell, int) else escape(str(cell))
