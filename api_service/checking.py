"""What is looked at before a job is recorded, however it was submitted: one place, for all of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from api_service.job_body import AnyJob, TypedJob, WorkflowJob
from api_service.problems import FieldError, invalid_fields
from api_service.state import Services
from shared.workflow import WorkflowFault, check_shape


@dataclass(frozen=True)
class Checked:
    """The errors for which a job is refused, and notes on one that is accepted."""

    errors: Sequence[FieldError] = ()
    notes: Sequence[str] = ()


def check(body: AnyJob, _services: Services) -> Checked:
    """Look at a job that has the form of one. For a thread: what the fleet can do may have to be read."""
    match body:
        case TypedJob():
            return Checked()
        case WorkflowJob():
            return Checked([shape_error(fault) for fault in check_shape(body.workflow)])


def check_all(bodies: Sequence[AnyJob], services: Services, *, one_of_many: bool) -> list[Checked]:
    """Look at all jobs of a request. Raises Problem 422 with every error, each with its job's index in a batch."""
    checked = [check(body, services) for body in bodies]
    errors = [
        error.model_copy(update={"field": f"jobs[{index}].{error.field}"}) if one_of_many else error
        for index, one in enumerate(checked)
        for error in one.errors
    ]
    if errors:
        raise invalid_fields(errors)
    return checked


def shape_error(fault: WorkflowFault) -> FieldError:
    field = ".".join(part for part in ("workflow", fault.node_id, fault.field) if part)
    return FieldError(field=field, message=fault.message, code=fault.code)
