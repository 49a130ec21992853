"""The archive that is imported comes to the task's own folder first: from an asset without a copy, or from a URL."""

from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select

from shared.database.engine import reading
from shared.models import Asset
from shared.outgoing.deadline import Deadline
from shared.outgoing.exchange import Answer, Asked
from shared.outgoing.failures import NoAnswer, NotAllowed
from shared.tasks.life import Page
from worker_service.tasks.turns.turn import NotNow, TaskFailed, Turn

WITHIN = timedelta(minutes=10)  # then what has come is kept, and the next request asks for the rest
PORTION = 64 * 1024**2  # bytes; after each of them they are durable
OK, PART, NOT_THERE = 200, 206, (404, 410)


NOT_FETCHED = "url_not_fetched"


def archive_key(turn: Turn) -> str:
    return f"{turn.folder}/archive.zip"


def take(turn: Turn) -> None:
    """Have the archive in the folder; of one at a URL, the next part of it."""
    if "asset_id" in turn.parameters:
        link(turn)
        write(turn, {"is_there": True})
    else:
        fetch(turn)


def link(turn: Turn) -> None:
    asset_id = UUID(turn.parameters["asset_id"])
    with reading(turn.resources.messenger.engine) as session:
        mine = (col(Asset.id) == asset_id, col(Asset.user_id) == turn.task.user_id)
        path = session.exec(select(Asset.path).where(*mine)).first()
    turn.resources.store.remove(turn.folder)  # whatever a broken try has left
    gone = TaskFailed("asset_not_found", f"there is no asset {str(asset_id)!r} any more")
    if path is None:
        raise gone
    try:
        turn.resources.store.link(path, archive_key(turn))
    except FileNotFoundError:
        raise gone from None


def fetch(turn: Turn) -> None:
    length = turn.cursor.get("fetched", 0)
    headers = {"Accept": "*/*", **({"Range": f"bytes={length}-"} if length else {})}
    try:
        with turn.resources.outgoing.ask(Asked(turn.parameters["url"], headers=headers), Deadline(WITHIN)) as answer:
            receive(turn, answer, length)
    except NotAllowed as error:
        raise TaskFailed("url_not_allowed", f"the URL {error}") from error
    except NoAnswer as error:
        raise NotNow(NOT_FETCHED, f"the server {error}") from error


def receive(turn: Turn, answer: Answer, length: int) -> None:
    """Write what comes; what is durable by then is not asked for again."""
    if answer.status_code in NOT_THERE:
        raise TaskFailed(NOT_FETCHED, f"the server answered {answer.status_code}")
    if answer.status_code not in {OK, PART}:
        raise NotNow(NOT_FETCHED, f"the server answered {answer.status_code}, and not 200 with the archive")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise TaskFailed(NOT_FETCHED, "the server packed the archive, which it was asked not to do")
    begin = length if answer.status_code == PART else 0
    said = answer.headers.get("content-range", "")
    if answer.status_code == PART and not said.startswith(f"bytes {begin}-"):
        raise NotNow(NOT_FETCHED, "the server answered with another part than it was asked for")
    most = turn.resources.largest_archive
    with turn.resources.store.growing(archive_key(turn), begin) as file:
        durable = begin
        for piece in answer.pieces():
            turn.check()
            if file.size + len(piece) > most:
                raise TaskFailed("archive_too_large", f"the archive has more than {most} bytes")
            file.write(piece)
            if file.size - durable >= PORTION:
                file.sync()
                durable = file.size
                write(turn, {"fetched": durable})
        file.finish(turn.check)
    write(turn, {"is_there": True})


def write(turn: Turn, cursor: dict[str, object]) -> None:
    with turn.transaction() as session:
        turn.write(session, Page({**turn.cursor, **cursor}, 0, turn.result))
