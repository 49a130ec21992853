"""Who has sent a prompt, and whether that worker still listens to ComfyUI, shows in the job's attempts."""

from typing import Any

import pytest

from shared.jobs.attempts import EndedAttempt, Prompt, Sender, sender_of
from shared.models import JobAttempt, Outcome

PROMPT = Prompt("gpu", "sent")


def attempt(worker: str, outcome: Outcome, prompt: Prompt = PROMPT, *, survived: bool = False) -> EndedAttempt:
    facts: dict[str, Any] = {"job_id": 1, "message_id": "m", "server": prompt.server, "comfyui_prompt_id": prompt.id}
    return EndedAttempt(JobAttempt(**facts, attempt=1, worker_id=worker, outcome=outcome), survived)


@pytest.mark.parametrize(
    ("outcome", "survived", "is_gone"),
    [
        (Outcome.EXPIRED, False, True),
        (Outcome.EXPIRED, True, False),  # it was only cut off, and came back
        (Outcome.RELEASED, False, True),
        (Outcome.RELEASED, True, True),  # its sockets were closed before
        (Outcome.IN_DOUBT, False, False),
        (Outcome.IN_DOUBT, True, False),
    ],
)
def test_a_sender_is_gone_once_it_was_stopped_or_has_died(outcome: Outcome, survived: bool, is_gone: bool) -> None:
    assert sender_of([attempt("a", outcome, survived=survived)], PROMPT) == Sender("a", is_gone)


def test_those_that_adopted_a_prompt_are_not_its_sender() -> None:
    ended = [
        attempt("z", Outcome.EXPIRED, Prompt("gpu", "another")),
        attempt("y", Outcome.EXPIRED, Prompt("another", "sent")),
        attempt("a", Outcome.IN_DOUBT),
        attempt("b", Outcome.EXPIRED),
    ]
    assert sender_of(ended, PROMPT) == Sender("a", is_gone=False)


def test_nobody_is_known_to_have_sent_a_prompt_that_no_attempt_names() -> None:
    assert sender_of([attempt("a", Outcome.EXPIRED)], Prompt("gpu", "unheard of")) is None
