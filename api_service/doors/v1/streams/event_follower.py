"""The events of one job as text of an event stream: those that happened, then each as it happens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from api_service.accounts.identity import Identity
from api_service.doors.binding import ApiRequest
from api_service.doors.v1.streams.connection import holder_of
from api_service.doors.v1.streams.event_texts import text_of
from api_service.doors.v1.streams.queries import EventsQuery
from api_service.http.operations import Nothing
from api_service.http.streams.event_stream import SendText, as_comment
from api_service.streams import stream_queries
from api_service.streams.tickets import TicketIdentity
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
        await send(f"retry: {self.request.services.timings.reconnect_after_ms}\n\n")
        if isinstance(self.request.identity, TicketIdentity):
            # An event, for not every browser takes an id that comes without one.
            await send(as_text("opened", {}, self.id_of(self.after)))
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
        number = "" if event.sequence is None else f"id: {self.id_of(event.sequence)}\n"
        return f"{number}event: {event.type}\ndata: {text_of(event)}\n\n"

    def id_of(self, sequence: int) -> str:
        return id_of(self.request.identity, sequence)


def id_of(identity: Identity, sequence: int) -> str:
    """The id of an event; with the secret by which a ticket is used again, for who came with one."""
    return f"{sequence}-{identity.resume_secret}" if isinstance(identity, TicketIdentity) else f"{sequence}"


def as_text(name: str, data: Mapping[str, str], event_id: str | None = None) -> str:
    """An event of the stream itself, and of no job."""
    number = "" if event_id is None else f"id: {event_id}\n"
    return f"{number}event: {name}\ndata: {json.dumps(data)}\n\n"
