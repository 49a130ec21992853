"""An output is named by its id where a node takes a file: it becomes an asset of its owner, once, without a copy."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select
from starlette.testclient import TestClient

from api_service.inputs.outputs import asset_id_of
from api_service.main import create_app
from shared.configuration.settings import Settings, load_settings
from shared.files.folders import job_folder
from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import Asset, GenerationJob, JobOutput, OutputKind
from shared.storage.opening import open_storage
from shared.workflows.opaque_names import OutputPlace, output_name
from tests.api_service.assets.assets import ASSETS, PNG, files, notes, stored_bytes
from tests.api_service.conftest import bearer, new_key
from tests.api_service.inputs.test_inputs import CLASSES, LEAST, URL, accepted, loading, reference, refused, uses
from tests.jobs import output, running
from tests.object_infos import object_info, publish

V2 = "/api/v2/jobs"


@pytest.fixture(autouse=True)
def _servers(messenger: Messenger) -> None:
    publish(messenger, object_info(classes=CLASSES))


def completed(messenger: Messenger, settings: Settings, folder: Path, **values: Any) -> int:
    """A job that has ended with one output, the bytes of PNG."""
    claim = running(messenger)
    facts = {"path": f"{job_folder(claim.job)}/1/0.png", "size_bytes": len(PNG), **values}
    made = output(claim, **facts)
    (folder / "file").write_bytes(PNG)
    open_storage(settings).store.put({made.path: folder / "file"})
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [made])
    return claim.job.id


@pytest.fixture
def job_id(messenger: Messenger, settings: Settings, tmp_path: Path) -> int:
    return completed(messenger, settings, tmp_path)


def assets(messenger: Messenger) -> list[Asset]:
    with messenger.transaction() as session:
        return list(session.exec(select(Asset)))


def test_an_output_becomes_an_input_without_a_copy(
    client: TestClient, settings: Settings, messenger: Messenger, job_id: int
) -> None:
    shown = client.get(f"{URL}{job_id}").json()["outputs"][0]["id"]
    assert shown == client.get(V2 + "/" + client.get(V2).json()["jobs"][0]["id"]).json()["outputs"][0]["id"]
    body = accepted(client, loading(reference(shown)))
    (asset,) = assets(messenger)
    assert (asset.name, asset.job_id, asset.size_bytes) == (f"job-{job_id}-0.png", job_id, len(PNG))
    assert body["assets"] == {"1": {"image": str(asset.id)}}
    assert body["workflow"]["1"]["inputs"]["image"] == reference(shown), "the row keeps what was sent"
    assert uses(messenger) == [(str(asset.id), body["id"])]
    one, other = files(settings)
    assert one.samefile(other)
    assert (stored_bytes(messenger), notes(messenger)) == (2 * len(PNG), [])


def test_it_becomes_one_asset_however_often_it_is_named(
    client: TestClient, settings: Settings, messenger: Messenger, job_id: int
) -> None:
    named = reference(output_name(job_id, 0))
    graph = {**loading(named), **{f"x{key}": one for key, one in loading(named).items()}}
    graph["x2"]["inputs"]["images"] = ["x1", 0]
    jobs = [{"workflow": graph}, {"workflow": loading(named)}, {**LEAST, "image": named}]
    assert client.post(f"{URL}bulk", json={"jobs": jobs}).status_code == 201
    assert client.post(V2, json={"workflow": loading(named)}).status_code == 201
    (asset,) = assets(messenger)
    assert [one for one, _ in uses(messenger)] == [str(asset.id)] * 4
    assert len(files(settings)) == 2


def test_an_asset_that_was_made_of_it_before_is_taken(client: TestClient, messenger: Messenger, job_id: int) -> None:
    made = client.post(f"{ASSETS}/from-output", json={"job_id": job_id}).json()
    assert made["id"] != str(asset_id_of(OutputPlace(job_id, 0)))
    body = accepted(client, loading(reference(output_name(job_id, 0))))
    assert body["assets"] == {"1": {"image": made["id"]}}
    assert uses(messenger) == [(made["id"], body["id"])]
    assert len(assets(messenger)) == 1


def test_the_job_that_made_it_may_go_while_the_new_one_needs_it(
    client: TestClient, messenger: Messenger, job_id: int
) -> None:
    body = accepted(client, loading(reference(output_name(job_id, 0))))
    (asset,) = assets(messenger)
    assert client.delete(f"{URL}{job_id}").status_code == 204
    assert client.get(f"{ASSETS}/{asset.id}/content").content == PNG
    assert client.delete(f"{ASSETS}/{asset.id}").json()["code"] == "asset_in_use"
    client.post(f"{URL}{body['id']}/cancel")
    again = client.post(f"{URL}{body['id']}/retry")
    assert (again.status_code, again.json()["assets"]) == (201, body["assets"])


def test_a_retry_makes_the_asset_again_if_it_is_gone(client: TestClient, messenger: Messenger, job_id: int) -> None:
    body = accepted(client, loading(reference(output_name(job_id, 0))))
    client.post(f"{URL}{body['id']}/cancel")
    (asset,) = assets(messenger)
    assert client.delete(f"{ASSETS}/{asset.id}").status_code == 204
    assert client.post(f"{URL}{body['id']}/retry").status_code == 201
    assert [one.id for one in assets(messenger)] == [asset.id]


def test_another_users_output_is_as_one_that_is_not_there(client: TestClient, engine: Engine, job_id: int) -> None:
    stranger = bearer(new_key(engine, another=True))
    names = [output_name(job_id, 0), output_name(job_id, 1), output_name(2**31 - 1, 0)]
    for headers, which in ((stranger, names), ({}, names[1:])):
        for name in which:
            body = {"workflow": loading(reference(name))}
            found = refused(client.post(URL, json=body, headers=headers))
            assert found == {"workflow.1.inputs.image": ("missing_asset", f"you have no output {name!r}")}
            error = client.post(V2, json=body, headers=headers).json()["error"]
            assert error["code"] == "missing_asset"
            assert [one["field"] for one in error["details"]["node_errors"]["1"]] == ["image"]


def test_nobody_takes_the_asset_of_anothers_output(
    client: TestClient, engine: Engine, messenger: Messenger, job_id: int
) -> None:
    accepted(client, loading(reference(output_name(job_id, 0))))
    body = {"workflow": loading(reference(output_name(job_id, 0)))}
    assert refused(client.post(URL, json=body, headers=bearer(new_key(engine, another=True))))
    assert len(uses(messenger)) == 1


def test_what_is_refused_and_what_is_only_looked_at_leave_no_asset(
    client: TestClient, messenger: Messenger, settings: Settings, job_id: int
) -> None:
    named = reference(output_name(job_id, 0))
    found = refused(client.post(URL, json={"workflow": loading(named, "LoadAudio", "audio")}))
    assert found["workflow.1.inputs.audio"][0] == "wrong_asset_kind"
    body = client.post(f"{URL}validate", json={"workflow": loading(named)})
    assert body.json()["job"]["assets"] == {"1": {"image": str(asset_id_of(OutputPlace(job_id, 0)))}}
    assert (assets(messenger), notes(messenger), len(files(settings))) == ([], [], 1)


def test_a_file_that_the_store_has_lost_is_refused_by_its_field(
    client: TestClient, messenger: Messenger, settings: Settings, job_id: int
) -> None:
    (file,) = files(settings)
    file.unlink()
    jobs = [LEAST, {"workflow": loading(reference(output_name(job_id, 0)))}]
    found = refused(client.post(f"{URL}bulk", json={"jobs": jobs}))
    assert found.keys() == {"jobs[1].workflow.1.inputs.image"}
    assert (assets(messenger), notes(messenger), stored_bytes(messenger)) == ([], [], len(PNG))


def test_an_output_that_is_too_large_is_refused_by_its_field(
    environ: dict[str, str], messenger: Messenger, key: str, settings: Settings, tmp_path: Path
) -> None:
    job_id = completed(messenger, settings, tmp_path, size_bytes=2001)
    app = create_app(load_settings({**environ, "ASSET_MAX_BYTES": "2000"}))
    with TestClient(app, headers=bearer(key)) as client:
        found = refused(client.post(URL, json={"workflow": loading(reference(output_name(job_id, 0)))}))
    assert found["workflow.1.inputs.image"][0] == "asset_too_large"
    assert assets(messenger) == []


def test_a_full_store_takes_no_second_name(
    environ: dict[str, str], messenger: Messenger, key: str, job_id: int
) -> None:
    app = create_app(load_settings({**environ, "LIMIT_STORED_BYTES": str(len(PNG) + 1)}))
    with TestClient(app, headers=bearer(key)) as client:
        answer = client.post(URL, json={"workflow": loading(reference(output_name(job_id, 0)))})
    assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
    with messenger.transaction() as session:
        assert len(session.exec(select(GenerationJob.id)).all()) == 1


@pytest.mark.parametrize("kind", OutputKind)
def test_every_kind_of_output_has_its_kind_of_asset(
    client: TestClient, messenger: Messenger, job_id: int, kind: OutputKind
) -> None:
    with messenger.transaction() as session:
        session.get_one(JobOutput, (job_id, 0)).kind = kind
    name = reference(output_name(job_id, 0))
    assert client.post(URL, json={"workflow": loading(name, "Load3D", "model_file")}).status_code == 201


@pytest.mark.parametrize("wrapped", [lambda it: [it], lambda it: {"deep": [1, {"er": it}]}], ids=["list", "deep"])
def test_within_a_value_there_is_no_reference_at_either_door(client: TestClient, job_id: int, wrapped: Any) -> None:
    workflow = loading("up.png")
    workflow["2"]["inputs"]["other"] = wrapped(reference(output_name(job_id, 0)))
    found = refused(client.post(URL, json={"workflow": workflow}))
    message = "a reference to an asset must be the whole value of an input"
    assert found["workflow.2.inputs.other"] == ("missing_asset", message)
    error = client.post(V2, json={"workflow": workflow}).json()["error"]
    assert error["code"] == "missing_asset"
    assert message in error["message"]
