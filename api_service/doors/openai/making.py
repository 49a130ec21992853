"""A picture is a job like any other. Who asked waits for its end, as long as its client is likely to."""

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse

from api_service.accounts.idempotency_key import IdempotencyKey
from api_service.doors.binding import ApiRequest, acceptance_of, signed_urls
from api_service.doors.openai.answers.following import Following, follow
from api_service.doors.openai.answers.texts import answer_text, opened
from api_service.doors.openai.answers.views import ImagesView, by_url, pictures_of
from api_service.doors.openai.asking.bodies import PictureFields
from api_service.doors.openai.asking.field_names import field_name
from api_service.doors.waiting import asked_wait_s, ended_within
from api_service.jobs.job_queries import JobWithOutputs
from api_service.submit.job_request import JobOptions, JobRequest
from api_service.submit.submit import Submission, submit
from shared.workflows.parameters import TextToImage

JSON = "application/json"


@dataclass(frozen=True)
class Wanted:
    """What is to be made, and how it is to be answered. `kind` begins the names of its events."""

    fields: PictureFields
    parameters: TextToImage
    key: IdempotencyKey | None
    kind: str

    @property
    def may_join(self) -> bool:
        """Whether the same request, sent again, finds the same job."""
        return self.key is not None


async def make(request: ApiRequest[Any, Any], wanted: Wanted) -> Response:
    """Record the job, and answer with its pictures once it has ended. Raises Refusal."""
    known = await recorded(request, wanted)
    longest = request.services.timings.images_wait_s
    asked_s = asked_wait_s(request.http, longest)
    wait_s = longest if asked_s is None else asked_s
    if wanted.fields.stream:
        return follow(request, Following(known[0], wanted.kind, wait_s, wanted.may_join))
    return await answer(request, await ended_within(request, known, wait_s), wanted)


async def recorded(request: ApiRequest[Any, Any], wanted: Wanted) -> JobWithOutputs:
    """The job, new or made by the same request before. Raises Refusal."""
    options = JobOptions(metadata=wanted.fields.notes())
    asked = Submission(
        jobs=[JobRequest.of(wanted.parameters, options)],
        charge=request.charge,
        owner=request.identity.user_id,
        request_id=request.http.state.request_id,
        idempotency_key=wanted.key,
        field_name=field_name,
    )
    accepted = await submit(acceptance_of(request), asked)
    (job,) = accepted.jobs
    return job, accepted.outputs.get(job.id, ())


async def answer(request: ApiRequest[Any, Any], found: JobWithOutputs, wanted: Wanted) -> Response:
    """The pictures of a job. Raises Refusal, for one that has none, or has not ended."""
    job, _ = found
    pictures = pictures_of(found, may_join=wanted.may_join)
    if wanted.fields.response_format == "url":
        urls = await signed_urls(request.http, request.identity)
        view = ImagesView.of(job, by_url(pictures, urls))
        return Response(view.model_dump_json(exclude_none=True), media_type=JSON)
    services = request.services
    contents = await services.run(opened, services.store, pictures)
    fields = ImagesView.of(job).model_dump(exclude={"data"})
    return StreamingResponse(answer_text(fields, contents), media_type=JSON)
