"""A sweep that is still under way when it is due again is told of once, not each time that it is due."""

import logging
from dataclasses import dataclass, field

import structlog
from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES, JobEvent
from apscheduler.schedulers.base import BaseScheduler

log = structlog.get_logger(__name__)


@dataclass
class Overdue:
    """Which sweeps take longer than they may. APScheduler warns of each time that one is passed over."""

    names: set[str] = field(default_factory=set)

    def follow(self, scheduler: BaseScheduler) -> None:
        """Hear of its jobs, whose ids are the names of sweeps, in the place of its own warnings."""
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        scheduler.add_listener(self.hear_passed_over, EVENT_JOB_MAX_INSTANCES)
        scheduler.add_listener(self.hear_done, EVENT_JOB_EXECUTED)

    def hear_passed_over(self, event: JobEvent) -> None:
        if event.job_id not in self.names:
            self.names.add(event.job_id)
            log.warning("sweep.overdue", sweep=event.job_id)

    def hear_done(self, event: JobEvent) -> None:
        if event.job_id in self.names:
            self.names.discard(event.job_id)
            log.info("sweep.done_late", sweep=event.job_id)
