"""A workflow that is in quarantine is not sent to any server."""

from sqlalchemy import Engine

from shared.database.engine import patiently, reading
from shared.jobs.failures.quarantine import WorkflowQuarantined, quarantined
from shared.models import GenerationJob


def refuse_quarantined(engine: Engine, job: GenerationJob) -> None:
    """Raises WorkflowQuarantined, unless the workflow was released meanwhile. While the database is away, nobody
    knows, and it waits."""

    def ask() -> None:
        with reading(engine) as session:
            for suspect in quarantined(session, [job.workflow_key]).values():
                raise WorkflowQuarantined(suspect)

    patiently(ask)
