"""What the document promises is what is answered, whatever is sent: with a key of each kind, and with none.

Schemathesis sends examples, boundary values, random valid and invalid requests, and walks from one answer to the next.
It waits for the end of each answer, so the one that goes on while a job does is left to the tests of streams.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.messaging.messenger import Messenger
from shared.models import Scope
from tests.api_service.conftest import new_key
from tests.api_service.serving import served
from tests.jobs import output, running, submitted

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"),
    *("response_headers_conformance", "unsupported_method", "allow_header_conformance", "use_after_free"),
)
# Each with the operation that goes on while a job does.
OURS, COMFY_V2 = "/openapi.json", "/api/v2/openapi.json"
DOCUMENTS = {OURS: "followJob", COMFY_V2: "getJobEvents"}
KINDS = {
    "user": (Scope.READ, Scope.WRITE),
    "reader": (Scope.READ,),
    "admin": (Scope.ADMIN,),
    "nobody": (),
}

# The doors know their callers by the same code.
ASKED = [*((kind, OURS) for kind in KINDS), ("user", COMFY_V2), ("nobody", COMFY_V2)]


@pytest.mark.system
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "document"), ASKED)
def test_every_answer_is_one_that_the_document_promises(
    kind: str, document: str, environ: dict[str, str], engine: Engine, messenger: Messenger, tmp_path: Path
) -> None:
    submitted(messenger)
    output(running(messenger))
    key = new_key(engine, *KINDS[kind]) if KINDS[kind] else "gn_nobody_0"
    with served({**environ, "LIMIT_REQUESTS_PER_MINUTE": "none"}, key, tmp_path) as api:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"http://{api.address}{document}"),
                *("--header", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS)),
                *("--max-examples", "8", "--seed", "1", "--suppress-health-check", "all", "--no-color"),
                *("--exclude-operation-id", DOCUMENTS[document], "--request-timeout", "70"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-3_000:]
