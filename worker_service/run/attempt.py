"""One attempt at a job: find its prompt or send one, watch it to its end, and keep what it made."""

import base64
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from shared.files.folders import attempt_folder, discard_attempt_folder
from shared.jobs import lifecycle
from shared.jobs.attempts import Prompt
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import (
    CancelRequested,
    ComfyUIUnreachable,
    NotAFailure,
    Poison,
    PromptLost,
    ServerWedged,
    Stalled,
    WorkflowRejected,
)
from shared.messaging.events import Event
from shared.models import EventType, JobOutput, JobStatus
from shared.workflows.parameters import TextToImage
from shared.workflows.text_to_image import Graph, text_to_image, with_filename_prefix
from worker_service.comfyui.answers import Finished, Gone, Whereabouts
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.frames import Preview
from worker_service.comfyui.meter import Progress
from worker_service.comfyui.progress import ProgressSocket
from worker_service.resources import Resources
from worker_service.run.collect import Collector
from worker_service.run.mailbox import Mailbox
from worker_service.run.watch import Teller, Watched, check, watch
from worker_service.run.withdraw import Withdrawal, withdraw

log = structlog.get_logger(__name__)

MOST_DEATHS = 3  # of workers under one job, before the job is taken for the cause
CONNECT_S = 2.0  # how long the socket may take before the prompt is sent without it
SHORTLY_S = 5.0  # how long a job that ends in any case waits for its prompt to be gone
LEAVE_S = 30.0  # how long a prompt that gets nowhere may take to heed an interrupt
LARGEST_PREVIEW = 1024 * 1024


class Attempt:
    """The work of one claim. Its `prompt` is that of an earlier attempt until it has found out what became of it."""

    def __init__(self, resources: Resources, claim: Claim, mailbox: Mailbox) -> None:
        self.resources = resources
        self.claim = claim
        self.job = claim.job
        self.lease = claim.lease
        self.prompt = claim.doubt or claim.prompt
        self.mailbox = mailbox
        self.folder = attempt_folder(self.job, self.lease.attempt)
        self.ticks = count(1)
        self.generated_at = time.monotonic()
        self.has_slot = True

    def work(self) -> list[JobOutput]:
        """Bring the job to its outputs, stored and verified.

        Raises the GenerationError that stopped it, or CancelRequested, LeaseLost, WorkerStopping.
        """
        if self.claim.deaths >= MOST_DEATHS:
            self.withdraw_shortly()
            raise Poison(self.claim.deaths)
        if self.job.status == JobStatus.CANCELLING:
            raise CancelRequested
        found = self.find()
        if not isinstance(found, Finished):
            found = self.run(sent=not isinstance(found, Gone))
        if found.error:
            raise found.error
        self.leave_slot()
        return Collector(self.client(), self.resources.store, self.job.id, self.folder).collect(
            found.outputs, self.mailbox
        )

    def leave_slot(self) -> None:
        """ComfyUI is done: let the next job have the slot while this one's outputs are stored. While the database is
        away it is kept until the job has ended."""
        self.generated_at = time.monotonic()
        try:
            with self.resources.outbox.transaction() as session:
                lifecycle.generated(session, self.lease)
        except SQLAlchemyError as error:
            log.warning("slot.kept", error=str(error))
            return
        self.has_slot = False
        self.resources.room.slot_left()
        self.resources.wakeups.send_one(self.job.id)

    @property
    def storing(self) -> timedelta:
        """How long it has been since ComfyUI was done."""
        return timedelta(seconds=time.monotonic() - self.generated_at)

    def find(self) -> Whereabouts:
        """Look for the prompt of an earlier attempt, and go on with it where it is still of use."""
        doubt = self.claim.doubt
        if doubt is None:
            return Gone()
        found = self.look_for(doubt)
        new = self.claim.prompt
        match found:
            case Gone() if self.job.generated_at is not None:
                raise PromptLost(doubt.server, doubt.id)  # to run it again takes a slot, which it no longer has
            case Gone() if new == doubt:
                self.redirect(Prompt(doubt.server, str(uuid4())), adopted=False)
            case Gone():
                self.redirect(new, adopted=False)
            case _ if new != doubt:
                self.redirect(doubt, adopted=True)
            case _:
                pass
        log.info("prompt.looked_for", comfyui_prompt_id=doubt.id, server=doubt.server, found=type(found).__name__)
        return found

    def look_for(self, prompt: Prompt) -> Whereabouts:
        """Where an earlier prompt is. A server that refuses connections has ended, and its queue with it."""
        client = self.resources.fleet.client(prompt.server)
        if client is None:
            return Gone()
        try:
            return client.locate(prompt.id)
        except ComfyUIUnreachable as error:
            if error.refused:
                return Gone()
            raise

    def redirect(self, prompt: Prompt, *, adopted: bool) -> None:
        self.resources.settle(lambda session: lifecycle.redirect(session, self.lease, prompt, adopted=adopted))
        self.prompt = prompt
        structlog.contextvars.bind_contextvars(comfyui_prompt_id=prompt.id)

    def run(self, *, sent: bool) -> Finished:
        """Send the prompt unless it was sent before, and watch it."""
        graph = self.graph()
        client = self.client()
        with ProgressSocket(client.url, self.prompt.id, self.mailbox) as socket:
            socket.connected.wait(CONNECT_S)
            if not sent:
                self.send(client, graph)
            watched = Watched(client, self.prompt, graph, self.is_wedged, self.resources.settings.stall_timeout)
            try:
                return watch(watched, self.mailbox, Teller(self.tell_progress, self.tell_preview))
            except (ServerWedged, Stalled) as error:
                return self.leave(error)

    def is_wedged(self) -> bool:
        return self.prompt.server in self.resources.fleet.wedged

    def graph(self) -> Graph:
        """The job's graph, saving under a prefix that no other prompt has."""
        prefix = f"genonaut-{self.prompt.id}"
        if self.job.workflow is not None:
            return with_filename_prefix(self.job.workflow, prefix)
        try:
            parameters = TextToImage.from_job(self.job)
        except ValidationError as error:
            raise WorkflowRejected(f"the job's parameters make no workflow: {error}") from error
        return with_filename_prefix(text_to_image(parameters), prefix)

    def send(self, client: ComfyUIClient, graph: Mapping[str, Mapping[str, Any]]) -> None:
        """Send the prompt once. A server that does not answer, or answers 500, may have queued it all the same."""
        check(self.mailbox)
        self.resources.leases.must_be_fresh(self.lease)
        previews = bool(self.job.params.get("previews"))
        try:
            client.submit(graph, prompt_id=self.prompt.id, client_id=self.prompt.id, previews=previews)
        except ComfyUIUnreachable:
            if isinstance(client.locate(self.prompt.id), Gone):
                raise
        log.info("prompt.sent", server=client.name)

    def leave(self, error: ServerWedged | Stalled) -> Finished:
        """Take the prompt out of a server that does not get on with it. One that ended meanwhile is as good as any."""
        patience = self.resources.settings.stall_timeout.total_seconds()
        match self.withdraw(within_s=min(patience, LEAVE_S)):
            case Withdrawal.GONE:
                found = self.client().locate(self.prompt.id)
                if isinstance(found, Finished) and not found.error:
                    return found
                raise error
            case Withdrawal.STUCK:
                self.resources.server_is_wedged(self.prompt.server, "a prompt neither moves nor heeds an interrupt")
                raise error
            case Withdrawal.SILENT:
                raise ComfyUIUnreachable(self.prompt.server, "it fell silent while a prompt was taken out") from error

    def withdraw(self, *, within_s: float) -> Withdrawal:
        client = self.resources.fleet.client(self.prompt.server)
        return withdraw(client, self.prompt, self.mailbox, within_s=within_s)

    def withdraw_shortly(self) -> bool:
        """Take the prompt out of ComfyUI, as far as a few seconds allow: the job ends without it in any case. Returns
        whether it is gone."""
        with suppress(NotAFailure):
            if self.withdraw(within_s=SHORTLY_S) is Withdrawal.GONE:
                return True
        log.warning("prompt.not_withdrawn", server=self.prompt.server)
        return False

    def free_memory(self) -> None:
        """Ask the server to let go of what it has loaded; what it says to that changes nothing."""
        with suppress(ComfyUIUnreachable):
            self.client().free()

    def discard(self) -> None:
        """Remove whatever this attempt has stored: its result will not be used. What cannot be removed is noted."""
        try:
            self.resources.store.remove(self.folder)
        except OSError as error:
            log.warning("outputs.not_discarded", folder=self.folder, error=str(error))
            self.resources.settle(lambda session: discard_attempt_folder(session, self.job, self.lease.attempt))

    def client(self) -> ComfyUIClient:
        client = self.resources.fleet.client(self.prompt.server)
        if client is None:
            raise ComfyUIUnreachable(self.prompt.server, "it is not one of this worker's servers")
        return client

    def tell_progress(self, progress: Progress) -> None:
        self.tell(EventType.PROCESSING, progress._asdict())

    def tell_preview(self, preview: Preview) -> None:
        if len(preview.image) <= LARGEST_PREVIEW:
            image = base64.b64encode(preview.image).decode("ascii")
            self.tell(EventType.PREVIEW, {"media_type": preview.media_type, "image": image})

    def tell(self, kind: EventType, data: dict[str, Any]) -> None:
        self.resources.outbox.publish(Event.live(kind, self.job, tick=next(self.ticks), data=data))
