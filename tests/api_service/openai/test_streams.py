"""A stream of a picture is one of a single job: its owner has seen its end by that."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.storage.opening import open_storage
from tests.api_service.assets.assets import PNG
from tests.api_service.jobs.test_prefer_wait import next_job
from tests.jobs import output
from tests.notifications import listens_by_mail, told
from tests.worker_service.waiting import until

ASKED = {"prompt": "a cat", "model": "random_sd15.safetensors", "size": "64x64", "stream": True}


def test_whoever_streams_a_picture_is_mailed_nothing_and_has_read_it(
    client: TestClient, messenger: Messenger, settings: Settings, tmp_path: Path
) -> None:
    listens_by_mail(messenger, in_app=["job_completed"])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.post, "/v1/images/generations", json=ASKED)
        claim = next_job(messenger)
        watchers = client.app_state["services"].relay.watchers
        until(lambda: any(watch.started for watch in [*watchers.of_job.get(claim.job.id, ())]))
        made = output(claim)
        (tmp_path / "picture").write_bytes(PNG)
        open_storage(settings).store.put({made.path: tmp_path / "picture"})
        with messenger.transaction() as session:
            lifecycle.complete(session, claim.lease, [made])
        assert "image_generation.completed" in answer.result(60).text
    until(lambda: all(row.read_at for row in told(messenger)))
    assert [(row.job_id, row.mail_owed) for row in told(messenger)] == [(claim.job.id, False)]
