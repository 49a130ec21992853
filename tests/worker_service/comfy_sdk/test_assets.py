"""Files by the official Comfy SDK: sent once, found again by their bytes, read back and deleted."""

from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from comfy_sdk import AsyncComfy, Comfy
from comfy_sdk.exceptions import Forbidden, NotFound

from shared.models import Asset, Scope
from tests.api_service.conftest import new_key
from tests.api_service.serving import Served
from tests.worker_service.deployment import Deployment

pytestmark = [pytest.mark.system, pytest.mark.landing]

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 20_000


def bytes_at(url: str, key: str) -> bytes:
    with urlopen(Request(url, headers={"Authorization": f"Bearer {key}"}), timeout=10) as answer:
        return bytes(answer.read())


def test_a_file_is_sent_once_and_found_again_by_its_bytes(
    comfy: Comfy, api: Served, deployment: Deployment, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(PNG)
    first = comfy.assets.from_file(tmp_path / "photo.png")
    assert first.commit() == first.commit()
    assert (first.created_new, first.file_path, first.job_id, first.expires_at) == (True, "photo.png", None, None)
    with Comfy() as another:
        again = another.assets.from_bytes(PNG, filename="photo.png", content_type="image/png")
        assert again.as_reference() == first.as_reference()
        renamed = another.assets.from_stream(BytesIO(PNG), filename="other.png")
        assert renamed.commit() != first.id
        assert (again.created_new, renamed.created_new) == (False, False)
    with deployment.messenger.transaction() as session:
        paths = {session.get_one(Asset, asset.id).path for asset in (first, again, renamed)}
    assert len(paths) == 1
    assert bytes_at(first.get_download_url().url, api.key) == PNG


def test_an_asset_is_found_by_its_id_and_deleted(comfy: Comfy) -> None:
    made = comfy.assets.from_bytes(PNG, filename="photo.png")
    asset_id = made.commit()
    found = comfy.assets.get(asset_id)
    assert (found.id, found.hash, found.file_path) == (made.id, made.hash, "photo.png")
    found.delete()
    for gone in (lambda: comfy.assets.get(asset_id), lambda: comfy.assets.delete(asset_id)):
        with pytest.raises(NotFound):
            gone()
    again = comfy.assets.from_bytes(PNG, filename="photo.png")
    assert again.commit() != asset_id
    assert again.created_new


def test_a_key_that_only_reads_may_not_send(api: Served, deployment: Deployment) -> None:
    with Comfy(api_key=new_key(deployment.messenger.engine, Scope.READ)) as only_reads, pytest.raises(Forbidden):
        only_reads.assets.from_bytes(PNG).commit()


def test_the_asynchronous_client_does_the_same(told: Any) -> None:
    async def story(comfy: AsyncComfy) -> None:
        made = comfy.assets.from_bytes(PNG, filename="photo.png")
        again = comfy.assets.from_bytes(PNG, filename="photo.png")
        assert await made.as_reference() == await again.as_reference()
        assert (made.created_new, again.created_new) == (True, False)
        found = await comfy.assets.get(str(made.id))
        assert found.hash == made.hash
        await found.delete()
        with pytest.raises(NotFound):
            await comfy.assets.get(str(made.id))

    told(story)
