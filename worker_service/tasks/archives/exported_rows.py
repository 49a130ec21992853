"""The rows that a page of an export says: jobs, their outputs, the assets they took, and where they came from."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlmodel import Session, col, select

from shared.jobs.transitions import is_one_of
from shared.models import Asset, GenerationJob, ImportedJob, JobOutput
from shared.workflows.references import id_of
from worker_service.tasks.archives.manifest import ArchivedOutput


@dataclass
class PageOfJobs:
    """What is exported of a page, and what has come of it so far."""

    jobs: Sequence[GenerationJob]
    outputs: Mapping[int, Sequence[JobOutput]]
    inputs: Mapping[UUID, Asset]
    sources: Mapping[int, str]  # by job, of those that were imported
    files: int = 0
    bytes: int = 0
    exported: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


def page_of(session: Session, ids: Sequence[int]) -> PageOfJobs:
    found = {job.id: job for job in session.exec(select(GenerationJob).where(is_one_of(ids)))}
    jobs = [found[job_id] for job_id in ids if job_id in found]
    outputs: defaultdict[int, list[JobOutput]] = defaultdict(list)
    in_order = (col(JobOutput.job_id), col(JobOutput.number))
    for output in session.exec(select(JobOutput).where(col(JobOutput.job_id).in_(ids)).order_by(*in_order)):
        outputs[output.job_id].append(output)
    named = [*ids, *(job.parent_id for job in jobs if job.parent_id is not None)]
    imported = session.exec(select(ImportedJob).where(col(ImportedJob.job_id).in_(named))).all()
    taken = sorted({asset_id for job in jobs for asset_id in ids_taken(job)})
    inputs = session.exec(select(Asset).where(col(Asset.id).in_(taken))).all() if taken else ()
    return PageOfJobs(jobs, outputs, {one.id: one for one in inputs}, {one.job_id: one.source for one in imported})


def assets_of(job: GenerationJob, page: PageOfJobs) -> Sequence[Asset]:
    """The assets that a job took, those that are still there and its owner's."""
    found = (page.inputs[one] for one in sorted(ids_taken(job)) if one in page.inputs)
    return [asset for asset in found if asset.user_id == job.user_id]


def ids_taken(job: GenerationJob) -> set[UUID]:
    named = {asset_id for by_name in (job.assets or {}).values() for asset_id in by_name.values()}
    return {found for asset_id in named if (found := id_of(asset_id)) is not None}


def source_of(page: PageOfJobs, job: GenerationJob, job_id: int) -> str:
    return page.sources.get(job_id, f"{job.user_id}/{job_id}")


def without_files(output: JobOutput) -> ArchivedOutput:
    """The output as its row says, without where its files are."""
    names = ArchivedOutput.model_fields.keys() - {"file", "thumbnails"}
    return ArchivedOutput.model_validate({name: getattr(output, name) for name in names})
