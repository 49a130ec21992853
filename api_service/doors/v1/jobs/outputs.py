"""The files of a job: its outputs and their thumbnails."""

from starlette.responses import Response

from api_service.doors.binding import ApiRequest, by_key_or_url
from api_service.doors.v1.jobs.paths import job_id_in
from api_service.http.downloads import FILE_ANSWERS, RANGED, StoredFile, file_answers, send_file
from api_service.http.operations import Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.http.signed_urls import FileQuery
from api_service.jobs.job_queries import find_output
from api_service.jobs.thumbnails import KINDS, thumbnail_of
from api_service.refusals.codes import Code
from api_service.refusals.jobs import thumbnail_not_found
from shared.jobs.urls import JOBS
from shared.models import JobOutput, Scope


class ThumbnailQuery(FileQuery):
    """Which thumbnail."""

    size: str = "300"


async def output(request: ApiRequest[Nothing, FileQuery]) -> Response:
    """Download an output: its bytes, or a range of them.

    The URL that a job shows of it is signed, and needs no key.
    """
    found = await output_in(request)
    file = StoredFile(found.path, found.media_type, found.filename, tag=found.sha256)
    return await request.services.run(send_file, request.http, request.services.store, file)


async def thumbnail(request: ApiRequest[Nothing, ThumbnailQuery]) -> Response:
    """Download a thumbnail.

    It fits in a square of `size` pixels: 150, 300 (unless said otherwise) or 600. It is a JPEG, or a WEBP where the
    picture can be seen through.
    """
    found = await output_in(request)
    size = request.query.size
    if size not in found.thumbnails:
        raise thumbnail_not_found(size, list(found.thumbnails), found.thumbnail_note)
    file = StoredFile(*thumbnail_of(found, size))
    return await request.services.run(send_file, request.http, request.services.store, file)


async def output_in(request: ApiRequest[Nothing, FileQuery] | ApiRequest[Nothing, ThumbnailQuery]) -> JobOutput:
    """The output that the path names. Raises Refusal: job_not_found, output_not_found."""
    services, job_id = request.services, job_id_in(request.path)
    return await services.run(find_output, services.engine, job_id, request.path["number"], request.identity.owner)


PROBLEMS = (
    Code.JOB_NOT_FOUND,
    Code.OUTPUT_NOT_FOUND,
    Code.OUTPUT_GONE,
    Code.STORAGE_UNAVAILABLE,
    RequestCode.RANGE_NOT_SATISFIABLE,
)


OPERATIONS = (
    Operation(
        "downloadOutput",
        "GET",
        f"{JOBS}/{{job_id}}/outputs/{{number}}",
        output,
        Scope.READ,
        FILE_ANSWERS,
        tag="outputs",
        query=FileQuery,
        identify=by_key_or_url,
        problems=PROBLEMS,
        request_headers=RANGED,
    ),
    Operation(
        "downloadThumbnail",
        "GET",
        f"{JOBS}/{{job_id}}/thumbnails/{{number}}",
        thumbnail,
        Scope.READ,
        file_answers(*KINDS.values()),
        tag="outputs",
        query=ThumbnailQuery,
        identify=by_key_or_url,
        problems=(*PROBLEMS, Code.THUMBNAIL_NOT_FOUND),
        request_headers=RANGED,
    ),
)
