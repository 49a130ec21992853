"""What the document promises is what is answered, whatever is sent: with a key of each kind, and with none.

Schemathesis sends examples, boundary values, random valid and invalid requests, and walks from one answer to the next.
It waits for the end of each answer, so those that go on are left to the tests of streams. Where COMFY_CONTRACT
names the contract of the Comfy API, that is a document as well.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]
from sqlalchemy import Engine

from shared.jobs import lifecycle
from shared.messaging.messenger import Messenger
from shared.models import Scope
from shared.workflows.opaque_names import job_name, output_name
from tests.api_service.comfy_v2.contract import CONTRACT_FILE
from tests.api_service.comfy_v2.facts import OURS
from tests.api_service.conftest import bearer, new_key
from tests.api_service.serving import served
from tests.jobs import output, running, submitted
from tests.simulator.graphs import txt2img

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"),
    *("response_headers_conformance", "unsupported_method", "allow_header_conformance", "use_after_free"),
)
V1, COMFY_V2, OPENAI = "/openapi.json", "/api/v2/openapi.json", "/v1/openapi.json"
V2_EVENTS = ("--exclude-operation-id", "getJobEvents")
DOCUMENTS = {
    # Without the operations that go on while a job does, or for ever; and pictures are not waited for.
    V1: ("--exclude-operation-id-regex", "^(followJob|followNotifications|followTasks?)$"),
    COMFY_V2: V2_EVENTS,
    OPENAI: ("--header", "Prefer: wait=0", "--exclude-checks", "not_a_server_error"),  # 504 says that they come
}
KINDS = {
    "user": (Scope.READ, Scope.WRITE),
    "reader": (Scope.READ,),
    "admin": (Scope.ADMIN,),
    "nobody": (),
    "everybody": tuple(Scope),
}
FEW_EXAMPLES = ("--max-examples", "4")
WITHOUT_BOUNDARIES = ("--phases", "examples,fuzzing,stateful")  # of each parameter: test_extremes.py has them
ALL_EXAMPLES = ("--max-examples", "16")
EIGHT = ("--max-examples", "8")

# What others are refused is in test_access.py, and each refusal is written by the same code.
ASKED = [
    pytest.param("everybody", V1, (*FEW_EXAMPLES, *WITHOUT_BOUNDARIES), marks=pytest.mark.landing),
    pytest.param("user", COMFY_V2, FEW_EXAMPLES, marks=pytest.mark.landing),
    pytest.param("user", OPENAI, FEW_EXAMPLES, marks=pytest.mark.landing),
    *(pytest.param(kind, V1, ALL_EXAMPLES, marks=pytest.mark.long) for kind in KINDS),
    *(pytest.param(kind, COMFY_V2, ALL_EXAMPLES, marks=pytest.mark.long) for kind in ("user", "nobody")),
    pytest.param("user", OPENAI, ALL_EXAMPLES, marks=pytest.mark.long),
]


@pytest.mark.system
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "document", "examples"), ASKED)
def test_every_answer_is_one_that_the_document_promises(
    kind: str, document: str, examples: tuple[str, ...], environ: dict[str, str], messenger: Messenger, tmp_path: Path
) -> None:
    submitted(messenger)
    output(running(messenger))
    key = new_key(messenger.engine, *KINDS[kind]) if KINDS[kind] else "gn_nobody_0"
    with served({**environ, "LIMIT_REQUESTS_PER_MINUTE": "none"}, key, tmp_path) as api:
        assert_kept(f"http://{api.address}{document}", key, tmp_path, *DOCUMENTS[document], *examples)
    assert "request.failed" not in (tmp_path / "api.log").read_text()


@pytest.mark.system
@pytest.mark.timeout(600)
@pytest.mark.skipif(CONTRACT_FILE is None, reason="COMFY_CONTRACT names no file")
@pytest.mark.parametrize("kind", ["user", "nobody"])
def test_every_answer_is_one_that_the_contract_has(
    kind: str, environ: dict[str, str], engine: Engine, messenger: Messenger, tmp_path: Path
) -> None:
    claim = running(messenger)
    with messenger.transaction() as session:
        lifecycle.complete(session, claim.lease, [output(claim)])
    key = new_key(engine, *KINDS[kind]) if KINDS[kind] else "gn_nobody_0"
    with served({**environ, "LIMIT_REQUESTS_PER_MINUTE": "none"}, key, tmp_path) as api:
        there = things(claim.job.id, f"http://{api.address}", new_key(engine))
        contract = with_what_is_ours(yaml.safe_load(Path(str(CONTRACT_FILE)).read_text()), there)
        (tmp_path / "contract.json").write_text(json.dumps(contract))
        assert_kept("contract.json", key, tmp_path, *V2_EVENTS, *EIGHT, "--url", f"http://{api.address}")


def things(job_id: int, url: str, key: str) -> dict[str, list[str]]:
    """What there is to be asked for, by the parameters of the contract, and what there is not."""
    asset = httpx.post(
        f"{url}/api/v2/assets",
        files={"file": ("a.png", b"content")},
        data={"content_type": "image/png", "file_path": "a.png"},
        headers=bearer(key),
    ).json()
    return {
        "JobId": [job_name(job_id), "job_aaaaaaaa"],
        "AssetId": [asset["id"], output_name(job_id, 0), "out_aaaaaaaaaaaaaaaa"],
        "BlakeHash": [asset["hash"], f"blake3:{'0' * 64}"],
    }


def with_what_is_ours(contract: dict[str, Any], there: dict[str, list[str]]) -> dict[str, Any]:
    """The contract with what is newer, with things that are there, and with the statuses that any operation may have
    here beside its own."""
    components, jobs = contract["components"], contract["paths"]["/api/v2/jobs"]
    envelope = {"description": "", **components["responses"]["NotFound"]}
    for name, values in there.items():
        components["parameters"][name] |= {"schema": {"type": "string", "enum": values}, "example": values[0]}
    jobs["get"] = {"operationId": "listJobs", "responses": {"200": {"description": ""}, "401": envelope}}
    workflow = jobs["post"]["requestBody"]["content"]["application/json"]
    workflow["example"] = {"workflow": txt2img()}
    for status in ("200", "206"):  # a file has the type that its bytes show, so that browsers can show it
        contract["paths"]["/api/v2/assets/{id}/content"]["get"]["responses"][status]["content"] = {"*/*": {}}
    for methods in contract["paths"].values():
        for method, operation in methods.items():
            refused = {"description": ""} if method == "head" else envelope
            operation["responses"] = {**{str(status): refused for status in OURS}, **operation["responses"]}
    return contract


def assert_kept(location: str, key: str, folder: Path, *options: str) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", location, *options),
            *("--header", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS)),
            *("--seed", "1", "--suppress-health-check", "all", "--no-color"),
            *("--request-timeout", "70"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-3_000:]
