"""What holds answers to a document finds those that are not as promised."""

from typing import Any

import httpx
import pytest
from jsonschema import ValidationError  # type: ignore[import-untyped]

from api_service.doors.comfy_v2.assets.views import AssetView
from api_service.doors.comfy_v2.examples import EXAMPLES
from api_service.doors.comfy_v2.routes import OPERATIONS, document
from tests.api_service.comfy_v2.documents import Document, without_nullable

OF_THE_CONTRACT = {
    *("postAssets", "assetFromHash", "headAssetByHash", "getAsset", "deleteAsset", "getAssetContent"),
    *("postJobs", "getJob", "getJobWorkflow", "getJobEvents", "cancelJob", "listJobs"),
}
ASSET = EXAMPLES[AssetView]["shown"]


def answer(status: int, body: Any, path: str = "/api/v2/assets/x") -> httpx.Response:
    return httpx.Response(status, json=body, request=httpx.Request("GET", f"http://host{path}"))


def test_every_operation_of_the_contract_is_there() -> None:
    assert {operation.name for operation in OPERATIONS} == OF_THE_CONTRACT


def test_an_answer_as_promised_is_told_from_others() -> None:
    ours = Document(document())
    assert ours.hold_answer(answer(200, ASSET))
    assert not ours.hold_answer(answer(202, ASSET))
    assert not ours.hold_answer(answer(200, ASSET, "/api/v2/nothing"))
    for wrong in ({**ASSET, "size_bytes": "many"}, {name: ASSET[name] for name in ASSET.keys() - {"url"}}):
        with pytest.raises(ValidationError):
            ours.hold_answer(answer(200, wrong))


def test_what_may_be_null_may_be_its_type_or_null() -> None:
    held = Document(without_nullable({"components": {}, "paths": {}}))
    schema = without_nullable({"type": "object", "properties": {"a": {"type": "string", "nullable": True}}})
    for value in ("text", None):
        held.hold({"a": value}, schema)
    with pytest.raises(ValidationError):
        held.hold({"a": 5}, schema)
