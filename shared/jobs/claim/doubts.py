"""What is known of a job's earlier prompts, any of which may still be alive in ComfyUI."""

from sqlmodel import Session, select

from shared.jobs.lifecycle import Lease
from shared.models import JobAttempt


def known_to_others(session: Session, lease: Lease, prompt_id: str) -> bool:
    """Whether another attempt of the job has this prompt in its hands too, or had."""
    others = (JobAttempt.job_id == lease.job_id, JobAttempt.attempt != lease.attempt)
    same = select(JobAttempt.attempt).where(*others, JobAttempt.comfyui_prompt_id == prompt_id)
    return session.exec(same.limit(1)).first() is not None
