"""What can be refused about schedules."""

from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal


def schedule_not_found(schedule_id: object) -> Refusal:
    return Refusal(Code.SCHEDULE_NOT_FOUND, f"there is no schedule {str(schedule_id)!r}")


def schedule_not_runnable(reason: str) -> Refusal:
    return Refusal(Code.SCHEDULE_NOT_RUNNABLE, f"the schedule makes no job: {reason}")
