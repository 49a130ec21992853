"""Whether this process lives, and whether each thing that it needs is there."""

import errno
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import NamedTuple

import redis
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.operator.views import CheckView, LiveView, ReadyView
from api_service.fleet import fleet_queries
from api_service.http.answers import answer_with
from api_service.http.operations import Access, Answer, Nothing, Operation
from api_service.jobs.waiting.pausing import queue_paused_at
from shared.database.clock import MOST_SKEW, clock_skew
from shared.database.schema import schema_problem
from shared.database.troubles.locks import blocker
from shared.database.troubles.rights import lack_of_rights
from shared.database.troubles.unavailable import is_lacking, state_of
from shared.messaging.messenger import Messenger
from shared.storage.store import OutputStore

NOT_THERE_YET = os.strerror(errno.ENOENT)
UNAVAILABLE = "unavailable"
LATELY = timedelta(seconds=30)


async def live(_request: ApiRequest[Nothing, Nothing]) -> Response:
    """Say whether this process lives."""
    return answer_with(LiveView())


async def ready(request: ApiRequest[Nothing, Nothing]) -> Response:
    """Say whether what the service needs is there.

    200 while jobs are accepted, even where they will only run later; 503 while none can be accepted.
    """
    view: ReadyView = await request.services.readiness.get()
    return answer_with(view, HTTPStatus.OK if view.status != UNAVAILABLE else HTTPStatus.SERVICE_UNAVAILABLE)


def check_everything(engine: Engine, messenger: Messenger, store: OutputStore) -> ReadyView:
    cache, (database, accepts_jobs) = check_redis(messenger), check_database(engine)
    parts = dict.fromkeys(OTHER_PARTS, CheckView(ok=False, detail="not known without the database"))
    if accepts_jobs:
        try:
            parts = {name: known_from(engine, check) for name, check in OTHER_PARTS.items()}
            parts["storage"] = first_that_fails(parts["storage"], check_reading(store))
        except SQLAlchemyError as error:
            database, accepts_jobs = silent(error), False
    checks = {"database": database, "redis": cache, **parts}
    status = "ready" if all(check.ok for check in checks.values()) else "degraded"
    return ReadyView(status=status if accepts_jobs else UNAVAILABLE, **checks)


class DatabaseCheck(NamedTuple):
    """How the database is, and whether jobs are accepted with it as it is."""

    view: CheckView
    accepts_jobs: bool


def check_database(engine: Engine) -> DatabaseCheck:
    try:
        if problem := schema_problem(engine):
            return DatabaseCheck(CheckView(ok=False, detail=problem), accepts_jobs=False)
        lack, held = lack_of_rights(engine), blocker(engine)
    except SQLAlchemyError as error:
        return DatabaseCheck(silent(error), accepts_jobs=False)
    if lack:
        return DatabaseCheck(CheckView(ok=False, detail=lack.problem), lack.accepts_jobs)
    if held:
        return DatabaseCheck(CheckView(ok=False, detail=held.problem), accepts_jobs=True)
    return DatabaseCheck(CheckView(ok=True, detail="answers"), accepts_jobs=True)


def known_from(engine: Engine, check: Callable[[Engine], CheckView]) -> CheckView:
    """What is found of one part, also where the database does not tell of it. Raises SQLAlchemyError where it tells
    nothing."""
    try:
        return check(engine)
    except SQLAlchemyError as error:
        if not is_lacking(error):
            raise
        return CheckView(ok=False, detail="not known, as the database does not tell it")


def silent(error: SQLAlchemyError) -> CheckView:
    if isinstance(error, DBAPIError) and state_of(error):
        return CheckView(ok=False, detail=f"refuses what it is asked: {type(error.orig).__name__}")
    return CheckView(ok=False, detail=f"does not answer: {type(error).__name__}")


def check_redis(messenger: Messenger) -> CheckView:
    try:
        messenger.client.ping()
    except redis.RedisError as error:
        return CheckView(
            ok=False, detail=f"does not answer: {type(error).__name__}; jobs wait, and start when it is back"
        )
    return CheckView(ok=True, detail="answers")


def check_workers(engine: Engine) -> CheckView:
    seen = fleet_queries.workers_seen(engine, LATELY)
    if not seen:
        return CheckView(ok=False, detail=f"none seen in the last {LATELY.seconds} s; jobs wait for one")
    return CheckView(ok=True, detail=f"{seen} seen in the last {LATELY.seconds} s")


def check_comfyui(engine: Engine) -> CheckView:
    usable, servers = fleet_queries.usable_servers(engine)
    if not usable:
        return CheckView(ok=False, detail=f"none of {servers} is usable; jobs wait for one")
    return CheckView(ok=True, detail=f"{usable} of {servers} usable")


def check_clock(engine: Engine) -> CheckView:
    skew = clock_skew(engine)
    if abs(skew) <= MOST_SKEW:
        return CheckView(ok=True, detail="agrees with the database's to a second")
    how = "ahead of" if skew > timedelta(0) else "behind"
    seconds = abs(skew).total_seconds()
    return CheckView(
        ok=False, detail=f"this machine's is {seconds:.1f} s {how} the database's, which all jobs go by: set both right"
    )


def check_queue(engine: Engine) -> CheckView:
    paused_at = queue_paused_at(engine)
    if paused_at is None:
        return CheckView(ok=True, detail="is not paused")
    return CheckView(ok=False, detail=f"paused since {paused_at.isoformat(timespec='seconds')}; jobs wait for resume")


def check_reading(store: OutputStore) -> CheckView:
    reason = store.unreadable()
    if reason is None or reason == NOT_THERE_YET:  # the first output makes it
        return CheckView(ok=True, detail="can be read")
    return CheckView(ok=False, detail=f"this service cannot read outputs: {reason}")


def first_that_fails(first: CheckView, second: CheckView) -> CheckView:
    return second if first.ok and not second.ok else first


def check_storage(engine: Engine) -> CheckView:
    problems = fleet_queries.storage_problems(engine, LATELY)
    if not problems:
        return CheckView(ok=True, detail="no worker has trouble with it")
    workers = "a worker" if len(problems) == 1 else f"{len(problems)} workers"
    return CheckView(ok=False, detail=f"{workers} cannot store outputs: {problems[0]}; results wait in ComfyUI")


OTHER_PARTS: Mapping[str, Callable[[Engine], CheckView]] = {
    "worker": check_workers,
    "comfyui": check_comfyui,
    "storage": check_storage,
    "clock": check_clock,
    "queue": check_queue,
}

OPERATIONS = (
    Operation(
        "live",
        "GET",
        "/health/live",
        live,
        Access.NO_KEY,
        {HTTPStatus.OK: Answer(LiveView, "it lives")},
        tag="health",
    ),
    Operation(
        "ready",
        "GET",
        "/health/ready",
        ready,
        Access.NO_KEY,
        {
            HTTPStatus.OK: Answer(ReadyView, "jobs are accepted"),
            HTTPStatus.SERVICE_UNAVAILABLE: Answer(
                ReadyView, "none can be accepted: the database does not answer, only reads, or has another schema"
            ),
        },
        tag="health",
    ),
)
