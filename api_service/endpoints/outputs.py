"""The files of a job: its outputs and their thumbnails."""

from starlette.responses import Response
from starlette.routing import Route

from api_service import records
from api_service.downloads import StoredFile, send_file
from api_service.problems import job_not_found, output_not_found, thumbnail_not_found
from api_service.state import JobsRequest
from shared.links import JOBS
from shared.models import JobOutput

DEFAULT_SIZE = "300"


async def output(request: JobsRequest) -> Response:
    found = await asked_output(request)
    file = StoredFile(found.path, found.media_type, found.filename, tag=found.sha256)
    services = request.state.services
    return await services.run(send_file, request, services.store, file)


async def thumbnail(request: JobsRequest) -> Response:
    """A WEBP that fits in a square of `size` px: 150, 300 (unless said otherwise) or 600."""
    found = await asked_output(request)
    size = request.query_params.get("size", DEFAULT_SIZE)
    if size not in found.thumbnails:
        raise thumbnail_not_found(size, list(found.thumbnails), found.thumbnail_note)
    facts = found.thumbnails[size]
    file = StoredFile(facts["path"], "image/webp", f"{found.filename}-{size}.webp", tag=f"{found.sha256}-{size}")
    services = request.state.services
    return await services.run(send_file, request, services.store, file)


async def asked_output(request: JobsRequest) -> JobOutput:
    """The output that the path names. Raises Problem 404, saying which of the two is not there."""
    services = request.state.services
    job_id, number = request.path_params["job_id"], request.path_params["number"]
    found = await services.run(records.output, services.engine, records.number(job_id), records.number(number))
    match found:
        case JobOutput():
            return found
        case True:
            raise output_not_found(job_id, number)
        case _:
            raise job_not_found(job_id)


ROUTES = [
    Route(f"{JOBS}/{{job_id}}/outputs/{{number}}", output, methods=["GET"]),
    Route(f"{JOBS}/{{job_id}}/thumbnails/{{number}}", thumbnail, methods=["GET"]),
]
