"""A deployment in this process: real workers on real servers, a simulated ComfyUI, and what they leave behind."""

import atexit
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dramatiq
import redis
from sqlmodel import col, select

from shared.configuration.settings import load_settings
from shared.jobs.cancel import cancel_one
from shared.jobs.claim.claims import Claim
from shared.jobs.claim.due import due_jobs
from shared.messaging.due_work import WakeUps
from shared.messaging.events import Channels, Event
from shared.messaging.messages import RunComfyJob
from shared.messaging.messenger import Messenger
from shared.models import FINAL, ComfyUIServer, EventType, GenerationJob, JobOutput, JobStatus, Outcome
from tests import jobs
from tests.simulator.running import RunningSimulator
from worker_service.actors.run_comfy_job import take
from worker_service.dramatiq_glue.middleware import LimitTimings
from worker_service.fleet.timings import FleetTimings
from worker_service.main import close, create_broker, create_resources
from worker_service.media.pool import MediaPool
from worker_service.resources import Resources, Timings
from worker_service.run.attempt import Attempt
from worker_service.run.prompt.graph import graph_of
from worker_service.run.prompt.mailbox import Mailbox, Signal
from worker_service.run.prompt.sockets import client_id_of
from worker_service.run.prompt.timings import RunTimings

PATIENCE_S = 40.0
# Looking costs more processor time than what is looked for, so it becomes rarer.
LOOK_S, RARER, RAREST_S = 0.02, 1.5, 0.1
SCHEDULED_S = 0.25
# Tenths of the waits of production, where no test is about how long they are.
QUICK = Timings(
    run=RunTimings(
        deaf_after_s=1.0,
        look_every_s=1.0,
        look_again_s=0.1,
        refused_s=0.5,
        withdraw_every_s=0.2,
        withdraw_shortly_s=1.5,
        queue_patience_s=3.0,
        read_again_s=(0.05, 0.1, 0.2),
    ),
    fleet=FleetTimings(canary_s=0.6, read_log_after_s=0.4, stuck_after_s=2.5),
    limits=LimitTimings(check_every_s=0.1),
)


def until(holds: Callable[[], object], otherwise: Callable[[], str] = lambda: "it did not come about") -> None:
    """Return once it holds; AssertionError if it does not come about."""
    deadline, pause_s = time.monotonic() + PATIENCE_S, LOOK_S
    while not holds():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(pause_s)
        pause_s = min(pause_s * RARER, RAREST_S)


class AtOnce(random.Random):
    """Draws the shortest delay there is, so that every retry comes at once."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


def at_once(resources: Resources, **changes: Any) -> Resources:
    """The same with other things for its jobs, whose retries come at once."""
    jobs = resources.jobs
    return replace(resources, jobs=replace(jobs, run=replace(jobs.run, chance=AtOnce(), **changes)))


class KeptPool(MediaPool):
    """Serves one worker after another: its members keep nothing of a file, and each would take 0.1 s to start."""

    def close(self) -> None:
        """Only with these tests' process."""


@cache
def kept_pool() -> KeptPool:
    pool = KeptPool(2)
    atexit.register(MediaPool.close, pool)
    return pool


class RunningWorker:
    """A worker as the `dramatiq` command makes it, in this process. `changes` replace what its jobs use."""

    def __init__(self, environ: dict[str, str], timings: Timings = QUICK, **changes: Any) -> None:
        settings = load_settings(environ)
        self.resources = at_once(create_resources(settings, timings), **{"media": kept_pool(), **changes})
        self.broker = create_broker(settings, self.resources)
        self.worker = dramatiq.Worker(self.broker, worker_threads=settings.worker_threads, worker_timeout=100)
        self.worker.queue_prefetch = settings.worker_threads
        self.stopped = False

    def stop(self) -> None:
        """Stop as at a SIGTERM: running jobs are given back."""
        if not self.stopped:
            self.stopped = True
            self.worker.stop(timeout=30_000)
            self.close()

    def close(self) -> None:
        close(self.resources)
        self.broker.client.close()

    def look(self) -> None:
        """Look at every server now, as happens every few seconds."""
        for client in self.resources.fleet.clients.values():
            self.resources.fleet.probe(client)

    def listen(self) -> None:
        """Open its socket to each server, as its first prompt there does without waiting for it."""
        for client in self.resources.fleet.clients.values():
            socket = self.resources.jobs.run.sockets.own_of(client)
            with socket.listening("nobody's", Mailbox()):
                assert socket.connected.wait(PATIENCE_S)

    def until(self, holds: Callable[[], object]) -> None:
        """Look at every server until something holds."""

        def found() -> object:
            self.look()
            return holds()

        until(found)

    def look_at_prompts(self) -> None:
        """Have each job here look at its prompt now, as word from a socket does, and not seconds later."""
        leases = self.resources.leases
        with leases.lock:
            mailboxes = list(leases.mailboxes.values())
        for mailbox in mailboxes:
            mailbox.signal(Signal.LOOK)

    def heard(self, job_id: int) -> set[Signal]:
        """The signals that have come for a job that is held here."""
        leases = self.resources.leases
        with leases.lock:
            found = [mailbox.heard for lease, mailbox in leases.mailboxes.items() if lease.job_id == job_id]
        return set().union(*found)


class Deployment:
    """One database, one namespace, one folder of outputs, and the ComfyUI servers that `environ` names."""

    def __init__(self, environ: dict[str, str], comfyui: RunningSimulator, messenger: Messenger) -> None:
        self.environ = environ
        self.comfyui = comfyui
        self.messenger = messenger
        self.settings = load_settings(environ)
        self.folder = Path(urlsplit(self.settings.storage_url).path)
        self.wakeups = WakeUps(messenger, due_jobs(None))

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
        """The job once that holds for it. Meanwhile what is due is sent, as the scheduler does."""
        sent_at = 0.0

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


def at_step(step: int, *, attempt: int = 1) -> Callable[[Event], bool]:
    """Whether an event tells of that step of a sampler."""
    return lambda event: (event.type, event.attempt, event.data.get("step")) == (EventType.PROCESSING, attempt, step)


class Listener:
    """Hears every live event of a deployment from now on."""

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self.pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis' own
        self.pubsub.psubscribe(f"{Channels(namespace).prefix}*")
        self.heard: list[Event] = []

    def until(self, job_id: int, holds: Callable[[Event], object]) -> list[Event]:
        """All events of a job, once there is such a one among them."""

        def heard() -> bool:
            while (message := self.pubsub.get_message()) is not None:
                self.heard.append(Event.model_validate_json(message["data"]))
            return any(event.job_id == job_id and holds(event) for event in self.heard)

        until(heard, lambda: "\n  ".join(map(str, ["heard:", *self.heard])))
        return [event for event in self.heard if event.job_id == job_id]

    def until_final(self, job_id: int) -> list[Event]:
        return self.until(job_id, lambda event: event.type.is_final)

    def close(self) -> None:
        self.pubsub.close()
