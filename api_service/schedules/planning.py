"""What each job of a schedule begins as is made from a request that was found good: with its seeds yet to be drawn."""

import json
from dataclasses import dataclass, replace
from typing import Any

from api_service.assets.keeping import Owner
from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.seeds import SAFE, drawn_seeds
from api_service.submit.checks import SEEDS_OF_KSAMPLER, FieldName
from api_service.submit.job_request import JobRequest, new_job
from api_service.submit.outputs_taken import keep_outputs
from api_service.submit.submit import Acceptance, look_at
from shared.schedules.template import JobTemplate, SeedPlace, columns_of


@dataclass(frozen=True)
class AskedJob:
    """The job of a schedule as the core takes it; as its owner wrote it, without secrets; and how long after each run
    it may start, and must have."""

    request: JobRequest
    written: dict[str, Any]
    delay_s: float | None
    deadline_s: float | None


@dataclass(frozen=True)
class PlannedJob:
    """The columns of a schedule that come of its job, and what its owner may want to know."""

    columns: dict[str, Any]
    notes: tuple[str, ...]


def plan_job(acceptance: Acceptance, asked: AskedJob, owner: Owner, field_name: FieldName) -> PlannedJob:
    """Look at a job as if it were submitted, and keep the outputs of others that it takes in.

    Raises Refusal: invalid_fields, quota_exceeded, storage_unavailable.
    """
    looked_at = look_at(acceptance, [asked.request], owner.user_id, field_name)
    (checked,) = keep_outputs(acceptance.shelf, owner, looked_at)
    planned, webhook = replace(checked.planned, assets=checked.request.assets), asked.request.options.webhook
    template = JobTemplate(
        # As it comes back from the database.
        columns=json.loads(json.dumps(columns_of(new_job(planned, owner.user_id)), default=str)),
        seeds=tuple(seeds_of(planned, acceptance.capabilities.current())),
        delay_s=asked.delay_s,
        deadline_s=asked.deadline_s,
    )
    columns = {
        "asked": asked.written,
        "template": template.model_dump(mode="json"),
        "webhook_url": webhook and webhook.url,
        "webhook_secret": webhook and webhook.secret,
    }
    return PlannedJob(columns, tuple(checked.notes))


def seeds_of(planned: JobRequest, capabilities: Capabilities) -> list[SeedPlace]:
    """Where the row of the job has seeds to be drawn: in its workflow, or in the parameters of a picture."""
    is_picture = planned.parameters is not None
    found = drawn_seeds(planned.graph, capabilities, SEEDS_OF_KSAMPLER if is_picture else SAFE)
    places = [
        (("params", seed.input) if is_picture else ("workflow", seed.node_id, "inputs", seed.input), seed.bounds)
        for seed in found
    ]
    return [SeedPlace(keys=keys, lowest=bounds.lowest, highest=bounds.highest) for keys, bounds in places]
