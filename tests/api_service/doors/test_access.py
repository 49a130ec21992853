"""Who may do what: every route, asked by everybody. A route that is not in the table fails here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from blake3 import blake3
from sqlalchemy import Engine
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from api_service.assets.from_output import keep_output
from api_service.assets.keeping import Details, Owner, Shelf
from api_service.doors.pages.routes import PAGES
from api_service.main import create_app
from api_service.webhooks.deliveries import owe_test
from shared.accounts.keys import KeyTerms, create_key, revoke_key
from shared.configuration.settings import Settings
from shared.database.engine import transaction
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import AssetUse, JobOutput, Scope, TaskKind, TaskState
from shared.storage.opening import open_storage
from shared.workflows.opaque_names import job_name, output_name
from tests.api_service.comfy_v2.holding import holding
from tests.api_service.conftest import bearer, new_key
from tests.api_service.doors.native_rows import NATIVE_ROWS, NOBODYS
from tests.jobs import ANOTHER_USER, SERVER, USER, job, output, running, submitted
from tests.notifications import failed, listens, told
from tests.quarantine import quarantined
from tests.schedules import scheduled
from tests.simulator.graphs import txt2img
from tests.tasks import asked
from tests.webhooks import endpoint

READ, WRITE, ADMIN = Scope.READ, Scope.WRITE, Scope.ADMIN
OPEN, ANY = "open", "any key"
JOB = {"prompt": "a cat", "checkpoint_model": "sd15"}
ABSENT = "2147483647"  # a job's id that nobody has
ABSENT_ASSET = str(UUID(int=7))


@dataclass(frozen=True)
class Row:
    """Who may (a scope, any key, or everybody), what the answer then is, and whether it is about a user's job.

    In `path` and `body`, the names of World stand in braces.
    """

    who: Scope | str
    answer: int = 200
    owned: bool = False
    body: Mapping[str, Any] | None = None
    files: Mapping[str, bytes] | None = None
    form: Mapping[str, str] | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: str = ""


WAITING = {"job_id": "{waiting}"}
OF_COMFY = {"id": "{comfy_job}"}
OUTPUT_OF_COMFY, ASSET_OF_COMFY = {"id": "{comfy_output}"}, {"id": "{asset_id}"}
FAILURE, SUSPECT = {"fingerprint": "{failure}"}, "0f1e2d3c4b5a6978"
GRAPH = txt2img()
PNG = b"\x89PNG\r\n\x1a\n"
HASH = f"blake3:{blake3(b'bytes').hexdigest()}"
ROWS = {
    ("GET", "/health/live"): Row(OPEN),
    ("GET", "/health/ready"): Row(OPEN),
    ("GET", "/health/arrival"): Row(OPEN),
    ("GET", "/"): Row(OPEN),
    ("GET", "/openapi.json"): Row(OPEN),
    ("GET", "/docs"): Row(OPEN),
    ("POST", "/session"): Row(OPEN, 403, body={"key": "gn_0_0"}),  # not sent by a page of this service
    ("GET", "/session"): Row(OPEN, 204),  # without a cookie
    ("DELETE", "/session"): Row(ANY, 204),
    ("GET", "/docs/page.js"): Row(OPEN),
    ("GET", "/docs/static/swagger-ui.css"): Row(OPEN),
    ("POST", "/api/v1/generation-jobs/"): Row(WRITE, 201, body=JOB),
    ("GET", "/api/v1/generation-jobs/"): Row(READ),
    ("GET", "/api/v1/generation-jobs/stats"): Row(READ),
    ("GET", "/api/v1/usage"): Row(READ),
    ("GET", "/api/v1/overview"): Row(READ),
    ("GET", "/api/v1/history"): Row(ADMIN),
    ("POST", "/api/v1/generation-jobs/bulk"): Row(WRITE, 201, body={"jobs": [JOB]}),
    ("POST", "/api/v1/generation-jobs/validate"): Row(WRITE, body=JOB),
    ("POST", "/api/v1/generation-jobs/cancel"): Row(WRITE, body={"all": True}),
    ("PATCH", "/api/v1/generation-jobs/{job_id}"): Row(WRITE, owned=True, body={"priority": 6}, path=WAITING),
    # One that waits is not deleted, so that all can try.
    ("DELETE", "/api/v1/generation-jobs/{job_id}"): Row(WRITE, 409, owned=True, path=WAITING),
    ("POST", "/api/v1/generation-jobs/{job_id}/retry"): Row(WRITE, 201, owned=True, body={}),
    ("GET", "/api/v1/generation-jobs/{job_id}/events"): Row(READ, owned=True),
    ("GET", "/api/v1/generation-jobs/{job_id}"): Row(READ, owned=True),
    ("POST", "/api/v1/generation-jobs/{job_id}/move"): Row(WRITE, owned=True, body={"to": "front"}, path=WAITING),
    ("POST", "/api/v1/generation-jobs/{job_id}/cancel"): Row(WRITE, owned=True, path=WAITING),
    ("GET", "/api/v1/generation-jobs/{job_id}/outputs/{number}"): Row(READ, owned=True),
    ("GET", "/api/v1/generation-jobs/{job_id}/thumbnails/{number}"): Row(READ, owned=True),
    # Its bytes are there already, so that nobody is the first.
    ("POST", "/api/v1/assets"): Row(WRITE, files={"file": b"bytes"}),
    ("POST", "/api/v1/assets/from-output"): Row(WRITE, owned=True, body={"job_id": "{job_id}"}),
    ("GET", "/api/v1/assets"): Row(READ),
    ("GET", "/api/v1/assets/{asset_id}"): Row(READ, owned=True),
    # One that a job needs is not deleted, so that all can try.
    ("DELETE", "/api/v1/assets/{asset_id}"): Row(WRITE, 409, owned=True),
    ("GET", "/api/v1/assets/{asset_id}/content"): Row(READ, owned=True),
    ("POST", "/api/v2/jobs"): Row(WRITE, 201, body={"workflow": GRAPH}),
    ("GET", "/api/v2/jobs"): Row(READ),
    ("GET", "/api/v2/jobs/{id}"): Row(READ, owned=True, path=OF_COMFY),
    ("GET", "/api/v2/jobs/{id}/workflow"): Row(READ, owned=True, path=OF_COMFY),
    ("GET", "/api/v2/jobs/{id}/events"): Row(READ, owned=True, path=OF_COMFY),
    ("POST", "/api/v2/jobs/{id}/cancel"): Row(WRITE, owned=True, path={"id": "{comfy_waiting}"}),
    ("GET", "/api/v2/assets/{id}"): Row(READ, owned=True, path=ASSET_OF_COMFY),
    ("GET", "/api/v2/assets/{id}/content"): Row(READ, owned=True, path=OUTPUT_OF_COMFY),
    ("DELETE", "/api/v2/assets/{id}"): Row(WRITE, 409, owned=True, path=ASSET_OF_COMFY),
    ("POST", "/api/v2/assets"): Row(
        WRITE, files={"file": b"bytes"}, form={"content_type": "text/plain", "file_path": "bytes"}
    ),
    ("POST", "/api/v2/assets/from-hash"): Row(WRITE, body={"hash": HASH}),
    ("HEAD", "/api/v2/assets/by-hash/{hash}"): Row(READ),
    ("GET", "/api/v2/openapi.json"): Row(OPEN),
    # Nothing runs here, and they are made to wait for nothing.
    ("POST", "/v1/images/generations"): Row(WRITE, 504, body={"prompt": "a cat", "model": "sd15"}),
    ("POST", "/v1/images/edits"): Row(WRITE, 504, files={"image": PNG}, form={"prompt": "a cat", "model": "sd15"}),
    ("GET", "/v1/models"): Row(READ),
    ("GET", "/v1/models/{model:path}"): Row(READ, 404),  # no server has said what it can do
    ("GET", "/v1/openapi.json"): Row(OPEN),
    ("GET", "/api/v1/webhooks"): Row(READ),
    ("POST", "/api/v1/webhooks"): Row(WRITE, 201, body={"url": "https://example.com/"}),
    ("GET", "/api/v1/webhooks/{webhook_id}"): Row(READ, owned=True),
    ("PATCH", "/api/v1/webhooks/{webhook_id}"): Row(WRITE, owned=True, body={"description": "mine"}),
    # Each deletes another one, so that all can try.
    ("DELETE", "/api/v1/webhooks/{webhook_id}"): Row(WRITE, 204, owned=True, path={"webhook_id": "{doomed}"}),
    ("POST", "/api/v1/webhooks/{webhook_id}/secret"): Row(WRITE, owned=True),
    ("POST", "/api/v1/webhooks/of-jobs/secret"): Row(WRITE),
    ("POST", "/api/v1/webhooks/{webhook_id}/test"): Row(WRITE, 202, owned=True),
    ("GET", "/api/v1/webhooks/{webhook_id}/deliveries"): Row(READ, owned=True),
    ("POST", "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver"): Row(WRITE, 202, owned=True),
    ("POST", "/api/v1/webhooks/{webhook_id}/redeliver-failed"): Row(
        WRITE, 202, owned=True, body={"since": "2026-01-01T00:00:00Z"}
    ),
    ("GET", "/api/v1/schedules"): Row(READ),
    ("POST", "/api/v1/schedules"): Row(WRITE, 201, body={"name": "", "cron": "@yearly", "job": JOB}),
    ("GET", "/api/v1/schedules/{schedule_id}"): Row(READ, owned=True),
    ("PATCH", "/api/v1/schedules/{schedule_id}"): Row(WRITE, owned=True, body={"paused": True}),
    ("DELETE", "/api/v1/schedules/{schedule_id}"): Row(
        WRITE, 204, owned=True, path={"schedule_id": "{doomed_schedule}"}
    ),
    ("POST", "/api/v1/schedules/{schedule_id}/run"): Row(WRITE, 201, owned=True),
    ("POST", "/webhooks/comfyui"): Row(OPEN, 404),  # off without a secret
    ("GET", "/api/v1/notifications"): Row(READ),
    ("GET", "/api/v1/notifications/unread"): Row(READ),
    ("GET", "/api/v1/notifications/preferences"): Row(READ),
    # One that may follow would be answered for ever.
    ("GET", "/api/v1/notifications/events"): Row(READ, 422, query="?last_event_id=-1"),
    ("PATCH", "/api/v1/notifications/preferences"): Row(WRITE, body={"in_app": ["job_failed"]}),
    ("POST", "/api/v1/notifications/read"): Row(WRITE, body={}),
    ("POST", "/api/v1/notifications/{notification_id}/read"): Row(WRITE, owned=True),
    ("PUT", "/api/v1/notifications/email"): Row(WRITE, 409, body={"address": "anna@example.com"}),
    ("POST", "/api/v1/notifications/email/verification"): Row(WRITE, 422, body={"code": "ABCD"}),
    ("DELETE", "/api/v1/notifications/email"): Row(WRITE, 204),
    # What the links of e-mails carry is not sent here.
    ("GET", "/api/v1/notifications/email/verify"): Row(OPEN, 422),
    ("POST", "/api/v1/notifications/email/verify"): Row(OPEN, 422),
    ("GET", "/api/v1/notifications/email/unsubscribe"): Row(OPEN, 422),
    ("POST", "/api/v1/notifications/email/unsubscribe"): Row(OPEN, 422),
    ("POST", "/api/v1/tasks"): Row(WRITE, 201, body={"kind": "delete_jobs", "all": True, "dry_run": True}),
    ("GET", "/api/v1/tasks"): Row(READ),
    ("GET", "/api/v1/tasks/{task_id}"): Row(READ, owned=True),
    ("GET", "/api/v1/tasks/events"): Row(READ, 422, query="?last_event_id=-1"),
    ("GET", "/api/v1/tasks/{task_id}/events"): Row(READ, owned=True),
    # A complete one is not cancelled, so that all can try.
    ("POST", "/api/v1/tasks/{task_id}/cancel"): Row(WRITE, 409, owned=True),
    # Each deletes another one.
    ("DELETE", "/api/v1/tasks/{task_id}"): Row(WRITE, 204, owned=True, path={"task_id": "{doomed_task}"}),
    ("GET", "/api/v1/tasks/{task_id}/file"): Row(READ, owned=True),
    ("GET", "/api/v1/failures"): Row(READ),
    ("GET", "/api/v1/failures/{fingerprint}"): Row(READ, owned=True, path=FAILURE),
    ("PATCH", "/api/v1/failures/{fingerprint}"): Row(WRITE, owned=True, body={"muted_until": None}, path=FAILURE),
    ("GET", "/api/v1/quarantine"): Row(READ),
    ("DELETE", "/api/v1/quarantine/{fingerprint}"): Row(ADMIN, 204, path={"fingerprint": SUSPECT}),
    ("WS", "/ws/jobs/{job_id}"): Row(READ, owned=True),
    ("WS", "/ws/jobs"): Row(READ),
    ("GET", "/api/v1/models/{kind}"): Row(READ),
    ("GET", "/api/v1/nodes/{node_class}"): Row(READ, 404),  # no server has said what it can do
    ("GET", "/api/v1/servers"): Row(ADMIN),
    ("POST", "/api/v1/servers"): Row(ADMIN, 201, body={"url": "http://gpu-7:8188"}),
    ("PATCH", "/api/v1/servers"): Row(ADMIN, body={"server": SERVER, "weight": 2}),
    # It is one of the settings.
    ("DELETE", "/api/v1/servers"): Row(ADMIN, 409, query=f"?server={SERVER}"),
    ("POST", "/api/v1/servers/drain"): Row(ADMIN, body={"server": SERVER}),
    ("POST", "/api/v1/servers/resume"): Row(ADMIN, body={"server": SERVER}),
    ("GET", "/api/v1/queue/pauses"): Row(ADMIN),
    ("POST", "/api/v1/queue/pause"): Row(ADMIN, body={}),
    ("POST", "/api/v1/queue/resume"): Row(ADMIN),
    ("POST", "/api/v1/users/{user_id}/pause"): Row(ADMIN, body={}),
    ("POST", "/api/v1/users/{user_id}/resume"): Row(ADMIN),
    ("GET", "/api/v1/me"): Row(ANY),
    ("POST", "/api/v1/stream-tickets"): Row(READ, 201),
    ("GET", "/api/v1/users"): Row(ADMIN),
    ("POST", "/api/v1/users"): Row(ADMIN, 201, body={"name": "anna"}),
    ("GET", "/api/v1/users/{user_id}"): Row(ADMIN),
    ("PATCH", "/api/v1/users/{user_id}"): Row(ADMIN, body={"running_jobs_limit": 3}),
    ("GET", "/api/v1/users/{user_id}/keys"): Row(ADMIN),
    ("POST", "/api/v1/users/{user_id}/keys"): Row(ADMIN, 201, body={"name": "laptop"}),
    ("POST", "/api/v1/keys/{key_id}/revoke"): Row(ADMIN),
    **{route: Row(row.who, row.answer, body=row.body, files=row.files) for route, row in NATIVE_ROWS.items()},
}
# ComfyUI serves each of its addresses under /api too: the same operation, asked once.
TWINS = {(method, f"/api{path}") for method, path in NATIVE_ROWS}


@dataclass(frozen=True)
class World:
    """What there is: a job of USER that is complete, one that waits and needs an asset, and a key of each kind."""

    names: dict[str, str]
    keys: dict[str, str | None]


CALLERS = ("nobody", "forged", "revoked", "expired", "no scope", "only reads", "only writes", "other", "owner", "admin")


def deleting(test: pytest.Item) -> Sequence[str]:
    """Who is to find something to delete: nobody where a test asks one route, which deletes nothing."""
    callspec = getattr(test, "callspec", None)
    route = callspec and callspec.params.get("route")
    deletes = route is None or any("doomed" in name for name in ROWS[route].path.values())
    return CALLERS if deletes else ()


@pytest.fixture
def world(
    engine: Engine, messenger: Messenger, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> World:
    callers = deleting(request.node)
    listens(messenger)
    claim = running(messenger)
    made = output(claim, thumbnails={"300": {"path": "thumb.webp"}})
    (tmp_path / "file").write_bytes(b"bytes")
    for path in (made.path, "thumb.webp"):
        open_storage(settings).store.put({path: tmp_path / "file"})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [made])
    with transaction(engine) as session:
        spare, revoked = (create_key(session, USER, KeyTerms("tests", list(Scope))) for _ in range(2))
        revoke_key(session, revoked.key.id)
        past = datetime.now(UTC) - timedelta(seconds=1)
        expired = create_key(session, USER, KeyTerms("tests", list(Scope), expires_at=past))
        no_scope = create_key(session, USER, KeyTerms("tests", ()))
    admin = new_key(engine, ADMIN)
    keys = {
        "nobody": None,
        "forged": f"{admin[:-64]}{'0' * 64}",
        "revoked": revoked.token,
        "expired": expired.token,
        "no scope": no_scope.token,
        "only reads": new_key(engine, READ),
        "only writes": new_key(engine, WRITE),
        "other": new_key(engine, another=True),
        "owner": new_key(engine),
        "admin": admin,
    }
    failure = job(messenger, failed(messenger)).failure
    quarantined(messenger, SUSPECT)
    waiting = submitted(messenger)
    names = {"job_id": str(claim.job.id), "number": "0", "waiting": str(waiting), "user_id": str(USER)}
    names["asset_id"] = str(asset(messenger, settings, made, waiting))
    names |= {**comfy_names(claim.job.id, waiting), "hash": HASH, **webhooks(messenger, callers)}
    names |= schedules(engine, callers)
    names["notification_id"] = str(told(messenger)[0].id)
    names |= tasks(messenger, made.path, callers)
    names |= {"failure": str(failure), "key_id": spare.key.id, "kind": "checkpoints", "node_class": "KSampler"}
    names |= {"picture_id": "0badf00d", "language": "de", "text": "Katze", "filename": "mine.safetensors"}
    return World({**names, "prompt_id": NOBODYS, "folder": "checkpoints", "model": "sd15"}, keys)


def asset(messenger: Messenger, settings: Settings, made: JobOutput, job_id: int) -> UUID:
    """An asset of USER, made of an output, that a job needs. ANOTHER_USER has one of the same bytes."""
    shelf = Shelf(messenger.engine, open_storage(settings).store, 1000, None)
    kept, _ = (keep_output(shelf, Owner(user, None), made, Details("bytes")) for user in (USER, ANOTHER_USER))
    with messenger.transaction() as session:
        session.add(AssetUse(asset_id=kept.asset.id, job_id=job_id))
    return kept.asset.id


def comfy_names(job_id: int, waiting: int) -> dict[str, str]:
    """The same as `/api/v2` calls them."""
    return {"comfy_job": job_name(job_id), "comfy_waiting": job_name(waiting), "comfy_output": output_name(job_id, 0)}


def webhooks(messenger: Messenger, callers: Sequence[str]) -> dict[str, str]:
    """A webhook of USER with a delivery, and for each caller one to be deleted."""
    kept, *doomed = (endpoint(messenger, "https://example.com/") for _ in range(len(callers) + 1))
    delivery = owe_test(messenger.engine, kept.id, USER)
    of_callers = {f"doomed of {caller}": str(one.id) for caller, one in zip(callers, doomed, strict=True)}
    return {"webhook_id": str(kept.id), "delivery_id": str(delivery.id), "doomed": str(kept.id), **of_callers}


def schedules(engine: Engine, callers: Sequence[str]) -> dict[str, str]:
    """A schedule of USER, and for each caller one to be deleted."""
    kept, *doomed = (str(scheduled(engine, key_id="spare").id) for _ in range(len(callers) + 1))
    of_callers = {f"doomed_schedule of {caller}": one for caller, one in zip(callers, doomed, strict=True)}
    return {"schedule_id": kept, "doomed_schedule": kept, **of_callers}


def tasks(messenger: Messenger, path: str, callers: Sequence[str]) -> dict[str, str]:
    """A task of USER with a file, and for each caller one to be deleted."""
    made = {"path": path, "filename": "report.csv", "media_type": "text/csv", "size_bytes": 5, "sha256": "0" * 64}
    kept, *doomed = (
        asked(messenger, TaskKind.REPORT, state=TaskState.COMPLETED, file=made) for _ in range(len(callers) + 1)
    )
    of_callers = {f"doomed_task of {caller}": str(one) for caller, one in zip(callers, doomed, strict=True)}
    return {"task_id": str(kept), "doomed_task": str(kept), **of_callers}


def expected(row: Row, caller: str) -> int:
    if row.who == OPEN:
        return row.answer
    if caller in {"nobody", "forged", "revoked", "expired"}:
        return 401
    scopes = {"no scope": set(), "only reads": {READ}, "only writes": {WRITE}, "admin": set(Scope)}
    if row.who != ANY and row.who not in scopes.get(caller, {READ, WRITE}):
        return 403
    return 404 if row.owned and caller == "other" else row.answer


Answer = tuple[int, str]


def ask(client: TestClient, method: str, url: str, sent: Mapping[str, Any], key: str | None) -> Answer:
    """The status, or what a socket's close code says of it, and the body."""
    headers = {**(bearer(key) if key else {}), "Prefer": "wait=0"}
    if method != "WS":
        response = client.request(method, url, headers=headers, **sent)
        return response.status_code, response.text
    try:
        with client.websocket_connect(url, headers=headers) as socket:
            socket.receive_json()
            return 200, ""
    except WebSocketDisconnect as closed:
        return closed.code - 4000, closed.reason


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """A value of a body; one that names an id of World is that number."""
    is_named = isinstance(value, str) and value.startswith("{")
    return int(value.format(**names)) if is_named else value


def asker(
    client: TestClient, route: tuple[str, str], row: Row
) -> Callable[[Mapping[str, str], str | None, str], Answer]:
    method, template = route

    def ask_as(names: Mapping[str, str], key: str | None, caller: str) -> Answer:
        of_caller = {name: value for name, value in names.items() if name.endswith(f" of {caller}")}
        own = {name.removesuffix(f" of {caller}"): value for name, value in of_caller.items()}
        path = {name: value.format(**{**names, **own}) for name, value in row.path.items()}
        body = row.body and {name: filled(value, names) for name, value in row.body.items()}
        body = body and {**body, **({"name": caller} if "name" in body else {})}
        sent = {"files": row.files, "data": row.form} if row.files else {"json": body}
        address = template.replace(":path", "").format(**{**names, **path})
        return ask(client, method, address + row.query, sent, key)

    return ask_as


@pytest.fixture
def client(settings: Settings) -> Any:
    with TestClient(holding(create_app(settings))) as client:
        yield client


def routes_of(settings: Settings) -> set[tuple[str, str]]:
    found = set()
    for route in create_app(settings).routes:
        match route:
            case Route():
                found |= {(method, route.path) for method in methods_of(route)}
            case Mount():
                found.add(("GET", f"{route.path}/swagger-ui.css"))
            case WebSocketRoute():
                found.add(("WS", route.path))
            case _:
                found.add(("?", str(route)))
    return found


def methods_of(route: Route) -> set[str]:
    """What it can be asked for; HEAD where that is all."""
    methods = route.methods or set()
    return methods - {"HEAD"} or methods


def test_every_route_has_a_row_and_every_row_a_route(settings: Settings) -> None:
    assert routes_of(settings) == set(ROWS) | TWINS | FILES


# The files of pages, which say nothing of anybody: tests/api_service/pages has them.
FILES = {("GET", path) for page in PAGES for path in (page, f"{page}/")} | {("GET", "/pages/{name:path}")}


# Asking for these changes nothing: one world serves them all.
READING = [route for route in ROWS if route[0] in {"GET", "HEAD", "WS"}]
CHANGING = [route for route in ROWS if route not in READING]


def answers(client: TestClient, world: World, route: tuple[str, str]) -> tuple[dict[str, int], dict[str, int]]:
    """The status that each caller gets, and the one that is due."""
    ask_as = asker(client, route, ROWS[route])
    statuses = {caller: ask_as(world.names, world.keys[caller], caller)[0] for caller in CALLERS}
    return statuses, {caller: expected(ROWS[route], caller) for caller in CALLERS}


@pytest.mark.broad
@pytest.mark.parametrize("route", CHANGING, ids=" ".join)
def test_everybody_gets_the_answer_that_is_due(client: TestClient, world: World, route: tuple[str, str]) -> None:
    statuses, due = answers(client, world, route)
    assert statuses == due


@pytest.mark.broad
def test_everybody_who_reads_gets_the_answer_that_is_due(client: TestClient, world: World) -> None:
    got = {route: answers(client, world, route) for route in READING}
    assert len(got) > 40
    assert not {route: (statuses, due) for route, (statuses, due) in got.items() if statuses != due}


@pytest.mark.broad
def test_what_is_anothers_is_to_the_letter_as_what_is_not_there(client: TestClient, world: World) -> None:
    ids = {"asset_id", "webhook_id", "doomed", "doomed of other"}
    ids |= {"schedule_id", "doomed_schedule", "doomed_schedule of other"}
    ids |= {"task_id", "doomed_task", "doomed_task of other", "failure"}
    absent = {**comfy_names(int(ABSENT), int(ABSENT)), **dict.fromkeys(ids, ABSENT_ASSET)}
    not_there = {**world.names, "job_id": ABSENT, "waiting": ABSENT, "notification_id": ABSENT, **absent}
    hidden = {world.names[name] for name in ("job_id", "waiting", "notification_id", *ids)}
    owned = {route: asker(client, route, row) for route, row in ROWS.items() if row.owned}
    for route, ask_as in owned.items():
        status, said = ask_as(not_there, world.keys["other"], "other")
        anothers = ask_as(world.names, world.keys["other"], "other")
        assert anothers[0] == status == 404, route
        assert without(anothers[1], hidden) == without(said, {ABSENT, ABSENT_ASSET}), route


def without(text: str, ids: set[str]) -> str:
    """The text with the id it speaks of, which the caller sent, left out."""
    for found in ids:
        text = text.replace(f"'{found}'", "'…'")
    return text
