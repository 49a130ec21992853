"""What a run left behind of what follows jobs: rows, what receivers took, and what archives hold."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import Session

from shared.models import Mail, Notification, Task, TaskKind, WebhookDelivery, WebhookEndpoint
from tests.chaos.follow_ups.receivers import Received, Receivers
from tests.chaos.follow_ups.tasks import AskedTask
from tests.chaos.rows import Row, rows
from worker_service.tasks.archives.growing import MANIFEST


@dataclass(frozen=True)
class FollowUps:
    """`of_jobs` is the endpoint of jobs that named a webhook of their own, which orders with a number in `own` did.
    `archives` has the sources of the jobs in each archive, by the id of its task."""

    deliveries: Sequence[Row] = ()
    notifications: Sequence[Row] = ()
    mails: Sequence[Row] = ()
    tasks: Sequence[Row] = ()
    of_jobs: str = ""
    received: Sequence[Received] = ()
    mailed: Sequence[str] = ()
    asked: Sequence[AskedTask] = ()
    archives: Mapping[str, Sequence[str]] = field(default_factory=dict)


def follow_ups(session: Session, receivers: Receivers, asked: Sequence[AskedTask], store: Path) -> FollowUps:
    tasks = rows(session, Task, "created_at")
    (of_jobs,) = (str(row["id"]) for row in rows(session, WebhookEndpoint) if row["of_jobs"])
    return FollowUps(
        deliveries=rows(session, WebhookDelivery, "created_at"),
        notifications=rows(session, Notification, "id"),
        mails=rows(session, Mail, "created_at"),
        tasks=tasks,
        of_jobs=of_jobs,
        received=list(receivers.received),
        mailed=receivers.mailed(),
        asked=asked,
        archives={str(row["id"]): sources_in(store, row) for row in tasks if row["kind"] == TaskKind.EXPORT},
    )


def sources_in(store: Path, task: Mapping[str, Any]) -> list[str]:
    """Of each job in an archive, what it is called; none of an archive that is not there."""
    if task["file"] is None or not (path := store / task["file"]["path"]).exists():
        return []
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(MANIFEST).splitlines()
    return [json.loads(line)["source"] for line in lines[1:]]
