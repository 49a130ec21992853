"""A report is counted a day at a time, into a file of lines; a page to print is made of these in the end."""

from collections.abc import Mapping
from datetime import date, tzinfo
from typing import Any

from shared.models import TaskState
from shared.schedules.timing import zone_named
from shared.tasks.life import Ending, Page
from shared.texts.csv_lines import as_csv
from worker_service.tasks.reports.head import Head, zone_in
from worker_service.tasks.reports.page import page_of, totals_by
from worker_service.tasks.reports.rows import A_DAY, COLUMNS, NUMBERS, ReportRow, rows_in, rows_of_day
from worker_service.tasks.turns.made_files import made_file
from worker_service.tasks.turns.turn import TaskFailed, Turn


def report(turn: Turn) -> Ending | None:
    """Count the next day; after the last, make what there is to download."""
    if turn.done and turn.cursor.get("columns") != list(COLUMNS):
        begin_again(turn)  # another release has begun it
        return None
    first, last = (date.fromisoformat(turn.parameters[name]) for name in ("first_day", "last_day"))
    if turn.task.total is None:
        turn.count((last - first).days + 1)
    day = first + turn.done * A_DAY
    if day > last:
        return Ending(TaskState.COMPLETED, turn.result, file_of(turn))
    with turn.transaction() as session:
        rows = rows_of_day(session, day, zone_of(turn), turn.owner)
    length = turn.cursor.get("length", 0)
    with turn.resources.store.growing(lines_key(turn), length) as file:
        file.write(as_csv(rows if length else [COLUMNS, *rows]))
        file.sync()
        length = file.size
    with turn.transaction() as session:
        cursor = {"length": length, "columns": list(COLUMNS)}
        turn.write(session, Page(cursor, turn.done + 1, summed(turn, rows)))
    return None


def begin_again(turn: Turn) -> None:
    with turn.transaction() as session:
        turn.write(session, Page({}, 0, {}))


def zone_of(turn: Turn) -> tzinfo:
    """Raises TaskFailed, where this machine does not know the time zone that the API has known."""
    name = zone_in(turn.parameters)
    try:
        return zone_named(name)
    except ValueError as error:
        raise TaskFailed("time_zone_not_known", f"{name} {error}") from error


def lines_key(turn: Turn) -> str:
    return f"{turn.folder}/report.csv"


def summed(turn: Turn, rows: list[ReportRow]) -> Mapping[str, Any]:
    """The sums over all days so far, with these rows."""
    return {
        "rows": turn.result.get("rows", 0) + len(rows),
        **{name: round(turn.result.get(name, 0) + sum(getattr(row, name) for row in rows), 3) for name in NUMBERS},
        "time_zone": zone_in(turn.parameters),
    }


def file_of(turn: Turn) -> dict[str, Any]:
    with turn.resources.store.growing(lines_key(turn), turn.cursor.get("length", 0)) as file:
        file.finish(turn.check)
    head = Head.of(turn.parameters, turn.result)
    if turn.parameters.get("format", "csv") == "csv":
        return made_file(turn, lines_key(turn), f"{head.filename}.csv", "text/csv; charset=utf-8")
    store, key = turn.resources.store, f"{turn.folder}/report.html"
    totals = totals_by(rows_in(store.read(lines_key(turn))))
    with store.growing(key, 0) as file:
        for piece in page_of(head, totals, rows_in(store.read(lines_key(turn)))):
            turn.check()
            file.write(piece.encode())
        file.finish(turn.check)
    return made_file(turn, key, f"{head.filename}.html", "text/html; charset=utf-8")
