"""A task is done in turns, by whichever worker: it goes on where it was, and whatever happens it ends."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from shared.messaging.due_work import WakeUps
from shared.messaging.messages import Queue, RunTask
from shared.messaging.messenger import Messenger
from shared.models import DiscardedFolder, Task, TaskKind, TaskState
from shared.storage.store import NotStored
from shared.tasks import life
from shared.tasks.due import due_tasks, take
from shared.tasks.life import Ending, Page, TaskLease, TaskLost
from tests.jobs import ANOTHER_USER, LEASE, USER
from tests.tasks import asked, done, make_due, runner, task
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until
from worker_service.scheduler.sweeps import remove_expired_tasks
from worker_service.tasks.turns.runner import MOST_TRIES
from worker_service.tasks.turns.turn import Postponed, TaskFailed, Turn

KIND = TaskKind.REPORT
LAST = 3


def counting(turn: Turn) -> Ending | None:
    """Work that takes three pages."""
    at = turn.cursor.get("at", 0)
    if at == LAST:
        return Ending(TaskState.COMPLETED, {"pages": at})
    with turn.transaction() as session:
        turn.write(session, Page({"at": at + 1}, at + 1, {"pages": at + 1}))
    return None


def test_it_is_done_page_by_page(messenger: Messenger, tmp_path: Path) -> None:
    ended = done(messenger, tmp_path, asked(messenger, KIND), steps={KIND: counting})
    assert (ended.state, ended.done, ended.result, ended.claims) == (TaskState.COMPLETED, 3, {"pages": 3}, 1)
    assert ended.started_at
    assert ended.completed_at
    assert ended.expires_at == ended.completed_at + life.KEPT


def test_another_worker_goes_on_where_one_died(messenger: Messenger, tmp_path: Path) -> None:
    task_id = asked(messenger, KIND)

    class Died(BaseException):
        pass

    def dying(turn: Turn) -> Ending | None:
        if turn.cursor:
            raise Died
        return counting(turn)

    with pytest.raises(Died):
        runner(messenger, tmp_path, {KIND: dying}).run_one()
    left = task(messenger, task_id)
    assert (left.state, left.cursor, left.worker_id) == (TaskState.RUNNING, {"at": 1}, "worker-1")
    assert not runner(messenger, tmp_path, {KIND: counting}).run_one(), "its lease has not run out"
    make_due(messenger)
    seen: list[object] = []

    def watched(turn: Turn) -> Ending | None:
        seen.append(turn.cursor["at"])
        return counting(turn)

    assert done(messenger, tmp_path, task_id, steps={KIND: watched}).claims == 2
    assert seen == [1, 2, 3]


def test_a_turn_ends_so_that_others_have_a_go(messenger: Messenger, tmp_path: Path) -> None:
    first, second = asked(messenger, KIND), asked(messenger, KIND)
    worker = runner(messenger, tmp_path, {KIND: counting})
    object.__setattr__(worker, "turn_s", -1.0)
    worker.run_one()
    worker.run_one()
    assert (task(messenger, first).done, task(messenger, second).done) == (1, 1)
    assert task(messenger, first).attempts == 0, "that was no failed try"


def test_a_worker_that_was_given_up_for_dead_changes_nothing(messenger: Messenger) -> None:
    task_id = asked(messenger, KIND)
    with messenger.transaction() as session:
        assert take(session, "worker-1", LEASE, None)
    stale = TaskLease(task_id, 1, LEASE)
    make_due(messenger)
    with messenger.transaction() as session:
        assert take(session, "worker-2", LEASE, None)
    for change in (
        lambda session: life.renew(session, stale),
        lambda session: life.page_done(session, stale, Page({}, 1, {})),
        lambda session: life.put_back(session, stale),
        lambda session: life.end(session, stale, Ending(TaskState.COMPLETED)),
    ):
        with pytest.raises(TaskLost), messenger.transaction() as session:
            change(session)
    assert task(messenger, task_id).worker_id == "worker-2"


def test_what_may_be_better_next_time_is_tried_a_few_times(messenger: Messenger, tmp_path: Path) -> None:
    def away(_turn: Turn) -> Ending | None:
        raise NotStored("a file", "No space left on device")

    task_id = asked(messenger, KIND)
    worker = runner(messenger, tmp_path, {KIND: away})
    worker.run_one()
    put_back = task(messenger, task_id)
    assert (put_back.state, put_back.attempts, put_back.error_code) == (TaskState.RUNNING, 1, "storage_unavailable")
    ended = done(messenger, tmp_path, task_id, steps={KIND: away})
    assert (ended.state, ended.attempts) == (TaskState.FAILED, MOST_TRIES)
    assert ended.error_message == "the output store cannot be used: No space left on device"
    with messenger.transaction() as session:
        folder = life.folder_of(ended.user_id, ended.id)
        assert session.exec(select(DiscardedFolder.folder)).all() == [folder]


def test_a_database_that_refuses_what_a_task_needs_is_said_to_do_so_and_tried_again(
    messenger: Messenger, tmp_path: Path
) -> None:
    def refused(_turn: Turn) -> Ending | None:
        with messenger.transaction() as session:
            session.execute(text("SELECT 1 FROM restored_in_a_moment"))
        raise AssertionError

    task_id = asked(messenger, KIND)
    runner(messenger, tmp_path, {KIND: refused}).run_one()
    put_back = task(messenger, task_id)
    assert (put_back.attempts, put_back.worker_id, put_back.error_code) == (1, None, "database_unavailable")
    make_due(messenger)
    assert done(messenger, tmp_path, task_id, steps={KIND: counting}).state is TaskState.COMPLETED


def test_one_that_kills_each_worker_fails(messenger: Messenger, tmp_path: Path) -> None:
    task_id = asked(messenger, KIND)
    for _ in range(MOST_TRIES):
        with messenger.transaction() as session:
            assert take(session, "worker-1", LEASE, None)
        make_due(messenger)
    ended = done(messenger, tmp_path, task_id, steps={KIND: counting})
    assert (ended.state, ended.error_code, ended.done) == (TaskState.FAILED, "worker_lost", 0)


def test_one_that_cannot_be_done_fails_at_once_and_says_why(messenger: Messenger, tmp_path: Path) -> None:
    def hopeless(_turn: Turn) -> Ending | None:
        raise TaskFailed("archive_damaged", "it is no archive")

    ended = done(messenger, tmp_path, asked(messenger, KIND), steps={KIND: hopeless})
    assert (ended.error_code, ended.error_message, ended.attempts) == ("archive_damaged", "it is no archive", 1)


def test_one_that_has_no_room_waits_and_that_is_no_failure(messenger: Messenger, tmp_path: Path) -> None:
    def full(_turn: Turn) -> Ending | None:
        raise Postponed(timedelta(hours=1))

    task_id = asked(messenger, KIND)
    worker = runner(messenger, tmp_path, {KIND: full})
    assert worker.run_one()
    assert not worker.run_one(), "it is not due"
    assert (task(messenger, task_id).attempts, task(messenger, task_id).error_code) == (0, None)


def test_a_cancel_is_heeded_between_two_pages(messenger: Messenger, tmp_path: Path) -> None:
    def asked_meanwhile(turn: Turn) -> Ending | None:
        with messenger.transaction() as session:
            life.ask_cancel(session, session.merge(task(messenger, turn.task.id)))
        turn.heart.beat()
        return counting(turn)

    ended = done(messenger, tmp_path, asked(messenger, KIND), steps={KIND: asked_meanwhile})
    assert (ended.state, ended.done, ended.result) == (TaskState.CANCELLED, 1, {"pages": 1})


def test_one_that_was_put_back_is_cancelled_without_another_page(messenger: Messenger, tmp_path: Path) -> None:
    task_id = asked(messenger, KIND)

    def failing(turn: Turn) -> Ending | None:
        with messenger.transaction() as session:
            life.ask_cancel(session, session.merge(task(messenger, turn.task.id)))
        raise NotStored("a file", "No space left on device")

    worker = runner(messenger, tmp_path, {KIND: failing})
    object.__setattr__(worker, "pauses", (timedelta(hours=1),))
    worker.run_one()
    assert (task(messenger, task_id).state, task(messenger, task_id).worker_id) == (TaskState.RUNNING, None)
    ended = done(messenger, tmp_path, task_id, steps={KIND: counting})
    assert (ended.state, ended.done) == (TaskState.CANCELLED, 0)


def test_a_worker_that_stops_gives_its_task_back(messenger: Messenger, tmp_path: Path) -> None:
    task_id = asked(messenger, KIND)

    def stopped_meanwhile(turn: Turn) -> Ending | None:
        turn.closing.set()
        return counting(turn)

    worker = runner(messenger, tmp_path, {KIND: stopped_meanwhile})
    worker.run_one()
    assert (task(messenger, task_id).done, task(messenger, task_id).worker_id) == (1, None)
    assert not worker.run_one(), "it takes no other"


def test_of_one_user_only_so_many_run_at_once(messenger: Messenger) -> None:
    for _ in range(3):
        asked(messenger, KIND)
    others = asked(messenger, KIND, user_id=ANOTHER_USER)
    with messenger.transaction() as session:
        taken = [take(session, "worker-1", LEASE, 2) for _ in range(4)]
    assert [one and one.user_id for one in taken].count(ANOTHER_USER) == 1
    assert taken[-1] is None
    assert others in {one.id for one in taken if one}


@pytest.mark.parametrize("newer", [{"colour": "red"}, {"colour": "red", "status": ["failed"]}])
def test_one_that_only_a_newer_release_understands_waits_for_it_and_lets_others_pass(
    messenger: Messenger, tmp_path: Path, newer: dict[str, object]
) -> None:
    waits = asked(messenger, TaskKind.TAG_JOBS, parameters={"filter": newer, "metadata": {}})
    known = asked(messenger, TaskKind.TAG_JOBS, parameters={"filter": {"requires": ["a100"]}, "metadata": {}})
    assert done(messenger, tmp_path, known).state is TaskState.COMPLETED
    assert not runner(messenger, tmp_path).run_one()
    left = task(messenger, waits)
    assert (left.state, left.claims, left.error_code) == (TaskState.WAITING, 0, None)
    with messenger.transaction() as session:
        assert not due_tasks(None).due(session, 10)
        life.ask_cancel(session, session.get_one(Task, waits))
    assert task(messenger, waits).state is TaskState.CANCELLED


def test_one_of_a_kind_that_only_a_newer_release_has_is_not_taken(messenger: Messenger) -> None:
    class Undone(Exception):
        pass

    with pytest.raises(Undone), messenger.transaction() as session:
        session.add(Task(user_id=USER, kind=KIND, parameters={"filter": None}, terms={}))
        session.flush()
        session.execute(text("ALTER TABLE tasks DROP CONSTRAINT kind_known"))
        session.execute(
            text(
                "INSERT INTO tasks (id, user_id, kind, state, due_at)"
                " SELECT gen_random_uuid(), user_id, 'newer', 'waiting', now() - interval '1 h' FROM tasks"
            )
        )
        taken = take(session, "worker-1", LEASE, None)
        assert taken
        assert taken.kind is KIND
        assert take(session, "worker-1", LEASE, None) is None
        raise Undone


def test_what_the_filter_of_a_newer_release_says_fails_once_it_was_tried_a_few_times(
    messenger: Messenger, tmp_path: Path
) -> None:
    parameters = {"filter": {"status": ["failed", "paused"]}, "metadata": {}}
    ended = done(messenger, tmp_path, asked(messenger, TaskKind.TAG_JOBS, parameters=parameters))
    assert (ended.state, ended.error_code, ended.claims) == (TaskState.FAILED, "filter_not_known", MOST_TRIES)
    assert ended.error_message
    assert "status" in ended.error_message


def test_as_many_wake_ups_are_sent_as_tasks_are_due(messenger: Messenger) -> None:
    for _ in range(3):
        asked(messenger, KIND)
    wakeups = WakeUps(messenger, due_tasks(2))
    assert wakeups.send_missing() == 3
    assert wakeups.send_missing() == 0
    assert messenger.waiting_messages(Queue.TASKS) == 3


def test_one_that_nobody_needs_any_more_is_removed_with_its_folder(messenger: Messenger, tmp_path: Path) -> None:
    old, new = (done(messenger, tmp_path, asked(messenger, KIND), steps={KIND: counting}).id for _ in range(2))
    with messenger.transaction() as session:
        row = session.get_one(Task, old)
        row.expires_at = row.created_at
    assert remove_expired_tasks(messenger) == 1
    with messenger.transaction() as session:
        assert session.exec(select(Task.id)).all() == [new]
        assert len(session.exec(select(DiscardedFolder.folder)).all()) == 1


@pytest.mark.system
def test_a_worker_that_is_woken_does_what_is_due(messenger: Messenger, worker: RunningWorker) -> None:
    task_id = asked(messenger, TaskKind.DELETE_JOBS)
    messenger.send(RunTask())
    until(lambda: task(messenger, task_id).state is TaskState.COMPLETED)
    assert task(messenger, task_id).claims == 1
    assert not worker.stopped
