"""Who is there to do the work: worker processes and ComfyUI servers, as last seen."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Integer, SmallInteger, String, Text, func, text
from sqlmodel import Field, SQLModel

from shared.database.columns import document, empty_list, moment, names


class Worker(SQLModel, table=True):
    """One row of `workers`: a worker process that was alive at `last_seen_at`. `storage_problem` is why it could store
    no outputs then."""

    __tablename__ = "workers"

    id: str = Field(sa_column=Column("id", String(255), primary_key=True))
    threads: int
    started_at: datetime = Field(default=None, sa_column=moment("started_at", nullable=False, now=True))
    last_seen_at: datetime = Field(default=None, sa_column=moment("last_seen_at", nullable=False, now=True))
    storage_problem: str | None = Field(default=None, sa_column=Column("storage_problem", Text))


class ComfyUIServer(SQLModel, table=True):
    """One row of `comfyui_servers`: a server that last answered a worker at `last_seen_at`.

    `name` is its URL without a password. `slots` is how many jobs it holds, by the settings of the worker that
    saw it last. While `unreachable_since`, `wedged_since` or `draining_since` is set it gets no job; `problem` says
    why. From `opened_at` on its circuit breaker is open: until `open_until` it gets no job, and after that one at a
    time.
    `loaded_checkpoint` is that of the last job it was given, and the same since `loaded_since`. At `named_at` a worker
    last looked at it, whether it answered or not. `notes` say what it lacks though it gets jobs, by subject.
    `unfit_since` says that its ComfyUI cannot be worked with, and `problem` why. `foreign_prompts` is how many prompts
    of others are in its queue. The prompt that it runs has been the same, and silent, since `stuck_since`. At
    `restarted_at` the restart command was last run for it. `probes` is the last outcome of each kind of probe, see
    `shared.fleet.probes`.
    `weight` is how fast it is, and `labels` are what jobs may ask for. Those columns of TERMS that are named in
    `by_hand` an admin has set: no worker's settings change them. It was added over HTTP at `added_at`, or else workers
    name it in their settings; `credentials` are the headers that an added one asks for, encrypted, see
    `shared.configuration.secrets.vault`. One that was removed over HTTP at `removed_at` is drained too, and workers
    forget it once no job is there; where it `moves_jobs`, they are moved away at once.
    """

    __tablename__ = "comfyui_servers"
    __table_args__ = (CheckConstraint("weight BETWEEN 0.01 AND 100", name="weight_range"),)

    name: str = Field(sa_column=Column("name", String(255), primary_key=True))
    version: str | None = Field(default=None, sa_column=Column("version", String(64)))
    last_seen_at: datetime | None = Field(default=None, sa_column=moment("last_seen_at"))
    unreachable_since: datetime | None = Field(default=None, sa_column=moment("unreachable_since"))
    problem: str | None = Field(default=None, sa_column=Column("problem", Text))
    slots: int = Field(default=2, sa_column=Column("slots", SmallInteger, nullable=False, server_default=text("2")))
    wedged_since: datetime | None = Field(default=None, sa_column=moment("wedged_since"))
    draining_since: datetime | None = Field(default=None, sa_column=moment("draining_since"))
    opened_at: datetime | None = Field(default=None, sa_column=moment("opened_at"))
    open_until: datetime | None = Field(default=None, sa_column=moment("open_until"))
    loaded_checkpoint: str | None = Field(default=None, sa_column=Column("loaded_checkpoint", String(255)))
    loaded_since: datetime | None = Field(default=None, sa_column=moment("loaded_since"))
    notes: dict[str, str] = Field(default_factory=dict, sa_column=document("notes", "{}"))
    unfit_since: datetime | None = Field(default=None, sa_column=moment("unfit_since"))
    stuck_since: datetime | None = Field(default=None, sa_column=moment("stuck_since"))
    restarted_at: datetime | None = Field(default=None, sa_column=moment("restarted_at"))
    foreign_prompts: int = Field(
        default=0, sa_column=Column("foreign_prompts", Integer, nullable=False, server_default=text("0"))
    )
    probes: dict[str, Any] = Field(default_factory=dict, sa_column=document("probes", "{}"))
    weight: float = Field(default=1.0, sa_column=Column("weight", Float, nullable=False, server_default=text("1")))
    labels: list[str] = Field(default_factory=empty_list, sa_column=names("labels"))
    by_hand: list[str] = Field(default_factory=empty_list, sa_column=names("by_hand"))
    added_at: datetime | None = Field(default=None, sa_column=moment("added_at"))
    removed_at: datetime | None = Field(default=None, sa_column=moment("removed_at"))
    moves_jobs: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    credentials: str | None = Field(default=None, sa_column=Column("credentials", Text), repr=False)
    named_at: datetime = Field(default_factory=func.now, sa_column=moment("named_at", nullable=False, now=True))


class ServerCapabilities(SQLModel, table=True):
    """One row of `server_capabilities`: what a ComfyUI server can do, by its `/object_info` of `refreshed_at`.

    `digest` is the SHA-256 of the JSON, so that nobody reads it twice. `devices` is from `/system_stats`,
    `replacements` from `/node_replacements` and `embeddings` from `/embeddings`, where there is one. `model_info` says
    what its models are, by folder and name, where its nodes tell that. The row stays while the server is away: what
    only it has is accepted, and waits. `offers` and `lacks` are names, see `shared.fleet.capabilities`.
    """

    __tablename__ = "server_capabilities"

    server: str = Field(
        sa_column=Column(
            "server", String(255), ForeignKey("comfyui_servers.name", ondelete="CASCADE"), primary_key=True
        )
    )
    digest: str = Field(sa_column=Column("digest", String(64), nullable=False))
    object_info: dict[str, Any] = Field(sa_column=document("object_info", "{}"))
    replacements: dict[str, Any] = Field(default_factory=dict, sa_column=document("replacements", "{}"))
    embeddings: list[str] = Field(default_factory=empty_list, sa_column=names("embeddings"))
    model_info: dict[str, Any] = Field(default_factory=dict, sa_column=document("model_info", "{}"))
    devices: list[dict[str, Any]] = Field(default_factory=empty_list, sa_column=document("devices", "[]"))
    offers: list[str] = Field(default_factory=empty_list, sa_column=names("offers"))
    lacks: list[str] = Field(default_factory=empty_list, sa_column=names("lacks"))
    refreshed_at: datetime = Field(default=None, sa_column=moment("refreshed_at", nullable=False, now=True))
