"""No value of any field or parameter, however odd, is answered with a fault of ours; what is odd is refused by name."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.doors.v1.routes import OPERATIONS
from api_service.http.operations import Operation
from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.api_service.conftest import bearer, new_key
from tests.jobs import USER, submitted
from tests.sweeps import share, sweep

pytestmark = pytest.mark.broad

JOBS = "/api/v1/generation-jobs"
TYPED: dict[str, Any] = {
    "prompt": "a cat",
    "negative_prompt": "a dog",
    "checkpoint_model": "sd15",
    "lora_models": [{"name": "a", "strength_model": 1.0, "strength_clip": 1.0}],
    "width": 64,
    "height": 64,
    "batch_size": 1,
    "sampler_params": {"seed": 1, "steps": 2, "cfg": 1.0, "sampler_name": "euler", "denoise": 1.0},
    "params": {"clip_skip": 1, "vae_name": "v"},
    "priority": 5,
    "run_at": "2020-01-01T00:00:00Z",
    "deadline_seconds": 60.0,
    "max_attempts": 2,
    "metadata": {"key": {"deeper": ["text", 1]}},
}
RAW: dict[str, Any] = {
    "workflow": {
        "1": {"class_type": "KSampler", "inputs": {"seed": 1, "text": "a", "link": ["2", 0]}, "_meta": {"title": "t"}}
    },
    "delay_seconds": 1.0,
}
FILTERS: dict[str, Any] = {
    "status": ["queued"],
    "type": "image",
    "created_after": "2020-01-01T00:00:00Z",
    "created_before": "2020-01-01T00:00:00Z",
    "checkpoint": "a",
    "batch": str(USER),
    "metadata": ["a:b"],
    "text": "nothing like it",
}
BODIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a typed job": ("POST", f"{JOBS}/", TYPED),
    "a workflow": ("POST", f"{JOBS}/", RAW),
    "a check": ("POST", f"{JOBS}/validate", TYPED),
    "a batch": ("POST", f"{JOBS}/bulk", {"jobs": [RAW]}),
    "a cancel of many": ("POST", f"{JOBS}/cancel", FILTERS),
    "a change of a job": ("PATCH", f"{JOBS}/1", {"priority": 5, "metadata": {"key": "value"}}),
    "a retry": ("POST", f"{JOBS}/1/retry", {"seed": 1}),
    "a user": ("POST", "/api/v1/users", {"name": "anna", "running_jobs_limit": 1}),
    "a key": (
        "POST",
        f"/api/v1/users/{USER}/keys",
        {"name": "k", "scopes": ["jobs:read"], "expires_at": "2099-01-01T00:00:00Z", "limits": {"queued_jobs": 1}},
    ),
    "an output that is kept": (
        "POST",
        "/api/v1/assets/from-output",
        {"job_id": 1, "number": 0, "name": "a.png", "tags": ["a"], "expires_at": "2099-01-01T00:00:00Z"},
    ),
}
ODD_TEXTS = (
    *("", "\0", "a\0b", "x" * 70_000, "\ufffe", "%", "'\"\\", "NaN", "1e400", "-1", str(2**31), str(2**63), "9" * 5000),
    *("2026-01-01T00:00:00+23:59", "2026-01-01T00:00:00-23:59", "2026-01-01T00:00:00+15:59:59"),
    *("0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59.999999Z", "1e17", "-62135596801"),
    *("\u0661", "1e0", "0x10", "null", "[]", "a:\0", "\\", ":", "all", str(USER).replace("-", "")),
)
ODD_JSON: tuple[Any, ...] = (
    *ODD_TEXTS,
    *(None, True, [], {}, [[[]]], {"a\0": 1}, {"": None}),
    *(-1, 0, 2**31, 2**53 + 1, 2**63, 2**64, -(2**64), 10**30, 1e308, -1e308, 5e-324),
)
NO_JSON = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, r'"\ud800"', r'{"\udfff": 1}', r'"\u0000"')


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a document, containers too."""
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from leaves(part, (*path, key))


def replaced(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    holder: Any = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return changed


@pytest.fixture
def admin(client: TestClient, messenger: Messenger) -> TestClient:
    """A client that may do everything, as often as it likes, and sees the faults as clients do."""
    client.headers.update(bearer(new_key(messenger.engine, *Scope)))
    return client


def sent(client: TestClient, method: str, path: str, content: str) -> tuple[int, Any]:
    response = client.request(method, path, content=content.encode(), headers={"Content-Type": "application/json"})
    return response.status_code, response.json()


@pytest.mark.timeout(300)
@sweep(one_in=5)
@pytest.mark.parametrize("why", BODIES)
def test_of_a_body(admin: TestClient, messenger: Messenger, why: str, one_in: int) -> None:
    submitted(messenger)
    method, path, body = BODIES[why]
    mark = "here is the odd value"
    contents = [
        json.dumps(replaced(body, leaf, mark)).replace(json.dumps(mark), odd)
        for place, leaf in enumerate(leaves(body))
        for odd in share((*map(json.dumps, ODD_JSON), *NO_JSON), one_in, place)
    ]
    names = [json.dumps({**body, name: 1}) for name in ("\0", "x" * 70_000, "")]
    wrong = []
    for content in (*contents, *names):
        status, answer = sent(admin, method, path, content)
        if status >= 500 or (status == 422 and not answer["errors"]):
            wrong.append((status, answer, content[:300]))
    assert not wrong, wrong[:5]


@pytest.mark.timeout(300)
@sweep(one_in=2)
def test_of_a_field_of_a_form(admin: TestClient, one_in: int) -> None:
    wrong = []
    for place, name in enumerate(("name", "tags", "expires_at", "hash", "unknown", "", "\0", "n" * 4000)):
        for odd in share(ODD_TEXTS, one_in, place):
            for fields in ({name: odd}, {name: [odd, odd]}):
                answer = admin.post("/api/v1/assets", files={"file": ("a", b"bytes")}, data=fields)
                if answer.status_code >= 500 or (answer.status_code == 422 and not answer.json()["errors"]):
                    wrong.append((answer.status_code, name, odd[:100]))
    for odd in (*ODD_TEXTS, "\udcff"):
        head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{odd}"\r\n\r\nx\r\n--b--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = admin.post("/api/v1/assets", content=head.encode(errors="surrogateescape"), headers=headers)
        if answer.status_code >= 500:
            wrong.append((answer.status_code, "filename", odd[:100]))
    assert not wrong, wrong[:10]


def goes_on(operation: Operation[Any, Any, Any]) -> bool:
    """Whether its answer has no end; that of a job has one where there is no such job."""
    return "{" not in operation.path and any(
        "text/event-stream" in answer.media_types for answer in operation.answers.values()
    )


@pytest.mark.timeout(300)
@sweep(one_in=5)
def test_of_a_parameter(admin: TestClient, one_in: int) -> None:
    wrong = []
    parameters = [
        (operation.path.replace("{user_id}", str(USER)), name)
        for operation in OPERATIONS
        if operation.tag != "streams" and operation.method == "GET" and not goes_on(operation)
        for name in operation.query.model_fields
    ]
    assert len(parameters) > 20
    for place, (path, name) in enumerate(parameters):
        for odd in share((*ODD_TEXTS, "\ud800"), one_in, place):
            value = odd.encode(errors="surrogatepass")[:2000]
            for given in ({name: value}, {name: [value, value]}):
                answer = admin.get(path, params=given)  # type: ignore[arg-type]
                if answer.status_code >= 500:
                    wrong.append((answer.status_code, path, name, odd[:100]))
    assert not wrong, wrong[:10]


def test_of_a_part_of_a_path(admin: TestClient) -> None:
    wrong = []
    for operation in OPERATIONS:
        if operation.tag == "streams" or "{" not in operation.path:
            continue
        for odd in ("%00", "%ED%A0%80", "%FF", "x" * 20_000, "9" * 5000, str(2**31), "-1", "%D9%A1", ".", "%2F"):
            if odd == "." and operation.path.endswith("/events"):
                continue  # a client takes it out, and asks for the stream of the list, which does not end
            head, *rest = operation.path.split("{")
            path = head + "".join(odd + part.partition("}")[2] for part in rest)
            answer = admin.request(operation.method, path, json={})
            if answer.status_code >= 500:
                wrong.append((answer.status_code, operation.method, path[:100]))
    assert not wrong, wrong[:10]
