"""How much a key may ask for, counted in a real Redis; and that nobody is refused because Redis is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, func
from sqlmodel import select
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from structlog.testing import capture_logs

from api_service.main import create_app
from api_service.streams.timings import StreamTimings
from shared.accounts.keys import KeyTerms, create_key
from shared.configuration.settings import load_settings
from shared.database.engine import transaction
from shared.jobs import lifecycle
from shared.jobs.cancel import cancel_one
from shared.messaging.messenger import Messenger
from shared.models import GenerationJob, Scope
from tests.api_service.conftest import bearer, new_key
from tests.api_service.limits.monitoring import commands_until_the_end
from tests.jobs import USER, output, running, submitted

JOBS = "/api/v1/generation-jobs/"
JOB = {"prompt": "a cat", "checkpoint_model": "sd15"}
ME = "/api/v1/me"
LONG_S = 30.0  # so that a slow machine is no reason to let anything pass


@contextmanager
def limited(environ: dict[str, str], key: str, **limits: int | str) -> Iterator[TestClient]:
    """A client of an API with these limits."""
    variables = {f"LIMIT_{name}".upper(): str(most) for name, most in limits.items()}
    app = create_app(load_settings({**environ, **variables}), StreamTimings(count_within_s=LONG_S))
    with TestClient(app, headers=bearer(key)) as client:
        yield client


def with_limits(engine: Engine, limits: dict[str, int | None]) -> str:
    with transaction(engine) as session:
        return create_key(session, USER, KeyTerms("tests", list(Scope), limits=limits)).token


def refused(response: Any, limit: str, code: str = "rate_limited") -> Any:
    assert response.status_code == 429, response.text
    problem = response.json()
    assert (problem["code"], problem["limit"]) == (code, limit)
    assert int(response.headers["retry-after"]) >= 1
    return response


def rate(response: Any) -> tuple[str, ...]:
    return tuple(response.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "policy"))


def let_pass(client: redis.Redis, namespace: str, seconds: int) -> None:
    """Make what is counted as old as if so many seconds had passed: all that Redis knows of time is in the expiries."""
    for key in client.scan_iter(match=f"{namespace}:limits:*"):
        left: Any = client.pttl(key)
        client.pexpire(key, max(1, left - seconds * 1000))


def test_requests_are_counted_and_the_answers_say_what_is_left(environ: dict[str, str], key: str) -> None:
    with limited(environ, key, requests_per_minute=3) as client:
        answers = [client.get(path) for path in (ME, "/api/v1/generation-jobs/7", f"{ME}?x=1")]
        assert [answer.status_code for answer in answers] == [200, 404, 422]
        assert [rate(answer) for answer in answers] == [("3", left, "3;w=60") for left in "210"]
        assert all(1 <= int(answer.headers["ratelimit-reset"]) <= 61 for answer in answers)
        too_many = refused(client.get(ME), "requests_per_minute")
        assert rate(too_many) == ("3", "0", "3;w=60")
        assert too_many.headers["retry-after"] == too_many.headers["ratelimit-reset"]


def test_one_key_does_not_count_for_another(environ: dict[str, str], key: str, engine: Engine) -> None:
    with limited(environ, key, requests_per_minute=1) as client:
        assert client.get(ME).status_code == 200
        refused(client.get(ME), "requests_per_minute")
        assert client.get(ME, headers=bearer(new_key(engine))).status_code == 200


def test_who_is_not_known_is_not_counted_and_told_nothing(environ: dict[str, str], key: str) -> None:
    with limited(environ, key, requests_per_minute=1) as client:
        answers = [client.get(ME, headers={"Authorization": "Bearer gn_a_b"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401] * 3
        assert not [name for answer in answers for name in answer.headers if name.startswith("ratelimit")]


@pytest.mark.parametrize("requests", [1, 5])
def test_who_waits_as_long_as_is_said_is_let_in_and_who_does_not_is_not(
    environ: dict[str, str], key: str, redis_client: redis.Redis, requests: int
) -> None:
    with limited(environ, key, requests_per_minute=requests) as client:
        for _ in range(requests):
            assert client.get(ME).status_code == 200
        wait_s = int(refused(client.get(ME), "requests_per_minute").headers["retry-after"])
        let_pass(redis_client, environ["REDIS_NS"], wait_s - 20)
        refused(client.get(ME), "requests_per_minute")
        let_pass(redis_client, environ["REDIS_NS"], 20)
        assert client.get(ME).status_code == 200
        refused(client.get(ME), "requests_per_minute")


def test_a_key_may_have_limits_of_its_own_or_none(environ: dict[str, str], engine: Engine) -> None:
    narrow = with_limits(engine, {"requests_per_minute": 1})
    wide = with_limits(engine, {"requests_per_minute": None})
    with limited(environ, narrow, requests_per_minute=2) as client:
        assert client.get(ME).headers["ratelimit-limit"] == "1"
        refused(client.get(ME), "requests_per_minute")
        answers = [client.get(ME, headers=bearer(wide)) for _ in range(4)]
        assert {answer.status_code for answer in answers} == {200}
        assert "ratelimit-limit" not in answers[0].headers


def test_a_limit_of_nothing_lets_nothing_pass(environ: dict[str, str], key: str) -> None:
    with limited(environ, key, requests_per_minute=0) as client:
        refused(client.get(ME), "requests_per_minute")


def test_a_socket_that_is_opened_is_a_request_too(environ: dict[str, str], key: str, messenger: Messenger) -> None:
    url = f"/ws/jobs/{submitted(messenger)}"
    with limited(environ, key, requests_per_minute=1) as client:
        with client.websocket_connect(url) as socket:
            assert socket.receive_json()["type"] == "snapshot"
        with client.websocket_connect(url) as socket, pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4429
    assert closed.value.reason.startswith("this key may have 1 requests per minute")


def test_submissions_are_counted_by_the_hour_and_only_those(
    environ: dict[str, str], key: str, messenger: Messenger
) -> None:
    with limited(environ, key, submissions_per_hour=2) as client:
        assert client.post(JOBS, json={"prompt": 1}).status_code == 422
        assert [client.post(JOBS, json=JOB).status_code for _ in range(2)] == [201, 201]
        answer = refused(client.post(JOBS, json=JOB), "submissions_per_hour")
        assert rate(answer) == ("2", "0", "2;w=3600")
        assert client.get(ME).status_code == 200
    assert jobs_of_all(messenger) == 2


def test_a_submission_and_its_request_are_one_question_to_redis(
    environ: dict[str, str], key: str, redis_client: redis.Redis
) -> None:
    with limited(environ, key, requests_per_minute=9, submissions_per_hour=9) as client:
        assert client.post(JOBS, json=JOB).status_code == 201  # Redis knows the script from now on
        with redis_client.monitor() as monitor:  # type: ignore[no-untyped-call]  # redis leaves it untyped
            assert client.post(JOBS, json=JOB).status_code == 201
            redis_client.echo("the end")
            commands = commands_until_the_end(monitor, environ["REDIS_NS"])
            asked = [command for command in commands if "limits:rates" in command]
    assert [command.split()[0] for command in asked] == ["EVALSHA"]


def test_what_makes_no_job_is_given_back(environ: dict[str, str], key: str, redis_client: redis.Redis) -> None:
    counts = f"{environ['REDIS_NS']}:limits:rates:submissions_per_hour:*"
    once = {"Idempotency-Key": "once"}
    with limited(environ, key, submissions_per_hour=2) as client:
        bad = {**JOB, "width": 7}
        answers = [
            client.post(JOBS, json=JOB, headers=once),
            client.post(JOBS, json=JOB, headers=once),
            client.post(JOBS, json=bad),
            client.post(f"{JOBS}77/retry"),
            client.post(JOBS, json=JOB, headers=bearer("gn_a_b")),
        ]
        assert [answer.status_code for answer in answers] == [201, 200, 422, 404, 401]
        assert [redis_client.get(name) for name in redis_client.scan_iter(match=counts)] == [b"1"]


def test_a_request_sent_again_is_answered_though_no_submission_is_left(environ: dict[str, str], key: str) -> None:
    once = {"Idempotency-Key": "once"}
    with limited(environ, key, submissions_per_hour=1) as client:
        assert [client.post(JOBS, json=JOB, headers=once).status_code for _ in range(2)] == [201, 200]
        assert client.post(JOBS, json={**JOB, "width": 7}).status_code == 422
        refused(client.post(JOBS, json=JOB), "submissions_per_hour")


def test_jobs_of_a_batch_are_all_counted_or_none(environ: dict[str, str], key: str, messenger: Messenger) -> None:
    with limited(environ, key, submissions_per_hour=3) as client:
        refused(client.post(f"{JOBS}bulk", json={"jobs": [JOB] * 4}), "submissions_per_hour")
        assert client.post(f"{JOBS}bulk", json={"jobs": [JOB] * 3}).status_code == 201
        refused(client.post(JOBS, json=JOB), "submissions_per_hour")
    assert jobs_of_all(messenger) == 3


def jobs_of_all(messenger: Messenger) -> int:
    with messenger.transaction() as session:
        return session.exec(select(func.count()).select_from(GenerationJob)).one()


def test_a_user_has_so_many_jobs_waiting_whichever_key_they_came_by(
    environ: dict[str, str], key: str, engine: Engine
) -> None:
    with limited(environ, key, queued_jobs=2) as client:
        first, _ = [client.post(JOBS, json=JOB).json() for _ in range(2)]
        refused(client.post(JOBS, json=JOB), "queued_jobs", "quota_exceeded")
        refused(client.post(JOBS, json=JOB, headers=bearer(new_key(engine))), "queued_jobs", "quota_exceeded")
        another = bearer(new_key(engine, another=True))
        assert client.post(JOBS, json=JOB, headers=another).status_code == 201
        client.post(first["links"]["cancel"])
        assert client.post(JOBS, json=JOB).status_code == 201


def test_what_is_refused_for_the_rows_is_not_counted_as_submitted(
    environ: dict[str, str], key: str, messenger: Messenger
) -> None:
    submitted(messenger)
    with limited(environ, key, queued_jobs=1, submissions_per_hour=1) as client:
        for _ in range(3):
            refused(client.post(JOBS, json=JOB), "queued_jobs", "quota_exceeded")
        with messenger.transaction() as session:
            cancel_one(session, 1)
        assert client.post(JOBS, json=JOB).status_code == 201


def test_who_has_stored_as_much_as_is_allowed_submits_no_more(
    environ: dict[str, str], key: str, messenger: Messenger, engine: Engine
) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim, size_bytes=1000)])
    with limited(environ, key, stored_bytes=1001) as client:
        assert client.post(JOBS, json=JOB).status_code == 201
    with limited(environ, key, stored_bytes=1000) as client:
        refused(client.post(JOBS, json=JOB), "stored_bytes", "quota_exceeded")
        roomy = with_limits(engine, {"stored_bytes": 2000})
        assert client.post(JOBS, json=JOB, headers=bearer(roomy)).status_code == 201


def test_without_redis_everything_passes_and_it_is_logged_once(environ: dict[str, str], key: str) -> None:
    nowhere = {**environ, "REDIS_URL": "redis://127.0.0.1:9/3"}
    with limited(nowhere, key, requests_per_minute=1, submissions_per_hour=1) as client, capture_logs() as logs:
        answers = [client.get(ME) for _ in range(10)] + [client.post(JOBS, json=JOB) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [201] * 3
    assert "ratelimit-limit" not in answers[0].headers
    assert [log["log_level"] for log in logs if log["event"] == "limits.not_kept"] == ["warning"]
