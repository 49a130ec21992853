"""A deployment in this process: real workers on real servers, a simulated ComfyUI, and what they leave behind."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import col, select

from shared.configuration.choices import IN_TURNS
from shared.configuration.settings import load_settings
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.claim.due import due_jobs
from shared.messaging.due_work import WakeUps
from shared.messaging.messages import RunComfyJob
from shared.messaging.messenger import Messenger
from shared.models import FINAL, ComfyUIServer, GenerationJob, JobOutput, JobStatus, Outcome
from tests import jobs
from tests.simulator.running import RunningSimulator
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.actors.run_comfy_job import take
from worker_service.run.attempt import Attempt
from worker_service.run.prompt.graph import graph_of
from worker_service.run.prompt.sockets import client_id_of

SCHEDULED_S = 0.25


class Deployment:
    """One database, one namespace, one folder of outputs, and the ComfyUI servers that `environ` names."""

    def __init__(self, environ: dict[str, str], comfyui: RunningSimulator, messenger: Messenger) -> None:
        self.environ = environ
        self.comfyui = comfyui
        self.messenger = messenger
        self.settings = load_settings(environ)
        self.folder = Path(urlsplit(self.settings.storage_url).path)
        self.wakeups = WakeUps(messenger, due_jobs(IN_TURNS))

    def client_id(self, job_id: int) -> str:
        """Under which id ComfyUI tells of the job's prompt: that of the worker which has sent it."""
        sent = [row for row in jobs.attempts(self.messenger, job_id) if not row.adopted]
        return client_id_of(sent[-1].worker_id)

    @contextmanager
    def worker(self, changes: dict[str, Any] | None = None, /, **variables: str) -> Iterator[RunningWorker]:
        """A worker that has seen its servers, with other resources or variables than the deployment's own."""
        worker = RunningWorker({**self.environ, **variables}, **(changes or {}))
        try:
            worker.look()
            worker.worker.start()
            yield worker
        finally:
            worker.stop()

    def submit(self, *, steps: int = 2, **values: Any) -> int:
        """Record a job and send its wake-up, as the API does. `params` are added to the usual ones."""
        params = {"seed": 1, "steps": steps, **values.pop("params", {})}
        job_id = jobs.submitted(self.messenger, params=params, **values)
        self.messenger.send(RunComfyJob(job_id=job_id))
        return job_id

    def leave_behind(self, job_id: int, *, sent: bool = False) -> Claim:
        """Claim a job as a worker does that dies at once, or as soon as it has sent the prompt, and is given up."""
        dead = RunningWorker(self.environ)
        dead.look()
        claim = take(dead.resources.jobs, "message of the dead")
        assert claim is not None
        assert claim.job.id == job_id
        with dead.resources.leases.holding(claim.lease) as mailbox:
            attempt = Attempt(dead.resources.jobs.run, claim, mailbox, leave_slot=lambda: None)
            if sent:
                attempt.send(attempt.client(), graph_of(attempt.job, attempt.prompt.id))
        dead.close()
        jobs.silence(self.messenger, job_id)
        return claim

    def cancel(self, job_id: int, *, carried: bool = True) -> None:
        """Cancel a job, as the API does; unless it is `carried` by Redis, only the row says so."""
        with self.messenger.transaction() as session:
            cancel_one(session, job_id)
        if carried:
            self.messenger.request_cancel(job_id)

    def job(self, job_id: int) -> GenerationJob:
        return jobs.job(self.messenger, job_id)

    def outputs(self, job_id: int) -> list[JobOutput]:
        with self.messenger.transaction() as session:
            found = select(JobOutput).where(JobOutput.job_id == job_id).order_by(col(JobOutput.number))
            return list(session.exec(found))

    def server(self, name: str | None = None) -> ComfyUIServer:
        """The row of a server; without a name, of the first one."""
        with self.messenger.transaction() as session:
            return session.get_one(ComfyUIServer, name or self.comfyui.url)

    def until(self, job_id: int, holds: Callable[[GenerationJob], object]) -> GenerationJob:
        """The job once that holds for it. What takes longer is helped by what the scheduler does: due work is sent."""
        sent_at = time.monotonic()

        def reached() -> bool:
            nonlocal sent_at
            if time.monotonic() - sent_at >= SCHEDULED_S:
                self.wakeups.send_missing()
                sent_at = time.monotonic()
            return bool(holds(self.job(job_id)))

        until(reached, lambda: self.story(job_id))
        return self.job(job_id)

    def when(self, job_id: int, *statuses: JobStatus) -> GenerationJob:
        """The job once it has one of these statuses."""
        return self.until(job_id, lambda job: job.status in statuses)

    def ended(self, job_id: int, status: JobStatus = JobStatus.COMPLETED) -> GenerationJob:
        """The job once it has ended, as it should."""
        job = self.when(job_id, *FINAL)
        assert job.status is status, self.story(job_id)
        return job

    def sampling(self, job_id: int) -> str:
        """The id of the job's prompt, once ComfyUI is at work on it."""
        found = self.when(job_id, JobStatus.RUNNING).comfyui_prompt_id
        assert found is not None
        until(lambda: self.times_started(found) > 0, lambda: self.story(job_id))
        return found

    def seen_sampling(self, job_id: int) -> str:
        """The same, once the worker has heard so. Its socket may miss the first step: there must be more of them."""
        found = self.sampling(job_id)
        until(lambda: self.messenger.client.exists(self.messenger.channels.progress(job_id)))
        return found

    def faults(self) -> list[str]:
        """The kinds of the faults that have not all been spent, or still hold something."""
        return [fault["kind"] for fault in self.comfyui.http.get("/simulator/faults").json()["faults"]]

    def sockets(self) -> list[str]:
        """The client ids that listen to ComfyUI."""
        return list(self.comfyui.http.get("/simulator/executions").json()["sockets"])

    def requests(self) -> dict[str, int]:
        """How many requests ComfyUI has had, by method and path without ids."""
        return dict(self.comfyui.http.get("/simulator/requests").json())

    def times_started(self, prompt_id: str) -> int:
        execution = self.comfyui.executions().get(prompt_id)
        return execution.started if execution else 0

    def put_back(self, job_id: int, *, times: int = 1) -> GenerationJob:
        """The job once it was put back so many times, whether that counts as one of its tries or not."""

        def ended_attempts() -> int:
            return sum(outcome is not None for outcome in self.outcomes(job_id))

        until(lambda: ended_attempts() >= times, lambda: self.story(job_id))
        return self.job(job_id)

    def messages(self) -> tuple[int, int]:
        """How many wake-ups are not done with, and how many were buried."""
        queue = f"{self.settings.redis_ns}:{RunComfyJob.queue}"
        client = self.messenger.client
        return int(client.hlen(f"{queue}.msgs")), int(client.zcard(f"{queue}.XQ"))

    def outcomes(self, job_id: int) -> list[Outcome | None]:
        return [attempt.outcome for attempt in jobs.attempts(self.messenger, job_id)]

    def story(self, job_id: int) -> str:
        """What became of a job, for a test that fails."""
        job = self.job(job_id)
        lines = [f"job {job_id} is {job.status}: {job.error_code} {job.error_message}"]
        lines += [f"event {row.sequence}: {row.type} {row.data}" for row in jobs.events(self.messenger, job_id)]
        lines += [
            f"attempt {row.attempt}: {row.outcome} {row.error_code}" for row in jobs.attempts(self.messenger, job_id)
        ]
        return "\n  ".join(lines)
