"""A job is accepted once its row is committed; only then is a worker told."""

from uuid import UUID, uuid4

from shared import waiting
from shared.messages import RunComfyJob
from shared.models import GenerationJob
from shared.outbox import Outbox
from shared.parameters import TextToImage


def submit(outbox: Outbox, parameters: TextToImage, *, user_id: UUID) -> GenerationJob:
    """Record a job and send its wake-up: `queued`. If Redis does not take it, `pending` until the sweep sends it."""
    message_id = str(uuid4())
    job = GenerationJob(user_id=user_id, job_type="image", message_id=message_id, **parameters.model_dump(mode="json"))
    with outbox.transaction() as session:
        waiting.submit(session, job)
    if outbox.send(RunComfyJob(job_id=job.id), message_id):
        return job
    with outbox.transaction() as session:
        return waiting.defer(session, job.id) or job
