"""A prompt is watched until the history has it: the socket makes that quick, the polls make it certain."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

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
from worker_service.comfyui.answers import Finished, Gone, Running, Waiting, Whereabouts
from worker_service.comfyui.client import ComfyUIClient
from worker_service.run.prompt.mailbox import Mailbox, Signal
from worker_service.run.prompt.progress import Meter, PacedSink, ProgressSink
from worker_service.run.prompt.server_removed import ServerRemoved
from worker_service.run.prompt.timings import RunTimings

log = structlog.get_logger(__name__)


def check(mailbox: Mailbox) -> None:
    """Raise what should end the work: LeaseLost, CancelRequested or WorkerStopping, in this order."""
    if Signal.LEASE_LOST in mailbox.heard:
        raise LeaseLost
    if Signal.CANCEL in mailbox.heard:
        raise CancelRequested
    if Signal.STOP in mailbox.heard:
        raise WorkerStopping


class BetterElsewhere(Exception):
    """The prompt waits in a queue that does not move, while another server has nothing to do."""


class Around(Protocol):
    """What else is known of the server that has a prompt, and who hears of the prompt."""

    def is_wedged(self) -> bool:
        """Whether the server is known to run nothing any more."""

    def is_leaving(self) -> bool:
        """Whether the server was removed, and its jobs are to be moved."""

    def is_better_elsewhere(self) -> bool:
        """Whether the server's queue does not move while another server has nothing to do."""

    def heard(self) -> None:
        """Something was heard of the prompt while it runs."""

    def is_running(self) -> None:
        """ComfyUI says that the prompt runs."""

    def waited(self, seconds: float) -> None:
        """The prompt has waited for its turn for so long."""


@dataclass(frozen=True)
class Watched:
    """A prompt on a server.

    A prompt that runs has stalled when nothing is heard of it for `stall_timeout`.
    """

    client: ComfyUIClient
    prompt: Prompt
    graph: Mapping[str, Mapping[str, Any]]
    around: Around
    stall_timeout: timedelta


def watch(watched: Watched, mailbox: Mailbox, sink: ProgressSink, timings: RunTimings) -> Finished:
    """Watch a prompt to its end, and publish its progress.

    Raises PromptLost, ComfyUIUnreachable, ServerRemoved, ServerWedged, Stalled, BetterElsewhere, or what `check`
    raises. A prompt that failed is returned with its error.
    """
    meter = Meter(watched.graph)
    poller = HistoryPoller(watched, timings)
    paced = PacedSink(sink, timings.publish_every_s)
    while True:
        calm_s = paced.due_in()
        received = mailbox.wait(min(poller.due_in(), calm_s if paced.has_news else timings.look_every_s), calm_s)
        check(mailbox)
        if received.cached or received.states or received.preview:
            poller.note_run()
        for cached in received.cached:
            meter.skip(cached.nodes)
        paced.take(meter.update(received.states) if received.states else None, received.preview)
        if Signal.LOOK in received.signals:
            poller.look_now()
        elif Signal.LOOK_SOON in received.signals:
            poller.look_soon()
        if poller.due_in() <= 0 and (finished := poller.look()):
            return finished


class HistoryPoller:
    """When to look for the prompt next, and what the looks so far have shown."""

    def __init__(self, watched: Watched, timings: RunTimings) -> None:
        self.watched = watched
        self.prompt = watched.prompt
        self.timings = timings
        self.next_at = time.monotonic() + timings.look_every_s
        self.moved_at = self.counted_at = time.monotonic()
        self.was_running = self.has_waited = False
        self.silent_since: float | None = None
        self.pauses_s: list[float] = []  # before the next looks, which come sooner than usual
        self.is_ending = False  # as the socket says: then the history has it in a moment

    def due_in(self) -> float:
        return self.next_at - time.monotonic()

    def note_movement(self) -> None:
        """ComfyUI said something of the prompt, or it is not the prompt's turn yet."""
        self.moved_at = time.monotonic()

    def note_run(self) -> None:
        """ComfyUI said something of the prompt, which it does only while that runs."""
        self.was_running = True
        self.note_movement()
        self.watched.around.heard()

    def note_wait(self) -> None:
        """It is not the prompt's turn yet. The time since the last look was spent in the queue."""
        self.note_movement()
        self.watched.around.waited(self.moved_at - self.counted_at)
        self.counted_at = self.moved_at

    def look_now(self) -> None:
        """Look at once, and once more shortly after."""
        self.pauses_s, self.is_ending = list(self.timings.look_soon_s[-1:]), False
        self.next_at = time.monotonic()

    def look_soon(self) -> None:
        """Look into the history in a moment, and a few times more after that."""
        first, *self.pauses_s = self.timings.look_soon_s
        self.is_ending = True
        self.next_at = time.monotonic() + first

    def look(self) -> Finished | None:
        """Look once. Raises PromptLost, ServerRemoved, ServerWedged, Stalled, BetterElsewhere, and ComfyUIUnreachable
        once the server has not answered for too long."""
        self.is_ending = self.is_ending and bool(self.pauses_s)
        self.next_at = time.monotonic() + (self.pauses_s.pop(0) if self.pauses_s else self.timings.look_every_s)
        try:
            found = self.find()
        except ComfyUIUnreachable as error:
            log.warning("comfyui.unreachable", error=str(error))
            self.tolerate_silence(error)
            self.next_at = time.monotonic() + self.timings.look_again_s
            return None
        self.silent_since = None
        match found:
            case Finished():
                return found
            case Gone():
                raise self.lost()
            case Waiting():
                self.look_at_queue()
            case Running():
                self.look_at_run()
        return None

    def find(self) -> Whereabouts | None:
        """Where the prompt is; None while it ends and the history does not have it."""
        client = self.watched.client
        return client.ended(self.prompt.id) if self.is_ending else client.locate(self.prompt.id)

    def look_at_queue(self) -> None:
        self.note_wait()
        self.has_waited = True
        if self.watched.around.is_wedged():
            raise ServerWedged(self.prompt.server).before_its_turn()
        if self.watched.around.is_leaving():
            raise ServerRemoved(self.prompt.server).before_its_turn()
        if self.watched.around.is_better_elsewhere():
            raise BetterElsewhere

    def look_at_run(self) -> None:
        self.was_running = True
        self.watched.around.is_running()
        if self.watched.around.is_wedged():
            raise ServerWedged(self.prompt.server, was_running=True)
        if self.watched.around.is_leaving():
            raise ServerRemoved(self.prompt.server)
        silent_s = time.monotonic() - self.moved_at
        if silent_s > self.watched.stall_timeout.total_seconds():
            raise Stalled(self.prompt.server, silent_s)

    def lost(self) -> PromptLost:
        was_wedged = self.watched.around.is_wedged()
        lost = PromptLost(self.prompt.server, self.prompt.id, was_running=self.was_running, was_wedged=was_wedged)
        return lost.before_its_turn() if self.only_waited else lost

    @property
    def only_waited(self) -> bool:
        """Whether the prompt was seen to wait, and nothing says that its turn came. One that was seen nowhere may have
        ended its server at once."""
        return self.has_waited and not self.was_running

    def tolerate_silence(self, error: ComfyUIUnreachable) -> None:
        """Raise unless the silence is short yet: a proxy may have been restarted, or a packet lost."""
        now = time.monotonic()
        self.silent_since = self.silent_since or now
        if error.refused and now - self.silent_since > self.timings.refused_s:
            raise self.lost() from error
        if now - self.silent_since > self.timings.unreachable_s:
            raise error.before_its_turn() if self.only_waited else error
