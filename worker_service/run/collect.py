"""Outputs are read, verified and stored, with thumbnails, before the job is called completed."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from shared.jobs.errors import (
    UNREADABLE,
    ComfyUIUnreachable,
    GenerationError,
    OutputCorrupt,
    OutputRefused,
    OutputWithheld,
    StorageUnavailable,
)
from shared.jobs.warnings import JobWarning, WarningCode
from shared.models import GenerationJob, JobOutput, OutputKind
from shared.storage.store import NotStored, OutputStore
from shared.texts.storable import name
from shared.tracing.tracing import OFF, Kind, Tracing
from shared.workflows.labels import Label, label_of, name_of
from shared.workflows.text_to_image import SAVE_NODE, node
from worker_service.comfyui.client import ComfyUIClient
from worker_service.comfyui.file_names import ending_of, why_refused
from worker_service.comfyui.history_outputs import Output, OutputFile, OutputText
from worker_service.comfyui.output_limits import Room
from worker_service.comfyui.wanted import EVERYTHING, Wanted
from worker_service.media.findings import Examined
from worker_service.media.plain_files import examine_plainly
from worker_service.media.pool import MediaPool
from worker_service.run.output_warnings import empty_warning, not_kept, summed_up, warning_of
from worker_service.run.prompt.mailbox import Mailbox
from worker_service.run.prompt.watch import check
from worker_service.run.resources import RunResources
from worker_service.run.secrets import safe_words
from worker_service.run.storage import local_file

log = structlog.get_logger(__name__)

BROKEN_WITHIN_S = 10.0  # a connection that broke is opened again; a server that was silent is not waited for again
MOST_SPANS = 16  # outputs of a job that are told of one by one
READ_AGAIN = 8  # outputs of a job that cannot be read; the others are read once
LEFT_NOTHING = "the workflow ran and left no output; a node such as SaveImage saves what it makes"
NOTHING_WANTED = "the workflow ran, and left none of the outputs that were asked for"


class Collected(NamedTuple):
    """What is stored of a run, and what its owner should know of the rest."""

    outputs: list[JobOutput]
    warnings: list[JobWarning]


class Fetched(NamedTuple):
    """What is known of a local file once it is there whole."""

    examined: Examined
    sha256: str


MayRunAgain = Callable[[GenerationError], bool]


def collector_of(
    job: GenerationJob, client: ComfyUIClient, folder: str, resources: RunResources, may_run_again: MayRunAgain
) -> "Collector":
    """What collects the outputs that a job asks for."""
    return Collector(
        client,
        resources.store,
        resources.media,
        job.id,
        folder,
        resources.timings.read_again_s,
        may_run_again=may_run_again,
        safe=partial(safe_words, job=job, vault=resources.vault),
        wanted=Wanted(job.output_nodes, job.temp_outputs),
        workflow={SAVE_NODE: node("SaveImage")} if job.workflow is None else job.workflow,
        tracing=resources.tracing,
    )


@dataclass(frozen=True)
class Collector:
    """Collects the outputs of one job from one server into one folder of the store.

    A file that arrives damaged is read again after each pause of `read_again_s`. `may_run_again` says whether the job
    is to be run once more for an output that cannot be read. `workflow` says how its author calls its nodes. `safe`
    takes the secrets of the job out of what is logged.
    """

    client: ComfyUIClient
    store: OutputStore
    media: MediaPool
    job_id: int
    folder: str
    read_again_s: Sequence[float]
    may_run_again: MayRunAgain = lambda _error: False
    wanted: Wanted = EVERYTHING
    workflow: Mapping[str, Any] = field(default_factory=dict)
    safe: Callable[[str], str] = str
    tracing: Tracing = OFF

    def collect(self, shown: Iterable[Output], mailbox: Mailbox) -> Collected:
        """Store every output that is wanted and can be read. What is wrong with the others is told by warnings.

        Raises one of UNREADABLE if the job is to be run again, or none of several can be read; StorageUnavailable,
        ComfyUIUnreachable, or what `check` does.
        """
        room, outputs = Room(), list[JobOutput]()
        errors, warnings = list[GenerationError](), list[JobWarning]()
        for output in room.within(self.wanted.among(shown)):
            check(mailbox)
            pauses_s = self.read_again_s if len(errors) < READ_AGAIN else ()
            try:
                with local_file() as local:
                    row = self.keep(len(outputs), output, local, pauses_s)
            except UNREADABLE as error:
                if self.may_run_again(error):
                    raise
                log.warning("output.unreadable", error=self.safe(str(error)))
                errors.append(error)
                warnings.append(warning_of(error, output))
            else:
                outputs.append(row)
                warnings += empty_warning(row)
        if errors and not outputs:
            raise summed_up(errors)
        warnings += room.warnings() + not_kept(self.workflow, self.wanted)
        if not outputs and not room.warnings():
            said = LEFT_NOTHING if self.wanted.is_everything else NOTHING_WANTED
            warnings.append(JobWarning(WarningCode.NO_OUTPUTS, said))
        return Collected(outputs, warnings)

    def keep(self, number: int, output: OutputFile | OutputText, local: Path, pauses_s: Sequence[float]) -> JobOutput:
        # The others take as long, and a job may have thousands.
        tracing, about = self.tracing if number < MOST_SPANS else OFF, {"genonaut.output": number}
        with tracing.span("download", about, Kind.CLIENT):
            (examined, sha256), ending = self.fetch(output, local, pauses_s)
        media = examined.media
        path = f"{self.folder}/{number}{ending}"
        label = label_of(self.workflow, output.node_id)
        stem = "-".join(filter(None, (name_of(label.prefix), f"job-{self.job_id}")))
        row = JobOutput(
            job_id=self.job_id,
            number=number,
            kind=OutputKind(media.kind),
            filename=f"{stem}-{number}{ending}",
            path=path,
            media_type=media.media_type,
            size_bytes=local.stat().st_size,
            sha256=sha256,
            width=media.width,
            height=media.height,
            duration_ms=media.duration_ms,
            **whose(output, label),
        )
        try:
            with tracing.span("store", about | {"genonaut.bytes": row.size_bytes}):
                self.store.put({path: local, **self.picture(row, examined)})
        except NotStored as error:
            raise StorageUnavailable(error.key, error.reason) from error
        return row

    def fetch(self, output: OutputFile | OutputText, local: Path, pauses_s: Sequence[float]) -> tuple[Fetched, str]:
        """Write an output into a local file. Returns what it is, and what its name ends in."""
        if isinstance(output, OutputText):
            return written(output.text, output.suffix, local), output.suffix
        try:
            return self.read(output, local, pauses_s), ending_of(output.filename)
        except UNREADABLE:
            if output.said is None:
                raise
            return written(output.said, ".txt", local), ".txt"  # it named no file

    def read(self, output: OutputFile, local: Path, pauses_s: Sequence[float]) -> Fetched:
        """Read a file from ComfyUI and examine it, again after each pause. Raises OutputCorrupt if all are damaged."""
        if reason := why_refused(output):
            raise OutputRefused(output.filename, reason)
        for pause_s in pauses_s:
            began_at = time.monotonic()
            try:
                fetched = self.read_once(output, local)
                check_not_empty(output, local, fetched.examined)
            except (OutputCorrupt, ComfyUIUnreachable) as error:
                if isinstance(error, ComfyUIUnreachable) and time.monotonic() - began_at > BROKEN_WITHIN_S:
                    raise
                log.warning("output.corrupt", error=self.safe(str(error)), read_again_in_s=pause_s)
                time.sleep(pause_s)
            else:
                return fetched
        return self.read_last(output, local)

    def read_last(self, output: OutputFile, local: Path) -> Fetched:
        """Raises OutputWithheld where the server breaks off once more and answers all else: it is this file, then."""
        try:
            return self.read_once(output, local)
        except ComfyUIUnreachable as error:
            self.client.version()
            raise OutputWithheld(f"output {output.filename!r}", "its answer breaks off") from error

    def read_once(self, output: OutputFile, local: Path) -> Fetched:
        sha256 = self.client.download(output, local)
        return Fetched(self.media.examine(local, output.filename), sha256)

    def picture(self, row: JobOutput, examined: Examined) -> Mapping[str, bytes]:
        """Note the thumbnails in the row. Returns what is to be stored where; nothing for an output that has no
        picture, whose note says why."""
        row.thumbnail_note = examined.note
        row.thumbnails, files = examined.thumbnail_files(f"{self.folder}/{row.number}")
        return files


def whose(output: OutputFile | OutputText, label: Label) -> dict[str, Any]:
    """The columns that say which of the run's outputs this is. Server and caller have a say in them."""
    of_file = {"server_filename": output.filename, "type": output.type} if isinstance(output, OutputFile) else {}
    columns = {"node_id": output.node_id, "node_class": label.node_class, "node_title": label.title, "key": output.key}
    return {column: None if value is None else name(value) for column, value in {**columns, **of_file}.items()}


def written(text: str, suffix: str, local: Path) -> Fetched:
    """A text as a file in UTF-8. Half of a surrogate pair, which UTF-8 cannot say, becomes U+FFFD."""
    content = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    local.write_bytes(content)
    return Fetched(examine_plainly(local, suffix), hashlib.sha256(content).hexdigest())


def check_not_empty(output: OutputFile, local: Path, examined: Examined) -> None:
    """Raise OutputCorrupt for a file of no bytes, which may be half written. Read once more it is taken as it is, as no
    header of it promises any; and a text may well be empty."""
    if examined.media.kind == OutputKind.OTHER and not local.stat().st_size:
        raise OutputCorrupt(output.filename, "it is empty")
