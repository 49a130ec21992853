"""Each request is one line of the log: who asked, with which key, and from where.

A line may be written just after its answer was read. So each test reads the log of a process that has ended.
"""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api_service.conftest import bearer
from tests.api_service.serving import Served, closing, served
from tests.jobs import USER

pytestmark = pytest.mark.system

ELSEWHERE = "192.0.2.7"


def lines(api: Served, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in api.process.command.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]


def get(api: Served, path: str, **headers: str) -> int:
    with httpx.Client(base_url=f"http://{api.address}", headers=headers) as http:
        return http.get(path).status_code


@pytest.mark.parametrize(("trusted", "client"), [(None, ELSEWHERE), ("192.0.2.1", "127.0.0.1")])
def test_a_line_says_who_asked_and_a_proxy_is_believed_only_where_it_is_trusted(
    environ: dict[str, str], key: str, tmp_path: Path, trusted: str | None, client: str
) -> None:
    trust = {"FORWARDED_ALLOW_IPS": trusted} if trusted else {}
    with served({**environ, **trust}, key, tmp_path) as api:
        forwarded = {"X-Forwarded-For": ELSEWHERE}
        assert get(api, "/api/v1/me", **bearer(key), **forwarded) == 200
        assert get(api, "/api/v1/me", **forwarded) == 401
        with api.watch("/ws/jobs/1") as watching:
            assert closing(watching)[0] == 4404
    known, unknown = lines(api, "request.answered")
    (watched,) = lines(api, "live.closed")
    key_id = key.split("_")[1]
    assert (known["client"], known["user_id"], known["key_id"]) == (client, str(USER), key_id)
    assert (unknown["client"], unknown["status"]) == (client, 401)
    assert {"user_id", "key_id"}.isdisjoint(unknown)
    assert (watched["client"], watched["user_id"], watched["key_id"]) == ("127.0.0.1", str(USER), key_id)
    assert key.split("_")[2] not in str((known, unknown, watched))


def test_an_address_that_a_proxy_makes_up_is_cut(environ: dict[str, str], key: str, tmp_path: Path) -> None:
    with served(environ, key, tmp_path) as api:
        assert get(api, "/api/v1/me", **bearer(key), **{"X-Forwarded-For": "a" * 5000}) == 200
    (line,) = lines(api, "request.answered")
    assert len(line["client"]) <= 64


def test_no_line_has_the_signature_of_a_url(environ: dict[str, str], key: str, tmp_path: Path) -> None:
    with served(environ, key, tmp_path) as api:
        with httpx.Client(base_url=f"http://{api.address}", headers=bearer(key)) as http:
            url = http.post("/api/v1/assets", files={"file": b"bytes"}).json()["url"]
        for one in (url, f"{url}A"):
            httpx.get(one)
    *_, good, forged = lines(api, "request.answered")
    log = api.process.command.log.read_text()
    assert (good["status"], forged["status"]) == (200, 401)
    assert good["key_id"] == key.split("_")[1]
    assert "key_id" not in forged
    assert url.partition("signature=")[2] not in log
