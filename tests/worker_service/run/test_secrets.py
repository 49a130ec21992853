"""Keys for API nodes reach the node that asks for them, and nothing of them is left or told."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api_service.main import create_app
from shared.configuration.logging import QUIET
from shared.configuration.secrets.vault import Vault, new_key
from shared.jobs.errors import NodeFailed, SecretsUnreadable, WorkflowRejected
from shared.models import FINAL, JobStatus, Outcome
from tests import jobs
from tests.api_service.conftest import bearer
from tests.api_service.conftest import new_key as new_api_key
from tests.simulator.running import BOTH_AT_LENGTH
from tests.traces import files_with, keys_with, tables_with
from tests.worker_service.deployment import Deployment
from tests.worker_service.listener import Listener
from tests.worker_service.waiting import until
from worker_service.run.outcome import Failed
from worker_service.run.secrets import masked, masked_error, without_secrets

URL = "/api/v1/generation-jobs/"
SECRET, TOKEN = "comfyui-0123456789-hunter2", "eyJhbGciOiJIUzI1NiJ9.hunter2_-~+/=="
SENT = {"api_key_comfy_org": SECRET, "auth_token_comfy_org": TOKEN}
PARTS = ("hunter2", "0123456789", "hbGciOiJIUzI1NiJ9")  # of them, none of which may be found
FAILED = JobStatus.FAILED


@pytest.fixture
def environ(environ: dict[str, str], key_file: Path) -> dict[str, str]:
    return {**environ, "SECRETS_KEY_FILE": str(key_file)}


@pytest.fixture
def client(deployment: Deployment) -> Iterator[TestClient]:
    key = new_api_key(deployment.messenger.engine)
    with TestClient(create_app(deployment.settings), headers=bearer(key)) as client:
        yield client


def submit(client: TestClient, how: str, *others: str, **values: Any) -> int:
    """Send a job whose node is given the secrets."""
    workflow = {
        str(number): {"class_type": "SimulatedKey", "inputs": {"how": one}} for number, one in enumerate((how, *others))
    }
    answer = client.post(URL, json={"workflow": workflow, "extra_data": SENT, **values})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


class Traces:
    """Looks for secrets in everything that a deployment has written, said and told."""

    def __init__(self, deployment: Deployment, client: TestClient, listener: Listener) -> None:
        self.deployment, self.client, self.listener = deployment, client, listener

    def none_of(self, job_id: int, logs: str) -> None:
        messenger, namespace = self.deployment.messenger, self.deployment.settings.redis_ns
        events = str(self.listener.until_final(job_id))
        told = "".join(self.client.get(f"{URL}{job_id}{part}").text for part in ("", "/events"))
        for part in PARTS:
            assert tables_with(messenger.engine, part) == []
            assert keys_with(messenger.client, namespace, part) == []
            assert files_with(self.deployment.folder, part) == []
            assert part not in events + told + logs
        assert jobs.job(messenger, job_id).secrets is None
        assert tables_with(messenger.engine, "gAAAAA") == []


@pytest.fixture
def traces(deployment: Deployment, client: TestClient, listener: Listener) -> Traces:
    return Traces(deployment, client, listener)


@pytest.fixture
def logs(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Any:
    """All that is logged, by our code and by the libraries: as little of some as in a service."""
    caplog.set_level(logging.DEBUG)

    def said(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING or record.name.split(".")[0] not in QUIET

    return lambda: "".join(capfd.readouterr()) + "".join(one.getMessage() for one in filter(said, caplog.records))


@BOTH_AT_LENGTH
@pytest.mark.usefixtures("protocol")
def test_the_node_is_given_them_and_nobody_else_is(
    deployment: Deployment, client: TestClient, traces: Traces, logs: Any
) -> None:
    with deployment.worker():
        job_id = submit(client, "check")
        deployment.ended(job_id)
    lengths = client.get(f"{URL}{job_id}/outputs/0").text
    assert lengths == f"{len(SECRET)} {len(TOKEN)}"
    traces.none_of(job_id, logs())
    prompt_id = deployment.job(job_id).comfyui_prompt_id
    assert prompt_id is not None
    until(lambda: deployment.comfyui.http.get(f"/history/{prompt_id}").json() == {})


@BOTH_AT_LENGTH
@pytest.mark.usefixtures("protocol")
def test_a_node_that_puts_them_into_its_error_tells_them_to_nobody(
    deployment: Deployment, client: TestClient, traces: Traces, logs: Any
) -> None:
    with deployment.worker():
        job_id = submit(client, "raise")
        job = deployment.ended(job_id, FAILED)
    assert (job.error_code, job.error_message) == ("node_failed", "node 0 (SimulatedKey) failed: bad key: *** ***!")
    traces.none_of(job_id, logs())


@BOTH_AT_LENGTH
@pytest.mark.usefixtures("protocol")
def test_a_warning_does_not_tell_them_either(
    deployment: Deployment, client: TestClient, traces: Traces, logs: Any
) -> None:
    with deployment.worker():
        job_id = submit(client, "check", "name", max_attempts=2)
        job = deployment.ended(job_id)
    (warning,) = job.warnings
    assert warning["code"] == "output_missing"
    assert warning["filename"].startswith("***")
    traces.none_of(job_id, logs())


def test_a_job_that_is_tried_again_still_has_them(deployment: Deployment, client: TestClient) -> None:
    deployment.comfyui.fault("forget_history", when="written")
    with deployment.worker():
        job_id = submit(client, "check")
        deployment.ended(job_id)
    assert deployment.outcomes(job_id) == [Outcome.RETRIED, Outcome.COMPLETED]
    assert client.get(f"{URL}{job_id}/outputs/0").text == f"{len(SECRET)} {len(TOKEN)}"


def test_a_job_that_waited_is_sent_with_them_after_the_key_was_replaced(
    deployment: Deployment, client: TestClient, key_file: Path
) -> None:
    job_id = submit(client, "check")
    key_file.write_text(f"{new_key()}\n{key_file.read_text()}\n")
    with deployment.worker():
        deployment.ended(job_id)
        deployment.ended(submit(client, "check"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the file of SECRETS_KEY_FILE cannot be read: No such file or directory"),
        ("hunter3", "the file of SECRETS_KEY_FILE does not hold 1 to 20 keys"),
        (new_key(), "no key in the file of SECRETS_KEY_FILE is the one that they were encrypted with"),
    ],
    ids=["none", "no key", "another"],
)
@BOTH_AT_LENGTH
@pytest.mark.usefixtures("protocol")
def test_a_worker_that_cannot_decrypt_them_fails_the_job_and_blames_no_server(
    deployment: Deployment,
    client: TestClient,
    traces: Traces,
    logs: Any,
    tmp_path: Path,
    content: str | None,
    reason: str,
) -> None:
    job_id, other = submit(client, "check"), tmp_path / "other"
    if content is not None:
        other.write_text(content)
    with deployment.worker(SECRETS_KEY_FILE=str(other)):
        job = deployment.ended(job_id, FAILED)
        deployment.ended(deployment.submit())
    assert job.error_code == "secrets_unreadable"
    assert reason in (job.error_message or "")
    assert str(tmp_path) not in (job.error_message or "")
    assert deployment.outcomes(job_id) == [Outcome.FAILED]
    assert deployment.times_started(job.comfyui_prompt_id or "") == 0, "it was not sent"
    server = deployment.server()
    assert (server.opened_at, server.unreachable_since, server.wedged_since) == (None, None, None)
    traces.none_of(job_id, logs())


def test_a_worker_without_the_setting_says_so(deployment: Deployment, client: TestClient) -> None:
    job_id = submit(client, "check")
    with deployment.worker(SECRETS_KEY_FILE=""):
        job = deployment.ended(job_id, FAILED)
    assert job.error_message == (
        "the worker cannot decrypt the secrets that were sent with the job: SECRETS_KEY_FILE is not set"
    )


def test_a_worker_that_goes_on_with_anothers_prompt_tells_no_words_that_it_cannot_check(
    deployment: Deployment, client: TestClient, traces: Traces, logs: Any
) -> None:
    with deployment.worker():  # so that the dead one finds its server known
        pass
    job_id = submit(client, "raise")
    deployment.leave_behind(job_id, sent=True)
    with deployment.worker(SECRETS_KEY_FILE=""):
        job = deployment.ended(job_id, FAILED)
    assert job.error_code == "node_failed"
    assert "may hold secrets of the job" in (job.error_message or "")
    traces.none_of(job_id, logs())


def test_a_cancelled_job_leaves_none(deployment: Deployment, client: TestClient, traces: Traces, logs: Any) -> None:
    job_id = submit(client, "check", delay_seconds=600)
    deployment.cancel(job_id)
    assert deployment.job(job_id).status in FINAL
    traces.none_of(job_id, logs())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"before {SECRET} after", "before *** after"),
        (f"{SECRET}{SECRET}", "******"),
        (f"key={SECRET}&token={TOKEN}", "key=***&token=***"),
        (f'{{"key": "{SECRET}"}}', '{"key": "***"}'),
        (f"cut short: {SECRET[:17]}", "cut short: ***"),
        (f"cut short: {SECRET[:14]}... (9 more characters)", "cut short: *** (9 more characters)"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_a_secret_is_masked_wherever_it_stands_and_though_it_was_cut(text: str, shown: str) -> None:
    secrets = (SECRET, TOKEN)
    assert masked(text, secrets) == shown
    assert masked({text: [text, 5, None, {"x": text}]}, secrets) == {shown: [shown, 5, None, {"x": shown}]}


def test_an_error_keeps_its_kind_and_its_code() -> None:
    node_errors = [{"node_id": "1", "message": f"no {TOKEN}"}]
    error = masked_error(WorkflowRejected(f"no {SECRET}", node_errors), (SECRET, TOKEN))
    assert (type(error), str(error)) == (WorkflowRejected, "no ***")
    assert error.details == {"node_errors": [{"node_id": "1", "message": "no ***"}]}


def test_a_job_without_secrets_keeps_its_words() -> None:
    error = Failed(NodeFailed("1", "X", "ValueError", "no"))
    assert without_secrets(error, jobs.new_job(), Vault()) is error
    unread = Failed(SecretsUnreadable("x"))
    assert without_secrets(unread, jobs.new_job(secrets="x"), Vault()) is unread
