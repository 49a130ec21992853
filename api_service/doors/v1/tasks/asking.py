"""New tasks."""

from http import HTTPStatus

from starlette.responses import Response

from api_service.assets.asset_queries import find_asset
from api_service.doors.binding import ApiRequest, signed_urls
from api_service.doors.idempotency_key import HEADER, SAYS_REPLAYED, idempotency_key, replay_headers
from api_service.doors.v1.tasks.bodies import (
    AnyTask,
    ImportTask,
    MoveFilesTask,
    OfJobs,
    PrioritizeTask,
    RetryTask,
    TaskBody,
)
from api_service.doors.v1.tasks.views import TASKS, TaskView
from api_service.http.answers import answer_with
from api_service.http.operations import Answer, Nothing, Operation
from api_service.http.request_refusals import RequestCode
from api_service.jobs.whose import owner_asked_for
from api_service.limits.rates import Limit
from api_service.refusals.assets import wrong_field
from api_service.refusals.codes import Code
from api_service.refusals.refusal import Refusal
from api_service.submit.priorities import check_priority
from api_service.tasks.asking import asked_before, create_task, how_many, terms_for
from shared.jobs.listing.chosen import Chosen
from shared.jobs.listing.filters import Filters
from shared.messaging.messages import RunTask
from shared.models import FINAL, JobStatus, Scope, Task
from shared.outgoing.exchange import Outgoing
from shared.outgoing.failures import NotAllowed


async def create(request: ApiRequest[TaskBody, Nothing]) -> Response:
    """Ask for a task.

    A worker does it page by page, a few tasks of one user at a time; whatever dies in between, another goes on where it
    was. The address in `Location` shows how far it is. With an `Idempotency-Key` the same request can be sent again,
    for as long as its task is there.
    """
    services, sent = request.services, idempotency_key(request.http, request.body)
    before = await services.run(asked_before, services.engine, request.identity.user_id, sent)
    if before is not None:
        return await answer(request, before, replayed=True)
    task = await checked_task(request)
    task, replayed = await services.run(create_task, services.messenger, task, sent)
    if not replayed:
        await services.run(services.messenger.send, RunTask())
    return await answer(request, task, replayed=replayed)


async def answer(request: ApiRequest[TaskBody, Nothing], task: Task, *, replayed: bool) -> Response:
    view = TaskView.of(task, await signed_urls(request.http, request.identity))
    status = HTTPStatus.OK if replayed else HTTPStatus.CREATED
    return answer_with(view, status, Location=f"{TASKS}/{view.id}", **replay_headers(replayed=replayed))


async def checked_task(request: ApiRequest[TaskBody, Nothing]) -> Task:
    """The task's row, once everything is looked at for which it may be refused."""
    services, asked = request.services, request.body.asked
    if isinstance(asked, PrioritizeTask):
        check_priority(asked.priority, services.limits.most(request.identity, Limit.PRIORITY))
    task = task_of(request, asked)
    await count_retries(request, asked)
    await check_archive(request, asked)
    if isinstance(asked, MoveFilesTask) and services.settings.storage_moving_from is None:
        raise wrong_field("kind", "needs STORAGE_MOVING_FROM, which names where files move from", "no_former_store")
    return task


def task_of(request: ApiRequest[TaskBody, Nothing], asked: AnyTask) -> Task:
    """Its row. Raises Refusal: forbidden, for others' jobs."""
    identity = request.identity
    is_named = isinstance(asked, OfJobs) and asked.ids is not None
    owner = identity.owner if is_named else owner_asked_for(identity, asked.asked_user)
    return Task(
        user_id=identity.user_id,
        kind=asked.kind,
        parameters=asked.parameters(),
        terms=terms_for(request.services.limits, identity, owner),
        request_id=request.http.state.request_id,
    )


async def count_retries(request: ApiRequest[TaskBody, Nothing], asked: AnyTask) -> None:
    """Jobs that are submitted again count as submissions. Raises Refusal: rate_limited."""
    services, identity = request.services, request.identity
    if not isinstance(asked, RetryTask) or asked.dry_run:
        return
    if services.limits.most(identity, Limit.SUBMISSIONS_PER_HOUR) is None:
        return
    filters = asked.filter or Filters()
    statuses = tuple(status for status in filters.statuses or JobStatus if status in FINAL)
    owner = owner_asked_for(identity, asked.asked_user)
    chosen = Chosen(owner, filters.model_copy(update={"status": statuses}), asked.ids)
    jobs = await services.run(how_many, services.engine, chosen) if statuses else 0
    await services.limits.count_submissions(request.charge, jobs)


async def check_archive(request: ApiRequest[TaskBody, Nothing], asked: AnyTask) -> None:
    """See whether an archive can be where it is said to be. Raises Refusal: invalid_fields."""
    services = request.services
    if not isinstance(asked, ImportTask):
        return
    if asked.url is not None:
        refuse_closed_url(services.fetches.outgoing, "url", asked.url)
    elif asked.asset_id is not None:
        try:
            await services.run(find_asset, services.engine, asked.asset_id, request.identity.user_id)
        except Refusal as refusal:
            raise wrong_field("asset_id", refusal.detail, str(refusal.code)) from refusal


def refuse_closed_url(outgoing: Outgoing, field: str, url: str) -> None:
    try:
        outgoing.check(url)
    except NotAllowed as error:
        raise wrong_field(field, str(error), "url_not_allowed") from error


LOCATED = {"Location": "where the task is"}

OPERATIONS = (
    Operation(
        "createTask",
        "POST",
        TASKS,
        create,
        Scope.WRITE,
        {
            HTTPStatus.CREATED: Answer(TaskView, "the task, which waits", headers=LOCATED),
            HTTPStatus.OK: Answer(
                TaskView,
                "the task that this request asked for before, as it is now",
                headers={**LOCATED, **SAYS_REPLAYED},
            ),
        },
        tag="tasks",
        body=TaskBody,
        problems=(RequestCode.INVALID_HEADER, Code.IDEMPOTENCY_KEY_REUSED, Code.QUOTA_EXCEEDED),
        request_headers={
            HEADER: "1 to 255 visible ASCII characters: sent again, the same request asks for no other task"
        },
    ),
)
