"""Workflows in quarantine, for tests, and failures that speak against them."""

from typing import Any

from shared.database.clock import database_time
from shared.jobs import lifecycle
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import GenerationError, PromptLost
from shared.jobs.failures.quarantine import Strike, note_strike
from shared.messaging.messenger import Messenger
from shared.models import SuspectWorkflow
from tests.jobs import USER, answering, claimed, submitted

AFTER = 3
FINGERPRINT = "00000000000000aa"
SERVERS = [f"http://gpu-{number}:8188" for number in range(5)]


def quarantined(messenger: Messenger, fingerprint: str = FINGERPRINT, **values: Any) -> None:
    facts: dict[str, Any] = {"error_code": "prompt_lost", "strikes": 3, "servers": SERVERS[:3], "user_ids": [USER]}
    with messenger.transaction() as session:
        facts["quarantined_at"] = database_time(session)
        session.add(SuspectWorkflow(fingerprint=fingerprint, job_id=1, **(facts | values)))


def suspect(messenger: Messenger, fingerprint: str = FINGERPRINT) -> SuspectWorkflow | None:
    with messenger.transaction() as session:
        return session.get(SuspectWorkflow, fingerprint)


def taken(messenger: Messenger, server: str, **values: Any) -> Claim:
    """A job of the workflow that runs on that server."""
    answering(messenger, server)
    submitted(messenger, **{"workflow_key": FINGERPRINT, **values})
    claim = claimed(messenger, server)
    assert claim is not None
    return claim


def strike(messenger: Messenger, claim: Claim, error: GenerationError | None = None, after: int | None = AFTER) -> bool:
    """The job fails with its server. Returns whether its workflow is put in quarantine by that."""
    server, job = claim.prompt.server, claim.job
    error = error or PromptLost(server, claim.prompt.id, was_running=True)
    with messenger.transaction() as session:
        lifecycle.fail(session, claim.lease, error)
        return note_strike(session, Strike(claim.lease, job.workflow_key, job.user_id, server, error), after)
