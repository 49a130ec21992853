"""Assets that are there: listed, shown, served, needed by jobs, deleted, and gone when their time is over."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, update
from sqlmodel import col, select
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.settings import Settings, load_settings
from shared.files.folders import WRITERS_GONE
from shared.jobs.cancel import cancel_one
from shared.jobs.deletion import delete_job
from shared.messaging.messenger import Messenger
from shared.models import Asset, AssetUse, DiscardedFolder, Scope
from tests.api_service.assets.assets import ASSETS, PNG, files, notes, send, stored_bytes, uploaded
from tests.api_service.conftest import bearer, new_key
from tests.api_service.limits.test_limits import limited, with_limits
from tests.api_service.limits.test_limits import refused as limit_refused
from tests.cleaning import cleaned
from tests.jobs import USER, running, submitted


def refused(response: Any, status: int, code: str) -> Any:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    return response.json()


def needed(messenger: Messenger, asset_id: str, job_id: int) -> None:
    with messenger.transaction() as session:
        session.add(AssetUse(asset_id=UUID(asset_id), job_id=job_id))


def uses(messenger: Messenger) -> int:
    with messenger.transaction() as session:
        return session.exec(select(func.count()).select_from(AssetUse)).one()


def run_out(messenger: Messenger, asset_id: str) -> None:
    """Its time ended a second ago."""
    with messenger.transaction() as session:
        ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, 1)
        session.exec(update(Asset).where(col(Asset.id) == UUID(asset_id)).values(expires_at=ago))


def test_a_list_goes_through_all_page_by_page_the_newest_first(client: TestClient) -> None:
    sent = [uploaded(client, bytes([number]) * 10, f"{number}.bin")["id"] for number in range(5)]
    seen, address = [], f"{ASSETS}?limit=2"
    while address:
        page = client.get(address).json()
        seen += [asset["id"] for asset in page["items"]]
        address = page["next"]
    assert seen == sent[::-1]


def test_filters_hold_together(client: TestClient) -> None:
    picture, text = uploaded(client), uploaded(client, b"a text", "a.txt")
    found = {
        query: [asset["id"] for asset in client.get(f"{ASSETS}?{query}").json()["items"]]
        for query in (
            "kind=text",
            "kind=text&kind=image",
            "name=photo.png",
            "name=photo.png&kind=text",
            f"hash={text['hash']}",
            "created_after=2090-01-01T00:00:00Z",
            "created_before=2090-01-01T00:00:00Z",
        )
    }
    assert list(found.values()) == [
        [text["id"]],
        [text["id"], picture["id"]],
        [picture["id"]],
        [],
        [text["id"]],
        [],
        [text["id"], picture["id"]],
    ]
    refused(client.get(f"{ASSETS}?kind=film"), 422, "invalid_query")


def test_a_cursor_belongs_to_its_list(client: TestClient) -> None:
    for number in range(3):
        uploaded(client, bytes([number]) * 10)
    cursor = client.get(f"{ASSETS}?limit=1").json()["cursor"]
    refused(client.get(f"{ASSETS}?limit=1&kind=text&cursor={cursor}"), 422, "invalid_cursor")
    for wrong in ("x", "", cursor[:-1], "A" * 50):
        refused(client.get(f"{ASSETS}?cursor={wrong}"), 422, "invalid_cursor")


def test_anothers_asset_is_as_one_that_is_not_there(client: TestClient, engine: Engine, messenger: Messenger) -> None:
    asset = uploaded(client)
    stranger = bearer(new_key(engine, another=True))
    absent = f"{ASSETS}/{UUID(int=7)}"
    for path in (f"{ASSETS}/{asset['id']}", f"{ASSETS}/{asset['id']}/content"):
        theirs = refused(client.get(path, headers=stranger), 404, "asset_not_found")
        nobodys = client.get(path.replace(f"{ASSETS}/{asset['id']}", absent), headers=stranger).json()
        assert theirs["detail"].replace(asset["id"], "") == nobodys["detail"].replace(str(UUID(int=7)), "")
    refused(client.delete(f"{ASSETS}/{asset['id']}", headers=stranger), 404, "asset_not_found")
    assert client.get(ASSETS, headers=stranger).json()["items"] == []
    refused(client.get(f"{ASSETS}?user_id=all"), 403, "forbidden")
    admin = bearer(new_key(engine, Scope.ADMIN))
    to_an_admin = client.get(f"{ASSETS}/{asset['id']}", headers=admin).json()
    assert to_an_admin["url"] != asset["url"], "it is signed for each key"
    assert {**to_an_admin, "url": asset["url"], "url_expires_at": asset["url_expires_at"]} == asset
    assert [one["id"] for one in client.get(f"{ASSETS}?user_id=all", headers=admin).json()["items"]] == [asset["id"]]


@pytest.mark.parametrize("odd", ["1", "x", "%00", "9" * 5000, str(UUID(int=7)).replace("-", ""), "from-output"])
def test_what_is_no_id_is_no_asset(client: TestClient, odd: str) -> None:
    response = client.get(f"{ASSETS}/{odd}")
    assert response.status_code == (405 if odd == "from-output" else 404)


def test_the_bytes_come_whole_in_part_or_not_again(client: TestClient) -> None:
    asset = uploaded(client)
    whole = client.get(asset["url"])
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, PNG, "image/png")
    assert whole.headers["etag"] == f'"{asset["hash"]}"'
    part = client.get(asset["url"], headers={"Range": "bytes=8-14"})
    assert (part.status_code, part.content) == (206, b"picture")
    assert part.headers["content-range"] == f"bytes 8-14/{len(PNG)}"
    assert client.get(asset["url"], headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    beyond = client.get(asset["url"], headers={"Range": "bytes=999999-"})
    refused(beyond, 416, "range_not_satisfiable")
    head = client.head(asset["url"])
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(PNG)))
    shown = client.head(f"{ASSETS}/{asset['id']}")
    assert (shown.status_code, shown.content) == (200, b"")


def test_a_page_that_is_uploaded_is_never_shown_as_one(client: TestClient) -> None:
    asset = uploaded(client, b"<html><script>alert(1)</script>", "a.html")
    content = client.get(asset["url"])
    assert content.headers["content-type"] == "text/plain; charset=utf-8"
    assert content.headers["x-content-type-options"] == "nosniff"


def test_a_deleted_asset_is_gone_and_its_bytes_with_the_last_name_for_them(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    first, second = uploaded(client), uploaded(client, PNG, "second.png")
    assert client.delete(f"{ASSETS}/{first['id']}").status_code == 204
    refused(client.delete(f"{ASSETS}/{first['id']}"), 404, "asset_not_found")
    assert client.get(second["url"]).content == PNG
    assert stored_bytes(messenger) == len(PNG)
    assert client.delete(f"{ASSETS}/{second['id']}").status_code == 204
    assert (files(settings), stored_bytes(messenger)) == ([], 0)
    assert len(notes(messenger)) == 1, "until nobody can be writing there"
    again = uploaded(client)
    later(messenger)
    cleaned(messenger, settings, "folders")
    assert client.get(again["url"]).content == PNG


def later(messenger: Messenger) -> None:
    """The notes are so old that nobody can be writing into their folders."""
    with messenger.transaction() as session:
        session.exec(update(DiscardedFolder).values(created_at=func.now() - WRITERS_GONE))


def test_an_asset_that_a_job_needs_stays_until_the_job_has_ended(client: TestClient, messenger: Messenger) -> None:
    runs = running(messenger).job.id
    waits = submitted(messenger)
    asset = uploaded(client)
    for job_id in (waits, runs):
        needed(messenger, asset["id"], job_id)
    refused(client.delete(f"{ASSETS}/{asset['id']}"), 409, "asset_in_use")
    with messenger.transaction() as session:
        cancel_one(session, waits)
    refused(client.delete(f"{ASSETS}/{asset['id']}"), 409, "asset_in_use")
    with messenger.transaction() as session:
        cancel_one(session, runs)  # it is cancelling, and has not ended
    refused(client.delete(f"{ASSETS}/{asset['id']}"), 409, "asset_in_use")
    with messenger.transaction() as session:
        delete_job(session, waits, USER)
        session.exec(update(AssetUse).values(job_id=AssetUse.job_id))
    assert uses(messenger) == 1, "the deleted job needs nothing"


def test_what_an_ended_job_needed_is_deleted_with_the_row_that_says_so(
    client: TestClient, messenger: Messenger
) -> None:
    job_id, asset = submitted(messenger), uploaded(client)
    needed(messenger, asset["id"], job_id)
    with messenger.transaction() as session:
        cancel_one(session, job_id)
    assert client.delete(f"{ASSETS}/{asset['id']}").status_code == 204
    assert uses(messenger) == 0


def test_an_asset_whose_time_is_over_is_not_there_and_is_swept(
    client: TestClient, settings: Settings, messenger: Messenger
) -> None:
    gone, stays = uploaded(client, expires_at="2090-01-01T00:00:00Z"), uploaded(client, b"a text")
    assert cleaned(messenger, settings, "expired_assets") == 0
    run_out(messenger, gone["id"])
    refused(client.get(gone["url"]), 404, "asset_not_found")
    assert [asset["id"] for asset in client.get(ASSETS).json()["items"]] == [stays["id"]]
    assert cleaned(messenger, settings, "expired_assets") == 1
    assert stored_bytes(messenger) == len(b"a text")
    later(messenger)
    cleaned(messenger, settings, "folders")
    assert [file.read_bytes() for file in files(settings)] == [b"a text"]


def test_an_expired_asset_that_a_job_needs_is_swept_after_the_job(
    client: TestClient, messenger: Messenger, settings: Settings
) -> None:
    job_id, asset = submitted(messenger), uploaded(client, expires_at="2090-01-01T00:00:00Z")
    needed(messenger, asset["id"], job_id)
    run_out(messenger, asset["id"])
    assert cleaned(messenger, settings, "expired_assets") == 0
    with messenger.transaction() as session:
        cancel_one(session, job_id)
    assert cleaned(messenger, settings, "expired_assets") == 1


def test_an_expired_asset_lives_again_when_its_bytes_are_sent_again(
    client: TestClient, messenger: Messenger, settings: Settings
) -> None:
    asset = uploaded(client, expires_at="2090-01-01T00:00:00Z")
    run_out(messenger, asset["id"])
    assert uploaded(client)["id"] == asset["id"]
    assert cleaned(messenger, settings, "expired_assets") == 0
    assert client.get(asset["url"]).content == PNG


def test_a_usual_lifetime_is_a_setting(environ: dict[str, str], key: str) -> None:
    with TestClient(create_app(load_settings({**environ, "ASSET_LIFETIME": "7d"})), headers=bearer(key)) as client:
        assert uploaded(client)["expires_at"] is not None


def test_assets_count_towards_what_a_user_may_have_stored(
    environ: dict[str, str], key: str, settings: Settings
) -> None:
    with limited(environ, key, stored_bytes=1000) as client:
        uploaded(client, b"x" * 600, "first")
        limit_refused(send(client, b"y" * 500), "stored_bytes", "quota_exceeded")
        assert uploaded(client, b"x" * 600, "renamed"), "no byte more"
        assert len(files(settings)) == 1
        uploaded(client, b"y" * 400)
        limit_refused(send(client, b"z"), "stored_bytes", "quota_exceeded")
        job = {"prompt": "a cat", "checkpoint_model": "sd15"}
        limit_refused(client.post("/api/v1/generation-jobs/", json=job), "stored_bytes", "quota_exceeded")


def test_uploads_have_a_rate(environ: dict[str, str], key: str, engine: Engine) -> None:
    with limited(environ, key, uploads_per_hour=2) as client:
        uploaded(client)
        uploaded(client)
        limit_refused(send(client), "uploads_per_hour")
        own = bearer(with_limits(engine, {"uploads_per_hour": None}))
        assert client.post(ASSETS, files={"file": ("a", PNG)}, headers=own).status_code == 200
