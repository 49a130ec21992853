"""What the official openai package makes of refusals, of jobs that come to nothing, and of waits that end."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import openai as package
import pytest
from openai import OpenAI
from sqlmodel import func, select

from shared.models import GenerationJob
from tests.api_service.conftest import new_key
from tests.api_service.serving import Served, served_here
from tests.worker_service.deployment import Deployment
from tests.worker_service.openai.test_pictures import SMALL, noise, png, shown
from tests.worker_service.running_worker import RunningWorker
from tests.worker_service.waiting import until

pytestmark = [pytest.mark.system, pytest.mark.landing]

AT_ONCE = {"Prefer": "wait=0"}


def jobs_made(deployment: Deployment) -> int:
    with deployment.messenger.transaction() as session:
        return session.exec(select(func.count()).select_from(GenerationJob)).one()


def test_an_unknown_key_raises_authentication_error(api: Served) -> None:
    with pytest.raises(package.AuthenticationError) as refused:
        OpenAI(api_key="gn_nobody_0").models.list()
    assert refused.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"size": "63x64"}, "size", "value_error"),
        ({"size": "large"}, "size", "value_error"),
        ({"n": 9}, "n", "less_than_equal"),
        ({"prompt": ""}, "prompt", "string_too_short"),
        ({"background": "transparent"}, "background", "not_supported"),
        ({"output_format": "webp"}, "output_format", "not_supported"),
        ({"extra_body": {"sampler": "none_such"}}, "sampler", "unknown_sampler"),
        ({"extra_body": {"sampler_name": "euler"}}, "sampler_name", "unknown_parameter"),
        ({"extra_body": {"complexity": "high"}}, "complexity", "not_supported"),
    ],
)
def test_a_wrong_field_raises_bad_request_error(
    openai: OpenAI, known_models: list[str], changes: dict[str, Any], param: str, code: str
) -> None:
    for ask in (openai.images.generate, lambda **asked: openai.images.edit(**asked, image=png(noise((64, 64))))):
        with pytest.raises(package.BadRequestError) as refused:
            ask(**SMALL | changes)
        assert (refused.value.param, refused.value.code) == (param, code)
        assert param in refused.value.message


def test_a_file_that_is_no_picture_or_one_too_many_raises_bad_request_error(openai: OpenAI) -> None:
    with pytest.raises(package.BadRequestError, match="must be a picture"):
        openai.images.edit(**SMALL, image=b"text")
    with pytest.raises(package.BadRequestError, match="one file is taken"):
        openai.images.edit(**SMALL, image=[png(noise((64, 64)))] * 2)


def test_a_checkpoint_that_no_server_has_raises_not_found_error(openai: OpenAI, known_models: list[str]) -> None:
    for ask in (
        lambda: openai.images.generate(prompt="a cat", model="gpt-image-2"),
        lambda: openai.models.retrieve("a/gpt-image-2"),
    ):
        with pytest.raises(package.NotFoundError) as refused:
            ask()
        assert (refused.value.param, refused.value.code) == ("model", "model_not_found")
    with pytest.raises(package.BadRequestError, match="must be given"):
        openai.images.generate(prompt="a cat")


def test_a_key_that_asks_too_often_raises_rate_limit_error(deployment: Deployment) -> None:
    environ = {**deployment.environ, "LIMIT_SUBMISSIONS_PER_HOUR": "2"}
    key = new_key(deployment.messenger.engine)
    with (
        served_here(environ, key) as api,
        OpenAI(api_key=key, base_url=f"http://{api.address}/v1", max_retries=0) as client,
    ):
        for _ in range(2):
            with pytest.raises(package.InternalServerError):
                client.images.generate(**SMALL, extra_headers=AT_ONCE)
        with pytest.raises(package.RateLimitError) as refused:
            client.images.generate(**SMALL, extra_headers=AT_ONCE)
    assert refused.value.code == "rate_limit_exceeded"
    assert int(refused.value.response.headers["retry-after"]) > 0


def test_a_job_that_fails_is_said_to_and_not_made_again(
    openai: OpenAI, worker: RunningWorker, deployment: Deployment
) -> None:
    deployment.comfyui.fault("node_error")
    with pytest.raises(package.InternalServerError) as failed:
        openai.images.generate(**SMALL)
    assert failed.value.code == "image_generation_failed"
    assert "node_failed" in failed.value.message
    deployment.comfyui.fault("node_error")
    with pytest.raises(package.APIError, match="node_failed"):
        list(openai.images.generate(**SMALL, stream=True))
    assert jobs_made(deployment) == 2


def test_a_wait_that_ends_says_which_job_goes_on_and_makes_no_other(openai: OpenAI, deployment: Deployment) -> None:
    for streams in (False, True):
        with pytest.raises(package.APIError) as ended:
            list(openai.images.generate(**SMALL, stream=streams, extra_headers=AT_ONCE))
        body: Any = ended.value.body
        assert body["code"] == "job_not_finished"
        assert deployment.job(body["job_id"]).prompt == "a lighthouse"
    assert jobs_made(deployment) == 2


def test_the_same_request_with_the_same_key_gets_the_picture_of_the_same_job(
    openai: OpenAI, deployment: Deployment
) -> None:
    own = {"Idempotency-Key": "cat-1"}
    with pytest.raises(package.InternalServerError) as ended:
        openai.with_options(max_retries=0).images.generate(**SMALL, extra_headers={**AT_ONCE, **own})
    with deployment.worker():
        made: Any = openai.images.generate(**SMALL, extra_headers=own)
        assert shown(made.data[0]).size == (64, 64)
        again: Any = openai.images.generate(**SMALL, response_format="url", extra_headers=own)
    body: Any = ended.value.body
    assert body["job_id"] == made.job_id == again.job_id
    with pytest.raises(package.BadRequestError, match="was used before"):
        openai.images.generate(**SMALL | {"prompt": "a dog"}, extra_headers=own)


def test_a_cancelled_job_is_said_to_be(openai: OpenAI, deployment: Deployment) -> None:
    own = {"Idempotency-Key": "cat-1"}
    with pytest.raises(package.InternalServerError) as ended:
        openai.with_options(max_retries=0).images.generate(**SMALL, extra_headers={**AT_ONCE, **own})
    body: Any = ended.value.body
    deployment.cancel(body["job_id"])
    with pytest.raises(package.ConflictError) as cancelled:
        openai.images.generate(**SMALL, extra_headers=own)
    assert cancelled.value.code == "job_cancelled"


def test_an_api_that_is_killed_costs_a_client_with_a_key_nothing(api_process: Served, deployment: Deployment) -> None:
    """It connects again, and waits for the same job."""
    with OpenAI(max_retries=8) as client, ThreadPoolExecutor() as pool:
        asked = pool.submit(lambda: client.images.generate(**SMALL, extra_headers={"Idempotency-Key": "cat-1"}))
        until(lambda: jobs_made(deployment))
        api_process.restart()
        with deployment.worker():
            until(asked_again(asked, deployment))
            made = asked.result(timeout=60)
    assert made.data
    assert shown(made.data[0]).size == (64, 64)
    assert jobs_made(deployment) == 1


def asked_again(asked: Future[Any], deployment: Deployment) -> Callable[[], bool]:
    """Whether the answer has come. An API that is killed right after its commit has woken nobody: what the scheduler
    does for such a job is done here."""

    def answered() -> bool:
        deployment.wakeups.send_missing()
        return asked.done()

    return answered
