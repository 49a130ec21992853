"""A job, live, as server-sent events: each event once, from whichever the client has last."""

from functools import partial
from http import HTTPStatus

from starlette.responses import Response

from api_service.doors.binding import ApiRequest, by_key_or_ticket
from api_service.doors.v1.jobs.paths import job_id_in
from api_service.doors.v1.streams.event_follower import EventFollower
from api_service.doors.v1.streams.event_streams import GOES_ON_BY, number_of, stream_of
from api_service.doors.v1.streams.queries import EventsQuery
from api_service.doors.v1.streams.sending import sent_to_the_end
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.streams.event_stream import HEADERS, EventStream, Follower
from api_service.http.streams.stream_tickets import LAST_EVENT_ID, RESUMABLE_ID
from api_service.refusals.codes import Code
from api_service.refusals.jobs import job_not_found
from api_service.streams import stream_queries
from api_service.streams.tickets import TicketIdentity
from shared.jobs.urls import JOBS
from shared.models import Scope
from shared.texts.storable import LARGEST_ID


async def follow(request: ApiRequest[Nothing, EventsQuery]) -> Response:
    """Follow a job by server-sent events.

    The id of an event is its `sequence`. First come the events after `Last-Event-ID`, or all events without one, then
    each as it happens. Progress and previews have no id: they are sent as they happen, and not again. The name of an
    event is its type, its data is JSON. The stream ends after `completed`, `failed`, `cancelled`, `expired` or
    `deleted`; a client that asks again after that is answered 204, which ends an EventSource for good.

    With `?ticket=`, an id is the `sequence`, a hyphen, and a secret: whoever sends that id back, as an EventSource does
    when it connects again, may use the same ticket for the same stream once more.
    """
    services, job_id, owner = request.services, job_id_in(request.path), request.identity.owner
    after = last_event_id(request)
    found = await services.run(stream_queries.events_of, services.engine, job_id, owner, after)
    if found is None:
        raise job_not_found(str(job_id))
    job, events = found
    if job.status.is_final and not events:
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=HEADERS)
    # A client that claims an id which the job has not reached yet would wait for ever.
    follower = EventFollower(request, job_id, min(after, job.events))
    return EventStream(
        Follower(
            partial(sent_to_the_end, follower.send_events, job_id=job_id),
            partial(services.limits.open_stream, request.identity),
            services.timings.send_timeout_s,
        )
    )


def last_event_id(request: ApiRequest[Nothing, EventsQuery]) -> int:
    """The last event that the client has; 0 for none. Raises Refusal: invalid_query."""
    header = request.http.headers.get(LAST_EVENT_ID)
    if not header:
        return request.query.last_event_id or 0
    if isinstance(request.identity, TicketIdentity) and (resumed := RESUMABLE_ID.fullmatch(header)):
        header = resumed["sequence"]
    return number_of(header, LARGEST_ID)


OPERATIONS = (
    Operation(
        "followJob",
        "GET",
        f"{JOBS}/{{job_id}}/events",
        follow,
        Scope.READ,
        {
            HTTPStatus.OK: stream_of("the events"),
            HTTPStatus.NO_CONTENT: Answer(None, "the job has ended, and the client has all its events"),
        },
        tag="jobs",
        query=EventsQuery,
        problems=(Code.JOB_NOT_FOUND, Code.QUOTA_EXCEEDED),
        identify=by_key_or_ticket,
        request_headers=GOES_ON_BY,
    ),
)
