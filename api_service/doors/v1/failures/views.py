"""What clients see of failures, and of workflows in quarantine."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from api_service.http.pages import Page
from api_service.http.server.root_path import below_root
from api_service.jobs.failures import FailureGroup
from shared.jobs.urls import JOBS
from shared.models import SuspectWorkflow


class FailureView(BaseModel, frozen=True):
    """Jobs that failed in the same way: with the same code, in the same class of node, and with messages of the same
    `pattern`, which leaves out numbers, ids, paths, addresses and quotes.

    `count` is how many there are, `users` whose they are, which admins see. `job_id` is the newest of them, and
    `jobs_url` lists them. Until `muted_until` the caller hears nothing of it.
    """

    fingerprint: str
    code: str
    node_class: str | None
    pattern: str
    count: int
    users: int | None
    first_at: datetime
    last_at: datetime
    servers: list[str]
    job_id: int
    jobs_url: str
    muted_until: datetime | None

    @classmethod
    def of(cls, group: FailureGroup, *, of_everybody: bool) -> Self:
        same = ("fingerprint", "code", "node_class", "pattern", "first_at", "last_at", "muted_until")
        whose = "&user_id=all" if of_everybody else ""
        return cls(
            **{name: getattr(group, name) for name in same},
            count=group.jobs,
            users=group.users if of_everybody else None,
            servers=sorted(group.servers),
            job_id=group.example,
            jobs_url=below_root(f"{JOBS}/?failure={group.fingerprint}{whose}"),
        )


class FailurePage(Page[FailureView], frozen=True):
    """A page of groups. `next` is where the page after it is, with `cursor` in it; both are null on the last page."""


class QuarantineView(BaseModel, frozen=True):
    """A workflow that is not run: `attempts` at its jobs ended with `code`, one after the other, on these servers.

    Its jobs differ in seeds, texts and names of nodes only. `job_id` is the last one that failed so, which admins see.
    """

    fingerprint: str
    code: str
    attempts: int
    servers: list[str]
    first_at: datetime
    quarantined_at: datetime
    job_id: int | None

    @classmethod
    def of(cls, suspect: SuspectWorkflow, *, of_everybody: bool) -> Self:
        assert suspect.quarantined_at is not None, "it is in quarantine"
        return cls(
            fingerprint=suspect.fingerprint,
            code=suspect.error_code,
            attempts=suspect.strikes,
            servers=sorted(suspect.servers),
            first_at=suspect.first_at,
            quarantined_at=suspect.quarantined_at,
            job_id=suspect.job_id if of_everybody else None,
        )


class QuarantinePage(Page[QuarantineView], frozen=True):
    """A page of workflows. `next` is where the page after it is, with `cursor` in it; both are null on the last
    page."""
