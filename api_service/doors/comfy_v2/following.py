"""Following a job: first what it is, then each change; its outputs come before the `status` that ends the stream.

Nothing is numbered: whoever connects again begins with the state as it is then.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from api_service.doors.binding import ApiRequest, signed_urls
from api_service.doors.comfy_v2.names.places import AnyQuery
from api_service.doors.comfy_v2.views.job_views import OF_A_NEWER_RELEASE, STATUSES, Status
from api_service.doors.comfy_v2.views.output_views import OutputView
from api_service.doors.comfy_v2.views.progress_views import ProgressView
from api_service.http.operations import Nothing
from api_service.http.streams.event_stream import SendText, as_comment
from api_service.jobs.detail import placed_and_progress
from api_service.jobs.graph import graph_of
from api_service.jobs.job_queries import find_job_with_outputs
from api_service.refusals.refusal import Refusal
from api_service.streams.watch import Holder, JobWatch
from shared.messaging.events import Event
from shared.models import EventType, GenerationJob, JobOutput

CHANGES: dict[EventType, Status] = {
    EventType.PENDING: "queued",
    EventType.QUEUED: "queued",
    EventType.STARTED: "running",
    EventType.CANCELLING: "canceling",
    EventType.COMPLETED: "succeeded",
    EventType.FAILED: "failed",
    EventType.CANCELLED: "canceled",
    EventType.EXPIRED: "expired",
}


class StatusView(BaseModel, frozen=True):
    status: Status
    queue_position: int | None = None


class PreviewView(BaseModel, frozen=True):
    node_id: str
    content_type: str
    data_base64: str


class Following:
    """Who follows which job. Of its progress only the latest is told, and no more often than every so many seconds."""

    def __init__(self, request: ApiRequest[Nothing, AnyQuery], job: GenerationJob) -> None:
        self.services = request.services
        self.identity = request.identity
        self.holder = Holder(request.identity.key_id, user_id=request.identity.user_id)
        self.owner = request.identity.owner
        self.http = request.http
        self.job = job
        self.graph = graph_of(job) or {}
        self.node: str | None = None  # the one at work, as far as is known
        self.untold: Event | None = None  # progress that came too soon after the last
        self.told_at = 0.0

    async def send_events(self, send: SendText) -> None:
        """Send everything until the job has ended. Raises StreamEnded, TimeoutError, SQLAlchemyError."""
        previews = self.job.params.get("previews") is True
        async with self.services.relay.watch(self.job.id, self.holder, previews=previews) as watch:
            ended = await self.send_what_is(watch, send)
            while not ended:
                event = await watch.next_within(self.next_within_s())
                ended = await self.send_event(event, send)

    async def send_what_is(self, watch: JobWatch, send: SendText) -> bool:
        """Send the job as it is now, and let the watch go on from there. Returns whether it has ended."""
        services, limit = self.services, self.services.settings.limit_running_jobs
        try:
            found, progress = await services.run(
                placed_and_progress, services.messenger, self.job.id, self.owner, running_jobs=limit
            )
        except Refusal:  # deleted a moment ago
            return True
        job = found.job
        if job.status.is_final:
            await self.send_end(STATUSES[job.status], found.outputs, send)
            return True
        place = found.place.position if found.place else None
        status = STATUSES.get(job.status, OF_A_NEWER_RELEASE)
        await send(frame("status", StatusView(status=status, queue_position=place)))
        if progress:
            await self.send_progress(progress, send)
        watch.begin(job.events, progress)
        return False

    async def send_event(self, event: Event | None, send: SendText) -> bool:
        """Send what an event means here; None: there was none for a while. Returns whether it was the last."""
        if event is None:
            await (self.send_progress(self.untold, send) if self.untold else send(as_comment()))
        elif event.type is EventType.PROCESSING:
            self.node = event.data.get("node_id") or self.node
            self.untold = event
            if not self.next_progress_s():
                await self.send_progress(event, send)
        elif event.type is EventType.PREVIEW:
            await send(frame("preview", self.preview_of(event.data)))
        elif event.type.is_final:
            if event.type is not EventType.DELETED:
                await self.send_end(CHANGES[event.type], await self.outputs_after(event), send)
            return True
        elif event.type in CHANGES:  # and nothing that only a newer release knows
            self.untold = None
            await send(frame("status", StatusView(status=CHANGES[event.type])))
        return False

    async def outputs_after(self, event: Event) -> Sequence[JobOutput]:
        if event.type is not EventType.COMPLETED:
            return ()
        services = self.services
        found = await services.run(find_job_with_outputs, services.engine, self.job.id, self.owner)
        return found[1] if found else ()

    async def send_end(self, status: Status, outputs: Sequence[JobOutput], send: SendText) -> None:
        """Send the outputs, and then the status that ends the stream."""
        if outputs:
            urls = await signed_urls(self.http, self.identity)
            for output in outputs:
                await send(frame("output", OutputView.of(output, urls)))
        await send(frame("status", StatusView(status=status)))

    async def send_progress(self, event: Event, send: SendText) -> None:
        self.untold, self.told_at = None, now_s()
        await send(frame("progress", ProgressView.of(event, self.graph)))

    def next_progress_s(self) -> float:
        """In how many seconds progress may be told again."""
        return max(0.0, self.told_at + self.services.timings.progress_every_s - now_s())

    def next_within_s(self) -> float:
        """How long to wait for an event before something else is to be sent."""
        return self.next_progress_s() if self.untold else self.services.timings.comment_after_s

    def preview_of(self, data: dict[str, Any]) -> PreviewView:
        """A preview. It does not say of which node it is: of the one at work."""
        return PreviewView(node_id=self.node or "", content_type=data["media_type"], data_base64=data["image"])


def now_s() -> float:
    return asyncio.get_running_loop().time()


def frame(name: str, data: BaseModel) -> str:
    """An event of the stream. JSON has no line breaks, so its data is one line."""
    return f"event: {name}\ndata: {json.dumps(data.model_dump(mode='json'))}\n\n"
