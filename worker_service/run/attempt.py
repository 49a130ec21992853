"""One attempt at a job: find its prompt or send one, watch it to its end, and keep what it made."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.database.engine import single
from shared.files.folders import attempt_folder, discard_attempt_folder
from shared.jobs import lifecycle
from shared.jobs.attempts import MOST_DEATHS, Prompt
from shared.jobs.claim.claims import Claim
from shared.jobs.errors import (
    CancelRequested,
    ComfyUIUnreachable,
    GenerationError,
    NotAFailure,
    Poison,
    PromptLost,
    ServerWedged,
    Stalled,
    StorageUnavailable,
    Unexpected,
    WorkflowRejected,
)
from shared.models import JobStatus
from shared.texts.reasons import reason_of
from shared.workflows.extra_data import extra_data
from worker_service.comfyui.answers import Finished, Gone, Whereabouts
from worker_service.comfyui.client import ComfyUIClient
from worker_service.run.collect import collector_of
from worker_service.run.failures import Tries, decide, tries_of
from worker_service.run.inputs.delivery import Delivery, InputsUnknown
from worker_service.run.move import moved, whereabouts
from worker_service.run.outcome import Done, Failed, Outcome, outcome_of
from worker_service.run.prompt.graph import graph_of
from worker_service.run.prompt.mailbox import Mailbox
from worker_service.run.prompt.progress import ProgressSink
from worker_service.run.prompt.quarantine import refuse_quarantined
from worker_service.run.prompt.server_removed import ServerRemoved
from worker_service.run.prompt.watch import BetterElsewhere, Watched, check, watch
from worker_service.run.prompt.withdraw import Withdrawal, withdraw
from worker_service.run.resources import RunResources
from worker_service.run.secrets import secrets_of
from worker_service.run.settle import server_is_wedged, settle
from worker_service.run.surroundings import listening

log = structlog.get_logger(__name__)


class Attempt:
    """The work of one claim. Its `prompt` is that of an earlier attempt until it has found out what became of it."""

    def __init__(self, resources: RunResources, claim: Claim, mailbox: Mailbox, leave_slot: Callable[[], None]) -> None:
        """`leave_slot` is called when ComfyUI is done with the job and the next one may have its slot."""
        self.resources = resources
        self.claim = claim
        self.job = claim.job
        self.lease = claim.lease
        self.prompt = claim.doubt or claim.prompt
        self.mailbox = mailbox
        self.delivery = Delivery(self.job, mailbox, resources.messenger.engine, resources.store, resources.fleet)
        self.leave_slot = leave_slot
        self.folder = attempt_folder(self.job, self.lease.attempt)
        self.progress = ProgressSink(resources.messenger, self.job)

    def work(self) -> Outcome:
        """Bring the job to its outputs, stored and verified; or say what stopped it."""
        try:
            return outcome_of(self.bring_to_outputs)
        except GenerationError as error:
            return Failed(error)
        except OSError as error:
            # What others say comes through the clients of them: this is the worker's own disk.
            log.exception("job.failed_locally", exc_info=not self.job.secrets)
            return Failed(StorageUnavailable("an output", f"the worker's own disk: {reason_of(error)}"))
        except Exception as error:
            # What was raised may hold words of the server, and those a secret.
            log.exception("job.failed_unexpectedly", kind=type(error).__name__, exc_info=not self.job.secrets)
            return Failed(Unexpected(error))

    def bring_to_outputs(self) -> Done:
        if self.claim.deaths >= MOST_DEATHS:
            self.withdraw_shortly()
            raise Poison(self.claim.deaths)
        if self.job.status == JobStatus.CANCELLING:
            raise CancelRequested
        found = self.find_earlier_prompt()
        if isinstance(found, Gone) and self.claim.is_quarantined:
            refuse_quarantined(self.resources.messenger.engine, self.job)
        if not isinstance(found, Finished):
            found = self.run_prompt(is_sent=not isinstance(found, Gone))
        if found.error:
            raise self.delivery.after_failure(self.client(), found.error)
        generated_at = time.monotonic()
        self.end_generation()
        collector = collector_of(self.job, self.client(), self.folder, self.resources, self.may_be_cured)
        collected = collector.collect(found.outputs, self.mailbox)
        return Done(collected.outputs, collected.warnings, timedelta(seconds=time.monotonic() - generated_at))

    def find_earlier_prompt(self) -> Whereabouts:
        """Look for the prompt of an earlier attempt, and go on with it where it is still of use."""
        doubt, new = self.claim.doubt, self.claim.prompt
        if doubt is None:
            return Gone()
        match found := whereabouts(self.resources.fleet, doubt):
            case Gone() if self.job.generated_at is not None:
                raise PromptLost(doubt.server, doubt.id)  # to run it again takes a slot, which it no longer has
            case Gone() if new == doubt:
                self.redirect(Prompt(doubt.server, str(uuid4())), adopted=False)
            case Gone():
                self.redirect(new, adopted=False)
            case _ if new != doubt:
                self.redirect(doubt, adopted=True)
        log.info("prompt.looked_for", comfyui_prompt_id=doubt.id, server=doubt.server, found=type(found).__name__)
        return found

    def redirect(self, prompt: Prompt, *, adopted: bool) -> None:
        messenger = self.resources.messenger
        settle(messenger, lambda session: lifecycle.redirect(session, self.lease, prompt, adopted=adopted))
        self.prompt = prompt
        structlog.contextvars.bind_contextvars(comfyui_prompt_id=prompt.id)

    def run_prompt(self, *, is_sent: bool) -> Finished:
        """Send the prompt unless it was sent before, and watch it; on another server if it waits here in vain."""
        while True:
            try:
                return self.run_prompt_here(is_sent=is_sent)
            except BetterElsewhere:
                is_sent = not self.move()
            except InputsUnknown:
                self.redirect(Prompt(self.prompt.server, str(uuid4())), adopted=False)

    def run_prompt_here(self, *, is_sent: bool) -> Finished:
        graph: Mapping[str, Mapping[str, Any]] = graph_of(self.job, self.prompt.id)
        client = self.client()
        if not is_sent:
            graph = self.delivery.bring(client, graph)
        sender = self.claim.sender if self.prompt == self.claim.doubt else None
        with (
            self.resources.sockets.listening(client, self.prompt.id, sender, self.mailbox) as socket,
            listening(self.resources, self.job.id, self.prompt, socket) as around,
        ):
            if not is_sent:
                with self.resources.tracing.span("send prompt"):
                    self.send(client, graph)
            watched = Watched(client, self.prompt, graph, around, self.resources.limits.stall)
            try:
                finished = watch(watched, self.mailbox, self.progress, self.resources.timings)
            except (ServerRemoved, ServerWedged, Stalled) as error:
                return self.withdraw_and_reraise(error)
            socket.has_ended(self.prompt.id)
            return finished

    def move(self) -> bool:
        """Go on with another prompt where one is to be had. Returns False if this one's turn has come meanwhile."""
        before, self.prompt = self.prompt, moved(self.client(), self.resources, self.lease, self.prompt) or self.prompt
        structlog.contextvars.bind_contextvars(comfyui_prompt_id=self.prompt.id)
        return self.prompt is not before

    def send(self, client: ComfyUIClient, graph: Mapping[str, Mapping[str, Any]]) -> None:
        """Send the prompt once. A server that does not answer, or answers 500, may have queued it all the same."""
        check(self.mailbox)
        self.resources.leases.must_be_fresh(self.lease)
        # No job is given to a server that is known to be wedged: what this worker remembers of it is out of date.
        self.resources.fleet.wedged.discard(self.prompt.server)
        along = extra_data(self.job.params, self.job.extra_pnginfo) | secrets_of(self.job, self.resources.vault)
        client_id = self.resources.sockets.client_id
        try:
            client.submit(graph, prompt_id=self.prompt.id, client_id=client_id, extra_data=along)
        except ComfyUIUnreachable as error:
            if error.refused:
                raise error.before_its_turn() from None
            if isinstance(client.locate(self.prompt.id), Gone):
                raise
        except WorkflowRejected as error:
            raise self.delivery.after_refusal(client, error) from error
        log.info("prompt.sent", server=client.name)

    @property
    def tries(self) -> Tries:
        return tries_of(self.claim, self.resources.limits)

    def may_be_cured(self, error: GenerationError) -> bool:
        """Whether the job is run once more for an output that cannot be read. If it is so again, it is the workflow's
        own doing."""
        return decide(error, self.tries, self.resources.chance) is not None

    def end_generation(self) -> None:
        """ComfyUI is done: the next job may have the slot while this one's outputs are stored. While the database is
        away the slot is kept until the job has ended."""
        try:
            with single(self.resources.messenger.engine) as session:
                lifecycle.generated(session, self.lease)
        except SQLAlchemyError as error:
            log.warning("slot.kept", error=str(error))
            return
        self.leave_slot()

    def withdraw_and_reraise(self, error: ServerRemoved | ServerWedged | Stalled) -> Finished:
        """Take the prompt out of a server that does not get on with it. One that ended meanwhile counts."""
        timings, stall_s = self.resources.timings, self.resources.limits.stall.total_seconds()
        # A thread that has ended heeds nothing; one that only seemed so may do so in a moment.
        patience_s = timings.withdraw_shortly_s if isinstance(error, ServerWedged) else timings.withdraw_stalled_s
        match self.withdraw(within_s=min(stall_s, patience_s)):
            case Withdrawal.GONE:
                found = self.client().locate(self.prompt.id)
                if isinstance(found, Finished) and not found.error:
                    return found
                raise error
            case Withdrawal.STUCK:
                problem = "a prompt neither moves nor heeds an interrupt"
                server_is_wedged(self.resources.fleet, self.prompt.server, problem)
                wedged = ServerWedged(self.prompt.server, was_running=not error.only_waited)
                raise wedged.as_early_as(error) from error
            case Withdrawal.SILENT:
                silent = ComfyUIUnreachable(self.prompt.server, "it fell silent while a prompt was taken out")
                raise silent.as_early_as(error) from error

    def withdraw(self, *, within_s: float) -> Withdrawal:
        client = self.resources.fleet.clients.get(self.prompt.server)
        return withdraw(client, self.prompt.id, self.mailbox, self.resources.timings, within_s=within_s)

    def withdraw_shortly(self) -> bool:
        """Take the prompt out of ComfyUI, as far as a few seconds allow: the job ends without it in any case. Returns
        whether it is gone."""
        with suppress(NotAFailure):
            if self.withdraw(within_s=self.resources.timings.withdraw_shortly_s) is Withdrawal.GONE:
                return True
        log.warning("prompt.not_withdrawn", server=self.prompt.server)
        return False

    def discard(self) -> None:
        """Remove whatever this attempt has stored: its result will not be used. What cannot be removed is noted."""
        try:
            self.resources.store.remove(self.folder)
        except OSError as error:
            log.warning("outputs.not_discarded", folder=self.folder, error=str(error))
            messenger, attempt = self.resources.messenger, self.lease.attempt
            settle(messenger, lambda session: discard_attempt_folder(session, self.job, attempt))

    def client(self) -> ComfyUIClient:
        if client := self.resources.fleet.clients.get(self.prompt.server):
            return client
        raise ComfyUIUnreachable(self.prompt.server, "it is not one of this worker's servers")
