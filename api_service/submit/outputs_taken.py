"""Outputs that jobs take in become assets before the jobs are recorded: no byte is copied, and the job that made an
output may be deleted while the new one needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from uuid import UUID

from api_service.assets.from_output import keep_output
from api_service.assets.keeping import Details, Owner, Shelf
from api_service.inputs.resolving import MISSING
from api_service.refusals.assets import wrong_field
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal
from api_service.submit.checks import CheckedJob
from shared.models import JobOutput

# What is wrong with an output, and not with the store.
OF_THE_OUTPUT: Mapping[StrEnum, str] = {Code.OUTPUT_GONE: MISSING, Code.ASSET_TOO_LARGE: "asset_too_large"}


def keep_outputs(shelf: Shelf, owner: Owner, jobs: Sequence[CheckedJob]) -> Sequence[CheckedJob]:
    """The jobs with assets in the place of outputs. Reads and writes files.

    Raises Refusal: invalid_fields, for an output that is gone or too large; quota_exceeded; storage_unavailable.
    """
    kept: dict[UUID, UUID] = {}
    for job in jobs:
        for asset_id, output in job.outputs.items():
            if asset_id not in kept:
                field = f"{job.request.place}{job.named[asset_id]}"
                kept[asset_id] = kept_as(shelf, owner, asset_id, output, field)
    return [renamed(job, kept) for job in jobs] if kept else jobs


def kept_as(shelf: Shelf, owner: Owner, asset_id: UUID, output: JobOutput, field: str) -> UUID:
    """The id of the asset of an output: another one, if its user has made one of it before."""
    details = Details(output.filename, job_id=output.job_id, id=asset_id)
    try:
        return keep_output(shelf, owner, output, details).asset.id
    except Refusal as refusal:
        if refusal.code not in OF_THE_OUTPUT:
            raise
        raise wrong_field(field, str(refusal), OF_THE_OUTPUT[refusal.code]) from None


def renamed(job: CheckedJob, kept: Mapping[UUID, UUID]) -> CheckedJob:
    """The job with the assets that were kept in the place of those that were to be."""
    ids = {str(before): str(after) for before, after in kept.items()}
    assets = {
        node_id: {name: ids.get(one, one) for name, one in by_name.items()}
        for node_id, by_name in job.request.assets.items()
    }
    named = {kept.get(one, one): field for one, field in job.named.items()}
    return replace(job, request=replace(job.request, assets=assets), named=named, outputs={})
