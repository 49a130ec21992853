"""A prompt is watched until the history has it: the socket makes it quick, the looking makes it certain."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from shared.jobs.attempts import Prompt
from shared.jobs.errors import (
    CancelRequested,
    ComfyUIUnreachable,
    LeaseLost,
    PromptLost,
    ServerWedged,
    Stalled,
    WorkerStopping,
)
from worker_service.comfyui.answers import Finished, Gone, Running, Waiting
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.frames import Preview
from worker_service.comfyui.meter import Meter, Progress
from worker_service.run.mailbox import Mailbox, Signal

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0  # with or without a socket
# execution_success is said up to 5 ms before the history has it. What is said then brings the look forward.
LOOK_SOON_S = (0.02, 0.02, 0.1, 0.5)
UNREACHABLE_S = 10.0  # so long may a server not answer before the attempt is given up
REFUSED_S = 2.0  # and so long refuse connections, before its process is taken to have ended, with its queue
LOOK_AGAIN_S = 0.5  # while a server does not answer
TELL_EVERY_S = 0.1  # progress is told at most ten times a second


@dataclass(frozen=True)
class Teller:
    """Where progress and previews go."""

    progress: Callable[[Progress], None]
    preview: Callable[[Preview], None]


def check(mailbox: Mailbox) -> None:
    """Raise what should end the work: LeaseLost, CancelRequested or WorkerStopping, in this order."""
    if Signal.LEASE_LOST in mailbox.heard:
        raise LeaseLost
    if Signal.CANCEL in mailbox.heard:
        raise CancelRequested
    if Signal.STOP in mailbox.heard:
        raise WorkerStopping


@dataclass(frozen=True)
class Watched:
    """A prompt on a server. `is_wedged` says whether that is known to run nothing any more; a prompt of which nothing
    is heard for `stall_timeout` while it runs has stalled."""

    client: ComfyUIClient
    prompt: Prompt
    graph: Mapping[str, Mapping[str, Any]]
    is_wedged: Callable[[], bool]
    stall_timeout: timedelta


def watch(watched: Watched, mailbox: Mailbox, teller: Teller) -> Finished:
    """Watch a prompt to its end, telling its progress.

    Raises PromptLost, ComfyUIUnreachable, ServerWedged, Stalled, or what `check` raises. That a prompt failed is in
    what is returned.
    """
    meter = Meter(watched.graph)
    lookout = Looking(watched)
    told_at = 0.0
    untold: Progress | None = None
    while True:
        mail = mailbox.wait(min(lookout.due_in(), TELL_EVERY_S if untold else LOOK_EVERY_S))
        check(mailbox)
        if mail.cached or mail.states or mail.preview:
            lookout.moved()
        for cached in mail.cached:
            meter.skip(cached.nodes)
        if mail.states:
            untold = meter.update(mail.states)
        if untold and time.monotonic() - told_at >= TELL_EVERY_S:
            teller.progress(untold)
            untold, told_at = None, time.monotonic()
        if mail.preview:
            teller.preview(mail.preview)
        if Signal.LOOK in mail.signals:
            lookout.look_now()
        elif Signal.LOOK_SOON in mail.signals:
            lookout.look_soon()
        if lookout.due_in() <= 0 and (finished := lookout.look()):
            return finished


class Looking:
    """When to look at the prompt next, and what the looks so far have shown."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.prompt = watched.prompt
        self.next_at = time.monotonic() + LOOK_EVERY_S
        self.moved_at = time.monotonic()
        self.silent_since: float | None = None
        self.soon: list[float] = []

    def due_in(self) -> float:
        return self.next_at - time.monotonic()

    def moved(self) -> None:
        """Something was heard of the prompt, or it is not its turn yet."""
        self.moved_at = time.monotonic()

    def look_now(self) -> None:
        """Something was said: look at once, and a few times more shortly after."""
        self.soon = list(LOOK_SOON_S)
        self.next_at = time.monotonic()

    def look_soon(self) -> None:
        """Look in a moment, and a few times more after that."""
        first, *self.soon = LOOK_SOON_S
        self.next_at = time.monotonic() + first

    def look(self) -> Finished | None:
        """Look once. Raises PromptLost, ServerWedged, Stalled, and ComfyUIUnreachable once the server has not answered
        for too long."""
        self.next_at = time.monotonic() + (self.soon.pop(0) if self.soon else LOOK_EVERY_S)
        try:
            found = self.watched.client.locate(self.prompt.id)
        except ComfyUIUnreachable as error:
            log.warning("comfyui.unreachable", error=str(error))
            self.bear_with(error)
            self.next_at = time.monotonic() + LOOK_AGAIN_S
            return None
        self.silent_since = None
        match found:
            case Finished():
                return found
            case Gone():
                raise PromptLost(self.prompt.server, self.prompt.id)
            case Waiting():
                self.moved()
                if self.watched.is_wedged():
                    raise ServerWedged(self.prompt.server)
            case Running():
                silent_s = time.monotonic() - self.moved_at
                if silent_s > self.watched.stall_timeout.total_seconds():
                    raise Stalled(self.prompt.server, silent_s)
        return None

    def bear_with(self, error: ComfyUIUnreachable) -> None:
        """Raise unless the silence is short yet: a proxy may have been restarted, or a packet been lost."""
        now = time.monotonic()
        self.silent_since = self.silent_since or now
        if error.refused and now - self.silent_since > REFUSED_S:
            raise PromptLost(self.prompt.server, self.prompt.id) from error
        if now - self.silent_since > UNREACHABLE_S:
            raise error
