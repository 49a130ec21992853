"""What one socket hears of the prompts of its client: one after another, though the pool runs them side by side.

A prompt is told once it has started and none before it is still being told. How it ended is told from the record: so
whoever hears of an end finds it in the history. How many remain is told last of all.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

from api_service.doors.native.streams import frames
from api_service.doors.native.streams.telling import Telling
from api_service.doors.native.views.outputs import texts_of
from api_service.doors.native.views.sent_pictures import pictures_to_send
from api_service.prompts.prompt_queries import LivePrompt, find_prompt, live_prompts, note_told, untold_ends
from api_service.streams.watch import Watch, WatchPosition
from shared.messaging.events import Event
from shared.models import EventType

Send = Callable[[str | bytes], Awaitable[None]]

MOST_OTHERS = 10_000  # jobs that came by another door are remembered as such


class Narration:
    """The prompts of a user that have not ended, and which of them its client is told of."""

    def __init__(self, services: Any, user_id: UUID, client_id: str, send: Send) -> None:
        self.services = services
        self.user_id = user_id
        self.client_id = client_id
        self.send_frame = send
        self.prompts: dict[int, LivePrompt] = {}  # that have not ended, or whose end is still to be told
        self.others: dict[int, None] = {}
        self.ready: deque[int] = deque()  # have started or ended, and wait for their turn
        self.ended: set[int] = set()
        self.told: Telling | None = None
        self.current: int | None = None
        self.latest: dict[int, Event] = {}  # progress that could not be told yet
        self.with_metadata = False
        self.last_sent = 0.0

    async def run(self, watch: Watch) -> None:
        """Tell everything until the socket is closed. Raises StreamEnded, TimeoutError, SQLAlchemyError."""
        services = self.services
        since, live = await services.run(live_prompts, services.engine, self.user_id)
        late = await services.run(untold_ends, services.engine, self.user_id, self.client_id)
        self.prompts = {one.job_id: one for one in live}
        # What ended between the two looks is in both, and its end is yet to be heard of.
        self.take_late(job_id for job_id in late if job_id not in self.prompts)
        await self.send(frames.status(len(self.prompts), self.client_id))
        watch.start({one.job_id: WatchPosition(one.events) for one in live}, since)
        for one in live:
            if self.is_mine(one) and one.has_started:
                self.ready.append(one.job_id)
        self.latest = await services.relay.last_progress(*(one.job_id for one in live if one.has_started))
        await self.go_on(watch)
        while True:
            event = await self.next_event(watch)
            if event is None:
                await self.send_status()
            else:
                await self.hear(event, watch)

    def take_late(self, job_ids: Iterable[int]) -> None:
        for job_id in job_ids:
            self.prompts[job_id] = LivePrompt(job_id, self.client_id)
            self.ready.append(job_id)
            self.ended.add(job_id)

    def is_mine(self, prompt: LivePrompt) -> bool:
        return prompt.client_id == self.client_id

    async def next_event(self, watch: Watch) -> Event | None:
        """The next event; None once nothing was sent for too long."""
        left_s = self.last_sent + self.services.timings.native_status_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            return None
        try:
            async with asyncio.timeout(left_s):
                return await watch.next()
        except TimeoutError:
            return None

    async def hear(self, event: Event, watch: Watch) -> None:
        """Take in what happened to one of the user's jobs, and tell what can be told of it."""
        prompt = self.prompts.get(event.job_id) or await self.meet(event)
        if prompt is None:
            return
        if event.type is EventType.PREVIEW:
            await self.send_preview(event)
        elif event.type is EventType.PROCESSING:
            await self.hear_progress(event, prompt)
        elif event.type.is_final:
            await self.hear_end(prompt)
        elif event.type is EventType.STARTED and not prompt.has_started:
            prompt.has_started = True
            if self.is_mine(prompt):
                self.ready.append(prompt.job_id)
        await self.go_on(watch)

    async def meet(self, event: Event) -> LivePrompt | None:
        """A job that was not known here: a new prompt, or one of another door, which is none of this one's."""
        if event.job_id in self.others:
            return None
        services = self.services
        found = await services.run(find_prompt, services.engine, self.user_id, job_id=event.job_id)
        if found is None:
            self.others[event.job_id] = None
            if len(self.others) > MOST_OTHERS:
                del self.others[next(iter(self.others))]
            return None
        self.prompts[event.job_id] = prompt = LivePrompt(event.job_id, found.name.client_id)
        await self.send_status()
        return prompt

    async def hear_progress(self, event: Event, prompt: LivePrompt) -> None:
        if prompt.job_id == self.current and self.told is not None:
            await self.send_all(self.told.progress(event.data))
        elif self.is_mine(prompt):
            self.latest[prompt.job_id] = event

    async def hear_end(self, prompt: LivePrompt) -> None:
        if not self.is_mine(prompt):
            del self.prompts[prompt.job_id]
            await self.send_status()
            return
        self.ended.add(prompt.job_id)
        if not prompt.has_started:
            prompt.has_started = True
            services = self.services
            if await services.run(find_prompt, services.engine, self.user_id, job_id=prompt.job_id):
                self.ready.append(prompt.job_id)
            else:  # it was taken back while it waited
                await self.forget(prompt.job_id)

    async def go_on(self, watch: Watch) -> None:
        """Tell what has waited for the prompt before it to end."""
        while True:
            if self.current is None:
                if not self.ready:
                    return
                await self.begin(self.ready.popleft(), watch)
            elif self.current in self.ended:
                await self.end(self.current, watch)
            else:
                return

    async def begin(self, job_id: int, watch: Watch) -> None:
        services = self.services
        prompt = await services.run(find_prompt, services.engine, self.user_id, job_id=job_id)
        if prompt is None:  # taken back while it waited, or deleted: ComfyUI says nothing of that either
            await self.forget(job_id)
            return
        self.current, self.told = job_id, Telling(prompt, with_metadata=self.with_metadata)
        if prompt.job.params.get("previews") is True and job_id not in self.ended:
            services.relay.watchers.join(watch, [job_id], previews=True)
            await services.relay.admit(watch, [job_id])
        await self.send_all(self.told.start(prompt))
        if (event := self.latest.pop(job_id, None)) is not None and job_id not in self.ended:
            await self.send_all(self.told.progress(event.data))

    async def end(self, job_id: int, watch: Watch) -> None:
        services, told = self.services, self.told
        prompt = await services.run(find_prompt, services.engine, self.user_id, job_id=job_id)
        self.current = self.told = None
        services.relay.watchers.leave(watch, [job_id])
        if prompt is not None and told is not None:
            texts = await services.run(texts_of, services.store, prompt.outputs)
            sent = await services.run(pictures_to_send, services.store, told.graph, prompt.outputs)
            await self.send_all(told.end(prompt, texts, sent))
            await services.run(note_told, services.engine, job_id)
        await self.forget(job_id)

    async def forget(self, job_id: int) -> None:
        self.prompts.pop(job_id, None)
        self.latest.pop(job_id, None)
        self.ended.discard(job_id)
        await self.send_status()

    async def send_preview(self, event: Event) -> None:
        if event.job_id == self.current and self.told is not None:
            node = event.data.get("node_id") or self.told.node
            await self.send(frames.preview(event.data, self.told.id, node, with_metadata=self.with_metadata))

    async def send_status(self) -> None:
        await self.send(frames.status(len(self.prompts)))

    async def send_all(self, told: Iterable[str | bytes]) -> None:
        for frame in told:
            await self.send(frame)

    async def send(self, frame: str | bytes) -> None:
        await self.send_frame(frame)
        self.last_sent = asyncio.get_running_loop().time()

    def leave(self, watch: Watch) -> None:
        """The socket is closed."""
        if self.current is not None:
            self.services.relay.watchers.leave(watch, [self.current])
