"""The events of one job as text of an event stream: those that happened, then each as it happens."""

from dataclasses import dataclass

from api_service.doors.binding import ApiRequest
from api_service.doors.v1.streams.connection import holder_of
from api_service.doors.v1.streams.event_streams import id_of, send_opening
from api_service.doors.v1.streams.event_texts import text_of
from api_service.doors.v1.streams.queries import EventsQuery
from api_service.http.operations import Nothing
from api_service.http.streams.event_stream import SendText, as_comment
from api_service.streams import stream_queries
from api_service.streams.watch import JobWatch
from shared.messaging.events import Event
from shared.models import HELD


@dataclass(frozen=True)
class EventFollower:
    """Who follows which job, and the last event that the client has.

    With a ticket, the ids of the events carry the secret with which the client may resume the stream.
    """

    request: ApiRequest[Nothing, EventsQuery]
    job_id: int
    after: int

    async def send_events(self, send: SendText) -> None:
        """Send everything until the job has ended. Raises StreamEnded, SQLAlchemyError."""
        await send_opening(self.request, self.after, send)
        relay, previews = self.request.services.relay, self.request.query.previews
        async with relay.watch(self.job_id, holder_of(self.request.identity), previews=previews) as watch:
            ended = await self.send_past_events(watch, send)
            while not ended:
                event = await watch.next_within(self.request.services.timings.comment_after_s)
                await send(self.frame_of(event) if event else as_comment())
                ended = event is not None and event.type.is_final

    async def send_past_events(self, watch: JobWatch, send: SendText) -> bool:
        """Send what has happened, and let the watch go on from there. Returns whether the job has ended."""
        services = self.request.services
        owner = self.request.identity.owner
        found = await services.run(stream_queries.events_of, services.engine, self.job_id, owner, self.after)
        if found is None:
            return True
        job, events = found
        for event in events:
            await send(self.frame_of(event))
        if job.status.is_final or (events and events[-1].type.is_final):
            return True
        progress = await services.relay.last_progress(*([job.id] if job.status in HELD else []))
        for event in progress.values():
            await send(self.frame_of(event))
        watch.begin(events[-1].sequence or 0 if events else job.events, progress.get(job.id))
        return False

    def frame_of(self, event: Event) -> str:
        """An event in the stream's form. JSON has no line breaks, so its data is one line."""
        number = "" if event.sequence is None else f"id: {id_of(self.request.identity, event.sequence)}\n"
        return f"{number}event: {event.type}\ndata: {text_of(event)}\n\n"
