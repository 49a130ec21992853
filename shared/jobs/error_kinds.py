"""Everything that can go wrong with a job, and whether doing it again can help.

GenerationError
├── Transient                  the same job may well succeed later, or elsewhere
│   ├── ComfyUIUnreachable     no answer
│   ├── StorageUnavailable     our own store refused the bytes
│   ├── OutputWithheld         ComfyUI answers, and fails whenever it is asked for this
│   ├── Unexpected             a bug, or an answer that nobody expected
│   └── Settled                ... and its prompt is known to be of no more use
│       ├── PromptLost         ComfyUI restarted: queue and history are gone
│       ├── PromptInterrupted  somebody else stopped it
│       ├── OutOfMemory        the graphics card was full
│       ├── ServerWedged       ComfyUI answers, and runs nothing
│       ├── ServerUnfit        its ComfyUI cannot be worked with
│       ├── Stalled            it ran, and nothing moved for too long
│       ├── UploadFailed       the server did not take a file that the job needs
│       ├── InputTooLarge      such a file is larger than what this server takes
│       ├── OutputCorrupt      what was read does not decode, or is cut short
│       └── OutputMissing      history names a file that ComfyUI no longer has
└── Permanent                  the same job would fail the same way
    ├── WorkflowRejected       ComfyUI refused it
    ├── NodeFailed             a node raised while it ran
    ├── InterruptedTwice       it was interrupted at the same node twice in a row
    ├── OutputRefused          none of its outputs has a name that can be asked for
    ├── OutputTooLarge         it made more than is kept
    ├── NotRecorded            it ran, and the database refused what it made
    ├── InputMissing           a file that it needs is not an asset any more
    ├── SecretsUnreadable      this worker cannot decrypt what was sent with it
    ├── TimedOut               the time limit passed
    ├── Poison                 it took its worker or its server down too often
    ├── WornOut                no worker could bring it to an end
    └── WorkflowQuarantined    its workflow has taken down one server after the other
NotAFailure                    what ends an attempt without a word against the job
├── LeaseLost                  another worker has it now, or it has ended
├── CancelRequested            its owner wants no result
└── WorkerStopping             the next worker goes on with it
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

ONLY_WAITED = "only_waited"  # a fact of an error, which its attempt remembers


def says_only_waited(details: Mapping[str, Any] | None) -> bool:
    """Whether a prompt had not begun to run when this went wrong, by the details of the error."""
    return (details or {}).get(ONLY_WAITED) is True


class GenerationError(Exception):
    """A job's attempt failed. `code` is stable and public; `details` are JSON."""

    code: ClassVar[str] = "internal_error"
    details: Mapping[str, Any] = {}

    def without_words(self, why: str = "the database refused what else there was to say") -> Self:
        """The same error, which says nothing but its code: what it said cannot be written down."""
        self.args, self.details = (f"the job failed with {self.code}; {why}",), {}
        return self


class Transient(GenerationError):
    """Trying again can help. The prompt may still be running, or its result be there: look for it first."""

    def before_its_turn(self) -> Self:
        """The same error of a prompt that had not begun to run. It is no doing of the job, so its tries do not count
        it."""
        self.details = {**self.details, ONLY_WAITED: True}
        return self

    def as_early_as(self, cause: "Transient") -> Self:
        return self.before_its_turn() if cause.only_waited else self

    @property
    def only_waited(self) -> bool:
        return says_only_waited(self.details)


class Settled(Transient):
    """Trying again can help, and only with a new prompt."""


class Permanent(GenerationError):
    """Trying again cannot help."""


class NotAFailure(Exception):
    """The attempt ends here, and the job is none the worse for it."""


class LeaseLost(NotAFailure):
    """Another worker was given this job, or it has ended: what this worker writes about it no longer counts."""


class CancelRequested(NotAFailure):
    """The job can only become cancelled now, once its prompt is known to be gone."""


class WorkerStopping(NotAFailure):
    """This worker is being stopped: the prompt is left to ComfyUI, and the job to the next worker."""
