"""The table of the contract's facts knows an answer from what is only like one, and is what we and the contract say."""

import json
from typing import Any

import pytest

from api_service.doors.comfy_v2.assets.views import AssetView
from api_service.doors.comfy_v2.examples import EXAMPLES
from api_service.doors.comfy_v2.names.codes import ComfyCode
from api_service.doors.comfy_v2.routes import OPERATIONS
from tests.api_service.comfy_v2.contract import CONTRACT
from tests.api_service.comfy_v2.facts import CODES, FACTS, FIELDS, OUR_CODES, Unlike, hold

ASSET = EXAMPLES[AssetView]["shown"]
REFUSAL = {"error": {"code": "not_found", "message": "no", "details": None}}
# What the table calls otherwise, or has beside the contract's document.
NAMES = {"Workflow": "JobWorkflowResponse", "Envelope": "ErrorEnvelope", "status": "StatusEvent"}
BESIDE = {"Jobs", "ListedJob", "Error", "preview"}


def answer(status: int, body: Any, path: str = "/api/v2/assets/x", method: str = "GET") -> None:
    hold(method, path, status, {}, json.dumps(body).encode())


def test_an_answer_as_the_contract_has_it_is_told_from_others() -> None:
    answer(200, ASSET)
    answer(404, REFUSAL)
    wrong: list[tuple[int, Any]] = [
        (202, ASSET),
        (418, REFUSAL),
        (429, {"error": {"code": "rate_limited", "message": "no"}}),
        (404, {"error": {"code": "gone", "message": "no"}}),
        (404, {"error": {"code": "not_found"}}),
        (404, []),
        (200, {**ASSET, "size_bytes": "many"}),
        (200, {**ASSET, "size_bytes": True}),
        (200, {**ASSET, "created_at": "2026-01-01T00:00:00"}),
        (200, {**ASSET, "url": "/api/v2/assets/x/content"}),
        (200, {**ASSET, "id": None}),
        (200, {name: ASSET[name] for name in ASSET.keys() - {"url"}}),
    ]
    for status, body in wrong:
        with pytest.raises(Unlike):
            answer(status, body)
    with pytest.raises(Unlike):
        answer(200, ASSET, "/api/v2/nothing")


@pytest.mark.parametrize(
    "text",
    [
        'event: end\ndata: {"status": "queued"}\n\n',
        'id: 5\nevent: status\ndata: {"status": "queued"}\n\n',
        'event: status\ndata: {"status": "done"}\n\n',
    ],
)
def test_an_event_that_the_contract_has_not_is_found(text: str) -> None:
    hold("GET", "/api/v2/jobs/x/events", 200, {}, b': still\n\nevent: status\ndata: {"status": "queued"}\n\n')
    with pytest.raises(Unlike):
        hold("GET", "/api/v2/jobs/x/events", 200, {}, text.encode())


def test_the_table_has_our_operations_and_our_codes() -> None:
    assert {one.name for one in FACTS} == {operation.name for operation in OPERATIONS}
    assert set().union(*CODES.values(), *OUR_CODES.values()) == set(ComfyCode)


def test_the_table_says_what_the_contract_says() -> None:
    if CONTRACT is None:
        pytest.skip("COMFY_CONTRACT names no file")
    for fact in FACTS:
        found = [
            responses
            for (pattern, method), responses in CONTRACT.operations
            if method == fact.method and pattern.pattern == fact.path
        ]
        if fact.name != "listJobs":
            (responses,) = found
            statuses = {str(status) for status in (*fact.good, *fact.refusals)}
            # What only a cloud answers with.
            assert statuses == responses.keys() - {"402", "302"}, fact.name
    for form, fields in FIELDS.items():
        if form not in BESIDE:
            schema = CONTRACT.components["components"]["schemas"][NAMES.get(form, form)]
            assert {name.rstrip("?") for name in fields if not name.startswith("+")} == set(schema["required"]), form
