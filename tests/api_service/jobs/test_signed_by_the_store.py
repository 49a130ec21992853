"""Where it is set, clients are sent on to the bucket; else they get the bytes from us, in pieces."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import load_settings
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from tests.api_service.conftest import bearer
from tests.api_service.quick_api import QUICK
from tests.buckets import S3
from tests.jobs import output, running

PREFIX = "of-the-api"
CONTENT = bytes(range(256)) * 4096


@pytest.fixture(params=["true", "false"])
def is_signed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "true")


@pytest.fixture
def client(environ: dict[str, str], key: str, s3: S3, is_signed: bool) -> Iterator[TestClient]:
    given = environ | s3.environment(PREFIX) | {"STORAGE_SIGNED_URLS": str(is_signed)}
    with TestClient(create_app(load_settings(given), QUICK), headers=bearer(key), follow_redirects=False) as client:
        yield client


def test_an_output_comes_from_the_bucket_or_from_us(
    client: TestClient, messenger: Messenger, s3: S3, is_signed: bool, tmp_path: Path
) -> None:
    claim = running(messenger)
    made = output(claim, 0)
    (tmp_path / "file").write_bytes(CONTENT)
    s3.store(PREFIX).put({made.path: tmp_path / "file"})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [made])
    url = f"/api/v1/generation-jobs/{claim.job.id}/outputs/0"
    answer = client.get(url)
    assert client.head(url).headers["content-length"] == str(len(CONTENT))
    assert client.get(url, headers={"If-None-Match": f'"{made.sha256}"'}).status_code == 304
    if is_signed:
        assert (answer.status_code, answer.headers["cache-control"]) == (302, "private, no-store")
        with urllib.request.urlopen(answer.headers["location"], timeout=10) as found:
            assert (found.read(), found.headers["content-type"]) == (CONTENT, "image/png")
    else:
        assert (answer.status_code, answer.content) == (200, CONTENT)
        assert client.get(url, headers={"Range": "bytes=300-301"}).content == CONTENT[300:302]
    s3.store(PREFIX).remove(made.path)
    assert client.get(url).status_code == 410
