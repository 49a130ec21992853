"""A report as a page to be printed: what it is, then totals, then each line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from worker_service.tasks.reports.head import Head
from worker_service.tasks.reports.rows import NAMED, NUMBERS, ReportRow

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
    totals: dict[str, dict[str, list[float]]] = {name: {} for name in NAMED}
    nothing = [0.0] * len(NUMBERS)
    for row in rows:
        for name, value in zip(NAMED, row[: len(NAMED)], strict=True):
            known = totals[name].setdefault(str(value), nothing)
            totals[name][str(value)] = [total + more for total, more in zip(known, row.numbers, strict=True)]
    return totals


def page_of(head: Head, totals: Mapping[str, dict[str, list[float]]], rows: Iterable[ReportRow]) -> Iterator[str]:
    """The document, piece by piece."""
    title = escape(head.title)
    yield f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>'
    yield f"<style>{STYLE}</style>\n<h1>{title}</h1>\n"
    yield from (f"<p>{escape(note)}</p>\n" for note in head.notes())
    for name, by_value in totals.items():
        yield f"<h2>By {name}</h2>\n"
        yield columns_of((name, *NUMBERS), names=1)
        for value in sorted(by_value):
            yield line([value, *by_value[value]], names=1)
        yield "</table>\n"
    yield "<h2>All</h2>\n"
    yield columns_of((*NAMED, *NUMBERS), names=len(NAMED))
    for row in rows:
        yield line(row[:-1], names=len(NAMED))
    yield "</table></html>\n"


def columns_of(columns: Sequence[str], *, names: int) -> str:
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
