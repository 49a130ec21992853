"""What `/api/v1` offers, noun by noun: what is routed, and what the OpenAPI document describes."""

from starlette.routing import BaseRoute

from api_service.doors.binding import DOOR
from api_service.doors.v1 import examples
from api_service.doors.v1.accounts import keys, me, usage, users
from api_service.doors.v1.assets import assets, contents, uploads
from api_service.doors.v1.failures import failures, quarantine
from api_service.doors.v1.fleet import history, models, nodes, overview, servers
from api_service.doors.v1.jobs import changes, jobs, lists, outputs, statistics, submissions
from api_service.doors.v1.notifications import address, clicks, following, notifications, preferences
from api_service.doors.v1.pauses import pauses
from api_service.doors.v1.schedules import schedules
from api_service.doors.v1.streams import server_sent, tickets, websocket
from api_service.doors.v1.tasks import asking, task_list_stream, task_stream, tasks
from api_service.doors.v1.webhooks import deliveries, endpoints
from api_service.http.description.openapi import About
from api_service.http.operations import routes_of

NOUNS = (
    submissions,
    lists,
    statistics,
    jobs,
    changes,
    server_sent,
    outputs,
    uploads,
    assets,
    contents,
    schedules,
    endpoints,
    deliveries,
    notifications,
    following,
    preferences,
    address,
    clicks,
    asking,
    task_list_stream,
    tasks,
    task_stream,
    failures,
    quarantine,
    models,
    nodes,
    servers,
    pauses,
    overview,
    history,
    tickets,
    me,
    usage,
    users,
    keys,
)

OPERATIONS = tuple(operation for noun in NOUNS for operation in noun.OPERATIONS)

ROUTES: tuple[BaseRoute, ...] = (*routes_of(OPERATIONS, DOOR), *websocket.ROUTES)

EXAMPLES = examples.EXAMPLES

DESCRIPTION = """
A durable job service in front of ComfyUI. A job that was accepted ends exactly once: `completed` with its outputs,
`failed` with a reason, `cancelled` or `expired`.

Every request needs a key. On this page, press *Authorize* and paste it; elsewhere, send it as
`Authorization: Bearer gn_<id>_<secret>`. Each key sees only its own user's jobs; another
user's job answers exactly as one that does not exist. Refusals are RFC 9457 problems: `code` is stable, `errors` names
each wrong field.

Live streams are WebSockets, which OpenAPI does not describe: `/ws/jobs/{id}` sends a snapshot of a job and then each of
its events, once and in order.
""".strip()

KEYS = """
Paste the key itself, which begins with `gn_`, without "Bearer" before it.

`make up` prints a key, and keeps it in `var/up/key`. Elsewhere, the command
`python -m api_service.accounts.keys create --user NAME` makes one, and so does an admin with
`POST /api/v1/users/{user_id}/keys`.
""".strip()

ABOUT = About("Genonaut Generation", DESCRIPTION, KEYS)
