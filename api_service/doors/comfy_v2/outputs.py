"""The outputs of jobs, as assets: what is known of one, and its bytes."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel
from starlette.responses import Response

from api_service.doors.binding import ApiRequest
from api_service.doors.comfy_v2.names.ids import job_name, output_name, output_of
from api_service.doors.comfy_v2.names.places import ASSETS, AnyQuery, content_address, origin_of
from api_service.doors.comfy_v2.views.job_views import kept_until
from api_service.http.downloads import StoredFile, send_file
from api_service.http.operations import Nothing, Operation
from api_service.jobs.job_queries import find_job, find_output
from api_service.refusals.codes import Code
from api_service.refusals.jobs import output_not_found
from api_service.refusals.refusal import Refusal
from shared.models import GenerationJob, JobOutput, Scope

NoBody = ApiRequest[Nothing, AnyQuery]


class AssetView(BaseModel, frozen=True):
    """An output as an asset. `url` needs the key, so it is good for as long as the job is kept."""

    id: str
    hash: None = None
    size_bytes: int
    content_type: str
    file_path: str
    created_at: datetime
    url: str
    url_expires_at: datetime
    expires_at: None = None
    job_id: str

    @classmethod
    def of(cls, output: JobOutput, job: GenerationJob, origin: str) -> Self:
        return cls(
            id=output_name(job.id, output.number),
            size_bytes=output.size_bytes,
            content_type=output.media_type,
            file_path=output.filename,
            created_at=output.created_at,
            url=f"{origin}{content_address(job.id, output.number)}",
            url_expires_at=kept_until(job),
            job_id=job_name(job.id),
        )


async def show(request: NoBody) -> AssetView:
    """What is known of an output."""
    services, output = request.services, await output_in(request)
    job = await services.run(find_job, services.engine, output.job_id, request.identity.owner)
    if job is None:  # deleted a moment ago
        raise output_not_found("", "")
    return AssetView.of(output, job, origin_of(request.http))


async def content(request: NoBody) -> Response:
    """The bytes of an output, or a range of them."""
    found = await output_in(request)
    file = StoredFile(found.path, found.media_type, found.filename, tag=found.sha256)
    return await request.services.run(send_file, request.http, request.services.store, file)


async def output_in(request: NoBody) -> JobOutput:
    """The output that the path names. Raises Refusal: job_not_found, output_not_found."""
    named = output_of(request.path["asset_id"])
    if named is None:
        raise output_not_found("", "")
    job_id, number = named
    services = request.services
    try:
        return await services.run(find_output, services.engine, job_id, str(number), request.identity.owner)
    except Refusal as refusal:
        if refusal.code != Code.JOB_NOT_FOUND:
            raise
        raise output_not_found("", "") from None


OPERATIONS = (
    Operation("getAsset", "GET", f"{ASSETS}/{{asset_id}}", show, Scope.READ, {}, tag="assets", query=AnyQuery),
    Operation(
        "getAssetContent",
        "GET",
        f"{ASSETS}/{{asset_id}}/content",
        content,
        Scope.READ,
        {},
        tag="assets",
        query=AnyQuery,
    ),
)
