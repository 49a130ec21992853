"""Everything that a run left behind, read once all is over: rows, files, journals, and what clients were told."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import httpx
from sqlalchemy import Engine

from shared.database.engine import transaction
from shared.models import (
    DiscardedFolder,
    GenerationJob,
    JobAttempt,
    JobEvent,
    JobOutput,
    JobStatistic,
    User,
)
from tests.chaos.follow_ups.left import FollowUps, follow_ups
from tests.chaos.follow_ups.tasks import AskedTask
from tests.chaos.jobs import Submission, number_in
from tests.chaos.monitor import Sample
from tests.chaos.rows import Row, rows
from tests.chaos.schedule import Struck
from tests.chaos.watchers import Watched
from tests.chaos.world import World


class Stored(NamedTuple):
    """A file of the output store."""

    size: int
    sha256: str


class Entry(NamedTuple):
    """A line of a simulator's journal: at a moment (Unix time) a prompt was accepted, started, or finished."""

    at: float
    server: str
    event: str
    prompt_id: str
    outcome: str | None = None


@dataclass(frozen=True)
class Evidence:
    """Plain data, so that the account of it can be tested with data that is wrong in one place.

    `slots` is how many jobs a server may hold; `max_attempts` how often one is tried. `left` has, by server, the
    prompts that were still queued or running at the end. `numbers` tells the order's number of each job.
    """

    slots: int
    max_attempts: int
    submissions: Sequence[Submission]
    jobs: Sequence[Row]
    events: Sequence[Row]
    attempts: Sequence[Row]
    outputs: Sequence[Row]
    statistics: Sequence[Row]
    users: Sequence[Row]
    discarded: Sequence[str]
    files: Mapping[str, Stored]
    journal: Sequence[Entry]
    left: Mapping[str, Sequence[str]]
    samples: Sequence[Sample]
    watched: Sequence[Watched]
    struck: Sequence[Struck]
    servers: Mapping[str, str]  # the name of each server in the database, by the name it is struck under
    numbers: Mapping[int, int] = field(default_factory=dict)
    follow_ups: FollowUps = field(default_factory=FollowUps)


@dataclass(frozen=True)
class Witnesses:
    """Those who were there: clients, watchers, the monitor, and whoever struck."""

    submissions: Sequence[Submission]
    asked: Sequence[AskedTask]
    watched: Sequence[Watched]
    samples: Sequence[Sample]
    struck: Sequence[Struck]


def gather(world: World, engine: Engine, witnesses: Witnesses) -> Evidence:
    """Read it all."""
    with transaction(engine) as session:
        jobs = rows(session, GenerationJob, "id")
        return Evidence(
            slots=world.settings.comfyui_slots,
            max_attempts=world.settings.max_attempts,
            submissions=witnesses.submissions,
            jobs=jobs,
            events=rows(session, JobEvent, "job_id", "sequence"),
            attempts=rows(session, JobAttempt, "job_id", "attempt"),
            outputs=rows(session, JobOutput, "job_id", "number"),
            statistics=rows(session, JobStatistic),
            users=rows(session, User),
            discarded=[row["folder"] for row in rows(session, DiscardedFolder)],
            files=files_below(world.store),
            journal=sorted(
                (entry for name in world.comfyuis for entry in journal_of(world, name)), key=lambda entry: entry.at
            ),
            left={comfyui.name: left_in(comfyui.simulator.url) for comfyui in world.comfyuis.values()},
            samples=witnesses.samples,
            watched=witnesses.watched,
            struck=witnesses.struck,
            servers={name: comfyui.name for name, comfyui in world.comfyuis.items()},
            numbers={
                job["id"]: number
                for job in jobs
                if (number := number_in(job["caller_metadata"], world.plan.seed)) is not None
            },
            follow_ups=follow_ups(session, world.receivers, witnesses.asked, world.store),
        )


def files_below(root: Path) -> dict[str, Stored]:
    return {
        str(path.relative_to(root)): Stored(path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def journal_of(world: World, name: str) -> list[Entry]:
    comfyui = world.comfyuis[name]
    entries = map(json.loads, (comfyui.simulator.root / "journal.jsonl").read_text().splitlines())
    return [
        Entry(entry["at"], comfyui.name, entry["event"], entry["prompt_id"], entry.get("outcome"))
        for entry in entries
        if entry["event"] != "ran"
    ]


def left_in(url: str) -> list[str]:
    """The prompts that a server has queued or running."""
    queue = httpx.get(f"{url}/queue", trust_env=False).raise_for_status().json()
    return [entry[1] for entry in (*queue["queue_running"], *queue["queue_pending"])]
