"""Nobody does what somebody else is at, what was broken off goes on, and what is due is sent to workers."""

import threading
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from shared.database.engine import reading, transaction
from shared.files.folders import job_folder
from shared.messaging.due_work import WakeUps
from shared.messaging.messages import Queue
from shared.models import CleanUpState
from tests.cleaning import clean_up_named, tools_of
from tests.jobs import job
from tests.worker_service.cleanup.old import Old, rows_of
from worker_service.cleanup import claim
from worker_service.cleanup.clean_ups import CLEAN_UPS
from worker_service.cleanup.ended_jobs import WINDOW
from worker_service.cleanup.portion import Removed
from worker_service.cleanup.run import Cleaner

MONTH = timedelta(days=30)
JOBS = clean_up_named("jobs")


def cleaner(old: Old, **changes: Any) -> Cleaner:
    tools = tools_of(old.messenger, old.settings, retention_jobs=MONTH)
    return Cleaner(tools, **{"closing": threading.Event(), "rests_for": 0, **changes})


def state(old: Old, name: str = "jobs") -> CleanUpState:
    with transaction(old.messenger.engine) as session:
        return session.get_one(CleanUpState, name)


def pass_time(old: Old, **times: str) -> None:
    """Whatever was to happen at these times has come."""
    with transaction(old.messenger.engine) as session:
        for name, ago in times.items():
            session.connection().execute(
                text(f"UPDATE clean_ups SET {name} = now() - CAST(:ago AS interval)"), {"ago": ago}
            )


def due(old: Old) -> int:
    with reading(old.messenger.engine) as session:
        return len(claim.due(session, 100))


def test_one_is_done_when_it_is_due_and_not_before(old: Old) -> None:
    old.many(3)
    assert cleaner(old).do(JOBS)
    assert cleaner(old).do(JOBS) is None
    found = state(old)
    assert (found.removed, found.holder, found.problem) == (3, None, None)
    assert found.ended_at is not None
    assert found.due_at - found.ended_at == JOBS.every
    pass_time(old, due_at="1 second")
    assert cleaner(old).do(JOBS) is not None


def test_nobody_does_what_somebody_is_at(old: Old) -> None:
    old.many(3)
    with transaction(old.messenger.engine) as session:
        assert claim.take(session, JOBS, "somebody")
    assert cleaner(old).do(JOBS) is None
    assert cleaner(old).do(JOBS, at_once=True) is None
    pass_time(old, claimed_until="1 second")
    assert cleaner(old).do(JOBS), "that one was killed"
    assert rows_of(old.messenger.engine, "generation_jobs") == 0


def test_one_that_was_given_up_notes_nothing_any_more(old: Old) -> None:
    with transaction(old.messenger.engine) as session:
        taken = claim.take(session, JOBS, "slow one")
    assert taken
    pass_time(old, claimed_until="1 second")
    with transaction(old.messenger.engine) as session:
        assert claim.take(session, JOBS, "another")
    with transaction(old.messenger.engine) as session:
        assert not claim.note(session, taken, None, Removed(5, 5))
        claim.leave(session, taken, again_in=JOBS.every, place=None, problem=None)
    assert (state(old).holder, state(old).removed) == ("another", 0)


def test_one_whose_time_is_over_goes_on_with_the_next_message(old: Old) -> None:
    old.many(2 * WINDOW + 200)
    hurried = cleaner(old, runs_for=timedelta(0))
    done = [hurried.do(JOBS) for _ in range(4)]
    assert [removed and removed.number for removed in done] == [WINDOW, WINDOW, 200, 0]
    assert due(old) == len(CLEAN_UPS) - 1


def test_a_worker_that_stops_leaves_the_rest(old: Old) -> None:
    old.many(WINDOW + 700)
    closing = threading.Event()
    closing.set()
    stopping = cleaner(old, closing=closing)
    assert (removed := stopping.do(JOBS)) is not None
    assert removed.number == WINDOW
    stopping.do_due()
    assert rows_of(old.messenger.engine, "generation_jobs") == 700


def test_it_looks_no_further_where_nothing_goes_either(old: Old) -> None:
    old.many(WINDOW + 200, pinned=True)
    old.many(1, days=31)
    closing = threading.Event()
    closing.set()
    assert cleaner(old, closing=closing).do(JOBS) == Removed()
    assert (len(old.jobs()), due(old)) == (WINDOW + 201, len(CLEAN_UPS)), "the rest is due"
    assert cleaner(old, runs_for=timedelta(0)).do(JOBS) == Removed(1), "it comes to what goes, however late it is"


def test_what_fails_says_why_and_keeps_nothing_else_from_being_done(old: Old) -> None:
    old.completed(1)
    old.root.rename(old.root.with_name("elsewhere"))
    cleaner(old).do_due()
    reason = "files that rows name cannot be looked for in the store: No such file or directory"
    assert state(old, "missing_files").problem == reason
    assert due(old) == 0


def test_a_folder_that_cannot_be_removed_stays_noted_and_holds_up_nothing(old: Old) -> None:
    first = old.completed(41)
    old.completed(40)
    folder = old.root / job_folder(job(old.messenger, first))
    aside = folder.rename(old.root.parent / "aside")
    folder.symlink_to(aside)
    assert (removed := cleaner(old).do(JOBS)) is not None
    assert removed.number == 2
    assert old.notes() == [folder.relative_to(old.root).as_posix()]
    assert old.files() == [], "and through the link nothing is seen"


def test_workers_are_sent_what_is_due(old: Old) -> None:
    wakeups = WakeUps(old.messenger, claim.due_clean_ups())
    assert wakeups.send_missing() == len(CLEAN_UPS)
    assert wakeups.send_missing() == 0, "the messages are on their way"
    assert old.messenger.waiting_messages(Queue.CLEANUP) == len(CLEAN_UPS)
    cleaner(old).do_due()
    assert due(old) == 0
