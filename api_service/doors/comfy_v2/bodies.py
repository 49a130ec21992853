"""A job as clients of the Comfy API ask for it."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from api_service.jobs.extra_data import ExtraData, Secret
from api_service.submit.job_request import JobOptions, JobRequest
from api_service.submit.sealing import SentAlong
from api_service.webhooks.asked import Url
from shared.files.asset_names import is_odd
from shared.models.jobs.generation_job import DEFAULT_PRIORITY
from shared.webhooks.own import OwnWebhook

MOST_LABELS = 16
LABEL = re.compile(r"[A-Za-z0-9_.-]{1,40}")
LARGEST_LABEL = 256  # bytes
MARKS = frozenset("\u061c\u200e\u200f")  # of direction: beside what is odd in a name, they have no place in a label


def acceptable_labels(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > MOST_LABELS:
        raise ValueError(f"has {len(labels)} pairs; at most {MOST_LABELS} are kept")
    for key, value in labels.items():
        if not LABEL.fullmatch(key):
            raise ValueError(f"the key {key[:50]!r} must have 1 to 40 letters, digits, `_`, `-` or `.`")
        if flaw := flaw_of_value(value):
            raise ValueError(f"the value of {key!r} {flaw}")
    return labels


def flaw_of_value(value: str) -> str | None:
    """What is wrong with the value of a label."""
    if any(character in MARKS or is_odd(character) for character in value):
        return "must have no control characters and none that turn the direction of text"
    if len(value.encode()) > LARGEST_LABEL:
        return f"must have at most {LARGEST_LABEL} bytes of UTF-8"
    return None


def reserved(_value: Any) -> Any:
    raise PydanticCustomError("reserved", "is reserved by the contract, and not taken yet")


Labels = Annotated[dict[str, str], AfterValidator(acceptable_labels)]
Reserved = Annotated[Any, BeforeValidator(reserved)]


class ExtraDataBody(BaseModel, frozen=True, extra="forbid", strict=True):
    """What goes along with the prompt: the key that API nodes pay with, stored encrypted until the job ends."""

    api_key_comfy_org: Secret | None = None


class JobBody(BaseModel, frozen=True, extra="forbid", strict=True):
    """A workflow to run. `priority` and `previews` are ours: of jobs that wait, those with the highest priority go
    first; `previews` asks for the sampler's previews in the stream of events. `webhook_url` is told once the job has
    ended: see `docs/webhooks.md`."""

    workflow: dict[str, Any]
    extra_data: ExtraDataBody = ExtraDataBody()
    metadata: Labels = {}
    priority: Annotated[int, Field(ge=0, le=9)] = DEFAULT_PRIORITY
    previews: bool = False
    webhook_url: Url | None = None
    inputs: Reserved = None

    def sent_along(self) -> SentAlong:
        webhook = None if self.webhook_url is None else OwnWebhook(self.webhook_url)
        options = JobOptions(priority=self.priority, metadata=self.metadata, previews=self.previews, webhook=webhook)
        extra_data = ExtraData(api_key_comfy_org=self.extra_data.api_key_comfy_org)
        return SentAlong(JobRequest(self.workflow, options=options), extra_data)
