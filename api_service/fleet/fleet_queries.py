"""What an operator sees of the ComfyUI servers: one view a server, made from rows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import ColumnElement, Engine, case, func, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Session, col, select

from api_service.refusals.fleet import server_not_found
from shared.database.engine import transaction
from shared.fleet import servers
from shared.fleet.model_kinds import LISTED_BY, ModelKind
from shared.fleet.probes import ProbeKind, ProbeOutcome
from shared.fleet.servers import IN_A_SLOT, ServerState, server_states
from shared.models import ComfyUIServer, GenerationJob, JobAttempt, ServerCapabilities, Worker
from shared.workflows.parameters import without_nul

LATELY = timedelta(minutes=10)
# The models that are counted, and where `/object_info` lists them: those a job names, and two that only workflows use.
LISTED: Mapping[str, tuple[str, str]] = {
    **{kind.value: LISTED_BY[kind] for kind in (ModelKind.CHECKPOINTS, ModelKind.LORAS, ModelKind.VAES)},
    "upscale_models": ("UpscaleModelLoader", "model_name"),
    "controlnets": ("ControlNetLoader", "control_net_name"),
}


class SlotsView(BaseModel, frozen=True):
    """How many jobs a server may hold, and how many it holds."""

    total: int
    used: int


class FailureView(BaseModel, frozen=True):
    """How many attempts failed on a server in the last ten minutes with this code, and when the last one did."""

    code: str
    count: int
    last_at: datetime


class ProbeView(BaseModel, frozen=True):
    """What one kind of look at a server found last. `refused` ones say nothing against the server."""

    kind: ProbeKind
    at: datetime
    outcome: ProbeOutcome
    problem: str | None


class ServerView(BaseModel, frozen=True):
    """A ComfyUI server. `state` is why it gets jobs or not: `half-open` ones get one at a time, `open` ones none."""

    name: str = Field(description="its URL, without user and password")
    state: ServerState
    draining: bool = Field(description="whether it is to take no more jobs, whatever else its state is")
    slots: SlotsView
    weight: float = Field(description="how fast it is: 2 is twice as fast as 1")
    labels: list[str] = Field(description="what jobs may ask for")
    added_at: datetime | None = Field(description="when it was added over HTTP; null for those of COMFYUI_URLS")
    removed_at: datetime | None = Field(description="since when it is to go; workers let it go once no job is there")
    has_credentials: bool = Field(description="whether it is called with credentials that it was added with")
    version: str | None
    last_seen_at: datetime | None
    unreachable_since: datetime | None
    wedged_since: datetime | None
    unfit_since: datetime | None = Field(description="since when it is known that its ComfyUI cannot be worked with")
    stuck_since: datetime | None = Field(
        description="since when nothing is heard of the prompt that it runs; others are given jobs first meanwhile"
    )
    foreign_prompts: int = Field(description="how many prompts of others are in its queue")
    open_until: datetime | None
    problem: str | None = Field(description="why it gets no jobs, in words")
    notes: dict[str, str] = Field(description="what it lacks though it gets jobs, in words, by what that is about")
    loaded_checkpoint: str | None = Field(description="the checkpoint of the last job it was given")
    models: dict[str, int] = Field(description="how many models of each kind it offers; empty until it was asked")
    recent_failures: list[FailureView]
    probes: list[ProbeView] = Field(description="the last outcome of each kind of probe, the latest first")

    @classmethod
    def of(cls, server: ComfyUIServer, observed: "Observations") -> Self:
        return cls(
            **server.model_dump(include=set(cls.model_fields) & set(ComfyUIServer.model_fields) - {"slots", "probes"}),
            state=observed.states[server.name],
            has_credentials=server.credentials is not None,
            draining=server.draining_since is not None,
            slots=SlotsView(total=server.slots, used=observed.used.get(server.name, 0)),
            models=observed.models.get(server.name, {}),
            recent_failures=observed.failures.get(server.name, []),
            probes=probes_of(server),
        )


class ServersView(BaseModel, frozen=True):
    items: list[ServerView]


class NamedServer(BaseModel, extra="forbid"):
    """Which server is meant."""

    server: Annotated[str, AfterValidator(without_nul)] = Field(
        max_length=255, description="the `name` of a server", examples=["http://gpu1:8188"]
    )


class Observations(NamedTuple):
    """The state of each server, and what other tables say of it, by its name."""

    states: Mapping[str, ServerState]
    used: Mapping[str, int]
    models: Mapping[str, dict[str, int]]
    failures: Mapping[str, list[FailureView]]


def servers_as_seen(engine: Engine) -> ServersView:
    """Every server that a worker ever saw or that was added, by name; of the removed ones those that have jobs."""
    with transaction(engine) as session:
        found = session.exec(select(ComfyUIServer).order_by(ComfyUIServer.name)).all()
        observed = observe(session)
    there = [server for server in found if not server.removed_at or observed.used.get(server.name)]
    return ServersView(items=[ServerView.of(server, observed) for server in there])


def observe(session: Session) -> Observations:
    return Observations(server_states(session), used_slots(session), models_offered(session), recent_failures(session))


def used_slots(session: Session) -> dict[str, int]:
    used = select(col(GenerationJob.server), func.count()).where(*IN_A_SLOT)
    return {name: count for name, count in session.exec(used.group_by(col(GenerationJob.server))) if name}


def models_offered(session: Session) -> dict[str, dict[str, int]]:
    """Counted where they lie: what servers say of themselves is half a megabyte each."""
    counts = [number_listed(*place) for place in LISTED.values()]
    rows: Sequence[Sequence[object]] = session.execute(select(col(ServerCapabilities.server), *counts)).all()
    return {
        str(name): {kind: int(str(count)) for kind, count in zip(LISTED, found, strict=True) if count is not None}
        for name, *found in rows
    }


def number_listed(loader: str, field: str) -> ColumnElement[int | None]:
    """How many names a loader takes: listed themselves, or, by newer nodes, as the `options` of a COMBO."""
    asked = func.jsonb_extract_path(col(ServerCapabilities.object_info), loader, "input", "required", field)
    older = func.jsonb_extract_path(asked, "0", type_=JSONB)
    newer = func.jsonb_extract_path(asked, "1", "options", type_=JSONB)
    return case(
        (func.jsonb_typeof(older) == "array", func.jsonb_array_length(older)),
        (func.jsonb_typeof(newer) == "array", func.jsonb_array_length(newer)),
        else_=literal(None),
    )


def probes_of(server: ComfyUIServer) -> list[ProbeView]:
    """Those that this version knows: workers of another one may have written others."""
    known = [
        ProbeView(kind=ProbeKind(kind), **found) for kind, found in server.probes.items() if kind in set(ProbeKind)
    ]
    return sorted(known, key=lambda probe: probe.at, reverse=True)


def recent_failures(session: Session) -> dict[str, list[FailureView]]:
    lately = (col(JobAttempt.ended_at) > func.now() - LATELY, col(JobAttempt.error_code).is_not(None))
    statement = (
        select(JobAttempt.server, col(JobAttempt.error_code), func.count(), func.max(JobAttempt.ended_at))
        .where(*lately)
        .group_by(col(JobAttempt.server), col(JobAttempt.error_code))
        .order_by(func.max(JobAttempt.ended_at).desc())
    )
    found: dict[str, list[FailureView]] = {}
    for name, code, count, last_at in session.exec(statement):
        found.setdefault(name, []).append(FailureView(code=str(code), count=count, last_at=last_at))
    return found


def drain(engine: Engine, name: str) -> ServerView:
    """Give a server no more jobs. Raises Refusal: server_not_found."""
    return change(engine, name, servers.drain)


def resume(engine: Engine, name: str) -> ServerView:
    """Give a server jobs again, whatever kept it from them. Raises Refusal: server_not_found."""
    return change(engine, name, servers.resume)


def change(engine: Engine, name: str, action: Callable[[Session, str], ComfyUIServer | None]) -> ServerView:
    with transaction(engine) as session:
        server = action(session, name.rstrip("/"))
        if server is None:
            raise server_not_found(name)
        session.flush()
        return ServerView.of(server, observe(session))


def workers_seen(engine: Engine, lately: timedelta) -> int:
    """How many worker processes reported within this time that they live."""
    with transaction(engine) as session:
        alive = col(Worker.last_seen_at) > func.now() - lately
        return session.exec(select(func.count()).select_from(Worker).where(alive)).one()


def storage_problems(engine: Engine, lately: timedelta) -> list[str]:
    """Why workers that reported within this time can store no outputs, a text for each of them."""
    with transaction(engine) as session:
        found = select(Worker.storage_problem).where(
            col(Worker.last_seen_at) > func.now() - lately, col(Worker.storage_problem).is_not(None)
        )
        return [problem for problem in session.exec(found.order_by(col(Worker.last_seen_at).desc())) if problem]


def usable_servers(engine: Engine) -> tuple[int, int]:
    """How many ComfyUI servers are given jobs, and how many servers workers have."""
    with transaction(engine) as session:
        return servers.usable_servers(session)
