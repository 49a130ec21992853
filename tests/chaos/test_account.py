"""The account passes a run in which all is well, and no other: each rule is shown data that breaks it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.chaos.account import RULES, account
from tests.chaos.evidence import Evidence, Stored
from tests.chaos.follow_ups.receivers import Received
from tests.chaos.follow_ups.sound import (
    ADOPTED,
    ARCHIVE,
    CANCELLED,
    EXPORTED,
    FAILING,
    NEWS,
    PLAIN,
    RETRIED,
    followed,
    task,
)
from tests.chaos.follow_ups.tasks import AskedTask
from tests.chaos.jobs import Submission
from tests.chaos.monitor import Sample
from tests.chaos.rows import Row
from tests.chaos.sound import ONE, OTHER, changing, doctored, followed_by, job, ran, sound, struck, submission, with_one
from tests.chaos.watchers import Watched
from worker_service.fleet.wedge import CANARY


def with_submission(number: int, **values: Any) -> Evidence:
    evidence = sound()
    kinds = {each.ordered.number: each.ordered.kind for each in evidence.submissions}
    changed = submission(number, kinds[number], **values)
    return replace(
        evidence, submissions=[changed if each.ordered.number == number else each for each in evidence.submissions]
    )


def without(rows: str, **wanted: Any) -> Evidence:
    """The same run without the rows that have these values."""
    evidence = sound()
    kept = [row for row in getattr(evidence, rows) if any(row[name] != value for name, value in wanted.items())]
    assert len(kept) < len(getattr(evidence, rows))
    return changing(evidence, rows, kept)


def with_more(**values: Any) -> Evidence:
    """The same run with more in one of its collections."""
    evidence = sound()
    ((name, more),) = values.items()
    there = getattr(evidence, name)
    return changing(evidence, name, there | more if isinstance(there, dict) else [*there, *more])


def retry(number: int) -> Row:
    """A job that a task made of another."""
    return job(number, "cancelled", prompt="", events=1, attempt=0, parent_id=PLAIN, request_id="of task-0")


def test_a_sound_run_passes() -> None:
    assert account(sound()) == []


BROKEN = {
    "every accepted job is there": {
        "an accepted job has no row": without("jobs", id=PLAIN),
        "a job was never accepted": with_more(submissions=[submission(6, accepted=[])]),
        "a job was refused": with_submission(PLAIN, refused=["422"]),
        "a job nobody ordered": replace(sound(), numbers={1: 1, 2: 2, 3: 3, 4: 4}),
        "two rows, and no answer was lost": replace(sound(), numbers={1: 1, 2: 2, 3: 3, 4: 4, 5: 1}),
    },
    "every job has ended": {
        "one still runs": doctored("jobs", PLAIN, status="running", completed_at=None),
        "an end that holds a lease": doctored("jobs", PLAIN, lease_expires_at=3.0),
        "an end without a time": doctored("jobs", FAILING, completed_at=None),
    },
    "every end has its reason": {
        "failed, and could have been tried again": doctored(
            "jobs", PLAIN, status="failed", error_code="prompt_lost", retries=2
        ),
        "failed with one bad file": doctored("jobs", PLAIN, status="failed", error_code="output_missing"),
        "failed for another reason than its own": doctored("jobs", FAILING, error_code="timeout"),
        "poison that killed nobody": doctored("jobs", PLAIN, status="failed", error_code="poison"),
        "in quarantine, and killed nobody": doctored("jobs", PLAIN, status="failed", error_code="workflow_quarantined"),
        "completed, and could not be": doctored("jobs", FAILING, status="completed"),
        "cancelled, and nobody asked": doctored("jobs", PLAIN, status="cancelled"),
        "cancelled by its answer, and completed": doctored("jobs", CANCELLED, status="completed"),
    },
    "events form a legal path": {
        "a gap": without("events", job_id=PLAIN, sequence=2),
        "one too many counted": doctored("jobs", PLAIN, events=4),
        "started twice": doctored("events", (RETRIED, 3), type="started"),
        "completed before it started": doctored("events", (PLAIN, 2), type="completed"),
        "another end than the row's": doctored("events", (PLAIN, 3), type="failed"),
        "an attempt that goes back": doctored("events", (RETRIED, 5), attempt=0),
    },
    "attempts agree with their job": {
        "one is missing": without("attempts", job_id=RETRIED, attempt=1),
        "one has not ended": doctored("attempts", (RETRIED, 1), outcome=None),
        "two completed it": doctored("attempts", (RETRIED, 1), outcome="completed"),
        "the last did not complete it": doctored("attempts", (PLAIN, 1), outcome="failed"),
        "retries are miscounted": doctored("jobs", RETRIED, retries=2),
        "a wait in vain is counted": doctored("attempts", (RETRIED, 1), error_details={"only_waited": True}),
        "adopted what nobody left": doctored("attempts", (PLAIN, 1), adopted=True),
        "went on with a prompt, and does not say so": doctored("attempts", (ADOPTED, 2), adopted=False),
        "another prompt than the row's": doctored("jobs", PLAIN, comfyui_prompt_id="p9"),
    },
    "every output has its file": {
        "the file is not there": replace(
            sound(), files={path: stored for path, stored in sound().files.items() if path != "u/1/1/0.png"}
        ),
        "other bytes": with_more(files={"u/1/1/0.png": Stored(10, "xx")}),
        "another size": with_more(files={"u/1/1/0.png": Stored(9, "ab")}),
        "a damaged thumbnail": with_more(files={"u/1/1/0-150.webp": Stored(0, "cd")}),
        "completed without output": without("outputs", job_id=PLAIN),
        "failed with an output": doctored("jobs", PLAIN, status="failed", error_code="node_failed"),
    },
    "every file has a row": {
        "a file of an attempt that came to nothing": with_more(files={"u/2/1/0.png": Stored(10, "ab")}),
        "what was half stored": with_more(files={"u/1/1/.incoming-x": Stored(4, "ef")}),
        "a folder that is not noted": replace(sound(), discarded=["u/5/10"]),
    },
    "every execution is accounted for": {
        "run again without a fault": replace(sound(), struck=[]),
        "run again after a fault of another server": replace(sound(), struck=[struck("comfyui-kill", "comfyui-2", 22)]),
        "run again before the fault": replace(sound(), struck=[struck("comfyui-kill", "comfyui-1", 29)]),
        "run again after a fault that loses nothing": replace(
            sound(), struck=[struck("comfyui-sockets", "comfyui-1", 22)]
        ),
        "sent twice": with_more(journal=ran("p1", ONE, 12.0, 13.0)),
        "of no attempt": with_more(journal=ran("p9", ONE, 12.0, 13.0)),
        "a canary where nothing was wrong": with_more(journal=ran(f"{CANARY}1", OTHER, 12.0, 13.0)),
        "completed, and did not succeed": doctored("jobs", RETRIED, comfyui_prompt_id="p2a"),
    },
    "nothing runs after its end": {
        "started after its end": doctored("jobs", PLAIN, completed_at=5.0),
        "cancelled, and ran on": doctored("jobs", CANCELLED, completed_at=32.0),
    },
    "nothing is left on a server": {"one waits there": replace(sound(), left={ONE: ["p1"], OTHER: []})},
    "every watcher heard the end": {
        "nothing": with_more(watched=[Watched(FAILING, [[("snapshot", 2)]])]),
        "another end": with_more(watched=[Watched(FAILING, [[("snapshot", 3)]], "completed")]),
        "the end of no job": with_more(watched=[Watched(9, [[("snapshot", 3)]], "completed")]),
    },
    "no stream has a gap": {
        "no snapshot": with_more(watched=[Watched(FAILING, [[("started", 2), ("failed", 3)]], "failed")]),
        "one missing": with_more(watched=[Watched(FAILING, [[("snapshot", 1), ("failed", 3)]], "failed")]),
        "one twice": with_more(
            watched=[Watched(FAILING, [[("snapshot", 1), ("started", 2), ("started", 2), ("failed", 3)]], "failed")]
        ),
        "what no row says": with_more(watched=[Watched(FAILING, [[("snapshot", 2), ("completed", 3)]], "failed")]),
    },
    "slots are never exceeded": {"three at once": with_more(samples=[Sample(30.0, ONE, 3, 3)])},
    "statistics agree with the rows": {
        "one too few": without("statistics", status="failed"),
        "one too many": with_more(
            statistics=[{"user_id": "u", "day": "1970-01-01", "status": "expired", "bucket": 1, "jobs": 1}]
        ),
    },
    "stored bytes agree with the rows": {
        "too few": replace(sound(), users=[{"id": "u", "name": "local", "stored_bytes": 20}])
    },
    "every end is owed once": {
        "one is owed to nobody": followed_by(deliveries=followed().deliveries[1:]),
        "one is owed twice": followed_by(deliveries=[*followed().deliveries, followed().deliveries[0]]),
        "its own webhook is owed none": followed_by(deliveries=followed().deliveries[:-1]),
        "another end than the row's": with_one("deliveries", UUID(int=PLAIN), type="job.failed"),
        "of a job that is not there": with_one("deliveries", UUID(int=PLAIN), job_id=9),
        "its owner was not notified": followed_by(notifications=followed().notifications[1:]),
        "its owner was notified of what was cancelled": with_one("notifications", PLAIN, job_id=CANCELLED),
    },
    "every delivery arrives": {
        "one waits": with_one("deliveries", UUID(int=PLAIN), state="pending"),
        "one was given up": with_one("deliveries", UUID(int=PLAIN), state="failed"),
        "one did not arrive": followed_by(received=followed().received[:-2]),
        "one was only refused": followed_by(received=[one._replace(status=503) for one in followed().received]),
        "another id": followed_by(received=[*followed().received, Received("msg_9", "ab", 204)]),
        "other bytes": followed_by(received=[one._replace(sha256="ab") for one in followed().received]),
    },
    "every e-mail arrives": {
        "one was given up": with_one("mails", NEWS, state="failed"),
        "one did not arrive": followed_by(mailed=[]),
        "one that nobody wrote": followed_by(mailed=[*followed().mailed, "<9@example.com>"]),
        "news of which no e-mail tells": with_one("notifications", PLAIN, mail_owed=True),
    },
    "every task is done once": {
        "one is not there": followed_by(tasks=followed().tasks[1:]),
        "one is there twice": followed_by(tasks=[*followed().tasks, task("task-2", "report", {})]),
        "one was refused": followed_by(asked=[*followed().asked, AskedTask("task-2", "report", [], ["422"])]),
        "one failed": with_one("tasks", "task-0", state="failed"),
        "one left things out": with_one("tasks", "task-0", done=4),
        "it says that it retried a job": with_one("tasks", "task-0", result={"changed": 1}),
        "it retried a job twice": with_more(jobs=[retry(9), retry(10)]),
        "the file is not there": with_one("tasks", EXPORTED, file=ARCHIVE | {"path": "gone"}),
        "a job is twice in the archive": followed_by(archives={EXPORTED: ["u/1", "u/1"]}),
        "a job is not in the archive": followed_by(archives={EXPORTED: ["u/1"]}),
    },
}


@pytest.mark.parametrize(
    ("rule", "evidence"),
    [(rule, evidence) for rule, cases in BROKEN.items() for evidence in cases.values()],
    ids=[f"{rule}: {case}" for rule, cases in BROKEN.items() for case in cases],
)
def test_a_run_with_one_thing_wrong_does_not_pass(rule: str, evidence: Evidence) -> None:
    assert rule in {violation.rule for violation in account(evidence)}


def test_every_rule_is_shown_to_fail() -> None:
    assert BROKEN.keys() == RULES.keys()


def test_a_second_row_is_right_where_an_answer_was_lost() -> None:
    evidence = replace(with_submission(PLAIN, unknown=1), numbers={1: 1, 2: 2, 3: 3, 4: 4, 5: 1})
    broken = {violation.rule for violation in account(evidence)}
    assert broken == {"every accepted job is there"}, "only because nothing is left of the fifth order"
    with_key = replace(evidence, jobs=[row | {"idempotency_key": "k"} for row in evidence.jobs])
    found = [violation.found for violation in account(with_key)]
    assert any("has 2 rows" in each for each in found), "a key makes the same request the same job"


def test_a_job_that_used_up_its_attempts_or_killed_its_workers_or_servers_may_fail() -> None:
    used_up = doctored("jobs", PLAIN, status="failed", error_code="comfyui_unreachable", retries=4)
    deadly = doctored("jobs", ADOPTED, status="failed", error_code="poison")
    dead = [row | {"outcome": "expired", "job_id": ADOPTED} for row in deadly.attempts]
    lost = {"outcome": "failed", "job_id": ADOPTED, "error_code": "prompt_lost", "error_details": {"was_running": True}}
    lost_servers = [row | lost for row in deadly.attempts]
    two_bad_files = doctored("jobs", PLAIN, status="failed", error_code="output_missing", retries=1)
    deadly_ones = (replace(deadly, attempts=dead), replace(deadly, attempts=lost_servers))
    for evidence in (used_up, two_bad_files, *deadly_ones):
        assert "every end has its reason" not in {violation.rule for violation in account(evidence)}


@pytest.mark.parametrize("number", [RETRIED, 0])  # 0 is the first order of a run
def test_a_job_whose_own_output_was_damaged_is_run_again(number: int) -> None:
    damaged = replace(doctored("attempts", (RETRIED, 1), error_code="output_missing"), struck=[])
    order = replace(submission(RETRIED).ordered, number=number, content="shows missing_file")
    submissions = [each for each in damaged.submissions if each.ordered.number != RETRIED]
    evidence = replace(
        damaged,
        submissions=[*submissions, Submission(order, accepted=[RETRIED], accepted_at=[0.0])],
        numbers={**damaged.numbers, RETRIED: number},
    )
    assert "every execution is accounted for" not in {violation.rule for violation in account(evidence)}


def test_a_workflow_that_ended_servers_may_be_refused_and_no_other() -> None:
    refusal = ['409 {"title":"Conflict","code":"workflow_quarantined","detail":"in quarantine since']
    evidence = sound()
    for content, is_right in (("dies of unprintable", True), ("raises nul", True), ("shows tags", False)):
        order = replace(submission(6).ordered, content=content)
        one = Submission(order, refused=refusal)
        found = account(changing(evidence, "submissions", [*evidence.submissions, one]))
        assert (not found) is is_right, content


def test_a_fault_may_take_an_output_of_the_second_run_that_its_own_damage_cost() -> None:
    evidence = sound()
    mixed = [
        replace(each, ordered=replace(each.ordered, content="shows mixed")) if each.ordered.number == RETRIED else each
        for each in evidence.submissions
    ]
    ordered = changing(evidence, "submissions", mixed)  # two outputs, and one is there
    assert len(account(ordered)) == 1
    for target, findings in (("comfyui-2", 0), ("comfyui-1", 1)):
        again = changing(ordered, "struck", [*evidence.struck, struck("comfyui-no-file", target, 23.0)])
        assert len(account(again)) == findings, target


def test_a_cancelled_prompt_may_run_on_where_its_server_could_not_tell() -> None:
    evidence = replace(
        doctored("jobs", CANCELLED, completed_at=35.0),
        struck=[*sound().struck, struck("comfyui-pause", "comfyui-2", 30.0)],
    )
    assert account(evidence) == []


def test_a_server_that_was_wedged_is_sent_a_canary() -> None:
    evidence = with_more(journal=ran(f"{CANARY}1", OTHER, 60.0, 61.0))
    evidence = replace(evidence, struck=[*evidence.struck, struck("comfyui-wedge", "comfyui-2", 55.0)])
    assert account(evidence) == []
