"""What a worker writes down of a ComfyUI server, in the server's row."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ARRAY, ColumnElement, Engine, String, Update, and_, any_, case, false, func, literal, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from shared.configuration.server_urls import Terms
from shared.database.engine import reading, transaction
from shared.fleet.probes import ProbeKind, ProbeOutcome, found, in_words, with_found
from shared.models import HELD, ComfyUIServer, GenerationJob

LONGEST_VERSION = 64  # characters
MOST_PROMPTS = 1000  # of a queue are looked for; ours are among the first, for each server has few slots

JUST_NOW = timedelta(seconds=10)  # the queue was read a moment before the jobs are


class Sight(NamedTuple):
    """A server that answered. `stuck` says whether the prompt that it runs has been silent for long; None: unknown."""

    version: str
    terms: Terms
    foreign_prompts: int
    stuck: bool | None


class Standing(NamedTuple):
    """What keeps a server from getting jobs, by its row."""

    wedged_since: datetime | None
    unfit_since: datetime | None


def prompts_of_jobs(engine: Engine, ids: Sequence[str]) -> set[str]:
    """Those of the prompts, by their place in a queue, that belong to jobs which some worker holds, or
    held just now."""
    if not ids:
        return set()
    listed = literal(list(ids[:MOST_PROMPTS]), ARRAY(String))
    is_held = col(GenerationJob.status).in_(HELD)
    held = (
        col(GenerationJob.comfyui_prompt_id) == any_(listed),
        or_(is_held, col(GenerationJob.updated_at) > func.now() - JUST_NOW),
    )
    with reading(engine) as session:
        return {
            prompt_id for prompt_id in session.exec(select(GenerationJob.comfyui_prompt_id).where(*held)) if prompt_id
        }


def record_sight(engine: Engine, name: str, sight: Sight) -> Standing:
    """Write down that a server answered. One that was unfit is so no more once it has another version."""
    version = in_words(sight.version, LONGEST_VERSION)
    row = ComfyUIServer
    is_unfit = and_(col(row.unfit_since).is_not(None), func.coalesce(col(row.version) == version, false()))
    stuck = {
        None: col(row.stuck_since),
        True: func.coalesce(col(row.stuck_since), func.now()),
        False: None,
    }[sight.stuck]
    seen = {
        "version": version,
        "last_seen_at": func.now(),
        "named_at": func.now(),
        "unreachable_since": None,
        "foreign_prompts": sight.foreign_prompts,
    }
    terms = {**sight.terms._asdict(), "labels": list(sight.terms.labels)}
    changed = {
        **seen,
        **{name: unless_by_hand(name, value) for name, value in terms.items()},
        "stuck_since": stuck,
        "unfit_since": case((is_unfit, col(row.unfit_since)), else_=None),
        "problem": case((or_(col(row.wedged_since).is_not(None), is_unfit), col(row.problem)), else_=None),
        "probes": with_found(ProbeKind.ANSWERS, ProbeOutcome.PASSED),
    }
    first = insert(row).values(name=name, **seen, **terms, probes=found(ProbeKind.ANSWERS, ProbeOutcome.PASSED))
    statement = first.on_conflict_do_update(index_elements=["name"], set_=changed)
    with transaction(engine) as session:
        standing = session.execute(statement.returning(col(row.wedged_since), col(row.unfit_since))).one()
    return Standing(*standing)


def unless_by_hand(name: str, value: Any) -> ColumnElement[Any]:
    """What a column becomes by this worker's settings: what an admin has set stays."""
    column: ColumnElement[Any] = getattr(ComfyUIServer, name)
    return case((literal(name) == any_(col(ComfyUIServer.by_hand)), column), else_=literal(value, column.type))


def record_loss(engine: Engine, name: str, slots: int, problem: str) -> None:
    """Write down what keeps a server from being given jobs until it answers again. It may have been restarted, so
    nothing is known of what it has loaded and of what waits there."""
    problem = in_words(problem)
    lost = {
        "unreachable_since": func.coalesce(ComfyUIServer.unreachable_since, func.now()),
        "problem": problem,
        "loaded_checkpoint": None,
        "foreign_prompts": 0,
        "stuck_since": None,
        "named_at": func.now(),
        "probes": with_found(ProbeKind.ANSWERS, ProbeOutcome.FAILED, problem),
    }
    first = insert(ComfyUIServer).values(
        name=name,
        slots=slots,
        unreachable_since=func.now(),
        problem=problem,
        probes=found(ProbeKind.ANSWERS, ProbeOutcome.FAILED, problem),
    )
    with transaction(engine) as session:
        session.execute(first.on_conflict_do_update(index_elements=["name"], set_=lost))


def record_wedge(engine: Engine, name: str, problem: str, *, is_restarted: bool) -> bool:
    """Write down that a server answers but does not work. Returns whether nobody else had done so before."""
    values: dict[str, Any] = {"wedged_since": func.now(), "problem": in_words(problem), "loaded_checkpoint": None}
    if is_restarted:
        values["restarted_at"] = func.now()
    return change(engine, of(name).where(col(ComfyUIServer.wedged_since).is_(None)).values(**values))


def record_recovery(engine: Engine, name: str) -> None:
    change(
        engine,
        of(name).values(
            wedged_since=None,
            stuck_since=None,
            restarted_at=None,
            problem=None,
            probes=with_found(ProbeKind.RUNS, ProbeOutcome.PASSED),
        ),
    )


def record_unfitness(engine: Engine, name: str, problem: str) -> bool:
    """Write down that jobs cannot be done with this server's ComfyUI. Returns whether nobody had done so before."""
    fit = col(ComfyUIServer.unfit_since).is_(None)
    return change(engine, of(name).where(fit).values(unfit_since=func.now(), problem=in_words(problem)))


def record_probe(engine: Engine, name: str, kind: ProbeKind, outcome: ProbeOutcome, problem: str | None) -> None:
    change(engine, of(name).values(probes=with_found(kind, outcome, problem)))


def try_with_one_job(engine: Engine, name: str, after: timedelta) -> bool:
    """Give a server that has been wedged for so long one job at a time, until one shows that it works. Returns whether
    that is so from now on."""
    return change(
        engine,
        of(name)
        .where(col(ComfyUIServer.wedged_since) <= func.now() - after)
        .values(wedged_since=None, stuck_since=None, problem=None, opened_at=func.now(), open_until=func.now()),
    )


def is_to_be_restarted(engine: Engine, name: str, every: timedelta) -> bool:
    """Whether the restart command is due once more for a wedged server. To one worker only that is said."""
    is_due = or_(col(ComfyUIServer.restarted_at).is_(None), col(ComfyUIServer.restarted_at) <= func.now() - every)
    wedged = col(ComfyUIServer.wedged_since).is_not(None)
    return change(engine, of(name).where(wedged, is_due).values(restarted_at=func.now()))


def of(name: str) -> Update:
    return update(ComfyUIServer).where(col(ComfyUIServer.name) == name)


def change(engine: Engine, statement: Update) -> bool:
    """Whether there was such a row."""
    with transaction(engine) as session:
        return changed(session, statement)


def changed(session: Session, statement: Update) -> bool:
    returning = statement.returning(col(ComfyUIServer.name)).execution_options(synchronize_session=False)
    return session.execute(returning).one_or_none() is not None
