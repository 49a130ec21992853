"""What a prompt made is read, verified, stored and made small, before anybody says that the job is done."""

import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from shared.files.store import NotStored, OutputStore
from shared.jobs.errors import NoOutputs, OutputCorrupt, StorageUnavailable
from shared.models import JobOutput, OutputKind
from worker_service.comfyui.answers import OutputFile, OutputText
from worker_service.comfyui.client import ComfyUIClient
from worker_service.media.thumbnails import thumbnails
from worker_service.media.verify import Verified, verify
from worker_service.run.mailbox import Mailbox
from worker_service.run.watch import check

log = structlog.get_logger(__name__)

READ_AGAIN_S = (0.2, 1.0, 3.0)  # ComfyUI writes in place: what is half written now may be whole in a moment
PICTURED = {OutputKind.IMAGE, OutputKind.ANIMATION, OutputKind.VIDEO}


class Collector:
    """Collects the outputs of one job from one server into one folder of the store."""

    def __init__(self, client: ComfyUIClient, store: OutputStore, job_id: int, folder: str) -> None:
        self.client = client
        self.store = store
        self.job_id = job_id
        self.folder = folder

    def collect(self, found: Sequence[OutputFile | OutputText], mailbox: Mailbox) -> list[JobOutput]:
        """Store every output.

        Raises NoOutputs, OutputCorrupt, OutputMissing, StorageUnavailable, ComfyUIUnreachable, or what `check` does.
        """
        if not found:
            raise NoOutputs
        outputs = []
        for number, output in enumerate(found):
            check(mailbox)
            with tempfile.TemporaryDirectory(prefix="genonaut-") as folder:
                outputs.append(self.keep(number, output, Path(folder) / "output"))
        return outputs

    def keep(self, number: int, output: OutputFile | OutputText, local: Path) -> JobOutput:
        match output:
            case OutputText():
                suffix = ".txt"
                local.write_text(output.text, "utf-8")
                verified = verify(local, f"text{suffix}")
            case OutputFile():
                suffix = Path(output.filename).suffix.lower()
                verified = self.read(output, local)
        facts = verified.facts
        path = f"{self.folder}/{number}{suffix}"
        row = JobOutput(
            job_id=self.job_id,
            number=number,
            kind=facts.kind,
            node_id=output.node_id,
            filename=f"job-{self.job_id}-{number}{suffix}",
            path=path,
            media_type=facts.media_type,
            size_bytes=local.stat().st_size,
            sha256=digest(local),
            width=facts.width,
            height=facts.height,
            duration_ms=facts.duration_ms,
        )
        files = {path: local, **self.picture(row, local, verified)}
        try:
            self.store.put(files)
        except NotStored as error:
            raise StorageUnavailable(error.key, error.reason) from error
        return row

    def read(self, output: OutputFile, local: Path) -> Verified:
        """Read a file from ComfyUI and verify it; one that is damaged is read again before it is given up."""
        for pause_s in (*READ_AGAIN_S, None):
            try:
                self.client.download(output, local)
                return verify(local, output.filename)
            except OutputCorrupt as error:
                if pause_s is None:
                    raise
                log.warning("output.corrupt", error=str(error), read_again_in_s=pause_s)
                time.sleep(pause_s)
        raise AssertionError("the loop returns or raises")

    def picture(self, row: JobOutput, local: Path, verified: Verified) -> Mapping[str, Path]:
        """Make the thumbnails, and tell where each is to be stored. An output that has none is no less an output: the
        note says why."""
        facts = verified.facts
        if facts.undecoded or facts.kind not in PICTURED:
            row.thumbnail_note = facts.undecoded or f"{facts.kind} outputs have no picture"
            return {}
        files = {}
        try:
            for thumbnail in thumbnails(local, facts.kind, verified.picture):
                path = f"{self.folder}/{row.number}-{thumbnail.size}.webp"
                files[path] = local.with_name(f"{thumbnail.size}.webp")
                files[path].write_bytes(thumbnail.content)
                row.thumbnails[str(thumbnail.size)] = {
                    "path": path,
                    "width": thumbnail.width,
                    "height": thumbnail.height,
                    "size_bytes": len(thumbnail.content),
                }
        except Exception as error:
            log.exception("thumbnails.failed", number=row.number)
            row.thumbnails, row.thumbnail_note = {}, f"no thumbnail could be made: {error}"
            return {}
        return files


def digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
