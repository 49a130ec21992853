"""What is done for each kind of task."""

from collections.abc import Mapping
from functools import partial

from shared.models import TaskKind
from worker_service.tasks.archives.export import export
from worker_service.tasks.archives.importing import import_
from worker_service.tasks.bulk.actions import Cancel, Delete, Prioritize, Tag
from worker_service.tasks.bulk.pages import bulk
from worker_service.tasks.bulk.retry import Retry
from worker_service.tasks.move_files import move_files
from worker_service.tasks.reports.report import report
from worker_service.tasks.thumbnails import thumbnails
from worker_service.tasks.turns.turn import Step

STEPS: Mapping[TaskKind, Step] = {
    TaskKind.DELETE_JOBS: partial(bulk, Delete()),
    TaskKind.RETRY_JOBS: partial(bulk, Retry()),
    TaskKind.CANCEL_JOBS: partial(bulk, Cancel()),
    TaskKind.TAG_JOBS: partial(bulk, Tag()),
    TaskKind.PRIORITIZE_JOBS: partial(bulk, Prioritize()),
    TaskKind.REPORT: report,
    TaskKind.EXPORT: export,
    TaskKind.IMPORT: import_,
    TaskKind.THUMBNAILS: thumbnails,
    TaskKind.MOVE_FILES: move_files,
}
