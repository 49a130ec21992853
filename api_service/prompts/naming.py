"""A job that came as a prompt is recorded together with how its client calls it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session

from shared.models import GenerationJob, NativePrompt


class PromptName(NamedTuple):
    """How a client calls its job, and by which of its sockets it hears of it."""

    prompt_id: UUID
    client_id: str | None


def naming(name: PromptName) -> Callable[[Session, Sequence[GenerationJob]], None]:
    """What records the name of a job, in the transaction that records the job."""

    def record(session: Session, jobs: Sequence[GenerationJob]) -> None:
        (job,) = jobs
        session.add(
            NativePrompt(job_id=job.id, user_id=job.user_id, prompt_id=name.prompt_id, client_id=name.client_id)
        )

    return record
