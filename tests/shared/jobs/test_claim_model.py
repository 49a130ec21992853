"""A model of claims, leases, adoption and cancels against the real database, whatever order things happen in.

The model knows what each job is and who holds it. After every step the rows are compared with it.
"""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from shared.fleet import servers
from shared.jobs import before_start, lifecycle
from shared.jobs.attempts import Lease
from shared.jobs.cancel import cancel_one
from shared.jobs.claim import claims
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import CancelRequested, LeaseLost
from shared.jobs.lifecycle import AlreadySettled
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, JobAttempt, JobEvent, JobStatistic, Outcome
from tests.jobs import ANOTHER, LEASE, SERVER, answering, claimed, new_job, output, silence
from tests.shared.jobs import expectations
from tests.shared.jobs.expectations import BROKEN, DEEDS, FINAL, LOST, MOST_ATTEMPTS, SLOTS, Expected, S
from worker_service.scheduler.sweeps import end_worn_out_jobs

pytestmark = pytest.mark.system


class Claims(RuleBasedStateMachine):
    """Any number of workers on two servers, some of which were given up for dead and do not know it."""

    messenger: Messenger

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[int, Expected] = {}
        self.claims: list[Claim] = []  # every claim there ever was, stale ones too
        self.draining: set[str] = set()
        for name, slots in SLOTS.items():
            answering(self.messenger, name, slots=slots)
        for priority in (5, 7, 5, 5):
            self.submit(priority, "x")

    def load(self, server: str) -> int:
        return sum(job.is_in_slot and job.server == server for job in self.jobs.values())

    def expected_of(self, lease: Lease) -> Expected | None:
        """The job, if this lease is the one that counts: it was neither given back nor taken over."""
        job = self.jobs[lease.job_id]
        return job if job.is_held and job.attempt == lease.attempt and job.outcomes[-1] is None else None

    @rule(priority=st.sampled_from([5, 7]), checkpoint=st.sampled_from(["x", "y"]))
    def another_job(self, priority: int, checkpoint: str) -> None:
        self.submit(priority, checkpoint)

    def submit(self, priority: int, checkpoint: str) -> None:
        with self.messenger.transaction() as session:
            job = before_start.submit(
                session, new_job(priority=priority, checkpoint_model=checkpoint, max_attempts=MOST_ATTEMPTS)
            )
        self.jobs[job.id] = Expected(priority=priority)

    @rule(reach=st.sampled_from([(SERVER,), (ANOTHER,), (SERVER, ANOTHER)]), worker=st.sampled_from("abc"))
    def claim(self, reach: tuple[str, ...], worker: str) -> None:
        before = {job_id: job for job_id, job in self.jobs.items() if job.may_be_adopted and job.server in reach}
        free = [name for name in reach if name not in self.draining and self.load(name) < SLOTS[name]]
        queued = [job for job in self.jobs.values() if job.status is S.QUEUED]
        found = claimed(self.messenger, *reach, worker=worker)
        assert (found is not None) is bool(before or (free and queued)), "a worker is given what there is"
        if found is None:
            return
        job = self.jobs[found.job.id]
        if before:
            self.adopted(found, job)
        else:
            self.taken(found, job, free)
            assert job.priority == max(other.priority for other in queued)
        job.outcomes.append(None)
        job.expired = False
        job.claims_left -= 1
        assert found.lease == (found.job.id, job.attempt)
        assert found.deaths == job.outcomes.count(Outcome.EXPIRED)
        self.claims.append(found)

    def adopted(self, found: Claim, job: Expected) -> None:
        assert job.may_be_adopted
        assert found.doubt == found.prompt
        assert found.prompt.server == job.server
        job.end(Outcome.EXPIRED)

    def taken(self, found: Claim, job: Expected, free: list[str]) -> None:
        assert job.status is S.QUEUED
        assert found.prompt.server in free
        doubtful = bool(job.outcomes) and job.outcomes[-1] is not None and job.outcomes[-1].leaves_doubt
        assert (found.doubt is not None) is doubtful
        if found.doubt:
            assert (found.doubt.server, found.doubt.id != found.prompt.id) == (job.server, True)
        job.status, job.server = S.RUNNING, found.prompt.server

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), deed=st.sampled_from(DEEDS))
    def say(self, data: st.DataObject, deed: str) -> None:
        """Some worker, which may long have lost the job, says what became of it."""
        claim = data.draw(st.sampled_from(self.claims))
        job = self.expected_of(claim.lease)
        wanted = S.CANCELLING if deed == "confirm_cancel" else S.RUNNING
        try:
            self.speak(deed, claim)
        except AlreadySettled:
            assert job is None
            assert self.jobs[claim.job.id].attempt == claim.lease.attempt, "it was said before"
        except CancelRequested:
            assert job is not None
            assert job.status is S.CANCELLING
        except LeaseLost:
            assert job is None or job.status is not wanted
        except IntegrityError:
            assert job is not None
            assert (deed in {"retry", "doubt", "wait"}, job.claims_left) == (True, 0), (
                "it could not be claimed once more"
            )
        else:
            assert job is not None
            assert job.status is wanted, "only the holder of the lease changes anything"
            self.heard(deed, job)

    def speak(self, deed: str, claim: Claim) -> None:
        with self.messenger.transaction() as session:
            match deed:
                case "generate":
                    lifecycle.generated(session, claim.lease)
                case "complete":
                    lifecycle.complete(session, claim.lease, [output(claim)])
                case "fail":
                    lifecycle.fail(session, claim.lease, BROKEN)
                case "retry":
                    lifecycle.retry(session, claim.lease, LOST, Outcome.RETRIED, timedelta(0))
                case "doubt":
                    lifecycle.retry(session, claim.lease, LOST, Outcome.IN_DOUBT, timedelta(0))
                case "wait":
                    lifecycle.wait_elsewhere(session, claim.lease, LOST, Outcome.RETRIED, timedelta(0))
                case "confirm_cancel":
                    lifecycle.confirm_cancel(session, claim.lease)
                case "redirect":
                    lifecycle.redirect(session, claim.lease, claim.prompt, adopted=True)

    def heard(self, deed: str, job: Expected) -> None:
        match deed:
            case "generate":
                job.generated = True
            case "complete":
                job.status = S.COMPLETED
                job.end(Outcome.COMPLETED)
            case "fail":
                job.status = S.FAILED
                job.end(Outcome.FAILED)
            case "retry" | "wait":
                job.status, job.server, job.generated = S.QUEUED, None, False
                job.end(Outcome.RETRIED)
            case "doubt":
                job.status, job.generated = S.QUEUED, False
                job.end(Outcome.IN_DOUBT)
            case "confirm_cancel":
                job.status = S.CANCELLED
                job.end(Outcome.CANCELLED)
        job.expired = job.expired and job.is_held

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        with self.messenger.transaction() as session:
            lifecycle.release(session, claim.lease)
        if job := self.expected_of(claim.lease):
            job.end(Outcome.RELEASED)
            job.expired = True
            job.claims_left += 1

    @rule()
    def end_the_worn_out(self) -> None:
        """What no worker can end, and none may claim any more, is ended by the sweep."""
        found = [job for job in self.jobs.values() if job.expired and job.claims_left == 0]
        assert end_worn_out_jobs(self.messenger) == len(found)
        for job in found:
            is_cancelled = job.status is S.CANCELLING
            job.status = S.CANCELLED if is_cancelled else S.FAILED
            job.end(Outcome.CANCELLED if is_cancelled else Outcome.FAILED)
            job.expired = False

    @precondition(lambda self: any(job.is_held for job in self.jobs.values()))
    @rule(data=st.data(), worker=st.sampled_from("abc"))
    def no_end_can_be_written(self, data: st.DataObject, worker: str) -> None:
        """Every worker that is given this job falls silent, until nothing is left but the sweep."""
        job_id = data.draw(st.sampled_from([job_id for job_id, job in self.jobs.items() if job.is_held]))
        job = self.jobs[job_id]
        while job.is_held:
            silence(self.messenger, job_id, seconds=600)  # the first to be taken over
            job.expired = True
            self.claim((SERVER, ANOTHER), worker)
            self.end_the_worn_out()

    @rule()
    def renew(self) -> None:
        """Every worker renews all that it thinks it holds, also the leases of the dead."""
        with self.messenger.transaction() as session:
            renewed = claims.renew(session, [claim.lease for claim in self.claims], LEASE)
        good = {lease: job.status for claim in self.claims if (job := self.expected_of(lease := claim.lease))}
        assert renewed == good
        for lease in good:
            self.jobs[lease.job_id].expired = False

    @rule(data=st.data())
    def time_passes(self, data: st.DataObject) -> None:
        """The worker of a held job falls silent."""
        held = [job_id for job_id, job in self.jobs.items() if job.is_held]
        if held:
            job_id = data.draw(st.sampled_from(held))
            silence(self.messenger, job_id)
            self.jobs[job_id].expired = True

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.jobs)))
        with self.messenger.transaction() as session:
            cancel_one(session, job_id)
        job = self.jobs[job_id]
        if job.status not in {S.QUEUED, S.RUNNING}:
            return
        if job.server is None:
            job.status = S.CANCELLED
        else:
            job.in_doubt = job.status is S.QUEUED
            job.expired = job.expired or job.in_doubt  # the prompt is for the next worker to find
            job.status = S.CANCELLING

    @rule(name=st.sampled_from([SERVER, ANOTHER]), on=st.booleans())
    def drain(self, name: str, on: bool) -> None:  # hypothesis passes by name
        with self.messenger.transaction() as session:
            (servers.drain if on else servers.resume)(session, name)
        (self.draining.add if on else self.draining.discard)(name)

    @invariant()
    def rows_are_what_the_model_says(self) -> None:
        with self.messenger.transaction() as session:
            rows = {row.id: row for row in session.exec(select(GenerationJob))}
            attempts = list(session.exec(select(JobAttempt).order_by(col(JobAttempt.attempt))))
            events = list(session.exec(select(JobEvent).order_by(col(JobEvent.sequence))))
            counts = list(session.exec(select(JobStatistic)))
        assert rows.keys() == self.jobs.keys()
        for job_id, row in rows.items():
            outcomes = [attempt.outcome for attempt in attempts if attempt.job_id == job_id]
            expectations.assert_as_expected(self.jobs[job_id], row, outcomes)
            expectations.assert_legal_path(row, [event for event in events if event.job_id == job_id])
        given = Counter(job.server for job in self.jobs.values() if job.is_in_slot and not job.in_doubt)
        assert all(given[name] <= slots for name, slots in SLOTS.items()), "no slot is filled twice"
        ended = Counter(job.status for job in self.jobs.values() if job.status in FINAL)
        counted = {status: sum(row.jobs for row in counts if row.status == status) for status in FINAL}
        assert counted == {status: ended[status] for status in FINAL}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "examples", [8, pytest.param(20, marks=pytest.mark.landing), pytest.param(50, marks=pytest.mark.long)]
)
def test_no_order_of_events_breaks_what_must_hold(messenger: Messenger, examples: int) -> None:
    class Fresh(Claims):
        def __init__(self) -> None:
            empty(messenger)
            super().__init__()

    Fresh.messenger = messenger
    run_state_machine_as_test(
        Fresh,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def empty(messenger: Messenger) -> None:
    """Each example begins with no job and no server."""
    with messenger.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE generation_jobs, comfyui_servers, job_statistics CASCADE")
