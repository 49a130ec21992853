"""Outputs are read, verified and stored, with thumbnails, before the job is called completed."""

import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

PICTURED = {OutputKind.IMAGE, OutputKind.ANIMATION, OutputKind.VIDEO}


@dataclass(frozen=True)
class Collector:
    """Collects the outputs of one job from one server into one folder of the store.

    A file that arrives damaged is read again after each pause of `read_again_s`.
    """

    client: ComfyUIClient
    store: OutputStore
    job_id: int
    folder: str
    read_again_s: Sequence[float]

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
        media = verified.media
        path = f"{self.folder}/{number}{suffix}"
        row = JobOutput(
            job_id=self.job_id,
            number=number,
            kind=media.kind,
            node_id=output.node_id,
            filename=f"job-{self.job_id}-{number}{suffix}",
            path=path,
            media_type=media.media_type,
            size_bytes=local.stat().st_size,
            sha256=digest(local),
            width=media.width,
            height=media.height,
            duration_ms=media.duration_ms,
        )
        files = {path: local, **self.picture(row, local, verified)}
        try:
            self.store.put(files)
        except NotStored as error:
            raise StorageUnavailable(error.key, error.reason) from error
        return row

    def read(self, output: OutputFile, local: Path) -> Verified:
        """Read a file from ComfyUI and verify it. Raises OutputCorrupt if the last reading is damaged too."""
        for pause_s in (*self.read_again_s, None):
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
        """Make the thumbnails. Returns which local file is stored where; none for an output that has no picture, whose
        note says why."""
        media = verified.media
        if media.undecoded or media.kind not in PICTURED:
            row.thumbnail_note = media.undecoded or f"{media.kind} outputs have no picture"
            return {}
        files = {}
        try:
            for thumbnail in thumbnails(local, media.kind, verified.picture):
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
