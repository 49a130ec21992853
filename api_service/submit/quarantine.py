"""A workflow that is in quarantine is refused before it waits for a server."""

from collections.abc import Sequence

from sqlalchemy import Engine
from sqlmodel import col, select

from api_service.fleet.read_again import ReadAgain
from api_service.refusals.jobs import workflow_quarantined
from api_service.submit.job_request import JobRequest
from shared.database.engine import reading
from shared.jobs.failures.quarantine import IN_QUARANTINE, quarantined
from shared.models import SuspectWorkflow

MOST_KNOWN = 10_000  # what is beyond them, workers refuse


class Quarantine(ReadAgain[frozenset[str]]):
    """The workflows that are in quarantine. A submission asks the database only for one that was seen there."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(frozenset())
        self.engine = engine

    def read(self) -> frozenset[str]:
        newest = select(SuspectWorkflow.fingerprint).where(IN_QUARANTINE)
        newest = newest.order_by(col(SuspectWorkflow.quarantined_at).desc()).limit(MOST_KNOWN)
        with reading(self.engine) as session:
            return frozenset(session.exec(newest))

    def refuse(self, requests: Sequence[JobRequest]) -> None:
        """Raises Refusal: workflow_quarantined, for the first that is there still."""
        known = self.current()
        suspects = [request for request in requests if request.fingerprint in known] if known else ()
        if not suspects:
            return
        with reading(self.engine) as session:
            found = quarantined(session, [request.fingerprint for request in suspects])
        for request in suspects:
            if suspect := found.get(request.fingerprint):
                raise workflow_quarantined(suspect, field_of(request))


def field_of(request: JobRequest) -> str:
    """What made the workflow: the field of that name, or the whole job that says which picture it wants."""
    return f"{request.place}workflow" if request.parameters is None else request.place.rstrip(".") or "body"
