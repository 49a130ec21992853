"""The ComfyUI servers of this worker: their clients, and what looks at them show: which answer, and which work."""

import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import Engine

from shared.configuration.server_urls import ServerUrl, Terms
from shared.fleet.probes import ProbeKind, ProbeOutcome
from shared.jobs.errors import ComfyUIUnreachable, ServerUnfit, WorkflowRejected
from worker_service.comfyui.answers import Queue
from worker_service.comfyui.client import LARGEST_OUTPUT, ComfyUIClient
from worker_service.comfyui.oldest_version import why_too_old
from worker_service.comfyui.server_log import read_log, says_that_the_thread_ended
from worker_service.fleet import records
from worker_service.fleet.known_inputs import KnownFiles, KnownInputs
from worker_service.fleet.notes import Notes
from worker_service.fleet.records import Sight
from worker_service.fleet.timings import FleetTimings
from worker_service.fleet.wedge import RunningPrompt, WedgeDetector, is_canary, runs_again

log = structlog.get_logger(__name__)

RUNS_NOTHING = "it answers, but has prompts waiting and runs none; restart it"
THREAD_ENDED = "it answers, but its log says that the thread which runs prompts has ended; restart it"

# Called with the name of a server, and with what hears how that ended: whether well, and in words.
Restart = Callable[[str, Callable[[bool, str], None]], None]


class Fleet:
    """The clients by server name, and what this worker knows of each server.

    `slots` are those of a server whose URL names none. `restart` is called with the URL of a server that was found
    wedged.
    """

    def __init__(
        self,
        engine: Engine,
        urls: Sequence[ServerUrl],
        *,
        slots: int,
        restart: Restart | None = None,
        timings: FleetTimings,
    ) -> None:
        self.engine = engine
        self.timings = timings
        self.default_slots = slots
        self.largest_output = LARGEST_OUTPUT  # bytes
        self.tls: ssl.SSLContext | None = None  # what certificates are held to, by default what this machine trusts
        self.restart = restart
        self.wedged: set[str] = set()
        self.detectors: defaultdict[str, WedgeDetector] = defaultdict(WedgeDetector)
        self.running: defaultdict[str, RunningPrompt] = defaultdict(RunningPrompt)
        self.stuck: set[str] = set()
        self.versions: dict[str, str | None] = {}  # as last seen by this worker; None while a server does not answer
        self.files = KnownFiles()
        self.clients: Mapping[str, ComfyUIClient] = {}
        self.terms: dict[str, Terms] = {}
        self.notes: dict[str, Notes] = {}
        self.inputs: dict[str, KnownInputs] = {}
        self.changed: dict[str, threading.Event] = {}  # set where capabilities should be read now
        self.leaving: frozenset[str] = frozenset()  # those that were removed, and whose jobs are to be moved
        for url in urls:
            self.add(url)

    def add(self, url: ServerUrl) -> ComfyUIClient:
        """A server of this worker from now on. Other threads read `clients` meanwhile, so it is replaced."""
        client = ComfyUIClient(url, self.tls)
        client.largest_output = self.largest_output
        name = client.name
        self.terms[name], self.notes[name] = url.terms(self.default_slots), Notes(self.engine, name)
        self.inputs[name], self.changed[name] = KnownInputs(), threading.Event()
        self.clients = {**self.clients, name: client}
        return client

    def take_files_of(self, largest: int) -> None:
        """The most bytes of a file that is taken from a server."""
        self.largest_output = largest
        for client in self.clients.values():
            client.largest_output = largest

    @property
    def slots(self) -> int:
        """How many jobs its servers hold."""
        return sum(self.terms[name].slots for name in self.clients)

    def set_slots(self, by_hand: Mapping[str, int]) -> None:
        """As many as admins have set, for those servers; for the others what the settings say."""
        for name, client in self.clients.items():
            terms = client.url.terms(self.default_slots)
            self.terms[name] = terms._replace(slots=by_hand.get(name, terms.slots))

    def remove(self, name: str) -> None:
        """No server of this worker any more. What is known of it stays for threads that are just at it."""
        client = self.clients[name]
        self.clients = {other: found for other, found in self.clients.items() if other != name}
        client.close()

    def probe(self, client: ComfyUIClient) -> None:
        """See whether a server answers and works, and write it down. A server that is there again, or has another
        version, has changed."""
        name = client.name
        before = self.versions.get(name)
        try:
            version, queue = client.version(), client.queue()
        except ComfyUIUnreachable as error:
            self.record_loss(name, str(error))
            return
        self.running[name].see(queue)
        standing = records.record_sight(self.engine, name, self.sight(name, version, queue))
        self.versions[name] = version
        if client.socket_health.is_known:
            self.notes[name].write({"socket": client.socket_health.problem})
        if version != before:
            self.changed[name].set()
            self.inputs[name].forget_all()
        if not standing.unfit_since and (problem := why_too_old(version)):
            self.record_unfitness(name, problem)
        if standing.wedged_since:
            self.wedged.add(name)
            self.prove(client, queue)
        else:
            self.wedged.discard(name)
            self.suspect(client, queue)

    def sight(self, name: str, version: str, queue: Queue) -> Sight:
        """What the probe shows of a server. Of a prompt that another worker listens to, that one knows more."""
        waiting = [prompt_id for prompt_id in (*queue.running, *queue.pending) if not is_canary(prompt_id)]
        ours = records.prompts_of_jobs(self.engine, waiting)
        running = self.running[name]
        stuck = None
        if running.is_listened_to or running.id not in ours:
            stuck = running.silent_s >= self.timings.stuck_after_s
            self.tell_stuck(name, running.id if stuck else None)
        return Sight(version, self.terms[name], sum(prompt_id not in ours for prompt_id in waiting), stuck)

    def tell_stuck(self, name: str, prompt_id: str | None) -> None:
        """Say once that nothing is heard of the prompt that a server runs."""
        if prompt_id and name not in self.stuck:
            log.warning("server.stuck", server=name, comfyui_prompt_id=prompt_id)
        (self.stuck.add if prompt_id else self.stuck.discard)(name)

    def suspect(self, client: ComfyUIClient, queue: Queue) -> None:
        """Find out whether a server that answers has lost its thread."""
        if self.detectors[client.name].sees_wedge(queue):
            self.record_wedge(client.name, RUNS_NOTHING)
        elif self.running[client.name].silent_s >= self.timings.read_log_after_s:
            try:
                has_ended = says_that_the_thread_ended(read_log(client))
            except ComfyUIUnreachable as error:
                self.record_probe(client.name, ProbeKind.LOG, ProbeOutcome.REFUSED, str(error))
                return
            if has_ended:
                self.record_probe(client.name, ProbeKind.LOG, ProbeOutcome.FAILED, THREAD_ENDED)
                self.record_wedge(client.name, THREAD_ENDED)
            else:
                self.record_probe(client.name, ProbeKind.LOG, ProbeOutcome.PASSED)

    def prove(self, client: ComfyUIClient, queue: Queue) -> None:
        """Find out whether a server that was wedged works again, and have it restarted once more if it is time."""
        name = client.name
        try:
            if runs_again(client, self.timings.canary_s):
                self.record_recovery(name)
                return
            self.record_probe(name, ProbeKind.RUNS, ProbeOutcome.FAILED, "the small prompt that was sent still waits")
        except ComfyUIUnreachable as error:
            self.record_probe(name, ProbeKind.RUNS, ProbeOutcome.FAILED, str(error))
        except ServerUnfit as error:
            self.record_unfitness(name, str(error))
        except WorkflowRejected as error:
            self.prove_with_a_job(name, queue, str(error))
        every = timedelta(seconds=self.timings.restart_every_s)
        if self.restart and name in self.wedged and records.is_to_be_restarted(self.engine, name, every):
            self.call_restart(name)

    def prove_with_a_job(self, name: str, queue: Queue, refusal: str) -> None:
        """A server that takes none of our small prompts is proven by jobs, one at a time. Not while it still names a
        prompt: the one that ended its thread stays in its queue until it is restarted."""
        log.error("server.canary_refused", server=name, problem=refusal)
        self.record_probe(name, ProbeKind.RUNS, ProbeOutcome.REFUSED, refusal)
        after = timedelta(seconds=self.timings.one_job_after_s)
        if not (queue.running or queue.pending) and records.try_with_one_job(self.engine, name, after):
            self.wedged.discard(name)
            log.warning("server.tried_with_one_job", server=name)

    def record_loss(self, name: str, problem: str) -> None:
        """Give a server no jobs until it answers again."""
        self.versions[name] = None
        if name in self.inputs:
            self.inputs[name].forget_all()
        slots = self.terms[name].slots if name in self.terms else 1
        records.record_loss(self.engine, name, slots, problem)

    def record_wedge(self, name: str, problem: str) -> None:
        """Write down that a server answers but does not work. The first worker to do so has it restarted."""
        self.wedged.add(name)
        self.detectors.pop(name, None)
        if records.record_wedge(self.engine, name, problem, is_restarted=self.restart is not None):
            log.error("server.wedged", server=name, problem=problem)
            self.call_restart(name)

    def record_recovery(self, name: str) -> None:
        records.record_recovery(self.engine, name)
        self.wedged.discard(name)
        log.info("server.runs_again", server=name)

    def record_unfitness(self, name: str, problem: str) -> None:
        """Give a server no jobs until its version changes, or an operator resumes it."""
        if records.record_unfitness(self.engine, name, problem):
            log.error("server.unfit", server=name, problem=problem)

    def record_probe(self, name: str, kind: ProbeKind, outcome: ProbeOutcome, problem: str | None = None) -> None:
        records.record_probe(self.engine, name, kind, outcome, problem)
        say = log.debug if outcome is ProbeOutcome.PASSED else log.warning
        say("server.probed", server=name, probe=kind.value, outcome=outcome.value, problem=problem)

    def call_restart(self, name: str) -> None:
        def tell(went_well: bool, said: str) -> None:
            outcome = ProbeOutcome.PASSED if went_well else ProbeOutcome.FAILED
            self.record_probe(name, ProbeKind.RESTART, outcome, said)

        if self.restart:
            self.restart(name, tell)

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
