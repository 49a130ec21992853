"""The errors of a job whose inputs do not come to a server."""

from shared.jobs.error_kinds import Permanent, Settled


class UploadFailed(Settled):
    """The server does not take a file that a job needs, or does not keep it."""

    code = "upload_failed"

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"ComfyUI at {server} does not take the inputs of the job: {reason}")
        self.details = {"server": server}


class InputTooLarge(Settled):
    """The file is larger than what this server takes: ComfyUI's `--max-upload-size`, or the limit of a proxy."""

    code = "input_too_large"

    def __init__(self, server: str, size: int) -> None:
        super().__init__(f"ComfyUI at {server} takes no input of {size} bytes; see --max-upload-size there")
        self.details = {"server": server, "size_bytes": size}


class InputMissing(Permanent):
    """The job names an asset that is not there any more, though it was to be kept until the job has ended."""

    code = "input_missing"

    def __init__(self, asset_id: str) -> None:
        super().__init__(f"the asset {asset_id}, which the job takes, is gone")
        self.details = {"asset_id": asset_id}
