"""The threads beside the jobs live as long as the worker does, and jobs are given back before it stops."""

import structlog
from dramatiq import Broker, Middleware, Worker

from worker_service.resources import Resources

log = structlog.get_logger(__name__)


class Presence(Middleware):
    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    def before_worker_boot(self, _broker: Broker, worker: Worker) -> None:
        self.resources.start()
        log.info("worker.started", worker_id=self.resources.worker_id, threads=worker.worker_threads)

    def before_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        log.info("worker.stopping")
        self.resources.stop_jobs()

    def after_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        self.resources.close()
        log.info("worker.stopped")
