"""A schedule whose job takes the output of another: it is kept when the schedule is made, and each job takes it."""

from pathlib import Path

from sqlalchemy import Engine
from starlette.testclient import TestClient

from shared.configuration.settings import Settings
from shared.messaging.messenger import Messenger
from tests.api_service.inputs.test_inputs import CLASSES, URL, loading, reference, uses
from tests.api_service.inputs.test_outputs_as_inputs import assets, completed
from tests.api_service.schedules.test_schedules import made, row
from tests.object_infos import object_info, publish
from tests.schedules import becomes_due, jobs_of, run_all


def test_it_is_kept_once_and_taken_by_each_job(
    client: TestClient, settings: Settings, messenger: Messenger, engine: Engine, tmp_path: Path
) -> None:
    publish(messenger, object_info(classes=CLASSES))
    job_id = completed(messenger, settings, tmp_path)
    named = client.get(f"{URL}{job_id}").json()["outputs"][0]["id"]
    schedule = made(client, job={"workflow": loading(reference(named))}, overlap="queue")
    (asset,) = assets(messenger)
    assert client.delete(f"{URL}{job_id}").status_code == 204, "what made it may go"
    for _ in range(2):
        becomes_due(engine, row(engine, schedule))
        assert run_all(messenger) == 1
    jobs = jobs_of(engine, row(engine, schedule))
    assert [job.assets for job in jobs] == [{"1": {"image": str(asset.id)}}] * 2
    assert sorted(uses(messenger)) == sorted((str(asset.id), job.id) for job in jobs)
