"""The inputs of a job are put on its server before its prompt is sent, each file once, and the graph names them there.

The job's row keeps what its owner sent. A file that a server has lost is put there once more; then it is the server's
fault.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import structlog
from sqlalchemy import Engine

from shared.jobs.errors import GenerationError, NodeFailed, WorkflowRejected
from shared.models import GenerationJob
from shared.storage.store import OutputStore
from shared.workflows.references import with_inputs
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.inputs.errors import UploadFailed
from worker_service.comfyui.inputs.uploads import Presence, presence, upload
from worker_service.fleet.health import Fleet
from worker_service.run.inputs.needed import Needed, needed_by, pieces_of
from worker_service.run.prompt.mailbox import Mailbox
from worker_service.run.prompt.watch import check

log = structlog.get_logger(__name__)

GraphLike = Mapping[str, Mapping[str, Any]]

LOOK_UP_S = 0.2
# How ComfyUI says that it does not know a file: by its own lists, or by a look of the node's own.
UNKNOWN_FILE = frozenset({"value_not_in_list", "custom_validation_failed"})
LOST = frozenset({Presence.ABSENT, Presence.ANOTHER})


class InputsUnknown(Exception):
    """The server refused the prompt for a file that it was given: it is to be given once more, under another prompt."""


class Delivery:
    """Brings the inputs of one attempt to whichever server it is at."""

    def __init__(self, job: GenerationJob, mailbox: Mailbox, engine: Engine, store: OutputStore, fleet: Fleet) -> None:
        self.job = job
        self.mailbox = mailbox
        self.engine = engine
        self.store = store
        self.known = fleet.inputs
        self.files = fleet.files
        self.again: set[str] = set()  # names that are to be written over
        self.gave_again: set[str] = set()  # servers that were given files once more

    def bring(self, client: ComfyUIClient, graph: GraphLike) -> GraphLike:
        """The graph as the server is to run it, once it has every file. Blocks.

        Raises UploadFailed, InputTooLarge, InputMissing, StorageUnavailable, ComfyUIUnreachable, and as `check` does.
        """
        values: dict[str, dict[str, str]] = {}
        for one in self.needed:
            self.put(client, one)
            values.setdefault(one.node_id, {})[one.input] = one.file.value
        return with_inputs(graph, values)

    @cached_property
    def needed(self) -> list[Needed]:
        """What the job takes. That does not change while it runs."""
        return needed_by(self.job, self.engine, self.files)

    def put(self, client: ComfyUIClient, needed: Needed) -> None:
        """See that the server has a file. While another thread sees to that, this one waits for it."""
        known, name = self.known[client.name], needed.file.value
        if known.has(name):
            return
        while (coming := known.begin(name)) is not None:
            coming.wait(LOOK_UP_S)
            check(self.mailbox)
        try:
            if not known.has(name):
                self.put_first(client, needed)
                if not needed.file.is_cached:  # a server forgets pictures of its cache, so each job looks
                    known.add(name)
        finally:
            known.end(name)

    def put_first(self, client: ComfyUIClient, needed: Needed) -> None:
        file, is_again, found = needed.file, needed.file.value in self.again, presence(client, needed.file)
        if found is Presence.THERE and not is_again:
            return
        # Written over only where something stands in the way: another prompt may be reading what is there.
        is_there = found is Presence.ANOTHER or (is_again and found is not Presence.ABSENT)
        for overwrite in (True,) if is_there else (False, True):
            if upload(client, file, self.heeding(pieces_of(self.store, self.engine, needed)), overwrite=overwrite):
                self.again.discard(file.value)
                log.info("input.put", server=client.name, file=file.name, size_bytes=file.size, again=is_again)
                return
        raise UploadFailed(client.name, "it stores files under other names than they were given")

    def heeding(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces, as long as the work is to go on."""
        for piece in pieces:
            check(self.mailbox)
            yield piece

    def after_refusal(self, client: ComfyUIClient, error: WorkflowRejected) -> Exception:
        """What a refusal comes to: of a file that was given, it is given once more. Then the server has lost it, or
        else the node has something against the file."""
        named = [(one.get("node_id"), one.get("field")) for one in error.details["node_errors"] if is_of_a_file(one)]
        files = [one for one in self.needed if (one.node_id, one.input) in named]
        if not files:
            return error
        self.forget(client, files)
        if client.name not in self.gave_again:
            self.gave_again.add(client.name)
            self.again |= {one.file.value for one in files}
            log.warning("input.unknown_to_server", server=client.name, error=str(error))
            return InputsUnknown()
        return self.lost(client, files) or error

    def after_failure(self, client: ComfyUIClient, error: GenerationError) -> GenerationError:
        """What the failure of a node comes to: without its file, which was there when the prompt was sent, it is the
        server's."""
        if not isinstance(error, NodeFailed):
            return error
        files = [one for one in self.needed if one.node_id == error.details["node_id"]]
        return self.lost(client, files) or error

    def lost(self, client: ComfyUIClient, files: Iterable[Needed]) -> UploadFailed | None:
        """The error of a server that has not got what it was given."""
        gone = [one for one in files if presence(client, one.file) in LOST]
        self.forget(client, gone)
        return UploadFailed(client.name, f"it has lost {gone[0].file.name}, which it was given") if gone else None

    def forget(self, client: ComfyUIClient, files: Iterable[Needed]) -> None:
        known = self.known[client.name]
        for one in files:
            known.forget(one.file.value)


def is_of_a_file(node_error: Mapping[str, Any]) -> bool:
    return node_error.get("code") in UNKNOWN_FILE
