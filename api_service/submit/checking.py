"""What is looked at before a job is recorded, however it was submitted: one place, for all of it."""

from collections.abc import Sequence

from api_service.doors.v1.jobs.bodies import AnyJob, TypedJob, WorkflowJob
from api_service.fleet.capability_cache import Capabilities
from api_service.fleet.check import Checked, fleet_check
from api_service.refusals.jobs import invalid_fields
from api_service.services import Services


def check(body: AnyJob, capabilities: Capabilities) -> Checked:
    """Look at a job that has the form of one."""
    match body:
        case TypedJob():
            return fleet_check(body.parameters, capabilities)
        case WorkflowJob():
            return fleet_check(body.workflow, capabilities)


def check_all(bodies: Sequence[AnyJob], services: Services, *, one_of_many: bool) -> list[Checked]:
    """Look at all jobs of a request. Raises Refusal 422 with every error, each with its job's index in a batch."""
    capabilities = services.capabilities.current()
    checked = [check(body, capabilities) for body in bodies]
    errors = [
        error.model_copy(update={"field": f"jobs[{index}].{error.field}"}) if one_of_many else error
        for index, one in enumerate(checked)
        for error in one.errors
    ]
    if errors:
        raise invalid_fields(errors)
    return checked
