"""Clients as they should be: they send again what was not answered, under the same key, and believe only answers."""

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

import httpx
from sqlalchemy.exc import SQLAlchemyError

from shared.jobs import before_start
from shared.messaging.messages import RunComfyJob
from shared.messaging.messenger import Messenger
from shared.models import FINAL, GenerationJob, JobStatus
from tests.chaos.jobs import JobKind, Ordered, Submission
from tests.chaos.watchers import Watchers

Given = TypeVar("Given")

AT_ONCE = 16
ANSWERED_WITHIN_S = 15.0
PATIENCE_S = 180.0
PAUSE_S = 0.5
REFUSED = 0  # no job has this id
JOBS = "/api/v1/generation-jobs"


class Clients:
    """Submits the jobs by the clock, to any of the APIs; `messenger` takes what the API would rightly refuse."""

    def __init__(self, apis: Sequence[str], key: str, messenger: Messenger, user_id: UUID, watchers: Watchers) -> None:
        self.apis = itertools.cycle(apis)
        self.lock = threading.Lock()
        self.messenger = messenger
        self.user_id = user_id
        self.watchers = watchers
        self.closing = watchers.closing
        self.http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(ANSWERED_WITHIN_S, connect=3),
            trust_env=False,
        )

    def submit_all(self, ordered: Sequence[Ordered]) -> list[Submission]:
        """Returns once each job is accepted, or was tried for too long."""
        start = time.monotonic()
        submissions = [Submission(each) for each in ordered]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="client") as pool:
            underway = []
            for submission in submissions:
                self.closing.wait(max(0.0, start + submission.ordered.at - time.monotonic()))
                underway.append(pool.submit(self.follow, submission))
            for done in underway:
                done.result()
        return submissions

    def follow(self, submission: Submission) -> None:
        """Submit one job; and cancel it, if that is what it is for."""
        # What no server can run the API refuses; here it is to be found out by a server.
        past_the_api = submission.ordered.kind is JobKind.MISSING
        job_id = self.insert(submission) if past_the_api else self.post(submission)
        if job_id is None:
            return
        self.watchers.watch(job_id)
        match submission.ordered.kind:
            case JobKind.CANCEL_QUEUED:
                self.cancel(submission, job_id)
            case JobKind.CANCEL_RUNNING:
                self.until(lambda: self.runs_or_ended(job_id))
                self.cancel(submission, job_id)

    def post(self, submission: Submission) -> int | None:
        """The id that the first answer names; None if it was refused, or nobody answered."""
        key = {"Idempotency-Key": f"chaos-{submission.ordered.number}"}

        def send() -> int | None:
            try:
                answer = self.http.post(f"{self.api()}{JOBS}/", json=submission.ordered.body, headers=key)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                return None  # nobody has read it
            except httpx.TransportError:
                submission.unknown += 1
                return None
            # 200: an answer that was lost had accepted it before.
            if answer.status_code == httpx.codes.CREATED or (answer.is_success and submission.unknown):
                submission.accepted.append(answer.json()["id"])
                submission.accepted_at.append(time.time())
                return submission.accepted[0]
            if answer.is_server_error:
                submission.unknown += 1
                return None
            submission.refused.append(f"{answer.status_code} {answer.text[:200]}")
            return REFUSED

        return self.until(send) or None

    def insert(self, submission: Submission) -> int | None:
        """What the API does with a job, done to the database."""
        body = submission.ordered.body

        def send() -> int | None:
            columns = {name: body[name] for name in ("prompt", "checkpoint_model", "width", "height")}
            job = GenerationJob(
                user_id=self.user_id,
                job_type="image",
                status=JobStatus.QUEUED,
                caller_metadata=body["metadata"],
                **columns,
            )
            try:
                with self.messenger.transaction() as session:
                    job_id = before_start.submit(session, job).id
            except SQLAlchemyError:
                submission.unknown += 1
                return None
            self.messenger.send(RunComfyJob(job_id=job_id))
            submission.accepted.append(job_id)
            submission.accepted_at.append(time.time())
            return job_id

        return self.until(send)

    def cancel(self, submission: Submission, job_id: int) -> None:
        def send() -> int | None:
            try:
                answer = self.http.post(f"{self.api()}{JOBS}/{job_id}/cancel")
            except httpx.TransportError:
                return None
            return None if answer.is_server_error else answer.status_code

        submission.cancel = self.until(send)

    def runs_or_ended(self, job_id: int) -> int | None:
        try:
            answer = self.http.get(f"{self.api()}{JOBS}/{job_id}")
        except httpx.TransportError:
            return None
        return job_id if answer.is_success and answer.json()["status"] in {JobStatus.RUNNING, *FINAL} else None

    def until(self, deed: Callable[[], Given | None]) -> Given | None:
        """What the deed gives, done again until it gives something, or for too long."""
        deadline = time.monotonic() + PATIENCE_S
        while (given := deed()) is None and time.monotonic() < deadline:
            if self.closing.wait(PAUSE_S):
                return None
        return given

    def api(self) -> str:
        with self.lock:
            return next(self.apis)
