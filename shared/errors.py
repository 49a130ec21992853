"""Everything that can go wrong with a job, and whether doing it again can help.

GenerationError
├── Transient                  the same job may well succeed later, or elsewhere
│   ├── ComfyUIUnreachable     no answer: its prompt is in doubt
│   ├── PromptLost             ComfyUI restarted: queue and history are gone
│   ├── PromptInterrupted      somebody else stopped it
│   ├── OutputCorrupt          what was read does not decode, or is cut short
│   ├── OutputMissing          history names a file that ComfyUI no longer has
│   └── StorageUnavailable     our own store refused the bytes
└── Permanent                  the same job would fail the same way
    ├── WorkflowRejected       ComfyUI's validation said no
    ├── NodeFailed             a node raised while it ran
    ├── NoOutputs              it ran, and left nothing to keep
    ├── TimedOut               the time limit passed
    └── Poison                 it took its worker down too often
LeaseLost                      not a failure of the job: another worker has it now
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class GenerationError(Exception):
    """A job's attempt failed. `code` is stable and public; `details` holds the facts, as JSON can."""

    code: ClassVar[str] = "internal_error"
    details: Mapping[str, Any] = {}


class Transient(GenerationError):
    """Trying again can help."""


class Permanent(GenerationError):
    """Trying again cannot help."""


class ComfyUIUnreachable(Transient):
    """The server did not answer in time, or refused the connection."""

    code = "comfyui_unreachable"

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"ComfyUI at {server} does not answer: {reason}")
        self.details = {"server": server}


class PromptLost(Transient):
    """Neither ComfyUI's queue nor its history knows the prompt."""

    code = "prompt_lost"

    def __init__(self, server: str, prompt_id: str) -> None:
        super().__init__(f"ComfyUI at {server} no longer knows prompt {prompt_id}; it was probably restarted")
        self.details = {"server": server, "comfyui_prompt_id": prompt_id}


class PromptInterrupted(Transient):
    """The prompt was interrupted, and not by us."""

    code = "interrupted"

    def __init__(self, node_id: str | None, node_type: str | None) -> None:
        super().__init__(f"the prompt was interrupted in node {node_id} ({node_type}) by somebody else")
        self.details = {"node_id": node_id, "node_type": node_type}


class OutputCorrupt(Transient):
    """A downloaded file does not decode, or is shorter than it says."""

    code = "output_corrupt"

    def __init__(self, filename: str, reason: str) -> None:
        super().__init__(f"output {filename} is damaged: {reason}")
        self.details = {"filename": filename}


class OutputMissing(Transient):
    """The history names a file that is not there."""

    code = "output_missing"

    def __init__(self, filename: str, status: int) -> None:
        super().__init__(f"ComfyUI answered {status} for its own output {filename}")
        self.details = {"filename": filename}


class StorageUnavailable(Transient):
    """The output store refused to keep a file."""

    code = "storage_unavailable"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"could not store {path}: {reason}")
        self.details = {"path": path}


class WorkflowRejected(Permanent):
    """ComfyUI refused the workflow. `node_errors` is its own account, by node."""

    code = "workflow_rejected"

    def __init__(self, message: str, node_errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.details = {"node_errors": list(node_errors)}


class NodeFailed(Permanent):
    """A node raised while the workflow ran."""

    code = "node_failed"

    def __init__(self, node_id: str, node_type: str, exception_type: str, message: str) -> None:
        super().__init__(f"node {node_id} ({node_type}) failed: {message}")
        self.details = {"node_id": node_id, "node_type": node_type, "exception_type": exception_type}


class NoOutputs(Permanent):
    """The workflow ran to its end and gave no file and no text."""

    code = "no_outputs"

    def __init__(self) -> None:
        super().__init__("the workflow finished without any output; it needs a node that saves one, such as SaveImage")


class TimedOut(Permanent):
    """The job ran longer than the limit. `limit_seconds` says how long that is."""

    code = "timeout"

    def __init__(self, limit_seconds: float) -> None:
        super().__init__(f"the job ran longer than {limit_seconds:.0f} seconds and was stopped")
        self.details = {"limit_seconds": limit_seconds}


class Poison(Permanent):
    """The worker died under this job, again and again."""

    code = "poison"

    def __init__(self, deaths: int) -> None:
        super().__init__(f"the job was running {deaths} times when its worker died; it is not tried again")
        self.details = {"deaths": deaths}


class LeaseLost(Exception):
    """Another worker was given this job, or it has ended: nothing this worker says about it counts any more."""
