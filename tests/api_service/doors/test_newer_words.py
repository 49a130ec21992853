"""While releases replace each other, the newer one writes words that this one does not know: it shows them as they are.

Each row of the table is a place where such a word may stand. With it there, everything that can be read is read.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Column, text
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from api_service.doors.comfy_v2.routes import OPERATIONS as COMFY_V2
from api_service.doors.native.routes import OPERATIONS as NATIVE
from api_service.doors.v1.routes import OPERATIONS as V1
from api_service.main import create_app
from shared.configuration.settings import Settings
from shared.database.columns import Word
from shared.database.engine import transaction
from shared.jobs import lifecycle
from shared.jobs.warnings import JobWarning, WarningCode
from shared.messaging.events import Channels, Event
from shared.messaging.messenger import Messenger
from shared.models import EventType, Mail, Notification, NotificationKind, Scope, TaskKind, WebhookDelivery
from shared.notifications.mails import due, take
from shared.texts.words import is_known, word_in
from shared.workflows.opaque_names import job_name
from tests import tasks
from tests.api_service.assets.assets import uploaded
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.jobs import USER, output, running
from tests.notifications import listens
from tests.schedules import now_it_is, run_all, scheduled
from tests.sweeps import rest_at_landing
from tests.webhooks import endpoint

pytestmark = pytest.mark.broad

NEWER = "of_tomorrow"
COLUMNS = [
    (table.name, column.name)
    for table in SQLModel.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, Word)
]
# Words that are kept as texts, in lists and in documents.
TEXTS = {
    "the code of a warning": "UPDATE generation_jobs SET warnings = jsonb_set(warnings, '{0,code}', '\"of_tomorrow\"')",
    "the code of an error": "UPDATE generation_jobs SET status = 'failed', error_code = 'of_tomorrow'",
    "the code of an attempt": "UPDATE job_attempts SET outcome = 'failed', error_code = 'of_tomorrow'",
    "the code of a task": "UPDATE tasks SET state = 'failed', error_code = 'of_tomorrow'",
    "an event that is told": "UPDATE notification_settings SET in_app = in_app || 'of_tomorrow'::text",
    "an event of a webhook": "UPDATE webhook_endpoints SET event_types = event_types || 'of_tomorrow'::text",
    "the type of a delivery": "UPDATE webhook_deliveries SET type = 'of_tomorrow'",
    "the scope of a key": "UPDATE api_keys SET scopes = scopes || 'of_tomorrow'::varchar",
    "the limit of a key": "UPDATE api_keys SET limits = limits || '{\"of_tomorrow\": 1}'",
    "what of a user is kept": "UPDATE users SET retention = retention || '{\"of_tomorrow\": 1}'",
    "the skip of a schedule": """UPDATE schedules SET last_skip = jsonb_build_object(
        'planned_at', now(), 'at', now(), 'code', 'of_tomorrow', 'message', 'something else')""",
}
STREAMS = {"followJob", "followNotifications", "followTasks", "followTask", "followJobEvents", "streamJobEvents"}


@pytest.fixture
def database_url(own_database: str) -> str:
    """No other test wants one without the CHECKs that a newer release has widened."""
    return own_database


@pytest.fixture
def admin(settings: Settings, messenger: Messenger) -> Iterator[TestClient]:
    key = new_key(messenger.engine, Scope.ADMIN)
    with TestClient(create_app(settings, QUICK), headers=bearer(key)) as client:
        yield client


@pytest.fixture
def ids(admin: TestClient, messenger: Messenger) -> Mapping[str, Any]:
    """One of everything that has words, by the names of the paths' parameters."""
    listens(messenger)
    asset = uploaded(admin)["id"]
    claim = running(messenger)
    with messenger.transaction() as session:
        told = [JobWarning(WarningCode.NO_OUTPUTS, "nothing")]
        lifecycle.complete(session, claim.lease, [output(claim)], warnings=told)
    task = tasks.asked(messenger, TaskKind.REPORT)
    hook = endpoint(messenger, "http://127.0.0.1:9/")
    with messenger.transaction() as session:
        session.add(WebhookDelivery(endpoint_id=hook.id, job_id=claim.job.id, type="job.completed", body="{}"))
        session.add(Mail(user_id=USER, address="anna@example.com", template="news"))
        told_of = Notification(user_id=USER, kind=NotificationKind.SERVER_SOLVED, in_app=True, mail_owed=False)
        told_of.server, told_of.data = "http://gpu:8188", {"outcome": "gone"}
        session.add(told_of)
    return {
        "job_id": claim.job.id,
        "number": 0,
        "asset_id": asset,
        "schedule_id": scheduled(messenger.engine).id,
        "webhook_id": hook.id,
        "task_id": task,
        "user_id": USER,
        "kind": "checkpoints",
        "id": job_name(claim.job.id),
        "prompt_id": uuid4(),
        "fingerprint": "0" * 16,
        "node_class": "KSampler",
        "folder": "checkpoints",
    }


def readings(ids: Mapping[str, Any]) -> list[str]:
    """The addresses of all that can be read."""
    found = [one for one in (*V1, *COMFY_V2, *NATIVE) if one.method == "GET" and one.name not in STREAMS]
    paths = [one.path.replace(":path}", "}") for one in found if not one.path.endswith("/events")]
    return [path.format_map(Anything(ids)) for path in paths]


class Anything(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return f"no-{name}"


def faults(admin: TestClient, ids: Mapping[str, Any]) -> dict[str, int]:
    """What is answered with a fault of ours."""
    answers = {path: admin.get(path).status_code for path in readings(ids)}
    assert answers["/api/v1/tasks"] == answers["/api/v1/notifications"] == answers["/api/v1/generation-jobs/"] == 200
    return {path: status for path, status in answers.items() if status >= 500}


@pytest.mark.parametrize(("table", "column"), rest_at_landing(COLUMNS, 3))
def test_a_word_of_a_newer_release_is_shown(
    admin: TestClient, messenger: Messenger, ids: Mapping[str, Any], table: str, column: str
) -> None:
    with transaction(messenger.engine) as session:
        session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {column}_known"))
        changed = session.execute(text(f"UPDATE {table} SET {column} = :newer"), {"newer": NEWER})
        assert changed.rowcount, "there is no row with such a word"  # type: ignore[attr-defined]
    assert not faults(admin, ids)


@pytest.mark.parametrize("place", rest_at_landing(TEXTS, 3))
def test_a_text_of_a_newer_release_is_shown(
    admin: TestClient, messenger: Messenger, ids: Mapping[str, Any], place: str
) -> None:
    with transaction(messenger.engine) as session:
        assert session.execute(text(TEXTS[place])).rowcount  # type: ignore[attr-defined]
    assert not faults(admin, ids)


def test_a_list_names_such_a_word(admin: TestClient, messenger: Messenger, ids: Mapping[str, Any]) -> None:
    with transaction(messenger.engine) as session:
        for table, column in (("tasks", "kind"), ("notifications", "kind")):
            session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {column}_known"))
            session.execute(text(f"UPDATE {table} SET {column} = :newer"), {"newer": NEWER})
    assert [one["kind"] for one in admin.get("/api/v1/tasks").json()["items"]] == [NEWER]
    (told,) = [one for one in admin.get("/api/v1/notifications").json()["items"] if one["server"]]
    assert (told["kind"], told["title"]) == (NEWER, "of tomorrow, server http://gpu:8188")
    assert str(ids["task_id"]) == admin.get("/api/v1/tasks").json()["items"][0]["id"]


def test_what_only_a_newer_release_can_do_is_left_to_it(messenger: Messenger) -> None:
    schedule = scheduled(messenger.engine)
    listens(messenger)
    with transaction(messenger.engine) as session:
        session.execute(text("ALTER TABLE schedules DROP CONSTRAINT overlap_known"))
        session.execute(text("UPDATE schedules SET overlap = :newer"), {"newer": NEWER})
        session.add(Mail(user_id=USER, address="anna@example.com", template=NEWER))
    with transaction(messenger.engine) as session:
        assert (take(session), len(due(session, 10))) == (None, 0)
    assert run_all(messenger) == 0
    waiting = now_it_is(messenger.engine, schedule)
    assert (waiting.next_at, waiting.last_skip) == (schedule.next_at, None)


def test_callers_are_held_to_the_words_that_are_known(admin: TestClient) -> None:
    assert admin.get(f"/api/v1/tasks?kind={NEWER}").status_code == 422
    assert admin.post("/api/v1/tasks", json={"kind": NEWER}).status_code == 422


def test_such_a_word_equals_none_of_ours_and_is_written_back_as_it_is() -> None:
    word = word_in(TaskKind, NEWER)
    assert (str(word), word.value, is_known(word), isinstance(word, TaskKind)) == (NEWER, NEWER, False, True)
    assert word not in set(TaskKind)
    assert word_in(TaskKind, "report") is TaskKind.REPORT
    assert is_known(TaskKind.REPORT)
    column: Column[Any] = SQLModel.metadata.tables["tasks"].c.kind
    assert column.type.process_bind_param(word, None) == NEWER  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=NEWER):
        column.type.process_bind_param(NEWER, None)  # type: ignore[attr-defined]


def test_an_event_of_a_newer_release_is_understood(messenger: Messenger) -> None:
    claim = running(messenger)
    event = Event.written(EventType.QUEUED, claim.job, at=claim.job.created_at, data={})
    told = {**event.model_dump(mode="json"), "type": NEWER, "said_by": "tomorrow"}
    heard = Event.model_validate(told)
    assert (str(heard.type), heard.type.is_final, Channels("a").job(heard.job_id)) == (
        NEWER,
        False,
        f"a:job:{claim.job.id}",
    )
    assert "said_by" not in heard.text
