"""A workflow that is in quarantine is refused before it waits for a server."""

from collections.abc import Sequence

from sqlalchemy import Engine

from api_service.refusals.jobs import workflow_quarantined
from api_service.submit.job_request import JobRequest
from shared.database.engine import reading
from shared.jobs.failures.quarantine import quarantined


def refuse_quarantined(engine: Engine, requests: Sequence[JobRequest]) -> None:
    """Raises Refusal: workflow_quarantined, for the first of them that is."""
    with reading(engine) as session:
        found = quarantined(session, [request.fingerprint for request in requests])
    for request in requests if found else ():
        if suspect := found.get(request.fingerprint):
            raise workflow_quarantined(suspect, field_of(request))


def field_of(request: JobRequest) -> str:
    """What made the workflow: the field of that name, or the whole job that says which picture it wants."""
    return f"{request.place}workflow" if request.parameters is None else request.place.rstrip(".") or "body"
