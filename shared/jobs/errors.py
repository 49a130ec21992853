"""Every error of a job, with the sentence that its owner reads. `shared.jobs.error_kinds` shows them as a tree."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from shared.jobs.error_kinds import CancelRequested as CancelRequested
from shared.jobs.error_kinds import GenerationError as GenerationError
from shared.jobs.error_kinds import LeaseLost as LeaseLost
from shared.jobs.error_kinds import NotAFailure as NotAFailure
from shared.jobs.error_kinds import Permanent as Permanent
from shared.jobs.error_kinds import Settled as Settled
from shared.jobs.error_kinds import Transient as Transient
from shared.jobs.error_kinds import WorkerStopping as WorkerStopping
from shared.texts.reasons import without_paths


class ComfyUIUnreachable(Transient):
    """The server did not answer in time, or, `refused`, nothing listens there: its process has ended."""

    code = "comfyui_unreachable"

    def __init__(self, server: str, reason: str, *, refused: bool = False) -> None:
        super().__init__(f"ComfyUI at {server} does not answer: {reason}")
        self.reason = reason
        self.refused = refused
        self.details = {"server": server}


class PromptLost(Settled):
    """Neither ComfyUI's queue nor its history knows the prompt. `was_running`: it was seen to run before. `was_wedged`:
    the server was known to run nothing any more, so it was restarted for that."""

    code = "prompt_lost"

    def __init__(self, server: str, prompt_id: str, *, was_running: bool = False, was_wedged: bool = False) -> None:
        super().__init__(f"ComfyUI at {server} no longer knows prompt {prompt_id}; it was probably restarted")
        wedged = {"was_wedged": True} if was_wedged else {}
        self.details = {"server": server, "comfyui_prompt_id": prompt_id, "was_running": was_running, **wedged}


class PromptInterrupted(Settled):
    """The prompt was interrupted, and not by us."""

    code = "interrupted"

    def __init__(self, node_id: str | None, node_type: str | None) -> None:
        super().__init__(f"the prompt was interrupted in node {node_id} ({node_type}) by somebody else")
        self.details = {"node_id": node_id, "node_type": node_type}


class OutOfMemory(Settled):
    """A node found the graphics card full: of this job's own making, or of what else is loaded there."""

    code = "out_of_memory"

    def __init__(self, node_id: str, node_type: str, exception_type: str, message: str) -> None:
        super().__init__(f"node {node_id} ({node_type}) ran out of memory: {message}")
        self.details = {"node_id": node_id, "node_type": node_type, "exception_type": exception_type}


class ServerWedged(Settled):
    """The server answers and accepts prompts, but no longer runs any. The prompt was taken out of its queue, or it
    `was_running`: then it is the one that the server has come to grief with."""

    code = "server_wedged"

    def __init__(self, server: str, *, was_running: bool = False) -> None:
        under = "; it came to that while it ran this job" if was_running else ""
        super().__init__(f"ComfyUI at {server} answers but runs nothing{under}; it must be restarted")
        self.details = {"server": server, "was_running": was_running}


class ServerUnfit(Settled):
    """Jobs cannot be done with this server's ComfyUI. What it made of the prompt was taken out of its queue."""

    code = "server_unfit"

    def __init__(self, server: str, problem: str) -> None:
        super().__init__(f"ComfyUI at {server} cannot be worked with: {problem}")
        self.problem = problem
        self.details = {"server": server}


class Stalled(Settled):
    """The prompt ran, and its server was silent about it for too long. It was interrupted."""

    code = "stalled"

    def __init__(self, server: str, seconds: float) -> None:
        super().__init__(f"nothing moved on ComfyUI at {server} for {seconds:.0f} seconds")
        self.details = {"server": server, "stall_timeout_seconds": seconds}


class OutputCorrupt(Settled):
    """A downloaded file does not decode, or is shorter than its header says."""

    code = "output_corrupt"

    def __init__(self, filename: str, reason: str) -> None:
        super().__init__(f"output {filename} is damaged: {without_paths(reason)}")
        self.details = {"filename": filename}


class OutputMissing(Settled):
    """The history names a file that is not there."""

    code = "output_missing"

    def __init__(self, filename: str, status: int, path: str = "/view") -> None:
        super().__init__(f"output {filename} is not there: the history names it, and {path} answers {status}")
        self.details = {"filename": filename}


class OutputWithheld(Transient):
    """The server answers, and breaks off whenever it is asked for this: a node has shown what it cannot pass on."""

    code = "output_withheld"

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what} cannot be had: ComfyUI fails whenever it is asked for it ({reason})")


class StorageUnavailable(Transient):
    """Our store refused to keep a file, or to give one. `is_away`: it would be so for others, too."""

    code = "storage_unavailable"

    def __init__(self, path: str, reason: str, *, doing: str = "store", is_away: bool = True) -> None:
        super().__init__(f"could not {doing} {path}: {reason}")
        self.reason, self.is_away = reason, is_away
        self.details = {"path": path}


class Unexpected(Transient):
    """Something was raised that nobody expected. The log has the traceback; the job only says what it was."""

    code = "internal_error"

    def __init__(self, error: Exception) -> None:
        super().__init__(f"an unexpected error stopped the job: {type(error).__name__}")
        self.details = {"exception_type": type(error).__name__}


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


class InterruptedTwice(Permanent):
    """The prompt was interrupted at the same node twice in a row, and not by us: that is how its node ends a run."""

    code = "interrupted_twice"

    def __init__(self, interrupted: "PromptInterrupted") -> None:
        where = "node {node_id} ({node_type})".format(**interrupted.details)
        super().__init__(f"the prompt was interrupted in {where} twice in a row: the workflow stops itself there")
        self.details = interrupted.details


class OutputRefused(Permanent):
    """The history names a file that is not asked for: its name leads out of ComfyUI's folders, or is none."""

    code = "output_refused"

    def __init__(self, filename: str, reason: str) -> None:
        super().__init__(f"output {filename!r} is not asked for: {reason}")
        self.details = {"filename": filename}


class OutputTooLarge(Permanent):
    """What the workflow made is larger than what is read from a server."""

    code = "output_too_large"

    def __init__(self, what: str, most_bytes: int) -> None:
        super().__init__(f"{what} has more than {most_bytes} bytes, which is the most that is kept")
        self.details = {"most_bytes": most_bytes}


# What is wrong with one output, and says nothing against the others.
UNREADABLE = (OutputCorrupt, OutputMissing, OutputWithheld, OutputRefused, OutputTooLarge)


class NotRecorded(Permanent):
    """The outputs are stored, and the database does not take what there is to say of them."""

    code = "not_recorded"

    def __init__(self) -> None:
        super().__init__("the job has run, but the database refused its outputs; the worker's log says why")


class SecretsUnreadable(Permanent):
    """The job was sent with secrets, and this worker cannot decrypt them. Its prompt was not sent."""

    code = "secrets_unreadable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the worker cannot decrypt the secrets that were sent with the job: {reason}")


class TimedOut(Permanent):
    """The job ran longer than the limit. `limit_seconds` says how long that is."""

    code = "timeout"

    def __init__(self, limit_seconds: float) -> None:
        super().__init__(f"the job ran longer than {limit_seconds:.0f} seconds and was stopped")
        self.details = {"limit_seconds": limit_seconds}


class Poison(Permanent):
    """The worker, or the ComfyUI server, died under this job, again and again."""

    code = "poison"

    def __init__(self, deaths: int, of: Literal["worker", "server"] = "worker") -> None:
        whose = "ComfyUI server" if of == "server" else of
        super().__init__(f"the job was running {deaths} times when its {whose} died; it is not tried again")
        self.details = {"deaths": deaths, "of": of}


class WornOut(Permanent):
    """Workers had the job again and again, did not die of it, and never wrote down how it ended."""

    code = "worn_out"

    def __init__(self, attempts: int) -> None:
        super().__init__(f"the job was given to workers {attempts} times, and none brought it to an end")
        self.details = {"attempts": attempts}
