"""A job that came as a prompt is recorded together with how its client calls it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, insert
from sqlmodel import Session

from shared.database.prepared_rows import columns_of
from shared.database.prepared_statement import Prepared
from shared.models import GenerationJob, NativePrompt

NAME_PROMPT: Prepared[None] = Prepared(
    "name_prompt",
    insert(NativePrompt).values(
        {
            column.name: bindparam(column.name, type_=column.type)
            for column in columns_of(NativePrompt)
            if not column.nullable or column.name == "client_id"
        }
    ),
    row=lambda: None,
)


class PromptName(NamedTuple):
    """How a client calls its job, and by which of its sockets it hears of it."""

    prompt_id: UUID
    client_id: str | None


def naming(name: PromptName) -> Callable[[Session, Sequence[GenerationJob]], None]:
    """What records the name of a job, in the transaction that records the job."""

    def record(session: Session, jobs: Sequence[GenerationJob]) -> None:
        (job,) = jobs
        known = {"job_id": job.id, "user_id": job.user_id, "prompt_id": name.prompt_id, "client_id": name.client_id}
        NAME_PROMPT.rows(session, known)

    return record
