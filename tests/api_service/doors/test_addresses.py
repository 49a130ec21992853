"""Every address works with and without a last slash, and an unknown one says what there is."""

import re
import time
from typing import Any

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from api_service.http.addresses import LONGEST_COMPARED, close_addresses
from api_service.main import create_app
from api_service.routes import OPERATIONS, ROUTES
from shared.configuration.settings import load_settings
from tests.api_service.comfy_v2.holding import holding
from tests.api_service.conftest import bearer, new_key
from tests.api_service.quick_api import QUICK
from tests.api_service.submit.test_submitting import LEAST, refused

JOBS = "/api/v1/generation-jobs"
NUMBERS = {"job_id": str(2**31 - 1), "number": "0"}


# One that may follow would be answered for ever.
ENDING = [one for one in OPERATIONS if one.name not in {"followNotifications", "followTasks"}]


@pytest.mark.broad
def test_no_operation_redirects_with_or_without_a_last_slash(environ: dict[str, str], engine: Engine) -> None:
    settings, key = load_settings({**environ, "LIMIT_REQUESTS_PER_MINUTE": "none"}), new_key(engine)
    unlike = []
    with TestClient(holding(create_app(settings, QUICK)), headers=bearer(key)) as client:
        for operation in ENDING:
            path = re.sub(r"\{(\w+)\}", lambda found: NUMBERS.get(found[1], "x"), operation.path)
            plain = path.rstrip("/")
            without, with_slash = (
                client.request(operation.method, one, follow_redirects=False, json={"all": 1})
                for one in (plain, f"{plain}/")
            )
            answers = [(one.status_code, said(one)) for one in (without, with_slash)]
            if without.is_redirect or answers[0] != answers[1]:
                unlike.append((operation.name, answers))
    assert len(ENDING) > 50
    assert not unlike


def said(response: Any) -> object:
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        return response.text
    return response.json().keys() if response.content else None


def test_the_documents_do_not_redirect_either(client: TestClient) -> None:
    for path in ("/docs", "/docs/", "/openapi.json", "/openapi.json/"):
        assert client.get(path, follow_redirects=False).status_code == 200


@pytest.mark.parametrize("path", [JOBS, f"{JOBS}/"])
def test_a_job_is_submitted_at_either_address(client: TestClient, path: str) -> None:
    response = client.post(path, json=LEAST, follow_redirects=False)
    assert response.status_code == 201
    assert response.json()["prompt"] == LEAST["prompt"]


def test_the_same_request_with_and_without_a_last_slash_is_the_same(client: TestClient) -> None:
    key = {"Idempotency-Key": "once"}
    first, again = (client.post(path, json=LEAST, headers=key) for path in (JOBS, f"{JOBS}/"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


@pytest.mark.parametrize("path", [f"{JOBS}//", "/docs//", "/health//live", "/health/live//"])
def test_two_slashes_are_another_address(client: TestClient, path: str) -> None:
    refused(client.get(path, follow_redirects=False), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/generation-jobs", f"{JOBS}/"),
        ("/api/v1/generation-job", f"{JOBS}/"),
        ("/api/v1/generation_jobs/", f"{JOBS}/"),
        (f"{JOBS}/12/output/0", f"{JOBS}/{{job_id}}/outputs/{{number}}"),
        ("/api/v1/node/KSampler", "/api/v1/nodes/{node_class}"),
        ("/health", "/health/live"),
        ("/openapi", "/openapi.json"),
        ("/ws/job/12", "/ws/jobs/{job_id} (a WebSocket)"),
    ],
)
def test_an_unknown_address_names_those_like_it(client: TestClient, path: str, meant: str) -> None:
    detail = refused(client.get(path), 404, "not_found")["detail"]
    assert meant in detail
    assert "/docs lists all addresses" in detail


@pytest.mark.parametrize("path", ["/wp-login.php", f"/{'x' * 5000}"])
def test_one_like_no_other_says_where_all_are(client: TestClient, path: str) -> None:
    problem = refused(client.get(path), 404, "not_found")
    assert problem["detail"] == "nothing is at this address; /docs lists all addresses"


def test_looking_for_what_was_meant_takes_no_time() -> None:
    started = time.process_time()
    for path in (f"/api/v1/{'generation-jobs/' * 12}", "/a" * 90, f"{JOBS}/{'1' * 170}"):
        assert len(path) <= LONGEST_COMPARED
        assert len(close_addresses(path, ROUTES)) <= 3
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", f"{JOBS}/1", "DELETE, GET, HEAD, PATCH"),
        ("DELETE", JOBS, "GET, HEAD, POST"),
        ("GET", f"{JOBS}/bulk/", "POST"),
        ("POST", "/docs/static/swagger-ui.css", "GET, HEAD"),
    ],
)
def test_a_wrong_method_names_those_that_there_are(client: TestClient, method: str, path: str, allowed: str) -> None:
    response = client.request(method, path)
    assert refused(response, 405, "method_not_allowed")["detail"] == (
        f"this address takes {allowed}, and not {method}; /docs lists all addresses"
    )
    assert response.headers["allow"] == allowed
