"""A report is counted a day at a time, into a file of lines; a page to print is made of these in the end."""

from datetime import date
from typing import Any

from shared.models import TaskState
from shared.tasks.life import Ending, Page
from shared.texts.csv_lines import as_csv
from worker_service.tasks.reports.page import page_of, totals_by
from worker_service.tasks.reports.rows import A_DAY, COLUMNS, NAMES, ReportRow, rows_in, rows_of_day
from worker_service.tasks.turns.made_files import made_file
from worker_service.tasks.turns.turn import Turn

SUMMED = COLUMNS[NAMES:]


def report(turn: Turn) -> Ending | None:
    """Count the next day; after the last, make what there is to download."""
    first, last = (date.fromisoformat(turn.parameters[name]) for name in ("first_day", "last_day"))
    if turn.task.total is None:
        turn.count((last - first).days + 1)
    day = first + turn.done * A_DAY
    if day > last:
        return Ending(TaskState.COMPLETED, turn.result, file_of(turn))
    with turn.transaction() as session:
        rows = rows_of_day(session, day, turn.owner)
    length = turn.cursor.get("length", 0)
    with turn.resources.store.growing(lines_key(turn), length) as file:
        file.write(as_csv(rows if length else [COLUMNS, *rows]))
        file.sync()
        length = file.size
    with turn.transaction() as session:
        turn.write(session, Page({"length": length}, turn.done + 1, summed(turn, rows)))
    return None


def lines_key(turn: Turn) -> str:
    return f"{turn.folder}/report.csv"


def summed(turn: Turn, rows: list[ReportRow]) -> dict[str, Any]:
    """The sums over all days so far, with these rows."""
    return {
        "rows": turn.result.get("rows", 0) + len(rows),
        **{name: round(turn.result.get(name, 0) + sum(getattr(row, name) for row in rows), 3) for name in SUMMED},
    }


def file_of(turn: Turn) -> dict[str, Any]:
    with turn.resources.store.growing(lines_key(turn), turn.cursor.get("length", 0)) as file:
        file.finish(turn.check)
    name = f"report-{turn.parameters['first_day']}-{turn.parameters['last_day']}"
    if turn.parameters.get("format", "csv") == "csv":
        return made_file(turn, lines_key(turn), f"{name}.csv", "text/csv; charset=utf-8")
    store, key = turn.resources.store, f"{turn.folder}/report.html"
    title = f"Jobs from {turn.parameters['first_day']} to {turn.parameters['last_day']}"
    totals = totals_by(rows_in(store.read(lines_key(turn))))
    with store.growing(key, 0) as file:
        for piece in page_of(title, totals, rows_in(store.read(lines_key(turn)))):
            turn.check()
            file.write(piece.encode())
        file.finish(turn.check)
    return made_file(turn, key, f"{name}.html", "text/html; charset=utf-8")
